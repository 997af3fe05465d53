"""The report on a terminal: the verdict first, each difference once, and nothing that a value says is obeyed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import ABSENT
from compiler.report import GROUPS, terminal
from compiler.values import Origin
from reported import SFT, A, B, C, change, report, row, survivor, waiver


def told(*rows: dict[str, object], against: str = "legacy") -> list[str]:
    """Give what a terminal shows below the table of the presets."""
    lines = terminal(report(*rows, against=against))
    return lines[3 + len(rows) :]


def test_the_verdict_comes_first_and_then_one_line_for_each_preset() -> None:
    """What was read on both sides, how many leaves, by which witnesses; a preset without any says why."""
    found = report(
        row(A),
        row(B, change()),
        row(C, legacy=None, verdict="NEW", reason="it has no legacy side"),
        row(None, legacy="configs/gone.yaml", verdict="UNPROVEN", reason="nothing took its place"),
    )
    assert terminal(found)[:7] == [
        "DIFFERENT against legacy: 1 different, 1 unproven, 1 equivalent, 1 new; 14 leaves; "
        "mutants: 40 caught, 0 excused",
        "",
        "VERDICT     PRESET                LEGACY             READ FROM     LEAVES  WITNESSES",
        "EQUIVALENT  configs/train/a.yaml  configs/old.yaml   record, lock  7       bytes, deepdiff",
        "DIFFERENT   configs/train/b.yaml  configs/old.yaml   record, lock  7       bytes, deepdiff",
        "NEW         configs/train/c.yaml  -                  -             -       it has no legacy side",
        "UNPROVEN    -                     configs/gone.yaml  -             -       nothing took its place",
    ]


def test_a_report_in_which_all_is_well_says_no_more_than_its_table() -> None:
    """Nothing stands below the presets."""
    assert told(row(A), row(B)) == []


def test_equal_differences_stand_there_once_with_all_their_presets() -> None:
    """One edit of a shared file is one thing to look at, wherever each legacy preset had written the value."""
    here = change(before=Origin("legacy/configs/x.yaml", 4, 3))
    there = change(before=Origin("legacy/configs/long/y.yaml", 8, 3))
    assert told(row(A, here), row(B), row(C, there)) == [
        "",
        "training.lr: changed",
        "  legacy  1",
        "  here    2  configs/sft.yaml:3:5",
        "  in configs/train/a.yaml  from legacy/configs/x.yaml:4:3",
        "  in configs/train/c.yaml  from legacy/configs/long/y.yaml:8:3",
    ]


def test_a_difference_that_was_written_in_several_places_names_each() -> None:
    """A key that is gone from many presets, say: its line is then one of each preset, beside it."""
    gone = [change("custom.x", 1, ABSENT, "removed", line=Origin(preset, 1, 1), before=SFT) for preset in (A, B)]
    assert told(row(A, gone[0]), row(B, gone[1])) == [
        "",
        "custom.x: removed",
        "  legacy  1",
        "  here    absent",
        "  in configs/train/a.yaml  from configs/sft.yaml:3:5  configs/train/a.yaml:1:1",
        "  in configs/train/b.yaml  from configs/sft.yaml:3:5  configs/train/b.yaml:1:1",
    ]


def test_differences_of_other_values_are_told_apart() -> None:
    """Two values, two kinds, two excuses are two things to look at."""
    others = [change(new=3), change(kind="retyped"), change(rule="saving-off"), change(waiver=waiver())]
    lines = told(row(A, change()), *(row(f"{index}.yaml", one) for index, one in enumerate(others)))
    assert [line.split(",")[0] for line in lines if line.startswith("training")] == [
        *["training.lr: changed"] * 2,
        *["training.lr: retyped", "training.lr: changed", "training.lr: changed"],
    ]


def test_a_side_that_has_nothing_is_absent_and_null_is_a_value() -> None:
    """An added key, a removed one with the line of its parent, and one that was set to null."""
    assert told(
        row(
            A,
            change("x.new", ABSENT, "on", "added"),
            change("x.gone", 0.5, ABSENT, "removed", line=Origin("configs/sft.yaml", 2, 1)),
            change("x.masked", 1, None),
        )
    ) == [
        *["", "x.new: added", "  legacy  absent", '  here    "on"    configs/sft.yaml:3:5'],
        *["  in configs/train/a.yaml", "", "x.gone: removed", "  legacy  0.5"],
        *["  here    absent  configs/sft.yaml:2:1", "  in configs/train/a.yaml", "", "x.masked: changed"],
        *["  legacy  1", "  here    null  configs/sft.yaml:3:5", "  in configs/train/a.yaml"],
    ]


def test_a_list_is_told_by_what_changed_within_it() -> None:
    """Not the two whole lists, but the items that differ, each with its own line."""
    old = [{"name": "flip", "prob": 0.5}, {"name": "crop", "prob": 0.1}, {"name": "blur"}]
    new = [{"name": "flip", "prob": 0.25}, {"name": "crop", "prob": 0.1}, {"name": "jitter"}]
    assert told(row(A, change("custom.ops", old, new))) == [
        "",
        "custom.ops: changed",
        "  custom.ops[flip].prob    0.5 -> 0.25       configs/sft.yaml:3:5",
        "  custom.ops[blur].name    blur -> absent    configs/sft.yaml:3:5",
        "  custom.ops[jitter].name  absent -> jitter  configs/sft.yaml:3:5",
        "  in configs/train/a.yaml",
    ]


def test_what_is_excused_is_told_with_its_excuse_and_after_what_is_not() -> None:
    """The rule; or the waiver with its reason, its owner and its last day."""
    lines = told(
        row(
            A,
            change("custom.augmentation.ops", [1], [2], rule="augmentation-off"),
            change("training.lr", waiver=waiver()),
            change("training.seed"),
            verdict="DIFFERENT",
        )
    )
    assert [line for line in lines if line and not line.startswith(" ")] == [
        "training.seed: changed",
        "custom.augmentation.ops: changed, neutral by rule augmentation-off",
        "training.lr: changed, waived until 2027-01-31 by lena: a new schedule",
    ]


def test_mutants_that_survived_are_counted_by_leaf_and_excuse() -> None:
    """One line for each leaf, with how many of which kind, and in how many presets if there are several."""
    ops = [survivor(f"ops[{index}].prob", "nudged") for index in range(3)]
    lines = told(
        row(A, survivors=[*ops, survivor("ops", "dropped"), survivor("bypass", "null", "waiver: soon")]),
        row(B, survivors=[survivor("ops[0]", "null")]),
    )
    assert lines == [
        "",
        "6 mutants survived:",
        "  2 presets             ops     1 dropped, 3 nudged, 1 null  rule augmentation-off",
        "  configs/train/a.yaml  bypass  1 null                       waiver: soon",
    ]


def test_a_mutant_that_nothing_excuses_is_an_alarm() -> None:
    """It stands before those that are excused, and the verdict is no pass."""
    found = report(row(A, survivors=[survivor("ops", "null"), survivor("lr", "nudged", "")]))
    assert terminal(found)[0].startswith("UNPROVEN against legacy")
    assert terminal(found)[5:] == [
        "1 mutant survived, and NOTHING EXCUSES IT:",
        "  configs/train/a.yaml  lr  1 nudged  nothing",
        "",
        "1 mutant survived:",
        "  configs/train/a.yaml  ops  1 null  rule augmentation-off",
    ]


@pytest.mark.parametrize("same", [0, 50, 99, 100, 101, 5_000, 2_000_000])
def test_where_long_values_differ_stays_in_sight(same: int) -> None:
    """Two texts that begin alike are cut before the place at which they differ, and never look the same."""
    [old, new] = told(row(A, change("prompt", "a" * same + "b" * 200, "a" * same + "c" * 200)))[2:4]
    assert "b" in old
    assert "c" in new
    assert max(len(old), len(new)) < 200


def test_what_would_fill_a_screen_is_counted() -> None:
    """A difference of many presets names some of them; a list of many changes shows some of them."""
    rows = [row(f"configs/train/p{index:03}.yaml", change()) for index in range(200)]
    lines = terminal(report(*rows))
    assert sum(line.startswith("  in ") for line in lines) == 20
    assert lines[-1] == "  and in 180 more"
    old, new = ([{"name": f"n{index}", "p": value} for index in range(90)] for value in (1, 2))
    lines = told(row(A, change("ops", old, new)))
    assert sum(" -> " in line for line in lines) == 50
    assert lines[-2] == "  and 40 more in this list"


@given(st.text(min_size=1), st.text(min_size=1))
def test_nothing_that_a_report_shows_is_obeyed(name: str, value: str) -> None:
    """No control character, no lone surrogate, and no line that a CI job takes for a command to it."""
    key = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    one = change(key, value, ["::error::x", value], waiver=waiver(reason=value, owner=name))
    rows = [row(name, one, legacy=value, survivors=[survivor(key, "null", value)])]
    for line in terminal(report(*rows, row(None, verdict="REJECTED", reason=value), against=name)):
        assert line.isprintable()
        line.encode()
        assert not line.lstrip().startswith("::")
        assert "##[" not in line


@pytest.mark.parametrize("key", ["::error::x", "::stop-commands::x", '"##[add-mask]x"'])
def test_a_key_that_looks_like_a_command_is_none(key: str) -> None:
    """Not even at the start of its line."""
    lines = told(row(A, change(key), change("ops", [{"name": "a", key: 1}], [{"name": "a", key: 2}])))
    assert not [line for line in lines if line.lstrip().startswith("::") or "##[" in line]


def test_what_belongs_together_in_the_terminal_stays_in_the_order_of_the_presets() -> None:
    """Two runs over the same document give the same lines."""
    found = report(row(B, change("z"), change("a")), row(A, change("m")))
    assert terminal(found) == terminal(found)
    heads = [line for line in terminal(found) if line.endswith(": changed")]
    assert heads == ["z: changed", "a: changed", "m: changed"]


def test_a_terminal_is_not_flooded() -> None:
    """What nothing excuses comes first, and the rest is counted."""
    many = [change(f"x.k{index:04}", 1, 2) for index in range(GROUPS + 30)]
    lines = told(row(A, *many))
    assert lines[-1] == "and 30 more differences: see the page, or `--json`"
    assert sum(line.startswith("x.k") for line in lines) == GROUPS
