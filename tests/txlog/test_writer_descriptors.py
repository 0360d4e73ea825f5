"""The descriptor of a log: out of the way, and noticed when the program closes or reuses it."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from airtape.txlog.files import RENEW_S
from airtape.txlog.sink import HIGH_FD
from tests.txlog.logged import Log, limit, whole
from tests.txlog.patience import PATIENCE_S


def high_descriptors() -> set[int]:
    """Return the descriptors of this process that are numbered as those of logs."""
    return {fd for fd in map(int, os.listdir("/proc/self/fd")) if fd >= HIGH_FD}  # noqa: PTH208 - numbers


OTHERS: set[int] = set()
"""What other tests in this process left open: it is theirs."""


@pytest.fixture(autouse=True)
def others() -> None:
    """Learn what is open before the test."""
    OTHERS.clear()
    OTHERS.update(high_descriptors())


def log_descriptors() -> list[int]:
    """Return the descriptors of all logs of the test."""
    return sorted(high_descriptors() - OTHERS)


@pytest.mark.usefixtures("log")
def test_a_log_keeps_clear_of_the_usual_descriptors() -> None:
    """A program that closes those it does not know leaves the number free for no other file."""
    assert len(log_descriptors()) == 1
    with (Path(os.devnull)).open() as other:
        assert other.fileno() < HIGH_FD


def test_a_low_limit_of_open_files_is_no_obstacle(folder: Path) -> None:
    """The descriptor then has a usual number."""
    with limit(resource.RLIMIT_NOFILE, HIGH_FD):
        log = Log(folder / "run.txlog")
    assert log_descriptors() == []
    log.rows(*range(50))
    assert log.close() == (None, 0, 0)
    assert whole(folder).rows == list(range(50))


def test_a_closed_descriptor_is_noticed_by_the_next_write(folder: Path, log: Log) -> None:
    """The log goes on in another file, and nothing is lost."""
    log.rows(*range(50))
    os.close(*log_descriptors())
    log.rows(*range(50, 100))
    assert log.close() == (None, 0, 0)
    found = whole(folder)
    assert (sorted(found.rows), found.missing) == (list(range(100)), 0)
    assert found.files == ["run.txlog", "run-1.txlog"]


def test_a_descriptor_that_means_another_file_is_noticed_by_the_next_sync(
    folder: Path, log: Log
) -> None:
    """The records go on in a new file, and the other one stays open."""
    log.rows(*range(50))
    other = os.open(folder / "other", os.O_WRONLY | os.O_CREAT)
    (ours,) = log_descriptors()
    os.dup2(other, ours)
    log.rows(50)
    log.sync()
    log.rows(*range(51, 100))
    assert log.close() == (None, 0, 0)
    assert os.fstat(ours).st_ino == os.fstat(other).st_ino
    os.close(ours)
    os.close(other)
    found = whole(folder)
    assert (sorted(found.rows), found.files) == (list(range(100)), ["run.txlog", "run-1.txlog"])


def test_a_disk_that_loses_every_file_gets_one_a_second(folder: Path, log: Log) -> None:
    """Each repeats the last frames; without a limit they would fill the disk."""
    for number in range(30):
        log.rows(number)
        if number % 5 == 4:
            for fd in log_descriptors():
                os.close(fd)
    assert log.close() == (None, 0, 0)
    assert len(list(folder.iterdir())) <= 2 + PATIENCE_S / RENEW_S
    assert sorted(whole(folder).rows) == list(range(30))


def test_a_child_leaves_the_file_to_its_parent(folder: Path, log: Log) -> None:
    """It closes its copy of the descriptor and neither writes nor syncs any more."""
    log.rows(*range(10))
    child = os.fork()
    if not child:
        log.abandon()
        log.sync()
        os._exit(len(log_descriptors()))
    assert os.waitpid(child, 0)[1] == 0
    log.rows(*range(10, 20))
    assert log.close() == (None, 0, 0)
    assert whole(folder).rows == list(range(20))
