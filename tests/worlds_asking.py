"""Worlds in which a question has no answer."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any, Final

from compiler import answers, impacts
from compiler.answers import Said, Tell
from compiler.pipeline import Check, Workspace
from compiler.problems import Problem
from world import P, World


def question(verb: Callable[[Workspace, Namespace, Tell], Said], **given: Any) -> Callable[[Workspace], object]:
    """Ask a question as the command does; what it tells beside its answer is kept."""

    def ask(workspace: Workspace) -> Check:
        told: list[Problem] = []
        verb(workspace, Namespace(json=False, **given), told.extend)
        return Check(0, tuple(told))

    return ask


ASKING: Final = [
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
