"""What the checks of a preset find in a text, without a repository around it."""

from __future__ import annotations

from typing import Final

from builders import fragment
from compiler.lint import OF_KEYS, OF_WHOLE
from compiler.problems import Problem, in_order
from compiler.values import Node

GRPO: Final = "rlhf:\n  rlhf_type: grpo\n"


def judged(values: Node, rest: Node | None = None) -> list[Problem]:
    """Give what every check of a preset against its trainer finds in resolved values.

    Args:
        values: of the preset.
        rest: what of it is looked at key by key; everything, if None.
    """
    by_key = [problem for check in OF_KEYS for problem in check(values if rest is None else rest)]
    return [*by_key, *(problem for check in OF_WHOLE for problem in check(values))]


def found_in(text: str) -> list[Problem]:
    """Give what is wrong with a preset that a YAML text holds."""
    return in_order(judged(fragment(text).body))


def codes(text: str) -> list[str]:
    """Give place and code of everything that is wrong with a text."""
    return [f"{one.origin.line}:{one.origin.column} {one.code}" for one in found_in(text)]
