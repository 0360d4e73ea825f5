"""A log writer that can start no thread, as at the end of a program: its callers do the work."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from airtape.txlog.trouble import QUEUE_BYTES
from tests.txlog.logged import Log, limit, whole
from tests.txlog.patience import no_threads


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """Start no thread in these tests."""
    with no_threads():
        yield


def test_the_next_record_makes_a_removed_file_anew(folder: Path, log: Log) -> None:
    """And the loss is told, by the caller too."""
    log.rows(0)
    log.path.unlink()
    log.sync()
    assert (log.status.cause, log.said) == ("the file was removed", [])
    log.rows(1)
    assert log.status == (None, 0, 0)
    assert log.said == ["run.txlog is given up (the file was removed); run.txlog continues it"]
    log.rows(2)
    assert log.close() == (None, 0, 0)
    found = whole(folder)
    assert (found.rows, found.damage) == ([0, 1, 2], [])


def test_the_next_record_continues_a_full_file(folder: Path, log: Log) -> None:
    """What the full file holds is safe there and is not repeated."""
    with limit(resource.RLIMIT_FSIZE, 10_000):
        log.rows(*range(15), size=1000)
        assert log.close() == (None, 0, 0)
    found = whole(folder)
    assert (found.rows, found.missing) == (list(range(15)), 0)
    assert found.files == ["run.txlog", "run-1.txlog"]
    assert (folder / "run-1.txlog").stat().st_size < 10_000


def test_a_gap_stands_for_what_memory_could_not_hold(folder: Path, log: Log) -> None:
    """As many records are said to be dropped as are not there, and no more."""
    log.rows(*range(10))
    with limit(resource.RLIMIT_FSIZE, 0):
        log.rows(*range(10, 1010), size=10_000)
        cause, deferred, dropped = log.status
    assert (cause, deferred + dropped) == ("File too large", 1000)
    assert deferred * 10_000 <= QUEUE_BYTES
    assert log.close() == (None, 0, dropped)
    found = whole(folder)
    assert (found.dropped, found.missing) == (dropped, 0)
    assert found.rows == [*range(10), *range(10 + dropped, 1010)]
    assert log.said[-1].endswith(f"can be written again; {dropped} records were lost")
