"""The verbs: `build`, `check`, `why`, `listing`. They return data and print nothing; every write is here.

A `Workspace` is one run's view of a repository: each source is read once, each fragment parsed and folded once.
"""

from __future__ import annotations

import fcntl
import os
import posixpath
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Final, NamedTuple

from compiler import lockfile
from compiler.catalog import LOCK_SUFFIX, Layout, Sources
from compiler.checks import component_sections
from compiler.compose import Composer, Resolved
from compiler.lockfile import Encoder
from compiler.problems import BuildLocked, Invalid, Note, Problem, UsageError, did_you_mean, in_order
from compiler.reader import Disk, Source, Tree, source_lines
from compiler.values import BadPath, KeyPath, Node, Origin, parse_path, show_path, step_into

WAIT_SECONDS: Final = 60.0
"""How long a build waits for another one before it gives up."""


class Compiled(NamedTuple):
    """What a preset or a fusion config compiles to: the lock's path and bytes."""

    resolved: Resolved
    lock: str
    data: bytes


class Workspace:
    """One run's view of a repository."""

    def __init__(self, layout: Layout, tree: Tree | None = None) -> None:
        """Look at a repository; nothing is read yet.

        Args:
            layout: where things are.
            tree: where sources come from; the working tree, if None.
        """
        self.layout = layout
        self.tree: Tree = tree if tree is not None else Disk(layout.root)
        self.composer = Composer(layout, self.tree)
        self.sources: Sources = layout.scan()
        self._encoder = Encoder(layout.label_of)

    def compile(self, source: str) -> Compiled:
        """Compile a preset or a fusion config in memory.

        Raises:
            Invalid: everything that is wrong with it.
        """
        resolved = self.resolve(source)
        return Compiled(resolved, self.layout.lock_of(source), lockfile.encode(resolved, self.layout, self._encoder))

    def resolve(self, source: str) -> Resolved:
        """Compose a preset or a fusion config, as its place or a preset that names it says.

        Raises:
            Invalid: everything that is wrong with it.
        """
        return self.composer.mix(source) if self.is_mix(source) else self.composer.preset(source)

    def is_mix(self, source: str) -> bool:
        """Say whether a file is a fusion config: by its place, or because a preset names it."""
        if source.endswith(".json") or self.sources.fusion.get(self.layout.name_of(source)) == source:
            return True
        # only a file with entries is worth asking every preset for
        return self.layout.settings.fusion_key is not None and self.composer.holds_entries(source) and source in self.named_mixes()

    def named_mixes(self) -> dict[str, str]:
        """Give the fusion configs that the presets of the globs name, with the first preset that names each."""
        if not hasattr(self, "_named"):
            self._named: dict[str, str] = {}
            if self.layout.settings.fusion_key:
                for preset in self.sources.presets.values():
                    mix = self.composer.mix_named_by(preset)
                    if mix is not None:
                        self._named.setdefault(mix, preset)
        return self._named

    def everything(self) -> list[str]:
        """Give the sources that get a lock: fusion configs first, then presets, each by name.

        Raises:
            UsageError: `no-presets`, as a build of nothing is no build.
        """
        mixes = {self.layout.name_of(path): path for path in [*self.sources.fusion.values(), *self.named_mixes()] if self.tree.exists(path)}
        names = {name: path for name, path in self.sources.presets.items() if path not in mixes.values()}
        if not names and not mixes and not self.sources.problems:
            globs = ", ".join(f"`{glob}`" for glob in self.layout.settings.presets)
            raise UsageError(
                Problem("no-presets", f"no file below `{self.layout.configs}` is a preset", why=f"the globs are {globs or 'empty'}", hint="see `presets` in `[tool.trainlock]`, or `--presets`")
            )
        return [*(mixes[name] for name in sorted(mixes)), *(names[name] for name in sorted(names))]

    def source_line(self, file: str, line: int) -> str | None:
        """Give a line of a source that was read, for the excerpt of a problem."""
        source = self.composer.extends.sources.get(file)
        if source is None and file == "pyproject.toml":
            data = read_file(self.layout.absolute(file))
            source = Source(file, data, "") if data is not None else None
        return source_lines(source, line) if source is not None else None


# ---------------------------------------------------------------------------------------------- writing


