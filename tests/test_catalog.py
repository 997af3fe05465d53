"""catalog: names, paths, locks, and which of them exist."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders import layout, problems_of, worded, write
from compiler.catalog import Layout, unfit_names
from compiler.settings import Settings


def names(where: Layout) -> tuple[list[str], list[str], list[str]]:
    """Give what a scan finds: presets, fusion configs, components."""
    found = where.scan()
    return sorted(found.presets), sorted(found.fusion), list(found.components)


def test_name_label_and_lock_follow_from_the_path() -> None:
    """A source's name is its path below the config root; its lock lies there below the build folder."""
    where = layout("/r")
    assert where.name_of("configs/train/sft/a.b.yaml") == "train/sft/a.b"
    assert where.lock_of("configs/train/sft/a.b.yaml") == "build/train/sft/a.b.lock.yaml"
    assert where.lock_of("configs/fusion/m.json") == "build/fusion/m.lock.yaml"
    assert [where.label_of(f"configs/a{suffix}") for suffix in (".yaml", ".yml", ".json")] == [
        "a",
        "a.yml",
        "a.json",
    ]
    assert where.below_configs("configs/a.yaml") == "a.yaml"
    assert where.below_configs("configs2/a.yaml") is None


def test_the_config_root_may_be_the_repository_root(tmp_path: Path) -> None:
    """With `configs = "."` every file below the root is a candidate, the build folder's own files are not."""
    write(tmp_path, {"a.yaml": "", "b/c.yaml": "", "build/a.lock.yaml": "", ".git/x.yaml": ""})
    where = Layout(str(tmp_path), Settings(configs=".", presets=("**/*.yaml",)))
    assert names(where)[0] == ["a", "b/c"]
    assert where.lock_of("b/c.yaml") == "build/b/c.lock.yaml"
    assert where.below_configs("../x.yaml") is None


def test_the_build_folder_may_lie_outside(tmp_path: Path) -> None:
    """An absolute build folder and one beside the repository both work."""
    where = layout(tmp_path / "repo", build=str(tmp_path / "out"))
    assert where.lock_of("configs/a.yaml") == "../out/a.lock.yaml"
    assert os.path.abspath(where.absolute(where.lock_of("configs/a.yaml"))) == str(tmp_path / "out/a.lock.yaml")


GLOBS = [
    ("train/**/*.yaml", ["train/a.yaml", "train/b/c.yaml", "train/b/d/e.yaml"]),
    ("train/*.yaml", ["train/a.yaml"]),
    ("**/e.yaml", ["e.yaml", "train/b/d/e.yaml"]),
    (
        "**/*.y*ml",
        ["e.yaml", "train/a.yaml", "train/b/c.yaml", "train/b/d/e.yaml", "train/b/f.yml", "x+(1).yaml"],
    ),
    ("train/***.yaml", ["train/a.yaml"]),
    ("*" * 200 + ".yaml", ["e.yaml", "x+(1).yaml"]),
    ("train/?.yaml", ["train/a.yaml"]),
    ("train/[!b].yaml", ["train/a.yaml"]),
    ("train/**", ["train/a.yaml", "train/b/c.yaml", "train/b/d/e.yaml", "train/b/f.yml"]),
    ("x+(1).yaml", ["x+(1).yaml"]),
    ("nothing", []),
]


@pytest.mark.parametrize(("glob", "paths"), GLOBS, ids=[glob for glob, _ in GLOBS])
def test_globs_select_as_they_do_elsewhere(tmp_path: Path, glob: str, paths: list[str]) -> None:
    """`*` and `?` stay within a folder, `**` is any number of folders, other characters are themselves."""
    files = [
        "e.yaml",
        "train/a.yaml",
        "train/b/c.yaml",
        "train/b/d/e.yaml",
        "train/b/f.yml",
        "x+(1).yaml",
        "n.txt",
    ]
    write(tmp_path, {f"configs/{file}": "" for file in files})
    found = layout(tmp_path, presets=(glob,), fusion=()).scan()
    assert sorted(found.presets.values()) == sorted(f"configs/{path}" for path in paths)


def test_a_bracket_is_selected_by_its_escape(tmp_path: Path) -> None:
    """`[[]` stands for a bracket, as everywhere."""
    write(tmp_path, {"configs/a[1].yaml": "", "configs/a1.yaml": ""})
    assert names(layout(tmp_path, presets=("a[[]1].yaml",), fusion=()))[0] == ["a[1]"]


@pytest.mark.parametrize("glob", ["[z-a].yaml", "[\\].yaml", "[!].yaml", "[.yaml", "a].yaml", "[^].yaml"])
def test_an_odd_glob_selects_nothing(tmp_path: Path, glob: str) -> None:
    """No glob that a person can type is a traceback."""
    write(tmp_path, {"configs/b.yaml": ""})
    assert names(layout(tmp_path, presets=(glob,), fusion=()))[0] == []


def test_what_is_a_preset_a_mix_and_a_component(tmp_path: Path) -> None:
    """A file is of one kind: fusion before component before preset; JSON is read for mixes only."""
    write(
        tmp_path,
        {
            "configs/train/a.yaml": "",
            "configs/train/j.json": "",
            "configs/fusion/m.json": "",
            "configs/fusion/n.yml": "",
            "configs/components/c.yaml": "",
            "configs/.hidden/x.yaml": "",
            "configs/.x.yaml": "",
            "configs/readme.md": "",
        },
    )
    where = layout(tmp_path, presets=("**/*",), components=("components/**",))
    assert names(where) == (["train/a"], ["fusion/m", "fusion/n"], ["configs/components/c.yaml"])


