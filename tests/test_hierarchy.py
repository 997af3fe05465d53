"""The tree that ships: every legacy figure is carried over, in type and value, and nothing is said twice."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from builders import REPOSITORY, layout_of, opened, safe_load, typed
from compiler.catalog import Layout
from compiler.compose import Composer
from compiler.pipeline import check
from compiler.settings import Settings
from compiler.tree import Disk
from compiler.values import FusionPath, digest, digest_document, leaves, node_of, plain, replaced

FIGURES: Final = json.loads((REPOSITORY / "legacy" / "figures.json").read_text())

PRESETS: Final = {
    "debug": "debug",
    "fusion_train/sft_base": "train/sft/dense_base",
    "fusion_train/bbu_rru_dense_new_schema_1024": "train/sft/dense_1024",
    "fusion_train/bbu_rru_dense_new_schema_2048": "train/sft/dense_2048",
    "fusion_train/bbu_rru_summary_new_schema_1024": "train/sft/summary_1024",
    "fusion_train/bbu_rru_summary_new_schema_2048": "train/sft/summary_2048",
    "grpo/summary_grpo_base": "train/grpo/summary_base",
    "grpo/summary_grpo_server": "train/grpo/summary_server",
    "dlora/distill": "train/stage_b/distill",
    "smoke/group_metrics": "smoke/group_metrics",
    "smoke/sft_dense_tiny": "smoke/sft_dense_tiny",
    "smoke/sft_summary_tiny": "smoke/sft_summary_tiny",
}
"""Old preset -> new preset (DESIGN 3)."""

MIXES: Final = {
    "bbu_rru_dense_new_schema_1024": "variants/bbu_rru_1024",
    "bbu_rru_dense_new_schema_2048": "variants/bbu_rru_2048",
    "bbu_rru_summary_grpo_new_schema_1024": "variants/summary_grpo_1024",
    "bbu_rru_summary_grpo_new_schema_2048": "variants/summary_grpo_2048",
    "bbu_rru_summary_new_schema_1024": "variants/summary_1024",
    "bbu_rru_summary_new_schema_2048": "variants/summary_2048",
    "stage_b_distill": "stage_b_distill",
}
"""Old mix -> new mix."""

NEW: Final = ["train/grpo/summary_1024", "train/grpo/summary_2048"]

FILES: Final = [
    "base",
    "debug",
    "components/model/qwen3_vl_4b",
    "components/tuner/dora_full",
    "components/tuner/summary_freeze",
    "components/training/sft_defaults",
    "components/training/sft_summary",
    "components/training/grpo_summary",
    "components/data/loader_defaults",
    "components/custom/common",
    "components/custom/summary",
    "components/custom/augmentation_dense",
    "components/custom/augmentation_summary",
    "components/custom/augmentation_grpo_summary",
    "fusion/base/dense",
    "fusion/base/summary",
    "fusion/base/summary_grpo",
    "fusion/variants/bbu_rru_1024",
    "fusion/variants/bbu_rru_2048",
    "fusion/stage_b_distill",
    "train/sft/dense_base",
    "train/sft/dense_1024",
    "train/sft/dense_2048",
    "train/sft/summary_1024",
    "train/sft/summary_2048",
    "train/grpo/summary_base",
    "train/grpo/summary_1024",
    "train/grpo/summary_2048",
    "train/grpo/summary_server",
    "train/stage_b/distill",
    "smoke/sft_dense_tiny",
    "smoke/sft_summary_tiny",
    "smoke/group_metrics",
]
"""Every file that DESIGN 3 lists."""

VARIANT: Final = """\
extends: ../base/dense.yaml
targets:
  - name: bbu_dense
    train_jsonl: data_new_schema/bbu_full_1024/train.jsonl
    val_jsonl: data_new_schema/bbu_full_1024/val.jsonl
  - name: rru_dense
    train_jsonl: data_new_schema/rru_full_1024_poly/train.jsonl
    val_jsonl: data_new_schema/rru_full_1024_poly/val.jsonl
