"""A small repository, and doit run in it as a person would: what the tests of `dodo.py` stand on.

A test file names at its top the fixtures that it takes from here; `project` needs `built` and `server`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from builders import opened
from compiler import pipeline

PYPROJECT = """\
[tool.trainlock]
configs = "configs"
build = "build"
presets = ["debug.yaml", "train/**/*.yaml"]
components = ["components/**/*.yaml"]
fusion = ["fusion/variants/**/*.yaml"]
fusion-key = "custom.fusion_config"
extends-keys = ["extends", "inherit"]
"""

DODO = """\
from compiler import tasks
DOIT_CONFIG = tasks.config()
task_lock, task_prune, task_check, task_prove, task_report = tasks.creators()
"""

FILES = {
    "pyproject.toml": PYPROJECT,
    "dodo.py": DODO,
    "configs/base.yaml": "# runtime defaults\nmodel:\n  torch_dtype: bfloat16\ntemplate:\n  max_pixels: 1572864999\n",
    "configs/debug.yaml": "extends: base.yaml\ntraining:\n  learning_rate: 1.0e-4\n",
    "configs/components/tuner/dora.yaml": 'tuner:\n  use_dora: true\n  lora_rank: 32\n  lora_bias: "none"\n',
    "configs/components/tuner/freeze.yaml": (
        "extends: dora.yaml\ntuner:\n  freeze_vit: true\n  lora_rank: 8\n  lora_alpha: 16\n"
    ),
    "configs/components/training/sft.yaml": 'training:\n  learning_rate: 2.0e-4\n  save_strategy: "no"\n',
    "configs/fusion/base/dense.yaml": (
        "targets:\n  - {name: bbu_dense, dataset: bbu, ratio: 1.0}\n"
        "sources:\n  - {name: lvis, dataset: lvis, train_jsonl: lvis.jsonl, ratio: 0.1}\n"
    ),
    "configs/fusion/variants/mix_1024.yaml": (
        "extends: ../base/dense.yaml\ntargets:\n  - {name: bbu_dense, train_jsonl: bbu_1024.jsonl}\n"
    ),
    "configs/fusion/variants/mix_2048.yaml": (
        "extends: ../base/dense.yaml\ntargets:\n  - {name: bbu_dense, train_jsonl: bbu_2048.jsonl}\n"
    ),
    "configs/train/dense_1024.yaml": (
        "extends:\n  - ../base.yaml\n  - ../components/tuner/dora.yaml\n  - ../components/training/sft.yaml\n"
        "custom:\n  note: 稠密\n  fusion_config: configs/fusion/variants/mix_1024.yaml\n"
    ),
    "configs/train/dense_2048.yaml": (
        "extends: dense_1024.yaml\ncustom:\n  fusion_config: configs/fusion/variants/mix_2048.yaml\n"
    ),
    "configs/train/summary.yaml": (
        "extends:\n  - ../base.yaml\n  - ../components/tuner/freeze.yaml\n  - ../components/training/sft.yaml\n"
    ),
    "configs/train/summary_small.yaml": "extends: summary.yaml\ntuner:\n  lora_rank: 4\n",
}

FREEZE = "configs/components/tuner/freeze.yaml"
DORA = "configs/components/tuner/dora.yaml"
SFT = "configs/components/training/sft.yaml"
MIX_1024, MIX_2048 = "fusion/variants/mix_1024", "fusion/variants/mix_2048"
DENSE = {"train/dense_1024", "train/dense_2048"}
SUMMARY = {"train/summary", "train/summary_small"}
MIXES = {MIX_1024, MIX_2048}
ALL = {"debug"} | DENSE | SUMMARY | MIXES

Snapshot = dict[str, tuple[int, int, bytes]]

CANNOT_BE_READ = "trainlock: the record of earlier runs cannot be read; looking at every lock\n"
NO_RECORD = "trainlock: there is no record of earlier runs; looking at every lock\n"


class Said(NamedTuple):
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """The one line that sums up: built, unchanged, removed, failed."""
        found = re.findall(
            r"^trainlock: (\d+) built, (\d+) unchanged, (\d+) removed, (\d+) failed(?:, \d+ warnings?)? in \d+\.\d s$",
            self.out,
            re.MULTILINE,
        )
        assert len(found) == 1, (self.out, self.err)
        built, unchanged, removed, failed = (int(number) for number in found[0])
        return built, unchanged, removed, failed


SERVER = """\
import importlib, json, os, sys, traceback
import compiler.tasks
from doit.doit_cmd import DoitMain
for command in ("clean", "info", "list", "run"):
    importlib.import_module(f"doit.cmd_{command}")
for line in sys.stdin:
    root, arguments, out, err = json.loads(line)
    child = os.fork()
    if not child:
        os.chdir(root)
        for number, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        try:
            code = DoitMain().run(arguments) or 0
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


OBEY = """\
import ctypes, os, sys
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.executable, [sys.executable, "-m", "doit", *sys.argv[1:]])
"""
"""Starts doit so that even root heeds permission bits."""


