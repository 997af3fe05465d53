"""The proof through doit itself: it comes with every build, is done again when something changed, is never stale."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import doit_runs
import proven
from cli_runs import run
from compiler.database import Database
from doit_runs import NO_RECORD, Project, Said
from proven import (
    DENSE,
    FRESH,
    HEADLINE,
    MAPPING,
    MIX,
    OLD_DENSE,
    OLD_MIX,
    OLD_SMALL,
    SMALL,
    TUNER,
)

server, project = doit_runs.server, doit_runs.project

PAGE = "(build/reports/equivalence.html)"
REPORTS = ("build/reports/equivalence.html", "build/reports/equivalence.json", "build/reports/equivalence.md")
PROOFS = ("build/.cache/proofs/train/dense.json", "build/.cache/proofs/train/small.json")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with its legacy side after one `doit`; never changed, only copied."""
    root = proven.make(tmp_path_factory.mktemp("built"))
    said = Project(root).doit()
    assert (said.code, said.err, said.counts) == (0, NO_RECORD, (4, 0, 0, 0)), said
    assert said.out.splitlines()[1:] == [f"trainlock: {HEADLINE} {PAGE}"]
    return root


def headline(said: Said) -> str:
    """Give what a run said of the proof: the one line, without the path of the page."""
    found = re.findall(rf"^trainlock: ([A-Z]+ against .*) {re.escape(PAGE)}$", said.out, re.MULTILINE)
    assert len(found) == 1, said
    return str(found[0])


def done(project: Project, *arguments: str) -> tuple[Said, set[str]]:
    """Run doit; gives what it said, and which proofs and reports it wrote anew, be it the same bytes."""
    for path in (*PROOFS, *REPORTS):
        (project.root / path).touch()
    before = project.everything()
    said = project.doit(*arguments)
    after = project.everything()
    return said, {path for path in after if path in (*PROOFS, *REPORTS) and before.get(path) != after[path]}


def verdicts(project: Project) -> dict[str, str]:
    """Give the verdict of each preset in the report, and that of the whole as ''."""
    found = json.loads(project.read("build/reports/equivalence.json"))
    return {"": found["verdict"], **{row["preset"] or row["legacy"]: row["verdict"] for row in found["presets"]}}


def errors(said: Said) -> list[tuple[str, str]]:
    """Give place and code of each error that a run told."""
    found: list[tuple[str, str]] = re.findall(r"^(\S+): error: .*(?<=\[)([a-z-]+)\]$", said.err, re.MULTILINE)
    return found


# ------------------------------------------------------------------------------ nothing to do


def test_doit_proves_and_reports(project: Project) -> None:
    """The first `doit` leaves a page, a summary and a document, in a folder that git ignores, and a proof each."""
    assert verdicts(project) == {"": "EQUIVALENT", DENSE: "EQUIVALENT", FRESH: "NEW", SMALL: "EQUIVALENT"}
    assert all((project.root / path).exists() for path in (*PROOFS, *REPORTS))
    assert project.read("build/reports/.gitignore") == "*\n"


def test_a_second_doit_proves_nothing_and_says_the_verdict_again(project: Project) -> None:
    """No proof and no report is written, and what proves is not even imported."""
    said, written = done(project)
    assert (said.code, said.err, said.counts, headline(said)) == (0, "", (0, 4, 0, 0), HEADLINE)
    assert written == set()
    traced = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "doit"],
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert HEADLINE in traced.stdout
    imported = set(re.findall(r"\| +(\S+)$", traced.stderr, re.MULTILINE))
    assert "compiler.proving" in imported
    assert {"deepdiff", "compiler.page", "compiler.report"} & imported == set()


def test_the_command_and_doit_write_the_same_reports(project: Project) -> None:
    """Byte for byte, so that neither makes the other write."""
    before = [(project.root / path).read_bytes() for path in REPORTS]
    assert run(project.root, "prove").out.startswith(HEADLINE)
    assert [(project.root / path).read_bytes() for path in REPORTS] == before
    assert done(project)[1] == set()


def test_listing_writes_nothing_and_names_every_proof(project: Project) -> None:
    """A preset without a legacy side has none."""
    before = project.everything()
    names = [line.split()[0] for line in project.doit("list", "--all").out.splitlines()]
    assert [name for name in names if name.startswith(("prove", "report"))] == [
        *["prove", "prove:train/dense", "prove:train/small", "report", "report:equivalence"]
    ]
    assert project.doit("list", "--all", "--status").code == 0
    assert project.everything() == before


