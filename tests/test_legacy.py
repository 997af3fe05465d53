"""legacy: records are read as plain data, and what does not fit its tree or the figures is refused."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from builders import REPOSITORY, write
from compiler import legacy
from compiler.legacy import Records, load, mix_named_by, tree_digest
from compiler.problems import Problem
from compiler.values import canonical, digest, digest_document, node_of, plain
from worlds_proving import FIGURES, OLD, WITH_MIXES, figures, record, record_path, recorded, tree_of

KEY: Final = ("custom", "fusion_config")
RECORD: Final = record_path(OLD)
SOURCE: Final = "configs/old.yaml"
SIMPLE: Final = recorded({OLD: "x: 1\n"})

_spec = importlib.util.spec_from_file_location("record_legacy", REPOSITORY / "scripts/record_legacy.py")
assert _spec is not None
assert _spec.loader is not None
record_legacy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(record_legacy)


def loaded(root: Path, files: dict[str, Any] | Any = SIMPLE) -> Records:
    """Write a repository, and read its records."""
    return load(str(write(root, files)), ("fusion",))


def refused(root: Path, files: Any) -> dict[str, tuple[str, str]]:
    """Give what is refused, by its source: the code, and why."""
    return {source: (problem.code, problem.why) for source, problem in loaded(root, files).refused.items()}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Give a copy of the legacy side that ships."""
    shutil.copytree(REPOSITORY / "legacy", tmp_path / "legacy")
    return tmp_path


# ---------------------------------------------------------------------------------------------- what ships


def test_every_record_that_ships_is_read_and_none_is_refused() -> None:
    """Twelve presets and seven mixes, each with its values, under its source."""
    records = load(str(REPOSITORY), KEY)
    assert (len(records.presets), len(records.mixes), records.refused) == (12, 7, {})
    for source, held in {**records.presets, **records.mixes}.items():
        data = json.loads((REPOSITORY / held.path).read_text())
        assert (held.source, data["source"], data["kind"]) == (source, source, held.kind)
        assert canonical(held.values) == canonical(node_of(data["values"]))
        assert held.path == record_path(f"legacy/{source}")
    named = {mix_named_by(held, KEY) for held in records.presets.values()} - {None}
    assert named <= set(records.mixes)
    assert len(named) == 6


def test_the_files_that_a_proof_stands_on_are_listed() -> None:
    """Records, the tree that they came from, and its figures: a change of any of them proves anew."""
    listed = legacy.files(str(REPOSITORY))
    assert len(listed) == len(set(listed))
    every = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "legacy").rglob("*") if path.is_file()}
    assert set(listed) == every - {"legacy/mapping.yaml"}
    assert legacy.files(str(REPOSITORY / "docs")) == []


def test_it_shares_nothing_with_the_way_in_which_locks_are_made() -> None:
    """The records are read without the reader, the merge rules and whatever composes."""
    text = (REPOSITORY / "compiler/legacy.py").read_text()
    imported = {
        alias.name if node.module == "compiler" else str(node.module)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if str(node.module).startswith("compiler")
    }
    assert imported == {"compiler.problems", "compiler.values"}
    assert "import compiler" not in text


def test_the_digest_of_a_tree_is_that_of_the_script_which_records_it(copy: Path) -> None:
    """Two writings of one figure: names in many alphabets, hidden files, folders within folders, links."""
    folder = copy / "legacy"
    assert tree_digest(str(folder)) == record_legacy.tree_digest(folder)
    write(folder / "configs", {"é/北京.yaml": "x", ".hidden": "", "B.yaml": "1", "a.yaml": "2", "a/b.yaml": "3"})
    (folder / "configs/link.yaml").symlink_to("a.yaml")
    (folder / "configs/broken.yaml").symlink_to("nowhere")
    (folder / "configs/folder").symlink_to("a")
    os.mkfifo(folder / "configs/pipe")
    assert tree_digest(str(folder)) == record_legacy.tree_digest(folder)
    assert tree_digest(str(copy / "none")) == record_legacy.tree_digest(copy / "none")
    files = {"legacy/configs/a.yaml": "1", "legacy/configs/b/c.yaml": "2"}
    assert tree_digest(str(write(copy / "other", files) / "legacy")) == tree_of(files)


