"""pipeline: what a build writes and removes, what check and list see, and the same bytes everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from builders import REPOSITORY, layout, look, project, worded, write
from builds import LOCKS, MIX, WORLD, below, codes
from compiler.overview import listing
from compiler.pipeline import Workspace, build, check
from compiler.problems import UsageError
from compiler.tree import Memory

# ---------------------------------------------------------------------------------------------- build


def test_a_build_writes_presets_and_mixes_and_nothing_else(tmp_path: Path) -> None:
    """Every preset and every mix that is a variant or named gets a lock; a base or a component gets none."""
    files = {**WORLD, "configs/fusion/m.yaml": "extends: ../mixes/base.yaml", "configs/mixes/base.yaml": MIX}
    found = build(project(tmp_path, files))
    assert list(found.built) == LOCKS
    assert below(tmp_path / "build") == [lock.removeprefix("build/") for lock in LOCKS]
    assert found == found._replace(unchanged=(), removed=(), failed=(), problems=())


def test_a_mix_that_only_a_preset_names_gets_a_lock(tmp_path: Path) -> None:
    """Outside of the fusion globs a mix is known by the preset that names it, JSON too."""
    mixes = {
        "configs/mixes/one.yaml": MIX,
        "configs/mixes/two.json": '{"targets": [{"dataset": "d", "train_jsonl": "x"}]}',
        "configs/mixes/unused.yaml": MIX,
        "configs/train/p.yaml": "fusion: configs/mixes/one.yaml",
        "configs/train/q.yaml": "fusion: configs/mixes/two.json",
    }
    found = build(project(tmp_path, mixes, fusion=()))
    assert sorted(found.built) == [
        "build/mixes/one.lock.yaml",
        "build/mixes/two.lock.yaml",
        "build/train/p.lock.yaml",
        "build/train/q.lock.yaml",
    ]


def test_two_named_mixes_never_share_a_lock(tmp_path: Path) -> None:
    """`m.yaml` and `m.json`, named by presets and outside of the globs, collide: no wrong mix is built."""
    files = {
        "configs/mixes/m.yaml": MIX,
        "configs/mixes/m.json": '{"targets": [{"dataset": "other", "train_jsonl": "x"}]}',
        "configs/train/p.yaml": "fusion: configs/mixes/m.yaml",
        "configs/train/q.yaml": "fusion: configs/mixes/m.json",
    }
    found = build(project(tmp_path, files, fusion=()))
    assert "lock-collision" in {problem.code for problem in found.problems}
    assert "build/mixes/m.lock.yaml" not in found.built


def test_a_named_mix_never_shares_the_lock_of_a_variant(tmp_path: Path) -> None:
    """The same where one of the two is a variant of the globs."""
    files = {
        "configs/fusion/m.yaml": MIX,
        "configs/fusion/m.json": '{"targets": [{"dataset": "other", "train_jsonl": "x"}]}',
        "configs/train/q.yaml": "fusion: configs/fusion/m.json",
    }
    found = build(project(tmp_path, files, fusion=("fusion/*.yaml",)))
    assert "lock-collision" in {problem.code for problem in found.problems}


def test_a_preset_that_does_not_compile_fails_alone(tmp_path: Path) -> None:
    """Every other preset is built, all problems are told, and the old lock stays and is called stale."""
    build(project(tmp_path, WORLD))
    before = (tmp_path / LOCKS[2]).read_bytes()
    write(
        tmp_path,
        {
            "configs/train/sub/q.yaml": "extends: [gone.yaml]\n1: x\n",
            "configs/train/a.yaml": "x: [",
            "configs/base.yaml": "lr: 9\nseed: 2\n",
        },
    )
    found = build(look(tmp_path))
    assert list(found.built) == ["build/train/p.lock.yaml"]
    assert list(found.unchanged) == ["build/fusion/m.lock.yaml"]
    assert list(found.failed) == ["configs/train/a.yaml", "configs/train/sub/q.yaml"]
    assert codes(found) == ["configs/train/a.yaml bad-yaml", "configs/train/sub/q.yaml non-string-key"]
    assert (tmp_path / LOCKS[2]).read_bytes() == before
    checked = check(look(tmp_path))
    assert codes(checked) == [
        "build/train/sub/q.lock.yaml lock-stale",
        "configs/train/a.yaml bad-yaml",
        "configs/train/sub/q.yaml non-string-key",
    ]
    assert worded(checked.problems[:1], {}) == (
        "build/train/sub/q.lock.yaml: error: the lock `build/train/sub/q.lock.yaml` is "
        "out of date [lock-stale]\n"
        "  why: `configs/train/sub/q.yaml` does not compile any more\n"
        "  hint: mend the source, and run `doit`"
    )
    assert checked.fresh == 2


def test_a_problem_in_a_shared_file_is_told_once(tmp_path: Path) -> None:
    """Three presets that share a broken base fail, and one message is printed."""
    files = {f"configs/train/{name}.yaml": "extends: ../base.yaml" for name in "abc"}
    found = build(project(tmp_path, {**files, "configs/base.yaml": "x: ["}))
    assert len(found.failed) == 3
    assert codes(found) == ["configs/base.yaml bad-yaml"]


def test_a_bad_name_fails_alone(tmp_path: Path) -> None:
    """A source whose name is unfit is told, and counted as failed; the others are built."""
    found = build(project(tmp_path, {**WORLD, "configs/train/x\n.yaml": "x: 1"}))
    assert list(found.built) == LOCKS
    assert list(found.failed) == ["configs/train/x\n.yaml"]
    assert [problem.code for problem in found.problems] == ["bad-name"]


def test_a_build_of_some_builds_their_mixes_too(tmp_path: Path) -> None:
    """A lock never points at a fusion lock that is not there."""
    made = project(tmp_path, WORLD)
    assert list(build(made, ["configs/train/p.yaml"]).built) == LOCKS[:2]
    assert list(build(look(tmp_path), ["configs/train/sub/q.yaml"]).built) == LOCKS[2:]


def test_progress_counts_every_source(tmp_path: Path) -> None:
    """Progress is told after each, of how many."""
    told: list[tuple[int, int]] = []
    build(project(tmp_path, WORLD), progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_build_of_nothing_is_no_build(tmp_path: Path) -> None:
    """Globs that select nothing are wrong usage, for every verb."""
    made = project(tmp_path, {"configs/other.yaml": "x: 1"})
    for verb in (build, check, listing):
        with pytest.raises(UsageError, match="is a preset"):
            verb(made)


def test_locks_go_to_a_build_folder_outside_of_the_repository(tmp_path: Path) -> None:
    """`--build` may lie anywhere, and a preset's fusion path then leads there from the root."""
    outside = tmp_path / "out"
    made = project(tmp_path / "repo", WORLD, build=str(outside))
    assert build(made).failed == ()
    assert below(outside) == [lock.removeprefix("build/") for lock in LOCKS]
    assert "fusion: ../out/fusion/m.lock.yaml" in (outside / "train/p.lock.yaml").read_text()
    assert codes(check(look(tmp_path / "repo", build=str(outside)))) == []


