"""Bytes to `Fragment`: the only reading of YAML and JSON.

A value means what `yaml.safe_load` says (YAML 1.1), because that is what the trainer reads; a `.json` file means
what `json.loads` says. Nothing is improved here. What cannot be carried into a lock unchanged is refused with
its place. The bytes come from a `Tree`; the reader does not know which.

Positions come from libyaml's own marks, for free (measured: parsing into nodes and converting those costs half of
`yaml.load`).
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, Protocol

import yaml
from yaml.constructor import SafeConstructor
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.resolver import Resolver

from compiler.problems import Invalid, Note, Problem
from compiler.values import Node, Origin

MAX_BYTES: Final = 4 * 1024 * 1024
"""The largest file that is read; real fragments have a few kilobytes."""

MAX_DEPTH: Final = 100
"""How deep mappings and lists may nest; PyYAML's own safe loader gives up between 300 and 500."""

MAX_NODES: Final = 100_000
"""How many values a file may hold once its aliases are written out."""

MAX_KEY: Final = 120
"""The longest key in characters; YAML ends simple keys at 1,024, and keys are for people."""

MAX_INT_DIGITS: Final = 4_000
"""The longest integer in decimal digits; Python refuses to read back more than 4,300."""

_MAX_INT: Final = 10**MAX_INT_DIGITS


class Source(NamedTuple):
    """The bytes of one file, read once, and their SHA-256 in hexadecimal."""

    path: str
    data: bytes
    sha256: str


class Tree(Protocol):
    """Where bytes come from: the disk, a git revision, a mapping. Paths are POSIX, relative to the repository root."""

    def read(self, path: str) -> bytes:
        """Give a file's bytes; raises `OSError` where it is no readable regular file, `ValueError` where it is too large."""
        ...

    def exists(self, path: str) -> bool:
        """Say whether a file can be found at the path."""
        ...

    def real(self, path: str) -> str:
        """Give the path with every symbolic link resolved, still relative to the (resolved) root."""
        ...

    def names(self, folder: str) -> list[str]:
        """Give the names in a folder, sorted; none where it is no folder."""
        ...


class Disk:
    """The working tree as a `Tree`."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._real_root = os.path.realpath(root)
        self._real_folders: dict[str, str] = {}

    def read(self, path: str) -> bytes:
        """Read a regular file of at most `MAX_BYTES`; never blocks on a FIFO, never opens a device."""
        descriptor = os.open(os.path.join(self.root, path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            about = os.fstat(descriptor)
            if stat.S_ISDIR(about.st_mode):
                raise IsADirectoryError(21, "it is a folder", path)
            if not stat.S_ISREG(about.st_mode):
                raise OSError(22, "it is not a regular file", path)
            if about.st_size > MAX_BYTES:
                raise ValueError(f"it has {about.st_size:,} bytes, and {MAX_BYTES:,} are allowed")
            parts = []
            left = MAX_BYTES + 1
            while left > 0 and (part := os.read(descriptor, min(about.st_size + 1, left))):
                parts.append(part)
                left -= len(part)
            if left <= 0:
                raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
            return b"".join(parts)
        finally:
            os.close(descriptor)

    def exists(self, path: str) -> bool:
        """Say whether anything is there, a broken symbolic link not counted."""
        return os.path.exists(os.path.join(self.root, path))

    def real(self, path: str) -> str:
        """Resolve links; a folder is resolved once a run."""
        folder, _, name = path.rpartition("/")
        real_folder = self._real_folders.get(folder)
        if real_folder is None:
            real_folder = self._real_folders[folder] = os.path.realpath(os.path.join(self.root, folder))
        full = os.path.join(real_folder, name)
        if os.path.islink(full):
            full = os.path.realpath(full)
        return os.path.relpath(full, self._real_root).replace(os.sep, "/") if full != self._real_root else "."

    def names(self, folder: str) -> list[str]:
        """List a folder."""
        try:
            return sorted(os.listdir(os.path.join(self.root, folder)))
        except OSError:
            return []


class Memory:
    """A mapping of paths to text or bytes as a `Tree`."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self.files = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}

    def read(self, path: str) -> bytes:
        """Give the bytes kept for the path."""
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.files[path]

    def exists(self, path: str) -> bool:
        """Say whether the mapping holds the path, or a file below it."""
        return path in self.files or any(name.startswith(path + "/") for name in self.files)

    def real(self, path: str) -> str:
        """Give the path: a mapping has no links."""
        return path

    def names(self, folder: str) -> list[str]:
        """List what lies directly below the folder."""
        start = folder + "/" if folder else ""
        return sorted({name[len(start) :].split("/")[0] for name in self.files if name.startswith(start)})


