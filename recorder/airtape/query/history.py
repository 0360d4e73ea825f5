"""Rows of a history as the API returns them: whole, or some keys, or evenly chosen ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, TypeVar

from airtape.errors import UsageError
from airtape.fold.keys import dotted, nested
from airtape.fold.row import RUNTIME, STEP, TIMESTAMP, Row
from airtape.query.columns import find_in

T = TypeVar("T")
_SPARE: Final = 16
"""How many times as many rows as asked for are kept until it is known how many there are."""


def whole_row(row: Row) -> dict[str, Any]:
    """Return a row as it was logged, with its step and times."""
    return {**nested(row.data), **_own(row)}


def flat_row(row: Row) -> dict[str, Any]:
    """Return a row with its step and times, nested values under dotted names."""
    return {**_own(row), **{dotted(key): value for key, value in row.data.items()}}


def chosen(rows: Iterable[Row], keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield some values of the rows that have all of them."""
    for row in rows:
        values = {key: _value(row, key) for key in keys}
        if None not in values.values():
            yield values


def between(rows: Iterable[Row], first: int | None, end: int | None) -> Iterator[Row]:
    """Yield the rows from one step on, up to the one before another."""
    for row in rows:
        if end is not None and row.step >= end:
            return
        if first is None or row.step >= first:
            yield row


def has(row: Row, key: str) -> bool:
    """Tell whether a row has a value."""
    return _value(row, key) is not None


def checked_keys(keys: object) -> list[str] | None:
    """Return keys as they were given.

    Raises:
        UsageError: They are no list of texts.
    """
    if keys is None:
        return None
    if not isinstance(keys, list | tuple) or not all(isinstance(key, str) for key in keys):
        raise UsageError(f"keys must be a list of names, not {keys!r}")
    return list(dict.fromkeys(keys))


def sampled(items: Iterable[T], count: int) -> list[T]:
    """Return at most so many items, evenly chosen; the first and the last are among them.

    The choice depends on nothing but the number of items, and is exactly even for up to sixteen
    times as many as are asked for.
    """
    kept: list[T] = []
    stride, place, newest = 1, -1, None
    for place, newest in enumerate(items):
        if place % stride == 0:
            kept.append(newest)
            if len(kept) > count * _SPARE:
                del kept[1::2]
                stride *= 2
    if newest is not None and place % stride:
        kept.append(newest)
    if len(kept) <= count:
        return kept
    if count == 1:
        return kept[-1:]
    return [kept[at * (len(kept) - 1) // (count - 1)] for at in range(count)]


def has_pandas() -> bool:
    """Tell whether pandas is installed."""
    return find_spec("pandas") is not None


def framed(rows: Iterable[dict[str, Any]]) -> Any:  # noqa: ANN401 - pandas need not be there
    """Return rows as a DataFrame."""
    # Loaded by name: it is no dependency, and takes long to load.
    return import_module("pandas").DataFrame.from_records(list(rows))


def _own(row: Row) -> dict[str, Any]:
    return {STEP: row.step, TIMESTAMP: row.timestamp, RUNTIME: row.runtime}


def _value(row: Row, key: str) -> Any:  # noqa: ANN401 - whatever was logged
    own = _own(row)
    if key in own:
        return own[key]
    value = row.data.get(key)
    if value is None and any(isinstance(known, tuple) for known in row.data):
        return find_in(nested(row.data), key)
    return value
