"""Makers of small worlds: a test says which files there are, and gets the thing that it asks about.

Nothing here asserts. `project` makes a repository on disk, `composer` and `resolve` one in memory,
`fragment` and `node` one file alone; `opened` looks at a repository that has settings of its own, as this one has.
"""

from __future__ import annotations

import enum
import os
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from ruamel.yaml import YAML

from compiler.catalog import Layout
from compiler.compose import Composer, Resolved
from compiler.emitter import Encoder
from compiler.lockfile import encode
from compiler.pipeline import Workspace
from compiler.problems import Problem, TrainlockError, in_order, render
from compiler.reader import Fragment, read
from compiler.settings import Settings, load
from compiler.tree import Memory, Source, line_of
from compiler.values import Node, plain

REPOSITORY: Final = Path(__file__).resolve().parent.parent
"""The repository that these tests belong to."""


class Absence(enum.Enum):
    """What stands for no value where null is one; it has the same name in every process, as the names of tests do."""

    ABSENT = "absent"


ABSENT: Final = Absence.ABSENT

Files = Mapping[str, str | bytes]
"""Contents by path from the repository root; texts are dedented."""


def content(text: str | bytes) -> bytes:
    """Give the bytes of a file as a test writes it: a text indented to fit its test is dedented."""
    return text if isinstance(text, bytes) else textwrap.dedent(text.removeprefix("\n")).encode()


def write(root: Path, files: Files) -> Path:
    """Write files below a folder; gives the folder."""
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content(text))
    return root


def settings(**given: Any) -> Settings:
    """Give settings: presets below `train/`, mixes below `fusion/`, named by `fusion`; `given` wins."""
    usual: dict[str, Any] = {
        "presets": ("train/**/*.yaml", "train/**/*.yml"),
        "fusion": ("fusion/**/*.yaml", "fusion/**/*.yml", "fusion/**/*.json"),
        "fusion_key": ("fusion",),
    }
    return Settings(**{**usual, **given})


def layout(root: Path | str, **given: Any) -> Layout:
    """Give the layout of a repository with the usual settings."""
    return Layout(str(root), settings(**given))


def project(root: Path, files: Files, **given: Any) -> Workspace:
    """Write a repository to disk and look at it."""
    write(root, files)
    (root / "configs").mkdir(exist_ok=True)
    return Workspace(layout(root, **given))


def look(root: Path, **given: Any) -> Workspace:
    """Look again at a repository that `project` made: a new run."""
    return Workspace(layout(root, **given))


def layout_of(root: Path = REPOSITORY) -> Layout:
    """Give the layout of a repository by the settings in its files."""
    return Layout(str(root), load(str(root)))


def opened(root: Path = REPOSITORY) -> Workspace:
    """Look at a repository by the settings in its files: a new run."""
    return Workspace(layout_of(root))


def composer(files: Files, **given: Any) -> Composer:
    """Give a composer of a repository in memory."""
    return Composer(layout("/nowhere", **given), Memory({path: content(text) for path, text in files.items()}))


def resolve(files: Files, source: str, **given: Any) -> Resolved:
    """Compose one document in memory: a mix if it lies below `configs/fusion/`, else a preset."""
    made = composer(files, **given)
    return made.mix(source) if source.startswith("configs/fusion/") else made.preset(source)


def resolved_values(files: Files, source: str, **given: Any) -> Any:
    """Give the plain values of a document composed in memory."""
    return plain(resolve(files, source, **given).values)


def lock_of(files: Files, source: str, **given: Any) -> str:
    """Give the text of the lock of a document composed in memory."""
    made = composer(files, **given)
    resolved = made.mix(source) if source.startswith("configs/fusion/") else made.preset(source)
    return encode(resolved, made.layout, Encoder(made.layout.label_of)).decode()


def fragment(text: str | bytes, path: str = "f.yaml") -> Fragment:
    """Read one file; the text is taken as it is."""
    return read(Source(path, text.encode() if isinstance(text, str) else text, ""))


def node(text: str, path: str = "f.yaml") -> Node:
    """Give the value that a YAML text holds, with its origins."""
    value: dict[str, Node] = fragment(f"v: {text}\n", path).body.value
    return value["v"]


def problems_of(action: Callable[[], object]) -> list[Problem]:
    """Do something that must be refused, and give its problems in order of place."""
    try:
        action()
    except TrainlockError as error:
        return in_order(error.problems)
    raise AssertionError("nothing was refused")


def codes_of(action: Callable[[], object]) -> list[str]:
    """Give the codes of the problems of something that must be refused, each with its place."""
    return [f"{problem.origin} {problem.code}" for problem in problems_of(action)]


def worded(problems: Iterable[Problem], files: Files) -> str:
    """Write problems as the command line does, with excerpts from the files."""
    sources = {path: Source(path, content(text), "") for path, text in files.items()}

    def source_line(file: str, line: int) -> str | None:
        return line_of(sources[file], line) if file in sources else None

    return "\n".join(render(problem, source_line) for problem in problems)


def typed(value: Any) -> Any:
    """Give a value in which types count and NaN equals itself: 1, 1.0 and true differ."""
    if isinstance(value, dict):
        return ("map", [(typed(key), typed(child)) for key, child in value.items()])
    if isinstance(value, list):
        return ("list", [typed(child) for child in value])
    return (type(value).__name__, repr(value))


def safe_load(text: str | bytes) -> Any:
    """Read YAML as the trainer does."""
    return yaml.safe_load(text)


def safe_load_1_2(text: str) -> Any:
    """Read YAML as a reader of YAML 1.2 does."""
    return YAML(typ="safe", pure=True).load(text)


def grow_once_measured(monkeypatch: pytest.MonkeyPatch, path: Path, data: bytes) -> None:
    """Let a file grow between the moment in which its size is asked for and its reading."""
    measure = os.fstat

    def measured(descriptor: int) -> os.stat_result:
        about = measure(descriptor)
        with path.open("ab") as file:
            file.write(data)
        return about

    monkeypatch.setattr(os, "fstat", measured)
