"""`tracker rebuild`, and `tracker sync --again`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from airtape.backends.memory import MemoryBackend
from tests import logs
from tests.cli.conftest import MakeRun, Tracker

STORE = "sqlite:wandb/tracker.db"


def _change(store: Path) -> None:
    with closing(sqlite3.connect(store)) as db, db:
        db.execute("DELETE FROM points")


def _values(store: Path) -> int:
    with closing(sqlite3.connect(store)) as db:
        (count,) = db.execute("SELECT count(*) FROM history").fetchone()
    return int(count)


def test_a_store_is_made_anew(tracker: Tracker, make_run: MakeRun, wandb: Path) -> None:
    """From the runs of ./wandb; the old one is kept, and it is said where."""
    make_run()
    tracker("sync")
    _change(wandb / "tracker.db")
    assert "Nothing new" in tracker("sync", "-v").stdout
    assert tracker("rebuild", STORE).stdout.splitlines()[-2:] == [
        "Synced 1 run, 6 records, to a new sqlite:wandb/tracker.db.",
        f"Rebuilt sqlite:wandb/tracker.db; the old one is kept as {wandb}/tracker.db.old.",
    ]
    assert (_values(wandb / "tracker.db"), _values(wandb / "tracker.db.old")) == (6, 0)
    assert "Nothing new" in tracker("sync", "-v").stdout


def test_one_that_is_damaged_is_made_anew(
    tracker: Tracker, make_run: MakeRun, wandb: Path, workdir: Path
) -> None:
    """No other command can open it; it is called by its name here."""
    make_run()
    (wandb / "settings").write_text("[targets]\nlab = sqlite:wandb/tracker.db\n")
    (wandb / "tracker.db").write_text("no database")
    result = tracker("rebuild", "lab", str(workdir))
    assert "What the old target had is not known: the store is no SQLite database" in result.stdout
    assert "Rebuilt sqlite:wandb/tracker.db" in result.stdout
    assert _values(wandb / "tracker.db") == 6


def test_a_target_that_has_more_stays(
    tracker: Tracker,
    tracker_json: Callable[..., Any],
    make_run: MakeRun,
    wandb: Path,
    workdir: Path,
) -> None:
    """What no log here has is named, and what to do about it."""
    make_run()
    for number in range(12):
        far = logs.run_dir_of(workdir / "far", f"far{number:02}")
        logs.write_log(far, logs.ended(), run_id=f"far{number:02}", writer=bytes([number] * 16))
    tracker("sync", "wandb", "far")
    result = tracker("rebuild", STORE, exit_code=3)
    assert "Not in the logs: run far00\n" in result.stdout
    assert (
        "Not in the logs: and 2 more\nsqlite:wandb/tracker.db stays as it was.\n" in result.stdout
    )
    assert "let them go with --force" in result.stderr
    said = tracker_json("rebuild", STORE, exit_code=3)
    assert (said["swapped"], len(said["missing"]), said["exit_code"]) == (False, 12, 3)
    assert not (wandb / "tracker.db.old").exists()
    assert tracker_json("rebuild", STORE, "--force")["kept"] == str(wandb / "tracker.db.old")


def test_a_target_that_is_not_there_is_made(tracker: Tracker, make_run: MakeRun) -> None:
    """Nothing is kept then."""
    make_run()
    assert tracker("rebuild", "jsonl:export").stdout.endswith("Rebuilt jsonl:export.\n")


def test_without_runs_nothing_is_made_anew(tracker: Tracker, wandb: Path) -> None:
    """Neither from an empty folder nor from one that is not there."""
    for place in (str(wandb), "nowhere"):
        assert "there are no runs" in tracker("rebuild", STORE, place, exit_code=2).stderr
    assert list(wandb.iterdir()) == []


def test_a_target_of_another_kind_is_made_anew_in_its_place(
    tracker: Tracker, make_run: MakeRun
) -> None:
    """It is said of what it is, for there is no other."""
    make_run()
    assert tracker("rebuild", "memory:rebuilt").stdout.splitlines()[-2:] == [
        "Synced 1 run, 6 records, to memory:rebuilt.",
        "Rebuilt memory:rebuilt.",
    ]
    MemoryBackend.forget("rebuilt")


def test_runs_are_sent_anew(tracker: Tracker, make_run: MakeRun, wandb: Path) -> None:
    """The run that is meant, by its name, its id or its path, in place of what was there of it."""
    make_run()
    make_run("other", name="fond-fern-2")
    tracker("sync")
    for said in ("likely-lion-9", "ab12cd34", "me/digits/ab12cd34"):
        _change(wandb / "tracker.db")
        assert "Nothing new" in tracker("sync", "-v", said).stdout
        assert "Synced 1 run, 6 records" in tracker("sync", "--again", said).stdout
        assert _values(wandb / "tracker.db") == 6
    assert "Synced 2 runs, 12 records" in tracker("sync", "--again").stdout
    assert "nothing at this path" in tracker("sync", "--again", "unlikely", exit_code=2).stderr
    assert "--again" in tracker("sync", "--again", "--follow", exit_code=2).stderr


def test_a_run_in_several_directories_is_sent_as_a_whole(
    tracker: Tracker, make_run: MakeRun, wandb: Path
) -> None:
    """Named by its id, it is all of its directories; by one of them, that one."""
    first = make_run("ab12cd34", logs.ended(1), root=b"r" * 16)
    second = logs.run_dir_of(wandb, "ab12cd34", "20261121_000000")
    logs.write_log(second, logs.ended(), writer=b"2" * 16, root=b"r" * 16)
    assert "Synced 2 runs, 8 records" in tracker("sync", "ab12cd34").stdout
    assert "Synced 1 run, 6 records" in tracker("sync", "--again", str(first)).stdout
