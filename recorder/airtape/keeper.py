"""The thread beside a run that makes its log durable and shows that the run is alive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from airtape.process import leave_signals_to_the_program
from airtape.runlog import RunLog


class _Duty:
    __slots__ = ("due", "every", "work")

    def __init__(self, due: float, every: float, work: Callable[[], None]) -> None:
        self.due = due
        self.every = every
        self.work = work


class Keeper(threading.Thread):
    """Syncs the log to disk, writes heartbeats and checkpoints, each at its interval.

    Args:
        log: The log to look after.
        sync_every: Seconds until written records survive a power loss; 0 leaves it to the caller.
        beat_every: Seconds between heartbeats; 0 for none.
        checkpoint_every: Seconds between checkpoints while something is recorded; 0 for none.
        report: Told what went wrong, in words.
    """

    def __init__(
        self,
        log: RunLog,
        *,
        sync_every: float,
        beat_every: float,
        checkpoint_every: float,
        report: Callable[[str], None],
    ) -> None:
        super().__init__(name="airtape-keeper", daemon=True)
        self._log = log
        self._intervals = {
            "sync_every": sync_every,
            "beat_every": beat_every,
            "checkpoint_every": checkpoint_every,
        }
        self._report = report
        self._stopped = threading.Event()
        now = monotonic()
        self._duties = [
            _Duty(now + every, every, work)
            for every, work in (
                (sync_every, self._sync),
                (beat_every, self._beat),
                (checkpoint_every, self._checkpoint),
            )
            if every > 0
        ]

    def for_child(self) -> Keeper:
        """Return one that looks after the same log in a forked child, where no thread goes on."""
        return Keeper(self._log, **self._intervals, report=self._report)

    def start(self) -> None:
        """Start the thread; where none can be had, the log is made durable when the run ends."""
        try:
            super().start()
        except RuntimeError as error:
            self._report(f"no thread looks after the log: {error}")

    def add(self, every: float, work: Callable[[], None]) -> None:
        """Add another duty, before the thread is started.

        Args:
            every: Seconds between two times.
            work: What is to be done.
        """
        self._duties.append(_Duty(monotonic() + every, every, work))

    def run(self) -> None:
        """Do each duty when it is due, until `stop`."""
        leave_signals_to_the_program()
        while self._duties:
            next_one = min(self._duties, key=lambda duty: duty.due)
            if self._stopped.wait(max(0.0, next_one.due - monotonic())):
                return
            next_one.due = monotonic() + next_one.every
            self._attempt(next_one.work)

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the thread must outlive any one failure
            self._report(f"{work.__name__.strip('_')} failed: {error}")

    def stop(self) -> None:
        """Ask the thread to end; does not wait for it."""
        self._stopped.set()

    def _sync(self) -> None:
        self._log.sync()

    def _beat(self) -> None:
        self._log.beat()

    def _checkpoint(self) -> None:
        if self._log.has_news:
            self._log.checkpoint()
