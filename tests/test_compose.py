"""compose: a preset and the fusion config that it names become one resolved document."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from builders import Files, codes_of, composer, content, layout, problems_of, resolve, resolved_values, worded
from compiler.compose import Composer
from compiler.tree import Memory
from compiler.values import plain

MIX = "targets: [{name: a, dataset: d, train_jsonl: a.jsonl}]\n"


def preset(text: str, **more: str | bytes) -> dict[str, str | bytes]:
    """Give a repository of one preset and one mix, and more files by path."""
    return {"configs/train/p.yaml": text, "configs/fusion/m.yaml": MIX, **more}


@pytest.mark.parametrize("text", ["fusion: null", "fusion: ''", "fusion:", "x: 1", "{}", ""])
def test_null_and_empty_and_absent_mean_no_mix(text: str) -> None:
    """A preset without a mix is compiled alone, its value as written."""
    resolved = resolve(preset(text), "configs/train/p.yaml")
    assert resolved.fusion is None
    assert resolved.fusion_at == ()


@pytest.mark.parametrize(
    "path", ["configs/fusion/m.yaml", "./configs/fusion/m.yaml", "configs/../configs/fusion//m.yaml"]
)
def test_a_path_counts_from_the_repository_root(path: str) -> None:
    """The mix is found as the trainer finds it; the values keep the path as it was authored."""
    resolved = resolve(preset(f"fusion: {path}"), "configs/train/p.yaml")
    assert resolved.fusion is not None
    assert resolved.fusion.source == "configs/fusion/m.yaml"
    assert plain(resolved.values) == {"fusion": path}
    assert resolved.fusion_at == ("fusion",)


BAD_PATHS: list[tuple[str, str]] = [
    ("3", "bad-fusion-config"),
    ("false", "bad-fusion-config"),
    ("0", "bad-fusion-config"),
    ("[configs/fusion/m.yaml]", "bad-fusion-config"),
    ("[]", "bad-fusion-config"),
    ("{}", "bad-fusion-config"),
    ("{a: 1}", "bad-fusion-config"),
    ('"configs/fusion/m\\0.yaml"', "bad-fusion-config"),
    ("configs/fusion/m.txt", "bad-fusion-config"),
    ("configs/fusion", "bad-fusion-config"),
    ("configs/fusion/gone.yaml", "missing-fusion"),
    ("fusion/m.yaml", "outside-root"),
    ("../configs/fusion/m.yaml", "outside-root"),
    ("configs/../m.yaml", "outside-root"),
    ("/configs/fusion/m.yaml", "outside-root"),
    ("' '", "outside-root"),
]


@pytest.mark.parametrize(("value", "code"), BAD_PATHS, ids=[row[0] for row in BAD_PATHS])
def test_a_fusion_path_that_means_nothing_is_refused(value: str, code: str) -> None:
    """What is neither unset nor the path of a mix below the config root is an error at its key."""
    files = preset(f"x: 1\nfusion: {value}", **{"m.yaml": MIX})
    assert codes_of(lambda: resolve(files, "configs/train/p.yaml")) == [f"configs/train/p.yaml:2:1 {code}"]


def test_a_bad_path_in_a_base_names_the_preset_too() -> None:
    """The value stands in a base, and the preset that gets it is noted."""
    files = preset("extends: ../base.yaml", **{"configs/base.yaml": "fusion: configs/fusion/n.yaml"})
    assert worded(problems_of(lambda: resolve(files, "configs/train/p.yaml")), files) == (
        "configs/base.yaml:1:1: error: fusion config `configs/fusion/n.yaml` does not "
        "exist [missing-fusion]\n"
        "    1 | fusion: configs/fusion/n.yaml\n"
        "      | ^\n"
        "  why: the trainer looks it up from the repository root\n"
        "  note: configs/train/p.yaml is the preset that gets it\n"
        "  hint: did you mean `configs/fusion/m.yaml`?"
    )


def test_without_a_fusion_key_a_path_stays_as_written() -> None:
    """On a foreign tree presets are compiled alone, whatever their values look like."""
    files = {"configs/train/p.yaml": "fusion: configs/none.yaml\ncustom: {fusion_config: /x}"}
    resolved = resolve(files, "configs/train/p.yaml", fusion_key=None)
    assert resolved.fusion is None
    assert plain(resolved.values) == {"fusion": "configs/none.yaml", "custom": {"fusion_config": "/x"}}


def test_the_fusion_key_may_lie_deep_and_pass_through_what_is_no_mapping() -> None:
    """A path of keys that ends early names no mix."""
    given: dict[str, Any] = {"fusion_key": ("custom", "mix")}
    assert resolve(preset("custom: {mix: configs/fusion/m.yaml}"), "configs/train/p.yaml", **given).fusion is not None
    for text in ("custom: null", "custom: [mix]", "custom: mix", "custom: {}", "mix: configs/fusion/m.yaml"):
        assert resolve(preset(text), "configs/train/p.yaml", **given).fusion is None


def test_a_mix_may_be_json() -> None:
    """JSON means what `json.loads` says, extends YAML, and is extended by it."""
    files = preset(
        "fusion: configs/fusion/j.json",
        **{
            "configs/fusion/j.json": '{"extends": "m.yaml", "targets": [{"name": "a", "ratio": 1e-3}], "on": "x"}',
            "configs/fusion/y.yaml": "extends: [j.json]\ntargets: [{name: a, note: x}]",
        },
    )
    resolved = resolve(files, "configs/train/p.yaml")
    assert resolved.fusion is not None
    target = {"name": "a", "dataset": "d", "train_jsonl": "a.jsonl", "ratio": 0.001}
    assert plain(resolved.fusion.values) == {"targets": [target], "on": "x"}
    assert resolved_values(files, "configs/fusion/y.yaml") == {
        "targets": [{**target, "note": "x"}],
        "on": "x",
    }


T = "{dataset: d, train_jsonl: d.jsonl}"
MIX_CHECKS: list[tuple[str, str, list[str]]] = [
    ("no targets key", "sources: []", ["1:1 no-target"]),
    ("empty targets", "x: 1\ntargets: []", ["2:1 no-target"]),
    ("null targets", "targets:", ["1:1 no-target"]),
    ("empty file", "", ["1:1 no-target"]),
    ("targets no list", "targets: {a: 1}", ["1:1 bad-entries"]),
    ("no dataset", "targets: [{name: a, train_jsonl: x}]", ["1:11 incomplete-entry"]),
    ("no train_jsonl", "targets: [{dataset: a}]", ["1:11 incomplete-entry"]),
    ("null train_jsonl", "targets: [{dataset: a, train_jsonl: }]", ["1:11 incomplete-entry"]),
    ("empty dataset", "targets: [{name: a, dataset: '', train_jsonl: x}]", ["1:11 incomplete-entry"]),
    ("a source of neither", f"targets: [{T}]\nsources: [{{name: s, ratio: 1}}]", ["2:11 incomplete-entry"]),
    ("no ratio", f"targets: [{T}]\nsources: [{{dataset: s, train_jsonl: x}}]", ["2:11 source-without-ratio"]),
    (
        "null ratio",
        f"targets: [{T}]\nsources: [{{dataset: s, train_jsonl: x, ratio: }}]",
        ["2:40 source-without-ratio"],
    ),
    (
        "negative",
        f"targets: [{T}]\nsources: [{{dataset: s, train_jsonl: x, ratio: -0.1}}]",
        ["2:40 bad-ratio"],
    ),
    ("negative target", "targets: [{dataset: s, train_jsonl: x, ratio: -1}]", ["1:40 bad-ratio"]),
    (
        "a text",
        f"targets: [{T}]\nsources: [{{dataset: s, train_jsonl: x, ratio: 1e-5}}]",
        ["2:40 bad-ratio"],
    ),
    (
        "a boolean",
        f"targets: [{T}]\nsources: [{{dataset: s, train_jsonl: x, ratio: yes}}]",
        ["2:40 bad-ratio"],
    ),
    (
        "nan",
        f"targets: [{T}]\nsources: [{{dataset: s, train_jsonl: x, ratio: .nan}}]",
        ["2:40 bad-ratio"],
    ),
    (
        "infinite",
        f"targets: [{T}]\nsources: [{{dataset: s, train_jsonl: x, ratio: .inf}}]",
        ["2:40 bad-ratio"],
    ),
    ("unnamed", "targets: [{train_jsonl: x}]", ["1:11 unnamed-entry"]),
    ("twice", f"targets: [{T}, {T}]", ["1:48 duplicate-entry"]),
    (
        "several at once",
        "targets: [{name: a, dataset: d}]\nsources: [{dataset: s, train_jsonl: x}, {dataset: q, ratio: -1}]",
        [
            "1:11 incomplete-entry",
            "2:11 source-without-ratio",
            "2:41 incomplete-entry",
            "2:54 bad-ratio",
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in MIX_CHECKS], ids=[row[0] for row in MIX_CHECKS])
def test_a_mix_that_is_trained_on_is_checked(text: str, expected: list[str]) -> None:
    """Each check fails on its smallest world, of a variant and of a mix that a preset names."""
    files = {"configs/fusion/m.yaml": text, "configs/train/p.yaml": "fusion: configs/fusion/m.yaml"}
    told = [f"configs/fusion/m.yaml:{code}" for code in expected]
    assert codes_of(lambda: resolve(files, "configs/fusion/m.yaml")) == told
    assert codes_of(lambda: resolve(files, "configs/train/p.yaml")) == told


@pytest.mark.parametrize("ratio", ["0", "0.0", "-0.0", "1", "5.5", "1.0e-7"])
def test_a_ratio_of_zero_or_more_passes(ratio: str) -> None:
    """The negative control of the ratio checks."""
    text = f"targets: [{T}]\nsources: [{{dataset: s, train_jsonl: x, ratio: {ratio}}}]"
    assert resolve({"configs/fusion/m.yaml": text}, "configs/fusion/m.yaml").warnings == ()


def test_a_base_of_mixes_may_be_incomplete() -> None:
    """Only what is trained on is checked: a fragment may leave the data to its overlays."""
    files = {
        "configs/fusion/base/dense.yaml": ("targets: [{name: a, dataset: d}]\nsources: [{name: s, dataset: s}]"),
        "configs/fusion/m.yaml": """
            extends: base/dense.yaml
            targets: [{name: a, train_jsonl: a}]
            sources: [{name: s, train_jsonl: s, ratio: 0.5}]
        """,
    }
    assert [entry["train_jsonl"] for entry in resolved_values(files, "configs/fusion/m.yaml")["targets"]] == ["a"]
    assert codes_of(lambda: resolve(files, "configs/fusion/base/dense.yaml")) == [
        "configs/fusion/base/dense.yaml:1:11 incomplete-entry",
        "configs/fusion/base/dense.yaml:2:11 incomplete-entry",
        "configs/fusion/base/dense.yaml:2:11 source-without-ratio",
    ]


def test_a_component_of_two_sections_is_refused() -> None:
    """Components hold one section, where the globs call them components; extends is not counted."""
    files = {
        "configs/components/two.yaml": "tuner: {r: 1}\ntraining: {s: 1}\n",
        "configs/components/one.yaml": "extends: base.yaml\ntuner: {r: 1}",
        "configs/components/base.yaml": "tuner: {q: 1}",
        "configs/train/bad.yaml": "extends: ../components/two.yaml",
        "configs/train/good.yaml": "extends: ../components/one.yaml",
    }
    given = {"components": ("components/**/*.yaml",)}
    assert codes_of(lambda: resolve(files, "configs/train/bad.yaml", **given)) == [
        "configs/components/two.yaml:2:1 component-sections"
    ]
    assert resolved_values(files, "configs/train/good.yaml", **given) == {"tuner": {"q": 1, "r": 1}}
    assert resolved_values(files, "configs/train/bad.yaml") == {"tuner": {"r": 1}, "training": {"s": 1}}


# ---------------------------------------------------------------------------------------------- diamonds


def warned(files: Files, source: str) -> list[str]:
    """Give the message and place of each warning of a document."""
    return [f"{p.origin} {p.code} {p.message}" for p in resolve(files, source).warnings]


def diamond(a: str, b: str, c: str = "lr: 1\nseed: 3", p: str = "") -> dict[str, str | bytes]:
    """Give P extends [A, B], both of which extend C."""
    return {
        "configs/c.yaml": c,
        "configs/a.yaml": f"extends: c.yaml\n{a}",
        "configs/b.yaml": f"extends: c.yaml\n{b}",
        "configs/train/p.yaml": f"extends: [../a.yaml, ../b.yaml]\n{p}",
    }


RESETS: list[tuple[str, dict[str, str | bytes], list[str]]] = [
    ("a reset", diamond("lr: 5", "w: 1"), ["lr"]),
    ("two resets", diamond("lr: 5\nseed: 4", "w: 1"), ["lr", "seed"]),
    ("an equal value", diamond("lr: 1", "w: 1"), []),
    ("an equal value of another type", diamond("lr: 1.0", "w: 1"), ["lr"]),
    ("the second branch sets it too", diamond("lr: 5", "lr: 6"), []),
    ("the preset sets it", diamond("lr: 5", "w: 1", p="lr: 7"), []),
    ("nothing in between", diamond("x: 1", "w: 1"), []),
    ("below a mapping", diamond("m: {x: 2}", "w: 1", "m: {x: 1, y: 1}"), ["m.x"]),
    ("a masked mapping comes back", diamond("m: null", "w: 1", "m: {x: 1}"), ["m", "m.x"]),
    ("a cleared list comes back", diamond("l: []", "w: 1", "l: [1]"), ["l", "l[0]"]),
]


@pytest.mark.parametrize(("files", "keys"), [row[1:] for row in RESETS], ids=[row[0] for row in RESETS])
def test_a_diamond_warns_exactly_where_a_leaf_differs(files: Files, keys: list[str]) -> None:
    """`diamond-reset` names the keys at which applying the base once would differ, and no others."""
    found = resolve(files, "configs/train/p.yaml").warnings
    warnings = [problem for problem in found if problem.code == "diamond-reset"]
    told = [problem.message.split("`")[1] for problem in warnings]
    assert set(told) <= set(keys)
    assert bool(told) == bool(keys)
    if keys and len(keys) == 1:
        assert told == keys


def test_a_diamond_names_the_key_and_both_files() -> None:
    """The whole text: where the base is named the second time, who set the value, and who sets it again."""
    files = diamond("lr: 5", "w: 1")
    assert worded(resolve(files, "configs/train/p.yaml").warnings, files) == (
        "configs/b.yaml:1:10: warning: `lr` falls back to what `configs/c.yaml` sets, "
        "which applies a second time [diamond-reset]\n"
        "    1 | extends: c.yaml\n"
        "      |          ^\n"
        "  why: a base that is reached twice is applied twice, and undoes what stood between\n"
        "  note: configs/a.yaml:2:1 set it in between\n"
        "  note: configs/c.yaml:1:1 sets it again\n"
        "  hint: extend the base in one place only"
    )


def test_a_cleared_list_of_a_mix_that_comes_back_is_told() -> None:
    """In a fusion diamond a list that one overlay cleared comes back with the second application."""
    files = {
        "configs/fusion/base/c.yaml": f"targets: [{T}]\nsources: [{{dataset: s, train_jsonl: x, ratio: 1}}]",
        "configs/fusion/base/a.yaml": "extends: c.yaml\nsources: []",
        "configs/fusion/base/b.yaml": "extends: c.yaml\nnote: 1",
        "configs/fusion/m.yaml": "extends: [base/a.yaml, base/b.yaml]",
    }
    assert len(resolved_values(files, "configs/fusion/m.yaml")["sources"]) == 1
    told = warned(files, "configs/fusion/m.yaml")
    assert told
    assert all(text.startswith("configs/fusion/base/b.yaml:1:10 diamond-reset `sources") for text in told)


def test_a_diamond_of_a_mix_is_legal() -> None:
    """Entries met a second time merge into themselves; nothing differs and nothing is told."""
    files = {
        "configs/fusion/base/c.yaml": f"targets: [{T}]",
        "configs/fusion/base/a.yaml": "extends: c.yaml\nx: 1",
        "configs/fusion/base/b.yaml": "extends: c.yaml\ny: 2",
        "configs/fusion/m.yaml": "extends: [base/a.yaml, base/b.yaml]",
    }
    assert resolved_values(files, "configs/fusion/m.yaml") == {
        "targets": [{"dataset": "d", "train_jsonl": "d.jsonl"}],
        "x": 1,
        "y": 2,
    }
    assert warned(files, "configs/fusion/m.yaml") == []


def test_a_base_named_twice_in_one_list_is_a_diamond() -> None:
    """[base, mid, base] resets what mid set."""
    files = {
        "configs/c.yaml": "lr: 1",
        "configs/a.yaml": "lr: 5",
        "configs/train/p.yaml": "extends: [../c.yaml, ../a.yaml, ../c.yaml]",
    }
    assert resolved_values(files, "configs/train/p.yaml") == {"lr": 1}
    assert [text.split(" `")[0] for text in warned(files, "configs/train/p.yaml")] == [
        "configs/train/p.yaml:1:22 dead-base nothing is left of base",
        "configs/train/p.yaml:1:33 diamond-reset",
    ]


def test_every_fragment_is_folded_once_and_shared() -> None:
    """Presets that share a base share its nodes: nothing is copied that is not overridden."""
    files = {
        "configs/a.yaml": "big: {x: {y: [1, 2]}}\nm: {z: 1}",
        "configs/train/p.yaml": "extends: ../a.yaml\nm: {z: 2}",
        "configs/train/q.yaml": "extends: ../a.yaml\nm: {z: 3}",
    }
    made = composer(files)
    p, q = made.preset("configs/train/p.yaml"), made.preset("configs/train/q.yaml")
    assert p.values.value["big"] is q.values.value["big"]
    assert (plain(p.values)["m"], plain(q.values)["m"]) == ({"z": 2}, {"z": 3})


def test_a_mix_is_composed_once_for_all_its_presets() -> None:
    """Presets of one mix share it; its problems are the same object's."""
    files = preset("fusion: configs/fusion/m.yaml", **{"configs/train/q.yaml": "fusion: configs/fusion/m.yaml"})
    made = composer(files)
    assert made.preset("configs/train/p.yaml").fusion is made.preset("configs/train/q.yaml").fusion


