"""history: which names are commits, what is told of the others and of damage, and that nothing is left behind."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from builders import REPOSITORY, problems_of, worded, write
from cli_runs import tree as everything
from compiler.history import Revision
from compiler.tree import load
from repositories import commit, git


def refusal(root: Path, name: str) -> str:
    """Give the whole text with which a revision is refused; it is wrong usage."""
    [problem] = problems_of(lambda: Revision(str(root), name))
    assert problem.code == "unknown-revision"
    return worded([problem], {})


def unreadable(revision: Revision, path: str) -> str:
    """Give the whole text with which a file of a revision is refused."""
    return worded(problems_of(lambda: load(revision, path)), {})


# ------------------------------------------------------------------------------------------ names of revisions


def test_whatever_git_takes_for_a_commit_is_one(tmp_path: Path) -> None:
    """A branch, tags of both kinds, a short hash, a way back, a search, an abbreviation."""
    first = commit(tmp_path, {"a.yaml": "x: 1"})
    git(tmp_path, "tag", "light")
    git(tmp_path, "tag", "-a", "-m", "note", "heavy/tag")
    git(tmp_path, "branch", "old")
    git(tmp_path, "branch", "--", "configs")
    second = commit(tmp_path, {"a.yaml": "x: 2"})
    for name in (
        first,
        first[:8],
        "light",
        "heavy/tag",
        "old",
        "HEAD~1",
        "HEAD^",
        "main@{1}",
        "configs",
        "refs/tags/light",
    ):
        assert Revision(str(tmp_path), name).commit == first
    for name in ("HEAD", "@", "main", ":/work", second.upper()):
        assert Revision(str(tmp_path), name).commit == second


NO_COMMITS = [
    *("", "-", "--all", "--help", "--git-dir=/nowhere", "-n1", "a\0b", "main\n", "\nmain", "nothing", "a b", "\ud800"),
    *("HEAD:a.yaml", ":a.yaml", "HEAD^{tree}", "HEAD~9", "main..old", "^main", "HEAD^@", "origin/main", "0" * 40),
]


@pytest.mark.parametrize("name", NO_COMMITS)
def test_what_is_no_commit_is_refused(tmp_path: Path, name: str) -> None:
    """One problem, wrong usage; a name is never taken for an option, and is shown so that a terminal bears it."""
    commit(tmp_path, {"a.yaml": "x: 1"})
    said = refusal(tmp_path, name)
    assert said.startswith("error: `")
    assert said.split("\n")[0].endswith("` is neither a folder nor a revision of this repository [unknown-revision]")
    assert len(said.split("\n")) == 3
    assert "usage:" not in said


def test_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No commit of the name, no repository, no commit at all, no git: each is said, and what helps."""
    repository = tmp_path / "repository"
    commit(repository, {"a.yaml": "x: 1"})
    unknown = "error: `{}` is neither a folder nor a revision of this repository [unknown-revision]\n"
    assert refusal(repository, "old") == unknown.format("old") + (
        "  why: git knows no commit of this name\n  hint: `git log` shows what there is"
    )
    assert "why: it leaves commits out, and names none" in refusal(repository, "^main")
    assert refusal(repository, "origin/main") == unknown.format("origin/main") + (
        "  why: git knows no commit of this name\n  hint: `git fetch` brings the branches of a remote"
    )
    (tmp_path / "plain").mkdir()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert refusal(tmp_path / "plain", "HEAD") == unknown.format("HEAD") + (
        "  why: not a git repository (or any of the parent directories): .git"
    )
    git(tmp_path / "plain", "init", "-q")
    assert "git knows no commit of this name" in refusal(tmp_path / "plain", "HEAD")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal(repository, "HEAD") == unknown.format("HEAD") + (
        "  why: git cannot be run: no such file or directory"
    )


def test_a_shallow_clone_says_that_it_is_one(tmp_path: Path) -> None:
    """Its one commit is read; of another the hint says how to get it."""
    commit(tmp_path / "far", {"a.yaml": "x: 1"})
    commit(tmp_path / "far", {"a.yaml": "x: 2"})
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{tmp_path}/far", "near")
    assert load(Revision(str(tmp_path / "near"), "HEAD"), "a.yaml").data == b"x: 2"
    assert "this clone is shallow: `git fetch --unshallow`" in refusal(tmp_path / "near", "HEAD~1")


