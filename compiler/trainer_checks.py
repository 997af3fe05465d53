"""Checks of a resolved preset against what its trainer takes: keys, types and choices.

A check judges and never repairs. Each is a function with an example that is its test.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from compiler import schema
from compiler.emitter import scalar_text, shown
from compiler.mending import mend
from compiler.problems import Problem, Severity, nearest
from compiler.schema import WORDS, Field, fits, kind_of
from compiler.trainer import FLATTENED, is_rlhf
from compiler.values import KeyPath, Node, show_path, under

_NESTING: Final = {path[:2] for path in schema.NESTED}
"""The keys below which some keys are known."""


def is_sound(own: Node) -> bool:
    """Say that nothing is wrong with any key of a fragment, whatever it is merged with.

    Not told of an argument of rlhf alone, as that hangs on `rlhf.rlhf_type`, nor of a section that is no mapping.
    """
    is_plain = True
    for section, node in own.value.items():
        if section not in schema.SECTIONS:
            is_plain = False
        elif type(node.value) is not dict:
            return False
        else:
            for key, child in node.value.items():
                if schema.is_of_rlhf_alone(section, key):
                    return False
                field = schema.field_of(section, key)
                if key in RANGES and type(child.value) in (int, float) and not RANGES[key].takes(child.value):
                    return False
                is_nesting = type(child.value) is dict and (section, key) in _NESTING
                if field is None or field.choices or field.items or is_nesting or not fits(child.value, field.kinds):
                    is_plain = False
    return is_plain or not any(True for check in (unknown_arguments, wrong_values, wrong_choices) for _ in check(own))


class Range(NamedTuple):
    """The numbers that a key takes, of those that its type allows: from `least` to `most`, or steps.

    Steps are a share of all of them up to 1, and beyond that a whole number.
    """

    least: float
    most: float = math.inf
    is_steps: bool = False
    hint: str = ""

    def takes(self, value: float) -> bool:
        """Say whether a number is one of them."""
        if self.is_steps:
            return value > 0 and (value <= 1 or type(value) is int or value.is_integer())
        return self.least <= value <= self.most

    def said(self) -> str:
        """Say which numbers they are."""
        if self.is_steps:
            return "a whole number of steps, or a share of all of them"
        return f"{self.least:g} or more" if self.most == math.inf else f"a number from {self.least:g} to {self.most:g}"


RANGES: Final[dict[str, Range]] = {
    **dict.fromkeys(("eval_steps", "logging_steps", "save_steps"), Range(0, is_steps=True)),
    **dict.fromkeys(
        (
            *("effective_batch_size", "per_device_train_batch_size", "per_device_eval_batch_size"),
            *("gradient_accumulation_steps", "generation_batch_size", "steps_per_generation"),
            "torch_empty_cache_steps",
        ),
        Range(1),
    ),
    "warmup_ratio": Range(0, 1, hint="`warmup_steps` takes a number of steps"),
    "warmup_steps": Range(0),
}
"""The numbers that some keys take (transformers/training_args.py; a batch of none is divided by)."""


def _sections(values: Node) -> Iterator[tuple[str, Node]]:
    """Yield the sections of a preset that are mappings."""
    for section, node in values.value.items():
        if section in schema.SECTIONS and type(node.value) is dict:
            yield section, node


def unknown_sections(values: Node) -> Iterator[Problem]:
    """A preset has the sections that the loader reads; one that is misspelt is passed over with all that it holds.

    A key that is like nothing known is a warning: a preset may carry notes.

    Bad:
        trainning: {seed: 17}

    Good:
        training: {seed: 17}
    """
    for key, node in values.value.items():
        if key in schema.SECTIONS or key in schema.PROJECT[""]:
            continue
        known = (*schema.SECTIONS, *schema.PROJECT[""])
        home, near, far = schema.home_of(key), nearest(key, known), nearest(key, schema.everything())
        if home is not None:
            hint = _belongs(key, home)
        elif near is not None:
            hint = f"did you mean `{near}`?"
        elif far is not None:
            hint = _meant(far, schema.home_of(far))
        else:
            hint = "the sections are " + ", ".join(f"`{section}`" for section in schema.SECTIONS)
        severity: Severity = "error" if near is not None or home is not None else "warning"
        why = "the loader keeps what it does not know at the top of a preset, and trains without it"
        yield Problem("unknown-section", f"`{key}` is no section", node.origin, why=why, hint=hint, severity=severity)


def unknown_arguments(values: Node) -> Iterator[Problem]:
    """A section holds the arguments of the trainer, and the project's own keys.

    Stricter than the trainer in `rlhf` where no `rlhf.rlhf_type` makes the loader read it, and in `custom`, which may
    hold anything: a key there is an error if it is like one that is known, else a warning.

    Bad:
        training: {learning_rat: 1.0e-4}

    Good:
        training: {learning_rate: 1.0e-4}
    """
    has_rlhf = is_rlhf(values)
    for section, holder in _sections(values):
        for key, node in holder.value.items():
            field = schema.field_of(section, key)
            if field is None:
                yield _unknown(section, key, node)
            elif not has_rlhf and section != "rlhf" and schema.is_of_rlhf_alone(section, key):
                why = "`rlhf.rlhf_type` is not set, and the arguments of any other run have no such key"
                message = f"`{section}.{key}` is an argument of rlhf alone"
                hint = "set `rlhf.rlhf_type`, or take the key out"
                yield Problem("unknown-argument", message, node.origin, why=why, hint=hint)


def _belongs(key: str, home: str) -> str:
    return f"`{key}` belongs in `{home}`" if home else f"`{key}` belongs at the top of the preset"


def _meant(key: str, home: str | None) -> str:
    return f"did you mean `{key}`, in `{home}`?" if home else f"did you mean `{key}`, at the top of the preset?"


def _unknown(section: str, key: str, node: Node) -> Problem:
    """Word that a section has no such key: where it belongs, or what it was most likely meant to be."""
    message, is_open = f"`{section}` has no `{key}`", section in schema.OPEN
    if key in schema.REMOVED.get(section, ()):
        why = "the project took the key out, and stops where a preset still holds it"
        return Problem("unknown-argument", message, node.origin, why=why, hint="take the key out")
    home = schema.home_of(key)
    own = [known for known in schema.keys_of(section) if schema.home_of(known) == section]
    near = nearest(key, schema.everything()) if section in FLATTENED else None
    # of two that are as close, the one that belongs here
    near = nearest(key, [*own, near] if near is not None else own)
    far = near or nearest(key, schema.everything())
    if home is not None:
        hint = _belongs(key, home)
    elif far is not None:
        belongs = section if far in own else schema.home_of(far)
        hint = f"did you mean `{far}`?" if belongs == section else _meant(far, belongs)
    else:
        hint = "" if is_open or section in FLATTENED else "there is " + ", ".join(f"`{name}`" for name in own)
    severity: Severity = "error"
    if is_open:
        why = "the project keeps what it does not know there, and passes over it"
        severity = "warning" if home is None and near is None else "error"
    else:
        refused = "the trainer refuses an argument that it does not have"
        why = refused if section in FLATTENED else "the project does not read it there"
    return Problem("unknown-argument", message, node.origin, why=why, hint=hint, severity=severity)


def wrong_values(values: Node) -> Iterator[Problem]:
    """A value has a type that its key takes.

    Stricter than the trainer on purpose where what it makes of a value hangs on luck: a text or a number for a boolean
    (every text counts as true), a whole number written `17.0`, a number or a date for a text, null where it has a value
    of its own, a text for the sample limits and the switches that the project parses, and anything in an `rlhf` section
    that is not read.

    Bad:
        training: {learning_rate: 2e-5}

    Good:
        training: {learning_rate: 2.0e-5}
    """
    for key, node in values.value.items():
        field = schema.field_of("", key)
        if field is not None:
            yield from type_problems((key,), node, field)
        elif key in schema.SECTIONS and type(node.value) is not dict:
            yield from _no_mapping(key, node)
    for section, holder in _sections(values):
        for key, node in holder.value.items():
            field = schema.field_of(section, key)
            if field is not None:
                yield from type_problems((section, key), node, field)
    for path, field in schema.NESTED.items():
        below = under(values, path)
        if below is not None:
            yield from type_problems(path, below, field)


def wrong_choices(values: Node) -> Iterator[Problem]:
    """A value is among the choices of its key, where there are some.

    Stricter than the trainer for a few arguments whose choices only its command line enforces.

    Bad:
        training: {save_strategy: step}

    Good:
        training: {save_strategy: steps}
    """
    for section, holder in _sections(values):
        for key, node in holder.value.items():
            field = schema.field_of(section, key)
            if field is not None:
                yield from choice_problems((section, key), node, field)


def choice_problems(path: KeyPath, node: Node, field: Field) -> Iterator[Problem]:
    """Tell a value that is of a type that its key takes, and none of its choices."""
    value = node.value
    if not field.choices or type(value) not in (str, int) or not fits(value, field.kinds) or value in field.choices:
        return
    by_text = {str(choice): choice for choice in field.choices}
    near = nearest(str(value), by_text) or nearest(str(value).lower(), by_text)
    takes = "it takes " + ", ".join(f"`{scalar_text(choice).decode()}`" for choice in field.choices)
    hint = f"did you mean `{scalar_text(by_text[near]).decode()}`?" if near is not None else takes
    message = f"`{show_path(path)}` is {shown(node)}, which is none of its choices"
    yield Problem("wrong-choice", message, node.origin, hint=hint)


def out_of_range(values: Node) -> Iterator[Problem]:
    """A number is among those that its key takes.

    Stricter than the trainer where it divides by nothing only later: a batch or a number of steps below one.

    Bad:
        training: {warmup_ratio: 3}

    Good:
        training: {warmup_ratio: 0.03}
    """
    for section, holder in _sections(values):
        for key, node in holder.value.items():
            field, taken = schema.field_of(section, key), RANGES.get(key)
            if field is None or taken is None or type(node.value) not in (int, float):
                continue
            if fits(node.value, field.kinds) and not taken.takes(node.value):
                message = f"`{show_path((section, key))}` is {shown(node)}, and takes {taken.said()}"
                yield Problem("out-of-range", message, node.origin, hint=taken.hint)


def _no_mapping(section: str, node: Node) -> Iterator[Problem]:
    """Tell a section that is no mapping; a null is an empty section, and `null-override` tells what it overrode."""
    if node.value is not None:
        message = f"`{section}` is {_word(node.value)} {shown(node)}, and a section is a mapping"
        yield Problem("wrong-type", message, node.origin, hint="write its keys below it, one a line")


def type_problems(path: KeyPath, node: Node, field: Field) -> Iterator[Problem]:
    """Tell a value that its key does not take, or an item of a list that the list does not."""
    if not fits(node.value, field.kinds):
        why, hint = mend(path, node.value, field)
        yield _wrong_type(path, node, field.kinds, why, hint)
    elif type(node.value) is list and field.items:
        for index, item in enumerate(node.value):
            if not fits(item.value, field.items):
                why, hint = mend((*path, index), item.value, Field(field.items))
                yield _wrong_type((*path, index), item, field.items, why, hint)


def _wrong_type(path: KeyPath, node: Node, kinds: frozenset[str], why: str, hint: str) -> Problem:
    takes = " or ".join(WORDS[kind] for kind in schema.in_order(kinds - {"null"}))
    value = "null" if node.value is None else f"{_word(node.value)} {shown(node)}"
    message = f"`{show_path(path)}` is {value}, and takes {takes}"
    return Problem("wrong-type", message, node.origin, why=why, hint=hint)


def _word(value: Any) -> str:
    return "the " + WORDS.get(kind_of(value), "a date").removeprefix("a ")
