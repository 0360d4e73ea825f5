"""Whether a run without an end is silent by the clock of its file system, too.

What a log says is by the clock where it is recorded, and now is by the clock here; each may be
wrong by days, or put right meanwhile. When a log was written to, and when a file is made beside it,
is told by one clock, whoever writes. What removes or replaces logs asks both.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from airtape.fold.fold import Fold
from airtape.states import RunState, Vantage, state_of
from airtape.writers import WriterFiles


def going_on(writers: Iterable[WriterFiles], vantage: Vantage) -> RunState | None:
    """Return the state of a writer that is not proved to have ended, None if all of them are.

    Args:
        writers: All writers of a run.
        vantage: When and where one looks from.

    Raises:
        OSError: A log cannot be looked at.
    """
    writers = list(writers)
    read = {parent for writer in writers for parent, _ in writer.header.parents}
    for writer in writers:
        # An amendment is written at once, and has no end.
        if writer.header.role == "amend":
            continue
        continued = writer.header.writer in read
        state = state_by_all_clocks(writer, writer.fold(), vantage, continued=continued)
        if state.name == "running":
            return state
    return None


def state_by_all_clocks(
    writer: WriterFiles, fold: Fold, vantage: Vantage, *, continued: bool = False
) -> RunState:
    """Return the state of a writer, crashed for its silence only if no clock speaks against it.

    A file is made beside the run directory and is gone at once; where none can be made, the clock
    here tells alone.

    Args:
        writer: The writer.
        fold: What its logs amount to.
        vantage: When and where one looks from.
        continued: Whether a later writer goes on with the run.

    Raises:
        OSError: A log cannot be looked at.
    """
    state = state_of(writer.header, fold.exit, fold.heard_ns, vantage, continued=continued)
    if state.name != "crashed":
        return state
    heard_ns = max(fold.heard_ns or 0, vantage.now_ns - _at_rest_ns(writer.paths, vantage.now_ns))
    return state_of(writer.header, fold.exit, heard_ns, vantage, continued=continued)


def file_clock_ns(folder: Path) -> int | None:
    """Return the time by the clock of a file system, None where nothing can be written."""
    with suppress(OSError), tempfile.TemporaryFile(dir=folder, buffering=0) as trial:
        # A server tells its own time once something has arrived there.
        trial.write(b".")
        return os.fstat(trial.fileno()).st_mtime_ns
    return None


def _at_rest_ns(logs: Sequence[Path], now_ns: int) -> int:
    """Return for how long nobody has written to logs; long where that cannot be told."""
    rests = [now_ns]
    for log in logs:
        there_ns = file_clock_ns(log.parent.parent)
        if there_ns is not None:
            rests.append(there_ns - log.lstat().st_mtime_ns)
    return min(rests)
