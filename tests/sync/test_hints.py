"""Directories that look as they did when they were synced are passed over."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from airtape.backends.base import Backend, DirectoryHint
from airtape.backends.memory import MemoryBackend
from airtape.sync.engine import sync
from airtape.sync.options import SyncOptions
from airtape.sync.report import RunReport
from tests.held import assert_holds
from tests.logs import ended, log_row, write_log
from tests.sync.test_damage import FRAMES, LOG, flipped, only, write_harmed

OpenTarget = Callable[[], Backend]
MUCH_LATER = SyncOptions(now_ns=lambda: 2**62)


def replace_in_place(log: Path, contents: bytes) -> None:
    """Write other bytes into a log, so that only who reads them can tell."""
    looks = log.stat()
    assert len(contents) == looks.st_size
    with log.open("r+b") as file:
        file.write(contents)
    os.utime(log, ns=(looks.st_atime_ns, looks.st_mtime_ns))


def test_an_ended_run_that_looks_the_same_is_not_read(
    open_target: OpenTarget, run_dir: Path
) -> None:
    """Only who wants everything checked pays for reading it again."""
    log = write_harmed(run_dir, flipped)
    sync([run_dir], open_target(), MUCH_LATER)
    replace_in_place(log, bytes(log.stat().st_size))
    report = sync([run_dir], open_target(), MUCH_LATER)
    assert (only(report).status, only(report).name) == ("nothing_new", "likely-lion-9")
    assert only(report).ended
    report = sync([run_dir], open_target(), SyncOptions(check=True))
    assert only(report).status == "failed"


def test_another_project_is_another_target_run(open_target: OpenTarget, run_dir: Path) -> None:
    """What was synced as the run of one project says nothing of another."""
    write_harmed(run_dir, flipped)
    backend = open_target()
    for project in ("", "p", "", "p"):
        sync([run_dir], backend, SyncOptions(project=project, now_ns=lambda: 2**62))
    assert [held.run.project for held in backend.dump()] == ["", "p"]
    assert [held.cursor.version for held in backend.dump()] == [1, 1]


def test_a_run_that_goes_on_is_always_read(open_target: OpenTarget, run_dir: Path) -> None:
    """Without an exit record the time and size of a log prove nothing."""
    log = write_log(run_dir, log_row(0, x=1.5))
    sync([run_dir], open_target(), MUCH_LATER)
    looks = log.stat()
    write_log(run_dir, log_row(0, x=1.5), log_row(1, x=2.5))
    os.utime(log, ns=(looks.st_atime_ns, looks.st_mtime_ns))
    assert only(sync([run_dir], open_target(), MUCH_LATER)).records == 1
    assert_holds(open_target(), log)


def test_a_directory_that_changed_just_now_is_read_again(
    open_target: OpenTarget, run_dir: Path
) -> None:
    """What changes within one tick of the file system's clock does not show in a time."""
    log = write_harmed(run_dir, flipped)
    at = run_dir.stat().st_mtime_ns
    sync([run_dir], open_target(), SyncOptions(now_ns=lambda: at + 1_000_000_000))
    replace_in_place(log, bytes(log.stat().st_size))
    assert only(sync([run_dir], open_target(), MUCH_LATER)).status == "failed"


def test_a_new_log_in_an_ended_directory_is_found(open_target: OpenTarget, run_dir: Path) -> None:
    """A further writer shows in the directory's time."""
    log = write_harmed(run_dir, flipped)
    sync([run_dir], open_target(), MUCH_LATER)
    other = write_log(
        run_dir, log_row(20, x=1.0), ended(), name="run-ab12cd34.host-9-1.txlog", writer=b"w" * 16
    )
    os.utime(run_dir, ns=(1, 1))
    assert only(sync([run_dir], open_target(), MUCH_LATER)).records == 3
    assert_holds(open_target(), log, other)
    assert only(sync([run_dir], open_target(), MUCH_LATER)).status == "nothing_new"


