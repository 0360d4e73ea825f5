"""Taking back what a killed process had half written to a store whose lock is a file."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote


def roll_back(path: Path) -> None:
    """Undo a transaction that nobody will complete.

    SQLite does this by itself, but not where its lock is a file beside the store: there it takes
    its own lock for that of a process which is still writing, and reads what is half written.

    Args:
        path: The store, without symbolic links.

    Raises:
        sqlite3.OperationalError: Another process holds the store ("locked"), or it cannot be
            written.
        OSError: It cannot be written.
    """
    if not Path(f"{path}-journal").exists():
        return
    lock = Path(f"{path}.lock")
    try:
        lock.mkdir()
    except FileExistsError:
        raise sqlite3.OperationalError("database is locked") from None
    try:
        uri = f"file:{quote(os.fsencode(path))}?vfs=unix-none"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    finally:
        lock.rmdir()
