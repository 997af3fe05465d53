"""Checks of what a fragment makes of its bases: values said twice, bases that do nothing, order that decides a value.

All of them are answered by what merging left in the values: where each comes from, and what it overrode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from compiler.emitter import shown
from compiler.extends import Chain
from compiler.merging import Policy
from compiler.problems import Note, Problem
from compiler.references import Reference
from compiler.values import KeyPath, Node, canonical, held_at, leaves, show_path


def _overriding(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Node]]:
    """Yield every value below a node that took the place of another, with the path to it, in document order."""
    over = node.over
    if not over:
        return
    for step, child in node.value.items() if type(node.value) is dict else enumerate(node.value):
        if step in over:
            if child.shadows:
                yield (*path, step), child
            yield from _overriding(child, (*path, step))


def problems_of(
    chain: Chain, values: Node, policy: Policy | None, is_component: Callable[[str], bool]
) -> Iterator[Problem]:
    """Yield what is noticed of a fragment that has bases, as it was merged with them.

    Args:
        chain: the fragment and its bases.
        values: what they were merged to.
        policy: the rules by which they were merged.
        is_component: says of a path whether a component lies there.
    """
    by = Bases(chain, values)
    yield from restated_values(by, policy)
    yield from null_overrides(by)
    yield from dead_bases(by, values)
    yield from order_of_bases(by, is_component)


class Bases:
    """A fragment, what merging made of it and its bases, and which of the bases a value comes from."""

    def __init__(self, chain: Chain, values: Node) -> None:
        self.chain = chain
        self.overriding = tuple(_overriding(values))
        dead = {index for index, base in enumerate(chain.bases) if not _is_seen(base, values)}
        if dead:
            files = {leaf.origin.file for _, leaf in leaves(values)}
            dead = {index for index in dead if chain.bases[index].closure.isdisjoint(files)}
        self.dead = dead - self._masking() if dead else dead
        self._of_file: dict[str, tuple[int, ...]] = {}

    def of(self, node: Node) -> tuple[int, ...]:
        """Give the indexes of the bases by which the file of a value is reached; none for one of the file itself."""
        file = node.origin.file
        found = self._of_file.get(file)
        if found is None:
            bases = enumerate(self.chain.bases)
            found = self._of_file[file] = tuple(index for index, base in bases if file in base.closure)
        return found

    def _masking(self) -> set[int]:
        """Give the bases that took the place of a whole mapping or list, which would come back without them."""
        files = {
            winner.origin.file
            for _, node in self.overriding
            for winner, lost in pairwise((node, *node.shadows))
            if type(lost.value) in (dict, list) and lost.value and winner.value != lost.value
        }
        own = {self.chain.path}
        return {
            index
            for index, base in enumerate(self.chain.bases)
            if not base.closure.isdisjoint(files - own) or any(_is_empty(link.own) for link in base.merge_order())
        }


def _is_seen(base: Chain, values: Node) -> bool:
    """Say whether something of a base stands where the base has it, which a glance tells of nearly every one."""
    return _is_left(base.own, values) or any(_is_seen(below, values) for below in base.bases)


def _is_left(own: Node, held: Node) -> bool:
    if held.value is own.value and held.origin is own.origin:
        return True
    if type(own.value) is dict and type(held.value) is dict:
        for key, child in own.value.items():
            there = held.value.get(key)
            if there is not None and _is_left(child, there):
                return True
    return False


def _is_empty(node: Node) -> bool:
    """Say whether a document holds an empty list: it clears one of entries, and leaves no trace where they return."""
    return any(leaf.value == [] for _, leaf in leaves(node))


def restated_values(by: Bases, policy: Policy | None) -> Iterator[Problem]:
    """A fragment sets only what is its own: a value that its bases give it anyway will not follow them.

    Not told is what an entry of a list is known by, and a value that decides between bases that differ.

    Bad:
        # configs/train/p.yaml
        extends: ../base.yaml
        training: {seed: 17}
        # configs/base.yaml
        training: {seed: 17, bf16: true}

    Good:
        # configs/train/p.yaml
        extends: ../base.yaml
        training: {seed: 18}
        # configs/base.yaml
        training: {seed: 17, bf16: true}
    """
    chain = by.chain
    for path, node in by.overriding:
        if node.origin.file != chain.path or canonical(node) != canonical(node.shadows[0]):
            continue
        inherited = by.of(node.shadows[0])
        if policy is not None and path[-1] in _names_of_entries(policy, path):
            continue
        if by.dead.issuperset(inherited) or any(
            canonical(lost) != canonical(node) and not set(by.of(lost)) <= {*inherited} for lost in node.shadows
        ):
            continue  # of a base of which nothing is left; or it decides between bases that differ
        yield Problem(
            "restated-value",
            f"`{show_path(path)}` is {shown(node)} already",
            node.origin,
            why="a value that is inherited and said again stays behind when the base changes",
            notes=(Note(node.shadows[0].origin, "sets it"),),
            hint=_take_out(chain.own, path),
            severity="warning",
        )


def _take_out(own: Node, path: KeyPath) -> str:
    """Word which key to take out: the value's own, and each above it that would stand empty, which is null."""
    above = [own]
    for step in path[:-1]:
        below = above[-1].value.get(step) if type(above[-1].value) is dict else None
        if below is None:
            break  # within a list, whose items have other places here
        above.append(below)
    last = len(path)
    while last > 1 and len(above) == len(path) and len(above[last - 1].value) == 1:
        last -= 1
    with_it = f", and `{show_path(path[:last])}` with it" if last < len(path) else ""
    return f"take `{show_path(path[-1:])}` out{with_it}"


