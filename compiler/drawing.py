"""The composition of presets as a graph: as a text tree, for Graphviz, and for Mermaid."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from compiler.extends import Chain
from compiler.pipeline import Workspace
from compiler.problems import Invalid, Problem, printable


class Edge(NamedTuple):
    """One file that needs another: `extends`, or `names` for a preset and its mix."""

    source: str
    target: str
    kind: str


class Graph(NamedTuple):
    """The roots that were asked for, every file, each once, and the edges between them."""

    roots: tuple[str, ...]
    files: tuple[str, ...]
    edges: tuple[Edge, ...]


def graph(workspace: Workspace, sources: Iterable[str]) -> tuple[Graph, list[Problem]]:
    """Give the composition graph of presets and fusion configs; those that do not compile are told, and left out."""
    roots: list[str] = []
    edges: dict[Edge, None] = {}
    problems: list[Problem] = []
    for source in sources:
        try:
            resolved = workspace.resolve(source)
        except Invalid as invalid:
            problems += invalid.problems
            continue
        roots.append(source)
        _walk(resolved.chain, edges)
        if resolved.fusion is not None:
            edges[Edge(source, resolved.fusion.source, "names")] = None
            _walk(resolved.fusion.chain, edges)
    files = dict.fromkeys([*roots, *(file for edge in edges for file in (edge.source, edge.target))])
    return Graph(tuple(roots), tuple(files), tuple(edges)), problems


def _walk(chain: Chain, edges: dict[Edge, None]) -> None:
    for base in chain.bases:
        edge = Edge(chain.path, base.path, "extends")
        if edge not in edges:  # else all below was walked, too
            edges[edge] = None
            _walk(base, edges)


def text(found: Graph) -> list[str]:
    """Draw a tree per root: bases in the order in which they apply, the mix last; each part is drawn once."""
    below: dict[str, list[Edge]] = {}
    for edge in found.edges:
        below.setdefault(edge.source, []).append(edge)
    lines: list[str] = []
    drawn: set[str] = set()

    def draw(file: str, lead: str) -> None:
        edges = below.get(file, [])
        if file in drawn and edges:
            lines[-1] += "  (above)"
            return
        drawn.add(file)
        for index, edge in enumerate(edges):
            last = index == len(edges) - 1
            mark = "mix " if edge.kind == "names" else ""
            lines.append(f"{lead}{'└── ' if last else '├── '}{mark}{printable(edge.target)}")
            draw(edge.target, lead + ("    " if last else "│   "))

    for root in found.roots:
        lines.append(printable(root))
        draw(root, "")
    return lines


def dot(found: Graph) -> list[str]:
    """Write the graph for Graphviz."""
    lines = ["digraph trainlock {", "  rankdir=LR;", "  node [shape=box, fontname=monospace];"]
    lines += [f"  {_quoted(file)}{' [style=bold]' if file in found.roots else ''};" for file in found.files]
    for edge in found.edges:
        style = " [style=dashed, label=mix]" if edge.kind == "names" else ""
        lines.append(f"  {_quoted(edge.source)} -> {_quoted(edge.target)}{style};")
    return [*lines, "}"]


def _quoted(name: str) -> str:
    escaped = printable(name).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def mermaid(found: Graph) -> list[str]:
    """Write the graph for Mermaid; names are labels, so that none of them can mean anything."""
    number = {file: f"n{index}" for index, file in enumerate(found.files)}
    lines = ["flowchart LR"]
    lines += [f'  {number[file]}["{_label(file)}"]' for file in found.files]
    arrows = {"extends": "-->", "names": "-. mix .->"}
    return [*lines, *(f"  {number[one.source]} {arrows[one.kind]} {number[one.target]}" for one in found.edges)]


def _label(name: str) -> str:
    return "".join(char if char.isalnum() or char in "/._- " else f"#{ord(char)};" for char in printable(name))
