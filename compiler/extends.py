"""Which fragments a file is made of, and in what order they apply.

`Extends` follows references from a file to its bases and gives a `Chain`: a tree, because deep merge is not
associative once null or a scalar masks a mapping, so each base is folded on its own first. A base reached twice (a
diamond) is legal and is applied twice. Every file is loaded and parsed once. Values are not merged here.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

from compiler.catalog import FUSION_SUFFIXES
from compiler.problems import Invalid, Note, Problem, choice, did_you_mean
from compiler.reader import Fragment, read
from compiler.references import Reference, cycle_problem, near_extends
from compiler.tree import Source, Tree, load
from compiler.values import Node, Origin

MAX_DEPTH: Final = 100
"""How many files one may extend the other in a row; real chains are nine deep."""

MAX_LINKS: Final = 10_000
"""How many files may apply in all, one that is reached twice counted twice."""


MAX_HINTS: Final = 20
"""For how many missing bases of a run the nearest name is looked up; more are one mistake, repeated."""


OF_A_BASE: Final = ("absolute-base", "bad-extends", "missing-base", "outside-root")
"""The codes of what can be wrong with one name in an extends key."""


class Stack:
    """The chains of the bases that a file names, in order; files that name the same bases in one order share them.

    `links`, `depth` and `closure` are those of `Chain`, without the file itself; `users` counts the files.
    """

    __slots__ = ("_files", "chains", "closure", "depth", "links", "users")

    def __init__(self, chains: tuple[Chain, ...]) -> None:
        self.chains = chains
        self.links: int = sum([base.links for base in chains])
        self.depth: int = max([base.depth for base in chains], default=0)
        self.closure: frozenset[str] = frozenset().union(*[base.closure for base in chains])
        self.users = 0
        self._files: tuple[str, ...] | None = None

    def files(self) -> tuple[str, ...]:
        """Give the paths in merge order; of a file that applies twice the last place, which is the one that counts."""
        if self._files is None:
            order = [path for base in self.chains for path in base.files()]
            self._files = tuple(dict.fromkeys(reversed(order)))[::-1]
        return self._files


class Chain:
    """A fragment, the chains of its bases in the order they are named, and its values without the extends key.

    `links` counts the files that apply, one that is reached twice twice; `depth` the files of the longest way down;
    `closure` holds the path of every file of the chain.
    """

    __slots__ = ("bases", "closure", "depth", "fragment", "links", "own", "path", "references", "stack")

    def __init__(self, fragment: Fragment, own: Node, references: tuple[Reference, ...], stack: Stack) -> None:
        self.fragment = fragment
        self.path = fragment.source.path
        self.own = own
        self.references = references
        self.stack = stack
        self.bases = stack.chains
        self.links = 1 + stack.links
        self.depth = 1 + stack.depth
        self.closure = stack.closure | {self.path}

    def merge_order(self) -> Iterator[Chain]:
        """Yield the chain's links, weakest first; a link that is reached twice comes twice."""
        for base in self.bases:
            yield from base.merge_order()
        yield self

    def files(self) -> tuple[str, ...]:
        """Give the paths in merge order; of a file that applies twice the last place, which is the one that counts."""
        return (*self.stack.files(), self.path)


