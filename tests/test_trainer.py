"""trainer: the batch plan is the one that the trainer computes, and so is what GRPO asks of it."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.trainer import WORLD_SIZES, NoPlan, batch_plan, evaluates, grpo_refusals, plan_rows, written_accumulation
from compiler.values import Node, node_of


@pytest.mark.parametrize(
    ("training", "rlhf", "world_size", "expected"),
    [
        ({"effective_batch_size": 32, "per_device_train_batch_size": 2}, {}, 3, (6, 36, 32)),
        ({"effective_batch_size": 32, "per_device_train_batch_size": 2}, {}, 4, (4, 32, 32)),
        ({"effective_batch_size": 2}, {}, 16, (1, 16, 2)),
        ({"effective_batch_size": 32, "gradient_accumulation_steps": 5}, {}, 1, (32, 32, 32)),
        ({"gradient_accumulation_steps": 5}, {}, 2, (5, 10, None)),
        ({"per_device_train_batch_size": 3}, {}, 2, (3, 18, None)),
        ({}, {"rlhf_type": "grpo"}, 2, (1, 2, None)),
        # the last section that holds an argument wins; `rlhf` is one where it is on
        ({"per_device_train_batch_size": 3}, {"rlhf_type": "dpo", "per_device_train_batch_size": 4}, 2, (2, 16, None)),
        ({"per_device_train_batch_size": 4}, {"per_device_train_batch_size": 3}, 2, (2, 16, None)),
        ({"effective_batch_size": 24}, {"rlhf_type": "dpo", "gradient_accumulation_steps": 5}, 2, (5, 10, 24)),
        ({"effective_batch_size": 24}, {"rlhf_type": "dpo", "gradient_accumulation_steps": None}, 2, (8, 16, 24)),
        ({"effective_batch_size": 24}, {"gradient_accumulation_steps": 5}, 2, (12, 24, 24)),
        ({"effective_batch_size": 24}, {"rlhf_type": "dpo", "per_device_train_batch_size": 4}, 2, (12, 96, 24)),
    ],
)
def test_the_batch_plan_is_the_trainers(
    training: dict[str, Any], rlhf: dict[str, Any], world_size: int, expected: tuple[int, int, int | None]
) -> None:
    """Accumulation steps are those that the trainer computes from the batch asked for and the world size."""
    plan = batch_plan(node_of({"training": training, "rlhf": rlhf}), world_size)
    assert (plan.accumulation, plan.batch, plan.asked) == expected


@pytest.mark.parametrize("wrong", ["32", 0, -1, 2.5, True, []])
def test_a_batch_that_is_no_number_is_told(wrong: Any) -> None:
    """A setting of the batch that is no positive whole number is named, and not computed with."""
    values = node_of({"training": {"effective_batch_size": wrong}})
    if wrong == []:
        assert batch_plan(values, 1).asked is None  # not a scalar: left to the checks of types
        return
    with pytest.raises(NoPlan, match="effective_batch_size"):
        batch_plan(values, 1)


def grpo(training: dict[str, Any], rlhf: dict[str, Any]) -> Node:
    """Give a GRPO preset of four generations that evaluates nothing, unless it says so."""
    rlhf = {"rlhf_type": "grpo", "num_generations": 4, **rlhf}
    return node_of({"data": {"val_dataset": ["v"]}, "training": {"eval_strategy": "no", **training}, "rlhf": rlhf})


@pytest.mark.parametrize(
    ("training", "rlhf", "world_size", "expected"),
    [
        ({}, {"generation_batch_size": 24}, 6, []),
        ({}, {"generation_batch_size": 24}, 5, ["generation_batch_size 24 is no multiple of the 5 taken at once"]),
        ({}, {"generation_batch_size": 6}, 2, ["generation_batch_size 6 is no multiple of num_generations 4"]),
        (
            {"per_device_train_batch_size": 4},
            {"generation_batch_size": 6},
            1,
            [
                "generation_batch_size 6 is no multiple of num_generations 4",
                "generation_batch_size 6 is no multiple of the 4 taken at once",
            ],
        ),
        (
            {},
            {"num_generations": None, "generation_batch_size": 12},
            2,
            ["generation_batch_size 12 is no multiple of num_generations 8"],
        ),
        ({}, {}, 4, []),
        ({}, {}, 6, ["the 6 generated at once are no multiple of num_generations 4"]),
        ({}, {"steps_per_generation": 2}, 6, []),
        ({"effective_batch_size": 24}, {}, 6, []),
        ({"effective_batch_size": 24}, {}, 5, ["the 25 generated at once are no multiple of num_generations 4"]),
        ({"eval_strategy": "steps"}, {}, 4, []),
        (
            {"eval_strategy": "steps", "effective_batch_size": 4},
            {},
            2,
            ["the 2 evaluated at once are no multiple of num_generations 4"],
        ),
        ({"eval_strategy": "steps", "per_device_eval_batch_size": 2, "effective_batch_size": 4}, {}, 2, []),
        (
            {"eval_strategy": None, "effective_batch_size": 4},
            {},
            2,
            ["the 2 evaluated at once are no multiple of num_generations 4"],
        ),
        ({"eval_strategy": None, "save_strategy": "no", "effective_batch_size": 4}, {}, 2, []),
        ({}, {"num_generations": 1}, 3, ["num_generations 1 is less than 2"]),
        ({"num_generations": 3}, {}, 4, []),
        ({"generation_batch_size": 6}, {}, 2, ["generation_batch_size 6 is no multiple of num_generations 4"]),
        (
            {},
            {"generation_batch_size": 8, "steps_per_generation": 2},
            4,
            ["generation_batch_size and steps_per_generation are both set"],
        ),
        ({"eval_strategy": "steps"}, {"rlhf_type": "dpo", "generation_batch_size": 5}, 3, []),
    ],
)
def test_grpo_is_refused_where_the_trainer_refuses_it(
    training: dict[str, Any], rlhf: dict[str, Any], world_size: int, expected: list[str]
) -> None:
    """Each constraint where it holds and where it does not; nothing is asked of any other kind of training."""
    assert list(grpo_refusals(grpo(training, rlhf), world_size)) == expected


@pytest.mark.parametrize(
    ("data", "training", "expected"),
    [
        ({"val_dataset": ["v"]}, {}, True),
        ({"eval_dataset": ["v"]}, {}, True),
        ({"split_dataset_ratio": 0.1}, {}, True),
        ({}, {}, False),
        ({"val_dataset": [], "split_dataset_ratio": 0.0}, {"eval_strategy": "steps"}, False),
        ({"split_dataset_ratio": 0.1, "streaming": True}, {}, False),
        ({"split_dataset_ratio": 0.1, "streaming": False}, {}, True),
        ({"val_dataset": ["v"]}, {"eval_strategy": "no", "save_strategy": "steps"}, False),
        ({"val_dataset": ["v"]}, {"save_strategy": "no"}, False),
        ({"val_dataset": ["v"]}, {"eval_strategy": None, "save_strategy": "no"}, False),
        ({"val_dataset": ["v"]}, {"eval_strategy": "epoch", "save_strategy": "no"}, True),
    ],
)
def test_a_run_evaluates_where_there_is_something_to_evaluate(
    data: dict[str, Any], training: dict[str, Any], expected: bool
) -> None:
    """By its strategy, or that of saving, and only with a dataset for it or a share of one."""
    assert evaluates(node_of({"data": data, "training": training})) is expected


def test_the_loader_writes_accumulation_by_what_training_holds() -> None:
    """It knows the samples a device takes from `training` alone, as sections are flattened later."""
    values = {"training": {"effective_batch_size": 24, "per_device_train_batch_size": 2}}
    rlhf = {"rlhf_type": "dpo", "per_device_train_batch_size": 4, "gradient_accumulation_steps": 5}
    assert written_accumulation(node_of({**values, "rlhf": rlhf}), 3) == 4
    assert written_accumulation(node_of({"training": {"per_device_train_batch_size": 2}}), 3) is None


def test_a_plan_has_a_row_for_each_number_of_devices() -> None:
    """One to sixteen: 32 asked of six devices with two each is 36 in truth; refused where it cannot be shared out."""
    rows = plan_rows(grpo({"effective_batch_size": 32, "per_device_train_batch_size": 2}, {}), WORLD_SIZES)
    assert [row.plan.world_size for row in rows] == list(range(1, 17))
    assert (rows[5].plan.accumulation, rows[5].plan.batch, rows[5].plan.asked, rows[5].refused) == (3, 36, 32, ())
    assert all((row.plan.batch % 4 == 0) == (row.refused == ()) for row in rows)


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("training", "effective_batch_size"),
        ("training", "per_device_train_batch_size"),
        ("training", "per_device_eval_batch_size"),
        ("training", "gradient_accumulation_steps"),
        ("rlhf", "num_generations"),
        ("rlhf", "generation_batch_size"),
        ("rlhf", "steps_per_generation"),
    ],
)
def test_a_number_of_a_plan_that_is_none_is_named(section: str, key: str) -> None:
    """The key stands in the message, and leads to the place."""
    values = {"training": {}, "rlhf": {"rlhf_type": "grpo"}}
    values[section][key] = "4"
    with pytest.raises(NoPlan, match=f"^`{section}.{key}` is no positive whole number$") as told:
        plan_rows(node_of(values), [2])
    assert told.value.path == (section, key)
