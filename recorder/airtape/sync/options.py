"""How to sync."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from airtape.sync.brake import Brake
from airtape.sync.renames import Renames
from airtape.sync.retry import Retry


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """How to sync.

    Attributes:
        dry_run: Only find out what there is to do; the target is read, not written.
        check: Read every log, also those that look as they did when they were synced.
        again: Send every writer anew, in place of what the target has of it.
        strict: Count known damage like new damage.
        entity: Whom to give the runs to, in place of whom their logs name.
        project: The project to put them into, in place of the one their logs name.
        renames: What to call them beside that.
        leases: Whether to leave alone what another sync holds, and to hold what is sent.
        wait_s: Seconds to wait at most, all in all, for runs that another sync holds; None for not
            at all.
        wait_until: Until when to wait for them, by `clock`; follows from `wait_s`.
        owner: Names this sync to others.
        limit: How many runs to send something of at most; None for any number.
        tombstones: Folders whose tombstones count for all run directories, beside the one that a
            run directory is in.
        brake: Ends the sync before it is done.
        retry: How long to ask a target again that says it will answer later.
        jobs: How many runs to sync at once; they share the memory that batches take.
        rate: Bytes of logs to send in a second at most, on average; None for no limit.
        max_points: Values of one batch, about.
        max_bytes: Bytes of logs behind one batch, about.
        max_s: Seconds after which a batch is sent however small it is.
        hints_at_once: After how many directories hints are kept: those of a pass that is killed
            before are lost.
        pause: Waits so many seconds for a record that a writer may be about to write.
        clock: A clock in seconds that never goes back.
        now_ns: Returns the wall clock in nanoseconds since 1970.
    """

    dry_run: bool = False
    check: bool = False
    again: bool = False
    strict: bool = False
    entity: str = ""
    project: str = ""
    renames: Renames = field(default_factory=Renames)
    leases: bool = True
    wait_s: float | None = None
    wait_until: float = -math.inf
    owner: str = field(default_factory=lambda: os.urandom(16).hex())
    limit: int | None = None
    tombstones: Sequence[Path] = ()
    brake: Brake = field(default_factory=Brake)
    retry: Retry = field(default_factory=Retry)
    jobs: int = 1
    rate: float | None = None
    max_points: int = 200_000
    max_bytes: int = 8 << 20
    max_s: float = 10
    hints_at_once: int = 1000
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    now_ns: Callable[[], int] = time.time_ns

    def settled(self) -> SyncOptions:
        """Return the same with all names in `renames`, and with batches of the size that they get.

        The threads of a sync share the memory that batches take, and a batch that takes more than
        a second at the rate would have to wait in one piece.
        """
        max_bytes = self.max_bytes // self.jobs
        if self.rate is not None:
            max_bytes = min(max_bytes, int(self.rate))
        wait_until = -math.inf if self.wait_s is None else self.clock() + self.wait_s
        return replace(
            self,
            wait_until=wait_until,
            renames=self.renames.given_to(self.entity, self.project),
            max_points=max(1, self.max_points // self.jobs),
            max_bytes=max(1, max_bytes),
        )
