"""Measures whole processes against each other: run by turns, so that a busy machine is as busy for each of them.

A ratio is the median over rounds of the ratio within one round; a cost by itself is a median, and says little.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

What = Literal["cpu", "wall", "memory"]


class Cost(NamedTuple):
    """What one process took: seconds of user and system time, seconds on the clock, megabytes at its peak."""

    cpu: float
    wall: float
    memory: float


class Command(NamedTuple):
    """A process to measure.

    Attributes:
        name: what the tables call it.
        arguments: the command line.
        folder: where it runs.
        before: what must be done before each run, unmeasured.
        code: the exit code that it must have.
    """

    name: str
    arguments: Sequence[str | os.PathLike[str]]
    folder: Path
    before: Callable[[], object] = lambda: None
    code: int = 0


class Failed(RuntimeError):
    """A process that should have been measured did not do its work."""


def environment() -> dict[str, str]:
    """Give the environment of a process: nothing of ours changes how its Python works, or what it keeps."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def run(command: Command) -> Cost:
    """Run a process to its end.

    Raises:
        Failed: it cannot be run, or has another exit code; with the end of what it printed.
    """
    command.before()
    done = _done(command, sys.executable, "-I", "-S", "-c", BESIDE)
    if done.returncode:
        raise Failed(f"{command.name}: cannot be run\n{done.stderr[-2000:]}")
    code, cpu, wall, memory = json.loads(done.stderr)
    _verify(command, code, done.stdout)
    return Cost(cpu, wall, memory / (1024**2 if sys.platform == "darwin" else 1024))


def printed(command: Command) -> str:
    """Run a process to its end, unmeasured; gives what it printed, its messages aside.

    Raises:
        Failed: it has another exit code; with the end of what it printed.
    """
    command.before()
    done = _done(command)
    _verify(command, done.returncode, done.stdout + done.stderr)
    return done.stdout


def _done(command: Command, *beside: str) -> subprocess.CompletedProcess[str]:
    asked = [*beside, *(str(one) for one in command.arguments)]
    return subprocess.run(
        asked,
        cwd=command.folder,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env=environment(),
        check=False,
    )


def _verify(command: Command, code: int, said: str) -> None:
    if code != command.code:
        raise Failed(f"{command.name}: exit code {code}, not {command.code}\n{said[-2000:]}")


BESIDE: Final = """\
import os, subprocess, sys, time
begun = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
_, status, used = os.wait4(process.pid, 0)
wall = time.perf_counter() - begun
process.returncode = code = os.waitstatus_to_exitcode(status)
sys.stderr.write(str([code, used.ru_utime + used.ru_stime, wall, used.ru_maxrss]))
"""
"""Runs a process from a small one: a child begins with the peak memory of its parent."""


class Rounds:
    """The costs of some commands, a row per round."""

    def __init__(self, costs: dict[str, list[Cost]]) -> None:
        self.costs = costs

    def ratio(self, name: str, other: str, what: What = "cpu") -> float:
        """Give the median over rounds of the ratio of two commands."""
        pairs = zip(self.costs[name], self.costs[other], strict=True)
        place = Cost._fields.index(what)
        return statistics.median(one[place] / two[place] for one, two in pairs)

    def middle(self, name: str) -> Cost:
        """Give the median cost of a command."""
        return Cost(*(statistics.median(column) for column in zip(*self.costs[name], strict=True)))


def interleaved(commands: Sequence[Command], rounds: int, say: Callable[[str], None] = lambda _text: None) -> Rounds:
    """Run each command once a round; the order turns from round to round."""
    costs: dict[str, list[Cost]] = {command.name: [] for command in commands}
    for number in range(rounds):
        turn = number % len(commands)
        for command in (*commands[turn:], *commands[:turn]):
            costs[command.name].append(run(command))
    for name, held in costs.items():
        say(f"    {name}: {', '.join(f'{cost.cpu:.3f}' for cost in held)} s cpu")
    return Rounds(costs)
