"""The tables of a SQLite store, and how those of earlier versions become the present ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from airtape.backends.sqlite_views import create_views
from airtape.errors import TargetError

if TYPE_CHECKING:
    from sqlite_utils import Database


_KEYED: tuple[tuple[str, str, str], ...] = (
    ("points", "run, key, step, writer", "seq INTEGER NOT NULL, value, kind TEXT"),
    ("rows", "run, step, writer", "timestamp REAL, runtime REAL"),
    ("config_values", "run, path", "name TEXT NOT NULL, value, kind TEXT"),
    ("summary_values", "run, path", "name TEXT NOT NULL, value, kind TEXT"),
    ("metadata_values", "run, path", "name TEXT NOT NULL, value, kind TEXT"),
    ("run_tags", "run, place", "tag TEXT NOT NULL"),
    (
        "definitions",
        "run, name, is_prefix",
        "step_metric TEXT, step_sync INTEGER, hidden INTEGER, summary TEXT, goal TEXT",
    ),
    ("events", "writer, seq", "record_kind INTEGER NOT NULL, wall_ns INTEGER"),
    ("event_fields", "writer, seq, path", "value, kind TEXT"),
    (
        "cursor_files",
        "writer, name",
        """read_to INTEGER, frame_start INTEGER, frame_crc INTEGER, max_seq INTEGER,
        size INTEGER, mtime_ns INTEGER""",
    ),
    ("directories", "path", "mtime_ns INTEGER, entity TEXT, project TEXT, name TEXT"),
    (
        "directory_files",
        "directory, name",
        """size INTEGER, mtime_ns INTEGER, run_id TEXT, root TEXT, as_entity TEXT,
        as_project TEXT, writer TEXT, done INTEGER""",
    ),
)
"""Tables without a row id: name, columns of the primary key, other columns."""
_TEXT_KEYS = frozenset({"path", "name", "directory"})


def _first_tables(db: Database) -> None:
    """What every store began with."""
    db.create_table(
        "runs",
        {
            "id": int,
            "run_id": str,
            "root": str,
            "as_entity": str,
            "as_project": str,
            "entity": str,
            "project": str,
            "name": str,
            "notes": str,
            "run_group": str,
            "job_type": str,
            "host": str,
            "user": str,
            "program": str,
            "library": str,
            "exited": int,
            "exit_code": int,
            "exit_how": str,
            "exit_signal": str,
            "exit_exception": str,
            "preempting": int,
            "began_ns": int,
            "heard_ns": int,
            "last_step": int,
            "rows": int,
            "dropped": int,
            "alerts": int,
            "writers": int,
            "records": int,
            "lost": int,
        },
        pk="id",
        not_null={"run_id", "root", "as_entity", "as_project"},
    )
    db.table("runs").create_index(["run_id", "root", "as_entity", "as_project"], unique=True)
    db.create_table(
        "writers",
        {
            "id": int,
            "run": int,
            "writer": str,
            "role": str,
            "label": str,
            "host": str,
            "boot_id": str,
            "pid": int,
            "start_ticks": int,
            "heartbeat_s": float,
            "library": str,
            "resumed": int,
            "start_step": int,
            "rewind_to": int,
            "place": int,
            "hidden_after": int,
            "began_ns": int,
            "heard_ns": int,
            "exit_code": int,
            "exit_how": str,
            "last_step": int,
        },
        pk="id",
        not_null={"run", "writer"},
        foreign_keys=[("run", "runs", "id")],
    )
    db.table("writers").create_index(["run", "writer"], unique=True)
    db.create_table(
        "cursors",
        {
            "writer": int,
            "version": int,
            "records": int,
            "received": str,
            "ended": int,
            "header": bytes,
            "state": bytes,
        },
        pk="writer",
        not_null={"version", "records", "received"},
        foreign_keys=[("writer", "writers", "id")],
    )
    db.create_table(
        "losses",
        {
            "writer": int,
            "file": str,
            "start_byte": int,
            "end_byte": int,
            "first_seq": int,
            "last_seq": int,
            "reason": str,
        },
        not_null={"writer", "file"},
        foreign_keys=[("writer", "writers", "id")],
    )
    db.table("losses").create_index(["writer"])
    db.create_table(
        "keys",
        {"id": int, "run": int, "name": str, "path": str},
        pk="id",
        not_null={"run", "name", "path"},
        foreign_keys=[("run", "runs", "id")],
    )
    db.table("keys").create_index(["run", "path"], unique=True)
    db.table("keys").create_index(["run", "name"])
    for name, key, others in _KEYED:
        columns = ", ".join(
            f"{column} {'TEXT' if column in _TEXT_KEYS else 'INTEGER'} NOT NULL"
            for column in key.split(", ")
        )
        # sqlite-utils has no word for tables without a row id.
        db.execute(f"CREATE TABLE {name} ({columns}, {others}, PRIMARY KEY ({key})) WITHOUT ROWID")


def _leases(db: Database) -> None:
    """Who is bringing which run."""
    db.execute(
        "CREATE TABLE leases (run_id TEXT NOT NULL, root TEXT NOT NULL, as_entity TEXT NOT NULL,"
        " as_project TEXT NOT NULL, owner TEXT, host TEXT, boot_id TEXT, pid INTEGER,"
        " start_ticks INTEGER, renewed_ns INTEGER, lasts_ns INTEGER,"
        " PRIMARY KEY (run_id, root, as_entity, as_project)) WITHOUT ROWID"
    )


def _tallies(db: Database) -> None:
    """What the records that have come amount to; not known of those that came before."""
    db.execute("ALTER TABLE cursors ADD COLUMN bytes INTEGER")
    db.execute("ALTER TABLE cursors ADD COLUMN digest TEXT")


def _records_by_kind(db: Database) -> None:
    """The way to the records of one kind, such as samples of the system, among many others."""
    db.table("events").create_index(["writer", "record_kind"])


def _output(_: Database) -> None:
    """Nothing but a view, which comes with the others."""


def _files(_: Database) -> None:
    """Nothing but a view, which comes with the others."""


MIGRATIONS: tuple[Callable[[Database], None], ...] = (
    _first_tables,
    _leases,
    _tallies,
    _records_by_kind,
    _output,
    _files,
)
"""What brings a store from each version to the next; only ever appended to."""


def is_current(connection: sqlite3.Connection) -> bool:
    """Tell whether a store has the present schema.

    Raises:
        sqlite3.Error: The file cannot be read, or is no database.
    """
    return _version_of(connection) == len(MIGRATIONS)


def _version_of(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def migrate(connection: sqlite3.Connection, where: str) -> None:
    """Bring a store to the present schema, all the way or not at all.

    Raises:
        TargetError: The store is of a later version, or the file is somebody else's database.
        sqlite3.Error: It cannot be read or written.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version_of(connection)
        _check(connection, version, where)
        # Of several who find a new file, those who had to wait find it done.
        if version < len(MIGRATIONS):
            _bring_on(connection, version)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _bring_on(connection: sqlite3.Connection, version: int) -> None:
    from sqlite_utils import Database  # noqa: PLC0415 - takes long to load, and is needed once

    db = Database(connection)
    for bring_on in MIGRATIONS[version:]:
        bring_on(db)
    create_views(db)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _check(connection: sqlite3.Connection, version: int, where: str) -> None:
    if version > len(MIGRATIONS):
        raise TargetError(
            f"the store is of schema version {version}",
            where=where,
            because=f"this airtape knows versions up to {len(MIGRATIONS)}",
            hint="Install a later airtape, or sync to another file.",
        )
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise TargetError(
            "this database is no store of runs",
            where=where,
            because="it has tables of something else",
            hint="Sync to another file.",
        )
