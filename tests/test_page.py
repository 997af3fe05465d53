"""The report page: it tells what the report tells, and a hostile text stays a text."""

from __future__ import annotations

import base64
import copy
import hashlib
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import pages
from compiler import page_parts
from compiler.page import html
from compiler.verdict import GRAVITY
from pages import Page, Report, changed

ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "nav", "section", "article", "div"),
    *("h1", "h2", "h3", "p", "span", "b", "small", "strong", "code", "pre", "mark", "a", "ul", "li", "dl", "dt", "dd"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "details", "summary", "br", "wbr", "svg", "rect"),
}
"""Every element that the page is made of."""

ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "scope", "role", "tabindex"),
    *("aria-label", "aria-labelledby", "aria-hidden", "data-label", "width", "height", "rx"),
}
"""Every attribute that they have."""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report on two small trees in which there is something of everything."""
    return pages.report_of(tmp_path_factory.mktemp("page"))


def text_of(report: Report) -> str:
    """Give what the page of a report says."""
    return Page(html(report)).text()


# ---------------------------------------------------------------------------------------------- a hostile report


@pytest.mark.parametrize("every", [False, True])
def test_a_hostile_text_stays_a_text(report: Report, every: bool) -> None:
    """Whatever a text of the report holds, the page has no element and no attribute that it has not anyway."""
    page = Page(html(pages.spoilt(report, every=every)))
    assert {tag for tag, _ in page.elements} <= ELEMENTS
    assert {name for _, held in page.elements for name in held} <= ATTRIBUTES
    assert page.depth == []
    assert all(re.fullmatch("#[a-z]+", target) for target in page.values_of("href"))
    assert "<img src=x onerror=alert(1)>\"'&\\u202e" in page.text()


def test_texts_never_make_structure(report: Report) -> None:
    """A report with hostile texts gives the elements that it gives with harmless ones, in the same order."""
    harmless, hostile = (
        [tag for tag, _ in Page(html(pages.spoilt(report, end))).elements]
        for end in ("~" * len(pages.HOSTILE), pages.HOSTILE)
    )
    assert hostile == harmless


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200b", "\ufeff", "\x00", "\x1b", "\x85", "\u2028", "\ud800"])
def test_what_nobody_sees_is_made_visible(report: Report, hidden: str) -> None:
    """Control characters, marks of direction and halves of surrogate pairs are written as escapes."""
    page = html(pages.spoilt(report, hidden))
    assert hidden not in page
    assert hidden.encode("unicode_escape", "surrogatepass").decode() in page
    page.encode()


def test_the_page_allows_its_own_style_and_nothing_else(report: Report) -> None:
    """The policy stands before the style, and names it by the hash that a browser computes."""
    page = html(report)
    (style,) = re.findall("<style>(.*?)</style>", page, re.S)
    (policy,) = re.findall('http-equiv="Content-Security-Policy" content="(.*?)"', page)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert page.index("Content-Security-Policy") < page.index("<style>")
    assert re.findall(r"url\(|@import|https?:|javascript:|<script|<link", page) == []


def test_a_page_is_the_same_each_time(report: Report) -> None:
    """The same report gives the same bytes, and is left as it was."""
    before = copy.deepcopy(report)
    assert html(report) == html(copy.deepcopy(report))
    assert report == before


def test_a_page_names_no_folder_of_this_machine(report: Report, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Paths are those of the report, which count from a root."""
    assert str(tmp_path_factory.getbasetemp()) not in html(report)


# ---------------------------------------------------------------------------------------------- what it tells


def test_the_verdict_comes_first(report: Report) -> None:
    """The first heading is the verdict, and one sentence says what was compared, with what, and how the drill went."""
    text, mutants = text_of(report), report["mutants"]
    left = mutants["seeded"] - mutants["caught"]
    assert re.search(r"<h1[^>]*>.*?≠.*?DIFFERENT.*?</h1>", html(report))
    assert f"3 of 6 presets and {report['leaves_compared']} leaves were compared with there." in text
    assert f"Mutants: caught {mutants['caught']} of {mutants['seeded']}, {left} excused." in text
    assert text.index("DIFFERENT") < text.index("What is wrong") < text.index("configs/train/one.yaml")


