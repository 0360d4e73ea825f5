from __future__ import annotations

from typing import Any

import pytest

from airtape.errors import UsageError
from airtape.metric import Metric, define


def test_what_is_not_said_stays_unsaid() -> None:
    """A definition by name alone says nothing more, and is recorded so."""
    metric = define("loss")
    assert metric == Metric("loss")
    assert metric.to_fields(overwrite=None) == {"name": "loss"}


def test_step_metric_is_added_to_rows_by_default() -> None:
    """With a step metric ``step_sync`` is True unless it is said to be False."""
    assert define("loss", step_metric="epoch").step_sync is True
    assert define("loss", step_metric="epoch", step_sync=False).step_sync is False


def test_step_metric_may_be_a_definition() -> None:
    """What define_metric returned can be given as the step metric of another metric."""
    assert define("loss", step_metric=define("epoch")).step_metric == "epoch"


def test_glob_is_recorded_without_its_star() -> None:
    """The record of a glob holds the prefix that names must have."""
    fields = define("train/*", hidden=True).to_fields(overwrite=True)
    assert fields == {"glob": "train/", "hidden": True, "overwrite": True}


@pytest.mark.parametrize(
    ("summary", "operations"),
    [
        (None, None),
        ("", None),
        ("max", ("max",)),
        ("min,max,mean,first,last,best", ("min", "max", "mean", "first", "last", "best")),
        ("MAX,max", ("max",)),
        ("none", ("none",)),
        ("copy", None),
        ("copy,max", ("max",)),
    ],
)
def test_summary_is_a_list_of_operations(
    summary: str | None, operations: tuple[str, ...] | None
) -> None:
    """Operations come with commas, in any case; ``copy`` is the last value, as without any."""
    assert define("loss", summary=summary).summary == operations


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": ""}, "requires non-empty name"),
        ({"name": 5}, "name type: int"),
        ({"name": "a*b"}, r"glob suffixes only\): a\*b"),
        ({"name": "*x"}, r"glob suffixes only\): \*x"),
        ({"step_metric": 5}, "step_metric type: int"),
        ({"summary": ["min"]}, "summary type: list"),
        ({"summary": "median"}, "summary op: median"),
        ({"summary": "min, max"}, "summary op:  max"),
        ({"goal": "up"}, "goal='up'\ngoal is one of minimize, maximize"),
    ],
)
def test_wrong_argument_is_named(wrong: dict[str, Any], message: str) -> None:
    """An argument that is not allowed is a usage error that names it."""
    with pytest.raises(UsageError, match=message):
        define(**{"name": "loss", **wrong})
