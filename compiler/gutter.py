"""A flattened document with file and line in a gutter at the left: `show --origins`.

Every leaf and every item of a list has a line of its own, so that each can have an origin of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.emitter import key_text, scalar_text
from compiler.values import Node, Origin


def lines(node: Node) -> list[str]:
    """Write a mapping as YAML, block style, with `file:line:column` before each leaf and each item."""
    if not node.value:
        return ["{}"]
    rows = list(_mapping(node, ""))
    width = max((len(str(origin)) for _, origin in rows if origin is not None), default=0)
    return [f"{origin or ''!s:{width}}  {text}".rstrip() for text, origin in rows]


def _mapping(node: Node, indent: str) -> Iterator[tuple[str, Origin | None]]:
    for key, child in node.value.items():
        yield from _value(f"{indent}{key_text(key).decode()}:", child, indent + "  ")


def _value(head: str, node: Node, indent: str) -> Iterator[tuple[str, Origin | None]]:
    if type(node.value) is dict and node.value:
        yield head, None
        yield from _mapping(node, indent)
    elif type(node.value) is list and node.value:
        yield head, None
        for item in node.value:
            yield from _item(item, indent)
    else:
        yield f"{head} {scalar_text(node.value).decode()}", node.origin


def _item(node: Node, indent: str) -> Iterator[tuple[str, Origin | None]]:
    if type(node.value) is dict and node.value:
        rows = list(_mapping(node, indent + "  "))
        text, origin = rows[0]
        yield f"{indent}- {text.removeprefix(indent + '  ')}", origin or node.origin
        yield from rows[1:]
    elif type(node.value) is list and node.value:
        rows = [row for item in node.value for row in _item(item, indent + "  ")]
        text, origin = rows[0]
        yield f"{indent}- {text.removeprefix(indent + '  ')}", origin or node.origin
        yield from rows[1:]
    else:
        yield f"{indent}- {scalar_text(node.value).decode()}", node.origin