"""


def figure(values: Any, mix: Any | None) -> dict[str, Any]:
    """Give the number of leaves and the digest of plain values, the mix in the place of its path."""
    held = node_of(values)
    at = ("custom", "fusion_config")
    document = digest_document(held, at, node_of(mix)) if mix is not None else held
    return {"leaves": sum(1 for _ in leaves(held)), "digest": digest(document)}


@cache
def legacy() -> Composer:
    """Give a composer of the legacy tree, its options in memory."""
    settings = Settings(fusion_key=("custom", "fusion_config"))
    root = str(REPOSITORY / "legacy")
    return Composer(Layout(root, settings), Disk(root))


def naive(path: Path) -> Any:
    """Resolve a legacy preset as its loader did; shares nothing with the compiler."""
    body = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    named = body.pop("extends", body.pop("inherit", None)) or []
    merged: Any = {}
    for base in [named] if isinstance(named, str) else named:
        merged = naive_merge(merged, naive((path.parent / base).resolve()))
    return naive_merge(merged, body)


def naive_merge(base: Any, over: Any) -> Any:
    """Merge two plain values as the legacy loader did."""
    if isinstance(base, dict) and isinstance(over, dict):
        merged = copy.deepcopy(base)
        for key, value in over.items():
            merged[key] = naive_merge(merged[key], value) if key in merged else copy.deepcopy(value)
        return merged
    return copy.deepcopy(over)


def lock(name: str) -> Any:
    """Read a committed lock as the trainer does."""
    return safe_load((REPOSITORY / "build" / f"{name}.lock.yaml").read_bytes())


def lock_and_mix(name: str) -> tuple[Any, Any | None]:
    """Read a preset's lock, and the lock of the mix at which it points."""
    values = lock(name)
    path = values.get("custom", {}).get("fusion_config")
    return values, safe_load((REPOSITORY / path).read_bytes()) if path else None


def test_the_mapping_covers_every_figure() -> None:
    """No legacy preset and no mix is left out, and none is invented."""
    assert [f"configs/{name}.yaml" for name in PRESETS] == list(FIGURES["presets"])
    assert {f"configs/dataset_mix/{name}.yaml" for name in MIXES} == set(FIGURES["dataset_mixes"])


@pytest.mark.parametrize("old", PRESETS)
def test_the_legacy_tree_resolves_to_the_figures(old: str) -> None:
    """Leaves and digest of each legacy preset, by the compiler and by a loader of this test's own."""
    resolved = legacy().preset(f"configs/{old}.yaml")
    expected = FIGURES["presets"][f"configs/{old}.yaml"]
    assert {"leaves": sum(1 for _ in leaves(resolved.values)), "digest": resolved.digest} == expected
    values = naive(REPOSITORY / "legacy" / "configs" / f"{old}.yaml")
    mix = values["custom"].get("fusion_config")
    assert figure(values, safe_load((REPOSITORY / "legacy" / mix).read_bytes()) if mix else None) == expected
    assert typed(values) == typed(plain(resolved.values))


@pytest.mark.parametrize("old", MIXES)
def test_the_legacy_mixes_are_the_figures(old: str) -> None:
    """Leaves and digest of each legacy dataset mix."""
    resolved = legacy().mix(f"configs/dataset_mix/{old}.yaml")
    assert figure(plain(resolved.values), None) == FIGURES["dataset_mixes"][f"configs/dataset_mix/{old}.yaml"]


@pytest.mark.parametrize(("old", "new"), PRESETS.items())
def test_each_lock_holds_the_figures_of_its_legacy_preset(old: str, new: str) -> None:
    """What `yaml.safe_load` reads from the lock, the mix by its lock, has the legacy's leaves and digest."""
    values, mix = lock_and_mix(new)
    assert figure(values, mix) == FIGURES["presets"][f"configs/{old}.yaml"]


@pytest.mark.parametrize(("old", "new"), MIXES.items())
def test_each_fusion_lock_holds_the_figures_of_its_legacy_mix(old: str, new: str) -> None:
    """The same for the mixes."""
    assert figure(lock(f"fusion/{new}"), None) == FIGURES["dataset_mixes"][f"configs/dataset_mix/{old}.yaml"]


