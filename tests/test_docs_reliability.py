"""docs/reliability.md: every promise names a test that is there."""

from __future__ import annotations

import ast
import re

from builders import REPOSITORY

PAGE = (REPOSITORY / "docs/reliability.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/\w+\.py)::(\w+)`")


def missing(page: str) -> list[str]:
    """Give each test that a page names and that is not there."""
    wrong = []
    for file, name in NAMED.findall(page):
        path = REPOSITORY / file
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
        if not any(isinstance(node, ast.FunctionDef) and node.name == name for node in ast.walk(tree)):
            wrong.append(f"{file}::{name}")
    return wrong


def test_every_promise_names_tests_that_exist() -> None:
    """Each row of a table of promises ends in at least one test, and each is there under that name."""
    rows = [line for line in PAGE.split("\n") if line.startswith("| ") and not line.startswith(("| promise", "| ---"))]
    assert len(rows) > 20
    assert [row for row in rows if not NAMED.search(row)] == []
    assert missing(PAGE) == []


def test_a_test_that_is_gone_would_be_told() -> None:
    """The negative control: a name that no file holds, and a file that is not there."""
    page = "`tests/test_fuzz.py::test_gone` `tests/gone.py::test_x`"
    assert missing(page) == ["tests/test_fuzz.py::test_gone", "tests/gone.py::test_x"]
