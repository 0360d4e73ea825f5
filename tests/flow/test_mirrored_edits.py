"""Changes that are made in a copy which `rsync --delete` makes again and again."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airtape.process import this_process
from tests.cli.conftest import Tracker, tracker, tracker_json
from tests.logs import describe, ended, log_row, run_dir_of, write_log

__all__ = ["tracker", "tracker_json"]

RUN, STORE = "ab12cd34", "sqlite:lab.db"
TrackerJson = Callable[..., Any]


@pytest.fixture
def cluster(workdir: Path) -> Path:
    """A folder of runs that were recorded on another machine."""
    folder = workdir / "cluster/wandb"
    rows = [log_row(step, loss=1 / (step + 1)) for step in range(3)]
    said = describe(name="likely-lion-9", project="digits")
    write_log(run_dir_of(folder), said, *rows, ended(), run_id=RUN, host="node7")
    return folder


@pytest.fixture
def gateway(workdir: Path, cluster: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in the working directory."""
    folder = workdir / "gateway/wandb"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder.parent)
    _mirror(cluster, folder)
    return folder


def _mirror(source: Path, copy: Path) -> None:
    if shutil.which("rsync") is None:
        pytest.skip("there is no rsync")
    command = ["rsync", "-a", "--delete", f"{source}/", f"{copy}/"]
    subprocess.run(command, check=True, timeout=60)


def _logs(folder: Path) -> int:
    return len(list(folder.glob("run-*/*.txlog")))


def test_a_change_that_was_not_synced_outlives_the_next_copy(
    tracker: Tracker, tracker_json: TrackerJson, cluster: Path, gateway: Path
) -> None:
    """It is kept a second time, which is said, and no command misses it."""
    stdout = tracker("edit", RUN, "--name", "first").stdout
    assert "as this seems to be a copy from node7" in stdout
    assert _logs(gateway) == 2
    _mirror(cluster, gateway)
    assert _logs(gateway) == 1
    (run_dir,) = map(str, gateway.glob("run-*"))
    for said in (RUN, "first", run_dir):
        assert tracker_json("show", said)["name"] == "first"
    assert [run["name"] for run in tracker_json("ls")["runs"]] == ["first"]
    assert tracker_json("sync", "--to", STORE)["records"] == 9
    tracker("verify", str(gateway), "--against", STORE)
    assert tracker_json("status", "--to", STORE)["targets"][0]["waiting"] == []


def test_changes_come_one_after_the_other(
    tracker: Tracker, tracker_json: TrackerJson, cluster: Path, gateway: Path
) -> None:
    """Copied over or not, synced or not; each counts over those before it, and none comes twice."""
    for number in range(4):
        tracker("edit", RUN, "--name", f"name {number}", "--add-tag", str(number))
        if number % 2:
            _mirror(cluster, gateway)
        if number > 1:
            tracker("sync", "--to", STORE)
    assert tracker_json("sync", "--to", STORE, "--check")["records"] == 0
    _mirror(cluster, gateway)
    run = tracker_json("show", RUN)
    assert (run["name"], run["tags"]) == ("name 3", ["0", "1", "2", "3"])
    assert tracker_json("sync", "--to", STORE, "--check")["records"] == 0
    tracker("verify", str(gateway), "--against", STORE)
    assert "stays" not in tracker("rebuild", STORE, str(gateway)).stdout


def test_a_copy_that_is_cleaned_is_one_run(
    tracker: Tracker, tracker_json: TrackerJson, cluster: Path, gateway: Path
) -> None:
    """What is left of it has the change; and should it be copied once more, it counts again."""
    tracker("edit", RUN, "--name", "first")
    tracker("sync", "--to", STORE)
    tracker("clean", "--to", STORE, "--yes")
    assert _logs(gateway) == 0
    assert tracker_json("show", RUN)["name"] == "first"
    assert [run["name"] for run in tracker_json("ls")["runs"]] == ["first"]
    _mirror(cluster, gateway)
    assert tracker_json("show", RUN)["name"] == "first"
    assert tracker_json("sync", "--to", STORE)["records"] == 0


def test_a_run_that_was_recorded_here_is_no_copy(
    tracker: Tracker, cluster: Path, gateway: Path
) -> None:
    """Its changes stand in one place, and go with it."""
    shutil.rmtree(next(cluster.glob("run-*")))
    host = this_process().host
    write_log(run_dir_of(cluster), describe(name="x"), ended(), run_id=RUN, host=host)
    _mirror(cluster, gateway)
    stdout = tracker("edit", RUN, "--name", "first").stdout
    assert "copy" not in stdout
    _mirror(cluster, gateway)
    assert "first" not in tracker("ls").stdout


def test_a_disk_that_is_shared_holds_no_copy(
    tracker: Tracker, gateway: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compute nodes record there; a change is made on any other machine."""
    monkeypatch.setattr("airtape.query.amendments.network_type", lambda _: "nfs4")
    assert "copy" not in tracker("edit", RUN, "--name", "first").stdout
    assert _logs(gateway) == 2


def test_without_a_home_it_is_said_that_the_change_goes(
    tracker: Tracker, gateway: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the next copy."""
    monkeypatch.delenv("HOME")
    assert "should it be made again" in tracker("edit", RUN, "--name", "first").stderr
    assert _logs(gateway) == 2
