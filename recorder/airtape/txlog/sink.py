"""Handing bytes to the kernel without giving up the interpreter lock.

``os.write`` releases the GIL and, beside a busy Python thread, waits up to 5 ms to get it back.
``write(2)`` called through `ctypes.PyDLL` keeps it: a short append to a file is a copy into the
page cache, which takes a microsecond or two. Where ctypes cannot do it, ``os.write`` serves.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

Write: TypeAlias = Callable[[int, bytes, int], int]
"""``write(fd, data, len(data))``: bytes written, or -1; less than 2 GiB at a time."""

HIGH_FD = 512
"""Least number of a log's descriptor, where the limit of open files allows it.

Programs that close what they do not know (``os.closerange``) then get no other file under the
number of the log: new files take the lowest free one.
"""

_SILLY_RENAMED = ".nfs"
"""How NFS names a file that was removed while this machine has it open."""

_sync_data = getattr(os, "fdatasync", os.fsync)


def find_write(*, tells_why: bool = False) -> Write:
    """Return the best way to write that this Python has.

    Args:
        tells_why: Whether a write that fails raises OSError instead of returning -1; that takes
            longer.
    """
    try:
        write = ctypes.PyDLL(None, use_errno=tells_why).write
    except (OSError, AttributeError, TypeError):
        return _os_write_or_raise if tells_why else _os_write
    # No `argtypes`: with them, ctypes takes twice as long for a call. Integers are then handed over
    # as `int`. write(2) wants a `size_t`, and has it: libffi widens them to whole registers.
    write.restype = ctypes.c_ssize_t
    if not tells_why:
        return write

    def write_or_raise(fd: int, data: bytes, size: int) -> int:
        written: int = write(fd, data, size)
        if written < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return written

    return write_or_raise


def _os_write_or_raise(fd: int, data: bytes, size: int) -> int:  # noqa: ARG001 - as below
    return os.write(fd, data)


def _os_write(fd: int, data: bytes, size: int) -> int:  # noqa: ARG001 - the shape of write(2)
    try:
        return os.write(fd, data)
    except OSError:
        return -1


write_keeping_gil: Write = find_write()
write_or_raise: Write = find_write(tells_why=True)


class Sink:
    """A log file that this process writes; every write goes to its end.

    Args:
        path: A path that must not exist.
        mode: Permissions before the umask.

    Attributes:
        path: The path that the file was made at.
        fd: Its descriptor.

    Raises:
        FileExistsError: Somebody else made the file.
        OSError: The file cannot be created.
    """

    __slots__ = ("_identity", "_name", "fd", "path")

    def __init__(self, path: str | os.PathLike[str], mode: int = 0o664) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self.path = Path(path)
        self.fd = _moved_up(os.open(path, flags, mode))
        status = os.fstat(self.fd)
        self._identity = status.st_dev, status.st_ino
        self._name = name_of(self.fd)

    def write(self, data: bytes) -> None:
        """Write all the bytes, in several goes if need be.

        Raises:
            ShortWriteError: Some of them were not taken.
        """
        rest = data
        try:
            while rest:
                written = os.write(self.fd, rest)
                if not written:
                    raise OSError(errno.ENOSPC, "nothing was written")  # noqa: TRY301 - as if refused
                rest = rest[written:]
        except OSError as error:
            raise ShortWriteError(error, len(data) - len(rest)) from error

    def sync(self) -> None:
        """Wait until what was written survives a power loss.

        Raises:
            OSError: It may not.
        """
        _sync_data(self.fd)

    def loss(self) -> str | None:
        """Tell what happened to the file or its descriptor, None if all is well."""
        try:
            status = os.fstat(self.fd)
        except OSError:
            return "the program closed its descriptor"
        name = name_of(self.fd)
        # Some file systems in user space change the numbers of a file, but not its name as well.
        if (status.st_dev, status.st_ino) != self._identity and name != self._name:
            return "the program closed its descriptor"
        if status.st_nlink == 0 or os.path.basename(name).startswith(_SILLY_RENAMED):  # noqa: PTH119 - of no file
            return "the file was removed"
        return None

    def close(self) -> None:
        """Close the file, unless its descriptor belongs to another one by now."""
        fd, self.fd = self.fd, -1
        with suppress(OSError):
            status = os.fstat(fd)
            if (status.st_dev, status.st_ino) == self._identity:
                os.close(fd)

    def discard(self) -> None:
        """Close the file and remove it."""
        self.close()
        with suppress(OSError):
            self.path.unlink()


class ShortWriteError(OSError):
    """A write was refused, or broken off.

    Attributes:
        written: Bytes that were written all the same.
    """

    def __init__(self, cause: OSError, written: int) -> None:
        super().__init__(cause.errno, said_by(cause))
        self.written = written


def said_by(error: OSError) -> str:
    """Return what the system said, without number and path."""
    return error.strerror or str(error)


def _moved_up(fd: int) -> int:
    try:
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH_FD)
    except OSError:
        return fd
    os.close(fd)
    return high


def name_of(fd: int) -> str:
    """Return the path that an open file has now; empty where the system does not tell."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - text, not a path
    except OSError:
        return ""


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
