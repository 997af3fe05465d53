"""compare: what differs between two trees of values, and the second opinion that may contradict."""

from __future__ import annotations

import datetime
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compiler.compare import (
    Compared,
    Difference,
    Disagreement,
    Policies,
    Side,
    aligned,
    compare,
    contradict,
    differences,
    places,
)
from compiler.merging import FUSION, Policy, preset_policy
from compiler.values import EntryName, canonical, node_of, plain, show_path

UTC: Final = datetime.UTC
EAST: Final = datetime.timezone(datetime.timedelta(hours=2))
NOON: Final = datetime.datetime(2026, 1, 1, 12, tzinfo=UTC)
NAN: Final = float("nan")
OPS: Final = preset_policy([(("ops",), ("name",))])
"""A team that keys a list of its own presets."""


def found(legacy: Any, compiled: Any, policy: Policy | None = None) -> list[str]:
    """Give the differences of two plain values, each as its kind and its place."""
    return [f"{one.kind} {show_path(one.path)}" for one in differences(node_of(legacy), node_of(compiled), policy)]


def values_of(one: Difference) -> tuple[Any, Any]:
    """Give both values of a difference; the text `absent` where a side has nothing."""
    legacy, compiled = (plain(node) if node is not None else "absent" for node in (one.legacy, one.compiled))
    return legacy, compiled


# ---------------------------------------------------------------------------------------------- what differs


@pytest.mark.parametrize(
    ("legacy", "compiled", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"a": 1}, {"a": 2}, ["changed a"]),
        ({"a": 1}, {}, ["removed a"]),
        ({}, {"a": 1}, ["added a"]),
        ({"a": None}, {}, ["removed a"]),
        ({}, {"a": None}, ["added a"]),
        ({"a": None}, {"a": 1}, ["changed a"]),
        ({"a": 1}, {"a": 1.0}, ["retyped a"]),
        ({"a": 1}, {"a": "1"}, ["retyped a"]),
        ({"a": 1}, {"a": True}, ["retyped a"]),
        ({"a": 1.0}, {"a": True}, ["retyped a"]),
        ({"a": "true"}, {"a": True}, ["retyped a"]),
        ({"a": 0.0}, {"a": -0.0}, ["changed a"]),
        ({"a": NAN}, {"a": float("nan")}, []),
        ({"a": [1, 2]}, {"a": [2, 1]}, ["reordered a"]),
        ({"a": [1, 1, 2]}, {"a": [1, 2, 2]}, ["changed a"]),
        ({"a": [1]}, {"a": [1.0]}, ["changed a"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, ["changed a"]),
        ({"a": []}, {"a": None}, ["changed a"]),
        ({"a": []}, {"a": {}}, ["retyped a"]),
        ({"a": []}, {}, ["removed a"]),
        ({"a": {}}, {}, ["removed a"]),
        ({"a": {}}, {"a": {"b": 1}}, ["added a.b", "removed a"]),
        ({"a": {"b": 1}}, {"a": {}}, ["removed a.b", "added a"]),
        ({"a": {"b": 1, "c": {"d": [1, 2], "e": {}}}}, {}, ["removed a.b", "removed a.c.d", "removed a.c.e"]),
        ({}, {"a": {"b": 1, "c": {"d": 2}}}, ["added a.b", "added a.c.d"]),
        ({"a": {"b": 1, "c": 2}}, {"a": None}, ["changed a"]),
        ({"a": {"b": 1}}, {"a": [1]}, ["retyped a"]),
        ({"b": 1, "a": 1}, {"c": 1, "a": 2}, ["removed b", "changed a", "added c"]),
    ],
    ids=str,
)
def test_each_unequal_place_is_told_once_and_by_its_kind(legacy: Any, compiled: Any, expected: list[str]) -> None:
    """Absent is not null, types count, a list is one place, a mapping that one side lacks is told leaf by leaf."""
    assert found(legacy, compiled) == expected


def test_a_difference_holds_both_values_and_what_a_side_lacks_is_no_null() -> None:
    """Where a side has nothing there is no node; null is a node."""
    one, other = differences(node_of({"a": None, "b": 1}), node_of({"b": 1.0}))
    assert values_of(one) == (None, "absent")
    assert (one.legacy is None, one.compiled is None) == (False, True)
    assert repr(values_of(other)) == "(1, 1.0)"


