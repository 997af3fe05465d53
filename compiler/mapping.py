"""The mapping file: which preset of the legacy side became which preset here, and the waivers.

    presets:
      configs/old/wide.yaml: configs/train/sft/wide.yaml    # from the legacy side's root; from ours
      configs/old/narrow.yaml: null                         # gone for good
    waivers:
      - preset: configs/train/sft/wide.yaml
        document: preset                                    # or `fusion`; `preset` where it is left out
        path: training.learning_rate
        legacy: 2.0e-4                                      # left out where that side has nothing
        compiled: 1.0e-4
        reason: the old rate diverged on the new data
        owner: lena
        expires: 2027-01-31

A waiver accepts exactly one difference: it pins both values. This module looks at no preset.
"""

from __future__ import annotations

import datetime
import posixpath
from typing import Final, NamedTuple

from compiler.problems import Invalid, Note, Problem, did_you_mean
from compiler.reader import read
from compiler.tree import Source, Tree, load
from compiler.values import BadPath, KeyPath, Node, Origin, parse_path

DEFAULT: Final = "legacy/mapping.yaml"
"""Where the mapping of the legacy records lies, from the repository root."""


class Waiver(NamedTuple):
    """A reasoned acceptance of exactly one difference.

    Attributes:
        origin: where it is written.
        preset: the path of the preset, from our root.
        document: `preset` or `fusion`.
        path: of the difference as it is written; `[0]` is an entry that is named so, as nothing is counted.
        legacy, compiled: both values; None where that side has nothing, which is not null.
        reason, owner: why, and who answers for it.
        expires: the last day on which it holds.
    """

    origin: Origin
    preset: str
    document: str
    path: KeyPath
    legacy: Node | None
    compiled: Node | None
    reason: str
    owner: str
    expires: datetime.date


class Mapping(NamedTuple):
    """What a mapping file says.

    Attributes:
        path: of the file.
        presets: from the legacy side's path to ours, with the place of the pair.
        waivers: in the order of the file.
        source: the bytes, for excerpts.
        retired: the legacy presets that are gone for good, mapped to null.
    """

    path: str
    presets: dict[str, tuple[str, Origin]]
    waivers: tuple[Waiver, ...]
    source: Source | None = None
    retired: tuple[str, ...] = ()


def read_mapping(tree: Tree, path: str) -> Mapping:
    """Read a mapping file.

    Args:
        tree: where it lies.
        path: of the file, from the tree's root.

    Raises:
        Invalid: everything that is wrong with its shape: `bad-mapping`, `mapped-twice`, `bad-waiver`.
    """
    source = load(tree, path)
    body = read(source).body
    problems: list[Problem] = []
    for key, node in body.value.items():
        if key not in ("presets", "waivers"):
            hint = did_you_mean(key, ("presets", "waivers"))
            problems.append(Problem("bad-mapping", f"`{key}` is no part of a mapping", node.origin, hint=hint))
    retired: list[str] = []
    presets = _presets(body.value.get("presets"), path, problems, retired)
    waivers = _waivers(body.value.get("waivers"), problems)
    if problems:
        raise Invalid(*problems)
    return Mapping(path, presets, waivers, source, tuple(retired))


def _presets(
    node: Node | None, path: str, problems: list[Problem], retired: list[str]
) -> dict[str, tuple[str, Origin]]:
    example = "such as `configs/old/wide.yaml: configs/train/sft/wide.yaml`"
    if node is None or type(node.value) is not dict:
        origin = node.origin if node is not None else Origin(path, 0, 0)
        said = "`presets` is no mapping of paths to paths" if node is not None else "there is no `presets`"
        why = "it says which preset took the place of each legacy preset"
        problems.append(Problem("bad-mapping", said, origin, why=why, hint=example))
        return {}
    pairs: dict[str, tuple[str, Origin]] = {}
    taken: dict[str, Origin] = {}
    for key, held in node.value.items():
        old, new = _path(key), _path(held.value)
        if old is not None and held.value is None:
            retired.append(old)
            continue
        if old is None or new is None:
            named = f"`{key}`" if key.strip() else "an empty text"
            said = f"{named} is mapped to something that is no path" if old is not None else f"{named} is no path"
            why = "a path counts from the root of its side, and stays below it"
            problems.append(Problem("bad-mapping", said, held.origin, why=why, hint=example))
            continue
        for name, first in ((old, pairs[old][1] if old in pairs else None), (new, taken.get(new))):
            if first is not None:
                why = "each preset is proven by one legacy preset, and each legacy preset proves one"
                notes = (Note(first, "maps it, too"),)
                hint = "take one of the two lines out"
                said = f"`{name}` is mapped twice"
                problems.append(Problem("mapped-twice", said, held.origin, why=why, notes=notes, hint=hint))
        pairs[old] = (new, held.origin)
        taken[new] = held.origin
    return pairs


