"""Lockfiles: the flat files that training consumes. Encode, decode, and whether one is what its inputs compile to.

A lock is plain YAML that any loader reads: no `extends`, no anchors, no tags. It is written so that PyYAML and a YAML
1.2 reader give the same typed value for every text, number, boolean and null.

History of the format:
    1   header (source, format, digest, fusion, merge order), block style, the fragment that set it behind each leaf
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from compiler.catalog import Layout
from compiler.compose import Resolved, digest_document
from compiler.problems import Invalid, Problem
from compiler.reader import Source, read
from compiler.values import KeyPath, Node, Origin, digest, replaced, show_path, unequal_leaves

FORMAT: Final = 1
"""The number of the format that this version writes, and the highest that it reads."""

MARK: Final = b"# Locked by trainlock from "
"""How every lock begins, and by which a file is known as ours."""

COMMENT_COLUMN: Final = 48
"""Where the comments begin that say which fragment set a leaf."""

INLINE_COLUMNS: Final = 100
"""How wide a list of scalars may be to stand on one line."""


# -------------------------------------------------------------------------------------------- scalars

_PLAIN: Final = re.compile(r"(?:[A-Za-z_/]|\.{1,2}/)[A-Za-z0-9_./+-]*")
_WORDS: Final = frozenset("y n yes no on off true false null none nan inf".split())
_ESCAPED: Final = re.compile(
    "[\"\\\\\x00-\x1f\x7f-\xa0\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f"
    "\ufdd0-\ufdef\ufeff\ufff0-\uffff\U000e0000-\U000e0fff]"
)
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\0": "\\0", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x1b": "\\e"}


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


def _scalar(value: Any) -> bytes:
    """Write a scalar; most recur, so through a bounded memo (by type: 1, 1.0 and true are equal keys)."""
    kind = type(value)
    if kind is dict or kind is list or value == 0:
        return _written(value)  # 0.0 and -0.0 are equal keys, too
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


# -------------------------------------------------------------------------------------------- encoding


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
        missing = COMMENT_COLUMN - 2 - len(line)
        return b"%b%b%b" % (line, b" " * missing, comment) if missing > 0 else line + comment

    def _mapping(self, node: Node, indent: int) -> bytes:
        kept = node.text
        if kept is not None and kept[0] == indent:
            return kept[1]
        text = b"".join([self._entry(b"  " * indent + _text(key) + b":", child, indent) for key, child in node.value.items()])
        node.text = (indent, text, None)
        return text

    def _entry(self, head: bytes, node: Node, indent: int) -> bytes:
        """Write what stands behind a key or a dash: the rest of its line, and the lines below it."""
        value = node.value
        kind = type(value)
        if kind is dict and value:
            return b"%b\n%b" % (head, self._mapping(node, indent + 1))
        if kind is list and value:
            line = _inline(head, value)
            if line is not None:
                return self._comment(line, node.value[0].origin.file)
            kept = node.text
            if kept is None or kept[0] != indent:
                file = _only_file(node)
                kept = node.text = (indent, self._list(node, indent) if file is None else _bare_list(node, indent + 1), file)
            return (head + b"\n" if kept[2] is None else self._comment(head, kept[2])) + kept[1]
        return self._comment(head + b" " + _scalar(value), node.origin.file)

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
    line = b"%b [%b]" % (head, b", ".join([_scalar(item.value) for item in items]))
    return line if len(line.decode()) <= INLINE_COLUMNS else None


def _bare(head: bytes, node: Node, indent: int) -> bytes:
    """Write what stands behind a key or a dash without any comment."""
    value = node.value
    if type(value) is dict and value:
        return head + b"\n" + _bare_mapping(node, indent + 1)
    if type(value) is list and value:
        line = _inline(head, value)
        return line + b"\n" if line is not None else head + b"\n" + _bare_list(node, indent + 1)
    return head + b" " + _scalar(value) + b"\n"


def _bare_mapping(node: Node, indent: int) -> bytes:
    return b"".join([_bare(b"  " * indent + _text(key) + b":", child, indent) for key, child in node.value.items()])


def _bare_list(node: Node, indent: int) -> bytes:
    parts = []
    for item in node.value:
        dash = b"  " * indent + b"-"
        if type(item.value) is dict and item.value:
            parts.append(dash + b" " + _bare_mapping(item, indent + 1)[2 * (indent + 1) :])
        else:
            parts.append(_bare(dash, item, indent))
    return b"".join(parts)


def locked_values(resolved: Resolved, layout: Layout) -> Node:
    """Give the values as the lock holds them: the fusion path points at the fusion lock."""
    if resolved.fusion is None:
        return resolved.values
    return replaced(resolved.values, resolved.fusion_at, layout.lock_of(resolved.fusion.source))


def encode(resolved: Resolved, layout: Layout, encoder: Encoder) -> bytes:
    """Give the bytes of a document's lock."""
    header = [
        f"{resolved.source}. Generated: edit the sources, then run `doit`.",
        f"# format: {FORMAT}",
        f"# digest: {resolved.digest}",
    ]
    if resolved.fusion is not None:
        header.append(f"# fusion: {resolved.fusion.digest} {layout.lock_of(resolved.fusion.source)}")
    header.append("# merge order (later wins):")
    header += [f"#   {path}" for path in resolved.chain.files()]
    return MARK + "\n".join(header).encode() + b"\n\n" + encoder.body(locked_values(resolved, layout))


