from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airtape.fold.metrics import (
    TRACE_LENGTH,
    MetricDefinition,
    Metrics,
    Tally,
    definition_from,
)
from airtape.records import Plain
from tests.fold.said import DEFINITIONS, LEAVES, NUMBERS, exact

INF = float("inf")
NAN = float("nan")


def defined(*said: dict[str, Any]) -> Metrics:
    """Return the metrics after some definitions."""
    metrics = Metrics()
    for one in said:
        metrics.define(one)
    return metrics


def tally_of(*values: Plain) -> Tally:
    """Return what is counted of some values, one by one."""
    tally = Tally(values[0])
    for value in values:
        tally.take(value)
    return tally


def test_own_definition_comes_before_every_prefix() -> None:
    """The metric's own name counts, else the longest prefix that fits."""
    metrics = defined({"glob": ""}, {"glob": "a/"}, {"glob": "a/b"}, {"name": "a/b/c"})
    found = [metrics.find(name) for name in ("a/b/c", "a/b/x", "a/x", "x")]
    assert [(one.name, one.glob) for one in found if one is not None] == [
        ("a/b/c", False),
        ("a/b", True),
        ("a/", True),
        ("", True),
    ]


def test_prefixes_do_not_reach_names_with_an_underscore() -> None:
    """Those are internal; only their own definition counts."""
    metrics = defined({"glob": ""}, {"glob": "_"}, {"name": "_own"})
    assert metrics.find("_other") is None
    assert metrics.find("_own") is not None


def test_a_metric_without_definition_has_none() -> None:
    """Nothing fits."""
    assert defined({"name": "a"}, {"glob": "b"}).find("c") is None


def test_nested_metrics_are_found_by_their_dotted_name() -> None:
    """A path is compared as it is shown."""
    metrics = defined({"name": "n.a"}, {"glob": "n."})
    assert (metrics.find(("n", "a")), metrics.find(("n", "b"))) == (
        metrics.exact["n.a"],
        metrics.globs["n."],
    )


def test_a_later_definition_is_found_at_once() -> None:
    """What was found before is not remembered beyond a definition."""
    metrics = defined({"glob": ""})
    assert metrics.find("a") is metrics.globs[""]
    metrics.define({"name": "a"})
    assert metrics.find("a") is metrics.exact["a"]


def test_definitions_add_up() -> None:
    """What the later one leaves unsaid stays as it was."""
    first = {"name": "m", "step_metric": "e", "step_sync": False, "summary": ["min"]}
    second = {"name": "m", "hidden": True, "summary": ["max", "min"], "goal": "maximize"}
    assert defined(first, second).exact["m"] == MetricDefinition(
        "m",
        step_metric="e",
        step_sync=False,
        hidden=True,
        summary=("min", "max"),
        goal="maximize",
    )


def test_a_definition_may_replace_what_was_said() -> None:
    """The later one's words count where both say something."""
    first = {
        "name": "m",
        "step_metric": "e",
        "step_sync": False,
        "hidden": True,
        "goal": "minimize",
    }
    second = {
        "name": "m",
        "step_metric": "f",
        "step_sync": True,
        "hidden": False,
        "goal": "maximize",
    }
    assert defined(first, second).exact["m"] == definition_from(second)


def test_overwriting_forgets_what_was_said() -> None:
    """Only the last definition holds."""
    first = {"name": "m", "step_metric": "e", "summary": ["min"]}
    second = {"name": "m", "summary": ["mean"], "overwrite": True}
    assert defined(first, second).exact["m"] == MetricDefinition("m", summary=("mean",))


@pytest.mark.parametrize(
    ("before", "after", "together"),
    [
        (["none"], ["max"], ("max",)),
        (["none"], [], ("none",)),
        (["max"], ["none"], ("max", "none")),
        (["none"], ["none"], ("none",)),
    ],
)
def test_a_metric_without_summary_can_get_one(
    before: list[str], after: list[str], together: tuple[str, ...]
) -> None:
    """An operation takes the place of an earlier ``none``."""
    metrics = defined({"name": "m", "summary": before}, {"name": "m", "summary": after})
    assert metrics.exact["m"].summary == together


@pytest.mark.parametrize(
    ("said", "adds"),
    [
        ({"name": "m"}, False),
        ({"name": "m", "step_metric": "e"}, True),
        ({"name": "m", "step_metric": "e", "step_sync": True}, True),
        ({"name": "m", "step_metric": "e", "step_sync": False}, False),
        ({"name": "m", "step_sync": True}, False),
    ],
)
def test_step_metric_is_added_unless_said_otherwise(said: dict[str, Any], *, adds: bool) -> None:
    """Without a step metric there is nothing to add."""
    assert definition_from(said).adds_step_metric is adds


