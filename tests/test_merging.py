"""merging: how two values become one, and the table that says which rule holds where."""

from __future__ import annotations

from typing import Any

import pytest

from builders import Files, codes_of, node, problems_of, resolve, resolved_values, worded
from compiler import merging
from compiler.merging import FUSION, entry_problems, merge, merge_all, preset_policy
from compiler.problems import Problem
from compiler.values import Node, plain


def merged(base: str, over: str, policy: merging.Policy | None = None) -> tuple[Any, list[str]]:
    """Merge two YAML texts; gives the plain value and the codes of what was reported."""
    problems: list[Problem] = []
    result = merge(node(base), node(over), policy, problems.append)
    return plain(result), [problem.code for problem in problems]


DEEP = [
    ("{a: 1}", "{b: 2}", {"a": 1, "b": 2}),
    ("{a: 1, b: 2}", "{b: 3, a: 4}", {"a": 4, "b": 3}),
    ("{a: {x: 1, y: 2}}", "{a: {y: 3, z: 4}}", {"a": {"x": 1, "y": 3, "z": 4}}),
    ("{a: [1, 2, 3]}", "{a: [4]}", {"a": [4]}),
    ("{a: [1]}", "{a: []}", {"a": []}),
    ("{a: {x: 1}}", "{a: null}", {"a": None}),
    ("{a: null}", "{a: {x: 1}}", {"a": {"x": 1}}),
    ("{a: {x: 1}}", "{a: {}}", {"a": {"x": 1}}),
    ("{a: {x: 1}}", "{a: 5}", {"a": 5}),
    ("{a: 5}", "{a: {x: 1}}", {"a": {"x": 1}}),
    ("{a: [1]}", "{a: {x: 1}}", {"a": {"x": 1}}),
    ("{a: {x: 1}}", "{a: [1]}", {"a": [1]}),
    ("{a: 1}", "{a: null}", {"a": None}),
    ("{a: null}", "{}", {"a": None}),
    ("{}", "{a: null}", {"a": None}),
    ("{a: 1}", "{a: true}", {"a": True}),
    ("{targets: [1], sources: [2]}", "{targets: [3]}", {"targets": [3], "sources": [2]}),
]


@pytest.mark.parametrize(("base", "over", "expected"), DEEP, ids=[f"{row[0]} + {row[1]}" for row in DEEP])
def test_mappings_merge_deep_and_everything_else_replaces(base: str, over: str, expected: Any) -> None:
    """Null is a value and not an absence; nothing is keyed, base order is kept and new keys follow."""
    value, problems = merged(base, over)
    assert value == expected
    assert repr(value) == repr(expected)  # the order of keys, and true beside 1
    assert problems == []


def test_the_origin_is_the_winner_s_and_shadows_are_latest_first() -> None:
    """A value remembers everything that it overrode, the last one first."""
    texts = ["{a: 1, m: {x: 1}}", "{a: 2, m: null}", "{a: 3, m: {x: 3}}", "{m: {x: 4}}"]
    result = node(texts[0], "f0")
    for index, text in enumerate(texts[1:], 1):
        result = merge(result, node(text, f"f{index}"), None, lambda _problem: None)
    a, m = result.value["a"], result.value["m"]
    assert (a.value, a.origin.file) == (3, "f2")
    assert [(shadow.value, shadow.origin.file) for shadow in a.shadows] == [(2, "f1"), (1, "f0")]
    assert [(plain(shadow), shadow.origin.file) for shadow in m.shadows] == [(None, "f1"), ({"x": 1}, "f0")]
    x = m.value["x"]
    assert (x.value, [shadow.value for shadow in x.shadows]) == (4, [3])


@pytest.mark.parametrize(
    ("value", "policy"),
    [("1", None), ("{x: 1}", None), ("{x: 1}", FUSION), ("[{name: a}]", merging.Policy(("name",)))],
    ids=["replaced", "deep", "deep-below-a-policy", "keyed"],
)
def test_only_the_latest_shadows_are_remembered(value: str, policy: merging.Policy | None) -> None:
    """Whatever the rule: of two values that each overrode many, those that the stronger one overrode stay first."""
    base, over = (
        Node(node(value).value, node(value, name).origin, tuple(node(str(index), name) for index in range(60)))
        for name in ("base", "over")
    )
    shadows = merge(base, over, policy, lambda _problem: None).shadows
    assert len(shadows) == merging.MAX_SHADOWS
    assert shadows[:60] == over.shadows


