"""The report for a CI job summary: Markdown that says only what we say, and that never grows too large to be shown."""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import ABSENT
from compiler.problems import printable
from compiler.report import MARKDOWN_BYTES, markdown
from compiler.values import Origin
from reported import SFT, A, B, C, change, problem, report, row, survivor, waiver


def test_the_whole_text_of_a_small_report() -> None:
    """The verdict, what differs and where, the presets, what is excused, and what survived."""
    found = report(
        row(A, change(), change("ops", [1], ABSENT, "removed", rule="saving-off")),
        row(B, change()),
        row(C, legacy=None, verdict="NEW", reason="it has no legacy side", survivors=[]),
        row("configs/d.yaml", survivors=[survivor("ops[0]", "null")]),
        problems=[problem("the waiver of `x` accepts nothing")],
    )
    lr = "<code>training&#46;lr</code>"
    at = "<code>configs/sft&#46;yaml&#58;3&#58;5</code>"
    a, b, c, d = (f"<code>configs/{name}&#46;yaml</code>" for name in ("train/a", "train/b", "train/c", "d"))
    old = "<code>configs/old&#46;yaml</code>"
    assert markdown(found) == (
        "### DIFFERENT against <code>legacy</code>\n\n"
        "2 different, 1 equivalent, 1 new, 1 problem; 21 leaves; mutants&#58; 60 caught, 1 excused\n"
        "\n#### Problems\n\n- the waiver of <code>x</code> accepts nothing (unused-waiver)\n"
        "\n#### What differs\n\n"
        "| value | kind | legacy | compiled | written at | presets |\n| --- | --- | --- | --- | --- | --- |\n"
        f"| {lr} | changed | <code>1</code> | <code>2</code> | {at} | {a}, {b} |\n"
        "\n#### Presets\n\n"
        "| verdict | preset | legacy | leaves | witnesses |\n| --- | --- | --- | ---: | --- |\n"
        f"| DIFFERENT | {a} | {old} | 7 | bytes, deepdiff |\n"
        f"| DIFFERENT | {b} | {old} | 7 | bytes, deepdiff |\n"
        f"| NEW | {c} |  |  | it has no legacy side |\n"
        f"| EQUIVALENT | {d} | {old} | 7 | bytes, deepdiff |\n"
        "\n#### What is excused\n\n"
        "| value | kind | legacy | compiled | written at | presets |\n| --- | --- | --- | --- | --- | --- |\n"
        f"| <code>ops</code> | removed, rule <code>saving-off</code> | <code>&#91;1&#93;</code> | absent "
        f"| {at} | {a} |\n"
        "\n<details><summary>1 mutant survived, each with an excuse</summary>\n\n"
        "| preset | value | kinds | excused by |\n| --- | --- | --- | --- |\n"
        f"| {d} | <code>ops</code> | 1 null | <code>rule augmentation-off</code> |\n"
        "\n</details>\n"
    )


def test_a_report_in_which_all_is_well_is_a_verdict_and_a_table() -> None:
    """No heading stands over nothing."""
    assert re.findall(r"^#+ \w+.*$", markdown(report(row(A))), re.MULTILINE) == [
        "### EQUIVALENT against <code>legacy</code>",
        "#### Presets",
    ]


def test_a_mutant_that_nothing_excuses_stands_above_everything_else() -> None:
    """A gate that is blind makes every other line of the report worthless."""
    text = markdown(report(row(A, change(), survivors=[survivor("lr", "nudged", ""), survivor("ops", "null")])))
    assert text.index("**The proof is blind**: 1 mutant survived") < text.index("#### What differs")
    assert "- <code>lr</code> of <code>configs/train/a&#46;yaml</code>: 1 nudged\n" in text


def test_a_waived_difference_is_told_with_its_reason_owner_and_last_day() -> None:
    """And in the section of what is excused, whatever else differs."""
    text = markdown(report(row(A, change(waiver=waiver(reason="a | b")), change("training.seed"))))
    [line] = [line for line in text.splitlines() if "waived" in line]
    assert "waived until <code>2027-01-31</code> by <code>lena</code>: <code>a &#124; b</code>" in line
    assert text.index(line) > text.index("#### What is excused") > text.index("training&#46;seed")


def test_a_list_is_told_by_what_changed_within_it() -> None:
    """One row for each item that differs."""
    old, new = ([{"name": "flip", "p": 1}, {"name": "crop", "p": value}] for value in (1, 2))
    text = markdown(report(row(A, change("ops", old, new))))
    assert "<code>ops&#91;crop&#93;&#46;p</code> | changed | <code>1</code> | <code>2</code>" in text
    assert "flip" not in text


