"""Sending runs anew, in place of what the target has of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from airtape.backends.base import Backend
from airtape.backends.memory import MemoryBackend
from airtape.backends.registry import open_backend
from airtape.backends.sqlite import SqliteBackend
from airtape.sync.engine import sync, sync_to
from airtape.sync.options import SyncOptions
from airtape.sync.renames import Names, Renames
from airtape.sync.report import ExitCode
from tests.held import assert_holds, contents_in
from tests.logs import describe, ended, frames_of, log_row, write_log
from tests.sync.runs import A_RUN
from tests.sync.test_damage import FRAMES
from tests.sync.test_healing import SECOND_LOG, continuing, write

OpenTarget = Callable[[], Backend]
AGAIN = SyncOptions(again=True)


def test_a_run_is_sent_anew(open_target: OpenTarget, run_dir: Path) -> None:
    """All of it, and the target has it once, as before; it is as good as new for the next sync."""
    log = write_log(run_dir, *A_RUN, ended())
    backend = open_target()
    sync([run_dir], backend)
    before = [contents_in(held) for held in backend.dump()]
    for options in (AGAIN, SyncOptions(again=True, max_points=3)):
        (run,) = sync([run_dir], backend, options).runs
        assert (run.status, run.records) == ("synced", len(A_RUN) + 2)
        assert [contents_in(held) for held in backend.dump()] == before
        assert_holds(backend, log)
    assert sync([run_dir], backend).runs[0].status == "nothing_new"


def test_what_somebody_removed_from_a_store_is_there_again(tmp_path: Path, run_dir: Path) -> None:
    """The cursor says that it has come, so no other sync would bring it."""
    log = write_log(run_dir, *A_RUN, ended())
    store = tmp_path / "store.db"
    with closing(SqliteBackend(str(store))) as backend:
        sync([run_dir], backend)
        with closing(sqlite3.connect(store)) as db, db:
            db.execute("DELETE FROM points")
            db.execute("UPDATE runs SET name = 'other'")
        assert sync([run_dir], backend).runs[0].status == "nothing_new"
        sync([run_dir], backend, AGAIN)
        assert_holds(backend, log)
    with closing(sqlite3.connect(store)) as db:
        assert db.execute("SELECT name FROM run_list").fetchall() == [("likely-lion-9",)]


def test_a_run_that_never_came_is_just_sent(memory: MemoryBackend, run_dir: Path) -> None:
    """There is nothing to drop."""
    log = write_log(run_dir, *A_RUN, ended())
    assert sync([run_dir], memory, AGAIN).runs[0].records == len(A_RUN) + 2
    assert_holds(memory, log)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_writer_in_several_directories_is_begun_anew_once(
    tmp_path: Path, wandb: Path, jobs: int
) -> None:
    """Each directory has a part of what it wrote; none of them drops what the other has brought."""
    write(wandb / "run-20261120_101112-ab12cd34", FRAMES[:20])
    write(wandb / "run-20261121_000000-ab12cd34", continuing(20, *FRAMES[21:]), SECOND_LOG)
    url = f"sqlite:{tmp_path}/store.db"
    # Under a new id no hint tells where other files of a writer were.
    for renames in (Renames(), Renames(Names(run_id="other"))):
        options = SyncOptions(jobs=jobs, renames=renames)
        assert sync_to([wandb], lambda: open_backend(url), options).exit_code == ExitCode.OK
        with closing(open_backend(url)) as backend:
            (before, *_) = map(contents_in, backend.dump())
        report = sync_to([wandb], lambda: open_backend(url), replace(options, again=True))
        assert report.exit_code == ExitCode.OK
        assert sum(run.records for run in report.runs) == len(FRAMES)
        with closing(open_backend(url)) as backend:
            assert next(map(contents_in, backend.dump())) == before


def test_what_no_log_has_any_more_is_not_dropped(memory: MemoryBackend, run_dir: Path) -> None:
    """The target has more than the logs here: the run fails by name, and stays as it was."""
    log = write_log(run_dir, *A_RUN, ended())
    sync([run_dir], memory)
    before = [contents_in(held) for held in memory.dump()]
    log.write_bytes(b"".join(frames_of(*A_RUN)[:5]))
    report = sync([run_dir], memory, AGAIN)
    assert report.exit_code == ExitCode.INCOMPLETE
    assert "cannot be sent anew, and stays as it is" in str(report.runs[0].problems[0])
    assert [contents_in(held) for held in memory.dump()] == before


def test_new_tags_replace_those_that_were_sent(memory: MemoryBackend, run_dir: Path) -> None:
    """Sending anew is how a run gets tags that it should have been given before."""
    write_log(run_dir, describe(tags=["draft"]), log_row(0, x=1), ended())
    sync([run_dir], memory)
    renames = Renames(Names(tags={"draft": "final"}))
    sync([run_dir], memory, SyncOptions(renames=renames))
    (held,) = memory.dump()
    assert held.cursor.fold().run["tags"] == ["draft"]
    sync([run_dir], memory, SyncOptions(renames=renames, again=True))
    (held,) = memory.dump()
    assert held.cursor.fold().run["tags"] == ["final"]


def test_a_dry_run_counts_all_of_it(memory: MemoryBackend, run_dir: Path) -> None:
    """What would be sent anew is the whole log."""
    log = write_log(run_dir, *A_RUN, ended())
    sync([run_dir], memory)
    (run,) = sync([run_dir], memory, SyncOptions(again=True, dry_run=True)).runs
    assert (run.status, run.size) == ("pending", log.stat().st_size)
