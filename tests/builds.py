"""What the tests of builds share: a small repository, its locks, and how to tell what came of it."""

from __future__ import annotations

from pathlib import Path

from builders import Files
from compiler import pipeline

MIX = "targets: [{name: a, dataset: d, train_jsonl: a.jsonl}]\n"
WORLD: Files = {
    "configs/base.yaml": "lr: 1\nseed: 2\n",
    "configs/fusion/m.yaml": MIX,
    "configs/train/p.yaml": "extends: ../base.yaml\nfusion: configs/fusion/m.yaml\n",
    "configs/train/sub/q.yaml": "extends: ../../base.yaml\nlr: 3\n",
}
LOCKS = ["build/fusion/m.lock.yaml", "build/train/p.lock.yaml", "build/train/sub/q.lock.yaml"]


def codes(found: pipeline.Check | pipeline.Build) -> list[str]:
    """Give file and code of each problem of a verb."""
    return [f"{problem.origin.file} {problem.code}" for problem in found.problems]


def below(folder: Path) -> list[str]:
    """Give every file below a folder, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
