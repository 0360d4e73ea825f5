"""What run directories looked like when they were synced into a SQLite store."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping

from airtape.backends.base import DirectoryHint, FileHint
from airtape.backends.cursor import RunKey
from airtape.backends.sqlite_damage import check_integers, reading


@reading
def read_hints(db: sqlite3.Connection) -> dict[str, DirectoryHint]:
    """Return what is known of run directories, by path."""
    files: defaultdict[str, dict[str, FileHint]] = defaultdict(dict)
    for directory, name, size, mtime_ns, run_id, root, entity, project, writer, done in db.execute(
        "SELECT directory, name, size, mtime_ns, run_id, root, as_entity, as_project, writer, done"
        " FROM directory_files ORDER BY directory, name"
    ):
        check_integers((size, mtime_ns))
        run = RunKey(run_id, bytes.fromhex(root), entity, project)
        files[directory][name] = FileHint(size, mtime_ns, run, bytes.fromhex(writer), bool(done))
    directories = db.execute(
        "SELECT path, mtime_ns, entity, project, name FROM directories"
    ).fetchall()
    check_integers(directory[1] for directory in directories)
    return {
        path: DirectoryHint(mtime_ns, files[path], entity, project, name)
        for path, mtime_ns, entity, project, name in directories
    }


def write_hints(db: sqlite3.Connection, hints: Mapping[str, DirectoryHint]) -> None:
    """Put what is known of run directories in place of what was."""
    for path, hint in hints.items():
        db.execute(
            "INSERT OR REPLACE INTO directories (path, mtime_ns, entity, project, name)"
            " VALUES (?, ?, ?, ?, ?)",
            (path, hint.mtime_ns, hint.entity, hint.project, hint.name),
        )
        db.execute("DELETE FROM directory_files WHERE directory = ?", (path,))
        db.executemany(
            "INSERT INTO directory_files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(path, name, file.size, file.mtime_ns, file.run.run_id, file.run.root.hex()),
                    *(file.run.entity, file.run.project, file.writer.hex(), file.done),
                )
                for name, file in hint.files.items()
            ],
        )


def forget_hints(db: sqlite3.Connection, run: RunKey) -> None:
    """Drop what is known of the directories that have logs of a run."""
    concerned = (
        "SELECT directory FROM directory_files WHERE run_id = ? AND root = ?"
        " AND as_entity = ? AND as_project = ?"
    )
    paths = db.execute(concerned, (run.run_id, run.root.hex(), run.entity, run.project)).fetchall()
    db.executemany("DELETE FROM directories WHERE path = ?", paths)
    db.executemany("DELETE FROM directory_files WHERE directory = ?", paths)