def test_a_log_that_is_gone_is_no_error(open_target: OpenTarget, run_dir: Path) -> None:
    """Of two logs of an ended run one may be moved away."""
    write_harmed(run_dir, flipped)
    other = write_log(
        run_dir, log_row(20, x=1.0), ended(), name="run-ab12cd34.host-9-1.txlog", writer=b"w" * 16
    )
    sync([run_dir], open_target(), MUCH_LATER)
    looks = run_dir.stat()
    other.unlink()
    os.utime(run_dir, ns=(looks.st_atime_ns, looks.st_mtime_ns))
    report = sync([run_dir], open_target(), MUCH_LATER)
    assert (report.exit_code, only(report).status) == (0, "nothing_new")


def test_an_empty_log_beside_an_ended_one_is_looked_at(
    open_target: OpenTarget, run_dir: Path
) -> None:
    """A writer that has said nothing yet may begin at any time."""
    write_harmed(run_dir, flipped)
    other = run_dir / "run-ab12cd34.host-9-1.txlog"
    other.touch()
    sync([run_dir], open_target(), MUCH_LATER)
    looks = run_dir.stat()
    write_log(run_dir, log_row(20, x=1.0), name=other.name, writer=b"w" * 16)
    os.utime(run_dir, ns=(looks.st_atime_ns, looks.st_mtime_ns))
    assert only(sync([run_dir], open_target(), MUCH_LATER)).records == 2


def test_damage_is_shown_every_time(open_target: OpenTarget, run_dir: Path) -> None:
    """A run with known damage is not passed over in silence."""
    write_harmed(run_dir, flipped, 5)
    sync([run_dir], open_target(), MUCH_LATER)
    report = sync([run_dir], open_target(), MUCH_LATER)
    assert len(only(report).known) == 1


class Counting(MemoryBackend):
    """A target that counts how often it is told hints."""

    told = 0

    def keep_hints(self, hints: Mapping[str, DirectoryHint]) -> None:
        """Count, and keep them."""
        self.told += 1
        super().keep_hints(hints)


def test_hints_are_kept_when_something_changed(
    memory: MemoryBackend, run_dir: Path, request: pytest.FixtureRequest
) -> None:
    """A pass that finds everything as it was leaves the target as it is."""
    write_harmed(run_dir, flipped)
    assert dict(memory.hints()) == {}
    counting = Counting(request.node.name)
    for _ in range(3):
        sync([run_dir], counting, MUCH_LATER)
    assert counting.told == 1
    MemoryBackend.forget(request.node.name)


def test_hints_are_kept_while_a_long_pass_goes_on(
    memory: MemoryBackend, wandb: Path, request: pytest.FixtureRequest
) -> None:
    """A pass over many directories that is killed has not looked at all of them for nothing."""
    for number in range(5):
        write_harmed(wandb / f"run-20261120_101112-{number}", flipped)
    assert dict(memory.hints()) == {}
    counting = Counting(request.node.name)
    sync([wandb], counting, SyncOptions(hints_at_once=2))
    assert (counting.told, len(counting.hints())) == (3, 5)
    MemoryBackend.forget(request.node.name)


class Seen:
    """What a sync says of its progress.

    Attributes:
        said: Each word with the number of bytes that belongs to it.
    """

    def __init__(self) -> None:
        self.said: list[tuple[str, int]] = []

    def planned(self, directories: int, size: int) -> None:
        """Note it."""
        self.said.append((f"planned {directories}", size))

    def started(self, path: Path, size: int) -> None:
        """Note it."""
        self.said.append((f"started {path.name}", size))

    def advanced(self, path: Path, size: int) -> None:
        """Note it."""
        self.said.append((f"advanced {path.name}", size))

    def finished(self, report: RunReport) -> None:
        """Note it."""
        self.said.append((f"finished {report.path.name}", report.size))


def test_what_is_to_be_read_is_estimated_from_hints(memory: MemoryBackend, run_dir: Path) -> None:
    """What was read before is not announced again."""
    run_dir.mkdir()
    head, tail = b"".join(FRAMES[:10]), b"".join(FRAMES[10:])
    (run_dir / LOG).write_bytes(head)
    sync([run_dir], memory)
    (run_dir / LOG).write_bytes(head + tail)
    seen = Seen()
    sync([run_dir], memory, progress=seen)
    assert seen.said == [
        ("planned 1", len(tail)),
        (f"started {run_dir.name}", len(tail)),
        (f"advanced {run_dir.name}", len(tail)),
        (f"finished {run_dir.name}", len(tail)),
    ]
