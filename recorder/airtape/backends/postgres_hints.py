"""What run directories looked like when they were synced into a PostgreSQL store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airtape.backends.base import DirectoryHint, FileHint
from airtape.backends.cursor import RunKey
from airtape.backends.postgres_open import Connection
from airtape.backends.postgres_values import as_said, storable


def read_hints(db: Connection) -> dict[str, DirectoryHint]:
    """Return what is known of run directories, by path."""
    rows = db.execute(
        "SELECT DISTINCT ON (path) path, mtime_ns, entity, project, name, files::text"
        " FROM airtape.directories ORDER BY path, id DESC"
    )
    return {
        as_said(path): DirectoryHint(
            int(mtime_ns), _files_from(files), *map(_said, (entity, project, name))
        )
        for path, mtime_ns, entity, project, name, files in rows
        if files is not None
    }


def write_hints(db: Connection, hints: Mapping[str, DirectoryHint]) -> None:
    """Put what is known of run directories in place of what was."""
    with db.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO airtape.directories (path, mtime_ns, entity, project, name, files)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [
                (
                    *(storable(path), hint.mtime_ns),
                    *map(_stored, (hint.entity, hint.project, hint.name)),
                    json.dumps(
                        {storable(name): _stored_file(at) for name, at in hint.files.items()}
                    ),
                )
                for path, hint in hints.items()
            ],
        )


def forget_hints(db: Connection, run: RunKey) -> None:
    """Say that nothing is known of the directories that have logs of a run."""
    paths = [storable(path) for path, hint in read_hints(db).items() if hint.concerns(run)]
    db.execute("INSERT INTO airtape.directories (path) SELECT * FROM unnest(%s::text[])", (paths,))


def _stored_file(file: FileHint) -> list[Any]:
    size, mtime_ns, run, writer, done = file
    said = storable(run.run_id), run.root.hex(), storable(run.entity), storable(run.project)
    return [size, mtime_ns, *said, writer.hex(), done]


def _files_from(stored: str) -> dict[str, FileHint]:
    return {
        as_said(name): FileHint(
            size,
            mtime_ns,
            RunKey(as_said(run_id), bytes.fromhex(root), as_said(entity), as_said(project)),
            bytes.fromhex(writer),
            done,
        )
        for name, (size, mtime_ns, run_id, root, entity, project, writer, done) in json.loads(
            stored
        ).items()
    }


def _stored(text: str | None) -> str | None:
    return None if text is None else storable(text)


def _said(stored: str | None) -> str | None:
    return None if stored is None else as_said(stored)
