"""The report page in a browser: nothing runs, everything is seen, in light, in dark, on a phone and on paper."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

import pages
from compiler.page import html
from pages import Report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

LEFT_OUT: Final = (
    "left out: the browser tests of the report page (`pip install -e '.[browser]'`, and Debian's `chromium`)"
)

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")

OPTIONS: Final = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")

CONTRASTS: Final = """() => {
    const channel = part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    const numbers = colour => colour.match(/[0-9.]+/g).map(Number);
    const luminance = colour => {
        const [red, green, blue] = numbers(colour).map(part => channel(part / 255));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const behind = element => {
        for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (numbers(colour)[3] !== 0) return colour;
        }
        return getComputedStyle(document.documentElement).backgroundColor;
    };
    const told = {};
    for (const element of document.querySelectorAll("body *")) {
        const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        if (!own || !element.checkVisibility()) continue;
        const style = getComputedStyle(element);
        const [one, other] = [luminance(style.color), luminance(behind(element))].sort((a, b) => b - a);
        const size = parseFloat(style.fontSize);
        const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
        told[`${element.tagName} ${style.color} on ${behind(element)}`] = [(one + 0.05) / (other + 0.05), large];
    }
    return told;
}"""
"""Gives the contrast of every pair of colours in which the page shows a text, and whether that text is large."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The chromium of this machine."""
    playwright = pytest.importorskip("playwright.sync_api", reason=LEFT_OUT, exc_type=ImportError)
    path = next((found for found in map(shutil.which, NAMES) if found), None)
    if path is None:
        pytest.skip(LEFT_OUT)
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=path, args=list(OPTIONS))
        yield found
        found.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report on two small trees, with an alarm."""
    made = pages.report_of(tmp_path_factory.mktemp("page"))
    survivor = {"key": "training.lr", "leaf": "training.lr", "kind": "nudged", "excuse": ""}
    made["mutants"]["survivors"].append({"preset": "configs/train/one.yaml", **survivor})
    return made


@pytest.fixture(params=["clean", "hostile", "worst", "endless", "nothing", "names"])
def any_report(request: pytest.FixtureRequest, report: Report, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Reports with ordinary and with hostile texts, on files of hostile names, with endless words, and on nothing."""
    made: dict[str, Any] = {
        "clean": lambda: report,
        "hostile": lambda: pages.spoilt(report),
        "worst": lambda: pages.spoilt(report, every=True),
        "endless": lambda: pages.spoilt(report, "x" * 900),
        "nothing": pages.empty,
        "names": lambda: pages.of_names(tmp_path_factory.mktemp("names")),
    }
    given: Report = made[request.param]()
    return given


class Opened:
    """A page that is open in a browser, and everything that happened meanwhile but for showing it."""

    def __init__(self, page: Page, file: Path) -> None:
        self.page = page
        self.happened: list[str] = []
        page.on("dialog", self._dialog)
        page.on("console", lambda message: self.happened.append(f"console {message.text}"))
        page.on("pageerror", lambda error: self.happened.append(f"error {error}"))
        page.on("popup", lambda popup: self.happened.append(f"popup {popup.url}"))
        page.on("request", lambda asked: self.happened.append(f"request {asked.url}"))
        page.goto(file.as_uri())
        page.wait_for_timeout(50)
        self.happened.remove(f"request {file.as_uri()}")

    def _dialog(self, dialog: Dialog) -> None:
        self.happened.append(f"dialog {dialog.message}")
        dialog.dismiss()


def opened(browser: Browser, folder: Path, text: str, **context: Any) -> Opened:
    """Open a page from a file."""
    file = folder / "equivalence.html"
    file.write_text(text, encoding="utf-8")
    return Opened(browser.new_context(**context).new_page(), file)


def unfold(page: Page) -> None:
    """Open all that is folded."""
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")


def test_nothing_runs_and_nothing_is_asked_for(browser: Browser, tmp_path: Path, any_report: Report) -> None:
    """No dialog, no message on the console, no error, no window, no request; and the style is in force."""
    seen = opened(browser, tmp_path, html(any_report))
    unfold(seen.page)
    seen.page.wait_for_timeout(50)
    assert seen.happened == []
    assert seen.page.evaluate("document.querySelectorAll('script, img, iframe, link, object').length") == 0
    assert seen.page.evaluate("getComputedStyle(document.body).marginTop") == "0px"
    seen.page.context.close()


