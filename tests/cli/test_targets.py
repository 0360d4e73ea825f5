"""Names of targets on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.logs import ended, log_row, run_dir_of, write_log
from tests.processes import RunTracker


@pytest.fixture
def named(workdir: Path) -> Path:
    """A working directory with a run, where two targets have names."""
    write_log(run_dir_of(workdir / "wandb"), log_row(0, loss=0.5), ended())
    (workdir / "pyproject.toml").write_text(
        '[tool.tracker.targets]\nlab = "jsonl:lab"\nfar = "postgresql://ann:s3cret@host/runs"\n'
    )
    return workdir


def test_they_are_listed_without_passwords(named: Path, run_tracker: RunTracker) -> None:
    """With the file that names each."""
    said = run_tracker("targets").stdout
    assert [line.split()[0] for line in said.splitlines()] == ["NAME", "far", "lab"]
    assert "s3cret" not in said
    found = json.loads(run_tracker("targets", "--json").stdout)["targets"]
    assert found[1] == {
        "name": "lab",
        "url": "jsonl:lab",
        "source": str(named / "pyproject.toml"),
    }


def test_none_has_a_name(workdir: Path, run_tracker: RunTracker) -> None:
    """That is said too."""
    assert workdir.is_dir()
    assert run_tracker("targets").stdout == "No target has a name here.\n"


def test_a_file_that_cannot_be_read_is_noted(workdir: Path, run_tracker: RunTracker) -> None:
    """The others are listed."""
    (workdir / "pyproject.toml").symlink_to("/proc/self/mem")
    assert "cannot be read" in run_tracker("targets").stderr


def test_a_run_is_synced_to_a_name(named: Path, run_tracker: RunTracker) -> None:
    """As to its URL."""
    run_tracker("sync", "--to", "lab")
    assert (named / "lab").is_dir()
    assert "lap" in run_tracker("sync", "--to", "lap", returncode=2).stderr


def test_a_setting_names_the_target(
    named: Path, run_tracker: RunTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a sync that says none."""
    monkeypatch.setenv("TRACKER_TARGET", "lab")
    run_tracker("sync")
    assert (named / "lab").is_dir()
    assert not (named / "wandb" / "tracker.db").exists()
