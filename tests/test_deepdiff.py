"""The second opinion: each hole of deepdiff is pinned, and the comparison that is held against it falls in none."""

from __future__ import annotations

import datetime
from typing import Any, Final

import pytest
from deepdiff import DeepDiff

from compiler.compare import STRICT, Difference, Disagreement, aligned, contradict, differences, is_blind_spot
from compiler.merging import Policy, preset_policy
from compiler.values import node_of, show_path

EAST: Final = datetime.timezone(datetime.timedelta(hours=2))
NOON: Final = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
NAN: Final = float("nan")
OPS: Final = preset_policy([(("ops",), ("name",))])
"""A team that keys a list of its own presets."""


def found(legacy: Any, compiled: Any, policy: Policy | None = None) -> list[str]:
    """Give the differences of two plain values, each as its kind and its place; deepdiff has nothing against them."""
    old, new = node_of(legacy), node_of(compiled)
    unequal = differences(old, new, policy)
    contradict(old, new, unequal)
    return [f"{one.kind} {show_path(one.path)}" for one in unequal]


@pytest.mark.parametrize(
    ("legacy", "compiled", "default_sees", "strict_sees", "verdict"),
    [
        ({"a": [1]}, {"a": [1.0]}, False, True, ["changed a"]),
        ({"a": [True]}, {"a": [1]}, False, True, ["changed a"]),
        ({"betas": [1, 2]}, {"betas": [1.0, 2.0]}, False, True, ["changed betas"]),
        ({"__x": 1}, {"__x": 2}, False, True, ["changed __x"]),
        ({"__x__": 1}, {"__x__": 2}, False, True, ["changed __x__"]),
        ({"a": [{"__x": 1}]}, {"a": [{"__x": 2}]}, False, True, ["changed a"]),
        ({"a": 0.0}, {"a": -0.0}, False, False, ["changed a"]),
        ({"a": [0.0]}, {"a": [-0.0]}, False, False, ["changed a"]),
        ({"a": NOON}, {"a": NOON.astimezone(EAST)}, False, False, ["changed a"]),
        ({"a": NOON}, {"a": NOON.replace(tzinfo=None)}, False, False, ["changed a"]),
        ({"a": [{"b": NOON}]}, {"a": [{"b": NOON.astimezone(EAST)}]}, False, False, ["changed a"]),
        ({"a": NAN}, {"a": float("nan")}, True, False, []),
        ({"a": [NAN]}, {"a": [float("nan")]}, True, False, []),
        ({"a": 1}, {"a": 1.0}, True, True, ["retyped a"]),
        ({"a": "1e-5"}, {"a": 1e-5}, True, True, ["retyped a"]),
        ({"a": None}, {}, True, True, ["removed a"]),
        ({"a": {}}, {}, True, True, ["removed a"]),
        ({"é": 1}, {"e\u0301": 1}, True, True, ["removed é", "added e\u0301"]),
        ({"a": NOON.date()}, {"a": "2026-01-01"}, True, True, ["retyped a"]),
        ({"a": [1, 2]}, {"a": [2, 1]}, True, True, ["reordered a"]),
    ],
    ids=str,
)
def test_what_deepdiff_overlooks_is_told(
    legacy: Any, compiled: Any, default_sees: bool, strict_sees: bool, verdict: list[str]
) -> None:
    """Each hole of deepdiff is pinned: what its defaults say, what the strict options say, and what we say."""
    assert bool(DeepDiff(legacy, compiled)) == default_sees
    assert bool(DeepDiff(legacy, compiled, **STRICT)) == strict_sees
    assert found(legacy, compiled) == verdict
    blind = [is_blind_spot(one) for one in differences(node_of(legacy), node_of(compiled))]
    assert any(blind) == (bool(verdict) and not strict_sees)


def test_a_mapping_of_which_most_changed_is_told_leaf_by_leaf() -> None:
    """Deepdiff's default tells such a mapping as one change, in which the places are lost."""
    old, new = {"s": {"a": 1, "b": 2, "c": 3}}, {"s": {"a": 1, "d": 2, "e": 3, "f": 4}}
    assert list(DeepDiff(old, new)["values_changed"]) == ["root['s']"]
    strict = DeepDiff(old, new, **STRICT)
    assert sorted(strict) == ["dictionary_item_added", "dictionary_item_removed"]
    assert found(old, new) == ["removed s.b", "removed s.c", "added s.d", "added s.e", "added s.f"]


def test_an_inserted_item_does_not_shift_all_others() -> None:
    """Deepdiff tells an item at the head of a list as a change of every item; by name it is one."""
    old: Any = {"ops": [{"name": "b"}, {"name": "c"}]}
    new: Any = {"ops": [{"name": "a"}, *old["ops"]]}
    for options in ({}, STRICT):
        assert len(DeepDiff(old, new, **options)["values_changed"]) == 2
    assert found(old, new, OPS) == ["added ops[a].name"]
    assert [show_path(one.path) for one in aligned(differences(node_of(old), node_of(new))[0])] == ["ops[a].name"]


def test_a_time_that_utc_cannot_hold_is_no_crash() -> None:
    """Deepdiff fails on it; the comparison does not, and sees what differs."""
    early = datetime.datetime(1, 1, 1, tzinfo=EAST)
    with pytest.raises(OverflowError):
        DeepDiff({"a": early}, {"a": early.replace(hour=1)}, **STRICT)
    assert found({"a": early}, {"a": early.replace(fold=1)}) == []
    for other in (early.replace(hour=1), early.isoformat(), early.replace(tzinfo=None), [early.isoformat()]):
        assert len(found({"a": early}, {"a": other})) == 1


def test_every_option_is_still_one_of_deepdiffs() -> None:
    """The canary: deepdiff takes each option by its name, and refuses one that it does not know."""
    for name, value in STRICT.items():
        assert DeepDiff({"a": 1}, {"a": 1}, **{name: value}) == {}
    with pytest.raises(ValueError, match="zip_orderd"):
        DeepDiff({}, {}, zip_orderd_iterables=True)


# ---------------------------------------------------------------------------------------------- controls


CONTROL: Final = ({"a": 1, "ops": [{"name": "x", "p": 1}], "c": 2}, {"a": 2, "ops": [{"name": "x", "p": 2}], "c": 2})


def test_a_difference_that_is_withheld_is_contradicted() -> None:
    """The negative control: deepdiff sees what the bytes were made to overlook, each place by itself."""
    old, new = map(node_of, CONTROL)
    every = differences(old, new, OPS)
    contradict(old, new, every)
    for index in range(len(every)):
        with pytest.raises(Disagreement, match="deepdiff sees a difference at"):
            contradict(old, new, every[:index] + every[index + 1 :])


def test_a_difference_that_is_invented_is_contradicted() -> None:
    """The negative control: what deepdiff does not see must be one of its blind spots."""
    old, new = map(node_of, CONTROL)
    invented = Difference("preset", ("c",), "changed", node_of(2), node_of(3))
    with pytest.raises(Disagreement, match=r"deepdiff sees no difference at \('c',\)"):
        contradict(old, new, [*differences(old, new, OPS), invented])
    contradict(old, new, [*differences(old, new, OPS), invented._replace(legacy=node_of(0.0), compiled=node_of(-0.0))])
