"""Many rows go into a table with few statements, and end as if each had its own."""

from __future__ import annotations

import sqlite3

import pytest

from airtape.backends.sqlite_rows import ROWS_AT_ONCE, put_rows


@pytest.fixture
def db() -> sqlite3.Connection:
    """A table with a key and a value."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE things (key INTEGER PRIMARY KEY, value)")
    return db


@pytest.mark.parametrize(
    "count", [0, 1, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, ROWS_AT_ONCE + 1, 3 * ROWS_AT_ONCE + 5]
)
def test_every_row_arrives(db: sqlite3.Connection, count: int) -> None:
    """However many there are, all of them are there, and nothing else."""
    rows = [(key, key / 3) for key in range(count)]
    put_rows(db, "things", ("key", "value"), iter(rows))
    assert db.execute("SELECT key, value FROM things ORDER BY key").fetchall() == rows


def test_later_rows_replace_earlier_ones(db: sqlite3.Connection) -> None:
    """Of rows with one key the last stays, in one statement, across statements and calls."""
    put_rows(db, "things", ("key", "value"), [(1, "before"), (2, "before")])
    again = [(1, number) for number in range(ROWS_AT_ONCE + 3)]
    put_rows(db, "things", ("key", "value"), again)
    assert db.execute("SELECT * FROM things").fetchall() == [(1, ROWS_AT_ONCE + 2), (2, "before")]
