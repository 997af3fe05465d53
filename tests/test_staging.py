"""`--staged`: whether a commit would hold the locks as they lie in the build folder."""

from __future__ import annotations

from pathlib import Path

import pytest

import cli_runs
from cli_runs import Ask, Said, write
from repositories import commit, git

ask, built_once, built = cli_runs.ask, cli_runs.built_once, cli_runs.built

SMALL = "build/train/small.lock.yaml"


@pytest.fixture
def repository(built: Path) -> Path:
    """A repository whose locks are committed."""
    commit(built)
    git(built, "rm", "-rq", "--cached", "build/.cache")
    git(built, "commit", "-q", "--amend", "-m", "work")
    return built


def passes(said: Said) -> bool:
    """Say whether every lock is fresh and staged, whatever the checks warn of."""
    return said.code == 0 and said.out.startswith("4 fresh, 0 wrong") and "[lock-unstaged]" not in said.err


def notes(err: str) -> list[str]:
    """Give what is said of single locks."""
    return [line.removeprefix("  note: ") for line in err.splitlines() if line.startswith("  note: ")]


def test_locks_that_are_staged_pass(ask: Ask, repository: Path) -> None:
    """Committed or only added; nobody asks git without `--staged`."""
    assert passes(ask(repository, "check", "--staged"))
    write(repository, {"configs/train/small.yaml": "extends: ../base.yaml\n"})
    assert ask(repository, "build").code == 0
    git(repository, "add", "-A")
    assert passes(ask(repository, "check", "--staged"))
    assert ask(repository, "build", "--staged").code == 0


def test_what_a_build_writes_is_unstaged(ask: Ask, repository: Path) -> None:
    """A lock with other content, one that git never saw, and one that is gone: one problem, and the way out."""
    write(repository, {"configs/train/new.yaml": "a: 1\n", "configs/train/small.yaml": "extends: ../base.yaml\n"})
    (repository / "configs/train/masked.yaml").unlink()
    said = ask(repository, "build", "--staged")
    assert said.code == 1
    assert said.err.startswith("build: error: 4 locks are not staged as they lie in the build folder [lock-unstaged]\n")
    assert "  hint: `git add build`\n" in said.err
    assert notes(said.err) == [
        "build/train/deep/er.lock.yaml is staged with other content",
        "build/train/masked.lock.yaml is deleted, and git still has it",
        "build/train/new.lock.yaml is not in git",
        f"{SMALL} is staged with other content",
    ]
    assert notes(ask(repository, "build", "--staged").err) == notes(said.err)
    git(repository, "add", "build")
    assert ask(repository, "build", "--staged").code == 0


def test_what_is_no_lock_is_no_concern(ask: Ask, repository: Path) -> None:
    """Sources may wait for another commit, and so may whatever else lies in the build folder."""
    write(repository, {"build/notes.txt": "x", "configs/attic/other.yaml": "a: 1\n"})
    assert passes(ask(repository, "check", "--staged"))


def test_a_build_folder_that_git_ignores_is_no_concern(ask: Ask, built: Path) -> None:
    """A team may build its locks anew in each clone."""
    write(built, {".gitignore": "build/\n"})
    git(built, "init", "-q")
    assert passes(ask(built, "check", "--staged"))


def test_the_repository_root_may_be_a_folder_of_a_git_repository(ask: Ask, built: Path) -> None:
    """Paths count from our root, not from git's."""
    git(built.parent, "init", "-q")
    said = ask(built, "check", "--staged")
    assert said.code == 1
    assert f"{SMALL} is not in git" in notes(said.err)


def test_a_hook_asks_for_the_index_that_is_committed(
    ask: Ask, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`git commit FILE` makes one beside the usual index, and names it to its hooks."""
    write(repository, {"configs/train/new.yaml": "a: 1\n"})
    ask(repository, "build")
    index = repository / ".git/other"
    index.write_bytes((repository / ".git/index").read_bytes())
    git(repository, "add", "-A")
    assert ask(repository, "check", "--staged").code == 0
    monkeypatch.setenv("GIT_INDEX_FILE", str(index))
    assert notes(ask(repository, "check", "--staged").err) == ["build/train/new.lock.yaml is not in git"]


def test_without_git_it_is_a_usage_error(ask: Ask, built: Path) -> None:
    """In git's own words."""
    said = ask(built, "check", "--staged")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: `--staged` asks git, and git does not answer [bad-usage]\n  why: not a git rep")


def test_what_does_not_compile_is_told_before_it(ask: Ask, repository: Path) -> None:
    """The reason first; JSON and annotations have both."""
    write(repository, {"configs/train/small.yaml": "extends: ../bse.yaml\n", "build/train/masked.lock.yaml": ""})
    said = ask(repository, "check", "--staged")
    assert said.code == 1
    assert "[missing-base]" in said.err
    assert "[lock-unstaged]" in said.err
    assert "lock-unstaged" in ask(repository, "check", "--staged", "--json").out
    assert "title=lock-unstaged::" in ask(repository, "check", "--staged", "--format", "github").out
