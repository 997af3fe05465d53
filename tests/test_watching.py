"""watching: what is said after a save, by steps; what wakes a watcher is another matter."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from builders import look, opened, problems_of, write
from compiler.watching import NAMED, Seen, Watcher, wakeups
from holding import Holder

FILES = {
    "configs/base.yaml": "tuner: {rank: 32}\n",
    "configs/other.yaml": "seed: 1\n",
    "configs/train/a.yaml": "extends: ../base.yaml\n",
    "configs/train/b.yaml": "extends: ../base.yaml\nlr: 1\n",
    "configs/train/c.yaml": "extends: ../other.yaml\n",
}
A, B, C = (f"build/train/{name}.lock.yaml" for name in "abc")


def watcher(root: Path, **given: Any) -> Watcher:
    """Watch a repository with the usual settings."""
    write(root, FILES)
    return Watcher(lambda: look(root, **given))


def told(seen: Seen | None) -> tuple[list[str], list[str], str]:
    """Give the codes that are told first, those that are told then, each with its place, and the line."""
    assert seen is not None
    first, then = ([f"{one.origin.file} {one.code}" for one in part] for part in (seen.edited, seen.reached))
    return first, then, seen.line


def started(root: Path, **given: Any) -> Watcher:
    """Watch a repository that has been built."""
    made = watcher(root, **given)
    assert told(made.step()) == ([], [], f"configs: 3 built ({A}, {B}, {C}), 0 unchanged, 0 removed, 0 failed")
    return made


def test_it_builds_once_at_the_start_and_then_only_after_edits(tmp_path: Path) -> None:
    """Its own writes are none, and neither is whatever else happens below the build folder."""
    made = started(tmp_path)
    assert made.step() is None
    write(tmp_path, {A: "edited by hand", "build/x/y.yaml": "a: 1\n", "elsewhere/z.yaml": "a: 1\n"})
    assert made.step() is None
    write(tmp_path, {"configs/base.yaml": "tuner: {rank: 8}\n"})
    (tmp_path / A).unlink()
    assert told(made.step()) == (
        [],
        [],
        f"configs/base.yaml: 2 built ({A}, {B}), 1 unchanged, 0 removed, 0 failed",
    )
    assert made.step() is None


def test_an_edit_that_changes_no_lock_is_told_all_the_same(tmp_path: Path) -> None:
    """Who saved wants to know that it was seen."""
    made = started(tmp_path)
    write(tmp_path, {"configs/base.yaml": "# a comment\ntuner: {rank: 32}\n"})
    assert told(made.step()) == ([], [], "configs/base.yaml: 0 built, 3 unchanged, 0 removed, 0 failed")


def test_the_edited_file_comes_first_then_the_presets_that_it_reaches(tmp_path: Path) -> None:
    """What is wrong elsewhere is only counted."""
    made = started(tmp_path)
    write(tmp_path, {"configs/train/c.yaml": "extends: gone.yaml\n"})
    assert told(made.step()) == (
        ["configs/train/c.yaml missing-base"],
        [],
        f"configs/train/c.yaml: 0 built, 2 unchanged, 0 removed, 1 failed ({C})",
    )
    write(tmp_path, {"configs/train/b.yaml": "extends: ../base.yaml\nwhen: 2026-01-31\n"})
    write(tmp_path, {"configs/base.yaml": "tuner: {rank: 32, when: 2026-01-31}\n"})
    assert told(made.step()) == (
        ["configs/base.yaml date-value", "configs/train/b.yaml date-value"],
        [],
        f"configs/base.yaml, configs/train/b.yaml: 2 built ({A}, {B}), 0 unchanged, 0 removed, 1 failed ({C}); "
        "1 problem elsewhere",
    )
    write(tmp_path, {"configs/base.yaml": "tuner: {rank: 16}\n"})
    assert told(made.step()) == (
        [],
        ["configs/train/b.yaml date-value"],
        f"configs/base.yaml: 2 built ({A}, {B}), 0 unchanged, 0 removed, 1 failed ({C}); 1 problem elsewhere",
    )


def test_a_broken_file_is_told_with_its_line_and_mended(tmp_path: Path) -> None:
    """Its presets fail alone, and their locks stay as they were."""
    made = started(tmp_path)
    before = (tmp_path / A).read_bytes()
    write(tmp_path, {"configs/base.yaml": "tuner: [\n"})
    seen = made.step()
    assert told(seen) == (
        ["configs/base.yaml bad-yaml"],
        [],
        f"configs/base.yaml: 0 built, 1 unchanged, 0 removed, 2 failed ({A}, {B})",
    )
    assert seen is not None
    assert seen.source_line("configs/base.yaml", 1) == "tuner: ["
    assert (tmp_path / A).read_bytes() == before
    write(tmp_path, {"configs/base.yaml": "tuner: {rank: 32}\n"})
    assert told(made.step()) == ([], [], "configs/base.yaml: 0 built, 3 unchanged, 0 removed, 0 failed")


def test_a_file_that_is_gone_concerns_who_extended_it(tmp_path: Path) -> None:
    """They are known from before; a preset that is gone takes its lock with it."""
    made = started(tmp_path)
    (tmp_path / "configs/base.yaml").unlink()
    (tmp_path / "configs/train/c.yaml").unlink()
    first, then, line = told(made.step())
    assert (first, then) == ([], ["configs/train/a.yaml missing-base", "configs/train/b.yaml missing-base"])
    assert line == (
        f"configs/base.yaml, configs/train/c.yaml: 0 built, 0 unchanged, 1 removed ({C}), 2 failed ({A}, {B})"
    )
    write(tmp_path, {"configs/base.yaml": "tuner: {rank: 32}\n"})
    line = "configs/base.yaml: 0 built, 2 unchanged, 0 removed, 0 failed; 1 problem elsewhere"  # what c alone used
    assert told(made.step()) == ([], [], line)


def test_a_fragment_that_nobody_extends_is_looked_at_by_itself(tmp_path: Path) -> None:
    """A component that is being written has no preset yet; what is no YAML file is no fragment."""
    made = started(tmp_path, components=("parts/*.yaml",))
    write(tmp_path, {"configs/parts/new.yaml": "a: [\n", "configs/notes.txt": "a: [\n"})
    unused = "configs/parts/new.yaml unused-fragment"
    assert told(made.step())[0] == [unused, "configs/parts/new.yaml bad-yaml"]
    write(tmp_path, {"configs/parts/new.yaml": "tuner: {}\ntraining: {}\n"})
    assert told(made.step())[0] == [unused, "configs/parts/new.yaml component-sections"]
    write(tmp_path, {"configs/parts/new.yaml": "tuner: {}\n"})
    assert told(made.step()) == ([unused], [], "configs/parts/new.yaml: 0 built, 3 unchanged, 0 removed, 0 failed")


def test_a_save_that_replaces_the_file_is_an_edit(tmp_path: Path) -> None:
    """Editors write beside and rename; the time and the size may be the same."""
    made = started(tmp_path)
    file = tmp_path / "configs/base.yaml"
    about = file.stat()
    write(tmp_path, {"configs/.base.yaml.swp": "tuner: {rank: 33}\n"})
    assert made.step() is None
    os.utime(tmp_path / "configs/.base.yaml.swp", ns=(about.st_atime_ns, about.st_mtime_ns))
    os.replace(tmp_path / "configs/.base.yaml.swp", file)
    assert told(made.step())[2].startswith("configs/base.yaml: 2 built")


def test_an_edit_that_keeps_age_and_size_is_an_edit(tmp_path: Path) -> None:
    """As `cp -p` and `rsync -t` make them."""
    made = started(tmp_path)
    path = tmp_path / "configs/base.yaml"
    about = path.stat()
    path.write_text(path.read_text().replace("32", "64"))
    while path.stat().st_ctime_ns == about.st_ctime_ns:  # the clock of the file system has not ticked yet
        path.touch()
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert (path.stat().st_mtime_ns, path.stat().st_size) == (about.st_mtime_ns, about.st_size)
    assert told(made.step()) == ([], [], f"configs/base.yaml: 2 built ({A}, {B}), 1 unchanged, 0 removed, 0 failed")


def test_a_folder_may_go_and_come_back(tmp_path: Path) -> None:
    """A checkout of another branch does that."""
    made = started(tmp_path)
    shutil.rmtree(tmp_path / "configs/train")
    first, _, line = told(made.step())
    assert (first, line) == ([" no-presets"], f"{', '.join(sorted(FILES)[2:])}: not built")
    assert made.step() is None  # said once
    write(tmp_path, FILES)
    assert told(made.step())[2].endswith(": 0 built, 3 unchanged, 0 removed, 0 failed")


def test_another_build_that_holds_the_lock_is_waited_for(tmp_path: Path) -> None:
    """The edit is not forgotten: the next step builds it, with what was edited meanwhile."""
    made = started(tmp_path)
    write(tmp_path, {"configs/base.yaml": "tuner: {rank: 8}\n"})
    with Holder(tmp_path):
        assert told(made.step()) == (["build/.cache/build.lock build-locked"], [], "configs/base.yaml: not built")
        assert made.step() is None
        write(tmp_path, {"configs/other.yaml": "seed: 2\n"})
        assert told(made.step())[2] == "configs/base.yaml, configs/other.yaml: not built"
    assert told(made.step())[2].startswith("configs/base.yaml, configs/other.yaml: 3 built")
    assert made.step() is None


def test_what_was_edited_while_it_waited_is_built_with_the_rest(tmp_path: Path) -> None:
    """A build that waited for another reads the files as they are when it begins."""
    with Holder(tmp_path) as holder:

        def say(_text: str) -> None:
            write(tmp_path, {"configs/other.yaml": "seed: 2\n"})
            holder.release()

        write(tmp_path, FILES)
        made = Watcher(lambda: look(tmp_path), wait=60, say=say)
        assert told(made.step())[2].startswith(f"configs: 3 built ({A}, {B}, {C}), ")
    assert "seed: 2 " in (tmp_path / C).read_text()


def test_settings_are_read_anew(tmp_path: Path) -> None:
    """What they select now is built; what they cannot mean is told at its line, once, until it is mended."""
    write(tmp_path, {**FILES, "pyproject.toml": "[tool.trainlock]\npresets = ['train/a.yaml']\n"})
    made = Watcher(lambda: opened(tmp_path))
    assert told(made.step())[2].startswith(f"configs: 1 built ({A}), ")
    write(tmp_path, {"pyproject.toml": "[tool.trainlock]\npresets = ['train/*.yaml']\n"})
    assert told(made.step())[2].startswith(f"configs: 2 built ({B}, {C}), 1 unchanged")
    write(tmp_path, {"pyproject.toml": "[tool.trainlock]\npresetz = 1\n"})
    assert told(made.step()) == (["pyproject.toml bad-settings"], [], "configs: not built")
    assert made.step() is None
    shutil.copytree(tmp_path / "configs", tmp_path / "conf")
    write(tmp_path, {"pyproject.toml": "[tool.trainlock]\nconfigs = 'conf'\npresets = ['train/a.yaml']\n"})
    assert told(made.step())[2].startswith("conf: ")
    assert made.layout.configs == "conf"
    write(tmp_path, {"configs/base.yaml": "not: watched\n"})
    assert made.step() is None
    write(tmp_path, {"conf/base.yaml": "tuner: {rank: 4}\n"})
    assert told(made.step())[2].startswith(f"conf/base.yaml: 1 built ({A}), ")


def test_a_line_names_a_few(tmp_path: Path) -> None:
    """And counts the others."""
    many = {f"configs/train/p{index}.yaml": "extends: ../base.yaml\n" for index in range(NAMED + 3)}
    write(tmp_path, many)
    made = watcher(tmp_path)
    assert f" and {len(many) + 3 - NAMED} more), 0 unchanged" in told(made.step())[2]


@pytest.mark.parametrize("is_whole", [True, False])
def test_with_narrowed_globs_nothing_is_called_unused(is_whole: bool, tmp_path: Path) -> None:
    """Who uses a fragment may be among those that were left out; `build` with the same globs says the same."""
    write(tmp_path, FILES | {"configs/lost.yaml": "seed: 2\n"})
    made = Watcher(lambda: look(tmp_path), is_whole=is_whole)
    assert told(made.step())[0] == ["configs/lost.yaml unused-fragment"] * is_whole


def test_locks_of_deselected_presets_stay_where_globs_are_narrowed(tmp_path: Path) -> None:
    """With other globs on the command line nobody can say what is gone."""
    write(tmp_path, FILES)
    made = Watcher(lambda: look(tmp_path), is_whole=False)
    made.step()
    (tmp_path / "configs/train/c.yaml").unlink()
    assert "0 removed" in told(made.step())[2]
    assert (tmp_path / C).exists()


def test_without_watchfiles_it_is_a_usage_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One message, which says how to get it."""
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    [problem] = problems_of(lambda: next(wakeups(lambda: str(tmp_path))))
    assert (problem.code, problem.message) == ("bad-usage", "`watch` needs the package watchfiles")
    assert problem.hint == "`pip install watchfiles`, or install trainlock as `trainlock[watch]`"


def test_a_watcher_is_woken_by_what_happens_and_by_time(tmp_path: Path) -> None:
    """At once, at each tick, and on while the folder is gone or another took its place."""
    folder = tmp_path / "configs"
    folder.mkdir()
    woken = wakeups(lambda: str(folder))
    for _ in range(3):
        next(woken)
    folder.rename(tmp_path / "elsewhere")
    for _ in range(2):
        next(woken)
    folder.mkdir()
    for _ in range(2):
        next(woken)
    woken.close()
