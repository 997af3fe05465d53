"""Builds in trouble, through doit itself: damaged locks and records, broken fragments, outputs that take nothing."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import doit_runs
from compiler.database import Database
from doit_runs import ALL, CANNOT_BE_READ, DORA, FREEZE, NO_RECORD, SFT, SUMMARY, Project, expect, rewritten

built, server, project = doit_runs.built, doit_runs.server, doit_runs.project


# ------------------------------------------------------------------------------ damaged locks


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


# ------------------------------------------------------------------------------ a lost record

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


# ------------------------------------------------------------------------------ pipes, full disks, read-only folders


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
        said = project.doit(obey=True)
    finally:
        for path in folders:
            path.chmod(0o755)
    assert project.locks() == before
    assert (said.code, said.counts) == ((1, (0, len(ALL) - 1, 0, 1)) if edited else (0, (0, len(ALL), 0, 0)))
    assert said.err.count("[write-failed]") == int(edited)
