"""The virtual environments that are measured in: a lean one of what trainlock needs to run, and one of the peers."""

from __future__ import annotations

import json
import subprocess
import tomllib
import venv
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent


class Environment(NamedTuple):
    """A virtual environment: its folder of programs, the versions of what is in it, and what could not be installed."""

    programs: Path
    versions: dict[str, str]
    missing: dict[str, str]

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.programs / "python"


def _pip(programs: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(programs / "python"), "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _versions(programs: Path) -> dict[str, str]:
    listed = json.loads(_pip(programs, "list", "--format", "json").stdout)
    return {package["name"].lower().replace("_", "-"): package["version"] for package in listed}


def _made(folder: Path, what: str, requirement: str) -> Environment:
    """Make an environment of one requirement and what it needs.

    Raises:
        RuntimeError: it cannot be installed.
    """
    venv.create(folder, with_pip=True)
    done = _pip(folder / "bin", "install", "-q", requirement)
    if done.returncode:
        raise RuntimeError(f"{what} cannot be installed:\n{done.stderr}")
    return Environment(folder / "bin", _versions(folder / "bin"), {})


def lean(folder: Path) -> Environment:
    """Make the environment of a user: trainlock as this clone holds it, and its dependencies alone.

    Raises:
        RuntimeError: it cannot be installed.
    """
    return _made(folder, "trainlock", str(REPOSITORY))


def stock(folder: Path, doit: str) -> Environment:
    """Make an environment of one version of doit alone: beside trainlock it would load a backend of ours each time.

    Raises:
        RuntimeError: it cannot be installed.
    """
    return _made(folder, "doit", f"doit=={doit}")


def peers(folder: Path) -> Environment:
    """Make the environment of the peers, of the extra `benchmarks`; each is installed by itself, as one may fail."""
    venv.create(folder, with_pip=True)
    with open(REPOSITORY / "pyproject.toml", "rb") as file:
        wanted = tomllib.load(file)["project"]["optional-dependencies"]["benchmarks"]
    missing = {}
    for requirement in wanted:
        done = _pip(folder / "bin", "install", "-q", requirement)
        if done.returncode:
            name = requirement.split(">")[0].split("=")[0].split("<")[0].strip()
            missing[name] = done.stderr.strip().rpartition("\n")[2]
    return Environment(folder / "bin", _versions(folder / "bin"), missing)