def test_a_repository_without_a_legacy_side_has_no_records(tmp_path: Path) -> None:
    """Nothing is read, and nothing is wrong with it."""
    assert load(str(tmp_path), KEY) == Records({}, {}, {})


# ---------------------------------------------------------------------------------------------- stale


def append(path: str) -> Callable[[Path], object]:
    """Add a byte to a file."""
    return lambda root: (root / path).write_bytes((root / path).read_bytes() + b"\n")


@pytest.mark.parametrize(
    "edit",
    [
        append("legacy/configs/base.yaml"),
        append("legacy/configs/dataset_mix/stage_b_distill.yaml"),
        lambda root: (root / "legacy/configs/new.yaml").write_text(""),
        lambda root: (root / "legacy/configs/.note").write_text("x"),
        lambda root: (root / "legacy/configs/debug.yaml").rename(root / "legacy/configs/debug2.yaml"),
    ],
    ids=["a byte", "a byte of a mix", "a file", "a hidden file", "a name"],
)
def test_records_of_another_tree_are_refused_and_told_once(copy: Path, edit: Callable[[Path], object]) -> None:
    """One byte of any file, or a file more, and no record holds; it is one edit, and one problem."""
    edit(copy)
    records = load(str(copy), KEY)
    assert (records.presets, records.mixes) == ({}, {})
    assert len(records.refused) == 19
    stale = {problem for problem in records.refused.values() if problem.code == "stale-record"}
    assert len(stale) == 1
    assert said(stale.pop())[0].startswith("`legacy/configs` is not the tree from which ")


def said(problem: Problem) -> tuple[str, str]:
    """Give what a problem says and why."""
    return problem.message, problem.why


def test_a_record_of_another_tree_alone_is_refused_alone(tmp_path: Path) -> None:
    """The others still hold; the message counts."""
    two = recorded({OLD: "x: 1\n", "legacy/configs/b.yaml": "x: 2\n"})
    records = loaded(tmp_path, {**two, RECORD: record(OLD, {"x": 1}, "sha256:0")})
    assert set(records.presets) == {"configs/b.yaml"}
    problem = records.refused[SOURCE]
    assert problem.message == "`legacy/configs` is not the tree from which 1 record was made"
    assert problem.why.startswith(f"its digest is `{tree_of(two)[:19]}`")


def test_a_record_of_a_file_that_is_gone_is_told_by_itself(tmp_path: Path) -> None:
    """The script that makes records anew never deletes one."""
    gone = record_path("legacy/configs/gone.yaml")
    records = loaded(tmp_path, {**SIMPLE, gone: record("legacy/configs/gone.yaml", {"x": 1}, "sha256:0")})
    assert set(records.presets) == {SOURCE}
    problem = records.refused["configs/gone.yaml"]
    assert problem.message == f"the record `{gone}` is of a file that is gone"
    assert said(problem)[1] == "there is no `legacy/configs/gone.yaml`"
    assert problem.hint == "delete it"


