"""pipeline and store: the verbs, the writes, one build at a time, and the same bytes everywhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builders import REPOSITORY, Files, layout, look, project, worded, write
from compiler import pipeline, store
from compiler.pipeline import Workspace, build, check, listing, why
from compiler.problems import BuildLocked, Invalid, UsageError
from compiler.store import BuildLock, remove_lock, write_atomic, write_lock
from compiler.tree import Memory
from compiler.values import plain

MIX = "targets: [{name: a, dataset: d, train_jsonl: a.jsonl}]\n"
WORLD: Files = {
    "configs/base.yaml": "lr: 1\nseed: 2\n",
    "configs/fusion/m.yaml": MIX,
    "configs/train/p.yaml": "extends: ../base.yaml\nfusion: configs/fusion/m.yaml\n",
    "configs/train/sub/q.yaml": "extends: ../../base.yaml\nlr: 3\n",
}
LOCKS = ["build/fusion/m.lock.yaml", "build/train/p.lock.yaml", "build/train/sub/q.lock.yaml"]


def codes(found: pipeline.Check | pipeline.Build) -> list[str]:
    """Give file and code of each problem of a verb."""
    return [f"{problem.origin.file} {problem.code}" for problem in found.problems]


def below(folder: Path) -> list[str]:
    """Give every file below a folder, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# ---------------------------------------------------------------------------------------------- writing


def test_a_write_makes_folders_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    """What is written is there whole, and nothing else is."""
    file = tmp_path / "a" / "b" / "x.lock.yaml"
    for data in (b"one", b"two two", b""):
        write_atomic(str(file), data)
        assert file.read_bytes() == data
        assert below(tmp_path) == ["a/b/x.lock.yaml"]


def failing(error: OSError, after: int = 0) -> Callable[..., Any]:
    """Give a call of the system that fails, after so many that do a little."""
    calls = [0]

    def call(*arguments: Any) -> Any:
        calls[0] += 1
        if calls[0] > after:
            raise error
        return os.pwrite(arguments[0], bytes(arguments[1][:1]), 0)

    return call


@pytest.mark.parametrize("call", ["write", "replace"])
@pytest.mark.parametrize("existing", [True, False])
def test_a_write_that_fails_leaves_the_old_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, existing: bool
) -> None:
    """Old or new, never half: a full disk at any step leaves what was there, and no temporary file."""
    file = tmp_path / "x.lock.yaml"
    if existing:
        file.write_bytes(b"old")
    monkeypatch.setattr(os, call, failing(OSError(28, "No space left on device"), after=int(call == "write")))
    with pytest.raises(OSError, match="No space left"):
        write_atomic(str(file), b"new bytes")
    monkeypatch.undo()
    assert below(tmp_path) == (["x.lock.yaml"] if existing else [])
    assert not existing or file.read_bytes() == b"old"


def test_a_torn_temporary_file_of_a_killed_build_is_no_obstacle(tmp_path: Path) -> None:
    """What a kill left behind is overwritten by the next build."""
    made = project(tmp_path, WORLD)
    write(tmp_path, {"build/train/.p.lock.yaml.tmp": "torn"})
    build(made)
    assert [path for path in below(tmp_path / "build") if not path.startswith(".cache")] == [
        lock.removeprefix("build/") for lock in LOCKS
    ]
    assert codes(check(look(tmp_path))) == []


