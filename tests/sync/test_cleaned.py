"""Run directories whose logs were removed because targets hold them: nothing of them is sent."""

from __future__ import annotations

from pathlib import Path

from airtape.backends.memory import MemoryBackend
from airtape.run_search import find_run_dirs
from airtape.sync.engine import sync
from airtape.sync.outbox import waiting_in
from tests.logs import ended, run_dir_of, write_log


def test_a_cleaned_run_is_reported_and_not_sent(memory: MemoryBackend, wandb: Path) -> None:
    """It is no failure; the others are sent."""
    write_log(run_dir_of(wandb), ended())
    stub = run_dir_of(wandb, "cleaned") / "run-cleaned.cleaned"
    stub.parent.mkdir()
    stub.touch()
    report = sync([wandb], memory)
    assert {run.path.name[-8:]: run.status for run in report.runs} == {
        "ab12cd34": "synced",
        "-cleaned": "cleaned",
    }
    assert report.exit_code == 0
    assert list(waiting_in(find_run_dirs([wandb]).run_dirs, memory, [])) == []


def test_stubs_are_found_however_they_are_named(wandb: Path) -> None:
    """By their directory, the folder, a pattern or a link; one beside a log is none."""
    stub = run_dir_of(wandb) / "run-ab12cd34.cleaned"
    stub.parent.mkdir()
    stub.touch()
    (wandb / "latest-run").symlink_to(stub.parent.name)
    for path in (wandb, wandb.parent, stub.parent, wandb / "run-*", wandb / "latest-run"):
        found = find_run_dirs([path])
        assert (found.run_dirs, found.problems, found.cleaned) == ([], [], (stub.parent,))
    write_log(stub.parent, ended())
    found = find_run_dirs([wandb])
    assert (found.run_dirs, found.cleaned) == ([stub.parent], ())
