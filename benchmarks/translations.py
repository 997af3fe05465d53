"""Writes a tree in the words of each peer: the same fragments, the same order, the same values.

python benchmarks/translations.py PEER TREE FOLDER --presets 1000 --shape flat
"""

from __future__ import annotations

import argparse
import json
import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trees


def _bases(document: dict[str, Any], path: str) -> list[str]:
    """Give the fragments that one extends, from the config root."""
    named = document.get("extends", [])
    names = [named] if isinstance(named, str) else named
    return [posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) for name in names]


def _own(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "extends"}


def hydra(path: str, document: dict[str, Any]) -> tuple[str, str]:
    """A defaults list, every entry of it at the root."""
    defaults = [f"/{posixpath.splitext(base)[0]}@_global_" for base in _bases(document, path)]
    head = "# @package _global_\n"
    listed = "".join(f"  - {base}\n" for base in [*defaults, "_self_"])
    return path, f"{head}defaults:\n{listed}{trees.block(_own(document))}"


def jsonnet(path: str, document: dict[str, Any]) -> tuple[str, str]:
    """A sum of imports; a nested object adds to what is there."""
    here = posixpath.dirname(path)
    terms = [f"(import '{posixpath.relpath(base, here)}.jsonnet')" for base in _bases(document, path)]
    return f"{path}.jsonnet", " + ".join([*terms, _object(_own(document))]) + "\n"


def _object(value: Any) -> str:
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    fields = [
        f"{json.dumps(key)}{'+' if isinstance(item, dict) else ''}: {_object(item)}" for key, item in value.items()
    ]
    return "{ " + ", ".join(fields) + " }"


def reclass(path: str, document: dict[str, Any]) -> tuple[str, str]:
    """A class per fragment, a node per preset; `~` lets a list replace, as reclass would append."""
    classes = [posixpath.splitext(base)[0].replace("/", ".") for base in _bases(document, path)]
    is_node = path.startswith("train/")
    below = f"nodes/{posixpath.basename(path)}" if is_node else f"classes/{posixpath.splitext(path)[0]}.yml"
    return below, json.dumps({"classes": classes, "parameters": _replacing(_own(document))}, ensure_ascii=False)


def _replacing(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {f"~{key}" if isinstance(item, list) else key: _replacing(item) for key, item in value.items()}


WRITERS: dict[str, Callable[[str, dict[str, Any]], tuple[str, str]]] = {
    "hydra": hydra,
    "rjsonnet": jsonnet,
    "gojsonnet": jsonnet,
    "reclass": reclass,
}


def write(peer: str, folder: Path, presets: int, shape: trees.Shape) -> None:
    """Write a generated tree for a peer, without the fusion configs, which no peer lays over anything."""
    for path, document in trees.files(presets, shape).items():
        if path.startswith("fusion/"):
            continue
        below, text = WRITERS[peer](path, document)
        file = folder / below
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    asked = argparse.ArgumentParser()
    asked.add_argument("peer", choices=WRITERS)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--presets", type=int, default=1000)
    asked.add_argument("--shape", choices=("flat", "family"), default="flat")
    options = asked.parse_args()
    write(options.peer, options.folder, options.presets, options.shape)
