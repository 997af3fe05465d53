"""The pages say what is true: their examples are run, their tables compared with the code."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from compiler import merging
from compiler.catalog import Layout
from compiler.compose import Composer
from compiler.settings import Settings
from compiler.tree import Memory
from compiler.values import canonical, node_of, plain
from shells import typed_in
from worlds import WORLDS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "scripts/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WALKTHROUGH = "<!-- walkthrough -->"
"""On a page, begins steps that are followed in a copy of the repository rather than in it."""


_spec = importlib.util.spec_from_file_location("write_catalog", ROOT / "scripts/write_catalog.py")
assert _spec is not None
assert _spec.loader is not None
write_catalog = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(write_catalog)


class Block(NamedTuple):
    """One fenced block of a page: what stands behind the fence, the text, and the comment above it."""

    info: str
    text: str
    marker: str
    line: int


def blocks(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    found = re.finditer(r"(?:<!-- (?P<marker>.+?) -->\n)?```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", page, re.M | re.S)
    for block in found:
        yield Block(block["info"], block["text"], block["marker"] or "", page[: block.start()].count("\n") + 1)


def blocks_of(name: str) -> list[Block]:
    """Give the blocks of a page below the root."""
    return list(blocks((ROOT / name).read_text()))


def run(command: str, folder: Path = ROOT) -> str:
    """Run a command line of a page in the repository, or another folder, and give what it prints."""
    return typed_in(command, folder).stdout


def commands_of(block: Block) -> list[tuple[str, str]]:
    """Give the commands of a console block, each with the output below it."""
    parts = re.split(r"^\$ ", block.text, flags=re.M)[1:]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def consoles() -> list[Any]:
    """Give every command that a page shows with its output, but for the steps of a walkthrough."""
    return [
        pytest.param(command, output, id=f"{page.name}:{command}")
        for page in PAGES
        for block in blocks(page.read_text().split(WALKTHROUGH)[0])
        if block.info == "console"
        for command, output in commands_of(block)
    ]


@pytest.mark.parametrize(("command", "output"), consoles())
def test_a_command_prints_what_its_page_shows(command: str, output: str) -> None:
    """A command with its output on a page prints exactly that."""
    assert settled(run(command)) == settled(output.rstrip("\n") + "\n")


def test_the_steps_of_the_playbook_do_what_they_say(tmp_path: Path) -> None:
    """Who follows the playbook to add a preset, a component and a dataset sees what it shows, line for line."""
    for name in ("configs", "build", "docs", "legacy", "scripts", "dodo.py", "pyproject.toml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    steps = (ROOT / "docs/training/TRAINING_PLAYBOOK.md").read_text().split(WALKTHROUGH)[1]
    for name in re.findall(r"<!-- file: (.+) -->", steps):
        (tmp_path / name).unlink(missing_ok=True)  # somebody may have followed the page here
    run("doit", tmp_path)
    done = 0
    for block in blocks(steps):
        kind, _, name = block.marker.partition(": ")
        if kind == "file":
            (tmp_path / name).write_text(block.text)
        for command, output in commands_of(block) if block.info == "console" else ():
            assert settled(run(command, tmp_path)) == settled(output), command
            done += 1
    assert done == 9


def settled(text: str) -> str:
    """Take out what may differ: the seconds, how many presets the tree has by now, and whether a trainer is here."""
    text = re.sub(r"\d+ unchanged", "N unchanged", re.sub(r"in \d+\.\d s", "in N s", text))
    return re.sub(r"warning: there is no .*; a launch needs it\n", "", text)


def test_the_way_into_another_repository_works(tmp_path: Path) -> None:
    """The README's command compiles a tree that has never heard of trainlock."""
    here, there = tmp_path / "here", tmp_path / "their-repo"
    (there / "configs/train").mkdir(parents=True)
    here.mkdir()
    (there / "configs/base.yml").write_text("a: 1\nb: {c: 2}\n")
    (there / "configs/train/run.yml").write_text("_BASE_: ../base.yml\nb: {c: 3}\n")
    commands = [block.text for block in blocks_of("README.md") if block.info == "bash"][1:]
    assert len(commands) == 1
    assert "1 built" in run(commands[0], here)
    assert yaml.safe_load((there / "out/train/run.lock.yaml").read_text()) == {"a": 1, "b": {"c": 3}}


