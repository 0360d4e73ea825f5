from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.errors import UsageError
from airtape.query.order import parse_order


def _ordered(order: str, *runs: dict[str, Any]) -> list[Any]:
    return [run for _, run in parse_order(order).applied((run, run) for run in runs)]


def _with_loss(value: object) -> dict[str, Any]:
    return {"summary": {"loss": value}}


def test_runs_are_ordered_either_way() -> None:
    """Ascending unless a minus stands before the column."""
    low, high = _with_loss(1), _with_loss(2.5)
    for order in ("summary.loss", "+summary.loss", " +summary_metrics.loss "):
        assert _ordered(order, high, low) == [low, high]
    assert _ordered("-summary.loss", low, high) == [high, low]


def test_what_has_no_place_in_the_order_comes_last() -> None:
    """Missing values and NaN stand at the end, whichever way."""
    high, low = _with_loss(2), _with_loss(1)
    rest: list[dict[str, Any]] = [{"id": "a"}, {"id": "b", **_with_loss(float("nan"))}]
    assert _ordered("summary.loss", *rest, high, low) == [low, high, *rest]
    assert _ordered("-summary.loss", *rest, low, high) == [high, low, *rest]
    assert _ordered("-tags", {"id": "x", "tags": ()}, {"tags": ("b",)})[1]["id"] == "x"


def test_numbers_come_before_texts_and_texts_before_the_rest() -> None:
    """Values of different kinds have an order too."""
    values = [True, 1.5, 10**400, "10", "9", ["b"], {"a": 1}]
    runs = [_with_loss(value) for value in values]
    assert _ordered("summary.loss", *reversed(runs)) == runs


def test_equal_runs_stand_in_the_order_of_their_age() -> None:
    """The earlier run comes first, then the lower id, whichever way is asked for."""
    runs = [
        {"created_at": 1, "id": "b"},
        {"created_at": 2, "id": "a"},
        {"created_at": 2, "id": "b"},
    ]
    for order in ("+group", "-group", "+step"):
        assert _ordered(order, *reversed(runs)) == runs


def test_an_unknown_column_is_refused() -> None:
    """The error names what is like it."""
    with pytest.raises(UsageError, match="there is no column 'created' to order by"):
        parse_order("-created")
    with pytest.raises(UsageError, match=r"config\.loss and summary\.loss"):
        parse_order("-loss")


@given(st.lists(st.none() | st.floats() | st.integers() | st.text()))
def test_an_order_keeps_every_run_and_has_one_result(values: list[object]) -> None:
    """Ordering loses nothing, and does not depend on the order that runs come in."""
    runs = [{"id": f"{at:04}", **_with_loss(value)} for at, value in enumerate(values)]
    ordered = _ordered("-summary.loss", *runs)
    assert sorted(run["id"] for run in ordered) == [run["id"] for run in runs]
    assert [run["id"] for run in _ordered("-summary.loss", *reversed(runs))] == [
        run["id"] for run in ordered
    ]
