"""doit's record of earlier runs: a backend that is replaced in one step, and begun anew when it cannot be read.

Has the methods of doit's own `JsonDB`, and imports nothing of doit: every doit on the machine loads it as a plugin.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from compiler.console import say
from compiler.store import read_file, write_atomic


class Database:
    """doit's rows in one JSON file.

    `lost` says why the rows of earlier runs are not there, if they are not; where `reads_only` is set none are written.
    """

    desc = "JSON that survives being damaged"

    def __init__(self, name: str, codec: Any, *, module_name: Any = None) -> None:
        self.name = name
        self.codec = codec
        self.lost = ""
        self.reads_only = False
        self._changed = False
        self._db: dict[str, dict[str, Any]] = {}
        self.load()

    def load(self) -> None:
        """Read the rows; what cannot be read is as good as absent, as every task then runs again."""
        self._db, self.lost = {}, ""
        try:
            data = read_file(self.name)
            if data is None:
                self.lost = "there is no record of earlier runs"
                return
            kept = json.loads(data)
            rows = json.dumps(kept["rows"], sort_keys=True)
            if kept["sha256"] != hashlib.sha256(rows.encode()).hexdigest():
                raise ValueError("the digest does not fit")
            if not all(isinstance(row, dict) for row in kept["rows"].values()):
                raise ValueError("a row is no mapping")
            self._db = kept["rows"]
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
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
        if self.reads_only or not self._changed:
            return
        rows = json.dumps(self._db, sort_keys=True)
        whole = f'{{"rows": {rows}, "sha256": "{hashlib.sha256(rows.encode()).hexdigest()}"}}\n'
        try:
            write_atomic(self.name, whole.encode())
            self._changed = False
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            said = f"`{os.path.relpath(self.name)}` cannot be written: {reason}"
            say(f"trainlock: {said}; the next run looks at every lock")
