"""proving: the shipped presets train as the legacy ones did, and one flipped leaf of theirs is seen, with its line."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest
import yaml

from builders import REPOSITORY, opened
from compiler import mutants, proving
from compiler.pipeline import build
from compiler.proofs import passes
from compiler.proving import Prover, other_side
from compiler.values import leaves
from provings import TODAY

EVERY: Final = "TRAINLOCK_FLIP_EVERY_LEAF"
"""Set in the environment, it has every leaf flipped, which takes minutes; else one of each file."""


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what the proof of this repository stands on; each test leaves it as it was."""
    root = tmp_path_factory.mktemp("shipped")
    for name in ("configs", "legacy", "build"):
        shutil.copytree(REPOSITORY / name, root / name, ignore=shutil.ignore_patterns(".cache", "reports"))
    shutil.copy(REPOSITORY / "pyproject.toml", root)
    return root


def test_every_mapped_preset_is_equivalent_by_no_rule_and_no_waiver(shipped: Path) -> None:
    """Twelve presets train as they did, two are new, and every mutant that survives is excused by a rule."""
    prover = Prover(opened(shipped), today=TODAY)
    proofs = [prover.prove(pair) for pair in prover.pairs]
    found = prover.report([proof.data for proof in proofs])
    assert (found["verdict"], found["counts"]) == ("EQUIVALENT", {"EQUIVALENT": 12, "NEW": 2})
    assert passes(found)
    assert [problem for proof in proofs for problem in proof.problems] == found["problems"] == []
    assert (prover.mapping.waivers, [row for row in found["presets"] if row["differences"]]) == ((), [])
    assert found["leaves_compared"] > 1000
    for row in found["presets"]:
        assert row["witnesses"] == ([] if row["verdict"] == "NEW" else ["bytes", "deepdiff"])
        assert row["compared"] == (
            {"legacy": "", "compiled": ""} if row["verdict"] == "NEW" else {"legacy": "record", "compiled": "lock"}
        )
    survivors = found["mutants"]["survivors"]
    assert found["mutants"]["seeded"] == 12 * mutants.SAMPLE == found["mutants"]["caught"] + len(survivors)
    assert all(one["excuse"].startswith("rule ") for one in survivors)


def test_the_legacy_tree_compiled_by_us_is_equivalent_as_well(shipped: Path) -> None:
    """Taken as another folder, with the same mapping: sources against locks, and no record is looked at."""
    workspace, name = opened(shipped), str(shipped / "legacy")
    other = other_side(workspace, name)
    prover = Prover(workspace, today=TODAY, name=name, other=other, mapping="legacy/mapping.yaml", second_opinion=False)
    rows = [prover.prove(pair).data for pair in prover.pairs]
    assert prover.report(rows)["counts"] == {"EQUIVALENT": 12, "NEW": 2}
    assert prover.problems == ()
    assert {tuple(row["compared"].values()) for row in rows if row["leaves"]} == {("sources", "lock")}


class Leaf(NamedTuple):
    """A scalar as it is authored: where it stands, its path in the file, and the part of the text that it is."""

    file: str
    line: int
    column: int
    path: tuple[str | int, ...]
    start: int
    end: int


