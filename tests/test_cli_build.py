"""`trainlock build` and `trainlock check`: what they print, what they write, and with which exit code."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cli_runs
from cli_runs import LOCKS, Ask, Said, locks, run, tree, write

ask, fresh, built_once, built = cli_runs.ask, cli_runs.fresh, cli_runs.built_once, cli_runs.built


# ------------------------------------------------------------------------------ build


def test_build_names_what_it_wrote(fresh: Path) -> None:
    """The first build names each lock; the second one writes nothing at all, and says so."""
    assert run(fresh, "build") == Said(
        0,
        "built   build/fusion/variants/mix.lock.yaml\n"
        "built   build/train/deep/er.lock.yaml\n"
        "built   build/train/masked.lock.yaml\n"
        "built   build/train/small.lock.yaml\n"
        "4 built, 0 unchanged, 0 removed, 0 failed\n",
        "",
    )
    before = tree(fresh / "build" / "train")
    assert run(fresh, "build") == Said(0, "0 built, 4 unchanged, 0 removed, 0 failed\n", "")
    assert tree(fresh / "build" / "train") == before


def test_build_gives_what_doit_gives(fresh: Path) -> None:
    """The two ways to build write the same bytes."""
    write(
        fresh,
        {
            "dodo.py": (
                "from compiler import tasks\nDOIT_CONFIG = tasks.config()\n"
                "task_lock, task_prune, task_check, task_prove, task_report = tasks.creators()\n"
            )
        },
    )
    run(fresh, "build")
    ours = {path: (fresh / path).read_bytes() for path in locks(fresh)}
    shutil.rmtree(fresh / "build")
    subprocess.run([sys.executable, "-m", "doit"], cwd=fresh, check=True, capture_output=True, timeout=60)
    assert {path: (fresh / path).read_bytes() for path in locks(fresh)} == ours
    assert run(fresh, "check").code == 0


def test_build_of_one_preset_builds_its_mix_with_it(fresh: Path) -> None:
    """The preset and the lock that it points at, and no other."""
    assert run(fresh, "build", "train/small").code == 0
    assert locks(fresh) == {"build/fusion/variants/mix.lock.yaml", "build/train/small.lock.yaml"}


def test_build_removes_orphans_only_over_the_configured_globs(built: Path) -> None:
    """A run over named presets or other globs removes nothing; a whole one does."""
    (built / "configs/train/deep/er.yaml").unlink()
    assert run(built, "build", "train/small").code == 0
    assert run(built, "build", "--presets", "train/small.yaml").code == 0
    assert locks(built) == LOCKS
    said = run(built, "build")
    assert said == Said(0, "removed build/train/deep/er.lock.yaml\n0 built, 3 unchanged, 1 removed, 0 failed\n", "")
    assert not (built / "build/train/deep").exists()


def test_a_lock_whose_source_cannot_be_looked_for_is_no_orphan(built: Path) -> None:
    """A folder of sources that is a link in a circle hides them for a while: what cannot be told is not gone."""
    deep = built / "configs/train/deep"
    shutil.move(deep, built / "aside")
    deep.symlink_to("deep")
    assert run(built, "build") == Said(0, "0 built, 3 unchanged, 0 removed, 0 failed\n", "")
    assert locks(built) == LOCKS
    deep.unlink()
    assert run(built, "build").out.startswith("removed build/train/deep/er.lock.yaml\n")


def test_a_mix_whose_lock_cannot_be_read_hides_no_edit_of_a_preset(built: Path) -> None:
    """`check` names the lock that it cannot read, and says of the presets what changed all the same."""
    write(built, {"configs/components/freeze.yaml": "tuner:\n  lora_rank: 8\n  lora_alpha: 16\n"})
    mix = built / "build/fusion/variants/mix.lock.yaml"
    mix.unlink()
    mix.symlink_to(mix.name)
    said = run(built, "check")
    assert (said.code, said.out) == (1, "0 fresh, 4 wrong, 1 warning, 2 silenced\n")
    assert "cannot be read [unreadable-file]\n  why: too many levels of symbolic links\n" in said.err
    assert said.err.count("[lock-stale]\n  why: `tuner.lora_alpha` is `64` and compiles to `16`\n") == 3


def test_a_failing_preset_fails_alone(built: Path) -> None:
    """The others are built, its problem goes to stderr, its old lock stays, and `check` calls that one stale."""
    write(built, {"configs/train/deep/er.yaml": "extends: ../smal.yaml\n"})
    (built / "build/train/small.lock.yaml").unlink()
    old = (built / "build/train/deep/er.lock.yaml").read_bytes()
    said = run(built, "build")
    assert said.code == 1
    assert said.out == "built   build/train/small.lock.yaml\n1 built, 2 unchanged, 0 removed, 1 failed\n"
    assert said.err == (
        "configs/train/deep/er.yaml:1:10: error: base `../smal.yaml` does not exist [missing-base]\n"
        "    1 | extends: ../smal.yaml\n"
        "      |          ^\n"
        "  why: a base is looked up relative to the file that names it\n"
        "  hint: did you mean `../small.yaml`?\n"
    )
    assert (built / "build/train/deep/er.lock.yaml").read_bytes() == old
    checked = run(built, "check")
    assert (checked.code, checked.out) == (1, "3 fresh, 2 wrong, 2 silenced\n")
    assert (
        "build/train/deep/er.lock.yaml: error: the lock `build/train/deep/er.lock.yaml` is out of date" in checked.err
    )
    assert run(built, "build", "train/small").code == 0


def test_a_file_that_no_glob_selects_builds_only_elsewhere(built: Path, tmp_path: Path) -> None:
    """It has no lock in the repository's own build folder; `--build` writes one anywhere, outside of it too."""
    before = tree(built)
    said = run(built, "build", "attic/old")
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines()[0] == (
        "error: `configs/attic/old.yaml` is no preset of this repository [unselected-preset]"
    )
    assert tree(built) == before
    assert run(built, "build", "attic/old", "--build", str(tmp_path / "elsewhere")).code == 0
    assert locks(tmp_path / "elsewhere") == {"attic/old.lock.yaml"}
    assert run(built, "build", "configs/attic/old.yaml", "--build", "out").code == 0
    assert locks(built / "out") == {"attic/old.lock.yaml"}
    assert {path: held for path, held in tree(built).items() if not path.startswith("out")} == before


