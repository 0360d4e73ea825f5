"""Those who watch a fold: one gathers whole rows, one the changes to send to a backend."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, repeat
from typing import NamedTuple

from airtape.fold.fold import Fold
from airtape.fold.keys import Key
from airtape.fold.row import Alike, Row, times_from
from airtape.records import Plain, Point, Record

_make_point = partial(tuple.__new__, Point)
"""What ``Point._make`` does, without the detour through Python."""


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

    def take_alike(self, rows: Alike) -> None:
        """Keep the rows."""
        self.rows += rows.rows()


class Column(NamedTuple):
    """Some values of one metric, in the order they were logged.

    Attributes:
        key: The metric.
        steps: Their steps.
        values: The values.
        seqs: The records that said them.
    """

    key: Key
    steps: Sequence[int]
    values: Sequence[Plain]
    seqs: Sequence[int]


class HistoryChanges:
    """What happened to the history of a run since the last look.

    To apply them: delete what is erased, then put every point, later ones over earlier ones.

    Attributes:
        count: Number of points.
        erased: ``(step, key)`` of values that are gone.
        rows: ``(timestamp, runtime)`` in seconds of each row that was begun or added to, by step.
    """

    __slots__ = ("_parts", "_single", "_taken_back", "count", "erased", "rows")

    def __init__(self) -> None:
        self.count = 0
        self.erased: set[tuple[int, Key]] = set()
        self.rows: dict[int, tuple[float, float]] = {}
        self._parts: list[list[Point] | Alike] = []
        self._single: list[Point] = []
        self._taken_back: dict[tuple[int, Key], int] = {}

    def value(self, step: int, key: Key, value: Plain, seq: int) -> None:
        """Add the value, also to a row that is not complete."""
        if not self._single:
            self._parts.append(self._single)
        self._single.append(Point(step, key, value, seq))
        self.count += 1

    def erase(self, step: int, key: Key) -> None:
        """Take back the values so far, and remember that a backend may have one."""
        self.erased.add((step, key))
        self._taken_back[step, key] = self.count

    def touch(self, step: int, timestamp: float, runtime: float) -> None:
        """Note the row's times."""
        self.rows[step] = (timestamp, runtime)

    def close(self, row: Row) -> None:
        """Nothing to do: its values are here already."""

    def take_alike(self, rows: Alike) -> None:
        """Add the values of whole rows."""
        self._parts.append(rows)
        self._single = []
        self.count += len(rows.steps) * len(rows.columns)
        times = times_from(rows.began, rows.timestamps)
        self.rows.update(zip(rows.steps, times, strict=True))

    @property
    def points(self) -> list[Point]:
        """The values, each metric's in the order they were logged."""
        return list(self._each())

    def _each(self) -> Iterator[Point]:
        return chain.from_iterable(map(_points_in, self._parts))

    def columns(self) -> Iterator[Column]:
        """Yield the values by metric; of several columns of one, later ones go over earlier ones.

        Takes much less time and memory than `points` when rows are alike, as they mostly are.
        """
        for part in self._parts:
            if isinstance(part, Alike):
                for key, values in part.columns.items():
                    yield Column(key, part.steps, values, part.seqs)
            else:
                yield from _columns_in(part)

    def __bool__(self) -> bool:
        return bool(self.count or self.erased or self.rows)

    def drain(self) -> HistoryChanges:
        """Return what came so far, without what was taken back, and begin anew."""
        drained = HistoryChanges()
        for name in self.__slots__:
            mine, empty = getattr(self, name), getattr(drained, name)
            setattr(drained, name, mine)
            setattr(self, name, empty)
        drained._leave_out_taken_back()
        return drained

    def _leave_out_taken_back(self) -> None:
        if self._taken_back:
            until = self._taken_back.get
            numbered = enumerate(self._each())
            kept = [p for at, p in numbered if at >= until((p.step, p.key), 0)]
            self._parts, self.count = [kept], len(kept)


def _points_in(part: list[Point] | Alike) -> Iterator[Point]:
    if isinstance(part, list):
        yield from part
        return
    for key, values in part.columns.items():
        yield from map(_make_point, zip(part.steps, repeat(key), values, part.seqs, strict=False))


def _columns_in(points: list[Point]) -> Iterator[Column]:
    by_key: defaultdict[Key, list[Point]] = defaultdict(list)
    for point in points:
        by_key[point.key].append(point)
    for key, alike in by_key.items():
        steps, _, values, seqs = zip(*alike, strict=True)
        yield Column(key, steps, values, seqs)


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
