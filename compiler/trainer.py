"""What the trainer makes of a resolved preset, as far as a launch must know it: the batch plan.

Recorded from the project's loader and from ms-swift 3.10.3; each rule names the code that decides it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from compiler.values import KeyPath, Node, under

DEFAULT_PER_DEVICE: Final = 1
"""`per_device_train_batch_size` where it is not set (ms-swift's training arguments)."""

DEFAULT_GENERATIONS: Final = 8
"""`num_generations` where it is not set (ms-swift's GRPO arguments)."""

MIN_GENERATIONS: Final = 2
"""The fewest generations that GRPO can compare (trl's GRPO config)."""

DEFAULT_BATCH: Final = 16
"""What ms-swift aims at where neither a batch nor accumulation steps are set (its trainer arguments mixin)."""


class BatchPlan(NamedTuple):
    """How many samples one optimizer step sees.

    Attributes:
        per_device: samples a device takes at once.
        world_size: devices.
        accumulation: forward passes before a step.
        asked: `training.effective_batch_size`, or None where it is not set.
    """

    per_device: int
    world_size: int
    accumulation: int
    asked: int | None

    @property
    def batch(self) -> int:
        """The true batch size."""
        return self.per_device * self.world_size * self.accumulation


WORLD_SIZES: Final = tuple(range(1, 17))
"""For how many devices a plan is told."""


class PlanRow(NamedTuple):
    """The batch plan for one number of devices, and why the trainer would refuse to start with it."""

    plan: BatchPlan
    refused: tuple[str, ...]


class NoPlan(ValueError):
    """A number that the plan needs is none; the message names the key, and `path` is the way to it."""

    def __init__(self, section: str, key: str) -> None:
        super().__init__(f"`{section}.{key}` is no positive whole number")
        self.path: KeyPath = (section, key)


def batch_plan(values: Node, world_size: int) -> BatchPlan:
    """Give the batch plan of a resolved preset.

    `effective_batch_size` wins over explicit accumulation steps and is rounded up: max(1, ceil(asked / (per device *
    world size))) (the project's src/config/loader.py). Where neither is set ms-swift takes 1 for GRPO, and else
    ceil(16 / per device / world size).

    Args:
        values: the resolved preset.
        world_size: devices over all machines.

    Raises:
        NoPlan: a setting is not a positive whole number.
    """
    per_device = _count(values, "per_device_train_batch_size") or DEFAULT_PER_DEVICE
    asked = _count(values, "effective_batch_size")
    at_once = per_device * world_size
    if asked is not None:
        return BatchPlan(per_device, world_size, -(-asked // at_once), asked)
    explicit = _count(values, "gradient_accumulation_steps")
    if explicit is None:
        explicit = 1 if held(values, "rlhf", "rlhf_type") == "grpo" else -(-DEFAULT_BATCH // at_once)
    return BatchPlan(per_device, world_size, explicit, None)


def plan_rows(values: Node, world_sizes: Iterable[int]) -> list[PlanRow]:
    """Give the batch plan for each number of devices, with what GRPO asks of it.

    Raises:
        NoPlan: a setting is not a positive whole number.
    """
    return [PlanRow(batch_plan(values, size), grpo_refusals(values, size)) for size in world_sizes]


def grpo_refusals(values: Node, world_size: int) -> tuple[str, ...]:
    """Say why a GRPO run would not start with so many devices; nothing for any other run.

    `generation_batch_size` must be a multiple of `num_generations` (the project's src/config/grpo.py), and of the
    samples that all devices take at once; where it is not set it is what they take in `steps_per_generation` passes, or
    else in one optimizer step. So must the samples evaluated at once be a multiple of `num_generations`, if any are;
    two generations are the least (ms-swift's and trl's GRPO config). `eval_strategy` is `save_strategy` where it is not
    set (ms-swift's training arguments).

    Raises:
        NoPlan: a setting is not a positive whole number.
    """
    if held(values, "rlhf", "rlhf_type") != "grpo":
        return ()
    generations = _count(values, "num_generations", "rlhf") or DEFAULT_GENERATIONS
    batch = _count(values, "generation_batch_size", "rlhf")
    passes = _count(values, "steps_per_generation", "rlhf") or batch_plan(values, world_size).accumulation
    at_once = (_count(values, "per_device_train_batch_size") or DEFAULT_PER_DEVICE) * world_size
    evaluated = (_count(values, "per_device_eval_batch_size") or DEFAULT_PER_DEVICE) * world_size
    evaluates = held(values, "training", "eval_strategy") or held(values, "training", "save_strategy")
    refused = []
    if generations < MIN_GENERATIONS:
        refused.append(f"num_generations {generations} is less than {MIN_GENERATIONS}")
    if batch is None and at_once * passes % generations:
        refused.append(f"the {at_once * passes} generated at once are no multiple of num_generations {generations}")
    if batch is not None and batch % generations:
        refused.append(f"generation_batch_size {batch} is no multiple of num_generations {generations}")
    if batch is not None and batch % at_once:
        refused.append(f"generation_batch_size {batch} is no multiple of the {at_once} taken at once")
    if evaluates != "no" and evaluated % generations:
        refused.append(f"the {evaluated} evaluated at once are no multiple of num_generations {generations}")
    return tuple(refused)


def held(values: Node, *path: str) -> Any:
    """Give the plain value at a path of keys if it is a scalar, else None."""
    node = under(values, path)
    return None if node is None or type(node.value) in (dict, list) else node.value


def _count(values: Node, key: str, section: str = "training") -> int | None:
    value = held(values, section, key)
    if value is None:
        return None
    if type(value) is not int or value < 1:
        raise NoPlan(section, key)
    return value
