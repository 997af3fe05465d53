"""Checks of what a run calls itself: a name that states a number states the one that is trained with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from compiler import schema
from compiler.effective import effective
from compiler.problems import Note, Problem
from compiler.values import KeyPath, Node, held_at, show_path

NAMES: Final[tuple[KeyPath, ...]] = (("training", "output_dir"), ("training", "logging_dir"), ("training", "run_name"))
"""The keys that say what a run is called."""

_NUMBER: Final = r"(?P<number>\d+(?:\.\d+)?(?:e[-+]?\d+)?)"
_RATE: Final = r"(?P<number>\d+\.\d+(?:e[-+]?\d+)?|\d+e[-+]?\d+)"
"""A learning rate has a dot or an exponent; the `2` of `lrs_2_1_6` is a shorthand that only its author can read."""

_BATCH: Final = "bs|bsz|batch|batch[_-]?size"
_LR: Final = "lrs?|learning[_-]?rates?"


class _Statement(NamedTuple):
    """A way to state a number in a name, and the keys of which one must hold it."""

    pattern: str
    keys: tuple[KeyPath, ...]


def _statement(words: str, *keys: str, number: str = _NUMBER) -> _Statement:
    paths: list[KeyPath] = [tuple(key.split(".")) for key in keys]
    return _Statement(rf"(?<![A-Za-z0-9])(?:{words})[_=-]?{number}(?![A-Za-z0-9])", tuple(paths))


def _behind(words: str, *keys: str, number: str = _NUMBER) -> _Statement:
    """Make a statement whose number stands before the word, without anything between: `30epochs`."""
    paths: list[KeyPath] = [tuple(key.split(".")) for key in keys]
    return _Statement(rf"(?<![A-Za-z0-9.]){number}(?:{words})(?![A-Za-z0-9])", tuple(paths))


_WORTH_A_LOOK: Final = re.compile(r"ep|lr|rate|bs|batch|temp|generations", re.IGNORECASE)
"""What a name holds that states anything; most hold none of it, and no pattern has to be compiled for them."""


_EPOCHS: Final = "training.num_train_epochs"
_EFFECTIVE, _PER_DEVICE = "training.effective_batch_size", "training.per_device_train_batch_size"
_GENERATED: Final = "rlhf.generation_batch_size"
_RATES: Final = ("training.learning_rate", "training.vit_lr", "training.aligner_lr")

STATEMENTS: Final = (
    _statement("epochs?|ep", _EPOCHS),
    _behind("epochs?|ep", _EPOCHS),
    _statement(rf"vit[_-]?(?:{_LR})", "training.vit_lr", number=_RATE),
    _statement(rf"aligner[_-]?(?:{_LR})", "training.aligner_lr", number=_RATE),
    _statement(rf"llm[_-]?(?:{_LR})", "training.learning_rate", number=_RATE),
    _statement(_LR, *_RATES, number=_RATE),
    _behind(_LR, *_RATES, number=_RATE),
    _statement(rf"(?:eff|effective|global)[_-]?(?:{_BATCH})", _EFFECTIVE),
    _statement(rf"(?:gen|generation)[_-]?(?:{_BATCH})", _GENERATED),
    _statement(rf"(?:per[_-]?device|pd|micro)[_-]?(?:{_BATCH})", _PER_DEVICE),
    _statement(_BATCH, _EFFECTIVE, _PER_DEVICE, _GENERATED),
    _behind(_BATCH, _EFFECTIVE, _PER_DEVICE, _GENERATED),
    _statement("temp|temperature", "rlhf.temperature"),
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
        name = held_at(values, path)
        if name is None or type(name.value) is not str or not _WORTH_A_LOOK.search(name.value):
            continue
        taken: set[int] = set()
        for statement in STATEMENTS:
            for found in re.finditer(statement.pattern, name.value, re.IGNORECASE):
                place = found.start("number")
                if place not in taken:
                    taken.add(place)
                    resolved = {key: value for key in statement.keys if (value := _number(values, key)) is not None}
                    if resolved and float(found["number"]) not in resolved.values():
                        key, value = next(iter(resolved.items()))
                        yield _lie((path, name), found, (key, held_at(values, key), value), source)


def _lie(
    said: tuple[KeyPath, Node], found: re.Match[str], true: tuple[KeyPath, Node | None, float], source: str
) -> Problem:
    """Word a statement that no key makes true: the name, what it says, and the key that says otherwise."""
    (path, name), (key, held, value) = said, true
    is_own = name.origin.file == source
    place, other = (name, held) if is_own or held is None or held.origin.file != source else (held, name)
    offset = found.start("number") - found.start()
    mended = found[0][:offset] + _spelled(value) + found[0][offset + len(found["number"]) :]
    why = f"`{show_path(key)}` is {_spelled(value)}" + ("" if held is not None else ", which is the trainer's own")
    return Problem(
        "false-name",
        f"`{show_path(path)}` says `{found[0]}`, and the run trains otherwise",
        place.origin,
        why=why,
        notes=(Note(other.origin, "sets that" if place is name else "holds the name"),) if other is not None else (),
        hint=f"write `{mended}`, or set `{show_path(key)}` to {found['number']}"
        if is_own
        else f"give this preset a `{show_path(path)}` of its own",
        severity="warning",
    )


def _number(values: Node, key: KeyPath) -> float | None:
    """Give the number that the trainer takes for a key; its own where nothing sets it; None where that is unknown."""
    value: Any = effective(values, key)
    if value is None and held_at(values, key) is None and key[0] == "training":
        value = schema.default_of(str(key[0]), str(key[1]))
    return float(value) if type(value) in (int, float) else None


def _spelled(number: float) -> str:
    """Write a number as names do: `30`, `0.7`, `1e-5`."""
    if number.is_integer() and abs(number) < 1e6:
        return str(int(number))
    head, _, exponent = f"{number:e}".partition("e")
    return f"{head.rstrip('0').rstrip('.')}e{int(exponent)}" if abs(number) < 1e-2 else f"{number:g}"
