from __future__ import annotations

import json
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.exactjson import dumps
from airtape.fold.fold import Fold
from airtape.fold.shapes import is_plain, is_tree
from airtape.records import Kind, Record, pack_big_ints
from tests.fold.said import DATA, VALUES, exact, recorded, rows_of
from tests.logs import log_row
from tests.plain_values import PLAIN

BYTES = st.binary(max_size=3)
HOSTILE: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | BYTES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["name", "glob", "tags", "path", "summary", "a", "step_metric"])
            | BYTES,
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
FIELDS = st.lists(HOSTILE | VALUES | DATA | st.integers(0, 7), max_size=4)
RECORDS = st.lists(st.tuples(st.sampled_from([*Kind, 999]), FIELDS), max_size=6).map(recorded)

MALFORMED: list[tuple[Kind, list[Any]]] = [
    (Kind.HISTORY, []),
    (Kind.HISTORY, [0, 0]),
    (Kind.HISTORY, ["0", 0, {}]),
    (Kind.HISTORY, [True, 0, {}]),
    (Kind.HISTORY, [1.0, 0, {}]),
    (Kind.HISTORY, [-1, 0, {}]),
    (Kind.HISTORY, [2**63, 0, {}]),
    (Kind.HISTORY, [0, "0", {}]),
    (Kind.HISTORY, [0, 0, []]),
    (Kind.HISTORY, [0, 0, None]),
    (Kind.HISTORY, [0, 0, {b"a": 1}]),
    (Kind.HISTORY, [0, 0, {"a": b"1"}]),
    (Kind.HISTORY, [0, 0, {"a": [1, b"1"]}]),
    (Kind.HISTORY, [0, 0, {"a": {"b": {b"c": 1}}}]),
    (Kind.HISTORY, [-1, 8, {"a": b"1"}]),
    (Kind.RUN, []),
    (Kind.RUN, ["name"]),
    (Kind.RUN, [{"name": 5}]),
    (Kind.RUN, [{"tags": "x"}]),
    (Kind.RUN, [{"tags": [1]}]),
    (Kind.RUN, [{"other": b"1"}]),
    (Kind.CONFIG, [{}]),
    (Kind.CONFIG, [[], []]),
    (Kind.CONFIG, [{"a": b"1"}, []]),
    (Kind.CONFIG, [{}, [["a"]]]),
    (Kind.CONFIG, [{}, "a"]),
    (Kind.SUMMARY, [[]]),
    (Kind.SUMMARY, [{}, []]),
    (Kind.SUMMARY, [[["a", 1]], []]),
    (Kind.SUMMARY, [[[["a"]]], []]),
    (Kind.SUMMARY, [[[[], 1]], []]),
    (Kind.SUMMARY, [[[[1], 1]], []]),
    (Kind.SUMMARY, [[[["a"], b"1"]], []]),
    (Kind.SUMMARY, [[], ["a"]]),
    (Kind.METRIC, [{}]),
    (Kind.METRIC, [{"name": 5}]),
    (Kind.METRIC, [{"glob": None}]),
    (Kind.METRIC, [{"name": "a", "glob": 5}]),
    (Kind.METRIC, [{"name": "a", "step_metric": ["b"]}]),
    (Kind.METRIC, [{"name": "a", "step_sync": 1}]),
    (Kind.METRIC, [{"name": "a", "hidden": "no"}]),
    (Kind.METRIC, [{"name": "a", "summary": "min"}]),
    (Kind.METRIC, [{"name": "a", "summary": [1]}]),
    (Kind.METRIC, [{"name": "a", "goal": 1}]),
    (Kind.METRIC, [{"name": "a", "overwrite": 1}]),
    (Kind.EXIT, [0]),
    (Kind.EXIT, ["0", {}]),
    (Kind.EXIT, [0, None]),
    (Kind.GAP, [1, 2]),
    (Kind.GAP, ["1", 2, "why"]),
    (Kind.GAP, [1, -2, "why"]),
    (Kind.GAP, [1, 2, b"why"]),
    (Kind.METADATA, [[]]),
    (Kind.METADATA, [{"a": b"1"}]),
    (Kind.FILES, [{}]),
    (Kind.FILES, [["a"]]),
    (Kind.FILES, [[{"size": 1}]]),
    (Kind.FILES, [[{"path": 1}]]),
    (Kind.LOST_CONTENT, [{}]),
    (Kind.LOST_CONTENT, [[["files/a", 1]]]),
    (Kind.LOST_CONTENT, [[["files/a", "1", "ab"]]]),
    (Kind.INHERITED, [0]),
    (Kind.INHERITED, [-1, []]),
    (Kind.INHERITED, [0, [[["a"], 1]]]),
]


@given(PLAIN)
def test_plain_values_are_plain(value: object) -> None:
    """Everything that a user can log."""
    assert is_plain(value)
    assert is_tree({"a": value})


@given(HOSTILE)
def test_what_holds_bytes_is_not_plain(value: object) -> None:
    """Wherever in it they are."""
    assert is_plain(value) == _has_no_bytes(value)
    assert is_tree(value) == (isinstance(value, dict) and _has_no_bytes(value))


def _has_no_bytes(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(k, str) and _has_no_bytes(v) for k, v in value.items())
    if isinstance(value, list):
        return all(map(_has_no_bytes, value))
    return not isinstance(value, bytes)


@pytest.mark.parametrize("said", MALFORMED, ids=lambda said: f"{said[0].name} {said[1]!r}")
def test_a_record_that_does_not_fit_is_counted_and_changes_nothing(
    said: tuple[Kind, list[Any]],
) -> None:
    """It is as if it were not there, but for the count."""
    before, after = log_row(0, a=1), log_row(1, a=2)
    with_it, without = Fold(), Fold()
    for record in recorded([before, said, after]):
        with_it.apply(record)
        if record.seq != 1:
            without.apply(record)
    state = with_it.state()
    assert (state.pop("malformed"), state.pop("records")) == (1, 3)
    expected = without.state()
    assert (expected.pop("malformed"), expected.pop("records")) == (0, 2)
    assert exact(state) == exact(expected)


@given(RECORDS)
def test_no_record_breaks_the_fold(records: list[Record]) -> None:
    """Whatever a frame with the right checksums says."""
    fold = Fold()
    for record in records:
        fold.apply(record)
    fold.close_row()
    assert fold.records == len(records)


@given(RECORDS, RECORDS)
def test_no_record_breaks_what_comes_after_the_fold(
    records: list[Record], more: list[Record]
) -> None:
    """A state is stored and gone on from, and shown as JSON; rows are too."""
    fold = Fold()
    for record in records:
        fold.apply(record)
    state = fold.state()
    msgpack.packb(state, default=pack_big_ints)
    json.loads(dumps(state))
    again = Fold(state)
    for record in more:
        again.apply(record)
    for row in rows_of([*records, *more]):
        json.loads(dumps([row.step, row.timestamp, row.runtime, [*row.data.values()]]))


@given(RECORDS, DATA)
def test_a_good_row_among_others_is_there(records: list[Record], data: dict[str, Any]) -> None:
    """Nothing said before makes a well formed record fail."""
    wall_ns = 10**18
    good = Record(len(records), Kind.HISTORY, wall_ns, (10**6, 0, {**data, "new": 1}))
    row = rows_of([*records, good])[-1]
    assert (row.step, row.data["new"]) == (10**6, 1)
