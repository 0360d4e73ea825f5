"""airtape behind a fault harness that kills, fills, cuts and flips recorders of any make.

The harness imports this file by name and calls its functions; a trial is a directory of runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import airtape
from airtape.backends.memory import MemoryBackend
from airtape.overview import read_overview
from airtape.process import boot_id, process_runs, this_process
from airtape.records import HistoryFlag, Kind, Record
from airtape.run import Run
from airtape.states import Vantage
from airtape.sync.engine import sync
from airtape.txlog.reader import LogReader
from airtape.writers import read_writers

LOGS = ["wandb/run-*/*.txlog"]
GRACE = 0.2
VALUES = ("i", "v")


def init(directory: str, run_id: str) -> Run:
    """Start a run."""
    return airtape.init(project="faults", id=run_id, dir=directory)


def log(run: Run, i: int, v: float) -> None:
    """Record one row; its return acknowledges it."""
    run.log(dict(zip(VALUES, (i, v), strict=True)))


def finish(run: Run) -> None:
    """End the run."""
    run.finish()


def read(directory: str) -> dict[str, Any]:
    """Read back all that the runs of a trial recorded."""
    values: list[tuple[int, float]] = []
    problems: list[str] = []
    state = None
    run_dirs = sorted(Path(directory).glob("wandb/run-*"))
    for run_dir in run_dirs:
        writers = read_writers(run_dir, problems)
        for writer in writers:
            for name, item in writer.records():
                if isinstance(item, Record):
                    values += _row_of(item)
                elif item.missing != 0:
                    problems.append(f"{name}: {item}")
        state = read_overview(run_dir, _here()).state.name
    return {
        "values": values,
        "err": "; ".join(problems) or None,
        "state": state,
        "files": len(run_dirs),
        "sync": _sync(run_dirs, len(values)),
    }


def _sync(run_dirs: list[Path], rows: int) -> str:
    """Sync the runs to a target of their own; it has to hold as many rows as were read."""
    target = MemoryBackend("trial")
    try:
        report = sync(run_dirs, target)
    finally:
        MemoryBackend.forget("trial")
    failed = [str(problem) for run in report.runs for problem in run.problems]
    points = sum(run.points for run in report.runs)
    if points != len(VALUES) * rows:
        failed.append(f"{points} values were synced, and {len(VALUES) * rows} were recorded")
    return "; ".join(failed) or "ok"


def boundaries(path: str) -> list[tuple[int, int, int | None]]:
    """Return first byte, end, and row of every frame of a log."""
    reader = LogReader(path)
    found = []
    for item in reader:
        assert isinstance(item, Record)
        assert reader.last_frame is not None
        row = _row_of(item)
        found.append((reader.last_frame[0], reader.offset, row[0][0] if row else None))
    return found


def _row_of(record: Record) -> list[tuple[int, float]]:
    if record.kind != Kind.HISTORY or record.fields[1] & HistoryFlag.DROPPED:
        return []
    return [(record.fields[2]["i"], record.fields[2]["v"])]


def _here() -> Vantage:
    return Vantage(2**62, this_process().host, boot_id(), process_runs)
