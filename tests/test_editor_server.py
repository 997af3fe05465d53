"""A real language server with the shipped settings: it underlines and completes as a person in VS Code sees it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import pytest

from builders import REPOSITORY
from json_schemas import FRAGMENTS
from language_servers import Editor

LEFT_OUT: Final = "left out: the tests of completion in an editor (`npm install --global yaml-language-server@1`)"

PRESET: Final = "configs/train/sft/new.yaml"
COMPONENT: Final = "configs/components/training/new.yaml"
MIX: Final = "configs/fusion/variants/new.yaml"


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    """An editor on this repository, with the settings that ship; schemas of other tools are not fetched."""
    command = shutil.which("yaml-language-server")
    if command is None or shutil.which("node") is None:
        pytest.skip(LEFT_OUT)
    settings = json.loads((REPOSITORY / ".vscode/settings.json").read_text(encoding="utf-8"))
    with closing(Editor(command, REPOSITORY, {**settings, "yaml.schemaStore.enable": False})) as opened:
        yield opened


@pytest.mark.parametrize("path", [PRESET, COMPONENT, "configs/new.yaml", "configs/smoke/new.yml"])
def test_a_misspelt_key_is_underlined_and_completes(editor: Editor, path: str) -> None:
    """In a preset, in a component and in a base: the key alone is underlined, and what was meant is offered there."""
    text = "training:\n  seed: 17\n  learning_rat: 1.0e-4\n"
    assert editor.underlined(path, text) == [("learning_rat", "Property learning_rat is not allowed.")]
    assert editor.completed(path, "training:\n  seed: 17\n  learning_rat|\n")["learning_rate"].startswith(
        "learning_rate:"
    )
    assert editor.underlined(path, text.replace("learning_rat:", "learning_rate:")) == []


@pytest.mark.parametrize(
    ("path", "text", "word"),
    [
        (PRESET, "trainning:\n  seed: 17\n", "trainning"),
        (PRESET, "custom:\n  augmentation_curiculum: null\n", "augmentation_curiculum"),
        (PRESET, "custom:\n  learning_rate: 1.0e-4\n", "learning_rate"),
        (PRESET, "seed: 17\n", "seed"),
        (PRESET, "extneds: ../base.yaml\n", "extneds"),
        (PRESET, "prompts:\n  domian: bbu\n", "domian"),
        (COMPONENT, "tunr: {}\n", "tunr"),
        (MIX, "targets:\n  - name: a\n    ratoi: 0.5\n", "ratoi"),
        (MIX, "target:\n  - name: a\n", "target"),
        (MIX, "sources:\n  - name: a\n    ratio: -0.5\n", "-0.5"),
        (PRESET, "training:\n  eval_strategy: step\n", "step"),
        (PRESET, "tuner:\n  lora_rank: eight\n", "eight"),
        (PRESET, 'training:\n  bf16: "true"\n', '"true"'),
        (PRESET, "training:\n  learning_rate: 2e-5x\n", "2e-5x"),
        (PRESET, "rlhf:\n  max_length: long\n", "long"),
        (PRESET, "extends: /base.yaml\n", "/base.yaml"),
    ],
)
def test_a_mistake_is_underlined_where_it_stands(editor: Editor, path: str, text: str, word: str) -> None:
    """Keys at the top, in sections and in entries; values of another type, choices that are none; nothing beside."""
    assert [found for found, _ in editor.underlined(path, text)] == [word]


def test_yaml_is_read_as_the_trainer_reads_it(editor: Editor) -> None:
    """A `no` without quotes is a boolean, and no strategy; in quotes it is."""
    wrong = editor.underlined(PRESET, "training:\n  save_strategy: no\n")
    assert {word for word, _ in wrong} == {"no"}
    assert editor.underlined(PRESET, 'training:\n  save_strategy: "no"\n') == []


def test_what_the_server_reads_otherwise_is_left_to_the_checks(editor: Editor) -> None:
    """The page says so: an exponent without a dot is a number to the server, and a date is a text."""
    assert editor.underlined(PRESET, "training:\n  learning_rate: 2e-5\n  run_name: 2026-01-31\n  seed: 17.0\n") == []


def test_a_second_section_of_a_component_is_underlined(editor: Editor) -> None:
    """Both are, with the reason; in a preset neither is. Two keys that name bases are told the same way."""
    text = "extends: other.yaml\ntuner:\n  lora_rank: 8\ntraining:\n  seed: 17\n"
    reason = "a component holds one section"
    assert editor.underlined(COMPONENT, text) == [("tuner", reason), ("training", reason)]
    assert editor.underlined(PRESET, text) == []
    twice = editor.underlined(PRESET, "extends: a.yaml\ninherit: b.yaml\n")
    assert twice == [("extends", "a file names its bases once"), ("inherit", "a file names its bases once")]


def test_what_the_checks_only_warn_of_is_not_underlined(editor: Editor) -> None:
    """An editor would show it as an error: notes in a preset, and keys of the project that nobody recorded."""
    assert editor.underlined(PRESET, "my_notes: 1\ncustom:\n  another: 1\n") == []
    assert editor.underlined(MIX, "targets:\n  - name: a\n    another: 1\n") == []


def test_keys_complete_in_the_section_where_they_belong(editor: Editor) -> None:
    """Each section offers its own keys, those of the project first; the top offers the sections and `extends`."""
    training = list(editor.completed(PRESET, "training:\n  |\n"))
    assert training[0] == "effective_batch_size"
    assert {"learning_rate", "save_steps"} <= set(training)
    assert not {"lora_rank", "num_generations", "fusion_config"} & set(training)
    assert "lora_rank" in editor.completed(COMPONENT, "tuner:\n  |\n")
    assert {"extends", "tuner", "global_max_length"} <= set(editor.completed(PRESET, "training: {}\n|\n"))
    assert {"ratio", "train_jsonl", "seed"} <= set(editor.completed(MIX, "targets:\n  - name: a\n    |\n"))


def test_values_complete_as_yaml_reads_them(editor: Editor) -> None:
    """Choices are offered, and inserted in quotes where they would be read as something else."""
    found = editor.completed(PRESET, "training:\n  save_strategy: |\n")
    assert sorted(found.values()) == ['"no"', "best", "epoch", "steps"]
    assert set(editor.completed(PRESET, "training:\n  bf16: |\n").values()) == {"true", "false", "null"}
    assert set(editor.completed(MIX, "targets:\n  - name: a\n    mode: |\n")) == {"dense", "summary", "null"}


def test_a_key_is_told_under_the_pointer(editor: Editor) -> None:
    """What it takes, the trainer's default, who declares it; in a section where it does not belong, too."""
    said = editor.hovered(COMPONENT, "training:\n  learning|_rate: 1.0e-4\n")
    assert said.startswith("Takes a number or null. Default: null. TrainingArguments of ms-swift 3.10.3.")
    said = editor.hovered(PRESET, "rlhf:\n  trunca|tion_strategy: delete\n")
    assert "Takes delete, left, right, raise or null." in said
    assert editor.hovered(MIX, "sources:\n  - name: a\n    rat|io: 0.1\n").startswith("Of a target the share")


