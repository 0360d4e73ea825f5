"""Syncs side by side: a run that one of them holds is left alone by the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from airtape.backends.base import Backend, Batch, DirectoryHint
from airtape.backends.cursor import Cursor, RunKey
from airtape.backends.lease import Lease
from airtape.backends.memory import MemoryBackend
from airtape.errors import TargetError, TransientError
from airtape.file_copy import Digest
from airtape.sync.brake import Brake
from airtape.sync.engine import sync, sync_to
from airtape.sync.lease import ASK_S, LASTS_S, RENEW_S
from airtape.sync.options import SyncOptions
from airtape.sync.report import ExitCode, SyncReport
from airtape.sync.retry import Retry
from airtape.sync.target import Offer, Target
from tests.held import assert_holds
from tests.logs import ended, log_row, run_dir_of, write_log
from tests.sync.clocks import Clock

OpenTarget = Callable[[], Backend]
NOW_NS = 10**18
LONG_S = 3600.0


def options(clock: Clock | None = None, **how: object) -> SyncOptions:
    """Return options with small batches, a wall clock that stands, and waiting without time."""
    clock = clock or Clock()
    brake = Brake(how.pop("deadline_s", None), clock=clock, sleep=clock.sleep)  # type: ignore[arg-type]
    return SyncOptions(
        max_points=16,
        clock=clock,
        brake=brake,
        now_ns=lambda: NOW_NS,
        **how,  # type: ignore[arg-type]
    )


@pytest.fixture
def logs(wandb: Path) -> list[Path]:
    """The logs of two runs."""
    return [
        write_log(
            run_dir_of(wandb, run_id),
            *(log_row(step, x=step) for step in range(60)),
            ended(),
            run_id=run_id,
            writer=run_id.encode() * 2,
        )
        for run_id in ("aaaa1111", "bbbb2222")
    ]


def key_of(run_id: str) -> RunKey:
    """Return the run of one of the logs."""
    return RunKey(run_id, run_id.encode() * 2)


def hold(backend: Backend, run_id: str) -> None:
    """Hold a run as a sync on another machine does."""
    lease = Lease("somebody", "node17", "boot", 4242, 1, NOW_NS, LASTS_S * 10**9)
    assert backend.take_lease(key_of(run_id), lease) is None


def statuses(report: SyncReport) -> list[str]:
    """Return the status of each run."""
    return [run.status for run in report.runs]


def test_a_run_that_another_sync_holds(
    open_target: OpenTarget, wandb: Path, logs: list[Path]
) -> None:
    """It is skipped and named; the others arrive, and nothing is wrong."""
    hold(open_target(), "aaaa1111")
    report = sync([wandb], open_target(), options())
    assert (statuses(report), report.exit_code) == (["held", "synced"], ExitCode.OK)
    assert report.runs[0].notes == ["process 4242 on node17 is bringing it"]
    assert_holds(open_target(), logs[1])
    open_target().drop_lease(key_of("aaaa1111"), "somebody")
    assert statuses(sync([wandb], open_target(), options())) == ["synced", "nothing_new"]
    assert_holds(open_target(), *logs)


def test_every_run_is_held(open_target: OpenTarget, wandb: Path, logs: list[Path]) -> None:
    """The exit code tells; without leases nobody asks, and nothing comes twice."""
    for log in logs:
        hold(open_target(), log.stem.partition("-")[2])
    assert sync([wandb], open_target(), options()).exit_code == ExitCode.HELD
    assert sync([wandb], open_target(), options(leases=False)).exit_code == ExitCode.OK
    assert_holds(open_target(), *logs)


def test_a_held_run_with_nothing_new_is_not_asked_for(
    open_target: OpenTarget, wandb: Path, logs: list[Path]
) -> None:
    """A lease is for sending."""
    sync([wandb], open_target(), options())
    hold(open_target(), "aaaa1111")
    report = sync([wandb], open_target(), options(check=True))
    assert statuses(report) == ["nothing_new"] * len(logs)


def test_a_lease_is_given_back_when_a_run_is_done(
    open_target: OpenTarget, wandb: Path, logs: list[Path]
) -> None:
    """Another sync can have it at once."""
    sync([wandb], open_target(), options())
    for log in logs:
        hold(open_target(), log.stem.partition("-")[2])


class Scripted(MemoryBackend):
    """A target that counts how leases are asked for, and lets something happen at a batch."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
        self.asked: list[Lease] = []
        self.before_commit: Callable[[], object] = lambda: None
        self.before_take: Callable[[], object] = lambda: None

    def take_lease(self, run: RunKey, lease: Lease) -> Lease | None:
        """Note who asks."""
        self.before_take()
        self.asked.append(lease)
        return super().take_lease(run, lease)

    def commit(self, batch: Batch) -> bool:
        """Take in a batch, after what happens first."""
        self.before_commit()
        return super().commit(batch)


@pytest.fixture
def scripted() -> Scripted:
    """A target to which nothing happens yet."""
    return Scripted(uuid4().hex)


