"""lockfile: how a lock that is not what its sources compile to is called, and what is said of why."""

from __future__ import annotations

import re

import pytest

from builders import Files, content, lock_of
from compiler.lockfile import drift
from world import LOCK, P

MIX = "targets: [{name: a, dataset: d, train_jsonl: a.jsonl}]"
BEFORE: dict[str, str | bytes] = {
    "configs/base.yaml": "lr: 1\nseed: 2\n",
    "configs/fusion/m.yaml": MIX,
    P: "extends: ../base.yaml\nname: x\nops: [1, 2]\nfusion: configs/fusion/m.yaml\n",
}


def drifted(found: str | bytes | None, *, after: Files = BEFORE, mix: str | None = None) -> str:
    """Say how bytes at the lock's place differ from what the files compile to, as `code: why`."""
    data = found.encode() if isinstance(found, str) else found
    fusion = (mix if mix is not None else lock_of(BEFORE, "configs/fusion/m.yaml")).encode()
    problem = drift(LOCK, data, lock_of(after, P).encode(), ("fusion",), lambda _path: fusion or None)
    return f"{problem.code}: {problem.why}" if problem is not None else "fresh"


FRESH = lock_of(BEFORE, P)
EDITED = "lock-edited: its values do not give its own digest: "

DRIFTS: list[tuple[str, str | bytes | None, str]] = [
    ("equal", FRESH, "fresh"),
    ("missing", None, "lock-missing: nothing was ever built, or it was deleted"),
    ("foreign", "lr: 1\n", "foreign-file: it lies where a lock should lie, and is left alone"),
    ("emptied", "", "lock-damaged: its first lines say what it was made from"),
    ("torn in the header", FRESH[:70], "lock-damaged: its first lines say what it was made from"),
    ("torn before the digest", FRESH[:115], "lock-damaged: its first lines say what it was made from"),
    (
        "no digest",
        FRESH.replace("# digest", "# digst"),
        "lock-damaged: its first lines say what it was made from",
    ),
    (
        "no number of format",
        FRESH.replace("format: 1", "format: x"),
        "lock-damaged: its first lines say what it was made from",
    ),
    ("bad YAML", FRESH + "  ]", "lock-damaged: "),
    ("a value edited", FRESH.replace("lr: 1 ", "lr: 3 "), EDITED + "`lr` is `3` and compiles to `1`"),
    ("a value retyped", FRESH.replace("lr: 1 ", "lr: 1.0"), EDITED + "`lr` is `1.0` and compiles to `1`"),
    ("a key dropped", re.sub("seed: .*\n", "", FRESH), EDITED + "`seed` is absent and compiles to `2`"),
    ("a key added", FRESH + "extra: 1\n", EDITED + "`extra` is `1` and compiles to absent"),
    ("an item edited", FRESH.replace("[1, 2]", "[1, 3]"), EDITED + "`ops[1]` is `3` and compiles to `2`"),
    (
        "items reordered",
        FRESH.replace("[1, 2]", "[2, 1]"),
        EDITED + "`ops[0]` is `2` and compiles to `1`, `ops[1]` is `1` and compiles to `2`",
    ),
    (
        "the fusion path edited",
        re.sub("fusion: build.*", "fusion: other.yaml", FRESH),
        "lock-edited: `fusion` is `other.yaml` and compiles to `build/fusion/m.lock.yaml`",
    ),
    (
        "the fusion path dropped",
        re.sub("\nfusion: build.*", "", FRESH),
        EDITED + "`fusion` is absent and compiles to `build/fusion/m.lock.yaml`",
    ),
    (
        "a comment edited",
        FRESH.replace("# base", "# bass"),
        "lock-edited: its comments or its layout changed",
    ),
    ("a comment appended", FRESH + "# mine\n", "lock-edited: its comments or its layout changed"),
    (
        "keys reordered",
        FRESH.replace("\nlr: 1 ", "\nlr: 1  "),
        "lock-edited: its comments or its layout changed",
    ),
    (
        "the source edited",
        FRESH.replace(f"from {P}", "from configs/train/q.yaml"),
        "lock-stale: its header changed, and no value with it",
    ),
    (
        "a newer format",
        FRESH.replace("format: 1", "format: 2"),
        "lock-format: a later version wrote it",
    ),
]


@pytest.mark.parametrize(("found", "told"), [row[1:] for row in DRIFTS], ids=[row[0] for row in DRIFTS])
def test_a_lock_that_is_not_what_its_sources_compile_to_is_told_why(found: str | bytes | None, told: str) -> None:
    """Missing, foreign, damaged, edited by hand with the values named, of a newer format."""
    assert drifted(found).startswith(told)
    if told.endswith(("`", "absent", "deleted", "alone", "from")):
        assert drifted(found) == told


STALE: list[tuple[str, Files, str]] = [
    ("a value", {**BEFORE, "configs/base.yaml": "lr: 5\nseed: 2\n"}, "`lr` is `1` and compiles to `5`"),
    (
        "four values",
        {**BEFORE, "configs/base.yaml": "lr: 5\nseed: 3\na: 1\nb: 2\n"},
        (
            "`lr` is `1` and compiles to `5`, `seed` is `2` and compiles to `3`, `a` is "
            "absent and compiles to `1`, and 1 more"
        ),
    ),
    (
        "the mix",
        {**BEFORE, "configs/fusion/m.yaml": MIX + "\nx: 1"},
        "the values of its fusion config changed",
    ),
    (
        "the merge order",
        {
            **BEFORE,
            "configs/none.yaml": "",
            P: content(BEFORE[P]).replace(b"../base.yaml", b"[../none.yaml, ../base.yaml]"),
        },
        "its merge order changed, and no value with it",
    ),
]


@pytest.mark.parametrize(("after", "why"), [row[1:] for row in STALE], ids=[row[0] for row in STALE])
def test_a_stale_lock_names_what_changed(after: Files, why: str) -> None:
    """Sources that moved on: values by name, else the mix, else the merge order."""
    assert drifted(FRESH, after=after) == f"lock-stale: {why}"


def test_an_edit_of_a_stale_lock_is_still_called_an_edit() -> None:
    """The lock's own digest tells a hand's edit from a source's."""
    after = {**BEFORE, "configs/base.yaml": "lr: 5\nseed: 2\n"}
    assert drifted(FRESH.replace("seed: 2 ", "seed: 9 "), after=after).startswith(EDITED)


@pytest.mark.parametrize("mix", ["", "x: 1\n", "# Locked by trainlock from"])
def test_a_lock_whose_fusion_lock_is_gone_is_not_called_edited(mix: str) -> None:
    """Where the mix cannot be read its digest cannot be computed, and no edit is claimed."""
    assert drifted(FRESH, mix=mix) == "fresh"
    after = {**BEFORE, "configs/base.yaml": "lr: 5\nseed: 2\n"}
    assert drifted(FRESH, after=after, mix=mix) == "lock-stale: `lr` is `1` and compiles to `5`"