def test_a_short_write_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes a byte at a time gets all of them."""
    whole = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, bytes(data[:1])))
    write_atomic(str(tmp_path / "x"), b"many bytes")
    assert (tmp_path / "x").read_bytes() == b"many bytes"


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_the_mode_follows_the_umask(tmp_path: Path, mask: int) -> None:
    """A lock has the mode of any file that its owner makes."""
    before = os.umask(mask)
    try:
        write_atomic(str(tmp_path / "x"), b"1")
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_link_at_the_temporary_file_s_place_is_not_followed(tmp_path: Path) -> None:
    """Nothing outside is written through a link that lies in the way."""
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / ".x.tmp").symlink_to("victim")
    write_atomic(str(tmp_path / "x"), b"new")
    assert (tmp_path / "x").read_bytes() == b"new"
    assert not (tmp_path / "x").is_symlink()
    assert (tmp_path / "victim").read_bytes() == b"precious"


def test_an_unchanged_lock_is_not_touched(tmp_path: Path) -> None:
    """A second build rewrites nothing: inode and mtime stay."""
    first = build(project(tmp_path, WORLD))
    assert (list(first.built), list(first.unchanged)) == (LOCKS, [])
    before = [((tmp_path / lock).stat().st_ino, (tmp_path / lock).stat().st_mtime_ns) for lock in LOCKS]
    second = build(look(tmp_path))
    assert (list(second.built), list(second.unchanged)) == ([], LOCKS)
    assert [((tmp_path / lock).stat().st_ino, (tmp_path / lock).stat().st_mtime_ns) for lock in LOCKS] == before
    write(tmp_path, {"configs/train/sub/q.yaml": "extends: ../../base.yaml\nlr: 4\n"})
    third = build(look(tmp_path))
    assert list(third.built) == ["build/train/sub/q.lock.yaml"]


def test_a_lock_that_cannot_be_written_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One write error is told with its reason; the other locks are written."""
    made = project(tmp_path, WORLD)
    replace = os.replace

    def refuse(source: str, target: str) -> None:
        if target.endswith("p.lock.yaml"):
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    found = build(made)
    assert (list(found.built), list(found.failed)) == ([LOCKS[0], LOCKS[2]], ["configs/train/p.yaml"])
    assert worded(found.problems, {}) == (
        "build/train/p.lock.yaml: error: `build/train/p.lock.yaml` cannot be written [write-failed]\n"
        "  why: no space left on device\n"
        "  hint: what was there before is unchanged"
    )


def test_a_file_in_the_place_of_a_folder_fails_its_locks_alone(tmp_path: Path) -> None:
    """Where `build/train` is a file, the locks below it fail and the others are built."""
    made = project(tmp_path, {**WORLD, "build/train": "a file"})
    found = build(made)
    assert list(found.built) == ["build/fusion/m.lock.yaml"]
    assert {problem.code for problem in found.problems} == {"write-failed"}


# ------------------------------------------------------------------------------------- the build lock

HOLDER = """
import sys, time
from compiler.catalog import Layout
from compiler.settings import Settings
from compiler.store import BuildLock
lock = BuildLock(Layout(sys.argv[1], Settings()), 0)
lock.acquire()
print("held", flush=True)
sys.stdin.read()
lock.release()
"""


