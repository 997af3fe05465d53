"""`trainlock` with options and in other trees: the list, a foreign repository, and what a person can get wrong."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cli_runs
from builders import REPOSITORY
from cli_runs import LOCKS, Ask, Said, locks, run, tree, write
from compiler.arguments import VERBS, parser
from compiler.problems import UsageError

ask, fresh, built_once, built = cli_runs.ask, cli_runs.fresh, cli_runs.built_once, cli_runs.built


# ------------------------------------------------------------------------------ list


def test_list_shows_how_each_lock_stands(ask: Ask, built: Path) -> None:
    """A line each preset and mix: name, state, digest, fragments, depth, mix; broken ones too; nothing is written."""
    (built / "build/train/masked.lock.yaml").unlink()
    write(built, {"configs/train/deep/er.yaml": "a: [\n"})
    before = tree(built)
    said = ask(built, "list")
    assert (said.code, said.err) == (0, "")
    rows = [line.split() for line in said.out.splitlines()]
    assert rows[0] == ["NAME", "LOCK", "DIGEST", "FRAGMENTS", "DEPTH", "FUSION", "EQUAL", "TO"]
    assert [row[:2] for row in rows[1:]] == [
        ["fusion/variants/mix", "fresh"],
        ["train/deep/er", "invalid"],
        ["train/masked", "missing"],
        ["train/small", "fresh"],
    ]
    assert rows[2][2:] == ["1", "-", "-"]
    assert rows[4][3:] == ["5", "2", "fusion/variants/mix"]
    assert all(line == line.rstrip() for line in said.out.splitlines())
    assert tree(built) == before


def test_list_prints_json(ask: Ask, built: Path) -> None:
    """The same rows with whole digests, equal to those in the locks' headers."""
    data = json.loads(ask(built, "list", "--json").out)
    assert data["schema_version"] == 1
    rows: dict[str, Any] = {row["name"]: row for row in data["presets"]}
    assert set(rows) == {path.removeprefix("build/").removesuffix(".lock.yaml") for path in LOCKS}
    for name, row in rows.items():
        assert row["state"] == "fresh"
        assert f"\n# digest: {row['digest']}\n" in (built / f"build/{name}.lock.yaml").read_text()


# ------------------------------------------------------------------------------ a foreign tree

FOREIGN = {
    "cfg/base.yml": "model: {type: base}\nmix: cfg/mixes/x.yaml\nschedule: [1, 2]\n",
    "cfg/common/opt.yaml": "optimizer: {lr: 0.1}\nruntime: {seed: 1}\n",
    "cfg/runs/a/first.yml": (
        "_BASE_: [../../base.yml, ../../common/opt.yaml]\nextends: plain data\ninherit: [1]\nmodel: {depth: 50}\n"
        "custom: {fusion_config: nowhere/mix.yaml}\n"
    ),
    "cfg/runs/second.yaml": "_BASE_: a/first.yml\nmodel: {depth: 101}\n",
    "cfg/notes.txt": "not yaml\n",
}


def test_a_foreign_tree_compiles_by_options_alone(tmp_path: Path) -> None:
    """No `pyproject.toml`: another key for bases, both suffixes, locks at the same relative path, no rule of ours."""
    write(tmp_path / "theirs", FOREIGN)
    (tmp_path / "ours").mkdir()
    before = tree(tmp_path / "theirs")
    arguments = ["--root", "../theirs", "--configs", "cfg", "--build", str(tmp_path / "out"), "--extends-key", "_BASE_"]
    said = run(tmp_path / "ours", "build", *arguments, "--presets", "runs/**/*.yml", "--presets", "runs/*.yaml")
    assert (said.code, said.err) == (0, "")
    assert locks(tmp_path / "out") == {"runs/a/first.lock.yaml", "runs/second.lock.yaml"}
    assert tree(tmp_path / "theirs") == before
    text = (tmp_path / "out/runs/second.lock.yaml").read_text()
    values = [line.split("#")[0].rstrip() for line in text.splitlines() if line and not line.startswith("#")]
    assert values == [
        "model:",
        "  type: base",
        "  depth: 101",
        "mix: cfg/mixes/x.yaml",
        "schedule: [1, 2]",
        "optimizer:",
        "  lr: 0.1",
        "runtime:",
        "  seed: 1",
        'extends: "plain data"',
        "inherit: [1]",
        "custom:",
        "  fusion_config: nowhere/mix.yaml",
    ]


