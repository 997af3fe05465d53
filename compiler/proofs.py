"""Proofs as plain data, and the report document that they make together: what every report is a view of.

The shapes are told, and versioned, in docs/proof.md. Nothing here judges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from compiler.as_json import place_data, problem_data, value_data
from compiler.compare import Difference, Policies, Side, aligned, places
from compiler.compose import Resolved
from compiler.emitter import one_line
from compiler.mutants import Survivor, Tally
from compiler.problems import Problem
from compiler.values import Node, Origin, canonical, entry_name, plain, show_path
from compiler.verdict import GRAVITY, PASSING, Judged, Judgement, Verdict, gravest

SCHEMA_VERSION: Final = 1
"""Of a proof and of the report document; a field may be added without a new number."""


REPORTS: Final = ("equivalence.json", "equivalence.md", "equivalence.html")
"""The files of a report: for programs, for a CI job, for people."""


def proof(
    legacy: str | None,
    preset: str | None,
    verdict: Verdict,
    reason: str = "",
    *,
    compared: tuple[str, str] = ("", ""),
    judgement: Judgement | None = None,
    differences: Iterable[dict[str, Any]] = (),
    tally: Tally | None = None,
    mix: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Give the proof of one preset.

    Args:
        legacy, preset: its path on either side, each from its own root.
        verdict: what holds of it.
        reason: why, where no difference says so.
        compared: what either side was read from: `record`, `lock` or `sources`.
        judgement: of both sides; None where they were not compared.
        differences: each as `difference` gives it.
        tally: of the mutants.
        mix: as `mix` gives it.
    """
    tally = tally if tally is not None else Tally(0, 0, ())
    return {
        "legacy": legacy,
        "preset": preset,
        "verdict": verdict,
        "reason": reason,
        "compared": {"legacy": compared[0], "compiled": compared[1]},
        "leaves": judgement.leaves if judgement is not None else 0,
        "witnesses": list(judgement.witnesses) if judgement is not None else [],
        "differences": list(differences),
        "mutants": {
            "seeded": tally.seeded,
            "caught": tally.caught,
            "survivors": [_survivor(one) for one in tally.survivors],
        },
        "mix": mix,
    }


class Places(NamedTuple):
    """Where a difference was written on either side, and the line to look at in our sources."""

    legacy: Origin | None
    compiled: Origin | None
    line: Origin


def difference(judged: Judged, places: Callable[[Difference], Places]) -> dict[str, Any]:
    """Give one difference.

    Args:
        judged: the difference, and what excuses it.
        places: gives where it was written, and where what changed within it was.
    """
    one, waiver = judged.difference, judged.waiver
    return {
        **_part(one, places(one)),
        "class": judged.classed,
        "rule": judged.rule.name if judged.rule is not None else None,
        "waiver": None
        if waiver is None
        else {
            "reason": waiver.reason,
            "owner": waiver.owner,
            "expires": waiver.expires.isoformat(),
            "origin": str(waiver.origin),
        },
        "within": [_part(inner, places(inner)) for inner in aligned(one)],
    }


def _part(one: Difference, places: Places) -> dict[str, Any]:
    """Give a difference, or what changed within one: what, where, and both values.

    The values are as JSON has them, and as a lock would write them: null and an empty text where a side has nothing.
    """
    held = {"legacy": one.legacy, "compiled": one.compiled}
    return {
        "document": one.document,
        "path": list(one.path),
        "key": key_of(one),
        "kind": one.kind,
        **{name: value_data(plain(node)) if node is not None else None for name, node in held.items()},
        **{f"{name}_text": one_line(node) if node is not None else "" for name, node in held.items()},
        "legacy_origin": str(places.legacy) if places.legacy is not None else None,
        "origin": str(places.compiled) if places.compiled is not None else None,
        "line": place_data(places.line),
    }


def key_of(one: Difference) -> str:
    """Give a difference's place as `trainlock why` takes it."""
    return ("fusion:" if one.document == "fusion" else "") + show_path(one.path)