class Server:
    """A process that has doit imported and forks for each run: every run is a new process, at a third of the time."""

    def __init__(self, folder: Path) -> None:
        self._out, self._err = folder / "out", folder / "err"
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "TRAINLOCK_DEBUG")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            cwd=folder,
            env=kept,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, root: Path, arguments: tuple[str, ...]) -> Said:
        """Run doit in a folder."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([str(root), arguments, str(self._out), str(self._err)]) + "\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        return Said(code, self._out.read_text(encoding="utf-8"), self._err.read_text(encoding="utf-8"))


class Project:
    """A small repository in a folder, and doit as a person would start it there."""

    def __init__(self, root: Path, server: Server | None = None) -> None:
        self.root = root
        self.server = server
        self.path_first: list[str] = []

    def environment(self) -> dict[str, str]:
        """The environment of a command; `path_first` comes before what is installed."""
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "TRAINLOCK_DEBUG")}
        return {**kept, **({"PYTHONPATH": os.pathsep.join(self.path_first)} if self.path_first else {})}

    def start(
        self, *arguments: str, obey: bool = False, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        """Start doit and do not wait for it; with `obey` permission bits hold for root, too."""
        command = [sys.executable, *(["-c", OBEY] if obey else ["-m", "doit"]), *arguments]
        return subprocess.Popen(
            command, cwd=self.root, env=self.environment(), stdout=stdout, stderr=stderr, text=True, encoding="utf-8"
        )

    def doit(self, *arguments: str, obey: bool = False) -> Said:
        """Run doit, with `obey` so that permission bits hold for root, too; a traceback is never an answer."""
        if self.server is not None and not self.path_first and not obey:
            said = self.server.run(self.root, arguments)
        else:
            process = self.start(*arguments, obey=obey)
            out, err = process.communicate(timeout=60)
            said = Said(process.returncode, out, err)
        assert "Traceback" not in said.out + said.err, said.out + said.err
        return said

    def write(self, path: str, text: str | bytes) -> None:
        """Write a file below the root."""
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(text.encode() if isinstance(text, str) else text)

    def read(self, path: str) -> str:
        """Give a file's text."""
        return (self.root / path).read_text(encoding="utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace one text in a file that holds it once."""
        text = self.read(path)
        assert text.count(old) == 1, (path, old)
        self.write(path, text.replace(old, new))

    def lock(self, name: str) -> Path:
        """Give where the lock of a name lies."""
        return self.root / "build" / f"{name}.lock.yaml"

    def locks(self) -> Snapshot:
        """Give each lock's inode, mtime and bytes, by name."""
        found = {}
        for path in sorted((self.root / "build").rglob("*.lock.yaml")):
            about = path.stat()
            name = path.relative_to(self.root / "build").as_posix().removesuffix(".lock.yaml")
            found[name] = (about.st_ino, about.st_mtime_ns, path.read_bytes())
        return found

    def everything(self) -> Snapshot:
        """Give every file and folder of the project but what Python itself caches."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            if "__pycache__" not in path.parts:
                about = path.lstat()
                found[path.relative_to(self.root).as_posix()] = (
                    about.st_ino,
                    about.st_mtime_ns,
                    path.read_bytes() if path.is_file() else b"",
                )
        return found

    def due(self) -> set[str]:
        """Give the names of the locks that doit would look at again, by its own word."""
        lines = self.doit("list", "--all", "--status").out.splitlines()
        return {line.split()[1].removeprefix("lock:") for line in lines if line.startswith("R lock:")}

    def clean_build(self, root: Path) -> dict[str, bytes]:
        """Compile the sources from scratch in another folder; gives the bytes of each lock by name."""
        shutil.copytree(self.root / "configs", root / "configs")
        shutil.copy(self.root / "pyproject.toml", root)
        pipeline.build(opened(root))
        return {name: held[2] for name, held in Project(root).locks().items()}


def rewritten(before: Snapshot, after: Snapshot) -> set[str]:
    """Give the locks that are new or were replaced, be it by the same bytes."""
    return {name for name in after if before.get(name) != after[name]}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was built once; never changed, only copied."""
    project = Project(tmp_path_factory.mktemp("built"))
    for path, text in FILES.items():
        project.write(path, text)
    said = project.doit()
    assert (said.code, said.counts, set(project.locks())) == (0, (len(ALL), 0, 0, 0), ALL), said
    return project.root


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The process that runs doit for the tests of one file."""
    made = Server(tmp_path_factory.mktemp("server"))
    yield made
    made.process.communicate(timeout=20)


@pytest.fixture
def project(built: Path, server: Server, tmp_path: Path) -> Project:
    """A copy of the built project, its own to change."""
    root = tmp_path / "project"
    shutil.copytree(built, root)
    return Project(root, server)


def expect(project: Project, rewrites: set[str], *, failed: int = 0, removed: int = 0, code: int = 0) -> Said:
    """Run doit and hold it to the exact set of locks that it rewrites, and to its counts."""
    before = project.locks()
    said = project.doit()
    after = project.locks()
    assert rewritten(before, after) == rewrites, said
    assert len(before.keys() - after.keys()) == removed, said
    built, unchanged, gone, wrong = said.counts
    assert (built, gone, wrong) == (len(rewrites), removed, failed), said
    live = len(list((project.root / "configs").glob("train/**/*.yaml"))) + 1 + len(MIXES)
    assert built + unchanged + wrong == live, said
    assert said.code == code, said
    return said
