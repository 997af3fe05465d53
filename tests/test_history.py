"""history: a git revision is read like the disk on which it is checked out; and what was renamed since."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from builders import Files, content, problems_of, worded, write
from compiler.history import Revision, is_folder
from compiler.tree import MAX_BYTES, Disk, Tree, load
from repositories import commit, git

ODD_NAMES = [
    "sp ace.yaml",
    'qu"ote.yaml',
    "new\nline.yaml",
    "tab\t.yaml",
    "back\\slash.yaml",
    "-dash.yaml",
    ":(top)*.yaml",
    "é北.yaml",
    os.fsdecode(b"\xff\xfe.yaml"),
]


def unreadable(tree: Tree, path: str) -> str:
    """Give the whole text with which a file is refused."""
    return worded(problems_of(lambda: load(tree, path)), {})


# ------------------------------------------------------------------------------------------ bytes and names


def test_bytes_are_read_as_they_were_committed(tmp_path: Path) -> None:
    """Line ends, binary, a missing last newline, nothing at all: no byte is changed, whatever a checkout would do."""
    files: Files = {
        "crlf.yaml": b"a: 1\r\nb: 2\r\n",
        "binary.yaml": bytes(range(256)) * 99,
        "no-end.yaml": b"a: 1",
        "empty.yaml": b"",
        "lf.yaml": b"# $Id$\n",
    }
    revision = Revision(str(tmp_path), commit(tmp_path, files))
    write(tmp_path, {".gitattributes": "* ident eol=crlf\n"})
    git(tmp_path, "config", "core.autocrlf", "true")
    for path, data in files.items():
        assert load(revision, path).data == data


def test_any_name_is_found(tmp_path: Path) -> None:
    """Spaces, quotes, line ends, a leading dash, pathspec magic, non-ASCII, and bytes that are no UTF-8."""
    files: Files = {f"configs/{name}": f"n: {index}" for index, name in enumerate(ODD_NAMES)}
    revision = Revision(str(tmp_path), commit(tmp_path, files))
    assert revision.names("configs") == sorted(ODD_NAMES) == Disk(str(tmp_path)).names("configs")
    assert sorted(revision.walk("configs", "build").files) == sorted(files)
    for path, text in files.items():
        assert load(revision, path).data == content(text)
        assert revision.exists(path)


def test_what_is_committed_counts_and_not_what_lies_there(tmp_path: Path) -> None:
    """Edits, new files and deletions since are not seen; nor are they by a revision that was looked up before."""
    commit(tmp_path, {"a.yaml": "x: 1", "b.yaml": "y: 1"})
    revision = Revision(str(tmp_path), "HEAD")
    write(tmp_path, {"a.yaml": "x: 2", "c.yaml": "z: 1"})
    (tmp_path / "b.yaml").unlink()
    assert [load(revision, path).data for path in ("a.yaml", "b.yaml")] == [b"x: 1", b"y: 1"]
    assert revision.names("") == ["a.yaml", "b.yaml"]
    commit(tmp_path)
    assert load(revision, "a.yaml").data == b"x: 1"
    assert load(Revision(str(tmp_path), "HEAD"), "a.yaml").data == b"x: 2"


def test_a_file_over_the_limit_is_refused_and_one_at_it_read(tmp_path: Path) -> None:
    """The limit and the words are those of the disk; what comes after a refused file is read all the same."""
    files: Files = {"most.yaml": b"#" * MAX_BYTES, "more.yaml": b"#" * (MAX_BYTES + 1), "small.yaml": "x: 1"}
    revision = Revision(str(tmp_path), commit(tmp_path, files))
    said = unreadable(revision, "more.yaml")
    assert said == unreadable(Disk(str(tmp_path)), "more.yaml")
    assert "it has 4,194,305 bytes, and 4,194,304 are allowed" in said
    assert load(revision, "small.yaml").data == b"x: 1"
    assert len(load(revision, "most.yaml").data) == MAX_BYTES


def test_what_is_no_file_is_refused_in_the_words_of_the_disk(tmp_path: Path) -> None:
    """A file that is not there, a folder, a loop of links, a link to nothing: `unreadable-file`, and why."""
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "broken.yaml").symlink_to("nothing")
    revision = Revision(str(tmp_path), commit(tmp_path, {"folder/a.yaml": "x: 1"}))
    for path in ("gone.yaml", "folder", "loop.yaml", "broken.yaml"):
        assert unreadable(revision, path) == unreadable(Disk(str(tmp_path)), path)
        assert revision.exists(path) == Disk(str(tmp_path)).exists(path) == (path == "folder")


# ------------------------------------------------------------------------------------------ the tree


def grown(root: Path, seed: int) -> list[str]:
    """Grow a tree of odd names, with links of every kind among them; gives paths to ask about."""
    dice = random.Random(seed)
    folders = [""]
    for _ in range(6):
        folders.append(os.path.join(dice.choice(folders), dice.choice(["a", "b", ".dot", "build", "sp ace", "北"])))
    paths = []
    for index in range(24):
        path = os.path.join(dice.choice(folders), f"{index}-{dice.choice(ODD_NAMES)}")
        write(root, {path: f"n: {index}"})
        paths.append(path)
    links: list[str] = []
    for index in range(20):
        path = os.path.join(dice.choice(folders), f"link{index}.yaml")
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        aim = dice.choice([*paths, *links, *folders[1:], "gone/x", "../out/x", "/nowhere/at/all"])
        target = aim if aim.startswith("/") else os.path.relpath(aim, os.path.dirname(path) or ".")
        if dice.random() < 0.3 and not aim.startswith("/"):  # a step through a link, and back
            folder = dice.choice([one for one in folders if one] or ["a"])
            target = os.path.join(os.path.relpath(folder, os.path.dirname(path) or "."), os.path.relpath(aim, folder))
        (root / path).symlink_to(target)
        links.append(path)
    below = [os.path.join(link, name) for link in links for name in ("", "x", "link1.yaml")[1:]]
    return [*folders, *paths, *links, *below, "gone", "a/gone", f"{paths[0]}/x", "."]


@pytest.mark.parametrize("where", ["", "sub", "su\nb/北 x"])
@pytest.mark.parametrize("seed", range(5))
def test_a_revision_is_like_the_disk_where_it_is_checked_out(tmp_path: Path, seed: int, where: str) -> None:
    """Names, walks, what exists, where links lead and what is read there: the same, whatever the tree holds."""
    root = tmp_path / where
    asked = grown(root, seed)
    commit(tmp_path, {"beside.yaml": "x: 1", "subtle/x.yaml": "x: 1"})
    disk, revision = Disk(str(root)), Revision(str(root), "HEAD")
    for path in asked:
        assert revision.exists(path) == disk.exists(path), path
        assert revision.real(path) == disk.real(path), path
        assert revision.names(path) == [name for name in disk.names(path) if name != ".git" and path != "beside"], path
        for skip in ("build", "a/build", "nowhere") if path else ():
            assert sorted(revision.walk(path, skip).files) == sorted(disk.walk(path, skip).files), path
        if disk.exists(path) and (root / path).is_file():
            assert load(revision, path) == load(disk, path)


def test_links_are_followed_within_the_revision(tmp_path: Path) -> None:
    """Chains, folders, and a way out of the repository root that stays in the repository; a link out of it is not."""
    root = tmp_path / "sub"
    write(root, {"real/deep/a.yaml": "x: 1", "real/b.yaml": "y: 1", "configs/c.yaml": "z: 1"})
    links = {
        "one.yaml": "two.yaml",
        "two.yaml": "folder/a.yaml",
        "folder": "real/deep",
        "up.yaml": "folder/../b.yaml",
        "beside.yaml": "../beside.yaml",
        "absolute.yaml": str(root / "real/b.yaml"),
        "out.yaml": "../../out.yaml",
        "far.yaml": "/out.yaml",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    (tmp_path.parent / "out.yaml").write_text("x: 1")
    commit(tmp_path, {"beside.yaml": "x: 2"})
    disk, revision = Disk(str(root)), Revision(str(root), "HEAD")
    assert {name: revision.real(name) for name in links} == {name: disk.real(name) for name in links}
    for name in ("one.yaml", "two.yaml", "folder/a.yaml", "up.yaml", "beside.yaml", "absolute.yaml"):
        assert load(revision, name) == load(disk, name)
    for name in ("out.yaml", "far.yaml"):
        assert revision.real(name).startswith("../../")
        assert not revision.exists(name)
        assert "no such file or directory" in unreadable(revision, name)


def test_a_folder_that_is_a_link_is_walked_and_one_below_it_is_not(tmp_path: Path) -> None:
    """As on the disk: the config root itself may be a link; a link to a folder further down is neither file nor way."""
    write(tmp_path, {"real/a.yaml": "x: 1", "other/b.yaml": "x: 1"})
    (tmp_path / "configs").symlink_to("real")
    (tmp_path / "real/linked.yaml").symlink_to("../other")
    commit(tmp_path)
    disk, revision = Disk(str(tmp_path)), Revision(str(tmp_path), "HEAD")
    assert revision.walk("configs", "build").files == disk.walk("configs", "build").files == ["configs/a.yaml"]
    assert revision.names("configs/linked.yaml") == ["b.yaml"]


def test_a_config_root_beside_the_repository_root_is_found(tmp_path: Path) -> None:
    """Paths may lead out of the repository root, as long as they stay in git's."""
    commit(tmp_path, {"shared/a.yaml": "x: 1", "project/pyproject.toml": ""})
    revision = Revision(str(tmp_path / "project"), "HEAD")
    assert revision.walk("../shared", "build").files == ["../shared/a.yaml"]
    assert load(revision, "../shared/a.yaml").data == b"x: 1"
    assert revision.real("../shared/a.yaml") == "../shared/a.yaml"


