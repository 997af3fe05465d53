"""What an extends key names, and the two mistakes that no single file shows: a cycle, and a key that looks like one."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from compiler.catalog import SUFFIXES
from compiler.problems import Note, Problem, nearest
from compiler.reader import Fragment
from compiler.values import Origin

LOOKALIKES: Final = frozenset(
    ("base", "bases", "extend", "extends", "include", "includes", "inherit", "inherits", "parent")
)
"""What other tools call the key that names bases, without underscores and in lower case."""


class Reference(NamedTuple):
    """One name in an `extends`: the file it stands for, and where it is written."""

    target: str
    origin: Origin


def near_extends(fragment: Fragment, keys: tuple[str, ...], exists: Callable[[str], bool]) -> Iterator[Problem]:
    """Warn of a top-level key that looks like an extends key, names files that exist, and is data all the same."""
    folder = posixpath.dirname(fragment.source.path)
    for key, child in fragment.body.value.items():
        if type(child.value) is dict:
            continue
        named = [item.value for item in child.value] if type(child.value) is list else [child.value]
        if key in keys or not named or not all(type(name) is str and name.endswith(SUFFIXES) for name in named):
            continue
        like = key.strip("_").lower()
        if like not in LOOKALIKES and not nearest(like, keys):
            continue
        if any(exists(posixpath.normpath(posixpath.join(folder, name))) for name in named):
            yield Problem(
                "near-extends",
                f"`{key}` names a config that exists, and is no extends key",
                child.origin,
                why="it goes into the lock as it stands, and nothing is inherited",
                hint="the extends keys are " + ", ".join(f"`{known}`" for known in keys),
                severity="warning",
            )


def cycle_problem(target: str, trail: tuple[Reference, ...]) -> Problem:
    """Name a cycle the same way from wherever it was entered: at the reference of its first file by name."""
    start = next(index for index, step in enumerate(trail) if step.target == target)
    ring = list(trail[start:])
    turn = ring.index(min(ring))
    ring = ring[turn:] + ring[:turn]
    names = [step.target for step in ring]
    if len(ring) == 1:
        message, hint = "the file extends itself", "take the reference out"
    else:
        message = "the files extend each other: " + " -> ".join(f"`{name}`" for name in [*names, names[0]])
        hint = "take one of these references out"
    after = [*names[1:], names[0]]
    notes = [Note(step.origin, f"extends `{after[index]}`") for index, step in enumerate(ring)]
    return Problem(
        "extends-cycle",
        message,
        ring[0].origin,
        why="a file applies after all of its bases",
        notes=tuple(notes[1:]),
        hint=hint,
    )
