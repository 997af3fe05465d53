"""What looks like a secret, and texts from which secrets are taken out before anybody sees them.

A message may quote any line and any value of any file. What looks like a secret by its form is never printed in one,
nor is a value that a check found to be a secret by its key; what is silenced as a false alarm is.
"""

from __future__ import annotations

import functools
import re
from typing import Final

_TOKENS: Final = re.compile(
    r"(?P<a_Hugging_Face_token>\bhf_[A-Za-z0-9]{30,100})"
    r"|(?P<a_GitHub_token>\b(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{30,255}))"
    r"|(?P<a_GitLab_token>\bglpat-[A-Za-z0-9_-]{20,100})"
    r"|(?P<an_OpenAI_key>\bsk-(?:[A-Za-z0-9]{32,200}|(?:proj|ant|svcacct|or)-[A-Za-z0-9_-]{20,200}))"
    r"|(?P<a_Groq_key>\bgsk_[A-Za-z0-9]{40,100})"
    r"|(?P<an_NVIDIA_key>\bnvapi-[A-Za-z0-9_-]{40,100})"
    r"|(?P<a_token_of_a_package_registry>\b(?:npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{40,250}))"
    r"|(?P<an_AWS_key>\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)"
    r"|(?P<an_Alibaba_Cloud_key>\bLTAI[A-Za-z0-9]{16,30}\b)"
    r"|(?P<a_Google_key>\bAIza[A-Za-z0-9_-]{35})"
    r"|(?P<a_Slack_token>\bxox[abeprs]-[0-9]{6,20}-[A-Za-z0-9-]{6,200})"
    r"|(?P<a_Slack_webhook>\bhooks\.slack\.com/services/[A-Za-z0-9/]{20,200})"
    r"|(?P<a_JSON_web_token>\beyJ[A-Za-z0-9_-]{10,1000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,1000})"
    r"|(?P<a_private_key>-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----)"
    r"|(?P<a_URL_with_a_password>\b(?!docker:)[a-z][a-z0-9+.-]{0,20}://[^\s/:@]{0,100}:(?![$<{%])[^\s/@$<{]{2,200}"
    r"@(?!sha256:))"
    r"|(?P<an_access_token>\b(?i:(?:access_token|api_key|apikey|hf_token|secret)=|bearer )"
    r"(?![$<{%])[A-Za-z0-9._~+/-]{12,500})"
)
"""Texts that are secrets by their form; the name of the group says which, as the vendors document their tokens.

Each repetition is bounded, so that no text takes more than linear time.
"""

SHORTEST: Final = 10
"""The fewest characters of such a text: `a://:xyz@h`."""

_KEY: Final = re.compile(
    r"passw(?:or)?d$|passphrase$|secrets?$|^pwd$|^pass$|[_-]pass$|credentials?$|^authorization$"
    r"|(?:^|[_-])(?:api|access|secret|private|openai|wandb|swanlab)[_-]?keys?$"
    r"|(?:^|[_-])(?:auth|access|hub|hf|api|bearer|swanlab|wandb|github|gitlab|slack|session|refresh)[_-]?tokens?$",
    re.IGNORECASE,
)
"""Keys at which a text is a secret whatever it looks like."""

_STANDS_FOR_ONE: Final = re.compile(
    r"\$\{?\w+\}?|\$\(.*\)|[<{%].*|[A-Z][A-Z0-9]*_[A-Z0-9_]*|[A-Z]{1,12}|(?:env|os\.environ|file|vault)[:/].*"
    r"|(?:\.{0,2}/|~/)?[\w.-]+(?:/[\w.-]+)+|/[\w.-]+|[\w.-]+\.(?:json|ya?ml|txt|pem|key|env|toml|crt)|.{0,5}"
    r"|(?i:x{4,}|your[-_ ].*|change[-_ ]?me|not[-_ ]needed|placeholder|dummy.*|example.*|redacted|secret|password)",
    re.DOTALL,
)
"""A variable, a placeholder, the name of a variable, a path, or too short to be one."""

_MARKS: Final = (
    *("hf_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "sk-", "gsk_", "nvapi-", "npm_", "pypi-"),
    *("akia", "asia", "ltai", "aiza", "xox", "hooks.slack", "eyj", "://", "bearer ", "authorization"),
    *("pass", "pwd", "secret", "credential", "key", "token"),
)
"""What a file holds, in small letters, in which anything can be a secret; most presets hold none of it."""


def may_hold_one(data: bytes) -> bool:
    """Say whether a file is worth a look at each of its values."""
    low = data.decode("latin-1").lower()  # in texts Python finds faster than in bytes
    return any(map(low.__contains__, _MARKS))


SAID_INSTEAD: Final = "(a secret)"

_hidden: set[str] = set()
_shown: set[str] = set()


def token_in(text: str) -> str:
    """Say what a text holds that is a secret by its form, such as `a GitHub token`; nothing where it holds none."""
    if len(text) < SHORTEST:
        return ""
    found = _TOKENS.search(text)
    return str(found.lastgroup).replace("_", " ") if found is not None else ""


@functools.lru_cache(maxsize=16_384)
def keeps_secrets(key: str) -> bool:
    """Say whether what stands at a key, or below it, is a secret whatever it looks like."""
    return _KEY.search(key) is not None


def stands_for_one(text: str) -> bool:
    """Say whether a text names a variable, a file or nothing in particular, and is no secret itself."""
    return _STANDS_FOR_ONE.fullmatch(text) is not None


def hide(text: str) -> None:
    """Take a text out of all that is told from now on."""
    _hidden.add(text)


def show(text: str) -> None:
    """Let a text be told though it looks like a secret: somebody said that it is none."""
    _shown.add(text)


def masked(text: str) -> str:
    """Give a text without the secrets in it."""
    for secret in _hidden:
        if secret in text and secret not in _shown:
            text = text.replace(secret, SAID_INSTEAD)
    return _TOKENS.sub(_instead, text)


LONGEST: Final = 6_100
"""How many characters a secret has at most that is known by its form."""

_STRETCH: Final = 10_000
"""How many characters of a long line are searched at a time; the problems of one line mostly lie near each other."""


def shows_one(text: str, start: int, end: int) -> bool:
    """Say whether a part of a line, or what stands near it, is of a secret."""
    first = max(0, start - start % _STRETCH - LONGEST)
    around = text[first : end + _STRETCH - end % _STRETCH + LONGEST]
    if not _is_clean(around, (len(_hidden), len(_shown))):
        return True
    return any(len(secret) > LONGEST and secret in text for secret in _hidden - _shown)


@functools.lru_cache(maxsize=16)
def _is_clean(text: str, _known: tuple[int, int]) -> bool:
    """Say whether there is no secret in a text; asked again once more are hidden, or shown."""
    return masked(text) == text


def _instead(found: re.Match[str]) -> str:
    return found[0] if any(found[0] in text for text in _shown) else SAID_INSTEAD
