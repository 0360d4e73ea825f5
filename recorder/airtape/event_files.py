"""Which event files this process writes, whatever library does it.

Python says which files it opens; those that were open before, and those that a library in another
language opens, the system knows. So no library has to be patched, and it is all the same whether it
was imported before or after the run began.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

_MARK: Final = "tfevents"
"""What the name of every event file has in it."""
_DESCRIPTORS: Final = "/proc/self/fd"


class OpenedEventFiles:
    """The event files that this process has open, or has opened since `begin`."""

    def __init__(self) -> None:
        self._opened: dict[str, None] = {}

    def begin(self) -> None:
        """Take note of each event file that is opened from here on."""
        _listen()
        _listeners.append(self._opened)

    def end(self) -> None:
        """Take note of no more."""
        with suppress(ValueError):
            _listeners.remove(self._opened)

    def paths(self) -> list[Path]:
        """Return the files, in the order they were noticed; each is there and is a regular file."""
        with suppress(OSError):
            for descriptor in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - no need for paths
                with suppress(OSError):
                    place = os.readlink(f"{_DESCRIPTORS}/{descriptor}")  # noqa: PTH115 - as above
                    if _is_one(place):
                        self._opened.setdefault(place)
        return [path for path in map(Path, list(self._opened)) if path.is_file()]


_listeners: list[dict[str, None]] = []
_hooked: list[bool] = []


def _listen() -> None:
    """Ask Python to say which files it opens; that cannot be taken back, so it is done once."""
    if not _hooked:
        _hooked.append(True)
        sys.addaudithook(_heard)


def _heard(event: str, arguments: tuple[object, ...]) -> None:
    if event != "open" or not _listeners:
        return
    path = arguments[0]
    if isinstance(path, (str, bytes)) and _is_one(text := os.fsdecode(path)):
        with suppress(OSError):
            absolute = os.path.abspath(text)  # noqa: PTH100 - called while others open files
            for opened in _listeners:
                opened.setdefault(absolute)


def _is_one(path: str) -> bool:
    return _MARK in path.rpartition("/")[2]
