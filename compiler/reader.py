"""Bytes to `Fragment`: the only reading of YAML.

A value means what `yaml.safe_load` says (YAML 1.1), because that is what the trainer reads; a `.json` file means
what `json.loads` says. Nothing is improved here. What cannot be carried into a lock unchanged is refused with
its place.

Positions come from libyaml's own marks, for free (measured: parsing into nodes and converting those costs half of
`yaml.load`).
"""

from __future__ import annotations

import functools
import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

import yaml
from yaml.constructor import SafeConstructor
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.resolver import Resolver

from compiler.json_reader import read_json
from compiler.problems import Invalid, Note, Problem
from compiler.syntax import character_problem, check_events, check_expansion, syntax_problem, too_deep
from compiler.tree import Source, place_after
from compiler.values import MAX_DEPTH, MAX_INT, MAX_INT_DIGITS, MAX_KEY, MAX_NODES, Node, Origin


class Fragment:
    """One file as read.

    Attributes:
        source: the path, the bytes and their digest.
        body: the root mapping.
        value_places: where the value of each top-level key begins (a node's own origin is the key's).
        warnings: what was read as it stands, and is seldom meant.
    """

    __slots__ = ("body", "source", "value_places", "warnings")

    def __init__(
        self, source: Source, body: Node, value_places: dict[str, Origin], warnings: tuple[Problem, ...] = ()
    ) -> None:
        self.source = source
        self.body = body
        self.value_places = value_places
        self.warnings = warnings


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
                place_after(source.path, before),
                why="a config is read as UTF-8, on every machine",
                hint="save the file as UTF-8",
            )
        ) from None
    if source.path.endswith(".json"):
        return Fragment(source, read_json(source.path, text), {})
    return _YamlReading(source).fragment()


# ---------------------------------------------------------------------------------------------- YAML

_SCALAR: Final = yaml.ScalarNode
_TAG: Final = "tag:yaml.org,2002:"
_STR, _NULL, _BOOL, _INT, _FLOAT = _TAG + "str", _TAG + "null", _TAG + "bool", _TAG + "int", _TAG + "float"
_MAP, _SEQ, _MERGE, _VALUE, _TIME = (
    _TAG + "map",
    _TAG + "seq",
    _TAG + "merge",
    _TAG + "value",
    _TAG + "timestamp",
)
_UNPORTABLE: Final = {
    _TAG + "binary": "binary data",
    _TAG + "set": "a set",
    _TAG + "omap": "an ordered map",
    _TAG + "pairs": "a list of pairs",
}


_resolver: Final = Resolver()


@functools.lru_cache(maxsize=16_384)
def _tag_of(kind: Any, value: Any, implicit: Any) -> str:
    """Give the tag of a node as a safe loader resolves it; most plain scalars recur."""
    return str(_resolver.resolve(kind, value, implicit))  # type: ignore[no-untyped-call]


class _Composer(CParser):
    """libyaml's parser up to nodes. What it calls for each of them is written in C: a memo, and nothing at all."""

    resolve = staticmethod(_tag_of)
    # a safe loader has no path resolvers: two callables that take what these are given, and do nothing with it
    descend_resolver = staticmethod(operator.is_)
    ascend_resolver = staticmethod(int)


