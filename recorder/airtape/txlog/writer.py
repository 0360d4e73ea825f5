"""Writing a transaction log: each record is one whole frame, handed to the kernel at once.

Once `LogWriter.append` has returned, no death of the process can take the record back; a power
loss can take what came after the last `LogWriter.sync`. While the disk refuses, records are
deferred instead (see `airtape.txlog.trouble`); nothing here raises once the log is open.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from struct import Struct
from time import monotonic
from zlib import crc32

from airtape.txlog.files import LogFiles
from airtape.txlog.format import (
    CODE,
    HEAD_CHECKED,
    LENGTH_EXTRA,
    MARKER,
    UNSALTED,
    Header,
    encode_frame,
    salt_of,
    seq_of,
)
from airtape.txlog.rescue import SAVE_WAIT_S, gap_frame, save_elsewhere
from airtape.txlog.sink import said_by, write_keeping_gil, write_or_raise
from airtape.txlog.trouble import SLOW_S, Trouble, TroubleStatus, within

END_WAIT_S = 3.0
"""How long the end of a run waits for a disk that refuses or hangs."""

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
        must_open: Whether a file that cannot be made is an error, or trouble like any other.

    Attributes:
        next_seq: What the next record will be numbered, if nothing comes in between.
        last_seq: The last record written.
        last_checkpoint: Offset of the last checkpoint in the newest file, None without one.
        gaps: ``(first seq, last seq, reason)`` of each gap record that was written.
        synced: How much of `size` is known to survive a power loss.
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
        mode: int = 0o664,
        next_path: Callable[[], Path] | None = None,
        report: Callable[[str], None] = lambda _: None,
        must_open: bool = True,
    ) -> None:
        self.last_seq = self.synced_seq = header.first_seq
        self.last_checkpoint: int | None = None
        self.gaps: list[tuple[int, int, str]] = []
        self._report = report
        self._salt = salt_of(header.writer)
        self.next_seq = header.first_seq + 1
        self._trouble: Trouble | None = None
        self._trouble_lock = threading.RLock()
        self._dropped = 0
        self._closed = False
        self._files = LogFiles(
            Path(path),
            header,
            wall_ns=wall_ns,
            mode=mode,
            next_path=next_path,
            take_seq=self._take_seq,
        )
        self.synced = self._files.size
        try:
            self._files.open()
        except OSError as error:
            if must_open:
                raise
            self._begin_trouble(said_by(error))

    @property
    def path(self) -> Path:
        """The log file, the newest one."""
        return self._files.path

    @property
    def header(self) -> Header:
        """What the newest file says of itself."""
        return self._files.header

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._files.size

    def _take_seq(self) -> int:
        # On one line, for nothing can come in between: no other thread, no handler of a signal.
        seq, self.next_seq = self.next_seq, self.next_seq + 1
        return seq

    def append(self, body: bytes) -> int:
        """Take one record and return its seq.

        Args:
            body: A msgpack array, at most `MAX_BODY` bytes.
        """
        seq, self.next_seq = self.next_seq, self.next_seq + 1  # as in _take_seq
        try:
            checked = _CHECKED(len(body) + LENGTH_EXTRA, CODE, seq)
            salt = self._salt
            crcs = _CRCS(crc32(checked, salt), crc32(body, crc32(checked[5:], salt)))
            frame = b"".join((_MARKER, checked, crcs, body))
            files, trouble = self._files, self._trouble
            fd = files.fd
            if trouble is None:
                # As `_hand_over` does it, without what a call of it takes.
                size = len(frame)
                began = monotonic()
                written = write_keeping_gil(fd, frame, size)
                took = monotonic() - began
                if written == size:
                    self.last_seq = seq
                    files.size = end = files.size + size
                    files.ring.newest.write(frame)
                    if end > files.turn_at:
                        files.turn()
                    if self._trouble is None and files.fd == fd:
                        if took > SLOW_S:
                            self._begin_trouble("writes take long", is_slow=True)
                        return seq
                else:
                    files.skip(max(0, written))
            self._hand_over(seq, frame)
        except BaseException:
            # The handler of a signal raises: without its record, the number would seem lost.
            self._hand_over(seq, encode_frame(seq, body, self._salt))
            raise
        return seq

    def append_unsalted(self, body: bytes) -> int:
        """Take one checkpoint record and return its seq."""
        at = self._files.offset
        seq, self.next_seq = self.next_seq, self.next_seq + 1  # as in _take_seq
        try:
            self._hand_over(seq, encode_frame(seq, body, UNSALTED))
        except BaseException:
            self._hand_over(seq, encode_frame(seq, body, UNSALTED))
            raise
        self.last_checkpoint = at if self._trouble is None else None
        return seq

    def _hand_over(self, seq: int, frame: bytes) -> None:
        files = self._files
        while True:
            trouble = self._trouble
            if trouble is not None and trouble.defer(frame):
                return
            fd = files.fd
            if self._write(frame):
                self.last_seq = seq
                files.keep(frame)
                # A file that was given up during the write may not have it: then once more.
                if self._trouble is None and files.fd == fd:
                    return
            elif self._closed:
                # The handler of a signal, in the middle of the end.
                self._dropped += 1
                return

    def _write(self, frame: bytes) -> bool:
        """Write a frame whole; trouble begins if that fails."""
        try:
            written = write_or_raise(self._files.fd, frame, len(frame))
        except OSError as error:
            self._files.note(error)
            self._begin_trouble(said_by(error))
            return False
        if written < len(frame):
            self._files.skip(written)
            self._begin_trouble(f"only {written} of {len(frame)} bytes were taken")
        return written == len(frame)

    def _begin_trouble(self, cause: str, *, is_slow: bool = False) -> None:
        trouble = Trouble(self, cause, is_slow=is_slow)
        with self._trouble_lock:
            if self._trouble is None and not self._closed:
                self._trouble = trouble
                trouble.begin()

    def write_blocking(self, frame: bytes) -> None:
        """Write one whole frame, however long it takes.

        Raises:
            OSError: The frame could not be written whole.
        """
        self._files.write(frame)
        self.last_seq = max(self.last_seq, seq_of(frame))

    def write_gap(self, first: int, last: int, reason: str) -> None:
        """Write the record that stands in the place of dropped ones; it has the last one's seq.

        Raises:
            OSError: It could not be written whole.
        """
        self.write_blocking(gap_frame(first, last, reason, self._salt))
        self.gaps.append((first, last, reason))

    def renew_if_gone(self) -> None:
        """Go on in another file if this one was removed or lost what was written to it.

        Raises:
            OSError: No other file can be made.
        """
        if (news := self._files.renew_if_gone()) is not None:
            self.last_checkpoint = None
            self._report(news)

    def recovered(self, dropped: int) -> None:
        """Write to the file again."""
        self._trouble = None
        self._dropped += dropped

    def tell(self, text: str) -> None:
        """Say in words how trouble with this file goes."""
        self._report(f"{self.path.name} {text}")

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

        A file that was removed, or whose sync fails, is given up for another one.
        """
        size, seq = self._files.size, self.last_seq
        if size == self.synced or self._closed:
            return
        loss = self._files.sync()
        if loss is None:
            self.synced, self.synced_seq = size, seq
        else:
            self._begin_trouble(loss)

    def close(self, fallbacks: Sequence[Path] = ()) -> TroubleStatus:
        """Sync and close the log; wait a few seconds for a disk that refuses or hangs.

        Args:
            fallbacks: Directories to save what still waits in, tried in order.

        Returns:
            What could not be written.
        """
        end = monotonic() + END_WAIT_S
        while True:
            trouble = self._trouble
            if trouble is not None and not trouble.wait_until_over(end - monotonic()):
                self._give_up(trouble, fallbacks)
                break
            if not within(max(SAVE_WAIT_S, end - monotonic()), self.sync):
                self.tell("could not be synced: its last records would not survive a power loss")
                break
            if self._trouble is None:
                break
        self._closed = True
        # Closing may hang where syncing did.
        within(SAVE_WAIT_S, self._files.close)
        return self.status

    def _give_up(self, trouble: Trouble, fallbacks: Sequence[Path]) -> None:
        frames, gaps = trouble.take_over()
        self._trouble = None
        self._dropped += trouble.status.dropped
        cause, salt = trouble.cause, self._salt
        due = [gap_frame(first, last, cause, salt) for first, last in gaps.intervals()]
        if not save_elsewhere(self._files, [*due, *frames], fallbacks, self._report):
            self._dropped += len(frames)
        if self._dropped:
            self._report(f"{self._dropped} records are lost: {cause}")

    def abandon(self) -> None:
        """Leave the file to the process that this one was forked from."""
        self._trouble = None
        self._closed = True
        self._files.close()
