"""proving: what excuses a difference, and the one document that every report is a view of."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from compiler.as_json import json_text
from compiler.proofs import passes
from provings import (
    MAPPING,
    MIX_LOCK,
    OLD_WIDE,
    TODAY,
    WIDE,
    WIDE_LOCK,
    edit,
    prove,
    prover,
    rebuild,
    record,
    report,
    world,
)

NARROW = "configs/train/narrow.yaml"


def waiver(path: str, *values: str, preset: str = WIDE, expires: str = "2027-01-31", document: str = "preset") -> str:
    """Give the text of a waiver."""
    lines = [f"preset: {preset}", f"document: {document}", f'path: "{path}"', *values]
    lines += ["reason: it is meant", "owner: lena", f"expires: {expires}"]
    return "  - " + "\n    ".join(lines) + "\n"


def waived(root: Path, *waivers: str) -> Path:
    """Make a repository with a learning rate that is not the legacy one, and waivers."""
    world(root, mapping=MAPPING + "waivers:\n" + "".join(waivers))
    edit(root, WIDE, "lr: 2.0e-4", "lr: 0.0003")
    rebuild(root)
    return root


LR = waiver("lr", "legacy: 0.0002", "compiled: 0.0003")

# ------------------------------------------------------------------------------------------ waivers


def test_a_waiver_accepts_exactly_its_difference(tmp_path: Path) -> None:
    """The verdict is WAIVED, the difference stays listed with who answers for it, and nothing is complained about."""
    waived(tmp_path, LR)
    proof = prove(tmp_path)
    assert (proof.data["verdict"], proof.problems) == ("WAIVED", ())
    [one] = proof.data["differences"]
    assert (one["class"], one["rule"]) == ("waived", None)
    assert one["waiver"] == {
        "reason": "it is meant",
        "owner": "lena",
        "expires": "2027-01-31",
        "origin": "legacy/mapping.yaml:4:5",
    }
    found = report(tmp_path)
    assert (found["verdict"], found["problems"], passes(found)) == ("WAIVED", [], True)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (waiver("lr", "legacy: 0.0002", "compiled: 0.0004"), "unused-waiver"),
        (waiver("lr", "legacy: 0.0001", "compiled: 0.0003"), "unused-waiver"),
        (waiver("lr", 'legacy: "0.0002"', "compiled: 0.0003"), "unused-waiver"),
        (waiver("lr", "compiled: 0.0003"), "unused-waiver"),
        (waiver("lr", "legacy: 0.0002", "compiled: 0.0003", document="fusion"), "unused-waiver"),
        (waiver("lr", "legacy: 0.0002", "compiled: 0.0003", preset=NARROW), "unused-waiver"),
        (waiver("lr", "legacy: 0.0002", "compiled: 0.0003", expires="2026-05-31"), "expired-waiver"),
    ],
)
def test_a_waiver_that_is_not_of_this_difference_waives_nothing(tmp_path: Path, wrong: str, code: str) -> None:
    """Another value, another type, absent for null, another document, another preset, or its day is past."""
    waived(tmp_path, wrong)
    assert prove(tmp_path).data["verdict"] == "DIFFERENT"
    assert [problem["code"] for problem in report(tmp_path)["problems"]] == [code]


def test_a_waiver_holds_on_its_last_day(tmp_path: Path) -> None:
    """And on the day after it fails the run, even where the preset would pass."""
    waived(tmp_path, waiver("lr", "legacy: 0.0002", "compiled: 0.0003", expires="2026-06-01"))
    assert report(tmp_path)["verdict"] == "WAIVED"
    assert report(tmp_path, today=TODAY + datetime.timedelta(days=1))["verdict"] == "DIFFERENT"
    edit(tmp_path, WIDE, "lr: 0.0003", "lr: 2.0e-4")
    rebuild(tmp_path)
    late = report(tmp_path, today=TODAY + datetime.timedelta(days=1))
    assert (late["presets"][0]["verdict"], late["verdict"], passes(late)) == ("EQUIVALENT", "UNPROVEN", False)


def test_a_waiver_that_nothing_uses_fails_the_run(tmp_path: Path) -> None:
    """But only where its preset was asked about: a run over one preset says nothing of another's waivers."""
    mapping = (
        f"{MAPPING}  configs/fusion_train/narrow.yaml: {NARROW}\nwaivers:\n{waiver('q', 'legacy: 1', preset=NARROW)}"
    )
    narrow = {NARROW: "x: 1\n", "legacy/configs/fusion_train/narrow.yaml": "x: 1\n"}
    world(tmp_path, narrow, mapping=mapping)
    made = prover(tmp_path)
    rows = {pair.preset: made.prove(pair).data for pair in made.pairs}
    assert made.report(rows.values())["verdict"] == "UNPROVEN"
    assert made.report([rows[WIDE]], everything=False)["verdict"] == "EQUIVALENT"
    assert made.report([rows[NARROW]], everything=False)["verdict"] == "UNPROVEN"
    assert [problem.code for problem in made.wrong([rows[NARROW]], everything=False)] == ["unused-waiver"]
    assert [one.path for one in made.waivers_of(NARROW)] == [("q",)]
    assert made.waivers_of(WIDE) == made.waivers_of(None) == ()


