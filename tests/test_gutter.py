"""gutter: the text beside it is YAML that equals the values, and each origin leads to the line that holds the leaf."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given

from builders import REPOSITORY, fragment, node, opened, safe_load, typed
from compiler import gutter
from compiler.emitter import scalar_text
from compiler.pipeline import Workspace
from compiler.values import Node, Origin, canonical, leaves, node_of, plain
from documents import KEYS, VALUES

_PLACE = re.compile(r"(\S+):(\d+):(\d+)(?= |$)")


def apart(lines: list[str]) -> tuple[list[str], list[str]]:
    """Part lines into the gutter and the text beside it."""
    width = max((found.end() for line in lines if (found := _PLACE.match(line))), default=0)
    if not width:
        return [""] * len(lines), lines
    assert all(line[width : width + 2].strip() == "" for line in lines)
    return [line[:width].strip() for line in lines], [line[width + 2 :] for line in lines]


def read_back(values: Node) -> Any:
    """Give what the text beside the gutter loads to."""
    return safe_load("\n".join(apart(gutter.lines(values))[1]) + "\n")


def origins(values: Node) -> list[str]:
    """Give the gutter's origins, top down."""
    return [origin for origin in apart(gutter.lines(values))[0] if origin]


def shipped() -> list[Any]:
    """Give every shipped preset and mix."""
    workspace = opened()
    return [pytest.param(workspace, source, id=workspace.layout.name_of(source)) for source in workspace.everything()]


@pytest.mark.parametrize(("workspace", "source"), shipped())
def test_the_origins_of_a_shipped_preset_lead_to_its_lines(workspace: Workspace, source: str) -> None:
    """Each leaf and each item of a list has its origin, in order; the line there holds its key or its text."""
    values = workspace.resolve(source).values
    assert typed(read_back(values)) == typed(plain(values))
    found = list(leaves(values))
    rows = list(zip(*apart(gutter.lines(values)), strict=True))
    at_leaves = [(origin, text) for origin, text in rows if origin and not text.endswith(":")]
    assert [origin for origin, _ in at_leaves] == [str(leaf.origin) for _, leaf in found]
    for (origin, text), (path, leaf) in zip(at_leaves, found, strict=True):
        file, line, column = origin.rsplit(":", 2)
        written = (REPOSITORY / file).read_text().splitlines()[int(line) - 1][int(column) - 1 :]
        if isinstance(path[-1], str):
            assert written.startswith((f"{path[-1]}:", f'"{path[-1]}"')), origin
            assert text.removeprefix("- ").strip().startswith((path[-1], "- ")), text
        else:
            read: Any = safe_load(re.split(r"[,\]] ?|$", written.removeprefix("- "))[0])
            assert read == leaf.value or str(leaf.value)[:8] in written, origin
        assert text.endswith(scalar_text(leaf.value).decode())


SHAPES: list[tuple[str, list[str]]] = [
    ("{a: 1}", ["f.yaml:1:5 a: 1"]),
    ("{a: [1, 2]}", ["a:", "f.yaml:1:9   - 1", "f.yaml:1:12   - 2"]),
    ("{a: [[1, 2], [3]]}", ["a:", "f.yaml:1:10   - - 1", "f.yaml:1:13     - 2", "f.yaml:1:18   - - 3"]),
    ("{a: [{b: 1, c: 2}]}", ["a:", "f.yaml:1:10   - b: 1", "f.yaml:1:16     c: 2"]),
    ("{a: [{b: {c: 2}}]}", ["a:", "f.yaml:1:9   - b:", "f.yaml:1:14       c: 2"]),
    ("{a: [[{b: {c: 2}}]]}", ["a:", "f.yaml:1:10   - - b:", "f.yaml:1:15         c: 2"]),
    ("{a: [{b: [1]}]}", ["a:", "f.yaml:1:9   - b:", "f.yaml:1:14       - 1"]),
    (
        "{a: [], b: {}, c: [[], {}]}",
        ["f.yaml:1:5 a: []", "f.yaml:1:12 b: {}", "c:", "f.yaml:1:23   - []", "f.yaml:1:27   - {}"],
    ),
    ('{a: "x\\ny"}', ['f.yaml:1:5 a: "x\\ny"']),
]


