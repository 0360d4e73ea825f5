"""The PostgreSQL store: a schema of a database, for many machines and many runs.

``docs/STORE.md`` lists its views. A sync needs no right but to read and to insert.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from airtape.backends import postgres_contents, postgres_cursors, postgres_leases
from airtape.backends.base import Batch, DirectoryHint, Held
from airtape.backends.cursor import Cursor, RunKey
from airtape.backends.lease import Lease
from airtape.backends.listing import WriterCursor
from airtape.backends.postgres_about import write_about
from airtape.backends.postgres_chunks import Tail, read_tail, write_changes
from airtape.backends.postgres_events import read_events, write_events
from airtape.backends.postgres_hints import forget_hints, read_hints, write_hints
from airtape.backends.postgres_history import erased_of, keys_of, points_of, rows_of, values_of
from airtape.backends.postgres_open import ANSWER_S, Connection, Database
from airtape.backends.postgres_tidy import forget_replaced, may_tidy
from airtape.file_copy import Digest
from airtape.fold.keys import path_of


class PostgresBackend:
    """A store in a PostgreSQL database.

    Values and cursor of a batch arrive in one transaction, in which the cursor is read again while
    an advisory lock keeps others from the run.

    Args:
        url: The URL, ``postgresql://…``.
        answer_s: How long a transaction may take, in seconds.

    Raises:
        TargetError: The URL is none, the server refuses, or there is no store.
        TransientError: The server does not answer at the moment.
    """

    transactional = True
    can_retract = True

    def __init__(self, url: str, *, answer_s: float = ANSWER_S) -> None:
        self.notes: Sequence[str] = ()
        self._store = Database(url, answer_s=answer_s)
        self._tails: dict[int, Tail] = {}
        self._tidies: bool | None = None

    def read_cursor(self, run: RunKey, writer: bytes) -> Cursor | None:
        """Return the cursor of a writer, None if nothing of it has come."""
        with self._store.query() as db:
            return postgres_cursors.look_up(db, run, writer)

    def commit(self, batch: Batch) -> bool:
        """Take in a batch if it builds on the cursor that is stored; tell whether it does."""
        tail = None
        with self._store.transaction(postgres_cursors.lock_of(batch.run, "commit")) as db:
            place = postgres_cursors.find(db, batch.run, batch.header.writer)
            if batch.base_version != (0 if place is None else place.version):
                return False
            if place is None:
                place = postgres_cursors.make(db, batch.run, batch.header)
            if batch.restart:
                place.since, place.header = batch.cursor.version, batch.header
            # What is known is forgotten until the transaction is through.
            tail = self._tails.pop(place.writer, None)
            if tail is None or tail.version != place.version:
                tail = read_tail(db, place)
            write_changes(db, place, batch.cursor.version, batch.changes, tail)
            write_events(db, place, batch.cursor.version, batch.events)
            write_about(db, place, batch)
            if self._tidies is None:
                self._tidies = may_tidy(db)
            if self._tidies:
                forget_replaced(db, place.run, place.writer)
        tail.version = batch.cursor.version
        self._tails[place.writer] = tail
        return True

    def take_lease(self, run: RunKey, lease: Lease) -> Lease | None:
        """Put a run into somebody's hands; None if that was done, else in whose hands it is."""
        with self._store.transaction(postgres_cursors.lock_of(run, "lease"), hasty=True) as db:
            return postgres_leases.take(db, run, lease)

    def drop_lease(self, run: RunKey, owner: str) -> None:
        """Take a run out of somebody's hands."""
        with self._store.transaction(postgres_cursors.lock_of(run, "lease"), hasty=True) as db:
            postgres_leases.drop(db, run, owner)

    def hints(self) -> Mapping[str, DirectoryHint]:
        """Return what is known of run directories, by path."""
        with self._store.query() as db:
            return read_hints(db)

    def keep_hints(self, hints: Mapping[str, DirectoryHint]) -> None:
        """Remember what run directories look like."""
        with self._store.transaction(hasty=True) as db:
            write_hints(db, hints)

    def retract(self, run: RunKey) -> None:
        """Forget a run, so that the next sync sends it anew; `compact` clears it away."""
        with self._store.transaction(postgres_cursors.lock_of(run, "commit")) as db:
            postgres_cursors.lock(db, run, "lease")
            forget_hints(db, run)
            postgres_leases.drop(db, run, None)
            for _, place in postgres_cursors.runs_like(db, run):
                db.execute("INSERT INTO airtape.retractions (run) VALUES (%s)", (place,))

    def runs(self, run_id: str | None = None) -> list[RunKey]:
        """Return the runs that something has come of, sorted: all, or those with this id."""
        with self._store.query() as db:
            found = postgres_cursors.runs_like(db, None)
        return [run for run, _ in found if run_id in {None, run.run_id}]

    def cursors(self) -> Iterator[WriterCursor]:
        """Yield the cursor of each writer, sorted by run and writer."""
        with self._store.snapshot(in_time=False) as db:
            found = [
                WriterCursor(run, header.writer, postgres_cursors.read(db, writer))
                for run, place in postgres_cursors.runs_like(db, None)
                for writer, (header, _) in postgres_cursors.headers_of(db, place).items()
            ]
        yield from found

    def dump(self, run: RunKey | None = None) -> Iterator[Held]:
        """Yield what the store holds of each writer, sorted by run and writer."""
        with self._store.query() as db:
            runs = postgres_cursors.runs_like(db, run)
        for key, place in runs:
            with self._store.snapshot(in_time=False) as db:
                held = _dump_run(db, key, place)
            yield from held

    def missing_files(self, files: Collection[Digest]) -> set[Digest]:
        """Return those of some contents that the store does not hold whole."""
        return postgres_contents.missing(self._store, files)

    def put_file(self, file: Digest, content: Iterable[bytes]) -> bool:
        """Take in a content, and tell whether it was what its digest says."""
        return file in self.put_files([(file, content)])

    def put_files(self, files: Iterable[tuple[Digest, Iterable[bytes]]]) -> set[Digest]:
        """Take in contents together, and return those that the store holds then."""
        return postgres_contents.put_all(self._store, files)

    def read_file(self, file: Digest) -> Iterator[bytes]:
        """Yield a content, piece by piece."""
        return postgres_contents.read(self._store, file)

    def close(self) -> None:
        """Hang up; may be called again."""
        self._tails.clear()
        self._store.close()


def _dump_run(db: Connection, run: RunKey, run_place: int) -> list[Held]:
    keys = keys_of(db, run_place)
    held = []
    for writer, (header, since) in postgres_cursors.headers_of(db, run_place).items():
        erased = erased_of(db, writer, since)
        points = points_of(values_of(db, writer, since, erased), keys)
        held.append(
            Held(
                run,
                header,
                postgres_cursors.read(db, writer),
                sorted(points, key=lambda point: (point.step, path_of(point.key))),
                rows_of(db, writer, since, erased),
                read_events(db, writer, since),
            )
        )
    return held
