"""`trainlock prove` against revisions and folders, from anywhere, as JSON, and in bad surroundings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cli_runs
import proven
from cli_runs import Ask, Said, run, start, tree, write
from proven import DENSE, FILES, FRESH, HEADLINE, MAPPING, OLD_DENSE, OLD_SMALL, SMALL, build, commit, edit, record

ask, made_once, repository = cli_runs.ask, proven.made_once, proven.repository


def document(said: Said) -> dict[str, Any]:
    """Give the one document that a command printed."""
    found: dict[str, Any] = json.loads(said.out)
    return found


def verdicts(said: Said) -> dict[str, str]:
    """Give verdict and what was read of each preset, by the lines of the table."""
    found = {}
    for line in said.out.split("\n\n")[1].splitlines()[1:]:
        word, preset, _, *rest = line.split()
        found[preset] = " ".join([word, *rest[:2]]) if word != "NEW" else word
    return found


def larger_rank(root: Path) -> None:
    """Edit one preset, and build."""
    edit(root, SMALL, "lora_rank: 8", "lora_rank: 16")
    build(root)


# ------------------------------------------------------------------------------ revisions


def test_a_revision_is_compared_by_the_locks_that_lie_there(ask: Ask, repository: Path) -> None:
    """They are what really trained; a preset that it lacks is new, and both places are told."""
    (repository / FRESH).unlink()
    commit(repository, "before")
    write(repository, {FRESH: FILES[FRESH]})
    larger_rank(repository)
    said = ask(repository, "prove", "--against", "before")
    assert (said.code, said.err) == (1, "")
    assert said.out.startswith("DIFFERENT against before: 1 different, 1 equivalent, 1 new; 26 leaves")
    assert verdicts(said) == {DENSE: "EQUIVALENT lock, lock", FRESH: "NEW", SMALL: "DIFFERENT lock, lock"}
    assert (
        "tuner.lora_rank: changed\n  before  8\n  here    16  configs/train/small.yaml:3:3\n"
        "  in configs/train/small.yaml  from before:configs/train/small.yaml:3:3\n"
    ) in said.out


def test_a_revision_without_locks_is_compared_by_its_sources(ask: Ask, repository: Path) -> None:
    """Compiled now, and the report says so."""
    shutil.rmtree(repository / "build")
    commit(repository, "bare")
    larger_rank(repository)
    said = ask(repository, "prove", "--against", "bare")
    assert verdicts(said) == {
        DENSE: "EQUIVALENT sources, lock",
        FRESH: "EQUIVALENT sources, lock",
        SMALL: "DIFFERENT sources, lock",
    }


def test_the_working_tree_counts_though_nothing_was_built(ask: Ask, repository: Path) -> None:
    """What would train after a build is compared, and the stale lock is a warning."""
    commit(repository, "before")
    edit(repository, SMALL, "lora_rank: 8", "lora_rank: 16")
    said = ask(repository, "prove", "--against", "before")
    assert said.code == 1
    assert verdicts(said)[SMALL] == "DIFFERENT lock, sources"
    assert "build/train/small.lock.yaml: warning: " in said.err


def test_a_preset_that_moved_is_mapped(ask: Ask, repository: Path) -> None:
    """Without a mapping it is `unmapped-preset`, with git's guess; `--mapping` counts from the working folder."""
    commit(repository, "before")
    (repository / FRESH).rename(repository / "configs/train/moved.yaml")
    build(repository)
    commit(repository, "after")
    said = ask(repository, "prove", "--against", "before")
    assert said.code == 1
    assert "hint: git takes it for moved to `configs/train/moved.yaml`" in said.err
    (repository / "notes").mkdir()
    write(repository, {"notes/moved.yaml": f"presets:\n  {FRESH}: configs/train/moved.yaml\n"})
    mapped = ask(repository / "notes", "prove", "--against", "before", "--mapping", "moved.yaml")
    assert (mapped.code, mapped.err) == (0, "")
    assert mapped.out.startswith("EQUIVALENT against before: 3 equivalent")


def test_a_revision_needs_no_legacy_side(ask: Ask, repository: Path) -> None:
    """And its waivers are those of `--mapping`, not of the legacy records."""
    shutil.rmtree(repository / "legacy")
    commit(repository, "before")
    larger_rank(repository)
    assert ask(repository, "prove", "--against", "before").code == 1
    write(repository, {"w.yaml": proven.waiver(preset=SMALL).replace(OLD_DENSE, DENSE).replace(OLD_SMALL, SMALL)})
    said = ask(repository, "prove", "--against", "before", "--mapping", "w.yaml")
    assert (said.code, said.out.split()[0]) == (0, "WAIVED")


# ------------------------------------------------------------------------------ folders


