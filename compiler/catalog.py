"""Where things are: names and paths of presets, fusion configs and locks, and which of them exist.

Reads names of files, never their content. Every path is POSIX and relative to the repository root.
"""

from __future__ import annotations

import fnmatch
import os
import posixpath
import re
import unicodedata
from collections.abc import Iterable
from typing import Final, NamedTuple

from compiler.problems import Note, Problem, UsageError, choice, did_you_mean
from compiler.settings import Settings
from compiler.tree import Disk, Tree
from compiler.values import Origin

SUFFIXES: Final = (".yaml", ".yml")
FUSION_SUFFIXES: Final = (*SUFFIXES, ".json")
LOCK_SUFFIX: Final = ".lock.yaml"

UNFIT_NAME: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""Control and line-breaking characters, and bytes that were no UTF-8: a lock's header names files, one a line."""


class Sources(NamedTuple):
    """What exists below the config root, sorted.

    Attributes:
        presets, fusion: name -> path of the source, of all that the globs select and whose name is fit.
        components: paths.
        problems: `bad-name`, `lock-collision`, and `unreadable-file` for a folder that cannot be listed.
    """

    presets: dict[str, str]
    fusion: dict[str, str]
    components: tuple[str, ...]
    problems: tuple[Problem, ...]


class Layout:
    """Where a repository keeps its configs and its locks."""

    def __init__(self, root: str, settings: Settings) -> None:
        """Fix the places.

        Args:
            root: the repository root.
            settings: its folders count from the root, or are absolute, and may lie outside of it.
        """
        self.root = os.path.abspath(root)
        self.settings = settings
        self.configs = self._from_root(settings.configs)
        self.build = self._from_root(settings.build)
        self.cache = posixpath.join(self.build, ".cache")
        self.reports = posixpath.join(self.build, "reports")
        self._inside: dict[str, bool] = {}
        self._names: dict[str, str] = {}
        self._globs = {
            kind: matcher(globs)
            for kind, globs in (
                ("fusion", settings.fusion),
                ("components", settings.components),
                ("presets", settings.presets),
            )
        }

    def _from_root(self, folder: str) -> str:
        return os.path.relpath(os.path.join(self.root, folder), self.root).replace(os.sep, "/")

    def absolute(self, path: str) -> str:
        """Give a path as the operating system wants it."""
        return os.path.join(self.root, path)

    def below_configs(self, path: str) -> str | None:
        """Give the path from the config root, or None for a path that does not lie below it."""
        if self.configs == ".":
            return path if not path.startswith("../") else None
        return path[len(self.configs) + 1 :] if path.startswith(self.configs + "/") else None

    def name_of(self, source: str) -> str:
        """Give the name of a file below the config root: its path from there, without the suffix."""
        name = self._names.get(source)
        if name is None:
            below = self.below_configs(source)
            name = self._names[source] = posixpath.splitext(source if below is None else below)[0]
        return name

    def label_of(self, source: str) -> str:
        """Give how a lock's comments call a fragment: its name, with the suffix where that is not `.yaml`."""
        name = self.name_of(source)
        return name if source.endswith(".yaml") else name + posixpath.splitext(source)[1]

    def lock_of(self, source: str) -> str:
        """Give the path of a source's lock."""
        return f"{self.build}/{self.name_of(source)}{LOCK_SUFFIX}"

    def is_inside_build(self, lock: str) -> bool:
        """Say whether no symbolic link takes the folder of a lock out of the build folder."""
        folder = lock.rpartition("/")[0]
        inside = self._inside.get(folder)
        if inside is None:
            real, build = (os.path.realpath(self.absolute(path)) for path in (folder, self.build))
            inside = self._inside[folder] = real == build or real.startswith(build.rstrip(os.sep) + os.sep)
        return inside

    def is_component(self, path: str) -> bool:
        """Say whether the globs call a file a component."""
        below = self.below_configs(path)
        return below is not None and self._globs["components"].fullmatch(below) is not None

    def kind_of(self, path: str) -> str | None:
        """Say by the globs whether a file is one of the `fusion` configs, `components` or `presets`; None for none."""
        below = self.below_configs(path) or path
        for kind, glob in self._globs.items():
            if glob.fullmatch(below):
                return kind if path.endswith(FUSION_SUFFIXES if kind == "fusion" else SUFFIXES) else None
        return None

    def scan(self, tree: Tree | None = None) -> Sources:
        """List what exists; one walk over the folders.

        Args:
            tree: where to look; the working tree, if None.
        """
        found: dict[str, list[str]] = {"presets": [], "components": [], "fusion": []}
        files, problems = self._files(tree)
        for path in files:
            kind = self.kind_of(path)
            if kind is not None:
                found[kind].append(path)
        problems += self.unfit([*found["presets"], *found["fusion"]])
        unfit = {problem.origin.file for problem in problems}
        presets, fusion = (
            {self.name_of(path): path for path in found[kind] if path not in unfit} for kind in ("presets", "fusion")
        )
        return Sources(presets, fusion, tuple(found["components"]), tuple(problems))

    def files(self, tree: Tree | None = None) -> list[str]:
        """List every file below the config root, for hints."""
        return self._files(tree)[0]

    def _files(self, tree: Tree | None) -> tuple[list[str], list[Problem]]:
        """List the files below the config root, sorted; not those of the build folder, locks, and dotted names."""
        listed = (tree if tree is not None else Disk(self.root)).walk(self.configs, self.build)
        names = ((path, posixpath.basename(path)) for path in listed.files)
        problems = [
            Problem("unreadable-file", f"`{path}` cannot be listed", Origin(path, 0, 0), why=reason)
            for path, reason in listed.closed
        ]
        return sorted(
            path for path, name in names if not name.startswith(".") and not name.endswith(LOCK_SUFFIX)
        ), problems

    def unfit(self, sources: list[str]) -> list[Problem]:
        """Give what is wrong with the names of sources, for each file that is concerned."""
        return unfit_names(sources) + self._collisions(sources)

    def _collisions(self, sources: list[str]) -> list[Problem]:
        holder: dict[str, str] = {}
        problems = []
        for source in sources:
            lock = self.lock_of(source)
            other = holder.setdefault(unicodedata.normalize("NFC", lock).casefold(), source)
            if other == source:
                continue
            if self.lock_of(other) == lock:
                code, message = "lock-collision", f"`{other}` and `{source}` would share the lock `{lock}`"
                why = "a lock lies at its source's path, without the suffix"
            else:
                code = "bad-name"
                message = f"`{other}` and `{source}` differ only in case or in how an accent is written"
                why = "on some file systems the two are one file"
            problems += [
                Problem(
                    code,
                    message,
                    Origin(one, 0, 0),
                    why=why,
                    notes=(Note(Origin(two, 0, 0), "is the other"),),
                    hint="rename one of the two",
                )
                for one, two in ((other, source), (source, other))
            ]
        return problems

    def named(self, wanted: str) -> str | None:
        """Give the source of a preset's plain name where one file alone can be meant; None where all must be listed."""
        name = posixpath.normpath(wanted) if wanted else ".."
        if wanted.startswith("/") or any(step.startswith(".") for step in wanted.split("/")):
            return None
        paths = [self._from_root(posixpath.join(self.configs, name + suffix)) for suffix in FUSION_SUFFIXES]
        found = [path for path in paths if os.path.isfile(self.absolute(path))]
        if len(found) != 1 or found[0].startswith(f"{self.build}/") or UNFIT_NAME.search(found[0]):
            return None
        return found[0] if self.kind_of(found[0]) in ("fusion", "presets") else None

    def find(self, wanted: str, here: str, sources: Sources) -> str:
        """Give the source that a person named: by name, by the path of the source or by the path of the lock.

        Args:
            wanted: what was written; paths count from `here`, else from the repository root.
            here: the working directory.
            sources: what exists.

        Raises:
            UsageError: `unknown-preset`, with the nearest name.
        """
        known = {**sources.fusion, **sources.presets}
        name = posixpath.normpath(wanted.replace(os.sep, "/")) if wanted else ""
        is_path = wanted.startswith("./") or ".." in wanted.split("/")
        if name in known and not is_path:
            return known[name]
        for base in (here,) if is_path else (here, self.root, self.absolute(self.configs)):
            path = self._from_root(os.path.join(base, wanted)) if wanted else ""
            if path.endswith(LOCK_SUFFIX):
                by_lock = {self.lock_of(source): source for source in known.values()}
                if path in by_lock:
                    return by_lock[path]
            elif (
                self.below_configs(path) is not None
                and path.endswith(FUSION_SUFFIXES)
                and os.path.isfile(self.absolute(path))
            ):
                return path
            elif self.below_configs(path) is not None and (suffix := self._suffix_of(path)):
                return path + suffix
        raise UsageError(
            Problem(
                "unknown-preset",
                f"there is no preset `{wanted}`",
                why=f"a preset is named by its path below `{self.configs}`, by its file, or by its lock",
                hint=_named_alike(name.removeprefix(self.configs + "/"), known) or "`trainlock list` shows all of them",
            )
        )

    def _suffix_of(self, path: str) -> str:
        return next((suffix for suffix in FUSION_SUFFIXES if os.path.isfile(self.absolute(path + suffix))), "")


