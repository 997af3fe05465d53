"""Worlds that fail while one file is read."""

from __future__ import annotations

from typing import Final

from world import P, World

READING: Final = [
    World(
        "not-utf8",
        {P: b"x: \xff\n"},
        (
            "configs/train/p.yaml:1:4: error: byte 0xff is not UTF-8 [not-utf8]\n"
            "    1 | x: �\n"
            "      |    ^\n"
            "  why: a config is read as UTF-8, on every machine\n"
            "  hint: save the file as UTF-8"
        ),
    ),
    World(
        "bad-yaml",
        {P: "x: [1\n"},
        (
            "configs/train/p.yaml:1:4: error: this is not YAML: did not find expected ',' or ']' "
            "[bad-yaml]\n"
            "    1 | x: [1\n"
            "      |    ^\n"
            "  note: configs/train/p.yaml:2:1 is where the parser was, while parsing a flow sequence"
        ),
    ),
    World(
        "bad-yaml",
        {
            P: ("a:\n\tb: 1\n"),
        },
        (
            "configs/train/p.yaml:2:1: error: this is not YAML: found character that cannot start "
            "any token [bad-yaml]\n"
            "    2 |  b: 1\n"
            "      | ^\n"
            "  hint: indent with spaces"
        ),
    ),
    World(
        "bad-yaml",
        {P: b"a: \x07\n"},
        (
            "configs/train/p.yaml:1:4: error: the character U+0007 may not stand in a YAML file "
            "[bad-yaml]\n"
            "    1 | a: \\x07\n"
            "      |    ^\n"
            '  hint: write it as an escape in a double-quoted text: `"\\x07"`'
        ),
    ),
    World(
        "bad-yaml",
        {P: "a: {<<: 1}\n"},
        (
            "configs/train/p.yaml:1:9: error: a merge key takes a mapping, or a list of mappings "
            "[bad-yaml]\n"
            "    1 | a: {<<: 1}\n"
            "      |         ^"
        ),
    ),
    World(
        "several-documents",
        {
            P: ("a: 1\n---\nb: 2\n"),
        },
        (
            "configs/train/p.yaml:2:1: error: the file holds more than one document "
            "[several-documents]\n"
            "    2 | ---\n"
            "      | ^\n"
            "  why: a config is one document\n"
            "  hint: split the file, or take the `---` out"
        ),
    ),
    World(
        "not-a-mapping",
        {P: "- a\n"},
        (
            "configs/train/p.yaml:1:1: error: the file holds a list where a mapping is expected "
            "[not-a-mapping]\n"
            "    1 | - a\n"
            "      | ^\n"
            "  why: a preset, a component and a fusion config are mappings of keys to values"
        ),
    ),
    World(
        "duplicate-key",
        {
            P: ("a: 1\nb: 2\na: 3\n"),
        },
        (
            "configs/train/p.yaml:3:1: error: the key `a` is written twice in one mapping "
            "[duplicate-key]\n"
            "    3 | a: 3\n"
            "      | ^\n"
            "  why: a YAML reader keeps the last one and says nothing\n"
            "  note: configs/train/p.yaml:1:1 holds it first\n"
            "  hint: keep one of the two"
        ),
    ),
    World(
        "duplicate-key",
        {
            P: ("a: &x {p: 1}\nb:\n  <<: *x\n  <<: {q: 1}\n"),
        },
        (
            "configs/train/p.yaml:4:3: error: the key `<<` is written twice in one mapping "
            "[duplicate-key]\n"
            "    4 |   <<: {q: 1}\n"
            "      |   ^\n"
            "  why: a YAML reader keeps the last one and says nothing\n"
            "  note: configs/train/p.yaml:3:3 holds it first\n"
            "  hint: name both in one list: the first of them wins"
        ),
    ),
    World(
        "non-string-key",
        {P: "on: 1\n"},
        (
            "configs/train/p.yaml:1:1: error: the key `on` reads as a boolean [non-string-key]\n"
            "    1 | on: 1\n"
            "      | ^\n"
            "  why: every key of a config is text\n"
            '  hint: quote it: `"on"`'
        ),
    ),
    World(
        "non-string-key",
        {
            P: ("? [a]\n: 1\n"),
        },
        (
            "configs/train/p.yaml:1:3: error: a key is a list or a mapping [non-string-key]\n"
            "    1 | ? [a]\n"
            "      |   ^\n"
            "  why: every key of a config is text\n"
            "  hint: a text that begins with a bracket is quoted"
        ),
    ),
    World(
        "unsupported-tag",
        {P: "a: !!python/object/apply:os.system [ls]\n"},
        (
            "configs/train/p.yaml:1:4: error: the tag `!!python/object/apply:os.system` is not read "
            "[unsupported-tag]\n"
            "    1 | a: !!python/object/apply:os.system [ls]\n"
            "      |    ^\n"
            "  why: `yaml.safe_load`, by which training reads, knows only the plain tags, and no tag "
            "may run code\n"
            "  hint: write the plain value"
        ),
    ),
    World(
        "unportable-value",
        {P: "a: !!binary aGk=\n"},
        (
            "configs/train/p.yaml:1:4: error: `!!binary` makes binary data, which a lock cannot "
            "carry [unportable-value]\n"
            "    1 | a: !!binary aGk=\n"
            "      |    ^\n"
            "  why: every reader of a lock must read the same typed value\n"
            "  hint: write it as text, as a list or as a mapping"
        ),
    ),
    World(
        "unportable-value",
        {P: '"' + "k" * 121 + '": 1\n'},
        (
            "configs/train/p.yaml:1:1: error: the key has 121 characters, and 120 are allowed "
            "[unportable-value]\n"
            '    1 | "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk'
            'kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk": 1\n'
            "      | ^"
        ),
    ),
    World(
        "unportable-value",
        {P: "a: 0x" + "f" * 3400 + "\n"},
        (
            "configs/train/p.yaml:1:4: error: the integer has more than 4,000 digits "
            "[unportable-value]\n"
            "    1 | a: 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
            "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\n"
            "      |    ^\n"
            "  hint: write it as text"
        ),
    ),
    World(
        "invalid-scalar",
        {P: "a: 2026-13-45\n"},
        (
            "configs/train/p.yaml:1:4: error: `2026-13-45` cannot be read as timestamp "
            "[invalid-scalar]\n"
            "    1 | a: 2026-13-45\n"
            "      |    ^\n"
            "  why: `yaml.safe_load` fails on it\n"
            '  hint: quote it if it is text: `"2026-13-45"`'
        ),
    ),
    World(
        "date-value",
        {P: "when: 2026-01-31\n"},
        (
            "configs/train/p.yaml:1:7: warning: `2026-01-31` reads as a date [date-value]\n"
            "    1 | when: 2026-01-31\n"
            "      |       ^\n"
            "  why: YAML 1.1 makes a date of it, YAML 1.2 a text\n"
            '  hint: quote it if it is text: `"2026-01-31"`'
        ),
    ),
    World(
        "recursive-alias",
        {P: "a: &x [*x]\n"},
        (
            "configs/train/p.yaml:1:4: error: an anchored value holds an alias of itself "
            "[recursive-alias]\n"
            "    1 | a: &x [*x]\n"
            "      |    ^\n"
            "  why: a lock is finite"
        ),
    ),
    World(
        "too-deep",
        {P: "a: " + "[" * 100 + "]" * 100 + "\n"},
        (
            "configs/train/p.yaml:1:103: error: the document nests more than 100 levels deep "
            "[too-deep]\n"
            "    1 | [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
            "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n"
            "      |                                                                                "
            "^\n"
            "  why: no config needs it, and no reader can be trusted with it"
        ),
    ),
    World(
        "too-deep",
        {f"configs/train/f{n}.yaml": f"extends: f{n + 1}.yaml" if n < 100 else "x: 1" for n in range(101)},
        (
            "configs/train/f0.yaml:1:10: error: more than 100 files extend one another in a row "
            "[too-deep]\n"
            "    1 | extends: f1.yaml\n"
            "      |          ^"
        ),
        given={"presets": ("train/f0.yaml",)},
    ),
    World(
        "too-large",
        {P: f"a: &a [{', '.join(['x'] * 400)}]\nb: [{', '.join(['*a'] * 300)}]\n"},
        (
            "configs/train/p.yaml:2:4: error: the aliases of this value expand to more than 50,000 "
            "values [too-large]\n"
            "    2 | b: [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, "
            "*a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a,\n"
            "      |    ^\n"
            "  why: a lock writes every alias out"
        ),
    ),
    World(
        "too-large",
        {P: b"#" * (4 * 1024 * 1024 + 1)},
        (
            "configs/train/p.yaml: error: `configs/train/p.yaml` is too large [too-large]\n"
            "  why: it has 4,194,305 bytes, and 4,194,304 are allowed"
        ),
    ),
    World(
        "unreadable-file",
        {P: "extends: ../sub", "configs/sub/x": ""},
        (
            "configs/sub: error: `configs/sub` cannot be read [unreadable-file]\n"
            "  why: it is a folder\n"
            "  note: configs/train/p.yaml:1:10 extends this file"
        ),
    ),
    World(
        "bad-json",
        {"configs/fusion/m.json": '{"a": 1,}\n', P: "x: 1"},
        (
            "configs/fusion/m.json:1:8: error: this is not JSON: a comma stands before the closing bracket "
            "[bad-json]\n"
            '    1 | {"a": 1,}\n'
            "      |        ^"
        ),
    ),
    World(
        "bad-json",
        {"configs/fusion/m.json": '{"a": NaN}\n', P: "x: 1"},
        (
            "configs/fusion/m.json:1:7: error: `NaN` is not JSON [bad-json]\n"
            '    1 | {"a": NaN}\n'
            "      |       ^\n"
            "  hint: JSON has no word for it"
        ),
    ),
]