def test_what_is_absent_and_what_lies_in_the_mix_can_be_waived(tmp_path: Path) -> None:
    """A side that is left out has nothing there, which is not null; entries are known by name."""
    mix = waiver("sources[s].ratio", "legacy: 0.1", "compiled: 0.2", document="fusion")
    mapping = MAPPING + "waivers:\n" + waiver("extra.a", "compiled: null") + mix
    world(tmp_path, mapping=mapping)
    edit(tmp_path, "configs/fusion/m.yaml", "ratio: 0.1", "ratio: 0.2")
    edit(tmp_path, WIDE, "lr: 2", "extra: {a: null}\nlr: 2")
    rebuild(tmp_path)
    assert report(tmp_path)["verdict"] == "WAIVED"


def test_a_waiver_does_not_hide_a_lock_that_drifted(tmp_path: Path) -> None:
    """What is waived is the lock; where it is not what the sources compile to nothing is proven."""
    waived(tmp_path, LR)
    edit(tmp_path, "configs/base.yaml", "seed: 1", "seed: 2")
    assert prove(tmp_path).data["verdict"] == "UNPROVEN"


def test_a_mutant_that_a_waiver_lets_through_is_listed_with_it(tmp_path: Path) -> None:
    """A waiver pins both values, so that only the mutant which is the waived value itself survives."""
    value = waiver("lr", "legacy: 0.0002", "compiled: '0.0002'")
    world(tmp_path, mapping=MAPPING + "waivers:\n" + value)
    survivors = prove(tmp_path).data["mutants"]["survivors"]
    assert survivors == [{"key": "lr", "leaf": "lr", "kind": "retyped", "excuse": "waiver: it is meant"}]


# ------------------------------------------------------------------------------------------ rules


def test_what_cannot_reach_training_is_neutral(tmp_path: Path) -> None:
    """By a rule that holds on both sides; the mutants that it lets through are listed with it, and excused."""
    off = "lr: 1\ncustom: {augmentation: {enabled: false, ops: [%d]}}\n"
    world(tmp_path, {WIDE: off % 1, f"legacy/{OLD_WIDE}": off % 2})
    proof = prove(tmp_path)
    assert (proof.data["verdict"], proof.problems) == ("NEUTRAL", ())
    [one] = proof.data["differences"]
    assert (one["class"], one["rule"], one["waiver"]) == ("neutral", "augmentation-off", None)
    mutants = proof.data["mutants"]
    assert {one["excuse"] for one in mutants["survivors"]} == {"rule augmentation-off"}
    assert mutants["caught"] == mutants["seeded"] - len(mutants["survivors"])
    assert report(tmp_path)["verdict"] == "NEUTRAL"
    edit(tmp_path, WIDE, "enabled: false", "enabled: true")
    rebuild(tmp_path)
    assert prove(tmp_path).data["verdict"] == "DIFFERENT"


# ------------------------------------------------------------------------------------------ the document


