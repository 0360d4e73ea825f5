"""S4, S6, S7 together: a week of cron on a gateway, between a cluster and a target that fails."""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import pytest

from airtape.backends.base import Backend, Batch
from airtape.backends.registry import open_backend
from airtape.errors import TransientError
from airtape.sync.brake import Brake
from airtape.sync.engine import sync_to
from airtape.sync.follow import Follower
from airtape.sync.options import SyncOptions
from airtape.sync.report import SyncReport
from airtape.sync.retry import Retry
from tests.faults.table import SayRow
from tests.processes import TRACKER
from tests.shim.build import clock_ahead
from tests.sync_faults.exactness import EXACT, NONE, difference, logs_in
from tests.sync_faults.simulated import Cluster, Copying
from tests.sync_faults.syncs import HANGS_AFTER_S, Syncs, tracker
from tests.sync_faults.targets import Databases, Targets

pytestmark = [pytest.mark.sync_faults, pytest.mark.timeout(300)]

TICKS, WEEK = 200, 2000
"""Ticks in the quick suite, and in the whole week."""
TICK_S = 302.4
PROCESS_EVERY, RECEIPT_EVERY, OVERLAP = 10, 50, 2
LINK_EVERY, LINK_DOWN = 96, range(20, 35)
"""Three times a day nothing crosses for more than an hour."""
FOLLOWERS = 2
CODES = {0, 3, 4, 5, 6}
"""How a sync may end before the end: 3 where a copy is being made, 4 where the target is away."""


class Clock:
    """The wall clock of the week, which somebody moves.

    Attributes:
        passed_s: Seconds since it began.
    """

    def __init__(self) -> None:
        self.passed_s = 0.0
        self._began_ns = time.time_ns()

    def __call__(self) -> float:
        """Return the seconds that have passed."""
        return self.passed_s

    def now_ns(self) -> int:
        """Return the time."""
        return self._began_ns + int(self.passed_s * 1e9)


class Lossy:
    """A target whose answers get lost at times, and which somebody else overtakes at times.

    Args:
        behind: The target.
        chances: Decides when.
        between: Is done before a batch arrives, now and then.
    """

    def __init__(
        self, behind: Backend, chances: random.Random, between: Callable[[], object]
    ) -> None:
        self._behind = behind
        self._chances = chances
        self._between = between

    def __getattr__(self, name: str) -> object:
        """Everything else is as it is behind."""
        return getattr(self._behind, name)

    def commit(self, batch: Batch) -> bool:
        """Take in a batch; then, at times, lose the connection."""
        if self._chances.random() < 0.1:
            self._between()
        taken = self._behind.commit(batch)
        if self._chances.random() < 0.1:
            raise TransientError("connection reset")
        return taken


class Beside(Thread):
    """A follower that looks whenever a tick has passed.

    Args:
        paths: What it follows.
        open_target: Opens the target.
        clock: The clock.
    """

    def __init__(self, paths: list[Path], open_target: Callable[[], Backend], clock: Clock) -> None:
        super().__init__(daemon=True)
        self._turns: SimpleQueue[None] = SimpleQueue()
        self._brake = Brake(clock=clock, sleep=lambda _: self._turns.get())
        options = SyncOptions(
            brake=self._brake, clock=clock, now_ns=clock.now_ns, retry=Retry(0, clock=clock)
        )
        self._follower = Follower(paths, open_target, options, self, lambda _: False, clock=clock)
        self.passes = 0

    def passed(self, report: SyncReport, _sizes: object) -> None:
        """Count a pass."""
        self.passes += bool(report.runs)

    def run(self) -> None:
        """Follow."""
        self._follower.follow()

    def go_on(self) -> None:
        """Look once more."""
        self._turns.put(None)

    def end(self) -> None:
        """Stop following."""
        self._brake.stop()
        self.go_on()
        self.join(HANGS_AFTER_S)
        assert not self.is_alive()


