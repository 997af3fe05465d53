"""Runs of the command within limits of memory and time, many in one process that was started once.

    python limited.py [obey] < jobs as JSON > answers as JSON

A job is a folder and arguments; each runs in a child of its own, in which the command is loaded already. With `obey`
even root heeds permission bits. `together` starts it.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

MEMORY: Final = 500 * 1024 * 1024
"""Bytes of address space that a run has."""

PROCESSOR: Final = 20
"""Seconds of processor time that a run has: ten times what is promised, as the machine of a test may be slow."""


class Ended(NamedTuple):
    """How a run ended: its exit code, or the negative number of the signal that killed it, and what it printed."""

    code: int
    out: str
    err: str


def together(jobs: Sequence[tuple[Path, Sequence[str]]], *, obey: bool = False) -> list[Ended]:
    """Run the command for each job, one after the other."""
    done = subprocess.run(
        [sys.executable, __file__, *(["obey"] if obey else [])],
        input=json.dumps([[str(folder), list(arguments)] for folder, arguments in jobs]),
        env={name: value for name, value in os.environ.items() if name != "TRAINLOCK_DEBUG"},
        capture_output=True,
        text=True,
        check=True,
    )
    return [Ended(*answer) for answer in json.loads(done.stdout)]


def _obey() -> None:
    """Give every capability of root away."""
    head = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    if ctypes.CDLL(None, use_errno=True).capset(head, (ctypes.c_uint32 * 6)()):
        raise OSError(ctypes.get_errno(), "capset")


def _run(folder: str, arguments: list[str], *, obey: bool) -> tuple[int, str, str]:
    from compiler.cli import main

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if not child:
            code = 70
            try:
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                os.chdir(folder)
                if obey:
                    _obey()
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR))
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
                code = main(arguments)
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        err.seek(0)
        said, told = (stream.read().decode("utf-8", "backslashreplace") for stream in (out, err))
        return code, said, told


def _main() -> None:
    import compiler.launch  # noqa: F401 - loaded once, before the children

    jobs = json.load(sys.stdin)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    answers = [_run(folder, arguments, obey="obey" in sys.argv) for folder, arguments in jobs]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    _main()