def _named_alike(name: str, known: Iterable[str]) -> str:
    """Word which name was most likely meant: one that ends alike, else the nearest."""
    return choice([other for other in known if posixpath.basename(other) == name]) or did_you_mean(name, known)


def unfit_names(paths: Iterable[str]) -> list[Problem]:
    """Give a `bad-name` for each path that a lock's header cannot hold on one line of text."""
    return [
        Problem(
            "bad-name",
            f"the name `{path}` holds a control or line-breaking character, or is no UTF-8",
            Origin(path, 0, 0),
            why="a lock names its fragments one a line",
            hint="rename the file",
        )
        for path in paths
        if UNFIT_NAME.search(path)
    ]


def matcher(globs: Iterable[str]) -> re.Pattern[str]:
    """Compile globs to one pattern: `*` and `?` stay within a folder, `**` stands for any number of folders."""
    patterns = []
    for glob in globs:
        steps = []
        parts = glob.split("/")
        for part in parts[:-1]:
            steps.append("(?:[^/]+/)*" if part == "**" else _step(part) + "/")
        steps.append(".*" if parts[-1] == "**" else _step(parts[-1]))
        patterns.append("".join(steps))
    return re.compile("|".join(patterns) if patterns else r"(?!)", re.DOTALL)


def _step(part: str) -> str:
    """Translate one step of a glob to a pattern that stays within its folder; `fnmatch` knows what a bracket means."""
    return "".join(
        {"*": "[^/]*", "?": "[^/]"}.get(token[:1] if token[:1] == "*" else token)
        or ("(?!/)" + fnmatch.translate(token)[4:-3] if len(token) > 1 else re.escape(token))
        for token in re.findall(r"\[!?\]?[^\]]*\]|\*+|.", part, re.DOTALL)
    )
