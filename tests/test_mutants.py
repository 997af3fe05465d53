"""mutants: every kind of small change is planted, the gate catches each, and a survivor is never silent."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import REPOSITORY
from compiler import legacy
from compiler.compare import Policies, Side, compare, unequal
from compiler.mapping import Waiver
from compiler.merging import preset_policy
from compiler.mutants import SAMPLE, Mutant, Survivor, Tally, chosen, drill, is_caught, mutants, planted
from compiler.neutrality import RULES
from compiler.values import Node, Origin, canonical, digest_document, node_of, parse_path, plain, show_path
from compiler.verdict import Judged, unexcused
from documents import KEYS, VALUES

NOTHING: Final = Policies(None)
OPS: Final = Policies(preset_policy([(("ops",), ("name",))]))
"""A team that keys a list of its own presets."""

MIX: Final = {"targets": [{"dataset": "d", "ratio": 1}, {"dataset": "e", "name": "n", "ratio": 0.5}], "sources": []}


def side(values: Any, mix: Any = None) -> Side:
    """Give a side; with a mix, one that names it at `custom.fusion`."""
    if mix is None:
        return Side(node_of(values))
    custom = {**values.get("custom", {}), "fusion": "m.yaml"}
    return Side(node_of({**values, "custom": custom}), ("custom", "fusion"), node_of(mix))


def value_planted(one: Mutant) -> Any:
    """Give what a mutant plants; the text of its kind where it takes something out."""
    if one.kind == "dropped":
        return "dropped"
    return plain(one.planted) if isinstance(one.planted, Node) else one.planted


def of(value: Any, policies: Policies = NOTHING) -> list[tuple[str, str]]:
    """Give the mutants of the value of a key `ops` itself, each as its kind and how its value is written."""
    found = [one for one in mutants(side({"ops": value}), policies) if one.path == ("ops",)]
    return [(one.kind, repr(value_planted(one))) for one in found if one.kind != "dropped"]


def drilled(old: Side, new: Side, *waivers: Waiver, policies: Policies = NOTHING) -> Tally:
    """Plant every mutant."""
    return drill(old, new, policies, waivers, mutants(new, policies))


def waiver(path: str, old: Any, new: Any) -> Waiver:
    """Give a waiver of a preset."""
    values = node_of(old), node_of(new)
    return Waiver(Origin("m.yaml", 1, 1), "p", "preset", parse_path(path), *values, "a typo", "lena", datetime.date.max)


# ---------------------------------------------------------------------------------------------- the kinds


NULL: Final = ("null", "None")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, []),
        (True, [NULL, ("flipped", "False"), ("retyped", "1"), ("retyped", "1.0"), ("retyped", "'true'")]),
        (False, [NULL, ("flipped", "True"), ("retyped", "0"), ("retyped", "0.0"), ("retyped", "'false'")]),
        (1, [NULL, ("nudged", "2"), ("retyped", "1.0"), ("retyped", "'1'"), ("retyped", "True")]),
        (0, [NULL, ("nudged", "1"), ("retyped", "0.0"), ("retyped", "'0'"), ("retyped", "False")]),
        (7, [NULL, ("nudged", "8"), ("retyped", "7.0"), ("retyped", "'7'")]),
        (1.0, [NULL, ("nudged", "1.0000000000000002"), ("retyped", "'1.0'"), ("retyped", "1"), ("retyped", "True")]),
        (0.5, [NULL, ("nudged", "0.5000000000000001"), ("retyped", "'0.5'")]),
        (-0.0, [NULL, ("nudged", "5e-324"), ("retyped", "'-0.0'"), ("retyped", "0"), ("retyped", "False")]),
        (1e-5, [NULL, ("nudged", "1.0000000000000003e-05"), ("retyped", "'1e-05'")]),
        (math.inf, [NULL, ("retyped", "'inf'")]),
        (math.nan, [NULL, ("retyped", "'nan'")]),
        ("a", [NULL, ("nudged", "'a '")]),
        ("", [NULL, ("nudged", "' '")]),
        ("1", [NULL, ("nudged", "'1 '"), ("retyped", "1.0"), ("retyped", "1")]),
        ("1.0", [NULL, ("nudged", "'1.0 '"), ("retyped", "1.0")]),
        ("1e-5", [NULL, ("nudged", "'1e-5 '"), ("retyped", "1e-05")]),
        ("no", [NULL, ("nudged", "'no '"), ("retyped", "False")]),
        ("True", [NULL, ("nudged", "'True '"), ("retyped", "True")]),
        (datetime.date(2026, 1, 31), [NULL, ("retyped", "'2026-01-31'")]),
        ({}, [NULL]),
        ({"a": 1}, [NULL]),
        ([], [NULL]),
        ([1], [NULL]),
        ([1, 1], [NULL]),
        ([1, 2, 3], [NULL, ("reordered", "[2, 3, 1]")]),
    ],
    ids=repr,
)
def test_every_kind_of_change_is_planted_where_it_can_be(value: Any, expected: list[tuple[str, str]]) -> None:
    """By the least that could matter: the next float, the next integer, another type that looks alike."""
    assert of(value) == expected
    dropped = [one for one in mutants(side({"ops": value}), NOTHING) if one.kind == "dropped" and one.path == ("ops",)]
    assert len(dropped) == 1


def test_an_integer_of_any_length_is_nudged() -> None:
    """One that no float holds is retyped to text alone."""
    huge = 10**4000 - 1
    kinds = [one.kind for one in mutants(side({"a": huge}), NOTHING)]
    assert kinds == ["dropped", "null", "nudged", "retyped"]
    assert drilled(side({"a": huge}), side({"a": huge})) == Tally(4, 4, ())


def test_what_is_within_lists_and_mappings_is_changed_too() -> None:
    """Each value below the root has mutants of its own, an item of a list by its place."""
    paths = {show_path(one.path) for one in mutants(side({"a": {"b": [1, {"c": 2}]}}), NOTHING)}
    assert paths == {"a", "a.b", "a.b[0]", "a.b[1]", "a.b[1].c"}


def test_entries_are_renamed_where_lists_are_keyed() -> None:
    """By what they are known by, one after the other; in a list that is not keyed nothing has a name."""
    ops = [{"name": "a", "p": 1}, {"name": "b"}]
    found = [one for one in mutants(side({"ops": ops}), OPS) if one.kind == "renamed"]
    assert [(show_path(one.path), value_planted(one)) for one in found] == [
        ("ops[0]", {"name": "a_", "p": 1}),
        ("ops[1]", {"name": "b_"}),
    ]
    assert [kind for kind, _ in of(ops)] == ["null", "reordered"]
    assert [kind for kind, _ in of([{"p": 1}, 2, {"name": 3}], OPS)] == ["null", "reordered"]


def test_the_mix_is_changed_and_the_path_to_it_is_not() -> None:
    """Contents of a mix are planted in, its entries renamed by name, else dataset; a mix elsewhere is the same mix."""
    found = list(mutants(side({"a": 1}, MIX), NOTHING))
    assert {show_path(one.path) for one in found if one.document == "preset"} == {"a", "custom"}
    inside = {one.name() for one in found if one.document == "fusion"}
    assert inside >= {"fusion:targets", "fusion:targets[0].ratio", "fusion:sources"}
    renamed = [value_planted(one) for one in found if one.kind == "renamed"]
    assert [entry.get("name", entry["dataset"]) for entry in renamed] == ["d_", "n_"]
    without = {show_path(one.path) for one in mutants(side({"custom": {"fusion": "m"}}), NOTHING)}
    assert without == {"custom", "custom.fusion"}


# ---------------------------------------------------------------------------------------------- planting


def test_a_mutant_is_planted_in_a_copy() -> None:
    """The side that it is planted in stays as it was, and only its own place changes."""
    old = side({"a": [{"b": 1}, 2], "c": 3}, MIX)
    before = canonical(old.document())
    texts = {}
    for one in mutants(old, NOTHING):
        made = planted(old, one)
        texts[(one.name(), one.kind, repr(value_planted(one)))] = plain(made.values), plain(made.fusion or node_of({}))
    assert canonical(digest_document(node_of(plain(old.values)), old.fusion_at, node_of(MIX))) == before
    values, mix = {"custom": {"fusion": "m.yaml"}}, MIX
    assert texts[("a[0].b", "nudged", "2")] == ({"a": [{"b": 2}, 2], "c": 3, **values}, mix)
    assert texts[("a[1]", "dropped", "'dropped'")] == ({"a": [{"b": 1}], "c": 3, **values}, mix)
    assert texts[("c", "null", "None")] == ({"a": [{"b": 1}, 2], "c": None, **values}, mix)
    emptied = {"targets": MIX["targets"]}
    assert texts[("fusion:sources", "dropped", "'dropped'")] == ({"a": [{"b": 1}, 2], "c": 3, **values}, emptied)


def test_a_section_that_is_gone_takes_its_mix_with_it() -> None:
    """Dropping or nulling what names the mix leaves a preset without one, and is caught."""
    whole = side({"a": 1}, MIX)
    for one in mutants(whole, NOTHING):
        if one.path == ("custom",):
            assert planted(whole, one).fusion is None
            assert drill(whole, whole, NOTHING, (), [one]) == Tally(1, 1, ())
            assert compare(whole, planted(whole, one), NOTHING, second_opinion=True).differences


DOCUMENTS: Final = st.dictionaries(KEYS, VALUES, max_size=4)
MIXES: Final = st.fixed_dictionaries(
    {},
    optional={
        "targets": st.lists(
            st.dictionaries(st.sampled_from(["name", "dataset", "ratio"]), st.sampled_from(["a", "b", 1, 0.5])),
            max_size=3,
        ),
        "ops": VALUES,
    },
)
SIDES: Final = st.one_of(DOCUMENTS.map(side), st.builds(side, st.fixed_dictionaries({"ops": VALUES}), MIXES))


@given(SIDES)
def test_a_mutant_never_has_the_bytes_of_the_original(held: Side) -> None:
    """What would change nothing is not planted: each seeded mutant must be caught."""
    before = canonical(held.document())
    for one in mutants(held, OPS):
        assert canonical(planted(held, one).document()) != before, one


@given(SIDES)
@settings(max_examples=30)
def test_every_mutant_of_any_preset_is_caught(held: Side) -> None:
    """Without a rule and without a waiver the gate sees each change, whatever the values are."""
    tally = drilled(held, held, policies=OPS)
    assert tally.survivors == ()
    assert tally.caught == tally.seeded


# ---------------------------------------------------------------------------------------------- survivors


SAVED: Final = {"training": {"save_strategy": "no", "save_total_limit": 1}, "x": 1}


def survivors(tally: Tally) -> set[tuple[str, str]]:
    """Give survivors with what excuses them."""
    return {(one.mutant.name(), one.excuse) for one in tally.survivors}


def test_a_survivor_is_told_with_the_rule_that_excuses_it() -> None:
    """What cannot reach training is not caught; what makes it so is."""
    tally = drilled(side(SAVED), side(SAVED))
    assert survivors(tally) == {("training.save_total_limit", "rule saving-off")}
    assert tally.seeded - tally.caught == len(tally.survivors) == 6
    assert {one.mutant.kind for one in tally.survivors} == {"dropped", "null", "nudged", "retyped"}


def test_a_mutant_that_undoes_an_excused_difference_is_excused_by_it() -> None:
    """A side that happens to become what the other one is, where a rule or a waiver covers both, is no blindness."""
    kept = {**SAVED, "training": {"save_strategy": "no", "save_total_limit": 2}}
    assert survivors(drilled(side(kept), side(SAVED))) == {("training.save_total_limit", "rule saving-off")}
    waived = drilled(side({"a": 2, "b": 1}), side({"a": 1, "b": 1}), waiver("a", 2, 1))
    assert survivors(waived) == {("a", "waiver: a typo")}
    assert [one.mutant.kind for one in waived.survivors] == ["nudged"]


def test_what_is_waived_or_different_already_is_watched_all_the_same() -> None:
    """A waiver holds for one value, and a difference that becomes another one is another one."""
    pair = (side({"a": 5, "b": 1}), side({"a": 1, "b": 1}))
    assert drilled(*pair, waiver("a", 5, 1)).survivors == ()
    assert drilled(*pair).survivors == ()


def ignoring(key: str) -> Any:
    """Give a gate that does not see one key."""

    def blind(old: Side, new: Side, policies: Policies, waivers: Iterable[Waiver]) -> tuple[Judged, ...]:
        judged = unexcused(old, new, policies, waivers)
        return tuple(one for one in judged if key not in show_path(one.difference.path))

    return blind


def test_a_gate_that_ignores_a_key_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: survivors that nothing excuses, in a preset and in a mix."""
    monkeypatch.setattr("compiler.mutants.unexcused", ignoring("ratio"))
    tally = drilled(side({"ratio": 1, "b": 2}, MIX), side({"ratio": 1, "b": 2}, MIX))
    names = {"ratio", "fusion:targets[0].ratio", "fusion:targets[1].ratio"}
    assert survivors(tally) == {(name, "") for name in names}


