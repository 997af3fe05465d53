"""The answer to `why`: where a value was written, and everything that it overrode, latest first.

Nothing is stored for it: the nodes of a resolved document carry their origins and their shadows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from compiler.compose import Resolved
from compiler.emitter import shown
from compiler.problems import Note, Problem, UsageError, did_you_mean
from compiler.values import BadPath, KeyPath, Node, Origin, parse_path, show_path, step_into


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
    raise UsageError(_unknown_key(resolved.source, key, documents[0], steps))


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
            part = _inside(shadow, whole[len(place) :])
            if part is not None:
                overrode.append(Overridden(show_path(whole), part, part.origin))
            elif shadow.value is None:
                overrode.append(Overridden(show_path(place), shadow, shadow.origin))
    return whole, node, tuple(overrode)


def _inside(node: Node, path: KeyPath) -> Node | None:
    for step in path:
        taken = step_into(node, step)
        if taken is None:
            return None
        node = taken[1]
    return node


def _unknown_key(source: str, key: str, document: Resolved, steps: KeyPath) -> Problem:
    """Word that a key is not set: what is there instead, and what masked it if something did."""
    node = document.values
    reached: list[str | int] = []
    for step in steps:
        taken = step_into(node, step)
        if taken is None:
            break
        reached.append(taken[0])
        node = taken[1]
    rest = steps[len(reached) :]
    notes = [
        Note(part.origin, f"held {shown(part)}")
        for shadow in node.shadows
        if (part := _inside(shadow, rest)) is not None
    ]
    if notes:
        notes.insert(0, Note(node.origin, f"sets `{show_path(tuple(reached))}` to {shown(node)}"))
    names: list[str] = []
    if type(node.value) is dict:
        names = [str(name) for name in node.value]
    elif type(node.value) is list:
        names = [
            str(name)
            for item in node.value
            if type(item.value) is dict and (held := item.value.get("name")) is not None and (name := held.value)
        ]
    return Problem(
        "unknown-key",
        f"`{key}` is not set in `{source}`",
        notes=tuple(notes),
        hint=did_you_mean(str(rest[0]), names) if rest else "",
    )
