"""Whether a commit would hold the locks as they lie in the build folder: what a hook asks before it."""

from __future__ import annotations

from compiler import history
from compiler.catalog import LOCK_SUFFIX, Layout
from compiler.problems import Note, Problem, UsageError
from compiler.values import Origin


def unstaged(layout: Layout) -> list[Problem]:
    """Give `lock-unstaged` if git's index holds other locks than the build folder, or lacks some.

    A build folder that git ignores is no concern of a commit.

    Raises:
        UsageError: `bad-usage`; git cannot be asked.
    """
    try:
        states = history.unstaged(layout.root, layout.build)
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError(Problem("bad-usage", "`--staged` asks git, and git does not answer", why=why)) from None
    found = [(path, state) for path, state in sorted(states.items()) if path.endswith(LOCK_SUFFIX)]
    if not found:
        return []
    said = "1 lock is not staged as it lies" if len(found) == 1 else f"{len(found)} locks are not staged as they lie"
    return [
        Problem(
            "lock-unstaged",
            f"{said} in the build folder",
            Origin(layout.build, 0, 0),
            why="the commit would hold other locks than its sources compile to",
            notes=tuple(Note(Origin(path, 0, 0), state) for path, state in found),
            hint=f"`git add {layout.build}`",
        )
    ]
