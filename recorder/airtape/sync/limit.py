"""Syncing no more than so many runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Limit:
    """Counts the runs that were sent; shared by the threads of a sync.

    Args:
        count: How many there may be; None for any number.
    """

    def __init__(self, count: int | None) -> None:
        self._left = count
        self._tried = 0
        self._changed = Condition()

    @contextmanager
    def permit(self) -> Iterator[Permit | None]:
        """Give a permit for one run, or None when there is none left.

        It is given back unless it is used. While others may still give theirs back, it waits.
        """
        permit = Permit()
        if self._left is None:
            yield permit
            return
        with self._changed:
            self._changed.wait_for(lambda: self._left or not self._tried)
            granted = self._left > 0
            if granted:
                self._left -= 1
                self._tried += 1
        try:
            yield permit if granted else None
        finally:
            with self._changed:
                if granted:
                    self._tried -= 1
                    self._left += not permit.is_used
                self._changed.notify_all()


class Permit:
    """Allows one run to be sent.

    Attributes:
        is_used: Whether something was.
    """

    def __init__(self) -> None:
        self.is_used = False
