"""`trainlock check --format`: for a CI job and for code scanning what text is for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import cli_runs
from cli_runs import Ask, Said, tree, write

ask, built_once, built = cli_runs.ask, cli_runs.built_once, cli_runs.built


def _break(root: Path) -> None:
    write(root, {"configs/train/masked.yaml": "extends: small.yaml\ntraining: {seed: 1}\n"})
    write(root, {"configs/train/small.yaml": "extends: ../bse.yaml\n"})


def _run(said: Said) -> dict[str, Any]:
    document = json.loads(said.out)
    assert document["version"] == "2.1.0"
    run: dict[str, Any] = document["runs"][0]
    return run


def test_text_is_what_is_printed_without_a_format(ask: Ask, built: Path) -> None:
    """Be it good or bad."""
    fresh = Said(0, "4 fresh, 0 wrong, 3 silenced\n", "")
    assert ask(built, "check", "--format", "text") == ask(built, "check") == fresh
    _break(built)
    said = ask(built, "check", "--format", "text")
    assert said == ask(built, "check")
    assert said.code == 1


def test_github_adds_annotations_to_the_text(ask: Ask, built: Path) -> None:
    """One a problem, on stdout, before the line that sums up; stderr is as ever, and nothing is written."""
    assert ask(built, "check", "--format", "github") == Said(0, "4 fresh, 0 wrong, 3 silenced\n", "")
    _break(built)
    before = tree(built)
    text, said = ask(built, "check"), ask(built, "check", "--format", "github")
    assert (said.code, said.err) == (1, text.err)
    *annotations, last = said.out.splitlines()
    assert f"{last}\n" == text.out
    assert len(annotations) == text.err.count("error: ")
    assert annotations[-1].startswith(
        "::error file=configs/train/small.yaml,line=1,col=10,title=missing-base::base `../bse.yaml` does not exist; "
    )
    assert tree(built) == before


def test_sarif_prints_one_document_and_nothing_else(ask: Ask, built: Path) -> None:
    """Good or bad; the exit code is that of the text."""
    good = ask(built, "check", "--format", "sarif")
    assert (good.code, good.err, _run(good)["results"]) == (0, "", [])
    _break(built)
    said = ask(built, "check", "--format", "sarif")
    assert (said.code, said.err) == (1, "")
    run = _run(said)
    assert [result["ruleId"] for result in run["results"]].count("missing-base") == 1
    assert len(run["results"]) == ask(built, "check").err.count("error: ")
    assert run["invocations"][0]["exitCode"] == 1
    assert str(built) not in said.out


@pytest.mark.parametrize("more", ["text", "github", "sarif"])
def test_json_and_a_format_are_a_usage_error(ask: Ask, built: Path, more: str) -> None:
    """Both say what is printed; `--json` alone is as it was."""
    said = ask(built, "check", "--json", "--format", more)
    assert said.code == 2
    assert said.err == (
        "error: `--json` and `--format` both say what to print [bad-usage]\n  hint: leave one of the two out\n"
    )
    assert json.loads(ask(built, "check", "--json").out)["fresh"] == 4


def test_an_unknown_format_is_a_usage_error(ask: Ask, built: Path) -> None:
    """One message, and nothing on stdout."""
    said = ask(built, "check", "--format", "xml")
    assert (said.code, said.out) == (2, "")
    assert "argument --format: invalid choice: 'xml'" in said.err


def test_what_cannot_be_checked_is_told_in_the_format_that_was_asked_for(ask: Ask, built: Path) -> None:
    """A job whose call is wrong says so where its findings would stand."""
    said = ask(built, "check", "nope", "--format", "github")
    assert said.code == 2
    assert said.out.startswith("::error title=unknown-preset::there is no preset `nope`; ")
    assert said.err == ask(built, "check", "nope").err
    sarif = ask(built, "check", "nope", "--format", "sarif")
    [invocation] = _run(sarif)["invocations"]
    assert (sarif.code, invocation["exitCode"], invocation["executionSuccessful"]) == (2, 2, False)
    assert invocation["toolConfigurationNotifications"][0]["associatedRule"]["id"] == "unknown-preset"


def test_settings_that_mean_nothing_are_told_at_their_line(ask: Ask, built: Path) -> None:
    """They stand in a file, and so are a result like any other."""
    write(built, {"pyproject.toml": "[tool.trainlock]\npresetz = []\n"})
    run = _run(ask(built, "check", "--format", "sarif"))
    [result] = run["results"]
    assert result["ruleId"] == "bad-settings"
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("pyproject.toml", 2)


@pytest.mark.parametrize("name", ["a%b,c:d.yaml", "::error::x.yaml", "a b[1](2).yaml"])
def test_a_hostile_name_is_no_command_and_no_link(ask: Ask, built: Path, name: str) -> None:
    """Each problem is one line of its own, and the document is one document."""
    write(built, {f"configs/train/{name}": "extends: ../bse.yaml\n"})
    lines = ask(built, "check", "--format", "github").out.splitlines()[:-1]
    assert lines
    assert all(line.startswith("::error file=configs/train/") and line.count("::") >= 2 for line in lines)
    assert all(":" not in line.split(",")[0].removeprefix("::error ") for line in lines)
    assert _run(ask(built, "check", "--format", "sarif"))["results"]


def test_a_name_with_a_line_break_is_told_on_one_line(ask: Ask, built: Path) -> None:
    """The annotation ends where its line ends."""
    write(built, {"configs/train/a\n::error::b.yaml": "x: 1\n"})
    lines = ask(built, "check", "--format", "github").out.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["::error", "4"]
    assert "title=bad-name" in lines[0]
