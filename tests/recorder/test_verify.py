from __future__ import annotations

import math
import os
import threading
import tracemalloc
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.large_values import store_large
from airtape.named_logs import NamedLogs, find_logs
from airtape.records import Kind
from airtape.txlog.format import UNSALTED, encode_frame
from airtape.verify import RunHealth, verify
from airtape.verify_log import MOST_DAMAGE, LogHealth
from airtape.verify_writer import WriterHealth
from airtape.version import __version__
from tests import logs
from tests.damaged import contents_of, health_of, write_damaged
from tests.processes import RunPython
from tests.recording import StartRun

pytest_plugins = ["tests.recording"]

ROWS = [logs.log_row(step, loss=1 / (step + 1)) for step in range(6)]
OTHER = bytes(range(50, 66))


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A run directory without anything in it."""
    run_dir = logs.run_dir_of(tmp_path)
    run_dir.mkdir()
    return run_dir


@pytest.fixture
def path(run_dir: Path) -> Path:
    """The first writer's log."""
    return run_dir / "run-ab12cd34.txlog"


def _only(run: RunHealth) -> tuple[WriterHealth, LogHealth]:
    (writer,) = run.writers
    (log,) = writer.logs
    return writer, log


def test_a_whole_log_is_whole(run_dir: Path, path: Path) -> None:
    """All records are counted, and every checkpoint says what the records before it say."""
    write_damaged(path, logs.CHECKPOINT, *ROWS, logs.CHECKPOINT, logs.ended())
    run = health_of(run_dir)
    writer, log = _only(run)
    assert run.is_whole
    assert run.run_id == "ab12cd34"
    assert (log.held.encode(), log.size) == ("0-9", path.stat().st_size)
    assert (writer.exit_seq, writer.missing, log.damage, log.torn) == (9, [], [], 0)
    assert (writer.checkpoints.agreeing, writer.checkpoints.differing) == (2, [])


def test_a_flipped_bit_costs_its_record(run_dir: Path, path: Path) -> None:
    """The damaged bytes and the lost record are named, and nothing else."""
    starts = write_damaged(path, *ROWS, logs.ended(), flipped=[3])
    run = health_of(run_dir)
    writer, log = _only(run)
    assert not run.is_whole
    assert [(damage.start, damage.end) for damage in log.damage] == [(starts[3], starts[4])]
    assert writer.missing == [(3, 3)]
    assert writer.lost == writer.lost_in(log.damage[0]) == 1


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_a_torn_end_is_no_damage(run_dir: Path, path: Path, cut: int) -> None:
    """A file that ends in the beginning of a record is whole; the beginning is measured."""
    starts = write_damaged(path, *ROWS)
    with path.open("r+b") as file:
        file.truncate(starts[-2] + cut)
    run = health_of(run_dir)
    writer, log = _only(run)
    assert run.is_whole
    assert (log.torn, writer.held.encode(), writer.exit_seq) == (cut, "0-5", None)


@pytest.mark.parametrize("size", [0, 40])
def test_a_log_without_a_record_yet_is_whole(run_dir: Path, path: Path, size: int) -> None:
    """An empty file, or one that ends within its first frame, lacks nothing."""
    path.write_bytes(b"".join(logs.frames_of())[:size])
    run = health_of(run_dir)
    assert run.is_whole
    assert (run.writers, run.run_id) == ([], None)
    assert [log.torn for log in run.strays] == [size]


def test_damage_up_to_the_end_of_a_run_that_goes_on_is_damage(run_dir: Path, path: Path) -> None:
    """Nobody can tell whether records stood there."""
    starts = write_damaged(path, *ROWS, tail=bytes(500))
    run = health_of(run_dir)
    writer, log = _only(run)
    assert not run.is_whole
    assert writer.bad_ends == [log]
    assert writer.lost_in(log.damage[0]) is None
    assert (log.damage[0].start, log.damage[0].end) == (starts[-1], starts[-1] + 500)


