"""What every test has: a clean environment, an empty home and, if it asks, a place to work in."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

pytest_plugins = [
    "pytester",
    "tests.faults.table",
    "tests.no_skips",
    "tests.oracle.tally",
    "tests.postgres_server",
    "tests.processes",
    "tests.recording",
    "tests.rounds",
]

FOREIGN_SETTINGS = ("TRACKER_", "WANDB_")
"""Prefixes of variables that the developer's own shell may set."""

TERMINAL_SETTINGS = ("COLUMNS", "FORCE_COLOR", "LINES", "NO_COLOR")


def pytest_configure() -> None:
    """Undo what the developer's shell does to programs that tests start.

    Those would ignore the signals that `nohup` or a job in the background ignores, and compile all
    modules anew each time where Python is told to write no bytecode.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        sys.dont_write_bytecode = False
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGXCPU):
        if signal.getsignal(number) == signal.SIG_IGN:
            is_interrupt = number == signal.SIGINT
            signal.signal(number, signal.default_int_handler if is_interrupt else signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No setting, configuration file or terminal width of the developer reaches a test."""
    for name in os.environ:
        if name.startswith(FOREIGN_SETTINGS) or name in TERMINAL_SETTINGS:
            monkeypatch.delenv(name)
    # Logs hold what a test makes them hold; those of the machine's metrics switch them on.
    monkeypatch.setenv("TRACKER_DISABLE_STATS", "true")
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
