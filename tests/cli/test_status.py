"""`tracker status`: what targets do not have yet."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airtape_cli.render.text import size_text
from tests import logs
from tests.cli.conftest import MakeRun, Tracker


def _without_ages(text: str) -> str:
    return re.sub(r"\d+ (s|min|h|days?)\b", "AGE", text)


def test_what_waits_is_listed(tracker: Tracker, make_run: MakeRun, wandb: Path) -> None:
    """How much of each run, since when; nothing is made, and nothing is left after a sync."""
    first, second = make_run("aaaa1111"), make_run("bbbb2222", name="")
    size = (first / "run-aaaa1111.txlog").stat().st_size
    other = (second / "run-bbbb2222.txlog").stat().st_size
    assert _without_ages(tracker("status").stdout) == (
        "sqlite:wandb/tracker.db lacks something of 2 of 2 runs, 12 records, "
        f"{size_text(size + other)}, for AGE:\n"
        f"  wandb/{first.name} (likely-lion-9), 6 records, {size} B, for AGE\n"
        f"  wandb/{second.name}, 6 records, {other} B, for AGE\n"
    )
    assert sorted(path.name for path in wandb.iterdir()) == [first.name, second.name]
    tracker("sync")
    assert _without_ages(tracker("status").stdout) == (
        "sqlite:wandb/tracker.db has everything of 2 runs.\n  last sync AGE ago\n"
    )


def test_each_target_has_its_own(tracker: Tracker, make_run: MakeRun, workdir: Path) -> None:
    """Several are listed one after the other."""
    run_dir = make_run()
    targets = [f"sqlite:{workdir}/{name}.db" for name in "ab"]
    tracker("sync", "--to", targets[0])
    output = tracker("status", "--to", targets[0], "--to", targets[1]).stdout
    assert f"{targets[0]} has everything of 1 run.\n" in output
    assert f"{targets[1]} lacks something of 1 of 1 runs, 6 records" in output
    assert output.count(run_dir.name) == 1


def test_what_went_wrong_last_is_told(
    tracker: Tracker, tracker_json: Callable[..., Any], make_run: MakeRun, wandb: Path
) -> None:
    """The target's own error, or the first of the runs; and when it last went well."""
    make_run("aaaa1111")
    tracker("sync")
    good = tracker_json("status")["targets"][0]["last_good_sync"]
    for run_id in ("bbbb2222", "cccc3333"):
        logs.write_log(logs.run_dir_of(wandb, run_id), run_id=run_id).write_text("just some text")
    tracker("sync", exit_code=3)
    (said,) = tracker_json("status")["targets"]
    name = logs.run_dir_of(wandb, "bbbb2222").name
    assert said["last_error"].startswith(f"wandb/{name}: this is no transaction log")
    assert said["last_error"].endswith("; and 1 more")
    assert said["last_good_sync"] == good
    assert [one["records"] for one in said["waiting"]] == [0, 0]
    output = tracker("status").stdout
    assert output.startswith(
        "sqlite:wandb/tracker.db has everything of 1 run; 2 cannot be read:\n"
        f"  wandb/{name}\n    run-bbbb2222.txlog: this is no transaction log\n"
    )
    assert "  last sync " in output
    (wandb / "store.db").mkdir()
    tracker("sync", "--to", "sqlite:wandb/store.db", exit_code=4)
    (wandb / "store.db").rmdir()
    (said,) = tracker_json("status", "--to", "sqlite:wandb/store.db")["targets"]
    assert said["last_error"].startswith("the store is a directory")
    assert said["last_good_sync"] is None


def test_a_target_that_does_not_answer(tracker: Tracker, make_run: MakeRun) -> None:
    """The code tells."""
    make_run()
    result = tracker("status", "--to", "sqlite:no/such/store.db", exit_code=4)
    assert "the store's folder does not exist" in result.stderr


def test_paths(tracker: Tracker, make_run: MakeRun, wandb: Path) -> None:
    """Only what is named is looked at; what is not there or is no run is told."""
    first, _ = make_run("aaaa1111"), make_run("bbbb2222")
    (wandb / "run-20261120_101112-nolog").mkdir()
    result = tracker("status", f"wandb/{first.name}")
    assert "of 1 of 1 runs" in result.stdout
    result = tracker("status", "wandb", "nowhere", exit_code=2)
    assert "2 of 2 runs" in result.stdout
    assert "nolog: no transaction log" in result.stderr
    assert "nowhere" in result.stderr


def test_without_runs_and_without_a_home(
    tracker: Tracker, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to say, and nobody remembers a sync."""
    assert tracker("status").stdout == "sqlite:wandb/tracker.db has everything of 0 runs.\n"
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    make_run()
    tracker("sync")
    assert tracker("status").stdout == "sqlite:wandb/tracker.db has everything of 1 run.\n"


@pytest.mark.parametrize("command", [["ls"], ["ls", "--json"], ["status"], ["gc", "--dry-run"]])
def test_what_cannot_be_looked_into_is_no_success(
    tracker: Tracker, make_run: MakeRun, wandb: Path, command: list[str]
) -> None:
    """The rest is said all the same; a directory that may just be in the making is no failure."""
    make_run()
    tracker(*command, "wandb")
    (wandb / "run-20261120_101112-nolog").mkdir()
    tracker(*command, "wandb")
    notes = wandb / "notes.txt"
    notes.write_text("no run", "utf-8")
    result = tracker(*command, "wandb", str(notes), exit_code=3)
    assert "notes.txt" in result.output
    assert result.stdout
