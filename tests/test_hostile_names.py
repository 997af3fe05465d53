"""Never let in: a name is refused, or carried as it is through everything that names it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pytest

import test_completion
from builders import Files, project, safe_load, write
from compiler import lockfile
from compiler.pipeline import build
from launches import launch, launchable
from limited import together
from names import CARRIED, REFUSED

PYPROJECT: Final = """
    [tool.trainlock]
    presets = ["train/**/*.yaml"]
    fusion = ["fusion/**/*.yaml"]
    fusion-key = "fusion"
"""


def world(name: str) -> Files:
    """Give a preset, its base and its mix, all of one name."""
    base, mix = (json.dumps(f"{folder}/{name}.yaml", ensure_ascii=False) for folder in ("../odd", "configs/fusion"))
    return {
        f"configs/train/{name}.yaml": f"extends: {base}\nfusion: {mix}\n",
        f"configs/odd/{name}.yaml": "x: 1\n",
        f"configs/fusion/{name}.yaml": "targets: [{name: t, dataset: d, train_jsonl: t.jsonl}]\n",
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which every name is carried, and built."""
    root = tmp_path_factory.mktemp("names")
    write(root, {"pyproject.toml": PYPROJECT} | {path: text for name in CARRIED for path, text in world(name).items()})
    (ended,) = together([(root, ["build"])])
    assert (ended.code, ended.err) == (0, "")
    return root


def test_a_lock_lies_at_its_name_and_says_it(built: Path) -> None:
    """Path, header, merge order, comments and the reference to the mix hold the name, each on its line."""
    for name in CARRIED:
        path = f"build/train/{name}.lock.yaml"
        data = (built / path).read_bytes()
        lock = lockfile.decode(path, data)
        assert lock.header.source == f"configs/train/{name}.yaml"
        assert lock.header.fusion_lock == f"build/fusion/{name}.lock.yaml"
        assert safe_load(data) == {"x": 1, "fusion": f"build/fusion/{name}.lock.yaml"}
        lines = data.decode().split("\n")
        assert len(lines) == len(data.decode().splitlines()) + 1 == 11
        assert lines[5:7] == [f"#   configs/odd/{name}.yaml", f"#   configs/train/{name}.yaml"]
    assert len([*(built / "build/train").iterdir()]) == len(CARRIED)


def test_nothing_that_a_name_says_is_done(built: Path) -> None:
    """No command runs; nothing is written but the locks and the cache of the build."""
    assert list(built.rglob("ran*")) == []
    assert {path.name for path in built.iterdir()} == {"pyproject.toml", "configs", "build"}
    assert {path.name for path in (built / "build").iterdir()} == {"train", "fusion", ".cache"}


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_a_name_that_no_line_can_hold_is_refused_and_harms_no_other(tmp_path: Path, name: str) -> None:
    """As a preset's name, and as that of a folder: `bad-name`, no lock, and the neighbour is built."""
    made = project(
        tmp_path,
        {f"configs/train/{name}.yaml": "x: 1\n", f"configs/train/{name}/p.yaml": "x: 1\n", "configs/train/ok.yaml": ""},
    )
    found = build(made)
    assert [problem.code for problem in found.problems] == ["bad-name", "bad-name"]
    assert found.built == ("build/train/ok.lock.yaml",)
    assert [path.name for path in (tmp_path / "build/train").iterdir()] == ["ok.lock.yaml"]


@pytest.mark.parametrize("form", ["file", "folder"])
def test_two_forms_of_one_accent_are_refused(tmp_path: Path, form: str) -> None:
    """NFC and NFD twins are one file on some machines: both are named, and neither is built."""
    twins = [unicodedata.normalize(kind, "é") + ("" if form == "file" else "/p") for kind in ("NFC", "NFD")]
    found = build(project(tmp_path, {f"configs/train/{twin}.yaml": "x: 1\n" for twin in twins}))
    assert {(problem.code, problem.origin.file) for problem in found.problems} == {
        ("bad-name", f"configs/train/{twin}.yaml") for twin in twins
    }
    assert found.built == ()


