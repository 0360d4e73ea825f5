"""Targets that keep the content of files, and a look at what they keep it in."""

from __future__ import annotations

from contextlib import closing
from hashlib import sha256
from typing import Protocol
from urllib.parse import urlsplit

import psycopg

from airtape.backends.contents import KeepsFiles
from airtape.backends.postgres_entry import compact_store
from airtape.backends.registry import open_backend
from airtape.file_copy import Digest
from tests.sync_faults.targets import Databases, Files, Targets, store_of

_CONTENTS = """
SELECT sha256, size, coalesce((SELECT string_agg(p.data, '' ORDER BY p.place)
  FROM airtape.content_parts p WHERE p.upload = c.upload), '') FROM airtape.contents c
"""
_UNNAMED = """
SELECT count(*) FROM airtape.content_parts p
WHERE NOT EXISTS (SELECT 1 FROM airtape.contents c WHERE c.upload = p.upload)
"""


class Keeping(Targets, Protocol):
    """Targets of one kind, which keep contents."""

    def held(self, url: str) -> int:
        """Return how many contents a target has; fails if one is not what its name says."""

    def left(self, url: str) -> int:
        """Return how many pieces of broken uploads are there for good."""


class Folders(Files):
    """Targets that keep contents in a folder."""

    def held(self, url: str) -> int:
        """Return how many contents a target has; fails if one is not what its name says."""
        held = [path for path in store_of(url).parent.rglob("??/*") if len(path.name) == 64]
        for path in held:
            assert sha256(path.read_bytes()).hexdigest() == path.name
        return len(held)

    def left(self, url: str) -> int:
        """Return how many files were written aside and are still there."""
        return len([*store_of(url).parent.rglob(".new/*")])


class Stores(Databases):
    """Targets that keep contents in a PostgreSQL database.

    Attributes:
        broken: Number of pieces of broken uploads that were there before they were removed.
    """

    broken = 0

    def held(self, url: str) -> int:
        """Return how many contents a target has; fails if one is not what its name says."""
        with psycopg.connect(self._owned(url)) as db:
            rows = db.execute(_CONTENTS).fetchall()
        for digest, size, data in rows:
            assert (sha256(data).hexdigest(), len(data)) == (digest, size)
        return len(rows)

    def left(self, url: str) -> int:
        """Return how many pieces of broken uploads compacting leaves, a good day later."""
        owned = self._owned(url)
        self.broken += self._unnamed(owned)
        with psycopg.connect(owned) as db:
            db.execute("UPDATE airtape.content_parts SET since = since - interval '25 hours'")
        compact_store(owned)
        return self._unnamed(owned)

    def _owned(self, url: str) -> str:
        return self.server.url(urlsplit(url).path[1:])

    @staticmethod
    def _unnamed(owned: str) -> int:
        with psycopg.connect(owned) as db:
            found = db.execute(_UNNAMED).fetchone()
        assert found is not None
        return int(found[0])


def missing_in(url: str, contents: dict[str, bytes]) -> int:
    """Return how many files of a run a target lacks, or has otherwise."""
    missing = 0
    with closing(open_backend(url)) as backend:
        assert isinstance(backend, KeepsFiles)
        for data in contents.values():
            file = Digest(len(data), sha256(data).hexdigest())
            is_there = not backend.missing_files([file])
            missing += not (is_there and b"".join(backend.read_file(file)) == data)
    return missing
