"""Records of a PostgreSQL store that are neither rows nor part of the fold, field by field."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from airtape.backends.postgres_arrays import CopyRows, float8, int8, numeric
from airtape.backends.postgres_cursors import Place
from airtape.backends.postgres_open import Connection
from airtape.backends.postgres_values import decode, encode, key_of_path, path_text
from airtape.fold.keys import leaves, set_in
from airtape.records import Record


def write_events(db: Connection, place: Place, version: int, events: Iterable[Record]) -> None:
    """Add records."""
    rows, fields = CopyRows(), CopyRows()
    ids = int8(place.writer), int8(version)
    for event in events:
        seq = numeric(event.seq)
        rows.add(*ids, seq, numeric(event.kind), numeric(event.wall_ns))
        said = {str(number): value for number, value in enumerate(event.fields)}
        for key, leaf in leaves(said):
            value, text, kind = encode(leaf)
            fields.add(
                *(*ids, seq, path_text(key).encode(), None if value is None else float8(value)),
                *(None if text is None else text.encode(), kind.encode()),
            )
    if rows.count:
        rows.send(db, "events (writer, version, seq, record_kind, wall_ns)")
    if fields.count:
        fields.send(db, "event_fields (writer, version, seq, path, value, text, kind)")


def read_events(db: Connection, writer: int, since: int) -> list[Record]:
    """Return the records of a writer, by seq."""
    fields: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    for seq, path, value, text, kind in db.execute(
        "SELECT f.seq, f.path, f.value, f.text, f.kind FROM airtape.event_fields f"
        " WHERE f.writer = %s AND f.version >= %s",
        (writer, since),
        binary=True,
    ):
        set_in(fields[int(seq)], key_of_path(path), decode(value, text, kind))
    events = db.execute(
        "SELECT e.seq, e.record_kind, e.wall_ns FROM airtape.events e"
        " WHERE e.writer = %s AND e.version >= %s ORDER BY e.seq",
        (writer, since),
    ).fetchall()
    return [
        Record(
            int(seq),
            int(kind),
            int(wall),
            tuple(fields[seq][at] for at in sorted(fields[seq], key=int)),
        )
        for seq, kind, wall in events
    ]
