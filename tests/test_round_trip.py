"""The round trip: whatever a config can hold, a lock holds the same typed value, in YAML 1.1 and in YAML 1.2."""

from __future__ import annotations

import datetime
import json
import math
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from builders import lock_of, problems_of, safe_load, safe_load_1_2, typed
from compiler.values import MAX_INT
from documents import KEYS, SCALARS
from test_emitter import HOSTILE

P = "configs/train/p.yaml"

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(HOSTILE)
HELD = (
    SCALARS
    | TEXTS
    | st.integers(1 - MAX_INT, MAX_INT - 1)
    | st.floats(allow_subnormal=True)
    | st.datetimes(timezones=st.sampled_from([None, datetime.UTC, datetime.timezone(datetime.timedelta(hours=5.5))]))
)
NAMES = KEYS.filter(lambda key: key not in ("extends", "inherit", "fusion")) | st.sampled_from(
    [text for text in HOSTILE if 0 < len(text) <= 120]
)
TREES = st.dictionaries(
    NAMES,
    st.recursive(
        HELD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
    ),
    max_size=4,
)


def undated(value: Any) -> Any:
    """Give a value without its dates: what YAML 1.2 has no type for."""
    if isinstance(value, dict):
        return {key: undated(child) for key, child in value.items()}
    if isinstance(value, list):
        return [undated(child) for child in value]
    return "a date" if isinstance(value, datetime.date) else value


@given(TREES, st.booleans(), st.sampled_from([None, '"', "'"]), st.sampled_from([True, False]))
@example({"a": {"b": [1e-07, -0.0, 0.0, math.inf, math.nan, True, 1, 1.0, None, "1", "1e5", ""]}}, True, None, True)
def test_a_lock_holds_what_safe_load_reads_from_the_source(
    tree: dict[str, Any], unicode: bool, style: str | None, flow: bool
) -> None:
    """From source to lock no value changes: type, text, sign of zero, NaN, digits, time zone, and the order of keys."""
    source = yaml.safe_dump(
        tree, sort_keys=False, allow_unicode=unicode, default_style=style, default_flow_style=flow, width=1_000_000
    )
    try:
        expected = safe_load(source)
    except (yaml.YAMLError, ValueError):
        return  # PyYAML writes some dates, and integers, that it cannot read
    lock = lock_of({P: source.encode()}, P)
    assert typed(safe_load(lock)) == typed(expected)
    without = undated(expected)
    lock = lock_of({P: yaml.safe_dump(without, sort_keys=False, width=1_000_000).encode()}, P)
    assert typed(safe_load_1_2(lock)) == typed(safe_load(lock)) == typed(without)


@given(
    st.dictionaries(
        NAMES,
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(1 - MAX_INT, MAX_INT - 1)
            | st.floats(allow_nan=False, allow_infinity=False)
            | TEXTS,
            lambda inner: st.lists(inner, max_size=3),
        ),
        max_size=3,
    )
)
def test_a_lock_of_a_json_mix_holds_what_json_reads(tree: dict[str, Any]) -> None:
    """The same from JSON, of which both versions of YAML read the same."""
    held = {**tree, "targets": [{"name": "t", "dataset": "d", "train_jsonl": "x"}]}
    mix = "configs/fusion/m.json"
    lock = lock_of({mix: json.dumps(held)}, mix)
    expected = typed(json.loads(json.dumps(held)))
    assert typed(safe_load(lock)) == expected
    assert typed(safe_load_1_2(lock)) == expected


UNPORTABLE = [
    ("binary data", "!!binary aGk=", "write it as text, as a list or as a mapping"),
    ("a set", "!!set {a, b}", "write it as text, as a list or as a mapping"),
    ("an ordered map", "!!omap [a: 1]", "write it as text, as a list or as a mapping"),
    ("pairs", "!!pairs [a: 1]", "write it as text, as a list or as a mapping"),
    ("an integer of 4,001 digits", "9" * 4_001, "write it as text"),
    ("a number of 10,000 digits", "1." + "9" * 10_000, "write it as text"),
]


@pytest.mark.parametrize(("value", "hint"), [row[1:] for row in UNPORTABLE], ids=[row[0] for row in UNPORTABLE])
def test_what_cannot_be_carried_is_told_with_the_way_out(value: str, hint: str) -> None:
    """At the value, and the way out is taken: the text, the list and the mapping are carried."""
    (problem,) = problems_of(lambda: lock_of({P: f"a:\n  b: {value}\n"}, P))
    assert (str(problem.origin), problem.code, problem.hint) == (f"{P}:2:6", "unportable-value", hint)
    for way_out in (json.dumps(value), "[a, b]", "{a: 1}"):
        source = f"a:\n  b: {way_out}\n"
        assert typed(safe_load(lock_of({P: source}, P))) == typed(safe_load(source))
