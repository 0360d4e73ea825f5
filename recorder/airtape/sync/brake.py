"""Ending a sync before it is done: because somebody asks, or because its time is up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Literal, TypeAlias

Reason: TypeAlias = Literal["stopped", "deadline"]
"""Why a sync ended with work left."""


class Halted(Exception):  # noqa: N818 - nothing is wrong
    """The sync is to end here; what has arrived stays.

    Attributes:
        reason: Why.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class Brake:
    """Says when a sync is to end, and ends its waiting; shared by the threads of a sync.

    Args:
        deadline_s: Seconds from now after which it ends; None for no limit.
        clock: A clock in seconds that never goes back.
        sleep: Waits so many seconds, in place of a wait that `stop` and `wake` end.
    """

    def __init__(
        self,
        deadline_s: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._clock = clock
        self._sleep = sleep or self._sleep_until_stopped
        self._ends_at = None if deadline_s is None else clock() + deadline_s
        self._stopped = False
        # Of all that wakes a thread this alone may be used in a signal handler.
        self._wake: SimpleQueue[None] = SimpleQueue()

    def stop(self) -> None:
        """Ask for the end; may be called from any thread and from a signal handler."""
        self._stopped = True
        self._wake.put(None)

    def wake(self) -> None:
        """End a wait before its time, for there is something to do; from any thread."""
        self._wake.put(None)

    @property
    def reason(self) -> Reason | None:
        """Why the sync is to end now, None if it may go on."""
        if self._stopped:
            return "stopped"
        if self._ends_at is not None and self._clock() >= self._ends_at:
            return "deadline"
        return None

    @property
    def left_s(self) -> float:
        """Seconds until time is up; infinity without a deadline."""
        return math.inf if self._ends_at is None else self._ends_at - self._clock()

    def check(self) -> None:
        """Go on unless the sync is to end.

        Raises:
            Halted: It is.
        """
        reason = self.reason
        if reason is not None:
            raise Halted(reason)

    def pause(self, seconds: float) -> None:
        """Wait, unless time would be up before the end of it.

        Raises:
            Halted: The sync is to end, or no time would be left.
        """
        self.check()
        if self._ends_at is not None and self._clock() + seconds >= self._ends_at:
            raise Halted("deadline")
        self._sleep(seconds)
        self.check()

    def _sleep_until_stopped(self, seconds: float) -> None:
        try:
            self._wake.get(timeout=seconds)
        except Empty:
            return
        if self._stopped:
            self._wake.put(None)  # for the other threads