def holder(root: Path) -> subprocess.Popen[str]:
    """Start a process that holds the build lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def finish(process: subprocess.Popen[str]) -> None:
    """End a holder in peace."""
    process.communicate()
    assert process.returncode == 0


def test_one_build_at_a_time(tmp_path: Path) -> None:
    """Another process is kept out, named by its number, and let in when the holder ends."""
    process = holder(tmp_path)
    said: list[str] = []
    started = time.monotonic()
    with pytest.raises(BuildLocked) as caught:
        BuildLock(layout(tmp_path), 0.2, said.append).acquire()
    assert 0.2 <= time.monotonic() - started < 5
    assert said == [f"waiting for another build (process {process.pid})"]
    assert caught.value.exit_code == 75
    assert worded(caught.value.problems, {}) == (
        f"build/.cache/build.lock: error: another build is at work (process {process.pid}) [build-locked]\n"
        "  why: it did not end within 0.2 seconds\n"
        "  hint: try again when it has ended; a build that was killed holds nothing"
    )
    finish(process)
    with BuildLock(layout(tmp_path), 0) as lock:
        assert lock.waited is False


def test_a_build_waits_for_the_other_and_says_so_once(tmp_path: Path) -> None:
    """A wait that ends in time is no error."""
    process = holder(tmp_path)
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        assert process.stdin is not None
        process.stdin.close()

    lock = BuildLock(layout(tmp_path), 20, say)
    assert lock.acquire() is True
    assert lock.waited is True
    assert len(said) == 1
    lock.release()
    assert process.wait() == 0
    assert process.stdout is not None
    process.stdout.close()


def test_a_killed_build_holds_nothing(tmp_path: Path) -> None:
    """The kernel frees the lock with its process, however that ends."""
    process = holder(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with BuildLock(layout(tmp_path), 5):
        assert below(tmp_path) == ["build/.cache/.gitignore", "build/.cache/build.lock"]


def test_a_lock_is_taken_once_and_let_go_once(tmp_path: Path) -> None:
    """Taking again what is held, and letting go twice, do nothing; afterwards it can be taken again."""
    lock = BuildLock(layout(tmp_path), 0)
    assert [lock.acquire(), lock.acquire()] == [False, False]
    lock.release()
    lock.release()
    with lock:
        assert (tmp_path / "build/.cache/build.lock").read_text() == f"{os.getpid()}\n"
    assert (tmp_path / "build/.cache/.gitignore").read_text() == "*\n"


def test_without_a_place_for_the_lock_nothing_is_built(tmp_path: Path) -> None:
    """Where the build folder cannot be made the build ends before it begins, and says why."""
    write(tmp_path, {"build": "a file"})
    with pytest.raises(Invalid) as caught:
        BuildLock(layout(tmp_path), 0).acquire()
    assert [problem.code for problem in caught.value.problems] == ["write-failed"]


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


def test_remove_lock_deletes_only_what_is_ours(tmp_path: Path) -> None:
    """A file without our header stays; one that is not there is no error; the build folder itself stays."""
    where = layout(tmp_path)
    write(tmp_path, {"build/a.lock.yaml": "x: 1\n", "build/sub/b.lock.yaml": ""})
    assert remove_lock(where, "build/a.lock.yaml") is False
    assert remove_lock(where, "build/gone.lock.yaml") is False
    assert remove_lock(where, "build/sub/b.lock.yaml") is True
    assert below(tmp_path) == ["build/a.lock.yaml"]
    (tmp_path / "build/a.lock.yaml").write_text("")
    assert remove_lock(where, "build/a.lock.yaml") is True
    assert (tmp_path / "build").is_dir()


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
    """A component that nothing extends is checked by itself."""
    files = {
        **WORLD,
        "configs/components/two.yaml": "a: 1\nb: 2",
        "configs/components/bad.yaml": "1: x",
        "configs/components/good.yaml": "extends: nothing.yaml\na: 1",
    }
    given = {"components": ("components/**/*.yaml",)}
    build(project(tmp_path, files, **given))
    assert codes(check(look(tmp_path, **given))) == [
        "configs/components/bad.yaml non-string-key",
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


# ---------------------------------------------------------------------------------------------- why


def answer(files: Files, key: str, tmp_path: Path, source: str = "configs/train/p.yaml", **given: Any) -> list[str]:
    """Ask why, and give the value with its place and each that it overrode."""
    found = why(project(tmp_path, files, **given), source, key)
    told = [f"{plain(found.node)!r} {found.node.origin}"]
    return [*told, *(f"{lost.path} {plain(lost.value)!r} {lost.origin}" for lost in found.overrode)]


LAYERS: Files = {
    "configs/a.yaml": "tuner: {rank: 8, x: 1}\nops: [{p: 0.1}]\n",
    "configs/b.yaml": "tuner: null\n",
    "configs/c.yaml": "tuner: {rank: 16}\nops: [{p: 0.2}]\n",
    "configs/train/p.yaml": "extends: [../a.yaml, ../b.yaml, ../c.yaml]\ntuner:\n  rank: 32\n",
}


def test_why_tells_the_value_its_place_and_everything_overridden(tmp_path: Path) -> None:
    """Latest first, a null that masked the mapping included."""
    assert answer(LAYERS, "tuner.rank", tmp_path) == [
        "32 configs/train/p.yaml:3:3",
        "tuner.rank 16 configs/c.yaml:1:9",
        "tuner None configs/b.yaml:1:1",
        "tuner.rank 8 configs/a.yaml:1:9",
    ]
    assert answer(LAYERS, "ops[0].p", tmp_path) == [
        "0.2 configs/c.yaml:2:8",
        "ops[0].p 0.1 configs/a.yaml:2:8",
    ]


def test_why_follows_an_entry_by_its_name_through_lists_of_other_lengths(tmp_path: Path) -> None:
    """What `sources[b].ratio` overrode is b's, wherever b stood, and never another entry's."""

    def source(name: str, ratio: float) -> str:
        return f"{{name: {name}, dataset: {name}, train_jsonl: x, ratio: {ratio}}}"

    target = "targets: [{dataset: t, train_jsonl: t}]"
    files = {
        "configs/fusion/base.yaml": f"{target}\nsources: [{source('a', 1)}, {source('b', 2)}]",
        "configs/fusion/mid.yaml": "extends: base.yaml\nsources: []",
        "configs/fusion/m.yaml": f"extends: mid.yaml\nsources: [{source('b', 3)}]",
        "configs/train/p.yaml": "fusion: configs/fusion/m.yaml",
    }
    told = answer(files, "sources[b].ratio", tmp_path)
    assert told[0] == "3 configs/fusion/m.yaml:2:49"
    assert any(line.startswith("sources[b].ratio 2 configs/fusion/base.yaml:2:") for line in told)
    assert not any(" 1 " in line for line in told)


def test_why_answers_of_the_mix_and_of_its_path(tmp_path: Path) -> None:
    """A key of the mix is found through the preset; the path itself shows source and lock."""
    made = project(tmp_path, WORLD)
    found = why(made, "configs/train/p.yaml", "targets[a].dataset")
    assert (found.document, plain(found.node), str(found.node.origin)) == (
        "configs/fusion/m.yaml",
        "d",
        "configs/fusion/m.yaml:1:21",
    )
    found = why(made, "configs/train/p.yaml", "fusion")
    assert (plain(found.node), found.lock_value) == ("configs/fusion/m.yaml", "build/fusion/m.lock.yaml")
    assert why(made, "configs/train/p.yaml", "lr").lock_value is None
    assert why(made, "configs/train/p.yaml", "fusion:targets").document == "configs/fusion/m.yaml"


def test_why_of_an_unknown_key_says_what_masked_it(tmp_path: Path) -> None:
    """A key that is not set is told with the nearest, and with what took it away."""
    made = project(tmp_path, LAYERS)
    with pytest.raises(UsageError) as caught:
        why(made, "configs/train/p.yaml", "tuner.rnk")
    assert worded(caught.value.problems, {}) == (
        "error: `tuner.rnk` is not set in `configs/train/p.yaml` [unknown-key]\n  hint: there is `rank`"
    ) or "did you mean `rank`?" in worded(caught.value.problems, {})
    with pytest.raises(UsageError) as caught:
        why(made, "configs/train/p.yaml", "tuner.x")
    assert "configs/a.yaml:1:18 held `1`" in worded(caught.value.problems, {})


def test_why_of_a_preset_that_does_not_compile_is_its_problems(tmp_path: Path) -> None:
    """There is no half answer."""
    made = project(tmp_path, {"configs/train/p.yaml": "x: 1\nextends: gone.yaml"})
    with pytest.raises(Invalid, match="does not exist"):
        why(made, "configs/train/p.yaml", "x")


# ---------------------------------------------------------------------------------------------- determinism


def test_two_builds_on_unlike_machines_give_the_same_bytes(tmp_path: Path) -> None:
    """Working directory, hash seed, locale, time zone and the place of the repository reach no lock."""
    files = {str(file.relative_to(REPOSITORY)): file.read_bytes() for file in (REPOSITORY / "configs").rglob("*.yaml")}
    files["pyproject.toml"] = (REPOSITORY / "pyproject.toml").read_bytes()
    environments = [
        {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "Asia/Shanghai", "PYTHONUTF8": "0"},
        {"PYTHONHASHSEED": "2", "LC_ALL": "C.UTF-8", "TZ": "America/Los_Angeles"},
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


def test_write_lock_says_whether_it_wrote(tmp_path: Path) -> None:
    """True for new bytes, false for equal ones."""
    where = layout(tmp_path)
    data = build(project(tmp_path, WORLD)) and (tmp_path / LOCKS[2]).read_bytes()
    assert write_lock(where, "build/new.lock.yaml", data) is True
    assert write_lock(where, "build/new.lock.yaml", data) is False
    assert store.read_file(str(tmp_path / "build/new.lock.yaml")) == data
    assert store.read_file(str(tmp_path / "build/none")) is None
