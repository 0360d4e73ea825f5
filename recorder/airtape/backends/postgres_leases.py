"""Who is bringing which run to a PostgreSQL store at the moment: the last word on each counts."""

from __future__ import annotations

from airtape.backends.cursor import RunKey
from airtape.backends.lease import Lease
from airtape.backends.postgres_cursors import identity
from airtape.backends.postgres_open import Connection
from airtape.backends.postgres_values import as_said, storable

_COLUMNS = "run_id, root, as_entity, as_project, owner"
_OF_LEASE = "host, boot_id, pid, start_ticks, renewed_ns, lasts_ns"
_LAST_WORD = (
    f"(SELECT owner, {_OF_LEASE} FROM airtape.leases"  # noqa: S608 - our own texts; values go as parameters
    " WHERE run_id = %s AND root = %s AND as_entity = %s AND as_project = %s"
    " ORDER BY id DESC LIMIT 1)"
)
_ADD = f"INSERT INTO airtape.leases ({_COLUMNS}, {_OF_LEASE})"


def take(db: Connection, run: RunKey, lease: Lease) -> Lease | None:
    """Put a run into somebody's hands; None if that was done, else in whose hands it stays.

    The transaction holds the run's lock for leases.
    """
    said = (
        *(*identity(run), storable(lease.owner), storable(lease.host)),
        *(storable(lease.boot_id), lease.pid, lease.start_ticks),
        *(lease.renewed_ns, lease.lasts_ns),
    )
    added = f"{_ADD} SELECT %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s"
    found = db.execute(
        f"WITH held AS (SELECT * FROM {_LAST_WORD} l WHERE owner <> %s),"  # noqa: S608 - our own texts; values go as parameters
        f" added AS ({added} WHERE NOT EXISTS (SELECT FROM held))"
        " SELECT * FROM held",
        (*identity(run), storable(lease.owner), *said),
    ).fetchone()
    if found is None:
        return None
    owner, host, boot_id, *numbers = found
    held = Lease(as_said(owner), as_said(host), as_said(boot_id), *map(int, numbers))
    if not held.gives_way_to(lease):
        return held
    db.execute(added.encode(), said)
    return None


def drop(db: Connection, run: RunKey, owner: str | None) -> None:
    """Take a run out of somebody's hands, or out of anybody's if there is no owner.

    The transaction holds the run's lock for leases.
    """
    said = None if owner is None else storable(owner)
    db.execute(
        f"INSERT INTO airtape.leases ({_COLUMNS}) SELECT %s, %s, %s, %s, NULL"  # noqa: S608 - our own texts; values go as parameters
        f" FROM {_LAST_WORD} l WHERE owner = coalesce(%s, owner)",
        (*identity(run), *identity(run), said),
    )
