"""Records what the old loader resolved from legacy/configs: one JSON file per preset and mix, below legacy/records/.

    python scripts/record_legacy.py            writes the records
    python scripts/record_legacy.py --check    compares them, and exits 1 where one differs

The algorithm is the old loader's, written down here once more and sharing nothing with `compiler/`: what proves the
compiler may not be made of it. Read with `yaml.safe_load`; bases in the order in which they are named, each resolved on
its own first, the file itself last; mappings merge, everything else replaces, null included. A mix stands alone.

A record says which tree it was made from: the digest of every file below legacy/configs. Where they
differ it is refused.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import yaml

LEGACY = Path(__file__).resolve().parent.parent / "legacy"
PRESETS = ("debug.yaml", "fusion_train/*.yaml", "grpo/*.yaml", "dlora/*.yaml", "smoke/*.yaml")
MIXES = ("dataset_mix/*.yaml",)


def tree_digest(legacy: Path) -> str:
    """Give `sha256:` of the names and bytes of every file of the legacy tree, sorted by name."""
    state = hashlib.sha256()
    for path in sorted((legacy / "configs").rglob("*"), key=lambda path: path.relative_to(legacy).as_posix()):
        if path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            state.update(f"{content} {path.relative_to(legacy).as_posix()}\n".encode())
    return f"sha256:{state.hexdigest()}"


def merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Lay one mapping on another, as the old loader did."""
    result = dict(under)
    for key, value in over.items():
        held = result.get(key)
        result[key] = merged(held, value) if isinstance(held, dict) and isinstance(value, dict) else value
    return result


def resolved(path: Path) -> dict[str, Any]:
    """Load a file with all that it extends, as the old loader did."""
    own = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    named = [own.pop(key) for key in ("extends", "inherit") if key in own]
    bases = [base for names in named for base in ([names] if isinstance(names, str) else names)]
    values: dict[str, Any] = {}
    for base in bases:
        values = merged(values, resolved((path.parent / base).resolve()))
    return merged(values, own)


def records(legacy: Path) -> dict[Path, str]:
    """Give the text of every record, by its path below `legacy`."""
    tree = tree_digest(legacy)
    made = {}
    for kind, globs in (("preset", PRESETS), ("mix", MIXES)):
        for path in sorted(found for glob in globs for found in (legacy / "configs").glob(glob)):
            source = path.relative_to(legacy)
            record = {
                "schema_version": 1,
                "kind": kind,
                "source": source.as_posix(),
                "tree": tree,
                "values": resolved(path),
            }
            text = json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False)
            made[Path("records") / source.with_suffix(".json")] = text + "\n"
    return made


def main() -> int:
    """Write or check the records; gives the exit code."""
    parser = argparse.ArgumentParser(description="Record what the old loader resolved.")
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    check = parser.parse_args().check
    wrong = []
    for path, text in records(LEGACY).items():
        file = LEGACY / path
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        wrong.append(path.as_posix())
        if not check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    for name in wrong:
        print(f"{'differs' if check else 'written'}  legacy/{name}")
    return int(check and bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
