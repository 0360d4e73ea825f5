from __future__ import annotations

import time

import msgpack
import pytest

from airtape.txlog.format import UNSALTED, encode_frame
from tests.txlog.bytes_of import HEADER, Read, row_frame, seqs, small_log
from tests.txlog.hostile import BOMBS, CRAFTED, PATTERNS, SALT, START

LOG = small_log()
COUNT = len(LOG.frames)
MIB = 1 << 20


def filled(pattern: bytes, size: int) -> bytes:
    """Return about so many bytes of a pattern, between the frames of a log."""
    return LOG.frames[0] + pattern * (size // len(pattern)) + b"".join(LOG.frames[1:])


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", [*PATTERNS, *CRAFTED])
def test_searching_takes_linear_time(read: Read, name: str) -> None:
    """Four times the bytes take no more than about four times as long."""
    pattern = (PATTERNS | CRAFTED)[name]
    took = []
    for size in (MIB, 4 * MIB):
        data = filled(pattern, size)
        before = time.process_time()
        contents = read(data)
        took.append(time.process_time() - before)
        assert len(contents.records) >= 1
    assert took[1] <= 6 * took[0] + 0.1
    assert took[1] < 5


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_a_body_that_no_writer_makes_costs_itself(read: Read, body: bytes) -> None:
    """It is refused without an exception, and what follows is read."""
    contents = read(LOG.data + encode_frame(COUNT, body, SALT) + row_frame(COUNT + 1, 9, a=1))
    (damage,) = contents.damage
    assert seqs(contents) == [*range(COUNT), COUNT + 1]
    assert (damage.reason, damage.missing) == ("the body is no record", 1)


def test_the_last_of_two_equal_keys_counts(read: Read) -> None:
    """As in every reader of msgpack."""
    body = START + b"\x82\xa1a\x01\xa1a\x02"
    contents = read(LOG.data + encode_frame(COUNT, body, SALT))
    assert contents.records[-1].fields == ({"a": 2},)


def test_a_checkpoint_may_hold_anything(read: Read) -> None:
    """Its state is not looked at here."""
    fields = [6, 0, HEADER.writer, [{"x": [b"1"]}], HEADER.to_fields(), "no offset"]
    contents = read(LOG.data + encode_frame(COUNT, msgpack.packb(fields), UNSALTED))
    assert (seqs(contents)[-1], contents.damage) == (COUNT, [])


@pytest.mark.parametrize(
    "fields",
    [
        [6, 0],
        [6, 0, HEADER.writer, {}],
        [0, 0],
        [0, 0, None],
        [6, 0, b"", {}, {}],
        [1, 0, 5, 7, {}],
    ],
)
def test_a_frame_without_salt_must_carry_the_header(read: Read, fields: list[object]) -> None:
    """Its checksums prove nothing, so without the uuid it is nobody's."""
    frame = encode_frame(COUNT, msgpack.packb(fields), UNSALTED)
    contents = read(LOG.data + frame + row_frame(COUNT + 1, 9, a=1))
    assert seqs(contents) == [*range(COUNT), COUNT + 1]
    assert [damage.reason for damage in contents.damage] == ["not a frame"]
