"""Two builds at once, through doit itself: who waits for whom, how long, and what an interrupt leaves."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

import doit_runs
from doit_runs import ALL, DODO, FREEZE, SUMMARY, Project, Said, expect, rewritten
from holding import Holder, first_line

built, server, project = doit_runs.built, doit_runs.server, doit_runs.project


@pytest.fixture
def holder(project: Project) -> Iterator[Holder]:
    """The build lock of the project, held by another process."""
    with Holder(project.root) as made:
        yield made


def test_two_builds_at_once_wait_for_each_other(project: Project, holder: Holder) -> None:
    """Each says for whom it waits, both exit 0, and the locks come out as if one had run after the other."""
    project.edit(FREEZE, "lora_alpha: 16", "lora_alpha: 17")
    before = project.locks()
    both = [project.start(), project.start()]
    assert [first_line(process) for process in both] == [holder.waiting] * 2
    assert project.locks() == before
    holder.release()
    said = []
    for process in both:
        out, err = process.communicate(timeout=30)
        said.append(Said(process.returncode, out, err))
    assert [one.code for one in said] == [0, 0], said
    assert sorted(one.counts for one in said) == [(0, len(ALL), 0, 0), (2, len(ALL) - 2, 0, 0)]
    assert rewritten(before, project.locks()) == SUMMARY
    assert project.due() == set()


def test_an_edit_during_the_wait_is_in_the_result(project: Project, holder: Holder) -> None:
    """A build that waited reads its sources again, and remembers what it read."""
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
    process = project.start()
    assert first_line(process) == holder.waiting
    project.edit(FREEZE, "lora_rank: 16", "lora_rank: 24")
    project.edit("configs/debug.yaml", "1.0e-4", "5.0e-4")
    holder.release()
    out, err = process.communicate(timeout=30)
    assert (process.returncode, Said(0, out, err).counts[0]) == (0, 2), out + err
    assert "lora_rank: 24 " in project.lock("train/summary").read_text()
    assert "learning_rate: 0.0005 " in project.lock("debug").read_text()
    assert project.due() == set()
    project.edit(FREEZE, "lora_rank: 24", "lora_rank: 16")
    expect(project, {"train/summary"})


def test_a_base_that_joins_during_the_wait_is_watched(project: Project, holder: Holder) -> None:
    """A fragment that came into a chain while the build waited is an input of the next run."""
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
    process = project.start()
    assert first_line(process) == holder.waiting
    project.write("configs/components/tuner/shared.yaml", "tuner:\n  lora_dropout: 0.1\n")
    project.edit(FREEZE, "extends: dora.yaml", "extends: [dora.yaml, shared.yaml]")
    holder.release()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    project.edit("configs/components/tuner/shared.yaml", "0.1", "0.2")
    expect(project, SUMMARY)


def test_a_preset_that_goes_during_the_wait_fails_no_other(project: Project, holder: Holder) -> None:
    """Its lock goes in this run or in the next, and nothing else is harmed."""
    process = project.start()
    assert first_line(process) == holder.waiting
    (project.root / "configs/train/summary_small.yaml").unlink()
    project.edit("configs/debug.yaml", "1.0e-4", "5.0e-4")
    holder.release()
    out, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    assert "learning_rate: 0.0005 " in project.lock("debug").read_text(), out + err
    assert project.doit().code == 0
    assert set(project.locks()) == ALL - {"train/summary_small"}


def test_a_lock_that_is_held_for_long_ends_in_75(project: Project, holder: Holder) -> None:
    """A build that waits in vain names who holds the lock, writes nothing, and exits 75."""
    project.write(
        "dodo.py",
        DODO.replace("tasks.config()", "tasks.config(wait=0.1)"),
    )
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
    before = project.locks()
    said = project.doit()
    assert said.code == 75
    assert said.err.startswith(holder.waiting)
    assert f"another build is at work (process {holder.number}) [build-locked]" in said.err
    assert said.out == ""
    assert project.locks() == before
    holder.release()
    expect(project, {"train/summary"})


def test_a_killed_holder_holds_nothing(project: Project, holder: Holder) -> None:
    """The kernel takes the lock back from a process that dies."""
    holder.kill()
    assert expect(project, set()).err == ""


def test_listing_does_not_wait(project: Project, holder: Holder) -> None:
    """`doit list` answers while a build is at work."""
    said = project.doit("list")
    assert (said.code, said.err) == (0, "")
    holder.release()


def test_an_interrupt_during_the_wait_leaves_everything_as_it_was(project: Project, holder: Holder) -> None:
    """Ctrl-C while a build waits ends it without a lock written, and the next run does the work."""
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
    before = project.locks()
    process = project.start()
    assert first_line(process) == holder.waiting
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode not in (0, 1, 3)
    assert project.locks() == before
    holder.release()
    expect(project, {"train/summary"})
