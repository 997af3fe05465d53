"""trainer_checks: every planted mistake is told at its own place, with a fix that is right, and nothing else is."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import fragment, look, problems_of, project, safe_load, worded, write
from builds import below
from checking import GRPO, codes, found_in, judged
from compiler import schema, settings
from compiler.pipeline import build
from compiler.problems import Problem
from compiler.trainer_checks import RANGES
from compiler.values import Node, Origin, node_of
from documents import legacy_presets, shipped_presets
from world import LOCK, P

GIVEN: Final[dict[str, Any]] = {"trainer": "ms-swift 3.10.3", "fusion_key": ("custom", "fusion_config")}


MISTAKES: Final[list[tuple[str, str, str]]] = [
    # misspelt keys
    ("training:\n  learning_rat: 0.1\n", "2:3 unknown-argument", "did you mean `learning_rate`?"),
    ("training:\n  seed: 1\n  saev_steps: 5\n", "3:3 unknown-argument", "did you mean `save_steps`?"),
    ("training:\n  efective_batch_size: 5\n", "2:3 unknown-argument", "did you mean `effective_batch_size`?"),
    ("model:\n  atn_impl: sdpa\n", "2:3 unknown-argument", "did you mean `attn_impl`?"),
    ("quantization:\n  quant_bit: 4\n", "2:3 unknown-argument", "did you mean `quant_bits`?"),
    ("data:\n  dataloader_num_worker: 4\n", "2:3 unknown-argument", "did you mean `dataloader_num_workers`?"),
    ("template:\n  max_pixel: 4\n", "2:3 unknown-argument", "did you mean `max_pixels`?"),
    ("tuner:\n  lora_rnk: 4\n", "2:3 unknown-argument", "did you mean `lora_rank`?"),
    (GRPO + "  num_generation: 4\n", "3:3 unknown-argument", "did you mean `num_generations`?"),
    ("custom:\n  emit_nrom: none\n", "2:3 unknown-argument", "did you mean `emit_norm`?"),
    ("prompts:\n  domian: bbu\n", "2:3 unknown-argument", "did you mean `domain`?"),
    ("deepspeed:\n  enabled: true\n  config: a\n  confg: b\n", "4:3 unknown-argument", "did you mean `config`?"),
    ("training:\n  lora_rnk: 4\n", "2:3 unknown-argument", "did you mean `lora_rank`, in `tuner`?"),
    ("data:\n  fusion_confg: a.yaml\n", "2:3 unknown-argument", "did you mean `fusion_config`, in `custom`?"),
    (
        "template:\n  global_max_lenght: 4\n",
        "2:3 unknown-argument",
        "did you mean `global_max_length`, at the top of the preset?",
    ),
    # keys in the wrong section, and keys that nothing knows
    ("custom:\n  learning_rate: 0.1\n", "2:3 unknown-argument", "`learning_rate` belongs in `training`"),
    ("deepspeed:\n  enabled: false\n  lora_rank: 8\n", "3:3 unknown-argument", "`lora_rank` belongs in `tuner`"),
    ("training:\n  fusion_config: a.yaml\n", "2:3 unknown-argument", "`fusion_config` belongs in `custom`"),
    ("model:\n  effective_batch_size: 4\n", "2:3 unknown-argument", "`effective_batch_size` belongs in `training`"),
    ("prompts:\n  max_pixels: 4\n", "2:3 unknown-argument", "`max_pixels` belongs in `template`"),
    ("custom:\n  dataset: [a]\n", "2:3 unknown-argument", "`dataset` belongs in `data`"),
    (
        "custom:\n  global_max_length: 4\n",
        "2:3 unknown-argument",
        "`global_max_length` belongs at the top of the preset",
    ),
    ("training:\n  zzz: 1\n", "2:3 unknown-argument", ""),
    ("custom:\n  zzz: 1\n", "2:3 unknown-argument", ""),
    ("prompts:\n  zzz: 1\n", "2:3 unknown-argument", "there is `profile`, `domain`, `system`, `user`"),
    ("custom:\n  summary_ratio: 0.5\n", "2:3 unknown-argument", "take the key out"),
    ("training:\n  num_generations: 4\n", "2:3 unknown-argument", "set `rlhf.rlhf_type`, or take the key out"),
    # misspelt sections, and keys without one
    ("trainning:\n  seed: 1\n", "1:1 unknown-section", "did you mean `training`?"),
    ("tunner: {}\n", "1:1 unknown-section", "did you mean `tuner`?"),
    ("global_max_lenght: 9\n", "1:1 unknown-section", "did you mean `global_max_length`?"),
    ("seed: 9\n", "1:1 unknown-section", "`seed` belongs in `training`"),
    ("augmentation: {}\n", "1:1 unknown-section", "`augmentation` belongs in `custom`"),
    ("learning_rat: 0.1\n", "1:1 unknown-section", "did you mean `learning_rate`, in `training`?"),
    # numbers
    ("training:\n  learning_rate: 2e-5\n", "2:3 wrong-type", "write `2.0e-5`"),
    ("training:\n  weight_decay: 1e-4\n", "2:3 wrong-type", "write `1.0e-4`"),
    ("training:\n  vit_lr: 1E5\n", "2:3 wrong-type", "write `1.0e+5`"),
    ("training:\n  seed: '17'\n", "2:3 wrong-type", "write `17`, without quotes"),
    ("training:\n  weight_decay: .5e4\n", "2:3 wrong-type", "write `0.5e+4`"),
    ("training:\n  weight_decay: -2.e1\n", "2:3 wrong-type", "write `-2.0e+1`"),
    ("training:\n  max_steps: 1e3\n", "2:3 wrong-type", "write `1000`"),
    ("training:\n  warmup_ratio: '.1'\n", "2:3 wrong-type", "write `0.1`, without quotes"),
    ("tuner:\n  lora_rank: 8.0\n", "2:3 wrong-type", "write `8`"),
    ("tuner:\n  lora_rank: 8.5\n", "2:3 wrong-type", ""),
    ("tuner:\n  lora_rank: '8.5'\n", "2:3 wrong-type", ""),
    ("training:\n  learning_rate: true\n", "2:3 wrong-type", ""),
    ("training:\n  seed: 2026-01-31\n", "2:3 wrong-type", ""),
    ("global_max_length: true\n", "1:1 wrong-type", ""),
    ("global_max_length: '2048'\n", "1:1 wrong-type", "write `2048`, without quotes"),
    ("training:\n  learning_rate: 'none'\n", "2:3 wrong-type", "write `null`, without quotes"),
    ("training:\n  learning_rate: [0.1]\n", "2:3 wrong-type", "write `0.1`, without brackets"),
    ("training:\n  learning_rate: {a: 1}\n", "2:3 wrong-type", ""),
    # booleans, and words that read as booleans
    ("training:\n  gradient_checkpointing: 'false'\n", "2:3 wrong-type", "write `false`, without quotes"),
    ("training:\n  bf16: 'True'\n", "2:3 wrong-type", "write `true`, without quotes"),
    ("training:\n  logging_first_step: 1\n", "2:3 wrong-type", "write `true`"),
    ("custom:\n  use_summary: 'no'\n", "2:3 wrong-type", "write `false`, without quotes"),
    ("deepspeed:\n  enabled: 'off'\n", "2:3 wrong-type", "write `false`, without quotes"),
    ("training:\n  eval_strategy: no\n", "2:3 wrong-type", 'write `"no"`'),
    ("training:\n  save_strategy: off\n", "2:3 wrong-type", 'write `"no"`'),
    ("training:\n  run_name: on\n", "2:3 wrong-type", 'write `"yes"`, `"on"` or `"true"`, whichever'),
    ("training:\n  hub_strategy: yes\n", "2:3 wrong-type", "it takes `end`"),
    # texts, lists, null
    ("training:\n  run_name: 2026-01-31\n", "2:3 wrong-type", "put it in quotes, as it is written"),
    ("training:\n  run_name: 2048\n", "2:3 wrong-type", "put it in quotes, as it is written"),
    ("training:\n  output_dir: [out]\n", "2:3 wrong-type", "write `out`, without brackets"),
    ("tuner:\n  modules_to_save: lm_head\n", "2:3 wrong-type", "write `[lm_head]`"),
    ("tuner:\n  freeze_parameters: a.b, c.d\n", "2:3 wrong-type", "write `[a.b, c.d]`"),
    (GRPO + "  reward_weights: 1.0\n  reward_funcs: [a]\n", "3:3 wrong-type", "write `[1.0]`"),
    (GRPO + "  reward_funcs: [a]\n  reward_weights: ['1.0']\n", "4:20 wrong-type", "write `1.0`, without quotes"),
    (GRPO + "  vllm_server_port: [8000, 8001.0]\n", "3:28 wrong-type", "write `8001`"),
    ("tuner:\n  target_modules: [q_proj, no]\n", "2:28 wrong-type", 'write `"no"`, `"off"` or `"false"`, whichever'),
    ("data:\n  dataset: [a, 3]\n", "2:16 wrong-type", "put it in quotes, as it is written"),
    ("training:\n  weight_decay: null\n", "2:3 wrong-type", "write `0.1`, which is the trainer's own"),
    ("training:\n  gradient_checkpointing:\n", "2:3 wrong-type", "write `true`, which is the trainer's own"),
    ("training:\n  report_to: null\n", "2:3 wrong-type", "write `[]` for none"),
    ("data:\n  dataset: null\n", "2:3 wrong-type", ""),
    ("model:\n  model: null\n", "2:3 wrong-type", ""),
    (GRPO + "  reward_funcs: null\n", "3:3 wrong-type", "write `[]` for none"),
    ("training:\n  fsdp: false\n", "2:3 wrong-type", ""),
    ("tuner:\n  adapters: null\n", "2:3 wrong-type", "write `[]` for none"),
    ("training: 3\n", "1:1 wrong-type", "write its keys below it, one a line"),
    ("tuner:\n- lora_rank: 3\n", "1:1 wrong-type", "write its keys below it, one a line"),
    # choices
    ("training:\n  save_strategy: step\n", "2:3 wrong-choice", "did you mean `steps`?"),
    ("training:\n  save_strategy: STEPS\n", "2:3 wrong-choice", "did you mean `steps`?"),
    ("training:\n  lr_scheduler_type: cosin\n", "2:3 wrong-choice", "did you mean `cosine`?"),
    ("template:\n  truncation_strategy: rigth\n", "2:3 wrong-choice", "did you mean `right`?"),
    ("model:\n  torch_dtype: bfloat\n", "2:3 wrong-choice", "did you mean `bfloat16`?"),
    ("quantization:\n  quant_bits: 5\n", "2:3 wrong-choice", "it takes `1`, `2`, `3`, `4`, `8`, `float8`"),
    ("quantization:\n  quant_bits: '8'\n", "2:3 wrong-choice", "did you mean `8`?"),
    ("rlhf:\n  rlhf_type: gprpo\n", "2:3 wrong-choice", "did you mean `grpo`?"),
    ("custom:\n  emit_norm: norm10\n", "2:3 wrong-choice", "did you mean `norm100`?"),
    ("custom:\n  json_format: other\n", "2:3 wrong-choice", "it takes `standard`"),
]


@pytest.mark.parametrize(("text", "expected", "fix"), MISTAKES)
def test_a_planted_mistake_is_told_at_its_place_with_its_fix(text: str, expected: str, fix: str) -> None:
    """One mistake gives one problem, at its own line and column, and the hint holds the way out."""
    assert codes(text) == [expected]
    hint = found_in(text)[0].hint
    assert hint.startswith(fix) if fix else hint == ""


def path_of(node: Node, origin: Origin, path: tuple[str | int, ...] = ()) -> tuple[str | int, ...] | None:
    """Give the way to the outermost value below a node that was written at a place."""
    inner = node.value.items() if isinstance(node.value, dict) else enumerate(node.value)
    for key, child in inner:
        if child.origin == origin:
            return (*path, key)
        if isinstance(child.value, (dict, list)):
            found = path_of(child, origin, (*path, key))
            if found is not None:
                return found
    return None


def mended(text: str, problem: Problem) -> Any:
    """Do what the hint says, and nothing else; gives the preset."""
    values = safe_load(text)
    path = path_of(fragment(text).body, problem.origin)
    assert path is not None
    holder: Any = values
    for step in path[:-1]:
        holder = holder[step]
    spelling = re.findall(r"`([^`]+)`", problem.hint)
    if problem.hint.startswith("set `rlhf.rlhf_type`"):
        values["rlhf"] = {"rlhf_type": "grpo"}
    elif problem.hint == "take the key out":
        del holder[path[-1]]
    elif problem.hint.startswith("put it in quotes"):
        line = text.split("\n")[problem.origin.line - 1]
        holder[path[-1]] = re.split(r"[:\[,] *", line.rstrip(" ]}"))[-1]
    elif problem.code in ("wrong-type", "wrong-choice"):
        holder[path[-1]] = safe_load(spelling[0])
    elif " in `" in problem.hint:
        values.setdefault(spelling[1], {})[spelling[0]] = holder.pop(path[-1])
    elif "at the top" in problem.hint:
        values[spelling[0]] = holder.pop(path[-1])
    else:
        holder[spelling[0]] = holder.pop(path[-1])
    return values


MENDABLE: Final = [text for text, _, fix in MISTAKES if fix and not fix.startswith(("there is", "write its"))]


@pytest.mark.parametrize("text", MENDABLE)
def test_the_hint_put_in_its_place_mends_the_mistake(text: str) -> None:
    """Who does what the hint says, to the letter, has a preset that nothing is wrong with."""
    assert judged(node_of(mended(text, found_in(text)[0]))) == []


def test_a_guess_that_finds_nothing_is_a_warning_where_anything_may_stand() -> None:
    """An unknown key at the top or in `custom` is an error only where it is like one that is known."""
    severities = {text: [one.severity for one in found_in(text)] for text, _, _ in MISTAKES}
    warned = {text for text, found in severities.items() if found == ["warning"]}
    assert warned == {"custom:\n  zzz: 1\n", "learning_rat: 0.1\n"}
    assert [one.severity for one in found_in("notes: [for, people]\n")] == ["warning"]


def test_several_mistakes_are_told_at_once() -> None:
    """Every mistake of a preset is told, in order of place."""
    text = "training:\n  sed: 1\n  save_strategy: no\n  eval_strategy: step\ntunner: {}\n"
    assert codes(text) == ["2:3 unknown-argument", "3:3 wrong-type", "4:3 wrong-choice", "5:1 unknown-section"]


def test_reasons_are_true() -> None:
    """The reason is told where there is one: exponents, texts that count as true, null that is no default."""
    assert "exponent" in found_in("training: {learning_rate: 1e-4}")[0].why
    assert found_in("training: {learning_rate: '17'}")[0].why == ""
    assert "counts as true" in found_in("training: {bf16: 'false'}")[0].why
    assert found_in("custom: {use_summary: 'false'}")[0].why == ""
    assert "refuses" in found_in("training: {zzz: 1}")[0].why
    assert "passes over" in found_in("custom: {emit_nrom: none}")[0].why
    assert "took the key out" in found_in("custom: {hard_sample_mining: 1}")[0].why


def test_nothing_is_wrong_with_what_ships() -> None:
    """All shipped presets, and all legacy records of presets, give no problem at all."""
    assert len(shipped_presets()) > 10
    assert len(legacy_presets()) > 10
    for values in [*shipped_presets().values(), *legacy_presets().values()]:
        assert judged(values) == []


def valid(field: schema.Field) -> st.SearchStrategy[Any]:
    """Give values that a key takes."""
    if field.choices:
        return st.sampled_from([*field.choices, *([None] if "null" in field.kinds else [])])
    number = st.floats(allow_nan=False, allow_infinity=False)
    by_kind: dict[str, st.SearchStrategy[Any]] = {
        "bool": st.booleans(),
        "int": st.integers(),
        "float": number | st.integers(),
        "str": st.text(),
        "dict": st.dictionaries(st.text(), st.integers()),
        "null": st.none(),
        "any": st.none() | st.text() | st.booleans() | number,
    }
    items = [by_kind[kind] for kind in field.items] or [st.integers() | st.text()]
    by_kind["list"] = st.lists(st.one_of(items))
    return st.one_of([by_kind[kind] for kind in sorted(field.kinds)])


@given(st.data())
def test_no_valid_value_is_refused(data: st.DataObject) -> None:
    """Any key at home, with any value of a kind that it takes, gives no problem."""
    section = data.draw(st.sampled_from([name for name in schema.SECTIONS if name != "deepspeed"]))
    keys = [key for key in schema.keys_of(section) if schema.home_of(key) == section]
    chosen = data.draw(st.lists(st.sampled_from(keys), max_size=8, unique=True))
    fields = {key: schema.field_of(section, key) for key in chosen}
    values = {key: data.draw(valid(field)) for key, field in fields.items() if field and key != "rlhf_type"}
    preset = {"rlhf": {"rlhf_type": "grpo"}}
    preset.setdefault(section, {}).update(values)
    # how large a number may be, and what must fit together, is asked elsewhere
    asked = ("unknown-section", "unknown-argument", "wrong-type", "wrong-choice")
    assert [one for one in judged(node_of(preset)) if one.code in asked] == []


@pytest.mark.parametrize(
    ("key", "taken", "refused"),
    [
        ("warmup_ratio", [0, 0.0, 0.03, 1], [-0.1, 1.5, 3]),
        ("warmup_steps", [0, 100], [-1]),
        ("save_steps", [0.2, 1, 1.0, 500, 500.0, 10**400], [0, -1, 2.5, math.inf, math.nan]),
        ("logging_steps", [0.2, 1, 500], [0, 10.5]),
        ("eval_steps", [None, 0.1, 40], [0.0, 1.5]),
        ("effective_batch_size", [None, 1, 32], [0, -32]),
        ("per_device_train_batch_size", [1, 2], [0]),
        ("torch_empty_cache_steps", [None, 1], [0]),
    ],
)
def test_a_number_is_told_that_its_key_does_not_take(key: str, taken: list[Any], refused: list[Any]) -> None:
    """Each range at its ends, and beyond."""
    told = [[one.code for one in judged(node_of({"training": {key: value}}))] for value in [*taken, *refused]]
    assert told == [[]] * len(taken) + [["out-of-range"]] * len(refused)


def test_every_range_is_of_a_number_that_is_there() -> None:
    """No range outlives its key, and what is no number is told once, as a wrong type."""
    for key in RANGES:
        section = schema.home_of(key)
        assert section is not None
        field = schema.field_of(section, key)
        assert field is not None
        assert field.kinds & {"int", "float"}
    assert codes("training: {warmup_ratio: '3'}\n") == ["1:12 wrong-type"]
    assert codes("training: {warmup_steps: 1.5}\n") == ["1:12 wrong-type"]


def test_an_error_fails_the_preset_and_the_old_lock_stays(tmp_path: Path) -> None:
    """A preset with a mistake is not built, its lock keeps its bytes, and other presets are built."""
    other = "configs/train/q.yaml"
    assert build(project(tmp_path, {P: "training: {seed: 1}\n"}, **GIVEN)).failed == ()
    before = (tmp_path / LOCK).read_bytes()
    write(tmp_path, {P: "training: {sed: 1}\nmy_notes: 1\n", other: "training: {seed: 2}\n"})
    found = build(look(tmp_path, **GIVEN))
    assert found.failed == (P,)
    assert found.built == ("build/train/q.lock.yaml",)
    assert "unknown-argument" in [one.code for one in found.problems]
    assert (tmp_path / LOCK).read_bytes() == before


def test_a_warning_is_told_and_fails_nothing(tmp_path: Path) -> None:
    """A preset with a warning is built, and the warning is told."""
    found = build(project(tmp_path, {P: "my_notes: 1\n"}, **GIVEN))
    assert (found.failed, found.built) == ((), (LOCK,))
    assert [(one.code, one.severity) for one in found.problems] == [("unknown-section", "warning")]


def test_without_the_setting_nothing_is_checked(tmp_path: Path) -> None:
    """A repository that names no trainer holds what it likes."""
    found = build(project(tmp_path, {P: "trainning: {sed: 1.0e-4}\n"}))
    assert (found.failed, found.problems) == ((), ())
    assert below(tmp_path / "build") == ["train/p.lock.yaml"]


def test_a_trainer_that_is_not_recorded_is_a_bad_setting(tmp_path: Path) -> None:
    """The setting takes a trainer that is recorded, and the message names it."""
    files = {"pyproject.toml": "[tool.trainlock]\ntrainer = 'ms-swift 4'\n"}
    write(tmp_path, files)
    assert worded(problems_of(lambda: settings.load(str(tmp_path))), files) == (
        "pyproject.toml:2:1: error: `tool.trainlock.trainer` takes the trainer whose arguments are recorded: "
        "`ms-swift 3.10.3` [bad-settings]\n"
        "    2 | trainer = 'ms-swift 4'\n"
        "      | ^"
    )
