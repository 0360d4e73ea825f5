"""What a transaction log says: the kinds of record and the fields of each.

The body of every frame is a msgpack array ``[kind, wall_ns, *fields]``. Fields are only ever
appended, so a reader takes the ones it knows by position and ignores the rest. A kind that a reader
does not know is kept and passed on. ``docs/LOG_FORMAT.md`` lists every kind with its fields.
"""

from __future__ import annotations

import re
from enum import IntEnum, IntFlag
from typing import Any, NamedTuple, TypeAlias

import msgpack

Plain: TypeAlias = bool | int | float | str | list["Plain"] | dict[str, "Plain"] | None
"""A value that a log holds: exactly these types, no subclasses."""

EXT_BIG_INT = 1
"""msgpack ext code of an integer beyond 64 bits; the data are its hexadecimal digits in ASCII.

Hexadecimal, because Python refuses to parse long decimal numbers, and takes quadratic time for it.
"""

MAX_DEPTH = 256
"""Deepest nesting of a body; values are nested less, so that checkpoints can hold them too."""

_HEXADECIMAL = re.compile(rb"-?[1-9a-f][0-9a-f]*")
_CONTAINERS = bytes([*range(0x80, 0xA0), *range(0xDC, 0xE0)])
"""The first bytes of all maps and arrays of msgpack."""
_KINDS = range(1 << 31)
_TIMES = range(-(1 << 63), 1 << 63)


class Kind(IntEnum):
    """The kinds of record; a number is never used again for another meaning."""

    HEADER = 0
    HISTORY = 1
    RUN = 2
    CONFIG = 3
    SUMMARY = 4
    METRIC = 5
    CHECKPOINT = 6
    EXIT = 7
    GAP = 8
    HEARTBEAT = 9
    CONSOLE = 10
    SYSTEM = 11
    FILES = 12
    METADATA = 13
    ALERT = 14
    PREEMPTING = 15
    ARTIFACT = 16
    INHERITED = 17
    LOST_CONTENT = 18


class HistoryFlag(IntFlag):
    """How ``log()`` was called, and whether the step rule refused the call."""

    STEP_GIVEN = 1
    COMMIT_GIVEN = 2
    COMMIT_TRUE = 4
    DROPPED = 8


class Record(NamedTuple):
    """One record of a log.

    Attributes:
        seq: Place in its writer's sequence, dense from 0.
        kind: A `Kind`, or a number that only a later version knows.
        wall_ns: The writer's wall clock in nanoseconds since 1970. Data, never order.
        fields: What the kind says, by position.
    """

    seq: int
    kind: int
    wall_ns: int
    fields: tuple[Any, ...]


class Point(NamedTuple):
    """One value of one metric at one step, as a row of the history holds it.

    Attributes:
        step: The row's step.
        key: A metric's name, or the path of a nested one.
        value: What was logged.
        seq: The record that said it.
    """

    step: int
    key: str | tuple[str, ...]
    value: Plain
    seq: int


def closes_row(flags: int) -> bool:
    """Tell whether a history record with these flags completes its row.

    An explicit ``commit`` decides; without one a call without ``step`` commits.
    """
    if flags & HistoryFlag.COMMIT_GIVEN:
        return bool(flags & HistoryFlag.COMMIT_TRUE)
    return not flags & HistoryFlag.STEP_GIVEN


def pack_big_ints(value: object) -> msgpack.ExtType:
    """Encode an integer that msgpack cannot hold; the ``default`` hook of every packer.

    Raises:
        TypeError: The value is no integer.
    """
    if type(value) is int:
        return msgpack.ExtType(EXT_BIG_INT, format(value, "x").encode("ascii"))
    message = f"cannot encode {type(value).__name__}"
    raise TypeError(message)


def unpack_ext(code: int, data: bytes) -> Plain:
    """Decode the ext objects that bodies may hold; the ``ext_hook`` of every unpacker.

    Raises:
        ValueError: The code is not one of ours, or the digits are none.
    """
    if code != EXT_BIG_INT or not _HEXADECIMAL.fullmatch(data):
        message = f"unexpected ext object {code} of {len(data)} bytes"
        raise ValueError(message)
    return int(data, 16)


def unpack_body(body: bytes | memoryview) -> list[Any]:
    """Decode the body of a frame.

    Raises:
        ValueError: The body is not one msgpack array that starts with two integers of 64 bits, or
            it is nested deeper than `MAX_DEPTH`.
    """
    try:
        fields = msgpack.unpackb(body, ext_hook=unpack_ext, timestamp=2)
    except (msgpack.UnpackException, RecursionError) as error:
        message = f"the body is no msgpack: {error}"
        raise ValueError(message) from error
    if (
        type(fields) is not list
        or len(fields) < 2  # noqa: PLR2004 - kind and time
        or type(fields[0]) is not int
        or type(fields[1]) is not int
        or fields[0] not in _KINDS
        or fields[1] not in _TIMES
    ):
        message = "the body is no record"
        raise ValueError(message)
    if len(body) > MAX_DEPTH and _nested_too_deep(body, fields):
        message = f"the body is nested more than {MAX_DEPTH} levels deep"
        raise ValueError(message)
    return fields


def _nested_too_deep(body: bytes | memoryview, fields: list[Any]) -> bool:
    # As many first bytes of containers are needed as there are levels; most bodies have fewer.
    if len(body) - len(bytes(body).translate(None, _CONTAINERS)) <= MAX_DEPTH:
        return False
    level: list[Any] = [fields]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return True
