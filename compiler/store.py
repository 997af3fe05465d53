"""The build folder: locks are read, written and removed here, one build at a time. The only writes of the package."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import posixpath
import re
import stat
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final

from compiler.catalog import LOCK_SUFFIX, Layout
from compiler.problems import BuildLocked, Invalid, Problem, reason_of
from compiler.tree import MAX_FOLDERS
from compiler.values import Origin

WAIT_SECONDS: Final = 60.0
"""How long a build waits for another one before it gives up."""

LEFT_BEHIND: Final = re.compile(r"\.[0-9a-f]{16}\.tmp")
"""The names of temporary files, as `write_atomic` gives them."""


def read_file(path: str) -> bytes | None:
    """Give a file's bytes, or None where there is no file; what is no regular file reads as a byte that is no lock's.

    Raises:
        OSError: it is there, and cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            return b"/"
        data = os.read(descriptor, about.st_size + 1)
        while len(data) > about.st_size and (part := os.read(descriptor, len(data))):
            data += part  # it grows, or has no size; less than was asked for is all there is
        return data
    finally:
        os.close(descriptor)


def write_atomic(path: str, data: bytes) -> None:
    """Replace a file's content in one step: whoever reads it sees the old bytes or the new ones.

    Two that write the same file at once do not meet, be it that the build lock was no barrier between them.

    Args:
        path: of the file; its folder is made if need be.
        data: the new content.

    Raises:
        OSError: the file is as it was, and no temporary file stays.
    """
    folder, slash, _ = path.rpartition("/")
    temporary = f"{folder}{slash}.{os.urandom(8).hex()}.tmp"  # as a name may be as long as names can be
    descriptor = _made(temporary)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _made(temporary: str) -> int:
    """Open a temporary file for writing; makes its folder where there is none."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(temporary, flags, 0o666)
    except (FileNotFoundError, NotADirectoryError):
        os.makedirs(os.path.dirname(temporary) or ".", exist_ok=True)
    return os.open(temporary, flags, 0o666)


def _write_problem(path: str, error: OSError) -> Problem:
    reason = reason_of(error)
    return Problem(
        "write-failed",
        f"`{path}` cannot be written",
        Origin(path, 0, 0),
        why=reason,
        hint="what was there before is unchanged",
    )


class BuildLock:
    """One build at a time: a kernel lock on a file below the build folder, gone with the process that holds it.

    The holder opens the file once: closing any other handle on it would free the lock.
    """

    def __init__(
        self, layout: Layout, wait: float = WAIT_SECONDS, say: Callable[[str], None] = lambda _text: None
    ) -> None:
        """Name the lock.

        Args:
            layout: where the build folder is.
            wait: seconds after which to give up.
            say: told once, for whom it waits.
        """
        self._build = layout.absolute(layout.build)
        self._folder = layout.absolute(layout.cache)
        self._path = os.path.join(self._folder, "build.lock")
        self._shown = f"{layout.cache}/build.lock"
        self._wait = wait
        self._say = say
        self._descriptor: int | None = None
        self.waited = False

    @property
    def is_held(self) -> bool:
        """Say whether this process holds it."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Take the lock; says whether another build was waited for.

        Where its file cannot be made nothing can be written either, and nothing is locked.

        Raises:
            BuildLocked: another build did not let go in time.
            Invalid: `write-failed`; the lock's file cannot be made, though others could.
        """
        if self._descriptor is not None:
            return False
        descriptor = self._open()
        if descriptor is None:
            return False
        deadline = time.monotonic() + self._wait
        told = False
        while True:
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").partition("\n")[0] or "unknown"
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    problem = Problem(
                        "build-locked",
                        f"another build is at work (process {holder})",
                        Origin(self._shown, 0, 0),
                        why=f"it did not end within {self._wait:g} seconds",
                        hint="try again when it has ended; a build that was killed holds nothing",
                    )
                    raise BuildLocked(problem) from None
                if not told:
                    told = True
                    self._say(f"waiting for another build (process {holder})")
                time.sleep(0.05)
        if os.fstat(descriptor).st_size:
            self._sweep()
        number = b"%d\n" % os.getpid()
        # it is for messages, and a disk may be full; never empty in between, as that says that nothing is left to sweep
        with contextlib.suppress(OSError):
            os.pwrite(descriptor, number, 0)
            os.ftruncate(descriptor, len(number))
        self._descriptor = descriptor
        self.waited = told
        return told

    def _open(self) -> int | None:
        """Open the lock's file; None where the build folder takes no writes, and so nothing need be locked."""
        try:
            os.makedirs(self._folder, exist_ok=True)
            descriptor = os.open(
                self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666
            )
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) and not os.access(self._build, os.W_OK):
                return None
            raise Invalid(_write_problem(self._shown, error)) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise Invalid(_write_problem(self._shown, OSError(errno.EINVAL, "it is not a regular file")))
        ignore = os.path.join(self._folder, ".gitignore")
        if not os.path.exists(ignore):
            with contextlib.suppress(OSError):
                write_atomic(ignore, b"*\n")
        return descriptor

    def _sweep(self) -> None:
        """Delete the temporary files of a build that was killed: it did not come to emptying the lock's file."""
        for folder, _, names in os.walk(self._build):
            for name in filter(LEFT_BEHIND.fullmatch, names):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, name))

    def release(self) -> None:
        """Let go; does nothing where it is not held."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> BuildLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def write_lock(layout: Layout, lock: str, data: bytes) -> bool:
    """Write a lock if its bytes differ; says whether they did.

    Raises:
        Invalid: `foreign-file`, `lock-format`, `outside-root` or `write-failed`; what was there is as it was.
    """
    path = layout.absolute(lock)
    if not layout.is_inside_build(lock):
        why = "a link leads out of the build folder"
        raise Invalid(Problem("outside-root", f"`{lock}` would be written elsewhere", Origin(lock, 0, 0), why=why))
    try:
        found = read_file(path)
        if found == data:
            return False
        if found:
            from compiler import lockfile  # noqa: PLC0415 - where no lock is replaced there is nothing to read

            if not lockfile.is_ours(found):
                raise Invalid(lockfile.foreign(lock))
            header = lockfile.header_of(found)
            if header is not None and header.format > lockfile.FORMAT:
                raise Invalid(lockfile.newer_format(lock, header))
        write_atomic(path, data)
    except OSError as error:
        raise Invalid(_write_problem(lock, error)) from None
    return True


def write_file(layout: Layout, path: str, data: bytes) -> None:
    """Write what is no lock, if its bytes differ: a copy for one run, a proof, a report.

    Raises:
        Invalid: `write-failed`.
    """
    full = layout.absolute(path)
    try:
        if read_file(full) != data:
            write_atomic(full, data)
    except OSError as error:
        raise Invalid(_write_problem(path, error)) from None


def through_disk(layout: Layout, lock: str, data: bytes) -> bytes:
    """Write a made-up lock beside the doit database, read it back, and delete it: what a proof tries itself with.

    Raises:
        Invalid: `write-failed`.
    """
    path = (
        f"{layout.cache}/mutants/{hashlib.sha256(lock.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}.lock.yaml"
    )
    full = layout.absolute(path)
    try:
        write_atomic(full, data)
        found = read_file(full)
        os.unlink(full)
    except OSError as error:
        raise Invalid(_write_problem(path, error)) from None
    return found if found is not None else b""


def locks_below(layout: Layout) -> tuple[list[str], list[Problem]]:
    """Give the paths of all files below the build folder that are named like a lock, and the folders it cannot list."""
    top = layout.absolute(layout.build)
    found: list[str] = []
    closed: list[OSError] = []
    for folder, folders, files in os.walk(top, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = os.path.relpath(folder, top).replace(os.sep, "/")
        if below.count("/") >= MAX_FOLDERS:
            folders.clear()  # no source lies so deep
        found += [
            posixpath.normpath(posixpath.join(layout.build, below, name))
            for name in files
            if name.endswith(LOCK_SUFFIX) and not name.startswith(".")
        ]
    problems = []
    for error in closed:
        if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
            below = os.path.relpath(error.filename, top).replace(os.sep, "/")
            folder = posixpath.normpath(posixpath.join(layout.build, below))
            why = reason_of(error)
            problems.append(Problem("unreadable-file", f"`{folder}` cannot be listed", Origin(folder, 0, 0), why=why))
    return sorted(found), problems


def remove_lock(layout: Layout, path: str) -> bool:
    """Delete a lock, and the folders that are empty without it; a file that is not ours stays. Says whether it went.

    Raises:
        Invalid: `write-failed`.
    """
    from compiler import lockfile  # noqa: PLC0415

    full = layout.absolute(path)
    try:
        data = read_file(full)
        if data is None or (data and not lockfile.is_ours(data)):
            return False
        os.unlink(full)
    except OSError as error:
        raise Invalid(_write_problem(path, error)) from None
    folder = os.path.dirname(full)
    top = layout.absolute(layout.build)
    while folder != top and folder.startswith(top):
        try:
            os.rmdir(folder)
        except OSError:
            break
        folder = os.path.dirname(folder)
    return True
