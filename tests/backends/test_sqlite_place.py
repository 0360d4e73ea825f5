"""Where a SQLite store can be, and what is said when it cannot."""

from __future__ import annotations

import os
import resource
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from airtape.backends.registry import open_backend
from airtape.backends.sqlite import SqliteBackend
from airtape.backends.sqlite_open import Store
from airtape.backends.sqlite_schema import MIGRATIONS
from airtape.errors import TargetError, TransientError
from airtape.records import Point
from tests.batches import RUN, WRITER, batch_of, with_values

NOBODY = 65534


def pragma(path: Path, name: str) -> object:
    """Return a setting of a database."""
    connection = sqlite3.connect(path)
    value = connection.execute(f"PRAGMA {name}").fetchone()[0]
    connection.close()
    return value


def make_store(path: Path) -> None:
    """Make a store with one value."""
    backend = SqliteBackend(str(path))
    assert backend.commit(batch_of(*with_values(1, loss=0.5)))
    backend.close()


def test_reading_makes_no_file(tmp_path: Path) -> None:
    """A store that does not exist reads as empty, until something is written."""
    backend = SqliteBackend(str(tmp_path / "store.db"))
    assert backend.read_cursor(RUN, WRITER) is None
    assert list(backend.dump(RUN)) == []
    assert dict(backend.hints()) == {}
    assert list(backend.notes) == []
    backend.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["sqlite:{}", "sqlite://{}"])
def test_the_ways_to_write_a_path(tmp_path: Path, url: str) -> None:
    """A path may stand behind the colon, or behind two slashes if it is absolute."""
    path = tmp_path / "a folder with blanks?" / "100%.db"
    path.parent.mkdir()
    backend = open_backend(url.format(path))
    assert backend.commit(batch_of())
    backend.close()
    assert path.exists()


def test_a_relative_path(workdir: Path) -> None:
    """It is below the working directory."""
    backend = open_backend("sqlite:store.db")
    assert backend.commit(batch_of())
    backend.close()
    assert (workdir / "store.db").exists()


def test_the_folder_of_runs_is_made(tmp_path: Path) -> None:
    """The default place works before the first run is recorded."""
    make_store(tmp_path / "wandb" / "tracker.db")
    assert (tmp_path / "wandb" / "tracker.db").exists()


def test_another_folder_is_not_made(tmp_path: Path) -> None:
    """A mistyped path makes no folders."""
    with pytest.raises(TargetError) as failed:
        SqliteBackend(str(tmp_path / "nowhere" / "store.db"))
    assert "the store's folder does not exist" in str(failed.value)
    assert str(tmp_path / "nowhere") in str(failed.value)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_is_no_store(tmp_path: Path) -> None:
    """The hint names a file in it."""
    with pytest.raises(TargetError) as failed:
        SqliteBackend(str(tmp_path))
    assert f"sqlite:{tmp_path / 'tracker.db'}" in str(failed.value)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """The error says where, why and what to try."""
    with pytest.raises(TargetError) as failed:
        SqliteBackend("/proc/store.db").commit(batch_of())
    assert "/proc/store.db" in str(failed.value)
    assert "--to sqlite:PATH" in str(failed.value)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def locked_folder() -> Iterator[Path]:
    """A folder that this process may not write for as long as the test runs."""
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top, "theirs")
        folder.mkdir(0o555)
        Path(top).chmod(0o755)
        user = os.geteuid()
        if user == 0:
            os.seteuid(NOBODY)
        yield folder
        os.seteuid(user)


