"""A build at which one call of the system after another goes wrong: what the tests of promises 1 to 3 stand on.

The repository was built, and then edited: the next build rewrites locks, makes one in a folder that is not there yet,
and removes one with its folder. A lock is whole if it is that of the day before or that of a clean build.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from builders import opened
from cli_runs import write
from compiler import pipeline
from doit_runs import DODO

PYPROJECT = """\
[tool.trainlock]
presets = ["train/**/*.yaml"]
fusion = ["mixes/*.yaml"]
fusion-key = "custom.fusion_config"
"""
BEFORE = {
    "pyproject.toml": PYPROJECT,
    "dodo.py": DODO,
    "configs/base.yaml": "model:\n  torch_dtype: bfloat16\ntraining:\n  output_dir: ./output/run\n",
    "configs/mixes/mix.yaml": "targets:\n  - {name: bbu, dataset: bbu, train_jsonl: bbu.jsonl, ratio: 1.0}\n",
    "configs/train/dense.yaml": "extends: ../base.yaml\ncustom:\n  fusion_config: configs/mixes/mix.yaml\n",
    "configs/train/gone/old.yaml": "extends: ../../base.yaml\n",
    "configs/train/kept.yaml": "extends: ../base.yaml\nseed: 1\n",
}
MIX, DENSE, OLD, NEW = "mixes/mix", "train/dense", "train/gone/old", "train/new/one"
EDITS = {
    f"configs/{MIX}.yaml": BEFORE[f"configs/{MIX}.yaml"].replace("1.0", "0.5"),
    f"configs/{NEW}.yaml": "extends: ../../base.yaml\nseed: 2\n",
}
REMOVED = f"configs/{OLD}.yaml"

REMEMBERED = (".cache/build.lock", ".cache/doit.json")
"""Below the build folder: the number of a process, and doit's record."""

Held = dict[str, bytes]


class Fault(NamedTuple):
    """What goes wrong, at which call, and what is saved then if it is an `EDIT`; by itself nothing goes wrong."""

    name: str = ""
    at: int = -1
    edit: dict[str, str] | None = None


NONE = Fault()

BUILDS = {"build": ("trainlock", "build"), "doit": ("doit",), "watch": ("watch",)}
"""What writes locks, by a name for each."""


class Outcome(NamedTuple):
    """What a command left: its exit code, what it printed, and the calls that it made; none are known of who died."""

    code: int
    out: str
    err: str
    calls: list[tuple[str, str]]


