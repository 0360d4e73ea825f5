"""What is wrong with one directory, or with the target, ends in the report and costs no other."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from airtape.backends.base import Batch, DirectoryHint
from airtape.backends.cursor import Cursor, RunKey
from airtape.backends.memory import MemoryBackend
from airtape.errors import CommError, TargetError
from airtape.sync.engine import sync
from airtape.sync.options import SyncOptions
from airtape.sync.report import ExitCode, SyncReport
from airtape.txlog.format import FORMAT_VERSION
from tests.held import assert_holds
from tests.logs import describe, log_row, run_dir_of, write_log

SMALL = SyncOptions(max_points=3)


class Scripted(MemoryBackend):
    """A target to which something happens.

    Attributes:
        before_hints: Called before hints are read.
        before_cursor: Called before a cursor is read.
        before_commit: Called before a batch is taken in.
    """

    before_hints: Callable[[], None] = staticmethod(lambda: None)
    before_cursor: Callable[[], object] = staticmethod(lambda: None)
    before_commit: Callable[[Batch], None] = staticmethod(lambda _: None)

    def hints(self) -> Mapping[str, DirectoryHint]:
        """Return what was kept, after what happens first."""
        self.before_hints()
        return super().hints()

    def read_cursor(self, run: RunKey, writer: bytes) -> Cursor | None:
        """Return the cursor, after what happens first."""
        self.before_cursor()
        return super().read_cursor(run, writer)

    def commit(self, batch: Batch) -> bool:
        """Take in a batch, after what happens first."""
        self.before_commit(batch)
        return super().commit(batch)


@pytest.fixture
def scripted(request: pytest.FixtureRequest) -> Iterator[Scripted]:
    """A target to which nothing happens yet."""
    yield Scripted(request.node.name)
    MemoryBackend.forget(request.node.name)


@pytest.fixture
def three(wandb: Path) -> list[Path]:
    """Three run directories, each with a short log."""
    dirs = [run_dir_of(wandb, run_id) for run_id in ("aaaa1111", "bbbb2222", "cccc3333")]
    for place, run_dir in enumerate(dirs):
        run_id = run_dir.name.rpartition("-")[2]
        write_log(run_dir, log_row(0, x=place), run_id=run_id, writer=bytes([place + 1] * 16))
    return dirs


def statuses(report: SyncReport) -> list[str]:
    """Return the status of each run."""
    return [run.status for run in report.runs]


def log_in(run_dir: Path) -> Path:
    """Return the log of a run directory."""
    (log,) = run_dir.glob("*.txlog")
    return log


def test_a_file_that_is_no_log(memory: MemoryBackend, three: list[Path]) -> None:
    """The error names the file and what to do; the other runs arrive."""
    log_in(three[1]).write_bytes(b"just some text\n" * 10)
    report = sync(three, memory)
    assert (statuses(report), report.exit_code) == (["synced", "failed", "synced"], 3)
    (problem,) = report.runs[1].problems
    assert problem.what == "this is no transaction log"
    assert problem.where == str(log_in(three[1]))
    assert_holds(memory, log_in(three[0]), log_in(three[2]))


def test_a_log_of_a_later_major_version(memory: MemoryBackend, three: list[Path]) -> None:
    """The error says which version it is and what to do."""
    write_log(three[1], log_row(0, x=1), run_id="bbbb2222", version=(FORMAT_VERSION[0] + 1, 0))
    report = sync(three, memory)
    assert statuses(report) == ["synced", "failed", "synced"]
    assert "install a later airtape" in str(report.runs[1].problems[0])


def test_a_good_log_beside_a_bad_one(memory: MemoryBackend, run_dir: Path) -> None:
    """Of a directory with both, the good one arrives, and the directory has failed."""
    log = write_log(run_dir, describe(project="p"), log_row(0, x=1))
    (run_dir / "zzz.txlog").write_bytes(b"just some text\n" * 10)
    report = sync([run_dir], memory)
    assert (statuses(report), report.runs[0].records) == (["failed"], 3)
    assert report.runs[0].project == "p"
    assert_holds(memory, log)
    assert dict(memory.hints()) == {}


def test_a_run_directory_without_a_log(memory: MemoryBackend, three: list[Path]) -> None:
    """It is reported; the other runs arrive."""
    log_in(three[1]).unlink()
    os.utime(three[1], (0, 0))
    report = sync([three[0].parent], memory)
    assert sorted(statuses(report)) == ["failed", "synced", "synced"]
    assert report.exit_code == ExitCode.INCOMPLETE


def test_a_run_directory_that_is_being_made(memory: MemoryBackend, three: list[Path]) -> None:
    """Its log may be there in a moment: the next sync brings it, or reports that there is none."""
    log_in(three[1]).unlink()
    report = sync([three[0].parent], memory)
    assert statuses(report) == ["synced", "synced"]
    assert report.exit_code == ExitCode.OK


def test_paths_that_do_not_exist_are_listed(memory: MemoryBackend, three: list[Path]) -> None:
    """What exists is synced all the same."""
    report = sync([three[0], "nowhere/run-*"], memory)
    assert (report.not_found, report.exit_code) == (["nowhere/run-*"], ExitCode.USAGE)
    assert statuses(report) == ["synced"]


def test_a_directory_that_vanishes(scripted: Scripted, three: list[Path]) -> None:
    """Somebody may remove a run while others are synced."""
    scripted.before_hints = lambda: shutil.rmtree(three[1])
    report = sync(three, scripted)
    by_path = {run.path: run for run in report.runs}
    assert [by_path[path].status for path in three] == ["synced", "failed", "synced"]
    assert by_path[three[1]].problems[0].because == "No such file or directory"


def test_a_log_that_cannot_be_opened(scripted: Scripted, three: list[Path]) -> None:
    """Links are not followed, also when a log becomes one between two looks."""

    def make_a_link(batch: Batch) -> None:
        if batch.run.run_id == "aaaa1111":
            log = log_in(three[1])
            log.rename(log.with_suffix(".away"))
            log.symlink_to(log.with_suffix(".away"))

    scripted.before_commit = make_a_link
    report = sync(three, scripted)
    assert statuses(report) == ["synced", "failed", "synced"]
    assert report.runs[1].problems[0].what == "cannot be read"


def test_a_log_that_fails_while_it_is_read(scripted: Scripted, three: list[Path]) -> None:
    """What the system refuses in the middle of a run is reported with it."""

    def refuse(batch: Batch) -> None:
        if batch.run.run_id == "bbbb2222":
            raise OSError(5, "Input/output error")

    scripted.before_commit = refuse
    report = sync(three, scripted)
    assert statuses(report) == ["synced", "failed", "synced"]
    assert report.runs[1].problems[0].because == "Input/output error"


def test_a_log_that_is_emptied_while_it_is_looked_at(scripted: Scripted, three: list[Path]) -> None:
    """Nothing can be read of it any more; that is no damage, and the others arrive."""
    scripted.before_cursor = lambda: log_in(three[1]).write_bytes(b"")
    report = sync(three[1:], scripted)
    assert statuses(report) == ["nothing_new", "synced"]
    assert report.exit_code == ExitCode.OK


def test_a_record_that_says_something_impossible(memory: MemoryBackend, run_dir: Path) -> None:
    """It is kept as it is, changes nothing else, and is reported once."""
    log = write_log(
        run_dir, log_row(0, x=1), (1, [5]), (1, ["a", 0, {}]), (5, [7]), log_row(1, x=2)
    )
    report = sync([run_dir], memory)
    assert report.runs[0].notes == ["3 records cannot be understood"]
    (held,) = memory.dump()
    assert [(event.seq, event.fields) for event in held.events] == [
        (2, (5,)),
        (3, ("a", 0, {})),
        (4, (7,)),
    ]
    assert [point.value for point in held.points] == [1, 2]
    assert sync([run_dir], memory).runs[0].notes == []
    assert log.exists()


def test_a_fault_of_a_plug_in_costs_one_run(scripted: Scripted, three: list[Path]) -> None:
    """An error that nobody foresaw is shown with its type, and the exit code tells."""

    def stumble(batch: Batch) -> None:
        if batch.run.run_id == "bbbb2222":
            raise KeyError("cursor")

    scripted.before_commit = stumble
    report = sync(three, scripted)
    assert statuses(report) == ["synced", "failed", "synced"]
    assert report.runs[1].internal
    assert report.exit_code == ExitCode.INTERNAL
    assert report.runs[1].problems[0].because == "KeyError: 'cursor'"


@pytest.mark.parametrize("error", [TargetError("the disk is full"), CommError("no answer")])
def test_a_target_that_fails_ends_the_pass(
    scripted: Scripted, three: list[Path], error: Exception
) -> None:
    """What follows is not tried, and reported as still to do."""

    def fail(batch: Batch) -> None:
        if batch.run.run_id == "bbbb2222":
            raise error

    scripted.before_commit = fail
    report = sync(three, scripted)
    assert statuses(report) == ["synced", "pending", "pending"]
    assert report.runs[1].size == log_in(three[1]).stat().st_size
    assert (report.target_error, report.exit_code) == (error, ExitCode.UNREACHABLE)
    scripted.before_commit = lambda _: None
    assert statuses(sync(three, scripted)) == ["nothing_new", "synced", "synced"]


class Refusing(MemoryBackend):
    """A target that takes in nothing."""

    def commit(self, batch: Batch) -> bool:
        """Refuse."""
        return batch.base_version < 0


def test_a_target_that_refuses_everything(three: list[Path]) -> None:
    """The sync does not try for ever."""
    report = sync(three, Refusing("refusing"))
    MemoryBackend.forget("refusing")
    assert statuses(report) == ["pending"] * 3
    assert "refuses what builds on its own cursor" in str(report.target_error)


def test_a_target_that_does_not_answer_at_all(scripted: Scripted, three: list[Path]) -> None:
    """The report says so."""

    def fail() -> None:
        raise TargetError("no such host")

    scripted.before_hints = fail
    report = sync(three, scripted)
    assert (report.runs, report.exit_code) == ([], ExitCode.UNREACHABLE)


def test_who_comes_second_goes_on_from_there(
    scripted: Scripted, three: list[Path], request: pytest.FixtureRequest
) -> None:
    """A batch that somebody else has brought in the meantime is not brought again."""
    name = request.node.name
    log = write_log(three[0], *[log_row(step, x=step) for step in range(60)], run_id="aaaa1111")
    overtaken: list[int] = []

    def overtake(batch: Batch) -> None:
        if not overtaken:
            overtaken.append(batch.cursor.version)
            sync([three[0]], MemoryBackend(name), SMALL)

    scripted.before_commit = overtake
    report = sync([three[0]], scripted, SMALL)
    assert report.runs[0].records == 0
    assert_holds(scripted, log)


def test_runs_with_the_same_id_are_kept_apart(memory: MemoryBackend, wandb: Path) -> None:
    """Two runs that took one id are two runs of the target, and the report names both."""
    dirs = [wandb / f"run-2026112{day}_101112-ab12cd34" for day in range(3)]
    logs = [
        write_log(
            run_dir, describe(project=project), log_row(0, x=place), writer=bytes([place] * 16)
        )
        for place, (run_dir, project) in enumerate(zip(dirs, ["p", "p", "q"], strict=True))
    ]
    report = sync(dirs, memory)
    assert statuses(report) == ["synced"] * 3
    assert [run.clashes for run in report.runs] == [[dirs[1]], [dirs[0]], []]
    assert_holds(memory, *logs)
    assert report.exit_code == ExitCode.OK
    report = sync(dirs[:1], memory)
    assert report.runs[0].clashes == [dirs[1]]


def test_a_resumed_run_is_no_clash(memory: MemoryBackend, wandb: Path) -> None:
    """Writers that go on with a run belong to it, wherever they stand."""
    root = bytes([1] * 16)
    one, two = (wandb / f"run-2026112{day}_101112-ab12cd34" for day in range(2))
    write_log(one, log_row(0, x=1), writer=root, root=root)
    write_log(
        two, log_row(1, x=2), writer=bytes([2] * 16), root=root, parents=[(root, 1)], resumed=True
    )
    report = sync([one, two], memory)
    assert [run.clashes for run in report.runs] == [[], []]
    assert len({held.run for held in memory.dump()}) == 1
