"""What is installed: the package `compiler`, typed, and nothing that the repository generates."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest

from compiler.codes import codes
from repositories import git, snapshot

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as it stands, in a git repository of its own."""
    return snapshot(tmp_path_factory.mktemp("clone"))


@pytest.fixture(scope="module")
def installed(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clone, installed by pip into a folder of its own, without its dependencies."""
    target = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--no-compile", "--target", str(target)]
    done = subprocess.run([*command, *options, str(clone)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return target


def test_an_install_leaves_the_build_folder_as_it_was(clone: Path, installed: Path) -> None:
    """The locks are in `build`, where other build tools would put their scratch files."""
    assert (installed / "compiler").is_dir()
    assert git(clone, "status", "--porcelain", "-uall", "build") == ""
    assert git(clone, "status", "--porcelain", "-uall", "--ignored", "build", "compiler", "configs") == ""


def test_only_the_package_is_installed(installed: Path) -> None:
    """`compiler` with the page that says what its codes mean, its metadata and the command: no tests, no locks."""
    tops = {path.name for path in installed.iterdir()}
    assert {name for name in tops if not name.endswith(".dist-info")} == {"compiler", "bin"}
    assert [path.name for path in (installed / "bin").iterdir()] == ["trainlock"]
    ours = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "compiler").glob("*.py")}
    found = {path.relative_to(installed).as_posix() for path in (installed / "compiler").rglob("*") if path.is_file()}
    assert found == ours | {"compiler/py.typed", "compiler/trainer_arguments.json", "compiler/problems.md"}
    assert (installed / "compiler/problems.md").read_bytes() == (REPOSITORY / "docs/problems.md").read_bytes()


def test_the_metadata_names_the_commands(installed: Path) -> None:
    """The command `trainlock`, and the database that doit finds as a plugin."""
    (distribution,) = importlib.metadata.distributions(name="trainlock", path=[str(installed)])
    points = {(point.group, point.name): point.value for point in distribution.entry_points}
    assert points[("console_scripts", "trainlock")] == "compiler.__main__:main"
    module, _, name = points[("doit.BACKEND", "trainlock")].partition(":")
    assert (installed / (module.replace(".", "/") + ".py")).is_file()
    assert f"class {name}" in (installed / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")
    assert distribution.metadata["Requires-Python"] == ">=3.11"


def run_installed(installed: Path, *arguments: str) -> str:
    """Run the command out of the folder that it was installed to, and give what it prints."""
    code = (
        f"import sys; sys.path.insert(0, {str(installed)!r})\n"
        "import compiler.cli; assert compiler.__file__.startswith(sys.path[0]), compiler.__file__\n"
        "sys.exit(compiler.cli.main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=installed, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_installed_runs(installed: Path, clone: Path) -> None:
    """The command finds the shipped locks fresh."""
    assert " fresh, 0 wrong" in run_installed(installed, "check", "--root", str(clone))


def test_what_is_installed_knows_what_its_codes_mean(installed: Path, clone: Path) -> None:
    """The rules of its SARIF are those of the page in the clone."""
    printed = run_installed(installed, "check", "--root", str(clone), "--format", "sarif")
    [run] = json.loads(printed)["runs"]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == set(codes())
