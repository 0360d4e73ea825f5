"""Writing the history of a run into a PostgreSQL store, in chunks of up to 1,024 values.

What has come is never changed: a value in the place of an earlier one makes an entry in ``erased``,
which hides whatever came with earlier versions at that key and step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import lt
from typing import Final, NamedTuple

from airtape.backends.postgres_arrays import (
    CopyRows,
    float8s,
    float8s_or_null,
    int8,
    int8s,
    texts,
    wrapped,
)
from airtape.backends.postgres_cursors import Place
from airtape.backends.postgres_open import Connection
from airtape.backends.postgres_values import encode, key_of_path, path_text, storable
from airtape.backends.sqlite_values import fit
from airtape.fold.keys import Key, dotted
from airtape.fold.observers import HistoryChanges
from airtape.records import Plain

CHUNK: Final = 1024
"""Values in a full chunk."""
TIMES: Final = 0
"""Stands for the times of rows where a key's id is wanted."""
COLUMNS: Final = (
    "writer, key, version, first_step, last_step, steps, seqs, floats, integers, texts, kinds"
)
"""Columns of chunks in the order in which they are copied."""


@dataclass(slots=True)
class Tail:
    """What is known of a writer's history. Valid while nobody else brings some of it.

    Attributes:
        run: Id of the writer's run.
        version: Version of the cursor that it belongs to.
        keys: Ids of the run's keys.
        last: The highest step that may be there, by key's id.
    """

    run: int
    version: int
    keys: dict[Key, int] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)


class Values(NamedTuple):
    """Values of one metric, each at a step of its own, in order of steps.

    Attributes:
        steps: The steps.
        seqs: The records that said them.
        values: The values.
    """

    steps: Sequence[int]
    seqs: Sequence[int]
    values: Sequence[Plain]


def read_tail(db: Connection, place: Place) -> Tail:
    """Return what is known of a writer's history."""
    if place.is_new_run:
        return Tail(place.run, place.version)
    rows = db.execute(
        "SELECT k.path, k.id, (SELECT max(c.last_step) FROM airtape.chunks c"
        " WHERE c.writer = %s AND c.key = k.id) FROM airtape.keys k WHERE k.run = %s",
        (place.writer, place.run),
        binary=True,
    ).fetchall()
    tail = Tail(place.run, place.version)
    tail.keys = {key_of_path(path): key for path, key, _ in rows}
    tail.last = {key: last for _, key, last in rows if last is not None}
    times = db.execute(
        "SELECT max(t.last_step) FROM airtape.times t WHERE t.writer = %s", (place.writer,)
    ).fetchone()
    if times is not None and times[0] is not None:
        tail.last[TIMES] = times[0]
    return tail


def write_changes(
    db: Connection, place: Place, version: int, changes: HistoryChanges, tail: Tail
) -> None:
    """Put what happened to the history into the store, and bring what is known up to date."""
    by_key = _by_key(changes)
    _add_keys(db, place.run, by_key, tail)
    columns = {tail.keys[key]: values for key, values in by_key.items()}
    steps = {key: values.steps for key, values in columns.items()}
    if changes.rows:
        steps[TIMES] = sorted(changes.rows)
    erased = {(tail.keys[key], step) for step, key in changes.erased if key in tail.keys}
    erased = {(key, step) for key, step in erased if step <= tail.last.get(key, step - 1)}
    _erase(db, place, version, erased | _replaced(db, place, steps, tail))
    write_chunks(db, place.writer, version, columns)
    if changes.rows:
        rows = [(step, *changes.rows[step]) for step in steps[TIMES]]
        write_times(db, place.writer, version, rows)
    for key, of_key in steps.items():
        tail.last[key] = max(of_key[-1], tail.last.get(key, of_key[-1]))


def _by_key(changes: HistoryChanges) -> dict[Key, Values]:
    """Return the values by metric, one for a step: the last."""
    parts: defaultdict[Key, list[Values]] = defaultdict(list)
    for column in changes.columns():
        parts[column.key].append(Values(column.steps, column.seqs, column.values))
    return {key: ordered(of_key) for key, of_key in parts.items()}


def ordered(parts: Sequence[Values]) -> Values:
    """Return the values of several columns as one in order of steps; later ones count."""
    whole = parts[0]
    if len(parts) > 1:
        whole = Values(
            [step for part in parts for step in part.steps],
            [seq for part in parts for seq in part.seqs],
            [value for part in parts for value in part.values],
        )
    if all(map(lt, whole.steps, whole.steps[1:])):
        return whole
    last = {row[0]: row for row in zip(*whole, strict=True)}
    return Values(*map(list, zip(*(last[step] for step in sorted(last)), strict=True)))


