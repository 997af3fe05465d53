"""What the trainer takes: its arguments, recorded, and the project's own keys beside them.

The arguments of ms-swift are in `trainer_arguments.json`, made by `scripts/record_trainer.py` from the installed
trainer. Seven sections of a preset are flattened to them, so that each may hold any argument; the rest is the project's
own, read by src/config/schema.py and src/config/loader.py at the refactor.
"""

from __future__ import annotations

import functools
import os
from typing import Any, Final, NamedTuple

from compiler.trainer import FLATTENED
from compiler.values import KeyPath

WORDS: Final = {
    "bool": "a boolean",
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "list": "a list",
    "dict": "a mapping",
    "null": "null",
}
"""How messages call the kinds of values."""


def in_order(kinds: frozenset[str]) -> list[str]:
    """Give kinds in the order in which they are told, null last; a whole number is a number, and `any` is no kind."""
    return [kind for kind in WORDS if kind in kinds and not (kind == "int" and "float" in kinds)]


class Field(NamedTuple):
    """What a key takes.

    Attributes:
        kinds: `bool`, `int`, `float`, `str`, `list`, `dict`, `null`; `any` takes everything.
        items: the kinds of a list's items; empty where they are not known.
        choices: the values that are taken; empty where every one is.
    """

    kinds: frozenset[str]
    items: frozenset[str] = frozenset()
    choices: tuple[Any, ...] = ()


def _field(kinds: str, *choices: Any) -> Field:
    return Field(frozenset(kinds.split()), choices=choices)


PROJECT: Final[dict[str, dict[str, Field]]] = {
    "": {"global_max_length": _field("int null")},
    "training": {
        "effective_batch_size": _field("int null"),
        "save_delay_steps": _field("int null"),
        "save_delay_epochs": _field("float null"),
        "save_last_epoch": _field("bool null"),
    },
    "rlhf": {"llm_kd_weight": _field("float null")},
    "deepspeed": {"enabled": _field("bool"), "config": _field("str dict null")},
    "prompts": {
        "profile": _field("str null"),
        "domain": _field("str null"),
        "system": _field("str null"),
        "user": _field("str null"),
    },
    "custom": {
        "json_format": _field("str", "standard"),
        "emit_norm": _field("str", "none", "norm100", "norm1000"),
        "train_jsonl": _field("str"),
        "jsonl": _field("str null"),
        "val_jsonl": _field("str null"),
        "fusion_config": _field("str null"),
        "use_summary": _field("bool null"),
        "user_prompt": _field("str null"),
        "system_prompt": _field("str null"),
        "assistant_prefix_format": _field("str null"),
        "dump_conversation_text": _field("bool null"),
        "dump_conversation_path": _field("str null"),
        "sample_limit": _field("int null"),
        "train_sample_limit": _field("int null"),
        "val_sample_limit": _field("int null"),
        "augmentation": _field("dict null"),
        "augmentation_curriculum": _field("dict null"),
        "bypass_prob": _field("float null"),
        "token_type_metrics": _field("dict null"),
        "visual_kd": _field("dict null"),
        "grpo": _field("dict null"),
    },
}
"""The project's own keys by section, beside the arguments; those of the preset itself are below ``."""

NESTED: Final[dict[KeyPath, Field]] = {
    ("training", "lr_scheduler_kwargs", "min_lr"): _field("float null"),
    ("training", "lr_scheduler_kwargs", "min_lr_rate"): _field("float null"),
    ("training", "lr_scheduler_kwargs", "num_cycles"): _field("float"),
    ("custom", "augmentation", "enabled"): _field("bool"),
    ("custom", "augmentation", "bypass_prob"): _field("float null"),
    ("custom", "augmentation", "ops"): _field("list null"),
    ("custom", "augmentation", "curriculum"): _field("dict null"),
    ("custom", "augmentation_curriculum", "phases"): _field("list"),
    ("custom", "token_type_metrics", "enabled"): _field("bool"),
    ("custom", "token_type_metrics", "include"): _field("list null"),
    ("custom", "token_type_metrics", "exclude"): _field("list null"),
    ("custom", "visual_kd", "enabled"): _field("bool"),
    ("custom", "grpo", "chord"): _field("dict null"),
    ("custom", "grpo", "chord", "enabled"): _field("bool"),
    ("custom", "grpo", "chord", "sft_per_device_train_batch_size"): _field("int"),
    ("custom", "grpo", "chord", "mu_warmup_steps"): _field("int"),
    ("custom", "grpo", "chord", "mu_decay_steps"): _field("int"),
    ("custom", "grpo", "chord", "mu_peak"): _field("float"),
    ("custom", "grpo", "chord", "mu_valley"): _field("float"),
    ("custom", "grpo", "chord", "enable_phi_function"): _field("bool"),
}
"""What some keys below those of a section take; a mapping here may hold others beside them (the project's schema)."""

