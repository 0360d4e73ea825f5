"""A pytest plugin: fixtures that run Python and ``tracker`` in processes of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import sysconfig
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

TRACKER = Path(sysconfig.get_path("scripts"), "tracker")

LONGEST_RUN = 60
"""Seconds after which a process is taken to hang."""
LONGEST_END = 5
"""Seconds that a killed process may take to be gone."""


class RunPython(Protocol):
    """Run a program to its end; see `run_python`."""

    def __call__(
        self, program: str | Path, *arguments: str, returncode: int = 0, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Return the process that ended."""


class RunTracker(Protocol):
    """Run the ``tracker`` command to its end; see `run_tracker`."""

    def __call__(
        self, *arguments: str, returncode: int = 0, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Return the process that ended."""


class StartPython(Protocol):
    """Start a program and go on; see `start_python`."""

    def __call__(
        self, program: str | Path, *arguments: str, **options: Any
    ) -> subprocess.Popen[str]:
        """Return the process that runs."""


Arguments = Callable[[str | Path], list[str]]


@pytest.fixture
def python(tmp_path_factory: pytest.TempPathFactory) -> Arguments:
    """The command line of a program: a file, or source that becomes a file outside of the cwd."""

    def command(program: str | Path) -> list[str]:
        if isinstance(program, str):
            path = tmp_path_factory.mktemp("program") / "program.py"
            path.write_text(textwrap.dedent(program), encoding="utf-8")
            program = path
        return [sys.executable, str(program)]

    return command


@pytest.fixture
def run_python(python: Arguments) -> RunPython:
    """Run a program, given as source or as a path, and expect that it ends with ``returncode``.

    Options go to `subprocess.run`; output comes as text.
    """

    def run(
        program: str | Path, *arguments: str, returncode: int = 0, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        return _run([*python(program), *arguments], returncode, options)

    return run


@pytest.fixture
def run_tracker() -> RunTracker:
    """Run ``tracker`` as a user would, and expect that it ends with ``returncode``."""

    def run(
        *arguments: str, returncode: int = 0, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        return _run([str(TRACKER), *arguments], returncode, options)

    return run


@pytest.fixture
def start_python(python: Arguments) -> Iterator[StartPython]:
    """Start programs with their stdin and stdout piped.

    What still runs of them at the end is killed, with whatever processes they have started.
    """
    started: list[subprocess.Popen[str]] = []

    def start(program: str | Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE} | options
        command = [*python(program), *arguments]
        started.append(subprocess.Popen(command, text=True, start_new_session=True, **options))
        return started[-1]

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=LONGEST_END)


def unmeasured() -> dict[str, str]:
    """Return an environment in which the coverage of a program is not measured.

    An exception that a signal handler raises while coverage takes note of something leaves
    coverage's own lock taken for ever.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def _run(
    command: list[str], returncode: int, options: dict[str, Any]
) -> subprocess.CompletedProcess[str]:
    options = {"timeout": LONGEST_RUN, "stdin": subprocess.DEVNULL} | options
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command, check=False, capture_output=True, text=True, **options
    )
    if done.returncode != returncode:
        pytest.fail(
            f"{command} ended with {done.returncode}, not {returncode}\n"
            f"--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}",
        )
    return done
