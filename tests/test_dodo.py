"""The rebuild sets, through doit itself: which locks an edit rewrites, and what doit says and leaves alone."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import compiler
from compiler import pipeline, settings
from compiler.catalog import Layout
from compiler.database import Database
from compiler.pipeline import Workspace

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
task_lock, task_prune, task_check = tasks.creators()
"""

FILES = {
    "pyproject.toml": PYPROJECT,
    "dodo.py": DODO,
    "configs/base.yaml": "# runtime defaults\nmodel:\n  torch_dtype: bfloat16\ntemplate:\n  max_pixels: 1572864999\n",
    "configs/debug.yaml": "extends: base.yaml\ntraining:\n  learning_rate: 1.0e-4\n",
    "configs/components/tuner/dora.yaml": 'tuner:\n  use_dora: true\n  lora_rank: 32\n  lora_bias: "none"\n',
    "configs/components/tuner/freeze.yaml": "tuner:\n  freeze_vit: true\n  lora_rank: 8\n  lora_alpha: 16\n",
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
        "extends:\n  - ../base.yaml\n  - ../components/tuner/dora.yaml\n  - ../components/tuner/freeze.yaml\n"
        "  - ../components/training/sft.yaml\n"
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


class Said(NamedTuple):
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """The one line that sums up: built, unchanged, removed, failed."""
        found = re.findall(
            r"^trainlock: (\d+) built, (\d+) unchanged, (\d+) removed, (\d+) failed in \d+\.\d s$",
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
        self, *arguments: str, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        """Start doit and do not wait for it."""
        command = [sys.executable, "-m", "doit", *arguments]
        return subprocess.Popen(
            command, cwd=self.root, env=self.environment(), stdout=stdout, stderr=stderr, text=True, encoding="utf-8"
        )

    def doit(self, *arguments: str) -> Said:
        """Run doit; a traceback is never an answer."""
        if self.server is not None and not self.path_first:
            said = self.server.run(self.root, arguments)
        else:
            process = self.start(*arguments)
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
        pipeline.build(Workspace(Layout(str(root), settings.load(str(root)))))
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
    """The process that runs doit for the tests of this file."""
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


# ------------------------------------------------------------------------------ the table of rebuild sets


def test_a_second_run_rewrites_nothing(project: Project) -> None:
    """With nothing edited every lock task is up to date, no file is replaced, and one line is all that is said."""
    assert project.due() == set()
    before = project.everything()
    said = expect(project, set())
    assert (said.err, len(said.out.splitlines())) == ("", 1)
    after = project.everything()
    assert before.keys() == after.keys()
    assert {path for path in after if before[path] != after[path]} <= {"build/.cache/build.lock"}


def test_a_value_of_a_component_reaches_only_presets_whose_values_change(project: Project) -> None:
    """A preset that overrides the edited value is compiled again and its file is left untouched."""
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
    assert project.due() == SUMMARY
    expect(project, {"train/summary"})
    assert "lora_rank: 16 " in project.lock("train/summary").read_text()
    assert project.due() == set()


def test_a_value_that_nothing_overrides_reaches_every_preset_below(project: Project) -> None:
    """A value that both summary presets inherit rewrites both, and no dense one."""
    project.edit(FREEZE, "lora_alpha: 16", "lora_alpha: 64")
    expect(project, SUMMARY)


def test_a_comment_in_the_base_rewrites_nothing(project: Project) -> None:
    """All that extend the base are compiled again; the bytes are equal, and the files are left untouched."""
    project.edit("configs/base.yaml", "# runtime defaults\n", "# runtime defaults, reviewed\n")
    assert project.due() == ALL - MIXES
    expect(project, set())
    assert project.due() == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("# runtime defaults\nmodel:\n", "\n\nmodel:   # as the checkpoints\n\n", id="blank-lines"),
        pytest.param("  torch_dtype: bfloat16\n", "    'torch_dtype': \"bfloat16\"\n", id="another-spelling"),
    ],
)
def test_an_edit_that_changes_no_value_rewrites_nothing(project: Project, old: str, new: str) -> None:
    """Blank lines, layout and quotes of a source are not in the locks, and neither are line numbers."""
    project.edit("configs/base.yaml", old, new)
    expect(project, set())


def test_a_value_of_the_fusion_base_reaches_mixes_and_their_presets(project: Project) -> None:
    """The fusion locks are rewritten, and the presets that point at them, as their digest moves."""
    project.edit("configs/fusion/base/dense.yaml", "ratio: 0.1", "ratio: 0.2")
    expect(project, MIXES | DENSE)


def test_a_value_of_one_variant_reaches_that_mix_and_its_preset(project: Project) -> None:
    """The other variant and its preset are left untouched."""
    project.edit("configs/fusion/variants/mix_2048.yaml", "bbu_2048.jsonl", "bbu_2048_v2.jsonl")
    assert project.due() == {MIX_2048, "train/dense_2048"}
    expect(project, {MIX_2048, "train/dense_2048"})


def test_a_comment_in_the_fusion_base_rewrites_nothing(project: Project) -> None:
    """A mix that resolves to the same values moves no digest."""
    project.write("configs/fusion/base/dense.yaml", "# a note\n" + project.read("configs/fusion/base/dense.yaml"))
    assert project.due() == MIXES | DENSE
    expect(project, set())


def test_a_preset_that_points_at_another_mix_is_rewritten_alone(project: Project) -> None:
    """What a preset names is part of its inputs: later edits of the new mix reach it, those of the old one do not."""
    project.edit("configs/train/dense_2048.yaml", "mix_2048", "mix_1024")
    expect(project, {"train/dense_2048"})
    project.edit("configs/fusion/variants/mix_2048.yaml", "bbu_2048.jsonl", "other.jsonl")
    expect(project, {MIX_2048})
    project.edit("configs/fusion/variants/mix_1024.yaml", "bbu_1024.jsonl", "other.jsonl")
    expect(project, {MIX_1024} | DENSE)


