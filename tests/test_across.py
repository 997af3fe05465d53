"""across: fragments that nothing uses, runs that write to one place, and files of records that are not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from builders import Files, look, project, write
from compiler.cli import main
from compiler.pipeline import build, check
from world import P

Q: Final = "configs/train/q.yaml"
GIVEN: Final[dict[str, Any]] = {"trainer": "ms-swift 3.10.3", "fusion_key": ("custom", "fusion_config")}
CODES: Final = ("unused-fragment", "shared-output", "missing-data")


def told(root: Path, files: Files, *, data: bool = False, **given: Any) -> list[str]:
    """Give place and code of what is found of all documents together."""
    found = check(project(root, files, **{**GIVEN, **given}), data=data)
    return [
        f"{one.origin if one.origin.line else one.origin.file} {one.code}"
        for one in found.problems
        if one.code in CODES
    ]


def test_a_fragment_that_nothing_reaches_is_told(tmp_path: Path) -> None:
    """Not a base of a base, a mix that a preset names, its base, a variant, nor a file that is no config."""
    files: Files = {
        P: "extends: ../a.yaml\ncustom: {fusion_config: configs/mixes/m.json}\n",
        "configs/a.yaml": "extends: b.yaml\ntraining: {seed: 1}\n",
        "configs/b.yaml": "tuner: {lora_rank: 8}\n",
        "configs/mixes/m.json": '{"extends": "base.yaml", "targets": [{"dataset": "d", "train_jsonl": "x"}]}',
        "configs/mixes/base.yaml": "sources: []\n",
        "configs/fusion/v.yaml": "targets: [{dataset: d, train_jsonl: x}]\n",
        "configs/README.md": "no config\n",
        "configs/lost.yaml": "extends: b.yaml\n",
        "configs/lost.json": "{}",
    }
    assert told(tmp_path, files) == ["configs/lost.json unused-fragment", "configs/lost.yaml unused-fragment"]


def test_a_file_whose_path_a_preset_holds_is_left_alone(tmp_path: Path) -> None:
    """A config of DeepSpeed below the config root is read by the trainer."""
    files: Files = {
        P: "deepspeed: {enabled: true, config: configs/deepspeed/zero2.json}\n",
        "configs/deepspeed/zero2.json": "{}",
        "configs/deepspeed/zero3.json": "{}",
    }
    assert told(tmp_path, files) == ["configs/deepspeed/zero3.json unused-fragment"]


def test_globs_that_were_narrowed_make_nothing_unused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who builds or checks some presets by `--presets` is told nothing of the others, nor of silences for them."""
    silence = "[[tool.trainlock.silence]]\ncheck = 'octal-value'\npath = 'configs/train/q.yaml'\nreason = 'r'\n"
    settings = f"[tool.trainlock]\npresets = ['train/*.yaml']\n{silence}"
    write(tmp_path, {"pyproject.toml": settings, P: "x: 1\n", Q: "x: 012\n"})
    for verb in ("build", "check"):
        main([verb, "--root", str(tmp_path), "--presets", "train/p.yaml"])
        said = capsys.readouterr()
        assert "unused" not in said.err + said.out


def test_nobody_is_told_to_delete_a_fragment_while_a_preset_is_broken(tmp_path: Path) -> None:
    """What a preset that does not compile would use nobody knows."""
    files: Files = {P: "extends: ../mised.yaml\n", "configs/missed.yaml": "training: {seed: 1}\n"}
    assert told(tmp_path, files) == []
    write(tmp_path, {P: "extends: ../missed.yaml\ntraning: {seed: 2}\n"})
    assert [one.code for one in build(look(tmp_path, **GIVEN)).problems] == ["unknown-section"]


def test_a_check_of_one_preset_looks_at_no_other(tmp_path: Path) -> None:
    """What is found of all together is told only when all are looked at."""
    made = project(tmp_path, {P: "x: 1\n", "configs/lost.yaml": "x: 1\n"})
    assert "unused-fragment" not in [one.code for one in check(made, [P]).problems]


def run(output: str, name: str, seed: int = 1) -> str:
    """Give a preset that writes somewhere."""
    return f"training: {{output_dir: {output}, run_name: {name}, seed: {seed}}}\n"


OUTPUTS: Final = [
    ("the same", run("out", "a"), run("out", "a", 2), True),
    ("another spelling of the folder", run("./out/x/..", "a"), run("out", "a", 2), True),
    ("the name is a part of the folder", run("out", "a"), run("out/a", "a", 2), True),
    ("another name", run("out", "a"), run("out", "b", 2), False),
    ("another folder", run("out", "a"), run("out2", "a", 2), False),
    ("no folder at all", "training: {run_name: a}\n", "training: {run_name: a, seed: 2}\n", False),
    ("no name", "training: {output_dir: out}\n", "training: {output_dir: out, seed: 2}\n", True),
    ("one and the same run", run("out", "a"), run("out", "a"), False),
]


