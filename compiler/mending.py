"""How to write what was meant by a value of the wrong type: why it was read as it was, and a spelling that fits."""

from __future__ import annotations

import re
from typing import Any, Final

from compiler.emitter import scalar_text
from compiler.schema import PARSED, Field, default_of, fits
from compiler.spelling import with_a_dot
from compiler.values import KeyPath

_NUMBER: Final = re.compile(r"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_TEXT_ALL_THE_SAME: Final = re.compile(r"[-+]?0\d*[89]\d*|[-+]\.\d+")
"""Numbers that YAML 1.1 reads as texts without quotes, and without an exponent."""

_BOOLEANS: Final = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}


def mend(path: KeyPath, value: Any, field: Field) -> tuple[str, str]:
    """Say why a value was read as it was, and how to write what was meant; the first spelling told is one that fits."""
    takes = field.kinds
    if value is None:
        default = default_of(str(path[0]), str(path[1])) if len(path) == 2 else None
        if default is not None:
            hint = f"write `{scalar_text(default).decode()}`, which is the trainer's own"
            return "null does not bring back what the trainer takes by itself", hint
        # a run without any dataset is refused
        return "", "write `[]` for none" if "list" in takes and path[-1] != "dataset" else ""
    if type(value) is str:
        return _mend_text(path, value, takes)
    if type(value) is list:
        one = value[0].value if len(value) == 1 else None
        return "", f"write `{scalar_text(one).decode()}`, without brackets" if one and fits(one, takes) else ""
    if type(value) is dict:
        return "", ""
    if type(value) is bool and "str" in takes and "list" in takes:
        return "YAML 1.1 reads `yes`, `no`, `on` and `off` as booleans", ""  # which name was meant nobody can tell
    if type(value) is bool and "str" in takes:
        words = [f'`"{word}"`' for word, meant in _BOOLEANS.items() if meant is value]
        if field.choices:
            taken = [word for word in words if word.strip('`"') in field.choices]
            hint = f"write {taken[0]}" if taken else "it takes " + ", ".join(f"`{choice}`" for choice in field.choices)
        else:
            hint = f"write {', '.join(words[:-1])} or {words[-1]}, whichever was meant, in quotes"
        return "YAML 1.1 reads `yes`, `no`, `on` and `off` as booleans", hint
    if type(value) is float and "int" in takes and value.is_integer():
        return "", f"write `{int(value)}`"
    if type(value) is int and "bool" in takes and value in (0, 1):
        return "", f"write `{'true' if value else 'false'}`"
    if "str" in takes and not field.choices:
        return "", "put it in quotes, as it is written"  # nobody knows here how: `012` was read as `10`
    if "list" in takes and (not field.items or fits(value, field.items)):
        return "", f"write `[{scalar_text(value).decode()}]`"
    return "", ""


def _mend_text(path: KeyPath, value: str, takes: frozenset[str]) -> tuple[str, str]:
    """Say how to write what a text was meant to be."""
    word = value.strip().lower()
    if takes & {"int", "float"} and _NUMBER.fullmatch(word):
        return _mend_number(word, takes)
    if "bool" in takes and word in _BOOLEANS:
        why = "" if path in PARSED else "any text counts as true, `false` as well"
        return why, f"write `{'true' if _BOOLEANS[word] else 'false'}`, without quotes"
    if "null" in takes and word in ("none", "null", "~", "nil"):
        return "YAML reads only `null` and `~` as null", "write `null`, without quotes"
    if "list" in takes:
        parts = [part.strip() for part in value.split(",")]
        return "", "write `[" + ", ".join(scalar_text(part).decode() for part in parts if part) + "]`"
    return "", ""


def _mend_number(word: str, takes: frozenset[str]) -> tuple[str, str]:
    """Say how to write a number that was read as a text: because of its exponent, or of quotes."""
    bare = word.replace("_", "")
    exponent = bare.partition("e")[2]
    number: float = int(bare) if re.fullmatch(r"[-+]?\d+", bare) else float(bare)
    if type(number) is float and "float" not in takes and number.is_integer():
        number = int(number)
    if not fits(number, takes):
        return "", ""
    is_bare = type(number) is int or not exponent
    written = scalar_text(number).decode() if is_bare else with_a_dot(bare)
    if exponent:
        why = "YAML 1.1 reads a number with an exponent only where it has a dot and a sign; anything else is a text"
        return why, f"write `{written}`"
    if _TEXT_ALL_THE_SAME.fullmatch(word):
        return "YAML 1.1 reads a text, as no number begins so", f"write `{written}`"
    return "", f"write `{written}`, without quotes"
