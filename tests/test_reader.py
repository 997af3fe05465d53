"""reader: a value means what `yaml.safe_load` says, and everything refused is refused at its place."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from builders import REPOSITORY, Files, codes_of, fragment, node, problems_of, safe_load, typed, worded
from compiler.problems import Invalid
from compiler.tree import MAX_BYTES, Disk, Memory, Source, line_of, load
from compiler.values import Node, leaves, plain

SHIPPED = sorted([*(REPOSITORY / "configs").rglob("*.yaml"), *(REPOSITORY / "legacy" / "configs").rglob("*.yaml")])


# ---------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize("file", SHIPPED, ids=[str(file.relative_to(REPOSITORY)) for file in SHIPPED])
def test_every_shipped_file_reads_as_safe_load_reads_it(file: Path) -> None:
    """Type, value and the order of keys are those of `yaml.safe_load`."""
    data = file.read_bytes()
    assert typed(plain(fragment(data).body)) == typed(safe_load(data))


def test_there_are_shipped_files() -> None:
    """The comparison above is over both trees."""
    assert len(SHIPPED) > 60


TRAPS = [
    "1e-5",
    "1E5",
    "1.0e-7",
    "1.0e+7",
    "1.0e7",
    "1.e-5",
    ".5",
    "5.",
    "-.5",
    "+.5",
    "1e+5",
    "6.02e23",
    "-0.0",
    "0.0",
    "-0",
    "0",
    "010",
    "017",
    "018",
    "0o10",
    "0x1F",
    "0X1f",
    "0b101",
    "-0x10",
    "+12",
    "1_000",
    "1_000.5",
    "0_1",
    "1__0",
    "190:20:30",
    "12:30:45",
    "1:30",
    "99:99",
    "1:60",
    "1:30.5",
    "12:30:45.678",
    "-1:30",
    "0:0",
    "yes",
    "no",
    "on",
    "off",
    "Yes",
    "NO",
    "On",
    "OFF",
    "y",
    "n",
    "Y",
    "N",
    "true",
    "True",
    "TRUE",
    "tRUE",
    "false",
    "truE",
    "null",
    "Null",
    "NULL",
    "~",
    "nULL",
    "None",
    "none",
    ".inf",
    "-.inf",
    "+.inf",
    ".Inf",
    ".INF",
    ".nan",
    ".NaN",
    ".NAN",
    "inf",
    "nan",
    "NaN",
    ".iNf",
    "-.nan",
    "2026-01-31",
    "2026-1-31",
    "2001-12-14t21:59:43.10-05:00",
    "2001-12-15T02:59:43.1Z",
    "2026-01-31T10:00:00",
    "0x",
    "0b",
    "0o",
    "0b2",
    "0xg",
    "+",
    "-a",
    ".",
    "..",
    "...a",
    "1.2.3",
    "1,000",
    "1e",
    "e5",
    "0.",
    "00",
    "08",
    "09",
    "0_",
    "1_",
    "._",
    "._1",
    "_1",
    "1._5",
    "=a",
    "a=",
    "<",
    "<a",
    "!x!",
    "a:b",
    "a#b",
    "http://x/y",
    "./x",
    "../x",
    "/x",
    "a,b",
    '"a"',
    "'a'",
    '"\\x41"',
    '"1"',
    "'null'",
    "''",
    '""',
]


@pytest.mark.parametrize(
    "text",
    [
        *TRAPS,
        "2001-12-14 21:59:43.10",
        "2001-12-14 21:59:43.1234567 +5:30",
        "!!str 5",
        '!!int "7"',
        "!!float 1",
        '!!bool "yes"',
        '!!null ""',
        "!!null x",
        "!!str null",
        "!!str",
        "!!float .inf",
        "!!int 0x1F",
        "!!timestamp 2026-01-31",
        "! 5",
        '! "5"',
        "!<tag:yaml.org,2002:str> 1",
        "!!map {a: 1}",
        "!!seq [1]",
        "",
        "|\n  a\n  b\n",
        "|-\n  a\n\n  b\n\n",
        "|+\n  a\n\n",
        ">\n  a\n  b\n\n  c\n",
        ">2\n    a\n  b\n",
        '"a\\\n   b"',
        '"a\n   b"',
        "'it''s'",
        "a\n  b\n  c",
        '"\\u5317 \\U0001F600 \\x85 \\0 \\e \\N \\_ \\L \\P"',
        "北京 é 😀",
        "[a, [], {}, {b: }, [c: d]]",
        "{a: 1, b, ? c : d}",
        "[a:b]",
    ],
)
def test_each_yaml_trap_means_what_safe_load_says(text: str) -> None:
    """1e-5 is text, 1.0e-7 a float, `no` false, 010 eight, 12:30:45 a number: nothing is improved."""
    document = f"k: {text}\n"
    try:
        expected = safe_load(document)
    except Exception:
        assert problems_of(lambda: fragment(document))
        return
    assert typed(plain(fragment(document).body)) == typed(expected)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", "1e-5"),
        ("1.0e-7", 1e-07),
        ("no", False),
        ("on", True),
        ("010", 8),
        ("0o10", "0o10"),
        ("12:30:45", 45045),
        ("1_000", 1000),
        ("~", None),
        ("y", "y"),
        ('"no"', "no"),
        ("-.inf", float("-inf")),
    ],
)
def test_the_best_known_traps(text: str, value: Any) -> None:
    """Said in full once, so that the comparison with PyYAML is not the only witness."""
    assert typed(node(text).value) == typed(value)


DOCUMENTS = [
    "a: &x {p: 1, q: 2}\nb: *x\nc: [*x, *x]\n",
    "a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n  r: 4\n",
    "a: &x {p: 1, q: 2}\nb:\n  r: 4\n  q: 3\n  <<: *x\n",
    "a: &x {p: 1, q: 2}\nb: &y {q: 3, r: 4}\nc:\n  <<: [*x, *y]\n  s: 5\n",
    "a: &x {p: 1, q: 2}\nb: &y {q: 3, r: 4}\nc:\n  s: 5\n  <<: [*y, *x]\n  r: 6\n",
    "a: &x {p: 1}\nb: &y {<<: *x, q: 2}\nc: {<<: *y, r: 3}\n",
    "a: &x {p: {q: 1}}\nb: {<<: *x, p: {r: 2}}\n",
    "b: {<<: {p: 1, q: 2}, q: 3}\n",
    "b: {<<: [{p: 1}, {p: 2, q: 2}], r: 3}\n",
    "b: {<<: []}\n",
    "b: {<<: {}}\n",
    "<<: {p: 1}\nq: 2\n",
    '"<<": 1\na: 2\n',
    "a: '<<'\n",
    "=: 1\n",
    "a: &x 1\nb: *x\n",
    "a: &x\nb: *x\n",
    "a: &x [1, &y 2]\nb: *y\n",
    "a: '&x'\nb: 1 & 2\n",
    "? a\n: 1\n",
    "%YAML 1.1\n---\na: 1\n...\n",
    "---\na: 1\n",
    "a: 1\n...\n# end\n",
    "# only a comment\n",
    "---\n",
    "---\n...\n",
    "",
    "\n\n",
    "a: 1\r\nb:\r\n  - x\r\n  - |\r\n    y\r\n    z\r\n",
    "a: 1\rb: 2\r",
    "{a: 1, b: [2, 3]}",
    "%TAG !y! tag:yaml.org,2002:\n---\na: !y!str 1\n",
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=[repr(document)[:50] for document in DOCUMENTS])
def test_anchors_merge_keys_and_line_ends_mean_what_safe_load_says(document: str) -> None:
    """Anchors and merge keys work within a file, in PyYAML's order of keys; an empty file is a mapping."""
    assert typed(plain(fragment(document).body)) == typed(safe_load(document) or {})


KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=0, max_size=8)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["no", "1e5", "1_0", "0x1", "12:30", "=", "<<", "~", "2026-01-01", " a", "a ", "\u2028", "\x85"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
STYLES = st.fixed_dictionaries(
    {
        "default_flow_style": st.sampled_from([True, False, None]),
        "allow_unicode": st.booleans(),
        "default_style": st.sampled_from([None, '"', "'", "|"]),
        "width": st.sampled_from([20, 80, 1000]),
        "explicit_start": st.booleans(),
        "line_break": st.sampled_from(["\n", "\r\n"]),
    }
)


@given(st.dictionaries(KEYS, VALUES, max_size=4), STYLES)
@example({"a": {"b": "\u2028x", "c": "y"}}, {"allow_unicode": True})
def test_what_safe_dump_writes_reads_as_safe_load_reads_it(value: dict[str, Any], style: dict[str, Any]) -> None:
    """Over generated documents in every style, type, value and key order are those of `yaml.safe_load`."""
    shared = {"one": value, "two": value} if value else {}  # safe_dump writes the second as an alias
    for held in (value, shared):
        text = yaml.safe_dump(held, sort_keys=False, **style).encode()
        try:
            expected = safe_load(text)
        except yaml.YAMLError:
            assert codes_of(lambda text=text: fragment(text))  # type: ignore[misc]
            continue
        assert typed(plain(fragment(text).body)) == typed(expected)


# ---------------------------------------------------------------------------------------------- refusals

REFUSED: list[tuple[str, str | bytes, list[str]]] = [
    ("a key twice", "a: 1\nb: 2\na: 3\n", ["f.yaml:3:1 duplicate-key"]),
    ("a nested key twice", "s:\n  a: 1\n  'a': 3\n", ["f.yaml:3:3 duplicate-key"]),
    ("a key twice in flow style", "s: {a: 1, a: 2}\n", ["f.yaml:1:11 duplicate-key"]),
    ("two merge keys", "a: &x {p: 1}\nb:\n  <<: *x\n  <<: *x\n", ["f.yaml:4:3 duplicate-key"]),
    ("an integer key", "1: a\n", ["f.yaml:1:1 non-string-key"]),
    ("a float key", "s: {1.5: a}\n", ["f.yaml:1:5 non-string-key"]),
    ("a boolean key", "on: a\n", ["f.yaml:1:1 non-string-key"]),
    ("a null key", "a: {~: 1}\n", ["f.yaml:1:5 non-string-key"]),
    ("an empty key", "?\n: 1\n", ["f.yaml:1:2 non-string-key"]),
    ("an anchor twice", "a: &x 1\nb: &x 2\nc: *x\n", ["f.yaml:2:4 bad-yaml"]),
    ("a date key", "2026-01-01: a\n", ["f.yaml:1:1 non-string-key"]),
    ("a sexagesimal key", "1:30: a\n", ["f.yaml:1:1 non-string-key"]),
    ("a list as a key", "? [a]\n: 1\n", ["f.yaml:1:3 non-string-key"]),
    ("a mapping as a key", "{a: 1}: 1\n", ["f.yaml:1:1 non-string-key"]),
    ("several documents", "a: 1\n---\nb: 2\n", ["f.yaml:2:1 several-documents"]),
    ("an empty second document", "a: 1\n---\n", ["f.yaml:2:1 several-documents"]),
    ("a list as the root", "- a\n", ["f.yaml:1:1 not-a-mapping"]),
    ("a text as the root", "\nhello\n", ["f.yaml:2:1 not-a-mapping"]),
    ("null as the root", "null\n", ["f.yaml:1:1 not-a-mapping"]),
    ("a set as the root", "!!set {a}\n", ["f.yaml:1:1 not-a-mapping"]),
    ("an unknown tag", "a: !env HOME\n", ["f.yaml:1:4 unsupported-tag"]),
    ("an unknown tag on a mapping", "a: !x {b: 1}\n", ["f.yaml:1:4 unsupported-tag"]),
    ("an unknown tag on a list", "a: !x [b]\n", ["f.yaml:1:4 unsupported-tag"]),
    ("an unknown tag on a key", "!x a: 1\n", ["f.yaml:1:1 unsupported-tag"]),
    ("the value tag", "a: =\n", ["f.yaml:1:4 invalid-scalar"]),
    ("a merge tag as a value", "a: <<\n", ["f.yaml:1:4 invalid-scalar"]),
    ("a python tag", "a: !!python/name:os.system\n", ["f.yaml:1:4 unsupported-tag"]),
    ("binary", "a: !!binary aGk=\n", ["f.yaml:1:4 unportable-value"]),
    ("a set", "a: !!set {b, c}\n", ["f.yaml:1:4 unportable-value"]),
    ("an ordered map", "a: !!omap [b: 1]\n", ["f.yaml:1:4 unportable-value"]),
    ("pairs", "a: !!pairs [b: 1]\n", ["f.yaml:1:4 unportable-value"]),
    ("a wrong int", "a: !!int x\n", ["f.yaml:1:4 invalid-scalar"]),
    ("an empty int", 'a: !!int ""\n', ["f.yaml:1:4 invalid-scalar"]),
    ("an int of underscores", 'a: !!int "_"\n', ["f.yaml:1:4 invalid-scalar"]),
    ("an empty float", "a: !!float\n", ["f.yaml:1:4 invalid-scalar"]),
    ("a wrong bool", "a: !!bool maybe\n", ["f.yaml:1:4 invalid-scalar"]),
    ("a wrong date", "a: 2026-13-45\n", ["f.yaml:1:4 invalid-scalar"]),
    ("a tagged text as a date", "a: !!timestamp soon\n", ["f.yaml:1:4 invalid-scalar"]),
    ("a date out of range", "a: 2001-12-14 25:00:00\n", ["f.yaml:1:4 invalid-scalar"]),
    ("hexadecimal without digits", "a: 0x_\n", ["f.yaml:1:4 invalid-scalar"]),
    ("a map tag on a list", "a: !!map [1]\n", ["f.yaml:1:4 unsupported-tag"]),
    ("a map tag on a scalar", "a: !!map 1\n", ["f.yaml:1:4 unsupported-tag"]),
    ("a str tag on a list", "a: !!str [1]\n", ["f.yaml:1:4 unsupported-tag"]),
    ("a merge key of a scalar", "a:\n  <<: 1\n", ["f.yaml:2:7 bad-yaml"]),
    ("a merge key of scalars", "a:\n  <<: [1]\n", ["f.yaml:2:7 bad-yaml"]),
    ("an unknown alias", "a: *x\n", ["f.yaml:1:4 bad-yaml"]),
    ("a forward alias", "a: *x\nb: &x 1\n", ["f.yaml:1:4 bad-yaml"]),
    ("an open bracket", "a: [1, 2\nb: 3\n", ["f.yaml:2:2 bad-yaml"]),
    ("a tab as indentation", "a:\n\tb: 1\n", ["f.yaml:2:1 bad-yaml"]),
    ("wrong indentation", "a:\n   b: 1\n  c: 2\n", ["f.yaml:3:3 bad-yaml"]),
    ("an open quote", 'a: "x\nb: 1\n', ["f.yaml:1:4 bad-yaml"]),
    ("an unknown directive version", "%YAML 3.0\n---\na: 1\n", ["f.yaml:1:1 bad-yaml"]),
    ("a bad escape", 'a: "\\q"\n', ["f.yaml:1:5 bad-yaml"]),
    ("half of a surrogate pair", 'a: "\\ud800"\n', ["f.yaml:1:7 bad-yaml"]),
    ("a NUL", b"a: 1\nb: x\0y\n", ["f.yaml:2:5 bad-yaml"]),
    ("a control character", b"a: 1\n  # \x07\n", ["f.yaml:2:5 bad-yaml"]),
    ("a delete character behind CJK text", "键: 值\x7f\n", ["f.yaml:1:5 bad-yaml"]),
    ("a latin-1 byte", b"a: 1\nb: caf\xe9\n", ["f.yaml:2:7 not-utf8"]),
    ("UTF-16", "a: 1\n".encode("utf-16"), ["f.yaml:1:1 not-utf8"]),
    ("UTF-16 without a mark", "a: 1\n".encode("utf-16-le"), ["f.yaml:1:2 bad-yaml"]),
    ("a surrogate in UTF-8", b"a: \xed\xa0\x80\n", ["f.yaml:1:4 not-utf8"]),
    ("an alias of itself", "a: &x [*x]\n", ["f.yaml:1:4 recursive-alias"]),
    ("a mapping in itself", "a: &x {b: {c: *x}}\n", ["f.yaml:1:4 recursive-alias"]),
    ("a merge of itself", "a: &x {<<: *x}\n", ["f.yaml:1:4 recursive-alias"]),
    ("a key too long", "k" * 121 + ": 1\n", ["f.yaml:1:1 unportable-value"]),
    ("an integer too long", "a: " + "9" * 4001 + "\n", ["f.yaml:1:4 unportable-value"]),
    ("an integer that Python refuses", "a: " + "9" * 5000 + "\n", ["f.yaml:1:4 invalid-scalar"]),
    ("a hexadecimal too long", "a: 0x" + "f" * 4000 + "\n", ["f.yaml:1:4 unportable-value"]),
    (
        "all problems of a file at once",
        "1: a\nb: !x y\nb: 2026-99-99\n",
        [
            "f.yaml:1:1 non-string-key",
            "f.yaml:2:4 unsupported-tag",
            "f.yaml:3:1 duplicate-key",
            "f.yaml:3:4 invalid-scalar",
        ],
    ),
    (
        "a duplicate within a merged mapping, once",
        "a: &x {p: 1, p: 2}\nb: {<<: *x}\n",
        ["f.yaml:1:14 duplicate-key"],
    ),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_cannot_be_carried_is_refused_at_its_place(text: str | bytes, expected: list[str]) -> None:
    """Each refusal names file, line and column."""
    assert codes_of(lambda: fragment(text)) == expected


def test_a_repeated_key_names_both_places() -> None:
    """The message stands at the second, and notes the first."""
    (problem,) = problems_of(lambda: fragment("s:\n  a: 1\n  b: 2\n  a: 3\n"))
    assert [str(problem.origin), *(str(note.origin) for note in problem.notes)] == [
        "f.yaml:4:3",
        "f.yaml:2:3",
    ]


def test_no_tag_runs_code(tmp_path: Path) -> None:
    """A python tag is refused and not executed."""
    witness = tmp_path / "witness"
    text = f"a: !!python/object/apply:os.system ['touch {witness}']\n"
    assert codes_of(lambda: fragment(text)) == ["f.yaml:1:4 unsupported-tag"]
    assert not witness.exists()


def test_an_alias_bomb_is_refused_at_once() -> None:
    """Ten levels of ten aliases each are counted, not written out."""
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)]
    started = time.process_time()
    assert codes_of(lambda: fragment("\n".join(lines))) == ["f.yaml:5:5 too-large"]
    assert time.process_time() - started < 1


