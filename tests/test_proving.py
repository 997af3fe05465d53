"""proving: what counts as a side against the legacy records, and what is never a pass."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builders import REPOSITORY
from cli_runs import tree as everything
from compiler import compare, mutants, pipeline, proving
from compiler.catalog import Layout
from compiler.compare import Disagreement
from compiler.problems import Invalid
from compiler.proofs import passes
from compiler.proving import Proof
from compiler.store import through_disk
from compiler.verdict import PASSING, Judged, unexcused
from provings import (
    MIX_LOCK,
    OLD_WIDE,
    WIDE,
    WIDE_LOCK,
    changes,
    edit,
    prove,
    rebuild,
    record,
    report,
    told,
    world,
)


def short(proof: Proof) -> tuple[str, str]:
    """Give verdict and reason."""
    return proof.data["verdict"], proof.data["reason"]


# ------------------------------------------------------------------------------------------ the sides


def test_a_refactor_that_changed_nothing_is_equivalent(tmp_path: Path) -> None:
    """Other files, other names of mixes, another order of keys: the values are equal, by the record and by the lock."""
    proof = prove(world(tmp_path))
    assert short(proof) == ("EQUIVALENT", "")
    assert proof.data["compared"] == {"legacy": "record", "compiled": "lock"}
    assert (proof.data["leaves"], proof.data["witnesses"]) == (15, ["bytes", "deepdiff"])
    assert (proof.data["differences"], proof.problems) == ([], ())
    assert proof.data["mix"]["legacy"] == "configs/dataset_mix/m.yaml"
    assert proof.data["mix"]["compiled"] == "configs/fusion/m.yaml"


def test_an_edit_is_seen_once_it_is_built_and_its_line_is_named(tmp_path: Path) -> None:
    """The whole text says what it was, what it is, and where both were written."""
    world(tmp_path)
    edit(tmp_path, "configs/base.yaml", "1.0e-8", "1.0e-9")
    rebuild(tmp_path)
    proof = prove(tmp_path)
    assert short(proof) == ("DIFFERENT", "")
    assert proof.data["witnesses"] == ["bytes", "deepdiff", "rules"]
    assert changes(proof) == [
        "opt.eps changed: 1.0e-08 at legacy/configs/base.yaml:2:19 to 1.0e-09 at configs/base.yaml:4:3,"
        " see configs/base.yaml:4"
    ]
    [problem] = proof.problems
    assert problem.message == "`opt.eps` is `1.0e-09`, and legacy trained with `1.0e-08`"
    assert problem.hint == "undo the edit, or accept it by a waiver in `legacy/mapping.yaml`"


def test_the_lock_on_disk_counts_and_an_edit_of_it_is_named(tmp_path: Path) -> None:
    """A lock that was edited by hand is DIFFERENT where it was edited, though its sources are as they should be."""
    world(tmp_path)
    line = 1 + (tmp_path / WIDE_LOCK).read_text().split("\n").index(
        next(line for line in (tmp_path / WIDE_LOCK).read_text().split("\n") if line.startswith("lr:"))
    )
    edit(tmp_path, WIDE_LOCK, "lr: 0.0002", "lr: 0.0003")
    proof = prove(tmp_path)
    assert proof.data["verdict"] == "DIFFERENT"
    assert changes(proof) == [
        f"lr changed: 0.0002 at legacy/{OLD_WIDE}:2:1 to 0.0003 at {WIDE_LOCK}:{line}:1, see {WIDE_LOCK}:{line}"
    ]
    assert told(proof.problems)[0] == f"{WIDE_LOCK}:0:0: error lock-edited"


def test_an_edit_of_the_fusion_lock_is_seen(tmp_path: Path) -> None:
    """It is as much a part of what trains; a comment in it is no value, and no pass either."""
    world(tmp_path)
    edit(tmp_path, MIX_LOCK, "ratio: 0.1", "ratio: 0.2")
    proof = prove(tmp_path)
    assert [one["key"] for one in proof.data["differences"]] == ["fusion:sources[s].ratio"]
    assert proof.data["differences"][0]["line"]["file"] == MIX_LOCK
    edit(tmp_path, MIX_LOCK, "ratio: 0.2", "ratio: 0.1  #")
    proof = prove(tmp_path)
    assert short(proof) == ("UNPROVEN", f"the lock `{MIX_LOCK}` was edited by hand")
    assert proof.data["differences"] == []


@pytest.mark.parametrize("value", ["configs/fusion/m.yaml", "null", "build/fusion/other.lock.yaml"])
def test_a_lock_that_points_elsewhere_than_at_its_mix_is_different(tmp_path: Path, value: str) -> None:
    """Where the path to the fusion lock was edited the mix is not what trains."""
    world(tmp_path)
    edit(tmp_path, WIDE_LOCK, f"fusion: {MIX_LOCK}", f"fusion: {value}")
    proof = prove(tmp_path)
    assert proof.data["verdict"] == "DIFFERENT"
    assert {one["key"] for one in proof.data["differences"]} == {"fusion", "fusion:targets", "fusion:sources"}


@pytest.mark.parametrize("lock", [WIDE_LOCK, MIX_LOCK])
def test_a_missing_lock_is_unproven(tmp_path: Path, lock: str) -> None:
    """Be it that of the preset or of its mix: nothing could be compared, and the hint is to build."""
    world(tmp_path)
    (tmp_path / lock).unlink()
    proof = prove(tmp_path)
    assert short(proof) == ("UNPROVEN", f"the preset here does not load: the lock `{lock}` is missing")
    assert told(proof.problems) == [f"{lock}:0:0: error lock-missing"]
    assert not passes(report(tmp_path))


@pytest.mark.parametrize("lock", [WIDE_LOCK, MIX_LOCK])
@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda data: b"", "lock-damaged"),
        (lambda data: data[:99], "lock-damaged"),
        (lambda data: data + b"lr: [", "lock-damaged"),
        (lambda data: data.replace(b"# digest", b"# digets"), "lock-damaged"),
        (lambda data: data.replace(b"# format: 1", b"# format: 9"), "lock-format"),
        (lambda data: b"lr: 1\n", "foreign-file"),
    ],
)
def test_a_damaged_lock_is_rejected(tmp_path: Path, lock: str, damage: Callable[[bytes], bytes], code: str) -> None:
    """One problem says what is wrong with it, and the verdict is that this side does not load."""
    world(tmp_path)
    (tmp_path / lock).write_bytes(damage((tmp_path / lock).read_bytes()))
    proof = prove(tmp_path)
    assert proof.data["verdict"] == "REJECTED"
    assert [problem.code for problem in proof.problems] == [code]
    problem = proof.problems[0]
    place = f"{problem.origin}: " if problem.origin.line else ""
    assert proof.data["reason"] == f"the preset here does not load: {place}{problem.message}"


@pytest.mark.parametrize("lock", [WIDE_LOCK, MIX_LOCK])
def test_a_lock_that_may_not_be_read_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: str) -> None:
    """It is not called missing: it is there."""
    world(tmp_path)

    def denied(path: str) -> bytes | None:
        if path.endswith(lock):
            raise PermissionError(13, "Permission denied")
        return Path(path).read_bytes()

    monkeypatch.setattr(pipeline, "read_file", denied)
    monkeypatch.setattr(proving, "read_file", denied)
    proof = prove(tmp_path)
    assert short(proof) == ("REJECTED", f"the preset here does not load: `{lock}` cannot be read")
    assert told(proof.problems) == [f"{lock}:0:0: error unreadable-file"]


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (WIDE, "lr: 2.0e-4", "lr: 3.0e-4"),
        ("configs/base.yaml", "eps: 1.0e-8", "eps: 1.0e-8\nmore: 1"),
        ("configs/fusion/m.yaml", "ratio: 0.1", "ratio: 0.2"),
        (WIDE, "[../base.yaml, ../parts/ops.yaml]", "[../parts/ops.yaml, ../base.yaml]"),
    ],
)
def test_a_stale_lock_is_never_a_pass(tmp_path: Path, path: str, old: str, new: str) -> None:
    """Its values are those of the legacy side still, and nobody will train with it: UNPROVEN, and says why."""
    world(tmp_path)
    edit(tmp_path, path, old, new)
    proof = prove(tmp_path)
    stale = MIX_LOCK if "fusion" in path else WIDE_LOCK
    assert short(proof) == ("UNPROVEN", f"the lock `{WIDE_LOCK}` is out of date")
    assert f"{stale}:0:0: error lock-stale" in told(proof.problems)
    assert proof.data["differences"] == []


def test_a_stale_lock_that_differs_stays_different(tmp_path: Path) -> None:
    """The gravest that can be said is said."""
    world(tmp_path)
    edit(tmp_path, WIDE, "lr: 2.0e-4", "lr: 3.0e-4")
    rebuild(tmp_path)
    edit(tmp_path, WIDE, "lr: 3.0e-4", "lr: 2.0e-4")
    proof = prove(tmp_path)
    assert proof.data["verdict"] == "DIFFERENT"
    assert proof.data["differences"][0]["line"]["file"] == WIDE_LOCK
    assert f"{WIDE_LOCK}:0:0: error lock-stale" in told(proof.problems)


def test_a_comment_in_a_source_leaves_the_proof_as_it_is(tmp_path: Path) -> None:
    """The lock is still what the sources compile to."""
    world(tmp_path)
    edit(tmp_path, WIDE, "lr: 2.0e-4", "# why\nlr: 2.0e-4 # so")
    assert prove(tmp_path).data["verdict"] == "EQUIVALENT"


def test_a_source_that_does_not_compile_is_rejected(tmp_path: Path) -> None:
    """A lock from better days is no proof; the first problem is the reason."""
    world(tmp_path)
    edit(tmp_path, WIDE, "../base.yaml", "../bse.yaml")
    proof = prove(tmp_path)
    said = f"the preset here does not load: {WIDE}:1:11: base `../bse.yaml` does not exist"
    assert short(proof) == ("REJECTED", said)
    assert told(proof.problems) == [f"{WIDE}:1:11: error missing-base"]


def test_a_record_that_is_refused_or_lacks_its_mix_is_unproven(tmp_path: Path) -> None:
    """The legacy side was declared, and nothing could be compared."""
    world(tmp_path)
    mix = tmp_path / "legacy/records/configs/dataset_mix/m.json"
    mix.unlink()
    proof = prove(tmp_path)
    assert short(proof) == (
        "UNPROVEN",
        "the preset of `legacy` does not load: the legacy mix `configs/dataset_mix/m.yaml` has no record",
    )
    assert [problem.code for problem in proof.problems] == ["bad-record"]
    mix.write_text("{")
    assert prove(tmp_path).data["verdict"] == "UNPROVEN"
    record(tmp_path)
    (tmp_path / "legacy/records/configs/fusion_train/wide.json").write_text("[]")
    assert prove(tmp_path).data["verdict"] == "UNPROVEN"
    (tmp_path / WIDE_LOCK).write_bytes(b"x: 1\n")
    proof = prove(tmp_path)
    assert proof.data["verdict"] == "REJECTED"
    assert "here does not load" in proof.data["reason"]
    assert {problem.code for problem in proof.problems} == {"bad-record", "foreign-file"}


def test_a_comparison_of_nothing_is_unproven(tmp_path: Path) -> None:
    """Two empty presets are equal, and no leaf was looked at."""
    world(tmp_path, {WIDE: "{}\n", f"legacy/{OLD_WIDE}": "{}\n"})
    proof = prove(tmp_path)
    assert short(proof) == ("UNPROVEN", "there is no value on either side")
    assert proof.data["leaves"] == 0
    assert not passes(report(tmp_path))


def test_one_side_that_is_empty_is_different(tmp_path: Path) -> None:
    """Each leaf of the other side is told, and stands where the preset begins."""
    world(tmp_path, {WIDE: "{}\n", f"legacy/{OLD_WIDE}": "a: 1\nb: null\n"})
    proof = prove(tmp_path)
    assert changes(proof) == [
        f"a removed: 1 at legacy/{OLD_WIDE}:1:1 to - at -, see {WIDE}:1",
        f"b removed: null at legacy/{OLD_WIDE}:2:1 to - at -, see {WIDE}:1",
    ]


# ------------------------------------------------------------------------------------------ deepdiff


def test_deepdiff_is_left_out_where_it_is_not_asked_and_is_not_even_imported(tmp_path: Path) -> None:
    """Its tenth of a second is spent by nobody who said so, be there differences and a mutant on disk or none."""
    world(tmp_path)
    program = (
        "import sys; from pathlib import Path; from provings import prove\n"
        "proof = prove(Path(sys.argv[1]), second_opinion=sys.argv[2] == 'yes')\n"
        "print(proof.data['witnesses'], proof.data['mutants']['caught'] > 0, 'deepdiff' in sys.modules)"
    )
    for asked, expected in (("no", "['bytes'] True False"), ("yes", "['bytes', 'deepdiff'] True True")):
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path), asked],
            env={**os.environ, "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'tests'}"},
            capture_output=True,
            text=True,
        )
        assert (done.stdout.strip(), done.stderr) == (expected, "")


def test_a_disagreement_of_the_witnesses_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where deepdiff sees what the bytes do not, or the other way round, nothing is proven either way."""
    world(tmp_path)
    edit(tmp_path, WIDE_LOCK, "lr: 0.0002", "lr: 0.0003")
    monkeypatch.setattr(compare, "canonical", lambda _node: b"")
    with pytest.raises(Disagreement, match="deepdiff sees a difference"):
        prove(tmp_path)


