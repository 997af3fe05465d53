"""effective: what the trainer makes of a resolved preset, each rule where it holds and where it does not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from builders import REPOSITORY, typed
from compiler.effective import ACCUMULATION, FORCED_LENGTH, LAST_SECTION, RULES, effective, rewritten, steps
from compiler.trainer import FLATTENED
from compiler.values import node_of, parse_path, plain, show_path
from documents import shipped_presets
from loader import Values, loaded


def told(values: Values, key: str, world_size: int | None = None) -> list[tuple[Any, str, str]]:
    """Give the steps of a key: the value, the rule, and the key that causes it."""
    found = steps(node_of(values), parse_path(key), world_size)
    return [(plain(step.value), step.rule.name, show_path(step.cause)) for step in found]


def length(value: Any) -> tuple[Any, str, str]:
    """Give a step that `global_max_length` causes."""
    return (value, "global-max-length", "global_max_length")


# ---------------------------------------------------------------------------------------------- the rules as data


def test_every_rule_says_what_it_does_and_who_decides_it() -> None:
    """A rule has a name of its own, a sentence, the file of its code, and a row in docs/questions.md."""
    assert RULES == (FORCED_LENGTH, LAST_SECTION, ACCUMULATION)
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.says
        assert rule.decided_in.startswith("src/config/loader.py")
    page = (REPOSITORY / "docs/questions.md").read_text()
    assert re.findall(r"^\| `([a-z]+(?:-[a-z]+)+)` \|", page, re.M) == [rule.name for rule in RULES]


def test_a_step_carries_the_place_of_its_cause() -> None:
    """What causes a rewrite is told with the node that holds it, so with its place."""
    values = node_of({"global_max_length": 7, "template": {"max_length": 5}})
    (step,) = steps(values, ("template", "max_length"))
    assert step.node is values.value["global_max_length"]
    assert step.rule.says.count("`") % 2 == 0


# ---------------------------------------------------------------------------------------------- global_max_length

RLHF: Values = {"rlhf_type": "dpo"}


@pytest.mark.parametrize(
    ("values", "key", "expected"),
    [
        ({"template": {"max_length": 5}}, "template.max_length", [length(9)]),
        ({}, "template.max_length", [length(9)]),
        ({"template": {"max_length": None}}, "template.max_length", [length(9)]),
        ({"model": {"max_model_len": 5}}, "model.max_model_len", [length(9)]),
        ({}, "model.max_model_len", [length(9)]),
        ({"template": {"truncation_strategy": "right"}}, "template.truncation_strategy", [length("raise")]),
        ({}, "template.truncation_strategy", [length("raise")]),
        ({"rlhf": RLHF}, "rlhf.vllm_max_model_len", [length(9)]),
        ({"rlhf": {**RLHF, "vllm_max_model_len": None}}, "rlhf.vllm_max_model_len", [length(9)]),
        ({"rlhf": {**RLHF, "vllm_max_model_len": 5}}, "rlhf.vllm_max_model_len", []),
        ({"rlhf": {"vllm_max_model_len": None}}, "rlhf.vllm_max_model_len", []),
        ({"rlhf": {"rlhf_type": None}}, "rlhf.vllm_max_model_len", []),
        ({}, "rlhf.vllm_max_model_len", []),
        ({"template": {"max_pixels": 5}}, "template.max_pixels", []),
        ({"model": {"max_length": 5}}, "model.max_pixels", []),
    ],
)
def test_a_forced_length_takes_the_place_of_its_four_targets(values: Values, key: str, expected: list[Any]) -> None:
    """Both lengths and the truncation always; the rollout's length only in RLHF, and only where it is not said."""
    assert told({**values, "global_max_length": 9}, key) == expected


