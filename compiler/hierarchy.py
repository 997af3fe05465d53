"""Checks of what a fragment makes of its bases: values said twice, bases that do nothing, order that decides a value.

All of them are answered by one survey of the merged values: which files the leaves come from, and which values
overrode something. The survey of a subtree that fragments share is made once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from compiler.emitter import shown
from compiler.extends import Chain
from compiler.merging import Policy
from compiler.problems import Note, Problem
from compiler.references import Reference
from compiler.values import KeyPath, Node, canonical, held_at, leaves, show_path


class Survey(NamedTuple):
    """What merging made of a subtree.

    Attributes:
        files: the files that its leaves were written in.
        overriding: every value that took the place of another, with the path to it.
    """

    files: frozenset[str]
    overriding: tuple[tuple[KeyPath, Node], ...]


class Surveys:
    """Surveys of subtrees, each of a shared one made once."""

    def __init__(self) -> None:
        self._known: dict[Node, Survey] = {}

    def of(self, node: Node, *, shared: bool) -> Survey:
        """Give the survey of a mapping or a list.

        Args:
            node: of a document that was merged.
            shared: its subtrees stay, and other documents are going to hold them.
        """
        made = self._known.get(node)
        if made is not None:
            return made
        files: set[str] = set()
        overriding: list[tuple[KeyPath, Node]] = []
        held = node.value
        for key, child in held.items() if type(held) is dict else enumerate(held):
            if child.shadows:
                overriding.append(((key,), child))
            if type(child.value) in (dict, list) and child.value:
                below = self.of(child, shared=shared)
                files |= below.files
                if below.overriding:
                    overriding += [((key, *path), value) for path, value in below.overriding]
            else:
                files.add(child.origin.file)
        made = Survey(frozenset(files), tuple(overriding))
        if shared:
            self._known[node] = made
        return made


def problems_of(
    chain: Chain, values: Node, survey: Survey, policy: Policy | None, is_component: Callable[[str], bool]
) -> Iterator[Problem]:
    """Yield what is noticed of a fragment that has bases, as it was merged with them.

    Args:
        chain: the fragment and its bases.
        values: what they were merged to.
        survey: of these values.
        policy: the rules by which they were merged.
        is_component: says of a path whether a component lies there.
    """
    yield from restated_values(chain, survey, policy)
    yield from null_overrides(survey)
    yield from dead_bases(chain, values, survey)
    yield from order_of_bases(chain, survey, is_component)


def restated_values(chain: Chain, survey: Survey, policy: Policy | None) -> Iterator[Problem]:
    """A fragment sets only what is its own: a value that its bases give it anyway will not follow them.

    What an entry of a list is known by is said again on purpose.

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
    for path, node in survey.overriding:
        if node.origin.file != chain.path or canonical(node) != canonical(node.shadows[0]):
            continue
        if policy is not None and path[-1] in _names_of_entries(policy, path):
            continue
        yield Problem(
            "restated-value",
            f"`{show_path(path)}` is {shown(node)} already",
            node.origin,
            why="a value that is inherited and said again stays behind when the base changes",
            notes=(Note(node.shadows[0].origin, "sets it"),),
            hint="take the line out",
            severity="warning",
        )


def _names_of_entries(policy: Policy, path: KeyPath) -> tuple[str, ...]:
    """Give what the entries of the list are known by in which a path ends."""
    for step in path[:-2]:
        below = policy.below.get(str(step))
        if below is None:
            return ()
        policy = below
    return policy.keys if len(path) > 1 and isinstance(path[-2], int) else ()


def null_overrides(survey: Survey) -> Iterator[Problem]:
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
    for path, node in survey.overriding:
        gone = node.shadows[0]
        if node.value is None and type(gone.value) is dict and gone.value:
            count = sum(1 for _ in leaves(gone))
            yield Problem(
                "null-override",
                f"`{show_path(path)}` is null, and takes the place of {count} value{'' if count == 1 else 's'}",
                node.origin,
                why="null replaces a whole mapping; it is not the same as saying nothing",
                notes=(Note(gone.origin, "sets the mapping"),),
                hint="take the line out to keep the mapping, or set the keys below it that shall differ",
                severity="warning",
            )


def dead_bases(chain: Chain, values: Node, survey: Survey) -> Iterator[Problem]:
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
    for reference, base in zip(chain.references, chain.bases, strict=True):
        if not base.closure.isdisjoint(survey.files):
            continue
        winners = list(_winners(base, values))
        if any(winner.value is None and is_above for _, winner, is_above in winners):
            continue
        yield Problem(
            "dead-base",
            f"nothing is left of base `{reference.target}`",
            reference.origin,
            why="every value that it sets is overridden" if winners else "it sets no value",
            notes=tuple(Note(winner.origin, f"sets `{show_path(path)}`") for path, winner, _ in winners),
            hint="take it out, or put it behind what overrides it" if winners else "take it out",
            severity="warning",
        )


def _winners(base: Chain, values: Node) -> Iterator[tuple[KeyPath, Node, bool]]:
    """Yield each path that a base and its bases set, with what holds its place now, and whether it stands above it."""
    for path, _ in (leaf for link in base.merge_order() for leaf in leaves(link.own) if leaf[0]):
        for end in range(len(path), 0, -1):
            winner = held_at(values, path[:end])
            if winner is not None:
                yield path, winner, end < len(path)
                break


def order_of_bases(chain: Chain, survey: Survey, is_component: Callable[[str], bool]) -> Iterator[Problem]:
    """No value hangs on the order in which bases are listed.

    Not told is a component behind a preset or another file that is none, which it refines; a base that extends the
    other; a base that is reached twice (`diamond-reset`), or of which nothing is left (`dead-base`).

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
    if len(chain.bases) < 2:
        return
    decided: dict[tuple[int, int], list[tuple[KeyPath, Node, Node]]] = {}
    for path, node in survey.overriding:
        by = _bases_with(chain, node)
        if len(by) != 1:
            continue  # of the file itself, or of a base that is reached twice
        for lost in node.shadows:
            losers = _bases_with(chain, lost)
            if by[0] not in losers and canonical(lost) != canonical(node):
                if losers:
                    decided.setdefault((by[0], losers[-1]), []).append((path, node, lost))
                break
    for (winner, loser), places in sorted(decided.items()):
        over, under = chain.references[winner], chain.references[loser]
        if is_component(over.target) and not is_component(under.target):
            continue
        if chain.bases[loser].closure.isdisjoint(survey.files):
            continue
        yield _order_problem(over, under, places)


def _bases_with(chain: Chain, node: Node) -> list[int]:
    """Give the indexes of the bases by which the file of a value is reached; none for a value of the file itself."""
    return [index for index, base in enumerate(chain.bases) if node.origin.file in base.closure]


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
        hint="if the one refines the other let it extend it; else set the values in the file that lists both",
        severity="warning",
    )
