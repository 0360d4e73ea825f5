"""Contents of files in a PostgreSQL store: in parts, which count when all of them have come.

Whoever syncs only inserts. So each upload has a name of its own, and a content is there as soon as
``contents`` names the upload that has it; what an upload that broke off has left is named nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from airtape.backends.postgres_open import Connection, Database
from airtape.errors import TargetError
from airtape.file_copy import Digest

MOST_BYTES: Final = 256 << 10
"""How many bytes wait to be sent in one transaction: few enough for a slow line to bring them in
the time that it may take. A larger part is sent without others."""
ROW_BYTES: Final = 256
"""What each content, and each part, counts beside its bytes."""


def missing(store: Database, files: Collection[Digest]) -> set[Digest]:
    """Return those of some contents that the store does not hold."""
    with store.query() as db:
        rows = db.execute(
            "SELECT size, sha256 FROM airtape.contents WHERE sha256 = ANY(%s)",
            ([file.sha256 for file in files],),
        ).fetchall()
    return set(files) - {Digest(size, digest) for size, digest in rows}


def put_all(store: Database, files: Iterable[tuple[Digest, Iterable[bytes]]]) -> set[Digest]:
    """Take in contents, each whole or not at all; return those that the store holds then.

    An exception that `files` or a content raises is passed on; what had come by then is kept,
    unless it is of a target: a server that is stuck would take its time once more.
    """
    batch = _Batch(store)
    try:
        for file, content in files:
            batch.add(file, content)
    except TargetError:
        raise
    except BaseException:
        with suppress(TargetError):
            batch.settle()
        raise
    batch.settle()
    return batch.held


@dataclass(slots=True)
class _Upload:
    """A content on its way.

    Attributes:
        parts: Those that were not sent yet, with their places.
        is_whole: Whether all of them have come, and are what its digest says.
        is_new: Whether the store is known not to have held the content.
        name: What the parts belong to.
    """

    parts: list[tuple[int, bytes]] = field(default_factory=list)
    is_whole: bool = False
    is_new: bool = False
    name: str = field(default_factory=lambda: os.urandom(16).hex())


class _Batch:
    """Contents on their way into a store, as many in a transaction as there is room for.

    None is open while a content is handed over: whoever does that may use the store, and take long.

    Attributes:
        held: The contents that are there.
    """

    def __init__(self, store: Database) -> None:
        self._store = store
        self._uploads: dict[Digest, _Upload] = {}
        self._size = 0
        self.held: set[Digest] = set()

    def add(self, file: Digest, content: Iterable[bytes]) -> None:
        """Take in a content; if it is not what its digest says, only ask whether it is there."""
        waiting = self._uploads.get(file)
        if file in self.held or (waiting is not None and waiting.is_whole):
            return
        self._make_room(0)
        upload = self._uploads[file] = _Upload()
        is_whole = False
        try:
            is_whole = self._gather(file, upload, content) == file
        finally:
            if not is_whole:
                upload.parts.clear()
        upload.is_whole = is_whole

    def _gather(self, file: Digest, upload: _Upload, content: Iterable[bytes]) -> Digest:
        """Keep the parts of a content until they are sent, and return what they were."""
        digest, size = sha256(), 0
        for place, data in enumerate(content):
            self._make_room(len(data))
            if file in self.held:
                break
            self._uploads[file] = upload
            upload.parts.append((place, data))
            digest.update(data)
            size += len(data)
        return Digest(size, digest.hexdigest())

    def _make_room(self, size: int) -> None:
        if self._size + ROW_BYTES + size > MOST_BYTES:
            self.settle()
        self._size += ROW_BYTES + size

    def settle(self) -> None:
        """Send what waits, but for contents that are there by now."""
        uploads, self._uploads, self._size = self._uploads, {}, 0
        unknown = [file for file, upload in uploads.items() if not upload.is_new]
        if unknown:
            new = missing(self._store, unknown)
            self.held |= set(unknown) - new
            for file in new:
                uploads[file].is_new = True
        for file in self.held & uploads.keys():
            del uploads[file]
        whole = {file: upload for file, upload in uploads.items() if upload.is_whole}
        if whole or any(upload.parts for upload in uploads.values()):
            with self._store.transaction() as db:
                _add_parts(db, uploads.values())
                _name(db, whole)
        self.held |= whole.keys()
        for upload in uploads.values():
            upload.parts.clear()


def _add_parts(db: Connection, uploads: Iterable[_Upload]) -> None:
    parts = [(upload.name, place, data) for upload in uploads for place, data in upload.parts]
    if parts:
        names, places, datas = zip(*parts, strict=True)
        db.execute(
            "INSERT INTO airtape.content_parts (upload, place, data)"
            " SELECT * FROM unnest(%b::text[], %b::int[], %b::bytea[])",
            (list(names), list(places), list(datas)),
        )


def _name(db: Connection, whole: dict[Digest, _Upload]) -> None:
    """Have contents counted as there.

    In one order, whoever does it: of two that bring the same, each would else wait for the other.
    """
    if whole:
        sizes, digests = zip(*whole, strict=True)
        names = [upload.name for upload in whole.values()]
        db.execute(
            "INSERT INTO airtape.contents (sha256, size, upload)"
            " SELECT * FROM unnest(%b::text[], %b::bigint[], %b::text[]) ORDER BY 1, 2"
            " ON CONFLICT DO NOTHING",
            (list(digests), list(sizes), names),
        )


def read(store: Database, file: Digest) -> Iterator[bytes]:
    """Yield a content, part by part.

    Raises:
        LookupError: It is not there.
    """
    with store.query() as db:
        found = db.execute(
            "SELECT upload FROM airtape.contents WHERE sha256 = %s AND size = %s",
            (file.sha256, file.size),
        ).fetchone()
    if found is None:
        raise LookupError(file.sha256)
    place = 0
    while True:
        with store.query() as db:
            part = db.execute(
                "SELECT data FROM airtape.content_parts WHERE upload = %s AND place = %s",
                (found[0], place),
            ).fetchone()
        if part is None:
            return
        yield bytes(part[0])
        place += 1


def clear_away(db: Connection) -> None:
    """Remove what uploads that broke off have left: those that got no part for a day."""
    db.execute(
        "DELETE FROM airtape.content_parts p WHERE p.since < now() - interval '1 day'"
        " AND NOT EXISTS (SELECT 1 FROM airtape.contents c WHERE c.upload = p.upload)"
        " AND NOT EXISTS (SELECT 1 FROM airtape.content_parts other WHERE other.upload = p.upload"
        " AND other.since >= now() - interval '1 day')"
    )
