"""The command `trainlock`: what each verb prints and with which exit code, as processes of their own."""

from __future__ import annotations

import gc
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from compiler.cli import main

REPOSITORY = Path(__file__).resolve().parent.parent

PYPROJECT = """\
[tool.trainlock]
presets = ["train/**/*.yaml"]
components = ["components/**/*.yaml"]
fusion = ["fusion/variants/**/*.yaml"]
fusion-key = "custom.fusion_config"
"""

FILES = {
    "pyproject.toml": PYPROJECT,
    "configs/base.yaml": (
        "tuner:\n  lora_rank: 32\n  lora_alpha: 64\n"
        "training:\n  lr_kwargs: {min_lr: 1.0e-6}\n  report_to: [tensorboard]\n"
        "custom:\n  augmentation:\n    ops:\n"
        "      - {name: flip, params: {prob: 0.5}}\n      - {name: crop, params: {prob: 0.1}}\n"
    ),
    "configs/components/freeze.yaml": "tuner:\n  lora_rank: 8\n",
    "configs/fusion/base/dense.yaml": (
        "targets:\n  - {name: bbu, dataset: bbu, ratio: 1.0}\n"
        "sources:\n  - {name: lvis, dataset: lvis, train_jsonl: lvis.jsonl, ratio: 0.1}\n"
    ),
    "configs/fusion/variants/mix.yaml": (
        "extends: ../base/dense.yaml\n"
        "targets:\n  - {name: bbu, train_jsonl: bbu.jsonl}\n"
        "sources:\n  - {name: lvis, ratio: 0.2}\n"
    ),
    "configs/train/small.yaml": (
        "extends:\n  - ../base.yaml\n  - ../components/freeze.yaml\n"
        "tuner:\n  lora_rank: 4\n"
        "custom:\n  fusion_config: configs/fusion/variants/mix.yaml\n"
    ),
    "configs/train/masked.yaml": "extends: small.yaml\ntraining: null\ncustom:\n  fusion_config: null\n",
    "configs/train/deep/er.yaml": "extends: ../small.yaml\ntuner:\n  lora_rank: 2\n",
    "configs/attic/old.yaml": "extends: ../base.yaml\n",
}

LOCKS = {
    "build/fusion/variants/mix.lock.yaml",
    "build/train/deep/er.lock.yaml",
    "build/train/masked.lock.yaml",
    "build/train/small.lock.yaml",
}

WHY = """\
tuner.lora_rank: 4
  set at    configs/train/small.yaml:5:3
  overrode  configs/components/freeze.yaml:2:3  8
  overrode  configs/base.yaml:2:3               32
"""


class Said(NamedTuple):
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str


OBEY = """\
import ctypes, os, sys
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.executable, [sys.executable, "-m", "compiler", *sys.argv[1:]])
"""
"""Starts `trainlock` so that even root heeds permission bits."""


def start(folder: Path, *arguments: str, obey: bool = False, **variables: str) -> subprocess.Popen[str]:
    """Start `trainlock` in a folder."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "TRAINLOCK_DEBUG")}
    return subprocess.Popen(
        [sys.executable, *(["-c", OBEY] if obey else ["-m", "compiler"]), *arguments],
        cwd=folder,
        env={**kept, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def run(folder: Path, *arguments: str, obey: bool = False, **variables: str) -> Said:
    """Run `trainlock` in a folder; a traceback, or the confession of a bug, is never an answer."""
    process = start(folder, *arguments, obey=obey, **variables)
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in out + err, out + err
    assert "this is a bug" not in err, err
    return Said(process.returncode, out, err)


Ask = Callable[..., Said]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Ask]:
    """Run `trainlock` in a folder within this process, where only the words count: a tenth of the time."""

    def inside(folder: Path, *arguments: str) -> Said:
        monkeypatch.chdir(folder)
        code = main(arguments)
        out, err = capsys.readouterr()
        assert "this is a bug" not in err, err
        return Said(code, out, err)

    yield inside
    gc.enable()  # the command turns it off, as its process ends soon


def write(root: Path, files: dict[str, str]) -> None:
    """Write files below a folder."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def tree(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Give inode, mtime and bytes of every file, and every folder."""
    found = {}
    for path in sorted(root.rglob("*")):
        about = path.lstat()
        data = path.read_bytes() if path.is_file() else b""
        found[path.relative_to(root).as_posix()] = (about.st_ino, about.st_mtime_ns, data)
    return found


