"""Writes config trees shaped like ours, of any size: the same bytes for the same size, on every machine.

    python benchmarks/trees.py FOLDER --presets 1000 --shape flat

A tree of N presets has a base, 40 components in eight groups, 4 fusion bases, and a fusion variant per ten presets. A
preset extends the base and 7 or 8 components, sets 7 keys of its own, and resolves to 248 lines of block YAML; its mix
to 56. In the `family` shape twenty presets extend one shared file, which holds most of the list. Every tree names the
trainer in `[tool.trainlock]`, so that all checks run; some warn that the order of two components decides a value.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final, Literal

Shape = Literal["flat", "family"]

GROUPS: Final = ("model", "tuner", "training", "data", "summary", "augmentation", "prompts", "mode")
"""The groups of components, in merge order; the last one is left out by every other preset."""

PER_GROUP: Final = 5
"""How many components a group has: 40 in all."""

MIX_BASES: Final = 4
PRESETS_PER_MIX: Final = 10
PRESETS_PER_FAMILY: Final = 20
PRESETS_PER_FOLDER: Final = 500

SETTINGS: Final = """\
[tool.trainlock]
configs = "configs"
build = "build"
presets = ["train/**/*.yaml"]
components = ["components/**/*.yaml"]
fusion = ["fusion/variants/**/*.yaml"]
fusion-key = "custom.fusion_config"
trainer = "ms-swift 3.10.3"
extends-keys = ["extends", "inherit"]
"""

DODO: Final = """\
from compiler import tasks