@pytest.mark.parametrize(
    "policy", [None, merging.Policy(below={"z": merging.Policy(("name",))})], ids=["plain", "keyed"]
)
def test_merging_leaves_a_trail_of_the_keys_that_it_overrode(policy: merging.Policy | None) -> None:
    """It is kept through merges above it, on either side, and by a value that takes the place of another."""

    def over(*nodes: Node) -> Any:
        made = nodes[0]
        for other in nodes[1:]:
            made = merge(made, other, policy, lambda _problem: None)
        return made.over

    once = merge(node("{a: 1, b: 1}"), node("{a: 2, c: 2}"), policy, lambda _problem: None)
    other = merge(node("{d: 1}"), node("{d: {x: 1}}"), policy, lambda _problem: None)
    third = node("{e: 1}")
    assert (once.over, other.over, third.over) == ({"a"}, {"d"}, set())
    assert over(once, third) == over(third, once) == {"a"}
    assert over(once, other) == over(other, third, once) == {"a", "d"}
    assert over(once, node("{b: 3}")) == over(once, node("{b: 3}"), third) == {"a", "b"}
    assert over(node("5"), once) == over(node("[1]"), once) == {"a"}
    fourth = node("{f: 1}")
    for nodes in ([once, third, fourth], [third, once, fourth], [third, fourth, once], [once, third, other]):
        assert merge_all(nodes).over == set().union(*(each.over for each in nodes))


def test_of_merged_entries_each_is_on_the_trail() -> None:
    """Which of them merged is not told apart: all of them are looked at."""
    base, above = node("[{name: a, x: 1}, {name: b}]"), node("[{name: c}, {name: a, x: 2}]")
    made = merge(base, above, merging.Policy(("name",)), lambda _problem: None)
    assert made.over == {0, 1, 2}
    assert made.value[0].over == {"name", "x"}


def test_many_values_of_which_not_all_are_mappings_merge_two_at_a_time() -> None:
    """What stands above a scalar begins anew, and merges with what follows it."""
    made = merge_all([node("{a: 1}"), node("{b: 1}"), node("5"), node("{c: 1}"), node("{d: 1}")])
    assert plain(made) == {"c": 1, "d": 1}
    assert [plain(shadow) for shadow in made.shadows] == [5, {"a": 1, "b": 1}]
    assert plain(merge_all([node("{a: 1}"), node("[1]"), node("[2]")])) == [2]


@pytest.mark.parametrize(
    ("base", "over"), [("{z: {a: 1}}", "{z: 5}"), ("{z: 5}", "{z: {a: 1}}"), ("{z: 5}", "{z: null}")]
)
def test_a_scalar_replaces_above_a_list_that_is_keyed(base: str, over: str) -> None:
    """The rules below a place ask for mappings on both sides there."""
    policy = merging.Policy(below={"z": merging.Policy(below={"list": merging.Policy(("name",))})})
    assert merged(base, over, policy) == (plain(node(over)), [])


def test_merging_shares_what_it_does_not_touch() -> None:
    """Trees are copied on write: an untouched subtree is the same object."""
    base, over = node("{a: {x: 1}, b: {y: 2}}"), node("{b: {z: 3}, c: [1]}")
    result = merge(base, over, None, lambda _problem: None)
    assert result.value["a"] is base.value["a"]
    assert result.value["c"] is over.value["c"]
    assert result.value["b"].value["y"] is base.value["b"].value["y"]


def test_deep_merge_is_not_associative_and_the_nested_order_holds() -> None:
    """F extends [A, B], B extends C: A sets x.p, C nulls x, B sets x.q. Nested keeps p, flat loses it."""
    files = {
        "configs/A.yaml": "x: {p: 1}",
        "configs/C.yaml": "x: null",
        "configs/B.yaml": "extends: C.yaml\nx: {q: 2}",
        "configs/train/F.yaml": "extends: [../A.yaml, ../B.yaml]",
    }
    assert resolved_values(files, "configs/train/F.yaml") == {"x": {"p": 1, "q": 2}}
    flat = node("{}")
    for link in resolve(files, "configs/train/F.yaml").chain.merge_order():
        flat = merge(flat, link.own, None, lambda _problem: None)
    assert plain(flat) == {"x": {"q": 2}}


# ---------------------------------------------------------------------------------------------- entries

A = "{name: a, dataset: d, train_jsonl: a.jsonl, ratio: 0.1}"
B = "{name: b, dataset: d2, train_jsonl: b.jsonl}"

