"""A launch: which lock, whether it is fresh, what will run, and the copy that no later edit can reach.

`scripts/train.sh` hands its variables over and is replaced by this module, which the trainer replaces. Every input is
checked here; the trainer's command is a list of arguments from beginning to end, and no shell reads it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import posixpath
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from importlib.util import find_spec
from typing import Final, NamedTuple

from compiler import lockfile, pipeline, settings
from compiler.catalog import UNFIT_NAME, Layout
from compiler.console import bug, prepare, say, tell, write
from compiler.emitter import key_text, scalar_text
from compiler.pipeline import Compiled, Workspace
from compiler.problems import Invalid, Problem, TrainlockError, UsageError, no_line, printable, reason_of
from compiler.reader import read
from compiler.store import BuildLock, write_file
from compiler.trainer import BatchPlan, NoPlan, batch_plan, held
from compiler.tree import Source
from compiler.values import Node, Origin

FOLDER: Final = ".trainlock"
"""Where, in the output folder, the locks of its runs are kept."""


class Options(NamedTuple):
    """The variables of `scripts/train.sh`, checked."""

    config: str
    gpus: tuple[int, ...]
    trainer: str
    debug: bool
    dry_run: bool
    build: bool
    nnodes: int
    node_rank: int
    master_addr: str
    master_port: int
    here: str
    python: str

    @property
    def world_size(self) -> int:
        """Devices over all machines."""
        return len(self.gpus) * self.nnodes


class Copy(NamedTuple):
    """A lock and its fusion lock beside each other, as a run will read them: paths from the root, and bytes."""

    path: str
    data: bytes
    fusion_path: str
    fusion_data: bytes


# ---------------------------------------------------------------------------------------------- variables


def _bad(name: str, value: str, takes: str) -> UsageError:
    return UsageError(Problem("bad-variable", f"`{name}={value}` means nothing", why=f"it takes {takes}"))


def _number(name: str, value: str, low: int, high: int) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", value, re.ASCII) or not low <= int(value) <= high:
        raise _bad(name, value, f"a whole number from {low} to {high}")
    return int(value)


def _switch(name: str, value: str) -> bool:
    if value not in ("true", "false", "1", "0", ""):
        raise _bad(name, value, "`true` or `false`, or `1` or `0`")
    return value in ("true", "1")


def parse(variables: dict[str, str], here: str, python: str) -> Options:
    """Check the variables of a launch.

    Args:
        variables: by name; one that is missing or empty has its default.
        here: the folder from which the launch was called.
        python: the interpreter's name, for the command.

    Raises:
        UsageError: `bad-variable`; nothing of a wrong value is carried anywhere.
    """
    given = {name: value for name, value in variables.items() if value}
    gpus = given.get("gpus", "0")
    if not re.fullmatch(r"[0-9]{1,4}(,[0-9]{1,4})*", gpus, re.ASCII):
        raise _bad("gpus", gpus, "device numbers joined by commas, such as `0,1`")
    devices = tuple(int(device) for device in gpus.split(","))
    if len(set(devices)) < len(devices):
        raise _bad("gpus", gpus, "each device once")
    trainer = given.get("trainer", "src.sft")
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", trainer, re.ASCII):
        raise _bad("trainer", trainer, "the dotted name of a module, such as `src.sft`")
    nnodes = _number("nnodes", given.get("nnodes", "1"), 1, 4096)
    address = given.get("master_addr", "")
    if address and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.:_-]*[A-Za-z0-9])?", address, re.ASCII):
        raise _bad("master_addr", address, "the name or the address of a machine")
    if nnodes > 1 and not address:
        why = f"`nnodes={nnodes}` needs the address of the first machine"
        raise UsageError(Problem("bad-variable", "`master_addr` is missing", why=why))
    return Options(
        config=given.get("config", "debug"),
        gpus=devices,
        trainer=trainer,
        debug=_switch("debug", given.get("debug", "")),
        dry_run=_switch("dry_run", given.get("dry_run", "")),
        build=_switch("build", given.get("build", "")),
        nnodes=nnodes,
        node_rank=_number("node_rank", given.get("node_rank", "0"), 0, nnodes - 1),
        master_addr=address,
        master_port=_number("master_port", given.get("master_port", "29500"), 1, 65535),
        here=here,
        python=python,
    )


# ---------------------------------------------------------------------------------------------- the lock


def find(workspace: Workspace, config: str, here: str) -> str:
    """Give the preset that `config=` names: by name, by a path to its source, or by its lock.

    Raises:
        UsageError: there is none, it is no preset, or a path leads out of the config and the build root.
    """
    layout = workspace.layout
    if os.path.isabs(config) or ".." in config.split("/"):
        real = os.path.realpath(os.path.join(here, config))
        roots = [os.path.realpath(layout.absolute(folder)) for folder in (layout.configs, layout.build)]
        if not any(real.startswith(root + os.sep) for root in roots):
            why = f"a path is taken only below `{layout.configs}` or `{layout.build}`"
            raise UsageError(Problem("outside-root", f"config `{config}` lies outside the config root", why=why))
    source = layout.find(config, here, workspace.sources)
    if source not in workspace.sources.presets.values() or workspace.is_mix(source):
        why = "only what the preset globs select is launched"
        raise UsageError(Problem("unselected-preset", f"`{source}` is no preset", why=why, hint="`trainlock list`"))
    return source


def verify(workspace: Workspace, source: str) -> Compiled:
    """Give what a preset compiles to, if its lock and its fusion lock on disk are just that.

    Raises:
        Invalid: the reasons, as `trainlock check` tells them.
    """
    found = pipeline.check(workspace, [source])
    errors = [problem for problem in found.problems if problem.severity == "error"]
    if errors:
        raise Invalid(*errors)
    return workspace.compile(source)


def copy_of(workspace: Workspace, compiled: Compiled) -> Copy:
    """Give the pair of locks from which a run reads: only the path between the two differs from those in `build/`.

    Raises:
        Invalid: `no-output-dir`; or `digest-moved`, if the copy's digest were another, which is then not launched.
    """
    resolved = compiled.resolved
    output = held(resolved.values, "training", "output_dir")
    if type(output) is not str or not output.strip() or UNFIT_NAME.search(output):
        why = "the locks of a run are kept in its output folder, which is named on one line"
        raise Invalid(
            Problem("no-output-dir", "`training.output_dir` names no folder", Origin(resolved.source, 0, 0), why=why)
        )
    digest = resolved.digest
    folder = posixpath.join(posixpath.normpath(os.path.expanduser(output)), FOLDER, digest.removeprefix("sha256:")[:16])
    name = posixpath.basename(workspace.layout.name_of(resolved.source))
    path = posixpath.join(folder, f"{name}.lock.yaml")
    if resolved.fusion is None:
        return Copy(path, compiled.data, "", b"")
    fusion = workspace.compile(resolved.fusion.source)
    fusion_path = posixpath.join(folder, f"{name}.lock.fusion.yaml")
    data = _repointed(compiled, fusion.lock, fusion_path)
    lock = lockfile.decode(path, data)
    mix = lockfile.decode(fusion_path, fusion.data)
    if lockfile.digest_of(lock, resolved.fusion_at, mix.values) != digest or lock.header.fusion_lock != fusion_path:
        raise Invalid(Problem("digest-moved", f"the copy of `{compiled.lock}` has another digest", Origin(path, 0, 0)))
    return Copy(path, data, fusion_path, fusion.data)


def _repointed(compiled: Compiled, old: str, new: str) -> bytes:
    """Give a lock's bytes with another path to its fusion lock, in the header and at the fusion key."""
    node: Node = read(Source(compiled.lock, compiled.data, "")).body
    for step in compiled.resolved.fusion_at:
        node = node.value[step]
    at = compiled.resolved.fusion_at
    head = b"  " * (len(at) - 1) + key_text(str(at[-1])) + b": "
    lines = compiled.data.split(b"\n")
    row = node.origin.line - 1
    rest = lines[row].removeprefix(head + scalar_text(old))
    lines[row] = head + scalar_text(new) + rest
    header = next(index for index, line in enumerate(lines) if line.startswith(b"# fusion: "))
    lines[header] = lines[header].removesuffix(old.encode()) + new.encode()
    return b"\n".join(lines)