def test_a_folder_is_another_tree(ask: Ask, repository: Path) -> None:
    """Its path counts from the working folder; nothing is written there."""
    there = repository.parent / "there"
    shutil.copytree(repository, there)
    larger_rank(repository)
    before = tree(there)
    said = ask(repository / "configs", "prove", "--against", "../../there")
    assert (said.code, said.err) == (1, "")
    assert said.out.startswith("DIFFERENT against ../../there: 1 different, 2 equivalent")
    assert verdicts(said)[SMALL] == "DIFFERENT lock, lock"
    assert tree(there) == before


def test_the_name_of_the_records_is_no_folder(ask: Ask, repository: Path) -> None:
    """`legacy` are the records; the folder of that name is `./legacy`."""
    assert ask(repository, "prove", "--against", "legacy").out.startswith(HEADLINE)
    assert ask(repository, "prove", "--against", "./legacy").out.startswith("UNPROVEN against ./legacy")


# ------------------------------------------------------------------------------ from anywhere


@pytest.mark.parametrize("folder", ["configs/train", "legacy", ".."])
def test_prove_answers_from_any_folder(ask: Ask, repository: Path, folder: str) -> None:
    """The root is looked for upwards, or named; the report is the same, and lies in the same place."""
    there = ["--root", repository.name] if folder == ".." else []
    assert ask(repository / folder, "prove", *there).out.startswith(HEADLINE)
    assert (repository / "build/reports/equivalence.html").exists()


def test_reports_go_where_they_are_wanted(ask: Ask, repository: Path) -> None:
    """`--reports` counts from the working folder, also for presets that are named; nothing else is written."""
    said = ask(repository / "configs", "prove", "train/small", "--reports", "../out/of/here")
    assert said.code == 0
    assert sorted(path.name for path in (repository / "out/of/here").iterdir()) == [
        *["equivalence.html", "equivalence.json", "equivalence.md"]
    ]
    assert not (repository / "build/reports").exists()


# ------------------------------------------------------------------------------ JSON


def test_prove_prints_one_json_document(ask: Ask, repository: Path) -> None:
    """With the keys that are documented; the report beside it holds the same."""
    larger_rank(repository)
    said = ask(repository, "prove", "--json")
    assert (said.code, said.err) == (1, "")
    found = document(said)
    assert (repository / "build/reports/equivalence.json").read_text() == said.out
    assert list(found) == [
        *[
            "schema_version",
            "against",
            "verdict",
            "counts",
            "retired",
            "leaves_compared",
            "mutants",
            "problems",
            "presets",
        ],
        "sharing",
    ]
    assert (found["schema_version"], found["against"], found["verdict"]) == (1, "legacy", "DIFFERENT")
    assert found["counts"] == {"DIFFERENT": 1, "EQUIVALENT": 1, "NEW": 1}
    assert set(found["mutants"]) == {"seeded", "caught", "survivors"}
    [row] = [one for one in found["presets"] if one["preset"] == SMALL]
    assert (row["legacy"], row["verdict"], row["leaves"]) == (OLD_SMALL, "DIFFERENT", 9)
    assert row["witnesses"] == ["bytes", "deepdiff", "rules"]
    [one] = row["differences"]
    assert {name: one[name] for name in ("document", "path", "kind", "legacy", "compiled", "class")} == {
        "document": "preset",
        "path": ["tuner", "lora_rank"],
        "kind": "changed",
        "legacy": 8,
        "compiled": 16,
        "class": "different",
    }
    assert (one["legacy_origin"], one["origin"]) == (f"legacy/{OLD_SMALL}:6:3", f"{SMALL}:3:3")


def test_json_holds_what_json_lacks(ask: Ask, repository: Path) -> None:
    """NaN, infinities and dates as text, and names that are no UTF-8 escaped: any reader takes the document."""
    there = repository.parent / os.fsdecode(b"th\xffre")
    write(there, {path: text for path, text in FILES.items() if path.startswith("configs/")})
    odd = "odd:\n  nan: .nan\n  inf: .inf\n  low: -.inf\n  day: 2026-01-31\n  moment: 2026-01-31 10:00:00\n"
    write(repository, {SMALL: FILES[SMALL] + odd, DENSE: FILES[DENSE] + 'odd: {nan: "\\u7A20", inf: null}\n'})
    build(repository)
    said = ask(repository, "prove", "--against", str(there), "--json")
    assert said.out.isascii()

    def refused(word: str) -> None:
        raise AssertionError(word)

    found = json.loads(said.out, parse_constant=refused)
    assert found["against"] == str(there)
    [row] = [one for one in found["presets"] if one["preset"] == SMALL]
    assert {one["path"][-1]: one["compiled"] for one in row["differences"]} == {
        "nan": "nan",
        "inf": "inf",
        "low": "-inf",
        "day": "2026-01-31",
        "moment": "2026-01-31T10:00:00",
    }


def test_a_usage_error_is_a_json_document_too(ask: Ask, repository: Path) -> None:
    """Whoever asks for JSON gets JSON."""
    said = ask(repository, "prove", "--json", "--against", "nope")
    assert [one["code"] for one in document(said)["problems"]] == ["unknown-revision"]


