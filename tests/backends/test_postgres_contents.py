"""The content of files in a PostgreSQL store, beyond what every target promises."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator
from hashlib import sha256
from urllib.parse import urlsplit

import psycopg
import pytest

from airtape.backends.postgres import PostgresBackend
from airtape.backends.postgres_contents import MOST_BYTES
from airtape.backends.postgres_entry import compact_store
from airtape.errors import TransientError
from airtape.file_copy import Digest
from tests.ended import wait_until
from tests.postgres_server import NewDatabase, PostgresServer
from tests.sync_faults.relay import Relay
from tests.targets import NEEDS_SERVER

pytestmark = NEEDS_SERVER

PIECE = bytes(MOST_BYTES)
"""As large as what waits to be sent together."""


@pytest.fixture
def url(new_database: NewDatabase) -> str:
    """The URL of a new store, for a role that may read and insert."""
    return new_database()


def digest(data: bytes) -> Digest:
    """Return what is in a file."""
    return Digest(len(data), sha256(data).hexdigest())


@pytest.fixture
def relay(postgres_server: PostgresServer) -> Iterator[Relay]:
    """A way to the server that counts messages."""
    relay = Relay(postgres_server.place / ".s.PGSQL.5432")
    yield relay
    relay.close()


@pytest.fixture
def far(relay: Relay, url: str) -> Iterator[PostgresBackend]:
    """The store, open over that way."""
    backend = PostgresBackend(f"postgresql://syncer@127.0.0.1:{relay.port}{urlsplit(url).path}")
    yield backend
    backend.close()


def test_many_small_ones_cost_few_messages(far: PostgresBackend, relay: Relay) -> None:
    """However far away the server is, they take little longer than one."""
    before = relay.pieces
    datas = [b"%d" % number for number in range(500)]
    assert len(far.put_files([(digest(data), [data]) for data in datas])) == 500
    assert relay.pieces - before <= 20


def test_each_part_that_is_read_costs_one_message(far: PostgresBackend, relay: Relay) -> None:
    """And its place one, and its end one."""
    far.put_file(digest(b"kept"), [b"ke", b"pt"])
    before = relay.pieces
    assert [*far.read_file(digest(b"kept"))] == [b"ke", b"pt"]
    assert relay.pieces - before == 4


def test_of_one_that_is_there_little_is_read(backend: PostgresBackend) -> None:
    """However large it is."""
    data = PIECE * 4
    assert backend.put_file(digest(data), [PIECE] * 4)

    def content() -> Iterator[bytes]:
        yield PIECE
        raise AssertionError

    assert backend.put_file(digest(data), content())


def test_a_server_that_has_failed_is_not_sent_what_waits(
    far: PostgresBackend, relay: Relay
) -> None:
    """Whoever hands contents over has asked it for something else; it would be asked in vain."""

    def files() -> Iterator[tuple[Digest, list[bytes]]]:
        yield digest(b"waits"), [b"waits"]
        raise TransientError("no answer")

    before = relay.pieces
    with pytest.raises(TransientError):
        far.put_files(files())
    assert relay.pieces == before


def test_contents_get_their_names_in_one_order(backend: PostgresBackend, url: str) -> None:
    """Of two that bring the same, none has what the other waits for."""
    contents = {digest(data): data for data in (b"1", b"2", b"3")}
    files = sorted(contents, key=lambda file: file.sha256)
    name = "INSERT INTO airtape.contents (sha256, size, upload) VALUES (%s, %s, '')"
    waiting = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)"
    taken: list[set[Digest]] = []
    offered = [(file, [contents[file]]) for file in reversed(files)]
    thread = threading.Thread(target=lambda: taken.append(backend.put_files(offered)))
    with psycopg.connect(url) as db:
        db.execute(name, (files[0].sha256, files[0].size))
        thread.start()
        wait_until(lambda: db.execute(waiting).fetchone() == (True,), "the other to wait")
        for file in files[1:]:
            db.execute(name, (file.sha256, file.size))
    thread.join()
    assert taken == [{*files}]


def test_memory_is_bounded(backend: PostgresBackend) -> None:
    """A large content, or many, whole or not, take no more than what is sent at a time."""
    large = digest(PIECE * 64)
    small = [digest(b"%d" % number + PIECE) for number in range(64)]
    tracemalloc.start()
    try:
        assert backend.put_file(large, (bytes(MOST_BYTES) for _ in range(64)))
        whole = ((file, [b"%d" % number + PIECE]) for number, file in enumerate(small))
        assert backend.put_files(whole) == {*small}
        others = ((Digest(number, "ab" * 32), [bytes(9000)]) for number in range(1000))
        assert backend.put_files(others) == set()
        assert tracemalloc.get_traced_memory()[1] < 8 * MOST_BYTES
    finally:
        tracemalloc.stop()


def test_compacting_removes_what_broken_uploads_have_left(
    backend: PostgresBackend, url: str
) -> None:
    """A day later; what is going on stays, and so does every content."""
    kept = digest(b"kept")
    assert backend.put_file(kept, [b"ke", b"pt"])
    assert not backend.put_file(Digest(9, "ab" * 32), [b"broken", b"off", PIECE])
    assert not backend.put_file(Digest(9, "cd" * 32), [b"going", b"on", PIECE])
    owner = url.replace("syncer@", "owner@")
    with psycopg.connect(owner) as db:
        db.execute(
            "UPDATE airtape.content_parts SET since = now() - interval '2 days'"
            " WHERE data IN ('broken', 'off', 'ke', 'pt')"
        )
    compact_store(owner)
    assert b"".join(backend.read_file(kept)) == b"kept"
    with psycopg.connect(owner) as db:
        left = db.execute("SELECT data FROM airtape.content_parts ORDER BY data").fetchall()
    assert [bytes(data) for (data,) in left] == [b"going", b"ke", b"on", b"pt"]


def test_compacting_leaves_an_upload_that_has_gone_on_for_days(
    backend: PostgresBackend, url: str
) -> None:
    """A large content may take that long on a slow line, and counts only with all its parts."""
    owner = url.replace("syncer@", "owner@")
    pieces = [b"first", PIECE, PIECE]

    def content() -> Iterator[bytes]:
        yield from pieces
        with psycopg.connect(owner) as db:
            db.execute(
                "UPDATE airtape.content_parts SET since = now() - interval '2 days' WHERE place = 0"
            )
        compact_store(owner)

    large = digest(b"".join(pieces))
    assert backend.put_file(large, content())
    assert [*backend.read_file(large)] == pieces
