"""Opening the file of a SQLite store, and saying what is wrong with it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import quote as shell_quoted
from time import monotonic, sleep
from typing import Final
from urllib.parse import quote

from airtape.backends.sqlite_at_rest import Rest, connect_at_rest, rest_of
from airtape.backends.sqlite_rollback import roll_back
from airtape.backends.sqlite_schema import is_current, migrate
from airtape.errors import TargetError, TransientError
from airtape.filesystems import why_locks_fail

BUSY_S: Final = 15
"""How long to wait for another process that writes to the store. Nothing ends this waiting."""
IMPATIENT_S: Final = 1
"""The same for a sync, which then asks again, unless it is to end or has asked for long enough."""
RETRY_S: Final = 0.01
CACHE_KIB: Final = 32 << 10
WANDB_FOLDERS: Final = frozenset({"wandb", ".wandb"})
"""Names of folders that are made for a store when they are missing."""


class Store:
    """The file of a store, opened when it is first needed.

    A store that does not exist yet is made by the first transaction; until then it reads as empty.

    Args:
        location: What stands behind ``sqlite:``: a path, or ``//`` and an absolute path.
        busy_s: Seconds to wait for another process that writes.
        pause: Waits so many seconds.
        find_fault: Returns what kind of file system makes locks in a folder useless, if any does.

    Attributes:
        path: The file.
        fault: What kind of file system makes its locks useless, if any does.

    Raises:
        TargetError: The file cannot be opened or made, or is something else.
    """

    def __init__(
        self,
        location: str,
        *,
        busy_s: float = BUSY_S,
        pause: Callable[[float], None] = sleep,
        find_fault: Callable[[Path], str | None] = why_locks_fail,
    ) -> None:
        self.path = path_of(location)
        self.fault: str | None = None
        self._busy_s = busy_s
        self._pause = pause
        self._find_fault = find_fault
        self._connection: sqlite3.Connection | None = None
        self._rest: Rest | None = None
        self._writes = False
        with self.failing():
            _check_place(self.path)
            if self.path.exists():
                self._open()

    @property
    def notes(self) -> list[str]:
        """What the user should know about the store's place."""
        if self.fault is None:
            return []
        note = (
            f"{self.path} is on {self.fault}: it works, but slowly, and only one process at a time "
            "can read or write it. A store on a local disk serves better: "
            "--to sqlite:/local/path/tracker.db"
        )
        return [note]

    def _open(self) -> sqlite3.Connection:
        if self._has_changed():
            self.close()
        if self._connection is None:
            if self.path.parent.name in WANDB_FOLDERS:
                self.path.parent.mkdir(exist_ok=True)
            self.fault = self._find_fault(self.path.parent)
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        give_up_at = monotonic() + self._busy_s
        connection = self._try_to_connect(give_up_at)
        while connection is None:
            self._pause(RETRY_S)
            connection = self._try_to_connect(give_up_at)
        connection.execute(f"PRAGMA busy_timeout = {round(self._busy_s * 1000)}")
        return connection

    def _try_to_connect(self, give_up_at: float) -> sqlite3.Connection | None:
        try:
            return _connect(self.path, self.fault)
        except sqlite3.OperationalError as error:
            # While one process turns a new file into a store, SQLite does not let others wait.
            if "locked" in str(error) and monotonic() < give_up_at:
                return None
            if _may(self.path.resolve().parent, os.W_OK | os.X_OK):
                raise
            resting = connect_at_rest(self.path)
            if resting is None:
                raise
            connection, self._rest = resting
            return connection

    def _has_changed(self) -> bool:
        """Tell whether a store that is read as one at rest was written meanwhile."""
        return self._rest is not None and self._rest != rest_of(self.path)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the store for writing; all of the changes are kept, or none after an exception.

        Raises:
            TargetError: SQLite failed.
        """
        with self.failing():
            connection = self._open()
            if not self._writes:
                if self.fault is None:
                    _use_wal(connection)
                self._writes = True
            with _between(connection, "BEGIN IMMEDIATE"):
                yield connection

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection | None]:
        """Read the store as it is at one moment; None when there is no store yet.

        Raises:
            TargetError: SQLite failed, or what was read is not of one moment.
        """
        with self.failing():
            if self._connection is None and not self.path.exists():
                yield None
            else:
                with _between(self._open(), "BEGIN") as connection:
                    yield connection
                if self._has_changed():
                    raise TransientError(
                        "the store was written while it was read",
                        where=str(self.path),
                        hint="Try again.",
                    )

    def close(self) -> None:
        """Close the file; may be called again."""
        if self._connection is not None:
            self._connection.close()
            self._connection, self._rest, self._writes = None, None, False

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Say what failed and what to try.

        Raises:
            TargetError: SQLite or the system failed.
        """
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            # Names in a damaged schema stand in SQLite's message, which then may be no text.
            what, hint = self._explain(error)
            kind = TransientError if "locked" in str(error) else TargetError
            raise kind(what, where=str(self.path), because=str(error), hint=hint) from error
        except OSError as error:
            what, hint = self._refused()
            raise TargetError(
                what, where=str(self.path), because=error.strerror, hint=hint
            ) from error

    def _refused(self) -> tuple[str, str]:
        """Return what the system does not allow, and what to try."""
        if self.path.exists() and not _may(self.path, os.R_OK):
            return "the store cannot be read", "Ask its owner to let you, or name another store."
        return "the store cannot be written", "Choose another place with --to sqlite:PATH."

    def _explain(self, error: Exception) -> tuple[str, str]:
        """Return what failed and what to try."""
        message = str(error)
        if "locked" in message:
            hint = "Let the other sync finish, then sync again."
            if Path(f"{self.path}.lock").exists():
                hint += f" If none is running, it was killed: remove {self.path}.lock"
            return "another process holds the store", hint
        if "readonly" in message or "unable to open" in message:
            return self._refused()
        if "full" in message or "disk I/O" in message:
            return "the store cannot be written", "Make room on its disk, then sync again."
        anew = f"tracker rebuild {shell_quoted(f'sqlite:{self.path}')}"
        if isinstance(error, sqlite3.OperationalError) and "malformed" not in message:
            return "the store does not work", f"Sync again; if it stays so, make it anew: {anew}"
        return (
            "the store is no SQLite database, or damaged",
            f"The logs are whole. Make it anew from them: {anew}",
        )


