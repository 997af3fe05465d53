"""What tests read that ask of every document: each file and each preset that ships, and generated values."""

from __future__ import annotations

import json
from functools import cache

from hypothesis import strategies as st

from builders import REPOSITORY, opened
from compiler.reach import presets_of
from compiler.values import Node, node_of

SHIPPED = sorted([*(REPOSITORY / "configs").rglob("*.yaml"), *(REPOSITORY / "legacy" / "configs").rglob("*.yaml")])
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=0, max_size=8)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["no", "1e5", "1_0", "0x1", "12:30", "=", "<<", "~", "2026-01-01", " a", "a ", "\u2028", "\x85"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@cache
def shipped_presets() -> dict[str, Node]:
    """Give the resolved values of every preset that ships, by name."""
    workspace = opened()
    return {workspace.layout.name_of(one): workspace.resolve(one).values for one in presets_of(workspace)}


@cache
def legacy_presets() -> dict[str, Node]:
    """Give the values of every preset of which there is a legacy record, by the path that it had."""
    paths = sorted((REPOSITORY / "legacy/records").rglob("*.json"))
    records = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return {record["source"]: node_of(record["values"]) for record in records if record["kind"] == "preset"}
