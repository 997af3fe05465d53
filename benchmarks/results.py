"""Tables of what was measured, and the page `RESULTS.md`: with versions and the shape of the machine, and no clock."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bounds import BOUNDS, shown
from environments import Environment
from sections import Found

RUNTIME: Final = ("trainlock", "doit", "pyyaml", "deepdiff")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Give a Markdown table, aligned."""
    lines = [head, ["-" * 3] * len(head), *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in padded)


def verdicts(ratios: Mapping[str, float | None]) -> str:
    """Give the table of promises: what was asked for, and whether it is kept."""
    rows = []
    for bound in BOUNDS:
        if bound.key not in ratios:
            continue
        ratio = ratios[bound.key]
        if ratio is None:
            rows.append((bound.what, bound.presets, shown(bound.bound), shown(bound.aim), "missing", "not measured"))
            continue
        word = "missed" if not bound.is_met(ratio) else "aim reached" if ratio <= bound.aim else "met"
        limit = f"exactly {shown(bound.bound)}" if bound.exact else shown(bound.bound)
        rows.append((bound.what, bound.presets, limit, shown(bound.aim), shown(ratio), word))
    return table(("ratio", "presets", "bound", "aim", "measured", ""), rows)


def machine(work: Path) -> list[str]:
    """Give the shape of the machine."""
    cores = os.cpu_count() or 0
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3
    return [
        f"{cores} cores, {memory:.0f} GB of memory, {platform.system()} on {platform.machine()}",
        f"files on {file_system(work)}",
        f"{platform.python_implementation()} {platform.python_version()}",
    ]


def file_system(path: Path) -> str:
    """Give the kind of file system that a path lies on, where the kernel says so."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return "an unknown file system"
    holding = [(point, kind) for point, kind in mounts if path.is_relative_to(point)]
    return max(holding, key=lambda mount: len(mount[0]))[1] if holding else "an unknown file system"


def page(found: Found, lean: Environment, peers: Environment | None, work: Path) -> str:
    """Give the page of a whole run."""
    runtime = ", ".join(f"{name} {lean.versions[name]}" for name in RUNTIME if name in lean.versions)
    lines = [
        "# Results",
        "",
        "Made by `python benchmarks/run.py`, and never edited. Ratios are medians over runs by turns of whole "
        "processes; compare no cost of one table with one of another. [How it is measured](README.md).",
        "",
        *(f"- {line}" for line in machine(work)),
        f"- {runtime}",
        "",
        verdicts(found.ratios),
    ]
    for one in found.tables:
        lines += ["", f"## {one.title}", "", table(one.head, one.rows)]
    if peers is not None and peers.missing:
        lines += ["", "## Missing", "", *(f"- {name}: {reason}" for name, reason in peers.missing.items())]
    return "\n".join(lines) + "\n"
