"""The doit tasks of the proof: one per preset, and the reports that put them together.

A proof depends on the bytes of a lock: an edit that changes no lock proves nothing anew. Its verdict is no failure of
the task, as doit would then not make the report that tells it; the run fails all the same.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from compiler import legacy, proofs
from compiler.as_json import json_text
from compiler.compare import Disagreement
from compiler.console import bug
from compiler.mapping import DEFAULT
from compiler.outline import compiles
from compiler.pairing import Pair
from compiler.problems import TrainlockError, UsageError
from compiler.run import current, task, task_name
from compiler.store import read_file, write_file
from compiler.verdict import PASSING

# ---------------------------------------------------------------------------------------------- actions


def _prove(pair: Pair, path: str) -> dict[str, str] | bool:
    """Prove one preset; gives what the task shall remember. Whatever the verdict, the task has done its work."""
    run = current()
    run.standing.discard(path)  # doit asked for it again: a lock has other bytes
    with run.one_at_a_time:
        try:
            run.acquire()
            proof = _proven(pair)
            data = json_text(proof).encode()
            write_file(run.layout, path, data)
        except TrainlockError as error:
            return run.fail(error.problems)
        except Disagreement as error:
            run.exit_code = bug(error)
            return False
        run.digests[path] = hashlib.sha256(data).hexdigest()
        run.standing.add(path)
        found = {"proof": run.digests[path], "verdict": str(proof["verdict"])}
        return {"code": run.code(), "evidence": run.evidence(), **found}


def _proven(pair: Pair) -> dict[str, Any]:
    """Prove a pair: its problems are kept, and the run fails unless its verdict passes."""
    run = current()
    proof = run.prover.prove(pair)
    run.problems += proof.problems
    if any(problem.severity == "error" for problem in proof.problems) or proof.data["verdict"] not in PASSING:
        run.exit_code = run.exit_code or 1
    return proof.data


def _is_proven(task: Any, values: dict[str, Any], pair: Pair, path: str) -> bool:
    """Say whether a proof stands: nothing differed, and no waiver may have expired since."""
    run = current()
    stands = (
        values.get("verdict") == "EQUIVALENT"
        and values.get("code") == run.code()
        and values.get("evidence") == run.evidence()
        and values.get("proof") == run.digest(path)
        and not run.prover.waivers_of(pair.preset)
    )
    if stands:
        run.standing.add(path)
    return stands


def _report(paths: dict[Pair, str]) -> dict[str, str] | bool:
    """Put the proofs together, and write every report; what does not pass fails the task."""
    from compiler.publishing import publish  # noqa: PLC0415 - a run with nothing to do needs no page

    run = current()
    with run.one_at_a_time:
        run.headline = ""
        try:
            run.acquire()
            prover = run.prover
            rows = [_kept(paths.get(pair)) or _proven(pair) for pair in prover.pairs]
            found = prover.report(rows)
            written = publish(run.layout, run.layout.reports, found)
            run.digests.update(written)
        except TrainlockError as error:
            return run.fail(error.problems)
        except Disagreement as error:
            run.exit_code = bug(error)
            return False
        run.headline = f"{proofs.headline(found)} ({run.layout.reports}/equivalence.html)"
        if not proofs.passes(found):
            return run.fail(prover.wrong(rows))
        return {"code": run.code(), "evidence": run.evidence(), "headline": run.headline, **written}


def _kept(path: str | None) -> dict[str, Any] | None:
    """Give a proof that stands, from its file: one that this run made, or looked at and found up to date."""
    run = current()
    if path not in run.standing:
        return None
    data = None
    with contextlib.suppress(OSError):
        data = read_file(run.layout.absolute(path))
    if data is None or hashlib.sha256(data).hexdigest() != run.digest(path):
        return None
    kept: dict[str, Any] = json.loads(data)
    return kept


def _is_reported(task: Any, values: dict[str, Any]) -> bool:
    """Say whether the reports stand: they are what was written, from what passed."""
    run = current()
    stands = (
        values.get("code") == run.code()
        and values.get("evidence") == run.evidence()
        and not run.prover.mapping.waivers
        and not run.prover.problems
        and all(values.get(path) == run.digest(path) for path in task.targets)
    )
    if stands:
        run.headline = values.get("headline", "")
    return stands


# ---------------------------------------------------------------------------------------------- tasks


def _is_declared() -> bool:
    """Say whether there is a legacy side; records whose mapping is gone are one, of which nothing can be proven."""
    run = current()
    records = f"{legacy.FOLDER}/records/"
    return _is_mapped() or any(path.startswith(records) for path in legacy.files(run.layout.root))


def _is_mapped() -> bool:
    return current().workspace.tree.exists(DEFAULT)


def _proofs(locked: set[str]) -> dict[Pair, str]:
    """Give every pair that is proven by a task, with the path of its proof: those of the sources that get a lock.

    What is left, such as a preset that the globs do not select, is proven with the report.
    """
    run = current()
    layout = run.layout
    return {
        pair: f"{layout.cache}/proofs/{layout.name_of(pair.preset)}.json"
        for pair in run.prover.pairs
        if pair.preset in locked and pair.legacy is not None
    }


def _locked() -> set[str]:
    """Give the sources that get a lock."""
    try:
        return {*current().workspace.everything()}
    except UsageError:
        return set()  # told by `prune`, which always runs


def _locks(source: str, locked: set[str]) -> list[str]:
    """Give the locks of a preset and its mix; none of a preset that does not compile, whose proof need not wait."""
    workspace = current().workspace
    if not compiles(workspace, source):
        return []
    documents = (source, workspace.composer.mix_named_by(source))
    return [workspace.layout.lock_of(one) for one in documents if one is not None and one in locked]


def prove_tasks() -> Iterator[dict[str, Any]]:
    """Prove that each preset trains as its legacy record says."""
    run = current()
    yield {"basename": "prove", "name": None, "doc": "prove that presets train as their legacy records say"}
    if not _is_mapped():
        return
    locked = _locked()
    for pair, path in _proofs(locked).items():
        source = pair.preset or ""
        yield task(
            [(_prove, [pair, path])],
            basename="prove",
            name=task_name(run.layout.name_of(source), "prove").removeprefix("prove:"),
            doc=f"{run.layout.lock_of(source)} trains as {legacy.FOLDER}/{pair.legacy}",
            file_dep=[*_locks(source, locked), DEFAULT],  # and the records, by their one digest: each needs all of them
            targets=[path],
            uptodate=[(_is_proven, [pair, path])],
        )


def report_tasks() -> Iterator[dict[str, Any]]:
    """Put all proofs together to the reports."""
    run = current()
    yield {"basename": "report", "name": None, "doc": "put the proofs together to the reports"}
    if not _is_declared():
        return
    locked = _locked()
    paths = _proofs(locked) if _is_mapped() else {}
    run.report = functools.partial(_report, paths)
    locks = {lock for source in {*run.workspace.sources.presets.values()} & locked for lock in _locks(source, locked)}
    yield task(
        [(_report, [paths])],
        basename="report",
        name="equivalence",
        doc=f"{run.layout.reports}/equivalence.html, .md and .json",
        file_dep=[*paths.values(), *sorted(locks), *([DEFAULT] if _is_mapped() else [])],
        targets=[f"{run.layout.reports}/{name}" for name in proofs.REPORTS],
        uptodate=[_is_reported],
    )
