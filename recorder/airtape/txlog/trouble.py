"""What happens to records while the disk does not take them.

The disk is full, a quota is used up, a server is gone: that is a state of the log, not an exception
in the training. Records taken meanwhile are deferred, not acknowledged: they wait in a bounded
queue, and a thread hands them over when the disk takes them again. When the queue is full the
oldest go, and gap records will stand in their place.
"""

from __future__ import annotations

import threading
from _thread import start_new_thread
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import NamedTuple, Protocol

from airtape.process import leave_signals_to_the_program
from airtape.txlog.format import seq_of
from airtape.txlog.seqset import SeqSet

QUEUE_BYTES = 4 << 20
"""How many bytes of deferred frames are kept."""

SLOW_S = 0.1
"""A write that takes longer is trouble: the next ones are left to a thread."""

RETRY_S = 1.0
"""Seconds between two attempts."""

RETRY_SOON_S = 0.05
"""The same while the run waits for it to end, or the disk takes records but slowly."""


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

    def tell(self, text: str) -> None:
        """Say in words how the trouble goes."""


class Trouble:
    """One time of trouble, from the first refusal until every deferred frame is written.

    Args:
        file: The log that has trouble.
        cause: What the disk said.
        is_slow: Whether the disk takes records, but slowly.
    """

    def __init__(self, file: LogFile, cause: str, *, is_slow: bool = False) -> None:
        self.cause = cause
        self._file = file
        self._is_slow = is_slow
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._ending = False
        self._over = threading.Event()
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._in_hand: bytes | None = None
        self._gaps = SeqSet()
        self._gaps_in_hand = SeqSet()
        self._dropped = 0
        self._is_refused = True
        self._is_recovered = False
        self._told: str | None = None
        self._has_thread = True
        self._next_attempt = 0.0

    def begin(self) -> None:
        """Let a thread work on it, or the callers of `defer` where no thread can be had."""
        try:
            # Not `threading.Thread`, whose start waits until the thread has run for a while.
            start_new_thread(self.work, ())
        except RuntimeError:
            self._has_thread = False

    def defer(self, frame: bytes) -> bool:
        """Keep a frame until it can be written; return False when the trouble is over."""
        with self._lock:
            if self._over.is_set():
                return False
            self._waiting.append(frame)
            self._bytes += len(frame)
            while self._bytes > QUEUE_BYTES and len(self._waiting) > 1:
                self._drop(self._waiting.popleft())
        if not self._has_thread and monotonic() >= self._next_attempt:
            self._next_attempt = monotonic() + RETRY_S
            self._attempt()
        return True

    def _drop(self, frame: bytes) -> None:
        self._bytes -= len(frame)
        self._dropped += 1
        self._gaps.add(seq_of(frame))

    @property
    def status(self) -> TroubleStatus:
        """What waits and what is lost."""
        with self._lock:
            waiting = len(self._waiting) + (self._in_hand is not None)
            return TroubleStatus(self.cause, waiting, self._dropped)

    def work(self) -> None:
        """Try to write what waits, again and again, until nothing does."""
        leave_signals_to_the_program()
        if self._is_slow:
            self._tell("takes long to write; records wait in memory meanwhile")
        while not self._attempt():
            soon = self._ending or not self._is_refused
            self._wake.wait(RETRY_SOON_S if soon else RETRY_S)
            self._wake.clear()

    def _attempt(self) -> bool:
        """Try once; tell whether the trouble is over."""
        try:
            self._drain()
        except Exception as error:  # noqa: BLE001 - else nobody would try again
            self._is_refused = True
            self.cause = getattr(error, "strerror", None) or str(error)
            self._tell(f"cannot be written ({self.cause}); records wait in memory until it can be")
            return self._over.is_set()
        self._is_refused = False
        if self._is_recovered and (self._told is not None or self._dropped):
            lost = f"; {self._dropped} records were lost" if self._dropped else ", nothing is lost"
            self._tell(f"can be written again{lost}")
        return self._over.is_set()

    def _tell(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._file.tell(text)

    def wait_until_over(self, seconds: float) -> bool:
        """Hurry the attempts; tell whether everything was written within the time."""
        deadline = monotonic() + seconds
        self._ending = True
        self._wake.set()
        while not self._has_thread and not self._attempt() and monotonic() < deadline:
            self._over.wait(RETRY_SOON_S)
        return self._over.wait(max(0.0, deadline - monotonic()))

    def take_over(self) -> tuple[list[bytes], SeqSet]:
        """Give up: return the frames that still wait, and what was dropped without a gap record."""
        with self._lock:
            self._over.set()
            left = [] if self._in_hand is None else [self._in_hand]
            left += self._waiting
            self._waiting.clear()
            return left, self._unwritten_gaps()

    def _drain(self) -> None:
        """Write everything that waits.

        Raises:
            OSError: The disk still refuses.
        """
        self._file.renew_if_gone()
        while not self._over.is_set():
            self._write_gaps()
            with self._lock:
                if not self._waiting:
                    if self._ending or not self._is_slow:
                        self._file.recovered(self._dropped)
                        self._is_recovered = True
                        self._over.set()
                    return
                # Not in the queue while it is written, so that it cannot be dropped as well.
                self._in_hand = self._waiting.popleft()
            self._write_in_hand(self._in_hand)

    def _write_in_hand(self, frame: bytes) -> None:
        began = monotonic()
        try:
            self._file.write_blocking(frame)
        except Exception:
            with self._lock:
                self._in_hand = None
                self._waiting.appendleft(frame)
            raise
        self._is_slow = monotonic() - began > SLOW_S
        with self._lock:
            self._in_hand = None
            self._bytes -= len(frame)

    def _write_gaps(self) -> None:
        with self._lock:
            gaps, self._gaps = self._gaps, SeqSet()
            self._gaps_in_hand = gaps
        try:
            for first, last in gaps.intervals():
                self._file.write_gap(first, last, self.cause)
        except Exception:
            with self._lock:
                self._gaps = self._unwritten_gaps()
            raise
        finally:
            self._gaps_in_hand = SeqSet()

    def _unwritten_gaps(self) -> SeqSet:
        return SeqSet([*self._gaps.intervals(), *self._gaps_in_hand.intervals()])


def within(seconds: float, work: Callable[[], None]) -> bool:
    """Do something that may hang in a thread of its own; tell whether it ended within the time.

    Where no thread can be had it is done at once, however long it takes.
    """
    done = threading.Event()

    def run() -> None:
        try:
            work()
        finally:
            done.set()

    def run_beside() -> None:
        leave_signals_to_the_program()
        run()

    try:
        threading.Thread(target=run_beside, name="airtape-end", daemon=True).start()
    except RuntimeError:
        run()
    return done.wait(max(0.0, seconds))
