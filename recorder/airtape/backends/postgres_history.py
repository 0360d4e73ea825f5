"""Reading the history of a run back from a PostgreSQL store, exactly as it came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from airtape.backends.postgres_arrays import unwrapped
from airtape.backends.postgres_chunks import TIMES
from airtape.backends.postgres_open import Connection
from airtape.backends.postgres_values import decode, key_of_path
from airtape.fold.keys import Key
from airtape.records import Plain, Point


class Value(NamedTuple):
    """A value of a metric at a step.

    Attributes:
        step: The step.
        seq: The record that said it.
        value: The value.
    """

    step: int
    seq: int
    value: Plain


Erased = dict[tuple[int, int], int]
"""The last version at which a step of a key was erased."""


def keys_of(db: Connection, run: int) -> dict[int, Key]:
    """Return the keys of a run by their ids."""
    rows = db.execute("SELECT k.id, k.path FROM airtape.keys k WHERE k.run = %s", (run,))
    return {key: key_of_path(path) for key, path in rows}


def erased_of(db: Connection, writer: int, since: int) -> Erased:
    """Return what was erased of a writer since it was begun."""
    rows = db.execute(
        "SELECT e.key, e.step, max(e.version) FROM airtape.erased e"
        " WHERE e.writer = %s AND e.version >= %s GROUP BY e.key, e.step",
        (writer, since),
        binary=True,
    )
    return {(key, step): version for key, step, version in rows}


def values_of(
    db: Connection, writer: int, since: int, erased: Erased, key: int | None = None
) -> dict[int, list[Value]]:
    """Return a writer's values by key's id, each in order of steps: of one key or of all."""
    rows = db.execute(
        "SELECT c.key, c.version, c.steps, c.seqs, c.floats, c.integers, c.texts, c.kinds"
        " FROM airtape.chunks c WHERE c.writer = %s AND c.version >= %s"
        " AND (%s::bigint IS NULL OR c.key = %s)",
        (writer, since, key, key),
        binary=True,
    )
    found: defaultdict[int, list[Value]] = defaultdict(list)
    for of_key, version, steps, seqs, *columns in rows:
        found[of_key] += (
            Value(step, unwrapped(seq), value)
            for step, seq, value in zip(steps, seqs, _decoded(*columns), strict=True)
            if erased.get((of_key, step), 0) <= version
        )
    return {of_key: sorted(values, key=_step) for of_key, values in found.items()}


def _step(value: Value) -> int:
    return value.step


def _decoded(
    floats: Sequence[float | None] | None,
    integers: Sequence[int] | None,
    texts: Sequence[str | None] | None,
    kinds: Sequence[str] | None,
) -> Iterable[Any]:
    if integers is not None:
        return integers
    if floats is None or texts is None or kinds is None:
        return floats or ()
    return map(decode, floats, texts, kinds)


def points_of(values: dict[int, list[Value]], keys: dict[int, Key]) -> Iterator[Point]:
    """Yield values as points, in no particular order of keys."""
    for key, of_key in values.items():
        name = keys[key]
        yield from (Point(step, name, value, seq) for step, seq, value in of_key)


def rows_of(
    db: Connection, writer: int, since: int, erased: Erased
) -> dict[int, tuple[float, float]]:
    """Return timestamp and runtime of a writer's rows by step."""
    chunks = db.execute(
        "SELECT t.version, t.steps, t.timestamps, t.runtimes FROM airtape.times t"
        " WHERE t.writer = %s AND t.version >= %s",
        (writer, since),
        binary=True,
    )
    found = {
        step: (timestamp, runtime)
        for version, *columns in chunks
        for step, timestamp, runtime in zip(*columns, strict=True)
        if erased.get((TIMES, step), 0) <= version
    }
    return {step: found[step] for step in sorted(found)}
