"""Measures whole processes against each other: run by turns, so that a busy machine is as busy for each of them.

A ratio is the median over rounds of the ratio within one round; a cost by itself is a median, and says little.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

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
        Failed: it has another exit code; with the end of what it printed.
    """
    command.before()
    with open(os.devnull, "rb") as nothing:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command.arguments,
            cwd=command.folder,
            stdin=nothing,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(),
        )
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
    if process.returncode != command.code:
        tail = said.decode("utf-8", "replace")[-2000:]
        raise Failed(f"{command.name}: exit code {process.returncode}, not {command.code}\n{tail}")
    per_megabyte = 1024**2 if sys.platform == "darwin" else 1024
    return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / per_megabyte)


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
