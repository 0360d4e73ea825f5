"""S4: syncs on top of each other: at once, one asleep, beside followers while jobs come and go."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from airtape.backends.registry import open_backend
from airtape.sync.engine import sync_to
from airtape.sync.options import SyncOptions
from airtape.sync.report import SyncReport
from airtape.sync.retry import Retry
from tests.ended import wait_until
from tests.faults.table import SayRow
from tests.faults.trials import Server, Trial
from tests.logs import ended, log_row, run_dir_of, write_log
from tests.shim.build import clock_ahead, delay_at, on_path
from tests.sync_faults.exactness import EXACT, NONE, difference, logs_in, sum_of
from tests.sync_faults.syncs import HANGS_AFTER_S, Syncs, small_batches, tracker
from tests.sync_faults.targets import Targets

pytestmark = [pytest.mark.sync_faults, pytest.mark.timeout(600)]

RUNS, ROWS = 12, 4000
TIMES_ALONE, TURNS = 1.5, 3
LEASE_S = 61.0
TICKS, PROCESSES, JOBS, FOLLOWERS = 400, 40, 30, 4
ROWS_EACH = 300
"""After how many rows a life of a job is over, if nobody kills or ends it before."""
OVERLAP = 3
"""How many syncs are under way at once."""
CHANGE_EVERY = 3
"""Every how many ticks a job begins or ends."""
PATIENCE_S = 120
"""How long one of them waits for its turn at a store that all of them write to."""
TICK_NS = 300 * 10**9
"""By how much the clock of each tick is later than that of the one before."""


def write_runs(folder: Path, runs: int = RUNS, rows: int = ROWS) -> None:
    """Write runs that take a sync a while."""
    for number in range(runs):
        name, writer = f"{number:08x}", number.to_bytes(16, "big")
        said = [log_row(step, loss=step / 3, acc=step, lr=0.1) for step in range(rows)]
        write_log(run_dir_of(folder, name), *said, ended(), run_id=name, writer=writer)


@pytest.mark.parametrize(("crons", "rows"), [(2, ROWS), (8, 4 * ROWS)])
def test_syncs_at_once(
    targets: Targets, syncs: Syncs, wandb: Path, row: SayRow, crons: int, rows: int
) -> None:
    """They share the work, and bring everything once."""
    # Eight interpreters that start on two processors take a second of their own.
    write_runs(wandb, rows=rows)
    urls = [targets.new() for _ in range(TURNS)]
    # In turns: a sync does the same each time, unlike what else the machine is doing.
    turns = [
        (_cost(syncs, wandb, targets.new(), 1), _cost(syncs, wandb, url, crons)) for url in urls
    ]
    alone, together = map(_least, zip(*turns, strict=True))
    start = _least([_cost(syncs, wandb, url, 1) for url in urls])
    code = max(syncs.run(tracker(wandb, url)) for url in urls)
    found = sum_of(difference(url, logs_in(wandb)) for url in urls)
    work = (together.cpu_s - (crons - 1) * start.cpu_s) / alone.cpu_s
    row(
        "S4",
        f"{targets.kind}: {crons} syncs of {RUNS} runs at once",
        tries=len(urls) * crons,
        result=f"{found}; {together.took_s / alone.took_s:.2f} times as long as one alone "
        f"({alone.took_s:.1f} s), {work:.2f} times its work, without {crons - 1} starts of "
        f"{start.cpu_s:.1f} s",
        passes=f"{EXACT}; <= {TIMES_ALONE} times as long"
        + (f", and <= {TIMES_ALONE} times the work" if crons == 2 else ""),
    )
    assert (code, found) == (0, NONE)
    # Each of eight looks at every run, so that their work grows a little.
    assert crons > 2 or work <= TIMES_ALONE
    assert together.took_s <= TIMES_ALONE * alone.took_s


class Cost(NamedTuple):
    """What syncs cost together.

    Attributes:
        took_s: Seconds until the last of them ended.
        cpu_s: Seconds of processors that they used.
    """

    took_s: float
    cpu_s: float


def _cost(syncs: Syncs, wandb: Path, url: str, crons: int) -> Cost:
    before, began = _used_by_children(), time.monotonic()
    processes = [syncs.start(tracker(wandb, url)) for _ in range(crons)]
    for process in processes:
        output, _ = process.communicate(timeout=HANGS_AFTER_S)
        assert process.returncode in {0, 5}, output
    return Cost(time.monotonic() - began, _used_by_children() - before)


def _used_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _least(costs: Iterable[Cost]) -> Cost:
    took, cpu = zip(*costs, strict=True)
    return Cost(min(took), min(cpu))


def test_a_sync_that_sleeps_while_it_holds_runs(
    targets: Targets, syncs: Syncs, source: Path, rounds: Callable[[int], int], row: SayRow
) -> None:
    """When its lease has run out others bring its run; when it wakes up it does no harm."""
    trials, whole, stopped = rounds(5), NONE, 0
    codes: set[int] = set()
    for number in range(trials):
        url = targets.new()
        files = on_path(targets.part(url))
        slow = [delay_at("write", 0.005, 1, 10_000), delay_at("send", 0.005, 1, 10_000)]
        sleeper = syncs.start(small_batches(source, url, 4), files, *slow)
        wait_until(lambda at=url: _has_something(at), "something of it")  # type: ignore[misc]
        time.sleep(0.01 * number)
        os.killpg(sleeper.pid, signal.SIGSTOP)
        stopped += sleeper.poll() is None
        later = syncs.start([*tracker(source, url), "--wait", "1s"], clock_ahead(LEASE_S))
        with suppress(subprocess.TimeoutExpired):
            # Asleep in a transaction it keeps the file itself; then the other one waits for that.
            later.wait(6)
        os.killpg(sleeper.pid, signal.SIGCONT)
        for process in (sleeper, later):
            output, _ = process.communicate(timeout=HANGS_AFTER_S)
            assert process.returncode in {0, 5}, output
            codes.add(process.returncode)
        assert syncs.run(tracker(source, url)) == 0
        whole = whole.plus(difference(url, logs_in(source)))
    row(
        "S4",
        f"{targets.kind}: a sync stopped while it holds a run, another one {LEASE_S:.0f} s later "
        "by its clock, then SIGCONT",
        tries=trials,
        result=f"{whole}; {stopped} stopped at work; exit codes {sorted(codes)}",
        passes=f"{EXACT}; exit 0 or 5",
    )
    assert whole == NONE
    assert stopped


def _has_something(url: str) -> bool:
    return difference(url, []).extra > 0


@dataclass
class Jobs:
    """Trainings that start, log, are killed and requeued, by chance.

    Attributes:
        server: Starts them.
        folder: Where all of them record.
        most: How many different ones there are.
        chances: Decides what happens.
    """

    server: Server
    folder: Path
    most: int
    chances: random.Random
    running: dict[str, Trial] = field(default_factory=dict)
    lives: list[Trial] = field(default_factory=list)
    kills: int = 0

    def go_on(self) -> None:
        """Start or requeue one, or kill or end one."""
        name = f"job{self.chances.randrange(self.most):04d}"
        trial = self.running.pop(name, None)
        if trial is None:
            self.running[name] = self.server.start(
                "plain",
                folder=self.folder,
                run_id=name,
                rate=self.chances.choice([5, 50]),
                sizes=[0, 100, 1000],
                count=ROWS_EACH,
                first=1000 * len(self.lives),
                settings={"resume": "allow"},
            )
            self.lives.append(self.running[name])
        elif self.chances.random() < 0.6:
            trial.kill()
            self.kills += trial.wait() == -signal.SIGKILL
        else:
            trial.stop()
            assert trial.wait() == 0, trial.output

    def end(self) -> None:
        """Let all of them end."""
        for trial in self.running.values():
            trial.stop()
        for trial in self.running.values():
            assert trial.wait() == 0, trial.output
        self.running.clear()


class Crons:
    """Ticks of cron that overlap: some are processes as cron starts them, the rest are threads.

    Args:
        syncs: Starts the processes.
        wandb: What they bring.
        url: Where to.
        pool: Runs the threads.
    """

    def __init__(self, syncs: Syncs, wandb: Path, url: str, pool: ThreadPoolExecutor) -> None:
        self._syncs = syncs
        self._wandb = wandb
        self._url = url
        self._pool = pool
        self._processes: list[subprocess.Popen[str]] = []
        self._threads: list[Future[SyncReport]] = []
        self.codes: set[int] = set()

    def in_process(self, *, killed: bool) -> None:
        """Start a sync as cron does; kill it before it is through, if it is to be."""
        command = tracker(self._wandb, self._url, "--retry-for", f"{PATIENCE_S}s")
        self._processes.append(self._syncs.start(command))
        if killed:
            self._processes[-1].kill()

    def in_thread(self, now_ns: int) -> None:
        """Start a sync here, which takes it to be so late."""
        options = SyncOptions(retry=Retry(patience_s=PATIENCE_S), now_ns=lambda: now_ns)
        self._threads.append(
            self._pool.submit(sync_to, [self._wandb], lambda: open_backend(self._url), options)
        )

    def wait(self, left: int) -> None:
        """Wait until no more than so many of them are under way."""
        while self._under_way() > left:
            time.sleep(0.005)

    def _under_way(self) -> int:
        processes = sum(process.poll() is None for process in self._processes)
        return processes + sum(not thread.done() for thread in self._threads)

    def end(self) -> None:
        """Wait for all of them; each has done its work, or left it to others, or was killed."""
        for process in self._processes:
            output, _ = process.communicate(timeout=HANGS_AFTER_S)
            assert process.returncode in {0, 5, -signal.SIGKILL}, output
            self.codes.add(process.returncode)
        for thread in self._threads:
            report = thread.result(HANGS_AFTER_S)
            said = [str(problem) for run in report.runs for problem in run.problems]
            assert report.exit_code in {0, 5}, said
            self.codes.add(int(report.exit_code))


def test_ticks_beside_followers_while_jobs_come_and_go(
    targets: Targets,
    syncs: Syncs,
    server: Server,
    tmp_path: Path,
    rounds: Callable[[int], int],
    row: SayRow,
) -> None:
    """Whoever brings what, and whoever is killed: in the end the target equals the logs."""
    folder, url = tmp_path / "jobs", targets.new()
    wandb = folder / "wandb"
    jobs = Jobs(server, folder, JOBS, random.Random(20261120))
    jobs.go_on()
    wait_until(wandb.exists, "the first job")
    following = [syncs.start(tracker(wandb, url, "--follow")) for _ in range(FOLLOWERS)]
    ticks = min(TICKS, rounds(TICKS))
    processes = min(ticks, rounds(PROCESSES))
    with ThreadPoolExecutor(OVERLAP) as pool:
        crons = Crons(syncs, wandb, url, pool)
        for number in range(ticks):
            if number % CHANGE_EVERY == 0:
                jobs.go_on()
            if number * processes % ticks < processes:
                crons.in_process(killed=jobs.chances.random() < 0.2)
            else:
                crons.in_thread(time.time_ns() + number * TICK_NS)
            if number % 40 == 39:
                following[number // 40 % FOLLOWERS].kill()
                following.append(syncs.start(tracker(wandb, url, "--follow")))
            crons.wait(OVERLAP)
        jobs.end()
        crons.end()
    for follower in following:
        follower.terminate()
    for follower in following:
        output, _ = follower.communicate(timeout=HANGS_AFTER_S)
        assert follower.returncode in {0, 6, -signal.SIGKILL}, output
    last = syncs.run(tracker(wandb, url, "--wait", "90s"))
    found = difference(url, logs_in(wandb))
    row(
        "S4",
        f"{targets.kind}: {ticks} ticks of overlapping syncs, {processes} of them processes, "
        f"beside {FOLLOWERS} followers, both killed at times, while {JOBS} jobs start, log, are "
        "killed and requeued",
        tries=ticks,
        result=f"{found}; {len(jobs.lives)} lives of jobs, {jobs.kills} killed, "
        f"{len(logs_in(wandb))} logs; exit codes {sorted(crons.codes)}, then {last}",
        passes=f"{EXACT}; then exit 0",
    )
    assert (last, found) == (0, NONE)
    assert jobs.kills
