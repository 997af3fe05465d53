"""What is exact about speed: how often a file is read and parsed, what is written, what is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

import trees
from builders import opened
from compiler import extends, lockfile, pipeline, store

PRESETS: Final = 30

WATCH: Final = """\
import atexit, json, os, sys
opened = []
sys.addaudithook(lambda event, told: opened.append(os.fspath(told[0])) if event == "open" and told[0] and not
                 isinstance(told[0], int) else None)
def tell():
    found = {"opened": list(opened), "modules": sorted(sys.modules)}
    open(os.environ["WATCHED"], "w").write(json.dumps(found, default=os.fsdecode))
atexit.register(tell)
"""
"""Notes what a process opens and imports; said before what it runs."""


@pytest.fixture(scope="module", params=["flat", "family"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated tree whose locks are there, and what doit remembers of them."""
    root = tmp_path_factory.mktemp("tree")
    trees.write(root, PRESETS, request.param)
    subprocess.run([sys.executable, "-m", "doit"], cwd=root, check=True, capture_output=True)
    return root


def watched(root: Path, code: str) -> dict[str, Any]:
    """Run a program in a tree; gives which of our sources it opened how often, and what it imported."""
    told = root.parent / "watched.json"
    process = subprocess.run(
        [sys.executable, "-c", WATCH + code],
        cwd=root,
        env={**os.environ, "WATCHED": str(told)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    found: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
    paths = [os.path.relpath(os.path.join(root, path), root).replace(os.sep, "/") for path in found["opened"]]
    found["sources"] = Counter(path for path in paths if path.startswith("configs/"))
    found["locks"] = Counter(path for path in paths if path.endswith(".lock.yaml"))
    return found


def command(*arguments: str) -> str:
    """Give a program that is the command line."""
    return f"from compiler.cli import main\nsys.exit(main({list(arguments)!r}))\n"


DOIT: Final = "from doit.doit_cmd import DoitMain\nsys.exit(DoitMain().run([]))\n"


def sources(root: Path) -> set[str]:
    """Give every source that a lock of a tree is made from."""
    workspace = opened(root)
    return {path for one in workspace.everything() for path in workspace.composer.closure(one)}


class Counts:
    """Counts calls of functions, which do their work all the same."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: Counter[str] = Counter()
        self._monkeypatch = monkeypatch

    def of(self, module: Any, name: str) -> None:
        """Count the calls of a function, where a module looks it up."""
        real = getattr(module, name)

        def counted(*given: Any, **named: Any) -> Any:
            self.calls[name] += 1
            return real(*given, **named)

        self._monkeypatch.setattr(module, name, counted)


def test_a_build_reads_parses_emits_and_writes_once(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fragment is read and parsed once however many extend it; a lock is emitted once, and written if it differs."""
    reached = sources(built)
    counts = Counts(monkeypatch)
    counts.of(extends, "load")
    counts.of(extends, "read")
    counts.of(lockfile, "encode")
    counts.of(store, "write_atomic")
    locks = sorted((built / "build").rglob("*.lock.yaml"))
    locks[0].unlink()
    locks[-1].write_bytes(b"")
    made = pipeline.build(opened(built))
    assert len(made.built) == 2
    once = len(reached)
    assert counts.calls == {"load": once, "read": once, "encode": len(locks), "write_atomic": 2}


@pytest.mark.parametrize("arguments", [("build",), ("check",), ("list",), ("graph",)])
def test_each_file_is_read_once_in_a_process(built: Path, arguments: tuple[str, ...]) -> None:
    """What is asked of all presets opens every source once, and every lock at most once."""
    found = watched(built, command(*arguments))
    assert sources(built) <= set(found["sources"])
    assert set(found["sources"].values()) == {1}
    assert set(found["locks"].values()) <= {1}


def test_why_reads_what_the_preset_is_made_of(built: Path) -> None:
    """Only the files of its merge order and of its mix are opened, each once, and no lock is."""
    name = trees.preset_path(17).removesuffix(".yaml")
    found = watched(built, command("why", name, "tuner.lora_rank"))
    made_of = opened(built).composer.closure(f"configs/{name}.yaml")
    assert found["sources"] == Counter(made_of)
    assert len(made_of) < len(sources(built)) / 2
    assert found["locks"] == Counter()


def test_doit_with_nothing_to_do_reads_each_file_once(built: Path) -> None:
    """Every source and every lock is opened once, to be compared by its content."""
    found = watched(built, DOIT)
    assert sources(built) <= set(found["sources"])
    assert set(found["sources"].values()) == set(found["locks"].values()) == {1}


def test_doit_with_nothing_to_do_imports_no_deepdiff(built: Path) -> None:
    """Nor PyYAML, nor anything else that only compiling, a proof or a report needs."""
    modules = set(watched(built, DOIT)["modules"])
    assert {"deepdiff", "yaml", "compiler.pipeline", "compiler.page", "compiler.report"} & modules == set()
    assert "doit.runner" in modules


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("base.yaml", "model:\n", "# what runs need\nmodel:\n"),
        ("base.yaml", "max_pixels: 1572864", "max_pixels: 786432"),
        ("components/tuner/c1.yaml", "vera_rank: 257", "vera_rank: 300"),
        (trees.variant_path(2), "data/bbu_00002/train", "data/bbu_new/train"),
        (trees.preset_path(7), "seed: 1007", "seed: 7"),
    ],
    ids=["a comment", "the base", "a component", "a variant", "a preset"],
)
def test_what_is_rewritten_is_what_has_other_bytes(built: Path, path: str, old: str, new: str) -> None:
    """After any edit a build replaces exactly the locks whose bytes changed, and says so."""
    file = built / "configs" / path
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    before = held(built)
    file.write_text(text.replace(old, new), encoding="utf-8")
    made = pipeline.build(opened(built))
    after = held(built)
    file.write_text(text, encoding="utf-8")
    pipeline.build(opened(built))
    changed = {lock for lock in before if before[lock][1] != after[lock][1]}
    rewritten = {lock for lock in before if before[lock][0] != after[lock][0]}
    assert (set(made.built), rewritten) == (changed, changed)
    assert (not changed) == (new.startswith("#"))


def held(root: Path) -> dict[str, tuple[tuple[int, int], bytes]]:
    """Give each lock's inode and time, and its bytes."""
    return {
        lock.relative_to(root).as_posix(): ((lock.stat().st_ino, lock.stat().st_mtime_ns), lock.read_bytes())
        for lock in (root / "build").rglob("*.lock.yaml")
    }
