from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from airtape.errors import Error, TargetError
from airtape.sync.report import RunReport, Status, SyncReport
from airtape_cli.render.sync_report import closing_lines, run_lines
from tests import logs
from tests.cli.conftest import MakeRun, Tracker
from tests.processes import TRACKER
from tests.sync.runs import files_said
from tests.terminals import on_terminal


def _history(store: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(store)) as db:
        return db.execute("SELECT run, key, step, value FROM history ORDER BY 1, 2, 3").fetchall()


def test_runs_are_synced_into_the_store_beside_them(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """Without arguments the runs of ./wandb go to ./wandb/tracker.db, with a line for each."""
    run_dir = make_run()
    assert tracker("sync").stdout == (
        f"Synced: wandb/{run_dir.name} (likely-lion-9), 6 records\n"
        "Synced 1 run, 6 records, to sqlite:wandb/tracker.db.\n"
    )
    assert _history(wandb / "tracker.db") == [
        *(("ab12cd34", "eval/acc", step, step) for step in range(3)),
        *(("ab12cd34", "loss", step, 1 / (step + 1)) for step in range(3)),
    ]


def test_a_second_sync_adds_nothing_and_says_nothing(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """Syncing again changes no row, and a cron job has nothing to mail; ``-v`` tells it."""
    run_dir = make_run()
    tracker("sync")
    before = _history(wandb / "tracker.db")
    said = "Nothing new: sqlite:wandb/tracker.db has everything of 1 run.\n"
    assert tracker("sync").output == ""
    assert tracker("sync", "-v").stdout == (
        f"Nothing new: wandb/{run_dir.name} (likely-lion-9)\n{said}"
    )
    assert _history(wandb / "tracker.db") == before


def test_a_run_that_goes_on_is_continued(tracker: Tracker, wandb: Path) -> None:
    """What was logged since the last sync is sent, and only that; ``ls`` tells how far it is."""
    rows = [logs.log_row(step, loss=step) for step in range(4)]
    frames = logs.frames_of(*rows, logs.ended())
    path = logs.write_log(logs.run_dir_of(wandb))
    path.write_bytes(b"".join(frames[:3]))
    assert tracker("ls").stdout.splitlines()[1].endswith(" no")
    assert "3 records, to" in tracker("sync").stdout
    assert tracker("ls").stdout.splitlines()[1].endswith(" yes")
    with path.open("ab") as log:
        log.write(b"".join(frames[3:5]))
    assert tracker("ls").stdout.splitlines()[1].endswith(" partly")
    assert "2 records, to" in tracker("sync").stdout
    assert [row[2] for row in _history(wandb / "tracker.db")] == [0, 1, 2, 3]
    assert tracker("ls").stdout.splitlines()[1].endswith(" yes")


def test_only_the_named_runs_are_synced(tracker: Tracker, make_run: MakeRun, workdir: Path) -> None:
    """Run directories, and patterns that no shell expanded, can be named, and another store."""
    first, second, _ = make_run("aaaa1111"), make_run("bbbb2222"), make_run("cccc3333")
    store = workdir / "other.db"
    tracker("sync", f"wandb/{first.name}", "wandb/run-*bbbb*", "--to", f"sqlite:{store}")
    assert {row[0] for row in _history(store)} == {"aaaa1111", "bbbb2222"}
    assert second.is_dir()
    assert not (workdir / "wandb/tracker.db").exists()


def test_a_dry_run_only_tells(tracker: Tracker, make_run: MakeRun, wandb: Path) -> None:
    """``--dry-run`` says what would be sent, how much, and makes no store."""
    run_dir = make_run()
    size = (run_dir / "run-ab12cd34.txlog").stat().st_size
    assert tracker("sync", "--dry-run").stdout == (
        f"Would sync: wandb/{run_dir.name}, {size} B\n"
        "Would sync 1 run to sqlite:wandb/tracker.db.\n"
    )
    assert sorted(path.name for path in wandb.iterdir()) == [run_dir.name]


def test_json_is_the_report(tracker_json: Callable[..., Any], make_run: MakeRun) -> None:
    """``--json`` prints the report and nothing else."""
    make_run()
    said = tracker_json("sync")
    assert (said["target"], said["dry_run"], said["exit_code"]) == (
        "sqlite:wandb/tracker.db",
        False,
        0,
    )
    (run,) = said["runs"]
    assert (run["status"], run["records"], run["ended"]) == ("synced", 6, True)
    assert tracker_json("sync")["runs"][0]["status"] == "nothing_new"


def test_damage_is_reported_once_as_new(tracker: Tracker, make_run: MakeRun, wandb: Path) -> None:
    """The rest of a damaged log is synced, its bytes are named, and the exit code is 3."""
    path = make_run() / "run-ab12cd34.txlog"
    content = bytearray(path.read_bytes())
    content[content.index(b"loss")] ^= 1
    path.write_bytes(content)
    first = tracker("sync", exit_code=3).stdout
    assert "Damaged: wandb/" in first
    assert "new damage: run-ab12cd34.txlog, bytes " in first
    assert "1 record lost" in first
    assert "Synced 1 run, 5 records, to sqlite:wandb/tracker.db; 1 damaged.\n" in first
    assert len(_history(wandb / "tracker.db")) == 4
    assert "known damage: run-ab12cd34.txlog, bytes " in tracker("sync").stdout
    assert "known damage: " in tracker("sync", "--strict", exit_code=3).stdout


def test_a_bad_run_does_not_stop_the_others(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """A foreign file and a log of a later version fail by name; good runs arrive."""
    make_run("aaaa1111")
    foreign = logs.run_dir_of(wandb, "foreign")
    foreign.mkdir()
    (foreign / "run-foreign.txlog").write_bytes(b"PK\x03\x04" * 50)
    logs.write_log(logs.run_dir_of(wandb, "later"), run_id="later", version=(9, 0))
    (wandb / "run-20261120_101112-nolog").mkdir()
    os.utime(wandb / "run-20261120_101112-nolog", (0, 0))
    make_run("zzzz9999")
    output = tracker("sync", exit_code=3).stdout
    assert "no transaction log" in output
    assert "this is no transaction log" in output
    assert "install a later airtape" in output
    assert "Synced 2 runs, 12 records, to sqlite:wandb/tracker.db; 3 failed.\n" in output
    assert {row[0] for row in _history(wandb / "tracker.db")} == {"aaaa1111", "zzzz9999"}


def test_a_folder_without_runs_says_so(tracker: Tracker, wandb: Path, workdir: Path) -> None:
    """Nothing to sync is no error and leaves no store behind."""
    assert tracker("sync").stdout == "No runs in wandb.\n"
    (workdir / "empty").mkdir()
    assert tracker("sync", "empty").stdout == "No runs in empty.\n"
    assert list(wandb.iterdir()) == []


def test_a_working_directory_without_runs_says_so(
    tracker: Tracker, tracker_json: Callable[..., Any], workdir: Path
) -> None:
    """Where nothing was ever recorded there is nothing to do, and nothing is made."""
    assert tracker("sync").stdout == "No runs in wandb.\n"
    assert tracker_json("sync")["runs"] == []
    assert list(workdir.iterdir()) == []


def test_a_path_that_does_not_exist_is_named(tracker: Tracker, make_run: MakeRun) -> None:
    """What is there is synced; what is not is an error with exit code 2."""
    make_run()
    result = tracker("sync", "wandb", "nowhere", exit_code=2)
    assert "Synced 1 run" in result.stdout
    assert result.stderr == "Error: there is nothing at this path\n  Where: nowhere\n"


def test_a_target_that_nobody_named(tracker: Tracker, make_run: MakeRun) -> None:
    """What is no URL is taken for a name, and the error says how to write either."""
    make_run()
    result = tracker("sync", "--to", "runs.db", exit_code=2)
    assert "no target has the name 'runs.db'" in result.stderr
    assert "KIND:PLACE, such as sqlite:runs.db" in result.stderr


@pytest.mark.parametrize("url", ["carrier:pigeon", "sqlite:"])
def test_a_target_of_an_unknown_kind_lists_the_known_ones(
    tracker: Tracker, make_run: MakeRun, url: str
) -> None:
    """A URL of a kind that nobody serves, or without a place, is a wrong argument."""
    make_run()
    result = tracker("sync", "--to", url, exit_code=2)
    assert url in result.stderr
    assert "Try: " in result.stderr
    if url != "sqlite:":
        assert "Known kinds: jsonl, memory, " in result.stderr


def test_a_target_that_cannot_be_written_is_told(
    tracker: Tracker, tracker_json: Callable[..., Any], make_run: MakeRun
) -> None:
    """A store in a folder that does not exist ends with exit code 4, also in the report."""
    make_run()
    result = tracker("sync", "--to", "sqlite:no/such/runs.db", exit_code=4)
    assert result.stdout == ""
    assert "the store's folder does not exist" in result.stderr
    report = tracker_json("sync", "--to", "sqlite:no/such/runs.db", exit_code=4)
    assert (report["exit_code"], report["runs"]) == (4, [])
    assert "the store's folder does not exist" in report["error"]


def test_whether_runs_are_synced_may_be_unknown(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """A store that cannot be read does not keep runs from being listed."""
    make_run()
    (wandb / "tracker.db").write_text("this is no database, but long enough to look like one")
    result = tracker("ls")
    assert result.stdout.splitlines()[1].endswith(" unknown")
    assert "whether runs are synced is not known" in result.stderr


def test_a_terminal_gets_a_bar_above_which_runs_are_told(make_run: MakeRun, workdir: Path) -> None:
    """On a terminal a bar moves while syncing, and is gone at the end."""
    first, _ = make_run("aaaa1111", name="[red]:smile:"), make_run("bbbb2222")
    output = on_terminal([str(TRACKER), "sync"], workdir, columns=200)
    assert "Syncing" in output
    assert f"Synced: wandb/{first.name} ([red]:smile:), 6 records" in output
    assert output.rstrip().endswith("Synced 2 runs, 12 records, to sqlite:wandb/tracker.db.")
    again = on_terminal([str(TRACKER), "sync"], workdir, columns=200)
    assert "Nothing new: sqlite:wandb/tracker.db has everything of 2 runs." in again


def test_what_is_worth_knowing_about_a_run_is_told_below_it() -> None:
    """Problems, notes and clashes follow the line of their run, one line each."""
    run = RunReport(
        Path("a"),
        "failed",
        problems=[Error("no\x1b", hint="yes")],
        notes=["slow"],
        clashes=[Path("b")],
    )
    assert list(run_lines(run, verbose=False, dry_run=False)) == [
        "Failed: a",
        "  no; yes",
        "  slow",
        "  a different run has the same id: b",
    ]


def test_a_verbose_line_tells_how_much_was_read() -> None:
    """With ``-v`` a run's line says what the target holds and what was read."""
    run = RunReport(Path("a"), "synced", records=1, held=12, size=3456)
    assert list(run_lines(run, verbose=True, dry_run=False)) == [
        "Synced: a, 1 record, 12 held, 3.5 kB read"
    ]


def test_the_last_line_counts_what_did_not_arrive() -> None:
    """Runs that were held, failed or not reached are counted apart, after the target's notes."""
    statuses: tuple[Status, ...] = ("synced", "held", "failed", "pending", "nothing_new")
    report = SyncReport(
        [RunReport(Path(status), status, records=1) for status in statuses],
        notes=["slow disk"],
        target_error=TargetError("gone"),
    )
    notes, sentence = closing_lines(report, "x:y", dry_run=False)
    assert notes == "slow disk"
    assert sentence == (
        "Synced 1 run, 5 records, to x:y; 1 failed, 1 held by another sync, 1 had nothing new, "
        "1 not reached."
    )


def test_a_quiet_sync_says_only_what_is_wrong(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """On stderr, so that cron sends mail then, and only then."""
    make_run()
    assert tracker("sync", "--quiet").output == ""
    assert tracker("sync", "-q").output == ""
    (make_run("bad") / "run-bad.txlog").write_text("no log")
    damaged = make_run("damaged") / "run-damaged.txlog"
    content = bytearray(damaged.read_bytes())
    content[content.index(b"loss")] ^= 1
    damaged.write_bytes(content)
    result = tracker("sync", "--quiet", exit_code=3)
    assert result.stdout == ""
    assert "this is no transaction log" in result.stderr
    assert "new damage: run-damaged.txlog" in result.stderr
    assert "Synced" not in result.stderr
    assert wandb.exists()


def test_a_quiet_sync_tells_of_all_that_makes_it_fail(tracker: Tracker, make_run: MakeRun) -> None:
    """Content that is missing, and damage that was known before where that counts."""
    damaged = make_run("damaged") / "run-damaged.txlog"
    content = bytearray(damaged.read_bytes())
    content[content.index(b"loss")] ^= 1
    damaged.write_bytes(content)
    tracker("sync", "--quiet", exit_code=3)
    assert tracker("sync", "--quiet").output == ""
    assert "known damage" in tracker("sync", "--quiet", "--strict", exit_code=3).stderr
    make_run("ab12cd34", files_said(gone=b"gone"), logs.ended())
    for _ in range(2):
        assert "files/gone is missing" in tracker("sync", "--quiet", exit_code=3).stderr
