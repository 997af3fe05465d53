"""outline: what doit need not find out again, and when it must."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import trees
from builders import layout_of, opened
from compiler import outline
from compiler.outline import Row, Seen
from compiler.tree import Remembering

PRESET = trees.preset_path(3)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small tree."""
    trees.write(tmp_path, 16)
    return tmp_path


def seen(root: Path, code: str = "code") -> Seen:
    """Look at the sources."""
    return outline.look(layout_of(root), Remembering(str(root)), code)


def kept(root: Path) -> list[Row]:
    """Find the outline out, and keep it."""
    workspace = opened(root)
    rows = outline.rows_of(workspace)
    outline.keep(workspace, seen(root), rows)
    return rows


def test_what_was_kept_is_what_was_found_out(root: Path) -> None:
    """Each row with its files, and the mix whose lock comes first; nothing of it names the machine."""
    rows = kept(root)
    assert outline.load(layout_of(root), seen(root)) == rows
    assert len(rows) == 17
    [row] = [row for row in rows if row.source == f"configs/{PRESET}"]
    assert row.mix == trees.variant_path(0).removesuffix(".yaml")
    assert row.files == sorted(opened(root).composer.closure(row.source))
    assert str(root) not in (root / "build/.cache/outline.json").read_text()


def block(root: Path, path: str) -> str:
    """Give the text of a source."""
    return (root / "configs" / path).read_text(encoding="utf-8")


def linked(root: Path) -> None:
    """Put a file elsewhere, and a link with the same bytes in its place."""
    (root / "configs/base.yaml").rename(root / "elsewhere.yaml")
    (root / "configs/base.yaml").symlink_to("../elsewhere.yaml")


EDITS = {
    "a comment": lambda root: (root / "configs/base.yaml").write_text("# c\n" + block(root, "base.yaml")),
    "a file more": lambda root: (root / "configs/components/new.yaml").write_text("model: {a: 1}"),
    "a file less": lambda root: (root / "configs" / trees.preset_path(15)).unlink(),
    "a file renamed": lambda root: os.rename(root / f"configs/{PRESET}", root / "configs/train/p.yaml"),
    "a file that is no fragment": lambda root: (root / "configs/notes.txt").write_text("new"),
    "a link in the place of a file": linked,
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_outline_holds_as_long_as_no_source_changes(root: Path, edit: object) -> None:
    """Whatever is changed below the config root, it is found out anew; and so it is if our code or settings differ."""
    kept(root)
    assert callable(edit)
    edit(root)
    assert outline.load(layout_of(root), seen(root)) is None


def test_an_outline_hangs_on_our_code(root: Path) -> None:
    """Its digest, which has the settings in it."""
    kept(root)
    assert outline.load(layout_of(root), seen(root, "other")) is None


@pytest.mark.parametrize("data", ["", "{}", "[]", "7", '{"key": 3}', "\0", "[" * 100_000])
def test_an_outline_of_rubbish_is_as_good_as_none(root: Path, data: str) -> None:
    """Whatever the bytes are."""
    kept(root)
    (root / "build/.cache/outline.json").write_text(data)
    assert outline.load(layout_of(root), seen(root)) is None


def test_an_outline_that_was_edited_is_as_good_as_none(root: Path) -> None:
    """It carries a digest of its own."""
    kept(root)
    path = root / "build/.cache/outline.json"
    data = json.loads(path.read_text())
    data["rows"][0][2] = []
    path.write_text(json.dumps(data))
    assert outline.load(layout_of(root), seen(root)) is None


BROKEN = {
    "a preset": (PRESET, "extends: nowhere.yaml"),
    "a mix": (trees.variant_path(0), "targets: []"),
    "a name": ("train/p\x01.yaml", "model: {a: 1}"),
}


@pytest.mark.parametrize(("path", "text"), BROKEN.values(), ids=BROKEN)
def test_of_a_broken_tree_no_outline_is_kept(root: Path, path: str, text: str) -> None:
    """What is wrong is told on every run."""
    (root / "configs" / path).write_text(text)
    kept(root)
    assert not (root / "build/.cache/outline.json").exists()


def test_what_no_listing_shows_is_never_relied_on(root: Path) -> None:
    """A base in a folder whose name begins with a dot is legal, and nobody would see it change."""
    (root / "configs/.hidden").mkdir()
    (root / "configs/.hidden/base.yaml").write_text("model: {torch_dtype: bfloat16}")
    (root / f"configs/{PRESET}").write_text("extends: ../../.hidden/base.yaml\n")
    kept(root)
    assert not (root / "build/.cache/outline.json").exists()


def test_bytes_that_were_looked_at_are_those_that_are_parsed(root: Path) -> None:
    """A file that is edited in between is read as it was hashed; the next run sees the edit."""
    tree = Remembering(str(root))
    before = outline.look(layout_of(root), tree, "code")
    old = (root / "configs/base.yaml").read_bytes()
    (root / "configs/base.yaml").write_text("model: {torch_dtype: float32}")
    assert tree.read("configs/base.yaml") == old
    assert tree.read("configs/base.yaml") != old
    assert seen(root).key != before.key