def test_nothing_that_ships_is_underlined(editor: Editor) -> None:
    """Each file below `configs/` gets the schema of its kind from the settings, and is valid by it."""
    for path, kind in FRAGMENTS.items():
        assert editor.schema_of(path) == [f"docs/schema/{kind}.schema.json"], path
        assert editor.underlined(path, (REPOSITORY / path).read_text(encoding="utf-8")) == [], path


@pytest.mark.parametrize(
    "path",
    [
        "build/train/sft/dense_1024.lock.yaml",
        "legacy/configs/base.yaml",
        "legacy/configs/components/x.yaml",
        "tests/golden/x/configs/base.yaml",
        "legacy/mapping.yaml",
    ],
)
def test_what_is_no_fragment_gets_no_schema(editor: Editor, path: str) -> None:
    """Locks, the frozen tree, and trees of tests are left alone."""
    assert editor.schema_of(path) == []


def test_a_modeline_does_without_settings(editor: Editor) -> None:
    """`# yaml-language-server: $schema=` in a file gives it a schema, wherever it lies."""
    head = "# yaml-language-server: $schema=../docs/schema/component.schema.json\n"
    text = "tuner:\n  lora_rnk: 8\n"
    assert editor.underlined("elsewhere/x.yaml", text) == []
    assert [word for word, _ in editor.underlined("elsewhere/x.yaml", head + text)] == ["lora_rnk"]


def test_the_server_is_not_blind(editor: Editor) -> None:
    """The negative control: without the settings nothing is underlined and nothing is offered."""
    with closing(Editor(editor.command, REPOSITORY, {"yaml.schemaStore.enable": False})) as bare:
        assert bare.underlined(PRESET, "trainning:\n  sed: 17\n") == []
        assert "learning_rate" not in bare.completed(PRESET, "training:\n  learning_rat|\n")
        assert bare.schema_of(PRESET) == []
