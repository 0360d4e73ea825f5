"""What a running run says of itself."""

from __future__ import annotations

from typing import NamedTuple


class RunStatus(NamedTuple):
    """How a run stands; the first three fields are W&B's.

    Attributes:
        sync_items_total: Records to be sent to a target while the run goes on.
        sync_items_pending: Records that the target does not have yet.
        sync_time: When the target last had everything, in seconds since 1970; None before that.
        trouble: What the disk said when it last refused, None while all is well.
        deferred: Records that wait in memory for the disk; a killed process loses them.
        dropped: Records that had to be given up.
        sync_error: Why the target does not get what is pending, None while nothing is wrong.
    """

    sync_items_total: int = 0
    sync_items_pending: int = 0
    sync_time: float | None = None
    trouble: str | None = None
    deferred: int = 0
    dropped: int = 0
    sync_error: str | None = None
