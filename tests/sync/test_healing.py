"""Logs that come late, twice, in parts or from elsewhere: in the end the target has what they say.

Whatever was missing at first, the target ends up with what the whole log amounts to, as if all of
it had been there from the beginning.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from itertools import permutations
from pathlib import Path

import msgpack
import pytest

from airtape.backends.base import Backend
from airtape.errors import LogFormatError
from airtape.records import Kind
from airtape.sync.engine import sync
from airtape.sync.report import ExitCode
from airtape.txlog.format import UNSALTED, encode_frame
from tests.held import contents_in, contents_of
from tests.logs import BEGAN_NS, header, log_row, write_log
from tests.sync.test_damage import (
    FRAMES,
    LAST,
    LOG,
    RECORDS,
    assert_lacks,
    flipped,
    only,
    removed,
    write_harmed,
)

OpenTarget = Callable[[], Backend]
SECOND_LOG = "run-ab12cd34.host-7-1.txlog"


def write(run_dir: Path, frames: Sequence[bytes], name: str = LOG) -> Path:
    """Write a log of these frames."""
    run_dir.mkdir(exist_ok=True, parents=True)
    log = run_dir / name
    log.write_bytes(b"".join(frames))
    return log


def continuing(first_seq: int, *frames: bytes) -> list[bytes]:
    """Return the frames of a file that continues another: its header has a number of its own."""
    said = header()._replace(first_seq=first_seq, continues=LOG)
    body = msgpack.packb([int(Kind.HEADER), BEGAN_NS, said.to_fields()])
    return [encode_frame(first_seq, body, UNSALTED), *frames]


def assert_whole(backend: Backend) -> None:
    """Make sure that the target has what the whole log says."""
    assert_lacks(backend)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("harm", [removed, flipped])
def test_a_record_that_is_there_later_heals_the_run(
    open_target: OpenTarget, wandb: Path, harm: Callable[[bytes], bytes]
) -> None:
    """Whichever record was bad in a copy: once the copy is whole, the target is as the log."""
    for seq in range(LAST):
        run_dir = wandb / f"run-20261120_101112-{seq}"
        write_harmed(run_dir, harm, seq)
        backend = open_target()
        sync([run_dir], backend)
        log = write_harmed(run_dir, flipped)
        os.utime(log, ns=(BEGAN_NS, BEGAN_NS + seq))
        report = sync([run_dir], backend)
        assert (report.exit_code, only(report).known, only(report).damage) == (ExitCode.OK, [], [])
        assert_whole(backend)
        assert only(sync([run_dir], backend)).status == "nothing_new"


def test_of_two_damaged_places_one_heals(open_target: OpenTarget, run_dir: Path) -> None:
    """What is still damaged stays known, and is not reported anew."""
    write_harmed(run_dir, flipped, 4, 17)
    (_, loss) = only(sync([run_dir], open_target())).damage
    log = write_harmed(run_dir, flipped, 17)
    os.utime(log, ns=(BEGAN_NS, BEGAN_NS))
    report = sync([run_dir], open_target())
    assert (only(report).damage, only(report).known) == ([], [loss])
    assert_lacks(open_target(), 17)


def test_a_damaged_log_that_grows_is_not_begun_anew(open_target: OpenTarget, run_dir: Path) -> None:
    """As long as the damage stays, only what is new is sent."""
    frames = [flipped(frame) if seq == 4 else frame for seq, frame in enumerate(FRAMES)]
    write(run_dir, frames[:20])
    sync([run_dir], open_target())
    write(run_dir, frames)
    report = sync([run_dir], open_target())
    assert (only(report).records, only(report).damage) == (len(FRAMES) - 20, [])
    assert len(only(report).known) == 1
    assert_lacks(open_target(), 4)


def test_a_clean_copy_beside_the_damaged_log(open_target: OpenTarget, run_dir: Path) -> None:
    """A repaired file of the same writer brings what was lost, each record once."""
    write_harmed(run_dir, flipped, 4, 9)
    sync([run_dir], open_target())
    write(run_dir, FRAMES, SECOND_LOG)
    report = sync([run_dir], open_target())
    assert (only(report).damage, only(report).known) == ([], [])
    assert_whole(open_target())
    assert only(sync([run_dir], open_target())).status == "nothing_new"


def test_two_damaged_copies_make_one_whole(open_target: OpenTarget, run_dir: Path) -> None:
    """A record is lost only if it is in none of the writer's files."""
    write_harmed(run_dir, flipped, 4, 9)
    frames = [flipped(frame) if seq in {9, 12} else frame for seq, frame in enumerate(FRAMES)]
    write(run_dir, frames, SECOND_LOG)
    report = sync([run_dir], open_target())
    assert {(loss.first_seq, loss.last_seq) for loss in only(report).damage} == {(9, 9)}
    assert_lacks(open_target(), 9)