def _names_of_entries(policy: Policy, path: KeyPath) -> tuple[str, ...]:
    """Give what the entries of the list are known by in which a path ends."""
    for step in path[:-2]:
        below = policy.below.get(str(step))
        if below is None:
            return ()
        policy = below
    return policy.keys if len(path) > 1 and isinstance(path[-2], int) else ()


def null_overrides(by: Bases) -> Iterator[Problem]:
    """No null takes the place of a mapping with all that it holds.

    Bad:
        # configs/train/p.yaml
        extends: ../base.yaml
        custom: {augmentation: }
        # configs/base.yaml
        custom: {augmentation: {enabled: true, bypass_prob: 0.1}}

    Good:
        # configs/train/p.yaml
        extends: ../base.yaml
        custom: {augmentation: {enabled: false}}
        # configs/base.yaml
        custom: {augmentation: {enabled: true, bypass_prob: 0.1}}
    """
    for path, node in by.overriding:
        if node.value is not None and len(node.shadows) == 1:
            continue  # as nearly all are
        for winner, gone in pairwise((node, *node.shadows)):
            if winner.value is not None or type(gone.value) is not dict or not gone.value:
                continue
            joined = set(by.of(winner)) & set(by.of(gone))
            if joined and winner.origin.file != by.chain.path:
                continue  # told of the base in which the two meet
            count = sum(1 for _ in leaves(gone))
            lists = [by.chain.references[by.of(winner)[-1]].origin] if by.of(winner) else []
            yield Problem(
                "null-override",
                f"`{show_path(path)}` is null, and takes the place of {count} value{'' if count == 1 else 's'}",
                winner.origin,
                why="null replaces a whole mapping; it is not the same as saying nothing",
                notes=(Note(gone.origin, "sets the mapping"), *(Note(place, "lists it behind") for place in lists)),
                hint="take the line out to keep the mapping, or set the keys below it that shall differ",
                severity="warning",
            )


def dead_bases(by: Bases, values: Node) -> Iterator[Problem]:
    """A base that is named gives at least one value; where a null took the place of all `null-override` tells that.

    Bad:
        # configs/train/p.yaml
        extends: [../one.yaml, ../two.yaml]
        # configs/one.yaml
        training: {seed: 17}
        # configs/two.yaml
        training: {seed: 18, bf16: true}

    Good:
        # configs/train/p.yaml
        extends: ../two.yaml
        # configs/two.yaml
        training: {seed: 18, bf16: true}
    """
    for index in sorted(by.dead):
        reference, base = by.chain.references[index], by.chain.bases[index]
        winners = list(_winners(base, values))
        if winners and all(winner.value is None and len(at) < len(path) for path, at, winner in winners):
            continue
        is_behind = any(winner.origin.file != by.chain.path for _, _, winner in winners)
        yield Problem(
            "dead-base",
            f"nothing is left of base `{reference.target}`",
            reference.origin,
            why="every value that it sets is overridden" if winners else "it sets no value",
            notes=tuple(
                Note(
                    winner.origin,
                    f"sets `{show_path(at)}`" + (f", above `{show_path(path)}`" if len(at) < len(path) else ""),
                )
                for path, at, winner in winners
            ),
            hint="take it out of the list" + (", or put it behind what overrides it" if is_behind else ""),
            severity="warning",
        )