def read_file(path: str) -> bytes | None:
    """Give a file's bytes, or None where there is no file; a folder reads as one byte that is no lock's."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError:
        return b"/"


def write_atomic(path: str, data: bytes) -> None:
    """Replace a file's content in one step: whoever reads it sees the old bytes or the new ones.

    Raises:
        OSError: the file is as it was, and no temporary file stays.
    """
    folder, name = os.path.split(path)
    os.makedirs(folder or ".", exist_ok=True)
    temporary = os.path.join(folder, f".{name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _write_problem(path: str, error: OSError) -> Problem:
    reason = (error.strerror or str(error)).lower()
    return Problem("write-failed", f"`{path}` cannot be written", Origin(path, 0, 0), why=reason, hint="what was there before is unchanged")


class BuildLock:
    """One build at a time: a kernel lock on a file below the build folder, gone with the process that holds it.

    The holder opens the file once: closing any other handle on it would free the lock.
    """

    def __init__(self, layout: Layout, wait: float = WAIT_SECONDS, say: Callable[[str], None] = lambda _text: None) -> None:
        """Name the lock.

        Args:
            layout: where the build folder is.
            wait: seconds after which to give up.
            say: told once, for whom it waits.
        """
        self._folder = layout.absolute(layout.cache)
        self._path = os.path.join(self._folder, "build.lock")
        self._shown = f"{layout.cache}/build.lock"
        self._wait = wait
        self._say = say
        self._descriptor: int | None = None
        self.waited = False

    def acquire(self) -> bool:
        """Take the lock; says whether another build was waited for. Where no file can be made, no lock can be written either.

        Raises:
            BuildLocked: another build did not let go in time.
        """
        if self._descriptor is not None:
            return False
        try:
            descriptor = self._open()
        except OSError:
            return False
        deadline = time.monotonic() + self._wait
        told = False
        while True:
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    problem = Problem(
                        "build-locked",
                        f"another build is at work (process {holder})",
                        Origin(self._shown, 0, 0),
                        why=f"it did not end within {self._wait:g} seconds",
                        hint="try again when it has ended; a build that was killed holds nothing",
                    )
                    raise BuildLocked(problem) from None
                if not told:
                    told = True
                    self._say(f"waiting for another build (process {holder})")
                time.sleep(0.05)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        self._descriptor = descriptor
        self.waited = told
        return told

    def _open(self) -> int:
        if not os.path.isdir(self._folder):
            os.makedirs(self._folder)
            write_atomic(os.path.join(self._folder, ".gitignore"), b"*\n")
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)

    def release(self) -> None:
        """Let go; does nothing where it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> BuildLock:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


def write_lock(layout: Layout, compiled: Compiled) -> bool:
    """Write a lock if its bytes differ; says whether they did.

    Raises:
        Invalid: `foreign-file`, `lock-format` or `write-failed`; what was there is as it was.
    """
    path = layout.absolute(compiled.lock)
    try:
        found = read_file(path)
        if found == compiled.data:
            return False
        if found:
            if not lockfile.is_ours(found):
                raise Invalid(lockfile.foreign(compiled.lock))
            header = lockfile.header_of(found)
            if header is not None and header.format > lockfile.FORMAT:
                raise Invalid(lockfile.newer_format(compiled.lock, header))
        write_atomic(path, compiled.data)
    except OSError as error:
        raise Invalid(_write_problem(compiled.lock, error)) from None
    return True


def orphans(workspace: Workspace) -> list[str]:
    """Give the locks whose header names a source that is gone, lying where that source's lock would lie."""
    layout = workspace.layout
    live = {layout.lock_of(source) for source in [*workspace.sources.presets.values(), *workspace.sources.fusion.values(), *workspace.named_mixes()]}
    found = []
    for path in _locks_below(layout):
        data = read_file(layout.absolute(path))
        header = lockfile.header_of(data) if data else None
        if header is None or path in live or layout.below_configs(header.source) is None:
            continue
        if layout.lock_of(header.source) == path and not os.path.lexists(layout.absolute(header.source)):
            found.append(path)
    return found


def _locks_below(layout: Layout) -> Iterator[str]:
    top = layout.absolute(layout.build)
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = os.path.relpath(folder, top).replace(os.sep, "/")
        for name in sorted(files):
            if name.endswith(LOCK_SUFFIX) and not name.startswith("."):
                yield posixpath.normpath(posixpath.join(layout.build, below, name))


def remove_lock(layout: Layout, path: str) -> bool:
    """Delete a lock, and the folders that are empty without it; a file that is not ours stays. Says whether it went.

    Raises:
        Invalid: `write-failed`.
    """
    full = layout.absolute(path)
    try:
        data = read_file(full)
        if data is None or (data and not lockfile.is_ours(data)):
            return False
        os.unlink(full)
    except OSError as error:
        raise Invalid(_write_problem(path, error)) from None
    folder = os.path.dirname(full)
    top = layout.absolute(layout.build)
    while folder != top and folder.startswith(top):
        try:
            os.rmdir(folder)
        except OSError:
            break
        folder = os.path.dirname(folder)
    return True


# ---------------------------------------------------------------------------------------------- build


