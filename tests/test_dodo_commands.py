"""doit's own commands and options over our tasks: list, info, clean, check, `-n`, `-a`, and names of tasks."""

from __future__ import annotations

import re
import shutil

import pytest

import doit_runs
from compiler.database import Database
from doit_runs import ALL, DENSE, DORA, FREEZE, MIX_1024, SFT, SUMMARY, Project, expect, rewritten

built, server, project = doit_runs.built, doit_runs.server, doit_runs.project


def test_list_shows_the_tasks(project: Project) -> None:
    """`doit list` names the groups, `--all` every lock; without a legacy side the groups of the proof are empty."""
    groups = ["check", "lock", "prove", "prune", "report"]
    assert [line.split()[0] for line in project.doit("list").out.splitlines()] == groups
    every = [line.split()[0] for line in project.doit("list", "--all").out.splitlines()]
    assert set(every) == {*groups} | {f"lock:{name}" for name in ALL}


@pytest.mark.parametrize(
    ("state", "arguments"),
    [
        ("fresh", "list"),
        ("never-built", "list"),
        ("never-built", "clean -n"),
        ("never-built", "info lock:debug"),
        ("stale", "list --all --status"),
        ("stale", "clean -n"),
        ("stale", "info lock:train/summary"),
    ],
)
def test_asking_doit_writes_nothing_at_all(project: Project, state: str, arguments: str) -> None:
    """The whole tree is the same before and after, whatever state it is in."""
    if state == "never-built":
        shutil.rmtree(project.root / "build")
    elif state == "stale":
        project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
        (project.root / "configs/debug.yaml").unlink()
    before = project.everything()
    said = project.doit(*arguments.split())
    assert said.code == (1 if arguments.startswith("info") else 0), said  # doit's way to say: not up to date
    assert project.everything() == before


def test_info_names_the_real_closure(project: Project) -> None:
    """`doit info` shows every fragment of a preset and of its mix, and its lock as target."""
    said = project.doit("info", "lock:train/dense_2048")
    listed = set(re.findall(r"^ - (\S+)$", said.out, re.MULTILINE))
    assert listed >= {
        "configs/base.yaml",
        DORA,
        SFT,
        "configs/train/dense_1024.yaml",
        "configs/train/dense_2048.yaml",
        "configs/fusion/base/dense.yaml",
        "configs/fusion/variants/mix_2048.yaml",
        "build/train/dense_2048.lock.yaml",
    }
    assert not {FREEZE, "configs/debug.yaml", "configs/fusion/variants/mix_1024.yaml"} & listed


@pytest.mark.parametrize("target", ["lock:train/summary", "build/train/summary.lock.yaml"])
def test_one_lock_is_built_by_its_task_or_its_path(project: Project, target: str) -> None:
    """`doit lock:x` and `doit build/x.lock.yaml` build that lock and no other."""
    project.edit("configs/base.yaml", "bfloat16", "float16")
    before = project.locks()
    said = project.doit(target)
    assert (said.code, said.counts) == (0, (1, 0, 0, 0))
    assert rewritten(before, project.locks()) == {"train/summary"}
    expect(project, {"debug", "train/summary_small"} | DENSE)


def test_a_lock_task_brings_its_mix_up_to_date(project: Project) -> None:
    """A preset's task builds the lock of its mix with it, so that the two never disagree."""
    project.edit("configs/fusion/base/dense.yaml", "ratio: 0.1", "ratio: 0.2")
    before = project.locks()
    assert project.doit("lock:train/dense_1024").code == 0
    assert rewritten(before, project.locks()) == {MIX_1024, "train/dense_1024"}


def test_clean_removes_only_ours(project: Project) -> None:
    """`doit clean` deletes the locks and leaves every other file below `build` alone; `-n` deletes nothing."""
    project.write("build/reports/mine.html", "mine")
    project.write("build/train/notes.yaml", "mine: 1\n")
    project.write("build/train/foreign.lock.yaml", "mine: 1\n")
    before = project.locks()
    assert project.doit("clean", "-n").code == 0
    assert project.locks() == before
    assert project.doit("clean").code == 0
    assert set(project.locks()) == {"train/foreign"}
    assert project.read("build/reports/mine.html") == "mine"
    assert project.read("build/train/notes.yaml") == "mine: 1\n"
    expect(project, ALL)


def test_clean_of_one_task_removes_one_lock(project: Project) -> None:
    """`doit clean lock:x` leaves the locks of the others."""
    before = project.locks()
    assert project.doit("clean", "lock:train/summary").code == 0
    assert project.locks() == {name: held for name, held in before.items() if name != "train/summary"}
    expect(project, {"train/summary"})


def test_clean_fails_where_a_lock_cannot_be_deleted(project: Project) -> None:
    """Each is told, every other is deleted and forgotten, and only then `doit clean` exits with 1."""
    folder = project.root / "build/train"
    folder.chmod(0o555)
    try:
        said = project.doit("clean", "--forget", obey=True)
    finally:
        folder.chmod(0o755)
    assert (said.code, said.err.count("[write-failed]")) == (1, len(DENSE | SUMMARY))
    assert set(project.locks()) == DENSE | SUMMARY
    assert not Database(str(project.root / "build/.cache/doit.json"), None).in_("lock:debug")
    assert project.doit("clean").code == 0
    assert project.locks() == {}


def test_forget_of_everything_looks_at_every_lock_again(project: Project) -> None:
    """`doit forget --all` deletes no lock; the next run compiles each, and writes none whose bytes are right."""
    before = project.locks()
    assert project.doit("forget", "--all").code == 0
    assert (project.due(), project.locks()) == (ALL, before)
    said = project.doit()
    assert (said.code, said.counts, project.locks()) == (0, (0, len(ALL), 0, 0), before)
    assert project.due() == set()


