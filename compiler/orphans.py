"""Locks whose source is gone: which files below the build folder are ours, and are made from nothing any more."""

from __future__ import annotations

import os
import stat
from collections.abc import Container
from typing import NamedTuple

from compiler.catalog import Layout
from compiler.problems import Problem, reason_of
from compiler.store import locks_below, read_file
from compiler.values import Origin


class Orphans(NamedTuple):
    """Locks without a source, sorted, and what cannot be read, of which nobody can say whether it is one."""

    paths: tuple[str, ...]
    problems: tuple[Problem, ...]


def find(layout: Layout, live: Container[str]) -> Orphans:
    """Give the locks whose header names a source that is gone, lying where that source's lock would lie.

    Args:
        layout: where things are.
        live: the locks that there are to be.
    """
    locks, problems = locks_below(layout)
    strange = [path for path in locks if path not in live]
    if not strange:
        return Orphans((), tuple(problems))
    from compiler import lockfile  # noqa: PLC0415 - nor does `doit` with nothing to do decode any

    found = []
    for path in strange:
        try:
            data = read_file(layout.absolute(path))
        except OSError as error:
            problems.append(unreadable(path, error))
            continue
        header = lockfile.header_of(data) if data else None
        if header is None or layout.below_configs(header.source) is None:
            continue
        if layout.lock_of(header.source) == path and _is_gone(layout.absolute(header.source)):
            found.append(path)
    return Orphans(tuple(found), tuple(problems))


def unreadable(lock: str, error: OSError) -> Problem:
    """Word that a lock cannot be read."""
    reason = reason_of(error)
    return Problem("unreadable-file", f"`{lock}` cannot be read", Origin(lock, 0, 0), why=reason)


def _is_gone(path: str) -> bool:
    """Say whether there is certainly no source at a path: nothing, or a folder; what cannot be told is not gone."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
