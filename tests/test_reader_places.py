"""reader: each value is placed where people edit it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from builders import fragment, typed
from compiler.tree import Source, line_of
from compiler.values import Node, leaves
from documents import SHIPPED


def origins(text: str | bytes) -> dict[str, str]:
    """Give the place of each leaf of a file, as line:column."""
    return {
        ".".join(map(str, path)): f"{leaf.origin.line}:{leaf.origin.column}"
        for path, leaf in leaves(fragment(text).body)
    }


def test_an_entry_is_placed_at_its_key_and_an_item_at_its_first_character() -> None:
    """People edit keys; an item of a list has none."""
    text = "a: 1\nb:\n  c:   2\n  d:\n  - x\n  -   y\n  - e: 1\n    f: 2\n  g: [p,  q, {h: 1}]\n"
    assert origins(text) == {
        "a": "1:1",
        "b.c": "3:3",
        "b.d.0": "5:5",
        "b.d.1": "6:7",
        "b.d.2.e": "7:5",
        "b.d.2.f": "8:5",
        "b.g.0": "9:7",
        "b.g.1": "9:11",
        "b.g.2.h": "9:15",
    }
    assert str(fragment(text).body.value["b"].origin) == "f.yaml:2:1"
    assert str(fragment(text).body.value["b"].value["d"].origin) == "f.yaml:4:3"


def test_an_aliased_value_is_placed_where_it_stands_anchored() -> None:
    """The place to edit is the anchored one; a merged key is placed where it is written."""
    text = "a: &x {p: 1}\nb: *x\nc:\n- *x\n- &y 5\nd: *y\ne:\n  <<: *x\n  q: 2\n"
    assert origins(text) == {
        "a.p": "1:8",
        "b.p": "1:8",
        "c.0.p": "1:8",
        "c.1": "5:3",
        "d": "5:3",
        "e.p": "1:8",
        "e.q": "9:3",
    }


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("\ufeffa: 1\nb: 2\n", {"a": "1:1", "b": "2:1"}),
        ("\ufeffa: {b: 1}\n", {"a.b": "1:5"}),
        ("a: 1\r\nb:\r\n  c: 2\r\n", {"a": "1:1", "b.c": "3:3"}),
        ("键: {值: 1, b: 2}\n", {"键.值": "1:5", "键.b": "1:11"}),
        ("😀: {b: 1}\n", {"😀.b": "1:5"}),
        ("a: ['北京', b]\n", {"a.0": "1:5", "a.1": "1:11"}),
        ("\n\n# c\n---\n\na: 1\n", {"a": "6:1"}),
        ("? a\n: 1\n", {"a": "1:3"}),
    ],
)
def test_places_are_right_with_marks_line_ends_and_wide_text(text: str, places: dict[str, str]) -> None:
    """A byte order mark, CRLF and CJK text before a value do not move its line or column."""
    assert origins(text.encode()) == places


@pytest.mark.parametrize("separator", ["\x85", "\u2028", "\u2029", "\r"])
def test_an_excerpt_shows_the_line_that_was_meant(separator: str) -> None:
    """YAML 1.1 ends lines at NEL, U+2028, U+2029 and CR, too: the excerpt counts lines as the places do."""
    text = f"a: 1 # x{separator}b: 2\nc: 3\n"
    origin = fragment(text).body.value["c"].origin
    assert line_of(Source("f.yaml", text.encode(), ""), origin.line) == "c: 3"


def told_line(text: bytes, leaf: Node) -> str:
    """Give the line that a leaf's origin names, from its column on."""
    line = line_of(Source("f.yaml", text, ""), leaf.origin.line)
    assert line is not None
    return line[leaf.origin.column - 1 :]


WORDS = st.text("abcxyz北é😀_", min_size=1, max_size=6)
TREES = st.dictionaries(
    WORDS,
    st.recursive(
        WORDS | st.integers(0, 99),
        lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(WORDS, inner, min_size=1, max_size=3),
        max_leaves=8,
    ),
    min_size=1,
    max_size=4,
)


@given(
    TREES,
    st.sampled_from([True, False, None]),
    st.sampled_from(["", "\ufeff"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_every_leaf_is_placed_on_a_line_that_holds_its_key(
    tree: dict[str, Any], flow: bool | None, mark: str, end: str
) -> None:
    """Over generated files: at a leaf's place stands its key, or for an item of a list the item's text."""
    dumped = yaml.safe_dump(tree, default_flow_style=flow, allow_unicode=True, sort_keys=False, width=10_000)
    text = (mark + dumped.replace("\n", end)).encode()
    for path, leaf in leaves(fragment(text).body):
        written = path[-1] if isinstance(path[-1], str) else str(leaf.value)
        assert told_line(text, leaf).lstrip("'\"? ").startswith(written)


def test_every_leaf_of_the_shipped_files_is_placed_where_its_key_stands() -> None:
    """The same for every file that ships; and a wrong place would be seen."""
    seen = 0
    for file in SHIPPED:
        data = file.read_bytes()
        if b"&" in data:
            continue
        for path, leaf in leaves(fragment(data).body):
            rest = told_line(data, leaf)
            if isinstance(path[-1], str):
                assert rest.startswith(path[-1]), f"{file}: {path}"
                assert not rest[1:].startswith(path[-1] + ":")
                seen += 1
    assert seen > 1_000


def test_reading_is_the_same_with_and_without_an_anchor() -> None:
    """A file that holds an anchor is read by another way; the two give equal values and places."""
    for file in SHIPPED:
        data = file.read_bytes()
        anchored = data + b"zz_anchor: &zz 1\n"
        left = {path: (typed(leaf.value), str(leaf.origin)) for path, leaf in leaves(fragment(data).body)}
        right = {path: (typed(leaf.value), str(leaf.origin)) for path, leaf in leaves(fragment(anchored).body)}
        assert right.pop(("zz_anchor",))
        assert left == right
