"""Legacy records of what a team's own loader resolves: for a script of theirs, run once before the first edit.

    from compiler.recording import record
    from loader import load                 # theirs: takes the path of a preset, gives the values that it resolves to

    raise SystemExit(record(load))

Nothing is resolved here: what proves the locks may not be made by what makes them. The config root is copied to
`legacy/`, what the loader gives for each preset is written below `legacy/records/`, and `legacy/mapping.yaml` maps each
preset to itself where there is no mapping yet.
"""

from __future__ import annotations

import datetime
import functools
import math
import os
import posixpath
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from compiler import legacy, settings
from compiler.as_json import json_text
from compiler.catalog import Layout
from compiler.console import prepare, tell, write
from compiler.emitter import key_text, scalar_text
from compiler.mapping import DEFAULT
from compiler.pipeline import Workspace
from compiler.problems import Invalid, Problem, TrainlockError, UsageError
from compiler.reach import presets_of
from compiler.store import read_file, write_file
from compiler.values import MAX_DEPTH, MAX_INT, KeyPath, Origin, node_of, show_path, under

Loader = Callable[[str], Any]
"""Takes the path of a file, from the working folder, and gives its resolved values: mappings, lists and scalars."""


def record(load: Loader, *, load_mix: Loader | None = None) -> int:
    """Record what a loader resolves from every preset of the repository around the working folder.

    All or nothing: where one preset cannot be recorded, no file is written. Prints what was done, and what is wrong on
    stderr. With TRAINLOCK_DEBUG in the environment an error of the loader flies on, for its traceback.

    Args:
        load: loads a preset as the trainer does, up to the point where code makes objects of its values.
        load_mix: loads a fusion config that a preset names by the `fusion-key` of the settings; `load`, if None.

    Returns:
        What a script exits with: 0, or 1 or 2 where something is wrong.
    """
    prepare()
    try:
        layout = Layout(root := settings.find_root(os.getcwd()), settings.load(root))
        presets, mixes = record_all(layout, load, load_mix or load)
    except TrainlockError as error:
        tell(error.problems)
        return error.exit_code
    counts = f"{presets} preset{'' if presets == 1 else 's'}" + (f", {mixes} fusion configs" if mixes else "")
    write(sys.stdout, f"recorded {counts} below {legacy.FOLDER}: `trainlock prove` holds the locks against them\n")
    return 0


def record_all(layout: Layout, load: Loader, load_mix: Loader) -> tuple[int, int]:
    """Write the legacy side of a repository; gives how many presets and how many fusion configs it holds.

    Raises:
        Invalid: `not-recorded`, with everything that a record cannot hold; `write-failed`.
        UsageError: `no-presets`; `bad-usage`, as there is another legacy side, or the config root can have none.
    """
    tree = _tree(layout)
    workspace = Workspace(layout)
    workspace.everything()  # says so where there is no preset
    problems: list[Problem] = []
    presets = {source: _values(layout, source, load, problems) for source in presets_of(workspace)}
    named = {} if problems else {_mix(values, layout): source for source, values in presets.items()}
    mixes = {}
    for mix, source in sorted(named.items()):
        if mix and layout.below_configs(posixpath.normpath(mix)) is None:
            problems.append(_unfit(source, f"names the fusion config `{mix}`, which lies outside the config root", ()))
        elif mix:
            mixes[mix] = _values(layout, mix, load_mix, problems)
    if problems:
        raise Invalid(*problems)
    for path, data in tree.items():
        write_file(layout, f"{legacy.FOLDER}/{path}", data)
    digest = functools.cache(functools.partial(legacy.tree_digest, layout.absolute(legacy.FOLDER)))
    for kind, found in (("preset", presets), ("mix", mixes)):
        for source, values in found.items():
            about = {"schema_version": legacy.SCHEMA_VERSION, "kind": kind, "source": source}
            text = json_text({**about, "tree": digest(legacy.tree_folder(source)), "values": values})
            path = f"{legacy.FOLDER}/records/{posixpath.splitext(source)[0]}.json"
            write_file(layout, path, f"{text}\n".encode())
    if read_file(layout.absolute(DEFAULT)) is None:
        write_file(layout, DEFAULT, _mapping(presets))
    return len(presets), len(mixes)