def test_the_catalog_is_what_the_tree_holds() -> None:
    """The tables of the pages are those that scripts/write_catalog.py writes; an old path is never lost."""
    checks = (ROOT / "docs/checks.md").read_text()
    assert write_catalog.written(checks) == checks
    page = (ROOT / "docs/training/TRAINING_PLAYBOOK.md").read_text()
    assert write_catalog.written(page) == page
    assert write_catalog.written(page.replace("`tuner`", "`toner`")) == page
    for old in [*(ROOT / "legacy/configs").rglob("*.yaml")]:
        path = old.relative_to(ROOT / "legacy").as_posix()
        assert f"`{path}`" in page or f"`legacy/{path}`" in page, path


def excerpts() -> list[Any]:
    """Give every block that a page takes from a file."""
    return [
        pytest.param(block.marker.removeprefix("excerpt: "), block.text, id=f"{page.name}:{block.line}")
        for page in PAGES
        for block in blocks(page.read_text())
        if block.marker.startswith("excerpt: ")
    ]


def excerpt_problem(excerpt: str, whole: str) -> str:
    """Say which part of an excerpt is not in a file, in order; parts are parted by a line `...`."""
    position = 0
    for part in re.split(r"^\s*\.\.\.\n", excerpt, flags=re.M):
        found = whole.find(part, position)
        if found < 0:
            return part
        position = found + len(part)
    return ""


@pytest.mark.parametrize(("file", "excerpt"), excerpts())
def test_an_excerpt_is_what_the_file_holds(file: str, excerpt: str) -> None:
    """What a page shows of a file stands there, line for line."""
    assert excerpt.strip()
    assert excerpt_problem(excerpt, (ROOT / file).read_text()) == ""


def test_a_wrong_excerpt_is_found() -> None:
    """The comparison of excerpts is not blind: another line, and another order, are told."""
    assert excerpt_problem("a: 1\n", "a: 2\n") == "a: 1\n"
    assert excerpt_problem("b: 2\n...\na: 1\n", "a: 1\nb: 2\n") == "a: 1\n"


def test_every_example_of_the_merge_rules_resolves_as_shown() -> None:
    """Each result in docs/merge-rules.md is what the files above it compose to, keys in the same order."""
    files: dict[str, str | bytes] = {}
    layout = Layout(str(ROOT / "nowhere"), Settings(fusion_key=("custom", "fusion_config")))
    compared = 0
    for block in blocks_of("docs/merge-rules.md"):
        kind, _, source = block.marker.partition(": ")
        if kind == "file":
            files[source] = block.text
        if kind != "resolved":
            continue
        composer = Composer(layout, Memory(files))
        resolved = composer.mix(source) if "/fusion/" in source else composer.preset(source)
        assert repr(plain(resolved.values)) == repr(yaml.safe_load(block.text)), source
        compared += 1
    assert compared == 4


def table_rows(text: str) -> list[tuple[str, ...]]:
    """Give the cells of the first Markdown table of a text, without its head."""
    lines = [line for line in text.split("\n") if line.startswith("|")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]


def test_the_table_of_rules_is_that_of_the_module() -> None:
    """The table in docs/merge-rules.md names the rules that the docstring of compiler/merging.py names."""
    page = (ROOT / "docs/merge-rules.md").read_text().split("\n## ")[0]
    told = [row[:3] for row in table_rows(page)]
    docstring = merging.__doc__ or ""
    rows = [
        re.split(r"\s{2,}", line.strip()) for line in docstring.split("\n") if re.match(r"    (preset|fusion) ", line)
    ]
    assert [(row[0].removesuffix(" config"), *row[1:3]) for row in told] == [tuple(row[:3]) for row in rows]
    assert list(merging.FUSION.below) == ["targets", "sources"]
    assert all(policy.keys == ("name", "dataset") for policy in merging.FUSION.below.values())


