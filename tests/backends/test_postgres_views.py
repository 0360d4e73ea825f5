"""What people query in a PostgreSQL store; ``docs/STORE.md`` is true of it too."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airtape.backends.postgres import PostgresBackend
from airtape.backends.postgres_views import VIEWS
from airtape.backends.registry import open_backend
from airtape.backends.sqlite_views import VIEWS as SQLITE_VIEWS
from airtape.sync.engine import sync
from airtape.txlog.format import Header
from tests.backends.test_store_docs import LISTED, PAGE, QUERIES
from tests.batches import RUN, WRITER, batch_of, with_values
from tests.logs import config, describe, ended, log_row, run_dir_of, system, write_log
from tests.postgres_server import NewDatabase
from tests.targets import NEEDS_SERVER

pytestmark = NEEDS_SERVER

LATER = bytes(range(16, 32))
ONLY_HERE = "text"
"""The column that a SQLite store has no need of."""


@pytest.fixture
def url(new_database: NewDatabase) -> str:
    """The URL of a new store."""
    return new_database()


@pytest.fixture
def store(url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """The store, as one who may only read and insert sees it."""
    with psycopg.connect(url, options="-c search_path=airtape") as connection:
        yield connection


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """A run that ended well, and one that failed and lost a record."""
    folders = []
    for run_id, code in (("ab12cd34", 0), ("ef56gh78", 1)):
        folders.append(run_dir_of(tmp_path / "wandb", run_id))
        log = write_log(
            folders[-1],
            describe(project="vision", name=f"run {run_id}", tags=["baseline", "b"]),
            config(lr=0.1, layers=[1, 2], big=2**70, on=True, nothing=None, name="x"),
            *[log_row(step, loss=1 / (step + 1), eval={"acc": step / 10}) for step in range(10)],
            (4, [[[["image", "sha256"], "ab" * 32]], []]),
            (10, ["stderr", "ValueError: no\n"]),
            system(**{"system.cpu": 12.5, "system.proc.memory.rssMB": 40.5}),
            (12, [[{"path": "model.pt", "size": 3}]]),
            ended(code),
            run_id=run_id,
            writer=run_id.encode() * 2,
        )
        if code:
            log.write_bytes(log.read_bytes().replace(b"\xa4loss", b"\xa4lost", 1))
    return folders


@pytest.mark.parametrize(
    "query",
    [query for query in QUERIES if "typeof" not in query],
    ids=lambda query: query.split("\n")[0],
)
def test_the_queries_of_the_page_work_here_too(
    backend: PostgresBackend,
    runs: list[Path],
    store: psycopg.Connection[tuple[Any, ...]],
    query: str,
) -> None:
    """All but the one that uses a freedom of SQLite's."""
    sync(runs, backend)
    assert store.execute(query.encode()).fetchall()


def test_the_query_of_its_own_works(
    backend: PostgresBackend, runs: list[Path], store: psycopg.Connection[tuple[Any, ...]]
) -> None:
    """The lowest loss of each run, and the step it was reached at."""
    sync(runs, backend)
    (query,) = re.findall(r"```text\n(SELECT .*?)```", PAGE, re.DOTALL)
    assert store.execute(query.encode()).fetchall() == [("ab12cd34", 0.1, 9), ("ef56gh78", 0.1, 9)]


def test_the_columns_are_those_of_a_sqlite_store(
    store: psycopg.Connection[tuple[Any, ...]],
) -> None:
    """Where there is a value, its text is beside it."""
    columns = {}
    for view in SQLITE_VIEWS:
        found = store.execute(f"SELECT * FROM {view}".encode()).description or []  # noqa: S608 - names of our own tables
        columns[view] = [column.name for column in found]
    assert {tuple(names[:4]) for names in columns.values()} == {("id", "entity", "project", "run")}
    here = {
        view: [name for name in names[4:] if name != ONLY_HERE] for view, names in columns.items()
    }
    assert here == LISTED
    assert set(VIEWS) - set(SQLITE_VIEWS) == {"present_runs", "present_writers"}


