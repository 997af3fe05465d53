"""Worlds that fail at a lock, at a name, at a key or at the settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from compiler import settings
from compiler.pipeline import Check, Workspace, check, why
from compiler.staging import unstaged
from repositories import git
from world import LOCK, P, World

EDITED: Final = (
    b"# Locked by trainlock from configs/train/p.yaml. Generated: edit the sources, then run `doit`.\n"
    b"# format: 1\n"
    b"# digest: sha256:84dee0e4247a1259ed729d3f169e4dc8cadfbc218028f0a6746176ec438d09b2\n"
    b"# merge order (later wins):\n"
    b"#   configs/train/p.yaml\n"
    b"\n"
    b"x: 2                                            # train/p\n"
)


def ask(key: str) -> Callable[[Workspace], object]:
    """Ask why a key of the preset is what it is."""
    return lambda workspace: why(workspace, P, key)


def find(name: str) -> Callable[[Workspace], object]:
    """Name a preset."""
    return lambda workspace: workspace.layout.find(name, workspace.layout.root, workspace.sources)


def load(workspace: Workspace) -> object:
    """Read the settings."""
    return settings.load(workspace.layout.root)


def staged(workspace: Workspace) -> object:
    """Ask whether a commit would hold the locks."""
    git(Path(workspace.layout.root), "init", "-q")
    return Check(0, tuple(unstaged(workspace.layout)))


LOCKING: Final = [
    World(
        "lock-unstaged",
        {P: "x: 1"},
        (
            "build: error: 1 lock is not staged as it lies in the build folder [lock-unstaged]\n"
            "  why: the commit would hold other locks than its sources compile to\n"
            "  note: build/train/p.lock.yaml is not in git\n"
            "  hint: `git add build`"
        ),
        verb=staged,
        built={P: "x: 1"},
    ),
    World(
        "lock-collision",
        {P: "x: 1", "configs/train/p.yml": "x: 1"},
        (
            "configs/train/p.yaml: error: `configs/train/p.yaml` and `configs/train/p.yml` would "
            "share the lock `build/train/p.lock.yaml` [lock-collision]\n"
            "  why: a lock lies at its source's path, without the suffix\n"
            "  note: configs/train/p.yml is the other\n"
            "  hint: rename one of the two\n"
            "configs/train/p.yml: error: `configs/train/p.yaml` and `configs/train/p.yml` would "
            "share the lock `build/train/p.lock.yaml` [lock-collision]\n"
            "  why: a lock lies at its source's path, without the suffix\n"
            "  note: configs/train/p.yaml is the other\n"
            "  hint: rename one of the two"
        ),
    ),
    World(
        "bad-name",
        {"configs/train/a\n.yaml": "x: 1"},
        (
            "configs/train/a\\n.yaml: error: the name `configs/train/a\\n.yaml` holds a control or "
            "line-breaking character, or is no UTF-8 [bad-name]\n"
            "  why: a lock names its fragments one a line\n"
            "  hint: rename the file"
        ),
    ),
    World(
        "bad-name",
        {P: "x: 1", "configs/train/P.yaml": "x: 1"},
        (
            "configs/train/P.yaml: error: `configs/train/P.yaml` and `configs/train/p.yaml` differ "
            "only in case or in how an accent is written [bad-name]\n"
            "  why: on some file systems the two are one file\n"
            "  note: configs/train/p.yaml is the other\n"
            "  hint: rename one of the two\n"
            "configs/train/p.yaml: error: `configs/train/P.yaml` and `configs/train/p.yaml` differ "
            "only in case or in how an accent is written [bad-name]\n"
            "  why: on some file systems the two are one file\n"
            "  note: configs/train/P.yaml is the other\n"
            "  hint: rename one of the two"
        ),
    ),
    World(
        "foreign-file",
        {P: "x: 1", LOCK: "mine: 1\n"},
        (
            "build/train/p.lock.yaml: error: `build/train/p.lock.yaml` was not written by trainlock "
            "[foreign-file]\n"
            "  why: it lies where a lock should lie, and is left alone\n"
            "  hint: move it away, and run `doit`"
        ),
    ),
    World(
        "write-failed",
        {P: "x: 1", "build/train": "a file"},
        (
            "build/train/p.lock.yaml: error: `build/train/p.lock.yaml` cannot be written "
            "[write-failed]\n"
            "  why: file exists\n"
            "  hint: what was there before is unchanged"
        ),
    ),
    World(
        "lock-format",
        {
            P: "x: 1",
            LOCK: (
                "# Locked by trainlock from configs/train/p.yaml. Generated: edit the sources, then run "
                "`doit`.\n"
                "# format: 2\n"
                "# digest: x\n"
            ),
        },
        (
            "build/train/p.lock.yaml: error: the lock `build/train/p.lock.yaml` has format 2, and "
            "this version of trainlock knows none above 1 [lock-format]\n"
            "  why: a later version wrote it\n"
            "  hint: upgrade trainlock, or delete the lock and run `doit`"
        ),
    ),
    World(
        "lock-missing",
        {P: "x: 1"},
        (
            "build/train/p.lock.yaml: error: the lock `build/train/p.lock.yaml` is missing "
            "[lock-missing]\n"
            "  why: nothing was ever built, or it was deleted\n"
            "  hint: run `doit`"
        ),
        verb=check,
    ),
    World(
        "lock-damaged",
        {P: "x: 1", LOCK: ""},
        (
            "build/train/p.lock.yaml: error: the lock `build/train/p.lock.yaml` has no whole header "
            "[lock-damaged]\n"
            "  why: its first lines say what it was made from\n"
            "  hint: run `doit` to restore it"
        ),
        verb=check,
    ),
    World(
        "lock-edited",
        {P: "x: 1", LOCK: EDITED},
        (
            "build/train/p.lock.yaml: error: the lock `build/train/p.lock.yaml` was edited by hand "
            "[lock-edited]\n"
            "  why: its values do not give its own digest: `x` is `2` and compiles to `1`\n"
            "  hint: edit the sources instead, and run `doit`"
        ),
        verb=check,
        built={P: "x: 1"},
    ),
    World(
        "lock-stale",
        {P: "x: 2"},
        (
            "build/train/p.lock.yaml: error: the lock `build/train/p.lock.yaml` is out of date "
            "[lock-stale]\n"
            "  why: `x` is `1` and compiles to `2`\n"
            "  hint: run `doit`"
        ),
        verb=check,
        built={P: "x: 1"},
    ),
    World(
        "lock-orphan",
        {P: b"gone", "configs/train/q.yaml": "x: 1"},
        (
            "build/train/p.lock.yaml: error: the lock `build/train/p.lock.yaml` has no source "
            "[lock-orphan]\n"
            "  why: the file that its header names is gone\n"
            "  hint: run `doit`"
        ),
        verb=check,
        built={P: "x: 1", "configs/train/q.yaml": "x: 1"},
    ),
    World(
        "no-presets",
        {"configs/x.yaml": "x: 1"},
        (
            "error: no file below `configs` is a preset [no-presets]\n"
            "  why: the globs are `train/**/*.yaml`, `train/**/*.yml`\n"
            "  hint: see `presets` in `[tool.trainlock]`, or `--presets`"
        ),
    ),
    World(
        "unknown-preset",
        {P: "x: 1"},
        (
            "error: there is no preset `train/q` [unknown-preset]\n"
            "  why: a preset is named by its path below `configs`, by its file, or by its lock\n"
            "  hint: did you mean `train/p`?"
        ),
        verb=find("train/q"),
    ),
    World(
        "unknown-key",
        {P: "training: {lr: 1}\n"},
        (
            "error: `training.lrr` is not set in `configs/train/p.yaml` [unknown-key]\n"
            "  hint: did you mean `training.lr`?"
        ),
        verb=ask("training.lrr"),
    ),
    World(
        "unknown-key",
        {P: "training: {lr: 1}\n"},
        (
            "error: `training..lr` is no key: it goes wrong at character 9 [unknown-key]\n"
            "  hint: such as `tuner.lora_rank` or `sources[lvis].ratio`"
        ),
        verb=ask("training..lr"),
    ),
    World(
        "unknown-key",
        {
            P: ("extends: q.yaml\ntraining: null\n"),
            "configs/train/q.yaml": "training: {lr: 1}\n",
        },
        (
            "error: `training.lr` is not set in `configs/train/p.yaml` [unknown-key]\n"
            "  note: configs/train/p.yaml:2:1 sets `training` to `null`\n"
            "  note: configs/train/q.yaml:1:12 held `1`"
        ),
        verb=ask("training.lr"),
    ),
    World(
        "bad-settings",
        {
            P: "",
            "pyproject.toml": ("[tool.trainlock]\npreset = ['a']\n"),
        },
        (
            "pyproject.toml:2:1: error: `tool.trainlock.preset` is no setting [bad-settings]\n"
            "    2 | preset = ['a']\n"
            "      | ^\n"
            "  hint: did you mean `presets`?"
        ),
        verb=load,
    ),
]
