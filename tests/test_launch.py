"""Launching: what is printed is what a real module as trainer receives."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from builders import layout_of
from compiler.store import BuildLock
from holding import first_line
from launches import ROOT, environment, launch, launchable, lock_digest, received, tree


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a built project with a trainer of its own, and our script."""
    return launchable(tmp_path)


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


def test_a_batch_that_cannot_be_told_is_a_warning(project: Path) -> None:
    """The trainer judges it; the launch says why it cannot tell, and tells the rest."""
    (project / "configs/debug.yaml").write_text("extends: base.yaml\ntraining: {effective_batch_size: '32'}\n")
    done = launch(project, build="true")
    assert received(done)["config"]["training"]["effective_batch_size"] == "32"
    assert done.stderr.endswith(
        "gpus    0, world size 1, by CUDA_VISIBLE_DEVICES\n"
        "warning: the batch size cannot be told: `training.effective_batch_size` is no positive whole number\n"
    )


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
    done = subprocess.run(
        ["bash", "scripts/train.sh"],
        cwd=project,
        env=environment(project, CDPATH=str(other)),
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
    done = subprocess.run(
        ["bash", str(link)], cwd=tmp_path, env=environment(project), capture_output=True, text=True, check=False
    )
    assert received(done)["environment"]["TRAINLOCK_PRESET"] == "debug"


def test_copies_of_launches_at_once_do_not_meet(project: Path) -> None:
    """Several machines may start one run on a shared disk: each reads whole copies."""
    seen = environment(project, config="train/dense")
    started = [
        subprocess.Popen(["bash", "scripts/train.sh"], cwd=project, env=seen, stdout=-1, stderr=-1, text=True)
        for _ in range(6)
    ]
    for process in started:
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert json.loads(out)["mix"]["targets"][0]["name"] == "bbu"
    assert not list(project.rglob("*.tmp"))


def test_a_build_that_was_waited_for_is_seen(project: Path) -> None:
    """`build=true` looks at the sources when the other build has ended, not before."""
    seen = environment(project, config="train/dense", build="true")
    with BuildLock(layout_of(project)):
        process = subprocess.Popen(["bash", "scripts/train.sh"], cwd=project, env=seen, stdout=-1, stderr=-1, text=True)
        assert "waiting for another build" in first_line(process)
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


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "2>/dev/full"])
def test_a_stream_that_takes_nothing_does_not_stop_a_launch(project: Path, redirection: str) -> None:
    """With an output closed or full, the trainer starts all the same."""
    (project / "src/sft.py").write_text("open('started', 'w').write('yes')\n")
    shell = f"exec bash scripts/train.sh {redirection}"
    done = subprocess.run(["bash", "-c", shell], cwd=project, env=environment(project), check=False)
    assert done.returncode == 0
    assert (project / "started").read_text() == "yes"


def test_a_mistaken_variable_is_told(project: Path) -> None:
    """`GPUS=0,1` runs on device 0, and says that nobody reads it."""
    done = launch(project, None, GPUS="0,1", dry_run="true")
    assert "warning: `GPUS` is not read; did you mean `gpus`?\n" in done.stderr


def test_the_script_becomes_the_trainer(project: Path) -> None:
    """Bash, the launcher and the trainer are one process after the other: signals reach the trainer."""
    started = subprocess.Popen(
        ["bash", "scripts/train.sh"], cwd=project, env=environment(project), stdout=-1, stderr=-1, text=True
    )
    out, err = started.communicate()
    assert json.loads(out)["pid"] == started.pid, err


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
