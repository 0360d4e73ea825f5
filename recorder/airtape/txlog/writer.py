"""Writing a transaction log: each record is one whole frame, handed to the kernel at once.

Once `LogWriter.append` has returned, no death of the process can take the record back; a power
loss can take what came after the last `LogWriter.sync`.
"""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from struct import Struct
from zlib import crc32

import msgpack

from airtape.records import Kind
from airtape.txlog.format import (
    CODE,
    HEAD_CHECKED,
    LENGTH_EXTRA,
    MARKER,
    UNSALTED,
    Header,
    encode_frame,
    salt_of,
)
from airtape.txlog.sink import create_log_file, sync_directory, write_keeping_gil

_MARKER = bytes([MARKER])
_CRCS = Struct(">II").pack
_CHECKED = HEAD_CHECKED.pack


class LogWriter:
    """The one writer of one log file.

    `append` may be called from any thread and from signal handlers: the number of a record is
    taken in one step, and its frame is written in one call. Records of two threads may so stand in
    the file in another order than their numbers; readers allow for it.

    Args:
        path: The file to create; it must not exist.
        header: What the log says of itself; it becomes the first frame.
        wall_ns: Wall clock at the start, in nanoseconds since 1970.
        mode: Permissions of the file before the umask.

    Attributes:
        path: The log file.
        header: What the log says of itself.
        size: Bytes written so far.
        last_seq: The last record written.
        synced: Bytes that are known to survive a power loss.
        synced_seq: The last record that is known to survive one.

    Raises:
        OSError: The file cannot be created or its first frame cannot be written.
    """

    def __init__(
        self, path: str | os.PathLike[str], header: Header, *, wall_ns: int, mode: int = 0o666
    ) -> None:
        self.path = Path(path)
        self.header = header
        self.size = 0
        self.last_seq = header.first_seq
        self.synced = 0
        self.synced_seq = header.first_seq
        self._salt = salt_of(header.writer)
        self._next_seq = count(header.first_seq).__next__
        self._fd = create_log_file(self.path, mode)
        try:
            self.append_unsalted(msgpack.packb([int(Kind.HEADER), wall_ns, header.to_fields()]))
            os.fsync(self._fd)
            sync_directory(self.path.parent)
        except OSError:
            os.close(self._fd)
            raise
        self.synced = self.size

    def append(self, body: bytes) -> int:
        """Write one record and return its seq.

        Args:
            body: A msgpack array, at most `MAX_BODY` bytes.

        Raises:
            OSError: The record could not be written whole.
        """
        seq = self._next_seq()
        checked = _CHECKED(len(body) + LENGTH_EXTRA, CODE, seq)
        salt = self._salt
        crcs = _CRCS(crc32(checked, salt), crc32(body, crc32(checked[5:], salt)))
        self._write(b"".join((_MARKER, checked, crcs, body)))
        self.last_seq = seq
        return seq

    def append_unsalted(self, body: bytes) -> int:
        """Write one header or checkpoint record and return its seq.

        Raises:
            OSError: The record could not be written whole.
        """
        seq = self._next_seq()
        self._write(encode_frame(seq, body, UNSALTED))
        self.last_seq = seq
        return seq

    def _write(self, frame: bytes) -> None:
        size = len(frame)
        written = write_keeping_gil(self._fd, frame, size)
        if written != size:
            self._write_again(frame, max(0, written))
        self.size += size

    def _write_again(self, frame: bytes, written: int) -> None:
        """Write a frame that came out short once more, whole; readers skip the torn one."""
        self.size += written
        done = os.write(self._fd, frame)
        if done != len(frame):
            self.size += done
            message = f"{self.path}: only {done} of {len(frame)} bytes could be written"
            raise OSError(message)

    def sync(self) -> None:
        """Wait until all that was written so far survives a power loss.

        Raises:
            OSError: The disk refused.
        """
        size, seq = self.size, self.last_seq
        if size > self.synced:
            os.fdatasync(self._fd)
            self.synced, self.synced_seq = size, seq

    def close(self) -> None:
        """Close the file; it is not synced."""
        os.close(self._fd)
