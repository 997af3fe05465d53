"""Scalars that YAML 1.1 and YAML 1.2 read differently: what each makes of them, and how to write what was meant.

A preset is read as YAML 1.1, because that is what the trainer does; an editor, another tool and most people read 1.2.
The value is never changed: where the two disagree it is told, with the spelling on which all agree. What 1.2 makes of
a plain scalar is its core schema (yaml.org/spec/1.2.2, section 10.3.2).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from compiler.values import MAX_INT_DIGITS


class Trap(NamedTuple):
    """A scalar that two versions of YAML read differently, as a warning has it."""

    code: str
    message: str
    why: str
    hint: str


_INT: Final = re.compile(r"[-+]?[0-9]+")
_RADIX: Final = re.compile(r"0o(?P<octal>[0-7]+)|0x(?P<hex>[0-9a-fA-F]+)")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_ODD: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def read_as_core(text: str) -> Any:
    """Give what YAML 1.2 makes of a plain scalar; infinities and NaN, on which both versions agree, as they stand."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text) if len(text) < MAX_INT_DIGITS else text
    radix = _RADIX.fullmatch(text)
    if radix is not None:
        return int(radix["octal"], 8) if radix["octal"] else int(radix["hex"], 16)
    return float(text) if _FLOAT.fullmatch(text) else text


Check = Callable[[str, Any, Any], Trap | None]
"""Takes a scalar as it is written, what YAML 1.1 makes of it, and what YAML 1.2 does."""


def trap_of(text: str, value: Any) -> Trap | None:
    """Say how two versions of YAML differ about a plain scalar; None where they agree.

    Args:
        text: the scalar as it is written.
        value: what YAML 1.1 makes of it, as `yaml.safe_load` does.
    """
    if _ODD.fullmatch(text):
        return None
    other = read_as_core(text)
    if type(other) is type(value) and other == value:
        return None
    return next((trap for check in TRAPS.values() if (trap := check(text, value, other)) is not None), None)


def date_value(text: str, value: Any, _other: Any) -> Trap | None:
    """A date is written as a text.

    Bad:
        custom: {grpo: {begun: 2026-01-31}}

    Good:
        custom: {grpo: {begun: "2026-01-31"}}
    """
    if not isinstance(value, datetime.date):
        return None
    why = "YAML 1.1 makes a date of it, YAML 1.2 a text"
    return Trap("date-value", f"`{text}` reads as a date", why, f"quote it if it is text: {_quoted(text)}")


def word_as_boolean(text: str, value: Any, _other: Any) -> Trap | None:
    """A boolean is written `true` or `false`, and a word in quotes.

    Bad:
        custom: {grpo: {urgent: yes}}

    Good:
        custom: {grpo: {urgent: true}}
    """
    if type(value) is not bool:
        return None
    meant = "true" if value else "false"
    why = f"YAML 1.1 makes the boolean `{meant}` of it, YAML 1.2 a text"
    return Trap("word-as-boolean", f"`{text}` reads as a boolean", why, _write(meant, text))


def number_as_text(text: str, value: Any, other: Any) -> Trap | None:
    """What looks like a number is one: an exponent has a dot before it and a sign behind it.

    Bad:
        custom: {grpo: {rate: 2e-5}}

    Good:
        custom: {grpo: {rate: 2.0e-5}}
    """
    if type(value) is not str:
        return None
    why = "YAML 1.2 makes a number of it, YAML 1.1 and with it the trainer a text"
    is_endless = type(other) is float and other in (float("inf"), float("-inf"))  # digits of a hash, say
    hint = f"quote it: {_quoted(text)}" if is_endless else _write(_number(text, other), text)
    return Trap("number-as-text", f"`{text}` reads as a text", why, hint)


def sexagesimal_value(text: str, value: Any, _other: Any) -> Trap | None:
    """A time of day, or anything else of digits and colons, is written as a text.

    Bad:
        custom: {grpo: {at: 12:30:00}}

    Good:
        custom: {grpo: {at: "12:30:00"}}
    """
    if ":" not in text:
        return None
    meant = _number(text, value)
    why = f"YAML 1.1 makes `{meant}` of it, YAML 1.2 a text"
    hint = f"quote it if it is text: {_quoted(text)}; else write `{meant}`"
    return Trap("sexagesimal-value", f"`{text}` reads as a number in base 60", why, hint)


def octal_value(text: str, value: Any, other: Any) -> Trap | None:
    """A number does not begin with a zero that makes it octal.

    Bad:
        custom: {grpo: {room: 012}}

    Good:
        custom: {grpo: {room: 12}}
    """
    is_octal = re.fullmatch(r"[-+]?0[0-7_]+", text) is not None
    return _odd_number("octal-value", "an octal number", text, value, other) if is_octal else None


def number_spelling(text: str, value: Any, other: Any) -> Trap | None:
    """A number is written in digits, without underscores and without a radix that only one version knows.

    Bad:
        custom: {grpo: {pixels: 1_000}}

    Good:
        custom: {grpo: {pixels: 1000}}
    """
    return _odd_number("number-spelling", "a number", text, value, other)


TRAPS: Final[dict[str, Check]] = {
    "date-value": date_value,
    "word-as-boolean": word_as_boolean,
    "number-as-text": number_as_text,
    "sexagesimal-value": sexagesimal_value,
    "octal-value": octal_value,
    "number-spelling": number_spelling,
}
"""Every way in which the two versions differ; the first that holds is told."""


def _odd_number(code: str, kind: str, text: str, value: Any, other: Any) -> Trap:
    """Word a scalar that YAML 1.1 makes another number of than it looks like."""
    makes = f"the number `{other}`" if type(other) in (int, float) else "a text"
    meant = _number(text, value)
    why = f"YAML 1.1 makes `{meant}` of it, YAML 1.2 {makes}"
    if type(other) in (int, float):
        return Trap(
            code,
            f"`{text}` reads as {kind}",
            why,
            f"write `{meant}` or `{other}`, whichever is meant; quote it if it is text",
        )
    return Trap(code, f"`{text}` reads as {kind}", why, _write(meant, text))


def _write(meant: str, text: str) -> str:
    return f"write `{meant}`, or {_quoted(text)} if it is text"


def _quoted(text: str) -> str:
    return f'`"{text}"`'


def _number(text: str, number: Any) -> str:
    """Write a number so that both versions read it: an exponent has a dot before it and a sign behind it."""
    if type(number) is not float:
        return str(number)
    head, letter, exponent = text.replace("_", "").lower().partition("e")
    if not letter or not _FLOAT.fullmatch(head):
        return repr(number) if "e" not in repr(number) else with_a_dot(repr(number))
    return with_a_dot(f"{head}e{exponent}")


def with_a_dot(number: str) -> str:
    """Spell a number that has an exponent so that YAML 1.1 reads one: digits on both sides of a dot, and a sign."""
    head, _, exponent = number.lower().partition("e")
    whole, _, fraction = head.partition(".")
    sign = "" if exponent[0] in "+-" else "+"
    return f"{whole if whole.strip('+-') else whole + '0'}.{fraction or '0'}e{sign}{exponent}"
