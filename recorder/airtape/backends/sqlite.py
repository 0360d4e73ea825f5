"""The SQLite store: one file that anybody can query. ``docs/STORE.md`` lists its views."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from airtape.backends import sqlite_about, sqlite_cursors, sqlite_history, sqlite_leases
from airtape.backends.base import Batch, DirectoryHint, Held
from airtape.backends.content_folder import ContentFolder
from airtape.backends.cursor import Cursor, RunKey
from airtape.backends.lease import Lease
from airtape.backends.listing import WriterCursor
from airtape.backends.sqlite_cursors import Place
from airtape.backends.sqlite_hints import forget_hints, read_hints, write_hints
from airtape.backends.sqlite_history import Keys
from airtape.backends.sqlite_open import IMPATIENT_S, Store, files_beside, path_of
from airtape.backends.sqlite_replacement import SqliteReplacement
from airtape.backends.sqlite_retract import forget_run, forget_writer
from airtape.file_copy import Digest


class SqliteBackend:
    """A store in one SQLite file.

    Values and cursor of a batch arrive in one transaction, in which the cursor is read again under
    the write lock.

    Args:
        location: What stands behind ``sqlite:`` in the target's URL.
        files: The folder for the content of files; beside the store by default.
        options: As for `airtape.backends.sqlite_open.Store`.

    Raises:
        TargetError: The file cannot be opened or made, or is something else.
    """

    transactional = True
    can_retract = True

    def __init__(self, location: str, *, files: Path | None = None, **options: Any) -> None:
        self._store = Store(location, **options)
        self._contents = ContentFolder(files or files_beside(self._store.path))
        self._keys = Keys()
        self._changes_of_others = -1

    @classmethod
    def impatient(cls, location: str) -> SqliteBackend:
        """Open a store for somebody who asks again when another process holds it."""
        return cls(location, busy_s=IMPATIENT_S)

    @classmethod
    def replacement(cls, location: str) -> SqliteReplacement:
        """Return the way to make a store anew."""
        # What is known by its digest need not be made anew.
        path = path_of(location)
        return SqliteReplacement(path, partial(cls, files=files_beside(path)))

    @property
    def notes(self) -> Sequence[str]:
        """What the user should know about the store's place."""
        return self._store.notes

    def read_cursor(self, run: RunKey, writer: bytes) -> Cursor | None:
        """Return the cursor of a writer, None if nothing of it has come."""
        with self._store.snapshot() as db:
            place = None if db is None else sqlite_cursors.find(db, run, writer)
            if db is None or place is None:
                return None
            return sqlite_cursors.read(db, place.writer)

    def commit(self, batch: Batch) -> bool:
        """Take in a batch if it builds on the cursor that is stored; tell whether it does."""
        writer = batch.header.writer
        try:
            with self._store.transaction() as db:
                self._forget_keys_of_others(db)
                place = sqlite_cursors.find(db, batch.run, writer)
                if sqlite_cursors.version_of(db, place) != batch.base_version:
                    return False
                if place is None:
                    place = sqlite_cursors.make(db, batch.run, writer)
                if batch.restart:
                    forget_writer(db, place)
                sqlite_history.write_changes(db, place, batch.changes, self._keys)
                sqlite_history.write_events(db, place.writer, batch.events)
                sqlite_cursors.write(db, place.writer, batch.cursor, batch.header)
                sqlite_about.write_about(db, place, batch)
        except BaseException:
            self._keys.clear()
            raise
        return True

    def _forget_keys_of_others(self, db: sqlite3.Connection) -> None:
        """Drop the cache of keys when another process has written since it was filled."""
        (changes,) = db.execute("PRAGMA data_version").fetchone()
        if changes != self._changes_of_others:
            self._keys.clear()
            self._changes_of_others = changes

    def take_lease(self, run: RunKey, lease: Lease) -> Lease | None:
        """Put a run into somebody's hands; None if that was done, else in whose hands it is."""
        with self._store.snapshot() as db:
            # To see that it is held takes no turn at writing.
            holder = None if db is None else sqlite_leases.holder(db, run, lease)
        if holder is not None:
            return holder
        with self._store.transaction() as db:
            return sqlite_leases.take(db, run, lease)

    def drop_lease(self, run: RunKey, owner: str) -> None:
        """Take a run out of somebody's hands."""
        with self._store.transaction() as db:
            sqlite_leases.drop(db, run, owner)

    def hints(self) -> Mapping[str, DirectoryHint]:
        """Return what is known of run directories, by path."""
        with self._store.snapshot() as db:
            return {} if db is None else read_hints(db)

    def keep_hints(self, hints: Mapping[str, DirectoryHint]) -> None:
        """Remember what run directories look like."""
        with self._store.transaction() as db:
            write_hints(db, hints)

    def retract(self, run: RunKey) -> None:
        """Forget a run, so that the next sync sends it anew."""
        with self._store.transaction() as db:
            self._keys.clear()
            forget_hints(db, run)
            sqlite_leases.drop(db, run, None)
            for _, place in sqlite_cursors.runs_like(db, run):
                forget_run(db, place)

    def runs(self, run_id: str | None = None) -> list[RunKey]:
        """Return the runs that something has come of, sorted: all, or those with this id."""
        with self._store.snapshot() as db:
            found = [] if db is None else sqlite_cursors.runs_like(db, None)
        return [run for run, _ in found if run_id in {None, run.run_id}]

    def cursors(self) -> Iterator[WriterCursor]:
        """Yield the cursor of each writer, sorted by run and writer."""
        with self._store.snapshot() as db:
            runs = [] if db is None else sqlite_cursors.runs_like(db, None)
            found = [
                WriterCursor(run, header.writer, sqlite_cursors.read(db, writer))
                for run, place in runs
                if db is not None
                for writer, header in sqlite_cursors.headers_of(db, place).items()
            ]
        yield from found

    def dump(self, run: RunKey | None = None) -> Iterator[Held]:
        """Yield what the store holds of each writer, sorted by run and writer."""
        with self._store.snapshot() as db:
            runs = [] if db is None else sqlite_cursors.runs_like(db, run)
        for key, place in runs:
            yield from self._dump_run(key, place)

    def _dump_run(self, run: RunKey, run_place: int) -> list[Held]:
        with self._store.snapshot() as db:
            assert db is not None  # noqa: S101 - for the type checker; the run was found there
            return [
                Held(
                    run,
                    header,
                    sqlite_cursors.read(db, writer),
                    sqlite_history.read_points(db, Place(run_place, writer)),
                    sqlite_history.read_rows(db, Place(run_place, writer)),
                    sqlite_history.read_events(db, writer),
                )
                for writer, header in sqlite_cursors.headers_of(db, run_place).items()
            ]

    def missing_files(self, files: Collection[Digest]) -> set[Digest]:
        """Return those of some contents that the store does not hold whole."""
        with self._store.failing():
            return self._contents.missing(files)

    def put_file(self, file: Digest, content: Iterable[bytes]) -> bool:
        """Take in a content, and tell whether it was what its digest says."""
        with self._store.failing():
            return self._contents.put(file, content)

    def put_files(self, files: Iterable[tuple[Digest, Iterable[bytes]]]) -> set[Digest]:
        """Take in contents together, and return those that were what their digests say."""
        with self._store.failing():
            return self._contents.put_all(files)

    def read_file(self, file: Digest) -> Iterator[bytes]:
        """Yield a content, piece by piece."""
        with self._store.failing():
            yield from self._contents.read(file)

    def forget_file(self, file: Digest) -> None:
        """Drop a content that no record names any more."""
        with self._store.failing():
            self._contents.forget(file)

    def close(self) -> None:
        """Close the file; may be called again."""
        self._store.close()