KEYED = [
    ("in place, deep", f"[{A}, {B}]", "[{name: a, ratio: 2}]", ["a:2", "b:None"], []),
    ("base order is kept", f"[{A}, {B}]", "[{name: b, ratio: 1}, {name: a, ratio: 2}]", ["a:2", "b:1"], []),
    ("a definition is appended", f"[{A}]", f"[{B}]", ["a:0.1", "b:None"], []),
    (
        "in the order written",
        f"[{B}]",
        f"[{{name: zz, dataset: q, train_jsonl: q, ratio: 7}}, {A}]",
        ["b:None", "zz:7", "a:0.1"],
        [],
    ),
    ("an empty list clears", f"[{A}]", "[]", [], []),
    ("null keeps and warns", f"[{A}]", "null", ["a:0.1"], ["null-entries"]),
    ("over null", "null", f"[{A}]", ["a:0.1"], []),
    ("over an empty list", "[]", f"[{A}]", ["a:0.1"], []),
    ("an override of nothing", f"[{A}]", "[{name: aa, ratio: 2}]", ["a:0.1"], ["unknown-dataset"]),
    ("without train_jsonl", f"[{A}]", "[{name: q, dataset: d}]", ["a:0.1"], ["unknown-dataset"]),
    (
        "with a null train_jsonl",
        f"[{A}]",
        "[{name: q, dataset: d, train_jsonl: }]",
        ["a:0.1"],
        ["unknown-dataset"],
    ),
    (
        "with an empty dataset",
        f"[{A}]",
        "[{name: q, dataset: '', train_jsonl: x}]",
        ["a:0.1"],
        ["unknown-dataset"],
    ),
    (
        "known by its dataset",
        "[{dataset: d, train_jsonl: x, ratio: 1}]",
        "[{dataset: d, ratio: 2}]",
        ["d:2"],
        [],
    ),
    ("a name meets a dataset", "[{dataset: d, train_jsonl: x}]", "[{name: d, ratio: 2}]", ["d:2"], []),
    (
        "a name goes before a dataset",
        f"[{A}]",
        "[{dataset: d, train_jsonl: y, ratio: 5}]",
        ["a:0.1", "d:5"],
        [],
    ),
    (
        "a near name of the same dataset warns",
        "[{name: bbu_dense, dataset: bbu, train_jsonl: x}]",
        "[{name: bbu_dens, dataset: bbu, train_jsonl: y, ratio: 3}]",
        ["bbu_dense:None", "bbu_dens:3"],
        ["near-entry"],
    ),
    (
        "a near name of another dataset does not",
        "[{name: bbu_dense, dataset: bbu, train_jsonl: x}]",
        "[{name: rbu_dense, dataset: rru, train_jsonl: y, ratio: 3}]",
        ["bbu_dense:None", "rbu_dense:3"],
        [],
    ),
]


@pytest.mark.parametrize("section", ["targets", "sources"])
@pytest.mark.parametrize(
    ("base", "over", "expected", "codes"), [row[1:] for row in KEYED], ids=[row[0] for row in KEYED]
)
def test_entries_merge_by_name(section: str, base: str, over: str, expected: list[str], codes: list[str]) -> None:
    """The two lists of a fusion config merge by entry."""
    value, found = merged(f"{{{section}: {base}, x: 1}}", f"{{{section}: {over}, x: 2}}", FUSION)
    shown = [f"{entry.get('name', entry.get('dataset'))}:{entry.get('ratio')}" for entry in value[section]]
    assert (shown, found, value["x"]) == (expected, codes, 2)


def test_an_entry_merges_deep() -> None:
    """Within an entry mappings merge and lists replace; a list called `sources` there is not keyed."""
    value, found = merged(
        "{targets: [{name: a, params: {x: 1, l: [1]}, sources: [{name: q}]}]}",
        "{targets: [{name: a, params: {y: 2, l: [2]}, sources: [{name: r}]}]}",
        FUSION,
    )
    assert value == {"targets": [{"name": "a", "params": {"x": 1, "l": [2], "y": 2}, "sources": [{"name": "r"}]}]}
    assert found == []


