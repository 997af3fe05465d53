"""tree: files are read from disk and from memory alike, or refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builders import Files, grow_once_measured, problems_of, worded
from compiler.tree import MAX_BYTES, Disk, Memory, load


def refusal(tree: Disk | Memory, path: str) -> str:
    """Give the whole text with which a file is refused."""
    return worded(problems_of(lambda: load(tree, path)), {})


def test_files_that_are_no_files_are_refused_and_never_block(tmp_path: Path) -> None:
    """A FIFO, a device, a folder, a file that is not there: a message each."""
    os.mkfifo(tmp_path / "fifo.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    (tmp_path / "broken.yaml").symlink_to("nothing")
    disk = Disk(str(tmp_path))
    cannot = "error: `{0}` cannot be read [unreadable-file]\n  why: {1}"
    for path, why in (
        ("fifo.yaml", "it is not a regular file"),
        ("zero.yaml", "it is not a regular file"),
        ("folder.yaml", "it is a folder"),
        ("broken.yaml", "no such file or directory"),
        ("gone.yaml", "no such file or directory"),
    ):
        assert refusal(disk, path) == f"{path}: " + cannot.format(path, why)


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's reason is told; as root may read anything, it comes from a false `os.open`."""

    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.yaml").write_text("a: 1")
    monkeypatch.setattr(os, "open", denied)
    assert refusal(Disk(str(tmp_path)), "a.yaml") == (
        "a.yaml: error: `a.yaml` cannot be read [unreadable-file]\n  why: permission denied"
    )


def test_a_file_over_the_limit_is_refused_and_one_at_it_read(tmp_path: Path) -> None:
    """4 MiB are read, a byte more is refused; a file that claims no size is read, too."""
    disk = Disk(str(tmp_path))
    (tmp_path / "most.yaml").write_bytes(b"#" * MAX_BYTES)
    (tmp_path / "more.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    assert len(load(disk, "most.yaml").data) == MAX_BYTES
    assert refusal(disk, "more.yaml") == (
        "more.yaml: error: `more.yaml` is too large [too-large]\n"
        "  why: it has 4,194,305 bytes, and 4,194,304 are allowed"
    )
    (tmp_path / "status.yaml").symlink_to("/proc/self/status")
    assert load(disk, "status.yaml").data.startswith(b"Name:")


def test_a_file_that_grows_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What had a fitting size when it was looked at, and has another when it is read, is not read without end."""
    path = tmp_path / "log.yaml"
    path.write_bytes(b"#")
    grow_once_measured(monkeypatch, path, b"#" * MAX_BYTES)
    assert refusal(Disk(str(tmp_path)), "log.yaml") == (
        "log.yaml: error: `log.yaml` is too large [too-large]\n  why: it has more than 4,194,304 bytes"
    )


def test_memory_and_disk_agree(tmp_path: Path) -> None:
    """The two trees give the same bytes, digests and names, and say the same of what is not there."""
    files: Files = {"a/b.yaml": "x: 1\n", "a/c/d.yaml": "y: 2\n"}
    memory, disk = Memory(files), Disk(str(tmp_path))
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(str(text))
    for path in files:
        assert load(memory, path) == load(disk, path)
        assert disk.real(path) == memory.real(path) == path
    for path in ("a", "a/b.yaml", "a/c", "z", "a/b"):
        assert memory.exists(path) == disk.exists(path)
    for folder in ("", "a", "a/c", "z"):
        assert memory.names(folder) == disk.names(folder)
    assert refusal(memory, "z.yaml") == refusal(disk, "z.yaml")


def test_a_link_is_followed_to_where_it_leads(tmp_path: Path) -> None:
    """A real path counts from the real root, through links of folders and of files."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a.yaml").write_text("")
    (tmp_path / "out.yaml").write_text("")
    root = tmp_path / "link"
    root.symlink_to("real")
    (tmp_path / "real/l.yaml").symlink_to("a.yaml")
    (tmp_path / "real/o.yaml").symlink_to("../out.yaml")
    disk = Disk(str(root))
    assert [disk.real(path) for path in ("a.yaml", "l.yaml", "o.yaml", "")] == [
        "a.yaml",
        "a.yaml",
        "../out.yaml",
        ".",
    ]