def locks(root: Path) -> set[str]:
    """Give the paths of all locks below a folder."""
    return {path.relative_to(root).as_posix() for path in root.rglob("*.lock.yaml")}


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A repository that was never built."""
    root = tmp_path / "repository"
    write(root, FILES)
    return root


@pytest.fixture(scope="module")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("built")
    write(root, FILES)
    said = run(root, "build")
    assert (said.code, said.err, locks(root)) == (0, "", LOCKS)
    return root


@pytest.fixture
def built(_built: Path, tmp_path: Path) -> Path:
    """A repository whose locks are fresh."""
    root = tmp_path / "repository"
    shutil.copytree(_built, root)
    return root


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
                "task_lock, task_prune, task_check = tasks.creators()\n"
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
    assert (checked.code, checked.out) == (1, "3 fresh, 2 wrong\n")
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
    assert run(built, "check") == Said(0, "4 fresh, 0 wrong\n", "")
    assert tree(built) == before
    shutil.rmtree(built / "build")
    before = tree(built)
    said = run(built, "check")
    assert (said.code, said.out, said.err.count("[lock-missing]")) == (1, "0 fresh, 4 wrong\n", 4)
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
    assert (said.code, said.out) == (1, "0 fresh, 5 wrong\n")
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
    assert ask(built, "check", "train/small") == Said(0, "2 fresh, 0 wrong\n", "")
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
    assert (said.code, said.out) == (1, "4 fresh, 1 wrong\n")
    assert said.err.startswith("configs/components/odd.yaml:2:1: error: ")
    assert "[component-sections]" in said.err


# ------------------------------------------------------------------------------ why


def test_why_tells_a_value_and_what_it_overrode(fresh: Path) -> None:
    """The value, its place, and each value that it overrode, latest first; no build is needed."""
    before = tree(fresh)
    assert run(fresh, "why", "train/small", "tuner.lora_rank") == Said(0, WHY, "")
    assert tree(fresh) == before


def test_why_answers_for_the_shipped_tree() -> None:
    """The README's question has its answer."""
    assert run(REPOSITORY, "why", "train/sft/summary_2048", "tuner.lora_rank") == Said(
        0,
        "tuner.lora_rank: 8\n"
        "  set at    configs/components/tuner/summary_freeze.yaml:5:3\n"
        "  overrode  configs/components/tuner/dora_full.yaml:12:3  32\n",
        "",
    )


@pytest.mark.parametrize(
    "name",
    [
        "train/small",
        "configs/train/small.yaml",
        "./configs/train/small.yaml",
        "build/train/small.lock.yaml",
        "train/small.yaml",
    ],
)
def test_a_preset_is_named_in_any_of_its_ways(ask: Ask, fresh: Path, name: str) -> None:
    """By its name, by its source, by its lock: the same answer, whether it was built or not."""
    assert ask(fresh, "why", name, "tuner.lora_rank").out == WHY


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("configs/train", "small.yaml"),
        ("configs/train/deep", "../small.yaml"),
        ("configs/train", "train/small"),
        ("configs/fusion", "configs/train/small.yaml"),
        ("configs/train", "../../build/train/small.lock.yaml"),
    ],
)
def test_a_preset_is_found_from_a_subdirectory(ask: Ask, fresh: Path, folder: str, name: str) -> None:
    """Paths count from the working directory, then from the repository root; places are told from the root."""
    assert ask(fresh / folder, "why", name, "tuner.lora_rank").out == WHY


@pytest.mark.parametrize(
    ("key", "first", "place"),
    [
        ("custom.augmentation.ops[0].params.prob", ": 0.5", "configs/base.yaml:10:31"),
        ("custom.augmentation.ops[crop].params.prob", ": 0.1", "configs/base.yaml:11:31"),
        ("training.report_to[0]", ": tensorboard", "configs/base.yaml:6:15"),
        ("training.report_to", ": [tensorboard]", "configs/base.yaml:6:3"),
        ("sources[lvis].ratio", ": 0.2", "configs/fusion/variants/mix.yaml:5:18"),
        ("fusion:sources[lvis].ratio", ": 0.2", "configs/fusion/variants/mix.yaml:5:18"),
        ("fusion:targets[0].train_jsonl", ": bbu.jsonl", "configs/fusion/variants/mix.yaml:3:17"),
    ],
)
def test_why_addresses_into_lists_and_into_the_mix(ask: Ask, fresh: Path, key: str, first: str, place: str) -> None:
    """An index, an entry's name, and `fusion:` for the mix that the preset names."""
    said = ask(fresh, "why", "train/small", key)
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0].endswith(first)
    assert lines[1].split()[-1] == place


