"""W6, W7, W9, W11: forks, threads, handlers, several processes of one run, stopped processes."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from airtape.rows import read_history
from tests.faults.table import SayRow
from tests.faults.trials import Server, read_left
from tests.processes import RunPython

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]


def test_forks_beside_threads(server: Server, rounds: Callable[[int], int], row: SayRow) -> None:
    """Four threads log while the main thread forks; half of the children log too, and all end."""
    trial = server.start("forks", count=rounds(40))
    code = trial.wait()
    left = trial.left()
    lost, kept = trial.lost(left), [want == got for want, got in trial.said["codes"]]
    row(
        "W6",
        "fork beside 4 threads that log; the child logs, exits, _exits or finishes",
        tries=len(kept),
        result=f"{lost} of {len(left.places):,} rows lost, {left.twice} twice, "
        f"{int(code is None)} hung, {kept.count(False)} exit codes changed",
        passes="0 lost, 0 twice, 0 hung, exit codes kept",
    )
    assert (lost, left.is_sound, code, all(kept)) == (0, True, 0, True)


SPAWNED = """
import multiprocessing, os, sys
import airtape

def work(first):
    with airtape.init(project="faults", dir=sys.argv[1], settings={"silent": True}) as run:
        for number in range(50):
            run.log({"i": first + number, "v": (first + number) * 0.5 + 0.25})
    return os.getpid()

if __name__ == "__main__":
    run = airtape.init(project="faults", dir=sys.argv[1], settings={"silent": True})
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(work, [100, 200], chunksize=1)
    for number in range(50):
        run.log({"i": number, "v": number * 0.5 + 0.25})
"""

LOADER = """
import multiprocessing, sys
import airtape

def load(place):
    run.log({"i": place, "v": place * 0.5 + 0.25})
    return place

run = airtape.init(project="faults", dir=sys.argv[1], settings={"silent": True})
with multiprocessing.get_context("fork").Pool(4) as workers:
    for place in workers.imap_unordered(load, range(1000, 1400)):
        run.log({"i": place - 1000, "v": (place - 1000) * 0.5 + 0.25})
    workers.close()
    workers.join()
"""

RANKS = """
import os, subprocess, sys
import airtape

if "RANK" in os.environ:
    rank = int(os.environ["RANK"])
    run = airtape.init(project="faults", dir=sys.argv[1], id="ranks", settings={"silent": True})
    for number in range(300):
        place = rank * 1000 + number
        run.log({"i": place, "v": place * 0.5 + 0.25})
else:
    ranks = [
        subprocess.Popen([sys.executable, *sys.argv], env={**os.environ, "RANK": str(rank)})
        for rank in range(2)
    ]
    sys.exit(max(rank.wait() for rank in ranks))
"""

PROGRAMS = {
    "spawned workers with runs of their own": (SPAWNED, 150),
    "a loader with 4 forked workers that log": (LOADER, 800),
    "2 ranks started side by side": (RANKS, 600),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_usual_ways_to_be_many(
    name: str, run_python: RunPython, rounds: Callable[[int], int], tmp_path: Path, row: SayRow
) -> None:
    """As libraries for training do it."""
    program, wanted = PROGRAMS[name]
    times = rounds(2)
    missing = unsound = 0
    for number in range(times):
        folder = tmp_path / str(number)
        folder.mkdir()
        run_python(program, str(folder))
        left = read_left(folder)
        missing += wanted - len(left.places)
        unsound += not left.is_sound
    row(
        "W6",
        name,
        tries=times,
        result=f"{missing} of {times * wanted:,} rows lost, {unsound} unsound logs, 0 hung",
        passes="0 lost, 0 twice, 0 hung",
    )
    assert (missing, unsound) == (0, 0)


def test_threads_tasks_handlers_and_finalizers(
    server: Server, rounds: Callable[[int], int], row: SayRow
) -> None:
    """All at once in one process."""
    trial = server.start("threads", count=rounds(1000))
    code = trial.wait()
    left = trial.left()
    lost = trial.lost(left)
    row(
        "W7",
        f"8 threads, 4 tasks, finalizers, {trial.said['handled']:,} handlers of signals that log",
        tries=len(left.places),
        result=f"{lost} lost, {left.twice} twice, {int(code is None)} hung",
        passes="0 lost, 0 twice, 0 hung",
    )
    assert trial.said["handled"] > 50
    assert (lost, left.is_sound, code) == (0, True, 0)


def test_handlers_that_raise_in_the_middle_of_log(
    server: Server, rounds: Callable[[int], int], row: SayRow
) -> None:
    """A number that was taken has its record, and no row is there twice."""
    tries = lost = unsound = hung = 0
    for seed in range(rounds(3)):
        trial = server.start("interrupts", count=300, seed=seed)
        hung += trial.wait() is None
        left = trial.left()
        lost += trial.lost(left)
        unsound += not left.is_sound
        tries += 300
    row(
        "W7",
        "handlers of signals that raise out of log()",
        tries=tries,
        result=f"{lost} lost, {unsound} logs with missing or doubled records, {hung} hung",
        passes="0 lost, 0 twice, 0 hung",
    )
    assert (lost, unsound, hung) == (0, 0, 0)


def test_several_processes_of_one_run(
    server: Server, rounds: Callable[[int], int], row: SayRow, tmp_path: Path
) -> None:
    """Each has a log of its own, and a reader makes one history of them, in whatever order."""
    count = min(64, 2 * rounds(2))
    folder = tmp_path / "together"
    trials = [
        server.start("plain", folder=folder, run_id="same", count=300, rate=600, first=place * 1000)
        for place in range(count)
    ]
    codes = [trial.wait() for trial in trials]
    left = read_left(folder)
    lost = sum(trial.lost(left) for trial in trials)
    row(
        "W9",
        f"{count} processes with one run id, started at once in one directory",
        tries=len(left.places),
        result=f"{lost} lost, {left.twice} twice, {left.files} logs",
        passes="0 lost, 0 twice, a log each",
    )
    assert (lost, left.is_sound, left.files, codes) == (0, True, count, [0] * count)


RESUMING = """
import os, sys
import airtape

