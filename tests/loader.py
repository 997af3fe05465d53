"""The project's loader once more, as plainly as it can be said; it shares nothing with `compiler`."""

from __future__ import annotations

import math
from typing import Any, Final

Values = dict[str, Any]

SECTIONS: Final = ("model", "quantization", "data", "template", "tuner", "training", "rlhf")
"""What is flattened, in this order."""

OWN: Final = ("effective_batch_size", "save_delay_steps", "save_delay_epochs", "save_last_epoch", "llm_kd_weight")
"""Keys of these sections that the loader takes out: the project's own."""


def loaded(config: Values, world_size: int) -> Values:
    """Flatten a config as the project's loader does (its src/config/loader.py)."""
    sections = {name: dict(config.get(name) or {}) for name in SECTIONS}
    is_rlhf = sections["rlhf"].get("rlhf_type") is not None
    if config.get("global_max_length") is not None:
        sections["model"]["max_model_len"] = config["global_max_length"]
        sections["template"].update(max_length=config["global_max_length"], truncation_strategy="raise")
        if is_rlhf and sections["rlhf"].get("vllm_max_model_len") is None:
            sections["rlhf"]["vllm_max_model_len"] = config["global_max_length"]
    asked = sections["training"].get("effective_batch_size")
    if asked is not None:
        at_once = (sections["training"].get("per_device_train_batch_size") or 1) * world_size
        sections["training"]["gradient_accumulation_steps"] = max(1, math.ceil(asked / at_once))
    flat: Values = {}
    for name in SECTIONS:
        if name != "rlhf" or is_rlhf:
            flat.update(sections[name])
    return flat


def arguments(config: Values, world_size: int) -> tuple[str, Values]:
    """Give which arguments the loader would build, `sft` or `rlhf`, and what it would hand to them.

    Without the config of deepspeed and the prompt, which are no keys of these sections.
    """
    flat = {key: value for key, value in loaded(config, world_size).items() if key not in OWN}
    return ("sft" if flat.get("rlhf_type") is None else "rlhf"), flat
