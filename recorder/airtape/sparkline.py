"""A series of numbers as one short line of text: `▁▂▄▆█`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

BARS: Final = "▁▂▃▄▅▆▇█"
BLANK: Final = " "


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Draw `values` as at most `width` bars, lowest to highest.

    More values than `width` are averaged in equal buckets. NaN is left blank, infinities stand at
    the highest or lowest finite value, a constant series at the lowest bar.
    """
    numbers = [_number(value) for value in values]
    finite = [number for number in numbers if math.isfinite(number)]
    # Without a finite value there is no scale: infinities still point up and down.
    low, high = (min(finite), max(finite)) if finite else (-1.0, 1.0)
    clipped = [number if math.isnan(number) else min(max(number, low), high) for number in numbers]
    buckets = min(max(width, 0), len(clipped))
    means = (
        _mean(clipped[len(clipped) * i // buckets : len(clipped) * (i + 1) // buckets])
        for i in range(buckets)
    )
    return "".join(_bar(mean, low, high) for mean in means)


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an int of more than 308 digits
        return math.inf if value > 0 else -math.inf


def _mean(numbers: Sequence[float]) -> float:
    present = [number for number in numbers if not math.isnan(number)]
    # Divided before they are added: a sum could overflow.
    return sum(number / len(present) for number in present) if present else math.nan


def _bar(value: float, low: float, high: float) -> str:
    if math.isnan(value):
        return BLANK
    if low == high:
        return BARS[0]
    # Halves, because high - low could overflow.
    share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return BARS[min(max(int(share * (len(BARS) - 1) + 0.5), 0), len(BARS) - 1)]
