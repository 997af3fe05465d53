"""The JSON Schemas and the checks agree: what one takes the other takes, but for what is listed with its reason."""

from __future__ import annotations

import datetime
import itertools
from typing import Any, Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from builders import REPOSITORY
from compiler import json_schema, schema
from compiler.problems import CLOSE
from compiler.settings import Settings
from compiler.trainer import FLATTENED
from json_schemas import (
    LISTED,
    SHIPPED,
    Listed,
    bases_pass,
    component_passes,
    keyed_passes,
    mix_passes,
    preset_passes,
    schema_takes,
)

VALUES: Final[list[Any]] = [
    *[True, False, None, 0, 1, 17, -3, 0.5, -1.5, 1e-5, 10**30],
    *["", "x", "no", "true", "17", "1e-4", "none", datetime.date(2026, 1, 31), datetime.datetime(2026, 1, 31)],
    *[[], ["a"], ["a", 1], [1], [0.5], [None], [True], [[]], {}, {"a": 1}, {"a": {"b": [1]}}],
]
"""A value of each kind, and those that are taken for one another."""

LETTERS: Final = "abcdefghijklmnopqrstuvwxyz_"

NAMES: Final = [*schema.SECTIONS, *schema.PROJECT[""], *SHIPPED.extends_keys]


def preset(section: str, key: str, value: Any) -> dict[str, Any]:
    """Give a preset with one key; its run is of rlhf, which has every argument."""
    made: dict[str, Any] = {"rlhf": {"rlhf_type": "grpo"}}
    if section:
        made.setdefault(section, {})[key] = value
    else:
        made[key] = value
    return made


@pytest.mark.parametrize("section", ["", *schema.SECTIONS])
def test_every_key_takes_the_values_that_the_checks_take(section: str) -> None:
    """Each key at home, with a value of each kind and with each choice, in both directions; no key is left out."""
    keys = [key for key in schema.keys_of(section) if schema.home_of(key) == section]
    asked = taken = 0
    for key in keys:
        field = schema.field_of(section, key)
        assert field is not None
        for value in [*VALUES, *field.choices]:
            document = preset(section, key, value)
            assert schema_takes("preset", document) == preset_passes(document), (key, value)
            taken += schema_takes("preset", document)
            asked += 1
    assert len(keys) < taken < asked


@given(st.sampled_from(schema.SECTIONS), st.data())
def test_a_key_may_stand_wherever_the_checks_let_it_stand(section: str, data: st.DataObject) -> None:
    """Any known key in any section, with any value, in a preset and in a component."""
    key = data.draw(st.sampled_from(schema.everything()))
    document = preset(section, key, data.draw(st.sampled_from(VALUES)))
    assert schema_takes("preset", document) == preset_passes(document)
    alone = {section: document[section]}
    assert schema_takes("component", alone) == schema_takes("preset", alone)


def misspelt(data: st.DataObject, key: str) -> str:
    """Draw a key with some letters in one place replaced, taken out or put in."""
    start = data.draw(st.integers(0, len(key)))
    end = data.draw(st.integers(start, min(len(key), start + 3)))
    return key[:start] + data.draw(st.text(LETTERS, max_size=3)) + key[end:]


def differs_in_one_place(word: str, key: str) -> bool:
    """Say whether a word is near a key, and differs from it in one place, or by two letters that were swapped."""
    ahead = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(word, key, strict=False)))
    rest, other = word[ahead:][::-1], key[ahead:][::-1]
    behind = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(rest, other, strict=False)))
    swapped = len(word) == len(key) and len(word) - ahead - behind == 2 and sorted(word) == sorted(key)
    return swapped or 2 * (ahead + behind) / (len(word) + len(key)) >= CLOSE


@pytest.mark.parametrize("section", FLATTENED)
def test_a_section_that_is_flattened_takes_every_argument(section: str) -> None:
    """Each stands in the schema of each section once: to complete, or let in; and no key beside."""
    made = json_schema.document("preset", SHIPPED)["properties"][section]
    let_in = [key.removeprefix("^").removesuffix("$") for key in made["patternProperties"]]
    assert sorted([*made["properties"], *let_in]) == sorted({*schema.keys_of(section)})


@pytest.mark.parametrize("section", ["", *schema.OPEN])
def test_a_key_with_letters_missing_is_refused_while_it_is_near(section: str) -> None:
    """However many in a row, and wherever: as long as the checks take it for the key, and no longer."""
    known = [*schema.PROJECT[section]] if section else NAMES
    for key in known:
        for start, end in itertools.combinations(range(len(key) + 1), 2):
            word = key[:start] + key[end:]
            if word and word not in known and schema.home_of(word) is None:
                refused = any(differs_in_one_place(word, other) for other in known)
                assert schema_takes("preset", {section: {word: {}}} if section else {word: {}}) != refused, word


def test_a_key_that_the_project_took_out_is_refused_by_both() -> None:
    """Though it is like no other."""
    for section, keys in schema.REMOVED.items():
        for key in keys:
            if section == "fusion":
                document = {"targets": [{"dataset": "d", "train_jsonl": "d.jsonl"}], key: 1}
                assert (schema_takes("fusion", document), mix_passes(document)) == (False, False), key
            else:
                document = preset(section, key, 1)
                assert (schema_takes("preset", document), preset_passes(document)) == (False, False), key


