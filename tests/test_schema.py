"""schema: the recorded arguments are those of the trainer that is named, and every key has one home."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import swift_host
from builders import REPOSITORY
from compiler import schema
from compiler.settings import TRAINERS
from documents import shipped_presets

TABLE = REPOSITORY / "compiler/trainer_arguments.json"
KINDS = {"any", "bool", "dict", "float", "int", "list", "null", "str"}


def recorded() -> dict[str, Any]:
    """Give the table as it is committed."""
    table: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table


def test_the_table_is_of_the_trainer_that_the_settings_name() -> None:
    """The version of ms-swift in the table is the one that `trainer` may name."""
    assert recorded()["schema_version"] == 1
    assert [f"ms-swift {recorded()['recorded_from']['ms-swift']}"] == list(TRAINERS) == ["ms-swift 3.10.3"]


def test_the_extra_installs_the_trainer_that_is_recorded() -> None:
    """`pip install -e '.[trainer]'` gives exactly what the table was recorded from, and the tests ask for it."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    pins = [f"{name}=={version}" for name, version in recorded()["recorded_from"].items()]
    assert project["project"]["optional-dependencies"]["trainer"] == pins
    assert f"ms-swift=={swift_host.VERSION}" in pins


def test_every_argument_has_kinds_an_owner_and_a_trainer() -> None:
    """Each line of the table is whole: known kinds, an owner, and a default for one trainer at least."""
    for name, one in recorded()["arguments"].items():
        assert set(one) == {"kinds", "items", "choices", "owner", "defaults"}, name
        assert one["kinds"], name
        assert {*one["kinds"], *one["items"]} <= KINDS, name
        assert one["owner"].isidentifier(), name
        assert one["defaults"], name
        assert not set(one["defaults"]) - {"sft", "rlhf"}, name
        assert not one["items"] or "list" in one["kinds"], name


def test_each_trainer_has_its_arguments() -> None:
    """A run of rlhf has every argument of sft, and more."""
    counts = Counter(trainer for one in schema.arguments().values() for trainer in one.defaults)
    assert counts == {"sft": 326, "rlhf": 443}
    assert len(schema.arguments()) == 443


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        ("learning_rate", "float null"),
        ("num_train_epochs", "float"),
        ("save_steps", "float"),
        ("seed", "int"),
        ("max_pixels", "int null"),
        ("bf16", "bool null"),
        ("gradient_checkpointing", "bool"),
        ("optimizer", "null str"),
        ("modules_to_save", "list null"),
        ("lr_scheduler_kwargs", "dict null str"),
        ("reward_weights", "list null"),
        ("eval_strategy", "null str"),
    ],
)
def test_some_kinds_that_are_known(key: str, kinds: str) -> None:
    """The kinds of arguments that presets use are those that the trainer declares."""
    found = schema.field_of("training", key)
    assert found is not None
    assert sorted(found.kinds) == kinds.split()


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        ("target_modules", "list str"),
        ("report_to", "list str"),
        ("rope_scaling", "dict str"),
        ("init_weights", "bool str"),
        ("scale_rewards", "bool str"),
        ("logging_steps", "float int"),
        ("max_grad_norm", "float null"),
    ],
)
def test_what_the_trainer_takes_beyond_what_it_declares_is_taken(key: str, kinds: str) -> None:
    """Where the trainer turns another kind into the meant one, that kind is taken, too."""
    found = schema.field_of("training", key)
    assert found is not None
    assert set(kinds.split()) <= found.kinds


def test_what_is_said_beyond_the_table_is_of_arguments_that_are_there() -> None:
    """No exception outlives its argument."""
    assert {*schema.ALSO, *schema.ALSO_KINDS, *schema.NOT_NULL} <= set(schema.arguments())
    assert set(schema.ALSO_KINDS.values()) <= KINDS
    for section, key in schema.PARSED:
        assert key in schema.PROJECT[section]
    for section, keys in schema.REMOVED.items():
        assert not set(keys) & set(schema.keys_of(section))


