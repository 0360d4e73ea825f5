"""``docs/STORE.md`` is true: its queries run, its columns are those of the store."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from airtape.backends.sqlite import SqliteBackend
from airtape.backends.sqlite_views import VIEWS
from airtape.large_values import LARGE
from airtape.sync.engine import sync
from tests.logs import config, describe, ended, log_row, run_dir_of, summary, system, write_log

PAGE = Path(__file__).parents[2].joinpath("docs", "STORE.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
LISTED = {
    name: re.findall(r"`(\w+)`", columns)
    for name, columns in re.findall(r"^\| `(\w+)` \| (`.*?`) \| ", PAGE, re.MULTILINE)
    if name in VIEWS
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A store with a run that ended well and one that failed and lost a record."""
    backend = SqliteBackend(str(tmp_path / "store.db"))
    for run_id, code in (("ab12cd34", 0), ("ef56gh78", 1)):
        run_dir = run_dir_of(tmp_path / "wandb", run_id)
        log = write_log(
            run_dir,
            describe(project="vision", name=f"run {run_id}", tags=["baseline"]),
            config(lr=0.1),
            summary(table={"_type": LARGE, "sha256": "ab" * 32, "size": 1_500_000}),
            *[log_row(step, loss=1 / (step + 1), eval={"acc": step / 10}) for step in range(10)],
            (10, ["stderr", "ValueError: no\n"]),
            system(**{"system.cpu": 12.5, "system.proc.memory.rssMB": 40.5}),
            (12, [[{"path": "model.pt", "size": 3}]]),
            ended(code),
            run_id=run_id,
            writer=run_id.encode() * 2,
        )
        if code:
            log.write_bytes(log.read_bytes().replace(b"\xa4loss", b"\xa4lost", 1))
        sync([run_dir], backend)
    backend.close()
    connection = sqlite3.connect(tmp_path / "store.db")
    yield connection
    connection.close()


def every_row(view: str) -> str:
    """Return the query for all of a view."""
    return f"SELECT * FROM {view}"  # noqa: S608 - a name of ours


def columns_of(store: sqlite3.Connection, view: str) -> list[str]:
    """Return the names of a view's columns."""
    return [column[0] for column in store.execute(every_row(view)).description]


def test_there_are_queries_to_run() -> None:
    """The page has examples, and this file finds them."""
    assert len(QUERIES) == 13


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.split("\n")[0])
def test_each_query_finds_something(store: sqlite3.Connection, query: str) -> None:
    """An example can be pasted as it is."""
    assert store.execute(query).fetchall()


def test_the_page_lists_the_columns_of_every_view(store: sqlite3.Connection) -> None:
    """What the page says of the views is what the store has."""
    columns = {view: columns_of(store, view) for view in VIEWS}
    assert {view: names[4:] for view, names in columns.items()} == LISTED
    assert {tuple(names[:4]) for names in columns.values()} == {("id", "entity", "project", "run")}


def test_the_page_names_every_table(store: sqlite3.Connection) -> None:
    """No table of the store is left unexplained."""
    tables = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert [name for (name,) in tables if f"`{name}`" not in PAGE] == []


def test_every_view_has_rows_to_show(store: sqlite3.Connection) -> None:
    """The two runs of this test have something of everything."""
    empty = [view for view in VIEWS if not store.execute(every_row(view)).fetchone()]
    assert empty == []


def test_keys_and_values_read_as_they_were_logged(store: sqlite3.Connection) -> None:
    """A nested key is shown with dots, and a value has its own type."""
    found = store.execute(
        "SELECT step, value, kind, typeof(value) FROM history"
        " WHERE run = 'ab12cd34' AND key = 'eval.acc' AND step < 2 ORDER BY step"
    ).fetchall()
    assert found == [(0, 0.0, None, "real"), (1, 0.1, None, "real")]
