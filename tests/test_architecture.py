"""The walls of the house: what each module may import and do, and that the table in the package says so."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import compiler

PACKAGE = Path(compiler.__file__).parent
REPOSITORY = PACKAGE.parent

LONGEST = 400
"""Lines of one module."""

LONGEST_DODO = 60
"""Lines of `dodo.py`, which is a contents page."""

OWNERS = {
    "yaml": {"reader", "scalars", "syntax"},
    "doit": {"tasks"},
    "deepdiff": {"compare"},
    "argcomplete": {"completion"},
    "fcntl": {"store"},
    "subprocess": {"history"},
    "watchfiles": {"watching"},
}
"""Which modules may import what others leave alone."""

WRITERS = {"store"}
"""The modules that write to disk."""

OS_WRITES = re.compile(
    "chmod|chown|ftruncate|link|makedirs|mkdir|mkfifo|pwrite|remove|removedirs|rename|renames|replace|rmdir|symlink"
    "|truncate|unlink|utime|write"
)
"""Functions of `os` that change the disk."""

PATH_WRITES = re.compile("chmod|hardlink_to|mkdir|rename|rmdir|symlink_to|touch|unlink|write_bytes|write_text")
"""Methods that change the disk, whatever the name before the dot."""

SHUTIL_READS = {"which", "disk_usage", "get_terminal_size"}
"""What of `shutil` changes nothing."""


def sources() -> dict[str, str]:
    """Give the text of every module by name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.glob("*.py"))}


def table() -> list[str]:
    """Give the modules that the package's docstring names, in its order."""
    text = compiler.__doc__ or ""
    head = re.search(r"^ *module +what lives there.*\n((?: +.+\n)+)", text, re.MULTILINE)
    assert head is not None, "the docstring of the package has no table"
    indent = re.match(r" *", head[0])
    assert indent is not None
    return [line.split()[0] for line in head[1].splitlines() if re.match(rf" {{{len(indent[0])}}}\w", line)]


def imports(text: str) -> Iterator[tuple[str, int]]:
    """Yield what a module imports, anywhere in it, with the line: `compiler.x` for one of ours, else the top name."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                yield ".".join(parts[:2]) if parts[0] == "compiler" else parts[0], node.lineno
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield "relative", node.lineno
            elif node.module == "compiler":
                yield from ((f"compiler.{alias.name}", node.lineno) for alias in node.names)
            elif node.module is not None:
                parts = node.module.split(".")
                yield ".".join(parts[:2]) if parts[0] == "compiler" else parts[0], node.lineno
        elif (isinstance(node, ast.Name) and node.id == "__import__") or (
            isinstance(node, ast.Attribute) and node.attr == "import_module"
        ):
            yield "hidden", node.lineno


def upward(name: str, text: str, order: list[str]) -> list[str]:
    """Give each import of a module that does not stand above it in the table."""
    above = {f"compiler.{other}" for other in order[: order.index(name)]} | {"compiler.__version__"}
    wrong = []
    for imported, line in imports(text):
        if imported in ("relative", "hidden") or (imported.split(".")[0] == "compiler" and imported not in above):
            wrong.append(f"{name}:{line} imports {imported}")
    return wrong


def trespasses(name: str, text: str) -> list[str]:
    """Give each import of a package that belongs to another module."""
    return [
        f"{name}:{line} imports {imported}"
        for imported, line in imports(text)
        if imported in OWNERS and name not in OWNERS[imported]
    ]


def _mode(call: ast.Call, place: int) -> str:
    given = call.args[place] if len(call.args) > place else None
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "mode"), given)
    if given is None:
        return "r"
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else "unknown"


def writes(name: str, text: str) -> list[str]:
    """Give each call that can change the disk."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            taken = {alias.name for alias in node.names}
            if (
                (node.module == "os" and any(OS_WRITES.fullmatch(word) or word == "open" for word in taken))
                or (node.module == "shutil" and taken - SHUTIL_READS)
                or node.module == "tempfile"
            ):
                found.append(f"{name}:{node.lineno} imports from {node.module}")
        if isinstance(node, ast.Import) and "tempfile" in {alias.name for alias in node.names}:
            found.append(f"{name}:{node.lineno} imports tempfile")
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Name) and function.id == "open":
            if set(_mode(node, 1)) - set("rbt"):
                found.append(f"{name}:{node.lineno} opens for writing")
        elif isinstance(function, ast.Attribute):
            holder = function.value.id if isinstance(function.value, ast.Name) else ""
            if holder == "os" and function.attr == "open":
                flags = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
                if flags & {"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"} and not _is_devnull(node):
                    found.append(f"{name}:{node.lineno} opens for writing")
            elif holder == "os" and OS_WRITES.fullmatch(function.attr):
                found.append(f"{name}:{node.lineno} calls os.{function.attr}")
            elif holder == "shutil" and function.attr not in SHUTIL_READS:
                found.append(f"{name}:{node.lineno} calls shutil.{function.attr}")
            elif holder not in ("os", "re") and PATH_WRITES.fullmatch(function.attr):
                found.append(f"{name}:{node.lineno} calls {function.attr}")
            elif function.attr == "open" and holder != "os" and set(_mode(node, 0)) - set("rbt"):
                found.append(f"{name}:{node.lineno} opens for writing")
    return found


