"""The answer to `why`: where a value was written, and everything that it overrode, latest first.

Nothing is stored for it: the nodes of a resolved document carry their origins and their shadows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from compiler.compose import Resolved
from compiler.emitter import shown
from compiler.problems import Note, Problem, UsageError, choice, did_you_mean, nearest
from compiler.values import (
    BadPath,
    EntryName,
    KeyPath,
    Node,
    Origin,
    entry_name,
    held_at,
    parse_path,
    show_path,
    step_into,
)


class Overridden(NamedTuple):
    """A value that lost: the path at which it stood, what it was, and where it was written."""

    path: str
    value: Node
    origin: Origin


class Why(NamedTuple):
    """The answer to where a value comes from.

    Attributes:
        source: the preset or fusion config that was asked.
        document: the file whose resolved values hold the key: the same, or the mix that the preset names.
        path: the key, entries' names turned into indexes.
        node: the winning value; its `origin` is where it was written.
        overrode: what it overrode, latest first.
        lock_value: what the lock holds instead: the path of the fusion lock; None for every other key.
    """

    source: str
    document: str
    path: KeyPath
    node: Node
    overrode: tuple[Overridden, ...]
    lock_value: str | None


IN_MIX: Final = "fusion:"
"""Said before a key, it asks for the mix that a preset names and not for the preset."""


def ask(resolved: Resolved, key: str, lock_of: Callable[[str], str]) -> Why:
    """Tell where a value was written and what it overrode.

    Args:
        resolved: a composed preset or fusion config.
        key: such as `tuner.lora_rank`, `custom.augmentation.ops[0].params.prob`, `sources[lvis].ratio`; looked up in
            the preset, then in the mix that it names, and with `fusion:` before it in the mix alone.
        lock_of: gives the path of a source's lock.

    Raises:
        UsageError: `unknown-key`, with the nearest one.
    """
    try:
        steps = parse_path(key.removeprefix(IN_MIX))
    except BadPath as error:
        raise UsageError(
            Problem("unknown-key", str(error), hint="such as `tuner.lora_rank` or `sources[lvis].ratio`")
        ) from None
    documents = [resolved, *([resolved.fusion] if resolved.fusion is not None else [])]
    if key.startswith(IN_MIX):
        documents = documents[1:] or documents
    for document in documents:
        found = _trace(document.values, steps)
        if found is not None:
            path, node, overrode = found
            is_mix_path = document is resolved and resolved.fusion is not None and path == resolved.fusion_at
            lock_value = lock_of(resolved.fusion.source) if is_mix_path and resolved.fusion else None
            return Why(resolved.source, document.source, path, node, overrode, lock_value)
    raise UsageError(
        _unknown_key(resolved.source, key, max(documents, key=lambda one: len(_reached(one.values, steps)[0])), steps)
    )


def _trace(node: Node, steps: KeyPath) -> tuple[KeyPath, Node, tuple[Overridden, ...]] | None:
    """Follow a path; gather what was overridden at its end, and with every mapping or list around it."""
    path: list[str | int] = []
    around: list[tuple[KeyPath, Node]] = []
    for step in steps:
        around.append((tuple(path), node))
        taken = step_into(node, step)
        if taken is None:
            return None
        path.append(taken[0])
        node = taken[1]
    whole = tuple(path)
    overrode = [Overridden(show_path(whole), shadow, shadow.origin) for shadow in node.shadows]
    for place, holder in reversed(around):
        for shadow in holder.shadows:
            part = held_at(shadow, whole[len(place) :])
            if part is not None:
                overrode.append(Overridden(show_path(whole), part, part.origin))
            elif type(shadow.value) is not type(holder.value):  # a null, or another value that held no such key
                overrode.append(Overridden(show_path(place), shadow, shadow.origin))
    return whole, node, tuple(overrode)


def _reached(node: Node, steps: KeyPath) -> tuple[KeyPath, Node]:
    """Follow a path as far as it leads: gives the steps taken and the node there."""
    taken_steps: list[str | int] = []
    for step in steps:
        taken = step_into(node, step)
        if taken is None:
            break
        taken_steps.append(taken[0])
        node = taken[1]
    return tuple(taken_steps), node


def _unknown_key(source: str, key: str, document: Resolved, steps: KeyPath) -> Problem:
    """Word that a key is not set: what is there instead, and what masked it if something did."""
    reached, node = _reached(document.values, steps)
    rest = steps[len(reached) :]
    notes = [
        Note(part.origin, f"held {shown(part)}")
        for shadow in node.shadows
        if (part := held_at(shadow, rest)) is not None
    ]
    if notes or type(node.value) not in (dict, list):
        notes.insert(0, Note(node.origin, f"sets `{show_path(reached)}` to {shown(node)}"))
    hint = _hint(document.values, reached, node, rest)
    return Problem("unknown-key", f"`{key}` is not set in `{source}`", notes=tuple(notes), hint=hint)


def _hint(root: Node, reached: KeyPath, node: Node, rest: KeyPath) -> str:
    """Word what a key that leads nowhere was most likely meant to be: a whole key, to be asked for as it stands."""
    step = rest[0]
    is_list = type(node.value) is list
    if not is_list and type(node.value) is not dict:
        return ""
    known = [name for item in node.value if (name := entry_name(item)) is not None] if is_list else [*node.value]
    if is_list and (isinstance(step, int) or not known):
        return f"the list has {len(node.value)} {'entry' if len(node.value) == 1 else 'entries'}, counted from 0"
    near = nearest(str(step), known)
    if near is not None:
        there = (*reached, EntryName(near) if is_list else near)
        whole = (*there, *rest[1:])
        return f"did you mean `{show_path(whole if held_at(root, whole) is not None else there)}`?"
    alike = [show_path(path) for path in _paths(root) if path[-1] == step and len(rest) == 1 and not is_list]
    return choice(alike) or did_you_mean(str(step), known)


def _paths(node: Node, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the path of every key of a document's mappings."""
    for key, child in node.value.items() if type(node.value) is dict else ():
        yield (*path, key)
        yield from _paths(child, (*path, key))
