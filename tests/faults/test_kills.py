"""W1, W2: SIGKILL at any moment."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from airtape.backends.memory import MemoryBackend
from airtape.sync.engine import sync
from tests.faults.scenarios import LARGE
from tests.faults.table import SayRow
from tests.faults.trials import Server

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

RATES = (10, 200, 0)
SIZES = ([0], [0, 1, 100, 5000], [0, LARGE, 50_000])


@pytest.mark.parametrize("whole_group", [False, True], ids=["W1", "W2"])
def test_a_kill_takes_nothing_back(
    server: Server, rounds: Callable[[int], int], row: SayRow, *, whole_group: bool
) -> None:
    """Whatever log() returned for is there, and every run whose init() returned can be synced."""
    source = random.Random(20261120)
    lost = bad = crashed = orphans = rows = 0
    count = rounds(50)
    for number in range(count):
        trial = server.start(
            "endless_family" if whole_group else "plain",
            run_id=f"trial{number}",
            rate=RATES[number % 3],
            sizes=SIZES[number // 3 % 3],
        )
        trial.wait_until_ready()
        time.sleep(source.uniform(0.0, 0.6 if RATES[number % 3] else 0.1))
        trial.kill(whole_group=whole_group)
        assert trial.wait() == -9
        left = trial.left()
        lost += trial.lost(left)
        bad += not left.is_sound
        crashed += left.states[0].name == "crashed"
        rows += len(left.places)
        orphans += still_running(trial.pid)
    synced = synced_runs(server.base)
    row(
        "W2" if whole_group else "W1",
        "SIGKILL of the training and its children" if whole_group else "SIGKILL of the training",
        tries=count,
        result=f"{lost} of {rows:,} rows lost, {bad} unreadable, {count - crashed} not seen as "
        f"crashed, {count - synced} not synced, {orphans} processes left",
        passes="0 acknowledged lost, 0 unreadable, all crashed, all synced, 0 left after 2 s",
    )
    assert (lost, bad, crashed, synced, orphans) == (0, 0, count, count, 0)


def still_running(group: int) -> int:
    """Return how many processes of a group are alive 2 s later, or as soon as none is."""
    deadline = time.monotonic() + 2
    while (alive := sum(map(is_alive, members(group)))) and time.monotonic() < deadline:
        time.sleep(0.01)
    return alive


def members(group: int) -> list[Path]:
    """Return the processes of a group."""
    return [path for path in Path("/proc").glob("[0-9]*") if group_of(int(path.name)) == group]


def group_of(pid: int) -> int | None:
    """Return the group of a process, None if it is gone by now."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def is_alive(process: Path) -> bool:
    """Tell whether a process is more than an entry that nobody has collected yet."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def synced_runs(base: Path) -> int:
    """Sync all trials into one target, and return how many it holds without complaint."""
    backend = MemoryBackend(base.name)
    try:
        report = sync(sorted(base.glob("runs/*/wandb")), backend)
        assert report.exit_code == 0, report
        return len({held.run for held in backend.dump(None)})
    finally:
        MemoryBackend.forget(base.name)
