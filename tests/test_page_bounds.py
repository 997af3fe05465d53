"""The report page stays in bounds: whatever is cut says so, and what matters is never cut away."""

from __future__ import annotations

import re

import pytest

import pages
from compiler import page_diffs, page_parts
from compiler.page import html
from pages import Page, Report, changed, many_presets


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report on two small trees in which there is something of everything."""
    return pages.report_of(tmp_path_factory.mktemp("page"))


def test_a_table_is_cut_and_says_so(report: Report) -> None:
    """The gravest presets stay, and the line below says how many more there are, and where."""
    rows = [{**report["presets"][3], "preset": f"configs/p{index}.yaml"} for index in range(page_parts.ROWS + 7)]
    rows.append({**report["presets"][0], "preset": "configs/last.yaml"})
    page = html(changed(report, presets=rows))
    assert page.count('<tr><td class="badge') == page_parts.ROWS
    assert "configs/<wbr>last.yaml" in page
    assert "and 8 more, all in equivalence.json" in page


def test_differences_are_cut_and_say_so(report: Report) -> None:
    """Past so many groups the page says how many more there are."""
    page = html(many_presets(report, 2, page_diffs.GROUPS))
    assert page.count('<div class="pair">') == page_diffs.GROUPS
    assert f"and {page_diffs.GROUPS} more, all in equivalence.json" in page


def test_what_concerns_many_presets_lists_some_of_them(report: Report) -> None:
    """The count is that of all; the first ones stand open, more are folded, and the rest is counted."""
    many = many_presets(report, 1000)
    for row in many["presets"]:
        row["differences"] = many["presets"][0]["differences"]
    block = re.findall(r"<article.*?</article>", html(many), re.S)[-1]
    text = Page(block).text()
    assert "in 1,000 presets: configs/train/p0.yaml, configs/train/p1.yaml" in text
    assert f"and {1000 - 12 - page_parts.LISTED} more, all in equivalence.json" in text


def test_a_long_value_is_cut_around_what_differs(report: Report) -> None:
    """What is left out is counted on both sides, and the part that differs is always shown."""
    old, new = (f"{'a' * 50_000}{middle}{'b' * 50_000}" for middle in ("OLD", "NEW"))
    page = html(many_presets(report, 1, legacy_text=old, compiled_text=new))
    assert "<mark>OLD</mark>" in page
    assert "<mark>NEW</mark>" in page
    assert "(49,500 characters before) ..." in page
    assert "... (48,503 characters more)" in page
    assert "a" * (page_parts.CHARACTERS + 1) not in page


def test_a_long_text_is_cut_and_says_so(report: Report) -> None:
    """Any text, be it a reason or a path."""
    page = html(changed(report, against="x" * 3000))
    assert "... (1,000 characters more)" in page
    assert "x" * (page_parts.CHARACTERS + 1) not in page


def test_a_huge_report_gives_a_page_that_a_browser_opens(report: Report) -> None:
    """Thousands of presets with hostile values of any length: some megabytes at most."""
    huge = many_presets(report, 3000, 20, legacy_text="\u202e" * 3000, compiled_text="<" * 3000)
    for row in huge["presets"]:
        row["reason"] = "\u202e" * 3000
    page = html(huge)
    assert len(page) < 4 * page_parts.SECTION
    assert "more, all in equivalence.json" in page
