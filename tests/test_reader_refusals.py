"""reader: everything that cannot be carried is refused at its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from builders import codes_of, fragment, problems_of
from compiler.problems import Invalid
from compiler.values import MAX_NODES, plain

REFUSED: list[tuple[str, str | bytes, list[str]]] = [
    ("a key twice", "a: 1\nb: 2\na: 3\n", ["f.yaml:3:1 duplicate-key"]),
    ("a nested key twice", "s:\n  a: 1\n  'a': 3\n", ["f.yaml:3:3 duplicate-key"]),
    ("a key twice in flow style", "s: {a: 1, a: 2}\n", ["f.yaml:1:11 duplicate-key"]),
    ("two merge keys", "a: &x {p: 1}\nb:\n  <<: *x\n  <<: *x\n", ["f.yaml:4:3 duplicate-key"]),
    ("an integer key", "1: a\n", ["f.yaml:1:1 non-string-key"]),
    ("a float key", "s: {1.5: a}\n", ["f.yaml:1:5 non-string-key"]),
    ("a boolean key", "on: a\n", ["f.yaml:1:1 non-string-key"]),
    ("a null key", "a: {~: 1}\n", ["f.yaml:1:5 non-string-key"]),
    ("an empty key", "?\n: 1\n", ["f.yaml:1:2 non-string-key"]),
    ("an anchor twice", "a: &x 1\nb: &x 2\nc: *x\n", ["f.yaml:2:4 bad-yaml"]),
    ("a date key", "2026-01-01: a\n", ["f.yaml:1:1 non-string-key"]),
    ("a sexagesimal key", "1:30: a\n", ["f.yaml:1:1 non-string-key"]),
    ("a list as a key", "? [a]\n: 1\n", ["f.yaml:1:3 non-string-key"]),
    ("a mapping as a key", "{a: 1}: 1\n", ["f.yaml:1:1 non-string-key"]),
    ("several documents", "a: 1\n---\nb: 2\n", ["f.yaml:2:1 several-documents"]),
    ("an empty second document", "a: 1\n---\n", ["f.yaml:2:1 several-documents"]),
    ("a list as the root", "- a\n", ["f.yaml:1:1 not-a-mapping"]),
    ("a text as the root", "\nhello\n", ["f.yaml:2:1 not-a-mapping"]),
    ("null as the root", "null\n", ["f.yaml:1:1 not-a-mapping"]),
    ("a set as the root", "!!set {a}\n", ["f.yaml:1:1 not-a-mapping"]),
    ("an unknown tag", "a: !env HOME\n", ["f.yaml:1:4 unsupported-tag"]),
    ("an unknown tag on a mapping", "a: !x {b: 1}\n", ["f.yaml:1:4 unsupported-tag"]),
    ("an unknown tag on a list", "a: !x [b]\n", ["f.yaml:1:4 unsupported-tag"]),
    ("an unknown tag on a key", "!x a: 1\n", ["f.yaml:1:1 unsupported-tag"]),
    ("the value tag", "a: =\n", ["f.yaml:1:4 invalid-scalar"]),
    ("a merge tag as a value", "a: <<\n", ["f.yaml:1:4 invalid-scalar"]),
    ("a python tag", "a: !!python/name:os.system\n", ["f.yaml:1:4 unsupported-tag"]),
    ("binary", "a: !!binary aGk=\n", ["f.yaml:1:4 unportable-value"]),
    ("a set", "a: !!set {b, c}\n", ["f.yaml:1:4 unportable-value"]),
    ("an ordered map", "a: !!omap [b: 1]\n", ["f.yaml:1:4 unportable-value"]),
    ("pairs", "a: !!pairs [b: 1]\n", ["f.yaml:1:4 unportable-value"]),
    ("a wrong int", "a: !!int x\n", ["f.yaml:1:4 invalid-scalar"]),
    ("an empty int", 'a: !!int ""\n', ["f.yaml:1:4 invalid-scalar"]),
    ("an int of underscores", 'a: !!int "_"\n', ["f.yaml:1:4 invalid-scalar"]),
    ("an empty float", "a: !!float\n", ["f.yaml:1:4 invalid-scalar"]),
    ("a wrong bool", "a: !!bool maybe\n", ["f.yaml:1:4 invalid-scalar"]),
    ("a wrong date", "a: 2026-13-45\n", ["f.yaml:1:4 invalid-scalar"]),
    ("a tagged text as a date", "a: !!timestamp soon\n", ["f.yaml:1:4 invalid-scalar"]),
    ("a date out of range", "a: 2001-12-14 25:00:00\n", ["f.yaml:1:4 invalid-scalar"]),
    ("hexadecimal without digits", "a: 0x_\n", ["f.yaml:1:4 invalid-scalar"]),
    ("a map tag on a list", "a: !!map [1]\n", ["f.yaml:1:4 unsupported-tag"]),
    ("a map tag on a scalar", "a: !!map 1\n", ["f.yaml:1:4 unsupported-tag"]),
    ("a str tag on a list", "a: !!str [1]\n", ["f.yaml:1:4 unsupported-tag"]),
    ("a merge key of a scalar", "a:\n  <<: 1\n", ["f.yaml:2:7 bad-yaml"]),
    ("a merge key of scalars", "a:\n  <<: [1]\n", ["f.yaml:2:7 bad-yaml"]),
    ("an unknown alias", "a: *x\n", ["f.yaml:1:4 bad-yaml"]),
    ("a forward alias", "a: *x\nb: &x 1\n", ["f.yaml:1:4 bad-yaml"]),
    ("an open bracket", "a: [1, 2\nb: 3\n", ["f.yaml:2:2 bad-yaml"]),
    ("a tab as indentation", "a:\n\tb: 1\n", ["f.yaml:2:1 bad-yaml"]),
    ("wrong indentation", "a:\n   b: 1\n  c: 2\n", ["f.yaml:3:3 bad-yaml"]),
    ("an open quote", 'a: "x\nb: 1\n', ["f.yaml:1:4 bad-yaml"]),
    ("an unknown directive version", "%YAML 3.0\n---\na: 1\n", ["f.yaml:1:1 bad-yaml"]),
    ("a bad escape", 'a: "\\q"\n', ["f.yaml:1:5 bad-yaml"]),
    ("half of a surrogate pair", 'a: "\\ud800"\n', ["f.yaml:1:7 bad-yaml"]),
    ("a NUL", b"a: 1\nb: x\0y\n", ["f.yaml:2:5 bad-yaml"]),
    ("a control character", b"a: 1\n  # \x07\n", ["f.yaml:2:5 bad-yaml"]),
    ("a delete character behind CJK text", "键: 值\x7f\n", ["f.yaml:1:5 bad-yaml"]),
    ("a latin-1 byte", b"a: 1\nb: caf\xe9\n", ["f.yaml:2:7 not-utf8"]),
    ("UTF-16", "a: 1\n".encode("utf-16"), ["f.yaml:1:1 not-utf8"]),
    ("UTF-16 without a mark", "a: 1\n".encode("utf-16-le"), ["f.yaml:1:2 bad-yaml"]),
    ("a surrogate in UTF-8", b"a: \xed\xa0\x80\n", ["f.yaml:1:4 not-utf8"]),
    ("an alias of itself", "a: &x [*x]\n", ["f.yaml:1:4 recursive-alias"]),
    ("a mapping in itself", "a: &x {b: {c: *x}}\n", ["f.yaml:1:4 recursive-alias"]),
    ("a merge of itself", "a: &x {<<: *x}\n", ["f.yaml:1:4 recursive-alias"]),
    ("a key too long", "k" * 121 + ": 1\n", ["f.yaml:1:1 unportable-value"]),
    ("an integer too long", "a: " + "9" * 4001 + "\n", ["f.yaml:1:4 unportable-value"]),
    ("an integer that Python refuses", "a: " + "9" * 5000 + "\n", ["f.yaml:1:4 invalid-scalar"]),
    ("a hexadecimal too long", "a: 0x" + "f" * 4000 + "\n", ["f.yaml:1:4 unportable-value"]),
    (
        "all problems of a file at once",
        "1: a\nb: !x y\nb: 2026-99-99\n",
        [
            "f.yaml:1:1 non-string-key",
            "f.yaml:2:4 unsupported-tag",
            "f.yaml:3:1 duplicate-key",
            "f.yaml:3:4 invalid-scalar",
        ],
    ),
    (
        "a duplicate within a merged mapping, once",
        "a: &x {p: 1, p: 2}\nb: {<<: *x}\n",
        ["f.yaml:1:14 duplicate-key"],
    ),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_cannot_be_carried_is_refused_at_its_place(text: str | bytes, expected: list[str]) -> None:
    """Each refusal names file, line and column."""
    assert codes_of(lambda: fragment(text)) == expected


def test_a_repeated_key_names_both_places() -> None:
    """The message stands at the second, and notes the first."""
    (problem,) = problems_of(lambda: fragment("s:\n  a: 1\n  b: 2\n  a: 3\n"))
    assert [str(problem.origin), *(str(note.origin) for note in problem.notes)] == [
        "f.yaml:4:3",
        "f.yaml:2:3",
    ]


def test_no_tag_runs_code(tmp_path: Path) -> None:
    """A python tag is refused and not executed."""
    witness = tmp_path / "witness"
    text = f"a: !!python/object/apply:os.system ['touch {witness}']\n"
    assert codes_of(lambda: fragment(text)) == ["f.yaml:1:4 unsupported-tag"]
    assert not witness.exists()


def test_an_alias_bomb_is_refused_at_once() -> None:
    """Ten levels of ten aliases each are counted, not written out."""
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert codes_of(lambda: fragment("\n".join(lines))) == ["f.yaml:5:5 too-large"]


def test_a_bomb_of_merge_keys_is_refused_at_once() -> None:
    """Merge keys expand like aliases."""
    lines = ["l0: &l0 {a: 1, b: 2}"]
    lines += [f"l{n}: &l{n} {{<<: [{', '.join([f'*l{n - 1}'] * 9)}], k{n}: 1}}" for n in range(1, 12)]
    assert [code.split()[1] for code in codes_of(lambda: fragment("\n".join(lines)))] == ["too-large"]


@pytest.mark.parametrize("line", ["k{}: 1", "k{}: [1, 2, 3]"])
def test_more_values_than_a_lock_can_hold_are_refused(line: str) -> None:
    """They are counted before anything is made of them, in whichever style they are written."""
    lines = [line.format(number) for number in range(MAX_NODES)]
    assert [code.split()[1] for code in codes_of(lambda: fragment("\n".join(lines)))] == ["too-large"]


@pytest.mark.parametrize(("digits", "hint"), [(60, f'quote it: `"{"1" * 60}"`'), (61, "")])
def test_how_to_write_a_key_is_told_of_one_that_fits_a_line(digits: int, hint: str) -> None:
    """A longer one is cut in the message, and nobody means it."""
    [problem] = problems_of(lambda: fragment(f"{'1' * digits}: a\n"))
    assert (problem.code, problem.hint) == ("non-string-key", hint)


DEEP = {
    "lists in flow style": "a: " + "[" * 10_000,
    "closed lists in flow style": "a: " + "[" * 10_000 + "]" * 10_000,
    "mappings in flow style": "a: " + "{a: " * 10_000,
    "lists on one line": "a:\n  " + "- " * 10_000 + "x",
    "explicit keys": "? " * 10_000 + "x",
    "pairs in flow style": "a: " + "[a: " * 10_000,
    "mappings by indentation": "".join(f"{' ' * n}a:\n" for n in range(2_500)),
    "lists by indentation": "a:\n" + "".join(f"{' ' * n}-\n" for n in range(1, 2_500)),
    "mappings by indentation, with an anchor": "x: &x 1\n" + "".join(f"{' ' * n}a:\n" for n in range(2_500)),
    "lists by indentation, with an anchor": "x: &x 1\na:\n" + "".join(f"{' ' * n}-\n" for n in range(1, 2_500)),
    "anchors on the way": "a: " + "".join(f"&x{n} [" for n in range(5_000)),
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_a_document_too_deep_is_refused(text: str) -> None:
    """Ten thousand levels, in any style, end in a message and not in a crash."""
    problems = problems_of(lambda: fragment(text))
    assert [problem.code for problem in problems] == ["too-deep"]
    assert problems[0].origin.line > 0


def test_a_hundred_levels_are_read() -> None:
    """The limit is where it says: the root and 99 levels below it, in every style; one more is refused."""
    assert plain(fragment("a: " + "[" * 99 + "]" * 99).body)
    assert plain(fragment("".join(f"{' ' * n}a:\n" for n in range(100))).body)
    assert [code.split()[1] for code in codes_of(lambda: fragment("a: " + "[" * 100 + "]" * 100))] == ["too-deep"]
    deeper = "".join(f"{' ' * n}a:\n" for n in range(101))
    assert [code.split()[1] for code in codes_of(lambda: fragment(deeper))] == ["too-deep"]


def test_a_bad_file_is_an_invalid_and_not_a_crash() -> None:
    """Whatever bytes a file holds, it is read or refused."""

    @given(st.binary(max_size=40) | st.text("a:-[]{}&*!|>'\"%#?,\n <1\0\t=~", max_size=24).map(str.encode))
    @example(b'a: !!int ""')
    @example(b"&a : *a")
    @example(b"<<: ")
    def read_or_refused(data: bytes) -> None:
        for path in ("f.yaml", "f.json"):
            try:
                assert isinstance(fragment(data, path).body.value, dict)
            except Invalid:
                told = problems_of(lambda path=path: fragment(data, path))  # type: ignore[misc]
                assert all(problem.severity == "error" and problem.message for problem in told)

    read_or_refused()
