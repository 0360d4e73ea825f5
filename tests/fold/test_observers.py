from __future__ import annotations

from itertools import repeat
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airtape.fold.fold import Fold
from airtape.fold.keys import Key
from airtape.fold.observers import HistoryChanges, RowCollector
from airtape.fold.row import Row
from airtape.records import Point, Record
from tests.fold.said import ALIKE, CALLS, FLAT_CALLS, exact, in_batches, log, recorded, rows_of
from tests.logs import metric, partial_row

DEFINITIONS = st.sampled_from(
    [metric(name="loss", step_metric="a"), metric(glob="", step_metric="n"), metric(name="b")]
)
SAID = st.lists(CALLS | DEFINITIONS, max_size=12).map(recorded)
FLAT = st.builds(
    lambda alike, others: recorded([*alike, *others]),
    ALIKE,
    st.lists(FLAT_CALLS | DEFINITIONS, max_size=8),
)


class Store:
    """What a backend has of a history."""

    def __init__(self) -> None:
        self.values: dict[tuple[int, Any], Any] = {}
        self.rows: dict[int, tuple[float, float]] = {}

    def take(self, changes: HistoryChanges) -> None:
        """Apply some changes."""
        for place in changes.erased:
            self.values.pop(place, None)
        for point in changes.points:
            self.values[point.step, point.key] = point.value
        self.rows.update(changes.rows)


def changes_of(*said: tuple[Any, ...]) -> HistoryChanges:
    """Return the changes that some records make."""
    changes = HistoryChanges()
    fold = Fold(observer=changes)
    for record in recorded(said):
        fold.apply(record)
    return changes


@given(SAID, st.data())
def test_changes_amount_to_the_rows(records: list[Record], data: st.DataObject) -> None:
    """Whenever they are taken, a store that applies them has exactly the rows in the end."""
    changes, store = HistoryChanges(), Store()
    fold = Fold(observer=changes)
    for record in records:
        fold.apply(record)
        if data.draw(st.booleans()):
            store.take(changes.drain())
    fold.close_row()
    store.take(changes.drain())
    rows = rows_of(records)
    assert exact([*store.values.items()]) == exact(
        [((row.step, key), value) for row in rows for key, value in row.data.items()]
    )
    assert exact(store.rows) == exact({row.step: (row.timestamp, row.runtime) for row in rows})


@given(records=FLAT, at_once=st.booleans())
def test_columns_hold_the_same_as_points(records: list[Record], *, at_once: bool) -> None:
    """Each metric's values in the order they were logged, however they were folded."""
    changes = HistoryChanges()
    fold = Fold(observer=changes)
    if at_once:
        in_batches(fold, records)
    else:
        for record in records:
            fold.apply(record)
    taken = changes.drain()
    by_key: dict[Key, list[Point]] = {}
    for key, steps, values, seqs in taken.columns():
        points = zip(steps, repeat(key), values, seqs, strict=False)
        by_key.setdefault(key, []).extend(map(Point._make, points))
    assert exact(by_key) == exact(
        {p.key: [q for q in taken.points if q.key == p.key] for p in taken.points}
    )
    assert taken.count == len(taken.points)


def test_values_are_there_before_their_row_is_complete() -> None:
    """With the record that said them."""
    changes = changes_of(partial_row(4, a=1, n={"x": 2}))
    assert changes.points == [Point(4, "a", 1, 0), Point(4, ("n", "x"), 2, 0)]
    assert list(changes.rows) == [4]


def test_values_that_are_gone_are_erased() -> None:
    """A dictionary took their place."""
    changes = changes_of(partial_row(4, n=1), partial_row(4, n={"x": 2})).drain()
    assert (changes.points, changes.erased) == ([Point(4, ("n", "x"), 2, 1)], {(4, "n")})


def test_a_value_that_comes_back_is_there() -> None:
    """Erased first, put after."""
    store = Store()
    store.take(changes_of(*(partial_row(4, n=n) for n in (1, {"x": 2}, 3))).drain())
    assert store.values == {(4, "n"): 3}


def test_taking_changes_begins_anew() -> None:
    """What was taken stays as it was."""
    changes = changes_of(partial_row(4, n=1), partial_row(4, n={"x": 2}))
    assert changes
    taken = changes.drain()
    assert not changes
    assert not changes.drain()
    changes.value(5, "b", 1, 9)
    changes.erase(5, "b")
    changes.touch(5, 1.0, 0.0)
    assert (len(taken.points), len(taken.erased), len(taken.rows)) == (1, 1, 1)


def test_an_empty_row_is_a_change() -> None:
    """It has no values, but a step and times."""
    assert list(changes_of(log({})).rows) == [0]


def test_step_metrics_that_are_added_are_points() -> None:
    """They belong to the record that completed the row."""
    said = [metric(name="loss", step_metric="e"), log({"e": 3}), log({"loss": 1})]
    assert changes_of(*said).drain().points[-1] == Point(1, "e", 3, 2)


def test_replacing_many_values_takes_linear_time() -> None:
    """A wide dictionary gives way to a value within the time of a test."""
    wide = {str(number): number for number in range(20_000)}
    changes = changes_of(partial_row(0, n=wide), partial_row(0, n=1)).drain()
    assert (len(changes.points), len(changes.erased)) == (1, 20_000)


def test_rows_are_gathered_whole() -> None:
    """A collector looks at nothing else."""
    collector = RowCollector()
    collector.value(0, "a", 1, 0)
    collector.erase(0, "a")
    collector.touch(0, 1.0, 0.0)
    assert collector.rows == []
    collector.close(Row(0, 1.0, 0.0, {"a": 1}))
    assert collector.rows == [Row(0, 1.0, 0.0, {"a": 1})]
