"""Launching: a drifted lock, a hostile variable or a preset without an output folder does not start."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from builders import opened
from compiler.launch import copy_of
from compiler.problems import Invalid, render
from holding import Holder, first_line
from launches import environment, launch, launchable, received, tree


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a built project with a trainer of its own, and our script."""
    return launchable(tmp_path)


DRIFTS: Mapping[str, tuple[str, str, str]] = {
    "edited": ("build/train/dense.lock.yaml", "lora_rank: 32", "lora_rank: 33"),
    "edited comment": ("build/train/dense.lock.yaml", "# components/tuner/dora", "# base"),
    "edited mix": ("build/fusion/variants/at_1024.lock.yaml", "ratio: 1.0", "ratio: 0.5"),
    "stale": ("configs/components/tuner/dora.yaml", "32", "33"),
    "stale mix": ("configs/fusion/base/dense.yaml", "1.0", "0.5"),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_a_drifted_lock_does_not_start(project: Path, drift: str) -> None:
    """An edited or stale lock, or fusion lock, is refused with the reason and what mends it; `build=true` does."""
    name, old, new = DRIFTS[drift]
    text = (project / name).read_text()
    assert old in text
    (project / name).write_text(text.replace(old, new, 1))
    done = launch(project, config="train/dense")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "[lock-edited]" in done.stderr if "edited" in drift else "[lock-stale]" in done.stderr
    assert "`doit` mends it, or `build=true`" in done.stderr
    assert not (project / "output").exists()
    assert (
        received(launch(project, config="train/dense", build="true"))["environment"]["TRAINLOCK_PRESET"]
        == "train/dense"
    )


def test_a_missing_lock_does_not_start(project: Path) -> None:
    """Without its lock a preset is not launched."""
    (project / "build/train/dense.lock.yaml").unlink()
    done = launch(project, config="train/dense")
    assert done.returncode == 1
    assert "[lock-missing]" in done.stderr


INJECTIONS = [
    {"gpus": "0;touch pwned"},
    {"gpus": "0 1"},
    {"gpus": "$(touch pwned)"},
    {"gpus": "0,0"},
    {"gpus": "0\n1"},
    {"gpus": "-1"},
    {"config": "$(touch pwned)"},
    {"config": "`touch pwned`"},
    {"config": "debug; touch pwned"},
    {"config": "--help"},
    {"config": "../.."},
    {"config": "../../etc/passwd"},
    {"config": "/etc/passwd"},
    {"config": "configs/../../outside.yaml"},
    {"config": "debug debug"},
    {"config": "components/tuner/dora"},
    {"config": "fusion/variants/at_1024"},
    {"master_port": "1 --x"},
    {"master_port": "0"},
    {"master_port": "65536"},
    {"MASTER_PORT": "1 --x"},
    {"trainer": "src.sft; touch pwned"},
    {"trainer": "--help"},
    {"trainer": "src..sft"},
    {"debug": "yes; touch pwned"},
    {"dry_run": "maybe"},
    {"nnodes": "2"},
    {"nnodes": "2", "master_addr": "-x"},
    {"nnodes": "2", "master_addr": "a b"},
    {"nnodes": "2", "node_rank": "2", "master_addr": "host"},
    {"nnodes": "٢", "master_addr": "host"},
]


@pytest.mark.parametrize("variables", INJECTIONS, ids=json.dumps)
def test_nothing_is_carried_by_a_hostile_variable(project: Path, variables: dict[str, str]) -> None:
    """A variable that means nothing is one clear problem with exit code 2; nothing runs and nothing is written."""
    (project.parent / "outside.yaml").write_text("a: 1\n")
    before = tree(project.parent)
    done = launch(project, None, **variables)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("error: ") == 1
    codes = ("[bad-variable]", "[unknown-preset]", "[outside-root]", "[unselected-preset]")
    assert any(code in done.stderr.split("\n")[0] for code in codes), done.stderr
    assert "Traceback" not in done.stderr
    assert tree(project.parent) == before


def test_a_variable_that_means_nothing_is_told_whole(project: Path) -> None:
    """The text says what was written and what the variable takes."""
    done = launch(project, gpus="0;touch pwned")
    assert done.stderr == (
        "error: `gpus=0;touch pwned` means nothing [bad-variable]\n"
        "  why: it takes device numbers joined by commas, such as `0,1`\n"
    )


def test_a_copy_with_another_digest_is_not_launched(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy's digest is computed again: were it another, nothing would start."""
    monkeypatch.chdir(project)
    workspace = opened(Path())
    compiled = workspace.compile("configs/train/dense.yaml")
    assert copy_of(workspace, compiled).fusion_path.endswith("/dense.lock.fusion.yaml")
    changed = compiled._replace(data=compiled.data.replace(b"lora_rank: 32", b"lora_rank: 33"))
    assert changed.data != compiled.data
    with pytest.raises(Invalid) as refused:
        copy_of(workspace, changed)
    digest = compiled.resolved.digest.removeprefix("sha256:")[:16]
    assert render(refused.value.problems[0]) == (
        f"output/run/.trainlock/{digest}/dense.lock.yaml: error: "
        "the copy of `build/train/dense.lock.yaml` has another digest [digest-moved]"
    )


def test_a_launcher_that_the_system_cannot_start_is_told(project: Path) -> None:
    """A `torchrun` that is there and names an interpreter that is not: one problem, with the reason."""
    (project / "bin/torchrun").write_text("#!/nowhere/python\n")
    done = launch(project, gpus="0,1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("error: `torchrun` cannot be started [no-trainer]\n  why: no such file or directory\n")


def test_an_interrupt_while_it_waits_for_a_build_starts_nothing(project: Path) -> None:
    """Ctrl-C ends a launch with 130, without a traceback and without a trainer."""
    with Holder(project) as holder:
        process = subprocess.Popen(
            ["bash", "scripts/train.sh"],
            cwd=project,
            env=environment(project, build="true"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert first_line(process).endswith(f"waiting for another build (process {holder.number})\n")
        process.send_signal(signal.SIGINT)
        assert (*process.communicate(timeout=60), process.returncode) == ("", "", 130)
    assert not (project / "output").exists()


def test_an_argument_is_refused(project: Path) -> None:
    """What is written behind the script is not silently ignored."""
    done = subprocess.run(
        ["bash", "scripts/train.sh", "--config", "x"], cwd=project, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "takes no arguments" in done.stderr


def test_without_an_output_folder_nothing_starts(project: Path) -> None:
    """A preset that does not say where its output goes has no place for its copy."""
    (project / "configs/base.yaml").write_text("custom: {json_format: standard}\n")
    done = launch(project, build="true")
    assert done.returncode == 1
    assert "[no-output-dir]" in done.stderr


@pytest.mark.parametrize("output", ['"a\\0b"', '"a\\nb"', "[]", "null", '" "'])
def test_an_output_folder_that_is_none_is_refused(project: Path, output: str) -> None:
    """What is no name of a folder is told as such, and nothing starts."""
    (project / "configs/base.yaml").write_text(f"training: {{output_dir: {output}}}\n")
    done = launch(project, build="true")
    assert done.returncode == 1
    assert "`training.output_dir` names no folder [no-output-dir]" in done.stderr
