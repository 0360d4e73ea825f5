"""Damaged logs: what is lost is exactly what was damaged, and it is always reported."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

import pytest

from airtape.backends.base import Backend, Batch
from airtape.backends.memory import MemoryBackend
from airtape.records import Record, unpack_body
from airtape.sync.engine import sync
from airtape.sync.options import SyncOptions
from airtape.sync.report import ExitCode, RunReport, SyncReport
from airtape.txlog.format import HEAD_SIZE
from tests.held import assert_holds, contents_in, contents_of
from tests.logs import ended, frames_of, log_row
from tests.sync.runs import A_RUN

OpenTarget = Callable[[], Backend]
Harm = Callable[[bytes], bytes]

FRAMES = frames_of(*A_RUN, ended())
STARTS = [0, *accumulate(map(len, FRAMES))]
BODIES = [unpack_body(frame[HEAD_SIZE:]) for frame in FRAMES]
RECORDS = [Record(seq, body[0], body[1], tuple(body[2:])) for seq, body in enumerate(BODIES)]
LAST = len(FRAMES) - 1
LOG = "run-ab12cd34.txlog"
COPY = "run-ab12cd34.repaired-1.txlog"


def removed(_: bytes) -> bytes:
    """The frame is not there at all."""
    return b""


def flipped(frame: bytes) -> bytes:
    """One bit of the frame's body is wrong."""
    return frame[:-1] + bytes([frame[-1] ^ 1])


def flipped_in_its_head(frame: bytes) -> bytes:
    """One bit of the frame's length is wrong."""
    return frame[:4] + bytes([frame[4] ^ 1]) + frame[5:]


