from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airtape.records import Kind
from airtape.txlog.format import HEAD_SIZE, encode_frame, salt_of
from airtape.txlog.reader import Damage, LogContents
from tests.logs import BEGAN_NS, log_row
from tests.txlog.bytes_of import HEADER, Read, Reading, frame, lost, row_frame, seqs, small_log

LOG = small_log()
COUNT = len(LOG.frames)


def changed(at: int, new: bytes) -> bytes:
    """Return the small log with some bytes replaced, no longer than before."""
    data = bytearray(LOG.data)
    data[at : at + len(new)] = new
    return bytes(data[: len(LOG.data)])


def without(*frames: int) -> bytes:
    """Return the small log without some of its frames."""
    return b"".join(frame for number, frame in enumerate(LOG.frames) if number not in frames)


@pytest.mark.parametrize("number", range(COUNT))
def test_a_cut_anywhere_leaves_a_log_that_is_incomplete(read: Read, number: int) -> None:
    """All frames before the cut are read, and the rest is expected to come yet."""
    for cut in range(LOG.starts[number] + 1, LOG.starts[number + 1]):
        contents = read(LOG.data[:cut])
        assert seqs(contents) == list(range(number))
        assert (contents.damage, contents.incomplete) == ([], True)


@pytest.mark.parametrize("number", range(COUNT))
def test_a_bit_costs_its_record_and_says_so(read: Read, number: int) -> None:
    """In whichever byte it is flipped, one record is gone, and the report names its bytes."""
    for at in range(LOG.starts[number], LOG.starts[number + 1]):
        check_flip(read, number, at, at % 8)


def check_flip(read: Read, number: int, at: int, bit: int) -> None:
    """Flip a bit of a frame, and look at what a reader makes of it."""
    contents = read(changed(at, bytes([LOG.data[at] ^ 1 << bit])))
    (damage,) = contents.damage
    assert seqs(contents) == [seq for seq in range(COUNT) if seq != number]
    assert (damage.start, damage.end) == (LOG.starts[number], LOG.starts[number + 1])
    assert damage.missing == (None if number == COUNT - 1 else 1)
    assert not contents.incomplete


@pytest.mark.parametrize("number", range(1, COUNT - 1))
def test_a_frame_that_is_gone_without_trace_is_missing(read: Read, number: int) -> None:
    """Numbers are dense, so a frame that was cut out is noticed, at its place."""
    contents = read(without(number))
    place = LOG.starts[number]
    assert contents.damage == [Damage(place, place, number - 1, number + 1, "records are missing")]
    assert COUNT - len(contents.records) == 1


def test_the_last_frame_may_not_have_been_written(read: Read) -> None:
    """A log that ends earlier is whole as far as it goes."""
    contents = read(without(COUNT - 1))
    assert (len(contents.records), contents.damage) == (COUNT - 1, [])


@given(
    at=st.integers(0, len(LOG.data) - 1),
    hole=st.binary(max_size=300) | st.integers(0, 300).map(bytes),
)
def test_a_hole_costs_the_frames_it_touches(
    tmp_path_factory: pytest.TempPathFactory, at: int, hole: bytes
) -> None:
    """Zeros or garbage in place of some bytes: every other record is read."""
    read = Reading(tmp_path_factory.mktemp("hole") / "log")
    data = changed(at, hole)
    touched = {
        number
        for number, start in enumerate(LOG.starts[:-1])
        if data[start : LOG.starts[number + 1]] != LOG.frames[number]
    }
    checkpoint = 4
    assume(not {0, checkpoint} <= touched)
    contents = read(data)
    assert seqs(contents) == [seq for seq in range(COUNT) if seq not in touched]
    assert bool(contents.damage) == bool(touched)
    last_is_there = COUNT - 1 not in touched
    assert lost(contents) == len(touched) or not last_is_there


@pytest.mark.parametrize("size", [1, 7, HEAD_SIZE, 512, 4096, 65536])
def test_zeros_at_the_end_are_damage(read: Read, size: int) -> None:
    """After a power loss a file may end in zeros; they are no beginning of a frame."""
    contents = read(LOG.data + bytes(size))
    end = len(LOG.data)
    assert len(contents.records) == COUNT
    assert contents.damage == [Damage(end, end + size, COUNT - 1, None, "not a frame")]
    assert not contents.incomplete


