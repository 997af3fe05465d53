"""What the tests of reading read: every file that ships, and generated values."""

from __future__ import annotations

from hypothesis import strategies as st

from builders import REPOSITORY

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
