"""Laws of merging and of folding, over generated documents and generated trees of files."""

from __future__ import annotations

import copy
import functools
import posixpath
from collections.abc import Iterator
from typing import Any
from unittest import mock

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from builders import composer, resolve, typed
from compiler import compose, hierarchy
from compiler.compose import Resolved
from compiler.merging import FUSION, Policy, merge, merge_all
from compiler.problems import Problem
from compiler.reader import read
from compiler.tree import Source
from compiler.values import KeyPath, Node, canonical, leaves, node_of, plain, under

KEYS = st.sampled_from(["a", "b", "c", "d"])
SCALARS = st.sampled_from([None, 0, 1, 1.0, True, False, "", "x", "1", "no", -0.0, 1e-07])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=4)

NAMES = st.sampled_from(["n1", "n2", "n3"])
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES, "dataset": st.just("d"), "train_jsonl": st.sampled_from(["p", "q"])},
        optional={"ratio": st.sampled_from([0, 0.5, 1]), "params": DOCUMENTS},
    ),
    max_size=3,
    unique_by=lambda entry: str(entry["name"]),
)
MIXES = st.fixed_dictionaries({}, optional={"targets": ENTRIES, "x": VALUES})

POLICIES: list[tuple[Policy | None, Any]] = [(None, DOCUMENTS), (FUSION, MIXES)]


def laid(base: Any, over: Any, policy: Policy | None) -> Any:
    """Merge two plain values."""
    problems: list[Problem] = []
    result = merge(node_of(base), node_of(over), policy, problems.append)
    assert [problem for problem in problems if problem.severity == "error"] == []
    return plain(result)


@given(st.data())
def test_the_empty_mapping_changes_nothing_on_either_side(data: st.DataObject) -> None:
    """{} is the identity of merging."""
    for policy, documents in POLICIES:
        held = data.draw(documents)
        assert typed(laid(held, {}, policy)) == typed(laid({}, held, policy)) == typed(held)


@given(st.data())
def test_merging_a_document_again_changes_nothing(data: st.DataObject) -> None:
    """Merging twice is merging once, over anything; and a document laid on itself is itself."""
    for policy, documents in POLICIES:
        base, over = data.draw(documents), data.draw(documents)
        once = laid(base, over, policy)
        assert typed(laid(once, over, policy)) == typed(once)
        assert typed(laid(over, over, policy)) == typed(over)


@given(st.data())
def test_merging_changes_neither_operand(data: st.DataObject) -> None:
    """Inputs are shared and never changed, shadows included."""
    for policy, documents in POLICIES:
        base, over = node_of(data.draw(documents)), node_of(data.draw(documents))

        def picture(held: Node) -> Any:
            return (
                typed(plain(held)),
                canonical(node_of(plain(held))),
                held.shadows,
                [n.shadows for _, n in leaves(held)],
            )

        before = picture(base), picture(over)
        merge(base, over, policy, lambda _problem: None)
        assert (picture(base), picture(over)) == before


@given(DOCUMENTS, DOCUMENTS)
def test_what_the_overlay_says_is_what_comes_out(base: Any, over: Any) -> None:
    """Each leaf of the overlay, an empty mapping aside, is one of the result; base keys come first."""
    result = laid(base, over, None)
    found = {path: leaf.value for path, leaf in leaves(node_of(result))}
    for path, leaf in leaves(node_of(over)):
        if leaf.value != {}:
            assert typed(found[path]) == typed(leaf.value)
    assert list(result) == [*base, *(key for key in over if key not in base)]


def layered(documents: list[Any]) -> tuple[Node, list[Node]]:
    """Write each document as a file of its own, and merge them in order."""
    nodes = []
    for number, document in enumerate(documents):
        text = yaml.safe_dump(document, sort_keys=False).encode()
        nodes.append(read(Source(f"f{number}", text, "")).body)
    result = nodes[0]
    for over in nodes[1:]:
        result = merge(result, over, None, lambda _problem: None)
    return result, nodes


@given(st.lists(DOCUMENTS, min_size=2, max_size=5))
def test_every_leaf_comes_from_the_last_file_that_sets_it(documents: list[Any]) -> None:
    """A leaf's origin is in a file that holds that value at that place; shadows come latest first."""
    result, nodes = layered(documents)
    for path, leaf in leaves(result):
        number = int(leaf.origin.file[1:])
        held: Any = plain(nodes[number])
        for step in path:
            held = held[step]
        assert typed(held) == typed(plain(leaf))
        order = [int(node.origin.file[1:]) for node in (leaf, *leaf.shadows)]
        assert order == sorted(order, reverse=True)


@given(st.lists(DOCUMENTS, min_size=2, max_size=5), KEYS)
def test_the_shadows_of_a_key_are_all_that_set_it_before(documents: list[Any], key: str) -> None:
    """Where no mapping is merged, the shadows are exactly the earlier values of the key, latest first."""
    flat = [{name: value for name, value in document.items() if type(value) is not dict} for document in documents]
    result, _ = layered(flat)
    setters = [number for number, document in enumerate(flat) if key in document]
    if setters:
        node = result.value[key]
        assert [int(held.origin.file[1:]) for held in (node, *node.shadows)] == setters[::-1]