def test_why_tells_what_an_entry_of_a_mix_overrode(ask: Ask, fresh: Path) -> None:
    """Through the preset or asked for itself, a mix gives the same answer."""
    said = ask(fresh, "why", "train/small", "sources[lvis].ratio")
    assert said.out == (
        "fusion:sources[lvis].ratio: 0.2\n"
        "  set at    configs/fusion/variants/mix.yaml:5:18\n"
        "  overrode  configs/fusion/base/dense.yaml:4:58  0.1\n"
    )
    alone = ask(fresh, "why", "fusion/variants/mix", "sources[lvis].ratio")
    assert alone.out == said.out.removeprefix("fusion:")


def test_why_of_a_mapping_tells_every_leaf(ask: Ask, fresh: Path) -> None:
    """Each value below the key, with its place."""
    said = ask(fresh, "why", "train/small", "tuner")
    assert said.code == 0
    rows = [line.split() for line in said.out.splitlines()]
    assert ["configs/train/small.yaml:5:3", "lora_rank:", "4"] in [row[-3:] for row in rows]
    assert ["configs/base.yaml:3:3", "lora_alpha:", "64"] in [row[-3:] for row in rows]


def test_why_of_the_fusion_key_tells_both_paths(ask: Ask, fresh: Path) -> None:
    """The path as it was authored, and the one that the lock holds."""
    said = ask(fresh, "why", "train/small", "custom.fusion_config")
    assert said.out.startswith("custom.fusion_config: configs/fusion/variants/mix.yaml\n")
    assert "configs/train/small.yaml:7:3" in said.out
    assert "build/fusion/variants/mix.lock.yaml" in said.out


def test_why_of_an_unknown_key_hints_at_the_nearest(ask: Ask, fresh: Path) -> None:
    """Siblings of the mistyped part are the candidates."""
    assert ask(fresh, "why", "train/small", "tuner.lora_rnk") == Said(
        2,
        "",
        "error: `tuner.lora_rnk` is not set in `configs/train/small.yaml` [unknown-key]\n"
        "  hint: did you mean `lora_rank`?\n",
    )


def test_why_of_a_key_that_null_masks_says_who_masks_it(ask: Ask, fresh: Path) -> None:
    """Null is a value: a key below it is not set, and the place that masks it and what it held are named."""
    assert ask(fresh, "why", "train/masked", "training.lr_kwargs.min_lr") == Said(
        2,
        "",
        "error: `training.lr_kwargs.min_lr` is not set in `configs/train/masked.yaml` [unknown-key]\n"
        "  note: configs/train/masked.yaml:2:1 sets `training` to `null`\n"
        "  note: configs/base.yaml:5:15 held `1.0e-06`\n",
    )
    said = ask(fresh, "why", "train/masked", "training")
    assert said.out.startswith("training: null\n")
    assert "configs/train/masked.yaml:2:1" in said.out
    assert "configs/base.yaml:4:1" in said.out


def test_why_prints_json(fresh: Path) -> None:
    """Values keep their types, places their three parts."""
    said = run(fresh, "why", "train/small", "tuner.lora_rank", "--json")
    place = {"file": "configs/train/small.yaml", "line": 5, "column": 3}
    assert json.loads(said.out) == {
        "schema_version": 1,
        "preset": "train/small",
        "document": "configs/train/small.yaml",
        "key": "tuner.lora_rank",
        "value": 4,
        "origin": place,
        "overrode": [
            {
                "key": "tuner.lora_rank",
                "value": 8,
                "origin": {**place, "file": "configs/components/freeze.yaml", "line": 2},
            },
            {"key": "tuner.lora_rank", "value": 32, "origin": {**place, "file": "configs/base.yaml", "line": 2}},
        ],
        "lock_value": None,
    }