# -------------------------------------------------------------------------------------------- decoding


class Header(NamedTuple):
    """What a lock says of itself.

    Attributes:
        source: the path of the preset or fusion config.
        format: the number of the format.
        digest: of the values, `sha256:` and hexadecimal digits; empty where the line is missing.
        fusion_digest, fusion_lock: of the fusion lock that it points at; empty where there is none.
        merge_order: the paths of the fragments, weakest first.
    """

    source: str
    format: int
    digest: str
    fusion_digest: str
    fusion_lock: str
    merge_order: tuple[str, ...]


_FIRST: Final = re.compile(r"# Locked by trainlock from (.+)\. Generated: edit the sources, then run `doit`\.")


def is_ours(data: bytes) -> bool:
    """Say whether a file is a lock, or what is left of one."""
    return data.startswith(MARK) or MARK.startswith(data.rstrip())


def header_of(data: bytes) -> Header | None:
    """Read the comment lines on top of a lock, or give None where they are not a lock's."""
    lines = []
    for line in data.split(b"\n"):
        if not line.startswith(b"#"):
            break
        lines.append(line.decode("utf-8", "replace"))
    first = _FIRST.fullmatch(lines[0]) if lines else None
    if first is None:
        return None
    said = {name: rest for line in lines[1:] for name, _, rest in [line[2:].partition(": ")] if line[2:3] != " "}
    number = said.get("format", "")
    fusion_digest, _, fusion_lock = said.get("fusion", "").partition(" ")
    return Header(
        first[1],
        int(number) if number.isdecimal() and len(number) < 10 else 0,
        said.get("digest", ""),
        fusion_digest,
        fusion_lock,
        tuple(line[4:] for line in lines if line.startswith("#   ")),
    )


class Lock(NamedTuple):
    """A lock as read back: its header and its values."""

    header: Header
    values: Node


def decode(path: str, data: bytes) -> Lock:
    """Read a lock.

    Raises:
        Invalid: `lock-damaged` or `lock-format`.
    """
    header = header_of(data)
    if header is None or not header.format or not header.digest:
        raise Invalid(_problem("lock-damaged", path, "has no whole header", "its first lines say what it was made from", "run `doit` to restore it"))
    if header.format > FORMAT:
        raise Invalid(newer_format(path, header))
    try:
        return Lock(header, read(Source(path, data, "")).body)
    except Invalid as invalid:
        problem = invalid.problems[0]
        raise Invalid(problem._replace(code="lock-damaged", hint="run `doit` to restore it")) from None


def newer_format(path: str, header: Header) -> Problem:
    """Word that a lock was written by a later version."""
    return _problem(
        "lock-format",
        path,
        f"has format {header.format}, and this version of trainlock knows none above {FORMAT}",
        "a later version wrote it",
        "upgrade trainlock, or delete the lock and run `doit`",
    )


