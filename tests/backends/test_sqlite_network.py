"""SQLite stores where locks are not to be trusted, and how that is found out."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from airtape.backends.sqlite import SqliteBackend
from airtape.errors import TargetError, TransientError
from airtape.filesystems import network_type, why_locks_fail
from tests.batches import RUN, WRITER, batch_of, with_values


def journal_mode(path: Path) -> str:
    """Return how a database is journaled."""
    connection = sqlite3.connect(path)
    mode: str = connection.execute("PRAGMA journal_mode").fetchone()[0]
    connection.close()
    return mode


def test_a_store_on_a_network_file_system(tmp_path: Path) -> None:
    """It is locked with a file beside it, journaled the old way, and the user is told."""
    path = tmp_path / "store.db"
    one = SqliteBackend(str(path), find_fault=lambda _: "a network file system (nfs4)")
    two = SqliteBackend(str(path), find_fault=lambda _: "a network file system (nfs4)")
    first = batch_of(*with_values(1, loss=0.5))
    assert one.commit(first)
    assert not two.commit(first)
    assert two.commit(batch_of(*with_values(2, loss=0.5), base=first.cursor))
    assert journal_mode(path) == "delete"
    assert "on a network file system (nfs4)" in one.notes[0]
    one.close()
    two.close()
    assert list(tmp_path.iterdir()) == [path]


def test_a_store_that_was_moved_to_another_file_system(tmp_path: Path) -> None:
    """It goes on in the way that the present place asks for, there and back."""
    path = tmp_path / "store.db"
    local = SqliteBackend(str(path))
    assert local.commit(batch_of(*with_values(1, loss=0.5)))
    local.close()
    far = SqliteBackend(str(path), find_fault=lambda _: "a network file system (nfs4)")
    base = far.read_cursor(RUN, WRITER)
    assert far.commit(batch_of(*with_values(2, loss=0.25), base=base))
    other = SqliteBackend(str(path), find_fault=lambda _: "a network file system (nfs4)")
    assert other.read_cursor(RUN, WRITER) == far.read_cursor(RUN, WRITER)
    other.close()
    far.close()
    assert journal_mode(path) == "delete"
    near = SqliteBackend(str(path))
    near.keep_hints({})
    near.close()
    assert journal_mode(path) == "wal"


def test_a_lock_that_was_left_behind(tmp_path: Path) -> None:
    """A sync that was killed on a network file system may leave its lock; the error names it."""
    path = tmp_path / "store.db"
    backend = SqliteBackend(
        str(path), find_fault=lambda _: "a network file system (nfs4)", busy_s=0.05
    )
    assert backend.commit(batch_of())
    (tmp_path / "store.db.lock").mkdir()
    with pytest.raises(TargetError) as failed:
        backend.commit(batch_of())
    assert f"remove {path}.lock" in str(failed.value)
    (tmp_path / "store.db.lock").rmdir()
    backend.close()


def test_what_a_killed_process_had_half_written(tmp_path: Path) -> None:
    """Once its lock is removed, the next one takes it back, as SQLite does where locks work."""
    far: dict[str, Any] = {"find_fault": lambda _: "a network file system (nfs4)", "busy_s": 0.05}
    path, there = tmp_path / "store.db", tmp_path / "there"
    backend = SqliteBackend(str(path), **far)
    assert backend.commit(batch_of(*with_values(1, loss=0.5)))
    backend.close()
    writer = sqlite3.connect(f"file:{path}?vfs=unix-dotfile", uri=True)
    writer.execute("PRAGMA cache_size = 1")
    writer.execute("BEGIN")
    writer.execute("CREATE TABLE half AS SELECT zeroblob(100000) AS written")
    writer.execute("DELETE FROM runs")
    shutil.copytree(tmp_path, there)
    writer.close()
    with pytest.raises(TransientError):
        SqliteBackend(str(there / "store.db"), **far)
    (there / "store.db.lock").rmdir()
    backend = SqliteBackend(str(there / "store.db"), **far)
    assert backend.commit(
        batch_of(*with_values(2, loss=0.5), base=backend.read_cursor(RUN, WRITER))
    )
    backend.close()
    connection = sqlite3.connect(there / "store.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchall() == []
    connection.close()
    assert list(there.iterdir()) == [there / "store.db"]


MOUNTS = """\
sysfs /sys sysfs rw 0 0
/dev/root / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb /home/local xfs rw 0 0
lustre@tcp:/fs /scratch/with\\040blank lustre rw 0 0
sshfs#host: /mnt/far fuse.sshfs rw 0 0
tmpfs /home/over tmpfs rw 0 0
server:/over /home/over nfs rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/data", None),
        ("/home/me/runs", "nfs4"),
        ("/home", "nfs4"),
        ("/homes", None),
        ("/home/local/runs", None),
        ("/scratch/with blank/runs", "lustre"),
        ("/mnt/far/runs", "fuse.sshfs"),
        ("/home/over/runs", "nfs"),
    ],
)
def test_the_file_system_of_a_path(tmp_path: Path, place: str, kind: str | None) -> None:
    """The longest mount point above a path counts, and the last mount on it."""
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS, encoding="utf-8")
    assert network_type(Path(place), mounts) == kind


def test_a_system_without_a_list_of_mounts(tmp_path: Path) -> None:
    """Everything counts as local there."""
    assert network_type(tmp_path, tmp_path / "mounts") is None


def test_locks_of_a_local_disk_work(tmp_path: Path) -> None:
    """They are tried out, and leave nothing behind."""
    assert why_locks_fail(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_locks_over_the_network_are_not_tried(tmp_path: Path) -> None:
    """There they may work, and still not exclude anybody."""
    mounts = tmp_path / "mounts"
    mounts.write_text("server:/ / nfs rw 0 0\n", encoding="utf-8")
    assert why_locks_fail(tmp_path, mounts) == "a network file system (nfs)"
