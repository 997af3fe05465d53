"""Values that know where they were written.

A `Node` is born in the reader with its `Origin`; merging moves it and remembers in `shadows` what it
overrode, so that provenance is never looked up in a side table. This module touches no file.

A value is a mapping of text to nodes, a list of nodes, or a scalar: text, int, float, bool, None, or one
of the two date types that `yaml.safe_load` makes.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any, Final

KeyPath = tuple[str | int, ...]
"""Where a value lies in a document: keys of mappings, and indexes of lists."""

MAX_DEPTH: Final = 100
"""How deep mappings and lists may nest; PyYAML's own safe loader gives up between 300 and 500."""

MAX_NODES: Final = 50_000
"""How many values a file may hold, its aliases written out; the largest real fragment has a few hundred."""

MAX_KEY: Final = 120
"""The longest key in characters; YAML ends simple keys at 1,024, and keys are for people."""

MAX_INT_DIGITS: Final = 4_000
"""The longest integer in decimal digits; Python refuses to read back more than 4,300."""

MAX_INT: Final = 10**MAX_INT_DIGITS

ENTRY_KEYS: Final = ("name", "dataset")
"""What an entry is known by: its `name`, else its `dataset`."""


class EntryName(str):
    """A step of a path that names an entry of a list rather than counting to it: the `lvis` of `sources[lvis]`."""

    __slots__ = ()


class Origin:
    """One place in one file: `file` is a POSIX path from the repository root, `line` and `column` count from 1."""

    __slots__ = ("column", "file", "line")

    def __init__(self, file: str, line: int, column: int) -> None:
        self.file = file
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def __repr__(self) -> str:
        return f"Origin({self})"

    def _key(self) -> tuple[str, int, int]:
        return (self.file, self.line, self.column)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Origin) and self._key() == other._key()

    def __lt__(self, other: Origin) -> bool:
        return self._key() < other._key()

    def __hash__(self) -> int:
        return hash(self._key())


NOWHERE: Final = Origin("", 0, 0)
"""The origin of a value that no file holds: of `node_of`, say."""


class Node:
    """A value, where it was written, and what it overrode.

    Attributes:
        value: a scalar, `dict[str, Node]` or `list[Node]`; never changed after birth, so trees share nodes.
        origin: of a mapping's entry the place of its key, of a list's item its first character.
        shadows: the nodes that this value overrode, latest first.
        over: of a mapping or a list, the steps at or below which merging overrode something, and perhaps more steps.
        text: what the emitter keeps: the indent, the bytes, and the key before them.
        canon: the canonical bytes, once they were made.
    """

    __slots__ = ("canon", "origin", "over", "shadows", "text", "value")

    def __init__(
        self,
        value: Any,
        origin: Origin,
        shadows: tuple[Node, ...] = (),
        over: Set[str | int] = frozenset(),
    ) -> None:
        self.value = value
        self.origin = origin
        self.shadows = shadows
        self.over = over
        self.text: tuple[int, bytes, str] | None = None
        self.canon: bytes | None = None

    def __repr__(self) -> str:
        return f"Node({plain(self)!r}, {self.origin})"


class FusionPath:
    """Stands in a digest document where the path of the fusion config stood: the resolved fusion values."""

    __slots__ = ("values",)

    def __init__(self, values: Node) -> None:
        self.values = values


def plain(node: Node) -> Any:
    """Give the value without its origins: dicts, lists and scalars, freshly made."""
    value = node.value
    if type(value) is dict:
        return {key: plain(child) for key, child in value.items()}
    if type(value) is list:
        return [plain(child) for child in value]
    return value


def node_of(value: Any, origin: Origin = NOWHERE) -> Node:
    """Give a plain value as a node, each part of it with the same origin."""
    if isinstance(value, Mapping):
        return Node({key: node_of(child, origin) for key, child in value.items()}, origin)
    if isinstance(value, (list, tuple)):
        return Node([node_of(child, origin) for child in value], origin)
    return Node(value, origin)


