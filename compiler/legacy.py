"""Legacy records as plain data: what the old loader resolved, read from `legacy/records/**.json`.

Shares nothing with the way in which locks are made. A record that no longer fits the tree that it came from, or the
figures from which that tree was written, is refused.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
from typing import Any, Final, NamedTuple

from compiler.problems import Problem, reason_of
from compiler.values import (
    MAX_DEPTH,
    MAX_INT_DIGITS,
    KeyPath,
    Node,
    Origin,
    canonical,
    digest,
    digest_document,
    leaves,
    node_of,
    under,
)

FOLDER: Final = "legacy"
"""Where the legacy side is kept, from the repository root."""

MAX_BYTES: Final = 16 * 1024 * 1024
"""The largest record, and the largest list of figures, that is read."""

SCHEMA_VERSION: Final = 1
"""Of a record."""

MAKES_ANEW: Final = "the script that made the records makes them anew"


class Record(NamedTuple):
    """What the old loader resolved from one file.

    Attributes:
        path: of the record, from the repository root.
        source: the file, from the legacy folder.
        kind: `preset` or `mix`.
        values: what was resolved; a preset names its mix by the mix's `source`.
    """

    path: str
    source: str
    kind: str
    values: Node


class Records(NamedTuple):
    """The records of a repository by source, and what is wrong with those that were refused, by their source."""

    presets: dict[str, Record]
    mixes: dict[str, Record]
    refused: dict[str, Problem]


def files(root: str) -> list[str]:
    """List every file on which the records of a repository stand, from its root: records, their tree, its figures."""
    legacy = os.path.join(root, FOLDER)
    try:
        folders = sorted(os.listdir(legacy))
    except OSError:
        return []
    found = [path for folder in folders for path in _files(legacy, folder)]
    return [f"{FOLDER}/{path}" for path in (*found, "figures.json") if os.path.isfile(os.path.join(legacy, path))]


def load(root: str, fusion_key: KeyPath) -> Records:
    """Read the records of a repository, and hold each against its tree and the figures.

    Args:
        root: the repository root.
        fusion_key: the key of a preset that names its mix, which the figures count in.
    """
    found: dict[str, dict[str, Record]] = {"preset": {}, "mix": {}}
    refused: dict[str, Problem] = {}
    tree_of = functools.cache(functools.partial(_tree_of, root))
    stale: dict[str, list[str]] = {}
    for below in _files(os.path.join(root, FOLDER), "records"):
        path = f"{FOLDER}/{below}"
        name = below.removeprefix("records/").removesuffix(".json")
        try:
            data = _read(os.path.join(root, path), name)
            record = Record(path, data["source"], data["kind"], node_of(data["values"], Origin(path, 0, 0)))
            canonical(record.values)
        except (OSError, ValueError, KeyError, RecursionError) as error:
            refused[_source_of(root, name)] = _problem("bad-record", path, "cannot be read", _reason(error))
            continue
        top = tree_folder(record.source)
        tree, _ = tree_of(top)
        if data["tree"] == tree:
            found[record.kind][record.source] = record
        elif tree is not None and not os.path.isfile(os.path.join(root, FOLDER, record.source)):
            why = f"there is no `{FOLDER}/{record.source}`"
            refused[record.source] = _problem("bad-record", path, "is of a file that is gone", why, "delete it")
        else:
            stale.setdefault(top, []).append(record.source)
    for top, sources in stale.items():
        refused.update(dict.fromkeys(sources, _stale(top, len(sources), tree_of(top)[1])))
    records = Records(found["preset"], found["mix"], refused)
    _hold_against_figures(root, records, fusion_key)
    return records


def _source_of(root: str, name: str) -> str:
    """Give the file of which a record lies at a place, where the record itself does not say so."""
    there = (name + suffix for suffix in (".yml", ".json") if os.path.isfile(os.path.join(root, FOLDER, name + suffix)))
    return next(there, f"{name}.yaml")


def tree_folder(source: str) -> str:
    """Give the folder of the legacy side that holds the tree of a recorded file: the first step of its path."""
    return source.split("/", maxsplit=1)[0]


def _tree_of(root: str, top: str) -> tuple[str | None, str]:
    """Give the digest of the legacy tree and what to say to a record of another one; None where it cannot be read."""
    try:
        tree = tree_digest(os.path.join(root, FOLDER), top)
    except OSError as error:
        return None, f"the tree cannot be read: {_reason(error)}"
    return tree, f"its digest is {_short(tree)}, and the records say otherwise; the legacy tree is frozen"


def tree_digest(legacy: str, top: str = "configs") -> str:
    """Give `sha256:` of the names and bytes of every file below a folder of the legacy folder, sorted by name."""
    state = hashlib.sha256()
    for path in _files(legacy, top):
        with open(os.path.join(legacy, path), "rb") as file:
            content = hashlib.sha256(file.read()).hexdigest()
        state.update(f"{content} {path}\n".encode("utf-8", "surrogateescape"))
    return f"sha256:{state.hexdigest()}"


def mix_named_by(record: Record, fusion_key: KeyPath) -> str | None:
    """Give the source of the mix that a recorded preset names, or None."""
    node = under(record.values, fusion_key) if fusion_key else None
    named = node.value if node is not None else None
    return named if type(named) is str and named else None


def _files(legacy: str, folder: str) -> list[str]:
    """List the files below a folder of the legacy folder, from there, sorted; of the records those in JSON."""
    return sorted(
        os.path.relpath(os.path.join(where, name), legacy).replace(os.sep, "/")
        for where, _, names in os.walk(os.path.join(legacy, folder))
        for name in names
        if os.path.isfile(os.path.join(where, name)) and (folder != "records" or name.endswith(".json"))
    )


def _read(path: str, name: str) -> dict[str, Any]:
    """Read a record.

    Args:
        path: of the record.
        name: the source, without its suffix, of which a record lies there.
    """
    record = _json(path)
    version = record["schema_version"]
    if type(version) is not int or version != SCHEMA_VERSION:
        raise ValueError(f"its schema version is `{version}`, and {SCHEMA_VERSION} is known")
    if record["kind"] not in ("preset", "mix") or not isinstance(record["values"], dict):
        raise ValueError("it is neither the record of a preset nor that of a mix")
    if not isinstance(record["source"], str) or not isinstance(record["tree"], str):
        raise ValueError("its source or its tree is no text")
    if os.path.splitext(record["source"])[0] != name:
        raise ValueError(f"it says that it is of `{record['source']}`, whose record lies elsewhere")
    if _is_deep(record["values"], MAX_DEPTH):
        raise RecursionError
    return record


def _json(path: str) -> dict[str, Any]:
    """Read a mapping from JSON; what a record could never hold is refused: NaN, a repeated key, a number too long."""
    if not os.path.isfile(path):
        raise FileNotFoundError(2, "No such file or directory", path)
    if os.path.getsize(path) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
    with open(path, encoding="utf-8") as file:
        found = json.load(
            file, object_pairs_hook=_mapping, parse_constant=_number, parse_float=_number, parse_int=_integer
        )
    if not isinstance(found, dict):
        raise ValueError("it holds no mapping")
    return found


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held: dict[str, Any] = {}
    for key, value in pairs:
        if key in held:
            raise ValueError(f"it holds `{key}` twice in one mapping")
        held[key] = value
    return held


def _number(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"`{text}` is no number that JSON knows")
    return number


def _integer(text: str) -> int:
    if len(text.removeprefix("-")) > MAX_INT_DIGITS:
        raise ValueError(f"it holds an integer of more than {MAX_INT_DIGITS:,} digits")
    return int(text)


def _is_deep(value: Any, left: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    return left == 0 or any(_is_deep(child, left - 1) for child in (value.values() if type(value) is dict else value))


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it has no `{error.args[0]}`"
    if isinstance(error, RecursionError):
        return f"it nests more than {MAX_DEPTH} levels deep"
    if isinstance(error, OSError):
        return reason_of(error)
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON: {error.msg[:1].lower()}{error.msg[1:]}, in line {error.lineno}"
    if isinstance(error, UnicodeError):
        return "it holds what is not UTF-8"
    return str(error)


def _short(tree: str) -> str:
    return f"`{tree[:19]}`"


def _problem(code: str, path: str, says: str, why: str, hint: str = MAKES_ANEW) -> Problem:
    return Problem(code, f"the record `{path}` {says}", Origin(path, 0, 0), why=why, hint=hint)


def _stale(top: str, count: int, why: str) -> Problem:
    """Word once that records were made from another tree: it is one edit that concerns all of them."""
    records = "1 record was" if count == 1 else f"{count} records were"
    return Problem(
        "stale-record",
        f"`{FOLDER}/{top}` is not the tree from which {records} made",
        Origin(f"{FOLDER}/records", 0, 0),
        why=why,
        hint=f"undo the edit; if it is meant, {MAKES_ANEW}",
    )


def _hold_against_figures(root: str, records: Records, fusion_key: KeyPath) -> None:
    """Refuse what `legacy/figures.json` denies: by leaves and digest it tells what the old tree was written from.

    It may be left out. A mix comes before the presets that name it, so that these are not blamed for it.
    """
    path = f"{FOLDER}/figures.json"
    groups = (("mix", records.mixes, "dataset_mixes"), ("preset", records.presets, "presets"))
    try:
        figures = _json(os.path.join(root, path))
        known = {group: {**figures[group]} for _, _, group in groups}
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = _reason(error) if not isinstance(error, TypeError) else "a group of figures is no mapping"
        whole = Problem("bad-record", f"`{path}` cannot be read", Origin(path, 0, 0), why=reason)
        for _, held, _ in groups:
            records.refused.update(dict.fromkeys(held, whole))
            held.clear()
        return
    for kind, held, group in groups:
        for source in [*held]:
            record = held[source]
            named = mix_named_by(record, fusion_key) if kind == "preset" else None
            if named in records.refused:
                continue  # the mix is told
            own = {"leaves": sum(1 for _ in leaves(record.values)), "digest": _digest(record, records, fusion_key)}
            if own != known[group].get(source):
                why = f"`{path}` says {_figure(known[group].get(source))}, and the record gives {_figure(own)}"
                records.refused[source] = _problem("wrong-figures", record.path, "does not hold the figures", why)
                del held[source]
        for source in known[group]:
            if source not in held and source not in records.refused:
                why = f"`{path}` counts it below `{group}`"
                says = f"the legacy {kind} `{source}` has no record"
                at = Origin(f"{FOLDER}/records", 0, 0)
                records.refused[source] = Problem("bad-record", says, at, why=why, hint=MAKES_ANEW)


def _figure(figure: Any) -> str:
    if not isinstance(figure, dict):
        return "nothing"
    count = figure.get("leaves")
    return f"{count} {'leaf' if count == 1 else 'leaves'} and {_short(str(figure.get('digest')))}"


def _digest(record: Record, records: Records, fusion_key: KeyPath) -> str:
    """Give the digest of a recorded preset with its mix, as a lock's header has it; of a mix, that of its values."""
    mix = records.mixes.get(mix_named_by(record, fusion_key) or "") if record.kind == "preset" else None
    return digest(digest_document(record.values, fusion_key, mix.values if mix is not None else None))
