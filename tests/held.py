"""What a target must hold of some logs, and whether it does: exactly, and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from airtape.backends.base import Backend, Held
from airtape.backends.cursor import RunKey
from airtape.fold.fold import Fold
from airtape.fold.keys import path_of
from airtape.fold.observers import HistoryChanges, RowCollector
from airtape.records import HistoryFlag, Kind, Record
from airtape.txlog.reader import read_log
from tests.plain_values import encoded

SAID_OTHERWISE = frozenset(
    {
        *(Kind.HEADER, Kind.HISTORY, Kind.RUN, Kind.CONFIG, Kind.SUMMARY, Kind.METRIC),
        *(Kind.CHECKPOINT, Kind.EXIT, Kind.HEARTBEAT, Kind.METADATA, Kind.INHERITED),
    }
)
"""Kinds that a target holds as rows, or as part of the fold, and not as records."""

Contents = dict[str, Any]


def contents_of(records: Iterable[Record]) -> Contents:
    """Return what a target must hold of a writer's records, in a form that compares exactly."""
    records = list(records)
    changes, rows = HistoryChanges(), RowCollector()
    fold, watched = Fold(observer=changes), Fold(observer=rows)
    for record in records:
        fold.apply(record)
        watched.apply(record)
    fold.close_row()
    watched.close_row()
    points = {(point.step, point.key): point for point in changes.drain().points}
    times = {row.step: (row.timestamp, row.runtime) for row in rows.rows}
    values = {(row.step, key): value for row in rows.rows for key, value in row.data.items()}
    assert {place: encoded(point.value) for place, point in points.items()} == {
        place: encoded(value) for place, value in values.items()
    }
    return {
        "points": sorted(
            (point.step, path_of(point.key), encoded(point.value), point.seq)
            for point in points.values()
        ),
        "rows": times,
        "fold": encoded(fold.state()),
        "events": [record for record in records if _is_event(record)],
        "received": sorted(record.seq for record in records),
    }


def _is_event(record: Record) -> bool:
    if record.kind == Kind.HISTORY:
        return bool(record.fields[1] & HistoryFlag.DROPPED)
    return record.kind not in SAID_OTHERWISE


def contents_in(held: Held) -> Contents:
    """Return what a target holds of a writer, in the same form."""
    return {
        "points": [
            (point.step, path_of(point.key), encoded(point.value), point.seq)
            for point in held.points
        ],
        "rows": held.rows,
        "fold": encoded(held.cursor.fold().state()),
        "events": held.events,
        "received": [
            seq
            for first, last in held.cursor.received.intervals()
            for seq in range(first, last + 1)
        ],
    }


def assert_holds(backend: Backend, *logs: Path, run: RunKey | None = None) -> None:
    """Make sure that a target holds exactly what these logs say, each of another writer."""
    expected = {}
    for log in logs:
        read = read_log(log)
        assert read.header is not None
        expected[read.header.writer] = contents_of(read.records)
    held = {one.header.writer: contents_in(one) for one in backend.dump(run)}
    assert held.keys() == expected.keys()
    for writer, contents in expected.items():
        for part, said in contents.items():
            assert held[writer][part] == said, part


def rows_in(store: Path) -> int:
    """Return how many values the history of a SQLite store has, which may be being made."""
    if not store.exists():
        return 0
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        (count,) = connection.execute("SELECT count(*) FROM history").fetchone()
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()
    return int(count)
