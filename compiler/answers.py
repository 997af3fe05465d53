"""What the command prints of a question: `why`, `show`, `graph`, `list`, `plan`, `schema`; as text and as JSON.

Each answer is a `Said`: the exit code, and the lines for stdout. What they tell is found elsewhere.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from typing import Any

from compiler import effective, gutter, pipeline
from compiler.as_json import json_text, place_data, problem_data, value_data
from compiler.console import columns
from compiler.effective import Step
from compiler.emitter import one_line
from compiler.pipeline import Workspace
from compiler.problems import Invalid, Problem, UsageError, cut, in_order, printable
from compiler.provenance import IN_MIX, Why
from compiler.settings import TRAINERS
from compiler.trainer import WORLD_SIZES, NoPlan, plan_rows
from compiler.values import BadPath, KeyPath, Origin, held_at, leaves, parse_path, plain, show_path

Said = tuple[int, list[str]]
"""What a verb gives: the exit code, and the lines for stdout."""

Tell = Callable[[Sequence[Problem]], None]
"""Tells problems on stderr."""


SCHEMA_VERSION = 1
"""Of everything that `--json` prints."""


def as_json(**data: Any) -> list[str]:
    """Write a document of `--json`."""
    return [json_text({"schema_version": SCHEMA_VERSION, **data})]


def find_one(workspace: Workspace, name: str) -> str:
    """Give the source that a person named."""
    return workspace.find(name, os.getcwd())


# ---------------------------------------------------------------------------------------------- why


def why(workspace: Workspace, options: argparse.Namespace, tell: Tell) -> Said:
    """Tell where a value was written, what it overrode, and what the trainer makes of it."""
    source = find_one(workspace, options.preset)
    try:
        found = pipeline.why(workspace, source, options.key)
    except UsageError:
        forced = _forced(workspace, source, options)
        if forced is None:
            raise
        return forced
    name = ("" if found.document == source else IN_MIX) + show_path(found.path)
    steps = _steps(workspace, source, found.path, options.world_size) if found.document == source else []
    if options.json:
        overrode = [
            {"key": lost.path, "value": value_data(plain(lost.value)), "origin": place_data(lost.origin)}
            for lost in found.overrode
        ]
        return 0, as_json(
            preset=workspace.layout.name_of(source),
            document=found.document,
            key=name,
            value=value_data(plain(found.node)),
            origin=place_data(found.node.origin),
            overrode=overrode,
            lock_value=found.lock_value,
            **_steps_data(steps),
        )
    return 0, [*_why_lines(found, name), *_step_lines(steps)]


def _why_lines(found: Why, name: str) -> list[str]:
    parts = list(leaves(found.node))
    is_mixed = isinstance(found.node.value, list) and len({leaf.origin.file for _, leaf in parts}) > 1
    if found.node.value and (isinstance(found.node.value, dict) or is_mixed):
        kind = "a mapping" if isinstance(found.node.value, dict) else f"a list of {len(found.node.value)}"
        rows = [("  set at", str(leaf.origin), f"{show_path(path)}: {one_line(leaf)}") for path, leaf in parts]
        lines = [f"{name}: {kind}", *columns(rows)]
    else:
        lines = [f"{name}: {one_line(found.node)}", f"  set at    {found.node.origin}"]
    here = show_path(found.path)
    lines += columns(
        [
            (
                "  overrode",
                str(lost.origin),
                ("" if lost.path == here else f"{lost.path}: ") + cut(one_line(lost.value)),
            )
            for lost in found.overrode
        ]
    )
    if found.lock_value is not None:
        lines.append(f"  in the lock  {found.lock_value}")
    return lines


def _forced(workspace: Workspace, source: str, options: argparse.Namespace) -> Said | None:
    """Answer for a key that nobody wrote, and that the trainer sets all the same."""
    try:
        path = parse_path(options.key)
    except BadPath:
        return None
    steps = _steps(workspace, source, path, options.world_size)
    if not steps:
        return None
    if options.json:
        name = workspace.layout.name_of(source)
        return 0, as_json(
            preset=name,
            document=source,
            key=show_path(path),
            value=None,
            origin=None,
            overrode=[],
            lock_value=None,
            **_steps_data(steps),
        )
    return 0, [f"{show_path(path)}: not set", *_step_lines(steps)]


def _steps(workspace: Workspace, source: str, path: KeyPath, world_size: int | None) -> list[Step]:
    """Give how the trainer rewrites a key of a preset; of a mix it rewrites nothing."""
    return [] if workspace.is_mix(source) else effective.steps(workspace.resolve(source).values, path, world_size)


def _step_lines(steps: list[Step]) -> list[str]:
    return columns(
        [
            (
                "  becomes",
                one_line(step.value),
                f"{show_path(step.cause)} is {cut(one_line(step.node))}, {step.node.origin} ({step.rule.decided_in})",
            )
            for step in steps
        ]
    )


def _steps_data(steps: list[Step]) -> dict[str, Any]:
    """Give what the trainer takes, null where it takes what was authored; and how it came to that."""
    return {
        "effective": value_data(plain(steps[-1].value)) if steps else None,
        "rewrites": [
            {
                "value": value_data(plain(step.value)),
                "rule": step.rule.name,
                "cause": show_path(step.cause),
                "origin": place_data(step.node.origin),
                "decided_in": step.rule.decided_in,
            }
            for step in steps
        ],
    }


# ---------------------------------------------------------------------------------------------- show


def show(workspace: Workspace, options: argparse.Namespace, tell: Tell) -> Said:
    """Print a flattened preset, as its lock has it; with a gutter of origins if asked."""
    source = find_one(workspace, options.preset)
    compiled = workspace.compile(source)
    tell(compiled.warnings)
    values = compiled.resolved.values
    rewrites = [] if workspace.is_mix(source) else list(effective.rewritten(values, options.world_size))
    if options.json:
        return 0, as_json(
            preset=workspace.layout.name_of(source),
            values=value_data(plain(values)),
            leaves=[
                {"key": show_path(path), "value": value_data(plain(leaf)), "origin": place_data(leaf.origin)}
                for path, leaf in leaves(values)
            ],
            rewrites=[
                {
                    "key": show_path(path),
                    "value": value_data(plain(node)) if node is not None else None,
                    **_steps_data(steps),
                }
                for path, node, steps in rewrites
            ],
        )
    if options.origins:
        lines = gutter.lines(values)
    else:
        lines = compiled.data.decode().split("\n\n", 1)[1].rstrip("\n").split("\n")
    told = [
        printable(
            f"#   {show_path(path)}: {one_line(node) if node is not None else 'not set'}"
            + "".join(f" -> {one_line(step.value)} ({show_path(step.cause)})" for step in steps)
        )
        for path, node, steps in rewrites
    ]
    return 0, [*lines, *(["# the trainer rewrites:", *told] if told else [])]


# ---------------------------------------------------------------------------------------------- graph, list, plan


def graph(workspace: Workspace, options: argparse.Namespace, tell: Tell) -> Said:
    """Draw what presets are made of."""
    from compiler import drawing  # noqa: PLC0415 - no other question draws

    wanted = [find_one(workspace, name) for name in options.preset] or workspace.everything()
    found, problems = drawing.graph(workspace, wanted)
    tell(problems)
    if options.json:
        edges = [edge._asdict() for edge in found.edges]
        wrong = [problem_data(problem) for problem in in_order(problems)]
        data = as_json(roots=list(found.roots), files=list(found.files), edges=edges, problems=wrong)
        return int(bool(problems)), data
    draw = {"text": drawing.text, "dot": drawing.dot, "mermaid": drawing.mermaid}[options.format]
    return int(bool(problems)), draw(found)


def listing(workspace: Workspace, options: argparse.Namespace, tell: Tell) -> Said:
    """List presets and fusion configs, and how their locks stand; those of equal digest are pointed out."""
    from compiler import overview  # noqa: PLC0415 - no other question looks at every lock

    rows = overview.listing(workspace)
    if options.json:
        return 0, as_json(presets=[row._asdict() for row in rows])
    head = ("NAME", "LOCK", "DIGEST", "FRAGMENTS", "DEPTH", "FUSION", "EQUAL TO")
    cells = [
        (
            row.name,
            row.state,
            row.digest.removeprefix("sha256:")[:12],
            str(row.fragments),
            str(row.depth or "-"),
            row.fusion or "-",
            ", ".join(row.equal_to),
        )
        for row in rows
    ]
    return 0, columns([head, *cells])


def plan(workspace: Workspace, options: argparse.Namespace, tell: Tell) -> Said:
    """Tell the accumulation steps and the true batch for every number of devices, and what GRPO asks of it."""
    source = find_one(workspace, options.preset)
    if workspace.is_mix(source):
        why = "it says what a batch is drawn from, and a preset how many samples it has"
        raise UsageError(Problem("bad-usage", f"`{source}` is a fusion config, and has no plan", why=why))
    values = workspace.resolve(source).values
    sizes = (options.world_size,) if options.world_size is not None else WORLD_SIZES
    try:
        rows = plan_rows(values, sizes)
    except NoPlan as error:
        wrong = held_at(values, error.path)
        origin = wrong.origin if wrong is not None else Origin(source, 0, 0)
        why = "the batch is computed from it"
        raise Invalid(Problem("no-plan", str(error), origin, why=why)) from None
    if options.json:
        data = [{**row.plan._asdict(), "batch": row.plan.batch, "refused": list(row.refused)} for row in rows]
        return 0, as_json(preset=workspace.layout.name_of(source), plan=data)
    asked = rows[0].plan.asked
    head = ("DEVICES", "PER DEVICE", "ACCUMULATION", "BATCH", "")
    cells = [
        (
            str(row.plan.world_size),
            str(row.plan.per_device),
            str(row.plan.accumulation),
            str(row.plan.batch),
            "; ".join([*([f"not the {asked} asked for"] if asked not in (None, row.plan.batch) else []), *row.refused]),
        )
        for row in rows
    ]
    return 0, columns([head, *cells])


# ---------------------------------------------------------------------------------------------- schema


def schema(workspace: Workspace, options: argparse.Namespace, tell: Tell) -> Said:
    """Print the JSON Schema of a kind of fragment; it is JSON whether that was asked for or not."""
    from compiler import json_schema  # noqa: PLC0415 - no other question knows every argument

    settings = workspace.layout.settings
    if settings.trainer is None and options.kind != "fusion":
        message = f"the schema of a {options.kind} knows no section and no argument, as no trainer is set"
        hint = "say which in `[tool.trainlock]`: " + " or ".join(f'`trainer = "{name}"`' for name in TRAINERS)
        tell([Problem("schema-without-trainer", message, hint=hint, severity="warning")])
    return 0, [json_text(json_schema.document(options.kind, settings))]
