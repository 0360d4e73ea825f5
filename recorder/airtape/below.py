"""Opening what lies below a folder and nothing outside of it: no link is ever followed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not blocking, for it may be a pipe.
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Looks(NamedTuple):
    """What tells whether a file has changed, without reading it.

    Attributes:
        size: Its size in bytes.
        mtime_ns: Its modification time in nanoseconds since 1970.
        inode: Which file of its file system it is.
    """

    size: int
    mtime_ns: int
    inode: int


def looks_of(status: os.stat_result) -> Looks:
    """Return what a file looks like."""
    return Looks(status.st_size, status.st_mtime_ns, status.st_ino)


def parts_of_path(path: str) -> tuple[str, ...]:
    """Return the names that a path below a folder is made of.

    Raises:
        ValueError: It is none: it is absolute, empty, or goes up.
    """
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise ValueError(f"{path!r} is no path below the run's files")
    return parts


@contextmanager
def folder_below(top: Path, names: Sequence[str], *, make: int | None = None) -> Iterator[int]:
    """Open a folder below another one.

    Args:
        top: The folder above; it may be reached by a link itself.
        names: The names that lead to it.
        make: Permissions of folders that are missing; None to make none.

    Yields:
        Its file descriptor.

    Raises:
        OSError: One of the names is missing, no folder, or a link.
    """
    with ExitStack() as stack:
        at = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, at)
        for name in names:
            if make is not None:
                with suppress(FileExistsError):
                    os.mkdir(name, make, dir_fd=at)
            at = os.open(name, _FOLDER, dir_fd=at)
            stack.callback(os.close, at)
        yield at


def open_below(top: Path, path: str) -> int:
    """Open a regular file below a folder for reading, and return its file descriptor.

    Neither a pipe nor a device is opened.

    Args:
        top: The folder; it may be reached by a link itself.
        path: The file's path below it, with slashes.

    Raises:
        ValueError: The path leads out of the folder.
        OSError: There is no such file, it is no regular one, a link leads to it, or it cannot be
            read.
    """
    *folders, name = parts_of_path(path)
    with folder_below(top, folders) as folder:
        _check(os.stat(name, dir_fd=folder, follow_symlinks=False), path)
        fd = os.open(name, _FILE, dir_fd=folder)
        try:
            _check(os.fstat(fd), path)
        except BaseException:
            os.close(fd)
            raise
    return fd


def open_regular(path: Path) -> int:
    """Open a regular file for reading, also by way of a link; return its file descriptor.

    Raises:
        OSError: There is no such file, it is no regular one, or it cannot be read.
    """
    fd = os.open(path, _FILE & ~os.O_NOFOLLOW)
    try:
        _check(os.fstat(fd), str(path))
    except BaseException:
        os.close(fd)
        raise
    return fd


def _check(status: os.stat_result, path: str) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, "it is a link", path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file", path)
