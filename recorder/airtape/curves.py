"""The curves of a run's metrics, with as many points as a chart shows, in one pass over rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby, islice
from typing import Any, Final, NamedTuple

from airtape.fold.keys import Key, dotted, key_of
from airtape.fold.metrics import Metrics
from airtape.fold.row import RUNTIME, STEP, TIMESTAMP, Row
from airtape.records import Plain

MOST_BUCKETS: Final = 400
"""Beyond twice as many, two neighbours become one."""

_AT_ONCE: Final = 4096
"""Points that are put into buckets together."""

_NUMBERS: Final = frozenset({float, int})

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
    stand for about the same number of points, which doubles when there are too many.
    """

    __slots__ = ("_buckets", "_size", "_xs", "_ys")

    def __init__(self) -> None:
        self._xs: list[float] = []
        self._ys: list[float] = []
        self._buckets: list[tuple[Point, Point]] = []
        self._size = 1

    def add(self, x: float, y: float) -> None:
        """Take one more point, of two finite numbers."""
        self._xs.append(x)
        self._ys.append(y)
        if len(self._xs) == _AT_ONCE:
            self._condense()

    def add_all(self, xs: Sequence[Plain], ys: Sequence[Plain]) -> None:
        """Take further points, but those that cannot be drawn; see `is_drawn`."""
        if not (_are_drawn(xs) and _are_drawn(ys)):
            pairs = [(x, y) for x, y in zip(xs, ys, strict=True) if is_drawn(x) and is_drawn(y)]
            xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
        self._xs += xs  # type: ignore[arg-type]  # numbers
        self._ys += ys  # type: ignore[arg-type]  # numbers
        if len(self._xs) >= _AT_ONCE:
            self._condense()

    @property
    def points(self) -> list[Point]:
        """The points that are kept, in the order in which they came."""
        waiting = [self._bucket(first) for first in range(0, len(self._xs), self._size)]
        buckets = [*self._buckets, *waiting]
        while len(buckets) > 2 * MOST_BUCKETS:
            buckets = _halved(buckets)
        return [point for pair in buckets for point in dict.fromkeys(pair)]

    @property
    def last(self) -> float:
        """The last value; not a number before the first."""
        return float(self._ys[-1]) if self._ys else math.nan

    def _condense(self) -> None:
        """Put what has come into buckets; the last point waits, for it may be the last of all."""
        while len(self._buckets) + (len(self._xs) - 1) // self._size >= 2 * MOST_BUCKETS:
            self._buckets = _halved(self._buckets)
            self._size *= 2
        whole = (len(self._xs) - 1) // self._size * self._size
        self._buckets += [self._bucket(first) for first in range(0, whole, self._size)]
        del self._xs[:whole], self._ys[:whole]

    def _bucket(self, first: int) -> tuple[Point, Point]:
        ys = self._ys[first : first + self._size]
        low, high = sorted((ys.index(min(ys)), ys.index(max(ys))))
        xs = self._xs
        return (
            (float(xs[first + low]), float(ys[low])),
            (float(xs[first + high]), float(ys[high])),
        )


class Curves:
    """The curves of several metrics.

    Args:
        definitions: What was said of the metrics: which are hidden, what their x axes are.
    """

    def __init__(self, definitions: Metrics) -> None:
        self._definitions = definitions
        self._drawn: dict[Key, tuple[str, CurvePoints] | None] = {}
        self._points: dict[tuple[str, str], CurvePoints] = {}

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Take rows of the history, in order of their steps."""
        ordered = iter(rows)
        while batch := list(islice(ordered, _AT_ONCE)):
            for keys, alike in groupby(batch, lambda row: tuple(row.data)):
                self._add_alike(keys, list(alike))

    def _add_alike(self, keys: tuple[Key, ...], rows: list[Row]) -> None:
        """Take rows that have the same keys; a column takes much less time than its values."""
        axes: dict[str, Sequence[Plain]] = {STEP: [row.step for row in rows]}
        for key, ys in zip(
            keys, zip(*(row.data.values() for row in rows), strict=True), strict=True
        ):
            curve = self._drawn[key] if key in self._drawn else self._curve_of(key)
            if curve is None:
                continue
            x_name, points = curve
            if x_name not in axes:
                axes[x_name] = [_x_of(row, x_name) for row in rows]
            points.add_all(axes[x_name], ys)

    def add(self, name: str, x_name: str, x: Plain, y: Plain) -> None:
        """Take a value of a metric, if both are numbers that can be drawn."""
        if is_drawn(x) and is_drawn(y):
            self._points_of(name, x_name).add(x, y)  # type: ignore[arg-type]  # numbers

    def curves(self) -> list[Curve]:
        """Return the curves that have points, in order of their names."""
        return [
            Curve(name, x_name, kept, points.last)
            for (name, x_name), points in sorted(self._points.items(), key=lambda pair: pair[0])
            if (kept := points.points)
        ]

    def _points_of(self, name: str, x_name: str) -> CurvePoints:
        return self._points.setdefault((name, x_name), CurvePoints())

    def _curve_of(self, key: Key) -> tuple[str, CurvePoints] | None:
        """Return a metric's x axis and its points; None for a metric that is not drawn."""
        definition = self._definitions.find(key)
        curve = None
        if definition is None or not definition.hidden:
            x_name = (definition and definition.step_metric) or STEP
            curve = x_name, self._points_of(dotted(key), x_name)
        self._drawn[key] = curve
        return curve


def is_drawn(value: Plain) -> bool:
    """Tell whether a value is a number that a chart can show."""
    return (type(value) is float or type(value) is int) and -_LARGEST < value < _LARGEST


def _are_drawn(values: Sequence[Plain]) -> bool:
    """Tell whether each of some values, of which there is at least one, can be drawn."""
    if not _NUMBERS.issuperset(map(type, values)):
        return False
    numbers: Sequence[Any] = values
    # One that is no number spoils the sum, an infinity or a large integer the bounds.
    total = sum(numbers) if max(numbers) < _LARGEST and min(numbers) > -_LARGEST else math.nan
    return not math.isnan(total)


def _x_of(row: Row, name: str) -> Plain:
    """Return the value of a row's x axis; None if it has none."""
    if name in row.data:
        return row.data[name]
    if name in {TIMESTAMP, RUNTIME}:
        return row.timestamp if name == TIMESTAMP else row.runtime
    return row.data.get(key_of(name.split(".")))


def _halved(buckets: list[tuple[Point, Point]]) -> list[tuple[Point, Point]]:
    """Return buckets of two neighbours each."""
    pairs = zip(buckets[::2], buckets[1::2], strict=False)
    return [*(_joined(*pair) for pair in pairs), *buckets[len(buckets) & ~1 :]]


def _joined(first: tuple[Point, Point], second: tuple[Point, Point]) -> tuple[Point, Point]:
    """Return the lowest and the highest point of two buckets, in the order in which they came."""
    points = (*first, *second)
    ys = [y for _, y in points]
    low, high = sorted((ys.index(min(ys)), ys.index(max(ys))))
    return points[low], points[high]
