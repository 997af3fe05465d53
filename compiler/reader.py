"""Bytes to `Fragment`: the only reading of YAML.

A value means what `yaml.safe_load` says (YAML 1.1), because that is what the trainer reads; a `.json` file means
what `json.loads` says. Nothing is improved here. What cannot be carried into a lock unchanged is refused with
its place.

Positions come from libyaml's own marks, for free (measured: parsing into nodes and converting those costs half of
`yaml.load`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any, Final

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from compiler.json_reader import read_json
from compiler.problems import Findings, Invalid, Note, Problem, cut
from compiler.scalars import (
    BOOL,
    FLOAT,
    INT,
    MAKERS,
    MAP,
    MERGE,
    NULL,
    SEQ,
    STR,
    TAG,
    TIMESTAMP,
    TRAPS,
    VALUE,
    NodeComposer,
)
from compiler.syntax import character_problem, check_events, check_expansion, syntax_problem, too_deep
from compiler.tree import Source, line_of, place_after
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

SMALL: Final = 1_000
"""How many bytes hold neither more values nor more levels than a parser that recurses in C can take; most files do."""

_SCALAR: Final = yaml.ScalarNode
_UNPORTABLE: Final = {
    TAG + "binary": "binary data",
    TAG + "set": "a set",
    TAG + "omap": "an ordered map",
    TAG + "pairs": "a list of pairs",
}


_LEVELS: Final = (b"[", b"{", b"- ", b"-\t", b"? ", b"?\t")
"""What begins a level on one line."""

_ENDS: Final = (b",", b"\n", b"\r", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")
"""What ends a value: a comma, and whatever ends a line in YAML 1.1."""


def _may_be_too_much(data: bytes) -> bool:
    """Say whether a file may nest too deep, or hold too many values: a level can cost a byte or two."""
    return sum(map(data.count, _LEVELS)) > MAX_DEPTH or sum(map(data.count, _ENDS)) > MAX_NODES // 4


class _YamlReading:
    """The reading of one YAML file: collects its problems, raises them together."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.path = source.path
        self.problems = Findings()
        self.warnings = Findings()
        self.construct = MAKERS
        self.traps = TRAPS
        self.has_tags = b"!" in source.data
        self.depth = 0
        # only a file that holds an anchor can meet a node twice
        self.seen: dict[int, Node | None] | None = {} if b"&" in source.data else None

    def fragment(self) -> Fragment:
        root = self._compose()
        if root is None or (type(root) is yaml.ScalarNode and root.tag == NULL and root.value == ""):
            return Fragment(self.source, Node({}, Origin(self.path, 1, 1)), {})
        if type(root) is not yaml.MappingNode or root.tag != MAP:
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
        problems = self.problems.told()
        if problems:
            raise Invalid(*problems)
        places = {key.value: self._at(value) for key, value in root.value if key.tag != MERGE}
        return Fragment(self.source, body, places, self.warnings.told())

    def _compose(self) -> Any:
        data = self.source.data
        if data.find(b"\xef\xbb\xbf", 1) >= 0:
            raise Invalid(character_problem(self.source))
        if self.has_tags or (len(data) > SMALL and _may_be_too_much(data)):
            parser = CParser(data)
            try:
                check_events(self.path, parser.get_event, self.problems.add)
            except yaml.YAMLError:
                pass  # told with its place below
            finally:
                parser.dispose()
        composer = None
        try:
            composer = NodeComposer(data)
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
            if node.value in self.traps:
                self._warn_of_trap(node)
            return Node(node.value if tag == STR else self._scalar(node, tag), origin)
        return self._shared(node, origin) if self.seen is not None else self._collection(node, origin)

    def _shared(self, node: Any, origin: Origin) -> Node:
        """Convert a node that may be met again through an alias; its origin is then where it stands anchored."""
        assert self.seen is not None
        made = self.seen.get(id(node))
        if made is None:
            if type(node) is yaml.ScalarNode:
                self._warn_of_trap(node)
                made = Node(node.value if node.tag == STR else self._scalar(node, node.tag), origin)
            else:
                made = self._collection(node, origin)
            self.seen[id(node)] = made
        return made

    def _collection(self, node: Any, origin: Origin) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Invalid(too_deep(self._at(node)))
        path, traps = self.path, self.traps
        value: Any
        if type(node) is yaml.MappingNode:
            value = {}
            if node.tag != MAP:
                self._refuse_tag(node)
            else:
                for key, child in self._pairs(node):
                    mark = key.start_mark
                    place = Origin(path, mark.line + 1, mark.column + 1)
                    is_text = type(child) is _SCALAR and child.tag == STR and self.seen is None
                    is_plain = is_text and child.value not in traps
                    value[sys.intern(key.value)] = Node(child.value, place) if is_plain else self._node(child, place)
        else:
            value = []
            if node.tag != SEQ:
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
        names = {key.value for key, _ in pairs if key.tag == STR and type(key) is _SCALAR}
        if len(names) == len(pairs) and len(max(names, key=len, default="")) <= MAX_KEY:
            return pairs  # as nearly all are
        places: dict[str, Any] = {}
        merges: list[Any] = []
        good = []
        for key, child in pairs:
            if key.tag == MERGE:
                name = "<<"
                merges.append(child)
            elif type(key) is _SCALAR and key.tag in (STR, VALUE):
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
                self._warn_of_conflict(merge)
                for item in reversed(merge.value):
                    yield from self._pairs(item)
            else:
                self._report("bad-yaml", "a merge key takes a mapping, or a list of mappings", merge)

    def _warn_of_conflict(self, merge: Any) -> None:
        """Tell where mappings that are merged as a list hold one key with two values: readers differ on who wins."""
        first: dict[str, tuple[Any, Any]] = {}
        pairs = (pair for item in merge.value for pair in item.value)
        for key, value in pairs:
            if key.tag == MERGE or type(key) is not yaml.ScalarNode:
                continue
            earlier = first.setdefault(key.value, (key, value))
            if earlier[1] is value or (earlier[1].tag, earlier[1].value) == (value.tag, value.value):
                continue
            self.warnings.add(
                Problem(
                    "merge-conflict",
                    f"two of the merged mappings hold `{cut(key.value, MAX_KEY)}`",
                    self._at(merge),
                    why="the first in the list wins, and PyYAML 6.0.4 takes the last",
                    notes=(
                        Note(self._at(earlier[0]), "holds the one that wins"),
                        Note(self._at(key), "holds the other"),
                    ),
                    hint=f"write `{cut(key.value, MAX_KEY)}` below the merge key",
                    severity="warning",
                )
            )

    def _repeated(self, name: str, earlier: Any, again: Any) -> None:
        hint = "name both in one list: the first of them wins" if name == "<<" else "keep one of the two"
        self.problems.add(
            Problem(
                "duplicate-key",
                f"the key `{cut(name, MAX_KEY)}` is written twice in one mapping",
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
        kinds = {BOOL: "a boolean", INT: "an integer", FLOAT: "a float", NULL: "null", TIMESTAMP: "a date"}
        kind = kinds.get(key.tag)
        if kind is None:
            self._refuse_tag(key)
        else:
            hint = f'quote it: `"{key.value}"`' if len(key.value) <= 60 else ""
            self._report("non-string-key", f"the key `{cut(key.value)}` reads as {kind}", key, why=why, hint=hint)

    def _refuse_tag(self, node: Any) -> None:
        tag: str = node.tag
        shown = "!!" + tag[len(TAG) :] if tag.startswith(TAG) else tag
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
                f"the tag `{cut(shown)}` is not read",
                node,
                why="`yaml.safe_load`, by which training reads, knows only the plain tags, and no tag may run code",
                hint="write the plain value",
            )

    def _scalar(self, node: Any, tag: str) -> Any:
        """Give the value that PyYAML's safe constructor gives."""
        text = node.value
        make = self.construct.get(tag)
        if make is None:
            if tag in (MERGE, VALUE):
                self._report("invalid-scalar", f"`{text}` is no value of its own", node, hint=f'quote it: `"{text}"`')
            else:
                self._refuse_tag(node)
            return None
        if tag in (INT, FLOAT) and len(text) > 2 * MAX_INT_DIGITS:
            self._report("unportable-value", f"the number has {len(text):,} characters", node, hint="write it as text")
            return None
        try:
            value = make(node)
        except (LookupError, ValueError, OverflowError, TypeError, AttributeError, yaml.YAMLError):
            self._report(
                "invalid-scalar",
                f"`{cut(text, 60)}` cannot be read as {tag[len(TAG) :]}",
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
        return value

    def _warn_of_trap(self, node: Any) -> None:
        """Tell a plain scalar that other readers take for something else; quotes and tags leave no doubt."""
        trap = self.traps.get(node.value)
        if trap is None or node.style:
            return
        if self.has_tags:
            line = line_of(self.source, node.start_mark.line + 1) or ""
            if _TAGGED.match(line, node.start_mark.column):
                return
        if self.warnings.is_one_more(self.path, trap.code, "warning"):
            return
        self.warnings.add(
            Problem(trap.code, trap.message, self._at(node), why=trap.why, hint=trap.hint, severity="warning")
        )

    def _report(self, code: str, message: str, node: Any, *, why: str = "", hint: str = "") -> None:
        self.problems.add(Problem(code, message, self._at(node), why=why, hint=hint))


_TAGGED: Final = re.compile(r"(?:&\S+\s+)?!")
"""How a scalar begins that has a tag."""
