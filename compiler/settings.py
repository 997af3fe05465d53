"""Settings: `[tool.trainlock]` of the repository's `pyproject.toml`, under the options of the command line.

[tool.trainlock]
configs = "configs"                         # the config root, from the repository root
build = "build"                             # where locks go
presets = ["train/**/*.yaml"]               # globs below the config root
components = ["components/**/*.yaml"]
fusion = ["fusion/variants/**/*.yaml"]      # fusion configs that get a lock even if no preset names them
fusion-key = "custom.fusion_config"         # the key of a preset that names its fusion config
trainer = "ms-swift 3.10.3"                 # check the keys of presets against this trainer's arguments
extends-keys = ["extends", "inherit"]

[tool.trainlock.keyed]                      # lists of presets that merge by entry
"custom.augmentation.ops" = "name"

[[tool.trainlock.silence]]                  # what a check tells, and is meant so
check = "shared-output"
path = "configs/train/sft/summary_2048.yaml"
reason = "it has always written to the folders of summary_1024"
"""

from __future__ import annotations

import os
import posixpath
import re
import tomllib
from typing import Any, Final, NamedTuple

from compiler.problems import MOST_OF_A_KIND, Problem, UsageError, did_you_mean
from compiler.tree import MAX_FOLDERS, Disk
from compiler.values import NOWHERE, BadPath, KeyPath, Origin, parse_path

PYPROJECT: Final = "pyproject.toml"


class Silence(NamedTuple):
    """A reasoned acceptance of what one check tells of some files.

    Attributes:
        check: the code of the problems.
        paths: globs of the files in which they stand, from the repository root.
        reason: why it is meant so.
        origin: where it is written.
    """

    check: str
    paths: tuple[str, ...]
    reason: str
    origin: Origin = NOWHERE


class Settings(NamedTuple):
    """What a repository says of itself.

    Attributes:
        configs, build: folders, from the repository root.
        presets, components, fusion: globs below the config root; `**` stands for any number of folders.
        fusion_key: the path of the key that names a preset's fusion config; None compiles presets alone.
        extends_keys: the keys that name bases.
        trainer: the trainer against whose arguments presets are checked; None checks no key.
        keyed: lists of presets that merge by entry, with the keys an entry is known by.
        silence: what checks tell, and is meant so.
    """

    configs: str = "configs"
    build: str = "build"
    presets: tuple[str, ...] = ("**/*.yaml", "**/*.yml")
    components: tuple[str, ...] = ()
    fusion: tuple[str, ...] = ()
    fusion_key: KeyPath | None = None
    extends_keys: tuple[str, ...] = ("extends", "inherit")
    keyed: tuple[tuple[KeyPath, tuple[str, ...]], ...] = ()
    trainer: str | None = None
    silence: tuple[Silence, ...] = ()


def find_root(start: str) -> str:
    """Give the nearest folder, from `start` upwards, whose `pyproject.toml` has a `[tool.trainlock]`; else `start`."""
    folder = os.path.abspath(start)
    while True:
        try:
            text = Disk(folder).read(PYPROJECT).decode("utf-8", "replace")
            if re.search(r"^\s*\[\s*tool\s*\.\s*trainlock\s*[\].]", text, re.MULTILINE):
                return folder
        except (OSError, ValueError):
            pass
        parent = os.path.dirname(folder)
        if parent == folder:
            return os.path.abspath(start)
        folder = parent


