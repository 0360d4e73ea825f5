from __future__ import annotations

from typing import Any, NamedTuple

import pytest

import airtape
from airtape.errors import InvalidDataError
from airtape.records import HistoryFlag, Kind
from tests.recording import recorded


class Call(NamedTuple):
    """One call of ``log()``."""

    data: dict[str, Any]
    step: Any = None
    commit: bool | None = None


Rows = list[tuple[int, dict[Any, Any]]]

CASES: dict[str, tuple[list[Call], Rows, int]] = {
    "every call is a row": (
        [Call({"a": 0}), Call({"a": 1})],
        [(0, {"a": 0}), (1, {"a": 1})],
        2,
    ),
    "calls without commit merge, and the last value counts": (
        [Call({"a": 0, "b": 0}, commit=False), Call({"a": 1}, commit=False), Call({"c": 2})],
        [(0, {"a": 1, "b": 0, "c": 2})],
        1,
    ),
    "an empty call commits": (
        [Call({"a": 0}, commit=False), Call({}, commit=True)],
        [(0, {"a": 0})],
        1,
    ),
    "an explicit step stays the current one": ([Call({"a": 0}, step=5)], [(5, {"a": 0})], 5),
    "steps may be skipped": (
        [Call({"a": 0}, step=0), Call({"a": 1}, step=7)],
        [(0, {"a": 0}), (7, {"a": 1})],
        7,
    ),
    "calls with the same step merge": (
        [Call({"a": 0, "d": {"x": 1}}, step=5), Call({"a": 1, "d": {"y": 2}}, step=5)],
        [(5, {"a": 1, ("d", "x"): 1, ("d", "y"): 2})],
        5,
    ),
    "a call without step completes an explicit one": (
        [Call({"a": 0}, step=5), Call({"b": 1}), Call({"c": 2})],
        [(5, {"a": 0, "b": 1}), (6, {"c": 2})],
        7,
    ),
    "an explicit step can be committed": (
        [Call({"a": 0}, step=3, commit=True), Call({"a": 1})],
        [(3, {"a": 0}), (4, {"a": 1})],
        5,
    ),
    "a later step completes the one before": (
        [Call({"a": 0}, step=5, commit=False), Call({"b": 1}, step=6, commit=False)],
        [(5, {"a": 0}), (6, {"b": 1})],
        6,
    ),
    "an empty row is a row": ([Call({}), Call({"a": 1})], [(0, {}), (1, {"a": 1})], 2),
    "a row left open counts": ([Call({"a": 0}, commit=False)], [(0, {"a": 0})], 0),
    "a value takes the place of a dictionary": (
        [Call({"a": {"x": 1}}, commit=False), Call({"a": 2})],
        [(0, {"a": 2})],
        1,
    ),
    "a dotted name is not a nested one": (
        [Call({"a.b": 1, "a": {"b": 2}})],
        [(0, {"a.b": 1, ("a", "b"): 2})],
        1,
    ),
    "a step that is over is left out": (
        [Call({"a": 0}, step=5), Call({"a": 1}, step=4), Call({"a": 2}, step=-1), Call({"b": 3})],
        [(5, {"a": 0, "b": 3})],
        6,
    ),
}


@pytest.mark.parametrize(("calls", "rows", "step"), CASES.values(), ids=CASES)
def test_rows_follow_from_steps(calls: list[Call], rows: Rows, step: int, run: airtape.Run) -> None:
    """What is logged goes to the current step, which only explicit steps and commits change."""
    for call in calls:
        run.log(*call)
    assert run.step == step
    run.finish()
    assert recorded(run).data == rows


def test_a_step_that_is_over_is_warned_of_and_kept(
    run: airtape.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The warning names both steps, each time; the log keeps the data, marked as dropped."""
    run.log({"a": 0}, step=5)
    for _ in range(2):
        run.log({"a": 1}, step=3)
    warnings = [line for line in capsys.readouterr().err.splitlines() if "WARNING" in line]
    assert len(warnings) == 2
    assert "Tried to log to step 3 that is less than the current step 5." in warnings[0]
    run.finish()
    calls = [record.fields for record in recorded(run).of(Kind.HISTORY)]
    dropped = HistoryFlag.DROPPED | HistoryFlag.STEP_GIVEN
    assert calls[1:] == [(3, dropped, {"a": 1})] * 2


@pytest.mark.parametrize("step", [1.5, "3", [1], True, 2**63, -(2**63) - 1])
def test_what_is_no_step_changes_nothing(step: Any, run: airtape.Run) -> None:  # noqa: ANN401 - the point
    """A step that is no integer of 64 bits raises, and nothing was recorded."""
    with pytest.raises(InvalidDataError):
        run.log({"a": 1}, step=step)
    run.log({"a": 2})
    run.finish()
    assert recorded(run).data == [(0, {"a": 2})]


def test_steps_may_be_anything_that_is_an_integer(run: airtape.Run) -> None:
    """Numpy's integers and the like are steps."""

    class Three:
        def __index__(self) -> int:
            return 3

    run.log({"a": 1}, step=Three())  # type: ignore[arg-type]  # what the test is about
    run.log({"a": 2}, step=2**62)
    run.finish()
    assert recorded(run).data == [(3, {"a": 1}), (2**62, {"a": 2})]


def test_commit_is_taken_as_a_truth_value(run: airtape.Run) -> None:
    """``commit=0`` is False, as it would be anywhere in Python."""
    run.log({"a": 1}, commit=0)  # type: ignore[arg-type]  # what the test is about
    run.log({"b": 2}, commit=1)  # type: ignore[arg-type]  # see above
    run.finish()
    assert recorded(run).data == [(0, {"a": 1, "b": 2})]