MIX: Final[dict[str, Field]] = {"targets": _field("list"), "sources": _field("list null")}
"""The keys of a fusion config (the project's src/datasets/fusion.py)."""

ENTRY: Final[dict[str, Field]] = {
    "name": _field("str null"),
    "dataset": _field("str"),
    "train_jsonl": _field("str"),
    "val_jsonl": _field("str null"),
    "ratio": _field("float null"),
    "template": _field("str null"),
    "mode": _field("str null", "dense", "summary"),
    "sample_without_replacement": _field("bool null"),
    "max_objects_per_image": _field("int null"),
    "augmentation_enabled": _field("bool null"),
    "curriculum_enabled": _field("bool null"),
    "seed": _field("int null"),
}
"""The keys of an entry of `targets` or `sources`, which may hold others beside them (the project's fusion.py)."""

OPEN: Final = ("custom",)
"""Sections in which the project keeps an unknown key and passes over it in silence."""

SECTIONS: Final = (*FLATTENED, *(section for section in PROJECT if section not in FLATTENED and section))
"""Every section that a preset may have."""

REMOVED: Final = {
    "custom": (
        "summary_ratio",
        "use_legacy_fusion",
        "grpo_chord",
        "summary_label_grouping",
        "images_per_user_turn",
        "hard_sample_mining",
    ),
    "fusion": ("target", "summary_label_grouping"),
}
"""Keys that the project took out: it stops where a preset still holds one."""

PARSED: Final = (("custom", "use_summary"), ("training", "save_last_epoch"))
"""Booleans that the project reads from a text, too; everywhere else a text counts as true."""

ALSO: Final[dict[str, tuple[Any, ...]]] = {"truncation_strategy": ("raise",)}
"""Choices that the trainer's template takes though its arguments do not name them."""

ALSO_KINDS: Final = {
    # a text is made a list of one (swift/llm/argument, swift/llm/dataset/loader.py, transformers/training_args.py)
    **dict.fromkeys(
        (
            "adapters",
            "cached_dataset",
            "custom_dataset_info",
            "custom_register_path",
            "dataset",
            "eval_dataset",
            "external_plugins",
            "new_special_tokens",
            "ref_adapters",
            "report_to",
            "val_dataset",
        ),
        "str",
    ),
    "target_modules": "str",  # handed on to peft as a pattern, or `all-linear` (swift/llm/train/tuner.py)
    # a text is parsed to a mapping, and a mapping is taken as it is
    "device_groups": "dict",
    "rope_scaling": "dict",
    "teacher_deepspeed": "dict",
    "init_weights": "bool",  # its texts `true` and `false` become booleans (swift/llm/argument/tuner_args.py)
    "scale_rewards": "bool",  # true is `group`, false is `none` (trl/trainer/grpo_config.py)
    "logging_steps": "float",  # below 1 a share of all steps (transformers/training_args.py)
    "lora_alpha": "float",  # only ever divided by the rank (peft)
    "ddp_timeout": "float",  # seconds of a timedelta
    "data_seed": "null",
    "max_grad_norm": "null",  # no clipping (transformers/trainer.py)
}
"""Kinds that the trainer takes, and means, though its arguments do not name them."""

