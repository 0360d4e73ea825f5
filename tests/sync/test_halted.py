"""A sync that ends before it is done, or whose target fails for a while: what is done is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from airtape.backends.base import Backend, Batch, DirectoryHint
from airtape.backends.memory import MemoryBackend
from airtape.errors import TargetError, TransientError
from airtape.sync.brake import Brake
from airtape.sync.engine import sync, sync_to
from airtape.sync.options import SyncOptions
from airtape.sync.report import ExitCode, SyncReport
from airtape.sync.retry import Retry
from tests.held import assert_holds
from tests.logs import ended, log_row, run_dir_of, write_log
from tests.sync.clocks import Clock

RUN_IDS = ("aaaa1111", "bbbb2222", "cccc3333")


@pytest.fixture
def logs(wandb: Path) -> list[Path]:
    """The logs of three runs of fifty rows."""
    return [
        write_log(
            run_dir_of(wandb, run_id),
            *(log_row(step, x=step) for step in range(50)),
            ended(),
            run_id=run_id,
            writer=run_id.encode() * 2,
        )
        for run_id in RUN_IDS
    ]


class Watched(MemoryBackend):
    """A target that something happens to; see `watched`."""

    def __init__(
        self, name: str, before: Callable[[int], None], after: Callable[[int], None]
    ) -> None:
        super().__init__(name)
        self.asked = 0
        self._before = before
        self._after = after

    def commit(self, batch: Batch) -> bool:
        """Take in a batch, with what happens before and after."""
        self.asked += 1
        self._before(self.asked)
        taken = super().commit(batch)
        self._after(self.asked)
        return taken


def nothing(_: int) -> None:
    """Let nothing happen."""


def watched(
    before: Callable[[int], None] = nothing, after: Callable[[int], None] = nothing
) -> Watched:
    """Return a new target; at each batch it calls something with the number of the batch."""
    return Watched(uuid4().hex, before, after)


def statuses(report: SyncReport) -> list[str]:
    """Return the status of each run."""
    return [run.status for run in report.runs]


def patient(clock: Clock, deadline_s: float | None = None) -> SyncOptions:
    """Return options with small batches and waiting that takes no time."""
    return SyncOptions(
        max_points=10,
        brake=Brake(deadline_s, clock=clock, sleep=clock.sleep),
        retry=Retry(60, 1, 8, clock, lambda: 1.0),
        clock=clock,
    )


def test_a_stop_keeps_what_is_done(wandb: Path, logs: list[Path]) -> None:
    """What was read by then arrives, the rest is reported, and the next sync brings it."""
    brake = Brake()
    backend = watched(after=lambda number: brake.stop() if number == 5 else None)
    report = sync([wandb], backend, SyncOptions(brake=brake, max_points=16, now_ns=lambda: 2**62))
    assert statuses(report) == ["synced", "pending", "pending"]
    assert (report.halted, report.exit_code) == ("stopped", ExitCode.DEADLINE)
    done, half, left = report.runs
    assert (done.records, left.records) == (52, 0)
    assert 0 < half.records < 52
    assert half.run_id == "bbbb2222"
    assert 0 < half.size < logs[1].stat().st_size
    assert left.size == logs[2].stat().st_size
    assert list(backend.hints()) == [str(logs[0].parent)]
    again = sync([wandb], backend)
    assert statuses(again) == ["nothing_new", "synced", "synced"]
    assert [run.records for run in again.runs] == [0, 52 - half.records, 52]
    assert_holds(backend, *logs)


def test_a_stop_before_the_beginning(wandb: Path, logs: list[Path]) -> None:
    """Nothing is sent, everything is reported."""
    brake = Brake()
    brake.stop()
    backend = watched()
    report = sync([wandb], backend, SyncOptions(brake=brake))
    assert (statuses(report), backend.asked) == (["pending"] * 3, 0)
    assert report.to_json()["halted"] == "stopped"
    assert sync([wandb], backend).exit_code == ExitCode.OK
    assert_holds(backend, *logs)


def test_a_stop_between_two_writers_of_a_directory(run_dir: Path) -> None:
    """The first has arrived whole, the second comes next time."""
    brake = Brake()
    write_log(run_dir, log_row(0, x=1), name="a.txlog", writer=b"a" * 16)
    write_log(run_dir, log_row(0, x=2), name="b.txlog", writer=b"b" * 16, root=b"a" * 16)
    backend = watched(after=lambda _: brake.stop())
    (run,) = sync([run_dir], backend, SyncOptions(brake=brake)).runs
    assert (run.status, run.records, run.run_id) == ("pending", 2, "ab12cd34")
    (run,) = sync([run_dir], backend).runs
    assert (run.status, run.records) == ("synced", 2)


def test_a_directory_with_a_problem_stays_failed(run_dir: Path) -> None:
    """What was wrong with it is not covered up by the end of the pass."""
    brake = Brake()
    write_log(run_dir, log_row(0, x=1))
    (run_dir / "a.txlog").write_text("just some text")

    def stop_and_fail(_: int) -> None:
        raise TargetError("gone")

    (run,) = sync([run_dir], watched(stop_and_fail), SyncOptions(brake=brake)).runs
    assert (run.status, len(run.problems)) == ("failed", 1)


def test_time_that_runs_out(wandb: Path, logs: list[Path]) -> None:
    """At the deadline the sync ends as it does when it is stopped; later ones complete it."""
    clock = Clock()
    backend = watched(after=lambda _: clock.sleep(10))
    codes: list[ExitCode] = []
    while len(codes) < 20 and ExitCode.OK not in codes:
        codes.append(sync([wandb], backend, patient(clock, 15)).exit_code)
    assert codes[-1] is ExitCode.OK
    assert set(codes[:-1]) == {ExitCode.DEADLINE}
    assert len(codes) > 3
    assert_holds(backend, *logs)


def test_a_slow_log_does_not_make_a_batch_wait(run_dir: Path) -> None:
    """A batch is sent after some seconds, however small it is."""
    write_log(run_dir, *(log_row(step, x=step) for step in range(64)))
    clock = Clock()

    def slow() -> float:
        clock.now += 1
        return clock.now

    backend = watched()
    sync([run_dir], backend, SyncOptions(clock=slow, max_s=2))
    assert backend.asked > 1


@pytest.mark.parametrize("lost", ["batch", "answer"])
def test_a_target_that_fails_for_a_while(wandb: Path, logs: list[Path], lost: str) -> None:
    """Nothing is lost and nothing comes twice, whether a batch or the answer to it was lost."""
    clock = Clock()

    def fail(number: int) -> None:
        if number % 3:
            raise TransientError("busy")

    backend = watched(after=fail) if lost == "answer" else watched(before=fail)
    report = sync([wandb], backend, patient(clock))
    assert (statuses(report), report.exit_code) == (["synced"] * 3, ExitCode.OK)
    assert [run.records for run in report.runs] == [52] * 3
    assert set(clock.pauses) <= {1, 2}
    assert clock.pauses
    assert_holds(backend, *logs)


def test_a_target_that_fails_for_too_long(wandb: Path, logs: list[Path]) -> None:
    """Patience ends with the target's own error and exit code."""
    clock = Clock()
    error = TransientError("busy")

    def fail(_: int) -> None:
        raise error

    report = sync([wandb], watched(before=fail), patient(clock))
    assert (report.target_error, report.exit_code) == (error, ExitCode.UNREACHABLE)
    assert statuses(report) == ["pending"] * len(logs)
    assert 45 < sum(clock.pauses) < 60


