"""Asking a target again that says it will answer later."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from airtape.errors import TransientError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retry:
    """How long to ask again, and how often.

    The pauses grow twofold, and each is drawn between nothing and its full length: so those who
    were refused at the same moment do not come back at the same moment. A target that says when to
    come back is not asked before.

    Attributes:
        patience_s: Seconds from the first refusal after which to give up.
        first_s: Longest first pause, in seconds.
        longest_s: Longest pause, in seconds.
        clock: A clock in seconds that never goes back.
        chance: Returns a number from 0 up to 1.
        told: Called with each refusal after which the target is asked again.
    """

    patience_s: float = 60
    first_s: float = 0.25
    longest_s: float = 15
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    told: Callable[[TransientError], object] = lambda _: None

    def run(
        self,
        ask: Callable[[], T],
        pause: Callable[[float], None],
        *,
        since: Callable[[], float | None] = lambda: None,
    ) -> T:
        """Return what a target answers.

        Args:
            ask: Asks it; changes nothing when it is asked once too often.
            pause: Waits so many seconds.
            since: Returns when it refused first, by `clock`, if that was another question, before
                this one or within it, and it has answered none since.

        Raises:
            TransientError: The target has refused for too long, or will for longer than that.
        """
        refused = 0
        give_up_at = float("inf")
        while True:
            try:
                return ask()
            except TransientError as error:
                now = self.clock()
                if not refused:
                    first = since()
                    give_up_at = (now if first is None else first) + self.patience_s
                seconds = self._pause_s(refused, error)
                if now + seconds >= give_up_at:
                    raise
                self.told(error)
            pause(seconds)
            refused += 1

    def _pause_s(self, refused: int, error: TransientError) -> float:
        # The exponent has a limit because 2.0 to the power of 1024 is an error.
        drawn = self.chance() * min(self.longest_s, self.first_s * 2.0 ** min(refused, 64))
        return drawn if error.retry_after_s is None else max(0.0, error.retry_after_s) + drawn