def changes(value: Any) -> Iterator[Any]:
    """Yield a value with one leaf changed, dropped, retyped or reordered, each in turn."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        child = value[key]
        inside = list(changes(child)) if isinstance(child, (dict, list)) and child else [f"changed {child!r}", [child]]
        for other in inside:
            changed = copy.copy(value)
            changed[key] = other
            yield changed
        if isinstance(value, dict):
            yield {other: held for other, held in value.items() if other != key}
    if isinstance(value, list) and len(value) > 1 and value[0] != value[-1]:
        yield value[::-1]


def test_a_changed_value_is_caught() -> None:
    """Every single change of a leaf of one lock and of its mix gives another digest: the figures can fail."""
    values, mix = lock_and_mix("train/sft/summary_1024")
    expected = figure(values, mix)
    assert mix is not None
    held = dict(values["custom"])
    del held["fusion_config"]  # without the path to it there is no mix to compare
    others: list[Any] = [{**values, "custom": {**changed, "fusion_config": "x"}} for changed in changes(held)]
    rest = {key: value for key, value in values.items() if key != "custom"}
    others += [{**changed, "custom": values["custom"]} for changed in changes(rest)]
    digests = [figure(changed, mix)["digest"] for changed in others]
    digests += [figure(values, changed)["digest"] for changed in changes(mix)]
    assert len(digests) > 300
    assert expected["digest"] not in digests
    assert figure(dict(reversed(values.items())), mix) == expected  # the order of keys is no difference


@pytest.mark.parametrize("name", FILES)
def test_every_file_of_the_design_exists(name: str) -> None:
    """Each under exactly that name."""
    assert (REPOSITORY / "configs" / f"{name}.yaml").is_file()


def test_base_is_the_same_bytes_in_both_trees() -> None:
    """`base.yaml` is unchanged from legacy, and holds what DESIGN 3 says."""
    data = (REPOSITORY / "configs" / "base.yaml").read_bytes()
    assert data == (REPOSITORY / "legacy" / "configs" / "base.yaml").read_bytes()
    assert safe_load(data) == {
        "model": {"torch_dtype": "bfloat16", "attn_impl": "flash_attention_2"},
        "template": {"template": "qwen3_vl", "truncation_strategy": "right", "max_pixels": 1572864999},
    }


def test_the_1024_variant_ships_as_designed() -> None:
    """The overlay of DESIGN 3, to the byte, comments before it aside."""
    text = (REPOSITORY / "configs" / "fusion" / "variants" / "bbu_rru_1024.yaml").read_text()
    assert re.sub(r"\A(#.*\n)+", "", text) == VARIANT


@cache
def bodies() -> dict[str, Any]:
    """Read every file below configs/ on its own."""
    folder = REPOSITORY / "configs"
    return {
        str(file.relative_to(folder)): safe_load(file.read_bytes()) or {} for file in sorted(folder.rglob("*.yaml"))
    }


def bases(name: str) -> list[str]:
    """Give the files that one extends, by their path below configs/."""
    named = bodies()[name].get("extends", [])
    folder = (REPOSITORY / "configs" / name).parent
    root = REPOSITORY / "configs"
    return [str((folder / base).resolve().relative_to(root)) for base in ([named] if isinstance(named, str) else named)]


def test_a_component_holds_one_section() -> None:
    """One top-level section each, the extends key not counted."""
    components = {name: body for name, body in bodies().items() if name.startswith("components/")}
    assert len(components) >= 15
    assert {name: list(body) for name, body in components.items() if len(body.keys() - {"extends"}) != 1} == {}


def test_output_paths_and_run_names_stand_in_no_component() -> None:
    """`output_dir`, `logging_dir` and `run_name` are a preset's own."""
    for name, body in bodies().items():
        if name.startswith("components/"):
            found = {path[-1] for path, _ in leaves(node_of(body))}
            assert found.isdisjoint({"output_dir", "logging_dir", "run_name"}), name


def test_every_component_and_every_fusion_base_is_used() -> None:
    """Nothing ships that nothing extends; every mix outside of the variants is named by a preset."""
    used = {base for name in bodies() for base in bases(name)}
    unused = [name for name in bodies() if name.startswith(("components/", "fusion/base/")) and name not in used]
    assert unused == []
    named = {body.get("custom", {}).get("fusion_config") for body in bodies().values()}
    assert "configs/fusion/stage_b_distill.yaml" in named


def restated(name: str) -> list[str]:
    """Give the leaves of a file that its bases already set to the same value, in type and content."""
    own = {path: leaf.value for path, leaf in leaves(node_of(bodies()[name]))}
    inherited: Any = {}
    for base in bases(name):
        inherited = naive_merge(inherited, naive(REPOSITORY / "configs" / base))
    before = {path: leaf.value for path, leaf in leaves(node_of(inherited))}
    return [
        ".".join(map(str, path))
        for path, value in own.items()
        if path in before and typed(before[path]) == typed(value)
    ]


def test_no_preset_and_no_component_restates_what_it_inherits() -> None:
    """A preset sets its own deltas alone; items of a list that is replaced whole are not restated."""
    found = {
        name: [path for path in restated(name) if not re.search(r"\.\d+(\.|$)", path)]
        for name in bodies()
        if not name.startswith("fusion/")
    }
    assert {name: paths for name, paths in found.items() if paths} == {}


