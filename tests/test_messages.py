"""Every problem code has a world that fails, and its whole text is told, in one style."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from builders import REPOSITORY, look, project, worded, write
from compiler import cli
from compiler.pipeline import Build, Check, build, check
from compiler.problems import TrainlockError
from world import P, World
from worlds import WORLDS


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
