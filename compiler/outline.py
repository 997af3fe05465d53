"""Which locks there are, and which files each is made from: kept between runs of doit while no source changes.

doit asks for it before anything else, and parsing every fragment to know it takes longer than all of the rest. What is
kept is bound to the bytes of every source, the names of all files, our code and the settings: where one of these
differs, and where anything is wrong with a source, it is found out anew. Deleting it is always safe.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final, NamedTuple

from compiler.catalog import FUSION_SUFFIXES, Layout
from compiler.console import say
from compiler.problems import Invalid
from compiler.store import read_file, write_file
from compiler.tree import Remembering

if TYPE_CHECKING:  # it parses, and where an outline fits nothing is parsed
    from compiler.pipeline import Workspace

FILE: Final = "outline.json"
"""Its name below the cache folder."""


class Row(NamedTuple):
    """A lock to be.

    Attributes:
        source: what it is made from.
        name: of the source.
        files: every file it is made from, sorted.
        mix: the name of the mix whose lock comes first; empty where there is none.
    """

    source: str
    name: str
    files: list[str]
    mix: str


class Seen(NamedTuple):
    """What the sources are at this moment.

    Attributes:
        key: a digest of everything that an outline hangs on; empty where a source or a folder cannot be read.
        digests: of every source its SHA-256, by path.
    """

    key: str
    digests: dict[str, str]


def look(layout: Layout, tree: Remembering, code: str) -> Seen:
    """Read and hash every source; the tree remembers the bytes, so that each is read once.

    Args:
        layout: where things are.
        tree: the working tree.
        code: a digest of our code and of the settings.
    """
    state = hashlib.sha256(code.encode())
    digests = {}
    listed = tree.walk(layout.configs, layout.build)
    is_whole = not listed.closed
    for path in sorted(listed.files):
        digest = ""
        if path.endswith(FUSION_SUFFIXES):
            try:
                digest = digests[path] = hashlib.sha256(tree.remember(path)).hexdigest()
            except (OSError, ValueError):
                is_whole = False
        state.update(f"{digest} {path}\0{tree.real(path)}\0".encode("utf-8", "surrogateescape"))
    return Seen(state.hexdigest() if is_whole else "", digests)


def load(layout: Layout, seen: Seen) -> list[Row] | None:
    """Give what was kept, if it was found out from what the sources are now."""
    try:
        kept = json.loads(read_file(layout.absolute(f"{layout.cache}/{FILE}")) or b"")
        if not seen.key or kept["key"] != seen.key:
            return None
        rows, paths = kept["rows"], kept["paths"]
        if kept["sha256"] != _digest_of(rows, paths):
            return None
        return [Row(source, name, [paths[place] for place in places], mix) for source, name, places, mix in rows]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def _digest_of(rows: object, paths: object) -> str:
    return hashlib.sha256(repr((rows, paths)).encode("utf-8", "surrogateescape")).hexdigest()


def rows_of(workspace: Workspace) -> list[Row]:
    """Find out which locks there are, mixes first.

    Raises:
        UsageError: `no-presets`.
    """
    everything, name_of = workspace.everything(), workspace.layout.name_of
    mixes = {source for source in everything if workspace.is_mix(source)}
    rows = []
    for source in everything:
        mix = None if source in mixes else workspace.composer.mix_named_by(source)
        files = sorted(workspace.composer.closure(source, fusion=source in mixes))
        first = name_of(mix) if mix is not None and mix in mixes and compiles(workspace, mix) else ""
        rows.append(Row(source, name_of(source), files, first))
    return rows


def compiles(workspace: Workspace, source: str) -> bool:
    """Say whether a source compiles; a mix that does not fails its presets by itself, and doit need not be told."""
    try:
        return bool(workspace.resolve(source))
    except Invalid:
        return False


def keep(workspace: Workspace, seen: Seen, rows: list[Row]) -> None:
    """Keep an outline, if nothing is wrong with any source; that it cannot be written costs the next run a look."""
    if not seen.key or workspace.problems():
        return
    for row in rows:
        try:
            workspace.composer.extends.chain(row.source)
            mix = workspace.composer.mix_named_by(row.source) if not workspace.is_mix(row.source) else row.source
            if (mix is not None and not compiles(workspace, mix)) or not seen.digests.keys() >= set(row.files):
                return
        except Invalid:
            return
    paths = sorted({path for row in rows for path in row.files})
    places = {path: place for place, path in enumerate(paths)}
    packed = [[row.source, row.name, [places[path] for path in row.files], row.mix] for row in rows]
    whole = {"key": seen.key, "paths": paths, "rows": packed, "sha256": _digest_of(packed, paths)}
    path = f"{workspace.layout.cache}/{FILE}"
    try:
        write_file(workspace.layout, path, json.dumps(whole).encode())
    except Invalid as invalid:
        say(f"trainlock: `{path}` cannot be written: {invalid.problems[0].why}; the next run parses every source")
