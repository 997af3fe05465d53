"""What a mutation run found that no other test would have noticed: docs/reliability.md says how to repeat it."""

from __future__ import annotations

import datetime

import pytest

from builders import Files, composer, lock_of, problems_of, worded
from compiler.compare import entered
from compiler.extends import MAX_HINTS
from compiler.lockfile import drift, header_of, unlike_digest
from compiler.mapping import Waiver
from compiler.merging import Policy, merge
from compiler.problems import Problem
from compiler.values import Origin, node_of, parse_path
from compiler.verdict import waiver_problems

SOURCE = "configs/train/p.yaml"


def wrong(files: Files, **given: object) -> list[Problem]:
    """Give what is wrong with the preset `p`."""
    return list(problems_of(lambda: composer(files, **given).preset(SOURCE)))


# ------------------------------------------------------------------------------ extends


@pytest.mark.parametrize(
    ("base", "message", "why"),
    [
        ("../parts/", "base `../parts/` is a folder", "each base is a file"),
        (
            '"a\\0b"',
            "the path of a base holds a NUL",
            "a base is looked up relative to the file that names it",
        ),
    ],
)
def test_what_no_base_can_be_is_worded(base: str, message: str, why: str) -> None:
    """A folder, and a name with a NUL: the message, its reason and its place."""
    (problem,) = wrong({SOURCE: f"extends: {base}\n", "configs/parts/x.yaml": "a: 1\n"})
    assert (problem.code, problem.message, problem.why) == ("bad-extends", message, why)
    assert problem.origin == Origin(SOURCE, 1, 10)


def test_a_base_that_lies_elsewhere_is_hinted_at_from_where_it_is_asked_for() -> None:
    """The path in the hint can be pasted."""
    (problem,) = wrong({SOURCE: "extends: dora.yaml\n", "configs/parts/tuner/dora.yaml": "a: 1\n"})
    assert "`../parts/tuner/dora.yaml`" in problem.hint


def test_the_whole_repository_may_be_the_config_root() -> None:
    """With `.` as the root every file below it is inside, and one above it is not."""
    files = {"train/p.yaml": "extends: ../base.yaml\n", "base.yaml": "a: 1\n"}
    made = composer(files, configs=".").preset("train/p.yaml")
    assert made.values.value["a"].value == 1
    out = {"train/p.yaml": "extends: ../../base.yaml\n"}
    (problem,) = problems_of(lambda: composer(out, configs=".").preset("train/p.yaml"))
    assert problem.code == "outside-root"


def test_so_many_missing_bases_get_a_hint_and_no_more() -> None:
    """Looking for what was meant takes time; of a folder that was moved the first few tell enough."""
    bases = [f"sft_{number:02}.yml" for number in range(MAX_HINTS + 3)]
    there = {f"configs/train/{base.replace('yml', 'yaml')}": "a: 1\n" for base in bases}
    found = wrong({SOURCE: "extends:\n" + "".join(f"- {base}\n" for base in bases), **there})
    assert [bool(problem.hint) for problem in found] == [True] * MAX_HINTS + [False] * 3


# ------------------------------------------------------------------------------ merging and comparing


def unheard(_problem: Problem) -> None:
    """Take what merging reports, where a test is about something else."""


def test_what_a_list_of_entries_overrode_is_kept() -> None:
    """Each layer below stays in the shadows of a list that merges by name."""
    policy = Policy(keys=("name",))
    lowest, base, over = (node_of([{"name": "a", "x": number}]) for number in (1, 2, 3))
    replaced = merge(lowest, base, None, unheard)
    assert replaced.shadows == (lowest,)
    assert merge(replaced, over, policy, unheard).shadows == (lowest,)


def test_a_step_of_a_path_enters_only_what_has_such_steps() -> None:
    """An index enters a list, a key a mapping, and neither a text, be it long enough."""
    assert entered(node_of("text"), 0, None) is None
    assert entered(node_of({"a": 1}), 0, None) is None
    assert entered(node_of([1]), 1, None) is None
    assert entered(node_of("text"), "a", None) is None
    assert entered(node_of([1]), "a", None) is None


# ------------------------------------------------------------------------------ reading


@pytest.mark.parametrize(
    ("key", "kind"),
    [("yes", "a boolean"), ("12", "an integer"), ("1.5", "a float"), ("~", "null"), ("2026-01-31", "a date")],
)
def test_a_key_that_is_no_text_is_told_by_what_it_reads_as(key: str, kind: str) -> None:
    """Each kind of scalar that a person may take for text."""
    (problem,) = wrong({SOURCE: f"{key}: 1\n"})
    assert problem.message == f"the key `{key}` reads as {kind}"