def test_a_folder_without_permission(locked_folder: Path) -> None:
    """It is found out before a single log is read."""
    with pytest.raises(TargetError) as failed:
        SqliteBackend(str(locked_folder / "store.db"))
    assert "the store's folder cannot be written" in str(failed.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """The logs are whole, so another file serves."""
    (tmp_path / "store.db").write_bytes(b"just some text, and a lot of it\n" * 100)
    with pytest.raises(TargetError) as failed:
        SqliteBackend(str(tmp_path / "store.db"))
    assert "no SQLite database" in str(failed.value)


def test_a_database_of_something_else(tmp_path: Path) -> None:
    """Nothing is written into tables that are not ours."""
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.execute("CREATE TABLE cookies (name)")
    connection.close()
    with pytest.raises(TargetError) as failed:
        SqliteBackend(str(tmp_path / "store.db"))
    assert "this database is no store of runs" in str(failed.value)


def test_a_store_of_a_later_version(tmp_path: Path) -> None:
    """Who does not know its tables leaves it alone."""
    make_store(tmp_path / "store.db")
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(TargetError) as failed:
        SqliteBackend(str(tmp_path / "store.db"))
    assert f"schema version {len(MIGRATIONS) + 1}" in str(failed.value)
    assert "Install a later airtape" in str(failed.value)


def test_the_schema_has_a_number(tmp_path: Path) -> None:
    """A store says which version of the tables it has."""
    make_store(tmp_path / "store.db")
    assert pragma(tmp_path / "store.db", "user_version") == len(MIGRATIONS)


def test_a_damaged_store(tmp_path: Path) -> None:
    """It is reported, and the logs bring everything back into a new one."""
    path = tmp_path / "store.db"
    make_store(path)
    contents = bytearray(path.read_bytes())
    contents[4096:] = bytes(len(contents) - 4096)
    path.write_bytes(contents)
    with pytest.raises(TargetError) as failed:
        SqliteBackend(str(path)).commit(batch_of())
    assert "tracker rebuild" in str(failed.value)


def test_a_store_that_somebody_holds(tmp_path: Path) -> None:
    """After a while the sync gives up, and says why."""
    path = tmp_path / "store.db"
    make_store(path)
    backend = SqliteBackend(str(path), busy_s=0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(TargetError) as failed:
        backend.commit(batch_of())
    assert "another process holds the store" in str(failed.value)
    holder.execute("ROLLBACK")
    holder.close()
    assert not backend.commit(batch_of())
    backend.close()


def test_who_makes_the_store_first_is_waited_for(tmp_path: Path) -> None:
    """While a new file is turned into a store, SQLite refuses others at once."""
    path = tmp_path / "store.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    holder.execute("CREATE TABLE t (x)")
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        holder.execute("ROLLBACK")

    backend = SqliteBackend(str(path), busy_s=0.5, pause=pause)
    assert waited
    assert backend.commit(batch_of())
    backend.close()
    holder.close()


@pytest.mark.parametrize("folder_mode", [0o555, 0o777])
def test_a_store_of_somebody_else(locked_folder: Path, folder_mode: int) -> None:
    """It can be read, also while its owner writes, and the error says that it cannot be written."""
    user = os.geteuid()
    os.seteuid(os.getuid())
    locked_folder.chmod(0o755)
    path = locked_folder / "store.db"
    owner = SqliteBackend(str(path))
    first = batch_of(*with_values(1, loss=0.5))
    assert owner.commit(first)
    path.chmod(0o444)
    locked_folder.chmod(folder_mode)
    os.seteuid(user)
    backend = SqliteBackend(str(path))
    assert backend.read_cursor(RUN, WRITER) == first.cursor
    with pytest.raises(TargetError) as failed:
        backend.commit(batch_of(base=first.cursor))
    assert "the store cannot be written" in str(failed.value)
    backend.close()
    owner.close()


@contextmanager
def owner_of(folder: Path) -> Iterator[None]:
    """Be who may write into a locked folder."""
    user = os.geteuid()
    os.seteuid(os.getuid())
    folder.chmod(0o755)
    yield
    folder.chmod(0o555)
    os.seteuid(user)


def test_a_store_of_somebody_else_at_rest(locked_folder: Path) -> None:
    """It can be read where nothing can be written beside it, and says so when it cannot."""
    path = locked_folder / "store.db"
    with owner_of(locked_folder):
        make_store(path)
    backend = SqliteBackend(str(path))
    assert [held.run for held in backend.dump()] == [RUN]
    other = RUN._replace(run_id="other")
    with pytest.raises(TargetError) as failed:
        backend.commit(batch_of(run=other))
    assert "the store cannot be written" in str(failed.value)
    assert [file.name for file in locked_folder.iterdir()] == ["store.db"]
    with owner_of(locked_folder), closing(SqliteBackend(str(path))) as owner:
        assert owner.commit(batch_of(run=other))
    assert backend.runs() == [RUN, other]
    backend.close()


def test_a_store_that_somebody_else_keeps_to_himself(locked_folder: Path) -> None:
    """It is not said to be one that only cannot be written."""
    path = locked_folder / "store.db"
    with owner_of(locked_folder):
        make_store(path)
        path.chmod(0o600)
    with pytest.raises(TargetError) as failed:
        SqliteBackend(str(path)).runs()
    assert "the store cannot be read" in str(failed.value)


def test_a_store_that_is_written_while_it_is_read_at_rest(locked_folder: Path) -> None:
    """What was read may be of two moments: the reader is told to try again."""
    path = locked_folder / "store.db"
    with owner_of(locked_folder):
        make_store(path)
    store = Store(str(path))
    with (
        pytest.raises(TransientError) as failed,
        store.snapshot(),
        owner_of(locked_folder),
        closing(SqliteBackend(str(path))) as owner,
    ):
        assert owner.commit(batch_of(run=RUN._replace(run_id="other")))
    assert "the store was written while it was read" in str(failed.value)
    store.close()


@pytest.mark.parametrize("end", ["-wal", "-journal"])
def test_a_store_that_its_owner_did_not_finish_is_not_read_at_rest(
    locked_folder: Path, end: str
) -> None:
    """Part of it stands in the file beside it, which only SQLite can bring together."""
    path = locked_folder / "store.db"
    with owner_of(locked_folder):
        make_store(path)
        Path(f"{path}{end}").write_bytes(b"half written")
        Path(f"{path}{end}").chmod(0o400)
    with pytest.raises(TargetError):
        SqliteBackend(str(path)).runs()


def test_an_earlier_store_is_not_read_at_rest(locked_folder: Path) -> None:
    """Its tables cannot be made what they are now."""
    path = locked_folder / "store.db"
    with owner_of(locked_folder):
        make_store(path)
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) - 1}")
        connection.close()
    with pytest.raises(TargetError) as failed:
        SqliteBackend(str(path))
    assert "the store cannot be written" in str(failed.value)


