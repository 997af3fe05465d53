"""values: paths, leaves, canonical bytes and digests."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from builders import node, typed
from compiler.values import (
    BadPath,
    EntryName,
    FusionPath,
    Node,
    Origin,
    canonical,
    digest,
    entry_name,
    leaves,
    node_of,
    parse_path,
    plain,
    replaced,
    show_path,
    step_into,
    unequal_leaves,
)


def test_origin_prints_as_file_line_column_and_sorts_by_place() -> None:
    """An origin prints as a terminal links it, compares by value and sorts by place, numbers as numbers."""
    assert str(Origin("a.yaml", 3, 7)) == "a.yaml:3:7"
    assert Origin("a", 1, 2) == Origin("a", 1, 2) != Origin("a", 1, 3)
    assert len({Origin("a", 1, 2), Origin("a", 1, 2)}) == 1
    places = [Origin("b", 1, 1), Origin("a", 10, 1), Origin("a", 9, 2), Origin("a", 9, 1)]
    assert [str(place) for place in sorted(places)] == ["a:9:1", "a:9:2", "a:10:1", "b:1:1"]


def test_plain_gives_fresh_containers() -> None:
    """What `plain` gives can be changed without changing the node."""
    held = node_of({"a": [1, {"b": None}]})
    value = plain(held)
    value["a"].append(2)
    value["a"][1]["b"] = 3
    assert plain(held) == {"a": [1, {"b": None}]}


def test_leaves_come_in_document_order_and_empty_containers_count() -> None:
    """Every scalar is a leaf, and an empty mapping or list counts as one."""
    held = node("{b: 1, a: {x: [], y: {}}, l: [1, [2], {k: null}]}")
    found = [(show_path(path), leaf.value) for path, leaf in leaves(held)]
    assert found == [("b", 1), ("a.x", []), ("a.y", {}), ("l[0]", 1), ("l[1][0]", 2), ("l[2].k", None)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, b"n"),
        (True, b"t"),
        (False, b"f"),
        (1, b"i1;"),
        (-(10**30), b"i-1000000000000000000000000000000;"),
        (1.0, b"d1.0;"),
        (-0.0, b"d-0.0;"),
        (1e-07, b"d1e-07;"),
        (float("nan"), b"dnan;"),
        (float("-inf"), b"d-inf;"),
        ("", b"s0:"),
        ("北京", "s6:北京".encode()),
        (datetime.date(2026, 1, 31), b"D2026-01-31;"),
        (datetime.datetime(2026, 1, 31, 1, 2, 3), b"T2026-01-31T01:02:03;"),
        ([], b"le"),
        ({}, b"me"),
        ([1, "1"], b"li1;s1:1e"),
        ({"b": 1, "a": {"c": None}}, b"ms1:ams1:cnes1:bi1;e"),
    ],
    ids=repr,
)
def test_canonical_bytes_are_as_documented(value: Any, expected: bytes) -> None:
    """The canonical bytes are a format of their own: a digest means the same in every version."""
    assert canonical(node_of(value)) == expected


def test_digests_differ_where_types_differ() -> None:
    """1, 1.0, true, "1", null, "", [] and {} all have digests of their own; so have 0.0 and -0.0."""
    values: list[Any] = [1, 1.0, True, "1", 0, 0.0, -0.0, False, None, "", [], {}, "null", [None], {"": None}]
    values += [
        datetime.date(2026, 1, 1),
        datetime.datetime(2026, 1, 1),
        "2026-01-01",
        ["a", "b"],
        ["ab"],
        [["a"], "b"],
    ]
    values += [
        datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        {"a": {"b": 1}},
        {"a": {}, "b": 1},
        "i1;",
        ["le"],
    ]
    digests = [digest(node_of({"v": value})) for value in values]
    assert len(set(digests)) == len(values)


def test_digest_ignores_the_order_of_keys_and_not_of_lists() -> None:
    """Mapping order does not matter; list order does."""
    assert digest(node("{a: 1, b: [1, 2]}")) == digest(node("{b: [1, 2], a: 1}"))
    assert digest(node("{a: 1, b: [1, 2]}")) != digest(node("{a: 1, b: [2, 1]}"))
    assert digest(node("{}")) == "sha256:2744ccd10c7533bd736ad890f9dd5cab2adb27b07d500b9493f29cdc420cb2e0"


def test_no_inline_value_collides_with_a_mix() -> None:
    """A mix in the place of its path is tagged: the same values written inline give another digest."""
    mix = node("{targets: []}")
    assert digest(node_of({"fusion": {"targets": []}})) != digest(
        replaced(node_of({"fusion": "x"}), ("fusion",), FusionPath(mix))
    )


def test_canonical_refuses_what_no_config_holds() -> None:
    """A value of a type that the reader never makes is a bug, and not digested quietly."""
    with pytest.raises(TypeError, match="a config cannot hold a value of type bytes"):
        canonical(Node(b"x", Origin("", 0, 0)))


def test_replaced_shares_what_it_does_not_touch() -> None:
    """Replacing a value makes new mappings on the way to it, and changes nothing in place."""
    held = node("{a: {b: 1, c: 2}, d: [3]}")
    made = replaced(held, ("a", "b"), "x")
    assert plain(made) == {"a": {"b": "x", "c": 2}, "d": [3]}
    assert plain(held) == {"a": {"b": 1, "c": 2}, "d": [3]}
    assert made.value["d"] is held.value["d"]
    assert made.value["a"].value["b"].origin == held.value["a"].value["b"].origin


def test_unequal_leaves_names_every_difference_once() -> None:
    """Differences are changed, retyped, dropped and added leaves; equal trees have none."""
    left = node("{a: 1, b: {c: 1.0, d: x}, e: [1, 2], f: [1]}")
    right = node("{a: 1, b: {c: 1, g: y}, e: [1, 3], f: [1, 2]}")
    found = {
        show_path(path): (old and plain(old), new and plain(new)) for path, old, new in unequal_leaves(left, right)
    }
    assert found == {
        "b.c": (1.0, 1),
        "b.d": ("x", None),
        "b.g": (None, "y"),
        "e[1]": (2, 3),
        "f": ([1], [1, 2]),
    }
    assert list(unequal_leaves(left, left)) == []


PATHS: list[tuple[str, tuple[str | int, ...]]] = [
    ("tuner.lora_rank", ("tuner", "lora_rank")),
    ("custom.augmentation.ops[0].params.prob", ("custom", "augmentation", "ops", 0, "params", "prob")),
    ('a."b.c"[2]', ("a", "b.c", 2)),
    ('"a\\"b"', ('a"b',)),
    ("a.0", ("a", "0")),
    ("sources[lvis].ratio", ("sources", EntryName("lvis"), "ratio")),
    ('sources["0"]', ("sources", EntryName("0"))),
    ('sources["a]b"]', ("sources", EntryName("a]b"))),
    ("键.值", ("键", "值")),
]


@pytest.mark.parametrize(("text", "path"), PATHS, ids=[text for text, _ in PATHS])
def test_a_path_reads_as_it_is_shown(text: str, path: tuple[str | int, ...]) -> None:
    """Every path that is shown can be typed back."""
    assert parse_path(text) == path
    assert [type(step) for step in parse_path(text)] == [type(step) for step in path]
    assert show_path(path) == text


@pytest.mark.parametrize("text", ["", ".", "a.", "a..b", ".a", "a[", "a]", "a[]", '"a', "a b.[", "a[0]b"])
def test_a_text_that_is_no_path_is_refused(text: str) -> None:
    """A mistyped path is refused with the column at which it goes wrong."""
    with pytest.raises(BadPath) as caught:
        parse_path(text)
    assert 1 <= caught.value.column <= len(text) + 1


def test_a_step_finds_keys_indexes_and_entry_names() -> None:
    """A list is entered by index, by a number as a key, or by an entry's name; else nothing is there."""
    held = node("{l: [{name: a, x: 1}, {dataset: '7', x: 2}, 3], k: 1}")
    listed = held.value["l"]

    def at(holder: Node, step: str | int) -> Any:
        taken = step_into(holder, step)
        return plain(taken[1]) if taken is not None else "nowhere"

    assert at(listed, 0) == {"name": "a", "x": 1}
    assert at(listed, "2") == 3
    assert at(listed, EntryName("a")) == {"name": "a", "x": 1}
    assert at(listed, EntryName("7")) == {"dataset": "7", "x": 2}
    assert [at(listed, 3), at(listed, EntryName("b")), at(held, "z"), at(held, EntryName("k"))] == ["nowhere"] * 4
    assert at(held.value["k"], "x") == "nowhere"


def test_an_entry_is_known_by_its_name_else_by_its_dataset() -> None:
    """A name that is empty or no text names nothing."""
    listed = node("[{name: a, dataset: d}, {dataset: d}, {name: '', dataset: d}, {name: 3}, x, {name: null}]")
    assert [entry_name(item) for item in listed.value] == ["a", "d", "d", None, None, None]
    assert entry_name(node("{id: q}"), ("id",)) == "q"


def test_typed_comparison_of_the_tests_sees_types() -> None:
    """The tests' own yardstick is not fooled by equal numbers of unequal types."""
    assert len({repr(typed(value)) for value in (1, 1.0, True, "1", [1], -0.0, 0.0)}) == 7