def test_a_foreign_tree_can_be_asked(ask: Ask, tmp_path: Path) -> None:
    """`why`, `list` and `check` take the same options."""
    write(tmp_path, FOREIGN)
    arguments = ["--configs", "cfg", "--build", "out", "--extends-key", "_BASE_", "--presets", "runs/**"]
    said = ask(tmp_path, "why", "runs/second", "model.depth", *arguments)
    assert (
        said.out == "model.depth: 101\n  set at    cfg/runs/second.yaml:2:9\n  overrode  cfg/runs/a/first.yml:4:9  50\n"
    )
    assert ask(tmp_path, "check", *arguments).code == 1
    assert ask(tmp_path, "build", *arguments).code == 0
    assert ask(tmp_path, "check", *arguments) == Said(0, "2 fresh, 0 wrong\n", "")
    names = [line.split()[0] for line in ask(tmp_path, "list", *arguments).out.splitlines()]
    assert names == ["NAME", "runs/a/first", "runs/second"]


def test_options_bring_the_rules_of_components_and_mixes(ask: Ask, tmp_path: Path) -> None:
    """With `--components` and `--fusion-key` the foreign tree is held to them."""
    mix = "targets:\n  - {dataset: d, train_jsonl: d.jsonl}\n"
    write(tmp_path, {**FOREIGN, "cfg/mixes/x.json": '{"targets": [{"dataset": "d", "train_jsonl": "d.jsonl"}]}'})
    write(tmp_path, {"cfg/mixes/x.yaml": mix, "cfg/mixes/y.yml": mix})
    common = ["--configs", "cfg", "--build", "out", "--extends-key", "_BASE_", "--presets", "runs/**"]
    said = ask(tmp_path, "build", *common, "--components", "common/*.yaml")
    assert said.code == 1
    assert said.err.startswith("cfg/common/opt.yaml:2:1: error: ")
    assert said.err.count("[component-sections]") == 1
    assert ask(tmp_path, "build", *common, "--fusion-key", "mix", "--fusion", "mixes/y.yml").code == 0
    assert locks(tmp_path / "out") == {
        "mixes/x.lock.yaml",
        "mixes/y.lock.yaml",
        "runs/a/first.lock.yaml",
        "runs/second.lock.yaml",
    }
    assert "mix: out/mixes/x.lock.yaml " in (tmp_path / "out/runs/second.lock.yaml").read_text()


