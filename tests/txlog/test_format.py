from __future__ import annotations

from typing import Any
from zlib import crc32

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.errors import LogFormatError
from airtape.txlog.format import (
    CODE,
    FORMAT_VERSION,
    HEAD_SIZE,
    MAX_BODY,
    MAX_FRAME,
    MAX_NUMBER,
    UNSALTED,
    Head,
    Header,
    body_is_whole,
    decode_head,
    encode_frame,
    header_from_fields,
    salt_of,
)
from airtape.txlog.owner import start_of_crc

SEQS = st.integers(0, MAX_NUMBER)
SALTS = st.integers(0, 2**32 - 1)
WRITERS = st.binary(min_size=16, max_size=16)
COUNTS = st.integers(0, MAX_NUMBER)
HEADERS = st.builds(
    Header,
    run_id=st.text(min_size=1),
    writer=WRITERS,
    first_seq=COUNTS,
    continues=st.none() | st.text(),
    repairs=st.none() | st.text(),
    parents=st.lists(st.tuples(WRITERS, COUNTS)).map(tuple),
    root=st.binary(),
    resumed=st.booleans(),
    start_step=COUNTS,
    rewind_to=st.none() | COUNTS,
    role=st.sampled_from(["primary", "shared", "child", "amend"]),
    label=st.none() | st.text(),
    host=st.text(),
    boot_id=st.text(),
    pid=COUNTS,
    start_ticks=COUNTS,
    heartbeat_s=st.floats(0, 1e9),
    library=st.text(),
    monotonic_ns=COUNTS,
    version=st.just(FORMAT_VERSION),
)
HEADER = Header("ab12cd34", bytes(range(16)))


def stored(header: Header, **changes: Any) -> dict[str, Any]:
    """Return the map of a header as it comes out of a frame, with changes."""
    said: dict[str, Any] = msgpack.unpackb(msgpack.packb({**header.to_fields(), **changes}))
    return said


@given(SEQS, st.binary(max_size=300), SALTS)
def test_frame_is_one_ext_object_of_msgpack(seq: int, body: bytes, salt: int) -> None:
    """Any msgpack library can walk a log; the body is the end of the object's data."""
    frame = encode_frame(seq, body, salt)
    assert frame[0] == 0xC9
    unpacked = msgpack.unpackb(frame)
    assert (unpacked.code, unpacked.data[:8], unpacked.data[16:]) == (
        CODE,
        seq.to_bytes(8, "big"),
        body,
    )


@given(SEQS, st.binary(max_size=300), SALTS)
def test_head_and_body_come_back(seq: int, body: bytes, salt: int) -> None:
    """Decoding finds the head at its place and knows its body."""
    frame = encode_frame(seq, body, salt)
    head = decode_head(b"xyz" + frame, 3, salt)
    assert head is not None
    assert (head.seq, head.body_size) == (seq, len(body))
    assert body_is_whole(head, frame[HEAD_SIZE:], salt)


@given(SEQS, st.binary(max_size=50), SALTS, st.data())
def test_no_bit_of_a_frame_may_differ(
    seq: int, body: bytes, salt: int, data: st.DataObject
) -> None:
    """A frame with one other bit has a bad head or a bad body."""
    frame = bytearray(encode_frame(seq, body, salt))
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    head = decode_head(frame, 0, salt)
    assert head is None or not body_is_whole(head, frame[HEAD_SIZE:], salt)


@given(SEQS, st.binary(max_size=50), SALTS, SALTS)
def test_frame_of_another_salt_is_refused(seq: int, body: bytes, salt: int, other: int) -> None:
    """A head is only right with the salt that it was made with."""
    frame = encode_frame(seq, body, salt)
    assert (decode_head(frame, 0, other) is not None) == (salt == other)


@pytest.mark.parametrize(("size", "is_read"), [(MAX_BODY, True), (MAX_BODY + 1, False)])
def test_frames_are_at_most_a_mebibyte(size: int, *, is_read: bool) -> None:
    """The head of a longer frame is refused although its checksum is right."""
    frame = encode_frame(1, bytes(size), UNSALTED)
    assert (decode_head(frame, 0, UNSALTED) is not None) is is_read
    assert (len(frame) <= MAX_FRAME) is is_read


