"""Checks of what must fit together in a resolved preset: keys of which each alone is fine, and the trainer refuses all.

A check judges and never repairs. Each is a function with an example that is its test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from compiler.effective import effective, steps
from compiler.emitter import shown
from compiler.problems import Note, Problem
from compiler.trainer import DEFAULT_GENERATIONS, MIN_GENERATIONS, argument, arguments, evaluates, held, is_grpo
from compiler.values import Node, under

_STOPS: Final = "the trainer stops with an error"


def curriculum_off(values: Node) -> Iterator[Problem]:
    """A curriculum needs augmentation: the trainer refuses one that is set while augmentation is off (src/sft.py).

    Bad:
        custom: {augmentation: {enabled: false}, augmentation_curriculum: {phases: []}}

    Good:
        custom: {augmentation: {enabled: false}, augmentation_curriculum: null}
    """
    curriculum = under(values, ("custom", "augmentation_curriculum"))
    if curriculum is None or curriculum.value is None:
        return
    enabled = under(values, ("custom", "augmentation", "enabled"))
    augmentation = under(values, ("custom", "augmentation"))
    off = enabled if enabled is not None and enabled.value is False else None
    if off is None and augmentation is not None and augmentation.value is None:
        off = augmentation
    if off is not None:
        yield Problem(
            "curriculum-off",
            "`custom.augmentation_curriculum` is set, and augmentation is off",
            curriculum.origin,
            why=_STOPS,
            notes=(Note(off.origin, "turns augmentation off"),),
            hint="write `augmentation_curriculum: null`, or turn augmentation on",
        )


def deepspeed_config(values: Node) -> Iterator[Problem]:
    """Deepspeed that is enabled needs a config (the project's src/config/schema.py).

    Bad:
        deepspeed: {enabled: true}

    Good:
        deepspeed: {enabled: true, config: zero2}
    """
    section = under(values, ("deepspeed",))
    if section is None or type(section.value) is not dict:
        return
    enabled, config = section.value.get("enabled"), section.value.get("config")
    why = "the project stops with an error"
    if enabled is None:
        message = "`deepspeed` does not say whether it is enabled"
        hint = "write `enabled: true` or `enabled: false` there"
        yield Problem("deepspeed-config", message, section.origin, why=why, hint=hint)
    elif enabled.value is True and (config is None or config.value is None or config.value == ""):
        place, hint = config or enabled, "name one, such as `config: zero2`, or write `enabled: false`"
        message = "deepspeed is enabled, and has no config"
        yield Problem("deepspeed-config", message, place.origin, why=why, hint=hint)


def rewards(values: Node) -> Iterator[Problem]:
    """Every reward function of GRPO has one weight (the project's src/config/grpo.py, ms-swift's grpo_trainer.py).

    Where a reward model is set nothing is counted: the trainer gives it a weight, too.

    Bad:
        rlhf: {rlhf_type: grpo, reward_funcs: [a, b], reward_weights: [1.0]}

    Good:
        rlhf: {rlhf_type: grpo, reward_funcs: [a, b], reward_weights: [1.0, 2.0]}
    """
    if not is_grpo(values):
        return
    functions, weights, model = (argument(values, f"reward_{key}") for key in ("funcs", "weights", "model"))
    if weights is None or type(weights.value) is not list:
        return
    if (model is not None and model.value) or (
        functions is not None and type(functions.value) not in (list, type(None))
    ):
        return
    count = len(functions.value) if functions is not None and functions.value else 0
    if len(weights.value) != count:
        yield Problem(
            "reward-count",
            f"{_counted(count, 'reward function')} and {_counted(len(weights.value), 'weight')} do not match",
            weights.origin,
            why=_STOPS,
            notes=(Note(functions.origin, "lists the functions"),) if functions is not None else (),
            hint="give each function one weight, in the same order"
            if count
            else "list the functions in `reward_funcs`",
        )


def chord(values: Node) -> Iterator[Problem]:
    """CHORD mixes SFT into GRPO, and needs both GRPO and ZeRO stage 3 or none (the project's grpo.py and src/sft.py).

    Bad:
        rlhf: {rlhf_type: grpo}
        deepspeed: {enabled: true, config: zero2}
        custom: {grpo: {chord: {enabled: true}}}

    Good:
        rlhf: {rlhf_type: grpo}
        deepspeed: {enabled: true, config: zero3}
        custom: {grpo: {chord: {enabled: true}}}
    """
    enabled = under(values, ("custom", "grpo", "chord", "enabled"))
    if enabled is None or enabled.value is not True:
        return
    kind = under(values, ("rlhf", "rlhf_type"))
    if kind is None or kind.value != "grpo":
        notes = (Note(kind.origin, "sets another"),) if kind is not None else ()
        message, hint = (
            "`custom.grpo.chord` is enabled, and `rlhf.rlhf_type` is not `grpo`",
            "set it, or write `enabled: false`",
        )
        yield Problem("chord-config", message, enabled.origin, why=_STOPS, notes=notes, hint=hint)
    config = under(values, ("deepspeed", "config"))
    stage = _stage(config) if held(values, "deepspeed", "enabled") is True and config is not None else None
    if stage in (1, 2) and config is not None:
        yield Problem(
            "chord-config",
            f"`custom.grpo.chord` is enabled, and DeepSpeed partitions by ZeRO stage {stage}",
            enabled.origin,
            why=_STOPS,
            notes=(Note(config.origin, "sets the stage"),),
            hint="take stage 3, such as `config: zero3`, or write `enabled: false`",
        )


def _stage(config: Node) -> int | None:
    """Give the ZeRO stage of a DeepSpeed config; None where it cannot be told without reading a file."""
    named = {f"zero{stage}{tail}": stage for stage in range(4) for tail in ("", "_offload")}
    if type(config.value) is str:
        return named.get(config.value)
    stage = held(config, "zero_optimization", "stage")
    return stage if type(stage) is int else None


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def batches(values: Node) -> Iterator[Problem]:
    """The batch of GRPO holds whole groups of generations (the project's src/config/grpo.py, trl's grpo_config.py).

    Where `num_generations` is not set it is the trainer's own. A group is of two at least, and the batch is set either
    by its size or by its steps.

    Bad:
        rlhf: {rlhf_type: grpo, generation_batch_size: 24, num_generations: 5}

    Good:
        rlhf: {rlhf_type: grpo, generation_batch_size: 24, num_generations: 4}
    """
    if not is_grpo(values):
        return
    batch, passes, group = (
        argument(values, key) for key in ("generation_batch_size", "steps_per_generation", "num_generations")
    )
    number = DEFAULT_GENERATIONS if group is None else group.value
    if group is not None and type(number) is int and number < MIN_GENERATIONS:
        message = f"`num_generations` is {number}, and GRPO compares {MIN_GENERATIONS} at least"
        yield Problem("grpo-batch", message, group.origin, why=_STOPS)
    if batch is None or type(batch.value) is not int:
        return
    if passes is not None and passes.value is not None:
        yield Problem(
            "grpo-batch",
            "`generation_batch_size` and `steps_per_generation` are both set",
            batch.origin,
            why="the trainer stops with an error: each follows from the other",
            notes=(Note(passes.origin, "sets the steps"),),
            hint="take one of them out, or set it to null",
        )
    if type(number) is int and number > 0 and batch.value % number:
        less = batch.value - batch.value % number
        fits = f"`{less}` or `{less + number}`" if less > 0 else f"`{number}`"
        yield Problem(
            "grpo-batch",
            f"`generation_batch_size` {batch.value} is no multiple of `num_generations` {number}",
            batch.origin,
            why="the trainer stops with an error: it compares whole groups of generations",
            notes=(Note(group.origin, "sets the generations"),) if group is not None else (),
            hint=f"write {fits}"
            + ("" if group is not None else "; `num_generations` is the trainer's own, as it is not set"),
        )


def truncations(values: Node) -> Iterator[Problem]:
    """GRPO shortens a prompt that is too long, or drops it (ms-swift's rlhf_args.py).

    `global_max_length` forces another strategy, but for one that `rlhf` holds.

    Bad:
        global_max_length: 9000
        rlhf: {rlhf_type: grpo}

    Good:
        global_max_length: 9000
        rlhf: {rlhf_type: grpo, truncation_strategy: delete}
    """
    if not is_grpo(values):
        return
    key = ("template", "truncation_strategy")
    strategy, made = effective(values, key), steps(values, key)
    cause = made[-1].node if made else under(values, key)
    if cause is None or strategy not in ("right", "raise"):
        return
    forced = "`global_max_length` forces it, and " if cause.value != strategy else ""
    message = f"`truncation_strategy` is `{strategy}`, and GRPO takes `left` or `delete`"
    hint = "write `truncation_strategy: delete` below `rlhf`, which wins over every other section"
    yield Problem("grpo-truncation", message, cause.origin, why=forced + _STOPS, hint=hint)


class Partner(NamedTuple):
    """An argument that the trainer takes only together with another.

    Attributes:
        key: the argument.
        asks: says of its value whether it needs the other.
        needs: the others, of which one is enough, each with the values that will do; with none, any will. Where there
            are no others it is not taken at all.
        is_of_grpo: asked only of GRPO.
    """

    key: str
    asks: Callable[[Any], bool]
    needs: dict[str, tuple[Any, ...]]
    is_of_grpo: bool = False


_FLASH: Final = ("flash_attn", "flash_attention_2", "flash_attention_3")
_SERVED: Final = {"vllm_mode": ("server",), "vllm_server_host": (), "vllm_server_base_url": ()}
_NOTHING: Final[tuple[Any, ...]] = (None, "", [], {})

PARTNERS: Final = (
    # swift/llm/argument/base_args: data_args.py, quant_args.py; swift/llm/model/register.py
    Partner("dataset", lambda value: value in ("", []), {"cached_dataset": ()}),
    Partner("quant_method", lambda value: value in ("bnb", "hqq", "eetq", "quanto"), {"quant_bits": ()}),
    Partner("task_type", lambda value: value == "seq_cls", {"num_labels": ()}),
    # swift/llm/argument/train_args.py: evaluation follows saving where it is not set, and knows no `best`
    Partner("packing", lambda value: value is True, {"attn_impl": _FLASH}),
    Partner("padding_free", lambda value: value is True, {"attn_impl": _FLASH}),
    Partner("save_strategy", lambda value: value == "best", {"eval_strategy": ()}),
    # swift/llm/argument/rlhf_args.py, swift/trainers/rlhf_arguments.py
    Partner("async_generate", lambda value: value is True, _SERVED, True),
    Partner("ref_model", lambda value: value is not None, {"train_type": ("full",), "beta": (0.0,)}),
    Partner("cached_dataset", lambda value: value not in _NOTHING, {}, True),
    Partner("vllm_reasoning_parser", lambda value: value is not None, {}, True),
)
"""Which argument needs which, and which GRPO never takes."""


_OF_ALL: Final = tuple(partner for partner in PARTNERS if not partner.is_of_grpo)


def partners(values: Node) -> Iterator[Problem]:
    """An argument that needs another has it.

    Bad:
        quantization: {quant_method: bnb}

    Good:
        quantization: {quant_method: bnb, quant_bits: 4}
    """
    flat = arguments(values)
    for partner in PARTNERS if is_grpo(values) else _OF_ALL:
        node = flat.get(partner.key)
        if node is None or not partner.asks(node.value):
            continue
        found = ((flat.get(key), taken) for key, taken in partner.needs.items())
        if any(
            other is not None and other.value not in _NOTHING and (not taken or other.value in taken)
            for other, taken in found
        ):
            continue
        needs = " or ".join(_needed(key, taken) for key, taken in partner.needs.items())
        message = f"`{partner.key}` is {shown(node)}, and " + (f"needs {needs}" if needs else "GRPO takes none")
        yield Problem("missing-partner", message, node.origin, why=_STOPS)


def _needed(key: str, taken: tuple[Any, ...]) -> str:
    return f"`{key}`" + (" to be " + ", ".join(f"`{value}`" for value in taken) if taken else "")


def precisions(values: Node) -> Iterator[Problem]:
    """A run has one kind of half precision, `fp16` or `bf16`, not both (transformers' training_args.py).

    One that is not set follows `torch_dtype`: `bf16` is on for `bfloat16`, `fp16` for the others (ms-swift's
    model_args.py).

    Bad:
        model: {torch_dtype: bfloat16}
        training: {fp16: true}

    Good:
        model: {torch_dtype: bfloat16}
        training: {bf16: true}
    """
    dtype = argument(values, "torch_dtype")
    follows = {"float16": "fp16", "float32": "fp16", "bfloat16": "bf16"}
    said, turned_on = [], []
    for key in ("fp16", "bf16"):
        node = argument(values, key)
        if node is not None and node.value is True:
            said.append(node)
        elif (node is None or node.value is None) and dtype is not None and follows.get(str(dtype.value)) == key:
            turned_on.append(dtype)
    on = [*said, *turned_on]
    if len(on) > 1:
        note = Note(on[1].origin, f"turns the other on{', as it is not set' if turned_on else ''}")
        hint = "switch one of them off, with `false`"
        yield Problem(
            "precision-clash", "`fp16` and `bf16` are both on", on[0].origin, why=_STOPS, notes=(note,), hint=hint
        )


DEFAULT_SAVE_STEPS: Final = 500
"""`save_steps` where it is not set (transformers' training arguments)."""


def best_models(values: Node) -> Iterator[Problem]:
    """The best model can be loaded in the end where a run saves when it evaluates (transformers' training_args.py).

    Bad:
        data: {dataset: [a], val_dataset: [b]}
        training: {load_best_model_at_end: true, save_strategy: epoch, eval_strategy: steps}

    Good:
        data: {dataset: [a], val_dataset: [b]}
        training: {load_best_model_at_end: true, save_strategy: steps, eval_strategy: steps}
    """
    node = argument(values, "load_best_model_at_end")
    if node is None or node.value is not True:
        return
    save = _or(argument(values, "save_strategy"), "steps")
    evaluated = _or(argument(values, "eval_strategy"), save) if evaluates(values) else "no"
    if save == "best":
        return
    hint = "give both the same strategy, or save by `best`"
    if evaluated != save:
        message = f"`load_best_model_at_end` is set, and a run saves by `{save}` and evaluates by `{evaluated}`"
        yield Problem("best-model", message, node.origin, why=_STOPS, hint=hint)
        return
    saved_each = _or(argument(values, "save_steps"), DEFAULT_SAVE_STEPS)
    evaluated_each = _or(argument(values, "eval_steps"), saved_each)
    if save == "steps" and not _is_multiple(saved_each, evaluated_each):
        message = f"`load_best_model_at_end` is set, and `save_steps` {saved_each} is no multiple of {evaluated_each}"
        hint = "evaluate at each step at which it saves"
        yield Problem("best-model", f"{message}, the `eval_steps`", node.origin, why=_STOPS, hint=hint)


def _is_multiple(number: Any, of: Any) -> bool:
    """Say whether steps are a multiple of others, as the trainer does; two shares of all steps up to a millionth."""
    if type(number) not in (int, float) or type(of) not in (int, float) or of <= 0:
        return True  # left to the checks of types and ranges
    try:
        return bool(number % of == 0 or (number < 1 and of < 1 and (number * 1_000_000) % (of * 1_000_000) == 0))
    except OverflowError:  # steps too many for a number with a fraction
        return False


def _or(node: Node | None, default: Any) -> Any:
    return default if node is None or node.value is None else node.value