def test_an_excuse_of_something_else_excuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A difference that was excused before, at the same place or beside it, does not cover for a gate that is blind."""
    ops = [{"name": "a", "p": 1}, {"name": "b", "p": 2}]
    off = {"augmentation": {"enabled": False, "ops": ops}}
    old = side({"custom": {**off, "augmentation": {"enabled": False, "ops": [{"name": "z"}]}}})
    assert {excuse for _, excuse in survivors(drilled(old, side({"custom": off})))} == {"rule augmentation-off"}
    before = unexcused(old, side({"custom": off}), NOTHING, ())
    assert len(before) == 1
    monkeypatch.setattr("compiler.mutants.unexcused", lambda *_: before)
    assert {excuse for _, excuse in survivors(drilled(old, side({"custom": off})))} == {""}


def test_a_comparison_that_ignores_a_type_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control, further down: to whom 1 and 1.0 are equal misses what was retyped, and nothing else."""
    pair = (side({"a": 1, "b": True}), side({"a": 1, "b": True}))
    assert drilled(*pair).survivors == ()
    monkeypatch.setattr("compiler.verdict.unequal", lambda *of: [one for one in unequal(*of) if one.kind != "retyped"])
    found = drilled(*pair)
    assert {(one.mutant.kind, one.excuse) for one in found.survivors} == {("retyped", "")}
    assert found.seeded - found.caught == len(found.survivors) == 6


