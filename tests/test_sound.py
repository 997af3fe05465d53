"""sound: what is skipped because its fragments were found sound, and that no problem is lost by it."""

from __future__ import annotations

from typing import Any

import pytest

from builders import Files, composer
from checking import judged
from compiler import trainer_checks
from compiler.problems import in_order
from compiler.sound import Sound
from compiler.values import Node, plain

WORLDS: dict[str, Files] = {
    "sound": {
        "configs/base.yaml": "training: {seed: 17, report_to: [tensorboard], save_strategy: steps}\ncustom: {jsonl: x}",
        "configs/train/p.yaml": "extends: ../base.yaml\ntraining: {seed: 18}",
    },
    "an unknown key of a base": {
        "configs/base.yaml": "training: {sed: 17, learning_rate: 1.0}",
        "configs/train/p.yaml": "extends: ../base.yaml\ntraining: {learning_rate: 2.0}",
    },
    "a wrong value that is overridden": {
        "configs/base.yaml": "training: {seed: often, save_strategy: step}",
        "configs/train/p.yaml": "extends: ../base.yaml\ntraining: {seed: 1}",
    },
    "a wrong item of a list": {
        "configs/base.yaml": "training: {report_to: [tensorboard, 3]}",
        "configs/train/p.yaml": "extends: ../base.yaml\ntuner: {lora_rank: 8}",
    },
    "a section that is null over one that is not": {
        "configs/base.yaml": "training: {seed: 17}",
        "configs/off.yaml": "training: null",
        "configs/train/p.yaml": "extends: [../base.yaml, ../off.yaml]",
    },
    "a section that is a text": {
        "configs/base.yaml": "training: {seed: 17}",
        "configs/train/p.yaml": "extends: ../base.yaml\ntraining: often",
    },
    "an argument of rlhf alone": {
        "configs/base.yaml": "training: {num_generations: 4}",
        "configs/train/p.yaml": "extends: ../base.yaml\ntuner: {lora_rank: 8}",
    },
    "an argument of rlhf alone, in a run of it": {
        "configs/base.yaml": "training: {num_generations: 4}\nrlhf: {beta: 0.1}",
        "configs/kind.yaml": "rlhf: {rlhf_type: grpo}",
        "configs/train/p.yaml": "extends: [../base.yaml, ../kind.yaml]",
    },
    "a number out of range": {
        "configs/base.yaml": "training: {warmup_ratio: 3, seed: 17}",
        "configs/train/p.yaml": "extends: ../base.yaml\ntuner: {lora_rank: 8}",
    },
    "a key below a key": {
        "configs/base.yaml": "custom: {augmentation: {enabled: often}}",
        "configs/train/p.yaml": "extends: ../base.yaml\ncustom: {augmentation: {bypass_prob: 1.0}}",
    },
    "a section that is misspelt": {
        "configs/base.yaml": "trainning: {seed: 17}\nnotes: {a: 1}",
        "configs/train/p.yaml": "extends: ../base.yaml\nglobal_max_length: long",
    },
}


@pytest.mark.parametrize("files", WORLDS.values(), ids=WORLDS)
def test_nothing_is_lost_by_judging_fragments(files: Files) -> None:
    """The problems of a preset are those that looking at each of its values gives, in the same order."""
    resolved = composer(files).preset("configs/train/p.yaml")
    sound = Sound(trainer_checks.is_sound, ("rlhf", "rlhf_type"))
    for _ in range(2):
        rest = sound.rest(resolved.chain, resolved.values)
        assert judged(resolved.values, rest) == judged(resolved.values)


def test_of_sound_fragments_nothing_is_looked_at_again() -> None:
    """And of others what they set, with what its verdict hangs on."""
    sound = Sound(trainer_checks.is_sound, ("rlhf", "rlhf_type"))
    resolved = composer(WORLDS["sound"]).preset("configs/train/p.yaml")
    assert plain(sound.rest(resolved.chain, resolved.values)) == {}
    sound = Sound(trainer_checks.is_sound, ("rlhf", "rlhf_type"))
    resolved = composer(WORLDS["an argument of rlhf alone, in a run of it"]).preset("configs/train/p.yaml")
    rest = plain(sound.rest(resolved.chain, resolved.values))
    assert rest == {"training": {"num_generations": 4}, "rlhf": {"beta": 0.1, "rlhf_type": "grpo"}}


def test_a_fragment_is_judged_once() -> None:
    """However many presets extend it."""
    names = [f"configs/train/p{number}.yaml" for number in range(5)]
    shared = {"configs/base.yaml": "training: {seed: 17}", "configs/mid.yaml": "extends: base.yaml"}
    made = composer({**shared, **dict.fromkeys(names, "extends: ../mid.yaml\ntuner: {lora_rank: 8}")})
    asked: list[Any] = []

    def is_sound(own: Node) -> bool:
        asked.append(plain(own))
        return True

    sound = Sound(is_sound, ("rlhf", "rlhf_type"))
    for name in names:
        resolved = made.preset(name)
        sound.rest(resolved.chain, resolved.values)
    assert asked.count({"training": {"seed": 17}}) == 1
    assert len(asked) == 2 + len(names)


def test_every_world_here_but_the_first_has_a_problem() -> None:
    """A world in which nothing is wrong shows nothing; a value that is overridden is none either."""
    quiet = {
        "sound",
        "an argument of rlhf alone, in a run of it",
        "a section that is null over one that is not",  # `null-override` tells that
    }
    for name, files in WORLDS.items():
        found = in_order(judged(composer(files).preset("configs/train/p.yaml").values))
        assert (found == []) == (name in quiet), name