def test_what_is_remembered_of_a_proof_is_small(project: Project) -> None:
    """Its lock, that of its mix, the mapping, and one digest of the whole legacy side: a thousand proofs stay quick."""
    database = Database(str(project.root / "build/.cache/doit.json"), None)
    files = ["build/fusion/variants/mix.lock.yaml", "build/train/dense.lock.yaml", MAPPING]
    assert sorted(database.get("prove:train/dense", "deps:")) == files
    kept = json.loads(project.read("build/.cache/doit.json"))["rows"]
    assert len(json.dumps(kept["tasks"]["prove:train/dense"])) < 200
    assert kept["texts"].count(MAPPING) == 1


# ------------------------------------------------------------------------------ edits


def test_one_edited_value_locks_and_proves_in_that_same_run(project: Project) -> None:
    """The run is red, names the line that was edited, and the report that it writes says DIFFERENT."""
    project.edit(TUNER, "lora_rank: 32", "lora_rank: 16")
    said, written = done(project)
    assert said.code == 1
    assert said.counts == (1, 3, 0, 0)
    assert "lora_rank: 16 " in project.lock("train/dense").read_text()
    assert headline(said).startswith("DIFFERENT against legacy: 1 different, 1 equivalent, 1 new")
    assert said.err == (
        f"{TUNER}:2:3: error: `tuner.lora_rank` is `16`, and legacy trained with `32` [not-equivalent]\n"
        "    2 |   lora_rank: 16\n"
        "      |   ^\n"
        f"  note: {DENSE} trains with it, in the place of legacy/{OLD_DENSE}:6:3\n"
        f"  hint: undo the edit, or accept it by a waiver in `{MAPPING}`\n"
    )
    assert written == {PROOFS[0], *REPORTS}
    assert verdicts(project) == {"": "DIFFERENT", DENSE: "DIFFERENT", FRESH: "NEW", SMALL: "EQUIVALENT"}


def test_a_difference_is_told_until_it_is_gone(project: Project) -> None:
    """The next `doit` says it again though nothing was edited; taken back all is as on the first day."""
    first = [(project.root / path).read_bytes() for path in (*PROOFS, *REPORTS)]
    project.edit(MIX, "bbu_1024", "bbu_2048")
    red = project.doit()
    assert (red.code, errors(red)) == (1, [(f"{MIX}:3:17", "not-equivalent")])
    again = project.doit()
    assert (again.code, again.err, headline(again)) == (1, red.err, headline(red))
    project.edit(MIX, "bbu_2048", "bbu_1024")
    green = project.doit()
    assert (green.code, green.err, headline(green)) == (0, "", HEADLINE)
    assert [(project.root / path).read_bytes() for path in (*PROOFS, *REPORTS)] == first
    assert done(project)[1] == set()


def test_a_comment_proves_nothing_again(project: Project) -> None:
    """The locks are compiled again and not written, and what depends on their bytes is up to date."""
    project.edit("configs/base.yaml", "# runtime defaults\n", "# runtime defaults,\n# reviewed\n")
    said, written = done(project)
    assert (said.code, said.err, said.counts, headline(said)) == (0, "", (0, 4, 0, 0), HEADLINE)
    assert written == set()
    due = project.doit("list", "--all", "--status").out
    assert "R prove:" not in due


def test_a_value_that_cannot_reach_training_is_neutral_and_green(project: Project) -> None:
    """It is told in the report; and proven again each time, as only EQUIVALENT stands."""
    project.edit(SMALL, "prob: 0.1", "prob: 0.2")
    for _ in range(2):
        said = project.doit()
        assert (said.code, said.err) == (0, "")
        assert headline(said).startswith("NEUTRAL against legacy: 1 neutral, 1 equivalent")
    assert verdicts(project)[SMALL] == "NEUTRAL"


