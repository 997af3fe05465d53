"""Named checks of fragments and of resolved mixes: each with an id and a docstring, one function each.

A check judges and never repairs. `CHECKS` is the list that `docs/problems.md` is held against.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from compiler.merging import FUSION, entry_problems
from compiler.problems import Note, Problem
from compiler.spelling import with_a_dot
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


def _is_name(held: Node | None) -> bool:
    return held is not None and type(held.value) is str and held.value != ""


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
        missing = [key for key in ("dataset", "train_jsonl") if not _is_name(entry.value.get(key))]
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


def bad_ratio(mix: Node) -> Iterator[Problem]:
    """A `ratio` is a number, finite, and not below zero.

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
        value = held.value
        is_number = type(value) in (int, float)
        if is_number and 0 <= value < float("inf"):
            continue
        says = f"is {value}" if is_number else "is not a number"
        hint = ""
        if type(value) is str and _READS_AS_A_NUMBER.fullmatch(value):
            hint = f"YAML reads `{value}` as text: write `{with_a_dot(value)}`"
        why = "it is a share: 0, or more"
        yield Problem("bad-ratio", f"the `ratio` of `{entry_name(entry)}` {says}", held.origin, why=why, hint=hint)


_READS_AS_A_NUMBER: Final = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+", re.ASCII)


MIX_CHECKS: Final[tuple[DatasetCheck, ...]] = (no_target, incomplete_entry, source_ratio, bad_ratio)
"""The checks of a resolved mix that a preset names or a variant holds."""


def mix_problems(mix: Node) -> list[Problem]:
    """Run every check of a resolved mix."""
    problems = entry_problems(mix, FUSION)
    if not problems:
        for check in MIX_CHECKS:
            problems += check(mix)
    return problems