def test_a_submodule_is_no_file_and_no_folder(tmp_path: Path) -> None:
    """Its entry names a commit of another repository, which is not looked at."""
    commit(tmp_path, {"a.yaml": "x: 1"})
    git(tmp_path, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},configs/module.yaml")
    git(tmp_path, "commit", "-q", "-m", "module")
    revision = Revision(str(tmp_path), "HEAD")
    assert revision.names("") == ["a.yaml"]
    assert not revision.exists("configs/module.yaml")
    assert revision.walk("configs", "build").files == []


# ------------------------------------------------------------------------------------------ renames


@pytest.mark.parametrize("where", ["", "sub/北"])
def test_renames_are_what_git_takes_for_moved(tmp_path: Path, where: str) -> None:
    """Committed since or only added; of files that git does not know nothing is said, nor of those outside."""
    root = tmp_path / where
    files = {f"configs/{name}.yaml": f"{name}: 1\n" * 20 for name in ("a", "b", "c", "same")}
    write(root, {**files, "other/d.yaml": "d: 1\n" * 20})
    old = commit(tmp_path)
    git(tmp_path, "config", "diff.relative", "true")
    git(tmp_path, "config", "diff.renames", "false")
    for name in "abc":
        (root / f"configs/{name}.yaml").rename(root / f'configs/new "{name}\n.yaml')
        if name == "a":
            commit(tmp_path)
        elif name == "b":
            git(tmp_path, "add", "-A")
    (root / "other/d.yaml").rename(root / "other/e.yaml")
    revision = Revision(str(root), old)
    assert revision.renames("configs") == {f"configs/{name}.yaml": f'configs/new "{name}\n.yaml' for name in "ab"}
    assert revision.renames("*") == {}


def test_a_folder_is_taken_for_a_tree(tmp_path: Path) -> None:
    """Anything else is not: a file, nothing, a name that no file can have."""
    write(tmp_path, {"a.yaml": ""})
    assert is_folder(str(tmp_path))
    assert not any(is_folder(path) for path in (str(tmp_path / "a.yaml"), str(tmp_path / "b"), "", "a\0b", "HEAD"))
