"""Telling a SQLite store that is damaged from a fault of airtape's own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

NONSENSE: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What comes of reading bytes that nobody wrote."""


class DamagedError(sqlite3.DatabaseError):
    """A store holds what nobody can have written, although SQLite can read it."""


def reading(read: Callable[P, T]) -> Callable[P, T]:
    """Return a function that reads from a store and says so when what stands there is nonsense."""

    @wraps(read)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return read(*args, **kwargs)
        except NONSENSE as error:
            raise DamagedError(f"{type(error).__name__}: {error}") from error

    return checked


def check_integers(columns: Iterable[object], least: int = -(1 << 63)) -> None:
    """Make sure that columns hold nothing but integers; any can hold anything in SQLite.

    Raises:
        TypeError: One does not.
        ValueError: One is less than the least that makes sense.
    """
    for column in columns:
        if type(column) is not int:
            raise TypeError(f"{column!r} is no integer")
        if column < least:
            raise ValueError(f"{column} is less than {least}")