def _survivor(one: Survivor) -> dict[str, Any]:
    """Give a mutant that survived; `leaf` is the leaf of a comparison in which it was planted, such as a whole list."""
    mutant = one.mutant
    index = next((index for index, step in enumerate(mutant.path) if isinstance(step, int)), len(mutant.path))
    leaf = mutant._replace(path=mutant.path[:index]).name()
    return {"key": mutant.name(), "leaf": leaf, "kind": mutant.kind, "excuse": one.excuse}


def mix(paths: tuple[str, str], sides: tuple[Side, Side]) -> dict[str, Any] | None:
    """Give the mix of a preset before and after, entry by entry; None where neither side names one."""
    if sides[0].fusion is None and sides[1].fusion is None:
        return None
    before, after = (_entries(side.fusion) for side in sides)
    rows = []
    for place in dict.fromkeys([*before, *after]):
        old, new = before.get(place), after.get(place)
        rows.append(
            {
                "list": place[0],
                "name": place[1],
                "legacy": one_line(old) if old is not None else None,
                "compiled": one_line(new) if new is not None else None,
                "equal": old is not None and new is not None and canonical(old) == canonical(new),
            }
        )
    return {"legacy": paths[0], "compiled": paths[1], "entries": rows}


def _entries(fusion: Node | None) -> dict[tuple[str, str], Node]:
    found: dict[tuple[str, str], Node] = {}
    for name in ("targets", "sources"):
        items = fusion.value.get(name) if fusion is not None and type(fusion.value) is dict else None
        for index, item in enumerate(items.value if items is not None and type(items.value) is list else ()):
            known = entry_name(item) or f"[{index}]"
            found[(name, known if (name, known) not in found else f"{known}[{index}]")] = item
    return found


def sharing(resolved: Iterable[Resolved], policies: Policies) -> list[dict[str, Any]]:
    """Give each leaf that our sources author, with the number of presets in which it is the one that counts.

    The most used come first. No line numbers: a comment must not change a report.
    """
    users: dict[tuple[str, str], int] = {}
    for preset in resolved:
        documents = [("", preset.values, policies.preset)]
        if preset.fusion is not None:
            documents.append(("fusion:", preset.fusion.values, policies.fusion))
        for prefix, values, policy in documents:
            for path, leaf in places(values, policy):
                place = (leaf.origin.file, prefix + show_path(path))
                users[place] = users.get(place, 0) + 1
    ranked = sorted(users.items(), key=lambda item: (-item[1], item[0]))
    return [{"fragment": file, "key": key, "presets": count} for (file, key), count in ranked]


def document(
    against: str,
    rows: list[dict[str, Any]],
    problems: Iterable[Problem],
    shared: list[dict[str, Any]],
    *,
    everything: bool = True,
    retired: Iterable[str] = (),
) -> dict[str, Any]:
    """Give the report document: every proof, and what they come to.

    The verdict is the gravest of all presets; where something else is wrong (a waiver that nothing uses, a mutant that
    nothing excuses) it is UNPROVEN at the least. Where nothing but NEW presets was to be proven, nothing was: UNPROVEN,
    unless these are the ones that were asked for.

    Args:
        against: what the other side is called.
        rows: the proofs.
        problems: what is wrong apart from the presets.
        shared: as `sharing` gives it.
        everything: the proofs are those of all presets.
        retired: the legacy presets that the mapping declares to be gone for good.
    """
    problems = list(problems)
    verdict: Verdict = gravest(row["verdict"] for row in rows)
    if rows and not everything and all(row["verdict"] == "NEW" for row in rows):
        verdict = "NEW"
    survivors = [{"preset": row["preset"], **one} for row in rows for one in row["mutants"]["survivors"]]
    blind = any(not one["excuse"] for one in survivors)
    if verdict in PASSING and (blind or any(problem.severity == "error" for problem in problems)):
        verdict = "UNPROVEN"
    counts = {name: sum(row["verdict"] == name for row in rows) for name in reversed(GRAVITY)}
    return {
        "schema_version": SCHEMA_VERSION,
        "against": against,
        "verdict": verdict,
        "counts": {name: count for name, count in counts.items() if count},
        "retired": list(retired),
        "leaves_compared": sum(row["leaves"] for row in rows),
        "mutants": {
            "seeded": sum(row["mutants"]["seeded"] for row in rows),
            "caught": sum(row["mutants"]["caught"] for row in rows),
            "survivors": survivors,
        },
        "problems": [problem_data(problem) for problem in problems],
        "presets": rows,
        "sharing": shared,
    }


