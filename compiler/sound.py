"""What was already found sound: a value that presets share is judged once, by the checks that look at its key alone.

Nodes of one preset alone are not kept, as there may be a hundred thousand of them; a node that is kept stays alive, so
that no other can take its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from compiler.problems import Problem
from compiler.values import Node


class Sound:
    """The values of one tree in which no check found anything, by section and key."""

    def __init__(self) -> None:
        self._sections: set[tuple[str, Node]] = set()
        self._values: dict[str, set[tuple[str, Node]]] = {}

    def rest(self, values: Node) -> Node:
        """Give a preset without what is known to be sound: less to look at, in the same order."""
        doubtful = {}
        for section, node in values.value.items():
            if (section, node) in self._sections:
                continue
            known = self._values.get(section)
            if known is None or type(node.value) is not dict:
                doubtful[section] = node
            else:
                left = [item for item in node.value.items() if item not in known]
                if left:
                    doubtful[section] = Node(dict(left), node.origin, node.shadows)
        return Node(doubtful, values.origin, values.shadows)

    def learn(
        self, values: Node, rest: Node, problems: Iterable[Problem], owner: str, hangs: Callable[[str, str], bool]
    ) -> None:
        """Keep what was looked at and found sound.

        Args:
            values: the preset.
            rest: of it, what was looked at.
            problems: what was found; nothing of a file that has a problem is kept.
            owner: the file of the preset; nothing that it holds itself is kept.
            hangs: says of a section and a key that the verdict hangs on other values, too.
        """
        files = {owner, *(problem.origin.file for problem in problems)}
        for section, node in rest.value.items():
            if type(node.value) is not dict:
                continue
            known = self._values.setdefault(section, set())
            is_whole = node.origin.file not in files
            for item in node.value.items():
                if item[1].origin.file in files or hangs(section, item[0]):
                    is_whole = False
                else:
                    known.add(item)
            if is_whole and all(item in known for item in values.value[section].value.items()):
                self._sections.add((section, values.value[section]))