# ---------------------------------------------------------------------------------------------- orphans


def test_the_locks_of_sources_that_are_gone_are_removed(tmp_path: Path) -> None:
    """An orphan goes when asked, its empty folders with it; without being asked it is told by `check`."""
    build(project(tmp_path, WORLD))
    (tmp_path / "configs/train/sub/q.yaml").unlink()
    assert codes(check(look(tmp_path))) == ["build/train/sub/q.lock.yaml lock-orphan"]
    assert build(look(tmp_path)).removed == ()
    assert (tmp_path / LOCKS[2]).exists()
    assert build(look(tmp_path), prune=True).removed == (LOCKS[2],)
    assert not (tmp_path / "build/train/sub").exists()
    assert (tmp_path / LOCKS[1]).exists()
    assert codes(check(look(tmp_path))) == []


def test_a_renamed_source_moves_its_lock(tmp_path: Path) -> None:
    """The new lock is written, the old one removed."""
    build(project(tmp_path, WORLD))
    (tmp_path / "configs/train/sub/q.yaml").rename(tmp_path / "configs/train/sub/r.yaml")
    found = build(look(tmp_path), prune=True)
    assert (found.built, found.removed) == (("build/train/sub/r.lock.yaml",), (LOCKS[2],))


def test_what_is_not_an_orphan_stays(tmp_path: Path) -> None:
    """A foreign file, a lock copied elsewhere or of another tree, a hidden file, a source that exists."""
    build(project(tmp_path, {**WORLD, "configs/other/x.yaml": "x: 1"}))
    lock = (tmp_path / LOCKS[2]).read_bytes()
    kept = {
        "build/train/foreign.lock.yaml": b"x: 1\n",
        "build/train/copy.lock.yaml": lock,
        "build/train/notes.txt": b"mine",
        "build/train/elsewhere.lock.yaml": lock.replace(b"configs/train/sub/q.yaml.", b"../other/x.yaml."),
        "build/.hidden/x.lock.yaml": lock,
        "build/other/x.lock.yaml": lock.replace(b"configs/train/sub/q.yaml.", b"configs/other/x.yaml."),
        "build/train/empty.lock.yaml": b"",
    }
    write(tmp_path, kept)
    assert build(look(tmp_path), prune=True).removed == ()
    assert {path: (tmp_path / path).read_bytes() for path in kept} == kept
    gone = lock.replace(b"configs/train/sub/q.yaml.", b"configs/train/gone.yaml.")
    write(tmp_path, {"build/train/gone.lock.yaml": gone})
    assert build(look(tmp_path), prune=True).removed == ("build/train/gone.lock.yaml",)


