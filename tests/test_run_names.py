"""run_names: a name that states a number is held against the number that is trained with, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import fragment, project, safe_load
from compiler.pipeline import build
from compiler.problems import Problem
from compiler.run_names import false_names
from compiler.values import node_of
from world import P

GIVEN: Final[dict[str, Any]] = {"trainer": "ms-swift 3.10.3"}
BASE: Final = """\
training:
  num_train_epochs: 30
  learning_rate: 2.0e-4
  vit_lr: 1.0e-5
  aligner_lr: 6.0e-4
  effective_batch_size: 24
  per_device_train_batch_size: 2
  run_name: {name}
rlhf:
  rlhf_type: grpo
  temperature: 0.7
  num_generations: 4
  generation_batch_size: 48
"""


def told(name: str, text: str = BASE) -> list[Problem]:
    """Give what is told of a preset with a run name."""
    return list(false_names(fragment(text.replace("{name}", f'"{name}"')).body, "f.yaml"))


TRUE: Final = [
    *("epoch_30", "epochs30", "ep-30-more", "30epochs", "30ep", "30_epochs", "EPOCH_30", "x/epoch=30/y", "nepochs-30"),
    *("lr_2e-4", "lr2e-04", "lrs_1e-5", "lr_0.0002", "learning_rate_6e-4", "2e-4lr", "vit_lr_1e-5", "llm_lr-2e-4"),
    *("aligner_lr6e-4", "bs_24", "bs2", "batch_size48", "eff_bs_24", "gen_bs_48", "per_device_bs2", "24bs", "gbs24"),
    *("temperature_0.7", "temp0.7", "num_generations_4", "epoch:30"),
    # what states nothing that is known
    *("lrs_2_1_6", "epoch_30-2_1_6", "step_10", "keep_9", "deeplr_5", "2048_res_dense", "12-27/new_schema-4B", "bsd3"),
    *("checkpoint-4470", "epochal_7", "lr", "epoch_", "v1.2", "", "temperance_3", "absolute_9", "temp_1", "batch_7"),
    # where a run began, its data, and dates
    *("stage2_from_epoch_10", "init_from_epoch_3", "ckpt-epoch_12-merged", "best_epoch_2", "resume-epoch5"),
    *("data_batch_7", "batch-20251231", "ep_20251227", "epoch_1234567890"),
]
FALSE: Final = [
    ("epoch_3", "write `epoch_30`, or set `training.num_train_epochs` to `3`"),
    ("a-3epochs", "write `30epochs`, or set `training.num_train_epochs` to `3`"),
    ("3-epochs", "write `30-epochs`, or set `training.num_train_epochs` to `3`"),
    ("lr_1e-4", "write `lr_2e-4`, or set `training.learning_rate` to `1.0e-4`"),
    ("lr0.1", "write `lr2e-4`, or set `training.learning_rate` to `0.1`"),
    ("vit_lr_2e-4", "write `vit_lr_1e-5`, or set `training.vit_lr` to `2.0e-4`"),
    ("eff_bs_48", "write `eff_bs_24`, or set `training.effective_batch_size` to `48`"),
    ("gbs64", "write `gbs24`, or set `training.effective_batch_size` to `64`"),
    ("gen_bs_24", "write `gen_bs_48`, or set `rlhf.generation_batch_size` to `24`"),
    ("bs_32", "write `bs_24`, or set `training.effective_batch_size` to `32`"),
    ("micro_batch_4", "write `micro_batch_2`, or set `training.per_device_train_batch_size` to `4`"),
    ("temperature_1.0", "write `temperature_0.7`, or set `rlhf.temperature` to `1.0`"),
    ("num_generations_8", "write `num_generations_4`, or set `rlhf.num_generations` to `8`"),
]


@pytest.mark.parametrize("name", TRUE)
def test_a_name_that_tells_the_truth_or_nothing_is_left_alone(name: str) -> None:
    """What is true, what states no number that is known, and words that only look alike give nothing."""
    assert told(name) == []


@pytest.mark.parametrize(("name", "hint"), FALSE)
def test_a_name_that_lies_is_told_with_both_ways_out(name: str, hint: str) -> None:
    """One problem at the name, which quotes the statement; the hint has the true name and the value to set."""
    (problem,) = told(name)
    assert (problem.code, problem.severity, str(problem.origin)) == ("false-name", "warning", "f.yaml:8:3")
    assert f"says `{name.removeprefix('a-')}`, and " in problem.message
    assert problem.hint == hint


@pytest.mark.parametrize(("name", "hint"), FALSE)
def test_either_way_out_mends_it(name: str, hint: str) -> None:
    """Who writes the name of the hint, or sets the value that it names, is told nothing more."""
    better, key, value = re.findall(r"`([^`]+)`", hint)
    assert told(name.replace(name.removeprefix("a-"), better)) == []
    values = safe_load(BASE.replace("{name}", f'"{name}"'))
    section, leaf = key.split(".")
    values[section][leaf] = safe_load(value)
    assert type(values[section][leaf]) in (int, float)
    assert list(false_names(node_of(values), "")) == []


def test_every_statement_of_a_name_is_held_against_its_value() -> None:
    """The name of a real run, of which two statements in four are false."""
    found = told("temperature_0.7-num_generations_4-eff_bs_32-gen_bs_32-vllm_server")
    assert [re.findall(r"says `([^`]+)`", one.message)[0] for one in found] == ["eff_bs_32", "gen_bs_32"]


def test_output_paths_are_names_too() -> None:
    """`output_dir` and `logging_dir` are looked at like the run name."""
    text = "training: {num_train_epochs: 3, output_dir: out/epoch_2, logging_dir: tb/epoch_2, run_name: x}\n"
    assert [one.message.split("`")[1] for one in told("", text)] == ["training.output_dir", "training.logging_dir"]


def test_the_trainers_own_number_counts_where_nothing_is_set() -> None:
    """Three epochs are the trainer's own; a number of which nobody knows the value is left alone."""
    (problem,) = told("", "training: {run_name: epoch_5-temperature_3-lr_1e-5}\n")
    assert problem.message.endswith("and `training.num_train_epochs` is 3")
    assert problem.why == "nothing sets the value, so the trainer takes its own"
    assert problem.notes == ()


