"""combinations: keys that do not fit together are told where the rule is broken, and only there."""

from __future__ import annotations

import re
from typing import Final

import pytest

from checking import GRPO, codes, found_in

BEST: Final = "data: {val_dataset: [v]}\ntraining: {load_best_model_at_end: true, "

TOGETHER: Final = [
    ("custom:\n  augmentation:\n  augmentation_curriculum: {a: 1}\n", ["3:3 curriculum-off"]),
    ("custom:\n  augmentation: {enabled: false}\n  augmentation_curriculum: {}\n", ["3:3 curriculum-off"]),
    ("custom: {augmentation: {enabled: true}, augmentation_curriculum: {a: 1}}\n", []),
    ("custom: {augmentation: {ops: []}, augmentation_curriculum: {a: 1}}\n", []),
    ("custom: {augmentation: null, augmentation_curriculum: null}\n", []),
    ("custom: {augmentation: {enabled: false}}\n", []),
    ("deepspeed: {config: zero2}\n", ["1:1 deepspeed-config"]),
    ("deepspeed: {}\n", ["1:1 deepspeed-config"]),
    ("deepspeed: {enabled: true, config: }\n", ["1:28 deepspeed-config"]),
    ("deepspeed: {enabled: true, config: ''}\n", ["1:28 deepspeed-config"]),
    ("deepspeed: {enabled: true, config: {zero_optimization: {stage: 2}}}\n", []),
    ("deepspeed: {enabled: false}\n", []),
    (GRPO + "  reward_funcs: [a, b]\n  reward_weights: [1]\n", ["4:3 reward-count"]),
    (GRPO + "  reward_funcs: [a]\n  reward_weights: []\n", ["4:3 reward-count"]),
    (GRPO + "  reward_weights: [1.0]\n", ["3:3 reward-count"]),
    (GRPO + "  reward_funcs: [a]\n", []),
    (GRPO + "  reward_funcs: [a]\n  reward_weights: null\n", []),
    (GRPO + "  reward_weights: [1.0]\ntraining: {reward_funcs: [a]}\n", []),
    (GRPO + "  reward_model: [m]\n  reward_funcs: [a]\n  reward_weights: [1.0, 2.0]\n", []),
    ("rlhf: {rlhf_type: dpo, reward_weights: [1.0]}\n", []),
    ("rlhf: {reward_weights: [1.0]}\n", []),
    (GRPO + "  generation_batch_size: 12\n", ["3:3 grpo-batch"]),
    (GRPO + "  generation_batch_size: 3\n  num_generations: 4\n", ["3:3 grpo-batch"]),
    (GRPO + "  generation_batch_size: 16\n", []),
    (GRPO + "  generation_batch_size: null\n  num_generations: 5\n", []),
    (GRPO + "  num_generations: 0\n  generation_batch_size: 5\n", ["3:3 grpo-batch"]),
    (GRPO + "  num_generations: 1\n", ["3:3 grpo-batch"]),
    (GRPO + "  num_generations: 2\n", []),
    ("rlhf: {rlhf_type: gkd, num_generations: 1}\n", []),
    (GRPO + "  generation_batch_size: 16\n  steps_per_generation: 2\n", ["3:3 grpo-batch"]),
    (GRPO + "  generation_batch_size: 16\n  steps_per_generation: null\n", []),
    (GRPO + "  steps_per_generation: 2\n", []),
    ("rlhf: {rlhf_type: dpo, generation_batch_size: 16, steps_per_generation: 2}\n", []),
    (GRPO + "global_max_length: 9\n", ["3:1 grpo-truncation"]),
    (GRPO + "  truncation_strategy: left\nglobal_max_length: 9\n", []),
    (GRPO + "  truncation_strategy: raise\n", ["3:3 grpo-truncation"]),
    (GRPO + "template: {truncation_strategy: right}\n", ["3:12 grpo-truncation"]),
    (GRPO + "  truncation_strategy: delete\ntemplate: {truncation_strategy: right}\n", []),
    (GRPO + "  truncation_strategy: null\ntemplate: {truncation_strategy: right}\n", []),
    (GRPO + "template: {truncation_strategy: left}\n", []),
    ("global_max_length: 9\nrlhf: {rlhf_type: dpo}\n", []),
    ("rlhf: {rlhf_type: dpo, generation_batch_size: 3, num_generations: 2}\n", []),
    ("custom: {grpo: {chord: {enabled: true}}}\n", ["1:25 chord-config"]),
    ("rlhf: {rlhf_type: dpo}\ncustom: {grpo: {chord: {enabled: true}}}\n", ["2:25 chord-config"]),
    (GRPO + "custom: {grpo: {chord: {enabled: true}}}\n", []),
    (GRPO + "custom: {grpo: {chord: {enabled: false}}}\ndeepspeed: {enabled: true, config: zero2}\n", []),
    (GRPO + "custom: {grpo: {chord: {enabled: true}}}\ndeepspeed: {enabled: false, config: zero2}\n", []),
    (GRPO + "custom: {grpo: {chord: {enabled: true}}}\ndeepspeed: {enabled: true, config: zero3_offload}\n", []),
    (GRPO + "custom: {grpo: {chord: {enabled: true}}}\ndeepspeed: {enabled: true, config: my.json}\n", []),
    (
        GRPO + "custom: {grpo: {chord: {enabled: true}}}\ndeepspeed: {enabled: true, config: zero1}\n",
        ["3:25 chord-config"],
    ),
    (
        GRPO + "custom: {grpo: {chord: {enabled: true}}}\n"
        "deepspeed: {enabled: true, config: {zero_optimization: {stage: 2}}}\n",
        ["3:25 chord-config"],
    ),
    ("data: {dataset: []}\n", ["1:8 missing-partner"]),
    ("data: {dataset: '', cached_dataset: []}\n", ["1:8 missing-partner"]),
    ("data: {dataset: []}\ntraining: {cached_dataset: [a]}\n", []),
    ("quantization: {quant_method: quanto}\n", ["1:16 missing-partner"]),
    ("quantization: {quant_method: quanto, quant_bits: 8}\n", []),
    ("quantization: {quant_method: fp8}\n", []),
    ("model: {task_type: seq_cls}\n", ["1:9 missing-partner"]),
    ("model: {task_type: seq_cls, num_labels: 2}\n", []),
    ("training: {packing: true}\n", ["1:12 missing-partner"]),
    ("training: {packing: true}\nmodel: {attn_impl: sdpa}\n", ["1:12 missing-partner"]),
    ("training: {packing: true}\nmodel: {attn_impl: flash_attention_2}\n", []),
    ("training: {packing: false}\n", []),
    ("template: {padding_free: true}\n", ["1:12 missing-partner"]),
    ("training: {save_strategy: best}\n", ["1:12 missing-partner"]),
    ("training: {save_strategy: best, eval_strategy: null}\n", ["1:12 missing-partner"]),
    ("training: {save_strategy: best, eval_strategy: epoch}\n", []),
    (GRPO + "  async_generate: true\n", ["3:3 missing-partner"]),
    (GRPO + "  async_generate: true\n  use_vllm: true\n  vllm_server_host: [h]\n", []),
    (GRPO + "  async_generate: true\n  use_vllm: true\n  vllm_server_base_url: [h]\n", []),
    (GRPO + "  async_generate: true\n  vllm_mode: server\n", []),
    (GRPO + "  async_generate: true\n  vllm_mode: colocate\n", ["3:3 missing-partner"]),
    ("rlhf: {rlhf_type: dpo, async_generate: true}\n", []),
    (GRPO + "  ref_model: m\n", ["3:3 missing-partner"]),
    (GRPO + "  ref_model: m\ntuner: {train_type: full}\n", []),
    (GRPO + "  ref_model: m\n  beta: 0.0\n", []),
    ("rlhf: {rlhf_type: dpo, ref_model: m}\n", ["1:24 missing-partner"]),
    ("rlhf: {rlhf_type: dpo, ref_model: null}\n", []),
    ("rlhf: {ref_model: m}\n", []),
    (GRPO + "training: {cached_dataset: [a]}\n", ["3:12 missing-partner"]),
    ("training: {cached_dataset: [a]}\n", []),
    (GRPO + "  vllm_reasoning_parser: m\n", ["3:3 missing-partner"]),
    ("model: {torch_dtype: bfloat16}\ntraining: {fp16: true}\n", ["2:12 precision-clash"]),
    ("model: {torch_dtype: float16}\ntraining: {bf16: true}\n", ["2:12 precision-clash"]),
    ("model: {torch_dtype: float32}\ntraining: {bf16: true, fp16: null}\n", ["2:12 precision-clash"]),
    ("training: {bf16: true, fp16: true}\n", ["1:24 precision-clash"]),
    ("model: {torch_dtype: bfloat16}\ntraining: {fp16: true, bf16: false}\n", []),
    ("model: {torch_dtype: bfloat16}\ntraining: {bf16: true}\n", []),
    ("training: {fp16: true}\n", []),
    (BEST + "save_strategy: epoch}\n", []),
    (BEST + "save_strategy: epoch, eval_strategy: steps}\n", ["2:12 best-model"]),
    (BEST + "save_strategy: best, eval_strategy: steps}\n", []),
    (BEST + "eval_strategy: 'no'}\n", ["2:12 best-model"]),
    (BEST + "save_steps: 100, eval_steps: 40}\n", ["2:12 best-model"]),
    (BEST + "save_steps: 100, eval_steps: 50}\n", []),
    (BEST + "eval_steps: 200}\n", ["2:12 best-model"]),
    (BEST + "save_steps: 0.2, eval_steps: 50}\n", ["2:12 best-model"]),
    (BEST + "save_steps: 0.3, eval_steps: 0.1}\n", []),
    (BEST + "save_steps: 0.3, eval_steps: 0.2}\n", ["2:12 best-model"]),
    (BEST + "save_strategy: epoch, save_steps: 100, eval_steps: 40}\n", []),
    ("training: {load_best_model_at_end: true}\n", ["1:12 best-model"]),
    ("training: {load_best_model_at_end: false}\n", []),
]


@pytest.mark.parametrize(("text", "expected"), TOGETHER)
def test_what_must_fit_together_is_checked(text: str, expected: list[str]) -> None:
    """Each rule across keys is told where it is broken, and only there."""
    assert codes(text) == expected


@pytest.mark.parametrize("batch", [3, 5, 12, 23])
def test_the_batch_that_a_hint_names_fits(batch: int) -> None:
    """Each number in the hint of `grpo-batch` holds whole groups of generations."""
    text = GRPO + "  num_generations: {}\n  generation_batch_size: {}\n"
    told = re.findall(r"`([1-9]\d*)`", found_in(text.format(7, batch))[0].hint)
    assert len(told) == found_in(text.format(7, batch))[0].hint.count("`") / 2
    assert [codes(text.format(7, number)) for number in told] == [[]] * len(told)


def test_steps_that_are_no_numbers_are_left_to_their_types() -> None:
    """A text for a number is told once, and not computed with; nor does any number stop the check."""
    huge = found_in(BEST + f"save_steps: {10**400}, eval_steps: 1.5}}\n")
    assert [one.code for one in huge] == ["best-model", "out-of-range"]
    assert codes(BEST + "save_steps: '100', eval_steps: 40}\n") == ["2:42 wrong-type"]
