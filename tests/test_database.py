"""database: what doit remembers, written small and read back as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from compiler.database import Database

TEXTS = st.text(max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(rows=st.dictionaries(TEXTS, st.dictionaries(TEXTS, VALUES, max_size=4), max_size=4))
def test_what_is_kept_is_read_back(tmp_path_factory: Any, rows: dict[str, dict[str, Any]]) -> None:
    """Whatever doit hands over that JSON can hold."""
    path = tmp_path_factory.mktemp("rows") / "doit.json"
    database = Database(str(path), None)
    for task, row in rows.items():
        for key, value in row.items():
            database.set(task, key, value)
    database.dump()
    again = Database(str(path), None)
    for task, row in rows.items():
        assert [again.get(task, key) for key in row] == [*row.values()]
        assert again.in_(task) == bool(row)
    assert again.get("no such task", "deps:") is None


def test_each_text_is_written_once(tmp_path: Path) -> None:
    """A thousand tasks that depend on one file do not name it a thousand times."""
    database = Database(str(tmp_path / "doit.json"), None)
    for number in range(100):
        database.set(f"lock:{number}", "configs/base.yaml", "digest")
        database.set(f"lock:{number}", "deps:", ("configs/base.yaml",))
    database.dump()
    text = (tmp_path / "doit.json").read_text()
    assert (text.count("configs/base.yaml"), text.count('"digest"')) == (1, 1)
    assert json.loads(text)["rows"]["tasks"]["lock:7"] == [[0, 1], [2, [0]]]


def test_rows_are_read_again_only_if_somebody_wrote_them(tmp_path: Path) -> None:
    """Doit asks twice, and in between another build may have ended."""
    one, other = (Database(str(tmp_path / "doit.json"), None) for _ in range(2))
    one.set("lock:a", "x", "1")
    one.dump()
    other.load()
    assert (other.get("lock:a", "x"), other.lost) == ("1", "")
    other.set("lock:a", "x", "2")
    other.load()
    assert other.get("lock:a", "x") == "2"
    other.dump()
    one.load()
    assert one.get("lock:a", "x") == "2"