@given(DEFINITIONS)
def test_a_definition_comes_back(said: dict[str, Any]) -> None:
    """What is written down of a definition makes the same one again."""
    definition = definition_from(said)
    assert definition_from(definition.to_fields()) == definition


@given(st.lists(DEFINITIONS))
def test_all_definitions_come_back(said: list[dict[str, Any]]) -> None:
    """Defining what is written down gives the same definitions."""
    metrics = defined(*said)
    again = defined(*[one.to_fields() for one in metrics.definitions()])
    assert (again.exact, again.globs) == (metrics.exact, metrics.globs)
    assert bool(metrics) == bool(said)


@given(st.lists(st.floats(-1e100, 1e100) | st.integers(-(10**20), 10**20), min_size=1))
def test_numbers_are_counted(values: list[float]) -> None:
    """First, count, sum, smallest and largest are those of Python."""
    tally = tally_of(*values)
    assert (tally.first, tally.count) == (values[0], len(values))
    assert (tally.low, tally.high) == (min(values), max(values))
    assert math.isclose(tally.total, math.fsum(values), rel_tol=1e-9, abs_tol=1e90)


@given(st.lists(LEAVES, min_size=1), st.lists(LEAVES, min_size=1), st.sampled_from([0, 1]))
@example([1], [10**400, 2], 1)
@example([1], [NAN, 2], 1)
def test_many_at_once_are_the_same_as_each(
    before: list[Plain], values: list[Plain], stride: int
) -> None:
    """Also with infinities, huge integers, and what is no number."""
    one_by_one, at_once = Tally(before[0], stride=stride), Tally(before[0], stride=stride)
    for value in [*before, *values]:
        one_by_one.take(value)
    at_once.take_all(tuple(before))
    at_once.take_all(tuple(values))
    assert exact(_fields(at_once)) == exact(_fields(one_by_one))


def _fields(tally: Tally) -> list[Any]:
    return [getattr(tally, name) for name in Tally.__slots__]


@pytest.mark.parametrize("other", [None, True, False, "5", "", [1], {}, NAN])
def test_what_is_no_number_is_not_counted(other: Plain) -> None:
    """Booleans, text, lists, and not-a-numbers leave the aggregates alone."""
    tally = tally_of(2, other, 4.0)
    assert (tally.count, tally.total, tally.low, tally.high) == (2, 6.0, 2, 4.0)


@pytest.mark.parametrize(
    ("values", "total"),
    [([10**400], INF), ([-(10**400)], -INF), ([1e308, 1e308], INF), ([INF, 10**400], INF)],
)
def test_numbers_beyond_floats_are_infinite_in_sums(values: list[float], total: float) -> None:
    """Adding never raises."""
    assert tally_of(*values).total == total


@given(st.integers(1, 2000).map(range).map(list))
def test_a_trace_is_every_so_many_numbers(values: list[int]) -> None:
    """Evenly spread from the first one on, and never long."""
    tally = Tally(values[0])
    tally.take_all(tuple(values))
    assert tally.trace == values[:: tally.stride]
    assert min(len(values), TRACE_LENGTH // 2) <= len(tally.trace) <= TRACE_LENGTH


def test_a_metric_may_have_no_trace() -> None:
    """A stride of 0 keeps nothing."""
    tally = Tally(1, stride=0)
    tally.take_all((1, 2, 3))
    assert (tally.trace, tally.count) == ([], 3)


@given(st.lists(NUMBERS.filter(lambda n: n == n and abs(n) < 1e300), min_size=1))  # noqa: PLR0124 - true for a NaN
def test_aggregates_are_those_of_python(values: list[float]) -> None:
    """Each operation by its name."""
    tally = tally_of(*values)
    said = tally.aggregate(("first", "last", "min", "max", "mean", "best"), None, values[-1])
    assert said == {
        "first": values[0],
        "last": values[-1],
        "min": min(values),
        "max": max(values),
        "mean": tally.total / len(values),
        "best": min(values),
    }


@pytest.mark.parametrize(("goal", "best"), [(None, 1), ("minimize", 1), ("maximize", 3)])
def test_best_depends_on_the_goal(goal: str | None, best: int) -> None:
    """Without a goal less is better."""
    assert tally_of(2, 1, 3).aggregate(["best"], goal, 3) == {"best": best}


def test_without_a_number_the_last_value_stays_to_be_seen() -> None:
    """Text has no minimum."""
    assert tally_of("a", "b").aggregate(["min", "max"], None, "b") == "b"
    assert tally_of("a", "b").aggregate(["min", "last"], None, "b") == {"last": "b"}


def test_unknown_operations_are_those_of_a_later_version() -> None:
    """A later version's log is folded as well as can be."""
    assert tally_of(1, 2).aggregate(["median"], None, 2) == 2
