"""Named checks of fragments and of resolved mixes: each with an id and a docstring, one function each.

A check judges and never repairs. `CHECKS` is the list that `docs/problems.md` is held against.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from compiler.merging import FUSION, entry_problems
from compiler.problems import Note, Problem
from compiler.values import Node, entry_name

DatasetCheck = Callable[[Node], Iterator[Problem]]


def component_sections(body: Node, extends_keys: Iterable[str]) -> Iterator[Problem]:
    """A component holds exactly one top-level section; the extends key is not counted.

    Bad:
        tuner: {lora_rank: 8}
        training: {seed: 17}

    Good:
        tuner: {lora_rank: 8}
    """
    sections = [(key, child) for key, child in body.value.items() if key not in extends_keys]
    if len(sections) > 1:
        (first, held), *others = sections
        yield Problem(
            "component-sections",
            f"a component holds one section, and this one holds {len(sections)}: "
            + ", ".join(f"`{key}`" for key, _ in sections),
            others[0][1].origin,
            why="who extends a component for one section must not get another with it",
            notes=(Note(held.origin, f"begins `{first}`"),),
            hint="move each section to a component of its own",
        )


def _entries(mix: Node, *lists: str) -> Iterator[tuple[str, Node]]:
    for name in lists:
        held = mix.value.get(name)
        if held is not None and type(held.value) is list:
            yield from ((name, entry) for entry in held.value if type(entry.value) is dict)


def no_target(mix: Node) -> Iterator[Problem]:
    """A resolved mix has at least one target.

    Bad:
        targets: []

    Good:
        targets:
          - {dataset: bbu, train_jsonl: bbu.jsonl}
    """
    targets = mix.value.get("targets")
    if targets is None or targets.value in (None, []):
        yield Problem(
            "no-target",
            "the mix has no target",
            targets.origin if targets is not None else mix.origin,
            why="the targets are what is trained for, and set how many samples the sources give",
        )


def incomplete_entry(mix: Node) -> Iterator[Problem]:
    """Every entry of a resolved mix has a `dataset` and a `train_jsonl`.

    Bad:
        targets:
          - {name: bbu_dense, dataset: bbu}

    Good:
        targets:
          - {name: bbu_dense, dataset: bbu, train_jsonl: bbu.jsonl}
    """
    for _, entry in _entries(mix, "targets", "sources"):
        missing = [
            key
            for key in ("dataset", "train_jsonl")
            if (held := entry.value.get(key)) is None or held.value in (None, "")
        ]
        if missing:
            name = entry_name(entry)
            yield Problem(
                "incomplete-entry",
                f"the entry `{name}` has no " + " and no ".join(f"`{key}`" for key in missing),
                entry.origin,
                why="a mix that is trained on names the data of each entry",
                hint="give it here, or in an overlay",
            )


def source_ratio(mix: Node) -> Iterator[Problem]:
    """Every source of a resolved mix has a `ratio`.

    Bad:
        sources:
          - {dataset: lvis, train_jsonl: lvis.jsonl}

    Good:
        sources:
          - {dataset: lvis, train_jsonl: lvis.jsonl, ratio: 0.1}
    """
    for _, entry in _entries(mix, "sources"):
        held = entry.value.get("ratio")
        if held is None or held.value is None:
            yield Problem(
                "source-without-ratio",
                f"the source `{entry_name(entry)}` has no `ratio`",
                held.origin if held is not None else entry.origin,
                why="a source gives this share of the number of target samples",
            )


def negative_ratio(mix: Node) -> Iterator[Problem]:
    """A `ratio` is a number, and not below zero.

    Bad:
        targets:
          - {dataset: bbu, train_jsonl: bbu.jsonl, ratio: -0.5}

    Good:
        targets:
          - {dataset: bbu, train_jsonl: bbu.jsonl, ratio: 0.5}
    """
    for _, entry in _entries(mix, "targets", "sources"):
        held = entry.value.get("ratio")
        if held is None or held.value is None:
            continue
        if type(held.value) not in (int, float):
            yield Problem(
                "negative-ratio",
                f"the `ratio` of `{entry_name(entry)}` is not a number",
                held.origin,
                why="it is a share: 0, or more",
            )
        elif not held.value >= 0 or held.value == float("inf"):
            yield Problem(
                "negative-ratio",
                f"the `ratio` of `{entry_name(entry)}` is {held.value}",
                held.origin,
                why="it is a share: 0, or more",
            )


MIX_CHECKS: Final[tuple[DatasetCheck, ...]] = (no_target, incomplete_entry, source_ratio, negative_ratio)
"""The checks of a resolved mix that a preset names or a variant holds."""


def mix_problems(mix: Node) -> list[Problem]:
    """Run every check of a resolved mix."""
    problems = entry_problems(mix, FUSION)
    if not problems:
        for check in MIX_CHECKS:
            problems += check(mix)
    return problems