def test_a_broken_preset_is_rejected_and_the_others_are_proven(project: Project) -> None:
    """The problem is told once; mended, all is as it was."""
    project.edit(SMALL, "lora_rank: 8", "lora_rank: [8")
    project.edit(TUNER, "lora_rank: 32", "lora_rank: 16")
    said = project.doit()
    assert said.code == 1
    assert sorted(code for _, code in errors(said)) == ["bad-yaml", "not-equivalent"]
    assert verdicts(project) == {"": "DIFFERENT", DENSE: "DIFFERENT", FRESH: "NEW", SMALL: "REJECTED"}
    project.edit(SMALL, "lora_rank: [8", "lora_rank: 8")
    project.edit(TUNER, "lora_rank: 16", "lora_rank: 32")
    mended = project.doit()
    assert (mended.code, headline(mended)) == (0, HEADLINE)


def test_without_a_preset_nothing_is_proven_and_no_lock_is_removed(project: Project) -> None:
    """Presets that were moved away are one problem, and one a line of the mapping; `doit check` tells the one."""
    locks = project.locks()
    (project.root / "configs/train").rename(project.root / "moved")
    said = project.doit()
    assert (said.code, headline(said).split(";")[0]) == (1, "UNPROVEN against legacy: 2 unproven, 2 problems")
    assert errors(said) == [(f"{MAPPING}:{line}:3", "unknown-preset") for line in (2, 3)]
    for told in (said, project.doit("check")):
        assert (told.code, told.err.count("no file below `configs` is a preset [no-presets]")) == (1, 1)
    listed = project.doit("list", "--all", "--status")
    assert (listed.code, "lock:" in listed.out, project.locks()) == (0, False, locks)
    (project.root / "moved").rename(project.root / "configs/train")
    assert headline(project.doit()) == HEADLINE


def test_a_preset_that_comes_or_goes_changes_the_report(project: Project) -> None:
    """A new one is listed as such; one that is gone leaves a line of the mapping that maps to nothing."""
    project.write("configs/train/another.yaml", "extends: small.yaml\n")
    said = project.doit()
    assert (said.code, headline(said)) == (0, HEADLINE.replace("1 new", "2 new"))
    (project.root / "configs/train/another.yaml").unlink()
    (project.root / FRESH).unlink()
    assert headline(project.doit()) == HEADLINE.replace(", 1 new", "")
    (project.root / SMALL).unlink()
    gone = project.doit()
    assert (gone.code, errors(gone)) == (1, [(f"{MAPPING}:3:3", "unknown-preset")])
    assert verdicts(project) == {"": "UNPROVEN", DENSE: "EQUIVALENT", OLD_SMALL: "UNPROVEN"}


# ------------------------------------------------------------------------------ the evidence


@pytest.mark.parametrize(
    ("path", "old", "new", "told"),
    [
        (f"legacy/{OLD_SMALL}", "lora_rank: 8", "lora_rank: 9", "UNPROVEN stale-record"),
        (f"legacy/{OLD_MIX}", "targets:\n", "# frozen\ntargets:\n", "UNPROVEN stale-record"),
        ("legacy/records/configs/old/small.json", '"lora_rank": 8', '"lora_rank": 9', "DIFFERENT not-equivalent"),
        (
            "legacy/records/configs/old/small.json",
            '"schema_version": 1',
            '"schema_version": 9',
            "UNPROVEN bad-record",
        ),
        ("legacy/records/configs/mixes/dense.json", '"ratio": 0.1', '"ratio": 0.2', "DIFFERENT not-equivalent"),
        (MAPPING, f"  {OLD_SMALL}: {SMALL}\n", "", "UNPROVEN unmapped-preset"),
        (MAPPING, "presets:", "presets: [", "UNPROVEN bad-yaml"),
    ],
    ids=["tree", "comment-in-the-tree", "record", "format", "record-of-a-mix", "mapping", "broken-mapping"],
)
def test_an_edit_of_the_evidence_is_seen(project: Project, path: str, old: str, new: str, told: str) -> None:
    """Whatever the proofs stand on: they are done again, the run is red until it is undone, and the report says why."""
    before = project.read(path)
    word, code = told.split()
    project.edit(path, old, new)
    for _ in range(2):
        said = project.doit()
        assert (said.code, {found for _, found in errors(said)}) == (1, {code}), said
        assert headline(said).startswith(f"{word} against legacy")
        assert verdicts(project)[""] == word
    project.write(path, before)
    mended = project.doit()
    assert (mended.code, mended.err, headline(mended)) == (0, "", HEADLINE)
    assert done(project)[1] == set()
