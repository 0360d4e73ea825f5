"""The curves of a run's metrics, with as many points as a chart shows, in one pass over rows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

from airtape.fold.keys import Key, dotted
from airtape.fold.metrics import Metrics
from airtape.fold.row import RUNTIME, STEP, TIMESTAMP, Row
from airtape.records import Plain

MOST_BUCKETS: Final = 400
"""Beyond twice as many, two neighbours become one."""

_LARGEST: Final = 10**300
"""What is larger leaves no room for the arithmetic of a chart."""

Point = tuple[float, float]


class Curve(NamedTuple):
    """What is drawn of a metric.

    Attributes:
        name: The metric's name.
        x_name: The name of its x axis.
        points: Its points; of those that lie close together the lowest and the highest.
        last: The last value.
    """

    name: str
    x_name: str
    points: list[Point]
    last: float


class CurvePoints:
    """Points that come one by one, of which as many are kept as a chart shows.

    Neighbours are put into buckets, of which the lowest and the highest point stay; all buckets
    stand for the same number of points, which doubles when there are too many.
    """

    def __init__(self) -> None:
        self.last = math.nan
        self._buckets: list[tuple[Point, Point]] = []
        self._size = 1
        self._open: tuple[Point, Point] | None = None
        self._filled = 0

    def add(self, x: float, y: float) -> None:
        """Take one more point."""
        self.last = y
        point = (x, y)
        self._open = (point, point) if self._open is None else _joined(self._open, (point, point))
        self._filled += 1
        if self._filled == self._size:
            self._buckets.append(self._open)
            self._open, self._filled = None, 0
            if len(self._buckets) == 2 * MOST_BUCKETS:
                pairs = zip(self._buckets[::2], self._buckets[1::2], strict=True)
                self._buckets = [_joined(*pair) for pair in pairs]
                self._size *= 2

    @property
    def points(self) -> list[Point]:
        """The points that are kept, in the order in which they came."""
        buckets = [*self._buckets, *([] if self._open is None else [self._open])]
        return [point for first, second in buckets for point in dict.fromkeys((first, second))]


class Curves:
    """The curves of several metrics.

    Args:
        definitions: What was said of the metrics: which are hidden, what their x axes are.
    """

    def __init__(self, definitions: Metrics) -> None:
        self._definitions = definitions
        self._x_names: dict[Key, str | None] = {}
        self._points: dict[tuple[str, str], CurvePoints] = {}

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Take rows of the history, in order of their steps."""
        for row in rows:
            axes: dict[str, Plain] = {
                STEP: row.step,
                TIMESTAMP: row.timestamp,
                RUNTIME: row.runtime,
                **{dotted(key): value for key, value in row.data.items()},
            }
            for key, value in row.data.items():
                x_name = self._x_name(key)
                if x_name is not None:
                    self.add(dotted(key), x_name, axes.get(x_name), value)

    def add(self, name: str, x_name: str, x: Plain, y: Plain) -> None:
        """Take a value of a metric, if both are numbers that can be drawn."""
        if is_drawn(x) and is_drawn(y):
            points = self._points.get((name, x_name))
            if points is None:
                points = self._points[name, x_name] = CurvePoints()
            points.add(float(x), float(y))  # type: ignore[arg-type]  # numbers

    def curves(self) -> list[Curve]:
        """Return the curves in order of their names."""
        return [
            Curve(name, x_name, points.points, points.last)
            for (name, x_name), points in sorted(self._points.items())
        ]

    def _x_name(self, key: Key) -> str | None:
        """Return the name of a metric's x axis; None for a metric that is not drawn."""
        if key not in self._x_names:
            definition = self._definitions.find(key)
            name: str | None = STEP
            if definition is not None:
                name = None if definition.hidden else definition.step_metric or STEP
            self._x_names[key] = name
        return self._x_names[key]


def is_drawn(value: Plain) -> bool:
    """Tell whether a value is a number that a chart can show."""
    return (type(value) is float or type(value) is int) and -_LARGEST < value < _LARGEST


def _joined(first: tuple[Point, Point], second: tuple[Point, Point]) -> tuple[Point, Point]:
    """Return the lowest and the highest point of two buckets, in the order in which they came."""
    points = (*first, *second)
    low = min(range(len(points)), key=lambda at: points[at][1])
    high = max(range(len(points)), key=lambda at: points[at][1])
    return points[min(low, high)], points[max(low, high)]