@pytest.mark.parametrize("verdict", GRAVITY)
def test_each_verdict_has_a_sign_and_a_meaning(report: Report, verdict: str) -> None:
    """Colour is never the only signal: each verdict has a word, a sign of its own, and a sentence at the end."""
    page = html(report)
    signs = dict(re.findall(r'<span aria-hidden="true">(.)</span><b>([A-Z]+)</b>', page))
    assert verdict in signs.values()
    assert len(set(signs.values())) == len({*signs}) == len(GRAVITY)
    assert f"<b>{verdict}</b></span></dt><dd>" in page


def test_every_preset_is_told(report: Report) -> None:
    """Each row says verdict, both paths, the reason, what was read, leaves, witnesses, differences and mutants."""
    rows = re.findall(r'<tr><td class="badge".*?</tr>', html(report), re.S)
    told = [" ".join(Page(row).text().split()) for row in rows]
    held = {row["preset"]: row for row in report["presets"]}
    caught = {
        name: f"{row['mutants']['caught']} of {row['mutants']['seeded']}" for name, row in held.items() if row["leaves"]
    }
    one, two, same = (f"configs/train/{name}.yaml" for name in ("one", "two", "same"))
    assert told == [
        f"≠DIFFERENT{one}legacy: the same pathsources, sources{held[one]['leaves']}bytes, deepdiff, rules"
        f"15 different1 waived1 neutral{caught[one]}",
        f"≠DIFFERENT{two}legacy: the same pathsources, sources{held[two]['leaves']}bytes, deepdiff, rules"
        f"15 different1 neutral{caught[two]}",
        "×REJECTEDconfigs/train/broken.yamllegacy: the same path"
        "the preset here does not load: configs/train/broken.yaml:1:10: base ../nothing.yaml does not exist",
        "?UNPROVENno preset herelegacy: configs/train/left.yamlnothing took its place",
        f"=EQUIVALENT{same}legacy: the same pathsources, sources{held[same]['leaves']}bytes, deepdiff0{caught[same]}",
        "+NEWconfigs/train/fresh.yamlit has no legacy side",
    ]


def test_what_is_wrong_apart_from_presets_is_told_in_full(report: Report) -> None:
    """Message, code, place, reason, notes and the way out."""
    place = {"file": "other.yaml", "line": 3, "column": 4}
    problem = {
        **report["problems"][0],
        "message": "`x` is wrong",
        "notes": [{"origin": place, "text": "names it, too"}],
        "severity": "warning",
    }
    text = text_of(changed(report, problems=[*report["problems"], problem]))
    for one in report["problems"]:
        for said in (one["message"], one["code"], one["why"], one["hint"]):
            assert said.replace("`", "") in text
    assert "mapping.yaml:5:5" in text
    assert "x is wrong" in text
    assert "other.yaml:3:4 names it, too" in text
    assert "warning" in text


def test_every_difference_is_told_with_both_values_and_places(report: Report) -> None:
    """Key, kind, class, both values, and where either side wrote its own; where ours wrote none, where to look."""
    (section,) = re.findall(r'<section aria-labelledby="differences">.*?</section>', html(report), re.S)
    text = Page(section).text()
    open_text = Page(section).text(without="details")
    assert {one["kind"] for row in report["presets"] for one in row["differences"]} == {
        *("added", "removed", "changed", "retyped", "reordered")
    }
    for row in report["presets"]:
        for one in row["differences"]:
            assert one["key"] in text
            assert one["kind"] in open_text
            assert one["class"] in open_text
            for part in one["within"] or [one]:
                assert part["key"] in open_text
                assert part["legacy_text"] in open_text
                assert part["compiled_text"] in open_text
            line = one["line"]
            looked_at = f"look at {line['file']}:{line['line']}:{line['column']}"
            assert (one["legacy_origin"] or "absent") in open_text
            assert (one["origin"] or looked_at) in open_text


def test_a_list_of_entries_shows_its_small_changes(report: Report) -> None:
    """What changed within a list stands open with its line; the whole lists are folded."""
    (section,) = re.findall(r'<section aria-labelledby="differences">.*?</section>', html(report), re.S)
    page = Page(section)
    assert "training.ops[b].p" in page.text(without="details")
    assert "configs/base.yaml:8:36" in page.text(without="details")
    assert "[{name: a, p: 1}, {name: b, p: 3}]" not in page.text(without="details")
    assert "[{name: a, p: 1}, {name: b, p: 3}]" in page.text()


