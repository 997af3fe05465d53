"""Laws of building, over generated trees and edits: one result, whatever was built before and however a disk lists."""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import layout, look, project, write
from compiler.pipeline import Build, build, check
from faults import locks

NAMES = st.sampled_from(["a", "b", "c", "d/e"])
TEXTS = st.one_of(
    st.builds("x: {}\n".format, st.integers(0, 3)),
    st.builds("extends: ../base/{}.yaml\ny: {}\n".format, st.integers(0, 2), st.integers(0, 3)),
    st.builds("fusion: configs/fusion/{}.yaml\n".format, st.integers(0, 1)),
    st.sampled_from(["", "# a comment\nx: 1\n", "x: [\n", "x: 1\nx: 2\n", "extends: gone.yaml\n", "extends: {a: 1}\n"]),
)
MIX = "targets: [{{name: t, dataset: d, train_jsonl: '{}'}}]\n".format

EDITS = st.one_of(
    st.tuples(st.builds("configs/train/{}.yaml".format, NAMES), TEXTS | st.none()),
    st.tuples(st.builds("configs/base/{}.yaml".format, st.integers(0, 2)), TEXTS | st.none()),
    st.tuples(
        st.builds("configs/fusion/{}.yaml".format, st.integers(0, 1)), st.builds(MIX, st.integers(0, 3)) | st.none()
    ),
    st.tuples(st.builds("build/train/{}.lock.yaml".format, NAMES), st.just("edited: 1\n") | st.none()),
)
"""A file, and what is written to it; a lock is written on; None deletes it."""

START = {f"configs/base/{n}.yaml": f"b{n}: 1\n" for n in range(3)} | {"configs/train/a.yaml": "x: 1\n"}


def edited(root: Path, path: str, text: str | None) -> None:
    """Write or delete one file; a lock is not written, but written on."""
    if text is not None and path.startswith("build/"):
        if (root / path).exists():
            (root / path).write_bytes((root / path).read_bytes() + text.encode())
    elif text is not None:
        write(root, {path: text.encode()})
    else:
        (root / path).unlink(missing_ok=True)


def told(made: Build) -> list[Any]:
    """Give what a build tells."""
    return [(problem.code, str(problem.origin), problem.message, problem.notes) for problem in made.problems]


@settings(max_examples=25)
@given(st.lists(EDITS, min_size=1, max_size=8))
def test_a_build_after_any_edits_is_a_clean_build(edits: list[tuple[str, str | None]]) -> None:
    """The locks of presets that compile, what is told, and what is pruned, do not depend on what was built before.

    A preset that does not compile keeps the lock that it had, and that is the only memory: `check` names it.
    """
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        root, clean = Path(one), Path(other)
        build(project(root, START))
        for path, text in edits:
            edited(root, path, text)
            made = build(look(root), prune=True) if list((root / "configs/train").rglob("*.yaml")) else None
            shutil.rmtree(clean / "configs", ignore_errors=True)
            shutil.rmtree(clean / "build", ignore_errors=True)
            shutil.copytree(root / "configs", clean / "configs")
            if made is None:
                continue
            anew = build(look(clean), prune=True)
            kept = {layout(root).lock_of(source) for source in made.failed}
            assert {path: data for path, data in locks(root).items() if path not in kept} == locks(clean)
            assert {*made.failed} == {*anew.failed}
            assert told(made) == told(anew)
            assert build(look(root), prune=True).built == ()
            assert check(look(root)).fresh == len(locks(clean))


@pytest.mark.parametrize("seed", range(6))
def test_how_a_disk_lists_its_folders_reaches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """With every listing shuffled, the locks and what is told are the same, to the byte and in the same order."""
    files = {f"configs/train/{n}/{name}.yaml": f"x: {n}\n" for n in range(4) for name in ("p", "q", "é", "北")}
    files |= {f"configs/train/bad{n}.yaml": "x: [\nextends: gone.yaml\n" for n in range(4)}
    files |= {"configs/train/same.yml": "x: 1\n", "configs/train/same.yaml": "x: 1\n", "build/train/p.lock.yaml": "x"}
    roots = [tmp_path / "one", tmp_path / "other"]
    plain = build(project(roots[0], files), prune=True)
    chance = random.Random(seed)
    walk, listdir = os.walk, os.listdir

    def shuffled(top: str, **more: Any) -> Iterator[tuple[str, list[str], list[str]]]:
        for folder, folders, names in walk(top, **more):
            chance.shuffle(folders)
            chance.shuffle(names)
            yield folder, folders, names

    monkeypatch.setattr(os, "walk", shuffled)
    monkeypatch.setattr(os, "listdir", lambda folder: chance.sample(names := listdir(folder), len(names)))
    again = build(project(roots[1], files), prune=True)
    assert again == plain
    assert len(plain.built) == 16
    assert locks(roots[0]) == locks(roots[1])
    assert json.dumps(told(again), default=str) == json.dumps(told(plain), default=str)
