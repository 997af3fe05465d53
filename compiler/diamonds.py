"""Bases that are reached twice: where the second time undoes what stood between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from compiler.extends import Chain
from compiler.problems import Note, Problem
from compiler.values import EntryName, KeyPath, Node, Origin, canonical, entry_name, leaves, show_path


def resets(chain: Chain, values: Node, once: Node) -> Iterator[Problem]:
    """Warn where a base that applies twice gives a leaf another value than applying it once would.

    Args:
        chain: a file and its bases, of which one is reached twice.
        values: what they were merged to.
        once: what they are merged to where each file applies only where it is reached first.
    """
    twice = {path for path, times in Counter(link.path for link in chain.merge_order()).items() if times > 1}
    second = _second_references(chain)
    for path, given, kept in _leaf_differences(values, once):
        place = given.origin if given is not None else chain.own.origin
        setter = kept.origin if kept is not None else None
        base = place.file if place.file in twice else next(iter(sorted(twice)))
        yield Problem(
            "diamond-reset",
            f"`{show_path(path)}` falls back to what `{base}` sets, which applies a second time",
            second[base],
            why="a base that is reached twice is applied twice, and undoes what stood between",
            notes=(
                *((Note(setter, "set it in between"),) if setter is not None and setter.file != base else ()),
                *((Note(place, "sets it again"),) if given is not None else ()),
            ),
            hint="extend the base in one place only",
            severity="warning",
        )


def _second_references(chain: Chain) -> dict[str, Origin]:
    """Give, for each file that is reached twice, where it is named on the way by which it is reached again."""
    named: dict[str, list[Origin]] = {}
    walked = set()

    def walk(link: Chain) -> None:
        walked.add(link.path)
        for reference, below in zip(link.references, link.bases, strict=True):
            named.setdefault(reference.target, []).append(reference.origin)
            if reference.target not in walked:
                walk(below)

    walk(chain)
    return {target: origins[min(1, len(origins) - 1)] for target, origins in named.items()}


def _leaf_differences(values: Node, once: Node) -> Iterator[tuple[KeyPath, Node | None, Node | None]]:
    """Yield the leaves at which two trees differ; entries of lists are matched by name, other lists by place."""
    mine, other = dict(_named_leaves(values)), dict(_named_leaves(once))
    for path in [*mine, *(path for path in other if path not in mine)]:
        given, kept = mine.get(path), other.get(path)
        if given is None or kept is None or canonical(given) != canonical(kept):
            yield path, given, kept


def _named_leaves(node: Node) -> Iterator[tuple[KeyPath, Node]]:
    for path, leaf in leaves(node):
        place, named = node, []
        for step in path:
            below = place.value[step]
            name = entry_name(below) if isinstance(step, int) else None
            named.append(step if name is None else EntryName(name))
            place = below
        yield tuple(named), leaf
