"""Finding frames in the bytes of a log: the one at an offset, and the next one after damage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple
from zlib import crc32

from airtape.errors import LogFormatError
from airtape.records import Kind, Record, unpack_body
from airtape.txlog.format import (
    CODE,
    CRC_OF_HEAD_AT,
    HEAD,
    HEAD_SIZE,
    LENGTH_EXTRA,
    MARKER,
    MAX_FRAME,
    MAX_NUMBER,
    SEQ_AT,
    UNSALTED,
    Head,
    Header,
    body_is_whole,
    decode_head,
    header_from_fields,
    salt_of,
)
from airtape.txlog.window import Window

CANDIDATE = re.compile(rb"\xc9(?=\x00[\x00-\x10][\x00-\xff]{2}\x41)")
"""How every head begins: the marker, a length of at most 1 MiB and the code."""

_make_record = partial(tuple.__new__, Record)
"""What ``Record._make`` does, without the detour through Python."""
_UNSALTED_KINDS = frozenset({int(Kind.HEADER), int(Kind.CHECKPOINT)})
SEARCH_BUDGET = 8
"""Bytes that a search may checksum for each byte it advances.

Inside a body that is bad there may be whole frames: a write that came out short is repeated behind
the torn frame. Looking at each of them would take quadratic time on crafted bytes.
"""


class Frame(NamedTuple):
    """A frame whose checksums are right.

    Attributes:
        end: File offset behind it.
        body_crc: Checksum of its body.
        record: What it says, None if the body is no record.
    """

    end: int
    body_crc: int
    record: Record | None


_make_frame = partial(tuple.__new__, Frame)


def frame_at(window: Window, at: int, writer: bytes) -> Frame | None:
    """Return the valid frame of this writer at a file offset, or None.

    Raises:
        OSError: The file cannot be read.
    """
    start = window.bytes_at(at, HEAD_SIZE)
    if len(start) < HEAD_SIZE:
        return None
    salt = salt_of(writer)
    head = decode_head(start, 0, salt)
    if head is None:
        return _unsalted_frame_at(window, at, writer)
    body = body_at(window, at, head, salt)
    if body is None:
        return None
    record = _salted_record(head.seq, body)
    return Frame(at + HEAD_SIZE + head.body_size, head.body_crc, record)


def frames_from(window: Window, at: int, writer: bytes) -> Iterator[Frame]:
    """Yield the frames that stand one behind the other from a file offset on.

    The same as `frame_at` at each place until there is none, in less time.

    Raises:
        OSError: The file cannot be read.
    """
    salt = salt_of(writer)
    unpack = HEAD.unpack_from
    data, base, place = b"", at, 0
    while True:
        head_end = place + HEAD_SIZE
        if head_end <= len(data):
            marker, length, code, seq, head_crc, body_crc = unpack(data, place)
            end = head_end + length - LENGTH_EXTRA
            checked = data[place + 1 : place + CRC_OF_HEAD_AT]
            if (
                crc32(checked, salt) == head_crc
                and head_end <= end <= len(data)
                and end - place <= MAX_FRAME
                and (marker, code) == (MARKER, CODE)
                and seq <= MAX_NUMBER
            ):
                body = data[head_end:end]
                if crc32(body, crc32(checked[5:], salt)) != body_crc:
                    return
                yield _make_frame((base + end, body_crc, _salted_record(seq, body)))
                place = end
                continue
        # The end of the bytes in memory, a checkpoint, or no frame.
        frame = frame_at(window, base + place, writer)
        if frame is None:
            return
        data, base = window.data, window.base
        place = frame.end - base
        yield frame
        del frame


def walk(window: Window, at: int, writer: bytes) -> Iterator[tuple[int, Frame | None, str]]:
    """Yield what stands from a file offset on: where, the frame, and what is wrong with it.

    Where no frame is, None comes once, and the next frame after it.

    Raises:
        OSError: The file cannot be read.
    """
    while at < window.size:
        for frame in frames_from(window, at, writer):
            start, at = at, frame.end
            yield start, frame, "" if frame.record is not None else "the body is no record"
            del frame
        if at < window.size:
            yield at, None, "not a frame"
            at = find_frame(window, at + 1, writer)


def header_at(window: Window, at: int) -> Header | None:
    """Return the header that the header or checkpoint frame at a file offset carries, or None.

    Raises:
        OSError: The file cannot be read.
        LogFormatError: The log is of a later major version.
    """
    start = window.bytes_at(at, HEAD_SIZE)
    head = decode_head(start, 0, UNSALTED) if len(start) == HEAD_SIZE else None
    body = None if head is None else body_at(window, at, head, UNSALTED)
    record = None if head is None or body is None else _decode(head.seq, body)
    return None if record is None else _header_in(record)


def find_frame(window: Window, at: int, writer: bytes) -> int:
    """Return the offset of the next valid frame from ``at`` on, or the size of the file.

    Takes linear time: a head is checked in constant time, and the bytes of bodies that may be
    checksummed are bounded by the bytes advanced. Past that bound a bad body is skipped whole.

    Args:
        window: The file.
        at: Where to begin.
        writer: Whose frames count; empty to find the header or checkpoint of any writer.

    Raises:
        OSError: The file cannot be read.
    """
    began = at
    spent = 0
    salt = salt_of(writer)
    while at < window.size:
        place = window.load(at, HEAD_SIZE)
        data, base = window.data, window.base
        next_at = base + max(place, len(data) - HEAD_SIZE + 1)
        for start, used in _heads(data, place, salt):
            size = _bad_body(data, start, used)
            if size is None:
                if _stands(window, base + start, used, writer):
                    return base + start
                size = max(0, HEAD.unpack_from(data, start)[1] - LENGTH_EXTRA)
            spent += size
            if spent > SEARCH_BUDGET * (base + start - began + MAX_FRAME):
                next_at = base + start + HEAD_SIZE + size
                break
        else:
            if base + len(data) >= window.size:
                return window.size
        at = next_at
    return window.size


def _heads(data: bytes, place: int, salt: int) -> Iterator[tuple[int, int]]:
    """Yield place and salt of each head, from one place on, whose checksum is right."""
    for match in CANDIDATE.finditer(data, place):
        start = match.start()
        if start > len(data) - HEAD_SIZE:
            return
        crc_at = start + CRC_OF_HEAD_AT
        crc = int.from_bytes(data[crc_at : crc_at + 4], "big")
        checked = data[start + 1 : crc_at]
        if crc32(checked, salt) == crc:
            yield start, salt
        elif crc32(checked) == crc:
            yield start, UNSALTED


def _bad_body(data: bytes, start: int, salt: int) -> int | None:
    """Return the size of the body if it is wholly in these bytes and damaged, else None."""
    _, length, _, _, _, body_crc = HEAD.unpack_from(data, start)
    body = start + HEAD_SIZE
    end = body + length - LENGTH_EXTRA
    if not body <= end <= len(data):
        return None
    of_seq = crc32(data[start + SEQ_AT : start + CRC_OF_HEAD_AT], salt)
    return end - body if crc32(data[body:end], of_seq) != body_crc else None


def _stands(window: Window, at: int, salt: int, writer: bytes) -> bool:
    if writer:
        return frame_at(window, at, writer) is not None
    head = decode_head(window.bytes_at(at, HEAD_SIZE), 0, salt)
    return head is not None and body_at(window, at, head, salt) is not None


def begins_frame(window: Window, at: int, writer: bytes) -> bool:
    """Tell whether the rest of the file from ``at`` on is the beginning of a frame.

    Raises:
        OSError: The file cannot be read.
    """
    start = window.bytes_at(at, HEAD_SIZE)
    if len(start) < HEAD_SIZE:
        beginning = bytes([MARKER, 0])
        return start[:2] == beginning[: len(start)] and start[5:6] in {b"", bytes([CODE])}
    heads = (decode_head(start, 0, salt) for salt in (salt_of(writer), UNSALTED))
    return any(head is not None and at + HEAD_SIZE + head.body_size > window.size for head in heads)


def _unsalted_frame_at(window: Window, at: int, writer: bytes) -> Frame | None:
    """Return the header or checkpoint frame of this very writer at a file offset."""
    head = decode_head(window.bytes_at(at, HEAD_SIZE), 0, UNSALTED)
    body = None if head is None else body_at(window, at, head, UNSALTED)
    record = None if head is None or body is None else _decode(head.seq, body)
    if head is None or record is None:
        return None
    try:
        header = _header_in(record)
    except LogFormatError:
        return None
    if header is None or header.writer != writer:
        return None
    return Frame(at + HEAD_SIZE + head.body_size, head.body_crc, record)


def body_at(window: Window, at: int, head: Head, salt: int) -> bytes | None:
    """Return the body of the frame at a file offset, None if it is cut or damaged.

    Raises:
        OSError: The file cannot be read.
    """
    if at + HEAD_SIZE + head.body_size > window.size:
        return None
    body = window.bytes_at(at, HEAD_SIZE + head.body_size)[HEAD_SIZE:]
    if len(body) < head.body_size or not body_is_whole(head, body, salt):
        return None
    return body


def _decode(seq: int, body: bytes) -> Record | None:
    try:
        fields = unpack_body(body)
    except ValueError:
        return None
    return _make_record((seq, fields[0], fields[1], tuple(fields[2:])))


def _salted_record(seq: int, body: bytes) -> Record | None:
    record = _decode(seq, body)
    return None if record is None or record.kind in _UNSALTED_KINDS else record


def _header_in(record: Record) -> Header | None:
    """Return the header that a header or checkpoint record carries.

    Raises:
        LogFormatError: The log is of a later major version.
    """
    if record.kind == Kind.HEADER and record.fields:
        return header_from_fields(record.fields[0])
    if record.kind == Kind.CHECKPOINT and len(record.fields) > 2:  # noqa: PLR2004 - the third field
        return header_from_fields(record.fields[2])
    return None
