"""`trainlock prove`: its verdicts and exit codes, what it prints, and where its reports go."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cli_runs
import proven
from cli_runs import Ask, Said, tree, write
from compiler import cli, compare, mutants
from proven import (
    DENSE,
    HEADLINE,
    MAPPING,
    MIX,
    OLD_DENSE,
    OLD_MIX,
    OLD_SMALL,
    SMALL,
    TUNER,
    build,
    edit,
    waiver,
)

ask, made_once, repository = cli_runs.ask, proven.made_once, proven.repository

REPORTS = {".gitignore", "equivalence.html", "equivalence.json", "equivalence.md"}


def document(said: Said) -> dict[str, Any]:
    """Give the one document that a command printed."""
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_prove_says_its_verdict_and_writes_its_reports(ask: Ask, repository: Path) -> None:
    """The verdict first, one line for each preset, what the drill did not catch; nothing on stderr."""
    assert ask(repository, "prove") == Said(
        0,
        f"{HEADLINE}\n"
        "\n"
        "VERDICT     PRESET                    LEGACY                  READ FROM     LEAVES  WITNESSES\n"
        "EQUIVALENT  configs/train/dense.yaml  configs/old/dense.yaml  record, lock  17      bytes, deepdiff\n"
        "NEW         configs/train/fresh.yaml  -                       -             -       it has no legacy side\n"
        "EQUIVALENT  configs/train/small.yaml  configs/old/small.yaml  record, lock  9       bytes, deepdiff\n"
        "\n"
        "21 mutants survived:\n"
        "  configs/train/small.yaml  custom.augmentation.ops  7 dropped, 4 nudged, 7 null, 1 reordered, 2 retyped"
        "  rule augmentation-off\n",
        "",
    )
    reports = repository / "build/reports"
    assert {path.name for path in reports.iterdir()} == REPORTS
    assert (reports / ".gitignore").read_text() == "*\n"
    assert (reports / "equivalence.md").read_text().startswith("### EQUIVALENT against <code>legacy</code>\n")
    assert "<html" in (reports / "equivalence.html").read_text()
    before = tree(reports)
    assert ask(repository, "prove").code == 0
    assert tree(reports) == before


# ------------------------------------------------------------------------------ verdicts and exit codes


def _rank_of_all(root: Path) -> None:
    edit(root, TUNER, "lora_rank: 32", "lora_rank: 16")
    build(root)


def _rank_of_small(root: Path) -> None:
    edit(root, SMALL, "lora_rank: 8", "lora_rank: 16")
    build(root)


def _dead_operation(root: Path) -> None:
    edit(root, SMALL, "prob: 0.1", "prob: 0.2")
    build(root)


def _mix(root: Path) -> None:
    edit(root, MIX, "bbu_1024", "bbu_2048")
    build(root)


def _broken(root: Path) -> None:
    edit(root, SMALL, "lora_rank: 8", "lora_rank: [8")


def _not_built(root: Path) -> None:
    edit(root, SMALL, "lora_rank: 8", "lora_rank: 16")


def _lock_gone(root: Path) -> None:
    (root / "build/train/small.lock.yaml").unlink()


def _lock_of_the_mix_gone(root: Path) -> None:
    (root / "build/fusion/variants/mix.lock.yaml").unlink()


def _lock_edited(root: Path) -> None:
    edit(root, "build/train/small.lock.yaml", "lora_rank: 8", "lora_rank: 9")


def _line_lost(root: Path) -> None:
    edit(root, MAPPING, f"  {OLD_SMALL}: {SMALL}\n", "")


def _mapping_empty(root: Path) -> None:
    write(root, {MAPPING: "presets: {}\n"})


def _mapping_broken(root: Path) -> None:
    write(root, {MAPPING: "presets: [\n"})


def _mapped_to_nothing(root: Path) -> None:
    edit(root, MAPPING, f": {SMALL}\n", ": configs/train/smal.yaml\n")


def _legacy_edited(root: Path) -> None:
    edit(root, f"legacy/{OLD_DENSE}", "bfloat16", "float16")


def _record_edited(root: Path) -> None:
    edit(root, "legacy/records/configs/old/small.json", '"lora_rank": 8', '"lora_rank": 9')


def _record_of_the_mix_gone(root: Path) -> None:
    (root / "legacy/records" / OLD_MIX.replace(".yaml", ".json")).unlink()


def _waived(root: Path) -> None:
    _rank_of_small(root)
    write(root, {MAPPING: waiver()})


def _waived_too_long(root: Path) -> None:
    _rank_of_small(root)
    write(root, {MAPPING: waiver(expires="2020-01-31")})


def _waived_otherwise(root: Path) -> None:
    _rank_of_small(root)
    write(root, {MAPPING: waiver(compiled="17")})


def _waived_for_nothing(root: Path) -> None:
    write(root, {MAPPING: waiver()})


@pytest.mark.parametrize(
    ("edited", "expected"),
    [
        (_rank_of_all, "1 DIFFERENT"),
        (_mix, "1 DIFFERENT"),
        (_dead_operation, "0 NEUTRAL"),
        (_broken, "1 REJECTED bad-yaml"),
        (_not_built, "1 UNPROVEN lock-stale"),
        (_lock_gone, "1 UNPROVEN lock-missing"),
        (_lock_of_the_mix_gone, "1 UNPROVEN lock-missing"),
        (_lock_edited, "1 DIFFERENT lock-edited"),
        (_line_lost, "1 UNPROVEN unmapped-preset"),
        (_mapping_empty, "1 UNPROVEN bad-mapping unmapped-preset"),
        (_mapping_broken, "1 UNPROVEN bad-yaml"),
        (_mapped_to_nothing, "1 UNPROVEN unknown-preset"),
        (_legacy_edited, "1 UNPROVEN stale-record"),
        (_record_edited, "1 DIFFERENT"),
        (_record_of_the_mix_gone, "1 UNPROVEN bad-record"),
        (_waived, "0 WAIVED"),
        (_waived_too_long, "1 DIFFERENT expired-waiver"),
        (_waived_otherwise, "1 DIFFERENT unused-waiver"),
        (_waived_for_nothing, "1 UNPROVEN unused-waiver"),
    ],
    ids=lambda given: given.__name__ if callable(given) else "",
)
def test_the_exit_code_is_that_of_the_gravest_verdict(
    ask: Ask, repository: Path, edited: Callable[[Path], None], expected: str
) -> None:
    """0 for what passes, 1 for all else; the verdict is the first word, and each problem is told once with its code."""
    edited(repository)
    said = ask(repository, "prove")
    told = [line.rpartition("[")[2].rstrip("]") for line in said.err.splitlines() if ": error: " in line]
    word = said.out.split()[0]
    assert " ".join([str(said.code), word, *sorted(set(told))]) == expected, said
    assert json.loads((repository / "build/reports/equivalence.json").read_text())["verdict"] == word


def test_a_broken_preset_leaves_the_others_to_be_proven(ask: Ask, repository: Path) -> None:
    """It is REJECTED with the reason, and the rest has its verdicts."""
    _broken(repository)
    rows = [line.split() for line in ask(repository, "prove").out.splitlines()[3:6]]
    assert [row[0] for row in rows] == ["EQUIVALENT", "NEW", "REJECTED"]


def test_a_mutant_that_nothing_excuses_is_exit_1(ask: Ask, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that is blind to the learning rate cannot pass anything."""
    unequal = compare.unequal
    monkeypatch.setattr(
        "compiler.verdict.unequal", lambda *sides: [one for one in unequal(*sides) if one.path[-1] != "learning_rate"]
    )
    said = ask(repository, "prove")
    assert (said.code, said.out.split()[0]) == (1, "UNPROVEN")
    assert "8 mutants survived, and NOTHING EXCUSES IT:\n  2 presets  training.learning_rate  " in said.out
    assert said.err.count("[mutant-survived]") > 0


