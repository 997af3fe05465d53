"""What the trainer makes of a resolved preset, as far as a launch must know it: its arguments, and the batch plan.

Recorded from the project's loader and from ms-swift 3.10.3; each rule names the code that decides it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from compiler.values import KeyPath, Node, under

FLATTENED: Final = ("model", "quantization", "data", "template", "tuner", "training", "rlhf")
"""The sections that become arguments of the trainer, in the order in which they are flattened: the last writer wins."""

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

    `effective_batch_size` wins over explicit accumulation steps, but for those in `rlhf`. Where none are set ms-swift
    takes 1 for GRPO, and else ceil(16 / per device / world size).

    Args:
        values: the resolved preset.
        world_size: devices over all machines.

    Raises:
        NoPlan: a setting is not a positive whole number.
    """
    per_device = _count(values, "per_device_train_batch_size") or DEFAULT_PER_DEVICE
    asked = _count_at(values, ("training", "effective_batch_size"))
    accumulation = written_accumulation(values, world_size)
    # `rlhf` alone is flattened after `training`
    if accumulation is None or held_by(values, "gradient_accumulation_steps") == "rlhf":
        accumulation = _count(values, "gradient_accumulation_steps")
    if accumulation is None:
        accumulation = 1 if is_grpo(values) else -(-DEFAULT_BATCH // (per_device * world_size))
    return BatchPlan(per_device, world_size, accumulation, asked)


def written_accumulation(values: Node, world_size: int) -> int | None:
    """Give the accumulation steps that the loader writes into `training`; None where no batch is asked for.

    They are max(1, ceil(asked / (per device * world size))), with what `training` holds, as the sections are flattened
    only afterwards (the project's src/config/loader.py).

    Raises:
        NoPlan: a setting is not a positive whole number.
    """
    asked = _count_at(values, ("training", "effective_batch_size"))
    if asked is None:
        return None
    per_device = _count_at(values, ("training", "per_device_train_batch_size")) or DEFAULT_PER_DEVICE
    return -(-asked // (per_device * world_size))


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
    else in one optimizer step; both cannot be set. So must the samples evaluated at once be a multiple of
    `num_generations`, if any are; two generations are the least (ms-swift's and trl's GRPO config).

    Raises:
        NoPlan: a setting is not a positive whole number.
    """
    if not is_grpo(values):
        return ()
    plan = batch_plan(values, world_size)
    generations = _count(values, "num_generations") or DEFAULT_GENERATIONS
    batch = _count(values, "generation_batch_size")
    passes = _count(values, "steps_per_generation")
    at_once = plan.per_device * world_size
    evaluated = (_count(values, "per_device_eval_batch_size") or DEFAULT_PER_DEVICE) * world_size
    refused = []
    if generations < MIN_GENERATIONS:
        refused.append(f"num_generations {generations} is less than {MIN_GENERATIONS}")
    if batch is not None and passes is not None:
        refused.append("generation_batch_size and steps_per_generation are both set")
    generated = at_once * (passes or plan.accumulation)
    if batch is None and generated % generations:
        refused.append(f"the {generated} generated at once are no multiple of num_generations {generations}")
    if batch is not None and batch % generations:
        refused.append(f"generation_batch_size {batch} is no multiple of num_generations {generations}")
    if batch is not None and batch % at_once:
        refused.append(f"generation_batch_size {batch} is no multiple of the {at_once} taken at once")
    if evaluates(values) and evaluated % generations:
        refused.append(f"the {evaluated} evaluated at once are no multiple of num_generations {generations}")
    return tuple(refused)


def is_rlhf(values: Node) -> bool:
    """Say whether `rlhf` is read: only where `rlhf.rlhf_type` is set (the project's src/config/loader.py)."""
    return held(values, "rlhf", "rlhf_type") is not None


def is_grpo(values: Node) -> bool:
    """Say whether a preset is trained with GRPO."""
    return bool(held(values, "rlhf", "rlhf_type") == "grpo")


def evaluates(values: Node) -> bool:
    """Say whether a run evaluates.

    `eval_strategy` is `save_strategy` where it is not set, and `no` where there is nothing to evaluate: no dataset for
    it, and no share of a dataset that is not streamed (ms-swift's training and data arguments).
    """
    strategy = argument(values, "eval_strategy")
    if strategy is None or strategy.value is None:
        strategy = argument(values, "save_strategy")
    if strategy is not None and strategy.value == "no":
        return False
    of_its_own = (argument(values, key) for key in ("val_dataset", "eval_dataset"))
    share, streamed = argument(values, "split_dataset_ratio"), argument(values, "streaming")
    is_shared = share is not None and bool(share.value) and not (streamed is not None and streamed.value)
    return is_shared or any(node is not None and bool(node.value) for node in of_its_own)


def _flattened(values: Node) -> Iterator[tuple[str, dict[str, Node]]]:
    """Yield the sections that become arguments with what they hold, in the order in which they are flattened."""
    for name in FLATTENED:
        section = values.value.get(name)
        if section is not None and type(section.value) is dict and (name != "rlhf" or is_rlhf(values)):
            yield name, section.value


def held_by(values: Node, key: str) -> str | None:
    """Give the section whose value an argument gets, as the last that holds it; None where none does."""
    holders = [name for name, held_there in _flattened(values) if key in held_there]
    return holders[-1] if holders else None


def argument(values: Node, key: str) -> Node | None:
    """Give what is authored for an argument, in the section that wins; None where no section holds it."""
    return arguments(values).get(key)


@functools.lru_cache(maxsize=1)
def arguments(values: Node) -> dict[str, Node]:
    """Give every argument as the loader flattens the sections; kept of one preset, as its checks ask for many."""
    flat: dict[str, Node] = {}
    for _, held_there in _flattened(values):
        flat |= held_there
    return flat


def held(values: Node, *path: str) -> Any:
    """Give the plain value at a path of keys if it is a scalar, else None."""
    node = under(values, path)
    return None if node is None or type(node.value) in (dict, list) else node.value


def _count(values: Node, key: str) -> int | None:
    section = held_by(values, key)
    return None if section is None else _count_at(values, (section, key))


def _count_at(values: Node, path: tuple[str, str]) -> int | None:
    value = held(values, *path)
    if value is None:
        return None
    if type(value) is not int or value < 1:
        raise NoPlan(*path)
    return value
