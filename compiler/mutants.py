"""The drill: small changes are planted in a compiled preset, and the gate must catch each.

A mutant changes one value by the least that could matter. It is caught if what the gate calls different is no longer
what it called different before. One that is not is a survivor, told with the rule or waiver that excuses it; a survivor
that nothing excuses means that the gate is blind.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple

from compiler.compare import Document, Policies, Side
from compiler.mapping import Waiver
from compiler.merging import Policy
from compiler.values import NOWHERE, KeyPath, Node, canonical, entry_name, show_path
from compiler.verdict import Judged, unexcused

SAMPLE: Final = 160
"""How many mutants of a preset are planted where not all are: those whose names have the least digests."""

Amount = Literal["sample", "all"]

_DROP: Final = object()


class Mutant(NamedTuple):
    """A change: in which document, where, of what kind, and the value that is planted (`_DROP` for none)."""

    document: Document
    path: KeyPath
    kind: str
    planted: Any

    def name(self) -> str:
        """Give what a report calls it."""
        return f"{'fusion:' if self.document == 'fusion' else ''}{show_path(self.path)}"


class Survivor(NamedTuple):
    """A mutant that was not caught, and what excuses it; empty if nothing does."""

    mutant: Mutant
    excuse: str


class Tally(NamedTuple):
    """How many mutants were planted and caught, and those that were not."""

    seeded: int
    caught: int
    survivors: tuple[Survivor, ...]


def mutants(side: Side, policies: Policies) -> Iterator[Mutant]:
    """Yield every mutant of a preset and its mix; one whose canonical bytes are those of the original is none."""
    yield from _of_document("preset", side.values, policies.preset, side.fusion_at if side.fusion is not None else ())
    if side.fusion is not None:
        yield from _of_document("fusion", side.fusion, policies.fusion, ())


def _of_document(document: Document, node: Node, policy: Policy | None, without: KeyPath) -> Iterator[Mutant]:
    for path, found, inside in _nodes(node, policy, ()):
        if without and path == without:
            continue  # the path to the mix; a mix with another path is the same mix
        for kind, planted in _changes(found):
            if planted is _DROP or canonical(_node(planted)) != canonical(found):
                yield Mutant(document, path, kind, planted)
        keys = inside.keys if inside is not None else ()
        for index, item in enumerate(found.value if keys and type(found.value) is list else ()):
            renamed = _renamed(item, keys)
            if renamed is not None:
                yield Mutant(document, (*path, index), "renamed", renamed)


def _nodes(node: Node, policy: Policy | None, path: KeyPath) -> Iterator[tuple[KeyPath, Node, Policy | None]]:
    """Yield every value below the root with its path, indexes for items, and the policy that holds there."""
    if path:
        yield path, node, policy
    if type(node.value) is dict:
        for key, child in node.value.items():
            yield from _nodes(child, policy.below.get(key) if policy is not None else None, (*path, key))
    elif type(node.value) is list:
        for index, child in enumerate(node.value):
            yield from _nodes(child, None, (*path, index))


def _node(value: Any) -> Node:
    return value if isinstance(value, Node) else Node(value, NOWHERE)


def _changes(node: Node) -> Iterator[tuple[str, Any]]:
    """Yield what can be planted in the place of a value, each with the name of its kind."""
    value = node.value
    yield "dropped", _DROP
    yield "null", None
    kind = type(value)
    if kind is bool:
        yield "flipped", not value
        yield from (("retyped", other) for other in (int(value), float(value), "true" if value else "false"))
    elif kind is int:
        yield "nudged", value + 1
        yield from (("retyped", other) for other in (_float(value), str(value)) if other is not None)
        if value in (0, 1):
            yield "retyped", bool(value)
    elif kind is float:
        yield "nudged", math.nextafter(value, math.inf)
        yield "retyped", repr(value)
        if value.is_integer():
            yield "retyped", int(value)
        if value in (0, 1):
            yield "retyped", bool(value)
    elif kind is str:
        yield "nudged", value + " "
        yield from (("retyped", other) for other in _readings(value))
    elif isinstance(value, datetime.date):
        yield "retyped", value.isoformat()
    elif kind is list:
        yield "reordered", Node([*value[1:], *value[:1]], node.origin)


def _renamed(item: Node, keys: tuple[str, ...]) -> Node | None:
    """Give an entry with another name; None for an item that has none."""
    name = entry_name(item, keys)
    key = next((key for key in keys if key in item.value and item.value[key].value == name), None) if name else None
    return Node({**item.value, key: _node(f"{name}_")}, item.origin) if key is not None else None


_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def _readings(text: str) -> Iterator[Any]:
    """Yield what a text would be without its quotes, for one reader or another."""
    if text.lower() in _WORDS:
        yield _WORDS[text.lower()]
    if _NUMBER.fullmatch(text):
        yield float(text)
        if text.removeprefix("-").isdecimal():
            yield int(text)


def _float(value: int) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def planted(side: Side, mutant: Mutant) -> Side:
    """Give a side with a mutant in it; nothing is changed in place."""
    if mutant.document == "fusion" and side.fusion is not None:
        return side._replace(fusion=_with(side.fusion, mutant.path, mutant.planted))
    values = _with(side.values, mutant.path, mutant.planted)
    if mutant.path == side.fusion_at[: len(mutant.path)]:
        return Side(values)  # the section that named the mix is gone, and the mix with it
    return side._replace(values=values)


def _with(node: Node, path: KeyPath, value: Any) -> Node:
    if not path:
        return _node(value)
    step, rest = path[0], path[1:]
    if type(node.value) is dict:
        children = dict(node.value)
        if not rest and value is _DROP:
            del children[step]
        else:
            children[step] = _with(children[step], rest, value)
        return Node(children, node.origin, node.shadows)
    items = list(node.value)
    assert isinstance(step, int)
    if not rest and value is _DROP:
        del items[step]
    else:
        items[step] = _with(items[step], rest, value)
    return Node(items, node.origin, node.shadows)


def chosen(found: Iterable[Mutant], amount: Amount) -> list[Mutant]:
    """Give all mutants, or a sample that is the same on every machine and on every run."""
    every = list(found)
    if amount == "all" or len(every) <= SAMPLE:
        return every
    ranks = [_rank(one.document, one.path, one.kind) for one in every]
    order = sorted(range(len(every)), key=ranks.__getitem__)
    return [every[index] for index in sorted(order[:SAMPLE])]


@functools.lru_cache(maxsize=65_536)
def _rank(document: Document, path: KeyPath, kind: str) -> bytes:
    name = Mutant(document, path, kind, None).name()
    return hashlib.sha256(f"{kind} {name}".encode("utf-8", "surrogatepass")).digest()


def drill(
    legacy: Side, compiled: Side, policies: Policies, waivers: tuple[Waiver, ...], which: Iterable[Mutant]
) -> Tally:
    """Plant mutants one after the other, and see whether the gate catches each."""
    before = unexcused(legacy, compiled, policies, waivers)
    seeded = 0
    survivors = []
    for mutant in which:
        seeded += 1
        judged = unexcused(legacy, planted(compiled, mutant), policies, waivers)
        if not is_caught(before, judged):
            survivors.append(Survivor(mutant, _excuse(before, judged)))
    return Tally(seeded, seeded - len(survivors), tuple(survivors))


def is_caught(before: Iterable[Judged], after: Iterable[Judged]) -> bool:
    """Say whether what the gate calls different has changed."""
    different = [{_identity(one) for one in judged if one.classed == "different"} for judged in (before, after)]
    return different[0] != different[1]


def _identity(judged: Judged) -> tuple[Any, ...]:
    """Give by what two judged differences are the same: place, kind and values."""
    one = judged.difference
    values = [canonical(node) if node is not None else None for node in (one.legacy, one.compiled)]
    return (one.document, one.path, one.kind, one.place, *values)


def _excuse(before: Iterable[Judged], after: Iterable[Judged]) -> str:
    """Name the rule or waiver that let a mutant through: that of a difference that it brought, or took away.

    What was excused before and is excused still says nothing of it.
    """
    held, found = ({_identity(one): one for one in judged} for judged in (before, after))
    for one in [*(found[key] for key in found if key not in held), *(held[key] for key in held if key not in found)]:
        if one.rule is not None:
            return f"rule {one.rule.name}"
        if one.waiver is not None:
            return f"waiver: {one.waiver.reason}"
    return ""
