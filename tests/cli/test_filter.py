from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import logs
from tests.cli.conftest import MakeRun, Tracker


@pytest.fixture
def three_runs(wandb: Path) -> Path:
    """Runs a, b and c with rising learning rates, the first failed; each began after the last."""
    for place, run_id in enumerate("abc"):
        logs.write_log(
            logs.run_dir_of(wandb, run_id),
            logs.config(lr=0.1 * place),
            *(logs.log_row(step, loss=step) for step in range(3 - place)),
            logs.ended(0 if place else 1),
            run_id=run_id,
            writer=run_id.encode() * 16,
            began_ns=logs.BEGAN_NS + place * 10**12,
        )
    return wandb


def _ids(output: str) -> list[str]:
    return [line.split()[2] for line in output.splitlines()[1:]]


@pytest.mark.usefixtures("three_runs")
def test_runs_that_fit_are_listed_in_the_order_asked_for(tracker: Tracker) -> None:
    """A filter chooses, a column orders; without an order the newest comes first."""
    assert _ids(tracker("ls", "--filter", "state = finished").stdout) == ["c", "b"]
    assert _ids(tracker("ls", "--order", "created_at").stdout) == ["a", "b", "c"]
    assert _ids(tracker("ls", "--order", "-summary.loss").stdout) == ["a", "b", "c"]
    chosen = ("--filter", "config.lr < 0.15 or id = c", "--order=-config.lr")
    assert _ids(tracker("ls", *chosen).stdout) == ["c", "b", "a"]


@pytest.mark.usefixtures("three_runs")
def test_that_no_run_fits_is_said(tracker: Tracker) -> None:
    """An empty list is no error."""
    assert tracker("ls", "--filter", "step > 9").stdout == "No runs that fit in wandb.\n"
    assert tracker("sync", "--filter", "step > 9").stdout == "No runs that fit in wandb.\n"


@pytest.mark.usefixtures("three_runs")
def test_json_counts_the_runs_that_fit(tracker_json: Callable[..., Any]) -> None:
    """The total is that of the runs that fit."""
    shown = tracker_json("ls", "--filter", "state = finished")
    assert (shown["total"], [run["id"] for run in shown["runs"]]) == (2, ["c", "b"])


def test_of_many_ordered_runs_the_first_fifty_are_listed(tracker: Tracker, wandb: Path) -> None:
    """It is said that there are more, also of those that a filter chose."""
    for place in range(55):
        directory = logs.run_dir_of(wandb, f"run{place:02}")
        logs.write_log(directory, logs.log_row(place, n=1), logs.ended(), run_id=f"run{place:02}")
    result = tracker("ls", "--filter", "step >= 2", "--order", "step")
    assert _ids(result.stdout) == [f"run{place:02}" for place in range(2, 52)]
    assert result.stderr == "Note: the first 50 of 53 runs; --all lists every one\n"
    result = tracker("ls", "--filter", "step >= 2", "--order", "step", "--all")
    assert (len(_ids(result.stdout)), result.stderr) == (53, "")


@pytest.mark.parametrize(
    "arguments",
    [("ls", "--filter", "stat = x"), ("ls", "--order", "loss"), ("sync", "--filter", "stat = x")],
)
@pytest.mark.usefixtures("three_runs")
def test_what_cannot_be_understood_is_a_wrong_argument(
    tracker: Tracker, arguments: tuple[str, ...]
) -> None:
    """The exit code says so, and nothing is listed or synced."""
    result = tracker(*arguments, exit_code=2)
    assert result.stdout == ""
    assert "there is no column" in result.stderr


def test_runs_that_fit_are_synced(
    tracker: Tracker, tracker_json: Callable[..., Any], three_runs: Path
) -> None:
    """The others stay where they are; a path that is missing is an error all the same."""
    empty = three_runs / "run-20261120_101112-empty"
    empty.mkdir()
    said = tracker("sync", "--filter", "state = finished")
    assert said.stdout.endswith("Synced 2 runs, 9 records, to sqlite:wandb/tracker.db.\n")
    assert said.stderr == f"Note: wandb/{empty.name} is passed over: no transaction log\n"
    synced = {run["id"]: run["synced"] for run in tracker_json("ls")["runs"]}
    assert synced == {"a": "no", "b": "yes", "c": "yes"}
    missing = tracker("sync", "wandb", "missing", "--filter", "state = failed", exit_code=2)
    assert "Synced 1 run" in missing.stdout
    assert "there is nothing at this path\n  Where: missing\n" in missing.stderr


def test_a_filter_without_runs_is_checked_too(tracker: Tracker, make_run: MakeRun) -> None:
    """A mistake shows even where there is nothing to choose from."""
    tracker("ls", "--filter", "stat = x", exit_code=2)
    make_run()
    assert _ids(tracker("ls", "--filter", "").stdout) == ["ab12cd34"]
