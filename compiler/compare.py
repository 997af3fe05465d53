"""Two trees of values to the places at which they differ; and deepdiff's opinion, which contradicts but never decides.

Equality is equality of canonical bytes. A list is one place; the entries of a list that the policy table keys are
matched by name. deepdiff is asked with its strictest options and still knows less than the bytes: its blind spots are
listed here, and outside of them the two must agree. This module knows no file and no waiver.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from compiler.merging import FUSION, Policy
from compiler.values import (
    ENTRY_KEYS,
    NOWHERE,
    EntryName,
    KeyPath,
    Node,
    canonical,
    digest_document,
    entry_name,
    replaced,
    under,
)

Kind = Literal["added", "removed", "changed", "retyped", "reordered"]
Document = Literal["preset", "fusion"]


class Difference(NamedTuple):
    """One unequal place.

    Attributes:
        document: whether it lies in a preset, or in the mix that the preset names.
        path: where in the document: keys, and names of entries.
        kind: `added` or `removed` where one side has nothing, which is not null; `retyped` where both hold something of
            another type, `reordered` where a list holds the same items in another order; else `changed`.
        legacy, compiled: the values of both sides; None where a side has nothing.
        place: of a leaf of an entry that was added between others, where it stands in its list; -1 for any other.
    """

    document: Document
    path: KeyPath
    kind: Kind
    legacy: Node | None
    compiled: Node | None
    place: int = -1


def differences(
    legacy: Node, compiled: Node, policy: Policy | None = None, document: Document = "preset"
) -> list[Difference]:
    """Give every place at which two trees differ in type or value, in document order.

    Args:
        legacy, compiled: the two documents.
        policy: which lists have entries; none has, if None.
        document: what the two are.
    """
    return [Difference(document, *found) for found in _walk(legacy, compiled, policy, ())]


_Place = tuple[KeyPath, Kind, Node | None, Node | None, int]


def _walk(old: Node, new: Node, policy: Policy | None, path: KeyPath) -> Iterator[_Place]:
    a, b = old.value, new.value
    if type(a) is dict and type(b) is dict and (a or b):
        if canonical(old) != canonical(new):
            yield from _sides(a, b, policy.below if policy is not None else {}, path)
            if path and not a:  # an empty mapping is a leaf, which the other side has not
                yield path, "removed", old, None, -1
            elif path and not b:
                yield path, "added", None, new, -1
        return
    if canonical(old) == canonical(new):
        return
    if type(a) is list and type(b) is list and policy is not None and policy.keys:
        one, other = _entries(a, policy.keys), _entries(b, policy.keys)
        if one is not None and other is not None:
            kept = [name for name in one if name in other]
            names = list(other)
            inserted = {name: place for place, name in enumerate(names) if name not in one and place < len(kept)}
            yield from _sides(one, other, {}, path, inserted)
            if kept != [name for name in other if name in one]:
                yield path, "reordered", old, new, -1
            return
    yield path, _kind(old, new), old, new, -1


def _sides(
    a: dict[Any, Node],
    b: dict[Any, Node],
    below: dict[str, Policy],
    path: KeyPath,
    inserted: Mapping[str, int] = MappingProxyType({}),
) -> Iterator[_Place]:
    """Yield what differs between two mappings, or two lists of entries by name; `inserted` entries with their place."""
    for key in [*a, *(key for key in b if key not in a)]:
        if key in a and key in b and canonical(a[key]) == canonical(b[key]):
            continue
        here = (*path, key)
        if key not in b:
            for place, leaf in _parts(a[key], here):
                yield place, "removed", leaf, None, -1
        elif key not in a:
            for place, leaf in _parts(b[key], here):
                yield place, "added", None, leaf, inserted.get(key, -1)
        else:
            yield from _walk(a[key], b[key], below.get(key), here)


def _entries(items: list[Node], keys: tuple[str, ...]) -> dict[str, Node] | None:
    """Give entries by name; None where an item has none, or shares one."""
    named: dict[str, Node] = {}
    for item in items:
        name = entry_name(item, keys)
        if name is None or name in named:
            return None
        named[EntryName(name)] = item
    return named


def _parts(node: Node, path: KeyPath) -> Iterator[tuple[KeyPath, Node]]:
    """Yield the leaves of a mapping that one side lacks; a list is one."""
    if type(node.value) is dict and node.value:
        for key, child in node.value.items():
            yield from _parts(child, (*path, key))
    else:
        yield path, node


def _kind(old: Node, new: Node) -> Kind:
    a, b = old.value, new.value
    if type(a) is list and type(b) is list and sorted(map(canonical, a)) == sorted(map(canonical, b)):
        return "reordered"
    return "retyped" if type(a) is not type(b) and a is not None and b is not None else "changed"


def places(node: Node, policy: Policy | None = None, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Node]]:
    """Yield every place that a comparison looks at: a scalar, an empty mapping, a list; of entries their leaves.

    A document that is an empty mapping has none: there is nothing to look at.
    """
    value = node.value
    if type(value) is dict and (value or not path):
        for key, child in value.items():
            yield from places(child, policy.below.get(key) if policy is not None else None, (*path, key))
        return
    entries = _entries(value, policy.keys) if type(value) is list and policy is not None and policy.keys else None
    if entries:
        for name, entry in entries.items():
            yield from places(entry, None, (*path, name))
    else:
        yield path, node


def entered(node: Node, step: str | int, policy: Policy | None) -> Node | None:
    """Take one step of a difference's path: a key, an index, or the name of an entry, by what the policy says.

    An entry of a list that is not keyed is known as everywhere.
    """
    value = node.value
    if isinstance(step, EntryName):
        keys = policy.keys if policy is not None and policy.keys else ENTRY_KEYS
        items = value if type(value) is list else []
        return next((item for item in items if entry_name(item, keys) == step), None)
    if isinstance(step, int):
        return value[step] if type(value) is list and step < len(value) else None
    return value.get(step) if type(value) is dict else None


def aligned(difference: Difference) -> list[Difference]:
    """Give what changed within a list: items matched by `name`, else by place where there are as many on both sides.

    Nothing for a list of scalars, which is told best as a whole, and for any other difference. Each path begins at the
    document.
    """
    old, new = difference.legacy, difference.compiled
    if old is None or new is None or type(old.value) is not list or type(new.value) is not list:
        return []
    policy = Policy(("name",))
    if _entries(old.value, policy.keys) is not None and _entries(new.value, policy.keys) is not None:
        found = [*_walk(old, new, policy, difference.path)]
    elif len(old.value) == len(new.value) and any(type(item.value) in (dict, list) for item in old.value):
        pairs = enumerate(zip(old.value, new.value, strict=True))
        found = [part for index, pair in pairs for part in _walk(*pair, None, (*difference.path, index))]
    else:
        return []
    return [Difference(difference.document, *part) for part in found]


# ---------------------------------------------------------------------------------------------- a preset with its mix


class Side(NamedTuple):
    """One side of a comparison: the values of a preset, and those of the mix that it names.

    `fusion_at` is where the preset names the mix; empty, and `fusion` None, where it names none.
    """

    values: Node
    fusion_at: KeyPath = ()
    fusion: Node | None = None

    def document(self) -> Node:
        """Give what the digest is taken of: a mix with another path is the same mix."""
        return digest_document(self.values, self.fusion_at, self.fusion)


class Policies(NamedTuple):
    """Which lists of a preset, and of a mix, have entries."""

    preset: Policy | None
    fusion: Policy = FUSION

    def of(self, document: Document) -> Policy | None:
        """Give the policy of a document."""
        return self.preset if document == "preset" else self.fusion


def _number_of_places(node: Node, policy: Policy | None) -> int:
    """Count the `places` of a document."""
    if policy is not None or type(node.value) is not dict:
        return sum(1 for _ in places(node, policy))
    below = [_number_of_places(child, None) if type(child.value) is dict else 1 for child in node.value.values()]
    return sum([count or 1 for count in below])


class Compared(NamedTuple):
    """What a comparison saw: how many places it looked at, on either side, and those that differ."""

    leaves: int
    differences: tuple[Difference, ...]


def compare(legacy: Side, compiled: Side, policies: Policies, *, second_opinion: bool) -> Compared:
    """Compare two presets with their mixes.

    Args:
        legacy, compiled: the two sides.
        policies: which lists have entries.
        second_opinion: ask deepdiff as well.

    Raises:
        Disagreement: two ways to tell equality give two answers.
    """
    found = unequal(legacy, compiled, policies)
    if (canonical(legacy.document()) == canonical(compiled.document())) != (not found):
        raise Disagreement("the bytes of two documents, and those of their parts, disagree")
    looked_at = 0
    for document, old, new in _documents(legacy, compiled):
        policy = policies.of(document)
        if found:
            looked_at += len({path for side in (old, new) for path, _ in places(side, policy)})
        else:
            looked_at += _number_of_places(new, policy)  # equal documents have equal places
        if second_opinion:
            contradict(old, new, [one for one in found if one.document == document])
    return Compared(looked_at, tuple(found))


def unequal(legacy: Side, compiled: Side, policies: Policies) -> list[Difference]:
    """Give every place at which two presets, or their mixes, differ."""
    return [
        difference
        for document, old, new in _documents(legacy, compiled)
        for difference in differences(old, new, policies.of(document), document)
    ]


def _documents(legacy: Side, compiled: Side) -> Iterator[tuple[Document, Node, Node]]:
    """Yield the presets; then the mixes, in which case the path to the mix is no part of the presets."""
    if legacy.fusion is None or compiled.fusion is None:
        yield "preset", _told_apart(legacy, compiled), _told_apart(compiled, legacy)
        if legacy.fusion is not None or compiled.fusion is not None:
            nothing = Node({}, NOWHERE)
            yield "fusion", legacy.fusion or nothing, compiled.fusion or nothing
    else:
        old, new = (replaced(side.values, side.fusion_at, None) for side in (legacy, compiled))
        yield "preset", old, new
        yield "fusion", legacy.fusion, compiled.fusion


def _told_apart(side: Side, other: Side) -> Node:
    """Give the values of a side; with its mix in the place of a path that for the other side is text, and the same."""
    if side.fusion is not None:
        named, there = (under(one.values, side.fusion_at) for one in (side, other))
        if there is not None and named is not None and canonical(there) == canonical(named):
            return replaced(side.values, side.fusion_at, side.fusion.value)
    return side.values


# ---------------------------------------------------------------------------------------------- the second opinion


STRICT: Final[dict[str, Any]] = {
    "zip_ordered_iterables": True,
    "ignore_nan_inequality": True,
    "ignore_private_variables": False,
    "threshold_to_diff_deeper": 0,
    "verbose_level": 2,
}
"""deepdiff's options. Each closes a hole of its defaults (9.1.0, measured), and each hole is pinned by a test: lists of
numbers that differ in type, NaN unequal to itself, keys that begin with two underscores, mappings that share few keys
told as one change."""


class Disagreement(AssertionError):
    """The bytes and deepdiff disagree about equality: a bug of one of the two, and no verdict."""


def contradict(legacy: Node, compiled: Node, found: list[Difference]) -> None:
    """Ask deepdiff about two trees, and hold its answer against the differences that were found.

    Each difference must lie where deepdiff sees one, but for its blind spots, and deepdiff may see none elsewhere.

    Raises:
        Disagreement: it sees a difference where the bytes see none, or none where they see one.
    """
    from deepdiff import DeepDiff  # noqa: PLC0415 - a tenth of a second, and only a proof needs it

    tree = DeepDiff(_shown_to_deepdiff(legacy), _shown_to_deepdiff(compiled), view="tree", **STRICT)
    seen = [tuple(level.path(output_format="list")) for levels in tree.values() for level in levels]
    mine = [(difference, _up_to_entry(difference.path)) for difference in found]
    is_seen, is_mine = _Ways(seen), _Ways(place for _, place in mine)
    for difference, place in mine:
        if place not in is_seen and not is_blind_spot(difference):
            raise Disagreement(f"deepdiff sees no difference at {difference.path!r}")
    for path in seen:
        if path not in is_mine:
            raise Disagreement(f"deepdiff sees a difference at {path!r}, and the bytes are equal")


def _shown_to_deepdiff(node: Node) -> Any:
    """Give the plain value; a time that UTC cannot hold, on which deepdiff fails, as a tuple: nothing else is one."""
    value = node.value
    if type(value) is dict:
        return {key: _shown_to_deepdiff(child) for key, child in value.items()}
    if type(value) is list:
        return [_shown_to_deepdiff(child) for child in value]
    if type(value) is datetime.datetime and value.tzinfo is not None:
        try:
            value.astimezone(datetime.UTC)
        except OverflowError:
            return (value.isoformat(),)
    return value


def _up_to_entry(path: KeyPath) -> KeyPath:
    """Cut a path at the first name of an entry: deepdiff counts, and does not match by name."""
    names = [index for index, step in enumerate(path) if isinstance(step, EntryName)]
    return path[: names[0]] if names else path


class _Ways:
    """Some paths; holds each path that leads to one of them, or on from one."""

    def __init__(self, paths: Iterable[KeyPath]) -> None:
        self._ends = set(paths)
        self._steps = {path[:end] for path in self._ends for end in range(len(path))}

    def __contains__(self, path: KeyPath) -> bool:
        return path in self._steps or any(path[:end] in self._ends for end in range(len(path) + 1))


def is_blind_spot(difference: Difference) -> bool:
    """Say whether a difference is of the kind that deepdiff does not see, whatever its options.

    -0.0 equals 0.0 for it, and so do two times of one instant, be they written in two zones or without any; within
    lists as well.
    """
    if difference.legacy is None or difference.compiled is None:
        return False
    return _unseen(difference.legacy, difference.compiled)


def _unseen(old: Node, new: Node) -> bool:
    a, b = old.value, new.value
    if type(a) is list and type(b) is list:
        return len(a) == len(b) and all(
            canonical(one) == canonical(other) or _unseen(one, other) for one, other in zip(a, b, strict=True)
        )
    if type(a) is dict and type(b) is dict:
        return a.keys() == b.keys() and all(
            canonical(a[key]) == canonical(b[key]) or _unseen(a[key], b[key]) for key in a
        )
    if type(a) is float and type(b) is float:
        return a == b == 0
    if isinstance(a, datetime.datetime) and isinstance(b, datetime.datetime):
        return _instant(a) == _instant(b)
    return False


def _instant(moment: datetime.datetime) -> datetime.datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.UTC)
