"""What the tests of the report page share: makers of reports, real and spoilt ones, and a reader of pages.

Nothing here asserts.
"""

from __future__ import annotations

import copy
import datetime
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

from builders import Files, layout, project, write
from compiler import proofs
from compiler.proving import Prover
from compiler.sides import other_tree
from names import CARRIED

Report = dict[str, Any]

HOSTILE: Final = "<img src=x onerror=alert(1)>\"'&\u202e"
"""What a text of a report may hold in the worst case."""

_OLD: Final = """
    custom: {augmentation: {enabled: false, bypass_prob: 0.1}}
    fusion: configs/fusion/mix.yaml
    training:
      lr: 2.0e-4
      seed: 17
      name: %s
      gone: true
      order: [1, 2, 3]
      ops: [{name: a, p: 1}, {name: b, p: 2}]
"""

_ENTRY: Final = "dataset: d, train_jsonl: x.jsonl"

THERE: Final[Files] = {
    "configs/train/one.yaml": _OLD % "once",
    "configs/train/two.yaml": "# two\n" + _OLD % "two",
    "configs/train/same.yaml": "a: 1\nfusion: configs/fusion/same.yaml\n",
    "configs/train/broken.yaml": "a: 1\n",
    "configs/train/left.yaml": "a: 1\n",
    "configs/fusion/mix.yaml": f"""
        targets: [{{name: t, {_ENTRY}}}]
        sources:
          - {{name: s, {_ENTRY}, ratio: 0.1}}
          - {{name: old, {_ENTRY}, ratio: 0.2}}
          - {{name: kept, {_ENTRY}, ratio: 0.3, mode: dense}}
    """,
    "configs/fusion/same.yaml": f"targets: [{{name: t, {_ENTRY}}}]\nsources: []\n",
}
"""One side of a report in which there is something of everything."""

HERE: Final[Files] = {
    "configs/base.yaml": """
        custom: {augmentation: {enabled: false, bypass_prob: 0.5}}
        fusion: configs/fusion/mix.yaml
        training:
          lr: 3.0e-4
          seed: "17"
          fresh: {deep: [1, 2]}
          order: [3, 1, 2]
          ops: [{name: a, p: 1}, {name: b, p: 3}]
    """,
    "configs/train/one.yaml": "extends: ../base.yaml\ntraining: {name: renamed}\n",
    "configs/train/two.yaml": "extends: ../base.yaml\ntraining: {name: two}\n",
    "configs/train/same.yaml": "a: 1\nfusion: configs/fusion/same.yaml\n",
    "configs/train/broken.yaml": "extends: ../nothing.yaml\n",
    "configs/train/fresh.yaml": "a: 1\n",
    "configs/fusion/mix.yaml": f"""
        targets: [{{name: t, {_ENTRY}}}]
        sources:
          - {{name: s, {_ENTRY}, ratio: 0.4}}
          - {{mode: dense, ratio: 0.3, name: kept, {_ENTRY}}}
          - {{name: new, {_ENTRY}, ratio: 0.2}}
    """,
    "configs/fusion/same.yaml": f"targets: [{{name: t, {_ENTRY}}}]\nsources: []\n",
    "mapping.yaml": """
        presets: {configs/train/one.yaml: configs/train/one.yaml}
        waivers:
          - {preset: configs/train/one.yaml, path: training.name, legacy: once, compiled: renamed,
             reason: a better name, owner: lena, expires: 2027-01-31}
          - {preset: configs/train/two.yaml, path: training.name, compiled: other,
             reason: never happened, owner: max, expires: 2027-01-31}
    """,
}
"""The other side."""


def report_of(root: Path, there: Files = THERE, here: Files = HERE, mapping: str | None = "mapping.yaml") -> Report:
    """Give the report on two trees that are written below a folder."""
    workspace = project(root / "here", here)
    other = other_tree(str(write(root / "there", there)), layout(root / "there"))
    prover = Prover(workspace, today=datetime.date(2026, 1, 1), name="there", other=other, mapping=mapping)
    return prover.report([prover.prove(pair).data for pair in prover.pairs])


def of_names(root: Path) -> Report:
    """Give the report on presets of every name that is carried: each differs, and half of them do not compile."""
    here, there = (
        {f"configs/train/{name}.yaml": f"x: {json.dumps(name, ensure_ascii=False)}{end}\n" for name in CARRIED}
        for end in ("", "x")
    )
    here |= {f"configs/train/{name}.yaml": "x: [\n" for name in CARRIED[::2]}
    there = {path: text.replace('"x\n', 'x"\n') for path, text in there.items()}
    return report_of(root, there, here, None)


def empty() -> Report:
    """Give the report on nothing."""
    return proofs.document("legacy", [], [], [])


_TOLD_BY_WORDS: Final = frozenset(
    ["verdict", "kind", "class", "severity", "document", "list", "witnesses", "rule", "schema_version"]
)


def spoilt(report: Any, hostile: str = HOSTILE, *, every: bool = False) -> Any:
    """Give a report in which each text ends with a hostile one; a word that has a meaning does only if `every`."""
    if isinstance(report, str):
        return report + hostile if report or every else ""
    if isinstance(report, list):
        return [spoilt(item, hostile, every=every) for item in report]
    if isinstance(report, dict):
        return {
            (key + hostile if every and key.isupper() else key): held
            if not every and key in _TOLD_BY_WORDS
            else spoilt(held, hostile, every=every)
            for key, held in report.items()
        }
    return report


def changed(report: Report, **given: Any) -> Report:
    """Give a report with other fields."""
    return {**copy.deepcopy(report), **given}


def many_presets(report: Report, count: int, differences: int = 1, **given: Any) -> Report:
    """Give a report with many presets that each differ from the others, in so many places."""
    (row,) = [row for row in report["presets"] if row["preset"] == "configs/train/two.yaml"]
    (one,) = [one for one in row["differences"] if one["key"] == "training.lr"]
    rows = []
    for index in range(count):
        told = [
            {**one, "key": f"k{index}.x{number}", "path": [f"k{index}", f"x{number}"], **given}
            for number in range(differences)
        ]
        rows.append({**row, "preset": f"configs/train/p{index}.yaml", "differences": told, "mix": None})
    return changed(report, presets=rows)


_VOID: Final = frozenset({"meta", "br", "wbr", "rect"})
"""Elements of the page that have no end."""


class Page(HTMLParser):
    """A page that was read: its elements in order, and what they say."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.depth: list[str] = []
        self.said: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self.depth.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element without an end."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element; one of another name is an end too many."""
        if self.depth.pop() != tag:
            self.depth.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        """Keep a text with the elements around it."""
        self.said.append((" ".join(self.depth), data))

    def text(self, *, without: str = "style") -> str:
        """Give what the page says, but for what stands in an element of some name."""
        return "".join(data for where, data in self.said if without not in where.split())

    def values_of(self, attribute: str) -> list[str]:
        """Give every value of an attribute."""
        return [held[attribute] for _, held in self.elements if attribute in held]
