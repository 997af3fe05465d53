"""reach: which presets a fragment reaches, which of its leaves survive there, and which presets hold what at a key."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import Files, opened, project
from compiler.pipeline import Workspace
from compiler.problems import Invalid
from compiler.reach import Reach, by_value, holders, keys_of, presets_of, reach
from compiler.values import EntryName, Node, Origin, parse_path, plain, show_path

P = "configs/train/p.yaml"
B = "configs/base.yaml"


def told(one: Reach) -> dict[str, str]:
    """Give what became of each leaf: `survives`, `gone`, or the value that won and its place."""
    found = {}
    for leaf in one.leaves:
        winner = f"{plain(leaf.winner)!r} {leaf.winner.origin}" if leaf.winner is not None else "gone"
        found[show_path(leaf.path)] = "survives" if leaf.survives else winner
    return found


def reached(workspace: Workspace, file: str) -> dict[str, Reach]:
    """Give what a fragment reaches, by preset; all compile."""
    found, problems = reach(workspace, file)
    assert problems == []
    assert len({one.preset for one in found}) == len(found)
    return {one.preset: one for one in found}


@pytest.mark.parametrize(
    ("base", "preset", "expected"),
    [
        ("a: 1\nb: 2\n", "b: 3\n", {"a": "survives", "b": f"3 {P}:2:1"}),
        ("a: {b: 1, c: 2}\n", "a: {c: 3}\n", {"a.b": "survives", "a.c": f"3 {P}:2:5"}),
        ("a: {b: 1, c: 2}\n", "a: null\n", {"a.b": f"None {P}:2:1", "a.c": f"None {P}:2:1"}),
        ("a: {b: 1}\n", "a: 7\n", {"a.b": f"7 {P}:2:1"}),
        ("a: {b: 1}\n", "a: [7]\n", {"a.b": f"[7] {P}:2:1"}),
        ("a: 1\n", "a: {b: 7}\n", {"a": f"{{'b': 7}} {P}:2:1"}),
        ("a: [1, 2]\n", "a: [1, 2]\n", {"a": f"[1, 2] {P}:2:1"}),
        ("a: [1, 2]\n", "c: 1\n", {"a": "survives"}),
        ("a: [{name: x, p: 1}]\n", "a: [{name: x, p: 2}]\n", {"a": f"[{{'name': 'x', 'p': 2}}] {P}:2:1"}),
        ("a: []\nb: {}\n", "c: 1\n", {"a": "survives", "b": "survives"}),
        ("a: null\n", "a: 1\n", {"a": f"1 {P}:2:1"}),
        ("a: null\n", "c: 1\n", {"a": "survives"}),
        ("a: 1\n", "a: 1\n", {"a": f"1 {P}:2:1"}),
    ],
)
def test_a_leaf_survives_or_is_told_who_overrides_it(
    tmp_path: Path, base: str, preset: str, expected: dict[str, str]
) -> None:
    """Scalars, lists as a whole, null over a mapping, and one kind of value over another; equal values count."""
    workspace = project(tmp_path, {B: base, P: f"extends: ../base.yaml\n{preset}"})
    assert told(reached(workspace, B)[P]) == expected


def test_what_was_masked_and_made_anew_is_gone(tmp_path: Path) -> None:
    """Nothing stands where the leaf stood, although its mapping is there again."""
    files = {
        B: "a: {b: 1}\n",
        "configs/mask.yaml": "extends: base.yaml\na: null\n",
        P: "extends: ../mask.yaml\na: {c: 1}\n",
    }
    assert told(reached(project(tmp_path, files), B)[P]) == {"a.b": "gone"}


def test_a_base_that_applies_again_wins_again(tmp_path: Path) -> None:
    """In a diamond the shared base is what its last place makes of it."""
    files = {
        B: "a: 1\nb: 1\n",
        "configs/left.yaml": "extends: base.yaml\na: 2\n",
        "configs/right.yaml": "extends: base.yaml\nb: 3\n",
        P: "extends: [../left.yaml, ../right.yaml]\n",
    }
    workspace = project(tmp_path, files)
    assert told(reached(workspace, B)[P]) == {"a": "survives", "b": "3 configs/right.yaml:2:1"}
    assert told(reached(workspace, "configs/left.yaml")[P]) == {"a": f"1 {B}:1:1"}


def test_the_names_of_bases_are_no_leaves(tmp_path: Path) -> None:
    """`extends`, by whatever key, is consumed: nobody trains with it."""
    files: Files = {B: "a: 1\n", P: "_BASE_: ../base.yaml\nextends: data\nb: 1\n"}
    workspace = project(tmp_path, files, extends_keys=("_BASE_",))
    assert told(reached(workspace, P)[P]) == {"extends": "survives", "b": "survives"}
    assert told(reached(workspace, B)[P]) == {"a": "survives"}


MIXES: Files = {
    "configs/mixes/base.yaml": (
        "targets: [{name: t, dataset: t, train_jsonl: t}]\n"
        "sources: [{name: l, dataset: l, train_jsonl: l, ratio: 0.1}, {dataset: m, train_jsonl: m, ratio: 0.1}]\n"
    ),
    "configs/fusion/m.yaml": "extends: ../mixes/base.yaml\nsources:\n- {name: l, ratio: 0.2}\n",
    "configs/fusion/none.yaml": "extends: m.yaml\nsources: []\n",
    P: "fusion: configs/fusion/m.yaml\n",
    "configs/train/q.yaml": "fusion: configs/fusion/none.yaml\n",
    "configs/train/r.yaml": "extends: q.yaml\nfusion: null\n",
}


def test_a_fragment_that_only_the_mix_has_is_reached_through_it(tmp_path: Path) -> None:
    """Its entries are followed by name, leaf by leaf; a preset that lets go of the mix is not reached."""
    found = reached(project(tmp_path, MIXES), "configs/mixes/base.yaml")
    assert {preset: one.through for preset, one in found.items()} == {
        P: "configs/fusion/m.yaml",
        "configs/train/q.yaml": "configs/fusion/none.yaml",
    }
    at = "configs/fusion/m.yaml"
    assert told(found[P]) == {
        **{f"targets[t].{key}": "survives" for key in ("name", "dataset", "train_jsonl")},
        "sources[l].name": f"'l' {at}:3:4",
        **{f"sources[l].{key}": "survives" for key in ("dataset", "train_jsonl")},
        "sources[l].ratio": f"0.2 {at}:3:13",
        **{f"sources[m].{key}": "survives" for key in ("dataset", "train_jsonl", "ratio")},
    }
    cleared = told(found["configs/train/q.yaml"])
    assert {cleared[key] for key in cleared if key.startswith("sources")} == {"[] configs/fusion/none.yaml:2:1"}


def test_a_preset_is_reached_by_itself_and_a_mix_by_the_presets_that_name_it(tmp_path: Path) -> None:
    """The preset by its chain, with no mix told."""
    workspace = project(tmp_path, MIXES)
    assert {one.preset: one.through for one in reach(workspace, P)[0]} == {P: ""}
    assert list(reached(workspace, "configs/fusion/m.yaml")) == [P, "configs/train/q.yaml"]
    assert list(reached(workspace, "configs/train/q.yaml")) == ["configs/train/q.yaml", "configs/train/r.yaml"]


@pytest.mark.parametrize("keys", [("name",), ("id",), ("id", "name")])
def test_entries_that_a_team_keys_are_followed_by_its_own_keys(tmp_path: Path, keys: tuple[str, ...]) -> None:
    """A list of `[tool.trainlock.keyed]` has leaves, known by whatever the team knows them by."""
    key = keys[0]
    files = {
        B: f"ops:\n- {{{key}: x, p: 1}}\n- {{{key}: y, p: 1}}\n",
        P: f"extends: ../base.yaml\nops:\n- {{{key}: y, p: 2}}\n",
    }
    column = 6 + len(key) + 3
    workspace = project(tmp_path, files, keyed=((("ops",), keys),))
    assert told(reached(workspace, B)[P]) == {
        f"ops[x].{key}": "survives",
        "ops[x].p": "survives",
        f"ops[y].{key}": f"'y' {P}:3:4",
        "ops[y].p": f"2 {P}:3:{column}",
    }


def test_a_preset_that_does_not_compile_is_told_and_the_others_answered(tmp_path: Path) -> None:
    """Only where the fragment reaches it: what is wrong elsewhere is no answer to the question."""
    files = {
        B: "a: 1\n",
        P: "extends: ../base.yaml\n",
        "configs/train/bad.yaml": "extends: [../base.yaml, gone.yaml]\n",
        "configs/train/other.yaml": "extends: gone.yaml\n",
    }
    workspace = project(tmp_path, files)
    found, problems = reach(workspace, B)
    assert [one.preset for one in found] == [P]
    assert [str(problem.origin) for problem in problems] == ["configs/train/bad.yaml:1:25"]
    held, wrong = holders(workspace, ("a",))
    assert [one.preset for one in held] == [P]
    assert len(wrong) == 2
    assert keys_of(workspace) == {"a"}


def test_a_fragment_that_cannot_be_read_is_no_answer(tmp_path: Path) -> None:
    """What is wrong with it is raised."""
    with pytest.raises(Invalid):
        reach(project(tmp_path, {B: "a: [", P: "extends: ../base.yaml\n"}), B)


def test_an_unused_fragment_reaches_nothing(tmp_path: Path) -> None:
    """No preset, and no problem."""
    assert reach(project(tmp_path, {B: "a: 1\n", P: "b: 1\n"}), B) == ([], [])


# ---------------------------------------------------------------------------------------------- an independent oracle

LEAF = st.sampled_from(["0", "1", "null", "[]", "[1]", "{}"])
BODY = st.dictionaries(
    st.sampled_from("ab"), st.recursive(LEAF, lambda inner: st.dictionaries(st.sampled_from("ab"), inner, max_size=2))
)


def flow(value: Any) -> str:
    """Write a value as YAML."""
    return value if isinstance(value, str) else "{" + ", ".join(f"{k}: {flow(v)}" for k, v in value.items()) + "}"


def origins_below(node: Node) -> set[Origin]:
    """Give the origins of all that a resolved document holds, by another way than looking along a path."""
    below = node.value.values() if isinstance(node.value, dict) else ()
    return {node.origin}.union(*(origins_below(child) for child in below))


@given(st.lists(BODY, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_a_leaf_survives_if_and_only_if_its_place_does(bodies: list[Any], random: Any) -> None:
    """Over random trees of fragments: survived is exactly what the resolved preset still has the origin of."""
    files: dict[str, str | bytes] = {}
    for index, body in enumerate(bodies):
        bases = [f"f{one}.yaml" for one in range(index) if random.random() < 0.7]
        rows = [f"{key}: {flow(value)}" for key, value in body.items()]
        files[f"configs/f{index}.yaml"] = "\n".join([f"extends: [{', '.join(bases)}]", *rows]) + "\n"
    files[P] = f"extends: ../f{len(bodies) - 1}.yaml\nz: 1\n"
    with tempfile.TemporaryDirectory() as folder:
        workspace = project(Path(folder), files)
        alive = origins_below(workspace.resolve(P).values)
        for index in range(len(bodies)):
            file = f"configs/f{index}.yaml"
            for one in reached(workspace, file).values():
                for leaf in one.leaves:
                    assert leaf.node.origin.file == file
                    assert leaf.survives == (leaf.node.origin in alive), (leaf, files)
                    if not leaf.survives and leaf.winner is not None:
                        assert leaf.winner.origin in alive


def test_every_leaf_of_a_shipped_preset_survives_in_exactly_one_fragment() -> None:
    """The survivors of all fragments of a preset are the leaves of the preset: none twice, none missing."""
    workspace = opened()
    survivors: dict[str, list[tuple[str, Origin]]] = {preset: [] for preset in presets_of(workspace)}
    for file in workspace.layout.files():
        for one in reached(workspace, file).values():
            if not one.through:
                alive = [(show_path(leaf.path), leaf.node.origin) for leaf in one.leaves if leaf.survives]
                survivors[one.preset] += alive
    for preset, found in survivors.items():
        values = workspace.resolve(preset).values
        held = {show_path(path): node.origin for path, node in _leaves(values)}
        assert len(found) == len(set(found))
        assert dict(found) == held, preset


def _leaves(node: Node, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Node]]:
    """Give scalars, lists and empty mappings with their paths."""
    if isinstance(node.value, dict) and node.value:
        return [found for key, child in node.value.items() for found in _leaves(child, (*path, key))]
    return [(path, node)]


# ---------------------------------------------------------------------------------------------- keys


def test_presets_are_grouped_by_what_they_hold(tmp_path: Path) -> None:
    """The value of the most presets first; null is a value, not set is none, and 1 is not 1.0."""
    names = {"a": "k: 1", "b": "k: 1.0", "c": "k: null", "d": "x: 1", "e": "k: 1", "f": "k: true"}
    workspace = project(tmp_path, {f"configs/train/{name}.yaml": f"{text}\n" for name, text in names.items()})
    held, problems = holders(workspace, ("k",))
    assert problems == []
    groups = by_value(held)
    assert [(plain(node) if node else "none", "".join(one.preset[-6] for one in group)) for node, group in groups] == [
        (1, "ae"),
        (1.0, "b"),
        (None, "c"),
        ("none", "d"),
        (True, "f"),
    ]
    assert [node is not None for node, _ in groups] == [True, True, True, False, True]


def test_a_key_is_looked_up_in_the_preset_and_then_in_its_mix(tmp_path: Path) -> None:
    """Entries by name; asked for the mix alone, the preset's own key of that name is no answer."""
    files = {**MIXES, P: "fusion: configs/fusion/m.yaml\nsources: 7\n"}
    workspace = project(tmp_path, files)
    path = parse_path("sources[l].ratio")
    assert isinstance(path[1], EntryName)

    def asked(key: str, *, in_mix: bool = False) -> dict[str, Any]:
        held, _ = holders(workspace, parse_path(key), in_mix=in_mix)
        return {one.preset[-6]: plain(one.node) if one.node is not None else "none" for one in held}

    assert asked("sources[l].ratio") == {"p": 0.2, "q": "none", "r": "none"}
    assert asked("sources") == {"p": 7, "q": [], "r": "none"}
    assert asked("sources", in_mix=True)["p"][0]["ratio"] == 0.2


def test_a_mix_that_a_preset_glob_selects_is_no_preset(tmp_path: Path) -> None:
    """Who is named as a mix is asked as one."""
    files = {**MIXES, "configs/train/mix.yaml": MIXES["configs/mixes/base.yaml"], P: "fusion: configs/train/mix.yaml\n"}
    assert presets_of(project(tmp_path, files)) == [P, "configs/train/q.yaml", "configs/train/r.yaml"]
