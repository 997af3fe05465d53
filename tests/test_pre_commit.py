"""The hooks, as pre-commit runs them in a repository that adopts them by `repo:` and `rev:`."""

from __future__ import annotations

import os
import site
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from builders import REPOSITORY, write
from compiler.arguments import parser
from repositories import OWN, git, snapshot

HOOKS = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))

FILES = {
    "pyproject.toml": '[tool.trainlock]\npresets = ["train/*.yaml"]\n',
    "configs/base.yaml": "tuner: {rank: 32}\n",
    "configs/train/a.yaml": "extends: ../base.yaml\nseed: 17\n",
    "README.md": "Ours.\n",
}

LENT = {
    # pip installs the hook as for anybody; what it needs besides comes from the environment of the tests
    "PIP_NO_INDEX": "1",
    "PIP_NO_DEPS": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # pip's word for: none
    "PYTHONPATH": os.pathsep.join(site.getsitepackages()),
    "VIRTUALENV_NO_PERIODIC_UPDATE": "1",
}


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as it stands, for others to adopt, beside what pre-commit keeps."""
    return snapshot(tmp_path_factory.mktemp("hooks") / "trainlock")


class Adopter:
    """A repository that has adopted a hook."""

    def __init__(self, root: Path, hooks: Path, hook: str) -> None:
        """Write it, build nothing, and install the hook."""
        self.root = root
        self._kept = hooks.parent / "kept"
        rev = git(hooks, "rev-parse", "HEAD").strip()
        config = {"repos": [{"repo": str(hooks), "rev": rev, "hooks": [{"id": hook}]}]}
        write(root, {**FILES, ".pre-commit-config.yaml": yaml.safe_dump(config)})
        git(root, "init", "-q", "-b", "main")
        self.run(sys.executable, "-m", "pre_commit", "install")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the repository, as somebody whose environment has a `trainlock` of its own does not."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        return subprocess.run(
            command,
            cwd=self.root,
            env={**kept, **OWN, **LENT, "PRE_COMMIT_HOME": str(self._kept)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def commit(self, *paths: str) -> str:
        """Stage paths and commit; gives what is said where the commit is refused, and nothing where it is made."""
        self.run("git", "add", "-A", "--", *paths)
        before = self.run("git", "rev-parse", "-q", "--verify", "HEAD").stdout
        done = self.run("git", "commit", "-q", "-m", "work")
        assert "Traceback" not in done.stdout, done.stdout
        assert (done.returncode == 0) == (self.run("git", "rev-parse", "-q", "--verify", "HEAD").stdout != before)
        return done.stdout if done.returncode else ""

    def committed(self, path: str) -> str:
        """Give the content of a file as it was committed last."""
        return self.run("git", "show", f"HEAD:{path}").stdout


def test_the_build_hook_writes_locks_and_waits_until_they_are_added(hooks: Path, tmp_path: Path) -> None:
    """A new lock, a changed one, and one whose source is gone: each commit that lacks one is refused, and again."""
    adopter = Adopter(tmp_path / "theirs", hooks, "trainlock-build")
    lock = "build/train/a.lock.yaml"
    for _ in range(2):
        refused = adopter.commit("configs", "pyproject.toml", ".pre-commit-config.yaml", "README.md")
        assert "1 lock is not staged as it lies in the build folder [lock-unstaged]" in refused
        assert f"note: {lock} is not in git" in refused
    assert adopter.commit("build") == ""
    assert "rank: 32" in adopter.committed(lock)

    write(adopter.root, {"configs/base.yaml": "tuner: {rank: 8}\n"})
    assert f"note: {lock} is staged with other content" in adopter.commit("configs")
    assert adopter.commit("build") == ""
    assert "rank: 8" in adopter.committed(lock)

    write(adopter.root, {"configs/train/b.yaml": "seed: 1\n"})
    adopter.run("git", "rm", "-q", "configs/train/a.yaml")
    refused = adopter.commit("configs")
    assert f"note: {lock} is deleted, and git still has it" in refused
    assert "note: build/train/b.lock.yaml is not in git" in refused
    assert adopter.commit("build") == ""
    assert "fatal" in adopter.committed(lock)


def test_the_check_hook_refuses_a_stale_lock_and_writes_nothing(hooks: Path, tmp_path: Path) -> None:
    """With the message and the way out; a good commit passes, and so does one that concerns no config."""
    adopter = Adopter(tmp_path / "theirs", hooks, "trainlock-check")
    assert "[lock-missing]" in adopter.commit(".")
    trainlock = [sys.executable, "-m", "compiler"]
    assert adopter.run(*trainlock, "build").returncode == 0
    assert adopter.commit(".") == ""

    write(adopter.root, {"configs/base.yaml": "tuner: {rank: 8}\n"})
    refused = adopter.commit(".")
    assert "every lock is what its sources compile to" in refused
    assert "the lock `build/train/a.lock.yaml` is out of date [lock-stale]" in refused
    assert "why: `tuner.rank` is `32` and compiles to `8`" in refused
    assert "hint: run `doit`" in refused
    assert "rank: 32" in (adopter.root / "build/train/a.lock.yaml").read_text()
    assert adopter.run(*trainlock, "build").returncode == 0
    assert "[lock-stale]" in adopter.commit("configs")  # pre-commit looks at what is staged alone
    assert adopter.commit(".") == ""

    write(adopter.root, {"README.md": "Ours, still.\n"})
    assert adopter.commit(".") == ""


def test_a_commit_that_only_deletes_a_fragment_is_looked_at(hooks: Path, tmp_path: Path) -> None:
    """It names no file to pre-commit, and breaks every preset that extends the fragment."""
    adopter = Adopter(tmp_path / "theirs", hooks, "trainlock-check")
    adopter.run(sys.executable, "-m", "compiler", "build")
    assert adopter.commit(".") == ""
    adopter.run("git", "rm", "-q", "configs/base.yaml")
    assert "base `../base.yaml` does not exist [missing-base]" in adopter.commit(".")


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_says_what_the_command_takes(hook: dict[str, object]) -> None:
    """Its entry is a command of ours, given no file names; and its files are configs, whatever their suffix."""
    assert hook["pass_filenames"] is False
    assert hook["language"] == "python"
    name, *arguments = str(hook["entry"]).split()
    assert name == "trainlock"
    assert f"trainlock-{parser().parse_args(arguments).verb}" == hook["id"]
    assert parser().parse_args(arguments).staged


def test_the_manifest_is_one() -> None:
    """pre-commit's own validator takes it."""
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", ".pre-commit-hooks.yaml"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