DOIT_CONFIG = tasks.config()
task_lock, task_prune, task_check, task_prove, task_report = tasks.creators()
"""

BASE: Final[dict[str, Any]] = {
    "model": {"torch_dtype": "bfloat16", "attn_impl": "flash_attention_2"},
    "template": {"template": "qwen3_vl", "truncation_strategy": "right", "max_pixels": 1572864},
    "training": {"log_level": "passive", "half_precision_backend": "auto", "project": "trainlock"},
}

SWITCHES: Final[dict[str, list[str]]] = {
    "training": [
        "add_version",
        "average_tokens_across_devices",
        "create_checkpoint_symlink",
        "eval_do_concat_batches",
        "gradient_checkpointing",
        "group_by_length",
        "include_tokens_per_second",
        "log_on_each_node",
        "logging_first_step",
        "logging_nan_inf_filter",
        "packing",
        "remove_unused_columns",
        "save_on_each_node",
        "save_only_model",
        "save_safetensors",
        "skip_memory_metrics",
        "train_dataloader_shuffle",
    ],
    "tuner": ["freeze_aligner", "freeze_llm", "freeze_vit", "use_dora", "use_rslora", "use_swift_lora"],
    "data": [
        "dataloader_drop_last",
        "dataloader_persistent_workers",
        "dataloader_pin_memory",
        "load_from_cache_file",
        "val_dataset_shuffle",
    ],
}

NUMBERS: Final[dict[str, dict[str, int | float]]] = {
    "training": {
        "num_train_epochs": 30,
        "per_device_train_batch_size": 1,
        "per_device_eval_batch_size": 2,
        "vit_lr": 1e-4,
        "aligner_lr": 6e-4,
        "warmup_ratio": 0.1,
        "weight_decay": 0.01,
        "max_grad_norm": 0.5,
        "adam_beta1": 0.9,
        "adam_beta2": 0.95,
        "adam_epsilon": 1e-8,
        "label_smoothing_factor": 0.05,
        "eval_steps": 40,
        "save_steps": 40,
        "save_total_limit": 2,
        "logging_steps": 10,
    },
    "tuner": {
        "lora_alpha": 64,
        "lora_dropout": 0.1,
        "vera_rank": 256,
        "adapter_length": 128,
        "boft_block_size": 4,
        "boft_block_num": 2,
        "boft_n_butterfly_factor": 1,
        "fourier_n_frequency": 2000,
        "fourier_scaling": 300.0,
        "vera_d_initial": 0.1,
        "vera_dropout": 0.05,
        "adalora_init_r": 12,
        "adalora_target_r": 8,
        "adalora_beta1": 0.85,
        "adalora_beta2": 0.83,
        "galore_rank": 128,
        "galore_scale": 0.75,
        "galore_update_proj_gap": 50,
    },
    "data": {"dataset_num_proc": 8, "dataloader_num_workers": 4, "dataloader_prefetch_factor": 2},
}

AUGMENTATIONS: Final = [
    "hflip",
    "vflip",
    "rotate",
    "crop",
    "zoom",
    "scale",
    "jitter",
    "gamma",
    "hsv",
    "clahe",
    "contrast",
    "sharpness",
    "expand",
    "blur",
    "noise",
]


def nudged(value: int | float, number: int) -> int | float:
    """Give each component of a group a number of its own, so that no two of them say the same."""
    return value + number if isinstance(value, int) else round(value * (1 - number / 20), 12)


def switches(section: str, number: int) -> dict[str, Any]:
    """Give the booleans of a section; each component has its own pattern."""
    return {name: (place * 7 + number * 3) % 5 < 2 for place, name in enumerate(SWITCHES[section])}


def numbers(section: str, number: int) -> dict[str, Any]:
    """Give the numbers of a section."""
    return {name: nudged(value, number) for name, value in NUMBERS[section].items()}


def component(group: str, number: int) -> dict[str, Any]:
    """Give a component: exactly one section."""
    if group == "model":
        return {"model": {"model": f"model_cache/models/Qwen/Qwen3-VL-{2 + number}B-Instruct"}}
    if group == "tuner":
        lists = {"target_modules": ["all-linear"], "modules_to_save": ["embed_tokens", f"head_{number}"]}
        return {"tuner": {"train_type": "lora", **switches("tuner", number), **numbers("tuner", number), **lists}}
    if group == "training":
        scheduler = {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr": nudged(1e-6, number)}}
        rest = {"eval_strategy": "steps", "save_strategy": "steps", "report_to": ["tensorboard"]}
        return {"training": {**numbers("training", number), **switches("training", number), **scheduler, **rest}}
    if group == "data":
        return {"data": {"dataset": [f"dummy_{number}"], **switches("data", number), **numbers("data", number)}}
    if group == "summary":
        metrics = {"enabled": True, "include": ["bbu", "rru", f"set_{number}"], "exclude": ["lang_chat"]}
        paths = {"train_jsonl": f"data/set_{number}/train.jsonl", "val_jsonl": f"data/set_{number}/val.jsonl"}
        return {"custom": {"json_format": "standard", "emit_norm": "norm1000", **paths, "token_type_metrics": metrics}}
    if group == "augmentation":
        operations = [
            {"name": name, "params": {"prob": nudged(0.05 + place / 100, number), "limits": [0.9, 1.0 + place / 10]}}
            for place, name in enumerate(AUGMENTATIONS)
        ]
        marks = {"limits": [0.9, 1.4], "class_whitelist": ["类别=BBU安装螺丝", "类别=地排处接地螺丝", f"类别={number}"]}
        operations[4] = {"name": AUGMENTATIONS[4], "params": {"prob": nudged(0.09, number), **marks}}
        phases = [
            {"until_percent": end, "ops": {name: {"prob": nudged(end / 100, number)} for name in AUGMENTATIONS[:4]}}
            for end in (20, 40, 60)
        ]
        augmentation = {"enabled": True, "bypass_prob": nudged(0.12, number), "ops": operations}
        return {"custom": {"augmentation": augmentation, "augmentation_curriculum": {"phases": phases}}}
    if group == "prompts":
        return {
            "prompts": {"profile": f"runtime_{number}", "domain": "bbu", "system": f"Answer in form {number}: 简短。"}
        }
    over = {"warmup_ratio": 0.25, "max_grad_norm": 1.5, "eval_steps": 100, "save_steps": 100, "logging_steps": 25}
    return {"training": {name: nudged(value, 2 * number) for name, value in over.items()}}


def mix_base(number: int) -> dict[str, Any]:
    """Give a fusion base: two targets without their data, four sources."""
    targets = [
        {"name": f"{name}_dense", "dataset": name, "template": f"target_{name}", "mode": "dense", "ratio": 1.0}
        for name in ("bbu", "rru")
    ]
    sources = [
        {
            "name": name,
            "dataset": dataset,
            "train_jsonl": f"public_data/{name}_{number}/train.jsonl",
            "ratio": nudged(0.1, number),
            "template": f"source_{name}",
            "mode": "dense",
            "sample_without_replacement": True,
            "augmentation_enabled": dataset == "bbu",
            "curriculum_enabled": False,
            "max_objects_per_image": 20 + number,
        }
        for name, dataset in (("lvis", "lvis"), ("bbu_summary", "bbu"), ("rru_summary", "rru"), ("lang_chat", "chat"))
    ]
    return {"targets": targets, "sources": sources}


def mix_variant(number: int) -> dict[str, Any]:
    """Give a fusion variant: the data of the two targets."""
    targets = [
        {
            "name": f"{name}_dense",
            "train_jsonl": f"data/{name}_{number:05d}/train.jsonl",
            "val_jsonl": f"data/{name}_{number:05d}/val.jsonl",
        }
        for name in ("bbu", "rru")
    ]
    return {"extends": f"../../base/mix_{number % MIX_BASES}.yaml", "targets": targets}


def preset_path(number: int) -> str:
    """Give the path of a preset below the config root."""
    return f"train/set_{number // PRESETS_PER_FOLDER:03d}/p{number:06d}.yaml"


def variant_path(number: int) -> str:
    """Give the path of a fusion variant below the config root."""
    return f"fusion/variants/set_{number // PRESETS_PER_FOLDER:03d}/v{number:05d}.yaml"


def chosen(number: int, group: int) -> str:
    """Give the component of a group that a preset extends, from the folder of presets."""
    pick = (number + number // PER_GROUP * group + number // PER_GROUP**2 * (group // 2)) % PER_GROUP
    return f"../../components/{GROUPS[group]}/c{pick}.yaml"


def preset(number: int, presets: int, shape: Shape) -> dict[str, Any]:
    """Give a preset: what it extends, and seven keys of its own."""
    family = number // PRESETS_PER_FAMILY
    if shape == "family":
        bases = [f"../../families/f{family:05d}.yaml", chosen(number, 6)]
    else:
        bases = ["../../base.yaml", *(chosen(number, group) for group in range(len(GROUPS) - 1))]
    if number % 2:
        bases.append(chosen(number, len(GROUPS) - 1))
    mixes = max(1, presets // PRESETS_PER_MIX)
    return {
        "extends": bases,
        "training": {
            "learning_rate": round(2e-4 + number * 1e-9, 12),
            "output_dir": f"./output/p{number:06d}",
            "logging_dir": f"./tb/p{number:06d}",
            "run_name": f"p{number:06d}",
            "seed": 1000 + number,
        },
        "tuner": {"lora_rank": 8 + number % 57},
        "custom": {"fusion_config": f"configs/{variant_path(number % mixes)}"},
    }


def family(number: int) -> dict[str, Any]:
    """Give the file that a family of presets extends."""
    return {"extends": ["../base.yaml", *(chosen(number, group)[3:] for group in range(len(GROUPS) - 2))]}


def files(presets: int, shape: Shape = "flat") -> dict[str, dict[str, Any]]:
    """Give the documents of a tree by their path below the config root."""
    made: dict[str, dict[str, Any]] = {"base.yaml": BASE}
    for group in GROUPS:
        for number in range(PER_GROUP):
            made[f"components/{group}/c{number}.yaml"] = component(group, number)
    for number in range(MIX_BASES):
        made[f"fusion/base/mix_{number}.yaml"] = mix_base(number)
    for number in range(max(1, presets // PRESETS_PER_MIX)):
        made[variant_path(number)] = mix_variant(number)
    if shape == "family":
        for number in range(-(-presets // PRESETS_PER_FAMILY)):
            made[f"families/f{number:05d}.yaml"] = family(number)
    for number in range(presets):
        made[preset_path(number)] = preset(number, presets, shape)
    return made


def block(value: Any, indent: int = 0) -> str:
    """Write a value as people write YAML: block style, short lists of scalars on one line."""
    pad = "  " * indent
    if isinstance(value, dict):
        return "".join(f"{pad}{key}:{_behind(child, indent)}" for key, child in value.items())
    lines = []
    for item in value:
        inner = block(item, indent + 1) if isinstance(item, dict) else f"{pad}  {_scalar(item)}\n"
        lines.append(f"{pad}- {inner[len(pad) + 2 :]}")
    return "".join(lines)


def _behind(value: Any, indent: int) -> str:
    if isinstance(value, list) and not any(isinstance(item, dict) for item in value) and len(value) < 5:
        return " [" + ", ".join(_scalar(item) for item in value) + "]\n"
    return "\n" + block(value, indent + 1) if isinstance(value, (dict, list)) else f" {_scalar(value)}\n"


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        digits, letter, exponent = repr(value).partition("e")
        return f"{digits if '.' in digits else digits + '.0'}{letter}{exponent}"
    text = str(value)
    return f'"{text}"' if isinstance(value, str) and (": " in text or "=" in text) else text


def write(root: Path, presets: int, shape: Shape = "flat") -> int:
    """Write a tree below a folder; gives the number of its fragments."""
    documents = files(presets, shape)
    made = set()
    for path, document in documents.items():
        file = root / "configs" / path
        if file.parent not in made:
            file.parent.mkdir(parents=True, exist_ok=True)
            made.add(file.parent)
        file.write_text(block(document), encoding="utf-8")
    (root / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")
    (root / "dodo.py").write_text(DODO, encoding="utf-8")
    return len(documents)


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description="Write a config tree of a given size.")
    asked.add_argument("folder", type=Path)
    asked.add_argument("--presets", type=int, default=1000)
    asked.add_argument("--shape", choices=("flat", "family"), default="flat")
    options = asked.parse_args()
    print(f"{write(options.folder, options.presets, options.shape)} fragments")
