"""The report document for people: on a terminal, as Markdown for a CI job, as annotations at the lines to look at.

Views only: nothing is computed here that the document does not say. The page is in `page`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from compiler.annotations import annotation, fitting, of_problem
from compiler.as_json import place_text
from compiler.console import columns
from compiler.contrast import apart, quiet
from compiler.problems import cut, printable
from compiler.proofs import Group, grouped, headline

MARKDOWN_BYTES: Final = 900_000
"""The largest job summary in bytes; GitHub drops one of more than 1 MiB as a whole."""

WIDEST: Final = 300
"""The longest value in characters that a table of the Markdown report shows."""

LISTED: Final = 20
"""How many presets of one difference are named."""

WITHIN: Final = 50
"""How many changes within one list are shown."""

GROUPS: Final = 200
"""How many differences a terminal is shown, each with all its presets; what nothing excuses comes first."""

# ---------------------------------------------------------------------------------------------- terminal


def terminal(report: dict[str, Any]) -> list[str]:
    """Give the lines for a terminal: the verdict, one line per preset, then the differences with places and values."""
    lines = [headline(report), ""]
    lines += columns(
        [
            ("VERDICT", "PRESET", printable(report["against"]).upper(), "READ FROM", "LEAVES", "WITNESSES"),
            *(
                (
                    row["verdict"],
                    printable(row["preset"] or "-"),
                    printable(row["legacy"] or "-"),
                    _read_from(row),
                    str(row["leaves"] or "-"),
                    "; ".join(filter(None, [", ".join(row["witnesses"]), row["reason"]])),
                )
                for row in report["presets"]
            ),
        ]
    )
    groups = grouped(report)
    for group in groups[:GROUPS]:
        lines += ["", *_difference(group, report["against"])]
    if len(groups) > GROUPS:
        lines += ["", f"and {len(groups) - GROUPS:,} more differences: see the page, or `--json`"]
    blind, excused = _survivors(report)
    if blind:
        lines += ["", f"{_survived(blind)}, and NOTHING EXCUSES IT:", *_survivor_lines(blind)]
    if excused:
        lines += ["", f"{_survived(excused)}:", *_survivor_lines(excused)]
    return list(map(quiet, lines))


def _places(group: Group) -> list[str]:
    """Give for each preset the line to look at here."""
    return [one["origin"] or place_text(one["line"]) for one in group.every]


def _difference(group: Group, against: str) -> list[str]:
    its = "" if against == "legacy" else f"{against}:"
    one, every = group.first, _places(group)
    places = list(dict.fromkeys(every))
    lines = [f"{one['key']}: {one['kind']}{_excuse(one)}"]
    parts = one["within"][:WITHIN]
    if not parts:
        old, new = apart(one["legacy_text"], one["compiled_text"])
        here = places[0] if len(places) == 1 else ""
        lines += columns([(f"  {against}", old or "absent", ""), ("  here", new or "absent", here)])
    lines += columns([(f"  {part['key']}", _became(part), place_text(part["line"])) for part in parts])
    lines += [f"  and {len(one['within']) - WITHIN} more in this list"] if len(one["within"]) > WITHIN else []
    befores = (one["legacy_origin"] for one in group.every)
    rows = list(zip(group.presets, befores, every, strict=True))
    lines += columns(
        [
            (f"  in {preset}", f"from {its}{before}" if before else "", place if len(places) > 1 else "")
            for preset, before, place in rows[:LISTED]
        ]
    )
    return [*lines, *([f"  and in {len(rows) - LISTED} more"] if len(rows) > LISTED else [])]


def _excuse(one: dict[str, Any]) -> str:
    """Say which rule or waiver excuses a difference; nothing where none does."""
    if one["waiver"] is not None:
        return f", waived until {one['waiver']['expires']} by {one['waiver']['owner']}: {one['waiver']['reason']}"
    return f", neutral by rule {one['rule']}" if one["rule"] is not None else ""


def _became(part: dict[str, Any]) -> str:
    return " -> ".join(text or "absent" for text in apart(part["legacy_text"], part["compiled_text"]))


def _name(preset: str | None) -> str:
    return preset or "-"


def _read_from(row: dict[str, Any]) -> str:
    """Say what either side of a proof was read from."""
    compared = row["compared"]
    return f"{compared['legacy']}, {compared['compiled']}" if compared["legacy"] else "-"


class _Survived(NamedTuple):
    """The mutants of one leaf that survived for one reason: where, and how many of each kind."""

    leaf: str
    excuse: str
    presets: dict[str, None]
    kinds: Counter[str]

    def where(self) -> str:
        """Give the preset, or how many there are."""
        return next(iter(self.presets)) if len(self.presets) == 1 else f"{len(self.presets):,} presets"

    def told(self) -> str:
        """Give the counts by kind."""
        return ", ".join(f"{count} {kind}" for kind, count in sorted(self.kinds.items()))


def _survivors(report: dict[str, Any]) -> tuple[list[_Survived], list[_Survived]]:
    """Give the mutants that survived by leaf and excuse: first those that nothing excuses, then the others."""
    found: dict[tuple[str, str], _Survived] = {}
    for one in report["mutants"]["survivors"]:
        held = found.setdefault((one["leaf"], one["excuse"]), _Survived(one["leaf"], one["excuse"], {}, Counter()))
        held.presets[_name(one["preset"])] = None
        held.kinds[one["kind"]] += 1
    return [one for one in found.values() if not one.excuse], [one for one in found.values() if one.excuse]


def _survived(survivors: Iterable[_Survived]) -> str:
    count = sum(one.kinds.total() for one in survivors)
    return f"{count:,} mutant{'s' if count != 1 else ''} survived"


def _survivor_lines(survived: list[_Survived]) -> list[str]:
    return columns(
        [(f"  {printable(one.where())}", printable(one.leaf), one.told(), one.excuse or "nothing") for one in survived]
    )


# ---------------------------------------------------------------------------------------------- Markdown


def markdown(report: dict[str, Any]) -> str:
    """Give the report for a CI job summary: less than `MARKDOWN_BYTES`, and whatever does not fit is counted."""
    said = headline(report).removeprefix(f"{report['verdict']} against {report['against']}: ")
    text = f"### {_text(report['verdict'])} against {_code(report['against'])}\n\n{_text(said)}\n"
    groups, (blind, excused) = grouped(report), _survivors(report)
    problems = list(dict.fromkeys((one["code"], one["message"]) for one in report["problems"]))
    alarm = f"\n**The proof is blind**: {_survived(blind)}, and nothing excuses it.\n\n"
    folded = f"\n<details><summary>{_survived(excused)}, each with an excuse</summary>\n"
    for part in (
        _Part(alarm, blind, _alarm_row),
        _Part("\n#### Problems\n\n", problems, _problem_row),
        _Part(_DIFFERS, [group for group in groups if not group.is_excused], _difference_rows),
        _Part(_PRESETS, report["presets"], _preset_row),
        _Part(_EXCUSED, [group for group in groups if group.is_excused], _difference_rows),
        _Part(folded + _SURVIVED, excused, _survivor_row, "\n</details>\n"),
    ):
        text += part.fitting((MARKDOWN_BYTES - len(text.encode())) // 2)
    return text


_COLUMNS: Final = "| value | kind | legacy | compiled | written at | presets |\n| --- | --- | --- | --- | --- | --- |\n"
_DIFFERS: Final = f"\n#### What differs\n\n{_COLUMNS}"
_EXCUSED: Final = f"\n#### What is excused\n\n{_COLUMNS}"
_PRESETS: Final = (
    "\n#### Presets\n\n| verdict | preset | legacy | leaves | witnesses |\n| --- | --- | --- | ---: | --- |\n"
)
_SURVIVED: Final = "\n| preset | value | kinds | excused by |\n| --- | --- | --- | --- |\n"


class _Part(NamedTuple):
    """A part of the Markdown report: how it begins, what it tells, how one of that is written, how it ends."""

    begin: str
    told: Sequence[Any]
    row: Callable[[Any], str]
    end: str = ""

    def fitting(self, room: int) -> str:
        """Give the part with as many rows as fit in so many bytes, and say how many do not."""
        kept = []
        for one in self.told:
            row = self.row(one)
            room -= len(row.encode())
            if room < 0:
                break
            kept.append(row)
        hidden = len(self.told) - len(kept)
        more = f"\nand {hidden:,} more: see `equivalence.html` and `equivalence.json`\n" if hidden else ""
        return "".join([self.begin, *kept, more, self.end]) if self.told else ""


def _alarm_row(one: _Survived) -> str:
    return f"- {_code(one.leaf)} of {_code(one.where())}: {_text(one.told())}\n"


def _problem_row(one: tuple[str, str]) -> str:
    return f"- {_prose(one[1])} ({_text(one[0])})\n"


def _difference_rows(group: Group) -> str:
    """Write a difference; of a list what changed within it, each in a row, of which the first names the presets."""
    one, excuse = group.first, ""
    if one["rule"] is not None:
        excuse = f", rule {_code(one['rule'])}"
    if one["waiver"] is not None:
        expires, owner, reason = (_code(one["waiver"][name]) for name in ("expires", "owner", "reason"))
        excuse = f", waived until {expires} by {owner}: {reason}"
    presets = ", ".join(map(_code, group.presets[:LISTED]))
    presets += f" and {len(group.presets) - LISTED:,} more" if len(group.presets) > LISTED else ""
    places = set(_places(group))
    others = f" and {len(places) - 1:,} more" if len(places) > 1 else ""
    rows = []
    for part in (one["within"] or [one])[:WITHIN]:
        texts = apart(part["legacy_text"], part["compiled_text"], WIDEST)
        old, new = (_code(text) if text else "absent" for text in texts)
        kind = _text(part["kind"]) + excuse
        place = _code(place_text(part["line"])) + others
        rows.append(f"| {_code(part['key'])} | {kind} | {old} | {new} | {place} | {presets} |\n")
        presets = excuse = others = ""
    if len(one["within"]) > WITHIN:
        rows.append(f"| and {len(one['within']) - WITHIN:,} more in this list | | | | | |\n")
    return "".join(rows)


def _preset_row(row: dict[str, Any]) -> str:
    said = ", ".join(row["witnesses"]) or row["reason"]
    preset, legacy = (_code(row[side]) if row[side] else "" for side in ("preset", "legacy"))
    return f"| {row['verdict']} | {preset} | {legacy} | {row['leaves'] or ''} | {_prose(said)} |\n"


def _survivor_row(one: _Survived) -> str:
    return f"| {_code(one.where())} | {_code(one.leaf)} | {_text(one.told())} | {_code(one.excuse)} |\n"


_SAFE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,;/-")

_NAMES_SOMETHING: Final = {"@": "&#64;<wbr>", "#": "&#35;<wbr>"}
"""What GitHub makes a link of after Markdown is done: a person, an issue. The break keeps them apart."""


def _text(text: str) -> str:
    """Write text that Markdown shows as it is: whatever could mean something is a character reference."""
    return "".join(
        char if char in _SAFE else _NAMES_SOMETHING.get(char) or f"&#{ord(char)};" for char in printable(text)
    )


def _code(text: str) -> str:
    """Write a name or a value, cut where it is long."""
    return f"<code>{_text(cut(text, WIDEST))}</code>"


def _prose(text: str) -> str:
    """Write a sentence; what stands between backticks is code."""
    parts = cut(text, WIDEST).split("`")
    if len(parts) % 2 == 0:
        return _code(text)
    return "".join(_code(part) if index % 2 else _text(part) for index, part in enumerate(parts))


# ---------------------------------------------------------------------------------------------- annotations


def github(report: dict[str, Any]) -> list[str]:
    """Give GitHub's workflow commands that show each difference at the line which causes it; as many as it shows.

    What differs comes first, then what could not be compared, then what is wrong with the mapping and its waivers.
    """
    lines = [
        *_of_differences(report),
        *_of_presets(report),
        *(of_problem(one) for one in report["problems"] if one["severity"] == "error"),
        *(
            annotation(None, "mutant-survived", f"the proof did not catch changes of {one.leaf} of {one.where()}")
            for one in _survivors(report)[0]
        ),
    ]
    return fitting(lines, "see the report")


def _of_differences(report: dict[str, Any]) -> Iterable[str]:
    for group in grouped(report, by_place=True):
        one, presets = group.first, group.presets
        if not group.is_excused:
            trains = f"{presets[0]} trains" if len(presets) == 1 else f"{len(presets):,} presets train"
            for part in one["within"] or [one]:
                texts = apart(part["legacy_text"], part["compiled_text"], WIDEST)
                old, new = (text or "absent" for text in texts)
                told = f"{cut(part['key'], WIDEST)} is {new}, and {report['against']} has {old}: {trains} with it"
                yield annotation(part["line"], "not-equivalent", told)


def _of_presets(report: dict[str, Any]) -> Iterable[str]:
    """Say once why presets were not compared, at the first of them; one that nothing took the place of is a problem."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for row in report["presets"]:
        if row["verdict"] in ("UNPROVEN", "REJECTED") and row["preset"] is not None:
            reasons.setdefault((row["verdict"], row["reason"]), []).append(row["preset"])
    for (verdict, reason), presets in reasons.items():
        others = f" and {len(presets) - 1:,} more" if len(presets) > 1 else ""
        place = {"file": presets[0], "line": 1, "column": 1}
        yield annotation(place, verdict, f"{presets[0]}{others}: {cut(reason, WIDEST)}")
