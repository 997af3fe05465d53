"""The command `trainlock`: arguments, exit codes, printing. Data goes to stdout, messages to stderr.

Exit codes: 0 ok, 1 findings (invalid or drifted), 2 usage, 3 a bug of ours, 75 another build did not let go in
time, 130 interrupted.
"""

from __future__ import annotations

import argparse
import ast
import gc
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from compiler import __version__, pipeline, settings
from compiler.catalog import Layout
from compiler.console import Progress, bug, prepare, say, tell, write
from compiler.emitter import cut, one_line
from compiler.pipeline import Workspace
from compiler.problems import Problem, TrainlockError, UsageError, did_you_mean
from compiler.provenance import IN_MIX
from compiler.store import WAIT_SECONDS, BuildLock
from compiler.values import Origin, leaves, plain, show_path

SCHEMA_VERSION = 1
"""Of everything that `--json` prints."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        wrong = message
        hint = ""
        chosen = re.match(r"argument COMMAND: invalid choice: (.+) \(choose from ", message, re.DOTALL)
        if chosen is not None:
            word = str(ast.literal_eval(chosen[1]))
            wrong, hint = f"`{word}` is no command", did_you_mean(word, VERBS)
        raise UsageError(Problem("bad-usage", wrong, hint=hint or f"`{self.prog} --help`"))


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= MAX_WAIT:
        raise ValueError
    return seconds


MAX_WAIT = 7 * 24 * 3600.0
"""The longest that a build can be told to wait, in seconds; NaN would be for ever."""


def _parser() -> argparse.ArgumentParser:
    common = _Parser(add_help=False)
    group = common.add_argument_group("where things are (each takes the place of a setting in [tool.trainlock])")
    group.add_argument(
        "--root",
        metavar="DIR",
        help="the repository root (default: the nearest folder upwards with the settings)",
    )
    group.add_argument("--configs", metavar="DIR", help="the config root")
    group.add_argument("--build", metavar="DIR", help="where locks go")
    group.add_argument(
        "--presets", metavar="GLOB", action="append", help="presets, below the config root; may be repeated"
    )
    group.add_argument(
        "--components",
        metavar="GLOB",
        action="append",
        help="components, each of one section; may be repeated",
    )
    group.add_argument(
        "--fusion", metavar="GLOB", action="append", help="fusion configs that get a lock; may be repeated"
    )
    group.add_argument("--fusion-key", metavar="KEY", help="the key of a preset that names its fusion config")
    group.add_argument(
        "--extends-key",
        metavar="KEY",
        action="append",
        dest="extends_keys",
        help="a key that names bases; may be repeated",
    )
    common.add_argument("--json", action="store_true", help="print JSON")

    parser = _Parser(
        prog="trainlock", description="Author in small pieces, run from one flat file.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"trainlock {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", required=True, parser_class=_Parser)

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, parents=[common], help=text, description=text, allow_abbrev=False)

    built = verb("build", "compile presets, and write the locks that differ")
    built.add_argument("preset", nargs="*", metavar="PRESET", help="a name, a source or a lock (default: all)")
    built.add_argument(
        "--wait",
        type=_seconds,
        default=WAIT_SECONDS,
        metavar="SECONDS",
        help="how long to wait for another build",
    )
    checked = verb("check", "compile in memory, and compare with the locks; writes nothing")
    checked.add_argument("preset", nargs="*", metavar="PRESET", help="a name, a source or a lock (default: all)")
    asked = verb("why", "say where a value was written, and what it overrode")
    asked.add_argument("preset", metavar="PRESET", help="a name, a source or a lock")
    asked.add_argument(
        "key",
        metavar="KEY",
        help="such as tuner.lora_rank, ops[0].prob, sources[lvis].ratio; fusion:KEY asks the mix alone",
    )
    verb("list", "list presets and fusion configs, and how their locks stand")
    return parser


VERBS = ("build", "check", "list", "why")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives its exit code."""
    prepare()
    gc.disable()  # trees of nodes hold no cycles; looking for some doubles the time of a large build
    workspace: Workspace | None = None
    try:
        options = _parser().parse_args(arguments)
        workspace = _workspace(options)
        code, lines = _VERBS[options.verb](workspace, options)
        if not write(sys.stdout, "".join(f"{line}\n" for line in lines)):
            return code or 1
    except TrainlockError as error:
        if "--json" in (sys.argv[1:] if arguments is None else arguments):
            write(sys.stdout, "".join(_json(problems=[_problem_data(problem) for problem in error.problems])) + "\n")
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
    import json  # noqa: PLC0415 - only here

    return [json.dumps({"schema_version": SCHEMA_VERSION, **data}, ensure_ascii=False, indent=2, allow_nan=False)]


