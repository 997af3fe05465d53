"""Annotations of problems: one command on one line whatever a name holds, few, the errors before the warnings."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from compiler.annotations import ANNOTATIONS, of_problems
from compiler.as_json import problem_data
from compiler.problems import Problem
from compiler.values import NOWHERE, Origin

COMMAND = re.compile(r"::(error|warning) ((?:file|line|col)=[^:,]+,)*title=[^:,]+::(?P<message>.*)")


def told(*problems: Problem) -> list[str]:
    """Give the annotations of some problems."""
    return of_problems(map(problem_data, problems))


def test_a_problem_is_told_with_its_reason_and_its_way_out() -> None:
    """At its line; a file as a whole and no file at all have none."""
    problem = Problem("missing-base", "base `x` does not exist", Origin("configs/a.yaml", 5, 3), "why", hint="the hint")
    assert told(problem) == [
        "::error file=configs/a.yaml,line=5,col=3,title=missing-base::base `x` does not exist; why; the hint"
    ]
    whole = Problem("lock-stale", "out of date", Origin("build/a.lock.yaml", 0, 0))
    assert told(whole) == ["::error file=build/a.lock.yaml,title=lock-stale::out of date"]
    assert told(Problem("bad-usage", "nothing", NOWHERE)) == ["::error title=bad-usage::nothing"]


def test_warnings_come_after_errors_and_each_kind_is_bounded_by_itself() -> None:
    """GitHub counts them apart."""
    many = [Problem("x-y", f"m{index}", Origin("a.yaml", index, 1)) for index in range(1, 31)]
    lines = told(*(one._replace(severity="warning" if index % 2 else "error") for index, one in enumerate(many)))
    assert [line.split(" ")[0] for line in lines] == ["::error"] * ANNOTATIONS + ["::warning"] * ANNOTATIONS
    left = len(many) // 2 - ANNOTATIONS + 1
    assert [line for line in lines if "more" in line] == [
        f"::{severity} title=trainlock::and {left} more: see the log" for severity in ("error", "warning")
    ]


@given(st.text(), st.text())
def test_every_problem_is_one_command_on_one_line(name: str, text: str) -> None:
    """Its properties end where they should."""
    [line] = told(Problem("bad-name", f"m{text}", Origin(name, 3, 4), text, hint=text))
    assert line.isprintable()
    found = COMMAND.fullmatch(line)
    assert found is not None
    assert not re.search("%(?!25)", found["message"])
