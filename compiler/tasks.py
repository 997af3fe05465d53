"""doit tasks over the verbs, for this repository's `dodo.py` and for any other's.

    from compiler import tasks

    DOIT_CONFIG = tasks.config()
    task_lock, task_prune, task_check, task_prove, task_report = tasks.creators()

doit orders, skips and reports. What it does not notice is made good here: sources are compared by content and hashed
once a run; a task remembers the digest of the lock that it wrote and of the code that wrote it; one build at a time;
a database that is replaced in one step, and begun anew when it cannot be read. Creating tasks writes nothing. A task's
action never raises: its problems are kept, and printed once each when the run has ended.
"""

from __future__ import annotations

import gc
import hashlib
import inspect
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from doit.dependency import FileChangedChecker
from doit.exceptions import InvalidDodoFile, TaskFailed, UnmetDependency
from doit.globals import Globals
from doit.reporter import ConsoleReporter

from compiler.console import BUG, TOLD_OF_ONE_CODE, Progress, also_told, prepare, say, tell, write
from compiler.database import Database
from compiler.legacy import FOLDER
from compiler.orphans import Orphans, find
from compiler.problems import BuildLocked, TrainlockError, UsageError, in_order, render
from compiler.run import current, start, task, task_name
from compiler.store import WAIT_SECONDS, remove_lock, write_lock


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
    try:
        run = start(options, wait)
    except UsageError as error:
        raise InvalidDodoFile("\n".join(render(problem) for problem in error.problems)) from None
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: sys.exit(130))  # doit shows a traceback for what is no error
    return {
        "backend": "trainlock",
        "dep_file": run.layout.absolute(f"{run.layout.cache}/doit.json"),
        "check_file_uptodate": ContentChecker,
        "reporter": Reporter,
        # not the group `lock`: doit calls a group with a failed member an error of its own
        "default_tasks": ["lock:*", "prune", *(["prove:*", "report:*"] if _has_legacy() else [])],
        "continue": True,
        "par_type": "thread",
        "minversion": "0.37.0",
    }


# ---------------------------------------------------------------------------------------------- what doit asks


class ContentChecker(FileChangedChecker):  # type: ignore[misc]
    """Compares files by content, each hashed once a run; remembers the digest of the bytes that were parsed."""

    def exists(self, file_path: str) -> bool:
        """Say whether there is a file."""
        known = current().digests.get(file_path)
        return known != "absent" if known is not None else os.path.exists(file_path)

    def info(self, file_path: str) -> str:
        """Give the digest of a file; doit asks for each dependency of each task.

        Raises:
            OSError: there is none.
        """
        run = current()
        known = run.digests.get(file_path)
        if known is None or known == "absent":
            os.stat(file_path)
            known = run.digest(file_path)
        return known

    def check_modified(self, _file_path: str, digest: str, state: str) -> bool:
        """Say whether a file differs from what a task remembers."""
        return digest != state

    def get_state(self, dep: str, _current_state: str | None) -> str:
        """Give what a task shall remember of a file."""
        return current().digest(dep)


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
        """Take the build lock before the first task is looked at; other builds may have written rows meanwhile.

        `doit check` writes nothing, and so waits for nobody.
        """
        run = current()
        database = Globals.dep_manager.backend
        if selected_tasks == ["check"]:
            database.reads_only = True
            return
        try:
            run.acquire()
        except TrainlockError as error:
            tell(error.problems)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            sys.exit(130)
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
        self._note(task, current().outcomes.get(task.name, ""))

    def add_failure(self, task: Any, fail: Any) -> None:
        """Count a failure; what is no problem of ours is printed as doit does."""
        self._note(task, "failed")
        self._failed = True
        if not isinstance(fail, (TaskFailed, UnmetDependency)):
            self._broken = True
            super().add_failure(task, fail)
        elif isinstance(fail, UnmetDependency) and task.name.startswith("report:"):
            current().report()  # a lock that cannot be written must not leave the report of a better day

    def _note(self, task: Any, outcome: str) -> None:
        if task.name.startswith("lock:"):
            self._outcomes[task.name] = outcome

    def complete_run(self) -> None:
        """Print each problem once, in order of place, and the line that sums up."""
        run = current()
        seconds = self._progress.clear()
        if run.problems:
            tell(run.problems, run.workspace.source_line, at_most=TOLD_OF_ONE_CODE)
        super().complete_run()
        if self._outcomes or run.removed:
            counts = {
                name: sum(outcome == name for outcome in self._outcomes.values())
                for name in ("built", "unchanged", "failed")
            }
            counts["failed"] += len(run.unfit)
            self.write(
                f"trainlock: {counts['built']} built, {counts['unchanged']} unchanged, {len(run.removed)} removed, "
                f"{counts['failed']} failed{also_told(in_order(run.problems))} in {seconds:.1f} s\n"
            )
        if run.headline:
            self.write(f"trainlock: {run.headline}\n")
        run.keep_outline()
        run.lock.release()
        gc.freeze()  # the process ends here, and need not look for cycles in all of this once more
        if run.exit_code == BUG:
            sys.exit(BUG)
        if (self._failed or run.exit_code) and not self._broken:
            sys.exit(1)  # doit would make 2 of a lock that waits for a mix that failed

    def write(self, text: str) -> None:
        """Print for doit; a stream that takes nothing does not stop the build."""
        write(self.outstream, text)


# ---------------------------------------------------------------------------------------------- tasks