def test_damage_behind_the_end_of_a_run_costs_nothing(run_dir: Path, path: Path) -> None:
    """A writer says nothing behind its exit record."""
    write_damaged(path, *ROWS, logs.ended(), tail=bytes(500))
    run = health_of(run_dir)
    writer, log = _only(run)
    assert run.is_whole
    assert writer.lost_in(log.damage[0]) == 0


def test_a_short_write_that_was_repeated_costs_nothing(run_dir: Path, path: Path) -> None:
    """Bytes that hold no record are named, but no number is missing."""
    frames = logs.frames_of(*ROWS, logs.ended())
    path.write_bytes(b"".join([*frames[:4], frames[4][:30], *frames[4:]]))
    run = health_of(run_dir)
    writer, log = _only(run)
    assert run.is_whole
    assert [(damage.end - damage.start) for damage in log.damage] == [30]
    assert writer.lost_in(log.damage[0]) == 0


def test_a_record_that_is_written_twice_counts_once(run_dir: Path, path: Path) -> None:
    """It is no damage, and noted."""
    frames = logs.frames_of(*ROWS, logs.ended())
    path.write_bytes(b"".join([*frames[:4], *frames[2:]]))
    run = health_of(run_dir)
    assert run.is_whole
    assert _only(run)[1].duplicates == 2


def test_missing_records_are_told_without_any_damage(run_dir: Path, path: Path) -> None:
    """Numbers have no gaps, so a hole that left no trace is noticed."""
    frames = logs.frames_of(*ROWS, logs.ended())
    path.write_bytes(b"".join([*frames[:2], *frames[4:]]))
    run = health_of(run_dir)
    writer, log = _only(run)
    assert not run.is_whole
    assert (writer.missing, log.damage) == ([(2, 3)], [])


def test_what_the_writer_says_it_dropped_is_not_lost(run_dir: Path, path: Path) -> None:
    """A gap record accounts for the records that it names, for no others."""
    frames = logs.frames_of(*ROWS[:3], logs.gap(2, 4, "disk full"), *ROWS[4:])
    path.write_bytes(b"".join([*frames[:2], *frames[4:]]))
    run = health_of(run_dir)
    writer, _ = _only(run)
    assert run.is_whole
    assert writer.dropped == [(2, 4, "disk full")]


@pytest.mark.parametrize("said", [[], [3], ["a", 1], [2, 99, "later"], [3, 2, "wrong way"]])
def test_a_gap_that_says_something_impossible_accounts_for_nothing(
    run_dir: Path, path: Path, said: list[object]
) -> None:
    """Records stay missing."""
    frames = logs.frames_of(*ROWS[:3], (Kind.GAP, said))
    path.write_bytes(b"".join([*frames[:2], *frames[4:]]))
    assert _only(health_of(run_dir))[0].missing == [(2, 3)]


def _continued(path: Path, first_seq: int, *said: logs.Said, repeated: Sequence[bytes]) -> Path:
    """Write a file that goes on from the first one, with some of its frames repeated."""
    header = logs.header(first_seq=first_seq, continues=path.name)
    own, *frames = logs.frames_of(*said, of=header)
    second = path.with_name("run-ab12cd34.node1-4711-1.txlog")
    second.write_bytes(b"".join([own, *repeated, *frames]))
    return second


def test_a_lost_record_that_another_file_repeats_is_not_lost(run_dir: Path, path: Path) -> None:
    """A writer's files count together; what stands in two of them counts once."""
    write_damaged(path, *ROWS, flipped=[4])
    second = _continued(path, 7, logs.ended(), repeated=logs.frames_of(*ROWS)[3:])
    run = health_of(run_dir)
    (writer,) = run.writers
    assert run.is_whole
    assert [log.path for log in writer.logs] == [path, second]
    assert (writer.held.encode(), writer.repeated) == ("0-8", 3)
    assert writer.lost_in(writer.logs[0].damage[0]) == 0