def test_keyed_entries_are_matched_by_name_and_each_is_told_by_its_leaves() -> None:
    """An entry is found by its name wherever it stands; one that a side lacks is told leaf by leaf."""
    a, b, c = {"name": "a", "p": {"q": 1}}, {"name": "b", "p": {"q": 1}}, {"name": "c", "p": {"q": [1]}}
    assert found({"ops": [a, b]}, {"ops": [a, b]}, OPS) == []
    assert found({"ops": [a, b]}, {"ops": [a, {**b, "p": {"q": 2}}]}, OPS) == ["changed ops[b].p.q"]
    assert found({"ops": [a]}, {"ops": [c, a]}, OPS) == ["added ops[c].name", "added ops[c].p.q"]
    assert found({"ops": [a, b]}, {"ops": [b]}, OPS) == ["removed ops[a].name", "removed ops[a].p.q"]
    assert found({"ops": [a]}, {"ops": []}, OPS) == ["removed ops[a].name", "removed ops[a].p.q"]
    assert found({"ops": [a, b]}, {"ops": [b, a]}, OPS) == ["reordered ops"]
    moved = found({"ops": [a, b]}, {"ops": [c, b, {**a, "x": 1}]}, OPS)
    assert moved == ["added ops[a].x", "added ops[c].name", "added ops[c].p.q", "reordered ops"]
    steps = differences(node_of({"ops": [a]}), node_of({"ops": []}), OPS)[0].path
    assert [type(step) for step in steps] == [str, EntryName, str]


@pytest.mark.parametrize(
    "odd",
    [
        [{"name": "a"}, {"name": "a", "p": 1}],
        [{"name": "a"}, {"p": 1}],
        [{"name": 1}],
        [{"name": ""}],
        [{"dataset": "a"}],
        ["a"],
        [[{"name": "a"}]],
    ],
    ids=str,
)
def test_a_list_whose_entries_cannot_be_told_apart_is_one_place(odd: list[Any]) -> None:
    """An entry without a name, or two of one name, on either side: the list is one value."""
    assert found({"ops": odd}, {"ops": [{"name": "b"}]}, OPS) == ["changed ops"]
    assert found({"ops": [{"name": "b"}]}, {"ops": odd}, OPS) == ["changed ops"]
    assert found({"ops": odd}, {"ops": odd}, OPS) == []


def test_nothing_is_keyed_but_what_the_policy_says() -> None:
    """A keyed list elsewhere, and one within an entry, is one place; the lists of a mix go by name, else by dataset."""
    old, new = [{"name": "a", "x": 1}], [{"name": "a", "x": 2}]
    assert found({"ops": old}, {"ops": new}) == ["changed ops"]
    assert found({"p": {"ops": old}}, {"p": {"ops": new}}, OPS) == ["changed p.ops"]
    assert found({"ops": [{"name": "z", "ops": old}]}, {"ops": [{"name": "z", "ops": new}]}, OPS) == [
        "changed ops[z].ops"
    ]
    one, other = ({"sources": [{"dataset": "d", "name": name}, {"dataset": "e"}]} for name in ("n", "m"))
    assert found(one, other, FUSION)[0] == "removed sources[n].dataset"
    assert found({"sources": [{"dataset": "e"}]}, {"sources": [{"dataset": "e", "r": 1}]}, FUSION) == [
        "added sources[e].r"
    ]


def test_aligned_tells_what_changed_within_a_list() -> None:
    """Items known by `name` are matched by it, others by their place; paths begin at the document."""

    def within(old: Any, new: Any) -> list[str]:
        (one,) = differences(node_of({"l": old}), node_of({"l": new}), document="fusion")
        inner = aligned(one)
        assert {part.document for part in inner} <= {"fusion"}
        return [f"{part.kind} {show_path(part.path)}" for part in inner]

    a, b, c = {"name": "a", "p": 1}, {"name": "b", "p": 1}, {"name": "c"}
    assert within([b, c], [a, b, c]) == ["added l[a].name", "added l[a].p"]
    assert within([a, b], [b, {**a, "p": 2}]) == ["changed l[a].p", "reordered l"]
    assert within([{"p": 1}, {"p": 2}], [{"p": 1}, {"p": 3}]) == ["changed l[1].p"]
    assert within([[1], [2]], [[1], [3]]) == ["changed l[1]"]
    assert within([1, 2], [1, 3]) == []
    assert within([{"p": 1}], [{"p": 1}, {"p": 2}]) == []
    assert within([a], None) == []
    assert within(1, 2) == []


# ---------------------------------------------------------------------------------------------- presets and mixes


MIX: Final = {"targets": [{"dataset": "d", "ratio": 1}]}


def with_mix(path: str, mix: Any, **values: Any) -> Side:
    """Give a side that names a mix."""
    return Side(node_of({"custom": {"fusion": path}, **values}), ("custom", "fusion"), node_of(mix))


def compared(legacy: Side, compiled: Side, policy: Policy | None = None) -> Compared:
    """Compare with the second opinion, and see that it changes nothing."""
    with_it = compare(legacy, compiled, Policies(policy), second_opinion=True)
    without = compare(legacy, compiled, Policies(policy), second_opinion=False)
    assert (without.leaves, told(without)) == (with_it.leaves, told(with_it))
    return with_it