def _add_keys(db: Connection, run: int, keys: Iterable[Key], tail: Tail) -> None:
    new = [key for key in keys if key not in tail.keys]
    if new:
        rows = db.execute(
            "INSERT INTO airtape.keys (run, path, name)"
            " SELECT %s, * FROM unnest(%s::text[], %s::text[]) RETURNING path, id",
            (run, [path_text(key) for key in new], [storable(dotted(key)) for key in new]),
        )
        tail.keys.update({key_of_path(path): key for path, key in rows})


def _replaced(
    db: Connection, place: Place, steps: dict[int, Sequence[int]], tail: Tail
) -> set[tuple[int, int]]:
    """Return ``(key, step)`` of what is there already at one of these steps."""
    found: set[tuple[int, int]] = set()
    late = {
        key: [step for step in of_key if step <= tail.last[key]]
        for key, of_key in steps.items()
        if key in tail.last and of_key[0] <= tail.last[key]
    }
    times = late.pop(TIMES, None)
    if times:
        rows = db.execute(
            "SELECT a.steps FROM airtape.times a WHERE a.writer = %s AND a.version >= %s"
            " AND a.last_step >= %s AND a.first_step <= %s",
            (place.writer, place.since, times[0], times[-1]),
            binary=True,
        )
        wanted = set(times)
        found.update(
            (TIMES, step) for (of_chunk,) in rows for step in wanted.intersection(of_chunk)
        )
    if late:
        rows = db.execute(
            "SELECT c.key, c.steps FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[])"
            " AS n(key, low, high) JOIN airtape.chunks c ON c.writer = %s AND c.key = n.key"
            " AND c.last_step >= n.low AND c.first_step <= n.high AND c.version >= %s",
            (
                list(late),
                [of_key[0] for of_key in late.values()],
                [of_key[-1] for of_key in late.values()],
                place.writer,
                place.since,
            ),
            binary=True,
        )
        sets = {key: set(of_key) for key, of_key in late.items()}
        found.update(
            (key, step) for key, of_chunk in rows for step in sets[key].intersection(of_chunk)
        )
    return found


def _erase(db: Connection, place: Place, version: int, erased: set[tuple[int, int]]) -> None:
    if erased:
        rows = CopyRows()
        writer, at = int8(place.writer), int8(version)
        for key, step in erased:
            rows.add(writer, int8(key), int8(step), at)
        rows.send(db, "erased (writer, key, step, version)")


def write_chunks(db: Connection, writer: int, version: int, columns: dict[int, Values]) -> None:
    """Add values, each metric's in chunks."""
    rows = CopyRows()
    ids = int8(writer), int8(version)
    for key, values in sorted(columns.items()):
        for start in range(0, len(values.steps), CHUNK):
            steps = values.steps[start : start + CHUNK]
            rows.add(
                *(ids[0], int8(key), ids[1], int8(steps[0]), int8(steps[-1]), int8s(steps)),
                int8s(wrapped(values.seqs[start : start + CHUNK])),
                *_encoded(values.values[start : start + CHUNK]),
            )
    if rows.count:
        rows.send(db, f"chunks ({COLUMNS})")


def _encoded(values: Sequence[Plain]) -> tuple[bytes | None, ...]:
    """Return values as floats, integers, texts and kinds; those of one kind need one column."""
    types = set(map(type, values))
    if types == {float}:
        return float8s(values), None, None, None  # type: ignore[arg-type]  # they are floats
    if types == {int} and fit(values):  # type: ignore[arg-type]  # they are integers
        return None, int8s(values), None, None  # type: ignore[arg-type]  # as above
    stored = [encode(value) for value in values]
    return (
        float8s_or_null([one.value for one in stored]),
        None,
        texts([one.text for one in stored]),
        texts([one.kind for one in stored]),
    )


def write_times(
    db: Connection, writer: int, version: int, rows: Sequence[tuple[int, float, float]]
) -> None:
    """Add the times of rows, which are in order of steps, in chunks."""
    copied = CopyRows()
    for start in range(0, len(rows), CHUNK):
        steps, timestamps, runtimes = zip(*rows[start : start + CHUNK], strict=True)
        copied.add(
            *(int8(writer), int8(version), int8(steps[0]), int8(steps[-1])),
            *(int8s(steps), float8s(timestamps), float8s(runtimes)),
        )
    columns = "writer, version, first_step, last_step, steps, timestamps, runtimes"
    copied.send(db, f"times ({columns})")
