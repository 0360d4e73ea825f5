"""What a PostgreSQL store says of a run beside its history: the fold of its writers, as columns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from airtape.backends import postgres_cursors
from airtape.backends.base import Batch
from airtape.backends.cursor import Cursor
from airtape.backends.postgres_arrays import CopyRows, float8s_or_null, int8, texts
from airtape.backends.postgres_cursors import Place
from airtape.backends.postgres_open import Connection
from airtape.backends.postgres_values import leaves_of, storable
from airtape.backends.sqlite_values import INT64
from airtape.fold.fold import Fold
from airtape.fold.keys import Tree
from airtape.fold.merge import Part, Whole, hidden_after, in_order, merge
from airtape.fold.metrics import MetricDefinition
from airtape.txlog.format import Header

_DEFINITIONS: Final = "definitions"
_PARTS: Final = ("config", "summary", "metadata")
_TEXTS: Final = ("entity", "project", "name", "notes", "job_type", "host", "user", "program")


def write_about(db: Connection, place: Place, batch: Batch) -> None:
    """Add the cursor of a batch, and what is new about its run beside the history."""
    others = postgres_cursors.others_of(db, place)
    mine = postgres_cursors.columns_of(place, batch.cursor)
    folds = {writer: Cursor(state=said[1]).fold() for writer, said in others.items()}
    headers = {writer: said[0] for writer, said in others.items()}
    headers[place.writer], folds[place.writer] = place.header, batch.fold
    whole = merge([Part(headers[writer], folds[writer]) for writer in headers])
    facts = {
        **_run_columns(batch, whole),
        **_order(headers),
        "began_ns": min(
            (f.began_ns for f in folds.values() if f.began_ns is not None), default=None
        ),
        "heard_ns": max(
            (f.heard_ns for f in folds.values() if f.heard_ns is not None), default=None
        ),
        "records": mine["records"] + sum(said[2] for said in others.values()),
        "lost": sum(loss.first_seq is not None for loss in batch.cursor.losses)
        + sum(said[3] for said in others.values()),
    }
    trees = dict(
        zip(_PARTS, (whole.config, whole.summary, {**whole.metadata, **whole.run}), strict=True)
    )
    known = {} if place.is_new_run else _digests(db, place.run)
    _write_values(db, place.run, trees, known)
    new = {
        "commits": {**mine, **_writer_columns(place.header, batch.fold)},
        "run_facts": {"run": place.run, **facts},
    }
    said = _definitions(whole.definitions.values())
    digest = _digest(said)
    if known.get(_DEFINITIONS) != digest:
        new[_DEFINITIONS] = {"run": place.run, "digest": digest, "said": json.dumps(said)}
    _insert(db, new)


def _writer_columns(header: Header, fold: Fold) -> dict[str, Any]:
    said = fold.exit or {}
    return {
        "role": header.role,
        "label": _text(header.label),
        "host": storable(header.host),
        "boot_id": storable(header.boot_id),
        "pid": header.pid,
        "start_ticks": header.start_ticks,
        "heartbeat_s": float(header.heartbeat_s),
        "library": storable(header.library),
        "resumed": header.resumed,
        "start_step": header.start_step,
        "rewind_to": header.rewind_to,
        "began_ns": fold.began_ns,
        "heard_ns": fold.heard_ns,
        "exit_code": _integer(said.get("code")),
        "exit_how": _text(_cause(said).get("how")),
        "last_step": fold.history.last_step,
    }


def _order(headers: Mapping[int, Header]) -> dict[str, Any]:
    """Return the writers of a run in the order in which they count."""
    ids = {header.writer: writer for writer, header in headers.items()}
    hidden = hidden_after(headers.values())
    ordered = in_order(list(headers.values()))
    after = [hidden.get(header.writer) for header in ordered]
    return {
        "writers": [ids[header.writer] for header in ordered],
        "hidden_after": [None if step is None else min(step, INT64 - 1) for step in after],
    }


def _run_columns(batch: Batch, whole: Whole) -> dict[str, Any]:
    header, fold = whole.newest
    said = fold.exit or {}
    cause = _cause(said)
    about = {**whole.metadata, **whole.run}
    columns: dict[str, Any] = {name: _text(about.get(name)) for name in _TEXTS}
    columns["entity"] = _text(batch.run.entity) or columns["entity"]
    columns["project"] = _text(batch.run.project) or columns["project"]
    columns["host"] = columns["host"] or storable(header.host)
    tags = whole.run.get("tags")
    return {
        **columns,
        "run_group": _text(whole.run.get("group")),
        "library": storable(header.library),
        "tags": [storable(str(tag)) for tag in tags] if isinstance(tags, list) else [],
        "exited": fold.exit is not None,
        "exit_code": _integer(said.get("code")),
        "exit_how": _text(cause.get("how")),
        "exit_signal": _text(cause.get("signal")),
        "exit_exception": _text(cause.get("exception")),
        "preempting": bool(fold.preempting),
        "last_step": whole.last_step,
        "rows": whole.rows,
        "dropped": whole.dropped,
        "alerts": whole.alerts,
    }


def _digests(db: Connection, run: int) -> dict[str, bytes]:
    """Return what tells whether a part of a run's values has changed, and its definitions."""
    found: dict[str, bytes] = dict(
        db.execute(
            "SELECT p.part, a.digest FROM unnest(%s::text[]) p (part) CROSS JOIN LATERAL"
            " (SELECT a.digest FROM airtape.about a WHERE a.run = %s AND a.part = p.part"
            " ORDER BY a.id DESC LIMIT 1) a UNION ALL SELECT %s, d.digest FROM"
            " (SELECT a.digest FROM airtape.definitions a WHERE a.run = %s"
            " ORDER BY a.id DESC LIMIT 1) d",
            (list(_PARTS), run, _DEFINITIONS, run),
        ).fetchall()
    )
    return found


