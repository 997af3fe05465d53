"""proving: a working tree held against a revision or a folder: by the locks there, else by the sources."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from builders import Files, write
from cli_runs import tree as everything
from compiler import proving
from compiler.catalog import Layout
from compiler.pairing import Pair
from compiler.proving import Proof
from compiler.store import through_disk
from provings import (
    MIX_LOCK,
    OURS,
    TODAY,
    WIDE,
    WIDE_LOCK,
    changes,
    edit,
    prove,
    rebuild,
    report,
    told,
    verdicts,
)
from repositories import commit, git

NAMED = pytest.mark.parametrize("kind", ["revision", "folder"])
"""Whether the other side is a revision, or a copy in a folder."""


def kept(root: Path, kind: str, *, built: bool = True, edits: Callable[[Path], None] = lambda _root: None) -> str:
    """Make a repository, built or not and then edited, and keep it as the other side; gives its name."""
    write(root, OURS)
    if built:
        rebuild(root)
    edits(root)
    if kind == "revision":
        commit(root)
        return "HEAD"
    shutil.copytree(root, root.parent / "other")
    return str(root.parent / "other")


def read_from(proof: Proof) -> tuple[str, str]:
    """Give what the two sides were read from."""
    return proof.data["compared"]["legacy"], proof.data["compared"]["compiled"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where our repository will lie."""
    return tmp_path / "ours"


# ------------------------------------------------------------------------------------------ the other side


@NAMED
@pytest.mark.parametrize("built", [True, False])
def test_the_locks_there_count_else_the_sources(root: Path, kind: str, built: bool) -> None:
    """And the proof says which; the difference, its line and its place on the other side are the same."""
    name = kept(root, kind, built=built)
    edit(root, "configs/base.yaml", "1.0e-8", "1.0e-9")
    rebuild(root)
    proof = prove(root, name)
    assert read_from(proof) == ("lock" if built else "sources", "lock")
    assert (proof.data["verdict"], proof.data["witnesses"]) == ("DIFFERENT", ["bytes", "deepdiff", "rules"])
    assert changes(proof) == [
        "opt.eps changed: 1.0e-08 at configs/base.yaml:4:3 to 1.0e-09 at configs/base.yaml:4:3, see configs/base.yaml:4"
    ]
    [problem] = proof.problems
    assert problem.message == f"`opt.eps` is `1.0e-09`, and `{name}` has `1.0e-08`"
    assert problem.notes[0].text == f"trains with it, in the place of {name}:configs/base.yaml:4:3"
    assert problem.hint == "undo the edit, or accept it by a waiver in the file that `--mapping` names"


@NAMED
def test_a_lock_there_that_is_not_what_its_sources_compile_to_is_what_counts(root: Path, kind: str) -> None:
    """It is what really trained: a build that was forgotten, or a compiler that has changed, shows."""
    name = kept(root, kind, edits=lambda root: edit(root, WIDE, "lr: 2.0e-4", "lr: 3.0e-4"))
    rebuild(root)
    proof = prove(root, name)
    assert read_from(proof) == ("lock", "lock")
    line = next(n for n, text in enumerate((root / WIDE_LOCK).read_text().split("\n"), 1) if text.startswith("lr:"))
    assert changes(proof) == [f"lr changed: 0.0002 at {WIDE_LOCK}:{line}:1 to 0.0003 at {WIDE}:2:1, see {WIDE}:2"]


@NAMED
def test_a_lock_there_that_was_edited_by_hand_is_rejected(root: Path, kind: str) -> None:
    """Its values, or those of its fusion lock, do not give its digest: nothing was ever launched from it."""
    name = kept(root, kind, edits=lambda root: edit(root, MIX_LOCK, "ratio: 0.1", "ratio: 0.7"))
    rebuild(root)
    proof = prove(root, name)
    assert (proof.data["verdict"], proof.problems[0].code) == ("REJECTED", "lock-edited")


