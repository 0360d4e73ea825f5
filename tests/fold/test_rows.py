from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airtape.fold.fold import Fold
from airtape.fold.keys import nested
from airtape.fold.observers import history
from airtape.fold.row import Row
from airtape.records import Record
from tests.fold.said import (
    ANYTHING,
    CALLED,
    Call,
    by_step,
    exact,
    folded,
    log,
    recorded,
    rows_of,
)
from tests.logs import BEGAN_NS, Said, dropped_row, ended, log_row, metric, partial_row

BEGAN = BEGAN_NS / 1e9


def steps(*calls: Call | Said) -> list[tuple[int, dict[Any, Any]]]:
    """Return steps and data of the rows of some calls."""
    return [(row.step, row.data) for row in rows_of(recorded(calls))]


def test_each_call_is_a_row() -> None:
    """Without step and commit, steps count up from 0."""
    assert steps(log({"a": 1}), log({"a": 2}), log({})) == [(0, {"a": 1}), (1, {"a": 2}), (2, {})]


def test_calls_that_do_not_commit_add_to_the_row() -> None:
    """Later values win; the call that commits completes the row."""
    calls = [log({"a": 1, "b": 1}, commit=False), log({"a": 2}, commit=False), log({"c": 3})]
    assert steps(*calls, log({"d": 4})) == [(0, {"a": 2, "b": 1, "c": 3}), (1, {"d": 4})]


def test_calls_with_a_step_add_to_its_row() -> None:
    """A higher step completes the row before it."""
    calls = [log({"a": 1}, step=3), log({"b": 2}, step=3), log({"c": 3}, step=7)]
    assert steps(*calls) == [(3, {"a": 1, "b": 2}), (7, {"c": 3})]


def test_a_call_without_step_completes_the_row_of_the_last_step() -> None:
    """It goes to the current step, and the next one to the step behind."""
    calls = [log({"a": 1}, step=5), log({"b": 2}), log({"c": 3})]
    assert steps(*calls) == [(5, {"a": 1, "b": 2}), (6, {"c": 3})]


def test_a_step_with_commit_is_a_row_of_its_own() -> None:
    """The same step again is then too late."""
    calls = [log({"a": 1}, step=3, commit=True), log({"b": 2}, step=3), log({"c": 3})]
    assert steps(*calls) == [(3, {"a": 1}), (4, {"c": 3})]


def test_dropped_calls_are_counted_and_no_rows() -> None:
    """A lower step was refused when it was logged; the log keeps it."""
    fold = folded(log_row(5, a=1), dropped_row(3, a=2), dropped_row(-1, b=1))
    assert (fold.history.rows, fold.history.dropped, fold.history.last_step) == (1, 2, 5)
    assert "b" not in fold.summary


def test_the_row_that_is_still_open_can_be_seen() -> None:
    """It has no effect on the summary until it is complete."""
    fold = Fold()
    assert (fold.history.open_row, fold.history.open_step) == (None, None)
    for record in recorded([partial_row(4, a=1)]):
        fold.apply(record)
    assert (fold.history.open_row, fold.history.open_step) == ({"a": 1}, 4)
    assert (fold.summary, fold.history.rows, fold.history.last_step) == ({}, 0, 4)
    fold.close_row()
    assert (fold.history.open_row, fold.summary["a"], fold.history.rows) == (None, 1, 1)


def test_completing_nothing_changes_nothing() -> None:
    """Readers do it at the end of every log."""
    fold = folded(log_row(0, a=1))
    before = exact(fold.state())
    fold.close_row()
    assert exact(fold.state()) == before


def test_the_end_of_the_run_completes_the_last_row() -> None:
    """Nothing is added to it any more."""
    fold = Fold()
    for record in recorded([partial_row(4, a=1), ended()]):
        fold.apply(record)
    assert (fold.history.rows, fold.history.open_row) == (1, None)


