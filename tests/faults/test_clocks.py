"""W10: wall clocks that jump, drift and change their offset."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from airtape.overview import read_overview
from airtape.process import boot_id, process_runs, this_process
from airtape.records import Kind
from airtape.rows import read_history
from airtape.states import Vantage
from airtape.txlog.reader import read_log
from tests.faults.table import SayRow
from tests.faults.trials import Server
from tests.recording import only_log
from tests.shim.build import controlled_by, on_path, shim_env
from tests.shim.watch import Control

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

HOUR_S, YEAR_S = 3600.0, 31_557_600.0
END_OF_SUMMER = datetime(2026, 10, 25, 0, 59, 59, tzinfo=timezone.utc)
"""A second before clocks in Berlin go back from three to two."""


def slew(disk: Control) -> None:
    """Let the clock go slower and faster, a little at a time, as NTP does."""
    for step in range(30):
        disk.shift_clock(0.02 * (step if step < 15 else 30 - step))
        time.sleep(0.05)


def end_of_summer(disk: Control) -> None:
    """Go to a moment before the hour that comes twice."""
    disk.shift_clock(END_OF_SUMMER.timestamp() - time.time())


CLOCKS: dict[str, Callable[[Control], None]] = {
    "2 h back": lambda disk: disk.shift_clock(-2 * HOUR_S),
    "10 years ahead": lambda disk: disk.shift_clock(10 * YEAR_S),
    "60 years back": lambda disk: disk.shift_clock(-60 * YEAR_S),
    "the end of summer time": lambda disk: disk.shift_clock(
        END_OF_SUMMER.timestamp() - time.time()
    ),
    "slewed by NTP": slew,
}


@pytest.fixture
def disk(tmp_path: Path) -> Control:
    """Move the clock of the trials."""
    return Control(tmp_path / "control")


@pytest.fixture
def server(tmp_path: Path, shim: Path, disk: Control) -> Iterator[Server]:
    """Start trials under the fault shim."""
    runs = on_path(tmp_path.resolve() / "runs")
    server = Server(tmp_path, shim_env(shim, runs, controlled_by(disk.path)))
    yield server
    server.close()


@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock(
    name: str, server: Server, disk: Control, rounds: Callable[[int], int], row: SayRow
) -> None:
    """Rows are there once, in the order in which they were logged, and durations make sense."""
    times = rounds(1)
    lost = unsound = disordered = negative = rows = 0
    for _ in range(times):
        disk.clear()
        trial = server.start("plain", rate=300, environ={"TZ": "Europe/Berlin"})
        trial.wait_until_ready()
        time.sleep(0.7)
        CLOCKS[name](disk)
        time.sleep(1.5)
        trial.stop()
        assert trial.wait() == 0
        left = trial.left()
        log = only_log(trial.folder)
        order = [r.fields[2]["i"] for r in read_log(log).records if r.kind == Kind.HISTORY]
        here = Vantage(2**62, this_process().host, boot_id(), process_runs)
        runtimes = [one.runtime for one in read_history(log.parent, pytest.fail)]
        lost += trial.lost(left)
        unsound += not left.is_sound
        disordered += order != sorted(order)
        negative += read_overview(log.parent, here).duration_s < 0 or min(runtimes) < 0
        rows += len(order)
    row(
        "W10",
        name,
        tries=times,
        result=f"{lost} of {rows:,} rows lost, {unsound} unsound, {disordered} in another order, "
        f"{negative} with negative durations",
        passes="0 lost, 0 twice, order kept, durations >= 0",
    )
    assert (lost, unsound, disordered, negative) == (0, 0, 0, 0)
