"""`tracker edit`: changes of what was recorded, as logs of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airtape.query.store import StoreFile
from airtape.rundir import log_files
from tests import logs
from tests.cli.conftest import MakeRun, Tracker

TrackerJson = Callable[..., Any]
NAMES = ("name", "notes", "tags", "project", "group", "job_type")


@pytest.fixture(autouse=True)
def user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who changes the runs."""
    monkeypatch.setenv("LOGNAME", "ada")


def named(said: dict[str, Any]) -> list[Any]:
    """Return what a run is called, in the order of `NAMES`."""
    return [said[name] for name in NAMES]


def synced_names(store: Path) -> list[Any]:
    """Return what the one run of a store is called there."""
    (run,), _ = StoreFile(store).find()
    return [getattr(run.overview, name) for name in NAMES]


def test_what_a_run_is_called_is_changed(
    tracker: Tracker, tracker_json: TrackerJson, make_run: MakeRun
) -> None:
    """By a log beside the others; those stay as they are."""
    run_dir = make_run("ab12cd34", logs.describe(tags=["a", "b"]), logs.ended())
    before = {path: path.read_bytes() for path in log_files(run_dir)}
    result = tracker(
        *("edit", "likely-lion-9", "--name", "baseline", "--notes", "as in\nthe paper"),
        *("--project", "vision", "--group", "first", "--job-type", "train"),
        *("--add-tag", "final", "--remove-tag", "a"),
    )
    assert result.stdout == (
        "Changed: likely-lion-9 (me/digits/ab12cd34): name baseline, notes as in the paper, group"
        " first, job_type train, project vision, tags b final\n"
    )
    assert all(path.read_bytes() == content for path, content in before.items())
    said = tracker_json("show", "me/vision/ab12cd34")
    assert named(said) == [
        *("baseline", "as in\nthe paper", ["b", "final"], "vision", "first", "train"),
    ]
    assert (said["state"], said["rows"]) == ("finished", 3)


def test_texts_and_tags_are_taken_away(
    tracker: Tracker, tracker_json: TrackerJson, make_run: MakeRun
) -> None:
    """An empty text does it."""
    make_run("ab12cd34", logs.describe(tags=["a"], notes="x", group="g", job_type="j"))
    empty = [
        word
        for name in ("name", "notes", "tags", "group", "job-type")
        for word in (f"--{name}", "")
    ]
    assert "name taken away, notes taken away" in tracker("edit", "ab12cd34", *empty).stdout
    assert named(tracker_json("show", "ab12cd34")) == [None, None, [], "digits", None, None]


def test_the_last_change_counts(
    tracker: Tracker, tracker_json: TrackerJson, make_run: MakeRun
) -> None:
    """Each has read those before it."""
    make_run()
    for name in ("zebra", "ant", "mule"):
        tracker("edit", "ab12cd34", "--name", name)
        assert tracker_json("show", "ab12cd34")["name"] == name


def test_who_changed_what_and_when_is_shown(
    tracker: Tracker, tracker_json: TrackerJson, make_run: MakeRun
) -> None:
    """`show` lists the changes, and `log-dump` has their records."""
    run_dir = make_run()
    tracker("edit", "ab12cd34", "--name", "baseline", "--tags", "a,b")
    shown = tracker("show", "ab12cd34").stdout
    assert "Edits" in shown
    assert "ada on " in shown
    assert "name baseline, tags a b" in shown
    (edit,) = tracker_json("show", "ab12cd34")["edits"]
    assert (edit["by"], edit["run"]) == ("ada", {"name": "baseline", "tags": ["a", "b"]})
    assert edit["time"].startswith("20")
    dumped = tracker("log-dump", str(run_dir)).stdout
    assert '"role":"amend"' in dumped.replace(" ", "")
    assert '"by":"ada"' in dumped.replace(" ", "")


def test_several_runs_are_changed_at_once(
    tracker: Tracker, tracker_json: TrackerJson, make_run: MakeRun
) -> None:
    """But not to one name; and nothing is written where all is so already."""
    run_dirs = [make_run(), make_run("other", name="fond-fern-2")]
    tracker("edit", "ab12cd34", "other", "-p", "vision")
    assert {run["project"] for run in tracker_json("ls")["runs"]} == {"vision"}
    assert "same name" in tracker("edit", "ab12cd34", "other", "--name", "x", exit_code=2).stderr
    result = tracker("edit", "ab12cd34", "other", "-p", "vision", "--remove-tag", "none")
    assert result.stdout.count("Nothing to change") == 2
    assert [len(log_files(run_dir)) for run_dir in run_dirs] == [2, 2]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--project", ""),
        ("--project", "a/b"),
        ("--add-tag", ""),
        ("--tags", "x" * 80),
        ("--name", "\udcff"),
    ],
)
def test_what_cannot_be_is_refused(
    tracker: Tracker, make_run: MakeRun, arguments: tuple[str, ...]
) -> None:
    """Before anything is written."""
    run_dir = make_run()
    assert tracker("edit", "ab12cd34", *arguments, exit_code=2).stderr
    assert len(log_files(run_dir)) == 1


