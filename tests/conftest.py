"""What all tests share: property tests are repeatable, and have no time limit of their own."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    max_examples=60,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")

# a suite that is run in the background has Ctrl-C ignored, and so would have every command that it starts
signal.signal(signal.SIGINT, signal.default_int_handler)

# a stream that keeps nothing back hides what is lost where one does, as at nearly every user's
os.environ.pop("PYTHONUNBUFFERED", None)

# their asserts are explained like those of the tests that call them
pytest.register_assert_rewrite("builders", "cli_runs", "doit_runs", "faults", "launches", "shells")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end which tests were left out for want of something, and how to get it."""
    skipped = (
        str(one.longrepr[2]) for one in terminalreporter.getreports("skipped") if isinstance(one.longrepr, tuple)
    )
    for reason in sorted({one.removeprefix("Skipped: ") for one in skipped}):
        if reason.startswith("left out: "):
            terminalreporter.write_line(reason, yellow=True)
