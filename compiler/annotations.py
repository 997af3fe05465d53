"""GitHub's annotations: workflow commands that show a message at a line of a pull request; the one place that escapes.

GitHub shows few of one step, and takes any line of the output that looks like a command for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from compiler.problems import printable

ANNOTATIONS: Final = 10
"""How many errors of a step GitHub shows, and how many warnings."""


def annotation(place: dict[str, Any] | None, title: str, message: str, severity: str = "error") -> str:
    """Write one annotation, on one line.

    Args:
        place: as `place_data` gives it; None for no place at all.
        title: what stands above the message, such as a problem code.
        message: one paragraph.
        severity: `error` or `warning`.
    """
    where: Sequence[tuple[str, str]] = (("file", "file"), ("line", "line"), ("col", "column"))
    parts = [f"{name}={_property(str(place[key]))}" for name, key in where if place[key]] if place else []
    return f"::{severity} {','.join([*parts, f'title={_property(title)}'])}::{_data(message)}"


def of_problem(problem: dict[str, Any]) -> str:
    """Write the annotation of a problem, as `problem_data` gives it; its notes are left to the text."""
    message = "; ".join(filter(None, (problem["message"], problem["why"], problem["hint"])))
    return annotation(problem["origin"], problem["code"], message, problem["severity"])


def fitting(lines: Iterable[str], rest: str, severity: str = "error") -> list[str]:
    """Give each annotation once, and no more than GitHub shows: the last one counts those that are left out.

    Args:
        lines: annotations of one severity.
        rest: where the others are.
        severity: of the last one.
    """
    kept = list(dict.fromkeys(lines))
    if len(kept) > ANNOTATIONS:
        left = len(kept) - ANNOTATIONS + 1
        kept[ANNOTATIONS - 1 :] = [annotation(None, "trainlock", f"and {left:,} more: {rest}", severity)]
    return kept


def of_problems(problems: Iterable[dict[str, Any]]) -> list[str]:
    """Write problems as annotations: the errors, then the warnings."""
    told = list(problems)
    lines = []
    for severity in ("error", "warning"):
        ones = (of_problem(problem) for problem in told if problem["severity"] == severity)
        lines += fitting(ones, "see the log", severity)
    return lines


def _data(text: str) -> str:
    """Escape the message of a command; `printable` has left no line break in it."""
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