def test_a_store_that_is_being_written_can_be_read(tmp_path: Path) -> None:
    """Nobody waits to look while a sync is at work."""
    make_store(tmp_path / "store.db")
    holder = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    reader = SqliteBackend(str(tmp_path / "store.db"), busy_s=0)
    assert len(list(reader.dump())) == 1
    reader.close()
    holder.close()


def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    """Nothing of the batch is there; once there is room, it is taken."""
    path = tmp_path / "store.db"
    make_store(path)
    backend = SqliteBackend(str(path))
    batch = batch_of(Point(1, "text", "x" * 10_000_000, 1), run=RUN._replace(run_id="other"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(TargetError) as failed:
            backend.commit(batch)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "Make room on its disk" in str(failed.value)
    assert [held.run for held in backend.dump()] == [RUN]
    assert backend.commit(batch)
    backend.close()


def test_an_unknown_failure_has_a_hint_too(tmp_path: Path) -> None:
    """What SQLite says is passed on."""
    path = tmp_path / "store.db"
    make_store(path)
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE points")
    connection.close()
    backend = SqliteBackend(str(path))
    with pytest.raises(TargetError) as failed:
        backend.commit(batch_of(*with_values(1, loss=1.0), run=RUN._replace(run_id="other")))
    assert "no such table: points" in str(failed.value)
    backend.close()


def test_a_store_on_a_local_disk(tmp_path: Path) -> None:
    """Readers and a writer do not disturb each other."""
    make_store(tmp_path / "store.db")
    assert pragma(tmp_path / "store.db", "journal_mode") == "wal"