class Server:
    """The process of `injector.py`."""

    def __init__(self, folder: Path) -> None:
        self._asked: dict[str, object] = {}
        self._files = {name: folder / name for name in ("out", "err", "trace")}
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("injector.py"))],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, root: Path, command: tuple[str, ...], fault: Fault = NONE) -> Outcome:
        """Run a command in a folder, with a fault."""
        self._ask(root, command, fault)
        return self.outcome()

    def stop(self, root: Path, command: tuple[str, ...], at: int) -> int:
        """Let a command stand still before a call, in the middle of its work; gives the number of its process.

        Nothing else is run here until `outcome` has told of its end.
        """
        self._ask(root, command, Fault("SIGSTOP", at))
        word, number = self._answer().split()
        assert word == "stopped"
        return int(number)

    def outcome(self) -> Outcome:
        """Wait for the end of what runs."""
        code = int(self._answer())
        out, err = (self._files[name].read_text(encoding="utf-8") for name in ("out", "err"))
        assert "Traceback" not in out + err, (self._asked, out + err)
        assert "this is a bug" not in err, (self._asked, err)
        return Outcome(code, out, err, [(call, path) for call, path in json.loads(self._files["trace"].read_text())])

    def _ask(self, root: Path, command: tuple[str, ...], fault: Fault) -> None:
        self._files["trace"].write_text("[]")
        program, *arguments = command
        self._asked = {"root": str(root), "program": program, "arguments": arguments}
        self._asked |= {"fault": fault.name, "at": fault.at, "edit": fault.edit}
        assert self.process.stdin is not None
        self.process.stdin.write(
            json.dumps(self._asked | {name: str(path) for name, path in self._files.items()}) + "\n"
        )
        self.process.stdin.flush()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The process that runs commands for the tests of one file."""
    made = Server(tmp_path_factory.mktemp("injector"))
    yield made
    made.process.communicate(timeout=20)


def files(root: Path, named: str = "*") -> Held:
    """Give the bytes of every file of such a name by its path."""
    found = (path for path in sorted(root.rglob(named)) if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def locks(root: Path) -> Held:
    """Give the bytes of every lock by its path."""
    return files(root, "*.lock.yaml")


def written(root: Path) -> Held:
    """Give the bytes of everything that a build writes but for what it remembers of earlier runs."""
    return {path: data for path, data in files(root / "build").items() if path not in REMEMBERED}


def temporary(root: Path) -> list[str]:
    """Give every temporary file that lies about."""
    return [path.relative_to(root).as_posix() for path in sorted(root.rglob(".*.tmp"))]


def clean_build(root: Path) -> None:
    """Compile everything, in this process, without faults."""
    pipeline.build(opened(root), prune=True)


def edit(root: Path) -> None:
    """Edit the repository."""
    write(root, EDITS)
    shutil.rmtree((root / REMOVED).parent)


def revert(root: Path) -> None:
    """Take the edit back."""
    write(root, {path: text for path, text in BEFORE.items() if path in EDITS or path == REMOVED})
    shutil.rmtree((root / f"configs/{NEW}.yaml").parent)


class Drill:
    """The repository between two builds: `before` holds the locks as they lie, `after` those of a clean build."""

    def __init__(self, folder: Path, server: Server, first: tuple[str, ...]) -> None:
        """Make it.

        Args:
            folder: for what is made.
            server: runs the commands.
            first: the command that built it before the edit.
        """
        self.server = server
        self._folder = folder
        self._count = 0
        self.edited = folder / "edited"
        write(self.edited, BEFORE)
        assert server.run(self.edited, first).code == 0
        self.before = locks(self.edited)
        edit(self.edited)
        clean = folder / "clean"
        shutil.copytree(self.edited, clean, ignore=shutil.ignore_patterns("build"))
        clean_build(clean)
        self.after = locks(clean)
        assert self.before.keys() ^ self.after.keys() == {f"build/{name}.lock.yaml" for name in (OLD, NEW)}
        assert {path for path in self.before if self.after.get(path, b"") not in (b"", self.before[path])} == {
            f"build/{MIX}.lock.yaml",
            f"build/{DENSE}.lock.yaml",
        }

    def copy(self) -> Path:
        """Give the repository as it lies after the edit, to be built."""
        self._count += 1
        root = self._folder / str(self._count)
        shutil.copytree(self.edited, root)
        return root

    def calls(self, command: tuple[str, ...]) -> list[tuple[str, str]]:
        """Give the calls that a command makes where nothing goes wrong, and hold it to a clean build."""
        root = self.copy()
        said = self.server.run(root, command)
        assert locks(root) == self.after, said
        return said.calls

    def halves(self, root: Path) -> list[str]:
        """Give the locks that are neither of the day before nor of a clean build."""
        found = locks(root)
        every = self.before.keys() | self.after.keys() | found.keys()
        return [path for path in sorted(every) if found.get(path) not in (self.before.get(path), self.after.get(path))]


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory, faulty: Server) -> Drill:
    """A repository that doit built before it was edited."""
    return Drill(tmp_path_factory.mktemp("drill"), faulty, ("doit",))


def culprit(path: str) -> str:
    """Give what a message has to name of what a call was about: of a temporary file its folder."""
    return re.sub(r"\.[0-9a-f]{16}\.tmp$", "", path)
