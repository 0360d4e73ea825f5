"""Clearing away what no longer counts in a PostgreSQL store, and filling up its chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from airtape.backends import postgres_contents, postgres_cursors
from airtape.backends.cursor import RunKey
from airtape.backends.postgres_chunks import CHUNK, Values, write_chunks, write_times
from airtape.backends.postgres_history import erased_of, rows_of, values_of
from airtape.backends.postgres_open import Connection, Database
from airtape.backends.postgres_tidy import forget_replaced

_OF_WRITER: Final = ("chunks", "times", "erased", "events", "event_fields", "commits")
_OF_RUN: Final = ("run_facts", "about", "definitions", "keys", "writers")
_STORE_WIDE: Final = (
    (
        "DELETE FROM airtape.directories a USING airtape.directories b"
        " WHERE b.path = a.path AND b.id > a.id"
    ),
    "DELETE FROM airtape.directories WHERE files IS NULL",
    (
        "DELETE FROM airtape.leases a USING airtape.leases b WHERE b.run_id = a.run_id"
        " AND b.root = a.root AND b.as_entity = a.as_entity AND b.as_project = a.as_project"
        " AND b.id > a.id"
    ),
)


@dataclass(slots=True)
class Compacted:
    """What was done.

    Attributes:
        runs: Number of runs looked at.
        removed: Number of retracted runs that are gone for good now.
        chunks_before: Number of chunks there were.
        chunks: Number of chunks there are.
    """

    runs: int = 0
    removed: int = 0
    chunks_before: int = 0
    chunks: int = 0


def compact(store: Database) -> Compacted:
    """Clear away what no longer counts, run by run; syncs may go on meanwhile.

    Args:
        store: The store, as its owner sees it.

    Raises:
        TargetError: The server refuses or does not answer.
    """
    done = Compacted()
    with store.snapshot(in_time=False) as db:
        runs = postgres_cursors.runs_like(db, None)
        done.chunks_before = _count_chunks(db)
        gone = [run for (run,) in db.execute("SELECT run FROM airtape.retractions").fetchall()]
    for run in gone:
        with store.transaction() as db:
            _remove(db, run)
            done.removed += 1
    for key, run in runs:
        with store.transaction() as db:
            _compact_run(db, key, run)
            done.runs += 1
    with store.transaction() as db:
        for query in _STORE_WIDE:
            db.execute(query)
        postgres_contents.clear_away(db)
        done.chunks = _count_chunks(db)
    return done


def _count_chunks(db: Connection) -> int:
    found = db.execute("SELECT count(*) FROM airtape.chunks").fetchone()
    return found[0] if found else 0


def _remove(db: Connection, run: int) -> None:
    """Remove a run that was retracted."""
    writers = "SELECT id FROM airtape.writers WHERE run = %s"
    for table in _OF_WRITER:
        db.execute(f"DELETE FROM airtape.{table} WHERE writer IN ({writers})".encode(), (run,))  # noqa: S608 - our own texts; values go as parameters
    for table in _OF_RUN:
        db.execute(f"DELETE FROM airtape.{table} WHERE run = %s".encode(), (run,))  # noqa: S608 - our own texts; values go as parameters
    db.execute("DELETE FROM airtape.runs WHERE id = %s", (run,))
    db.execute("DELETE FROM airtape.retractions WHERE run = %s", (run,))


def _compact_run(db: Connection, run: RunKey, place: int) -> None:
    postgres_cursors.lock(db, run, "commit")
    for writer, (_, since) in postgres_cursors.headers_of(db, place).items():
        for table in ("chunks", "times", "erased", "events", "event_fields"):
            db.execute(
                f"DELETE FROM airtape.{table} WHERE writer = %s AND version < %s".encode(),  # noqa: S608 - our own texts; values go as parameters
                (writer, since),
            )
        forget_replaced(db, place, writer)
        _compact_writer(db, writer, since)


def _compact_writer(db: Connection, writer: int, since: int) -> None:
    """Write anew the metrics of a writer that have values in the place of others, or short chunks.

    One metric after the other, so that it takes no more memory than the largest of them.
    """
    version = postgres_cursors.read(db, writer).version
    erased = erased_of(db, writer, since)
    sparse = db.execute(
        "SELECT c.key FROM airtape.chunks c WHERE c.writer = %s GROUP BY c.key"
        " HAVING count(*) > ceil(sum(cardinality(c.steps)) / %s::numeric)",
        (writer, CHUNK),
    )
    for key in {key for (key,) in sparse} | {key for key, _ in erased if key}:
        values = values_of(db, writer, since, erased, key).get(key)
        db.execute("DELETE FROM airtape.chunks c WHERE c.writer = %s AND c.key = %s", (writer, key))
        if values:
            steps, seqs, said = zip(*values, strict=True)
            write_chunks(db, writer, version, {key: Values(steps, seqs, said)})
    rows = rows_of(db, writer, since, erased)
    db.execute("DELETE FROM airtape.times t WHERE t.writer = %s", (writer,))
    write_times(db, writer, version, [(step, *times) for step, times in rows.items()])
    db.execute("DELETE FROM airtape.erased e WHERE e.writer = %s", (writer,))
