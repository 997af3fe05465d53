"""trainer: the batch plan is the one that the trainer computes."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.trainer import NoPlan, batch_plan
from compiler.values import node_of


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
