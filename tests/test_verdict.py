"""verdict: what excuses a difference, what both sides come to, and what a waiver accepts."""

from __future__ import annotations

import datetime
import itertools
from typing import Any, Final

import pytest

from builders import ABSENT, content
from compiler.compare import Disagreement, Policies, Side
from compiler.mapping import Waiver, read_mapping
from compiler.tree import Memory
from compiler.values import Node, Origin, node_of, parse_path, show_path
from compiler.verdict import (
    GRAVITY,
    PASSING,
    Verdict,
    accepts,
    gravest,
    is_expired,
    judge,
    unexcused,
    verdict_of,
    waiver_problems,
)

P: Final = "configs/train/p.yaml"
DAY: Final = datetime.date(2026, 1, 31)


def side(values: Any, mix: Any = None) -> Side:
    """Give a side; with a mix, one that names it at `fusion`."""
    if mix is None:
        return Side(node_of(values))
    return Side(node_of({**values, "fusion": "m.yaml"}), ("fusion",), node_of(mix))


def pinned(value: Any) -> Node | None:
    """Give a value as a waiver pins it."""
    return None if value is ABSENT else node_of(value)


def waiver(path: str, legacy: Any, compiled: Any, *, document: str = "preset", line: int = 1) -> Waiver:
    """Give a waiver that holds until the last day of January."""
    origin = Origin("m.yaml", line, 3)
    values = pinned(legacy), pinned(compiled)
    return Waiver(origin, P, document, parse_path(path), *values, "it was wrong", "lena", DAY)


def told(legacy: Side, compiled: Side, *waivers: Waiver, keyed: Any = None) -> tuple[Verdict, dict[str, str]]:
    """Give the verdict on a pair, and how each difference counts."""
    judgement = judge(legacy, compiled, Policies(keyed), waivers)
    return judgement.verdict, {show_path(one.difference.path): one.classed for one in judgement.differences}


# ---------------------------------------------------------------------------------------------- verdicts


SAVED: Final = {"training": {"save_strategy": "no", "save_total_limit": 1}}
KEPT: Final = {"training": {"save_strategy": "no", "save_total_limit": 2}}


def test_a_pair_that_nothing_tells_apart_is_equivalent() -> None:
    """By the bytes and by deepdiff, and no rule was asked; the leaves are counted."""
    judgement = judge(side({"a": 1, "b": [1, 2]}), side({"b": [1, 2], "a": 1}), Policies(None))
    assert judgement == ("EQUIVALENT", 2, ("bytes", "deepdiff"), ())


def test_a_report_names_only_the_witnesses_that_were_asked() -> None:
    """Deepdiff is named where it was asked, the rules where something differed."""
    pair = (side({"a": 1}), side({"a": 2}))
    assert judge(*pair, Policies(None)).witnesses == ("bytes", "deepdiff", "rules")
    assert judge(*pair, Policies(None), second_opinion=False).witnesses == ("bytes", "rules")
    assert judge(pair[0], pair[0], Policies(None), second_opinion=False).witnesses == ("bytes",)


def test_each_difference_counts_by_what_excuses_it_and_the_verdict_by_the_gravest() -> None:
    """A rule makes it neutral, a waiver waived, nothing different."""
    assert told(side(SAVED), side(KEPT)) == ("NEUTRAL", {"training.save_total_limit": "neutral"})
    old, new = {**SAVED, "a": 1}, {**KEPT, "a": 2}
    both = {"training.save_total_limit": "neutral", "a": "waived"}
    assert told(side(old), side(new), waiver("a", 1, 2)) == ("WAIVED", both)
    assert told(side(old), side(new)) == ("DIFFERENT", {**both, "a": "different"})
    assert told(side({**old, "b": 1}), side(new), waiver("a", 1, 2)) == ("DIFFERENT", {**both, "b": "different"})


@pytest.mark.parametrize("key", ["run_name", "output_dir", "logging_dir", "add_version", "report_to"])
def test_names_and_paths_of_outputs_count(key: str) -> None:
    """Everything that differs is different unless a rule or a waiver says otherwise; no key is left out."""
    old, new = (side({"training": {key: text, "save_strategy": "no"}}) for text in ("a", "b"))
    assert told(old, new) == ("DIFFERENT", {f"training.{key}": "different"})


def test_a_comparison_of_nothing_proves_nothing() -> None:
    """Two empty documents are unproven, whatever was found; one leaf on one side is enough to differ."""
    assert told(side({}), side({})) == ("UNPROVEN", {})
    assert told(side({}), side({"a": None})) == ("DIFFERENT", {"a": "different"})
    assert verdict_of([], 0) == "UNPROVEN"
    assert verdict_of([], 1) == "EQUIVALENT"


