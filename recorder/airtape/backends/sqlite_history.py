"""The history of a run in a SQLite store: keys, points and rows, and records of other kinds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby, repeat
from operator import itemgetter
from typing import Any, TypeAlias

from airtape.backends.sqlite_cursors import Place
from airtape.backends.sqlite_damage import reading
from airtape.backends.sqlite_rows import put_rows
from airtape.backends.sqlite_values import (
    decode,
    encode,
    encode_all,
    fit,
    integer,
    integer_from,
    key_from,
    pointer,
)
from airtape.fold.keys import Key, dotted, key_of, leaves, path_of, set_in
from airtape.fold.observers import Column, HistoryChanges
from airtape.records import Point, Record

Rows: TypeAlias = Iterable[tuple[Any, ...]]
"""Rows of a table."""

_NATURAL = ("run", "key", "step", "writer", "seq", "value")
_ANY = (*_NATURAL, "kind")


class Keys:
    """The ids of keys, as far as they are known. Valid while nobody else changes the store."""

    def __init__(self) -> None:
        self._ids: dict[int, dict[Key, int]] = {}

    def clear(self) -> None:
        """Forget all."""
        self._ids.clear()

    @reading
    def of_run(self, db: sqlite3.Connection, run: int) -> dict[Key, int]:
        """Return the ids of a run's keys; `add` adds to it."""
        ids = self._ids.get(run)
        if ids is None:
            rows = db.execute("SELECT path, id FROM keys WHERE run = ?", (run,))
            ids = self._ids[run] = {key_from(path): key for path, key in rows}
        return ids

    def add(self, db: sqlite3.Connection, run: int, keys: Iterable[Key]) -> dict[Key, int]:
        """Return the ids of a run's keys, with new ones for those that have none."""
        ids = self.of_run(db, run)
        for key in keys:
            if key not in ids:
                added = db.execute(
                    "INSERT INTO keys (run, name, path) VALUES (?, ?, ?)",
                    (run, dotted(key), pointer(key)),
                ).lastrowid
                assert added is not None  # noqa: S101 - for the type checker; a row was inserted
                ids[key] = added
        return ids


def write_changes(
    db: sqlite3.Connection, place: Place, changes: HistoryChanges, keys: Keys
) -> None:
    """Put what happened to the history into the store."""
    columns = list(changes.columns())
    ids = keys.add(db, place.run, [column.key for column in columns])
    db.executemany(
        "DELETE FROM points WHERE run = ? AND key = ? AND step = ? AND writer = ?",
        [(place.run, ids[key], step, place.writer) for step, key in changes.erased if key in ids],
    )
    # One key after the other, as the table is ordered: several times as fast as in order of steps.
    columns.sort(key=lambda column: ids[column.key])
    parts = (_rows_of(column, place, ids[column.key]) for column in columns)
    for names, alike in groupby(parts, itemgetter(0)):
        put_rows(db, "points", names, chain.from_iterable(rows for _, rows in alike))
    steps = sorted(changes.rows)
    times = chain.from_iterable(map(changes.rows.__getitem__, steps))
    put_rows(
        db,
        "rows",
        ("run", "step", "writer", "timestamp", "runtime"),
        zip(repeat(place.run), steps, repeat(place.writer), times, times, strict=False),
    )


def _rows_of(column: Column, place: Place, key: int) -> tuple[Sequence[str], Rows]:
    """Return the rows of a column as the table of points has them, and the names of its columns."""
    values, kinds = encode_all(column.values)
    seqs = column.seqs if fit(column.seqs) else map(integer, column.seqs)
    rows = repeat(place.run), repeat(key), column.steps, repeat(place.writer), seqs, values
    if kinds is None:
        return _NATURAL, zip(*rows, strict=False)
    return _ANY, zip(*rows, kinds, strict=False)


def write_events(db: sqlite3.Connection, writer: int, events: Iterable[Record]) -> None:
    """Add records that are neither rows nor part of the fold, each field by its path."""
    for event in events:
        seq = integer(event.seq)
        db.execute(
            "INSERT INTO events (writer, seq, record_kind, wall_ns) VALUES (?, ?, ?, ?)",
            (writer, seq, integer(event.kind), integer(event.wall_ns)),
        )
        fields = {str(place): value for place, value in enumerate(event.fields)}
        db.executemany(
            "INSERT INTO event_fields (writer, seq, path, value, kind) VALUES (?, ?, ?, ?, ?)",
            [(writer, seq, pointer(key), *encode(value)) for key, value in leaves(fields)],
        )


@reading
def read_points(db: sqlite3.Connection, place: Place) -> list[Point]:
    """Return the points of a writer, by step and then by path of the key."""
    rows = db.execute(
        "SELECT p.step, k.path, p.value, p.kind, p.seq FROM points p JOIN keys k ON k.id = p.key"
        " WHERE p.run = ? AND p.writer = ?",
        place,
    )
    points = [
        Point(step, key_from(path), decode(value, kind), integer_from(seq))
        for step, path, value, kind, seq in rows
    ]
    return sorted(points, key=lambda point: (point.step, path_of(point.key)))


@reading
def read_rows(db: sqlite3.Connection, place: Place) -> dict[int, tuple[float, float]]:
    """Return timestamp and runtime of a writer's rows by step."""
    rows = db.execute(
        "SELECT step, timestamp, runtime FROM rows WHERE run = ? AND writer = ? ORDER BY step",
        place,
    )
    return {step: (_number(time), _number(runtime)) for step, time, runtime in rows}


@reading
def read_events(db: sqlite3.Connection, writer: int, kind: int | None = None) -> list[Record]:
    """Return the records of a writer that are neither rows nor part of the fold, by seq.

    Args:
        db: The store.
        writer: The writer.
        kind: The kind of record that is wanted; all by default.
    """
    query = "SELECT seq, record_kind, wall_ns FROM events WHERE writer = ?"
    if kind is None:
        events = db.execute(query, (writer,))
    else:
        events = db.execute(f"{query} AND record_kind = ?", (writer, int(kind)))
    records = [
        Record(integer_from(seq), integer_from(kind), integer_from(wall), _fields(db, writer, seq))
        for seq, kind, wall in events.fetchall()
    ]
    return sorted(records, key=lambda record: record.seq)


def _fields(db: sqlite3.Connection, writer: int, seq: int | str) -> tuple[Any, ...]:
    rows: Iterator[tuple[str, Any, str | None]] = db.execute(
        "SELECT path, value, kind FROM event_fields WHERE writer = ? AND seq = ?", (writer, seq)
    )
    fields: dict[str, Any] = {}
    for path, value, kind in rows:
        set_in(fields, key_of(path_of(key_from(path))), decode(value, kind))
    return tuple(fields[name] for name in sorted(fields, key=int))


def _number(column: float | None) -> float:
    return float("nan") if column is None else column
