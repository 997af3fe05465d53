"""json_schema: what ships is what `trainlock schema` prints, the shipped tree is valid by it, and each key is told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft7Validator

import cli_runs
from builders import REPOSITORY, safe_load
from cli_runs import Ask, write
from compiler import json_schema, schema
from compiler.settings import Settings
from json_schemas import FRAGMENTS, SHIPPED, schema_takes

ask = cli_runs.ask

FOLDER: Final = REPOSITORY / "docs/schema"


def told(kind: str, settings: Settings = SHIPPED) -> dict[str, Any]:
    """Give a schema."""
    return json_schema.document(kind, settings)


@pytest.mark.parametrize("kind", json_schema.KINDS)
def test_what_ships_is_what_is_printed(ask: Ask, kind: str) -> None:
    """`trainlock schema KIND > docs/schema/KIND.schema.json` changes nothing; there is no other file."""
    said = ask(REPOSITORY, "schema", kind)
    assert (said.code, said.err) == (0, "")
    assert said.out == (FOLDER / f"{kind}.schema.json").read_text(encoding="utf-8")
    assert {path.name for path in FOLDER.iterdir()} == {f"{known}.schema.json" for known in json_schema.KINDS}


def test_a_schema_is_printed_the_same_as_json(ask: Ask) -> None:
    """`--json` asks for what is there already, and without a kind it is that of presets."""
    plain = ask(REPOSITORY, "schema").out
    assert plain == ask(REPOSITORY, "schema", "preset", "--json").out
    assert json.loads(plain)["description"].startswith("A preset")


def test_a_kind_that_is_none_is_bad_usage(ask: Ask) -> None:
    """The message names the kinds."""
    said = ask(REPOSITORY, "schema", "lock")
    assert (said.code, said.out) == (2, "")
    assert "invalid choice: 'lock'" in said.err
    assert all(kind in said.err for kind in json_schema.KINDS)


def patterns(made: Any) -> Iterator[str]:
    """Yield every regular expression of a schema."""
    for key, below in made.items() if isinstance(made, dict) else enumerate(made) if isinstance(made, list) else ():
        if key == "pattern":
            yield below
        if key == "patternProperties":
            yield from below
        yield from patterns(below)


@pytest.mark.parametrize("settings", [SHIPPED, Settings(), SHIPPED._replace(extends_keys=("$from", "_BASE-"))])
@pytest.mark.parametrize("kind", json_schema.KINDS)
def test_a_schema_is_one_and_says_the_same_in_javascript(kind: str, settings: Settings) -> None:
    """It is valid by the draft that it names, and no pattern escapes what JavaScript lets nobody escape."""
    Draft7Validator.check_schema(told(kind, settings))
    escaped = {one for pattern in patterns(told(kind, settings)) for one in re.findall(r"\\(.)", pattern)}
    assert "S" in escaped
    assert escaped <= set("sS^$.*+?()[]{}|/\\")


def test_the_shipped_tree_is_valid_by_its_schemas() -> None:
    """Each file below `configs/`, read as the trainer reads it, is taken by the schema of its kind."""
    assert set(FRAGMENTS.values()) == set(json_schema.KINDS)
    wrong = [
        path
        for path, kind in FRAGMENTS.items()
        if not schema_takes(kind, safe_load((REPOSITORY / path).read_text(encoding="utf-8")))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("key", "description"),
    [
        ("learning_rate", "Takes a number or null. Default: null. TrainingArguments of ms-swift 3.10.3."),
        (
            "save_strategy",
            'Takes "no", steps, epoch or best. Default: steps. TrainingArguments of ms-swift 3.10.3.',
        ),
        ("adam_epsilon", "Takes a number. Default: 1.0e-08. TrainingArguments of ms-swift 3.10.3."),
        ("temperature", "Takes a number. Default: 0.0 in sft, 0.9 in rlhf. GenerationArguments of ms-swift 3.10.3."),
        ("generation_config", "Takes anything. Default: null. Seq2SeqTrainingArguments of ms-swift 3.10.3."),
        (
            "num_generations",
            "Takes a whole number. Default: 8. GRPOArguments of ms-swift 3.10.3. Only a run of rlhf has it.",
        ),
    ],
)
def test_an_argument_is_told(key: str, description: str) -> None:
    """What it takes, the trainer's default as YAML writes it, and the class that declares it."""
    assert told("preset")["definitions"][key]["description"] == description


def test_every_key_is_described_and_completes_in_one_section() -> None:
    """Each argument and each key of the project is offered at home, and nowhere else."""
    made = told("preset")
    offered = [(section, key) for section in schema.SECTIONS for key in made["properties"][section]["properties"]]
    at_home = {(schema.home_of(key), key) for key in schema.everything()} - {("", "global_max_length")}
    assert len(offered) == len(set(offered))
    assert set(offered) == at_home
    for section, key in offered:
        one = made["properties"][section]["properties"][key]
        assert (one if "$ref" not in one else made["definitions"][key])["description"].startswith("Takes "), key


def test_the_extends_keys_are_those_of_the_settings() -> None:
    """Whatever names bases in a repository completes there, is no section, and `extends` is none of it then."""
    settings = SHIPPED._replace(extends_keys=("_BASE_",))
    for kind in json_schema.KINDS:
        assert schema_takes(kind, {"_BASE_": ["a.yaml"]}, settings)
        assert not schema_takes(kind, {"_BASE_": 1}, settings)
        assert "extends" not in told(kind, settings)["properties"]


NO_TRAINER: Final = (
    "warning: the schema of a preset knows no section and no argument, as no trainer is set [schema-without-trainer]\n"
    '  hint: say which in `[tool.trainlock]`: `trainer = "ms-swift 3.10.3"`\n'
)


def test_without_a_trainer_the_schema_says_how_little_it_knows(ask: Ask, tmp_path: Path) -> None:
    """A warning on stderr and a sentence in the schema; what is left is the keys of the settings."""
    write(tmp_path, {"pyproject.toml": "[tool.trainlock]\nfusion-key = 'mix'\n", "configs/a.yaml": "a: 1\n"})
    said = ask(tmp_path, "schema")
    assert (said.code, said.err) == (0, NO_TRAINER)
    made = json.loads(said.out)
    assert "No trainer is set" in made["description"]
    assert set(made["properties"]) == {"extends", "inherit"}
    validator = Draft7Validator(made)
    assert validator.is_valid({"trainning": {"sed": 1}, "mix": "configs/m.yaml"})
    assert not validator.is_valid({"mix": 1})
    assert ask(tmp_path, "schema", "component").err == NO_TRAINER.replace("a preset", "a component")


def test_without_a_trainer_a_mix_is_known_all_the_same(ask: Ask, tmp_path: Path) -> None:
    """The keys of entries complete, and none of them is taken for a misspelt one."""
    write(tmp_path, {"configs/a.yaml": "a: 1\n"})
    said = ask(tmp_path, "schema", "fusion", "--root", ".")
    assert (said.code, said.err) == (0, "")
    validator = Draft7Validator(json.loads(said.out))
    assert validator.is_valid({"targets": [{"dataset": "d", "ratios": 1}]})
    assert not validator.is_valid({"targets": [{"dataset": "d", "ratio": "1"}]})