@pytest.mark.parametrize("data", [b"x: 1\n", b"\n\nmine: 1\n", b"# a comment\n", b"\x00\x01"])
def test_a_foreign_file_in_a_lock_s_place_is_left_alone(tmp_path: Path, data: bytes) -> None:
    """It is an error of its preset alone, of build and of check; the file is as it was."""
    made = project(tmp_path, {**WORLD, "build/train/p.lock.yaml": data})
    found = build(made, prune=True)
    assert codes(found) == ["build/train/p.lock.yaml foreign-file"]
    assert list(found.built) == [LOCKS[0], LOCKS[2]]
    assert (tmp_path / LOCKS[1]).read_bytes() == data
    assert codes(check(look(tmp_path))) == ["build/train/p.lock.yaml foreign-file"]
    assert (tmp_path / LOCKS[1]).read_bytes() == data


@pytest.mark.parametrize(
    "damage", [lambda _data: b"", lambda data: data[:40], lambda data: data[:-30], lambda _data: None]
)
def test_a_lock_emptied_torn_edited_or_deleted_is_restored(
    tmp_path: Path, damage: Callable[[bytes], bytes | None]
) -> None:
    """What is ours is made whole again, and only that."""
    build(project(tmp_path, WORLD))
    whole = (tmp_path / LOCKS[1]).read_bytes()
    left = damage(whole)
    if left is None:
        (tmp_path / LOCKS[1]).unlink()
    else:
        (tmp_path / LOCKS[1]).write_bytes(left)
    assert len(codes(check(look(tmp_path)))) == 1
    assert build(look(tmp_path)).built == (LOCKS[1],)
    assert (tmp_path / LOCKS[1]).read_bytes() == whole


def test_a_lock_of_a_newer_format_is_not_overwritten(tmp_path: Path) -> None:
    """An older version does not undo what a later one wrote."""
    build(project(tmp_path, WORLD))
    newer = (tmp_path / LOCKS[1]).read_bytes().replace(b"# format: 1\n", b"# format: 2\n")
    (tmp_path / LOCKS[1]).write_bytes(newer)
    assert codes(build(look(tmp_path))) == ["build/train/p.lock.yaml lock-format"]
    assert codes(check(look(tmp_path))) == ["build/train/p.lock.yaml lock-format"]
    assert (tmp_path / LOCKS[1]).read_bytes() == newer


def test_a_folder_in_a_lock_s_place_is_foreign(tmp_path: Path) -> None:
    """Nothing that is not ours is replaced, a folder neither."""
    made = project(tmp_path, {**WORLD, "build/train/p.lock.yaml/keep": "x"})
    assert codes(build(made)) == ["build/train/p.lock.yaml foreign-file"]
    assert codes(check(look(tmp_path))) == ["build/train/p.lock.yaml foreign-file"]


# ------------------------------------------------------------------------------------- check and list


def test_check_writes_nothing(tmp_path: Path) -> None:
    """A check of a repository that was never built makes no file and no folder."""
    made = project(tmp_path, WORLD)
    assert codes(check(made)) == [f"{lock} lock-missing" for lock in LOCKS]
    assert not (tmp_path / "build").exists()


def test_check_sees_what_no_preset_uses(tmp_path: Path) -> None:
    """A component that nothing extends is checked by itself, and told to be of no use."""
    files = {
        **WORLD,
        "configs/components/two.yaml": "a: 1\nb: 2",
        "configs/components/bad.yaml": "1: x",
        "configs/components/good.yaml": "extends: nothing.yaml\na: 1",
    }
    given = {"components": ("components/**/*.yaml",)}
    build(project(tmp_path, files, **given))
    assert codes(check(look(tmp_path, **given))) == [
        "configs/components/bad.yaml unused-fragment",
        "configs/components/bad.yaml non-string-key",
        "configs/components/good.yaml unused-fragment",
        "configs/components/two.yaml unused-fragment",
        "configs/components/two.yaml component-sections",
    ]


