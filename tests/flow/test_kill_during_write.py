from __future__ import annotations

import os
import random
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from airtape.records import Kind
from tests.ended import ended_run, wait_until
from tests.processes import RunTracker, StartPython
from tests.recording import Recorded, read_back

FORKING = """
import os, sys
import airtape

def log_all_sorts(run, number):
    sort = number % 6
    if sort == 0:
        run.log({"number": number})
    elif sort == 1:
        run.log({"number": number, "nested": {"x": [number, None]}})
    elif sort == 2:
        run.log({"number": number}, commit=False)
    elif sort == 3:
        run.log({"number": number}, step=run.step + 3)
    elif sort == 4:
        run.summary["number"] = number
    else:
        run.log({"number": number, "text": "x" * (2_000_000 if number % 50 == 5 else number)})

for line in sys.stdin:
    child = os.fork()
    if not child:
        acknowledged = os.open(line.strip() + ".acknowledged", os.O_WRONLY | os.O_CREAT)
        run = airtape.init(project="tests", id=line.strip(), settings={"silent": True})
        number = 0
        while True:
            log_all_sorts(run, number)
            number += 1
            os.pwrite(acknowledged, number.to_bytes(8, "big"), 0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""
"""For each line, a process that records as fast as it can, and says how far it is elsewhere."""


def numbers_in(said: Recorded) -> list[int]:
    """Return the numbers of all calls whose records were read back, in order."""
    logged = said.logged("number")
    for record in said.of(Kind.SUMMARY):
        logged += [value for path, value in record.fields[0] if path == ["number"]]
    return sorted(logged)


def acknowledged(side: Path) -> int:
    """Return how many calls have returned."""
    return int.from_bytes(side.read_bytes(), "big") if side.exists() else 0


@pytest.mark.timeout(90)
def test_nothing_that_was_acknowledged_is_lost_by_a_kill(
    rounds: Callable[[int], int],
    start_python: StartPython,
    run_tracker: RunTracker,
    workdir: Path,
) -> None:
    """Whenever SIGKILL comes, every call that had returned is in the log, and is synced."""
    source = random.Random(20261120)
    starter = start_python(FORKING, stderr=subprocess.DEVNULL)
    assert starter.stdin is not None
    assert starter.stdout is not None
    rows = 0
    for trial in range(rounds(30)):
        starter.stdin.write(f"trial{trial}\n")
        starter.stdin.flush()
        child = int(starter.stdout.readline())
        side, least = workdir / f"trial{trial}.acknowledged", source.randint(1, 400)
        wait_until(lambda: acknowledged(side) >= least, "progress")  # noqa: B023 - called at once
        os.kill(child, 9)
        assert starter.stdout.readline() == "gone\n"
        [run_dir] = workdir.glob(f"wandb/run-*-trial{trial}")
        said = read_back(run_dir / f"run-trial{trial}.txlog")
        found = numbers_in(said)
        assert found == list(range(len(found)))
        assert len(found) - 1 <= acknowledged(side) <= len(found)
        assert ended_run(run_dir, may_be_torn=True).state.name == "crashed"
        rows += len(said.rows)
    run_tracker("sync")
    with closing(sqlite3.connect("wandb/tracker.db")) as store:
        steps = "SELECT count(*) FROM (SELECT DISTINCT id, step FROM history)"
        assert store.execute(steps).fetchone() == (rows,)
    assert "Nothing new" in run_tracker("sync", "-v").stdout
