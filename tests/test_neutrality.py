"""neutrality: each rule on made-up pairs, with what it must not excuse."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import pytest

from builders import ABSENT, safe_load
from compiler import neutrality
from compiler.compare import Policies, Side, unequal
from compiler.merging import preset_policy
from compiler.neutrality import RULES, excuse
from compiler.values import node_of, show_path

Edit = tuple[str, Any, Any]
"""A key with the value that it gets on the legacy side, and that on the compiled side."""


class Case(NamedTuple):
    """A rule on made-up pairs.

    Attributes:
        preset: in which the condition of the rule holds.
        dead: the keys that are dead in it.
        condition: the key that makes the condition.
        unmet: values of that key with which the condition does not hold.
        alive: keys beside the dead ones that the rule must not touch.
    """

    preset: str
    dead: tuple[str, ...]
    condition: str
    unmet: tuple[Any, ...]
    alive: tuple[str, ...]


NOT_FALSE: Final = (ABSENT, None, "false", "no", 0, 0.0, "", True)

CASES: Final = {
    "augmentation-off": Case(
        "custom: {augmentation: {enabled: false, bypass_prob: 0.1, ops: [{name: flip, params: {prob: 0.5}}]}}",
        ("custom.augmentation.ops", "custom.augmentation.bypass_prob"),
        "custom.augmentation.enabled",
        NOT_FALSE,
        (
            "custom.augmentation",
            "custom.augmentation.opsx",
            "custom.augmentation.curriculum",
            "custom.augmentation_curriculum",
            "custom.bypass_prob",
            "custom.ops",
            "augmentation.ops",
            "custom.augmentationx.ops",
        ),
    ),
    "deepspeed-off": Case(
        "deepspeed: {enabled: false, config: zero2}",
        ("deepspeed.config", "deepspeed.config.stage"),
        "deepspeed.enabled",
        NOT_FALSE,
        ("deepspeed", "deepspeed.configx", "deepspeed.stage", "training.deepspeed.config", "training.config"),
    ),
    "saving-off": Case(
        'training: {save_strategy: "no", eval_strategy: steps, eval_steps: 10, save_steps: 10}',
        (
            "training.save_steps",
            "training.save_total_limit",
            "training.save_only_model",
            "training.save_delay_steps",
            "training.save_delay_epochs",
            "training.save_last_epoch",
        ),
        "training.save_strategy",
        (ABSENT, None, False, "No", "no ", "steps", "epoch", "best", 0),
        (
            "training",
            "training.save_stepsx",
            "training.save_total_limit.x",
            "training.eval_strategy",
            "training.eval_steps",
            "training.output_dir",
            "training.load_best_model_at_end",
            "save_steps",
            "custom.save_steps",
        ),
    ),
    "rlhf-off": Case(
        "rlhf: {beta: 0.1}",
        ("rlhf.beta", "rlhf.reward_funcs", "rlhf.vllm.mode"),
        "rlhf.rlhf_type",
        ("grpo", "gkd", "", False, 0),
        ("rlhf", "rlhf.llm_kd_weight", "rlhf.teacher_model", "custom.beta", "beta", "training.rlhf.beta"),
    ),
    "dense-prompts": Case(
        "custom: {use_summary: false, json_format: standard}\nprompts: {profile: train, domain: bbu}",
        ("prompts.profile", "prompts.domain"),
        "custom.use_summary",
        (None, "false", "no", 0, "", True),
        ("prompts", "prompts.system", "prompts.user", "prompts.profile.x", "custom.json_format", "custom.profile"),
    ),
}
"""Every rule there is; what a rule lacks here fails below."""


def edited(values: Any, path: str, value: Any) -> Any:
    """Give plain values with another value at a path of keys; sections on the way are made."""
    first, _, rest = path.partition(".")
    held = values.get(first)
    made = edited(held if isinstance(held, dict) else {}, rest, value) if rest else value
    return {key: child for key, child in {**values, first: made}.items() if child is not ABSENT}


def told(preset: str, *edits: Edit, keyed: bool = False) -> dict[str, str]:
    """Give each difference between two editions of a preset with the rule that excuses it; empty for none."""
    sides = []
    for index in (1, 2):
        values = safe_load(preset)
        for edit in edits:
            values = edited(values, edit[0], edit[index])
        sides.append(Side(node_of(values)))
    policy = preset_policy([(("custom", "augmentation", "ops"), ("name",))]) if keyed else None
    found = unequal(sides[0], sides[1], Policies(policy))
    return {show_path(one.path): rule.name if (rule := excuse(one, *sides)) else "" for one in found}


def each(of: Callable[[Case], tuple[Any, ...]]) -> list[Any]:
    """Give every rule with each of something that its case has."""
    return [pytest.param(rule, one, id=f"{rule}-{one!r}") for rule, case in CASES.items() for one in of(case)]


PAIRS: Final = [
    (1, 2),
    (1, 1.0),
    (ABSENT, 1),
    (1, ABSENT),
    (None, 1),
    (1, None),
    (ABSENT, None),
    ([1, 2], [2, 1]),
    ("a", {}),
]
"""In which ways a value can differ."""


@pytest.mark.parametrize(("rule", "path"), each(lambda case: case.dead))
def test_what_is_dead_on_both_sides_is_neutral(rule: str, path: str) -> None:
    """The positive case: changed, retyped, added, removed, null or reordered, it is excused by its rule."""
    for old, new in PAIRS:
        assert set(told(CASES[rule].preset, (path, old, new)).values()) == {rule}, (old, new)


@pytest.mark.parametrize(("rule", "unmet"), each(lambda case: case.unmet))
def test_a_condition_must_hold_exactly_and_on_both_sides(rule: str, unmet: Any) -> None:
    """The negative case: `false` is not null, not absent, not text and not 0; neither on one side nor on both."""
    case = CASES[rule]
    section, key = case.condition.rsplit(".", 1)
    met = safe_load(case.preset)
    for part in section.split("."):
        met = met[part]
    met = met.get(key, ABSENT)
    for path in case.dead:
        for count, condition in enumerate([(unmet, unmet), (unmet, met), (met, unmet)]):
            found = told(case.preset, (path, 1, 2), (case.condition, *condition))
            assert set(found.values()) == {""}, condition
            assert (case.condition in found) == (count > 0)


@pytest.mark.parametrize(("rule", "path"), each(lambda case: case.alive))
def test_what_stands_beside_a_dead_key_is_different(rule: str, path: str) -> None:
    """No rule covers a key because of how it begins or ends, nor the section of a dead key, nor another section."""
    for old, new in ((1, 2), (ABSENT, 1), (None, 1)):
        found = told(CASES[rule].preset, (path, old, new))
        assert found[path] == "", (old, new)


@pytest.mark.parametrize("rule", CASES)
def test_the_key_that_makes_the_condition_is_never_excused(rule: str) -> None:
    """However both sides differ in it, be it null on the one and absent on the other."""
    case = CASES[rule]
    values = (*case.unmet, ABSENT, None, False, "no")
    for one in values:
        for other in values:
            found = told(case.preset, (case.condition, one, other))
            assert set(found.values()) <= {""}


def test_every_rule_has_its_cases() -> None:
    """A rule without a positive case and a negative control cannot be added."""
    assert set(CASES) == {rule.name for rule in RULES}
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(all(case) for case in CASES.values())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_says_what_it_says_and_where_it_is_decided(rule: neutrality.Rule) -> None:
    """A kebab-case name, a sentence, and the trainer's code that decides it."""
    assert re.fullmatch("[a-z]+(-[a-z]+)+", rule.name)
    assert re.fullmatch(r"[A-Z].+\.", rule.says)
    assert "\n" not in rule.says
    assert re.fullmatch(r"\S.+\.", rule.decided_in)
    assert "src/" in rule.decided_in