@given(st.sampled_from(["", *schema.SECTIONS]), st.data())
def test_a_misspelt_key_is_refused_by_both(section: str, data: st.DataObject) -> None:
    """A key with a mistake in one place: wherever the checks call it an error the schema refuses it, and only there."""
    known = [key for key in schema.keys_of(section) if schema.home_of(key) == section] if section else NAMES
    key = misspelt(data, data.draw(st.sampled_from(known)))
    assume(not section or key)
    document = preset(section, key, {})
    if section in ("", *schema.OPEN) and schema.home_of(key) is None and key not in known:
        refused = any(differs_in_one_place(key, other) for other in known) or key in schema.REMOVED.get(section, ())
        assert schema_takes("preset", document) != refused
        if refused and not any(differs_in_one_place(key, other) for other in SHIPPED.extends_keys):
            assert not preset_passes(document)
    elif key not in SHIPPED.extends_keys:
        assert schema_takes("preset", document) == preset_passes(document)


@given(st.sampled_from(["", *schema.OPEN]), st.text(LETTERS, min_size=1, max_size=30))
def test_an_unknown_key_that_is_like_no_other_is_let_through(section: str, key: str) -> None:
    """Where the checks only warn of a key, an editor is silent: it would show the warning as an error."""
    document = preset(section, key, {})
    if preset_passes(document) and not any(differs_in_one_place(key, other) for other in SHIPPED.extends_keys):
        assert schema_takes("preset", document)


@pytest.mark.parametrize("section", schema.SECTIONS)
def test_a_section_is_a_mapping_or_null(section: str) -> None:
    """Whatever else stands there is refused by both."""
    for value in VALUES:
        if value == {} or not isinstance(value, dict):
            assert schema_takes("preset", {section: value}) == preset_passes({section: value}), value


@given(
    st.lists(st.sampled_from([*schema.SECTIONS, "global_max_length"]), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(SHIPPED.extends_keys), max_size=1),
    st.booleans(),
)
def test_a_component_holds_one_section(sections: list[str], bases: list[str], knows: bool) -> None:
    """With and without bases, with and without a trainer, the schema says what the check says."""
    document = {**dict.fromkeys(bases, "base.yaml"), **dict.fromkeys(sections)}
    settings = SHIPPED if knows else Settings()
    assert schema_takes("component", document, settings) == component_passes(document, settings)


@given(
    st.dictionaries(
        st.sampled_from(SHIPPED.extends_keys),
        st.one_of(
            st.sampled_from(
                ["a.yaml", "../a.yaml", "/a.yaml", "a/", "", " ", "a b.yaml", "\n", 1, None, True, {"a": 1}]
            ),
            st.lists(st.sampled_from(["a.yaml", "/a.yaml", "a/", "", 1, None, ["a"]]), max_size=3),
        ),
        max_size=2,
    )
)
def test_what_names_bases(document: dict[str, Any]) -> None:
    """A path or a list of paths below one of the extends keys, and nothing else, in every kind of fragment."""
    for kind in ("preset", "component", "fusion"):
        assert schema_takes(kind, document) == bases_pass(document)


ENTRY: Final[dict[str, list[Any]]] = {
    "name": [..., None, "", "x", "null", 5, 0, False, [], {}],
    "dataset": ["d", 5, ["d"], True],
    "train_jsonl": ["d.jsonl", 5, {}],
    "ratio": [0, 1, 0.5, 0.0, -1, -0.5, "0.1", "1e-1", True, [], {}],
    "another": [..., None, 1],
}
"""What an entry of a mix may hold, rightly and wrongly; `...` for nothing at all."""


@pytest.mark.parametrize("where", ["targets", "sources"])
def test_an_entry_of_a_mix(where: str) -> None:
    """What an entry is known by, its data and its ratio, in all combinations; other keys may hold anything."""
    target = {"name": "t", "dataset": "t", "train_jsonl": "t.jsonl"}
    taken = 0
    for values in itertools.product(*ENTRY.values()):
        entry = {key: value for key, value in zip(ENTRY, values, strict=True) if value is not ...}
        document = {"targets": [target, entry]} if where == "targets" else {"targets": [target], "sources": [entry]}
        assert schema_takes("fusion", document) == mix_passes(document), entry
        taken += schema_takes("fusion", document)
    assert taken > 0


@pytest.mark.parametrize("where", ["targets", "sources"])
def test_the_lists_of_a_mix(where: str) -> None:
    """A list of entries or null; without a target only the whole mix can be told."""
    for value in VALUES:
        document = {"targets": [{"dataset": "t", "train_jsonl": "t.jsonl"}], where: value}
        if where == "sources" or value not in (None, []):
            assert schema_takes("fusion", document) == mix_passes(document), value


KEYED: Final = Settings(keyed=((("custom", "ops"), ("id", "name")), (("hooks",), ("type",))))


@given(st.dictionaries(st.sampled_from(["id", "name", "type"]), st.sampled_from([None, "", "x", 5, []])))
def test_an_entry_of_a_keyed_list(entry: dict[str, Any]) -> None:
    """A list of a preset that a repository keys asks of its entries what the merge asks."""
    for document in ({"custom": {"ops": [entry]}}, {"hooks": [entry]}, {"hooks": entry}, {"custom": {"ops": None}}):
        assert schema_takes("preset", document, KEYED) == keyed_passes(document, KEYED)


@pytest.mark.parametrize("listed", LISTED, ids=lambda listed: listed.told)
def test_where_the_two_differ_it_is_told(listed: Listed) -> None:
    """Each exception is one: the two do differ there, in the way that docs/editor.md tells."""
    assert schema_takes(listed.kind, listed.document) is listed.schema_takes
    assert listed.passes(listed.document) is not listed.schema_takes
    page = " ".join((REPOSITORY / "docs/editor.md").read_text(encoding="utf-8").split())
    assert listed.told in page
