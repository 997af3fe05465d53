"""`trainlock completion`: what real shells offer, and that a broken tree offers nothing and says nothing."""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import cli_runs
from cli_runs import Ask, write
from compiler.arguments import VERBS, parser
from shells import Terminal, environment, shell

ask, fresh, built_once, built = cli_runs.ask, cli_runs.fresh, cli_runs.built_once, cli_runs.built

PRESETS = {"train/deep/er", "train/masked", "train/small"}
MIX = "fusion/variants/mix"


def offered(folder: Path, line: str) -> list[str]:
    """Give what is offered at the end of a line, as argcomplete hands it to bash; nothing may be said besides."""
    reader, writer = os.pipe()
    asks = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_SHELL": "bash", "_ARGCOMPLETE_SUPPRESS_SPACE": "1"}
    line = f"trainlock {line}"
    done = subprocess.run(
        ["bash", "-c", f"exec trainlock 8>&{writer}"],
        cwd=folder,
        env={**environment(folder), **asks, "COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_TYPE": "9"},
        pass_fds=[writer],
        capture_output=True,
        text=True,
    )
    os.close(writer)
    with open(reader, encoding="utf-8") as file:
        found = file.read()
    assert (done.stdout, done.stderr) == ("", "")
    return [one for one in found.split("\013") if one]


# ------------------------------------------------------------------------------ what is offered


def test_every_verb_is_offered(fresh: Path) -> None:
    """Those that there are, and those that begin so."""
    assert sorted(offered(fresh, "")) == sorted(VERBS)
    assert sorted(offered(fresh, "c")) == ["check", "completion"]


def test_options_are_offered_to_who_writes_a_dash(fresh: Path) -> None:
    """Each verb has its own, and those that every verb takes."""
    assert offered(fresh, "show train/small --or") == ["--origins"]
    assert offered(fresh, "why train/small tuner --w") == ["--world-size"]
    assert offered(fresh, "diff --from ") == []
    assert "--configs" in offered(fresh, "check -")
    assert not any(one.startswith("-") for one in offered(fresh, "check "))


def test_the_choices_of_an_option_are_offered(fresh: Path) -> None:
    """Read from the parser, so that none is typed in twice."""
    assert offered(fresh, "check --format ") == ["text", "github", "sarif"]
    assert offered(fresh, "prove --witness ") == ["all", "bytes"]
    assert offered(fresh, "completion ") == ["bash", "zsh", "fish"]


def test_presets_are_offered_by_name_and_by_path(fresh: Path) -> None:
    """Mixes where a verb takes them; sources and locks to who begins their path."""
    for verb in ("check", "build", "why", "show", "diff", "graph"):
        assert {*offered(fresh, f"{verb} ")} == {*PRESETS, MIX}
    for verb in ("prove", "plan"):
        assert {*offered(fresh, f"{verb} ")} == PRESETS
    assert offered(fresh, "diff train/small train/ma") == ["train/masked"]
    assert offered(fresh, "show configs/train/m") == ["configs/train/masked.yaml"]
    assert offered(fresh, "show build/train/m") == ["build/train/masked.lock.yaml"]


def test_keys_are_those_of_the_preset_and_its_mix(fresh: Path) -> None:
    """A list is one key until its bracket is written; `fusion:` asks for the mix alone."""
    keys = offered(fresh, "why train/small ")
    assert {"tuner.lora_rank", "custom.fusion_config", "custom.augmentation.ops"} <= {*keys}
    assert "sources\\[lvis\\].ratio" in keys
    assert offered(fresh, "why train/small tuner.lora_r") == ["tuner.lora_rank"]
    assert offered(fresh, "why train/masked tr") == ["training"]
    within = "custom.augmentation.ops[1]"
    assert offered(fresh, f"why train/small {within}.p") == [f"{within}.params.prob".replace("[1]", "\\[1\\]")]
    assert offered(fresh, "why fusion/variants/mix targets[bbu].ra") == ["targets\\[bbu\\].ratio"]


def test_a_prefix_that_a_shell_breaks_at_is_completed(fresh: Path) -> None:
    """Behind the colon of `fusion:`, at which bash breaks words, only the rest is given back."""
    line = "why train/small fusion:targets[bbu].tr"
    assert [one.removeprefix("fusion:") for one in offered(fresh, line)] == ["targets\\[bbu\\].train_jsonl"]


def test_fragments_are_offered_and_keys_to_who_begins_one(fresh: Path) -> None:
    """`impact` takes both."""
    assert "configs/base.yaml" in offered(fresh, "impact ")
    assert offered(fresh, "impact configs/comp") == ["configs/components/freeze.yaml"]
    assert offered(fresh, "impact tuner.lora_r") == ["tuner.lora_rank"]


def test_the_options_before_the_word_count(fresh: Path, tmp_path: Path) -> None:
    """Another root has other presets; folders are offered for it."""
    write(tmp_path / "other", {"cfg/one.yaml": "a: 1\n"})
    assert offered(fresh, "show --root ../other --configs cfg ") == ["one"]
    assert offered(tmp_path, "check --root oth") == ["other/"]


