"""spelling: a plain scalar is told if, and only if, a reader of YAML 1.2 reads something else; the hint mends it."""

from __future__ import annotations

import datetime
import re
from typing import Any, Final

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from ruamel.yaml.error import YAMLError as OtherError

from builders import fragment, safe_load, safe_load_1_2, typed
from compiler import scalars
from compiler.problems import Problem
from compiler.spelling import TRAPS, read_as_core, trap_of
from compiler.values import plain

CASES: Final = [
    # what it is, the value of YAML 1.1, the code
    ("yes", True, "word-as-boolean"),
    ("No", False, "word-as-boolean"),
    ("ON", True, "word-as-boolean"),
    ("off", False, "word-as-boolean"),
    ("2e-5", "2e-5", "number-as-text"),
    ("1E5", "1E5", "number-as-text"),
    ("1.5e3", "1.5e3", "number-as-text"),
    ("-.5", "-.5", "number-as-text"),
    ("08", "08", "number-as-text"),
    ("0o17", "0o17", "number-as-text"),
    ("695e0514", "695e0514", "number-as-text"),
    ("012", 10, "octal-value"),
    ("-017", -15, "octal-value"),
    ("12:30:00", 45000, "sexagesimal-value"),
    ("1:30.5", 90.5, "sexagesimal-value"),
    ("1_000", 1000, "number-spelling"),
    ("1_0.5", 10.5, "number-spelling"),
    ("0b101", 5, "number-spelling"),
    ("-0x1F", -31, "number-spelling"),
    ("2026-01-31", datetime.date(2026, 1, 31), "date-value"),
    ("2026-01-31 12:00:00", datetime.datetime(2026, 1, 31, 12), "date-value"),
]
AGREED: Final = [
    *(
        "true",
        "False",
        "null",
        "~",
        "Null",
        "0",
        "-7",
        "+12",
        "0x1f",
        "00",
        "1.5",
        ".5",
        "1.",
        "1.0e-4",
        "-.inf",
        ".nan",
    ),
    *("+.INF", "text", "y", "n", "nope", "once", "a1", "1.2.3", "e5", "0x", "1e", "--1", "12:3a", "/yes", "5e-"),
]


def told(text: str) -> list[Problem]:
    """Give what is told of a plain scalar at a key."""
    return list(fragment(f"k: {text}\n").warnings)


@pytest.mark.parametrize(("text", "value", "code"), CASES)
def test_a_trap_is_told_with_its_code_at_its_place(text: str, value: Any, code: str) -> None:
    """The value stays what `yaml.safe_load` says, and the warning stands at the value."""
    body = fragment(f"k: {text}\n").body
    assert typed(plain(body)) == typed({"k": value}) == typed(safe_load(f"k: {text}\n"))
    assert [(one.code, str(one.origin), one.severity) for one in told(text)] == [(code, "f.yaml:1:4", "warning")]


@pytest.mark.parametrize("text", AGREED)
def test_what_readers_agree_on_is_not_told(text: str) -> None:
    """Plain words, numbers and nulls that both versions read alike give no warning."""
    assert told(text) == []


@pytest.mark.parametrize(("text", "value", "code"), CASES)
def test_every_spelling_that_a_hint_names_is_read_by_all(text: str, value: Any, code: str) -> None:
    """What the hint writes is told no more; first comes the value of YAML 1.1, or what it looks like."""
    spellings = re.findall(r"`([^`]+)`", told(text)[0].hint)
    assert spellings
    assert [told(spelling) for spelling in spellings] == [[]] * len(spellings)
    first = safe_load(spellings[0])
    if text == "695e0514":
        assert spellings == [f'"{text}"']
    elif code == "number-as-text":
        assert first == read_as_core(text)
    elif code in ("date-value", "sexagesimal-value"):
        assert first == text
    else:
        assert first == value