def test_two_witnesses_that_disagree_give_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison that overlooks a key is stopped by deepdiff; without it, by the bytes of the whole."""
    monkeypatch.setattr("compiler.compare.differences", lambda *_: [])
    for second_opinion in (True, False):
        with pytest.raises(Disagreement):
            judge(side({"a": 1}), side({"a": 2}), Policies(None), second_opinion=second_opinion)


def test_many_presets_come_to_the_gravest_of_their_verdicts() -> None:
    """DIFFERENT is the gravest; what passes are the four that a run may end with."""
    order: list[Verdict] = ["EQUIVALENT", "NEUTRAL", "WAIVED", "UNPROVEN", "REJECTED", "DIFFERENT"]
    assert list(GRAVITY) == ["NEW", *order]
    assert set(PASSING) == {"NEW", "EQUIVALENT", "NEUTRAL", "WAIVED"}
    for one, other in itertools.combinations_with_replacement(order, 2):
        assert gravest([one, other]) == gravest([other, "NEW", one]) == other


def test_nothing_compared_is_nothing_proven() -> None:
    """No preset at all, and presets that are all new, are unproven."""
    assert gravest([]) == "UNPROVEN"
    assert gravest(["NEW", "NEW"]) == "UNPROVEN"
    assert gravest(["NEW", "EQUIVALENT"]) == "EQUIVALENT"


# ---------------------------------------------------------------------------------------------- waivers


@pytest.mark.parametrize(
    ("legacy", "compiled"),
    [
        (1.0, 2),
        ("1", 2),
        (True, 2),
        (1, 2.0),
        (1, "2"),
        (2, 1),
        (1, 3),
        (1, None),
        (None, 2),
        (ABSENT, 2),
        (1, ABSENT),
    ],
    ids=str,
)
def test_a_waiver_accepts_both_of_its_values_and_no_other(legacy: Any, compiled: Any) -> None:
    """1 and 1.0 are two values, null is not absent, and the two sides cannot be exchanged."""
    pair = (side({"a": 1}), side({"a": 2}))
    assert told(*pair, waiver("a", 1, 2)) == ("WAIVED", {"a": "waived"})
    assert told(*pair, waiver("a", legacy, compiled)) == ("DIFFERENT", {"a": "different"})


def test_a_waiver_tells_absent_from_null() -> None:
    """A value that is left out pins that there is none; null pins null."""
    added, nulled = (side({"b": 1}), side({"b": 1, "a": 2})), (side({"b": 1, "a": None}), side({"b": 1, "a": 2}))
    absent, null = waiver("a", ABSENT, 2), waiver("a", None, 2)
    assert told(*added, absent)[0] == told(*nulled, null)[0] == "WAIVED"
    assert told(*added, null)[0] == told(*nulled, absent)[0] == "DIFFERENT"
    assert told(added[1], added[0], waiver("a", 2, ABSENT))[0] == "WAIVED"


@pytest.mark.parametrize("path", ["a", "a.b", "a.bb", "A.b", "b", "a.b.c", '"a.b"'])
def test_a_waiver_accepts_its_own_place_and_no_other(path: str) -> None:
    """Neither the section of a key, nor what is below it, nor a key that begins alike."""
    pair = (side({"a": {"b": 1}}), side({"a": {"b": 2}}))
    assert (told(*pair, waiver(path, 1, 2))[0] == "WAIVED") == (path == "a.b")


def test_a_waiver_of_a_list_takes_the_list_as_a_whole() -> None:
    """A list is one value, in this order."""
    pair = (side({"a": [1, 2]}), side({"a": [1, 3]}))
    assert told(*pair, waiver("a", [1, 2], [1, 3]))[0] == "WAIVED"
    for other in (waiver("a[1]", 2, 3), waiver("a", [2, 1], [1, 3]), waiver("a", [1, 2.0], [1, 3])):
        assert told(*pair, other)[0] == "DIFFERENT"


def test_a_waiver_of_a_mix_is_none_of_the_preset() -> None:
    """The document belongs to the place; entries of a mix are named, and the path is written as reports write it."""
    mixes = [{"targets": [{"dataset": "d", "ratio": value}], "a": value} for value in (1, 2)]
    pair = (side({"a": 1}, mixes[0]), side({"a": 2}, mixes[1]))
    every = ("a", "targets[d].ratio", "a")
    assert [show_path(one.difference.path) for one in unexcused(*pair, Policies(None), ())] == [
        "a",
        "targets[d].ratio",
        "a",
    ]
    both = [waiver(path, 1, 2, document="fusion") for path in every[1:]]
    found = unexcused(*pair, Policies(None), both)
    assert [one.classed for one in found] == ["different", "waived", "waived"]
    found = unexcused(*pair, Policies(None), [waiver(path, 1, 2) for path in every])
    assert [one.classed for one in found] == ["waived", "different", "different"]


def test_an_index_is_the_name_of_an_entry() -> None:
    """A comparison counts nothing, so that `[0]` can only be an entry that is called so."""
    mixes = [{"targets": [{"dataset": "d"}, {"dataset": "0", "ratio": value}]} for value in (1, 2)]
    pair = (side({}, mixes[0]), side({}, mixes[1]))
    assert told(*pair, waiver("targets[0].ratio", 1, 2, document="fusion"))[0] == "WAIVED"
    assert told(*pair, waiver("targets[1].ratio", 1, 2, document="fusion"))[0] == "DIFFERENT"


def test_a_rule_comes_before_a_waiver() -> None:
    """What cannot reach training needs no waiver; one that is there all the same accepts nothing."""
    pair = (side(SAVED), side(KEPT))
    (one,) = unexcused(*pair, Policies(None), [waiver("training.save_total_limit", 1, 2)])
    assert (one.classed, one.waiver) == ("neutral", None)


def test_a_waiver_as_it_is_written_accepts_what_it_says() -> None:
    """From the file to the verdict: names of entries, dates, a value that is left out."""
    text = f"""
        presets: {{configs/old.yaml: {P}}}
        waivers:
        - {{preset: ./{P}, document: fusion, path: "sources[lvis].ratio", legacy: 0.1, reason: r, owner: o,
           expires: 2026-01-31}}
    """
    (read,) = read_mapping(Memory({"m.yaml": content(text)}), "m.yaml").waivers
    entry = {"dataset": "d", "name": "lvis"}
    old, new = side({"x": 1}, {"sources": [{**entry, "ratio": 0.1}]}), side({"x": 1}, {"sources": [entry]})
    assert told(old, new, read) == ("WAIVED", {"sources[lvis].ratio": "waived"})
    (one,) = unexcused(old, new, Policies(None), [read])
    assert accepts(read, one.difference)
    assert not accepts(read._replace(document="preset"), one.difference)


# ---------------------------------------------------------------------------------------------- what is wrong


def test_a_waiver_holds_on_its_last_day() -> None:
    """And no longer."""
    one = waiver("a", 1, 2)
    assert [is_expired(one, DAY + datetime.timedelta(days=days)) for days in (-1, 0, 1)] == [False, False, True]


def test_each_waiver_that_accepts_nothing_or_has_expired_is_told() -> None:
    """At its place in the mapping, with who answers for it; one that is used and holds is not."""
    used, unused, expired = (waiver(f"training.{name}", 1, 2, line=line) for line, name in enumerate("abc", 1))
    expired = expired._replace(expires=DAY - datetime.timedelta(days=1))
    both = [str(used.origin), str(expired.origin)]
    first, second = waiver_problems([used, unused, expired], both, DAY)
    assert (first.code, str(first.origin)) == ("unused-waiver", "m.yaml:2:3")
    assert first.message == f"the waiver of `training.b` of `{P}` accepts nothing"
    assert (second.code, str(second.origin)) == ("expired-waiver", "m.yaml:3:3")
    assert second.why == "it held until 2026-01-30, and lena answers for it"
    assert waiver_problems([used], both, DAY) == []
    assert [one.code for one in waiver_problems([used], [], DAY + datetime.timedelta(days=1))] == ["expired-waiver"]


def test_the_second_of_two_equal_waivers_is_unused() -> None:
    """One difference is accepted by one waiver."""
    one, other = waiver("a", 1, 2, line=1), waiver("a", 1, 2, line=5)
    (judged,) = unexcused(side({"a": 1}), side({"a": 2}), Policies(None), [one, other])
    assert judged.waiver == one
    assert [str(two.origin) for two in waiver_problems([one, other], [str(one.origin)], DAY)] == ["m.yaml:5:3"]


# ---------------------------------------------------------------------------------------------- what no waiver covers


def test_a_waiver_of_the_path_to_a_mix_does_not_cover_the_mix() -> None:
    """A preset that gets its first mix differs in all that the mix holds; each part needs a waiver of its own."""
    mix = {"targets": [{"dataset": "d", "train_jsonl": "p"}]}
    path = waiver("fusion", ABSENT, "m.yaml")
    verdict, classes = told(side({"a": 1}), side({"a": 1}, mix), path)
    assert (verdict, classes) == ("DIFFERENT", {"fusion": "waived", "targets": "different"})
    whole = waiver("targets", ABSENT, mix["targets"], document="fusion", line=2)
    assert told(side({"a": 1}), side({"a": 1}, mix), path, whole)[0] == "WAIVED"
    other = {"targets": [{"dataset": "d", "train_jsonl": "other"}]}
    assert told(side({"a": 1}), side({"a": 1}, other), path, whole)[0] == "DIFFERENT"


def test_a_waiver_accepts_an_added_entry_after_the_others_and_nowhere_else() -> None:
    """Moved between the others it is another change, though each of its leaves is the same."""
    mixes = [{"targets": [{"dataset": name} for name in names]} for names in ("ab", "abc", "acb")]
    added = waiver("targets[c].dataset", ABSENT, "c", document="fusion")
    assert told(side({}, mixes[0]), side({}, mixes[1]), added)[0] == "WAIVED"
    assert told(side({}, mixes[0]), side({}, mixes[2]), added)[0] == "DIFFERENT"


def test_a_section_that_is_emptied_is_not_one_that_is_gone() -> None:
    """A waiver of the one does not cover the other."""
    gone = waiver("s.a", 1, ABSENT)
    old = side({"x": 1, "s": {"a": 1}})
    assert told(old, side({"x": 1}), gone)[0] == "WAIVED"
    assert told(old, side({"x": 1, "s": {}}), gone)[0] == "DIFFERENT"
