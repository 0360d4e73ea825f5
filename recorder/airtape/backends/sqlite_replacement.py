"""Making a SQLite store anew beside the old file, and putting it in its place."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from airtape.backends.base import Backend
from airtape.backends.replacement import left_beside, new_name_beside, old_name_beside
from airtape.errors import TargetError, TransientError
from airtape.filesystems import why_locks_fail

_BESIDE: Final = ("-wal", "-shm", "-journal")
"""Endings of the files in which SQLite keeps what is not in a store yet."""


class SqliteReplacement:
    """A new SQLite store beside an old one; see `airtape.backends.replacement.Replacement`.

    Args:
        path: The old store; where it is a link, what that leads to is replaced.
        open_store: Opens a store.
        busy_s: Seconds to wait for others who use the old one.
        find_fault: As for `airtape.backends.sqlite_open.Store`.
    """

    def __init__(
        self,
        path: Path,
        open_store: Callable[[str], Backend],
        *,
        busy_s: float = 1,
        find_fault: Callable[[Path], str | None] = why_locks_fail,
    ) -> None:
        self._path = Path(os.path.realpath(path))
        self._new = new_name_beside(self._path)
        self._open_store = open_store
        self._busy_s = busy_s
        self._find_fault = find_fault
        for left in left_beside(self._path):
            left.unlink(missing_ok=True)

    def open(self) -> Backend:
        """Open the new store."""
        return self._open_store(str(self._new))

    def swap(self) -> Path | None:
        """Put the new store in the place of the old one."""
        try:
            self._complete()
            with self._alone():
                return self._put_in_place()
        except sqlite3.Error as error:
            busy = "locked" in str(error)
            kind = TransientError if busy else TargetError
            raise kind(
                "the old store cannot be replaced",
                where=str(self._path),
                because="somebody has it open" if busy else str(error),
                hint="End what reads or writes it, then try again.",
            ) from error
        except OSError as error:
            raise TargetError(
                "the old store cannot be replaced",
                where=str(self._path),
                because=error.strerror or str(error),
            ) from error

    def discard(self) -> None:
        """Remove the new store, if it is still there."""
        for end in ("", *_BESIDE, ".lock"):
            with suppress(OSError):
                Path(f"{self._new}{end}").unlink(missing_ok=True)

    def _complete(self) -> None:
        """Bring everything into the file of the new store, and the file onto its disk."""
        with closing(self._open_store(str(self._new))) as store:
            # Makes the file where not a single run was sent.
            store.keep_hints({})
        with closing(self._connect(self._new)) as db:
            db.execute("PRAGMA journal_mode = DELETE")
        with self._new.open("rb") as file:
            os.fsync(file.fileno())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others out of the old store, with nothing of it in files beside it.

        SQLite would take a file beside the old store for one of the new store's, and spoil that.
        """
        if not self._path.exists():
            yield
            return
        with closing(self._connect(self._path)) as db:
            try:
                (mode,) = db.execute("PRAGMA journal_mode = DELETE").fetchone()
                if mode == "wal":
                    raise sqlite3.OperationalError("locked")
                db.execute("BEGIN EXCLUSIVE")
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                    raise
                # So damaged that nobody can be using it.
            yield

    def _connect(self, path: Path) -> sqlite3.Connection:
        fault = self._find_fault(path.parent)
        uri = f"file:{quote(os.fsencode(path))}?mode=rw" + ("&vfs=unix-dotfile" if fault else "")
        return sqlite3.connect(uri, uri=True, timeout=self._busy_s, isolation_level=None)

    def _put_in_place(self) -> Path | None:
        if not self._path.exists():
            self._new.replace(self._path)
            return None
        kept = old_name_beside(self._path)
        for end in _BESIDE:
            with suppress(FileNotFoundError):
                Path(f"{self._path}{end}").rename(f"{kept}{end}")
        try:
            kept.hardlink_to(self._path)
        except OSError:
            # No file system for hard links: for a moment there is no store.
            self._path.rename(kept)
        self._new.replace(self._path)
        return kept
