"""pairing: which preset of the other side belongs to which of ours, and that no gap is ever a pass."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builders import Files, layout, look, problems_of, worded, write
from compiler.pairing import MAX_HINTS, Pair
from compiler.problems import Problem, UsageError
from compiler.proofs import passes
from compiler.proving import Prover, other_side
from provings import MAPPING, OLD_WIDE, TODAY, WIDE, prover, record, report, verdicts, world
from repositories import commit, git

NARROW = "configs/train/narrow.yaml"
OLD_NARROW = "configs/fusion_train/narrow.yaml"
BOTH: Files = {NARROW: "lr: 1\n", f"legacy/{OLD_NARROW}": "lr: 1\n"}


def codes(made: Prover) -> list[str]:
    """Give place and code of everything that is wrong with a pairing."""
    origins = ((problem.origin if problem.origin.line else problem.origin.file, problem) for problem in made.problems)
    return [f"{origin} {problem.code}" for origin, problem in origins]


def said(problem: Problem) -> str:
    """Give the whole text of a problem."""
    return worded([problem], {})


# ------------------------------------------------------------------------------------------ against the records


def test_the_mapping_pairs_presets_and_the_rest_is_new(tmp_path: Path) -> None:
    """What the mapping names is a pair, a preset that it does not name is NEW: told apart, and no failure."""
    world(tmp_path, {NARROW: "lr: 1\n"})
    assert verdicts(tmp_path) == {Pair(None, NARROW): "NEW", Pair(OLD_WIDE, WIDE): "EQUIVALENT"}
    assert codes(prover(tmp_path)) == []
    found = report(tmp_path)
    assert (found["verdict"], found["counts"]) == ("EQUIVALENT", {"EQUIVALENT": 1, "NEW": 1})


def test_a_legacy_preset_that_nothing_took_the_place_of_is_no_pass(tmp_path: Path) -> None:
    """It is UNPROVEN, in the place where it would be, and the hint is the line that the mapping lacks."""
    world(tmp_path, BOTH)
    assert verdicts(tmp_path)[Pair(OLD_NARROW, None)] == "UNPROVEN"
    [problem] = prover(tmp_path).problems
    assert said(problem) == (
        f"legacy/mapping.yaml: error: `{OLD_NARROW}` of `legacy` is mapped to no preset [unmapped-preset]\n"
        "  why: what nothing took the place of is proven by nothing\n"
        f"  hint: it may have become `{NARROW}`: `legacy/mapping.yaml` says what became of it, with a line "
        f"`{OLD_NARROW}: {NARROW}` below `presets`"
    )
    assert report(tmp_path)["verdict"] == "UNPROVEN"
    write(tmp_path, {"legacy/mapping.yaml": f"{MAPPING}  {OLD_NARROW}: {NARROW}\n"})
    assert report(tmp_path)["verdict"] == "EQUIVALENT"


def test_a_preset_that_is_mapped_to_nothing_is_no_pass(tmp_path: Path) -> None:
    """The line is told, with the nearest preset there is; the legacy preset is UNPROVEN, and stays in the report."""
    world(tmp_path, mapping=f"presets:\n  {OLD_WIDE}: configs/train/wode.yaml\n")
    [problem] = prover(tmp_path).problems
    assert (str(problem.origin), problem.code) == ("legacy/mapping.yaml:2:3", "unknown-preset")
    assert problem.hint == f"did you mean `{WIDE}`?"
    assert verdicts(tmp_path) == {Pair(None, WIDE): "NEW", Pair(OLD_WIDE, None): "UNPROVEN"}
    assert not passes(report(tmp_path))


def test_a_line_that_names_no_legacy_preset_is_no_pass(tmp_path: Path) -> None:
    """Our preset has then no legacy side, which it was said to have: NEW alone would be a lie."""
    world(tmp_path, mapping=f"{MAPPING}  configs/fusion_train/gone.yaml: {NARROW}\n", edits={NARROW: "lr: 1\n"})
    assert codes(prover(tmp_path)) == ["legacy/mapping.yaml:3:3 unknown-preset"]
    assert verdicts(tmp_path) == {Pair(None, NARROW): "NEW", Pair(OLD_WIDE, WIDE): "EQUIVALENT"}
    assert report(tmp_path)["verdict"] == "UNPROVEN"


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        (f"{MAPPING}  {OLD_NARROW}: {WIDE}\n", "legacy/mapping.yaml:3:3 mapped-twice"),
        (f"{MAPPING}  ./{OLD_WIDE}: {NARROW}\n", "legacy/mapping.yaml:3:3 mapped-twice"),
        (f"{MAPPING}  {OLD_NARROW}: 3\n", "legacy/mapping.yaml:3:3 bad-mapping"),
        ("presets: [", "legacy/mapping.yaml:2:1 bad-yaml"),
        ("", "legacy/mapping.yaml bad-mapping"),
    ],
)
def test_a_mapping_that_means_nothing_is_told_alone_and_is_no_pass(tmp_path: Path, mapping: str, expected: str) -> None:
    """What follows from it is not told besides: neither that nothing is mapped, nor that everything is new."""
    world(tmp_path, {**BOTH, "legacy/mapping.yaml": mapping})
    assert codes(prover(tmp_path)) == [expected]
    assert verdicts(tmp_path) == {}
    assert report(tmp_path)["verdict"] == "UNPROVEN"


def test_a_preset_that_is_retired_is_asked_for_no_more(tmp_path: Path) -> None:
    """Mapped to null it is counted apart; one that the other side never had cannot be retired."""
    world(tmp_path, {**BOTH, "legacy/mapping.yaml": f"{MAPPING}  {OLD_NARROW}: null\n"})
    assert codes(prover(tmp_path)) == []
    found = report(tmp_path)
    assert (found["verdict"], found["retired"]) == ("EQUIVALENT", [OLD_NARROW])
    (tmp_path / "legacy/mapping.yaml").write_text(f"{MAPPING}  {OLD_NARROW}: null\n  configs/gone.yaml: null\n")
    assert codes(prover(tmp_path)) == ["legacy/mapping.yaml unknown-preset"]


def test_an_empty_mapping_is_no_pass(tmp_path: Path) -> None:
    """A proof of nothing is no proof, be there a legacy preset or none."""
    world(tmp_path, mapping="presets: {}\n")
    assert codes(prover(tmp_path)) == ["legacy/mapping.yaml bad-mapping", "legacy/mapping.yaml unmapped-preset"]
    assert not passes(report(tmp_path))
    for path in (f"legacy/{OLD_WIDE}", "legacy/records/configs/fusion_train/wide.json"):
        (tmp_path / path).unlink()
    record(tmp_path)
    assert codes(prover(tmp_path)) == ["legacy/mapping.yaml bad-mapping"]
    assert not passes(report(tmp_path))


def test_without_a_mapping_there_is_nothing_to_prove_against(tmp_path: Path) -> None:
    """It is wrong usage, and the hint says what could be compared with instead."""
    world(tmp_path)
    (tmp_path / "legacy/mapping.yaml").unlink()
    with pytest.raises(UsageError, match=r"there is no `legacy/mapping.yaml` to prove against"):
        prover(tmp_path)


def test_a_legacy_preset_that_is_gone_for_good_is_listed_and_no_failure(tmp_path: Path) -> None:
    """Mapped to null it is no pair and no problem; the report names it, and a line for what never was is told."""
    world(tmp_path, BOTH, mapping=f"{MAPPING}  {OLD_NARROW}: null\n")
    assert prover(tmp_path).problems == ()
    assert verdicts(tmp_path) == {Pair(None, NARROW): "NEW", Pair(OLD_WIDE, WIDE): "EQUIVALENT"}
    found = report(tmp_path)
    assert (found["verdict"], found["retired"]) == ("EQUIVALENT", [OLD_NARROW])
    write(tmp_path, {"legacy/mapping.yaml": f"{MAPPING}  {OLD_NARROW}: null\n  configs/never.yaml: null\n"})
    assert [problem.code for problem in prover(tmp_path).problems] == ["unknown-preset"]
    assert report(tmp_path)["verdict"] == "UNPROVEN"
    write(tmp_path, {"legacy/mapping.yaml": f"presets:\n  {OLD_NARROW}: null\n  {OLD_WIDE}: null\n"})
    assert not passes(report(tmp_path))


def test_records_that_are_refused_are_told_once_and_are_no_pass(tmp_path: Path) -> None:
    """One edit of the legacy tree concerns every record: one problem, every pair UNPROVEN, none missing."""
    world(tmp_path, BOTH, mapping=f"{MAPPING}  {OLD_NARROW}: {NARROW}\n")
    write(tmp_path, {"legacy/configs/base.yaml": "seed: 2\n"})
    assert codes(prover(tmp_path)) == ["legacy/records stale-record"]
    assert verdicts(tmp_path) == {Pair(OLD_NARROW, NARROW): "UNPROVEN", Pair(OLD_WIDE, WIDE): "UNPROVEN"}


def test_a_preset_whose_name_is_unfit_does_not_slip_through(tmp_path: Path) -> None:
    """It gets no lock and is proven by nobody, so that nothing passes while it is there."""
    world(tmp_path)
    write(tmp_path, {"configs/train/wide.yml": "lr: 1\n"})
    assert codes(prover(tmp_path)) == [f"{WIDE} lock-collision", "configs/train/wide.yml lock-collision"]
    assert verdicts(tmp_path) == {Pair(OLD_WIDE, WIDE): "REJECTED"}
    assert not passes(report(tmp_path))


# ------------------------------------------------------------------------------------------ against another tree


def two_trees(tmp_path: Path, theirs: Files, ours: Files, kind: str) -> tuple[Path, str]:
    """Make another tree, a folder or a revision, and ours; gives our root and what the other is called."""
    root = tmp_path / "ours"
    if kind == "folder":
        write(tmp_path / "theirs", theirs)
    else:
        commit(root, theirs)
        git(root, "rm", "-q", "-r", ".")
    write(root, ours)
    if kind == "revision":
        git(root, "add", "-A")
    return root, str(tmp_path / "theirs") if kind == "folder" else "HEAD"


A, B, C = (f"configs/train/{name}.yaml" for name in "abc")
kinds = pytest.mark.parametrize("kind", ["revision", "folder"])


@kinds
def test_presets_of_one_path_are_pairs(tmp_path: Path, kind: str) -> None:
    """One that is only here is NEW, one that is only there is mapped to none, and no pass."""
    root, name = two_trees(tmp_path, {A: "x: 1", B: "y: 1"}, {A: "x: 1", C: "z: 1"}, kind)
    assert verdicts(root, name) == {Pair(A, A): "EQUIVALENT", Pair(None, C): "NEW", Pair(B, None): "UNPROVEN"}
    assert codes(prover(root, name)) == [" unmapped-preset"]
    assert report(root, name)["verdict"] == "UNPROVEN"


@kinds
def test_a_mapping_pairs_what_moved_and_the_rest_goes_by_its_path(tmp_path: Path, kind: str) -> None:
    """Both sides of a line count from their own roots; what no line names falls back to the same path."""
    root, name = two_trees(tmp_path, {A: "x: 1", B: "y: 1"}, {A: "x: 1", C: "y: 1"}, kind)
    write(root, {"moved.yaml": f"presets:\n  {B}: {C}\n"})
    assert verdicts(root, name, mapping="moved.yaml") == {Pair(A, A): "EQUIVALENT", Pair(B, C): "EQUIVALENT"}
    assert report(root, name, mapping=str(root / "moved.yaml"))["verdict"] == "EQUIVALENT"


@kinds
def test_two_presets_may_have_changed_places(tmp_path: Path, kind: str) -> None:
    """A line wins over the path; a preset whose place on the other side went elsewhere is NEW."""
    root, name = two_trees(tmp_path, {A: "x: 1", B: "y: 1"}, {A: "y: 1", B: "x: 1"}, kind)
    write(root, {"moved.yaml": f"presets: {{{A}: {B}, {B}: {A}}}\n", "half.yaml": f"presets: {{{A}: {B}}}\n"})
    assert verdicts(root, name, mapping="moved.yaml") == {Pair(A, B): "EQUIVALENT", Pair(B, A): "EQUIVALENT"}
    assert verdicts(root, name, mapping="half.yaml") == {
        Pair(None, A): "NEW",
        Pair(A, B): "EQUIVALENT",
        Pair(B, None): "UNPROVEN",
    }


@kinds
def test_what_is_said_to_be_gone_and_is_still_here_is_proven_all_the_same(tmp_path: Path, kind: str) -> None:
    """Mapped to null, a preset that changed would else pass as NEW; one that is gone is no failure."""
    root, name = two_trees(tmp_path, {A: "x: 1", B: "y: 1"}, {A: "x: 2"}, kind)
    write(root, {"moved.yaml": f"presets: {{{A}: null, {B}: null}}\n"})
    assert verdicts(root, name, mapping="moved.yaml") == {Pair(A, A): "DIFFERENT"}
    write(root, {A: "x: 1"})
    assert report(root, name, mapping="moved.yaml")["verdict"] == "EQUIVALENT"


def test_a_mapping_that_is_not_there_is_no_pass(tmp_path: Path) -> None:
    """Presets are paired by their paths all the same, and the run fails."""
    root, name = two_trees(tmp_path, {A: "x: 1"}, {A: "x: 1"}, "folder")
    assert codes(prover(root, name, mapping="gone.yaml")) == ["gone.yaml unreadable-file"]
    assert verdicts(root, name, mapping="gone.yaml") == {Pair(A, A): "EQUIVALENT"}
    assert report(root, name, mapping="gone.yaml")["verdict"] == "UNPROVEN"


def test_renames_are_offered_as_git_sees_them(tmp_path: Path) -> None:
    """However the new name reads; what git does not know gets the nearest name; where neither helps, the option."""
    text = "".join(f"key{index}: {index}\n" for index in range(20))
    theirs = {A: text, "configs/train/in/the/way.yaml": "y: 1\n", "configs/train/old_name.yaml": "z: 1\nq: 2\n"}
    root, name = two_trees(tmp_path, theirs, {"configs/train/far/quite-other.yaml": text}, "revision")
    write(root, {"configs/train/old_names.yaml": "s: 1\n"})
    hints = [problem.hint for problem in prover(root, name).problems]
    assert hints == [
        "git takes it for moved to `configs/train/far/quite-other.yaml`: `--mapping FILE` says what became of it, "
        f"with a line `{A}: configs/train/far/quite-other.yaml` below `presets`",
        "`--mapping FILE` says what became of it",
        "it may have become `configs/train/old_names.yaml`: `--mapping FILE` says what became of it, "
        "with a line `configs/train/old_name.yaml: configs/train/old_names.yaml` below `presets`",
    ]


def test_a_move_of_everything_is_told_soon(tmp_path: Path) -> None:
    """The nearest name is looked up for the first presets only: more are one move, repeated."""
    theirs = {f"configs/train/preset_{index}.yaml": "x: 1" for index in range(60)}
    ours = {f"configs/train/presets_{index}.yaml": "x: 1" for index in range(60)}
    root, name = two_trees(tmp_path, theirs, ours, "folder")
    hints = [problem.hint for problem in prover(root, name).problems]
    assert len(hints) == 60
    assert sum("it may have become" in hint for hint in hints) == MAX_HINTS


@kinds
def test_a_mix_that_a_preset_names_is_no_preset(tmp_path: Path, kind: str) -> None:
    """Even where the globs take it for one, on either side."""
    mix = "targets: [{name: a, dataset: d, train_jsonl: a.jsonl}]\n"
    files = {A: "fusion: configs/train/mix.yaml", "configs/train/mix.yaml": mix}
    root, name = two_trees(tmp_path, files, files, kind)
    assert verdicts(root, name) == {Pair(A, A): "EQUIVALENT"}
    root, name = two_trees(tmp_path / "gone", files, {A: "x: 1"}, kind)
    assert verdicts(root, name) == {Pair(A, A): "DIFFERENT"}


@kinds
def test_a_tree_without_presets_is_no_pass(tmp_path: Path, kind: str) -> None:
    """Neither where they are all new, nor where they are all gone, nor where there are none."""
    none: Files = {"configs/other.txt": ""}
    for index, (theirs, ours) in enumerate([(none, {A: "x: 1"}), ({A: "x: 1"}, none), (none, none)]):
        root, name = two_trees(tmp_path / str(index), theirs, ours, kind)
        assert report(root, name)["verdict"] == "UNPROVEN"


def test_a_folder_that_cannot_be_listed_is_no_pass(tmp_path: Path) -> None:
    """Of what it holds nobody can say that it is gone: a folder without configs is told."""
    root, name = two_trees(tmp_path, {"readme.txt": ""}, {A: "x: 1"}, "folder")
    assert codes(prover(root, name)) == [f"{name}:configs unreadable-file"]


def test_what_is_neither_a_folder_nor_a_revision_is_refused(tmp_path: Path) -> None:
    """And `legacy` means the records, be there a folder or a branch of that name."""
    root = world(tmp_path / "root")
    commit(root)
    git(root, "branch", "legacy")
    [problem] = problems_of(lambda: other_side(look(root), "nothing"))
    assert problem.code == "unknown-revision"
    assert other_side(look(root), "legacy") is None
    made = Prover(look(root), today=TODAY, name="refs/heads/legacy", other=other_side(look(root), "refs/heads/legacy"))
    assert made.pairs == (Pair(WIDE, WIDE),)


def test_settings_of_ours_hold_on_the_other_side_wherever_they_point(tmp_path: Path) -> None:
    """A config root that was given as an absolute path below our root means the same place below the other."""
    root, name = two_trees(tmp_path, {A: "x: 1"}, {A: "x: 2"}, "folder")
    given = {"configs": str(root / "configs"), "build": os.fspath(root / "build")}
    assert layout(root, **given).configs == "configs"
    assert verdicts(root, name, given=given) == {Pair(A, A): "DIFFERENT"}
