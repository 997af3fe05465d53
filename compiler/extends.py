"""Which fragments a file is made of, and in what order they apply.

`Extends` follows references from a file to its bases and gives a `Chain`: a tree, because deep merge is not
associative once null or a scalar masks a mapping, so each base is folded on its own first. A base reached twice (a
diamond) is legal and is applied twice. Every file is loaded and parsed once. Values are not merged here.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Final, NamedTuple

from compiler.problems import Invalid, Note, Problem, did_you_mean
from compiler.reader import Fragment, read
from compiler.tree import Source, Tree, load
from compiler.values import Node, Origin

MAX_DEPTH: Final = 100
"""How many files one may extend the other in a row; real chains are nine deep."""

MAX_LINKS: Final = 10_000
"""How many files may apply in all, one that is reached twice counted twice."""


class Reference(NamedTuple):
    """One name in an `extends`: the file it stands for, and where it is written."""

    target: str
    origin: Origin


class Chain:
    """A fragment, the chains of its bases in the order they are named, and its values without the extends key."""

    __slots__ = ("bases", "fragment", "links", "own", "path", "references")

    def __init__(
        self, fragment: Fragment, own: Node, references: tuple[Reference, ...], bases: tuple[Chain, ...]
    ) -> None:
        self.fragment = fragment
        self.path = fragment.source.path
        self.own = own
        self.references = references
        self.bases = bases
        self.links: int = 1 + sum(base.links for base in bases)

    def merge_order(self) -> Iterator[Chain]:
        """Yield the chain's links, weakest first; a link that is reached twice comes twice."""
        for base in self.bases:
            yield from base.merge_order()
        yield self

    def files(self) -> list[str]:
        """Give the paths in merge order; of a file that applies twice the last place, which is the one that counts."""
        return list(dict.fromkeys(reversed([link.path for link in self.merge_order()])))[::-1]

    def depth(self) -> int:
        """Give how many links the longest way down has; 1 for a file without bases."""
        return 1 + max((base.depth() for base in self.bases), default=0)


