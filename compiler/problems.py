"""Problems: what is wrong, where, why, and the way out.

A stage hands over facts; a problem is worded where it is found, in the one shape that `render` prints, and
every code has a section in `docs/problems.md`. This module knows no YAML and no stage.

    TrainlockError         carries problems; caught once, at the rim
      Invalid              an input that cannot be compiled, or a lock that has drifted       exit 1
      UsageError           an argument or a setting that means nothing                        exit 2
      BuildLocked          another build holds the build lock, and did not let go in time     exit 75
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal, NamedTuple
from unicodedata import east_asian_width

from compiler.disguise import masked, shows_one
from compiler.values import NOWHERE, Origin

Severity = Literal["error", "warning"]


class Note(NamedTuple):
    """A second place that belongs to a problem, and what it has to do with it."""

    origin: Origin
    text: str


class Problem(NamedTuple):
    """One thing that is wrong; compares by value.

    Attributes:
        code: kebab-case, never renamed; the section in `docs/problems.md`.
        message: lower case, no full stop, literals in backticks.
        origin: where to look first; line 0 means the file as a whole, an empty file name no file at all.
        why: the rule that was broken, or the reason given by the system.
        notes: other places that belong to it.
        hint: the way out.
        severity: an error fails what it concerns, a warning fails nothing.
    """

    code: str
    message: str
    origin: Origin = NOWHERE
    why: str = ""
    notes: tuple[Note, ...] = ()
    hint: str = ""
    severity: Severity = "error"

    def order(self) -> tuple[str, int, int, str, str]:
        """Give the key by which problems are sorted: place first."""
        return (self.origin.file, self.origin.line, self.origin.column, self.code, self.message)


class TrainlockError(Exception):
    """Base of all that a user can cause; `problems` holds at least one."""

    exit_code = 1

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


class Invalid(TrainlockError):
    """An input that cannot be compiled."""


class UsageError(TrainlockError):
    """An argument or a setting that means nothing."""

    exit_code = 2


class BuildLocked(TrainlockError):
    """Another build holds the build lock."""

    exit_code = 75


MOST_OF_A_KIND: Final = 100
"""How many problems of one code are told of one file: a hundred thousand of them are one mistake, repeated."""


class Findings:
    """What is wrong: of each code the first ones in each file, and how many more there are."""

    def __init__(self) -> None:
        self._told: list[Problem] = []
        self._count: dict[tuple[str, str, Severity], int] = {}
        self._next: dict[tuple[str, str, Severity], Problem] = {}

    def add(self, problem: Problem) -> None:
        """Keep a problem, or count it where there are enough of its kind."""
        kind = (problem.origin.file, problem.code, problem.severity)
        count = self._count[kind] = self._count.get(kind, 0) + 1
        if count <= MOST_OF_A_KIND:
            self._told.append(problem)
        else:
            self._next.setdefault(kind, problem)

    def is_one_more(self, file: str, code: str, severity: Severity) -> bool:
        """Count a problem that need not be worded, as enough of its kind are kept; says whether it is one."""
        kind = (file, code, severity)
        if kind not in self._next:
            return False
        self._count[kind] += 1
        return True

    def told(self) -> tuple[Problem, ...]:
        """Give what is told, in the order in which it was found; then, at the place of the next, how many more."""
        if not self._next:
            return tuple(self._told)
        more = []
        for kind, following in self._next.items():
            count = self._count[kind] - MOST_OF_A_KIND
            text = f"and {count:,} more of this kind in this file"
            # one more is told itself, so that what was told once stays as it is
            more.append(following if count == 1 else following._replace(message=text, why="", notes=(), hint=""))
        return (*self._told, *more)


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Give each problem once, sorted by place; the notes of several that are else the same are put together.

    Of a code that a file has more often than `MOST_OF_A_KIND`, the first ones are given, and how many more there are.
    """
    notes: dict[Problem, dict[Note, None]] = {}
    for problem in problems:
        notes.setdefault(problem._replace(notes=()), {}).update(dict.fromkeys(problem.notes))
    findings = Findings()
    for problem in sorted((problem._replace(notes=tuple(held)) for problem, held in notes.items()), key=Problem.order):
        findings.add(problem)
    return sorted(findings.told(), key=Problem.order)


