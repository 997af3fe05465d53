"""Real shells: one runs a command line as a person typed it; one at a terminal completes the beginning of a line."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import pytest

BOUND: Final = 60.0
"""Seconds after which a shell that shows nothing more is given up."""

READY: Final = "the shell is ready"

PATH: Final = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
"""Where a shell looks for programs: `trainlock` and `doit` of these tests come first."""


def typed_in(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command line in a folder; what it says on stderr stands between what it prints, as a person sees it."""
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": PATH},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def environment(home: Path) -> dict[str, str]:
    """Give what a shell sees: `trainlock` first on the PATH, nobody's settings, a plain terminal; and who measures."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    kept |= {"PATH": PATH, "HOME": str(home), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    return {**kept, "XDG_CONFIG_HOME": str(home), "XDG_DATA_HOME": str(home), "ZDOTDIR": str(home)}


STARTS: Final = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}

SETS_UP: Final = {
    "bash": 'eval "$(trainlock completion bash)"; bind "set bell-style none"',
    "zsh": 'bindkey -e; setopt nobeep; autoload -Uz compinit; compinit -u; eval "$(trainlock completion zsh)"',
}


def shell(name: str) -> Any:
    """Give a parameter that is left out where a shell is missing."""
    reason = f"left out: completion in {name} (Debian's `{name}`)"
    return pytest.param(name, marks=pytest.mark.skipif(shutil.which(name) is None, reason=reason))


class Terminal:
    """A shell at a terminal of its own."""

    def __init__(self, name: str, folder: Path, home: Path) -> None:
        home.mkdir(exist_ok=True)
        self._home = home
        self._terminal, inner = pty.openpty()
        self._shell = subprocess.Popen(
            STARTS[name],
            cwd=folder,
            env=environment(home),
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)
        self.shown = ""
        self.type(f"{SETS_UP[name]}; echo {READY.replace('ready', '')}'ready'\n")
        self.wait_for(READY)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._terminal, keys.encode())

    def wait_for(self, text: str) -> None:
        """Read what the terminal shows until a text is there."""
        deadline = time.monotonic() + BOUND
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            if select.select([self._terminal], [], [], 0.2)[0]:
                self.shown += os.read(self._terminal, 65536).decode(errors="replace")

    def completed(self, line: str, key: str = "\t") -> str:
        """Give what becomes of the beginning of a line by a press of the key: the words that would be run."""
        told = self._home / "told"
        told.unlink(missing_ok=True)
        self.shown = ""
        home, end = "\x01", "\x05"
        self.type(f"{line}{key}{home}printf '%s ' {end} > {told}; echo {READY.replace('ready', '')}'ready'\n")
        self.wait_for(READY)
        return told.read_text()

    def close(self) -> None:
        """End the shell."""
        self._shell.kill()
        self._shell.wait()
        os.close(self._terminal)
