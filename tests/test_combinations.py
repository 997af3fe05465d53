"""combinations: keys that do not fit together are told where the rule is broken, and only there."""

from __future__ import annotations

import re
from typing import Final

import pytest

from checking import GRPO, codes, found_in

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
    (GRPO + "  num_generations: 0\n  generation_batch_size: 5\n", []),
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
