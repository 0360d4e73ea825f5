"""The cursors of a PostgreSQL store: which records of which writer have come."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import msgpack

from airtape.backends.cursor import Cursor, FileMark, Loss, RunKey
from airtape.backends.postgres_open import Connection
from airtape.backends.postgres_values import as_said, storable
from airtape.backends.tally import Tally
from airtape.records import pack_big_ints, unpack_ext
from airtape.txlog.format import Header, header_from_fields
from airtape.txlog.seqset import SeqSet

_IS_RUN = "r.run_id = %s AND r.root = %s AND r.as_entity = %s AND r.as_project = %s"
_IS_PRESENT = "NOT EXISTS (SELECT FROM airtape.retractions t WHERE t.run = r.id)"
_LAST = "ORDER BY c.version DESC LIMIT 1"
_LAST_OF_WRITER = f"(SELECT c.* FROM airtape.commits c WHERE c.writer = w.id {_LAST}) c"  # noqa: S608 - our own texts; values go as parameters
_CURSOR = (
    "c.version, c.received, c.ended, c.files::text, c.losses::text, c.state, c.bytes, c.digest"
)


@dataclass(slots=True)
class Place:
    """Where a writer stands in the store.

    Attributes:
        run: Id of its run.
        writer: Its id.
        version: Version of its cursor, 0 if it has none.
        since: Version at which it was begun; what came with earlier ones does not count.
        header: The first one's header.
        is_new_run: Whether nothing of its run had come before.
    """

    run: int
    writer: int
    version: int
    since: int
    header: Header
    is_new_run: bool = False


def lock_of(run: RunKey, purpose: str) -> int:
    """Return the number of the lock that keeps others from doing something with a run."""
    said = repr((purpose, *run)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "big", signed=True)


def lock(db: Connection, run: RunKey, purpose: str) -> None:
    """Keep others from doing something with a run until the transaction ends."""
    db.execute("SELECT pg_advisory_xact_lock(%s)", (lock_of(run, purpose),))


def identity(run: RunKey) -> tuple[str, str, str, str]:
    """Return what tells a run from others, as columns."""
    return storable(run.run_id), run.root.hex(), storable(run.entity), storable(run.project)


def find(db: Connection, run: RunKey, writer: bytes) -> Place | None:
    """Return where a writer stands, None if nothing of it has come."""
    found = db.execute(
        "SELECT r.id, w.id, c.version, c.since, c.header FROM airtape.runs r"  # noqa: S608 - our own texts; values go as parameters
        " JOIN airtape.writers w ON w.run = r.id"
        f" CROSS JOIN LATERAL {_LAST_OF_WRITER}"
        f" WHERE {_IS_RUN} AND w.writer = %s AND {_IS_PRESENT}",
        (*identity(run), writer.hex()),
        binary=True,
    ).fetchone()
    if found is None:
        return None
    run_place, writer_place, version, since, header = found
    return Place(run_place, writer_place, version, since, _header(header))


def make(db: Connection, run: RunKey, header: Header) -> Place:
    """Make a place for a writer that has none yet, and for its run; nobody else may do so now."""
    said = identity(run)
    run_id, writer, added = _one(
        db,
        f"WITH there AS (SELECT r.id FROM airtape.runs r WHERE {_IS_RUN} AND {_IS_PRESENT}),"  # noqa: S608 - our own texts; values go as parameters
        " added AS (INSERT INTO airtape.runs (run_id, root, as_entity, as_project, generation)"
        " SELECT %s, %s, %s, %s, (SELECT coalesce(max(generation), 0) + 1 FROM airtape.runs r"
        f" WHERE {_IS_RUN}) WHERE NOT EXISTS (SELECT FROM there) RETURNING id)"
        " INSERT INTO airtape.writers (run, writer)"
        " SELECT id, %s FROM (SELECT id FROM there UNION ALL SELECT id FROM added) of_writer"
        " RETURNING run, id, (SELECT count(*) FROM added)",
        (*said, *said, *said, header.writer.hex()),
    )
    return Place(run_id, writer, 0, 1, header, is_new_run=bool(added))


def runs_like(db: Connection, run: RunKey | None) -> list[tuple[RunKey, int]]:
    """Return the runs of the store with their ids, sorted: one, if it is there, or all."""
    # Not by looking through all of them for one: many are asked for one after the other.
    wanted = _IS_PRESENT if run is None else f"{_IS_RUN} AND {_IS_PRESENT}"
    rows = db.execute(
        "SELECT r.run_id, r.root, r.as_entity, r.as_project, r.id FROM airtape.runs r"  # noqa: S608 - our own texts; values go as parameters
        f" WHERE {wanted}",
        () if run is None else identity(run),
    )
    return sorted(
        (RunKey(as_said(run_id), bytes.fromhex(root), as_said(entity), as_said(project)), place)
        for run_id, root, entity, project, place in rows
    )


def read(db: Connection, writer: int) -> Cursor:
    """Return the cursor of a writer that has one."""
    return _cursor(
        *_one(
            db,
            f"SELECT {_CURSOR} FROM airtape.commits c WHERE c.writer = %s {_LAST}",  # noqa: S608 - our own texts; values go as parameters
            (writer,),
        )
    )


def look_up(db: Connection, run: RunKey, writer: bytes) -> Cursor | None:
    """Return the cursor of a writer by one query, None if nothing of it has come."""
    found = db.execute(
        f"SELECT {_CURSOR} FROM airtape.runs r JOIN airtape.writers w ON w.run = r.id"  # noqa: S608 - our own texts; values go as parameters
        f" CROSS JOIN LATERAL {_LAST_OF_WRITER}"
        f" WHERE {_IS_RUN} AND w.writer = %s AND {_IS_PRESENT}",
        (*identity(run), writer.hex()),
    ).fetchone()
    return None if found is None else _cursor(*found)


def _cursor(  # noqa: PLR0913, PLR0917 - the columns of `_CURSOR`, in their order
    version: int,
    received: str,
    ended: bool,  # noqa: FBT001 - a column, and columns come by position
    files: str,
    losses: str,
    state: bytes,
    size: int | None,
    digest: str | None,
) -> Cursor:
    return Cursor(
        version=version,
        received=SeqSet.decode(received),
        files={as_said(name): FileMark(*mark) for name, mark in json.loads(files).items()},
        state=bytes(state),
        losses=tuple(
            Loss(
                *(as_said(loss["file"]), loss["start_byte"], loss["end_byte"]),
                *(loss["first_seq"], loss["last_seq"], as_said(loss["reason"])),
            )
            for loss in json.loads(losses)
        ),
        ended=ended,
        tally=None if size is None or digest is None else Tally(int(size), int(digest, 16)),
    )


def columns_of(place: Place, cursor: Cursor) -> dict[str, Any]:
    """Return a writer's new cursor as columns."""
    return {
        "run": place.run,
        "writer": place.writer,
        "version": cursor.version,
        "since": place.since,
        "records": len(cursor.received),
        "received": cursor.received.encode(),
        "ended": cursor.ended,
        "files": json.dumps({storable(name): mark for name, mark in cursor.files.items()}),
        "losses": json.dumps(
            [
                {
                    "file": storable(loss.file),
                    "start_byte": loss.start,
                    "end_byte": loss.end,
                    "first_seq": loss.first_seq,
                    "last_seq": loss.last_seq,
                    "reason": storable(loss.reason),
                }
                for loss in cursor.losses
            ]
        ),
        "header": msgpack.packb(place.header.to_fields(), default=pack_big_ints),
        "state": cursor.state,
        "bytes": None if cursor.tally is None else cursor.tally.size,
        "digest": None if cursor.tally is None else cursor.tally.text,
    }


