"""Compares a built tree with an equal copy of it, pair by pair: by canonical bytes, as `prove --witness bytes` does.

    python benchmarks/proof.py TREE COPY PAIRS bytes|deepdiff

Prints the seconds of processor time that the comparisons took. Both sides of each pair are read from their locks first,
each by itself, and that is not counted: it is the same for either witness.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from pathlib import Path

from compiler import settings
from compiler.catalog import Layout
from compiler.compare import Policies, Side
from compiler.pipeline import Workspace
from compiler.sides import of_lock, policies_of
from compiler.values import plain
from compiler.verdict import judge


def side(workspace: Workspace, source: str) -> Side:
    """Read a preset back from its lock, with its mix."""
    loaded = of_lock(workspace, source, lambda path: Path(workspace.layout.absolute(path)).read_bytes())
    assert loaded.side is not None, loaded.problems
    return loaded.side


def by_bytes(left: Side, right: Side, policies: Policies) -> bool:
    """Judge a pair as `prove` does."""
    return judge(left, right, policies, (), second_opinion=False).verdict == "EQUIVALENT"


def by_deepdiff(left: Side, right: Side, _policies: Policies) -> bool:
    """Ask deepdiff whether two presets and their mixes are equal."""
    from deepdiff import DeepDiff

    one, other = ([plain(node) for node in (each.values, each.fusion) if node is not None] for each in (left, right))
    return not any(DeepDiff(a, b) for a, b in zip(one, other, strict=True))


def main() -> None:
    """Compare, and print the time."""
    gc.disable()
    tree, copy, pairs, witness = sys.argv[1:]
    workspaces = [Workspace(Layout(os.path.abspath(root), settings.load(root))) for root in (tree, copy)]
    policies = policies_of(workspaces[0].layout.settings)
    compared = by_bytes if witness == "bytes" else by_deepdiff
    taken = 0.0
    for source in [*workspaces[0].sources.presets.values()][: int(pairs)]:
        left, right = (side(workspace, source) for workspace in workspaces)
        begun = time.process_time()
        is_equal = compared(left, right, policies)
        taken += time.process_time() - begun
        assert is_equal, source
    print(taken)


if __name__ == "__main__":
    main()
