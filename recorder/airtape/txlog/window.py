"""A bounded view of a log file: however long the file, only a little of it is in memory."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from airtape.errors import LogFormatError

CHUNK = 1 << 20
"""Bytes read at a time; with the longest frame it bounds the memory of a reader."""


class Window:
    """Some bytes of a file, moved along it as a reader goes.

    Args:
        path: A regular file; links are not followed.

    Attributes:
        data: The bytes in memory.
        base: File offset of the first of them.
        size: The file's size when it was opened; what is appended later is not seen. Less once it
            turned out that the file was cut meanwhile.

    Raises:
        OSError: The file cannot be opened.
        LogFormatError: The path is no regular file.
    """

    __slots__ = ("_fd", "base", "data", "size")

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        status = os.fstat(self._fd)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise LogFormatError("a transaction log must be a regular file", where=str(path))
        self.size = status.st_size
        self.base = 0
        self.data = b""

    def load(self, at: int, size: int) -> int:
        """Make ``size`` bytes from file offset ``at`` on available; return their place in `data`.

        Near the end of the file fewer bytes are there.

        Raises:
            OSError: The file cannot be read.
        """
        place = at - self.base
        if place >= 0 and place + size <= len(self.data):
            return place
        kept = self.data[place:] if 0 <= place <= len(self.data) else b""
        start = at + len(kept)
        want = min(max(CHUNK, size - len(kept)), self.size - start)
        parts = [kept]
        while want > 0:
            part = os.pread(self._fd, want, start)
            if not part:
                self.size = start
                break
            parts.append(part)
            start += len(part)
            want -= len(part)
        self.data = b"".join(parts)
        self.base = at
        return 0

    def bytes_at(self, at: int, size: int) -> bytes:
        """Return up to ``size`` bytes from file offset ``at`` on; fewer at the end of the file.

        Raises:
            OSError: The file cannot be read.
        """
        place = self.load(at, size)
        return self.data[place : place + size]

    def close(self) -> None:
        """Close the file; may be called again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
