"""Checks of a resolved mix against what the project takes: keys of a fusion config and of its entries, types, choices.

A check judges and never repairs. Each is a function with an example that is its test.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler import schema
from compiler.problems import Problem, Severity, nearest
from compiler.trainer_checks import choice_problems, type_problems
from compiler.values import EntryName, KeyPath, Node, entry_name, show_path


def unknown_keys(mix: Node) -> Iterator[Problem]:
    """A fusion config holds `targets` and `sources`, and an entry the keys that the project reads.

    A key that is like none that is known is a warning: an entry may hold what another version reads.

    Bad:
        targets:
          - {dataset: bbu, train_jsonl: bbu.jsonl, temlate: summary_bbu}

    Good:
        targets:
          - {dataset: bbu, train_jsonl: bbu.jsonl, template: summary_bbu}
    """
    for key, node in mix.value.items():
        if key not in schema.MIX:
            yield _unknown((), key, node, tuple(schema.MIX))
    for path, entry in _entries(mix):
        for key, node in entry.value.items():
            if key not in schema.ENTRY:
                yield _unknown(path, key, node, tuple(schema.ENTRY))


def _entries(mix: Node) -> Iterator[tuple[KeyPath, Node]]:
    """Yield the entries of a mix, each with the path by which a person knows it."""
    for name in schema.MIX:
        held = mix.value.get(name)
        for index, entry in enumerate(held.value) if held is not None and type(held.value) is list else ():
            known_by = entry_name(entry)
            yield (name, index if known_by is None else EntryName(known_by)), entry


def _unknown(path: KeyPath, key: str, node: Node, known: tuple[str, ...]) -> Problem:
    message = f"`{show_path(path)}` has no `{key}`" if path else f"a fusion config has no `{key}`"
    if not path and key in schema.REMOVED["fusion"]:
        why = "the project took the key out, and stops where a fusion config still holds it"
        hint = "write a list below `targets`" if key == "target" else "take the key out"
        return Problem("unknown-argument", message, node.origin, why=why, hint=hint)
    near = nearest(key, known)
    severity: Severity = "warning" if near is None else "error"
    hint = f"did you mean `{near}`?" if near is not None else "there is " + ", ".join(f"`{name}`" for name in known)
    why = "the project keeps what it does not know there, and passes over it"
    return Problem("unknown-argument", message, node.origin, why=why, hint=hint, severity=severity)


def wrong_types(mix: Node) -> Iterator[Problem]:
    """A value of an entry has a type that its key takes.

    Bad:
        targets:
          - {dataset: bbu, train_jsonl: bbu.jsonl, augmentation_enabled: "false"}

    Good:
        targets:
          - {dataset: bbu, train_jsonl: bbu.jsonl, augmentation_enabled: false}
    """
    for path, entry in _entries(mix):
        for key, node in entry.value.items():
            if key in schema.ENTRY and key != "ratio":  # `bad-ratio` tells that
                yield from type_problems((*path, key), node, schema.ENTRY[key])


def wrong_choices(mix: Node) -> Iterator[Problem]:
    """A value of an entry is among the choices of its key, where there are some.

    Bad:
        targets:
          - {dataset: bbu, train_jsonl: bbu.jsonl, mode: sumary}

    Good:
        targets:
          - {dataset: bbu, train_jsonl: bbu.jsonl, mode: summary}
    """
    for path, entry in _entries(mix):
        for key, node in entry.value.items():
            if key in schema.ENTRY:
                yield from choice_problems((*path, key), node, schema.ENTRY[key])
