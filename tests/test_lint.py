"""lint: every check has examples that are its tests, and can be silenced with a reason; warnings are counted."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from builders import REPOSITORY, look, opened, problems_of, project, worded, write
from compiler import across, combinations, exposure, hierarchy, lint, mix_checks, run_names, settings, trainer_checks
from compiler.cli import main
from compiler.pipeline import Check, build, check
from compiler.settings import Silence
from compiler.values import Origin
from world import P

GIVEN: Final[dict[str, Any]] = {
    "trainer": "ms-swift 3.10.3",
    "fusion_key": ("custom", "fusion_config"),
    "components": ("components/**/*.yaml",),
}
MIX: Final = "configs/fusion/m.yaml"


def example(check: Callable[..., Any], which: str) -> dict[str, str | bytes]:
    """Give the files of the example of a check's docstring below a heading; of a text without a name, the preset.

    An example that has targets is a mix.
    """
    found = re.search(rf"^{which}:\n((?:(?:    .+)?\n?)+)", inspect.getdoc(check) or "", re.MULTILINE)
    assert found is not None
    parts = re.split(r"^# (configs/\S+)\n", textwrap.dedent(found[1]).strip() + "\n", flags=re.M)
    files: dict[str, str | bytes] = {**dict(zip(parts[1::2], parts[2::2], strict=True))}
    if parts[0].strip():
        files[MIX if parts[0].startswith("targets") else P] = parts[0]
    return {P: "training: {seed: 1}\n", **files}


def found_by(root: Path, files: dict[str, str | bytes]) -> list[tuple[str, str]]:
    """Give code and severity of everything that is found in a repository, its data as well; there are no locks yet."""
    found = check(project(root, files, **GIVEN), data=True)
    return [(one.code, one.severity) for one in found.problems if one.code != "lock-missing"]


EXAMPLES: Final = [(code, check) for code, one in lint.CHECKS.items() for check in one.functions]


@pytest.mark.parametrize(("code", "check"), EXAMPLES, ids=[f"{code}-{check.__name__}" for code, check in EXAMPLES])
def test_the_examples_of_a_check_are_its_tests(tmp_path: Path, code: str, check: Callable[..., Any]) -> None:
    """In the bad example the check finds exactly its own problem, in the good one nobody finds anything."""
    # what is read of a mix is not there in the examples of other checks
    unread = "missing-data" if code != "missing-data" else ""
    bad, good = (found_by(tmp_path / which, example(check, which)) for which in ("Bad", "Good"))
    ((found, severity),) = [one for one in bad if one[0] != unread]
    assert found == code
    assert severity in lint.CHECKS[code].severity.split(" or ")
    assert [one for one in good if one[0] != unread] == []


def test_every_check_is_registered() -> None:
    """Each public generator of the modules of checks stands in the table, and in no other."""
    modules = (across, combinations, exposure, hierarchy, mix_checks, run_names, trainer_checks)
    public = {
        one
        for module in modules
        for name, one in vars(module).items()
        if name[0] != "_" and inspect.isgeneratorfunction(one) and one.__module__ == module.__name__
    }
    helpers = {exposure.suspects, hierarchy.problems_of, trainer_checks.type_problems, trainer_checks.choice_problems}
    registered = {function for check in lint.CHECKS.values() for function in check.functions}
    assert public - helpers - registered == set()
    assert {*lint.OF_KEYS, *lint.OF_WHOLE, *lint.OF_MIXES} <= registered


def test_the_shipped_tree_has_nothing_that_is_not_explained() -> None:
    """Nothing is told of the shipped tree, in strict mode either; what is silenced stands in the playbook, too."""
    found = check(opened())
    assert found.problems == ()
    playbook = (REPOSITORY / "docs/training/TRAINING_PLAYBOOK.md").read_text()
    assert {one.problem.code for one in found.silenced} == {"null-override", "false-name", "shared-output"}
    for one in found.silenced:
        assert f"`{one.problem.code}`" in playbook
        assert one.problem.origin.file.removeprefix("configs/").removesuffix(".yaml") in playbook


# ---------------------------------------------------------------------------------------------- silencing

YES: Final = {P: "notes: {urgent: yes, also: on}\n", "configs/train/q.yaml": "notes: {urgent: no}\n"}


def silence(check: str, *paths: str, line: int = 1) -> Silence:
    """Make a silence as `pyproject.toml` would hold it."""
    return Silence(check, paths, "it is meant so", Origin("pyproject.toml", line, 1))


def codes(found: Check) -> list[str]:
    """Give the codes that are told, but for locks that are not there."""
    return [one.code for one in found.problems if one.code != "lock-missing"]


def test_a_silence_covers_its_check_in_its_files_alone(tmp_path: Path) -> None:
    """What one check tells of one file is not told; another file, and another check, are."""
    made = project(tmp_path, {**YES, P: "notes: {urgent: yes, room: 012}\n"}, silence=(silence("word-as-boolean", P),))
    found = check(made)
    assert codes(found) == ["octal-value", "word-as-boolean"]
    assert [(str(one.problem.origin), one.silence.reason) for one in found.silenced] == [
        (f"{P}:1:17", "it is meant so")
    ]


@pytest.mark.parametrize("paths", [("configs/train/*.yaml",), ("configs/**/*.yaml",), (P, "configs/train/q.yaml")])
def test_a_silence_takes_globs(tmp_path: Path, paths: tuple[str, ...]) -> None:
    """Paths are globs from the repository root, and there may be several."""
    found = check(project(tmp_path, YES, silence=(silence("word-as-boolean", *paths),)))
    assert (codes(found), len(found.silenced)) == ([], 3)


def test_an_error_of_a_check_can_be_silenced_and_the_preset_compiles(tmp_path: Path) -> None:
    """A key that only a patched trainer has is silenced with a reason; without the silence it fails the preset."""
    files = {P: "training: {my_patch: 1}\n"}
    assert build(project(tmp_path, files, **GIVEN)).failed == (P,)
    found = build(look(tmp_path, **GIVEN, silence=(silence("unknown-argument", P),)))
    assert (found.failed, found.problems, len(found.silenced)) == ((), (), 1)


def test_what_keeps_a_document_from_being_composed_cannot_be_silenced(tmp_path: Path) -> None:
    """A missing base is no finding of a check: to silence it is a bad setting."""
    made = problems_of(lambda: project(tmp_path, {P: "x: 1"}, silence=(silence("missing-base", P),)))
    assert [one.code for one in made] == ["bad-settings"]


def test_a_silence_of_no_check_is_a_bad_setting(tmp_path: Path) -> None:
    """The whole text, with the nearest check, at the place in `pyproject.toml`; through the command as well."""
    files = {
        "pyproject.toml": "[tool.trainlock]\n\n[[tool.trainlock.silence]]\ncheck = 'base-oder'\n"
        "path = 'configs/*.yaml'\nreason = 'sorted'\n",
        P: "x: 1\n",
    }
    write(tmp_path, files)
    problems = problems_of(lambda: lint.verify(settings.load(str(tmp_path))))
    assert worded(problems, files) == (
        "pyproject.toml:3:1: error: there is no check `base-oder` to silence [bad-settings]\n"
        "    3 | [[tool.trainlock.silence]]\n"
        "      | ^\n"
        "  why: a silence names the code of what a check tells\n"
        "  hint: did you mean `base-order`?"
    )
    assert main(["check", "--root", str(tmp_path)]) == 2


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("silence = 3", "takes tables, each headed `[[tool.trainlock.silence]]`"),
        ("silence = [3]", "takes tables, each headed `[[tool.trainlock.silence]]`"),
        (
            "silence = [{check = 'a', path = 'b'}]",
            "takes tables of `check`, `path` and `reason`; this one has no `reason`",
        ),
        (
            "silence = [{check = 'a', path = 'b', reason = 'c', reson = 'd'}]",
            "takes tables of `check`, `path` and `reason`; this one holds `reson`, which means nothing",
        ),
        (
            "silence = [{check = 'a', path = '/b', reason = 'c'}]",
            "takes paths from the repository root, and `/b` is none",
        ),
        (
            "silence = [{check = 'a', path = 'x/../../b', reason = 'c'}]",
            "takes paths from the repository root, and `x/../../b` is none",
        ),
        ("silence = [{check = 'a', path = 'b', reason = ' '}]", "takes a text for `check`, and one for `reason`"),
        ("silence = [{check = 'a', path = [], reason = 'c'}]", "takes a path, or a list of paths, for `path`"),
        ("silence = [{check = 'a', path = 3, reason = 'c'}]", "takes a path, or a list of paths, for `path`"),
    ],
)
def test_a_silence_that_is_none_is_a_bad_setting(tmp_path: Path, table: str, says: str) -> None:
    """A silence has a check, a path and a reason, each of them said."""
    write(tmp_path, {"pyproject.toml": f"[tool.trainlock]\n{table}\n"})
    (problem,) = problems_of(lambda: settings.load(str(tmp_path)))
    assert (problem.code, str(problem.origin)) == ("bad-settings", "pyproject.toml:2:1")
    assert problem.message == f"`tool.trainlock.silence` {says}"


def test_a_silence_that_is_none_is_told_at_its_own_table(tmp_path: Path) -> None:
    """Of several tables the place is that of the one that is wrong."""
    table = "[[tool.trainlock.silence]]\ncheck = 'octal-value'\npath = 'configs/*'\n"
    write(tmp_path, {"pyproject.toml": f"[tool.trainlock]\n\n{table}reason = 'a'\n\n{table}"})
    (problem,) = problems_of(lambda: settings.load(str(tmp_path)))
    assert str(problem.origin) == "pyproject.toml:8:1"


@pytest.mark.parametrize("path", [f"./{P}", "configs//train/p.yaml", "configs/x/../train/p.yaml", "configs/train/"])
def test_a_path_of_a_silence_may_be_spelled_in_many_ways(tmp_path: Path, path: str) -> None:
    """What leads to the file covers it; a folder covers what lies below it."""
    write(
        tmp_path,
        {"pyproject.toml": f"[tool.trainlock]\nsilence = [{{check = 'octal-value', path = '{path}', reason = 'a'}}]\n"},
    )
    found = check(project(tmp_path, {P: "x: 012\n"}, silence=settings.load(str(tmp_path)).silence))
    assert codes(found) == []


def test_each_silence_that_covers_a_finding_is_used_and_each_path_that_covers_none_is_told(tmp_path: Path) -> None:
    """Two that overlap are both used, in either order; of several paths the one that covers nothing is named."""
    made = (silence("word-as-boolean", "configs/**"), silence("word-as-boolean", P, "configs/gone.yaml", line=9))
    for silences in (made, made[::-1]):
        found = check(project(tmp_path, YES, silence=silences))
        assert [one.message for one in found.problems if one.code != "lock-missing"] == [
            "nothing that `word-as-boolean` tells is silenced by `configs/gone.yaml`"
        ]


def test_an_unused_silence_is_a_warning_once_everything_compiles(tmp_path: Path) -> None:
    """A silence that covers nothing is told; not of one preset alone, nor while one fails, of which nobody knows."""
    unused = (silence("octal-value", P, line=7),)
    made = check(project(tmp_path, YES, silence=unused))
    assert "unused-silence" in codes(made)
    assert [str(one.origin) for one in made.problems if one.code == "unused-silence"] == ["pyproject.toml:7:1"]
    assert "unused-silence" not in codes(check(look(tmp_path, silence=unused), [P]))
    write(tmp_path, {"configs/train/q.yaml": "extends: nowhere.yaml\n"})
    assert "unused-silence" not in codes(check(look(tmp_path, silence=unused)))


def test_a_silence_of_missing_data_is_unused_only_where_data_was_asked_for(tmp_path: Path) -> None:
    """Without `--data` nobody knows whether a file of records is missing."""
    made = project(tmp_path, {P: "x: 1\n"}, silence=(silence("missing-data", P),))
    assert codes(check(made)) == []
    assert codes(check(look(tmp_path, silence=made.layout.settings.silence), data=True)) == ["unused-silence"]


def test_a_warning_is_told_beside_the_error_that_fails_its_document(tmp_path: Path) -> None:
    """Everything is told at once; how a scalar is spelled not again where an error at its line says how to write it."""
    files = {P: "training: {learning_rat: 1.0}\ncustom: {grpo: {a: yes}}\ntuner:\n  lora_rank: 08\n"}
    found = build(project(tmp_path, files, **GIVEN))
    assert [(one.code, one.severity) for one in found.problems] == [
        ("unknown-argument", "error"),
        ("word-as-boolean", "warning"),
        ("wrong-type", "error"),
    ]
    assert found.problems[2].hint == "write `8`"


# ---------------------------------------------------------------------------------------------- the command


@pytest.fixture
def warned(tmp_path: Path) -> Path:
    """Make a repository in which one thing is warned about."""
    settings_text = "[tool.trainlock]\npresets = ['train/*.yaml']\n"
    return write(tmp_path, {"pyproject.toml": settings_text, P: "urgent: yes\n"})


def test_warnings_are_counted_and_fail_nothing_but_in_strict_mode(
    warned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`build` and `check` exit 0 on a warning and 1 with `--strict`; the lock is written either way."""
    for verb, line in (
        ("build", "1 built, 0 unchanged, 0 removed, 0 failed, 1 warning"),
        ("check", "1 fresh, 0 wrong, 1 warning"),
    ):
        assert main([verb, "--root", str(warned)]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == line
        assert main([verb, "--strict", "--root", str(warned)]) == 1
    (warned / "build/train/p.lock.yaml").unlink()
    assert main(["build", "--strict", "--root", str(warned)]) == 1
    assert (warned / "build/train/p.lock.yaml").exists()


def test_strict_mode_passes_what_is_silenced(warned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A silenced warning fails nothing; it is counted by `check`, and `--json` gives the reason."""
    entry = f"\n[[tool.trainlock.silence]]\ncheck = 'word-as-boolean'\npath = '{P}'\nreason = 'it is'\n"
    (warned / "pyproject.toml").write_text((warned / "pyproject.toml").read_text() + entry)
    assert main(["build", "--strict", "--root", str(warned)]) == 0
    assert main(["check", "--strict", "--root", str(warned)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 fresh, 0 wrong, 1 silenced"
    assert main(["check", "--json", "--root", str(warned)]) == 0
    (told,) = json.loads(capsys.readouterr().out)["silenced"]
    assert (told["reason"], told["problem"]["code"]) == ("it is", "word-as-boolean")


def test_a_build_tells_some_warnings_of_a_kind_and_check_tells_all(
    warned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tree with many warnings of one code does not flood whoever builds it."""
    words = "\n".join(f"k{index}: yes" for index in range(25))
    (warned / P).write_text(words + "\nroom: 012\n")
    main(["build", "--root", str(warned)])
    told = capsys.readouterr()
    assert told.err.count("[word-as-boolean]") == 11
    assert "warning: and 15 more of this kind [word-as-boolean]\n" in told.err
    assert told.err.count("[octal-value]") == 1
    assert told.out.endswith("26 warnings\n")
    main(["check", "--root", str(warned)])
    assert capsys.readouterr().err.count("[word-as-boolean]") == 25


@pytest.mark.parametrize("verb", ["build", "check"])
def test_the_json_of_a_verb_tells_of_warnings(warned: Path, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` holds each warning with its severity, and what is silenced beside it."""
    main([verb, "--json", "--root", str(warned)])
    found = json.loads(capsys.readouterr().out)
    assert [(one["code"], one["severity"]) for one in found["problems"] if one["code"] != "lock-missing"] == [
        ("word-as-boolean", "warning")
    ]
    assert found["silenced"] == []