class Extends:
    """Follows references within one tree, each file once."""

    def __init__(self, tree: Tree, configs: str, keys: tuple[str, ...], known: Callable[[], list[str]] = list) -> None:
        """Start with nothing read.

        Args:
            tree: where bytes come from.
            configs: the config root, from the repository root; no base lies outside of it.
            keys: the keys that name bases.
            known: gives the files that exist, for hints.
        """
        self._known = known
        self.tree = tree
        self.configs = configs
        self.keys = keys
        self.sources: dict[str, Source] = {}
        self._fragments: dict[str, Fragment | Invalid] = {}
        self._chains: dict[str, Chain | Invalid] = {}
        self._stacks: dict[tuple[Chain, ...], Stack] = {}
        self._named_by: dict[str, Origin] = {}
        self._named: dict[str, tuple[list[Reference], list[Problem]]] = {}
        self._targets: dict[tuple[str, str], str] = {}
        self._exists: dict[str, bool] = {}
        self._hints = 0
        self._names: dict[str, list[str]] = {}

    def chain(self, path: str) -> Chain:
        """Give the chain of a file.

        Raises:
            Invalid: every problem of reading and of references in all the files it reaches.
        """
        made = self._chains.get(path)
        if made is None:
            self._follow(path)
            made = self._chains[path]
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

    def _follow(self, start: str) -> None:
        """Build the chains of a file and of all it reaches, bases first; a stack of our own, as chains may be long."""
        open_files = {start: Origin(start, 0, 0)}
        cycles: dict[str, list[Problem]] = {}
        while open_files:
            path = next(reversed(open_files))
            fragment = self._fragment(path)
            references, problems = self._references(fragment) if isinstance(fragment, Fragment) else ([], [])
            waiting = None
            for reference in references:
                if reference.target in open_files:
                    trail = [*open_files.items()]
                    steps = [Reference(file, after[1]) for (file, _), after in pairwise(trail)]
                    cycle = cycle_problem(reference.target, (*steps, Reference(path, reference.origin)))
                    if cycle not in cycles.setdefault(path, []):
                        cycles[path].append(cycle)
                elif reference.target not in self._chains:
                    waiting = reference
                    break
            if waiting is not None:
                self._named_by.setdefault(waiting.target, waiting.origin)
                open_files[waiting.target] = waiting.origin
                continue
            read_problems = fragment.problems if isinstance(fragment, Invalid) else ()
            found = [*self._with_trail(path, [*read_problems, *problems]), *cycles.get(path, ())]
            self._chains[path] = self._linked(fragment, references, found)
            del open_files[path]

    def _with_trail(self, path: str, problems: list[Problem]) -> list[Problem]:
        """Add who names a file to what is wrong with its bases, and to what has no line in the file itself."""
        trail = self._trail(path) if problems else ()
        return [
            problem._replace(notes=(*problem.notes, *trail))
            if problem.code in OF_A_BASE or not problem.origin.line
            else problem
            for problem in problems
        ]

    def _linked(
        self, fragment: Fragment | Invalid, references: list[Reference], problems: list[Problem]
    ) -> Chain | Invalid:
        """Give the chain of a file whose bases are known, or all that is wrong with it and with them."""
        bases: list[Chain] = []
        links = 0
        for reference in references:
            base = self._chains.get(reference.target)
            if type(base) is Chain:
                bases.append(base)
                links += base.links
                if base.depth >= MAX_DEPTH:
                    message = f"more than {MAX_DEPTH} files extend one another in a row"
                    problems.append(Problem("too-deep", message, reference.origin))
            elif isinstance(base, Invalid):
                problems += base.problems
        if not problems and links >= MAX_LINKS:
            message = f"the bases of this file bring in more than {MAX_LINKS:,} files"
            problems.append(Problem("too-large", message, references[0].origin))
        if problems or isinstance(fragment, Invalid):
            return Invalid(*dict.fromkeys(problems))
        fragment.warnings += tuple(near_extends(fragment, self.keys, self.tree.exists))
        chains = tuple(bases)
        stack = self._stacks.get(chains)
        if stack is None:
            stack = self._stacks[chains] = Stack(chains)
        stack.users += 1
        return Chain(fragment, self._own(fragment), tuple(references), stack)

    def _own(self, fragment: Fragment) -> Node:
        body = fragment.body
        own = dict(body.value)
        for key in self.keys:
            own.pop(key, None)
        return Node(own, body.origin) if len(own) < len(body.value) else body

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
        folder = posixpath.dirname(fragment.source.path)
        for name, origin in names:
            target = self._targets.get((folder, name))  # most presets of a folder name the same bases
            if target is None:
                target = posixpath.normpath(posixpath.join(folder, name))
                problem = self._unfit(name, target, origin, fragment)
                if problem is not None:
                    problems.append(problem)
                    continue
                self._targets[folder, name] = target
            references.append(Reference(target, origin))
        return references, problems

    def _unfit(self, name: str, target: str, origin: Origin, fragment: Fragment) -> Problem | None:
        rule = "a base is looked up relative to the file that names it"
        if name.endswith("/"):
            return Problem("bad-extends", f"base `{name}` is a folder", origin, why="each base is a file")
        if not name.strip() or "\0" in name:
            return Problem(
                "bad-extends",
                "the path of a base is empty" if not name.strip() else "the path of a base holds a NUL",
                origin,
                why=rule,
            )
        if name.startswith("/"):
            return Problem(
                "absolute-base",
                f"base `{name}` is an absolute path",
                origin,
                why=rule,
                hint="write it relative to this file",
            )
        if not _is_below(target, self.configs):
            return Problem(
                "outside-root",
                f"base `{name}` lies outside the config root",
                origin,
                why=f"every fragment lies below `{self.configs}`",
            )
        found = self._exists.get(target)
        if found is None:
            found = self._exists[target] = self.tree.exists(target)
        if found:
            return None
        message, hint = self._missing(name, target, fragment.source.path)
        return Problem("missing-base", message, origin, why=rule, hint=hint)

    def _missing(self, name: str, target: str, asking: str) -> tuple[str, str]:
        """Word that a base is not there, and what it was most likely meant to be."""
        folder, file = posixpath.split(target)
        names = self._names.get(folder)
        if names is None:
            names = self._names[folder] = self.tree.names(folder)
        if file in names:
            return f"base `{name}` is a link that leads nowhere", ""
        self._hints += 1
        if self._hints > MAX_HINTS:
            return f"base `{name}` does not exist", ""
        siblings = {other for other in names if other.endswith(FUSION_SUFFIXES) and f"{folder}/{other}" != asking}
        hint = did_you_mean(file, siblings)
        start = name[: len(name) - len(posixpath.basename(name))]
        if not hint.startswith("did you mean"):
            here = posixpath.dirname(asking)
            same = [path for path in self._known() if posixpath.basename(path) == file and path != asking]
            elsewhere = choice([posixpath.relpath(path, here) for path in same])
            if elsewhere:
                return f"base `{name}` does not exist", elsewhere
        return f"base `{name}` does not exist", hint.replace(" `", f" `{start}")

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
