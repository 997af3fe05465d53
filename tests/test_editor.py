"""The settings of an editor that ship: which schema a file gets, and tasks whose messages lead to the place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from builders import REPOSITORY, Files, safe_load, write
from doit_runs import DODO
from json_schemas import FRAGMENTS, schema_takes
from shells import typed_in

FOLDER: Final = REPOSITORY / ".vscode"


def shipped(name: str) -> Any:
    """Give a file of `.vscode/`; none has comments, so that any reader of JSON reads it."""
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


# ---------------------------------------------------------------------------------------------- settings


def selected(globs: list[str]) -> set[str]:
    """Give the files of this repository that globs of the settings select; one with `!` in front takes files out."""
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for glob in globs:
        inside = re.search(r"\{(.+)\}", glob)
        for suffix in inside[1].split(",") if inside else [""]:
            one = glob.replace(inside[0], suffix) if inside else glob
            paths = REPOSITORY.glob(one.removeprefix("!").removeprefix("/"))
            found[one[0] != "!"] |= {path.relative_to(REPOSITORY).as_posix() for path in paths}
    return found[True] - found[False]


def test_every_fragment_gets_the_schema_of_its_kind() -> None:
    """Each file below `configs/` is selected once, by the schema that it is valid by, and nothing else is selected."""
    mapped = [
        (path, Path(name).name.removesuffix(".schema.json"))
        for name, globs in shipped("settings.json")["yaml.schemas"].items()
        for path in selected(globs)
    ]
    assert sorted(mapped) == sorted(FRAGMENTS.items())


def test_the_settings_name_schemas_that_are_there() -> None:
    """Paths count from the root; YAML is read as 1.1, by which `no` is a boolean; mixes may be JSON, too."""
    settings = shipped("settings.json")
    named = [*settings["yaml.schemas"], *(one["url"] for one in settings["json.schemas"])]
    assert len(named) == 4
    assert all(name.startswith("./") and (REPOSITORY / name).is_file() for name in named)
    assert settings["yaml.yamlVersion"] == "1.1"


def test_what_is_generated_is_not_typed_in() -> None:
    """Locks and the frozen tree open for reading only."""
    globs = shipped("settings.json")["files.readonlyInclude"]
    assert globs == dict.fromkeys(globs, True)
    locks = {path.relative_to(REPOSITORY).as_posix() for path in REPOSITORY.glob("build/**/*.lock.yaml")}
    assert selected(["build/**/*.lock.yaml"]) == locks
    assert set(globs) == {"build/**/*.lock.yaml", "legacy/**"}


def test_the_extension_that_reads_the_settings_is_recommended() -> None:
    """VS Code offers it to who opens the folder."""
    assert shipped("extensions.json") == {"recommendations": ["redhat.vscode-yaml"]}


# ---------------------------------------------------------------------------------------------- tasks

WORLD: Final[Files] = {
    "pyproject.toml": (
        '[tool.trainlock]\npresets = ["train/**/*"]\ncomponents = ["components/*.yaml"]\n'
        'fusion-key = "custom.fusion_config"\ntrainer = "ms-swift 3.10.3"\n'
    ),
    "dodo.py": DODO,
    "configs/components/two.yaml": "tuner: {lora_rank: 8}\ntraining: {seed: 1}\n",
    "configs/train/misspelt.yaml": "training:\n  learning_rat: 1.0e-4\n",
    "configs/train/warned.yaml": "my_notes: 1\n",
    "configs/train/based.yaml": "extends: [../components/two.yaml, nothing.yaml]\n",
    "configs/train/wide.yaml": 'custom: {"稠密": 1, emit_norm: "a: error: b [c]"}  # a.yaml:1:1: error: b [c]\n',
    "configs/train/list.yaml": "- 1\n",
    "configs/train/list.yml": "a: 1\n",
    "configs/train/fine.yaml": "training: {seed: 1}\n",
    "configs/train/unread.yaml": b"\xff",
}


def printed(command: str, folder: Path, code: int = 1) -> list[str]:
    """Run the command of a task as an editor does, and give the lines that it prints."""
    done = typed_in(command, folder)
    assert done.returncode == code, done.stdout
    return done.stdout.splitlines()


def found_by(matcher: dict[str, Any], line: str) -> dict[str, str] | None:
    """Give what a problem matcher takes out of a line, by the names that VS Code gives the parts."""
    pattern = dict(matcher["pattern"])
    found = re.search(pattern.pop("regexp"), line)
    return {part: found[group] for part, group in pattern.items() if part != "kind"} if found else None


@pytest.mark.parametrize("task", shipped("tasks.json")["tasks"], ids=lambda task: task["label"])
def test_each_message_of_a_task_leads_to_its_place(tmp_path: Path, task: dict[str, Any]) -> None:
    """Every message on a file is taken by one matcher, whole; no other line is; notes and excerpts are none."""
    write(tmp_path, WORLD)
    problems = []
    for line in printed(task["command"], tmp_path):
        found = [one for matcher in task["problemMatcher"] if (one := found_by(matcher, line)) is not None]
        is_message = re.match(r"\S.*(error|warning): .* \[[a-z0-9-]+\]$", line) is not None
        assert len(found) == int(is_message), line
        problems += found
    for one in problems:
        assert (tmp_path / one["file"]).is_file() or one["code"] == "lock-missing", one
        text = (tmp_path / one["file"]).read_bytes().decode(errors="replace") if "line" in one else ""
        lines = text.split("\n")
        assert "line" not in one or 1 <= int(one["column"]) <= len(lines[int(one["line"]) - 1]) + 1
        assert one["message"]
    told = {(one["code"], one["severity"]) for one in problems}
    assert {("unknown-argument", "error"), ("unknown-section", "warning"), ("missing-base", "error")} <= told
    assert {"line" in one for one in problems} == {True, False}


def test_the_tasks_share_their_matchers() -> None:
    """Both commands print the same messages; a place counts from the root of the repository."""
    tasks = shipped("tasks.json")["tasks"]
    assert [task["command"] for task in tasks] == ["doit", "trainlock check"]
    assert [task["group"]["kind"] for task in tasks] == ["build", "test"]
    first, second = (task["problemMatcher"] for task in tasks)
    assert first == second
    assert all(one["fileLocation"] == ["relative", "${workspaceFolder}"] for one in first)


# ---------------------------------------------------------------------------------------------- the page

PAGE: Final = (REPOSITORY / "docs/editor.md").read_text(encoding="utf-8")


def test_the_page_shows_the_patterns_of_the_tasks() -> None:
    """Who copies them to another editor gets those that are tested."""
    matchers = shipped("tasks.json")["tasks"][0]["problemMatcher"]
    (shown,) = re.findall(r"^```text\n(.*?)\n```$", PAGE, re.M | re.S)
    assert shown.split("\n") == [one["pattern"]["regexp"] for one in matchers]


def test_the_example_of_a_modeline_is_a_preset() -> None:
    """The file that the page shows is valid by the schema that its first line names."""
    (text,) = re.findall(r"^<!-- valid: preset -->\n```yaml\n(.*?)```$", PAGE, re.M | re.S)
    assert schema_takes("preset", safe_load(text))
    named = re.search(r"\$schema=(\S+)", text)
    assert named is not None
    assert (REPOSITORY / "configs" / named[1]).is_file()


def test_the_commands_of_the_page_write_what_ships(tmp_path: Path) -> None:
    """In a repository with these settings the three commands write the three files of `docs/schema/`."""
    write(tmp_path, {"pyproject.toml": (REPOSITORY / "pyproject.toml").read_bytes(), "configs/base.yaml": ""})
    (commands,) = re.findall(r"^<!-- schemas -->\n```bash\n(.*?)```$", PAGE, re.M | re.S)
    assert printed(f"set -e\n{commands}", tmp_path, code=0) == []
    written = {path.name: path.read_bytes() for path in tmp_path.glob("*.schema.json")}
    assert written == {path.name: path.read_bytes() for path in (REPOSITORY / "docs/schema").iterdir()}