class Fragment:
    """One file as read.

    Attributes:
        source: the path, the bytes and their digest.
        body: the root mapping.
        value_places: where the value of each top-level key begins (a node's own origin is the key's).
    """

    __slots__ = ("body", "source", "value_places")

    def __init__(self, source: Source, body: Node, value_places: dict[str, Origin]) -> None:
        self.source = source
        self.body = body
        self.value_places = value_places


def load(tree: Tree, path: str) -> Source:
    """Read a file's bytes, once.

    Raises:
        Invalid: `unreadable-file` or `too-large`.
    """
    whole = Origin(path, 0, 0)
    try:
        data = tree.read(path)
    except ValueError as error:
        raise Invalid(Problem("too-large", f"`{path}` is too large", whole, why=str(error))) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Invalid(Problem("unreadable-file", f"`{path}` cannot be read", whole, why=reason)) from None
    return Source(path, data, hashlib.sha256(data).hexdigest())


def read(source: Source) -> Fragment:
    """Parse one file.

    Raises:
        Invalid: with every problem found in the file; see `docs/problems.md`, section Reading.
    """
    try:
        text = source.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = source.data[: error.start].decode("utf-8", "replace")
        raise Invalid(
            Problem(
                "not-utf8",
                f"byte 0x{source.data[error.start]:02x} is not UTF-8",
                _place_after(source.path, before),
                why="a config is read as UTF-8, on every machine",
                hint="save the file as UTF-8",
            )
        ) from None
    if source.path.endswith(".json"):
        return _JsonReading(source, text).fragment()
    return _YamlReading(source).fragment()


def _place_after(path: str, text: str) -> Origin:
    line = text.count("\n") + 1
    return Origin(path, line, len(text) - (text.rfind("\n") + 1) + 1)


def source_lines(source: Source, line: int) -> str | None:
    """Give line `line` (from 1) of a file's text, for an excerpt; None past its end."""
    lines = source.data.decode("utf-8-sig", "replace").split("\n")
    return lines[line - 1].rstrip("\r") if 0 < line <= len(lines) else None


# ---------------------------------------------------------------------------------------------- YAML

_TAG: Final = "tag:yaml.org,2002:"
_STR, _NULL, _BOOL, _INT, _FLOAT = _TAG + "str", _TAG + "null", _TAG + "bool", _TAG + "int", _TAG + "float"
_MAP, _SEQ, _MERGE, _VALUE, _TIME = _TAG + "map", _TAG + "seq", _TAG + "merge", _TAG + "value", _TAG + "timestamp"
_UNPORTABLE: Final = {
    _TAG + "binary": "binary data",
    _TAG + "set": "a set",
    _TAG + "omap": "an ordered map",
    _TAG + "pairs": "a list of pairs",
}


class _Composer(CParser, Resolver):  # type: ignore[misc]
    """libyaml's parser up to nodes; plain scalars are resolved through a memo, as most of them recur."""

    _memo: dict[tuple[str, bool], str] = {}  # noqa: RUF012 - shared on purpose, and bounded

    def __init__(self, data: bytes) -> None:
        CParser.__init__(self, data)
        Resolver.__init__(self)

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        if kind is not yaml.ScalarNode:
            return _MAP if kind is yaml.MappingNode else _SEQ
        if not implicit[0]:
            return _STR
        memo = self._memo
        tag = memo.get(value)
        if tag is None:
            if len(memo) > 16_384:
                memo.clear()
            tag = memo[value] = Resolver.resolve(self, kind, value, implicit)
        return tag

    def descend_resolver(self, _parent: Any, _index: Any) -> None:
        """Skip path resolvers: a safe loader has none."""

    def ascend_resolver(self) -> None:
        """Skip path resolvers."""


