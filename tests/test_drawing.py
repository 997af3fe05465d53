"""drawing: who is made of what, as a text tree, for Graphviz and for Mermaid; hostile names mean nothing in any."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from builders import Files, opened, project
from compiler import drawing
from compiler.drawing import Edge, Graph
from compiler.pipeline import Workspace

MIX = "targets: [{name: a, dataset: d, train_jsonl: a.jsonl}]\n"
TREE: Files = {
    "configs/root.yaml": "x: 1\n",
    "configs/left.yaml": "extends: root.yaml\n",
    "configs/right.yaml": "extends: root.yaml\n",
    "configs/mixes/base.yaml": MIX,
    "configs/fusion/m.yaml": "extends: ../mixes/base.yaml\n",
    "configs/train/p.yaml": "extends: [../left.yaml, ../right.yaml]\nfusion: configs/fusion/m.yaml\n",
    "configs/train/q.yaml": "extends: p.yaml\n",
}


def graph(workspace: Workspace, *sources: str) -> Graph:
    """Give the graph of some sources, all of which compile."""
    found, problems = drawing.graph(workspace, sources or workspace.everything())
    assert problems == []
    return found


def test_the_text_draws_bases_in_order_and_the_mix_last(tmp_path: Path) -> None:
    """A diamond is drawn in both places, and what lies below it only once."""
    assert drawing.text(graph(project(tmp_path, TREE), "configs/train/p.yaml")) == [
        "configs/train/p.yaml",
        "├── configs/left.yaml",
        "│   └── configs/root.yaml",
        "├── configs/right.yaml",
        "│   └── configs/root.yaml",
        "└── mix configs/fusion/m.yaml",
        "    └── configs/mixes/base.yaml",
    ]


def test_a_part_that_was_drawn_is_not_drawn_again(tmp_path: Path) -> None:
    """`(above)` stands behind it, whether it is a base, a mix or a root; a file without bases needs none."""
    assert drawing.text(graph(project(tmp_path, TREE))) == [
        "configs/fusion/m.yaml",
        "└── configs/mixes/base.yaml",
        "configs/train/p.yaml",
        "├── configs/left.yaml",
        "│   └── configs/root.yaml",
        "├── configs/right.yaml",
        "│   └── configs/root.yaml",
        "└── mix configs/fusion/m.yaml  (above)",
        "configs/train/q.yaml",
        "├── configs/train/p.yaml  (above)",
        "└── mix configs/fusion/m.yaml  (above)",
    ]
    backwards = drawing.text(graph(project(tmp_path, TREE), "configs/train/q.yaml", "configs/train/p.yaml"))
    assert backwards[-1] == "configs/train/p.yaml  (above)"


def test_a_diamond_above_other_bases_is_drawn_once(tmp_path: Path) -> None:
    """Where a shared base has bases of its own, the second one says `(above)`."""
    files = {**TREE, "configs/root.yaml": "extends: deep.yaml\n", "configs/deep.yaml": "x: 1\n"}
    drawn = drawing.text(graph(project(tmp_path, files), "configs/train/p.yaml"))
    assert drawn[1:6] == [
        "├── configs/left.yaml",
        "│   └── configs/root.yaml",
        "│       └── configs/deep.yaml",
        "├── configs/right.yaml",
        "│   └── configs/root.yaml  (above)",
    ]


def test_every_file_is_a_node_once_and_every_edge_is_right(tmp_path: Path) -> None:
    """Of a graph with a diamond: seven files, each base once, and who names a mix."""
    found = graph(project(tmp_path, TREE))
    assert sorted(found.files) == sorted(TREE)
    assert found.roots == ("configs/fusion/m.yaml", "configs/train/p.yaml", "configs/train/q.yaml")
    assert set(found.edges) == {
        Edge("configs/fusion/m.yaml", "configs/mixes/base.yaml", "extends"),
        Edge("configs/left.yaml", "configs/root.yaml", "extends"),
        Edge("configs/right.yaml", "configs/root.yaml", "extends"),
        Edge("configs/train/p.yaml", "configs/left.yaml", "extends"),
        Edge("configs/train/p.yaml", "configs/right.yaml", "extends"),
        Edge("configs/train/p.yaml", "configs/fusion/m.yaml", "names"),
        Edge("configs/train/q.yaml", "configs/train/p.yaml", "extends"),
        Edge("configs/train/q.yaml", "configs/fusion/m.yaml", "names"),
    }
    assert len(found.edges) == 8


def test_what_does_not_compile_is_told_and_left_out(tmp_path: Path) -> None:
    """The others are drawn."""
    workspace = project(tmp_path, {**TREE, "configs/train/bad.yaml": "extends: gone.yaml\n"})
    found, problems = drawing.graph(workspace, workspace.everything())
    assert [problem.code for problem in problems] == ["missing-base"]
    assert "configs/train/bad.yaml" not in found.files
    assert set(TREE) == set(found.files)


def test_a_ladder_of_diamonds_is_walked_once(tmp_path: Path) -> None:
    """Each rung extends the one below it twice over, and its edges are still only two."""
    files = {"configs/b0.yaml": "x: 1\n", "configs/train/p.yaml": "extends: ../b11.yaml\n"}
    for rung in range(1, 12):
        files[f"configs/a{rung}.yaml"] = f"extends: b{rung - 1}.yaml\n"
        files[f"configs/b{rung}.yaml"] = f"extends: [a{rung}.yaml, b{rung - 1}.yaml]\n"
    found = graph(project(tmp_path, files))
    assert len(found.edges) == 3 * 11 + 1
    assert len(drawing.text(found)) <= 1 + len(found.edges)


# ---------------------------------------------------------------------------------------------- for programs


def test_dot_has_each_file_and_each_edge(tmp_path: Path) -> None:
    """Roots are bold, mixes dashed."""
    assert drawing.dot(graph(project(tmp_path, TREE), "configs/train/p.yaml")) == [
        "digraph trainlock {",
        "  rankdir=LR;",
        "  node [shape=box, fontname=monospace];",
        '  "configs/train/p.yaml" [style=bold];',
        '  "configs/left.yaml";',
        '  "configs/root.yaml";',
        '  "configs/right.yaml";',
        '  "configs/fusion/m.yaml";',
        '  "configs/mixes/base.yaml";',
        '  "configs/train/p.yaml" -> "configs/left.yaml";',
        '  "configs/left.yaml" -> "configs/root.yaml";',
        '  "configs/train/p.yaml" -> "configs/right.yaml";',
        '  "configs/right.yaml" -> "configs/root.yaml";',
        '  "configs/train/p.yaml" -> "configs/fusion/m.yaml" [style=dashed, label=mix];',
        '  "configs/fusion/m.yaml" -> "configs/mixes/base.yaml";',
        "}",
    ]


def test_mermaid_has_each_file_and_each_edge(tmp_path: Path) -> None:
    """Names are labels; numbers are the nodes."""
    assert drawing.mermaid(graph(project(tmp_path, TREE), "configs/train/p.yaml")) == [
        "flowchart LR",
        '  n0["configs/train/p.yaml"]',
        '  n1["configs/left.yaml"]',
        '  n2["configs/root.yaml"]',
        '  n3["configs/right.yaml"]',
        '  n4["configs/fusion/m.yaml"]',
        '  n5["configs/mixes/base.yaml"]',
        "  n0 --> n1",
        "  n1 --> n2",
        "  n0 --> n3",
        "  n3 --> n2",
        "  n0 -. mix .-> n4",
        "  n4 --> n5",
    ]


HOSTILE = [
    'a"b.yaml',
    "a\\.yaml",
    "a\nb.yaml",
    "a[b].yaml",
    "a;b.yaml",
    "a#quot;.yaml",
    "end.yaml",
    "-->.yaml",
    "<b>.yaml",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_a_name(name: str) -> None:
    """Quotes, brackets, backslashes and line breaks end no node and no line, in any of the three."""
    found = Graph((name,), (name, "b.yaml"), (Edge(name, "b.yaml", "extends"),))
    assert [len(draw(found)) for draw in (drawing.text, drawing.dot, drawing.mermaid)] == [2, 7, 4]
    for draw in (drawing.text, drawing.dot, drawing.mermaid):
        assert all("\n" not in line for line in draw(found))
    quoted = re.fullmatch(r'  "((?:[^"\\]|\\.)*)" \[style=bold\];', drawing.dot(found)[3])
    assert quoted is not None
    shown = re.sub(r"\\(.)", r"\1", quoted[1])
    assert shown == name.replace("\n", "\\n")
    label = re.fullmatch(r'  n0\["([^"\[\]<>]*)"\]', drawing.mermaid(found)[1])
    assert label is not None
    assert re.sub(r"#(\d+);", lambda code: chr(int(code[1])), label[1]) == name.replace("\n", "\\n")


def test_the_shipped_tree_is_drawn_whole() -> None:
    """Every preset and mix is a root, each file a node once, and every edge joins two of them."""
    workspace = opened()
    found = graph(workspace)
    assert list(found.roots) == workspace.everything()
    assert len(set(found.files)) == len(found.files)
    assert len(set(found.edges)) == len(found.edges)
    assert {name for edge in found.edges for name in edge[:2]} <= set(found.files)
    assert sum(line.startswith("  n") and "[" in line for line in drawing.mermaid(found)) == len(found.files)
    assert len(drawing.dot(found)) == 4 + len(found.files) + len(found.edges)
    for source in found.roots:
        assert set(workspace.resolve(source).chain.files()) <= set(found.files)