def test_a_build_elsewhere_leaves_the_repository_untouched(built: Path, tmp_path: Path) -> None:
    """All of it lies in the other folder, and the presets there point at the fusion locks there."""
    before = tree(built)
    said = run(built, "build", "--build", str(tmp_path / "elsewhere"))
    assert said.code == 0
    assert tree(built) == before
    assert locks(tmp_path / "elsewhere") == {path.removeprefix("build/") for path in LOCKS}
    text = (tmp_path / "elsewhere/train/small.lock.yaml").read_text()
    assert "  fusion_config: ../elsewhere/fusion/variants/mix.lock.yaml " in text
    assert run(built, "check", "--build", str(tmp_path / "elsewhere")).code == 0


def test_build_prints_json(ask: Ask, built: Path) -> None:
    """`build --json` prints one object with a schema version, the paths and the problems, also where some fail."""
    write(built, {"configs/train/deep/er.yaml": "tuner: {a: 1, a: 2}\n"})
    (built / "build/train/small.lock.yaml").unlink()
    said = ask(built, "build", "--json")
    data = json.loads(said.out)
    assert said.code == 1
    assert {name: data[name] for name in ("schema_version", "built", "removed", "failed")} == {
        "schema_version": 1,
        "built": ["build/train/small.lock.yaml"],
        "removed": [],
        "failed": ["configs/train/deep/er.yaml"],
    }
    assert data["unchanged"] == ["build/fusion/variants/mix.lock.yaml", "build/train/masked.lock.yaml"]
    (problem,) = data["problems"]
    assert (problem["code"], problem["severity"]) == ("duplicate-key", "error")
    assert problem["origin"] == {"file": "configs/train/deep/er.yaml", "line": 1, "column": 15}
    assert [note["origin"] for note in problem["notes"]] == [
        {"file": "configs/train/deep/er.yaml", "line": 1, "column": 9}
    ]


