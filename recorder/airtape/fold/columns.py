"""Rows that have the same keys, turned into columns: many values are counted in one go."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from airtape.fold.keys import Tree
from airtape.fold.row import RESERVED
from airtape.fold.shapes import MAX_NUMBER
from airtape.records import HistoryFlag, Plain

_DROPPED = int(HistoryFlag.DROPPED)  # an enumeration's `&` takes ten times as long
_SCALARS = frozenset({float, int, str, bool, type(None)})
_STRINGS = frozenset({str})


def is_flat(fields: tuple[Any, ...]) -> bool:
    """Tell whether `Fold.take_rows` can have a history record with these fields."""
    if len(fields) < 3:  # noqa: PLR2004 - step, flags, data
        return False
    step, flags, data = fields[:3]
    return (
        type(step) is int
        and 0 <= step <= MAX_NUMBER
        and type(flags) is int
        and not flags & _DROPPED
        and type(data) is dict
        and _STRINGS.issuperset(map(type, data))
        and _SCALARS.issuperset(map(type, data.values()))
    )


def keys_of(record: tuple[int, int, int, int, Tree]) -> tuple[str, ...]:
    """Return the keys of a record's data, in their order."""
    return tuple(record[4])


def columns_of(data: tuple[Tree, ...]) -> dict[str, tuple[Plain, ...]] | None:
    """Return the values of each key if all rows have the same, None if not."""
    keys = tuple(data[0])
    if set(map(len, data)) != {len(keys)} or not RESERVED.isdisjoint(keys):
        return None
    try:
        # Several keys at once, as it takes half the time.
        if len(keys) > 1:
            return dict(zip(keys, zip(*map(itemgetter(*keys), data), strict=True), strict=True))
        return {key: tuple(map(itemgetter(key), data)) for key in keys}
    except KeyError:
        return None
