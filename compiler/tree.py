"""Where bytes come from: `Tree`, the working tree on disk, and a mapping in memory.

Every file is read once, to the bytes that are hashed and parsed. This module knows nothing of what is in them.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import os
import posixpath
import re
import stat
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from compiler.problems import Invalid, Problem, reason_of
from compiler.values import Origin

MAX_BYTES: Final = 4 * 1024 * 1024
"""The largest file that is read; real fragments have a few kilobytes."""


MAX_FOLDERS: Final = 100
"""How deep folders may nest; Python's own ways through them give up at some thousand."""


class Source(NamedTuple):
    """The bytes of one file, read once, and their SHA-256 in hexadecimal."""

    path: str
    data: bytes
    sha256: str


class Listed(NamedTuple):
    """The files below a folder, unsorted, and the folders that cannot be listed, each with the reason."""

    files: list[str]
    closed: list[tuple[str, str]]


class Tree(Protocol):
    """Where bytes come from: the disk, a git revision, a mapping. Paths are POSIX, relative to the repository root."""

    def read(self, path: str) -> bytes:
        """Give a file's bytes; `OSError` where it is no readable regular file, `ValueError` where it is too large."""
        ...

    def exists(self, path: str) -> bool:
        """Say whether a file can be found at the path."""
        ...

    def real(self, path: str) -> str:
        """Give the path with every symbolic link resolved, still relative to the (resolved) root."""
        ...

    def names(self, folder: str) -> list[str]:
        """Give the names in a folder, sorted; none where it is no folder."""
        ...

    def walk(self, folder: str, skip: str) -> Listed:
        """List every file below a folder, but for those below `skip` and in folders whose name begins with a dot."""
        ...


class Disk:
    """The working tree as a `Tree`."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._real_root = os.path.realpath(root)
        self._real_folders: dict[str, tuple[str, str]] = {}
        self._no_links: set[str] = set()

    def read(self, path: str) -> bytes:
        """Read a regular file of at most `MAX_BYTES`; never blocks on a FIFO, never opens a device."""
        descriptor = os.open(os.path.join(self.root, path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            about = os.fstat(descriptor)
            if stat.S_ISDIR(about.st_mode):
                raise IsADirectoryError(21, "it is a folder", path)
            if not stat.S_ISREG(about.st_mode):
                raise OSError(22, "it is not a regular file", path)
            if about.st_size > MAX_BYTES:
                raise ValueError(f"it has {about.st_size:,} bytes, and {MAX_BYTES:,} are allowed")
            data = os.read(descriptor, about.st_size + 1)
            while len(data) > about.st_size:  # it grows, or has no size; less than was asked for is all there is
                if len(data) > MAX_BYTES:
                    raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
                part = os.read(descriptor, MAX_BYTES + 1 - len(data))
                if not part:
                    break
                data += part
            return data
        finally:
            os.close(descriptor)

    def exists(self, path: str) -> bool:
        """Say whether anything is there, a broken symbolic link not counted; what cannot be told is left to reading."""
        try:
            os.stat(os.path.join(self.root, path))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except (OSError, ValueError) as error:
            is_too_long = isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG
            return not is_too_long and not os.path.islink(os.path.join(self.root, path))
        return True

    def real(self, path: str) -> str:
        """Resolve links; a folder is resolved once a run."""
        folder, _, name = path.rpartition("/")
        known = self._real_folders.get(folder)
        if known is None:
            real = os.path.realpath(os.path.join(self.root, folder))
            known = self._real_folders[folder] = (real, self._below_root(real))
        if path not in self._no_links:
            full = os.path.join(known[0], name)
            if os.path.islink(full):
                return self._below_root(os.path.realpath(full))
        return (
            posixpath.normpath(f"{known[1]}/{name}") if known[1] == "." or name in (".", "..") else f"{known[1]}/{name}"
        )

    def _below_root(self, full: str) -> str:
        return os.path.relpath(full, self._real_root).replace(os.sep, "/")

    def names(self, folder: str) -> list[str]:
        """List a folder."""
        try:
            return sorted(os.listdir(os.path.join(self.root, folder)))
        except OSError:
            return []

    def walk(self, folder: str, skip: str) -> Listed:
        """List files; a link to a folder is not followed."""
        top, out = (os.path.normpath(os.path.join(self.root, path)) for path in (folder, skip))
        paths: list[str] = []
        closed: list[OSError] = []
        waiting = [(top, posixpath.normpath(folder))]
        levels = 0 if waiting[0][1] == "." else waiting[0][1].count("/") + 1
        while waiting:
            where, below = waiting.pop()
            try:
                with os.scandir(where) as listed:
                    entries = list(listed)
            except OSError as error:
                closed.append(error)
                continue
            for entry in entries:
                name = entry.name
                path = name if below == "." else f"{below}/{name}"
                if not _is_folder(entry):
                    paths.append(path)
                    if not entry.is_symlink():
                        self._no_links.add(path)
                elif name.startswith(".") or entry.path == out or entry.is_symlink():
                    continue
                elif below.count("/") - levels >= MAX_FOLDERS:
                    closed.append(OSError(0, f"folders nest more than {MAX_FOLDERS} deep", where))
                else:
                    waiting.append((entry.path, path))
        here = os.path.normpath(self.root)
        return Listed(
            paths,
            [
                (os.path.relpath(str(error.filename), here).replace(os.sep, "/"), (error.strerror or "").lower())
                for error in closed
            ],
        )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


class Remembering(Disk):
    """The working tree of which bytes were read ahead: whoever reads them then gets those, and once."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._kept: dict[str, bytes] = {}

    def remember(self, path: str) -> bytes:
        """Read a file ahead."""
        data = self._kept[path] = super().read(path)
        return data

    def read(self, path: str) -> bytes:
        """Give the bytes that were read ahead, else read the file."""
        data = self._kept.pop(path, None)
        return data if data is not None else super().read(path)


