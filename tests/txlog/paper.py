"""A log that is no file: what its disk does is said by the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from airtape.txlog.format import encode_frame, seq_of
from airtape.txlog.trouble import Trouble
from tests.txlog.patience import PATIENCE_S

FULL = OSError(28, "No space left on device")


class Paper:
    """A log in memory whose disk refuses, hangs or dawdles on command.

    Attributes:
        refusal: Raised by every write while it is set.
        passable: Writes wait for it.
        slowness: Seconds that a write takes.
        touched: Set by every attempt to write.
    """

    def __init__(self) -> None:
        self.written: list[int] = []
        self.gaps: list[tuple[int, int, str]] = []
        self.said: list[str] = []
        self.dropped: int | None = None
        self.refusal: Exception | None = None
        self.slowness = 0.0
        self.passable = threading.Event()
        self.passable.set()
        self.touched = threading.Event()

    def _touch(self) -> None:
        self.touched.set()
        assert self.passable.wait(PATIENCE_S)
        threading.Event().wait(self.slowness)
        if self.refusal is not None:
            raise self.refusal

    def write_blocking(self, frame: bytes) -> None:
        """Take a frame."""
        self._touch()
        self.written.append(seq_of(frame))

    def write_gap(self, first: int, last: int, reason: str) -> None:
        """Take a gap record."""
        self._touch()
        self.gaps.append((first, last, reason))

    def renew_if_gone(self) -> None:
        """Nothing is ever gone."""

    def recovered(self, dropped: int) -> None:
        """The trouble is over."""
        self.dropped = dropped

    def tell(self, text: str) -> None:
        """Keep what is said."""
        self.said.append(text)


def frame(seq: int, size: int = 40) -> bytes:
    """Return a frame of that many bytes."""
    return encode_frame(seq, bytes(size - 22), 1)


def refused(paper: Paper, *seqs: int, size: int = 40) -> Trouble:
    """Return the trouble of a disk that refuses, with these frames waiting."""
    paper.refusal = FULL
    trouble = Trouble(paper, "full")
    for seq in seqs:
        assert trouble.defer(frame(seq, size))
    return trouble


@contextmanager
def worker(trouble: Trouble) -> Iterator[None]:
    """Let a thread of the test work on it; the thread ends by itself when nothing waits."""
    thread = threading.Thread(target=trouble.work, daemon=True)
    thread.start()
    yield
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