def load(root: str, **options: Any) -> Settings:
    """Read the settings of a repository; an option that is not None takes the place of the setting of that name.

    Args:
        root: the repository root; a `pyproject.toml` there is read if it has a `[tool.trainlock]`.
        options: fields of `Settings` as the command line gives them: texts and lists of texts.

    Raises:
        UsageError: `bad-settings`, with every setting that means nothing.
    """
    table, text = _table(root)
    problems: list[Problem] = []
    given = {name.replace("_", "-"): value for name, value in options.items() if value is not None}
    fields: dict[str, Any] = {}
    for name, value in {**table, **given}.items():
        if len(problems) == MOST_OF_A_KIND:
            break
        read = _READERS.get(name)
        shown = f"--{_OPTION_OF.get(name, name)}" if name in given else f"tool.trainlock.{name}"
        try:
            if read is not None:
                fields[name.replace("-", "_")] = read(value)
                continue
            wrong, hint = "is no setting", did_you_mean(name, _READERS)
        except ValueError as error:
            wrong, hint = str(error), ""
            if isinstance(error, _BadTable) and len(heads := _lines_of_tables(text, name)) > error.index:
                problems.append(Problem("bad-settings", f"`{shown}` {wrong}", heads[error.index]))
                continue
        origin = Origin("", 0, 0) if name in given else _line_of(text, name)
        problems.append(Problem("bad-settings", f"`{shown}` {wrong}", origin, hint=hint))
    if problems:
        raise UsageError(*problems)
    made = Settings(**fields)
    places = _lines_of_tables(text, "silence") or [_line_of(text, "silence")] * len(made.silence)
    return made._replace(
        silence=tuple(one._replace(origin=place) for one, place in zip(made.silence, places, strict=False))
    )