@pytest.mark.parametrize(
    ("first", "second", "data"),
    [
        ({"n": {"x": 1}}, {"n": {"y": 2}}, {"n": {"x": 1, "y": 2}}),
        ({"n": {"x": 1}}, {"n": 5}, {"n": 5}),
        ({"n": 5}, {"n": {"x": 1}}, {"n": {"x": 1}}),
        ({"n": {"x": {"y": 1}}}, {"n": {"x": 2}}, {"n": {"x": 2}}),
        ({"n": {"x": 2}}, {"n": {"x": {"y": 1}}}, {"n": {"x": {"y": 1}}}),
        ({"n": {"x": 1}}, {"n": {}}, {"n": {"x": 1}}),
        ({"n": {}}, {"n": {"x": 1}}, {"n": {"x": 1}}),
        ({"n": 1}, {"n": {}}, {"n": {}}),
        ({"n": [1]}, {"n": []}, {"n": []}),
        ({"n.x": 1}, {"n": {"x": 2}}, {"n.x": 1, "n": {"x": 2}}),
    ],
)
def test_nested_data_of_one_row_merge(
    first: dict[str, Any], second: dict[str, Any], data: dict[str, Any]
) -> None:
    """Dictionaries merge; a value and a dictionary replace each other."""
    (row,) = rows_of(recorded([log(first, commit=False), log(second)]))
    assert nested(row.data) == data


def test_rows_have_the_time_when_they_were_last_added_to() -> None:
    """Runtimes count from the first record of the log."""
    rows = rows_of(recorded([log({"a": 1}, commit=False), log({"b": 2}), log({})]))
    assert rows == [
        Row(0, BEGAN + 1.5, 1.5, {"a": 1, "b": 2}),
        Row(1, BEGAN + 3.0, 3.0, {}),
    ]


@pytest.mark.parametrize("said", [BEGAN, BEGAN + 2.5, int(BEGAN) + 7])
def test_the_user_may_say_the_time(said: float) -> None:
    """It takes the place of the log's own clock, and the runtime follows it."""
    (row,) = rows_of(recorded([log({"_timestamp": said, "a": 1})]))
    assert (row.timestamp, row.runtime, row.data) == (said, said - BEGAN, {"a": 1})


@pytest.mark.parametrize("said", [5, 2.5, 0, -1.5])
def test_a_time_before_the_start(said: float) -> None:
    """It is kept as it is; no runtime is less than none."""
    (row,) = rows_of(recorded([log({"_timestamp": said, "a": 1})]))
    assert (row.timestamp, row.runtime, row.data) == (said, 0.0, {"a": 1})


@pytest.mark.parametrize(
    "said", [None, True, "noon", [1], float("nan"), float("inf"), 10**400, -1e300]
)
def test_a_time_that_no_clock_can_show_is_ignored(said: object) -> None:
    """The log's own clock counts then."""
    (row,) = rows_of(recorded([log({"_timestamp": said})]))
    assert (row.timestamp, row.data) == (BEGAN, {})


def test_names_of_the_log_itself_are_no_metrics() -> None:
    """Step and runtime are what they are; other names with an underscore are the user's."""
    (row,) = rows_of(recorded([log({"_step": 99, "_runtime": 5, "_other": 1})]))
    assert (row.step, row.data) == (0, {"_other": 1})


STEP = metric(name="loss", step_metric="epoch")


def test_a_step_metric_is_added_to_rows_that_lack_it() -> None:
    """They get its last value."""
    fold_rows = rows_of(recorded([STEP, log({"epoch": 3}), log({"loss": 1}), log({"other": 1})]))
    assert [row.data for row in fold_rows] == [
        {"epoch": 3},
        {"loss": 1, "epoch": 3},
        {"other": 1},
    ]


@pytest.mark.parametrize(
    ("definition", "data"),
    [
        ({"name": "loss", "step_metric": "epoch", "step_sync": False}, {"loss": 1}),
        ({"name": "loss", "step_metric": "never"}, {"loss": 1}),
        ({"glob": "l", "step_metric": "epoch"}, {"loss": 1, "epoch": 3}),
        ({"name": "other", "step_metric": "epoch"}, {"loss": 1}),
    ],
)
def test_a_step_metric_is_added_only_where_it_is_known_and_wanted(
    definition: dict[str, Any], data: dict[str, Any]
) -> None:
    """A metric that was never logged has no value to add."""
    calls = [metric(**definition), log({"epoch": 3}), log({"loss": 1})]
    assert rows_of(recorded(calls))[-1].data == data


