from __future__ import annotations

import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.chart import HEIGHT, WIDTH, chart, ticks
from airtape.curves import Curve

NUMBERS = st.floats(-1e299, 1e299)


def drawn(*points: tuple[float, float], x_name: str = "_step") -> ET.Element:
    """Return the picture of a curve."""
    curve = Curve("loss", x_name, [*points], points[-1][1])
    return ET.fromstring(chart(curve))  # noqa: S314 - it was made right now


def test_a_curve_is_one_path() -> None:
    """From left to right, the highest value at the top."""
    picture = drawn((0, 1), (5, 3), (10, 2))
    [path] = [it for it in picture if it.get("class") == "line"]
    places = [tuple(map(float, it.split())) for it in re.split("[ML]", path.attrib["d"])[1:]]
    assert [x for x, _ in places] == [52, 190, 328]
    heights = [y for _, y in places]
    assert heights == [166, 10, 88]
    assert picture.get("aria-label") == "loss over step"


def test_few_points_are_dots() -> None:
    """A line of one point would be invisible."""
    picture = drawn((3, 0.5), x_name="epoch")
    assert len([it for it in picture if it.tag == "circle"]) == 1


def test_times_are_clocks() -> None:
    """Seconds since 1970 say nothing to a reader; what is no time is a number."""
    for first, looks in ((1.8e9, r"\d\d:\d\d"), (1e20, r"\S*e\+20")):
        picture = drawn((first, 1), (first * 1.001, 2), x_name="_timestamp")
        [*labels, axis] = [it.text or "" for it in picture if it.get("class") in {"x", "axis"}]
        assert axis == "time"
        assert labels
        assert all(re.fullmatch(looks, label) for label in labels)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20))
def test_every_curve_can_be_drawn(points: list[tuple[float, float]]) -> None:
    """Inside of the picture, whatever the numbers are."""
    picture = drawn(*points)
    for element in picture:
        for name, most in (("x", WIDTH), ("y", HEIGHT), ("cx", WIDTH), ("cy", HEIGHT)):
            if name in element.attrib:
                assert 0 <= float(element.attrib[name]) <= most
    assert "nan" not in ET.tostring(picture, "unicode")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
        (0.001, 0.0045, [0.001, 0.002, 0.003, 0.004]),
        (0, 3000, [0, 1000, 2000, 3000]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    """A few of them, inside of the range."""
    assert ticks(low, high) == pytest.approx(expected)


@given(NUMBERS, st.floats(1e-6, 1e300))
def test_there_are_ticks(low: float, width: float) -> None:
    """For all ranges that a chart may have."""
    high = low + width
    if math.isfinite(high) and width > 1e-9 * abs(low):
        found = ticks(low, high)
        assert 1 <= len(found) <= 12