def test_the_watch_is_not_blind(browser: Browser, tmp_path: Path, report: Report) -> None:
    """A script, a picture and a style that somebody smuggled into the page do not work, and would be noticed."""
    smuggled = '<script>alert(1)</script><img src="x.png" onerror="alert(2)"><p style="color:red" id="p">x</p>'
    seen = opened(browser, tmp_path, html(report).replace("<footer>", f"<footer>{smuggled}"))
    kinds = {one.split()[0] for one in seen.happened}
    assert "console" in kinds
    assert "dialog" not in kinds
    assert seen.page.evaluate("getComputedStyle(document.getElementById('p')).color") != "rgb(255, 0, 0)"
    bare = html(report).replace('http-equiv="Content-Security-Policy"', 'name="x"')
    seen = opened(browser, tmp_path, bare.replace("<footer>", f"<footer>{smuggled}"))
    assert {one.split()[0] for one in seen.happened} >= {"dialog", "request"}
    seen.page.context.close()


def test_the_page_never_scrolls_sideways(browser: Browser, tmp_path: Path, any_report: Report) -> None:
    """On a phone, on a small window and on a screen, folded and unfolded, whatever the texts are."""
    seen = opened(browser, tmp_path, html(any_report))
    for _ in ("folded", "unfolded"):
        for width in (360, 800, 1280):
            seen.page.set_viewport_size({"width": width, "height": 800})
            assert seen.page.evaluate("document.documentElement.scrollWidth") == width
        unfold(seen.page)
    seen.page.context.close()


def test_every_text_has_enough_contrast(browser: Browser, tmp_path: Path, report: Report) -> None:
    """At least 4.5 to 1, or 3 to 1 where it is large, in both themes, for each verdict, alarm and mark."""
    seen = opened(browser, tmp_path, html(report))
    unfold(seen.page)
    backgrounds = []
    for scheme in ("light", "dark"):
        seen.page.emulate_media(color_scheme=scheme)
        told = seen.page.evaluate(CONTRASTS)
        assert len(told) > 20
        assert {pair: found for pair, (found, large) in told.items() if found < (3 if large else 4.5)} == {}
        backgrounds.append(seen.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert backgrounds[0] != backgrounds[1]
    seen.page.context.close()


def test_every_difference_is_printed(browser: Browser, tmp_path: Path, report: Report) -> None:
    """On paper each difference is there with its values and first places, on white, whatever theme the reader has."""
    seen = opened(browser, tmp_path, html(report), color_scheme="dark")
    seen.page.emulate_media(media="print", color_scheme="dark")
    printed = seen.page.inner_text("section[aria-labelledby=differences]")
    for row in report["presets"]:
        for one in row["differences"]:
            for part in one["within"] or [one]:
                assert part["key"] in printed
                assert part["legacy_text"] in printed
                assert part["compiled_text"] in printed
            assert (one["legacy_origin"] or "absent") in printed
            assert (one["origin"] or "look at") in printed
    assert "ALARM" in seen.page.inner_text("main")
    assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    contrasts = seen.page.evaluate(CONTRASTS)
    assert [pair for pair, (found, large) in contrasts.items() if found < (3 if large else 4.5)] == []
    assert seen.page.pdf(format="A4").startswith(b"%PDF")
    seen.page.context.close()


def test_the_page_needs_no_script(browser: Browser, tmp_path: Path, report: Report) -> None:
    """With JavaScript switched off the verdict and the differences are read, and what is folded unfolds by a click."""
    seen = opened(browser, tmp_path, html(report), java_script_enabled=False)
    assert seen.page.inner_text("h1").split() == ["≠", "DIFFERENT"]
    assert seen.page.get_by_role("heading", level=1, name="DIFFERENT", exact=True).is_visible()
    assert seen.page.get_by_text("training.seed", exact=True).first.is_visible()
    folded = seen.page.get_by_text("[{name: a, p: 1}, {name: b, p: 3}]").first
    assert not folded.is_visible()
    seen.page.get_by_text("the whole lists, legacy and compiled").first.click()
    assert folded.is_visible()
    seen.page.context.close()


def test_the_tables_are_tables_on_a_phone_too(browser: Browser, tmp_path: Path, report: Report) -> None:
    """Where rows stand as cards, a screen reader still finds a table with rows, and each preset heads its own."""
    seen = opened(browser, tmp_path, html(report), viewport={"width": 360, "height": 800})
    table = seen.page.get_by_role("table", name="Every preset, the gravest verdict first")
    assert table.get_by_role("row").count() == len(report["presets"]) + 1
    assert table.get_by_role("rowheader", name="configs/train/same.yaml").is_visible()
    seen.page.context.close()


def test_a_huge_page_opens(browser: Browser, tmp_path: Path, report: Report) -> None:
    """A report on thousands of presets is shown in seconds, and its last section is there."""
    huge = copy.deepcopy(report)
    (row,) = [row for row in report["presets"] if row["preset"] == "configs/train/two.yaml"]
    huge["presets"] = [{**row, "preset": f"configs/train/p{index}.yaml"} for index in range(2500)]
    seen = opened(browser, tmp_path, html(huge))
    assert seen.page.get_by_role("heading", name="How to read this").count() == 1
    assert seen.happened == []
    seen.page.context.close()
