"""What a shell may offer next: verbs, options and choices by the parser; presets, keys and fragments by the tree.

argcomplete does the talking with the shell: it asks `trainlock` itself, on a channel of its own, at each press of the
key. Whatever is wrong with the tree, nothing is offered then and nothing is said: a prompt is no place for messages.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable
from typing import Any, Final

import argcomplete
from argcomplete.completers import DirectoriesCompleter, FilesCompleter
from argcomplete.shell_integration import shellcode

from compiler.compare import places
from compiler.merging import FUSION, preset_policy
from compiler.pipeline import Workspace
from compiler.provenance import IN_MIX
from compiler.reach import keys_of
from compiler.values import leaves, show_path


def script(shell: str) -> str:
    """Give what makes a shell ask: `bash`, `zsh` or `fish`."""
    return shellcode(["trainlock"], shell=shell, complete_arguments=["-o", "nospace"]).strip()


def answer(parser: argparse.ArgumentParser, look: Callable[[argparse.Namespace], Workspace]) -> None:
    """Tell the shell what may come next, and end the process.

    Args:
        parser: of the command.
        look: gives the repository that the words so far name.
    """
    for verb in _verbs(parser):
        for action in verb._actions:
            if action.choices is None:
                action.completer = _completer(action, look)  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser, always_complete_options=False)


def _verbs(parser: argparse.ArgumentParser) -> Iterable[argparse.ArgumentParser]:
    """Give the parser of every verb; argparse has no other way to its own."""
    groups = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return [verb for group in groups for verb in group.choices.values()]


Offer = Callable[..., Iterable[str]]


def _completer(action: argparse.Action, look: Callable[[argparse.Namespace], Workspace]) -> Offer:
    """Give what completes the value of an argument: by its name, else files where it takes any."""
    offer = _OFFERS.get(action.dest)
    if offer is None:
        return _FILES.get(str(action.metavar).split("|")[-1], _nothing)

    def quiet(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> Iterable[str]:
        try:
            return offer(look(parsed_args), prefix, parsed_args)
        except Exception:  # be it a bug of ours: whoever runs the command is told
            return ()

    return quiet


def _nothing(**_: Any) -> Iterable[str]:
    """Offer nothing: a revision, a glob, a number of seconds is not guessed."""
    return ()


def _presets(workspace: Workspace, prefix: str, options: argparse.Namespace) -> Iterable[str]:
    """Offer names; and the paths of sources and locks to who begins to write one."""
    layout, sources = workspace.layout, workspace.sources
    known = {**sources.presets} if options.verb in ("plan", "prove") else {**sources.fusion, **sources.presets}
    if any(name.startswith(prefix) for name in known):
        return known
    return [*known.values(), *map(layout.lock_of, known.values())]


def _keys(workspace: Workspace, prefix: str, options: argparse.Namespace) -> Iterable[str]:
    """Offer the keys of the preset and of its mix; those within a list to who has written its bracket."""
    source = workspace.layout.find(options.preset, os.getcwd(), workspace.sources)
    resolved = workspace.resolve(source)
    policy = FUSION if workspace.is_mix(source) else preset_policy(workspace.layout.settings.keyed)
    found = dict.fromkeys(show_path(path) for path, _ in places(resolved.values, policy))
    if resolved.fusion is not None:
        in_mix = [show_path(path) for path, _ in places(resolved.fusion.values, FUSION)]
        found.update(dict.fromkeys([*in_mix, *(IN_MIX + key for key in in_mix if prefix.startswith(IN_MIX))]))
    if "[" in prefix:
        found.update(dict.fromkeys(show_path(path) for path, _ in leaves(resolved.values)))
    return found


def _fragments(workspace: Workspace, prefix: str, _options: argparse.Namespace) -> Iterable[str]:
    """Offer the files below the config root; and keys to who begins to write one."""
    files = workspace.layout.files()
    if not prefix or any(file.startswith(prefix) for file in files):
        return files
    return keys_of(workspace)


_FILES: Final[dict[str, Offer]] = {"DIR": DirectoriesCompleter(), "FILE": FilesCompleter()}
"""What completes a path, by what the help calls it."""

_OFFERS: Final[dict[str, Callable[[Workspace, str, argparse.Namespace], Iterable[str]]]] = {
    "preset": _presets,
    "other": _presets,
    "key": _keys,
    "what": _fragments,
}
"""What completes which argument, by its name in the namespace."""
