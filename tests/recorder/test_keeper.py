from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from airtape.keeper import Keeper
from airtape.records import Kind
from airtape.runlog import RunLog
from tests.ended import wait_until
from tests.recording import open_log, read_back

OFTEN, NEVER = 0.001, 1000.0


@pytest.fixture
def log(workdir: Path) -> Iterator[RunLog]:
    """The log of a run that goes on."""
    log = open_log(workdir).log
    yield log
    log.close(0, {"how": "finish"})


@pytest.fixture
def said() -> list[str]:
    """What was reported."""
    return []


@pytest.fixture
def keeper_of(log: RunLog, said: list[str]) -> Iterator[Callable[..., Keeper]]:
    """Make keepers that do nothing unless told; all are stopped at the end."""
    made: list[Keeper] = []

    def make(**every: float) -> Keeper:
        intervals = dict.fromkeys(("sync_every", "beat_every", "checkpoint_every"), NEVER) | every
        made.append(Keeper(log, **intervals, report=said.append))
        return made[-1]

    yield make
    for keeper in made:
        keeper.stop()


def has(log: RunLog, kind: Kind, count: int) -> Callable[[], bool]:
    """Return the question whether a log has so many records of a kind."""
    return lambda: len(read_back(log.writer.path).of(kind)) >= count


def test_what_was_logged_is_synced_soon(log: RunLog, keeper_of: Callable[..., Keeper]) -> None:
    """No call waits for the disk; the keeper does."""
    log.history(None, 0, {"a": 1}, flat=True)
    assert log.writer.synced < log.writer.size
    keeper_of(sync_every=OFTEN).start()
    wait_until(lambda: log.writer.synced == log.writer.size, "the sync")


def test_a_run_that_says_nothing_gives_signs_of_life(
    log: RunLog, keeper_of: Callable[..., Keeper]
) -> None:
    """Heartbeats come on and on, and say what is on disk."""
    keeper_of(beat_every=OFTEN).start()
    wait_until(has(log, Kind.HEARTBEAT, 3), "the third heartbeat")
    [first, *_] = read_back(log.writer.path).of(Kind.HEARTBEAT)
    assert first.fields[0] <= log.writer.last_seq


def test_a_checkpoint_comes_when_there_is_news(
    log: RunLog, keeper_of: Callable[..., Keeper]
) -> None:
    """One for what was logged, and none for heartbeats alone."""
    log.history(None, 0, {"a": 1}, flat=True)
    keeper_of(checkpoint_every=OFTEN, beat_every=5 * OFTEN).start()
    wait_until(has(log, Kind.HEARTBEAT, 3), "the third heartbeat")
    assert len(read_back(log.writer.path).of(Kind.CHECKPOINT)) == 2
    log.history(None, 0, {"a": 2}, flat=True)
    wait_until(has(log, Kind.CHECKPOINT, 3), "the next checkpoint")


def test_a_failure_does_not_end_the_keeper(
    keeper_of: Callable[..., Keeper], said: list[str]
) -> None:
    """It is reported, and the other duties go on."""
    done = Event()

    def fail() -> None:
        raise ZeroDivisionError("of all things")

    keeper = keeper_of()
    keeper.add(OFTEN, fail)
    keeper.add(5 * OFTEN, done.set)
    keeper.start()
    assert done.wait(10)
    assert said[0] == "fail failed: of all things"


def test_a_stopped_keeper_ends(log: RunLog, keeper_of: Callable[..., Keeper]) -> None:
    """It writes nothing to a log that is closed, and its thread is gone."""
    keeper = keeper_of(beat_every=OFTEN)
    keeper.start()
    log.close(0, {"how": "finish"})
    size = log.writer.path.stat().st_size
    log.beat()
    log.checkpoint()
    log.sync()
    keeper.stop()
    keeper.join(10)
    assert not keeper.is_alive()
    assert log.writer.path.stat().st_size == size


def test_a_keeper_without_duties_ends(log: RunLog, said: list[str]) -> None:
    """Nothing to do is no reason to stay."""
    keeper = Keeper(log, sync_every=0, beat_every=0, checkpoint_every=0, report=said.append)
    keeper.start()
    keeper.join(10)
    assert not keeper.is_alive()
    assert said == []


def test_a_run_does_without_a_keeper_where_no_thread_can_be_had(
    keeper_of: Callable[..., Keeper], said: list[str]
) -> None:
    """It is said; training goes on."""
    keeper = keeper_of()
    keeper.start()
    keeper.start()
    assert said == ["no thread looks after the log: threads can only be started once"]


def test_a_child_gets_a_keeper_of_its_own(log: RunLog, keeper_of: Callable[..., Keeper]) -> None:
    """It has the same duties, and is independent of its parent's."""
    keeper = keeper_of(beat_every=OFTEN)
    keeper.stop()
    child = keeper.for_child()
    child.start()
    wait_until(has(log, Kind.HEARTBEAT, 1), "the heartbeat")
    child.stop()
