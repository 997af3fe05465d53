"""Git repositories that a test makes for itself: nothing of the user's own settings reaches them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from builders import REPOSITORY, Files, write

OWN: Final = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}


def git(root: Path, *arguments: str) -> str:
    """Run git in a folder; gives what it prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", "-C", str(root), *arguments], env={**kept, **OWN}, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return os.fsdecode(done.stdout)


def commit(root: Path, files: Files | None = None) -> str:
    """Write files and commit everything that lies in a repository, which is made if need be; gives the hash."""
    root.mkdir(parents=True, exist_ok=True)
    if not (root / ".git").exists():
        git(root, "init", "-q", "-b", "main")
    write(root, files or {})
    git(root, "add", "-A", "-f")
    git(root, "commit", "-q", "--allow-empty", "-m", "work")
    return git(root, "rev-parse", "HEAD").strip()


def snapshot(root: Path) -> Path:
    """Copy this repository as it stands, what is tracked and what is not ignored, and commit it; gives the folder."""
    listed = git(REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in {name for name in listed.split("\0") if name}:
        source = REPOSITORY / name
        if source.is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, root / name)
    commit(root)
    return root
