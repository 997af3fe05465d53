"""The page on reliability: each promise has its test, each figure was measured, each survivor was looked at."""

from __future__ import annotations

import ast
import importlib.util
import re

import pytest

from builders import REPOSITORY

_spec = importlib.util.spec_from_file_location("measure", REPOSITORY / "scripts/measure.py")
assert _spec is not None
assert _spec.loader is not None
measure = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(measure)

PAGE = (REPOSITORY / "docs/reliability.md").read_text(encoding="utf-8")


def part(name: str) -> list[list[str]]:
    """Give the rows that were measured, without the head of their table."""
    found = re.search(rf"<!-- measured: {name} -->\n(.*?)<!-- end -->", PAGE, re.DOTALL)
    assert found is not None, name
    return [[cell.strip() for cell in line.split(" | ")] for line in found[1].splitlines()[2:]]


def test_every_test_that_the_page_names_is_there() -> None:
    """A row that names a test which was renamed or dropped promises nothing."""
    named = set(re.findall(r"`(test_\w+)\.(test_\w+)`", PAGE))
    assert len(named) > 30
    for file in sorted({file for file, _ in named}):
        tree = ast.parse((REPOSITORY / f"tests/{file}.py").read_text(encoding="utf-8"))
        there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert {test for other, test in named if other == file} - there == set(), file


def test_every_row_of_a_promise_names_a_test() -> None:
    """What stands in a table of promises without a test is a wish."""
    promises, _, _ = PAGE.partition("## 9. Measured")
    rows = [line for line in promises.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    heads = [line for line in rows if line.rstrip(" |").endswith("test")]
    assert len(heads) == promises.count("\n## ")
    assert [line for line in rows if line not in heads and not re.search(r"`test_\w+\.test_\w+`", line)] == []


def test_the_figures_add_up() -> None:
    """The row of all is the sum of the others, and the survivors are listed one by one."""
    (_, *totals), *rows = [[cell.strip("| ") for cell in row] for row in part("mutants")]
    assert [sum(int(row[column]) for row in rows) for column in (1, 2, 3)] == [int(total) for total in totals]
    assert [row[0].strip("`") for row in rows] == sorted(
        ["compare", "extends", "lockfile", "merging", "reader", "verdict"]
    )
    assert len(part("survivors")) == int(totals[2])
    assert part("coverage")[0][0] == "| all modules"


def test_every_survivor_was_looked_at() -> None:
    """A mutant that no test catches has its reason, or a test is missing."""
    assert measure.UNEXAMINED not in PAGE
    assert len(measure.examined(PAGE)) == len({tuple(row[:3]) for row in part("survivors")})


def test_a_figure_has_its_one_place() -> None:
    """A figure without a marker is not written anywhere."""
    with pytest.raises(SystemExit, match="has no place for `sunshine`"):
        measure.put("sunshine", "1")


def test_a_reason_is_kept_by_what_it_is_for() -> None:
    """The next run finds the reasons of the last one by module, line and change, bars in the code among them."""
    page = (
        "<!-- measured: survivors -->\n| module | as it is | as the mutant has it | why |\n| --- | --- | --- | --- |\n"
        f"| `merging` | {measure.code('a | b')} | {measure.code('a & b')} | both are empty |\n<!-- end -->\n"
    )
    assert measure.examined(page) == {("`merging`", measure.code("a | b"), measure.code("a & b")): "both are empty"}
