from __future__ import annotations

from pathlib import Path

import pytest

from airtape.backends.memory import MemoryBackend
from airtape.sync.deleted import DeletedRuns
from airtape.sync.engine import SyncOptions, sync
from airtape.tombstones import RunPath, Tombstone, bury
from tests import logs

RUN = RunPath("me", "digits", "ab12cd34")
STONE = Tombstone(RUN, "2026-11-20T10:11:12+00:00", "you")


@pytest.fixture
def wandb(tmp_path: Path) -> Path:
    """A folder with the tombstone of a run."""
    folder = tmp_path / "wandb"
    folder.mkdir()
    bury(folder, STONE)
    return folder


def record(run_dir: Path, **said: str) -> Path:
    """Write a run as it was before it was deleted; return its directory."""
    named = logs.describe(**{"entity": "me", "project": "digits"} | said)
    logs.write_log(run_dir, named, logs.log_row(0, loss=1.0), logs.ended())
    return run_dir


def test_a_copy_of_a_deleted_run_is_reported_and_left_out(wandb: Path) -> None:
    """Nothing of it reaches the target, and it is no failure; other runs are synced."""
    copy = record(logs.run_dir_of(wandb))
    logs.write_log(logs.run_dir_of(wandb, "other"), logs.ended(), run_id="other")
    backend = MemoryBackend(str(wandb))
    report = sync([wandb], backend)
    deleted, other = sorted(report.runs, key=lambda run: run.path)
    assert (deleted.path, deleted.status) == (copy, "deleted")
    assert deleted.run_id == "ab12cd34"
    (note,) = deleted.notes
    assert "me/digits/ab12cd34 was deleted on 2026-11-20T10:11:12+00:00 by you" in note
    assert other.status == "synced"
    assert [held.run.run_id for held in backend.dump()] == ["other"]
    assert report.exit_code == 0


def test_a_copy_elsewhere_is_left_out_if_that_folder_counts(wandb: Path, tmp_path: Path) -> None:
    """Tombstones count for their own folder, and for others if a sync is told so."""
    record(logs.run_dir_of(tmp_path / "elsewhere"))
    backend = MemoryBackend(str(wandb))
    report = sync([tmp_path / "elsewhere"], backend, SyncOptions(tombstones=[wandb]))
    assert [run.status for run in report.runs] == ["deleted"]
    assert list(backend.dump()) == []


@pytest.mark.parametrize(
    "name", ["run-20261120_101112-ab12cd34", "run-20261120_101112-ab12cd34-1", "run-by-hand"]
)
def test_a_deleted_run_is_known_by_whatever_name(wandb: Path, name: str) -> None:
    """The name of the directory only saves reading others."""
    assert DeletedRuns([]).find(record(wandb / name)) == STONE


def test_other_runs_are_not_taken_for_deleted(wandb: Path) -> None:
    """The same id in another project, another id, and a directory without a log."""
    deleted = DeletedRuns([])
    assert deleted.find(record(logs.run_dir_of(wandb), project="letters")) is None
    assert deleted.find(record(wandb / "run-20261120_101112-other")) is None
    assert deleted.find(wandb / "run-nothing") is None
