from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event, Thread, Timer

import pytest

import airtape
from airtape.fold.fold import Fold
from airtape.live import FOLD_BATCH
from airtape.records import Kind
from airtape.runlog import RunLog
from airtape.txlog.ends import read_ends
from tests.interrupts import Interruption
from tests.recording import StartRun, log_of, open_log, read_back

QUIET = {
    **dict.fromkeys(("fsync_interval", "heartbeat_interval", "checkpoint_interval"), 1000),
    "disable_metadata": True,
}
"""Settings under which nothing but the test records anything."""

UNRAISABLE = "ignore::pytest.PytestUnraisableExceptionWarning"
"""Python itself drops an interrupt that comes while it calls back for a weak reference."""

Log = Callable[[airtape.Run, int], None]


def log_row(run: airtape.Run, number: int) -> None:
    """Log what the log's own packer can write at once."""
    run.log({"number": number})


def log_nested(run: airtape.Run, number: int) -> None:
    """Log a dictionary."""
    run.log({"number": number, "d": {"x": [1, 2]}})


def log_big(run: airtape.Run, number: int) -> None:
    """Log what needs another packer."""
    run.log({"number": number, "big": 2**70})


def log_open(run: airtape.Run, number: int) -> None:
    """Log to a row that stays open, of a step of its own."""
    run.log({"number": number}, step=1_000_000 + number)


def log_and_set(run: airtape.Run, number: int) -> None:
    """Log, and set a summary value."""
    run.log({"number": number})
    run.summary["set"] = number


CALLS = [log_row, log_nested, log_big, log_open, log_and_set]
HANDLERS: list[Log] = [
    lambda run, number: run.log({"handler": number}),
    lambda run, number: run.log({"handler": number, "nested": {"x": 1}}),
]


@pytest.fixture
def stride(rounds: Callable[[int], int]) -> int:
    """How many steps lie between two that are tried: with ``--rounds`` each one is."""
    return 7 if rounds(1) == 1 else 1


def fill_up(run: airtape.Run) -> None:
    """Log so many rows that the next one has them all folded."""
    assert run.summary.keys() is not None  # a look at the summary has all earlier ones folded
    # Most are alike and folded together, the last ones each by itself.
    for number in range(FOLD_BATCH - 1):
        run.log({"filler": 1} if number < FOLD_BATCH - 10 else {f"filler {number}": 1})


@pytest.mark.parametrize("handle", HANDLERS, ids=["flat", "nested"])
@pytest.mark.parametrize("call", CALLS)
def test_a_handler_may_log_at_any_moment(call: Log, handle: Log, start_run: StartRun) -> None:
    """Nothing is lost, nothing is doubled, and nothing waits for anything."""
    run = start_run(settings=QUIET)
    for step in count():
        interruption = Interruption(step, partial(handle, run, step))
        interruption.during(partial(call, run, step))
        if not interruption.happened:
            break
    run.finish()
    said = read_back(log_of(run))
    assert sorted(said.logged("number")) == list(range(step + 1))
    assert sorted(said.logged("handler")) == list(range(step))
    if call is not log_open:
        assert sorted(row.step for row in said.rows) == list(range(2 * step + 1))
    assert step > 20


def assert_ends_agree(log: Path, whole: Fold | None = None) -> None:
    """Make sure that checkpoint and tail of a log have all that the whole of it has."""
    if whole is None:
        whole = read_back(log, duplicates=1).fold
    ends = read_ends(log)
    fold = Fold(ends.state)
    for record in ends.tail:
        fold.apply(record)
    fold.close_row()
    assert (fold.records, fold.history.rows) == (whole.records, whole.history.rows)
    assert fold.summary.keys() == whole.summary.keys()
    assert fold.history.traces().keys() == whole.history.traces().keys()


@pytest.mark.parametrize("handle", HANDLERS, ids=["flat", "nested"])
def test_what_a_handler_logs_is_folded_in_its_turn(
    handle: Log, stride: int, start_run: StartRun
) -> None:
    """Also while many rows are being folded: the summary and the checkpoint miss nothing."""
    run = start_run(settings=QUIET)
    for step in count(0, stride):
        fill_up(run)
        interruption = Interruption(step, partial(handle, run, step))
        interruption.during(partial(log_row, run, 0))
        if not interruption.happened:
            break
    run.finish()
    assert_ends_agree(log_of(run))
    assert step > FOLD_BATCH


def test_what_a_handler_logs_is_in_the_checkpoint(workdir: Path, stride: int) -> None:
    """A record that comes between the state and its checkpoint is not forgotten by readers."""
    log = open_log(workdir).log
    log_handled = partial(log.history, None, 0, {"handler": 1}, flat=True)
    for step in count(0, stride):
        interruption = Interruption(step, log_handled)
        interruption.during(log.checkpoint)
        assert_ends_agree(log.writer.path, log.fold)
        if not interruption.happened:
            break
    log.close(0, {"how": "finish"})
    assert_ends_agree(log.writer.path)
    assert step > 50


