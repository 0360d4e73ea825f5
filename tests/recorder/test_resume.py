from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from airtape.backends.memory import MemoryBackend
from airtape.backends.registry import open_backend
from airtape.query.joined import read_runs
from airtape.query.kept import here_and_now as here
from airtape.sync.engine import sync
from airtape.sync.fetch import find_in_target
from tests.recording import StartRun


def test_going_back_finds_the_run_as_it_was_then(start_run: StartRun) -> None:
    """What a later part of the run has taken over and added is not of that time."""
    first = start_run(id="x", config={"lr": 1})
    for step in range(10):
        first.log({"loss": step})
    first.finish()
    second = start_run(id="x", resume="must", config={"lr": 2})
    second.log({"loss": 10, "new": 1})
    second.finish()
    third = start_run(resume_from="x?_step=4")
    assert (third.step, third.summary["loss"], third.config["lr"]) == (5, 4, 1)
    assert "new" not in third.summary


def test_rows_that_were_taken_back_are_not_gone_on_from(start_run: StartRun) -> None:
    """A second way back leads over the first one."""
    first = start_run(id="x")
    first.define_metric("loss", summary="max")
    for step in range(10):
        first.log({"loss": 100 + step})
    first.finish()
    second = start_run(resume_from="x?_step=4")
    second.log({"loss": 1})
    second.finish()
    third = start_run(resume_from="x?_step=8")
    assert (third.step, dict(third.summary["loss"].items())) == (9, {"max": 104})


@pytest.mark.parametrize("url", ["sqlite:store.db", "jsonl:store", "memory:taken-out"])
def test_what_a_resumed_run_takes_out_is_gone(start_run: StartRun, workdir: Path, url: str) -> None:
    """In its directories and in targets, whatever is synced when, and for the one after it."""
    first = start_run(id="x")
    first.log({"loss": 1, "old": 2, "none": 3, "deep": {"a": 1, "b": 2}})
    first.finish()
    backend = open_backend(url)
    sync([first.sync_dir], backend)
    second = start_run(id="x", resume="must")
    del second.summary["old"]
    del second.summary["deep"]["a"]
    second.log({"none": None})
    second.finish()
    expected = {"loss": 1, "deep": {"b": 2}}
    sync([second.sync_dir], backend)
    in_target = find_in_target(backend, "x", where=url).whole
    overview = read_runs([Path(first.sync_dir), Path(second.sync_dir)])[0][0].overview(here())
    third = start_run(id="x", resume="must")
    for summary in (in_target.summary, overview.summary, third._log.fold.summary):  # noqa: SLF001 - the only way to see it
        assert {key: value for key, value in summary.items() if key[0] != "_"} == expected
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(workdir / "store.db")) as db:
            keys = {key for (key,) in db.execute("SELECT key FROM summary")}
        assert keys == {"loss", "deep.b", "_step", "_timestamp", "_runtime"}
    backend.close()
    MemoryBackend.forget("taken-out")


def test_a_branch_is_gone_back_in_behind_its_beginning(start_run: StartRun) -> None:
    """What it took over from the other run is all that is known of the time before."""
    first = start_run(id="x", config={"lr": 1})
    for step in range(10):
        first.log({"loss": step})
    first.finish()
    start_run(id="y", fork_from="x?_step=6").finish()
    third = start_run(resume_from="y?_step=2")
    assert (third.step, third.config["lr"]) == (3, 1)


def test_copies_of_a_log_are_one_log(start_run: StartRun, workdir: Path) -> None:
    """An older copy of a directory beside it takes nothing away, whichever is read first."""
    first = start_run(id="x")
    for step in range(10):
        first.log({"loss": step})
    for name in ("run-20000101_000000-x", "run-29990101_000000-x"):
        shutil.copytree(first.sync_dir, workdir / "wandb" / name)
    for step in range(10, 700):
        first.log({"loss": step})
    first.finish()
    second = start_run(id="x", resume="must")
    assert (second.step, second.summary["loss"]) == (700, 699)
