from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from airtape.fold.fold import Fold
from airtape.fold.observers import HistoryChanges, RowCollector
from airtape.records import HistoryFlag
from tests.fold.said import ALIKE, FLAT_CALLS, OTHERS, Call, exact, in_batches, log, recorded


def check(said: list[tuple[Any, ...]]) -> None:
    """Compare folding in batches with folding one by one."""
    records = recorded(said)
    rows, rows_of_batches = RowCollector(), RowCollector()
    one_by_one, batched = Fold(observer=rows), Fold(observer=rows_of_batches)
    unseen = Fold()
    for record in records:
        one_by_one.apply(record)
    in_batches(batched, records)
    in_batches(unseen, records)
    for fold in (batched, unseen):
        assert exact(fold.state()) == exact(one_by_one.state())
    for fold in (one_by_one, batched, unseen):
        fold.close_row()
    assert exact(rows_of_batches.rows) == exact(rows.rows)
    assert exact(unseen.state()) == exact(batched.state()) == exact(one_by_one.state())


@given(st.lists(FLAT_CALLS | OTHERS, max_size=12))
def test_many_at_once_are_the_same_as_each(said: list[tuple[Any, ...]]) -> None:
    """Whatever is said in between."""
    check(said)


@given(st.lists(FLAT_CALLS | OTHERS, max_size=3), ALIKE, st.lists(FLAT_CALLS, max_size=3))
def test_rows_that_are_alike_are_the_same_as_each(
    before: list[tuple[Any, ...]], alike: list[Call], after: list[tuple[Any, ...]]
) -> None:
    """Rows with the same keys, as training loops log them."""
    check([*before, *alike, *after])


@given(st.lists(st.integers(0, 12), max_size=12).map(sorted))
def test_partial_rows_at_once_are_the_same_as_each(steps: list[int]) -> None:
    """Calls with a step, some of them with the same."""
    check([log({"a": at, "b": step}, step=step) for at, step in enumerate(steps)])


@given(st.lists(FLAT_CALLS, max_size=6), ALIKE)
def test_changes_of_many_at_once_are_those_of_each(before: list[Call], alike: list[Call]) -> None:
    """Points, erased values and times of rows."""
    records = [r for r in recorded([*before, *alike]) if not r.fields[1] & HistoryFlag.DROPPED]
    one_by_one, at_once = HistoryChanges(), HistoryChanges()
    first, second = Fold(observer=one_by_one), Fold(observer=at_once)
    for record in records:
        first.apply(record)
    in_batches(second, records)
    expected, got = one_by_one.drain(), at_once.drain()
    assert sorted(map(exact, got.points)) == sorted(map(exact, expected.points))
    assert (exact([*got.erased]), exact(got.rows)) == (
        exact([*expected.erased]),
        exact(expected.rows),
    )


@example(
    [],
    [
        (["a", "b", "c"], [None, None, None]),
        (["c", "b", "a"], [1.5, 1.5, None]),
        (["a", "b", "c"], [None, 1.5, 1.5]),
    ],
)
@given(
    st.lists(FLAT_CALLS, max_size=3),
    st.lists(st.sampled_from("abc"), unique=True, min_size=1).flatmap(
        lambda names: st.lists(
            st.tuples(st.permutations(names), st.lists(st.sampled_from([None, 1.5]), min_size=3))
        )
    ),
)
def test_the_summary_of_many_at_once_is_in_the_order_of_each(
    before: list[Call], rows: list[tuple[list[str], list[float | None]]]
) -> None:
    """A metric that was None in between comes behind those that were there all the time."""
    alike = [log(dict(zip(names, values, strict=False))) for names, values in rows]
    records = recorded([*before, *alike])
    one_by_one, at_once = Fold(), Fold()
    for record in records:
        one_by_one.apply(record)
    in_batches(at_once, records)
    assert list(at_once.summary) == list(one_by_one.summary)


def test_an_empty_batch_changes_nothing() -> None:
    """Not even the times."""
    fold = Fold()
    before = exact(fold.state())
    fold.take_rows([])
    assert exact(fold.state()) == before


def test_a_batch_may_be_the_first_of_a_run() -> None:
    """Runtimes count from its first row then."""
    fold = Fold()
    in_batches(fold, recorded([log({"a": 1}), log({"a": 2})]))
    assert fold.summary["_runtime"] == 1.5
