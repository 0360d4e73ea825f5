"""Handing bytes to the kernel without giving up the interpreter lock.

``os.write`` releases the GIL and, beside a busy Python thread, waits up to 5 ms to get it back.
``write(2)`` called through `ctypes.PyDLL` keeps it: a short append to a file is a copy into the
page cache, which takes a microsecond or two. Where ctypes cannot do it, ``os.write`` serves.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import TypeAlias

Write: TypeAlias = Callable[[int, bytes, int], int]
"""``write(fd, data, size)``: bytes written, or -1; the cause of -1 is found by `os.write`."""


def _find_write() -> Write:
    try:
        write = ctypes.PyDLL(None).write
    except (OSError, AttributeError, TypeError):
        return _os_write
    write.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t)
    write.restype = ctypes.c_ssize_t
    return write


def _os_write(fd: int, data: bytes, size: int) -> int:  # noqa: ARG001 - the shape of write(2)
    try:
        return os.write(fd, data)
    except OSError:
        return -1


write_keeping_gil: Write = _find_write()


def create_log_file(path: str | os.PathLike[str], mode: int = 0o666) -> int:
    """Create a log file and return its descriptor; every write goes to the end of the file.

    Args:
        path: A path that must not exist.
        mode: Permissions before the umask.

    Raises:
        FileExistsError: Somebody else made the file.
        OSError: The file cannot be created.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(path, flags, mode)


def sync_directory(path: str | os.PathLike[str]) -> None:
    """Make the names in a directory survive a power loss.

    Raises:
        OSError: The directory cannot be opened or synced.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
