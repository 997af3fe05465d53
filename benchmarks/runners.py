"""The task graph of a tree in the words of the runners: stock doit, ninja and make, each with actions that do nothing.

    python benchmarks/runners.py TREE

Reads the locks of a built tree. Each lock is a target that depends on its fragments, and on the lock of its mix: what
`doit` of the tree has itself. The actions touch their targets, as ninja and make look at times; stock doit has none.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

DODO = """\
import json

DOIT_CONFIG = {"backend": "json", "dep_file": "stock.json", "verbosity": 0}

with open("graph.json", encoding="utf-8") as file:
    GRAPH = json.load(file)


def task_lock():
    for lock, (sources, mix) in GRAPH.items():
        yield {
            "name": lock,
            "actions": [],
            "file_dep": sources,
            "targets": [lock],
            "task_dep": [f"lock:{mix}"] if mix else [],
        }
"""


class Target(NamedTuple):
    """A lock: the fragments that it is made from, and the lock of its mix, or an empty text."""

    sources: tuple[str, ...]
    mix: str


def graph(root: Path) -> dict[str, Target]:
    """Give the targets of a built tree by path; a preset is made from the fragments of its mix, too."""
    own: dict[str, tuple[tuple[str, ...], str]] = {}
    for lock in sorted((root / "build").rglob("*.lock.yaml")):
        head = lock.read_text(encoding="utf-8").split("\n\n", 1)[0]
        mix = re.search(r"^# fusion: \S+ (.+)$", head, re.MULTILINE)
        sources = tuple(re.findall(r"^#   (.+)$", head, re.MULTILINE))
        own[lock.relative_to(root).as_posix()] = (sources, mix[1] if mix else "")
    return {
        lock: Target(tuple(dict.fromkeys((*sources, *(own[mix][0] if mix else ())))), mix)
        for lock, (sources, mix) in own.items()
    }


def write(root: Path) -> int:
    """Write `stock.py`, `build.ninja` and `Makefile` into a built tree; gives the number of targets."""
    targets = graph(root)
    (root / "graph.json").write_text(json.dumps(targets), encoding="utf-8")
    (root / "stock.py").write_text(DODO, encoding="utf-8")
    ninja, make = ["rule touch\n  command = touch $out\n"], [f"all: {' '.join(targets)}\n"]
    for lock, target in targets.items():
        needed = " ".join([*target.sources, *([target.mix] if target.mix else [])])
        ninja.append(f"build {lock}: touch {needed}\n")
        make.append(f"{lock}: {needed}\n\t@touch $@\n")
    (root / "build.ninja").write_text("".join(ninja), encoding="utf-8")
    (root / "Makefile").write_text("".join(make), encoding="utf-8")
    return len(targets)


if __name__ == "__main__":
    print(f"{write(Path(sys.argv[1]))} targets")
