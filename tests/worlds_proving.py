"""Worlds in which a proof fails, and how a test writes legacy records."""

from __future__ import annotations

import datetime
import hashlib
import json
import subprocess
from collections.abc import Callable, Iterable
from typing import Any, Final
from unittest import mock

import yaml

from builders import Files, content
from compiler.compare import Policies, Side
from compiler.mapping import Waiver
from compiler.pipeline import Check, Workspace, build
from compiler.problems import in_order
from compiler.proving import Prover, other_side
from compiler.verdict import Judged, unexcused
from world import P, World

TODAY: Final = datetime.date(2026, 1, 1)
"""The day by which waivers expire in tests."""

OLD: Final = "legacy/configs/old.yaml"
MAPPING: Final = "legacy/mapping.yaml"
FIGURES: Final = "legacy/figures.json"
MAPPED: Final = f"presets:\n  configs/old.yaml: {P}\n"


def tree_of(files: Files) -> str:
    """Give the digest of the legacy tree that some files are."""
    paths = sorted(path for path in files if path.startswith("legacy/configs/"))
    lines = [f"{hashlib.sha256(content(files[path])).hexdigest()} {path.removeprefix('legacy/')}\n" for path in paths]
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def record_path(path: str) -> str:
    """Give where the record of a legacy file lies."""
    return path.replace("legacy/configs/", "legacy/records/configs/", 1).replace(".yaml", ".json")


def record(path: str, values: Any, tree: str, /, **given: Any) -> str:
    """Give the text of the record of a legacy file: a mix if it lies below `mixes/`, else a preset; `given` wins."""
    source = path.removeprefix("legacy/")
    kind = "mix" if "/mixes/" in path else "preset"
    return json.dumps({"schema_version": 1, "kind": kind, "source": source, "tree": tree, "values": values, **given})


def recorded(files: Files) -> Files:
    """Give files with the records of those below `legacy/configs/`, each taken as it stands."""
    tree = tree_of(files)
    old = [path for path in files if path.startswith("legacy/configs/")]
    return {**files, **{record_path(path): record(path, yaml.safe_load(content(files[path])), tree) for path in old}}


def told_by(prover: Prover) -> Check:
    """Prove every pair, and give everything that is told."""
    found = [prover.prove(pair) for pair in prover.pairs]
    wrong = prover.wrong([proof.data for proof in found])
    return Check(0, tuple(in_order([*wrong, *(problem for proof in found for problem in proof.problems)])))


def prove(workspace: Workspace) -> Check:
    """Build, and prove everything against the legacy records."""
    build(workspace)
    return told_by(Prover(Workspace(workspace.layout), today=TODAY))


def prove_blindly(workspace: Workspace) -> Check:
    """Prove with a gate that does not see when a key is gone."""

    def blind(
        legacy: Side, compiled: Side, policies: Policies, waivers: Iterable[Waiver], *rest: Any
    ) -> tuple[Judged, ...]:
        found = unexcused(legacy, compiled, policies, waivers, *rest)
        return tuple(judged for judged in found if judged.difference.kind != "removed")

    with mock.patch("compiler.mutants.unexcused", blind):
        return prove(workspace)


def against(name: str) -> Callable[[Workspace], object]:
    """Look for a revision in a git repository without any commit."""

    def find(workspace: Workspace) -> object:
        subprocess.run(["git", "init", "-q", workspace.layout.root], check=True)
        return other_side(workspace, name)

    return find


def waived(expires: str = "2027-01-31") -> str:
    """Give a mapping with one waiver: `x` was 1, and may be 2."""
    return f"""{MAPPED}waivers:
- preset: {P}
  path: x
  legacy: 1
  compiled: 2
  reason: the old value was a mistake
  owner: lena
  expires: {expires}
"""


def figures(leaves: int, digest: str) -> str:
    """Give figures of the one legacy preset."""
    return json.dumps({"presets": {"configs/old.yaml": {"leaves": leaves, "digest": digest}}, "dataset_mixes": {}})


