"""SQLite under the shim: none of its calls goes past it."""

from __future__ import annotations

import errno
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.shim.build import count_in, each_kill, errno_at, errno_from, no_locks
from tests.shim.process import Run
from tests.shim.watch import read_counts

INSERT = """
import sqlite3
db = sqlite3.connect("db", isolation_level=None)
db.execute("PRAGMA journal_mode=" + {journal!r})
db.execute("CREATE TABLE IF NOT EXISTS t (i)")
def insert():
    db.execute("BEGIN IMMEDIATE")
    db.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(1000)])
    db.execute("COMMIT")
"""


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_sqlite_writes_only_through_the_shim(run: Run, tmp_path: Path, journal: str) -> None:
    """The kernel's own number of write calls is the counted one."""
    code = f"""
def kernel_writes():
    return next(int(line.split()[1]) for line in open("/proc/self/io") if "syscw" in line)
before = kernel_writes()
{INSERT.format(journal=journal)}
insert()
db.close()
print(kernel_writes() - before)
"""
    done = run(code, count_in(tmp_path / "counted"))
    of = read_counts(tmp_path / "counted").of
    assert of["write"] == int(done.stdout) > 5
    assert of["fsync"] > 0


FULL = [("delete", "database or disk is full"), ("wal", "disk I/O error")]  # no room for its index


@pytest.mark.parametrize(("journal", "message"), FULL)
def test_sqlite_meets_a_full_disk(run: Run, data: Path, journal: str, message: str) -> None:
    """It says so as it says of a real one, and keeps what it had."""
    insert = INSERT.format(journal=journal) + "insert()"
    run(insert)
    assert run(insert, errno_from("write", errno.ENOSPC)).stderr.endswith(f": {message}\n")
    with closing(sqlite3.connect(data / "db")) as db:
        assert db.execute("SELECT count(*) FROM t").fetchone() == (1000,)


def test_sqlite_meets_a_failing_sync(run: Run, data: Path) -> None:
    """A transaction that cannot be synced is not committed."""
    insert = INSERT.format(journal="delete") + "insert()"
    run(insert)
    assert run(insert, errno_at("fsync", errno.EIO, 1)).stderr.endswith(": disk I/O error\n")
    with closing(sqlite3.connect(data / "db")) as db:
        assert db.execute("SELECT count(*) FROM t").fetchone() == (1000,)


def test_sqlite_meets_a_file_system_without_locks(run: Run) -> None:
    """Its locks are the process's, and they are refused."""
    code = """
import sqlite3
try:
    sqlite3.connect("db", timeout=0).execute("CREATE TABLE t (i)")
except sqlite3.OperationalError as error:
    print(error)
"""
    assert run(code, no_locks()).stdout == "database is locked\n"


@pytest.mark.timeout(60)
def test_sqlite_keeps_a_transaction_whole_at_every_kill(
    run: Run, tmp_path: Path, data: Path
) -> None:
    """Dying at each of its calls leaves all rows or none, so every call is really its last."""
    code = INSERT.format(journal="delete") + "insert()"
    run(code, count_in(tmp_path / "counted"))
    found = []
    for death in each_kill(read_counts(tmp_path / "counted").total):
        for path in data.iterdir():
            path.unlink()
        assert run(code, death).returncode == -signal.SIGKILL
        with closing(sqlite3.connect(data / "db")) as db:
            tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            found.append(db.execute("SELECT count(*) FROM t").fetchone()[0] if tables else None)
    assert found == sorted(found, key=lambda rows: -1 if rows is None else rows)
    assert set(found) == {None, 0, 1000}
