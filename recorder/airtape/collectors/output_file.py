"""The file ``files/output.log``: what somebody saw of a program's output, kept up to date.

It is made of what the log says, and can be made again from it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from airtape.console_screen import Screen, ScreenLine
from airtape.digest import running_sha256
from airtape.records import Plain

OUTPUT_FILE: Final = "output.log"
_MODE: Final = 0o664
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class OutputFile:
    """Writes the lines that chunks of output make; those that may still change are written anew.

    The file is made with the first of them.

    Args:
        folder: The run's ``files``.
        file_mode: Permissions of files, instead of the umask's.
    """

    def __init__(self, folder: Path, *, file_mode: int | None = None) -> None:
        self._path = folder / OUTPUT_FILE
        self._file_mode = file_mode
        self._fd: int | None = None
        self._screen = Screen()
        self._settled = bytearray()
        self._settled_to = 0
        self._size = 0

    def add(self, stream: str, chunk: str | bytes, dropped: int) -> None:
        """Take in a chunk of output.

        Args:
            stream: Which stream it is of.
            chunk: The chunk.
            dropped: Characters before it that were not recorded.
        """
        self._settled += _encoded(self._screen.feed(stream, chunk, dropped=dropped))

    def write(self) -> None:
        """Bring the file up to date.

        Raises:
            OSError: It cannot be written; or a file of this name is there, which is the program's.
        """
        settled, rest = bytes(self._settled), _encoded(self._screen.rest())
        if self._fd is None:
            if not settled and not rest:
                return
            self._fd = os.open(self._path, _NEW, _MODE)
            self._digest = running_sha256()
            if self._file_mode is not None:
                os.fchmod(self._fd, self._file_mode)
        _write_at(self._fd, settled + rest, self._settled_to)
        end = self._settled_to + len(settled) + len(rest)
        if end < self._size:
            os.ftruncate(self._fd, end)
        self._size = end
        self._settled_to += len(settled)
        self._digest.update(settled)
        self._settled.clear()

    def close(self) -> dict[str, Plain] | None:
        """Close the file, and return what is to be recorded of it; None if there is none.

        Raises:
            OSError: It cannot be brought up to date.
        """
        try:
            self.write()
        finally:
            fd, self._fd = self._fd, None
            if fd is not None:
                os.close(fd)
        if fd is None:
            return None
        self._digest.update(_encoded(self._screen.rest()))
        return {
            "path": OUTPUT_FILE,
            "size": self._size,
            "sha256": self._digest.hexdigest(),
            "type": "run",
        }


def _encoded(lines: Iterable[ScreenLine]) -> bytes:
    return b"".join(line.text.encode("utf-8", "replace") + b"\n" for line in lines)


def _write_at(fd: int, data: bytes, place: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(fd, left, place)
        left, place = left[written:], place + written