@pytest.mark.parametrize(("count", "shown"), [(60, "9" * 60), (61, "9" * 57 + "...")])
def test_a_scalar_that_cannot_be_read_is_cut_where_it_is_long(count: int, shown: str) -> None:
    """A message holds no page of rubbish."""
    (problem,) = wrong({SOURCE: f"a: !!timestamp {'9' * count}\n"})
    assert problem.message == f"`{shown}` cannot be read as timestamp"


# ------------------------------------------------------------------------------ locks


HEAD = b"# Locked by trainlock from configs/train/p.yaml. Generated: edit the sources, then run `doit`.\n"


def test_a_header_is_read_though_parts_of_it_are_rubbish() -> None:
    """Bytes that are no UTF-8, and a format that is not there, make a header of no format, and no crash."""
    found = header_of(HEAD + b"# digest: \xff\n#   configs/base.yaml\n")
    assert found is not None
    assert (found.source, found.format, found.digest) == (SOURCE, 0, "\ufffd")
    assert found.merge_order == ("configs/base.yaml",)


LOCK = "build/train/p.lock.yaml"


@pytest.mark.parametrize(("count", "more"), [(3, ""), (4, ", and 1 more")])
def test_an_edited_lock_is_worded(count: int, more: str) -> None:
    """Three values are named, and a fourth is counted; the place is the lock as a whole."""
    names = [f"k{number}" for number in range(count)]
    good = lock_of({SOURCE: "".join(f"{name}: 1\n" for name in names)}, SOURCE).encode()
    bad = good.replace(b": 1 ", b": 2 ")
    problem = drift(LOCK, bad, good, None, lambda _path: None)
    assert problem is not None
    told = ", ".join(f"`{name}` is `2` and compiles to `1`" for name in names[:3])
    assert worded([problem], {}) == (
        f"{LOCK}: error: the lock `{LOCK}` was edited by hand [lock-edited]\n"
        f"  why: its values do not give its own digest: {told}{more}\n"
        "  hint: edit the sources instead, and run `doit`"
    )
    assert problem.origin == Origin(LOCK, 0, 0)


def test_a_lock_whose_layout_was_edited_is_worded() -> None:
    """No value differs, and yet it is not what its inputs compile to."""
    good = lock_of({SOURCE: "a: 1\n"}, SOURCE).encode()
    problem = drift(LOCK, good + b"# mine\n", good, None, lambda _path: None)
    assert problem is not None
    assert worded([problem], {}) == (
        f"{LOCK}: error: the lock `{LOCK}` was edited by hand [lock-edited]\n"
        "  why: its comments or its layout changed\n"
        "  hint: edit the sources instead, and run `doit`"
    )


def test_a_lock_whose_mix_was_built_since_is_stale_and_not_edited() -> None:
    """The fusion lock on disk is not the one that the lock was made with, so nothing says that somebody edited it."""
    mix = "configs/fusion/m.yaml"
    preset = {SOURCE: f"fusion: {mix}\n"}
    old, new = (
        {**preset, mix: f"targets: [{{name: a, dataset: d, train_jsonl: a.jsonl, ratio: {ratio}}}]\n"}
        for ratio in (1, 2)
    )
    problem = drift(
        LOCK,
        lock_of(old, SOURCE).encode(),
        lock_of(new, SOURCE).encode(),
        ("fusion",),
        lambda _path: lock_of(new, mix).encode(),
    )
    assert problem is not None
    assert (problem.code, problem.why) == ("lock-stale", "the values of its fusion config changed")


def test_a_lock_without_its_own_digest_is_worded() -> None:
    """As the lock of a run that somebody edited is told where two are compared."""
    assert worded([unlike_digest(LOCK)], {}) == (
        f"{LOCK}: error: the lock `{LOCK}` was edited by hand [lock-edited]\n"
        "  why: its values do not give its own digest, and nothing was ever launched from it\n"
        "  hint: build it there, from the sources"
    )


# ------------------------------------------------------------------------------ waivers


def test_a_waiver_that_pins_other_values_says_both() -> None:
    """What it pins, and what the report has, cut where it is long."""
    day = datetime.date(2026, 1, 31)
    values = node_of(8), node_of(16)
    waiver = Waiver(Origin("m.yaml", 4, 5), SOURCE, "preset", parse_path("a.b"), *values, "it was wrong", "lena", day)
    found = {(SOURCE, "preset", "a.b"): ("8", "9" * 70)}
    (problem,) = waiver_problems([waiver], (), day, found)
    assert problem.why == f"it pins `8` and `16`, and the report has `8` and `{'9' * 57}...`"
