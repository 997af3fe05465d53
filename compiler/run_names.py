"""Checks of what a run calls itself: a name that states a number states the one that is trained with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from compiler import schema
from compiler.effective import effective
from compiler.problems import Note, Problem
from compiler.spelling import with_a_dot
from compiler.values import KeyPath, Node, held_at, show_path, under

NAMES: Final[tuple[KeyPath, ...]] = (("training", "output_dir"), ("training", "logging_dir"), ("training", "run_name"))
"""The keys that say what a run is called."""

_COUNT: Final = r"(?P<number>\d{1,5})(?![\d.])"
"""A number of epochs or samples; six digits and more are a date, or count something else."""

_RATE: Final = r"(?P<number>\d{1,3}\.\d{1,9}(?:e[-+]?\d{1,3})?|\d{1,3}e[-+]?\d{1,3})"
"""A learning rate or a temperature has a dot or an exponent: the `2` of `lrs_2_1_6` only its author can read."""

_SIZE: Final = "bs|bsz|batch[_-]?size"
_LR: Final = "lrs?|learning[_-]?rates?"
_EPOCH: Final = "(?:n|num[_-]?)?epochs?|ep"


class _Statement(NamedTuple):
    """A way to state a number in a name, and the keys of which one must hold it."""

    pattern: str
    keys: tuple[KeyPath, ...]


def _statement(words: str, *keys: str, number: str = _COUNT) -> _Statement:
    paths: list[KeyPath] = [tuple(key.split(".")) for key in keys]
    return _Statement(rf"(?<![A-Za-z0-9])(?:{words})[_=:-]?{number}(?![A-Za-z0-9])", tuple(paths))


def _behind(words: str, *keys: str, number: str = _COUNT) -> _Statement:
    """Make a statement whose number stands before the word: `30epochs`."""
    paths: list[KeyPath] = [tuple(key.split(".")) for key in keys]
    behind = rf"(?<![A-Za-z0-9.]){number.replace('(?![0-9.])', '')}[_-]?(?:{words})(?![A-Za-z0-9])(?![_=:-]\d)"
    return _Statement(behind, tuple(paths))


_BEGUN_FROM: Final = re.compile(
    r"(?:from|init|resumed?|ckpt|checkpoint|best|pretrain(?:ed)?|merged?|data|stage\d*)[_-]?$", re.IGNORECASE
)
"""What stands before a number that is not of this run: where it began, or of its data."""

_WORTH_A_LOOK: Final = re.compile(r"ep|lr|rate|bs|batch|temp|generations", re.IGNORECASE)
"""What a name holds that states anything; most hold none of it, and no pattern has to be compiled for them."""


_EPOCHS: Final = "training.num_train_epochs"
_EFFECTIVE, _PER_DEVICE = "training.effective_batch_size", "training.per_device_train_batch_size"
_GENERATED: Final = "rlhf.generation_batch_size"
_RATES: Final = ("training.learning_rate", "training.vit_lr", "training.aligner_lr")

STATEMENTS: Final = (
    _statement(_EPOCH, _EPOCHS),
    _behind("epochs?|ep", _EPOCHS),
    _statement(rf"vit[_-]?(?:{_LR})", "training.vit_lr", number=_RATE),
    _statement(rf"aligner[_-]?(?:{_LR})", "training.aligner_lr", number=_RATE),
    _statement(rf"llm[_-]?(?:{_LR})", "training.learning_rate", number=_RATE),
    _statement(_LR, *_RATES, number=_RATE),
    _behind(_LR, *_RATES, number=_RATE),
    _statement(rf"(?:eff|effective|global)[_-]?(?:{_SIZE}|batch)|[eg]bs", _EFFECTIVE),
    _statement(rf"(?:gen|generation)[_-]?(?:{_SIZE}|batch)", _GENERATED),
    _statement(rf"(?:per[_-]?device|pd|micro)[_-]?(?:{_SIZE}|batch)|mbs", _PER_DEVICE),
    _statement(_SIZE, _EFFECTIVE, _PER_DEVICE, _GENERATED),
    _behind(_SIZE, _EFFECTIVE, _PER_DEVICE, _GENERATED),
    _statement("temp|temperature", "rlhf.temperature", number=_RATE),
    _statement("num[_-]?generations", "rlhf.num_generations"),
)
"""What a name can state; of several that fit one place the first is meant."""


def false_names(values: Node, source: str) -> Iterator[Problem]:
    """A run name or an output path that states a number of training states the one that is trained with.

    Known are epochs, learning rates, batch sizes, temperature and the number of generations. It is told where the
    preset itself wrote the name or the number, else where the name stands.

    Bad:
        training: {num_train_epochs: 3, run_name: epoch_30}

    Good:
        training: {num_train_epochs: 30, run_name: epoch_30}
    """
    for path in NAMES:
        name = under(values, path)
        if name is None or type(name.value) is not str or not _WORTH_A_LOOK.search(name.value):
            continue
        taken: set[int] = set()
        for statement in STATEMENTS:
            for found in re.finditer(statement.pattern, name.value, re.IGNORECASE):
                place = found.start("number")
                if place in taken or _BEGUN_FROM.search(name.value, 0, found.start()):
                    continue
                taken.add(place)
                resolved = _resolved(values, statement.keys)
                if resolved and float(found["number"]) not in resolved.values():
                    key, value = next(iter(resolved.items()))
                    yield _lie((path, name), found, (key, held_at(values, key), value), source)


def _resolved(values: Node, keys: tuple[KeyPath, ...]) -> dict[KeyPath, float]:
    """Give the numbers of which a name may state any; none where what they come to is not decided here.

    Steps may end a run before its epochs do. Where no effective batch is set, what all devices take between two steps
    hangs on how many there are.
    """
    if keys == ((*_EPOCHS.split("."),),) and (_number(values, ("training", "max_steps")) or 0) > 0:
        return {}
    found = {key: number for key in keys if (number := _number(values, key)) is not None}
    effective_batch: KeyPath = tuple(_EFFECTIVE.split("."))
    return {} if len(keys) > 1 and effective_batch in keys and effective_batch not in found else found


def _lie(
    said: tuple[KeyPath, Node], found: re.Match[str], true: tuple[KeyPath, Node | None, float], source: str
) -> Problem:
    """Word a statement that no key makes true: the name, what it says, and the key that says otherwise."""
    (path, name), (key, held, value) = said, true
    # told where the preset itself wrote one of the two, else where the name stands
    place, other = (held, name) if held and held.origin.file == source != name.origin.file else (name, held)
    is_in_reach = name.origin.file == source or held is None or held.origin.file == name.origin.file
    offset = found.start("number") - found.start()
    mended = found[0][:offset] + _spelled(value) + found[0][offset + len(found["number"]) :]
    return Problem(
        "false-name",
        f"`{show_path(path)}` says `{found[0]}`, and `{show_path(key)}` is {_spelled(value)}",
        place.origin,
        why="" if held is not None else "nothing sets the value, so the trainer takes its own",
        notes=(Note(other.origin, "sets the value" if place is name else "holds the name"),)
        if other is not None
        else (),
        hint=f"write `{mended}`, or set `{show_path(key)}` to `{_as_yaml(found['number'])}`"
        if is_in_reach
        else f"give this preset a `{show_path(path)}` of its own",
        severity="warning",
    )


def _number(values: Node, key: KeyPath) -> float | None:
    """Give the number that the trainer takes for a key; its own where nothing sets it; None where that is unknown."""
    value: Any = effective(values, key)
    if value is None and held_at(values, key) is None and key[0] == "training":
        value = schema.default_of(str(key[0]), str(key[1]))
    try:
        return float(value) if type(value) in (int, float) else None
    except OverflowError:
        return None


def _as_yaml(number: str) -> str:
    """Write a number of a name so that YAML reads one."""
    return with_a_dot(number) if "e" in number.lower() else number


def _spelled(number: float) -> str:
    """Write a number as names do: `30`, `0.7`, `1e-5`."""
    if number.is_integer() and abs(number) < 1e6:
        return str(int(number))
    head, _, exponent = f"{number:e}".partition("e")
    return f"{head.rstrip('0').rstrip('.')}e{int(exponent)}" if abs(number) < 1e-2 else f"{number:g}"