def test_why_of_a_preset_that_does_not_compile_says_what_is_wrong(fresh: Path) -> None:
    """A finding, not a usage error."""
    write(fresh, {"configs/train/small.yaml": "extends: [nothing.yaml]\n"})
    said = run(fresh, "why", "train/small", "tuner")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("configs/train/small.yaml:1:11: error: base `nothing.yaml` does not exist")


HOOKED = """\
import sys
opened = []
sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == "open" else None)
from compiler.cli import main
code = main(sys.argv[1:])
seen = sorted({name.split("/configs/")[-1] for name in opened if "/configs/" in name})
print(code, *seen, sep="\\n", file=sys.stderr)
print(*sorted({name.split(".")[0] for name in sys.modules} & {"doit", "deepdiff", "hypothesis"}), file=sys.stderr)
"""


def test_why_reads_only_what_the_preset_reaches(fresh: Path) -> None:
    """Each file of its closure, the mix included, is opened once; no other source is, and neither doit nor deepdiff."""
    write(fresh, {f"configs/train/other{index}.yaml": "extends: ../attic/old.yaml\n" for index in range(9)})
    done = subprocess.run(
        [sys.executable, "-c", HOOKED, "why", "train/small", "tuner.lora_rank"],
        cwd=fresh,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == WHY
    assert done.stderr.splitlines() == [
        "0",
        "base.yaml",
        "components/freeze.yaml",
        "fusion/base/dense.yaml",
        "fusion/variants/mix.yaml",
        "train/small.yaml",
        "",
    ]


def test_importing_the_command_imports_neither_doit_nor_deepdiff() -> None:
    """What takes long to import is left to those who need it."""
    code = "import sys, compiler.cli; print(sorted({'doit', 'deepdiff'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


# ------------------------------------------------------------------------------ list


def test_list_shows_how_each_lock_stands(ask: Ask, built: Path) -> None:
    """One line a preset and a mix: name, state, digest, fragments, mix; broken ones too; nothing is written."""
    (built / "build/train/masked.lock.yaml").unlink()
    write(built, {"configs/train/deep/er.yaml": "a: [\n"})
    before = tree(built)
    said = ask(built, "list")
    assert (said.code, said.err) == (0, "")
    rows = [line.split() for line in said.out.splitlines()]
    assert rows[0] == ["NAME", "LOCK", "DIGEST", "FRAGMENTS", "FUSION"]
    assert [row[:2] for row in rows[1:]] == [
        ["fusion/variants/mix", "fresh"],
        ["train/deep/er", "invalid"],
        ["train/masked", "missing"],
        ["train/small", "fresh"],
    ]
    assert rows[4][3:] == ["5", "fusion/variants/mix"]
    assert all(line == line.rstrip() for line in said.out.splitlines())
    assert tree(built) == before


def test_list_prints_json(ask: Ask, built: Path) -> None:
    """The same rows with whole digests, equal to those in the locks' headers."""
    data = json.loads(ask(built, "list", "--json").out)
    assert data["schema_version"] == 1
    rows: dict[str, Any] = {row["name"]: row for row in data["presets"]}
    assert set(rows) == {path.removeprefix("build/").removesuffix(".lock.yaml") for path in LOCKS}
    for name, row in rows.items():
        assert row["state"] == "fresh"
        assert f"\n# digest: {row['digest']}\n" in (built / f"build/{name}.lock.yaml").read_text()


# ------------------------------------------------------------------------------ a foreign tree

FOREIGN = {
    "cfg/base.yml": "model: {type: base}\nmix: cfg/mixes/x.yaml\nschedule: [1, 2]\n",
    "cfg/common/opt.yaml": "optimizer: {lr: 0.1}\nruntime: {seed: 1}\n",
    "cfg/runs/a/first.yml": (
        "_BASE_: [../../base.yml, ../../common/opt.yaml]\nextends: plain data\ninherit: [1]\nmodel: {depth: 50}\n"
        "custom: {fusion_config: nowhere/mix.yaml}\n"
    ),
    "cfg/runs/second.yaml": "_BASE_: a/first.yml\nmodel: {depth: 101}\n",
    "cfg/notes.txt": "not yaml\n",
}


def test_a_foreign_tree_compiles_by_options_alone(tmp_path: Path) -> None:
    """No `pyproject.toml`: another key for bases, both suffixes, locks at the same relative path, no rule of ours."""
    write(tmp_path / "theirs", FOREIGN)
    (tmp_path / "ours").mkdir()
    before = tree(tmp_path / "theirs")
    arguments = ["--root", "../theirs", "--configs", "cfg", "--build", str(tmp_path / "out"), "--extends-key", "_BASE_"]
    said = run(tmp_path / "ours", "build", *arguments, "--presets", "runs/**/*.yml", "--presets", "runs/*.yaml")
    assert (said.code, said.err) == (0, "")
    assert locks(tmp_path / "out") == {"runs/a/first.lock.yaml", "runs/second.lock.yaml"}
    assert tree(tmp_path / "theirs") == before
    text = (tmp_path / "out/runs/second.lock.yaml").read_text()
    values = [line.split("#")[0].rstrip() for line in text.splitlines() if line and not line.startswith("#")]
    assert values == [
        "model:",
        "  type: base",
        "  depth: 101",
        "mix: cfg/mixes/x.yaml",
        "schedule: [1, 2]",
        "optimizer:",
        "  lr: 0.1",
        "runtime:",
        "  seed: 1",
        'extends: "plain data"',
        "inherit: [1]",
        "custom:",
        "  fusion_config: nowhere/mix.yaml",
    ]


def test_a_foreign_tree_can_be_asked(ask: Ask, tmp_path: Path) -> None:
    """`why`, `list` and `check` take the same options."""
    write(tmp_path, FOREIGN)
    arguments = ["--configs", "cfg", "--build", "out", "--extends-key", "_BASE_", "--presets", "runs/**"]
    said = ask(tmp_path, "why", "runs/second", "model.depth", *arguments)
    assert (
        said.out == "model.depth: 101\n  set at    cfg/runs/second.yaml:2:9\n  overrode  cfg/runs/a/first.yml:4:9  50\n"
    )
    assert ask(tmp_path, "check", *arguments).code == 1
    assert ask(tmp_path, "build", *arguments).code == 0
    assert ask(tmp_path, "check", *arguments) == Said(0, "2 fresh, 0 wrong\n", "")
    names = [line.split()[0] for line in ask(tmp_path, "list", *arguments).out.splitlines()]
    assert names == ["NAME", "runs/a/first", "runs/second"]


def test_options_bring_the_rules_of_components_and_mixes(ask: Ask, tmp_path: Path) -> None:
    """With `--components` and `--fusion-key` the foreign tree is held to them."""
    mix = "targets:\n  - {dataset: d, train_jsonl: d.jsonl}\n"
    write(tmp_path, {**FOREIGN, "cfg/mixes/x.json": '{"targets": [{"dataset": "d", "train_jsonl": "d.jsonl"}]}'})
    write(tmp_path, {"cfg/mixes/x.yaml": mix, "cfg/mixes/y.yml": mix})
    common = ["--configs", "cfg", "--build", "out", "--extends-key", "_BASE_", "--presets", "runs/**"]
    said = ask(tmp_path, "build", *common, "--components", "common/*.yaml")
    assert said.code == 1
    assert said.err.startswith("cfg/common/opt.yaml:2:1: error: ")
    assert said.err.count("[component-sections]") == 1
    assert ask(tmp_path, "build", *common, "--fusion-key", "mix", "--fusion", "mixes/y.yml").code == 0
    assert locks(tmp_path / "out") == {
        "mixes/x.lock.yaml",
        "mixes/y.lock.yaml",
        "runs/a/first.lock.yaml",
        "runs/second.lock.yaml",
    }
    assert "mix: out/mixes/x.lock.yaml " in (tmp_path / "out/runs/second.lock.yaml").read_text()


# ------------------------------------------------------------------------------ what a person can get wrong


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["frobnicate"], "`frobnicate` is no command [bad-usage]"),
        (["biuld"], "`biuld` is no command [bad-usage]\n  hint: did you mean `build`?"),
        ([], "[bad-usage]"),
        (["build", "--frobnicate"], "unrecognized arguments: --frobnicate [bad-usage]"),
        (["build", "--wait", "soon"], "[bad-usage]"),
        (["build", "--wait", "nan"], "[bad-usage]"),
        (["why", "train/small"], "KEY [bad-usage]"),
        (["why", "train/small", "[["], "[unknown-key]"),
        (["why", "train/small", ""], "[unknown-key]"),
        (["build", "train/smal"], "there is no preset `train/smal` [unknown-preset]"),
        (["build", "train/smal"], "  hint: did you mean `train/small`?"),
        (["build", ""], "[unknown-preset]"),
        (["check", "train/small", "nope"], "there is no preset `nope` [unknown-preset]"),
        (["list", "--root", "/no/such/folder"], "there is no folder `/no/such/folder` [bad-usage]"),
        (["list", "--root", "pyproject.toml"], "there is no folder `pyproject.toml` [bad-usage]"),
        (["list", "--configs", "nope"], "there is no folder `nope` [bad-usage]"),
        (["list", "--build", ""], "`--build` takes the path of a folder [bad-settings]"),
        (["list", "--presets", "../x"], "`--presets` takes globs below the config root, and `../x` is none"),
        (["list", "--presets", "/x"], "`--presets` takes globs below the config root, and `/x` is none"),
        (["list", "--presets", "[z-a].yaml"], "[no-presets]"),
        (["list", "--fusion-key", "[["], "`--fusion-key` takes the path of a key"),
        (["list", "--extends-key", ""], "`--extends-key` takes"),
        (["list", "--presets", "none/*", "--fusion", "none/*"], "no file below `configs` is a preset [no-presets]"),
    ],
)
def test_a_usage_error_is_one_message_and_exit_2(ask: Ask, fresh: Path, arguments: list[str], says: str) -> None:
    """What was wrong, on stderr, without a traceback; nothing is printed and nothing is written."""
    before = tree(fresh)
    said = ask(fresh, *arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: ")
    assert says in said.err
    assert tree(fresh) == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[tool.trainlock]\npresetz = []\n", "pyproject.toml:2:1: error: `tool.trainlock.presetz` is no setting"),
        ("[tool.trainlock]\nconfigs = \n", "pyproject.toml:2:11: error: this is not TOML"),
        ("[tool]\ntrainlock = 3\n", "pyproject.toml: error: `tool.trainlock` is not a table"),
        ("\udcff", "pyproject.toml: error: `pyproject.toml` cannot be read"),
    ],
)
def test_settings_that_cannot_be_read_are_one_message(ask: Ask, fresh: Path, text: str, says: str) -> None:
    """The place in `pyproject.toml` comes first."""
    (fresh / "pyproject.toml").write_bytes(text.encode(errors="surrogateescape"))
    said = ask(fresh, "list", "--root", ".")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(says), said.err
    assert said.err.count("[bad-settings]") == 1


