"""The benchmarks: trees shaped as promised, ratios of pairs, a gate that closes, and results that are theirs."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import bounds
import environments
import measure
import naive
import results
import run
import runners
import sections
import shares
import translations
import trees
from builders import opened
from compiler import pipeline
from compiler.lint import CHECKS
from compiler.values import plain

BENCHMARKS = Path(run.__file__).parent
NOTHING = environments.Environment(Path("bin"), {"trainlock": "0.1.0", "doit": "0.37.0"}, {})


def bench(work: Path) -> sections.Bench:
    """Give a bench that measures with what runs these tests."""
    here = NOTHING._replace(programs=Path(sys.executable).parent)
    return sections.Bench(work, here, here, None, small=True, say=lambda _text: None)


# ---------------------------------------------------------------------------------------------- trees


@pytest.mark.parametrize(("presets", "count"), [(16, 62), (100, 155), (1000, 1145), (10_000, 11_045)])
def test_a_tree_has_as_many_fragments_as_promised(presets: int, count: int) -> None:
    """A base, 40 components, 4 fusion bases, a variant per ten presets, and the presets."""
    made = trees.files(presets)
    assert len(made) == count
    assert sum(path.startswith("components/") for path in made) == 40
    assert sum(path.startswith("train/") for path in made) == presets


@pytest.mark.parametrize("shape", ["flat", "family"])
def test_a_preset_has_the_size_of_ours(shape: trees.Shape, tmp_path: Path) -> None:
    """It extends 8 or 9 files in all, sets 7 keys, resolves to 248 lines, its mix to 56; nothing is an error."""
    trees.write(tmp_path, 40, shape)
    workspace = opened(tmp_path)
    made = pipeline.build(workspace)
    assert (len(made.built), {one.severity for one in made.problems}) == (44, {"warning"})
    # the component of a mode lies over that of training, and not each component has a preset in so small a tree
    assert {one.code for one in made.problems} <= {"base-order", "unused-fragment"}
    for source in workspace.sources.presets.values():
        resolved = workspace.resolve(source)
        assert resolved.fusion is not None
        assert [lines(plain(one.values)) for one in (resolved, resolved.fusion)] == [248, 56]
        assert len([path for path in resolved.chain.files() if "families" not in path]) in (9, 10)
        assert sum(len(section.value) for section in resolved.chain.own.value.values()) == 7


def lines(value: Any) -> int:
    """Count the lines of a value as block YAML."""
    return len(yaml.dump(value, default_flow_style=False, allow_unicode=True).splitlines())


def test_a_tree_is_the_same_each_time(tmp_path: Path) -> None:
    """Two trees of one size hold the same bytes, and every fragment reads back as the document it was made of."""
    for name in ("one", "other"):
        trees.write(tmp_path / name, 16)
    one, other = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*.*")} for root in tmp_path.iterdir()
    )
    assert one == other
    for path, document in trees.files(16).items():
        assert yaml.safe_load(one[Path("configs") / path]) == document


def test_the_naive_loader_gives_our_values(tmp_path: Path) -> None:
    """Both of its twins: what is slower than we are does the same work."""
    trees.write(tmp_path, 16, "family")
    workspace = opened(tmp_path)
    presets = naive.presets(str(tmp_path))
    assert len(presets) == 16
    for preset in presets:
        ours = plain(workspace.resolve(f"configs/{preset}").values)
        for loader in (yaml.SafeLoader, yaml.CSafeLoader):
            assert naive.load(str(tmp_path / "configs" / preset), loader) == ours


def test_a_translation_names_the_same_bases() -> None:
    """In the order of the preset: hydra's defaults list, the terms of jsonnet, the classes of reclass."""
    document = {"extends": ["../base.yaml", "../components/a/b.yaml"], "x": {"y": [1]}}
    path, text = translations.hydra("train/p.yaml", document)
    assert (path, yaml.safe_load(text)["defaults"]) == (
        "train/p.yaml",
        ["/base@_global_", "/components/a/b@_global_", "_self_"],
    )
    assert translations.jsonnet("train/p.yaml", document) == (
        "train/p.yaml.jsonnet",
        "(import '../base.yaml.jsonnet') + (import '../components/a/b.yaml.jsonnet') + { \"x\"+: { \"y\": [1] } }\n",
    )
    path, text = translations.reclass("train/p.yaml", document)
    assert (path, json.loads(text)) == (
        "nodes/p.yaml",
        {"classes": ["base", "components.a.b"], "parameters": {"x": {"~y": [1]}}},
    )