def test_a_fragment_that_joins_a_chain_is_an_input_from_then_on(project: Project) -> None:
    """A base that a component begins to extend is watched by every preset that the component reaches."""
    project.write("configs/components/tuner/shared.yaml", "tuner:\n  lora_dropout: 0.1\n")
    expect(project, set())
    project.edit(FREEZE, "tuner:\n", "extends: shared.yaml\ntuner:\n")
    expect(project, SUMMARY)
    project.edit("configs/components/tuner/shared.yaml", "0.1", "0.2")
    expect(project, SUMMARY)


def test_the_same_bytes_with_a_new_mtime_rewrite_nothing(project: Project) -> None:
    """A checkout that touches every source makes no task due, and an mtime far in the future does neither."""
    for index, path in enumerate(sorted((project.root / "configs").rglob("*.yaml"))):
        moment = path.stat().st_mtime_ns + (10**9 if index % 2 else 10**18)
        os.utime(path, ns=(moment, moment))
    assert project.due() == set()
    expect(project, set())


def test_new_bytes_with_the_old_mtime_and_size_rewrite_exactly_what_changed(project: Project) -> None:
    """An edit that keeps mtime and size is seen, as content decides."""
    path = project.root / FREEZE
    before = path.stat()
    project.edit(FREEZE, "lora_alpha: 16", "lora_alpha: 61")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_mtime_ns, after.st_size) == (before.st_mtime_ns, before.st_size)
    expect(project, SUMMARY)


def test_an_edit_that_is_taken_back_restores_the_bytes(project: Project) -> None:
    """There and back again gives the locks of the first day."""
    first = {name: held[2] for name, held in project.locks().items()}
    project.edit(SFT, "2.0e-4", "3.0e-4")
    expect(project, DENSE | SUMMARY)
    project.edit(SFT, "3.0e-4", "2.0e-4")
    expect(project, DENSE | SUMMARY)
    assert {name: held[2] for name, held in project.locks().items()} == first


def _edited(path: Path) -> None:
    path.write_text(path.read_text().replace("bfloat16 ", "float16  "))


def _with_old_mtime(path: Path) -> None:
    about = path.stat()
    _edited(path)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


def _cut(size: int) -> Callable[[Path], object]:
    return lambda path: os.truncate(path, size)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "edited": _edited,
    "edited-with-the-old-mtime": _with_old_mtime,
    "emptied": _cut(0),
    "cut-in-its-values": _cut(700),
    "cut-in-its-header": _cut(120),
    "cut-in-its-first-words": _cut(9),
    "a-comment-taken-out": lambda path: path.write_text(path.read_text().replace("  # base", "")),
    "a-line-added": lambda path: path.write_text(path.read_text() + "x: 1\n"),
    "deleted": Path.unlink,
    "rubbish-behind-the-header": lambda path: path.write_bytes(path.read_bytes()[:300] + b"\xff\x00{[" * 9),
}


@pytest.mark.parametrize("name", ["edited", "emptied", "deleted"])
def test_a_lock_edited_emptied_or_deleted_by_hand_is_restored(project: Project, name: str) -> None:
    """That lock gets its bytes back, and no other is touched."""
    path = project.lock("train/summary")
    good = path.read_bytes()
    DAMAGES[name](path)
    assert not path.exists() or path.read_bytes() != good
    expect(project, {"train/summary"})
    assert path.read_bytes() == good


def test_locks_damaged_in_any_way_are_restored(project: Project) -> None:
    """Whatever became of locks of ours, exactly those are restored, several at once."""
    good = {name: held[2] for name, held in project.locks().items()}
    victims = ["train/summary", "train/summary_small", "train/dense_1024", "train/dense_2048"]
    kinds = list(DAMAGES.values())
    for start in range(0, len(kinds), len(victims)):
        damaged = dict(zip(victims, kinds[start : start + len(victims)], strict=False))
        for name, damage in damaged.items():
            damage(project.lock(name))
        assert {name for name in ALL if project.locks().get(name, (0, 0, b""))[2] != good[name]} == set(damaged)
        expect(project, set(damaged))
        assert {name: held[2] for name, held in project.locks().items()} == good


def test_a_deleted_build_folder_is_restored(project: Project) -> None:
    """The whole build folder can go at any time, database and all."""
    good = {name: held[2] for name, held in project.locks().items()}
    shutil.rmtree(project.root / "build")
    expect(project, ALL)
    assert {name: held[2] for name, held in project.locks().items()} == good


def test_a_folder_in_the_place_of_a_lock_is_left_alone(project: Project) -> None:
    """It fails that lock alone with a clear error, and what the folder holds stays."""
    path = project.lock("train/summary")
    path.unlink()
    project.write("build/train/summary.lock.yaml/notes.txt", "mine")
    said = project.doit()
    assert said.code == 1
    assert said.counts == (0, len(ALL) - 1, 0, 1)
    assert said.err.splitlines()[0] == (
        "build/train/summary.lock.yaml: error: "
        "`build/train/summary.lock.yaml` was not written by trainlock [foreign-file]"
    )
    assert (path / "notes.txt").read_text() == "mine"


def test_a_foreign_file_at_the_path_of_a_lock_is_left_alone(project: Project) -> None:
    """A file without our header is the error `foreign-file`, until somebody moves it away."""
    path = project.lock("train/summary")
    path.write_text("mine: 1\n")
    held = (path.stat().st_ino, path.stat().st_mtime_ns)
    for _ in range(2):
        said = project.doit()
        assert (said.code, said.counts) == (1, (0, len(ALL) - 1, 0, 1))
        assert "`build/train/summary.lock.yaml` was not written by trainlock [foreign-file]" in said.err
    assert project.doit("clean").code == 0
    assert path.read_text() == "mine: 1\n"
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == held
    assert set(project.locks()) == {"train/summary"}
    path.unlink()
    expect(project, ALL)