# ------------------------------------------------------------------------------ what a person can get wrong


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["frobnicate"], "`frobnicate` is no command [bad-usage]"),
        (["biuld"], "`biuld` is no command [bad-usage]\n  hint: did you mean `build`?"),
        ([], "[bad-usage]"),
        (["build", "--frobnicate"], "unrecognized arguments: --frobnicate [bad-usage]"),
        (["build", "--wait", "soon"], "[bad-usage]"),
        (["build", "--wait", "nan"], "[bad-usage]"),
        (["why", "train/small"], "KEY [bad-usage]"),
        (["why", "train/small", "[["], "[unknown-key]"),
        (["why", "train/small", ""], "[unknown-key]"),
        (["build", "train/smal"], "there is no preset `train/smal` [unknown-preset]"),
        (["build", "train/smal"], "  hint: did you mean `train/small`?"),
        (["build", ""], "[unknown-preset]"),
        (["check", "train/small", "nope"], "there is no preset `nope` [unknown-preset]"),
        (["list", "--root", "/no/such/folder"], "there is no folder `/no/such/folder` [bad-usage]"),
        (["list", "--root", "pyproject.toml"], "there is no folder `pyproject.toml` [bad-usage]"),
        (["list", "--configs", "nope"], "there is no folder `nope` [bad-usage]"),
        (["list", "--build", ""], "`--build` takes the path of a folder [bad-settings]"),
        (["list", "--presets", "../x"], "`--presets` takes globs below the config root, and `../x` is none"),
        (["list", "--presets", "/x"], "`--presets` takes globs below the config root, and `/x` is none"),
        (["list", "--presets", "[z-a].yaml"], "[no-presets]"),
        (["list", "--fusion-key", "[["], "`--fusion-key` takes the path of a key"),
        (["list", "--extends-key", ""], "`--extends-key` takes"),
        (["list", "--presets", "none/*", "--fusion", "none/*"], "no file below `configs` is a preset [no-presets]"),
    ],
)
def test_a_usage_error_is_one_message_and_exit_2(ask: Ask, fresh: Path, arguments: list[str], says: str) -> None:
    """What was wrong, on stderr, without a traceback; nothing is printed and nothing is written."""
    before = tree(fresh)
    said = ask(fresh, *arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: ")
    assert says in said.err
    assert tree(fresh) == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[tool.trainlock]\npresetz = []\n", "pyproject.toml:2:1: error: `tool.trainlock.presetz` is no setting"),
        ("[tool.trainlock]\nconfigs = \n", "pyproject.toml:2:11: error: this is not TOML"),
        ("[tool]\ntrainlock = 3\n", "pyproject.toml: error: `tool.trainlock` is not a table"),
        ("\udcff", "pyproject.toml: error: `pyproject.toml` cannot be read"),
    ],
)
def test_settings_that_cannot_be_read_are_one_message(ask: Ask, fresh: Path, text: str, says: str) -> None:
    """The place in `pyproject.toml` comes first."""
    (fresh / "pyproject.toml").write_bytes(text.encode(errors="surrogateescape"))
    said = ask(fresh, "list", "--root", ".")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(says), said.err
    assert said.err.count("[bad-settings]") == 1


def test_help_and_version_go_to_stdout() -> None:
    """They are answers, and name every verb that there is."""
    said = run(REPOSITORY, "--help")
    assert (said.code, said.err) == (0, "")
    assert set(re.findall(r"^    (\w+)(?: |$)", said.out, re.MULTILINE)) == {
        *["build", "check", "completion", "diff", "graph", "impact"],
        *["list", "plan", "prove", "schema", "show", "watch", "why"],
    }
    version = run(REPOSITORY, "--version")
    assert (version.code, version.out) == (0, "trainlock 0.1.0\n")


@pytest.mark.parametrize("columns", ["50", "160", "nonsense"])
def test_help_is_as_wide_as_the_terminal(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As COLUMNS says, else as the terminal is, else 80; no line is longer."""
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "__stdout__", io.StringIO())
    widest = max(len(line) for line in parser().format_help().splitlines())
    assert widest <= (int(columns) if columns.isdecimal() else 80)
    assert (widest > 80) == (columns == "160")


@pytest.mark.parametrize("verb", VERBS)
def test_the_parser_of_one_verb_parses_like_that_of_all(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whichever verb is asked for, its help and its mistakes read the same as if all others had been made ready too."""
    said = []
    for made in (parser([verb]), parser()):
        with pytest.raises(SystemExit):
            made.parse_args([verb, "--help"])
        with pytest.raises(UsageError) as wrong:
            made.parse_args([verb, "--no-such-option", "a", "b", "c"])
        said.append((capsys.readouterr().out, str(wrong.value)))
    assert said[0] == said[1]


def test_the_command_ends_with_its_code_and_all_that_it_printed(built: Path) -> None:
    """The process ends at once, and loses nothing of what went to a pipe."""
    for arguments, code in ((["list"], 0), (["why", "train/small", "no.such.key"], 2)):
        process = subprocess.run(
            [sys.executable, "-m", "compiler", *arguments], cwd=built, capture_output=True, text=True, check=False
        )
        said = run(built, *arguments)
        assert (process.returncode, process.stdout, process.stderr) == (code, said.out, said.err)
