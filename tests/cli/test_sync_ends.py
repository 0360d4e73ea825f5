"""What ends `tracker sync` early, and what it does several of at once."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from airtape.backends.cursor import RunKey
from airtape.backends.lease import Lease
from airtape.backends.registry import open_backend
from airtape.sync.report import RunReport, SyncReport
from airtape_cli.render.sync_report import closing_lines, run_lines
from airtape_cli.stopping import stopped_by_signals
from tests.cli.conftest import MakeRun, Tracker
from tests.processes import StartPython

SYNC = """
import signal, sys
from airtape_cli.main import main
from airtape.backends.sqlite import SqliteBackend

commit = SqliteBackend.commit

def slow(self, batch):
    taken = commit(self, batch)
    print("committed", flush=True)
    sys.stdin.readline()
    return taken

SqliteBackend.commit = slow
main(["sync"])
"""


def _records(store: Path) -> int:
    with closing(sqlite3.connect(store)) as db:
        (count,) = db.execute("SELECT sum(records) FROM cursors").fetchone()
    return int(count)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_sync_that_keeps_what_it_has_done(
    tracker: Tracker,
    make_run: MakeRun,
    wandb: Path,
    start_python: StartPython,
    number: signal.Signals,
) -> None:
    """It says so, ends with code 6, and the next sync goes on from there."""
    for run_id in ("aaaa1111", "bbbb2222"):
        make_run(run_id)
    process = start_python(SYNC, cwd=wandb.parent)
    assert process.stdout is not None
    assert process.stdout.readline() == "committed\n"
    process.send_signal(number)
    output, _ = process.communicate("go\n" * 9, timeout=30)
    assert process.returncode == 6
    assert "Stopped: the next sync goes on from here.\n" in output
    assert "Not reached: " in output
    assert "Synced 1 run, 6 records, to sqlite:wandb/tracker.db; 1 not reached.\n" in output
    assert _records(wandb / "tracker.db") == 6
    assert "Synced 1 run, 6 records" in tracker("sync").stdout


def test_a_second_signal_is_not_held_back() -> None:
    """The first asks for the end; then everything is as it was before, so a second one ends it."""
    asked = []
    before = signal.getsignal(signal.SIGINT)
    with stopped_by_signals(lambda: asked.append(1)):
        os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is before
    assert asked == [1]


def test_signals_that_were_ignored_stay_ignored() -> None:
    """As under ``nohup``."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopped_by_signals(lambda: None):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_deadline_that_has_passed(
    tracker: Tracker, tracker_json: Callable[..., Any], make_run: MakeRun
) -> None:
    """Nothing is begun, everything is named, and the code tells."""
    make_run()
    output = tracker("sync", "--deadline", "0", exit_code=6).stdout
    assert "Time ran out: the next sync goes on from here.\n" in output
    assert "Not reached: " in output
    assert tracker_json("sync", "--deadline", "0", exit_code=6)["halted"] == "deadline"
    assert tracker_json("sync", "--deadline", "10m")["halted"] is None


def test_several_runs_at_once(tracker_json: Callable[..., Any], make_run: MakeRun) -> None:
    """``-j`` changes nothing about what arrives and what is said."""
    names = [make_run(f"run{number:05}").name for number in range(4)]
    said = tracker_json("sync", "-j", "3", "--rate", "1G")
    assert [Path(run["path"]).name for run in said["runs"]] == names
    assert said["records"] == 24


@pytest.mark.parametrize("arguments", [("--rate", "fast"), ("--rate", "0"), ("-j", "0")])
def test_wrong_arguments_are_refused(tracker: Tracker, arguments: tuple[str, str]) -> None:
    """With the option that is wrong."""
    assert f"'{arguments[0]}'" in tracker("sync", *arguments, exit_code=2).stderr.replace(
        "'-j' / '--jobs'", "'-j'"
    )


def test_a_run_that_was_cut_short_has_its_own_words() -> None:
    """What was sent and what is left of it."""
    run = RunReport(Path("a"), "pending", records=3, size=2000)
    assert list(run_lines(run, verbose=False, dry_run=False)) == [
        "Not finished: a, 3 records sent, 2.0 kB left"
    ]
    assert list(closing_lines(SyncReport([run], halted="deadline"), "x:y", dry_run=False)) == [
        "Time ran out: the next sync goes on from here.",
        "Synced 0 runs, 3 records, to x:y; 1 not reached.",
    ]


def test_a_run_that_another_sync_holds(
    tracker: Tracker, tracker_json: Callable[..., Any], make_run: MakeRun, wandb: Path
) -> None:
    """It is named, with who holds it; waiting that runs out has a code of its own."""
    make_run()
    backend = open_backend(f"sqlite:{wandb}/tracker.db")
    (run,) = tracker_json("sync", "--dry-run")["runs"]
    key = RunKey(run["run_id"], b"ab12cd34".ljust(16))
    lease = Lease("other", "node17", "boot", 4242, 1, time.time_ns(), 60 * 10**9)
    backend.take_lease(key, lease)
    said = tracker("sync", exit_code=5).stdout
    assert "Held by another sync: wandb/run-20261120_101112-ab12cd34" in said
    assert "  process 4242 on node17 is bringing it\n" in said
    make_run("bbbb2222")
    assert "Synced 1 run, 6 records" in tracker("sync").stdout
    tracker("sync", "--wait", "0", exit_code=5)
    assert "Synced 1 run, 6 records" in tracker("sync", "--no-lease").stdout
    backend.close()
