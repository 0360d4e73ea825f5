from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.curves import MOST_BUCKETS, CurvePoints, Curves
from airtape.fold.metrics import MetricDefinition, Metrics
from airtape.fold.row import Row
from airtape.records import Plain


def rows(*data: dict[str, Plain]) -> list[Row]:
    """Return rows with these values, one a second."""
    return [
        Row(step, 100.0 + step, float(step), dict(values.items()))
        for step, values in enumerate(data)
    ]


def metrics(*definitions: MetricDefinition) -> Metrics:
    """Return what these definitions say, one for each name."""
    return Metrics({it.name: it for it in definitions}, {})


def test_numbers_are_drawn_over_the_step() -> None:
    """What is no number, or none that can be drawn, is not."""
    curves = Curves(Metrics())
    curves.add_rows(rows({"a": 1, "t": "text"}, {"a": math.nan}, {"a": 2.5, "b": 10**400}))
    [curve] = curves.curves()
    assert (curve.name, curve.x_name, curve.last) == ("a", "_step", 2.5)
    assert curve.points == [(0, 1), (2, 2.5)]


@given(st.lists(st.floats() | st.integers() | st.sampled_from(["", True, 10**400]), min_size=1))
def test_a_column_is_drawn_as_its_values_are(values: list[Plain]) -> None:
    """What can be drawn of it, and nothing else, whatever stands beside it."""
    curves, one_by_one = Curves(Metrics()), Curves(Metrics())
    curves.add_rows(rows(*({"a": value} for value in values)))
    for step, value in enumerate(values):
        one_by_one.add("a", "_step", step, value)
    assert curves.curves() == one_by_one.curves()


def test_a_step_metric_is_the_x_axis() -> None:
    """A row that lacks it has no point; hidden metrics have no curve."""
    curves = Curves(
        metrics(
            MetricDefinition("acc", step_metric="epoch"),
            MetricDefinition("secret", hidden=True),
            MetricDefinition("at", step_metric="_runtime"),
        )
    )
    curves.add_rows(rows({"acc": 0.1, "epoch": 3, "secret": 1, "at": 1}, {"acc": 0.2, "at": 2}))
    found = {curve.name: (curve.x_name, curve.points) for curve in curves.curves()}
    assert found == {
        "acc": ("epoch", [(3, 0.1)]),
        "at": ("_runtime", [(0, 1), (1, 2)]),
        "epoch": ("_step", [(0, 3)]),
    }


def test_nested_metrics_are_named_with_dots() -> None:
    """As their step metrics may be."""
    curves = Curves(metrics(MetricDefinition("eval.acc", step_metric="eval.epoch")))
    curves.add_rows([Row(7, 0.0, 0.0, {("eval", "acc"): 0.5, ("eval", "epoch"): 2})])
    assert [(it.name, it.points) for it in curves.curves()] == [
        ("eval.acc", [(2, 0.5)]),
        ("eval.epoch", [(7, 2)]),
    ]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.integers(1, 300))
def test_of_many_points_few_are_kept_and_none_stands_out_unseen(
    values: list[float], times: int
) -> None:
    """Lowest and highest stay, in order; memory does not grow."""
    points = CurvePoints()
    for x, y in enumerate(values * times):
        points.add(float(x), y)
    kept = points.points
    assert len(kept) <= 4 * MOST_BUCKETS
    assert {min(values), max(values)} <= {y for _, y in kept}
    assert [x for x, _ in kept] == sorted({x for x, _ in kept})
    assert points.last == values[-1]


@pytest.mark.parametrize("count", [MOST_BUCKETS, 50 * MOST_BUCKETS])
def test_all_of_a_run_is_drawn_alike(count: int) -> None:
    """The first half has as many points as the second."""
    points = CurvePoints()
    for x in range(count):
        points.add(float(x), math.sin(x))
    first = sum(x < count / 2 for x, _ in points.points)
    assert first == pytest.approx(len(points.points) / 2, rel=0.1)
