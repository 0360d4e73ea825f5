"""What a SQLite store says of a run beside its history: the fold of its writers, as tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from airtape.backends import sqlite_cursors
from airtape.backends.base import Batch
from airtape.backends.sqlite_cursors import Place
from airtape.backends.sqlite_values import Column, encode, integer, pointer
from airtape.fold.fold import Fold
from airtape.fold.keys import Tree, dotted, leaves
from airtape.fold.merge import Part, Whole, hidden_after, in_order, merge
from airtape.fold.metrics import MetricDefinition
from airtape.txlog.format import Header

_TEXTS = ("entity", "project", "name", "notes", "job_type", "host", "user", "program")


def write_about(db: sqlite3.Connection, place: Place, batch: Batch) -> None:
    """Bring everything but the history up to date with a batch; its cursor is in the store."""
    headers = sqlite_cursors.headers_of(db, place.run)
    _write_writer(db, place.writer, headers[place.writer], batch.fold)
    if batch.base_version == 0 or batch.restart:
        _write_order(db, headers)
    parts = [
        Part(header, batch.fold if writer == place.writer else _fold_of(db, writer))
        for writer, header in headers.items()
    ]
    whole = merge(parts)
    _write_run(db, place.run, batch, whole, len(headers))
    _write_values(db, "config_values", place.run, whole.config)
    _write_values(db, "summary_values", place.run, whole.summary)
    _write_values(db, "metadata_values", place.run, {**whole.metadata, **whole.run})
    _write_tags(db, place.run, whole.run.get("tags"))
    _write_definitions(db, place.run, whole.definitions.values())


def _fold_of(db: sqlite3.Connection, writer: int) -> Fold:
    return sqlite_cursors.read(db, writer).fold()


def _write_writer(db: sqlite3.Connection, writer: int, header: Header, fold: Fold) -> None:
    said = fold.exit or {}
    _update(
        db,
        "writers",
        writer,
        {
            "role": header.role,
            "label": header.label,
            "host": header.host,
            "boot_id": header.boot_id,
            "pid": integer(header.pid),
            "start_ticks": integer(header.start_ticks),
            "heartbeat_s": float(header.heartbeat_s),
            "library": header.library,
            "resumed": header.resumed,
            "start_step": integer(header.start_step),
            "rewind_to": _integer(header.rewind_to),
            "began_ns": _integer(fold.began_ns),
            "heard_ns": _integer(fold.heard_ns),
            "exit_code": _integer(said.get("code")),
            "exit_how": _text(_cause(said).get("how")),
            "last_step": _integer(fold.history.last_step),
        },
    )


def _write_order(db: sqlite3.Connection, headers: Mapping[int, Header]) -> None:
    """Number the writers of a run in the order in which they count."""
    ids = {header.writer: writer for writer, header in headers.items()}
    hidden = hidden_after(headers.values())
    for number, header in enumerate(in_order(list(headers.values()))):
        after = _integer(hidden.get(header.writer))
        _update(db, "writers", ids[header.writer], {"place": number, "hidden_after": after})


def _write_run(db: sqlite3.Connection, run: int, batch: Batch, whole: Whole, writers: int) -> None:
    header, fold = whole.newest
    said = fold.exit or {}
    cause = _cause(said)
    about = {**whole.metadata, **whole.run}
    columns: dict[str, Column | bool] = {name: _text(about.get(name)) for name in _TEXTS}
    columns["entity"] = batch.run.entity or columns["entity"]
    columns["project"] = batch.run.project or columns["project"]
    columns["host"] = columns["host"] or header.host
    records, lost, began, heard = db.execute(
        "SELECT sum(c.records), (SELECT count(*) FROM losses l JOIN writers v ON v.id = l.writer"
        " WHERE v.run = w.run AND l.first_seq IS NOT NULL), min(w.began_ns), max(w.heard_ns)"
        " FROM writers w JOIN cursors c ON c.writer = w.id WHERE w.run = ?",
        (run,),
    ).fetchone()
    _update(
        db,
        "runs",
        run,
        {
            **columns,
            "run_group": _text(whole.run.get("group")),
            "library": header.library,
            "exited": fold.exit is not None,
            "exit_code": _integer(said.get("code")),
            "exit_how": _text(cause.get("how")),
            "exit_signal": _text(cause.get("signal")),
            "exit_exception": _text(cause.get("exception")),
            "preempting": fold.preempting,
            "began_ns": began,
            "heard_ns": heard,
            "last_step": _integer(whole.last_step),
            "rows": whole.rows,
            "dropped": whole.dropped,
            "alerts": whole.alerts,
            "writers": writers,
            "records": records,
            "lost": lost,
        },
    )


def _write_values(db: sqlite3.Connection, table: str, run: int, tree: Tree) -> None:
    """Bring a table of a run's values up to date; what did not change is not written."""
    new = {pointer(key): (dotted(key), *encode(value)) for key, value in leaves(tree)}
    old = {
        path: (name, value, kind)
        for path, name, value, kind in db.execute(
            f"SELECT path, name, value, kind FROM {table} WHERE run = ?",  # noqa: S608 - our names
            (run,),
        )
    }
    db.executemany(
        f"DELETE FROM {table} WHERE run = ? AND path = ?",  # noqa: S608 - names of our own tables
        [(run, path) for path in old if path not in new],
    )
    db.executemany(
        f"INSERT OR REPLACE INTO {table} (run, path, name, value, kind)"  # noqa: S608 - names of our own tables
        " VALUES (?, ?, ?, ?, ?)",
        # As text, because 1, 1.0 and -0.0, 0.0 are equal and yet not the same.
        [(run, path, *new[path]) for path in new if repr(new[path]) != repr(old.get(path))],
    )


def _write_tags(db: sqlite3.Connection, run: int, said: object) -> None:
    new = [str(tag) for tag in said] if isinstance(said, list) else []
    old = db.execute("SELECT tag FROM run_tags WHERE run = ? ORDER BY place", (run,))
    if new != [tag for (tag,) in old]:
        db.execute("DELETE FROM run_tags WHERE run = ?", (run,))
        db.executemany(
            "INSERT INTO run_tags (run, place, tag) VALUES (?, ?, ?)",
            [(run, place, tag) for place, tag in enumerate(new)],
        )


def _write_definitions(
    db: sqlite3.Connection, run: int, definitions: Iterable[MetricDefinition]
) -> None:
    new = {_definition(run, said) for said in definitions}
    old = set(db.execute("SELECT * FROM definitions WHERE run = ?", (run,)))
    db.executemany(
        "DELETE FROM definitions WHERE run = ? AND name = ? AND is_prefix = ?",
        [row[:3] for row in old - new],
    )
    db.executemany(
        "INSERT OR REPLACE INTO definitions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", list(new - old)
    )


def _definition(run: int, said: MetricDefinition) -> tuple[Column, ...]:
    return (
        run,
        said.name,
        said.glob,
        _text(said.step_metric),
        said.step_sync,
        said.hidden,
        ", ".join(map(str, said.summary)) or None,
        _text(said.goal),
    )


def _update(
    db: sqlite3.Connection, table: str, row: int, columns: Mapping[str, Column | bool]
) -> None:
    settings = ", ".join(f"{name} = ?" for name in columns)
    db.execute(f"UPDATE {table} SET {settings} WHERE id = ?", (*columns.values(), row))  # noqa: S608 - names of our own tables


def _cause(said: Mapping[str, Any]) -> Mapping[str, Any]:
    cause = said.get("cause")
    return cause if isinstance(cause, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _integer(value: object) -> int | str | None:
    return integer(value) if isinstance(value, int) else None
