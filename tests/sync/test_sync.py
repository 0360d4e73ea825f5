"""Bringing runs to a target: what arrives, and that it arrives once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from airtape.backends.base import Backend
from airtape.backends.memory import MemoryBackend
from airtape.sync.batches import ROWS_AT_ONCE
from airtape.sync.engine import sync
from airtape.sync.options import SyncOptions
from airtape.sync.report import ExitCode
from tests.held import assert_holds, contents_in
from tests.logs import Said, ended, frames_of, log_row, run_dir_of, write_log
from tests.sync.runs import A_RUN, CONSOLE

OpenTarget = Callable[[], Backend]


def test_a_run_arrives_as_its_log_says(open_target: OpenTarget, run_dir: Path) -> None:
    """Values, times, config, summary and all other records of a run are in the target."""
    log = write_log(run_dir, *A_RUN, ended())
    report = sync([run_dir], open_target())
    assert report.exit_code == ExitCode.OK
    (run,) = report.runs
    assert (run.status, run.run_id, run.project, run.name) == (
        "synced",
        "ab12cd34",
        "vision",
        "likely-lion-9",
    )
    assert (run.records, run.held, run.ended) == (len(A_RUN) + 2, len(A_RUN) + 2, True)
    assert run.size == log.stat().st_size
    assert_holds(open_target(), log)


def test_syncing_again_adds_nothing(open_target: OpenTarget, run_dir: Path) -> None:
    """What has come is not sent again, and the report says so."""
    log = write_log(run_dir, *A_RUN, ended())
    sync([run_dir], open_target())
    before = [contents_in(held) for held in open_target().dump()]
    for options in (SyncOptions(), SyncOptions(check=True)):
        report = sync([run_dir], open_target(), options)
        (run,) = report.runs
        assert (run.status, run.records, run.points, run.size) == ("nothing_new", 0, 0, 0)
        assert (run.run_id, run.project, run.name) == ("ab12cd34", "vision", "likely-lion-9")
        assert report.exit_code == ExitCode.OK
    assert [contents_in(held) for held in open_target().dump()] == before
    assert_holds(open_target(), log)


@pytest.mark.parametrize("max_points", [1, 3, 7])
def test_small_batches_amount_to_the_same(
    open_target: OpenTarget, run_dir: Path, max_points: int
) -> None:
    """A run that takes many batches arrives as one that takes one."""
    rows = [log_row(step, loss=1 / step) for step in range(14, 60)]
    log = write_log(run_dir, *A_RUN, *rows, ended())
    report = sync([run_dir], open_target(), SyncOptions(max_points=max_points))
    assert report.runs[0].records == len(A_RUN) + len(rows) + 2
    assert report.runs[0].damage == []
    assert_holds(open_target(), log)


def test_a_batch_of_many_rows(memory: MemoryBackend, run_dir: Path) -> None:
    """It is folded in several goes, between which other records may stand."""
    rows = [log_row(step, loss=step / 3, acc=step) for step in range(2 * ROWS_AT_ONCE + 5)]
    rows.insert(ROWS_AT_ONCE // 2, (CONSOLE, ["stdout", "half way"]))
    log = write_log(run_dir, *rows, ended())
    sync([run_dir], memory, SyncOptions())
    (held,) = memory.dump()
    assert held.cursor.version == 1
    assert_holds(memory, log)


def test_batches_are_bounded_by_bytes_too(memory: MemoryBackend, run_dir: Path) -> None:
    """Long records make a batch full, however few values they have."""
    lines: list[Said] = [(CONSOLE, ["stdout", "x" * 1000])] * 100
    log = write_log(run_dir, *lines)
    sync([run_dir], memory, SyncOptions(max_bytes=10_000))
    (held,) = memory.dump()
    assert held.cursor.version > 3
    assert_holds(memory, log)


def test_a_run_that_goes_on_is_continued(open_target: OpenTarget, run_dir: Path) -> None:
    """However much of a log is there at each sync, the target has what the log says."""
    frames = frames_of(*A_RUN, ended())
    run_dir.mkdir()
    log = run_dir / "run-ab12cd34.txlog"
    backend = open_target()
    for end in range(1, len(frames) + 1):
        with log.open("ab") as file:
            file.write(frames[end - 1])
        report = sync([run_dir], backend)
        assert (report.runs[0].status, report.runs[0].records) == ("synced", 1)
        assert_holds(backend, log)
        assert report.runs[0].ended == (end == len(frames))


def test_a_torn_tail_waits_for_the_rest(open_target: OpenTarget, run_dir: Path) -> None:
    """Half a record at the end is no damage; it comes with the next sync."""
    log = write_log(run_dir, *A_RUN)
    whole = log.read_bytes()
    for cut in (1, 20, 60):
        log.write_bytes(whole[:-cut])
        report = sync([run_dir], open_target())
        assert (report.exit_code, report.runs[0].damage) == (ExitCode.OK, [])
    log.write_bytes(whole)
    report = sync([run_dir], open_target())
    assert (report.runs[0].status, report.runs[0].damage) == ("synced", [])
    assert_holds(open_target(), log)


@pytest.mark.parametrize("contents", [b"", b"\xc9\x00\x00"])
def test_an_empty_log_is_no_error(memory: MemoryBackend, run_dir: Path, contents: bytes) -> None:
    """A run that has not written its first record has nothing to sync yet."""
    run_dir.mkdir()
    (run_dir / "run-ab12cd34.txlog").write_bytes(contents)
    report = sync([run_dir], memory)
    assert (report.exit_code, report.runs[0].status) == (ExitCode.OK, "nothing_new")
    assert report.runs[0].notes == ["nothing is recorded in it yet"]
    assert list(memory.dump()) == []


def test_several_runs_arrive(open_target: OpenTarget, wandb: Path) -> None:
    """Every run below a folder is synced, each under its id."""
    logs = [
        write_log(
            run_dir_of(wandb, run_id),
            log_row(0, x=place),
            run_id=run_id,
            writer=bytes([place] * 16),
        )
        for place, run_id in enumerate(["aaaa1111", "bbbb2222", "cccc3333"])
    ]
    report = sync([wandb], open_target())
    assert [run.status for run in report.runs] == ["synced"] * 3
    assert_holds(open_target(), *logs)


def test_sources_are_not_written(open_target: OpenTarget, run_dir: Path) -> None:
    """A sync leaves no trace in a run directory, which may be read-only."""
    log = write_log(run_dir, *A_RUN)
    log.chmod(0o444)
    run_dir.chmod(0o555)
    before = [(entry.name, entry.stat().st_mtime_ns) for entry in os.scandir(run_dir)]
    assert sync([run_dir], open_target()).exit_code == ExitCode.OK
    assert [(entry.name, entry.stat().st_mtime_ns) for entry in os.scandir(run_dir)] == before
    run_dir.chmod(0o755)


def test_a_moved_directory_is_the_same_run(open_target: OpenTarget, run_dir: Path) -> None:
    """Nothing is sent again from another place, and the rest is continued from there."""
    frames = frames_of(*A_RUN, ended())
    run_dir.mkdir()
    log = run_dir / "run-ab12cd34.txlog"
    log.write_bytes(b"".join(frames[:12]))
    sync([run_dir], open_target())
    elsewhere = run_dir.parent / "archive" / run_dir.name
    elsewhere.parent.mkdir()
    run_dir.rename(elsewhere)
    moved = elsewhere / log.name
    report = sync([elsewhere], open_target())
    assert report.runs[0].status == "nothing_new"
    moved.write_bytes(b"".join(frames))
    assert sync([elsewhere], open_target()).runs[0].records == len(frames) - 12
    assert_holds(open_target(), moved)


def test_a_dry_run_writes_nothing(open_target: OpenTarget, run_dir: Path) -> None:
    """It says how many bytes would be read, and leaves the target as it is."""
    log = write_log(run_dir, *A_RUN)
    report = sync([run_dir], open_target(), SyncOptions(dry_run=True))
    assert (report.runs[0].status, report.runs[0].size) == ("pending", log.stat().st_size)
    assert list(open_target().dump()) == []
    assert dict(open_target().hints()) == {}
    sync([run_dir], open_target())
    report = sync([run_dir], open_target(), SyncOptions(dry_run=True))
    assert (report.runs[0].status, report.runs[0].size) == ("nothing_new", 0)
    assert report.runs[0].name == "likely-lion-9"


def test_a_run_can_be_put_into_another_project(open_target: OpenTarget, run_dir: Path) -> None:
    """The same log under another project is another run of the target."""
    log = write_log(run_dir, *A_RUN)
    backend = open_target()
    sync([run_dir], backend)
    report = sync([run_dir], backend, SyncOptions(project="copies", entity="team"))
    assert (report.runs[0].entity, report.runs[0].project) == ("team", "copies")
    runs = {held.run.project: held.run for held in backend.dump()}
    assert runs.keys() == {"", "copies"}
    for run in runs.values():
        assert_holds(backend, log, run=run)