def test_a_new_record_makes_an_edit_of_the_legacy_tree_count(ask: Ask, repository: Path) -> None:
    """The evidence is what it says, and nothing is remembered from one proof to the next."""
    edit(repository, f"legacy/{OLD_DENSE}", "bfloat16", "float16")
    record(repository)
    said = ask(repository, "prove")
    assert said.out.startswith("DIFFERENT against legacy: 1 different, 1 equivalent")
    assert FRESH in said.out


# ------------------------------------------------------------------------------ what is imported

IMPORTED = """\
import sys
from compiler.cli import main
code = main(sys.argv[1:])
heavy = {"compiler.page", "compiler.proving", "compiler.report", "compiler.run", "deepdiff", "doit", "subprocess"}
print(code, *sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "modules"),
    [
        ("build", ""),
        ("check", ""),
        ("list", ""),
        ("why train/small tuner.lora_rank", ""),
        ("prove", "compiler.page compiler.proving compiler.report deepdiff subprocess"),
        ("prove --witness bytes", "compiler.page compiler.proving compiler.report subprocess"),
        ("diff train/small train/fresh", "subprocess"),
    ],
)
def test_a_command_imports_what_it_needs(repository: Path, arguments: str, modules: str) -> None:
    """Deepdiff only to prove, and not with `--witness bytes`; a question never pays for a proof."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *arguments.split()], cwd=repository, capture_output=True, text=True, timeout=60
    )
    code, _, found = done.stderr.strip().rpartition("\n")[2].partition(" ")
    assert (code, found) == ("1" if arguments.startswith("diff") else "0", modules), done.stderr


def test_without_deepdiff_the_report_says_so(ask: Ask, repository: Path) -> None:
    """`--witness bytes` is named for what it is."""
    said = ask(repository, "prove", "--witness", "bytes")
    assert said.code == 0
    assert [line.split()[-1] for line in said.out.splitlines() if line.startswith("EQUIVALENT  ")] == ["bytes", "bytes"]


# ------------------------------------------------------------------------------ bad surroundings


def test_a_closed_pipe_is_quiet_and_the_reports_are_written(repository: Path) -> None:
    """`trainlock prove | head -0`: no traceback."""
    process = start(repository, "prove")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=60)
    assert err == ""
    assert (repository / "build/reports/equivalence.html").exists()


def test_proofs_at_once_do_not_harm_each_other(repository: Path) -> None:
    """One waits for the other, each says the same, and nothing is left behind."""
    processes = [start(repository, "prove") for _ in range(3)]
    said = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        said.append((process.returncode, out.splitlines()[0]))
        assert all(line.startswith("trainlock: waiting for another build (process ") for line in err.splitlines()), err
    assert said == [(0, HEADLINE)] * 3
    assert [path.name for path in (repository / "build").rglob("*") if path.suffix == ".tmp"] == []
    assert [path for path in (repository / "build/.cache/mutants").rglob("*") if path.is_file()] == []


@pytest.fixture
def read_only(repository: Path) -> Iterator[Path]:
    """The repository with a build folder that takes no writes."""
    folders = [repository / "build", *(path for path in (repository / "build").rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    yield repository
    for folder in folders:
        folder.chmod(0o755)


def test_a_read_only_build_folder_is_one_message(read_only: Path) -> None:
    """`write-failed` with the reason of the system; no traceback, no half a report."""
    before = tree(read_only)
    said = run(read_only, "prove", obey=True)
    assert (said.code, said.out) == (1, "")
    assert said.err.count("error: ") == said.err.count("[write-failed]\n  why: permission denied\n") == 1
    assert tree(read_only) == before


def test_a_legacy_file_that_cannot_be_read_is_no_bug(repository: Path) -> None:
    """It is one problem, and what stands on it is not proven."""
    (repository / "legacy" / OLD_SMALL).chmod(0)
    said = run(repository, "prove", obey=True)
    assert (said.code, said.out.split()[0]) == (1, "UNPROVEN")
    assert said.err.count("error: ") == 1


def test_a_mapping_that_cannot_be_read_is_no_bug(repository: Path) -> None:
    """It is one problem, and nothing is proven."""
    (repository / MAPPING).chmod(0)
    said = run(repository, "prove", obey=True)
    assert (said.code, said.out.split()[0]) == (1, "UNPROVEN")
    assert said.err.startswith(f"{MAPPING}: error: `{MAPPING}` cannot be read [unreadable-file]")


def test_a_report_that_cannot_be_written_does_not_swallow_the_verdict(ask: Ask, repository: Path) -> None:
    """It is told on stdout all the same, beside the one problem; the run is no pass."""
    (repository / "here").write_text("a file")
    said = ask(repository, "prove", "--reports", "here")
    assert (said.code, said.out.split()[0]) == (1, "EQUIVALENT")
    assert said.err.count("[write-failed]") == 1
