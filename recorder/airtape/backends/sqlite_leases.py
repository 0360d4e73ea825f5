"""Who is bringing which run to a SQLite store at the moment."""

from __future__ import annotations

import sqlite3

from airtape.backends.cursor import RunKey
from airtape.backends.lease import Lease
from airtape.backends.sqlite_damage import reading

_RUN = "run_id = ? AND root = ? AND as_entity = ? AND as_project = ?"


@reading
def holder(db: sqlite3.Connection, run: RunKey, lease: Lease) -> Lease | None:
    """Return in whose hands a run is and would stay; None if it is there for the taking."""
    columns = "owner, host, boot_id, pid, start_ticks, renewed_ns, lasts_ns"
    sql = f"SELECT {columns} FROM leases WHERE {_RUN}"  # noqa: S608 - our names
    found = db.execute(sql, _identity(run)).fetchone()
    held = None if found is None else Lease(*found)
    return None if held is None or held.gives_way_to(lease) else held


def take(db: sqlite3.Connection, run: RunKey, lease: Lease) -> Lease | None:
    """Put a run into somebody's hands; None if that was done, else in whose hands it stays."""
    held = holder(db, run, lease)
    if held is not None:
        return held
    db.execute(
        "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *_identity(run),
            *(lease.owner, lease.host, lease.boot_id, lease.pid, lease.start_ticks),
            *(lease.renewed_ns, lease.lasts_ns),
        ),
    )
    return None


def drop(db: sqlite3.Connection, run: RunKey, owner: str | None) -> None:
    """Take a run out of somebody's hands, or out of anybody's if there is no owner."""
    sql = f"DELETE FROM leases WHERE {_RUN} AND owner = ifnull(?, owner)"  # noqa: S608 - our names
    db.execute(sql, (*_identity(run), owner))


def _identity(run: RunKey) -> tuple[str, str, str, str]:
    return run.run_id, run.root.hex(), run.entity, run.project
