"""Lockfiles: the flat files that training consumes. Encode, decode, and whether one is what its inputs compile to.

A lock is plain YAML that any loader reads: no `extends`, no anchors, no tags. It is written so that PyYAML and a YAML
1.2 reader give the same typed value for every text, number, boolean and null.

History of the format:
    1   header (source, format, digest, fusion, merge order), block style, the fragment that set it behind each leaf
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from compiler.catalog import Layout
from compiler.compose import Resolved
from compiler.emitter import Encoder, shown
from compiler.problems import Invalid, Problem
from compiler.reader import read
from compiler.tree import Source
from compiler.values import KeyPath, Node, Origin, digest, digest_document, replaced, show_path, unequal_leaves

FORMAT: Final = 1
"""The number of the format that this version writes, and the highest that it reads."""

MARK: Final = b"# Locked by trainlock from "
"""How every lock begins, and by which a file is known as ours."""


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
        raise Invalid(
            _problem(
                "lock-damaged",
                path,
                "has no whole header",
                "its first lines say what it was made from",
                "run `doit` to restore it",
            )
        )
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


def drift(
    path: str,
    found: bytes | None,
    expected: bytes,
    fusion_key: KeyPath | None,
    read_file: Callable[[str], bytes | None],
) -> Problem | None:
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
        return missing(path)
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
        return _problem(
            "lock-edited",
            path,
            "was edited by hand",
            f"its values do not give its own digest: {_changes(lock, fresh)}",
            "edit the sources instead, and run `doit`",
        )
    if lock.header == fresh.header:
        changes = _changes(lock, fresh)
        return _problem(
            "lock-edited",
            path,
            "was edited by hand",
            changes if changes != "no value" else "its comments or its layout changed",
            "edit the sources instead, and run `doit`",
        )
    return _problem("lock-stale", path, "is out of date", _moved(lock, fresh), "run `doit`")


def unlike_digest(path: str) -> Problem:
    """Word that a lock's values do not give the digest that its header shows."""
    why = "its values do not give its own digest, and nothing was ever launched from it"
    return _problem("lock-edited", path, "was edited by hand", why, "build it there, from the sources")


def missing(path: str) -> Problem:
    """Word that there is no lock."""
    return _problem("lock-missing", path, "is missing", "nothing was ever built, or it was deleted", "run `doit`")


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
    told = [f"`{show_path(path)}` is {shown(old)} and compiles to {shown(new)}" for path, old, new in found[:3]]
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
