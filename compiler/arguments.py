"""The arguments of the command: what can be asked, and with which options.

Where things are can be said with every verb; each such option takes the place of a setting in `[tool.trainlock]`.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, Final

from compiler import __version__
from compiler.problems import Problem, UsageError, did_you_mean
from compiler.store import WAIT_SECONDS


class _Formatter(argparse.HelpFormatter):
    """Knows the width of the terminal without `shutil`, whose import takes longer than making the parser."""

    def __init__(self, prog: str) -> None:
        columns = os.environ.get("COLUMNS", "")
        if not columns.isdecimal() or not int(columns):
            try:
                columns = str(os.get_terminal_size(sys.__stdout__.fileno()).columns)  # type: ignore[union-attr]
            except (AttributeError, ValueError, OSError):
                columns = "80"
        super().__init__(prog, width=int(columns) - 2)


class _Parser(argparse.ArgumentParser):
    def __init__(self, **given: Any) -> None:
        super().__init__(formatter_class=_Formatter, **given)

    def error(self, message: str) -> Any:
        wrong = message
        hint = ""
        chosen = re.match(r"argument COMMAND: invalid choice: (.+) \(choose from ", message, re.DOTALL)
        if chosen is not None:
            import ast  # noqa: PLC0415 - only for a word that is no command

            word = str(ast.literal_eval(chosen[1]))
            wrong, hint = f"`{word}` is no command", did_you_mean(word, VERBS)
        raise UsageError(Problem("bad-usage", wrong, hint=hint or f"`{self.prog} --help`"))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_WAIT:
        raise argparse.ArgumentTypeError(f"`{text}` is no number of seconds")
    return seconds


def _path(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("a path is needed")
    return text


MAX_WAIT = 7 * 24 * 3600.0
"""The longest that a build can be told to wait, in seconds; NaN would be for ever."""


class _Unasked:
    """Stands for the parser of a verb that nobody asked for: making all of them takes longer than most answers."""

    def add_argument(self, *_names: str, **_given: Any) -> None:
        """Take nothing down."""


def parser(arguments: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """Give the parser of the command; it raises `UsageError` where argparse would exit.

    Args:
        arguments: what will be parsed, if that is known: no other verb than the one in it is made ready.
    """
    only = arguments[0] if arguments and arguments[0] in VERBS else None
    places = _Parser(add_help=False)
    group = places.add_argument_group("where things are (each takes the place of a setting in [tool.trainlock])")
    group.add_argument(
        "--root",
        metavar="DIR",
        help="the repository root (default: the nearest folder upwards with the settings)",
    )
    group.add_argument("--configs", metavar="DIR", help="the config root")
    group.add_argument("--build", metavar="DIR", help="where locks go")
    group.add_argument(
        "--presets", metavar="GLOB", action="append", help="presets, below the config root; may be repeated"
    )
    group.add_argument(
        "--components",
        metavar="GLOB",
        action="append",
        help="components, each of one section; may be repeated",
    )
    group.add_argument(
        "--fusion", metavar="GLOB", action="append", help="fusion configs that get a lock; may be repeated"
    )
    group.add_argument("--fusion-key", metavar="KEY", help="the key of a preset that names its fusion config")
    group.add_argument(
        "--extends-key",
        metavar="KEY",
        action="append",
        dest="extends_keys",
        help="a key that names bases; may be repeated",
    )
    data = _Parser(add_help=False)
    data.add_argument("--json", action="store_true", help="print JSON")

    made = _Parser(prog="trainlock", description="Author in small pieces, run from one flat file.", allow_abbrev=False)
    made.add_argument("--version", action="version", version=f"trainlock {__version__}")
    verbs = made.add_subparsers(dest="verb", metavar="COMMAND", required=True, parser_class=_Parser)

    def verb(name: str, text: str, *parents: _Parser) -> argparse.ArgumentParser | _Unasked:
        if only not in (None, name):
            return _Unasked()
        taken = list(parents or (places, data))
        return verbs.add_parser(name, parents=taken, help=text, description=text, allow_abbrev=False)

    built = verb("build", "compile presets, and write the locks that differ")
    built.add_argument("preset", nargs="*", metavar="PRESET", help="a name, a source or a lock (default: all)")
    _add_staged(built)
    _add_wait(built)
    _add_strict(built)
    checked = verb("check", "compile in memory, and compare with the locks; writes nothing")
    checked.add_argument("preset", nargs="*", metavar="PRESET", help="a name, a source or a lock (default: all)")
    _add_staged(checked)
    _add_strict(checked)
    checked.add_argument("--data", action="store_true", help="ask whether the files of records exist, too")
    checked.add_argument(
        "--format",
        choices=("text", "github", "sarif"),
        help="text (default); github adds annotations; sarif prints one document for code scanning",
    )
    asked = verb("why", "say where a value was written, and what it overrode")
    asked.add_argument("preset", metavar="PRESET", help="a name, a source or a lock")
    asked.add_argument(
        "key",
        metavar="KEY",
        help="such as tuner.lora_rank, ops[0].prob, sources[lvis].ratio; fusion:KEY asks the mix alone",
    )
    _add_world_size(asked)
    printed = verb("show", "print a flattened preset")
    printed.add_argument("preset", metavar="PRESET", help="a name, a source or a lock")
    printed.add_argument("--origins", action="store_true", help="put file:line:column before every leaf")
    _add_world_size(printed)
    reached = verb("impact", "say which presets a fragment reaches, which hold what at a key, or what edits change")
    reached.add_argument("what", nargs="*", metavar="FILE|KEY", help="fragments, or one key")
    reached.add_argument("--since", metavar="REV", default="", help="what the edits since a revision change")
    drawn = verb("graph", "draw what presets are made of")
    drawn.add_argument("preset", nargs="*", metavar="PRESET", help="a name, a source or a lock (default: all)")
    drawn.add_argument("--format", choices=("text", "dot", "mermaid"), default="text", help="default: text")
    planned = verb("plan", "say the true batch for every number of devices")
    planned.add_argument("preset", metavar="PRESET", help="a name, a source or a lock")
    _add_world_size(planned)
    drafted = verb("schema", "print the JSON Schema by which an editor completes keys and underlines what is wrong")
    drafted.add_argument(
        "kind",
        nargs="?",
        choices=SCHEMAS,
        default="preset",
        metavar="KIND",
        help="preset (default; of bases, too), component or fusion",
    )
    verb("list", "list presets and fusion configs, and how their locks stand")
    proven = verb("prove", "say whether every preset trains as it did, and show what differs")
    proven.add_argument("preset", nargs="*", metavar="PRESET", help="a name, a source or a lock (default: all)")
    proven.add_argument(
        "--against",
        metavar="legacy|REV|DIR",
        default="legacy",
        help="the legacy records (default), a git revision, or the root of another tree",
    )
    proven.add_argument(
        "--mapping", metavar="FILE", type=_path, help="which preset there became which here, and the waivers"
    )
    proven.add_argument(
        "--witness",
        choices=("all", "bytes"),
        default="all",
        help="bytes leaves deepdiff out, for trees of thousands",
    )
    proven.add_argument("--mutants", choices=("sample", "all"), default="sample", help="how many changes are planted")
    proven.add_argument(
        "--reports", metavar="DIR", type=_path, help="where reports go (default: `reports` below the build folder)"
    )
    proven.add_argument("--annotate", action="store_true", help="print GitHub annotations, too")
    _add_wait(proven)
    told = verb("diff", "say what differs between two presets, or in one preset since a revision")
    told.add_argument("preset", metavar="A", help="a name, a source or a lock")
    told.add_argument("other", nargs="?", metavar="B", help="another preset (default: the same one)")
    told.add_argument("--from", metavar="REV", dest="since", default="", help="look at A as it was at a revision")
    told.add_argument("--to", metavar="REV", dest="until", default="", help="look at B as it was at a revision")
    _add_wait(verb("watch", "build at every save, and say what is wrong with what was saved", places))
    shells = verbs.add_parser("completion", help="print what makes a shell complete commands, presets and keys")
    shells.add_argument("shell", choices=("bash", "zsh", "fish"), metavar="bash|zsh|fish")
    return made


def _add_strict(verb: argparse.ArgumentParser | _Unasked) -> None:
    verb.add_argument("--strict", action="store_true", help="exit 1 on a warning, too")


def _add_staged(verb: argparse.ArgumentParser | _Unasked) -> None:
    verb.add_argument(
        "--staged", action="store_true", help="fail as well where a commit would not hold the locks as they lie"
    )


def _add_world_size(verb: argparse.ArgumentParser | _Unasked) -> None:
    verb.add_argument("--world-size", type=_devices, metavar="N", help="devices over all machines")


def _devices(text: str) -> int:
    if not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= MAX_DEVICES:
        raise argparse.ArgumentTypeError(f"`{text}` is no number of devices")
    return int(text)


MAX_DEVICES: Final = 1_000_000
"""The most devices that a plan is made for."""


def _add_wait(verb: argparse.ArgumentParser | _Unasked) -> None:
    verb.add_argument(
        "--wait",
        type=_seconds,
        default=WAIT_SECONDS,
        metavar="SECONDS",
        help="how long to wait for another build",
    )


SCHEMAS: Final = ("preset", "component", "fusion")
"""What `schema` prints a schema of; the kinds of `json_schema`, which only that verb needs."""


VERBS: Final = (
    "build",
    "check",
    "completion",
    "diff",
    "graph",
    "impact",
    "list",
    "plan",
    "prove",
    "schema",
    "show",
    "watch",
    "why",
)
