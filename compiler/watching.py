"""`watch`: what to say after a save, and when to look. The only import of watchfiles, which a build does without.

Whatever wakes a `Watcher`, it looks for itself what was edited: at the times, sizes and inodes of the sources. So it
takes no write of its own for an edit, misses nothing that was saved while it built, and outlives a folder that is gone.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Final, NamedTuple

from compiler import pipeline
from compiler.catalog import SUFFIXES, Layout
from compiler.checks import component_sections
from compiler.pipeline import Build, Workspace
from compiler.problems import Invalid, Problem, SourceLine, TrainlockError, UsageError, in_order, no_line
from compiler.settings import PYPROJECT
from compiler.store import BuildLock

NAMED: Final = 5
"""How many files or presets a line names."""

TICK: Final = 1.0
"""Seconds after which a watcher looks though nothing woke it: at the settings, and whether its folder is there."""


class Seen(NamedTuple):
    """What is to be said after an event.

    Attributes:
        edited: the problems of the files that were edited.
        reached: those of the presets that they reach.
        line: what was built; one line.
        source_line: gives the lines of sources, for excerpts.
    """

    edited: tuple[Problem, ...]
    reached: tuple[Problem, ...]
    line: str
    source_line: SourceLine = no_line


class Watcher:
    """Builds after each edit, and says what concerns it."""

    def __init__(
        self,
        look: Callable[[], Workspace],
        *,
        wait: float = 0.0,
        say: Callable[[str], None] = lambda _text: None,
        is_whole: bool = True,
    ) -> None:
        """Look at a repository; nothing is built yet.

        Args:
            look: gives the repository as it is now, by settings as they are now.
            wait: seconds to wait for another build.
            say: told once a build for whom it waits.
            is_whole: the globs are not narrowed: locks of sources that are gone are removed, and what only all
                documents together tell is told.

        Raises:
            UsageError: the settings mean nothing, or there is no config root.
        """
        self._look = look
        self._wait = wait
        self._say = say
        self._is_whole = is_whole
        self.layout: Layout = look().layout
        self._states: dict[str, tuple[int, ...]] = {}
        self._reached: dict[str, set[str]] = {}
        self._pending: set[str] = set()
        self._is_all = True
        self._last: Seen | None = None

    def step(self) -> Seen | None:
        """Build if something was edited since the last step, and the first time in any case.

        What could not be built is tried again by the next step. None where there is nothing new to say.
        """
        states = _states(self.layout)
        self._pending |= {path for path in states.keys() | self._states if states.get(path) != self._states.get(path)}
        self._states = states
        self._is_all = self._is_all or PYPROJECT in self._pending
        if not self._pending and not self._is_all:
            return None
        try:
            seen = self._build()
        except TrainlockError as error:
            seen = Seen(error.problems, (), f"{self._title()}: not built")
            if seen == self._last:
                return None
        self._last = seen
        gc.collect()  # the command turns it off, as it ends soon; this one does not
        return seen

    def _build(self) -> Seen:
        workspace = self._look()
        if workspace.layout.configs != self.layout.configs:
            self._states = _states(workspace.layout)
        self.layout = workspace.layout
        with BuildLock(workspace.layout, self._wait, self._say):  # nothing is read before it is held
            made = pipeline.build(workspace, prune=self._is_whole, together=self._is_whole)
        before, self._reached = self._reached, _reached(workspace)
        edited = {*self._pending}
        concerned = {*edited}
        for reached in (before, self._reached):
            concerned.update(*(files for files in reached.values() if not edited.isdisjoint(files)))
        alone = edited.difference(*self._reached.values())
        problems = in_order((*made.problems, *_problems_alone(workspace, alone)))
        if self._is_all:
            edited = concerned = {problem.origin.file for problem in problems}
        first = tuple(problem for problem in problems if problem.origin.file in edited)
        then = tuple(problem for problem in problems if problem.origin.file in concerned - edited)
        elsewhere = len(problems) - len(first) - len(then)
        line = f"{self._title()}: {_counts(made, workspace.layout)}"
        if elsewhere:
            line += f"; {elsewhere} problem{'' if elsewhere == 1 else 's'} elsewhere"
        self._pending.clear()
        self._is_all = False
        return Seen(first, then, line, workspace.source_line)

    def _title(self) -> str:
        """Name what was edited."""
        return self.layout.configs if self._is_all else _some(self._pending)


def _states(layout: Layout) -> dict[str, tuple[int, ...]]:
    """Give what tells an edit of the settings and of each source: its times, of which no program sets the second."""
    found: dict[str, tuple[int, ...]] = {}
    for path in (PYPROJECT, *layout.files()):
        try:
            about = os.stat(layout.absolute(path))
        except (OSError, ValueError):
            continue
        found[path] = (about.st_mtime_ns, about.st_ctime_ns, about.st_size, about.st_ino)
    return found


def _reached(workspace: Workspace) -> dict[str, set[str]]:
    """Give for each source that gets a lock every file that it is made from, and the lock."""
    return {
        source: {
            source,
            workspace.layout.lock_of(source),
            *workspace.composer.closure(source, fusion=workspace.is_mix(source)),
        }
        for source in workspace.everything()
    }


def _problems_alone(workspace: Workspace, files: Iterable[str]) -> Iterator[Problem]:
    """Give what is wrong with fragments that no preset reaches, which no build looks at."""
    for path in files:
        if path == PYPROJECT or not path.endswith(SUFFIXES) or not workspace.tree.exists(path):
            continue
        try:
            body = workspace.composer.extends.body(path)
        except Invalid as invalid:
            yield from invalid.problems
            continue
        if workspace.layout.is_component(path):
            yield from component_sections(body, workspace.layout.settings.extends_keys)


def _counts(made: Build, layout: Layout) -> str:
    """Say what was built, and name a few."""
    counts = [
        f"{len(made.built)} built{_named(made.built)}",
        f"{len(made.unchanged)} unchanged",
        f"{len(made.removed)} removed{_named(made.removed)}",
        f"{len(made.failed)} failed{_named(map(layout.lock_of, made.failed))}",
    ]
    return ", ".join(counts)


def _named(locks: Iterable[str]) -> str:
    """Name locks behind their number; nothing where there are none."""
    told = _some(locks)
    return f" ({told})" if told else ""


def _some(paths: Iterable[str]) -> str:
    """Name a few paths, and count the others."""
    found = sorted(paths)
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(found[:NAMED]) + more


def wakeups(folder: Callable[[], str]) -> Generator[None, None, None]:
    """Yield at once, after each change below a folder, and after a tick in any case.

    Args:
        folder: gives the folder as it is called now; it may be gone for a while.

    Raises:
        UsageError: `bad-usage`; watchfiles is not installed.
    """
    try:
        from watchfiles import watch  # noqa: PLC0415 - an extra, which nobody else needs
    except ImportError:
        hint = "`pip install watchfiles`, or install trainlock as `trainlock[watch]`"
        raise UsageError(Problem("bad-usage", "`watch` needs the package watchfiles", hint=hint)) from None
    yield
    while True:
        place = _identity(folder())
        try:
            for _ in watch(
                folder(), watch_filter=None, debounce=400, rust_timeout=int(TICK * 1000), yield_on_timeout=True
            ):
                yield
                if _identity(folder()) != place:
                    break
        except (OSError, RuntimeError):  # it is gone, or the system watches no more folders: then a tick must do
            time.sleep(TICK)
            yield


def _identity(folder: str) -> tuple[str, int, int] | None:
    """Give what tells that another folder took the place of one; None where there is none."""
    try:
        about = os.stat(folder)
    except OSError:
        return None
    return (folder, about.st_dev, about.st_ino)