@pytest.fixture(scope="module")
def told(built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `check` prints, in every format, of a repository in which each file of a hostile name is broken."""
    root = tmp_path_factory.mktemp("broken")
    write(root, {"pyproject.toml": PYPROJECT})
    write(root, {f"configs/train/{name}.yaml": f"a: [{json.dumps(name)}\n" for name in CARRIED})
    formats = {"text": [], "github": ["--format", "github"], "sarif": ["--format", "sarif"], "json": ["--json"]}
    answers = together([(root, ["check", *options]) for options in formats.values()])
    assert {ended.code for ended in answers} == {1}
    return dict(zip(formats, answers, strict=True))


def test_no_message_is_a_command_to_a_ci_job(told: dict[str, Any]) -> None:
    """Every line of text begins as a message does, and each annotation is one command on one line."""
    for line in told["text"].err.splitlines():
        assert not line.lstrip().startswith(("::", "##["))
        assert line.isprintable()
    lines = told["github"].out.splitlines()
    commands = [line for line in lines if line.startswith("::")]
    assert 10 <= len(commands) <= 20
    for line in commands:
        assert line.startswith(("::error file=configs/train/", "::error title=", "::warning "))
        assert line.isprintable()


def test_sarif_and_json_name_each_file_as_it_is(told: dict[str, Any]) -> None:
    """A URI is escaped and leads back to the file."""
    files = {f"configs/train/{name}.yaml" for name in CARRIED}
    results = json.loads(told["sarif"].out)["runs"][0]["results"]
    uris = {result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in results}
    assert {unquote(uri) for uri in uris} >= files
    assert all(set(uri).isdisjoint(' "<>\\^`{|}#?') for uri in uris)
    problems = json.loads(told["json"].out)["problems"]
    assert {problem["origin"]["file"] for problem in problems} >= files


def test_what_a_shell_completes_is_one_word(built: Path) -> None:
    """Each name that is offered is quoted for the shell, which reads the name again."""
    offered = test_completion.offered(built, "why train/")
    assert {"".join(shlex.split(one)).rstrip() for one in offered} >= {"train/-x", "train/a;touch ran", "train/a b"}
    assert list(built.rglob("ran*")) == []


LAUNCHED: Final = ("$(touch ran)", "a b", 'a"b', "a'b", "-x", "a;touch ran", "<img src=x onerror=alert(1)>", "*")


def test_the_script_launches_a_preset_of_any_name(tmp_path: Path) -> None:
    """`train.sh` prints one word for the lock, whatever it is called, and nothing of it runs."""
    root = launchable(tmp_path)
    write(root, {f"configs/train/{name}.yaml": "extends: ../base.yaml\n" for name in LAUNCHED})
    (ended,) = together([(root, ["build"])])
    assert ended.code == 0
    for name in LAUNCHED:
        done = launch(root, config=f"train/{name}", dry_run="true")
        assert done.returncode == 0, done.stderr
        assert shlex.split(done.stdout)[-1].endswith(f"/{name}.lock.yaml")
        assert f"preset  train/{name}\n" in done.stderr
    assert list(tmp_path.rglob("ran*")) == []


WATCHED: Final = """\
import os, sys
from compiler.cli import main
before, root, *arguments = sys.argv[1:]
for folder in (before, root):
    os.chdir(folder)
    seen = []
    if folder == root:
        sys.addaudithook(lambda event, given: seen.append((event, given)))
    for verb in arguments:
        main(verb.split())
kept = [*seen]
sys.stdout = sys.stderr = open(os.devnull, "w")
codes = ("compile", "exec", "import", "marshal.loads", "pickle.find_class", "ctypes.dlopen")
starts = ("os.exec", "os.system", "os.posix_spawn", "os.fork", "subprocess.Popen", "pty.spawn", "socket.connect")
wrong = [f"{event} {given}" for event, given in kept if event in (*codes, *starts)]
for event, given in kept:
    if event == "open" and isinstance(given[0], str):
        path = os.path.realpath(given[0])
        writes = bool(given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if not path.startswith(root + ("/build/" if writes else "/")) and not path.startswith(sys.prefix):
            wrong.append(f"{'write' if writes else 'read'} {given[0]}")
os.write(2, "\\n".join(wrong).encode("utf-8", "replace"))
"""
"""Runs verbs in one folder, which loads all that they need, then in another, and writes down what should not happen."""

VERBS: Final = ("build", "check", "list", "graph", "check --format sarif", "why train/p x", "show train/p --origins")


def watched(tmp_path: Path, files: Files) -> str:
    """Give what the verbs did with a world, of all that they should not."""
    roots = [tmp_path / "plain", tmp_path / "hostile"]
    for root in roots:
        write(root, {"pyproject.toml": PYPROJECT, **world("p"), **world("q")})
    write(roots[0], {"configs/train/bad.yaml": "x: [\n", "configs/train/worse.yaml": "extends: gone.yaml\n"})
    write(roots[1], files)
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *map(str, roots), *VERBS], capture_output=True, text=True, check=True
    )
    return "\n".join(line for line in done.stderr.splitlines() if line.startswith(("read ", "write ", *EVENTS)))


EVENTS: Final = ("compile ", "exec ", "import ", "marshal", "pickle", "ctypes", "os.", "subprocess", "pty", "socket")


def test_no_config_loads_code_and_no_path_leaves_the_roots(tmp_path: Path) -> None:
    """What the interpreter itself tells: nothing is compiled, imported or started, nothing outside is opened."""
    evil = "import os\nos.system('touch ran')\n"
    tags = [
        "!!python/object/apply:os.system [touch ran]",
        "!!python/name:evil.x",
        "!!python/module:evil",
        "!evil.x {a: 1}",
    ]
    refs = ["../../outside.yaml", "/etc/passwd", "../../../etc/passwd", "link.yaml", "evil.py", "$(touch ran)"]
    files = {
        **{f"configs/train/t{n}.yaml": f"a: {tag}\n" for n, tag in enumerate(tags)},
        **{f"configs/train/r{n}.yaml": f"extends: {json.dumps(ref)}\n" for n, ref in enumerate(refs)},
        **{f"configs/train/m{n}.yaml": f"fusion: {json.dumps(ref)}\n" for n, ref in enumerate(refs)},
        "configs/train/evil.py": evil,
        "evil.py": evil,
        "outside.yaml": "x: 1\n",
    }
    write(tmp_path, {"outside.yaml": "x: 1\n"})
    (tmp_path / "hostile/configs/train").mkdir(parents=True)
    (tmp_path / "hostile/configs/train/link.yaml").symlink_to("../../../outside.yaml")
    (tmp_path / "hostile/build").mkdir()
    assert watched(tmp_path, files) == ""
    assert list(tmp_path.rglob("ran*")) == []


def test_the_watch_is_not_blind(tmp_path: Path) -> None:
    """The negative control: a config root that leads elsewhere is allowed, and the watch tells what is read there."""
    write(tmp_path, {"elsewhere/train/z.yaml": "x: 1\n"})
    (tmp_path / "hostile").mkdir()
    (tmp_path / "hostile/configs").symlink_to("../elsewhere")
    found = watched(tmp_path, {})
    assert "read configs/train/z.yaml" in found or "/configs/train/z.yaml" in found
