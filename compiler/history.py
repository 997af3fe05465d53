"""A git revision as a `Tree`: bytes come from git's objects, and nothing is checked out.

The repository root may be a folder of the git repository. Whatever git refuses is told in its own words. What a hook's
environment says of another repository, or of another index, is not listened to; only `unstaged` asks for the index that
is about to be committed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import re
import subprocess
import weakref
from functools import cached_property
from itertools import takewhile
from typing import Final

from compiler.problems import Problem, UsageError, reason_of
from compiler.tree import MAX_BYTES, Listed, files_below

MAX_LINKS: Final = 40
"""How many symbolic links a path may follow, as on Linux."""

_LINK: Final = "120000"
_FILES: Final = ("100644", "100755", _LINK)

_HASH: Final = re.compile("[0-9a-f]{40,64}")

_ELSEWHERE: Final = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)
"""Variables that lead git to another repository than the one around a folder; git itself sets them for its hooks."""


def _command(root: str, *arguments: str) -> list[str]:
    return ["git", "--literal-pathspecs", "-C", root, *arguments]


def _environment(*kept: str) -> dict[str, str]:
    """Give the environment of git: the repository is the one around the root, and messages are in one language.

    Args:
        kept: variables of `_ELSEWHERE` that are listened to all the same.
    """
    own = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE or name in kept}
    return {**own, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def _git(root: str, *arguments: str, kept: str = "") -> bytes:
    """Run git in a folder and give what it prints.

    Args:
        root: the folder.
        arguments: of git.
        kept: a variable of a hook's environment that is listened to.

    Raises:
        OSError: git is not there, or refuses; what it calls fatal is the reason.
    """
    try:
        done = subprocess.run(
            _command(root, *arguments),
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=_environment(kept),
        )
    except OSError as error:
        raise OSError(error.errno, f"git cannot be run: {reason_of(error)}") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [""]
        reason = next((line for line in said if line.startswith(("fatal: ", "error: "))), said[-1])
        raise OSError(errno.EIO, reason.removeprefix("fatal: ").removeprefix("error: "))
    return done.stdout


class Revision:
    """The files of one commit as a `Tree`; entries of submodules are none."""

    def __init__(self, root: str, name: str) -> None:
        """Look a revision up; its files are listed once.

        Args:
            root: the repository root; a folder of a git repository.
            name: whatever git takes for a commit: a branch, a tag, `HEAD~1`.

        Raises:
            UsageError: `unknown-revision`.
        """
        self.name = name
        self._root = root
        try:
            named = self._hash_of(name)
            self.commit = self._hash_of(f"{named}^{{commit}}")
            prefix = _git(root, "rev-parse", "--show-prefix")
            listed = _git(root, "ls-tree", "-r", "-z", "--full-tree", self.commit)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise UsageError(_unknown(root, name, reason or "")) from None
        self._prefix = os.fsdecode(prefix).removesuffix("\n")
        self._blobs: dict[str, tuple[str, str]] = {}
        for row in filter(None, listed.split(b"\0")):
            about, _, path = row.partition(b"\t")
            mode, _, blob = about.decode().split(" ")[:3]
            if mode in _FILES:
                self._blobs[os.fsdecode(path)] = (mode, blob)
        self._targets: dict[str, str | None] = {}
        self._reader: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[..., Revision] | None = None

    def _hash_of(self, name: str) -> str:
        said = os.fsdecode(_git(self._root, "rev-parse", "--verify", "--quiet", "--end-of-options", name)).strip()
        if not _HASH.fullmatch(said):
            raise ValueError("it leaves commits out, and names none")
        return said

    # ------------------------------------------------------------------------------------------ as a tree

    def read(self, path: str) -> bytes:
        """Give a file's bytes; a symbolic link within the revision is followed."""
        place = self._follow(path)
        held = self._blobs.get(place)
        if held is None:
            if place in self._folders:
                raise IsADirectoryError(errno.EISDIR, "it is a folder", path)
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        data = self._blob(held[1])
        if held[0] == _LINK:
            raise OSError(errno.ELOOP, "Too many levels of symbolic links", path)
        return data

    def exists(self, path: str) -> bool:
        """Say whether the revision holds a file at the path, or files below it."""
        place = self._follow(path)
        held = self._blobs.get(place)
        return held[0] != _LINK if held is not None else place in self._folders

    def real(self, path: str) -> str:
        """Resolve the links of the revision; what lies outside of it is not looked at."""
        return self._from_root(self._follow(path))

    def names(self, folder: str) -> list[str]:
        """List what lies directly below a folder."""
        start = self._start(folder)
        return sorted({path[len(start) :].split("/")[0] for path in self._blobs if path.startswith(start)})

    def walk(self, folder: str, skip: str) -> Listed:
        """List the files below a folder; a link to a folder is not followed."""
        start = self._start(folder)
        shown = "" if folder in ("", ".") else folder + "/"
        paths = (
            shown + path[len(start) :]
            for path, (mode, _) in self._blobs.items()
            if path.startswith(start) and not (mode == _LINK and self._follow(path, "") in self._folders)
        )
        nothing = "/"  # a folder to be skipped counts only where it lies further down
        return Listed(files_below(paths, folder, skip if skip.startswith(shown) else nothing), [])

    @cached_property
    def _folders(self) -> set[str]:
        """Every folder that holds a file, from git's root, which is the empty text."""
        folders = {""} if self._blobs else set()
        for path in self._blobs:
            while path and (path := posixpath.dirname(path)) not in folders:
                folders.add(path)
        return folders

    def _start(self, folder: str) -> str:
        """Give with what the paths of everything below a folder begin."""
        place = self._follow(folder)
        return place + "/" if place else ""

    def _follow(self, path: str, start: str | None = None) -> str:
        """Give where a path leads, from git's root: step by step, as the system would; a loop is left as it is.

        Args:
            path: counts from `start`.
            start: from git's root; the repository root, if None.
        """
        rest = [*reversed(path.split("/")), *reversed((self._prefix if start is None else start).split("/"))]
        done: list[str] = []
        links = 0
        while rest:
            step = rest.pop()
            if step == ".." and done and done[-1] != "..":
                done.pop()
            elif step not in ("", "."):
                done.append(step)
                target = self._target("/".join(done)) if links < MAX_LINKS else None
                if target is not None:
                    links += 1
                    if target.startswith("/"):
                        done, target = [], os.path.relpath(target, self._top)
                    else:
                        done.pop()
                    rest += reversed(target.split("/"))
        return "/".join(done)

    def _target(self, path: str) -> str | None:
        """Give to what a link leads; None for anything else, and for a link that git cannot read."""
        mode, blob = self._blobs.get(path, ("", ""))
        if mode != _LINK:
            return None
        if path not in self._targets:
            try:
                self._targets[path] = os.fsdecode(self._blob(blob))
            except (OSError, ValueError):
                self._targets[path] = None
        return self._targets[path]

    @cached_property
    def _top(self) -> str:
        """Git's root on disk: an absolute link counts from the disk, and may lead back into the repository."""
        return os.path.normpath(os.path.join(os.path.realpath(self._root), *[".."] * self._prefix.count("/")))

    def _from_root(self, place: str) -> str:
        """Give a path from git's root as one from the repository root."""
        steps, root = (list(filter(None, one.split("/"))) for one in (place, self._follow("")))
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(steps, root, strict=False)))
        return "/".join([*[".."] * (len(root) - shared), *steps[shared:]]) or "."

    # ------------------------------------------------------------------------------------------ from git's objects

    def _blob(self, blob: str) -> bytes:
        """Give the content of an object; one process of git serves all of them, and a new one where it gave up."""
        if self._reader is None:
            self._reader = subprocess.Popen(
                _command(self._root, "cat-file", "--batch"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
            self._end = weakref.finalize(self, _end, self._reader)
        stdin, stdout = self._reader.stdin, self._reader.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(f"{blob}\n".encode())
            stdin.flush()
            head = stdout.readline().split()
        except BrokenPipeError:
            head = []
        if len(head) != 3:
            if not head:
                self.close()
            raise OSError(errno.EIO, f"git does not have its object {blob[:12]}, or cannot read it")
        size = int(head[2])
        if size > MAX_BYTES:
            self.close()  # sooner than to read all of it
            raise ValueError(f"it has {size:,} bytes, and {MAX_BYTES:,} are allowed")
        data = stdout.read(size + 1)
        if len(data) != size + 1:
            self.close()
            raise OSError(errno.EIO, f"git ended while it gave the object {blob[:12]}")
        return data[:-1]

    def close(self) -> None:
        """End the process that serves objects; it ends with the revision at the latest."""
        if self._end is not None:
            self._end()
        self._reader = self._end = None

    def renames(self, folder: str) -> dict[str, str]:
        """Give which files below a folder git takes for moved since the revision: old path to new; none if it cannot.

        Files that git does not know yet are not found.
        """
        try:
            said = _git(
                self._root, "diff-index", "-M", "--diff-filter=R", "--name-status", "-z", self.commit, "--", folder
            )
        except OSError:
            return {}
        parts = [os.fsdecode(part) for part in said.split(b"\0")[:-1]]
        return {self._from_root(old): self._from_root(new) for old, new in zip(parts[1::3], parts[2::3], strict=False)}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that only reads."""
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    process.wait()


def unstaged(root: str, folder: str) -> dict[str, str]:
    """Give the files below a folder that a commit would not hold as they lie there, and how they stand in the index.

    What git ignores is left out. In a hook the index is the one that is about to be committed.

    Args:
        root: the repository root; a folder of a git repository.
        folder: from there.

    Raises:
        OSError: git is not there, or refuses.
    """
    options = ("--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
    said = _git(root, "status", *options, "--", folder, kept="GIT_INDEX_FILE")
    prefix = os.fsdecode(_git(root, "rev-parse", "--show-prefix")).removesuffix("\n")
    found = {}
    for row in filter(None, said.split(b"\0")):
        state = _UNSTAGED.get(row[1:2], "is staged with other content")
        if state is not None:
            found[posixpath.relpath(os.fsdecode(row[3:]), prefix or ".")] = state
    return found


_UNSTAGED: Final = {b"?": "is not in git", b"D": "is deleted, and git still has it", b" ": None}
"""How a file differs from the index, by git's second letter; any other differs by its content."""


def is_folder(path: str) -> bool:
    """Say whether a path names a folder, which is taken for a tree and not for a revision."""
    return os.path.isdir(path)


def _unknown(root: str, name: str, reason: str) -> Problem:
    """Word that a name means no commit, or that there is no git to ask."""
    hint = ""
    with contextlib.suppress(OSError):
        shallow = _git(root, "rev-parse", "--is-shallow-repository") == b"true\n"
        hint = "`git log` shows what there is" if "/" not in name else "`git fetch` brings the branches of a remote"
        if shallow:
            hint = "this clone is shallow: `git fetch --unshallow` brings the whole history"
    return Problem(
        "unknown-revision",
        f"`{name}` is neither a folder nor a revision of this repository",
        why=reason or "git knows no commit of this name",
        hint=hint,
    )
