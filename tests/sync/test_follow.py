"""Following runs that grow; time passes only where the follower waits."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from airtape.backends.base import Backend
from airtape.backends.memory import MemoryBackend
from airtape.errors import TargetError
from airtape.sync.brake import Brake
from airtape.sync.folder_watch import FolderWatch
from airtape.sync.follow import LONGEST_PAUSE_S, PATIENCE_S, Follower, Sizes
from airtape.sync.options import SyncOptions
from airtape.sync.report import ExitCode, SyncReport
from tests.ended import wait_until
from tests.held import assert_holds
from tests.logs import ended, frames_of, log_row, run_dir_of, write_log
from tests.sync.clocks import Clock

ROWS = [log_row(step, loss=0.5 + step) for step in range(40)]


class Stage:
    """A follower, and what happens each time it waits.

    Args:
        folder: What is followed.
        open_target: Opens the target.
        acts: What happens, one for each wait; then the follower is told to stop.
    """

    def __init__(
        self,
        folder: Path,
        open_target: Callable[[], Backend],
        *acts: Callable[[], object],
        watch: FolderWatch | None = None,
        until_finished: bool = False,
    ) -> None:
        self.clock = Clock()
        self.passes: list[SyncReport] = []
        self.sizes: list[Mapping[Path, Sizes]] = []
        self.over: set[Path] = set()
        self._acts = list(acts)
        self.brake = Brake(clock=self.clock, sleep=self._sleep)
        self.follower = Follower(
            [folder],
            open_target,
            SyncOptions(brake=self.brake, clock=self.clock),
            self,
            lambda path: path in self.over,
            until_finished=until_finished,
            watch=watch,
            clock=self.clock,
        )

    def passed(self, report: SyncReport, sizes: Mapping[Path, Sizes]) -> None:
        """Remember a pass."""
        self.passes.append(report)
        self.sizes.append(sizes)

    def follow(self) -> SyncReport:
        """Play."""
        return self.follower.follow()

    def _sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        if self._acts:
            self._acts.pop(0)()
        else:
            self.brake.stop()


def nothing() -> None:
    """Let nothing happen."""


def grow(run_dir: Path, rows: int, *, end: bool = False) -> Callable[[], object]:
    """Return what lets a log grow to so many rows."""

    def write() -> None:
        said = [*ROWS[:rows], *([ended()] if end else [])]
        run_dir.mkdir(exist_ok=True)
        (run_dir / "run-ab12cd34.txlog").write_bytes(b"".join(frames_of(*said)))

    return write


def test_a_run_that_grows(wandb: Path, run_dir: Path, memory: MemoryBackend) -> None:
    """What is new is sent at the next look, and nothing when nothing is."""
    grow(run_dir, 5)()
    stage = Stage(wandb, lambda: memory, grow(run_dir, 20), nothing, grow(run_dir, 40, end=True))
    total = stage.follow()
    assert [one.runs[0].records for one in stage.passes] == [6, 15, 21]
    assert stage.clock.pauses == [0.5] * 4
    assert (total.runs[0].records, total.exit_code) == (42, ExitCode.OK)
    assert stage.sizes[-1] == {run_dir: {"run-ab12cd34.txlog": log_in(run_dir).stat().st_size}}
    assert_holds(memory, log_in(run_dir))


def log_in(run_dir: Path) -> Path:
    """Return the log of a run directory."""
    return run_dir / "run-ab12cd34.txlog"


def test_a_run_that_begins_later(wandb: Path, run_dir: Path, memory: MemoryBackend) -> None:
    """It is followed too."""
    total = Stage(wandb, lambda: memory, grow(run_dir, 5)).follow()
    assert [run.records for run in total.runs] == [6]


def test_it_ends_when_all_runs_have(wandb: Path, run_dir: Path, memory: MemoryBackend) -> None:
    """Once they have ended and the target has everything, if that was asked for."""
    grow(run_dir, 5)()
    stage = Stage(wandb, lambda: memory, grow(run_dir, 7, end=True), *[nothing] * 50)
    stage.follower.until_finished = True
    total = stage.follow()
    assert (total.runs[0].records, total.halted) == (9, None)
    assert len(stage.clock.pauses) <= 4


def test_a_process_that_is_gone(wandb: Path, run_dir: Path, memory: MemoryBackend) -> None:
    """Its run is over too, and what it wrote last is still brought over."""
    grow(run_dir, 5)()

    def die() -> None:
        stage.over.add(run_dir)

    def find_more() -> None:
        grow(run_dir, 9)()

    stage = Stage(wandb, lambda: memory, nothing, die, find_more, *[nothing] * 50)
    stage.follower.until_finished = True
    total = stage.follow()
    assert (total.runs[0].records, total.halted) == (10, None)


class Shut(MemoryBackend):
    """A target that does not answer for a while."""

    answers = True

    def open(self) -> Backend:
        """Open the target.

        Raises:
            TargetError: It does not answer.
        """
        if not self.answers:
            raise TargetError("the target does not answer")
        return self


@pytest.fixture
def shut(memory: MemoryBackend) -> Shut:
    """A target that does not answer."""
    assert memory.transactional
    target = Shut("shut")
    MemoryBackend.forget("shut")
    target.answers = False
    return target


def test_a_target_that_does_not_answer(wandb: Path, run_dir: Path, shut: Shut) -> None:
    """It is asked again, less and less often, and then gets everything."""
    grow(run_dir, 5, end=True)()
    stage = Stage(wandb, shut.open, *[nothing] * 9, lambda: setattr(shut, "answers", True), nothing)
    total = stage.follow()
    assert stage.clock.pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert stage.clock.pauses[9] == LONGEST_PAUSE_S
    assert [one.exit_code for one in stage.passes] == [ExitCode.UNREACHABLE] * 10 + [ExitCode.OK]
    assert (total.runs[0].records, total.exit_code) == (7, ExitCode.OK)


def test_a_target_that_never_answers(wandb: Path, run_dir: Path, shut: Shut) -> None:
    """Once the run is over the follower gives up before long, and says so."""
    grow(run_dir, 5, end=True)()
    stage = Stage(wandb, shut.open, *[nothing] * 50)
    stage.over.add(run_dir)
    stage.follower.until_finished = True
    total = stage.follow()
    assert total.exit_code == ExitCode.UNREACHABLE
    assert PATIENCE_S <= stage.clock.now - 1000 <= PATIENCE_S + LONGEST_PAUSE_S


def test_a_stop_with_work_left(wandb: Path, run_dir: Path, shut: Shut) -> None:
    """It counts as work left."""
    grow(run_dir, 5)()
    total = Stage(wandb, shut.open).follow()
    assert (total.halted, total.exit_code) == ("stopped", ExitCode.UNREACHABLE)


def test_a_run_that_cannot_be_sent(wandb: Path, run_dir: Path, memory: MemoryBackend) -> None:
    """It is tried again when it grows, or after a while; the others go on."""
    grow(run_dir, 5)()
    bad = run_dir_of(wandb, "bad00000")
    bad.mkdir()
    (bad / "run-bad00000.txlog").write_bytes(b"no log" * 100)
    stage = Stage(wandb, lambda: memory, nothing, grow(run_dir, 9), *[nothing] * 20)
    total = stage.follow()
    tried = [[run.path.name[-8:] for run in one.runs] for one in stage.passes]
    assert tried == [["ab12cd34", "bad00000"], ["ab12cd34"], ["bad00000"]]
    assert total.exit_code == ExitCode.INCOMPLETE


def test_a_directory_that_is_taken_away(wandb: Path, run_dir: Path, memory: MemoryBackend) -> None:
    """What the target has stays, and the follower goes on."""
    grow(run_dir, 5)()
    stage = Stage(wandb, lambda: memory, lambda: shutil.rmtree(run_dir), nothing)
    total = stage.follow()
    assert (total.runs[0].records, total.exit_code) == (6, ExitCode.OK)


def test_a_directory_that_vanishes_under_the_look(wandb: Path, memory: MemoryBackend) -> None:
    """Nothing is said of it; if it comes back, so do its records."""
    bad, gone = run_dir_of(wandb, "bad00000"), run_dir_of(wandb, "good0000")
    write_log(gone, *ROWS[:3], run_id="good0000")
    bad.mkdir()
    (bad / "run-bad00000.txlog").write_bytes(b"no log" * 100)
    stage = Stage(wandb, lambda: memory, nothing, nothing)

    reads = iter(range(99))

    def clock() -> float:
        # Read before the directories are found, and then for the bad run, which comes first.
        if stage.passes and next(reads) == 1:
            shutil.rmtree(gone)
        return stage.clock()

    stage.follower.clock = clock
    total = stage.follow()
    assert [run.records for run in total.runs] == [0, 4]


def test_damage_stays_told(wandb: Path, memory: MemoryBackend) -> None:
    """A later pass without news does not make the exit code a good one."""
    run_dir = run_dir_of(wandb)
    path = write_log(run_dir, *ROWS[:9], ended())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    def add_a_segment() -> None:
        write_log(
            run_dir, log_row(50, loss=1), ended(), name="run-ab12cd34.h-1-1.txlog", writer=b"2" * 16
        )

    total = Stage(wandb, lambda: memory, add_a_segment).follow()
    assert (total.runs[0].status, total.exit_code) == ("damaged", ExitCode.INCOMPLETE)
    assert len(total.runs[0].damage) == 1


def test_a_deadline(wandb: Path, run_dir: Path, memory: MemoryBackend) -> None:
    """The follower ends with it."""
    grow(run_dir, 5)()
    stage = Stage(wandb, lambda: memory, *[nothing] * 99)
    stage.follower.options = SyncOptions(
        brake=Brake(3.0, clock=stage.clock, sleep=stage.clock.sleep), clock=stage.clock
    )
    total = stage.follow()
    assert (total.halted, total.exit_code) == ("deadline", ExitCode.DEADLINE)
    assert total.runs[0].records == 6


def waiting_for(watch: FolderWatch, act: Callable[[], object]) -> Callable[[], object]:
    """Return what lets something happen, and waits until it was told."""

    def play() -> None:
        act()
        wait_until(lambda: watch.told, "the system to tell")

    return play


QUIET = [0.5] * 10
"""The pauses of a follower after a run has grown, before it leaves looking to the system."""


def test_when_nothing_is_new_the_system_tells(
    wandb: Path, run_dir: Path, memory: MemoryBackend
) -> None:
    """Then one looks seldom; what grows, and what begins, is seen at once."""
    watch = FolderWatch(lambda: None)
    grow(run_dir, 5)()

    def begin() -> None:
        write_log(run_dir_of(wandb, "later"), *ROWS[:3], run_id="later", writer=b"2" * 16)

    acts = [
        *[nothing] * 11,
        waiting_for(watch, grow(run_dir, 20)),
        *[nothing] * 11,
        waiting_for(watch, begin),
    ]
    stage = Stage(wandb, lambda: memory, *acts, watch=watch)
    total = stage.follow()
    assert [[run.records for run in one.runs] for one in stage.passes] == [[6], [15], [4]]
    assert stage.clock.pauses == [*QUIET, 30, 30, *QUIET, 30, 30, 0.5]
    assert total.exit_code == ExitCode.OK


def test_a_folder_without_runs_costs_nothing(wandb: Path, memory: MemoryBackend) -> None:
    """From the beginning; a deadline is kept all the same."""
    watch = FolderWatch(lambda: None)
    stage = Stage(wandb, lambda: memory, nothing, nothing, watch=watch)
    stage.follow()
    assert stage.clock.pauses == [30] * 3
    write_log(run_dir_of(wandb), ended())
    stage = Stage(run_dir_of(wandb), lambda: memory, *[nothing] * 10, watch=watch)
    stage.follow()
    assert stage.clock.pauses == [*QUIET, 30]
    (run_dir_of(wandb) / "run-ab12cd34.txlog").unlink()
    stage = Stage(wandb, lambda: memory, *[nothing] * 9, watch=watch)
    stage.brake = Brake(40, clock=stage.clock, sleep=stage.clock.sleep)
    stage.follower.options = SyncOptions(brake=stage.brake, clock=stage.clock)
    assert stage.follow().halted == "deadline"
    assert stage.clock.pauses == [30, 9.5]


def test_where_the_system_does_not_tell_one_looks(
    wandb: Path, run_dir: Path, memory: MemoryBackend
) -> None:
    """On a network file system, and for patterns; it is asked again after a minute."""
    asked = []

    def find_network(folder: Path) -> str:
        asked.append(folder)
        return "nfs4"

    grow(run_dir, 5)()
    watch = FolderWatch(lambda: None, find_network)
    stage = Stage(wandb, lambda: memory, *[nothing] * 200, watch=watch)
    stage.follow()
    assert set(stage.clock.pauses) == {0.5}
    assert len(asked) == 2
    stage = Stage(wandb / "run-*", lambda: memory, *[nothing] * 20, watch=FolderWatch(lambda: None))
    stage.follow()
    assert set(stage.clock.pauses) == {0.5}


def test_what_nobody_tells_of_is_looked_for(
    wandb: Path, run_dir: Path, memory: MemoryBackend
) -> None:
    """Processes that are killed, and runs that could not be sent."""
    watch = FolderWatch(lambda: None)
    grow(run_dir, 5)()
    stage = Stage(wandb.parent, lambda: memory, watch=watch, until_finished=True)
    over = stage.over
    stage._acts = [*[nothing] * 12, lambda: over.add(run_dir)]  # noqa: SLF001 - its own
    assert stage.follow().exit_code == ExitCode.OK
    assert stage.clock.pauses[:10] == QUIET
    assert set(stage.clock.pauses[10:]) == {5}
    bad = run_dir_of(wandb, "bad")
    bad.mkdir()
    (bad / "run-bad.txlog").write_text("just some text")
    stage = Stage(wandb, lambda: memory, *[nothing] * 30, watch=watch)
    stage.over.add(run_dir)
    stage.follow()
    assert 10 in stage.clock.pauses
