"""reader: a value means what `yaml.safe_load` says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from builders import REPOSITORY, codes_of, fragment, node, problems_of, safe_load, typed
from compiler.problems import Invalid
from compiler.values import plain
from documents import KEYS, SHIPPED, VALUES


@pytest.mark.parametrize("file", SHIPPED, ids=[str(file.relative_to(REPOSITORY)) for file in SHIPPED])
def test_every_shipped_file_reads_as_safe_load_reads_it(file: Path) -> None:
    """Type, value and the order of keys are those of `yaml.safe_load`."""
    data = file.read_bytes()
    assert typed(plain(fragment(data).body)) == typed(safe_load(data))


def test_there_are_shipped_files() -> None:
    """The comparison above is over both trees."""
    assert len(SHIPPED) > 60


TRAPS = [
    "1e-5",
    "1E5",
    "1.0e-7",
    "1.0e+7",
    "1.0e7",
    "1.e-5",
    ".5",
    "5.",
    "-.5",
    "+.5",
    "1e+5",
    "6.02e23",
    "-0.0",
    "0.0",
    "-0",
    "0",
    "010",
    "017",
    "018",
    "0o10",
    "0x1F",
    "0X1f",
    "0b101",
    "-0x10",
    "+12",
    "1_000",
    "1_000.5",
    "0_1",
    "1__0",
    "190:20:30",
    "12:30:45",
    "1:30",
    "99:99",
    "1:60",
    "1:30.5",
    "12:30:45.678",
    "-1:30",
    "0:0",
    "yes",
    "no",
    "on",
    "off",
    "Yes",
    "NO",
    "On",
    "OFF",
    "y",
    "n",
    "Y",
    "N",
    "true",
    "True",
    "TRUE",
    "tRUE",
    "false",
    "truE",
    "null",
    "Null",
    "NULL",
    "~",
    "nULL",
    "None",
    "none",
    ".inf",
    "-.inf",
    "+.inf",
    ".Inf",
    ".INF",
    ".nan",
    ".NaN",
    ".NAN",
    "inf",
    "nan",
    "NaN",
    ".iNf",
    "-.nan",
    "2026-01-31",
    "2026-1-31",
    "2001-12-14t21:59:43.10-05:00",
    "2001-12-15T02:59:43.1Z",
    "2026-01-31T10:00:00",
    "0x",
    "0b",
    "0o",
    "0b2",
    "0xg",
    "+",
    "-a",
    ".",
    "..",
    "...a",
    "1.2.3",
    "1,000",
    "1e",
    "e5",
    "0.",
    "00",
    "08",
    "09",
    "0_",
    "1_",
    "._",
    "._1",
    "_1",
    "1._5",
    "=a",
    "a=",
    "<",
    "<a",
    "!x!",
    "a:b",
    "a#b",
    "http://x/y",
    "./x",
    "../x",
    "/x",
    "a,b",
    '"a"',
    "'a'",
    '"\\x41"',
    '"1"',
    "'null'",
    "''",
    '""',
]


@pytest.mark.parametrize(
    "text",
    [
        *TRAPS,
        "2001-12-14 21:59:43.10",
        "2001-12-14 21:59:43.1234567 +5:30",
        "!!str 5",
        '!!int "7"',
        "!!float 1",
        '!!bool "yes"',
        '!!null ""',
        "!!null x",
        "!!str null",
        "!!str",
        "!!float .inf",
        "!!int 0x1F",
        "!!timestamp 2026-01-31",
        "! 5",
        '! "5"',
        "!<tag:yaml.org,2002:str> 1",
        "!!map {a: 1}",
        "!!seq [1]",
        "",
        "|\n  a\n  b\n",
        "|-\n  a\n\n  b\n\n",
        "|+\n  a\n\n",
        ">\n  a\n  b\n\n  c\n",
        ">2\n    a\n  b\n",
        '"a\\\n   b"',
        '"a\n   b"',
        "'it''s'",
        "a\n  b\n  c",
        '"\\u5317 \\U0001F600 \\x85 \\0 \\e \\N \\_ \\L \\P"',
        "北京 é 😀",
        "[a, [], {}, {b: }, [c: d]]",
        "{a: 1, b, ? c : d}",
        "[a:b]",
    ],
)
def test_each_yaml_trap_means_what_safe_load_says(text: str) -> None:
    """1e-5 is text, 1.0e-7 a float, `no` false, 010 eight, 12:30:45 a number: nothing is improved."""
    document = f"k: {text}\n"
    try:
        expected = safe_load(document)
    except Exception:
        assert problems_of(lambda: fragment(document))
        return
    assert typed(plain(fragment(document).body)) == typed(expected)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", "1e-5"),
        ("1.0e-7", 1e-07),
        ("no", False),
        ("on", True),
        ("010", 8),
        ("0o10", "0o10"),
        ("12:30:45", 45045),
        ("1_000", 1000),
        ("~", None),
        ("y", "y"),
        ('"no"', "no"),
        ("-.inf", float("-inf")),
    ],
)
def test_the_best_known_traps(text: str, value: Any) -> None:
    """Said in full once, so that the comparison with PyYAML is not the only witness."""
    assert typed(node(text).value) == typed(value)


DOCUMENTS = [
    "a: &x {p: 1, q: 2}\nb: *x\nc: [*x, *x]\n",
    "a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n  r: 4\n",
    "a: &x {p: 1, q: 2}\nb:\n  r: 4\n  q: 3\n  <<: *x\n",
    "a: &x {p: 1, q: 2}\nb: &y {q: 3, r: 4}\nc:\n  <<: [*x, *y]\n  s: 5\n",
    "a: &x {p: 1, q: 2}\nb: &y {q: 3, r: 4}\nc:\n  s: 5\n  <<: [*y, *x]\n  r: 6\n",
    "a: &x {p: 1}\nb: &y {<<: *x, q: 2}\nc: {<<: *y, r: 3}\n",
    "a: &x {p: {q: 1}}\nb: {<<: *x, p: {r: 2}}\n",
    "b: {<<: {p: 1, q: 2}, q: 3}\n",
    "b: {<<: [{p: 1}, {p: 2, q: 2}], r: 3}\n",
    "b: {<<: []}\n",
    "b: {<<: {}}\n",
    "<<: {p: 1}\nq: 2\n",
    '"<<": 1\na: 2\n',
    "a: '<<'\n",
    "=: 1\n",
    "a: &x 1\nb: *x\n",
    "a: &x\nb: *x\n",
    "a: &x [1, &y 2]\nb: *y\n",
    "a: '&x'\nb: 1 & 2\n",
    "? a\n: 1\n",
    "%YAML 1.1\n---\na: 1\n...\n",
    "---\na: 1\n",
    "a: 1\n...\n# end\n",
    "# only a comment\n",
    "---\n",
    "---\n...\n",
    "",
    "\n\n",
    "a: 1\r\nb:\r\n  - x\r\n  - |\r\n    y\r\n    z\r\n",
    "a: 1\rb: 2\r",
    "{a: 1, b: [2, 3]}",
    "%TAG !y! tag:yaml.org,2002:\n---\na: !y!str 1\n",
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=[repr(document)[:50] for document in DOCUMENTS])
def test_anchors_merge_keys_and_line_ends_mean_what_safe_load_says(document: str) -> None:
    """Anchors and merge keys work within a file, in PyYAML's order of keys; an empty file is a mapping."""
    assert typed(plain(fragment(document).body)) == typed(safe_load(document) or {})


