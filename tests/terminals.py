"""Running a command on a terminal: one that it writes to, or one where somebody answers it."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Sequence
from pathlib import Path


def on_terminal(
    command: Sequence[str],
    cwd: Path,
    columns: int = 80,
    *,
    everywhere: bool = False,
    returncode: int = 0,
) -> str:
    """Return what a command writes to a terminal.

    Args:
        command: The command.
        cwd: Where it works.
        columns: How wide the terminal is.
        everywhere: Whether stdin and stderr are the terminal, too, not only stdout.
        returncode: What it has to end with.
    """
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns)}
    others = follower if everywhere else None
    with subprocess.Popen(
        command, cwd=cwd, stdin=others, stdout=follower, stderr=others, env=environment
    ) as process:
        os.close(follower)
        written = b""
        try:
            while part := os.read(leader, 4096):
                written += part
        except OSError:
            pass  # how Linux says that nobody has the terminal open any more
        os.close(leader)
    assert process.returncode == returncode, written
    return written.decode()


def answered(command: Sequence[str], answer: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command whose stdin is a terminal on which somebody types an answer."""
    leader, follower = pty.openpty()
    os.write(leader, f"{answer}\n".encode())
    done = subprocess.run(
        command, stdin=follower, capture_output=True, text=True, check=False, cwd=cwd
    )
    os.close(leader)
    os.close(follower)
    return done