def test_a_restated_value_would_be_seen() -> None:
    """The negative control: most leaves of debug.yaml are there once it is put on top of itself."""
    name = "smoke/sft_dense_tiny.yaml"
    before = bodies()[name]
    held = bodies()["debug.yaml"]
    try:
        bodies()[name] = {**held, "extends": before["extends"]}
        assert len(restated(name)) > 10
    finally:
        bodies()[name] = before


def test_no_overlay_restates_an_entry_s_value() -> None:
    """In a variant only what differs from the base entry of that name is set."""
    for name, body in bodies().items():
        if not name.startswith("fusion/"):
            continue
        inherited: dict[str, Any] = {}
        for base in bases(name):
            for section in ("targets", "sources"):
                for entry in bodies()[base].get(section) or []:
                    inherited[entry.get("name", entry.get("dataset"))] = entry
        for section in ("targets", "sources"):
            for entry in body.get(section) or []:
                known = entry.get("name", entry.get("dataset"))
                again = [
                    key
                    for key, value in entry.items()
                    if key not in ("name", "dataset")
                    and typed(inherited.get(known, {}).get(key, object)) == typed(value)
                ]
                assert again == [], f"{name}: {known}"


def test_presets_extend_base_then_components_then_presets() -> None:
    """Bases come in the order base, components, preset; each preset is built on base in the end."""
    names = [name for name in bodies() if not name.startswith(("components/", "fusion/", "base"))]
    for name in names:
        named = bases(name)
        assert named, name
        ranks = [0 if base == "base.yaml" else 1 if base.startswith("components/") else 2 for base in named]
        # what refines a preset comes behind it; whatever else is a component comes before
        general = ranks[: ranks.index(2)] if 2 in ranks else ranks
        assert general == sorted(general), name
        composer = Composer(layout_of(), Disk(str(REPOSITORY)))
        assert "configs/base.yaml" in composer.preset(f"configs/{name}").chain.files()


def test_the_new_grpo_presets_are_as_designed() -> None:
    """`summary_2048` has the digest of its base; `summary_1024` has its own mix and suffix."""
    values, mix = lock_and_mix("train/grpo/summary_2048")
    assert figure(values, mix) == figure(*lock_and_mix("train/grpo/summary_base"))
    values, mix = lock_and_mix("train/grpo/summary_1024")
    base, _ = lock_and_mix("train/grpo/summary_base")
    assert typed(mix) == typed(lock("fusion/variants/summary_grpo_1024"))
    before = {path: leaf.value for path, leaf in leaves(node_of(base))}
    differing = {
        path: (old, leaf.value) for path, leaf in leaves(node_of(values)) if (old := before[path]) != leaf.value
    }
    assert all(new == old + "-1024" for path, (old, new) in differing.items() if path[-1] != "fusion_config")
    assert {path[-1] for path in differing} >= {"fusion_config"}


def test_every_preset_and_mix_has_its_lock_and_every_lock_its_source() -> None:
    """Twelve legacy presets, two new ones, seven mixes."""
    locks = {str(file.relative_to(REPOSITORY / "build")) for file in (REPOSITORY / "build").rglob("*.lock.yaml")}
    names = [*PRESETS.values(), *NEW, *(f"fusion/{name}" for name in MIXES.values())]
    assert locks >= {f"{name}.lock.yaml" for name in names}
    sources = {
        file.relative_to(REPOSITORY / "configs").with_suffix("") for file in (REPOSITORY / "configs").rglob("*.y*ml")
    }
    assert {Path(name.removesuffix(".lock.yaml")) for name in locks} <= sources


def test_the_committed_locks_are_fresh() -> None:
    """`check` over this repository finds nothing, not even a warning."""
    found = check(opened())
    assert found.problems == ()
    assert found.fresh >= len(PRESETS) + len(NEW) + len(MIXES)


def test_the_texts_that_are_the_point_of_the_exercise_occur() -> None:
    """Chinese text, "no" as a word, null, empty lists and 1.0e-7 are in the locks, and of the right type."""
    found = [leaf.value for name in PRESETS.values() for _, leaf in leaves(node_of(lock(name)))]
    assert any(isinstance(value, str) and re.search(r"[\u4e00-\u9fff]", value) for value in found)
    assert "no" in found
    assert None in found
    assert [] in found
    assert any(type(value) is float and 0 < value < 1e-4 for value in found)
    assert digest(replaced(node_of({"a": "x"}), ("a",), FusionPath(node_of({})))) != digest(node_of({"a": {}}))
