"""Running a command whose stdout is a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path


def on_terminal(command: list[str], cwd: Path, columns: int = 80) -> str:
    """Return what a command writes when stdout is a terminal; it has to end well."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns)}
    with subprocess.Popen(command, cwd=cwd, stdout=follower, env=environment) as process:
        os.close(follower)
        written = b""
        try:
            while part := os.read(leader, 4096):
                written += part
        except OSError:
            pass  # how Linux says that nobody has the terminal open any more
        os.close(leader)
    assert process.returncode == 0, written
    return written.decode()
