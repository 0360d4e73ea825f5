"""The records of a log as JSON, one line each; ``docs/JSON.md`` says what each name means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from airtape.records import Kind, Record
from airtape.txlog.reader import Damage
from airtape_cli.render.text import iso_time

FIELD_NAMES: Final[Mapping[int, tuple[str, ...]]] = {
    Kind.HEADER: ("header",),
    Kind.HISTORY: ("step", "flags", "data"),
    Kind.RUN: ("changes",),
    Kind.CONFIG: ("set", "removed"),
    Kind.SUMMARY: ("set", "removed"),
    Kind.METRIC: ("definition",),
    Kind.CHECKPOINT: ("writer", "state", "header", "previous_offset"),
    Kind.EXIT: ("code", "cause"),
    Kind.GAP: ("first_seq", "last_seq", "reason"),
    Kind.HEARTBEAT: ("durable_seq",),
    Kind.CONSOLE: ("stream", "data", "dropped"),
    Kind.FILES: ("files",),
    Kind.METADATA: ("changes",),
    Kind.PREEMPTING: (),
    Kind.INHERITED: ("last_step", "tallies"),
    Kind.LOST_CONTENT: ("contents",),
}
"""What the fields of a record are called; those of other kinds are a list."""


def kind_name(kind: int) -> str | int:
    """Return the name of a kind of record, or its number if only a later version knows it."""
    try:
        return Kind(kind).name.lower()
    except ValueError:
        return kind


def record_line(log: str, record: Record) -> dict[str, Any]:
    """Return a record of a log."""
    line = {
        "log": log,
        "seq": record.seq,
        "kind": kind_name(record.kind),
        "time": iso_time(record.wall_ns),
        "wall_ns": record.wall_ns,
    }
    names = FIELD_NAMES.get(record.kind)
    if names is None:
        return {**line, "fields": list(record.fields)}
    fields = dict(zip(names, record.fields, strict=False))
    for name in ("header", "writer"):
        if name in fields:
            fields[name] = _with_readable_uuids(fields[name])
    # Later versions may have appended some.
    more = record.fields[len(names) :]
    return {**line, "fields": fields, **({"more": list(more)} if more else {})}


def damage_line(log: str, damage: Damage) -> dict[str, Any]:
    """Return damage in a log."""
    said = {"log": log, **damage._asdict(), "records_lost": damage.missing}
    return {"damage": said}


def _with_readable_uuids(said: object) -> object:
    """Return a header, or the writer of a checkpoint, with uuids in hexadecimal."""
    if isinstance(said, bytes):
        return said.hex()
    if isinstance(said, list):
        return [_with_readable_uuids(item) for item in said]
    if isinstance(said, dict):
        return {name: _with_readable_uuids(value) for name, value in said.items()}
    return said
