"""`tracker verify --against`: comparing a target with the logs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from airtape.backends.cursor import RunKey
from airtape.backends.tally import Tally
from airtape.records import Kind
from airtape.sync.compare import Comparison
from airtape.sync.receipt import Receipt
from airtape_cli.render.comparison import comparison_lines
from tests import logs
from tests.cli.conftest import MakeRun, Tracker

STORE = "sqlite:wandb/tracker.db"


def test_a_target_that_holds_everything(
    tracker: Tracker, tracker_json: Callable[..., Any], make_run: MakeRun
) -> None:
    """Its receipt is shown, and the code is 0; JSON says the same as the sync did."""
    run_dir = make_run()
    synced = tracker_json("sync")
    digest = synced["runs"][0]["receipt"]["digest"]
    size = (run_dir / "run-ab12cd34.txlog").stat().st_size
    assert tracker("verify", "--against", STORE).stdout == (
        f"Equal: wandb/{run_dir.name}, 6 records, {size} B, digest {digest}\n"
        f"{STORE} holds exactly what the logs of 1 run say.\n"
    )
    said = tracker_json("verify", "--against", STORE)
    assert (said["exit_code"], said["target"], said["problems"], said["not_found"]) == (
        0,
        STORE,
        [],
        [],
    )
    (run,) = said["runs"]
    assert run["receipt"] == synced["runs"][0]["receipt"]
    assert (run["verdict"], run["directories"]) == ("equal", [f"wandb/{run_dir.name}"])


def test_the_order_of_names_in_a_record_means_nothing(tracker: Tracker, make_run: MakeRun) -> None:
    """A store may hand out a map of measurements, and output, in another one than it stands in."""
    output = (Kind.CONSOLE, ["stdout", b"\xff\n", 3])
    make_run("ab12cd34", logs.system(**{"system.b": 1, "system.a": 2}), output, logs.ended(0))
    tracker("sync")
    assert "Equal: " in tracker("verify", "--against", STORE).stdout


def test_a_target_that_lacks_something(tracker: Tracker, make_run: MakeRun, wandb: Path) -> None:
    """What is missing, what is wrong and what cannot be read has code 3, and its own words."""
    make_run("aaaa1111")
    tracker("sync")
    with closing(sqlite3.connect(wandb / "tracker.db")) as db, db:
        db.execute("UPDATE points SET value = 7 WHERE value = 0.5")
    make_run("bbbb2222")
    logs.run_dir_of(wandb, "nolog").mkdir()
    foreign = logs.run_dir_of(wandb, "foreign")
    logs.write_log(foreign, run_id="foreign").write_text("just some text")
    output = tracker("verify", "--against", STORE, exit_code=3).stdout
    assert "  step 1, loss: 0.5 (record 3) in the log, 7 (record 3) in the target\n" in output
    assert "Absent: wandb/run-20261120_101112-bbbb2222\n  6 records of the logs not in" in output
    assert (
        "Unreadable: wandb/run-20261120_101112-foreign\n  run-foreign.txlog: this is no" in output
    )
    assert "Unreadable: wandb/run-20261120_101112-nolog\n  no transaction log" in output
    assert output.endswith(f"0 runs equal in {STORE}, 4 not.\n")


def test_a_path_or_a_target_that_is_not_there(tracker: Tracker, make_run: MakeRun) -> None:
    """The code tells which of them."""
    make_run()
    assert "nowhere" in tracker("verify", "nowhere", "--against", STORE, exit_code=2).stderr
    target = "sqlite:no/such/store.db"
    assert "folder does not exist" in tracker("verify", "--against", target, exit_code=4).stderr


def test_a_folder_without_runs(tracker: Tracker, wandb: Path) -> None:
    """There is nothing to compare, and nothing is made."""
    assert "of 0 runs" in tracker("verify", "--against", STORE).stdout
    assert list(wandb.iterdir()) == []


def test_what_there_is_to_say_of_a_run() -> None:
    """Gaps, records that are missing, and differences that are only counted."""
    receipt = Receipt(7, None, 2)
    run = RunKey("a", b"a")
    one = Comparison(run, [Path("a"), Path("b")], "different", 1, 0, 3, ["first"], receipt)
    assert list(comparison_lines(one)) == [
        "Different: a, b, 7 records, 2 gaps",
        "  1 record of the logs not in the target",
        "  first",
        "  2 more differences",
    ]
    one = Comparison(run, [Path("a")], receipt=Receipt(1, Tally(10, 1)))
    assert list(comparison_lines(one)) == [f"Equal: a, 1 record, 10 B, digest {1:032x}"]
