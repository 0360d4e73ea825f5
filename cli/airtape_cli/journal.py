"""The log file of a command that runs unattended: what it says, line by line, with the time."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from airtape.errors import UsageError
from airtape_cli.render.notes import echo_note

Say = Callable[[str], object]
"""Takes some lines to show to somebody."""

_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


class Journal:
    """Adds to a file, which is opened anew each time: it may be moved away meanwhile.

    Args:
        path: The file; made if it is not there, in a folder that is.

    Raises:
        UsageError: It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._failed = False
        try:
            os.close(os.open(path, _FLAGS, 0o664))
        except OSError as error:
            raise UsageError(
                "the log file cannot be written", where=str(path), because=error.strerror
            ) from error

    def write(self, text: str) -> None:
        """Add some lines; what cannot be written is said once, and stops nothing."""
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        lines = "".join(f"{now} {line}\n" for line in text.splitlines())
        try:
            fd = os.open(self._path, _FLAGS, 0o664)
            try:
                # In one piece: others may add to the file at the same time.
                os.write(fd, lines.encode("utf-8", "replace"))
            finally:
                os.close(fd)
        except OSError as error:
            if not self._failed:
                self._failed = True
                echo_note(f"{self._path} cannot be written: {error.strerror}")


def to_all(*listeners: Say | None) -> Say | None:
    """Return what tells several listeners the same; None if there are none."""
    wanted = [listener for listener in listeners if listener is not None]
    if not wanted:
        return None

    def say(text: str) -> None:
        for listener in wanted:
            listener(text)

    return say
