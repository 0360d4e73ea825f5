"""JSON that keeps every value exact, and is strict JSON for everybody else.

What JSON has no words for is an object with one name that begins with ``$``::

    {"$float": "inf"}       "inf", "-inf", "NaN", "NaN:7ff8000000000001" (its 64 bits)
    {"$int": "0x1f…"}       integers of so many digits that parsers refuse them
    {"$bytes": "aGk="}      base64
    {"$dict": [[k, v], …]}  an object that would look like one of these

Text, true, false, null, all other numbers (``-0.0`` too) and containers are plain JSON.
"""

from __future__ import annotations

import base64
import json
import math
import re
import struct
from typing import Any

LONGEST_INT_BITS = 13_000
"""Integers of more bits, about 3,900 digits, are written in hexadecimal; Python parses 4,300."""

_DOUBLE = struct.Struct(">d")
_USUAL_NAN = _DOUBLE.pack(math.nan)
_NAN = re.compile(r"NaN:([0-9a-f]{16})")
_KEPT = (str, bool, type(None))


def dumps(value: object) -> str:
    """Return a value as one line of JSON.

    Args:
        value: None, bool, int, float, str, bytes, lists, tuples (which come back as lists), and
            dictionaries of them.

    Raises:
        TypeError: There is something else in it.
        ValueError: It is nested too deeply.
    """
    try:
        return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except RecursionError as error:
        message = "nested too deeply for JSON"
        raise ValueError(message) from error


def loads(text: str | bytes) -> Any:  # noqa: ANN401 - whatever was dumped
    """Return the value that `dumps` was given.

    Raises:
        ValueError: The text is no such JSON.
    """
    try:
        return json.loads(text, object_hook=_exact, parse_constant=_refuse)
    except RecursionError as error:
        message = "nested too deeply"
        raise ValueError(message) from error


def number_text(value: int) -> str:
    """Return an integer as decimal digits, or in hexadecimal where those would be too many.

    `int(text, 0)` reads both.
    """
    return hex(value) if value.bit_length() > LONGEST_INT_BITS else str(value)


def nan_text(value: float) -> str:
    """Return a not-a-number as text: ``NaN``, or ``NaN:`` and its bits when they are unusual."""
    packed = _DOUBLE.pack(value)
    return "NaN" if packed == _USUAL_NAN else f"NaN:{packed.hex()}"


def float_from(text: str) -> float:
    """Return the number that `nan_text` wrote; ``inf`` and ``-inf`` too.

    Raises:
        ValueError: The text is no such number.
    """
    bits = _NAN.fullmatch(text)
    if bits is not None:
        number: float = _DOUBLE.unpack(bytes.fromhex(bits[1]))[0]
        return number
    return float(text)


def _plain(value: object) -> object:
    """Return a value in which everything is something that JSON has words for."""
    if isinstance(value, _KEPT):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= LONGEST_INT_BITS else {"$int": hex(value)}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": _special(value)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, dict):
        return _plain_dict(value)
    message = f"cannot write {type(value).__name__} as JSON"
    raise TypeError(message)


def _plain_dict(value: dict[Any, Any]) -> object:
    looks_special = len(value) == 1 and str(next(iter(value))).startswith("$")
    if looks_special or not all(isinstance(key, str) for key in value):
        return {"$dict": [[_plain(key), _plain(item)] for key, item in value.items()]}
    return {key: _plain(item) for key, item in value.items()}


def _special(value: float) -> str:
    return nan_text(value) if math.isnan(value) else str(value)


def _exact(value: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever stands there
    if len(value) == 1:
        ((name, said),) = value.items()
        read = _SPECIAL.get(name)
        if read is not None:
            return read(said)
    return value


_SPECIAL: dict[str, Any] = {
    "$float": float_from,
    "$int": lambda text: int(text, 16),
    "$bytes": lambda text: base64.b64decode(text, validate=True),
    "$dict": dict,
}


def _refuse(token: str) -> None:
    message = f"{token} is no JSON"
    raise ValueError(message)
