"""The PostgreSQL store beyond what every target promises: its server, its roles, its upkeep."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airtape.backends.base import Held
from airtape.backends.postgres import PostgresBackend
from airtape.backends.postgres_entry import compact_store, init_store
from airtape.backends.postgres_open import Database
from airtape.errors import TargetError, TransientError
from airtape.records import Kind, Point, Record
from tests.batches import RUN, WRITER, batch_of, with_values
from tests.logs import ended, log_row, run_dir_of, write_log
from tests.postgres_server import NewDatabase, PostgresServer
from tests.processes import RunTracker
from tests.targets import NEEDS_SERVER

CANARY = "s3cret"

pytestmark = NEEDS_SERVER


@pytest.fixture
def url(new_database: NewDatabase) -> str:
    """The URL of a new store, for a role that may read and insert."""
    return new_database()


def as_owner(url: str) -> str:
    """Return the URL for the store's owner."""
    return url.replace("syncer@", "owner@")


def rows_of(url: str, query: str) -> list[tuple[Any, ...]]:
    """Return what the store's owner sees."""
    with psycopg.connect(as_owner(url)) as connection:
        return connection.execute(query.encode()).fetchall()


def held(backend: PostgresBackend) -> list[Held]:
    """Return all that the store holds."""
    return list(backend.dump())


def grow(backend: PostgresBackend, steps: int) -> None:
    """Bring a run row by row, each going on with the one before."""
    base = backend.read_cursor(RUN, WRITER)
    for step in range(steps):
        again = with_values(step - 1, loss=0.5, acc=step) if step else []
        batch = batch_of(*again, *with_values(step, loss=float("nan"), acc=True), base=base)
        assert backend.commit(batch)
        base = batch.cursor


def test_a_sync_may_not_change_what_is_there(url: str) -> None:
    """The role that all tests of targets use has no other right than to read and to insert."""
    for query in (
        "UPDATE airtape.runs SET root = ''",
        "DELETE FROM airtape.runs",
        "DROP SCHEMA airtape",
    ):
        with psycopg.connect(url) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(query)


def test_a_wrong_password_is_refused_at_once(postgres_server: PostgresServer, url: str) -> None:
    """Asking again would not help; the password is not shown."""
    database = url.partition("@/")[2]
    with pytest.raises(TargetError) as failed:
        PostgresBackend(f"postgresql://secretive:{CANARY}@/{database}")
    assert not isinstance(failed.value, TransientError)
    assert CANARY not in "".join(traceback.format_exception(failed.value))
    assert postgres_server.place.name in str(failed.value)


def test_a_role_without_rights_is_told_what_to_do(url: str) -> None:
    """The owner's command stands in the hint."""
    with pytest.raises(TargetError, match="permission denied") as failed:
        PostgresBackend(url.replace("syncer@", "secretive:hunter2@"))
    assert "tracker target init" in str(failed.value)
    assert "hunter2" not in str(failed.value)


def test_a_database_without_a_store(postgres_server: PostgresServer) -> None:
    """It is not made by the way: that is the owner's."""
    with pytest.raises(TargetError, match="no store of runs") as failed:
        PostgresBackend(postgres_server.url("postgres"))
    assert "tracker target init" in str(failed.value)


def test_a_store_of_a_later_version_is_refused(url: str) -> None:
    """An older airtape cannot know what it must not break."""
    with psycopg.connect(as_owner(url)) as db:
        db.execute("INSERT INTO airtape.schema_versions (version) VALUES (99)")
    with pytest.raises(TargetError, match="schema version 99"):
        PostgresBackend(url)
    with pytest.raises(TargetError, match="schema version 99"):
        init_store(as_owner(url), [])


def test_making_a_store_again_changes_nothing(backend: PostgresBackend, url: str) -> None:
    """A store that is there stays."""
    grow(backend, 3)
    before = held(backend)
    assert not init_store(as_owner(url), ["syncer"])
    assert str(held(backend)) == str(before)


def test_a_lost_connection_is_made_again(backend: PostgresBackend, url: str) -> None:
    """The call that it is lost in fails as one to be repeated; the next one works."""
    first = batch_of(*with_values(1, loss=0.5))
    assert backend.commit(first)
    rows_of(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE usename = 'syncer' AND datname = current_database()",
    )
    with pytest.raises(TransientError):
        backend.read_cursor(RUN, WRITER)
    assert backend.read_cursor(RUN, WRITER) == first.cursor


@pytest.mark.timeout(60)
def test_a_server_that_is_killed_and_comes_back(
    backend: PostgresBackend, postgres_server: PostgresServer
) -> None:
    """Nothing that was acknowledged is lost, though the server's settings allow it."""
    first = batch_of(*with_values(1, loss=0.5))
    assert backend.commit(first)
    postgres_server.kill()
    try:
        for _ in range(2):
            with pytest.raises(TransientError):
                backend.commit(batch_of(*with_values(2, loss=0.5), base=first.cursor))
    finally:
        postgres_server.start()
    assert backend.commit(batch_of(*with_values(2, loss=0.25), base=first.cursor))
    assert [point.value for point in held(backend)[0].points] == [0.5, 0.25]


