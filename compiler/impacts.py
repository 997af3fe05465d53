"""What the command prints of `impact`: what a fragment reaches, what a key holds where, what edits change."""

from __future__ import annotations

import argparse
import os
import posixpath
from collections.abc import Sequence
from typing import Any

from compiler import reach
from compiler.answers import Said, Tell, as_json
from compiler.as_json import place_data, problem_data, value_data
from compiler.catalog import FUSION_SUFFIXES
from compiler.console import columns
from compiler.emitter import one_line
from compiler.pipeline import Workspace
from compiler.problems import Problem, UsageError, choice, cut, did_you_mean, in_order
from compiler.provenance import IN_MIX
from compiler.values import BadPath, Node, parse_path, plain, show_path


def impact(workspace: Workspace, options: argparse.Namespace, tell: Tell) -> Said:
    """Tell which presets a fragment reaches, which hold what at a key, or what edits since a revision change."""
    if options.since:
        return _impact_since(workspace, options, tell)
    if not options.what:
        raise UsageError(
            Problem("bad-usage", "nothing to look at", hint="name a fragment or a key, or use `--since REV`")
        )
    if len(options.what) == 1 and _fragment(workspace, options.what[0]) is None:
        return _impact_of_key(workspace, options, tell)
    lines, data = [], []
    wrong: list[Problem] = []
    for file in _fragments(workspace, options.what):
        found, problems = reach.reach(workspace, file)
        wrong += problems
        data.append({"fragment": file, "presets": [_reach_data(one) for one in found]})
        lines += [f"{file} reaches {len(found)} preset{'' if len(found) == 1 else 's'}", *_reach_lines(found)]
    tell(wrong)
    if options.json:
        return int(bool(wrong)), as_json(fragments=data, problems=_problems_data(wrong))
    return int(bool(wrong)), lines


def _fragments(workspace: Workspace, words: Sequence[str]) -> list[str]:
    """Give the fragments that a person named, each once.

    Raises:
        UsageError: `unknown-fragment`.
    """
    files = [_fragment(workspace, word) for word in words]
    for word, file in zip(words, files, strict=True):
        if file is None:
            raise UsageError(_unknown(workspace, word))
    return list(dict.fromkeys(file for file in files if file is not None))


def _unknown(workspace: Workspace, word: str) -> Problem:
    layout = workspace.layout
    known = layout.files()
    name = posixpath.splitext(posixpath.basename(word))[0]
    alike = [path for path in known if posixpath.splitext(posixpath.basename(path))[0] == name]
    hint = choice(alike) or did_you_mean(word, known) or f"every file below `{layout.configs}` is one"
    return Problem("unknown-fragment", f"there is no fragment `{word}`", hint=hint)


def _is_path(word: str) -> bool:
    """Say whether a word that names no file was meant to."""
    return "/" in word or word.endswith(FUSION_SUFFIXES)


