"""What a follower costs while nothing is new, and how soon it is there again."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ended import wait_until
from tests.held import rows_in
from tests.logs import frames_of, header, log_row, write_log

IDLE_S = 30
MOST_CPU = 0.01
"""Seconds of a processor in a second."""
MOST_LAG_S = 1.0
MOST_FILES = 16
WAKINGS = 6


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_an_idle_follower_costs_nothing(workdir: Path, rounds: Callable[[int], int]) -> None:
    """The system wakes it: it takes next to no time, and neither memory nor files pile up."""
    now_ns = time.time_ns()
    path = write_log(
        workdir / "wandb/run-20261120_101112-ab12cd34", log_row(0, x=0), began_ns=now_ns
    )
    store = workdir / "wandb/tracker.db"
    frames = frames_of(
        *(log_row(step, x=step) for step in range(2, 2000)), of=header(first_seq=1), began_ns=now_ns
    )[1:]
    command = [sys.executable, "-m", "airtape_cli", "sync", "--follow"]
    lags, sizes, files = [], [], []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as follower:
        try:
            wait_until(lambda: rows_in(store) == 1, "the first row")
            for waking in range(rounds(WAKINGS)):
                time.sleep(7)  # longer than it looks for itself after something new
                if waking == 0:
                    before_s = _cpu_s(follower.pid)
                    time.sleep(IDLE_S)
                    assert (_cpu_s(follower.pid) - before_s) / IDLE_S <= MOST_CPU
                written_at = time.monotonic()
                with path.open("ab") as log:
                    log.write(frames[waking])
                _wait_for_rows(store, waking + 2)
                lags.append(time.monotonic() - written_at)
                sizes.append(_resident(follower.pid))
                files.append(len(list(Path(f"/proc/{follower.pid}/fd").iterdir())))
        finally:
            follower.send_signal(signal.SIGTERM)
        follower.wait(30)
    assert statistics.median(lags) <= MOST_LAG_S, lags
    assert max(sizes[len(sizes) // 2 :]) - sizes[len(sizes) // 2] < 4 << 20, sizes
    assert max(files) <= MOST_FILES, files


def _wait_for_rows(store: Path, count: int) -> None:
    wait_until(lambda: rows_in(store) == count, "the row")


def _cpu_s(pid: int) -> float:
    """Return how many seconds of a processor a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> int:
    """Return how many bytes of memory a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
