"""Reading a store where nothing can be written, such as somebody else's, or a read-only mount.

SQLite needs two files beside a store in WAL mode, and cannot make them there. Nobody who could
has them open, then: the store is read as a file that rests, and looked at again afterwards.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from airtape.backends.sqlite_schema import is_current


class Rest(NamedTuple):
    """What tells that a store was written, or is being written."""

    inode: int
    modified_ns: int
    size: int
    is_written: bool


def rest_of(path: Path) -> Rest:
    """Return how a store stands.

    Raises:
        OSError: It cannot be read.
    """
    file = path.resolve()
    with file.open("rb") as opened:
        # A network file system may answer from memory otherwise.
        status = os.fstat(opened.fileno())
    beside = [Path(f"{file}{end}") for end in ("-wal", "-journal")]
    is_written = any(other.exists() and other.stat().st_size for other in beside)
    return Rest(status.st_ino, status.st_mtime_ns, status.st_size, is_written)


def connect_at_rest(path: Path) -> tuple[sqlite3.Connection, Rest] | None:
    """Open a store that rests for reading, without files beside it and without locks.

    Returns:
        The connection, and how the store stood before; None if it is being written, or is of an
        earlier version.

    Raises:
        sqlite3.Error: It is no database.
        OSError: It cannot be read.
    """
    rest = rest_of(path)
    if rest.is_written:
        return None
    uri = f"file:{quote(os.fsencode(path.resolve()))}?immutable=1"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    try:
        if is_current(connection):
            return connection, rest
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None
