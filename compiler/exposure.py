"""Checks for what must not be told: a value that looks like a secret would be committed with the lock that holds it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from compiler.problems import Problem
from compiler.values import KeyPath, Node, Origin, leaves, show_path

_TOKENS: Final = re.compile(
    r"(?P<a_Hugging_Face_token>\bhf_[A-Za-z0-9]{20,})"
    r"|(?P<a_GitHub_token>\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,}))"
    r"|(?P<an_OpenAI_key>\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{24,})"
    r"|(?P<an_AWS_key>\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)"
    r"|(?P<a_Google_key>\bAIza[A-Za-z0-9_-]{35})"
    r"|(?P<a_Slack_token>\bxox[abeprs]-[A-Za-z0-9-]{10,})"
    r"|(?P<a_JSON_web_token>\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})"
    r"|(?P<a_private_key>-----BEGIN [A-Z ]*PRIVATE KEY-----)"
    r"|(?P<a_URL_with_a_password>\b[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/@]{3,}@)"
)
"""Texts that are secrets by their form; the name of the group says which, as the vendors document their tokens."""

_SECRET_KEY: Final = re.compile(
    r"(?:^|[_-])(?:passw(?:or)?d|passphrase|secret|credentials?|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key"
    r"|(?:auth|access|hub|hf|api|bearer|swanlab|wandb)[_-]?token)$",
    re.IGNORECASE,
)
"""Keys whose text is a secret whatever it looks like."""

_STANDS_FOR_ONE: Final = re.compile(r"[$<{%].*|[A-Z][A-Z0-9_]*|(?:/|~|\./|\.\./).*|.{0,5}", re.DOTALL)
"""A variable, a placeholder, the name of a variable, a path, or too short to be one."""


class Suspect(NamedTuple):
    """A value of a fragment that looks like a secret, and what it looks like."""

    origin: Origin
    what: str


def suspects(body: Node) -> tuple[Suspect, ...]:
    """Give what looks like a secret in one fragment, before it is merged with anything."""
    return tuple(
        Suspect(node.origin, what)
        for path, node in leaves(body)
        if type(node.value) is str and (what := _what(path, node.value))
    )


def _what(path: KeyPath, text: str) -> str:
    found = _TOKENS.search(text)
    if found is not None:
        return str(found.lastgroup).replace("_", " ")
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    return "a secret" if _SECRET_KEY.search(key) and not _STANDS_FOR_ONE.fullmatch(text) else ""


def secret_values(values: Node, found: Iterable[Suspect]) -> Iterator[Problem]:
    """No value of a lock looks like a secret: a token by its form, or a text at a key such as `api_key`.

    The value itself is not told. What names a variable, a placeholder or a file is none.

    Bad:
        training: {hub_token: hf_abcdefghijklmnopqrstuvwxyz012345}

    Good:
        training: {hub_token: null}
    """
    what_at = {suspect.origin: suspect.what for suspect in found}
    if not what_at:
        return
    for path, node in leaves(values):
        if node.origin in what_at and type(node.value) is str:
            yield Problem(
                "secret-value",
                f"`{show_path(path)}` looks like {what_at[node.origin]}",
                node.origin,
                why="a lock is committed, and every log and report may show it",
                hint="let the environment give it to the trainer; if it was ever committed, revoke it",
                is_private=True,
            )
