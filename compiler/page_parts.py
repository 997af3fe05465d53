"""The elements that the report page is made of.

Every text comes from file names and values that anybody may have written: whatever an element is given as text is
escaped, characters that nobody sees are made visible, and what would grow without end is cut and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any, Final, TypeVar

from compiler.problems import printable

ROWS: Final = 2_000
"""How many rows a table shows."""

LISTED: Final = 200
"""How many items a list within a section shows."""

CHARACTERS: Final = 2_000
"""How much of a value is shown."""

SECTION: Final = 4_000_000
"""After how many characters a section ends, however few its parts are."""

Data = dict[str, Any]
"""A part of the report document."""

Look = tuple[str, str]
"""Which colours something has, and its sign: colour is never the only signal."""

_LOOKS: Final[dict[str, Look]] = {
    "DIFFERENT": ("bad", "≠"),
    "REJECTED": ("bad", "×"),
    "UNPROVEN": ("warn", "?"),
    "WAIVED": ("warn", "†"),
    "NEUTRAL": ("calm", "≈"),
    "EQUIVALENT": ("good", "="),
    "NEW": ("calm", "+"),
}

_Item = TypeVar("_Item")


def look_of(word: str) -> Look:
    """Give the look of a verdict, or of a class, which is written small."""
    return _LOOKS.get(word.upper(), ("warn", "?"))


# ---------------------------------------------------------------------------------------------- texts


def text(given: Any) -> str:
    """Write a text as it is; the end of a very long one is left out."""
    whole = str(given)
    left = len(whole) - CHARACTERS
    return _escaped(whole) if left <= 0 else f"{_escaped(whole[:CHARACTERS])}... ({many(left, 'character')} more)"


def _escaped(given: str) -> str:
    return escape(printable(given), quote=True)


def code(given: Any) -> str:
    """Write a key or a value within a sentence."""
    return f"<code>{text(given)}</code>"


def path(given: Any) -> str:
    """Write the path of a file, which may break behind a slash."""
    return f"<code>{text(given).replace('/', '/<wbr>')}</code>"


def prose(given: Any) -> str:
    """Write a sentence; what stands between backticks is code."""
    parts = str(given).split("`")
    if len(parts) % 2 == 0 or len(parts) > LISTED:
        return text(given)
    return "".join(path(part) if index % 2 else text(part) for index, part in enumerate(parts))


def many(count: int, one: str, more: str = "") -> str:
    """Write a number with its noun."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def more(hidden: int) -> str:
    """Say how much a section leaves out."""
    return f'<p class="more">and {hidden:,} more, all in equivalence.json</p>\n' if hidden > 0 else ""


def note(given: str) -> str:
    """Write a word that stands beside something."""
    return f'<span class="kind">{text(given)}</span>'


def tag(look: Look, word: str, rest: str = "") -> str:
    """Write a verdict or a class: its sign, the word, and what there is to say of it."""
    said = f" <span>{rest}</span>" if rest else ""
    return f'<span class="tag {look[0]}"><span aria-hidden="true">{look[1]}</span><b>{text(word)}</b>{said}</span>'


# ---------------------------------------------------------------------------------------------- elements


def section(name: str, title: str, count: str, intro: str, body: str) -> str:
    """Write a section of the page; nothing where it has no body."""
    small = f" <small>{count}</small>" if count else ""
    told = f'<p class="intro">{intro}</p>' if intro else ""
    head = f'<section aria-labelledby="{name}"><h2 id="{name}">{title}{small}</h2>{told}\n'
    return f"{head}{body}</section>\n" if body else ""


def folded(summary: str, body: str) -> str:
    """Write what a reader may unfold; nothing where it is empty."""
    return f"<details><summary>{summary}</summary>{body}</details>" if body else ""


def bounded(items: Sequence[_Item], most: int, write: Callable[[_Item], str]) -> tuple[str, int]:
    """Write items until there are enough; gives the text, and how many items are left out."""
    parts: list[str] = []
    length = 0
    for item in items[:most]:
        if length > SECTION:
            break
        parts.append(write(item))
        length += len(parts[-1])
    return "".join(parts), len(items) - len(parts)


