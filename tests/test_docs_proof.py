"""The page of the proof says what is true: its tables are the code's, its fields are those of the document."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

from builders import REPOSITORY, opened
from compiler import proofs
from compiler.contrast import Operand, diff
from compiler.mapping import read_mapping
from compiler.mutants import SAMPLE
from compiler.neutrality import RULES
from compiler.proving import Prover
from compiler.tree import Memory
from compiler.verdict import GRAVITY, PASSING

PAGE = (REPOSITORY / "docs/proof.md").read_text()


def section(title: str) -> str:
    """Give the text below a heading of the page."""
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(text: str, table: int = 0) -> list[list[str]]:
    """Give the cells of a table of a text, without its head."""
    tables = re.findall(r"((?:^\|.*\n)+)", text, re.M)
    return [[cell.strip() for cell in line.strip("|\n").split("|")] for line in tables[table].splitlines()[2:]]


def test_the_verdicts_are_those_of_the_code() -> None:
    """Every verdict has its row, and the page says of each whether a run may pass with it."""
    told = {name: passes for name, _, passes in rows(section("Verdicts"))}
    assert told == {name: "yes" if name in PASSING else "no" for name in GRAVITY}


def test_the_rules_are_those_of_the_code() -> None:
    """Every rule has its row, with its first sentence and the trainer's code that decides it."""
    told = rows(section("Rules"))
    assert told == [[f"`{rule.name}`", rule.says, rule.decided_in.rstrip(".")] for rule in RULES]


def test_the_waiver_of_the_page_is_one() -> None:
    """The example is a waiver that the reader of mapping files takes."""
    block = re.findall(r"```yaml\n(.*?)```", section("Waivers"), re.S)[0]
    mapping = read_mapping(Memory({"m.yaml": f"presets: {{a.yaml: b.yaml}}\n{block}"}), "m.yaml")
    assert [waiver.expires for waiver in mapping.waivers] == [datetime.date(2027, 1, 31)]


def test_the_sample_has_the_size_that_the_page_says() -> None:
    """The number of planted mutants is not typed in by hand alone."""
    assert f"plants {SAMPLE} of each preset" in section("Mutants")


def names_in(text: str) -> set[str]:
    """Give every name in backticks."""
    return set(re.findall(r"`([a-z_]+)`", text))


def sample() -> dict[str, Any]:
    """Give a report of the shipped repository in which something differs, within a list too."""
    here = opened()
    prover = Prover(here, today=datetime.date(2026, 1, 1))
    proven = [prover.prove(pair).data for pair in prover.pairs if pair.preset == "configs/train/sft/dense_1024.yaml"]
    one = diff(here, Operand("configs/train/sft/dense_1024.yaml"), Operand("configs/train/stage_b/distill.yaml"))
    assert one["differences"]
    return prover.report(proven, everything=False)


def test_every_field_of_the_document_is_told() -> None:
    """The tables name the fields that are there, and no other."""
    report = sample()
    fields = [set(re.findall(r"`([a-z_]+)`", row[0])) for row in rows(section("The document"))]
    assert set.union(*fields) == set(report) - {"schema_version"}
    assert f"`schema_version` is {report['schema_version']}" in section("The document")
    proof = report["presets"][0]
    after = section("The document").split("A proof has")[1].split("| field")[0]
    assert set(proof) <= names_in(after)
    assert set(proof["mix"]) == {"legacy", "compiled", "entries"}


def test_every_field_of_a_difference_is_told() -> None:
    """The second table names the fields of a difference, and those that a difference has within a list."""
    here = opened()
    left, right = (Operand(f"configs/train/{name}.yaml") for name in ("sft/dense_1024", "stage_b/distill"))
    found = diff(here, left, right)
    told = set.union(*(names_in(" ".join(row)) for row in rows(section("The document"), 1)))
    sided = {"left": "legacy", "right": "compiled", "right_origin": "origin"}
    held: set[str] = set()
    for one in found["differences"]:
        held |= {sided.get(key, key).replace("left_", "legacy_").replace("right_", "compiled_") for key in one}
    assert held <= told
    assert {"class", "rule", "waiver"} <= told
    assert found["schema_version"] == proofs.SCHEMA_VERSION
    assert {"left", "right", "equal", "leaves", "differences"} <= names_in(section("The document"))


def test_every_way_to_lie_is_answered() -> None:
    """Each row of the first table says what keeps the proof from it."""
    told = rows(section("How it could lie, and what keeps it from it"))
    assert len(told) == 7
    assert all(len(row) == 2 and all(row) for row in told)


def test_the_page_is_linked_where_people_look() -> None:
    """The README and the index of the pages lead to it."""
    assert "(docs/proof.md)" in (REPOSITORY / "README.md").read_text()
    assert "(proof.md)" in Path(REPOSITORY / "docs/README.md").read_text()
