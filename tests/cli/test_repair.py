from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests import logs
from tests.cli.conftest import MakeRun, Tracker
from tests.damaged import contents_of, write_damaged

ROWS = [logs.log_row(step, loss=1 / (step + 1)) for step in range(6)]
COPY = "run-ab12cd34.repaired-1.txlog"


@pytest.fixture
def run_dir(wandb: Path) -> Path:
    """A run whose header and one row are damaged, and behind whose end there is more damage."""
    path = logs.run_dir_of(wandb) / "run-ab12cd34.txlog"
    write_damaged(path, logs.CHECKPOINT, *ROWS, flipped=[0, 4], tail=bytes(50))
    return path.parent


def test_a_repair_tells_what_it_wrote_and_what_stays_lost(tracker: Tracker, run_dir: Path) -> None:
    """The exit code is 0 once there is a copy; a second repair leaves it alone."""
    name = f"wandb/{run_dir.name}"
    lost = (
        "  stays lost: record 4\n"
        "  it cannot be told how many records stood at the end of run-ab12cd34.txlog\n"
    )
    assert tracker("repair", name, "--dry-run").stdout == (
        f"Would repair: {name}/run-ab12cd34.txlog\n"
        f"  {name}/{COPY} would have its 7 records, the header among them\n{lost}"
    )
    assert not (run_dir / COPY).exists()
    assert tracker("repair", name).stdout == (
        f"Repaired: {name}/run-ab12cd34.txlog\n"
        f"  {name}/{COPY} has its 7 records, the header among them\n{lost}"
    )
    before = contents_of(run_dir)
    assert tracker("repair", name).stdout == (
        f"Repaired before: {name}/run-ab12cd34.txlog\n"
        f"  {name}/{COPY} is a clean copy of it\n"
        f"Nothing to repair: {name}/{COPY}\n{lost}"
    )
    assert contents_of(run_dir) == before


def test_after_a_repair_only_what_is_lost_is_missing(tracker: Tracker, run_dir: Path) -> None:
    """The copy is whole, and the damaged log says which one it is."""
    tracker("repair", str(run_dir))
    lines = tracker("verify", str(run_dir), exit_code=3).stdout.splitlines()
    assert f"    {COPY} is a clean copy of it" in lines
    assert lines[lines.index(f"  {COPY}: 7 records (0-7)") + 1].startswith("  no end recorded")
    assert "  lost: record 4" in lines


def test_syncing_log_and_copy_doubles_nothing(tracker: Tracker, run_dir: Path, wandb: Path) -> None:
    """The store has each row once, before and after the repair."""
    for _ in range(2):
        tracker("sync", exit_code=3)
        with closing(sqlite3.connect(wandb / "tracker.db")) as db:
            rows = db.execute("SELECT step, count(*) FROM history GROUP BY 1").fetchall()
        assert rows == [(step, 1) for step in (0, 1, 3, 4, 5)]
        tracker("repair", str(run_dir))
        (wandb / "tracker.db").unlink()


def test_a_whole_run_needs_no_repair(tracker: Tracker, make_run: MakeRun) -> None:
    """That is said, and nothing is written."""
    run_dir = make_run()
    before = contents_of(run_dir)
    assert tracker("repair", str(run_dir)).stdout == (
        f"Nothing to repair: {run_dir}/run-ab12cd34.txlog\n"
    )
    assert contents_of(run_dir) == before


def test_copies_can_go_elsewhere(tracker: Tracker, run_dir: Path, workdir: Path) -> None:
    """A run directory that must not be written stays as it is."""
    before = contents_of(run_dir)
    tracker("repair", str(run_dir), "--output", "repaired")
    assert contents_of(run_dir) == before
    assert (workdir / "repaired" / run_dir.name / COPY).is_file()


def test_a_copy_that_cannot_be_written_makes_the_exit_code_4(
    tracker: Tracker, run_dir: Path, workdir: Path
) -> None:
    """It is said where and why, and what to try."""
    (workdir / "file").touch()
    done = tracker("repair", str(run_dir), "--output", "file", exit_code=4)
    assert "the clean copy cannot be written" in done.stderr
    assert "--output" in done.stderr


def test_what_cannot_be_read_makes_the_exit_code_3(
    tracker: Tracker, run_dir: Path, wandb: Path
) -> None:
    """A foreign file and a directory without a log are named; the others are repaired."""
    (run_dir / "run-foreign.txlog").write_bytes(b"foreign" * 50)
    (wandb / "run-20261120_101113-nolog").mkdir()
    done = tracker("repair", "wandb", exit_code=3)
    assert (run_dir / COPY).exists()
    assert "no frame of a transaction log" in done.stderr
    assert "no transaction log" in done.stderr


def test_a_path_has_to_be_named(tracker: Tracker, run_dir: Path) -> None:
    """Repairing writes, so nothing is chosen by itself; what is not there is a wrong argument."""
    tracker("repair", exit_code=2)
    done = tracker("repair", "nowhere", str(run_dir), exit_code=2)
    assert "there is nothing at this path" in done.stderr
    assert (run_dir / COPY).exists()


def test_a_folder_without_logs_is_said(tracker: Tracker, workdir: Path) -> None:
    """So nobody takes a wrong folder for one in which all is whole."""
    (workdir / "empty").mkdir()
    assert tracker("repair", "empty").stdout == "No logs in empty.\n"


def test_json_says_the_same(tracker_json: Callable[..., Any], run_dir: Path) -> None:
    """One object, with what became of each log and what stays lost."""
    said = tracker_json("repair", f"wandb/{run_dir.name}")
    assert (said["exit_code"], said["dry_run"], said["not_found"]) == (0, False, [])
    (run,) = said["runs"]
    (log,) = run["logs"]
    assert log == {
        "log": "run-ab12cd34.txlog",
        "status": "repaired",
        "copy": f"wandb/{run_dir.name}/{COPY}",
        "records": 7,
        "header_restored": True,
        "error": None,
    }
    assert run["lost"] == [
        {"writer": logs.WRITER.hex(), "missing": [{"first_seq": 4, "last_seq": 4}]}
    ]
    assert run["unknown_ends"] == ["run-ab12cd34.txlog"]
