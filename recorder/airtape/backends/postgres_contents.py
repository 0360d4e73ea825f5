"""Contents of files in a PostgreSQL store: in parts, which count when all of them have come.

Whoever syncs only inserts. So each upload has a name of its own, and a content is there as soon as
``contents`` names the upload that has it; what an upload that broke off has left is named nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from hashlib import sha256

from airtape.backends.postgres_open import Connection, Database
from airtape.file_copy import Digest


def missing(store: Database, files: Collection[Digest]) -> set[Digest]:
    """Return those of some contents that the store does not hold."""
    with store.snapshot() as db:
        rows = db.execute(
            "SELECT size, sha256 FROM airtape.contents WHERE sha256 = ANY(%s)",
            ([file.sha256 for file in files],),
        ).fetchall()
    return set(files) - {Digest(size, digest) for size, digest in rows}


def put(store: Database, file: Digest, content: Iterable[bytes]) -> bool:
    """Take in a content, part by part; tell whether it was what its digest says."""
    if not missing(store, [file]):
        return True
    upload = os.urandom(16).hex()
    digest, size = sha256(), 0
    for place, data in enumerate(content):
        digest.update(data)
        size += len(data)
        with store.transaction() as db:
            db.execute(
                "INSERT INTO airtape.content_parts (upload, place, data) VALUES (%s, %s, %s)",
                (upload, place, data),
            )
    if Digest(size, digest.hexdigest()) != file:
        return False
    with store.transaction() as db:
        db.execute(
            "INSERT INTO airtape.contents (sha256, size, upload) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            (file.sha256, file.size, upload),
        )
    return True


def read(store: Database, file: Digest) -> Iterator[bytes]:
    """Yield a content, part by part.

    Raises:
        LookupError: It is not there.
    """
    with store.snapshot() as db:
        found = db.execute(
            "SELECT upload FROM airtape.contents WHERE sha256 = %s AND size = %s",
            (file.sha256, file.size),
        ).fetchone()
    if found is None:
        raise LookupError(file.sha256)
    place = 0
    while True:
        with store.snapshot() as db:
            part = db.execute(
                "SELECT data FROM airtape.content_parts WHERE upload = %s AND place = %s",
                (found[0], place),
            ).fetchone()
        if part is None:
            return
        yield bytes(part[0])
        place += 1


def clear_away(db: Connection) -> None:
    """Remove what uploads that broke off have left; one may be going on for a day."""
    db.execute(
        "DELETE FROM airtape.content_parts p WHERE p.since < now() - interval '1 day'"
        " AND NOT EXISTS (SELECT 1 FROM airtape.contents c WHERE c.upload = p.upload)"
    )