class Memory:
    """A mapping of paths to text or bytes as a `Tree`."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self.files = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}

    def read(self, path: str) -> bytes:
        """Give the bytes kept for the path."""
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.files[path]

    def exists(self, path: str) -> bool:
        """Say whether the mapping holds the path, or a file below it."""
        return path in self.files or any(name.startswith(path + "/") for name in self.files)

    def real(self, path: str) -> str:
        """Give the path: a mapping has no links."""
        return path

    def names(self, folder: str) -> list[str]:
        """List what lies directly below the folder."""
        start = folder + "/" if folder else ""
        return sorted({name[len(start) :].split("/")[0] for name in self.files if name.startswith(start)})

    def walk(self, folder: str, skip: str) -> Listed:
        """List the paths of the mapping."""
        return Listed(files_below(self.files, folder, skip), [])


def files_below(paths: Iterable[str], folder: str, skip: str) -> list[str]:
    """Give those of some paths that lie below a folder, as `Tree.walk` does."""
    start = "" if folder in ("", ".") else folder + "/"
    return [
        path
        for path in paths
        if path.startswith(start)
        and not path.startswith(skip + "/")
        and not any(step.startswith(".") for step in path[len(start) :].split("/")[:-1])
    ]


def load(tree: Tree, path: str) -> Source:
    """Read a file's bytes, once.

    Raises:
        Invalid: `unreadable-file` or `too-large`.
    """
    whole = Origin(path, 0, 0)
    try:
        data = tree.read(path)
    except ValueError as error:
        raise Invalid(Problem("too-large", f"`{path}` is too large", whole, why=str(error))) from None
    except OSError as error:
        reason = reason_of(error)
        raise Invalid(Problem("unreadable-file", f"`{path}` cannot be read", whole, why=reason)) from None
    return Source(path, data, hashlib.sha256(data).hexdigest())


_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What ends a line for a YAML 1.1 parser, and so for its places."""


def _lines(path: str, text: str) -> list[str]:
    return text.split("\n") if path.endswith(".json") else _BREAK.split(text)


def place_after(path: str, text: str) -> Origin:
    """Give the place of the character that follows a text, the beginning of a file."""
    lines = _lines(path, text)
    return Origin(path, len(lines), len(lines[-1]) + 1)


def line_of(source: Source, line: int) -> str | None:
    """Give line `line` (from 1) of a file's text, for an excerpt; None past its end."""
    lines = _lines_of(source.path.endswith(".json"), source.data)
    return lines[line - 1].rstrip("\r") if 0 < line <= len(lines) else None


@functools.lru_cache(maxsize=1)
def _lines_of(is_json: bool, data: bytes) -> list[str]:
    """Split a file once, as its problems are told one after the other; bytes remember their hash."""
    return _lines(".json" if is_json else "", data.decode("utf-8-sig", "replace"))
