"""What happens to records while the disk does not take them.

The disk is full, a quota is used up, a server is gone: that is a state of the log, not an exception
in the training. Records taken meanwhile are deferred, not acknowledged: they wait in a bounded
queue, and a thread hands them over when the disk takes them again. When the queue is full the
oldest go, and a gap record will stand in their place.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple, Protocol

QUEUE_BYTES = 4 << 20
"""How many bytes of deferred frames are kept."""

RETRY_S = 1.0
"""Seconds between two attempts."""

RETRY_AT_END_S = 0.1
"""The same while the run waits for it to end."""


class TroubleStatus(NamedTuple):
    """How a log stands with its disk.

    Attributes:
        cause: What the disk said, None when all is well.
        deferred: Records that wait in memory.
        dropped: Records that had to be given up so far.
    """

    cause: str | None
    deferred: int
    dropped: int


class LogFile(Protocol):
    """The part of a log writer that this module works with; called from the drain thread."""

    def write_blocking(self, frame: bytes) -> None:
        """Write one whole frame, or raise OSError."""

    def write_gap(self, first: int, last: int, reason: str) -> None:
        """Write the record that stands for dropped ones, or raise OSError."""

    def renew_if_gone(self) -> None:
        """Go on in another file if this one is lost or refuses to be synced, or raise OSError."""

    def recovered(self, dropped: int) -> None:
        """All deferred frames are written: records go to the file again."""


class Trouble(threading.Thread):
    """One time of trouble, from the first refusal until every deferred frame is written.

    Args:
        file: The log that has trouble.
        cause: What the disk said.
    """

    def __init__(self, file: LogFile, cause: str) -> None:
        super().__init__(name="airtape-drain", daemon=True)
        self.cause = cause
        self._file = file
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._ending = False
        self._over = threading.Event()
        self._deferred: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self._gap: tuple[int, int] | None = None
        self._dropped = 0

    def defer(self, seq: int, frame: bytes) -> bool:
        """Keep a frame until it can be written; return False when the trouble is over."""
        with self._lock:
            if self._over.is_set():
                return False
            self._deferred.append((seq, frame))
            self._bytes += len(frame)
            while self._bytes > QUEUE_BYTES and len(self._deferred) > 1:
                self._drop(*self._deferred.popleft())
            return True

    def _drop(self, seq: int, frame: bytes) -> None:
        self._bytes -= len(frame)
        self._dropped += 1
        first, last = self._gap or (seq, seq)
        self._gap = min(first, seq), max(last, seq)

    @property
    def status(self) -> TroubleStatus:
        """What waits and what is lost."""
        with self._lock:
            return TroubleStatus(self.cause, len(self._deferred), self._dropped)

    def run(self) -> None:
        """Try to write what waits, once a second, until nothing does."""
        while True:
            try:
                self._drain()
            except OSError as error:
                self.cause = error.strerror or str(error)
            else:
                return
            self._wake.wait(RETRY_AT_END_S if self._ending else RETRY_S)

    def wait_until_over(self, seconds: float) -> bool:
        """Hurry the attempts; tell whether everything was written within the time."""
        self._ending = True
        self._wake.set()
        if not self._over.wait(seconds):
            return False
        self.join(RETRY_S)
        return True

    def take_over(self) -> tuple[list[tuple[int, bytes]], tuple[int, int] | None]:
        """Give up: return the frames that still wait, and the first and last dropped seq."""
        with self._lock:
            self._over.set()
            left, self._deferred = list(self._deferred), deque()
            gap, self._gap = self._gap, None
            return left, gap

    def _drain(self) -> None:
        """Write everything that waits.

        Raises:
            OSError: The disk still refuses.
        """
        self._file.renew_if_gone()
        while not self._over.is_set():
            self._write_gap()
            with self._lock:
                if not self._deferred:
                    self._over.set()
                    self._file.recovered(self._dropped)
                    return
                # Not in the queue while it is written, so that it cannot be dropped as well.
                seq, frame = self._deferred.popleft()
            try:
                self._file.write_blocking(frame)
            except OSError:
                with self._lock:
                    self._deferred.appendleft((seq, frame))
                raise
            with self._lock:
                self._bytes -= len(frame)

    def _write_gap(self) -> None:
        with self._lock:
            gap, self._gap = self._gap, None
        if gap is None:
            return
        try:
            self._file.write_gap(*gap, self.cause)
        except OSError:
            self._take_back(gap)
            raise

    def _take_back(self, gap: tuple[int, int]) -> None:
        with self._lock:
            self._gap = gap if self._gap is None else (gap[0], max(gap[1], self._gap[1]))