def test_a_run_that_another_sync_completes_meanwhile(
    scripted: Scripted, wandb: Path, logs: list[Path]
) -> None:
    """Whoever gets the lease then looks again at what the target has, before reading a log."""
    batches: list[int] = []

    def complete_it() -> None:
        scripted.before_take = lambda: None
        other = MemoryBackend(scripted.name)
        assert sync([wandb], other, options(leases=False)).exit_code == ExitCode.OK

    scripted.before_take = complete_it
    scripted.before_commit = lambda: batches.append(1)
    report = sync([wandb], scripted, options())
    assert statuses(report) == ["nothing_new", "nothing_new"]
    assert (report.runs[0].size, batches) == (0, [])
    assert_holds(scripted, *logs)


def test_a_lease_is_renewed_in_time(scripted: Scripted, wandb: Path, logs: list[Path]) -> None:
    """Once in a while, not with each batch, and always by the same owner."""
    clock = Clock()
    scripted.before_commit = lambda: clock.sleep(RENEW_S / 2)
    sync([wandb], scripted, options(clock))
    batches = sum(1 for _ in clock.pauses)
    assert batches >= 8
    assert 4 <= len(scripted.asked) < batches
    assert len({lease.owner for lease in scripted.asked}) == 1
    assert_holds(scripted, *logs)


def test_a_sync_that_has_lost_its_lease(scripted: Scripted, wandb: Path, logs: list[Path]) -> None:
    """After a long stop somebody else may have the run; it leaves it to that one."""
    clock = Clock()

    def stop_for_an_hour() -> None:
        scripted.before_commit = lambda: None
        clock.sleep(LONG_S)
        scripted.drop_lease(key_of("aaaa1111"), scripted.asked[0].owner)
        hold(scripted, "aaaa1111")

    scripted.before_commit = stop_for_an_hour
    report = sync([wandb], scripted, options(clock))
    assert statuses(report) == ["held", "synced"]
    assert 0 < report.runs[0].records < 62
    assert sync([wandb], scripted, options(leases=False)).exit_code == ExitCode.OK
    assert_holds(scripted, *logs)


def test_waiting_for_a_run(scripted: Scripted, wandb: Path, logs: list[Path]) -> None:
    """It is asked for again and again, and sent once it is free, by where it stands then."""
    clock = Clock()
    hold(scripted, "aaaa1111")

    def free_it_later() -> None:
        if clock.now > 1005:
            scripted.drop_lease(key_of("aaaa1111"), "somebody")

    def bring_it() -> None:
        scripted.before_take = free_it_later
        sync([logs[0].parent], MemoryBackend(scripted.name), SyncOptions(leases=False))

    scripted.before_take = bring_it
    report = sync([wandb], scripted, options(clock, wait_s=60))
    assert (statuses(report), report.exit_code) == (["nothing_new", "synced"], ExitCode.OK)
    assert set(clock.pauses) == {ASK_S}
    assert_holds(scripted, *logs)


def test_waiting_for_too_long(scripted: Scripted, wandb: Path, logs: list[Path]) -> None:
    """All waiting together takes as long as was said, and the exit code tells."""
    clock = Clock()
    for log in logs[:1]:
        hold(scripted, log.stem.partition("-")[2])
    report = sync([wandb], scripted, options(clock, wait_s=3.2))
    assert (statuses(report), report.exit_code) == (["held", "synced"], ExitCode.HELD)
    assert sum(clock.pauses) == pytest.approx(3.2)


def test_a_deadline_ends_the_waiting(scripted: Scripted, wandb: Path, logs: list[Path]) -> None:
    """Time that runs out goes before."""
    hold(scripted, "aaaa1111")
    report = sync([wandb], scripted, options(wait_s=LONG_S, deadline_s=10))
    assert (statuses(report), report.exit_code) == (["pending"] * len(logs), ExitCode.DEADLINE)


def test_a_directory_of_two_runs_of_which_one_is_held(memory: MemoryBackend, run_dir: Path) -> None:
    """The other one arrives; all writers of the held one are left alone."""
    rows = [log_row(0, x=1), ended()]
    root = b"aaaa1111" * 2
    write_log(run_dir, *rows, name="a.txlog", run_id="aaaa1111", writer=root)
    write_log(run_dir, *rows, name="b.txlog", run_id="aaaa1111", writer=b"b" * 16, root=root)
    free = write_log(run_dir, *rows, name="c.txlog", run_id="cccc3333", writer=b"c" * 16)
    hold(memory, "aaaa1111")
    (run,) = sync([run_dir], memory, options()).runs
    assert (run.status, run.records, len(run.notes)) == ("held", 3, 1)
    assert_holds(memory, free)
    assert dict(memory.hints()) == {}
    (run,) = sync([run_dir], memory, options(leases=False)).runs
    assert (run.status, run.records) == ("synced", 6)


class Sticky(MemoryBackend):
    """A target that cannot take back a lease."""

    def drop_lease(self, run: RunKey, owner: str) -> None:
        """Fail."""
        raise TargetError(f"{run} {owner}")


def test_a_lease_that_cannot_be_given_back(wandb: Path, logs: list[Path]) -> None:
    """It ends by itself, so nothing is wrong."""
    backend = Sticky(uuid4().hex)
    assert sync([wandb], backend, options()).exit_code == ExitCode.OK
    assert_holds(backend, *logs)