class _YamlReading:
    """The reading of one YAML file: collects its problems, raises them together."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.path = source.path
        self.problems: list[Problem] = []
        self.construct = _SCALARS
        self.depth = 0
        # only a file that holds an anchor can meet a node twice
        self.seen: dict[int, Node | None] | None = {} if b"&" in source.data else None

    def fragment(self) -> Fragment:
        root = self._compose()
        if root is None or (type(root) is yaml.ScalarNode and root.tag == _NULL and root.value == ""):
            return Fragment(self.source, Node({}, Origin(self.path, 1, 1)), {})
        if type(root) is not yaml.MappingNode or root.tag != _MAP:
            kind = {yaml.SequenceNode: "a list", yaml.MappingNode: "a tagged mapping"}.get(type(root), "a single value")
            raise Invalid(
                Problem(
                    "not-a-mapping",
                    f"the file holds {kind} where a mapping is expected",
                    self._at(root),
                    why="a preset, a component and a fusion config are mappings of keys to values",
                )
            )
        if self.seen is not None:
            self._check_expansion(root)
        body = self._node(root, Origin(self.path, 1, 1))
        if self.problems:
            raise Invalid(*self.problems)
        places = {key.value: self._at(value) for key, value in root.value if key.tag != _MERGE}
        return Fragment(self.source, body, places)

    def _compose(self) -> Any:
        data = self.source.data
        # a flow collection or a compact block sequence can nest once a byte or two; the parser recurses in C
        if data.count(b"[") + data.count(b"{") + data.count(b"- ") + data.count(b"? ") > MAX_DEPTH:
            self._check_depth(data)
        try:
            composer = _Composer(data)
            try:
                return composer.get_single_node()
            finally:
                composer.dispose()
        except yaml.MarkedYAMLError as error:
            raise Invalid(self._syntax_problem(error)) from None
        except yaml.reader.ReaderError as error:
            raise Invalid(self._character_problem(error)) from None
        except RecursionError:
            raise Invalid(self._too_deep(Origin(self.path, 0, 0))) from None

    def _check_depth(self, data: bytes) -> None:
        parser = CParser(data)
        depth = 0
        try:
            while (event := parser.get_event()) is not None:
                if isinstance(event, yaml.CollectionStartEvent):
                    depth += 1
                    if depth > MAX_DEPTH:
                        raise Invalid(self._too_deep(self._at(event)))
                elif isinstance(event, yaml.CollectionEndEvent):
                    depth -= 1
        except yaml.YAMLError:
            return  # told with its place by the composer
        finally:
            parser.dispose()

    def _too_deep(self, origin: Origin) -> Problem:
        return Problem("too-deep", f"the document nests more than {MAX_DEPTH} levels deep", origin, why="no trainer reads deeper")

    def _check_expansion(self, root: Any) -> None:
        """Refuse a document whose aliases hold themselves, or expand to more than `MAX_NODES` values."""
        sizes: dict[int, int] = {}
        open_nodes: set[int] = set()

        def size(node: Any) -> int:
            known = sizes.get(id(node))
            if known is not None:
                return known
            if id(node) in open_nodes:
                raise Invalid(
                    Problem("recursive-alias", "an anchored value holds an alias of itself", self._at(node), why="a lock is finite")
                )
            total = 1
            if not isinstance(node, yaml.ScalarNode):
                open_nodes.add(id(node))
                for item in node.value:
                    total += size(item[0]) + size(item[1]) if type(item) is tuple else size(item)
                open_nodes.discard(id(node))
            if total > MAX_NODES:
                raise Invalid(
                    Problem(
                        "too-large",
                        f"the aliases of this value expand to more than {MAX_NODES:,} values",
                        self._at(node),
                        why="a lock writes every alias out",
                    )
                )
            sizes[id(node)] = total
            return total

        size(root)

    def _at(self, marked: Any) -> Origin:
        mark = marked.start_mark
        return Origin(self.path, mark.line + 1, mark.column + 1)

    def _node(self, node: Any, origin: Origin) -> Node:
        if type(node) is yaml.ScalarNode and self.seen is None:
            tag = node.tag
            return Node(node.value if tag == _STR else self._scalar(node, tag), origin)
        return self._shared(node, origin) if self.seen is not None else self._collection(node, origin)

    def _shared(self, node: Any, origin: Origin) -> Node:
        """Convert a node that may be met again through an alias; its origin is then where it stands anchored."""
        assert self.seen is not None
        made = self.seen.get(id(node))
        if made is None:
            if type(node) is yaml.ScalarNode:
                made = Node(node.value if node.tag == _STR else self._scalar(node, node.tag), origin)
            else:
                made = self._collection(node, origin)
            self.seen[id(node)] = made
        return made

    def _collection(self, node: Any, origin: Origin) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Invalid(self._too_deep(self._at(node)))
        path = self.path
        value: Any
        if type(node) is yaml.MappingNode:
            value = {}
            if node.tag != _MAP:
                self._refuse_tag(node)
            else:
                for key, child in self._pairs(node):
                    mark = key.start_mark
                    value[key.value] = self._node(child, Origin(path, mark.line + 1, mark.column + 1))
        else:
            value = []
            if node.tag != _SEQ:
                self._refuse_tag(node)
            else:
                for child in node.value:
                    mark = child.start_mark
                    value.append(self._node(child, Origin(path, mark.line + 1, mark.column + 1)))
        self.depth -= 1
        return Node(value, origin)

    def _pairs(self, node: Any) -> list[tuple[Any, Any]]:
        """Give a mapping's pairs after its merge keys, which come first and lose, as PyYAML has it; checks the keys."""
        pairs: list[tuple[Any, Any]] = node.value
        places: dict[str, Any] = {}
        merges: list[Any] = []
        good = []
        for key, child in pairs:
            if key.tag == _MERGE:
                name = "<<"
                merges.append(child)
            elif type(key) is yaml.ScalarNode and key.tag in (_STR, _VALUE):
                name = key.value
                if len(name) > MAX_KEY:
                    self._report("unportable-value", f"the key has {len(name):,} characters, and {MAX_KEY} are allowed", key)
                good.append((key, child))
            else:
                self._refuse_key(key)
                continue
            earlier = places.get(name)
            if earlier is not None:
                self._repeated(name, earlier, key)
            places[name] = key
        if not merges:
            return good
        return [*self._merged(merges), *good]

    def _merged(self, merges: list[Any]) -> Iterator[tuple[Any, Any]]:
        for merge in merges:
            if type(merge) is yaml.MappingNode:
                yield from self._pairs(merge)
            elif type(merge) is yaml.SequenceNode and all(type(item) is yaml.MappingNode for item in merge.value):
                for item in reversed(merge.value):
                    yield from self._pairs(item)
            else:
                self._report("bad-yaml", "a merge key takes a mapping, or a list of mappings", merge)

    def _repeated(self, name: str, earlier: Any, again: Any) -> None:
        hint = "name both in one list: the first of them wins" if name == "<<" else "keep one of the two"
        self.problems.append(
            Problem(
                "duplicate-key",
                f"the key `{name}` is written twice in one mapping",
                self._at(again),
                why="a YAML reader keeps the last one and says nothing",
                notes=(Note(self._at(earlier), "holds it first"),),
                hint=hint,
            )
        )

    def _refuse_key(self, key: Any) -> None:
        if type(key) is not yaml.ScalarNode:
            self._report("non-string-key", "a key is a list or a mapping", key, why="every key of a config is text")
            return
        kinds = {_BOOL: "a boolean", _INT: "an integer", _FLOAT: "a float", _NULL: "null", _TIME: "a date"}
        kind = kinds.get(key.tag)
        if kind is None:
            self._refuse_tag(key)
        else:
            self._report(
                "non-string-key",
                f"the key `{key.value}` reads as {kind}",
                key,
                why="every key of a config is text",
                hint=f'quote it: `"{key.value}"`',
            )

    def _refuse_tag(self, node: Any) -> None:
        tag: str = node.tag
        shown = "!!" + tag[len(_TAG) :] if tag.startswith(_TAG) else tag
        if tag in _UNPORTABLE:
            self._report(
                "unportable-value",
                f"`{shown}` makes {_UNPORTABLE[tag]}, which a lock cannot carry",
                node,
                why="every reader of a lock must read the same typed value",
                hint="write it as text, as a list or as a mapping",
            )
        else:
            self._report(
                "unsupported-tag",
                f"the tag `{shown}` is not read",
                node,
                why="`yaml.safe_load`, by which training reads, knows only the plain tags, and no tag may run code",
                hint="write the plain value",
            )

    def _scalar(self, node: Any, tag: str) -> Any:
        """Give the value that PyYAML's safe constructor gives."""
        make = self.construct.get(tag)
        if make is None:
            self._refuse_tag(node)
            return None
        try:
            value = make(node)
        except (ValueError, KeyError, OverflowError, TypeError, AttributeError, yaml.YAMLError):
            self._report(
                "invalid-scalar",
                f"`{_cut(node.value)}` cannot be read as {tag[len(_TAG) :]}",
                node,
                why="`yaml.safe_load` fails on it",
                hint=f'quote it if it is text: `"{_cut(node.value)}"`',
            )
            return None
        if type(value) is int and not -_MAX_INT < value < _MAX_INT:
            self._report("unportable-value", f"the integer has more than {MAX_INT_DIGITS:,} digits", node, hint="write it as text")
            return None
        return value

    def _report(self, code: str, message: str, node: Any, *, why: str = "", hint: str = "") -> None:
        self.problems.append(Problem(code, message, self._at(node), why=why, hint=hint))

    def _syntax_problem(self, error: yaml.MarkedYAMLError) -> Problem:
        mark = error.problem_mark or error.context_mark
        origin = Origin(self.path, mark.line + 1, mark.column + 1) if mark else Origin(self.path, 0, 0)
        if error.context == "expected a single document in the stream":
            return Problem(
                "several-documents",
                "the file holds more than one document",
                origin,
                why="a config is one document",
                hint="split the file, or take the `---` out",
            )
        notes: tuple[Note, ...] = ()
        if error.context and error.context_mark and error.context_mark is not mark:
            place = Origin(self.path, error.context_mark.line + 1, error.context_mark.column + 1)
            notes = (Note(place, f"is where the parser was {error.context}"),)
        hint = "indent with spaces" if "\\t" in str(error.problem) or "'\\t'" in str(error.problem) else ""
        return Problem("bad-yaml", f"this is not YAML: {error.problem or error.context}", origin, notes=notes, hint=hint)

    def _character_problem(self, error: yaml.reader.ReaderError) -> Problem:
        text = self.source.data.decode("utf-8-sig", "replace")
        bad = next((index for index, char in enumerate(text) if not _readable(char)), 0)
        code = f"U+{ord(text[bad]):04X}" if text else "?"
        return Problem(
            "bad-yaml",
            f"the character {code} may not stand in a YAML file",
            _place_after(self.path, text[:bad]),
            hint='write it as an escape in a double-quoted text, such as `"\\x00"`',
        )