def test_damage_at_the_end_of_a_file_that_was_continued_is_counted(
    run_dir: Path, path: Path
) -> None:
    """The writer went on, so its numbers tell what was lost at the end of the file before."""
    write_damaged(path, *ROWS, tail=bytes(100))
    second = _continued(path, 9, logs.ended(), repeated=())
    run = health_of(run_dir)
    (writer,) = run.writers
    assert (writer.missing, writer.bad_ends) == ([(7, 8)], [])
    assert writer.header.continues == path.name
    second.unlink()
    assert health_of(run_dir).writers[0].bad_ends != []


def test_what_one_directory_lacks_is_looked_for_in_the_others(tmp_path: Path) -> None:
    """Records that were saved elsewhere are not lost, if that place is named too."""
    here, there = logs.run_dir_of(tmp_path / "a"), logs.run_dir_of(tmp_path / "b")
    path = here / "run-ab12cd34.txlog"
    write_damaged(path, *ROWS, flipped=[5])
    there.mkdir(parents=True)
    second = _continued(path, 7, logs.ended(), repeated=logs.frames_of(*ROWS)[5:])
    second.rename(there / second.name)
    assert [run.writers[0].missing for run in verify([NamedLogs(here)])] == [[(5, 5)]]
    assert [run.writers[0].missing for run in verify([NamedLogs(there)])] == [[(0, 4)]]
    both = list(verify([NamedLogs(here), NamedLogs(there)]))
    assert [run.directory for run in both] == [here, there]
    assert all(run.is_whole for run in both)


def test_a_log_whose_end_is_gone_is_told_by_who_has_read_further(
    tmp_path: Path, run_dir: Path, path: Path
) -> None:
    """A later writer says how far it has read; a log that ends before has lost its end."""
    starts = write_damaged(path, *ROWS)
    other = logs.run_dir_of(tmp_path, stamp="20261121_101112")
    logs.write_log(other, logs.ended(), writer=OTHER, parents=[(logs.WRITER, 6)])
    named = find_logs([tmp_path]).logs
    assert all(run.is_whole for run in verify(named))
    with path.open("r+b") as file:
        file.truncate(starts[4])
    (damaged,) = (run for run in verify(named) if not run.is_whole)
    assert damaged.directory == run_dir
    assert damaged.writers[0].missing == [(4, 6)]


def test_one_file_alone_is_not_blamed_for_what_stands_in_others(path: Path) -> None:
    """A file that continues another is read by itself when it alone was named."""
    write_damaged(path, *ROWS)
    second = _continued(path, 7, logs.log_row(6, loss=0), logs.ended(), repeated=())
    (run,) = verify(find_logs([second]).logs)
    assert run.is_whole
    assert run.writers[0].held.encode() == "7-9"


def _checkpoint(seq: int, *said: logs.Said, library: str = __version__) -> bytes:
    """Return the frame of a checkpoint that counts one row too many."""
    header = logs.header(library=library)
    fields = msgpack.unpackb(logs.frames_of(*said, logs.CHECKPOINT, of=header)[-1][22:])
    fields[3]["history"]["rows"] += 1
    return encode_frame(seq, msgpack.packb(fields), UNSALTED)


@pytest.mark.parametrize("library", [__version__, "0.0.1"])
def test_a_checkpoint_that_contradicts_the_records_is_told(
    run_dir: Path, path: Path, library: str
) -> None:
    """It is wrong, unless another version wrote it, which may have counted otherwise."""
    frames = logs.frames_of(*ROWS, of=logs.header(library=library))
    path.write_bytes(b"".join([*frames, _checkpoint(7, *ROWS, library=library)]))
    run = health_of(run_dir)
    writer, _ = _only(run)
    assert run.is_whole is (library != __version__)
    assert (writer.checkpoints.differing, writer.missing) == ([7], [])


