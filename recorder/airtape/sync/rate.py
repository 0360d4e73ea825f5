"""Sending no faster than a target is to be sent to."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

BURST_S = 1.0
"""How many seconds' worth may be sent at once after a rest."""


class TokenBucket:
    """Fills at a steady rate, and is emptied by what is sent; shared by the threads of a sync.

    Something larger than the bucket may be sent when the bucket is not empty; the debt is paid
    before the next.

    Args:
        rate: Bytes a second.
        clock: A clock in seconds that never goes back.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._level = rate * BURST_S
        self._filled_at = clock()
        self._lock = Lock()

    def take(self, size: int) -> float:
        """Take so many bytes out, and return how many seconds to wait before they are sent."""
        with self._lock:
            now = self._clock()
            self._level += (now - self._filled_at) * self._rate
            self._level = min(self._level, self._rate * BURST_S)
            self._filled_at = now
            wait_s = max(0.0, -self._level / self._rate)
            self._level -= size
            return wait_s