# ------------------------------------------------------------------------------ check


def test_check_writes_nothing(built: Path) -> None:
    """Fresh or never built: the whole tree is the same before and after."""
    before = tree(built)
    assert run(built, "check") == Said(0, "4 fresh, 0 wrong, 3 silenced\n", "")
    assert tree(built) == before
    shutil.rmtree(built / "build")
    before = tree(built)
    said = run(built, "check")
    assert (said.code, said.out, said.err.count("[lock-missing]")) == (1, "0 fresh, 4 wrong, 3 silenced\n", 4)
    assert tree(built) == before


def test_check_names_each_kind_of_drift(built: Path) -> None:
    """Missing, edited, stale, foreign and orphaned locks are told apart, in order of place, with exit 1."""
    write(built, {"configs/components/freeze.yaml": "tuner:\n  lora_rank: 8\n  lora_dropout: 0.1\n"})
    (built / "build/train/small.lock.yaml").unlink()
    path = built / "build/train/masked.lock.yaml"
    path.write_text(path.read_text().replace("lora_alpha: 64", "lora_alpha: 65"))
    (built / "build/fusion/variants/mix.lock.yaml").write_text("mine: 1\n")
    orphan = (
        (built / "build/train/deep/er.lock.yaml").read_text().replace("train/deep/er.yaml. G", "train/gone.yaml. G")
    )
    write(built, {"build/train/gone.lock.yaml": orphan})
    before = tree(built)
    said = run(built, "check")
    found = [line.split(": ")[0] + line[line.rindex(" ") :] for line in said.err.splitlines() if ": error: " in line]
    assert (said.code, said.out) == (1, "0 fresh, 5 wrong, 1 warning, 2 silenced\n")
    assert found == [
        "build/fusion/variants/mix.lock.yaml [foreign-file]",
        "build/train/deep/er.lock.yaml [lock-stale]",
        "build/train/gone.lock.yaml [lock-orphan]",
        "build/train/masked.lock.yaml [lock-edited]",
        "build/train/small.lock.yaml [lock-missing]",
    ]
    assert "`tuner.lora_dropout` is absent and compiles to `0.1`" in said.err
    assert tree(built) == before


def test_check_of_one_preset_looks_at_that_one_and_its_mix(ask: Ask, built: Path) -> None:
    """Drift elsewhere is not its business."""
    (built / "build/train/masked.lock.yaml").unlink()
    assert ask(built, "check", "train/small") == Said(0, "2 fresh, 0 wrong, 1 silenced\n", "")
    assert ask(built, "check", "train/masked").code == 1


def test_check_prints_json(ask: Ask, built: Path) -> None:
    """`check --json` prints one object with a schema version, the count and the problems."""
    (built / "build/train/masked.lock.yaml").unlink()
    said = ask(built, "check", "--json")
    data = json.loads(said.out)
    assert (said.code, said.err) == (1, "")
    assert (data["schema_version"], data["fresh"]) == (1, 3)
    assert [problem["code"] for problem in data["problems"]] == ["lock-missing"]


def test_check_reports_a_component_of_two_sections(ask: Ask, built: Path) -> None:
    """A component that nothing uses is checked too."""
    write(built, {"configs/components/odd.yaml": "tuner: {}\nmodel: {}\n"})
    said = ask(built, "check")
    assert (said.code, said.out) == (1, "4 fresh, 1 wrong, 1 warning, 3 silenced\n")
    assert "configs/components/odd.yaml:2:1: error: " in said.err
    assert "[component-sections]" in said.err