def test_a_lock_of_a_later_format_is_left_alone(project: Project) -> None:
    """What a newer version wrote is not overwritten by an older one."""
    path = project.lock("train/summary")
    text = path.read_text().replace("# format: 1\n", "# format: 999\n")
    path.write_text(text)
    said = project.doit()
    assert (said.code, said.counts) == (1, (0, len(ALL) - 1, 0, 1))
    assert "has format 999" in said.err
    assert path.read_text() == text


def test_a_preset_that_is_added_gets_its_lock(project: Project) -> None:
    """Its lock appears, and no other is touched."""
    project.write("configs/train/new.yaml", "extends: summary.yaml\n")
    expect(project, {"train/new"})


def test_a_preset_that_is_renamed_takes_its_lock_along(project: Project) -> None:
    """The lock appears under the new name and goes from the old one."""
    (project.root / "configs/train/summary_small.yaml").rename(project.root / "configs/train/summary_tiny.yaml")
    expect(project, {"train/summary_tiny"}, removed=1)
    assert set(project.locks()) == ALL - {"train/summary_small"} | {"train/summary_tiny"}


def test_a_preset_that_is_deleted_loses_its_lock(project: Project) -> None:
    """Its lock goes, with the folders that are empty without it, and no other is touched."""
    project.write("configs/train/deep/er/new.yaml", "extends: ../../summary.yaml\n")
    expect(project, {"train/deep/er/new"})
    shutil.rmtree(project.root / "configs/train/deep")
    expect(project, set(), removed=1)
    assert set(project.locks()) == ALL
    assert not (project.root / "build/train/deep").exists()


def test_a_fusion_config_that_is_deleted_loses_its_lock(project: Project) -> None:
    """The lock of a mix that nothing names any more goes with its source."""
    project.edit("configs/train/dense_2048.yaml", "mix_2048", "mix_1024")
    expect(project, {"train/dense_2048"})
    (project.root / "configs/fusion/variants/mix_2048.yaml").unlink()
    before = project.locks()
    said = project.doit()
    assert (said.code, said.counts) == (0, (0, len(ALL) - 1, 1, 0))
    assert project.locks() == {name: held for name, held in before.items() if name != MIX_2048}


def test_a_preset_that_moves_out_of_the_globs_and_stays_keeps_its_lock(project: Project) -> None:
    """An orphan is a lock whose source is gone; one whose source is only no longer selected is not deleted."""
    project.edit("pyproject.toml", '"train/**/*.yaml"', '"train/dense*.yaml"')
    said = project.doit()
    assert said.code == 0
    assert said.counts[2] == 0
    assert set(project.locks()) == ALL


def test_files_that_are_no_orphans_of_ours_stay(project: Project) -> None:
    """Where an orphan would lie, a file without our header, or with that of another place, is left alone."""
    kept = {
        "plain": "mine: 1\n",
        "empty": "",
        "elsewhere": "# Locked by trainlock from elsewhere/gone.yaml. Generated: edit the sources, then run `doit`.\n",
        "moved": "# Locked by trainlock from configs/train/gone.yaml. Generated: edit the sources, then run `doit`.\n",
        "by_hand": "# Locked by hand from configs/train/by_hand.yaml. Generated: never\n",
    }
    for name, text in kept.items():
        project.write(f"build/train/{name}.lock.yaml", text)
    before = project.everything()
    assert project.doit().code == 0
    assert project.doit("clean").code == 0
    after = project.everything()
    for name in kept:
        path = f"build/train/{name}.lock.yaml"
        assert after.get(path) == before[path], name


def test_an_orphan_is_known_by_its_header_alone(project: Project) -> None:
    """A lock of ours without a source is removed, though doit's database never heard of it."""
    text = (
        project.lock("train/summary")
        .read_text()
        .replace("configs/train/summary.yaml. Gen", "configs/train/old.yaml. Gen")
    )
    project.write("build/train/old.lock.yaml", text)
    shutil.rmtree(project.root / "build/.cache")
    before = project.locks()
    said = project.doit()
    assert (said.code, said.counts) == (0, (0, len(ALL), 1, 0))
    after = project.locks()
    assert (rewritten(before, after), before.keys() - after.keys()) == (set(), {"train/old"})


def test_one_task_alone_removes_no_orphan(project: Project) -> None:
    """Only a run over the configured globs removes anything."""
    (project.root / "configs/train/summary_small.yaml").unlink()
    assert project.doit("lock:train/summary").code == 0
    assert project.lock("train/summary_small").exists()