WITH_MIXES: Final = {
    P: "fusion: configs/fusion/m.yaml\n",
    "configs/fusion/m.yaml": "targets:\n- dataset: d\n  train_jsonl: x\n  ratio: 1\n",
    OLD: "fusion: configs/mixes/m.yaml\n",
    "legacy/configs/mixes/m.yaml": "targets:\n- {dataset: d, train_jsonl: x, ratio: 1.0}\n",
}
"""A preset and its mix on both sides, which differ in the type of one value."""

PROVING: Final = [
    World(
        "bad-mapping",
        {P: "x: 1", MAPPING: f"preset:\n  configs/old.yaml: {P}\n"},
        (
            "legacy/mapping.yaml: error: there is no `presets` [bad-mapping]\n"
            "  why: it says which preset took the place of each legacy preset\n"
            "  hint: such as `configs/old/wide.yaml: configs/train/sft/wide.yaml`\n"
            "legacy/mapping.yaml:1:1: error: `preset` is no part of a mapping [bad-mapping]\n"
            "    1 | preset:\n"
            "      | ^\n"
            "  hint: did you mean `presets`?"
        ),
        verb=prove,
    ),
    World(
        "bad-mapping",
        {P: "x: 1", MAPPING: f"presets:\n  configs/old.yaml: [{P}]\n  ../a.yaml: {P}\nwaivers: {{}}\n"},
        (
            "legacy/mapping.yaml:2:3: error: `configs/old.yaml` is mapped to something that is no "
            "path [bad-mapping]\n"
            "    2 |   configs/old.yaml: [configs/train/p.yaml]\n"
            "      |   ^\n"
            "  why: a path counts from the root of its side, and stays below it\n"
            "  hint: such as `configs/old/wide.yaml: configs/train/sft/wide.yaml`\n"
            "legacy/mapping.yaml:3:3: error: `../a.yaml` is no path [bad-mapping]\n"
            "    3 |   ../a.yaml: configs/train/p.yaml\n"
            "      |   ^\n"
            "  why: a path counts from the root of its side, and stays below it\n"
            "  hint: such as `configs/old/wide.yaml: configs/train/sft/wide.yaml`\n"
            "legacy/mapping.yaml:4:1: error: `waivers` is no list [bad-mapping]\n"
            "    4 | waivers: {}\n"
            "      | ^\n"
            "  hint: `waivers: []` waives nothing"
        ),
        verb=prove,
    ),
    World(
        "bad-mapping",
        {P: "x: 1", MAPPING: "presets: {}\n"},
        ("legacy/mapping.yaml: error: `presets` maps no preset [bad-mapping]\n  why: a proof of nothing is no proof"),
        verb=prove,
    ),
    World(
        "mapped-twice",
        {P: "x: 1", MAPPING: MAPPED + f"  configs/older.yaml: {P}\n"},
        (
            "legacy/mapping.yaml:3:3: error: `configs/train/p.yaml` is mapped twice [mapped-twice]\n"
            "    3 |   configs/older.yaml: configs/train/p.yaml\n"
            "      |   ^\n"
            "  why: each preset is proven by one legacy preset, and each legacy preset proves one\n"
            "  note: legacy/mapping.yaml:2:3 maps it, too\n"
            "  hint: take one of the two lines out"
        ),
        verb=prove,
    ),
    World(
        "bad-waiver",
        {P: "x: 1", MAPPING: waived(expires="'2027-01-31'").replace("reason", "reson")},
        (
            "legacy/mapping.yaml:4:3: error: this waiver needs a text as `reason` [bad-waiver]\n"
            "    4 | - preset: configs/train/p.yaml\n"
            "      |   ^\n"
            "  why: a waiver accepts exactly one difference, for a reason, until a day\n"
            "  hint: say why the difference is right\n"
            "legacy/mapping.yaml:8:3: error: this waiver has no field `reson` [bad-waiver]\n"
            "    8 |   reson: the old value was a mistake\n"
            "      |   ^\n"
            "  why: a waiver accepts exactly one difference, for a reason, until a day\n"
            "  hint: did you mean `reason`?\n"
            "legacy/mapping.yaml:10:3: error: this waiver needs a date as `expires` [bad-waiver]\n"
            "   10 |   expires: '2027-01-31'\n"
            "      |   ^\n"
            "  why: a waiver accepts exactly one difference, for a reason, until a day\n"
            "  hint: such as `expires: 2027-01-31`, without quotes"
        ),
        verb=prove,
    ),
    World(
        "expired-waiver",
        recorded({P: "x: 2", OLD: "x: 2", MAPPING: waived(expires="2025-12-31")}),
        (
            "legacy/mapping.yaml:4:3: error: the waiver of `x` of `configs/train/p.yaml` has expired "
            "[expired-waiver]\n"
            "    4 | - preset: configs/train/p.yaml\n"
            "      |   ^\n"
            "  why: it held until 2025-12-31, and lena answers for it\n"
            "  hint: undo what it accepts, or give it a later day and a reason why"
        ),
        verb=prove,
    ),
    World(
        "unused-waiver",
        recorded({P: "x: 2", OLD: "x: 2", MAPPING: waived()}),
        (
            "legacy/mapping.yaml:4:3: error: the waiver of `x` of `configs/train/p.yaml` accepts "
            "nothing [unused-waiver]\n"
            "    4 | - preset: configs/train/p.yaml\n"
            "      |   ^\n"
            "  why: it accepts one difference, by its place and both values, and there is no such "
            "difference\n"
            "  hint: take it out, or pin place and values as the report has them: most lists are one "
            "value"
        ),
        verb=prove,
    ),
    World(
        "no-legacy",
        {P: "x: 1"},
        (
            "error: there is no `legacy/mapping.yaml` to prove against [no-legacy]\n"
            "  why: it maps each legacy preset to the one that took its place\n"
            "  hint: `--against REV` or `--against DIR` compares with something else"
        ),
        verb=prove,
    ),
    World(
        "unmapped-preset",
        recorded(
            {P: "x: 1", OLD: "x: 1", "legacy/configs/q.yaml": "x: 1", "configs/train/q.yaml": "x: 1", MAPPING: MAPPED}
        ),
        (
            "legacy/mapping.yaml: error: `configs/q.yaml` of `legacy` is mapped to no preset "
            "[unmapped-preset]\n"
            "  why: what nothing took the place of is proven by nothing\n"
            "  hint: it may have become `configs/train/q.yaml`: `legacy/mapping.yaml` says what "
            "became of it, with a line `configs/q.yaml: configs/train/q.yaml` below `presets`"
        ),
        verb=prove,
    ),
    World(
        "unknown-preset",
        recorded({P: "x: 1", OLD: "x: 1", MAPPING: MAPPED.replace("/p.yaml", "/q.yaml")}),
        (
            "legacy/mapping.yaml:2:3: error: there is no preset `configs/train/q.yaml` "
            "[unknown-preset]\n"
            "    2 |   configs/old.yaml: configs/train/q.yaml\n"
            "      |   ^\n"
            "  why: `configs/old.yaml` is mapped to it, and a path counts from the repository root\n"
            "  hint: did you mean `configs/train/p.yaml`?"
        ),
        verb=prove,
    ),
    World(
        "unknown-preset",
        recorded({P: "x: 1", MAPPING: MAPPED}),
        (
            "legacy/mapping.yaml:2:3: error: there is no preset `configs/old.yaml` on the other side "
            "[unknown-preset]\n"
            "    2 |   configs/old.yaml: configs/train/p.yaml\n"
            "      |   ^\n"
            "  why: its path counts from `legacy/`"
        ),
        verb=prove,
    ),
    World(
        "stale-record",
        {**recorded({P: "x: 1", OLD: "x: 1", MAPPING: MAPPED}), OLD: "x: 2"},
        (
            "legacy/records: error: `legacy/configs` is not the tree from which 1 record was made "
            "[stale-record]\n"
            "  why: its digest is `sha256:7f18902b2c57`, and the records say otherwise; the legacy "
            "tree is frozen\n"
            "  hint: undo the edit; if it is meant, the script that made the records makes them anew"
        ),
        verb=prove,
    ),
    World(
        "bad-record",
        {**recorded({P: "x: 1", OLD: "x: 1", MAPPING: MAPPED}), record_path(OLD): '{"x": 1}'},
        (
            "legacy/records/configs/old.json: error: the record `legacy/records/configs/old.json` "
            "cannot be read [bad-record]\n"
            "  why: it has no `schema_version`\n"
            "  hint: the script that made the records makes them anew"
        ),
        verb=prove,
    ),
    World(
        "wrong-figures",
        recorded({P: "x: 1", OLD: "x: 1", MAPPING: MAPPED, FIGURES: figures(2, "sha256:0123456789abcdef")}),
        (
            "legacy/records/configs/old.json: error: the record `legacy/records/configs/old.json` "
            "does not hold the figures [wrong-figures]\n"
            "  why: `legacy/figures.json` says 2 leaves and `sha256:0123456789ab`, and the record "
            "gives 1 leaf and `sha256:84dee0e4247a`\n"
            "  hint: the script that made the records makes them anew"
        ),
        verb=prove,
    ),
    World(
        "not-equivalent",
        recorded({P: "training:\n  lr: 2.0e-4\n", OLD: "training:\n  lr: 1.0e-4\n", MAPPING: MAPPED}),
        (
            "configs/train/p.yaml:2:3: error: `training.lr` is `0.0002`, and legacy trained with "
            "`0.0001` [not-equivalent]\n"
            "    2 |   lr: 2.0e-4\n"
            "      |   ^\n"
            "  note: configs/train/p.yaml trains with it, in the place of legacy/configs/old.yaml:2:3\n"
            "  hint: undo the edit, or accept it by a waiver in `legacy/mapping.yaml`"
        ),
        verb=prove,
    ),
    World(
        "not-equivalent",
        recorded({P: "x: 1\n", OLD: "x: 1\ny: null\n", MAPPING: MAPPED}),
        (
            "configs/train/p.yaml:1:1: error: `y` is absent, and legacy trained with `null` "
            "[not-equivalent]\n"
            "    1 | x: 1\n"
            "      | ^\n"
            "  note: configs/train/p.yaml trains without it, in the place of legacy/configs/old.yaml:2:1\n"
            "  hint: undo the edit, or accept it by a waiver in `legacy/mapping.yaml`"
        ),
        verb=prove,
    ),
    World(
        "not-equivalent",
        recorded({**WITH_MIXES, MAPPING: MAPPED}),
        (
            "configs/fusion/m.yaml:4:3: error: `fusion:targets[d].ratio` is `1`, and legacy trained "
            "with `1.0` [not-equivalent]\n"
            "    4 |   ratio: 1\n"
            "      |   ^\n"
            "  note: configs/train/p.yaml trains with it, in the place of "
            "legacy/configs/mixes/m.yaml:2:32\n"
            "  hint: undo the edit, or accept it by a waiver in `legacy/mapping.yaml`"
        ),
        verb=prove,
    ),
    World(
        "mutant-survived",
        recorded({P: "x: 1", OLD: "x: 1", MAPPING: MAPPED}),
        (
            "configs/train/p.yaml: error: the proof did not catch `x` dropped [mutant-survived]\n"
            "  why: a change was planted to see whether it is caught, and nothing excuses that it was"
            " not\n"
            "  hint: no verdict of this run can be trusted; please report it"
        ),
        verb=prove_blindly,
    ),
    World(
        "unknown-revision",
        {P: "x: 1"},
        (
            "error: `origin/man` is neither a folder nor a revision of this repository "
            "[unknown-revision]\n"
            "  why: git knows no commit of this name\n"
            "  hint: `git fetch` brings the branches of a remote"
        ),
        verb=against("origin/man"),
    ),
    World(
        "unknown-revision",
        {P: "x: 1"},
        (
            "error: `HEAD~1` is neither a folder nor a revision of this repository [unknown-revision]\n"
            "  why: git knows no commit of this name\n"
            "  hint: `git log` shows what there is"
        ),
        verb=against("HEAD~1"),
    ),
]
