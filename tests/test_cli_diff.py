"""`trainlock diff`: two presets, or one at two revisions, side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cli_runs
import proven
from cli_runs import Ask, Said, run, start, tree, write
from proven import DENSE, FILES, FRESH, MIX, SMALL, TUNER, build, commit, edit
from repositories import git

ask, made_once, repository = cli_runs.ask, proven.made_once, proven.repository


@pytest.fixture
def history(repository: Path) -> Path:
    """The repository with two tags: `first` as it is made, `second` with another rank and no preset `train/fresh`."""
    commit(repository, "first")
    (repository / FRESH).unlink()
    edit(repository, TUNER, "lora_rank: 32", "lora_rank: 64")
    build(repository)
    commit(repository, "second")
    return repository


# ------------------------------------------------------------------------------ two presets


def test_two_presets_are_told_side_by_side(ask: Ask, repository: Path) -> None:
    """Each value that differs, with its places; exit 1. Nothing need be built, and nothing is written."""
    before = tree(repository)
    assert ask(repository, "diff", "train/small", "train/fresh") == Said(
        1,
        "configs/train/small.yaml and configs/train/fresh.yaml: 1 differs, 9 leaves compared\n"
        "\n"
        "tuner.lora_rank: changed\n"
        "  - 8    configs/train/small.yaml:3:3\n"
        "  + 4    configs/train/fresh.yaml:3:3\n",
        "",
    )
    assert tree(repository) == before


def test_a_side_that_has_nothing_is_absent(ask: Ask, repository: Path) -> None:
    """A mix that one preset names and the other does not is a key that only one of them has."""
    said = ask(repository, "diff", "train/dense", "train/small")
    assert 'custom.note: removed\n  - "稠密"    configs/train/dense.yaml:3:3\n  + absent\n' in said.out
    assert "custom.augmentation.enabled: added\n  - absent\n  + false    configs/train/small.yaml:6:5\n" in said.out
    assert "custom.fusion_config: removed\n" in said.out


def test_equal_presets_are_exit_0(ask: Ask, repository: Path) -> None:
    """Whatever they are called, and by whatever way they are named."""
    write(repository, {"configs/train/twin.yaml": "extends: small.yaml\n"})
    said = ask(repository / "configs/train", "diff", "small.yaml", "train/twin")
    assert said == Said(0, "configs/train/small.yaml and configs/train/twin.yaml: equal, 9 leaves compared\n", "")


def test_a_list_is_told_by_what_changed_within_it(ask: Ask, repository: Path) -> None:
    """Items that have names are matched by them."""
    operations = "  augmentation:\n    ops:\n      - {name: crop, prob: 0.1}\n      - {name: flip, prob: 0.9}\n"
    write(repository, {"configs/train/other.yaml": f"extends: small.yaml\ncustom:\n{operations}"})
    lines = ask(repository, "diff", "train/small", "train/other").out.splitlines()
    assert lines[2:] == [
        "custom.augmentation.ops: changed",
        "  custom.augmentation.ops[flip].prob: 0.5 -> 0.9",
        "  custom.augmentation.ops: [{name: flip, prob: 0.5}, {name: crop, prob: 0.1}]"
        " -> [{name: crop, prob: 0.1}, {name: flip, prob: 0.9}]",
    ]


def test_presets_are_compared_with_their_mixes(ask: Ask, repository: Path) -> None:
    """Entry by entry; a mix of another name with the same entries is the same."""
    write(
        repository,
        {
            "configs/fusion/variants/twin.yaml": FILES[MIX],
            "configs/fusion/variants/other.yaml": FILES[MIX].replace("1024", "2048"),
            "configs/train/twin.yaml": FILES[DENSE].replace("mix.yaml", "twin.yaml"),
            "configs/train/other.yaml": FILES[DENSE].replace("mix.yaml", "other.yaml"),
        },
    )
    assert ask(repository, "diff", "train/dense", "train/twin").code == 0
    assert ask(repository, "diff", "train/dense", "train/other").out.splitlines()[2:] == [
        "fusion:targets[bbu].train_jsonl: changed",
        "  - bbu_1024.jsonl    configs/fusion/variants/mix.yaml:3:17",
        "  + bbu_2048.jsonl    configs/fusion/variants/other.yaml:3:17",
    ]


def test_two_mixes_are_compared_entry_by_entry(ask: Ask, history: Path) -> None:
    """As a mix is merged, here and at a revision; with a preset a mix cannot be compared."""
    other = FILES[MIX].replace("1024", "2048") + "sources:\n  - {name: lvis, ratio: 0.2}\n"
    write(history, {"configs/fusion/variants/other.yaml": other})
    said = ask(history, "diff", "fusion/variants/mix", "fusion/variants/other")
    assert (said.code, said.out.splitlines()[2::4]) == (
        1,
        ["targets[bbu].train_jsonl: changed", "sources[lvis].ratio: changed"],
    )
    edit(history, MIX, "1024", "512")
    assert "  - bbu_1024.jsonl    first:configs/fusion/variants/mix.yaml:3:17\n" in (
        ask(history, "diff", "fusion/variants/mix", "--from", "first").out
    )
    wrong = ask(history, "diff", "train/dense", "fusion/variants/mix")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.startswith("error: these two cannot be compared [bad-usage]\n  why: `configs/fusion/variants/mix.")


# ------------------------------------------------------------------------------ revisions


def test_one_preset_is_compared_with_itself_at_a_revision(ask: Ask, history: Path) -> None:
    """By the lock that was committed there; places of a revision are told as git names them."""
    assert ask(history, "diff", "train/dense", "--from", "first") == Said(
        1,
        "first:configs/train/dense.yaml and configs/train/dense.yaml: 1 differs, 17 leaves compared\n"
        "\n"
        "tuner.lora_rank: changed\n"
        "  - 32    first:configs/components/tuner.yaml:2:3\n"
        "  + 64    configs/components/tuner.yaml:2:3\n",
        "",
    )


def test_one_preset_is_compared_at_two_revisions(ask: Ask, history: Path) -> None:
    """`--from` is the left side, `--to` the right one, and either alone is compared with the working tree."""
    edit(history, TUNER, "lora_rank: 64", "lora_rank: 128")
    said = ask(history, "diff", "train/dense", "--from", "first", "--to", "second")
    assert said.out.splitlines()[3:] == [
        "  - 32    first:configs/components/tuner.yaml:2:3",
        "  + 64    second:configs/components/tuner.yaml:2:3",
    ]
    back = ask(history, "diff", "train/dense", "--to", "second")
    assert back.out.splitlines()[3:] == [
        "  - 128    configs/components/tuner.yaml:2:3",
        "  + 64    second:configs/components/tuner.yaml:2:3",
    ]
    assert ask(history, "diff", "train/dense", "--from", "first", "--to", "first~0").code == 0


def test_a_preset_that_was_moved_since_is_compared_with_what_it_became(ask: Ask, history: Path) -> None:
    """By its old name, as git takes it for moved; of one that is gone for good there is nothing to compare."""
    git(history, "mv", SMALL, "configs/train/tiny.yaml")
    said = ask(history, "diff", "train/small", "--from", "first")
    assert said.out.startswith(f"first:{SMALL} and configs/train/tiny.yaml: equal, ")
    assert (said.code, said.err) == (0, "")
    assert ask(history, "diff", "train/fresh", "--from", "first").err.startswith(
        "error: there is no preset `train/fresh` [unknown-preset]"
    )


def test_a_lock_whose_sources_do_not_compile_there_is_compared_all_the_same(ask: Ask, history: Path) -> None:
    """It says what was trained; where its sources cannot say where a value was written the line of the lock does."""
    edit(history, SMALL, "lora_rank: 8", "lora_rank: [8")
    commit(history, "broken")
    write(history, {SMALL: FILES[SMALL].replace("lora_rank: 8", "lora_rank: 9")})
    said = ask(history, "diff", "train/small", "--from", "broken")
    assert (said.code, said.err) == (1, "")
    assert said.out.splitlines()[2:] == [
        "tuner.lora_rank: changed",
        "  - 8    broken:build/train/small.lock.yaml:15:3",
        f"  + 9    {SMALL}:3:3",
    ]


def test_two_presets_are_compared_at_revisions(ask: Ask, history: Path) -> None:
    """A as it was, and B as it is."""
    said = ask(history, "diff", "train/small", "train/dense", "--from", "first")
    assert "tuner.lora_rank: changed\n  - 8    first:configs/train/small.yaml:3:3\n  + 64    configs/comp" in said.out


def test_a_preset_that_a_revision_lacks_is_exit_2(ask: Ask, history: Path) -> None:
    """With the nearest name that it has."""
    write(history, {FRESH: FILES[FRESH]})
    assert ask(history, "diff", "train/fresh", "--from", "second") == Said(
        2,
        "",
        f"error: `second` has no preset `{FRESH}` [unknown-preset]\n  hint: did you mean `{DENSE}`?\n",
    )


def test_a_preset_that_does_not_compile_there_is_told_as_of_there(ask: Ask, history: Path) -> None:
    """Not with the line of that number here, which may be any other."""
    (history / "build/train/small.lock.yaml").unlink()
    edit(history, SMALL, "lora_rank: 8", "lora_rank: [8")
    commit(history, "broken")
    write(history, {SMALL: FILES[SMALL]})
    said = ask(history, "diff", "train/small", "--from", "broken")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"broken:{SMALL}:4:")
    assert "[bad-yaml]" in said.err
    assert " | " not in said.err


def test_a_preset_that_does_not_compile_here_is_told_with_its_line(ask: Ask, repository: Path) -> None:
    """As by every other command."""
    edit(repository, SMALL, "../components/tuner.yaml", "../components/tunr.yaml")
    said = ask(repository, "diff", "train/small", "train/dense")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(
        f"{SMALL}:1:25: error: base `../components/tunr.yaml` does not exist [missing-base]\n    1 |"
    )


# ------------------------------------------------------------------------------ JSON, and what means nothing


def test_diff_prints_one_json_document(ask: Ask, history: Path) -> None:
    """Both sides by name, and each difference with both values in their types."""
    assert json.loads(ask(history, "diff", "train/dense", "--from", "first", "--json").out) == {
        "schema_version": 1,
        "left": {"preset": DENSE, "revision": "first", "read_from": "lock"},
        "right": {"preset": DENSE, "revision": None, "read_from": "sources"},
        "equal": False,
        "leaves": 17,
        "differences": [
            {
                "document": "preset",
                "path": ["tuner", "lora_rank"],
                "key": "tuner.lora_rank",
                "kind": "changed",
                "left": 32,
                "right": 64,
                "left_text": "32",
                "right_text": "64",
                "left_origin": f"first:{TUNER}:2:3",
                "right_origin": f"{TUNER}:2:3",
                "line": {"file": TUNER, "line": 2, "column": 3},
                "within": [],
            }
        ],
    }
    assert json.loads(ask(history, "diff", "train/dense", "--from", "second", "--json").out)["equal"] is True


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train/dense"], "one preset, and nothing to compare it with [bad-usage]"),
        (["train/dense", "configs/train/dense.yaml"], "one preset, and nothing to compare it with [bad-usage]"),
        (["train/dense", "--from", "first", "--to", "first"], "nothing to compare it with [bad-usage]"),
        ([], "the following arguments are required: A [bad-usage]"),
        (["train/dense", "train/small", "train/fresh"], "unrecognized arguments: train/fresh [bad-usage]"),
        (["train/nope", "train/small"], "there is no preset `train/nope` [unknown-preset]"),
        (["train/small", "train/nope"], "there is no preset `train/nope` [unknown-preset]"),
        (["train/dense", "--from", "nope"], "`nope` is neither a folder nor a revision of this repository"),
        (["train/dense", "--from", "--help"], "argument --from: expected one argument [bad-usage]"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_what_means_nothing_is_exit_2(ask: Ask, history: Path, arguments: list[str], says: str) -> None:
    """One message, and nothing on stdout."""
    said = ask(history, "diff", *arguments)
    assert (said.code, said.out) == (2, "")
    assert says in said.err
    assert said.err.startswith("error: ")


def test_a_closed_pipe_is_quiet(repository: Path) -> None:
    """`trainlock diff | head -0` prints no traceback."""
    process = start(repository, "diff", "train/dense", "train/small")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=60)
    assert err == ""


def test_a_key_that_looks_like_a_command_of_a_ci_job_is_none(repository: Path) -> None:
    """No line begins as one, and no control character reaches the terminal."""
    odd = '"::error::x": {a}\n"\\e[31mred": {a}\nops: [{{name: "::debug::", p: {a}}}]\n'
    write(repository, {f"configs/train/{a}.yaml": odd.format(a=a) for a in ("1", "2")})
    said = run(repository, "diff", "train/1", "train/2")
    assert said.code == 1
    assert [line for line in said.out.splitlines() if line.lstrip().startswith("::")] == []
    assert said.out.replace("\n", "").isprintable()
