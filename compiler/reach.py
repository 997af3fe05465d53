"""What a fragment reaches, and what a key holds where: `impact`; and who is made of what: `graph`.

Nothing is stored for it: a value that a fragment authored survives in a preset if the value there has its origin.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from compiler.compare import entered, places
from compiler.merging import FUSION, Policy, preset_policy
from compiler.pipeline import Workspace
from compiler.problems import Invalid, Problem
from compiler.values import EntryName, KeyPath, Node, canonical, held_at, show_path


class Leaf(NamedTuple):
    """One leaf that a fragment authors, and what became of it in a preset.

    Attributes:
        path: of the leaf.
        node: as the fragment has it.
        winner: what the preset holds in its place: the same node where it survives; of a leaf that is gone, the value
            of the nearest key above it that took its place; None where nothing is left of it.
    """

    path: KeyPath
    node: Node
    winner: Node | None

    @property
    def survives(self) -> bool:
        """Say whether the preset trains with it."""
        return self.winner is not None and self.winner.origin == self.node.origin


class Reach(NamedTuple):
    """What became of a fragment in one preset; `through` is the mix by which it is reached, or empty."""

    preset: str
    through: str
    leaves: tuple[Leaf, ...]


def reach(workspace: Workspace, file: str) -> tuple[list[Reach], list[Problem]]:
    """Give every preset that a fragment reaches, with what becomes of its leaves; and the problems of those that fail.

    Args:
        workspace: the repository.
        file: a fragment, from the repository root.

    Raises:
        Invalid: the fragment cannot be read.
    """
    body = workspace.composer.extends.body(file)
    names_bases = workspace.layout.settings.extends_keys
    body = Node({key: child for key, child in body.value.items() if key not in names_bases}, body.origin)
    policy = preset_policy(workspace.layout.settings.keyed)
    found = []
    problems: list[Problem] = []
    for preset in presets_of(workspace):
        if file not in workspace.composer.closure(preset):
            continue
        try:
            resolved = workspace.composer.preset(preset)
        except Invalid as invalid:
            problems += invalid.problems
            continue
        mix = resolved.fusion
        if file in resolved.chain.files():
            found.append(Reach(preset, "", _leaves(body, resolved.values, policy)))
        elif mix is not None:
            found.append(Reach(preset, mix.source, _leaves(body, mix.values, FUSION)))
    return found, problems


def _leaves(body: Node, values: Node, policy: Policy | None) -> tuple[Leaf, ...]:
    return tuple(Leaf(path, node, _winner(values, path, policy)) for path, node in places(body, policy))


def _winner(node: Node, path: KeyPath, policy: Policy | None) -> Node | None:
    """Give what a document holds at a path, or at the nearest key above that holds nothing of the kind any more."""
    for step in path:
        is_entry = isinstance(step, EntryName)
        below = entered(node, step, policy)
        if below is None:
            took_its_place = type(node.value) is not (list if is_entry else dict) or not node.value
            return node if took_its_place else None
        policy = policy.below.get(str(step)) if policy is not None and not is_entry else None
        node = below
    return node


class Held(NamedTuple):
    """What one preset holds at a key: in its own values, or in those of its mix; None where it holds nothing."""

    preset: str
    node: Node | None


def holders(workspace: Workspace, path: KeyPath, *, in_mix: bool = False) -> tuple[list[Held], list[Problem]]:
    """Give what every preset holds at a key, and the problems of those that fail.

    Args:
        workspace: the repository.
        path: looked up in the preset, then in the mix that it names.
        in_mix: look in the mix alone.
    """
    found = []
    problems: list[Problem] = []
    for preset in presets_of(workspace):
        try:
            resolved = workspace.composer.preset(preset)
        except Invalid as invalid:
            problems += invalid.problems
            continue
        node = held_at(resolved.values, path) if not in_mix else None
        if node is None and resolved.fusion is not None:
            node = held_at(resolved.fusion.values, path)
        found.append(Held(preset, node))
    return found, problems


def keys_of(workspace: Workspace) -> set[str]:
    """Give the path of every leaf of every preset that compiles, for hints."""
    known: set[str] = set()
    for preset in presets_of(workspace):
        try:
            known.update(show_path(path) for path, _ in places(workspace.composer.preset(preset).values))
        except Invalid:
            continue
    return known


def presets_of(workspace: Workspace) -> list[str]:
    """Give the presets of a repository, sorted; the mixes that they name are none."""
    return sorted({*workspace.sources.presets.values()} - {*workspace.named_mixes()})


def by_value(held: Iterable[Held]) -> list[tuple[Node | None, list[Held]]]:
    """Put presets that hold the same value together, the most first."""
    groups: dict[bytes, list[Held]] = {}
    for one in held:
        groups.setdefault(canonical(one.node) if one.node is not None else b"", []).append(one)
    ranked = sorted(groups.values(), key=lambda group: (-len(group), group[0].preset))
    return [(group[0].node, group) for group in ranked]
