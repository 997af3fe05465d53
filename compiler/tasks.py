"""doit tasks over the verbs, for this repository's `dodo.py` and for any other's.

    from compiler import tasks

    DOIT_CONFIG = tasks.config()
    task_lock, task_prune, task_check = tasks.creators()

doit orders, skips and reports. What it does not notice is made good here: sources are compared by content and hashed
once a run; a task remembers the digest of the lock that it wrote and of the code that wrote it; one build at a time;
a database that is replaced in one step, and begun anew when it cannot be read. Creating tasks writes nothing. A task's
action never raises: its problems are kept, and printed once each when the run has ended.
"""

from __future__ import annotations

import gc
import hashlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO

import yaml
from doit.dependency import FileChangedChecker
from doit.exceptions import InvalidDodoFile, TaskFailed, UnmetDependency
from doit.globals import Globals
from doit.reporter import ConsoleReporter

from compiler import pipeline, settings
from compiler.catalog import Layout
from compiler.console import Progress, prepare, say, tell, write
from compiler.database import Database
from compiler.pipeline import Workspace
from compiler.problems import Invalid, Problem, TrainlockError, UsageError, render
from compiler.store import WAIT_SECONDS, BuildLock, read_file, remove_lock, write_lock


class Run:
    """What one doit process knows: the repository, the digests of what it read, and what its tasks did."""

    def __init__(self, options: dict[str, Any], wait: float) -> None:
        """Look at the repository in the working folder; nothing is read before a task asks.

        Raises:
            UsageError: the settings mean nothing.
        """
        self.layout = Layout(".", settings.load(".", **options))
        self.lock = BuildLock(self.layout, wait, lambda text: say(f"trainlock: {text}"))
        self.one_at_a_time = threading.Lock()
        self.problems: list[Problem] = []
        self.outcomes: dict[str, str] = {}
        self.removed: list[str] = []
        self.unfit: set[str] = set()
        self.digests: dict[str, str] = {}
        self._workspace: Workspace | None = None
        self._code: str | None = None

    @property
    def workspace(self) -> Workspace:
        """The repository as this process sees it."""
        if self._workspace is None:
            self._workspace = Workspace(self.layout)
        return self._workspace

    def acquire(self) -> None:
        """Take the build lock; what was read before a wait is read again.

        Raises:
            BuildLocked: another build did not let go in time.
        """
        if self.lock.acquire():
            self._workspace = None
            self.digests.clear()

    def code(self) -> str:
        """Give a digest of everything but the sources that decides a lock's bytes: our code, PyYAML, the settings."""
        if self._code is None:
            state = hashlib.sha256(f"{yaml.__version__} {sys.version_info[:2]} {self.layout.settings!r}".encode())
            folder = os.path.dirname(os.path.abspath(__file__))
            for name in sorted(os.listdir(folder)):
                if name.endswith(".py"):
                    state.update(name.encode() + (read_file(os.path.join(folder, name)) or b""))
            self._code = state.hexdigest()
        return self._code

    def digest(self, path: str) -> str:
        """Give the SHA-256 of a file as this process saw it: of the bytes it parsed, else of those it found first."""
        source = self.workspace.composer.extends.sources.get(path)
        if source is not None:
            return source.sha256
        found = self.digests.get(path)
        if found is None:
            try:
                data = read_file(self.layout.absolute(path))
                found = "absent" if data is None else hashlib.sha256(data).hexdigest()
            except OSError:
                found = "unreadable"
            self.digests[path] = found
        return found


_run: Run | None = None


def _current() -> Run:
    assert _run is not None, "tasks.config() comes first"
    return _run


def config(*, wait: float = WAIT_SECONDS, **options: Any) -> dict[str, Any]:
    """Give a `DOIT_CONFIG` for the `dodo.py` of a repository's root; comes before `creators`.

    Args:
        wait: seconds to wait for another build before giving up with exit code 75.
        options: settings that take the place of those in `pyproject.toml`.

    Raises:
        InvalidDodoFile: the settings mean nothing; doit prints the reason.
    """
    prepare()
    gc.disable()  # as in the command; doit's own graph of ten thousand tasks takes twice as long with it
    global _run  # noqa: PLW0603 - doit makes checkers and reporters by class; this is how they find the run
    try:
        _run = Run(options, wait)
    except UsageError as error:
        raise InvalidDodoFile("\n".join(render(problem) for problem in error.problems)) from None
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: sys.exit(130))  # doit shows a traceback for what is no error
    return {
        "backend": "trainlock",
        "dep_file": _run.layout.absolute(f"{_run.layout.cache}/doit.json"),
        "check_file_uptodate": ContentChecker,
        "reporter": Reporter,
        # not the group `lock`: doit calls a group with a failed member an error of its own
        "default_tasks": ["lock:*", "prune"],
        "continue": True,
        "par_type": "thread",
        "minversion": "0.37.0",
    }


