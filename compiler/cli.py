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

from compiler import answers, pipeline, settings
from compiler.answers import Said, Tell, as_json
from compiler.arguments import parser
from compiler.as_json import json_text, problem_data
from compiler.catalog import Layout
from compiler.console import TOLD_OF_ONE_CODE, Progress, also_told, bug, prepare, say, tell, write
from compiler.lint import Silenced
from compiler.pipeline import Workspace
from compiler.problems import Invalid, Problem, TrainlockError, UsageError, in_order
from compiler.store import BuildLock


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives its exit code."""
    prepare()
    gc.disable()  # trees of nodes hold no cycles; looking for some costs a tenth of a build
    if "_ARGCOMPLETE" in os.environ:
        from compiler import completion  # noqa: PLC0415 - only a shell that completes needs it

        completion.answer(parser(), _workspace)
    workspace: Workspace | None = None
    options: argparse.Namespace | None = None
    try:
        given = sys.argv[1:] if arguments is None else arguments
        options = parser(given).parse_args(given)
        if options.verb == "completion":
            from compiler.completion import script  # noqa: PLC0415

            return int(not write(sys.stdout, script(options.shell) + "\n"))
        workspace = _workspace(options)
        if options.verb in _QUESTIONS:
            told = workspace
            code, lines = _QUESTIONS[options.verb](workspace, options, lambda problems: _tell(problems, told))
        else:
            code, lines = _VERBS[options.verb](workspace, options)
        if not write(sys.stdout, "".join(f"{line}\n" for line in lines)):
            return code or 1
    except TrainlockError as error:
        if "--json" in (sys.argv[1:] if arguments is None else arguments):
            write(sys.stdout, "".join(as_json(problems=[problem_data(problem) for problem in error.problems])) + "\n")
        elif options is not None and options.verb == "check":
            lines = _formatted(options, error.problems, error.exit_code)
            write(sys.stdout, "".join(f"{line}\n" for line in lines))
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
    return [workspace.find(name, os.getcwd()) for name in wanted]


def _build(workspace: Workspace, options: argparse.Namespace) -> Said:
    sources = _find(workspace, options.preset)
    _refuse_unselected(workspace, options, sources)
    with BuildLock(workspace.layout, options.wait, lambda text: say(f"trainlock: {text}")) as lock:
        if lock.waited:
            workspace = Workspace(workspace.layout)
        is_whole = _is_whole(options)
        progress = Progress()
        prune = sources is None and is_whole
        made = pipeline.build(workspace, sources, prune=prune, together=is_whole, progress=progress)
        progress.clear()
    made = made._replace(problems=_with_unstaged(made.problems, workspace, options))
    code = _code(made.problems, options)
    if options.json:
        problems = [problem_data(problem) for problem in made.problems]
        return code, as_json(**{**made._asdict(), "problems": problems, "silenced": _silenced_data(made.silenced)})
    tell(made.problems, workspace.source_line, at_most=TOLD_OF_ONE_CODE)
    lines = [f"{word:8}{path}" for word, paths in (("built", made.built), ("removed", made.removed)) for path in paths]
    counts = f"{len(made.built)} built, {len(made.unchanged)} unchanged, {len(made.removed)} removed"
    return code, [*lines, f"{counts}, {len(made.failed)} failed{also_told(made.problems)}"]


def _is_whole(options: argparse.Namespace) -> bool:
    """Say whether the globs are those of the repository."""
    return options.presets is None and options.fusion is None


def _code(problems: Sequence[Problem], options: argparse.Namespace) -> int:
    """Give the exit code: 1 where there is an error, and with `--strict` where there is a warning."""
    return int(any(problem.severity == "error" or options.strict for problem in problems))


def _silenced_data(silenced: Sequence[Silenced]) -> list[dict[str, Any]]:
    return [{"problem": problem_data(one.problem), "reason": one.silence.reason} for one in silenced]


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
    if options.json and options.format is not None:
        hint = "leave one of the two out"
        raise UsageError(Problem("bad-usage", "`--json` and `--format` both say what to print", hint=hint))
    found = pipeline.check(workspace, _find(workspace, options.preset), data=options.data, together=_is_whole(options))
    found = found._replace(problems=_with_unstaged(found.problems, workspace, options))
    code = _code(found.problems, options)
    if options.json:
        problems = [problem_data(problem) for problem in found.problems]
        return code, as_json(fresh=found.fresh, problems=problems, silenced=_silenced_data(found.silenced))
    lines = _formatted(options, found.problems, code)
    if options.format == "sarif":
        return code, lines
    _tell(found.problems, workspace)
    errors = sum(problem.severity == "error" for problem in found.problems)
    return code, [*lines, f"{found.fresh} fresh, {errors} wrong{also_told(found.problems, found.silenced)}"]


def _with_unstaged(
    problems: tuple[Problem, ...], workspace: Workspace, options: argparse.Namespace
) -> tuple[Problem, ...]:
    """Give problems in order of place, with what a commit would not hold where that is asked."""
    if not options.staged:
        return problems
    from compiler.staging import unstaged  # noqa: PLC0415 - it needs git, and only a hook asks

    return tuple(in_order((*problems, *unstaged(workspace.layout))))


def _formatted(options: argparse.Namespace, problems: Sequence[Problem], code: int) -> list[str]:
    """Give what `check` prints of problems on stdout, for programs; nothing in the format of people."""
    if options.format == "sarif":
        from compiler.sarif import document  # noqa: PLC0415 - it reads a page that no other command needs

        return [json_text(document(problems, code))]
    if options.format == "github":
        from compiler.annotations import of_problems  # noqa: PLC0415 - as only a CI job needs it

        return of_problems(problem_data(problem) for problem in problems)
    return []


def _watch(workspace: Workspace, options: argparse.Namespace) -> Said:
    import signal  # noqa: PLC0415 - no other command runs until it is ended

    from compiler.watching import Watcher, wakeups  # noqa: PLC0415

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    watcher = Watcher(
        lambda: _workspace(options),
        wait=options.wait,
        say=lambda text: say(f"trainlock: {text}"),
        is_whole=_is_whole(options),
    )
    for _ in wakeups(lambda: watcher.layout.absolute(watcher.layout.configs)):
        seen = watcher.step()
        if seen is None:
            continue
        tell(seen.edited, seen.source_line)
        tell(seen.reached, seen.source_line)
        if not write(sys.stdout, f"{seen.line}\n"):
            break
    return 1, []  # nobody reads any more


def _prove(workspace: Workspace, options: argparse.Namespace) -> Said:
    import datetime  # noqa: PLC0415 - what only a proof needs, no other command loads

    from compiler import proofs, report  # noqa: PLC0415
    from compiler.proving import Prover, other_side  # noqa: PLC0415
    from compiler.publishing import publish  # noqa: PLC0415

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
        unwritten: tuple[Problem, ...] = ()
        folder = workspace.layout.reports if options.reports is None else _from_root(workspace, options.reports)
        try:
            if options.reports is not None or wanted is None:
                publish(workspace.layout, folder, found)
        except Invalid as invalid:
            unwritten = invalid.problems  # the verdict is told all the same
    _tell([*problems, *unwritten], workspace)
    lines = [json_text(found)] if options.json else report.terminal(found)
    if options.annotate and not options.json:
        lines += report.github(found)
    return int(bool(unwritten) or not proofs.passes(found)), lines


def _refuse_unproven(wanted: list[str] | None, known: set[str | None]) -> None:
    for source in wanted or ():
        if source not in known:
            why = "presets are proven, each with the mix that it names"
            raise UsageError(Problem("unselected-preset", f"`{source}` is no preset of this repository", why=why))


def _from_root(workspace: Workspace, path: str) -> str:
    """Give a path that a person wrote, from the repository root."""
    return os.path.relpath(os.path.abspath(path), workspace.layout.root).replace(os.sep, "/")


def _diff(workspace: Workspace, options: argparse.Namespace) -> Said:
    from compiler.contrast import diff, lines, moved_to, operand  # noqa: PLC0415 - it needs git, and no other command does

    names = (options.preset, options.other if options.other is not None else options.preset)
    revisions = (options.since, options.until)
    left = operand(workspace, names[0], revisions[0], os.getcwd())
    moved = moved_to(workspace, left) if options.other is None and not options.until else None
    right = moved if moved is not None else operand(workspace, names[1], revisions[1], os.getcwd())
    if left == right:
        hint = "name a second preset, or a revision with `--from`"
        raise UsageError(Problem("bad-usage", "one preset, and nothing to compare it with", hint=hint))
    found = diff(workspace, left, right)
    return int(not found["equal"]), [json_text(found)] if options.json else lines(found, left, right)


def _impact(workspace: Workspace, options: argparse.Namespace, tell_them: Tell) -> Said:
    from compiler.impacts import impact  # noqa: PLC0415 - it compares, and no other question does

    return impact(workspace, options, tell_them)


_QUESTIONS = {
    "graph": answers.graph,
    "impact": _impact,
    "list": answers.listing,
    "plan": answers.plan,
    "schema": answers.schema,
    "show": answers.show,
    "why": answers.why,
}
_VERBS = {"build": _build, "check": _check, "prove": _prove, "diff": _diff, "watch": _watch}