@pytest.mark.parametrize(("seq", "is_read"), [(MAX_NUMBER, True), (MAX_NUMBER + 1, False)])
def test_sequence_numbers_fit_in_stores(seq: int, *, is_read: bool) -> None:
    """A number that no SQL database can hold is refused."""
    frame = encode_frame(seq, b"", UNSALTED)
    assert (decode_head(frame, 0, UNSALTED) is not None) is is_read


@pytest.mark.parametrize("length", [0, 15])
def test_length_covers_at_least_what_stands_before_the_body(length: int) -> None:
    """A head that announces less than itself is refused, whatever its checksum."""
    checked = length.to_bytes(4, "big") + bytes([CODE]) + bytes(8)
    head = b"\xc9" + checked + crc32(checked).to_bytes(4, "big") + bytes(4)
    assert decode_head(head, 0, UNSALTED) is None


def test_body_belongs_to_its_seq() -> None:
    """The checksum of a body covers the number of its record."""
    head = decode_head(encode_frame(1, b"body", UNSALTED), 0, UNSALTED)
    assert head is not None
    assert not body_is_whole(Head(2, head.body_crc, head.body_size), b"body", UNSALTED)


@given(st.binary(min_size=12, max_size=12))
def test_no_writer_has_the_salt_of_headers(start: bytes) -> None:
    """Also a uuid whose checksum is 0 gets a salt, so its records are not taken for headers."""
    last = crc32(start) ^ start_of_crc(bytes(4), 0)
    writer = start + last.to_bytes(4, "little")
    assert crc32(writer) == UNSALTED
    assert salt_of(writer) != UNSALTED


@given(HEADERS)
def test_header_comes_back(header: Header) -> None:
    """Every field survives the way through msgpack."""
    assert header_from_fields(stored(header)) == header


def test_header_of_a_later_minor_version_is_read() -> None:
    """Fields that this version does not know are ignored, and a longer version is one too."""
    major, minor = FORMAT_VERSION
    later = stored(HEADER, version=[major, minor + 1, "beta"], unheard_of=[1, 2])
    assert header_from_fields(later) == HEADER._replace(version=(major, minor + 1))


def test_later_major_version_is_refused_whatever_else_it_says() -> None:
    """A later version may have changed the meaning of every other field."""
    later = {"format": "airtape", "version": [FORMAT_VERSION[0] + 1, 0], "writer": "text"}
    with pytest.raises(LogFormatError, match="format version") as caught:
        header_from_fields(later)
    assert str(caught.value) == (
        "the log is of format version 2.0: this airtape reads up to version 1\n"
        "install a later airtape to read it"
    )


def test_fields_that_are_missing_have_their_usual_value() -> None:
    """A header needs no more than format, version, run and writer."""
    said = stored(HEADER)
    least = {name: said[name] for name in ("format", "version", "run_id", "writer")}
    assert header_from_fields(least) == HEADER


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "other"},
        {"version": "1.0"},
        {"version": [1]},
        {"version": [1, "0"]},
        {"version": [True, 0]},
        {"run_id": ""},
        {"run_id": 5},
        {"writer": b"short"},
        {"writer": "sixteen letters."},
        {"first_seq": -1},
        {"first_seq": 2**63},
        {"heartbeat_s": float("nan")},
        {"start_step": None},
        {"parents": [[b"writer", 1, 2]]},
        {"parents": [["writer", 1]]},
        {"parents": [[b"writer", True]]},
        {"parents": [[b"writer", -1]]},
        {"parents": [None]},
        {"parents": {}},
    ],
)
def test_what_is_no_header_is_none(changes: dict[str, Any]) -> None:
    """A map that no writer makes is not taken for a header."""
    assert header_from_fields(stored(HEADER, **changes)) is None


@pytest.mark.parametrize("missing", ["format", "version", "run_id", "writer"])
def test_header_must_say_whose_it_is(missing: str) -> None:
    """Without one of these four there is no header."""
    said = stored(HEADER)
    del said[missing]
    assert header_from_fields(said) is None


@pytest.mark.parametrize("said", [None, 5, "airtape", [], [("format", "airtape")]])
def test_header_is_a_map(said: object) -> None:
    """Anything else is none."""
    assert header_from_fields(said) is None


def test_every_field_of_the_header_stands_in_its_map() -> None:
    """Nothing that a writer knows of itself is left out of its log."""
    assert set(HEADER.to_fields()) == {"format", *Header._fields}
