"""Every problem code with its smallest failing world and its whole text, as `render` prints it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from builders import REPOSITORY, Files, look, project, worded, write
from compiler import cli, settings
from compiler.pipeline import Build, Check, Workspace, build, check, why
from compiler.problems import TrainlockError

T = "{dataset: d, train_jsonl: d.jsonl}"
MIX: Files = {"configs/fusion/m.yaml": f"targets: [{T}]\n"}
P = "configs/train/p.yaml"
LOCK = "build/train/p.lock.yaml"


EDITED: Final = (
    b"# Locked by trainlock from configs/train/p.yaml. Generated: edit the sources, then run `doit`.\n"
    b"# format: 1\n"
    b"# digest: sha256:84dee0e4247a1259ed729d3f169e4dc8cadfbc218028f0a6746176ec438d09b2\n"
    b"# merge order (later wins):\n"
    b"#   configs/train/p.yaml\n"
    b"\n"
    b"x: 2                                            # train/p\n"
)


class World(NamedTuple):
    """One smallest failing world.

    Attributes:
        code: what it is there for.
        files: what lies on disk.
        text: everything that is told.
        verb: what is done with it.
        built: files that were there when the locks were built, before `files`; nothing was built, if None.
        given: settings.
    """

    code: str
    files: Files
    text: str
    verb: Callable[[Workspace], Build | Check | object] = build
    built: Files | None = None
    given: dict[str, Any] = {}  # noqa: RUF012 - never changed


def ask(key: str) -> Callable[[Workspace], object]:
    """Ask why a key of the preset is what it is."""
    return lambda workspace: why(workspace, P, key)


def find(name: str) -> Callable[[Workspace], object]:
    """Name a preset."""
    return lambda workspace: workspace.layout.find(name, workspace.layout.root, workspace.sources)


def load(workspace: Workspace) -> object:
    """Read the settings."""
    return settings.load(workspace.layout.root)


def told(root: Path, world: World) -> str:
    """Make the world, do what is to be done, and give everything that is told."""
    if world.built is not None:
        build(project(root, world.built, **world.given))
    for path, text in world.files.items():
        if text == b"gone":
            (root / path).unlink()
    workspace = project(root, {path: text for path, text in world.files.items() if text != b"gone"}, **world.given)
    try:
        found = world.verb(workspace)
        problems = found.problems if isinstance(found, (Build, Check)) else ()
    except TrainlockError as error:
        problems = error.problems
    return worded(problems, world.files)


WORLDS: Final = [
    World(
        "not-utf8",
        {P: b"x: \xff\n"},
        (
            "configs/train/p.yaml:1:4: error: byte 0xff is not UTF-8 [not-utf8]\n"
            "    1 | x: �\n"
            "      |    ^\n"
            "  why: a config is read as UTF-8, on every machine\n"
            "  hint: save the file as UTF-8"
        ),
    ),
    World(
        "bad-yaml",
        {P: "x: [1\n"},
        (
            "configs/train/p.yaml:1:4: error: this is not YAML: did not find expected ',' or ']' "
            "[bad-yaml]\n"
            "    1 | x: [1\n"
            "      |    ^\n"
            "  note: configs/train/p.yaml:2:1 is where the parser was, while parsing a flow sequence"
        ),
    ),
    World(
        "bad-yaml",
        {
            P: ("a:\n\tb: 1\n"),
        },
        (
            "configs/train/p.yaml:2:1: error: this is not YAML: found character that cannot start "
            "any token [bad-yaml]\n"
            "    2 |  b: 1\n"
            "      | ^\n"
            "  hint: indent with spaces"
        ),
    ),
    World(
        "bad-yaml",
        {P: b"a: \x07\n"},
        (
            "configs/train/p.yaml:1:4: error: the character U+0007 may not stand in a YAML file "
            "[bad-yaml]\n"
            "    1 | a: \\x07\n"
            "      |    ^\n"
            '  hint: write it as an escape in a double-quoted text: `"\\x07"`'
        ),
    ),
    World(
        "bad-yaml",
        {P: "a: {<<: 1}\n"},
        (
            "configs/train/p.yaml:1:9: error: a merge key takes a mapping, or a list of mappings "
            "[bad-yaml]\n"
            "    1 | a: {<<: 1}\n"
            "      |         ^"
        ),
    ),
    World(
        "several-documents",
        {
            P: ("a: 1\n---\nb: 2\n"),
        },
        (
            "configs/train/p.yaml:2:1: error: the file holds more than one document "
            "[several-documents]\n"
            "    2 | ---\n"
            "      | ^\n"
            "  why: a config is one document\n"
            "  hint: split the file, or take the `---` out"
        ),
    ),
    World(
        "not-a-mapping",
        {P: "- a\n"},
        (
            "configs/train/p.yaml:1:1: error: the file holds a list where a mapping is expected "
            "[not-a-mapping]\n"
            "    1 | - a\n"
            "      | ^\n"
            "  why: a preset, a component and a fusion config are mappings of keys to values"
        ),
    ),
    World(
        "duplicate-key",
        {
            P: ("a: 1\nb: 2\na: 3\n"),
        },
        (
            "configs/train/p.yaml:3:1: error: the key `a` is written twice in one mapping "
            "[duplicate-key]\n"
            "    3 | a: 3\n"
            "      | ^\n"
            "  why: a YAML reader keeps the last one and says nothing\n"
            "  note: configs/train/p.yaml:1:1 holds it first\n"
            "  hint: keep one of the two"
        ),
    ),
    World(
        "duplicate-key",
        {
            P: ("a: &x {p: 1}\nb:\n  <<: *x\n  <<: {q: 1}\n"),
        },
        (
            "configs/train/p.yaml:4:3: error: the key `<<` is written twice in one mapping "
            "[duplicate-key]\n"
            "    4 |   <<: {q: 1}\n"
            "      |   ^\n"
            "  why: a YAML reader keeps the last one and says nothing\n"
            "  note: configs/train/p.yaml:3:3 holds it first\n"
            "  hint: name both in one list: the first of them wins"
        ),
    ),
    World(
        "non-string-key",
        {P: "on: 1\n"},
        (
            "configs/train/p.yaml:1:1: error: the key `on` reads as a boolean [non-string-key]\n"
            "    1 | on: 1\n"
            "      | ^\n"
            "  why: every key of a config is text\n"
            '  hint: quote it: `"on"`'
        ),
    ),
    World(
        "non-string-key",
        {
            P: ("? [a]\n: 1\n"),
        },
        (
            "configs/train/p.yaml:1:3: error: a key is a list or a mapping [non-string-key]\n"
            "    1 | ? [a]\n"
            "      |   ^\n"
            "  why: every key of a config is text\n"
            "  hint: a text that begins with a bracket is quoted"
        ),
    ),
    World(
        "unsupported-tag",
        {P: "a: !!python/object/apply:os.system [ls]\n"},
        (
            "configs/train/p.yaml:1:4: error: the tag `!!python/object/apply:os.system` is not read "
            "[unsupported-tag]\n"
            "    1 | a: !!python/object/apply:os.system [ls]\n"
            "      |    ^\n"
            "  why: `yaml.safe_load`, by which training reads, knows only the plain tags, and no tag "
            "may run code\n"
            "  hint: write the plain value"
        ),
    ),
    World(
        "unportable-value",
        {P: "a: !!binary aGk=\n"},
        (
            "configs/train/p.yaml:1:4: error: `!!binary` makes binary data, which a lock cannot "
            "carry [unportable-value]\n"
            "    1 | a: !!binary aGk=\n"
            "      |    ^\n"
            "  why: every reader of a lock must read the same typed value\n"
            "  hint: write it as text, as a list or as a mapping"
        ),
    ),
    World(
        "unportable-value",
        {P: '"' + "k" * 121 + '": 1\n'},
        (
            "configs/train/p.yaml:1:1: error: the key has 121 characters, and 120 are allowed "
            "[unportable-value]\n"
            '    1 | "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk'
            'kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk": 1\n'
            "      | ^"
        ),
    ),
    World(
        "unportable-value",
        {P: "a: 0x" + "f" * 3400 + "\n"},
        (
            "configs/train/p.yaml:1:4: error: the integer has more than 4,000 digits "
            "[unportable-value]\n"
            "    1 | a: 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
            "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\n"
            "      |    ^\n"
            "  hint: write it as text"
        ),
    ),
    World(
        "invalid-scalar",
        {P: "a: 2026-13-45\n"},
        (
            "configs/train/p.yaml:1:4: error: `2026-13-45` cannot be read as timestamp "
            "[invalid-scalar]\n"
            "    1 | a: 2026-13-45\n"
            "      |    ^\n"
            "  why: `yaml.safe_load` fails on it\n"
            '  hint: quote it if it is text: `"2026-13-45"`'
        ),
    ),
    World(
        "date-value",
        {P: "when: 2026-01-31\n"},
        (
            "configs/train/p.yaml:1:7: warning: `2026-01-31` reads as a date [date-value]\n"
            "    1 | when: 2026-01-31\n"
            "      |       ^\n"
            "  why: YAML 1.1 makes a date of it, YAML 1.2 a text\n"
            '  hint: quote it if it is text: `"2026-01-31"`'
        ),
    ),
    World(
        "recursive-alias",
        {P: "a: &x [*x]\n"},
        (
            "configs/train/p.yaml:1:4: error: an anchored value holds an alias of itself "
            "[recursive-alias]\n"
            "    1 | a: &x [*x]\n"
            "      |    ^\n"
            "  why: a lock is finite"
        ),
    ),
    World(
        "too-deep",
        {P: "a: " + "[" * 100 + "]" * 100 + "\n"},
        (
            "configs/train/p.yaml:1:103: error: the document nests more than 100 levels deep "
            "[too-deep]\n"
            "    1 | [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
            "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n"
            "      |                                                                                "
            "^\n"
            "  why: no config needs it, and no reader can be trusted with it"
        ),
    ),
    World(
        "too-deep",
        {f"configs/train/f{n}.yaml": f"extends: f{n + 1}.yaml" if n < 100 else "x: 1" for n in range(101)},
        (
            "configs/train/f0.yaml:1:10: error: more than 100 files extend one another in a row "
            "[too-deep]\n"
            "    1 | extends: f1.yaml\n"
            "      |          ^"
        ),
        given={"presets": ("train/f0.yaml",)},
    ),
    World(
        "too-large",
        {P: f"a: &a [{', '.join(['x'] * 400)}]\nb: [{', '.join(['*a'] * 300)}]\n"},
        (
            "configs/train/p.yaml:2:4: error: the aliases of this value expand to more than 100,000 "
            "values [too-large]\n"
            "    2 | b: [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, "
            "*a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a,\n"
            "      |    ^\n"
            "  why: a lock writes every alias out"
        ),
    ),
    World(
        "too-large",
        {P: b"#" * (4 * 1024 * 1024 + 1)},
        (
            "configs/train/p.yaml: error: `configs/train/p.yaml` is too large [too-large]\n"
            "  why: it has 4,194,305 bytes, and 4,194,304 are allowed"
        ),
    ),
    World(
        "unreadable-file",
        {P: "extends: ../sub", "configs/sub/x": ""},
        (
            "configs/sub: error: `configs/sub` cannot be read [unreadable-file]\n"
            "  why: it is a folder\n"
            "  note: configs/train/p.yaml:1:10 extends this file"
        ),
    ),
    World(
        "bad-json",
        {"configs/fusion/m.json": '{"a": 1,}\n', P: "x: 1"},
        (
            "configs/fusion/m.json:1:8: error: this is not JSON: a comma stands before the closing bracket "
            "[bad-json]\n"
            '    1 | {"a": 1,}\n'
            "      |        ^"
        ),
    ),
    World(
        "bad-json",
        {"configs/fusion/m.json": '{"a": NaN}\n', P: "x: 1"},
        (
            "configs/fusion/m.json:1:7: error: `NaN` is not JSON [bad-json]\n"
            '    1 | {"a": NaN}\n'
            "      |       ^\n"
            "  hint: JSON has no word for it"
        ),
    ),
    World(
        "bad-extends",
        {P: "extends: {a: b}\n"},
        (
            "configs/train/p.yaml:1:10: error: `extends` takes a path, or a list of paths "
            "[bad-extends]\n"
            "    1 | extends: {a: b}\n"
            "      |          ^\n"
            "  why: each base is the path of a file, relative to the file that names it"
        ),
    ),
    World(
        "bad-extends",
        {
            P: ("inherit: a.yaml\nextends: b.yaml\n"),
        },
        (
            "configs/train/p.yaml:2:1: error: both `extends` and `inherit` name bases [bad-extends]\n"
            "    2 | extends: b.yaml\n"
            "      | ^\n"
            "  why: the order of the two would be a guess\n"
            "  note: configs/train/p.yaml:1:1 is the other\n"
            "  hint: write one list"
        ),
    ),
    World(
        "bad-extends",
        {P: "extends: ''\n"},
        (
            "configs/train/p.yaml:1:10: error: the path of a base is empty [bad-extends]\n"
            "    1 | extends: ''\n"
            "      |          ^\n"
            "  why: a base is looked up relative to the file that names it"
        ),
    ),
    World(
        "absolute-base",
        {P: "extends: /etc/hosts\n"},
        (
            "configs/train/p.yaml:1:10: error: base `/etc/hosts` is an absolute path [absolute-base]\n"
            "    1 | extends: /etc/hosts\n"
            "      |          ^\n"
            "  why: a base is looked up relative to the file that names it\n"
            "  hint: write it relative to this file"
        ),
    ),
    World(
        "outside-root",
        {P: "extends: ../../x.yaml\n"},
        (
            "configs/train/p.yaml:1:10: error: base `../../x.yaml` lies outside the config root "
            "[outside-root]\n"
            "    1 | extends: ../../x.yaml\n"
            "      |          ^\n"
            "  why: every fragment lies below `configs`"
        ),
    ),
    World(
        "outside-root",
        {P: "fusion: mixes/m.yaml\n"},
        (
            "configs/train/p.yaml:1:1: error: fusion config `mixes/m.yaml` lies outside the config "
            "root [outside-root]\n"
            "    1 | fusion: mixes/m.yaml\n"
            "      | ^\n"
            "  why: every fragment lies below `configs`; the path counts from the repository root"
        ),
    ),
    World(
        "missing-base",
        {P: "extends: [bsae.yaml]\n", "configs/train/base.yaml": "x: 1"},
        (
            "configs/train/p.yaml:1:11: error: base `bsae.yaml` does not exist [missing-base]\n"
            "    1 | extends: [bsae.yaml]\n"
            "      |           ^\n"
            "  why: a base is looked up relative to the file that names it\n"
            "  hint: did you mean `base.yaml`?"
        ),
    ),
    World(
        "extends-cycle",
        {P: "extends: q.yaml\n", "configs/train/q.yaml": "extends: p.yaml\n"},
        (
            "configs/train/p.yaml:1:10: error: the files extend each other: `configs/train/p.yaml` "
            "-> `configs/train/q.yaml` -> `configs/train/p.yaml` [extends-cycle]\n"
            "    1 | extends: q.yaml\n"
            "      |          ^\n"
            "  why: a file applies after all of its bases\n"
            "  note: configs/train/q.yaml:1:10 extends `configs/train/p.yaml`\n"
            "  hint: take one of these references out"
        ),
    ),
    World(
        "extends-cycle",
        {P: "extends: p.yaml\n"},
        (
            "configs/train/p.yaml:1:10: error: the file extends itself [extends-cycle]\n"
            "    1 | extends: p.yaml\n"
            "      |          ^\n"
            "  why: a file applies after all of its bases\n"
            "  hint: take the reference out"
        ),
    ),
    World(
        "near-extends",
        {P: "extend: q.yaml\n", "configs/train/q.yaml": "a: 1\n"},
        (
            "configs/train/p.yaml:1:1: warning: `extend` names a config that exists, and is no extends key "
            "[near-extends]\n"
            "    1 | extend: q.yaml\n"
            "      | ^\n"
            "  why: it goes into the lock as it stands, and nothing is inherited\n"
            "  hint: the extends keys are `extends`, `inherit`"
        ),
    ),
    World(
        "component-sections",
        {
            P: "extends: ../components/c.yaml\n",
            "configs/components/c.yaml": ("a: 1\nb: 2\n"),
        },
        (
            "configs/components/c.yaml:2:1: error: a component holds one section, and this one holds "
            "2: `a`, `b` [component-sections]\n"
            "    2 | b: 2\n"
            "      | ^\n"
            "  why: who extends a component for one section must not get another with it\n"
            "  note: configs/components/c.yaml:1:1 begins `a`\n"
            "  hint: move each section to a component of its own"
        ),
        given={"components": ("components/*.yaml",)},
    ),
    World(
        "bad-entries",
        {"configs/fusion/m.yaml": "targets: {a: 1}\n", P: "x: 1"},
        (
            "configs/fusion/m.yaml:1:1: error: `targets` is not a list [bad-entries]\n"
            "    1 | targets: {a: 1}\n"
            "      | ^\n"
            "  why: its entries merge by name\n"
            "  hint: begin each entry with `-`"
        ),
    ),
    World(
        "unnamed-entry",
        {
            "configs/fusion/m.yaml": ("targets:\n- train_jsonl: x\n"),
            P: "x: 1",
        },
        (
            "configs/fusion/m.yaml:2:3: error: an entry of `targets` has no `name` and no `dataset` "
            "[unnamed-entry]\n"
            "    2 | - train_jsonl: x\n"
            "      |   ^\n"
            "  why: entries merge by it"
        ),
    ),
    World(
        "duplicate-entry",
        {
            "configs/fusion/m.yaml": ("targets:\n- dataset: a\nsources:\n- name: a\n"),
            P: "x: 1",
        },
        (
            "configs/fusion/m.yaml:4:3: error: two entries are named `a` [duplicate-entry]\n"
            "    4 | - name: a\n"
            "      |   ^\n"
            "  why: entries are known by their name, in `targets` and `sources` together\n"
            "  note: configs/fusion/m.yaml:2:3 is the first\n"
            "  hint: give one of them a name of its own"
        ),
    ),
    World(
        "unknown-dataset",
        {
            "configs/fusion/b.yaml": ("targets:\n- {name: bbu_dense, dataset: d, train_jsonl: x}\n"),
            "configs/fusion/m.yaml": ("extends: b.yaml\ntargets:\n- name: bbu_dens\n"),
            P: "x: 1",
        },
        (
            "configs/fusion/m.yaml:3:3: error: `bbu_dens` is no entry of `targets` in the base "
            "[unknown-dataset]\n"
            "    3 | - name: bbu_dens\n"
            "      |   ^\n"
            "  why: an entry that only the overlay holds is a definition, and needs `dataset` and "
            "`train_jsonl`\n"
            "  hint: did you mean `bbu_dense`?"
        ),
    ),
    World(
        "near-entry",
        {
            "configs/fusion/b.yaml": ("targets:\n- {name: bbu_dense, dataset: d, train_jsonl: x}\n"),
            "configs/fusion/m.yaml": ("extends: b.yaml\ntargets:\n- {name: bbu_dens, dataset: d, train_jsonl: y}\n"),
            P: "x: 1",
        },
        (
            "configs/fusion/m.yaml:3:4: warning: the new entry `bbu_dens` is named almost like "
            "`bbu_dense`, of the same dataset [near-entry]\n"
            "    3 | - {name: bbu_dens, dataset: d, train_jsonl: y}\n"
            "      |    ^\n"
            "  why: an entry with a name of its own is added, not merged\n"
            "  note: configs/fusion/b.yaml:2:3 holds `bbu_dense`\n"
            "  hint: did you mean `bbu_dense`?"
        ),
    ),
    World(
        "null-entries",
        {
            "configs/fusion/b.yaml": "targets: [{dataset: d, train_jsonl: d.jsonl}]\n",
            "configs/fusion/m.yaml": ("extends: b.yaml\ntargets:\n"),
            P: "x: 1",
        },
        (
            "configs/fusion/m.yaml:2:1: warning: `targets` is null, and the list of the base stays "
            "[null-entries]\n"
            "    2 | targets:\n"
            "      | ^\n"
            "  why: null leaves a list of entries as it is\n"
            "  note: configs/fusion/b.yaml:1:1 holds the list\n"
            "  hint: write `[]` to clear the list, or take the key out"
        ),
    ),
    World(
        "diamond-reset",
        {
            "configs/c.yaml": "lr: 1\n",
            "configs/a.yaml": ("extends: c.yaml\nlr: 2\n"),
            P: "extends: [../a.yaml, ../c.yaml]\n",
        },
        (
            "configs/train/p.yaml:1:22: warning: `lr` falls back to what `configs/c.yaml` sets, "
            "which applies a second time [diamond-reset]\n"
            "    1 | extends: [../a.yaml, ../c.yaml]\n"
            "      |                      ^\n"
            "  why: a base that is reached twice is applied twice, and undoes what stood between\n"
            "  note: configs/a.yaml:2:1 set it in between\n"
            "  note: configs/c.yaml:1:1 sets it again\n"
            "  hint: extend the base in one place only"
        ),
    ),
    World(
        "no-target",
        {"configs/fusion/m.yaml": "sources: []\n", P: "x: 1"},
        (
            "configs/fusion/m.yaml:1:1: error: the mix has no target [no-target]\n"
            "    1 | sources: []\n"
            "      | ^\n"
            "  why: the targets are what is trained for, and set how many samples the sources give"
        ),
    ),
    World(
        "incomplete-entry",
        {
            "configs/fusion/m.yaml": ("targets:\n- name: a\n"),
            P: "x: 1",
        },
        (
            "configs/fusion/m.yaml:2:3: error: the entry `a` has no `dataset` and no `train_jsonl` "
            "[incomplete-entry]\n"
            "    2 | - name: a\n"
            "      |   ^\n"
            "  why: a mix that is trained on names the data of each entry\n"
            "  hint: give it here, or in an overlay"
        ),
    ),
    World(
        "source-without-ratio",
        {
            "configs/fusion/m.yaml": (
                "targets: [{dataset: d, train_jsonl: d.jsonl}]\nsources:\n- {dataset: s, train_jsonl: x}\n"
            ),
            P: "x: 1",
        },
        (
            "configs/fusion/m.yaml:3:3: error: the source `s` has no `ratio` [source-without-ratio]\n"
            "    3 | - {dataset: s, train_jsonl: x}\n"
            "      |   ^\n"
            "  why: a source gives this share of the number of target samples"
        ),
    ),
    World(
        "bad-ratio",
        {
            "configs/fusion/m.yaml": (
                "targets: [{dataset: d, train_jsonl: d.jsonl}]\nsources:\n- {dataset: s, train_jsonl: x, ratio: -1}\n"
            ),
            P: "x: 1",
        },
        (
            "configs/fusion/m.yaml:3:32: error: the `ratio` of `s` is -1 [bad-ratio]\n"
            "    3 | - {dataset: s, train_jsonl: x, ratio: -1}\n"
            "      |                                ^\n"
            "  why: it is a share: 0, or more"
        ),
    ),
    World(
        "bad-ratio",
        {
            "configs/fusion/m.yaml": (
                "targets: [{dataset: d, train_jsonl: d.jsonl}]\nsources:\n- {dataset: s, train_jsonl: x, ratio: 1e-5}\n"
            ),
            P: "x: 1",
        },
        (
            "configs/fusion/m.yaml:3:32: error: the `ratio` of `s` is not a number [bad-ratio]\n"
            "    3 | - {dataset: s, train_jsonl: x, ratio: 1e-5}\n"
            "      |                                ^\n"
            "  why: it is a share: 0, or more\n"
            "  hint: YAML reads `1e-5` as text: write `1.0e-5`"
        ),
    ),
    World(
        "missing-fusion",
        {
            P: "fusion: configs/fusion/n.yaml\n",
            "configs/fusion/m.yaml": "targets: [{dataset: d, train_jsonl: d.jsonl}]\n",
        },
        (
            "configs/train/p.yaml:1:1: error: fusion config `configs/fusion/n.yaml` does not exist "
            "[missing-fusion]\n"
            "    1 | fusion: configs/fusion/n.yaml\n"
            "      | ^\n"
            "  why: the trainer looks it up from the repository root\n"
            "  hint: did you mean `configs/fusion/m.yaml`?"
        ),
    ),
    World(
        "bad-fusion-config",
        {P: "fusion: 3\n"},
        (
            "configs/train/p.yaml:1:1: error: `fusion` is not a path [bad-fusion-config]\n"
            "    1 | fusion: 3\n"
            "      | ^\n"
            "  why: it names a fusion config; null and an empty text name none"
        ),
    ),
    World(
        "bad-fusion-config",
        {P: "fusion: configs/m.txt\n"},
        (
            "configs/train/p.yaml:1:1: error: fusion config `configs/m.txt` is neither YAML nor JSON "
            "[bad-fusion-config]\n"
            "    1 | fusion: configs/m.txt\n"
            "      | ^\n"
            "  why: the suffix decides how it is read"
        ),
    ),
    World(
        "lock-collision",
        {P: "x: 1", "configs/train/p.yml": "x: 1"},
        (
            "configs/train/p.yaml: error: `configs/train/p.yaml` and `configs/train/p.yml` would "
            "share the lock `build/train/p.lock.yaml` [lock-collision]\n"
            "  why: a lock lies at its source's path, without the suffix\n"
            "  note: configs/train/p.yml is the other\n"
            "  hint: rename one of the two\n"
            "configs/train/p.yml: error: `configs/train/p.yaml` and `configs/train/p.yml` would "
            "share the lock `build/train/p.lock.yaml` [lock-collision]\n"
            "  why: a lock lies at its source's path, without the suffix\n"
            "  note: configs/train/p.yaml is the other\n"
            "  hint: rename one of the two"
        ),
    ),
    World(
        "bad-name",
        {"configs/train/a\n.yaml": "x: 1"},
        (
            "configs/train/a\\n.yaml: error: the name `configs/train/a\\n.yaml` holds a control or "
            "line-breaking character, or is no UTF-8 [bad-name]\n"
            "  why: a lock names its fragments one a line\n"
            "  hint: rename the file"
        ),
    ),
    World(
        "bad-name",
        {P: "x: 1", "configs/train/P.yaml": "x: 1"},
        (
            "configs/train/P.yaml: error: `configs/train/P.yaml` and `configs/train/p.yaml` differ "
            "only in case or in how an accent is written [bad-name]\n"
            "  why: on some file systems the two are one file\n"
            "  note: configs/train/p.yaml is the other\n"
            "  hint: rename one of the two\n"
            "configs/train/p.yaml: error: `configs/train/P.yaml` and `configs/train/p.yaml` differ "
            "only in case or in how an accent is written [bad-name]\n"
            "  why: on some file systems the two are one file\n"
            "  note: configs/train/P.yaml is the other\n"
            "  hint: rename one of the two"
        ),
    ),
    World(
        "foreign-file",
        {P: "x: 1", LOCK: "mine: 1\n"},
        (
            "build/train/p.lock.yaml: error: `build/train/p.lock.yaml` was not written by trainlock "
            "[foreign-file]\n"
            "  why: it lies where a lock should lie, and is left alone\n"
            "  hint: move it away, and run `doit`"
        ),
    ),
    World(
        "write-failed",
        {P: "x: 1", "build/train": "a file"},
        (
            "build/train/p.lock.yaml: error: `build/train/p.lock.yaml` cannot be written "
            "[write-failed]\n"
            "  why: file exists\n"
            "  hint: what was there before is unchanged"
        ),
    ),
    World(
        "lock-format",
        {
            P: "x: 1",
            LOCK: (
                "# Locked by trainlock from configs/train/p.yaml. Generated: edit the sources, then run "
                "`doit`.\n"
                "# format: 2\n"
                "# digest: x\n"
            ),
        },
        (
            "build/train/p.lock.yaml: error: the lock `build/train/p.lock.yaml` has format 2, and "
            "this version of trainlock knows none above 1 [lock-format]\n"
            "  why: a later version wrote it\n"
            "  hint: upgrade trainlock, or delete the lock and run `doit`"
        ),
    ),
    World(
        "lock-missing",
        {P: "x: 1"},
        (
            "build/train/p.lock.yaml: error: the lock `build/train/p.lock.yaml` is missing "
            "[lock-missing]\n"
            "  why: nothing was ever built, or it was deleted\n"
            "  hint: run `doit`"
        ),
        verb=check,
    ),
    World(
        "lock-damaged",
        {P: "x: 1", LOCK: ""},
        (
            "build/train/p.lock.yaml: error: the lock `build/train/p.lock.yaml` has no whole header "
            "[lock-damaged]\n"
            "  why: its first lines say what it was made from\n"
            "  hint: run `doit` to restore it"
        ),
        verb=check,
    ),
    World(
        "lock-edited",
        {P: "x: 1", LOCK: EDITED},
        (
            "build/train/p.lock.yaml: error: the lock `build/train/p.lock.yaml` was edited by hand "
            "[lock-edited]\n"
            "  why: its values do not give its own digest: `x` is `2` and compiles to `1`\n"
            "  hint: edit the sources instead, and run `doit`"
        ),
        verb=check,
        built={P: "x: 1"},
    ),
    World(
        "lock-stale",
        {P: "x: 2"},
        (
            "build/train/p.lock.yaml: error: the lock `build/train/p.lock.yaml` is out of date "
            "[lock-stale]\n"
            "  why: `x` is `1` and compiles to `2`\n"
            "  hint: run `doit`"
        ),
        verb=check,
        built={P: "x: 1"},
    ),
    World(
        "lock-orphan",
        {P: b"gone", "configs/train/q.yaml": "x: 1"},
        (
            "build/train/p.lock.yaml: error: the lock `build/train/p.lock.yaml` has no source "
            "[lock-orphan]\n"
            "  why: the file that its header names is gone\n"
            "  hint: run `doit`"
        ),
        verb=check,
        built={P: "x: 1", "configs/train/q.yaml": "x: 1"},
    ),
    World(
        "no-presets",
        {"configs/x.yaml": "x: 1"},
        (
            "error: no file below `configs` is a preset [no-presets]\n"
            "  why: the globs are `train/**/*.yaml`, `train/**/*.yml`\n"
            "  hint: see `presets` in `[tool.trainlock]`, or `--presets`"
        ),
    ),
    World(
        "unknown-preset",
        {P: "x: 1"},
        (
            "error: there is no preset `train/q` [unknown-preset]\n"
            "  why: a preset is named by its path below `configs`, by its file, or by its lock\n"
            "  hint: did you mean `train/p`?"
        ),
        verb=find("train/q"),
    ),
    World(
        "unknown-key",
        {P: "training: {lr: 1}\n"},
        ("error: `training.lrr` is not set in `configs/train/p.yaml` [unknown-key]\n  hint: did you mean `lr`?"),
        verb=ask("training.lrr"),
    ),
    World(
        "unknown-key",
        {P: "training: {lr: 1}\n"},
        (
            "error: `training..lr` is no key: it goes wrong at character 9 [unknown-key]\n"
            "  hint: such as `tuner.lora_rank` or `sources[lvis].ratio`"
        ),
        verb=ask("training..lr"),
    ),
    World(
        "unknown-key",
        {
            P: ("extends: q.yaml\ntraining: null\n"),
            "configs/train/q.yaml": "training: {lr: 1}\n",
        },
        (
            "error: `training.lr` is not set in `configs/train/p.yaml` [unknown-key]\n"
            "  note: configs/train/p.yaml:2:1 sets `training` to `null`\n"
            "  note: configs/train/q.yaml:1:12 held `1`"
        ),
        verb=ask("training.lr"),
    ),
    World(
        "bad-settings",
        {
            P: "",
            "pyproject.toml": ("[tool.trainlock]\npreset = ['a']\n"),
        },
        (
            "pyproject.toml:2:1: error: `tool.trainlock.preset` is no setting [bad-settings]\n"
            "    2 | preset = ['a']\n"
            "      | ^\n"
            "  hint: did you mean `presets`?"
        ),
        verb=load,
    ),
]


@pytest.mark.parametrize("world", WORLDS, ids=[f"{world.code}-{n}" for n, world in enumerate(WORLDS)])
def test_the_whole_text_of_a_problem(tmp_path: Path, world: World) -> None:
    """Each code has a smallest world that fails, and says exactly this."""
    assert told(tmp_path, world) == world.text
    assert f"[{world.code}]" in world.text.split("\n")[0]


@pytest.mark.parametrize("world", WORLDS, ids=[f"{world.code}-{n}" for n, world in enumerate(WORLDS)])
def test_messages_keep_the_house_style(world: World) -> None:
    """Lower case, no full stop, balanced backticks, a kebab-case code; no line ends in a blank."""
    for line in world.text.split("\n"):
        assert line == line.rstrip()
        if re.match(r" +\d* \|", line):
            continue
        found = re.fullmatch(r"(?:\S.*?: )?(?:error|warning): (.+) \[([a-z0-9]+(?:-[a-z0-9]+)*)\]", line)
        said = found[1] if found else re.sub(r"^  (?:why|note|hint): ", "", line)
        assert said != line
        assert said[0].islower() or not said[0].isalpha() or said.split()[0] in ("JSON", "YAML"), said
        assert not said.endswith(".")
        assert said.count("`") % 2 == 0, said


def command(root: Path, *arguments: str) -> int:
    """Run the command over a repository."""
    return cli.main([*arguments, "--root", str(root)])


def test_an_unknown_command_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """`bad-usage`: the word that is no command, with the nearest that is."""
    assert cli.main(["biuld"]) == 2
    assert capsys.readouterr().err.startswith("error: `biuld` is no command [bad-usage]\n  hint: did you mean `build`?")


def test_a_root_that_is_not_there_is_bad_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`bad-usage`: `--root` names a folder."""
    gone = tmp_path / "gone"
    assert command(gone, "check") == 2
    assert capsys.readouterr().err == (
        f"error: there is no folder `{gone}` [bad-usage]\n  why: `--root` names the repository root\n"
    )