# ---------------------------------------------------------------------------------------------- what doit asks


class ContentChecker(FileChangedChecker):  # type: ignore[misc]
    """Compares files by content, each hashed once a run; remembers the digest of the bytes that were parsed."""

    def check_modified(self, file_path: str, _stat: os.stat_result, state: str) -> bool:
        """Say whether a file differs from what a task remembers."""
        return _current().digest(file_path) != state

    def get_state(self, dep: str, _current_state: str | None) -> str:
        """Give what a task shall remember of a file."""
        return _current().digest(dep)


class Reporter(ConsoleReporter):  # type: ignore[misc]
    """Holds the build lock for the run, shows how far a long build is, and ends with the problems and one line."""

    desc = "problems, then one line that sums up"

    def __init__(self, outstream: TextIO, options: dict[str, Any]) -> None:
        super().__init__(outstream, options)
        self._progress = Progress()
        self._all = self._done = 0
        self._outcomes: dict[str, str] = {}
        self._failed = self._broken = False

    def initialize(self, _tasks: dict[str, Any], selected_tasks: list[str]) -> None:
        """Take the build lock before the first task is looked at; other builds may have written rows meanwhile."""
        run = _current()
        try:
            run.acquire()
        except TrainlockError as error:
            tell(error.problems)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            sys.exit(130)
        database = Globals.dep_manager.backend
        if isinstance(database, Database):
            database.load()
            if database.lost:
                say(f"trainlock: {database.lost}; looking at every lock")
        self._all = sum(name.startswith("lock:") for name in selected_tasks)

    def execute_task(self, task: Any) -> None:
        """Show how far the build is."""
        if task.name.startswith("lock:"):
            self._done += 1
            self._progress(self._done, self._all)

    def skip_uptodate(self, task: Any) -> None:
        """Count a lock that nothing touched."""
        self._done += task.name.startswith("lock:")
        self._note(task, "unchanged")

    def add_success(self, task: Any) -> None:
        """Count a task by what it did."""
        self._note(task, _current().outcomes.get(task.name, ""))

    def add_failure(self, task: Any, fail: Any) -> None:
        """Count a failure; what is no problem of ours is printed as doit does."""
        self._note(task, "failed")
        self._failed = True
        if not isinstance(fail, (TaskFailed, UnmetDependency)):
            self._broken = True
            super().add_failure(task, fail)

    def _note(self, task: Any, outcome: str) -> None:
        if task.name.startswith("lock:"):
            self._outcomes[task.name] = outcome

    def complete_run(self) -> None:
        """Print each problem once, in order of place, and the line that sums up."""
        run = _current()
        seconds = self._progress.clear()
        tell(run.problems, run.workspace.source_line)
        super().complete_run()
        if self._outcomes or run.removed:
            counts = {
                name: sum(outcome == name for outcome in self._outcomes.values())
                for name in ("built", "unchanged", "failed")
            }
            counts["failed"] += len(run.unfit)
            self.write(
                f"trainlock: {counts['built']} built, {counts['unchanged']} unchanged, {len(run.removed)} removed, "
                f"{counts['failed']} failed in {seconds:.1f} s\n"
            )
        run.lock.release()
        if self._failed and not self._broken:
            sys.exit(1)  # doit would make 2 of a lock that waits for a mix that failed

    def write(self, text: str) -> None:
        """Print for doit; a stream that takes nothing does not stop the build."""
        write(self.outstream, text)


# ---------------------------------------------------------------------------------------------- tasks


Creator = Callable[[], Iterator[dict[str, Any]]]


def creators() -> tuple[Creator, Creator, Creator]:
    """Give the task creators `task_lock`, `task_prune` and `task_check`."""
    return _lock_tasks, _prune_task, _check_task


def task_name(name: str) -> str:
    """Give a preset's name as doit takes it: `=` would be read as a variable, `*` as a pattern."""
    return "lock:" + name.replace("%", "%25").replace("=", "%3D").replace("*", "%2A")


