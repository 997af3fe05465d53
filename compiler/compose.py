"""Preset and fusion config to `Resolved`: what a run will train with, each value with its origin.

A `Composer` parses every file once and folds every fragment once; trees are shared and copied on write. It writes
nothing.
"""

from __future__ import annotations

import contextlib
import posixpath
from typing import Final, NamedTuple

from compiler import diamonds, hierarchy
from compiler.catalog import FUSION_SUFFIXES, Layout, unfit_names
from compiler.checks import component_sections, mix_problems
from compiler.extends import Chain, Extends, Stack
from compiler.merging import FUSION, Policy, entry_problems, merge, merge_all, preset_policy
from compiler.problems import GETS_IT, Invalid, Note, Problem, concerning, did_you_mean
from compiler.tree import Tree
from compiler.values import (
    NOWHERE,
    KeyPath,
    Node,
    digest,
    digest_document,
    number_of_values,
    show_path,
    under,
)

MAX_STACKS: Final = 512
"""How many lists of bases are kept merged: those of a sweep or a family of presets, and not all of a large tree."""


MAX_APPLIED: Final = 250_000
"""How many values the bases of a file may hold, those of one that is named twice counted twice."""


class Resolved:
    """One composed document.

    Attributes:
        source: the path of the preset or fusion config.
        chain: the fragments it is made of.
        values: as merged; the fusion path as it was authored.
        fusion: the fusion config that a preset names, or None.
        fusion_at: where in `values` the path of the fusion config stands; empty where `fusion` is None.
        warnings: what was noticed on the way.
    """

    __slots__ = ("_digest", "chain", "fusion", "fusion_at", "source", "values", "warnings")

    def __init__(self, chain: Chain, values: Node, warnings: tuple[Problem, ...]) -> None:
        self.source = chain.path
        self.chain = chain
        self.values = values
        self.warnings = warnings
        self.fusion: Resolved | None = None
        self.fusion_at: KeyPath = ()
        self._digest = ""

    @property
    def digest(self) -> str:
        """The run's identity: the digest of the values, the fusion path replaced by the resolved fusion values."""
        if not self._digest:
            mix = self.fusion.values if self.fusion is not None else None
            self._digest = digest(digest_document(self.values, self.fusion_at, mix))
        return self._digest


class _Folded(NamedTuple):
    """A chain as one value, and what was found of its last file as it was merged.

    What was found below it is only said to be there: it is gathered for the document that is asked for. The size is
    the number of its values, and counted of bases.
    """

    values: Node
    problems: tuple[Problem, ...]
    has_more: bool
    size: int = 0