# ---------------------------------------------------------------------------------------------- one by one


@pytest.mark.parametrize("key", ["custom.augmentation_curriculum", "custom.augmentation.curriculum"])
@pytest.mark.parametrize("curriculum", [{"phases": []}, [], {}, False, "x"], ids=repr)
def test_augmentation_is_not_dead_where_a_curriculum_is_set(key: str, curriculum: Any) -> None:
    """The trainer stops with an error there; null and absent are no curriculum."""
    preset, ops = CASES["augmentation-off"].preset, ("custom.augmentation.bypass_prob", 0.1, 0.2)
    for pair in ((curriculum, curriculum), (curriculum, None), (ABSENT, curriculum)):
        assert set(told(preset, ops, (key, *pair)).values()) == {""}
    assert told(preset, ops, (key, None, None)) == {ops[0]: "augmentation-off"}
    assert told(preset, ops, (key, None, ABSENT)) == {ops[0]: "augmentation-off", key: ""}


def test_operations_that_a_team_keys_are_dead_leaf_by_leaf() -> None:
    """What is told of an entry of `ops` is excused like the list; where they are looked at, it is not."""
    preset = CASES["augmentation-off"].preset
    old, new = [{"name": "flip", "p": 1}], [{"name": "flip", "p": 2}, {"name": "crop"}]
    ops = ("custom.augmentation.ops", old, new)
    dead = told(preset, ops, keyed=True)
    assert dead == {
        "custom.augmentation.ops[flip].p": "augmentation-off",
        "custom.augmentation.ops[crop].name": "augmentation-off",
    }
    alive = told(preset, ops, ("custom.augmentation.enabled", True, True), keyed=True)
    assert set(alive) == set(dead)
    assert set(alive.values()) == {""}


