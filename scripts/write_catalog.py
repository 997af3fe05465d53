"""Writes the tables of the pages: every preset, component and mix with its old path in the playbook, and every check.

    python scripts/write_catalog.py

What a file is for is the first line of its comment; which mix a legacy mix became is known by its digest, and which
presets use a component by their merge order; what a check asks is the first sentence of its docstring. A test holds the
pages to what this writes.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable
from pathlib import Path

import yaml

from compiler import lint, settings
from compiler.catalog import Layout
from compiler.compose import Resolved
from compiler.pipeline import Workspace

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "docs/training/TRAINING_PLAYBOOK.md", ROOT / "docs/checks.md")


def purpose(path: str) -> str:
    """Give the first line of a file's comment, without its full stop."""
    first = (ROOT / path).read_text(encoding="utf-8").split("\n", 1)[0]
    return first.removeprefix("# ").rstrip(".") if first.startswith("# ") else ""


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Give a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def preset_table(workspace: Workspace, resolved: dict[str, Resolved]) -> str:
    """List the presets, each with what it was called and the mix that it names."""
    mapping = yaml.safe_load((ROOT / "legacy/mapping.yaml").read_text(encoding="utf-8"))["presets"]
    old = {new: path for path, new in mapping.items()}
    rows = []
    for name, path in workspace.sources.presets.items():
        mix = resolved[path].fusion
        named = f"`{workspace.layout.name_of(mix.source)}`" if mix is not None else "none"
        rows.append((f"`{name}`", f"`{old[path]}`" if path in old else "new", named, purpose(path)))
    return table(("preset", "old path, below `legacy/`", "mix", "what for"), rows)


def component_table(workspace: Workspace, resolved: dict[str, Resolved]) -> str:
    """List the components, each with its section and the presets whose merge order holds it."""
    rows = []
    for path in workspace.sources.components:
        section = next(iter(workspace.composer.extends.chain(path).own.value))
        users = [name for name, source in workspace.sources.presets.items() if path in resolved[source].chain.files()]
        who = f"`{users[0]}`" if len(users) == 1 else f"{len(users)} presets"
        rows.append((f"`{path.removeprefix('configs/')}`", f"`{section}`", purpose(path), who))
    return table(("component", "section", "what for", "used by"), rows)


def mix_table(workspace: Workspace, resolved: dict[str, Resolved]) -> str:
    """List the mixes, each with what it was called and who names it; the old one is known by its digest."""
    figures = json.loads((ROOT / "legacy/figures.json").read_text(encoding="utf-8"))["dataset_mixes"]
    old = {figure["digest"]: path for path, figure in figures.items()}
    rows = []
    for path in sorted({*workspace.sources.fusion.values(), *workspace.named_mixes()}):
        mix = workspace.composer.mix(path)
        users = [
            name
            for name, source in workspace.sources.presets.items()
            if (f := resolved[source].fusion) and f.source == path
        ]
        was = f"`{old[mix.digest]}`" if mix.digest in old else "new"
        rows.append((f"`{path.removeprefix('configs/')}`", was, ", ".join(f"`{name}`" for name in users) or "none"))
    return table(("mix", "old path, below `legacy/`", "named by"), rows)


def check_table(_workspace: Workspace, _resolved: dict[str, Resolved]) -> str:
    """List the checks, each with what it asks; what a check tells is said on the page of problems."""
    rows = []
    for code, (severity, functions) in lint.CHECKS.items():
        asked = [(function.__doc__ or "").split("\n\n")[0].replace("\n    ", " ") for function in functions]
        rows.append((f"[`{code}`](problems.md#{code})", severity, " ".join(dict.fromkeys(asked))))
    return table(("check", "severity", "what it asks"), rows)


def written(page: str) -> str:
    """Give a page with its tables as the tree has them now."""
    workspace = Workspace(Layout(str(ROOT), settings.load(str(ROOT))))
    resolved = {path: workspace.composer.preset(path) for path in workspace.sources.presets.values()}
    for name, make in (
        ("presets", preset_table),
        ("components", component_table),
        ("mixes", mix_table),
        ("checks", check_table),
    ):
        part = re.compile(rf"(<!-- catalog: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = make(workspace, resolved)
        page = part.sub(lambda found, text=text: f"{found[1]}{text}\n{found[2]}", page)  # type: ignore[misc]
    return page


if __name__ == "__main__":
    argparse.ArgumentParser(description="Write the tables of the playbook.").parse_args()
    for path in PAGES:
        before = path.read_text(encoding="utf-8")
        after = written(before)
        path.write_text(after, encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {'written' if after != before else 'unchanged'}")
