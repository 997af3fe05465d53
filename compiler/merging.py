"""How two values become one: the rules, and the table that says which rule holds where. The one place.

    kind of document   at                       rule      what it does
    preset             anywhere                 deep      two mappings merge key by key, base order kept, new keys after
    preset             anywhere                 replace   a scalar, a list or null takes the place of what was there
    fusion             `targets`, `sources`     keyed     entries merge by `name`, else by `dataset`
    fusion             anywhere else            deep, replace

A team can key a list of its own presets in `[tool.trainlock.keyed]`; nothing else is keyed. Null is a value: it
replaces, and is not the same as absent. This module reads no file and knows no name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from compiler.problems import Note, Problem, did_you_mean, nearest
from compiler.values import ENTRY_KEYS, KeyPath, Node, Origin, entry_name, show_path

MAX_SHADOWS: Final = 100
"""How many overridden values a node remembers, the latest ones: a base that applies a thousand times tells no more."""

Report = Callable[[Problem], None]
"""Takes a problem and goes on."""


class Policy:
    """The merge rules below one place of a document.

    Attributes:
        keys: what the entries of a list here are known by; empty where lists replace.
        strict: an entry found only in the overlay must be a definition (`dataset` and `train_jsonl`).
        below: the policies of the keys of a mapping here; a key that is not named merges by `deep` and `replace`.
    """

    __slots__ = ("below", "keys", "strict")

    def __init__(
        self, keys: tuple[str, ...] = (), *, strict: bool = False, below: dict[str, Policy] | None = None
    ) -> None:
        self.keys = keys
        self.strict = strict
        self.below = below if below is not None else {}


FUSION: Final = Policy(below={name: Policy(ENTRY_KEYS, strict=True) for name in ("targets", "sources")})
"""The table's rows for fusion configs."""


def preset_policy(keyed: Iterable[tuple[KeyPath, tuple[str, ...]]]) -> Policy | None:
    """Give the policy of presets: None where nothing is keyed, which is the fast way."""
    root = Policy()
    for path, keys in keyed:
        place = root
        for step in path:
            place = place.below.setdefault(str(step), Policy())
        place.keys = keys
    return root if root.below else None


def merge(base: Node, over: Node, policy: Policy | None, report: Report, path: KeyPath = ()) -> Node:
    """Give `over` laid on `base`; neither is changed, and what neither touches is shared with the result.

    Args:
        base, over: the weaker and the stronger value.
        policy: the rules at this place; None for `deep` and `replace` alone.
        report: takes `unknown-dataset` and the other problems of keyed lists.
        path: where the two lie in their documents, for messages.
    """
    under, upper = base.value, over.value
    if type(under) is dict and type(upper) is dict:
        if policy is None:
            return merge_all([base, over])
        merged = under | upper
        again = under.keys() & upper.keys()
        for key, child in upper.items():
            if key in again:
                merged[key] = merge(under[key], child, policy.below.get(key), report, (*path, key))
        shadows = (over.shadows + base.shadows)[:MAX_SHADOWS]
        return Node(merged, over.origin, shadows, again | base.over | over.over)
    if policy is not None and policy.keys:
        if type(under) is list and type(upper) is list and upper:
            return _merge_entries(base, over, policy, report, path)
        if type(under) is list and upper is None:
            report(_null_over_entries(base, over, path))
            return base
    return _replace(base, over)


def merge_all(nodes: list[Node]) -> Node:
    """Give nodes laid on one another in their order, the first the weakest, by `deep` and `replace` alone.

    The same as merging two at a time, without what lies between: nine mappings become one, and not eight.
    """
    if {type(node.value) for node in nodes} != {dict}:
        made = nodes[0]
        for node in nodes[1:]:
            made = merge_all([made, node]) if type(made.value) is type(node.value) is dict else _replace(made, node)
        return made
    merged: dict[str, Node] = nodes[0].value.copy()
    shadows, over = nodes[0].shadows, nodes[0].over
    again: set[str] = set()
    for node in nodes[1:]:
        again |= merged.keys() & node.value.keys()
        merged |= node.value
        if node.shadows:
            shadows = (node.shadows + shadows)[:MAX_SHADOWS]
        if node.over:
            over |= node.over
    for key in again:  # in no order, as nothing is reported
        merged[key] = merge_all([node.value[key] for node in nodes if key in node.value])
    return Node(merged, nodes[-1].origin, shadows, over | again)


def _replace(base: Node, over: Node) -> Node:
    return Node(over.value, over.origin, (*over.shadows, base, *base.shadows)[:MAX_SHADOWS], over.over)


def _null_over_entries(base: Node, over: Node, path: KeyPath) -> Problem:
    return Problem(
        "null-entries",
        f"`{show_path(path)}` is null, and the list of the base stays",
        over.origin,
        why="null leaves a list of entries as it is",
        notes=(Note(base.origin, "holds the list"),),
        hint="write `[]` to clear the list, or take the key out",
        severity="warning",
    )


