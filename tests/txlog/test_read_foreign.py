from __future__ import annotations

from zlib import crc32

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.records import Kind
from airtape.txlog.format import UNSALTED, Header, encode_frame
from airtape.txlog.owner import LOOK_INTO, LOOKS, start_of_crc
from airtape.txlog.window import CHUNK
from tests.logs import BEGAN_NS, CHECKPOINT, checkpoint_frame, log_row
from tests.txlog.bytes_of import HEADER, OTHER, Read, SmallLog, lost, row_frame, seqs, small_log

LOG = small_log()
COUNT = len(LOG.frames)
FOREIGN = small_log(header=OTHER)
LATER = {"format": "airtape", "version": [2, 0]}


def nest(inner: bytes, seq: int = COUNT) -> bytes:
    """Return a frame of the small log's writer with bytes inside a value."""
    return row_frame(seq, 9, value=inner)


def unreadable(frame: bytes) -> bytes:
    """Return a frame whose head and body are damaged."""
    return frame[:8] + b"\xff\xff\xff" + frame[11:]


def later_header() -> bytes:
    """Return the header frame of a log that a later major version wrote."""
    return encode_frame(0, msgpack.packb([int(Kind.HEADER), BEGAN_NS, LATER]), UNSALTED)


def test_frames_of_another_log_are_damage(read: Read) -> None:
    """Another log in the middle of this one costs nothing, and nothing of it is taken."""
    contents = read(b"".join([*LOG.frames[:4], FOREIGN.data, *LOG.frames[4:]]))
    (damage,) = contents.damage
    assert contents.header == HEADER
    assert seqs(contents) == list(range(COUNT))
    assert (damage.end - damage.start, damage.missing) == (len(FOREIGN.data), 0)


@pytest.mark.parametrize("number", range(1, len(FOREIGN.frames)))
def test_one_frame_of_another_log_is_damage(read: Read, number: int) -> None:
    """Also its checkpoint, which has the same checksums in both."""
    contents = read(LOG.data + FOREIGN.frames[number] + row_frame(COUNT, 9, a=1))
    assert seqs(contents) == list(range(COUNT + 1))
    assert len(contents.damage) == 1


@pytest.mark.parametrize("inner", [LOG, FOREIGN], ids=["own", "foreign"])
def test_what_stands_inside_a_value_is_a_value(read: Read, inner: SmallLog) -> None:
    """A log inside a record is part of that record."""
    contents = read(LOG.data + nest(b"junk" + inner.data))
    assert seqs(contents) == list(range(COUNT + 1))
    assert (contents.damage, contents.duplicates) == ([], 0)


def test_what_stands_inside_a_damaged_value_is_not_taken(read: Read) -> None:
    """When the outer frame is bad, frames of another log in it are still not ours."""
    contents = read(LOG.data + unreadable(nest(FOREIGN.data)) + row_frame(COUNT + 1, 9, a=1))
    assert seqs(contents) == [*range(COUNT), COUNT + 1]
    assert lost(contents) == 1


def test_a_damaged_header_is_found_in_a_checkpoint(read: Read) -> None:
    """The log is read from its first record on; only the header record is lost."""
    contents = read(unreadable(LOG.frames[0]) + b"".join(LOG.frames[1:]))
    assert contents.header == HEADER
    assert (seqs(contents), lost(contents)) == (list(range(1, COUNT)), 1)


def test_a_damaged_header_of_a_later_file_costs_one_record(read: Read) -> None:
    """A file that continues another begins with a higher number."""
    header = Header("ab12cd34", HEADER.writer, first_seq=100, continues="run.txlog")
    log = small_log(log_row(0, a=1), CHECKPOINT, header=header)
    contents = read(unreadable(log.frames[0]) + b"".join(log.frames[1:]))
    assert (seqs(contents), lost(contents)) == ([101, 102], 1)


@pytest.mark.parametrize("place", ["in a value", "between frames"])
def test_a_damaged_header_is_not_replaced_by_one_of_another_log(read: Read, place: str) -> None:
    """A whole foreign log in front of our own checkpoint does not make this log its own."""
    head, first, *rest = LOG.frames
    foreign = nest(FOREIGN.data) if place == "in a value" else FOREIGN.data
    contents = read(b"".join([unreadable(head), first, foreign, *rest]))
    assert contents.header == HEADER
    assert set(range(1, COUNT)) <= set(seqs(contents))