@NAMED
@pytest.mark.parametrize(
    ("data", "verdict", "code"),
    [
        (b"", "REJECTED", "lock-damaged"),
        (b"# Locked by trainlock from configs/tr", "REJECTED", "lock-damaged"),
        (None, "REJECTED", "lock-damaged"),
        (b"# mine\nlr: 1\n", "EQUIVALENT", ""),
        (b"\xff", "EQUIVALENT", ""),
    ],
)
def test_a_damaged_lock_there_is_rejected_and_a_foreign_file_is_none(
    root: Path, kind: str, data: bytes | None, verdict: str, code: str
) -> None:
    """Nobody knows what was trained by what is left of a lock; a file that never was one says nothing."""

    def damage(root: Path) -> None:
        whole = (root / WIDE_LOCK).read_bytes()
        (root / WIDE_LOCK).write_bytes(data if data is not None else whole.replace(b"\n# format: 1", b""))

    name = kept(root, kind, edits=damage)
    rebuild_over(root)
    proof = prove(root, name)
    assert proof.data["verdict"] == verdict
    if code:
        assert told(proof.problems) == [f"{name}:{WIDE_LOCK}:0:0: error {code}"]
        assert proof.data["reason"].startswith(f"the preset of `{name}` does not load: the lock `{WIDE_LOCK}`")
    else:
        assert read_from(proof) == ("sources", "lock")


def rebuild_over(root: Path) -> None:
    """Build anew, whatever lies in the build folder."""
    shutil.rmtree(root / "build")
    rebuild(root)


@NAMED
def test_a_lock_of_another_source_is_not_that_of_the_preset(root: Path, kind: str) -> None:
    """A preset that was `.yml` before has no lock of its own there, though one lies in its place."""

    def renamed(root: Path) -> None:
        edit(root, WIDE_LOCK, "from configs/train/wide.yaml.", "from configs/train/wide.yml.")
        edit(root, WIDE_LOCK, "lr: 0.0002", "lr: 0.5")

    name = kept(root, kind, edits=renamed)
    rebuild_over(root)
    proof = prove(root, name)
    assert (proof.data["verdict"], read_from(proof)) == ("EQUIVALENT", ("sources", "lock"))


@NAMED
def test_a_lock_there_without_its_fusion_lock_is_unproven(root: Path, kind: str) -> None:
    """What it trained with is not there to be compared."""
    name = kept(root, kind, edits=lambda root: (root / MIX_LOCK).unlink())
    rebuild(root)
    proof = prove(root, name)
    assert (proof.data["verdict"], told(proof.problems)) == (
        "UNPROVEN",
        [f"{name}:{MIX_LOCK}:0:0: error lock-missing"],
    )


