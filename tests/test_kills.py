"""A build that is killed or interrupted, at every step at which it changes the disk, and the build that comes after."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

import faults
import proven
from faults import BUILDS, Drill, Fault, Server, locks, revert, temporary, written
from injector import CHANGES

faulty, drill = faults.faulty, faults.drill


def steps(calls: list[tuple[str, str]]) -> list[int]:
    """Give the number of each call that changes the disk."""
    return [number for number, (call, _) in enumerate(calls) if call in CHANGES]


@pytest.mark.parametrize(
    ("name", "sign"), [("build", "SIGKILL"), ("doit", "SIGKILL"), ("doit", "SIGTERM"), ("watch", "SIGKILL")]
)
def test_a_build_after_a_kill_is_a_clean_build(drill: Drill, name: str, sign: str) -> None:
    """At whichever step a build is killed: each lock is old or new, and the next build ends as a clean one.

    What the dead one left lying about is gone then, too.
    """
    died = []
    for number in steps(drill.calls(BUILDS[name])):
        root = drill.copy()
        said = drill.server.run(root, BUILDS[name], Fault(sign, number))
        assert said.code == -signal.Signals[sign], (number, said)
        assert drill.halves(root) == [], number
        died += temporary(root)
        again = drill.server.run(root, BUILDS[name])
        assert (again.code, locks(root), temporary(root)) == (0, drill.after, []), (number, again)
    assert died != []


@pytest.mark.parametrize("name", ["build", "doit"])
def test_an_edit_that_is_taken_back_after_a_kill_is_taken_back(drill: Drill, name: str) -> None:
    """Nothing of the killed build is taken for fresh: with the old sources the next one ends in the old bytes."""
    for number in steps(drill.calls(BUILDS[name])):
        root = drill.copy()
        drill.server.run(root, BUILDS[name], Fault("SIGKILL", number))
        revert(root)
        again = drill.server.run(root, BUILDS[name])
        assert (again.code, locks(root), temporary(root)) == (0, drill.before, []), (number, again)
        faults.edit(root)
        assert drill.server.run(root, BUILDS[name]).code == 0
        assert locks(root) == drill.after, number


@pytest.mark.parametrize("name", ["build", "doit"])
def test_an_interrupt_anywhere_ends_in_130_and_leaves_nothing_half(drill: Drill, name: str) -> None:
    """Ctrl-C says nothing, leaves no temporary file, and the next build is that of a clean one."""
    calls = drill.calls(BUILDS[name])
    # the last calls of doit are those of its report, when everything is done
    for number in sorted({*steps(calls), *range(1, len(calls), 5)}):
        root = drill.copy()
        said = drill.server.run(root, BUILDS[name], Fault("SIGINT", number))
        about = (number, calls[number], said)
        assert (said.code, said.err) == (130, ""), about
        assert drill.halves(root) == [], about
        assert temporary(root) == [], about
        again = drill.server.run(root, BUILDS[name])
        assert (again.code, locks(root)) == (0, drill.after), about


@pytest.mark.parametrize("command", [("trainlock", "prove"), ("doit",)], ids=lambda command: command[-1])
def test_a_proof_after_a_kill_is_that_of_a_clean_run(faulty: Server, tmp_path: Path, command: tuple[str, ...]) -> None:
    """A proof is killed before it has a mutant, a proof or a report in its place: the next run makes all of them."""
    start = proven.make(tmp_path / "start")
    assert faulty.run(start, ("trainlock", "build")).code == 0
    whole = tmp_path / "whole"
    shutil.copytree(start, whole)
    calls = faulty.run(whole, command).calls
    after = written(whole)
    mutants = [number for number, (_, path) in enumerate(calls) if "/mutants/" in path]
    met = [number for number, (call, _) in enumerate(calls) if call in ("replace", "unlink")]
    for number in met:
        if number in mutants[8:]:
            continue  # every mutant is written as the first one
        root = tmp_path / str(number)
        shutil.copytree(start, root)
        faulty.run(root, command, Fault("SIGKILL", number))
        again = faulty.run(root, command)
        assert (again.code, written(root)) == (0, after), (number, again)