def test_witnesses_that_disagree_are_exit_3_and_no_verdict(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is a bug of one of the two, and no report says anything."""
    _rank_of_small(repository)
    monkeypatch.setattr(compare, "_shown_to_deepdiff", lambda _node: 1)
    monkeypatch.chdir(repository)
    assert cli.main(["prove"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: this is a bug in trainlock: Disagreement: deepdiff sees no difference at ")
    assert not (repository / "build/reports").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--against", "nope"], "`nope` is neither a folder nor a revision of this repository [unknown-revision]"),
        (["--against", ""], "[unknown-revision]"),
        (["train/nope"], "there is no preset `train/nope` [unknown-preset]"),
        (["fusion/variants/mix"], "`configs/fusion/variants/mix.yaml` is no preset of this repository"),
        (["base"], "`configs/base.yaml` is no preset of this repository [unselected-preset]"),
        (["--mapping", "nope.yaml"], "there is no `nope.yaml` to prove against [no-legacy]"),
        (["--mapping", ""], "argument --mapping: a path is needed [bad-usage]"),
        (["--reports", ""], "argument --reports: a path is needed [bad-usage]"),
        (["--witness", "some"], "argument --witness: invalid choice: 'some'"),
        (["--mutants", "0"], "argument --mutants: invalid choice: '0'"),
        (["--wait", "long"], "argument --wait: `long` is no number of seconds [bad-usage]"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_what_means_nothing_is_exit_2(ask: Ask, repository: Path, arguments: list[str], says: str) -> None:
    """One message, no verdict, no report."""
    said = ask(repository, "prove", *arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: ")
    assert says in said.err
    assert not (repository / "build/reports").exists()


def test_without_a_legacy_side_there_is_nothing_to_prove_against(ask: Ask, repository: Path) -> None:
    """Exit 2, with the way out."""
    (repository / MAPPING).unlink()
    assert ask(repository, "prove") == Said(
        2,
        "",
        f"error: there is no `{MAPPING}` to prove against [no-legacy]\n"
        "  why: it maps each legacy preset to the one that took its place\n"
        "  hint: `--against REV` or `--against DIR` compares with something else\n",
    )


# ------------------------------------------------------------------------------ what is asked


def test_a_preset_that_is_named_is_proven_alone(ask: Ask, repository: Path) -> None:
    """By any of its names; waivers of other presets are left alone, and so are the reports of the whole."""
    _rank_of_small(repository)
    write(repository, {MAPPING: waiver()})
    for name in ("train/dense", DENSE, "build/train/dense.lock.yaml"):
        said = ask(repository, "prove", name)
        assert (said.code, said.err) == (0, "")
        assert said.out.startswith("EQUIVALENT against legacy: 1 equivalent; 17 leaves")
    assert not (repository / "build/reports").exists()
    assert ask(repository, "prove", "train/small").out.startswith("WAIVED against legacy: 1 waived; 9 leaves")


def test_a_waiver_of_the_preset_that_is_named_must_be_used(ask: Ask, repository: Path) -> None:
    """As in a whole run."""
    _waived_for_nothing(repository)
    assert "[unused-waiver]" in ask(repository, "prove", "train/small").err


def test_a_preset_without_a_legacy_side_is_new(ask: Ask, repository: Path) -> None:
    """Asked for alone it is told as what it is: never as proven, and no failure either."""
    said = ask(repository, "prove", "train/fresh")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("NEW against legacy: 1 new; 0 leaves")


def test_mutants_are_a_sample_unless_all_are_asked_for(
    ask: Ask, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--mutants all` plants every one."""
    monkeypatch.setattr(mutants, "SAMPLE", 5)
    assert "mutants: 7 caught, 3 excused\n" in ask(repository, "prove").out
    assert "mutants: 127 caught, 21 excused\n" in ask(repository, "prove", "--mutants", "all").out


def test_annotations_come_after_the_report(ask: Ask, repository: Path) -> None:
    """One for each line that causes a difference; none in a JSON document."""
    _rank_of_all(repository)
    lines = ask(repository, "prove", "--annotate").out.splitlines()
    assert lines[0].startswith("DIFFERENT")
    assert [line for line in lines if line.startswith("::")] == lines[-1:]
    assert lines[-1] == (
        "::error file=configs/components/tuner.yaml,line=2,col=3,title=not-equivalent::"
        "tuner.lora_rank is 16, and legacy has 32: configs/train/dense.yaml trains with it"
    )
    assert "::error" not in ask(repository, "prove", "--annotate", "--json").out


def test_a_difference_is_told_with_both_places(ask: Ask, repository: Path) -> None:
    """The value and where each side wrote it."""
    _mix(repository)
    assert (
        "\n\nfusion:targets[bbu].train_jsonl: changed\n"
        "  legacy  bbu_1024.jsonl\n"
        "  here    bbu_2048.jsonl  configs/fusion/variants/mix.yaml:3:17\n"
        "  in configs/train/dense.yaml  from legacy/configs/mixes/dense.yaml:2:43\n"
    ) in ask(repository, "prove").out
