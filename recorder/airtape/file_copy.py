"""Copying a file and telling what is in it, in bounded memory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

CHUNK: Final = 1 << 20
"""Bytes that are read at a time."""

_FICLONE: Final = 0x40049409
"""The call by which file systems share the blocks of two files until one of them changes."""


class Digest(NamedTuple):
    """What is in a file: its size in bytes, and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


def chunks_of(fd: int, size: int | None = None) -> Iterator[bytes]:
    """Yield the content of an open file from where it stands, `CHUNK` bytes at a time.

    Args:
        fd: Its file descriptor.
        size: How many bytes to yield at most; all by default.

    Raises:
        OSError: It cannot be read.
    """
    left = size
    while left != 0:
        data = os.read(fd, CHUNK if left is None else min(CHUNK, left))
        if not data:
            return
        if left is not None:
            left -= len(data)
        yield data


def digest_of(
    fd: int, size: int | None = None, *, take: Callable[[bytes], None] | None = None
) -> Digest:
    """Return what is in an open file, from where it stands.

    Args:
        fd: Its file descriptor.
        size: How many bytes to read at most; all by default.
        take: Is handed the content, piece by piece.

    Raises:
        OSError: It cannot be read.
    """
    # Loads OpenSSL, see `airtape.digest`.
    from hashlib import sha256  # noqa: PLC0415 - see above

    digest, count = sha256(), 0
    for data in chunks_of(fd, size):
        digest.update(data)
        count += len(data)
        if take is not None:
            take(data)
    return Digest(count, digest.hexdigest())


def copy_file(
    source: int, target: int, size: int, *, moved: Callable[[bytes], None] | None = None
) -> Digest:
    """Copy the first bytes of an open file into an empty one, and return what the copy holds.

    Where the file system can, both share their blocks, and it takes no time and no space.

    Args:
        source: File descriptor of the file, at its start.
        target: File descriptor of the copy, open for reading and writing.
        size: Number of bytes; a file that has become shorter gives fewer.
        moved: Is shown the content, piece by piece, as it goes on.

    Raises:
        OSError: The file cannot be read, or the copy cannot be written.
    """
    if _shares_blocks(source, target):
        return digest_of(target, take=moved)

    def write(data: bytes) -> None:
        write_all(target, data)
        if moved is not None:
            moved(data)

    # In one pass, for the digest needs every byte anyway.
    return digest_of(source, size, take=write)


def write_all(fd: int, data: bytes) -> None:
    """Write bytes to an open file, all of them.

    Raises:
        OSError: They cannot be written.
    """
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def _shares_blocks(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True
