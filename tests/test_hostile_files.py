"""Never surprised: bad input ends in a clear problem with its place, within limits, with no lock and nothing run."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import pytest
import yaml

from builders import Files, write
from hostile import BORNE, CONTENTS, MEGABYTE, P
from limited import Ended, together

PYPROJECT: Final = """
    [tool.trainlock]
    presets = ["train/**/*.yaml"]
    fusion = ["fusion/*.yaml", "fusion/*.json"]
    fusion-key = "fusion"
"""

LOCK: Final = "build/train/p.lock.yaml"

World = tuple[str, Files | Callable[[Path], object], str]
"""A name, what lies there or what lays it there, and the place and the code of the first problem."""


def laid(root: Path, world: Files | Callable[[Path], object]) -> Path:
    """Lay a world into a folder."""
    write(root, {"pyproject.toml": PYPROJECT, "configs/base.yaml": "x: 1\n", "configs/train/ok.yaml": "y: 1\n"})
    if callable(world):
        world(root)
    else:
        write(root, world)
    return root


def judged(name: str, root: Path, ended: Ended, expected: str) -> list[str]:
    """Say what is wrong with how a build of a bad world ended."""
    first = re.match(r"(?:(\S+?): )?error: .+ \[([a-z0-9-]+)\]$", ended.err.split("\n")[0])
    found = f"{first[1] or ''} {first[2]}".strip() if first else ended.err[:300]
    wrong = [] if found == expected else [f"{name}: {found!r} is told, and not {expected!r}"]
    if ended.code not in (1, 2) or "Traceback" in ended.err or len(ended.err) > 400_000:
        wrong.append(f"{name}: it ends with {ended.code}, {len(ended.err):,} characters, {ended.err[-300:]!r}")
    if (root / LOCK).exists() or list(root.rglob("ran")):
        wrong.append(f"{name}: there is a lock, or something ran")
    return wrong


def all_judged(folder: Path, worlds: Sequence[World], *, obey: bool = False) -> list[str]:
    """Build every world, and say what is wrong with how it ended."""
    roots = [laid(folder / str(number), world) for number, (_, world, _) in enumerate(worlds)]
    answers = together([(root, ["build"]) for root in roots], obey=obey)
    return [
        one
        for (name, _, expected), root, ended in zip(worlds, roots, answers, strict=True)
        for one in judged(name, root, ended, expected)
    ]


def test_a_preset_of_hostile_content_is_one_clear_problem(tmp_path: Path) -> None:
    """Bombs, depth, size, bytes that are no text, tags, keys: each is told at its place, within the limits."""
    worlds: list[World] = [
        (name, {P: data}, f"{P}:{expected}" if ":" in expected else f"{P} {expected}")
        for name, data, expected in CONTENTS
    ]
    assert all_judged(tmp_path, worlds) == []


def test_an_odd_preset_that_can_be_read_is_built(tmp_path: Path) -> None:
    """What is only large or odd is built within the same limits, and its lock is what `yaml.safe_load` reads."""
    roots = [laid(tmp_path / str(number), {P: data}) for number, (_, data) in enumerate(BORNE)]
    answers = together([(root, ["build"]) for root in roots])
    assert [name for (name, _), ended in zip(BORNE, answers, strict=True) if ended.code != 0] == []
    for (name, data), root in zip(BORNE, roots, strict=True):
        if len(data) > MEGABYTE:
            continue  # the second reading takes longer than the build
        expected = yaml.load(data, Loader=yaml.CSafeLoader) or {}
        assert yaml.load((root / LOCK).read_bytes(), Loader=yaml.CSafeLoader) == expected, name


def extends(value: str, code: str, column: int = 10) -> World:
    """Give a world whose preset extends something that it cannot."""
    return (value[:60], {P: f"extends: {value}\n"}, f"{P}:1:{column} {code}")


EXTENDS: Final[list[World]] = [
    *(extends(value, "bad-extends") for value in ("3", "1.5", "true", "2001-01-01", "{a: b}", "{}", "''", "' '")),
    extends("", "bad-extends", 9),
    *(extends(value, "bad-extends", 11) for value in ("[[]]", "[null]", "[1]", "[{a: b}]", "['']")),
    extends('"a\\0b.yaml"', "bad-extends"),
    extends("p.yaml", "extends-cycle"),
    extends("./../train/p.yaml", "extends-cycle"),
    extends("sub/", "bad-extends"),
    *(extends(value, "outside-root") for value in ("..", "../..", "../../pyproject.toml", '"' + "../" * 3_000 + 'x"')),
    *(extends(value, "absolute-base") for value in ("/etc/passwd", "/dev/zero", "//etc/passwd", "/proc/self/environ")),
    *(
        extends(value, "missing-base")
        for value in (
            *("gone.yaml", "ok", "OK.YAML", '"ok.yaml "', "ok.yaml/x.yaml", "http://x/y.yaml", "file:///etc/passwd"),
            *("s3://x/y.yaml", '"*.yaml"', '"**/*.yaml"', "~/x.yaml", "$HOME/x.yaml", '"ok.yaml; touch ran"'),
            *('"$(touch ran)"', '"`touch ran`"', '"|touch ran"', '"\\e[31m.yaml"', '"a\\nb.yaml"', "..\\x.yaml"),
            *('"' + "a" * 300 + '.yaml"', '"' + "a/" * 3_000 + 'x.yaml"', '"' + "a" * MEGABYTE + '"', "-x.yaml"),
        )
    ),
    extends("[" + ", ".join(f"g{n}.yaml" for n in range(2_000)) + "]", "missing-base", 11),
    extends("[" + ", ".join(["ok.yaml"] * 10_001) + "]", "too-large", 11),
    (
        "a base 9,998 times",
        {P: "extends: [" + "b.yml," * 9_998 + "]", "configs/train/b.yml": "".join(f"k{n}: 1\n" for n in range(1_000))},
        f"{P}:1:11 too-large",
    ),
    extends("!!python/object/apply:os.system [touch ran]", "unsupported-tag"),
    ("both keys", {P: "extends: ok.yaml\ninherit: ok.yaml"}, f"{P}:2:1 bad-extends"),
    ("a key twice", {P: "extends: ok.yaml\nextends: ok.yaml"}, f"{P}:2:1 duplicate-key"),
    (
        "a file that is extended through two others",
        {P: "extends: a.yml", "configs/train/a.yml": "extends: b.yml", "configs/train/b.yml": "extends: p.yaml"},
        "configs/train/a.yml:1:10 extends-cycle",
    ),
]


def test_an_extends_that_means_nothing_is_one_clear_problem(tmp_path: Path) -> None:
    """Numbers, mappings, itself, globs, URLs, commands, ways out: told at the value, and nothing is run."""
    assert all_judged(tmp_path, EXTENDS) == []


def at_base(lay: Callable[[Path], object]) -> Callable[[Path], object]:
    """Lay something odd where a preset looks for its base."""

    def world(root: Path) -> None:
        write(root, {P: "extends: ../odd/b.yaml\n", "outside/b.yaml": "x: 1\n"})
        (root / "configs/odd").mkdir()
        lay(root / "configs/odd/b.yaml")

    return world


def bound(path: Path) -> None:
    """Make a socket; its name is short, as the system wants it."""
    here = os.open(".", os.O_RDONLY)
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.fchdir(here)
    os.close(here)


def sparse(path: Path) -> None:
    """Make a file of 50 MB that takes no room."""
    path.touch()
    os.truncate(path, 50 * MEGABYTE)


def closed(path: Path) -> None:
    """Make a file and take every permission from it."""
    path.write_text("x: 1\n")
    path.chmod(0)


B: Final = "configs/odd/b.yaml"

SPECIAL: Final[list[World]] = [
    ("FIFO", at_base(os.mkfifo), f"{B} unreadable-file"),
    ("socket", at_base(bound), f"{B} unreadable-file"),
    ("folder", at_base(lambda path: path.mkdir()), f"{B} unreadable-file"),
    ("50 MB", at_base(sparse), f"{B} too-large"),
    ("device", at_base(lambda path: path.symlink_to("/dev/zero")), f"{B} outside-root"),
    ("terminal", at_base(lambda path: path.symlink_to("/dev/tty")), f"{B} outside-root"),
    ("memory of the process", at_base(lambda path: path.symlink_to("/proc/self/mem")), f"{B} outside-root"),
    ("link out of the tree", at_base(lambda path: path.symlink_to("../../outside/b.yaml")), f"{B} outside-root"),
    ("link that leads nowhere", at_base(lambda path: path.symlink_to("gone")), f"{P}:1:10 missing-base"),
    ("link to itself", at_base(lambda path: path.symlink_to("b.yaml")), f"{P}:1:10 missing-base"),
    ("preset that is a FIFO", lambda root: os.mkfifo(root / P), f"{P} unreadable-file"),
    ("preset that is a device", lambda root: (root / P).symlink_to("/dev/zero"), f"{P} outside-root"),
    ("preset that is a link to itself", lambda root: (root / P).symlink_to("p.yaml"), f"{P} unreadable-file"),
    (
        "folders 300 deep",
        lambda root: _deep(root / "configs/train", 300),
        "configs/train/" + "/".join(["d"] * 100) + " unreadable-file",
    ),
]


def _deep(folder: Path, levels: int) -> None:
    here = os.open(".", os.O_RDONLY)
    os.chdir(folder)
    for _ in range(levels):
        os.mkdir("d")
        os.chdir("d")
    os.fchdir(here)
    os.close(here)


def _taken(root: Path, path: str, mode: int = 0) -> None:
    write(root, {P: "extends: ../sub/b.yaml\n", "configs/sub/b.yaml": "x: 1\n"})
    (root / path).chmod(mode)


CLOSED: Final[list[World]] = [
    ("base", lambda root: _taken(root, "configs/sub/b.yaml"), "configs/sub/b.yaml unreadable-file"),
    ("preset", lambda root: _taken(root, P), f"{P} unreadable-file"),
    ("folder of a base", lambda root: _taken(root, "configs/sub"), "configs/sub unreadable-file"),
    ("folder of presets", lambda root: _taken(root, "configs/train"), "configs/train unreadable-file"),
    ("folder without names", lambda root: _taken(root, "configs/train", 0o111), "configs/train unreadable-file"),
    ("config root", lambda root: _taken(root, "configs"), "configs unreadable-file"),
    ("settings", lambda root: _taken(root, "pyproject.toml"), "pyproject.toml bad-settings"),
]


@pytest.mark.parametrize("obey", [False, True], ids=["as we are", "as an ordinary user"])
def test_what_is_no_readable_file_never_blocks_and_is_told(tmp_path: Path, obey: bool) -> None:
    """FIFOs, devices, sockets, folders, links in circles and out of the tree, whoever asks."""
    assert all_judged(tmp_path, SPECIAL, obey=obey) == []


def test_files_and_folders_without_permission_are_told(tmp_path: Path) -> None:
    """As an ordinary user; the reason of the system is told at the file or the folder."""
    try:
        assert all_judged(tmp_path, CLOSED, obey=True) == []
    finally:
        for path in [*tmp_path.glob("*/configs"), *tmp_path.glob("*/configs/*")]:
            path.chmod(0o755)


def settings(text: str) -> Files:
    """Give a world with other settings."""
    return {"pyproject.toml": f"[tool.trainlock]\n{text}\n", P: "x: 1\n"}


def _other(path: str, lay: Callable[[Path], object]) -> Callable[[Path], object]:
    def world(root: Path) -> None:
        (root / path).unlink(missing_ok=True)
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        lay(root / path)

    return world


SETTINGS: Final[list[World]] = [
    ("FIFO", _other("pyproject.toml", os.mkfifo), "pyproject.toml bad-settings"),
    ("device", _other("pyproject.toml", lambda path: path.symlink_to("/dev/zero")), "pyproject.toml bad-settings"),
    ("50 MB", _other("pyproject.toml", sparse), "pyproject.toml bad-settings"),
    ("deep lists", settings("x = " + "[" * 10_000), "pyproject.toml bad-settings"),
    ("deep tables", settings("x = " + "{a=" * 5_000), "pyproject.toml bad-settings"),
    ("an integer of 10,000 digits", settings("x = " + "9" * 10_000), "pyproject.toml bad-settings"),
    ("100,000 settings", settings("\n".join(f"k{n} = 1" for n in range(100_000))), "pyproject.toml:2:1 bad-settings"),
    ("a folder with a NUL", settings('build = "\\u0000"'), "pyproject.toml:2:1 bad-settings"),
    ("a folder with a line end", settings('configs = "a\\nb"'), "pyproject.toml:2:1 bad-settings"),
    ("a folder 2,000 deep", settings('build = "' + "a/" * 2_000 + '"'), "pyproject.toml:2:1 bad-settings"),
    ("a glob of stars", settings(f'presets = ["{"*" * 200}z"]'), "no-presets"),
]


def test_settings_that_mean_nothing_are_told(tmp_path: Path) -> None:
    """A pyproject.toml that is no file, too deep, too long or too wild is one problem, and never blocks."""
    assert all_judged(tmp_path, SETTINGS) == []


M: Final = "configs/fusion/m.json"

MIXES: Final[list[World]] = [
    ("deep", {M: "[" * 100_000}, f"{M}:1:101 too-deep"),
    ("49,000 NaN", {M: '{"a": [' + "NaN," * 49_000 + "1]}"}, f"{M}:1:8 bad-json"),
    ("40,000 halves of surrogates", {M: '{"a": [' + '"\\ud800",' * 40_000 + "1]}"}, f"{M}:1:8 unportable-value"),
    ("a key 600,000 times", {M: "{" + '"a":1,' * 600_000 + '"b":2}'}, f"{M}:1:300000 too-large"),
    ("500,000 values", {M: '{"a": [' + "1," * 500_000 + "1]}"}, f"{M}:1:100004 too-large"),
    ("4 MB of line ends", {M: "{" + "\n" * (4 * MEGABYTE - 20) + '"a": NaN}'}, f"{M}:4194285:6 bad-json"),
    ("a key 10,000 times", {M: "{" + '"a": 1,' * 10_000 + '"a": 1}'}, f"{M}:1:9 duplicate-key"),
    ("a key of 1 MB", {M: '{"' + "k" * MEGABYTE + '": 1}'}, f"{M}:1:2 unportable-value"),
    ("NUL", {M: b'{"a": "\0"}'}, f"{M}:1:8 bad-json"),
    ("half a pair of surrogates", {M: '{"a": "\\ud800"}'}, f"{M}:1:7 unportable-value"),
    ("targets of numbers", {M: '{"targets": [1, 2]}'}, f"{M}:1:14 unnamed-entry"),
    ("5,000 entries of one name", {M: json.dumps({"targets": [{"name": "a"}] * 5_000})}, f"{M}:1:30 duplicate-entry"),
]


def test_a_hostile_mix_is_one_clear_problem(tmp_path: Path) -> None:
    """The same limits hold for JSON, and for the entries of a mix."""
    assert all_judged(tmp_path, MIXES) == []


def test_a_breach_would_be_seen(tmp_path: Path) -> None:
    """The negative control: a killed run, another code, a lock and a payload are each called wrong."""
    root = laid(tmp_path, {P: "a: 1\n"})
    told = f"{P}:1:1: error: x [bad-yaml]\n"
    assert judged("n", root, Ended(1, "", told), f"{P}:1:1 bad-yaml") == []
    assert judged("n", root, Ended(1, "", told), f"{P}:1:2 bad-yaml") != []
    assert judged("n", root, Ended(-9, "", told), f"{P}:1:1 bad-yaml") != []
    assert judged("n", root, Ended(1, "", told + "x" * MEGABYTE), f"{P}:1:1 bad-yaml") != []
    write(root, {LOCK: "a: 1\n"})
    assert judged("n", root, Ended(1, "", told), f"{P}:1:1 bad-yaml") != []
    (ended,) = together([(root, ["no-verb"])])
    assert (ended.code, ended.err.split("\n")[0]) == (2, "error: `no-verb` is no command [bad-usage]")