def test_a_mutant_is_caught_by_any_change_of_what_is_different() -> None:
    """One difference more, one less, or another value; what is excused does not count."""
    old = side({"a": 1, "b": 1})
    one, two = (unexcused(old, side(values), NOTHING, ()) for values in ({"a": 2, "b": 1}, {"a": 3, "b": 1}))
    excused = unexcused(old, side({"a": 2, "b": 1}), NOTHING, [waiver("a", 1, 2)])
    assert is_caught((), one)
    assert is_caught(one, ())
    assert is_caught(one, two)
    assert is_caught(one, excused)
    assert not is_caught(one, one)
    assert not is_caught((), excused)


# ---------------------------------------------------------------------------------------------- samples


MANY: Final = side({f"k{number}": number for number in range(100)}, MIX)


def test_a_sample_is_the_same_each_time_and_part_of_all() -> None:
    """It depends on what the mutants are called and on nothing else, and keeps their order."""
    every = list(mutants(MANY, NOTHING))
    assert len(every) > SAMPLE
    sample = chosen(iter(every), "sample")
    assert len(sample) == SAMPLE
    order = {id(one): index for index, one in enumerate(every)}  # 1, 1.0 and true are equal, and three mutants
    places = [order[id(one)] for one in sample]
    assert places == sorted(set(places))
    again = chosen(mutants(side({f"k{number}": number for number in range(100)}, MIX), NOTHING), "sample")
    assert [(one.name(), one.kind) for one in again] == [(one.name(), one.kind) for one in sample]
    turned = chosen(reversed(every), "sample")
    assert {(one.name(), one.kind) for one in turned} == {(one.name(), one.kind) for one in sample}
    assert {one.document for one in sample} == {"preset", "fusion"}