run = airtape.init(
    project="faults", dir=sys.argv[1], id="same", resume="allow", settings={"silent": True}
)
for number in range(100):
    run.log({"i": run.step, "v": run.step * 0.5 + 0.25})
os.kill(os.getpid(), 9)
"""


def test_a_run_that_is_killed_and_resumed(
    run_python: RunPython, rounds: Callable[[int], int], tmp_path: Path, row: SayRow
) -> None:
    """Again and again; all its parts make one history, in whatever order they are found."""
    times = rounds(4)
    for _ in range(times):
        run_python(RESUMING, str(tmp_path), returncode=-9)
    left = read_left(tmp_path)
    histories = {tuple(history_of(order)) for order in orders(tmp_path, times)}
    row(
        "W9",
        "killed and resumed again and again",
        tries=times,
        result=f"{times * 100 - len(left.places)} rows lost, {left.twice} twice, "
        f"{len(histories)} different histories",
        passes="0 lost, 0 twice, always the same history",
    )
    assert left.is_sound
    assert histories == {tuple((step, step) for step in range(100 * times))}


def orders(folder: Path, count: int) -> list[Path]:
    """Return folders in which a run's directories have been given other names: backwards, mixed."""
    run_dirs = sorted(folder.glob("wandb/run-*"), reverse=True)
    mixed = random.Random(1)
    found = []
    for number in range(count):
        there = folder / f"order{number}"
        (there / "wandb").mkdir(parents=True)
        for place, run_dir in enumerate(run_dirs):
            (there / "wandb" / f"run-20261120_1011{place:02}-same").symlink_to(run_dir)
        found.append(there)
        mixed.shuffle(run_dirs)
    return found


def history_of(folder: Path) -> list[tuple[int, int]]:
    """Return step and number of the rows of a run that is in several directories."""
    rows: dict[int, int] = {}
    for run_dir in sorted(folder.glob("wandb/run-*")):
        for one in read_history(run_dir.resolve(), pytest.fail):
            rows[one.step] = int(str(one.data["i"]))
    return sorted(rows.items())


def test_a_stopped_process(server: Server, rounds: Callable[[int], int], row: SayRow) -> None:
    """All that was acknowledged can be read while it stands still, and it goes on as if nothing."""
    seconds = 10.0
    times = rounds(1)
    lost = unseen = flaps = 0
    source = random.Random(11)
    for _ in range(times):
        trial = server.start("plain", rate=200)
        trial.wait_until_ready()
        time.sleep(source.uniform(0.5, 1))
        trial.kill(signal.SIGSTOP)
        time.sleep(seconds)
        before = trial.left()
        unseen += trial.lost(before)
        flaps += before.states[0].name != "running"
        trial.kill(signal.SIGCONT)
        time.sleep(0.5)
        flaps += trial.left().states[0].name != "running"
        trial.stop()
        assert trial.wait() == 0
        left = trial.left()
        lost += trial.lost(left)
        flaps += left.states[0].name != "finished"
        assert left.is_sound
    row(
        "W11",
        f"SIGSTOP for {seconds:.0f} s",
        tries=times,
        result=f"{lost} lost, {unseen} not seen meanwhile, {flaps} wrong states",
        passes="0 lost, 0 unseen, running all the time",
    )
    assert (lost, unseen, flaps) == (0, 0, 0)