@pytest.mark.parametrize("size", [512, 4096, 65536, 3 << 20])
def test_garbage_between_frames_costs_nothing(read: Read, size: int) -> None:
    """What follows garbage of any size is read; no record is missing, and that is told."""
    garbage = Random(size).randbytes(size)
    more = row_frame(COUNT, 9, a=1)
    contents = read(LOG.data + garbage + more)
    (damage,) = contents.damage
    assert seqs(contents) == list(range(COUNT + 1))
    assert (damage.end - damage.start, damage.missing) == (size, 0)


def test_a_write_that_was_repeated_costs_nothing(read: Read) -> None:
    """A short write leaves a torn frame, and the whole one stands behind it."""
    whole = row_frame(COUNT, 9, text="x" * 100)
    for size in range(1, len(whole)):
        contents = read(LOG.data + whole[:size] + whole)
        (damage,) = contents.damage
        assert seqs(contents) == list(range(COUNT + 1))
        assert (damage.end - damage.start, damage.missing) == (size, 0)


def test_a_write_that_was_repeated_may_be_torn_again(read: Read) -> None:
    """While the disk is full every attempt leaves its beginning."""
    whole = row_frame(COUNT, 9, text="x" * 100)
    contents = read(LOG.data + 20 * whole[:60] + whole[:-1])
    (damage,) = contents.damage
    assert (len(contents.records), damage.missing) == (COUNT, None)


def test_a_body_that_is_no_record_costs_itself(read: Read) -> None:
    """The checksums are right, but what they cover is no msgpack."""
    bad = encode_frame(COUNT, b"\xc1\xc1", salt_of(HEADER.writer))
    contents = read(LOG.data + bad + row_frame(COUNT + 1, 9, a=1))
    end = len(LOG.data)
    assert seqs(contents)[-1] == COUNT + 1
    assert contents.damage == [
        Damage(end, end + len(bad), COUNT - 1, COUNT + 1, "the body is no record")
    ]


def test_bad_frames_in_a_row_are_one_damage(read: Read) -> None:
    """From the first bad byte to the next frame that is whole."""
    bad = encode_frame(COUNT, b"\xc1\xc1", salt_of(HEADER.writer))
    junk = bad + b"junk" + bad
    contents = read(LOG.data + junk + row_frame(COUNT + 1, 9, a=1))
    (damage,) = contents.damage
    assert (damage.end - damage.start, damage.missing) == (len(junk), 1)


def test_a_bad_body_at_the_end_is_damage(read: Read) -> None:
    """A frame that is all there is not incomplete."""
    bad = encode_frame(COUNT, b"\xc1\xc1", salt_of(HEADER.writer))
    contents = read(LOG.data + bad)
    assert (len(contents.damage), contents.incomplete) == (1, False)


@pytest.mark.parametrize("kind", [Kind.HEADER, Kind.CHECKPOINT])
def test_a_header_with_the_salt_of_records_is_none(read: Read, kind: Kind) -> None:
    """Headers and checkpoints are known by their checksums, which have no salt."""
    said = frame(COUNT, int(kind), BEGAN_NS, HEADER.to_fields(), {}, HEADER.to_fields())
    contents = read(LOG.data + said + row_frame(COUNT + 1, 9, a=1))
    assert seqs(contents) == [*range(COUNT), COUNT + 1]
    assert [damage.reason for damage in contents.damage] == ["the body is no record"]


def test_a_range_that_stands_twice_is_taken_once(read: Read) -> None:
    """Whatever range of frames is repeated, at whatever place."""
    for first in range(COUNT):
        for end in range(first + 1, COUNT):
            for place in range(1, COUNT):
                frames = [*LOG.frames[:place], *LOG.frames[first:end], *LOG.frames[place:]]
                contents = read(b"".join(frames))
                assert sorted(seqs(contents)) == list(range(COUNT))
                assert contents.damage == []
                assert contents.duplicates == end - first


