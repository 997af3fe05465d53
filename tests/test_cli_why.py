"""`trainlock why`: where a value came from, what it overrode, and how a key and a preset are named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import cli_runs
from builders import REPOSITORY
from cli_runs import WHY, Ask, Said, run, tree, write

ask, fresh = cli_runs.ask, cli_runs.fresh


def test_why_tells_a_value_and_what_it_overrode(fresh: Path) -> None:
    """The value, its place, and each value that it overrode, latest first; no build is needed."""
    before = tree(fresh)
    assert run(fresh, "why", "train/small", "tuner.lora_rank") == Said(0, WHY, "")
    assert tree(fresh) == before


def test_why_answers_for_the_shipped_tree() -> None:
    """The README's question has its answer."""
    assert run(REPOSITORY, "why", "train/sft/summary_2048", "tuner.lora_rank") == Said(
        0,
        "tuner.lora_rank: 8\n"
        "  set at    configs/components/tuner/summary_freeze.yaml:7:3\n"
        "  overrode  configs/components/tuner/dora_full.yaml:12:3  32\n",
        "",
    )


@pytest.mark.parametrize(
    "name",
    [
        "train/small",
        "configs/train/small.yaml",
        "./configs/train/small.yaml",
        "build/train/small.lock.yaml",
        "train/small.yaml",
    ],
)
def test_a_preset_is_named_in_any_of_its_ways(ask: Ask, fresh: Path, name: str) -> None:
    """By its name, by its source, by its lock: the same answer, whether it was built or not."""
    assert ask(fresh, "why", name, "tuner.lora_rank").out == WHY


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("configs/train", "small.yaml"),
        ("configs/train/deep", "../small.yaml"),
        ("configs/train", "train/small"),
        ("configs/fusion", "configs/train/small.yaml"),
        ("configs/train", "../../build/train/small.lock.yaml"),
    ],
)
def test_a_preset_is_found_from_a_subdirectory(ask: Ask, fresh: Path, folder: str, name: str) -> None:
    """Paths count from the working directory, then from the repository root; places are told from the root."""
    assert ask(fresh / folder, "why", name, "tuner.lora_rank").out == WHY


@pytest.mark.parametrize(
    ("key", "first", "place"),
    [
        ("custom.augmentation.ops[0].params.prob", ": 0.5", "configs/base.yaml:10:31"),
        ("custom.augmentation.ops[crop].params.prob", ": 0.1", "configs/base.yaml:11:31"),
        ("training.report_to[0]", ": tensorboard", "configs/base.yaml:6:15"),
        ("training.report_to", ": [tensorboard]", "configs/base.yaml:6:3"),
        ("sources[lvis].ratio", ": 0.2", "configs/fusion/variants/mix.yaml:5:18"),
        ("fusion:sources[lvis].ratio", ": 0.2", "configs/fusion/variants/mix.yaml:5:18"),
        ("fusion:targets[0].train_jsonl", ": bbu.jsonl", "configs/fusion/variants/mix.yaml:3:17"),
    ],
)
def test_why_addresses_into_lists_and_into_the_mix(ask: Ask, fresh: Path, key: str, first: str, place: str) -> None:
    """An index, an entry's name, and `fusion:` for the mix that the preset names."""
    said = ask(fresh, "why", "train/small", key)
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0].endswith(first)
    assert lines[1].split()[-1] == place


def test_why_tells_what_an_entry_of_a_mix_overrode(ask: Ask, fresh: Path) -> None:
    """Through the preset or asked for itself, a mix gives the same answer."""
    said = ask(fresh, "why", "train/small", "sources[lvis].ratio")
    assert said.out == (
        "fusion:sources[lvis].ratio: 0.2\n"
        "  set at    configs/fusion/variants/mix.yaml:5:18\n"
        "  overrode  configs/fusion/base/dense.yaml:4:58  0.1\n"
    )
    alone = ask(fresh, "why", "fusion/variants/mix", "sources[lvis].ratio")
    assert alone.out == said.out.removeprefix("fusion:")


def test_why_of_a_mapping_tells_every_leaf(ask: Ask, fresh: Path) -> None:
    """Each value below the key, with its place."""
    said = ask(fresh, "why", "train/small", "tuner")
    assert said.code == 0
    rows = [line.split() for line in said.out.splitlines()]
    assert ["configs/train/small.yaml:5:3", "lora_rank:", "4"] in [row[-3:] for row in rows]
    assert ["configs/base.yaml:3:3", "lora_alpha:", "64"] in [row[-3:] for row in rows]


def test_why_of_the_fusion_key_tells_both_paths(ask: Ask, fresh: Path) -> None:
    """The path as it was authored, and the one that the lock holds."""
    said = ask(fresh, "why", "train/small", "custom.fusion_config")
    assert said.out.startswith("custom.fusion_config: configs/fusion/variants/mix.yaml\n")
    assert "configs/train/small.yaml:7:3" in said.out
    assert "build/fusion/variants/mix.lock.yaml" in said.out