# ---------------------------------------------------------------------------------------------- the command


def command(options: Options, lock: str) -> list[str]:
    """Give the trainer's command: `python -m` on one device, `torchrun -m` on several devices or machines."""
    last = ["-m", options.trainer, "--config", lock, *(["--debug"] if options.debug else [])]
    if options.world_size == 1:
        return [options.python, *last]
    machines = []
    if options.nnodes > 1:
        machines = [
            f"--nnodes={options.nnodes}",
            f"--node_rank={options.node_rank}",
            f"--master_addr={options.master_addr}",
        ]
    return [
        "torchrun",
        f"--nproc_per_node={len(options.gpus)}",
        *machines,
        f"--master_port={options.master_port}",
        *last,
    ]


def missing(options: Options) -> list[Problem]:
    """Say what of the trainer's command cannot be found; nothing of it is imported, as that costs seconds."""
    problems = []
    if not _is_runnable(options.trainer):
        why = f"`{options.trainer}` is looked up from the repository root, then on the path of `{options.python}`"
        hint = "`trainer=` names another module"
        problems.append(Problem("no-trainer", f"there is no trainer `{options.trainer}`", why=why, hint=hint))
    if options.world_size > 1 and shutil.which("torchrun") is None:
        why = "several devices are trained on through it"
        hint = "install torch, or name one device in `gpus=`"
        problems.append(Problem("no-trainer", "there is no `torchrun`", why=why, hint=hint))
    return problems


def _is_runnable(module: str) -> bool:
    """Say whether `python -m` would find a module: one, or a package with a `__main__`."""
    top, *below = module.split(".")
    try:
        found = find_spec(top)  # the top level is found without being imported
        for part in below:
            folders = found.submodule_search_locations if found is not None else None
            if folders is None:
                return False
            # by its last name, as the whole one asks for a parent that is not imported
            found = PathFinder.find_spec(part, list(folders))
        if found is None or found.submodule_search_locations is None:
            return found is not None
        return PathFinder.find_spec("__main__", list(found.submodule_search_locations)) is not None
    except (ImportError, ValueError):
        return False