def test_all_are_all_and_few_need_no_sample() -> None:
    """`all` leaves nothing out, and neither does a sample of a small preset."""
    every = list(mutants(MANY, NOTHING))
    assert chosen(every, "all") == every
    few = list(mutants(side({"a": 1}), NOTHING))
    assert chosen(few, "sample") == few
    assert chosen([], "sample") == []


def test_a_side_in_which_nothing_can_be_planted_seeds_nothing() -> None:
    """An empty preset has no mutant, and a tally of none caught none."""
    assert list(mutants(side({}), NOTHING)) == []
    assert drilled(side({}), side({})) == Tally(0, 0, ())
    assert [one.kind for one in mutants(side({"a": None}), NOTHING)] == ["dropped"]


def test_names_tell_the_place_and_the_document() -> None:
    """A report calls a mutant as `why` takes its key."""
    assert Mutant("preset", ("a", 0, "b.c"), "null", None).name() == 'a[0]."b.c"'
    assert Mutant("fusion", ("targets", 1), "null", None).name() == "fusion:targets[1]"
    assert Survivor(Mutant("fusion", ("x",), "null", None), "").excuse == ""


RECORDS: Final = legacy.load(str(REPOSITORY), ("custom", "fusion_config"))


@pytest.mark.parametrize("source", sorted(RECORDS.presets))
def test_every_mutant_of_what_ships_is_caught_or_excused_by_a_rule(source: str) -> None:
    """All mutants of every legacy preset and its mix: none survives in silence."""
    record = RECORDS.presets[source]
    named = legacy.mix_named_by(record, ("custom", "fusion_config"))
    held = Side(record.values)
    if named is not None:
        held = Side(record.values, ("custom", "fusion_config"), RECORDS.mixes[named].values)
    tally = drilled(held, held)
    assert tally.seeded > 200
    assert tally.caught > tally.seeded / 3
    assert {one.excuse for one in tally.survivors} <= {f"rule {rule.name}" for rule in RULES}
