"""`diff`: what two presets train with, side by side; or one preset at two revisions.

The comparison is that of `prove` without a verdict: no rule and no waiver, only what differs and where it is written.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import Any, Final, Literal, NamedTuple, TypeVar

from compiler import proofs
from compiler.compare import Difference, Policies, Side, compare
from compiler.emitter import INLINE_COLUMNS
from compiler.history import Revision
from compiler.merging import FUSION
from compiler.pipeline import Workspace
from compiler.problems import Invalid, Problem, UsageError, cut, did_you_mean, printable
from compiler.proofs import Places
from compiler.sides import Loaded, of_sources, of_tree, other_tree, places_of, policies_of
from compiler.values import Origin
from compiler.verdict import Judged


class Operand(NamedTuple):
    """One side of a diff: a source, and the revision at which it is looked at; empty for the working tree."""

    source: str
    revision: str = ""

    def __str__(self) -> str:
        return f"{self.revision}:{self.source}" if self.revision else self.source


def operand(workspace: Workspace, name: str, revision: str, here: str) -> Operand:
    """Give what a person named, as it is at a revision: it may be gone from the working tree.

    Args:
        workspace: the working tree.
        name: of a preset: its name, or its path from `here` or from the root.
        revision: where to look; the working tree, if empty.
        here: the working directory.

    Raises:
        UsageError: `unknown-revision`, `unknown-preset`.
    """
    layout = workspace.layout
    if revision:
        sources = other_tree(layout.root, layout, Revision(layout.root, revision)).sources
        known = {**sources.fusion, **sources.presets}
        paths = [os.path.relpath(os.path.join(base, name), layout.root) for base in (here, layout.root)]
        for source in (known.get(name), *paths):
            if source in known.values():
                return Operand(str(source), revision)
    return Operand(layout.find(name, here, workspace.sources), revision)


def moved_to(workspace: Workspace, then: Operand) -> Operand | None:
    """Give what git takes for the preset that one of a revision became; None where it is still there, or nothing is."""
    layout = workspace.layout
    if not then.revision or workspace.tree.exists(then.source):
        return None
    moved = Revision(layout.root, then.revision).renames(layout.configs).get(then.source)
    return Operand(moved) if moved is not None else None


def diff(workspace: Workspace, left: Operand, right: Operand) -> dict[str, Any]:
    """Give what differs between two presets, or two fusion configs, as plain data (docs/proof.md has its shape).

    What lies in the working tree is compiled from its sources; a preset of a revision is read from the lock committed
    there, else compiled from the sources there.

    Raises:
        UsageError: `unknown-revision`, `unknown-preset`, `bad-usage`.
        Invalid: one of the two does not compile.
    """
    return _contrast(workspace, (_tree(workspace, left), _tree(workspace, right)), left, right)


class Change(NamedTuple):
    """What became of a preset since a revision: `new`, `gone`, `changed` or `equal`, or `broken` with its problems.

    `differences` are as `diff` gives them.
    """

    preset: str
    kind: Literal["new", "gone", "changed", "equal", "broken"]
    differences: list[dict[str, Any]]
    problems: tuple[Problem, ...]


def since(workspace: Workspace, revision: str, files: Collection[str] = ()) -> Iterator[Change]:
    """Yield what became of every preset since a revision.

    Args:
        workspace: the working tree.
        revision: where to look.
        files: only presets that one of these fragments reaches, here or there; all, if empty.

    Raises:
        UsageError: `unknown-revision`.
    """
    layout = workspace.layout
    there = other_tree(layout.root, layout, Revision(layout.root, revision))
    trees = (there, workspace)
    known = [{*tree.sources.presets.values()} - {*tree.named_mixes()} for tree in trees]
    for preset in sorted(known[0] | known[1]):
        if files and all(tree.composer.closure(preset).isdisjoint(files) for tree in trees):
            continue
        if preset not in known[0] or preset not in known[1]:
            yield Change(preset, "gone" if preset in known[0] else "new", [], ())
            continue
        try:
            found = _contrast(workspace, trees, Operand(preset, revision), Operand(preset))
        except Invalid as invalid:
            yield Change(preset, "broken", [], invalid.problems)
        else:
            yield Change(preset, "equal" if found["equal"] else "changed", found["differences"], ())


def _contrast(
    workspace: Workspace, trees: tuple[Workspace, Workspace], left: Operand, right: Operand
) -> dict[str, Any]:
    mixes = [tree.is_mix(operand.source) for tree, operand in zip(trees, (left, right), strict=True)]
    if mixes[0] != mixes[1]:
        why = f"`{(left if mixes[0] else right).source}` is a fusion config, and the other is a preset"
        raise UsageError(Problem("bad-usage", "these two cannot be compared", why=why))
    old, new = (_load(tree, operand, mixes[0]) for tree, operand in zip(trees, (left, right), strict=True))
    assert old.side is not None
    assert new.side is not None
    policies = Policies(FUSION) if mixes[0] else policies_of(workspace.layout.settings)
    compared = compare(old.side, new.side, policies, second_opinion=False)

    def places(one: Difference) -> Places:
        written = places_of(one, old, new, right.source)
        before, after = left.revision, right.revision
        return Places(_at(written.legacy, before), _at(written.compiled, after), _at(written.line, after))

    found = [proofs.difference(Judged(one, None, None), places) for one in compared.differences]
    return {
        "schema_version": proofs.SCHEMA_VERSION,
        "left": {"preset": left.source, "revision": left.revision or None, "read_from": old.made},
        "right": {"preset": right.source, "revision": right.revision or None, "read_from": new.made},
        "equal": not found,
        "leaves": compared.leaves,
        "differences": [_sided(one) for one in found],
    }


def _tree(workspace: Workspace, operand: Operand) -> Workspace:
    """Give the tree that holds an operand."""
    if not operand.revision:
        return workspace
    layout = workspace.layout
    there = other_tree(layout.root, layout, Revision(layout.root, operand.revision))
    if not there.tree.exists(operand.source):
        message = f"`{operand.revision}` has no preset `{operand.source}`"
        hint = did_you_mean(operand.source, there.sources.presets.values())
        raise UsageError(Problem("unknown-preset", message, hint=hint))
    return there


def _load(tree: Workspace, operand: Operand, is_mix: bool) -> Loaded:
    try:
        if is_mix:
            mix = Side(tree.composer.mix(operand.source).values)
            return Loaded(mix, "sources", "", (), lambda: mix, Policies(FUSION))
        loaded = of_tree(tree, operand.source) if operand.revision else of_sources(tree, operand.source)
        if loaded.side is None:
            raise Invalid(*loaded.problems)
    except Invalid as invalid:
        raise Invalid(*(_placed(problem, operand.revision) for problem in invalid.problems)) from None
    return loaded


def _placed(problem: Problem, revision: str) -> Problem:
    """Say of a problem in which revision it stands: the line of that number here is another one."""
    notes = tuple(note._replace(origin=_at(note.origin, revision)) for note in problem.notes)
    return problem._replace(origin=_at(problem.origin, revision), notes=notes)


_Origin = TypeVar("_Origin", Origin, Origin | None)


def _at(origin: _Origin, revision: str) -> _Origin:
    """Give a place as git names it; one of the working tree as it is."""
    if origin is None or not origin.file or not revision:
        return origin
    return Origin(f"{revision}:{origin.file}", origin.line, origin.column)


def _sided(entry: dict[str, Any]) -> dict[str, Any]:
    """Name the two values of a difference by side; what a verdict adds is left out."""
    names = {
        "legacy": "left",
        "compiled": "right",
        "legacy_text": "left_text",
        "compiled_text": "right_text",
        "legacy_origin": "left_origin",
        "origin": "right_origin",
    }
    kept = {names.get(key, key): value for key, value in entry.items() if key not in ("class", "rule", "waiver")}
    if "within" in kept:
        kept["within"] = [_sided(part) for part in kept["within"]]
    return kept


# ---------------------------------------------------------------------------------------------- for a terminal


def lines(found: dict[str, Any], left: Operand, right: Operand) -> list[str]:
    """Give a diff for a terminal: each value on both sides, with its places."""
    count = len(found["differences"])
    said = "equal" if found["equal"] else f"{count} differs" if count == 1 else f"{count} differ"
    text = [f"{left} and {right}: {said}, {found['leaves']:,} leaves compared"]
    for one in found["differences"]:
        text += ["", f"{one['key']}: {one['kind']}"]
        for part in one["within"]:
            old, new = apart(part["left_text"], part["right_text"])
            text.append(f"  {part['key']}: {old or 'absent'} -> {new or 'absent'}")
        if not one["within"]:
            old, new = apart(one["left_text"], one["right_text"])
            text += [
                f"  {sign} {value or 'absent'}{f'    {place}' if place else ''}"
                for sign, value, place in (("-", old, one["left_origin"]), ("+", new, one["right_origin"]))
            ]
    return list(map(quiet, text))


_BEFORE: Final = 3
"""Which part of a cut text stands before the place at which it differs: one of so many."""


def apart(old: str, new: str, widest: int = INLINE_COLUMNS) -> tuple[str, str]:
    """Cut two texts that are too long to read, so that the first place at which they differ stays in sight."""
    start = 0
    if old and new and max(len(old), len(new)) > widest:
        pairs = enumerate(zip(old, new, strict=False))
        same = next((index for index, (one, other) in pairs if one != other), min(len(old), len(new)))
        start = max(0, same - widest // _BEFORE)
    before = "..." if start else ""
    cut_old, cut_new = (cut(before + text[start:], widest) if text else "" for text in (old, new))
    return cut_old, cut_new


def quiet(line: str) -> str:
    """Give a line that a terminal shows as it is, and that a CI job does not take for a command to it."""
    shown = printable(line).replace("##[", "##\\[")
    said = shown.lstrip()
    return f"{shown[: len(shown) - len(said)]}\\{said}" if said.startswith("::") else shown
