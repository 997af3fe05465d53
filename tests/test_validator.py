"""The validator script: a preset that compiles is ok, and one that does not fails fast."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from launches import ROOT, launchable


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a built project with a trainer of its own, and our script."""
    return launchable(tmp_path)


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
