"""What the views of a store show of runs, beside what `docs/STORE.md` says of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from airtape.backends.cursor import Cursor
from airtape.backends.sqlite import SqliteBackend
from airtape.fold.fold import Fold
from airtape.records import Kind, Plain, Point, Record
from airtape.states import STALE_AFTER_S, final_state
from airtape.txlog.format import Header
from tests.backends.test_store_docs import QUERIES
from tests.batches import RUN, WRITER, batch_of, with_values

SECOND = bytes(range(16, 32))
CHILD = bytes(range(32, 48))
NOW_NS = 1_795_169_472_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a new store."""
    return tmp_path / "store.db"


@pytest.fixture
def backend(path: Path) -> Iterator[SqliteBackend]:
    """The store, open."""
    backend = SqliteBackend(str(path))
    yield backend
    backend.close()


def ask(path: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Return what a query finds, as anybody would ask it."""
    connection = sqlite3.connect(path)
    found = connection.execute(query, values).fetchall()
    connection.close()
    return found


def fold_of(*said: tuple[int, tuple[Any, ...]], wall_ns: int = NOW_NS) -> Fold:
    """Return what some records amount to."""
    fold = Fold()
    for seq, (kind, fields) in enumerate(said):
        fold.apply(Record(seq, kind, wall_ns, fields))
    return fold


def header(writer: bytes, **said: Any) -> Header:
    """Return the header of a writer of the run."""
    return Header(RUN.run_id, writer, root=WRITER, **said)


def test_states_are_those_of_the_command(backend: SqliteBackend, path: Path) -> None:
    """For every way to end, the view and the command have the same word."""
    codes = (None, 0, 1, -9)
    hows = (None, "finish", "exit", "exception", "signal", "stop")
    details = (
        {},
        *({"signal": signal} for signal in ("SIGTERM", "SIGXCPU", "SIGINT", "SIGHUP", "SIGKILL")),
        *({"exception": name} for name in ("KeyboardInterrupt", "ValueError")),
    )
    expected = {}
    for number, (code, how, more) in enumerate(product(codes, hows, details)):
        cause = {**({} if how is None else {"how": how}), **more}
        run = RUN._replace(run_id=f"run-{number}")
        fold = fold_of((Kind.EXIT, (code, cause)))
        assert backend.commit(batch_of(run=run, fold=fold))
        expected[run.run_id] = final_state(fold.exit)
    assert dict(ask(path, "SELECT run, state FROM run_list")) == expected


def test_a_run_without_an_end_runs_until_it_is_stale(backend: SqliteBackend, path: Path) -> None:
    """Whether it has crashed is decided when one asks."""
    (now,) = ask(path, "SELECT strftime('%s', 'now')")[0]
    for run_id, silence_s in (("fresh", 60.0), ("stale", STALE_AFTER_S + 60)):
        heard_ns = (int(now) - int(silence_s)) * 1_000_000_000
        fold = fold_of((Kind.HEARTBEAT, (0,)), wall_ns=heard_ns)
        assert backend.commit(batch_of(run=RUN._replace(run_id=run_id), fold=fold))
    states = dict(ask(path, "SELECT run, state FROM run_list"))
    assert states == {"fresh": "running", "stale": "crashed"}


def test_the_later_part_of_a_resumed_run_shows(backend: SqliteBackend, path: Path) -> None:
    """Where two parts have a value, that of the later one counts; the rest of both is there."""
    later = header(SECOND, parents=[(WRITER, 9)], resumed=True, start_step=2)
    one = fold_of(
        (Kind.CONFIG, ({"lr": 0.1, "layers": 3}, [])),
        (Kind.SUMMARY, ([[["loss"], 1.0], [["acc"], 0.5]], [])),
        (Kind.RUN, ({"name": "first", "tags": ["a"]},)),
        (Kind.EXIT, (1, {"how": "exception"})),
    )
    two = fold_of(
        (Kind.CONFIG, ({"lr": 0.2}, [])),
        (Kind.SUMMARY, ([[["loss"], 0.5]], [])),
        (Kind.RUN, ({"name": "second"},)),
        (Kind.EXIT, (0, {"how": "finish"})),
    )
    batches = [
        batch_of(*with_values(2, loss=0.5), *with_values(3, loss=0.25), header=later, fold=two),
        batch_of(
            *with_values(1, loss=2.0), *with_values(2, loss=1.0), header=header(WRITER), fold=one
        ),
    ]
    for batch in batches:
        assert backend.commit(batch)
    history = ask(path, "SELECT step, value FROM history ORDER BY step")
    assert history == [(1, 2.0), (2, 0.5), (3, 0.25)]
    assert dict(ask(path, "SELECT key, value FROM config")) == {"lr": 0.2, "layers": 3}
    assert dict(ask(path, "SELECT key, value FROM summary")) == {"loss": 0.5, "acc": 0.5}
    assert ask(path, "SELECT name, tags, state FROM run_list") == [("second", "a", "finished")]
    places = ask(path, "SELECT writer, place FROM segments ORDER BY place")
    assert places == [(WRITER.hex(), 0), (SECOND.hex(), 1)]


def test_what_a_rewind_cut_off_is_hidden(backend: SqliteBackend, path: Path) -> None:
    """The rows are kept, and not shown."""
    again = header(SECOND, parents=[(WRITER, 9)], resumed=True, rewind_to=1, start_step=2)
    assert backend.commit(batch_of(*(Point(step, "x", 1.0, 1) for step in range(4))))
    assert backend.commit(batch_of(Point(2, "x", 7.0, 1), header=again))
    history = ask(path, "SELECT step, value FROM history ORDER BY step")
    assert history == [(0, 1.0), (1, 1.0), (2, 7.0)]
    assert ask(path, "SELECT count(*) FROM points") == [(5,)]


def test_a_child_adds_to_what_the_main_writer_says(backend: SqliteBackend, path: Path) -> None:
    """Where both have a value, the main writer's shows, whoever came later."""
    child = header(CHILD, role="child", label="rank-1", parents=[(WRITER, 3)], start_step=5)
    assert backend.commit(batch_of(*with_values(1, loss=0.5), header=header(WRITER)))
    assert backend.commit(batch_of(*with_values(1, loss=9.0, own=1.0), header=child))
    history = ask(path, "SELECT key, value FROM history ORDER BY key")
    assert history == [("loss", 0.5), ("own", 1.0)]


def test_what_is_gone_from_the_config_is_gone(backend: SqliteBackend, path: Path) -> None:
    """Config, summary, tags and definitions are what they are now, not what they were."""
    base = Cursor()
    stages: list[list[tuple[int, tuple[Any, ...]]]] = [
        [
            (Kind.CONFIG, ({"a": 1, "b": {"c": 2}}, [])),
            (Kind.RUN, ({"tags": ["x", "y"]},)),
            (Kind.METRIC, ({"name": "loss", "summary": ["min"], "goal": "minimize"},)),
        ],
        [
            (Kind.CONFIG, ({"a": 1.0, "b": {"d": 2}}, [])),
            (Kind.RUN, ({"tags": ["y"]},)),
            (Kind.METRIC, ({"glob": "eval/", "hidden": True},)),
        ],
    ]
    for said in stages:
        batch = batch_of(*with_values(1, loss=0.5), base=base, fold=fold_of(*said))
        assert backend.commit(batch)
        base = batch.cursor
    config = ask(path, "SELECT key, value, typeof(value) FROM config ORDER BY key")
    assert config == [("a", 1.0, "real"), ("b.d", 2, "integer")]
    assert ask(path, "SELECT tag FROM tags") == [("y",)]
    assert ask(path, "SELECT name, is_prefix, hidden FROM definitions") == [("eval/", 1, 1)]


def repr_of(value: object) -> str:
    """Return a short name for a value."""
    return hex(value)[:12] if type(value) is int else repr(value)[:12]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, (1, "bool", "integer")),
        (-0.0, (-0.0, None, "real")),
        (float("inf"), (float("inf"), None, "real")),
        (float("nan"), ("NaN", "nan", "text")),
        (2**63 - 1, (2**63 - 1, None, "integer")),
        (2**63, (str(2**63), "int", "text")),
        (-(2**63), (-(2**63), None, "integer")),
        (10**5000, (hex(10**5000), "int", "text")),
        (None, (None, None, "null")),
        ("text", ("text", None, "text")),
        ([1, float("nan")], ('[1,{"$float":"NaN"}]', "json", "text")),
        ({}, ("{}", "json", "text")),
    ],
    ids=repr_of,
)
def test_values_have_the_documented_form(
    backend: SqliteBackend, path: Path, value: Plain, shown: tuple[Any, ...]
) -> None:
    """What SQLite can hold stands there as it is; the kind says how to read the rest."""
    assert backend.commit(batch_of(Point(1, "x", value, 1), Point(2, "x", value, 2)))
    found = ask(path, "SELECT value, kind, typeof(value) FROM history WHERE step = 1")
    assert repr(found) == repr([shown])


