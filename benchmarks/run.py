"""Measures trainlock beside its peers, prints what it found, and writes benchmarks/RESULTS.md.

    python benchmarks/run.py                 everything: some ten minutes, and four gigabytes for a while
    python benchmarks/run.py --gate          the same, and exit 1 where a bound is missed
    python benchmarks/run.py --small --gate  what .ci/run does: smaller samples, no peers, a bound missed twofold
    python benchmarks/run.py --only nothing  one section; writes no results

Makes three virtual environments: trainlock and its dependencies, in which it is measured; doit alone; and the peers.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

import environments
from bounds import misses
from results import page, table, verdicts
from sections import GATE, SECTIONS, Bench, Found, Table

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"

ROOM = 6 * 1024**3
"""The bytes that a whole run may need."""

SLACK = 2.0
"""How many times the small gate lets a bound be missed: it runs on machines that nobody knows."""


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)


def in_memory() -> Path | None:
    """Give a file system in memory that is large enough, where there is one: a disk has its moods, and hides costs."""
    place = Path("/dev/shm")
    return place if os.access(place, os.W_OK) and shutil.disk_usage(place).free > ROOM else None


def measured(bench: Bench, names: list[str]) -> Found:
    """Run sections one after the other."""
    ratios: dict[str, float | None] = {}
    tables: list[Table] = []
    for name in names:
        say(f"{name}: {SECTIONS[name].__doc__}")
        found = SECTIONS[name](bench)
        ratios |= found.ratios
        tables += found.tables
        for one in found.tables:
            print(f"\n{one.title}\n\n{table(one.head, one.rows)}", flush=True)
    return Found(ratios, tables)


def main() -> int:
    """Measure; gives the exit code."""
    asked = argparse.ArgumentParser(description="Measure trainlock beside its peers.")
    asked.add_argument("--gate", action="store_true", help="exit 1 where a bound is missed")
    asked.add_argument("--small", action="store_true", help="smaller samples, no peers, and a bound missed twofold")
    asked.add_argument("--only", action="append", choices=SECTIONS, help="a section; may be repeated")
    asked.add_argument("--work", type=Path, help="where to make a folder to work in (default: in memory if it fits)")
    options = asked.parse_args()
    names = options.only or list(GATE if options.small else SECTIONS)
    slack = SLACK if options.small else 1.0
    with tempfile.TemporaryDirectory(prefix="trainlock-bench-", dir=options.work or in_memory()) as folder:
        work = Path(folder)
        try:
            say("environments: trainlock, and its peers")
            lean = environments.lean(work / "lean")
            stock = environments.stock(work / "stock", lean.versions["doit"])
            peers = environments.peers(work / "peers") if not options.small else None
            found = measured(Bench(work, lean, stock, peers, small=options.small, say=say), names)
        except RuntimeError as error:  # a process that failed, or an environment that cannot be made
            say(f"error: {error}")
            return 3
        print(f"\n{verdicts(found.ratios)}")
        if not options.small and not options.only:
            RESULTS.write_text(page(found, lean, peers, work), encoding="utf-8")
            say(f"wrote {RESULTS.relative_to(RESULTS.parent.parent)}")
    missed = misses(found.ratios, slack) if options.gate else []
    for line in missed:
        say(f"missed: {line}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
