from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.errors import UsageError
from airtape.query.mappings import MAX_PATTERN, filter_of
from tests.query.test_filters import RUN

TRUE: list[dict[str, Any]] = [
    {},
    {"state": "finished"},
    {"state": {"$ne": "pending"}},
    {"state": {"$in": ["crashed", "Finished"]}},
    {"display_name": "likely-lion-9"},
    {"displayName": {"$regex": "^likely"}},
    {"name": "12345678"},
    {"name": "likely-lion-9"},
    {"name": {"$in": ["12345678", "other"]}},
    {"name": {"$nin": ["other"]}},
    {"username": "ada"},
    {"jobType": {"$exists": True}},
    {"group": {"$exists": False}},
    {"group": None},
    {"group": {"$ne": "baseline"}},
    {"group": {"$nin": ["baseline"]}},
    {"group": {"$not": {"$eq": "baseline"}}},
    {"tags": "best"},
    {"tags": {"$in": ["worst", "best"]}},
    {"tags": {"$nin": ["worst"]}},
    {"tags": ["best", "to do"]},
    {"tags": {"$regex": "^TO", "$options": "i"}},
    {"config.lr": 0.1},
    {"config.lr": {"$gt": 0.05, "$lte": 0.1}},
    {"config.lr.value": {"$lt": 1}},
    {"config.optimizer": {"name": "adam", "betas": [0.9, 0.999]}},
    {"config.optimizer.betas": [0.9, 0.999]},
    {"config.optimizer.betas": 0.9},
    {"config.flag": True},
    {"config.big": 10**30},
    {"config.missing": None},
    {"config.missing": {"$ne": 3}},
    {"summary_metrics.val/acc": {"$gte": 0.9}},
    {"summary_metrics.loss": float("nan")},
    {"duration": {"$gt": 3600}},
    {"lastHistoryStep": 9},
    {"created_at": {"$gt": "2026-11-20Z"}},
    {"createdAt": {"$lt": "2026-11-20T10:11:13Z"}},
    {"created_at": {"$gte": datetime(2026, 11, 20, 10, 11, 12, tzinfo=timezone.utc)}},
    {"created_at": 1_795_169_472},
    {"$or": [{"state": "failed"}, {"config.lr": 0.1}]},
    {"$and": [{"state": "finished"}, {"$not": {"tags": "worst"}}]},
    {"$and": []},
    {"state": "finished", "config.lr": 0.1},
]
FALSE: list[dict[str, Any]] = [
    {"state": "failed"},
    {"state": {"$in": []}},
    {"name": {"$ne": "12345678"}},
    {"name": {"$nin": ["likely-lion-9"]}},
    {"tags": {"$ne": "best"}},
    {"group": {"$regex": "."}},
    {"config.lr": "0.1"},
    {"config.lr": {"$regex": "0"}},
    {"config.flag": 1},
    {"config.lr": {"$gt": 0.05, "$lt": 0.1}},
    {"config.missing": {"$lt": 3}},
    {"config.missing": {"$exists": True}},
    {"config.optimizer": {"name": "adam"}},
    {"created_at": {"$lt": "2026-11-20Z"}},
    {"$or": [{"state": "failed"}, {"config.lr": 1}]},
    {"$or": []},
    {"state": "finished", "config.lr": 1},
]


@pytest.mark.parametrize("said", TRUE)
def test_a_filter_holds(said: dict[str, Any]) -> None:
    """What is true of a run, or not known where that is asked for, is found."""
    assert filter_of(said).matches(RUN)


@pytest.mark.parametrize("said", FALSE)
def test_a_filter_does_not_hold(said: dict[str, Any]) -> None:
    """What is not true of a run is not found."""
    assert not filter_of(said).matches(RUN)


@pytest.mark.parametrize(
    ("said", "where", "because"),
    [
        ({"stat": "finished"}, "filters['stat']", "Did you mean state"),
        ({"state": "finshed"}, "filters['state']", "Did you mean finished"),
        ({"state": "over"}, "filters['state']", "States are finished"),
        ({"state": 3}, "filters['state']", "expected a known word, found 3"),
        ({"group": 3}, "filters['group']", "expected a text, found 3"),
        ({"step": "9"}, "filters['step']", "expected a number, found '9'"),
        ({"created_at": "yesterday"}, "filters['created_at']", "expected a time"),
        ({"created_at": [1]}, "filters['created_at']", "expected a time"),
        ({"created_at": 1e300}, "filters['created_at']", "expected a time"),
        ({"$an": []}, "filters['$an']", "Did you mean $and"),
        ({"$and": {}}, "filters['$and']", "expected a list, found {}"),
        ({"$and": [3]}, "filters['$and'][0]", "expected a dictionary, found 3"),
        ({"$not": 3}, "filters['$not']", "expected a dictionary, found 3"),
        ({3: 3}, "filters[3]", "expected the name of a column, found 3"),
        ({"config.x": {"$gtt": 3}}, "filters['config.x']['$gtt']", "Did you mean $gt"),
        ({"config.x": {"$zzzzz": 3}}, "filters['config.x']['$zzzzz']", "Operators are $eq"),
        ({"tags": {"$in": "x"}}, "filters['tags']['$in']", "expected a list, found 'x'"),
        ({"tags": {"$in": ["x", 3]}}, "filters['tags']['$in'][1]", "expected texts, found 3"),
        ({"step": {"$gt": None}}, "filters['step']['$gt']", "has an order, found None"),
        ({"name": {"$regex": "("}}, "filters['name']['$regex']", "no regular expression"),
        ({"name": {"$regex": 3}}, "filters['name']['$regex']", "expected a text"),
        ({"name": {"$regex": "x" * (MAX_PATTERN + 1)}}, "filters['name']['$regex']", "at most"),
        ({"name": {"$regex": "x", "$options": "q"}}, "filters['name']['$options']", "found 'q'"),
    ],
)
def test_what_cannot_be_understood_is_pointed_at(
    said: dict[Any, Any], where: str, because: str
) -> None:
    """The error names the place inside the dictionaries, and what was expected there."""
    with pytest.raises(UsageError) as refused:
        filter_of(said)
    assert refused.value.where == where
    assert because in str(refused.value)


def test_nesting_has_a_bound() -> None:
    """Dictionaries that are nested beyond any use are refused."""
    joined: dict[str, Any] = {"state": "finished"}
    negated: dict[str, Any] = {"$eq": "finished"}
    for _ in range(200):
        joined, negated = {"$and": [joined]}, {"$not": negated}
    for said in (joined, {"state": negated}):
        with pytest.raises(UsageError, match="levels are too many"):
            filter_of(said)


@given(st.integers() | st.floats() | st.text() | st.booleans(), st.none() | st.integers())
def test_equal_and_not_equal_are_contraries(asked: object, had: int | None) -> None:
    """Of `$eq` and `$ne`, and of `$in` and `$nin`, just one holds, whatever a run has."""
    run = {"config": {"x": had}}
    for one, other, value in (("$eq", "$ne", asked), ("$in", "$nin", [asked])):
        holds = filter_of({"config.x": {one: value}}).matches(run)
        assert holds != filter_of({"config.x": {other: value}}).matches(run)
