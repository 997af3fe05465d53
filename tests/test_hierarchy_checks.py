"""hierarchy: values said twice, nulls over mappings, bases that do nothing, and bases whose order decides a value."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from builders import Files, composer, resolve, safe_load, worded
from compiler.problems import in_order
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


TWO: Final[dict[str, str | bytes]] = {P: "extends: [../a.yaml, ../b.yaml]"}

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


@pytest.mark.parametrize("keyed", [(), ((("ops", "crop"), ("name",)),)], ids=["plain", "beside a keyed list"])
def test_a_restated_value_is_told_however_deep_it_lies(keyed: tuple[Any, ...]) -> None:
    """Also where a team keys another list by the names of its entries."""
    files = over("t: {a: {b: {name: x, d: 1}}}", "t: {a: {b: {name: x}}}")
    found = resolve(files, P, **GIVEN, keyed=keyed).warnings
    assert [f"{one.origin} {one.code}" for one in found] == [f"{P}:2:13 restated-value"]


def test_a_value_is_told_to_be_restated_once_where_it_is() -> None:
    """A restated value of a base is told of the base, and not of the preset above it as well."""
    files = {"configs/c.yaml": "a: 1\nc: 2", **over("extends: c.yaml\na: 1", "b: 2")}
    assert told(files) == ["configs/b.yaml:2:1 restated-value"]


def test_a_value_that_decides_between_bases_that_differ_is_not_restated() -> None:
    """Who follows the hint of `base-order` and sets the value is not told to take it out again."""
    files: Files = {"configs/a.yaml": "s: 1\nx: 1", "configs/b.yaml": "s: 2\ny: 1", **TWO}
    assert told(files) == [f"{P}:1:22 base-order"]
    for value in (1, 2):
        assert told({**files, P: f"{TWO[P]!s}\ns: {value}\n"}) == []


def test_a_value_that_its_own_base_overrode_is_restated_all_the_same() -> None:
    """A base of the base that had another value decides nothing here."""
    files: Files = {"configs/c.yaml": "a: 1\nc: 1", **over("extends: c.yaml\na: 2\nb: 1", "a: 2")}
    assert told(files) == [f"{P}:2:1 restated-value"]


TAKEN_OUT: Final = [
    (over("a: 1\nb: 2", "a: 1\nc: 1"), "take `a` out"),
    (over("t: {a: 1, b: 2}", "t:\n  a: 1"), "take `a` out, and `t` with it"),
    (over("t: {a: 1, b: 2}", "t: {a: 1, c: 3}"), "take `a` out"),
    (over("t: {s: {a: 1}, b: 2}", "t: {s: {a: 1}}"), "take `a` out, and `t` with it"),
    (over("t: {s: {a: 1}, b: 2}\nz: 1", "t: {s: {a: 1}, b: 3}"), "take `a` out, and `t.s` with it"),
]


@pytest.mark.parametrize(("files", "hint"), TAKEN_OUT)
def test_the_hint_of_a_restated_value_leaves_no_empty_section(files: Files, hint: str) -> None:
    """A section without a key is null, and would take the place of all that is inherited there."""
    assert [one.hint for one in resolve(files, P).warnings if one.code == "restated-value"] == [hint]


def test_a_base_of_which_everything_is_restated_is_told_once() -> None:
    """Taking out the base and the values would lose them."""
    assert told(over("t: {s: 17}", "t: {s: 17}")) == [f"{P}:1:10 dead-base"]


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


MASKS: Final = [
    (
        "a null that is overridden",
        {"configs/a.yaml": "t: {b: 1}\nm: 3", "configs/b.yaml": "t:\nr: 8"},
        "t: {s: 3}",
        "b",
    ),
    ("a null, and nothing else", {"configs/a.yaml": "g: {x: 1}\nu: 1", "configs/b.yaml": "g: null"}, "g: {y: 2}", "b"),
]


@pytest.mark.parametrize(("files", "own", "null"), [row[1:] for row in MASKS], ids=[row[0] for row in MASKS])
def test_a_null_that_is_overridden_again_is_told(files: dict[str, str | bytes], own: str, null: str) -> None:
    """What it took the place of is gone, and its base is not called dead: without it the values would come back."""
    assert told({**files, P: f"{TWO[P]!s}\n{own}\n"}) == [f"configs/{null}.yaml:1:1 null-override"]


@pytest.mark.parametrize("mask", ["g: 3", "g: []", "g: null"])
def test_a_base_that_took_the_place_of_a_mapping_is_not_dead(mask: str) -> None:
    """Whatever it is: the mapping would come back without it."""
    files: Files = {"configs/a.yaml": "g: {x: 1}\nu: 1", "configs/b.yaml": mask, P: f"{TWO[P]!s}\ng: {{y: 2}}\n"}
    assert "dead-base" not in "".join(told(files))


def test_a_null_hides_no_other_finding() -> None:
    """A base that is dead is told though a null took the place of one of its lists."""
    files: Files = {
        "configs/a.yaml": "t: {s: 17, l: 0.1}\nu: {m: [q]}",
        "configs/b.yaml": "t: {s: 18, l: 0.2}\nu: {m: null}",
        **TWO,
    }
    assert told(files) == [f"{P}:1:11 dead-base"]


def test_a_null_between_two_bases_names_who_lists_both() -> None:
    """The null is not wrong by itself: the file that puts it behind the mapping is named."""
    files: Files = {"configs/a.yaml": "t: {a: 1}\nx: 1", "configs/b.yaml": "t:\ny: 1", **TWO}
    (problem,) = resolve(files, P).warnings
    assert [f"{note.origin} {note.text}" for note in problem.notes] == [
        "configs/a.yaml:1:1 sets the mapping",
        f"{P}:1:22 lists it behind",
    ]


def test_a_null_of_one_base_over_a_mapping_of_another_is_told() -> None:
    """It need not be the file itself that holds the null, and several presets above give one warning each."""
    files: Files = {
        "configs/a.yaml": "t: {a: 1}\nx: 1",
        "configs/components/n.yaml": "t:\n",
        P: "extends: [../a.yaml, ../components/n.yaml]",
    }
    assert told(files) == ["configs/components/n.yaml:1:1 null-override"]


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


def test_a_dead_base_says_what_stands_above_its_values() -> None:
    """A scalar that took the place of a mapping sets none of its keys."""
    (problem,) = resolve(over("g: {a: {x: 1}}", "g: {a: 3}"), P).warnings
    assert [note.text for note in problem.notes] == ["sets `g.a`, above `g.a.x`"]
    assert problem.hint == "take it out of the list"


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


def test_the_order_of_two_components_is_told_once_for_all_presets() -> None:
    """It belongs to the two, and stands in the one that wins; each preset that lists them is a note."""
    files = pair("t: {x: 1, y: 1, z: 1}", "t: {x: 2, y: 3}", names=COMPONENTS)
    files["configs/train/q.yaml"] = files[P]
    made = composer(files, **GIVEN)
    found = in_order(problem for path in (P, "configs/train/q.yaml") for problem in made.preset(path).warnings)
    assert worded(found, files) == (
        "configs/components/b.yaml:1:5: warning: `t.x` is `2` here and `1` in `configs/components/a.yaml`, and the one "
        "listed last wins [base-order]\n"
        "    1 | t: {x: 2, y: 3}\n"
        "      |     ^\n"
        "  why: both are components, and neither extends the other\n"
        "  note: configs/components/a.yaml:1:5 is overridden\n"
        "  note: configs/components/b.yaml:1:11 wins `t.y` as well\n"
        "  note: configs/train/p.yaml:3:5 lists this one last\n"
        "  note: configs/train/q.yaml:3:5 lists this one last\n"
        "  hint: let this file extend `configs/components/a.yaml` if it refines it; "
        "else set the values in what lists both"
    )


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