def test_a_copy_elsewhere_brings_what_was_lost(open_target: OpenTarget, wandb: Path) -> None:
    """The same log in another directory is the same writer's: what it has more of is taken."""
    one, two = wandb / "run-20261120_101112-one", wandb / "run-20261120_101112-two"
    write_harmed(one, flipped, 4)
    write_harmed(two, flipped)
    report = sync([one, two], open_target())
    assert [run.status for run in report.runs] == ["damaged", "synced"]
    assert_whole(open_target())
    report = sync([one, two], open_target())
    assert [run.status for run in report.runs] == ["nothing_new"] * 2
    assert report.exit_code == ExitCode.OK


@pytest.mark.parametrize("cut", [1, 100, 700])
def test_a_shorter_copy_changes_nothing(open_target: OpenTarget, wandb: Path, cut: int) -> None:
    """A copy that was begun earlier, or has been cut, takes nothing back; it may grow again."""
    one, two = wandb / "run-20261120_101112-one", wandb / "run-20261120_101112-two"
    log = write_harmed(one, flipped, 17)
    sync([one], open_target())
    write(two, [log.read_bytes()[:-cut]])
    report = sync([two, one], open_target())
    assert [(run.status, run.records, run.damage) for run in report.runs] == [
        ("nothing_new", 0, [])
    ] * 2
    assert_lacks(open_target(), 17)
    shutil.copy(log, two / LOG)
    report = sync([two, one], open_target())
    assert [(run.status, run.damage) for run in report.runs] == [("nothing_new", [])] * 2
    assert_lacks(open_target(), 17)


def test_a_log_that_was_cut_and_grows_again(open_target: OpenTarget, run_dir: Path) -> None:
    """What a copy program writes anew from the start is compared with what has come."""
    write(run_dir, FRAMES[:20])
    sync([run_dir], open_target())
    for end in (3, 10, 25, len(FRAMES)):
        write(run_dir, FRAMES[:end])
        assert only(sync([run_dir], open_target())).damage == []
    assert_whole(open_target())


@pytest.mark.parametrize("repeated", [0, 3])
def test_a_file_that_continues_another(
    open_target: OpenTarget, run_dir: Path, repeated: int
) -> None:
    """A writer that had to begin another file repeats the last records; each is taken once."""
    header_seq = len(FRAMES)
    write(run_dir, FRAMES[:15])
    sync([run_dir], open_target())
    later = continuing(header_seq, *FRAMES[15 - repeated :])
    for end in range(1, len(later) + 1):
        write(run_dir, later[:end], SECOND_LOG)
        report = sync([run_dir], open_target())
        assert report.exit_code in {ExitCode.OK, ExitCode.INCOMPLETE}
    assert only(sync([run_dir], open_target())).known == []
    (held,) = open_target().dump()
    expected = contents_of(RECORDS)
    got = contents_in(held)
    assert (got["points"], got["rows"]) == (expected["points"], expected["rows"])
    assert got["received"] == [*expected["received"], header_seq]


def test_parts_of_a_writer_in_any_order(open_target: OpenTarget, wandb: Path) -> None:
    """Directories that hold one part each of a writer's records may come in any order."""
    parts = [
        FRAMES[:10],
        continuing(len(FRAMES), *FRAMES[10:20]),
        continuing(len(FRAMES) + 1, *FRAMES[20:]),
    ]
    for number, order in enumerate(permutations(range(3))):
        dirs = [wandb / f"{number}" / f"run-20261120_101112-{place}" for place in range(3)]
        backend = open_target()
        for place in order:
            write(dirs[place], parts[place], f"run-{number}.part-{place}-1.txlog")
            sync([dirs[place]], backend)
        report = sync(dirs, backend)
        assert [run.known + run.damage for run in report.runs] == [[], [], []]
        (held,) = backend.dump()
        expected, got = contents_of(RECORDS), contents_in(held)
        assert (got["points"], got["rows"]) == (expected["points"], expected["rows"])
        if backend.can_retract:
            backend.retract(held.run)
        else:
            return


