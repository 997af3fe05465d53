"""JSON to nodes, for fusion configs: a `.json` file means what `json.loads` says.

Values come from `json.loads`; the places come from a scan of our own over a text that it has accepted. Repeated keys,
NaN and what UTF-8 cannot hold are refused.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from compiler.problems import Findings, Invalid, Note, Problem, cut
from compiler.syntax import too_deep, too_many
from compiler.tree import place_after
from compiler.values import MAX_DEPTH, MAX_INT_DIGITS, MAX_KEY, MAX_NODES, Node, Origin


def read_json(path: str, text: str) -> Node:
    """Parse the text of one JSON file to its root mapping.

    Raises:
        Invalid: with every problem found in the file.
    """
    return _JsonReading(path, text).body()


_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[][{}]')
"""A bracket, or a text, in which brackets are none."""


class _JsonReading:
    """The reading of one JSON file; values come from `json.loads`, places from a scan of our own beside it."""

    def __init__(self, path: str, text: str) -> None:
        self.text = text
        self.path = path
        self.problems = Findings()
        self.nodes = 0
        self.position = self.counted = self.start = 0
        self.line = 1

    def body(self) -> Node:
        text = self.text
        if not text.strip():
            return Node({}, Origin(self.path, 1, 1))
        try:
            json.loads(text, parse_int=len)  # an integer of any length passes here, and is told with its place below
        except json.JSONDecodeError as error:
            raise Invalid(self._syntax_problem(error)) from None
        except RecursionError:
            raise Invalid(too_deep(self._deepest())) from None
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
        problems = self.problems.told()
        if problems:
            raise Invalid(*problems)
        return body

    def _syntax_problem(self, error: json.JSONDecodeError) -> Problem:
        """Word what `json` complains of; a comma before a closing bracket is told by itself, as its versions differ."""
        before = self.text[: error.pos].rstrip()
        says, place = error.msg.lower(), error.pos
        if self.text[error.pos : error.pos + 1] in ("}", "]") and before.endswith(","):
            says, place = "a comma stands before the closing bracket", len(before) - 1
        elif says.startswith("illegal trailing comma"):
            says = "a comma stands before the closing bracket"
        return Problem("bad-json", f"this is not JSON: {says}", place_after(self.path, self.text[:place]))

    def _deepest(self) -> Origin:
        """Give the place of the first bracket that opens a level too many."""
        depth = 0
        for found in _BRACKET.finditer(self.text):
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
            if depth > MAX_DEPTH:
                return place_after(self.path, self.text[: found.start()])
        return Origin(self.path, 0, 0)

    def _here(self) -> Origin:
        """Give the place of the next character; the reading only moves on, and so does the count of lines."""
        ends = self.text.count("\n", self.counted, self.position)
        if ends:
            self.line += ends
            self.start = self.text.rindex("\n", self.counted, self.position) + 1
        self.counted = self.position
        return Origin(self.path, self.line, self.position - self.start + 1)

    def _skip(self) -> None:
        while self.position < len(self.text) and self.text[self.position] in " \t\n\r":
            self.position += 1

    def _token(self) -> Any:
        """Read one text, number or word through `json`, and move behind it."""
        decoder = json.JSONDecoder(parse_int=self._integer)
        value, self.position = decoder.raw_decode(self.text, self.position)
        return value

    def _integer(self, digits: str) -> int:
        if len(digits.lstrip("-")) > MAX_INT_DIGITS:
            message = f"the integer has more than {MAX_INT_DIGITS:,} digits"
            self.problems.add(Problem("unportable-value", message, self._here(), hint="write it as text"))
            return 0
        return int(digits)

    def _value(self, origin: Origin, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise Invalid(too_deep(self._here()))
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise Invalid(too_many(self._here()))
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
            self.problems.add(Problem("bad-json", "`NaN` is not JSON", place, hint="JSON has no word for it"))
        elif type(value) is float and value in (float("inf"), float("-inf")):
            self.problems.add(Problem("bad-json", "the number is infinite", place, why="JSON has no word for it"))
        return Node(value, origin)

    def _check_text(self, value: str, place: Origin) -> None:
        if any("\ud800" <= char <= "\udfff" for char in value):
            self.problems.add(
                Problem(
                    "unportable-value",
                    "the text holds half of a surrogate pair",
                    place,
                    why="it has no bytes in UTF-8",
                )
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
                self.problems.add(
                    Problem(
                        "unportable-value",
                        f"the key has {len(key):,} characters, and {MAX_KEY} are allowed",
                        place,
                    )
                )
            if key in places:
                self.problems.add(
                    Problem(
                        "duplicate-key",
                        f"the key `{cut(key, MAX_KEY)}` is written twice in one mapping",
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
