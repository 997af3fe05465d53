"""`prove`: what every preset trains with, held against a legacy side; and `diff` of two presets.

A `Prover` holds both sides of one comparison. Each pair gives a proof, and the proofs together a report document.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable
from itertools import takewhile
from typing import Any, Final, NamedTuple

from compiler import legacy, lockfile, pipeline, proofs
from compiler.compare import Side, aligned
from compiler.emitter import Encoder, shown
from compiler.history import Revision, is_folder
from compiler.mapping import Waiver
from compiler.mutants import Amount, Survivor, Tally, chosen, drill, is_caught, mutants, planted
from compiler.pairing import Pair, There, pair_up
from compiler.pipeline import Workspace
from compiler.problems import Invalid, Note, Problem
from compiler.sides import (
    Loaded,
    legacy_composer,
    of_lock,
    of_record,
    of_sources,
    of_tree,
    other_tree,
    places_of,
    policies_of,
    side_of_lock,
)
from compiler.store import read_file, through_disk
from compiler.tree import Disk
from compiler.values import Origin
from compiler.verdict import (
    PASSING,
    Judged,
    Judgement,
    Verdict,
    is_expired,
    judge,
    waiver_problems,
)

LEGACY: Final = "legacy"
"""The other side of a proof that names none: the legacy records."""


class Proof(NamedTuple):
    """The proof of one preset as data, and what is to be told of it."""

    data: dict[str, Any]
    problems: tuple[Problem, ...]


def other_side(workspace: Workspace, name: str) -> Workspace | None:
    """Give the tree that a person named: a folder, else a revision; None for the legacy records.

    Raises:
        UsageError: `unknown-revision`.
    """
    if name == LEGACY:
        return None
    layout = workspace.layout
    if is_folder(name):
        return other_tree(name, layout)
    return other_tree(layout.root, layout, Revision(layout.root, name))


class Prover:
    """Both sides of one comparison."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        today: datetime.date,
        name: str = LEGACY,
        other: Workspace | None = None,
        mapping: str | None = None,
        second_opinion: bool = True,
        amount: Amount = "sample",
    ) -> None:
        """Read the mapping, and the records if it is they that are compared with.

        Args:
            workspace: this repository.
            today: the day by which waivers expire.
            name: what reports call the other side.
            other: a revision or another folder; the legacy records, if None.
            mapping: the path of a mapping file, from our root; for the records `legacy/mapping.yaml`, if None.
            second_opinion: ask deepdiff about every pair.
            amount: how many mutants are planted.

        Raises:
            UsageError: `no-legacy`.
        """
        self.workspace = workspace
        self.policies = policies_of(workspace.layout.settings)
        self._second_opinion = second_opinion
        self._amount: Amount = amount
        self._today = today
        self._fusion_key = workspace.layout.settings.fusion_key or ()
        records = legacy.load(workspace.layout.root, self._fusion_key) if other is None else None
        self._there = There(name, records, other)
        self._composer = legacy_composer(workspace.layout) if other is None else None
        self._locks_there = other is not None and not _share_build(workspace, other)
        self.pairs, self.mapping, self.problems = pair_up(workspace, self._there, mapping)

    def waivers_of(self, preset: str | None) -> tuple[Waiver, ...]:
        """Give the waivers that name a preset, expired ones too."""
        return tuple(one for one in self.mapping.waivers if one.preset == preset)

    # ------------------------------------------------------------------------------------------ one preset

    def prove(self, pair: Pair) -> Proof:
        """Prove one preset.

        Raises:
            Disagreement: the bytes and deepdiff disagree, and there is no verdict.
            Invalid: `write-failed`; a mutant could not go through the disk.
        """
        if pair.preset is None:
            return Proof(proofs.proof(*pair, "UNPROVEN", "nothing took its place"), ())
        if pair.legacy is None:
            return Proof(proofs.proof(*pair, "NEW", "it has no legacy side"), ())
        old, new = self._theirs(pair.legacy), self._ours(pair.preset)
        if old.side is None or new.side is None:
            return self._unloaded(pair, old, new)
        waivers = tuple(one for one in self.waivers_of(pair.preset) if not is_expired(one, self._today))
        judgement = judge(old.side, new.side, self.policies, waivers, second_opinion=self._second_opinion)
        verdict: Verdict = judgement.verdict
        reason = "" if judgement.leaves else "there is no value on either side"
        drifted = [problem for problem in new.problems if problem.severity == "error"]
        if drifted and verdict in PASSING:
            verdict, reason = "UNPROVEN", drifted[0].message
        tally = self._drill(pair.preset, old.side, new, waivers, judgement.differences)
        data = proofs.proof(
            *pair,
            verdict,
            reason,
            compared=(old.made, new.made),
            judgement=judgement,
            differences=[self._difference(pair.preset, old, new, one) for one in judgement.differences],
            tally=tally,
            mix=proofs.mix((old.mix, new.mix), (old.side, new.side)),
        )
        return Proof(data, (*new.problems, *self._told(data, judgement), *_blind(tally, pair.preset)))

    def _unloaded(self, pair: Pair, old: Loaded, new: Loaded) -> Proof:
        """Say which side does not load; what is only missing is unproven, what is wrong is rejected."""
        there, here = [self._from_there(problem) for problem in old.problems], [*new.problems]
        errors = [problem for problem in (*there, *here) if problem.severity == "error"]
        verdict: Verdict = "UNPROVEN" if all(problem.code in _MISSING for problem in errors) else "REJECTED"
        where, why = ("here", here) if new.side is None else (f"of `{self._there.name}`", there)
        place = f"{why[0].origin}: " if why[0].origin.line else ""
        reason = f"the preset {where} does not load: {place}{why[0].message}"
        return Proof(proofs.proof(*pair, verdict, reason), (*there, *here))

    def _from_there(self, problem: Problem) -> Problem:
        """Say of a problem of another tree in which tree it stands."""
        if self._there.other is None:
            return problem
        notes = tuple(note._replace(origin=self._placed(note.origin)) for note in problem.notes)
        return problem._replace(origin=self._placed(problem.origin), notes=notes)

    def _placed(self, origin: Origin) -> Origin:
        return Origin(f"{self._there.name}:{origin.file}", origin.line, origin.column) if origin.file else origin

    def _theirs(self, path: str) -> Loaded:
        if self._there.other is not None:
            return of_tree(self._there.other, path, locks=self._locks_there)
        assert self._there.records is not None
        return of_record(self._there.records, path, self._fusion_key, self._composer, self.policies)

    def _ours(self, source: str) -> Loaded:
        """Load a preset of this repository from its lock; one that is not what its sources compile to proves nothing.

        Against a revision or a folder the sources count where the lock drifted: what would train after a build.
        """
        here = self.workspace
        state = pipeline.state(here, source)
        problems = [problem for problem in state.problems if problem.severity == "error"]
        if state.resolved is None:
            problems = [problem for problem in problems if problem.code != "lock-stale"]  # it follows from the rest
            return Loaded(None, "", "", tuple(problems), lambda: None)
        if state.resolved.fusion is not None:
            mix = pipeline.state(here, state.resolved.fusion.source)
            problems += [problem for problem in mix.problems if problem.severity == "error"]
        if self._there.other is not None and problems:
            told = [one._replace(severity="warning") for one in problems if one.code != "lock-missing"]
            return of_sources(here, source)._replace(problems=tuple(told))
        loaded = of_lock(here, source, self._read)
        return loaded._replace(problems=tuple(problems) or loaded.problems)

    def _read(self, path: str) -> bytes | None:
        try:
            return read_file(self.workspace.layout.absolute(path))
        except OSError:
            return None

    def _difference(self, preset: str, old: Loaded, new: Loaded, judged: Judged) -> dict[str, Any]:
        return proofs.difference(judged, lambda one: places_of(one, old, new, preset))

    def _told(self, data: dict[str, Any], judgement: Judgement) -> list[Problem]:
        """Word each difference that nothing excuses, at the line of our sources that causes it."""
        name = self._there.name
        has, lacks, its = ("legacy trained with", "legacy did not have it", "")
        if self._there.other is not None:
            has, lacks, its = (f"`{name}` has", f"`{name}` does not have it", f"{name}:")
        waives = f"in `{self.mapping.path}`" if self.mapping.path else "in the file that `--mapping` names"
        told = []
        for judged, entry in zip(judgement.differences, data["differences"], strict=True):
            if judged.classed != "different":
                continue
            inner = aligned(judged.difference)
            whole = f" of the whole `{entry['key']}`" if inner else ""
            parts = zip(inner, entry["within"], strict=True) if inner else [(judged.difference, entry)]
            for one, part in parts:
                line, before = part["line"], part["legacy_origin"]
                instead = f", in the place of {its}{before}" if before else ""
                before_it = f"{has} {shown(one.legacy)}" if one.legacy is not None else lacks
                does = "trains with it" if one.compiled is not None else "trains without it"
                told.append(
                    Problem(
                        "not-equivalent",
                        f"`{part['key']}` is {shown(one.compiled)}, and {before_it}",
                        Origin(line["file"], line["line"], line["column"]),
                        notes=(Note(Origin(data["preset"], 0, 0), f"{does}{instead}"),),
                        hint=f"undo the edit, or accept it by a waiver{whole} {waives}",
                    )
                )
        return told

    # ------------------------------------------------------------------------------------------ the drill

    def _drill(
        self, preset: str, old: Side, loaded: Loaded, waivers: tuple[Waiver, ...], before: tuple[Judged, ...]
    ) -> Tally:
        """Plant mutants; one of them, where there is a lock, goes through the lock on disk and past deepdiff.

        `before` is what was judged without any.
        """
        new = loaded.side
        assert new is not None
        found = chosen(mutants(new, self.policies), self._amount)
        tally = drill(old, new, self.policies, waivers, found)
        excused = {one.mutant for one in tally.survivors}
        first = next((one for one in found if one.document == "preset" and one not in excused), None)
        if first is None or loaded.made != "lock":
            return tally
        layout = self.workspace.layout
        path = layout.lock_of(preset)
        lines = (self._read(path) or b"").split(b"\n")
        head = b"\n".join([*takewhile(lambda line: line.startswith(b"#"), lines), b""])
        body = Encoder(layout.label_of).body(planted(new, first).values)
        lock = lockfile.decode(path, through_disk(layout, path, head + b"\n" + body))
        side = side_of_lock(lock, layout, self._read)
        judged = judge(old, side, self.policies, waivers, second_opinion=self._second_opinion).differences
        if is_caught(before, judged):
            return tally
        return Tally(tally.seeded, tally.caught - 1, (*tally.survivors, Survivor(first, "")))

    # ------------------------------------------------------------------------------------------ all of them

    def report(self, rows: Iterable[dict[str, Any]], *, everything: bool = True) -> dict[str, Any]:
        """Put proofs together to the report document.

        Args:
            rows: the data of the proofs.
            everything: they are those of all pairs, so that a waiver which none of them used is unused.
        """
        found = list(rows)
        resolved = []
        for row in found:
            try:
                resolved += [self.workspace.composer.preset(row["preset"])] if row["preset"] is not None else []
            except Invalid:
                continue
        shared = proofs.sharing(resolved, self.policies)
        wrong = self.wrong(found, everything=everything)
        retired = self.mapping.retired if everything else ()
        return proofs.document(self._there.name, found, wrong, shared, everything=everything, retired=retired)

    def wrong(self, rows: Iterable[dict[str, Any]], *, everything: bool = True) -> list[Problem]:
        """Give what is wrong apart from single presets: with the mapping, the records, the waivers.

        Args:
            rows: the data of the proofs.
            everything: they are those of all pairs.
        """
        found = list(rows)
        here = {row["preset"] for row in found}
        waivers = [one for one in self.mapping.waivers if everything or one.preset in here]
        used, texts = proofs.used_waivers(found), proofs.texts_by_place(found)
        known = [one for one in self.problems if everything or one.code != "unmapped-preset"]
        return [*known, *waiver_problems(waivers, used, self._today, texts)]


def _share_build(here: Workspace, other: Workspace) -> bool:
    """Say whether the locks of another folder would be ours, as both build to the same place."""
    builds = {os.path.realpath(one.layout.absolute(one.layout.build)) for one in (here, other)}
    return isinstance(other.tree, Disk) and len(builds) == 1


_MISSING: Final = ("bad-record", "stale-record", "wrong-figures", "lock-missing")
"""The codes of what is not there to be compared, as against what is there and wrong."""


def _blind(tally: Tally, preset: str) -> list[Problem]:
    """Word each mutant that survived without an excuse."""
    return [
        Problem(
            "mutant-survived",
            f"the proof did not catch `{one.mutant.name()}` {one.mutant.kind}",
            Origin(preset, 0, 0),
            why="a change was planted to see whether it is caught, and nothing excuses that it was not",
            hint="no verdict of this run can be trusted; please report it",
        )
        for one in tally.survivors
        if not one.excuse
    ]
