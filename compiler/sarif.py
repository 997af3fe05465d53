"""Problems as SARIF 2.1.0, for code scanning and for editors. Nothing in it depends on the machine or the clock.

What stands in a file is a result. What stands in none, such as an option that means nothing, is a notification of the
run, as a result without a place is refused by those who read SARIF.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import quote

from compiler import __version__
from compiler.codes import Code, codes
from compiler.problems import MAX_NOTES, Note, Problem, in_order, printable, without_secrets
from compiler.values import Origin

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
"""By its name; nothing fetches it."""

ROOT: Final = "%SRCROOT%"
"""What paths count from: the repository root, wherever whoever reads this has it."""

FINGERPRINT: Final = "trainlockProblem/v1"
"""The name of our fingerprint; another way to make it is another name."""


def document(problems: Iterable[Problem], exit_code: int) -> dict[str, Any]:
    """Give the problems of one run as a SARIF log.

    Args:
        problems: of the run.
        exit_code: of the command.
    """
    known = codes()
    places = {name: index for index, name in enumerate(known)}
    told = [without_secrets(problem) for problem in in_order(problems)]
    placed = [problem for problem in told if problem.origin.file]
    run = {
        "tool": {
            "driver": {
                "name": "trainlock",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(code) for code in known.values()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "the repository root"}}},
        "invocations": [
            {
                "executionSuccessful": exit_code in (0, 1),
                "exitCode": exit_code,
                "toolConfigurationNotifications": [
                    _notification(problem, places) for problem in told if not problem.origin.file
                ],
            }
        ],
        "results": [
            _result(problem, places, fingerprint)
            for problem, fingerprint in zip(placed, _fingerprints(placed), strict=True)
        ],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: Code) -> dict[str, Any]:
    return {
        "id": code.name,
        "shortDescription": {"text": code.short},
        "fullDescription": {"text": code.whole},
        "help": {
            "text": f"{code.way_out}\nSee {code.link}",
            "markdown": f"{code.section}\n\nSee [{code.link}]({code.link})",
        },
        "defaultConfiguration": {"level": "warning" if code.is_warning else "error"},
    }


def _result(problem: Problem, places: dict[str, int], fingerprint: str) -> dict[str, Any]:
    notes = problem.notes[:MAX_NOTES]
    return {
        "ruleId": problem.code,
        "ruleIndex": places[problem.code],
        "level": problem.severity,
        "message": {"text": _told(problem)},
        "locations": [{"physicalLocation": _place(problem.origin)}],
        "relatedLocations": [_related(number, note) for number, note in enumerate(notes, 1)],
        "partialFingerprints": {FINGERPRINT: fingerprint},
    }


def _notification(problem: Problem, places: dict[str, int]) -> dict[str, Any]:
    return {
        "associatedRule": {"id": problem.code, "index": places[problem.code]},
        "level": problem.severity,
        "message": {"text": _told(problem)},
    }


def _told(problem: Problem) -> str:
    """Give the message, the reason and the way out, a line each."""
    lines = [problem.message]
    lines += [f"why: {problem.why}"] if problem.why else []
    lines += [f"hint: {problem.hint}"] if problem.hint else []
    return "\n".join(map(_text, lines))


def _text(text: str) -> str:
    """Give one line of plain text; a link is what SARIF makes of `[this](that)`, and no name in a message is one."""
    return printable(text).replace("](", "]\\(")


def _related(number: int, note: Note) -> dict[str, Any]:
    where: dict[str, Any] = {"physicalLocation": _place(note.origin)} if note.origin.file else {}
    return {"id": number, **where, "message": {"text": _text(note.text)}}


def _place(origin: Origin) -> dict[str, Any]:
    path = quote(origin.file.encode("utf-8", "surrogateescape"))
    region = {"region": {"startLine": origin.line, "startColumn": origin.column}} if origin.line else {}
    return {"artifactLocation": {"uri": path, "uriBaseId": ROOT}, **region}


def _fingerprints(problems: Sequence[Problem]) -> list[str]:
    """Give what each problem is known by while lines move above it: what is said of which file, for the nth time."""
    seen: Counter[str] = Counter()
    found = []
    for problem in problems:
        said = "\0".join((problem.code, problem.origin.file, problem.message))
        seen[said] += 1
        whole = f"{said}\0{seen[said]}"
        found.append(hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest())
    return found