def test_the_same_difference_stands_there_once(report: Report) -> None:
    """With the presets that have it and every place of it, although each preset has it at another place."""
    blocks = re.findall(r"<article.*?</article>", html(report), re.S)
    (block,) = [one for one in blocks if "<code>training.lr</code>" in one]
    assert block.count("<code>training.lr</code>") == 1
    text = Page(block).text()
    assert "in 2 presets: configs/train/one.yaml, configs/train/two.yaml" in text
    assert "configs/train/one.yaml:4:3" in text
    assert "configs/train/two.yaml:6:7" in text


@pytest.mark.parametrize(
    "given",
    [
        {"compiled_text": "4"},
        {"legacy_text": "4"},
        {"kind": "retyped"},
        {"class": "neutral"},
        {"rule": "saving-off"},
        {"waiver": {"reason": "r", "owner": "o", "expires": "2027-01-31", "origin": "m.yaml:1:1"}},
    ],
)
def test_differences_that_differ_are_not_put_together(report: Report, given: dict[str, Any]) -> None:
    """Another value, kind or excuse is another difference."""
    other = copy.deepcopy(report)
    for row in other["presets"]:
        if row["preset"] == "configs/train/two.yaml":
            row["differences"] = [
                {**one, **given} if one["key"] == "training.lr" else one for one in row["differences"]
            ]
    assert html(other).count("<code>training.lr</code>") == html(report).count("<code>training.lr</code>") + 1


def test_what_excuses_a_difference_is_told(report: Report) -> None:
    """A rule with its sentence and the trainer's code; a waiver with its reason, owner, last day and place."""
    text = text_of(report)
    assert "By rule augmentation-off: With custom.augmentation.enabled: false neither" in text
    assert "Decided in src/sft.py" in text
    assert "Waiver: a better nameowner lena, expires 2027-01-31, written at mapping.yaml:3:5" in text


def test_what_nothing_excuses_comes_before_what_is_excused(report: Report) -> None:
    """So that no cut hides it: different, then waived, then neutral."""
    (section,) = re.findall(r'<section aria-labelledby="differences">.*?</section>', html(report), re.S)
    classes = re.findall(r"<b>(different|waived|neutral)</b>", section)
    assert classes == sorted(classes, key=["different", "waived", "neutral"].index)
    assert {*classes} == {"different", "waived", "neutral"}


def test_the_mixes_are_told_before_and_after(report: Report) -> None:
    """Each pair once: entries that differ side by side; equal ones folded, be their keys in another order."""
    (section,) = re.findall(r'<section aria-labelledby="mixes">.*?</section>', html(report), re.S)
    differing, equal = (Page(one) for one in re.findall(r"<article.*?</article>", section, re.S))
    opened = differing.text(without="details")
    assert "configs/fusion/mix.yaml →became configs/fusion/mix.yaml" in opened
    assert "in 2 presets: configs/train/one.yaml, configs/train/two.yaml" in opened
    assert "≠differs" in opened
    for entry in ("sources[s]changed: ratio", "sources[old]removed", "sources[new]added"):
        assert entry in opened
    assert "kept" not in opened
    assert "2 equal entries" in differing.text()
    assert "{mode: dense, ratio: 0.3, name: kept" in differing.text()
    assert "=equal" in equal.text(without="details")
    assert "1 equal entry" in equal.text()


def test_a_mix_that_only_one_side_names_differs(report: Report) -> None:
    """No mix before, or none after, is told as such, even if the other has no entry."""
    (row,) = [row for row in report["presets"] if row["preset"] == "configs/train/same.yaml"]
    rows = [{**row, "mix": {"legacy": "", "compiled": "configs/fusion/x.yaml", "entries": []}}]
    text = text_of(changed(report, presets=rows))
    assert "no mix →became configs/fusion/x.yaml≠differs" in text


def test_what_differs_in_a_mix_outside_of_its_entries_is_told(report: Report) -> None:
    """A mix is not equal because its entries are."""
    (row,) = [row for row in report["presets"] if row["preset"] == "configs/train/same.yaml"]
    one = next(one for one in report["presets"][2]["differences"] if one["document"] == "fusion")
    besides = {**one, "path": ["seed"], "key": "fusion:seed", "class": "waived"}
    text = text_of(changed(report, presets=[{**row, "differences": [besides]}]))
    assert "fusion:seed differs as well" in text
    assert "†differs, waived" in text