def _write_values(
    db: Connection, run: int, trees: Mapping[str, Tree], known: Mapping[str, bytes]
) -> None:
    """Add each part of a run's values as it is now, unless it is as it was."""
    rows = CopyRows()
    for part, tree in trees.items():
        new = leaves_of(tree)
        digest = _digest(new)
        if known.get(part) != digest:
            rows.add(
                *(int8(run), part.encode(), digest, texts(new.paths), texts(new.names)),
                *(float8s_or_null(new.values), texts(new.texts), texts(new.kinds)),
            )
    if rows.count:
        rows.send(db, 'about (run, part, digest, paths, names, "values", texts, kinds)')


def _definitions(definitions: Iterable[MetricDefinition]) -> list[dict[str, Any]]:
    return [
        {
            "name": storable(one.name),
            "is_prefix": one.glob,
            "step_metric": _text(one.step_metric),
            "step_sync": one.step_sync,
            "hidden": one.hidden,
            "summary": ", ".join(map(str, one.summary)) or None,
            "goal": _text(one.goal),
        }
        for one in definitions
    ]


def _digest(said: object) -> bytes:
    # As text, because 1, 1.0 and -0.0, 0.0 are equal and yet not the same.
    return hashlib.blake2b(repr(said).encode(), digest_size=16).digest()


def _insert(db: Connection, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Add a row to each of some tables, by one statement."""
    inserts = []
    for table, columns in rows.items():
        names = ", ".join(f'"{name}"' for name in columns)
        places = ", ".join(["%s"] * len(columns))
        inserts.append(f"INSERT INTO airtape.{table} ({names}) VALUES ({places})")  # noqa: S608 - our own texts; values go as parameters
    *others, last = inserts
    queries = ", ".join(f"q{number} AS ({query})" for number, query in enumerate(others))
    query = f"WITH {queries} {last}"
    said = [_fitting(value) for columns in rows.values() for value in columns.values()]
    db.execute(query.encode(), said)


def _fitting(value: object) -> object:
    """Return a value that a column can hold; an integer that none can count up to is cut."""
    return max(-INT64, min(value, INT64 - 1)) if type(value) is int else value


def _cause(said: Mapping[str, Any]) -> Mapping[str, Any]:
    cause = said.get("cause")
    return cause if isinstance(cause, Mapping) else {}


def _text(value: object) -> str | None:
    return storable(value) if isinstance(value, str) and value else None


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) else None
