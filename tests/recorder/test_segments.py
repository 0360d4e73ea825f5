from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from time import time_ns

import msgpack
import pytest

from airtape.beginning import Origin
from airtape.new_rundir import create_run_dir
from airtape.records import Kind
from airtape.rundir import RunDir
from airtape.segments import Segments
from airtape.settings import Settings
from airtape.txlog.reader import read_log
from airtape.txlog.writer import LogWriter
from airtape.version import __version__
from tests.recording import read_back

NOW = datetime(2026, 11, 20, 10, 11, 12)  # noqa: DTZ001 - run directories bear the local time
BODY: bytes = msgpack.packb([Kind.HEARTBEAT, 1, 0])


@pytest.fixture
def run_dir(tmp_path: Path) -> RunDir:
    """The directory of a run."""
    return create_run_dir(tmp_path, "ab12cd34", NOW)


@pytest.fixture
def said() -> list[str]:
    """What was reported."""
    return []


@pytest.fixture
def segments_of(run_dir: RunDir, said: list[str]) -> Callable[..., Segments]:
    """Make the segments of a run by some settings."""
    return lambda **settings: Segments(run_dir, Settings(**settings), said.append)


@pytest.fixture
def opened(segments_of: Callable[..., Segments]) -> Iterator[list[LogWriter]]:
    """The first writer of a run, and two of forked children."""
    segments = segments_of(label="rank-3", heartbeat_interval=7)
    first = segments.open_first(time_ns(), Origin())
    first.append(BODY)
    writers = [first, segments.open_child(5, time_ns()), segments.open_child(6, time_ns())]
    yield writers
    for writer in writers:
        writer.close()


def test_the_first_writer_says_who_it_is(opened: list[LogWriter], run_dir: RunDir) -> None:
    """It is the root of its incarnation of the run, and names its process."""
    header = read_back(run_dir.log_path).header
    assert (header.run_id, header.role, header.label) == ("ab12cd34", "primary", "rank-3")
    assert header.root == header.writer == opened[0].header.writer
    assert (header.parents, header.start_step, header.resumed) == ((), 0, False)
    assert (header.pid, header.host) == (os.getpid(), os.uname().nodename)
    assert (header.heartbeat_s, header.library) == (7, __version__)


def test_a_child_says_where_it_comes_from(opened: list[LogWriter]) -> None:
    """It has a uuid of its own, and names its parent with the last record before the fork."""
    first, child, _ = opened
    header = read_back(child.path).header
    assert header.writer != first.header.writer
    assert (header.role, header.root) == ("child", first.header.writer)
    assert header.parents == ((first.header.writer, first.last_seq),)
    assert header.start_step == 5


def test_each_writer_has_a_file_of_its_own(opened: list[LogWriter], run_dir: RunDir) -> None:
    """The files of children bear host, process and a number that counts on."""
    host, pid = os.uname().nodename, os.getpid()
    assert [writer.path.name for writer in opened] == [
        "run-ab12cd34.txlog",
        f"run-ab12cd34.{host}-{pid}-1.txlog",
        f"run-ab12cd34.{host}-{pid}-2.txlog",
    ]
    assert all(writer.path.parent == run_dir.root for writer in opened)


def test_a_child_records_where_its_file_cannot_be_made(
    segments_of: Callable[..., Segments], run_dir: RunDir
) -> None:
    """Its training is not disturbed; the records wait for the disk, and nothing is lost."""
    segments = segments_of()
    first = segments.open_first(time_ns(), Origin())
    away = run_dir.root.rename(run_dir.root.with_name("away"))
    run_dir.root.write_text("in the way")
    child = segments.open_child(0, time_ns())
    child.append(BODY)
    assert child.status.deferred == 1
    assert child.status.cause is not None
    run_dir.root.unlink()
    away.rename(run_dir.root)
    child.close()
    first.close()
    kinds = [record.kind for record in read_log(child.path).records]
    assert kinds.count(Kind.HEARTBEAT) == 1
    assert child.status.dropped == 0


@pytest.mark.parametrize(("settings", "is_synced"), [({"fsync_interval": 0}, True), ({}, False)])
def test_every_record_is_synced_if_so_told(
    settings: dict[str, float],
    is_synced: bool,  # noqa: FBT001 - a parameter
    segments_of: Callable[..., Segments],
) -> None:
    """With ``fsync_interval=0`` a power loss takes nothing that was recorded."""
    writer = segments_of(**settings).open_first(time_ns(), Origin())
    writer.append(BODY)
    assert (writer.synced == writer.size) is is_synced
    writer.close()
