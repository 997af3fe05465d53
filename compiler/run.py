"""What one doit process knows: the repository, the digests of what it read, and what its tasks did.

It imports nothing of doit, and neither do the actions that stand on it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal

from compiler import outline, settings
from compiler.catalog import Layout
from compiler.console import say
from compiler.problems import Problem
from compiler.store import BuildLock, read_file
from compiler.tree import Remembering

if TYPE_CHECKING:  # a run with nothing to do neither parses nor proves
    from compiler.pipeline import Workspace
    from compiler.proving import Prover


class Run:
    """What one doit process knows: the repository, the digests of what it read, and what its tasks did."""

    def __init__(self, options: dict[str, Any], wait: float) -> None:
        """Look at the repository in the working folder; nothing is read before a task asks.

        Raises:
            UsageError: the settings mean nothing.
        """
        self.layout = Layout(".", settings.load(".", **options))
        if self.layout.settings.silence:
            from compiler.lint import verify  # noqa: PLC0415 - it knows every check, and most runs need none

            verify(self.layout.settings)
        self.lock = BuildLock(self.layout, wait, lambda text: say(f"trainlock: {text}"))
        self.one_at_a_time = threading.Lock()
        self.problems: list[Problem] = []
        self.outcomes: dict[str, str] = {}
        self.removed: list[str] = []
        self.unfit: set[str] = set()
        self.digests: dict[str, str] = {}
        self.standing: set[str] = set()
        self.headline = ""
        self.exit_code = 0
        self.report: Callable[[], object] = lambda: None
        self._tree = Remembering(self.layout.root)
        self._seen: outline.Seen | None = None
        self._rows: list[outline.Row] | None = None
        self.is_outlined = False
        self._workspace: Workspace | None = None
        self._prover: Prover | None = None
        self._evidence: str | None = None
        self._code: str | None = None

    @property
    def workspace(self) -> Workspace:
        """The repository as this process sees it."""
        if self._workspace is None:
            from compiler.pipeline import Workspace  # noqa: PLC0415 - a run with nothing to do needs none

            self._workspace = Workspace(self.layout, self._tree)
        return self._workspace

    def rows(self) -> list[outline.Row]:
        """Give the locks that there are to be: as an earlier run found out, if no source changed; `is_outlined` then.

        Raises:
            UsageError: `no-presets`.
        """
        if self._rows is None:
            self._seen = outline.look(self.layout, self._tree, self.code())
            self.digests.update(self._seen.digests)
            self._rows = outline.load(self.layout, self._seen)
            self.is_outlined = self._rows is not None
            if self._rows is None:
                self._rows = outline.rows_of(self.workspace)
        return self._rows

    def keep_outline(self) -> None:
        """Let the next run know what this one found out; only the holder of the build lock may write it."""
        if self.lock.is_held and self._seen is not None and self._rows is not None and not self.is_outlined:
            outline.keep(self.workspace, self._seen, self._rows)

    @property
    def prover(self) -> Prover:
        """Both sides of the proof: the locks, and the legacy records."""
        if self._prover is None:
            import datetime  # noqa: PLC0415 - only a proof asks for the day

            from compiler.proving import Prover  # noqa: PLC0415

            self.evidence()  # before it is read: what is edited in between is seen by the next run
            self._prover = Prover(self.workspace, today=datetime.date.today())
        return self._prover

    def evidence(self) -> str:
        """Give a digest of the legacy side: the mapping, the records, their tree, the figures."""
        if self._evidence is None:
            from compiler import legacy  # noqa: PLC0415 - only a proof asks for it
            from compiler.mapping import DEFAULT  # noqa: PLC0415

            state = hashlib.sha256()
            for path in (DEFAULT, *legacy.files(self.layout.root)):
                state.update(f"{self.digest(path)} {path}\n".encode("utf-8", "surrogateescape"))
            self._evidence = state.hexdigest()
        return self._evidence

    def acquire(self) -> None:
        """Take the build lock; what was read before a wait is read again.

        Raises:
            BuildLocked: another build did not let go in time.
        """
        if self.lock.acquire():
            self._workspace = self._prover = self._evidence = self._seen = self._rows = None
            self._tree = Remembering(self.layout.root)
            self.is_outlined = False
            self.digests.clear()
            self.standing.clear()

    def code(self) -> str:
        """Give a digest of what decides a lock but the sources: our code and its tables, PyYAML, the settings."""
        if self._code is None:
            state = hashlib.sha256(f"{sys.version_info[:2]} {self.layout.settings!r}".encode())
            parser = importlib.util.find_spec("yaml")  # found and not imported: it names its version
            state.update(read_file(parser.origin or "") or b"" if parser is not None else b"")
            folder = os.path.dirname(os.path.abspath(__file__))
            for name in sorted(os.listdir(folder)):
                if name.endswith((".py", ".json")):
                    state.update(name.encode() + (read_file(os.path.join(folder, name)) or b""))
            self._code = state.hexdigest()
        return self._code

    def digest(self, path: str) -> str:
        """Give the SHA-256 of a file as this process saw it: of the bytes it parsed, else of those it found first."""
        found = self.digests.get(path)
        if found is not None:
            return found
        source = self._workspace.composer.extends.sources.get(path) if self._workspace is not None else None
        if source is not None:
            found = source.sha256
        else:
            try:
                data = read_file(self.layout.absolute(path))
                found = "absent" if data is None else hashlib.sha256(data).hexdigest()
            except OSError:
                found = "unreadable"
        self.digests[path] = found
        return found

    def fail(self, problems: Iterable[Problem]) -> Literal[False]:
        """Keep problems for the end of the run; gives what a failed action returns."""
        self.problems += problems
        return False


_run: Run | None = None


def start(options: dict[str, Any], wait: float) -> Run:
    """Begin the one run of this process.

    Raises:
        UsageError: the settings mean nothing.
    """
    global _run  # noqa: PLW0603 - doit makes checkers and reporters by class; this is how they find the run
    _run = Run(options, wait)
    return _run


def current() -> Run:
    """Give the run of this process."""
    assert _run is not None, "tasks.config() comes first"
    return _run


def task_name(name: str, group: str = "lock") -> str:
    """Give a preset's name as doit takes it: `=` would be read as a variable, `*` as a pattern."""
    return f"{group}:" + name.replace("%", "%25").replace("=", "%3D").replace("*", "%2A")


def task(actions: list[Any], **attributes: Any) -> dict[str, Any]:
    """Give a task; nothing it runs prints, and capturing output would not survive threads."""
    return {"actions": actions, "io": {"capture": False}, "verbosity": 0, **attributes}
