"""The kinds of targets that the faults of a sync are tried on.

A kind more: a fixture that gives a `Targets`, and its name in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import pytest

from tests.postgres_server import NewDatabase, PostgresServer
from tests.sync_faults.relay import Relay

KINDS = ["sqlite_targets", pytest.param("postgres_targets", marks=pytest.mark.postgres)]
"""Fixtures, each of a kind of target, for the tests that ask for ``targets``."""


class Targets(Protocol):
    """Makes targets of one kind.

    Attributes:
        kind: What it is called in the table.
    """

    kind: str

    def new(self) -> str:
        """Return the URL of another target, with nothing in it."""

    def part(self, url: str) -> str:
        """Return what the paths of the target's files contain, and of no other's."""


class Files:
    """Targets that are files.

    Args:
        kind: The scheme of their URLs.
        base: An empty folder.
    """

    def __init__(self, kind: str, base: Path) -> None:
        self.kind = kind
        self._base = base
        self._made = 0

    def new(self) -> str:
        """Return the URL of another target, in a folder of its own."""
        self._made += 1
        place = self._base / f"target-{self._made}"
        place.mkdir(parents=True)
        return f"{self.kind}:{place}/store.db"

    def part(self, url: str) -> str:
        """Return the target's folder."""
        return f"{store_of(url).parent}/"


class Databases:
    """Databases of a PostgreSQL server that is reached over the network.

    Args:
        new_database: Makes one, and returns its URL.
        server: The server.

    Attributes:
        server: The server.
        relay: The way to it.
    """

    kind = "postgres"

    def __init__(self, new_database: NewDatabase, server: PostgresServer) -> None:
        self._new_database = new_database
        self.server = server
        self.relay = Relay(server.place / ".s.PGSQL.5432")

    def new(self) -> str:
        """Return the URL of another database, for a role that may read and insert."""
        name = urlsplit(self._new_database()).path
        return f"postgresql://syncer@127.0.0.1:{self.relay.port}{name}"

    def part(self, url: str) -> str:
        """Return what no path contains: all that a sync does to a database it sends."""
        return f"no file of {url}"


def store_of(url: str) -> Path:
    """Return the file of a target that is one."""
    return Path(url.partition(":")[2])


@pytest.fixture
def sqlite_targets(tmp_path: Path) -> Files:
    """SQLite stores."""
    return Files("sqlite", tmp_path.resolve() / "targets")


@pytest.fixture
def postgres_targets(
    postgres_server: PostgresServer, new_database: NewDatabase
) -> Iterator[Databases]:
    """Databases of a server that the tests have started."""
    databases = Databases(new_database, postgres_server)
    yield databases
    databases.relay.close()
    postgres_server.start_if_gone()


@pytest.fixture(params=KINDS, ids=lambda kind: str(kind).removesuffix("_targets"))
def targets(request: pytest.FixtureRequest) -> Targets:
    """Targets of each kind."""
    made: Targets = request.getfixturevalue(request.param)
    return made
