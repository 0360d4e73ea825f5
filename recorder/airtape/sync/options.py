"""How to sync."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """How to sync.

    Attributes:
        dry_run: Only find out what there is to do; the target is read, not written.
        check: Read every log, also those that look as they did when they were synced.
        strict: Count known damage like new damage.
        entity: Whom to give the runs to, in place of whom their logs name.
        project: The project to put them into, in place of the one their logs name.
        tombstones: Folders whose tombstones count for all run directories, beside the one that a
            run directory is in.
        max_points: Values of one batch, about.
        max_bytes: Bytes of logs behind one batch, about.
        hints_at_once: After how many directories hints are kept: those of a pass that is killed
            before are lost.
        pause: Waits so many seconds.
        now_ns: Returns the wall clock in nanoseconds since 1970.
    """

    dry_run: bool = False
    check: bool = False
    strict: bool = False
    entity: str = ""
    project: str = ""
    tombstones: Sequence[Path] = ()
    max_points: int = 200_000
    max_bytes: int = 8 << 20
    hints_at_once: int = 1000
    pause: Callable[[float], None] = time.sleep
    now_ns: Callable[[], int] = time.time_ns
