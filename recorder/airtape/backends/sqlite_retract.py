"""Taking things back out of a SQLite store."""

from __future__ import annotations

import sqlite3
from typing import Final

from airtape.backends.sqlite_cursors import Place

OF_RUN_AND_WRITER: Final = ("points", "rows")
OF_WRITER: Final = ("events", "event_fields", "cursors", "cursor_files", "losses")
OF_RUN: Final = (
    "config_values",
    "summary_values",
    "metadata_values",
    "run_tags",
    "definitions",
    "keys",
)


def forget_writer(db: sqlite3.Connection, place: Place) -> None:
    """Drop all that has come of a writer; it keeps its place."""
    for table in OF_RUN_AND_WRITER:
        db.execute(f"DELETE FROM {table} WHERE run = ? AND writer = ?", place)  # noqa: S608 - names of our own tables
    for table in OF_WRITER:
        db.execute(f"DELETE FROM {table} WHERE writer = ?", (place.writer,))  # noqa: S608 - names of our own tables


def forget_run(db: sqlite3.Connection, run: int) -> None:
    """Drop a run with all that has come of it."""
    for table in OF_WRITER:
        db.execute(
            f"DELETE FROM {table} WHERE writer IN (SELECT id FROM writers WHERE run = ?)",  # noqa: S608 - names of our own tables
            (run,),
        )
    for table in (*OF_RUN_AND_WRITER, *OF_RUN, "writers"):
        db.execute(f"DELETE FROM {table} WHERE run = ?", (run,))  # noqa: S608 - names of our own tables
    db.execute("DELETE FROM runs WHERE id = ?", (run,))
