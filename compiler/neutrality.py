"""Differences that cannot reach training: rules, each with the trainer's code that decides it.

A rule applies only if what makes a key dead holds on both sides, and exactly: `false` is not null, and not absent. Each
is a function of a path and one side, and is asked for both. Sources are those of the project at the refactor, and of
ms-swift 3.10.3. Everything that no rule names is a difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from compiler.compare import Difference, Side
from compiler.values import KeyPath, Node, under

_ABSENT: Final = object()


def _at(values: Node, *path: str) -> Any:
    """Give what stands at a path of keys: a scalar, a dict or a list of nodes, or `_ABSENT`."""
    node = under(values, path)
    return _ABSENT if node is None else node.value


def _is_unset(value: Any) -> bool:
    return value is _ABSENT or value is None


def augmentation_off(path: KeyPath, side: Side) -> bool:
    """With `custom.augmentation.enabled: false` neither the operations nor the bypass probability are looked at.

    Not so where a curriculum is still set: the trainer then stops with an error.
    Decided in src/sft.py, where the augmenter is built.
    """
    return (
        path[:3] in (("custom", "augmentation", "ops"), ("custom", "augmentation", "bypass_prob"))
        and _at(side.values, "custom", "augmentation", "enabled") is False
        and _is_unset(_at(side.values, "custom", "augmentation_curriculum"))
        and _is_unset(_at(side.values, "custom", "augmentation", "curriculum"))
    )


def deepspeed_off(path: KeyPath, side: Side) -> bool:
    """With `deepspeed.enabled: false` the config of deepspeed is not read.

    Decided in src/config/schema.py (DeepSpeedConfig) and src/config/loader.py.
    """
    return path[:2] == ("deepspeed", "config") and _at(side.values, "deepspeed", "enabled") is False


_SAVING: Final = ("save_total_limit", "save_only_model", "save_delay_steps", "save_delay_epochs", "save_last_epoch")


def saving_off(path: KeyPath, side: Side) -> bool:
    """With `training.save_strategy: "no"` nothing is saved, so how it would be saved is dead.

    `save_steps` is what ms-swift takes for `eval_steps` where that is null: it is dead only if `eval_steps` is set, or
    nothing is evaluated either.
    Decided in src/sft.py (resolve_trainer_cls), its callbacks, transformers' trainer, ms-swift's training arguments.
    """
    if path[:1] != ("training",) or len(path) != 2 or _at(side.values, "training", "save_strategy") != "no":
        return False
    if path[1] != "save_steps":
        return path[1] in _SAVING
    evaluated = _at(side.values, "training", "eval_strategy") != "no"
    return not evaluated or not _is_unset(_at(side.values, "training", "eval_steps"))


_RLHF_ALIVE: Final = ("rlhf_type", "llm_kd_weight", "teacher_model")


def rlhf_off(path: KeyPath, side: Side) -> bool:
    """Without `rlhf.rlhf_type` the section is dropped.

    Not so `llm_kd_weight`, which must still parse, and `teacher_model`, which visual distillation looks at.
    Decided in src/config/loader.py (build_train_arguments).
    """
    section = _at(side.values, "rlhf")
    if path == ("rlhf",):  # a section in which nothing lives is as good as none
        return section is _ABSENT or (type(section) is dict and section.keys().isdisjoint(_RLHF_ALIVE))
    return path[:1] == ("rlhf",) and path[1] not in _RLHF_ALIVE and _is_unset(_at(side.values, "rlhf", "rlhf_type"))


def dense_prompts(path: KeyPath, side: Side) -> bool:
    """In dense mode the prompt is made from `custom.json_format`; profile and domain choose among summary prompts.

    Dense mode is `custom.use_summary: false`, which is also what an absent key means. The entries of a mix take their
    prompts from their own template, whatever their mode.
    Decided in src/config/loader.py (resolve_prompts) and src/datasets/unified_fusion_dataset.py.
    """
    use_summary = _at(side.values, "custom", "use_summary")
    dense = use_summary is _ABSENT or use_summary is False
    return dense and path in (("prompts", "profile"), ("prompts", "domain"))


class Rule(NamedTuple):
    """A rule: its name in reports, and whether it says of a path that it is dead on a side."""

    name: str
    is_dead: Callable[[KeyPath, Side], bool]

    @property
    def decided_in(self) -> str:
        """The code of the trainer that decides it."""
        return " ".join((self.is_dead.__doc__ or "").split("Decided in ")[1].split())

    @property
    def says(self) -> str:
        """The rule in one sentence."""
        return (self.is_dead.__doc__ or "").split("\n")[0]


RULES: Final = tuple(
    Rule(rule.__name__.replace("_", "-"), rule)
    for rule in (augmentation_off, deepspeed_off, saving_off, rlhf_off, dense_prompts)
)
"""Every rule there is."""


def excuse(difference: Difference, legacy: Side, compiled: Side) -> Rule | None:
    """Give the rule by which a difference cannot reach training, on either side; None if there is none."""
    if difference.document != "preset":
        return None
    for rule in RULES:
        if rule.is_dead(difference.path, legacy) and rule.is_dead(difference.path, compiled):
            return rule
    return None