def test_a_list_of_many_changes_shows_some_and_counts_the_rest() -> None:
    """Fifty of them; the presets are named once."""
    old, new = ([{"name": f"n{index}", "p": value} for index in range(90)] for value in (1, 2))
    lines = [line for line in markdown(report(row(A, change("ops", old, new)))).splitlines() if "ops" in line]
    assert len(lines) == 50
    assert [A.partition(".")[0] in line for line in lines] == [True, *[False] * 49]
    assert "| and 40 more in this list | | | | | |\n" in markdown(report(row(A, change("ops", old, new))))


def test_a_message_with_a_lone_backtick_is_code_as_a_whole() -> None:
    """Nobody can tell what it encloses."""
    text = markdown(report(row(A), problems=[problem("the key ` of `x`")]))
    assert "- <code>the key &#96; of &#96;x&#96;</code> (unused-waiver)\n" in text


def test_a_difference_that_was_written_in_several_places_counts_them() -> None:
    """The first one is named."""
    one, other = (change(line=Origin(preset, 1, 1)) for preset in (A, B))
    [line] = [line for line in markdown(report(row(A, one), row(B, other))).splitlines() if "training" in line]
    assert "| <code>configs/train/a&#46;yaml&#58;1&#58;1</code> and 1 more |" in line


def test_a_problem_that_is_told_many_times_stands_there_once() -> None:
    """As on a terminal."""
    assert markdown(report(row(A), problems=[problem("x is wrong")] * 9)).count("x is wrong") == 1


# ------------------------------------------------------------------------------ hostile texts

HOSTILE = [
    "| a | b |",
    "`code` ``x``",
    "line\nbreak\r\n# heading\n\n- item",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "@user and @org/team #17 a@b.org",
    "</details></code></summary>",
    "[x](javascript:alert(1)) ![y](http://e.org/z.png)",
    "https://e.org/a?b=c&d www.e.org ftp://e.org mailto:a@b.org",
    "\u202egnp.exe\u2066x\u200b\u2028y\x85",
    "lone \udcff \ud800 surrogate",
    "**bold** _it_ ~~no~~ $math$ \\* &amp; &#64; :smile:",
    "---",
    "===",
    "    indented",
    "1. one",
    "\x00\x1b[31mred\x07",
    "😀 稠密 עברית",
]

TAG = re.compile(r"</?code>|</?details>|</?summary>|<wbr>")
REFERENCE = re.compile(r"&#\d+;")


def spoilt(name: str) -> dict[str, Any]:
    """Give a report all of whose texts are one text."""
    key = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    value = name.encode("utf-8", "replace").decode()  # unlike a file's name, no value is other than UTF-8
    old, new = ([{"name": value, value: one}, {"name": "other", "x": value * 2}] for one in (1, value))
    return report(
        row(name, change(key, value, ABSENT, "removed", line=Origin(name, 1, 1)), legacy=name),
        row(f"{name}2", change(f"ops.{key}", old, new, waiver=waiver(reason=name, owner=name))),
        row(f"{name}3", verdict="REJECTED", reason=name, legacy=None),
        row(f"{name}4", survivors=[survivor(key, "null", name), survivor(f"x.{key}", "null", "")]),
        problems=[problem(name)],
        against=name,
    )


def skeleton(text: str) -> str:
    """Give what is left of a report without the tags that we write and without what Markdown shows as it is."""
    return re.sub(r"[a-zA-Z0-9 ,;/-]+", "", REFERENCE.sub("", TAG.sub("", text)))


@pytest.mark.parametrize("text", HOSTILE, ids=[str(index) for index in range(len(HOSTILE))])
def test_a_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    """The page is that of a harmless text but for the text itself, which is all there."""
    made = markdown(spoilt(text))
    assert skeleton(made) == skeleton(markdown(spoilt("harmless")))
    shown = html.unescape(TAG.sub("", made))
    assert printable(text).replace("`", "") in shown.replace("`", "")


