"""A process that forks for each command, and lets the Nth call that touches a repository fail, or die there.

Run as a script: a request is a line of JSON on stdin, the answer on stdout is the exit code, before which `stopped` and
a number say that the process stands still. What is counted are the calls through which everything that is ours reads
and writes below the working folder; the interpreter's own imports are not.
"""

from __future__ import annotations

import builtins
import errno
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

BY_PATH = ("open", "replace", "mkdir", "unlink", "rmdir", "listdir", "scandir")
BY_DESCRIPTOR = ("read", "write", "pwrite", "ftruncate")
FILLS_A_DISK = ("create", "write", "pwrite", "mkdir", "replace")
"""What asks for room on a disk."""

CHANGES = (*FILLS_A_DISK, "ftruncate", "unlink", "rmdir")
"""What leaves a disk otherwise than it was: between two of these a kill always finds the same."""


class Injector:
    """Counts the calls that touch a folder; one of them, or all that ask for room from there on, go wrong."""

    def __init__(self, root: str, at: int, fault: str, edit: dict[str, str]) -> None:
        """Be told what goes wrong.

        Args:
            root: the folder.
            at: the number of the call, from 0; none, if negative.
            fault: the name of an error number (`EACCES`: of this call alone), `FULL` (no room from this call on), the
                name of a signal that comes before the call is made, or `EDIT`: somebody saves files then.
            edit: what is saved, by path.
        """
        self.root = os.path.realpath(root)
        self.at = at
        self.fault = fault
        self.edit = edit
        self.calls: list[tuple[str, str]] = []
        self._paths: dict[int, str] = {}
        self._real: dict[str, Callable[..., Any]] = {}

    def install(self) -> None:
        """Stand between everybody and the system."""
        for name in (*BY_PATH, *BY_DESCRIPTOR, "close"):
            self._real[name] = getattr(os, name)
        for name in BY_PATH[1:]:
            setattr(os, name, self._by_path(name))
        for name in BY_DESCRIPTOR:
            setattr(os, name, self._by_descriptor(name))
        os.open = self._open
        os.close = self._close  # type: ignore[assignment]
        self._real["python"] = builtins.open
        builtins.open = self._read

    def _place(self, path: Any) -> str | None:
        """Give a path from the root; None of what lies elsewhere, and of what the interpreter keeps for itself."""
        full = os.path.abspath(os.fsdecode(path))
        if not full.startswith(self.root + os.sep) or "__pycache__" in full:
            return None
        return os.path.relpath(full, self.root)

    def _meet(self, call: str, path: str | None, partly: Callable[[], object] = lambda: None) -> None:
        """Count a call; here it fails, or here the process is told to end."""
        if path is None:
            return
        number = len(self.calls)
        self.calls.append((call, path))
        if self.fault == "FULL":
            if 0 <= self.at <= number and call in FILLS_A_DISK:
                partly()
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        elif number == self.at:
            partly()
            if self.fault.startswith("SIG"):
                os.kill(os.getpid(), signal.Signals[self.fault])
            elif self.fault == "EDIT":
                for edited, text in self.edit.items():
                    with self._real["python"](os.path.join(self.root, edited), "w") as file:
                        file.write(text)
            else:
                code = getattr(errno, self.fault)
                raise OSError(code, os.strerror(code), path)

    def _by_path(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            # the target of a replacement, as that is what a person knows
            self._meet(name, self._place(arguments[1] if name == "replace" else arguments[0] if arguments else "."))
            return self._real[name](*arguments, **options)

        return call

    def _by_descriptor(self, name: str) -> Callable[..., Any]:
        def call(descriptor: int, *arguments: Any) -> Any:
            def half() -> None:
                if name == "write":
                    self._real["write"](descriptor, bytes(arguments[0])[: len(arguments[0]) // 2])

            self._meet(name, self._paths.get(descriptor), half)
            return self._real[name](descriptor, *arguments)

        return call

    def _open(self, path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        place = self._place(path)
        self._meet("create" if flags & os.O_CREAT else "open", place)
        descriptor: int = self._real["open"](path, flags, *arguments, **options)
        if place is not None:
            self._paths[descriptor] = place
        return descriptor

    def _close(self, descriptor: int) -> None:
        self._paths.pop(descriptor, None)
        self._real["close"](descriptor)

    def _read(self, file: Any, *arguments: Any, **options: Any) -> Any:
        """Python's own `open`, of a path or of what `os.open` gave."""
        self._meet("read", self._paths.pop(file, None) if isinstance(file, int) else self._place(file))
        return self._real["python"](file, *arguments, **options)


# ---------------------------------------------------------------------------------------------- programs


def _trainlock(arguments: list[str]) -> int:
    from compiler.cli import main

    return main(arguments)


def _careless(arguments: list[str]) -> int:
    """`trainlock` with a store as most programs have one: it opens the file and writes."""
    from compiler import store

    def in_place(path: str, data: bytes) -> None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)

    store.write_atomic = in_place
    return _trainlock(arguments)


def _doit(arguments: list[str]) -> int:
    from doit.doit_cmd import DoitMain

    return DoitMain().run(arguments) or 0


def _launch(arguments: list[str]) -> int:
    """`scripts/train.sh` from where Python takes over; the trainer is a word on stdout."""
    from compiler import launch

    def become(_name: str, words: list[str], _environment: dict[str, str]) -> None:
        sys.stdout.write(f"launched {words[words.index('--config') + 1]}\n")
        raise SystemExit(0)

    launch.os.execvpe = become  # type: ignore[attr-defined]
    return launch.main(arguments)


def _watch(_arguments: list[str]) -> int:
    """One step of a watch, as `trainlock watch` takes it after each save."""
    from compiler import settings
    from compiler.catalog import Layout
    from compiler.console import say, tell
    from compiler.pipeline import Workspace
    from compiler.problems import TrainlockError
    from compiler.watching import Watcher

    try:
        seen = Watcher(lambda: Workspace(Layout(".", settings.load("."))), say=say).step()
    except TrainlockError as error:
        tell(error.problems)
        return error.exit_code
    assert seen is not None
    tell([*seen.edited, *seen.reached], seen.source_line)
    sys.stdout.write(seen.line + "\n")
    return int(bool(seen.edited or seen.reached))


PROGRAMS = {"trainlock": _trainlock, "careless": _careless, "doit": _doit, "launch": _launch, "watch": _watch}

PRELOADED = (
    *("compiler.cli", "compiler.tasks", "compiler.launch", "compiler.watching", "compiler.proving"),
    *("compiler.report", "compiler.publishing", "doit.doit_cmd"),
    *(f"doit.cmd_{command}" for command in ("clean", "info", "list", "run")),
)


def _child(request: dict[str, Any]) -> int:
    os.chdir(request["root"])
    if sys.path[0]:
        sys.path.insert(0, "")
    for number, path in ((1, request["out"]), (2, request["err"])):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    injector = Injector(".", request["at"], request["fault"], request["edit"])
    injector.install()
    try:
        code = PROGRAMS[request["program"]](request["arguments"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc()
        code = 1
    with open(request["trace"], "w") as file:
        json.dump(injector.calls, file)
    return code


def _answer(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def serve() -> None:
    """Answer requests until there are no more."""
    for name in PRELOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            code = _child(request)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        status = os.waitpid(child, os.WUNTRACED)[1]
        while os.WIFSTOPPED(status):
            _answer(f"stopped {child}")
            status = os.waitpid(child, os.WUNTRACED)[1]
        _answer(str(os.waitstatus_to_exitcode(status)))


if __name__ == "__main__":
    serve()
