"""Writing a transaction log: each record is one whole frame, handed to the kernel at once.

Once `LogWriter.append` has returned, no death of the process can take the record back; a power
loss can take what came after the last `LogWriter.sync`. While the disk refuses, records are
deferred instead (see `airtape.txlog.trouble`); nothing here raises once the log is open.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from struct import Struct
from time import monotonic_ns, time_ns
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
from airtape.txlog.trouble import Trouble, TroubleStatus

RING_BYTES = 4 << 20
"""How many bytes of the last frames are kept, to write them again when their file is lost."""
_RING_STEP = 256 << 10
SLOW_NS = 100_000_000
"""A write that takes longer is trouble: the next ones are left to a thread."""
END_WAIT_S = 3.0
"""How long the end of a run waits for a disk that refuses."""

_LOST_FILE = frozenset({errno.EIO, errno.ESTALE, errno.EBADF, errno.EFBIG})
_MARKER = bytes([MARKER])
_CRCS = Struct(">II").pack
_CHECKED = HEAD_CHECKED.pack


class LogWriter:
    """The one writer of one log, which is one file unless that file is lost.

    `append` may be called from any thread and from signal handlers: the number of a record is
    taken in one step, and its frame is written in one call. Records of two threads may so stand in
    the file in another order than their numbers; readers allow for it.

    Args:
        path: The file to create; it must not exist.
        header: What the log says of itself; it becomes the first frame.
        wall_ns: Wall clock at the start, in nanoseconds since 1970.
        mode: Permissions of the file before the umask.
        next_path: Names the file to go on in when the first one refuses to be synced.
        report: Told in words when trouble begins and ends; called from a thread.

    Attributes:
        path: The log file, the newest one.
        header: What it says of itself.
        size: Bytes written so far.
        last_seq: The last record written.
        synced: Bytes that are known to survive a power loss.
        synced_seq: The last record that is known to survive one.

    Raises:
        OSError: The file cannot be created or its first frame cannot be written.
    """

    def __init__(  # noqa: PLR0913 - what a log needs from outside
        self,
        path: str | os.PathLike[str],
        header: Header,
        *,
        wall_ns: int,
        mode: int = 0o666,
        next_path: Callable[[], Path] | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.path = Path(path)
        self.header = header
        self.size = 0
        self.last_seq = header.first_seq
        self.synced = 0
        self.synced_seq = header.first_seq
        self._mode = mode
        self._next_path = next_path
        self._report = report
        self._salt = salt_of(header.writer)
        self._next_seq = count(header.first_seq + 1).__next__
        self._ring: deque[bytes] = deque()
        self._forgotten = 0
        self._trim_at = RING_BYTES
        self._trouble: Trouble | None = None
        self._renew = False
        self._dropped = 0
        self._old_fds: list[int] = []
        self._fd, frame = self._create(self.path, header, wall_ns)
        self._keep(frame)
        self.synced = self.size

    def _keep(self, frame: bytes) -> None:
        """Remember a frame that was written, to write it again should the file be lost."""
        self._ring.append(frame)
        self.size += len(frame)

    def _create(self, path: Path, header: Header, wall_ns: int) -> tuple[int, bytes]:
        """Create a file with its header; return descriptor and header frame."""
        body = msgpack.packb([int(Kind.HEADER), wall_ns, header.to_fields()])
        frame = encode_frame(header.first_seq, body, UNSALTED)
        fd = create_log_file(path, self._mode)
        try:
            _write_whole(fd, frame)
            os.fsync(fd)
            sync_directory(path.parent)
        except OSError:
            os.close(fd)
            raise
        return fd, frame

    def append(self, body: bytes) -> int:
        """Take one record and return its seq.

        Args:
            body: A msgpack array, at most `MAX_BODY` bytes.
        """
        seq = self._next_seq()
        checked = _CHECKED(len(body) + LENGTH_EXTRA, CODE, seq)
        salt = self._salt
        crcs = _CRCS(crc32(checked, salt), crc32(body, crc32(checked[5:], salt)))
        self._hand_over(seq, b"".join((_MARKER, checked, crcs, body)))
        return seq

    def append_unsalted(self, body: bytes) -> int:
        """Take one checkpoint record and return its seq."""
        seq = self._next_seq()
        self._hand_over(seq, encode_frame(seq, body, UNSALTED))
        return seq

    def _hand_over(self, seq: int, frame: bytes) -> None:
        if self._trouble is not None and self._trouble.defer(seq, frame):
            return
        size = len(frame)
        began = monotonic_ns()
        written = write_keeping_gil(self._fd, frame, size)
        took = monotonic_ns() - began
        if written != size:
            self._refused(seq, frame, max(0, written))
            return
        self.last_seq = seq
        self.size += size
        self._ring.append(frame)
        if self.size > self._trim_at:
            self._trim()
        if took > SLOW_NS:
            self._begin_trouble(f"a write took {took / 1e9:.1f} s")

    def _trim(self) -> None:
        """Forget the oldest frames beyond `RING_BYTES`."""
        while self.size - self._forgotten > RING_BYTES - _RING_STEP:
            self._forgotten += len(self._ring.popleft())
        self._trim_at = self.size + _RING_STEP

    def _refused(self, seq: int, frame: bytes, written: int) -> None:
        """Write a frame once more, whole, and defer it if that fails too.

        What was written of it before stays in the file; readers skip it.
        """
        self.size += written
        self._forgotten += written
        try:
            self.write_blocking(frame)
        except OSError as error:
            self._renew |= error.errno in _LOST_FILE
            self._begin_trouble(error.strerror or str(error))
            if self._trouble is not None:
                self._trouble.defer(seq, frame)

    def _begin_trouble(self, cause: str) -> None:
        if self._trouble is None:
            self._trouble = Trouble(self, cause)
            self._trouble.start()

    def write_blocking(self, frame: bytes) -> None:
        """Write one whole frame, however long it takes.

        Raises:
            OSError: The frame could not be written whole.
        """
        try:
            written = _write_whole(self._fd, frame)
        except OSError as error:
            self._renew |= error.errno in _LOST_FILE
            raise
        self.last_seq = max(self.last_seq, int.from_bytes(frame[6:14], "big"))
        self._keep(frame)
        assert written == len(frame)  # noqa: S101 - _write_whole raises otherwise

    def write_gap(self, first: int, last: int, reason: str) -> None:
        """Write the record that stands in the place of dropped ones; it has the last one's seq.

        Raises:
            OSError: It could not be written whole.
        """
        body = msgpack.packb([int(Kind.GAP), time_ns(), first, last, reason])
        self.write_blocking(encode_frame(last, body, self._salt))

    def renew_if_gone(self) -> None:
        """Go on in another file if this one was removed or lost what was written to it.

        Raises:
            OSError: No other file can be made.
        """
        if self._trouble is not None:
            self._report(
                f"{self.path.name} cannot be written ({self._trouble.cause}); "
                "records wait in memory until it can be"
            )
        if not self._renew and not self._is_removed():
            return
        path = self.path
        if path.exists() or self._next_path is None:
            path = self._next_path() if self._next_path is not None else path
        self._continue_in(path)

    def _is_removed(self) -> bool:
        return os.fstat(self._fd).st_nlink == 0

    def _continue_in(self, path: Path) -> None:
        """Make another file that repeats the last frames, so that none is in the lost one alone.

        Raises:
            OSError: The file cannot be made.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        header = replace(self.header, first_seq=self._next_seq(), continues=self.path.name)
        fd, frame = self._create(path, header, time_ns())
        try:
            for kept in self._ring:
                _write_whole(fd, kept)
            os.fsync(fd)
        except OSError:
            os.close(fd)
            raise
        # Another thread may be syncing the old file at this moment: it is closed at the end.
        self._old_fds.append(self._fd)
        self._fd, self.path, self.header = fd, path, header
        self._renew = False
        self._keep(frame)

    def recovered(self, dropped: int) -> None:
        """Write to the file again."""
        self._trouble = None
        self._dropped += dropped
        lost = f"; {dropped} records were lost" if dropped else ", nothing is lost"
        self._report(f"{self.path.name} can be written again{lost}")

    @property
    def status(self) -> TroubleStatus:
        """How the log stands with its disk."""
        trouble = self._trouble
        if trouble is None:
            return TroubleStatus(None, 0, self._dropped)
        status = trouble.status
        return status._replace(dropped=status.dropped + self._dropped)

    def sync(self) -> None:
        """Wait until all that was written so far survives a power loss.

        A file that was removed, or whose sync fails, is given up for another one: after a failed
        sync the kernel takes the lost pages for written.
        """
        size, seq = self.size, self.last_seq
        if size == self.synced or self._trouble is not None:
            return
        try:
            os.fdatasync(self._fd)
            removed = self._is_removed()
        except OSError as error:
            self._renew = True
            self._begin_trouble(error.strerror or str(error))
            return
        if removed:
            self._begin_trouble("the file was removed")
            return
        self.synced, self.synced_seq = size, seq

    def close(self, fallbacks: Sequence[Path] = ()) -> TroubleStatus:
        """Sync and close the log; wait a few seconds for a disk that refuses.

        Args:
            fallbacks: Directories to save what still waits in, tried in order.

        Returns:
            What could not be written.
        """
        self.sync()
        trouble = self._trouble
        if trouble is not None and not trouble.wait_until_over(END_WAIT_S):
            self._give_up(trouble, fallbacks)
        status = self.status
        for fd in (self._fd, *self._old_fds):
            os.close(fd)
        return status

    def _give_up(self, trouble: Trouble, fallbacks: Sequence[Path]) -> None:
        frames, gap = trouble.take_over()
        self._trouble = None
        for directory in fallbacks:
            try:
                self._continue_in(directory / self.path.name)
                if gap is not None:
                    self.write_gap(*gap, trouble.cause)
                for _, frame in frames:
                    self.write_blocking(frame)
            except OSError:
                continue
            self._report(f"the last records were saved in {self.path}: sync that file too")
            self._dropped += 0 if gap is None else gap[1] - gap[0] + 1
            return
        self._dropped += len(frames) + (0 if gap is None else gap[1] - gap[0] + 1)
        self._report(f"{self._dropped} records are lost: {trouble.cause}")

    def abandon(self) -> None:
        """Leave the file to the process that this one was forked from."""
        self._trouble = None
        os.close(self._fd)


def _write_whole(fd: int, frame: bytes) -> int:
    """Write one whole frame.

    Raises:
        OSError: Fewer bytes were written; they stay, and readers skip them.
    """
    written = os.write(fd, frame)
    if written != len(frame):
        raise OSError(errno.ENOSPC, f"only {written} of {len(frame)} bytes were written")
    return written