class Build(NamedTuple):
    """What a build did: paths of locks written, unchanged and removed; sources that failed; problems in order of place."""

    built: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    failed: tuple[str, ...]
    problems: tuple[Problem, ...]


def build(workspace: Workspace, sources: Iterable[str] | None = None, *, prune: bool = False, progress: Callable[[int, int], None] = lambda _done, _all: None) -> Build:
    """Compile presets and write the locks whose bytes differ; a source that does not compile fails alone.

    Args:
        workspace: the repository; the caller holds its `BuildLock`.
        sources: presets and fusion configs, each with the mix it names; everything, if None.
        prune: remove the locks of sources that are gone.
        progress: told after each source how many of how many are done.

    Raises:
        UsageError: `no-presets`.
    """
    wanted = workspace.everything() if sources is None else _with_mixes(workspace, sources)
    problems: list[Problem] = list(workspace.sources.problems) if sources is None else []
    failed = [problem.origin.file for problem in problems]
    done: dict[bool, list[str]] = {True: [], False: []}
    for index, source in enumerate(wanted):
        try:
            compiled = workspace.compile(source)
            problems += warnings_of(compiled.resolved)
            done[write_lock(workspace.layout, compiled)].append(compiled.lock)
        except Invalid as invalid:
            failed.append(source)
            problems += invalid.problems
        progress(index + 1, len(wanted))
    removed = []
    for path in orphans(workspace) if prune else ():
        try:
            if remove_lock(workspace.layout, path):
                removed.append(path)
        except Invalid as invalid:
            problems += invalid.problems
    return Build(tuple(done[True]), tuple(done[False]), tuple(removed), tuple(dict.fromkeys(failed)), tuple(in_order(problems)))


def warnings_of(resolved: Resolved) -> tuple[Problem, ...]:
    """Give what was noticed while a document and its mix were composed."""
    return (*resolved.warnings, *(resolved.fusion.warnings if resolved.fusion is not None else ()))


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
    """What a check found: how many locks are fresh, and the problems in order of place."""

    fresh: int
    problems: tuple[Problem, ...]


def check(workspace: Workspace, sources: Iterable[str] | None = None) -> Check:
    """Compile in memory and compare with the locks on disk; writes nothing.

    Args:
        workspace: the repository.
        sources: presets and fusion configs; if None everything, the components that nothing uses and the orphans too.

    Raises:
        UsageError: `no-presets`.
    """
    layout = workspace.layout
    problems: list[Problem] = []
    fresh = 0
    for source in workspace.everything() if sources is None else _with_mixes(workspace, sources):
        found = state(workspace, source)
        problems += found.problems
        fresh += found.state == "fresh"
    if sources is None:
        problems += workspace.sources.problems
        problems += _component_problems(workspace)
        problems += [
            Problem("lock-orphan", f"the lock `{path}` has no source", Origin(path, 0, 0), why="the file that its header names is gone", hint="run `doit`")
            for path in orphans(workspace)
        ]
    return Check(fresh, tuple(in_order(problems)))


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
            problems.append(Problem("lock-stale", f"the lock `{lock}` is out of date", Origin(lock, 0, 0), why=why, hint="mend the source, and run `doit`"))
        return State("invalid", tuple(problems), None)
    try:
        found = read_file(layout.absolute(lock))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        unreadable = Problem("unreadable-file", f"`{lock}` cannot be read", Origin(lock, 0, 0), why=reason)
        return State("unreadable", (unreadable,), compiled.resolved)
    drifted = lockfile.drift(lock, found, compiled.data, layout.settings.fusion_key, lambda path: _quiet_read(layout, path))
    warnings = warnings_of(compiled.resolved)
    if drifted is None:
        return State("fresh", warnings, compiled.resolved)
    return State(drifted.code.removeprefix("lock-").removesuffix("-file"), (*warnings, drifted), compiled.resolved)


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
            problems += component_sections(workspace.composer.extends.body(path), workspace.layout.settings.extends_keys)
        except Invalid as invalid:
            problems += invalid.problems
    return problems


# ---------------------------------------------------------------------------------------------- why


class Overridden(NamedTuple):
    """A value that lost: where it stood, what it was, where it was written; `path` is longer than asked where only a part lies there."""

    path: str
    value: Node
    origin: Origin


class Why(NamedTuple):
    """The answer to where a value comes from.

    Attributes:
        source: the preset or fusion config that was asked.
        document: the file whose resolved values hold the key: the same, or the mix that the preset names.
        path: the key, entries' names turned into indexes.
        node: the winning value; its `origin` is where it was written.
        overrode: what it overrode, latest first.
        lock_value: what the lock holds instead: the path of the fusion lock; None for every other key.
    """

    source: str
    document: str
    path: KeyPath
    node: Node
    overrode: tuple[Overridden, ...]
    lock_value: str | None


