"""`list`: every preset and fusion config that gets a lock, how its lock stands, and which are the same run."""

from __future__ import annotations

from typing import NamedTuple

from compiler.pipeline import Workspace, state


class Row(NamedTuple):
    """One line of `trainlock list`.

    Attributes:
        fragments: how many files it is made of.
        depth: how many of them extend one another in a row, at the most.
        fusion: the name of the mix.
        equal_to: the names of those with the same digest.
    """

    name: str
    state: str
    digest: str
    fragments: int
    depth: int
    fusion: str
    equal_to: tuple[str, ...] = ()


def listing(workspace: Workspace) -> list[Row]:
    """List every preset and fusion config that gets a lock.

    Raises:
        UsageError: `no-presets`.
    """
    rows = []
    for source in workspace.everything():
        found = state(workspace, source)
        resolved = found.resolved
        mix = resolved.fusion if resolved is not None else None
        files = set(resolved.chain.files()) if resolved is not None else workspace.composer.closure(source)
        files |= set(mix.chain.files()) if mix is not None else set()
        name = workspace.layout.name_of(source)
        rows.append(
            Row(
                name,
                found.state,
                resolved.digest if resolved else "",
                len(files),
                resolved.chain.depth if resolved is not None else 0,
                workspace.layout.name_of(mix.source) if mix else "",
            )
        )
    alike: dict[str, list[str]] = {}
    for row in rows:
        alike.setdefault(row.digest or row.name, []).append(row.name)
    return [
        row._replace(equal_to=tuple(name for name in alike[row.digest or row.name] if name != row.name)) for row in rows
    ]
