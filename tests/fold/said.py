"""Records as a writer says them, for tests of the fold, and how to compare what comes out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from hypothesis import strategies as st

from airtape.fold.fold import Fold
from airtape.fold.keys import path_of
from airtape.fold.observers import RowCollector
from airtape.fold.row import Row
from airtape.records import HistoryFlag, Kind, Plain, Record, closes_row
from tests.logs import (
    BEGAN_NS,
    Said,
    config,
    describe,
    ended,
    gap,
    heartbeat,
    machine,
    metric,
)
from tests.plain_values import encoded

NAMES = st.sampled_from(["a", "b", "n", "a.b", "_x", "loss"])
"""Few, so that they meet."""

NUMBERS = st.integers(-5, 5) | st.floats() | st.sampled_from([2**70, -(10**400), -0.0, 1e308])
LEAVES = NUMBERS | st.none() | st.booleans() | st.sampled_from(["", "text"])
VALUES: st.SearchStrategy[Plain] = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2)
)
TIMES = st.sampled_from([0, 1.5, 10**400, float("nan"), float("inf"), True, "noon"])
DATA = st.dictionaries(NAMES, VALUES, max_size=3) | st.builds(
    lambda data, time: {**data, "_timestamp": time, "_step": 99},
    st.dictionaries(NAMES, VALUES, max_size=2),
    TIMES,
)
FLAT_DATA = st.dictionaries(NAMES, LEAVES, max_size=3)
OPERATIONS = st.sampled_from(["min", "max", "mean", "first", "last", "best", "none"])
DEFINITIONS = st.builds(
    lambda name, is_glob, rest: {"glob" if is_glob else "name": name, **rest},
    NAMES | st.sampled_from(["", "n."]),
    st.booleans(),
    st.fixed_dictionaries(
        {},
        optional={
            "step_metric": NAMES,
            "step_sync": st.booleans(),
            "hidden": st.booleans(),
            "summary": st.lists(OPERATIONS, max_size=3),
            "goal": st.sampled_from(["minimize", "maximize"]),
            "overwrite": st.booleans(),
        },
    ),
)
PATHS = st.lists(NAMES, min_size=1, max_size=2)
OTHERS: st.SearchStrategy[Said] = st.one_of(
    st.builds(lambda said: metric(**said), DEFINITIONS),
    st.builds(
        lambda pairs, gone: (Kind.SUMMARY, [[list(pair) for pair in pairs], gone]),
        st.lists(st.tuples(PATHS, VALUES), max_size=2),
        st.lists(PATHS, max_size=2),
    ),
    st.builds(lambda said, gone: config(gone, **said), DATA, st.lists(NAMES, max_size=2)),
    st.just(describe(name="a run", tags=["x"])),
    st.just(machine(host="node1")),
    st.just((Kind.FILES, [[{"path": "model.pt", "size": 3}]])),
    st.just((Kind.ALERT, ["title", "text"])),
    st.just((Kind.PREEMPTING, [])),
    st.just((Kind.LOST_CONTENT, [[["files/model.pt", 3, "ab" * 32]]])),
    st.just((999, [1, "later"])),
    st.just((Kind.CONSOLE, [0, "line"])),
    st.just(gap(1, 2, "disk full")),
    st.just(heartbeat()),
    st.just(ended(1, how="exception")),
)


class Call(NamedTuple):
    """One call of ``log()``."""

    data: dict[str, Any]
    step: int | None
    commit: bool | None


CALLS = st.builds(Call, DATA, st.none() | st.integers(0, 8), st.none() | st.booleans())


def log(data: dict[str, Any], step: int | None = None, commit: bool | None = None) -> Call:  # noqa: FBT001 - as users call it
    """One call of ``log()``."""
    return Call(data, step, commit)


FLAT_CALLS = st.builds(
    lambda call, data: call._replace(data=data),
    CALLS,
    FLAT_DATA | st.sampled_from([{"a": 1, "b": 2.5}, {"a": 1, "_timestamp": 3}]),
)
"""Calls whose data are not nested."""

ALIKE = st.lists(
    st.builds(lambda a, b: log({"a": a, "b": b}), st.integers(0, 3), st.floats()), max_size=8
)
"""Calls that make rows with the same keys, as training loops do."""


def recorded(said: Iterable[tuple[Any, ...]]) -> list[Record]:
    """Return records as a writer numbers them, calls of ``log()`` with the steps it gives them.

    Args:
        said: Each a `Call`, or kind and fields.
    """
    records = []
    current = 0
    for seq, what in enumerate(said):
        if isinstance(what, Call):
            current, (kind, fields) = _history(what, current)
        else:
            kind, fields = what
        records.append(Record(seq, int(kind), BEGAN_NS + seq * 1_500_000_000, tuple(fields)))
    return records


def _history(call: Call, current: int) -> tuple[int, Said]:
    flags = 0
    if call.step is not None:
        flags |= HistoryFlag.STEP_GIVEN
    if call.commit is not None:
        flags |= HistoryFlag.COMMIT_GIVEN | (HistoryFlag.COMMIT_TRUE if call.commit else 0)
    if call.step is not None and call.step < current:
        return current, (Kind.HISTORY, [call.step, int(flags | HistoryFlag.DROPPED), call.data])
    step = current if call.step is None else call.step
    return step + closes_row(flags), (Kind.HISTORY, [step, int(flags), call.data])


CALLED = st.lists(CALLS, max_size=12).map(recorded)
"""The records of some calls of ``log()``."""

ANYTHING = st.lists(CALLS | OTHERS, max_size=12).map(recorded)
"""The records of a run that says all sorts of things."""


def rows_of(records: Iterable[Record]) -> list[Row]:
    """Return the rows of some records, the last one completed."""
    collector = RowCollector()
    fold = Fold(observer=collector)
    for record in records:
        fold.apply(record)
    fold.close_row()
    return collector.rows


def folded(*said: tuple[Any, ...]) -> Fold:
    """Return what was said amounts to, with the last row completed."""
    fold = Fold()
    for record in recorded(said):
        fold.apply(record)
    fold.close_row()
    return fold


def in_batches(fold: Fold, records: list[Record]) -> None:
    """Fold records, those of calls that were not dropped many at once."""
    waiting: list[tuple[int, int, int, int, dict[str, Any]]] = []
    for record in records:
        if record.kind == Kind.HISTORY and not record.fields[1] & HistoryFlag.DROPPED:
            waiting.append((record.seq, record.wall_ns, *record.fields))
            continue
        fold.take_rows(waiting)
        waiting.clear()
        fold.apply(record)
    fold.take_rows(waiting)


def exact(value: Any) -> bytes:  # noqa: ANN401 - whatever is to be compared
    """Return a value as bytes that differ if anything but the order of names does."""
    return encoded(_sorted(value))


def _sorted(value: Any) -> Any:  # noqa: ANN401 - as above
    if isinstance(value, dict):
        pairs = [
            [list(path_of(key)) if isinstance(key, tuple) else key, _sorted(inner)]
            for key, inner in value.items()
        ]
        return sorted(pairs, key=encoded)
    if isinstance(value, list | tuple):
        return [_sorted(inner) for inner in value]
    return value


def by_step(rows: Iterable[Row]) -> dict[int, dict[Any, Plain]]:
    """Return the values of rows by step."""
    return {row.step: row.data for row in rows}
