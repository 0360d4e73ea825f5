"""Rows and arrays as PostgreSQL's binary ``COPY`` wants them: every bit of a number is kept."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, repeat
from typing import Final

from airtape.backends.postgres_open import Connection

_HEAD: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_END: Final = b"\xff\xff"
_NULL: Final = b"\xff\xff\xff\xff"
_LENGTH: Final = struct.Struct(">i")
_COUNT: Final = struct.Struct(">h")
_INT8: Final = struct.Struct(">q")
_FLOAT8: Final = struct.Struct(">d")
_ARRAY: Final = struct.Struct(">iiIii")
_INT8_OID: Final = 20
_TEXT_OID: Final = 25
_FLOAT8_OID: Final = 701
_WRAP: Final = 1 << 64


class CopyRows:
    """Rows for ``COPY … FROM STDIN (FORMAT BINARY)``.

    Attributes:
        count: Number of rows.
    """

    def __init__(self) -> None:
        self._parts = [_HEAD]
        self.count = 0

    def add(self, *columns: bytes | None) -> None:
        """Add a row; None is NULL."""
        self._parts.append(_COUNT.pack(len(columns)))
        for column in columns:
            if column is None:
                self._parts.append(_NULL)
            else:
                self._parts += (_LENGTH.pack(len(column)), column)
        self.count += 1

    def send(self, db: Connection, into: str) -> None:
        """Add the rows to a table.

        Args:
            db: The store.
            into: The table and, in parentheses, its columns.
        """
        query = f"COPY airtape.{into} FROM STDIN (FORMAT BINARY)"
        with db.cursor() as cursor, cursor.copy(query.encode()) as copy:
            copy.write(b"".join((*self._parts, _END)))


def int8(number: int) -> bytes:
    """Return an integer of 64 bits."""
    return _INT8.pack(number)


def numeric(number: int) -> bytes:
    """Return an integer of any size as a ``numeric``."""
    left, digits = abs(number), []
    while left:
        left, digit = divmod(left, 10_000)
        digits.append(digit)
    digits.reverse()
    sign = 0x4000 if number < 0 else 0
    return struct.pack(
        f">hhHh{len(digits)}h", len(digits), max(len(digits) - 1, 0), sign, 0, *digits
    )


def float8(number: float) -> bytes:
    """Return a float."""
    return _FLOAT8.pack(number)


def int8s(numbers: Sequence[int]) -> bytes:
    """Return an array of integers of 64 bits."""
    return _array(_INT8_OID, len(numbers)) + _fixed(len(numbers), "q").pack(
        *chain.from_iterable(zip(repeat(8), numbers, strict=False))
    )


def float8s(numbers: Sequence[float]) -> bytes:
    """Return an array of floats."""
    return _array(_FLOAT8_OID, len(numbers)) + _fixed(len(numbers), "d").pack(
        *chain.from_iterable(zip(repeat(8), numbers, strict=False))
    )


def float8s_or_null(numbers: Sequence[float | None]) -> bytes:
    """Return an array of floats in which None is NULL."""
    return _varying(_FLOAT8_OID, [None if number is None else float8(number) for number in numbers])


def texts(items: Sequence[str | None]) -> bytes:
    """Return an array of texts in which None is NULL."""
    return _varying(_TEXT_OID, [None if item is None else item.encode() for item in items])


def wrapped(seqs: Sequence[int]) -> Sequence[int]:
    """Return unsigned integers of 64 bits as signed ones."""
    if max(seqs) < _WRAP >> 1:
        return seqs
    return [seq - _WRAP if seq >= _WRAP >> 1 else seq for seq in seqs]


def unwrapped(seq: int) -> int:
    """Return the unsigned integer that `wrapped` was given."""
    return seq % _WRAP


def _array(oid: int, length: int, *, has_null: bool = False) -> bytes:
    return _ARRAY.pack(1, has_null, oid, length, 1)


def _varying(oid: int, items: Sequence[bytes | None]) -> bytes:
    parts = [_array(oid, len(items), has_null=None in items)]
    for item in items:
        parts += (_NULL,) if item is None else (_LENGTH.pack(len(item)), item)
    return b"".join(parts)


@lru_cache(maxsize=64)
def _fixed(length: int, code: str) -> struct.Struct:
    return struct.Struct(f">{f'i{code}' * length}")
