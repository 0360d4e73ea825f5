from __future__ import annotations

import shutil
from pathlib import Path

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