class Extends:
    """Follows references within one tree, each file once."""

    def __init__(self, tree: Tree, configs: str, keys: tuple[str, ...]) -> None:
        """Start with nothing read.

        Args:
            tree: where bytes come from.
            configs: the config root, from the repository root; no base lies outside of it.
            keys: the keys that name bases.
        """
        self.tree = tree
        self.configs = configs
        self.keys = keys
        self.sources: dict[str, Source] = {}
        self._fragments: dict[str, Fragment | Invalid] = {}
        self._chains: dict[str, Chain | Invalid] = {}
        self._named_by: dict[str, Origin] = {}
        self._named: dict[str, tuple[list[Reference], list[Problem]]] = {}
        self._exists: dict[str, bool] = {}

    def chain(self, path: str) -> Chain:
        """Give the chain of a file.

        Raises:
            Invalid: every problem of reading and of references in all the files it reaches.
        """
        made = self._chains.get(path)
        if made is None:
            made = self._walk(path, ())
        if isinstance(made, Invalid):
            raise made
        return made

    def closure(self, path: str) -> set[str]:
        """Give every file that a file reaches and that could be loaded, itself included; never raises."""
        reached: set[str] = set()
        waiting = [path]
        while waiting:
            current = waiting.pop()
            if current in reached:
                continue
            fragment = self._fragment(current)
            if current in self.sources:
                reached.add(current)
            if isinstance(fragment, Fragment):
                waiting += [reference.target for reference in self._references(fragment)[0]]
        return reached

    def body(self, path: str) -> Node:
        """Give the values of one file alone, as read.

        Raises:
            Invalid: what is wrong with reading it.
        """
        fragment = self._fragment(path)
        if isinstance(fragment, Invalid):
            raise fragment
        return fragment.body

    def _fragment(self, path: str) -> Fragment | Invalid:
        made = self._fragments.get(path)
        if made is None:
            try:
                outside = self._outside(path)
                if outside is not None:
                    raise Invalid(outside)
                source = self.sources[path] = load(self.tree, path)
                made = read(source)
            except Invalid as problems:
                made = problems
            self._fragments[path] = made
        return made

    def _outside(self, path: str) -> Problem | None:
        """Refuse a file that a symbolic link takes out of the config root."""
        real = self.tree.real(path)
        if real == path or _is_below(real, self.tree.real(self.configs)):
            return None
        return Problem(
            "outside-root",
            f"`{path}` is a link to a file outside the config root",
            Origin(path, 0, 0),
            why=f"every fragment lies below `{self.configs}`",
        )

    def _walk(self, path: str, above: tuple[Reference, ...]) -> Chain | Invalid:
        """Build the chain of a file below those in `above`; a result that a cycle cut short is not kept."""
        made = self._chains.get(path)
        if made is not None:
            return made
        fragment = self._fragment(path)
        problems: list[Problem] = []
        bases: list[Chain] = []
        references: list[Reference] = []
        if isinstance(fragment, Invalid):
            problems += fragment.problems
        else:
            references, wrong = self._references(fragment)
            problems += wrong
            for reference in references:
                trail = (*above, Reference(path, reference.origin))
                if any(step.target == reference.target for step in trail):
                    problems.append(_cycle(reference.target, trail))
                    continue
                if len(trail) >= MAX_DEPTH:
                    problems.append(
                        Problem(
                            "too-deep",
                            f"more than {MAX_DEPTH} files extend one another in a row",
                            reference.origin,
                        )
                    )
                    continue
                self._named_by.setdefault(reference.target, reference.origin)
                base = self._walk(reference.target, trail)
                if isinstance(base, Invalid):
                    problems += base.problems
                else:
                    bases.append(base)
            if sum(base.links for base in bases) >= MAX_LINKS:
                problems.append(
                    Problem(
                        "too-large",
                        f"the bases of this file bring in more than {MAX_LINKS:,} files",
                        Origin(path, 0, 0),
                    )
                )
        result: Chain | Invalid
        if problems or isinstance(fragment, Invalid):
            result = Invalid(*dict.fromkeys(problems))
        else:
            result = Chain(fragment, self._own(fragment), tuple(references), tuple(bases))
        if not (above and any(problem.code == "extends-cycle" for problem in problems)):
            self._chains[path] = result
        return result

    def _own(self, fragment: Fragment) -> Node:
        body = fragment.body
        if not any(key in body.value for key in self.keys):
            return body
        return Node({key: child for key, child in body.value.items() if key not in self.keys}, body.origin)

    def _references(self, fragment: Fragment) -> tuple[list[Reference], list[Problem]]:
        """Give the files that a fragment names and that can be followed, and what is wrong with the others."""
        path = fragment.source.path
        named = self._named.get(path)
        if named is None:
            named = self._named[path] = self._read_references(fragment)
        return named

    def _read_references(self, fragment: Fragment) -> tuple[list[Reference], list[Problem]]:
        body = fragment.body.value
        named = [key for key in self.keys if key in body]
        if not named:
            return [], []
        if len(named) > 1:
            first, second = (body[key].origin for key in named[:2])
            return [], [
                Problem(
                    "bad-extends",
                    f"both `{named[0]}` and `{named[1]}` name bases",
                    max(first, second),
                    why="the order of the two would be a guess",
                    notes=(Note(min(first, second), "is the other"),),
                    hint="write one list",
                )
            ]
        key = named[0]
        node = body[key]
        place = fragment.value_places.get(key, node.origin)
        if type(node.value) is str:
            names = [(node.value, place)]
        elif type(node.value) is list and all(type(item.value) is str for item in node.value):
            names = [(item.value, item.origin) for item in node.value]
        else:
            wrong = (
                next((item for item in node.value if type(item.value) is not str), node)
                if type(node.value) is list
                else node
            )
            return [], [
                Problem(
                    "bad-extends",
                    f"`{key}` takes a path, or a list of paths",
                    wrong.origin if wrong is not node else place,
                    why="each base is the path of a file, relative to the file that names it",
                )
            ]
        references: list[Reference] = []
        problems: list[Problem] = []
        for name, origin in names:
            target = posixpath.normpath(posixpath.join(posixpath.dirname(fragment.source.path), name))
            problem = self._unfit(name, target, origin, fragment)
            if problem is None:
                references.append(Reference(target, origin))
            else:
                problems.append(problem)
        return references, problems

    def _unfit(self, name: str, target: str, origin: Origin, fragment: Fragment) -> Problem | None:
        notes = self._trail(fragment.source.path)
        rule = "a base is looked up relative to the file that names it"
        if not name.strip() or "\0" in name:
            return Problem(
                "bad-extends",
                "the path of a base is empty" if not name.strip() else "the path of a base holds a NUL",
                origin,
                why=rule,
                notes=notes,
            )
        if name.startswith("/"):
            return Problem(
                "absolute-base",
                f"base `{name}` is an absolute path",
                origin,
                why=rule,
                notes=notes,
                hint="write it relative to this file",
            )
        if not _is_below(target, self.configs):
            return Problem(
                "outside-root",
                f"base `{name}` lies outside the config root",
                origin,
                why=f"every fragment lies below `{self.configs}`",
                notes=notes,
            )
        found = self._exists.get(target)
        if found is None:
            found = self._exists[target] = self.tree.exists(target)
        if found:
            return None
        folder = posixpath.dirname(target)
        siblings = {file for file in self.tree.names(folder) if file.endswith((".yaml", ".yml", ".json"))}
        hint = did_you_mean(posixpath.basename(target), siblings)
        if "`" in hint:
            start = name[: len(name) - len(posixpath.basename(name))]
            hint = hint.replace(" `", f" `{start}")
        return Problem("missing-base", f"base `{name}` does not exist", origin, why=rule, notes=notes, hint=hint)

    def _trail(self, path: str) -> tuple[Note, ...]:
        """Say who extends a file, and who extends that one, up to the preset that was asked for."""
        notes: list[Note] = []
        seen = {path}
        origin = self._named_by.get(path)
        while origin is not None and origin.file not in seen:
            notes.append(Note(origin, "extends this file" if not notes else f"extends `{notes[-1].origin.file}`"))
            seen.add(origin.file)
            origin = self._named_by.get(origin.file)
        return tuple(notes)


def _is_below(path: str, folder: str) -> bool:
    if folder == ".":
        return path != ".." and not path.startswith(("../", "/"))
    return path.startswith(folder + "/")


def _cycle(target: str, trail: tuple[Reference, ...]) -> Problem:
    """Name a cycle the same way from wherever it was entered: at the reference of its first file by name."""
    start = next(index for index, step in enumerate(trail) if step.target == target)
    ring = list(trail[start:])
    turn = ring.index(min(ring))
    ring = ring[turn:] + ring[:turn]
    names = [step.target for step in ring]
    return Problem(
        "extends-cycle",
        "the file extends itself"
        if len(ring) == 1
        else "the files extend each other: " + " -> ".join(f"`{name}`" for name in [*names, names[0]]),
        ring[0].origin,
        why="a file applies after all of its bases",
        notes=tuple(
            Note(step.origin, f"extends `{after}`")
            for step, after in zip(ring[1:], [*names[2:], names[0]], strict=True)
        ),
        hint="take one of these references out",
    )
