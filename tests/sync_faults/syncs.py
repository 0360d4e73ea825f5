"""Syncs in processes of their own, as cron starts them, under the fault shim if need be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.processes import TRACKER
from tests.shim.build import Setting, shim_env

ROOT = Path(__file__).parents[2]
RIGHTS = "-dac_override,-dac_read_search"
WITHOUT_RIGHTS = ["setpriv", "--inh-caps", RIGHTS, "--bounding-set", RIGHTS, "--"]
"""Starts a program for which the permissions of files count though it is root's."""
HANGS_AFTER_S = 90.0
"""Seconds after which a sync is taken to hang."""

IN_SMALL_BATCHES = """
import sys
from airtape.backends.registry import open_backend
from airtape.sync.engine import sync_to
from airtape.sync.options import SyncOptions

source, url, points = sys.argv[1:]
report = sync_to([source], lambda: open_backend(url), SyncOptions(max_points=int(points)))
sys.exit(report.exit_code)
"""
"""A sync whose batches have so few values that a small log takes many."""


def tracker(source: Path, url: str, *arguments: str) -> list[str]:
    """Return the command line of a sync as users type it."""
    return [str(TRACKER), "sync", str(source), "--to", url, *arguments]


def small_batches(source: Path, url: str, points: int = 12) -> list[str]:
    """Return the command line of a sync with batches of so many values, about."""
    return [sys.executable, "-c", IN_SMALL_BATCHES, str(source), url, str(points)]


class Syncs:
    """Starts syncs; what still runs of them in the end is killed.

    Args:
        shim: The fault shim.
    """

    def __init__(self, shim: Path) -> None:
        self._shim = shim
        self._started: list[subprocess.Popen[str]] = []

    def start(
        self, command: list[str], *settings: Setting, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a command, under the shim if it is to do something."""
        under = shim_env(self._shim, *settings) if settings else os.environ
        process = subprocess.Popen(
            command if os.geteuid() else [*WITHOUT_RIGHTS, *command],
            env={**under, "PYTHONPATH": str(ROOT), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def run(
        self, command: list[str], *settings: Setting, env: Mapping[str, str] | None = None
    ) -> int:
        """Run a command to its end, and return its exit code."""
        process = self.start(command, *settings, env=env)
        output, _ = process.communicate(timeout=HANGS_AFTER_S)
        assert "Traceback" not in output, output
        return process.returncode

    def report(
        self, source: Path, url: str, *arguments: str, within_s: float = HANGS_AFTER_S
    ) -> dict[str, Any]:
        """Sync as users do, and return what is reported."""
        process = self.start(tracker(source, url, "--json", *arguments))
        output, _ = process.communicate(timeout=within_s)
        said: dict[str, Any] = json.loads(output)
        assert said["exit_code"] == process.returncode
        return said

    def stop(self) -> None:
        """Kill what still runs."""
        for process in self._started:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=HANGS_AFTER_S)


@contextmanager
def syncing(shim: Path) -> Iterator[Syncs]:
    """Start syncs that end with the test."""
    syncs = Syncs(shim)
    try:
        yield syncs
    finally:
        syncs.stop()
