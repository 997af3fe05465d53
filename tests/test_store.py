"""store: a lock is written whole or not at all, and one build runs at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builders import grow_once_measured, layout, look, project, worded, write
from builds import LOCKS, WORLD, below
from compiler import store
from compiler.pipeline import build
from compiler.problems import BuildLocked, Invalid
from compiler.store import BuildLock, locks_below, remove_lock, write_atomic, write_lock
from compiler.tree import MAX_FOLDERS
from holding import Holder

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


def test_what_a_killed_build_left_is_deleted_by_the_next(tmp_path: Path) -> None:
    """Who finds the number of a process that did not let go looks for its temporary files, and for no other file."""
    torn, kept = ("build/train/.0123456789abcdef.tmp", "build/.cache/.fedcba9876543210.tmp"), "build/train/.mine.tmp"
    write(tmp_path, dict.fromkeys((*torn, kept), "torn"))
    with BuildLock(layout(tmp_path), 0):
        assert {*torn, kept} <= set(below(tmp_path))  # nobody was killed: nobody looks
    write(tmp_path, {"build/.cache/build.lock": "1234567\n"})
    with BuildLock(layout(tmp_path), 0):
        assert (tmp_path / "build/.cache/build.lock").read_text() == f"{os.getpid()}\n"
        assert [path for path in below(tmp_path) if path.endswith(".tmp")] == [kept]


def test_two_that_write_at_once_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one writes another may write the same file, whole; the one that replaces it last is the one that stays."""
    file = tmp_path / "x.lock.yaml"
    whole = os.write

    def meanwhile(descriptor: int, data: bytes) -> int:
        monkeypatch.setattr(os, "write", whole)
        done = whole(descriptor, bytes(data[:2]))
        write_atomic(str(file), b"theirs")
        assert file.read_bytes() == b"theirs"
        return done

    monkeypatch.setattr(os, "write", meanwhile)
    write_atomic(str(file), b"ours, and more")
    assert file.read_bytes() == b"ours, and more"
    assert below(tmp_path) == ["x.lock.yaml"]


def test_a_name_as_long_as_names_can_be_is_written(tmp_path: Path) -> None:
    """The temporary file does not need a longer one."""
    name = "x" * 255
    write_atomic(str(tmp_path / name), b"1")
    assert below(tmp_path) == [name]


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


def test_a_link_at_the_temporary_file_s_place_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing outside is written through a link that lies in the way, be it that somebody guessed the name."""
    monkeypatch.setattr(os, "urandom", bytes)
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / f".{bytes(8).hex()}.tmp").symlink_to("victim")
    with pytest.raises(FileExistsError):
        write_atomic(str(tmp_path / "x"), b"new")
    assert (tmp_path / "victim").read_bytes() == b"precious"
    assert not (tmp_path / "x").exists()


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


def test_write_lock_says_whether_it_wrote(tmp_path: Path) -> None:
    """True for new bytes, false for equal ones."""
    where = layout(tmp_path)
    data = build(project(tmp_path, WORLD)) and (tmp_path / LOCKS[2]).read_bytes()
    assert write_lock(where, "build/new.lock.yaml", data) is True
    assert write_lock(where, "build/new.lock.yaml", data) is False
    assert store.read_file(str(tmp_path / "build/new.lock.yaml")) == data
    assert store.read_file(str(tmp_path / "build/none")) is None


def test_a_lock_that_grows_while_it_is_read_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who writes it in place, and not by a rename, hides no bytes."""
    file = tmp_path / "x.lock.yaml"
    file.write_bytes(b"one")
    grow_once_measured(monkeypatch, file, b", and then two")
    assert store.read_file(str(file)) == b"one, and then two"


def test_no_lock_is_written_through_a_link_out_of_the_build_folder(tmp_path: Path) -> None:
    """It is told as `outside-root`, the other locks are built, and where the link leads nothing is touched."""
    made = project(tmp_path / "repository", WORLD)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "repository/build").mkdir()
    (tmp_path / "repository/build/train").symlink_to(elsewhere)
    found = build(made)
    assert list(found.built) == ["build/fusion/m.lock.yaml"]
    assert worded(found.problems[:1], {}) == (
        "build/train/p.lock.yaml: error: `build/train/p.lock.yaml` would be written elsewhere [outside-root]\n"
        "  why: a link leads out of the build folder"
    )
    assert below(elsewhere) == []


def test_what_lies_deeper_than_any_source_is_no_lock(tmp_path: Path) -> None:
    """The lock of the deepest source that can be is listed; what lies a folder deeper is neither listed nor removed."""
    deep, deeper = ("d/" * (MAX_FOLDERS + more) for more in (1, 2))
    assert list(build(project(tmp_path, {f"configs/train/{deep[2:]}p.yaml": "x: 1"})).built) == [
        f"build/train/{deep[2:]}p.lock.yaml"
    ]
    write(tmp_path, {f"build/train/{deeper[2:]}p.lock.yaml": ""})
    assert locks_below(layout(tmp_path)) == ([f"build/train/{deep[2:]}p.lock.yaml"], [])


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


# ------------------------------------------------------------------------------------- the build lock


def test_one_build_at_a_time(tmp_path: Path) -> None:
    """Another process is kept out, named by its number, and let in when the holder ends."""
    held = Holder(tmp_path)
    said: list[str] = []
    started = time.monotonic()
    with pytest.raises(BuildLocked) as caught:
        BuildLock(layout(tmp_path), 0.2, said.append).acquire()
    assert 0.2 <= time.monotonic() - started < 5
    assert said == [f"waiting for another build (process {held.number})"]
    assert caught.value.exit_code == 75
    assert worded(caught.value.problems, {}) == (
        f"build/.cache/build.lock: error: another build is at work (process {held.number}) [build-locked]\n"
        "  why: it did not end within 0.2 seconds\n"
        "  hint: try again when it has ended; a build that was killed holds nothing"
    )
    held.release()
    with BuildLock(layout(tmp_path), 0) as lock:
        assert lock.waited is False


def test_a_build_waits_for_the_other_and_says_so_once(tmp_path: Path) -> None:
    """A wait that ends in time is no error."""
    held = Holder(tmp_path)
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        held.release()

    lock = BuildLock(layout(tmp_path), 20, say)
    assert lock.acquire() is True
    assert lock.waited is True
    assert len(said) == 1
    lock.release()


def test_a_killed_build_holds_nothing(tmp_path: Path) -> None:
    """The kernel frees the lock with its process, however that ends."""
    Holder(tmp_path).kill()
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


def test_what_is_no_file_in_the_place_of_the_build_lock_is_told(tmp_path: Path) -> None:
    """A pipe is neither waited for nor taken for the lock."""
    (tmp_path / "build/.cache").mkdir(parents=True)
    os.mkfifo(tmp_path / "build/.cache/build.lock")
    with pytest.raises(Invalid) as caught:
        BuildLock(layout(tmp_path), 0).acquire()
    assert "[write-failed]\n  why: it is not a regular file\n" in worded(caught.value.problems, {})
