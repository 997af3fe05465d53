"""The verbs: `build`, `check`, `why`, `listing`. They return data and print nothing.

A `Workspace` is one run's view of a repository: each source is read once, each fragment parsed and folded once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

from compiler import lockfile
from compiler.catalog import Layout, Sources
from compiler.checks import component_sections
from compiler.compose import Composer, Resolved
from compiler.emitter import Encoder
from compiler.lint import Lint, Silenced
from compiler.orphans import Orphans, find, unreadable
from compiler.problems import Invalid, Problem, UsageError, in_order
from compiler.provenance import Why, ask
from compiler.store import read_file, remove_lock, write_lock
from compiler.tree import Disk, Source, Tree, line_of
from compiler.values import Origin


class Compiled(NamedTuple):
    """What a preset or a fusion config compiles to: the lock's path and bytes, and what was noticed on the way."""

    resolved: Resolved
    lock: str
    data: bytes
    warnings: tuple[Problem, ...]


class Workspace:
    """One run's view of a repository."""

    def __init__(self, layout: Layout, tree: Tree | None = None) -> None:
        """Look at a repository; nothing is read yet.

        Args:
            layout: where things are.
            tree: where sources come from; the working tree, if None.

        Raises:
            UsageError: `bad-settings`, where a silence names no check.
        """
        self.layout = layout
        self.tree: Tree = tree if tree is not None else Disk(layout.root)
        self.composer = Composer(layout, self.tree)
        self._sources: Sources | None = None
        self.lint = Lint(layout.settings)
        self._encoder = Encoder(layout.label_of)
        self._named: dict[str, str] | None = None
        self._unfit: list[Problem] | None = None

    @property
    def sources(self) -> Sources:
        """What exists below the config root; listed once, and only if somebody asks."""
        if self._sources is None:
            self._sources = self.layout.scan(self.tree)
        return self._sources

    def find(self, wanted: str, here: str) -> str:
        """Give the source that a person named; a preset's plain name is found without listing all of them.

        Raises:
            UsageError: `unknown-preset`, with the nearest name.
        """
        return self.layout.named(wanted) or self.layout.find(wanted, here, self.sources)

    def compile(self, source: str) -> Compiled:
        """Compile a preset or a fusion config in memory.

        Raises:
            Invalid: everything that is wrong with it.
        """
        resolved = self.resolve(source)
        concerned = {source, resolved.fusion.source if resolved.fusion is not None else source}
        unfit = [problem for problem in self.problems() if problem.origin.file in concerned]
        if unfit:
            raise Invalid(*unfit)
        found = self.lint.mix(resolved) if self.is_mix(source) else self.lint.preset(resolved)
        if any(problem.severity == "error" for problem in found):
            raise Invalid(*found)  # a warning may be the reason of an error
        data = lockfile.encode(resolved, self.layout, self._encoder)
        return Compiled(resolved, self.layout.lock_of(source), data, tuple(found))

    def resolve(self, source: str) -> Resolved:
        """Compose a preset or a fusion config, as its place or a preset that names it says.

        Raises:
            Invalid: everything that is wrong with it.
        """
        return self.composer.mix(source) if self.is_mix(source) else self.composer.preset(source)

    def is_mix(self, source: str) -> bool:
        """Say whether a file is a fusion config: by its place, or because a preset names it."""
        if source.endswith(".json"):
            return True
        if self._sources is None:
            if self.layout.kind_of(source) == "fusion":
                return True
        elif self._sources.fusion.get(self.layout.name_of(source)) == source:
            return True
        if self.layout.settings.fusion_key is None:
            return False
        # every preset is asked only for a file that looks like a mix
        return (self._named is not None or self.composer.holds_entries(source)) and source in self.named_mixes()

    def named_mixes(self) -> dict[str, str]:
        """Give the fusion configs that the presets of the globs name, with the first preset that names each."""
        if self._named is None:
            self._named = {}
            for preset in self.sources.presets.values() if self.layout.settings.fusion_key else ():
                mix = self.composer.mix_named_by(preset)
                if mix is not None:
                    self._named.setdefault(mix, preset)
        return self._named

    def problems(self) -> list[Problem]:
        """Give what is wrong with the names and places of the sources that get a lock."""
        if self._unfit is None:
            named = [path for path in self.named_mixes() if self.tree.exists(path)]
            known = [*self.sources.presets.values(), *self.sources.fusion.values()]
            found = [*self.sources.problems, *self.layout.unfit(sorted({*known, *named}))]
            self._unfit = list(dict.fromkeys(found))
        return self._unfit

    def everything(self) -> list[str]:
        """Give the sources that get a lock: fusion configs first, then presets, each by name.

        Raises:
            UsageError: `no-presets`, as a build of nothing is no build.
        """
        unfit = {problem.origin.file for problem in self.problems()}
        mixes = {path for path in [*self.sources.fusion.values(), *self.named_mixes()] if self.tree.exists(path)}
        presets = {*self.sources.presets.values()} - mixes
        if not presets and not unfit:
            globs = ", ".join(f"`{glob}`" for glob in self.layout.settings.presets)
            raise UsageError(
                Problem(
                    "no-presets",
                    f"no file below `{self.layout.configs}` is a preset",
                    why=f"the globs are {globs or 'empty'}",
                    hint="see `presets` in `[tool.trainlock]`, or `--presets`",
                )
            )
        return [*sorted(mixes - unfit), *sorted(presets - unfit)]

    def source_line(self, file: str, line: int) -> str | None:
        """Give a line of a source that was read, for the excerpt of a problem."""
        source = self.composer.extends.sources.get(file)
        if source is None and file == "pyproject.toml":
            data = read_file(self.layout.absolute(file))
            source = Source(file, data, "") if data is not None else None
        return line_of(source, line) if source is not None else None