def test_a_step_metric_that_is_logged_stays() -> None:
    """Its own value in the row counts."""
    calls = [STEP, log({"epoch": 3}), log({"epoch": 4, "loss": 1})]
    assert rows_of(recorded(calls))[-1].data == {"epoch": 4, "loss": 1}


def test_a_step_metric_does_not_replace_a_dictionary() -> None:
    """Where the row has a dictionary of that name, nothing is added."""
    calls = [STEP, log({"epoch": 3}), log({"epoch": {"x": 1}, "loss": 1})]
    assert rows_of(recorded(calls))[-1].data == {("epoch", "x"): 1, "loss": 1}


def test_a_step_metric_may_be_nested() -> None:
    """Its name is dotted then; it is put where it was logged, if there is room."""
    said = metric(name="acc", step_metric="n.e")
    rows = steps(
        *(said, log({"n": {"e": 1}}), log({"acc": 1}), log({"acc": 2, "n": {"e": 2}})),
        *(log({"acc": 3, "n": {"f": 1}}), log({"acc": 4, "n": 7}), log({"acc": 5})),
        log({"acc": 6, "n": {"e": {"x": 1}}}),
    )
    assert [data for _, data in rows] == [
        {("n", "e"): 1},
        {"acc": 1, ("n", "e"): 1},
        {"acc": 2, ("n", "e"): 2},
        {"acc": 3, ("n", "f"): 1, ("n", "e"): 2},
        {"acc": 4, "n": 7},
        {"acc": 5, ("n", "e"): 2},
        {"acc": 6, ("n", "e", "x"): 1},
    ]


def test_a_step_metric_with_a_dot_in_its_name_is_no_nested_one() -> None:
    """Where it was logged as it is."""
    said = metric(name="acc", step_metric="n.e")
    rows = steps(said, log({"n.e": 1}), log({"acc": 1, "n": 3}))
    assert [data for _, data in rows] == [{"n.e": 1}, {"acc": 1, "n": 3, "n.e": 1}]


def test_step_metrics_come_in_the_order_of_the_row() -> None:
    """Two readers of one log see the same row."""
    names = [f"m{number}" for number in range(20)]
    calls = [
        *(metric(name=name, step_metric=f"of {name}") for name in names),
        log({f"of {name}": 1 for name in names}),
        log(dict.fromkeys(names, 1)),
    ]
    assert list(rows_of(recorded(calls))[-1].data) == [*names, *(f"of {name}" for name in names)]


@given(CALLED, st.data())
def test_a_missing_record_costs_only_itself(records: list[Record], data: st.DataObject) -> None:
    """Whichever record is lost, every other one keeps its step, and other rows their values."""
    assume(records)
    at = data.draw(st.integers(0, len(records) - 1))
    lost = records[at]
    whole, rest = by_step(rows_of(records)), by_step(rows_of([*records[:at], *records[at + 1 :]]))
    for step in (whole.keys() | rest.keys()) - {lost.fields[0]}:
        assert exact(whole[step]) == exact(rest[step])


@given(ANYTHING)
def test_reading_rows_one_by_one_gives_all_of_them(records: list[Record]) -> None:
    """Each row is there as soon as it is complete, and the last one at the end."""
    assert exact([*history(records)]) == exact(rows_of(records))


@given(ANYTHING)
def test_rows_do_not_change_later(records: list[Record]) -> None:
    """What was given out once stays as it was."""
    rows, copies = [], []
    for row in history(records):
        rows.append(row)
        copies.append(exact(row))
    assert [exact(row) for row in rows] == copies


@given(ANYTHING)
def test_folding_changes_no_record(records: list[Record]) -> None:
    """The same records give the same again."""
    before = exact(records)
    rows_of(records)
    assert exact(records) == before
