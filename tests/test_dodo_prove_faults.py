"""The proof through doit in trouble: files that go or are edited, waivers that end, folders that take no writes."""

from __future__ import annotations

import datetime
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import compiler
import doit_runs
import proven
from builders import layout_of
from compiler.store import BuildLock
from doit_runs import CANNOT_BE_READ, DODO, NO_RECORD, Project, Said
from holding import first_line, waiting_for
from proven import DENSE, FILES, FRESH, HEADLINE, MAPPING, SMALL, TUNER, waiver

server, project = doit_runs.server, doit_runs.project

REPORTS = ("build/reports/equivalence.html", "build/reports/equivalence.json", "build/reports/equivalence.md")
MADE = (*REPORTS, "build/.cache/proofs/train/dense.json", "build/.cache/proofs/train/small.json")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with its legacy side after one `doit`; never changed, only copied."""
    root = proven.make(tmp_path_factory.mktemp("built"))
    said = Project(root).doit()
    assert (said.code, said.counts) == (0, (4, 0, 0, 0)), said
    return root


def headline(said: Said) -> str:
    """Give what a run said of the proof; nothing where it said nothing."""
    return "".join(re.findall(r"^trainlock: ([A-Z]+ against .*) \(build/reports/", said.out, re.MULTILINE))


def made(project: Project) -> dict[str, bytes]:
    """Give the bytes of every proof and report."""
    return {path: (project.root / path).read_bytes() for path in MADE}


def codes(said: Said) -> set[str]:
    """Give the codes of the errors that a run told."""
    return set(re.findall(r"^(?:\S+: )?error: .*\[([a-z-]+)\]$", said.err, re.MULTILINE))


# ------------------------------------------------------------------------------ what is generated


@pytest.mark.parametrize("gone", [*MADE, "build/reports", "build/.cache/proofs", "build/.cache", "build"])
def test_what_is_deleted_is_made_again(project: Project, gone: str) -> None:
    """Any proof, any report, the cache, the whole build folder: the same bytes come back, and the verdict is told."""
    before = made(project)
    path = project.root / gone
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    said = project.doit()
    assert (said.code, headline(said)) == (0, HEADLINE)
    assert said.err == (NO_RECORD if gone in ("build/.cache", "build") else "")
    assert made(project) == before
    assert project.doit().counts == (0, 4, 0, 0)


@pytest.mark.parametrize("path", MADE)
def test_what_is_edited_by_hand_is_written_again(project: Project, path: str) -> None:
    """A report that says DIFFERENT, or a proof that says EQUIVALENT, by somebody's hand does not last."""
    before = made(project)
    project.write(path, project.read(path).replace("EQUIVALENT", "WAIVED"))
    assert made(project) != before
    said = project.doit()
    assert (said.code, said.err, headline(said)) == (0, "", HEADLINE)
    assert made(project) == before


def test_a_proof_that_was_made_up_convinces_nobody(project: Project) -> None:
    """A preset that differs is DIFFERENT, whatever the file of its proof says between two runs."""
    good = project.read(MADE[-1])
    project.edit(SMALL, "lora_rank: 8", "lora_rank: 16")
    assert project.doit().code == 1
    project.write(MADE[-1], good)
    for path in REPORTS:
        (project.root / path).unlink()
    said = project.doit()
    assert (said.code, headline(said).split()[0]) == (1, "DIFFERENT")


def test_a_report_is_never_made_of_proofs_that_nobody_looked_at(project: Project) -> None:
    """`doit -s` leaves out what a task depends on: the report proves for itself, and says what is the case now."""
    project.edit(SMALL, "lora_rank: 8", "lora_rank: 16")
    assert project.doit("lock:train/small").code == 0
    said = project.doit("-s", "report:equivalence")
    assert (said.code, codes(said), headline(said).split()[0]) == (1, {"not-equivalent"}, "DIFFERENT")
    project.edit(SMALL, "lora_rank: 16", "lora_rank: 8")
    stale = project.doit("-s", "report:equivalence")
    assert (stale.code, codes(stale), headline(stale).split()[0]) == (1, {"lock-stale", "not-equivalent"}, "DIFFERENT")


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\x00", b"[]"])
def test_a_damaged_record_of_earlier_runs_costs_nothing_but_time(project: Project, damage: bytes) -> None:
    """Everything is proven anew, and nothing comes out otherwise."""
    before = made(project)
    project.write("build/.cache/doit.json", damage)
    said = project.doit()
    assert (said.code, said.err, headline(said)) == (0, CANNOT_BE_READ, HEADLINE)
    assert made(project) == before


