"""doit's record of earlier runs: a backend that is replaced in one step, and begun anew when it cannot be read.

Has the methods of doit's own `JsonDB`, and imports nothing of doit: every doit on the machine loads it as a plugin.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from typing import Any, Final

from compiler.console import say
from compiler.problems import reason_of
from compiler.store import read_file, write_atomic

_HEAD: Final = b'{"rows": '
_BETWEEN: Final = b', "sha256": "'


def _end(rows: bytes) -> bytes:
    """Give how the file of some rows ends: with the digest of their text."""
    return b'%b"}\n' % hashlib.sha256(rows).hexdigest().encode()


def _packed(rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Write each text once: a thousand tasks depend on the same files in the same state."""
    texts: dict[str, int] = {}

    def pack(value: Any) -> Any:
        if type(value) is str:
            return texts.setdefault(value, len(texts))
        if type(value) is list and all(type(item) is str for item in value):
            return [texts.setdefault(item, len(texts)) for item in value]
        if type(value) is dict and all(type(item) is str for item in value.values()):
            return {"keys": pack([*value]), "values": pack([*value.values()])}
        return {"": value}

    packed = {task: [[pack(key) for key in row], [pack(value) for value in row.values()]] for task, row in rows.items()}
    return {"tasks": packed, "texts": list(texts)}


def _unpacked(kept: dict[str, Any]) -> dict[str, dict[str, Any]]:
    texts = kept["texts"]

    def unpack(value: Any) -> Any:
        if type(value) is list:
            return [texts[item] for item in value]
        return value[""] if "" in value else dict(zip(unpack(value["keys"]), unpack(value["values"]), strict=True))

    return {
        task: {
            texts[key]: texts[value] if type(value) is int else unpack(value)
            for key, value in zip(keys, values, strict=True)
        }
        for task, (keys, values) in kept["tasks"].items()
    }


class Database:
    """doit's rows in one JSON file.

    `lost` says why the rows of earlier runs are not there, if they are not; where `reads_only` is set none are written.
    `at_end` is called after that, which is the last thing that doit asks for.
    """

    desc = "JSON that survives being damaged"

    def __init__(self, name: str, codec: Any, *, module_name: Any = None) -> None:
        self.name = name
        self.codec = codec
        self.lost = ""
        self.reads_only = False
        self.at_end: Callable[[], object] = lambda: None
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
            self._db, self._end = _unpacked(json.loads(rows)), digest
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
        row = self._db.get(task_id)
        return row.get(dependency) if row is not None else None

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
        """Write the rows if one changed, and end; where they cannot be written the next run does the work again."""
        if self._changed and not self.reads_only:
            self._write()
        self.at_end()

    def _write(self) -> None:
        rows = json.dumps(_packed(self._db), sort_keys=True).encode()
        try:
            self._end = _end(rows)
            write_atomic(self.name, b"%b%b%b%b" % (_HEAD, rows, _BETWEEN, self._end))
            self._changed = False
        except OSError as error:
            reason = reason_of(error)
            said = f"`{os.path.relpath(self.name)}` cannot be written: {reason}"
            say(f"trainlock: {said}; the next run looks at every lock")
