"""Worlds in which a question has no answer."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import yaml

from compiler import answers, impacts
from compiler.answers import Said, Tell
from compiler.pipeline import Check, Workspace
from compiler.problems import Problem
from compiler.recording import record_all
from world import P, World


def question(verb: Callable[[Workspace, Namespace, Tell], Said], **given: Any) -> Callable[[Workspace], object]:
    """Ask a question as the command does; what it tells beside its answer is kept."""

    def ask(workspace: Workspace) -> Check:
        told: list[Problem] = []
        verb(workspace, Namespace(json=False, **given), told.extend)
        return Check(0, tuple(told))

    return ask


def recording(workspace: Workspace) -> object:
    """Record what a loader resolves that reads a file as it stands."""
    root = Path(workspace.layout.root)
    return record_all(workspace.layout, *[lambda _: yaml.safe_load((root / P).read_bytes())] * 2)


ASKING: Final = [
    World(
        "not-recorded",
        {P: "when: 2026-01-31"},
        (
            "configs/train/p.yaml: error: `when` of `configs/train/p.yaml` is a `date` [not-recorded]\n"
            "  why: a record holds what was resolved: mappings, lists, texts, numbers, true, false and null\n"
            "  hint: quote it in the preset, if it is text"
        ),
        verb=recording,
    ),
    World(
        "unknown-fragment",
        {P: "extends: ../tuner.yaml", "configs/tuner.yaml": "tuner: {rank: 8}"},
        (
            "error: there is no fragment `configs/tunr.yaml` [unknown-fragment]\n"
            "  hint: did you mean `configs/tuner.yaml`?"
        ),
        verb=question(impacts.impact, what=["configs/tunr.yaml"], since=""),
    ),
    World(
        "unknown-fragment",
        {P: "x: 1"},
        "error: there is no fragment `nothing` [unknown-fragment]\n  hint: there is `configs/train/p.yaml`",
        verb=question(impacts.impact, what=["train/p", "nothing"], since=""),
    ),
    World(
        "no-plan",
        {P: "training:\n  effective_batch_size: '32'"},
        (
            "configs/train/p.yaml:2:3: error: `training.effective_batch_size` is no positive whole number [no-plan]\n"
            "    2 |   effective_batch_size: '32'\n"
            "      |   ^\n"
            "  why: the batch is computed from it"
        ),
        verb=question(answers.plan, preset="train/p", world_size=None),
    ),
    World(
        "schema-without-trainer",
        {P: "x: 1"},
        (
            "warning: the schema of a preset knows no section and no argument, as no trainer is set "
            "[schema-without-trainer]\n"
            '  hint: say which in `[tool.trainlock]`: `trainer = "ms-swift 3.10.3"`'
        ),
        verb=question(answers.schema, kind="preset"),
    ),
]