def listed(items: Sequence[str], sight: int, write: Callable[[str], str] = path) -> str:
    """Write items one below the other: the first ones open, the others folded where they are several."""
    sight += len(items) == sight + 1
    rows = [f"<li>{write(item)}</li>" for item in items[:LISTED]]
    hidden = f"<ul>{''.join(rows[sight:])}</ul>{more(len(items) - LISTED)}" if rows[sight:] else ""
    return f"<ul>{''.join(rows[:sight])}</ul>{folded(f'and {len(items) - sight:,} more', hidden)}"


def users(presets: Sequence[str], sight: int = 12) -> str:
    """Say which presets something concerns: the first ones in one line, the others folded."""
    shown = ", ".join(map(path, presets[:sight]))
    left = presets[sight : sight + LISTED]
    rest = f"<ul>{''.join(f'<li>{path(one)}</li>' for one in left)}</ul>{more(len(presets) - sight - LISTED)}"
    hidden = folded(f"and {len(presets) - sight:,} more", rest if left else "")
    return f'<div class="users">in {many(len(presets), "preset")}: {shown}{hidden}</div>'


def table(
    caption: str,
    heads: Sequence[tuple[str, str]],
    items: Sequence[_Item],
    write: Callable[[_Item], Iterable[str]],
    named_by: int = 0,
) -> str:
    """Write a table; on a narrow screen each row stands as a card.

    Args:
        caption: what it shows.
        heads: the columns, each with its class.
        items: one for each row.
        write: gives the cells of a row.
        named_by: the column that names the rows.
    """

    def cell(index: int, held: str) -> str:
        label, css = heads[index]
        if index == named_by:
            return f'<th scope="row" class="{css}">{held}</th>'
        return f'<td class="{css}{"" if held else " none"}" data-label="{label}"><div>{held}</div></td>'

    def row(item: _Item) -> str:
        return f"<tr>{''.join(cell(index, held) for index, held in enumerate(write(item)))}</tr>\n"

    body, hidden = bounded(items, ROWS, row)
    head = "".join(f'<th scope="col" class="{css}">{label}</th>' for label, css in heads)
    return (
        f'<div class="scroll" role="group" tabindex="0" aria-label="{caption}"><table><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>{more(hidden)}"
    )


def terms(said: Iterable[tuple[str, str]]) -> str:
    """Write a list of terms, each with what it means."""
    return f'<dl class="glossary">{"".join(f"<dt>{term}</dt><dd>{meaning}</dd>" for term, meaning in said)}</dl>\n'


# ---------------------------------------------------------------------------------------------- values


def value(given: str, begin: int = 0, end: int = 0) -> str:
    """Write a value in a box, what lies between `begin` and `end` marked; a long one is cut around the mark."""
    if not given:
        return '<p class="value absent">absent</p>'
    first = max(0, min(begin - CHARACTERS // 4, len(given) - CHARACTERS))
    last = min(len(given), first + CHARACTERS)
    begin = min(max(begin, first), last)
    end = min(max(end, begin), last)
    marked = f"<mark>{_escaped(given[begin:end])}</mark>" if begin < end else ""
    before = f'<span class="cut">({many(first, "character")} before) ...</span> ' if first else ""
    left = len(given) - last
    after = f' <span class="cut">... ({many(left, "character")} more)</span>' if left else ""
    shown = f"{_escaped(given[first:begin])}{marked}{_escaped(given[end:last])}"
    return f'<pre class="value"><code>{before}{shown}{after}</code></pre>'


def _common(one: str, other: str) -> int:
    """Count the characters with which both begin."""
    shorter = min(len(one), len(other))
    return next((index for index in range(shorter) if one[index] != other[index]), shorter)


def pair(what: str, old: str, new: str, places: tuple[str, str] = ("", "")) -> str:
    """Write two values side by side, legacy first; where they are much alike, what either has alone is marked.

    Args:
        what: what they are the values of.
        old, new: the values; empty where a side has none.
        places: where either side wrote its own.
    """
    begin = _common(old, new)
    tail = _common(old[begin:][::-1], new[begin:][::-1])
    alike = 2 * (begin + tail) >= min(len(old), len(new)) > 0
    sides = (
        f'<div class="side"><p class="label">{name}</p>'
        f"{value(one, begin, len(one) - tail if alike else begin)}{where}</div>"
        for name, one, where in (("legacy", old, places[0]), ("compiled", new, places[1]))
    )
    return f'<div class="pair">{f"""<div class="what">{what}</div>""" if what else ""}{"".join(sides)}</div>\n'
