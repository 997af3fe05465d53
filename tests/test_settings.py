"""settings: `[tool.trainlock]` under the options of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders import problems_of, worded, write
from compiler.settings import Settings, find_root, load


def test_a_repository_without_settings_gets_the_defaults(tmp_path: Path) -> None:
    """No pyproject, or one that says nothing of trainlock, is a foreign tree: nothing is assumed of it."""
    assert load(str(tmp_path)) == Settings()
    write(tmp_path, {"pyproject.toml": "[tool.other]\nx = 1\n"})
    assert load(str(tmp_path)) == Settings()
    assert Settings().fusion_key is None
    assert Settings().components == ()


def test_every_setting_is_read(tmp_path: Path) -> None:
    """Each key of the table arrives, keyed lists with what their entries are known by."""
    text = """
        [tool.trainlock]
        configs = "conf"
        build = "out"
        presets = ["a/*.yaml", "b.yml"]
        components = ["c/**"]
        fusion = ["f/*.json"]
        fusion-key = 'custom."fusion.config"'
        extends-keys = ["_BASE_"]

        [tool.trainlock.keyed]
        "custom.augmentation.ops" = "name"
        "stages" = ["id", "name"]
    """
    write(tmp_path, {"pyproject.toml": text})
    assert load(str(tmp_path)) == Settings(
        configs="conf",
        build="out",
        presets=("a/*.yaml", "b.yml"),
        components=("c/**",),
        fusion=("f/*.json",),
        fusion_key=("custom", "fusion.config"),
        extends_keys=("_BASE_",),
        keyed=((("custom", "augmentation", "ops"), ("name",)), (("stages",), ("id", "name"))),
    )


def test_an_option_takes_the_place_of_a_setting(tmp_path: Path) -> None:
    """The command line wins over the table, a list wholly; an option not given leaves the setting."""
    write(
        tmp_path,
        {"pyproject.toml": '[tool.trainlock]\nbuild = "out"\npresets = ["a", "b"]\nfusion-key = "mix"\n'},
    )
    found = load(str(tmp_path), presets=["c"], build=None, fusion_key="", extends_keys=["_BASE_"])
    assert found == Settings(build="out", presets=("c",), fusion_key=None, extends_keys=("_BASE_",))


def test_the_root_is_the_nearest_folder_with_the_table(tmp_path: Path) -> None:
    """A pyproject without the table is passed by; without any the starting folder is the root."""
    write(
        tmp_path,
        {
            "pyproject.toml": "[tool.trainlock.keyed]\n",
            "sub/pyproject.toml": "[tool.other]\n# [tool.trainlock]\n",
            "sub/deep/x": "",
        },
    )
    assert find_root(str(tmp_path / "sub" / "deep")) == str(tmp_path)
    write(tmp_path, {"pyproject.toml": ""})
    assert find_root(str(tmp_path / "sub" / "deep")) == str(tmp_path / "sub" / "deep")


BAD = [
    (
        "[tool.trainlock]\nconfig = 'x'\n",
        "pyproject.toml:2:1: error: `tool.trainlock.config` is no setting [bad-settings]\n"
        "    2 | config = 'x'\n"
        "      | ^\n"
        "  hint: did you mean `configs`?",
    ),
    (
        "[tool.trainlock]\n  configs = ''\n",
        "pyproject.toml:2:3: error: `tool.trainlock.configs` takes the path of a folder [bad-settings]\n"
        "    2 |   configs = ''\n"
        "      |   ^",
    ),
    (
        "[tool.trainlock]\npresets = 'a.yaml'\n",
        "pyproject.toml:2:1: error: `tool.trainlock.presets` takes a list of texts [bad-settings]\n"
        "    2 | presets = 'a.yaml'\n"
        "      | ^",
    ),
    (
        "[tool.trainlock]\npresets = ['../a.yaml']\n",
        "pyproject.toml:2:1: error: `tool.trainlock.presets` takes globs below the config root, "
        "and `../a.yaml` is none [bad-settings]\n"
        "    2 | presets = ['../a.yaml']\n"
        "      | ^",
    ),
    (
        "[tool.trainlock]\nfusion-key = 'a..b'\n",
        "pyproject.toml:2:1: error: `tool.trainlock.fusion-key` takes the path of a key: "
        "`a..b` is no key: it goes wrong at character 2 [bad-settings]\n"
        "    2 | fusion-key = 'a..b'\n"
        "      | ^",
    ),
    (
        "[tool.trainlock]\nfusion-key = 'a[0]'\n",
        "pyproject.toml:2:1: error: `tool.trainlock.fusion-key` takes a path of keys; an "
        "index is none [bad-settings]\n"
        "    2 | fusion-key = 'a[0]'\n"
        "      | ^",
    ),
    (
        "[tool.trainlock]\nfusion-key = 3\n",
        "pyproject.toml:2:1: error: `tool.trainlock.fusion-key` takes the path of a key [bad-settings]\n"
        "    2 | fusion-key = 3\n"
        "      | ^",
    ),
    (
        "[tool.trainlock]\nkeyed = 'ops'\n",
        "pyproject.toml:2:1: error: `tool.trainlock.keyed` takes a table such as "
        '`"custom.augmentation.ops" = "name"` [bad-settings]\n'
        "    2 | keyed = 'ops'\n"
        "      | ^",
    ),
    (
        "[tool.trainlock]\nextends-keys = []\n",
        "pyproject.toml:2:1: error: `tool.trainlock.extends-keys` takes at least one key [bad-settings]\n"
        "    2 | extends-keys = []\n"
        "      | ^",
    ),
    (
        "[tool.trainlock]\n[tool.trainlock.keyed]\nops = []\n",
        "pyproject.toml:2:1: error: `tool.trainlock.keyed` takes the path of a list and what its entries "
        "are known by [bad-settings]\n"
        "    2 | [tool.trainlock.keyed]\n"
        "      | ^",
    ),
    (
        "[tool]\ntrainlock = 3\n",
        "pyproject.toml: error: `tool.trainlock` is not a table [bad-settings]",
    ),
    (
        "[tool.trainlock]\nbuild = \n",
        "pyproject.toml:2:9: error: this is not TOML: invalid value [bad-settings]\n"
        "    2 | build = \n"
        "      |         ^",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[message.split("error: ")[1][:40] for _, message in BAD])
def test_a_setting_that_means_nothing_is_refused_at_its_place(tmp_path: Path, text: str, message: str) -> None:
    """Every bad setting is named with its line in pyproject.toml."""
    files = {"pyproject.toml": text}
    write(tmp_path, files)
    expected = message.replace("build = \n", "build =\n")
    assert worded(problems_of(lambda: load(str(tmp_path))), files) == expected


def test_a_pyproject_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, and a folder of that name."""
    (tmp_path / "pyproject.toml").write_bytes(b"\xff")
    refused = worded(problems_of(lambda: load(str(tmp_path))), {})
    assert refused == "pyproject.toml: error: `pyproject.toml` cannot be read [bad-settings]\n  why: it is not utf-8"
    (tmp_path / "pyproject.toml").unlink()
    (tmp_path / "pyproject.toml").mkdir()
    refused = worded(problems_of(lambda: load(str(tmp_path))), {})
    assert refused == "pyproject.toml: error: `pyproject.toml` cannot be read [bad-settings]\n  why: it is a folder"


@pytest.mark.parametrize(
    ("option", "value", "shown"),
    [
        ("configs", "", "`--configs` takes the path of a folder"),
        ("presets", ["/a"], "`--presets` takes globs below the config root, and `/a` is none"),
        ("components", ["../a"], "`--components` takes globs below the config root, and `../a` is none"),
        ("fusion_key", "a[0]", "`--fusion-key` takes a path of keys; an index is none"),
        ("extends_keys", [], "`--extends-key` takes at least one key"),
    ],
)
def test_a_bad_option_is_called_as_it_was_typed(tmp_path: Path, option: str, value: object, shown: str) -> None:
    """A message about an option names the option by the spelling of the command line."""
    assert worded(problems_of(lambda: load(str(tmp_path), **{option: value})), {}) == f"error: {shown} [bad-settings]"
