"""What waits while a disk refuses: its bound, its order, and what is said of it."""

from __future__ import annotations

from airtape.txlog.trouble import QUEUE_BYTES, Trouble
from tests.txlog.paper import Paper, frame, refused, worker
from tests.txlog.patience import PATIENCE_S, eventually


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
    with worker(trouble):
        assert eventually(lambda: len(paper.said) == 1)
        assert paper.gaps == []
        paper.refusal = None
        assert trouble.wait_until_over(PATIENCE_S)
    assert [gap[:2] for gap in paper.gaps] == [(1, 1)]
    assert paper.written == [2, 3]


def test_refusals_are_told_once(paper: Paper) -> None:
    """However often it is tried; and the end is told too."""
    trouble = refused(paper, 1)
    with worker(trouble):
        assert not trouble.wait_until_over(0.3)
        paper.refusal = None
        assert trouble.wait_until_over(PATIENCE_S)
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
    with worker(trouble):
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
