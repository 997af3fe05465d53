"""GitHub's annotations: at the line that causes a difference, few, and never more than they say."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import ABSENT
from compiler.annotations import ANNOTATIONS
from compiler.report import github
from compiler.values import Origin
from reported import A, B, C, change, problem, report, row, survivor, waiver

COMMAND = re.compile(r"::error (?:file=(?P<file>[^:,]+),)?(?:line=\d+,)?(?:col=\d+,)?title=[^:,]+::(?P<message>.*)")


def test_a_difference_is_told_at_the_line_that_causes_it() -> None:
    """Once, whatever the number of presets that train with it."""
    one, other = change(), change("training.seed", 17, "17", "retyped", line=Origin("configs/base.yaml", 9, 3))
    assert github(report(row(A, one, other), row(B, one))) == [
        "::error file=configs/sft.yaml,line=3,col=5,title=not-equivalent::"
        "training.lr is 2, and legacy has 1: 2 presets train with it",
        "::error file=configs/base.yaml,line=9,col=3,title=not-equivalent::"
        'training.seed is "17", and legacy has 17: configs/train/a.yaml trains with it',
    ]


def test_a_removed_key_is_told_at_the_line_of_its_parent() -> None:
    """Which is where somebody would look for it."""
    gone = change("training.lr", 1, ABSENT, "removed", line=Origin("configs/sft.yaml", 2, 1))
    assert github(report(row(A, gone), against="main")) == [
        "::error file=configs/sft.yaml,line=2,col=1,title=not-equivalent::"
        "training.lr is absent, and main has 1: configs/train/a.yaml trains with it"
    ]


def test_a_list_is_told_by_what_changed_within_it() -> None:
    """Each item that differs, at its own line."""
    old, new = ([{"name": "flip", "p": 1}, {"name": "crop", "p": one}] for one in (1, 2))
    [line] = github(report(row(A, change("ops", old, new))))
    assert line.endswith("::ops[crop].p is 2, and legacy has 1: configs/train/a.yaml trains with it")


def test_what_is_excused_is_not_told() -> None:
    """An annotation is an error."""
    assert github(report(row(A, change(waiver=waiver()), change("ops", rule="saving-off"), verdict="WAIVED"))) == []
    assert github(report(row(A), row(B, legacy=None, verdict="NEW", reason="it has no legacy side"))) == []


def test_what_could_not_be_compared_is_told_once_for_each_reason() -> None:
    """At the first preset that it concerns; a broken fragment concerns many."""
    reason = "the preset here does not load: base `x.yaml` does not exist"
    assert github(
        report(
            row(A, verdict="REJECTED", reason=reason),
            row(B, verdict="REJECTED", reason=reason),
            row(C, verdict="UNPROVEN", reason="there is no value on either side"),
            row(None, legacy="configs/gone.yaml", verdict="UNPROVEN", reason="nothing took its place"),
            problems=[problem("`configs/gone.yaml` is mapped to no preset", "unmapped-preset", Origin("m.yaml", 0, 0))],
        )
    ) == [
        f"::error file={A},line=1,col=1,title=REJECTED::{A} and 1 more: {reason}",
        f"::error file={C},line=1,col=1,title=UNPROVEN::{C}: there is no value on either side",
        "::error file=m.yaml,title=unmapped-preset::`configs/gone.yaml` is mapped to no preset",
    ]


def test_a_mutant_that_nothing_excuses_is_told() -> None:
    """A job that fails says why."""
    found = report(row(A, survivors=[survivor("ops[0].p", "null", ""), survivor("x", "null")]))
    assert github(found) == [
        "::error title=mutant-survived::the proof did not catch changes of ops of configs/train/a.yaml"
    ]


def test_a_problem_without_a_place_and_a_repeated_one_are_told_once() -> None:
    """What is wrong with the mapping comes after what differs."""
    twice = [problem("the waiver of `x` accepts nothing", origin=Origin("legacy/mapping.yaml", 9, 5))] * 2
    lines = github(report(row(A, change()), problems=[*twice, problem("no place")]))
    assert lines[1:] == [
        "::error file=legacy/mapping.yaml,line=9,col=5,title=unused-waiver::the waiver of `x` accepts nothing",
        "::error title=unused-waiver::no place",
    ]


@pytest.mark.parametrize("count", [1, 9, 10, 11, 500])
def test_there_are_at_most_ten_and_the_last_one_counts_the_rest(count: int) -> None:
    """GitHub shows no more of one step."""
    rows = [row(f"configs/train/p{index}.yaml", change(f"x.k{index}")) for index in range(count)]
    lines = github(report(*rows))
    assert len(lines) == min(count, ANNOTATIONS) == min(count, 10)
    if count > ANNOTATIONS:
        assert lines[-1] == f"::error title=trainlock::and {count - 9} more: see the report"
        assert "x.k8 is 2" in lines[8]


def test_what_a_command_would_take_for_its_own_is_escaped() -> None:
    """`%` and line ends everywhere; in properties the colon and the comma, too."""
    place = Origin("configs/a:b,c%d.yaml", 3, 5)
    one = change("x", "100%\r\n::error::y", "a:b,c", line=place)
    [line] = github(report(row("configs/p\nq.yaml", one)))
    assert line == (
        "::error file=configs/a%3Ab%2Cc%25d.yaml,line=3,col=5,title=not-equivalent::"
        'x is "a:b,c", and legacy has "100%25\\r\\n::error::y": configs/p\\nq.yaml trains with it'
    )


@given(st.text(min_size=1), st.text(min_size=1))
def test_every_annotation_is_one_command_on_one_line(name: str, value: str) -> None:
    """Whatever names and values hold, and its properties end where they should."""
    text = value.encode("utf-8", "replace").decode()
    found = report(
        row(name, change("x", text, [text], line=Origin(name, 1, 1))),
        row(f"{name}2", verdict="REJECTED", reason=value),
        problems=[problem(value, origin=Origin(value, 2, 2))],
        against=name,
    )
    lines = github(found)
    assert len(lines) == 3
    for line in lines:
        assert line.isprintable()
        line.encode()
        match = COMMAND.fullmatch(line)
        assert match is not None, line
        assert not re.search("%(?!25|3A|2C)", (match["file"] or "") + match["message"])


def test_a_long_value_is_cut() -> None:
    """An annotation is read in a narrow column."""
    [line] = github(report(row(A, change("prompt", "a" * 9_000 + "b", "a" * 9_000 + "c"))))
    assert len(line) < 900
    assert "ab" in line
    assert "ac" in line