def test_an_override_keeps_the_origins_of_what_it_leaves() -> None:
    """Of a merged entry each key keeps its own place; what was overridden is in its shadows."""
    base, over = node(f"{{sources: [{A}]}}", "base"), node("{sources: [{name: a, ratio: 2}]}", "over")
    entry = merge(base, over, FUSION, lambda _problem: None).value["sources"].value[0]
    assert entry.value["dataset"].origin.file == "base"
    assert entry.value["ratio"].origin.file == "over"
    assert [(shadow.value, shadow.origin.file) for shadow in entry.value["ratio"].shadows] == [(0.1, "base")]


def test_no_list_of_a_preset_is_keyed_by_default() -> None:
    """`targets` in a preset is a list like any other."""
    files = {
        "configs/a.yaml": "targets: [{name: a, x: 1}]\nops: [{name: p, y: 1}]",
        "configs/train/b.yaml": "extends: ../a.yaml\ntargets: [{name: a, z: 1}]\nops: [3]",
    }
    assert resolved_values(files, "configs/train/b.yaml") == {"targets": [{"name": "a", "z": 1}], "ops": [3]}
    assert preset_policy(()) is None


OPS: Files = {
    "configs/a.yaml": "custom: {aug: {ops: [{name: flip, p: 0.5}, {name: crop, p: 1}], other: [1]}}",
    "configs/train/b.yaml": """
        extends: ../a.yaml
        custom: {aug: {ops: [{name: crop, p: 0.1}, {name: blur}], other: [2]}}
    """,
    "configs/train/none.yaml": "extends: ../a.yaml\ncustom: {aug: {ops: null}}",
    "configs/train/clear.yaml": "extends: ../a.yaml\ncustom: {aug: {ops: []}}",
    "configs/train/odd.yaml": "extends: ../a.yaml\ncustom: {aug: {ops: [{p: 1}, 3, {name: x}, {name: x}]}}",
    "configs/train/text.yaml": "extends: ../a.yaml\ncustom: {aug: {ops: flip}}",
}
OPS_KEYED = {"keyed": ((("custom", "aug", "ops"), ("name",)),)}


def test_a_team_can_key_a_list_of_its_own() -> None:
    """A list keyed in the settings merges by its key, without asking for `dataset` and `train_jsonl`."""

    def ops(path: str, **given: Any) -> Any:
        return resolved_values(OPS, path, **given)["custom"]["aug"]["ops"]

    keyed = [{"name": "flip", "p": 0.5}, {"name": "crop", "p": 0.1}, {"name": "blur"}]
    assert ops("configs/train/b.yaml", **OPS_KEYED) == keyed
    assert ops("configs/train/b.yaml") == [{"name": "crop", "p": 0.1}, {"name": "blur"}]
    assert ops("configs/train/clear.yaml", **OPS_KEYED) == []
    assert ops("configs/train/none.yaml", **OPS_KEYED) == [
        {"name": "flip", "p": 0.5},
        {"name": "crop", "p": 1},
    ]
    assert ops("configs/train/none.yaml") is None
    assert resolved_values(OPS, "configs/train/b.yaml", **OPS_KEYED)["custom"]["aug"]["other"] == [2]
    assert [p.code for p in resolve(OPS, "configs/train/none.yaml", **OPS_KEYED).warnings] == ["null-entries"]
    assert codes_of(lambda: resolve(OPS, "configs/train/odd.yaml", **OPS_KEYED)) == [
        "configs/train/odd.yaml:2:22 unnamed-entry",
        "configs/train/odd.yaml:2:30 unnamed-entry",
        "configs/train/odd.yaml:2:45 duplicate-entry",
    ]
    assert codes_of(lambda: resolve(OPS, "configs/train/text.yaml", **OPS_KEYED)) == [
        "configs/train/text.yaml:2:16 bad-entries"
    ]


def test_keyed_entries_may_be_known_by_several_keys() -> None:
    """The first key that an entry holds names it."""
    policy = preset_policy([(("l",), ("id", "name"))])
    value, found = merged("{l: [{id: a, x: 1}, {name: b, x: 2}]}", "{l: [{name: b, x: 3}, {id: a, x: 4}]}", policy)
    assert value == {"l": [{"id": "a", "x": 4}, {"name": "b", "x": 3}]}
    assert found == []