class Week:
    """The cluster, the gateway, the target, and what crosses between them.

    Args:
        targets: Makes the target.
        syncs: Starts processes.
        place: A folder.
    """

    def __init__(self, targets: Targets, syncs: Syncs, place: Path) -> None:
        self.clock = Clock()
        self.url = targets.new()
        self.near, self.far = place / "near" / "wandb", place / "far" / "wandb"
        for folder in (self.near, self.far):
            folder.mkdir(parents=True)
        self.chances = random.Random(20261120)
        # Of their own, so that what happens to jobs does not depend on what syncs do.
        self.cluster = Cluster(self.near, random.Random(7), self.clock.now_ns)
        self.copying = Copying(self.near, self.far, random.Random(8))
        self.codes: set[int] = set()
        self.receipts = self.outages = self.processes = 0
        self._targets = targets
        self._syncs = syncs
        self._away = False
        self._running: list[subprocess.Popen[str]] = []

    def open_target(self) -> Backend:
        """Open the target, unless it is away."""
        if self._away:
            raise TransientError("no route to host")
        return open_backend(self.url)

    def tick(self, number: int, followers: list[Beside]) -> None:
        """Let a tick of cron pass."""
        self.clock.passed_s += TICK_S
        self.cluster.go_on()
        self._weather(number)
        if number % LINK_EVERY not in LINK_DOWN:
            self.copying.whole() if self.chances.random() < 0.3 else self.copying.cut_off()
        for follower in followers:
            follower.go_on()
        if number % PROCESS_EVERY == 0:
            self._sync_in_process()
        else:
            self.sync_here(overlapping=True)
        if number % RECEIPT_EVERY == RECEIPT_EVERY - 1 and not self._away:
            self.carry_receipt(lost=self.chances.random() < 0.3)

    def _weather(self, number: int) -> None:
        """Let the target go away and come back; a server is killed."""
        hour = number % 70
        if hour == 40:
            self._away = True
            self.outages += 1
            if isinstance(self._targets, Databases):
                self._targets.relay.refuse()
                self._targets.server.kill()
        elif hour == 46:
            self.bring_back()

    def bring_back(self) -> None:
        """Have the target there again."""
        if isinstance(self._targets, Databases):
            self._targets.server.start_if_gone()
            self._targets.relay.hand_on()
        self._away = False

    def sync_here(self, *, overlapping: bool) -> int:
        """Sync as cron does, without a process; another sync comes in between at times."""

        def open_lossy() -> Backend:
            between: Callable[[], object] = (
                (lambda: self.sync_here(overlapping=False)) if overlapping else (lambda: None)
            )
            lossy: Backend = Lossy(self.open_target(), self.chances, between)  # type: ignore[assignment] # all but one of its methods are those behind
            return lossy

        # Leases of this clock run out between ticks, and sometimes nobody holds any.
        options = SyncOptions(
            retry=Retry(0),
            now_ns=self.clock.now_ns,
            leases=self.chances.random() < 0.8,
            jobs=self.chances.choice([1, 1, 1, 2]),
            max_points=self.chances.choice([3, 200_000]),
        )
        code = int(sync_to([self.far], open_lossy, options).exit_code)
        self.codes.add(code)
        return code

    def _sync_in_process(self) -> None:
        """Start a sync as cron does; it may take longer than a tick."""
        while len(self._running) >= OVERLAP:
            self._reap(self._running.pop(0))
        self.processes += 1
        command = tracker(self.far, self.url, "--retry-for", "1s")
        if self._away and not isinstance(self._targets, Databases):
            return  # there is no way to a file that could fail
        self._running.append(self._syncs.start(command, clock_ahead(self.clock.passed_s)))
        if self.chances.random() < 0.2:
            self._running[-1].kill()

    def _reap(self, process: subprocess.Popen[str]) -> None:
        output, _ = process.communicate(timeout=HANGS_AFTER_S)
        assert "Traceback" not in output, output
        self.codes.add(process.returncode)

    def carry_receipt(self, *, lost: bool) -> None:
        """Bring what the target holds back to the cluster, where nobody can ask the target."""
        receipt = self.far.parent / "lab.receipt"
        self._command("receipt", "export", str(receipt), "--from", self.url, "--name", "lab")
        if not lost:
            self._command("receipt", "import", str(receipt), "--in", str(self.near))
            self.receipts += 1

    def waiting(self) -> int:
        """Return how many records wait for the target, as the cluster knows by receipts only."""
        (lab,) = json.loads(self._command("status", "--to", "lab", "--json"))["targets"]
        assert lab["runs"] == self.cluster.lives
        records: int = lab["records"]
        return records

    def _command(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(TRACKER), *arguments],
            cwd=self.near.parent,
            check=False,
            capture_output=True,
            text=True,
            timeout=HANGS_AFTER_S,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def end(self) -> int:
        """Let everything come to rest; return how the last sync ended."""
        self.bring_back()
        self.cluster.end()
        for process in self._running:
            self._reap(process)
        self.copying.whole()
        with suppress(TransientError), closing(self.open_target()) as target:
            options = SyncOptions(now_ns=self.clock.now_ns)
            sync_to([self.far], lambda: target, options, close=False)
        self.clock.passed_s += TICK_S
        return self._syncs.run(tracker(self.far, self.url), clock_ahead(self.clock.passed_s))


def test_a_week_of_cron(
    targets: Targets,
    syncs: Syncs,
    tmp_path: Path,
    rounds: Callable[[int], int],
    row: SayRow,
) -> None:
    """Whatever came in between: the target equals the logs, and the cluster knows it does."""
    week, ticks = Week(targets, syncs, tmp_path), min(WEEK, rounds(TICKS))
    followers = [Beside([week.far], week.open_target, week.clock) for _ in range(FOLLOWERS)]
    began = time.monotonic()
    for follower in followers:
        follower.start()
    for number in range(ticks):
        week.tick(number, followers)
    week.bring_back()
    for follower in followers:
        follower.end()
    last = week.end()
    week.carry_receipt(lost=False)
    took = time.monotonic() - began
    found = difference(week.url, logs_in(week.near))
    waiting = week.waiting()
    row(
        "S4",
        f"{targets.kind}: {ticks} ticks of a week of cron, {week.processes} of them processes, "
        f"beside {FOLLOWERS} followers; {week.cluster.lives} lives of {week.cluster.runs} jobs, "
        f"{week.cluster.kills} killed; copies cut off, {week.outages} outages, "
        f"{week.receipts} receipts back",
        tries=ticks,
        result=f"{found}, {waiting} records wait; exit codes {sorted(week.codes)}, then {last}; "
        f"{took:.0f} s",
        passes=f"{EXACT}, 0 wait; then exit 0",
    )
    assert (last, found, waiting) == (0, NONE, 0)
    assert all(follower.passes for follower in followers)
    assert week.codes <= CODES | {-9}
    assert week.cluster.kills
