"""Runs of several directories: one line, one overview, one history."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import logs
from tests.cli.conftest import Tracker

FIRST, SECOND, STRANGER = b"1" * 16, b"2" * 16, b"3" * 16
MINUTE_NS = 60 * 10**9


@pytest.fixture
def requeued(wandb: Path) -> list[Path]:
    """A run that was killed at step 2 and resumed in a second directory up to step 4."""
    first = logs.run_dir_of(wandb, "ab12cd34", "20261120_101112")
    second = logs.run_dir_of(wandb, "ab12cd34", "20261120_111112")
    named = logs.describe(name="likely-lion-9", entity="me", project="digits")
    logs.write_log(
        first,
        named,
        *(logs.log_row(step, loss=9.0 - step) for step in range(3)),
        writer=FIRST,
        root=FIRST,
    )
    logs.write_log(
        second,
        named,
        *(logs.log_row(step, loss=9.0 - step) for step in range(3, 5)),
        logs.ended(0),
        writer=SECOND,
        root=FIRST,
        parents=[(FIRST, 4)],
        start_step=3,
        resumed=True,
        began_ns=logs.BEGAN_NS + 60 * MINUTE_NS,
    )
    for run_dir, name in ((first, "old.txt"), (second, "new.txt")):
        (run_dir / "files").mkdir()
        (run_dir / "files" / name).write_text("x")
        (run_dir / "files/both.txt").write_text(name)
    return [first, second]


@pytest.fixture
def stranger(wandb: Path) -> Path:
    """A run that took the id of another one without resuming it."""
    run_dir = logs.run_dir_of(wandb, "ab12cd34", "20261119_000000")
    named = logs.describe(name="other", entity="me", project="digits")
    began_ns = logs.BEGAN_NS - 1000 * MINUTE_NS
    logs.write_log(run_dir, named, logs.ended(1), writer=STRANGER, began_ns=began_ns)
    return run_dir


def test_a_run_of_several_directories_is_one_line(
    tracker_json: Callable[..., Any], requeued: list[Path]
) -> None:
    """Its state comes from the newest primary writer, its rows from all."""
    said = tracker_json("ls")
    (run,) = said["runs"]
    assert said["total"] == 1
    assert (run["state"], run["last_step"], run["rows"]) == ("finished", 4, 5)
    assert run["directories"] == [f"wandb/{path.name}" for path in requeued]
    assert run["directory"] == run["directories"][-1]


def test_a_directory_that_was_renamed_belongs_to_its_run(
    tracker_json: Callable[..., Any], requeued: list[Path]
) -> None:
    """Where the name does not tell the id, the log does."""
    requeued[0].rename(requeued[0].with_name("run-by-hand"))
    (run,) = tracker_json("ls")["runs"]
    assert run["rows"] == 5


def test_ranks_that_began_in_one_second_are_one_line(
    tracker_json: Callable[..., Any], wandb: Path
) -> None:
    """Directories whose names got a number behind the id are looked up with the others."""
    for rank in range(3):
        run_dir = logs.run_dir_of(wandb, f"ab12cd34-{rank}" if rank else "ab12cd34")
        role = "shared" if rank else "primary"
        writer = bytes([rank + 1]) * 16
        logs.write_log(
            run_dir, logs.ended(), run_id="ab12cd34", writer=writer, root=b"r" * 16, role=role
        )
    (run,) = tracker_json("ls")["runs"]
    assert len(run["directories"]) == 3


def test_runs_with_numbers_in_their_ids_stay_apart(
    tracker_json: Callable[..., Any], wandb: Path
) -> None:
    """A number behind an id may be part of another run's id."""
    for number, run_id in enumerate(("exp", "exp-1", "exp-2")):
        writer = bytes([number + 1]) * 16
        logs.write_log(
            logs.run_dir_of(wandb, run_id), logs.ended(), run_id=run_id, writer=writer, root=writer
        )
    said = tracker_json("ls")
    assert sorted(run["id"] for run in said["runs"]) == ["exp", "exp-1", "exp-2"]
    assert (said["total"], said["clashes"]) == (3, [])


def test_two_incarnations_of_an_id_are_two_lines_and_named(
    tracker: Tracker, tracker_json: Callable[..., Any], requeued: list[Path], stranger: Path
) -> None:
    """Nothing of one run is mixed into the other."""
    said = tracker_json("ls")
    assert [(run["name"], run["rows"]) for run in said["runs"]] == [
        ("likely-lion-9", 5),
        ("other", 0),
    ]
    own = [f"wandb/{path.name}" for path in requeued]
    assert said["clashes"] == [
        {"path": "me/digits/ab12cd34", "runs": [own, [f"wandb/{stranger.name}"]]}
    ]
    (note,) = tracker("ls").stderr.splitlines()
    assert note == (
        "Note: me/digits/ab12cd34 stands for 2 different runs: "
        f"{own[0]} + {own[1]}, wandb/{stranger.name}"
    )


def test_a_clash_with_a_run_that_is_too_old_to_be_listed_is_named(
    tracker: Tracker, wandb: Path, stranger: Path
) -> None:
    """Directories with the id of a listed run are read, however old they are."""
    for minute in range(50):
        run_id = f"run{minute:02}" if minute else "ab12cd34"
        run_dir = logs.run_dir_of(wandb, run_id, f"20261120_10{minute:02}00")
        named = logs.describe(entity="me", project="digits")
        writer = bytes([minute + 1]) * 16
        logs.write_log(run_dir, named, logs.ended(), run_id=run_id, writer=writer)
    result = tracker("ls")
    assert len(result.stdout.splitlines()) == 51
    assert "the newest 50 of 51 runs" in result.stderr
    assert stranger.name in result.stderr


def test_a_filter_sees_runs_as_wholes(
    tracker_json: Callable[..., Any], requeued: list[Path]
) -> None:
    """What only one of the directories says holds for the run."""
    assert len(requeued) == 2
    assert tracker_json("ls", "--filter", "step = 4 and created_at < 2026-11-20T11:00")["total"]
    assert tracker_json("ls", "--filter", "step = 2")["runs"] == []


def test_an_id_of_several_directories_is_shown_as_one_run(
    tracker_json: Callable[..., Any], requeued: list[Path]
) -> None:
    """The overview joins the writers, times and files."""
    run = tracker_json("show", "ab12cd34")
    assert (run["rows"], run["runtime"], run["duration"]) == (5, 3604.0, 8.0)
    assert [file["path"] for file in run["files"]] == ["both.txt", "new.txt", "old.txt"]
    assert len(run["writers"]) == 2
    assert tracker_json("show", "me/digits/ab12cd34") == run
    assert tracker_json("show", "likely-lion-9") == run
    assert tracker_json("show", str(requeued[0]))["rows"] == 3


def test_an_id_of_several_directories_is_exported_as_one_history(
    tracker: Tracker, requeued: list[Path]
) -> None:
    """The rows of all directories come in order of their steps; a directory's come alone."""
    lines = tracker("export", "ab12cd34").stdout.splitlines()
    assert [line.split(",")[0] for line in lines] == ["_step", "0", "1", "2", "3", "4"]
    assert len(tracker("export", str(requeued[1])).stdout.splitlines()) == 3


def test_an_id_of_different_runs_is_ambiguous(
    tracker: Tracker, requeued: list[Path], stranger: Path
) -> None:
    """Which of the runs is meant must be said by a directory."""
    stderr = tracker("show", "ab12cd34", exit_code=2).stderr
    assert "2 runs are called 'ab12cd34'" in stderr
    assert f"name one: wandb/{stranger.name}, wandb/{requeued[1].name}" in stderr
