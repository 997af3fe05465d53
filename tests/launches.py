"""What the tests of launching share: a project with a trainer that tells what it got, and the script run in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from shells import PATH

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


def launchable(tmp_path: Path) -> Path:
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


def environment(project: Path, **variables: str) -> dict[str, str]:
    """Give what the script sees: the launcher of the project first on the PATH, and of our variables only these."""
    outside = {name: value for name, value in os.environ.items() if name not in ("config", "gpus", "debug", "trainer")}
    return {**outside, "PATH": f"{project / 'bin'}{os.pathsep}{PATH}", **variables}


def launch(project: Path, here: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script with variables before it, as an operator does."""
    return subprocess.run(
        ["bash", str(project / "scripts/train.sh")],
        cwd=here or project,
        env=environment(project, **variables),
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