def test_a_bomb_of_merge_keys_is_refused_at_once() -> None:
    """Merge keys expand like aliases."""
    lines = ["l0: &l0 {a: 1, b: 2}"]
    lines += [f"l{n}: &l{n} {{<<: [{', '.join([f'*l{n - 1}'] * 9)}], k{n}: 1}}" for n in range(1, 12)]
    started = time.process_time()
    assert [code.split()[1] for code in codes_of(lambda: fragment("\n".join(lines)))] == ["too-large"]
    assert time.process_time() - started < 1


DEEP = {
    "lists in flow style": "a: " + "[" * 10_000,
    "closed lists in flow style": "a: " + "[" * 10_000 + "]" * 10_000,
    "mappings in flow style": "a: " + "{a: " * 10_000,
    "lists on one line": "a:\n  " + "- " * 10_000 + "x",
    "explicit keys": "? " * 10_000 + "x",
    "pairs in flow style": "a: " + "[a: " * 10_000,
    "mappings by indentation": "".join(f"{' ' * n}a:\n" for n in range(2_500)),
    "lists by indentation": "a:\n" + "".join(f"{' ' * n}-\n" for n in range(1, 2_500)),
    "mappings by indentation, with an anchor": "x: &x 1\n" + "".join(f"{' ' * n}a:\n" for n in range(2_500)),
    "lists by indentation, with an anchor": "x: &x 1\na:\n" + "".join(f"{' ' * n}-\n" for n in range(1, 2_500)),
    "anchors on the way": "a: " + "".join(f"&x{n} [" for n in range(5_000)),
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_a_document_too_deep_is_refused(text: str) -> None:
    """Ten thousand levels, in any style, end in a message and not in a crash."""
    problems = problems_of(lambda: fragment(text))
    assert [problem.code for problem in problems] == ["too-deep"]
    assert problems[0].origin.line > 0


def test_a_hundred_levels_are_read() -> None:
    """The limit is where it says: the root and 99 levels below it, in every style; one more is refused."""
    assert plain(fragment("a: " + "[" * 99 + "]" * 99).body)
    assert plain(fragment("".join(f"{' ' * n}a:\n" for n in range(100))).body)
    assert [code.split()[1] for code in codes_of(lambda: fragment("a: " + "[" * 100 + "]" * 100))] == ["too-deep"]
    deeper = "".join(f"{' ' * n}a:\n" for n in range(101))
    assert [code.split()[1] for code in codes_of(lambda: fragment(deeper))] == ["too-deep"]


# ---------------------------------------------------------------------------------------------- the disk


def refusal(tree: Disk | Memory, path: str) -> str:
    """Give the whole text with which a file is refused."""
    return worded(problems_of(lambda: load(tree, path)), {})


def test_files_that_are_no_files_are_refused_and_never_block(tmp_path: Path) -> None:
    """A FIFO, a device, a folder, a file that is not there: a message each."""
    os.mkfifo(tmp_path / "fifo.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    (tmp_path / "broken.yaml").symlink_to("nothing")
    disk = Disk(str(tmp_path))
    cannot = "error: `{0}` cannot be read [unreadable-file]\n  why: {1}"
    for path, why in (
        ("fifo.yaml", "it is not a regular file"),
        ("zero.yaml", "it is not a regular file"),
        ("folder.yaml", "it is a folder"),
        ("broken.yaml", "no such file or directory"),
        ("gone.yaml", "no such file or directory"),
    ):
        assert refusal(disk, path) == f"{path}: " + cannot.format(path, why)


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's reason is told; as root may read anything, it comes from a false `os.open`."""

    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.yaml").write_text("a: 1")
    monkeypatch.setattr(os, "open", denied)
    assert refusal(Disk(str(tmp_path)), "a.yaml") == (
        "a.yaml: error: `a.yaml` cannot be read [unreadable-file]\n  why: permission denied"
    )


def test_a_file_over_the_limit_is_refused_and_one_at_it_read(tmp_path: Path) -> None:
    """4 MiB are read, a byte more is refused; a file that claims no size is read, too."""
    disk = Disk(str(tmp_path))
    (tmp_path / "most.yaml").write_bytes(b"#" * MAX_BYTES)
    (tmp_path / "more.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    assert len(load(disk, "most.yaml").data) == MAX_BYTES
    assert refusal(disk, "more.yaml") == (
        "more.yaml: error: `more.yaml` is too large [too-large]\n"
        "  why: it has 4,194,305 bytes, and 4,194,304 are allowed"
    )
    (tmp_path / "status.yaml").symlink_to("/proc/self/status")
    assert load(disk, "status.yaml").data.startswith(b"Name:")


def test_memory_and_disk_agree(tmp_path: Path) -> None:
    """The two trees give the same bytes, digests and names, and say the same of what is not there."""
    files: Files = {"a/b.yaml": "x: 1\n", "a/c/d.yaml": "y: 2\n"}
    memory, disk = Memory(files), Disk(str(tmp_path))
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(str(text))
    for path in files:
        assert load(memory, path) == load(disk, path)
        assert disk.real(path) == memory.real(path) == path
    for path in ("a", "a/b.yaml", "a/c", "z", "a/b"):
        assert memory.exists(path) == disk.exists(path)
    for folder in ("", "a", "a/c", "z"):
        assert memory.names(folder) == disk.names(folder)
    assert refusal(memory, "z.yaml") == refusal(disk, "z.yaml")


def test_a_link_is_followed_to_where_it_leads(tmp_path: Path) -> None:
    """A real path counts from the real root, through links of folders and of files."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a.yaml").write_text("")
    (tmp_path / "out.yaml").write_text("")
    root = tmp_path / "link"
    root.symlink_to("real")
    (tmp_path / "real/l.yaml").symlink_to("a.yaml")
    (tmp_path / "real/o.yaml").symlink_to("../out.yaml")
    disk = Disk(str(root))
    assert [disk.real(path) for path in ("a.yaml", "l.yaml", "o.yaml", "")] == [
        "a.yaml",
        "a.yaml",
        "../out.yaml",
        ".",
    ]


# ---------------------------------------------------------------------------------------------- JSON


def json_fragment(text: str | bytes) -> Node:
    """Read a text as a JSON file."""
    return fragment(text, "f.json").body


JSON_REFUSED: list[tuple[str, str | bytes, list[str]]] = [
    ("a key twice", '{"a": 1,\n "a": 2}', ["f.json:2:2 duplicate-key"]),
    ("an escaped key twice", '{"a": 1, "\\u0061": 2}', ["f.json:1:10 duplicate-key"]),
    ("NaN", '{"a": NaN}', ["f.json:1:7 bad-json"]),
    ("Infinity", '{"a": [-Infinity]}', ["f.json:1:8 bad-json"]),
    ("a number out of range", '{"a": 1e999}', ["f.json:1:7 bad-json"]),
    ("half of a surrogate pair", '{"a": "\\ud800"}', ["f.json:1:7 unportable-value"]),
    ("half of a surrogate pair in a key", '{"\\udc00": 1}', ["f.json:1:2 unportable-value"]),
    ("a list", "[1]", ["f.json:1:1 not-a-mapping"]),
    ("a scalar", "\n 3", ["f.json:2:2 not-a-mapping"]),
    ("two documents", '{"a": 1} {"b": 2}', ["f.json:1:10 bad-json"]),
    ("a comment", '{"a": 1} // x', ["f.json:1:10 bad-json"]),
    ("a trailing comma", '{"a": 1,}', ["f.json:1:8 bad-json"]),
    ("single quotes", "{'a': 1}", ["f.json:1:2 bad-json"]),
    ("cut off", '{"a": [1,', ["f.json:1:10 bad-json"]),
    ("an integer too long", '{"a": ' + "9" * 4001 + "}", ["f.json:1:7 unportable-value"]),
    ("an integer that Python refuses", '{"a": ' + "9" * 5000 + "}", ["f.json:1:7 unportable-value"]),
    ("a key too long", '{"' + "k" * 121 + '": 1}', ["f.json:1:2 unportable-value"]),
    ("bad UTF-8", b'{"a": "\xff"}', ["f.json:1:8 not-utf8"]),
    ("two places at once", '{"a": NaN,\n"a": 1}', ["f.json:1:7 bad-json", "f.json:2:1 duplicate-key"]),
    ("101 levels", '{"a": ' + "[" * 100 + "]" * 100 + "}", ["f.json:1:106 too-deep"]),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in JSON_REFUSED], ids=[row[0] for row in JSON_REFUSED])
def test_json_is_refused_at_its_place(text: str | bytes, expected: list[str]) -> None:
    """The JSON twins of the refusals: line and column, all of a file at once."""
    assert codes_of(lambda: json_fragment(text)) == expected


def test_deep_json_is_refused() -> None:
    """A hundred thousand levels end in a message."""
    assert problems_of(lambda: json_fragment('{"a": ' + "[" * 100_000))[0].code in ("too-deep", "bad-json")


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_json_reads_as_json_loads_reads_it(value: dict[str, Any], indent: int | str | None, ascii_only: bool) -> None:
    """Type, value and order of keys are those of `json.loads`, however the file is laid out."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only, default=str)
    if "NaN" in text or "Infinity" in text:
        text = text.replace("NaN", "1").replace("-Infinity", "2").replace("Infinity", "3")
    assert typed(plain(json_fragment(text))) == typed(json.loads(text))


@pytest.mark.parametrize("text", ['{"a": 1e-5, "b": 1E5, "c": -0, "d": -0.0, "e": 1.0}', '{"no": "no", "~": 1}', "{}"])
def test_json_numbers_and_words_are_those_of_json(text: str) -> None:
    """1e-5 is a float in JSON, and text in YAML: the suffix decides."""
    assert typed(plain(json_fragment(text))) == typed(json.loads(text))
    assert typed(plain(json_fragment("\ufeff" + text))) == typed(json.loads(text))


def test_json_origins_are_keys_and_first_characters() -> None:
    """Places in a JSON file are those of the twin in YAML's flow style."""
    text = '{\n  "a": {"北": 1,\r\n "b": [10, {"c": []}]},\n\t"d": "x\\ny"}'
    body = json_fragment(text)
    found = {path: (leaf.origin.line, leaf.origin.column) for path, leaf in leaves(body)}
    assert found == {
        ("a", "北"): (2, 9),
        ("a", "b", 0): (3, 8),
        ("a", "b", 1, "c"): (3, 13),
        ("d",): (4, 2),
    }


# ---------------------------------------------------------------------------------------------- origins


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


def test_a_bad_file_is_an_invalid_and_not_a_crash() -> None:
    """Whatever bytes a file holds, it is read or refused."""

    @given(st.binary(max_size=40) | st.text("a:-[]{}&*!|>'\"%#?,\n <1\0\t=~", max_size=24).map(str.encode))
    @example(b'a: !!int ""')
    @example(b"&a : *a")
    @example(b"<<: ")
    def read_or_refused(data: bytes) -> None:
        for path in ("f.yaml", "f.json"):
            try:
                assert isinstance(fragment(data, path).body.value, dict)
            except Invalid:
                told = problems_of(lambda path=path: fragment(data, path))  # type: ignore[misc]
                assert all(problem.severity == "error" and problem.message for problem in told)

    read_or_refused()


@given(st.text("ab:-[]{}&*!|>'\"#?,\n <1=~", max_size=24))
def test_what_safe_load_refuses_is_refused_and_what_it_accepts_means_the_same(text: str) -> None:
    """Over generated near-YAML: values are PyYAML's, and what PyYAML refuses is never read."""
    try:
        expected = safe_load(text)
    except Exception:
        assert problems_of(lambda: fragment(text))
        return
    try:
        found = plain(fragment(text).body)
    except Invalid:
        return
    assert typed(found) == typed({} if expected is None else expected)
