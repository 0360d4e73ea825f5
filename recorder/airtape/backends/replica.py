"""A writer's values in memory: what batches amount to when they are put one over the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from airtape.backends.base import Held
from airtape.backends.cursor import Cursor, RunKey
from airtape.fold.keys import Key, path_of
from airtape.fold.observers import HistoryChanges
from airtape.records import Point, Record
from airtape.txlog.format import Header


@dataclass(slots=True)
class Replica:
    """What has come of one writer.

    Attributes:
        run: The run.
        header: The writer.
        cursor: How far its records have come.
        points: The values of its history by step and key.
        rows: ``(timestamp, runtime)`` of its rows by step.
        events: The records of other kinds, in the order they came.
    """

    run: RunKey
    header: Header
    cursor: Cursor = field(default_factory=Cursor)
    points: dict[tuple[int, Key], Point] = field(default_factory=dict)
    rows: dict[int, tuple[float, float]] = field(default_factory=dict)
    events: list[Record] = field(default_factory=list)

    def clear(self) -> None:
        """Forget all values; the writer is sent anew."""
        self.points.clear()
        self.rows.clear()
        self.events.clear()

    def apply(self, changes: HistoryChanges, events: Iterable[Record]) -> None:
        """Put a batch over what has come."""
        for step, key in changes.erased:
            self.points.pop((step, key), None)
        for point in changes.points:
            self.points[point.step, point.key] = point
        self.rows.update(changes.rows)
        self.events += events

    def held(self) -> Held:
        """Return a copy of it all, in order."""
        return Held(
            self.run,
            self.header,
            self.cursor,
            sorted(self.points.values(), key=lambda point: (point.step, path_of(point.key))),
            dict(sorted(self.rows.items())),
            sorted(self.events, key=lambda event: event.seq),
        )