def test_help_and_version_go_to_stdout() -> None:
    """They are answers, and name every verb that there is."""
    said = run(REPOSITORY, "--help")
    assert (said.code, said.err) == (0, "")
    assert set(re.findall(r"^    (\w+) ", said.out, re.MULTILINE)) == {"build", "check", "why", "list"}
    version = run(REPOSITORY, "--version")
    assert (version.code, version.out) == (0, "trainlock 0.1.0\n")


# ------------------------------------------------------------------------------ pipes, folders, other builds


@pytest.mark.parametrize(
    "arguments", [["list"], ["build"], ["check"], ["why", "train/small", "tuner"], ["list", "--json"]]
)
def test_a_closed_pipe_is_quiet(fresh: Path, arguments: list[str]) -> None:
    """`trainlock ... | head -0` prints no traceback, and a build does its work."""
    process = start(fresh, *arguments)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=30)
    assert "Traceback" not in err, err
    assert "bug" not in err, err
    assert "BrokenPipe" not in err, err
    if arguments == ["build"]:
        assert locks(fresh) == LOCKS


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">/dev/full", ">&- 2>&-"])
def test_an_output_that_takes_nothing_is_no_bug(fresh: Path, redirection: str) -> None:
    """With an output closed from the start, or on a full disk, the locks are written and nothing crashes."""
    shell = f'exec "{sys.executable}" -m compiler build {redirection}'
    done = subprocess.run(["/bin/sh", "-c", shell], cwd=fresh, capture_output=True, text=True, timeout=30)
    assert locks(fresh) == LOCKS
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr, done.stderr
    assert done.returncode != 3