def test_runs_can_be_given_to_somebody_else(backend: SqliteBackend, path: Path) -> None:
    """The project that a sync was told stands before the one that the log says."""
    fold = fold_of((Kind.RUN, ({"project": "p", "entity": "e"},)))
    assert backend.commit(batch_of(fold=fold))
    assert backend.commit(batch_of(run=RUN._replace(project="q"), fold=fold))
    found = ask(path, "SELECT entity, project FROM run_list ORDER BY project")
    assert found == [("e", "p"), ("e", "q")]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.split("\n")[0])
def test_documented_queries_look_points_up_by_key(
    backend: SqliteBackend, path: Path, query: str
) -> None:
    """None of them reads all points of a run to find those of one metric."""
    assert backend.commit(batch_of(*with_values(1, loss=0.5)))
    plan = [row[3] for row in ask(path, f"EXPLAIN QUERY PLAN {query}")]
    reads = [line for line in plan if line.split()[1] in {"p", "q", "points"}]
    assert [line for line in reads if "run=? AND key=?" not in line] == []


def test_files_are_as_they_were_recorded_last(backend: SqliteBackend, path: Path) -> None:
    """By the later writer, or by the later record of one; what is none is left out."""
    first = [
        {"path": "a", "size": 1, "sha256": "ab"},
        {"path": "b", "size": 2},
        {"size": 3},
        4,
        "x",
    ]
    again = [{"path": "a", "size": 10, "type": "saved", "policy": "live"}]
    events = [
        Record(seq, Kind.FILES, NOW_NS, (said,)) for seq, said in enumerate((first, again, []))
    ]
    assert backend.commit(batch_of(events=events))
    later = [Record(0, Kind.FILES, NOW_NS, ([{"path": "b", "size": 20}],))]
    header_of_later = header(SECOND, parents=((WRITER, 3),))
    assert backend.commit(batch_of(header=header_of_later, events=later))
    assert ask(path, "SELECT run, path, size, sha256, type, policy FROM files ORDER BY path") == [
        (RUN.run_id, "a", 10, None, "saved", "live"),
        (RUN.run_id, "b", 20, None, None, None),
    ]
