"""Checks of a resolved preset against what its trainer takes: keys, types, choices, and what must fit together.

A check judges and never repairs. Each is a function with an example that is its test; all of them run where
`[tool.trainlock]` names a trainer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from compiler import schema
from compiler.effective import FLATTENED
from compiler.emitter import scalar_text, shown
from compiler.problems import Note, Problem, Severity, nearest
from compiler.schema import Field, fits, kind_of, mend
from compiler.trainer import DEFAULT_GENERATIONS, held
from compiler.values import KeyPath, Node, show_path, under

_WORDS: Final = {
    "bool": "a boolean",
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "list": "a list",
    "dict": "a mapping",
    "null": "null",
}


def problems_of(values: Node, rest: Node | None = None) -> list[Problem]:
    """Give everything that is wrong with a resolved preset, as its trainer sees it.

    Args:
        values: of the preset.
        rest: what of it must be looked at key by key, as `Sound` gives it; everything, if None.
    """
    found: list[Problem] = []
    for check in (unknown_arguments, wrong_values, wrong_choices):
        found += check(values if rest is None else rest)
    for check in (unknown_sections, curriculum_off, deepspeed_config, rewards, batches):
        found += check(values)
    return found


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
                if field is None or field.choices or field.items or not fits(child.value, field.kinds):
                    is_plain = False
    return is_plain or not any(True for check in (unknown_arguments, wrong_values, wrong_choices) for _ in check(own))


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
        home, near, far = schema.home_of(key), nearest(key, known), nearest(key, _everything())
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
    is_rlhf = held(values, "rlhf", "rlhf_type") is not None
    for section, holder in _sections(values):
        for key, node in holder.value.items():
            field = schema.field_of(section, key)
            if field is None:
                yield _unknown(section, key, node)
            elif not is_rlhf and section != "rlhf" and schema.is_of_rlhf_alone(section, key):
                why = "`rlhf.rlhf_type` is not set, and the arguments of any other run have no such key"
                message = f"`{section}.{key}` is an argument of rlhf alone"
                hint = "set `rlhf.rlhf_type`, or take the key out"
                yield Problem("unknown-argument", message, node.origin, why=why, hint=hint)


def _everything() -> list[str]:
    """Give every key that belongs anywhere."""
    return [*(key for fields in schema.PROJECT.values() for key in fields), *schema.arguments()]


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
    near = nearest(key, _everything()) if section in FLATTENED else None
    # of two that are as close, the one that belongs here
    near = nearest(key, [*own, near] if near is not None else own)
    far = near or nearest(key, _everything())
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
    """A value has a type that its key takes, and is among the choices where there are some.

    Stricter than the trainer on purpose where what it makes of a value hangs on luck: a text or a number for a boolean
    (every text counts as true), a whole number written `17.0`, a number or a date for a text, null where it has a value
    of its own, a text for the sample limits and the switches that the project parses, and anything in an `rlhf` section
    that is not read.

    Bad:
        training: {learning_rate: 2e-5}

    Good:
        training: {learning_rate: 2.0e-5, save_strategy: steps}
    """
    for key, node in values.value.items():
        field = schema.field_of("", key)
        if field is not None:
            yield from _type_problems((key,), node, field)
        elif key in schema.SECTIONS and type(node.value) is not dict:
            yield from _no_mapping(key, node)
    for section, holder in _sections(values):
        for key, node in holder.value.items():
            field = schema.field_of(section, key)
            if field is not None:
                yield from _type_problems((section, key), node, field)


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
            field, value = schema.field_of(section, key), node.value
            if field is None or not field.choices or type(value) not in (str, int) or not fits(value, field.kinds):
                continue
            if value in field.choices:
                continue
            by_text = {str(choice): choice for choice in field.choices}
            near = nearest(str(value), by_text) or nearest(str(value).lower(), by_text)
            takes = "it takes " + ", ".join(f"`{scalar_text(choice).decode()}`" for choice in field.choices)
            hint = f"did you mean `{scalar_text(by_text[near]).decode()}`?" if near is not None else takes
            message = f"`{section}.{show_path((key,))}` is {shown(node)}, which is none of its choices"
            yield Problem("wrong-choice", message, node.origin, hint=hint)


def _no_mapping(section: str, node: Node) -> Iterator[Problem]:
    """Tell a section that is no mapping; a null that overrode nothing is an empty section, and harmless."""
    if node.value is not None:
        message = f"`{section}` is {_word(node.value)} {shown(node)}, and a section is a mapping"
        yield Problem("wrong-type", message, node.origin, hint="write its keys below it, one a line")
    elif node.shadows and node.shadows[0].value is not None:
        yield Problem(
            "wrong-type",
            f"`{section}` is null, and a section is a mapping",
            node.origin,
            why="null takes the place of all that the bases set there",
            notes=(Note(node.shadows[0].origin, "is overridden"),),
            hint="take the line out to keep what the bases set",
            severity="warning",
        )


def _type_problems(path: KeyPath, node: Node, field: Field) -> Iterator[Problem]:
    if not fits(node.value, field.kinds):
        why, hint = mend(path, node.value, field)
        yield _wrong_type(path, node, field.kinds, why, hint)
    elif type(node.value) is list and field.items:
        for index, item in enumerate(node.value):
            if not fits(item.value, field.items):
                why, hint = mend((*path, index), item.value, Field(field.items))
                yield _wrong_type((*path, index), item, field.items, why, hint)


def _wrong_type(path: KeyPath, node: Node, kinds: frozenset[str], why: str, hint: str) -> Problem:
    named = [kind for kind in _WORDS if kind in kinds and kind != "null" and not (kind == "int" and "float" in kinds)]
    takes = " or ".join(_WORDS[kind] for kind in named)
    value = "null" if node.value is None else f"{_word(node.value)} {shown(node)}"
    message = f"`{show_path(path)}` is {value}, and takes {takes}"
    return Problem("wrong-type", message, node.origin, why=why, hint=hint)


def _word(value: Any) -> str:
    return "the " + _WORDS.get(kind_of(value), "a date").removeprefix("a ")


# ---------------------------------------------------------------------------------------------- what must fit together


def curriculum_off(values: Node) -> Iterator[Problem]:
    """A curriculum needs augmentation: the trainer refuses one that is set while augmentation is off (src/sft.py).

    Bad:
        custom: {augmentation: {enabled: false}, augmentation_curriculum: {phases: []}}

    Good:
        custom: {augmentation: {enabled: false}, augmentation_curriculum: null}
    """
    curriculum = under(values, ("custom", "augmentation_curriculum"))
    if curriculum is None or curriculum.value is None:
        return
    enabled = under(values, ("custom", "augmentation", "enabled"))
    augmentation = under(values, ("custom", "augmentation"))
    off = enabled if enabled is not None and enabled.value is False else None
    if off is None and augmentation is not None and augmentation.value is None:
        off = augmentation
    if off is not None:
        yield Problem(
            "curriculum-off",
            "`custom.augmentation_curriculum` is set, and augmentation is off",
            curriculum.origin,
            why="the trainer stops with an error",
            notes=(Note(off.origin, "turns augmentation off"),),
            hint="write `augmentation_curriculum: null`, or turn augmentation on",
        )


def deepspeed_config(values: Node) -> Iterator[Problem]:
    """Deepspeed that is enabled needs a config (the project's src/config/schema.py).

    Bad:
        deepspeed: {enabled: true}

    Good:
        deepspeed: {enabled: true, config: zero2}
    """
    section = under(values, ("deepspeed",))
    if section is None or type(section.value) is not dict:
        return
    enabled, config = section.value.get("enabled"), section.value.get("config")
    why = "the project stops with an error"
    if enabled is None:
        message = "`deepspeed` does not say whether it is enabled"
        hint = "write `enabled: true` or `enabled: false` there"
        yield Problem("deepspeed-config", message, section.origin, why=why, hint=hint)
    elif enabled.value is True and (config is None or config.value is None or config.value == ""):
        place, hint = config or enabled, "name one, such as `config: zero2`, or write `enabled: false`"
        message = "deepspeed is enabled, and has no config"
        yield Problem("deepspeed-config", message, place.origin, why=why, hint=hint)


def _argument(values: Node, key: str) -> Node | None:
    """Give what the last section that holds an argument has for it; it is the one that wins."""
    found = (under(values, (section, key)) for section in reversed(FLATTENED))
    return next((node for node in found if node is not None), None)


def rewards(values: Node) -> Iterator[Problem]:
    """Every reward function of GRPO has one weight (the project's src/config/grpo.py, ms-swift's grpo_trainer.py).

    Where a reward model is set nothing is counted: the trainer gives it a weight, too.

    Bad:
        rlhf: {rlhf_type: grpo, reward_funcs: [a, b], reward_weights: [1.0]}

    Good:
        rlhf: {rlhf_type: grpo, reward_funcs: [a, b], reward_weights: [1.0, 2.0]}
    """
    if held(values, "rlhf", "rlhf_type") != "grpo":
        return
    functions, weights, model = (_argument(values, f"reward_{key}") for key in ("funcs", "weights", "model"))
    if weights is None or type(weights.value) is not list:
        return
    if (model is not None and model.value) or (
        functions is not None and type(functions.value) not in (list, type(None))
    ):
        return
    count = len(functions.value) if functions is not None and functions.value else 0
    if len(weights.value) != count:
        yield Problem(
            "reward-count",
            f"{_counted(count, 'reward function')} and {_counted(len(weights.value), 'weight')} do not match",
            weights.origin,
            why="the trainer stops with an error",
            notes=(Note(functions.origin, "lists the functions"),) if functions is not None else (),
            hint="give each function one weight, in the same order"
            if count
            else "list the functions in `reward_funcs`",
        )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def batches(values: Node) -> Iterator[Problem]:
    """The batch of GRPO holds whole groups of generations (the project's src/config/grpo.py, trl's grpo_config.py).

    Where `num_generations` is not set it is the trainer's own.

    Bad:
        rlhf: {rlhf_type: grpo, generation_batch_size: 24, num_generations: 5}

    Good:
        rlhf: {rlhf_type: grpo, generation_batch_size: 24, num_generations: 4}
    """
    if held(values, "rlhf", "rlhf_type") != "grpo":
        return
    batch, group = (_argument(values, key) for key in ("generation_batch_size", "num_generations"))
    if batch is None or type(batch.value) is not int:
        return
    number = DEFAULT_GENERATIONS if group is None else group.value
    if type(number) is int and number > 0 and batch.value % number:
        less = batch.value - batch.value % number
        fits = f"`{less}` or `{less + number}`" if less > 0 else f"`{number}`"
        yield Problem(
            "grpo-batch",
            f"`generation_batch_size` {batch.value} is no multiple of `num_generations` {number}",
            batch.origin,
            why="the trainer stops with an error: it compares whole groups of generations",
            notes=(Note(group.origin, "sets the generations"),) if group is not None else (),
            hint=f"write {fits}"
            + ("" if group is not None else "; `num_generations` is the trainer's own, as it is not set"),
        )