def test_what_is_not_decided_here_makes_no_name_false() -> None:
    """Steps end a run before its epochs; without an effective batch the devices decide what it is."""
    assert told("", "training: {run_name: epoch_9, max_steps: 20, num_train_epochs: 3}\n") == []
    text = "training: {run_name: bs32-ga16, per_device_train_batch_size: 2, gradient_accumulation_steps: 16}\n"
    assert told("", text) == []


def test_a_number_of_any_length_is_no_trouble() -> None:
    """A value that no float can hold is held against nothing, and a name of a million digits is passed over at once."""
    long = "9" * 400
    assert told("", f"training: {{run_name: epoch_3, num_train_epochs: {long}}}\n") == []
    assert told("ep" + "9" * 1_000_000) == []


def test_a_component_that_holds_both_is_told_to_mend_the_name() -> None:
    """A name and a number of one file are mended there, whichever preset gets them."""
    found = list(false_names(fragment(BASE.replace("{name}", "epoch_3"), "c.yaml").body, "p.yaml"))
    assert found[0].hint.startswith("write `epoch_30`")


def test_what_the_trainer_does_not_read_makes_no_name_false() -> None:
    """Without `rlhf.rlhf_type` there is no temperature, whatever the section holds."""
    assert told("", "training: {run_name: temperature_3}\nrlhf: {temperature: 0.7}\n") == []


INHERITED: Final = {
    "configs/base.yaml": "training:\n  num_train_epochs: 30\n  run_name: epoch_30\n",
    P: "extends: ../base.yaml\ntraining:\n  num_train_epochs: 3\n",
}


def test_an_inherited_name_is_told_where_the_preset_changes_the_number(tmp_path: Path) -> None:
    """The base tells the truth; the preset that overrides the number is where a name of its own is missing."""
    (problem,) = build(project(tmp_path, INHERITED, **GIVEN)).problems
    assert (problem.code, str(problem.origin)) == ("false-name", f"{P}:3:3")
    assert [str(note.origin) for note in problem.notes] == ["configs/base.yaml:3:3"]
    assert problem.hint == "give this preset a `training.run_name` of its own"


def test_without_a_trainer_a_name_says_nothing(tmp_path: Path) -> None:
    """Where no trainer is named nobody knows what the keys mean."""
    assert build(project(tmp_path, INHERITED)).problems == ()


@given(st.integers(1, 500), st.integers(1, 500))
def test_a_number_is_false_exactly_where_it_differs(said: int, set_to: int) -> None:
    """For any two numbers of epochs."""
    text = f"training: {{num_train_epochs: {set_to}, run_name: run-epochs_{said}-x}}\n"
    assert bool(told("", text)) == (said != set_to)


@given(st.floats(1e-9, 0.9).map(lambda rate: float(f"{rate:.2e}")))
def test_the_name_of_a_hint_is_true_for_any_rate(rate: float) -> None:
    """The rate as a hint spells it reads back as the rate."""
    preset = {"training": {"learning_rate": rate, "run_name": "lr_0.95"}}
    (problem,) = false_names(node_of(preset), "")
    better = re.findall(r"`([^`]+)`", problem.hint)[0]
    preset["training"]["run_name"] = better
    assert list(false_names(node_of(preset), "")) == []
