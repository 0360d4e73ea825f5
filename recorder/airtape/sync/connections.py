"""Opening a target, once for each thread of a sync."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from airtape.backends.base import Backend
from airtape.sync.options import SyncOptions
from airtape.sync.rate import TokenBucket
from airtape.sync.target import Target


class Connections:
    """Opens a target as often as it is asked to; all share the rate at which to send.

    Args:
        open_backend: Opens the backend.
        options: How to sync.
        close: Whether to close what was opened.
    """

    def __init__(
        self, open_backend: Callable[[], Backend], options: SyncOptions, *, close: bool
    ) -> None:
        self._open_backend = open_backend
        self._options = options
        self._close = close
        rate = options.rate
        self._bucket = None if rate is None else TokenBucket(rate, options.clock)
        self._opened: list[Target] = []

    @property
    def answer(self) -> bool:
        """Whether the target has answered the last question of each that opened it."""
        return all(target.answers for target in self._opened)

    @contextmanager
    def open(self) -> Iterator[Target]:
        """Open the target, and close it at the end.

        Raises:
            Halted: The sync is to end before the target answers.
            TargetError: The target cannot be opened.
        """
        options = self._options
        backend = options.retry.run(self._open_backend, options.brake.pause)
        try:
            target = Target(backend, options.retry, options.brake, self._bucket)
            self._opened.append(target)
            yield target
        finally:
            if self._close:
                backend.close()
