"""What every problem code means, read from `docs/problems.md`: the one place where that is told.

The page is in the package when it is installed; in a clone it lies in `docs/`.
"""

from __future__ import annotations

import functools
import os
import re
from typing import Final, NamedTuple

PAGE: Final = "docs/problems.md"
"""The page, from the root of the repository of trainlock."""


class Code(NamedTuple):
    """What the page says of one code.

    Attributes:
        name: the code.
        short: the first sentence.
        whole: the first paragraph.
        way_out: how it is mended.
        section: all of the section, in Markdown.
        is_warning: it fails nothing.
    """

    name: str
    short: str
    whole: str
    way_out: str
    section: str
    is_warning: bool

    @property
    def link(self) -> str:
        """Give the relative link to the section."""
        return f"{PAGE}#{self.name}"


@functools.cache
def codes() -> dict[str, Code]:
    """Give every code by its name, sorted."""
    found = re.split(r"^### `(.+)`\n", _text(), flags=re.MULTILINE)[1:]
    sections = zip(found[::2], found[1::2], strict=True)
    return {name: _code(name, body) for name, body in sorted(sections)}


def _code(name: str, body: str) -> Code:
    section = re.split(r"^## ", body, flags=re.MULTILINE)[0].strip()
    first, *others = (" ".join(part.split("\n")) for part in section.split("\n\n"))
    whole = first.removeprefix(_WARNING)
    way_out = next((part for part in others if part.startswith(_WAY_OUT)), "").removeprefix(_WAY_OUT)
    return Code(name, re.split(r"(?<=\.) ", whole)[0], whole, way_out, section, whole != first)


_WARNING: Final = "*Warning.* "
_WAY_OUT: Final = "Way out: "


def _text() -> str:
    here = os.path.dirname(os.path.abspath(__file__))
    packed = os.path.join(here, os.path.basename(PAGE))
    path = packed if os.path.exists(packed) else os.path.join(os.path.dirname(here), PAGE)
    with open(path, encoding="utf-8") as file:
        return file.read()
