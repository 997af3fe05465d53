"""The command `trainlock`: arguments, exit codes, printing. Data goes to stdout, messages to stderr.

Exit codes: 0 ok, 1 findings (invalid or drifted), 2 usage, 3 a bug of ours, 75 another build did not let go in
time, 130 interrupted.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from typing import Any

from compiler import pipeline, settings
from compiler.arguments import parser
from compiler.as_json import json_text, place_data, problem_data, value_data
from compiler.catalog import Layout
from compiler.console import Progress, bug, columns, prepare, say, tell, write
from compiler.emitter import cut, one_line
from compiler.pipeline import Workspace
from compiler.problems import Problem, TrainlockError, UsageError
from compiler.provenance import IN_MIX
from compiler.store import BuildLock, write_file
from compiler.values import leaves, plain, show_path

SCHEMA_VERSION = 1
"""Of everything that `--json` prints."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives its exit code."""
    prepare()
    gc.disable()  # trees of nodes hold no cycles; looking for some doubles the time of a large build
    workspace: Workspace | None = None
    try:
        options = parser().parse_args(arguments)
        workspace = _workspace(options)
        code, lines = _VERBS[options.verb](workspace, options)
        if not write(sys.stdout, "".join(f"{line}\n" for line in lines)):
            return code or 1
    except TrainlockError as error:
        if "--json" in (sys.argv[1:] if arguments is None else arguments):
            write(sys.stdout, "".join(_json(problems=[problem_data(problem) for problem in error.problems])) + "\n")
        _tell(error.problems, workspace)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return bug(error)
    return code


def _workspace(options: argparse.Namespace) -> Workspace:
    root = options.root if options.root is not None else settings.find_root(os.getcwd())
    if not os.path.isdir(root):
        raise UsageError(Problem("bad-usage", f"there is no folder `{root}`", why="`--root` names the repository root"))
    names = ("configs", "build", "presets", "components", "fusion", "fusion_key", "extends_keys")
    layout = Layout(root, settings.load(root, **{name: getattr(options, name) for name in names}))
    if not os.path.isdir(layout.absolute(layout.configs)):
        raise UsageError(
            Problem(
                "bad-usage",
                f"there is no folder `{layout.configs}`",
                why="it is the config root",
                hint="see `configs` in `[tool.trainlock]`, or `--configs`",
            )
        )
    return Workspace(layout)


def _tell(problems: Sequence[Problem], workspace: Workspace | None) -> None:
    if workspace is None:
        tell(problems)
    else:
        tell(problems, workspace.source_line)


def _find(workspace: Workspace, wanted: Sequence[str]) -> list[str] | None:
    """Give the sources that were named, or None for everything."""
    if not wanted:
        return None
    return [workspace.layout.find(name, os.getcwd(), workspace.sources) for name in wanted]


def _json(**data: Any) -> list[str]:
    return [json_text({"schema_version": SCHEMA_VERSION, **data})]


Said = tuple[int, list[str]]
"""What a verb gives: the exit code, and the lines for stdout."""


def _build(workspace: Workspace, options: argparse.Namespace) -> Said:
    sources = _find(workspace, options.preset)
    _refuse_unselected(workspace, options, sources)
    with BuildLock(workspace.layout, options.wait, lambda text: say(f"trainlock: {text}")) as lock:
        if lock.waited:
            workspace = Workspace(workspace.layout)
        prune = sources is None and options.presets is None and options.fusion is None
        progress = Progress()
        made = pipeline.build(workspace, sources, prune=prune, progress=progress)
        progress.clear()
    code = int(any(problem.severity == "error" for problem in made.problems))
    if options.json:
        problems = [problem_data(problem) for problem in made.problems]
        return code, _json(**{**made._asdict(), "problems": problems})
    _tell(made.problems, workspace)
    lines = [f"{word:8}{path}" for word, paths in (("built", made.built), ("removed", made.removed)) for path in paths]
    counts = f"{len(made.built)} built, {len(made.unchanged)} unchanged, {len(made.removed)} removed"
    return code, [*lines, f"{counts}, {len(made.failed)} failed"]


def _refuse_unselected(workspace: Workspace, options: argparse.Namespace, sources: list[str] | None) -> None:
    """A file that the globs do not select has no lock in the repository's own build folder."""
    if sources is None or options.build is not None:
        return
    known = {*workspace.sources.presets.values(), *workspace.sources.fusion.values()}
    for source in sources:
        if source not in known and source not in workspace.named_mixes():
            raise UsageError(
                Problem(
                    "unselected-preset",
                    f"`{source}` is no preset of this repository",
                    why=f"the globs do not select it, so it has no lock below `{workspace.layout.build}`",
                    hint="`--build DIR` writes its lock elsewhere",
                )
            )


def _check(workspace: Workspace, options: argparse.Namespace) -> Said:
    found = pipeline.check(workspace, _find(workspace, options.preset))
    errors = sum(problem.severity == "error" for problem in found.problems)
    if options.json:
        problems = [problem_data(problem) for problem in found.problems]
        return int(errors > 0), _json(fresh=found.fresh, problems=problems)
    _tell(found.problems, workspace)
    return int(errors > 0), [f"{found.fresh} fresh, {errors} wrong"]


