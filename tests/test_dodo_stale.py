"""Never stale, through doit: clocks, links, names, edits in the middle, a damaged record of earlier runs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import doit_runs
import faults
from doit_runs import ALL, CANNOT_BE_READ, DORA, FREEZE, SUMMARY, Project, expect
from faults import Drill, Fault, clean_build, locks

built, server, project, faulty = doit_runs.built, doit_runs.server, doit_runs.project, faults.faulty

CLOCKS = {"1970": 0, "2099": 4_070_908_800}
"""Seconds since the epoch."""


# ------------------------------------------------------------------------------ clocks


@pytest.mark.parametrize("source", CLOCKS)
@pytest.mark.parametrize("lock", CLOCKS)
def test_no_clock_decides(project: Project, source: str, lock: str) -> None:
    """With sources and locks from the first or the last day of a clock, an edit is seen, and nothing but the edit."""
    for path in (project.root / "configs").rglob("*.yaml"):
        os.utime(path, (CLOCKS[source], CLOCKS[source]))
    for path in (project.root / "build").rglob("*"):
        os.utime(path, (CLOCKS[lock], CLOCKS[lock]))
    expect(project, set())
    project.edit(FREEZE, "lora_alpha: 16", "lora_alpha: 61")
    os.utime(project.root / FREEZE, (CLOCKS[source], CLOCKS[source]))
    expect(project, SUMMARY)


# ------------------------------------------------------------------------------ names and links


def test_a_component_that_is_renamed_is_an_input_under_its_new_name(project: Project) -> None:
    """The locks name it anew, and edits of it reach them; what is left under the old name is nobody's input."""
    moved = FREEZE.replace("freeze", "frozen")
    (project.root / FREEZE).rename(project.root / moved)
    said = expect(project, set(), failed=2, code=1)
    assert said.err.count("[missing-base]") == 1
    project.edit("configs/train/summary.yaml", "freeze.yaml", "frozen.yaml")
    expect(project, SUMMARY)
    project.write(FREEZE, "tuner:\n  lora_rank: 99\n")
    expect(project, set())
    project.edit(moved, "lora_alpha: 16", "lora_alpha: 17")
    expect(project, SUMMARY)


def test_a_component_that_becomes_a_link_is_read_through_it(project: Project) -> None:
    """A link to the same bytes changes nothing; one to other bytes of the same age and size is seen."""
    path = project.root / FREEZE
    text = project.read(FREEZE)
    about = path.stat()
    for name, rank in (("one", "8"), ("two", "6")):
        project.write(f"configs/components/tuner/{name}.txt", text.replace("lora_rank: 8", f"lora_rank: {rank}"))
        os.utime(project.root / f"configs/components/tuner/{name}.txt", ns=(about.st_atime_ns, about.st_mtime_ns))
    path.unlink()
    path.symlink_to("one.txt")
    expect(project, set())
    path.unlink()
    path.symlink_to("two.txt")
    expect(project, {"train/summary"})
    project.edit("configs/components/tuner/two.txt", "lora_rank: 6", "lora_rank: 7")
    os.utime(project.root / "configs/components/tuner/two.txt", ns=(about.st_atime_ns, about.st_mtime_ns))
    expect(project, {"train/summary"})


def test_a_component_of_another_case_is_another_file(project: Project) -> None:
    """Where a disk tells `Dora` from `dora`, the old spelling is missing and the new one is an input."""
    moved = DORA.replace("dora", "Dora")
    (project.root / DORA).rename(project.root / moved)
    said = expect(project, set(), failed=4, code=1)
    assert "did you mean `Dora.yaml`?" in said.err
    project.edit(FREEZE, "dora.yaml", "Dora.yaml")
    project.edit("configs/train/dense_1024.yaml", "dora.yaml", "Dora.yaml")
    said = project.doit()
    assert (said.code, said.counts) == (0, (4, len(ALL) - 4, 0, 0))
    project.edit(moved, "use_dora: true", "use_dora: false")
    assert project.doit().counts == (4, len(ALL) - 4, 0, 0)


def test_a_preset_of_another_case_takes_its_lock_along(project: Project) -> None:
    """`summary_small` becomes `Summary_Small`: one lock comes, and the other goes."""
    (project.root / "configs/train/summary_small.yaml").rename(project.root / "configs/train/Summary_Small.yaml")
    expect(project, {"train/Summary_Small"}, removed=1)