def test_without_any_header_of_its_own_a_log_is_nobodys(read: Read) -> None:
    """A foreign header in a value is not enough, also when it is the only one."""
    rows = [row_frame(1, 0, a=1), nest(FOREIGN.data, 2), row_frame(3, 1, a=2)]
    contents = read(unreadable(LOG.frames[0]) + b"".join(rows))
    assert (contents.header, contents.records) == (None, [])
    assert [damage.missing for damage in contents.damage] == [None]


def test_a_checkpoint_alone_is_a_log(read: Read) -> None:
    """Where no other frame is whole, a checkpoint tells whose log it is."""
    state = checkpoint_frame(5, {}, of=HEADER)
    contents = read(unreadable(LOG.frames[0]) + state)
    assert (contents.header, seqs(contents)) == (HEADER, [5])


def test_the_first_record_is_found_behind_much_garbage(read: Read) -> None:
    """What looks like a head but is none does not hide whose log it is."""
    fakes = b"".join(b"\xc9\x00\x00\x00\x10\x41" + bytes([n % 251]) * 20 for n in range(100))
    first, *rest = LOG.frames[1:]
    contents = read(fakes + first + FOREIGN.data + b"".join(rest))
    assert (contents.header, seqs(contents)) == (HEADER, list(range(1, COUNT)))


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"\xc9\x00\x00\x00\x10\x41" * (LOOKS + 10), id="many heads"),
        pytest.param(bytes(LOOK_INTO + 2 * CHUNK), id="many bytes"),
    ],
)
def test_looking_for_the_first_record_has_an_end(read: Read, garbage: bytes) -> None:
    """Far behind it the first checkpoint is believed, whoever wrote it."""
    contents = read(garbage + LOG.frames[1] + FOREIGN.data)
    assert contents.header == OTHER


def test_a_length_that_is_none_is_no_first_record(read: Read) -> None:
    """A head is looked at only if it announces a frame."""
    fake = b"\xc9\x00\x00\x00\x0f\x41" + bytes(30) + b"\xc9\x00\x10\x00\x00\x41" + bytes(30)
    contents = read(fake + LOG.frames[1] + FOREIGN.data + LOG.frames[4])
    assert contents.header == HEADER


@given(st.binary(max_size=40), st.integers(0, 2**32 - 1))
def test_a_checksum_tells_what_it_started_from(data: bytes, start: int) -> None:
    """The start follows from the bytes and their checksum."""
    assert start_of_crc(data, crc32(data, start)) == start


def test_a_log_of_a_later_major_version_is_refused(read: Read) -> None:
    """Nothing of it is read, and it is told what to do."""
    contents = read(later_header() + LOG.data)
    assert (contents.header, contents.records, contents.damage) == (None, [], [])
    assert "install a later airtape" in str(contents.refused)


def test_a_later_version_is_also_known_from_its_checkpoint(read: Read) -> None:
    """Its header frame may be damaged."""
    fields = [int(Kind.CHECKPOINT), BEGAN_NS, bytes(16), {}, LATER, None]
    later = encode_frame(5, msgpack.packb(fields), UNSALTED)
    contents = read(unreadable(later_header()) + row_frame(1, 0, OTHER) + later)
    assert contents.refused is not None


def test_a_later_version_inside_a_log_does_not_stop_it(read: Read) -> None:
    """Its header is foreign to this log, wherever it stands."""
    contents = read(unreadable(LOG.frames[0]) + later_header() + b"".join(LOG.frames[1:]))
    assert (contents.header, contents.refused) == (HEADER, None)
    contents = read(LOG.data + later_header() + row_frame(COUNT, 9, a=1))
    assert seqs(contents) == list(range(COUNT + 1))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"{}", id="JSON"),
        pytest.param(b":W&B\xe1\xbe\x00" + bytes(100), id="another tool's log"),
        pytest.param(msgpack.packb({"a": [1, 2]}), id="plain msgpack"),
        pytest.param(bytes(5000), id="zeros"),
        pytest.param(b"\xc9" * 5000, id="markers"),
        pytest.param(b"".join(LOG.frames[1:4]), id="frames without header"),
        pytest.param(b"\xc9\x00\x00\x00\x20\x42", id="another ext code"),
    ],
)
def test_a_file_that_is_no_log_is_all_damage(read: Read, data: bytes) -> None:
    """It has no header, and is not waited for."""
    contents = read(data)
    (damage,) = contents.damage
    assert (contents.header, contents.records, contents.incomplete) == (None, [], False)
    assert (damage.start, damage.end, damage.reason) == (
        0,
        len(data),
        "no frame of a transaction log",
    )