def test_only_what_must_stay_waits_for_the_disk(url: str) -> None:
    """Leases and what directories looked like save work only, and may be lost with a server."""
    said = "SELECT current_setting('synchronous_commit')"
    careful = Database(f"{url}&options=-csynchronous_commit%3Don")
    careless = Database(url)
    for database, usual in ((careful, "on"), (careless, "local")):
        with database.transaction() as db:
            assert db.execute(said).fetchone() == (usual,)
        with database.transaction(hasty=True) as db:
            assert db.execute(said).fetchone() == ("off",)
        database.close()


def test_a_server_that_is_stuck_is_given_up(backend: PostgresBackend, url: str) -> None:
    """It need not say so; a sync asks again."""
    with psycopg.connect(as_owner(url)) as db:
        db.execute("LOCK TABLE airtape.runs IN ACCESS EXCLUSIVE MODE")
        hasty = PostgresBackend(url, answer_s=0.2)
        with pytest.raises(TransientError):
            hasty.commit(batch_of(*with_values(1, loss=0.5)))
        hasty.close()
    assert backend.commit(batch_of(*with_values(1, loss=0.5)))


def test_the_owner_leaves_no_old_cursors(url: str) -> None:
    """Whoever may delete does so; others leave that to the owner."""
    counts = (
        "SELECT (SELECT count(*) FROM airtape.commits), (SELECT count(*) FROM airtape.run_facts)"
    )
    for target, left in ((url, (3, 3)), (as_owner(url), (1, 1))):
        backend = PostgresBackend(target)
        grow(backend, 3)
        assert rows_of(url, counts) == [left]
        backend.retract(RUN)
        backend.close()
        compact_store(as_owner(url))


def test_compacting_changes_no_value(backend: PostgresBackend, url: str) -> None:
    """Short chunks become long ones; whoever has the store open goes on."""
    view = "SELECT run, key, step, value, text, kind, timestamp FROM airtape.history ORDER BY 2, 3"
    grow(backend, 20)
    again = batch_of(
        *(Point(step, "loss", step * 0.5, step) for step in range(1500)),
        base=backend.read_cursor(RUN, WRITER),
        restart=True,
        events=[Record(4, Kind.CONSOLE, 9, ("out", "hi"))],
    )
    assert backend.commit(again)
    grow(backend, 30)
    before, seen = held(backend), rows_of(url, view)
    done = compact_store(as_owner(url))
    assert (done.runs, done.chunks) == (1, 3)
    assert done.chunks < done.chunks_before
    assert str(held(backend)) == str(before)
    assert str(rows_of(url, view)) == str(seen)
    grow(backend, 2)
    assert len(held(backend)[0].points) == len(before[0].points)


def test_compacting_removes_what_was_retracted(backend: PostgresBackend, url: str) -> None:
    """A retracted run is out of sight at once, and gone for good then."""
    grow(backend, 2)
    backend.retract(RUN)
    assert rows_of(url, "SELECT * FROM airtape.history") == []
    assert rows_of(url, "SELECT count(*) FROM airtape.chunks") != [(0,)]
    assert compact_store(as_owner(url)).removed == 1
    for table in ("runs", "writers", "chunks", "times", "commits", "about", "keys", "retractions"):
        assert rows_of(url, f"SELECT count(*) FROM airtape.{table}") == [(0,)]  # noqa: S608 - names of our own tables
    grow(backend, 2)


def test_a_sync_shows_no_password(url: str, tmp_path: Path, run_tracker: RunTracker) -> None:
    """Neither in its report nor in its output, whether it works or not."""
    log = write_log(run_dir_of(tmp_path / "wandb"), log_row(0, loss=0.5), ended())
    hidden = url.replace("syncer@", f"syncer:{CANARY}@")
    for options in ((), ("--json",)):
        done = run_tracker("sync", str(log.parent), "--to", hidden, *options)
        assert CANARY not in done.stdout + done.stderr
    missing = hidden.replace("?host=", "_missing?host=")
    failed = run_tracker("sync", str(log.parent), "--to", missing, returncode=4)
    assert CANARY not in failed.stdout + failed.stderr


def test_the_owner_uses_the_command(
    postgres_server: PostgresServer, run_tracker: RunTracker
) -> None:
    """`tracker target` makes a store, and compacts it."""
    postgres_server.ask("CREATE DATABASE made")
    try:
        url = postgres_server.url("made").replace("owner@", "owner:s3cret@")
        said = run_tracker("target", "init", url, "--grant", "syncer").stdout
        assert "has a store of runs now" in said
        assert "s3cret" not in said
        assert "is up to date" in run_tracker("target", "init", url).stdout
        assert "0 runs compacted" in run_tracker("target", "compact", url).stdout
        PostgresBackend(postgres_server.url("made", "syncer")).close()
    finally:
        postgres_server.ask("DROP DATABASE made WITH (FORCE)")
