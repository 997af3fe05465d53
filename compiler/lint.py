"""All checks of what compiles: which there are, which run where, and what of their findings is silenced.

A check judges and never repairs. An error fails the document that it concerns, a warning is told and counted. What a
check tells can be silenced in `[tool.trainlock]`, per code and file, with a reason; what keeps a document from being
composed at all cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple

from compiler import (
    across,
    combinations,
    disguise,
    exposure,
    hierarchy,
    mix_checks,
    run_names,
    spelling,
    trainer_checks,
)
from compiler.catalog import matcher
from compiler.compose import Composer, Resolved
from compiler.problems import GETS_IT, Problem, UsageError, concerning, did_you_mean, in_order
from compiler.settings import Settings, Silence
from compiler.sound import Sound
from compiler.values import Node

ValuesCheck = Callable[[Node], Iterator[Problem]]

OF_KEYS: Final[tuple[ValuesCheck, ...]] = (
    trainer_checks.unknown_arguments,
    trainer_checks.wrong_values,
    trainer_checks.wrong_choices,
    trainer_checks.out_of_range,
)
"""The checks of a preset against its trainer that look at one key alone: a fragment is judged by them once."""

OF_WHOLE: Final[tuple[ValuesCheck, ...]] = (
    trainer_checks.unknown_sections,
    combinations.curriculum_off,
    combinations.deepspeed_config,
    combinations.rewards,
    combinations.batches,
    combinations.truncations,
    combinations.chord,
    combinations.partners,
    combinations.precisions,
    combinations.best_models,
)
"""The checks of a resolved preset as a whole."""

OF_MIXES: Final[tuple[ValuesCheck, ...]] = (
    mix_checks.unknown_keys,
    mix_checks.wrong_types,
    mix_checks.wrong_choices,
)
"""The checks of a resolved mix against the project that trains on it."""


class Check(NamedTuple):
    """A kind of finding: how bad it is, and the functions that find it.

    The docstring of each function says what holds, with a bad and a good example.
    """

    severity: Literal["error", "warning", "error or warning"]
    functions: tuple[Callable[..., Any], ...]


CHECKS: Final[dict[str, Check]] = {
    **{code: Check("warning", (check,)) for code, check in spelling.TRAPS.items()},
    "restated-value": Check("warning", (hierarchy.restated_values,)),
    "null-override": Check("warning", (hierarchy.null_overrides,)),
    "dead-base": Check("warning", (hierarchy.dead_bases,)),
    "base-order": Check("warning", (hierarchy.order_of_bases,)),
    "unused-fragment": Check("warning", (across.unused_fragments,)),
    "shared-output": Check("warning", (across.Outputs.shared_outputs,)),
    "missing-data": Check("error", (across.missing_data,)),
    "false-name": Check("warning", (run_names.false_names,)),
    "secret-value": Check("error", (exposure.secret_values,)),
    "unknown-section": Check("error or warning", (trainer_checks.unknown_sections,)),
    "unknown-argument": Check("error or warning", (trainer_checks.unknown_arguments, mix_checks.unknown_keys)),
    "wrong-type": Check("error", (trainer_checks.wrong_values, mix_checks.wrong_types)),
    "wrong-choice": Check("error", (trainer_checks.wrong_choices, mix_checks.wrong_choices)),
    "out-of-range": Check("error", (trainer_checks.out_of_range,)),
    "curriculum-off": Check("error", (combinations.curriculum_off,)),
    "deepspeed-config": Check("error", (combinations.deepspeed_config,)),
    "reward-count": Check("error", (combinations.rewards,)),
    "grpo-batch": Check("error", (combinations.batches,)),
    "grpo-truncation": Check("error", (combinations.truncations,)),
    "chord-config": Check("error", (combinations.chord,)),
    "missing-partner": Check("error", (combinations.partners,)),
    "precision-clash": Check("error", (combinations.precisions,)),
    "best-model": Check("error", (combinations.best_models,)),
}
"""Every check by the code of what it tells."""

MORE_TO_SILENCE: Final = ("diamond-reset", "merge-conflict", "near-entry", "near-extends", "null-entries")
"""Warnings of reading and merging, which can be silenced like those of checks."""


class Silenced(NamedTuple):
    """A finding that is not told, and the silence that covers it."""

    problem: Problem
    silence: Silence


class Lint:
    """The checks of one repository, and what is silenced of their findings."""

    def __init__(self, settings: Settings) -> None:
        """Take the silences of the settings.

        Raises:
            UsageError: `bad-settings`, where one names no check.
        """
        verify(settings)
        self._is_trained = settings.trainer is not None
        # each path by itself, so that one that covers nothing is told among others that do
        self._silences = [
            (silence._replace(paths=(path,)), matcher((path,)))
            for silence in settings.silence
            for path in silence.paths
        ]
        self._used_silences: set[Silence] = set()
        self._sound = Sound(trainer_checks.is_sound, ("rlhf", "rlhf_type"))
        self._suspects: dict[str, tuple[exposure.Suspect, ...]] = {}
        self._mixes: dict[str, list[Problem]] = {}
        self._outputs = across.Outputs()
        self._used: set[str] = set()
        self._silenced: dict[Problem, Silenced] = {}

    def preset(self, resolved: Resolved) -> list[Problem]:
        """Give what is found in a resolved preset and in the mix that it names, but for what is silenced."""
        self._used |= resolved.chain.closure
        found = [*resolved.warnings, *self._secrets(resolved)]
        if self._is_trained:
            self._outputs.note(resolved)
            rest = self._sound.rest(resolved.chain, resolved.values)
            asked = ((OF_KEYS, rest), (OF_WHOLE, resolved.values))
            said = [problem for checks, values in asked for check in checks for problem in check(values)]
            said += run_names.false_names(resolved.values, resolved.source)
            found += [concerning(problem, resolved.source, GETS_IT) for problem in said]
        told = _once(self._told(found))
        return [*told, *self.mix(resolved.fusion)] if resolved.fusion is not None else told

    def mix(self, resolved: Resolved) -> list[Problem]:
        """Give what is found in a resolved mix, but for what is silenced; each mix is looked at once."""
        made = self._mixes.get(resolved.source)
        if made is None:
            self._used |= resolved.chain.closure
            found = [*resolved.warnings, *self._secrets(resolved)]
            for check in OF_MIXES if self._is_trained else ():
                found += check(resolved.values)
            made = self._mixes[resolved.source] = _once(self._told(found))
        return made

    def together(self, composer: Composer, files: Iterable[str]) -> list[Problem]:
        """Give what is found of all documents together, after each was looked at; `files` lie below the config root."""
        unused = across.unused_fragments(files, self._used, composer.extends.sources)
        return self._told([*unused, *self._outputs.shared_outputs(composer)])

    def data(self, composer: Composer, resolved: Resolved, *, is_mix: bool) -> list[Problem]:
        """Give which files of records of a document are missing."""
        has_mix = resolved.fusion is not None
        return self._told(across.missing_data(resolved.values, composer.tree, is_mix=is_mix, has_mix=has_mix))

    def unused_silences(self, *, data: bool) -> list[Problem]:
        """Give the silences that cover nothing, after everything was looked at; `data` says whether files were, too."""
        return [
            Problem(
                "unused-silence",
                f"nothing that `{silence.check}` tells is silenced by `{silence.paths[0]}`",
                silence.origin,
                why="this check tells nothing of a file that the path matches",
                hint="take the path out, or mend it: it counts from the repository root",
                severity="warning",
            )
            for silence, _ in self._silences
            if silence not in self._used_silences and (data or silence.check != "missing-data")
        ]

    def told_nothing_of(self) -> tuple[Silenced, ...]:
        """Give what was found and not told, in order of place."""
        return tuple(self._silenced[problem] for problem in sorted(self._silenced, key=Problem.order))

    def _told(self, found: Iterable[Problem]) -> list[Problem]:
        """Leave out what is silenced, and remember it."""
        told = []
        for problem in found:
            silences = self._silences_of(problem.code, problem.origin.file)
            if not silences:
                told.append(problem)
            else:
                self._used_silences.update(silences)
                self._silenced[problem] = Silenced(problem, silences[0])
        return told

    def _silences_of(self, code: str, file: str) -> list[Silence]:
        """Give the silences that cover what a check tells of a file."""
        return [one for one, pattern in self._silences if one.check == code and pattern.fullmatch(file)]

    def _secrets(self, resolved: Resolved) -> list[Problem]:
        """Look for secrets: in each fragment once, and in the values only where a fragment has some."""
        found: list[exposure.Suspect] = []
        for link in resolved.chain.merge_order():
            made = self._suspects.get(link.path)
            if made is None:
                is_worth_it = disguise.may_hold_one(link.fragment.source.data)
                made = self._suspects[link.path] = tuple(exposure.suspects(link.own)) if is_worth_it else ()
                for suspect in made:
                    is_meant = self._silences_of("secret-value", suspect.origin.file)
                    (disguise.show if is_meant else disguise.hide)(suspect.text)
            found += made
        return list(exposure.secret_values(resolved.values, found))


def verify(settings: Settings) -> None:
    """Refuse a silence of what is no check.

    Raises:
        UsageError: `bad-settings`.
    """
    known = (*CHECKS, *MORE_TO_SILENCE)
    wrong = [silence for silence in settings.silence if silence.check not in known]
    if wrong:
        raise UsageError(
            *in_order(
                Problem(
                    "bad-settings",
                    f"there is no check `{silence.check}` to silence",
                    silence.origin,
                    why="a silence names the code of what a check tells",
                    hint=did_you_mean(silence.check, known),
                )
                for silence in wrong
            )
        )


def _once(found: list[Problem]) -> list[Problem]:
    """Leave out how a scalar is spelled where an error at its line tells already how to write it."""
    wrong = {(problem.origin.file, problem.origin.line) for problem in found if problem.severity == "error"}
    return [
        problem
        for problem in found
        if not wrong or problem.code not in spelling.TRAPS or (problem.origin.file, problem.origin.line) not in wrong
    ]
