"""A row of the history, several that are alike, and whoever wants to see them come to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import NamedTuple, Protocol

from airtape.fold.keys import Key
from airtape.records import Plain

STEP, TIMESTAMP, RUNTIME = "_step", "_timestamp", "_runtime"
RESERVED = frozenset({STEP, TIMESTAMP, RUNTIME})


def runtime_at(timestamp: float, began: float) -> float:
    """Return the seconds from the start to a moment; none if the clock was put back meanwhile."""
    return max(0.0, timestamp - began)


def times_from(began: float, timestamps: Iterable[float]) -> list[tuple[float, float]]:
    """Return moments with what `runtime_at` makes of each, in less time."""
    return [(at, at - began if at > began else 0.0) for at in timestamps]


class Row(NamedTuple):
    """One row of the history, complete.

    Attributes:
        step: The row's step.
        timestamp: When it was last added to, in seconds since 1970.
        runtime: The same in seconds since the run began.
        data: Its values by key, in the order they came.
    """

    step: int
    timestamp: float
    runtime: float
    data: dict[Key, Plain]


class Alike(NamedTuple):
    """Complete rows, each said by one record, that have the same keys, none of them nested.

    Attributes:
        steps: The step of each row, ascending.
        seqs: The record that said it.
        timestamps: When that was, in seconds since 1970.
        began: When the run began, in seconds since 1970.
        columns: The values of each key, in the order of the rows.
    """

    steps: Sequence[int]
    seqs: Sequence[int]
    timestamps: Sequence[float]
    began: float
    columns: Mapping[str, Sequence[Plain]]

    def rows(self) -> Iterator[Row]:
        """Yield them one by one."""
        values = zip(*self.columns.values(), strict=True) if self.columns else repeat(())
        for step, timestamp, row in zip(self.steps, self.timestamps, values, strict=False):
            data: dict[Key, Plain] = dict(zip(self.columns, row, strict=True))
            yield Row(step, timestamp, runtime_at(timestamp, self.began), data)


class RowObserver(Protocol):
    """Somebody who wants to see the rows as they come to be."""

    def value(self, step: int, key: Key, value: Plain, seq: int) -> None:
        """A row got a value; a later one for the same key replaces it."""

    def erase(self, step: int, key: Key) -> None:
        """A value of a row is gone: a dictionary took its place, or the reverse."""

    def touch(self, step: int, timestamp: float, runtime: float) -> None:
        """A row was begun or added to."""

    def close(self, row: Row) -> None:
        """A row is complete."""

    def take_alike(self, rows: Alike) -> None:
        """Rows were begun and completed, each by one record; all have the same keys."""
