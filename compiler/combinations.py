"""Checks of what must fit together in a resolved preset: keys of which each alone is fine, and the trainer refuses all.

A check judges and never repairs. Each is a function with an example that is its test.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from compiler.effective import FLATTENED
from compiler.problems import Note, Problem
from compiler.trainer import DEFAULT_GENERATIONS, held
from compiler.values import Node, under

_STOPS: Final = "the trainer stops with an error"


def curriculum_off(values: Node) -> Iterator[Problem]:
    """A curriculum needs augmentation: the trainer refuses one that is set while augmentation is off (src/sft.py).

    Bad:
        custom: {augmentation: {enabled: false}, augmentation_curriculum: {phases: []}}

    Good:
        custom: {augmentation: {enabled: false}, augmentation_curriculum: null}
    """
    curriculum = under(values, ("custom", "augmentation_curriculum"))
    if curriculum is None or curriculum.value is None:
        return
    enabled = under(values, ("custom", "augmentation", "enabled"))
    augmentation = under(values, ("custom", "augmentation"))
    off = enabled if enabled is not None and enabled.value is False else None
    if off is None and augmentation is not None and augmentation.value is None:
        off = augmentation
    if off is not None:
        yield Problem(
            "curriculum-off",
            "`custom.augmentation_curriculum` is set, and augmentation is off",
            curriculum.origin,
            why=_STOPS,
            notes=(Note(off.origin, "turns augmentation off"),),
            hint="write `augmentation_curriculum: null`, or turn augmentation on",
        )


def deepspeed_config(values: Node) -> Iterator[Problem]:
    """Deepspeed that is enabled needs a config (the project's src/config/schema.py).

    Bad:
        deepspeed: {enabled: true}

    Good:
        deepspeed: {enabled: true, config: zero2}
    """
    section = under(values, ("deepspeed",))
    if section is None or type(section.value) is not dict:
        return
    enabled, config = section.value.get("enabled"), section.value.get("config")
    why = "the project stops with an error"
    if enabled is None:
        message = "`deepspeed` does not say whether it is enabled"
        hint = "write `enabled: true` or `enabled: false` there"
        yield Problem("deepspeed-config", message, section.origin, why=why, hint=hint)
    elif enabled.value is True and (config is None or config.value is None or config.value == ""):
        place, hint = config or enabled, "name one, such as `config: zero2`, or write `enabled: false`"
        message = "deepspeed is enabled, and has no config"
        yield Problem("deepspeed-config", message, place.origin, why=why, hint=hint)


def _argument(values: Node, key: str) -> Node | None:
    """Give what the last section that holds an argument has for it; it is the one that wins."""
    found = (under(values, (section, key)) for section in reversed(FLATTENED))
    return next((node for node in found if node is not None), None)


def rewards(values: Node) -> Iterator[Problem]:
    """Every reward function of GRPO has one weight (the project's src/config/grpo.py, ms-swift's grpo_trainer.py).

    Where a reward model is set nothing is counted: the trainer gives it a weight, too.

    Bad:
        rlhf: {rlhf_type: grpo, reward_funcs: [a, b], reward_weights: [1.0]}

    Good:
        rlhf: {rlhf_type: grpo, reward_funcs: [a, b], reward_weights: [1.0, 2.0]}
    """
    if held(values, "rlhf", "rlhf_type") != "grpo":
        return
    functions, weights, model = (_argument(values, f"reward_{key}") for key in ("funcs", "weights", "model"))
    if weights is None or type(weights.value) is not list:
        return
    if (model is not None and model.value) or (
        functions is not None and type(functions.value) not in (list, type(None))
    ):
        return
    count = len(functions.value) if functions is not None and functions.value else 0
    if len(weights.value) != count:
        yield Problem(
            "reward-count",
            f"{_counted(count, 'reward function')} and {_counted(len(weights.value), 'weight')} do not match",
            weights.origin,
            why=_STOPS,
            notes=(Note(functions.origin, "lists the functions"),) if functions is not None else (),
            hint="give each function one weight, in the same order"
            if count
            else "list the functions in `reward_funcs`",
        )


def chord(values: Node) -> Iterator[Problem]:
    """CHORD mixes SFT into GRPO, and needs both GRPO and ZeRO stage 3 or none (the project's grpo.py and src/sft.py).

    Bad:
        rlhf: {rlhf_type: grpo}
        deepspeed: {enabled: true, config: zero2}
        custom: {grpo: {chord: {enabled: true}}}

    Good:
        rlhf: {rlhf_type: grpo}
        deepspeed: {enabled: true, config: zero3}
        custom: {grpo: {chord: {enabled: true}}}
    """
    enabled = under(values, ("custom", "grpo", "chord", "enabled"))
    if enabled is None or enabled.value is not True:
        return
    kind = under(values, ("rlhf", "rlhf_type"))
    if kind is None or kind.value != "grpo":
        notes = (Note(kind.origin, "sets another"),) if kind is not None else ()
        message, hint = (
            "`custom.grpo.chord` is enabled, and `rlhf.rlhf_type` is not `grpo`",
            "set it, or write `enabled: false`",
        )
        yield Problem("chord-config", message, enabled.origin, why=_STOPS, notes=notes, hint=hint)
    config = under(values, ("deepspeed", "config"))
    stage = _stage(config) if held(values, "deepspeed", "enabled") is True and config is not None else None
    if stage in (1, 2) and config is not None:
        yield Problem(
            "chord-config",
            f"`custom.grpo.chord` is enabled, and DeepSpeed partitions by ZeRO stage {stage}",
            enabled.origin,
            why=_STOPS,
            notes=(Note(config.origin, "sets the stage"),),
            hint="take stage 3, such as `config: zero3`, or write `enabled: false`",
        )


def _stage(config: Node) -> int | None:
    """Give the ZeRO stage of a DeepSpeed config; None where it cannot be told without reading a file."""
    named = {f"zero{stage}{tail}": stage for stage in range(4) for tail in ("", "_offload")}
    if type(config.value) is str:
        return named.get(config.value)
    stage = held(config, "zero_optimization", "stage")
    return stage if type(stage) is int else None


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def batches(values: Node) -> Iterator[Problem]:
    """The batch of GRPO holds whole groups of generations (the project's src/config/grpo.py, trl's grpo_config.py).

    Where `num_generations` is not set it is the trainer's own.

    Bad:
        rlhf: {rlhf_type: grpo, generation_batch_size: 24, num_generations: 5}

    Good:
        rlhf: {rlhf_type: grpo, generation_batch_size: 24, num_generations: 4}
    """
    if held(values, "rlhf", "rlhf_type") != "grpo":
        return
    batch, group = (_argument(values, key) for key in ("generation_batch_size", "num_generations"))
    if batch is None or type(batch.value) is not int:
        return
    number = DEFAULT_GENERATIONS if group is None else group.value
    if type(number) is int and number > 0 and batch.value % number:
        less = batch.value - batch.value % number
        fits = f"`{less}` or `{less + number}`" if less > 0 else f"`{number}`"
        yield Problem(
            "grpo-batch",
            f"`generation_batch_size` {batch.value} is no multiple of `num_generations` {number}",
            batch.origin,
            why="the trainer stops with an error: it compares whole groups of generations",
            notes=(Note(group.origin, "sets the generations"),) if group is not None else (),
            hint=f"write {fits}"
            + ("" if group is not None else "; `num_generations` is the trainer's own, as it is not set"),
        )
