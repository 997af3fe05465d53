"""`trainlock impact`: what a fragment reaches, who holds what at a key, and what edits since a revision change."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import cli_runs
from cli_runs import FILES, Ask, Said, run, tree, write
from repositories import commit, git

ask, fresh = cli_runs.ask, cli_runs.fresh

BASE = """\
configs/base.yaml reaches 3 presets
  configs/train/deep/er.yaml: 4 of 5 leaves survive
    tuner.lora_rank  32 is overridden  configs/train/deep/er.yaml:3:3  2
  configs/train/masked.yaml: 2 of 5 leaves survive
    tuner.lora_rank            32 is overridden             configs/train/small.yaml:5:3  4
    training.lr_kwargs.min_lr  1.0e-06 is overridden        configs/train/masked.yaml:2:1  null
    training.report_to         [tensorboard] is overridden  configs/train/masked.yaml:2:1  null
  configs/train/small.yaml: 4 of 5 leaves survive
    tuner.lora_rank  32 is overridden  configs/train/small.yaml:5:3  4
"""


# ------------------------------------------------------------------------------ a fragment


def test_impact_tells_what_a_fragment_reaches_and_who_overrides_it(fresh: Path) -> None:
    """Per preset how many of its leaves survive, and of each other one who won; nothing is written."""
    before = tree(fresh)
    assert run(fresh, "impact", "configs/base.yaml") == Said(0, BASE, "")
    assert tree(fresh) == before


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        (".", "base"),
        (".", "./configs/base.yaml"),
        (".", "base.yaml"),
        ("configs", "base"),
        ("configs/train/deep", "../../base.yaml"),
        ("configs/train/deep", "configs/base.yaml"),
    ],
)
def test_a_fragment_is_named_from_any_folder(ask: Ask, fresh: Path, folder: str, name: str) -> None:
    """From the working directory, the root or the config root; with its suffix or without."""
    assert ask(fresh / folder, "impact", name).out == BASE


def test_a_fragment_of_a_mix_reaches_through_it(ask: Ask, fresh: Path) -> None:
    """Which mix brings it, and which entry's leaf it lost."""
    said = ask(fresh, "impact", "fusion/base/dense")
    lines = said.out.splitlines()
    assert lines[0] == "configs/fusion/base/dense.yaml reaches 2 presets"
    assert lines[1].endswith("leaves survive, by the mix configs/fusion/variants/mix.yaml")
    assert [line.split() for line in lines if "ratio" in line] == [
        ["sources[lvis].ratio", "0.1", "is", "overridden", "configs/fusion/variants/mix.yaml:5:18", "0.2"]
    ] * 2


def test_several_fragments_are_answered_each_once(ask: Ask, fresh: Path) -> None:
    """In the order in which they were named."""
    said = ask(fresh, "impact", "components/freeze", "attic/old", "configs/components/freeze.yaml")
    heads = [line for line in said.out.splitlines() if not line.startswith(" ")]
    assert heads == ["configs/components/freeze.yaml reaches 3 presets", "configs/attic/old.yaml reaches 0 presets"]


def test_impact_of_a_fragment_prints_json(ask: Ask, fresh: Path) -> None:
    """Each leaf with its value and place, and the winner where it is another."""
    data = json.loads(ask(fresh, "impact", "components/freeze", "fusion/base/dense", "--json").out)
    assert [one["fragment"] for one in data["fragments"]] == [
        "configs/components/freeze.yaml",
        "configs/fusion/base/dense.yaml",
    ]
    assert data["problems"] == []
    small = next(one for one in data["fragments"][0]["presets"] if one["preset"] == "configs/train/small.yaml")
    assert small == {
        "preset": "configs/train/small.yaml",
        "mix": None,
        "leaves": [
            {
                "key": "tuner.lora_rank",
                "value": 8,
                "origin": {"file": "configs/components/freeze.yaml", "line": 2, "column": 3},
                "survives": False,
                "winner": {"value": 4, "origin": {"file": "configs/train/small.yaml", "line": 5, "column": 3}},
            }
        ],
    }
    assert data["fragments"][1]["presets"][0]["mix"] == "configs/fusion/variants/mix.yaml"


def test_a_preset_that_does_not_compile_makes_the_answer_partial(ask: Ask, fresh: Path) -> None:
    """It is told, the others are answered, and the exit code says that it was not all."""
    write(fresh, {"configs/train/bad.yaml": "extends: [../base.yaml, gone.yaml]\n"})
    said = ask(fresh, "impact", "base")
    assert (said.code, said.out) == (1, BASE)
    assert said.err.startswith("configs/train/bad.yaml:1:25: error: base `gone.yaml` does not exist")
    twice = ask(fresh, "impact", "base", "components/freeze", "--json")
    assert [problem["code"] for problem in json.loads(twice.out)["problems"]] == ["missing-base"]
    by_key = ask(fresh, "impact", "tuner.lora_rank", "--json")
    assert (by_key.code, len(json.loads(by_key.out)["problems"])) == (1, 1)


