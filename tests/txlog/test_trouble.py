"""What waits while a disk refuses: its bound, its order, its end, and what is said of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from airtape.txlog.format import encode_frame, seq_of
from airtape.txlog.trouble import QUEUE_BYTES, SLOW_S, Trouble, within

FULL = OSError(28, "No space left on device")
PATIENCE_S = 5.0


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


@pytest.fixture
def paper() -> Paper:
    """Make a log in memory."""
    return Paper()


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
def no_threads() -> Iterator[None]:
    """No thread can be had: no machine has room for such a stack."""
    usual = threading.stack_size(1 << 47)
    try:
        yield
    finally:
        threading.stack_size(usual)


def eventually(what: Callable[[], bool]) -> bool:
    """Wait until something holds that a thread brings about."""
    ticks = (threading.Event().wait(0.01) for _ in range(round(PATIENCE_S * 100)))
    return any(what() or tick for tick in ticks)


def test_frames_are_written_in_the_order_they_came(paper: Paper) -> None:
    """Once the disk takes them again, nothing overtakes."""
    trouble = refused(paper, 5, 6, 7)
    trouble.begin()
    paper.refusal = None
    assert trouble.wait_until_over(PATIENCE_S)
    assert (paper.written, paper.gaps, paper.dropped) == ([5, 6, 7], [], 0)


def test_nothing_is_deferred_behind_the_end(paper: Paper) -> None:
    """Who comes after must write for himself."""
    trouble = Trouble(paper, "a hiccup")
    trouble.begin()
    assert trouble.wait_until_over(PATIENCE_S)
    assert not trouble.defer(frame(1))
    assert paper.written == []


def test_the_oldest_frames_go_when_the_queue_is_full(paper: Paper) -> None:
    """Memory is bounded, and a gap record stands for exactly the frames that went."""
    size = QUEUE_BYTES // 8
    trouble = refused(paper, *range(1, 11), size=size)
    assert trouble.status == ("full", 8, 2)
    trouble.begin()
    paper.refusal = None
    assert trouble.wait_until_over(PATIENCE_S)
    assert paper.written == list(range(3, 11))
    assert [gap[:2] for gap in paper.gaps] == [(1, 2)]
    assert paper.dropped == 2


def test_a_gap_names_only_what_was_dropped(paper: Paper) -> None:
    """Frames may wait in another order than their numbers."""
    size = QUEUE_BYTES // 4
    trouble = refused(paper, 1, 3, 2, 4, 5, 6, size=size)
    trouble.begin()
    paper.refusal = None
    assert trouble.wait_until_over(PATIENCE_S)
    assert paper.written == [2, 4, 5, 6]
    assert [gap[:2] for gap in paper.gaps] == [(1, 1), (3, 3)]


def test_a_single_huge_frame_is_kept(paper: Paper) -> None:
    """The bound is no reason to drop the only frame there is."""
    trouble = refused(paper, 1, size=QUEUE_BYTES + 100)
    assert trouble.status == ("full", 1, 0)


def test_a_frame_in_hand_is_not_dropped(paper: Paper) -> None:
    """It may be written at this moment; it counts as waiting until it is."""
    paper.passable.clear()
    trouble = Trouble(paper, "slow")
    trouble.defer(frame(1, QUEUE_BYTES // 2))
    trouble.begin()
    assert paper.touched.wait(PATIENCE_S)
    for seq in range(2, 6):
        trouble.defer(frame(seq, QUEUE_BYTES // 2))
    assert trouble.status.deferred + trouble.status.dropped == 5
    paper.passable.set()
    assert trouble.wait_until_over(PATIENCE_S)
    assert paper.written[0] == 1
    assert sum(last - first + 1 for first, last, _ in paper.gaps) == paper.dropped
    assert len(paper.written) + (paper.dropped or 0) == 5


def test_a_gap_record_that_is_refused_is_tried_again(paper: Paper) -> None:
    """It is due before the frames behind it."""
    trouble = refused(paper, 1, 2, 3, size=QUEUE_BYTES // 2)
    trouble.begin()
    assert eventually(lambda: len(paper.said) == 1)
    assert paper.gaps == []
    paper.refusal = None
    assert trouble.wait_until_over(PATIENCE_S)
    assert [gap[:2] for gap in paper.gaps] == [(1, 1)]
    assert paper.written == [2, 3]


def test_refusals_are_told_once(paper: Paper) -> None:
    """However often it is tried; and the end is told too."""
    trouble = refused(paper, 1)
    trouble.begin()
    assert not trouble.wait_until_over(0.3)
    paper.refusal = None
    assert trouble.wait_until_over(PATIENCE_S)
    assert eventually(lambda: len(paper.said) == 2)
    assert paper.said == [
        "cannot be written (No space left on device); records wait in memory until it can be",
        "can be written again, nothing is lost",
    ]


def test_losses_are_told_at_the_end(paper: Paper) -> None:
    """Dropped records are counted."""
    trouble = refused(paper, 1, 2, 3, size=QUEUE_BYTES // 2)
    trouble.begin()
    paper.refusal = None
    assert trouble.wait_until_over(PATIENCE_S)
    assert eventually(lambda: bool(paper.said))
    assert paper.said[-1] == "can be written again; 1 records were lost"


def test_a_hiccup_is_not_told(paper: Paper) -> None:
    """What heals at the first attempt is no news."""
    trouble = Trouble(paper, "a hiccup")
    trouble.defer(frame(1))
    trouble.begin()
    assert trouble.wait_until_over(PATIENCE_S)
    assert (paper.written, paper.said) == ([1], [])


def test_any_failure_is_tried_again(paper: Paper) -> None:
    """Without the thread nobody would hand the records over, so nothing ends it but success."""
    trouble = refused(paper, 1)
    paper.refusal = RuntimeError("of another kind")
    trouble.begin()
    assert eventually(lambda: trouble.cause == "of another kind")
    paper.refusal = None
    assert trouble.wait_until_over(PATIENCE_S)
    assert paper.written == [1]


def test_a_slow_disk_stays_in_trouble_until_it_is_quick(paper: Paper) -> None:
    """Else each record in turn would be the one that waits."""
    paper.slowness = 2 * SLOW_S
    trouble = Trouble(paper, "slow", is_slow=True)
    trouble.defer(frame(1))
    trouble.begin()
    assert eventually(lambda: paper.written == [1])
    assert trouble.defer(frame(2))
    assert eventually(lambda: paper.written == [1, 2])
    paper.slowness = 0
    assert eventually(lambda: not trouble.defer(frame(3)))
    assert paper.said[0] == "takes long to write; records wait in memory meanwhile"


def test_the_end_does_not_wait_for_a_slow_disk_to_be_quick(paper: Paper) -> None:
    """At the end of a run nothing more will come."""
    trouble = Trouble(paper, "slow", is_slow=True)
    trouble.begin()
    assert trouble.wait_until_over(PATIENCE_S)


def test_who_takes_over_gets_all_that_waits(paper: Paper) -> None:
    """Also the frame that a hanging write holds, and the gaps that are not written."""
    trouble = refused(paper, *range(1, 5), size=QUEUE_BYTES // 2)
    paper.refusal = None
    paper.passable.clear()
    trouble.begin()
    assert paper.touched.wait(PATIENCE_S)
    assert not trouble.wait_until_over(0.1)
    frames, gaps = trouble.take_over()
    assert [seq_of(one) for one in frames] == [3, 4]
    assert gaps.intervals() == [(1, 2)]
    assert not trouble.defer(frame(5))
    paper.passable.set()


def test_who_takes_over_gets_the_frame_in_hand(paper: Paper) -> None:
    """A write that hangs may never end."""
    paper.passable.clear()
    trouble = Trouble(paper, "hangs")
    trouble.defer(frame(1))
    trouble.defer(frame(2))
    trouble.begin()
    assert paper.touched.wait(PATIENCE_S)
    frames, _ = trouble.take_over()
    assert [seq_of(one) for one in frames] == [1, 2]
    paper.passable.set()
    assert eventually(lambda: paper.written == [1])
    assert paper.dropped is None


def test_without_threads_the_callers_do_the_work(paper: Paper) -> None:
    """At the end of a program, or at a limit, no thread can be started."""
    trouble = refused(paper, 1)
    with no_threads():
        trouble.begin()
    trouble.defer(frame(2))
    assert paper.touched.is_set()
    paper.refusal = None
    assert trouble.wait_until_over(PATIENCE_S)
    assert paper.written == [1, 2]


def test_without_threads_nobody_waits_for_ever(paper: Paper) -> None:
    """The attempts of the caller end with its patience."""
    trouble = refused(paper, 1)
    with no_threads():
        trouble.begin()
    assert not trouble.wait_until_over(0.2)
    assert trouble.status == ("No space left on device", 1, 0)


def test_work_that_hangs_is_left_alone() -> None:
    """The caller goes on after the time; the work may end later."""
    gate, done = threading.Event(), threading.Event()

    def work() -> None:
        gate.wait(PATIENCE_S)
        done.set()

    assert not within(0.05, work)
    gate.set()
    assert done.wait(PATIENCE_S)


def test_work_is_done_at_once_where_no_thread_can_be_had() -> None:
    """Late is better than never."""
    done: list[bool] = []
    with no_threads():
        assert within(0.0, lambda: done.append(True))
    assert done == [True]