@pytest.mark.parametrize(("text", "value", "code"), CASES)
def test_quotes_and_tags_leave_no_doubt(text: str, value: Any, code: str) -> None:
    """A quoted scalar, a block scalar and one with a tag are not told."""
    quoted = [f"k: '{text}'\n", f'k: "{text}"\n', f"k: |-\n  {text}\n", f"k: !!str {text}\n", f"k: &a !!str {text}\n"]
    assert [fragment(document).warnings for document in quoted] == [()] * len(quoted)


def test_a_trap_is_told_wherever_a_value_stands() -> None:
    """In lists, in flow style, behind an anchor, below a merge key, behind text of any width; an alias is told once."""
    text = "é: [yes, {k: off}]\na: &x no\nb: *x\nc: &m {n: on}\nd: {<<: *m}\n"
    assert [str(one.origin) for one in fragment(text).warnings] == [
        "f.yaml:1:5",
        "f.yaml:1:14",
        "f.yaml:2:4",
        "f.yaml:4:11",
    ]


def test_a_trap_is_told_of_each_file_however_many_scalars_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered of scalars is dropped when it is too much, and of no file is a trap lost by it."""
    monkeypatch.setattr(scalars, "MEMO", 0)
    assert [len(told(text)) for text in ("yes", "no", "yes", "text")] == [1, 1, 1, 0]
    assert scalars.TRAPS == {}


def test_keys_are_texts_and_are_not_told() -> None:
    """A key that is no text is refused; one that reads as a number in YAML 1.2 is quoted in the lock."""
    assert fragment("1e5: x\n").warnings == ()


def test_every_trap_is_met() -> None:
    """The table of cases has every code."""
    assert {code for _, _, code in CASES} == set(TRAPS)


def other_reader(text: str) -> Any:
    """Give what a reader of YAML 1.2 makes of a plain scalar."""
    try:
        return safe_load_1_2(f"k: {text}\n")["k"]
    except (OtherError, ValueError, AttributeError, TypeError):
        return assume(False)


SCALARS: Final = st.one_of(
    st.from_regex(r"[-+]?[0-9]{1,4}(\.[0-9]{0,3})?([eE][-+]?[0-9]{1,2})?", fullmatch=True),
    st.from_regex(r"[-+]?0[xob]?[0-9a-f]{1,4}", fullmatch=True),
    st.from_regex(r"[-+]?\.[0-9]{1,3}([eE][-+]?[0-9])?", fullmatch=True),
    st.sampled_from(["yes", "no", "on", "off", "true", "false", "null", "~", "y", "n", "Yes", "OFF", "True", "NULL"]),
    st.text("0123456789eE+-.xoab", min_size=1, max_size=6).filter(lambda text: text[0] not in "-" or len(text) > 1),
)


@given(SCALARS)
@example("012")
@example("1e5")
@example("0o17")
@example("-.5")
def test_a_scalar_is_told_exactly_where_a_reader_of_the_other_version_differs(text: str) -> None:
    """Against ruamel.yaml, which reads YAML 1.2: told if its typed value is another, and only then.

    Left out is where ruamel.yaml leaves the core schema of YAML 1.2: it takes a sign before `0x`, and binary numbers,
    and wants a sign in the exponent of a number that begins with a dot.
    """
    assume(not re.fullmatch(r"[-+]?0b[01]+|[-+]0[xo][0-9a-f]+|[-+]?\.|[-+]?\.[0-9]+[eE][0-9]+", text))
    try:
        mine = safe_load(f"k: {text}\n")["k"]
    except ValueError:
        assume(False)
    differs = typed(mine) != typed(other_reader(text))
    assert (told(text) != []) == differs


def test_the_test_above_can_fail() -> None:
    """The negative control: the other reader does read these differently, and agrees on those."""
    assert [other_reader(text) for text in ("012", "1e5", "yes", "0o17")] == [12, 1e5, "yes", 15]
    assert [other_reader(text) for text in ("12", "1.0e+5", "true")] == [12, 1e5, True]


def test_two_numbers_of_one_value_and_another_type_are_told_apart() -> None:
    """A trap compares types, too: 1 and 1.0 are two values."""
    assert trap_of("1.0", 1.0) is None
    assert trap_of("1.0", 1) is not None
