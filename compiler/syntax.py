"""What a YAML parser complains of, as a `Problem`; knows the parser only by the marks of its errors."""

from __future__ import annotations

from typing import Any

from compiler.problems import Note, Problem
from compiler.tree import Source, place_after
from compiler.values import Origin


def syntax_problem(path: str, error: Any) -> Problem:
    """Word what a YAML parser complains of; `error` has the marks of `yaml.MarkedYAMLError`."""
    mark = error.problem_mark or error.context_mark
    origin = Origin(path, mark.line + 1, mark.column + 1) if mark else Origin(path, 0, 0)
    if error.context == "expected a single document in the stream":
        return Problem(
            "several-documents",
            "the file holds more than one document",
            origin,
            why="a config is one document",
            hint="split the file, or take the `---` out",
        )
    notes: tuple[Note, ...] = ()
    if error.context and error.context_mark and error.context_mark is not mark:
        place = Origin(path, error.context_mark.line + 1, error.context_mark.column + 1)
        notes = (Note(place, f"is where the parser was {error.context}"),)
    hint = "indent with spaces" if "\\t" in str(error.problem) or "'\\t'" in str(error.problem) else ""
    return Problem("bad-yaml", f"this is not YAML: {error.problem or error.context}", origin, notes=notes, hint=hint)


def character_problem(source: Source) -> Problem:
    """Word that a file holds a character that YAML forbids: the first such one."""
    text = source.data.decode("utf-8-sig", "replace")
    bad = next((index for index, char in enumerate(text) if not _readable(char)), 0)
    code = f"U+{ord(text[bad]):04X}" if text else "?"
    return Problem(
        "bad-yaml",
        f"the character {code} may not stand in a YAML file",
        place_after(source.path, text[:bad]),
        hint='write it as an escape in a double-quoted text, such as `"\\x00"`',
    )


def _readable(char: str) -> bool:
    code = ord(char)
    if code < 0x7F:
        return code >= 0x20 or char in "\t\n\r"
    return char == "\x85" or 0xA0 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
