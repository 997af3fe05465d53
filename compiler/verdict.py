"""Whether a preset trains as it did: differences to a verdict, by rules and waivers.

Everything that differs is different, run names and output paths included, unless a rule says that it cannot reach
training, or a waiver accepts it. This module computes no difference and reads no clock.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from compiler.compare import Difference, Policies, Side, compare, unequal
from compiler.emitter import shown
from compiler.mapping import Waiver
from compiler.neutrality import Rule, excuse
from compiler.problems import Problem, cut
from compiler.values import KeyPath, Node, canonical, show_path

Verdict = Literal["EQUIVALENT", "NEUTRAL", "WAIVED", "DIFFERENT", "REJECTED", "UNPROVEN", "NEW"]

GRAVITY: Final[tuple[Verdict, ...]] = ("NEW", "EQUIVALENT", "NEUTRAL", "WAIVED", "UNPROVEN", "REJECTED", "DIFFERENT")
"""The verdicts, the gravest last."""

PASSING: Final = ("NEW", "EQUIVALENT", "NEUTRAL", "WAIVED")
"""With these a run may pass. NEW says that no legacy side was declared; it is counted apart and never called proven."""

Witness = Literal["bytes", "deepdiff", "rules"]


class Judged(NamedTuple):
    """A difference, and what excuses it: a rule, a waiver, or nothing."""

    difference: Difference
    rule: Rule | None
    waiver: Waiver | None

    @property
    def classed(self) -> Literal["different", "neutral", "waived"]:
        """How it counts."""
        if self.rule is not None:
            return "neutral"
        return "waived" if self.waiver is not None else "different"


class Judgement(NamedTuple):
    """The verdict on one pair, how many leaves were compared, by which witnesses, and every difference."""

    verdict: Verdict
    leaves: int
    witnesses: tuple[Witness, ...]
    differences: tuple[Judged, ...]


def judge(
    legacy: Side, compiled: Side, policies: Policies, waivers: Iterable[Waiver] = (), *, second_opinion: bool = True
) -> Judgement:
    """Judge one pair.

    Args:
        legacy, compiled: the two sides.
        policies: which lists have entries.
        waivers: those of this preset; the caller has sorted out what expired.
        second_opinion: ask deepdiff as well.

    Raises:
        Disagreement: the bytes and deepdiff disagree, and there is no verdict.
    """
    compared = compare(legacy, compiled, policies, second_opinion=second_opinion)
    judged = classify(compared.differences, legacy, compiled, waivers)
    witnesses: list[Witness] = ["bytes"]
    if second_opinion:
        witnesses.append("deepdiff")
    if judged:
        witnesses.append("rules")
    return Judgement(verdict_of(judged, compared.leaves), compared.leaves, tuple(witnesses), judged)


def classify(
    differences: Iterable[Difference], legacy: Side, compiled: Side, waivers: Iterable[Waiver]
) -> tuple[Judged, ...]:
    """Say of each difference what excuses it."""
    waivers = tuple(waivers)
    judged = []
    for difference in differences:
        rule = excuse(difference, legacy, compiled)
        waiver = None if rule is not None else next((one for one in waivers if accepts(one, difference)), None)
        judged.append(Judged(difference, rule, waiver))
    return tuple(judged)


def verdict_of(judged: Iterable[Judged], leaves: int) -> Verdict:
    """Give the verdict on a comparison; one that looked at nothing proves nothing."""
    if not leaves:
        return "UNPROVEN"
    classes: set[str] = {one.classed for one in judged}
    if "different" in classes:
        return "DIFFERENT"
    if "waived" in classes:
        return "WAIVED"
    return "NEUTRAL" if classes else "EQUIVALENT"


def gravest(verdicts: Iterable[Verdict]) -> Verdict:
    """Give the verdict on many presets: the gravest; nothing compared is nothing proven."""
    nothing: Verdict = "UNPROVEN"
    found = max(verdicts, key=GRAVITY.index, default=nothing)
    return "UNPROVEN" if found == "NEW" else found


def accepts(waiver: Waiver, difference: Difference) -> bool:
    """Say whether a waiver accepts a difference: its place, and both of its values.

    None accepts an entry that was added between others: where it stands is part of the change, and no waiver says it.
    """
    return (
        difference.place < 0
        and waiver.document == difference.document
        and _steps(waiver.path) == _steps(difference.path)
        and _same(waiver.legacy, difference.legacy)
        and _same(waiver.compiled, difference.compiled)
    )


def _steps(path: KeyPath) -> list[str]:
    return [str(step) for step in path]


def _same(pinned: Node | None, found: Node | None) -> bool:
    if pinned is None or found is None:
        return pinned is None and found is None
    return canonical(pinned) == canonical(found)


def waiver_problems(
    waivers: Iterable[Waiver],
    used: Collection[str],
    today: datetime.date,
    found: Mapping[tuple[str, str, str], tuple[str, str]] = MappingProxyType({}),
) -> list[Problem]:
    """Give what is wrong with waivers: one that accepted nothing, and one that no longer holds.

    Args:
        waivers: those of the presets that were judged.
        used: the places of those that accepted a difference.
        today: the day by which they expire.
        found: what differs: by preset, document and path both values as a report writes them.
    """
    problems = []
    for waiver in waivers:
        what = f"`{show_path(waiver.path)}` of `{waiver.preset}`"
        if is_expired(waiver, today):
            why = f"it held until {waiver.expires.isoformat()}, and {waiver.owner} answers for it"
            hint = "undo what it accepts, or give it a later day and a reason why"
            problems.append(
                Problem("expired-waiver", f"the waiver of {what} has expired", waiver.origin, why=why, hint=hint)
            )
        elif str(waiver.origin) not in used:
            why = "it accepts one difference, by its place and both values, and there is no such difference"
            hint = "take it out, or pin place and values as the report has them: most lists are one value"
            there = found.get((waiver.preset, waiver.document, show_path(waiver.path)))
            if there is not None:
                pinned = " and ".join(shown(node) for node in (waiver.legacy, waiver.compiled))
                why = f"it pins {pinned}, and the report has {' and '.join(f'`{cut(one, 60)}`' for one in there)}"
            problems.append(
                Problem("unused-waiver", f"the waiver of {what} accepts nothing", waiver.origin, why=why, hint=hint)
            )
    return problems


def is_expired(waiver: Waiver, today: datetime.date) -> bool:
    """Say whether a waiver no longer holds; on its last day it still does."""
    return waiver.expires < today


# ---------------------------------------------------------------------------------------------- for mutants


def unexcused(legacy: Side, compiled: Side, policies: Policies, waivers: Iterable[Waiver]) -> tuple[Judged, ...]:
    """Give every difference with what excuses it, and nothing more: what the drill asks a thousand times."""
    return classify(unequal(legacy, compiled, policies), legacy, compiled, waivers)