class Stuck(MemoryBackend):
    """A target that no longer answers once the first run has arrived, and notes other questions."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.noted: list[str] = []
        self.arrived = threading.Event()

    def commit(self, batch: Batch) -> bool:
        """Take in the first run."""
        if batch.run == key_of("bbbb2222"):
            assert self.arrived.wait(5)
            raise TransientError("no answer")
        return super().commit(batch)

    def drop_lease(self, run: RunKey, owner: str) -> None:
        """Note for which run."""
        super().drop_lease(run, owner)
        self.noted.append(run.run_id)
        self.arrived.set()

    def keep_hints(self, hints: Mapping[str, DirectoryHint]) -> None:
        """Note them."""
        super().keep_hints(hints)
        self.noted += hints


@pytest.mark.parametrize("deadline_s", [None, 20], ids=["patience", "deadline"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_target_that_does_not_answer_is_not_asked_in_the_end(
    wandb: Path, logs: list[Path], jobs: int, deadline_s: float | None
) -> None:
    """A lease ends by itself, hints only save work; a run that arrived before was given back."""
    clock = Clock()
    backend = Stuck(uuid4().hex)
    how = options(clock, deadline_s=deadline_s, retry=Retry(60, 1, 8, clock), jobs=jobs)
    report = sync_to([wandb], lambda: backend, how, close=False)
    assert (statuses(report), len(logs)) == (["synced", "pending"], 2)
    assert backend.noted == ["aaaa1111"]


class Stalled(MemoryBackend):
    """A target that is stuck from the first lease on that it is to take back."""

    def __init__(self, name: str, stall: Callable[[], None]) -> None:
        super().__init__(name)
        self.stall = stall
        self.is_stuck = False

    def drop_lease(self, run: RunKey, owner: str) -> None:
        """Take it back, and do not say so."""
        super().drop_lease(run, owner)
        self.is_stuck = True
        self.stall()

    def read_cursor(self, run: RunKey, writer: bytes) -> Cursor | None:
        """Say nothing once it is stuck."""
        if self.is_stuck:
            self.stall()
        return super().read_cursor(run, writer)


def test_patience_counts_from_a_lease_that_was_not_taken_back(
    wandb: Path, logs: list[Path]
) -> None:
    """The time that it took is no less lost; the next run is not asked for as long again."""
    clock = Clock()

    def stall() -> None:
        clock.sleep(50)
        raise TransientError("no answer")

    how = options(clock, retry=Retry(60, 1, 8, clock, lambda: 0.0))
    report = sync([wandb], Stalled(uuid4().hex, stall), how)
    assert (statuses(report), len(logs)) == (["synced", "pending"], 2)
    assert clock.now == 1000 + 3 * 50


class Speechless(MemoryBackend):
    """A target that does not answer whoever asks for a lease."""

    def __init__(self, name: str, stall: Callable[[], None]) -> None:
        super().__init__(name)
        self.stall = stall

    def take_lease(self, run: RunKey, lease: Lease) -> Lease | None:
        """Say nothing."""
        self.stall()
        return super().take_lease(run, lease)


def test_patience_is_had_once_where_a_lease_is_renewed_among_files() -> None:
    """Whoever sends the files has waited already when the lease is given up."""
    clock = Clock()

    def stall() -> None:
        clock.sleep(50)
        raise TransientError("no answer")

    backend = Speechless(uuid4().hex, stall)
    target = Target(backend, Retry(60, 1, 8, clock, lambda: 0.0), Brake(None))
    lease = Lease("me", "node17", "boot", 4242, 1, NOW_NS, LASTS_S * 10**9)

    def offer() -> Offer:
        target.take_lease(key_of("aaaa1111"), lease)
        yield Digest(1, "ab" * 32), [b"a"]

    with pytest.raises(TransientError):
        target.put_files(offer)
    assert clock.now == 1000 + 3 * 50


class Refusing(MemoryBackend):
    """A target that says nothing first, and then no."""

    errors = (TransientError("no answer"), TargetError("not allowed"))

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.refusals = iter(self.errors)
        self.given_back: list[str] = []

    def read_cursor(self, run: RunKey, writer: bytes) -> Cursor | None:
        """Refuse."""
        for refusal in self.refusals:
            raise refusal
        return super().read_cursor(run, writer)

    def drop_lease(self, run: RunKey, owner: str) -> None:
        """Note whose it was."""
        super().drop_lease(run, owner)
        self.given_back.append(owner)


def test_a_target_that_refuses_after_a_silence_is_given_the_lease_back() -> None:
    """A refusal is an answer."""
    clock, backend = Clock(), Refusing(uuid4().hex)
    brake = Brake(None, clock=clock, sleep=clock.sleep)
    target = Target(backend, Retry(60, 1, 8, clock), brake)
    with pytest.raises(TargetError, match="not allowed"):
        target.read_cursor(key_of("aaaa1111"), b"a" * 16)
    target.drop_lease(key_of("aaaa1111"), "me")
    assert backend.given_back == ["me"]