class _YamlReading:
    """The reading of one YAML file: collects its problems, raises them together."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.path = source.path
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
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
            check_expansion(self.path, root)
        body = self._node(root, Origin(self.path, 1, 1))
        if self.problems:
            raise Invalid(*self.problems)
        places = {key.value: self._at(value) for key, value in root.value if key.tag != _MERGE}
        return Fragment(self.source, body, places, tuple(self.warnings))

    def _compose(self) -> Any:
        data = self.source.data
        if data.find(b"\xef\xbb\xbf", 1) >= 0:
            raise Invalid(character_problem(self.source))
        # the parser recurses in C, once a level, and a level can cost a byte or two
        levels = data.count(b"[") + data.count(b"{") + data.count(b"- ") + data.count(b"? ")
        if levels > MAX_DEPTH or b"!" in data or data.count(b"\n") + data.count(b",") > MAX_NODES // 4:
            parser = CParser(data)
            try:
                self.problems += check_events(self.path, parser.get_event)
            except yaml.YAMLError:
                pass  # told with its place below
            finally:
                parser.dispose()
        composer = None
        try:
            composer = _Composer(data)
            return composer.get_single_node()
        except yaml.MarkedYAMLError as error:
            raise Invalid(syntax_problem(self.source, error)) from None
        except yaml.reader.ReaderError:
            raise Invalid(character_problem(self.source)) from None
        finally:
            if composer is not None:
                composer.dispose()

    def _at(self, marked: Any) -> Origin:
        mark = marked.start_mark
        return Origin(self.path, mark.line + 1, mark.column + 1)

    def _node(self, node: Any, origin: Origin) -> Node:
        if type(node) is _SCALAR and self.seen is None:
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
            raise Invalid(too_deep(self._at(node)))
        path = self.path
        value: Any
        if type(node) is yaml.MappingNode:
            value = {}
            if node.tag != _MAP:
                self._refuse_tag(node)
            else:
                for key, child in self._pairs(node):
                    mark = key.start_mark
                    place = Origin(path, mark.line + 1, mark.column + 1)
                    is_text = type(child) is _SCALAR and child.tag == _STR and self.seen is None
                    value[sys.intern(key.value)] = Node(child.value, place) if is_text else self._node(child, place)
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
        names = {key.value for key, _ in pairs if key.tag == _STR and type(key) is _SCALAR}
        if len(names) == len(pairs) and len(max(names, key=len, default="")) <= MAX_KEY:
            return pairs  # as nearly all are
        places: dict[str, Any] = {}
        merges: list[Any] = []
        good = []
        for key, child in pairs:
            if key.tag == _MERGE:
                name = "<<"
                merges.append(child)
            elif type(key) is _SCALAR and key.tag in (_STR, _VALUE):
                name = key.value
                if len(name) > MAX_KEY:
                    self._report(
                        "unportable-value",
                        f"the key has {len(name):,} characters, and {MAX_KEY} are allowed",
                        key,
                    )
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
        why = "every key of a config is text"
        if type(key) is not yaml.ScalarNode:
            hint = "a text that begins with a bracket is quoted"
            self._report("non-string-key", "a key is a list or a mapping", key, why=why, hint=hint)
            return
        kinds = {_BOOL: "a boolean", _INT: "an integer", _FLOAT: "a float", _NULL: "null", _TIME: "a date"}
        kind = kinds.get(key.tag)
        if kind is None:
            self._refuse_tag(key)
        else:
            hint = f'quote it: `"{key.value}"`'
            self._report("non-string-key", f"the key `{key.value}` reads as {kind}", key, why=why, hint=hint)

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
        text = node.value
        make = self.construct.get(tag)
        if make is None:
            if tag in (_MERGE, _VALUE):
                self._report("invalid-scalar", f"`{text}` is no value of its own", node, hint=f'quote it: `"{text}"`')
            else:
                self._refuse_tag(node)
            return None
        if tag in (_INT, _FLOAT) and len(text) > 2 * MAX_INT_DIGITS:
            self._report("unportable-value", f"the number has {len(text):,} characters", node, hint="write it as text")
            return None
        try:
            value = make(node)
        except (LookupError, ValueError, OverflowError, TypeError, AttributeError, yaml.YAMLError):
            self._report(
                "invalid-scalar",
                f"`{_cut(text)}` cannot be read as {tag[len(_TAG) :]}",
                node,
                why="`yaml.safe_load` fails on it",
                hint=f'quote it if it is text: `"{text}"`' if 0 < len(text) <= 60 else "",
            )
            return None
        if type(value) is int and not -MAX_INT < value < MAX_INT:
            self._report(
                "unportable-value",
                f"the integer has more than {MAX_INT_DIGITS:,} digits",
                node,
                hint="write it as text",
            )
            return None
        if tag == _TIME:
            self.warnings.append(
                Problem(
                    "date-value",
                    f"`{_cut(text)}` reads as a date",
                    self._at(node),
                    why="YAML 1.1 makes a date of it, YAML 1.2 a text",
                    hint=f'quote it if it is text: `"{_cut(text)}"`',
                    severity="warning",
                )
            )
        return value

    def _report(self, code: str, message: str, node: Any, *, why: str = "", hint: str = "") -> None:
        self.problems.append(Problem(code, message, self._at(node), why=why, hint=hint))


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