def _task(actions: list[Any], **attributes: Any) -> dict[str, Any]:
    """Give a task; nothing it runs prints, and capturing output would not survive threads."""
    return {"actions": actions, "io": {"capture": False}, "verbosity": 0, **attributes}


def _lock_tasks() -> Iterator[dict[str, Any]]:
    """Compile presets and fusion configs to lockfiles."""
    workspace = _current().workspace
    layout = workspace.layout
    yield {"basename": "lock", "name": None, "doc": "compile presets and fusion configs to lockfiles"}
    try:
        everything = workspace.everything()
    except UsageError:
        return  # told by `prune`, which always runs
    mixes = {source for source in everything if workspace.is_mix(source)}
    for source in everything:
        name, lock = layout.name_of(source), layout.lock_of(source)
        mix = None if source in mixes else workspace.composer.mix_named_by(source)
        yield _task(
            [(_lock, [source, task_name(name)])],
            basename="lock",
            name=task_name(name).removeprefix("lock:"),
            doc=f"{source} -> {lock}",
            file_dep=sorted(workspace.composer.closure(source, fusion=source in mixes)),
            task_dep=[task_name(layout.name_of(mix))] if mix in mixes and _compiles(workspace, mix) else [],
            targets=[lock],
            uptodate=[(_is_intact, [lock])],
            clean=[(_clean, [lock])],
        )


def _compiles(workspace: Workspace, mix: str) -> bool:
    """Say whether a mix compiles; one that does not fails its presets by itself, and doit need not be told."""
    try:
        return bool(workspace.composer.mix(mix))
    except Invalid:
        return False


def _is_intact(task: Any, values: dict[str, Any], lock: str) -> bool:
    """Say whether a lock is what a task wrote, and the code still what wrote it."""
    run = _current()
    return values.get("code") == run.code() and values.get("lock") == run.digest(lock)


def _failed(problems: Iterable[Problem]) -> TaskFailed:
    """Keep problems for the end of the run, and tell doit."""
    problems = tuple(problems)
    _current().problems += problems
    return TaskFailed("\n".join(render(problem) for problem in problems), report=False)


def _lock(source: str, name: str) -> dict[str, str] | TaskFailed:
    """Write one lock; gives what the task shall remember."""
    run = _current()
    with run.one_at_a_time:
        try:
            run.acquire()
            compiled = run.workspace.compile(source)
            changed = write_lock(run.layout, compiled.lock, compiled.data)
        except TrainlockError as error:
            return _failed(error.problems)
        run.problems += pipeline.warnings_of(compiled.resolved)
        run.outcomes[name] = "built" if changed else "unchanged"
        run.digests[compiled.lock] = hashlib.sha256(compiled.data).hexdigest()
        return {"code": run.code(), "lock": run.digests[compiled.lock]}


def _prune() -> TaskFailed | None:
    """Remove orphans; tells of what no lock task can tell: files without a task, and a tree without presets."""
    run = _current()
    with run.one_at_a_time:
        try:
            run.acquire()
            run.workspace.everything()
            for path in pipeline.orphans(run.workspace):
                if remove_lock(run.layout, path):
                    run.removed.append(path)
        except TrainlockError as error:
            return _failed(error.problems)
        run.unfit = {problem.origin.file for problem in run.workspace.problems()}
        return _failed(run.workspace.problems()) if run.unfit else None


def _check() -> TaskFailed | None:
    """Compare every lock; drift fails the task."""
    run = _current()
    try:
        found = pipeline.check(run.workspace)
    except TrainlockError as error:
        return _failed(error.problems)
    if any(problem.severity == "error" for problem in found.problems):
        return _failed(found.problems)
    run.problems += found.problems
    return None


def _clean(lock: str, dryrun: bool) -> None:
    """Delete a lock that is ours."""
    run = _current()
    if dryrun:
        return
    try:
        run.acquire()
        remove_lock(run.layout, lock)
    except TrainlockError as error:
        tell(error.problems, run.workspace.source_line)


def _prune_task() -> Iterator[dict[str, Any]]:
    """Remove the locks of sources that are gone."""
    yield _task([_prune], basename="prune", doc="remove the locks of sources that are gone")


def _check_task() -> Iterator[dict[str, Any]]:
    """Compare every lock with what its sources compile to."""
    yield _task([_check], basename="check", doc="compare every lock with what its sources compile to; writes nothing")
