"""Contents of files that nobody should write, each with the place and the code of what is told of it."""

from __future__ import annotations

from typing import Final

P: Final = "configs/train/p.yaml"

MEGABYTE: Final = 1024 * 1024


def bomb(levels: int, width: int) -> str:
    """Give lists of aliases of lists of aliases."""
    lines = [f"l0: &l0 [{', '.join(['x'] * width)}]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


def merge_bomb(levels: int, width: int) -> str:
    """Give mappings that merge mappings that merge mappings."""
    lines = ["l0: &l0 {a: 1}"]
    lines += [f"l{n}: &l{n} {{<<: [{', '.join([f'*l{n - 1}'] * width)}]}}" for n in range(1, levels)]
    return "\n".join(lines)


CONTENTS: Final[list[tuple[str, str | bytes, str]]] = [
    ("bomb of aliases", bomb(10, 10), "5:5 too-large"),
    ("tall bomb of aliases", bomb(99, 2), "15:6 too-large"),
    ("tower of single aliases", bomb(1000, 1), "99:6 too-deep"),
    ("bomb of merge keys", merge_bomb(12, 9), "6:14 too-large"),
    ("merge keys in a row", merge_bomb(3_000, 1), "50:6 too-deep"),
    ("10,000 lists", "a: " + "[" * 10_000, "1:103 too-deep"),
    ("10,000 closed lists", "a: " + "[" * 10_000 + "]" * 10_000, "1:103 too-deep"),
    ("150 closed lists", "a: " + "[" * 150 + "]" * 150, "1:103 too-deep"),
    ("150 closed mappings", "a: " + "{a: " * 150 + "}" * 150, "1:400 too-deep"),
    ("150 dashes", "a:\n  " + "- " * 150 + "x", "2:201 too-deep"),
    ("10,000 mappings", "a: " + "{a: " * 10_000, "1:400 too-deep"),
    ("10,000 dashes", "a:\n  " + "- " * 10_000, "2:201 too-deep"),
    ("a million dashes", "- " * MEGABYTE, "1:201 too-deep"),
    ("a million brackets", "a: " + "[" * MEGABYTE, "1:103 too-deep"),
    ("10,000 complex keys", "? " * 10_000, "1:201 too-deep"),
    ("10,000 tagged lists", "a: " + "!x [ " * 10_000, "1:499 too-deep"),
    ("10,000 anchored lists", "a: " + "&x [ " * 10_000, "1:499 too-deep"),
    ("50 MB", b"a: 1\n#" + b"x" * (50 * MEGABYTE), "too-large"),
    ("50 MB of NUL bytes", bytes(50 * MEGABYTE), "too-large"),
    ("4 MB of NUL bytes", bytes(4 * MEGABYTE), "1:1 bad-yaml"),
    ("a NUL byte", b"a: b\0c\n", "1:5 bad-yaml"),
    ("a byte that is not UTF-8", b"a: 1\nb: caf\xe9\n", "2:7 not-utf8"),
    ("an overlong NUL", b"a: \xc0\x80", "1:4 not-utf8"),
    ("a cut character", b"a: \xe2\x82", "1:4 not-utf8"),
    ("a surrogate in UTF-8", b"a: \xed\xa0\x80", "1:4 not-utf8"),
    ("a surrogate as an escape", 'a: "\\ud800"', "1:7 bad-yaml"),
    ("UTF-16", "a: 1".encode("utf-16"), "1:1 not-utf8"),
    ("UTF-32", "\ufeffa: 1".encode("utf-32-le"), "1:1 not-utf8"),
    ("a byte order mark twice", b"\xef\xbb\xbf\xef\xbb\xbfa: 1", "1:1 bad-yaml"),
    ("a byte order mark on the way", b"a: 1\n\xef\xbb\xbfb: 2", "2:1 bad-yaml"),
    ("two documents", "a: 1\n---\nb: 2", "2:1 several-documents"),
    ("50,000 documents", "---\n" * 50_000, "2:1 several-documents"),
    ("a command as a tag", '!!python/object/apply:os.system ["touch ran"]', "1:1 not-a-mapping"),
    ("a command as a value", 'a: !!python/object/apply:os.system ["touch ran"]', "1:4 unsupported-tag"),
    (
        "a command by a prefix",
        '%TAG !e! tag:yaml.org,2002:python/\n---\na: !e!name:os.system ""',
        "3:4 unsupported-tag",
    ),
    (
        "a command written in full",
        'a: !<tag:yaml.org,2002:python/object/new:os.system> ["touch ran"]',
        "1:4 unsupported-tag",
    ),
    ("a module as a value", "a: !!python/module:os", "1:4 unsupported-tag"),
    ("a file to include", "a: !include /etc/passwd", "1:4 unsupported-tag"),
    ("a tag of 4 MB", "a: !" + "x" * 4_000_000 + " 1", "1:4 unsupported-tag"),
    ("20,000 bad tags", "a: [" + "!x 1," * 20_000 + "]", "1:5 unsupported-tag"),
    ("a repeated key", "a: 1\na: 2", "2:1 duplicate-key"),
    ("a repeated quoted key", "a: 1\n'a': 2", "2:1 duplicate-key"),
    ("a repeated escaped key", 'a: 1\n"\\x61": 2', "2:1 duplicate-key"),
    ("a repeated merge key", "a: {<<: {b: 1}, <<: {c: 1}}", "1:17 duplicate-key"),
    ("a key repeated 10,000 times", "a: 1\n" * 10_000, "2:1 duplicate-key"),
    ("a key repeated on one line", "{" + "a: 1, " * 10_000 + "}", "1:8 duplicate-key"),
    ("a number as a key", "1: a", "1:1 non-string-key"),
    ("20,000 numbers as keys", "".join(f"{n}: a\n" for n in range(20_000)), "1:1 non-string-key"),
    ("null as a key", "~: a", "1:1 non-string-key"),
    ("a mapping as a key", "? {a: 1}\n: 2", "1:3 non-string-key"),
    ("an alias of a mapping as a key", "a: &a {b: 1}\n*a : 1\n", "1:4 non-string-key"),
    ("a list as a key of a merged mapping", "a: {<<: [{[a]: 1}, {[a]: 1}]}", "1:11 non-string-key"),
    ("a set as a key of a merged mapping", "a: {<<: [{!!set {a}: 1}, {b: 1}]}", "1:11 non-string-key"),
    ("a merge key of itself", "a: &a {<<: *a}", "1:4 recursive-alias"),
    ("a merge key of text", "a: {<<: x}", "1:9 bad-yaml"),
    ("a list in itself", "a: &a [*a]", "1:4 recursive-alias"),
    ("a key of 1 MB", "? " + "k" * MEGABYTE + "\n: 1", "1:3 unportable-value"),
    ("a repeated key of 1 MB", "".join(f"? {'k' * MEGABYTE}\n: 1\n" for _ in "ab"), "1:3 unportable-value"),
    ("an integer of 4 MB", "a: " + "9" * 4_000_000, "1:4 unportable-value"),
    ("a float of 4 MB", "a: 1." + "1" * 4_000_000, "1:4 unportable-value"),
    ("a number in base 60 of 4 MB", "a: 1" + ":30" * 1_300_000, "1:4 unportable-value"),
    ("binary data", "a: !!binary aGk=", "1:4 unportable-value"),
    ("120 bad tags in a line of 4 MB", "a: [" + "!x 1," * 120 + '"' + "x" * 4_000_000 + '"]', "1:5 unsupported-tag"),
    ("120 keys twice in a line of 4 MB", "{" + "k: 1, " * 120 + 'z: "' + "x" * 4_000_000 + '"}', "1:8 duplicate-key"),
    ("a control character behind 4 MB", 'a: "' + "x" * 4_000_000 + '\x01"', "1:4000005 bad-yaml"),
    *(
        (f"200,000 keys that end in {name}", end.join(f"{n:x}k:" for n in range(200_000)), "25000:7 too-large")
        for name, end in (("CR", "\r"), ("NEL", "\x85"), ("U+2028", "\u2028"), ("U+2029", "\u2029"))
    ),
    ("200,000 dashes that end in CR", "a:" + "\r-" * 200_000, "49999:2 too-large"),
    ("10,000 dates that are none", "".join(f"k{n}: 2026-99-99\n" for n in range(10_000)), "1:5 invalid-scalar"),
    ("500,000 values", "a: [" + "1," * 500_000 + "]", "1:99999 too-large"),
    ("500,000 keys", "".join(f"{n:x}k:\n" for n in range(500_000)), "25000:7 too-large"),
]
"""A preset's bytes, and of the first problem the place and the code; a place in front of a code alone is the file."""

BORNE: Final[list[tuple[str, str | bytes]]] = [
    ("4 MB of line ends", b"a: 1\n" + b"\n" * (4 * MEGABYTE - 6)),
    ("4 MB of blanks", b"a: 1\n" + b" " * (4 * MEGABYTE - 6)),
    ("a text of 4 MB", b'a: "' + b"x" * (4 * MEGABYTE - 6) + b'"'),
    ("a text of 100,000 escapes", b'a: "' + b"\\x01" * 100_000 + b'"'),
    ("a folded text of 4 MB", b"a: >\n" + b" x\n" * (MEGABYTE + 1)),
    ("5,000 anchors", "\n".join(f"a{n}: &x{n} 1" for n in range(5_000))),
    ("24,000 traps", "\n".join(f"a{n}: {n}e5" for n in range(24_000))),
    ("10,000 words that are booleans", "a: [" + "yes," * 10_000 + "]"),
    ("200 numbers in base 60", "a: [" + ",".join(f"1{':30' * 500}:{n % 60}" for n in range(200)) + "]"),
    (
        "300 merges in conflict",
        "a: &a {k: 1}\nb: &b {k: 2}\n" + "".join(f"c{n}: {{<<: [*a, *b]}}\n" for n in range(300)),
    ),
    ("a byte order mark", b"\xef\xbb\xbfa: 1\n"),
    ("CRLF", b"a: 1\r\nb: 2\r\n"),
    ("CR", b"a: 1\rb: 2\r"),
    ("NEL", "a: 1\x85b: 2\x85"),
    ("U+2028", "a: 1\u2028b: 2"),
    ("an escaped pair of surrogates is none", 'a: "\\U0001F600"'),
    ("nothing", b""),
]
"""A preset's bytes that are read, whatever they look like."""
