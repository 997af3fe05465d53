"""`trainlock watch` from end to end: a process, files that are saved, and what it prints."""

from __future__ import annotations

import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import pytest

import cli_runs
from cli_runs import LOCKS, Ask, locks, start, write
from compiler.watching import TICK

ask, fresh, built_once, built = cli_runs.ask, cli_runs.fresh, cli_runs.built_once, cli_runs.built

BOUND: Final = 120.0
"""Seconds after which a watch that says nothing is given up."""


class Watching:
    """A `trainlock watch` that runs, and what it has printed."""

    def __init__(self, root: Path, *arguments: str) -> None:
        """Start it."""
        self.process = start(root, "watch", *arguments)
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: IO[str], lines: list[str]) -> None:
        with stream:
            for line in stream:
                lines.append(line.rstrip("\n"))

    def wait_for(self, beginning: str, part: str = "") -> None:
        """Wait for a line on stdout that begins so and holds a part, behind those that were waited for before.

        A file that is seen between its being emptied and its being written has a line of its own.
        """
        deadline = time.monotonic() + BOUND
        while time.monotonic() < deadline:
            for index, line in enumerate(self.out):
                if line.startswith(beginning) and part in line:
                    del self.out[: index + 1]
                    return
            assert self.process.poll() is None, (self.out, self.err)
            time.sleep(0.05)
        raise AssertionError((beginning, part, self.out, self.err))

    def end(self, number: int) -> int:
        """Send a signal, and give the exit code; what was printed is read to its end."""
        self.process.send_signal(number)
        code = self.process.wait(timeout=BOUND)
        for reader in self._readers:
            reader.join()
        return code


@pytest.fixture
def watching(fresh: Path) -> Iterator[Watching]:
    """A watch over a repository that was never built."""
    made = Watching(fresh)
    yield made
    made.end(signal.SIGKILL)


FREEZE: Final = "configs/components/freeze.yaml"


def test_saving_builds_and_tells_until_it_is_interrupted(watching: Watching, fresh: Path) -> None:
    """At the start, at a save, at a mistake and its mending, over a folder that goes; Ctrl-C ends it with 130."""
    watching.wait_for("configs: ", "4 built (")
    assert locks(fresh) == LOCKS
    write(fresh, {FREEZE: "tuner:\n  lora_alpha: 1\n"})
    watching.wait_for(f"{FREEZE}: ", "3 built")
    assert "lora_alpha: 1 " in (fresh / "build/train/small.lock.yaml").read_text()
    write(fresh, {"configs/train/small.yaml": "extends: ../bse.yaml\n"})
    watching.wait_for("configs/train/small.yaml: ", "3 failed")
    shutil.move(fresh / "configs/train", fresh / "aside")
    watching.wait_for("configs/train", ": not built")
    shutil.move(fresh / "aside", fresh / "configs/train")
    watching.wait_for("configs/train", "3 failed")
    write(fresh, {"configs/train/small.yaml": "extends: ../base.yaml\n"})
    watching.wait_for("configs/train/small.yaml: ", "0 failed")
    assert watching.end(signal.SIGINT) == 130
    place = "configs/train/small.yaml:1:10: error: base `../bse.yaml` does not exist [missing-base]"
    assert watching.err[:2] == [place, "    1 | extends: ../bse.yaml"]
    assert watching.err.count(place) == 2
    assert sum("[no-presets]" in line for line in watching.err) == 1
    assert "Traceback" not in "\n".join(watching.err)


def test_the_config_root_and_the_settings_may_change(watching: Watching, fresh: Path) -> None:
    """Another folder in the place of the old one is watched in its turn; SIGTERM ends it as Ctrl-C does."""
    watching.wait_for("configs: ", "4 built")
    shutil.move(fresh / "configs", fresh / "aside")
    watching.wait_for("configs/", ": not built")
    shutil.move(fresh / "aside", fresh / "configs")
    watching.wait_for("configs/", "4 unchanged")
    write(fresh, {FREEZE: "tuner:\n  lora_alpha: 1\n"})
    watching.wait_for(f"{FREEZE}: ", "3 built")
    text = (fresh / "pyproject.toml").read_text().replace("train/**/", "train/deep/")
    write(fresh, {"pyproject.toml": text})
    watching.wait_for("configs: ", "2 unchanged")
    assert watching.end(signal.SIGTERM) == 130
    assert "Traceback" not in "\n".join(watching.err)


def test_nothing_is_printed_for_its_own_writes(watching: Watching, fresh: Path) -> None:
    """A build below the folder that it watches wakes it, and is no edit."""
    watching.end(signal.SIGKILL)
    inside = Watching(fresh, "--build", "configs/locks")
    inside.wait_for("configs: ", "4 built")
    write(fresh, {FREEZE: "tuner:\n  lora_alpha: 1\n"})
    inside.wait_for(f"{FREEZE}: ", "3 built")
    time.sleep(3 * TICK)  # long enough to be woken by what it wrote
    assert inside.end(signal.SIGINT) == 130
    assert (inside.out, inside.err) == ([], [])


def test_a_watch_whose_reader_is_gone_ends(fresh: Path) -> None:
    """As every command whose pipe is closed."""
    process = start(fresh, "watch")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("configs: 4 built")
    process.stdout.close()
    write(fresh, {"configs/components/freeze.yaml": "tuner:\n  lora_alpha: 1\n"})
    try:
        assert process.wait(timeout=BOUND) == 1
    finally:
        process.kill()
        assert process.communicate()[1] == ""


def test_without_watchfiles_it_says_how_to_get_it(ask: Ask, fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2, before anything is built."""
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    said = ask(fresh, "watch")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "error: `watch` needs the package watchfiles [bad-usage]\n"
        "  hint: `pip install watchfiles`, or install trainlock as `trainlock[watch]`\n"
    )
    assert locks(fresh) == set()


def test_a_repository_that_cannot_be_looked_at_is_a_usage_error(ask: Ask, tmp_path: Path) -> None:
    """Before it begins to watch, as with every command; JSON is for answers that end."""
    assert ask(tmp_path, "watch").code == 2
    assert "unrecognized arguments: --json" in ask(tmp_path, "watch", "--json").err