def test_why_of_an_unknown_key_hints_at_the_nearest(ask: Ask, fresh: Path) -> None:
    """Siblings of the mistyped part are the candidates."""
    assert ask(fresh, "why", "train/small", "tuner.lora_rnk") == Said(
        2,
        "",
        "error: `tuner.lora_rnk` is not set in `configs/train/small.yaml` [unknown-key]\n"
        "  hint: did you mean `tuner.lora_rank`?\n",
    )


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("training.report_to[1]", "the list has 1 entry, counted from 0"),
        ("training.report_to[tensorbord]", "the list has 1 entry, counted from 0"),
        ("custom.augmentation.ops[2].params", "the list has 2 entries, counted from 0"),
        ("custom.augmentation.ops[flp].params", "did you mean `custom.augmentation.ops[flip].params`?"),
        ("custom.augmentation.ops[flp].rate", "did you mean `custom.augmentation.ops[flip]`?"),
        ("custom.augmentation.ops[blur]", "there is `crop`, `flip`"),
        ("custom.augmentation.ops[training]", "there is `crop`, `flip`"),
        ("sources[lvs].ratio", "did you mean `sources[lvis].ratio`?"),
    ],
)
def test_why_of_a_key_that_leads_into_a_list_hints_at_its_entries(ask: Ask, fresh: Path, key: str, hint: str) -> None:
    """By name where entries have names, the whole key as it is to be asked for; else how many there are."""
    told = f"error: `{key}` is not set in `configs/train/small.yaml` [unknown-key]\n  hint: {hint}\n"
    assert ask(fresh, "why", "train/small", key) == Said(2, "", told)


def test_why_of_a_key_below_a_value_says_what_is_there(ask: Ask, fresh: Path) -> None:
    """A number holds no keys, and there is none to hint at."""
    assert ask(fresh, "why", "train/small", "tuner.lora_rank.deep") == Said(
        2,
        "",
        "error: `tuner.lora_rank.deep` is not set in `configs/train/small.yaml` [unknown-key]\n"
        "  note: configs/train/small.yaml:5:3 sets `tuner.lora_rank` to `4`\n",
    )


def test_why_of_a_key_that_null_masks_says_who_masks_it(ask: Ask, fresh: Path) -> None:
    """Null is a value: a key below it is not set, and the place that masks it and what it held are named."""
    assert ask(fresh, "why", "train/masked", "training.lr_kwargs.min_lr") == Said(
        2,
        "",
        "error: `training.lr_kwargs.min_lr` is not set in `configs/train/masked.yaml` [unknown-key]\n"
        "  note: configs/train/masked.yaml:2:1 sets `training` to `null`\n"
        "  note: configs/base.yaml:5:15 held `1.0e-06`\n",
    )
    said = ask(fresh, "why", "train/masked", "training")
    assert said.out.startswith("training: null\n")
    assert "configs/train/masked.yaml:2:1" in said.out
    assert "configs/base.yaml:4:1" in said.out


def test_why_prints_json(fresh: Path) -> None:
    """Values keep their types, places their three parts."""
    said = run(fresh, "why", "train/small", "tuner.lora_rank", "--json")
    place = {"file": "configs/train/small.yaml", "line": 5, "column": 3}
    assert json.loads(said.out) == {
        "schema_version": 1,
        "preset": "train/small",
        "document": "configs/train/small.yaml",
        "key": "tuner.lora_rank",
        "value": 4,
        "origin": place,
        "overrode": [
            {
                "key": "tuner.lora_rank",
                "value": 8,
                "origin": {**place, "file": "configs/components/freeze.yaml", "line": 2},
            },
            {"key": "tuner.lora_rank", "value": 32, "origin": {**place, "file": "configs/base.yaml", "line": 2}},
        ],
        "lock_value": None,
        "effective": None,
        "rewrites": [],
    }


@pytest.mark.parametrize(("written", "shown"), [(".inf", "inf"), ("-.inf", "-inf"), (".nan", "nan"), ("1.5", 1.5)])
def test_a_number_that_json_lacks_is_printed_as_text(ask: Ask, fresh: Path, written: str, shown: object) -> None:
    """What `--json` prints is JSON that any reader takes."""
    write(fresh, {"configs/train/small.yaml": f"limit: {written}\n"})

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    said = ask(fresh, "why", "train/small", "limit", "--json")
    assert (said.code, json.loads(said.out, parse_constant=refuse)["value"]) == (0, shown)


def test_why_of_a_preset_that_does_not_compile_says_what_is_wrong(fresh: Path) -> None:
    """A finding, not a usage error."""
    write(fresh, {"configs/train/small.yaml": "extends: [nothing.yaml]\n"})
    said = run(fresh, "why", "train/small", "tuner")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("configs/train/small.yaml:1:11: error: base `nothing.yaml` does not exist")


HOOKED = """\
import sys
opened = []
sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == "open" else None)
from compiler.cli import main
code = main(sys.argv[1:])
seen = sorted({name.split("/configs/")[-1] for name in opened if "/configs/" in name})
print(code, *seen, sep="\\n", file=sys.stderr)
print(*sorted({name.split(".")[0] for name in sys.modules} & {"doit", "deepdiff", "hypothesis"}), file=sys.stderr)
"""


def test_why_reads_only_what_the_preset_reaches(fresh: Path) -> None:
    """Each file of its closure, the mix included, is opened once; no other source is, and neither doit nor deepdiff."""
    write(fresh, {f"configs/train/other{index}.yaml": "extends: ../attic/old.yaml\n" for index in range(9)})
    done = subprocess.run(
        [sys.executable, "-c", HOOKED, "why", "train/small", "tuner.lora_rank"],
        cwd=fresh,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == WHY
    assert done.stderr.splitlines() == [
        "0",
        "base.yaml",
        "components/freeze.yaml",
        "fusion/base/dense.yaml",
        "fusion/variants/mix.yaml",
        "train/small.yaml",
        "",
    ]


def test_importing_the_command_imports_neither_doit_nor_deepdiff() -> None:
    """What takes long to import is left to those who need it."""
    code = "import sys, compiler.cli; print(sorted({'doit', 'deepdiff'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