@given(st.permutations(range(1, COUNT)))
def test_frames_in_any_order_are_all_there(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    """Reordered ranges lose nothing."""
    read = Reading(tmp_path_factory.mktemp("order") / "log")
    contents = read(LOG.frames[0] + b"".join(LOG.frames[number] for number in order))
    assert seqs(contents) == [0, *order]
    assert contents.damage == []


@given(st.sets(st.integers(1, COUNT - 2)))
def test_deleted_frames_are_all_missing(
    tmp_path_factory: pytest.TempPathFactory, deleted: set[int]
) -> None:
    """Every record that was cut out is counted."""
    read = Reading(tmp_path_factory.mktemp("deleted") / "log")
    contents = read(without(*deleted))
    assert (len(contents.records), lost(contents)) == (COUNT - len(deleted), len(deleted))


def test_what_the_writer_dropped_is_no_damage(read: Read) -> None:
    """A gap record stands in the place of the last record that it names."""
    gap = frame(COUNT + 4, Kind.GAP, BEGAN_NS, COUNT, COUNT + 4, "disk full")
    contents = read(LOG.data + gap + row_frame(COUNT + 5, 9, a=1))
    assert (seqs(contents)[-2:], contents.damage) == ([COUNT + 4, COUNT + 5], [])


def test_a_torn_frame_in_front_of_a_gap_costs_nothing_more(read: Read) -> None:
    """The record that was torn is one of those that the writer says it dropped."""
    torn = row_frame(COUNT, 9, text="x" * 100)[:50]
    gap = frame(COUNT + 4, Kind.GAP, BEGAN_NS, COUNT, COUNT + 4, "disk full")
    contents = read(LOG.data + torn + gap)
    assert [damage.missing for damage in contents.damage] == [0]


Change = Callable[[bytearray, Random], None]


def flip(data: bytearray, random: Random) -> None:
    """Flip some bits."""
    for _ in range(random.randint(1, 5)):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def splice(data: bytearray, random: Random) -> None:
    """Copy a range over another place."""
    start, size = random.randrange(len(data)), random.randint(1, 200)
    place = random.randrange(len(data))
    data[place:place] = data[start : start + size]


def delete(data: bytearray, random: Random) -> None:
    """Take a range out."""
    start = random.randrange(len(data))
    del data[start : start + random.randint(1, 200)]


def cut(data: bytearray, random: Random) -> None:
    """Lose the end."""
    del data[random.randint(1, len(data)) :]


def check_against_frames(data: bytes | bytearray, contents: LogContents) -> None:
    """Every frame that still stands whole is read, and nothing that never was written."""
    originals = dict(enumerate(LOG.frames))
    whole = {seq for seq, frame in originals.items() if frame in data}
    if contents.header is None:
        assert not whole & {0, 4}
        return
    assert contents.header == HEADER
    assert set(seqs(contents)) == whole
    assert len(contents.records) == len(whole)


@pytest.mark.parametrize("change", [flip, splice, delete, cut])
def test_random_damage_costs_what_it_touches(
    read: Read, change: Change, rounds: Callable[[int], int]
) -> None:
    """Nothing is invented, nothing that stands whole is lost, and reading never raises."""
    random = Random(change.__name__)
    for _ in range(rounds(300)):
        data = bytearray(LOG.data)
        for _ in range(random.randint(1, 3)):
            if data:
                change(data, random)
        check_against_frames(data, read(data))


def test_damage_is_told_in_words() -> None:
    """Where, what, and how many records it costs."""
    said = [
        Damage(100, 200, 4, 6, "not a frame"),
        Damage(100, 200, 4, 8, "not a frame"),
        Damage(100, 100, None, 2, "records are missing"),
        Damage(100, 200, 4, 5, "not a frame"),
        Damage(100, 200, 4, None, "not a frame"),
    ]
    assert [str(damage) for damage in said] == [
        "bytes 100-200: not a frame, 1 record lost",
        "bytes 100-200: not a frame, 3 records lost",
        "byte 100: records are missing, 2 records lost",
        "bytes 100-200: not a frame, no record lost",
        "bytes 100-200: not a frame",
    ]


def test_a_large_frame_is_read_through_damage(read: Read) -> None:
    """Frames of nearly a mebibyte, one of them damaged, behind one another."""
    rows = [log_row(step, text="x" * 1_048_000) for step in range(4)]
    log = small_log(*rows)
    data = bytearray(log.data)
    data[log.starts[2] + 500_000] ^= 1
    contents = read(data)
    assert (seqs(contents), lost(contents)) == ([0, 1, 3, 4], 1)