def test_a_checkpoint_behind_lost_records_is_not_compared(run_dir: Path, path: Path) -> None:
    """It knows more than the records that are left; from it on, the next one is compared again."""
    said = [*ROWS[:3], logs.CHECKPOINT, *ROWS[3:], logs.CHECKPOINT, logs.ended()]
    write_damaged(path, *said, flipped=[2], of=logs.header(library=__version__))
    checkpoints = _only(health_of(run_dir))[0].checkpoints
    assert (checkpoints.passed_over, checkpoints.agreeing, checkpoints.differing) == (1, 1, [])


@pytest.mark.parametrize("state", [None, {"rows": 3}, [1]])
def test_a_checkpoint_that_this_version_does_not_know_is_counted(
    run_dir: Path, path: Path, state: dict[str, int]
) -> None:
    """It cannot be compared, and nothing is lost by that."""
    frames = [*logs.frames_of(*ROWS), logs.checkpoint_frame(7, state)]
    path.write_bytes(b"".join(frames))
    run = health_of(run_dir)
    checkpoints = _only(run)[0].checkpoints
    assert run.is_whole
    assert (checkpoints.malformed, checkpoints.differing) == (1, [])


def test_checkpoints_are_compared_to_the_bit(run_dir: Path, path: Path) -> None:
    """Not-a-numbers equal themselves, and a negative zero is not a zero."""
    rows = [logs.log_row(0, a=math.nan, b=-0.0), logs.log_row(1, c=1 << 90, d={"e": [True, None]})]
    write_damaged(path, *rows, logs.CHECKPOINT, of=logs.header(library=__version__))
    assert health_of(run_dir).is_whole
    good, bad = logs.frames_of(*rows, logs.CHECKPOINT), logs.log_row(0, a=math.nan, b=0.0)
    changed = logs.frames_of(bad, rows[1], of=logs.header(library=__version__))
    path.write_bytes(b"".join([*changed, good[-1]]))
    assert _only(health_of(run_dir))[0].checkpoints.differing == [3]


def test_a_record_that_says_something_impossible_is_counted(run_dir: Path, path: Path) -> None:
    """It is whole, so nothing is lost."""
    write_damaged(path, (Kind.CONFIG, ["no dictionary"]), *ROWS)
    run = health_of(run_dir)
    assert run.is_whole
    assert _only(run)[0].checkpoints.malformed == 1