def cut(frame: bytes) -> bytes:
    """The second half of the frame is not there."""
    return frame[: len(frame) // 2]


def write_harmed(run_dir: Path, harm: Harm, *places: int) -> Path:
    """Write the log with some of its frames damaged."""
    frames = [harm(frame) if seq in places else frame for seq, frame in enumerate(FRAMES)]
    run_dir.mkdir(exist_ok=True)
    log = run_dir / LOG
    log.write_bytes(b"".join(frames))
    return log


def only(report: SyncReport) -> RunReport:
    """Return the report of the one run."""
    (run,) = report.runs
    return run


def assert_lacks(backend: Backend, *seqs: int) -> None:
    """Make sure that these records are missing, and all others are there as they were said."""
    (held,) = backend.dump()
    assert contents_in(held) == contents_of(r for r in RECORDS if r.seq not in seqs)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("harm", [removed, flipped, flipped_in_its_head, cut])
def test_a_damaged_record_costs_itself(open_target: OpenTarget, wandb: Path, harm: Harm) -> None:
    """Whichever record is damaged: it alone is missing, its place is reported, then it is known."""
    backend = open_target()
    for seq in range(LAST):
        run_dir = wandb / f"run-20261120_101112-{seq}"
        write_harmed(run_dir, harm, seq)
        options = SyncOptions(project=f"p{seq}")
        report = sync([run_dir], backend, options)
        (loss,) = only(report).damage
        assert (report.exit_code, only(report).status) == (ExitCode.INCOMPLETE, "damaged")
        assert (loss.file, loss.first_seq, loss.last_seq) == (LOG, seq, seq)
        assert (loss.start, loss.end) == (STARTS[seq], STARTS[seq] + len(harm(FRAMES[seq])))
        (held,) = (held for held in backend.dump() if held.run.project == f"p{seq}")
        assert contents_in(held) == contents_of(r for r in RECORDS if r.seq != seq)
        again = sync([run_dir], backend, options)
        assert (again.exit_code, only(again).status) == (ExitCode.OK, "nothing_new")
        assert (only(again).damage, only(again).known) == ([], [loss])


def test_known_damage_counts_if_strict(memory: MemoryBackend, run_dir: Path) -> None:
    """Who wants to hear of it every time does."""
    write_harmed(run_dir, flipped, 5)
    sync([run_dir], memory)
    report = sync([run_dir], memory, SyncOptions(strict=True))
    assert report.exit_code == ExitCode.INCOMPLETE


@pytest.mark.parametrize("names", [(LOG, COPY), (COPY, LOG)])
@pytest.mark.parametrize("apart", [False, True])
def test_a_log_and_its_clean_copies_have_lost_once(
    open_target: OpenTarget,
    run_dir: Path,
    names: tuple[str, str],
    apart: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Whichever is synced first, and also when they are synced apart."""
    write_harmed(run_dir, flipped, 5, 6)
    (run_dir / COPY).write_bytes(b"".join(FRAMES[:5] + FRAMES[7:]))
    (run_dir / COPY.replace("1", "2")).write_bytes(b"".join(FRAMES[:5] + FRAMES[7:]))
    backend, reports = open_target(), []
    if apart:
        contents = {name: (run_dir / name).read_bytes() for name in names}
        for path in run_dir.iterdir():
            path.unlink()
        for name in names:
            (run_dir / name).write_bytes(contents[name])
            reports.append(only(sync([run_dir], backend)))
    else:
        reports = [only(sync([run_dir], backend)), only(sync([run_dir], backend))]
    assert [len(report.damage) for report in reports] == [1, 0]
    assert [len(report.known) for report in reports] == [0, 1]
    [loss] = reports[-1].known
    assert (loss.file, loss.first_seq, loss.last_seq) == (LOG, 5, 6)
    assert_lacks(backend, 5, 6)


@pytest.mark.parametrize("harm", [flipped, flipped_in_its_head])
def test_damage_at_the_end_is_reported_once(
    open_target: OpenTarget, run_dir: Path, harm: Harm
) -> None:
    """How much is lost there cannot be known; all before it arrives."""
    log = write_harmed(run_dir, harm, LAST)
    report = sync([run_dir], open_target())
    (loss,) = only(report).damage
    assert (loss.start, loss.end, loss.first_seq) == (STARTS[LAST], log.stat().st_size, LAST)
    assert loss.records is None
    assert report.exit_code == ExitCode.INCOMPLETE
    assert_lacks(open_target(), LAST)
    again = sync([run_dir], open_target())
    assert (again.exit_code, only(again).known) == (ExitCode.OK, [loss])


def test_damage_at_the_end_that_others_follow(open_target: OpenTarget, run_dir: Path) -> None:
    """Once records come behind it, it is known what the damage costs."""
    log = write_harmed(run_dir, flipped, LAST)
    sync([run_dir], open_target())
    later = frames_of(*A_RUN, ended(), log_row(20, loss=0.0))[-1]
    with log.open("ab") as file:
        file.write(later)
    report = sync([run_dir], open_target())
    (loss,) = only(report).damage
    assert (loss.first_seq, loss.last_seq, loss.end) == (LAST, LAST, STARTS[LAST + 1])
    assert only(report).records == 1
    again = sync([run_dir], open_target())
    assert (only(again).status, only(again).known) == ("nothing_new", [loss])


def test_damage_at_the_end_that_heals(open_target: OpenTarget, run_dir: Path) -> None:
    """A copy whose last part had not arrived yet is whole the next time."""
    write_harmed(run_dir, flipped, LAST)
    sync([run_dir], open_target())
    log = write_harmed(run_dir, flipped)
    report = sync([run_dir], open_target())
    assert (only(report).damage, only(report).known) == ([], [])
    assert_holds(open_target(), log)


def test_several_damaged_places(open_target: OpenTarget, run_dir: Path) -> None:
    """Each place is reported; neighbours are one place."""
    write_harmed(run_dir, flipped, 3, 4, 9, 17)
    report = sync([run_dir], open_target(), SyncOptions(max_points=4))
    lost = [(loss.first_seq, loss.last_seq) for loss in only(report).damage]
    assert lost == [(3, 4), (9, 9), (17, 17)]
    assert_lacks(open_target(), 3, 4, 9, 17)


def test_damage_that_costs_no_record_is_only_noted(open_target: OpenTarget, run_dir: Path) -> None:
    """A write that came out short and was repeated left bytes behind, and nothing is missing."""
    run_dir.mkdir()
    log = run_dir / LOG
    torn = FRAMES[6][:10]
    log.write_bytes(b"".join([*FRAMES[:6], torn, *FRAMES[6:]]))
    report = sync([run_dir], open_target())
    assert (report.exit_code, only(report).status) == (ExitCode.OK, "synced")
    (note,) = only(report).notes[:1]
    assert "no record lost" in note
    assert_holds(open_target(), log)
    again = sync([run_dir], open_target())
    assert (only(again).notes, only(again).known) == ([], [])


def test_what_the_writer_dropped_is_said_when_it_comes(
    open_target: OpenTarget, run_dir: Path
) -> None:
    """Records that the writer itself had to drop are no damage."""
    write_harmed(run_dir, flipped)
    report = sync([run_dir], open_target())
    assert only(report).notes == ["2 records were lost while recording: no room"]
    assert only(sync([run_dir], open_target())).notes == []


def test_a_damaged_run_stops_no_other(open_target: OpenTarget, wandb: Path) -> None:
    """What is wrong in one directory costs the others nothing."""
    one, two = wandb / "run-20261120_101112-one", wandb / "run-20261120_101112-two"
    write_harmed(one, flipped, 5)
    write_harmed(two, flipped)
    report = sync([one, two], open_target(), SyncOptions(check=True))
    assert [run.status for run in report.runs] == ["damaged", "synced"]
    assert report.exit_code == ExitCode.INCOMPLETE


def test_a_record_that_another_thread_writes_late(open_target: OpenTarget, run_dir: Path) -> None:
    """A number that was taken, and is written behind the next one, is missing only in between."""
    run_dir.mkdir()
    log = run_dir / LOG
    log.write_bytes(b"".join([*FRAMES[:15], FRAMES[16]]))

    def write_late(_: float) -> None:
        with log.open("ab") as file:
            file.write(FRAMES[15])

    report = sync([run_dir], open_target(), SyncOptions(pause=write_late))
    assert (only(report).damage, only(report).records) == ([], 17)
    assert_holds(open_target(), log)


def test_a_record_that_comes_very_late(open_target: OpenTarget, run_dir: Path) -> None:
    """It is reported missing, and forgotten about when it comes."""
    run_dir.mkdir()
    log = run_dir / LOG
    log.write_bytes(b"".join([*FRAMES[:15], FRAMES[16]]))
    waited: list[float] = []
    report = sync([run_dir], open_target(), SyncOptions(pause=waited.append))
    (loss,) = only(report).damage
    assert (loss.first_seq, loss.last_seq, loss.reason) == (15, 15, "records are missing")
    assert len(waited) == 1
    with log.open("ab") as file:
        file.write(FRAMES[15])
    report = sync([run_dir], open_target(), SyncOptions(pause=waited.append))
    assert (only(report).damage, only(report).known, only(report).records) == ([], [], 1)
    assert len(waited) == 1
    assert_holds(open_target(), log)


class Stopped(Exception):  # noqa: N818 - it stands for a death, not for an error
    """The process dies here."""


class Dying(MemoryBackend):
    """A target whose second commit kills the process that makes it."""

    commits = 0

    def commit(self, batch: Batch) -> bool:
        """Take in the first batch only."""
        self.commits += 1
        if self.commits == 2:
            raise Stopped
        return super().commit(batch)


@pytest.mark.parametrize("harm", [removed, flipped])
def test_damage_is_not_forgotten_by_a_sync_that_died(
    run_dir: Path, request: pytest.FixtureRequest, harm: Harm
) -> None:
    """A batch that lies behind the damage has it in its cursor, so that nobody overlooks it."""
    write_harmed(run_dir, harm, 5)
    name = request.node.name
    request.addfinalizer(lambda: MemoryBackend.forget(name))
    dying = Dying(name)
    with pytest.raises(Stopped):
        sync([run_dir], dying, SyncOptions(max_points=8))
    assert dying.commits == 2
    (held,) = dying.dump()
    assert 6 in held.cursor.received
    report = sync([run_dir], MemoryBackend(name))
    assert [(loss.first_seq, loss.last_seq) for loss in only(report).known] == [(5, 5)]
    assert_lacks(dying, 5)
