"""`tracker bundle`: run directories as one file, for a medium that carries files one way."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import logs
from tests.bundles.made import tree
from tests.cli.conftest import MakeRun, Tracker


def test_runs_cross_a_gap_and_a_receipt_comes_back(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """The next bundle has what is new, and says since when."""
    make_run()
    said = tracker("bundle", "create", "-o", "1.bundle").stdout
    assert said.startswith("1.bundle, ")
    assert ": 1 file of 1 run, " in said
    assert "1.bundle is whole: 1 file of 1 run" in tracker("bundle", "verify", "1.bundle").stdout
    arguments = ("bundle", "apply", "1.bundle", "far", "--receipt", "lab.receipt", "--name", "lab")
    assert tracker(*arguments).stdout == "1.bundle: 1 file of 1 run written.\n"
    assert tracker(*arguments).stdout == "1.bundle: nothing new.\n"
    tracker("receipt", "import", "lab.receipt")
    assert "receipt:lab has everything of 1 run" in tracker("status", "--to", "lab").stdout
    make_run("other")
    for since in ("lab", "receipt:lab", "lab.receipt"):
        said = tracker("bundle", "create", "-o", "2.bundle", "--since", since).stdout
        assert "1 file of 1 run, " in said
        assert ", since the receipt of lab of 20" in said
    assert tracker("bundle", "apply", "1.bundle", "2.bundle", "far").stdout == (
        "1.bundle: nothing new.\n2.bundle: 1 file of 1 run written.\n"
    )
    assert tree(workdir / "far") == tree(workdir / "wandb")


def test_the_receipt_of_a_store_will_do_as_well(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """It tells which records it has; the files came with those."""
    run_dir = make_run("ab12cd34", logs.log_row(3, loss=1.0))
    tracker("bundle", "create", "-o", "1.bundle")
    tracker("bundle", "apply", "1.bundle", "far")
    tracker("sync", "far", "--to", "sqlite:lab.db")
    tracker("receipt", "export", "lab.receipt", "--from", "sqlite:lab.db")
    said = tracker("bundle", "create", "-o", "2.bundle", "--since", "lab.receipt").stdout
    assert "0 files of 0 runs" in said
    make_run("ab12cd34", logs.log_row(3, loss=1.0), logs.ended())
    assert (run_dir / "run-ab12cd34.txlog").exists()
    said = tracker("bundle", "create", "-o", "2.bundle", "--since", "lab.receipt").stdout
    assert "1 file of 1 run" in said
    tracker("bundle", "apply", "2.bundle", "far")
    assert tree(workdir / "far") == tree(workdir / "wandb")


def test_what_it_goes_on_from_is_missing(
    tracker: Tracker, tracker_json: Callable[..., Any], make_run: MakeRun, workdir: Path
) -> None:
    """Exit code 3, and the bundle is named that has to come first."""
    run_dir = make_run("ab12cd34", logs.log_row(3, loss=1.0))
    first = tracker_json("bundle", "create", "-o", "1.bundle")["id"]
    tracker("bundle", "apply", "1.bundle", "far", "--receipt", "far.receipt")
    make_run("ab12cd34", logs.log_row(3, loss=1.0), logs.ended())
    tracker("bundle", "create", "-o", "2.bundle", "--since", "far.receipt")
    shutil.rmtree(workdir / "far")
    result = tracker("bundle", "apply", "2.bundle", "far", exit_code=3)
    assert "what the bundle goes on from is missing" in result.stderr
    assert f"Try: Apply bundle {first} first" in result.stderr
    said = tracker_json("bundle", "apply", "2.bundle", "far", exit_code=3)
    (run,) = said["bundles"][0]["runs"]
    assert (run["directory"], run["written"]) == (run_dir.name, 0)
    assert "is missing" in run["problem"]


def test_a_bundle_that_was_cut_or_changed_is_refused(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """Before anything is written."""
    make_run()
    tracker("bundle", "create", "-o", "x.bundle")
    whole = (workdir / "x.bundle").read_bytes()
    for data in (whole[:-1], whole[:99], b"", b"text"):
        (workdir / "x.bundle").write_bytes(data)
        for command in (("verify", "x.bundle"), ("apply", "x.bundle", "far")):
            assert "Error: the bundle is refused" in tracker("bundle", *command, exit_code=3).stderr
    assert not (workdir / "far").exists()


def test_limits_can_be_said(tracker: Tracker, make_run: MakeRun) -> None:
    """To make, to verify and to apply."""
    make_run()
    tracker("bundle", "create", "-o", "x.bundle")
    for command in (("verify", "x.bundle"), ("apply", "x.bundle", "far")):
        arguments = ("bundle", *command, "--max-entries", "1")
        assert "more than 1 entries" in tracker(*arguments, exit_code=3).stderr
        tracker("bundle", *command, "--max-size", "1M", "--max-ratio", "2")
    tracker("bundle", "create", "-o", "y.bundle", "--max-entries", "1", exit_code=3)


def test_what_is_wrong_is_named(tracker: Tracker, make_run: MakeRun, workdir: Path) -> None:
    """Paths, receipts and names."""
    make_run()
    (workdir / "wandb/run-20261120_101112-empty").mkdir()
    result = tracker("bundle", "create", "-o", "x.bundle")
    assert "run-20261120_101112-empty: no transaction log" in result.stderr
    stderr = tracker("bundle", "create", "nowhere", "-o", "x.bundle", exit_code=2).stderr
    assert "nothing at this path" in stderr
    for since in ("lab", "receipt:lab"):
        arguments = ("bundle", "create", "-o", "x.bundle", "--since", since)
        assert "receipt" in tracker(*arguments, exit_code=2).stderr
    stderr = tracker("bundle", "apply", "x.bundle", "far", "--name", "a/b", exit_code=2).stderr
    assert "cannot be called 'a/b'" in stderr
    tracker("bundle", "verify", "no.bundle", exit_code=2)
    tracker("bundle", "create", "-o", "no/x.bundle", exit_code=4)


def test_a_run_that_cannot_be_read_makes_the_exit_code_3(
    tracker_json: Callable[..., Any], make_run: MakeRun, wandb: Path
) -> None:
    """The bundle has the others."""
    make_run("good")
    (wandb / "notes.txt").write_text("no directory")
    paths = ("wandb", "wandb/notes.txt")
    said = tracker_json("bundle", "create", *paths, "-o", "x.bundle", exit_code=3)
    assert said["exit_code"] == 3
    assert [run["run_id"] for run in said["runs"]] == ["good"]
    assert "neither a run directory nor a log" in said["notes"][0]


@pytest.mark.parametrize("command", ["create", "verify", "apply"])
def test_json(tracker_json: Callable[..., Any], make_run: MakeRun, command: str) -> None:
    """What is told in words is told to programs, too."""
    make_run()
    made = tracker_json("bundle", "create", "-o", "x.bundle")
    if command == "create":
        assert (made["file"], made["since"], made["notes"]) == ("x.bundle", None, [])
        assert [run["run_id"] for run in made["runs"]] == ["ab12cd34"]
    elif command == "verify":
        (said,) = tracker_json("bundle", "verify", "x.bundle")["bundles"]
        assert said["id"] == made["id"]
    else:
        (said,) = tracker_json("bundle", "apply", "x.bundle", "far")["bundles"]
        assert said["runs"][0]["written"] == 1


def test_a_bundle_takes_the_place_of_no_pipe(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """What is no file is refused: root would else turn ``/dev/null`` into one."""
    make_run()
    pipe = workdir / "pipe"
    os.mkfifo(pipe)
    result = tracker("bundle", "create", "-o", "pipe", exit_code=2)
    assert "pipe is no regular file, and stays; name another one." in result.stderr
    assert pipe.is_fifo()
