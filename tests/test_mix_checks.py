"""mix_checks: a mistake in a fusion config is told at its own place, with a fix that is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from builders import Files, project
from compiler.pipeline import build
from world import P

MIX: Final = "configs/fusion/m.yaml"
GIVEN: Final[dict[str, Any]] = {"trainer": "ms-swift 3.10.3", "fusion_key": ("custom", "fusion_config")}
ENTRY: Final = "targets:\n  - dataset: bbu\n    train_jsonl: a.jsonl\n"

MISTAKES: Final = [
    (ENTRY + "    temlate: x\n", "4:5 unknown-argument error", "did you mean `template`?"),
    (ENTRY + "    train_json: x\n", "4:5 unknown-argument error", "did you mean `train_jsonl`?"),
    (ENTRY + "    augmentation_enable: true\n", "4:5 unknown-argument error", "did you mean `augmentation_enabled`?"),
    (ENTRY + "    flavour: sweet\n", "4:5 unknown-argument warning", "there is `name`, `dataset`,"),
    (ENTRY + "suorces: []\n", "4:1 unknown-argument error", "did you mean `sources`?"),
    (ENTRY + "notes: x\n", "4:1 unknown-argument warning", "there is `targets`, `sources`"),
    (ENTRY + "summary_label_grouping: true\n", "4:1 unknown-argument error", "take the key out"),
    (ENTRY + "target: {}\n", "4:1 unknown-argument error", "write a list below `targets`"),
    (ENTRY + "    mode: sumary\n", "4:5 wrong-choice error", "did you mean `summary`?"),
    (ENTRY + "    sample_without_replacement: 'false'\n", "4:5 wrong-type error", "write `false`, without quotes"),
    (ENTRY + "    augmentation_enabled: 1\n", "4:5 wrong-type error", "write `true`"),
    (ENTRY + "    max_objects_per_image: 20.0\n", "4:5 wrong-type error", "write `20`"),
    (ENTRY + "    seed: '17'\n", "4:5 wrong-type error", "write `17`, without quotes"),
    (ENTRY + "    val_jsonl: [v.jsonl]\n", "4:5 wrong-type error", "write `v.jsonl`, without brackets"),
    (ENTRY + "    template: 3\n", "4:5 wrong-type error", "put it in quotes, as it is written"),
]


def told(root: Path, text: str, **given: Any) -> list[tuple[str, str]]:
    """Give place, code and severity, and the hint, of everything that is told of a mix and the preset that names it."""
    files: Files = {P: f"custom: {{fusion_config: {MIX}}}\n", MIX: text}
    found = build(project(root, files, **{**GIVEN, **given})).problems
    assert {one.origin.file for one in found} <= {MIX}
    return [(f"{one.origin.line}:{one.origin.column} {one.code} {one.severity}", one.hint) for one in found]


@pytest.mark.parametrize(("text", "expected", "fix"), MISTAKES)
def test_a_planted_mistake_is_told_once_at_its_place(tmp_path: Path, text: str, expected: str, fix: str) -> None:
    """Once for the mix and the preset together, at its own line, and the hint holds the way out."""
    ((place, hint),) = told(tmp_path, text)
    assert place == expected
    assert hint.startswith(fix)


def test_an_entry_is_named_in_the_message(tmp_path: Path) -> None:
    """Entries are known by their name, as people know them."""
    files: Files = {
        MIX: ENTRY + "sources:\n  - {name: lvis, dataset: x, train_jsonl: b, ratio: 1, mode: dens}\n",
        P: "x: 1\n",
    }
    (problem,) = (one for one in build(project(tmp_path, files, **GIVEN)).problems if one.origin.file == MIX)
    assert problem.message == "`sources[lvis].mode` is `dens`, which is none of its choices"


def test_a_preset_does_not_compile_over_a_mix_with_a_mistake(tmp_path: Path) -> None:
    """An error in a mix fails the mix and each preset that names it."""
    files: Files = {
        P: f"custom: {{fusion_config: {MIX}}}\n",
        MIX: ENTRY + "    mode: sumary\n",
        "configs/train/q.yaml": "model: {}\n",
    }
    assert set(build(project(tmp_path, files, **GIVEN)).failed) == {MIX, P}


def test_without_a_trainer_a_mix_holds_what_it_likes(tmp_path: Path) -> None:
    """Where no trainer is named its project's keys mean nothing."""
    assert told(tmp_path, ENTRY + "    temlate: x\n    mode: 3\n", trainer=None) == []


def test_every_key_of_an_entry_of_the_shipped_mixes_is_known(tmp_path: Path) -> None:
    """The shipped mixes give no problem, which tests/test_lint.py asks; this one is the whole entry that they use."""
    whole = (
        "    val_jsonl: v.jsonl\n    template: t\n    mode: dense\n    ratio: 1.0\n    seed: 3\n"
        "    sample_without_replacement: true\n    max_objects_per_image: 20\n"
        "    augmentation_enabled: false\n    curriculum_enabled: false\n    name: n\n"
    )
    assert told(tmp_path, ENTRY + whole) == []