def passes(report: dict[str, Any]) -> bool:
    """Say whether a report is one with which a run may pass."""
    return report["verdict"] in PASSING


class Group(NamedTuple):
    """A difference that is the same in several presets: the first of them, the presets, and that of each preset."""

    first: dict[str, Any]
    presets: list[str]
    every: list[dict[str, Any]]

    @property
    def is_excused(self) -> bool:
        """Say whether a rule or a waiver excuses it."""
        return bool(self.first["class"] != "different")

    def places(self, name: str) -> list[str]:
        """Give where presets have it, each place once."""
        return list(dict.fromkeys(one[name] for one in self.every if one[name] is not None))


def grouped(report: dict[str, Any], *, by_place: bool = False) -> list[Group]:
    """Give each difference of a report once: what nothing excuses first, then in order of the presets.

    Args:
        report: the document.
        by_place: one that is written at several places here is several.
    """
    groups: dict[str, Group] = {}
    for row in report["presets"]:
        for one in row["differences"]:
            named = ("key", "kind", "legacy_text", "compiled_text", "class", "rule", "waiver")
            places = [(part["origin"], part["line"]) for part in (one, *one["within"])] if by_place else []
            group = groups.setdefault(repr(([one[name] for name in named], places)), Group(one, [], []))
            group.presets.append(name_of(row))
            group.every.append(one)
    return sorted(groups.values(), key=lambda group: group.is_excused)


def name_of(row: dict[str, Any]) -> str:
    """Give the path of a preset; that of the other side where there is none here."""
    return str(row["preset"] if row["preset"] is not None else row["legacy"])


def headline(report: dict[str, Any]) -> str:
    """Give a report in one line: the verdict, how many presets have which, what was compared, how the drill went."""
    mutants = report["mutants"]
    blind = sum(not one["excuse"] for one in mutants["survivors"])
    drill = [f"{mutants['caught']:,} caught", f"{len(mutants['survivors']) - blind:,} excused"]
    drill += [f"{blind:,} MISSED"] if blind else []
    wrong = sum(problem["severity"] == "error" for problem in report["problems"])
    parts = [f"{count} {name.lower()}" for name, count in report["counts"].items()] or ["nothing compared"]
    parts += [f"{len(report['retired'])} retired"] if report["retired"] else []
    parts += [f"{wrong} problem{'' if wrong == 1 else 's'}"] if wrong else []
    said = f"{report['verdict']} against {report['against']}: {', '.join(parts)}"
    return f"{said}; {report['leaves_compared']:,} leaves; mutants: {', '.join(drill)}"


def texts_by_place(rows: Iterable[dict[str, Any]]) -> dict[tuple[str, str, str], tuple[str, str]]:
    """Give both values of every difference as a lock would write them, by preset, document and path."""
    return {
        (row["preset"], one["document"], one["key"].removeprefix("fusion:")): (
            one["legacy_text"] or "absent",
            one["compiled_text"] or "absent",
        )
        for row in rows
        for one in row["differences"]
    }


def used_waivers(rows: Iterable[dict[str, Any]]) -> set[str]:
    """Give the places of the waivers that accepted a difference."""
    return {one["waiver"]["origin"] for row in rows for one in row["differences"] if one["waiver"] is not None}
