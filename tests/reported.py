"""Made-up report documents: a test says what differs, and gets what a proof would have said of it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any, Final

from builders import ABSENT
from compiler import proofs
from compiler.compare import Difference, Document, Kind
from compiler.mapping import Waiver
from compiler.mutants import Mutant, Survivor, Tally
from compiler.neutrality import RULES
from compiler.problems import Problem
from compiler.proofs import Places
from compiler.values import NOWHERE, Node, Origin, node_of, parse_path
from compiler.verdict import Judged, Judgement, Verdict

A, B, C = (f"configs/train/{name}.yaml" for name in "abc")

SFT: Final = Origin("configs/sft.yaml", 3, 5)


def _node(value: object) -> Node | None:
    return None if value is ABSENT else node_of(value)


def change(
    key: str = "training.lr",
    old: object = 1,
    new: object = 2,
    kind: Kind = "changed",
    *,
    line: Origin = SFT,
    before: Origin | None = None,
    document: Document = "preset",
    rule: str = "",
    waiver: Waiver | None = None,
) -> dict[str, Any]:
    """Give a difference as a proof has it; what changed within a list is found as ever."""
    difference = Difference(document, parse_path(key), kind, _node(old), _node(new))
    judged = Judged(difference, next((one for one in RULES if one.name == rule), None), waiver)
    places = Places(before if old is not ABSENT else None, line if new is not ABSENT else None, line)
    return proofs.difference(judged, lambda _: places)


def waiver(reason: str = "a new schedule", owner: str = "lena", expires: datetime.date | None = None) -> Waiver:
    """Give a waiver."""
    until = expires if expires is not None else datetime.date(2027, 1, 31)
    origin = Origin("legacy/mapping.yaml", 9, 5)
    return Waiver(origin, A, "preset", ("training", "lr"), None, None, reason, owner, until)


def survivor(key: str, kind: str, excuse: str = "rule augmentation-off") -> Survivor:
    """Give a mutant that was not caught."""
    return Survivor(Mutant("preset", parse_path(key), kind, None), excuse)


def row(
    preset: str | None = A,
    *differences: dict[str, Any],
    legacy: str | None = "configs/old.yaml",
    verdict: Verdict | None = None,
    reason: str = "",
    survivors: Iterable[Survivor] = (),
) -> dict[str, Any]:
    """Give the proof of a preset: DIFFERENT where something differs and nothing else is said."""
    found: Verdict = verdict or ("DIFFERENT" if differences else "EQUIVALENT")
    survived = tuple(survivors)
    compared = found not in ("NEW", "UNPROVEN", "REJECTED")
    return proofs.proof(
        legacy,
        preset,
        found,
        reason,
        compared=("record", "lock") if compared else ("", ""),
        judgement=Judgement(found, 7, ("bytes", "deepdiff"), ()) if compared else None,
        differences=differences,
        tally=Tally(20 + len(survived), 20, survived) if compared else None,
    )


def report(*rows: dict[str, Any], problems: Iterable[Problem] = (), against: str = "legacy") -> dict[str, Any]:
    """Give the report document of some proofs."""
    return proofs.document(against, list(rows), problems, [])


def problem(message: str, code: str = "unused-waiver", origin: Origin = NOWHERE) -> Problem:
    """Give something that is wrong apart from single presets."""
    return Problem(code, message, origin)
