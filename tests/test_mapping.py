"""mapping: what became of each legacy preset, and the waivers; everything wrong with the file is told at once."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from builders import REPOSITORY, codes_of, content, problems_of
from compiler.mapping import Mapping, read_mapping
from compiler.problems import Problem
from compiler.tree import Disk, Memory
from compiler.values import EntryName, plain, show_path

HEAD = "presets: {configs/old.yaml: configs/new.yaml}\n"


def mapping(text: str | bytes) -> Mapping:
    """Read a mapping file."""
    return read_mapping(Memory({"m.yaml": content(text)}), "m.yaml")


def told(text: str | bytes) -> list[Problem]:
    """Give the problems of a mapping file."""
    return problems_of(lambda: mapping(text))


def places(text: str | bytes) -> list[str]:
    """Give the codes of the problems of a mapping file, each with its place."""
    return codes_of(lambda: mapping(text))


def with_waiver(**given: Any) -> str:
    """Give a mapping with one waiver, a field a line; a field that is None is left out."""
    fields = {
        "preset": "configs/new.yaml",
        "path": "a.b",
        "legacy": "1",
        "compiled": "2",
        "reason": "it was wrong",
        "owner": "lena",
        "expires": "2027-01-31",
        **given,
    }
    lines = [f"  {name}: {value}\n" for name, value in fields.items() if value is not None]
    return f"{HEAD}waivers:\n- \n{''.join(lines)}"


# ---------------------------------------------------------------------------------------------- what it says


def test_a_file_with_all_fields_is_read() -> None:
    """Pairs with their places, waivers with both values, dates as dates, names of entries as names."""
    read = mapping("""
        presets:
          configs/old.yaml: configs/new.yaml
          ./configs//other.yaml: ./configs/x/../other.yaml
        waivers:
          - preset: ./configs/new.yaml
            document: fusion
            path: sources[lvis].ratio
            legacy: 1.0
            compiled: null
            reason: it was wrong
            owner: lena
            expires: 2027-01-31
          - {preset: configs/new.yaml, path: '"a.b".c', compiled: [1, x], reason: r, owner: o, expires: 2027-02-01}
    """)
    assert {old: (new, str(origin)) for old, (new, origin) in read.presets.items()} == {
        "configs/old.yaml": ("configs/new.yaml", "m.yaml:2:3"),
        "configs/other.yaml": ("configs/other.yaml", "m.yaml:3:3"),
    }
    first, second = read.waivers
    assert (str(first.origin), first.preset, first.document) == ("m.yaml:5:5", "configs/new.yaml", "fusion")
    assert first.path == ("sources", "lvis", "ratio")
    assert isinstance(first.path[1], EntryName)
    assert first.legacy is not None
    assert first.compiled is not None
    assert repr((plain(first.legacy), plain(first.compiled))) == "(1.0, None)"
    assert (first.reason, first.owner, first.expires) == ("it was wrong", "lena", datetime.date(2027, 1, 31))
    assert (str(second.origin), second.document, second.path) == ("m.yaml:13:5", "preset", ("a.b", "c"))
    assert second.legacy is None
    assert second.compiled is not None
    assert plain(second.compiled) == [1, "x"]
    assert (read.path, read.source.path if read.source is not None else "") == ("m.yaml", "m.yaml")


def test_the_mapping_that_ships_is_read() -> None:
    """Twelve presets, no waiver, and each path is there on its side."""
    read = read_mapping(Disk(str(REPOSITORY)), "legacy/mapping.yaml")
    assert len(read.presets) == 12
    assert read.waivers == ()
    assert all((REPOSITORY / "legacy" / old).is_file() for old in read.presets)
    assert all((REPOSITORY / new).is_file() for new, _ in read.presets.values())


@pytest.mark.parametrize("waivers", ["", "waivers:\n", "waivers: null\n", "waivers: []\n"])
def test_no_waivers_are_none(waivers: str) -> None:
    """A key without a value, an empty list, and no key at all."""
    assert mapping(HEAD + waivers).waivers == ()


def test_a_mapping_of_nothing_can_be_read() -> None:
    """Whether it may be empty is for those who need it; for a revision it may."""
    assert mapping("presets: {}").presets == {}


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("a.b", "a.b"),
        ('"a.b"', "a.b"),
        ("'\"a.b\"'", '"a.b"'),
        ("a.0", "a.0"),
        ("'targets[0].ratio'", "targets[0].ratio"),
        ("'targets[lvis]'", "targets[lvis]"),
        ("'targets[\"x y\"]'", 'targets["x y"]'),
        ("'\"fusion:x\"'", "fusion:x"),
    ],
)
def test_a_path_is_kept_as_it_is_written(path: str, shown: str) -> None:
    """A message about a waiver shows the place as its author wrote it, in the file's own quotes or without."""
    (waiver,) = mapping(with_waiver(path=path)).waivers
    assert show_path(waiver.path) == shown


