"""Launching: what is printed is what a real module as trainer receives, and nothing else gets through."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiler import settings
from compiler.catalog import Layout
from compiler.launch import copy_of
from compiler.pipeline import Workspace
from compiler.problems import Invalid, render
from compiler.store import BuildLock
from compiler.trainer import NoPlan, batch_plan
from compiler.values import node_of

ROOT = Path(__file__).parent.parent

TRAINER = """
import argparse, json, os, sys
import yaml

arguments = argparse.ArgumentParser()
arguments.add_argument("--config")
arguments.add_argument("--debug", action="store_true")
options = arguments.parse_args()
with open(options.config) as file:
    config = yaml.safe_load(file)
fusion = config["custom"].get("fusion_config")
mix = yaml.safe_load(open(fusion)) if fusion else None
names = ("TRAINLOCK_PRESET", "TRAINLOCK_DIGEST", "CUDA_VISIBLE_DEVICES", "RANK_ARGUMENTS")
seen = {name: os.environ.get(name) for name in names}
print(json.dumps({"argv": sys.argv[1:], "environment": seen, "config": config, "mix": mix, "pid": os.getpid()}))
"""

TORCHRUN = """#!/usr/bin/env bash
# stands in for torch's launcher: keeps what it was told, and runs the module once
told=()
while [ "$1" != -m ]; do told+=("$1"); shift; done
RANK_ARGUMENTS="${told[*]}" exec python "$@"
"""

FILES = {
    "pyproject.toml": """
        [tool.trainlock]
        presets = ["debug.yaml", "train/**/*.yaml"]
        components = ["components/**/*.yaml"]
        fusion = ["fusion/variants/*.yaml"]
        fusion-key = "custom.fusion_config"
    """,
    "configs/base.yaml": """
        model: {model: models/tiny}
        training: {output_dir: ./output/run, per_device_train_batch_size: 2, effective_batch_size: 32}
        custom: {json_format: standard}
    """,
    "configs/debug.yaml": "extends: base.yaml\n",
    "configs/components/tuner/dora.yaml": "tuner: {lora_rank: 32}\n",
    "configs/fusion/base/dense.yaml": "targets:\n  - {name: bbu, dataset: bbu, ratio: 1.0}\n",
    "configs/fusion/variants/at_1024.yaml": """
        extends: ../base/dense.yaml
        targets:
          - {name: bbu, train_jsonl: bbu_1024.jsonl}
    """,
    "configs/train/dense.yaml": """
        extends: [../base.yaml, ../components/tuner/dora.yaml]
        custom: {fusion_config: configs/fusion/variants/at_1024.yaml}
    """,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a built project with a trainer of its own, and our script."""
    root = tmp_path / "a project"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = text.strip("\n").split("\n")
        margin = len(lines[0]) - len(lines[0].lstrip())
        path.write_text("\n".join(line[margin:] for line in lines).rstrip() + "\n")
    (root / "src").mkdir()
    # importing the package is what costs seconds in the real project: a look-up must not
    (root / "src/__init__.py").write_text("import os\nopen('imported', 'a').write('x')\n")
    (root / "src/sft.py").write_text(TRAINER)
    (root / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/train.sh", root / "scripts/train.sh")
    (root / "bin").mkdir()
    (root / "bin/torchrun").write_text(TORCHRUN)
    (root / "bin/torchrun").chmod(0o755)
    built = subprocess.run([sys.executable, "-m", "compiler", "build"], cwd=root, capture_output=True, check=False)
    assert built.returncode == 0, built.stderr
    return root


def launch(project: Path, here: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script with variables before it, as an operator does."""
    outside = {name: value for name, value in os.environ.items() if name not in ("config", "gpus", "debug", "trainer")}
    path = f"{project / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", str(project / "scripts/train.sh")],
        cwd=here or project,
        env={**outside, "PATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def received(done: subprocess.CompletedProcess[str]) -> Any:
    """Give what the trainer says that it got."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def tree(folder: Path) -> dict[str, bytes]:
    """Give every file below a folder, but for Python's own caches."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def lock_digest(path: Path) -> str:
    """Give the digest that a lock's header shows."""
    return next(line for line in path.read_text().split("\n") if line.startswith("# digest: ")).removeprefix(
        "# digest: "
    )


@pytest.mark.parametrize("gpus", ["0", "0,1", "3,1,2"])
def test_the_trainer_receives_exactly_what_the_dry_run_prints(project: Path, gpus: str) -> None:
    """The command that a dry run prints is, word for word, the one that runs."""
    before = tree(project)
    dry = launch(project, config="train/dense", gpus=gpus, dry_run="true")
    assert dry.returncode == 0
    assert tree(project) == before
    words = shlex.split(dry.stdout)
    count = len(gpus.split(","))
    launcher = ["python"] if count == 1 else ["torchrun", f"--nproc_per_node={count}", "--master_port=29500"]
    assert words[: len(launcher)] == launcher
    assert words[len(launcher) : len(launcher) + 3] == ["-m", "src.sft", "--config"]
    got = received(launch(project, config="train/dense", gpus=gpus))
    assert got["argv"] == words[len(launcher) + 2 :]
    assert got["environment"]["CUDA_VISIBLE_DEVICES"] == gpus
    assert got["environment"]["RANK_ARGUMENTS"] == (" ".join(launcher[1:]) if count > 1 else None)


def test_the_run_reads_a_copy_that_differs_only_in_the_fusion_path(project: Path) -> None:
    """The copied lock names the copied mix beside it; every other byte, and the digest, is the lock's."""
    lock = project / "build/train/dense.lock.yaml"
    digest = lock_digest(lock)
    got = received(launch(project, config="train/dense"))
    folder = f"output/run/.trainlock/{digest.removeprefix('sha256:')[:16]}"
    assert got["argv"] == ["--config", f"{folder}/dense.lock.yaml"]
    assert got["environment"]["TRAINLOCK_PRESET"] == "train/dense"
    assert got["environment"]["TRAINLOCK_DIGEST"] == digest
    assert got["config"]["custom"]["fusion_config"] == f"{folder}/dense.lock.fusion.yaml"
    assert got["mix"]["targets"] == [{"name": "bbu", "dataset": "bbu", "ratio": 1.0, "train_jsonl": "bbu_1024.jsonl"}]
    mix = "build/fusion/variants/at_1024.lock.yaml"
    assert (project / folder / "dense.lock.fusion.yaml").read_bytes() == (project / mix).read_bytes()
    copied = (project / folder / "dense.lock.yaml").read_text()
    assert copied.replace(f"{folder}/dense.lock.fusion.yaml", mix) == lock.read_text()
    original = yaml.safe_load(lock.read_text())
    original["custom"]["fusion_config"] = got["config"]["custom"]["fusion_config"]
    assert got["config"] == original


def test_a_later_edit_does_not_reach_the_run(project: Path) -> None:
    """A new launch after an edit has a folder of its own, and the old copy stays as it was."""
    first = received(launch(project, config="train/dense"))
    (project / "configs/components/tuner/dora.yaml").write_text("tuner: {lora_rank: 64}\n")
    second = received(launch(project, config="train/dense", build="true"))
    assert second["config"]["tuner"]["lora_rank"] == 64
    assert first["argv"] != second["argv"]
    assert yaml.safe_load((project / first["argv"][1]).read_text()) == first["config"]


@pytest.mark.parametrize(
    "config",
    [
        "train/dense",
        "train/dense.yaml",
        "configs/train/dense.yaml",
        "build/train/dense.lock.yaml",
        "{root}/configs/train/dense.yaml",
        "{root}/build/train/dense.lock.yaml",
        "scripts/../configs/train/dense.yaml",
    ],
)
def test_a_preset_is_named_in_many_ways(project: Path, config: str) -> None:
    """A name, a path below configs, a repository path, an absolute path and a lock all name the preset."""
    done = launch(project, config=config.format(root=project), dry_run="true")
    assert done.returncode == 0, done.stderr
    assert "preset  train/dense\n" in done.stderr


def test_a_path_counts_from_where_the_command_is_called(project: Path) -> None:
    """From another folder, a path of that folder is understood, and the run starts in the root all the same."""
    got = received(launch(project, here=project / "configs/train", config="dense.yaml"))
    assert got["environment"]["TRAINLOCK_PRESET"] == "train/dense"
    assert (project / got["argv"][1]).exists()


def test_without_variables_debug_runs_on_device_0(project: Path) -> None:
    """The surface that operators have stays: `config` is `debug`, `gpus` is `0`."""
    got = received(launch(project))
    assert got["environment"]["TRAINLOCK_PRESET"] == "debug"
    assert got["environment"]["CUDA_VISIBLE_DEVICES"] == "0"
    assert got["mix"] is None


def test_what_will_run_is_told(project: Path) -> None:
    """Before a launch its preset, digests, model, output, devices and true batch size are printed, aligned."""
    digest = lock_digest(project / "build/train/dense.lock.yaml")
    mix = lock_digest(project / "build/fusion/variants/at_1024.lock.yaml")
    done = launch(project, config="train/dense", gpus="0,1,2", dry_run="1")
    assert done.stderr == (
        "preset  train/dense\n"
        f"digest  {digest}\n"
        f"fusion  {mix} build/fusion/variants/at_1024.lock.yaml\n"
        "model   models/tiny\n"
        "output  ./output/run\n"
        "gpus    0,1,2, world size 3, by CUDA_VISIBLE_DEVICES\n"
        "batch   36 = 2 per device x 3 x 6 accumulation steps\n"
        "warning: 32 asked, 36 real: accumulation steps are rounded up\n"
    )
    assert "warning" not in launch(project, config="train/dense", gpus="0,1", dry_run="1").stderr


def test_several_machines_are_named_to_torchrun(project: Path) -> None:
    """`nnodes`, `node_rank` and `master_addr` reach torchrun, and count in the world size."""
    done = launch(
        project,
        config="train/dense",
        gpus="0",
        nnodes="2",
        node_rank="1",
        master_addr="10.0.0.1",
        master_port="29501",
        dry_run="true",
    )
    assert shlex.split(done.stdout)[:6] == [
        *("torchrun", "--nproc_per_node=1", "--nnodes=2"),
        *("--node_rank=1", "--master_addr=10.0.0.1", "--master_port=29501"),
    ]
    assert "gpus    0 on each of 2 machines, world size 2, by CUDA_VISIBLE_DEVICES\n" in done.stderr


def test_debug_and_trainer_reach_the_command(project: Path) -> None:
    """`debug=true` adds `--debug`, and `trainer=` names another module."""
    shutil.copy(project / "src/sft.py", project / "other_trainer.py")
    got = received(launch(project, debug="true", trainer="other_trainer"))
    assert got["argv"][2:] == ["--debug"]


def test_the_trainer_is_looked_up_without_importing_it(project: Path) -> None:
    """A dry run does not import the trainer's package; a trainer that is not there is one clear line."""
    assert launch(project, dry_run="true").returncode == 0
    assert not (project / "imported").exists()
    done = launch(project, trainer="src.stf")
    assert done.returncode == 2
    assert "error: there is no trainer `src.stf` [no-trainer]\n" in done.stderr
    assert "hint: `trainer=` names another module" in done.stderr
    assert not (project / "output").exists()


def test_a_module_below_a_namespace_is_found(project: Path) -> None:
    """A trainer may lie in folders without `__init__.py`; a package is one only with a `__main__`."""
    deep = project / "one/two/three"
    deep.mkdir(parents=True)
    shutil.copy(project / "src/sft.py", deep / "sft.py")
    assert received(launch(project, trainer="one.two.three.sft"))["config"]["model"] == {"model": "models/tiny"}
    assert "[no-trainer]" in launch(project, trainer="one.two.three").stderr
    shutil.copy(project / "src/sft.py", deep / "__main__.py")
    (deep / "__init__.py").write_text("")
    assert received(launch(project, trainer="one.two.three"))["argv"][0] == "--config"


def test_several_devices_need_torchrun(project: Path) -> None:
    """A dry run says that torchrun is missing, and a launch stops at it."""
    (project / "bin/torchrun").unlink()
    if shutil.which("torchrun") is not None:
        return  # it is installed here: nothing is missing
    dry = launch(project, gpus="0,1", dry_run="true")
    assert dry.returncode == 0
    assert "warning: there is no `torchrun`; a launch needs it\n" in dry.stderr
    assert "error: there is no `torchrun` [no-trainer]" in launch(project, gpus="0,1").stderr


def test_cdpath_leads_nowhere_else(project: Path, tmp_path: Path) -> None:
    """A CDPATH with a repository of the same shape does not change what is launched."""
    other = tmp_path / "other"
    shutil.copytree(project, other)
    (other / "configs/base.yaml").write_text("training: {output_dir: stolen}\n")
    path = f"{project / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "scripts/train.sh"],
        cwd=project,
        env={**os.environ, "PATH": path, "CDPATH": str(other)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert received(done)["argv"][1].startswith("output/run/")


def test_a_link_to_the_script_launches_where_the_script_is(project: Path, tmp_path: Path) -> None:
    """A symbolic link in another folder is followed."""
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere/train.sh"
    link.symlink_to(project / "scripts/train.sh")
    path = f"{project / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", str(link)], cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert received(done)["environment"]["TRAINLOCK_PRESET"] == "debug"


def test_copies_of_launches_at_once_do_not_meet(project: Path) -> None:
    """Several machines may start one run on a shared disk: each reads whole copies."""
    path = f"{project / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "config": "train/dense"}
    started = [
        subprocess.Popen(["bash", "scripts/train.sh"], cwd=project, env=environment, stdout=-1, stderr=-1, text=True)
        for _ in range(6)
    ]
    for process in started:
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert json.loads(out)["mix"]["targets"][0]["name"] == "bbu"
    assert not list(project.rglob("*.tmp"))


def test_a_build_that_was_waited_for_is_seen(project: Path) -> None:
    """`build=true` looks at the sources when the other build has ended, not before."""
    path = f"{project / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "config": "train/dense", "build": "true"}
    with BuildLock(Layout(str(project), settings.load(str(project)))):
        process = subprocess.Popen(
            ["bash", "scripts/train.sh"], cwd=project, env=environment, stdout=-1, stderr=-1, text=True
        )
        assert process.stderr is not None
        assert "waiting for another build" in process.stderr.readline()
        (project / "configs/components/tuner/dora.yaml").write_text("tuner: {lora_rank: 64}\n")
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert json.loads(out)["config"]["tuner"]["lora_rank"] == 64


def test_a_path_is_never_taken_for_a_name(project: Path) -> None:
    """`./debug` from another folder is the file there, or nothing; never the preset of that name."""
    (project / "configs/train/debug.yaml").write_text("extends: ../base.yaml\ntuner: {lora_rank: 1}\n")
    got = received(launch(project, here=project / "configs/train", config="./debug", build="true"))
    assert got["environment"]["TRAINLOCK_PRESET"] == "train/debug"
    assert launch(project, here=project / "src", config="./debug").returncode == 2


@pytest.mark.parametrize("output", ['"a\\0b"', '"a\\nb"', "[]", "null", '" "'])
def test_an_output_folder_that_is_none_is_refused(project: Path, output: str) -> None:
    """What is no name of a folder is told as such, and nothing starts."""
    (project / "configs/base.yaml").write_text(f"training: {{output_dir: {output}}}\n")
    done = launch(project, build="true")
    assert done.returncode == 1
    assert "`training.output_dir` names no folder [no-output-dir]" in done.stderr


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "2>/dev/full"])
def test_a_stream_that_takes_nothing_does_not_stop_a_launch(project: Path, redirection: str) -> None:
    """With an output closed or full, the trainer starts all the same."""
    (project / "src/sft.py").write_text("open('started', 'w').write('yes')\n")
    path = f"{project / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shell = f"exec bash scripts/train.sh {redirection}"
    done = subprocess.run(["bash", "-c", shell], cwd=project, env={**os.environ, "PATH": path}, check=False)
    assert done.returncode == 0
    assert (project / "started").read_text() == "yes"


