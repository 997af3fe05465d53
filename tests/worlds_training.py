"""Worlds that fail before their trainer would: keys, types, choices, and what must fit together."""

from __future__ import annotations

from typing import Any, Final

from world import P, World

_GIVEN: Final[dict[str, Any]] = {"trainer": "ms-swift 3.10.3"}

TRAINING: Final = [
    World(
        "unknown-section",
        {P: "trainning:\n  seed: 17\n"},
        (
            "configs/train/p.yaml:1:1: error: `trainning` is no section [unknown-section]\n"
            "    1 | trainning:\n"
            "      | ^\n"
            "  why: the loader keeps what it does not know at the top of a preset, and trains without it\n"
            "  hint: did you mean `training`?"
        ),
        given=_GIVEN,
    ),
    World(
        "unknown-section",
        {P: "learning_rate: 1.0e-4\n"},
        (
            "configs/train/p.yaml:1:1: error: `learning_rate` is no section [unknown-section]\n"
            "    1 | learning_rate: 1.0e-4\n"
            "      | ^\n"
            "  why: the loader keeps what it does not know at the top of a preset, and trains without it\n"
            "  hint: `learning_rate` belongs in `training`"
        ),
        given=_GIVEN,
    ),
    World(
        "unknown-section",
        {P: "notes: for people\n"},
        (
            "configs/train/p.yaml:1:1: warning: `notes` is no section [unknown-section]\n"
            "    1 | notes: for people\n"
            "      | ^\n"
            "  why: the loader keeps what it does not know at the top of a preset, and trains without it\n"
            "  hint: the sections are `model`, `quantization`, `data`, `template`, `tuner`, `training`, "
            "`rlhf`, `deepspeed`, `prompts`, `custom`"
        ),
        given=_GIVEN,
    ),
    World(
        "unknown-argument",
        {P: "training:\n  learning_rat: 1.0e-4\n"},
        (
            "configs/train/p.yaml:2:3: error: `training` has no `learning_rat` [unknown-argument]\n"
            "    2 |   learning_rat: 1.0e-4\n"
            "      |   ^\n"
            "  why: the trainer refuses an argument that it does not have\n"
            "  hint: did you mean `learning_rate`?"
        ),
        given=_GIVEN,
    ),
    World(
        "unknown-argument",
        {P: "extends: ../components/tuner.yaml\n", "configs/components/tuner.yaml": "tuner:\n  learning_rte: 1.0e-4\n"},
        (
            "configs/components/tuner.yaml:2:3: error: `tuner` has no `learning_rte` [unknown-argument]\n"
            "    2 |   learning_rte: 1.0e-4\n"
            "      |   ^\n"
            "  why: the trainer refuses an argument that it does not have\n"
            "  note: configs/train/p.yaml is the preset that gets it\n"
            "  hint: did you mean `learning_rate`, in `training`?"
        ),
        given=_GIVEN,
    ),
    World(
        "unknown-argument",
        {P: "training:\n  num_generations: 4\n"},
        (
            "configs/train/p.yaml:2:3: error: `training.num_generations` is an argument of rlhf alone "
            "[unknown-argument]\n"
            "    2 |   num_generations: 4\n"
            "      |   ^\n"
            "  why: `rlhf.rlhf_type` is not set, and the arguments of any other run have no such key\n"
            "  hint: set `rlhf.rlhf_type`, or take the key out"
        ),
        given=_GIVEN,
    ),
    World(
        "unknown-argument",
        {P: "custom:\n  summary_ratio: 0.5\n"},
        (
            "configs/train/p.yaml:2:3: error: `custom` has no `summary_ratio` [unknown-argument]\n"
            "    2 |   summary_ratio: 0.5\n"
            "      |   ^\n"
            "  why: the project took the key out, and stops where a preset still holds it\n"
            "  hint: take the key out"
        ),
        given=_GIVEN,
    ),
    World(
        "wrong-type",
        {P: "training:\n  learning_rate: 2e-5\n"},
        (
            'configs/train/p.yaml:2:3: error: `training.learning_rate` is the text `"2e-5"`, and takes a '
            "number [wrong-type]\n"
            "    2 |   learning_rate: 2e-5\n"
            "      |   ^\n"
            "  why: YAML 1.1 reads a number with an exponent only where it has a dot and a sign; anything "
            "else is a text\n"
            "  hint: write `2.0e-5`"
        ),
        given=_GIVEN,
    ),
    World(
        "wrong-type",
        {P: "training:\n  gradient_checkpointing: 'false'\n"},
        (
            'configs/train/p.yaml:2:3: error: `training.gradient_checkpointing` is the text `"false"`, and '
            "takes a boolean [wrong-type]\n"
            "    2 |   gradient_checkpointing: 'false'\n"
            "      |   ^\n"
            "  why: any text counts as true, `false` as well\n"
            "  hint: write `false`, without quotes"
        ),
        given=_GIVEN,
    ),
    World(
        "wrong-type",
        {P: "training:\n  save_strategy: no\n"},
        (
            "configs/train/p.yaml:2:3: error: `training.save_strategy` is the boolean `false`, and takes a "
            "text [wrong-type]\n"
            "    2 |   save_strategy: no\n"
            "      |   ^\n"
            "  why: YAML 1.1 reads `yes`, `no`, `on` and `off` as booleans\n"
            '  hint: write `"no"`'
        ),
        given=_GIVEN,
    ),
    World(
        "wrong-type",
        {P: "training:\n  weight_decay:\n"},
        (
            "configs/train/p.yaml:2:3: error: `training.weight_decay` is null, and takes a number "
            "[wrong-type]\n"
            "    2 |   weight_decay:\n"
            "      |   ^\n"
            "  why: null does not bring back what the trainer takes by itself\n"
            "  hint: write `0.1`, which is the trainer's own"
        ),
        given=_GIVEN,
    ),
    World(
        "wrong-choice",
        {P: "training:\n  save_strategy: step\n"},
        (
            "configs/train/p.yaml:2:3: error: `training.save_strategy` is `step`, which is none of its "
            "choices [wrong-choice]\n"
            "    2 |   save_strategy: step\n"
            "      |   ^\n"
            "  hint: did you mean `steps`?"
        ),
        given=_GIVEN,
    ),
    World(
        "wrong-choice",
        {P: "custom:\n  emit_norm: full\n"},
        (
            "configs/train/p.yaml:2:3: error: `custom.emit_norm` is `full`, which is none of its choices "
            "[wrong-choice]\n"
            "    2 |   emit_norm: full\n"
            "      |   ^\n"
            '  hint: it takes `"none"`, `norm100`, `norm1000`'
        ),
        given=_GIVEN,
    ),
    World(
        "curriculum-off",
        {P: "custom:\n  augmentation: {enabled: false}\n  augmentation_curriculum: {phases: []}\n"},
        (
            "configs/train/p.yaml:3:3: error: `custom.augmentation_curriculum` is set, and augmentation is "
            "off [curriculum-off]\n"
            "    3 |   augmentation_curriculum: {phases: []}\n"
            "      |   ^\n"
            "  why: the trainer stops with an error\n"
            "  note: configs/train/p.yaml:2:18 turns augmentation off\n"
            "  hint: write `augmentation_curriculum: null`, or turn augmentation on"
        ),
        given=_GIVEN,
    ),
    World(
        "deepspeed-config",
        {P: "deepspeed:\n  enabled: true\n"},
        (
            "configs/train/p.yaml:2:3: error: deepspeed is enabled, and has no config [deepspeed-config]\n"
            "    2 |   enabled: true\n"
            "      |   ^\n"
            "  why: the project stops with an error\n"
            "  hint: name one, such as `config: zero2`, or write `enabled: false`"
        ),
        given=_GIVEN,
    ),
    World(
        "deepspeed-config",
        {P: "deepspeed:\n  config: zero2\n"},
        (
            "configs/train/p.yaml:1:1: error: `deepspeed` does not say whether it is enabled "
            "[deepspeed-config]\n"
            "    1 | deepspeed:\n"
            "      | ^\n"
            "  why: the project stops with an error\n"
            "  hint: write `enabled: true` or `enabled: false` there"
        ),
        given=_GIVEN,
    ),
    World(
        "reward-count",
        {P: "rlhf:\n  rlhf_type: grpo\n  reward_funcs: [format, accuracy]\n  reward_weights: [1.0]\n"},
        (
            "configs/train/p.yaml:4:3: error: 2 reward functions and 1 weight do not match [reward-count]\n"
            "    4 |   reward_weights: [1.0]\n"
            "      |   ^\n"
            "  why: the trainer stops with an error\n"
            "  note: configs/train/p.yaml:3:3 lists the functions\n"
            "  hint: give each function one weight, in the same order"
        ),
        given=_GIVEN,
    ),
    World(
        "grpo-batch",
        {P: "rlhf:\n  rlhf_type: grpo\n  num_generations: 5\n  generation_batch_size: 24\n"},
        (
            "configs/train/p.yaml:4:3: error: `generation_batch_size` 24 is no multiple of "
            "`num_generations` 5 [grpo-batch]\n"
            "    4 |   generation_batch_size: 24\n"
            "      |   ^\n"
            "  why: the trainer stops with an error: it compares whole groups of generations\n"
            "  note: configs/train/p.yaml:3:3 sets the generations\n"
            "  hint: write `20` or `25`"
        ),
        given=_GIVEN,
    ),
    World(
        "grpo-batch",
        {P: "rlhf:\n  rlhf_type: grpo\n  generation_batch_size: 12\n"},
        (
            "configs/train/p.yaml:3:3: error: `generation_batch_size` 12 is no multiple of "
            "`num_generations` 8 [grpo-batch]\n"
            "    3 |   generation_batch_size: 12\n"
            "      |   ^\n"
            "  why: the trainer stops with an error: it compares whole groups of generations\n"
            "  hint: write `8` or `16`; `num_generations` is the trainer's own, as it is not set"
        ),
        given=_GIVEN,
    ),
    World(
        "grpo-batch",
        {P: "rlhf:\n  rlhf_type: grpo\n  generation_batch_size: 16\n  steps_per_generation: 2\n"},
        (
            "configs/train/p.yaml:3:3: error: `generation_batch_size` and `steps_per_generation` are both set "
            "[grpo-batch]\n"
            "    3 |   generation_batch_size: 16\n"
            "      |   ^\n"
            "  why: the trainer stops with an error: each follows from the other\n"
            "  note: configs/train/p.yaml:4:3 sets the steps\n"
            "  hint: take one of them out, or set it to null"
        ),
        given=_GIVEN,
    ),
    World(
        "grpo-batch",
        {P: "rlhf:\n  rlhf_type: grpo\n  num_generations: 1\n"},
        (
            "configs/train/p.yaml:3:3: error: `num_generations` is 1, and GRPO compares 2 at least [grpo-batch]\n"
            "    3 |   num_generations: 1\n"
            "      |   ^\n"
            "  why: the trainer stops with an error"
        ),
        given=_GIVEN,
    ),
    World(
        "grpo-truncation",
        {P: "global_max_length: 9000\nrlhf:\n  rlhf_type: grpo\n"},
        (
            "configs/train/p.yaml:1:1: error: `truncation_strategy` is `raise`, and GRPO takes `left` or `delete` "
            "[grpo-truncation]\n"
            "    1 | global_max_length: 9000\n"
            "      | ^\n"
            "  why: `global_max_length` forces it, and the trainer stops with an error\n"
            "  hint: write `truncation_strategy: delete` below `rlhf`, which wins over every other section"
        ),
        given=_GIVEN,
    ),
    World(
        "missing-partner",
        {P: "training:\n  save_strategy: best\n"},
        (
            "configs/train/p.yaml:2:3: error: `save_strategy` is `best`, and needs `eval_strategy` [missing-partner]\n"
            "    2 |   save_strategy: best\n"
            "      |   ^\n"
            "  why: the trainer stops with an error"
        ),
        given=_GIVEN,
    ),
    World(
        "precision-clash",
        {P: "model:\n  torch_dtype: bfloat16\ntraining:\n  fp16: true\n"},
        (
            "configs/train/p.yaml:4:3: error: `fp16` and `bf16` are both on [precision-clash]\n"
            "    4 |   fp16: true\n"
            "      |   ^\n"
            "  why: the trainer stops with an error\n"
            "  note: configs/train/p.yaml:2:3 turns the other on, as it is not set\n"
            "  hint: switch one of them off, with `false`"
        ),
        given=_GIVEN,
    ),
    World(
        "best-model",
        {P: "data:\n  val_dataset: [v]\ntraining:\n  load_best_model_at_end: true\n  eval_strategy: epoch\n"},
        (
            "configs/train/p.yaml:4:3: error: `load_best_model_at_end` is set, and a run saves by `steps` and "
            "evaluates by `epoch` [best-model]\n"
            "    4 |   load_best_model_at_end: true\n"
            "      |   ^\n"
            "  why: the trainer stops with an error\n"
            "  hint: give both the same strategy, or save by `best`"
        ),
        given=_GIVEN,
    ),
    World(
        "out-of-range",
        {P: "training:\n  warmup_ratio: 3\n"},
        (
            "configs/train/p.yaml:2:3: error: `training.warmup_ratio` is `3`, and takes a number from 0 to 1 "
            "[out-of-range]\n"
            "    2 |   warmup_ratio: 3\n"
            "      |   ^\n"
            "  hint: `warmup_steps` takes a number of steps"
        ),
        given=_GIVEN,
    ),
]
