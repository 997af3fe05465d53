"""The YAML nodes of a file: which type each plain scalar has, what it is worth, and which of them are told as traps.

Types and values are those of `yaml.safe_load`: PyYAML's own resolver and constructor, each asked once per scalar.
"""

from __future__ import annotations

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


class NodeComposer(CParser, Resolver):
    """libyaml's parser up to nodes; plain scalars are resolved through a memo, as most of them recur."""

    _memo: dict[str, str] = {}  # noqa: RUF012 - shared on purpose, and bounded
    traps: dict[str, Trap] = {}  # noqa: RUF012 - of the scalars in the memo, those that are told

    def __init__(self, data: bytes) -> None:
        CParser.__init__(self, data)
        Resolver.__init__(self)
        if len(self._memo) > 16_384:  # between two files, as the traps of one are asked for after its nodes are made
            self._memo.clear()
            self.traps.clear()

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        """Give the tag of a node without one; `implicit` says whether a scalar is plain."""
        if kind is not yaml.ScalarNode:
            return MAP if kind is yaml.MappingNode else SEQ
        if not implicit[0]:
            return STR
        memo = self._memo
        tag = memo.get(value)
        if tag is None:
            tag = memo[value] = Resolver.resolve(self, kind, value, implicit)  # type: ignore[no-untyped-call]
            trap = _trap(value, tag)
            if trap is not None:
                self.traps[value] = trap
        return tag

    def descend_resolver(self, _parent: Any, _index: Any) -> None:
        """Skip path resolvers: a safe loader has none."""

    def ascend_resolver(self) -> None:
        """Skip path resolvers."""
