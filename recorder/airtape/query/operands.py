"""What a column is compared with, and how values of runs stand to it.

An operand says whether a value equals it, and on which side of it a value lies: -1 below, 1 above,
0 at it, None where the two have no order, such as a text and a number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, TypeGuard

from airtape.query.moments import Period

_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_SPECIAL: Final = frozenset({"nan", "inf", "infinity"})
_FLAGS: Final = {"true": True, "false": False}
_MAX_DIGITS: Final = 400
"""More take ever longer to parse, and are no number that anybody measures."""

Value: TypeAlias = Any
"""A value of a run."""


class Operand(Protocol):
    """What a column is compared with."""

    def equals(self, value: Value) -> bool:
        """Tell whether a value, never None, is the same."""

    def side_of(self, value: Value) -> int | None:
        """Return on which side a value lies, None if the two have no order."""


@dataclass(frozen=True, slots=True)
class Null:
    """Nothing; only what is missing is the same."""

    def equals(self, value: Value) -> bool:  # noqa: ARG002 - see Operand
        """Tell that the value is something."""
        return False

    def side_of(self, value: Value) -> int | None:  # noqa: ARG002 - see Operand
        """Tell that there is no order."""
        return None


@dataclass(frozen=True, slots=True)
class Exactly:
    """A plain value; another type is another value, except for whole and broken numbers."""

    value: Value

    def equals(self, value: Value) -> bool:
        """Tell whether the value is the same; NaN is the same as NaN."""
        return _same(self.value, value)

    def side_of(self, value: Value) -> int | None:
        """Return the side of a number beside a number, or of a text beside a text."""
        own = self.value
        comparable = (is_number(own) and is_number(value)) or (
            isinstance(own, str) and isinstance(value, str)
        )
        if not comparable or own != own or value != value:  # noqa: PLR0124 - NaN has no side
            return None
        return int(value > own) - int(value < own)


@dataclass(frozen=True, slots=True)
class Bare:
    """What stands without quotes: a number or truth value, or a text with just these characters."""

    text: str

    def equals(self, value: Value) -> bool:
        """Tell whether the value is what is written, under any reading."""
        return value == self.text if isinstance(value, str) else _same(read(self.text), value)

    def side_of(self, value: Value) -> int | None:
        """Return the side of the value beside what is written, in its first reading."""
        return Exactly(read(self.text)).side_of(value)


@dataclass(frozen=True, slots=True)
class During:
    """A time that lasts; the values are nanoseconds since 1970."""

    period: Period

    def equals(self, value: Value) -> bool:
        """Tell whether the time lies in the period."""
        return self.side_of(value) == 0

    def side_of(self, value: Value) -> int | None:
        """Return whether the time lies before, in or behind the period."""
        if not is_number(value):
            return None
        start, end = self.period
        return int(value >= end) - int(value < start)


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether a value is a number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def read(text: str) -> bool | int | float | str:
    """Return the truth value or number that a bare word is, else its text."""
    flag = _FLAGS.get(text.lower())
    if flag is not None:
        return flag
    number = read_number(text)
    return text if number is None else number


def read_number(text: str) -> int | float | None:
    """Return the number that a text is, None if it is none."""
    if len(text) > _MAX_DIGITS:
        return None
    if _NUMBER.fullmatch(text):
        return int(text) if text.lstrip("+-").isdecimal() else float(text)
    return float(text) if text.lstrip("+-").lower() in _SPECIAL else None


def _same(one: Value, other: Value) -> bool:
    if is_number(one) and is_number(other):
        return bool(one == other) or (_is_nan(one) and _is_nan(other))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(type(one) is type(other) and one == other)


def _is_nan(number: float) -> bool:
    return number != number  # noqa: PLR0124 - math.isnan() refuses large integers
