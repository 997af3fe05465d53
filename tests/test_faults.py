"""Never half: whichever call of the system fails, a file of ours is its old or its new bytes, and it is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import faults
import launches
import proven
from doit_runs import NO_RECORD
from faults import BUILDS, Drill, Fault, Outcome, Server, clean_build, culprit, files, locks, temporary, written
from injector import FILLS_A_DISK

faulty, drill = faults.faulty, faults.drill

LOCK_FILE = "build/.cache/build.lock"
"""What is written to it is the number of a process, for messages alone."""


def places(calls: list[tuple[str, str]], command: tuple[str, ...], fault: str) -> list[tuple[int, str, str]]:
    """Give the calls at which a fault can happen, with their numbers, but for what doit reads for itself."""
    first = int(command == ("doit",))
    assert not first or calls[0] == ("read", "pyproject.toml")  # by doit, for its own settings, before it knows of us
    found = [(number, call, path) for number, (call, path) in enumerate(calls) if number >= first]
    return [one for one in found if (one[1] in FILLS_A_DISK if fault == "FULL" else one[1] != "read" or one[0] < 3)]


def told(said: Outcome, path: str, command: tuple[str, ...]) -> bool:
    """Say whether a command that failed says why: the file by its name, and an exit code for it."""
    codes = (1, 2, 3) if command == ("doit",) else (1, 2)  # 3 is what doit makes of settings that cannot be read
    return said.code in codes and (culprit(path) in said.err or path == LOCK_FILE)


@pytest.mark.parametrize(
    ("name", "fault"),
    [("build", "EACCES"), ("build", "FULL"), ("doit", "EACCES"), ("doit", "FULL"), ("watch", "FULL")],
)
def test_a_call_that_fails_leaves_nothing_half(drill: Drill, name: str, fault: str) -> None:
    """Each lock is old or new, no temporary file stays, and exit 0 says that all are new; else the file is named."""
    command = BUILDS[name]
    met = places(drill.calls(command), command, fault)
    assert len(met) > 10
    for number, call, path in met:
        root = drill.copy()
        said = drill.server.run(root, command, Fault(fault, number))
        about = (number, call, path, said)
        assert drill.halves(root) == [], about
        assert temporary(root) == [], about
        assert locks(root) == drill.after if said.code == 0 else told(said, path, command), about
        clean_build(root)
        assert locks(root) == drill.after, about


@pytest.mark.parametrize("name", ["build", "doit"])
def test_a_build_folder_that_cannot_be_listed_is_told(drill: Drill, name: str) -> None:
    """Where a folder below `build`, or a lock without a source in it, cannot be read, exit 0 would be a lie."""
    hidden = [
        (number, path)
        for number, (call, path) in enumerate(drill.calls(BUILDS[name]))
        if (call == "scandir" and path.startswith("build")) or (call == "open" and path.endswith("old.lock.yaml"))
    ]
    assert len(hidden) > 3
    for number, path in hidden[:-1]:  # the last one is opened once more, to be deleted
        said = drill.server.run(drill.copy(), BUILDS[name], Fault("EACCES", number))
        word = "read" if path.endswith(".yaml") else "listed"
        assert said.code == 1
        assert said.err.startswith(
            f"{path}: error: `{path}` cannot be {word} [unreadable-file]\n  why: permission denied\n"
        )


def test_a_record_that_cannot_be_written_is_told_and_costs_no_lock(drill: Drill) -> None:
    """A full disk at the end of a `doit`: the locks are whole, and the next run looks at every one of them."""
    calls = drill.calls(("doit",))
    for number in (number for number, (_, path) in enumerate(calls) if culprit(path) == "build/.cache/doit.json"):
        if calls[number][0] in FILLS_A_DISK:
            root = drill.copy()
            said = drill.server.run(root, ("doit",), Fault("FULL", number))
            assert (said.code, locks(root)) == (0, drill.after)
            assert said.err.startswith(
                "trainlock: `build/.cache/doit.json` cannot be written: no space left on device; "
                "the next run looks at every lock\n"
            )
            again = drill.server.run(root, ("doit",))
            assert (again.code, again.err, locks(root)) == (0, "", drill.after)
            (root / "build/.cache/doit.json").unlink()
            assert drill.server.run(root, ("doit",)).err == NO_RECORD
    last = {path for call, path in calls if call == "replace"}
    assert {"build/.cache/doit.json", "build/.cache/outline.json"} <= last


@pytest.mark.parametrize("fault", ["FULL", "SIGKILL"])
def test_a_store_that_writes_in_place_would_be_caught(drill: Drill, fault: str) -> None:
    """The drill sees half a lock where there is one: with a store that writes as most programs do, it finds several."""
    command = ("careless", "build")
    found = []
    for number, _, _ in places(drill.calls(command), command, "FULL"):
        root = drill.copy()
        drill.server.run(root, command, Fault(fault, number))
        found += drill.halves(root)
    assert set(found) == {f"build/{name}.lock.yaml" for name in (faults.MIX, faults.DENSE, faults.NEW)}


# ------------------------------------------------------------------------------ proofs and reports


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, faulty: Server) -> Path:
    """A repository with a legacy side that doit proved, and then a lock was edited: it is proven no more."""
    root = proven.make(tmp_path_factory.mktemp("judged"))
    assert faulty.run(root, ("doit",)).code == 0
    proven.edit(root, proven.TUNER, "lora_rank: 32", "lora_rank: 16")
    return root


@pytest.mark.parametrize("name", ["prove", "doit"])
def test_a_report_that_cannot_be_written_is_no_half_report(
    judged: Path, faulty: Server, tmp_path: Path, name: str
) -> None:
    """Whichever write fails, a proof or a report is that of the day before or of today, and the file is named."""
    command = {"prove": ("trainlock", "prove"), "doit": ("doit",)}[name]
    start = tmp_path / "start"
    shutil.copytree(judged, start)
    if name == "prove":
        clean_build(start)
    before = written(start)
    whole = tmp_path / "whole"
    shutil.copytree(start, whole)
    calls = faulty.run(whole, command).calls
    after = written(whole)
    assert before != after
    mutants = [number for number, (_, path) in enumerate(calls) if "/mutants/" in path]
    met = [
        place
        for place in places(calls, command, "FULL")
        if place[0] not in mutants[4:] and not place[2].endswith(".gitignore")
    ]
    assert any("equivalence.html" in path for _, _, path in met)
    for number, call, path in met:
        root = tmp_path / "root"
        shutil.copytree(start, root)
        said = faulty.run(root, command, Fault("FULL", number))
        about = (number, call, path, said)
        found = written(root)
        wrong = [one for one in before.keys() | found.keys() if found.get(one) not in (before.get(one), after.get(one))]
        assert wrong == [], about
        assert temporary(root) == [], about
        assert said.code == 1, about
        assert culprit(path) in said.err or path == LOCK_FILE, about
        shutil.rmtree(root)


# ------------------------------------------------------------------------------ the copy of a run

LAUNCH = ("launch", "--config=train/dense", "--trainer=src.sft")


@pytest.mark.parametrize("fault", ["EACCES", "FULL"])
def test_a_copy_that_cannot_be_written_starts_no_run(faulty: Server, tmp_path: Path, fault: str) -> None:
    """Whichever call of a launch fails, the trainer starts from two whole locks or not at all; the file is named."""
    project = launches.launchable(tmp_path / "made")
    whole = tmp_path / "whole"
    shutil.copytree(project, whole)
    started = faulty.run(whole, LAUNCH)
    assert (started.code, started.out.split()[0]) == (0, "launched")
    copy = files(whole / "output")
    assert len(copy) == 2
    for number, call, path in places(started.calls, LAUNCH, fault):
        root = tmp_path / "root"
        shutil.copytree(project, root)
        said = faulty.run(root, LAUNCH, Fault(fault, number))
        about = (number, call, path, said)
        found = files(root / "output")
        assert {name for name, data in found.items() if copy.get(name) != data} == set(), about
        assert temporary(root) == [], about
        assert ("launched" in said.out) == (said.code == 0), about
        assert found == copy if said.code == 0 else told(said, path, LAUNCH), about
        shutil.rmtree(root)