@pytest.mark.parametrize("variable", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"])
def test_the_environment_of_a_hook_does_not_mislead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """The repository is the one around the root, whatever another one's hook has set."""
    commit(tmp_path / "mine", {"configs/a.yaml": "x: 1"})
    commit(tmp_path / "other", {"configs/a.yaml": "x: 2"})
    monkeypatch.setenv(variable, str(tmp_path / "other/.git"))
    revision = Revision(str(tmp_path / "mine"), "HEAD")
    (tmp_path / "mine/configs/a.yaml").rename(tmp_path / "mine/configs/b.yaml")
    git(tmp_path / "mine", "add", "-A")
    assert load(revision, "configs/a.yaml").data == b"x: 1"
    assert revision.renames("configs") == {"configs/a.yaml": "configs/b.yaml"}


# ------------------------------------------------------------------------------------------ what it leaves behind


def test_nothing_is_touched(tmp_path: Path) -> None:
    """Neither the working tree nor the index nor anything else of git's, though an index that is out of date tempts."""
    commit(tmp_path, {"configs/a.yaml": "x: 1", "configs/b.yaml": "y: 1"})
    old = git(tmp_path, "rev-parse", "HEAD").strip()
    commit(tmp_path, {"configs/a.yaml": "x: 2"})
    write(tmp_path, {"configs/b.yaml": "y: 2", "configs/new.yaml": "z: 1"})
    (tmp_path / "configs/a.yaml").touch()
    before = everything(tmp_path)
    revision = Revision(str(tmp_path), old)
    assert load(revision, "configs/a.yaml").data == b"x: 1"
    assert revision.walk("configs", "build").files == ["configs/a.yaml", "configs/b.yaml"]
    assert revision.renames("configs") == {}
    revision.close()
    assert everything(tmp_path) == before
    assert git(tmp_path, "status", "--porcelain") == " M configs/b.yaml\n?? configs/new.yaml\n"


def test_a_repository_without_a_working_tree_is_read(tmp_path: Path) -> None:
    """Nothing is checked out, so there need be nothing to check out to."""
    commit(tmp_path / "far", {"a.yaml": "x: 1"})
    git(tmp_path, "clone", "-q", "--bare", "far", "bare.git")
    assert load(Revision(str(tmp_path / "bare.git"), "main"), "a.yaml").data == b"x: 1"


def test_the_process_that_serves_objects_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process serves every read; it ends when asked, else with the revision, and nobody need remember it."""
    commit(tmp_path, {f"{name}.yaml": f"x: {name}" for name in "abc"})
    started: list[subprocess.Popen[bytes]] = []

    class Spied(subprocess.Popen[bytes]):
        def __init__(self, command: list[str], **given: Any) -> None:
            super().__init__(command, **given)
            if "cat-file" in command:
                started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Spied)
    revision = Revision(str(tmp_path), "HEAD")
    assert started == []
    for name in "abc":
        assert load(revision, f"{name}.yaml").data == f"x: {name}".encode()
    assert [process.poll() for process in started] == [None]
    revision.close()
    revision.close()
    assert [process.poll() is None for process in started] == [False]
    assert load(revision, "a.yaml").data == b"x: a"
    del revision
    gc.collect()
    assert [process.poll() is None for process in started] == [False, False]


def test_a_program_that_ends_leaves_no_warning(tmp_path: Path) -> None:
    """Even where every warning is shown and nothing was closed."""
    commit(tmp_path, {"a.yaml": "x: 1"})
    program = "from compiler.history import Revision; r = Revision('.', 'HEAD'); print(r.read('a.yaml'))"
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("b'x: 1'\n", "", 0)


# ------------------------------------------------------------------------------------------ damaged repositories


def objects(root: Path, path: str) -> Path:
    """Give the file in which git keeps the object of a committed file."""
    blob = git(root, "rev-parse", f"HEAD:{path}").strip()
    return root / ".git/objects" / blob[:2] / blob[2:]


@pytest.mark.parametrize("damage", ["missing", "no object", "torn"])
def test_a_damaged_object_is_one_problem_of_its_file(tmp_path: Path, damage: str) -> None:
    """It is told as a file that cannot be read; those beside it are read before and after."""
    commit(tmp_path, {"a.yaml": "x: 1", "b.yaml": "y: 1", "c.yaml": "z: 1"})
    (tmp_path / "link.yaml").symlink_to("a.yaml")
    commit(tmp_path)
    for path in ("b.yaml", "link.yaml"):
        file = objects(tmp_path, path)
        data = file.read_bytes()
        file.unlink()
        if damage != "missing":
            file.write_bytes(b"junk" if damage == "no object" else data[: len(data) // 2])
    revision = Revision(str(tmp_path), "HEAD")
    assert load(revision, "a.yaml").data == b"x: 1"
    for path in ("b.yaml", "link.yaml"):
        said = unreadable(revision, path)
        assert said.startswith(f"{path}: error: `{path}` cannot be read [unreadable-file]\n  why: git ")
        assert said.count("\n") == 1
        assert revision.real(path) == path
    assert load(revision, "c.yaml").data == b"z: 1"


def test_a_damaged_index_hides_what_was_moved_and_nothing_else(tmp_path: Path) -> None:
    """Without it git cannot say what the working tree moved; the revision is read all the same."""
    commit(tmp_path, {"configs/a.yaml": "x: 1"})
    git(tmp_path, "mv", "configs/a.yaml", "configs/b.yaml")
    revision = Revision(str(tmp_path), "HEAD")
    assert revision.renames("configs") == {"configs/a.yaml": "configs/b.yaml"}
    (tmp_path / ".git/index").write_bytes(b"junk")
    assert revision.renames("configs") == {}
    assert load(revision, "configs/a.yaml").data == b"x: 1"


def test_a_partial_clone_fetches_what_it_lacks_and_says_where_it_cannot(tmp_path: Path) -> None:
    """What a clone left out comes from where it was cloned; where that is gone, one problem a file."""
    commit(tmp_path / "far", {"a.yaml": "x: 1", "b.yaml": "y: 1"})
    git(tmp_path / "far", "config", "uploadpack.allowFilter", "true")
    git(tmp_path / "far", "config", "uploadpack.allowAnySHA1InWant", "true")
    git(tmp_path, "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{tmp_path}/far", "near")
    assert load(Revision(str(tmp_path / "near"), "HEAD"), "a.yaml").data == b"x: 1"
    (tmp_path / "far").rename(tmp_path / "gone")
    revision = Revision(str(tmp_path / "near"), "HEAD")
    assert "cannot be read [unreadable-file]" in unreadable(revision, "b.yaml")
    assert load(revision, "a.yaml").data == b"x: 1"


def test_a_commit_whose_tree_is_missing_is_refused(tmp_path: Path) -> None:
    """In git's words."""
    commit(tmp_path, {"a.yaml": "x: 1"})
    objects(tmp_path, "").unlink()
    assert "[unknown-revision]\n  why: not a tree object" in refusal(tmp_path, "HEAD")