def leaves(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Node]]:
    """Yield each scalar with its path, in document order; an empty mapping or list counts as one leaf."""
    value = node.value
    if type(value) is dict and value:
        for key, child in value.items():
            yield from leaves(child, (*path, key))
    elif type(value) is list and value:
        for index, child in enumerate(value):
            yield from leaves(child, (*path, index))
    else:
        yield path, node


def number_of_values(node: Node) -> int:
    """Count a value and all that it holds; what an alias repeats is counted wherever it stands."""
    value = node.value
    children = value.values() if type(value) is dict else value if type(value) is list else ()
    return 1 + sum([number_of_values(child) for child in children])


def _long_text_bytes(text: str) -> bytes:
    data = text.encode()
    return b"s%d:%b" % (len(data), data)


_text_bytes: Final = functools.lru_cache(maxsize=16_384)(_long_text_bytes)


@functools.lru_cache(maxsize=16_384)
def _float_bytes(value: float) -> bytes:
    return b"d%b;" % repr(value).encode()


def _rare_bytes(value: Any) -> bytes:
    kind = type(value)
    if value is None:
        return b"n"
    if kind is FusionPath:
        return b"F" + canonical(value.values)
    if kind is datetime.datetime:
        return b"T%b;" % value.isoformat().encode()
    if kind is datetime.date:
        return b"D%b;" % value.isoformat().encode()
    raise TypeError(f"a config cannot hold a value of type {kind.__name__}")


def canonical(node: Node) -> bytes:
    """Give typed canonical bytes: equal exactly where the values are equal in type and content.

    null `n`, true `t`, false `f`, integer `i5;`, float `d0.1;` (the shortest digits that read back),
    text `s3:abc` (length in bytes of UTF-8), date `D2026-01-31;`, date and time `T...;`, list `l...e`, mapping
    `m...e` of keys (as text) and values, sorted by the keys' bytes; resolved fusion values after an `F`.
    """
    made = node.canon
    if made is not None:
        return made
    value = node.value
    kind = type(value)
    if kind is str:
        made = _text_bytes(value) if len(value) <= MAX_KEY else _long_text_bytes(value)  # prompts are not kept
    elif kind is bool:
        made = b"t" if value else b"f"
    elif kind is int:
        made = b"i%d;" % value
    elif kind is float:
        made = _float_bytes(value) if value else b"d%b;" % repr(value).encode()  # 0.0 and -0.0 are equal keys
    elif kind is dict:
        form, keys = _form(tuple(value))
        made = form % tuple([value[key].canon or canonical(value[key]) for key in keys])
    elif kind is list:
        made = b"l%be" % b"".join([child.canon or canonical(child) for child in value])
    else:
        made = _rare_bytes(value)
    node.canon = made
    return made


@functools.lru_cache(maxsize=1024)
def _form(keys: tuple[str, ...]) -> tuple[bytes, tuple[str, ...]]:
    """Give the canonical bytes of a mapping of some keys, with a gap for each value; and the keys, sorted."""
    ordered = tuple(sorted(keys))  # the order of code points is that of their UTF-8
    heads = [_text_bytes(key).replace(b"%", b"%%") for key in ordered]
    return b"m%be" % b"".join([head + b"%b" for head in heads]), ordered


def digest(node: Node) -> str:
    """Give `sha256:` and the hexadecimal SHA-256 of the canonical bytes."""
    return "sha256:" + hashlib.sha256(canonical(node)).hexdigest()


def replaced(node: Node, path: KeyPath, value: Any) -> Node:
    """Give the tree with another value at a path of keys, which must exist; nothing is changed in place."""
    if not path:
        return Node(value, node.origin, node.shadows)
    children = dict(node.value)
    children[path[0]] = replaced(children[path[0]], path[1:], value)
    return Node(children, node.origin, node.shadows)


def digest_document(values: Node, at: KeyPath, fusion: Node | None) -> Node:
    """Give what a preset's digest is taken of: the values, with the fusion values in the place of the path to them."""
    return values if fusion is None else replaced(values, at, FusionPath(fusion))


