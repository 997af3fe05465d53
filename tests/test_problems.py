"""problems: one shape for every message, and hints from the right set."""

from __future__ import annotations

from compiler.problems import (
    MAX_NOTES,
    BuildLocked,
    Invalid,
    Note,
    Problem,
    UsageError,
    did_you_mean,
    in_order,
    nearest,
    printable,
    render,
)
from compiler.values import Origin

WHOLE = Problem(
    "missing-base",
    "base `x.yaml` does not exist",
    Origin("a.yaml", 2, 5),
    why="a rule",
    notes=(Note(Origin("b.yaml", 1, 10), "extends this file"), Note(Origin("c.yaml", 0, 0), "is the other")),
    hint="did you mean `y.yaml`?",
)


def test_a_problem_is_rendered_whole() -> None:
    """Place, severity, message and code come first; then the line with a caret, why, notes and hint."""
    shown = render(WHOLE, lambda _file, line: "  - x.yaml" if line == 2 else None)
    assert shown == (
        "a.yaml:2:5: error: base `x.yaml` does not exist [missing-base]\n"
        "    2 |   - x.yaml\n"
        "      |     ^\n"
        "  why: a rule\n"
        "  note: b.yaml:1:10 extends this file\n"
        "  note: c.yaml is the other\n"
        "  hint: did you mean `y.yaml`?"
    )


def test_the_first_line_alone_is_enough() -> None:
    """Without excerpt, reason and hint one line remains; without a line number the file alone is named."""
    assert render(Problem("a-code", "it is wrong", Origin("f", 0, 0))) == "f: error: it is wrong [a-code]"
    assert render(Problem("a-code", "it is odd", severity="warning")) == "warning: it is odd [a-code]"


def test_the_caret_stands_below_the_column() -> None:
    """Tabs count one column, a very long line is cut around the column, and a blank line is not shown."""

    def second_line(text: str, column: int) -> list[str]:
        return render(Problem("c", "m", Origin("f", 1, column)), lambda _file, _line: text).split("\n")[1:]

    assert second_line("\tab", 2) == ["    1 |  ab", "      |  ^"]
    assert second_line("   ", 2) == []
    line, caret = second_line("x" * 5_000 + "Y" + "z" * 5_000, 5_001)
    assert line[caret.index("^")] == "Y"
    assert len(line) < 200
    line, caret = second_line("k: \x1b[31mred", 9)
    assert line == "    1 | k: \\x1b[31mred"
    assert line[caret.index("^")] == "r"


def test_no_control_character_reaches_a_terminal() -> None:
    """Whatever a file holds, a message is one line of printable text."""
    assert printable("a\x1b[0m\n\u2028\ud800é北") == "a\\x1b[0m\\n\\u2028\\ud800é北"
    shown = render(Problem("c", "bad `\n\x07`", Origin("f\r.yaml", 1, 1), why="w\ny", hint="h\x00"))
    assert shown == "f\\r.yaml:1:1: error: bad `\\n\\x07` [c]\n  why: w\\ny\n  hint: h\\x00"


def test_problems_come_sorted_by_place_and_once() -> None:
    """All problems of a stage are sorted by file, line, column and code, and equal ones are told once."""
    places = [("b", 1, 1, "x"), ("a", 10, 1, "x"), ("a", 9, 2, "x"), ("a", 9, 2, "w"), ("a", 10, 1, "x")]
    problems = [Problem(code, "m", Origin(file, line, column)) for file, line, column, code in places]
    shown = [f"{problem.origin} {problem.code}" for problem in in_order(problems)]
    assert shown == ["a:9:2 w", "a:9:2 x", "a:10:1 x", "b:1:1 x"]


def test_of_a_kind_that_fills_a_file_the_first_hundred_are_told() -> None:
    """Then how many more there are, at the place of the next; other kinds and other files are told all the same."""
    many = [Problem("x", f"m{n}", Origin("a", n, 1), why="w", hint="h") for n in range(1, 1_251)]
    beside = [Problem("y", "m", Origin("a", 900, 1)), Problem("x", "m", Origin("b", 1, 1))]
    told = in_order([*reversed(many), *beside])
    assert told[:100] == many[:100]
    assert told[100:] == [
        Problem("x", "and 1,150 more of this kind in this file", Origin("a", 101, 1)),
        *beside,
    ]
    assert in_order(told) == told
    told = in_order([*(one._replace(severity="warning") for one in many), *many[-1:]])
    assert many[-1] in told
    assert in_order(many[:101]) == many[:101]


def test_a_text_without_end_is_cut() -> None:
    """A name of a million characters in a message, a reason, a note or a hint does not fill a terminal."""
    endless = "x" * 1_000_000
    problem = Problem("c", endless, WHOLE.origin, why=endless, hint=endless, notes=(Note(WHOLE.origin, endless),))
    assert max(len(line) for line in render(problem).split("\n")) < 10_100
    assert render(problem._replace(message="x" * 9_000)).count("x") > 9_000


def test_notes_without_end_are_counted() -> None:
    """The first of them are told, then how many more there are; as many as are told need no count."""
    notes = tuple(Note(Origin("f", line, 1), "extends this file") for line in range(1, MAX_NOTES + 4))
    shown = render(WHOLE._replace(notes=notes)).split("\n")[2:]
    assert shown[:-2] == [f"  note: f:{line}:1 extends this file" for line in range(1, MAX_NOTES + 1)]
    assert shown[-2:] == ["  note: and 3 more", "  hint: did you mean `y.yaml`?"]
    assert " more" not in render(WHOLE._replace(notes=notes[:MAX_NOTES]))


def test_a_hint_is_given_only_where_it_helps() -> None:
    """The nearest candidate is hinted; else all of a few; else nothing."""
    assert did_you_mean("dora_ful", ["dora_full", "zero2"]) == "did you mean `dora_full`?"
    assert did_you_mean("qqq", ["b", "a"]) == "there is `a`, `b`"
    assert did_you_mean("qqq", [str(number) for number in range(9)]) == ""
    assert did_you_mean("qqq", []) == ""
    assert nearest("learning_rat", ["learning_rate", "lr"]) == "learning_rate"
    assert nearest("lr", ["learning_rate"]) is None


def test_each_exception_carries_its_problems_and_its_exit_code() -> None:
    """Invalid ends in 1, wrong usage in 2, a held build lock in 75."""
    assert [kind(WHOLE).exit_code for kind in (Invalid, UsageError, BuildLocked)] == [1, 2, 75]
    assert Invalid(WHOLE, WHOLE._replace(message="b")).problems == (WHOLE, WHOLE._replace(message="b"))
    assert str(Invalid(WHOLE, WHOLE._replace(message="b"))) == "base `x.yaml` does not exist; b"
