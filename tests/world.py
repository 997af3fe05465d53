"""A smallest failing world: what lies on disk, what is done with it, and everything that is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from builders import Files
from compiler.pipeline import Build, Check, Workspace, build

P = "configs/train/p.yaml"
LOCK = "build/train/p.lock.yaml"


class World(NamedTuple):
    """One smallest failing world.

    Attributes:
        code: what it is there for.
        files: what lies on disk.
        text: everything that is told.
        verb: what is done with it.
        built: files that were there when the locks were built, before `files`; nothing was built, if None.
        given: settings.
    """

    code: str
    files: Files
    text: str
    verb: Callable[[Workspace], Build | Check | object] = build
    built: Files | None = None
    given: dict[str, Any] = {}  # noqa: RUF012 - never changed