NOT_NULL: Final = (
    "adapters",
    "custom_dataset_info",
    "dataset",
    "lora_modules",
    "model",
    "new_special_tokens",
    "report_to",
    "reward_funcs",
    "val_dataset",
)
"""What the trainer looks into before it asks whether it is there: null stops it with an error."""


_HOMES: Final = {
    "ModelArguments": "model",
    "QuantizeArguments": "quantization",
    "TemplateArguments": "template",
    "DataArguments": "data",
    "TunerArguments": "tuner",
}
_RLHF_OWNERS: Final = ("RLHF", "GRPO", "Rollout", "Vllm", "PPO", "Reward", "Teacher", "GKD")
_HOME_OF: Final = {"train_type": "tuner", "use_swift_lora": "tuner"}


class Argument(NamedTuple):
    """An argument of the trainer: what it takes, the class that declares it, and its default in `sft` and `rlhf`.

    A trainer that does not have the argument has no default for it.
    """

    field: Field
    owner: str
    defaults: dict[str, Any]


@functools.cache
def arguments() -> dict[str, Argument]:
    """Give every argument of the trainer by name."""
    import json  # noqa: PLC0415 - only where a preset is checked

    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "trainer_arguments.json")
    with open(path, encoding="utf-8") as file:
        table = json.load(file)
    return {
        name: Argument(
            Field(
                frozenset(
                    {*one["kinds"], ALSO_KINDS.get(name, one["kinds"][0])} - ({"null"} if name in NOT_NULL else set())
                ),
                frozenset(one["items"]),
                (*one["choices"], *ALSO.get(name, ())) if one["choices"] else (),
            ),
            one["owner"],
            one["defaults"],
        )
        for name, one in table["arguments"].items()
    }


@functools.lru_cache(maxsize=16_384)
def field_of(section: str, key: str) -> Field | None:
    """Give what a key of a section takes, or None where there is no such key."""
    own = PROJECT.get(section, {}).get(key)
    if own is None and section in FLATTENED:
        found = arguments().get(key)
        return found.field if found is not None else None
    return own


def keys_of(section: str) -> list[str]:
    """Give every key that a section may hold, the project's own first."""
    return [*PROJECT.get(section, {}), *(arguments() if section in FLATTENED else ())]


def everything() -> list[str]:
    """Give every key that belongs anywhere."""
    return [*(key for fields in PROJECT.values() for key in fields), *arguments()]


def default_of(section: str, key: str) -> Any:
    """Give what the trainer takes where an argument is not set; None where it is no argument, or has no one value."""
    if section not in FLATTENED or key in PROJECT.get(section, {}) or key not in arguments():
        return None
    defaults = arguments()[key].defaults
    return defaults.get("sft", defaults.get("rlhf"))


@functools.lru_cache(maxsize=16_384)
def is_of_rlhf_alone(section: str, key: str) -> bool:
    """Say whether a key is an argument that only a run of rlhf has."""
    argument = arguments().get(key) if section in FLATTENED and key not in PROJECT.get(section, {}) else None
    return argument is not None and "sft" not in argument.defaults


def home_of(key: str) -> str | None:
    """Give the section in which a key belongs, `` for the top of a preset, or None for one that nothing knows."""
    for section, fields in PROJECT.items():
        if key in fields:
            return section
    if key not in arguments():
        return None
    owner = arguments()[key].owner
    if key.startswith("dataloader_"):
        return "data"
    if owner.startswith(_RLHF_OWNERS):
        return "rlhf"
    return _HOME_OF.get(key) or _HOMES.get(owner, "training")


_KINDS: Final = {bool: "bool", int: "int", float: "float", str: "str", list: "list", dict: "dict", type(None): "null"}


def kind_of(value: Any) -> str:
    """Give the kind of a value; `date` for a date, which no argument takes."""
    return _KINDS.get(type(value), "date")


def fits(value: Any, kinds: frozenset[str]) -> bool:
    """Say whether a value is of one of the kinds; a whole number is a number, and a boolean is neither."""
    if "any" in kinds:
        return True
    kind = kind_of(value)
    return kind in kinds or (kind == "int" and "float" in kinds)