def test_a_mistaken_variable_is_told(project: Path) -> None:
    """`GPUS=0,1` runs on device 0, and says that nobody reads it."""
    done = launch(project, None, GPUS="0,1", dry_run="true")
    assert "warning: `GPUS` is not read; did you mean `gpus`?\n" in done.stderr


def test_the_script_becomes_the_trainer(project: Path) -> None:
    """Bash, the launcher and the trainer are one process after the other: signals reach the trainer."""
    path = f"{project / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    started = subprocess.Popen(
        ["bash", "scripts/train.sh"], cwd=project, env={**os.environ, "PATH": path}, stdout=-1, stderr=-1, text=True
    )
    out, err = started.communicate()
    assert json.loads(out)["pid"] == started.pid, err


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
    workspace = Workspace(Layout(".", settings.load(".")))
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


def test_every_shipped_lock_is_launched_as_it_is(tmp_path: Path) -> None:
    """Each preset of the shipped tree has a dry run, and its copy would keep the digest."""
    listed = subprocess.run(
        [sys.executable, "-m", "compiler", "list", "--json"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    presets = [row for row in json.loads(listed.stdout)["presets"] if not row["name"].startswith("fusion/")]
    assert len(presets) >= 14
    for row in presets:
        done = subprocess.run(
            [sys.executable, "-m", "compiler.launch", "--config", row["name"], "--dry_run=true", f"--here={tmp_path}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert f"/.trainlock/{row['digest'].removeprefix('sha256:')[:16]}/" in done.stdout


@pytest.mark.parametrize(
    ("training", "rlhf", "world_size", "expected"),
    [
        ({"effective_batch_size": 32, "per_device_train_batch_size": 2}, {}, 3, (6, 36, 32)),
        ({"effective_batch_size": 32, "per_device_train_batch_size": 2}, {}, 4, (4, 32, 32)),
        ({"effective_batch_size": 2}, {}, 16, (1, 16, 2)),
        ({"effective_batch_size": 32, "gradient_accumulation_steps": 5}, {}, 1, (32, 32, 32)),
        ({"gradient_accumulation_steps": 5}, {}, 2, (5, 10, None)),
        ({"per_device_train_batch_size": 3}, {}, 2, (3, 18, None)),
        ({}, {"rlhf_type": "grpo"}, 2, (1, 2, None)),
    ],
)
def test_the_batch_plan_is_the_trainers(
    training: dict[str, Any], rlhf: dict[str, Any], world_size: int, expected: tuple[int, int, int | None]
) -> None:
    """Accumulation steps are those that the trainer computes from the batch asked for and the world size."""
    plan = batch_plan(node_of({"training": training, "rlhf": rlhf}), world_size)
    assert (plan.accumulation, plan.batch, plan.asked) == expected


@pytest.mark.parametrize("wrong", ["32", 0, -1, 2.5, True, []])
def test_a_batch_that_is_no_number_is_told(wrong: Any) -> None:
    """A setting of the batch that is no positive whole number is named, and not computed with."""
    values = node_of({"training": {"effective_batch_size": wrong}})
    if wrong == []:
        assert batch_plan(values, 1).asked is None  # not a scalar: left to the checks of types
        return
    with pytest.raises(NoPlan, match="effective_batch_size"):
        batch_plan(values, 1)


def validate(config: str) -> subprocess.CompletedProcess[str]:
    """Run the validator of the shipped tree."""
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts/validate_sft_config.py"), "--config", config],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_validator_passes_a_preset_with_its_mix() -> None:
    """A preset that compiles is ok, and its fusion config is named."""
    done = validate("configs/train/sft/dense_1024.yaml")
    expected = "ok: configs/train/sft/dense_1024.yaml, with configs/fusion/variants/bbu_rru_1024.yaml\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


def test_the_validator_names_an_unknown_dataset(project: Path) -> None:
    """An overlay that names no entry of its base fails fast, with place and hint."""
    shutil.copy(ROOT / "scripts/validate_sft_config.py", project / "scripts/validate_sft_config.py")
    overlay = project / "configs/fusion/variants/at_1024.yaml"
    overlay.write_text(overlay.read_text().replace("name: bbu", "name: bbuu"))
    done = subprocess.run(
        [sys.executable, "scripts/validate_sft_config.py", "--config", "configs/train/dense.yaml"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "at_1024.yaml:3:6: error: `bbuu` is no entry of `targets` in the base [unknown-dataset]" in done.stderr
    assert "hint: did you mean `bbu`?" in done.stderr
    assert validate("nothing/like/it").returncode == 2