@given(st.text(min_size=1, max_size=60))
def test_no_text_of_a_report_means_anything_to_markdown(text: str) -> None:
    """Whatever a name or a value is: the same structure, balanced tags, no character that Markdown would look at."""
    made = markdown(spoilt(text))
    assert skeleton(made) == skeleton(markdown(spoilt("harmless")))
    assert made.count("<code>") == made.count("</code>")
    assert not re.search(r"<code>[^<]*<code>", made)
    assert set(
        "".join(re.findall(r"<code>(.*?)</code>", TAG.sub(lambda tag: tag[0] * ("wbr" not in tag[0]), made)))
    ) <= (set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,;/-&#"))
    assert made.isascii()


def test_people_and_issues_are_not_notified() -> None:
    """GitHub looks for them after Markdown is done: the sign and the name stand in two texts."""
    text = markdown(spoilt("@user #17"))
    assert "&#64;<wbr>user &#35;<wbr>17" in text
    assert not re.search(r"&#64;[a-z]|&#35;\d", text)


def test_every_row_of_a_table_has_its_cells() -> None:
    """As many as the head has, whatever the values hold."""
    for text in (markdown(spoilt(hostile)) for hostile in HOSTILE):
        counts = {line.count("|") for line in text.splitlines() if line.startswith("| ")}
        assert counts == {5, 6, 7}


# ------------------------------------------------------------------------------ large reports


@functools.cache
def many_presets() -> dict[str, Any]:
    """Give a report of 20,000 presets, each different in its own way."""
    return report(
        *(row(f"configs/train/p{n}.yaml", change("training.run_name", "x", f"run {n}")) for n in range(20_000))
    )


def one_edit() -> dict[str, Any]:
    """Give a report of 20,000 presets that one edit changed."""
    one = change()
    return report(*(row(f"configs/train/p{n}.yaml", one) for n in range(20_000)))


def one_large_value() -> dict[str, Any]:
    """Give a report in which one value has two million characters."""
    return report(
        row(A, change("prompt", "x" * 2_000_000, "|" * 2_000_000)), row(B, change("ops", ["稠"], [["密" * 999_999]]))
    )


def many_survivors() -> dict[str, Any]:
    """Give a report with 100,000 survivors of as many leaves."""
    return report(row(A, survivors=[survivor(f"section{n}.key", "null") for n in range(100_000)]))


def many_alarms() -> dict[str, Any]:
    """Give a report whose drill failed altogether."""
    return report(row(A, change(), survivors=[survivor(f"section{n}.key", "null", "") for n in range(30_000)]))


def many_problems() -> dict[str, Any]:
    """Give a report whose mapping maps nothing."""
    return report(
        row(A, change()), problems=[problem(f"`configs/{n}.yaml` of `x` is mapped to no preset") for n in range(20_000)]
    )


def large_names() -> dict[str, Any]:
    """Give a report whose every text is as long as can be."""
    long = "@" * 100_000
    one = change(f'"{long}"', long, ABSENT, "removed", line=Origin(long, 1, 1), waiver=waiver(reason=long, owner=long))
    alarm = survivor(f'"{long}"', "null", "")
    rows = [row(f"{n}{long}", one, legacy=long, survivors=[alarm, survivor("x", "null", long)]) for n in range(200)]
    return report(*rows, problems=[problem(long)] * 3, against=long)


@pytest.mark.parametrize(
    "made",
    [many_presets, one_edit, many_survivors, many_alarms, many_problems, large_names],
    ids=lambda made: made.__name__,
)
def test_a_report_is_never_too_large_to_be_shown(made: Callable[[], dict[str, Any]]) -> None:
    """Under 900 kB in any case; what is left out is counted, what is folded is closed, no part takes all the room."""
    text = markdown(made())
    assert len(text.encode()) < MARKDOWN_BYTES == 900_000
    assert text.startswith("### ")
    assert text.count("<details>") == text.count("</details>")
    assert text.count("<code>") == text.count("</code>")
    assert re.search(r"and [\d,]+ more", text)
    for part in re.split(r"\n(?=#### |<details>)", text)[1:]:
        assert part.count("\n| ") > 2 or "\n- " in part, part[:200]


def test_one_large_value_is_cut() -> None:
    """Whole values are on the page and in the JSON."""
    text = markdown(one_large_value())
    assert len(text) < 20_000
    assert not re.search(r"and [\d,]+ more", text)
    assert text.count("&#46;&#46;&#46;") == 3


def test_the_presets_of_one_difference_are_counted() -> None:
    """Twenty of them are named."""
    assert ", <code>configs/train/p19&#46;yaml</code> and 19,980 more |" in markdown(one_edit())


def test_rows_that_are_left_out_are_counted_exactly() -> None:
    """Those that are shown and those that are not are all of them, and each presets' table keeps its rows whole."""
    text = markdown(many_presets())
    shown = len(re.findall(r"^\| <code>training", text, re.MULTILINE))
    hidden = re.findall(r"^and ([\d,]+) more: see `equivalence\.html` and `equivalence\.json`$", text, re.MULTILINE)
    assert int(hidden[0].replace(",", "")) + shown == 20_000
    assert all(line.endswith("|") for line in text.splitlines() if line.startswith("| "))
    assert len(text) > 600_000


@pytest.mark.parametrize("same", [0, 290, 300, 310, 9_000])
def test_where_long_values_differ_stays_in_sight(same: int) -> None:
    """Two cells that are cut never look the same."""
    text = markdown(report(row(A, change("prompt", "a" * same + "b" * 900, "a" * same + "c" * 900, line=SFT))))
    [cells] = [line.split(" | ") for line in text.splitlines() if "prompt" in line]
    assert cells[2] != cells[3]


def test_a_report_is_the_same_on_every_day() -> None:
    """Nothing but the document decides a byte of it."""
    found = spoilt("x")
    assert markdown(found) == markdown(spoilt("x")) == markdown(found)