@pytest.fixture
def read_only(built: Path) -> Iterator[Path]:
    """A built repository whose build folder takes no writes."""
    folders = [built / "build", *(path for path in (built / "build").rglob("*") if path.is_dir())]
    files = [path for path in (built / "build").rglob("*") if path.is_file()]
    for path in files:
        path.chmod(0o444)
    for folder in folders:
        folder.chmod(0o555)
    yield built
    for folder in folders:
        folder.chmod(0o755)


def test_a_read_only_build_folder_with_nothing_to_do_is_fine(read_only: Path) -> None:
    """Nothing has to be written, so nothing fails."""
    before = tree(read_only)
    said = run(read_only, "build", obey=True)
    assert said == Said(0, "0 built, 4 unchanged, 0 removed, 0 failed\n", "")
    assert run(read_only, "check", obey=True).code == 0
    assert tree(read_only) == before


def test_a_read_only_build_folder_with_something_to_do_says_what_failed(read_only: Path) -> None:
    """Each lock that cannot be written is named with the reason; the old one stays."""
    write(read_only, {"configs/train/deep/er.yaml": "extends: ../small.yaml\nseed: 1\n"})
    before = tree(read_only / "build")
    said = run(read_only, "build", obey=True)
    assert (said.code, said.out) == (1, "0 built, 3 unchanged, 0 removed, 1 failed\n")
    assert said.err == (
        "build/train/deep/er.lock.yaml: error: `build/train/deep/er.lock.yaml` cannot be written [write-failed]\n"
        "  why: permission denied\n"
        "  hint: what was there before is unchanged\n"
    )
    assert tree(read_only / "build") == before


