"""Worlds that fail while files are composed: bases, components, entries and mixes."""

from __future__ import annotations

from typing import Final

from world import P, World

COMPOSING: Final = [
    World(
        "too-large",
        {
            P: f"extends: [{', '.join(['b.yml'] * 251)}]\n",
            "configs/train/b.yml": "".join(f"k{n}: 1\n" for n in range(999)),
        },
        (
            "configs/train/p.yaml:1:11: error: the bases of this file hold more than 250,000 values [too-large]\n"
            "    1 | extends: [b.yml, b.yml, b.yml, b.yml, b.yml, b.yml, b.yml, b.yml, b.yml, b.yml, b.yml, b.yml, "
            "b.yml, b.yml, b.yml, b.yml, b.yml, b.yml, b.yml, b.yml, b.yml, b.y\n"
            "      |           ^\n"
            "  why: each is merged, and one that is named twice is merged twice\n"
            "  hint: name each base once"
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
            "configs/c.yaml": "lr: 1\nseed: 1\n",
            "configs/a.yaml": ("extends: c.yaml\nlr: 2\nbf16: true\n"),
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
]
