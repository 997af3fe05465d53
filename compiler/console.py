"""Printing that no broken stream can turn into a failed build.

A message may go to a closed pipe, a full disk, a terminal that knows no Chinese, or nowhere at all: the locks are
written all the same.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, TextIO

from compiler.problems import Problem, SourceLine, in_order, no_line, render


def prepare() -> None:
    """Let both streams escape what their encoding lacks, rather than fail on it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str, end: str = "\n") -> None:
    """Print a message on stderr, if anybody can read it."""
    write(sys.stderr, text + end)


TOLD_OF_ONE_CODE: Final = 10
"""How many warnings of one code a build tells; `trainlock check` tells all of them."""


def tell(problems: Iterable[Problem], source_line: SourceLine = no_line, at_most: int | None = None) -> None:
    """Print problems on stderr, each once, in order of place; a CI job takes no name in them for a command to it.

    Args:
        problems: what is told.
        source_line: gives the line for an excerpt.
        at_most: how many warnings of one code are told; every one, if None.
    """
    told: Counter[str] = Counter()
    for problem in in_order(problems):
        told[problem.code] += problem.severity == "warning"
        if at_most is None or told[problem.code] <= at_most:
            say(render(problem, source_line).replace("##[", "##\\["))
    for code, count in sorted(told.items()):
        if at_most is not None and count > at_most:
            say(f"warning: and {count - at_most} more of this kind [{code}]")
            say("  hint: `trainlock check` tells all of them")


def also_told(problems: Iterable[Problem], silenced: Sequence[object] = ()) -> str:
    """Word how many warnings there were, behind other counts; nothing where there were none."""
    count = sum(problem.severity == "warning" for problem in problems)
    return (f", {count} warning{'' if count == 1 else 's'}" if count else "") + (
        f", {len(silenced)} silenced" if silenced else ""
    )


def write(stream: TextIO | None, text: str) -> bool:
    """Print data, and say whether it got out; a stream that failed is pointed at nothing, so that its end is quiet."""
    try:
        if stream is None:
            return False
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        silence(stream)
        return False
    return True


def silence(stream: TextIO | None) -> None:
    """Point a stream at nothing: the interpreter flushes it once more, and must not fail."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())  # type: ignore[union-attr]
        os.close(nothing)


BUG: Final = 3
"""The exit code of what no user can cause."""


def bug(error: Exception) -> int:
    """Tell that something happened which no user can cause; gives the exit code 3.

    With TRAINLOCK_DEBUG in the environment the error flies on, for its traceback.
    """
    if os.environ.get("TRAINLOCK_DEBUG"):
        raise error
    say(f"error: this is a bug in trainlock: {type(error).__name__}: {error}")
    say("  hint: TRAINLOCK_DEBUG=1 shows where; please report it")
    return BUG


PROGRESS_AFTER: Final = 1.0
"""Seconds after which a build on a terminal shows how far it is."""


class Progress:
    """One line on a terminal that says how far a long build is, and none anywhere else."""

    def __init__(self, what: str = "lock") -> None:
        self._what = what
        self._begun = time.monotonic()
        self._shown = False
        self._terminal = sys.stderr is not None and sys.stderr.isatty()

    def __call__(self, done: int, total: int) -> None:
        """Show that so many of so many are done."""
        if self._terminal and total and time.monotonic() - self._begun > PROGRESS_AFTER:
            self._shown = True
            say(f"\rtrainlock: {self._what} {done} of {total}", end="")

    def clear(self) -> float:
        """Take the line away; gives the seconds since the build began."""
        if self._shown:
            say("\r\033[K", end="")
            self._shown = False
        return time.monotonic() - self._begun


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns; the last one may be as long as it likes."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