def _problem_data(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message,
        "origin": _place_data(problem.origin),
        "why": problem.why,
        "notes": [{"origin": _place_data(note.origin), "text": note.text} for note in problem.notes],
        "hint": problem.hint,
    }


def _place_data(origin: Origin) -> dict[str, Any] | None:
    return {"file": origin.file, "line": origin.line, "column": origin.column} if origin.file else None


def _value_data(value: Any) -> Any:
    """Give a value as JSON can hold it: dates and the numbers that JSON lacks as text."""
    if isinstance(value, dict):
        return {key: _value_data(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_value_data(child) for child in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124
        return str(value)
    return value if value is None or isinstance(value, (str, int, float)) else value.isoformat()


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
        problems = [_problem_data(problem) for problem in made.problems]
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
        problems = [_problem_data(problem) for problem in found.problems]
        return int(errors > 0), _json(fresh=found.fresh, problems=problems)
    _tell(found.problems, workspace)
    return int(errors > 0), [f"{found.fresh} fresh, {errors} wrong"]


def _why(workspace: Workspace, options: argparse.Namespace) -> Said:
    source = workspace.layout.find(options.preset, os.getcwd(), workspace.sources)
    found = pipeline.why(workspace, source, options.key)
    name = ("" if found.document == source else IN_MIX) + show_path(found.path)
    if options.json:
        overrode = [
            {"key": lost.path, "value": _value_data(plain(lost.value)), "origin": _place_data(lost.origin)}
            for lost in found.overrode
        ]
        return 0, _json(
            preset=workspace.layout.name_of(source),
            document=found.document,
            key=name,
            value=_value_data(plain(found.node)),
            origin=_place_data(found.node.origin),
            overrode=overrode,
            lock_value=found.lock_value,
        )
    parts = list(leaves(found.node))
    is_mixed = isinstance(found.node.value, list) and len({leaf.origin.file for _, leaf in parts}) > 1
    if found.node.value and (isinstance(found.node.value, dict) or is_mixed):
        kind = "a mapping" if isinstance(found.node.value, dict) else f"a list of {len(found.node.value)}"
        rows = [("  set at", str(leaf.origin), f"{show_path(path)}: {one_line(leaf)}") for path, leaf in parts]
        lines = [f"{name}: {kind}", *_rows(rows)]
    else:
        lines = [f"{name}: {one_line(found.node)}", f"  set at    {found.node.origin}"]
    here = show_path(found.path)
    lines += _rows(
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


def _rows(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns; the last one may be as long as it likes."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _list(workspace: Workspace, options: argparse.Namespace) -> Said:
    rows = pipeline.listing(workspace)
    if options.json:
        return 0, _json(presets=[row._asdict() for row in rows])
    head = ("NAME", "LOCK", "DIGEST", "FRAGMENTS", "FUSION")
    cells = [
        (row.name, row.state, row.digest.removeprefix("sha256:")[:12], str(row.fragments), row.fusion) for row in rows
    ]
    return 0, _rows([head, *cells])


_VERBS = {"build": _build, "check": _check, "why": _why, "list": _list}
