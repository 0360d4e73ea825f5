"""`tracker sync` to several targets at once."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airtape.backends.registry import open_backend
from airtape.sync.report import ExitCode, worst
from tests import logs
from tests.cli.conftest import MakeRun, Tracker
from tests.ended import LONGEST_WAIT_S, wait_until
from tests.held import assert_holds, rows_in
from tests.processes import TRACKER
from tests.terminals import on_terminal

TrackerJson = Callable[..., Any]
BOTH = ("--to", "sqlite:a.db", "--to", "jsonl:b")


def assert_both_hold(*paths: Path) -> None:
    """Make sure that both targets hold what logs say."""
    for url in BOTH[1::2]:
        backend = open_backend(url)
        assert_holds(backend, *paths)
        backend.close()


def test_each_target_gets_what_it_lacks(tracker: Tracker, make_run: MakeRun, workdir: Path) -> None:
    """Each has a cursor of its own; each line names the target."""
    run_dirs = [make_run(), make_run("other")]
    paths = [path for run_dir in run_dirs for path in run_dir.glob("*.txlog")]
    tracker("sync", str(run_dirs[0]), *BOTH[:2])
    said = tracker("sync", *BOTH).stdout.splitlines()
    assert said[-2:] == [
        "Synced 1 run, 6 records, to sqlite:a.db; 1 had nothing new.",
        "Synced 2 runs, 12 records, to jsonl:b.",
    ]
    assert sorted(said[:-2]) == [
        "Synced: wandb/run-20261120_101112-ab12cd34 (likely-lion-9), 6 records, to jsonl:b",
        "Synced: wandb/run-20261120_101112-other (likely-lion-9), 6 records, to jsonl:b",
        "Synced: wandb/run-20261120_101112-other (likely-lion-9), 6 records, to sqlite:a.db",
    ]
    assert_both_hold(*paths)
    assert tracker("sync", *BOTH, *BOTH).stdout == ""
    assert (workdir / "a.db").exists()


def test_one_that_does_not_answer_stops_none(
    tracker: Tracker, tracker_json: TrackerJson, make_run: MakeRun
) -> None:
    """It is named, and makes the exit code; `status` goes on behind it as well."""
    make_run()
    targets = ("--to", "jsonl:none/where", *BOTH)
    result = tracker("sync", *targets, exit_code=4)
    assert "6 records, to sqlite:a.db" in result.stdout
    assert "6 records, to jsonl:b" in result.stdout
    assert "the target's folder does not exist" in result.stderr
    said = tracker_json("sync", *targets, exit_code=4)
    assert (said["exit_code"], [one["target"] for one in said["targets"]]) == (
        *(4, ["jsonl:none/where", "sqlite:a.db", "jsonl:b"]),
    )
    assert [one["exit_code"] for one in said["targets"]] == [4, 0, 0]
    assert "none" in said["targets"][0]["error"]
    result = tracker("status", *targets, exit_code=4)
    assert "jsonl:none/where does not answer.\n  last sync" in result.stdout
    assert "sqlite:a.db has everything of 1 run." in result.stdout
    assert "does not exist" in result.stderr
    errors = [one["error"] for one in tracker_json("status", *targets, exit_code=4)["targets"]]
    assert [error is None for error in errors] == [False, True, True]


def test_one_that_none_serves_is_refused_before_anything_is_sent(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """A slip of the pen must not leave half of the targets behind."""
    make_run()
    assert "mqsql" in tracker("sync", *BOTH, "--to", "mqsql:x", exit_code=2).stderr
    assert not (workdir / "a.db").exists()


def test_a_path_that_is_not_there_is_named_once(tracker: Tracker, make_run: MakeRun) -> None:
    """It has nothing to do with the targets."""
    make_run()
    result = tracker("sync", "wandb", "nowhere", *BOTH, exit_code=2)
    assert result.stderr.count("nothing at this path") == 1
    assert "No runs in wandb/nowhere*.\n" not in result.stdout


def test_the_worst_exit_code_counts() -> None:
    """In the order in which a single sync ranks them."""
    assert worst([]) is ExitCode.OK
    assert worst([ExitCode.HELD, ExitCode.OK, ExitCode.DEADLINE]) is ExitCode.DEADLINE
    assert worst([ExitCode.INCOMPLETE, ExitCode.UNREACHABLE]) is ExitCode.UNREACHABLE


@pytest.mark.timeout(60)
def test_several_targets_are_followed(workdir: Path) -> None:
    """Each on its own; one that does not answer is told of by name, and keeps nobody waiting."""
    run_dir = logs.run_dir_of(workdir / "wandb")
    # Of a run that was last heard of long ago nobody would expect more.
    now_ns = time.time_ns()
    path = logs.write_log(run_dir, logs.log_row(0, x=1), began_ns=now_ns)
    options = ["--follow", "--until-finished", *BOTH, "--to", "jsonl:gone/c"]
    frames = logs.frames_of(logs.log_row(1, x=2), logs.ended(), of=logs.header(first_seq=1))
    with subprocess.Popen(
        [TRACKER, "sync", *options], stdout=subprocess.PIPE, text=True
    ) as follower:
        wait_until(lambda: rows_in(workdir / "a.db") == 1, "the first row")
        wait_until((workdir / "b").exists, "the other target")
        with path.open("ab") as log:
            log.write(b"".join(frames[1:]))
        wait_until(lambda: rows_in(workdir / "a.db") == 2, "the second row")
        (workdir / "gone").mkdir()
        said, _ = follower.communicate(timeout=LONGEST_WAIT_S)
    assert follower.returncode == 0
    assert "jsonl:gone/c is there again." in said
    assert "Synced 1 run, 4 records, to jsonl:gone/c." in said
    assert_both_hold(path)


def test_all_targets_move_the_same_bars(make_run: MakeRun, workdir: Path) -> None:
    """On a terminal there is one bar for the whole, and each line names the target."""
    make_run()
    written = on_terminal([str(TRACKER), "sync", *BOTH], workdir)
    assert "6 records, to jsonl:b" in written
    assert "6 records, to sqlite:a.db" in written
