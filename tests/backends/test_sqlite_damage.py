"""A SQLite store that is damaged is reported as such, with the way out."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from airtape.backends.registry import open_backend
from airtape.backends.sqlite import SqliteBackend
from airtape.errors import TargetError, TransientError
from airtape.sync.engine import sync_to
from airtape.sync.options import SyncOptions
from airtape.sync.report import SyncReport
from tests.damaged import write_damaged
from tests.logs import ended, header, log_row, run_dir_of, write_log


@pytest.fixture
def wandb(tmp_path: Path) -> Path:
    """Two runs, one of them damaged, so that a store has something in each of its tables."""
    folder = tmp_path / "wandb"
    rows = [log_row(step, loss=step / 3) for step in range(5)]
    write_log(run_dir_of(folder), *rows, ended())
    log = run_dir_of(folder, "0badc0de") / "run-0badc0de.txlog"
    write_damaged(log, *rows, flipped=[2], of=header("0badc0de", writer=b"d" * 16))
    return folder


@pytest.fixture
def store(tmp_path: Path, wandb: Path) -> Path:
    """A store that has them."""
    path = tmp_path / "store.db"
    assert _sync(wandb, path).exit_code == 3
    return path


def _sync(wandb: Path, store: Path) -> SyncReport:
    return sync_to([wandb], lambda: open_backend(f"sqlite:{store}"), SyncOptions(check=True))


def _change(store: Path, sql: str, *values: object) -> None:
    db = sqlite3.connect(store, isolation_level=None)
    db.execute("PRAGMA writable_schema = ON")
    assert db.execute(sql, values).rowcount > 0
    db.close()


def _read_all(store: Path) -> None:
    backend = SqliteBackend(str(store))
    try:
        backend.hints()
        for held in backend.dump():
            held.cursor.fold()
            backend.read_cursor(held.run, held.header.writer)
    finally:
        backend.close()


@pytest.mark.parametrize(
    ("column", "junk"),
    [
        ("cursors.version", "many"),
        ("cursors.version", -1),
        ("cursors.received", "0-x"),
        ("cursors.header", b"\x93\x01"),
        ("cursors.state", b"\x93\x01"),
        ("cursors.state", b"\x92\x80\x90"),
        ("cursors.state", "text"),
        ("cursors.bytes", "all"),
        ("cursor_files.read_to", -1),
        ("cursor_files.frame_crc", 0.5),
        ("losses.start_byte", "here"),
        ("runs.root", "no hexadecimal"),
        ("keys.path", b"\xff"),
        ("points.seq", "0xzz"),
        ("directory_files.size", b"\xff"),
        ("directory_files.writer", "w"),
        ("directories.mtime_ns", "yesterday"),
    ],
)
def test_what_nobody_can_have_written(store: Path, column: str, junk: object) -> None:
    """It is no fault of airtape's, and the error says what to do."""
    table, _, name = column.partition(".")
    _change(store, f"UPDATE OR IGNORE {table} SET {name} = ?", junk)  # noqa: S608 - our names
    with pytest.raises(TargetError, match="damaged") as raised:
        _read_all(store)
    assert not isinstance(raised.value, TransientError)
    assert raised.value.hint is not None
    assert "tracker rebuild" in raised.value.hint


@pytest.mark.parametrize("column", ["state", "received", "header"])
def test_a_sync_into_a_damaged_store(wandb: Path, store: Path, column: str) -> None:
    """It ends as one whose target cannot be used, not with a fault of the runs' or its own."""
    _change(store, f"UPDATE cursors SET {column} = ?", b"\x93\x01")  # noqa: S608 - our names
    log = next(wandb.glob("*ab12cd34/*.txlog"))
    log.unlink()
    write_log(log.parent, *[log_row(step, loss=step / 3) for step in range(7)], ended())
    report = _sync(wandb, store)
    assert report.exit_code == 4
    assert not any(run.internal for run in report.runs)


def test_a_writer_without_a_cursor(wandb: Path, store: Path) -> None:
    """It cannot be: both come in one transaction."""
    _change(store, "DELETE FROM cursors")
    assert _sync(wandb, store).exit_code == 4


def test_a_schema_that_is_no_text(store: Path) -> None:
    """What SQLite says of it is no text either."""
    _change(store, "UPDATE sqlite_master SET name = CAST(x'ff' AS TEXT) WHERE name = 'points'")
    with pytest.raises(TargetError, match="damaged") as raised:
        _read_all(store)
    assert "tracker rebuild" in str(raised.value)


def test_flipped_bits(wandb: Path, store: Path) -> None:
    """Wherever they are, a sync ends with exit code 4, or goes on where they do not matter."""
    contents, chances, codes = store.read_bytes(), random.Random(20261129), set()
    for _ in range(40):
        damaged = bytearray(contents)
        for place in chances.sample(range(len(damaged)), 100):
            damaged[place] ^= 1 << chances.randrange(8)
        for path in store.parent.glob("store.db*"):
            path.unlink()
        store.write_bytes(damaged)
        codes.add(_sync(wandb, store).exit_code)
    assert codes <= {0, 3, 4}
    assert 4 in codes