def unequal_leaves(left: Node, right: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Node | None, Node | None]]:
    """Yield the paths at which two trees differ in type or value, with both nodes; None stands for an absent one."""
    a, b = left.value, right.value
    if type(a) is dict and type(b) is dict and (a or b):
        for key in [*a, *(key for key in b if key not in a)]:
            if key not in a:
                yield (*path, key), None, b[key]
            elif key not in b:
                yield (*path, key), a[key], None
            else:
                yield from unequal_leaves(a[key], b[key], (*path, key))
    elif type(a) is list and type(b) is list and len(a) == len(b):
        for index, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from unequal_leaves(one, other, (*path, index))
    elif canonical(left) != canonical(right):
        yield path, left, right


_BARE_KEY: Final = re.compile(r"[^.\[\]\"\\\s]+")


def show_path(path: KeyPath) -> str:
    """Write a path as a person would: `custom.augmentation.ops[0].params.prob`; a key holding `.` or `[` is quoted."""
    parts: list[str] = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif isinstance(step, EntryName):
            parts.append(f"[{step}]" if _BARE_KEY.fullmatch(step) and not step.isdecimal() else f"[{_quoted(step)}]")
        else:
            bare = _BARE_KEY.fullmatch(step)
            key = step if bare else _quoted(step)
            parts.append(f".{key}" if parts else key)
    return "".join(parts)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class BadPath(ValueError):
    """A text that is no path; `column` counts its characters from 1."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column


_STEP: Final = re.compile(
    r"""\.?(?:(?P<bare>[^.\[\]"]+)|"(?P<quoted>(?:[^"\\]|\\.)*)")
        |\[(?:(?P<index>\d{1,9}(?=\]))|"(?P<entry>(?:[^"\\]|\\.)*)"|(?P<name>[^\]"]+))\]""",
    re.VERBOSE,
)


def parse_path(text: str) -> KeyPath:
    """Read a path: keys joined by dots, `[0]` an index, `[lvis]` or `["0"]` an entry's name, `"a.b"` a quoted key.

    Raises:
        BadPath: where the text is no path.
    """
    steps: list[str | int] = []
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None or (found[0][0] == ".") != bool(steps and found[0][0] != "["):
            raise BadPath(f"`{text}` is no key: it goes wrong at character {position + 1}", position + 1)
        if found["index"] is not None:
            steps.append(int(found["index"]))
        elif found["bare"] is not None:
            steps.append(found["bare"])
        elif found["quoted"] is not None:
            steps.append(re.sub(r"\\(.)", r"\1", found["quoted"]))
        else:
            entry = found["name"] if found["name"] is not None else re.sub(r"\\(.)", r"\1", found["entry"])
            steps.append(EntryName(entry))
        position = found.end()
    if not steps:
        raise BadPath("the key is empty", 1)
    return tuple(steps)


def entry_name(node: Node, keys: tuple[str, ...] = ENTRY_KEYS) -> str | None:
    """Give what a list's item is known by: the first of `keys` that it holds as text; None for any other item."""
    if type(node.value) is dict:
        for key in keys:
            child = node.value.get(key)
            if child is not None and type(child.value) is str and child.value:
                return str(child.value)
    return None


def step_into(node: Node, step: str | int) -> tuple[str | int, Node] | None:
    """Take one step of a parsed path: gives the step as the node has it, and the node there; or None."""
    value = node.value
    if type(value) is dict:
        key = str(step)
        child = value.get(key) if not isinstance(step, EntryName) else None
        return (key, child) if child is not None else None
    if type(value) is list:
        if isinstance(step, int) or (step.isdecimal() and len(step) < 10 and not isinstance(step, EntryName)):
            index = int(step)
            return (index, value[index]) if index < len(value) else None
        return next(((step, item) for item in value if entry_name(item) == step), None)
    return None


def under(node: Node, path: Iterable[str | int]) -> Node | None:
    """Give what mappings hold at a path of keys; None where they hold nothing there, or something is no mapping."""
    for key in path:
        child = node.value.get(key) if type(node.value) is dict else None
        if child is None:
            return None
        node = child
    return node


def held_at(node: Node, path: KeyPath) -> Node | None:
    """Give what a document holds at a path, entries by name; None where it holds nothing there."""
    for step in path:
        taken = step_into(node, step)
        if taken is None:
            return None
        node = taken[1]
    return node