def test_what_is_recorded_by_threads_is_whole(start_run: StartRun) -> None:
    """The checkpoints of a real run, with partial and dropped rows, say what its records say."""
    run = start_run(config={"lr": 0.1})
    run.define_metric("loss", summary="min,max,mean")

    def train(number: int) -> None:
        for step in range(200):
            run.log({"loss": 1 / (step + 1), f"n{number}": {"x": step}}, commit=step % 3 == 0)
            run.log({"late": True}, step=0)

    threads = [threading.Thread(target=train, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()
    (health,) = verify(find_logs([run.sync_dir]).logs)
    assert health.is_whole
    writer, _ = _only(health)
    assert writer.checkpoints.agreeing >= 2
    assert (writer.checkpoints.passed_over, writer.exit_seq) == (0, writer.held.max)


RECORD_IN_A_CHILD = """
    import os
    import airtape

    run = airtape.init(project="tests", mode="offline")
    run.log({"loss": 1.0})
    child = os.fork()
    if child == 0:
        run.log({"loss": 0.5})
        run.finish()
        os._exit(0)
    os.waitpid(child, 0)
    run.finish()
"""


def test_what_a_forked_child_records_is_whole(workdir: Path, run_python: RunPython) -> None:
    """The child's checkpoints say what its records say, to the nanosecond."""
    run_python(RECORD_IN_A_CHILD)
    (health,) = verify(find_logs([workdir]).logs)
    assert health.is_whole
    assert [writer.header.role for writer in health.writers] == ["primary", "child"]
    assert all(writer.checkpoints.agreeing for writer in health.writers)


def _with_large(run_dir: Path, blobs: Path) -> tuple[str, Path]:
    """Write a log that refers to a large value, and return its digest and its file."""
    reference = store_large(blobs, "x" * 1000)
    logs.write_log(run_dir, logs.log_row(0, big={"in": [reference]}), logs.ended())
    digest = str(reference["sha256"])
    return digest, blobs / digest


def test_large_values_are_compared_with_their_digests(run_dir: Path) -> None:
    """A file that is there and what it should be is whole; one that was changed is named."""
    digest, blob = _with_large(run_dir, run_dir / "blobs")
    run = health_of(run_dir)
    assert run.is_whole
    assert run.large.referred == {digest}
    blob.chmod(0o644)
    blob.write_bytes(b"something else")
    run = health_of(run_dir)
    assert not run.is_whole
    assert run.large.changed == {digest: "it was changed"}


def test_a_large_value_without_its_file_is_missing(run_dir: Path, tmp_path: Path) -> None:
    """It is named; a link that leads elsewhere, or a folder, is no file."""
    digest, blob = _with_large(run_dir, run_dir / "blobs")
    target = blob.rename(tmp_path / "elsewhere")
    assert health_of(run_dir).large.missing == [digest]
    blob.symlink_to(target)
    assert list(health_of(run_dir).large.changed) == [digest]
    blob.unlink()
    blob.mkdir()
    assert list(health_of(run_dir).large.changed) == [digest]


def test_a_large_value_may_be_in_another_directory_of_the_run(tmp_path: Path) -> None:
    """The directories that were named count together."""
    here, there = logs.run_dir_of(tmp_path / "a"), logs.run_dir_of(tmp_path / "b")
    there.mkdir(parents=True)
    _with_large(here, there / "blobs")
    logs.write_log(there, logs.ended(), writer=OTHER)
    assert [run.is_whole for run in verify([NamedLogs(here)])] == [False]
    assert all(run.is_whole for run in verify([NamedLogs(here), NamedLogs(there)]))


def test_a_reference_that_names_no_digest_opens_no_file(run_dir: Path, tmp_path: Path) -> None:
    """What stands in a record never leads out of the folder of large values."""
    (tmp_path / "secret").write_text("secret")
    reference = {"_type": "airtape/large", "sha256": "../../secret", "size": 6}
    logs.write_log(run_dir, logs.log_row(0, big=reference), logs.ended())
    assert health_of(run_dir).large.changed == {"../../secret": "the record names no digest"}


def test_files_that_are_no_logs_harm_no_others(run_dir: Path, path: Path) -> None:
    """A foreign file and a log of a later version are named; the log beside them is read."""
    write_damaged(path, *ROWS, logs.ended())
    (run_dir / "run-foreign.txlog").write_bytes(b"something else entirely" * 10)
    later = {**logs.header().to_fields(), "version": [99, 0]}
    body = msgpack.packb([int(Kind.HEADER), 0, later])
    (run_dir / "run-later.txlog").write_bytes(encode_frame(0, body, UNSALTED))
    run = health_of(run_dir)
    assert not run.is_whole
    problems = {log.path.name: log.problem for log in run.strays}
    assert problems["run-foreign.txlog"] == "no frame of a transaction log"
    assert "format version 99.0" in str(problems["run-later.txlog"])
    assert _only(run)[0].held.encode() == "0-7"


def test_a_directory_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """So is one without a log."""
    (tmp_path / "file").touch()
    assert health_of(tmp_path / "file").problems == [
        "the directory cannot be read: Not a directory"
    ]
    assert health_of(tmp_path).problems == ["no transaction log"]
    assert not health_of(tmp_path).is_whole


def test_a_log_that_is_gone_again_is_told(path: Path) -> None:
    """What happens to one file is its own affair."""
    log = LogHealth(path)
    log.look()
    assert log.problem == "cannot be read: No such file or directory"
    assert list(log.records()) == []


def test_what_is_no_file_is_told(path: Path) -> None:
    """Nothing waits for somebody to write into a pipe."""
    os.mkfifo(path)
    log = LogHealth(path)
    log.look()
    assert "regular file" in str(log.problem)


def test_a_record_that_is_only_late_is_not_missing(run_dir: Path, path: Path) -> None:
    """A thread that is about to write its record is waited for."""
    frames = logs.frames_of(*ROWS)
    path.write_bytes(b"".join([*frames[:4], frames[5]]))
    waited = []

    def write_late(seconds: float) -> None:
        waited.append(seconds)
        with path.open("ab") as file:
            file.write(frames[4] + frames[6])

    (run,) = verify([NamedLogs(run_dir)], pause=write_late)
    assert run.is_whole
    assert len(waited) == 1
    assert run.writers[0].held.encode() == "0-6"


def test_a_record_that_does_not_come_is_missing(run_dir: Path, path: Path) -> None:
    """Others that come meanwhile change nothing about it, and are not judged yet."""
    frames = logs.frames_of(*ROWS)
    path.write_bytes(b"".join([*frames[:3], frames[4]]))

    def write_another(_: float) -> None:
        with path.open("ab") as file:
            file.write(frames[6])

    (run,) = verify([NamedLogs(run_dir)], pause=write_another)
    assert run.writers[0].missing == [(3, 3)]


def test_verifying_changes_nothing(run_dir: Path, path: Path) -> None:
    """Not a byte, not a time, not a name."""
    write_damaged(path, *ROWS, flipped=[3])
    before = contents_of(run_dir), path.stat().st_mtime_ns, run_dir.stat().st_mtime_ns
    health_of(run_dir)
    assert before == (contents_of(run_dir), path.stat().st_mtime_ns, run_dir.stat().st_mtime_ns)


def test_a_file_that_is_mostly_damage_is_summed_up(run_dir: Path, path: Path) -> None:
    """Only so many damaged places are listed; all of them are counted."""
    rows = [logs.log_row(step) for step in range(2 * MOST_DAMAGE + 20)]
    write_damaged(path, *rows, flipped=range(1, len(rows), 2))
    log = _only(health_of(run_dir))[1]
    assert len(log.damage) == MOST_DAMAGE
    assert log.more_damage == 10


def test_memory_does_not_grow_with_the_log(run_dir: Path, path: Path) -> None:
    """A log of 24 MB is verified with the memory of a few frames."""
    noise = sha256(b"").hexdigest() * 7_000
    write_damaged(path, *(logs.log_row(step, text=f"{step}{noise}") for step in range(54)))
    assert path.stat().st_size > 24e6
    tracemalloc.start()
    run = health_of(run_dir)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert run.is_whole
    assert peak < 10e6


@given(st.data())
def test_lost_are_exactly_the_records_whose_bytes_were_damaged(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever bytes are changed before the last record, the numbers tell what they cost."""
    run_dir = tmp_path_factory.mktemp("run")
    path = run_dir / "run-ab12cd34.txlog"
    said = [logs.CHECKPOINT, *ROWS, logs.ended()]
    starts = write_damaged(path, *said)
    places = st.integers(0, starts[-2] - 1)
    chosen = data.draw(st.sets(places, max_size=6))
    content = bytearray(path.read_bytes())
    for place in chosen:
        content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    hit = {max(n for n, start in enumerate(starts) if start <= place) for place in chosen}
    run = health_of(run_dir)
    if not run.writers:
        assert {0, 1} <= hit
        return
    writer, _ = _only(run)
    missing = {seq for first, last in writer.missing for seq in range(first, last + 1)}
    assert missing == hit
    assert run.is_whole is (not hit)