def _problems_data(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    return [problem_data(problem) for problem in in_order(problems)]


def _fragment(workspace: Workspace, word: str) -> str | None:
    """Give the path of a fragment that a person named, from the root; None for a word that names none."""
    layout = workspace.layout
    for base in (os.getcwd(), layout.root, layout.absolute(layout.configs)):
        for suffix in ("", ".yaml", ".yml", ".json"):
            path = os.path.relpath(os.path.join(base, word + suffix), layout.root).replace(os.sep, "/")
            if layout.below_configs(path) is not None and os.path.isfile(layout.absolute(path)):
                return path
    return None


def _reach_lines(found: list[reach.Reach]) -> list[str]:
    lines = []
    for one in found:
        alive = sum(leaf.survives for leaf in one.leaves)
        through = f", by the mix {one.through}" if one.through else ""
        lines.append(f"  {one.preset}: {alive} of {len(one.leaves)} leaves survive{through}")
        lines += columns(
            [
                (
                    f"    {show_path(leaf.path)}",
                    f"{cut(one_line(leaf.node), 40)} is overridden",
                    f"{leaf.winner.origin}  {cut(one_line(leaf.winner), 40)}" if leaf.winner is not None else "gone",
                )
                for leaf in one.leaves
                if not leaf.survives
            ]
        )
    return lines


def _reach_data(one: reach.Reach) -> dict[str, Any]:
    return {
        "preset": one.preset,
        "mix": one.through or None,
        "leaves": [
            {
                "key": show_path(leaf.path),
                "value": value_data(plain(leaf.node)),
                "origin": place_data(leaf.node.origin),
                "survives": leaf.survives,
                "winner": None
                if leaf.winner is None or leaf.survives
                else {"value": value_data(plain(leaf.winner)), "origin": place_data(leaf.winner.origin)},
            }
            for leaf in one.leaves
        ],
    }


def _impact_of_key(workspace: Workspace, options: argparse.Namespace, tell: Tell) -> Said:
    word = options.what[0]
    try:
        path = parse_path(word.removeprefix(IN_MIX))
    except BadPath as error:
        if _is_path(word):
            raise UsageError(_unknown(workspace, word)) from None
        raise UsageError(
            Problem("unknown-key", str(error), hint="a key such as `tuner.lora_rank`, or a file")
        ) from None
    held, problems = reach.holders(workspace, path, in_mix=word.startswith(IN_MIX))
    tell(problems)
    if all(one.node is None for one in held):
        if _is_path(word):
            raise UsageError(_unknown(workspace, word))
        message = f"no preset holds `{word}`, and there is no fragment of that name"
        raise UsageError(Problem("unknown-key", message, hint=did_you_mean(word, reach.keys_of(workspace))))
    groups = reach.by_value(held)
    name = (IN_MIX if word.startswith(IN_MIX) else "") + show_path(path)
    if options.json:
        return int(bool(problems)), as_json(
            key=name,
            values=[
                {
                    "value": value_data(plain(node)) if node is not None else None,
                    "is_set": node is not None,
                    "presets": [{"preset": one.preset, "origin": _origin(one.node)} for one in group],
                }
                for node, group in groups
            ],
            problems=_problems_data(problems),
        )
    lines = []
    for node, group in groups:
        text = cut(one_line(node)) if node is not None else "not set"
        lines.append(f"{name}: {text}  in {len(group)} preset{'' if len(group) == 1 else 's'}")
        lines += columns([(f"  {one.preset}", str(one.node.origin) if one.node is not None else "") for one in group])
    return int(bool(problems)), lines


def _origin(node: Node | None) -> dict[str, Any] | None:
    return place_data(node.origin) if node is not None else None


def _impact_since(workspace: Workspace, options: argparse.Namespace, tell: Tell) -> Said:
    """Tell what edits change, key by key, per preset; of the fragments that were named, or of all."""
    from compiler.contrast import since  # noqa: PLC0415 - it needs git, and no other question does

    data: list[dict[str, Any]] = []
    lines: list[str] = []
    problems: list[Problem] = []
    for change in since(workspace, options.since, set(_fragments(workspace, options.what))):
        problems += change.problems
        if change.kind in ("equal", "broken"):
            continue
        data.append({"preset": change.preset, "change": change.kind, "differences": change.differences})
        count = f"{len(change.differences)} " if change.kind == "changed" else ""
        lines.append(f"{change.preset}: {count}{change.kind}")
        lines += columns(
            [
                (
                    f"  {part['key']}",
                    f"{cut(part['left_text'], 40) or 'absent'} -> {cut(part['right_text'], 40) or 'absent'}",
                    part["right_origin"] or "",
                )
                for one in change.differences
                for part in one["within"] or [one]
            ]
        )
    tell(problems)
    code = int(bool(problems))
    if options.json:
        told = [problem_data(problem) for problem in problems]
        return code, as_json(since=options.since, presets=data, problems=told)
    return code, lines or [f"nothing that trains has changed since {options.since}"]