@pytest.mark.parametrize(
    "view",
    [
        *("run_list", "history", "metrics", "tags", "segments", "damage", "system", "console"),
        "files",
    ],
)
def test_a_view_shows_what_a_sqlite_store_shows(
    backend: PostgresBackend,
    runs: list[Path],
    store: psycopg.Connection[tuple[Any, ...]],
    tmp_path: Path,
    view: str,
) -> None:
    """Rows and columns are the same, but for times, which are of a type of their own here."""
    sync(runs, backend)
    other = open_backend(f"sqlite:{tmp_path}/store.db")
    sync(runs, other)
    other.close()
    names = [name for name in LISTED[view] if name not in {"began", "last_heard", "kind"}]
    query = f"SELECT run, {', '.join(names)} FROM {view}"  # noqa: S608 - our names
    with closing(sqlite3.connect(tmp_path / "store.db")) as file:
        expected = sorted(map(repr, file.execute(query)))
    found = [tuple(map(_plain, row)) for row in store.execute(query.encode())]
    assert sorted(map(repr, found)) == expected


def _plain(value: Any) -> Any:  # noqa: ANN401 - of any column
    if isinstance(value, Decimal):
        return float(value) if value.as_tuple().exponent else int(value)
    return int(value) if isinstance(value, bool) else value


def test_values_of_all_kinds_are_shown(
    backend: PostgresBackend, runs: list[Path], store: psycopg.Connection[tuple[Any, ...]]
) -> None:
    """A number is a value, anything else a text; the kind tells which."""
    sync(runs, backend)
    found = store.execute(
        "SELECT key, value, text, kind FROM config WHERE run = 'ab12cd34' ORDER BY key"
    ).fetchall()
    assert found == [
        ("big", 2.0**70, str(2**70), "int"),
        ("layers", None, "[1,2]", "json"),
        ("lr", 0.1, None, "float"),
        ("name", None, "x", "text"),
        ("nothing", None, None, "null"),
        ("on", 1.0, None, "bool"),
    ]


def test_what_was_replaced_or_erased_is_not_shown(
    backend: PostgresBackend, store: psycopg.Connection[tuple[Any, ...]]
) -> None:
    """Of several values at a step the last counts, and so do the times of its row."""
    first = batch_of(*with_values(1, loss=0.5, acc=1), *with_values(2, loss=2**60))
    second = batch_of(*with_values(1, loss=0.25), base=first.cursor, erased=[(2, "loss")])
    second.changes.touch(1, 5.5, 2.5)
    assert backend.commit(first)
    assert backend.commit(second)
    found = store.execute("SELECT key, step, value, timestamp FROM history ORDER BY key").fetchall()
    assert found == [("acc", 1, 1.0, 5.5), ("loss", 1, 0.25, 5.5)]


def test_a_later_part_of_a_run_goes_over_an_earlier_one(
    backend: PostgresBackend, store: psycopg.Connection[tuple[Any, ...]]
) -> None:
    """What a rewind cut off is not shown, nor what the later part has for the same step."""
    assert backend.commit(batch_of(*(p for step in range(9) for p in with_values(step, loss=step))))
    later = Header(
        RUN.run_id, LATER, root=WRITER, parents=((WRITER, 9),), start_step=4, rewind_to=5
    )
    assert backend.commit(
        batch_of(*with_values(4, loss=-4), *with_values(6, loss=-6), header=later)
    )
    found = store.execute("SELECT step, value FROM history ORDER BY step").fetchall()
    assert found == [(0, 0), (1, 1), (2, 2), (3, 3), (4, -4), (5, 5), (6, -6)]


def test_a_writer_begun_anew_shows_nothing_older(
    backend: PostgresBackend, store: psycopg.Connection[tuple[Any, ...]]
) -> None:
    """What came before stays in the tables until they are compacted, and out of the views."""
    first = batch_of(*with_values(1, loss=0.5))
    assert backend.commit(first)
    assert backend.commit(batch_of(*with_values(2, loss=0.25), base=first.cursor, restart=True))
    assert store.execute("SELECT step FROM history").fetchall() == [(2,)]
