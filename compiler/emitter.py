"""Values to the text of a lock's body: block style, dialect-proof, the fragment that set it behind each leaf.

PyYAML and a YAML 1.2 reader read the same typed value for every text, number, boolean and null that is written here.
The text of a subtree that presets share is made once, and kept on its node.
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Callable
from typing import Any, Final

from compiler.problems import cut
from compiler.values import Node

COMMENT_COLUMN: Final = 48
"""Where the comments begin that say which fragment set a leaf."""

INLINE_COLUMNS: Final = 100
"""How wide a list of scalars may be to stand on one line."""

_PLAIN: Final = re.compile(r"(?:[A-Za-z_/]|\.{1,2}/)[A-Za-z0-9_./+-]*")
_WORDS: Final = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf"])
_ESCAPED: Final = re.compile(
    '["\\\\\x00-\x1f\x7f-\xa0\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f'
    "\ufdd0-\ufdef\ufeff\ufff0-\uffff\U000e0000-\U000e0fff]"
)
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\0": "\\0", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x1b": "\\e"}


_LONGEST_KEY: Final = 1000
"""How long a key may be as it is written: YAML ends simple keys at 1,024 characters."""

_ESCAPED_IN_LONG_KEYS: Final = re.compile(_ESCAPED.pattern.replace("\U000e0000-\U000e0fff", ""))


@functools.lru_cache(maxsize=16_384)
def key_text(key: str) -> bytes:
    """Write a key; one that escapes would make too long for a reader keeps its invisible characters as they are."""
    text = _text(key)
    if len(text) > _LONGEST_KEY:
        text = f'"{_ESCAPED_IN_LONG_KEYS.sub(_escape, key)}"'.encode()
    return text


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    code = ord(char)
    if char in _SHORT:
        return _SHORT[char]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _text(value: str) -> bytes:
    """Write a text on one line: plain where every reader takes it for text, else double-quoted."""
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value.encode()
    return f'"{_ESCAPED.sub(_escape, value)}"'.encode()


def _float(value: float) -> bytes:
    """Write a float with a dot, which PyYAML needs in order to read a number: `1.0e-07`."""
    if value != value:  # noqa: PLR0124 - NaN
        return b".nan"
    if value in (float("inf"), float("-inf")):
        return b".inf" if value > 0 else b"-.inf"
    digits, letter, exponent = repr(value).partition("e")
    return f"{digits if '.' in digits else digits + '.0'}{letter}{exponent}".encode()


_memo: dict[tuple[type, Any], bytes] = {}


def scalar_text(value: Any) -> bytes:
    """Write a scalar; most recur, so through a bounded memo (by type: 1, 1.0 and true are equal keys)."""
    kind = type(value)
    if kind not in (str, int, float) or value == 0:
        return _written(value)  # 0.0 and -0.0 are equal keys, and so are two dates of one instant
    key = (kind, value)
    made = _memo.get(key)
    if made is None:
        if len(_memo) > 16_384:
            _memo.clear()
        made = _memo[key] = _written(value)
    return made


def _written(value: Any) -> bytes:
    kind = type(value)
    if kind is str:
        return _text(value)
    if value is None:
        return b"null"
    if kind is bool:
        return b"true" if value else b"false"
    if kind is int:
        return b"%d" % value
    if kind is float:
        return _float(value)
    if kind is dict:
        return b"{}"
    if kind is list:
        return b"[]"
    if kind is datetime.datetime:
        return str(value.isoformat(" ")).encode()
    return str(value.isoformat()).encode()


class Encoder:
    """Writes the bodies of locks; the text of a subtree that presets share is made once, and kept on its node."""

    def __init__(self, label_of: Callable[[str], str]) -> None:
        """Start with no label known.

        Args:
            label_of: gives how comments call a fragment.
        """
        self._label_of = label_of
        self._comments: dict[str, bytes] = {}

    def body(self, values: Node) -> bytes:
        """Give the block-style text of a mapping, each leaf's line with the fragment that set it."""
        return self._mapping(values, 0) if values.value else b"{}\n"

    def _comment(self, line: bytes, file: str) -> bytes:
        comment = self._comments.get(file)
        if comment is None:
            comment = self._comments[file] = b"  # " + self._label_of(file).encode() + b"\n"
        return line.ljust(COMMENT_COLUMN - 2) + comment

    def _mapping(self, node: Node, indent: int) -> bytes:
        return b"".join(
            [
                kept[1]
                if (kept := child.text) is not None and kept[2] == key and kept[0] == indent
                else self._lines(key, child, indent)
                for key, child in node.value.items()
            ]
        )

    def _lines(self, key: str, child: Node, indent: int) -> bytes:
        """Write what a mapping holds at a key, and keep it."""
        lines = self._entry(b"  " * indent + key_text(key) + b":", child, indent)
        child.text = (indent, lines, key)
        return lines

    def _entry(self, head: bytes, node: Node, indent: int) -> bytes:
        """Write what stands behind a key or a dash: the rest of its line, and the lines below it."""
        value = node.value
        kind = type(value)
        if kind is dict and value:
            return b"%b\n%b" % (head, self._mapping(node, indent + 1))
        if kind is list and value:
            line = _inline(head, value)
            if line is not None:
                return self._comment(line, value[0].origin.file)
            file = _only_file(node)
            if file is None:
                return b"%b\n%b" % (head, self._list(node, indent))
            return self._comment(head, file) + _bare_list(node, indent + 1)
        return self._comment(b"%b %b" % (head, scalar_text(value)), node.origin.file)

    def _list(self, node: Node, indent: int) -> bytes:
        """Write a list to which several fragments gave; each leaf has its own comment."""
        parts = []
        for item in node.value:
            dash = b"  " * (indent + 1) + b"-"
            if type(item.value) is dict and item.value:
                lines = self._mapping(item, indent + 2)
                parts.append(dash + b" " + lines[2 * (indent + 2) :])
            else:
                parts.append(self._entry(dash, item, indent + 1))
        return b"".join(parts)