def interrupt() -> None:
    """Do what Ctrl+C does."""
    raise KeyboardInterrupt


@pytest.mark.filterwarnings(UNRAISABLE)
@pytest.mark.parametrize("call", [log_row, log_nested, log_big, log_and_set])
def test_ctrl_c_in_the_middle_of_a_record_costs_nothing_else(
    call: Log, stride: int, start_run: StartRun
) -> None:
    """What was logged before and after is there, no record is missing, readers agree."""
    for step in count(0, stride):
        run = start_run(settings=QUIET)
        call(run, 0)
        interruption = Interruption(step, interrupt)
        with suppress(KeyboardInterrupt):
            interruption.during(partial(call, run, 1))
        call(run, 2)
        run.finish()
        numbers = read_back(log_of(run), duplicates=1).logged("number")
        assert numbers in ([0, 2], [0, 1, 2])
        assert_ends_agree(log_of(run))
        if not interruption.happened:
            assert numbers == [0, 1, 2]
            break


@pytest.mark.filterwarnings(UNRAISABLE)
def test_ctrl_c_while_rows_are_folded_costs_nothing(stride: int, start_run: StartRun) -> None:
    """The run can go on and be finished; its checkpoints do not tell of rows that are not there."""
    for step in count(0, 3 * stride):
        run = start_run(settings=QUIET)
        fill_up(run)
        interruption = Interruption(step, interrupt)
        with suppress(KeyboardInterrupt):
            interruption.during(partial(log_row, run, 1))
        log_row(run, 2)
        run.finish()
        assert_ends_agree(log_of(run))
        if not interruption.happened:
            break
    assert step > FOLD_BATCH


@pytest.mark.timeout(60)
@pytest.mark.parametrize("is_held", [False, True])
def test_ctrl_c_leaves_the_log_to_other_threads(workdir: Path, *, is_held: bool) -> None:
    """Wherever it comes, also while the call waits until another thread has recorded something."""
    log = open_log(workdir).log
    for number in range(50):
        held, done = Event(), Event()
        holder = Thread(target=partial(hold, log, held, done))
        if is_held:
            holder.start()
            assert held.wait(10)
        with pytest.raises(KeyboardInterrupt):
            record_until_interrupted(log, 0.001 + number * 1e-5)
        done.set()
        other = Thread(target=partial(log.history, None, 0, {"other": number}, flat=True))
        other.start()
        other.join(10)
        assert not other.is_alive()
    log.close(0, {"how": "finish"})
    assert read_back(log.writer.path, duplicates=50).logged("other") == list(range(50))


def hold(log: RunLog, held: Event, done: Event) -> None:
    """Keep a log from recording anything for a while."""
    with log.lock:
        held.set()
        done.wait(10)


def record_until_interrupted(log: RunLog, seconds: float) -> None:
    """Record one row after the other, until Ctrl-C comes."""
    Timer(seconds, partial(os.kill, os.getpid(), signal.SIGINT)).start()
    while True:
        log.history(None, 0, {"number": 1}, flat=True)


class Left(BaseException):
    """What a program is left with."""


def finish_and_leave(run: airtape.Run) -> None:
    """Do what a handler of SIGTERM often does."""
    run.finish(3)
    raise Left


@pytest.mark.filterwarnings(UNRAISABLE)
@pytest.mark.parametrize("handle", [airtape.Run.finish, finish_and_leave])
@pytest.mark.parametrize("call", [log_row, log_big, log_and_set])
def test_a_handler_may_finish_the_run_at_any_moment(
    call: Log, handle: Callable[[airtape.Run], None], stride: int, start_run: StartRun
) -> None:
    """A record that was begun is written; the log has no hole, one end, and is closed."""
    for step in count(0, stride):
        run = start_run(settings=QUIET)
        interruption = Interruption(step, partial(handle, run))
        has_returned = False
        with suppress(Left, airtape.UsageError):
            interruption.during(partial(call, run, 1))
            has_returned = True
        if not interruption.happened:
            break
        said = read_back(log_of(run), duplicates=1)
        assert len(said.of(Kind.EXIT)) == 1
        assert said.logged("number") in ([1], [] if not has_returned else [1])
        assert run.status().dropped == 0
        assert_ends_agree(log_of(run))
        assert str(log_of(run)) not in open_files()


def open_files() -> list[str]:
    """Return the paths of all files that this process has open."""
    paths = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            paths.append(str(descriptor.readlink()))
    return paths