# ------------------------------------------------------------------------------ what is wrong says nothing


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": "[tool.trainlock\n"},
        {"pyproject.toml": "[tool.trainlock]\nconfigs = 'gone'\n"},
        {"configs/train/small.yaml": "a: [\n"},
        {"configs/train/small.yaml": "extends: small.yaml\n"},
    ],
)
@pytest.mark.parametrize("line", ["why train/small ", "impact tu", "show --root /nowhere ", "why gone ", "biuld "])
def test_a_broken_tree_offers_nothing_and_says_nothing(fresh: Path, files: dict[str, str], line: str) -> None:
    """No message and no traceback ever reaches a prompt."""
    write(fresh, files)
    assert not any("tuner" in one for one in offered(fresh, line))


def test_what_a_broken_preset_does_not_break_is_offered(fresh: Path) -> None:
    """Names need no parsing, and other presets have their keys."""
    write(fresh, {"configs/train/deep/er.yaml": "a: [\n"})
    assert {*offered(fresh, "check ")} == {*PRESETS, MIX}
    assert offered(fresh, "why train/small tuner.lora_r") == ["tuner.lora_rank"]
    assert offered(fresh, "impact tuner.lora_r") == ["tuner.lora_rank"]


# ------------------------------------------------------------------------------ the command


def test_a_script_needs_no_tree(ask: Ask, tmp_path: Path) -> None:
    """It is for a shell's settings; an unknown shell is a usage error."""
    said = ask(tmp_path, "completion", "fish")
    assert (said.code, said.err) == (0, "")
    assert "complete --command trainlock" in said.out
    wrong = ask(tmp_path, "completion", "tcsh")
    assert (wrong.code, wrong.out) == (2, "")
    assert "invalid choice: 'tcsh'" in wrong.err


def test_every_argument_is_completed_or_left_alone_on_purpose() -> None:
    """A verb that is added says by the names of its arguments what completes them."""
    from compiler.completion import _OFFERS, _verbs

    named = {
        action.dest
        for verb in _verbs(parser())
        for action in verb._actions
        if not action.option_strings and not isinstance(action, argparse._SubParsersAction)
    }
    assert named - {"kind", "shell"} == set(_OFFERS)


# ------------------------------------------------------------------------------ real shells


@pytest.fixture(params=[shell("bash"), shell("zsh")])
def terminal(request: pytest.FixtureRequest, built: Path, tmp_path: Path) -> Iterator[Terminal]:
    """A shell that has been told of the completion, in a repository."""
    opened = Terminal(request.param, built, tmp_path / "home")
    yield opened
    opened.close()


def test_a_shell_completes_what_is_typed(terminal: Terminal) -> None:
    """A verb, a preset, a key, a value of an option, a fragment: each as far as it is certain."""
    for line, whole in {
        "trainlock chec": "trainlock check",
        "trainlock why train/sm": "trainlock why train/small",
        "trainlock why train/small tuner.lora_r": "trainlock why train/small tuner.lora_rank",
        "trainlock check --format s": "trainlock check --format sarif",
        "trainlock impact configs/comp": "trainlock impact configs/components/freeze.yaml",
        "trainlock why train/small targets": "trainlock why train/small targets[bbu].",
    }.items():
        assert terminal.completed(line).strip() == whole


def test_a_shell_stays_silent_where_the_tree_is_broken(terminal: Terminal, built: Path) -> None:
    """The line stays as it was typed, and nothing is shown between."""
    write(built, {"pyproject.toml": "[tool.trainlock\n"})
    assert terminal.completed("trainlock why train/sm").strip() == "trainlock why train/sm"
    assert "error" not in terminal.shown
    assert "Traceback" not in terminal.shown


@pytest.mark.parametrize("name", [shell("bash")])
def test_bash_inserts_all_that_is_offered(name: str, built: Path, tmp_path: Path) -> None:
    """By the key of readline that inserts every completion."""
    opened = Terminal(name, built, tmp_path / "home")
    try:
        assert {*opened.completed("trainlock prove ", "\x1b*").split()} == {"trainlock", "prove", *PRESETS}
    finally:
        opened.close()


@pytest.mark.parametrize("name", [shell("fish")])
def test_fish_offers_with_what_each_is(name: str, built: Path, tmp_path: Path) -> None:
    """Its own completion engine is asked."""

    def complete(line: str) -> list[str]:
        code = f"trainlock completion fish | source; complete -C {line!r}"
        done = subprocess.run(
            [name, "--no-config", "-c", code], cwd=built, env=environment(tmp_path), capture_output=True, text=True
        )
        assert done.stderr == ""
        return done.stdout.splitlines()

    assert [line.split("\t")[0] for line in complete("trainlock prove ")] == sorted(PRESETS)
    assert any(line.startswith("why\tsay where") for line in complete("trainlock w"))
    assert complete("trainlock why train/small tuner.lora_r") == ["tuner.lora_rank"]
    write(built, {"configs/train/small.yaml": "a: [\n"})
    assert complete("trainlock why train/small tuner.lora_r") == []
