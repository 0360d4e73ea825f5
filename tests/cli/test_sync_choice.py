"""Choosing and renaming runs with `tracker sync`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import logs
from tests.cli.conftest import MakeRun, Tracker

TrackerJson = Callable[..., Any]
HOUR = 3600


@pytest.fixture
def runs(make_run: MakeRun) -> dict[str, Path]:
    """Three runs that have ended, the first an hour ago, the second half an hour, the last now."""
    found = {}
    for run_id, code, age in (("aaaa1111", 0, HOUR), ("bbbb2222", 1, HOUR / 2), ("cccc3333", 0, 0)):
        said = [logs.describe(tags=["draft", run_id]), logs.ended(code)]
        found[run_id] = make_run(run_id, *said, name=run_id)
        for path in (*found[run_id].iterdir(), found[run_id]):
            os.utime(path, (time.time() - age,) * 2)
    return found


def chosen(said: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Return the ids of the runs in a report."""
    return [run["run_id"] for run in said["runs"]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--filter", "state=finished"], ["aaaa1111", "cccc3333"]),
        (["--filter", "state=finished", "--filter", "tags=cccc3333"], ["cccc3333"]),
        (["--filter", "project=digits", "--filter", "group=none"], []),
        (["--older-than", "20m"], ["aaaa1111", "bbbb2222"]),
        (["--older-than", "20m", "--changed-since", "45m"], ["bbbb2222"]),
        (["--changed-since", "2026-01-01"], ["aaaa1111", "bbbb2222", "cccc3333"]),
        (["--exclude", "*-bbbb2222", "--exclude", "wandb/*c3*"], ["aaaa1111"]),
        (["--exclude", "wandb/*", "--filter", "state=finished"], []),
    ],
)
@pytest.mark.usefixtures("runs")
def test_only_what_is_chosen_is_synced(
    tracker_json: TrackerJson, arguments: list[str], expected: list[str]
) -> None:
    """By what a run is, how long it has been at rest, and where it is."""
    assert chosen(tracker_json("sync", *arguments)) == expected


@pytest.mark.parametrize(
    "arguments",
    [("--changed-since", "soon"), ("--older-than", "x"), ("--filter", "state="), ("--limit", "0")],
)
def test_what_cannot_be_understood_is_refused(tracker: Tracker, arguments: tuple[str, str]) -> None:
    """Before anything is sent."""
    assert tracker("sync", *arguments, exit_code=2).stderr


def test_a_directory_that_cannot_be_looked_at_is_left_to_the_sync(
    tracker: Tracker, runs: dict[str, Path]
) -> None:
    """A run directory without a log has no age; it is named and passed over."""
    (runs["bbbb2222"] / "run-bbbb2222.txlog").unlink()
    result = tracker("sync", "--older-than", "0")
    assert "Synced 2 runs" in result.stdout
    assert "bbbb2222 is passed over: no transaction log" in result.stderr


@pytest.mark.usefixtures("runs")
def test_a_limit(tracker: Tracker) -> None:
    """The oldest runs come first, the others with the next sync; nothing is wrong with that."""
    assert "Synced 2 runs, 14 records, to sqlite:wandb/tracker.db; 1 not reached.\n" in (
        tracker("sync", "--limit", "2").stdout
    )
    assert "Synced 1 run, 7 records" in tracker("sync", "--limit", "2").stdout


@pytest.mark.usefixtures("runs")
def test_a_dry_run_keeps_to_the_limit(tracker: Tracker) -> None:
    """It says which runs would be sent, and which only the next time."""
    said = tracker("sync", "--limit", "2", "--dry-run").stdout
    assert said.count("Would sync: ") == 2
    assert "Not reached: wandb/run-20261120_101112-cccc3333" in said
    assert "Would sync 2 runs to sqlite:wandb/tracker.db; 1 not reached.\n" in said


def test_runs_that_were_synced_are_looked_at_again(tracker: Tracker, runs: dict[str, Path]) -> None:
    """With ``--include-synced`` also a log that looks as it did."""
    tracker("sync", "--filter", "id=aaaa1111")
    log = runs["aaaa1111"] / "run-aaaa1111.txlog"
    status, content = log.stat(), bytearray(log.read_bytes())
    content[content.index(b"digits")] ^= 1
    log.write_bytes(content)
    os.utime(log, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert "Nothing new" in tracker("sync", "-v", "--filter", "id=aaaa1111").stdout
    assert "Nothing new" in tracker("sync", "-v", "--include-synced").stdout


def test_runs_are_renamed(
    tracker: Tracker, tracker_json: TrackerJson, runs: dict[str, Path], workdir: Path
) -> None:
    """By options for all of them, and by a file for some; the store says the new names."""
    names = {"bbbb2222": {"id": "better", "project": "own"}}
    (workdir / "names.json").write_text(json.dumps(names))
    options = ["-p", "vision", "-e", "us", "--job-type", "train", "--map", "names.json"]
    said = tracker_json("sync", *options, "--replace-tags", "draft=final,x=y")
    assert [(run["run_id"], run["entity"], run["project"]) for run in said["runs"]] == [
        ("aaaa1111", "us", "vision"),
        ("better", "us", "own"),
        ("cccc3333", "us", "vision"),
    ]
    tracker("sync", str(runs["aaaa1111"]), "--id", "single")


@pytest.mark.usefixtures("runs")
def test_two_runs_do_not_get_one_id(tracker: Tracker, workdir: Path) -> None:
    """``--id`` is for a single run, and a file must not make two runs one either."""
    result = tracker("sync", "--id", "same", exit_code=2)
    assert "aaaa1111 and bbbb2222 would both become same" in result.stderr
    (workdir / "names.json").write_text(json.dumps({"aaaa1111": {"id": "bbbb2222"}}))
    result = tracker("sync", "--map", "names.json", exit_code=2)
    assert "would both become bbbb2222" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--replace-tags", "draft"),
        ("--replace-tags", "a="),
        ("--id", "a/b"),
        ("-p", "a/b"),
        ("-e", "a/b"),
        ("--map", "nowhere.json"),
    ],
)
@pytest.mark.usefixtures("runs")
def test_names_that_do_not_work_are_refused(
    tracker: Tracker, wandb: Path, arguments: tuple[str, str]
) -> None:
    """Before anything is sent."""
    assert "Error: " in tracker("sync", *arguments, exit_code=2).stderr
    assert not (wandb / "tracker.db").exists()