@pytest.mark.parametrize(
    ("key", "some", "count"),
    [
        ("save_strategy", {"no", "steps", "epoch", "best"}, 4),
        ("eval_strategy", {"no", "steps", "epoch"}, 3),
        ("rlhf_type", {"dpo", "grpo", "gkd", "kto"}, 9),
        ("lr_scheduler_type", {"cosine", "cosine_with_min_lr", "cosine_warmup_with_min_lr", "constant"}, 11),
        ("truncation_strategy", {"delete", "left", "right", "raise"}, 4),
        ("torch_dtype", {"bfloat16", "float16", "float32"}, 3),
        ("train_type", set(), 0),
        ("optimizer", set(), 0),
    ],
)
def test_some_choices_that_are_known(key: str, some: set[str], count: int) -> None:
    """Choices are those that the trainer enforces; a key that takes any text has none."""
    found = schema.field_of("rlhf", key)
    assert found is not None
    assert some <= set(found.choices)
    assert len(found.choices) == count


@pytest.mark.parametrize(
    ("key", "home"),
    [
        ("learning_rate", "training"),
        ("effective_batch_size", "training"),
        ("lora_rank", "tuner"),
        ("train_type", "tuner"),
        ("dataloader_num_workers", "data"),
        ("max_pixels", "template"),
        ("system", "prompts"),
        ("quant_bits", "quantization"),
        ("torch_dtype", "model"),
        ("num_generations", "rlhf"),
        ("vllm_mode", "rlhf"),
        ("fusion_config", "custom"),
        ("enabled", "deepspeed"),
        ("global_max_length", ""),
        ("learning_rat", None),
    ],
)
def test_the_home_of_a_key(key: str, home: str | None) -> None:
    """Each key belongs in one section, some at the top, and one that nothing knows nowhere."""
    assert schema.home_of(key) == home


def test_every_home_takes_its_keys() -> None:
    """What is told to belong in a section is taken there."""
    for key in [*schema.arguments(), *(key for fields in schema.PROJECT.values() for key in fields)]:
        home = schema.home_of(key)
        assert home is not None
        assert schema.field_of(home, key) is not None, key
    assert schema.field_of("custom", "learning_rate") is None
    assert schema.field_of("nothing", "learning_rate") is None


def test_arguments_of_rlhf_alone() -> None:
    """An argument that a plain run does not have is known as such; the project's own keys are no arguments."""
    assert schema.is_of_rlhf_alone("training", "num_generations")
    assert not schema.is_of_rlhf_alone("training", "learning_rate")
    assert not schema.is_of_rlhf_alone("rlhf", "llm_kd_weight")
    assert not schema.is_of_rlhf_alone("custom", "grpo")


def test_defaults_are_the_trainers() -> None:
    """The default of an argument is that of sft, or of rlhf where sft has no such; the project's own keys have none."""
    assert schema.default_of("training", "weight_decay") == 0.1
    assert schema.default_of("rlhf", "num_generations") == 8
    assert schema.default_of("training", "effective_batch_size") is None
    assert schema.default_of("custom", "weight_decay") is None
    assert schema.default_of("training", "nothing") is None


def test_every_key_of_every_shipped_preset_is_known_and_at_home() -> None:
    """Each key that ships is taken where it stands, and stands where it belongs; `rlhf` may repeat any argument."""
    keys: set[tuple[str, str]] = set()
    for values in shipped_presets().values():
        for section, node in values.value.items():
            keys |= {(section, key) for key in node.value} if isinstance(node.value, dict) else {("", section)}
    assert len(keys) > 90
    for section, key in keys:
        assert schema.field_of(section, key) is not None, (section, key)
        assert section == "rlhf" or schema.home_of(key) == section, (section, key)


def test_the_table_is_what_the_installed_trainer_has(tmp_path: Path) -> None:
    """`scripts/record_trainer.py --check` agrees, wherever the trainer is installed; it writes nothing."""
    if importlib.util.find_spec("swift") is None:
        pytest.skip("left out: the recorded arguments of the trainer were not compared, as ms-swift is not installed")
    before = TABLE.read_bytes()
    command = [sys.executable, str(REPOSITORY / "scripts/record_trainer.py"), "--check"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("compiler/trainer_arguments.json: as recorded\n")
    assert TABLE.read_bytes() == before
