"""What trainlock says of the trainer is what the trainer's own argument classes hold, compute and refuse.

Left out where ms-swift is not installed: docs/proof.md says how to run these.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from builders import typed
from compiler import schema
from compiler.effective import effective, rewritten
from compiler.trainer import FLATTENED, WORLD_SIZES, PlanRow, plan_rows
from compiler.values import Node, node_of, plain
from documents import legacy_presets, shipped_presets
from loader import OWN, Values, arguments
from swift_host import MODEL, Built, Job, build

REASONS: Final = {
    r"num_generations \d+ is less than 2": r"GRPO requires at least 2 generations",
    r"generation_batch_size and steps_per_generation are both set": r"can not be both configured",
    r"the \d+ generated at once are no multiple": r"generation_batch_size \(\d+\) must be divisible by num_generations",
    r"generation_batch_size \d+ is no multiple of num_gen": r"generation_batch_size .* divisible by num_generations",
    r"generation_batch_size \d+ is no multiple of the": r"generation_batch_size .* divisible by the global batch size",
    r"the \d+ evaluated at once are no multiple": r"global eval batch size .* divisible by num_generations",
}
"""What a plan says of a refusal, and what the classes say of it; they stop at the first."""

MADE_OVER: Final = {
    "model": f"it is a {MODEL} of these tests",
    "output_dir": "made absolute, and a version appended",
    "logging_dir": "made absolute",
}
"""Authored values that the classes write otherwise, apart from the rewrites that trainlock tells."""

INNER_ALONE: Final = {"dataloader_pin_memory": "there is no memory to pin without a GPU"}
"""The same of the arguments that the training loop is given."""


@cache
def everything() -> dict[str, Node]:
    """Give the values of every shipped preset, and of every legacy record of one."""
    return {**shipped_presets(), **{f"legacy/{path}": values for path, values in legacy_presets().items()}}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], Built]:
    """The real arguments of every preset, on one to sixteen devices."""
    asked = [(name, size) for name in everything() for size in WORLD_SIZES]
    jobs = [Job(*arguments(plain(everything()[name]), size), size) for name, size in asked]
    return dict(zip(asked, build(jobs, tmp_path_factory.mktemp("presets")), strict=True))


def disagreements(row: PlanRow, built: Built) -> Iterator[str]:
    """Say where a row of a plan is not what the classes compute, or refuse."""
    if not built.refused:
        inner = built.inner
        computed = (
            inner["per_device_train_batch_size"],
            inner["world_size"],
            inner["gradient_accumulation_steps"],
        )
        if row.refused:
            yield f"it starts, and the plan says {row.refused}"
        if computed != row.plan[:3]:
            yield f"it computes {computed}, and the plan says {row.plan[:3]}"
        return
    told = [by for says, by in REASONS.items() for reason in row.refused if re.match(says, reason)]
    if not any(re.search(by, built.refused) for by in told):
        yield f"it refuses with {built.refused!r}, and the plan says {row.refused}"


def test_a_disagreement_is_seen() -> None:
    """Another number, a start where none is told, a refusal where none is told, or for another reason."""
    config = {"rlhf": {"rlhf_type": "grpo", "num_generations": 4}}
    held = {"per_device_train_batch_size": 1, "world_size": 2, "gradient_accumulation_steps": 2}
    starts, wrong = Built("", {}, held), Built("", {}, {**held, "gradient_accumulation_steps": 3})
    refused = Built("ValueError: generation_batch_size (2) must be divisible by num_generations (4).", {}, {})
    other = Built("ValueError: something else", {}, {})
    two = node_of({**config, "training": {"gradient_accumulation_steps": 2}})
    one = node_of({**config, "training": {"gradient_accumulation_steps": 1}})
    found = [
        [len(list(disagreements(plan_rows(values, [2])[0], built))) for built in (starts, wrong, refused, other)]
        for values in (two, one)
    ]
    assert found == [[0, 1, 1, 1], [2, 2, 0, 1]]


def test_there_is_something_to_compare(real: dict[tuple[str, int], Built]) -> None:
    """Every preset of both trees is there, and each starts with some number of devices."""
    assert len(everything()) > 20
    assert any(name.startswith("legacy/") for name in everything())
    assert {name for (name, _), built in real.items() if not built.refused} == set(everything())
    assert any(built.refused for built in real.values())


def test_the_plan_is_what_the_classes_compute_and_refuse(real: dict[tuple[str, int], Built]) -> None:
    """Of every preset on one to sixteen devices: what a step sees, whether it starts, and why not."""
    found = {
        (name, size): told
        for (name, size), built in real.items()
        if (told := list(disagreements(plan_rows(everything()[name], [size])[0], built)))
    }
    assert found == {}


def test_effective_values_are_what_the_classes_hold(real: dict[tuple[str, int], Built]) -> None:
    """Every argument that a preset authors or trainlock tells a rewrite of, wherever the preset starts."""
    compared = set()
    for (name, size), built in real.items():
        if built.refused:
            continue
        values = everything()[name]
        authored = {
            (section, key) for section in FLATTENED for key in plain(values).get(section) or {} if key not in OWN
        }
        told = {path for path, _, _ in rewritten(values, size)}
        for section, key in authored | told:
            expected = effective(values, (section, key), size)
            for holds, apart in ((built.outer, {}), (built.inner, INNER_ALONE)):
                if key in holds and key not in MADE_OVER and key not in apart:
                    assert typed(holds[key]) == typed(expected), (name, size, section, key)
            assert key in built.outer, (name, size, section, key)
            compared.add(key)
    assert len(compared) > 80
    assert {*MADE_OVER, *INNER_ALONE} <= compared


def test_values_that_are_made_over_are_so_for_their_reason(real: dict[tuple[str, int], Built]) -> None:
    """No excuse covers more than it says, and none outlives its cause."""
    starts = {name: built for (name, _), built in real.items() if not built.refused}
    for name, built in starts.items():
        assert built.outer["model"] == MODEL
        for key in ("output_dir", "logging_dir"):
            assert built.outer[key] == effective(everything()[name], ("training", key)).removeprefix("./")
    assert {built.inner["dataloader_pin_memory"] for built in starts.values()} == {False}


# ---------------------------------------------------------------------------------------------- batches


def drawn(count: int) -> list[tuple[Values, int]]:
    """Give configs in which everything that a batch hangs on is set, or not, in one section or another."""
    chance = random.Random(17)

    def some(**of: list[Any]) -> Values:
        chosen = {key: chance.choice(values) for key, values in of.items()}
        return {key: value for key, value in chosen.items() if value != "unset"}

    found = []
    for _ in range(count):
        data = {"dataset": ["d"]} | some(
            val_dataset=["unset", [], ["v"]],
            split_dataset_ratio=["unset", 0.0, 0.1],
            eval_dataset=["unset", "unset", ["e"]],
            streaming=["unset", False, True],
        )
        training = some(
            per_device_train_batch_size=["unset", 1, 2, 3, 4],
            per_device_eval_batch_size=["unset", 1, 2, 4],
            effective_batch_size=["unset", "unset", None, 8, 12, 24, 32],
            gradient_accumulation_steps=["unset", "unset", None, 1, 2, 6],
            eval_strategy=["unset", None, "no", "steps"],
            save_strategy=["unset", "no", "steps"],
            max_steps=[9],
        )
        rlhf = some(
            rlhf_type=["grpo", "grpo", "grpo", "dpo", None],
            num_generations=["unset", 1, 2, 4, 6],
            generation_batch_size=["unset", None, 8, 12, 24],
            steps_per_generation=["unset", "unset", None, 2, 3],
        )
        if rlhf["rlhf_type"] is not None:
            for key, here in (("num_generations", rlhf), ("per_device_train_batch_size", training)):
                if key in here and chance.random() < 0.3:
                    chance.choice([data, rlhf, training])[key] = here[key] + 1
            rlhf |= some(gradient_accumulation_steps=[*["unset"] * 5, None, 5])
        config = {"model": {"model": "m"}, "data": data, "training": training, "rlhf": rlhf}
        found.append((config, chance.choice([1, 2, 3, 4, 5, 6, 8, 12, 16])))
    return found


def test_any_plan_is_what_the_classes_compute_and_refuse(tmp_path: Path) -> None:
    """Whatever is set and in whichever section; each reason to refuse occurs."""
    cases = drawn(500)
    found = build([Job(*arguments(config, size), size) for config, size in cases], tmp_path)
    for (config, size), built in zip(cases, found, strict=True):
        assert list(disagreements(plan_rows(node_of(config), [size])[0], built)) == [], (config, size)
    seen = "\n".join(built.refused for built in found)
    assert [by for by in REASONS.values() if not re.search(by, seen)] == []
    assert sum(not built.refused for built in found) > 100


# ---------------------------------------------------------------------------------------------- defaults

MEANT: Final = {
    "init_weights": "its text becomes the boolean that it names",
    "use_cpu": "set by these tests",
}
"""Defaults that the classes hold otherwise at once."""

MEANT_INNER: Final = {
    **MEANT,
    "dataloader_pin_memory": "there is no memory to pin without a GPU",
    "debug": "a text of options becomes their list",
    "include_num_input_tokens_seen": "false becomes the name that it means",
    "local_rank": "that of this process",
    "remove_unused_columns": "the trainer switches it off, as it has columns of its own",
}
"""The same of the arguments that the training loop is given."""


def test_the_recorded_defaults_are_what_the_classes_hold(tmp_path: Path) -> None:
    """Of a run that sets nothing but its model and its dataset: every recorded default, but for those named."""
    given = {"model": "m", "dataset": ["d"]}
    jobs = {trainer: Job(trainer, given) for trainer in ("sft", "rlhf")}
    for trainer, built in zip(jobs, build(jobs.values(), tmp_path), strict=True):
        assert built.refused == ""
        defaults = {key: one.defaults[trainer] for key, one in schema.arguments().items() if trainer in one.defaults}
        known = {key: value for key, value in defaults.items() if value is not None}
        assert set(defaults) <= set(built.outer)
        outer = {key for key, value in known.items() if typed(built.outer[key]) != typed(value)}
        inner = {key for key in known if key in built.inner and typed(built.inner[key]) != typed(known[key])}
        assert (outer, inner - {"init_weights"}) == (set(MEANT), set(MEANT_INNER) - {"init_weights"})