# ---------------------------------------------------------------------------------------------- the file


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["m.yaml:0:0 bad-mapping"]),
        ("# nothing\n", ["m.yaml:0:0 bad-mapping"]),
        ("waivers: []\n", ["m.yaml:0:0 bad-mapping"]),
        ("- a\n", ["m.yaml:1:1 not-a-mapping"]),
        ("text", ["m.yaml:1:1 not-a-mapping"]),
        ("a: }", ["m.yaml:1:4 bad-yaml"]),
        (b"a: \xff", ["m.yaml:1:4 not-utf8"]),
        ("presets:\n", ["m.yaml:1:1 bad-mapping"]),
        ("presets: []\n", ["m.yaml:1:1 bad-mapping"]),
        ("presets: a.yaml\n", ["m.yaml:1:1 bad-mapping"]),
        ("presets: {}\npresets: {}\n", ["m.yaml:2:1 duplicate-key"]),
        ("presets:\n  a: b\n  a: c\n", ["m.yaml:3:3 duplicate-key"]),
        ("presets:\n  1: b\n", ["m.yaml:2:3 non-string-key"]),
        ("preset: {a: b}\n", ["m.yaml:0:0 bad-mapping", "m.yaml:1:1 bad-mapping"]),
        (f"{HEAD}more: 1\nrules: []\n", ["m.yaml:2:1 bad-mapping", "m.yaml:3:1 bad-mapping"]),
        (f"{HEAD}waivers: {{a: b}}\n", ["m.yaml:2:1 bad-mapping"]),
        (f"{HEAD}waivers: none\n", ["m.yaml:2:1 bad-mapping"]),
    ],
    ids=str,
)
def test_a_file_of_another_shape_is_refused_at_its_place(text: str | bytes, expected: list[str]) -> None:
    """A mapping is a mapping of `presets` and `waivers`, and what a config may not hold it may not hold either."""
    assert places(text) == expected


def test_a_mapping_that_is_not_there_is_unreadable() -> None:
    """The path that was asked for is named."""
    assert codes_of(lambda: read_mapping(Memory({}), "m.yaml")) == ["m.yaml:0:0 unreadable-file"]


def test_a_mistyped_part_is_told_with_the_nearest() -> None:
    """The hint comes from the two that there are."""
    missing, unknown = told("preset: {a: b}\n")
    assert missing.message == "there is no `presets`"
    assert (unknown.message, unknown.hint) == ("`preset` is no part of a mapping", "did you mean `presets`?")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.yaml: 3", "`a.yaml` is mapped to something that is no path"),
        ("a.yaml: [b.yaml]", "`a.yaml` is mapped to something that is no path"),
        ("a.yaml: {b: c}", "`a.yaml` is mapped to something that is no path"),
        ("a.yaml: ''", "`a.yaml` is mapped to something that is no path"),
        ("a.yaml: ' '", "`a.yaml` is mapped to something that is no path"),
        ("a.yaml: /b.yaml", "`a.yaml` is mapped to something that is no path"),
        ("a.yaml: ../b.yaml", "`a.yaml` is mapped to something that is no path"),
        ("a.yaml: b/../../c.yaml", "`a.yaml` is mapped to something that is no path"),
        ("a.yaml: .", "`a.yaml` is mapped to something that is no path"),
        ("'': b.yaml", "an empty text is no path"),
        ("/a.yaml: b.yaml", "`/a.yaml` is no path"),
        ("../a.yaml: b.yaml", "`../a.yaml` is no path"),
    ],
)
def test_what_is_no_path_below_a_root_is_refused(line: str, message: str) -> None:
    """Nothing outside of either side, and no folder, can be proven."""
    (problem,) = told(f"presets:\n  {line}\n  c.yaml: d.yaml\n")
    assert (problem.code, str(problem.origin), problem.message) == ("bad-mapping", "m.yaml:2:3", message)


def test_a_preset_that_is_gone_for_good_is_mapped_to_null() -> None:
    """It is retired: no pair, and no mistake."""
    mapping = read_mapping(Memory({"m.yaml": "presets:\n  a.yaml: null\n  c.yaml: d.yaml\n"}), "m.yaml")
    assert mapping.retired == ("a.yaml",)
    assert list(mapping.presets) == ["c.yaml"]


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ("a: x\n  ./a: y", ["`a` is mapped twice"]),
        ("a: x\n  b: x", ["`x` is mapped twice"]),
        ("a: x\n  b: ./x", ["`x` is mapped twice"]),
        ("a: x\n  ./a: ./x", ["`a` is mapped twice", "`x` is mapped twice"]),
        ("a: b\n  b: a", []),
        ("a: a\n  b: b", []),
    ],
)
def test_a_preset_is_mapped_once_in_either_direction(lines: str, names: list[str]) -> None:
    """However its path is written; both lines are named."""
    text = f"presets:\n  {lines}\n"
    problems = told(text) if names else []
    assert [one.message for one in problems] == names
    for one in problems:
        assert (one.code, str(one.origin)) == ("mapped-twice", "m.yaml:3:3")
        assert [str(note.origin) for note in one.notes] == ["m.yaml:2:3"]
    assert names or len(mapping(text).presets) == 2