def test_the_order_of_a_directory_listing_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What exists comes sorted, however the file system lists it."""
    write(tmp_path, {f"configs/train/{name}/p.yaml": "" for name in "cabd"})
    forwards = layout(tmp_path).scan()
    scandir = os.scandir

    @contextlib.contextmanager
    def backwards(top: str) -> Iterator[list[os.DirEntry[str]]]:
        with scandir(top) as entries:
            yield sorted(entries, key=lambda entry: entry.name, reverse=True)

    monkeypatch.setattr(os, "scandir", backwards)
    again = layout(tmp_path).scan()
    assert list(again.presets.items()) == list(forwards.presets.items())
    assert again == forwards


def test_a_source_is_found_by_name_by_file_and_by_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person may name a preset in any way that is natural from where they stand."""
    write(tmp_path, {"configs/train/a.yaml": "", "configs/fusion/m.yaml": "", "configs/other/x.yml": ""})
    where = layout(tmp_path)
    sources = where.scan()
    here = str(tmp_path / "configs" / "train")
    for wanted in (
        "train/a",
        "train/a.yaml",
        "configs/train/a.yaml",
        "configs/train/a",
        "a.yaml",
        "a",
        "./a.yaml",
        "../train/a",
        str(tmp_path / "configs/train/a.yaml"),
        "build/train/a.lock.yaml",
        "../../build/train/a.lock.yaml",
    ):
        assert where.find(wanted, here, sources) == "configs/train/a.yaml", wanted
    assert where.find("fusion/m", here, sources) == "configs/fusion/m.yaml"
    assert where.find("other/x", here, sources) == "configs/other/x.yml"


def test_a_plain_name_is_found_without_a_listing(tmp_path: Path) -> None:
    """And gives what listing everything gives; what may mean several files, or none, is left to it."""
    paths = ["train/a.yaml", "train/two.yaml", "train/two.yml", "fusion/m.json", "c/x.yaml", "train/.h/p.yaml"]
    write(tmp_path, {f"configs/{path}": "" for path in (*paths, "train/d.yaml/inside.yaml")})
    where = layout(tmp_path)
    sources = where.scan()
    for wanted, found in (("train/a", "train/a.yaml"), ("train//a", "train/a.yaml"), ("fusion/m", "fusion/m.json")):
        assert where.named(wanted) == where.find(wanted, str(tmp_path), sources) == f"configs/{found}"
    for wanted in ("", "train/two", "c/x", "train/.h/p", "./train/a", "train/../train/a", "/train/a", "train/d", "a"):
        assert where.named(wanted) is None, wanted


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("train/sft_dens", "did you mean `train/sft_dense`?"),
        ("configs/train/sft_dens", "did you mean `train/sft_dense`?"),
        ("", "there is `train/sft_dense`"),
        ("../outside", "there is `train/sft_dense`"),
        ("build/train/gone.lock.yaml", "there is `train/sft_dense`"),
    ],
)
def test_an_unknown_preset_is_refused_with_the_nearest(tmp_path: Path, wanted: str, hint: str) -> None:
    """What is no preset is told so, with what it might have been."""
    write(tmp_path, {"configs/train/sft_dense.yaml": "", "outside.yaml": ""})
    where = layout(tmp_path)
    refused = worded(problems_of(lambda: where.find(wanted, str(tmp_path), where.scan())), {})
    assert refused == (
        f"error: there is no preset `{wanted}` [unknown-preset]\n"
        "  why: a preset is named by its path below `configs`, by its file, or by its lock\n"
        f"  hint: {hint}"
    )


def test_two_sources_of_one_lock_are_both_named(tmp_path: Path) -> None:
    """`x.yaml` and `x.yml` would share a lock; neither is chosen, and others are untouched."""
    write(tmp_path, {"configs/train/x.yaml": "", "configs/train/x.yml": "", "configs/train/y.yaml": ""})
    found = layout(tmp_path).scan()
    assert list(found.presets) == ["train/y"]
    assert sorted((problem.code, problem.origin.file) for problem in found.problems) == [
        ("lock-collision", "configs/train/x.yaml"),
        ("lock-collision", "configs/train/x.yml"),
    ]


@pytest.mark.parametrize(("one", "two"), [("a", "A"), ("é", "e\u0301"), ("straße", "STRASSE")])
def test_names_that_some_file_systems_hold_equal_are_refused(tmp_path: Path, one: str, two: str) -> None:
    """Two names equal after NFC and case folding are `bad-name`, on every machine."""
    write(tmp_path, {f"configs/train/{one}.yaml": "", f"configs/train/{two}.yaml": ""})
    found = layout(tmp_path).scan()
    assert found.presets == {}
    assert {problem.code for problem in found.problems} == {"bad-name"}
    assert {problem.origin.file for problem in found.problems} == {
        f"configs/train/{one}.yaml",
        f"configs/train/{two}.yaml",
    }


@pytest.mark.parametrize("char", ["\n", "\r", "\t", "\x7f", "\x85", "\u2028", "\u2029", "\x1b", "\udc80"])
def test_a_name_that_a_header_cannot_hold_is_refused(tmp_path: Path, char: str) -> None:
    """Control and line-breaking characters, and bytes that are no UTF-8, do not get into a lock."""
    write(tmp_path, {f"configs/train/a{char}b.yaml": "", "configs/train/c.yaml": ""})
    found = layout(tmp_path).scan()
    assert list(found.presets) == ["train/c"]
    assert [problem.code for problem in found.problems] == ["bad-name"]
    assert unfit_names([f"a{char}"])
    assert not unfit_names(["a b", "北京/é", "a#b: c"])
