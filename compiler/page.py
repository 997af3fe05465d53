"""The report document as one page of HTML: what a maintainer attaches to a pull request.

The page loads nothing and runs nothing. It says what the document says, and judges nothing: a difference that is the
same in many presets stands there once, what is wrong before what is excused, and a section that would grow without end
is cut and says what it leaves out.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from compiler.as_json import place_text
from compiler.page_diffs import CLASSES, GROUPS, RULE_SAYS, differences, mixes, ranked
from compiler.page_parts import (
    LISTED,
    Data,
    Look,
    bounded,
    code,
    folded,
    look_of,
    many,
    more,
    note,
    path,
    prose,
    section,
    table,
    tag,
    terms,
    text,
)
from compiler.page_style import STYLE
from compiler.proofs import Group, grouped
from compiler.verdict import GRAVITY

_POLICY: Final = "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'"

_SAYS: Final = {
    "DIFFERENT": "Presets would train with other values than before, and nothing excuses it.",
    "REJECTED": "A preset does not load, so it is not known what it would train with.",
    "UNPROVEN": "It is not shown that every preset trains as it did.",
    "WAIVED": "All that differs is accepted, each difference by a waiver.",
    "NEUTRAL": "All that differs cannot reach training, each difference by a rule.",
    "EQUIVALENT": "Every preset that was compared holds exactly the values that it held before.",
    "NEW": "Nothing was compared: what was asked for has no legacy side.",
}
_MEANS: Final = {
    "DIFFERENT": "A value differs, and no rule and no waiver excuses it.",
    "REJECTED": "One side does not load.",
    "UNPROVEN": "Something that a proof needs is missing, empty, or not what its sources compile to.",
    "WAIVED": "Values differ, and a waiver accepts each difference, with a reason, an owner and a last day.",
    "NEUTRAL": "Values differ, and a rule says of each why the trainer never looks at it.",
    "EQUIVALENT": "Every leaf has the same type and the same value on both sides.",
    "NEW": "There is no legacy side. Such a preset is counted apart, and never called proven.",
}
_WITNESSES: Final = {
    "bytes": "The typed canonical bytes of both sides, in which `1`, `1.0` and `true` are three values. They decide.",
    "deepdiff": "A second opinion by another program. Where it contradicts the bytes, there is no verdict at all.",
    "rules": "Something differs, and each difference was held against the rules and the waivers.",
}
_WORDS: Final = {
    "leaf": "One value of a preset or its mix: a scalar, an empty mapping, or a list.",
    "origin": "The file, line and column at which a value is written.",
    "mix": "A fusion config: the datasets that a preset trains with, as targets and sources.",
    "legacy, compiled": "The two sides: what was trained with before, and what the compiler makes of the sources now.",
    "read from": "What a side was taken from: a `record` of the old loader's result, a `lock`, or the `sources`.",
    "retyped": 'Both sides hold something, of two types, such as `17` and `"17"`.',
    "mutant": "A small change, planted in a compiled preset to see whether the comparison catches it.",
    "survivor": "A mutant that was not caught. A rule or a waiver must excuse it, else the comparison is blind.",
}


def html(report: Data) -> str:
    """Write the report document as one page that loads nothing and runs nothing.

    Args:
        report: as `proofs.document` gives it.
    """
    groups = ranked(grouped(report))
    what, who = differences(groups), _presets(report["presets"])
    body = [
        _wrong(report),
        *((what, who) if not all(group.is_excused for group in groups) else (who, what)),
        mixes(report["presets"]),
        _sharing(report["sharing"]),
        _mutants(report),
        _how(),
    ]
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY.format(digest)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{text(report['verdict'])}: training presets against {text(report['against'])}</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n{_top(report, groups)}<main>\n{''.join(body)}</main>\n"
        "<footer><p>Written by <code>trainlock prove</code>. The same report as data, with everything that is cut "
        "here: <code>equivalence.json</code>.</p></footer>\n</body>\n</html>\n"
    )


# ---------------------------------------------------------------------------------------------- the top


def _top(report: Data, groups: list[Group]) -> str:
    verdict, rows, mutants = report["verdict"], report["presets"], report["mutants"]
    compared = sum(bool(row["compared"]["legacy"]) for row in rows)
    open_ones = sum(not group.is_excused for group in groups)
    excused = f"<small>and {len(groups) - open_ones:,} excused</small>" if len(groups) > open_ones else ""
    facts = [
        ("presets compared", f"{compared:,} <small>of {len(rows):,}</small>"),
        ("leaves compared", f"{report['leaves_compared']:,}"),
        ("differences", f"{open_ones:,} {excused}"),
        ("mutants caught", f"{mutants['caught']:,} <small>of {mutants['seeded']:,}</small>"),
    ]
    against = "the legacy records" if report["against"] == "legacy" else code(report["against"])
    summed = (
        f"{compared:,} of {many(len(rows), 'preset')} and {many(report['leaves_compared'], 'leaf', 'leaves')} "
        f"were compared with {against}. {_left_out(report)}{_drilled(report)}"
    )
    counts = (f"<li>{tag(look_of(word), word, f'{count:,}')}</li>" for word, count in report["counts"].items())
    links = [
        ("wrong", "What is wrong", report["problems"] or _alarms(report)),
        ("presets", "Presets", rows),
        ("differences", "Differences", groups),
        ("mixes", "Mixes", any(row["mix"] for row in rows)),
        ("sharing", "Authored once", report["sharing"]),
        ("mutants", "Mutants", mutants["seeded"]),
        ("how", "How to read this", True),
    ]
    nav = "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title, there in links if there)
    return (
        '<header>\n<p class="eyebrow">trainlock prove: do the presets train as they did?</p>\n'
        f'<h1 class="{look_of(verdict)[0]}"><span class="glyph" aria-hidden="true">{look_of(verdict)[1]}</span>'
        f"<span>{text(verdict)}</span></h1>\n"
        f'<p class="lede">{_SAYS.get(verdict, "")}</p>\n<p class="sum">{summed}</p>\n'
        f'<ul class="chips" aria-label="Presets by verdict">{"".join(counts)}</ul>\n<dl class="facts">'
        f"{''.join(f'<div><dt>{name}</dt><dd>{number}</dd></div>' for name, number in facts)}</dl>\n"
        f'<nav aria-label="Sections"><ul>{nav}</ul></nav>\n</header>\n'
    )


def _left_out(report: Data) -> str:
    """Say in one sentence what no proof was asked of."""
    new, retired = report["counts"].get("NEW", 0), len(report["retired"])
    parts = [f"{new:,} new, and so not proven"] if new else []
    parts += [f"{retired:,} retired"] if retired else []
    return f"{', '.join(parts).capitalize()}. " if parts else ""


def _drilled(report: Data) -> str:
    """Say in one sentence how the drill went."""
    mutants, alarms = report["mutants"], _alarms(report)
    if not mutants["seeded"]:
        return "No mutant was planted."
    said = f"Mutants: caught {mutants['caught']:,} of {mutants['seeded']:,}"
    left = len(mutants["survivors"]) - len(alarms)
    said += f", {left:,} excused" if left else ""
    return said + (f", {len(alarms):,} survived and <strong>nothing excuses it</strong>." if alarms else ".")


def _alarms(report: Data) -> list[Data]:
    return [one for one in report["mutants"]["survivors"] if not one["excuse"]]


def _wrong(report: Data) -> str:
    """Write what is wrong apart from the presets, the blindness of the gate first."""
    body, alarms = "", _alarms(report)
    if alarms:
        body = (
            f'<article class="card alarm bad"><p><span class="tag bad">! <b>ALARM</b></span></p>'
            f'<h3>{many(len(alarms), "mutant")} survived, and nothing excuses it</h3><p class="soft">A change was '
            "planted, the comparison did not see it, and no rule and no waiver says why. No verdict of this page can "
            f"be trusted.</p>{_survivors(alarms, told=False)}</article>\n"
        )
    cards, hidden = bounded(report["problems"], GROUPS, _problem)
    count = f"{len(report['problems']) + bool(alarms):,}"
    return section("wrong", "What is wrong apart from presets", count, "", body + cards + more(hidden))


def _problem(one: Data) -> str:
    notes = [
        f"{path(place_text(each['origin'])) if each['origin'] else ''} {prose(each['text'])}"
        for each in one["notes"][:LISTED]
    ]
    said = [("at", path(place_text(one["origin"])) if one["origin"] else ""), ("why", prose(one["why"]))]
    said += [("note", each) for each in notes] + [("hint", prose(one["hint"]))]
    rows = "".join(f"<dt>{name}</dt><dd>{what}</dd>" for name, what in said if what)
    look: Look = ("bad", "!") if one["severity"] == "error" else ("warn", "!")
    return (
        f'<article class="card problem"><div class="head"><h3 class="says">{prose(one["message"])}</h3>'
        f"<div>{note(one['code'])} {tag(look, one['severity'])}</div></div>"
        f"<dl>{rows}</dl>{more(len(one['notes']) - LISTED)}</article>\n"
    )


# ---------------------------------------------------------------------------------------------- presets


def _presets(rows: list[Data]) -> str:
    heads = [
        ("Verdict", "badge"),
        ("Preset, and its legacy path", "name"),
        ("Read from", "few"),
        ("Leaves", "num"),
        ("Witnesses", "words"),
        ("Differences", "num"),
        ("Mutants", "num"),
    ]
    rank: dict[str, int] = {word: -index for index, word in enumerate(GRAVITY)}
    ordered = sorted(rows, key=lambda row: rank.get(row["verdict"], -len(rank)))
    shown = table("Every preset, the gravest verdict first", heads, ordered, _preset, 1) if rows else ""
    return section("presets", "Presets", f"{len(rows):,}", "", shown)


def _preset(row: Data) -> list[str]:
    old, new, mutants = row["legacy"], row["preset"], row["mutants"]
    name = path(new) if new is not None else '<span class="soft">no preset here</span>'
    was = "" if old is None else '<span class="was">legacy: the same path</span>'
    if old is not None and old != new:
        was = f'<span class="was">legacy: {path(old)}</span>'
    reason = f'<span class="reason">{prose(row["reason"])}</span>' if row["reason"] else ""
    kinds = [one["class"] for one in row["differences"]]
    counts = [f"{kinds.count(word):,} {text(word)}" for word in dict.fromkeys([*CLASSES, *kinds]) if word in kinds]
    blind = sum(not one["excuse"] for one in mutants["survivors"])
    caught = f"{mutants['caught']:,} of {mutants['seeded']:,}" if mutants["seeded"] else ""
    return [
        tag(look_of(row["verdict"]), row["verdict"]),
        f"{name}{was}{reason}",
        ", ".join(text(row["compared"][side]) for side in ("legacy", "compiled") if row["compared"][side]),
        f"{row['leaves']:,}" if row["leaves"] else "",
        ", ".join(map(text, row["witnesses"])),
        "<br>".join(counts) or ("0" if row["witnesses"] else ""),
        caught + (f"<br>{tag(('bad', '!'), f'{blind:,} unexcused')}" if blind else ""),
    ]


# ---------------------------------------------------------------------------------------------- leaves and mutants


def _sharing(shared: list[Data]) -> str:
    """Write which leaves are authored once, and in how many presets each is the one that counts."""
    fragments: dict[str, list[Data]] = {}
    for leaf in shared:
        fragments.setdefault(leaf["fragment"], []).append(leaf)
    reach = {fragment: max(leaf["presets"] for leaf in leaves) for fragment, leaves in fragments.items()}
    widest = max(reach.values(), default=0)

    def cells(item: tuple[str, list[Data]]) -> list[str]:
        fragment, leaves = item
        bar = (
            '<svg class="bar" aria-hidden="true"><rect class="all" width="100%" height="100%" rx="3"/>'
            f'<rect width="{100 * reach[fragment] // (widest or 1)}%" height="100%" rx="3"/></svg>'
        )
        shown = "".join(f"<li>{code(leaf['key'])} {note(_used(leaf['presets']))}</li>" for leaf in leaves[:LISTED])
        rest = f"<ul>{shown}</ul>{more(len(leaves) - LISTED)}"
        return [folded(path(fragment), rest), f"{len(leaves):,}", f"{reach[fragment]:,}", bar]

    heads = [("Fragment", "name"), ("Leaves", "num"), ("Presets that use it", "num"), ("Reach", "scale")]
    ordered = sorted(fragments.items(), key=lambda item: (-reach[item[0]], -len(item[1]), item[0]))
    uses = sum(leaf["presets"] for leaf in shared)
    intro = (
        f"{many(len(shared), 'leaf', 'leaves')} in {many(len(fragments), 'fragment')}: each is written in one place, "
        f"and together they make up {uses:,} values of presets and their mixes."
    )
    shown = table("Fragments, those that most presets use first", heads, ordered, cells) if shared else ""
    return section("sharing", "Authored once", f"{len(shared):,}", intro, shown)


def _used(presets: int) -> str:
    return f"in {many(presets, 'preset')}"


def _mutants(report: Data) -> str:
    mutants = report["mutants"]
    if not mutants["seeded"]:
        return ""
    found: dict[tuple[str, str], list[Data]] = {}
    for one in mutants["survivors"]:
        if one["excuse"]:
            found.setdefault((one["excuse"], str(one["preset"])), []).append(one)

    def fold(item: tuple[tuple[str, str], list[Data]]) -> str:
        (excuse, preset), survivors = item
        summary = f"{many(len(survivors), 'mutant')} of {path(preset)}, excused by {prose(excuse)}"
        rule = RULE_SAYS.get(excuse.removeprefix("rule "), "")
        why = f'<p class="soft">{prose(rule)}</p>' if rule else ""
        return folded(summary, f"{why}{_survivors(survivors, told=True)}")

    body, hidden = bounded(list(found.items()), GROUPS, fold)
    intro = (
        f"{_drilled(report)} A mutant is a small change, planted in a compiled preset: the comparison must catch it, "
        "unless a rule or a waiver says why it need not."
    )
    count = f"{mutants['caught']:,} of {mutants['seeded']:,}"
    return section("mutants", "Mutants caught", count, intro, body + more(hidden) or "\n")


def _survivors(survivors: list[Data], *, told: bool) -> str:
    """Write survivors as a table, the kinds of one value together; with their presets, unless that is told."""
    rows: dict[tuple[str, str], list[str]] = {}
    for one in survivors:
        rows.setdefault((one["key"], str(one["preset"])), []).append(one["kind"])

    def cells(item: tuple[tuple[str, str], list[str]]) -> list[str]:
        (key, preset), kinds = item
        counted = [kind if kinds.count(kind) == 1 else f"{kind} ×{kinds.count(kind)}" for kind in dict.fromkeys(kinds)]
        return [code(key), text(", ".join(counted)), *([] if told else [path(preset)])]

    heads = [("Value", "name"), ("Planted", "words"), *([] if told else [("Preset", "")])]
    return table("Mutants that survived", heads, list(rows.items()), cells)


def _how() -> str:
    verdicts = [(tag(look_of(word), word), meaning) for word, meaning in _MEANS.items()]
    witnesses = [(code(word), prose(meaning)) for word, meaning in _WITNESSES.items()]
    body = f"<h3>Verdicts, the gravest first</h3>{terms(verdicts)}<h3>Witnesses</h3>{terms(witnesses)}"
    body += f"<h3>Words</h3>{terms((text(word), prose(meaning)) for word, meaning in _WORDS.items())}"
    intro = (
        "The verdict of the report is the gravest of its presets; where something else is wrong, UNPROVEN at least. "
        "The legacy records were made by a program that shares no code with the compiler, from a tree that is frozen. "
        "What no report of this kind shows: that the training code, the data and the environment are the same."
    )
    return section("how", "How to read this", "", intro, body)