def test_the_graph_of_the_runners_is_that_of_the_locks(tmp_path: Path) -> None:
    """Each lock depends on its fragments and those of its mix, and on the lock of its mix: as the tasks of doit do."""
    trees.write(tmp_path, 16)
    workspace = opened(tmp_path)
    pipeline.build(workspace)
    graph = runners.graph(tmp_path)
    assert len(graph) == 17
    for source in workspace.everything():
        target = graph[workspace.layout.lock_of(source)]
        assert set(target.sources) == workspace.composer.closure(source, fusion=workspace.is_mix(source))
        mix = None if workspace.is_mix(source) else workspace.composer.mix_named_by(source)
        assert target.mix == (workspace.layout.lock_of(mix) if mix is not None else "")


# ---------------------------------------------------------------------------------------------- measuring


def test_a_ratio_is_the_median_of_pairs() -> None:
    """A round in which the machine was busy counts as one round, for both."""
    one = [measure.Cost(cpu, 1.0, 10.0) for cpu in (1.0, 20.0, 3.0)]
    other = [measure.Cost(cpu, 2.0, 5.0) for cpu in (2.0, 40.0, 2.0)]
    rounds = measure.Rounds({"one": one, "other": other})
    assert [rounds.ratio("one", "other", what) for what in ("cpu", "wall", "memory")] == [0.5, 0.5, 2.0]
    assert rounds.middle("one").cpu == 3.0


