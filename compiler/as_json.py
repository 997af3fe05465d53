"""Values, places and problems as JSON can hold them: what `--json` prints, and what reports are made of."""

from __future__ import annotations

from typing import Any

from compiler.problems import Problem, without_secrets
from compiler.values import Origin


def problem_data(problem: Problem) -> dict[str, Any]:
    """Give a problem with all that belongs to it, but for secrets."""
    problem = without_secrets(problem)
    return {
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message,
        "origin": place_data(problem.origin),
        "why": problem.why,
        "notes": [{"origin": place_data(note.origin), "text": note.text} for note in problem.notes],
        "hint": problem.hint,
    }


def place_data(origin: Origin) -> dict[str, Any] | None:
    """Give a place; None for no place at all."""
    return {"file": origin.file, "line": origin.line, "column": origin.column} if origin.file else None


def place_text(place: dict[str, Any] | None) -> str:
    """Write a place of a document as `file:line:column`; the file alone where it is meant as a whole."""
    if place is None:
        return ""
    return f"{place['file']}:{place['line']}:{place['column']}" if place["line"] else str(place["file"])


def value_data(value: Any) -> Any:
    """Give a value as JSON can hold it: dates and the numbers that JSON lacks as text."""
    if isinstance(value, dict):
        return {key: value_data(child) for key, child in value.items()}
    if isinstance(value, list):
        return [value_data(child) for child in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124
        return str(value)
    return value if value is None or isinstance(value, (str, int, float)) else value.isoformat()


def json_text(data: Any) -> str:
    """Write a document; a text that UTF-8 cannot hold is escaped."""
    import json  # noqa: PLC0415 - a hundredth of a second that most commands need not pay

    text = json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(data, ensure_ascii=True, indent=2, allow_nan=False)
    return text