def test_a_fragment_that_cannot_be_read_is_a_finding(ask: Ask, fresh: Path) -> None:
    """Exit 1, with its own line."""
    write(fresh, {"configs/base.yaml": "a: [\n"})
    said = ask(fresh, "impact", "base")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("configs/base.yaml:")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "nothing to look at [bad-usage]"),
        (["configs/bse.yaml"], "`configs/bse.yaml` [unknown-fragment]\n  hint: did you mean `configs/base.yaml`?"),
        (["components/feeze.yaml"], "`components/feeze.yaml` [unknown-fragment]\n  hint: "),
        (["freeze.yaml"], "hint: did you mean `configs/components/freeze.yaml`?"),
        (["base", "nope"], "there is no fragment `nope` [unknown-fragment]"),
        (["base", "tuner.lora_rank"], "there is no fragment `tuner.lora_rank` [unknown-fragment]"),
        (["../outside.yaml"], "there is no fragment `../outside.yaml` [unknown-fragment]"),
        (["pyproject.toml", "base"], "there is no fragment `pyproject.toml` [unknown-fragment]"),
        (["tuner.lora_rnk"], "no preset holds `tuner.lora_rnk`, and there is no fragment of that name [unknown-key]"),
        (["tuner.lora_rnk"], "did you mean `tuner.lora_rank`?"),
        ([""], "the key is empty [unknown-key]"),
        (["[["], "[unknown-key]"),
        (["fusion:tuner.lora_rank"], "no preset holds `fusion:tuner.lora_rank`"),
    ],
)
def test_what_is_neither_a_fragment_nor_a_key_is_hinted_at(ask: Ask, fresh: Path, words: list[str], says: str) -> None:
    """Exit 2, nothing on stdout; a file outside of the config root is no fragment."""
    write(fresh.parent, {"outside.yaml": "a: 1\n"})
    said = ask(fresh, "impact", *words)
    assert (said.code, said.out) == (2, "")
    assert says in said.err


# ------------------------------------------------------------------------------ a key


def test_impact_of_a_key_tells_who_holds_what(ask: Ask, fresh: Path) -> None:
    """Presets of one value together, the most first, each with the place that set it."""
    assert ask(fresh, "impact", "tuner.lora_rank").out == (
        "tuner.lora_rank: 4  in 2 presets\n"
        "  configs/train/masked.yaml  configs/train/small.yaml:5:3\n"
        "  configs/train/small.yaml   configs/train/small.yaml:5:3\n"
        "tuner.lora_rank: 2  in 1 preset\n"
        "  configs/train/deep/er.yaml  configs/train/deep/er.yaml:3:3\n"
    )


@pytest.mark.parametrize("prefix", ["", "fusion:"])
def test_impact_of_a_key_of_a_mix(ask: Ask, fresh: Path, prefix: str) -> None:
    """Found through the preset, and told under the name that was asked; who has no mix holds nothing."""
    assert ask(fresh, "impact", f"{prefix}sources[lvis].ratio").out == (
        f"{prefix}sources[lvis].ratio: 0.2  in 2 presets\n"
        "  configs/train/deep/er.yaml  configs/fusion/variants/mix.yaml:5:18\n"
        "  configs/train/small.yaml    configs/fusion/variants/mix.yaml:5:18\n"
        f"{prefix}sources[lvis].ratio: not set  in 1 preset\n"
        "  configs/train/masked.yaml\n"
    )


def test_impact_of_a_key_prints_json(ask: Ask, fresh: Path) -> None:
    """Null and not set are told apart."""
    data = json.loads(ask(fresh, "impact", "custom.fusion_config", "--json").out)
    assert [(one["value"], one["is_set"], len(one["presets"])) for one in data["values"]] == [
        ("configs/fusion/variants/mix.yaml", True, 2),
        (None, True, 1),
    ]
    unset = json.loads(ask(fresh, "impact", "training.report_to", "--json").out)["values"][1]
    assert (unset["value"], unset["is_set"]) == (None, False)
    assert unset["presets"] == [{"preset": "configs/train/masked.yaml", "origin": None}]


