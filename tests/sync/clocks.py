"""A clock that moves only when somebody waits."""

from __future__ import annotations


class Clock:
    """A clock in seconds; calling it reads it.

    Attributes:
        now: What it shows.
        pauses: How long somebody waited, each time.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.pauses.append(seconds)
        self.now += seconds
