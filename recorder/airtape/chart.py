"""A curve as a picture: SVG that needs nothing from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Final

from airtape.curves import Curve, Point
from airtape.fold.row import RUNTIME, STEP, TIMESTAMP
from airtape.html_text import escaped
from airtape.value_text import shortened

WIDTH: Final = 340
HEIGHT: Final = 200
_LEFT: Final = 52
_RIGHT: Final = 12
_TOP: Final = 10
_BOTTOM: Final = 34
_TICKS: Final = 5
_LONGEST_LABEL: Final = 40
_AXES: Final = {STEP: "step", RUNTIME: "seconds", TIMESTAMP: "time"}
_SMALLEST: Final = 1e-280
"""Below that a range is none."""

_FEW_POINTS: Final = 2
"""So many are drawn as dots too."""


def chart(curve: Curve) -> str:
    """Return a chart of a curve that has points, as an SVG element."""
    xs, ys = ([point[axis] for point in curve.points] for axis in (0, 1))
    x_range, y_range = _widened(min(xs), max(xs)), _widened(min(ys), max(ys))
    name = escaped(shortened(curve.name, _LONGEST_LABEL))
    x_name = escaped(shortened(_AXES.get(curve.x_name, curve.x_name), _LONGEST_LABEL))
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name} over {x_name}">',
        *_y_axis(y_range),
        *_x_axis(x_range, is_time=curve.x_name == TIMESTAMP),
        f'<text class="axis" x="{(_LEFT + WIDTH - _RIGHT) // 2}" y="{HEIGHT - 4}">{x_name}</text>',
        *_line(curve.points, x_range, y_range),
        "</svg>",
    ]
    return "".join(parts)


def ticks(low: float, high: float, count: int = _TICKS) -> list[float]:
    """Return about `count` round numbers between two numbers, of which the second is larger."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [
        number * step for number in range(first, first + count + 2) if number * step <= high
    ] or [low]


def _widened(low: float, high: float) -> tuple[float, float]:
    """Return a range that has a width, as numbers near to one another may have none."""
    size = max(abs(low), abs(high))
    if high - low > max(1e-12 * size, _SMALLEST):
        return low, high
    margin = 0.05 * size if size > _SMALLEST else 1.0
    return low - margin, high + margin


def _line(
    points: Sequence[Point], x_range: tuple[float, float], y_range: tuple[float, float]
) -> Iterator[str]:
    places = [(_x_at(x, x_range), _y_at(y, y_range)) for x, y in points]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    yield f'<path class="line" d="M{path}"/>'
    if len(places) <= _FEW_POINTS:
        for x, y in places:
            yield f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>'


def _y_axis(y_range: tuple[float, float]) -> Iterator[str]:
    for tick in ticks(*y_range):
        y = _y_at(tick, y_range)
        yield f'<path class="rule" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>'
        yield f'<text class="y" x="{_LEFT - 5}" y="{y + 3.5:.1f}">{_number(tick)}</text>'


def _x_axis(x_range: tuple[float, float], *, is_time: bool) -> Iterator[str]:
    bottom = HEIGHT - _BOTTOM
    yield f'<path class="base" d="M{_LEFT} {bottom}H{WIDTH - _RIGHT}"/>'
    for tick in ticks(*x_range):
        x = _x_at(tick, x_range)
        label = _clock(tick) if is_time else _number(tick)
        yield f'<text class="x" x="{x:.1f}" y="{bottom + 13}">{label}</text>'


def _x_at(x: float, x_range: tuple[float, float]) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * _share(x, *x_range)


def _y_at(y: float, y_range: tuple[float, float]) -> float:
    bottom = HEIGHT - _BOTTOM
    return bottom - (bottom - _TOP) * _share(y, *y_range)


def _share(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _number(value: float) -> str:
    return f"{value:.4g}".replace("e+0", "e").replace("e-0", "e-")


def _clock(value: float) -> str:
    try:
        return datetime.fromtimestamp(value, timezone.utc).strftime("%H:%M")
    except (OverflowError, OSError, ValueError):
        return _number(value)