STYLES = st.fixed_dictionaries(
    {
        "default_flow_style": st.sampled_from([True, False, None]),
        "allow_unicode": st.booleans(),
        "default_style": st.sampled_from([None, '"', "'", "|"]),
        "width": st.sampled_from([20, 80, 1000]),
        "explicit_start": st.booleans(),
        "line_break": st.sampled_from(["\n", "\r\n"]),
    }
)


@given(st.dictionaries(KEYS, VALUES, max_size=4), STYLES)
@example({"a": {"b": "\u2028x", "c": "y"}}, {"allow_unicode": True})
def test_what_safe_dump_writes_reads_as_safe_load_reads_it(value: dict[str, Any], style: dict[str, Any]) -> None:
    """Over generated documents in every style, type, value and key order are those of `yaml.safe_load`."""
    shared = {"one": value, "two": value} if value else {}  # safe_dump writes the second as an alias
    for held in (value, shared):
        text = yaml.safe_dump(held, sort_keys=False, **style).encode()
        try:
            expected = safe_load(text)
        except yaml.YAMLError:
            assert codes_of(lambda text=text: fragment(text))  # type: ignore[misc]
            continue
        assert typed(plain(fragment(text).body)) == typed(expected)


@given(st.text("ab:-[]{}&*!|>'\"#?,\n <1=~", max_size=24))
def test_what_safe_load_refuses_is_refused_and_what_it_accepts_means_the_same(text: str) -> None:
    """Over generated near-YAML: values are PyYAML's, and what PyYAML refuses is never read."""
    try:
        expected = safe_load(text)
    except Exception:
        assert problems_of(lambda: fragment(text))
        return
    try:
        found = plain(fragment(text).body)
    except Invalid:
        return
    assert typed(found) == typed({} if expected is None else expected)