def _mix(values: Any, layout: Layout) -> str:
    """Give the path of the mix that a preset names; empty where it names none."""
    at = layout.settings.fusion_key
    node = under(node_of(values), at) if at is not None else None
    return node.value if node is not None and type(node.value) is str else ""


def _tree(layout: Layout) -> dict[str, bytes]:
    """Give the files of the config root by path.

    Raises:
        UsageError: `bad-usage`; another tree was recorded before, or there is no place for a copy.
    """
    if layout.configs == "." or layout.configs.startswith(("/", "../")):
        why = f"its copy goes to `{legacy.FOLDER}`, at the same path from there"
        hint = "move the configs to a folder of their own, and name it as `configs`"
        said = f"the config root `{layout.configs}` cannot be recorded"
        raise UsageError(Problem("bad-usage", said, why=why, hint=hint))
    tree = {path: read_file(layout.absolute(path)) or b"" for path in layout.files()}
    top = legacy.tree_folder(layout.configs)
    held = {
        path.removeprefix(f"{legacy.FOLDER}/"): read_file(layout.absolute(path))
        for path in legacy.files(layout.root)
        if path.startswith(f"{legacy.FOLDER}/{top}/")
    }
    if held and held != tree:
        said = f"`{legacy.FOLDER}/{layout.configs}` is another tree than `{layout.configs}`"
        why = "a legacy side is recorded once, before the first edit; after that it is frozen"
        hint = f"delete `{legacy.FOLDER}` to begin anew with the configs as they are now"
        raise UsageError(Problem("bad-usage", said, why=why, hint=hint))
    return tree


def _values(layout: Layout, source: str, load: Loader, problems: list[Problem]) -> Any:
    """Give what a loader makes of a file, as a record holds it; what it cannot hold becomes problems."""
    path = os.path.relpath(layout.absolute(source))
    try:
        loaded = load(path)
    except Exception as error:
        if os.environ.get("TRAINLOCK_DEBUG"):
            raise
        why = f"{type(error).__name__}: {error}"
        hint = "`TRAINLOCK_DEBUG=1` shows where"
        problems.append(
            Problem("not-recorded", f"the loader fails on `{source}`", Origin(source, 0, 0), why=why, hint=hint)
        )
        return {}
    if not isinstance(loaded, Mapping):
        problems.append(_unfit(source, f"is a `{type(loaded).__name__}`, and no mapping", ()))
        return {}
    return _plain(loaded, (), source, problems)


def _plain(value: Any, path: KeyPath, source: str, wrong: list[Problem]) -> Any:
    """Give a value as JSON holds it: of the plain types themselves, whatever subclass a loader has of them."""
    if len(path) > MAX_DEPTH:
        wrong.append(_unfit(source, f"nests more than {MAX_DEPTH} levels deep", path[:1]))
        return None
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                wrong.append(_unfit(source, f"holds the key `{key}`, which is no text", path))
        return {str(key): _plain(child, (*path, str(key)), source, wrong) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(child, (*path, index), source, wrong) for index, child in enumerate(value)]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and -MAX_INT < value < MAX_INT:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (int, float)):
        wrong.append(_unfit(source, "is a number that JSON does not know", path))
    else:
        hint = {"hint": "quote it in the preset, if it is text"} if isinstance(value, datetime.date) else {}
        wrong.append(_unfit(source, f"is a `{type(value).__name__}`", path, **hint))
    return None


_PLAIN: Final = "give what the loader has before code makes objects of it"


def _unfit(source: str, says: str, path: KeyPath, hint: str = _PLAIN) -> Problem:
    what = f"`{show_path(path)}` of `{source}`" if path else f"what the loader gives for `{source}`"
    return Problem(
        "not-recorded",
        f"{what} {says}",
        Origin(source, 0, 0),
        why="a record holds what was resolved: mappings, lists, texts, numbers, true, false and null",
        hint=hint,
    )


_HEAD: Final = b"""\
# Where each preset of the legacy side went: its path from legacy/, and its path from the repository root.
# One that moves is named at its new path; one that is gone for good is mapped to null.
presets:
"""

_TAIL: Final = b"""
# Differences that are accepted, each with a reason, an owner and an expiry.
waivers: []
"""


def _mapping(presets: Mapping[str, Any]) -> bytes:
    """Write a mapping of every preset to itself."""
    return _HEAD + b"".join(b"  %s: %s\n" % (key_text(one), scalar_text(one)) for one in presets) + _TAIL
