"""A small repository, and `trainlock` run in it: what the tests of the command stand on.

A test file names at its top which fixtures it takes from here; `built` needs `built_once`.
"""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from compiler.cli import main

PYPROJECT = """\
[tool.trainlock]
presets = ["train/**/*.yaml"]
components = ["components/**/*.yaml"]
fusion = ["fusion/variants/**/*.yaml"]
fusion-key = "custom.fusion_config"

[[tool.trainlock.silence]]
check = "null-override"
path = "configs/train/masked.yaml"
reason = "it is there to show a masked section"

[[tool.trainlock.silence]]
check = "dead-base"
path = "configs/train/small.yaml"
reason = "it is there to show a value that two files override"

[[tool.trainlock.silence]]
check = "unused-fragment"
path = "configs/attic/*"
reason = "what lies in the attic is kept on purpose"
"""

FILES = {
    "pyproject.toml": PYPROJECT,
    "configs/base.yaml": (
        "tuner:\n  lora_rank: 32\n  lora_alpha: 64\n"
        "training:\n  lr_kwargs: {min_lr: 1.0e-6}\n  report_to: [tensorboard]\n"
        "custom:\n  augmentation:\n    ops:\n"
        "      - {name: flip, params: {prob: 0.5}}\n      - {name: crop, params: {prob: 0.1}}\n"
    ),
    "configs/components/freeze.yaml": "tuner:\n  lora_rank: 8\n",
    "configs/fusion/base/dense.yaml": (
        "targets:\n  - {name: bbu, dataset: bbu, ratio: 1.0}\n"
        "sources:\n  - {name: lvis, dataset: lvis, train_jsonl: lvis.jsonl, ratio: 0.1}\n"
    ),
    "configs/fusion/variants/mix.yaml": (
        "extends: ../base/dense.yaml\n"
        "targets:\n  - {name: bbu, train_jsonl: bbu.jsonl}\n"
        "sources:\n  - {name: lvis, ratio: 0.2}\n"
    ),
    "configs/train/small.yaml": (
        "extends:\n  - ../base.yaml\n  - ../components/freeze.yaml\n"
        "tuner:\n  lora_rank: 4\n"
        "custom:\n  fusion_config: configs/fusion/variants/mix.yaml\n"
    ),
    "configs/train/masked.yaml": "extends: small.yaml\ntraining: null\ncustom:\n  fusion_config: null\n",
    "configs/train/deep/er.yaml": "extends: ../small.yaml\ntuner:\n  lora_rank: 2\n",
    "configs/attic/old.yaml": "extends: ../base.yaml\n",
}

LOCKS = {
    "build/fusion/variants/mix.lock.yaml",
    "build/train/deep/er.lock.yaml",
    "build/train/masked.lock.yaml",
    "build/train/small.lock.yaml",
}

WHY = """\
tuner.lora_rank: 4
  set at    configs/train/small.yaml:5:3
  overrode  configs/components/freeze.yaml:2:3  8
  overrode  configs/base.yaml:2:3               32
"""


class Said(NamedTuple):
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str


OBEY = """\
import ctypes, os, sys
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.executable, [sys.executable, "-m", "compiler", *sys.argv[1:]])
"""
"""Starts `trainlock` so that even root heeds permission bits."""


def start(folder: Path, *arguments: str, obey: bool = False, **variables: str) -> subprocess.Popen[str]:
    """Start `trainlock` in a folder."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "TRAINLOCK_DEBUG")}
    return subprocess.Popen(
        [sys.executable, *(["-c", OBEY] if obey else ["-m", "compiler"]), *arguments],
        cwd=folder,
        env={**kept, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def run(folder: Path, *arguments: str, obey: bool = False, **variables: str) -> Said:
    """Run `trainlock` in a folder; a traceback, or the confession of a bug, is never an answer."""
    process = start(folder, *arguments, obey=obey, **variables)
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in out + err, out + err
    assert "this is a bug" not in err, err
    return Said(process.returncode, out, err)


Ask = Callable[..., Said]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Ask]:
    """Run `trainlock` in a folder within this process, where only the words count: a tenth of the time."""

    def inside(folder: Path, *arguments: str) -> Said:
        monkeypatch.chdir(folder)
        code = main(arguments)
        out, err = capsys.readouterr()
        assert "this is a bug" not in err, err
        return Said(code, out, err)

    yield inside
    gc.enable()  # the command turns it off, as its process ends soon


def write(root: Path, files: dict[str, str]) -> None:
    """Write files below a folder."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def tree(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Give inode, mtime and bytes of every file, and every folder."""
    found = {}
    for path in sorted(root.rglob("*")):
        about = path.lstat()
        data = path.read_bytes() if path.is_file() else b""
        found[path.relative_to(root).as_posix()] = (about.st_ino, about.st_mtime_ns, data)
    return found


def locks(root: Path) -> set[str]:
    """Give the paths of all locks below a folder."""
    return {path.relative_to(root).as_posix() for path in root.rglob("*.lock.yaml")}


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A repository that was never built."""
    root = tmp_path / "repository"
    write(root, FILES)
    return root


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that was built once; never changed, only copied."""
    root = tmp_path_factory.mktemp("built")
    write(root, FILES)
    said = run(root, "build")
    assert (said.code, said.err, locks(root)) == (0, "", LOCKS)
    return root


@pytest.fixture
def built(built_once: Path, tmp_path: Path) -> Path:
    """A repository whose locks are fresh."""
    root = tmp_path / "repository"
    shutil.copytree(built_once, root)
    return root