# ------------------------------------------------------------------------------------------ the drill


def test_one_mutant_goes_through_the_lock_on_disk_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a lock like any other: written, read back, and gone; no other file changes."""
    world(tmp_path)
    written: list[bytes] = []

    def spied(layout: Layout, path: str, data: bytes) -> bytes:
        assert path == WIDE_LOCK
        written.append(data)
        return through_disk(layout, path, data)

    monkeypatch.setattr(proving, "through_disk", spied)
    before = everything(tmp_path)
    proof = prove(tmp_path)
    after = everything(tmp_path)
    assert {path: after[path] for path in before if path != "build"} == {
        path: before[path] for path in before if path != "build"
    }
    assert set(after) - set(before) == {"build/.cache", "build/.cache/mutants"}
    assert proof.data["mutants"] == {"seeded": 100, "caught": 100, "survivors": []}
    [data] = written
    lock = (tmp_path / WIDE_LOCK).read_bytes()
    assert data != lock
    assert data.split(b"\n\n")[0] == lock.split(b"\n\n")[0]


def test_a_build_folder_that_takes_no_writes_is_one_problem(tmp_path: Path) -> None:
    """The drill cannot be held, so there is no proof: `write-failed`, and where."""
    world(tmp_path)
    (tmp_path / "build/.cache").write_text("in the way")
    with pytest.raises(Invalid) as caught:
        prove(tmp_path)
    [problem] = caught.value.problems
    assert problem.code == "write-failed"
    assert problem.origin.file.startswith("build/.cache/mutants/")


def test_a_lock_without_its_empty_line_bears_the_drill(tmp_path: Path) -> None:
    """What a hand edit may leave of a header is no reason to fail otherwise than by its verdict."""
    world(tmp_path)
    edit(tmp_path, WIDE_LOCK, "\n\n", "\n")
    proof = prove(tmp_path)
    assert short(proof) == ("UNPROVEN", f"the lock `{WIDE_LOCK}` was edited by hand")
    assert proof.data["mutants"]["caught"] == 100


def blind(*given: Any) -> tuple[Judged, ...]:
    """Be a gate that sees no difference below `opt`."""
    return tuple(one for one in unexcused(*given) if one.difference.path[:1] != ("opt",))


def test_a_gate_that_is_blind_is_caught_by_its_own_drill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each mutant that nothing excuses is told, and no verdict of the run passes, whatever the presets are."""
    world(tmp_path)
    monkeypatch.setattr(mutants, "unexcused", blind)
    proof = prove(tmp_path)
    survivors = proof.data["mutants"]["survivors"]
    assert {one["key"] for one in survivors} == {"opt", "opt.name", "opt.eps"}
    assert {one["excuse"] for one in survivors} == {""}
    assert [problem.code for problem in proof.problems] == ["mutant-survived"] * len(survivors)
    found = report(tmp_path)
    assert found["presets"][0]["verdict"] in PASSING
    assert (found["verdict"], passes(found)) == ("UNPROVEN", False)


def test_a_lock_that_is_not_read_back_is_caught_by_its_own_drill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where what is written to disk is not what is compared the mutant that went there survives, and is told."""
    world(tmp_path)
    monkeypatch.setattr(proving, "through_disk", lambda _layout, path, _data: (tmp_path / path).read_bytes())
    proof = prove(tmp_path)
    assert (proof.data["mutants"]["seeded"], proof.data["mutants"]["caught"]) == (100, 99)
    [survivor] = proof.data["mutants"]["survivors"]
    assert survivor["excuse"] == ""
    assert [problem.code for problem in proof.problems] == ["mutant-survived"]


def test_a_sample_is_planted_unless_all_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a sample is the same each time."""
    world(tmp_path)
    monkeypatch.setattr(mutants, "SAMPLE", 7)
    assert prove(tmp_path).data["mutants"]["seeded"] == 7
    assert prove(tmp_path, amount="all").data["mutants"]["seeded"] == 100
    assert prove(tmp_path).data == prove(tmp_path).data
