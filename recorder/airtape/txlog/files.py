"""The file that a log is written to, and the one that continues it when it is lost.

A file is lost when it was removed, when the program closed its descriptor, or when the disk refused
to sync it: after a failed sync the kernel takes the lost pages for written. The last frames are
therefore kept in memory, and the file that continues a lost one repeats them. Readers take a record
that stands in two files once.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from time import monotonic, time_ns

import msgpack

from airtape.records import Kind
from airtape.txlog.format import UNSALTED, Header, encode_frame
from airtape.txlog.ring import CHUNK_BYTES, FrameRing
from airtape.txlog.sink import ShortWriteError, Sink, said_by, sync_directory

RENEW_S = 1.0
"""Seconds that a file lasts at least, should one after the other be lost at once."""

_LOST = frozenset({errno.EIO, errno.ESTALE, errno.EBADF})


class LogFiles:
    """The files of one log, of which the newest is written to.

    Args:
        path: The first file; it must not exist.
        header: What the log says of itself; it becomes the first frame.
        wall_ns: Wall clock at the start, in nanoseconds since 1970.
        mode: Permissions before the umask.
        next_path: Names another file; None where a lost one can only be made anew.
        take_seq: Numbers the header of a file that continues another.

    Attributes:
        path: The newest file.
        header: What it says of itself.
        fd: Its descriptor, -1 while there is none.
        size: Bytes written so far, those of broken frames among them.
        turn_at: The size at which `turn` is due.
        ring: The last frames.
    """

    def __init__(  # noqa: PLR0913 - what the first file needs, and the others
        self,
        path: Path,
        header: Header,
        *,
        wall_ns: int,
        mode: int,
        next_path: Callable[[], Path] | None,
        take_seq: Callable[[], int],
    ) -> None:
        self.path = path
        self.header = header
        self.fd = -1
        self.size = 0
        self.turn_at = CHUNK_BYTES
        self.ring = FrameRing()
        self._began_at = 0
        self._mode = mode
        self._next_path = next_path
        self._take_seq = take_seq
        self._newest: Sink | None = None
        self._older: list[Sink] = []
        self._is_lost = True
        self._is_full = False
        self._renew_at = 0.0
        self._next_header: Header | None = None
        self.keep(_header_frame(header, wall_ns))

    def open(self) -> None:
        """Make the first file.

        Raises:
            OSError: It cannot be made.
        """
        self._go_on_in(self._created(self.path, self.ring.frames()))

    def _created(self, path: Path, frames: Iterable[bytes]) -> Sink:
        """Make a file that holds some frames already.

        Raises:
            OSError: It cannot be made; nothing of it stays.
        """
        sink = Sink(path, self._mode)
        try:
            for frame in frames:
                sink.write(frame)
            sink.sync()
            sync_directory(path.parent)
        except OSError:
            sink.discard()
            raise
        return sink

    def _go_on_in(self, sink: Sink) -> None:
        # Another thread may be syncing the old file at this moment: it is closed at the end.
        if self._newest is not None:
            self._older.append(self._newest)
        self._newest, self.fd, self.path = sink, sink.fd, sink.path
        self._is_lost = self._is_full = False

    @property
    def offset(self) -> int:
        """Where the next frame begins in the newest file."""
        return self.size - self._began_at

    def keep(self, frame: bytes) -> None:
        """Remember a frame that was written, to write it again should the file be lost."""
        self.size += len(frame)
        self.ring.newest.write(frame)
        if self.size > self.turn_at:
            self.turn()

    def skip(self, torn: int) -> None:
        """Count the bytes of a frame that was broken off; they stay, and readers skip them."""
        self.size += torn

    def turn(self) -> None:
        """Go on in another chunk of the ring, which forgets the oldest."""
        self.turn_at = self.size + CHUNK_BYTES
        self.ring.turn()

    def write(self, frame: bytes) -> None:
        """Write one whole frame, however long it takes, and keep it.

        Raises:
            OSError: It could not be written whole.
        """
        if self._newest is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        try:
            self._newest.write(frame)
        except ShortWriteError as error:
            self.note(error)
            raise
        self.keep(frame)

    def note(self, error: OSError) -> None:
        """Take in that a write failed."""
        if isinstance(error, ShortWriteError):
            self.skip(error.written)
        self._is_lost |= error.errno in _LOST
        self._is_full |= error.errno == errno.EFBIG

    def sync(self) -> str | None:
        """Wait until what was written survives a power loss.

        Returns:
            Why it does not: the file is lost. None if all is well.
        """
        sink = self._newest
        if sink is None:
            return None
        loss = sink.loss()
        try:
            if loss is None:
                sink.sync()
        except OSError as error:
            loss = said_by(error)
        if loss is None or sink is not self._newest:
            return None
        self._is_lost = True
        return loss

    def renew_if_gone(self) -> str | None:
        """Go on in another file if this one is lost or full.

        Returns:
            What happened, in words, if another file was made.

        Raises:
            OSError: No other file can be made.
        """
        loss = None if self._newest is None else self._newest.loss()
        if loss is None and not self._is_lost and not self._is_full:
            return None
        if monotonic() < self._renew_at:
            raise OSError(errno.EIO, loss or os.strerror(errno.EIO))
        self._is_lost |= loss is not None
        path = self.path
        if self._next_path is not None and os.path.lexists(path):
            path = self._next_path()
        before = self.path.name
        self.continue_in(path)
        return f"{before} is given up{f' ({loss})' if loss else ''}; {path.name} continues it"

    def continue_in(self, path: Path, also: Iterable[bytes] = ()) -> None:
        """Go on in another file, which repeats the last frames unless all of them are safe.

        Args:
            path: The file to make, with its directory if need be.
            also: Further frames to begin it with.

        Raises:
            OSError: The file cannot be made.
        """
        if self._next_header is None:
            seq = self._take_seq()
            self._next_header = self.header._replace(first_seq=seq, continues=self.path.name)
        header = self._next_header
        frame = _header_frame(header, time_ns())
        repeated = [] if self._is_full and self._is_safe() else self.ring.frames()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._go_on_in(self._created(path, [frame, *repeated, *also]))
        self._began_at = self.size - sum(map(len, repeated))
        self.header, self._next_header = header, None
        self._renew_at = monotonic() + RENEW_S
        self.keep(frame)

    def _is_safe(self) -> bool:
        """Tell whether what was written to the newest file will stay there."""
        with suppress(OSError):
            if not self._is_lost and self._newest is not None:
                self._newest.sync()
                return True
        return False

    def close(self) -> None:
        """Close all files; nothing can be written any more."""
        for sink in (self._newest, *self._older):
            if sink is not None:
                sink.close()
        self._newest, self.fd = None, -1


def _header_frame(header: Header, wall_ns: int) -> bytes:
    body = msgpack.packb([int(Kind.HEADER), wall_ns, header.to_fields()])
    return encode_frame(header.first_seq, body, UNSALTED)
