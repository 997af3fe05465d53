"""A small repository with a legacy side, and what comes of a proof: what the tests of proofs stand on."""

from __future__ import annotations

import datetime
import importlib.util
from pathlib import Path
from typing import Any, Final

from builders import REPOSITORY, Files, look, write
from compiler.pairing import Pair
from compiler.pipeline import build
from compiler.problems import Problem
from compiler.proving import LEGACY, Proof, Prover, other_side

_spec = importlib.util.spec_from_file_location("record_legacy", REPOSITORY / "scripts/record_legacy.py")
assert _spec is not None
assert _spec.loader is not None
record_legacy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(record_legacy)

TODAY: Final = datetime.date(2026, 6, 1)

WIDE: Final = "configs/train/wide.yaml"
OLD_WIDE: Final = "configs/fusion_train/wide.yaml"
WIDE_LOCK: Final = "build/train/wide.lock.yaml"
MIX_LOCK: Final = "build/fusion/m.lock.yaml"

THEIRS: Final[Files] = {
    "legacy/configs/base.yaml": "seed: 1\nopt: {name: adam, eps: 1.0e-8}\n",
    "legacy/configs/fusion_train/wide.yaml": """
        extends: ../base.yaml
        lr: 2.0e-4
        ops:
          - {name: flip, p: 0.5}
          - {name: crop, p: 0.1, size: [2, 3]}
        tags: [a, b]
        fusion: configs/dataset_mix/m.yaml
        """,
    "legacy/configs/dataset_mix/m.yaml": """
        targets: [{name: t, dataset: d, train_jsonl: t.jsonl, ratio: 1.0}]
        sources: [{name: s, dataset: e, train_jsonl: s.jsonl, ratio: 0.1}]
        """,
}

OURS: Final[Files] = {
    "configs/base.yaml": "seed: 1\nopt:\n  name: adam\n  eps: 1.0e-8\n",
    "configs/parts/ops.yaml": """
        ops:
          - name: flip
            p: 0.5
          - name: crop
            p: 0.1
            size: [2, 3]
        tags: [a, b]
        """,
    "configs/fusion/base.yaml": "targets:\n  - {name: t, dataset: d, train_jsonl: t.jsonl, ratio: 1.0}\n",
    "configs/fusion/m.yaml": """
        extends: base.yaml
        sources:
          - name: s
            dataset: e
            train_jsonl: s.jsonl
            ratio: 0.1
        """,
    WIDE: "extends: [../base.yaml, ../parts/ops.yaml]\nlr: 2.0e-4\nfusion: configs/fusion/m.yaml\n",
}

MAPPING: Final = f"presets:\n  {OLD_WIDE}: {WIDE}\n"


def record(root: Path) -> None:
    """Make the legacy records of a repository."""
    for path, text in record_legacy.records(root / "legacy").items():
        write(root / "legacy", {str(path): text.encode()})


def rebuild(root: Path, **given: Any) -> None:
    """Build every lock; all sources must compile."""
    assert [problem for problem in build(look(root, **given)).problems if problem.severity == "error"] == []


def world(root: Path, edits: Files | None = None, *, mapping: str = MAPPING, **given: Any) -> Path:
    """Make a repository whose one preset is proven by one legacy preset, but for some edits; gives its root."""
    write(root, {**THEIRS, **OURS, "legacy/mapping.yaml": mapping, **(edits or {})})
    record(root)
    rebuild(root, **given)
    return root


def edit(root: Path, path: str, old: str, new: str) -> None:
    """Replace a text that a file holds once."""
    text = (root / path).read_text()
    assert text.count(old) == 1, (old, text)
    (root / path).write_text(text.replace(old, new))


def prover(root: Path, name: str = LEGACY, *, given: dict[str, Any] | None = None, **options: Any) -> Prover:
    """Look at a repository and at what it is to be compared with."""
    workspace = look(root, **(given or {}))
    return Prover(workspace, **{"today": TODAY, "name": name, "other": other_side(workspace, name), **options})


def prove(root: Path, name: str = LEGACY, preset: str = WIDE, **options: Any) -> Proof:
    """Prove one preset."""
    made = prover(root, name, **options)
    [pair] = [pair for pair in made.pairs if pair.preset == preset]
    return made.prove(pair)


def report(root: Path, name: str = LEGACY, **options: Any) -> dict[str, Any]:
    """Prove everything, and give the report document."""
    made = prover(root, name, **options)
    return made.report([made.prove(pair).data for pair in made.pairs])


def verdicts(root: Path, name: str = LEGACY, **options: Any) -> dict[Pair, str]:
    """Give the verdict of each pair."""
    made = prover(root, name, **options)
    return {pair: made.prove(pair).data["verdict"] for pair in made.pairs}


def told(problems: tuple[Problem, ...]) -> list[str]:
    """Give place, severity and code of each problem."""
    return [f"{problem.origin}: {problem.severity} {problem.code}" for problem in problems]


def changes(proof: Proof) -> list[str]:
    """Give each difference in one line: key, kind, both values, both places, and the line to look at."""
    return [
        f"{one['key']} {one['kind']}: {one['legacy_text'] or '-'} at {one['legacy_origin'] or '-'}"
        f" to {one['compiled_text'] or '-'} at {one['origin'] or '-'}, see {place(one)}"
        for one in proof.data["differences"]
    ]


def place(one: dict[str, Any]) -> str:
    """Give the line to look at for a difference, or for what changed within one."""
    line = one["line"]
    return f"{line['file']}:{line['line']}"
