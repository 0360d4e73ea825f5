from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from airtape.query.api import Api
from airtape.query.directories import directories_of
from airtape.query.filters import parse
from tests import logs
from tests.query.conftest import MakeRun

DAY = 86_400 * 10**9
FIRST, SECOND = b"1" * 16, b"2" * 16


def _requeued(wandb: Path) -> list[Path]:
    """A run that was killed at step 2 and resumed from another directory, with files in both."""
    first = logs.run_dir_of(wandb, "ab12cd34", "20261120_101112")
    second = logs.run_dir_of(wandb, "ab12cd34", "20261121_101112")
    rows = [logs.log_row(step, loss=1 - step / 10) for step in range(3)]
    logs.write_log(
        first,
        *(logs.describe(name="lion", entity="me", project="digits"), logs.config(lr=0.1), *rows),
        logs.ended(None, how="signal", signal="SIGTERM"),
        writer=FIRST,
        root=FIRST,
    )
    more = [logs.log_row(step, loss=1 - step / 10) for step in range(3, 5)]
    header: dict[str, Any] = {"root": FIRST, "parents": [(FIRST, 9)], "resumed": True}
    logs.write_log(
        second,
        *more,
        logs.ended(),
        began_ns=logs.BEGAN_NS + DAY,
        writer=SECOND,
        start_step=3,
        **header,
    )
    for folder in (first, second):
        (folder / "files").mkdir()
        (folder / "files" / "output.log").write_text(folder.name)
    (first / "files" / "diff.patch").write_text("")
    return [first, second]


def test_a_resumed_run_is_one_run(wandb: Path) -> None:
    """Its directories are read as one: rows, config, state, times and files."""
    first, second = _requeued(wandb)
    (run,) = Api().runs()
    assert (run.name, run.state, run.config) == ("lion", "finished", {"lr": 0.1})
    assert [row["_step"] for row in run.scan_history()] == [0, 1, 2, 3, 4]
    assert (run.created_at, run.heartbeat_at) == ("2026-11-20T10:11:12Z", "2026-11-21T10:11:15Z")
    assert [file.path for file in run.files()] == [
        first / "files" / "diff.patch",
        second / "files" / "output.log",
    ]
    assert Api().run("ab12cd34").lastHistoryStep == 4


def test_a_resumed_run_is_amended_in_its_newest_directory(wandb: Path) -> None:
    """The change goes to the directory that the run went on in last."""
    first, second = _requeued(wandb)
    run = Api().run("ab12cd34")
    run.notes = "a note"
    run.update()
    assert run.notes == "a note"
    assert [len(list(folder.glob("*.txlog"))) for folder in (first, second)] == [1, 2]


def test_a_stale_copy_of_a_directory_adds_nothing(wandb: Path) -> None:
    """Of two copies of a log the longer one counts, and no row is there twice."""
    directory = logs.run_dir_of(wandb, "ab12cd34", "20261120_101112")
    rows = [logs.log_row(step, loss=step) for step in range(4)]
    said = [*rows[:2], logs.CHECKPOINT, *rows[2:], logs.CHECKPOINT]
    log = logs.write_log(directory, *said)
    whole = log.read_bytes()
    log.write_bytes(b"".join(logs.frames_of(*said[:4])))
    copy = wandb / f"{directory.name}-copy"
    for stale, fresh in ((directory, copy), (copy, directory)):
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(stale, fresh)
        (fresh / log.name).write_bytes(whole)
        (run,) = Api().runs()
        assert (run.lastHistoryStep, run.summary["loss"]) == (3, 3)
        assert len(run.history(pandas=False)) == 4
        (stale / log.name).write_bytes(b"".join(logs.frames_of(*said[:4])))


def test_all_directories_of_a_run_fit_or_none(make_run: MakeRun, wandb: Path) -> None:
    """A filter chooses runs, and a run is all of its directories."""
    requeued = _requeued(wandb)
    other = make_run("other")
    found = [other, *requeued, wandb / "missing"]
    assert directories_of(found, parse("name = lion and step = 4")) == requeued
    assert directories_of(found, parse("step = 2")) == []
    assert directories_of(found, parse("id = other")) == [other]