def test_a_tree_that_cannot_be_read_proves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No record holds then, and the reason is told."""
    root = write(tmp_path, SIMPLE)

    def denied(*_: str) -> str:
        raise PermissionError(13, "Permission denied", OLD)

    monkeypatch.setattr(legacy, "tree_digest", denied)
    records = load(str(root), KEY)
    assert records.presets == {}
    assert said(records.refused[SOURCE])[1] == "the tree cannot be read: permission denied"


# ---------------------------------------------------------------------------------------------- unreadable


def with_values(values: str) -> str:
    """Give the text of the record of the old preset with values as JSON writes them."""
    return record(OLD, "VALUES", tree_of(SIMPLE)).replace('"VALUES"', values)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is not JSON: expecting value, in line 1"),
        ("{", "it is not JSON: expecting property name enclosed in double quotes, in line 1"),
        ('{\n"a": 1,,}', "it is not JSON: expecting property name enclosed in double quotes, in line 2"),
        (b"\xff", "it holds what is not UTF-8"),
        ("[]", "it holds no mapping"),
        ("1", "it holds no mapping"),
        ("{}", "it has no `schema_version`"),
        (record(OLD, {"x": 1}, tree_of(SIMPLE), schema_version=2), "its schema version is `2`, and 1 is known"),
        (record(OLD, {"x": 1}, tree_of(SIMPLE), schema_version=True), "its schema version is `True`, and 1 is known"),
        (record(OLD, {"x": 1}, tree_of(SIMPLE), kind="base"), "it is neither the record of a preset nor that of a mix"),
        (record(OLD, {"x": 1}, tree_of(SIMPLE), kind=[]), "it is neither the record of a preset nor that of a mix"),
        (record(OLD, [1], tree_of(SIMPLE)), "it is neither the record of a preset nor that of a mix"),
        (record(OLD, None, tree_of(SIMPLE)), "it is neither the record of a preset nor that of a mix"),
        (record(OLD, {"x": 1}, tree_of(SIMPLE), source=1), "its source or its tree is no text"),
        (record(OLD, {"x": 1}, tree_of(SIMPLE), tree=None), "its source or its tree is no text"),
        (
            record(OLD, {"x": 1}, tree_of(SIMPLE), source="configs/b.yaml"),
            "it says that it is of `configs/b.yaml`, whose record lies elsewhere",
        ),
        (with_values('{"x": NaN}'), "`NaN` is no number that JSON knows"),
        (with_values('{"x": -Infinity}'), "`-Infinity` is no number that JSON knows"),
        (with_values('{"x": 1e999}'), "`1e999` is no number that JSON knows"),
        (with_values('{"x": 1, "x": 1}'), "it holds `x` twice in one mapping"),
        (with_values('{"x": {"Y": 1, "Y": 2}}'), "it holds `Y` twice in one mapping"),
        (with_values('{"x": ' + "1" * 4001 + "}"), "it holds an integer of more than 4,000 digits"),
        (with_values('{"x": "\\ud800"}'), "it holds what is not UTF-8"),
        (with_values('{"x": ' + "[" * 100 + "]" * 100 + "}"), "it nests more than 100 levels deep"),
        (with_values('{"x": ' + "[" * 100_000 + "]" * 100_000 + "}"), "it nests more than 100 levels deep"),
    ],
    ids=lambda value: str(value)[:40] if not isinstance(value, str) or len(value) < 60 else value[-60:],
)
def test_a_record_that_cannot_be_read_is_refused_with_the_reason(tmp_path: Path, text: Any, why: str) -> None:
    """Whatever lies there: no crash, no values, and the record is named."""
    records = loaded(tmp_path, {**SIMPLE, RECORD: text})
    assert (records.presets, records.mixes) == ({}, {})
    assert {source: (one.code, one.why) for source, one in records.refused.items()} == {SOURCE: ("bad-record", why)}
    assert records.refused[SOURCE].message == f"the record `{RECORD}` cannot be read"


def test_a_record_over_the_limit_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record of a byte more than is allowed is refused, one of as many is read."""
    size = len(record(OLD, {"x": 1}, tree_of(SIMPLE)))
    monkeypatch.setattr(legacy, "MAX_BYTES", size)
    assert list(loaded(tmp_path, SIMPLE).presets) == [SOURCE]
    monkeypatch.setattr(legacy, "MAX_BYTES", size - 1)
    assert said(loaded(tmp_path, SIMPLE).refused[SOURCE])[1] == f"it has more than {size - 1:,} bytes"


@pytest.mark.parametrize("field", ["schema_version", "kind", "source", "tree", "values"])
def test_a_record_needs_each_of_its_fields(tmp_path: Path, field: str) -> None:
    """A field that is missing is named; one that is not known is not in the way."""
    data = json.loads(record(OLD, {"x": 1}, tree_of(SIMPLE), more=1))
    assert loaded(tmp_path, {**SIMPLE, RECORD: json.dumps(data)}).refused == {}
    del data[field]
    assert refused(tmp_path, {RECORD: json.dumps(data)}) == {SOURCE: ("bad-record", f"it has no `{field}`")}


