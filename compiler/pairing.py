"""Which preset of the other side became which preset here, and what nothing took the place of."""

from __future__ import annotations

from typing import Final, NamedTuple

from compiler import legacy
from compiler.catalog import Layout
from compiler.history import Revision
from compiler.legacy import Records
from compiler.mapping import DEFAULT, Mapping, read_mapping
from compiler.pipeline import Workspace
from compiler.problems import Invalid, Problem, UsageError, did_you_mean, nearest
from compiler.tree import Disk
from compiler.values import Origin

MAX_HINTS: Final = 20
"""For how many presets of a run the nearest name is looked up; more are one move, repeated."""


class Pair(NamedTuple):
    """A preset by its path on the other side and here, each from its own root; None where a side has none."""

    legacy: str | None
    preset: str | None


class Paired(NamedTuple):
    """Every pair, those without a preset here last; the mapping; and what is wrong with it."""

    pairs: tuple[Pair, ...]
    mapping: Mapping
    problems: tuple[Problem, ...]


class There:
    """What exists on the other side: the legacy records, a revision, or another folder."""

    def __init__(self, name: str, records: Records | None, other: Workspace | None) -> None:
        self.name = name
        self.records = records
        self.other = other

    def presets(self) -> list[str]:
        """Give the paths of its presets, sorted."""
        if self.other is not None:
            return sorted({*self.other.sources.presets.values()} - {*self.other.named_mixes()})
        assert self.records is not None
        return sorted(self.records.presets)

    def has(self, path: str) -> bool:
        """Say whether it has a preset at a path, be it one that does not load."""
        if self.other is not None:
            return self.other.tree.exists(path)
        assert self.records is not None
        return path in self.records.presets or path in self.records.refused

    def problems(self) -> list[Problem]:
        """Give what keeps some of its presets from being known: records that are refused, folders that are closed."""
        if self.other is not None:
            return [
                problem._replace(origin=Origin(f"{self.name}:{problem.origin.file}", 0, 0))
                for problem in self.other.sources.problems
                if problem.code == "unreadable-file"
            ]
        assert self.records is not None
        return [*dict.fromkeys(self.records.refused.values())]

    def moved(self, folder: str) -> dict[str, str]:
        """Give what git takes for moved since then: old path to new."""
        tree = self.other.tree if self.other is not None else None
        return tree.renames(folder) if isinstance(tree, Revision) else {}


def pair_up(workspace: Workspace, there: There, path: str | None) -> Paired:
    """Pair the presets of both sides: by the mapping; those of a revision or a folder by the same path besides.

    Args:
        workspace: this repository.
        there: the other side.
        path: of a mapping file, from our root; for the legacy records `legacy/mapping.yaml`, else none, if None.

    Raises:
        UsageError: `no-legacy`.
    """
    if there.other is None:
        path = path or DEFAULT
        if not workspace.tree.exists(path):
            raise UsageError(_no_legacy(path))
    problems: list[Problem] = [*workspace.problems(), *there.problems()]
    mapping = Mapping(path or "", {}, ())
    is_read = True
    try:
        if path is not None:
            mapping = read_mapping(Disk(workspace.layout.root), path)
            if not mapping.presets and there.other is None:
                problems.append(_maps_nothing(path))
    except Invalid as invalid:
        is_read = False
        problems += invalid.problems
    ours = [one for one in workspace.sources.presets.values() if one not in workspace.named_mixes()]
    pairs: dict[str, str] = {}
    wrong = 0
    for old, (new, _) in mapping.presets.items():
        problem = _unknown(workspace, there, mapping, old, new, hints=wrong < MAX_HINTS)
        if problem is None:
            pairs[new] = old
        else:
            wrong += 1
            problems.append(problem)
    taken = {*mapping.presets, *mapping.retired}
    gone = [old for old in mapping.retired if not there.has(old)]
    problems += [_unknown_there(there, old, Origin(mapping.path, 0, 0), hints=True) for old in gone]
    if there.other is not None:
        # one that is said to be gone for good, and is still here, is proven all the same
        free = [one for one in ours if one not in pairs and one not in mapping.presets]
        pairs.update({one: one for one in free if there.has(one)})
    paired = {*pairs.values()}
    left = [one for one in there.presets() if one not in taken and one not in paired]
    if is_read:
        problems += _unmapped(left, there, mapping.path, [one for one in ours if one not in pairs], workspace.layout)
    lost = [old for old, (new, _) in mapping.presets.items() if new not in pairs and there.has(old)]
    if not is_read and there.other is None:  # nobody can say what is new
        return Paired((), mapping, tuple(problems))
    here = sorted({*ours, *pairs})
    found = [*(Pair(pairs.get(one), one) for one in here), *(Pair(one, None) for one in sorted({*lost, *left}))]
    return Paired(tuple(found), mapping, tuple(problems))


def _no_legacy(path: str) -> Problem:
    return Problem(
        "no-legacy",
        f"there is no `{path}` to prove against",
        why="it maps each legacy preset to the one that took its place",
        hint="`--against REV` or `--against DIR` compares with something else",
    )


def _maps_nothing(path: str) -> Problem:
    why = "a proof of nothing is no proof"
    return Problem("bad-mapping", "`presets` maps no preset", Origin(path, 0, 0), why=why)


def _unknown(
    workspace: Workspace, there: There, mapping: Mapping, old: str, new: str, *, hints: bool
) -> Problem | None:
    """Word that one end of a line of the mapping is nothing."""
    origin = mapping.presets[old][1]
    ours = workspace.sources.presets.values()
    unfit = {problem.origin.file for problem in workspace.problems()}
    if (new not in ours and new not in unfit) or new in workspace.named_mixes():
        is_there = workspace.tree.exists(new)
        why = f"`{old}` is mapped to it, and "
        why += "the globs select no preset there" if is_there else "a path counts from the repository root"
        mapped = {taken for taken, _ in mapping.presets.values()}
        free = [one for one in ours if one not in mapped]
        hint = did_you_mean(new, free) if hints else ""
        return Problem("unknown-preset", f"there is no preset `{new}`", origin, why=why, hint=hint)
    return _unknown_there(there, old, origin, hints=hints) if not there.has(old) else None


def _unknown_there(there: There, old: str, origin: Origin, *, hints: bool) -> Problem:
    """Word that the other side has no preset at a path."""
    where = f"{legacy.FOLDER}/" if there.other is None else there.name
    return Problem(
        "unknown-preset",
        f"there is no preset `{old}` on the other side",
        origin,
        why=f"its path counts from `{where}`",
        hint=did_you_mean(old, there.presets()) if hints else "",
    )


def _unmapped(left: list[str], there: There, mapping: str, free: list[str], layout: Layout) -> list[Problem]:
    """Word that nothing took the place of presets: git's guess, else the nearest name among those that are free."""
    moved, still = there.moved(layout.configs) if left else {}, {*free}
    says = f"`{mapping}` says what became of it" if mapping else "`--mapping FILE` says what became of it"
    problems = []
    for index, path in enumerate(left):
        known = moved.get(path) in still
        guess = moved[path] if known else nearest(path, free) if index < MAX_HINTS else None
        said = "git takes it for moved to" if known else "it may have become"
        hint = f"{said} `{guess}`: {says}, with a line `{path}: {guess}` below `presets`" if guess else says
        problems.append(
            Problem(
                "unmapped-preset",
                f"`{path}` of `{there.name}` is mapped to no preset",
                Origin(mapping, 0, 0),
                why="what nothing took the place of is proven by nothing",
                hint=hint,
            )
        )
    return problems