@pytest.mark.parametrize(("one", "other", "is_told"), [row[1:] for row in OUTPUTS], ids=[row[0] for row in OUTPUTS])
def test_two_presets_that_write_to_one_place_are_told(tmp_path: Path, one: str, other: str, is_told: bool) -> None:
    """The folder as the trainer makes it of folder and name; presets of equal digest are one run."""
    assert told(tmp_path, {P: one, Q: other}) == (
        [f"{Q}:1:{other.index('run_name' if 'run_name' in other else 'output') + 1} shared-output"] if is_told else []
    )


def test_every_preset_after_the_first_is_told_once(tmp_path: Path) -> None:
    """Three presets of one place give two warnings, each of which names the first; its equals are not told."""
    files = {
        P: run("out", "a"),
        Q: run("out", "a", 2),
        "configs/train/r.yaml": run("out", "a", 3),
        "configs/train/p2.yaml": run("out", "a"),
    }
    found = check(project(tmp_path, files, **GIVEN)).problems
    shared = [one for one in found if one.code == "shared-output"]
    assert [one.origin.file for one in shared] == [Q, "configs/train/r.yaml"]
    assert [one.notes[0].origin.file for one in shared] == [P, P]


def test_a_preset_that_only_inherits_its_place_is_told_as_a_whole(tmp_path: Path) -> None:
    """Where a preset says nothing of its own there is no line to point at."""
    files = {P: run("out", "a"), Q: "extends: p.yaml\ntraining: {seed: 2}\n"}
    assert told(tmp_path, files) == [f"{Q} shared-output"]


MIX: Final[Files] = {
    P: "custom:\n  fusion_config: configs/fusion/m.yaml\n  train_jsonl: nowhere.jsonl\n",
    "configs/fusion/m.yaml": (
        "targets:\n  - {dataset: a, train_jsonl: data/a.jsonl, val_jsonl: data/val.jsonl}\n"
        "sources:\n  - {dataset: b, train_jsonl: ./data/b.jsonl, ratio: 0.1}\n"
    ),
    "data/a.jsonl": "{}\n",
}


def test_records_are_looked_for_only_where_they_are_asked_for(tmp_path: Path) -> None:
    """With `data` each file of a mix that is not there is told, from the repository root; without it none."""
    assert told(tmp_path, MIX) == []
    assert told(tmp_path, MIX, data=True) == [
        "configs/fusion/m.yaml:2:45 missing-data",
        "configs/fusion/m.yaml:4:18 missing-data",
    ]
    write(tmp_path, {"data/b.jsonl": "{}\n", "data/val.jsonl": "{}\n"})
    assert told(tmp_path, MIX, data=True) == []


def test_the_records_of_a_preset_without_a_mix_are_looked_for(tmp_path: Path) -> None:
    """`custom.train_jsonl` and `custom.val_jsonl`; null and an empty text name no file."""
    files: Files = {
        P: "custom: {train_jsonl: a.jsonl, val_jsonl: b.jsonl}\n",
        Q: "custom: {train_jsonl: '', val_jsonl: null}\n",
    }
    assert told(tmp_path, files, data=True) == [f"{P}:1:10 missing-data", f"{P}:1:32 missing-data"]


def test_a_folder_is_no_file_of_records_and_no_name_outside_is_offered(tmp_path: Path) -> None:
    """A path that leads to a folder is told as one; what lies outside the repository is nobody's business."""
    files: Files = {P: "custom: {jsonl: data, val_jsonl: ../x.jsonl}\n", "data/a.jsonl": "{}"}
    write(tmp_path, {"x.json": "{}"})
    found = check(project(tmp_path / "repository", files, **GIVEN), data=True).problems
    missing = [one for one in found if one.code == "missing-data"]
    assert [(one.message, one.hint) for one in missing] == [
        ("`data` is a folder", ""),
        ("there is no file `../x.jsonl`", ""),
    ]


def test_missing_records_are_an_error_of_check_and_keep_no_lock_away(tmp_path: Path) -> None:
    """Locks are made where the data is not: a build does not ask."""
    made = project(tmp_path, MIX, **GIVEN)
    assert build(made).failed == ()
    assert {one.severity for one in check(look(tmp_path, **GIVEN), data=True).problems} == {"error"}
