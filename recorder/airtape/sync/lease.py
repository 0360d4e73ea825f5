"""Holding a run in a target while its records are sent."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from airtape.backends.cursor import RunKey
from airtape.backends.lease import Lease
from airtape.errors import CommError, TargetError
from airtape.process import this_process
from airtape.sync.options import SyncOptions
from airtape.sync.target import Target

LASTS_S: Final = 60
"""For how long a lease is good when it is not renewed."""
RENEW_S: Final = 20
"""After how many seconds it is renewed, at the next batch."""
ASK_S: Final = 0.5
"""How often to ask for a run that another sync holds."""


class HeldElsewhere(Exception):  # noqa: N818 - nothing is wrong
    """Another sync holds the run.

    Attributes:
        holder: That one's lease.
    """

    def __init__(self, holder: Lease) -> None:
        super().__init__(str(holder))
        self.holder = holder


class Hold:
    """One run of a target, held from when there is something to read of it.

    Args:
        target: The target.
        run: The run.
        options: How to sync.
    """

    def __init__(self, target: Target, run: RunKey, options: SyncOptions) -> None:
        self._target = target
        self._run = run
        self._options = options
        self._renewed_at: float | None = None

    def keep(self) -> bool:
        """Take the lease, or renew it when it is time to; tell whether it was taken.

        Raises:
            HeldElsewhere: Another sync holds the run, also after the time that one may wait.
            Halted: The sync is to end.
            TargetError: The target does not answer or cannot be written.
        """
        now = self._options.clock()
        is_fresh = self._renewed_at is not None and now - self._renewed_at < RENEW_S
        if is_fresh or not self._options.leases:
            return False
        give_up_at = self._options.wait_until
        while (holder := self._target.take_lease(self._run, self._lease())) is not None:
            now = self._options.clock()
            if now >= give_up_at:
                self._renewed_at = None
                raise HeldElsewhere(holder)
            self._target.brake.pause(min(ASK_S, give_up_at - now))
        was_held = self._renewed_at is not None
        self._renewed_at = self._options.clock()
        return not was_held

    def release(self) -> None:
        """Give the run back, if it is held; what cannot be given back ends by itself."""
        if self._renewed_at is not None:
            self._renewed_at = None
            with suppress(TargetError, CommError):
                self._target.drop_lease(self._run, self._options.owner)

    def _lease(self) -> Lease:
        process = this_process()
        return Lease(
            self._options.owner,
            process.host,
            process.boot_id,
            process.pid,
            process.start_ticks,
            self._options.now_ns(),
            LASTS_S * 10**9,
        )