def told(compared: Compared) -> list[str]:
    """Give differences as document, kind and place."""
    return [f"{one.document} {one.kind} {show_path(one.path)}" for one in compared.differences]


def test_a_mix_counts_by_its_contents_and_not_by_its_path() -> None:
    """The same contents under another path are equal; another content is a difference of the mix."""
    assert told(compared(with_mix("a.yaml", MIX), with_mix("b.yaml", MIX))) == []
    other = {"targets": [{"dataset": "d", "ratio": 1.0}]}
    assert told(compared(with_mix("a.yaml", MIX), with_mix("a.yaml", other))) == ["fusion retyped targets[d].ratio"]
    both = compared(with_mix("a.yaml", MIX, x=1), with_mix("b.yaml", other, x=2))
    assert told(both) == ["preset changed x", "fusion retyped targets[d].ratio"]


def test_a_mix_on_one_side_only_is_told_at_its_key_and_in_all_that_it_holds() -> None:
    """Whatever the other side has at that key: nothing, null, other text or the same text; each part can be waived."""
    inside = [f"fusion removed {name}" for name in MIX]
    gained = [f"fusion added {name}" for name in MIX]
    mixed = with_mix("a.yaml", MIX)
    for values in ({"custom": {"fusion": None}}, {"custom": {"fusion": "b.yaml"}}):
        assert told(compared(mixed, Side(node_of(values)))) == ["preset changed custom.fusion", *inside]
        assert told(compared(Side(node_of(values)), mixed)) == ["preset changed custom.fusion", *gained]
    emptied = ["preset removed custom.fusion", "preset added custom"]
    assert told(compared(mixed, Side(node_of({"custom": {}})))) == [*emptied, *inside]
    assert told(compared(Side(node_of({})), mixed)) == ["preset added custom.fusion", *gained]
    same = Side(node_of({"custom": {"fusion": "a.yaml"}}))
    assert told(compared(mixed, same)) == ["preset retyped custom.fusion", *inside]
    assert told(compared(same, mixed)) == ["preset retyped custom.fusion", *gained]


def test_an_entry_between_others_has_its_place() -> None:
    """Where it stands is part of the change; one after all that were there needs no place."""
    before, after, between = (node_of({"ops": [{"name": name} for name in names]}) for names in ("ab", "abc", "acb"))
    found = [differences(before, new, OPS) for new in (after, between)]
    assert [[(show_path(one.path), one.kind, one.place) for one in some] for some in found] == [
        [("ops[c].name", "added", -1)],
        [("ops[c].name", "added", 1)],
    ]


def test_every_place_of_either_side_is_counted_once() -> None:
    """The count is that of the union: what only one side has was looked at, too."""
    old, new = Side(node_of({"a": 1, "b": {"c": [1, 2, 3], "d": {}}})), Side(node_of({"a": 2, "e": None}))
    assert compared(old, old).leaves == 3
    assert compared(old, new).leaves == compared(new, old).leaves == 4
    assert compared(with_mix("a", MIX, x=1), with_mix("b", {"targets": [], "y": 1})).leaves == 6
    entries = node_of({"ops": [{"name": "a", "p": [1, 2]}, {"name": "b"}], "empty": []})
    assert [show_path(path) for path, _ in places(entries, OPS)] == ["ops[a].name", "ops[a].p", "ops[b].name", "empty"]
    assert [show_path(path) for path, _ in places(entries)] == ["ops", "empty"]


def test_nothing_is_no_place() -> None:
    """Two empty documents have nothing to compare, and a comparison says so."""
    assert compared(Side(node_of({})), Side(node_of({}))) == Compared(0, ())
    assert compared(Side(node_of({})), Side(node_of({"a": {}}))).leaves == 1


# ---------------------------------------------------------------------------------------------- laws


HOSTILE: Final = ["", "a", "b", "__x", "__x__", "root['a']", "['a']", '"', "'", "'\"", "\\", "a.b", "[0]", "0", "\n"]
KEYS: Final = st.sampled_from([*HOSTILE, "root", "é", "e\u0301", "ops", "targets", "name"])
ZONES: Final = st.sampled_from([None, UTC, EAST, datetime.timezone(datetime.timedelta(hours=-11, minutes=-30))])
EDGES: Final = st.sampled_from([NOON.replace(tzinfo=None), datetime.datetime.min, datetime.datetime.max])
TIMES: Final = st.datetimes(timezones=ZONES) | st.builds(lambda time, zone: time.replace(tzinfo=zone), EDGES, ZONES)
NUMBERS: Final = [0, 1, -1, 0.0, -0.0, 1.0, NAN, float("inf"), float("-inf"), 10**30, 1e30, 10**3999, 5e-324]
TEXTS: Final = ["", "0", "1", "1.0", "true", "nan", "a", "a ", "é", "e\u0301"]
SCALARS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([*NUMBERS, *TEXTS]),
    st.floats(),
    st.dates(),
    TIMES,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
)
ENTRIES: Final = st.lists(st.dictionaries(st.sampled_from(["name", "dataset", "p"]), SCALARS, max_size=3), max_size=3)
VALUES: Final = st.recursive(
    SCALARS | ENTRIES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)