@pytest.mark.parametrize("first", [True, False])
def test_a_change_comes_with_the_next_sync(
    tracker: Tracker,
    make_run: MakeRun,
    wandb: Path,
    first: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Whether it was made before the run was synced or after, to each target."""
    make_run()
    if first:
        tracker("sync")
        tracker("sync", "--to", "sqlite:other.db")
        assert "Nothing new" in tracker("sync", "-v").stdout
    tracker("edit", "ab12cd34", "--name", "baseline", "--project", "vision", "--add-tag", "x")
    assert "3 records" in tracker("status").stdout or not first
    for store, target in (
        (wandb / "tracker.db", ()),
        (Path("other.db"), ("--to", "sqlite:other.db")),
    ):
        assert "Synced 1 run" in tracker("sync", *target).stdout
        assert synced_names(store) == ["baseline", None, ("x",), "vision", None, None]
        assert "Nothing new" in tracker("sync", "-v", *target).stdout


def test_a_change_aside_is_one_more_directory_of_the_run(
    tracker: Tracker, tracker_json: TrackerJson, make_run: MakeRun, wandb: Path, workdir: Path
) -> None:
    """All commands find it, also where the run itself stands elsewhere, as in a mirror."""
    mirror = workdir / "mirror"
    mirror.mkdir()
    run_dir = make_run()
    run_dir = run_dir.rename(mirror / run_dir.name)
    for tag in ("x", "y"):
        result = tracker("edit", str(run_dir), "--add-tag", tag, "--aside", ".")
        assert result.stdout.endswith(f"  in wandb/{run_dir.name}\n")
    assert len(log_files(run_dir)) == 1
    assert tracker_json("show", str(run_dir))["tags"] == ["x", "y"]
    assert [run["tags"] for run in tracker_json("ls", str(mirror))["runs"]] == [["x", "y"]]
    assert "12 records" in tracker("status", str(mirror)).stdout
    assert "Synced 2 runs, 12 records" in tracker("sync", str(mirror)).stdout
    assert synced_names(wandb / "tracker.db")[2] == ("x", "y")
    assert "Nothing new" in tracker("sync", "-v", str(mirror), "--filter", "tags=y").stdout
    tracker("verify", str(mirror), "--against", "sqlite:wandb/tracker.db")
    assert "stays" not in tracker("rebuild", "sqlite:wandb/tracker.db", str(mirror)).stdout


def test_a_change_aside_stands_beside_other_directories(
    tracker: Tracker, tracker_json: TrackerJson, make_run: MakeRun, wandb: Path
) -> None:
    """In the same folder it has a number, as a second run of the same second has."""
    run_dir = make_run()
    make_run("ab12cd34-1", name="other")
    tracker("edit", str(run_dir), "--name", "baseline", "--aside", str(wandb))
    assert (wandb / f"{run_dir.name}-2").is_dir()
    runs = {run["id"]: run["name"] for run in tracker_json("ls")["runs"]}
    assert runs == {"ab12cd34": "baseline", "ab12cd34-1": "other"}
    (wandb / "file").touch()
    result = tracker(
        "edit", str(run_dir), "--name", "x", "--aside", str(wandb / "file/wandb"), exit_code=4
    )
    assert "cannot be changed" in result.stderr
    assert sorted(path.name for path in wandb.iterdir() if path.name.startswith(".")) == []


def test_a_run_whose_logs_are_gone_cannot_be_changed(tracker: Tracker, make_run: MakeRun) -> None:
    """It is named, and nothing is written."""
    (make_run() / "run-ab12cd34.txlog").unlink()
    assert tracker("edit", "wandb/run-20261120_101112-ab12cd34", "--name", "x", exit_code=3).stderr


def test_a_deleted_run_stays_deleted_under_its_old_path(
    tracker: Tracker, make_run: MakeRun, workdir: Path
) -> None:
    """A copy that was made before the change names another project; changes alone name none."""
    run_dir = make_run()
    shutil.copytree(run_dir, workdir / "copies" / run_dir.name)
    tracker("edit", "ab12cd34", "-p", "vision")
    tracker("edit", "ab12cd34", "-p", "speech", "--aside", "aside")
    tracker("delete", "ab12cd34", "--yes")
    for place in ("copies", "aside"):
        assert "Left out: " in tracker("sync", place).stdout