def _table(root: str) -> tuple[dict[str, Any], str]:
    try:
        text = Disk(root).read(PYPROJECT).decode("utf-8")
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError) as error:
        is_text = not isinstance(error, UnicodeDecodeError)
        reason = (getattr(error, "strerror", None) or str(error)) if is_text else "it is not UTF-8"
        raise UsageError(
            Problem("bad-settings", f"`{PYPROJECT}` cannot be read", Origin(PYPROJECT, 0, 0), why=reason.lower())
        ) from None
    try:
        tool = tomllib.loads(text).get("tool", {})
    except RecursionError:
        message = "it nests too deep for a reader of TOML"
        raise UsageError(Problem("bad-settings", message, Origin(PYPROJECT, 0, 0))) from None
    except ValueError as error:
        place = re.search(r"line (\d+), column (\d+)", str(error))
        origin = Origin(PYPROJECT, int(place[1]), int(place[2])) if place else Origin(PYPROJECT, 0, 0)
        reason = re.sub(r" \(at .*", "", str(error)).lower()
        if not isinstance(error, tomllib.TOMLDecodeError):
            reason = "a number has more digits than Python reads"
        raise UsageError(Problem("bad-settings", f"this is not TOML: {reason}", origin)) from None
    table = tool.get("trainlock", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise UsageError(Problem("bad-settings", "`tool.trainlock` is not a table", Origin(PYPROJECT, 0, 0)))
    return table, text


def _line_of(text: str, name: str) -> Origin:
    """Give the place of a setting; `tomllib` keeps none."""
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("["):
            inside = "tool.trainlock" in line
            if inside and re.search(rf"tool\.trainlock\.{re.escape(name)}\b", line):
                return Origin(PYPROJECT, number, line.index("[") + 1)
        elif inside and re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*[=.]", line):
            return Origin(PYPROJECT, number, len(line) - len(line.lstrip()) + 1)
    return Origin(PYPROJECT, 0, 0)


def _lines_of_tables(text: str, name: str) -> list[Origin]:
    """Give the place of each `[[tool.trainlock.NAME]]`."""
    head = re.compile(rf"\s*\[\[\s*tool\s*\.\s*trainlock\s*\.\s*{re.escape(name)}\s*\]\]")
    return [
        Origin(PYPROJECT, number, line.index("[") + 1)
        for number, line in enumerate(text.split("\n"), 1)
        if head.match(line)
    ]


def _folder(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("[^\x00-\x1f\x7f]+", value) or value.count("/") > MAX_FOLDERS:
        raise ValueError("takes the path of a folder")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise ValueError("takes a list of texts")
    return tuple(value)


def _globs(value: Any) -> tuple[str, ...]:
    globs = _texts(value)
    for glob in globs:
        if glob.startswith("/") or ".." in glob.split("/"):
            raise ValueError(f"takes globs below the config root, and `{glob}` is none")
    return tuple(posixpath.normpath(glob) for glob in globs)


def _key(value: Any) -> KeyPath | None:
    if not isinstance(value, str):
        raise ValueError("takes the path of a key")
    if not value:
        return None
    try:
        path = parse_path(value)
    except BadPath as error:
        raise ValueError(f"takes the path of a key: {error}") from None
    if any(isinstance(step, int) for step in path):
        raise ValueError("takes a path of keys; an index is none")
    return tuple(str(step) for step in path)


def _extends_keys(value: Any) -> tuple[str, ...]:
    keys = tuple(dict.fromkeys(_texts(value)))
    if not keys:
        raise ValueError("takes at least one key")
    return keys


TRAINERS: Final = ("ms-swift 3.10.3",)
"""The trainers whose arguments are recorded."""


def _trainer(value: Any) -> str:
    if value not in TRAINERS:
        known = ", ".join(f"`{name}`" for name in TRAINERS)
        raise ValueError(f"takes the trainer whose arguments are recorded: {known}")
    return str(value)


def _keyed(value: Any) -> tuple[tuple[KeyPath, tuple[str, ...]], ...]:
    if not isinstance(value, dict):
        raise ValueError('takes a table such as `"custom.augmentation.ops" = "name"`')
    keyed = []
    for path, keys in value.items():
        names = (keys,) if isinstance(keys, str) and keys else _texts(keys)
        place = _key(path)
        if place is None or not names:
            raise ValueError("takes the path of a list and what its entries are known by")
        keyed.append((place, names))
    return tuple(keyed)


class _BadTable(ValueError):
    """A table of a list that means nothing; `index` counts it from 0."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


def _silence(value: Any) -> tuple[Silence, ...]:
    if not isinstance(value, list):
        raise ValueError("takes tables, each headed `[[tool.trainlock.silence]]`")
    made = []
    for index, one in enumerate(value):
        keys = ("check", "path", "reason")
        if not isinstance(one, dict):
            raise _BadTable(index, "takes tables, each headed `[[tool.trainlock.silence]]`")
        lacking, odd = [key for key in keys if key not in one], [key for key in one if key not in keys]
        if lacking or odd:
            said = f"has no `{lacking[0]}`" if lacking else f"holds `{odd[0]}`, which means nothing"
            raise _BadTable(index, f"takes tables of `check`, `path` and `reason`; this one {said}")
        if not all(isinstance(one[key], str) and one[key].strip() for key in ("check", "reason")):
            raise _BadTable(index, "takes a text for `check`, and one for `reason`")
        paths = [one["path"]] if isinstance(one["path"], str) else one["path"]
        if not isinstance(paths, list) or not paths or not all(isinstance(path, str) and path for path in paths):
            raise _BadTable(index, "takes a path, or a list of paths, for `path`")
        for path in paths:
            if path.startswith("/") or "\\" in path or posixpath.normpath(path).startswith("../"):
                raise _BadTable(index, f"takes paths from the repository root, and `{path}` is none")
        made.append(Silence(one["check"], tuple(map(_glob, paths)), one["reason"]))
    return tuple(made)


def _glob(path: str) -> str:
    """Give a glob as paths are spelled; a folder stands for all that lies below it."""
    return posixpath.normpath(path) + ("/**" if path.endswith("/") else "")


_OPTION_OF: Final = {"extends-keys": "extends-key"}

_READERS: Final = {
    "configs": _folder,
    "build": _folder,
    "presets": _globs,
    "components": _globs,
    "fusion": _globs,
    "fusion-key": _key,
    "extends-keys": _extends_keys,
    "keyed": _keyed,
    "trainer": _trainer,
    "silence": _silence,
}
