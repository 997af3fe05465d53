"""doit's record of earlier runs: a backend that is replaced in one step, and begun anew when it cannot be read.

Has the methods of doit's own `JsonDB`, and imports nothing of doit: every doit on the machine loads it as a plugin.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Final

from compiler.console import say
from compiler.store import read_file, write_atomic

_HEAD: Final = b'{"rows": '
_BETWEEN: Final = b', "sha256": "'


def _end(rows: bytes) -> bytes:
    """Give how the file of some rows ends: with the digest of their text."""
    return b'%b"}\n' % hashlib.sha256(rows).hexdigest().encode()


class Database:
    """doit's rows in one JSON file; `lost` says why the rows of earlier runs are not there, if they are not."""

    desc = "JSON that survives being damaged"

    def __init__(self, name: str, codec: Any, *, module_name: Any = None) -> None:
        self.name = name
        self.codec = codec
        self.lost = ""
        self._changed = False
        self._end = b""
        self._db: dict[str, dict[str, Any]] = {}
        self.load()

    def load(self) -> None:
        """Read the rows; what cannot be read is as good as absent, as every task then runs again."""
        try:
            data = read_file(self.name)
            if data is not None and self._end and data.endswith(self._end):
                return  # nobody wrote it since
            self._db, self._end, self.lost = {}, b"", ""
            if data is None:
                self.lost = "there is no record of earlier runs"
                return
            rows, _, digest = data.removeprefix(_HEAD).rpartition(_BETWEEN)
            if digest != _end(rows) or not data.startswith(_HEAD):
                raise ValueError("the digest does not fit")
            kept = json.loads(rows)
            if not all(isinstance(row, dict) for row in kept.values()):
                raise ValueError("a row is no mapping")
            self._db, self._end = kept, digest
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            self._db, self._end = {}, b""
            self.lost = "the record of earlier runs cannot be read"

    def set(self, task_id: str, dependency: str, value: Any) -> None:
        """Keep a value of a task."""
        value = list(value) if isinstance(value, tuple) else value
        row = self._db.setdefault(task_id, {})
        if dependency not in row or row[dependency] != value:
            row[dependency] = value
            self._changed = True

    def get(self, task_id: str, dependency: str) -> Any:
        """Give a value of a task, or None."""
        return self._db.get(task_id, {}).get(dependency)

    def in_(self, task_id: str) -> bool:
        """Say whether a task is known."""
        return task_id in self._db

    def remove(self, task_id: str) -> None:
        """Forget a task."""
        self._changed |= self._db.pop(task_id, None) is not None

    def remove_all(self) -> None:
        """Forget every task."""
        self._changed |= bool(self._db)
        self._db = {}

    def dump(self) -> None:
        """Write the rows if one changed; where that fails the next run does the work again."""
        if not self._changed:
            return
        rows = json.dumps(self._db, sort_keys=True).encode()
        try:
            self._end = _end(rows)
            write_atomic(self.name, b"%b%b%b%b" % (_HEAD, rows, _BETWEEN, self._end))
            self._changed = False
        except OSError as error:
            say(f"trainlock: `{os.path.basename(self.name)}` cannot be written: {error.strerror}")
