"""proving: over a history of edits exactly the leaves that truly differ are told, and not one more."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from builders import Files, write
from compiler import proving
from provings import prover, rebuild
from repositories import commit, git

PRESETS: Final = ("configs/train/wide.yaml", "configs/train/narrow.yaml", "configs/train/deep/er.yaml")

FILES: Final[Files] = {
    "configs/base.yaml": "seed: 1\nopt: {name: adam, eps: 1.0e-8, betas: [0.9, 0.99]}\nflags: {a: true, b: null}\n",
    "configs/more.yaml": "opt: {eps: 1.0}\ntags: [x, y]\nname: more\n",
    "configs/fusion/base.yaml": """
        targets:
          - {name: t, dataset: d, train_jsonl: t.jsonl, ratio: 1.0}
          - {name: u, dataset: d, train_jsonl: u.jsonl, params: {a: 1}}
        """,
    "configs/fusion/m.yaml": """
        extends: base.yaml
        sources:
          - {name: s, dataset: e, train_jsonl: s.jsonl, ratio: 0.1}
        """,
    PRESETS[0]: "extends: [../base.yaml, ../more.yaml]\nlr: 2.0e-4\nfusion: configs/fusion/m.yaml\n",
    PRESETS[1]: "extends: wide.yaml\nlr: 1.0e-4\nflags: {c: 1}\n",
    PRESETS[2]: "extends: ../../base.yaml\nfusion: null\nops: [{name: a, p: 1}, {name: b, p: 2}]\n",
}

VALUES: Final = [None, True, False, 0, 1, 1.0, "1", "x", 0.5, -0.0, [], {}, [1, 2], [2, 1], {"q": 1}, {"q": {"r": [1]}}]


def edited(dice: random.Random, document: dict[str, Any]) -> None:
    """Change a document somewhere, as a person would: a value, a key more, a key less, a key renamed."""
    place: dict[str, Any] = document
    while True:
        below = [child for key, child in place.items() if isinstance(child, dict) and child]
        if not below or dice.random() < 0.4:
            break
        place = dice.choice(below)
    fixed = ("extends", "fusion", "targets", "sources", "name", "dataset", "train_jsonl", "ratio")
    keys = [key for key in place if key not in fixed]
    what = dice.random()
    if what < 0.5 and keys:
        place[dice.choice(keys)] = dice.choice(VALUES)
    elif what < 0.75 or not keys:
        place[f"k{dice.randrange(5)}"] = dice.choice(VALUES)
    else:
        value = place.pop(dice.choice(keys))
        if what < 0.85:
            place[f"k{dice.randrange(5)}"] = value


def edit_somewhere(dice: random.Random, root: Path) -> None:
    """Edit one or two files of a repository, its mixes among them."""
    for path in dice.sample([*FILES], dice.choice([1, 1, 2])):
        document = yaml.safe_load((root / path).read_text())
        entries = [entry for name in ("targets", "sources") for entry in document.get(name) or []]
        if entries:
            dice.choice(entries)["ratio"] = dice.choice([0.1, 1, 1.0, 2.5])
            edited(dice, dice.choice(entries))
            if dice.random() < 0.3 and len(document.get("targets") or []) > 1:
                document["targets"].reverse()
        else:
            edited(dice, document)
        (root / path).write_text(yaml.safe_dump(document, sort_keys=False))


# ------------------------------------------------------------------------------------------ another way to compare


def same(one: Any, other: Any) -> bool:
    """Say whether two values are equal in type and content; the order of keys is none of either."""
    texts = [json.dumps(value, sort_keys=True) for value in (one, other)]
    return texts[0] == texts[1]


def leaves(value: Any, path: tuple[str, ...]) -> set[tuple[str, ...]]:
    """Give the paths of the leaves of what one side lacks; a list is one."""
    if isinstance(value, dict) and value:
        return set().union(*(leaves(child, (*path, key)) for key, child in value.items()))
    return {path}


def by_name(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Give entries by name."""
    return {entry["name"]: entry for entry in entries}


