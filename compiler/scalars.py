"""The YAML nodes of a file: which type each plain scalar has, what it is worth, and which of them are told as traps.

Types and values are those of `yaml.safe_load`: PyYAML's own resolver and constructor, each asked once per scalar.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any, Final

import yaml
from yaml.constructor import SafeConstructor
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.resolver import Resolver

from compiler.spelling import Trap, trap_of
from compiler.values import MAX_INT_DIGITS

TAG: Final = "tag:yaml.org,2002:"
STR, NULL, BOOL, INT, FLOAT = TAG + "str", TAG + "null", TAG + "bool", TAG + "int", TAG + "float"
MAP, SEQ, MERGE, VALUE, TIMESTAMP = (
    TAG + "map",
    TAG + "seq",
    TAG + "merge",
    TAG + "value",
    TAG + "timestamp",
)


def _makers() -> dict[str, Callable[[Any], Any]]:
    """Give per tag the constructor of PyYAML's own safe loader, numbers through a bounded memo."""
    safe = SafeConstructor()

    def remembered(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
        memo: dict[str, Any] = {}

        def made(node: Any) -> Any:
            text = node.value
            if text in memo:
                return memo[text]
            if len(memo) > 16_384:
                memo.clear()
            value = memo[text] = make(node)
            return value

        return made

    return {
        STR: lambda node: node.value,
        NULL: lambda _node: None,
        BOOL: safe.construct_yaml_bool,
        INT: remembered(safe.construct_yaml_int),
        FLOAT: remembered(safe.construct_yaml_float),
        TIMESTAMP: safe.construct_yaml_timestamp,
    }


MAKERS: Final = _makers()


_TRAPPING: Final = frozenset("0123456789+-.yYnNoO")
"""How every scalar begins that versions of YAML can differ about."""


def _trap(text: str, tag: str) -> Trap | None:
    """Say how readers differ about a plain scalar; None where they agree, and for what no reader takes."""
    if text[:1] not in _TRAPPING or tag not in MAKERS or len(text) > MAX_INT_DIGITS:
        return None
    try:
        return trap_of(text, MAKERS[tag](yaml.ScalarNode(tag, text)))
    except (LookupError, ValueError, OverflowError, TypeError, AttributeError, yaml.YAMLError):
        return None  # refused where it stands


TRAPS: Final[dict[str, Trap]] = {}
"""Of the plain scalars that were resolved so far, those that are told; emptied with the memo, between two files."""

MEMO: Final = 16_384
"""How many scalars are remembered: most plain ones recur."""

_resolver: Final = Resolver()


@functools.cache
def _tag_of(kind: Any, value: Any, implicit: Any) -> str:
    """Give the tag of a node as a safe loader resolves it; `implicit` says whether a scalar is plain."""
    tag = str(_resolver.resolve(kind, value, implicit))  # type: ignore[no-untyped-call]
    if kind is yaml.ScalarNode and implicit[0]:
        trap = _trap(value, tag)
        if trap is not None:
            TRAPS[value] = trap
    return tag


class NodeComposer(CParser):
    """libyaml's parser up to nodes. What it calls for each of them is written in C: a memo, and nothing at all."""

    resolve = staticmethod(_tag_of)
    # a safe loader has no path resolvers: two callables that take what these are given, and do nothing with it
    descend_resolver = staticmethod(operator.is_)
    ascend_resolver = staticmethod(int)

    def __init__(self, data: bytes) -> None:
        CParser.__init__(self, data)
        if _tag_of.cache_info().currsize > MEMO:  # between two files: the traps of one are asked for after its nodes
            _tag_of.cache_clear()
            TRAPS.clear()
