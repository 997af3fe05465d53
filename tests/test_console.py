"""Printing: no stream can turn into a failed build, and progress is for terminals only."""

from __future__ import annotations

import io
import sys
import time

import pytest

from compiler.console import Progress, say, tell, write
from compiler.problems import Problem
from compiler.values import Origin


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


class Broken(io.StringIO):
    """A stream that takes nothing."""

    def write(self, _text: str) -> int:
        """Fail, as a full disk does."""
        raise OSError(28, "No space left on device")


def progress_on(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, seconds: float) -> str:
    """Give what a build that has run for so many seconds shows on a stream."""
    clock = [100.0]
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    progress = Progress()
    clock[0] += seconds
    progress(3, 40)
    assert progress.clear() == pytest.approx(seconds)
    return stream.getvalue()


def test_progress_shows_on_a_terminal_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long build says how far it is on one line, and takes the line away."""
    assert progress_on(Terminal(), monkeypatch, 1.5) == "\rtrainlock: lock 3 of 40\r\033[K"


def test_a_short_build_shows_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the first second nothing is shown."""
    assert progress_on(Terminal(), monkeypatch, 0.5) == ""


def test_a_pipe_shows_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no terminal never gets a progress line."""
    assert progress_on(io.StringIO(), monkeypatch, 60.0) == ""


@pytest.mark.parametrize("stream", [Broken(), None])
def test_a_message_that_nobody_can_read_harms_nothing(
    stream: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With stderr full or closed, saying something does not fail."""
    monkeypatch.setattr(sys, "stderr", stream)
    say("anything")
    tell([Problem("bad-yaml", "anything", Origin("a.yaml", 1, 1))])
    assert Progress().clear() >= 0


def test_data_that_did_not_get_out_is_known() -> None:
    """Writing data says whether it got out."""
    out = io.StringIO()
    assert write(out, "a\n")
    assert out.getvalue() == "a\n"
    assert not write(Broken(), "a\n")
    assert not write(None, "a\n")


def test_problems_are_told_once_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """A problem that several presets share is printed once; all are sorted by place."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    first, second = (Problem("bad-yaml", "wrong", Origin("a.yaml", line, 1)) for line in (1, 2))
    tell([second, first, second])
    assert stream.getvalue() == "a.yaml:1:1: error: wrong [bad-yaml]\na.yaml:2:1: error: wrong [bad-yaml]\n"


def test_a_name_in_a_problem_is_no_command_to_a_ci_job(capsys: pytest.CaptureFixture[str]) -> None:
    """GitHub finds `##[...]` anywhere in a line."""
    tell([Problem("made-up", "`##[error]x` is a name", Origin("##[group]y.yaml", 0, 0))])
    err = capsys.readouterr().err
    assert "##[" not in err
    assert err == "##\\[group]y.yaml: error: `##\\[error]x` is a name [made-up]\n"