CLOSE: Final = 0.75


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """Give the candidate that `word` was most likely meant to be, or None where none is close."""
    import difflib  # noqa: PLC0415 - only where something is wrong

    found = difflib.get_close_matches(word, list(candidates), n=1, cutoff=CLOSE)
    return found[0] if found else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Word a hint: the nearest candidate; else all of them where they are few; else nothing."""
    known = sorted(set(candidates))
    close = nearest(word, known)
    if close is not None:
        return f"did you mean `{close}`?"
    if known and len(known) <= 8:
        return "there is " + ", ".join(f"`{name}`" for name in known)
    return ""


def cut(text: str, widest: int = 100) -> str:
    """Cut a text that is too long to read, and show that it was."""
    return text if len(text) <= widest else text[: widest - 3] + "..."


def choice(names: Sequence[str]) -> str:
    """Word a hint of one to three names; nothing where there are none, or too many to choose from."""
    return "did you mean " + " or ".join(f"`{name}`" for name in names) + "?" if 0 < len(names) <= 3 else ""


def printable(text: str) -> str:
    """Give text that a terminal shows as it is: control and line-breaking characters escaped, one line."""
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in text
    )
    return shown.encode("utf-8", "replace").decode()


def without_secrets(problem: Problem) -> Problem:
    """Give a problem that quotes no secret."""
    notes = tuple(note._replace(text=masked(note.text)) for note in problem.notes)
    message, why, hint = (masked(text) for text in (problem.message, problem.why, problem.hint))
    return problem._replace(message=message, why=why, notes=notes, hint=hint)


SourceLine = Callable[[str, int], str | None]
"""Gives line N (from 1) of a file, without its end; None where there is none to show."""


def reason_of(error: OSError) -> str:
    """Give the reason of the system as a message tells it."""
    return (error.strerror or str(error)).lower()


GETS_IT: Final = "is the preset that gets it"
"""What a preset is to a problem that stands in one of its bases."""


def concerning(problem: Problem, source: str, what: str) -> Problem:
    """Say of a problem what it makes of a source, where it stands in another file."""
    if problem.origin.file == source:
        return problem
    return problem._replace(notes=(*problem.notes, Note(Origin(source, 0, 0), what)))


def no_line(_file: str, _line: int) -> None:
    """Give no line of any file: a problem is then told without an excerpt."""


MAX_NOTES: Final = 20
"""How many notes of a problem are told: an edit of a shared file concerns a thousand presets in the same way."""


def render(problem: Problem, source_line: SourceLine = no_line) -> str:
    """Write a problem for a person; the first line alone is enough. No colour, no trailing line end, no secret."""
    problem = without_secrets(problem)
    origin = problem.origin
    place = ""
    if origin.file:
        place = (
            f"{printable(origin.file)}:{origin.line}:{origin.column}: "
            if origin.line
            else f"{printable(origin.file)}: "
        )
    lines = [f"{place}{problem.severity}: {_said(problem.message)} [{problem.code}]"]
    text = source_line(origin.file, origin.line) if origin.line else None
    if text and not text.isspace():
        lines += _excerpt(text, origin)
    if problem.why:
        lines.append(f"  why: {_said(problem.why)}")
    lines += [
        f"  note: {printable(str(note.origin) if note.origin.line else note.origin.file)} {_said(note.text)}"
        for note in problem.notes[:MAX_NOTES]
    ]
    if len(problem.notes) > MAX_NOTES:
        lines.append(f"  note: and {len(problem.notes) - MAX_NOTES} more")
    if problem.hint:
        lines.append(f"  hint: {_said(problem.hint)}")
    return "\n".join(lines)


LONGEST_TEXT: Final = 10_000
"""How many characters of a message, a reason or a hint are told: a name that it holds may have millions."""


def _said(text: str) -> str:
    return printable(cut(text, LONGEST_TEXT))


WIDEST_EXCERPT: Final = 160


def _excerpt(text: str, origin: Origin) -> list[str]:
    """Give the source line and a caret below the column, but no secret; a very long line is cut around the column."""
    start = max(0, origin.column - WIDEST_EXCERPT // 2) if len(text) > WIDEST_EXCERPT else 0
    if shows_one(text, start, start + WIDEST_EXCERPT):
        return []
    text = text[start : start + WIDEST_EXCERPT]
    before = text[: origin.column - 1 - start]
    shown = printable(text.replace("\t", " "))
    pad = sum(2 if east_asian_width(char) in "WF" else 1 for char in printable(before.replace("\t", " ")))
    return [f"{origin.line:>5} | {shown.rstrip()}", f"      | {' ' * pad}^"]