def test_a_change_of_our_code_proves_everything_again(project: Project, tmp_path: Path) -> None:
    """What judged differently yesterday has proven nothing; equal bytes stay as they are."""
    folder = tmp_path / "code/compiler"
    shutil.copytree(Path(compiler.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    project.path_first = [str(tmp_path / "code")]
    assert headline(project.doit()) == HEADLINE
    before = project.everything()
    with (folder / "neutrality.py").open("a") as file:
        file.write("\n# another day\n")
    due = project.doit("list", "--all", "--status").out
    assert re.findall(r"^R (?:prove|report):\S+", due, re.MULTILINE) == [
        *["R prove:train/dense", "R prove:train/small", "R report:equivalence"]
    ]
    assert headline(project.doit()) == HEADLINE
    assert {path: project.everything()[path] for path in MADE} == {path: before[path] for path in MADE}


# ------------------------------------------------------------------------------ waivers


@pytest.mark.parametrize("days", [-400, -1, 0, 400])
def test_a_waiver_holds_until_its_last_day(project: Project, days: int) -> None:
    """It is looked at on every run, as no edit says that a day has passed."""
    project.edit(SMALL, "lora_rank: 8", "lora_rank: 16")
    day = datetime.date.today() + datetime.timedelta(days=days)
    project.write(MAPPING, waiver(expires=day.isoformat()))
    for _ in range(2):
        said = project.doit()
        if days < 0:
            assert (said.code, codes(said)) == (1, {"expired-waiver", "not-equivalent"}), said
            assert headline(said).startswith("DIFFERENT against legacy: 1 different, 1 equivalent")
        else:
            assert (said.code, said.err) == (0, "")
            assert headline(said).startswith("WAIVED against legacy: 1 waived, 1 equivalent")
        due = project.doit("list", "--all", "--status").out
        assert re.findall(r"^R ((?:prove|report):\S+)", due, re.MULTILINE) == [
            "prove:train/small",
            "report:equivalence",
        ]


def test_a_waiver_that_nothing_uses_is_red(project: Project) -> None:
    """Though every preset is EQUIVALENT; and it is told once."""
    project.write(MAPPING, waiver())
    said = project.doit()
    assert (said.code, codes(said), said.err.count("error:")) == (1, {"unused-waiver"}, 1)
    assert headline(said).startswith("UNPROVEN against legacy: 2 equivalent")
    project.write(MAPPING, FILES[MAPPING])
    assert headline(project.doit()) == HEADLINE


# ------------------------------------------------------------------------------ parts, and orders


def test_one_proof_alone_builds_its_lock_and_no_other(project: Project) -> None:
    """`doit prove:x` proves what an edit means, with exit 1 where it means something, and reports nothing."""
    project.edit("configs/components/training.yaml", "2.0e-4", "3.0e-4")
    before, reports = project.locks(), made(project)
    said = project.doit("prove:train/small")
    assert (said.code, codes(said), headline(said)) == (1, {"not-equivalent"}, "")
    assert doit_runs.rewritten(before, project.locks()) == {"train/small"}
    assert {path for path in MADE if made(project)[path] != reports[path]} == {MADE[-1]}
    project.edit("configs/components/training.yaml", "3.0e-4", "2.0e-4")
    assert project.doit("prove:train/small").code == 0


def test_all_proofs_are_a_group(project: Project) -> None:
    """`doit prove` proves, `doit report` proves and reports."""
    project.edit(TUNER, "lora_rank: 32", "lora_rank: 16")
    said = project.doit("prove")
    assert (said.code, headline(said), codes(said)) == (1, "", {"not-equivalent"})
    reported = project.doit("report")
    assert (reported.code, headline(reported).split()[0], codes(reported)) == (1, "DIFFERENT", {"not-equivalent"})


def test_two_threads_prove_what_one_proves(project: Project) -> None:
    """`doit -n 2` from nothing: the same bytes; and an edit is as red."""
    before = made(project)
    shutil.rmtree(project.root / "build")
    said = project.doit("-n", "2")
    assert (said.code, said.err, headline(said)) == (0, NO_RECORD, HEADLINE)
    assert made(project) == before
    project.edit(TUNER, "lora_rank: 32", "lora_rank: 16")
    red = project.doit("-n", "2")
    assert (red.code, headline(red).split()[0], codes(red)) == (1, "DIFFERENT", {"not-equivalent"})


@pytest.mark.parametrize("left", ["nothing", "a folder of that name"])
def test_without_a_legacy_side_nothing_is_proven_and_doit_works(project: Project, left: str) -> None:
    """No proof, no report, no word of them; the default tasks that name none are no error."""
    shutil.rmtree(project.root / "legacy")
    if left != "nothing":
        project.write("legacy/README.md", "kept for its history\n")
    shutil.rmtree(project.root / "build")
    said = project.doit()
    assert (said.code, said.err, said.counts) == (0, NO_RECORD, (4, 0, 0, 0))
    assert said.out.count("\n") == 1
    assert not (project.root / "build/reports").exists()
    names = [line.split()[0] for line in project.doit("list", "--all").out.splitlines()]
    assert [name for name in names if name.startswith(("prove", "report"))] == ["prove", "report"]


def test_a_mapping_that_is_gone_is_no_way_to_be_green(project: Project) -> None:
    """Where there are records something must be proven of them."""
    (project.root / MAPPING).unlink()
    for _ in range(2):
        said = project.doit()
        assert (said.code, codes(said), headline(said)) == (1, {"no-legacy"}, "")
    (project.root / MAPPING).symlink_to("nowhere.yaml")
    assert (project.doit().code, project.doit("list", "--all", "--status").code) == (1, 0)
    (project.root / MAPPING).unlink()
    project.write(MAPPING, FILES[MAPPING])
    assert headline(project.doit()) == HEADLINE


def test_a_dodo_without_the_tasks_of_the_proof_works(project: Project) -> None:
    """Whoever takes three of the five creators builds, and proves with the command."""
    lines = "task_lock, task_prune, task_check, *_ = tasks.creators()\n"
    project.write("dodo.py", re.sub(r"task_lock.*\n", lines, DODO))
    assert project.doit().code == 0
    project.edit(TUNER, "lora_rank: 32", "lora_rank: 16")
    said = project.doit()
    assert (said.code, said.err, headline(said)) == (0, "", "")


def test_a_preset_that_the_globs_leave_out_is_proven_with_the_report(project: Project) -> None:
    """It has no lock, so nothing is proven of it, and the run says so at the line of the mapping."""
    project.write("configs/attic/old.yaml", FILES[SMALL].replace("../", "../"))
    project.write(MAPPING, FILES[MAPPING].replace(SMALL, "configs/attic/old.yaml"))
    said = project.doit()
    assert (said.code, codes(said)) == (1, {"unknown-preset"})
    assert headline(said).startswith("UNPROVEN against legacy: 1 unproven, 1 equivalent, 2 new")


def test_presets_of_odd_names_have_their_proofs(project: Project) -> None:
    """Characters that doit would take for its own are no hindrance."""
    (project.root / SMALL).rename(project.root / "configs/train/lr=1e-4 *.yaml")
    project.write(FRESH, FILES[FRESH].replace("small.yaml", '"lr=1e-4 *.yaml"'))
    project.write(MAPPING, FILES[MAPPING].replace(SMALL, '"configs/train/lr=1e-4 *.yaml"'))
    said = project.doit()
    assert (said.code, headline(said)) == (0, HEADLINE)
    assert (project.root / "build/.cache/proofs/train/lr=1e-4 *.json").exists()
    assert project.doit("prove:train/lr%3D1e-4 %2A").code == 0


# ------------------------------------------------------------------------------ folders that take no writes

OBEY = """\
import ctypes, os, sys
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.executable, [sys.executable, "-m", "doit", *sys.argv[1:]])
"""
"""Starts doit so that even root heeds permission bits."""


def obedient(project: Project) -> Said:
    """Run doit without the power to write where nobody may."""
    done = subprocess.run(
        [sys.executable, "-c", OBEY],
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("folder", ["build/.cache/proofs/train", "build/reports", "build/.cache/mutants"])
def test_a_folder_that_takes_no_writes_is_one_message(project: Project, folder: str) -> None:
    """A proof or a report that cannot be written is named with the reason; the run is red; it never says EQUIVALENT."""
    project.edit(SMALL, "lora_rank: 8", "lora_rank: 16")
    (project.root / folder).mkdir(parents=True, exist_ok=True)
    (project.root / folder).chmod(0o555)
    said = obedient(project)
    (project.root / folder).chmod(0o755)
    assert said.code == 1
    assert not headline(said) or headline(said).startswith("DIFFERENT")
    assert said.err.count("[write-failed]\n  why: permission denied\n") == 1
    assert project.doit().code == 1
    project.edit(SMALL, "lora_rank: 16", "lora_rank: 8")
    assert headline(project.doit()) == HEADLINE


def test_a_read_only_build_folder_with_nothing_to_do_is_fine(project: Project) -> None:
    """What stands is not written again, and the verdict is told."""
    folders = [path for path in (project.root / "build", *(project.root / "build").rglob("*")) if path.is_dir()]
    for path in folders:
        path.chmod(0o555)
    said = obedient(project)
    for path in folders:
        path.chmod(0o755)
    assert (said.code, said.err, headline(said)) == (0, "", HEADLINE)


def test_a_folder_in_the_place_of_a_report_is_told(project: Project) -> None:
    """It is left alone, and the run is red."""
    (project.root / REPORTS[0]).unlink()
    project.write(f"{REPORTS[0]}/notes.txt", "mine")
    said = project.doit()
    assert (said.code, codes(said), headline(said)) == (1, {"write-failed"}, "")
    assert project.read(f"{REPORTS[0]}/notes.txt") == "mine"


def test_witnesses_that_disagree_are_exit_3_through_doit(project: Project, tmp_path: Path) -> None:
    """No verdict is given, and none of an earlier run is repeated."""
    folder = tmp_path / "code/compiler"
    shutil.copytree(Path(compiler.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / "compare.py").read_text()
    found = re.sub(r"(def _shown_to_deepdiff\(.*\n    \"\"\".*\n)", r"\1    return 1\n", text)
    assert found != text
    (folder / "compare.py").write_text(found)
    project.path_first = [str(tmp_path / "code")]
    project.edit(SMALL, "lora_rank: 8", "lora_rank: 16")
    said = project.doit()
    assert (said.code, headline(said)) == (3, "")
    assert "error: this is a bug in trainlock: Disagreement: deepdiff sees no difference at" in said.err


BLIND = """

_all = unexcused


def unexcused(*given):
    return tuple(one for one in _all(*given) if one.difference.path[-1] != "learning_rate")
"""


def test_a_gate_that_is_blind_is_red_through_doit(project: Project, tmp_path: Path) -> None:
    """Every preset is EQUIVALENT, and none of it can be trusted: the report says so, and so does one proof alone."""
    folder = tmp_path / "code/compiler"
    shutil.copytree(Path(compiler.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "verdict.py").open("a") as file:
        file.write(BLIND)
    project.path_first = [str(tmp_path / "code")]
    alone = project.doit("prove:train/small")
    assert (alone.code, codes(alone)) == (1, {"mutant-survived"})
    said = project.doit()
    assert (said.code, codes(said)) == (1, {"mutant-survived"})
    assert headline(said).startswith("UNPROVEN against legacy: 2 equivalent")
    assert "**The proof is blind**" in project.read("build/reports/equivalence.md")


def test_a_build_that_waited_proves_what_it_finds_then(project: Project) -> None:
    """Locks, records and mapping are read again once the other build has let go."""
    lock = BuildLock(layout_of(project.root), 60, lambda _text: None)
    with lock:
        process = project.start()
        assert first_line(process) == waiting_for(os.getpid())
        project.edit(TUNER, "lora_rank: 32", "lora_rank: 16")
        project.write(MAPPING, waiver(preset=DENSE, legacy="32"))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert headline(Said(0, out, err)).startswith("WAIVED against legacy: 1 waived, 1 equivalent, 1 new")


def test_a_lock_that_cannot_be_written_leaves_no_report_of_a_better_day(project: Project) -> None:
    """The lock on disk is not what its sources compile to: the page says that it proves nothing."""
    project.doit()
    project.edit(SMALL, "lora_rank: 8", "lora_rank: 16")
    lock = project.root / "build/train/small.lock.yaml"
    lock.write_text("mine\n")
    said = project.doit()
    assert (said.code, headline(said).split()[0]) == (1, "REJECTED")
    assert '"verdict": "EQUIVALENT",\n  "counts"' not in project.read("build/reports/equivalence.json")
