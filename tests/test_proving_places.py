"""proving: where each difference was written on either side, and the line of our sources to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from builders import Files
from provings import (
    OLD_WIDE,
    OURS,
    WIDE,
    changes,
    edit,
    place,
    prove,
    rebuild,
    told,
    world,
)

OPS, MIX, BASE = "configs/parts/ops.yaml", "configs/fusion/m.yaml", "configs/base.yaml"
OLD = f"legacy/{OLD_WIDE}"
OLD_MIX = "legacy/configs/dataset_mix/m.yaml"


def seen(root: Path, path: str, old: str, new: str) -> list[str]:
    """Edit a source, build, and give each difference in one line."""
    world(root)
    edit(root, path, old, new)
    rebuild(root)
    return changes(prove(root))


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        (WIDE, "lr: 2.0e-4", "lr: 0.0003", f"lr changed: 0.0002 at {OLD}:2:1 to 0.0003 at {WIDE}:2:1, see {WIDE}:2"),
        (WIDE, "2.0e-4", '"2.0e-4"', f'lr retyped: 0.0002 at {OLD}:2:1 to "2.0e-4" at {WIDE}:2:1, see {WIDE}:2'),
        (WIDE, "lr: 2.0e-4", "lr: null", f"lr changed: 0.0002 at {OLD}:2:1 to null at {WIDE}:2:1, see {WIDE}:2"),
        (WIDE, "lr: 2.0e-4\n", "", f"lr removed: 0.0002 at {OLD}:2:1 to - at -, see {WIDE}:1"),
        (WIDE, "lr: 2", "new: {a: {b: x}}\nlr: 2", f"new.a.b added: - at - to x at {WIDE}:2:11, see {WIDE}:2"),
        (
            BASE,
            "  eps: 1.0e-8\n",
            "",
            f"opt.eps removed: 1.0e-08 at legacy/configs/base.yaml:2:19 to - at -, see {BASE}:2",
        ),
        (
            WIDE,
            "lr: 2",
            "opt: null\nlr: 2",
            f"opt changed: {{name: adam, eps: 1.0e-08}} at legacy/configs/base.yaml:2:1 to null at {WIDE}:2:1,"
            f" see {WIDE}:2",
        ),
    ],
)
def test_a_changed_key_is_told_where_it_is_and_a_removed_one_at_its_parent(
    tmp_path: Path, path: str, old: str, new: str, expected: str
) -> None:
    """Of a key at the top nothing is left but the preset itself: its line 1."""
    assert seen(tmp_path, path, old, new) == [expected]


@pytest.mark.parametrize(
    ("old", "new", "kind", "line"),
    [
        ("tags: [a, b]", "tags: [a, c]", "changed", 7),
        ("tags: [a, b]", "tags:\n  - a\n  - c", "changed", 9),
        ("tags: [a, b]", "tags:\n  - a\n  - b\n  - c", "changed", 10),
        ("tags: [a, b]", "tags:\n  - x\n  - a\n  - b", "changed", 8),
        ("tags: [a, b]", "tags:\n\n  - a", "changed", 7),
        ("tags: [a, b]", "tags:\n\n  - b", "changed", 7),
        ("tags: [a, b]", "tags:\n  - b\n  - a", "reordered", 8),
        ("tags: [a, b]", "tags: []", "changed", 7),
        ("tags: [a, b]", "tags: a", "retyped", 7),
    ],
)
def test_a_list_is_told_on_its_key_and_seen_at_its_first_item_that_differs(
    tmp_path: Path, old: str, new: str, kind: str, line: int
) -> None:
    """An item that was appended is that item; one that is gone leaves the key of the list."""
    [told_so] = seen(tmp_path, OPS, old, new)
    assert told_so.startswith(f"tags {kind}: [a, b] at {OLD}:6:1 to ")
    assert told_so.endswith(f" at {OPS}:7:1, see {OPS}:{line}")


@pytest.mark.parametrize(
    ("old", "new", "line", "within"),
    [
        ("p: 0.1", "p: 0.2", 5, [("ops[crop].p", "changed", "0.1", "0.2", f"{OLD}:5:18", f"{OPS}:5:5", 5)]),
        ("    p: 0.1\n", "", 4, [("ops[crop].p", "removed", "0.1", "", f"{OLD}:5:18", None, 4)]),
        ("p: 0.1", "p: 0.1\n    q: 1", 6, [("ops[crop].q", "added", "", "1", None, f"{OPS}:6:5", 6)]),
        ("[2, 3]", "[2, 4]", 6, [("ops[crop].size", "changed", "[2, 3]", "[2, 4]", f"{OLD}:5:26", f"{OPS}:6:5", 6)]),
        (
            "name: flip",
            "name: turn",
            2,
            [
                ("ops[flip].name", "removed", "flip", "", f"{OLD}:4:6", None, 1),
                ("ops[flip].p", "removed", "0.5", "", f"{OLD}:4:18", None, 1),
                ("ops[turn].name", "added", "", "turn", None, f"{OPS}:2:5", 2),
                ("ops[turn].p", "added", "", "0.5", None, f"{OPS}:3:5", 3),
            ],
        ),
    ],
)
def test_a_list_of_named_items_is_told_as_what_changed_within_it(
    tmp_path: Path, old: str, new: str, line: int, within: list[tuple[str | int | None, ...]]
) -> None:
    """Each inner change has its own two places and its own line; one problem is told for each of them."""
    world(tmp_path)
    edit(tmp_path, OPS, old, new)
    rebuild(tmp_path)
    proof = prove(tmp_path)
    [one] = proof.data["differences"]
    assert (one["key"], one["legacy_origin"], one["origin"], place(one)) == (
        "ops",
        f"{OLD}:3:1",
        f"{OPS}:1:1",
        f"{OPS}:{line}",
    )
    assert [
        (
            part["key"],
            part["kind"],
            part["legacy_text"],
            part["compiled_text"],
            part["legacy_origin"],
            part["origin"],
            part["line"]["line"],
        )
        for part in one["within"]
    ] == within
    assert [problem.origin.line for problem in proof.problems] == [part[-1] for part in within]


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        (
            MIX,
            "ratio: 0.1",
            "ratio: 0.2",
            f"fusion:sources[s].ratio changed: 0.1 at {OLD_MIX}:2:55 to 0.2 at {MIX}:6:5, see {MIX}:6",
        ),
        (
            MIX,
            "    ratio: 0.1",
            "    ratio: 0.1\n    mode: dense",
            f"fusion:sources[s].mode added: - at - to dense at {MIX}:7:5, see {MIX}:7",
        ),
        (
            MIX,
            "extends: base.yaml\n",
            "extends: base.yaml\ntargets:\n  - {name: t, ratio: 2.0}\n",
            f"fusion:targets[t].ratio changed: 1.0 at {OLD_MIX}:1:55 to 2.0 at {MIX}:3:15, see {MIX}:3",
        ),
        (
            "configs/fusion/base.yaml",
            ", ratio: 1.0",
            "",
            f"fusion:targets[t].ratio removed: 1.0 at {OLD_MIX}:1:55 to - at -, see configs/fusion/base.yaml:2",
        ),
        (
            MIX,
            "extends: base.yaml\n",
            "extends: base.yaml\nseed: 1\n",
            f"fusion:seed added: - at - to 1 at {MIX}:2:1, see {MIX}:2",
        ),
    ],
)
def test_a_leaf_of_the_mix_is_told_in_the_file_of_the_mix_that_set_it(
    tmp_path: Path, path: str, old: str, new: str, expected: str
) -> None:
    """In an overlay, in its base, or in an entry that both share; entries are known by name."""
    assert seen(tmp_path, path, old, new) == [expected]


def test_a_key_that_the_mix_lost_is_told_at_the_mix(tmp_path: Path) -> None:
    """Of a key at its top nothing is left but line 1 of the mix; of an entry, the list that lost it."""
    world(tmp_path, {"legacy/configs/dataset_mix/m.yaml": """
        seed: 1
        targets: [{name: t, dataset: d, train_jsonl: t.jsonl, ratio: 1.0}]
        sources:
          - {name: s, dataset: e, train_jsonl: s.jsonl, ratio: 0.1}
          - {name: u, dataset: e, train_jsonl: u.jsonl, ratio: 1}
        """})  # fmt: skip
    assert changes(prove(tmp_path)) == [
        f"fusion:seed removed: 1 at {OLD_MIX}:1:1 to - at -, see {MIX}:1",
        f"fusion:sources[u].name removed: u at {OLD_MIX}:5:6 to - at -, see {MIX}:2",
        f"fusion:sources[u].dataset removed: e at {OLD_MIX}:5:15 to - at -, see {MIX}:2",
        f"fusion:sources[u].train_jsonl removed: u.jsonl at {OLD_MIX}:5:27 to - at -, see {MIX}:2",
        f"fusion:sources[u].ratio removed: 1 at {OLD_MIX}:5:49 to - at -, see {MIX}:2",
    ]


def test_entries_in_another_order_are_one_change(tmp_path: Path) -> None:
    """It stands on the list, and is seen where the first entry is another."""
    mix = "targets:\n- {name: t, dataset: d, train_jsonl: t.jsonl}\n- {name: u, dataset: d, train_jsonl: u.jsonl}\n"
    turned = "targets:\n- {name: u, dataset: d, train_jsonl: u.jsonl}\n- {name: t, dataset: d, train_jsonl: t.jsonl}\n"
    world(tmp_path, {"legacy/configs/dataset_mix/m.yaml": mix, MIX: turned})
    [one] = prove(tmp_path).data["differences"]
    assert (one["key"], one["kind"], one["origin"], place(one)) == (
        "fusion:targets",
        "reordered",
        f"{MIX}:1:1",
        f"{MIX}:2",
    )


def test_a_mix_that_one_side_lacks_is_told_on_the_key_that_names_it(tmp_path: Path) -> None:
    """In the sources of that side, though the lock holds another path there."""
    world(tmp_path, {OLD: "seed: 1\nopt: {name: adam, eps: 1.0e-8}\n"})
    shown = {line.split(" ")[0]: line for line in changes(prove(tmp_path))}
    assert shown["fusion"] == (f"fusion added: - at - to build/fusion/m.lock.yaml at {WIDE}:3:1, see {WIDE}:3")
    edit(tmp_path, WIDE, "fusion: configs/fusion/m.yaml\n", "")
    rebuild(tmp_path)
    assert "fusion" not in {line.split(" ")[0] for line in changes(prove(tmp_path))}


def test_the_latest_fragment_that_set_a_value_is_the_one_that_is_told(tmp_path: Path) -> None:
    """Not the one that it overrode, though that holds the key as well."""
    assert seen(tmp_path, WIDE, "lr: 2", "opt: {eps: 1.0}\nlr: 2") == [
        f"opt.eps changed: 1.0e-08 at legacy/configs/base.yaml:2:19 to 1.0 at {WIDE}:2:7, see {WIDE}:2"
    ]


def test_lists_that_a_team_keys_are_told_entry_by_entry(tmp_path: Path) -> None:
    """By the key of its own, though the entries have names besides."""
    old: Files = {OLD: "ops: [{id: 1a, name: x, p: 1}, {id: 2b, name: x, p: 2}]\n"}
    ours: Files = {
        **OURS,
        OPS: "ops:\n  - {id: 1a, name: x, p: 1}\n  - {id: 2b, name: x, p: 2}\n",
        WIDE: "extends: ../parts/ops.yaml\nops:\n  - id: 2b\n    p: 3\n",
    }
    given: dict[str, Any] = {"keyed": ((("ops",), ("id",)),)}
    world(tmp_path, {**ours, **old}, **given)
    assert changes(prove(tmp_path, given=given)) == [
        f"ops[2b].p changed: 2 at {OLD}:1:50 to 3 at {WIDE}:4:5, see {WIDE}:4"
    ]


def test_the_legacy_tree_is_not_read_as_a_team_keys_its_lists_today(tmp_path: Path) -> None:
    """The old loader replaced lists; a place in the base that it overrode would be a lie."""
    given: dict[str, Any] = {"keyed": ((("ops",), ("name",)),)}
    legacy: Files = {
        "legacy/configs/base.yaml": "ops:\n- {name: a, p: 1}\n- {name: b, p: 1}\n",
        OLD: "extends: ../base.yaml\nops:\n- {name: b, p: 2}\n",
    }
    world(tmp_path, {**legacy, WIDE: "ops:\n- {name: b, p: 3}\n"}, **given)
    assert changes(prove(tmp_path, given=given)) == [
        f"ops[b].p changed: 2 at {OLD}:3:13 to 3 at {WIDE}:2:13, see {WIDE}:2"
    ]


def test_what_is_gone_deep_in_a_list_is_seen_at_what_held_it(tmp_path: Path) -> None:
    """Not at the item as a whole: the innermost mapping that lost a key."""
    item = "ops:\n- name: a\n  params:\n    p: 1\n"
    world(tmp_path, {OLD: item + "    q: {r: 1}\n", WIDE: item})
    [one] = prove(tmp_path).data["differences"]
    assert (one["origin"], place(one)) == (f"{WIDE}:1:1", f"{WIDE}:3")
    [part] = one["within"]
    assert (part["key"], part["kind"], place(part)) == ("ops[a].params.q.r", "removed", f"{WIDE}:3")


def test_where_the_legacy_tree_does_not_compose_there_is_no_place(tmp_path: Path) -> None:
    """The old loader took a source without ratio, and we do not: its record counts all the same."""
    mix = "targets: [{name: t, dataset: d, train_jsonl: t.jsonl, ratio: 1.0}]\nsources: [{name: s, dataset: e}]\n"
    world(tmp_path, {OLD_MIX: mix, WIDE: str(OURS[WIDE]).replace("2.0e-4", "0.0003")})
    proof = prove(tmp_path)
    assert changes(proof)[0] == f"lr changed: 0.0002 at - to 0.0003 at {WIDE}:2:1, see {WIDE}:2"
    assert told(proof.problems)[0] == f"{WIDE}:2:1: error not-equivalent"
    assert "in the place of" not in proof.problems[0].notes[0].text