def test_check_of_some_checks_those_and_their_mixes(tmp_path: Path) -> None:
    """What was not named is not told."""
    made = project(tmp_path, WORLD)
    assert codes(check(made, ["configs/train/p.yaml"])) == [f"{lock} lock-missing" for lock in LOCKS[:2]]


def test_listing_shows_every_state(tmp_path: Path) -> None:
    """Each preset and mix with its state, digest, number of fragments and mix."""
    build(project(tmp_path, WORLD))
    (tmp_path / LOCKS[2]).unlink()
    write(tmp_path, {"configs/train/bad.yaml": "extends: gone.yaml"})
    rows = [(row.name, row.state, bool(row.digest), row.fragments, row.fusion) for row in listing(look(tmp_path))]
    assert rows == [
        ("fusion/m", "fresh", True, 1, ""),
        ("train/bad", "invalid", False, 1, ""),
        ("train/p", "fresh", True, 3, "fusion/m"),
        ("train/sub/q", "missing", True, 2, ""),
    ]


# ---------------------------------------------------------------------------------------------- determinism


def test_two_builds_on_unlike_machines_give_the_same_bytes(tmp_path: Path) -> None:
    """Working directory, hash seed, locale, time zone, user, home and the place of the repository reach no lock."""
    files = {str(file.relative_to(REPOSITORY)): file.read_bytes() for file in (REPOSITORY / "configs").rglob("*.yaml")}
    files["pyproject.toml"] = (REPOSITORY / "pyproject.toml").read_bytes()
    environments = [
        {
            "PYTHONHASHSEED": "1",
            "LC_ALL": "C",
            "TZ": "Asia/Shanghai",
            "PYTHONUTF8": "0",
            "HOME": str(tmp_path),
            "USER": "ada",
            "LOGNAME": "ada",
            "HOSTNAME": "one",
            "LANG": "C",
        },
        {
            "PYTHONHASHSEED": "2",
            "LC_ALL": "C.UTF-8",
            "TZ": "America/Los_Angeles",
            "SOURCE_DATE_EPOCH": "1",
            "HOME": "/nonexistent",
            "USER": "北",
            "LOGNAME": "北",
            "HOSTNAME": "other",
            "LANG": "tr_TR.UTF-8",
        },
    ]
    results = []
    for name, environment in zip(("one", "other place 北"), environments, strict=True):
        root = write(tmp_path / name, files)
        cwd = root if name == "one" else tmp_path
        done = subprocess.run(
            [sys.executable, "-m", "compiler", "build", "--root", str(root)],
            cwd=cwd,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **environment},
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr.decode()
        results.append(
            {path: (root / "build" / path).read_bytes() for path in below(root / "build") if "lock.yaml" in path}
        )
    assert results[0] == results[1]
    assert len(results[0]) >= 20
    built = REPOSITORY / "build"
    locks = built.rglob("*.lock.yaml")
    committed = {str(file.relative_to(built)): file.read_bytes() for file in locks}
    assert results[0] == committed


def test_a_build_in_any_order_gives_the_same_bytes(tmp_path: Path) -> None:
    """Presets compiled one by one, in reverse, from disk and from memory: the same locks."""
    made = project(tmp_path, WORLD)
    sources = made.everything()
    expected = {source: made.compile(source).data for source in sources}
    backwards = look(tmp_path)
    assert {source: backwards.compile(source).data for source in reversed(sources)} == expected
    memory = Workspace(layout(tmp_path), Memory({path: str(text).encode() for path, text in WORLD.items()}))
    assert {source: memory.compile(source).data for source in sources} == expected


GOLDEN = sorted(path for path in (REPOSITORY / "tests" / "golden").iterdir() if path.is_dir())


@pytest.mark.parametrize("case", GOLDEN, ids=[case.name for case in GOLDEN])
def test_a_golden_tree_compiles_to_its_expected_locks(tmp_path: Path, case: Path) -> None:
    """The folder's name is the sentence: its `configs/` compile to those of `expected/`, to the byte."""
    files = {f"configs/{path}": (case / "configs" / path).read_bytes() for path in below(case / "configs")}
    build(project(tmp_path, files))
    locks = {path: (tmp_path / "build" / path).read_text() for path in below(tmp_path / "build")}
    assert locks == {path: (case / "expected" / path).read_text() for path in below(case / "expected")}
    assert locks