def _is_devnull(call: ast.Call) -> bool:
    first = call.args[0]
    return isinstance(first, ast.Attribute) and first.attr == "devnull"


def undocumented(name: str, text: str) -> list[str]:
    """Give each public module, class, function and method without a docstring."""
    tree = ast.parse(text)
    missing = [] if ast.get_docstring(tree) else [name]

    def walk(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith(
                "_"
            ):
                if ast.get_docstring(node) is None:
                    missing.append(f"{prefix}.{node.name}")
                if isinstance(node, ast.ClassDef):
                    walk(node.body, f"{prefix}.{node.name}")

    walk(tree.body, name)
    return missing


def leftovers(name: str, text: str) -> list[str]:
    """Give each line that promises work for later."""
    word = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
    return [f"{name}:{number}" for number, line in enumerate(text.splitlines(), 1) if word.search(line)]


MODULES = sorted(set(sources()) - {"__init__", "__main__"})


def test_the_table_names_every_module_and_no_other() -> None:
    """The docstring of the package is a table of the modules that are there, each once."""
    assert sorted(table()) == MODULES


def test_the_table_gives_each_module_a_home_and_a_limit() -> None:
    """Each row says what lives there and what it must never do."""
    text = compiler.__doc__ or ""
    rows = [line.strip() for line in text.splitlines() if line.split() and line.split()[0] in MODULES]
    assert [row for row in rows if len(re.split(r" {2,}| (?=\w+(?: \w+)*$)", row)) < 3] == []


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_from_those_above(name: str) -> None:
    """No import points down the table, be it inside a function."""
    assert upward(name, sources()[name], table()) == []


@pytest.mark.parametrize("name", MODULES)
def test_what_has_an_owner_is_left_to_it(name: str) -> None:
    """YAML belongs to the reader, doit to the tasks, the build lock to the store, deepdiff to the comparison."""
    assert trespasses(name, sources()[name]) == []


@pytest.mark.parametrize("name", MODULES)
def test_only_the_store_writes(name: str) -> None:
    """One module changes the disk; whoever else opens a file opens it for reading."""
    if name not in WRITERS:
        assert writes(name, sources()[name]) == []
    else:
        assert writes(name, sources()[name]) != []


def test_what_words_complaints_of_a_parser_does_not_parse() -> None:
    """The module beside the reader may know PyYAML's exceptions, and calls none of its parsers."""
    called = {
        node.attr
        for node in ast.walk(ast.parse(sources().get("syntax", "")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "yaml"
    }
    assert {name for name in called if "load" in name or name in ("parse", "compose", "scan", "dump")} == set()


@pytest.mark.parametrize("name", [*MODULES, "__init__", "__main__"])
def test_a_module_stays_short(name: str) -> None:
    """A module that grows past the limit holds two things."""
    assert len(sources()[name].splitlines()) <= LONGEST


def test_no_module_is_a_drawer() -> None:
    """A module is called by what lives there."""
    drawers = {"utils", "util", "common", "helpers", "helper", "misc", "tools", "core", "base"}
    assert drawers & set(sources()) == set()
    assert [path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"] == []


def test_dodo_is_a_contents_page() -> None:
    """It is short, and defines nothing of its own."""
    text = (REPOSITORY / "dodo.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < LONGEST_DODO
    kinds = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.If)
    assert [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)] == []
    assert {imported for imported, _ in imports(text)} == {"compiler.tasks"}


@pytest.mark.parametrize("name", [*MODULES, "__init__", "__main__"])
def test_nothing_is_left_for_later(name: str) -> None:
    """What is not done stands in an issue, not in the code."""
    assert leftovers(name, sources()[name]) == []


@pytest.mark.parametrize("name", [*MODULES, "__init__", "__main__"])
def test_everything_public_is_documented(name: str) -> None:
    """Each public module, class, function and method has a docstring."""
    assert undocumented(name, sources()[name]) == []


# ------------------------------------------------------------------------------ the checks themselves


@pytest.mark.parametrize(
    "text",
    [
        "from compiler.cli import main",
        "from compiler import cli",
        "import compiler.cli",
        "import compiler.cli as x",
        "def f():\n    from compiler.cli import main",
        "from compiler.reader import read",
        "from . import values",
        "from .values import Node",
        "import importlib\nimportlib.import_module('compiler.cli')",
        "__import__('compiler.cli')",
        "import compiler",
    ],
)
def test_an_import_down_the_table_is_found(text: str) -> None:
    """However it is written."""
    order = ["values", "problems", "reader", "cli"]
    assert upward("reader", f"from compiler.values import Node\n{text}\n", order) != []
    assert upward("reader", "from compiler.values import Node\nfrom compiler import problems\nimport os\n", order) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("merging", "import yaml"),
        ("merging", "from yaml.nodes import Node"),
        ("pipeline", "def f():\n    import doit"),
        ("database", "from doit.dependency import JsonDB"),
        ("cli", "from deepdiff import DeepDiff"),
        ("tasks", "import fcntl"),
    ],
)
def test_a_trespass_is_found(name: str, text: str) -> None:
    """And the owner may."""
    package = next(imports(text))[0]
    assert trespasses(name, text) != []
    assert [owner for owner in OWNERS[package] if trespasses(owner, text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "open('x', 'w')",
        "open('x', mode='ab')",
        "open('x', 'r+')",
        "open('x', mode)",
        "path.open('w')",
        "path.write_text('x')",
        "Path('x').unlink()",
        "os.open('x', os.O_RDWR | os.O_CREAT)",
        "os.open('x', flags=os.O_WRONLY)",
        "os.replace('a', 'b')",
        "os.unlink('x')",
        "os.makedirs('x')",
        "def f():\n    os.mkdir('x')",
        "import shutil\nshutil.rmtree('x')",
        "import tempfile",
        "from os import unlink",
        "from shutil import rmtree",
    ],
)
def test_a_write_is_found(text: str) -> None:
    """However it is written."""
    assert writes("made_up", text) != []


@pytest.mark.parametrize(
    "text",
    [
        "open('x')",
        "open('x', 'rb')",
        "open('x', encoding='utf-8')",
        "path.open('rb')",
        "os.open('x', os.O_RDONLY | os.O_NONBLOCK)",
        "os.open(os.devnull, os.O_WRONLY)",
        "os.path.join('a', 'b')",
        "'a'.replace('b', 'c')",
        "from os import path",
        "import shutil\nshutil.which('x')",
        "from shutil import which",
    ],
)
def test_reading_is_no_write(text: str) -> None:
    """What only looks is let through."""
    assert writes("made_up", text) == []


def test_what_is_undocumented_is_found() -> None:
    """Public names count, private ones do not."""
    text = (
        '"""M."""\ndef f(): ...\ndef _g(): ...\n'
        'class C:\n    """C."""\n    def m(self): ...\n    def __init__(self): ...\n'
    )
    assert undocumented("made_up", text) == ["made_up.f", "made_up.C.m"]
    assert undocumented("made_up", "x = 1\n") == ["made_up"]


def test_what_is_left_for_later_is_found() -> None:
    """Both words, wherever they stand in a line."""
    later = ["TO" + "DO", "FIX" + "ME"]
    assert leftovers("made_up", f"x = 1  # {later[0]}: y\n# {later[1]}\nmethod = 1\n") == ["made_up:1", "made_up:2"]