# ---------------------------------------------------------------------------------------------- build


def orphans(workspace: Workspace) -> Orphans:
    """Give the locks whose header names a source that is gone, lying where that source's lock would lie."""
    layout = workspace.layout
    if any(problem.code == "unreadable-file" for problem in workspace.sources.problems):
        return Orphans((), ())  # of a folder that cannot be listed nobody can say what is gone
    named = [*workspace.sources.presets.values(), *workspace.sources.fusion.values(), *workspace.named_mixes()]
    live = {layout.lock_of(source) for source in named}
    return find(layout, live)


class Build(NamedTuple):
    """What a build did: locks written, unchanged and removed, sources that failed, problems in order."""

    built: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    failed: tuple[str, ...]
    problems: tuple[Problem, ...]
    silenced: tuple[Silenced, ...]


def build(
    workspace: Workspace,
    sources: Iterable[str] | None = None,
    *,
    prune: bool = False,
    together: bool = True,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Build:
    """Compile presets and write the locks whose bytes differ; a source that does not compile fails alone.

    Args:
        workspace: the repository; the caller holds its `BuildLock`.
        sources: presets and fusion configs, each with the mix it names; everything, if None.
        prune: remove the locks of sources that are gone.
        together: ask of everything what only all documents together tell; not where the globs were narrowed.
        progress: told after each source how many of how many are done.

    Raises:
        UsageError: `no-presets`.
    """
    wanted = workspace.everything() if sources is None else _with_mixes(workspace, sources)
    problems: list[Problem] = list(workspace.problems()) if sources is None else []
    failed = [problem.origin.file for problem in problems]
    done: dict[bool, list[str]] = {True: [], False: []}
    for index, source in enumerate(wanted):
        try:
            compiled = workspace.compile(source)
            problems += compiled.warnings
            done[write_lock(workspace.layout, compiled.lock, compiled.data)].append(compiled.lock)
        except Invalid as invalid:
            failed.append(source)
            problems += invalid.problems
        progress(index + 1, len(wanted))
    problems += _of_all(workspace) if sources is None and together and not failed else ()
    removed = []
    gone = orphans(workspace) if prune else Orphans((), ())
    problems += gone.problems
    for path in gone.paths:
        try:
            if remove_lock(workspace.layout, path):
                removed.append(path)
        except Invalid as invalid:
            problems += invalid.problems
    return Build(
        tuple(done[True]),
        tuple(done[False]),
        tuple(removed),
        tuple(dict.fromkeys(failed)),
        tuple(in_order(problems)),
        workspace.lint.told_nothing_of(),
    )


def _of_all(workspace: Workspace, *, data: bool = False) -> list[Problem]:
    """Give what is found of all documents together, and the silences that cover nothing, once each compiled."""
    together = workspace.lint.together(workspace.composer, workspace.layout.files(workspace.tree))
    return [*together, *workspace.lint.unused_silences(data=data)]


def _with_mixes(workspace: Workspace, sources: Iterable[str]) -> list[str]:
    wanted = []
    for source in sources:
        mix = None if workspace.is_mix(source) else workspace.composer.mix_named_by(source)
        if mix is not None and workspace.tree.exists(mix):
            wanted.append(mix)
        wanted.append(source)
    return list(dict.fromkeys(wanted))


# ---------------------------------------------------------------------------------------------- check


class Check(NamedTuple):
    """What a check found: how many locks are fresh, the problems in order of place, and what is silenced."""

    fresh: int
    problems: tuple[Problem, ...]
    silenced: tuple[Silenced, ...] = ()


def check(
    workspace: Workspace, sources: Iterable[str] | None = None, *, data: bool = False, together: bool = True
) -> Check:
    """Compile in memory and compare with the locks on disk; writes nothing.

    Args:
        workspace: the repository.
        sources: presets and fusion configs; if None everything, the components that nothing uses and the orphans too.
        data: ask whether the files of records exist, too.
        together: ask of everything what only all documents together tell; not where the globs were narrowed.

    Raises:
        UsageError: `no-presets`.
    """
    problems: list[Problem] = []
    fresh = invalid = 0
    for source in workspace.everything() if sources is None else _with_mixes(workspace, sources):
        found = state(workspace, source)
        problems += found.problems
        fresh += found.state == "fresh"
        invalid += found.state == "invalid"
        if data and found.resolved is not None:
            problems += workspace.lint.data(workspace.composer, found.resolved, is_mix=workspace.is_mix(source))
    if sources is None:
        problems += workspace.problems() or (_of_all(workspace, data=data) if together and not invalid else ())
        problems += _component_problems(workspace)
        gone = orphans(workspace)
        problems += gone.problems
        problems += [
            Problem(
                "lock-orphan",
                f"the lock `{path}` has no source",
                Origin(path, 0, 0),
                why="the file that its header names is gone",
                hint="run `doit`",
            )
            for path in gone.paths
        ]
    return Check(fresh, tuple(in_order(problems)), workspace.lint.told_nothing_of())


class State(NamedTuple):
    """How a source and its lock stand: `fresh`, `invalid`, or the kind of drift (`stale`, `edited`, `missing`...)."""

    state: str
    problems: tuple[Problem, ...]
    resolved: Resolved | None


def state(workspace: Workspace, source: str) -> State:
    """Compare one lock with what its source compiles to."""
    layout = workspace.layout
    lock = layout.lock_of(source)
    try:
        compiled = workspace.compile(source)
    except Invalid as invalid:
        problems = list(invalid.problems)
        if os.path.lexists(layout.absolute(lock)):
            why = f"`{source}` does not compile any more"
            problems.append(
                Problem(
                    "lock-stale",
                    f"the lock `{lock}` is out of date",
                    Origin(lock, 0, 0),
                    why=why,
                    hint="mend the source, and run `doit`",
                )
            )
        return State("invalid", tuple(problems), None)
    try:
        found = read_file(layout.absolute(lock))
    except OSError as error:
        return State("unreadable", (unreadable(lock, error),), compiled.resolved)
    drifted = lockfile.drift(
        lock, found, compiled.data, layout.settings.fusion_key, lambda path: _quiet_read(layout, path)
    )
    if drifted is None:
        return State("fresh", compiled.warnings, compiled.resolved)
    return State(
        drifted.code.removeprefix("lock-").removesuffix("-file"), (*compiled.warnings, drifted), compiled.resolved
    )


def _quiet_read(layout: Layout, path: str) -> bytes | None:
    try:
        return read_file(layout.absolute(path))
    except (OSError, ValueError):
        return None


def _component_problems(workspace: Workspace) -> list[Problem]:
    """Check the components by themselves, as no preset may use them."""
    problems: list[Problem] = []
    for path in workspace.sources.components:
        try:
            problems += component_sections(
                workspace.composer.extends.body(path), workspace.layout.settings.extends_keys
            )
        except Invalid as invalid:
            problems += invalid.problems
    return problems


# ---------------------------------------------------------------------------------------------- asking


def why(workspace: Workspace, source: str, key: str) -> Why:
    """Tell where a value was written and what it overrode; only the files that the preset reaches are read.

    Raises:
        UsageError: `unknown-key`, with the nearest one.
        Invalid: the preset does not compile.
    """
    return ask(workspace.resolve(source), key, workspace.layout.lock_of)