def test_a_lock_that_git_cannot_give_is_rejected(root: Path) -> None:
    """It is no reason to look at the sources instead: there is a lock, and what it says is not known."""
    name = kept(root, "revision")
    blob = git(root, "rev-parse", f"HEAD:{WIDE_LOCK}").strip()
    (root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    proof = prove(root, name)
    assert proof.data["verdict"] == "REJECTED"
    assert told(proof.problems) == [f"HEAD:{WIDE_LOCK}:0:0: error unreadable-file"]


@NAMED
def test_sources_there_that_do_not_compile_are_rejected_unless_there_is_a_lock(root: Path, kind: str) -> None:
    """The problems say in which tree they stand, notes included."""
    edits = lambda root: edit(root, "configs/base.yaml", "seed: 1", "seed: [")  # noqa: E731
    name = kept(root, kind, built=False, edits=edits)
    edit(root, "configs/base.yaml", "seed: [", "seed: 1")
    rebuild(root)
    proof = prove(root, name)
    assert proof.data["verdict"] == "REJECTED"
    assert [problem.origin.file for problem in proof.problems] == [f"{name}:configs/base.yaml"]
    notes = [note for problem in proof.problems for note in problem.notes]
    assert notes
    assert all(note.origin.file.startswith(f"{name}:configs/") for note in notes)
    if kind == "revision":
        edit(root, "configs/base.yaml", "seed: 1", "seed: [")
        commit(root)
        edit(root, "configs/base.yaml", "seed: [", "seed: 1")
        proof = prove(root, name)
        assert (proof.data["verdict"], read_from(proof)) == ("EQUIVALENT", ("lock", "lock"))


# ------------------------------------------------------------------------------------------ our side


@NAMED
def test_our_sources_count_where_a_lock_drifted_and_it_is_said(root: Path, kind: str) -> None:
    """It is what would train after a build; what is wrong with the lock is a warning, and may pass."""
    name = kept(root, kind)
    edit(root, "configs/base.yaml", "1.0e-8", "1.0e-9")
    proof = prove(root, name)
    assert read_from(proof) == ("lock", "sources")
    assert [one["key"] for one in proof.data["differences"]] == ["opt.eps"]
    assert told(proof.problems)[0] == f"{WIDE_LOCK}:0:0: warning lock-stale"
    edit(root, "configs/base.yaml", "1.0e-9", "1.0e-8")
    edit(root, MIX_LOCK, "ratio: 0.1", "ratio: 0.2")
    proof = prove(root, name)
    assert (proof.data["verdict"], read_from(proof)) == ("EQUIVALENT", ("lock", "sources"))
    assert told(proof.problems) == [f"{MIX_LOCK}:0:0: warning lock-edited"]
    (root / MIX_LOCK).write_bytes(b"")
    assert told(prove(root, name).problems) == [f"{MIX_LOCK}:0:0: warning lock-damaged"]


@NAMED
def test_our_sources_count_where_nothing_was_built_and_nothing_is_complained_about(root: Path, kind: str) -> None:
    """A tree that has never been built can be compared from its first minute."""
    name = kept(root, kind)
    shutil.rmtree(root / "build")
    proof = prove(root, name)
    assert (proof.data["verdict"], read_from(proof), proof.problems) == ("EQUIVALENT", ("lock", "sources"), ())
    assert not (root / "build").exists()


@NAMED
def test_our_sources_that_do_not_compile_are_rejected(root: Path, kind: str) -> None:
    """A lock from better days is not what would train after a build."""
    name = kept(root, kind)
    edit(root, WIDE, "../base.yaml", "../bse.yaml")
    proof = prove(root, name)
    assert proof.data["verdict"] == "REJECTED"
    assert proof.data["reason"] == f"the preset here does not load: {WIDE}:1:11: base `../bse.yaml` does not exist"


@NAMED
def test_a_mutant_goes_through_a_lock_of_ours_and_through_none_where_there_is_none(
    root: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sources are compared in memory, and so is what is planted in them: nothing is written."""
    name = kept(root, kind)
    went: list[str] = []

    def spied(layout: Layout, path: str, data: bytes) -> bytes:
        went.append(path)
        return through_disk(layout, path, data)

    monkeypatch.setattr(proving, "through_disk", spied)
    prove(root, name)
    assert went == [WIDE_LOCK]
    (root / MIX_LOCK).unlink()
    assert prove(root, name).data["mutants"]["caught"] > 90
    assert went == [WIDE_LOCK]


# ------------------------------------------------------------------------------------------ whole runs


FOREIGN: Files = {
    "conf/defaults.yml": "seed: 1\nopt: {name: adam, eps: 1.0e-8}\n",
    "conf/runs/a.yml": "_BASE_: ../defaults.yml\nlr: 0.1\n",
    "conf/runs/b.yml": "_BASE_: [../defaults.yml, a.yml]\nopt: {eps: 1.0}\n",
}


@NAMED
def test_a_foreign_tree_that_was_never_built_is_compared_by_its_sources(tmp_path: Path, kind: str) -> None:
    """Its own name for extends, `.yml`, another config root, no lock on either side: the options hold for both."""
    given: dict[str, Any] = {
        "configs": "conf",
        "extends_keys": ("_BASE_",),
        "presets": ("runs/*.yml",),
        "fusion_key": None,
    }
    root = write(tmp_path / "ours", FOREIGN)
    if kind == "revision":
        commit(root)
    else:
        write(tmp_path / "other", FOREIGN)
    name = "HEAD" if kind == "revision" else str(tmp_path / "other")
    assert report(root, name, given=given)["verdict"] == "EQUIVALENT"
    edit(root, "conf/defaults.yml", "eps: 1.0e-8", "eps: 1.0e-9")
    edit(root, "conf/runs/a.yml", "lr: 0.1", "lr: 0.1\nseed: null")
    before = everything(tmp_path)
    assert changes(prove(root, name, "conf/runs/a.yml", given=given)) == [
        "seed changed: 1 at conf/defaults.yml:1:1 to null at conf/runs/a.yml:3:1, see conf/runs/a.yml:3",
        "opt.eps changed: 1.0e-08 at conf/defaults.yml:2:19 to 1.0e-09 at conf/defaults.yml:2:19,"
        " see conf/defaults.yml:2",
    ]
    assert changes(prove(root, name, "conf/runs/b.yml", given=given)) == [
        "seed changed: 1 at conf/defaults.yml:1:1 to null at conf/runs/a.yml:3:1, see conf/runs/a.yml:3"
    ]
    assert everything(tmp_path) == before


def test_a_repository_in_a_folder_of_the_git_repository_is_compared_with_itself(tmp_path: Path) -> None:
    """Paths count from the repository root, on both sides; what lies beside it is not looked at."""
    root = tmp_path / "deep/er"
    write(tmp_path, {WIDE: "lr: 9\n", "deep/configs/train/beside.yaml": "x: 1\n"})
    write(root, OURS)
    rebuild(root)
    commit(tmp_path)
    edit(root, WIDE, "2.0e-4", "0.0003")
    assert verdicts(root, "HEAD") == {Pair(WIDE, WIDE): "DIFFERENT"}
    assert changes(prove(root, "HEAD")) == [f"lr changed: 0.0002 at {WIDE}:2:1 to 0.0003 at {WIDE}:2:1, see {WIDE}:2"]


def test_a_waiver_of_a_mapping_file_holds_against_a_revision(root: Path) -> None:
    """And the hint of what it does not accept names that file."""
    name = kept(root, "revision")
    edit(root, WIDE, "2.0e-4", "0.0003")
    waiver = {"preset": WIDE, "path": "lr", "legacy": 0.0002, "compiled": 0.0003, "reason": "r", "owner": "o"}
    mapping = {"presets": {}, "waivers": [{**waiver, "expires": datetime.date(2027, 1, 1)}]}
    write(root, {"moved.yaml": yaml.safe_dump(mapping)})
    found = report(root, name, mapping="moved.yaml")
    assert (found["verdict"], found["problems"], found["against"]) == ("WAIVED", [], "HEAD")
    edit(root, WIDE, "0.0003", "0.0004")
    assert prove(root, name, mapping="moved.yaml").problems[-1].hint.endswith("accept it by a waiver in `moved.yaml`")


def test_a_build_folder_that_both_trees_share_is_not_read_as_theirs(tmp_path: Path) -> None:
    """Two trees that build to one place outside of both: the locks there are ours, and would prove anything."""
    root, other = tmp_path / "ours", tmp_path / "other"
    given = {"build": str(tmp_path / "out")}
    write(other, OURS)
    write(root, OURS)
    edit(root, WIDE, "2.0e-4", "0.0003")
    rebuild(root, **given)
    proof = prove(root, str(other), given=given)
    assert (proof.data["verdict"], read_from(proof)) == ("DIFFERENT", ("sources", "lock"))
    assert prove(root, str(root), given=given).data["verdict"] == "EQUIVALENT"


def test_a_proof_against_a_revision_touches_nothing_but_its_scratch_folder(root: Path) -> None:
    """Nothing is checked out, and git's folder is as it was, index included."""
    name = kept(root, "revision")
    edit(root, WIDE, "2.0e-4", "0.0003")
    before = everything(root)
    report(root, name, today=TODAY)
    after = everything(root)
    assert {path for path in {*before, *after} if before.get(path) != after.get(path)} <= {
        "build",
        "build/.cache",
        "build/.cache/mutants",
    }
    assert git(root, "status", "--porcelain") == f" M {WIDE}\n"
