"""Records the arguments of the installed trainer to compiler/trainer_arguments.json.

    python scripts/record_trainer.py            writes the table
    python scripts/record_trainer.py --check    compares it, and exits 1 where it differs

Run it where ms-swift is installed; trainlock itself needs none. Each argument has the kinds of value that it takes
(`bool`, `int`, `float`, `str`, `list`, `dict`, `null`; `any` where the trainer does not say), those of a list's items,
its choices, its default for sft and for rlhf, and the class that declares it. A default that is made anew for each run
is recorded as null.
"""

from __future__ import annotations

import argparse
import dataclasses
import enum
import inspect
import json
import sys
import types
import typing
from importlib.metadata import version
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().parent.parent / "compiler" / "trainer_arguments.json"
KINDS = {bool: "bool", int: "int", float: "float", str: "str", dict: "dict", list: "list", type(None): "null"}


def kinds_of(hint: Any) -> tuple[set[str], set[str], list[Any]]:
    """Give the kinds of a type hint, the kinds of a list's items, and the choices."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return {KINDS[type(one)] for one in parts}, set(), [one for one in parts if one is not None]
    if origin in (typing.Union, types.UnionType):
        kinds: set[str] = set()
        items: set[str] = set()
        choices: list[Any] = []
        for part in parts:
            some = kinds_of(part)
            kinds |= some[0]
            items |= some[1]
            choices += [one for one in some[2] if one not in choices]
        bounded = [part for part in parts if typing.get_origin(part) is typing.Literal or _is_enum(part)]
        # the trainer turns a text into the enum, and refuses one that is none; a text beside a literal is free
        free = [part for part in parts if part not in bounded and part is not type(None)]
        return kinds, items, choices if not free or (free == [str] and all(map(_is_enum, bounded))) else []
    if origin in (list, tuple):
        return {"list"}, {kind for part in parts for kind in kinds_of(part)[0]}, []
    if origin is dict:
        return {"dict"}, set(), []
    if _is_enum(hint):
        return {"str"}, set(), [member.value for member in hint]
    return {KINDS.get(hint, "any")}, set(), []


def _is_enum(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, enum.Enum)


def default_of(field: dataclasses.Field[Any]) -> Any:
    """Give a field's default as JSON can hold it."""
    value = None if field.default is dataclasses.MISSING else getattr(field.default, "value", field.default)
    return value if isinstance(value, (bool, int, float, str)) else None


def owner_of(cls: type, name: str) -> str:
    """Give the class that declares a field first."""
    return next(base.__name__ for base in reversed(cls.__mro__) if name in inspect.get_annotations(base))


def table() -> dict[str, Any]:
    """Give the arguments of both trainers."""
    from swift.llm.argument import RLHFArguments, TrainArguments  # noqa: PLC0415 - it takes seconds
    from transformers.trainer_utils import IntervalStrategy, SaveStrategy, SchedulerType  # noqa: PLC0415

    # typed as a text, and turned into one of these in transformers' TrainingArguments.__post_init__
    enforced = {
        "eval_strategy": IntervalStrategy,
        "logging_strategy": IntervalStrategy,
        "lr_scheduler_type": SchedulerType,
        "save_strategy": SaveStrategy,
    }
    arguments: dict[str, dict[str, Any]] = {}
    for trainer, cls in (("sft", TrainArguments), ("rlhf", RLHFArguments)):
        hints = typing.get_type_hints(cls)
        for field in dataclasses.fields(cls):
            if not field.init:
                continue
            kinds, items, choices = kinds_of(hints[field.name])
            choices = [member.value for member in enforced.get(field.name, ())] or choices
            if default_of(field) is None:
                kinds.add("null")
            one = arguments.setdefault(
                field.name,
                {
                    "kinds": sorted(kinds),
                    "items": sorted(items),
                    "choices": choices,
                    "owner": owner_of(cls, field.name),
                    "defaults": {},
                },
            )
            one["kinds"] = sorted({*one["kinds"], *kinds})
            one["defaults"][trainer] = default_of(field)
    packages = {name: version(name) for name in ("ms-swift", "transformers", "trl", "peft")}
    return {"schema_version": 1, "recorded_from": packages, "arguments": dict(sorted(arguments.items()))}


def written(data: dict[str, Any]) -> str:
    """Write the table, one argument a line."""
    rows = [f"  {json.dumps(name)}: {json.dumps(one)}" for name, one in data["arguments"].items()]
    head = json.dumps({key: value for key, value in data.items() if key != "arguments"}, indent=1).removesuffix("\n}")
    return head + ',\n "arguments": {\n' + ",\n".join(rows) + "\n }\n}\n"


def main() -> int:
    """Write the table, or compare it."""
    parser = argparse.ArgumentParser(description="Record the arguments of the installed trainer.")
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    check = parser.parse_args().check
    text = written(table())
    same = TABLE.exists() and TABLE.read_text(encoding="utf-8") == text
    if not same and not check:
        TABLE.write_text(text, encoding="utf-8")
    print(f"compiler/{TABLE.name}: {'as recorded' if same else 'differs' if check else 'written'}")
    return int(check and not same)


if __name__ == "__main__":
    sys.exit(main())