def digest_of(lock: Lock, fusion_key: KeyPath | None, fusion: Node | None) -> str:
    """Compute the digest that a lock's header should show, from its values and those of its fusion lock."""
    at = fusion_key if fusion is not None and fusion_key else ()
    return digest(digest_document(lock.values, at, fusion if at else None))


def _problem(code: str, path: str, says: str, why: str, hint: str) -> Problem:
    return Problem(code, f"the lock `{path}` {says}", Origin(path, 0, 0), why=why, hint=hint)


def drift(path: str, found: bytes | None, expected: bytes, fusion_key: KeyPath | None, read_file: Callable[[str], bytes | None]) -> Problem | None:
    """Say in which way a lock is not what its inputs compile to; None where its bytes are equal.

    Args:
        path: of the lock.
        found: its bytes on disk, or None where there is no file.
        expected: the bytes that its inputs compile to.
        fusion_key: the key that names a fusion lock.
        read_file: gives the bytes of the fusion lock that the header names, or None.
    """
    if found == expected:
        return None
    if found is None:
        return _problem("lock-missing", path, "is missing", "nothing was ever built, or it was deleted", "run `doit`")
    if not is_ours(found):
        return foreign(path)
    try:
        lock = decode(path, found)
    except Invalid as invalid:
        return invalid.problems[0]
    fresh = decode(path, expected)
    fusion = _fusion_values(lock, read_file)
    verifiable = not lock.header.fusion_digest or fusion is not None
    try:
        own = digest_of(lock, fusion_key, fusion) if verifiable else lock.header.digest
    except (KeyError, AttributeError, TypeError):
        own = ""  # the fusion path was edited away
    if own != lock.header.digest:
        return _problem("lock-edited", path, "was edited by hand", f"its values do not give its own digest: {_changes(lock, fresh)}", "edit the sources instead, and run `doit`")
    if lock.header == fresh.header:
        changes = _changes(lock, fresh)
        return _problem("lock-edited", path, "was edited by hand", changes if changes != "no value" else "its comments or its layout changed", "edit the sources instead, and run `doit`")
    return _problem("lock-stale", path, "is out of date", _moved(lock, fresh), "run `doit`")


def foreign(path: str) -> Problem:
    """Word that something else lies where a lock should lie."""
    return Problem(
        "foreign-file",
        f"`{path}` was not written by trainlock",
        Origin(path, 0, 0),
        why="it lies where a lock should lie, and is left alone",
        hint="move it away, and run `doit`",
    )


def _fusion_values(lock: Lock, read_file: Callable[[str], bytes | None]) -> Node | None:
    data = read_file(lock.header.fusion_lock) if lock.header.fusion_lock else None
    if data is None:
        return None
    try:
        fusion = decode(lock.header.fusion_lock, data)
    except Invalid:
        return None
    return fusion.values if digest(fusion.values) == lock.header.fusion_digest else None


def _changes(lock: Lock, fresh: Lock) -> str:
    """Name up to three values that differ."""
    found = list(unequal_leaves(lock.values, fresh.values))
    told = [f"`{show_path(path)}` is {_shown(old)} and compiles to {_shown(new)}" for path, old, new in found[:3]]
    if len(found) > 3:
        told.append(f"and {len(found) - 3} more")
    return ", ".join(told) or "no value"


def _moved(lock: Lock, fresh: Lock) -> str:
    changes = _changes(lock, fresh)
    if changes != "no value":
        return changes
    if lock.header.fusion_digest != fresh.header.fusion_digest:
        return "the values of its fusion config changed"
    if lock.header.merge_order != fresh.header.merge_order:
        return "its merge order changed, and no value with it"
    return "its header changed, and no value with it"


def _shown(node: Node | None) -> str:
    if node is None:
        return "absent"
    text = one_line(node)
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"


def one_line(node: Node) -> str:
    """Write a value on one line, as a lock would: `[0.9, 1.1]`, `{lr: 1.0e-07}`."""
    value = node.value
    if type(value) is dict and value:
        return "{" + ", ".join(f"{_text(key).decode()}: {one_line(child)}" for key, child in value.items()) + "}"
    if type(value) is list and value:
        return "[" + ", ".join(one_line(child) for child in value) + "]"
    return _scalar(value).decode()

