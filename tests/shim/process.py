"""Processes under the fault shim, for its own tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.shim.build import Setting, on_path, shim_env

Run = Callable[..., subprocess.CompletedProcess[str]]

PRELUDE = """
import ctypes, errno, os, signal, socket, sys, threading, time
os.chdir(sys.argv[1])

def attempt(call, *args):
    try:
        return call(*args)
    except OSError as error:
        return errno.errorcode[error.errno]

def create(name):
    return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
"""

FIVE_LINES = """
fd = create("log")
for i in range(5):
    os.write(fd, b"%d\\n" % i)
"""


@contextmanager
def answering(
    shim: Path, data: Path, code: str, *settings: Setting
) -> Iterator[subprocess.Popen[str]]:
    """Run code that is asked by lines on its input and answers with lines on its output."""
    with subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code, data],
        env=shim_env(shim, on_path(data), *settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ask(process: subprocess.Popen[str]) -> None:
    """Let the process go one round."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def answer(process: subprocess.Popen[str]) -> str:
    """Wait for what the round gave."""
    assert process.stdout is not None
    return process.stdout.readline().strip()
