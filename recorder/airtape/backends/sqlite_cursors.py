"""The cursors of a SQLite store: which records of which writer have come."""

from __future__ import annotations

import sqlite3
from itertools import chain
from typing import NamedTuple

import msgpack

from airtape.backends.cursor import Cursor, FileMark, Loss, RunKey
from airtape.backends.sqlite_damage import check_integers, reading
from airtape.backends.sqlite_values import integer, integer_from
from airtape.backends.tally import Tally
from airtape.records import pack_big_ints, unpack_ext
from airtape.txlog.format import Header, header_from_fields
from airtape.txlog.seqset import SeqSet

_IS_RUN = "run_id = ? AND root = ? AND as_entity = ? AND as_project = ?"


class Place(NamedTuple):
    """Where a writer stands in the store.

    Attributes:
        run: Id of its run.
        writer: Its id.
    """

    run: int
    writer: int


def find(db: sqlite3.Connection, run: RunKey, writer: bytes) -> Place | None:
    """Return where a writer stands, None if nothing of it has come."""
    found = db.execute(
        "SELECT w.run, w.id FROM writers w JOIN runs r ON r.id = w.run"  # noqa: S608 - ours
        f" WHERE {_IS_RUN} AND w.writer = ?",
        (*_identity(run), writer.hex()),
    ).fetchone()
    return None if found is None else Place(*found)


@reading
def make(db: sqlite3.Connection, run: RunKey, writer: bytes) -> Place:
    """Make a place for a writer that has none yet, and for its run."""
    identity = _identity(run)
    db.execute(
        "INSERT OR IGNORE INTO runs (run_id, root, as_entity, as_project) VALUES (?, ?, ?, ?)",
        identity,
    )
    (run_id,) = db.execute(f"SELECT id FROM runs WHERE {_IS_RUN}", identity).fetchone()  # noqa: S608 - ours
    added = db.execute(
        "INSERT INTO writers (run, writer) VALUES (?, ?)", (run_id, writer.hex())
    ).lastrowid
    assert added is not None  # noqa: S101 - for the type checker; a row was inserted
    return Place(run_id, added)


@reading
def runs_like(db: sqlite3.Connection, run: RunKey | None) -> list[tuple[RunKey, int]]:
    """Return the runs of the store with their ids, sorted: one, if it is there, or all."""
    query, said = "SELECT run_id, root, as_entity, as_project, id FROM runs", tuple[str, ...]()
    if run is not None:
        # Not by looking through all of them: many are asked for one after the other.
        query += f" WHERE {_IS_RUN}"
        said = _identity(run)
    return sorted(
        (RunKey(run_id, bytes.fromhex(root), entity, project), place)
        for run_id, root, entity, project, place in db.execute(query, said)
    )


@reading
def version_of(db: sqlite3.Connection, place: Place | None) -> int:
    """Return the version of a writer's cursor, 0 if it has none."""
    if place is None:
        return 0
    version: int
    (version,) = db.execute(
        "SELECT version FROM cursors WHERE writer = ?", (place.writer,)
    ).fetchone()
    check_integers([version])
    return version


@reading
def read(db: sqlite3.Connection, writer: int) -> Cursor:
    """Return the cursor of a writer that has one."""
    version, received, ended, state, size, digest = db.execute(
        "SELECT version, received, ended, state, bytes, digest FROM cursors WHERE writer = ?",
        (writer,),
    ).fetchone()
    files = db.execute(
        "SELECT name, read_to, frame_start, frame_crc, max_seq, size, mtime_ns"
        " FROM cursor_files WHERE writer = ? ORDER BY name",
        (writer,),
    )
    losses = db.execute(
        "SELECT file, start_byte, end_byte, first_seq, last_seq, reason"
        " FROM losses WHERE writer = ? ORDER BY rowid",
        (writer,),
    )
    cursor = Cursor(
        version=version,
        received=SeqSet.decode(received),
        files={
            name: FileMark(offset, start, crc, integer_from(seq), size, mtime_ns)
            for name, offset, start, crc, seq, size, mtime_ns in files
        },
        state=bytes(memoryview(state)),
        losses=tuple(
            Loss(file, start, end, _seq_from(first), _seq_from(last), reason)
            for file, start, end, first, last, reason in losses
        ),
        ended=bool(ended),
        tally=None if digest is None else Tally(size, int(digest, 16)),
    )
    check_integers(mark.mtime_ns for mark in cursor.files.values())
    counts = [version, *(cursor.tally or ()), *(at for loss in cursor.losses for at in loss[1:3])]
    counts += chain.from_iterable(mark[:5] for mark in cursor.files.values())
    check_integers(counts, least=0)
    return cursor


def write(db: sqlite3.Connection, writer: int, cursor: Cursor, header: Header) -> None:
    """Put a cursor in place of the one that was; the header of the first one stays."""
    db.execute(
        "INSERT INTO cursors"
        " (writer, version, records, received, ended, header, state, bytes, digest)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (writer) DO UPDATE SET"
        " version = excluded.version, records = excluded.records, received = excluded.received,"
        " ended = excluded.ended, state = excluded.state, bytes = excluded.bytes,"
        " digest = excluded.digest",
        (
            writer,
            cursor.version,
            len(cursor.received),
            cursor.received.encode(),
            cursor.ended,
            msgpack.packb(header.to_fields(), default=pack_big_ints),
            cursor.state,
            None if cursor.tally is None else cursor.tally.size,
            None if cursor.tally is None else cursor.tally.text,
        ),
    )
    db.executemany(
        "INSERT OR REPLACE INTO cursor_files VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (writer, name, *mark._replace(max_seq=integer(mark.max_seq)))  # type: ignore[arg-type]
            for name, mark in cursor.files.items()
        ],
    )
    db.execute("DELETE FROM losses WHERE writer = ?", (writer,))
    db.executemany(
        "INSERT INTO losses VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (writer, loss.file, loss.start, loss.end, *map(_seq, loss[3:5]), loss.reason)
            for loss in cursor.losses
        ],
    )


@reading
def headers_of(db: sqlite3.Connection, run: int) -> dict[int, Header]:
    """Return the headers of a run's writers, by the ids of those that have a cursor."""
    rows = db.execute(
        "SELECT w.id, c.header FROM writers w JOIN cursors c ON c.writer = w.id WHERE w.run = ?"
        " ORDER BY w.writer",
        (run,),
    )
    return {writer: _header(packed) for writer, packed in rows}


def _identity(run: RunKey) -> tuple[str, str, str, str]:
    return run.run_id, run.root.hex(), run.entity, run.project


def _header(packed: bytes) -> Header:
    header = header_from_fields(msgpack.unpackb(packed, ext_hook=unpack_ext))
    assert header is not None  # noqa: S101 - for the type checker; it was one when it was packed
    return header


def _seq(seq: int | None) -> int | str | None:
    return None if seq is None else integer(seq)


def _seq_from(column: int | str | None) -> int | None:
    return None if column is None else integer_from(column)
