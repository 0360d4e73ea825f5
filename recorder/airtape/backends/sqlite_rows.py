"""Putting many rows into a table of a SQLite store with few statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final

ROWS_AT_ONCE: Final = 128
"""Rows in one statement. Each costs Python and SQLite a round of calls, whatever it brings: with
128 rows a value takes half the time. SQLite before 3.32 takes 999 parameters in one at most."""


def put_rows(
    db: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    """Insert rows in their order, each in place of what had the same primary key.

    Args:
        db: The store.
        table: The table.
        columns: Names of the columns, seven at most.
        rows: What to put into these columns. Every None takes as long as three numbers: where a
            column has nothing to say, it is better left out.
    """
    one = f"({', '.join('?' * len(columns))})"
    sql = f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES "  # noqa: S608 - our names
    values = chain.from_iterable(rows)
    rest: list[Any] = []
    many = _pieces(values, ROWS_AT_ONCE * len(columns), rest)
    db.executemany(sql + ", ".join([one] * ROWS_AT_ONCE), many)
    db.executemany(sql + one, zip(*[iter(rest)] * len(columns), strict=True))


def _pieces(values: Iterator[Any], size: int, rest: list[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield values in pieces of one size; what is left in the end is put into ``rest``."""
    while len(piece := tuple(islice(values, size))) == size:
        yield piece
    rest += piece
