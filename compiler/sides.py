"""The two sides of a proof: a lock read back, sources compiled now, a legacy record; and where each value was written.

A side that cannot be read carries the problems in the place of its values. Places are looked for only where something
differs: a lock has no lines of its sources, so these are composed once more, for their origins alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal, NamedTuple

from compiler import legacy, lockfile
from compiler.catalog import Layout
from compiler.compare import Difference, Document, Policies, Side, entered
from compiler.compose import Composer, Resolved
from compiler.legacy import Record, Records
from compiler.merging import Policy, preset_policy
from compiler.pipeline import Workspace
from compiler.problems import Invalid, Problem
from compiler.proofs import Places
from compiler.settings import Settings
from compiler.tree import Disk, Tree, load
from compiler.values import KeyPath, Node, Origin, canonical, under, unequal_leaves

Made = Literal["lock", "sources", "record", ""]


class Loaded(NamedTuple):
    """One side of one preset.

    Attributes:
        side: its values; None where it does not load.
        made: what they were read from.
        mix: the path of the mix's source, from the side's root; empty where there is none.
        problems: why it does not load, or what is wrong with its lock all the same.
        compose: gives what its sources hold, with its places; None if they do not compose.
        policies: which lists have entries, and so what a step of a path means.
        prefix: what stands before the side's paths in places.
    """

    side: Side | None
    made: Made
    mix: str
    problems: tuple[Problem, ...]
    compose: Callable[[], Side | None]
    policies: Policies = Policies(None)
    prefix: str = ""


def _nothing(*problems: Problem) -> Loaded:
    return Loaded(None, "", "", problems, lambda: None)


def policies_of(settings: Settings) -> Policies:
    """Give which lists have entries in the presets of a repository, and in its mixes."""
    return Policies(preset_policy(settings.keyed))


def _composed(resolved: Resolved) -> Side:
    return Side(resolved.values, resolved.fusion_at, resolved.fusion.values if resolved.fusion is not None else None)


def of_record(
    records: Records, source: str, fusion_key: KeyPath, composer: Composer | None, policies: Policies
) -> Loaded:
    """Load a legacy record with that of the mix that it names.

    Args:
        records: of the repository.
        source: the legacy preset.
        fusion_key: the key that names the mix.
        composer: over the legacy tree, for places.
        policies: by which the record is compared.
    """

    @cache
    def compose() -> Side | None:
        try:
            return _composed(composer.preset(source)) if composer is not None else None
        except Invalid:
            return None

    record = records.presets.get(source)
    if record is None:
        return _nothing(records.refused.get(source) or _no_record("preset", source))
    named = legacy.mix_named_by(record, fusion_key)
    mix: Record | None = records.mixes.get(named) if named is not None else None
    if named is not None and mix is None:
        return _nothing(records.refused.get(named) or _no_record("mix", named))
    side = Side(record.values) if mix is None else Side(record.values, fusion_key, mix.values)
    return Loaded(side, "record", named or "", (), compose, policies, f"{legacy.FOLDER}/")


def _no_record(kind: str, source: str) -> Problem:
    path = f"{legacy.FOLDER}/records"
    message = f"the legacy {kind} `{source}` has no record"
    return Problem("bad-record", message, Origin(path, 0, 0), why=f"`{path}` holds none", hint=legacy.MAKES_ANEW)


def of_tree(workspace: Workspace, source: str, *, locks: bool = True) -> Loaded:
    """Load a preset of a revision, or of another folder: from the lock that lies there, else from its sources.

    A lock that is there and cannot be read is no reason to look elsewhere: nobody knows what was trained.

    Args:
        workspace: the other tree.
        source: of the preset.
        locks: look for a lock; not so where its build folder is ours.
    """

    def read(path: str) -> bytes | None:
        return load(workspace.tree, path).data if workspace.tree.exists(path) else None

    try:
        data = read(workspace.layout.lock_of(source)) if locks else None
    except Invalid as invalid:
        return _nothing(*invalid.problems)
    header = lockfile.header_of(data) if data is not None else None
    if data is not None and (header.source == source if header is not None else lockfile.is_ours(data)):
        return _of_lock(workspace, source, data, read, is_other=True)
    return of_sources(workspace, source)


def of_sources(workspace: Workspace, source: str) -> Loaded:
    """Compile a preset in memory."""
    try:
        resolved = workspace.composer.preset(source)
    except Invalid as invalid:
        return _nothing(*invalid.problems)
    side = _composed(resolved)
    mix = resolved.fusion.source if resolved.fusion is not None else ""
    return Loaded(side, "sources", mix, (), lambda: side, policies_of(workspace.layout.settings))


def of_lock(workspace: Workspace, source: str, read: Callable[[str], bytes | None]) -> Loaded:
    """Read a preset back from its lock on disk.

    Args:
        workspace: the repository.
        source: of the preset.
        read: gives the bytes of a lock on disk, or None where there is none.
    """
    lock = workspace.layout.lock_of(source)
    data = read(lock)
    return _nothing(lockfile.missing(lock)) if data is None else _of_lock(workspace, source, data, read)


def _of_lock(
    workspace: Workspace, source: str, data: bytes, read: Callable[[str], bytes | None], *, is_other: bool = False
) -> Loaded:
    """Load a lock; of another tree one that is not what its header says, which no launch took, is none."""
    layout = workspace.layout

    @cache
    def compose() -> Side | None:
        try:
            resolved = workspace.composer.preset(source)
        except Invalid:
            return None
        return _composed(resolved)._replace(values=lockfile.locked_values(resolved, layout))

    try:
        lock = lockfile.decode(layout.lock_of(source), data)
        side = side_of_lock(lock, layout, read)
        if is_other and lockfile.digest_of(lock, side.fusion_at, side.fusion) != lock.header.digest:
            return _nothing(lockfile.unlike_digest(layout.lock_of(source)))
        mix = _source_of(read(lock.header.fusion_lock)) if side.fusion is not None else ""
    except Invalid as invalid:
        return _nothing(*invalid.problems)
    return Loaded(side, "lock", mix, (), compose, policies_of(layout.settings))


def side_of_lock(lock: lockfile.Lock, layout: Layout, read: Callable[[str], bytes | None]) -> Side:
    """Give the values of a lock, and those of the fusion lock at which they point.

    Raises:
        Invalid: the fusion lock is missing or damaged.
    """
    at = layout.settings.fusion_key or ()
    named = under(lock.values, at) if at and lock.header.fusion_lock else None
    if named is None or named.value != lock.header.fusion_lock:
        return Side(lock.values)
    data = read(lock.header.fusion_lock)
    if data is None:
        raise Invalid(lockfile.missing(lock.header.fusion_lock))
    return Side(lock.values, at, lockfile.decode(lock.header.fusion_lock, data).values)


def _source_of(data: bytes | None) -> str:
    header = lockfile.header_of(data) if data is not None else None
    return header.source if header is not None else ""


def legacy_composer(layout: Layout) -> Composer:
    """Give a composer over the legacy tree, for the places of what the records hold: it keys no list of a preset."""
    root = layout.absolute(legacy.FOLDER)
    settings = layout.settings._replace(configs=layout.configs, keyed=())
    return Composer(Layout(root, settings), Disk(root))


def other_tree(root: str, layout: Layout, tree: Tree | None = None) -> Workspace:
    """Look at another tree with the settings of this repository; a folder below our root is one below its root.

    Args:
        root: of the other tree; for a revision, of the repository.
        layout: of this repository.
        tree: where bytes come from; the disk, if None.
    """
    return Workspace(Layout(root, layout.settings._replace(configs=layout.configs, build=layout.build)), tree)


# ---------------------------------------------------------------------------------------------- places


def places_of(one: Difference, old: Loaded, new: Loaded, preset: str) -> Places:
    """Give where either side of a preset wrote a difference, and the line to look at here."""
    return Places(place_of(old, one, one.legacy), place_of(new, one, one.compiled), line_for(new, preset, one))


def place_of(loaded: Loaded, difference: Difference, node: Node | None) -> Origin | None:
    """Give where a side wrote what differs, in its sources; else in its lock; None where it has nothing there."""
    if node is None:
        return None
    found = _held(loaded, loaded.compose(), difference.document, difference.path)
    if found is not None and canonical(found) == canonical(node):
        return _with_prefix(found.origin, loaded.prefix)
    return node.origin if node.origin.line else None


def line_for(loaded: Loaded, source: str, difference: Difference) -> Origin:
    """Give the line to look at in a side's sources: of the value, else of its parent, else line 1 of the preset.

    Where the sources say otherwise than the lock, it is a line of the lock.
    """
    document, path = difference.document, difference.path
    authored = loaded.compose()
    if not _agree(*(_held(loaded, side, document, path) for side in (authored, loaded.side))):
        authored = loaded.side
    for end in range(len(path), 0, -1):
        found = _held(loaded, authored, document, path[:end])
        if found is not None and found.origin.line:
            return _with_prefix((_within(found, difference) if end == len(path) else found).origin, loaded.prefix)
    return Origin(loaded.prefix + (loaded.mix if document == "fusion" and loaded.mix else source), 1, 1)


def _agree(one: Node | None, other: Node | None) -> bool:
    return one is other or (one is not None and other is not None and canonical(one) == canonical(other))


def _within(found: Node, difference: Difference) -> Node:
    """Give the first item of a list, or part of one, that differs; the list itself where an item is gone."""
    old = difference.legacy
    if old is None or type(old.value) is not list or type(found.value) is not list:
        return found
    before, after = old.value, found.value
    if len(after) < len(before):
        return found
    for one, other in zip(before, after, strict=False):
        for path, _, new in unequal_leaves(one, other):
            return new if new is not None else _below(other, path[:-1]) or other
    return after[len(before)] if len(after) > len(before) else found


def _held(loaded: Loaded, side: Side | None, document: Document, path: KeyPath) -> Node | None:
    """Give what a side holds at a place; None where it holds nothing."""
    node = None if side is None else side.values if document == "preset" else side.fusion
    return _below(node, path, loaded.policies.of(document)) if node is not None else None


def _below(node: Node, path: KeyPath, policy: Policy | None = None) -> Node | None:
    """Follow the path of a difference."""
    for step in path:
        child = entered(node, step, policy)
        if child is None:
            return None
        node = child
        policy = policy.below.get(str(step)) if policy is not None else None
    return node


def _with_prefix(origin: Origin, prefix: str) -> Origin:
    return Origin(prefix + origin.file, origin.line, origin.column) if prefix else origin
