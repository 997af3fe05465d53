"""The legacy records: made by an algorithm that shares nothing with the compiler, and true to the legacy tree."""

from __future__ import annotations

import ast
import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any, Final

import pytest

from compiler.values import digest, digest_document, leaves, node_of

ROOT: Final = Path(__file__).parent.parent
SCRIPT: Final = ROOT / "scripts/record_legacy.py"

_spec = importlib.util.spec_from_file_location("record_legacy", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
record_legacy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(record_legacy)


def stored() -> dict[str, Any]:
    """Give every record that is committed, by its source."""
    records = [json.loads(path.read_text()) for path in sorted((ROOT / "legacy/records").rglob("*.json"))]
    return {record["source"]: record for record in records}


def test_the_records_are_what_the_old_algorithm_makes() -> None:
    """Each committed record is made again, byte for byte, and there is no other."""
    made = {(ROOT / "legacy" / path): text for path, text in record_legacy.records(ROOT / "legacy").items()}
    assert len(made) == 19
    assert {path: path.read_text() for path in (ROOT / "legacy/records").rglob("*.json")} == made


def test_the_records_hold_the_figures() -> None:
    """Leaves and digests are those of `legacy/figures.json`: another writing of the same figures."""
    figures = json.loads((ROOT / "legacy/figures.json").read_text())
    records = stored()
    assert set(records) == {*figures["presets"], *figures["dataset_mixes"]}
    for source, figure in (*figures["presets"].items(), *figures["dataset_mixes"].items()):
        values = node_of(records[source]["values"])
        mix = records[source]["values"].get("custom", {}).get("fusion_config")
        fusion = node_of(records[mix]["values"]) if mix else None
        document = digest_document(values, ("custom", "fusion_config"), fusion) if fusion else values
        assert {"leaves": sum(1 for _ in leaves(values)), "digest": digest(document)} == figure, source


def test_a_record_names_the_tree_that_it_was_made_from(tmp_path: Path) -> None:
    """Any change of a legacy file, its name included, is another tree."""
    legacy = tmp_path / "legacy"
    shutil.copytree(ROOT / "legacy/configs", legacy / "configs")
    digest_before = record_legacy.tree_digest(legacy)
    assert {record["tree"] for record in stored().values()} == {digest_before}
    (legacy / "configs/debug.yaml").rename(legacy / "configs/debug2.yaml")
    renamed = record_legacy.tree_digest(legacy)
    (legacy / "configs/debug2.yaml").rename(legacy / "configs/debug.yaml")
    with (legacy / "configs/base.yaml").open("a") as file:
        file.write("\n")
    assert len({digest_before, renamed, record_legacy.tree_digest(legacy)}) == 3


def test_a_change_of_the_tree_changes_the_records(tmp_path: Path) -> None:
    """One value in a base reaches the records of all that extend it: the comparison is not blind."""
    legacy = tmp_path / "legacy"
    shutil.copytree(ROOT / "legacy/configs", legacy / "configs")
    base = legacy / "configs/base.yaml"
    base.write_text(base.read_text().replace("bfloat16", "float16"))
    changed = [
        path
        for path, text in record_legacy.records(legacy).items()
        if json.loads(text)["values"] != json.loads((ROOT / "legacy" / path).read_text())["values"]
    ]
    assert len(changed) == 12


def test_the_recorder_shares_nothing_with_the_compiler() -> None:
    """What proves the compiler may not be made of it."""
    names = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    assert "compiler" not in names
    assert "yaml" in names


def test_the_check_tells_which_record_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` writes nothing, names the record, and exits 1; without it the record is written."""
    shutil.copytree(ROOT / "legacy", tmp_path / "legacy")
    record = tmp_path / "legacy/records/configs/debug.json"
    text = record.read_text()
    record.write_text(text.replace("float16", "float32"))
    monkeypatch.setattr(record_legacy, "LEGACY", tmp_path / "legacy")
    monkeypatch.setattr("sys.argv", ["record_legacy.py", "--check"])
    assert record_legacy.main() == 1
    assert capsys.readouterr().out == "differs  legacy/records/configs/debug.json\n"
    monkeypatch.setattr("sys.argv", ["record_legacy.py"])
    assert record_legacy.main() == 0
    assert record.read_text() == text