@pytest.mark.parametrize(("text", "expected"), SHAPES)
def test_every_leaf_and_every_item_has_its_own_line_and_place(text: str, expected: list[str]) -> None:
    """Lists of lists, items that begin with a mapping, and what is empty; an item is where it begins."""
    values = node(text)
    rows = zip(*apart(gutter.lines(values)), strict=True)
    assert [f"{origin} {line}" if origin else line for origin, line in rows] == expected
    assert typed(read_back(values)) == typed(plain(values))


def test_values_of_several_files_stand_in_one_column() -> None:
    """The gutter is as wide as its widest place; a mapping's own line has none."""
    one, other = Origin("short.yaml", 1, 1), Origin("configs/a/longer/name.yaml", 120, 33)
    values = Node({"a": Node({"b": Node(1, one)}, one), "c": Node("x", other)}, other)
    assert gutter.lines(values) == [
        " " * 33 + "  a:",
        "short.yaml:1:1" + " " * 19 + "    b: 1",
        "configs/a/longer/name.yaml:120:33  c: x",
    ]


def test_nothing_is_an_empty_mapping() -> None:
    """A preset that holds nothing is shown as YAML that holds nothing, and not as null."""
    assert gutter.lines(node_of({})) == ["{}"]


@pytest.mark.parametrize(
    "value",
    [
        *["no", "1e5", "2026-01-01", "", " a ", "a: b", "# no comment", "- x", "x\ny\n", "\t", "\x00", "\x85\u2028"],
        *["'", '"', "\\", "{", "[", "&a", "*a", "!x", "%", "@", "`", "中文", "\U0001f600", "x" * 500],
        *[None, True, 0, -0.0, 1e300, float("inf"), float("nan"), 10**50],
    ],
)
def test_hostile_values_and_keys_read_back(value: Any) -> None:
    """A text is never another thing than text, and never more than one line; as a key as well."""
    key = value if isinstance(value, str) else "k"
    values = node_of({"a": value, "l": [value, [value], {key: value}], key: {key: value}}, Origin("f.yaml", 1, 1))
    assert typed(read_back(values)) == typed(plain(values))
    assert all("\n" not in line and line == line.rstrip() for line in gutter.lines(values))


@pytest.mark.parametrize("key", ["k" * 120, "\x85" * 120, "中" * 120, "a b" * 40])
def test_long_keys_read_back(key: str) -> None:
    """The longest key that is taken is still a simple one."""
    values = node_of({key: [{key: 1}]}, Origin("f.yaml", 1, 1))
    assert read_back(values) == {key: [{key: 1}]}


def mappings(value: Any) -> Any:
    """Give a value as a document."""
    return value if isinstance(value, dict) else {"v": value}


@given(VALUES.map(mappings))
@example({"a": [[], {}, [[]], [{}], [[[1]], {"b": []}]]})
@example({"": {"": [""]}})
def test_any_value_reads_back(value: dict[str, Any]) -> None:
    """The text beside the gutter is YAML that equals the values, whatever they are, its keys in order."""
    values = node_of(value, Origin("f.yaml", 1, 1))
    back = read_back(values)
    assert canonical(node_of(back)) == canonical(values)
    assert list(back) == list(value)


@given(VALUES.map(mappings), KEYS)
def test_any_leaf_has_its_place(value: dict[str, Any], key: str) -> None:
    """As many places as there are leaves, in order, besides those of items that hold more."""
    count = 0

    def placed(part: Any) -> Node:
        nonlocal count
        if isinstance(part, dict):
            made: Any = {name: placed(child) for name, child in part.items()}
        elif isinstance(part, list):
            made = [placed(child) for child in part]
        else:
            made = part
        count += 1
        return Node(made, Origin("f.yaml", count, 1))

    values = placed({key: value})
    expected = [str(leaf.origin) for _, leaf in leaves(values)]
    shown = origins(values)
    assert [origin for origin in shown if origin in set(expected)] == expected


def test_the_gutter_follows_what_a_file_says() -> None:
    """Of a file in block style each place is that of the key or of the item's first character."""
    text = "a:\n  b:\n  - 1\n  -   c: x\n      d: y\n  - - 3\ne: |\n  two\n  lines\n"
    body = fragment(text).body
    assert origins(body) == ["f.yaml:3:5", "f.yaml:4:7", "f.yaml:5:7", "f.yaml:6:7", "f.yaml:7:1"]
