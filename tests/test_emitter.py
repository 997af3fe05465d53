"""emitter: what is written reads back as the same value, in YAML 1.1 and in YAML 1.2."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from builders import layout, lock_of, node, safe_load, safe_load_1_2, typed
from compiler.emitter import INLINE_COLUMNS, Encoder, one_line
from compiler.values import MAX_INT, Node, Origin, node_of, plain

SOURCE = "configs/train/p.yaml"
LOCK = "build/train/p.lock.yaml"


def body_of(value: dict[str, Any]) -> str:
    """Give the body of the lock of a plain mapping."""
    return Encoder(lambda file: file).body(node_of(value, Origin("f", 1, 1))).decode()


def test_a_list_of_scalars_stands_inline_up_to_a_hundred_columns() -> None:
    """At 100 columns inline, at 101 in block style; with a mapping or a list in it always in block style."""
    fits = "x" * (INLINE_COLUMNS - len("k: [1, ]"))
    assert body_of({"k": [1, fits]}).split("\n")[0] == f"k: [1, {fits}]  # f"
    assert body_of({"k": [1, fits + "x"]}).split("\n")[1:] == ["  - 1", f"  - {fits}x", ""]
    assert body_of({"k": [[1]]}).split("\n")[1] == "  - [1]"
    wide = "北" * (INLINE_COLUMNS - len('k: [""]'))
    assert body_of({"k": [wide]}).count("\n") == 1


HOSTILE = [
    "yes",
    "Yes",
    "no",
    "NO",
    "on",
    "Off",
    "y",
    "n",
    "Y",
    "N",
    "true",
    "FALSE",
    "null",
    "Null",
    "NULL",
    "~",
    "none",
    ".inf",
    "-.inf",
    ".nan",
    ".NaN",
    "inf",
    "nan",
    "NaN",
    "Infinity",
    "1",
    "-1",
    "+1",
    "0",
    "00",
    "010",
    "0o10",
    "0x1F",
    "0b1",
    "1_000",
    "1e5",
    "1E5",
    "1e-5",
    "1.0",
    ".5",
    "5.",
    "1.5e3",
    "1.5e+3",
    "-",
    "+",
    ".",
    "..",
    "...",
    "-.",
    "+.inf",
    "1:30",
    "12:30:45",
    "1:2:3.4",
    "2026-01-31",
    "2026-01-31T10:00:00Z",
    "2001-12-14",
    "=",
    "<<",
    "<",
    ">",
    "|",
    "!",
    "&",
    "*",
    "@",
    "`",
    "%",
    "#",
    "?",
    ":",
    ",",
    "[",
    "]",
    "{",
    "}",
    "'",
    '"',
    "\\",
    "--",
    "---",
    "a:",
    "a:b",
    ":a",
    "a#",
    "#a",
    "a,b",
    "[a]",
    "{a}",
    "!a",
    "&a",
    "*a",
    "@a",
    "`a",
    "%a",
    "?a",
    "-a",
    "|a",
    ">a",
    "'a",
    '"a',
    "a'",
    'a"',
    "a\\",
    "\\n",
    "a=b",
    "/x",
    "./x",
    "../x",
    ".x",
    "..x",
    ".x/y",
    "x/",
    "~/x",
    "_",
    "__",
    "_1",
    "1_",
    "e1",
    "E5",
    "x",
    "y_",
    "z-",
    "北京",
    "é",
    "😀",
    "𝒳",
    "ß",
    "ﬁ",
    "ñ",
    "İ",
    "İ",
    "true1",
    "nulls",
    "On1",
    "no-op",
    "yes/no",
    "0.0.0.0",
    "127.0.0.1",
    "1.2.3",
    "v1.0",
    "C:\\x",
    "http://x:80/?a=b#c",
    "key=value",
]
HOSTILE += [
    "",
    " ",
    " a",
    "a ",
    "a b",
    "a: b",
    "a #b",
    "- a",
    "? a",
    "a\tb",
    "\t",
    "a\nb",
    "\n",
    "a\n",
    "\na",
    "a\r\nb",
    "\r",
    "\0",
    "\x07",
    "\x1b[0m",
    "\x7f",
    "\x80",
    "\x85",
    "a\x85b",
    "\xa0",
    "\xad",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\ufeffa",
    "\ufffe",
    "\uffff",
    "\ufdd0",
    "\u200b",
    "\u202e",
    "\u0600",
    "\U000e0001",
    "\U0001fffe",
    "\U0010ffff",
    "\ud7ff",
    "\ue000",
    "%YAML 1.2",
    "--- a",
    "... ",
    "a" * 300,
    "a b " * 100,
    "x: " * 50,
    "\\x41",
    '"quoted"',
    "'quoted'",
    "it's",
]
KEYS = [text for text in HOSTILE if len(text) <= 120]


@pytest.mark.parametrize("read", [safe_load, safe_load_1_2], ids=["PyYAML", "YAML 1.2"])
def test_every_hostile_text_reads_back_as_the_same_text(read: Callable[[str], Any]) -> None:
    """As a value, in a list and as a key, in both dialects; and on one line."""
    value: dict[str, Any]
    for text in HOSTILE:
        value = {"k": text, "l": [text, [text]], "m": {"n": [{"o": text}]}}
        written = body_of(value)
        assert typed(read(written)) == typed(value), repr(text)
        assert [line[:2] for line in written.split("\n")[:2]] == ["k:", "l:"]  # one line, whatever it holds
    for text in KEYS:
        value = {text: 1, "m": {text: {text: [1, {text: None}]}}}
        assert typed(read(body_of(value))) == typed(value), repr(text)


@pytest.mark.parametrize("char", ["\U000e0001", "\x01", "\\", "\u2028", "北", "😀", "a"])
@pytest.mark.parametrize("read", [safe_load, safe_load_1_2], ids=["PyYAML", "YAML 1.2"])
def test_the_longest_key_of_any_character_reads_back(read: Callable[[str], Any], char: str) -> None:
    """A key of 120 characters is a key also where each of them has to be escaped."""
    value = {char * 120: {char * 119: 1}}
    assert typed(read(body_of(value))) == typed(value)


NUMBERS: list[Any] = [
    *(0, 1, -1, 10, 8, 255, 10**18, -(10**30), MAX_INT - 1, 1 - MAX_INT),
    *(
        0.0,
        -0.0,
        1.0,
        -1.5,
        1e-07,
        1e-5,
        1e5,
        1e16,
        1e22,
        1.5e300,
        5e-324,
        1.7976931348623157e308,
        0.1,
        1 / 3,
        123456789.125,
    ),
    *(float("inf"), float("-inf"), float("nan"), True, False, None),
]


@pytest.mark.parametrize("read", [safe_load, safe_load_1_2], ids=["PyYAML", "YAML 1.2"])
def test_every_number_boolean_and_null_reads_back_in_type_and_value(read: Callable[[str], Any]) -> None:
    """Floats carry a dot; -0.0 and NaN keep what they are."""
    value = {
        "v": NUMBERS,
        "w": [[number] for number in NUMBERS],
        **{f"k{n}": v for n, v in enumerate(NUMBERS)},
    }
    assert typed(read(body_of(value))) == typed(value)
    for number in NUMBERS:
        if isinstance(number, float) and math.isfinite(number):
            assert "." in body_of({"k": number})


def test_equal_keys_of_unequal_type_are_not_mixed_up() -> None:
    """1, 1.0 and true are equal in Python: the writer's memory does not confuse them, in any order."""
    for values in ([1, 1.0, True, 0, 0.0, -0.0, False], [False, -0.0, 0.0, 0, True, 1.0, 1]):
        assert typed(safe_load(body_of({"v": values}))) == typed({"v": values})


