from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.sparkline import BARS, BLANK, sparkline

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([3], "▁"),
        ([2, 2, 2], "▁▁▁"),
        ([3, 1, 2], "█▁▅"),
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([0, NAN, 1], "▁ █"),
        ([NAN, NAN], "  "),
        ([0, INF, 1, -INF], "▁██▁"),
        ([INF, NAN, -INF], "█ ▁"),
        ([-1.7e308, 1.7e308], "▁█"),
        ([0, 10**400, 1, -(10**400)], "▁██▁"),
        ([False, True], "▁█"),
    ],
)
def test_values_become_bars(values: Sequence[float], line: str) -> None:
    """Each value is a bar between the lowest and the highest."""
    assert sparkline(values) == line


def test_more_values_than_bars_are_averaged() -> None:
    """Eight values on four bars: each bar is the mean of two."""
    assert sparkline([0, 0, 1, 3, 4, 4, 6, 6], width=4) == "▁▃▆█"


def test_a_bucket_with_a_nan_shows_its_other_values() -> None:
    """One NaN among thousands of values leaves no hole."""
    assert sparkline([0, NAN, 1, 1], width=2) == "▁█"


def test_a_bucket_of_huge_values_does_not_overflow() -> None:
    """The mean of the largest floats is finite."""
    assert sparkline([1.7e308, 1.7e308, 0, 0], width=2) == "█▁"


@pytest.mark.parametrize("width", [0, -1])
def test_no_width_is_no_line(width: int) -> None:
    """Without room nothing is drawn."""
    assert sparkline([1, 2], width=width) == ""


@given(st.lists(st.floats() | st.integers(), max_size=120), st.integers(0, 60))
def test_any_numbers_make_a_line_of_the_right_length(values: list[float], width: int) -> None:
    """Whatever is logged, the line has min(width, values) bars or blanks."""
    line = sparkline(values, width)
    assert len(line) == min(width, len(values))
    assert set(line) <= {*BARS, BLANK}
