"""What each type of value becomes on its way into a log.

A rule replaces a value by a simpler one: an enum's member by its value, a numpy scalar by a Python
number, a set by a list. History, config and summary differ in large arrays, enums, durations, and
in what happens to an object that no rule knows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from airtape.errors import InvalidDataError
from airtape.values_arrays import (
    foreign_array,
    history_array,
    is_foreign_array,
    numpy_scalar,
    scalar_or_list,
    summary_array,
    tensor_value,
)

Given: TypeAlias = Any
"""Whatever a user passes."""

Rule: TypeAlias = Callable[[Given], object]
"""Replaces a value by a simpler one."""


class Rules(NamedTuple):
    """What becomes of the values that are not plain.

    Attributes:
        types: Rules by qualified class name; the nearest one among a value's classes counts.
        enum: The rule of enum members, whatever else they are.
        other: The rule of a value that no other rule knows.
    """

    types: dict[str, Rule]
    enum: Rule
    other: Rule

    def simpler(self, value: Given) -> object:
        """Replace a value by a simpler one, by its class or else by what it can do.

        Raises:
            InvalidDataError: The value cannot be recorded.
            UnicodeDecodeError: The value is bytes that are no UTF-8 text.
        """
        if isinstance(value, Enum):
            return self.enum(value)
        for cls in type(value).__mro__:
            rule = self.types.get(f"{cls.__module__}.{cls.__qualname__}")
            if rule is not None:
                return rule(value)
        return _by_ability(value, self.other)


def is_dataclass_instance(value: Given) -> bool:
    """Tell whether a value is an instance of a dataclass."""
    return hasattr(type(value), "__dataclass_fields__")


def field_values(value: Given) -> dict[str, object]:
    """Return the fields of an instance of a dataclass by their names."""
    # Whoever made one has loaded it; for all others it is the largest module that would be loaded.
    import dataclasses  # noqa: PLC0415 - see above

    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _by_ability(value: Given, other: Rule) -> object:
    if is_dataclass_instance(value):
        return field_values(value)
    if is_foreign_array(value):
        return foreign_array(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value.items())
    if isinstance(value, Iterator):
        return list(value)
    return _callable_name(value) if callable(value) else other(value)


def _callable_name(value: Given) -> str:
    """Name a function or class in full; an object that can be called says what it is itself."""
    name = getattr(value, "__qualname__", None)
    module = getattr(value, "__module__", None)
    if name is None:
        return str(value)
    return f"{module}.{name}" if module else str(name)


def _complex_text(value: complex) -> str:
    return str(value).strip("()")


def _iso_duration(value: dt.timedelta) -> str:
    """Write a duration as ISO 8601 does, in days and below: "PT1M30S"."""
    sign = "-" if value < dt.timedelta() else ""
    value = abs(value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    # pandas counts nanoseconds as well.
    fraction = f"{value.microseconds * 1000 + getattr(value, 'nanoseconds', 0):09d}".rstrip("0")
    days = f"{value.days}D" if value.days else ""
    time = f"{hours}H" if hours else ""
    time += f"{minutes}M" if minutes else ""
    if seconds or fraction or not (days or time):
        time += f"{seconds}.{fraction}".rstrip(".") + "S"
    return f"{sign}P{days}" + (f"T{time}" if time else "")


def _ordered(values: Iterable[Given]) -> list[Given]:
    """Sort a set where its members can be compared: equal sets are recorded as equal lists."""
    try:
        return sorted(values)
    except TypeError:
        return list(values)


def _refused(value: Given) -> object:
    raise InvalidDataError(f"Object of type {type(value).__name__} is not JSON serializable")


def _described(value: Given) -> object:
    if isinstance(value, Sequence):
        return list(value)
    if isinstance(value, slice):
        return {"slice_start": value.start, "slice_step": value.step, "slice_stop": value.stop}
    return str(value)


_TYPES: dict[str, Rule] = {
    "builtins.str": str.__str__,
    "builtins.int": int.__int__,
    "builtins.float": float.__float__,
    "builtins.complex": _complex_text,
    "builtins.bytes": bytes.decode,
    "builtins.bytearray": bytearray.decode,
    "builtins.dict": dict,
    "builtins.list": list,
    "builtins.tuple": list,
    "builtins.set": _ordered,
    "builtins.frozenset": _ordered,
    "collections.deque": list,
    "datetime.date": dt.date.isoformat,
    "datetime.datetime": lambda value: value.isoformat(),  # that of pandas keeps nanoseconds
    "datetime.time": dt.time.isoformat,
    "decimal.Decimal": str,
    "fractions.Fraction": str,
    "uuid.UUID": str,
    "numpy.generic": numpy_scalar,
    "torch.Tensor": tensor_value,
}
_LOGGED = _TYPES | {"datetime.timedelta": _iso_duration}


def _enum_value(member: Enum) -> object:
    return member.value


def _enum_name(member: Enum) -> object:
    return member.name or str(member)  # combined flags have no name before Python 3.11


HISTORY = Rules(_LOGGED | {"numpy.ndarray": history_array}, enum=_enum_value, other=_refused)
SUMMARY = Rules(_LOGGED | {"numpy.ndarray": summary_array}, enum=_enum_value, other=_refused)
CONFIG = Rules(_TYPES | {"numpy.ndarray": scalar_or_list}, enum=_enum_name, other=_described)
