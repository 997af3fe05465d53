"""`trainlock show`, `why`, `plan`, `graph` and `list`: what the command answers, as text and as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import cli_runs
from builders import REPOSITORY
from cli_runs import Ask, Said, run, tree, write

ask, fresh, built_once, built = cli_runs.ask, cli_runs.fresh, cli_runs.built_once, cli_runs.built

GRPO = "train/grpo/summary_2048"

LENGTHS = {
    "configs/train/long.yaml": (
        "extends: ../base.yaml\nglobal_max_length: 9\ntemplate: {truncation_strategy: right}\n"
        "training: {effective_batch_size: 32, per_device_train_batch_size: 2, seed: 1}\n"
        "rlhf: {rlhf_type: grpo, truncation_strategy: delete, generation_batch_size: 8, num_generations: 4, seed: 2}\n"
    )
}


@pytest.fixture
def longer(fresh: Path) -> Path:
    """The small repository, with a preset that the trainer rewrites."""
    write(fresh, LENGTHS)
    return fresh


# ------------------------------------------------------------------------------ show


@pytest.mark.parametrize("name", ["train/small", "train/masked", "train/deep/er", "fusion/variants/mix"])
def test_show_prints_what_the_lock_holds(ask: Ask, built: Path, name: str) -> None:
    """The text loads to the values of the lock, and writes nothing; a mix is shown, too."""
    before = tree(built)
    said = ask(built, "show", name)
    assert (said.code, said.err) == (0, "")
    lock = (built / f"build/{name}.lock.yaml").read_text()
    assert yaml.safe_load(said.out) == yaml.safe_load(lock)
    assert lock.endswith(said.out.split("# the trainer rewrites:")[0])
    assert tree(built) == before


def test_show_puts_origins_in_a_gutter(ask: Ask, fresh: Path) -> None:
    """File, line and column before each leaf and each item; the path of the mix as it was authored."""
    assert ask(fresh, "show", "train/deep/er", "--origins").out == (
        "                                tuner:\n"
        "configs/train/deep/er.yaml:3:3    lora_rank: 2\n"
        "configs/base.yaml:3:3             lora_alpha: 64\n"
        "                                training:\n"
        "                                  lr_kwargs:\n"
        "configs/base.yaml:5:15              min_lr: 1.0e-06\n"
        "                                  report_to:\n"
        "configs/base.yaml:6:15              - tensorboard\n"
        "                                custom:\n"
        "                                  augmentation:\n"
        "                                    ops:\n"
        "configs/base.yaml:10:10               - name: flip\n"
        "                                        params:\n"
        "configs/base.yaml:10:31                   prob: 0.5\n"
        "configs/base.yaml:11:10               - name: crop\n"
        "                                        params:\n"
        "configs/base.yaml:11:31                   prob: 0.1\n"
        "configs/train/small.yaml:7:3      fusion_config: configs/fusion/variants/mix.yaml\n"
    )


def test_show_tells_what_the_trainer_rewrites(ask: Ask, longer: Path) -> None:
    """Below the values, as comments: what was authored, and each step with its cause."""
    for more in ([], ["--origins"]):
        said = ask(longer, "show", "train/long", "--world-size", "3", *more)
        assert said.out.split("# the trainer rewrites:\n")[1] == (
            "#   template.max_length: not set -> 9 (global_max_length)\n"
            "#   model.max_model_len: not set -> 9 (global_max_length)\n"
            "#   template.truncation_strategy: right -> raise (global_max_length)"
            " -> delete (rlhf.truncation_strategy)\n"
            "#   rlhf.vllm_max_model_len: not set -> 9 (global_max_length)\n"
            "#   training.gradient_accumulation_steps: not set -> 6 (training.effective_batch_size)\n"
            "#   training.seed: 1 -> 2 (rlhf.seed)\n"
        )
    assert "gradient_accumulation_steps" not in ask(longer, "show", "train/long").out
    assert "rewrites" not in ask(longer, "show", "train/small").out


def test_a_rewrite_of_a_hostile_key_stays_a_comment(ask: Ask, fresh: Path) -> None:
    """A key that holds a line break, in two sections, ends no comment."""
    write(fresh, {"configs/train/odd.yaml": '"model": {"a\\nb": 1}\n"data": {"a\\nb": 2}\n'})
    said = ask(fresh, "show", "train/odd")
    assert yaml.safe_load(said.out) == {"model": {"a\nb": 1}, "data": {"a\nb": 2}}
    assert said.out.endswith('#   model."a\\nb": 1 -> 2 (data."a\\nb")\n')


def test_of_a_mix_the_trainer_rewrites_nothing(ask: Ask, fresh: Path) -> None:
    """The rules are those of presets: a mix with a key of the same name is left alone."""
    name = "configs/fusion/variants/mix.yaml"
    write(fresh, {name: cli_runs.FILES[name] + "global_max_length: 9\ntemplate: {max_length: 5}\n"})
    assert "rewrites" not in ask(fresh, "show", "fusion/variants/mix").out
    assert "becomes" not in ask(fresh, "why", "fusion/variants/mix", "template.max_length").out
    assert ask(fresh, "why", "fusion/variants/mix", "model.max_model_len").code == 2


def test_show_of_nothing_is_an_empty_mapping(ask: Ask, fresh: Path) -> None:
    """With origins and without."""
    write(fresh, {"configs/train/empty.yaml": ""})
    assert [ask(fresh, "show", "train/empty", *more).out for more in ([], ["--origins"])] == ["{}\n", "{}\n"]


def test_show_prints_json(ask: Ask, longer: Path) -> None:
    """Values, each leaf with its place, and the rewrites."""
    data = json.loads(ask(longer, "show", "train/long", "--json").out)
    assert set(data) == {"schema_version", "preset", "values", "leaves", "rewrites"}
    assert (data["schema_version"], data["preset"]) == (1, "train/long")
    assert data["values"]["template"] == {"truncation_strategy": "right"}
    place = {"file": "configs/base.yaml", "line": 6, "column": 15}
    assert {"key": "training.report_to[0]", "value": "tensorboard", "origin": place} in data["leaves"]
    rewrite = next(one for one in data["rewrites"] if one["key"] == "template.truncation_strategy")
    assert (rewrite["value"], rewrite["effective"]) == ("right", "delete")
    assert [step["rule"] for step in rewrite["rewrites"]] == ["global-max-length", "last-section"]
    assert next(one for one in data["rewrites"] if one["key"] == "model.max_model_len")["value"] is None


def test_show_of_what_does_not_compile_is_a_finding(ask: Ask, fresh: Path) -> None:
    """Exit 1, and what is wrong at its line."""
    write(fresh, {"configs/train/small.yaml": "extends: [nothing.yaml]\n"})
    said = ask(fresh, "show", "train/small")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("configs/train/small.yaml:1:11: error: base `nothing.yaml` does not exist")


# ------------------------------------------------------------------------------ why


def test_why_follows_a_value_past_the_merge() -> None:
    """Authored `right`, forced `raise`, effective `delete`: each with the key that causes it, and its place."""
    assert run(REPOSITORY, "why", GRPO, "template.truncation_strategy").out == (
        "template.truncation_strategy: right\n"
        "  set at    configs/base.yaml:8:3\n"
        "  becomes  raise   global_max_length is 16000, configs/components/length/max_16000.yaml:2:1"
        " (src/config/loader.py)\n"
        "  becomes  delete  rlhf.truncation_strategy is delete, configs/components/rlhf/grpo_summary.yaml:29:3"
        " (src/config/loader.py (build_train_arguments))\n"
    )


def test_why_answers_for_a_key_that_only_the_trainer_sets(ask: Ask, longer: Path) -> None:
    """Nobody wrote it, and it is set: by which key is told; with no such rule it stays unknown."""
    said = ask(longer, "why", "train/long", "template.max_length")
    assert said == Said(
        0,
        "template.max_length: not set\n"
        "  becomes  9  global_max_length is 9, configs/train/long.yaml:2:1 (src/config/loader.py)\n",
        "",
    )
    assert ask(longer, "why", "train/small", "template.max_length").code == 2
    assert ask(longer, "why", "train/long", "template[max_length]").code == 2


def test_why_knows_accumulation_steps_at_a_world_size(ask: Ask, longer: Path) -> None:
    """32 asked, two on each of three devices: six."""
    key = "training.gradient_accumulation_steps"
    assert ask(longer, "why", "train/long", key).code == 2
    said = ask(longer, "why", "train/long", key, "--world-size", "3")
    assert said.out.splitlines()[1].split()[:2] == ["becomes", "6"]


def test_why_prints_rewrites_as_json(ask: Ask, longer: Path) -> None:
    """What is effective in the end, and each step; of a key that nobody wrote the value and its origin are null."""
    data = json.loads(ask(longer, "why", "train/long", "template.truncation_strategy", "--json").out)
    place = {"file": "configs/train/long.yaml", "line": 2, "column": 1}
    assert data["effective"] == "delete"
    assert data["rewrites"][0] == {
        "value": "raise",
        "rule": "global-max-length",
        "cause": "global_max_length",
        "origin": place,
        "decided_in": "src/config/loader.py",
    }
    assert data["rewrites"][1]["cause"] == "rlhf.truncation_strategy"
    unset = json.loads(ask(longer, "why", "train/long", "model.max_model_len", "--json").out)
    assert set(unset) == set(data)
    assert (unset["value"], unset["origin"], unset["effective"], unset["overrode"]) == (None, None, 9, [])


def test_why_asks_the_mix_alone(ask: Ask, fresh: Path) -> None:
    """`fusion:` is never answered by the preset, and never rewritten."""
    write(fresh, {"configs/train/own.yaml": "extends: small.yaml\nsources: 7\n"})
    assert ask(fresh, "why", "train/own", "sources").out.startswith("sources: 7\n")
    assert ask(fresh, "why", "train/own", "fusion:sources[0].ratio").out.startswith("fusion:sources[0].ratio: 0.2\n")
    assert ask(fresh, "why", "train/own", "fusion:tuner.lora_rank").code == 2


# ------------------------------------------------------------------------------ plan


def test_plan_tells_the_batch_for_each_number_of_devices(ask: Ask, longer: Path) -> None:
    """Where 32 asked becomes 36 real, and where GRPO would not start."""
    said = ask(longer, "plan", "train/long")
    rows = said.out.splitlines()
    assert (said.code, said.err, len(rows)) == (0, "", 17)
    assert rows[0].split() == ["DEVICES", "PER", "DEVICE", "ACCUMULATION", "BATCH"]
    assert rows[4] == "4        2           4             32"
    assert rows[3].split(maxsplit=4) == [
        *["3", "2", "6", "36"],
        "not the 32 asked for; generation_batch_size 8 is no multiple of the 6 taken at once",
    ]
    one = ask(longer, "plan", "train/long", "--world-size", "64").out.splitlines()
    assert one[1].split()[:4] == ["64", "2", "1", "128"]


def test_plan_of_the_shipped_grpo_preset_names_the_devices_that_work() -> None:
    """Of one to sixteen devices 2, 4, 6, 8 and 12: those that divide 24 and are even."""
    data = json.loads(run(REPOSITORY, "plan", GRPO, "--json").out)
    assert [row["world_size"] for row in data["plan"] if not row["refused"]] == [2, 4, 6, 8, 12]
    assert set(data["plan"][0]) == {"per_device", "world_size", "accumulation", "asked", "batch", "refused"}
    assert data["preset"] == GRPO


def test_a_plan_of_what_is_no_number_is_told_at_its_line(ask: Ask, fresh: Path) -> None:
    """Which key, and where it was written: a finding, also as JSON."""
    write(fresh, {"configs/train/odd.yaml": "extends: small.yaml\ntraining:\n  effective_batch_size: many\n"})
    text = "configs/train/odd.yaml:3:3: error: `training.effective_batch_size` is no positive whole number [no-plan]"
    said = ask(fresh, "plan", "train/odd")
    assert (said.code, said.out, said.err.splitlines()[0]) == (1, "", text)
    assert [one["code"] for one in json.loads(ask(fresh, "plan", "train/odd", "--json").out)["problems"]] == ["no-plan"]


def test_a_mix_has_no_plan(ask: Ask, fresh: Path) -> None:
    """It is wrong usage, and not a table of defaults."""
    said = ask(fresh, "plan", "fusion/variants/mix")
    assert (said.code, said.out) == (2, "")
    assert "`configs/fusion/variants/mix.yaml` is a fusion config, and has no plan [bad-usage]" in said.err


@pytest.mark.parametrize("verb", [["plan", "train/small"], ["show", "train/small"], ["why", "train/small", "tuner"]])
@pytest.mark.parametrize("size", ["0", "-1", "1000001", "2.5", "two", ""])
def test_a_world_size_out_of_range_is_bad_usage(ask: Ask, fresh: Path, verb: list[str], size: str) -> None:
    """One device at least, a million at most, and a whole number."""
    said = ask(fresh, *verb, "--world-size", size)
    assert (said.code, said.out) == (2, "")
    assert "[bad-usage]" in said.err


# ------------------------------------------------------------------------------ graph and list


def test_graph_draws_in_three_formats(ask: Ask, fresh: Path) -> None:
    """Text unless asked otherwise; all presets and mixes unless some are named."""
    assert ask(fresh, "graph", "train/deep/er").out == (
        "configs/train/deep/er.yaml\n"
        "├── configs/train/small.yaml\n"
        "│   ├── configs/base.yaml\n"
        "│   └── configs/components/freeze.yaml\n"
        "└── mix configs/fusion/variants/mix.yaml\n"
        "    └── configs/fusion/base/dense.yaml\n"
    )
    assert ask(fresh, "graph", "--format", "dot").out.startswith("digraph trainlock {\n")
    assert ask(fresh, "graph", "--format", "mermaid", "train/small").out.startswith("flowchart LR\n")
    assert ask(fresh, "graph", "--format", "png").code == 2
    roots = [line for line in ask(fresh, "graph").out.splitlines() if line.startswith("configs/")]
    assert [root.split()[0] for root in roots] == [
        "configs/fusion/variants/mix.yaml",
        *["configs/train/deep/er.yaml", "configs/train/masked.yaml", "configs/train/small.yaml"],
    ]


def test_graph_prints_json(ask: Ask, fresh: Path) -> None:
    """Roots, files and edges."""
    data = json.loads(ask(fresh, "graph", "train/masked", "--json").out)
    assert data["roots"] == ["configs/train/masked.yaml"]
    assert data["problems"] == []
    assert {"source": "configs/train/masked.yaml", "target": "configs/train/small.yaml", "kind": "extends"} in data[
        "edges"
    ]
    assert all(edge[end] in data["files"] for edge in data["edges"] for end in ("source", "target"))


def test_a_graph_that_lacks_a_preset_is_exit_1(ask: Ask, fresh: Path) -> None:
    """What does not compile is told; a program that reads the rest is not told that it was all."""
    write(fresh, {"configs/train/bad.yaml": "extends: [gone.yaml]\n"})
    said = ask(fresh, "graph")
    assert said.code == 1
    assert "[missing-base]" in said.err
    assert "configs/train/small.yaml" in said.out
    data = json.loads(ask(fresh, "graph", "--json").out)
    assert [problem["code"] for problem in data["problems"]] == ["missing-base"]


def test_list_points_out_presets_that_are_one_run(ask: Ask, fresh: Path) -> None:
    """Those of equal digest name one another; what does not compile equals nothing."""
    write(fresh, {f"configs/train/same{index}.yaml": "extends: small.yaml\n" for index in range(2)})
    write(fresh, {f"configs/train/bad{index}.yaml": "a: [\n" for index in range(2)})
    data = {row["name"]: row for row in json.loads(ask(fresh, "list", "--json").out)["presets"]}
    same = {"train/same0", "train/same1", "train/small"}
    assert {name: set(row["equal_to"]) for name, row in data.items() if row["equal_to"]} == {
        name: same - {name} for name in same
    }
    assert (data["train/same0"]["depth"], data["train/same0"]["fragments"]) == (3, 6)
    assert (data["train/bad0"]["depth"], data["train/bad0"]["state"]) == (0, "invalid")
    rows = {line.split()[0]: line for line in ask(fresh, "list").out.splitlines()}
    assert rows["train/small"].endswith("  fusion/variants/mix  train/same0, train/same1")


# ------------------------------------------------------------------------------ all of them


@pytest.mark.parametrize("verb", [["show"], ["plan"], ["graph"], ["why", "tuner"]])
def test_an_unknown_preset_is_hinted_at(ask: Ask, fresh: Path, verb: list[str]) -> None:
    """Exit 2, with the nearest name."""
    said = ask(fresh, verb[0], "train/smal", *verb[1:])
    assert (said.code, said.out) == (2, "")
    assert "there is no preset `train/smal` [unknown-preset]" in said.err
    assert "did you mean `train/small`?" in said.err


@pytest.mark.parametrize("verb", [["show"], ["plan"], ["graph"]])
def test_a_question_is_asked_from_any_folder(ask: Ask, fresh: Path, verb: list[str]) -> None:
    """Paths count from where one stands; the answer is the same."""
    whole = ask(fresh, *verb, "train/small").out
    assert ask(fresh / "configs/train/deep", *verb, "../small.yaml").out == whole
    assert ask(fresh / "configs/train", *verb, "small").out == whole


IMPORTED = """\
import sys
from compiler.cli import main
main(sys.argv[1:])
heavy = {"subprocess", "deepdiff", "doit", "compiler.history", "compiler.contrast"}
print(*sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


def test_no_question_imports_what_it_does_not_need(fresh: Path) -> None:
    """Neither git nor deepdiff nor doit, whatever is asked of the working tree."""
    asked: list[list[Any]] = [
        *[["show", "train/small"], ["plan", "train/small"], ["graph"], ["list"], ["why", "train/small", "tuner"]],
        *[["impact", "base"], ["impact", "tuner.lora_rank"]],
    ]
    for question in asked:
        done = subprocess.run(
            [sys.executable, "-c", IMPORTED, *question], cwd=fresh, capture_output=True, text=True, timeout=60
        )
        assert (done.stderr, done.stdout != "") == ("\n", True), question