def path_of(location: str) -> Path:
    """Return the file that stands behind ``sqlite:`` in a URL."""
    return Path(location[2:] if location.startswith("///") else location)


def files_beside(path: Path) -> Path:
    """Return the folder for the content of files that belong to the runs of a store."""
    return Path(f"{os.path.realpath(path)}.files")


@contextmanager
def _between(connection: sqlite3.Connection, begin: str) -> Iterator[sqlite3.Connection]:
    connection.execute(begin)
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has already gone back after some errors; then there is nothing left to do.
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _check_place(path: Path) -> None:
    folder = path.parent
    above = folder.parent if folder.name in WANDB_FOLDERS and not folder.exists() else folder
    if not above.is_dir():
        raise TargetError(
            "the store's folder does not exist",
            where=str(folder),
            hint="Make the folder, or choose another place with --to sqlite:PATH.",
        )
    if path.is_dir():
        raise TargetError(
            "the store is a directory",
            where=str(path),
            hint=f"Name a file in it: --to sqlite:{path / 'tracker.db'}",
        )
    if not path.exists() and not _may(above, os.W_OK | os.X_OK):
        raise TargetError(
            "the store's folder cannot be written",
            where=str(above),
            hint="Choose another place with --to sqlite:PATH.",
        )


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _connect(path: Path, fault: str | None) -> sqlite3.Connection:
    """Open a store for reading; one that is new, or of an earlier version, is made what it is."""
    uri = f"file:{quote(os.fsencode(path.parent.resolve() / path.name))}"
    if fault is not None:
        # Locks of the usual kind are not to be trusted there, and WAL needs shared memory.
        uri += "?vfs=unix-dotfile"
        roll_back(path.resolve())
    connection = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)
    try:
        if fault is not None:
            _leave_wal(connection)
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        if not is_current(connection):
            if fault is None:
                _use_wal(connection)
            migrate(connection, str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _leave_wal(connection: sqlite3.Connection) -> None:
    """Turn a store that was moved from a local disk into one that needs no shared memory."""
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA locking_mode = NORMAL")
    # The lock goes with the next access.
    connection.execute("SELECT 1 FROM sqlite_master").fetchone()


def _use_wal(connection: sqlite3.Connection) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    # A power loss may take the last commits back, whole; the next sync brings them again.
    level = "NORMAL" if mode == "wal" else "FULL"
    connection.execute(f"PRAGMA synchronous = {level}")
