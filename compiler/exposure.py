"""Checks for what must not be told: a value that looks like a secret would be committed with the lock that holds it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from compiler import disguise
from compiler.problems import Problem
from compiler.values import KeyPath, Node, Origin, show_path


class Suspect(NamedTuple):
    """A value or a key of a fragment that looks like a secret: where it stands, its text, what it looks like."""

    origin: Origin
    text: str
    what: str


def suspects(node: Node, *, kept: bool = False) -> Iterator[Suspect]:
    """Yield what looks like a secret in one fragment, before it is merged with anything.

    Args:
        node: the values of the fragment.
        kept: whether they stand below a key of secrets.
    """
    value = node.value
    kind = type(value)
    if kind is dict:
        for key, child in value.items():
            if len(key) >= disguise.SHORTEST and (what := disguise.token_in(key)):
                yield Suspect(child.origin, key, what)
            below = type(child.value)
            if below is str or below is dict or below is list:
                yield from suspects(child, kept=kept or disguise.keeps_secrets(key))
    elif kind is list:
        for child in value:
            yield from suspects(child, kept=kept)
    elif kind is str and (kept or len(value) >= disguise.SHORTEST):
        what = disguise.token_in(value) or ("a secret" if kept and not disguise.stands_for_one(value) else "")
        if what:
            yield Suspect(node.origin, value, what)


def secret_values(values: Node, found: Iterable[Suspect]) -> Iterator[Problem]:
    """No value of a lock looks like a secret: a token by its form, or a text at a key such as `api_key`.

    The value itself is not told. What names a variable, a placeholder or a file is none.

    Bad:
        training: {hub_token: hf_abcdefghijklmnopqrstuvwxyz012345}

    Good:
        training: {hub_token: null}
    """
    what_at = {suspect.origin: suspect.what for suspect in found}
    for path, node in _nodes(values) if what_at else ():
        if node.origin in what_at:
            yield Problem(
                "secret-value",
                f"`{show_path(path)}` looks like {what_at[node.origin]}",
                node.origin,
                why="a lock is committed, and whoever reads it has it",
                hint="let the environment give it to the trainer, and revoke it if it was ever committed; where it is "
                "none, silence this with a reason",
            )


def _nodes(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Node]]:
    """Yield every value of a document with its path; of one below a value that was yielded as it stands, the rest."""
    value = node.value
    if path:
        yield path, node
    if type(value) in (dict, list):
        for step, child in value.items() if type(value) is dict else enumerate(value):
            yield from _nodes(child, (*path, step))