def _readable(char: str) -> bool:
    code = ord(char)
    return char in "\t\n\r\x85" or 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _scalar_makers() -> dict[str, Callable[[Any], Any]]:
    """Give per tag the constructor of PyYAML's own safe loader, numbers through a bounded memo."""
    safe = SafeConstructor()

    def remembered(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
        memo: dict[str, Any] = {}

        def made(node: Any) -> Any:
            text = node.value
            if text in memo:
                return memo[text]
            if len(memo) > 16_384:
                memo.clear()
            value = memo[text] = make(node)
            return value

        return made

    return {
        _STR: lambda node: node.value,
        _NULL: lambda _node: None,
        _BOOL: safe.construct_yaml_bool,
        _INT: remembered(safe.construct_yaml_int),
        _FLOAT: remembered(safe.construct_yaml_float),
        _TIME: safe.construct_yaml_timestamp,
    }


_SCALARS: Final = _scalar_makers()


# ---------------------------------------------------------------------------------------------- JSON


class _JsonReading:
    """The reading of one JSON file; values come from `json.loads`, places from a scan of our own beside it."""

    def __init__(self, source: Source, text: str) -> None:
        self.source = source
        self.text = text
        self.path = source.path
        self.problems: list[Problem] = []

    def fragment(self) -> Fragment:
        text = self.text
        if not text.strip():
            return Fragment(self.source, Node({}, Origin(self.path, 1, 1)), {})
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            raise Invalid(Problem("bad-json", f"this is not JSON: {error.msg.lower()}", _place_after(self.path, text[: error.pos]))) from None
        except RecursionError:
            raise Invalid(Problem("too-deep", f"the document nests more than {MAX_DEPTH} levels deep", Origin(self.path, 0, 0))) from None
        except ValueError as error:
            raise Invalid(Problem("unportable-value", "a number has too many digits", Origin(self.path, 0, 0), why=str(error))) from None
        self.newlines = [index for index, char in enumerate(text) if char == "\n"]
        self.position = 0
        self._skip()
        if text[self.position] != "{":
            raise Invalid(
                Problem(
                    "not-a-mapping",
                    "the file holds a list or a single value where a mapping is expected",
                    self._here(),
                    why="a preset, a component and a fusion config are mappings of keys to values",
                )
            )
        body = self._value(Origin(self.path, 1, 1), 1)
        if self.problems:
            raise Invalid(*self.problems)
        return Fragment(self.source, body, {})

    def _here(self) -> Origin:
        from bisect import bisect_left  # noqa: PLC0415 - JSON is rare: keep it off the start-up path

        line = bisect_left(self.newlines, self.position)
        start = self.newlines[line - 1] + 1 if line else 0
        return Origin(self.path, line + 1, self.position - start + 1)

    def _skip(self) -> None:
        while self.position < len(self.text) and self.text[self.position] in " \t\n\r":
            self.position += 1

    def _token(self) -> Any:
        """Read one text, number or word through `json`, and move behind it."""
        decoder = json.JSONDecoder()
        value, self.position = decoder.raw_decode(self.text, self.position)
        return value

    def _value(self, origin: Origin, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise Invalid(Problem("too-deep", f"the document nests more than {MAX_DEPTH} levels deep", self._here()))
        opening = self.text[self.position]
        if opening == "{":
            return self._object(origin, depth)
        if opening == "[":
            return self._array(origin, depth)
        place = self._here()
        value = self._token()
        if type(value) is str:
            self._check_text(value, place)
        elif type(value) is float and value != value:  # noqa: PLR0124 - NaN
            self.problems.append(Problem("bad-json", "`NaN` is not JSON", place, hint="JSON has no word for it"))
        elif type(value) is float and value in (float("inf"), float("-inf")):
            self.problems.append(Problem("bad-json", "the number is infinite", place, why="JSON has no word for it"))
        elif type(value) is int and not -_MAX_INT < value < _MAX_INT:
            self.problems.append(Problem("unportable-value", f"the integer has more than {MAX_INT_DIGITS:,} digits", place))
        return Node(value, origin)

    def _check_text(self, value: str, place: Origin) -> None:
        if any("\ud800" <= char <= "\udfff" for char in value):
            self.problems.append(
                Problem("unportable-value", "the text holds half of a surrogate pair", place, why="it has no bytes in UTF-8")
            )

    def _object(self, origin: Origin, depth: int) -> Node:
        value: dict[str, Node] = {}
        places: dict[str, Origin] = {}
        self.position += 1
        self._skip()
        while self.text[self.position] != "}":
            place = self._here()
            key = self._token()
            self._check_text(key, place)
            if len(key) > MAX_KEY:
                self.problems.append(Problem("unportable-value", f"the key has {len(key):,} characters, and {MAX_KEY} are allowed", place))
            if key in places:
                self.problems.append(
                    Problem(
                        "duplicate-key",
                        f"the key `{key}` is written twice in one mapping",
                        place,
                        why="a JSON reader keeps the last one and says nothing",
                        notes=(Note(places[key], "holds it first"),),
                        hint="keep one of the two",
                    )
                )
            places[key] = place
            self._skip()
            self.position += 1  # the colon
            self._skip()
            value[key] = self._value(place, depth + 1)
            self._next()
        self.position += 1
        return Node(value, origin)

    def _array(self, origin: Origin, depth: int) -> Node:
        value: list[Node] = []
        self.position += 1
        self._skip()
        while self.text[self.position] != "]":
            value.append(self._value(self._here(), depth + 1))
            self._next()
        self.position += 1
        return Node(value, origin)

    def _next(self) -> None:
        self._skip()
        if self.text[self.position] == ",":
            self.position += 1
            self._skip()

