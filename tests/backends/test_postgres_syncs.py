"""Syncs into a PostgreSQL store in processes of their own: several at once, and killed ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from airtape.backends.base import Held
from airtape.backends.memory import MemoryBackend
from airtape.backends.registry import open_backend
from airtape.sync.engine import sync
from tests.batches import exact
from tests.ended import wait_until
from tests.logs import ended, log_row, run_dir_of, write_log
from tests.postgres_server import NewDatabase
from tests.processes import StartPython
from tests.targets import NEEDS_SERVER

pytestmark = NEEDS_SERVER

LONGEST_S = 50
IN_SMALL_BATCHES = """
import sys
from airtape.backends.registry import open_backend
from airtape.sync.engine import sync_to
from airtape.sync.options import SyncOptions

source, url = sys.argv[1:]
sys.exit(sync_to([source], lambda: open_backend(url), SyncOptions(max_points=6)).exit_code)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A run of 200 rows, some of which are added to."""
    rows = [log_row(step // 2, **{f"m{step % 3}": step / 7}) for step in range(400)]
    return write_log(run_dir_of(tmp_path / "wandb"), *rows, ended()).parent


@pytest.fixture
def expected(source: Path) -> Iterator[list[Held]]:
    """What a target holds after one sync."""
    name = uuid4().hex
    backend = MemoryBackend(name)
    sync([source], backend)
    yield list(backend.dump())
    MemoryBackend.forget(name)


def assert_holds(url: str, expected: list[Held]) -> None:
    """See that a store has everything, once."""
    backend = open_backend(url)
    found = list(backend.dump())
    backend.close()
    assert [exact(one) for one in found] == [exact(one) for one in expected]
    assert [one.rows for one in found] == [one.rows for one in expected]
    assert [one.events for one in found] == [one.events for one in expected]


def commits(url: str) -> int:
    """Return how often something has arrived."""
    with psycopg.connect(url) as db:
        found = db.execute("SELECT count(*) FROM airtape.commits").fetchone()
    return found[0] if found else 0


def test_several_syncs_at_once(
    new_database: NewDatabase, source: Path, expected: list[Held], start_python: StartPython
) -> None:
    """Nothing is lost or there twice, whoever brings it."""
    url = new_database()
    processes = [start_python(IN_SMALL_BATCHES, str(source), url) for _ in range(3)]
    codes = [process.wait(LONGEST_S) for process in processes]
    assert set(codes) <= {0, 5}
    sync_again(url, source)
    assert_holds(url, expected)


@pytest.mark.parametrize("after", [1, 7, 20])
def test_a_killed_sync(
    new_database: NewDatabase,
    source: Path,
    expected: list[Held],
    start_python: StartPython,
    after: int,
) -> None:
    """What was not committed comes with the next one."""
    url = new_database()
    process = start_python(IN_SMALL_BATCHES, str(source), url)
    wait_until(lambda: commits(url) >= after or process.poll() is not None, "a commit")
    process.kill()
    process.wait(LONGEST_S)
    sync_again(url, source)
    assert_holds(url, expected)


def sync_again(url: str, source: Path) -> None:
    """Bring what is missing."""
    backend = open_backend(url)
    report = sync([source], backend)
    backend.close()
    assert report.exit_code == 0