@pytest.mark.parametrize("values", [{}, {"global_max_length": None}])
@pytest.mark.parametrize(
    "key", ["template.max_length", "model.max_model_len", "template.truncation_strategy", "rlhf.vllm_max_model_len"]
)
def test_without_a_forced_length_nothing_is_rewritten(values: Values, key: str) -> None:
    """Null is no length: all four targets stay as they were authored."""
    section, name = key.split(".")
    authored = {**values, section: {name: 5, "rlhf_type": "dpo"}}
    assert told(authored, key) == []
    assert effective(node_of(authored), parse_path(key)) == 5


# ---------------------------------------------------------------------------------------------- the last section


@pytest.mark.parametrize("first", range(len(FLATTENED)))
@pytest.mark.parametrize("second", range(len(FLATTENED)))
def test_the_last_section_that_holds_a_key_wins(first: int, second: int) -> None:
    """Of two sections the later one in the order of flattening; the winner itself is not rewritten."""
    if first == second:
        return
    one, two = FLATTENED[first], FLATTENED[second]
    values: Values = {one: {"seed": 1}, two: {"seed": 2}}
    values.setdefault("rlhf", {})["rlhf_type"] = "grpo"
    winner, loser = (one, two) if first > second else (two, one)
    assert told(values, f"{winner}.seed") == []
    assert told(values, f"{loser}.seed") == [(values[winner]["seed"], "last-section", f"{winner}.seed")]


def test_rlhf_wins_only_where_there_is_rlhf() -> None:
    """Without `rlhf_type` no key of `rlhf` becomes an argument: it neither wins nor counts."""
    off: Values = {"training": {"seed": 1}, "rlhf": {"seed": 2, "beta": 0.1}}
    on: Values = {**off, "rlhf": {**off["rlhf"], "rlhf_type": "grpo"}}
    assert told(off, "training.seed") == []
    assert told(off, "rlhf.seed") == [(1, "last-section", "training.seed")]
    assert told(on, "training.seed") == [(2, "last-section", "rlhf.seed")]
    assert [effective(node_of(values), ("rlhf", "beta")) for values in (off, on)] == [None, 0.1]


def test_null_in_the_last_section_wins_too() -> None:
    """A section that holds null holds something."""
    assert told({"model": {"seed": 1}, "training": {"seed": None}}, "model.seed") == [
        (None, "last-section", "training.seed")
    ]


def test_a_key_that_only_another_section_holds_is_answered() -> None:
    """Asked under the wrong section, the argument is told with the section that sets it."""
    assert told({"training": {"seed": 1}}, "data.seed") == [(1, "last-section", "training.seed")]
    assert told({"training": {"seed": 1}}, "data.sead") == []


# ---------------------------------------------------------------------------------------------- accumulation


@pytest.mark.parametrize(
    ("training", "world_size", "expected"),
    [
        ({"effective_batch_size": 32, "per_device_train_batch_size": 2}, 3, 6),
        ({"effective_batch_size": 32, "gradient_accumulation_steps": 5}, 8, 4),
        ({"effective_batch_size": 2}, 16, 1),
        ({"effective_batch_size": 32}, None, None),
        ({"effective_batch_size": None, "gradient_accumulation_steps": 5}, 8, None),
        ({"gradient_accumulation_steps": 5}, 8, None),
        ({"effective_batch_size": "32"}, 8, None),
        ({"effective_batch_size": [32]}, 8, None),
        ({"effective_batch_size": 32, "per_device_train_batch_size": 0}, 8, None),
        ({}, 8, None),
    ],
)
def test_the_batch_asked_for_decides_the_accumulation(
    training: Values, world_size: int | None, expected: int | None
) -> None:
    """Rounded up, whatever was authored; nothing is said without a world size, and nothing of what is no number."""
    cause = "training.effective_batch_size"
    expects = [(expected, "effective-batch-size", cause)] if expected is not None else []
    assert told({"training": training}, "training.gradient_accumulation_steps", world_size) == expects


