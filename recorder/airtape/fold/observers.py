"""Those who watch a fold: one gathers whole rows, one the changes to send to a backend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from airtape.fold.fold import Fold
from airtape.fold.history import Row
from airtape.fold.keys import Key
from airtape.records import Plain, Point, Record


class RowCollector:
    """Gathers complete rows.

    Attributes:
        rows: The rows so far, in the order they were completed.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def value(self, step: int, key: Key, value: Plain, seq: int) -> None:
        """Rows are taken whole."""

    def erase(self, step: int, key: Key) -> None:
        """Rows are taken whole."""

    def touch(self, step: int, timestamp: float, runtime: float) -> None:
        """Rows are taken whole."""

    def close(self, row: Row) -> None:
        """Keep the row."""
        self.rows.append(row)


@dataclass(slots=True)
class HistoryChanges:
    """What happened to the history of a run since the last look.

    To apply them: delete what is erased, then put every point, later ones over earlier ones.

    Attributes:
        points: Values in the order they were logged.
        erased: ``(step, key)`` of values that are gone.
        rows: ``(timestamp, runtime)`` in seconds of each row that was begun or added to, by step.
    """

    points: list[Point] = field(default_factory=list)
    erased: set[tuple[int, Key]] = field(default_factory=set)
    rows: dict[int, tuple[float, float]] = field(default_factory=dict)
    _taken_back: dict[tuple[int, Key], int] = field(default_factory=dict, repr=False)

    def value(self, step: int, key: Key, value: Plain, seq: int) -> None:
        """Add the value, also to a row that is not complete."""
        self.points.append(Point(step, key, value, seq))

    def erase(self, step: int, key: Key) -> None:
        """Take back the values so far, and remember that a backend may have one."""
        self.erased.add((step, key))
        self._taken_back[step, key] = len(self.points)

    def touch(self, step: int, timestamp: float, runtime: float) -> None:
        """Note the row's times."""
        self.rows[step] = (timestamp, runtime)

    def close(self, row: Row) -> None:
        """Nothing to do: its values are here already."""

    def __bool__(self) -> bool:
        return bool(self.points or self.erased or self.rows)

    def drain(self) -> HistoryChanges:
        """Return what came so far, without what was taken back, and begin anew."""
        points = self.points
        if self._taken_back:
            until = self._taken_back.get
            points = [p for at, p in enumerate(points) if at >= until((p.step, p.key), 0)]
        drained = HistoryChanges(points, self.erased, self.rows)
        self.points, self.erased, self.rows, self._taken_back = [], set(), {}, {}
        return drained


def history(records: Iterable[Record]) -> Iterator[Row]:
    """Yield the rows of a writer's records, each when it is complete, the last one at the end."""
    collector = RowCollector()
    fold = Fold(observer=collector)
    for record in records:
        fold.apply(record)
        if collector.rows:
            yield from collector.rows
            collector.rows.clear()
    fold.close_row()
    yield from collector.rows
