"""Checks of all documents of a repository together: fragments that nothing uses, runs that write to one place, data.

What is needed of each document is noted while it is compiled, so that none has to be kept.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from compiler.catalog import FUSION_SUFFIXES
from compiler.compose import Composer, Resolved
from compiler.problems import Note, Problem, did_you_mean
from compiler.tree import Source, Tree
from compiler.values import KeyPath, Node, Origin, held_at, leaves, under


def unused_fragments(files: Iterable[str], used: set[str], sources: Mapping[str, Source]) -> Iterator[Problem]:
    """Every fragment below the config root is a preset, a mix that gets a lock, or reached by one.

    A file whose path another one holds, such as a config of DeepSpeed, is left alone: somebody may read it.

    Args:
        files: below the config root.
        used: those that a lock is made from.
        sources: every file that was read, by path.

    Bad:
        # configs/train/p.yaml
        training: {seed: 17}
        # configs/components/old.yaml
        tuner: {lora_rank: 8}

    Good:
        # configs/train/p.yaml
        extends: ../components/old.yaml
        # configs/components/old.yaml
        tuner: {lora_rank: 8}
    """
    for path in files:
        if path not in used and path.endswith(FUSION_SUFFIXES) and not _is_named(path, sources):
            yield Problem(
                "unused-fragment",
                f"nothing uses `{path}`",
                Origin(path, 0, 0),
                why="no preset and no mix that gets a lock reaches it",
                hint="extend it, let the globs of `[tool.trainlock]` select it, or delete it if nothing else reads it",
                severity="warning",
            )


def _is_named(path: str, sources: Mapping[str, Source]) -> bool:
    """Say whether a file that was read holds the path of another, from the repository root."""
    name = path.encode("utf-8", "surrogateescape")
    return any(name in source.data for other, source in sources.items() if other != path)


Place = tuple[str, Any]
"""Where a run writes: the folder, and the name of the run."""


class Outputs:
    """Where each preset writes, by which two that write to one place are found."""

    def __init__(self) -> None:
        self._writers: dict[Place, list[str]] = {}

    def note(self, resolved: Resolved) -> None:
        """Remember where a preset writes; nothing of one that does not say."""
        folder = under(resolved.values, ("training", "output_dir"))
        name = under(resolved.values, ("training", "run_name"))
        if folder is None or type(folder.value) is not str or not folder.value:
            return
        named = name.value if name is not None and type(name.value) is str else ""
        path = posixpath.normpath(folder.value)
        # the project appends the name to the folder where it does not end in it already (src/sft.py)
        place = path if posixpath.basename(path) == named else posixpath.join(path, named).rstrip("/")
        self._writers.setdefault((place, named), []).append(resolved.source)

    def shared_outputs(self, composer: Composer) -> Iterator[Problem]:
        """No two presets have the same output folder and run name, but for those that are the same run.

        Bad:
            # configs/train/p.yaml
            training: {output_dir: out, run_name: one, seed: 1}
            # configs/train/q.yaml
            training: {output_dir: ./out, run_name: one, seed: 2}

        Good:
            # configs/train/p.yaml
            training: {output_dir: out, run_name: one, seed: 1}
            # configs/train/q.yaml
            training: {output_dir: ./out, run_name: two, seed: 2}
        """
        for (place, _), sources in sorted(self._writers.items(), key=lambda item: item[1][0]):
            runs: dict[str, Resolved] = {}
            for source in sorted(sources) if len(sources) > 1 else ():
                resolved = composer.preset(source)
                runs.setdefault(resolved.digest, resolved)
            for other in [*runs.values()][1:]:
                yield _shared(place, next(iter(runs.values())), other)


def _shared(place: str, first: Resolved, other: Resolved) -> Problem:
    return Problem(
        "shared-output",
        f"`{other.source}` writes to `{place}`, and so does `{first.source}`",
        _name_place(other),
        why="their curves lie together, and their checkpoints as well where no version is added to the folder",
        notes=(Note(_name_place(first), "is the other"),),
        hint="give one of the two a `training.run_name` or a `training.output_dir` of its own",
        severity="warning",
    )


def _name_place(resolved: Resolved) -> Origin:
    """Give where a preset itself says what its run is called; the file as a whole where it only inherits that."""
    for key in ("run_name", "output_dir"):
        node = held_at(resolved.values, ("training", key))
        if node is not None and node.origin.file == resolved.source:
            return node.origin
    return Origin(resolved.source, 0, 0)


_RECORDS: Final[tuple[KeyPath, ...]] = (("custom", "train_jsonl"), ("custom", "jsonl"), ("custom", "val_jsonl"))


def missing_data(values: Node, tree: Tree, *, is_mix: bool, has_mix: bool) -> Iterator[Problem]:
    """Every file of records that a run reads exists, from the repository root; asked for with `--data`.

    Of a preset that names a mix only the mix is looked at: it says what is read.

    Args:
        values: the resolved preset or mix.
        tree: where files are looked up.
        is_mix: whether the values are those of a mix.
        has_mix: whether the preset names one.

    Bad:
        targets:
          - {dataset: bbu, train_jsonl: nowhere/bbu.jsonl}

    Good:
        targets:
          - {dataset: bbu, train_jsonl: configs/train/p.yaml}
    """
    wanted: Callable[[KeyPath], bool]
    if is_mix:
        wanted = lambda path: len(path) == 3 and path[2] in ("train_jsonl", "val_jsonl")  # noqa: E731
    else:
        wanted = lambda path: path in _RECORDS  # noqa: E731
    for path, node in leaves(values) if not has_mix else ():
        if not wanted(path) or type(node.value) is not str or not node.value:
            continue
        target = posixpath.normpath(node.value)
        is_folder = tree.exists(f"{target}/.")
        if is_folder or not tree.exists(target):
            folder = posixpath.dirname(target)
            inside = tree.names(folder) if not target.startswith(("../", "/")) else []
            near = did_you_mean(target, (posixpath.join(folder, name) for name in inside)) if not is_folder else ""
            yield Problem(
                "missing-data",
                f"`{node.value}` is a folder" if is_folder else f"there is no file `{node.value}`",
                node.origin,
                why="the trainer reads its records there, from the repository root",
                hint=near,
            )