# ---------------------------------------------------------------------------------------------- folding


def legacy_merge(base: Any, over: Any) -> Any:
    """Merge as the legacy loader did: plain values, copies everywhere."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return copy.deepcopy(over)
    merged = copy.deepcopy(base)
    for key, value in over.items():
        merged[key] = legacy_merge(merged[key], value) if key in merged else copy.deepcopy(value)
    return merged


def legacy_load(files: dict[str, str], path: str, visited: tuple[str, ...] = ()) -> Any:
    """Load as the legacy loader did: each base on its own, in order, the file itself last."""
    if path in visited:
        raise ValueError("cycle")
    body = yaml.safe_load(files[path]) or {}
    named = body.pop("extends", None)
    bases = [named] if isinstance(named, str) else named or []
    merged: Any = {}
    for base in bases:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), base))
        merged = legacy_merge(merged, legacy_load(files, target, (*visited, path)))
    return legacy_merge(merged, body)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, str]:
    """Draw up to eight files, each of which may extend any later ones, twice too: diamonds of every shape."""
    count = draw(st.integers(1, 8))
    files = {}
    for number in range(count):
        below = st.lists(st.integers(number + 1, count - 1), max_size=3) if number + 1 < count else st.just([])
        named = [f"f{other}.yaml" for other in draw(below)]
        body = draw(DOCUMENTS)
        if named:
            key = named[0] if len(named) == 1 and draw(st.booleans()) else named
            body = {**body, "extends": key} if draw(st.booleans()) else {"extends": key, **body}
        files[f"configs/train/f{number}.yaml"] = yaml.safe_dump(body, sort_keys=False)
    return files


NOT_ASSOCIATIVE = {
    "configs/train/f0.yaml": "extends: [f1.yaml, f2.yaml]",
    "configs/train/f1.yaml": "x: {p: 1}",
    "configs/train/f2.yaml": "extends: f3.yaml\nx: {q: 2}",
    "configs/train/f3.yaml": "x: null",
}


@settings(max_examples=80)
@given(trees())
@example(NOT_ASSOCIATIVE)
def test_folding_equals_the_legacy_loader(files: dict[str, str]) -> None:
    """Over random trees with diamonds, nulls, scalars over mappings and back: values, types, key order."""
    made = composer(files)
    for path in files:
        assert typed(plain(made.preset(path).values)) == typed(legacy_load(files, path))


@settings(max_examples=30)
@given(trees())
def test_the_order_in_which_presets_are_compiled_does_not_matter(files: dict[str, str]) -> None:
    """Shared trees and kept folds never leak from one preset to the next, in either order."""
    forwards, backwards = composer(files), composer(files)
    one = {path: forwards.preset(path) for path in files}
    other = {path: backwards.preset(path) for path in reversed(files)}
    for path in files:
        alone = resolve(files, path)
        for found in (one[path], other[path]):
            assert found.digest == alone.digest
            assert typed(plain(found.values)) == typed(plain(alone.values))
            assert found.warnings == alone.warnings
            assert [str(leaf.origin) for _, leaf in leaves(found.values)] == [
                str(leaf.origin) for _, leaf in leaves(alone.values)
            ]


def steps_below(node: Node) -> list[tuple[str | int, Node]]:
    """Give what a mapping or a list holds, with the keys or indexes."""
    value = node.value
    return list(value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()))


def told_of(resolved: Resolved) -> Any:
    """Give all that is known of a resolved preset: values, places, what was overridden where, warnings."""

    def below(node: Node) -> Any:
        shadows = [str(shadow.origin) for shadow in node.shadows]
        return (
            typed(plain(node)),
            str(node.origin),
            shadows,
            [(step, below(child)) for step, child in steps_below(node)],
        )

    return below(resolved.values), resolved.warnings, resolved.chain.files(), resolved.chain.links, resolved.chain.depth


@settings(max_examples=60)
@given(
    st.lists(DOCUMENTS, min_size=2, max_size=4),
    st.lists(st.lists(st.integers(0, 3), max_size=3), min_size=3),
    st.data(),
)
def test_presets_that_list_the_same_bases_share_them_unseen(
    bases: list[Any], lists: list[list[int]], data: st.DataObject
) -> None:
    """The bases are merged once for all of them, as long as these few are kept: what a preset gets is the same."""
    files = {f"configs/f{number}.yaml": yaml.safe_dump(base, sort_keys=False) for number, base in enumerate(bases)}
    for number, listed in enumerate([*lists, *lists]):
        body = {"extends": [f"../f{one % len(bases)}.yaml" for one in listed], **data.draw(DOCUMENTS)}
        files[f"configs/train/p{number}.yaml"] = yaml.safe_dump(body, sort_keys=False)
    presets = [path for path in files if "/train/" in path]
    with mock.patch.object(compose, "MAX_STACKS", 1):
        few = composer(files)
        of_few = [told_of(few.preset(path)) for path in presets]
    made = composer(files)
    alone = [told_of(resolve(files, path)) for path in presets]
    assert [told_of(made.preset(path)) for path in presets] == of_few == alone


@settings(max_examples=60)
@given(trees())
@example({**NOT_ASSOCIATIVE, "configs/train/f1.yaml": "x: null", "configs/train/f3.yaml": "x: {q: 1}"})
def test_merging_leaves_a_trail_to_all_that_it_overrode(files: dict[str, str]) -> None:
    """By it every value that overrode another is found, and by a glance whether something of a base is left."""

    def everything(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Node]]:
        if path and node.shadows:
            yield path, node
        for step, child in steps_below(node):
            yield from everything(child, (*path, step))

    made = composer(files)
    for path in files:
        resolved = made.preset(path)
        by = hierarchy.Bases(resolved.chain, resolved.values)
        assert [*by.overriding] == [*everything(resolved.values)]
        with mock.patch.object(hierarchy, "_is_seen", return_value=False):
            assert by.dead == hierarchy.Bases(resolved.chain, resolved.values).dead


@settings(max_examples=60)
@given(trees())
def test_a_diamond_is_told_exactly_where_applying_once_differs(files: dict[str, str]) -> None:
    """`diamond-reset` comes if and only if some leaf differs from a fold in which each file applies once."""
    applied: set[str] = set()

    def once(path: str) -> Any:
        body = yaml.safe_load(files[path]) or {}
        named = body.pop("extends", None)
        merged: Any = {}
        for base in [named] if isinstance(named, str) else named or []:
            target = "configs/train/" + base
            if target not in applied:
                merged = legacy_merge(merged, once(target))
        applied.add(path)
        return legacy_merge(merged, body)

    path = "configs/train/f0.yaml"
    differs = canonical(node_of(once(path))) != canonical(node_of(legacy_load(files, path)))
    warnings = resolve(files, path).warnings
    assert ("diamond-reset" in {problem.code for problem in warnings}) == differs


def test_the_legacy_loader_of_this_test_can_disagree() -> None:
    """The negative control: folding the flat chain gives something else on the known counter-example."""
    flat: Any = {}
    for name in ("f1", "f3", "f2", "f0"):
        body = yaml.safe_load(NOT_ASSOCIATIVE[f"configs/train/{name}.yaml"])
        body.pop("extends", None)
        flat = legacy_merge(flat, body)
    assert legacy_load(NOT_ASSOCIATIVE, "configs/train/f0.yaml") == {"x": {"p": 1, "q": 2}}
    assert flat == {"x": {"q": 2}}


@given(st.lists(DOCUMENTS, min_size=1, max_size=5))
def test_many_documents_merge_at_once_as_they_do_two_at_a_time(documents: list[Any]) -> None:
    """The same values in the same order, and the same values overridden, latest first."""

    def two(base: Node, over: Node) -> Node:
        if not isinstance(base.value, dict) or not isinstance(over.value, dict):
            return Node(over.value, over.origin, (*over.shadows, base, *base.shadows))
        both = dict(base.value)
        for key, child in over.value.items():
            both[key] = two(both[key], child) if key in both else child
        return Node(both, over.origin, over.shadows + base.shadows)

    def told(node: Node) -> Any:
        below = node.value.items() if isinstance(node.value, dict) else ()
        return [typed(plain(shadow)) for shadow in node.shadows], [(key, told(child)) for key, child in below]

    nodes = [node_of(document) for document in documents]
    at_once, by_twos = merge_all(nodes), functools.reduce(two, nodes)
    assert typed(plain(at_once)) == typed(plain(by_twos))
    assert told(at_once) == told(by_twos)


MIX = "configs/fusion/m.yaml"
NAMING = st.dictionaries(KEYS, st.sampled_from([MIX, "", None, 5]) | st.dictionaries(KEYS, st.just(MIX)), max_size=2)


@given(NAMING, NAMING, NAMING, NAMING, st.booleans())
@example({"a": {"b": MIX}}, {"a": None}, {"a": {"c": MIX}}, {}, True)
def test_the_mix_of_a_preset_is_known_without_merging(one: Any, two: Any, three: Any, own: Any, deep: bool) -> None:
    """It is what the merged preset holds at the fusion key, whatever stands in the place of its section on the way."""
    files = {
        "configs/one.yaml": yaml.safe_dump(one),
        "configs/two.yaml": yaml.safe_dump({**two, "extends": "one.yaml"} if deep else two),
        "configs/three.yaml": yaml.safe_dump(three),
        "configs/train/p.yaml": yaml.safe_dump({**own, "extends": ["../two.yaml", "../three.yaml"]}),
        MIX: "targets: [{dataset: a, train_jsonl: b}]",
    }
    made = composer(files, fusion_key=("a", "b"))
    chain = made.extends.chain("configs/train/p.yaml")
    values = merge_all([*(made.extends.chain(f"configs/{name}.yaml").own for name in _order(deep)), chain.own])
    held = under(values, ("a", "b"))
    assert made.mix_named_by("configs/train/p.yaml") == (MIX if held is not None and held.value == MIX else None)


def _order(deep: bool) -> list[str]:
    return ["one", "two", "three"] if deep else ["two", "three"]
