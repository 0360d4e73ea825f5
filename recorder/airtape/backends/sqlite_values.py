"""Values as SQLite holds them: what is natural stays natural, the rest is text with a kind.

====== ============================================ =========================================
kind   value                                        for example
====== ============================================ =========================================
NULL   an integer, a float, a text, NULL or bytes   ``0.25``, ``-0.0``, ``Infinity``, ``NULL``
bool   0 or 1                                       ``1``
nan    ``NaN``, with its bits if they are unusual   ``NaN``, ``NaN:fff8000000000000``
int    an integer beyond 64 bits, as ``int(_, 0)``  ``18446744073709551616``
json   a list or an empty dictionary                ``[1, {"$float": "NaN"}]``
====== ============================================ =========================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from airtape import exactjson
from airtape.fold.keys import Key, key_of, path_of

INT64 = 1 << 63
Column: TypeAlias = int | float | str | bytes | None
"""What a column of SQLite holds."""

_NATURAL = frozenset({str, bytes, type(None)})


def encode(value: object) -> tuple[Column, str | None]:
    """Return a value of a log as the columns ``value`` and ``kind``; the inverse of `decode`."""
    if isinstance(value, bool):
        return int(value), "bool"
    if isinstance(value, float):
        is_nan = value != value  # noqa: PLR0124 - true for a NaN
        return (exactjson.nan_text(value), "nan") if is_nan else (value, None)
    if isinstance(value, int):
        fits = -INT64 <= value < INT64
        return (value, None) if fits else (exactjson.number_text(value), "int")
    if value is None or isinstance(value, str | bytes):
        return value, None
    return exactjson.dumps(value), "json"


def decode(value: Any, kind: str | None) -> Any:  # noqa: ANN401 - whatever was encoded
    """Return what `encode` was given."""
    if kind is None:
        return value
    if kind == "bool":
        return bool(value)
    if kind == "nan":
        return exactjson.float_from(value)
    return int(value, 0) if kind == "int" else exactjson.loads(value)


def encode_all(values: Sequence[object]) -> tuple[Sequence[Any], Sequence[str | None] | None]:
    """Return what `encode` makes of each value, in less time when they are of one type.

    Where none of them needs a kind, there are no kinds.
    """
    types = set(map(type, values))
    if len(types) == 1:
        only = types.pop()
        if only is float:
            # An infinity and its negative make a NaN of the sum too; the long way is right for all.
            total = sum(values)  # type: ignore[arg-type]  # they are floats
            natural = total == total  # noqa: PLR0124 - false for a NaN
        elif only is int:
            natural = fit(values)  # type: ignore[arg-type]  # they are integers
        else:
            natural = only in _NATURAL
        if natural:
            return values, None
    encoded = [encode(value) for value in values]
    kinds = [kind for _, kind in encoded]
    return [value for value, _ in encoded], kinds if any(kinds) else None


def fit(numbers: Sequence[int]) -> bool:
    """Tell whether SQLite can hold all of these integers as such."""
    return min(numbers) >= -INT64 and max(numbers) < INT64


def integer(number: int) -> int | str:
    """Return an integer as a column can hold it; what no run counts up to is in hexadecimal."""
    return number if -INT64 <= number < INT64 else hex(number)


def integer_from(column: int | str) -> int:
    """Return the integer that `integer` was given."""
    return int(column, 16) if isinstance(column, str) else column


def pointer(key: Key) -> str:
    """Return a key as a JSON pointer (RFC 6901): ``/loss``, ``/val/acc``, ``/val~1acc``."""
    return "".join(f"/{str(name).replace('~', '~0').replace('/', '~1')}" for name in path_of(key))


def key_from(text: str) -> Key:
    """Return the key that `pointer` was given."""
    names = text[1:].split("/")
    return key_of([name.replace("~1", "/").replace("~0", "~") for name in names])