def test_what_json_can_hold_is_read_as_it_is(tmp_path: Path) -> None:
    """Types, order and depth: 1 is not 1.0, and a hundred levels are allowed."""
    deep = '{"b": 1, "a": 1.0, "x": ' + "[" * 99 + "]" * 99 + ', "y": null, "z": ' + "9" * 4000 + "}"
    records = loaded(tmp_path, {**SIMPLE, RECORD: with_values(deep)})
    values = plain(records.presets[SOURCE].values)
    assert list(values) == ["b", "a", "x", "y", "z"]
    assert repr((values["b"], values["a"], values["y"])) == "(1, 1.0, None)"
    assert values["z"] == 10**4000 - 1


def test_two_records_cannot_speak_for_one_source(tmp_path: Path) -> None:
    """A record lies at the path of its source; a copy elsewhere is refused, and the right one holds."""
    copied = {**SIMPLE, "legacy/records/configs/copy.json": SIMPLE[RECORD]}
    records = loaded(tmp_path, copied)
    assert set(records.presets) == {SOURCE}
    assert list(records.refused) == ["configs/copy.yaml"]


def test_what_is_no_record_is_left_alone(tmp_path: Path) -> None:
    """An editor's copy, a page, a link to nowhere and a pipe beside the records are not read."""
    root = write(tmp_path, {**SIMPLE, f"{RECORD}~": "x", "legacy/records/README.md": "x"})
    os.mkfifo(root / "legacy/records/pipe.json")
    (root / "legacy/records/broken.json").symlink_to("nowhere")
    assert loaded(root).refused == {}


# ---------------------------------------------------------------------------------------------- figures


def digest_of(values: Any) -> str:
    """Give the digest of plain values."""
    return digest(node_of(values))


def test_a_record_must_hold_the_figures(tmp_path: Path) -> None:
    """Leaves and digest, both; without figures a record stands on its tree alone."""
    right = digest_of({"x": 1})
    assert loaded(tmp_path / "a", {**SIMPLE, FIGURES: figures(1, right)}).refused == {}
    assert loaded(tmp_path / "b", SIMPLE).refused == {}
    for leaves, figure, told in (
        (2, right, "2 leaves"),
        (1, "sha256:0123456789ab", "1 leaf and `sha256:0123456789ab`"),
    ):
        records = loaded(tmp_path / "c", {**SIMPLE, FIGURES: figures(leaves, figure)})
        assert records.presets == {}
        assert records.refused[SOURCE].code == "wrong-figures"
        why = records.refused[SOURCE].why
        assert why.startswith(f"`legacy/figures.json` says {told}")
        assert why.endswith(f"and the record gives 1 leaf and `{right[:19]}`")


def test_an_edited_value_does_not_hold_the_figures(copy: Path) -> None:
    """One value of a record that ships, and it is refused; of a mix, the presets that name it are not blamed."""
    path = copy / "legacy/records/configs/debug.json"
    path.write_text(path.read_text().replace('"bfloat16"', '"float16"', 1))
    assert {one.code for one in load(str(copy), KEY).refused.values()} == {"wrong-figures"}
    assert set(load(str(copy), KEY).refused) == {"configs/debug.yaml"}
    mix = copy / "legacy/records/configs/dataset_mix/stage_b_distill.json"
    mix.write_text(mix.read_text().replace('"mode": "dense"', '"mode": "summary"'))
    assert set(load(str(copy), KEY).refused) == {"configs/debug.yaml", "configs/dataset_mix/stage_b_distill.yaml"}


def test_the_figures_of_a_preset_count_its_mix(tmp_path: Path) -> None:
    """Its digest is that of a lock's header: the mix in the place of the path to it."""
    files = recorded({path: text for path, text in WITH_MIXES.items() if path.startswith("legacy")})
    mix = {"targets": [{"dataset": "d", "train_jsonl": "x", "ratio": 1.0}]}
    counted = json.loads(figures(1, "sha256:0"))
    counted["dataset_mixes"] = {"configs/mixes/m.yaml": {"leaves": 3, "digest": digest_of(mix)}}
    records = loaded(tmp_path, {**files, FIGURES: json.dumps(counted)})
    whole = digest(digest_document(node_of({"fusion": "m"}), ("fusion",), node_of(mix)))
    assert records.refused[SOURCE].why.endswith(f"gives 1 leaf and `{whole[:19]}`")
    counted["presets"][SOURCE]["digest"] = whole
    assert loaded(tmp_path, {FIGURES: json.dumps(counted)}).refused == {}