class Gone(MemoryBackend):
    """A target that answers until it has one run."""

    has_one = False

    def commit(self, batch: Batch) -> bool:
        """Take in the first run."""
        if self.has_one:
            raise TransientError("gone")
        self.has_one = batch.cursor.ended
        return super().commit(batch)

    def keep_hints(self, hints: Mapping[str, DirectoryHint]) -> None:
        """Fail."""
        raise TransientError(f"gone with {len(hints)} hints")


def test_patience_with_a_target_ends_once(wandb: Path, logs: list[Path]) -> None:
    """Nothing more is asked of a target that has been asked for long enough."""
    clock = Clock()
    report = sync([wandb], Gone(uuid4().hex), patient(clock))
    assert (statuses(report), len(logs)) == (["synced", "pending", "pending"], 3)
    assert 45 < sum(clock.pauses) < 60


def test_waiting_for_a_target_ends_with_the_time(wandb: Path, logs: list[Path]) -> None:
    """A deadline that comes before the target does ends the pass."""

    def fail(_: int) -> None:
        raise TransientError("busy", retry_after_s=30)

    clock = Clock()
    report = sync([wandb], watched(before=fail), patient(clock, 20))
    assert (report.exit_code, statuses(report)) == (ExitCode.DEADLINE, ["pending"] * len(logs))
    assert clock.pauses == []


class NeverRemembers(MemoryBackend):
    """A target that cannot keep hints."""

    def keep_hints(self, hints: Mapping[str, DirectoryHint]) -> None:
        """Fail."""
        del hints
        raise TargetError("no room for hints")


def test_hints_that_cannot_be_kept_hide_no_halt(wandb: Path, logs: list[Path]) -> None:
    """They only save work."""
    brake = Brake()
    backend = NeverRemembers(uuid4().hex)
    seen = []

    def stop_at_second() -> int:
        seen.append(1)
        if len(seen) == 2:
            brake.stop()
        return 2**62

    options = SyncOptions(brake=brake, leases=False, now_ns=stop_at_second)
    report = sync([wandb], backend, options)
    assert (report.halted, report.target_error) == ("stopped", None)
    assert statuses(report) == ["synced", "synced", "pending"]
    assert len(logs) == 3


def test_a_target_that_opens_at_the_second_try(wandb: Path, logs: list[Path]) -> None:
    """Opening it is tried again too; what was opened is closed."""
    clock = Clock()
    closed = []

    class Closing(MemoryBackend):
        def close(self) -> None:
            closed.append(self)

    tries = []
    name = uuid4().hex

    def open_it() -> Backend:
        tries.append(1)
        if len(tries) == 1:
            raise TransientError("busy")
        return Closing(name)

    report = sync_to([wandb], open_it, patient(clock))
    assert (report.exit_code, len(tries), len(closed)) == (ExitCode.OK, 2, 1)
    assert_holds(MemoryBackend(name), *logs)


def test_a_target_that_cannot_be_opened(wandb: Path, logs: list[Path]) -> None:
    """The report says why; no run was looked at."""

    def refuse() -> Backend:
        raise TargetError("no such host")

    report = sync_to([wandb], refuse)
    assert (report.exit_code, report.runs) == (ExitCode.UNREACHABLE, [])
    assert logs


def test_a_rate_slows_the_sync_down(wandb: Path, logs: list[Path]) -> None:
    """It takes as long as the bytes of the logs at that rate, in batches of a second at most."""
    clock = Clock()
    size = sum(log.stat().st_size for log in logs)
    options = SyncOptions(rate=size / 20, brake=Brake(clock=clock, sleep=clock.sleep), clock=clock)
    backend = watched()
    assert sync([wandb], backend, options).exit_code == ExitCode.OK
    assert backend.asked > 10
    assert 15 < sum(clock.pauses) < 22
    assert_holds(backend, *logs)
