"""Ending a sync: when somebody asks for it, and when time is up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from airtape.sync.brake import Brake, Halted
from tests.sync.clocks import Clock


def halted(brake: Brake, seconds: float = 0) -> str:
    """Return why waiting ends a sync."""
    with pytest.raises(Halted) as caught:
        brake.pause(seconds)
    return caught.value.reason


def test_nothing_ends_a_sync_that_nobody_stops() -> None:
    """Without a deadline it may go on and wait."""
    clock = Clock()
    brake = Brake(clock=clock, sleep=clock.sleep)
    brake.check()
    brake.pause(1e6)
    assert (brake.reason, clock.pauses) == (None, [1e6])


def test_a_stop_ends_it() -> None:
    """Once asked to, it ends at the next look, and does not wait any more."""
    clock = Clock()
    brake = Brake(60, clock=clock, sleep=clock.sleep)
    brake.stop()
    assert (halted(brake), clock.pauses) == ("stopped", [])
    with pytest.raises(Halted):
        brake.check()


def test_time_is_up_at_the_deadline() -> None:
    """Before it the sync goes on; a pause that would reach it is not begun."""
    clock = Clock()
    brake = Brake(60, clock=clock, sleep=clock.sleep)
    brake.pause(50)
    assert brake.reason is None
    assert (halted(brake, 10), clock.pauses) == ("deadline", [50])
    clock.now += 10
    assert brake.reason == "deadline"


@contextmanager
def waiting(brake: Brake, threads: int) -> Iterator[list[str]]:
    """Let threads wait for longer than the test lasts, and note why they ended."""
    reasons: list[str] = []
    many = [
        threading.Thread(target=lambda: reasons.append(halted(brake, 60)), daemon=True)
        for _ in range(threads)
    ]
    for thread in many:
        thread.start()
    yield reasons
    for thread in many:
        thread.join(5)


def test_a_stop_wakes_all_that_wait() -> None:
    """Whichever threads wait, and whenever they began to."""
    brake = Brake()
    with waiting(brake, 3) as reasons:
        brake.stop()
    assert reasons == ["stopped"] * 3


def test_a_wait_that_nobody_ends_takes_its_time() -> None:
    """Then the sync goes on."""
    brake = Brake()
    brake.pause(0.001)
    assert brake.reason is None


def test_a_signal_handler_may_stop_it() -> None:
    """A handler runs in the middle of the wait itself, and ends it."""
    brake = Brake()
    before = signal.signal(signal.SIGALRM, lambda *_: brake.stop())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        assert halted(brake, 60) == "stopped"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_wait_that_is_woken_ends_and_nothing_else() -> None:
    """The sync goes on; time that is left is told."""
    brake = Brake(60)
    brake.wake()
    brake.pause(30)
    assert brake.reason is None
    assert 0 < brake.left_s <= 60
    assert Brake().left_s == float("inf")
