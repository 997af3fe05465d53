"""What the trainer makes of a resolved preset, as far as a launch must know it: the batch plan.

Recorded from the project's loader and from ms-swift 3.10.3; each rule names the code that decides it.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from compiler.values import Node

DEFAULT_PER_DEVICE: Final = 1
"""`per_device_train_batch_size` where it is not set (ms-swift's training arguments)."""

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


class NoPlan(ValueError):
    """A number that the plan needs is none; the message names the key."""


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


def held(values: Node, *path: str) -> Any:
    """Give the plain value at a path of keys if it is a scalar, else None."""
    node: Node | None = values
    for key in path:
        node = node.value.get(key) if node is not None and type(node.value) is dict else None
    return None if node is None or type(node.value) in (dict, list) else node.value


def _count(values: Node, key: str) -> int | None:
    value = held(values, "training", key)
    if value is None:
        return None
    if type(value) is not int or value < 1:
        raise NoPlan(f"`training.{key}` is no positive whole number")
    return value
