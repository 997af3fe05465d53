"""What the trainer's own argument classes refuse, trainlock calls an error, over all arguments; where it is stricter.

Left out where ms-swift is not installed: docs/proof.md says how to run these.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from builders import safe_load
from checking import judged
from compiler import schema
from compiler.schema import kind_of
from compiler.trainer import FLATTENED, NoPlan, plan_rows
from compiler.values import node_of
from loader import Values, arguments
from swift_host import Built, Job, build
from test_combinations import TOGETHER

BASE: Final[Values] = {
    "model": {"model": "m", "torch_dtype": "bfloat16"},
    "data": {"dataset": ["d"], "val_dataset": ["v"]},
    "training": {"per_device_eval_batch_size": 8, "gradient_accumulation_steps": 8},
}
"""A preset that the classes take, on one device and with eight generations."""

SAMPLES: Final = (None, True, 3, 2.5, "text", ["text"], {"a": 1})
"""One value of each kind."""

MORE: Final[tuple[Any, ...]] = (False, -1, 0, "3", "", [], [1], {})
"""More, of the kinds that an argument takes."""

_FILE: Final = "names a file, a module or a model, which must be there"
_JSON: Final = "a text there is JSON, or the path of a file that holds it"
_MACHINE: Final = "asks for a package, a device or an account that is not there"
_NAME: Final = "is one of many names of the trainer's own, which are not recorded"
_DEVICES: Final = "hangs on the number of devices: `trainlock plan` tells it"

BEYOND: Final = {
    **dict.fromkeys(("adapters", "ckpt_dir", "custom_dataset_info", "custom_register_path", "external_plugins"), _FILE),
    **dict.fromkeys(("accelerator_config", "fsdp_config", "lora_modules"), _FILE),
    **dict.fromkeys(("columns", "device_groups", "gradient_checkpointing_kwargs", "lr_scheduler_kwargs"), _JSON),
    **dict.fromkeys(("max_memory", "model_kwargs", "rope_scaling", "teacher_deepspeed"), _JSON),
    **dict.fromkeys(("vllm_engine_kwargs", "vllm_limit_mm_per_prompt"), _JSON),
    **dict.fromkeys(("ddp_backend", "deepspeed", "eval_use_evalscope", "hub_token", "push_to_hub_model_id"), _MACHINE),
    **dict.fromkeys(("tf32", "use_cpu", "use_liger_kernel", "use_mps_device"), _MACHINE),
    **dict.fromkeys(("debug", "fsdp", "model_type"), _NAME),
    **dict.fromkeys(("num_generations", "per_device_eval_batch_size", "steps_per_generation"), _DEVICES),
    "gradient_accumulation_steps": _DEVICES,
}
"""Arguments of which the classes refuse some values that no check of a preset can know to be wrong."""

STRICTER: Final = {
    ("wrong-type", "str"): "it is kept as a text: true, if a boolean was meant, and no number, which fails much later",
    ("wrong-type", "bool"): "it counts as 1 or 0, or as a text that names nothing",
    ("wrong-type", "int"): "a number for a boolean counts as true, and one for a text names nothing",
    ("wrong-type", "float"): "a fraction for a whole number is cut or fails where it is used",
    ("wrong-type", "list"): "nothing looks at it before it is used",
    ("wrong-type", "dict"): "nothing looks at it before it is used",
    ("wrong-type", "null"): "null does not bring back the default, and is used as it is",
    ("wrong-choice", "str"): "only the command line of the trainer looks at these choices, and the loader has none",
    ("wrong-choice", "int"): "the same of numbers",
    ("out-of-range", "int"): "a batch or a number of steps below one is divided by only later",
    ("reward-count", "list"): "the trainer counts them once it is built",
}
"""Where trainlock is stricter than the classes on purpose, by what it tells and the kind of the value."""

ENFORCED: Final = {
    *("advantage_estimator", "bnb_4bit_compute_dtype", "eval_strategy", "hub_strategy", "logging_strategy", "optim"),
    *("lr_scheduler_type", "quant_method", "save_strategy", "task_type", "torch_dtype", "truncation_strategy"),
}
"""Arguments whose choices the classes enforce, be it of GRPO alone."""


class Case(NamedTuple):
    """One value of one argument, in a preset that is fine but for it."""

    key: str
    value: Any
    config: Values

    def told(self) -> list[str]:
        """Give the codes of the errors that trainlock tells."""
        return [one.code for one in judged(node_of(self.config)) if one.severity == "error"]


def with_value(key: str, value: Any, rlhf: Values) -> Case:
    """Give a case with a value at the home of its argument."""
    home = schema.home_of(key)
    return Case(key, value, merged({**BASE, "rlhf": rlhf}, {home if home in FLATTENED else "template": {key: value}}))


def merged(under: Values, over: Values) -> Values:
    """Lay one config on another, section by section."""
    both = {name: {**under[name], **held} for name, held in over.items() if isinstance(under.get(name), dict)}
    return {**under, **over, **both}


def cases() -> list[Case]:
    """Give one of each kind for each argument, more of those kinds that it takes, and each of its choices.

    What any run has is asked of a plain run, and what it takes of GRPO as well; the rest of GRPO alone.
    """
    grpo = {"rlhf_type": "grpo"}
    found = []
    for key, argument in schema.arguments().items():
        taken = [*(one for one in MORE if schema.fits(one, argument.field.kinds)), *argument.field.choices]
        of_any_run = "sft" in argument.defaults
        found += [with_value(key, one, {} if of_any_run else grpo) for one in (*SAMPLES, *taken)]
        if of_any_run:
            taken += [one for one in SAMPLES if schema.fits(one, argument.field.kinds)]
            found += [with_value(key, one, grpo) for one in taken]
    return [one for one in found if one.key != "rlhf_type"]


def asked(some: list[Case], folder: Path) -> list[Built]:
    """Build the real arguments of cases on one device."""
    return build([Job(*arguments(case.config, 1)) for case in some], folder)


@pytest.fixture(scope="module")
def judgements(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Case, str, list[str]]]:
    """Every case, with what the classes refuse it for and what trainlock tells."""
    some = cases()
    found = asked(some, tmp_path_factory.mktemp("values"))
    return [(case, built.refused, case.told()) for case, built in zip(some, found, strict=True)]


def test_what_the_classes_refuse_is_an_error(judgements: list[tuple[Case, str, list[str]]]) -> None:
    """Over all arguments; what no check can know is named, and no name is there for nothing."""
    missed = {(case.key, repr(case.value)): refused for case, refused, told in judgements if refused and not told}
    assert {place: why for place, why in missed.items() if place[0] not in BEYOND} == {}
    assert set(BEYOND) == {key for key, _ in missed}
    assert len({case.key for case, *_ in judgements}) == len(schema.arguments()) - 1


def test_where_trainlock_is_stricter_it_is_so_for_a_reason(judgements: list[tuple[Case, str, list[str]]]) -> None:
    """What the classes take and trainlock does not is of a sort that is named; each sort occurs."""
    strict = {(code, kind_of(case.value)) for case, refused, told in judgements if not refused for code in told}
    assert strict == set(STRICTER)


def test_which_choices_the_classes_enforce(judgements: list[tuple[Case, str, list[str]]]) -> None:
    """The choices of a few arguments are enforced by the classes, those of all others by trainlock alone."""
    enforced = {case.key for case, refused, told in judgements if refused and "wrong-choice" in told}
    assert enforced == ENFORCED


def test_a_key_that_is_no_argument_is_refused_by_both(tmp_path: Path) -> None:
    """Each argument misspelt, and each that only rlhf has in a run without it."""
    keys = [*(f"{key}_" for key in schema.arguments())]
    keys += [key for key, one in schema.arguments().items() if "sft" not in one.defaults and key != "rlhf_type"]
    some = [Case(key, 1, merged(BASE, {"training": {key: 1}})) for key in keys]
    for case, built in zip(some, asked(some, tmp_path), strict=True):
        assert f"unexpected keyword argument '{case.key}'" in built.refused
        assert "unknown-argument" in case.told(), case


NOT_OF_THE_CLASSES: Final = {
    "curriculum-off": "src/sft.py refuses it",
    "deepspeed-config": "src/config/schema.py refuses it",
    "reward-count": "the trainer counts once it is built",
    "chord-config": "src/config/grpo.py and src/sft.py refuse it",
}
"""What is told of keys that do not fit together, and decided elsewhere than in the argument classes."""


def plan_refuses(case: Case) -> bool:
    """Say whether the plan tells that the trainer would not start on one device."""
    try:
        return bool(plan_rows(node_of(case.config), [1])[0].refused)
    except NoPlan:
        return True


def test_what_does_not_fit_together_is_refused_by_both(tmp_path: Path) -> None:
    """Each planted combination of tests/test_combinations.py, wrong ones and right ones."""
    some = [Case("", text, merged(BASE, safe_load(text))) for text, _ in TOGETHER]
    seen = set()
    for case, built in zip(some, asked(some, tmp_path), strict=True):
        told = set(case.told())
        starts = told <= set(NOT_OF_THE_CLASSES) and not plan_refuses(case)
        assert (built.refused == "") is starts, (case, built.refused)
        seen |= told
    assert set(NOT_OF_THE_CLASSES) < seen
