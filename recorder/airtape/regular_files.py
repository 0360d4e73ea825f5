"""Reading a small file that somebody else names, and that may be anything."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path


def text_of(place: Path, limit: int) -> str:
    """Return the text in a file; nothing if it cannot be read, or is no regular file.

    Args:
        place: The file.
        limit: Bytes that are read at most.
    """
    # Not blocking, for it may be a pipe.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    with suppress(OSError), os.fdopen(os.open(place, flags), "rb") as file:
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return file.read(limit).decode("utf-8", "replace")
    return ""
