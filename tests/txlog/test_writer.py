from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airtape.records import Kind, Plain, pack_big_ints
from airtape.txlog.format import UNSALTED, encode_frame, salt_of
from airtape.txlog.reader import read_log
from airtape.txlog.writer import LogWriter
from tests.logs import BEGAN_NS, checkpoint_frame, frames_of
from tests.plain_values import PLAIN, encoded
from tests.txlog.bytes_of import HEADER

SALT = salt_of(HEADER.writer)


@contextmanager
def opened(path: Path, mode: int | None = None) -> Iterator[LogWriter]:
    """Open a log and close it at the end."""
    if mode is None:
        writer = LogWriter(path, HEADER, wall_ns=BEGAN_NS)
    else:
        writer = LogWriter(path, HEADER, wall_ns=BEGAN_NS, mode=mode)
    try:
        yield writer
    finally:
        writer.close()


def body(number: int) -> bytes:
    """Return the body of a heartbeat."""
    packed: bytes = msgpack.packb([int(Kind.HEARTBEAT), BEGAN_NS, number])
    return packed


def descriptors_of(path: Path) -> list[int]:
    """Return the descriptors under which this process has a file open."""
    entries = [entry for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
    return [int(entry.name) for entry in entries if str(entry.readlink()) == str(path)]


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    """Set the umask of the process for a while."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def test_a_log_begins_with_its_header(tmp_path: Path) -> None:
    """It is there as soon as the writer is, and synced."""
    with opened(tmp_path / "log") as writer:
        assert (tmp_path / "log").read_bytes() == frames_of(of=HEADER)[0]
        assert (writer.size, writer.synced) == (len(frames_of(of=HEADER)[0]),) * 2


def test_a_record_is_one_frame(tmp_path: Path) -> None:
    """Its bytes are in the file when the call returns."""
    with opened(tmp_path / "log") as writer:
        before = (tmp_path / "log").read_bytes()
        assert writer.append(body(7)) == 1
        written = (tmp_path / "log").read_bytes()
        assert written == before + encode_frame(1, body(7), SALT)
        assert (writer.size, writer.last_seq, writer.next_seq) == (len(written), 1, 2)


def test_a_checkpoint_is_a_frame_without_salt(tmp_path: Path) -> None:
    """And the writer knows where it stands."""
    frame = checkpoint_frame(2, {"a": 1}, of=HEADER)
    with opened(tmp_path / "log") as writer:
        writer.append(body(1))
        at = writer.size
        assert writer.append_unsalted(frame[22:]) == 2
        assert (tmp_path / "log").read_bytes()[at:] == frame
        assert encode_frame(2, frame[22:], UNSALTED) == frame
        assert writer.last_checkpoint == at


@settings(max_examples=settings().max_examples // 5)  # each syncs a file
@given(st.lists(PLAIN, max_size=20))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, said: list[Plain]
) -> None:
    """Every value, exactly and in order."""
    path = tmp_path_factory.mktemp("log") / "log"
    with opened(path) as writer:
        for value in said:
            fields = [int(Kind.METADATA), BEGAN_NS, value]
            writer.append(msgpack.packb(fields, default=pack_big_ints))
    contents = read_log(path)
    records = contents.records[1:]
    assert [record.seq for record in records] == [*range(1, len(said) + 1)]
    assert encoded([record.fields[0] for record in records]) == encoded(said)
    assert (contents.header, contents.damage) == (HEADER, [])


def test_syncing_tells_what_is_safe(tmp_path: Path) -> None:
    """What came after the last sync is not."""
    with opened(tmp_path / "log") as writer:
        writer.append(body(1))
        writer.sync()
        safe = writer.size
        writer.append(body(2))
        assert (writer.synced, writer.synced_seq) == (safe, 1)
        writer.sync()
        assert (writer.synced, writer.synced_seq) == (writer.size, 2)


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, os.mkfifo])
def test_what_exists_is_never_written_to(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """Not even an empty file: somebody else may just have made it."""
    make(tmp_path / "log")
    with pytest.raises(FileExistsError), opened(tmp_path / "log"):
        pass


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Nobody can make a run write elsewhere."""
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError), opened(tmp_path / "log"):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Opening a log may fail; nothing after it does."""
    with pytest.raises(FileNotFoundError), opened(tmp_path / "none" / "log"):
        pass


@pytest.mark.parametrize(
    ("mask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0, 0o664)]
)
def test_permissions_follow_the_umask(
    tmp_path: Path, umask: Callable[[int], int], mask: int, expected: int
) -> None:
    """But a log is never writable for everybody."""
    umask(mask)
    with opened(tmp_path / "log"):
        assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == expected


def test_permissions_can_be_said(tmp_path: Path, umask: Callable[[int], int]) -> None:
    """The umask still applies."""
    umask(0o022)
    with opened(tmp_path / "log", mode=0o660):
        assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o640


def test_a_log_is_closed_for_programs_that_are_started(tmp_path: Path) -> None:
    """They must not hold it open."""
    with opened(tmp_path / "log"):
        (fd,) = descriptors_of(tmp_path / "log")
        assert not os.get_inheritable(fd)
    assert descriptors_of(tmp_path / "log") == []


def test_threads_number_their_records_without_gaps(tmp_path: Path) -> None:
    """Eight at once, each with its own records, and no lock."""
    numbers: list[list[int]] = []
    start = threading.Barrier(8)

    def write(writer: LogWriter) -> None:
        start.wait()
        numbers.append([writer.append(body(number)) for number in range(200)])

    with opened(tmp_path / "log") as writer:
        threads = [threading.Thread(target=write, args=(writer,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    contents = read_log(tmp_path / "log")
    assert sorted(chain.from_iterable(numbers)) == list(range(1, 1601))
    assert sorted(record.seq for record in contents.records) == list(range(1601))
    assert contents.damage == []
    assert all(own == sorted(own) for own in numbers)
