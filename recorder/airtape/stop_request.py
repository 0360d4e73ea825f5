"""Noticing that somebody asks a running process to end: ``tracker stop`` leaves a file for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

LOOK_EVERY_S: Final = 2.0


def request_stop(path: Path) -> None:
    """Make a request, or make it anew.

    Args:
        path: The file, see `airtape.rundir.RunDir.stop_request`.

    Raises:
        OSError: It cannot be written.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        # A file of its own each time: one that is only written again may keep its time.
        aside.write_bytes(b"")
        aside.replace(path)
    except OSError:
        with suppress(OSError):
            aside.unlink()
        raise


class StopRequest:
    """Looks for the file; each new one is a request of its own.

    Args:
        path: The file, which may be made or touched at any time.
        on_request: Called for each request.
    """

    def __init__(self, path: Path, on_request: Callable[[], None]) -> None:
        self._path = path
        self._on_request = on_request
        self._seen_ns: int | None = None

    def look(self) -> None:
        """Look whether there is a new request."""
        made_ns = self._made_ns()
        if made_ns is not None and made_ns != self._seen_ns:
            self._seen_ns = made_ns
            self._on_request()

    def _made_ns(self) -> int | None:
        """Return when the request was made; None if there is none."""
        try:
            # A network file system remembers which files are not there, until the folder is opened.
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                status = os.stat(self._path.name, dir_fd=folder, follow_symlinks=False)
            finally:
                os.close(folder)
        except OSError:
            return None
        return status.st_mtime_ns