def test_a_source_that_cannot_be_read_fails_its_presets_alone(built: Path) -> None:
    """The reason that the system gives is told."""
    (built / "configs/components/freeze.yaml").chmod(0)
    said = run(built, "build", obey=True)
    assert (said.code, said.out) == (1, "0 built, 1 unchanged, 0 removed, 3 failed\n")
    assert said.err.startswith("configs/components/freeze.yaml: error: `configs/components/freeze.yaml` cannot be read")
    assert said.err.count("error:") == 1


HOLDER = """\
import sys
from compiler import settings
from compiler.catalog import Layout
from compiler.store import BuildLock
with BuildLock(Layout(".", settings.load("."))):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(built: Path) -> Iterator[subprocess.Popen[str]]:
    """The build lock of the repository, held by another process."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER], cwd=built, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    if process.poll() is None:
        process.communicate(timeout=20)


def test_a_build_waits_for_another_and_reads_anew(built: Path, holder: subprocess.Popen[str]) -> None:
    """It says for whom it waits, and what it writes are the sources as they are when it begins."""
    process = start(built, "build")
    assert process.stderr is not None
    assert process.stderr.readline() == f"trainlock: waiting for another build (process {holder.pid})\n"
    write(built, {"configs/train/deep/er.yaml": "extends: ../small.yaml\nseed: 17\n"})
    holder.communicate(timeout=20)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert out == "built   build/train/deep/er.lock.yaml\n1 built, 3 unchanged, 0 removed, 0 failed\n"
    assert "seed: 17 " in (built / "build/train/deep/er.lock.yaml").read_text()


def test_a_build_that_waits_in_vain_exits_75(built: Path, holder: subprocess.Popen[str]) -> None:
    """It names who is at work, and writes nothing."""
    (built / "build/train/small.lock.yaml").unlink()
    before = tree(built)
    said = run(built, "build", "--wait", "0.1")
    assert (said.code, said.out) == (75, "")
    assert f"another build is at work (process {holder.pid}) [build-locked]" in said.err
    assert tree(built) == before


def test_questions_do_not_wait(built: Path, holder: subprocess.Popen[str]) -> None:
    """`check` and `why` answer while a build is at work."""
    assert run(built, "check").code == 0
    assert run(built, "why", "train/small", "tuner.lora_rank").out == WHY
    assert holder.poll() is None


def test_an_interrupt_exits_130_without_a_traceback(built: Path, holder: subprocess.Popen[str]) -> None:
    """Ctrl-C ends a build that waits, and nothing more is said."""
    process = start(built, "build")
    assert process.stderr is not None
    assert process.stderr.readline() == f"trainlock: waiting for another build (process {holder.pid})\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")


def test_messages_hold_no_colour(fresh: Path) -> None:
    """What is printed is plain text, whatever the environment asks for."""
    write(fresh, {"configs/train/small.yaml": "a: [\n"})
    said = run(fresh, "build", FORCE_COLOR="1", CLICOLOR_FORCE="1")
    assert said.code == 1
    assert "\x1b" not in said.out + said.err