DATES: list[Any] = [
    datetime.date(2026, 1, 31),
    datetime.date(1, 1, 1),
    datetime.datetime(2026, 1, 31),
    datetime.datetime(2026, 1, 31, 10, 20, 30),
    datetime.datetime(2026, 1, 31, 10, 20, 30, 123000),
    datetime.datetime(2026, 1, 31, 10, 20, 30, 5, tzinfo=datetime.UTC),
    datetime.datetime(2026, 1, 31, 10, 20, tzinfo=datetime.timezone(datetime.timedelta(hours=-5, minutes=-30))),
]


def test_dates_read_back_as_pyyaml_reads_them() -> None:
    """A date in a source is the same date in the lock, with its time zone."""
    value = {"v": DATES, "w": [[date] for date in DATES]}
    assert typed(safe_load(body_of(value))) == typed(value)
    for text in (
        "2001-12-14t21:59:43.10-05:00",
        "2001-12-15 2:59:43.10",
        "2001-12-14 21:59:43.1234567 +5:30",
        "2001-1-1",
    ):
        files = {SOURCE: f"k: {text}\n"}
        assert typed(safe_load(lock_of(files, SOURCE))) == typed(safe_load(f"k: {text}\n"))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(HOSTILE)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
TREES = st.dictionaries(
    TEXTS.filter(lambda text: len(text) <= 100),
    st.recursive(
        SCALARS,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(TEXTS.filter(lambda text: len(text) <= 100), inner, max_size=3)
        ),
        max_leaves=10,
    ),
    max_size=4,
)


@given(TREES)
@example({"a": [[], {}, [[]], [{}], {"b": [[[{"c": []}]]]}]})
@example({"a": [["x" * 120], "y"], "b": [{"k": ["x" * 120]}]})
def test_decoding_what_was_encoded_gives_the_same_values(tree: dict[str, Any]) -> None:
    """decode(encode(x)) is x in type, value and key order, for PyYAML and for YAML 1.2."""
    written = body_of(tree)
    expected = typed(tree)
    assert typed(safe_load(written)) == expected
    assert typed(safe_load_1_2(written)) == expected


def mixed(value: Any, files: list[str], depth: int = 0) -> Node:
    """Give a plain value as nodes of several files, as merged entries are."""
    origin = Origin(files[depth % len(files)], 1, 1)
    if isinstance(value, dict):
        return Node({key: mixed(child, files, depth + n) for n, (key, child) in enumerate(value.items())}, origin)
    if isinstance(value, list):
        return Node([mixed(child, files, depth + n) for n, child in enumerate(value)], origin)
    return Node(value, origin)


@given(TREES)
def test_trees_of_many_files_decode_to_the_same_values(tree: dict[str, Any]) -> None:
    """The commented style of lists of several files is as faithful as the plain one."""
    written = Encoder(lambda file: file).body(mixed(tree, ["a", "b", "c"])).decode()
    assert typed(safe_load(written)) == typed(tree)


@given(TREES)
def test_one_line_is_yaml_of_the_same_value(tree: dict[str, Any]) -> None:
    """What messages show of a value is itself YAML."""
    text = one_line(node_of(tree))
    assert "\n" not in text
    assert typed(safe_load(text)) == typed(tree)


def test_a_node_built_by_the_tests_is_as_the_reader_makes_it() -> None:
    """The negative control of the typed comparison: a changed value is seen."""
    assert typed(safe_load(body_of({"k": 1}))) != typed({"k": 1.0})
    assert plain(node("{k: 1}")) == {"k": 1}
    assert layout("/r").lock_of(SOURCE) == LOCK