# ---------------------------------------------------------------------------------------------- waivers


@pytest.mark.parametrize("field", ["preset", "path", "reason", "owner"])
@pytest.mark.parametrize("value", [None, "", "' '", "null", "3", "[a]", "{a: b}", "2027-01-31"])
def test_a_field_of_text_is_needed(field: str, value: str | None) -> None:
    """Missing, empty, or of another type; told at the field, else at the waiver."""
    (problem,) = told(with_waiver(**{field: value}))
    assert (problem.code, problem.message) == ("bad-waiver", f"this waiver needs a text as `{field}`")
    order = {"preset": 4, "path": 5, "reason": 8, "owner": 9}
    assert str(problem.origin) == (f"m.yaml:{order[field]}:3" if value is not None else "m.yaml:4:3")
    assert problem.hint


@pytest.mark.parametrize("value", [None, "'2027-01-31'", "2027", "null", "soon", "2027-01-31 12:00:00", "[2027-01-31]"])
def test_the_last_day_is_a_date(value: str | None) -> None:
    """No text, no time and no year."""
    (problem,) = told(with_waiver(expires=value))
    assert (problem.code, problem.message) == ("bad-waiver", "this waiver needs a date as `expires`")
    assert str(problem.origin) == ("m.yaml:10:3" if value is not None else "m.yaml:4:3")
    assert "without quotes" in problem.hint


def test_a_day_that_there_is_not_is_told_by_the_reader() -> None:
    """The thirtieth of February is no date of YAML."""
    assert places(with_waiver(expires="2027-02-30")) == ["m.yaml:10:12 invalid-scalar"]


@pytest.mark.parametrize("value", ["mix", "Preset", "null", "''", "[preset]", "1"])
def test_a_document_is_the_preset_or_its_mix(value: str) -> None:
    """Left out it is the preset."""
    (problem,) = told(with_waiver(document=value))
    assert problem.message == "this waiver takes `preset` or `fusion` as `document`"
    assert str(problem.origin) == "m.yaml:11:3"
    for right in ("preset", "fusion", None):
        assert mapping(with_waiver(document=right)).waivers[0].document == (right or "preset")


def test_a_waiver_pins_a_value() -> None:
    """One of the two may be left out, where that side has nothing; null is a value."""
    (problem,) = told(with_waiver(legacy=None, compiled=None))
    assert problem.message == "this waiver pins no value"
    assert len(mapping(with_waiver(legacy=None)).waivers) == len(mapping(with_waiver(compiled="null")).waivers) == 1


@pytest.mark.parametrize("path", ["a..b", "a.", ".a", "'a[0'", "'a[]'", "'\"a'"])
def test_a_path_that_is_none_is_told_with_where_it_goes_wrong(path: str) -> None:
    """At the field, as `why` says it."""
    (problem,) = told(with_waiver(path=path))
    assert problem.message.startswith("this waiver has a path that is none: ")
    assert "it goes wrong at character" in problem.message
    assert (problem.code, str(problem.origin)) == ("bad-waiver", "m.yaml:5:3")


def test_a_path_as_reports_show_it_of_a_mix_is_told_how_to_be_written() -> None:
    """`fusion:` before a path is how reports name the mix; here it would be a key that no preset has."""
    (problem,) = told(with_waiver(path="fusion:targets[a].ratio"))
    assert problem.message == "this waiver has a path that begins with `fusion:`"
    assert problem.hint == "write `document: fusion`, and the path without it"


def test_an_unknown_field_is_told_with_the_nearest() -> None:
    """A mistyped field is told beside what it leaves missing."""
    missing, unknown = told(with_waiver(owner=None, ownr="lena"))
    assert missing.message == "this waiver needs a text as `owner`"
    assert (unknown.message, unknown.hint) == ("this waiver has no field `ownr`", "did you mean `owner`?")


@pytest.mark.parametrize("item", ["text", "null", "[a]", "3"])
def test_a_waiver_is_a_mapping(item: str) -> None:
    """The hint names its fields."""
    (problem,) = told(f"{HEAD}waivers:\n- {item}\n")
    assert (problem.code, problem.message) == ("bad-waiver", "this waiver is no mapping")
    assert str(problem.origin) == "m.yaml:3:3"
    assert all(f"`{name}`" in problem.hint for name in ("preset", "path", "legacy", "compiled", "expires"))


def test_all_that_is_wrong_is_told_at_once() -> None:
    """With pairs and with waivers, each at its place."""
    text = """
        presets:
          a: x
          b: x
          c: 3
        waivers:
          - preset: a
          - 3
        rules: 1
    """
    assert places(text) == [
        "m.yaml:3:3 mapped-twice",
        "m.yaml:4:3 bad-mapping",
        *["m.yaml:6:5 bad-waiver"] * 5,
        "m.yaml:7:5 bad-waiver",
        "m.yaml:8:1 bad-mapping",
    ]