def test_leaves_are_told_by_the_fragment_that_authors_them(report: Report) -> None:
    """How many there are, how many presets they reach, and folded each with its count."""
    (section,) = re.findall(r'<section aria-labelledby="sharing">.*?</section>', html(report), re.S)
    text = Page(section).text()
    uses = sum(leaf["presets"] for leaf in report["sharing"])
    assert f"{len(report['sharing'])} leaves in 7 fragments" in text
    assert f"{uses} values" in text
    for leaf in report["sharing"]:
        assert leaf["fragment"] in text
        assert f"{leaf['key']} in {leaf['presets']} preset" in text


def test_excused_survivors_are_told_by_preset_and_value(report: Report) -> None:
    """The kinds of one value stand together, under the rule that excuses them."""
    text = text_of(report)
    assert "4 mutants of configs/train/one.yaml, excused by rule augmentation-off" in text
    assert "custom.augmentation.bypass_probdropped, null, nudged, retyped" in text
    assert "ALARM" not in text


def test_a_survivor_that_nothing_excuses_is_an_alarm(report: Report) -> None:
    """It is told at the top of what is wrong, with preset, value and kinds, and never folded."""
    survivor = {"key": "training.lr", "kind": "nudged", "excuse": ""}
    blind = copy.deepcopy(report)
    blind["presets"][2]["mutants"]["survivors"].append(survivor)
    blind["mutants"]["survivors"] += [{"preset": "configs/train/one.yaml", **survivor}] * 2
    text = Page(html(blind)).text(without="details")
    assert "ALARM" in text
    assert "2 mutants survived, and nothing excuses it" in text
    assert "training.lrnudged ×2configs/train/one.yaml" in text
    assert "2 survived and nothing excuses it." in text
    assert "1 unexcused" in text


def test_a_report_on_nothing_is_a_page() -> None:
    """Nothing compared is told as nothing, and nothing is said to be proven."""
    text = text_of(pages.empty())
    assert "UNPROVEN" in text
    assert "0 of 0 presets and 0 leaves were compared with the legacy records. No mutant was planted." in text


# ---------------------------------------------------------------------------------------------- structure


def test_the_structure_is_one_that_a_screen_reader_can_follow(report: Report) -> None:
    """A language, landmarks, one first heading, no level skipped, headers with a scope, a caption for each table."""
    page = Page(html(report))
    names = [tag for tag, _ in page.elements]
    assert page.elements[0] == ("html", {"lang": "en"})
    assert [names.count(name) for name in ("header", "nav", "main", "footer", "h1")] == [1] * 5
    levels = [int(name[1]) for name in names if re.fullmatch("h[1-6]", name)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(held.get("scope") in ("col", "row") for tag, held in page.elements if tag == "th")
    assert names.count("caption") == names.count("table") > 0
    ids = page.values_of("id")
    assert len(ids) == len({*ids})
    assert {target.removeprefix("#") for target in page.values_of("href")} <= {*ids}
    assert {*page.values_of("aria-labelledby")} <= {*ids}
    assert len(page.values_of("href")) == len(ids) == 7


def test_a_mark_is_only_set_where_values_are_much_alike() -> None:
    """Two values that have little in common are not marked; neither is one that only one side has."""
    assert page_parts.pair("", "0.0002", "0.0003").count("<mark>") == 2
    assert page_parts.pair("", "[1, 2]", "[1, 2, 3]").count("<mark>") == 1
    assert "<mark>" not in page_parts.pair("", "smoke_summary_tiny", "tiny_summary")
    assert "<mark>" not in page_parts.pair("", "", "x")


def test_backticks_that_do_not_match_are_text() -> None:
    """A message quotes names between backticks; a name that holds one breaks nothing."""
    assert page_parts.prose("base `a/b` is `c`") == "base <code>a/<wbr>b</code> is <code>c</code>"
    assert page_parts.prose("base `a` is `b") == "base `a` is `b"


def test_the_page_is_made_from_the_report_alone(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file, no environment: elsewhere, with another environment, it is the same page."""
    before = html(report)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("COLUMNS", "20")
    assert html(report) == before
