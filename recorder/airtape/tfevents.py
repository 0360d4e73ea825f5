"""Reading the event files of TensorBoard: records with checksums, and the scalars in them.

A record is ``length u64 | checksum of that u32 | data | checksum of them u32``, all little endian;
the data are an ``Event``, a message of Protocol Buffers, of which only scalars are looked at. So
neither TensorFlow nor another library is needed, whoever wrote the file.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import BinaryIO, Final, NamedTuple

LONGEST: Final = 64 << 20
"""Bytes of a record above which it is passed over."""
CHECKED: Final = 1 << 14
"""Bytes up to which the checksum of data is computed, which takes a microsecond for each."""

_HEAD: Final = struct.Struct("<QI")
_FOOT: Final = struct.Struct("<I")
_SCALARS: Final = b"scalars"
_WALL_TIME, _STEP, _SUMMARY = 1, 2, 5
"""Fields of an event."""
_FORMATS: Final[Mapping[int, tuple[str, int]]] = {
    1: ("f", 5),
    2: ("d", 6),
    3: ("i", 7),
    9: ("q", 10),
}
"""By the type of a tensor: how its values are packed, and the field for values one by one."""


class Scalars(NamedTuple):
    """What one event says of scalars.

    Attributes:
        step: The step that the program gave, ``global_step`` of TensorBoard.
        wall_time: Seconds since 1970.
        values: The values by tag.
    """

    step: int
    wall_time: float
    values: dict[str, float | int]


class EventFile:
    """An event file that grows, read on from where the last read ended.

    Attributes:
        problem: Why it cannot be read on, None while it can.
        damaged: Number of records that were left out, because they are damaged or far too large.
    """

    def __init__(self) -> None:
        self.problem: str | None = None
        self.damaged = 0
        self._offset = 0
        self._other_plugins: set[str] = set()

    def read(self, file: BinaryIO) -> Iterator[Scalars]:
        """Yield what is new and has scalars in it, up to the last whole record.

        Args:
            file: The file, open.

        Raises:
            OSError: It cannot be read.
        """
        size = os.fstat(file.fileno()).st_size
        while self._offset + _HEAD.size <= size:
            file.seek(self._offset)
            head = file.read(_HEAD.size)
            length, checksum = _HEAD.unpack(head)
            if checksum != masked_crc32c(head[:8]):
                self.problem = f"byte {self._offset} begins no record"
                return
            end = self._offset + _HEAD.size + length + _FOOT.size
            if end > size:
                return
            self._offset = end
            if length > LONGEST:
                self.damaged += 1
                continue
            data, foot = file.read(length), file.read(_FOOT.size)
            if length <= CHECKED and _FOOT.unpack(foot)[0] != masked_crc32c(data):
                self.damaged += 1
                continue
            try:
                scalars = self._scalars_of(data)
            except (ValueError, struct.error, IndexError):
                self.damaged += 1
                continue
            if scalars.values:
                yield scalars

    def _scalars_of(self, event: bytes) -> Scalars:
        wall_time, step = 0.0, 0
        values: dict[str, float | int] = {}
        for number, value in fields_of(event):
            if number == _WALL_TIME and isinstance(value, bytes):
                (wall_time,) = struct.unpack("<d", value)
            elif number == _STEP and isinstance(value, int):
                step = value - (1 << 64) * (value >> 63)
            elif number == _SUMMARY and isinstance(value, bytes):
                for inner, said in fields_of(value):
                    if inner == 1 and isinstance(said, bytes):
                        values.update(self._value_of(said))
        return Scalars(step, wall_time, values)

    def _value_of(self, said: bytes) -> dict[str, float | int]:
        """Return tag and value of a scalar; nothing for anything else."""
        fields = dict(fields_of(said))
        name = _bytes(fields.get(1)).decode("utf-8", "replace")
        plugin = _plugin_in(fields.get(9))
        if plugin not in {b"", _SCALARS}:
            # Said once, and then no more.
            self._other_plugins.add(name)
        simple, tensor = fields.get(2), fields.get(8)
        if name in self._other_plugins:
            return {}
        if isinstance(simple, bytes):
            return {name: float(struct.unpack("<f", simple)[0])}
        value = _scalar_in(tensor) if isinstance(tensor, bytes) else None
        return {} if value is None else {name: value}


def _plugin_in(metadata: object) -> bytes:
    data = dict(fields_of(_bytes(metadata))).get(1)
    return _bytes(dict(fields_of(_bytes(data))).get(1))


def _bytes(value: object) -> bytes:
    """Return the content of a field; nothing of one that is missing or a number."""
    return value if isinstance(value, bytes) else b""


def _scalar_in(tensor: bytes) -> float | int | None:
    """Return the one number in a tensor, None if it holds anything else."""
    fields = dict(fields_of(tensor))
    kind = fields.get(1)
    if kind not in _FORMATS or not isinstance(kind, int):
        return None
    code, number = _FORMATS[kind]
    size = struct.calcsize(code)
    for packed in (fields.get(4), fields.get(number)):
        if isinstance(packed, int):
            return packed - (1 << 64) * (packed >> 63)
        if isinstance(packed, bytes) and packed:
            if code in "iq" and packed is fields.get(number):
                varints = list(_varints(packed))
                return varints[0] - (1 << 64) * (varints[0] >> 63) if len(varints) == 1 else None
            value: float | int = struct.unpack(f"<{code}", packed)[0] if len(packed) == size else 0
            return value if len(packed) == size else None
    return None


def fields_of(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a message of Protocol Buffers: number, and a varint or the bytes.

    Raises:
        ValueError: It is none.
        IndexError: It ends too early.
    """
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == 2:  # noqa: PLR2004 - bytes with their length
            size, at = _varint(message, at)
        else:
            size = {1: 8, 5: 4}.get(kind, -1)
        if size < 0 or at + size > end:
            raise ValueError("this is no message")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(islice(message, at, at + 10)):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 - the last byte has no such bit
            return value & 0xFFFFFFFFFFFFFFFF, at + place + 1
    raise ValueError("a number without an end")


def _varints(packed: bytes) -> Iterator[int]:
    at = 0
    while at < len(packed):
        value, at = _varint(packed, at)
        yield value


def _table() -> list[int]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)  # noqa: PLW2901 - bit by bit
        table.append(number)
    return table


_CRC32C: Final = _table()


def masked_crc32c(data: bytes) -> int:
    """Return the checksum of records: the Castagnoli CRC, turned so that it can be nested."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC32C[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
