"""What the trainer makes of a resolved preset: values that it rewrites after the merge, each with its rule.

The rules are data, recorded from the project's loader at the refactor and from ms-swift 3.10.3. A rewrite is told as
steps: what takes the place of what was authored, and the key that causes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from compiler.trainer import FLATTENED, NoPlan, held, is_rlhf, written_accumulation
from compiler.values import KeyPath, Node, held_at, node_of, plain


class Step(NamedTuple):
    """One rewrite of a value.

    Attributes:
        value: what the trainer takes from here on.
        rule: the name of the rule.
        cause: the key that causes it.
        node: what that key holds.
    """

    value: Node
    rule: Rule
    cause: KeyPath
    node: Node


class Rule(NamedTuple):
    """A rewrite that the trainer does: its name, what it says, and the code that decides it."""

    name: str
    says: str
    decided_in: str


FORCED_LENGTH: Final = Rule(
    "global-max-length",
    "`global_max_length` takes the place of `template.max_length` and `model.max_model_len`, forces "
    "`template.truncation_strategy` to `raise`, and stands in for a `rlhf.vllm_max_model_len` that is null or not set",
    "src/config/loader.py",
)
LAST_SECTION: Final = Rule(
    "last-section",
    "the sections are flattened in order, and the last that holds a key wins: " + ", ".join(FLATTENED),
    "src/config/loader.py (build_train_arguments)",
)
ACCUMULATION: Final = Rule(
    "effective-batch-size",
    "`training.effective_batch_size` decides the accumulation steps: divided by what all devices take at once, and "
    "rounded up",
    "src/config/loader.py",
)
RULES: Final = (FORCED_LENGTH, LAST_SECTION, ACCUMULATION)
"""Every rewrite that is recorded, in the order in which the trainer does them."""

_LENGTHS: Final[tuple[KeyPath, ...]] = (("template", "max_length"), ("model", "max_model_len"))
_TRUNCATION: Final = ("template", "truncation_strategy")
_ROLLOUT: Final = ("rlhf", "vllm_max_model_len")
_ACCUMULATED: Final = ("training", "gradient_accumulation_steps")

_FORCED: Final[tuple[KeyPath, ...]] = (*_LENGTHS, _TRUNCATION, _ROLLOUT, _ACCUMULATED)
"""What the trainer may set though nobody wrote it."""


def steps(values: Node, path: KeyPath, world_size: int | None = None) -> list[Step]:
    """Give how the trainer rewrites a key of a resolved preset, in order; none where it takes what was authored.

    Args:
        values: the resolved preset.
        path: of the key; it need not be set.
        world_size: devices over all machines, without which accumulation steps are not known.
    """
    return list(_steps(values, path, world_size))


def _steps(values: Node, path: KeyPath, world_size: int | None) -> Iterator[Step]:
    if len(path) != 2 or path[0] not in FLATTENED or type(path[1]) is not str:
        return
    made = _made(values, path, world_size)
    if made is not None:
        yield made
    winner = _last_writer(values, path[1], world_size)
    if winner is None or winner.path == path:
        return
    # what another section holds has been rewritten before it is flattened
    if winner.made is not None:
        yield Step(winner.made.value, LAST_SECTION, winner.path, winner.made.node)
    elif winner.node is not None:
        yield Step(winner.node, LAST_SECTION, winner.path, winner.node)


def _section(values: Node, name: str) -> dict[str, Node]:
    """Give what a section holds; nothing of one that is no mapping."""
    holder = values.value.get(name) if type(values.value) is dict else None
    return holder.value if holder is not None and type(holder.value) is dict else {}


def _made(values: Node, path: KeyPath, world_size: int | None) -> Step | None:
    """Give what the trainer writes into a section before it flattens."""
    length = held_at(values, ("global_max_length",))
    if length is not None and length.value is not None:
        if path in _LENGTHS or (path == _ROLLOUT and is_rlhf(values) and held(values, *_ROLLOUT) is None):
            return Step(length, FORCED_LENGTH, ("global_max_length",), length)
        if path == _TRUNCATION:
            return Step(node_of("raise"), FORCED_LENGTH, ("global_max_length",), length)
    if path != _ACCUMULATED or world_size is None:
        return None
    try:
        written = written_accumulation(values, world_size)
    except NoPlan:
        return None
    if written is None:
        return None
    asked = _section(values, "training")["effective_batch_size"]
    return Step(node_of(written), ACCUMULATION, ("training", "effective_batch_size"), asked)


class _Writer(NamedTuple):
    """A key that becomes an argument: what was authored there, and what the trainer wrote over it."""

    path: KeyPath
    node: Node | None
    made: Step | None


def _last_writer(values: Node, key: str, world_size: int | None) -> _Writer | None:
    """Give the section that writes an argument last, be it by a rewrite; None if no section does."""
    found = None
    for section in FLATTENED:
        if section == "rlhf" and not is_rlhf(values):
            continue
        path = (section, key)
        one = _Writer(path, _section(values, section).get(key), _made(values, path, world_size))
        if one.node is not None or one.made is not None:
            found = one
    return found


def rewritten(values: Node, world_size: int | None = None) -> Iterator[tuple[KeyPath, Node | None, list[Step]]]:
    """Yield every key that the trainer rewrites: its path, what was authored (None if nothing was), and the steps."""
    known: dict[KeyPath, Node | None] = dict.fromkeys(_FORCED)
    for section in FLATTENED:
        known.update({(section, key): node for key, node in _section(values, section).items()})
    for path, node in known.items():
        if path[0] == "rlhf" and not is_rlhf(values):
            continue
        found = steps(values, path, world_size)
        if found and (node is not None or found[0].rule is not LAST_SECTION):
            yield path, node, found


def effective(values: Node, path: KeyPath, world_size: int | None = None) -> Any:
    """Give the plain value that the trainer takes for a key, or None where nothing sets it.

    Of `rlhf` it takes nothing where `rlhf.rlhf_type` is not set.
    """
    found = steps(values, path, world_size)
    if not found and path[:1] == ("rlhf",) and not is_rlhf(values):
        return None
    node = found[-1].value if found else held_at(values, path)
    return plain(node) if node is not None else None