def authored(file: str, text: str) -> Iterator[Leaf]:
    """Yield every scalar of a file but the names of its bases, as PyYAML sees them."""

    def below(node: yaml.Node, mark: yaml.Mark, path: tuple[str | int, ...]) -> Iterator[Leaf]:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if path or key.value not in ("extends", "inherit"):
                    yield from below(value, key.start_mark, (*path, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                yield from below(value, value.start_mark, (*path, index))
        else:
            yield Leaf(file, mark.line + 1, mark.column + 1, path, node.start_mark.index, node.end_mark.index)

    top = yaml.compose(text, Loader=yaml.SafeLoader)
    yield from below(top, top.start_mark, ()) if top is not None else ()


def flipped(text: str) -> str:
    """Give another value as YAML: a boolean turned, a number nudged by the least step, a text lengthened."""
    value = yaml.safe_load(text)
    if isinstance(value, bool):
        return str(not value).lower()
    if isinstance(value, int):
        return str(value + 1)
    if isinstance(value, float):
        return str(yaml.safe_dump(math.nextafter(value, math.inf))).split("\n")[0]
    if value is None:
        return "0"
    return str(yaml.safe_dump(f"{value}x", default_style='"', width=10**6)).strip()


def users(root: Path) -> dict[tuple[str, int, int], set[str]]:
    """Give, by its place, each leaf that the sources of a mapped preset or its mix hold, with those presets."""
    workspace = opened(root)
    found: dict[tuple[str, int, int], set[str]] = {}
    for pair in Prover(workspace, today=TODAY).pairs:
        if pair.legacy is None or pair.preset is None:
            continue
        resolved = workspace.composer.preset(pair.preset)
        for document in [resolved.values, *([resolved.fusion.values] if resolved.fusion else [])]:
            for _, leaf in leaves(document):
                at = leaf.origin
                found.setdefault((at.file, at.line, at.column), set()).add(pair.preset)
    return found


def chosen(found: list[Leaf]) -> list[Leaf]:
    """Give the leaves to flip: of each file the one whose digest is the least, the same on every machine."""
    if os.environ.get(EVERY):
        return found
    digests = {leaf: hashlib.sha256(repr(leaf[:4]).encode()).digest() for leaf in found}
    files = {leaf.file for leaf in found}
    return sorted(min((leaf for leaf in found if leaf.file == file), key=digests.__getitem__) for file in files)


def test_one_flipped_leaf_is_different_at_its_line(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every preset that trains with it, and in no other; unless a rule says that it cannot reach training.

    A leaf that names an entry or a mix is not one leaf but many, or a source that does not compile any more.
    """
    monkeypatch.setattr(proving, "chosen", lambda *_: [])  # the drill is another promise
    used_by = users(shipped)
    found = [
        leaf
        for path in sorted((shipped / "configs").rglob("*.yaml"))
        for leaf in authored(path.relative_to(shipped).as_posix(), path.read_text(encoding="utf-8"))
        if leaf[:3] in used_by
    ]
    assert len(found) > 700
    wrong = []
    excused: set[str | None] = set()
    for leaf in chosen(found):
        file = shipped / leaf.file
        text = file.read_text(encoding="utf-8")
        file.write_text(text[: leaf.start] + flipped(text[leaf.start : leaf.end]) + text[leaf.end :], encoding="utf-8")
        workspace = opened(shipped)
        build(workspace)
        prover = Prover(workspace, today=TODAY, second_opinion=False)
        concerned = used_by[leaf[:3]]
        for pair in prover.pairs:
            if pair.legacy is None or pair.preset is None:
                continue
            if pair.preset not in concerned:
                lock = workspace.layout.lock_of(pair.preset)
                same = (shipped / lock).read_bytes() == (REPOSITORY / lock).read_bytes()
                if not same and leaf.path[-1] != "name":
                    wrong.append(f"{leaf}: {pair.preset} changed")
                continue
            proof = prover.prove(pair)
            excused |= {one["rule"] for one in proof.data["differences"]}
            seen = {
                (part["line"]["file"], part["line"]["line"])
                for one in proof.data["differences"]
                for part in one["within"] or [one]
            } or {(problem.origin.file, problem.origin.line) for problem in proof.problems}
            single = len(proof.data["differences"]) == 1 or leaf.path[-1] == "name" or "REJ" in proof.data["verdict"]
            if proof.data["verdict"] == "EQUIVALENT" or (leaf.file, leaf.line) not in seen or not single:
                wrong.append(f"{leaf}: {proof.data['verdict']} at {sorted(seen)} in {pair.preset}")
        file.write_text(text, encoding="utf-8")
    assert wrong == []
    assert excused <= {None, "augmentation-off", "dense-prompts", "saving-off"}
    build(opened(shipped))
    built = {path.relative_to(shipped): path.read_bytes() for path in (shipped / "build").rglob("*.lock.yaml")}
    assert built == {path: (REPOSITORY / path).read_bytes() for path in built}