# ------------------------------------------------------------------------------ an edit in the middle


def test_an_input_that_is_edited_during_a_build_is_built_by_the_next(tmp_path: Path, faulty: faults.Server) -> None:
    """At whichever moment of a `doit` a source is saved: the next `doit` ends in the bytes of a clean build."""
    drill = Drill(tmp_path, faulty, ("doit",))
    saved = {"configs/base.yaml": "model:\n  torch_dtype: bfloat32\ntraining:\n  output_dir: ./output/run\n"}
    later = drill.copy()
    (later / "configs/base.yaml").write_text(saved["configs/base.yaml"])
    clean_build(later)
    seen = set()
    calls = drill.calls(("doit",))
    read = {number + 1 for number, (_, path) in enumerate(calls) if path == "configs/base.yaml"}
    for number in sorted({*read, *range(0, len(calls), 4)}):
        root = drill.copy()
        said = faulty.run(root, ("doit",), Fault("EDIT", number, saved))
        assert said.code == 0, (number, said)
        seen.add(locks(root) == locks(later))
        again = faulty.run(root, ("doit",))
        assert (again.code, locks(root)) == (0, locks(later)), (number, again)
    assert seen == {True, False}  # it came in time for some, and too late for others


# ------------------------------------------------------------------------------ the record of earlier runs


def test_a_record_that_is_cut_anywhere_costs_one_line(project: Project, tmp_path: Path) -> None:
    """Cut at every 97th byte: `doit` says so, ends in the bytes of a clean build, and has its record again."""
    path = project.root / "build/.cache/doit.json"
    whole = path.read_bytes()
    texts = {False: project.read(FREEZE), True: project.read(FREEZE).replace("lora_rank: 8", "lora_rank: 16")}
    clean = {}
    for is_edited, text in texts.items():
        project.write(FREEZE, text)
        clean[is_edited] = project.clean_build(tmp_path / str(is_edited))
    for index, size in enumerate(range(0, len(whole) - 1, 97)):
        project.write(FREEZE, texts[index % 2 == 1])
        path.write_bytes(whole[:size])
        said = project.doit()
        assert (said.code, said.err) == (0, CANNOT_BE_READ), size
        assert {name: held[2] for name, held in project.locks().items()} == clean[index % 2 == 1], size
    assert project.doit().err == ""


def test_a_record_of_another_repository_is_worth_nothing(project: Project, tmp_path: Path) -> None:
    """A record that is whole, and of other files, makes nothing up to date."""
    other = Project(tmp_path / "other", project.server)
    shutil.copytree(project.root, other.root)
    other.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
    expect(other, {"train/summary"})
    shutil.copy(other.root / "build/.cache/doit.json", project.root / "build/.cache/doit.json")
    expect(project, set())
    shutil.copy(other.root / "build/.cache/doit.json", project.root / "build/.cache/doit.json")
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
    expect(project, {"train/summary"})


def test_a_record_that_takes_no_writes_is_told(project: Project) -> None:
    """With a cache that is read-only the locks come out right, and one line says why the next run is slower."""
    cache = project.root / "build/.cache"
    project.edit(FREEZE, "lora_rank: 8", "lora_rank: 16")
    before = (cache / "doit.json").read_bytes()
    cache.chmod(0o555)
    (cache / "doit.json").chmod(0o444)
    try:
        said = project.doit(obey=True)
    finally:
        cache.chmod(0o755)
    assert (said.code, said.counts) == (0, (1, len(ALL) - 1, 0, 0)), said
    assert (
        "trainlock: `build/.cache/doit.json` cannot be written: permission denied; the next run looks at every lock\n"
    ) in said.err
    assert (cache / "doit.json").read_bytes() == before
    assert "lora_rank: 16 " in project.lock("train/summary").read_text()
    expect(project, set())
    assert project.due() == set()


OTHER_PYTHON = """\
import types
import compiler.run
compiler.run.sys = types.SimpleNamespace(version_info=(3, 99))
"""


def test_the_record_of_another_python_is_read_and_believed_in_nothing(project: Project, tmp_path: Path) -> None:
    """Another version of Python looks at every lock, rewrites none, and has its record; so does the first again."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "sitecustomize.py").write_text(OTHER_PYTHON)
    assert project.due() == set()
    for path_first in ([str(elsewhere)], []):
        project.path_first = path_first
        assert project.due() == ALL
        assert expect(project, set()).err == ""
        assert project.due() == set()
