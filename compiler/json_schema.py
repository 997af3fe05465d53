"""What the checks take, as JSON Schema: by it an editor completes keys, and underlines what a check would tell.

A schema describes one fragment, which may be partial: what only a whole preset or mix can be asked is left to the
checks. It is made from the tables that the checks use. An editor knows no warnings here, so it underlines what the
checks call an error: where they let an unknown key pass with a warning, only one that looks misspelt is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from compiler import schema
from compiler.emitter import one_line
from compiler.problems import CLOSE
from compiler.schema import Argument, Field
from compiler.settings import Settings
from compiler.trainer import FLATTENED
from compiler.values import ENTRY_KEYS, KeyPath, node_of

Schema = dict[str, Any]
"""A JSON Schema, as plain data."""

KINDS: Final = ("preset", "component", "fusion")
"""What there is a schema of. A base that is no component has that of a preset."""

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
"""The version of JSON Schema that every editor knows."""

_TYPES: Final = {
    "bool": "boolean",
    "int": "integer",
    "float": "number",
    "str": "string",
    "list": "array",
    "dict": "object",
    "null": "null",
}
_TEXT: Final[Schema] = {"type": "string", "minLength": 1}


def document(kind: str, settings: Settings) -> Schema:
    """Give the schema of a kind of fragment, as a repository's settings make it.

    Args:
        kind: one of `KINDS`.
        settings: the extends keys, the keyed lists, the fusion key; without a trainer no argument is known.
    """
    bases = dict.fromkeys(settings.extends_keys, _BASES)
    made = _mix(bases, settings) if kind == "fusion" else _preset(bases, settings, alone=kind == "component")
    made["allOf"] = [*_apart(bases, "a file names its bases once"), *made["allOf"]]
    told = "No trainer is set, so no argument is known." if settings.trainer is None else f"Of {settings.trainer}."
    return {
        "$schema": DRAFT,
        "description": f"{_SAYS[kind]} {told} Printed by `trainlock schema {kind}`.",
        "type": "object",
        **made,
    }


_SAYS: Final = {
    "preset": "A preset, or a base of one; it may be partial.",
    "component": "A component: a part of a preset, of one section.",
    "fusion": "A fusion config, or an overlay of one; it may be partial.",
}
_BASE: Final[Schema] = {"type": "string", "pattern": r"^(?!/)(?=[\s\S]*\S)[\s\S]*[^/]$"}
_BASES: Final[Schema] = {
    "description": "The bases: a path, or a list of paths, relative to this file. They apply in order, this file last.",
    "type": ["string", "array"],
    "items": _BASE,
    "pattern": _BASE["pattern"],
}


def _apart(keys: Iterable[str], message: str) -> list[Schema]:
    """Refuse two of some keys in one mapping; each of the two is underlined."""
    names = list(keys)
    return [
        {
            "if": {"required": [key]},
            "then": {"properties": {other: False for other in names if other != key}, "errorMessage": message},
        }
        for key in names
        if len(names) > 1
    ]


# ---------------------------------------------------------------------------------------------- presets, components


def _preset(bases: Schema, settings: Settings, *, alone: bool) -> Schema:
    """Give the schema of a preset, or that of a component, which holds one section alone."""
    message = "a component holds one section"
    made: Schema = {"properties": bases, "allOf": [], "definitions": {}}
    if settings.trainer is not None:
        sections = {section: _section(section, settings.trainer) for section in schema.SECTIONS}
        sections |= {key: _own(field) for key, field in schema.PROJECT[""].items()}
        made["properties"] = {**bases, **sections}
        made["definitions"] = {key: _argument(one, settings.trainer) for key, one in schema.arguments().items()}
        made |= {"additionalProperties": False} if alone else _open(made["properties"], schema.everything())
        made["allOf"] += [_nested(), *(_apart(sections, message) if alone else [])]
    elif alone:
        with_bases = {"anyOf": [{"required": [key]} for key in bases], "maxProperties": 2}
        made["allOf"].append({"anyOf": [{"maxProperties": 1}, with_bases], "errorMessage": message})
    if settings.fusion_key is not None:
        made["allOf"].append(_at(settings.fusion_key, {"description": _FUSION_KEY, "type": ["string", "null"]}))
    made["allOf"] += [_at(path, _list_of({"type": "object", **_known_by(keys)})) for path, keys in settings.keyed]
    return made


def _nested() -> Schema:
    """Give the schema of a whole document in which only the keys below those of a section are told."""
    made: Schema = {}
    for path, field in schema.NESTED.items():
        place = made
        for step in path:
            place = place.setdefault("properties", {}).setdefault(str(step), {})
        place |= _own(field)
    return made


_FUSION_KEY: Final = "The fusion config: its path, from the root of the repository."


def _section(section: str, trainer: str) -> Schema:
    """Give the schema of a section: the keys that belong in it complete, others that it may hold are only let in."""
    own = {key: _own(field) for key, field in schema.PROJECT.get(section, {}).items()}
    made: Schema = {
        "description": "A section that the project reads.",
        "type": ["object", "null"],
        "properties": own,
    }
    if section in schema.OPEN:
        return {**made, **_open(own, (*schema.everything(), *schema.REMOVED[section]))}
    made["additionalProperties"] = False
    if section in FLATTENED:
        arguments = {key: {"$ref": f"#/definitions/{key}"} for key in schema.arguments() if key not in own}
        at_home = {key: one for key, one in arguments.items() if schema.home_of(key) == section}
        made["description"] = f"A section that becomes arguments of {trainer}."
        made["properties"] = {**own, **at_home}
        made["patternProperties"] = {f"^{key}$": one for key, one in arguments.items() if key not in at_home}
    return made


def _open(known: Iterable[str], refused: Iterable[str]) -> Schema:
    """Let a mapping hold any key but some, and those that look like a known one and are none."""
    names = list(known)
    wrong = [*(key for key in refused if key not in names), *(one for key in names for one in _near(key))]
    return {"patternProperties": {f"^(?!(?:{_any_of(map(_literal, names))})$)(?:{_any_of(wrong)})$": False}}


def _near(key: str) -> list[str]:
    """Give patterns of what differs from a key in one place, and is near it by the measure of `problems.nearest`."""
    found = []
    for start in range(len(key) + 1):
        for end in range(start, len(key) + 1):
            kept = len(key) - (end - start)
            most = int(2 * kept / CLOSE) - len(key) - kept  # letters that may stand in the gap
            if most >= 0:
                found.append(f"{_literal(key[:start])}.{{0,{most}}}{_literal(key[end:])}")
    swapped = (key[:place] + key[place + 1] + key[place] + key[place + 2 :] for place in range(len(key) - 1))
    return [*found, *map(_literal, swapped)]


def _literal(text: str) -> str:
    """Write a text as a pattern; what `re.escape` escapes besides, JavaScript refuses."""
    return re.sub(r"[\\^$.*+?()\[\]{}|/]", r"\\\g<0>", text)


def _any_of(patterns: Iterable[str]) -> str:
    return "|".join(patterns)


def _own(field: Field) -> Schema:
    return {"description": f"{_takes(field)} A key of the project.", **_value(field)}


def _argument(argument: Argument, trainer: str) -> Schema:
    """Give the schema of an argument, whose description is what an editor shows of it."""
    defaults = {name: one_line(node_of(value)) for name, value in argument.defaults.items()}
    told = [f"Default: {text}." for text in dict.fromkeys(defaults.values())]
    if len(told) > 1:
        told = ["Default: " + ", ".join(f"{text} in {name}" for name, text in defaults.items()) + "."]
    alone = [] if "sft" in defaults else ["Only a run of rlhf has it."]
    parts = [_takes(argument.field), *told, f"{argument.owner} of {trainer}.", *alone]
    return {"description": " ".join(parts), **_value(argument.field)}


def _takes(field: Field) -> str:
    """Word what a key takes; of one with choices they are told."""
    if field.choices:
        words = [one_line(node_of(choice)) for choice in _choices(field)]
    else:
        words = (
            [schema.WORDS[kind] for kind in schema.in_order(field.kinds)] if "any" not in field.kinds else ["anything"]
        )
    *others, last = words
    return f"Takes {', '.join(others)} or {last}." if others else f"Takes {last}."


def _choices(field: Field) -> list[Any]:
    """Give every value that a key with choices takes; a boolean and null are no choice, and are taken all the same."""
    also = {"bool": (True, False), "null": (None,)}
    return [*field.choices, *(value for kind in also if kind in field.kinds for value in also[kind])]


def _value(field: Field) -> Schema:
    """Give the schema of what a key takes."""
    if "any" in field.kinds:
        return {}
    types = [_TYPES[kind] for kind in schema.in_order(field.kinds)]
    if field.choices:  # the language server quotes a choice such as `no` where texts come first
        return {"type": sorted(types, key=lambda name: name != "string"), "enum": _choices(field)}
    items = {"items": _value(Field(field.items))} if field.items else {}
    return {"type": types if len(types) > 1 else types[0], **items}


def _at(path: KeyPath, below: Schema) -> Schema:
    """Give the schema of a whole document of which only one place is told."""
    for step in reversed(path):
        below = {"properties": {str(step): below}}
    return below


# ---------------------------------------------------------------------------------------------- lists of entries, mixes


def _list_of(entry: Schema) -> Schema:
    return {"type": ["array", "null"], "items": entry}


def _known_by(keys: tuple[str, ...]) -> Schema:
    """Ask of an entry that the first of some keys which it holds is a text; null and an empty one do not count."""
    unset: Schema = {"enum": [None, ""]}
    return {
        "anyOf": [
            {"required": [key], "properties": {**dict.fromkeys(keys[:index], unset), key: _TEXT}}
            for index, key in enumerate(keys)
        ]
    }


_TOLD: Final = {
    "name": "What the entry is known by: an overlay changes the entry of the base of that name.",
    "dataset": "The dataset, by which the project reads it; what the entry is known by if it has no name.",
    "train_jsonl": "The samples that are trained on.",
    "val_jsonl": "The samples that are evaluated on; of a source none are.",
    "ratio": "Of a target the share of its samples that is drawn, all of them if it is not set; a source needs one, "
    "and gives this share of the number of target samples.",
    "template": "The prompts of the entry; it matches the mode by its name.",
    "mode": "How samples are worded.",
    "sample_without_replacement": "Draw no sample twice, where there are enough.",
    "max_objects_per_image": "The most objects in an image of a source; a target does not look at it.",
    "augmentation_enabled": "Augment the samples of a target; those of sources never are.",
    "curriculum_enabled": "Let the augmentation curriculum reach the samples.",
    "seed": "Goes into the seed of the drawing; null is 0. `training.seed` does not.",
}
"""What an editor shows of each key of an entry (the project's src/datasets/)."""


_ASKED: Final = ("dataset", "train_jsonl", "ratio")
"""The keys of an entry that every mix is asked for, whatever trains on it."""


def _entry(*, is_trained: bool) -> Schema:
    """Give the schema of an entry; an overlay may set any key to null, which the checks of the whole mix look at."""
    bound: Schema = {"minimum": 0}
    keys = {
        key: {
            "description": _TOLD[key],
            **(_value(Field(field.kinds | {"null"}, choices=field.choices)) if is_trained or key in _ASKED else {}),
            **(bound if key == "ratio" else {}),
        }
        for key, field in schema.ENTRY.items()
    }
    made = {"type": "object", "properties": keys, **_known_by(ENTRY_KEYS)}
    return {**made, **_open(keys, ())} if is_trained else made


def _mix(bases: Schema, settings: Settings) -> Schema:
    is_trained = settings.trainer is not None  # the keys are those of its project, so that another may have a near one
    lists = {
        "targets": {"description": "What is trained for.", **_list_of({"$ref": "#/definitions/entry"})},
        "sources": {"description": "What is mixed in.", **_list_of({"$ref": "#/definitions/entry"})},
    }
    made: Schema = {
        "properties": {**bases, **lists},
        "allOf": [],
        "definitions": {"entry": _entry(is_trained=is_trained)},
    }
    return {**made, **_open(made["properties"], schema.REMOVED["fusion"])} if is_trained else made
