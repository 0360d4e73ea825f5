"""Asking a target again: how often, how long, and in what rhythm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from airtape.errors import TargetError, TransientError
from airtape.sync.rate import TokenBucket
from airtape.sync.retry import Retry
from tests.sync.clocks import Clock


def refusing(times: int, error: Exception) -> Callable[[], str]:
    """Return a question that is answered after some refusals."""
    left = iter([error] * times)

    def ask() -> str:
        for refusal in left:
            raise refusal
        return "answer"

    return ask


def retry(clock: Clock, chance: float = 1, patience_s: float = 60) -> Retry:
    """Return a policy without chance."""
    return Retry(patience_s, 1, 8, clock, lambda: chance)


def test_an_answer_is_not_waited_for() -> None:
    """Whoever is answered at once does not wait."""
    clock = Clock()
    assert retry(clock).run(refusing(0, TransientError()), clock.sleep) == "answer"
    assert clock.pauses == []


def test_pauses_grow_twofold_up_to_a_limit() -> None:
    """Each is at most twice as long as the one before, and none longer than the longest."""
    clock = Clock()
    retry(clock).run(refusing(6, TransientError()), clock.sleep)
    assert clock.pauses == [1, 2, 4, 8, 8, 8]


@pytest.mark.parametrize("chance", [0, 0.25])
def test_pauses_are_drawn_from_their_full_length(chance: float) -> None:
    """Any length from nothing on is possible, so that many clients spread out."""
    clock = Clock()
    retry(clock, chance).run(refusing(3, TransientError()), clock.sleep)
    assert clock.pauses == [chance, chance * 2, chance * 4]


def test_a_target_says_when_to_come_back() -> None:
    """It is not asked before that; the draw comes on top."""
    clock = Clock()
    retry(clock, 0.5).run(refusing(1, TransientError(retry_after_s=20)), clock.sleep)
    retry(clock, 0.5).run(refusing(1, TransientError(retry_after_s=-1)), clock.sleep)
    assert clock.pauses == [20.5, 0.5]


def test_somebody_is_told_of_refusals() -> None:
    """Of those after which the target is asked again; the last one is raised."""
    clock, told = Clock(), list[TransientError]()
    error = TransientError("busy")
    policy = replace(retry(clock, patience_s=4), told=told.append)
    with pytest.raises(TransientError):
        policy.run(refusing(99, error), clock.sleep)
    assert told == [error, error]


def test_patience_ends() -> None:
    """After the time that it lasts, the target's own error is raised."""
    clock = Clock()
    error = TransientError("busy")
    with pytest.raises(TransientError) as caught:
        retry(clock, patience_s=16).run(refusing(99, error), clock.sleep)
    assert caught.value is error
    assert clock.pauses == [1, 2, 4, 8]


def test_nobody_waits_for_what_comes_too_late() -> None:
    """A target that is back only after patience has ended is given up at once."""
    clock = Clock()
    with pytest.raises(TransientError):
        retry(clock).run(refusing(1, TransientError(retry_after_s=3600)), clock.sleep)
    assert clock.pauses == []


def test_a_hundred_thousand_refusals_are_no_arithmetic_error() -> None:
    """The length of a pause does not overflow."""
    clock = Clock()
    retry(clock, 0).run(refusing(2000, TransientError()), clock.sleep)
    assert set(clock.pauses) == {0}


def test_an_error_that_stays_is_not_asked_again() -> None:
    """A target that will not change its mind is asked once."""
    clock = Clock()
    with pytest.raises(TargetError):
        retry(clock).run(refusing(1, TargetError("no")), clock.sleep)
    assert clock.pauses == []


def test_a_bucket_keeps_the_rate_on_average() -> None:
    """What is sent is paid off before the next is sent."""
    clock = Clock()
    bucket = TokenBucket(100, clock)
    for _ in range(21):
        clock.sleep(bucket.take(50))
    assert clock.now - 1000 == pytest.approx((21 * 50 - 100) / 100, abs=0.5)


def test_a_bucket_does_not_save_up_for_ever() -> None:
    """After a long rest no more than a second's worth goes at once."""
    clock = Clock()
    bucket = TokenBucket(100, clock)
    clock.now += 3600
    assert [bucket.take(60) for _ in range(4)] == [0, 0, pytest.approx(0.2), pytest.approx(0.8)]