def _winners(base: Chain, values: Node) -> Iterator[tuple[KeyPath, KeyPath, Node]]:
    """Yield each path that a base and its bases set, with the path at which its place is taken, and by what."""
    told = set()
    for path, _ in (leaf for link in base.merge_order() for leaf in leaves(link.own) if leaf[0]):
        if path in told:
            continue
        told.add(path)
        for end in range(len(path), 0, -1):
            winner = held_at(values, path[:end])
            if winner is not None:
                yield path, path[:end], winner
                break


def order_of_bases(by: Bases, is_component: Callable[[str], bool]) -> Iterator[Problem]:
    """No value hangs on the order in which bases are listed.

    Of two components it is told once for all presets that list them, in the one that wins: it belongs to the two. Not
    told is a component behind a preset or another file that is none, which it refines; a base that extends the other; a
    base that is reached twice (`diamond-reset`), or of which nothing is left (`dead-base`).

    Bad:
        # configs/train/p.yaml
        extends: [../one.yaml, ../two.yaml]
        # configs/one.yaml
        training: {seed: 17, bf16: true}
        # configs/two.yaml
        training: {seed: 18}

    Good:
        # configs/train/p.yaml
        extends: [../one.yaml, ../two.yaml]
        training: {seed: 17}
        # configs/one.yaml
        training: {seed: 18, bf16: true}
        # configs/two.yaml
        tuner: {lora_rank: 8}
    """
    chain = by.chain
    if len(chain.bases) < 2:
        return
    decided: dict[tuple[int, int], list[tuple[KeyPath, Node, Node]]] = {}
    for path, node in by.overriding:
        winners = by.of(node)
        if len(winners) != 1:
            continue  # of the file itself, or of a base that is reached twice
        for lost in node.shadows:
            losers = by.of(lost)
            if winners[0] not in losers and canonical(lost) != canonical(node):
                if losers and not (node.value is None and type(lost.value) is dict):  # `null-override` tells that
                    decided.setdefault((winners[0], losers[-1]), []).append((path, node, lost))
                break
    for (winner, loser), places in sorted(decided.items()):
        over, under = chain.references[winner], chain.references[loser]
        if is_component(over.target) and not is_component(under.target):
            continue
        if loser in by.dead:
            continue
        if is_component(over.target) and is_component(under.target):
            yield _pair_problem(over, under, places)
        else:
            yield _order_problem(over, under, places)


def _order_problem(over: Reference, under: Reference, places: list[tuple[KeyPath, Node, Node]]) -> Problem:
    values = "one value" if len(places) == 1 else f"{len(places)} values"
    return Problem(
        "base-order",
        f"base `{over.target}` overrides {values} of `{under.target}`, which stands before it",
        over.origin,
        why="both set the same keys, and only the order of the list says which one wins",
        notes=tuple(
            Note(node.origin, f"sets `{show_path(path)}` to {shown(node)}, over {shown(lost)}")
            for path, node, lost in places
        ),
        hint=f"let `{over.target}` extend `{under.target}` if it refines it; else set the values in this file",
        severity="warning",
    )


def _pair_problem(over: Reference, under: Reference, places: list[tuple[KeyPath, Node, Node]]) -> Problem:
    """Word that one component overrides another where it is listed behind it; the presets that do are notes."""
    path, first, lost = min(places, key=lambda place: place[1].origin)
    others = [Note(node.origin, f"wins `{show_path(path)}` as well") for path, node, _ in places if node is not first]
    values = f"{shown(first)} here and {shown(lost)} in `{under.target}`"
    return Problem(
        "base-order",
        f"`{show_path(path)}` is {values}, and the one listed last wins",
        first.origin,
        why="both are components, and neither extends the other",
        notes=(Note(lost.origin, "is overridden"), *others, Note(over.origin, "lists this one last")),
        hint=f"let this file extend `{under.target}` if it refines it; else set the values in what lists both",
        severity="warning",
    )