def test_the_document_has_the_shape_that_is_promised(tmp_path: Path) -> None:
    """Every field of the report, of a proof, of a difference and of what changed within it, and no other."""
    world(tmp_path, {NARROW: "x: 1\n"})
    edit(tmp_path, "configs/parts/ops.yaml", "p: 0.1", "p: null")
    rebuild(tmp_path)
    found = report(tmp_path)
    assert {key: found[key] for key in ("schema_version", "against", "verdict", "counts", "leaves_compared")} == {
        "schema_version": 1,
        "against": "legacy",
        "verdict": "DIFFERENT",
        "counts": {"DIFFERENT": 1, "NEW": 1},
        "leaves_compared": 15,
    }
    assert list(found) == [
        *(
            "schema_version",
            "against",
            "verdict",
            "counts",
            "retired",
            "leaves_compared",
            "mutants",
            "problems",
            "presets",
        ),
        "sharing",
    ]
    assert found["mutants"] == {"seeded": 97, "caught": 97, "survivors": []}
    new, row = found["presets"]
    assert {key: new[key] for key in new if new[key]} == {
        "preset": NARROW,
        "verdict": "NEW",
        "reason": "it has no legacy side",
        "compared": {"legacy": "", "compiled": ""},
        "mutants": {"seeded": 0, "caught": 0, "survivors": []},
    }
    assert (
        list(row)
        == list(new)
        == [
            *(
                "legacy",
                "preset",
                "verdict",
                "reason",
                "compared",
                "leaves",
                "witnesses",
                "differences",
                "mutants",
                "mix",
            )
        ]
    )
    [one] = row["differences"]
    assert one["within"] == [
        {
            "document": "preset",
            "path": ["ops", "crop", "p"],
            "key": "ops[crop].p",
            "kind": "changed",
            "legacy": 0.1,
            "compiled": None,
            "legacy_text": "0.1",
            "compiled_text": "null",
            "legacy_origin": f"legacy/{OLD_WIDE}:5:18",
            "origin": "configs/parts/ops.yaml:5:5",
            "line": {"file": "configs/parts/ops.yaml", "line": 5, "column": 5},
        }
    ]
    assert list(one) == [*one["within"][0], "class", "rule", "waiver", "within"]
    assert (one["path"], one["class"], one["rule"], one["waiver"]) == (["ops"], "different", None, None)
    assert one["compiled"][1] == {"name": "crop", "p": None, "size": [2, 3]}
    assert json.loads(json_text(found)) == found


def test_the_document_says_what_is_authored_once_and_used_often(tmp_path: Path) -> None:
    """Each leaf with its fragment and how many presets train with it; those that lost are not counted."""
    world(tmp_path, {NARROW: "extends: ../base.yaml\nseed: 2\n"})
    shared = {(one["fragment"], one["key"]): one["presets"] for one in report(tmp_path)["sharing"]}
    assert shared[("configs/base.yaml", "opt.eps")] == 2
    assert shared[("configs/base.yaml", "seed")] == 1
    assert shared[(NARROW, "seed")] == 1
    assert shared[("configs/fusion/base.yaml", "fusion:targets[t].ratio")] == 1


def test_the_gravest_verdict_is_that_of_the_run(tmp_path: Path) -> None:
    """DIFFERENT before REJECTED before UNPROVEN before what passes; a run of NEW presets alone proved nothing."""
    names = ("one", "two", "three")
    mapping = MAPPING + "".join(f"  configs/fusion_train/{name}.yaml: configs/train/{name}.yaml\n" for name in names)
    files = {f"configs/train/{name}.yaml": "x: 1\n" for name in names}
    world(
        tmp_path, {**files, **{f"legacy/configs/fusion_train/{name}.yaml": "x: 1\n" for name in names}}, mapping=mapping
    )
    assert report(tmp_path)["counts"] == {"EQUIVALENT": 4}
    (tmp_path / "build/train/one.lock.yaml").unlink()
    assert report(tmp_path)["verdict"] == "UNPROVEN"
    (tmp_path / "build/train/two.lock.yaml").write_bytes(b"")
    assert report(tmp_path)["verdict"] == "REJECTED"
    edit(tmp_path, "build/train/three.lock.yaml", "x: 1", "x: 2")
    found = report(tmp_path)
    assert (found["verdict"], found["counts"]) == (
        "DIFFERENT",
        {"DIFFERENT": 1, "REJECTED": 1, "UNPROVEN": 1, "EQUIVALENT": 1},
    )
    assert list(found["counts"]) == ["DIFFERENT", "REJECTED", "UNPROVEN", "EQUIVALENT"]


def test_a_report_does_not_fail_over_a_preset_that_does_not_compile(tmp_path: Path) -> None:
    """It is REJECTED in the document, and counts in no leaf that presets share."""
    world(tmp_path)
    edit(tmp_path, WIDE, "lr: 2.0e-4", "lr: [")
    found = report(tmp_path)
    assert (found["verdict"], found["sharing"], found["leaves_compared"]) == ("REJECTED", [], 0)


def test_nothing_of_the_machine_reaches_a_report(tmp_path: Path) -> None:
    """Two copies of a repository in two places give the same document, byte for byte."""
    texts = []
    for place in ("one", "two/北 x"):
        root = waived(tmp_path / place, LR)
        edit(root, MIX_LOCK, "ratio: 0.1", "ratio: 0.2")
        texts.append(json_text(report(root)))
    assert texts[0] == texts[1]
    assert str(tmp_path) not in texts[0]
    assert WIDE_LOCK not in texts[0]
    record(tmp_path / "one")
    assert json_text(report(tmp_path / "one")) == texts[0]
