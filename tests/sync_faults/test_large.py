"""S9: a large log: how fast, in how much memory, and what a kill half way costs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgpack
import pytest

from airtape.backends.registry import open_backend
from airtape.sync.options import SyncOptions
from airtape.txlog.format import encode_frame, salt_of
from tests.ended import wait_until
from tests.faults.table import SayRow
from tests.logs import BEGAN_NS, WRITER, ended, frames_of, header, log_row, run_dir_of
from tests.processes import TRACKER
from tests.sync_faults.syncs import Syncs, tracker
from tests.sync_faults.targets import Targets

pytestmark = [pytest.mark.sync_faults, pytest.mark.timeout(300)]

SIZE = 48 << 20
"""Bytes of the log in the quick suite."""
POINTS_A_SECOND, MIB, TRIES = 250_000, 150, 2
MEASURED = """
import json, os, resource, sys, time
began = time.monotonic()
pid = os.fork()
if not pid:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execv(sys.argv[1], sys.argv[1:])
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
took = time.monotonic() - began
print(json.dumps([code, took, used.ru_utime + used.ru_stime, used.ru_maxrss >> 10]))
"""
"""Runs a command and prints exit code, seconds, processor seconds and MiB of memory at most."""


class Large(NamedTuple):
    """A large log.

    Attributes:
        path: The log.
        rows: Number of its rows.
        records: Number of its records.
    """

    path: Path
    rows: int
    records: int


def write_large(folder: Path, size: int, keys: int) -> Large:
    """Write a log of so many bytes, about, with rows of so many keys."""
    run_dir = run_dir_of(folder)
    run_dir.mkdir(parents=True)
    path = run_dir / "run-ab12cd34.txlog"
    names = [f"train/metric_{number:04d}" for number in range(keys)]
    (head,) = frames_of(of=header())
    kind, (_, flags, _) = log_row(0)
    exit_kind, how = ended()
    salt, rows = salt_of(WRITER), 0
    with path.open("wb") as file:
        written = file.write(head)
        while written < size:
            data = {name: rows * 0.5 + place / 7 for place, name in enumerate(names)}
            body = msgpack.packb([int(kind), BEGAN_NS + rows * 1000, rows, flags, data])
            rows += 1
            written += file.write(encode_frame(rows, body, salt))
        last = msgpack.packb([int(exit_kind), BEGAN_NS + rows * 1000, *how])
        file.write(encode_frame(rows + 1, last, salt))
    return Large(path, rows, rows + 2)


@pytest.mark.parametrize("keys", [5, 1000])
def test_a_large_log(
    targets: Targets, wandb: Path, rounds: Callable[[int], int], row: SayRow, keys: int
) -> None:
    """It arrives at a steady speed, in memory that does not grow with it."""
    large = write_large(wandb, max(SIZE, rounds(SIZE)), keys)
    size, points = large.path.stat().st_size, large.rows * keys
    # The sync does the same each time, unlike what else the machine is doing.
    took, used, mib = min(_bring(targets.new(), wandb, large) for _ in range(TRIES))
    row(
        "S9",
        f"{targets.kind}: a log of {size >> 20} MiB, {points:,} points, {keys} keys a row",
        tries=TRIES,
        result=f"{points / used:,.0f} points and {size / used / 1e6:.1f} MB a second of one core, "
        f"{took:.0f} s in all, {mib} MiB",
        passes=f">= {POINTS_A_SECOND:,} points a second of one core, <= {MIB} MiB",
    )
    assert mib <= MIB
    assert points / used >= POINTS_A_SECOND


def _bring(url: str, wandb: Path, large: Large) -> tuple[float, float, int]:
    """Sync a log; return seconds, seconds of the processor and MiB of memory."""
    command = [str(TRACKER.parent / "python"), "-c", MEASURED, *tracker(wandb, url)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=1200)
    code, took, used, mib = json.loads(done.stdout)
    assert code == 0
    assert _received(url) == large.records
    return took, used, mib


def test_a_kill_half_way(
    targets: Targets, syncs: Syncs, wandb: Path, rounds: Callable[[int], int], row: SayRow
) -> None:
    """The next sync reads at most one batch of what had arrived again."""
    large = write_large(wandb, max(SIZE // 2, rounds(SIZE // 2)), 5)
    url, batch = targets.new(), SyncOptions().max_bytes
    process = syncs.start(tracker(wandb, url))
    wait_until(lambda: _received(url) > large.records // 2, "half of it")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
    arrived, offset = _received(url), _offset(url)
    report = syncs.report(wandb, url)
    again = report["bytes"] - (large.path.stat().st_size - offset)
    twice = arrived + report["records"] - large.records
    row(
        "S9",
        f"{targets.kind}: kill -9 when half of {large.records:,} records had arrived",
        tries=1,
        result=f"{again:,} bytes read again, {twice} records sent twice; "
        f"{_received(url):,} there in the end",
        passes=f"<= one batch ({batch >> 20} MiB) read again, 0 sent twice, all there",
    )
    assert (report["exit_code"], twice, _received(url)) == (0, 0, large.records)
    assert again <= batch


def _received(url: str) -> int:
    """Return how many records of the only writer have come."""
    backend = open_backend(url)
    cursors = [backend.read_cursor(run, WRITER) for run in backend.runs()]
    backend.close()
    return sum(len(cursor.received) for cursor in cursors if cursor is not None)


def _offset(url: str) -> int:
    """Return up to where the only log has been read."""
    backend = open_backend(url)
    (run,) = backend.runs()
    cursor = backend.read_cursor(run, WRITER)
    backend.close()
    assert cursor is not None
    (mark,) = cursor.files.values()
    return mark.offset