def test_the_missing_first_part_is_named(open_target: OpenTarget, run_dir: Path) -> None:
    """Who syncs only the continuing file learns that the first one is not there."""
    write(run_dir, continuing(len(FRAMES), *FRAMES[10:]), SECOND_LOG)
    report = sync([run_dir], open_target())
    assert any("what came before record 10 stands in" in note for note in only(report).notes)
    assert (report.exit_code, only(report).damage) == (ExitCode.OK, [])


def test_late_records_without_the_other_files(open_target: OpenTarget, wandb: Path) -> None:
    """What cannot be put in exactly is refused, with the way out, and nothing is lost."""
    first, second = wandb / "run-20261120_101112-one", wandb / "run-20261120_101112-two"
    write(second, continuing(len(FRAMES), *FRAMES[10:]), SECOND_LOG)
    sync([second], open_target())
    before = [contents_in(held) for held in open_target().dump()]
    away = second.rename(wandb / "away")
    write(first, FRAMES[:10])
    report = sync([first], open_target())
    (problem,) = only(report).problems
    assert (only(report).status, report.exit_code) == ("failed", ExitCode.INCOMPLETE)
    assert isinstance(problem, LogFormatError)
    assert problem.hint == "Sync all directories of the run in one command."
    assert [contents_in(held) for held in open_target().dump()] == before
    away.rename(second)
    assert sync([first, second], open_target()).exit_code == ExitCode.OK
    (held,) = open_target().dump()
    assert contents_in(held)["points"] == contents_of(RECORDS)["points"]


def test_a_growing_first_part_behind_a_later_one(open_target: OpenTarget, wandb: Path) -> None:
    """A first part whose copy takes longer than that of the second is put in its place."""
    first, second = wandb / "run-20261120_101112-one", wandb / "run-20261120_101112-two"
    write(first, FRAMES[:5])
    sync([first], open_target())
    write(second, continuing(len(FRAMES), *FRAMES[20:]), SECOND_LOG)
    report = sync([wandb], open_target())
    assert report.exit_code == ExitCode.INCOMPLETE
    write(first, FRAMES[:20])
    report = sync([wandb], open_target())
    assert report.exit_code == ExitCode.OK
    (held,) = open_target().dump()
    assert contents_in(held)["points"] == contents_of(RECORDS)["points"]
    assert held.cursor.losses == ()


def test_a_foreign_file_among_the_hinted_ones(open_target: OpenTarget, wandb: Path) -> None:
    """Files that are looked for where they stood may have become anything."""
    other = write_log(wandb / "run-20261120_101112-other", log_row(0, x=1), writer=b"o" * 16)
    sync([other.parent], open_target())
    places = [wandb / f"run-20261120_101112-{place}" for place in range(4)]
    for place in places[:3]:
        write(place, continuing(len(FRAMES), *FRAMES[10:]), SECOND_LOG)
    sync(places[:3], open_target())
    (places[0] / SECOND_LOG).write_bytes(b"no log any more")
    (places[1] / SECOND_LOG).write_bytes(b"")
    write(places[3], FRAMES[:10])
    report = sync([places[3]], open_target())
    assert report.exit_code == ExitCode.OK
    assert_has_history(open_target())


def assert_has_history(backend: Backend) -> None:
    """Make sure that the target has the history of the log, in whatever parts it came."""
    (held,) = (held for held in backend.dump() if held.header.writer == header().writer)
    assert contents_in(held)["points"] == contents_of(RECORDS)["points"]


def test_damage_of_a_file_that_is_elsewhere_stays_known(
    open_target: OpenTarget, wandb: Path
) -> None:
    """Another file of the writer, which does not reach as far, says nothing of it."""
    one, two = wandb / "run-20261120_101112-one", wandb / "run-20261120_101112-two"
    write_harmed(one, flipped, LAST)
    (loss,) = only(sync([one], open_target())).damage
    write(two, FRAMES[:5], SECOND_LOG)
    assert only(sync([two], open_target())).known == [loss]
    write(two, FRAMES, SECOND_LOG)
    assert only(sync([two], open_target())).known == []
    assert_whole(open_target())


def test_everything_at_once(open_target: OpenTarget, wandb: Path) -> None:
    """Damaged, continued and copied logs of one writer are one whole."""
    run_dir = wandb / "run-20261120_101112-ab12cd34"
    write_harmed(run_dir, flipped, 3, 12)
    write(run_dir, continuing(len(FRAMES), *FRAMES[10:15]), SECOND_LOG)
    elsewhere = wandb / "run-20261120_101112-copy"
    write(elsewhere, FRAMES[:8])
    sync([wandb], open_target())
    assert_has_history(open_target())