CANONICAL = [
    ("null, true, false", [None, True, False], "lntfe"),
    ("5", 5, "i5;"),
    ("1.0", 1.0, "d1.0;"),
    ('"abc"', "abc", "s3:abc"),
    ("[1, 2]", [1, 2], "li1;i2;e"),
    ("{b: 1, a: 2}", {"b": 1, "a": 2}, "ms1:ai2;s1:bi1;e"),
]


@pytest.mark.parametrize(("told", "value", "expected"), CANONICAL)
def test_the_canonical_bytes_are_those_of_the_page(told: str, value: Any, expected: str) -> None:
    """docs/lockfile.md tells the canonical bytes of each kind of value as they are."""
    assert canonical(node_of(value)).decode() == expected
    page = (ROOT / "docs/lockfile.md").read_text()
    cell = next(row[1] for row in table_rows(page[page.index("## The digest") :]) if row[0] == told)
    shown = expected if told != "null, true, false" else "n`, `t`, `f"
    assert cell.startswith(f"`{shown}`")


def codes_in_the_source() -> set[str]:
    """Give every code with which the package makes a problem."""
    codes: set[str] = set()
    for module in (ROOT / "compiler").glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                if name in ("Problem", "Trap", "_problem", "_report", "_odd_number", "problem", "report"):
                    literals = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                    codes |= {text for text in literals[:1] if isinstance(text, str)}
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Tuple)
                and isinstance(node.value, ast.Tuple)
            ):
                names = [target.id for target in node.targets[0].elts if isinstance(target, ast.Name)]
                if names[:1] == ["code"] and isinstance(node.value.elts[0], ast.Constant):
                    codes.add(str(node.value.elts[0].value))
    return {code for code in codes if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", code)}


def test_every_problem_has_its_section() -> None:
    """docs/problems.md has a section for each code that the package can report, and no other."""
    sections = set(re.findall(r"^### `(.+)`$", (ROOT / "docs/problems.md").read_text(), re.M))
    assert sections == codes_in_the_source()
    assert len(sections) > 30


def test_the_texts_of_the_problems_are_those_that_are_asserted() -> None:
    """Each message on docs/problems.md is one that tests/test_messages.py provokes, under its own code."""
    provoked = {(world.code, world.text.rstrip("\n")) for world in WORLDS}
    page = (ROOT / "docs/problems.md").read_text()
    shown = re.findall(r"^### `([a-z0-9-]+)`\n\n[^\n]+\n\n```text\n((?:(?!```).)+?)\n```$", page, re.M | re.S)
    assert len(shown) > 40
    assert [code for code, text in shown if (code, text) not in provoked] == []


def test_the_readme_begins_with_the_two_commands_that_ci_runs() -> None:
    """The README's first screen has the two set-up commands, and CI runs the second one to the letter."""
    readme = (ROOT / "README.md").read_text()
    commands = [line.split("#")[0].strip() for line in next(blocks(readme)).text.strip().split("\n")]
    assert commands == ["pip install -e . && doit", "pip install -e '.[test]' && pytest"]
    assert readme[: readme.index("```bash")].count("\n") < 15
    ci = (ROOT / ".ci/run").read_text().replace("-q --disable-pip-version-check ", "")
    assert commands[1] in ci


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link of a page names a file that is there."""
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_decisions_are_numbered_in_order() -> None:
    """Each decision note begins with its number, and no number is missing."""
    notes = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [int(note.name[:4]) for note in notes] == list(range(1, len(notes) + 1))
    assert all(note.read_text().startswith(f"# {int(note.name[:4])}. ") for note in notes)
