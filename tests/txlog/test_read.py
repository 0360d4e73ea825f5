from __future__ import annotations

import os
from pathlib import Path

import pytest

from airtape.errors import LogFormatError
from airtape.records import Kind, Record
from airtape.txlog.format import Header
from airtape.txlog.reader import Damage, LogReader, frame_stands, read_log
from airtape.txlog.seqset import SeqSet
from tests.logs import CHECKPOINT, log_row
from tests.txlog.bytes_of import HEADER, OTHER, Read, frame, row_frame, seqs, small_log

LOG = small_log()


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    """Return the small log as a file."""
    path = tmp_path / "log"
    path.write_bytes(LOG.data)
    return path


def test_a_whole_log_is_read_whole(read: Read) -> None:
    """Every record in order, the header, and nothing to complain about."""
    contents = read(LOG.data)
    assert seqs(contents) == list(range(len(LOG.frames)))
    assert contents.header == HEADER
    assert (contents.damage, contents.incomplete, contents.duplicates) == ([], False, 0)


def test_records_say_what_was_written(read: Read) -> None:
    """Kind, time and fields come back."""
    kinds = [record.kind for record in read(LOG.data).records]
    row = read(LOG.data).records[2]
    assert kinds == [Kind.HEADER, Kind.CONFIG, *2 * [1], Kind.CHECKPOINT, *2 * [1], Kind.EXIT]
    assert row.fields == (0, 7, {"loss": 1.0, "text": "row 0"})


def test_an_empty_file_has_nothing_yet(read: Read) -> None:
    """A log that was just created is no error."""
    contents = read(b"")
    assert (contents.header, contents.records, contents.damage) == (None, [], [])
    assert not contents.incomplete


def test_reading_goes_on_where_it_ended(log_path: Path) -> None:
    """With offset, header and what was seen, only what is new is read."""
    log_path.write_bytes(LOG.data[: LOG.starts[3] + 5])
    first = LogReader(log_path)
    items = list(first)
    log_path.write_bytes(LOG.data)
    items += LogReader(log_path, offset=first.offset, header=first.header, seen=first.seen)
    assert (first.offset, first.incomplete) == (LOG.starts[3], True)
    assert [item.seq for item in items if isinstance(item, Record)] == list(range(8))
    assert len(items) == 8


def test_reading_goes_on_without_the_header_at_hand(log_path: Path) -> None:
    """Who wrote the log is learned from its beginning, wherever reading starts."""
    items = list(LogReader(log_path, offset=LOG.starts[6], seen=SeqSet([(0, 5)])))
    assert [item.seq for item in items if isinstance(item, Record)] == [6, 7]


def test_reading_again_yields_nothing_twice(log_path: Path) -> None:
    """What was seen is counted and passed over."""
    reader = LogReader(log_path, seen=SeqSet([(0, 5)]))
    assert [item.seq for item in reader if isinstance(item, Record)] == [6, 7]
    assert reader.duplicates == 6
    assert reader.seen == SeqSet([(0, 7)])


def test_an_offset_behind_the_end_reads_nothing(log_path: Path) -> None:
    """A file that was replaced by a shorter one is no error here."""
    reader = LogReader(log_path, offset=len(LOG.data) + 100, header=HEADER)
    assert (list(reader), reader.incomplete) == ([], False)


def test_the_last_frame_is_remembered(log_path: Path) -> None:
    """Its place and checksum tell later whether the file is still the same."""
    reader = LogReader(log_path)
    list(reader)
    assert reader.last_frame is not None
    start, crc = reader.last_frame
    assert start == LOG.starts[-2]
    assert frame_stands(log_path, start, crc, HEADER)


@pytest.mark.parametrize(
    ("start", "crc_change", "header"),
    [(LOG.starts[-2], 1, HEADER), (LOG.starts[-2] - 1, 0, HEADER), (LOG.starts[-2], 0, OTHER)],
)
def test_another_frame_does_not_stand(
    log_path: Path, start: int, crc_change: int, header: Header
) -> None:
    """Another checksum, another place or another writer is another frame."""
    reader = LogReader(log_path)
    list(reader)
    assert reader.last_frame is not None
    crc = reader.last_frame[1] ^ crc_change
    assert not frame_stands(log_path, start, crc, header)


def test_a_frame_does_not_stand_in_a_file_that_was_cut(log_path: Path) -> None:
    """The file ends before the frame does."""
    reader = LogReader(log_path)
    list(reader)
    assert reader.last_frame is not None
    log_path.write_bytes(LOG.data[:-1])
    assert not frame_stands(log_path, *reader.last_frame, HEADER)


@pytest.mark.parametrize("torn", [0, 5, 500])
def test_a_file_that_is_cut_while_it_is_read_ends_there(tmp_path: Path, torn: int) -> None:
    """A copy tool that begins anew takes nothing from the reader but the rest."""
    log = small_log(*[log_row(step, text="x" * 1000) for step in range(3000)])
    path = tmp_path / "log"
    path.write_bytes(log.data)
    reader = LogReader(path)
    items = iter(reader)
    first = next(items)
    size = log.starts[2000] + torn
    os.truncate(path, size)
    rest = list(items)
    assert isinstance(first, Record)
    assert len([item for item in rest if isinstance(item, Record)]) == 1999
    assert not [item for item in rest if isinstance(item, Damage)]
    assert (reader.size, reader.incomplete) == (size, torn > 0)


def test_unknown_kinds_are_passed_on(read: Read) -> None:
    """A record that only a later version knows is read like any other."""
    said = frame(8, 999, 5, {"new": b"bytes"}, [1, 2])
    assert read(LOG.data + said).records[-1] == Record(8, 999, 5, ({"new": b"bytes"}, [1, 2]))


def test_a_record_may_have_no_fields(read: Read) -> None:
    """Kind and time are enough."""
    assert read(LOG.data + frame(8, Kind.PREEMPTING, 5)).records[-1].fields == ()


def test_a_reader_can_be_closed_before_the_end(log_path: Path) -> None:
    """Whoever has seen enough stops."""
    reader = LogReader(log_path)
    next(iter(reader))
    reader.close()


def test_paths_may_be_text(log_path: Path) -> None:
    """As everywhere in Python."""
    assert len(read_log(str(log_path)).records) == 8


@pytest.mark.parametrize("function", [LogReader, read_log])
def test_a_directory_is_no_log(tmp_path: Path, function: type[LogReader]) -> None:
    """It is told at once, with the path."""
    with pytest.raises(LogFormatError, match=str(tmp_path)):
        function(tmp_path)


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    """Bytes never raise, but a path can."""
    with pytest.raises(FileNotFoundError):
        read_log(tmp_path / "none")


def test_records_in_another_order_than_their_numbers(read: Read) -> None:
    """Two threads wrote at once: everything is there."""
    rows = [row_frame(seq, seq, a=seq) for seq in (9, 8, 11, 10)]
    contents = read(LOG.data + b"".join(rows))
    assert (seqs(contents)[8:], contents.damage) == ([9, 8, 11, 10], [])


def test_a_checkpoint_between_others_is_a_record(read: Read) -> None:
    """It has its place in the sequence."""
    log = small_log(CHECKPOINT, CHECKPOINT)
    assert [record.kind for record in read(log.data).records] == [0, 6, 6]