def plan(workspace: Workspace, compiled: Compiled, options: Options) -> list[str]:
    """Give the lines that tell what will run."""
    resolved = compiled.resolved
    rows = [("preset", workspace.layout.name_of(resolved.source)), ("digest", resolved.digest)]
    if resolved.fusion is not None:
        rows.append(("fusion", f"{resolved.fusion.digest} {workspace.layout.lock_of(resolved.fusion.source)}"))
    rows.append(("model", str(held(resolved.values, "model", "model") or "not set")))
    rows.append(("output", str(held(resolved.values, "training", "output_dir"))))
    machines = f" on each of {options.nnodes} machines" if options.nnodes > 1 else ""
    devices = ",".join(map(str, options.gpus))
    rows.append(("gpus", f"{devices}{machines}, world size {options.world_size}, by CUDA_VISIBLE_DEVICES"))
    try:
        batches = batch_plan(resolved.values, options.world_size)
    except NoPlan as error:
        return [*_aligned(rows), f"warning: the batch size cannot be told: {error}"]
    rows.append(("batch", _batch_text(batches)))
    lines = _aligned(rows)
    if batches.asked is not None and batches.asked != batches.batch:
        lines.append(f"warning: {batches.asked} asked, {batches.batch} real: accumulation steps are rounded up")
    return lines


def _aligned(rows: list[tuple[str, str]]) -> list[str]:
    return [f"{name:8}{printable(value)}" for name, value in rows]


def _batch_text(plan: BatchPlan) -> str:
    steps = f"{plan.accumulation} accumulation step{'s' if plan.accumulation > 1 else ''}"
    return f"{plan.batch} = {plan.per_device} per device x {plan.world_size} x {steps}"


# ---------------------------------------------------------------------------------------------- the launch


VARIABLES: Final = (
    *("config", "gpus", "trainer", "debug", "dry_run", "build"),
    *("nnodes", "node_rank", "master_addr", "master_port"),
)
"""What `scripts/train.sh` hands over."""


MISTAKEN: Final = {"CONFIG": "config", "GPU": "gpus", "GPUS": "gpus", "gpu": "gpus"}
"""Variables that are easily written and never read."""

MENDED_BY_A_BUILD: Final = ("lock-damaged", "lock-edited", "lock-missing", "lock-stale")


def main(arguments: Sequence[str] | None = None) -> int:
    """Launch; returns only where nothing is launched."""
    prepare()
    parser = argparse.ArgumentParser(prog="train.sh", allow_abbrev=False)
    parser.add_argument("--here", default=os.getcwd())
    parser.add_argument("--python", default="python")
    for name in VARIABLES:
        parser.add_argument(f"--{name}", default="")
    given = parser.parse_args(arguments)
    workspace: Workspace | None = None
    try:
        for name, meant in MISTAKEN.items():
            if name in os.environ:
                say(f"warning: `{name}` is not read; did you mean `{meant}`?")
        options = parse({name: getattr(given, name) for name in VARIABLES}, given.here, given.python)
        layout = Layout(".", settings.load("."))
        with BuildLock(layout, say=say) if options.build and not options.dry_run else contextlib.nullcontext():
            workspace = Workspace(layout)  # only now: another build may have been waited for
            source = find(workspace, options.config, options.here)
            if options.build and not options.dry_run:
                pipeline.build(workspace, [source])
        try:
            compiled = verify(workspace, source)
        except Invalid as invalid:
            if all(problem.code in MENDED_BY_A_BUILD for problem in invalid.problems):
                say("not started: a lock is not what its sources compile to")
                say("`doit` mends it, or `build=true` before this command")
            raise
        copy = copy_of(workspace, compiled)
        say("\n".join(plan(workspace, compiled, options)))
        return _start(layout, options, compiled, copy)
    except TrainlockError as error:
        tell(error.problems, workspace.source_line if workspace is not None else no_line)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return bug(error)


def _start(layout: Layout, options: Options, compiled: Compiled, copy: Copy) -> int:
    absent = missing(options)
    words = command(options, copy.path)
    if options.dry_run:
        for problem in absent:
            say(f"warning: {problem.message}; a launch needs it")
        return 0 if write(sys.stdout, shlex.join(words) + "\n") else 1
    if absent:
        raise UsageError(*absent)
    write_file(layout, copy.path, copy.data)
    if copy.fusion_path:
        write_file(layout, copy.fusion_path, copy.fusion_data)
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": ",".join(map(str, options.gpus)),
        "TRAINLOCK_PRESET": layout.name_of(compiled.resolved.source),
        "TRAINLOCK_DIGEST": compiled.resolved.digest,
    }
    try:
        os.execvpe(words[0], words, environment)
    except OSError as error:
        reason = reason_of(error)
        raise UsageError(Problem("no-trainer", f"`{words[0]}` cannot be started", why=reason)) from None


if __name__ == "__main__":
    sys.exit(main())
