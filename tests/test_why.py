"""why: a value, its place, and everything that it overrode."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from builders import Files, project, worded
from builds import WORLD
from compiler.pipeline import why
from compiler.problems import Invalid, UsageError
from compiler.values import plain


def answer(files: Files, key: str, tmp_path: Path) -> list[str]:
    """Ask why, and give the value with its place and each that it overrode."""
    found = why(project(tmp_path, files), "configs/train/p.yaml", key)
    told = [f"{plain(found.node)!r} {found.node.origin}"]
    return [*told, *(f"{lost.path} {plain(lost.value)!r} {lost.origin}" for lost in found.overrode)]


LAYERS: Files = {
    "configs/a.yaml": "tuner: {rank: 8, x: 1}\nops: [{p: 0.1}]\n",
    "configs/b.yaml": "tuner: null\n",
    "configs/c.yaml": "tuner: {rank: 16}\nops: [{p: 0.2}]\n",
    "configs/train/p.yaml": "extends: [../a.yaml, ../b.yaml, ../c.yaml]\ntuner:\n  rank: 32\n",
}


def test_why_tells_the_value_its_place_and_everything_overridden(tmp_path: Path) -> None:
    """Latest first, a null that masked the mapping included."""
    assert answer(LAYERS, "tuner.rank", tmp_path) == [
        "32 configs/train/p.yaml:3:3",
        "tuner.rank 16 configs/c.yaml:1:9",
        "tuner None configs/b.yaml:1:1",
        "tuner.rank 8 configs/a.yaml:1:9",
    ]
    assert answer(LAYERS, "ops[0].p", tmp_path) == [
        "0.2 configs/c.yaml:2:8",
        "ops[0].p 0.1 configs/a.yaml:2:8",
    ]


@pytest.mark.parametrize("lost", ["false", "3", "[1]"])
def test_why_tells_what_a_mapping_took_the_place_of(tmp_path: Path, lost: str) -> None:
    """Whatever cut off what is below it, as a null does; a mapping that does not hold the key cuts nothing off."""
    files = {
        **LAYERS,
        "configs/b.yaml": f"tuner: {lost}\n",
        "configs/c.yaml": "tuner: {x: 16}\nops: [{p: 0.2}]\n",
    }
    assert answer(files, "tuner.rank", tmp_path) == [
        "32 configs/train/p.yaml:3:3",
        f"tuner {yaml.safe_load(lost)!r} configs/b.yaml:1:1",
        "tuner.rank 8 configs/a.yaml:1:9",
    ]


def test_why_follows_an_entry_by_its_name_through_lists_of_other_lengths(tmp_path: Path) -> None:
    """What `sources[b].ratio` overrode is b's, wherever b stood, and never another entry's."""

    def source(name: str, ratio: float) -> str:
        return f"{{name: {name}, dataset: {name}, train_jsonl: x, ratio: {ratio}}}"

    target = "targets: [{dataset: t, train_jsonl: t}]"
    files = {
        "configs/fusion/base.yaml": f"{target}\nsources: [{source('a', 1)}, {source('b', 2)}]",
        "configs/fusion/mid.yaml": "extends: base.yaml\nsources: []",
        "configs/fusion/m.yaml": f"extends: mid.yaml\nsources: [{source('b', 3)}]",
        "configs/train/p.yaml": "fusion: configs/fusion/m.yaml",
    }
    told = answer(files, "sources[b].ratio", tmp_path)
    assert told[0] == "3 configs/fusion/m.yaml:2:49"
    assert any(line.startswith("sources[b].ratio 2 configs/fusion/base.yaml:2:") for line in told)
    assert not any(" 1 " in line for line in told)


def test_why_answers_of_the_mix_and_of_its_path(tmp_path: Path) -> None:
    """A key of the mix is found through the preset; the path itself shows source and lock."""
    made = project(tmp_path, WORLD)
    found = why(made, "configs/train/p.yaml", "targets[a].dataset")
    assert (found.document, plain(found.node), str(found.node.origin)) == (
        "configs/fusion/m.yaml",
        "d",
        "configs/fusion/m.yaml:1:21",
    )
    found = why(made, "configs/train/p.yaml", "fusion")
    assert (plain(found.node), found.lock_value) == ("configs/fusion/m.yaml", "build/fusion/m.lock.yaml")
    assert why(made, "configs/train/p.yaml", "lr").lock_value is None
    assert why(made, "configs/train/p.yaml", "fusion:targets").document == "configs/fusion/m.yaml"


def test_why_of_an_unknown_key_says_what_masked_it(tmp_path: Path) -> None:
    """A key that is not set is told with the nearest, and with what took it away."""
    made = project(tmp_path, LAYERS)
    with pytest.raises(UsageError) as caught:
        why(made, "configs/train/p.yaml", "tuner.rnk")
    assert worded(caught.value.problems, {}) == (
        "error: `tuner.rnk` is not set in `configs/train/p.yaml` [unknown-key]\n  hint: did you mean `tuner.rank`?"
    )
    with pytest.raises(UsageError) as caught:
        why(made, "configs/train/p.yaml", "tuner.x")
    assert "configs/a.yaml:1:18 held `1`" in worded(caught.value.problems, {})


def test_why_of_a_preset_that_does_not_compile_is_its_problems(tmp_path: Path) -> None:
    """There is no half answer."""
    made = project(tmp_path, {"configs/train/p.yaml": "x: 1\nextends: gone.yaml"})
    with pytest.raises(Invalid, match="does not exist"):
        why(made, "configs/train/p.yaml", "x")