def test_figures_and_records_must_be_of_the_same_presets(tmp_path: Path) -> None:
    """A preset that the figures count cannot vanish by deleting its record; one that they do not count is not held."""
    both = {"leaves": 1, "digest": digest_of({"x": 1})}
    counted = {"presets": {SOURCE: both, "configs/b.yaml": both}, "dataset_mixes": {"configs/mixes/m.yaml": both}}
    found = refused(tmp_path, {**SIMPLE, FIGURES: json.dumps(counted)})
    assert found == {
        "configs/b.yaml": ("bad-record", "`legacy/figures.json` counts it below `presets`"),
        "configs/mixes/m.yaml": ("bad-record", "`legacy/figures.json` counts it below `dataset_mixes`"),
    }
    found = refused(tmp_path, {FIGURES: json.dumps({"presets": {}, "dataset_mixes": {}})})
    assert found[SOURCE][0] == "wrong-figures"
    assert found[SOURCE][1].startswith("`legacy/figures.json` says nothing, and the record gives 1 leaf")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is not JSON: expecting value, in line 1"),
        ("[]", "it holds no mapping"),
        ("{}", "it has no `dataset_mixes`"),
        ('{"dataset_mixes": {}}', "it has no `presets`"),
        ('{"dataset_mixes": {}, "presets": 3}', "a group of figures is no mapping"),
        ('{"dataset_mixes": {}, "presets": [["configs/old.yaml", {}]]}', "a group of figures is no mapping"),
        ('{"dataset_mixes": {}, "presets": {"a": 1, "a": 1}}', "it holds `a` twice in one mapping"),
        ("[" * 100_000, "it nests more than 100 levels deep"),
        (b"\xff", "it holds what is not UTF-8"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_figures_that_cannot_be_read_hold_no_record(tmp_path: Path, text: Any, why: str) -> None:
    """They are told once, for all records."""
    records = loaded(tmp_path, {**recorded({OLD: "x: 1", "legacy/configs/mixes/m.yaml": "x: 1"}), FIGURES: text})
    assert (records.presets, records.mixes) == ({}, {})
    assert len(set(records.refused.values())) == 1
    problem = records.refused[SOURCE]
    assert (problem.code, *said(problem)) == ("bad-record", "`legacy/figures.json` cannot be read", why)


@pytest.mark.parametrize("figure", ["3", "null", "[]", '"x"', '{"leaves": 1}', '{"leaves": true, "digest": 1}'])
def test_a_figure_of_another_shape_is_no_figure(tmp_path: Path, figure: str) -> None:
    """It holds no record, and nothing crashes."""
    text = '{"dataset_mixes": {}, "presets": {"configs/old.yaml": ' + figure + "}}"
    assert refused(tmp_path, {**SIMPLE, FIGURES: text})[SOURCE][0] == "wrong-figures"


# ---------------------------------------------------------------------------------------------- mixes


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"custom": {"fusion_config": "m.yaml"}}, "m.yaml"),
        ({"custom": {"fusion_config": ""}}, None),
        ({"custom": {"fusion_config": None}}, None),
        ({"custom": {"fusion_config": 3}}, None),
        ({"custom": {}}, None),
        ({"custom": None}, None),
        ({"custom": [1]}, None),
        ({}, None),
    ],
    ids=str,
)
def test_a_record_names_its_mix_as_a_preset_does(values: Any, named: str | None) -> None:
    """Null and an empty text name none."""
    held = legacy.Record("r.json", SOURCE, "preset", node_of(values))
    assert mix_named_by(held, KEY) == named
    assert mix_named_by(held, ()) is None
