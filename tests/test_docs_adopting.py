"""The page that walks another team through adoption is followed, from nothing, line for line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from builders import REPOSITORY
from compiler.arguments import parser
from repositories import OWN, git
from test_docs import WALKTHROUGH, Block, blocks, commands_of, run, settled

PAGE = (REPOSITORY / "docs/adopting.md").read_text(encoding="utf-8")
BEGINS = "<!-- repository -->"
"""On the page, begins another repository, which holds nothing."""

WALKS = [[*blocks(part)] for part in PAGE.split(WALKTHROUGH)[1].split(BEGINS)[1:]]


class Step(NamedTuple):
    """A command of the page, what it shows below, and what it printed here."""

    command: str
    shown: str
    printed: str


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no settings of the user reach git, and nothing but an install of trainlock reach Python."""
    for name, value in {**OWN, "PYTHONDONTWRITEBYTECODE": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTHONPATH", raising=False)


def follow(walk: list[Block], root: Path) -> Iterator[Step]:
    """Follow one walk of the page in an empty repository."""
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    for block in walk:
        kind, _, name = block.marker.partition(": ")
        if kind == "file":
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(block.text, encoding="utf-8")
        for command, shown in commands_of(block) if block.info == "console" else ():
            yield Step(command, shown, run(command, root))


@pytest.mark.parametrize("walk", WALKS, ids=["extends", "_BASE_"])
def test_who_follows_the_page_sees_what_it_shows(walk: list[Block], tmp_path: Path) -> None:
    """Every command prints what stands below it; every file that somebody writes is on the page."""
    steps = [*follow(walk, tmp_path / "theirs")]
    assert [settled(step.printed) for step in steps] == [settled(step.shown) for step in steps]
    assert any("EQUIVALENT against legacy" in step.printed for step in steps)
    assert "Traceback" not in "".join(step.printed for step in steps)


def test_a_loader_that_merges_otherwise_is_found_out(tmp_path: Path) -> None:
    """The walk is no formality: with a loader that appends lists the same steps end in DIFFERENT."""
    walk = [
        block._replace(text=block.text.replace("isinstance(value, dict) else value", _APPENDS))
        if block.marker == "file: loader.py"
        else block._replace(text=block.text + "schedule: {warmup: [7]}\n")
        if block.marker.endswith("vit_b.yml")
        else block
        for block in WALKS[1]
    ]
    printed = "".join(step.printed for step in follow(walk, tmp_path / "theirs"))
    assert "trainlock: DIFFERENT against legacy: 1 different" in printed
    assert "error: `schedule.warmup` is `[7]`, and legacy trained with `[1000, 0.1, 7]` [not-equivalent]" in printed


_APPENDS = "isinstance(value, dict) else whole.get(key, []) + value if isinstance(value, list) else value"


def test_what_is_not_run_is_well_formed() -> None:
    """Snippets for other tools parse; the hook that is named exists; the options that are named are taken."""
    page = {block.marker: block.text for block in blocks(PAGE)}
    adopted = yaml.safe_load(page["config: .pre-commit-config.yaml"])
    offered = {hook["id"] for hook in yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text())}
    named = {hook["id"] for repo in adopted["repos"] for hook in repo["hooks"]}
    assert named <= offered
    assert offered <= set(re.findall(r"`(trainlock-\w+)`", PAGE))
    steps = yaml.safe_load(page["config: .github/workflows/configs.yml"])["steps"]
    told = re.findall(r"trainlock ((?:check|prove)[^>|`\n]*)", "\n".join(step.get("run", "") for step in steps))
    assert len(told) == 3
    for line in told:
        assert parser().parse_args(line.split()).verb in ("check", "prove")
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert adopted["repos"][0]["rev"] == f"v{version}"


def test_the_page_is_linked_where_people_look() -> None:
    """The README and the index of the pages lead to it."""
    assert "(docs/adopting.md)" in (REPOSITORY / "README.md").read_text()
    assert "(adopting.md)" in (REPOSITORY / "docs/README.md").read_text()
