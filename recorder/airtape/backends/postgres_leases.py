"""Who is bringing which run to a PostgreSQL store at the moment: the last word on each counts."""

from __future__ import annotations

from airtape.backends.cursor import RunKey
from airtape.backends.lease import Lease
from airtape.backends.postgres_cursors import identity, lock
from airtape.backends.postgres_open import Connection
from airtape.backends.postgres_values import as_said, storable

_COLUMNS = "run_id, root, as_entity, as_project, owner"
_OF_LEASE = "host, boot_id, pid, start_ticks, renewed_ns, lasts_ns"


def take(db: Connection, run: RunKey, lease: Lease) -> Lease | None:
    """Put a run into somebody's hands; None if that was done, else in whose hands it stays."""
    lock(db, run, "lease")
    held = _held(db, run)
    if held is not None and not held.gives_way_to(lease):
        return held
    db.execute(
        f"INSERT INTO airtape.leases ({_COLUMNS}, {_OF_LEASE})"  # noqa: S608 - our names
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            *(*identity(run), storable(lease.owner), storable(lease.host)),
            *(storable(lease.boot_id), lease.pid, lease.start_ticks),
            *(lease.renewed_ns, lease.lasts_ns),
        ),
    )
    return None


def drop(db: Connection, run: RunKey, owner: str | None) -> None:
    """Take a run out of somebody's hands, or out of anybody's if there is no owner."""
    lock(db, run, "lease")
    held = _held(db, run)
    if held is not None and owner in {None, held.owner}:
        db.execute(
            f"INSERT INTO airtape.leases ({_COLUMNS}) VALUES (%s, %s, %s, %s, NULL)",  # noqa: S608 - ours
            identity(run),
        )


def _held(db: Connection, run: RunKey) -> Lease | None:
    found = db.execute(
        f"SELECT owner, {_OF_LEASE} FROM airtape.leases"  # noqa: S608 - our names
        " WHERE run_id = %s AND root = %s AND as_entity = %s AND as_project = %s"
        " ORDER BY id DESC LIMIT 1",
        identity(run),
    ).fetchone()
    if found is None or found[0] is None:
        return None
    owner, host, boot_id, *numbers = found
    return Lease(as_said(owner), as_said(host), as_said(boot_id), *map(int, numbers))
