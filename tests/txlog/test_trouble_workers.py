"""Who hands over what waits: a thread, the callers, or whoever ends the run."""

from __future__ import annotations

import threading

from airtape.txlog.format import seq_of
from airtape.txlog.trouble import QUEUE_BYTES, SLOW_S, Trouble, within
from tests.txlog.paper import Paper, frame, refused, worker
from tests.txlog.patience import PATIENCE_S, eventually, no_threads


def test_a_slow_disk_stays_in_trouble_until_it_is_quick(paper: Paper) -> None:
    """Else each record in turn would be the one that waits."""
    paper.slowness = 2 * SLOW_S
    trouble = Trouble(paper, "slow", is_slow=True)
    trouble.defer(frame(1))
    with worker(trouble):
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
    """A write that hangs may never end; if it does, the thread writes nothing more."""
    paper.passable.clear()
    trouble = Trouble(paper, "hangs")
    trouble.defer(frame(1))
    trouble.defer(frame(2))
    with worker(trouble):
        assert paper.touched.wait(PATIENCE_S)
        frames, _ = trouble.take_over()
        assert [seq_of(one) for one in frames] == [1, 2]
        paper.passable.set()
    assert (paper.written, paper.dropped) == ([1], None)


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
