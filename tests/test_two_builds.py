"""Never two: one that stands still in the middle of its work keeps every other builder out, and no reader."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import faults
import proven
from doit_runs import DODO
from faults import BUILDS, Server, locks
from holding import first_line, waiting_for
from injector import CHANGES

faulty = faults.faulty

BUILDERS = {**BUILDS, "prove": ("trainlock", "prove")}
"""What holds the build lock while it is at work."""


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A second process that runs commands, beside the first."""
    made = Server(tmp_path_factory.mktemp("other"))
    yield made
    made.process.communicate(timeout=20)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, faulty: Server) -> Path:
    """A repository with a legacy side that was built before a mix was edited; its doit waits for nobody."""
    root = proven.make(tmp_path_factory.mktemp("start"))
    (root / "dodo.py").write_text(DODO.replace("tasks.config()", "tasks.config(wait=0.0)"))
    assert faulty.run(root, ("doit",)).code == 0
    proven.edit(root, proven.MIX_BASE, "ratio: 0.1", "ratio: 0.2")
    return root


def middle(calls: list[tuple[str, str]]) -> int:
    """Give the number of a call in the middle of what a command writes."""
    held = [number for number, (call, path) in enumerate(calls) if call in CHANGES and "build.lock" not in path]
    return held[len(held) // 2]


@pytest.fixture
def repository(start: Path, tmp_path: Path) -> Path:
    """A copy of the repository, its own to change."""
    root = tmp_path / "repository"
    shutil.copytree(start, root)
    return root


@pytest.fixture
def kept(request: pytest.FixtureRequest, repository: Path, faulty: Server, tmp_path: Path) -> Iterator[int]:
    """A builder that stands still in the middle of its work: the number of its process."""
    command = BUILDERS[request.param]
    trial = tmp_path / "trial"
    shutil.copytree(repository, trial)
    number = faulty.stop(repository, command, middle(faulty.run(trial, command).calls))
    yield number
    with contextlib.suppress(ProcessLookupError):  # the test may have killed it
        os.kill(number, signal.SIGKILL)
    faulty.outcome()


WAITERS = {
    "build": ("trainlock", "build", "--wait", "0"),
    "prove": ("trainlock", "prove", "--wait", "0"),
    "doit": ("doit",),
    "one-lock": ("doit", "lock:train/dense"),
    "clean": ("doit", "clean"),
}

"""What writes, and so waits; here for no time at all."""

READERS = [
    ("trainlock", "list"),
    ("trainlock", "check"),
    ("trainlock", "why", "train/dense", "tuner.lora_rank"),
    ("trainlock", "show", "train/dense"),
    ("trainlock", "graph"),
    ("trainlock", "diff", "train/dense", "train/small"),
    ("trainlock", "impact", proven.TUNER),
    ("trainlock", "schema"),
    ("doit", "list", "--all", "--status"),
    ("doit", "info", "lock:train/dense"),
    ("doit", "check"),
    ("launch", "--config=train/dense", "--dry_run=true"),
]
"""What only asks."""


@pytest.mark.parametrize("kept", ["build", "doit", "prove"], indirect=True)
def test_a_builder_in_the_middle_keeps_every_other_out_and_no_reader(
    kept: int, repository: Path, other: Server
) -> None:
    """Whoever would write gives up after the set time with 75 and names the process; whoever reads is answered.

    Nobody changes a byte meanwhile.
    """
    before = faults.files(repository)
    for command in WAITERS.values():
        said = other.run(repository, command)
        assert said.code == 75, (command, said)
        assert f"another build is at work (process {kept}) [build-locked]" in said.err, command
    for command in READERS:
        said = other.run(repository, command)
        assert said.code != 75, (command, said)
        assert "another build" not in said.err, (command, said)
    assert {path for path, data in faults.files(repository).items() if before.get(path) != data} == set()


def started(root: Path, *words: str) -> subprocess.Popen[str]:
    """Start a command in a folder, and do not wait for it."""
    command = [sys.executable, "-m", *words]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("kept", ["build", "doit", "prove", "watch"], indirect=True)
def test_a_builder_that_is_killed_in_the_middle_lets_the_waiting_one_in(
    kept: int, repository: Path, other: Server, tmp_path: Path
) -> None:
    """It says for whom it waits, goes on when that one is dead, and ends in the bytes of a clean build."""
    process = started(repository, "compiler", "build")
    assert first_line(process) == waiting_for(kept)
    os.kill(kept, signal.SIGKILL)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, ""), out
    clean = tmp_path / "clean"
    shutil.copytree(repository, clean, ignore=shutil.ignore_patterns("build"))
    faults.clean_build(clean)
    assert locks(repository) == locks(clean)
    assert faults.temporary(repository) == []
    assert other.run(repository, ("trainlock", "check")).code == 0


@pytest.mark.parametrize(
    ("first", "second"), [("doit", ("doit",)), ("doit", ("compiler", "build")), ("build", ("doit",))]
)
def test_of_two_builds_each_lock_is_written_by_one(
    repository: Path, faulty: Server, tmp_path: Path, first: str, second: tuple[str, ...]
) -> None:
    """The second waits, finds everything done, and writes no lock again."""
    (repository / "dodo.py").write_text(DODO)
    trial = tmp_path / "trial"
    shutil.copytree(repository, trial)
    alone = faulty.run(trial, BUILDERS[first])
    number = faulty.stop(repository, BUILDERS[first], middle(alone.calls))
    process = started(repository, *second)
    assert first_line(process) == waiting_for(number)
    os.kill(number, signal.SIGCONT)
    assert faulty.outcome().code == alone.code
    out, _ = process.communicate()
    assert "0 built, 4 unchanged, 0 removed, 0 failed" in out
    assert locks(repository) == locks(trial)