def others_of(db: Connection, place: Place) -> dict[int, tuple[Header, bytes, int, int]]:
    """Return the other writers of a run by id: header, state, records and losses of records."""
    if place.is_new_run:
        return {}
    rows = db.execute(
        "SELECT w.id, c.header, c.state, c.records, (SELECT count(*)"  # noqa: S608 - our own texts; values go as parameters
        " FROM jsonb_array_elements(c.losses) l WHERE jsonb_typeof(l -> 'first_seq') = 'number')"
        " FROM airtape.writers w"
        f" CROSS JOIN LATERAL {_LAST_OF_WRITER} WHERE w.run = %s AND w.id <> %s",
        (place.run, place.writer),
    )
    return {
        writer: (_header(header), bytes(state), int(records), lost)
        for writer, header, state, records, lost in rows
    }


def headers_of(db: Connection, run: int) -> dict[int, tuple[Header, int]]:
    """Return the writers of a run, sorted by uuid: ids with header and where they begin."""
    rows = db.execute(
        "SELECT w.id, c.header, c.since FROM airtape.writers w"  # noqa: S608 - our own texts; values go as parameters
        f" CROSS JOIN LATERAL {_LAST_OF_WRITER} WHERE w.run = %s ORDER BY w.writer",
        (run,),
    )
    return {writer: (_header(header), since) for writer, header, since in rows}


def _one(db: Connection, query: str, said: tuple[Any, ...]) -> tuple[Any, ...]:
    found = db.execute(query.encode(), said).fetchone()
    assert found is not None  # noqa: S101 - for the type checker; these queries have a row
    return found


def _header(packed: bytes) -> Header:
    header = header_from_fields(msgpack.unpackb(packed, ext_hook=unpack_ext))
    assert header is not None  # noqa: S101 - for the type checker; it was one when it was packed
    return header