@pytest.mark.parametrize(
    ("strategy", "steps", "rule"),
    [
        ("steps", 10, "saving-off"),
        ("steps", 0, "saving-off"),
        ("steps", None, ""),
        ("steps", ABSENT, ""),
        ("epoch", None, ""),
        (ABSENT, None, ""),
        (ABSENT, ABSENT, ""),
        (None, None, ""),
        (False, None, ""),
        ("no", None, "saving-off"),
        ("no", ABSENT, "saving-off"),
        ("no", 10, "saving-off"),
    ],
    ids=repr,
)
def test_save_steps_is_dead_only_where_nothing_takes_it_for_eval_steps(strategy: Any, steps: Any, rule: str) -> None:
    """With `eval_steps` unset and evaluation on it says how often is evaluated; the other settings do not."""
    preset = CASES["saving-off"].preset
    evaluation = (("training.eval_strategy", strategy, strategy), ("training.eval_steps", steps, steps))
    assert told(preset, ("training.save_steps", 10, 20), *evaluation) == {"training.save_steps": rule}
    limit = told(preset, ("training.save_total_limit", 1, 2), *evaluation)
    assert limit == {"training.save_total_limit": "saving-off"}


def test_save_steps_is_alive_if_either_side_evaluates_by_it() -> None:
    """Evaluation that is off on one side only excuses nothing."""
    edits = [("training.save_steps", 10, 20), ("training.eval_steps", None, None)]
    for pair in (("no", "steps"), ("steps", "no")):
        found = told(CASES["saving-off"].preset, *edits, ("training.eval_strategy", *pair))
        assert set(found.values()) == {""}


def test_no_without_quotes_is_false_and_saves() -> None:
    """`save_strategy: no` reads as the boolean, which is not the text that the trainer knows."""
    preset = "training: {save_strategy: no, eval_strategy: no, save_total_limit: 1}"
    assert safe_load(preset)["training"]["save_strategy"] is False
    assert told(preset, ("training.save_total_limit", 1, 2)) == {"training.save_total_limit": ""}
    assert told(preset, ("training.save_strategy", False, "no")) == {"training.save_strategy": ""}


def test_summary_mode_looks_at_the_prompts() -> None:
    """In summary mode profile and domain choose the prompt; an absent key means dense mode."""
    preset = CASES["dense-prompts"].preset
    profile = ("prompts.profile", "train", "eval")
    assert told(preset, profile, ("custom.use_summary", ABSENT, ABSENT)) == {profile[0]: "dense-prompts"}
    assert told(preset, profile, ("custom.use_summary", True, True)) == {profile[0]: ""}
    assert told(preset, profile, ("custom", None, None)) == {profile[0]: "dense-prompts"}
    assert told(preset, profile, ("custom.use_summary", ABSENT, False)) == {
        profile[0]: "dense-prompts",
        "custom.use_summary": "",
    }


def test_a_section_that_is_no_mapping_makes_no_condition() -> None:
    """Null, a text or a list in the place of a section holds no `enabled: false`."""
    sections: list[Any] = [None, "off", [], False]
    for section in sections:
        assert told("{}", ("deepspeed", section, section), ("training.x", 1, 2)) == {"training.x": ""}
        assert told("{}", ("deepspeed", {"enabled": False, "config": "a"}, section)) == {"deepspeed": ""}


def test_no_rule_reaches_into_a_mix() -> None:
    """A key of a mix is different though it is called like a dead key of a preset."""
    mixes = [node_of({"rlhf": {"beta": value}, "targets": []}) for value in (1, 2)]
    sides = [Side(node_of({"fusion": "m", "rlhf": {}}), ("fusion",), mix) for mix in mixes]
    (one,) = unequal(sides[0], sides[1], Policies(None))
    assert (one.document, show_path(one.path)) == ("fusion", "rlhf.beta")
    assert excuse(one, *sides) is None
    assert excuse(one._replace(document="preset"), *sides) is not None