def _path(written: object) -> str | None:
    """Give a path below a root in its shortest form; None for anything else."""
    if type(written) is not str or not written.strip():
        return None
    path = posixpath.normpath(written)
    return None if path.startswith(("/", "../")) or path in (".", "..") else path


_FIELDS: Final = ("preset", "document", "path", "legacy", "compiled", "reason", "owner", "expires")

_TEXTS: Final = {
    "preset": "such as `preset: configs/train/sft/wide.yaml`",
    "path": "such as `path: training.learning_rate`",
    "reason": "say why the difference is right",
    "owner": "say who answers for it",
}
"""The fields that hold text, each with a hint."""


def _waivers(node: Node | None, problems: list[Problem]) -> tuple[Waiver, ...]:
    if node is None or (node.value is None):
        return ()
    if type(node.value) is not list:
        problems.append(
            Problem("bad-mapping", "`waivers` is no list", node.origin, hint="`waivers: []` waives nothing")
        )
        return ()
    found = []
    for item in node.value:
        wrong = _waiver_problems(item)
        problems += wrong
        if not wrong:
            found.append(_waiver(item))
    return tuple(found)


def _waiver_problems(item: Node) -> list[Problem]:
    if type(item.value) is not dict:
        return [_bad(item.origin, "is no mapping", "it takes " + ", ".join(f"`{name}`" for name in _FIELDS))]
    held = item.value
    wrong = [
        _bad(held[key].origin, f"has no field `{key}`", did_you_mean(key, _FIELDS))
        for key in held
        if key not in _FIELDS
    ]
    for name, hint in _TEXTS.items():
        if name not in held or type(held[name].value) is not str or not held[name].value.strip():
            wrong.append(_bad(held[name].origin if name in held else item.origin, f"needs a text as `{name}`", hint))
    if "legacy" not in held and "compiled" not in held:
        wrong.append(
            _bad(item.origin, "pins no value", "`legacy` and `compiled` are the two values; one may be absent")
        )
    if "document" in held and held["document"].value not in ("preset", "fusion"):
        hint = "`document: fusion` is a difference in the mix; else it may be left out"
        wrong.append(_bad(held["document"].origin, "takes `preset` or `fusion` as `document`", hint))
    expires = held.get("expires")
    if expires is None or type(expires.value) is not datetime.date:
        origin = expires.origin if expires is not None else item.origin
        wrong.append(_bad(origin, "needs a date as `expires`", "such as `expires: 2027-01-31`, without quotes"))
    if not wrong:
        wrong += _path_problems(held["path"])
    return wrong


def _path_problems(node: Node) -> list[Problem]:
    if node.value.startswith("fusion:"):
        hint = "write `document: fusion`, and the path without it"
        return [_bad(node.origin, "has a path that begins with `fusion:`", hint)]
    try:
        parse_path(node.value)
    except BadPath as error:
        return [_bad(node.origin, f"has a path that is none: {error}", "write it as the report does")]
    return []


def _bad(origin: Origin, says: str, hint: str) -> Problem:
    why = "a waiver accepts exactly one difference, for a reason, until a day"
    return Problem("bad-waiver", f"this waiver {says}", origin, why=why, hint=hint)


def _waiver(item: Node) -> Waiver:
    held = item.value
    return Waiver(
        item.origin,
        posixpath.normpath(held["preset"].value),
        held["document"].value if "document" in held else "preset",
        parse_path(held["path"].value),
        held.get("legacy"),
        held.get("compiled"),
        held["reason"].value,
        held["owner"].value,
        held["expires"].value,
    )