def test_composing_reads_only_through_its_tree() -> None:
    """The composer does not know where bytes come from: a tree in memory composes with no folder at all."""
    made = Composer(layout("/does/not/exist"), Memory({"configs/train/p.yaml": content("x: 1")}))
    assert plain(made.preset("configs/train/p.yaml").values) == {"x": 1}


def test_a_date_is_carried_and_warned_of() -> None:
    """DESIGN 5: dates are carried as PyYAML reads them, and warn."""
    resolved = resolve({"configs/train/p.yaml": "when: 2026-01-31\n"}, "configs/train/p.yaml")
    assert str(resolved.values.value["when"].value) == "2026-01-31"
    assert [(p.severity, str(p.origin)) for p in resolved.warnings] == [("warning", "configs/train/p.yaml:1:7")]


@pytest.mark.parametrize(
    "text",
    ["extend: gone.yaml", "extend: [q.yaml, 3]", "extend: q", "extend: []", "extend: {q.yaml: 1}", "note: q.yaml"],
)
def test_a_key_that_names_no_config_is_data(text: str) -> None:
    """`near-extends` warns of what may have been meant as a base, and of nothing else."""
    files = {"configs/train/p.yaml": text, "configs/train/q.yaml": "a: 1\n"}
    assert resolve(files, "configs/train/p.yaml").warnings == ()
    assert plain(resolve(files, "configs/train/p.yaml").values) == yaml.safe_load(text)