class Composer:
    """Composes the documents of one tree."""

    def __init__(self, layout: Layout, tree: Tree) -> None:
        self.layout = layout
        self.tree = tree
        self.extends = Extends(tree, layout.configs, layout.settings.extends_keys, lambda: layout.files(tree))
        self._preset_policy = preset_policy(layout.settings.keyed)
        self._folded: dict[tuple[str, bool], _Folded] = {}
        self._stacks: dict[Stack, Node] = {}
        self._mixes: dict[str, Resolved | Invalid] = {}
        self._named: dict[str, str | None] = {}
        self._at_key: dict[str, Node | None] = {}
        self._mix_paths: dict[str, str] = {}
        self._fit: set[str] = set()

    def preset(self, source: str) -> Resolved:
        """Compose a preset with the fusion config that it names.

        Raises:
            Invalid: everything that is wrong with it.
        """
        resolved = self._resolve(source, fusion=False)
        key = self.layout.settings.fusion_key
        named = _set(under(resolved.values, key)) if key else None
        if named is not None:
            resolved.fusion = self._named_mix(resolved, named)
            resolved.fusion_at = key or ()
        return resolved

    def mix(self, source: str) -> Resolved:
        """Compose a fusion config that is trained on, and check it.

        Raises:
            Invalid: everything that is wrong with it.
        """
        made = self._mixes.get(source)
        if made is None:
            try:
                made = self._resolve(source, fusion=True)
                problems = mix_problems(made.values)
                if problems:
                    made = Invalid(
                        *(concerning(problem, source, "is the mix that is not whole") for problem in problems)
                    )
            except Invalid as invalid:
                made = invalid
            self._mixes[source] = made
        if isinstance(made, Invalid):
            raise made
        return made

    def mix_named_by(self, source: str) -> str | None:
        """Give the path of the fusion config that a preset names, where it can be told; never raises."""
        if source not in self._named:
            self._named[source] = None
            with contextlib.suppress(Invalid):
                named = _set(self._held_at_key(self.extends.chain(source)))
                self._named[source] = self._mix_path(source, named) if named is not None else None
        return self._named[source]

    def holds_entries(self, source: str) -> bool:
        """Say whether a file, or one that it extends, has a key of a fusion config; never raises."""
        for path in self.extends.closure(source):
            try:
                if not FUSION.below.keys().isdisjoint(self.extends.body(path).value):
                    return True
            except Invalid:
                continue
        return False

    def closure(self, source: str, *, fusion: bool = False) -> set[str]:
        """Give every file that a lock is made from and that could be loaded; never raises."""
        files = self.extends.closure(source)
        mix = None if fusion else self.mix_named_by(source)
        return files | self.extends.closure(mix) if mix is not None else files

    def _held_at_key(self, chain: Chain) -> Node | None:
        """Give what a preset holds at its fusion key, as merging it would, and nothing else is merged for it."""
        node = chain.own
        for key in self.layout.settings.fusion_key or ():
            if type(node.value) is not dict:
                return _MASKED
            child = node.value.get(key)
            if child is None:
                break
            node = child
        else:
            return node
        for base in reversed(chain.bases):
            if base.path not in self._at_key:
                self._at_key[base.path] = self._held_at_key(base)
            found = self._at_key[base.path]
            if found is not None:
                return found
        return None

    def _named_mix(self, resolved: Resolved, named: Node) -> Resolved:
        source = self._mix_path(resolved.source, named)
        if source not in self._mixes and not self.tree.exists(source):
            folder = posixpath.dirname(source)
            names = {f"{folder}/{name}" for name in self.tree.names(folder) if name.endswith(FUSION_SUFFIXES)}
            missing = Problem(
                "missing-fusion",
                f"fusion config `{named.value}` does not exist",
                named.origin,
                why="the trainer looks it up from the repository root",
                hint=did_you_mean(source, names),
            )
            raise Invalid(concerning(missing, resolved.source, GETS_IT))
        try:
            return self.mix(source)
        except Invalid as invalid:
            if any(problem.origin.line for problem in invalid.problems):
                raise
            note = Note(named.origin, "names it")  # a file that cannot be read has no line of its own
            raise Invalid(*(problem._replace(notes=(*problem.notes, note)) for problem in invalid.problems)) from None

    def _mix_path(self, preset: str, named: Node) -> str:
        """Give the path that a preset's fusion key holds, from the repository root."""
        known = self._mix_paths.get(named.value) if type(named.value) is str else None
        if known is not None:
            return known
        wrong = self._no_mix_path(named)
        if wrong is not None:
            raise Invalid(concerning(wrong, preset, GETS_IT))
        source: str = posixpath.normpath(named.value)
        self._mix_paths[named.value] = source
        return source

    def _no_mix_path(self, named: Node) -> Problem | None:
        """Word why what stands at the fusion key can be the path of no fusion config; None where it can."""
        if type(named.value) is not str or "\0" in named.value:
            return Problem(
                "bad-fusion-config",
                f"`{show_path(self.layout.settings.fusion_key or ())}` is not a path",
                named.origin,
                why="it names a fusion config; null and an empty text name none",
            )
        source = posixpath.normpath(named.value)
        if posixpath.isabs(source) or self.layout.below_configs(source) is None:
            return Problem(
                "outside-root",
                f"fusion config `{named.value}` lies outside the config root",
                named.origin,
                why=f"every fragment lies below `{self.layout.configs}`; the path counts from the repository root",
            )
        if not source.endswith(FUSION_SUFFIXES):
            return Problem(
                "bad-fusion-config",
                f"fusion config `{named.value}` is neither YAML nor JSON",
                named.origin,
                why="the suffix decides how it is read",
            )
        return None

    def _resolve(self, source: str, *, fusion: bool) -> Resolved:
        chain = self.extends.chain(source)
        files = chain.files()
        if not self._fit.issuperset(files):
            names = unfit_names([path for path in files if path not in self._fit])
            if names:
                raise Invalid(*names)
            self._fit.update(files)
        folded = self._merged(chain, fusion=fusion)  # not kept: a preset is dropped once it is written
        warnings = self._gathered(chain, folded, fusion=fusion)
        errors = [problem for problem in warnings if problem.severity == "error"]
        if errors:
            raise Invalid(*errors)
        if chain.links > len(files):
            once = self._fold_once(chain, set(), FUSION if fusion else self._preset_policy)
            warnings += diamonds.resets(chain, folded.values, once)
        return Resolved(chain, folded.values, tuple(warnings))

    def _fold(self, chain: Chain, *, fusion: bool) -> _Folded:
        """Give a base's chain as one value; folded once, and shared by all that extend it."""
        key = (chain.path, fusion)
        made = self._folded.get(key)
        if made is None:
            made = self._merged(chain, fusion=fusion)
            made = self._folded[key] = made._replace(size=number_of_values(made.values))
        return made

    def _merged(self, chain: Chain, *, fusion: bool) -> _Folded:
        """Merge a chain: each base folded on its own first, in order, the file itself last.

        Args:
            chain: a file and its bases.
            fusion: whether it is a fusion config.
        """
        policy = FUSION if fusion else self._preset_policy
        problems: list[Problem] = self._fragment_problems(chain, policy)
        below = [self._fold(base, fusion=fusion) for base in chain.bases]
        if sum([base.size for base in below]) > MAX_APPLIED:
            problems.append(_too_much(chain))
        is_wrong = any(problem.severity == "error" for problem in problems)
        values = chain.own
        if below and not is_wrong:
            nodes = [base.values for base in below]
            if policy is None:
                values = merge_all([*self._stacked(chain.stack, nodes), chain.own])
            else:
                values = nodes[0]
                for node in [*nodes[1:], chain.own]:
                    values = merge(values, node, policy, problems.append)
            problems += hierarchy.problems_of(chain, values, policy, self.layout.is_component)
        return _Folded(values, tuple(problems), any(base.problems or base.has_more for base in below))

    def _stacked(self, stack: Stack, nodes: list[Node]) -> list[Node]:
        """Give the values of bases as one where several files name the same: merged once, and shared by these files."""
        if stack.users < 2 or len(nodes) < 2:
            return nodes
        made = self._stacks.get(stack)
        if made is None:
            if len(self._stacks) >= MAX_STACKS:
                del self._stacks[next(iter(self._stacks))]
            made = self._stacks[stack] = merge_all(nodes)
        return [made]

    def _gathered(self, chain: Chain, folded: _Folded, *, fusion: bool) -> list[Problem]:
        """Give what was found while a chain was merged, and each file below it, once."""
        found = dict.fromkeys(folded.problems)
        if not folded.has_more:
            return list(found)
        gathered = {chain.path}
        waiting = [*reversed(chain.bases)]
        while waiting:
            base = waiting.pop()
            if base.path not in gathered:
                gathered.add(base.path)
                found.update(dict.fromkeys(self._fold(base, fusion=fusion).problems))
                waiting += reversed(base.bases)
        return list(found)

    def _fragment_problems(self, chain: Chain, policy: Policy | None) -> list[Problem]:
        problems = [*chain.fragment.warnings, *entry_problems(chain.own, policy)]
        if self.layout.is_component(chain.path):
            problems += component_sections(chain.own, ())
        return problems

    def _fold_once(self, chain: Chain, applied: set[str], policy: Policy | None) -> Node:
        """Merge a chain as if each file applied only where it is reached first."""
        values = Node({}, chain.own.origin)
        ignore: list[Problem] = []
        for base in chain.bases:
            if base.path not in applied:
                values = merge(values, self._fold_once(base, applied, policy), policy, ignore.append)
        applied.add(chain.path)
        return merge(values, chain.own, policy, ignore.append)


def _too_much(chain: Chain) -> Problem:
    """Word that the bases of a file hold too much to be merged."""
    return Problem(
        "too-large",
        f"the bases of this file hold more than {MAX_APPLIED:,} values",
        chain.references[0].origin,
        why="each is merged, and one that is named twice is merged twice",
        hint="name each base once",
    )


def _set(named: Node | None) -> Node | None:
    """Give what stands at a fusion key; None where that is absent, null or an empty text."""
    return named if named is not None and named.value not in (None, "") else None


_MASKED: Final = Node(None, NOWHERE)
"""What a key holds whose mapping something else took the place of."""
