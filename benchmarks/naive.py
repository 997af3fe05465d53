"""The naive loader, as most projects write one: load each file when it is named, merge, dump. Nothing is kept.

    python benchmarks/naive.py TREE OUT [--libyaml] [PRESET...]

Without presets it takes all of them. It lays no fusion config over anything, which is in its favour.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

import yaml


def merged(base: Any, over: Any) -> Any:
    """Merge two values: mappings deep, all else replaces."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    both = dict(base)
    for key, value in over.items():
        both[key] = merged(base[key], value) if key in base else value
    return both


def load(path: str, loader: Any) -> dict[str, Any]:
    """Load a file and everything that it extends."""
    with open(path, encoding="utf-8") as file:
        own: dict[str, Any] = yaml.load(file, loader)
    bases = own.pop("extends", [])
    values: dict[str, Any] = {}
    for base in [bases] if isinstance(bases, str) else bases:
        values = merged(values, load(os.path.join(os.path.dirname(path), base), loader))
    both: dict[str, Any] = merged(values, own)
    return both


def presets(root: str) -> list[str]:
    """Give the presets of a tree, from the config root."""
    found = []
    for folder, _, names in os.walk(os.path.join(root, "configs", "train")):
        found += [os.path.relpath(os.path.join(folder, name), os.path.join(root, "configs")) for name in names]
    return sorted(found)


def main() -> None:
    """Load and dump the presets."""
    asked = argparse.ArgumentParser()
    asked.add_argument("root")
    asked.add_argument("out")
    asked.add_argument("--libyaml", action="store_true")
    asked.add_argument("preset", nargs="*")
    options = asked.parse_args()
    loader, dumper = (yaml.CSafeLoader, yaml.CSafeDumper) if options.libyaml else (yaml.SafeLoader, yaml.SafeDumper)
    for preset in options.preset or presets(options.root):
        values = load(os.path.join(options.root, "configs", preset), loader)
        out = os.path.join(options.out, preset)
        os.makedirs(os.path.dirname(out), exist_ok=True)
        with open(out, "w", encoding="utf-8") as file:
            yaml.dump(values, file, dumper, sort_keys=False, allow_unicode=True)


if __name__ == "__main__":
    main()