def test_accumulation_is_decided_before_sections_are_flattened() -> None:
    """What the batch decides in `training` beats `data`, and is beaten by `rlhf`."""
    values: Values = {
        "data": {"gradient_accumulation_steps": 3},
        "training": {"effective_batch_size": 8},
        "rlhf": {"rlhf_type": "grpo"},
    }
    asked = (4, "effective-batch-size", "training.effective_batch_size")
    key = "training.gradient_accumulation_steps"
    assert told(values, key, 2) == [asked]
    assert told(values, "data.gradient_accumulation_steps", 2) == [(4, "last-section", key)]
    values["rlhf"]["gradient_accumulation_steps"] = 7
    assert told(values, key, 2) == [asked, (7, "last-section", "rlhf.gradient_accumulation_steps")]


# ---------------------------------------------------------------------------------------------- chains


def test_a_value_is_followed_through_every_rewrite() -> None:
    """Authored `right`, forced `raise`, effective `delete`."""
    values = {
        "global_max_length": 9,
        "template": {"truncation_strategy": "right"},
        "rlhf": {"rlhf_type": "grpo", "truncation_strategy": "delete"},
    }
    assert told(values, "template.truncation_strategy") == [
        length("raise"),
        ("delete", "last-section", "rlhf.truncation_strategy"),
    ]
    assert effective(node_of(values), ("template", "truncation_strategy")) == "delete"
    assert told(values, "rlhf.truncation_strategy") == []


def test_what_another_section_was_forced_to_is_what_wins() -> None:
    """A later section wins with what the trainer wrote into it, set by hand or not, and not with what was authored."""
    forced = [(9, "last-section", "template.max_length")]
    values: Values = {"global_max_length": 9, "model": {"max_length": 5}}
    assert told(values, "model.max_length") == forced
    assert told({**values, "template": {"max_length": 6}}, "model.max_length") == forced


@pytest.mark.parametrize(
    "key", ["custom.max_length", "global_max_length", "template", "deepspeed.config", "template.max_length.x", "[0]"]
)
def test_a_key_outside_of_the_flattened_sections_is_never_rewritten(key: str) -> None:
    """Nor one above or below an argument."""
    values = {"global_max_length": 9, "custom": {"max_length": 5}, "template": {"max_length": 5, "config": 1}}
    assert told(values, key, 2) == []


@pytest.mark.parametrize("key", ["template[max_length]", "template[0]"])
def test_an_entry_is_no_argument(key: str) -> None:
    """A step into a list names no argument, even if it is called like one."""
    assert told({"global_max_length": 9}, key) == []


@pytest.mark.parametrize("section", [[{"name": "max_length"}], 3, None, "max_length"])
def test_a_section_that_is_no_mapping_holds_no_argument(section: Any) -> None:
    """An entry that is called like an argument is none."""
    values = {"data": section, "model": {"max_length": 5}}
    assert told(values, "model.max_length") == []
    assert list(rewritten(node_of(values))) == []
    assert effective(node_of(values), ("model", "max_length")) == 5


def test_what_was_read_is_not_touched() -> None:
    """Asking changes no node; a value that holds more is given whole."""
    values = node_of({"model": {"kwargs": {"a": [1]}}, "global_max_length": 9})
    before = plain(values)
    assert effective(values, ("model", "kwargs")) == {"a": [1]}
    assert effective(values, ("global_max_length",)) == 9
    list(rewritten(values, 4))
    assert plain(values) == before


# ---------------------------------------------------------------------------------------------- the shipped tree


SHIPPED = {
    # preset: global_max_length, accumulation steps on 4 devices, the truncation in the end
    "debug": None,
    "smoke/group_metrics": (12000, 1, "raise"),
    "smoke/sft_dense_tiny": None,
    "smoke/sft_summary_tiny": None,
    "train/grpo/summary_1024": (16000, 6, "delete"),
    "train/grpo/summary_2048": (16000, 6, "delete"),
    "train/grpo/summary_base": (16000, 6, "delete"),
    "train/grpo/summary_server": (16000, 6, "delete"),
    "train/sft/dense_1024": (12000, 8, "raise"),
    "train/sft/dense_2048": (12000, 4, "raise"),
    "train/sft/dense_base": (12000, 8, "raise"),
    "train/sft/summary_1024": (16000, 8, "raise"),
    "train/sft/summary_2048": (16000, 8, "raise"),
    "train/stage_b/distill": (12000, 4, "raise"),
}


