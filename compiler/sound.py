"""What was already found sound: a fragment that presets share is judged once, by the checks that look at one key alone.

What such a check says of a value of a preset, it says of the same value in the fragment that set it. So of a preset
that is made of sound fragments nothing need be looked at again, and of any other only what the others set.
"""

from __future__ import annotations

from collections.abc import Callable

from compiler.extends import Chain
from compiler.values import Node


class Sound:
    """The fragments of one tree in which no check found anything."""

    def __init__(self, is_sound: Callable[[Node], bool], hangs_on: tuple[str, str]) -> None:
        """Start with no fragment judged.

        Args:
            is_sound: says of the values of one fragment that no check finds anything, whatever they are merged with.
            hangs_on: a section and a key that checks look at besides the one that they judge.
        """
        self._is_sound = is_sound
        self._hangs_on = hangs_on
        self._unsound: dict[str, tuple[Node, ...]] = {}

    def rest(self, chain: Chain, values: Node) -> Node:
        """Give of a preset what must be looked at, in its order: the keys that a fragment sets which is not sound."""
        unsound = self._below(chain)
        if not unsound:
            return Node({}, values.origin)
        doubtful: dict[str, Node] = {}
        for section, node in values.value.items():
            setters = [own.value[section].value for own in unsound if section in own.value]
            if type(node.value) is not dict or not all(type(keys) is dict for keys in setters):
                if setters:
                    doubtful[section] = node
                continue
            kept = {
                key: child
                for key, child in node.value.items()
                if any(key in keys for keys in setters) or (section, key) == self._hangs_on
            }
            if kept:
                doubtful[section] = Node(kept, node.origin, node.shadows)
        return Node(doubtful, values.origin, values.shadows)

    def _below(self, chain: Chain) -> tuple[Node, ...]:
        """Give the values of those fragments of a chain that are not sound."""
        known = self._unsound.get(chain.path)
        if known is None:
            found = [own for base in chain.bases for own in self._below(base)]
            if not self._is_sound(chain.own):
                found.append(chain.own)
            known = self._unsound[chain.path] = tuple(dict.fromkeys(found))
        return known
