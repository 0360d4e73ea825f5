"""Several runs at once: the same result in the same order, and the same isolation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from airtape.backends.base import Backend, Batch
from airtape.backends.memory import MemoryBackend
from airtape.errors import TargetError
from airtape.sync.brake import Brake
from airtape.sync.crew import Crew
from airtape.sync.engine import sync_to
from airtape.sync.glance import glance
from airtape.sync.lanes import lanes_of
from airtape.sync.options import SyncOptions
from airtape.sync.report import ExitCode, RunReport
from tests.held import assert_holds
from tests.logs import ended, frames_of, log_row, run_dir_of, write_log

WAIT_S = 5
"""How long a test waits for another thread before it fails."""
LATER = SyncOptions(jobs=3, now_ns=lambda: 2**62)
OpenTarget = Callable[[], Backend]


def make_runs(wandb: Path, count: int) -> list[Path]:
    """Write the logs of some runs."""
    return [
        write_log(
            run_dir_of(wandb, f"run{number:05}"),
            *(log_row(step, x=step) for step in range(5 + number)),
            ended(),
            run_id=f"run{number:05}",
            writer=f"{number:016}".encode(),
        )
        for number in range(count)
    ]


def test_all_arrive_and_are_reported_in_order(open_target: OpenTarget, wandb: Path) -> None:
    """However the threads take turns; a second pass finds nothing to do."""
    logs = make_runs(wandb, 9)
    report = sync_to([wandb], open_target, LATER)
    assert [run.path for run in report.runs] == [log.parent for log in logs]
    assert [run.records for run in report.runs] == [7 + number for number in range(9)]
    assert_holds(open_target(), *logs)
    again = sync_to([wandb], open_target, LATER)
    assert {run.status for run in again.runs} == {"nothing_new"}
    assert [run.path for run in again.runs] == [log.parent for log in logs]


def test_a_bad_run_costs_no_other(open_target: OpenTarget, wandb: Path) -> None:
    """What is wrong with one ends in its own report."""
    logs = make_runs(wandb, 5)
    logs[2].write_text("just some text")
    report = sync_to([wandb], open_target, LATER)
    expected = ["synced", "synced", "failed", "synced", "synced"]
    assert [run.status for run in report.runs] == expected
    assert report.exit_code == ExitCode.INCOMPLETE
    assert_holds(open_target(), *logs[:2], *logs[3:])


class Meeting(MemoryBackend):
    """A target that takes in the first batches only when several threads bring one."""

    barrier = threading.Barrier(2, timeout=WAIT_S)
    met = 0

    def commit(self, batch: Batch) -> bool:
        """Wait for the other thread once, then take the batch in."""
        if batch.base_version == 0 and batch.run.run_id in {"run00000", "run00001"}:
            self.barrier.wait()
            Meeting.met += 1
        return super().commit(batch)


def test_runs_are_sent_at_the_same_time(wandb: Path) -> None:
    """Two threads bring batches of different runs, each over a connection of its own."""
    logs = make_runs(wandb, 2)
    name = uuid4().hex
    opened = []

    def open_it() -> Backend:
        opened.append(threading.get_ident())
        return Meeting(name)

    assert sync_to([wandb], open_it, SyncOptions(jobs=2)).exit_code == ExitCode.OK
    assert (Meeting.met, len(set(opened))) == (2, 3)
    assert_holds(MemoryBackend(name), *logs)


def test_a_target_that_fails_ends_all(wandb: Path) -> None:
    """What was done is reported as done, and the rest as not reached."""
    logs = make_runs(wandb, 8)
    name = uuid4().hex

    class Failing(MemoryBackend):
        def commit(self, batch: Batch) -> bool:
            if batch.run.run_id >= "run00003":
                raise TargetError("gone")
            return super().commit(batch)

    report = sync_to([wandb], lambda: Failing(name), SyncOptions(jobs=2))
    assert report.exit_code == ExitCode.UNREACHABLE
    by_path = {run.path: run.status for run in report.runs}
    statuses = [by_path[log.parent] for log in logs]
    assert statuses[3:] == ["pending"] * 5
    assert set(statuses[:3]) <= {"synced", "pending"}
    assert sync_to([wandb], lambda: MemoryBackend(name), SyncOptions(jobs=2)).exit_code == 0
    assert_holds(MemoryBackend(name), *logs)


def test_directories_of_one_run_take_turns(memory: MemoryBackend, wandb: Path) -> None:
    """Files of a writer in several directories are sent one after the other, in their order."""
    frames = frames_of(*(log_row(step, x=step) for step in range(40)), ended())
    whole = write_log(run_dir_of(wandb.parent / "whole"))
    whole.write_bytes(b"".join(frames))
    parts = []
    for number in range(4):
        path = write_log(wandb / f"run-2026112{number}_101112-ab12cd34")
        path.write_bytes(b"".join([frames[0], *frames[1 + number * 10 : 12 + number * 10]]))
        parts.append(path.parent)
    others = make_runs(wandb, 3)
    report = sync_to([wandb], lambda: memory, SyncOptions(jobs=4))
    assert report.exit_code == ExitCode.OK
    assert_holds(memory, whole, *others)


def test_lanes_join_what_shares_a_run(wandb: Path) -> None:
    """A directory with logs of two runs brings their lanes together, in order."""
    ids = [["a"], ["b"], [], ["c"], ["a", "b"], ["c"], ["d"], ["b"]]
    glances = []
    for number, run_ids in enumerate(ids):
        run_dir = wandb / f"run-2026112{number}_101112-x"
        run_dir.mkdir()
        (run_dir / "none.txlog").write_text("just some text" if number == 3 else "")
        for run_id in run_ids:
            write_log(run_dir, name=f"{run_id}.txlog", run_id=run_id, writer=run_id.encode() * 16)
        glances.append((number, glance(run_dir, None, trust=False)))
    lanes = [[number for number, _ in lane] for lane in lanes_of(glances)]
    assert sorted(lanes) == [[0, 1, 4, 7], [2], [3, 5], [6]]


@contextmanager
def no_tool() -> Iterator[None]:
    """Open nothing."""
    yield


def test_whoever_stops_listening_stops_the_crew() -> None:
    """An exception where results are used ends the threads, which do not go on for nobody."""
    brake = Brake()
    began = threading.Event()

    def do(_: None, number: int) -> int:
        if number:
            began.set()
            with pytest.raises(Exception, match="stopped"):
                brake.pause(60)
        return number

    crew = Crew(2, no_tool, do, brake)
    results = crew.work([[(number, number)] for number in range(9)])
    assert next(results) == 0
    assert began.wait(WAIT_S)
    with pytest.raises(KeyError):
        results.throw(KeyError("a fault"))
    assert brake.reason == "stopped"


def test_results_behind_a_failure_are_not_lost() -> None:
    """What another thread has done is yielded although something before it is missing."""
    second_done = threading.Event()

    def do(_: None, number: int) -> int:
        if number == 0:
            assert second_done.wait(WAIT_S)
            raise LookupError("the first")
        second_done.set()
        return number

    results = Crew(2, no_tool, do, Brake()).work([[(0, 0)], [(1, 1)]])
    assert next(results) == 1
    with pytest.raises(LookupError, match="the first"):
        next(results)


def test_a_lane_ends_with_the_failure_of_another() -> None:
    """What is left in the lanes of others is not begun."""
    failed = threading.Event()
    done = []

    def do(_: None, number: int) -> int:
        if number == 0:
            failed.set()
            raise LookupError("the first")
        assert failed.wait(WAIT_S)
        for thread in threading.enumerate():
            if thread.name.endswith("_0"):
                thread.join(0.2)
        done.append(number)
        return number

    lanes = [[(0, 0)], [(number, number) for number in range(1, 50)]]
    with pytest.raises(LookupError):
        list(Crew(2, no_tool, do, Brake()).work(lanes))
    assert len(done) < 49


def test_progress_is_told_by_one_thread_at_a_time(memory: MemoryBackend, wandb: Path) -> None:
    """Whoever shows the progress need not know of threads."""
    make_runs(wandb, 6)
    inside = threading.Lock()
    told = []

    class Shows:
        def planned(self, directories: int, size: int) -> None:
            told.append(directories)
            assert size

        def started(self, path: Path, size: int) -> None:
            self._tell(path.name, size)

        def advanced(self, path: Path, size: int) -> None:
            self._tell(path.name, size)

        def finished(self, report: RunReport) -> None:
            self._tell(report.path.name, report.size)

        def _tell(self, *_: object) -> None:
            assert inside.acquire(blocking=False)
            told.append(0)
            inside.release()

    sync_to([wandb], lambda: memory, LATER, Shows())
    assert told[0] == 6
    assert len(told) == 1 + 6 * 3
