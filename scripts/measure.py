"""Measures the tests, and writes what it finds into docs/reliability.md.

    pip install -e '.[test,browser,measure]'
    python scripts/measure.py coverage     # the whole suite, with the branches that it takes: twice its usual time
    python scripts/measure.py mutants      # a fixed fifth of the mutants of six modules: ten minutes on two cores
    python scripts/measure.py WHAT --read  # of the last run, which is not repeated

Exit code 1 if tests fail, or if a mutant survives for which the page has no reason.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/reliability.md"

SAMPLE = "*[27]"
"""The mutants whose number ends in 2 or 7: the same ones in every run."""

KILLED, UNTOUCHED = (1, 3), 33
"""What mutmut keeps of a mutant at which a test failed, and of one that no test comes near; None of one not tried."""

LOW = 95
"""Per cent; modules below it are named."""

UNEXAMINED = "not examined"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Give a Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, tuple("---" for _ in head), *rows))


def run(*command: str) -> int:
    """Run a command of an installed package in the repository."""
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode


def put(name: str, text: str) -> None:
    """Put a text between the markers of that name."""
    page = PAGE.read_text(encoding="utf-8")
    marks = re.compile(rf"(<!-- measured: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    changed, count = marks.subn(lambda found: f"{found[1]}{text}\n{found[2]}", page)
    if count != 1:
        raise SystemExit(f"{PAGE.name} has no place for `{name}`")
    PAGE.write_text(changed, encoding="utf-8")


# ---------------------------------------------------------------------------------------------- coverage


def coverage(*, read: bool) -> int:
    """Run the suite and count the lines and branches of `compiler/` that it takes, in every process that it starts."""
    failed = 0
    if not read:
        run("coverage", "erase")
        failed = run("coverage", "run", "-m", "pytest")
        run("coverage", "combine", "-q")
    run("coverage", "json", "-q", "-o", "coverage.json")
    found = json.loads((ROOT / "coverage.json").read_text(encoding="utf-8"))
    put("coverage", covered(found))
    return int(failed != 0)


def covered(found: dict[str, Any]) -> str:
    """Word what was covered: all modules together, then those of which less is."""
    rows = [("all modules", found["totals"])]
    modules = sorted(found["files"].items(), key=lambda item: item[1]["summary"]["percent_covered"])
    rows += [
        (f"`{Path(path).stem}`", file["summary"]) for path, file in modules if file["summary"]["percent_covered"] < LOW
    ]
    return table(
        ("of", "statements", "branches", "both"),
        [
            (
                name,
                f"{one['covered_lines']} of {one['num_statements']}",
                f"{one['covered_branches']} of {one['num_branches']}",
                f"{one['percent_covered']:.1f} %",
            )
            for name, one in rows
        ],
    )


# ---------------------------------------------------------------------------------------------- mutants


def mutants(*, read: bool) -> int:
    """Change the code at many places, one at a time, and see whether the tests of the six modules notice."""
    if not read:
        run("mutmut", "run", SAMPLE)
    rows, survivors = [], []
    total: Counter[str] = Counter()
    for path in sorted((ROOT / "mutants/compiler").glob("*.meta")):
        tried = {
            name: code for name, code in json.loads(path.read_text())["exit_code_by_key"].items() if code is not None
        }
        if tried:
            counts = Counter(
                "caught"
                if code in KILLED
                else "untouched"
                if code == UNTOUCHED
                else "survived"
                if code == 0
                else "slow"
                for code in tried.values()
            )
            total += counts
            rows.append((path.name.split(".")[0], counts))
            survivors += [(path.name.split(".")[0], name) for name, code in tried.items() if code in (0, UNTOUCHED)]
    lines = [
        (
            name,
            str(sum(counts.values())),
            str(counts["caught"] + counts["slow"]),
            str(counts["survived"] + counts["untouched"]),
        )
        for name, counts in [("all six", total), *((f"`{name}`", counts) for name, counts in rows)]
    ]
    reasons = examined(PAGE.read_text(encoding="utf-8"))
    listed = []
    for module, name in survivors:
        changed = (f"`{module}`", *change(name))
        listed.append((*changed, reasons.get(changed, UNEXAMINED)))
    put("mutants", table(("module", "mutants", "caught", "survived"), lines))
    put("survivors", table(("module", "as it is", "as the mutant has it", "why no test tells them apart"), listed))
    return int(any(row[-1] == UNEXAMINED for row in listed))


def change(name: str) -> tuple[str, str]:
    """Give the line that a mutant changes, and what it makes of it, as the page shows them."""
    shown = subprocess.run(
        [sys.executable, "-m", "mutmut", "show", name], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    old, new = (
        " ".join(
            line[1:].strip() for line in shown.splitlines() if re.match(rf"\{sign}(?!{re.escape(sign * 2)})", line)
        )
        for sign in "-+"
    )
    return code(old), code(new)


def code(text: str) -> str:
    """Write code in a cell of a table."""
    return "`` " + text.replace("|", "\\|") + " ``" if text else "nothing"


def examined(page: str) -> dict[tuple[str, ...], str]:
    """Give the reasons that the page has, by what they are for."""
    part = page.partition("<!-- measured: survivors -->\n")[2].partition("<!-- end -->")[0]
    rows = [tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]) for line in part.splitlines()[2:]]
    return {row[:3]: row[3] for row in rows if len(row) == 4}


def main() -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("coverage", "mutants"))
    parser.add_argument("--read", action="store_true", help="of the last run")
    given = parser.parse_args()
    return {"coverage": coverage, "mutants": mutants}[given.what](read=given.read)


if __name__ == "__main__":
    sys.exit(main())