def unequal(one: Any, other: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Give the paths at which two documents differ, as a reader of the promise would count them."""
    if path in (("targets",), ("sources",)) and isinstance(one, list) and isinstance(other, list):
        a, b = by_name(one), by_name(other)
        moved = [name for name in a if name in b] != [name for name in b if name in a]
        return unequal({"": a}, {"": b}, path) if not moved else unequal({"": a}, {"": b}, path) | {path}
    if isinstance(one, dict) and isinstance(other, dict):
        found: set[tuple[str, ...]] = set()
        for key in {**one, **other}:
            here = (*path, key) if key else path
            if key in one and key in other:
                found |= unequal(one[key], other[key], here)
            else:
                found |= leaves(one.get(key, other.get(key)), here)
        return found
    return set() if same(one, other) else {path}


def trained(read: Callable[[str], bytes], preset: str) -> tuple[Any, Any]:
    """Give what the lock of a preset holds, and what the fusion lock holds at which it points, if it does."""
    values = yaml.safe_load(read(preset.replace("configs/", "build/").replace(".yaml", ".lock.yaml")))
    named = values.get("fusion")
    return values, yaml.safe_load(read(named)) if named else None


def truly(root: Path, name: str, preset: str) -> set[tuple[str, tuple[str, ...]]]:
    """Give document and path of all that differs between the locks of a revision and those on disk."""
    old, old_mix = trained(lambda path: git(root, "show", f"{name}:{path}").encode(), preset)
    new, new_mix = trained(lambda path: (root / path).read_bytes(), preset)
    found = {("preset", path) for path in unequal(old, new)}
    if old_mix is not None and new_mix is not None:
        found |= {("fusion", path) for path in unequal(old_mix, new_mix)}
    return found


# ------------------------------------------------------------------------------------------ the history


def grown(root: Path, dice: random.Random) -> list[str]:
    """Make a repository with a dozen commits, of which some forgot to build; gives the hashes, the latest first."""
    write(root, FILES)
    rebuild(root)
    commits = [commit(root)]
    for _ in range(12):
        edit_somewhere(dice, root)
        if dice.random() < 0.7:
            rebuild(root)
        commits.append(commit(root))
    edit_somewhere(dice, root)
    rebuild(root)
    return commits[::-1]


@pytest.mark.parametrize("seed", range(3))
def test_exactly_what_truly_differs_is_told_over_a_history(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the locks committed at both ends, compared by other means; each line that is told holds the key it is of."""
    monkeypatch.setattr(proving, "chosen", lambda *_: [])  # the drill is another promise
    dice = random.Random(seed)
    told = 0
    for name in grown(tmp_path, dice):
        made = prover(tmp_path, name)
        assert [(pair.legacy, pair.preset) for pair in made.pairs] == [(one, one) for one in sorted(PRESETS)]
        for pair in made.pairs:
            assert pair.preset is not None
            data = made.prove(pair).data
            found = {(one["document"], tuple(one["path"])) for one in data["differences"]}
            assert found == truly(tmp_path, name, pair.preset), (name, pair.preset)
            assert len(found) == len(data["differences"])
            assert data["verdict"] == ("DIFFERENT" if found else "EQUIVALENT")
            assert data["compared"] == {"legacy": "lock", "compiled": "lock"}
            told += len(found)
            for one in data["differences"]:
                lines = (tmp_path / one["line"]["file"]).read_text().split("\n")
                line = lines[one["line"]["line"] - 1]
                if one["kind"] in ("added", "changed", "retyped") and not isinstance(one["compiled"], list):
                    assert line[one["line"]["column"] - 1 :].startswith(f"{one['path'][-1]}:"), one
                if one["kind"] != "removed":
                    assert one["origin"].startswith(one["line"]["file"])
    assert told > 100


def test_a_history_that_changes_no_value_is_equivalent_all_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refactor moves values between files, renames mixes and reorders keys: each commit trains as the one before."""
    monkeypatch.setattr(proving, "chosen", lambda *_: [])
    write(tmp_path, FILES)
    rebuild(tmp_path)
    commit(tmp_path)
    mix = str(FILES["configs/fusion/m.yaml"]).replace("extends: base.yaml", "extends: deeper/base.yaml")
    steps: list[Files] = [
        {"configs/parts/opt.yaml": "opt: {betas: [0.9, 0.99], eps: 1.0e-8, name: adam}\n"},
        {"configs/base.yaml": "extends: parts/opt.yaml\nflags: {b: null, a: true}\nseed: 1\n"},
        {"configs/fusion/other.yaml": mix, "configs/fusion/deeper/base.yaml": FILES["configs/fusion/base.yaml"]},
        {PRESETS[0]: str(FILES[PRESETS[0]]).replace("fusion/m.yaml", "fusion/other.yaml")},
        {PRESETS[2]: "extends: [../../parts/opt.yaml, ../../base.yaml]\nfusion: null\n"
         "ops:\n- name: a\n  p: 1\n- {p: 2, name: b}\n"},
    ]  # fmt: skip
    for step in steps:
        write(tmp_path, step)
        if "configs/fusion/other.yaml" in step:
            shutil.rmtree(tmp_path / "build")
        rebuild(tmp_path)
        for name in ("HEAD", git(tmp_path, "rev-list", "--max-parents=0", "HEAD").strip()):
            made = prover(tmp_path, name)
            assert [made.prove(pair).data["verdict"] for pair in made.pairs] == ["EQUIVALENT"] * 3
        commit(tmp_path)
