"""The build lock in the hands of another process, and what is said to who waits for it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

SCRIPT: Final = """\
import sys
from compiler import settings
from compiler.catalog import Layout
from compiler.store import BuildLock
with BuildLock(Layout(".", settings.load(".")), 0):
    print("held", flush=True)
    sys.stdin.read()
"""


class Holder:
    """Another process that holds the build lock of a repository until it is let go."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.number = self._process.pid
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "held\n"

    def __enter__(self) -> Holder:
        return self

    def __exit__(self, *_: object) -> None:
        if self.holds:
            self.release()

    @property
    def holds(self) -> bool:
        """Whether it is alive, and so holds the lock."""
        return self._process.poll() is None

    @property
    def waiting(self) -> str:
        """What a build says that waits for it."""
        return waiting_for(self.number)

    def release(self) -> None:
        """Let go in peace, and wait for its end."""
        self._process.communicate()
        assert self._process.returncode == 0

    def kill(self) -> None:
        """Kill it, and wait for its end."""
        self._process.kill()
        self._process.communicate()
        assert self._process.returncode == -signal.SIGKILL


def waiting_for(number: int) -> str:
    """Give the line that a build says first of all when it waits for a process."""
    return f"trainlock: waiting for another build (process {number})\n"


def first_line(process: subprocess.Popen[str]) -> str:
    """Wait for the first line that a process says on stderr."""
    assert process.stderr is not None
    return process.stderr.readline()