IN_MIX: Final = "fusion:"
"""Said before a key, it asks for the mix that a preset names and not for the preset."""


def why(workspace: Workspace, source: str, key: str) -> Why:
    """Tell where a value was written and what it overrode.

    Args:
        workspace: the repository; only the files that the preset reaches are read.
        source: the path of a preset or fusion config.
        key: such as `tuner.lora_rank`, `custom.augmentation.ops[0].params.prob`, `sources[lvis].ratio`; looked up in
            the preset, then in the mix that it names, and with `fusion:` before it in the mix alone.

    Raises:
        UsageError: `unknown-key`, with the nearest one.
        Invalid: the preset does not compile.
    """
    try:
        steps = parse_path(key.removeprefix(IN_MIX))
    except BadPath as error:
        raise UsageError(Problem("unknown-key", str(error), hint="such as `tuner.lora_rank` or `sources[lvis].ratio`")) from None
    resolved = workspace.resolve(source)
    documents = [resolved, *([resolved.fusion] if resolved.fusion is not None else [])]
    if key.startswith(IN_MIX):
        documents = documents[1:] or documents
    for document in documents:
        found = _trace(document.values, steps)
        if found is not None:
            path, node, overrode = found
            is_mix_path = document is resolved and resolved.fusion is not None and path == resolved.fusion_at
            lock_value = workspace.layout.lock_of(resolved.fusion.source) if is_mix_path and resolved.fusion else None
            return Why(source, document.source, path, node, overrode, lock_value)
    raise UsageError(_unknown_key(source, key, documents[0], steps))


def _trace(node: Node, steps: KeyPath) -> tuple[KeyPath, Node, tuple[Overridden, ...]] | None:
    """Follow a path; gather what was overridden at its end, and with every mapping or list around it."""
    path: list[str | int] = []
    around: list[tuple[KeyPath, Node]] = []
    for step in steps:
        around.append((tuple(path), node))
        taken = step_into(node, step)
        if taken is None:
            return None
        path.append(taken[0])
        node = taken[1]
    whole = tuple(path)
    overrode = [Overridden(show_path(whole), shadow, shadow.origin) for shadow in node.shadows]
    for place, holder in reversed(around):
        for shadow in holder.shadows:
            part = _inside(shadow, whole[len(place) :])
            if part is not None:
                overrode.append(Overridden(show_path(whole), part, part.origin))
            elif shadow.value is None:
                overrode.append(Overridden(show_path(place), shadow, shadow.origin))
    return whole, node, tuple(overrode)


def _inside(node: Node, path: KeyPath) -> Node | None:
    for step in path:
        taken = step_into(node, step)
        if taken is None:
            return None
        node = taken[1]
    return node


def _unknown_key(source: str, key: str, document: Resolved, steps: KeyPath) -> Problem:
    """Word that a key is not set: what is there instead, and what masked it if something did."""
    node = document.values
    reached: list[str | int] = []
    for step in steps:
        taken = step_into(node, step)
        if taken is None:
            break
        reached.append(taken[0])
        node = taken[1]
    rest = steps[len(reached) :]
    notes = [Note(part.origin, f"held `{lockfile.one_line(part)}` here") for shadow in node.shadows if (part := _inside(shadow, rest)) is not None]
    if notes:
        notes.insert(0, Note(node.origin, f"sets `{show_path(tuple(reached))}` to `{lockfile.one_line(node)[:60]}`"))
    names: list[str] = []
    if type(node.value) is dict:
        names = [str(name) for name in node.value]
    elif type(node.value) is list:
        names = [str(name) for item in node.value if type(item.value) is dict and (held := item.value.get("name")) is not None and (name := held.value)]
    return Problem("unknown-key", f"`{key}` is not set in `{source}`", notes=tuple(notes), hint=did_you_mean(str(rest[0]), names) if rest else "")


# ---------------------------------------------------------------------------------------------- list


class Row(NamedTuple):
    """One line of `trainlock list`: the name, how its lock stands, the digest, how many fragments, the name of its mix."""

    name: str
    state: str
    digest: str
    fragments: int
    fusion: str


def listing(workspace: Workspace) -> list[Row]:
    """List every preset and fusion config that gets a lock.

    Raises:
        UsageError: `no-presets`.
    """
    rows = []
    for source in workspace.everything():
        found = state(workspace, source)
        resolved = found.resolved
        mix = resolved.fusion if resolved is not None else None
        files = set(resolved.chain.files()) if resolved is not None else workspace.composer.closure(source)
        files |= set(mix.chain.files()) if mix is not None else set()
        name = workspace.layout.name_of(source)
        rows.append(Row(name, found.state, resolved.digest if resolved else "", len(files), workspace.layout.name_of(mix.source) if mix else ""))
    return rows