def _merge_entries(base: Node, over: Node, policy: Policy, report: Report, path: KeyPath) -> Node:
    """Lay entries on entries: the same name merges in place, a definition is appended after the base's."""
    entries: list[Node] = list(base.value)
    places = {
        name: index for index, entry in enumerate(entries) if (name := entry_name(entry, policy.keys)) is not None
    }
    known = len(places)
    for entry in over.value:
        name = entry_name(entry, policy.keys)
        index = places.get(name) if name is not None else None
        if name is None or (index is not None and index >= len(base.value)):
            continue  # told by `entry_problems` of the fragment that holds it
        if index is not None:
            entries[index] = merge(entries[index], entry, None, report)
            continue
        if policy.strict and not is_definition(entry):
            report(_unknown_dataset(name, entry, list(places)[:known], path))
            continue
        if policy.strict and (near := _near_entry(name, entry, base)) is not None:
            report(near)
        places[name] = len(entries)
        entries.append(entry)
    shadows = (over.shadows + base.shadows)[:MAX_SHADOWS]
    return Node(entries, over.origin, shadows, frozenset(range(len(entries))))


def is_definition(entry: Node) -> bool:
    """Say whether an entry can stand on its own: it has a `dataset` and a `train_jsonl`."""
    return all(_holds(entry, key) for key in ("dataset", "train_jsonl"))


def _holds(entry: Node, key: str) -> bool:
    child = entry.value.get(key)
    return child is not None and child.value is not None and child.value != ""


def _odd_name(entry: Node, keys: tuple[str, ...]) -> Node | None:
    """Give what stands where an entry's name is looked for, if that is neither text nor null."""
    for key in keys if type(entry.value) is dict else ():
        child = entry.value.get(key)
        if child is not None and child.value not in (None, ""):
            return None if type(child.value) is str else child
    return None


def _unknown_dataset(name: str, entry: Node, known: list[str], path: KeyPath) -> Problem:
    return Problem(
        "unknown-dataset",
        f"`{name}` is no entry of `{show_path(path)}` in the base",
        _name_place(entry, name),
        why="an entry that only the overlay holds is a definition, and needs `dataset` and `train_jsonl`",
        hint=did_you_mean(name, known) or "the base has no entries here",
    )


def _near_entry(name: str, entry: Node, base: Node) -> Problem | None:
    """Warn where a new entry looks like a mistyped override: a near name, and the same dataset."""
    dataset = entry.value["dataset"].value
    of_dataset = {
        other: item
        for item in base.value
        if type(item.value) is dict
        and (other := entry_name(item)) is not None
        and (held := item.value.get("dataset")) is not None
        and held.value == dataset
    }
    close = nearest(name, of_dataset)
    if close is None:
        return None
    return Problem(
        "near-entry",
        f"the new entry `{name}` is named almost like `{close}`, of the same dataset",
        _name_place(entry, name),
        why="an entry with a name of its own is added, not merged",
        notes=(Note(of_dataset[close].origin, f"holds `{close}`"),),
        hint=f"did you mean `{close}`?",
        severity="warning",
    )


def _name_place(entry: Node, name: str) -> Origin:
    """Give the place of what names an entry."""
    return next((child.origin for child in entry.value.values() if child.value == name), entry.origin)


def entry_problems(body: Node, policy: Policy | None, path: KeyPath = ()) -> list[Problem]:
    """Give what is wrong with the keyed lists of one fragment, before it is merged with anything.

    `bad-entries` (not a list), `unnamed-entry` (an item that is no mapping, or has nothing it is known by), and
    `duplicate-entry`: two of one name in a list, or across `targets` and `sources`.
    """
    if policy is None:
        return []
    problems: list[Problem] = []
    across: dict[str, Node] = {}
    for key, below in policy.below.items():
        child = body.value.get(key) if type(body.value) is dict else None
        if child is None:
            continue
        if not below.keys:
            problems += entry_problems(child, below, (*path, key))
            continue
        seen = across if below.strict else {}
        if child.value is None:
            continue
        if type(child.value) is not list:
            problems.append(
                Problem(
                    "bad-entries",
                    f"`{show_path((*path, key))}` is not a list",
                    child.origin,
                    why="its entries merge by name",
                    hint="begin each entry with `-`",
                )
            )
            continue
        for entry in child.value:
            name = entry_name(entry, below.keys)
            odd = _odd_name(entry, below.keys)
            if odd is not None:
                message = f"an entry of `{show_path((*path, key))}` is known by what is not text"
                problems.append(
                    Problem("unnamed-entry", message, odd.origin, why="entries merge by it", hint="quote it")
                )
            elif name is None:
                problems.append(
                    Problem(
                        "unnamed-entry",
                        f"an entry of `{show_path((*path, key))}` has no "
                        + " and no ".join(f"`{known}`" for known in below.keys),
                        entry.origin,
                        why="entries merge by it",
                    )
                )
            elif name in seen:
                problems.append(
                    Problem(
                        "duplicate-entry",
                        f"two entries are named `{name}`",
                        _name_place(entry, name),
                        why="entries are known by their name, in `targets` and `sources` together"
                        if below.strict
                        else "entries merge by it",
                        notes=(Note(_name_place(seen[name], name), "is the first"),),
                        hint="give one of them a name of its own",
                    )
                )
            else:
                seen[name] = entry
    return problems