def test_the_rewrites_of_the_shipped_presets() -> None:
    """Of every preset exactly the keys that are rewritten, and what becomes of them on four devices."""
    found = {}
    for name, values in shipped_presets().items():
        found[name] = {
            show_path(path): (plain(node) if node is not None else None, [plain(step.value) for step in made])
            for path, node, made in rewritten(values, 4)
        }
    expected: dict[str, Any] = {}
    for name, row in SHIPPED.items():
        expected[name] = {}
        if row is not None:
            longest, accumulation, truncation = row
            expected[name] = {
                "template.max_length": (None, [longest]),
                "model.max_model_len": (None, [longest]),
                "template.truncation_strategy": ("right", list(dict.fromkeys(["raise", truncation]))),
                "training.gradient_accumulation_steps": (None, [accumulation]),
            }
        if name.startswith("train/grpo/"):
            expected[name]["rlhf.vllm_max_model_len"] = (None, [16000])
    assert found == expected


# ---------------------------------------------------------------------------------------------- an independent loader


ARGUMENTS = (
    *("max_length", "max_model_len", "truncation_strategy", "vllm_max_model_len", "gradient_accumulation_steps"),
    *("effective_batch_size", "per_device_train_batch_size", "rlhf_type", "seed"),
)
WRITTEN = {
    ("template", "max_length"),
    ("template", "truncation_strategy"),
    ("model", "max_model_len"),
    ("rlhf", "vllm_max_model_len"),
    ("training", "gradient_accumulation_steps"),
}
"""What the loader sets though nobody wrote it."""

COUNTS = st.none() | st.integers(1, 64)
SECTION = st.dictionaries(st.sampled_from(ARGUMENTS), COUNTS, max_size=5)
CONFIGS = st.fixed_dictionaries(
    {}, optional={"global_max_length": COUNTS, "custom": SECTION, **dict.fromkeys(FLATTENED, SECTION)}
)


@given(CONFIGS, st.integers(1, 16))
@example({"training": {"effective_batch_size": 8}, "data": {"gradient_accumulation_steps": 3}}, 2)
@example({"global_max_length": 9, "rlhf": {"rlhf_type": 1}, "model": {"vllm_max_model_len": 3}}, 1)
def test_the_effective_values_are_those_of_a_plain_loader(config: Values, world_size: int) -> None:
    """Whatever the sections hold, each argument is what a plain re-implementation of the loader makes of it."""
    flat = loaded(config, world_size)
    values = node_of(config)
    for section in FLATTENED:
        for key in ARGUMENTS:
            assert typed(effective(values, (section, key), world_size)) == typed(flat.get(key)), (section, key)
    listed = {path for path, _, _ in rewritten(values, world_size)}
    assert all(path[1] in config.get(str(path[0]), {}) or path in WRITTEN for path in listed)
    changed = {
        (section, key)
        for section in FLATTENED
        for key, value in config.get(section, {}).items()
        if flat.get(key) != value and (section != "rlhf" or config["rlhf"].get("rlhf_type") is not None)
    }
    assert changed <= listed


def test_the_shipped_presets_are_what_a_plain_loader_makes_of_them() -> None:
    """The same of every argument of every shipped preset, on one, four and seven devices."""
    for name, values in shipped_presets().items():
        for world_size in (1, 4, 7):
            config = plain(values)
            flat = loaded(config, world_size)
            for section in FLATTENED:
                for key in config.get(section, {}):
                    assert effective(values, (section, key), world_size) == flat.get(key), (name, section, key)