def test_an_unselected_preset_builds_only_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`unselected-preset`: the whole text; with another `--build` it compiles."""
    write(
        tmp_path,
        {
            "pyproject.toml": "[tool.trainlock]\npresets = ['train/*.yaml']\n",
            P: "x: 1",
            "configs/other/x.yaml": "x: 1",
        },
    )
    assert command(tmp_path, "build", "other/x") == 2
    assert capsys.readouterr().err == (
        "error: `configs/other/x.yaml` is no preset of this repository [unselected-preset]\n"
        "  why: the globs do not select it, so it has no lock below `build`\n"
        "  hint: `--build DIR` writes its lock elsewhere\n"
    )
    assert command(tmp_path, "build", "other/x", "--build", str(tmp_path / "out")) == 0
    assert (tmp_path / "out/other/x.lock.yaml").exists()


def codes_in_the_source() -> set[str]:
    """Give every code that the package can report: kebab-case texts that begin a call or a pair."""
    found = set()
    for file in (REPOSITORY / "compiler").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            first: ast.expr | None = None
            if isinstance(node, ast.Call) and node.args:
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                first = node.args[0] if re.search("problem|report|refuse", name, re.IGNORECASE) else None
            elif isinstance(node, ast.Tuple) and len(node.elts) == 2:
                first = node.elts[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):  # noqa: SIM102
                if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", first.value):
                    found.add(first.value)
    return found


def test_every_code_has_its_world() -> None:
    """No problem can be reported whose text is not asserted whole."""
    known = codes_in_the_source()
    assert len(known) > 40
    texts = [file.read_text() for file in (REPOSITORY / "tests").glob("*.py")]
    elsewhere = {code for code in known if any(f"[{code}]" in text for text in texts)}
    assert known - {world.code for world in WORLDS} - elsewhere == set()


def test_worlds_that_are_mended_say_nothing(tmp_path: Path) -> None:
    """The negative control: the runner of the table finds no problem where there is none."""
    assert told(tmp_path, World("none", {P: "x: 1"}, "")) == ""
    assert told(tmp_path, World("none", {}, "", verb=check)) == ""
    assert look(tmp_path).everything() == [P]
