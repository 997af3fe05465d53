"""What either side has, side by side, on the report page: every difference, and the mixes before and after.

A difference that is the same in several presets stands there once, with the presets; so does a mix.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final, NamedTuple

from compiler.as_json import place_text
from compiler.neutrality import RULES
from compiler.page_parts import (
    LISTED,
    Data,
    bounded,
    code,
    folded,
    listed,
    look_of,
    many,
    more,
    note,
    pair,
    path,
    prose,
    section,
    table,
    tag,
    text,
    users,
)
from compiler.proofs import Group, name_of

GROUPS: Final = 500
"""How many differences, and how many mixes, are shown."""

CLASSES: Final = ("different", "waived", "neutral")
"""How a difference counts, what is wrong first."""

_IN_SIGHT: Final = 3

RULE_SAYS: Final = {rule.name: f"{rule.says} Decided in {rule.decided_in}" for rule in RULES}
"""Of each rule its sentence, and where the trainer decides it."""


def _parent(one: Data) -> str:
    """Give the key of the mapping in which a difference lies; its own key where there is none."""
    key = str(one["key"])
    return key.removesuffix(f".{one['path'][-1]}") if one["path"] else key


def _block_of(group: Group) -> tuple[Any, ...]:
    """Give what differences have in common that are told together."""
    one = group.first
    return (_parent(one), one["class"], one["rule"], one["waiver"], group.presets)


def ranked(groups: list[Group]) -> list[Group]:
    """Give differences in the order of the page: by how they count, else in that of the report."""
    rank = {word: index for index, word in enumerate(CLASSES)}
    return sorted(groups, key=lambda group: rank.get(group.first["class"], -1))


def differences(groups: list[Group]) -> str:
    """Write the section of the differences; those of one mapping that concern the same presets stand together."""
    blocks = [list(found) for _, found in groupby(groups[:GROUPS], _block_of)]
    body, left = bounded(blocks, GROUPS, _block)
    hidden = len(groups) - sum(map(len, blocks[: len(blocks) - left]))
    intro = "One that is the same in several presets stands here once. In values much alike, what differs is marked."
    return section("differences", "Differences", f"{len(groups):,}", intro, body + more(hidden))


def _block(groups: list[Group]) -> str:
    one, alone = groups[0].first, len(groups) == 1
    title = one["key"] if alone else _parent(one)
    kind = one["kind"] if alone else many(len(groups), "difference")
    return (
        f'<article class="card diff"><div class="head"><h3>{code(title)}</h3><div>{note(kind)} '
        f"{tag(look_of(one['class']), one['class'])}</div></div>{users(groups[0].presets)}{_excuse(one)}"
        f"{''.join(_difference(group, alone=alone) for group in groups)}</article>\n"
    )


def _excuse(one: Data) -> str:
    said, waiver = "", one["waiver"]
    if one["rule"] is not None:
        said = f"By rule {code(one['rule'])}: {prose(RULE_SAYS.get(one['rule'], ''))}"
    elif waiver is not None:
        said = (
            f"Waiver: {prose(waiver['reason'])}<br>owner {text(waiver['owner'])}, expires {text(waiver['expires'])}, "
            f"written at {path(waiver['origin'])}"
        )
    return f'<p class="excuse">{said}</p>' if said else ""


def _difference(group: Group, *, alone: bool) -> str:
    one = group.first
    what = "" if alone else f"{code(one['key'])}{note(one['kind'])}"
    texts = one["legacy_text"], one["compiled_text"]
    places = _written(group, "legacy_origin", texts[0]), _written(group, "origin", texts[1])
    if not one["within"]:
        return pair(what, *texts, places)

    def inner(numbered: tuple[int, Data]) -> str:
        index, part = numbered
        lines = (place_text(each["within"][index]["line"]) for each in group.every)
        where = "" if part["compiled_text"] else "look at "
        values = part["legacy_text"], part["compiled_text"]
        return pair(f"{code(part['key'])}{note(part['kind'])}", *values, ("", _lines(lines, where)))

    parts, hidden = bounded(list(enumerate(one["within"])), LISTED, inner)
    sides = (
        f'<div class="side"><p class="small">the list {code(one["key"])} in {name}</p>{where}</div>'
        for name, where in zip(("legacy", "compiled"), places, strict=True)
    )
    whole = folded("the whole lists, legacy and compiled", pair(what, *texts))
    return f'{parts}{more(hidden)}<div class="pair">{"".join(sides)}</div>{whole}'


def _written(group: Group, name: str, value: str) -> str:
    """Say where one side wrote a value; where ours wrote none, at which line to look."""
    places = group.places(name)
    if places:
        return f'<div class="place">{listed(places, _IN_SIGHT)}</div>'
    if name == "origin":
        return _lines((place_text(one["line"]) for one in group.every), "look at ")
    return '<div class="place">no line is known</div>' if value else ""


def _lines(places: Iterable[str], before: str) -> str:
    found = list(dict.fromkeys(places))
    return f'<div class="place">{listed(found, _IN_SIGHT, lambda one: f"{before}{path(one)}")}</div>'


# ---------------------------------------------------------------------------------------------- mixes


class Mix(NamedTuple):
    """A mix before and after, and the presets that train with it.

    Attributes:
        held: the mix as the report has it.
        changed: the entries that differ, each with how, by list and name.
        besides: the keys that differ outside of entries.
        is_waived: nothing differs but what waivers accept.
        presets: the presets.
    """

    held: Data
    changed: dict[tuple[str, str], str]
    besides: list[str]
    is_waived: bool
    presets: list[str]

    def differs(self) -> bool:
        """Say whether it is another mix than before."""
        return bool(self.changed or self.besides or bool(self.held["legacy"]) != bool(self.held["compiled"]))


def mixes(rows: list[Data]) -> str:
    """Write the section of the mixes, those that differ first."""
    found: dict[tuple[Any, ...], Mix] = {}
    for row in rows:
        if row["mix"] is not None:
            mix = _mix(row)
            entries = tuple((one["list"], one["name"], one["legacy"], one["compiled"]) for one in mix.held["entries"])
            said = (tuple(mix.changed.items()), tuple(mix.besides), mix.is_waived)
            key = (mix.held["legacy"], mix.held["compiled"], entries, *said)
            found.setdefault(key, mix).presets.append(name_of(row))
    ordered = sorted(found.values(), key=lambda mix: not mix.differs())
    body, hidden = bounded(ordered, GROUPS, _mix_card)
    intro = "The datasets that presets train with, before and after; presets with the same two stand together."
    return section("mixes", "Fusion mixes", f"{len(ordered):,}", intro, body + more(hidden))


def _mix(row: Data) -> Mix:
    """Say of each entry whether it differs, as the differences tell: a text may hold the same keys in another order."""
    held = row["mix"]
    ours = [one for one in row["differences"] if one["document"] == "fusion"]
    differing: dict[tuple[str, ...], list[Data]] = {}
    for one in ours:
        differing.setdefault(tuple(map(str, one["path"][:2])), []).append(one)
    changed: dict[tuple[str, str], str] = {}
    for entry in held["entries"]:
        where = (str(entry["list"]), str(entry["name"]))
        inside = differing.pop(where, [])
        if entry["legacy"] is None or entry["compiled"] is None:
            changed[where] = "removed" if entry["compiled"] is None else "added"
        elif inside:
            last = dict.fromkeys(str(one["path"][-1]) for one in inside)
            changed[where] = f"changed: {', '.join(last)}"
        elif not entry["equal"]:
            changed[where] = "changed"
    besides = [str(one["key"]) for found in differing.values() for one in found]
    return Mix(held, changed, besides, bool(ours) and all(one["class"] == "waived" for one in ours), [])


def _mix_card(mix: Mix) -> str:
    held = mix.held
    sides = [path(held[name]) if held[name] else "no mix" for name in ("legacy", "compiled")]
    differs = mix.differs()
    entries = [((str(one["list"]), str(one["name"])), one) for one in held["entries"]]
    equal = [one for where, one in entries if where not in mix.changed]

    def entry(found: tuple[tuple[str, str], Data]) -> str:
        where, one = found
        what = f"{code(f'{where[0]}[{where[1]}]')}{note(mix.changed[where])}"
        return pair(what, one["legacy"] or "", one["compiled"] or "")

    shown, hidden = bounded([found for found in entries if found[0] in mix.changed], LISTED, entry)
    besides = "".join(f'<p class="soft">{code(key)} differs as well</p>' for key in mix.besides[:LISTED])
    heads = [("Entry", "few"), ("Values", "wide")]
    rows = table("Entries that are equal", heads, equal, lambda one: (code(one["name"]), code(one["compiled"])))
    count = f"{len(equal):,} equal {'entry' if len(equal) == 1 else 'entries'}"
    css = "card" if differs else "row"
    state = tag(("bad", "≠"), "differs") if differs else tag(("good", "="), "equal")
    if mix.is_waived:
        state = tag(look_of("waived"), "differs, waived")
    return (
        f'<article class="{css} mix"><div class="head"><h3>{sides[0]} <span aria-hidden="true">→</span>'
        f'<span class="unseen">became</span> {sides[1]}</h3>'
        f"<div>{state}</div></div>{users(mix.presets)}{shown}{more(hidden)}"
        f"{besides}{folded(count, rows if equal else '')}</article>\n"
    )