# ------------------------------------------------------------------------------ since a revision


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The small repository, committed."""
    root = tmp_path / "repository"
    commit(root, FILES)
    return root


def test_impact_since_tells_what_edits_change(ask: Ask, repository: Path) -> None:
    """Key by key per preset, through bases and mixes; a preset that is new is told as new."""
    assert ask(repository, "impact", "--since", "HEAD").out == "nothing that trains has changed since HEAD\n"
    mix = FILES["configs/fusion/variants/mix.yaml"].replace("ratio: 0.2", "ratio: 0.3")
    write(
        repository,
        {
            "configs/components/freeze.yaml": "# only a comment\ntuner:\n  lora_rank: 9\n  lora_bias: all\n",
            "configs/fusion/variants/mix.yaml": mix,
            "configs/train/new.yaml": "extends: small.yaml\n",
        },
    )
    before = git(repository, "status", "--short")
    said = ask(repository, "impact", "--since", "HEAD")
    assert (said.code, said.err) == (0, "")
    bias = "configs/components/freeze.yaml:4:3"
    assert [line.split() for line in said.out.splitlines()] == [
        ["configs/train/deep/er.yaml:", "2", "changed"],
        ["tuner.lora_bias", "absent", "->", "all", bias],
        ["fusion:sources[lvis].ratio", "0.2", "->", "0.3", "configs/fusion/variants/mix.yaml:5:18"],
        ["configs/train/masked.yaml:", "1", "changed"],
        ["tuner.lora_bias", "absent", "->", "all", bias],
        ["configs/train/new.yaml:", "new"],
        ["configs/train/small.yaml:", "2", "changed"],
        ["tuner.lora_bias", "absent", "->", "all", bias],
        ["fusion:sources[lvis].ratio", "0.2", "->", "0.3", "configs/fusion/variants/mix.yaml:5:18"],
    ]
    assert git(repository, "status", "--short") == before


def test_impact_since_of_some_fragments_tells_only_their_presets(ask: Ask, repository: Path) -> None:
    """Who reaches none of them is left out."""
    write(repository, {"configs/train/deep/er.yaml": "extends: ../small.yaml\ntuner:\n  lora_rank: 3\n"})
    assert ask(repository, "impact", "--since", "HEAD", "train/deep/er").out.startswith("configs/train/deep/er.yaml: 1")
    assert ask(repository, "impact", "--since", "HEAD", "train/masked").out.startswith("nothing that trains")


def test_impact_since_prints_json(ask: Ask, repository: Path) -> None:
    """Only presets that changed or are new, with their differences as `diff` gives them."""
    write(repository, {"configs/train/new.yaml": "a: 1\n", "configs/train/deep/er.yaml": "extends: ../small.yaml\n"})
    data = json.loads(ask(repository, "impact", "--since", "HEAD", "--json").out)
    assert data["since"] == "HEAD"
    changed, new = data["presets"]
    assert new == {"preset": "configs/train/new.yaml", "change": "new", "differences": []}
    assert (changed["preset"], changed["change"]) == ("configs/train/deep/er.yaml", "changed")
    assert [(one["key"], one["left"], one["right"]) for one in changed["differences"]] == [("tuner.lora_rank", 2, 4)]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--since", "no-such-revision"], "unknown-revision"),
        (["--since", "HEAD", "nope.yaml"], "unknown-fragment"),
        (["--since", "HEAD", "tuner.lora_rank"], "unknown-fragment"),
    ],
)
def test_what_cannot_be_compared_is_wrong_usage(ask: Ask, repository: Path, arguments: list[str], code: str) -> None:
    """A revision that is none, and a word that names no fragment: never an answer about everything."""
    said = ask(repository, "impact", *arguments)
    assert (said.code, said.out) == (2, "")
    assert f"[{code}]" in said.err


def test_impact_since_outside_of_git_is_wrong_usage(ask: Ask, fresh: Path) -> None:
    """There is no revision to look at."""
    said = ask(fresh, "impact", "--since", "HEAD", "--root", str(fresh))
    assert (said.code, said.out) == (2, "")


IMPORTED = """\
import sys
from compiler.cli import main
main(sys.argv[1:])
print(*sorted({"subprocess", "deepdiff", "compiler.history"} & set(sys.modules)), file=sys.stderr)
"""


def test_only_a_revision_needs_git(repository: Path) -> None:
    """`--since` runs git, and still not deepdiff."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, "impact", "--since", "HEAD"],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == "compiler.history subprocess\n"


def test_impact_since_tells_what_is_gone_and_goes_on_past_what_is_broken(ask: Ask, repository: Path) -> None:
    """A deleted preset is told; one that does not compile is told with its problem, and the others all the same."""
    (repository / "configs/train/masked.yaml").unlink()
    write(repository, {"configs/train/deep/er.yaml": "extends: gone.yaml\n", "configs/train/new.yaml": "a: 1\n"})
    said = ask(repository, "impact", "--since", "HEAD")
    assert (said.code, said.out.splitlines()) == (
        1,
        ["configs/train/masked.yaml: gone", "configs/train/new.yaml: new"],
    )
    assert "[missing-base]" in said.err
    data = json.loads(ask(repository, "impact", "--since", "HEAD", "--json").out)
    assert [problem["code"] for problem in data["problems"]] == ["missing-base"]
