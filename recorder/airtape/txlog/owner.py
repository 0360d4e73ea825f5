"""Whose log a file is, told also when its header frame is damaged.

Each checkpoint carries the header once more. But a checkpoint that is found somewhere in the file
may be that of another log: one that stands inside a value, or was spliced in. The frames tell: a
checksum and what it covers give away the number it started from, so the salt of the first whole
frame is known without any header, and only a header with this salt counts.
"""

from __future__ import annotations

from zlib import crc32

from airtape.errors import LogFormatError
from airtape.txlog.format import (
    CRC_OF_HEAD_AT,
    HEAD,
    HEAD_SIZE,
    LENGTH_EXTRA,
    MAX_BODY,
    UNSALTED,
    Head,
    Header,
    salt_of,
)
from airtape.txlog.scan import CANDIDATE, body_at, find_frame, header_at
from airtape.txlog.window import Window

LOOKS = 256
LOOK_INTO = 8 << 20
"""How many heads, and how many bytes, are looked at for the first whole frame of any writer."""

_ONES = 0xFFFFFFFF
_TABLE = [crc32(bytes([byte]), _ONES) ^ _ONES for byte in range(256)]
_BYTE_OF_TOP = {entry >> 24: byte for byte, entry in enumerate(_TABLE)}


def find_header(window: Window) -> Header | None:
    """Return the header of the log: its first frame's or, if that is damaged, a checkpoint's.

    Raises:
        OSError: The file cannot be read.
        LogFormatError: The log is of a later major version.
    """
    header = header_at(window, 0)
    if header is not None:
        return header
    salt = _first_salt(window)
    refused = None
    at = find_frame(window, 1, b"")
    while at < window.size:
        try:
            header = header_at(window, at)
        except LogFormatError as error:
            refused = error
        else:
            if header is not None and salt in {UNSALTED, salt_of(header.writer)}:
                return header
        at = find_frame(window, at + 1, b"")
    if refused is not None:
        raise refused
    return None


def _first_salt(window: Window) -> int:
    """Return the salt of the first whole frame that has one, `UNSALTED` if none is found."""
    at = looks = 0
    while at < min(window.size, LOOK_INTO) and looks < LOOKS:
        place = window.load(at, HEAD_SIZE)
        data = window.data
        match = CANDIDATE.search(data, place)
        if match is None or match.start() > len(data) - HEAD_SIZE:
            at = window.base + max(place, len(data) - HEAD_SIZE) + 1
            continue
        looks += 1
        place = match.start()
        at = window.base + place
        _, length, _, seq, head_crc, body_crc = HEAD.unpack_from(data, place)
        head = Head(seq, body_crc, length - LENGTH_EXTRA)
        salt = start_of_crc(data[place + 1 : place + CRC_OF_HEAD_AT], head_crc)
        if not 0 <= head.body_size <= MAX_BODY or body_at(window, at, head, salt) is None:
            at += 1
        elif salt != UNSALTED:
            return salt
        else:
            at += HEAD_SIZE + head.body_size
    return UNSALTED


def start_of_crc(data: bytes, crc: int) -> int:
    """Return the number that ``crc32(data, number)`` must start from to give this checksum."""
    state = crc ^ _ONES
    for byte in reversed(data):
        index = _BYTE_OF_TOP[state >> 24]
        state = (state ^ _TABLE[index]) << 8 | index ^ byte
    return state ^ _ONES