ENTRY_PROBLEMS = [
    ("a name twice", "{targets: [{name: a}, {name: a}]}", ["f.yaml:1:27 duplicate-entry"]),
    ("a dataset twice", "{sources: [{dataset: a}, {dataset: a}]}", ["f.yaml:1:30 duplicate-entry"]),
    ("a name as a dataset", "{sources: [{dataset: a}, {name: a}]}", ["f.yaml:1:30 duplicate-entry"]),
    ("across the two lists", "{targets: [{name: a}], sources: [{name: a}]}", ["f.yaml:1:38 duplicate-entry"]),
    (
        "across, sources first",
        "{sources: [{name: a}], targets: [{name: a}]}",
        ["f.yaml:1:16 duplicate-entry"],
    ),
    ("no name", "{targets: [{train_jsonl: x}]}", ["f.yaml:1:15 unnamed-entry"]),
    ("a null name and no dataset", "{targets: [{name: }]}", ["f.yaml:1:15 unnamed-entry"]),
    ("a number as name", "{targets: [{name: 3}]}", ["f.yaml:1:16 unnamed-entry"]),
    ("no mapping", "{targets: [a, null, [b]]}", [f"f.yaml:1:{n} unnamed-entry" for n in (15, 18, 24)]),
    ("a mapping instead of a list", "{targets: {a: 1}}", ["f.yaml:1:5 bad-entries"]),
    ("a text instead of a list", "{sources: a}", ["f.yaml:1:5 bad-entries"]),
    ("nothing wrong", "{targets: [{name: a}], sources: null, x: [{name: a}]}", []),
]


@pytest.mark.parametrize(
    ("text", "expected"), [row[1:] for row in ENTRY_PROBLEMS], ids=[row[0] for row in ENTRY_PROBLEMS]
)
def test_a_fragment_s_entries_are_checked_before_they_merge(text: str, expected: list[str]) -> None:
    """What is wrong with entries is told of the fragment that holds them."""
    found = [f"{problem.origin} {problem.code}" for problem in entry_problems(node(text), FUSION)]
    assert found == expected


def test_two_entries_of_one_name_across_fragments_are_refused() -> None:
    """A source with the name of a target of the base is refused, and both places are named."""
    files = {
        "configs/fusion/base.yaml": f"targets: [{A}]",
        "configs/fusion/over.yaml": ("extends: base.yaml\nsources:\n- {name: a, dataset: q, train_jsonl: q, ratio: 1}"),
    }
    (problem,) = problems_of(lambda: resolve(files, "configs/fusion/over.yaml"))
    assert problem.code == "duplicate-entry"
    assert {problem.origin.file, problem.notes[0].origin.file} == {
        "configs/fusion/base.yaml",
        "configs/fusion/over.yaml",
    }


def test_an_unknown_override_is_told_with_the_nearest_entry() -> None:
    """A mistyped override is an error of the overlay, with a hint from the names of the base."""
    files = {
        "configs/fusion/base.yaml": "targets: [{name: bbu_dense, dataset: bbu, train_jsonl: x}]",
        "configs/fusion/over.yaml": "extends: base.yaml\ntargets:\n  - name: bbu_dens\n    ratio: 1\n",
    }
    assert worded(problems_of(lambda: resolve(files, "configs/fusion/over.yaml")), files) == (
        "configs/fusion/over.yaml:3:5: error: `bbu_dens` is no entry of `targets` in the "
        "base [unknown-dataset]\n"
        "    3 |   - name: bbu_dens\n"
        "      |     ^\n"
        "  why: an entry that only the overlay holds is a definition, and needs `dataset` and `train_jsonl`\n"
        "  hint: did you mean `bbu_dense`?"
    )


def test_the_table_has_the_rows_that_its_docstring_shows() -> None:
    """`targets` and `sources` of a fusion config are keyed by name, else dataset; nothing else is."""
    assert {key: (below.keys, below.strict, below.below) for key, below in FUSION.below.items()} == {
        "targets": (("name", "dataset"), True, {}),
        "sources": (("name", "dataset"), True, {}),
    }
    assert FUSION.keys == ()
    assert merging.__doc__ is not None
    assert all(word in merging.__doc__ for word in ("deep", "replace", "keyed", "`targets`, `sources`"))


def test_inputs_are_never_changed() -> None:
    """Merging leaves both operands as they were, lists of entries included."""
    base, over = (
        node(f"{{targets: [{A}], m: {{x: 1}}}}"),
        node(f"{{targets: [{B}, {{name: a, ratio: 9}}], m: {{x: 2}}}}"),
    )

    def picture(held: Node) -> str:
        return repr((plain(held), held.shadows, list(held.value), [child.shadows for child in held.value.values()]))

    before = picture(base), picture(over)
    merge(base, over, FUSION, lambda _problem: None)
    assert (picture(base), picture(over)) == before
