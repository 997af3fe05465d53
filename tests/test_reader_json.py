"""reader: a JSON file means what `json.loads` says, and is refused at its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import codes_of, fragment, typed
from compiler.values import Node, leaves, plain
from documents import KEYS, VALUES


def json_fragment(text: str | bytes) -> Node:
    """Read a text as a JSON file."""
    return fragment(text, "f.json").body


JSON_REFUSED: list[tuple[str, str | bytes, list[str]]] = [
    ("a key twice", '{"a": 1,\n "a": 2}', ["f.json:2:2 duplicate-key"]),
    ("an escaped key twice", '{"a": 1, "\\u0061": 2}', ["f.json:1:10 duplicate-key"]),
    ("NaN", '{"a": NaN}', ["f.json:1:7 bad-json"]),
    ("Infinity", '{"a": [-Infinity]}', ["f.json:1:8 bad-json"]),
    ("a number out of range", '{"a": 1e999}', ["f.json:1:7 bad-json"]),
    ("half of a surrogate pair", '{"a": "\\ud800"}', ["f.json:1:7 unportable-value"]),
    ("half of a surrogate pair in a key", '{"\\udc00": 1}', ["f.json:1:2 unportable-value"]),
    ("a list", "[1]", ["f.json:1:1 not-a-mapping"]),
    ("a scalar", "\n 3", ["f.json:2:2 not-a-mapping"]),
    ("two documents", '{"a": 1} {"b": 2}', ["f.json:1:10 bad-json"]),
    ("a comment", '{"a": 1} // x', ["f.json:1:10 bad-json"]),
    ("a trailing comma", '{"a": 1,}', ["f.json:1:8 bad-json"]),
    ("single quotes", "{'a': 1}", ["f.json:1:2 bad-json"]),
    ("cut off", '{"a": [1,', ["f.json:1:10 bad-json"]),
    ("an integer too long", '{"a": ' + "9" * 4001 + "}", ["f.json:1:7 unportable-value"]),
    ("an integer that Python refuses", '{"a": ' + "9" * 5000 + "}", ["f.json:1:7 unportable-value"]),
    ("a key too long", '{"' + "k" * 121 + '": 1}', ["f.json:1:2 unportable-value"]),
    ("bad UTF-8", b'{"a": "\xff"}', ["f.json:1:8 not-utf8"]),
    ("two places at once", '{"a": NaN,\n"a": 1}', ["f.json:1:7 bad-json", "f.json:2:1 duplicate-key"]),
    ("101 levels", '{"a": ' + "[" * 100 + "]" * 100 + "}", ["f.json:1:106 too-deep"]),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in JSON_REFUSED], ids=[row[0] for row in JSON_REFUSED])
def test_json_is_refused_at_its_place(text: str | bytes, expected: list[str]) -> None:
    """The JSON twins of the refusals: line and column, all of a file at once."""
    assert codes_of(lambda: json_fragment(text)) == expected


@pytest.mark.parametrize(
    ("before", "column"), [("", 106), ('["]", "[\\"[", ', 119)], ids=["lists", "brackets in texts"]
)
def test_deep_json_is_refused(before: str, column: int) -> None:
    """A hundred thousand levels end in a message, at the place of the first that is too deep."""
    text = '{"a": ' + before + "[" * 100_000 + "]" * (100_000 + before.count(", ") // 2) + "}"
    assert codes_of(lambda: json_fragment(text)) == [f"f.json:1:{column} too-deep"]


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_json_reads_as_json_loads_reads_it(value: dict[str, Any], indent: int | str | None, ascii_only: bool) -> None:
    """Type, value and order of keys are those of `json.loads`, however the file is laid out."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only, default=str)
    if "NaN" in text or "Infinity" in text:
        text = text.replace("NaN", "1").replace("-Infinity", "2").replace("Infinity", "3")
    assert typed(plain(json_fragment(text))) == typed(json.loads(text))


@pytest.mark.parametrize("text", ['{"a": 1e-5, "b": 1E5, "c": -0, "d": -0.0, "e": 1.0}', '{"no": "no", "~": 1}', "{}"])
def test_json_numbers_and_words_are_those_of_json(text: str) -> None:
    """1e-5 is a float in JSON, and text in YAML: the suffix decides."""
    assert typed(plain(json_fragment(text))) == typed(json.loads(text))
    assert typed(plain(json_fragment("\ufeff" + text))) == typed(json.loads(text))


def test_json_origins_are_keys_and_first_characters() -> None:
    """Places in a JSON file are those of the twin in YAML's flow style."""
    text = '{\n  "a": {"北": 1,\r\n "b": [10, {"c": []}]},\n\t"d": "x\\ny"}'
    body = json_fragment(text)
    found = {path: (leaf.origin.line, leaf.origin.column) for path, leaf in leaves(body)}
    assert found == {
        ("a", "北"): (2, 9),
        ("a", "b", 0): (3, 8),
        ("a", "b", 1, "c"): (3, 13),
        ("d",): (4, 2),
    }
