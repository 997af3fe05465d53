"""hierarchy: values said twice, nulls over mappings, bases that do nothing, and bases whose order decides a value."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from builders import Files, resolve, safe_load
from compiler.values import canonical
from test_laws import trees

P: Final = "configs/train/p.yaml"
GIVEN: Final[dict[str, Any]] = {"components": ("components/**/*.yaml",)}
CODES: Final = ("restated-value", "null-override", "dead-base", "base-order")


def told(files: Files, source: str = P) -> list[str]:
    """Give place and code of what is noticed of the hierarchy of a document."""
    found = resolve(files, source, **GIVEN).warnings
    return sorted(f"{one.origin} {one.code}" for one in found if one.code in CODES)


def over(base: str, text: str) -> dict[str, str | bytes]:
    """Give a preset that extends one base."""
    return {"configs/b.yaml": base, P: f"extends: ../b.yaml\n{text}"}


RESTATED: Final = [
    ("the same scalar", over("a: 1\nb: 2", "a: 1"), [f"{P}:2:1 restated-value"]),
    ("below a section", over("t: {a: 1, b: 2}", "t:\n  a: 1"), [f"{P}:3:3 restated-value"]),
    ("the same list", over("a: [1, 2]\nb: 1", "a: [1, 2]"), [f"{P}:2:1 restated-value"]),
    ("an empty mapping", over("a: {}\nb: 1", "a: {}"), []),
    ("another type", over("a: 1\nb: 2", "a: 1.0"), []),
    ("another spelling", over("a: 1.0e-4\nb: 2", "a: 0.0001"), [f"{P}:2:1 restated-value"]),
    ("a null", over("a: null\nb: 1", "a: null"), [f"{P}:2:1 restated-value"]),
    ("another order of a list", over("a: [1, 2]\nb: 1", "a: [2, 1]"), []),
    ("a new value", over("a: 1", "b: 1"), []),
]


@pytest.mark.parametrize(("files", "expected"), [row[1:] for row in RESTATED], ids=[row[0] for row in RESTATED])
def test_a_value_that_is_inherited_and_said_again_is_told(files: Files, expected: list[str]) -> None:
    """`restated-value` stands at the line that can go; types and the order of lists count."""
    assert told(files) == expected


def test_a_value_is_told_to_be_restated_once_where_it_is() -> None:
    """A restated value of a base is told of the base, and not of the preset above it as well."""
    files = {"configs/c.yaml": "a: 1\nc: 2", **over("extends: c.yaml\na: 1", "b: 2")}
    assert told(files) == ["configs/b.yaml:2:1 restated-value"]


def test_two_components_that_agree_restate_nothing() -> None:
    """What two bases of one list both say is inherited by neither."""
    files: Files = {"configs/a.yaml": "t: 1\nx: 1", "configs/b.yaml": "t: 1", P: "extends: [../a.yaml, ../b.yaml]"}
    assert told(files) == []


def test_the_name_of_an_entry_is_said_again_on_purpose() -> None:
    """In an overlay `name` and `dataset` say which entry is meant; any other key of it is restated."""
    mix = "configs/fusion/m.yaml"
    files: Files = {
        "configs/fusion/base/d.yaml": "targets: [{name: a, dataset: d, train_jsonl: x, ratio: 1.0}]",
        mix: "extends: base/d.yaml\ntargets:\n  - {name: a, dataset: d, ratio: 1.0, val_jsonl: y}\n",
    }
    assert told(files, mix) == [f"{mix}:3:27 restated-value"]


NULLS: Final = [
    ("a null over a mapping", over("t: {a: 1}\nx: 1", "t:"), [f"{P}:2:1 null-override"]),
    ("deeper", over("t: {s: {a: 1}, x: 1}", "t: {s: null}"), [f"{P}:2:5 null-override"]),
    ("over an empty mapping", over("t: {}\nx: 1", "t:"), []),
    ("over a scalar", over("t: 1\nx: 1", "t:"), []),
    ("over a list", over("t: [1]\nx: 1", "t:"), []),
    ("over nothing", over("x: 1", "t:"), []),
    ("all that a base sets", over("t: {a: 1}", "t:"), [f"{P}:2:1 null-override"]),
]


@pytest.mark.parametrize(("files", "expected"), [row[1:] for row in NULLS], ids=[row[0] for row in NULLS])
def test_a_null_over_a_mapping_is_told_at_the_null(files: Files, expected: list[str]) -> None:
    """`null-override` stands at the null; a base of which it took everything is not told as well."""
    assert told(files) == expected


def test_a_null_of_one_base_over_a_mapping_of_another_is_told() -> None:
    """It need not be the file itself that holds the null, and several presets above give one warning each."""
    files: Files = {
        "configs/a.yaml": "t: {a: 1}\nx: 1",
        "configs/components/n.yaml": "t:\n",
        P: "extends: [../a.yaml, ../components/n.yaml]",
    }
    assert told(files) == ["configs/components/n.yaml:1:1 null-override"]


TWO: Final[dict[str, str | bytes]] = {P: "extends: [../a.yaml, ../b.yaml]"}
DEAD: Final = [
    ("all overridden by the next", {**TWO, "configs/a.yaml": "x: 1", "configs/b.yaml": "x: 2\ny: 1"}, "1:11"),
    ("all overridden by the file", over("x: 1", "x: 2"), "1:10"),
    ("an empty one", over("# nothing", "x: 2"), "1:10"),
    ("one leaf is left", {**TWO, "configs/a.yaml": "x: 1\nz: 1", "configs/b.yaml": "z: 1\ny: 1"}, ""),
    ("a mapping is replaced by a scalar", over("x: {a: 1, b: 2}", "x: 3"), "1:10"),
    ("only its base is left", {**over("extends: c.yaml\nx: 1", "x: 2"), "configs/c.yaml": "y: 1"}, ""),
]


@pytest.mark.parametrize(("files", "place"), [row[1:] for row in DEAD], ids=[row[0] for row in DEAD])
def test_a_base_of_which_nothing_is_left_is_told_where_it_is_named(files: Files, place: str) -> None:
    """`dead-base` stands at the name in the extends key."""
    assert told(files) == ([f"{P}:{place} dead-base"] if place else [])


def pair(one: str, two: str, own: str = "", names: tuple[str, str] = ("a", "b")) -> dict[str, str | bytes]:
    """Give a preset that lists two bases."""
    first, second = names
    return {
        f"configs/{first}.yaml": one,
        f"configs/{second}.yaml": two,
        P: f"extends:\n  - ../{first}.yaml\n  - ../{second}.yaml\n{own}",
    }


COMPONENTS: Final = ("components/a", "components/b")
ORDER: Final = [
    ("two values", pair("x: 1\nz: 1", "x: 2"), True),
    ("the same value", pair("x: 1\nz: 1", "x: 1"), False),
    ("another type", pair("x: 1\nz: 1", "x: 1.0"), True),
    ("the file decides", pair("x: 1\nz: 1", "x: 2\ny: 1", "x: 3"), False),
    ("apart", pair("x: 1", "y: 1"), False),
    ("two components", pair("t: {x: 1, z: 1}", "t: {x: 2}", names=COMPONENTS), True),
    ("a component behind a preset", pair("x: 1\nz: 1", "x: 2", names=("train/q", "components/b")), False),
    ("a preset behind a component", pair("t: {x: 1, z: 1}", "t: {x: 2}", names=("components/a", "train/q")), True),
    ("a mapping behind a scalar", pair("x: 1\nz: 1", "x: {a: 1}"), True),
    ("the second extends the first", pair("x: 1\nz: 1", "extends: a.yaml\nx: 2"), False),
    ("nothing is left of the first", pair("x: 1", "x: 2"), None),
]


@pytest.mark.parametrize(("files", "is_told"), [row[1:] for row in ORDER], ids=[row[0] for row in ORDER])
def test_bases_whose_order_decides_a_value_are_told(files: Files, is_told: bool | None) -> None:
    """`base-order` stands at the later base; what refines by rule or by `extends`, or is decided above, is not told."""
    expected = {True: [f"{P}:3:5 base-order"], False: [], None: [f"{P}:2:5 dead-base"]}
    assert told(files) == expected[is_told]


def test_an_order_names_every_key_that_it_decides() -> None:
    """One warning for a pair of bases, with a note for each key: where it is set, to what, and over what."""
    files = pair("x: 1\nt: {a: 1, b: 2}\nz: 0", "t: {b: 3}\nx: 2")
    (problem,) = [one for one in resolve(files, P).warnings if one.code == "base-order"]
    assert problem.message == "base `configs/b.yaml` overrides 2 values of `configs/a.yaml`, which stands before it"
    assert [f"{note.origin} {note.text}" for note in problem.notes] == [
        "configs/b.yaml:2:1 sets `x` to `2`, over `1`",
        "configs/b.yaml:1:5 sets `t.b` to `3`, over `2`",
    ]


@given(trees(), st.data())
def test_an_order_is_told_only_where_it_decides_something(files: dict[str, str], data: st.DataObject) -> None:
    """Where swapping two neighbours of a list changes no value they are not told, on trees of every shape."""
    path = "configs/train/f0.yaml"
    body = safe_load(files[path])
    bases = body.get("extends")
    assume(isinstance(bases, list) and len(bases) > 1)
    at = data.draw(st.integers(0, len(bases) - 2))
    first, second = bases[at], bases[at + 1]
    swapped = {**body, "extends": [*bases[:at], second, first, *bases[at + 2 :]]}
    other = {**files, path: yaml.safe_dump(swapped, sort_keys=False)}
    assume(canonical(resolve(files, path).values) == canonical(resolve(other, path).values))
    message = re.compile(rf"base `configs/train/{second}` overrides .* of `configs/train/{first}`, .*")
    assert [one for one in resolve(files, path).warnings if message.fullmatch(one.message)] == []
