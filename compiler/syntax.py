"""What is wrong with a YAML document before it has values: complaints of the parser, aliases that expand too far.

Knows the parser only by the marks of its errors and nodes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from compiler.problems import Invalid, Note, Problem
from compiler.tree import Source, line_of, place_after
from compiler.values import MAX_DEPTH, MAX_NODES, Origin


def syntax_problem(source: Source, error: Any) -> Problem:
    """Word what a YAML parser complains of; `error` has the marks of `yaml.MarkedYAMLError`."""
    mark, other = error.problem_mark or error.context_mark, error.context_mark
    if error.context == "while scanning a quoted scalar":
        mark, other = other, None  # the parser gives up at the end of the file; the quote is what was not closed
    elif mark and other and not (line_of(source, mark.line + 1) or "").strip():
        mark, other = other, mark  # and here it gives up at an empty line
    place = _origin(source.path, mark) if mark else Origin(source.path, 0, 0)
    if error.context == "expected a single document in the stream":
        return Problem(
            "several-documents",
            "the file holds more than one document",
            place,
            why="a config is one document",
            hint="split the file, or take the `---` out",
        )
    notes: tuple[Note, ...] = ()
    if error.context and other and _origin(source.path, other) != place:
        notes = (Note(_origin(source.path, other), f"is where the parser was, {error.context}"),)
    said = error.problem or error.context
    if said == "second occurrence":
        said = "an anchor of this name stands above"
    return Problem(
        "bad-yaml", f"this is not YAML: {said}", place, notes=notes, hint=_syntax_hint(source, place, str(said))
    )


def _syntax_hint(source: Source, place: Origin, said: str) -> str:
    line = line_of(source, place.line) or ""
    char = line[place.column - 1 : place.column]
    if char == "\t":
        return "indent with spaces"
    if said.startswith("mapping values are not allowed"):
        return "is the line indented like its neighbours? a text that holds `: ` is quoted"
    if said.startswith("could not find expected ':'"):
        return "is a space missing behind a `:` in a line above?"
    if char in ("@", "`", "%"):
        return f"a text that begins with `{char}` is quoted" if char != "`" else "a text that begins with it is quoted"
    return ""


def character_problem(source: Source) -> Problem:
    """Word that a file holds a character that YAML forbids: the first such one."""
    text = source.data.decode("utf-8-sig", "replace")
    found = _UNREADABLE.search(text)
    bad = found.start() if found is not None else 0
    code = ord(text[bad]) if text else 0
    escape = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    return Problem(
        "bad-yaml",
        f"the character U+{code:04X} may not stand in a YAML file",
        place_after(source.path, text[:bad]),
        hint=f'write it as an escape in a double-quoted text: `"{escape}"`',
    )


_UNREADABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
"""What YAML forbids; a byte-order mark stands at the beginning, where it was taken off."""


def _origin(path: str, mark: Any) -> Origin:
    return Origin(path, mark.line + 1, mark.column + 1)


def too_deep(origin: Origin) -> Problem:
    """Word that a document nests too deep."""
    message = f"the document nests more than {MAX_DEPTH} levels deep"
    return Problem("too-deep", message, origin, why="no config needs it, and no reader can be trusted with it")


def too_many(origin: Origin) -> Problem:
    """Word that a document holds too many values."""
    message = f"the file holds more than {MAX_NODES:,} values"
    return Problem("too-large", message, origin, why="a lock writes each of them")


def check_events(path: str, next_event: Callable[[], Any], report: Callable[[Problem], None]) -> None:
    """Go through a parser's events, which takes no stack, for what must not even become nodes.

    Reports what is wrong with the tags: a bare `!` means one thing to libyaml and another to PyYAML.

    Raises:
        Invalid: `too-deep`, `too-large`.
    """
    depth = nodes = 0
    while (event := next_event()) is not None:
        kind = type(event).__name__
        if kind in ("ScalarEvent", "MappingStartEvent", "SequenceStartEvent"):
            nodes += 1
            if event.tag == "!" and getattr(event, "value", None) == "":
                message = "a `!` without a value is not read"
                why = "readers do not agree on what it means"
                place = _at(path, event)
                report(Problem("unsupported-tag", message, place, why=why, hint='write `null` or `""`'))
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            depth += 1
            if depth > MAX_DEPTH:
                raise Invalid(too_deep(_at(path, event)))
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            depth -= 1
        if nodes > MAX_NODES:
            raise Invalid(too_many(_at(path, event)))


def _at(path: str, node: Any) -> Origin:
    return _origin(path, node.start_mark)


def check_expansion(path: str, root: Any) -> None:
    """Refuse a document whose aliases hold themselves, or that is too large or too deep once they are written out.

    Raises:
        Invalid: `recursive-alias`, `too-large`, `too-deep`.
    """
    measured: dict[int, tuple[int, int]] = {}
    open_nodes: set[int] = set()

    def measure(node: Any, depth: int) -> tuple[int, int]:
        """Give how many values a node expands to, and how many levels it has."""
        known = measured.get(id(node))
        if known is None:
            if id(node) in open_nodes:
                message = "an anchored value holds an alias of itself"
                raise Invalid(Problem("recursive-alias", message, _at(path, node), why="a lock is finite"))
            known = (1, 0)
            if not isinstance(node.value, str):
                if depth >= MAX_DEPTH:
                    raise Invalid(too_deep(_at(path, node)))
                open_nodes.add(id(node))
                parts = [part for item in node.value for part in (item if type(item) is tuple else (item,))]
                sizes = [measure(part, depth + 1) for part in parts]
                known = (1 + sum(size for size, _ in sizes), 1 + max((levels for _, levels in sizes), default=0))
                open_nodes.discard(id(node))
            measured[id(node)] = known
        if known[0] > MAX_NODES:
            message = f"the aliases of this value expand to more than {MAX_NODES:,} values"
            raise Invalid(Problem("too-large", message, _at(path, node), why="a lock writes every alias out"))
        if depth + known[1] > MAX_DEPTH:
            raise Invalid(too_deep(_at(path, node)))
        return known

    measure(root, 0)
