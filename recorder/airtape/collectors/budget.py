"""How much may come in how much time."""

from __future__ import annotations

from time import monotonic


class Budget:
    """How much may come: so much in a row, and afterwards so much each second.

    Args:
        burst: How much in a row.
        rate: How much each second.
    """

    def __init__(self, burst: int, rate: int) -> None:
        self._burst = self._left = float(burst)
        self._rate = rate
        self._at = monotonic()

    def take(self, wanted: int) -> int:
        """Return how much of what is wanted may come, and count it."""
        now = monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        granted = min(wanted, int(self._left))
        self._left -= granted
        return granted
