"""recording: what a team's own loader resolves becomes a legacy side, all of it or nothing."""

from __future__ import annotations

import datetime
import enum
import json
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import cli_runs
import proven
import provings
from builders import layout, look, problems_of, write
from cli_runs import Ask, tree
from compiler import legacy
from compiler.mapping import DEFAULT, read_mapping
from compiler.pipeline import build
from compiler.recording import record, record_all
from compiler.tree import Disk
from compiler.values import canonical, node_of

ask = cli_runs.ask

A, B = "configs/train/a.yaml", "configs/train/b: odd #.yaml"
FILES = {
    "configs/base.yaml": "tuner: {rank: 32}\n",
    A: "extends: ../base.yaml\nseed: 17\n",
    B: "extends: ../base.yaml\ntuner: {rank: 8}\n",
}
PYPROJECT = '[tool.trainlock]\npresets = ["train/*.yaml"]\n'


def resolved(path: str) -> Any:
    """Load a preset of these tests: its own keys over those of its base, nothing deeper."""
    own = yaml.safe_load(Path(path).read_bytes())
    base = own.pop("extends", None)
    return {**(yaml.safe_load((Path(path).parent / base).read_bytes()) if base else {}), **own}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two presets, in which a script is run."""
    write(tmp_path, {**FILES, "pyproject.toml": PYPROJECT})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def values(root: Path) -> Any:
    """Give what was recorded of preset A."""
    return json.loads((root / f"legacy/records/{A.removesuffix('.yaml')}.json").read_text())["values"]


# ---------------------------------------------------------------------------------------------- what is written


def test_a_legacy_side_is_written_that_proves_the_locks(
    ask: Ask, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Records, the tree that they come from, and a mapping of each preset to itself, whatever its name."""
    assert record(resolved) == 0
    assert capsys.readouterr() == (
        "recorded 2 presets below legacy: `trainlock prove` holds the locks against them\n",
        "",
    )
    records = legacy.load(str(repository), ())
    assert ({*records.presets}, records.mixes, records.refused) == ({A, B}, {}, {})
    for path, text in FILES.items():
        assert (repository / "legacy" / path).read_text() == text
    assert {old: new for old, (new, _) in read_mapping(Disk(str(repository)), DEFAULT).presets.items()} == {A: A, B: B}
    assert ask(repository, "build").code == 0
    said = ask(repository, "prove")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("EQUIVALENT against legacy: 2 equivalent; 3 leaves; ")