def _why(workspace: Workspace, options: argparse.Namespace) -> Said:
    source = workspace.layout.find(options.preset, os.getcwd(), workspace.sources)
    found = pipeline.why(workspace, source, options.key)
    name = ("" if found.document == source else IN_MIX) + show_path(found.path)
    if options.json:
        overrode = [
            {"key": lost.path, "value": value_data(plain(lost.value)), "origin": place_data(lost.origin)}
            for lost in found.overrode
        ]
        return 0, _json(
            preset=workspace.layout.name_of(source),
            document=found.document,
            key=name,
            value=value_data(plain(found.node)),
            origin=place_data(found.node.origin),
            overrode=overrode,
            lock_value=found.lock_value,
        )
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
    return 0, lines


def _list(workspace: Workspace, options: argparse.Namespace) -> Said:
    rows = pipeline.listing(workspace)
    if options.json:
        return 0, _json(presets=[row._asdict() for row in rows])
    head = ("NAME", "LOCK", "DIGEST", "FRAGMENTS", "FUSION")
    cells = [
        (row.name, row.state, row.digest.removeprefix("sha256:")[:12], str(row.fragments), row.fusion) for row in rows
    ]
    return 0, columns([head, *cells])


def _prove(workspace: Workspace, options: argparse.Namespace) -> Said:
    import datetime  # noqa: PLC0415 - what only a proof needs, no other command loads

    from compiler import proofs, report  # noqa: PLC0415
    from compiler.proving import Prover, other_side  # noqa: PLC0415

    with BuildLock(workspace.layout, options.wait, lambda text: say(f"trainlock: {text}")) as lock:
        if lock.waited:
            workspace = Workspace(workspace.layout)
        wanted = _find(workspace, options.preset)
        prover = Prover(
            workspace,
            today=datetime.date.today(),
            name=options.against,
            other=other_side(workspace, options.against),
            mapping=_from_root(workspace, options.mapping) if options.mapping is not None else None,
            second_opinion=options.witness != "bytes",
            amount=options.mutants,
        )
        pairs = [pair for pair in prover.pairs if wanted is None or pair.preset in wanted]
        _refuse_unproven(wanted, {pair.preset for pair in pairs})
        rows, problems = [], []
        progress = Progress("preset")
        for index, pair in enumerate(pairs):
            proof = prover.prove(pair)
            rows.append(proof.data)
            problems += [problem for problem in proof.problems if problem.code != "not-equivalent"]
            progress(index + 1, len(pairs))
        progress.clear()
        problems += prover.wrong(rows, everything=wanted is None)
        found = prover.report(rows, everything=wanted is None)
        if options.reports is not None:
            _write_reports(workspace, _from_root(workspace, options.reports), found)
        elif wanted is None:
            _write_reports(workspace, workspace.layout.reports, found)
            write_file(workspace.layout, f"{workspace.layout.reports}/.gitignore", b"*\n")
    _tell(problems, workspace)
    lines = [json_text(found)] if options.json else report.terminal(found)
    if options.annotate and not options.json:
        lines += report.github(found)
    return int(not proofs.passes(found)), lines


def _write_reports(workspace: Workspace, folder: str, found: dict[str, Any]) -> None:
    from compiler import page, report  # noqa: PLC0415

    for name, content in report.formats(found, page.html(found), json_text(found)):
        write_file(workspace.layout, f"{folder}/{name}", content.encode())


def _refuse_unproven(wanted: list[str] | None, known: set[str | None]) -> None:
    for source in wanted or ():
        if source not in known:
            why = "presets are proven, each with the mix that it names"
            raise UsageError(Problem("unselected-preset", f"`{source}` is no preset of this repository", why=why))


def _from_root(workspace: Workspace, path: str) -> str:
    """Give a path that a person wrote, from the repository root."""
    return os.path.relpath(os.path.abspath(path), workspace.layout.root).replace(os.sep, "/")


def _diff(workspace: Workspace, options: argparse.Namespace) -> Said:
    from compiler.contrast import Operand, diff, lines  # noqa: PLC0415 - it needs git, and no other command does

    layout, here = workspace.layout, os.getcwd()
    left = layout.find(options.preset, here, workspace.sources)
    right = layout.find(options.other, here, workspace.sources) if options.other is not None else left
    sides = (Operand(left, options.since), Operand(right, options.until))
    if sides[0] == sides[1]:
        hint = "name a second preset, or a revision with `--from`"
        raise UsageError(Problem("bad-usage", "one preset, and nothing to compare it with", hint=hint))
    found = diff(workspace, *sides)
    return int(not found["equal"]), [json_text(found)] if options.json else lines(found, *sides)


_VERBS = {"build": _build, "check": _check, "why": _why, "list": _list, "prove": _prove, "diff": _diff}
