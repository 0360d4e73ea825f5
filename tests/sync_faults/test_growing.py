"""S5: a run that is still being written, synced ten times a second, and followed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from airtape.backends.registry import open_backend
from tests.faults.table import SayRow
from tests.faults.trials import Server
from tests.sync_faults.exactness import EXACT, NONE, difference, logs_in
from tests.sync_faults.syncs import Syncs, tracker
from tests.sync_faults.targets import Targets

pytestmark = [pytest.mark.sync_faults, pytest.mark.timeout(120)]

TRAINS_S, EVERY_S, RATE = 12, 0.1, 100
LAG_S = 1.0
AGAIN_AND_AGAIN = """
import json, signal, sys, threading, time
from airtape.backends.registry import open_backend
from airtape.sync.engine import sync_to

source, url, every = sys.argv[1], sys.argv[2], float(sys.argv[3])
done, corrupt, worst, stop = 0, 0, 0, threading.Event()
# Between two syncs: in the middle of one, the client of a server writes a line of its own.
signal.signal(signal.SIGINT, lambda *_: stop.set())
while not stop.is_set():
    began = time.monotonic()
    report = sync_to([source], lambda: open_backend(url))
    done += 1
    corrupt += sum(bool(run.damage or run.known) for run in report.runs)
    worst = max(worst, int(report.exit_code))
    stop.wait(max(0.0, every - (time.monotonic() - began)))
print(json.dumps([done, corrupt, worst]), flush=True)
"""


def test_a_run_that_is_being_written(
    targets: Targets,
    syncs: Syncs,
    server: Server,
    tmp_path: Path,
    rounds: Callable[[int], int],
    row: SayRow,
) -> None:
    """No sync takes it for damaged, and in the end everything is there once."""
    url, folder = targets.new(), tmp_path / "training"
    wandb = folder / "wandb"
    trial = server.start(
        "plain", folder=folder, rate=RATE * 4, sizes=[0, 1, 100, 20_000], run_id="grows"
    )
    trial.wait_until_ready()
    loop = syncs.start([sys.executable, "-c", AGAIN_AND_AGAIN, str(wandb), url, str(EVERY_S)])
    with pytest.raises(subprocess.TimeoutExpired):
        loop.wait(rounds(TRAINS_S))
    trial.stop()
    assert trial.wait() == 0
    loop.send_signal(signal.SIGINT)
    output, _ = loop.communicate(timeout=30)
    done, corrupt, worst = json.loads(output)
    code = syncs.run(tracker(wandb, url))
    found = difference(url, logs_in(wandb))
    row(
        "S5",
        f"{targets.kind}: a run synced every {EVERY_S} s while it goes on, "
        f"{len(trial.acknowledged):,} rows",
        tries=done,
        result=f"{corrupt} taken for damaged, worst exit {worst}; {found}",
        passes=f"0 taken for damaged; {EXACT}",
    )
    assert (corrupt, worst, code, found) == (0, 0, 0, NONE)
    assert trial.lost(trial.left()) == 0


def test_how_far_a_follower_is_behind(
    targets: Targets,
    syncs: Syncs,
    server: Server,
    tmp_path: Path,
    rounds: Callable[[int], int],
    row: SayRow,
) -> None:
    """What is recorded is in the target within a second, 99 times of 100."""
    url, folder = targets.new(), tmp_path / "training"
    wandb = folder / "wandb"
    trial = server.start("plain", folder=folder, rate=RATE, run_id="grows")
    trial.wait_until_ready()
    follower = syncs.start(tracker(wandb, url, "--follow", "--until-finished"))
    lags = _lags(url, trial.side.with_name(f"{trial.side.name}.acks"), rounds(TRAINS_S))
    trial.stop()
    assert trial.wait() == 0
    follower.communicate(timeout=60)
    found = difference(url, logs_in(wandb))
    p99, most = lags[int(len(lags) * 0.99)], lags[-1]
    row(
        "S5",
        f"{targets.kind}: a follower of a run with {RATE} rows a second",
        tries=len(lags),
        result=f"behind p99 {p99:.2f} s, {most:.2f} s at most; exit {follower.returncode}; {found}",
        passes=f"p99 <= {LAG_S:.0f} s; {EXACT}",
    )
    assert (follower.returncode, found) == (0, NONE)
    assert p99 <= LAG_S


def _lags(url: str, acks: Path, seconds: float) -> list[float]:
    """Watch a training and its target; return how long rows took to come, sorted, in seconds.

    Watching begins when the follower has brought something, so its start does not count.
    """
    logged: list[tuple[float, int]] = []
    lags: list[float] = []
    ends = None
    while ends is None or time.monotonic() < ends:
        rows = os.stat(acks).st_size  # noqa: PTH116 - many times a second
        there = _rows_in(url)
        now = time.monotonic()
        if there and ends is None:
            ends = now + seconds
        if ends is not None and (not logged or rows > logged[-1][1]):
            logged.append((now, rows))
        while logged and logged[0][1] <= there:
            lags.append(now - logged.pop(0)[0])
        time.sleep(0.02)
    now = time.monotonic()
    return sorted([*lags, *(now - at for at, _ in logged)])


def _rows_in(url: str) -> int:
    """Return how many rows of the only run are in the target."""
    backend = open_backend(url)
    try:
        for held in backend.runs():
            cursor = backend.read_cursor(held, held.root)
            if cursor is not None:
                return cursor.fold().history.rows
        return 0
    finally:
        backend.close()