def test_two_threads_give_the_same_bytes_and_one_summary(project: Project) -> None:
    """`doit -n 2` builds what `doit` builds."""
    good = {name: held[2] for name, held in project.locks().items()}
    shutil.rmtree(project.root / "build")
    said = project.doit("-n", "2")
    assert (said.code, said.counts, said.out.count("\n")) == (0, (len(ALL), 0, 0, 0), 1)
    assert {name: held[2] for name, held in project.locks().items()} == good
    again = project.doit("-n", "2")
    assert (again.code, again.counts) == (0, (0, len(ALL), 0, 0))
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: [8")
    project.edit("configs/debug.yaml", "1.0e-4", "2.0e-4")
    broken = project.doit("-n", "2")
    assert (broken.code, broken.counts, broken.err.count("error:")) == (1, (1, len(ALL) - 3, 0, 2), 1)


def test_check_finds_locks_fresh(project: Project) -> None:
    """`doit check` is quiet and writes no lock where all is as it compiles."""
    before = project.locks()
    said = project.doit("check")
    assert (said.code, said.out, said.err) == (0, "", "")
    assert project.locks() == before


def test_check_names_drift_and_mends_nothing(project: Project) -> None:
    """`doit check` exits 1 and names each lock that drifted, in order; the locks stay as they are."""
    project.edit(FREEZE, "lora_alpha: 16", "lora_alpha: 17")
    project.lock("debug").unlink()
    project.lock(MIX_1024).write_text(project.lock(MIX_1024).read_text().replace("0.1", "0.9"))
    before = project.locks()
    said = project.doit("check")
    assert said.code == 1
    found = re.findall(r"^build/(\S+)\.lock\.yaml: error: .* \[([a-z-]+)\]$", said.err, re.MULTILINE)
    assert found == [
        ("debug", "lock-missing"),
        (MIX_1024, "lock-edited"),
        ("train/summary", "lock-stale"),
        ("train/summary_small", "lock-stale"),
    ]
    assert project.locks() == before


def test_check_is_no_default_task(project: Project) -> None:
    """`doit` alone repairs drift and does not report it."""
    project.lock("debug").unlink()
    said = expect(project, {"debug"})
    assert said.err == ""


def test_a_task_of_a_preset_can_be_forced(project: Project) -> None:
    """`doit -a` compiles everything again and touches no file whose bytes are equal."""
    before = project.locks()
    said = project.doit("-a")
    assert (said.code, said.counts) == (0, (0, len(ALL), 0, 0))
    assert project.locks() == before


ODD_NAMES = ["lr=1e-4", "every*", "two words", "a%b", "名字", "-dash", "dollar$(touch pwned)", "q'uo\"te"]


def test_presets_of_odd_names_have_their_tasks_and_their_locks(project: Project) -> None:
    """Characters that doit or a shell would take for their own build as any other."""
    for name in ODD_NAMES:
        project.write(f"configs/train/{name}.yaml", "extends: ../debug.yaml\n")
    expect(project, {f"train/{name}" for name in ODD_NAMES})
    expect(project, set())
    listed = [line.strip() for line in project.doit("list", "--all", "--quiet").out.splitlines()]
    odd = [task for task in listed if task.startswith("lock:") and task.removeprefix("lock:") not in ALL]
    assert len(odd) == len(ODD_NAMES)
    assert [task for task in odd if "=" in task or "*" in task] == []
    before = project.locks()
    project.lock(f"train/{ODD_NAMES[0]}").unlink()
    alone = project.doit(*odd)
    assert (alone.code, alone.counts) == (0, (1, len(ODD_NAMES) - 1, 0, 0)), alone
    assert rewritten(before, project.locks()) == {f"train/{ODD_NAMES[0]}"}
    assert not list(project.root.rglob("pwned"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param("presets = [", "presetz = [", "`tool.trainlock.presetz` is no setting", id="unknown"),
        pytest.param('configs = "configs"', "configs = 3", "`tool.trainlock.configs`", id="type"),
        pytest.param("[tool.trainlock]", "[tool]\ntrainlock = 3\n[x]", "`tool.trainlock` is not a table", id="table"),
        pytest.param('"debug.yaml"', '"/debug.yaml"', "`/debug.yaml`", id="glob"),
    ],
)
def test_settings_that_mean_nothing_are_one_clear_message(project: Project, old: str, new: str, says: str) -> None:
    """A run stops before the first task, with the place in `pyproject.toml` and no traceback."""
    project.edit("pyproject.toml", old, new)
    before = project.everything()
    said = project.doit()
    assert said.code == 3
    assert said.err.startswith("ERROR: pyproject.toml:"), said.err
    assert says in said.err
    assert said.err.count("[bad-settings]") == 1
    assert said.out == ""
    after = project.everything()
    assert after == before


def test_a_tree_without_presets_is_an_error_and_removes_nothing(project: Project) -> None:
    """Globs that select nothing are most likely a mistake, and cost no lock."""
    shutil.move(project.root / "configs", project.root / "moved")
    (project.root / "configs").mkdir()
    said = project.doit()
    assert said.code == 1
    assert "[no-presets]" in said.err
    assert set(project.locks()) == ALL


def test_an_unknown_task_is_told_without_a_traceback(project: Project) -> None:
    """A mistyped task name is refused by doit in its own words."""
    said = project.doit("lock:train/sumary")
    assert said.code == 3
    assert "lock:train/sumary" in said.err