DOCUMENTS: Final = st.dictionaries(KEYS, VALUES, max_size=4)
POLICIES: Final = st.sampled_from([None, FUSION, OPS])


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    """Give two documents: any two, or one and what a few edits make of it."""
    one = draw(DOCUMENTS)
    return one, draw(DOCUMENTS) if draw(st.booleans()) else edited(draw, one)


def edited(draw: st.DrawFn, value: Any) -> Any:
    """Give a value in which something may be replaced, taken out or moved."""
    if isinstance(value, dict) and value:
        key = draw(st.sampled_from(list(value)))
        rest = {name: held for name, held in value.items() if name != key}
        return rest if draw(st.integers(0, 4)) == 0 else {**rest, key: edited(draw, value[key])}
    if isinstance(value, list) and value:
        index = draw(st.integers(0, len(value) - 1))
        choices = [value[::-1], value[:index], [*value[:index], edited(draw, value[index]), *value[index + 1 :]]]
        return draw(st.sampled_from(choices))
    return draw(VALUES)


@settings(max_examples=300)
@given(pairs(), POLICIES)
@example(({"a": NOON.replace(year=1, tzinfo=EAST, month=1, day=1, hour=0)}, {"a": datetime.datetime.min}), None)
@example(({"a": 0.0, "b": 1}, {"a": -0.0, "b": 2}), None)
@example(({"ops": [{"name": "a", "p": NOON}]}, {"ops": [{"name": "a", "p": NOON.astimezone(EAST)}]}), OPS)
def test_deepdiff_and_the_bytes_agree_outside_the_blind_spots(pair: tuple[Any, Any], policy: Policy | None) -> None:
    """Over hostile keys and values the second opinion never contradicts: neither of the two overlooks anything."""
    old, new = map(node_of, pair)
    contradict(old, new, differences(old, new, policy))
    contradict(old, old, [])


@given(pairs(), POLICIES)
def test_nothing_differs_exactly_where_the_bytes_are_equal(pair: tuple[Any, Any], policy: Policy | None) -> None:
    """The differences are empty if and only if the canonical bytes are equal; of a document and itself they are."""
    old, new = map(node_of, pair)
    assert (differences(old, new, policy) == []) == (canonical(old) == canonical(new))
    assert differences(old, node_of(plain(old)), policy) == []
    for one in differences(old, new, policy):
        assert one.legacy is None or one.compiled is None or canonical(one.legacy) != canonical(one.compiled)


@given(DOCUMENTS, DOCUMENTS, POLICIES)
@example({}, {"targets": [{"name": "a"}], "a": {}}, None)
def test_of_equal_documents_every_place_is_counted(values: Any, mix: Any, policy: Policy | None) -> None:
    """They are counted without being told apart, and come to as many."""
    one, held = node_of({**values, "fusion": "x"}), node_of(mix)
    expected = [*places(one, policy), *places(held, FUSION)]
    side = Side(one, ("fusion",), held)
    assert compare(side, side, Policies(policy), second_opinion=False).leaves == len(expected)


@given(pairs(), POLICIES)
def test_a_comparison_the_other_way_is_its_mirror_image(pair: tuple[Any, Any], policy: Policy | None) -> None:
    """The same places, with both values exchanged: what was added is removed."""
    old, new = map(node_of, pair)
    turned = {"added": "removed", "removed": "added"}

    def picture(one: Difference, *, turn: bool) -> tuple[Any, ...]:
        held = [None if node is None else canonical(node) for node in (one.legacy, one.compiled)]
        return (one.path, turned.get(one.kind, one.kind), *held[::-1]) if turn else (one.path, one.kind, *held)

    forth = {picture(one, turn=False) for one in differences(old, new, policy)}
    assert forth == {picture(one, turn=True) for one in differences(new, old, policy)}
    assert len(forth) == len(differences(old, new, policy))


def test_two_answers_about_the_bytes_are_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison whose parts are equal, and whose documents are not, stops; so does one that finds nothing."""
    monkeypatch.setattr("compiler.compare.unequal", lambda *_: [])
    with pytest.raises(Disagreement, match="disagree"):
        compare(Side(node_of({"a": 1})), Side(node_of({"a": 2})), Policies(None), second_opinion=False)