def _only_file(node: Node) -> str | None:
    """Give the one file that everything below a node comes from, or None where there are several."""
    file = node.origin.file
    value = node.value
    children = value.values() if type(value) is dict else value if type(value) is list else ()
    return file if all(_only_file(child) == file for child in children) else None


def _inline(head: bytes, items: list[Node]) -> bytes | None:
    """Write a list of scalars on one line, or give None where it does not fit or holds more."""
    if any(type(item.value) in (dict, list) for item in items):
        return None
    line = b"%b [%b]" % (head, b", ".join([scalar_text(item.value) for item in items]))
    return line if len(line.decode()) <= INLINE_COLUMNS else None


def _bare(head: bytes, node: Node, indent: int) -> bytes:
    """Write what stands behind a key or a dash without any comment."""
    value = node.value
    if type(value) is dict and value:
        return head + b"\n" + _bare_mapping(node, indent + 1)
    if type(value) is list and value:
        line = _inline(head, value)
        return line + b"\n" if line is not None else head + b"\n" + _bare_list(node, indent + 1)
    return head + b" " + scalar_text(value) + b"\n"


def _bare_mapping(node: Node, indent: int) -> bytes:
    return b"".join([_bare(b"  " * indent + key_text(key) + b":", child, indent) for key, child in node.value.items()])


def _bare_list(node: Node, indent: int) -> bytes:
    parts = []
    for item in node.value:
        dash = b"  " * indent + b"-"
        if type(item.value) is dict and item.value:
            parts.append(dash + b" " + _bare_mapping(item, indent + 1)[2 * (indent + 1) :])
        else:
            parts.append(_bare(dash, item, indent))
    return b"".join(parts)


def one_line(node: Node) -> str:
    """Write a value on one line, as a lock would: `[0.9, 1.1]`, `{lr: 1.0e-07}`."""
    value = node.value
    if type(value) is dict and value:
        return "{" + ", ".join(f"{key_text(key).decode()}: {one_line(child)}" for key, child in value.items()) + "}"
    if type(value) is list and value:
        return "[" + ", ".join(one_line(child) for child in value) + "]"
    return scalar_text(value).decode()


def shown(node: Node | None) -> str:
    """Quote a value within a message: cut where it is long, and `absent` for None."""
    if node is None:
        return "absent"
    return f"`{cut(one_line(node), 60)}`"