def test_commands_are_run_by_turns(tmp_path: Path) -> None:
    """Each once a round, and none of them always first; what comes before a run is done before each."""
    order: list[str] = []
    program = [sys.executable, "-S", "-c", ""]
    commands = [
        measure.Command(name, program, tmp_path, lambda name=name: order.append(name))  # type: ignore[misc]
        for name in ("a", "b")
    ]
    rounds = measure.interleaved(commands, 3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert all(cost.cpu > 0 and cost.memory > 1 for cost in rounds.costs["a"])


def test_a_process_that_fails_is_no_figure(tmp_path: Path) -> None:
    """Its exit code and what it printed are told."""
    command = measure.Command("it", [sys.executable, "-c", "print('no tree'); raise SystemExit(4)"], tmp_path)
    with pytest.raises(measure.Failed, match=r"it: exit code 4, not 0\nno tree"):
        measure.run(command)


def test_a_program_that_is_not_there_is_no_figure(tmp_path: Path) -> None:
    """It is told like any other that does not do its work."""
    with pytest.raises(measure.Failed, match=r"(?s)^it: cannot be run\n.*no_such_program"):
        measure.run(measure.Command("it", [tmp_path / "no_such_program"], tmp_path))


def test_what_a_process_printed_is_given_without_its_messages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It runs as what is measured does: nothing of our Python's environment reaches it."""
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    text = "import os, sys; print('PYTHONWARNINGS' in os.environ); print('aside', file=sys.stderr)"
    assert measure.printed(measure.Command("it", [sys.executable, "-c", text], tmp_path)) == "False\n"


def test_a_script_that_fails_is_told_with_its_messages(tmp_path: Path) -> None:
    """Its name, its exit code, and the traceback that it ended in."""
    with pytest.raises(measure.Failed, match=r"(?s)^proof\.py: exit code 1, not 0\n.*ValueError"):
        bench(tmp_path).script("proof.py", "too", "few")


def test_only_what_tells_failures_starts_processes() -> None:
    """Any other way loses what a process said, and lets our environment into it."""
    starting = [path.name for path in BENCHMARKS.glob("*.py") if "\nimport subprocess" in path.read_text("utf-8")]
    assert sorted(starting) == ["environments.py", "measure.py"]


def test_our_values_are_those_that_a_peer_must_give(tmp_path: Path) -> None:
    """Asked for in one process for all peers, each preset by the path that a peer knows it by."""
    trees.write(tmp_path, 16)
    presets = naive.presets(str(tmp_path))[::5]
    assert sections.ours(bench(tmp_path), tmp_path, presets) == {
        preset: naive.load(str(tmp_path / "configs" / preset), yaml.CSafeLoader) for preset in presets
    }


def test_unequal_values_are_seen() -> None:
    """Types count, the order of keys does not; 1.0 is 1 only as jsonnet has one kind of number."""
    assert sections.typed({"a": [1, True], "b": 2.0}) == sections.typed({"b": 2, "a": [1, True]})
    for other in ({"a": 1}, {"a": "true"}, {"a": [True]}, {"a": None}, {}, {"b": True}):
        assert sections.typed({"a": True}) != sections.typed(other)


# ---------------------------------------------------------------------------------------------- the shares

BUILD = """\
import sys
from compiler.cli import main
code = main(["build"])
print(*(name.removeprefix("compiler.") for name in sys.modules if name.startswith("compiler.")), file=sys.stderr)
sys.exit(code)
"""
"""Builds, and tells the modules that it took."""


def test_the_time_of_every_check_is_time_of_checks() -> None:
    """Whichever module a check lives in: checks that are called something else look cheap, and their caller dear."""
    holding = {check.__module__.removeprefix("compiler.") for one in CHECKS.values() for check in one.functions}
    assert len(holding) > 5
    assert [name for name in sorted(holding) if shares.STAGES.get(f"{name}.py") != "checks"] == []


def test_every_module_of_a_build_has_a_stage(tmp_path: Path) -> None:
    """None is left to whatever called it."""
    trees.write(tmp_path, 16)
    built = subprocess.run([sys.executable, "-c", BUILD], cwd=tmp_path, check=True, capture_output=True, text=True)
    used = built.stderr.splitlines()[-1].split()
    assert "pipeline" in used
    assert [name for name in used if f"{name}.py" not in shares.STAGES] == []


def test_loading_a_module_is_no_work_of_its_stage() -> None:
    """What a module does as it is imported counts as importing; what its functions call belongs to its stage."""
    seen: dict[str, Any] = {"look": lambda: shares.stage_of(sys._getframe())}
    text = "at_import = look()\ndef call():\n    return look()\nin_a_call = call()\n"
    exec(compile(text, "/anywhere/lint.py", "exec"), seen)
    assert (seen["at_import"], seen["in_a_call"]) == ("imports, and the command", "checks")
    assert shares.stage_of(None) == "rest"


# ---------------------------------------------------------------------------------------------- the gate


@pytest.mark.parametrize("bound", bounds.BOUNDS, ids=lambda bound: bound.key)
def test_a_bound_that_is_missed_is_told(bound: bounds.Bound) -> None:
    """Any of them, and one that is just kept is not; slack is for what is measured, never for what is counted."""
    over = bound.bound * 1.01
    assert [line.split(":")[0] for line in bounds.misses({bound.key: over})] == [bound.what]
    assert bounds.misses({bound.key: bound.bound}) == []
    assert bounds.misses({bound.key: bound.bound * 2.1}, 2.0) != []
    assert (bounds.misses({bound.key: over}, 2.0) != []) == bound.exact


def test_what_could_not_be_measured_is_told_and_is_no_miss() -> None:
    """A peer that is missing stands in the table as missing."""
    assert bounds.misses({"cold": None}) == []
    assert "| missing  | not measured |" in results.verdicts({"cold": None})


@pytest.mark.parametrize(("ratio", "code"), [(0.5, 0), (1.5, 0), (2.5, 1)])
def test_the_small_gate_closes_on_a_twofold_miss(
    ratio: float, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says which bound it was; a whole run has no slack."""

    def found(_bench: sections.Bench) -> sections.Found:
        """Nothing to do."""
        return sections.Found({"noop": ratio}, [sections.Table("title", ("head",), [("cell",)])])

    monkeypatch.setattr(environments, "lean", lambda _folder: NOTHING)
    monkeypatch.setattr(environments, "stock", lambda _folder, _doit: NOTHING)
    monkeypatch.setattr(environments, "peers", lambda _folder: NOTHING)
    monkeypatch.setitem(sections.SECTIONS, "nothing", found)
    shared = ["run.py", "--gate", "--only", "nothing", "--work", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [*shared, "--small"])
    assert run.main() == code
    assert ("missed: cpu of `doit`" in capsys.readouterr().err) == bool(code)
    monkeypatch.setattr(sys, "argv", shared)
    assert run.main() == int(ratio > 1)


# ---------------------------------------------------------------------------------------------- the results


def test_the_results_hold_every_promise() -> None:
    """The committed page has a row for each bound, as it is promised now, with what was measured."""
    page = (BENCHMARKS / "RESULTS.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("|")]
    for bound in bounds.BOUNDS:
        found = [row for row in rows if row[0] == bound.what]
        assert len(found) == 1
        assert found[0][3] == bounds.shown(bound.aim)
        assert found[0][2].removeprefix("exactly ") == bounds.shown(bound.bound)


def test_the_page_names_versions_and_what_is_missing(tmp_path: Path) -> None:
    """The machine by its shape, the versions, every table, and each peer that could not be installed."""
    peers = NOTHING._replace(missing={"hydra-core": "no wheel"})
    found = sections.Found({"rewrites": math.inf}, [sections.Table("A table", ("a", "b"), [("1", "22")])])
    page = results.page(found, NOTHING, peers, tmp_path)
    assert "- trainlock 0.1.0, doit 0.37.0\n" in page
    assert f"Python {sys.version_info[0]}.{sys.version_info[1]}" in page
    assert "## A table\n\n| a   | b   |\n| --- | --- |\n| 1   | 22  |\n" in page
    assert "| exactly 1.00 | 1.00 | inf      | missed |" in page
    assert page.endswith("## Missing\n\n- hydra-core: no wheel\n")


def test_every_file_of_the_benchmarks_is_told() -> None:
    """Its page names each, and the README names the page and the results."""
    page = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in BENCHMARKS.glob("*.py") if f"`{path.name}`" not in page] == []
    assert "benchmarks/RESULTS.md" in (BENCHMARKS.parent / "README.md").read_text(encoding="utf-8")