Creator = Callable[[], Iterator[dict[str, Any]]]


def creators() -> tuple[Creator, Creator, Creator, Creator, Creator]:
    """Give the task creators `task_lock`, `task_prune`, `task_check`, `task_prove` and `task_report`.

    The last two make no task where there is no legacy side.
    """
    return _lock_tasks, _prune_task, _check_task, _prove_tasks, _report_tasks


def _lock_tasks() -> Iterator[dict[str, Any]]:
    """Compile presets and fusion configs to lockfiles."""
    run = current()
    layout = run.layout
    yield {"basename": "lock", "name": None, "doc": "compile presets and fusion configs to lockfiles"}
    try:
        rows = run.rows()
    except UsageError:
        return  # told by `prune`, which always runs
    for source, name, files, mix in rows:
        lock, named = layout.lock_of(source), task_name(name)
        yield task(
            [(_lock, [source, named])],
            basename="lock",
            name=named.removeprefix("lock:"),
            doc=f"{source} -> {lock}",
            file_dep=files,
            task_dep=[task_name(mix)] if mix else [],
            targets=[lock],
            uptodate=[(_is_intact, [lock])],
            clean=[(_clean, [lock])],
        )


def _is_intact(task: Any, values: dict[str, Any], lock: str) -> bool:
    """Say whether a lock is what a task wrote, and the code still what wrote it."""
    run = current()
    return values.get("code") == run.code() and values.get("lock") == run.digest(lock)


_is_intact.__signature__ = inspect.signature(_is_intact)  # type: ignore[attr-defined] # doit asks once a task


def _lock(source: str, name: str) -> dict[str, str] | bool:
    """Write one lock; gives what the task shall remember."""
    run = current()
    with run.one_at_a_time:
        try:
            run.acquire()
            compiled = run.workspace.compile(source)
            changed = write_lock(run.layout, compiled.lock, compiled.data)
        except TrainlockError as error:
            return run.fail(error.problems)
        run.problems += compiled.warnings
        run.outcomes[name] = "built" if changed else "unchanged"
        run.digests[compiled.lock] = hashlib.sha256(compiled.data).hexdigest()
        return {"code": run.code(), "lock": run.digests[compiled.lock]}


def _prune() -> bool:
    """Remove orphans; tells of what no lock task can tell: files without a task, and a tree without presets."""
    run = current()
    with run.one_at_a_time:
        try:
            run.acquire()
            run.rows()
            gone, unread = _orphans()
            for path in gone:
                if remove_lock(run.layout, path):
                    run.removed.append(path)
        except TrainlockError as error:
            return run.fail(error.problems)
        if run.is_outlined and not unread:
            return True  # nothing is wrong with any source
        run.unfit = {problem.origin.file for problem in run.workspace.problems()}
        problems = [*run.workspace.problems(), *unread]
        return run.fail(problems) if problems else True


def _orphans() -> Orphans:
    """Give the locks whose source is gone, and what cannot be read, of which nobody can say whether it is one."""
    run = current()
    if run.is_outlined:
        return find(run.layout, {run.layout.lock_of(row.source) for row in run.rows()})
    from compiler.pipeline import orphans  # noqa: PLC0415

    return orphans(run.workspace)


def _check() -> bool:
    """Compare every lock; drift fails the task."""
    from compiler import pipeline  # noqa: PLC0415

    run = current()
    try:
        found = pipeline.check(run.workspace)
    except TrainlockError as error:
        return run.fail(error.problems)
    if any(problem.severity == "error" for problem in found.problems):
        return run.fail(found.problems)
    run.problems += found.problems
    return True


def _clean(lock: str, dryrun: bool) -> None:
    """Delete a lock that is ours; where one cannot be, the others go all the same, and doit exits with 1 after them."""
    run = current()
    if dryrun:
        return
    try:
        run.acquire()
        remove_lock(run.layout, lock)
    except TrainlockError as error:
        tell(error.problems, run.workspace.source_line)
        if isinstance(error, BuildLocked):
            sys.exit(error.exit_code)  # every other task would wait as long
        Globals.dep_manager.backend.at_end = lambda: sys.exit(1)  # doit takes no failure of a clean action for one


def _prune_task() -> Iterator[dict[str, Any]]:
    """Remove the locks of sources that are gone."""
    yield task([_prune], basename="prune", doc="remove the locks of sources that are gone")


def _check_task() -> Iterator[dict[str, Any]]:
    """Compare every lock with what its sources compile to."""
    yield task([_check], basename="check", doc="compare every lock with what its sources compile to; writes nothing")


def _has_legacy() -> bool:
    return os.path.isdir(current().layout.absolute(FOLDER))


def _prove_tasks() -> Iterator[dict[str, Any]]:
    """Prove that each preset trains as its legacy record says."""
    if _has_legacy():
        from compiler.proof_tasks import prove_tasks  # noqa: PLC0415 - without a legacy side there is nothing to prove

        yield from prove_tasks()
    else:
        yield {"basename": "prove", "name": None, "doc": "prove that presets train as their legacy records say"}


def _report_tasks() -> Iterator[dict[str, Any]]:
    """Put all proofs together to the reports."""
    if _has_legacy():
        from compiler.proof_tasks import report_tasks  # noqa: PLC0415

        yield from report_tasks()
    else:
        yield {"basename": "report", "name": None, "doc": "put the proofs together to the reports"}