def test_the_loader_is_called_as_the_trainer_calls_it(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a preset, with its path from the working folder; nothing of ours resolves anything."""
    called: list[str] = []

    def load(path: str) -> Any:
        called.append(path)
        return {"made": path}

    assert record(load) == 0
    assert called == [A, B]
    assert values(repository) == {"made": A}
    (repository / "scripts").mkdir()
    monkeypatch.chdir(repository / "scripts")
    called.clear()
    assert record(load) == 0
    assert called == [f"../{A}", f"../{B}"]


def test_recording_again_writes_the_same(repository: Path) -> None:
    """A mapping that somebody wrote stays; what the loader says now is what is recorded."""
    assert record(resolved) == 0
    write(repository, {DEFAULT: f"presets: {{{A}: {A}}}\n"})
    before = tree(repository)
    assert record(resolved) == 0
    assert tree(repository) == before
    assert record(lambda _: {"other": 1}) == 0
    assert values(repository) == {"other": 1}


def test_a_mix_is_recorded_with_the_presets_that_name_it(tmp_path: Path) -> None:
    """By its own loader; the proof then compares the mix, too."""
    root = proven.make(tmp_path / "made")
    proven.build(root)
    where = layout(root, presets=("train/**/*.yaml",), fusion_key=("custom", "fusion_config"), fusion=())
    for path in sorted((root / "legacy").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()

    def load(path: str) -> Any:
        return {"custom": {"fusion_config": proven.MIX if path.endswith("dense.yaml") else None}}

    assert record_all(where, load, lambda path: {"targets": [], "from": path}) == (3, 1)
    records = legacy.load(str(root), ("custom", "fusion_config"))
    assert records.refused == {}
    assert {source: held.kind for source, held in records.mixes.items()} == {proven.MIX: "mix"}


@pytest.mark.parametrize("folder", ["conf", "a/conf/exp"])
def test_the_config_root_may_have_any_name(tmp_path: Path, folder: str) -> None:
    """Its copy has the same; a byte that is changed there makes the records stale, and the message names it."""
    files = {path.replace("configs/", f"{folder}/"): text for path, text in FILES.items()}
    write(tmp_path, files)
    where = layout(tmp_path, configs=folder, presets=("train/*.yaml",), fusion_key=None, fusion=())
    record_all(where, lambda _: {"x": 1}, resolved)
    assert len(legacy.load(str(tmp_path), ()).presets) == 2
    write(tmp_path, {f"legacy/{folder}/base.yaml": "edited: 1\n"})
    refused = legacy.load(str(tmp_path), ()).refused
    top = folder.split("/", maxsplit=1)[0]
    assert {problem.message for problem in refused.values()} == {
        f"`legacy/{top}` is not the tree from which 2 records were made"
    }


def test_places_of_the_legacy_side_are_found_by_the_key_that_names_bases(tmp_path: Path) -> None:
    """In a tree that spells it `_BASE_`, a difference is told with the line of the base that held it."""
    files = {"conf/base.yml": "tuner: {rank: 32}\n", "conf/runs/a.yml": "_BASE_: [../base.yml]\n"}
    write(tmp_path, files)
    given: dict[str, Any] = {"configs": "conf", "presets": ("runs/*.yml",), "fusion": (), "fusion_key": None}
    given["extends_keys"] = ("_BASE_",)
    record_all(layout(tmp_path, **given), lambda _: {"tuner": {"rank": 32}}, resolved)
    write(tmp_path, {"conf/base.yml": "seed: 1\ntuner: {rank: 8}\n"})
    build(look(tmp_path, **given))
    proof = provings.prove(tmp_path, preset="conf/runs/a.yml", given=given)
    assert provings.changes(proof) == [
        "tuner.rank changed: 32 at legacy/conf/base.yml:1:9 to 8 at conf/base.yml:2:9, see conf/base.yml:2",
        "seed added: - at - to 1 at conf/base.yml:1:1, see conf/base.yml:1",
    ]


def test_a_record_that_is_damaged_is_told_whatever_the_suffix_of_its_source(tmp_path: Path) -> None:
    """Its preset is unproven for that reason, and not for want of a record."""
    write(tmp_path, {"conf/a.yml": "x: 1\n"})
    record_all(layout(tmp_path, configs="conf", presets=("*.yml",), fusion_key=None), resolved, resolved)
    write(tmp_path, {"legacy/records/conf/a.json": "{"})
    refused = legacy.load(str(tmp_path), ()).refused
    assert {source: problem.code for source, problem in refused.items()} == {"conf/a.yml": "bad-record"}


class Colour(enum.IntEnum):
    """A number that is more than one."""

    RED = 3


class Name(str):
    """A text that remembers how it was quoted."""

    __slots__ = ()


def test_what_a_loader_calls_a_mapping_a_list_or_a_scalar_is_one(repository: Path) -> None:
    """Subclasses and tuples, as loaders return them, are recorded as what they are in YAML."""
    held: dict[str, Any] = OrderedDict(a=(1, 2), b=Name("x"), c=Colour.RED, d=None, e=True, f=1.0, g={})
    assert record(lambda _: held) == 0
    assert values(repository) == {"a": [1, 2], "b": "x", "c": 3, "d": None, "e": True, "f": 1.0, "g": {}}


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), plain_values, max_size=4))
def test_plain_values_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, held: dict[str, Any]) -> None:
    """By their canonical bytes, as a proof compares them."""
    root = write(tmp_path_factory.mktemp("r"), {A: "x: 1\n"})
    record_all(layout(root, fusion_key=None), lambda _: held, resolved)
    records = legacy.load(str(root), ())
    assert records.refused == {}
    assert canonical(records.presets[A].values) == canonical(node_of(held))


# ---------------------------------------------------------------------------------------------- what is refused


def fails(_path: str) -> Any:
    """Load nothing, as a loader that was called wrongly."""
    raise KeyError("work_dir")


@pytest.mark.parametrize(
    ("load", "says"),
    [
        (fails, "the loader fails on `configs/train/a.yaml`"),
        (lambda _: None, "what the loader gives for `configs/train/a.yaml` is a `NoneType`, and no mapping"),
        (lambda _: {"a": {"b": [object()]}}, "`a.b[0]` of `configs/train/a.yaml` is a `object`"),
        (lambda _: {"a": float("nan")}, "`a` of `configs/train/a.yaml` is a number that JSON does not know"),
        (lambda _: {"a": 10**5000}, "`a` of `configs/train/a.yaml` is a number that JSON does not know"),
        (lambda _: {"a": {1: 2}}, "`a` of `configs/train/a.yaml` holds the key `1`, which is no text"),
        (lambda _: {"a": datetime.date(2026, 1, 1)}, "`a` of `configs/train/a.yaml` is a `date`"),
    ],
)
def test_what_no_record_can_hold_is_told_and_nothing_is_written(
    repository: Path, capsys: pytest.CaptureFixture[str], load: Callable[[str], Any], says: str
) -> None:
    """Of every preset, with its key; a loader that fails is told in its own words."""
    before = tree(repository)
    assert record(lambda path: load(path) if path == A else resolved(path)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"configs/train/a.yaml: error: {says} [not-recorded]\n")
    assert ("why: KeyError: 'work_dir'\n  hint: `TRAINLOCK_DEBUG=1` shows where" in err) == (load is fails)
    assert tree(repository) == before
    assert record(load) == 1
    assert capsys.readouterr().err.count("[not-recorded]") == 2


def test_a_value_without_an_end_is_told(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A loader may link a value to itself."""
    held: dict[str, Any] = {}
    held["self"] = held
    assert record(lambda _: held) == 1
    assert "`self` of `configs/train/a.yaml` nests more than 100 levels deep" in capsys.readouterr().err


def test_an_error_of_the_loader_can_be_looked_at(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its traceback, as every error of ours."""
    monkeypatch.setenv("TRAINLOCK_DEBUG", "1")
    with pytest.raises(KeyError, match="work_dir"):
        record(fails)


def test_a_tree_that_was_edited_is_not_recorded_over_the_frozen_one(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is to be proven would become its own evidence."""
    assert record(resolved) == 0
    write(repository, {"configs/base.yaml": "tuner: {rank: 16}\n"})
    before = tree(repository)
    capsys.readouterr()
    assert record(resolved) == 2
    assert capsys.readouterr().err == (
        "error: `legacy/configs` is another tree than `configs` [bad-usage]\n"
        "  why: a legacy side is recorded once, before the first edit; after that it is frozen\n"
        "  hint: delete `legacy` to begin anew with the configs as they are now\n"
    )
    assert tree(repository) == before


@pytest.mark.parametrize("root", [".", "../elsewhere"])
def test_a_config_root_without_a_place_for_its_copy_is_refused(tmp_path: Path, root: str) -> None:
    """A copy of the repository within itself would hold itself."""
    write(tmp_path / "elsewhere", {"x.yaml": "a: 1\n"})
    write(tmp_path / "here", {"x.yaml": "a: 1\n"})
    where = layout(tmp_path / "here", configs=root, presets=("*.yaml",))
    [problem] = problems_of(lambda: record_all(where, resolved, resolved))
    assert (problem.code, problem.message) == ("bad-usage", f"the config root `{root}` cannot be recorded")


def test_a_mix_outside_the_config_root_is_told(tmp_path: Path) -> None:
    """Its record would lie outside of `legacy`, too."""
    write(tmp_path / "here", {A: "x: 1\n"})
    where = layout(tmp_path / "here", fusion_key=("mix",))
    [problem] = problems_of(lambda: record_all(where, lambda _: {"mix": "../../evil.yaml"}, resolved))
    assert problem.message.endswith("names the fusion config `../../evil.yaml`, which lies outside the config root")
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_a_tree_without_presets_is_told(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A record of nothing is no record."""
    write(repository, {"pyproject.toml": "[tool.trainlock]\npresets = ['none/*']\n"})
    assert record(resolved) == 2
    assert "[no-presets]" in capsys.readouterr().err
    assert not (repository / "legacy").exists()