def test_a_change_of_our_code_compiles_everything_again(project: Project, tmp_path: Path) -> None:
    """A comment in the compiler makes every lock due; equal bytes leave the files untouched."""
    folder = tmp_path / "code" / "compiler"
    shutil.copytree(Path(compiler.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    project.path_first = [str(tmp_path / "code")]
    which = subprocess.run(
        [sys.executable, "-c", "import compiler; print(compiler.__file__)"],
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert which.stdout.strip() == str(folder / "__init__.py")
    project.doit()
    with (folder / "merging.py").open("a") as file:
        file.write("\n# another day\n")
    assert project.due() == ALL
    expect(project, set())
    assert project.due() == set()


def test_a_change_of_what_our_code_writes_rewrites_everything(project: Project, tmp_path: Path) -> None:
    """A compiler that words the header differently rewrites every lock, without an edit to any source."""
    folder = tmp_path / "code" / "compiler"
    shutil.copytree(Path(compiler.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    project.path_first = [str(tmp_path / "code")]
    changed = []
    for path in folder.glob("*.py"):
        text = path.read_text()
        if "Generated: edit the sources" in text:
            path.write_text(text.replace("Generated: edit the sources", "Generated: edit its sources"))
            changed.append(path.name)
    assert changed == ["lockfile.py"]
    expect(project, ALL)


def test_a_change_of_the_settings_compiles_everything_again(project: Project) -> None:
    """The settings are an input like any other."""
    project.edit("pyproject.toml", '["extends", "inherit"]', '["extends", "inherit", "_BASE_"]')
    assert project.due() == ALL
    expect(project, set())


RUBBISH = {
    "empty": b"",
    "random": random.Random(7).randbytes(900),
    "text": b"hello\n",
    "list": b"[]\n",
    "number": b"5\n",
    "null": b"null\n",
    "object": b"{}\n",
    "rows-of-the-wrong-shape": b'{"rows": [1, 2], "sha256": "0"}\n',
    "row-of-the-wrong-shape": b'{"rows": {"lock:debug": 7}, "sha256": "0"}\n',
    "stock-doit": b'{"lock:debug": {"checker:": "MD5Checker", "deps:": []}}\n',
    "deep": b"[" * 100_000,
}
CANNOT_BE_READ = "trainlock: the record of earlier runs cannot be read; looking at every lock\n"
NO_RECORD = "trainlock: there is no record of earlier runs; looking at every lock\n"


@pytest.mark.parametrize("kind", ["deleted", "random", "row-of-the-wrong-shape", "stock-doit", "torn"])
def test_a_lost_database_costs_one_line(project: Project, kind: str) -> None:
    """The result is correct, one line says what happened, and the next run has its record again."""
    database = project.root / "build/.cache/doit.json"
    assert database.exists()
    if kind == "deleted":
        database.unlink()
    elif kind == "torn":
        os.truncate(database, database.stat().st_size // 2)
    else:
        database.write_bytes(RUBBISH[kind])
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
    said = expect(project, {"train/summary"})
    assert said.err == (NO_RECORD if kind == "deleted" else CANNOT_BE_READ)
    assert expect(project, set()).err == ""


@pytest.mark.parametrize("data", RUBBISH.values(), ids=RUBBISH)
def test_a_database_of_rubbish_is_as_good_as_none(tmp_path: Path, data: bytes) -> None:
    """Whatever the bytes are, reading them ends in a database without rows that says so."""
    path = tmp_path / "doit.json"
    path.write_bytes(data)
    database = Database(str(path), None)
    assert database.lost == "the record of earlier runs cannot be read"
    assert database.get("lock:debug", "deps:") is None


def test_a_database_cut_anywhere_is_as_good_as_none(project: Project) -> None:
    """No part of a database is taken for a whole one."""
    path = project.root / "build/.cache/doit.json"
    whole = path.read_bytes()
    assert Database(str(path), None).lost == ""
    for size in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:size])
        assert Database(str(path), None).lost == "the record of earlier runs cannot be read", size


def test_a_database_whose_rows_are_of_another_shape_is_begun_anew(project: Project) -> None:
    """Rows that carry a fitting digest and yet mean nothing are rubbish like any other."""
    import hashlib

    rows = json.dumps({"lock:debug": 7, "lock:train/summary": {"deps:": 3}}, sort_keys=True)
    digest = hashlib.sha256(rows.encode()).hexdigest()
    project.write("build/.cache/doit.json", f'{{"rows": {rows}, "sha256": "{digest}"}}\n')
    said = expect(project, set())
    assert said.err == CANNOT_BE_READ


def test_a_database_that_is_a_folder_is_no_end(project: Project) -> None:
    """The locks come out right even where no record can be kept."""
    database = project.root / "build/.cache/doit.json"
    database.unlink()
    database.mkdir()
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
    said = expect(project, {"train/summary"})
    assert "cannot be read" in said.err


def test_a_deleted_cache_is_always_safe(project: Project) -> None:
    """Deleting `build/.cache` loses nothing: the next run rewrites exactly what an edit touched."""
    shutil.rmtree(project.root / "build/.cache")
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
    assert expect(project, {"train/summary"}).err == NO_RECORD


# ------------------------------------------------------------------------------ broken fragments


def test_a_broken_fragment_fails_only_its_own_presets(project: Project) -> None:
    """The others are built, the problem is printed once, the old locks stay, and a repair rebuilds."""
    old = {name: held for name, held in project.locks().items() if name in SUMMARY}
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: [8")
    project.edit("configs/debug.yaml", "1.0e-4", "2.0e-4")
    said = expect(project, {"debug"}, failed=2, code=1)
    assert said.err.count("error:") == 1
    assert said.err.startswith(f"{FREEZE}:")
    assert {name: held for name, held in project.locks().items() if name in SUMMARY} == old
    again = expect(project, set(), failed=2, code=1)
    assert again.err == said.err
    project.edit(FREEZE, "lora_rank: [8", "lora_rank: 12")
    expect(project, {"train/summary"})


def test_a_repair_to_the_old_bytes_rewrites_nothing(project: Project) -> None:
    """A fragment that is broken and then restored leaves every lock as it was."""
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: [8")
    expect(project, set(), failed=2, code=1)
    project.edit(FREEZE, "lora_rank: [8", "lora_rank: 8")
    expect(project, set())
    assert project.due() == set()


def test_problems_of_many_fragments_are_printed_once_sorted_by_place(project: Project) -> None:
    """Every problem stands there once, in the order of files and lines, though presets share them."""
    project.edit(SFT, 'save_strategy: "no"', "save_strategy: !bad x")
    project.edit(DORA, "use_dora: true", "use_dora: true\n  use_dora: false")
    project.edit("configs/debug.yaml", "base.yaml", "bsae.yaml")
    said = expect(project, set(), failed=5, code=1)
    first = [line for line in said.err.splitlines() if ": error: " in line]
    places = [re.match(r"(.+?):(\d+):(\d+): error: ", line) for line in first]
    found = [(place[1], int(place[2])) for place in places if place is not None]
    assert [file for file, _ in found] == [SFT, DORA, "configs/debug.yaml"]
    assert found == sorted(found)
    assert [re.findall(r"\[([a-z-]+)\]$", line)[-1] for line in first][1:] == ["duplicate-key", "missing-base"]


def test_a_broken_fusion_base_fails_its_mixes_and_their_presets(project: Project) -> None:
    """Presets without a mix are built as ever."""
    project.edit("configs/fusion/base/dense.yaml", "ratio: 0.1", "ratio: -1")
    project.edit(FREEZE, "lora_alpha: 16", "lora_alpha: 17")
    said = expect(project, SUMMARY, failed=4, code=1)
    assert said.err.count("error:") == 1
    assert "[bad-ratio]" in said.err
    project.edit("configs/fusion/base/dense.yaml", "ratio: -1", "ratio: 0.1")
    expect(project, set())


def test_a_missing_mix_fails_its_preset_alone(project: Project) -> None:
    """A preset that names a mix that is not there says where it names it."""
    project.edit("configs/train/dense_2048.yaml", "mix_2048", "mix_9999")
    said = expect(project, set(), failed=1, code=1)
    assert said.err.startswith("configs/train/dense_2048.yaml:3:3: error: ")
    assert "[missing-fusion]" in said.err


def test_a_missing_base_fails_its_presets_and_comes_back(project: Project) -> None:
    """A base that is deleted fails who extends it; restored, nothing is rewritten."""
    text = project.read(FREEZE)
    (project.root / FREEZE).unlink()
    said = expect(project, set(), failed=2, code=1)
    assert said.err.count("[missing-base]") == 1
    project.write(FREEZE, text)
    expect(project, set())


def test_two_presets_that_share_a_lock_fail_and_the_rest_is_built(project: Project) -> None:
    """A collision is told by name, and no other lock is the worse for it."""
    project.write("configs/train/summary.yml", "model: {}\n")
    project.edit("pyproject.toml", '"train/**/*.yaml"', '"train/**/*.yaml", "train/**/*.yml"')
    project.edit("configs/debug.yaml", "1.0e-4", "2.0e-4")
    before = project.locks()
    said = project.doit()
    assert said.code == 1
    assert said.err.count("[lock-collision]") == 2
    assert rewritten(before, project.locks()) == {"debug"}
    assert set(project.locks()) == ALL


# ------------------------------------------------------------------------------ doit's own commands


def test_list_shows_the_tasks(project: Project) -> None:
    """`doit list` names the groups, `--all` every lock."""
    assert [line.split()[0] for line in project.doit("list").out.splitlines()] == ["check", "lock", "prune"]
    every = [line.split()[0] for line in project.doit("list", "--all").out.splitlines()]
    assert set(every) == {"check", "lock", "prune"} | {f"lock:{name}" for name in ALL}


@pytest.mark.parametrize(
    ("state", "arguments"),
    [
        ("fresh", "list"),
        ("never-built", "list"),
        ("never-built", "clean -n"),
        ("never-built", "info lock:debug"),
        ("stale", "list --all --status"),
        ("stale", "clean -n"),
        ("stale", "info lock:train/summary"),
    ],
)
def test_asking_doit_writes_nothing_at_all(project: Project, state: str, arguments: str) -> None:
    """The whole tree is the same before and after, whatever state it is in."""
    if state == "never-built":
        shutil.rmtree(project.root / "build")
    elif state == "stale":
        project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
        (project.root / "configs/debug.yaml").unlink()
    before = project.everything()
    said = project.doit(*arguments.split())
    assert said.code == (1 if arguments.startswith("info") else 0), said  # doit's way to say: not up to date
    assert project.everything() == before


def test_info_names_the_real_closure(project: Project) -> None:
    """`doit info` shows every fragment of a preset and of its mix, and its lock as target."""
    said = project.doit("info", "lock:train/dense_2048")
    listed = set(re.findall(r"^ - (\S+)$", said.out, re.MULTILINE))
    assert listed >= {
        "configs/base.yaml",
        DORA,
        SFT,
        "configs/train/dense_1024.yaml",
        "configs/train/dense_2048.yaml",
        "configs/fusion/base/dense.yaml",
        "configs/fusion/variants/mix_2048.yaml",
        "build/train/dense_2048.lock.yaml",
    }
    assert not {FREEZE, "configs/debug.yaml", "configs/fusion/variants/mix_1024.yaml"} & listed


@pytest.mark.parametrize("target", ["lock:train/summary", "build/train/summary.lock.yaml"])
def test_one_lock_is_built_by_its_task_or_its_path(project: Project, target: str) -> None:
    """`doit lock:x` and `doit build/x.lock.yaml` build that lock and no other."""
    project.edit("configs/base.yaml", "bfloat16", "float16")
    before = project.locks()
    said = project.doit(target)
    assert (said.code, said.counts) == (0, (1, 0, 0, 0))
    assert rewritten(before, project.locks()) == {"train/summary"}
    expect(project, {"debug", "train/summary_small"} | DENSE)


def test_a_lock_task_brings_its_mix_up_to_date(project: Project) -> None:
    """A preset's task builds the lock of its mix with it, so that the two never disagree."""
    project.edit("configs/fusion/base/dense.yaml", "ratio: 0.1", "ratio: 0.2")
    before = project.locks()
    assert project.doit("lock:train/dense_1024").code == 0
    assert rewritten(before, project.locks()) == {MIX_1024, "train/dense_1024"}


def test_clean_removes_only_ours(project: Project) -> None:
    """`doit clean` deletes the locks and leaves every other file below `build` alone; `-n` deletes nothing."""
    project.write("build/reports/mine.html", "mine")
    project.write("build/train/notes.yaml", "mine: 1\n")
    project.write("build/train/foreign.lock.yaml", "mine: 1\n")
    before = project.locks()
    assert project.doit("clean", "-n").code == 0
    assert project.locks() == before
    assert project.doit("clean").code == 0
    assert set(project.locks()) == {"train/foreign"}
    assert project.read("build/reports/mine.html") == "mine"
    assert project.read("build/train/notes.yaml") == "mine: 1\n"
    expect(project, ALL)


def test_clean_of_one_task_removes_one_lock(project: Project) -> None:
    """`doit clean lock:x` leaves the locks of the others."""
    before = project.locks()
    assert project.doit("clean", "lock:train/summary").code == 0
    assert project.locks() == {name: held for name, held in before.items() if name != "train/summary"}
    expect(project, {"train/summary"})


def test_two_threads_give_the_same_bytes_and_one_summary(project: Project) -> None:
    """`doit -n 2` builds what `doit` builds."""
    good = {name: held[2] for name, held in project.locks().items()}
    shutil.rmtree(project.root / "build")
    said = project.doit("-n", "2")
    assert (said.code, said.counts, said.out.count("\n")) == (0, (len(ALL), 0, 0, 0), 1)
    assert {name: held[2] for name, held in project.locks().items()} == good
    again = project.doit("-n", "2")
    assert (again.code, again.counts) == (0, (0, len(ALL), 0, 0))
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: [8")
    project.edit("configs/debug.yaml", "1.0e-4", "2.0e-4")
    broken = project.doit("-n", "2")
    assert (broken.code, broken.counts, broken.err.count("error:")) == (1, (1, len(ALL) - 3, 0, 2), 1)


def test_check_finds_locks_fresh(project: Project) -> None:
    """`doit check` is quiet and writes no lock where all is as it compiles."""
    before = project.locks()
    said = project.doit("check")
    assert (said.code, said.out, said.err) == (0, "", "")
    assert project.locks() == before


def test_check_names_drift_and_mends_nothing(project: Project) -> None:
    """`doit check` exits 1 and names each lock that drifted, in order; the locks stay as they are."""
    project.edit(FREEZE, "lora_alpha: 16", "lora_alpha: 17")
    project.lock("debug").unlink()
    project.lock(MIX_1024).write_text(project.lock(MIX_1024).read_text().replace("0.1", "0.9"))
    before = project.locks()
    said = project.doit("check")
    assert said.code == 1
    found = re.findall(r"^build/(\S+)\.lock\.yaml: error: .* \[([a-z-]+)\]$", said.err, re.MULTILINE)
    assert found == [
        ("debug", "lock-missing"),
        (MIX_1024, "lock-edited"),
        ("train/summary", "lock-stale"),
        ("train/summary_small", "lock-stale"),
    ]
    assert project.locks() == before


def test_check_is_no_default_task(project: Project) -> None:
    """`doit` alone repairs drift and does not report it."""
    project.lock("debug").unlink()
    said = expect(project, {"debug"})
    assert said.err == ""


def test_a_task_of_a_preset_can_be_forced(project: Project) -> None:
    """`doit -a` compiles everything again and touches no file whose bytes are equal."""
    before = project.locks()
    said = project.doit("-a")
    assert (said.code, said.counts) == (0, (0, len(ALL), 0, 0))
    assert project.locks() == before


ODD_NAMES = ["lr=1e-4", "every*", "two words", "a%b", "名字", "-dash", "dollar$(touch pwned)", "q'uo\"te"]


def test_presets_of_odd_names_have_their_tasks_and_their_locks(project: Project) -> None:
    """Characters that doit or a shell would take for their own build as any other."""
    for name in ODD_NAMES:
        project.write(f"configs/train/{name}.yaml", "extends: ../debug.yaml\n")
    expect(project, {f"train/{name}" for name in ODD_NAMES})
    expect(project, set())
    listed = [line.strip() for line in project.doit("list", "--all", "--quiet").out.splitlines()]
    odd = [task for task in listed if task.startswith("lock:") and task.removeprefix("lock:") not in ALL]
    assert len(odd) == len(ODD_NAMES)
    assert [task for task in odd if "=" in task or "*" in task] == []
    before = project.locks()
    project.lock(f"train/{ODD_NAMES[0]}").unlink()
    alone = project.doit(*odd)
    assert (alone.code, alone.counts) == (0, (1, len(ODD_NAMES) - 1, 0, 0)), alone
    assert rewritten(before, project.locks()) == {f"train/{ODD_NAMES[0]}"}
    assert not list(project.root.rglob("pwned"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param("presets = [", "presetz = [", "`tool.trainlock.presetz` is no setting", id="unknown"),
        pytest.param('configs = "configs"', "configs = 3", "`tool.trainlock.configs`", id="type"),
        pytest.param("[tool.trainlock]", "[tool]\ntrainlock = 3\n[x]", "`tool.trainlock` is not a table", id="table"),
        pytest.param('"debug.yaml"', '"/debug.yaml"', "`/debug.yaml`", id="glob"),
    ],
)
def test_settings_that_mean_nothing_are_one_clear_message(project: Project, old: str, new: str, says: str) -> None:
    """A run stops before the first task, with the place in `pyproject.toml` and no traceback."""
    project.edit("pyproject.toml", old, new)
    before = project.everything()
    said = project.doit()
    assert said.code == 3
    assert said.err.startswith("ERROR: pyproject.toml:"), said.err
    assert says in said.err
    assert said.err.count("[bad-settings]") == 1
    assert said.out == ""
    after = project.everything()
    assert after == before


def test_a_tree_without_presets_is_an_error_and_removes_nothing(project: Project) -> None:
    """Globs that select nothing are most likely a mistake, and cost no lock."""
    shutil.move(project.root / "configs", project.root / "moved")
    (project.root / "configs").mkdir()
    said = project.doit()
    assert said.code == 1
    assert "[no-presets]" in said.err
    assert set(project.locks()) == ALL


def test_an_unknown_task_is_told_without_a_traceback(project: Project) -> None:
    """A mistyped task name is refused by doit in its own words."""
    said = project.doit("lock:train/sumary")
    assert said.code == 3
    assert "lock:train/sumary" in said.err


# ------------------------------------------------------------------------------ two at once, pipes, interrupts

HOLDER = """\
import sys
from compiler import settings
from compiler.catalog import Layout
from compiler.store import BuildLock
with BuildLock(Layout(".", settings.load("."))):
    print("held", flush=True)
    sys.stdin.read()
"""


class Holder:
    """Another process that holds the build lock until it is let go."""

    def __init__(self, project: Project) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER],
            cwd=project.root,
            env=project.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "held\n"

    @property
    def waiting(self) -> str:
        """What a build says that waits for it."""
        return f"trainlock: waiting for another build (process {self.process.pid})\n"

    def release(self) -> None:
        """Let go, and wait for its end."""
        self.process.communicate(timeout=20)


@pytest.fixture
def holder(project: Project) -> Iterator[Holder]:
    """The build lock of the project, held by another process."""
    held = Holder(project)
    yield held
    if held.process.poll() is None:
        held.process.kill()
        held.process.communicate()


def first_line(process: subprocess.Popen[str]) -> str:
    """Wait for the first line that a process says on stderr."""
    assert process.stderr is not None
    return process.stderr.readline()


def test_two_builds_at_once_wait_for_each_other(project: Project, holder: Holder) -> None:
    """Each says for whom it waits, both exit 0, and the locks come out as if one had run after the other."""
    project.edit(FREEZE, "lora_alpha: 16", "lora_alpha: 17")
    before = project.locks()
    both = [project.start(), project.start()]
    assert [first_line(process) for process in both] == [holder.waiting] * 2
    assert project.locks() == before
    holder.release()
    said = []
    for process in both:
        out, err = process.communicate(timeout=30)
        said.append(Said(process.returncode, out, err))
    assert [one.code for one in said] == [0, 0], said
    assert sorted(one.counts for one in said) == [(0, len(ALL), 0, 0), (2, len(ALL) - 2, 0, 0)]
    assert rewritten(before, project.locks()) == SUMMARY
    assert project.due() == set()


def test_an_edit_during_the_wait_is_in_the_result(project: Project, holder: Holder) -> None:
    """A build that waited reads its sources again, and remembers what it read."""
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
    process = project.start()
    assert first_line(process) == holder.waiting
    project.edit(FREEZE, "lora_rank: 16", "lora_rank: 24")
    project.edit("configs/debug.yaml", "1.0e-4", "5.0e-4")
    holder.release()
    out, err = process.communicate(timeout=30)
    assert (process.returncode, Said(0, out, err).counts[0]) == (0, 2), out + err
    assert "lora_rank: 24 " in project.lock("train/summary").read_text()
    assert "learning_rate: 0.0005 " in project.lock("debug").read_text()
    assert project.due() == set()
    project.edit(FREEZE, "lora_rank: 24", "lora_rank: 16")
    expect(project, {"train/summary"})


def test_a_base_that_joins_during_the_wait_is_watched(project: Project, holder: Holder) -> None:
    """A fragment that came into a chain while the build waited is an input of the next run."""
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
    process = project.start()
    assert first_line(process) == holder.waiting
    project.write("configs/components/tuner/shared.yaml", "tuner:\n  lora_dropout: 0.1\n")
    project.edit(FREEZE, "tuner:\n", "extends: shared.yaml\ntuner:\n")
    holder.release()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    project.edit("configs/components/tuner/shared.yaml", "0.1", "0.2")
    expect(project, SUMMARY)


def test_a_preset_that_goes_during_the_wait_fails_no_other(project: Project, holder: Holder) -> None:
    """Its lock goes in this run or in the next, and nothing else is harmed."""
    process = project.start()
    assert first_line(process) == holder.waiting
    (project.root / "configs/train/summary_small.yaml").unlink()
    project.edit("configs/debug.yaml", "1.0e-4", "5.0e-4")
    holder.release()
    out, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    assert "learning_rate: 0.0005 " in project.lock("debug").read_text(), out + err
    assert project.doit().code == 0
    assert set(project.locks()) == ALL - {"train/summary_small"}


def test_a_lock_that_is_held_for_long_ends_in_75(project: Project, holder: Holder) -> None:
    """A build that waits in vain names who holds the lock, writes nothing, and exits 75."""
    project.write(
        "dodo.py",
        DODO.replace("tasks.config()", "tasks.config(wait=0.1)"),
    )
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
    before = project.locks()
    said = project.doit()
    assert said.code == 75
    assert said.err.startswith(holder.waiting)
    assert f"another build is at work (process {holder.process.pid}) [build-locked]" in said.err
    assert said.out == ""
    assert project.locks() == before
    holder.release()
    expect(project, {"train/summary"})


def test_a_killed_holder_holds_nothing(project: Project, holder: Holder) -> None:
    """The kernel takes the lock back from a process that dies."""
    holder.process.kill()
    holder.process.communicate()
    assert expect(project, set()).err == ""


def test_listing_does_not_wait(project: Project, holder: Holder) -> None:
    """`doit list` answers while a build is at work."""
    said = project.doit("list")
    assert (said.code, said.err) == (0, "")
    holder.release()


def _into_a_closed_pipe(project: Project, *, errors_too: bool) -> tuple[int, str]:
    reading, writing = os.pipe()
    process = project.start(stdout=writing, stderr=writing if errors_too else subprocess.PIPE)
    os.close(reading)
    os.close(writing)
    _, err = process.communicate(timeout=30)
    return process.returncode, err or ""


def test_a_closed_pipe_does_not_abort_the_build(project: Project) -> None:
    """`doit | head -1`: every lock is built and nothing is said of it."""
    shutil.rmtree(project.root / "build")
    _, err = _into_a_closed_pipe(project, errors_too=False)
    assert err == NO_RECORD
    assert set(project.locks()) == ALL
    assert project.due() == set()


def test_a_closed_pipe_for_messages_does_not_abort_the_build(project: Project) -> None:
    """`doit 2>&1 | head -1`: every lock that compiles is built though no problem can be told."""
    shutil.rmtree(project.root / "build")
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: [8")
    code, _ = _into_a_closed_pipe(project, errors_too=True)
    assert set(project.locks()) == ALL - SUMMARY
    assert code == 1
    assert project.due() == SUMMARY


@pytest.mark.parametrize("redirection", ["2>&-", ">/dev/full", "2>/dev/full"])
def test_an_output_that_takes_nothing_does_not_abort_the_build(project: Project, redirection: str) -> None:
    """With stderr closed from the start, or the disk of a log full, every lock is built and nothing crashes."""
    shutil.rmtree(project.root / "build")
    shell = f'exec "{sys.executable}" -m doit {redirection}'
    done = subprocess.run(
        ["/bin/sh", "-c", shell],
        cwd=project.root,
        env=project.environment(),
        timeout=30,
        capture_output=True,
        text=True,
    )
    assert set(project.locks()) == ALL
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    assert project.due() == set()


def test_an_interrupt_during_the_wait_leaves_everything_as_it_was(project: Project, holder: Holder) -> None:
    """Ctrl-C while a build waits ends it without a lock written, and the next run does the work."""
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
    before = project.locks()
    process = project.start()
    assert first_line(process) == holder.waiting
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode not in (0, 1, 3)
    assert project.locks() == before
    holder.release()
    expect(project, {"train/summary"})


OBEY = """\
import ctypes, os, sys
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.executable, [sys.executable, "-m", "doit", *sys.argv[1:]])
"""
"""Starts doit so that even root heeds permission bits."""


@pytest.mark.parametrize("edited", [False, True])
def test_a_read_only_build_folder_fails_only_what_must_be_written(project: Project, edited: bool) -> None:
    """With nothing to do the run is fine; with something to do it names the locks that it cannot write, and exits 1."""
    if edited:
        project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
    before = project.locks()
    folders = [path for path in [project.root / "build", *(project.root / "build").rglob("*")] if path.is_dir()]
    for path in [*(project.root / "build").rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    (project.root / "build").chmod(0o555)
    try:
        done = subprocess.run(
            [sys.executable, "-c", OBEY],
            cwd=project.root,
            env=project.environment(),
            capture_output=True,
            text=True,
            timeout=30,
        )
    finally:
        for path in folders:
            path.chmod(0o755)
    said = Said(done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in said.err
    assert project.locks() == before
    assert (said.code, said.counts) == ((1, (0, len(ALL) - 1, 0, 1)) if edited else (0, (0, len(ALL), 0, 0)))
    assert said.err.count("[write-failed]") == int(edited)


# ------------------------------------------------------------------------------ incremental equals clean


def _pick(chance: random.Random, project: Project, folder: str) -> str:
    found = sorted((project.root / folder).rglob("*.yaml"))
    return chance.choice(found).relative_to(project.root).as_posix()


def _change_a_number(chance: random.Random, project: Project) -> None:
    path = _pick(chance, project, "configs")
    about = (project.root / path).stat()
    text = project.read(path)
    project.write(path, re.sub(r"(?<=: )\d+$", lambda _: str(chance.randrange(10, 99)), text, flags=re.MULTILINE))
    if chance.random() < 0.5:
        os.utime(project.root / path, ns=(about.st_atime_ns, about.st_mtime_ns))


def _add_a_comment(chance: random.Random, project: Project) -> None:
    path = _pick(chance, project, "configs")
    project.write(path, f"# note {chance.random()}\n" + project.read(path))


def _add_a_preset(chance: random.Random, project: Project) -> None:
    base = chance.choice(["summary", "dense_1024", "dense_2048"])
    text = f"extends: ../{base}.yaml\nseed: {chance.randrange(99)}\n"
    project.write(f"configs/train/extra/p{chance.randrange(4)}.yaml", text)


def _move_a_preset(chance: random.Random, project: Project) -> None:
    extra = project.root / "configs/train/extra"
    if extra.exists() and (held := sorted(extra.iterdir())):
        chance.choice(held).rename(extra / f"moved{chance.randrange(99)}.yaml")


def _drop_a_preset(chance: random.Random, project: Project) -> None:
    extra = project.root / "configs/train/extra"
    if extra.exists() and (held := sorted(extra.iterdir())):
        chance.choice(held).unlink()


def _damage_a_lock(chance: random.Random, project: Project) -> None:
    path = project.root / _pick(chance, project, "build")
    kind = chance.randrange(3)
    if kind == 0:
        path.unlink()
    elif kind == 1:
        os.truncate(path, chance.randrange(path.stat().st_size))
    else:
        path.write_bytes(path.read_bytes() + b"x: 1\n")


def _lose_the_record(chance: random.Random, project: Project) -> None:
    if chance.random() < 0.5:
        shutil.rmtree(project.root / "build/.cache", ignore_errors=True)
    else:
        project.write("build/.cache/doit.json", chance.randbytes(40))


def _change_a_mix(chance: random.Random, project: Project) -> None:
    path = chance.choice(["configs/fusion/base/dense.yaml", "configs/fusion/variants/mix_1024.yaml"])
    project.write(path, re.sub(r"(lvis|bbu_1024)\w*\.jsonl", rf"\1_v{chance.randrange(99)}.jsonl", project.read(path)))


STEPS = (
    _change_a_number,
    _add_a_comment,
    _add_a_preset,
    _move_a_preset,
    _drop_a_preset,
    _damage_a_lock,
    _lose_the_record,
    _change_a_mix,
)


def test_any_sequence_of_edits_ends_in_what_a_clean_build_gives(project: Project, tmp_path: Path) -> None:
    """After every step of a random sequence the incremental build equals a clean one, byte for byte."""
    chance = random.Random(20260731)
    taken = [*STEPS, *chance.choices(STEPS, k=4)]
    chance.shuffle(taken)
    for index, step in enumerate(taken):
        step(chance, project)
        if chance.random() < 0.4:
            chance.choice(STEPS)(chance, project)
        said = project.doit()
        assert said.code == 0, (index, step.__name__, said)
        clean = project.clean_build(tmp_path / f"clean{index}")
        assert {name: held[2] for name, held in project.locks().items()} == clean, (index, step.__name__)
        assert said.counts[0] + said.counts[1] == len(clean), (index, step.__name__, said)


def test_a_config_root_that_is_gone_takes_no_lock_with_it(project: Project) -> None:
    """An unmounted or moved folder of configs is told; every lock stays."""
    before = project.locks()
    (project.root / "configs").rename(project.root / "moved")
    said = project.doit()
    assert said.code == 1
    assert "`configs` cannot be listed" in said.err
    assert project.locks() == before
    (project.root / "moved").rename(project.root / "configs")
    expect(project, set())
