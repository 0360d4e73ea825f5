from __future__ import annotations

from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.backends.registry import open_backend
from airtape.errors import Error, LogFormatError, TargetError
from airtape.named_logs import NamedLogs, find_logs
from airtape.records import Kind, Record
from airtape.repair import LogRepair, RunRepair, repair
from airtape.repair_frames import clean_frames
from airtape.sync.engine import sync
from airtape.txlog.format import CODE, MAX_BODY, UNSALTED, encode_frame
from airtape.txlog.reader import read_log
from airtape.verify_log import LogHealth
from tests import logs
from tests.damaged import contents_of, health_of, write_damaged
from tests.held import assert_holds

ROWS = [logs.log_row(step, loss=1 / (step + 1)) for step in range(6)]
SAID = [logs.CHECKPOINT, *ROWS[:3], logs.CHECKPOINT, *ROWS[3:], logs.ended()]


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A run directory without anything in it."""
    run_dir = logs.run_dir_of(tmp_path / "wandb")
    run_dir.mkdir(parents=True)
    return run_dir


@pytest.fixture
def path(run_dir: Path) -> Path:
    """The first writer's log."""
    return run_dir / "run-ab12cd34.txlog"


def _only(done: RunRepair) -> LogRepair:
    (log,) = done.logs
    assert log.error is None
    return log


def _copy(run_dir: Path) -> Path:
    """Repair the only log of a run directory and return the copy."""
    log = _only(repair(NamedLogs(run_dir)))
    assert log.status == "repaired"
    assert log.copy is not None
    return log.copy


def _said(path: Path) -> list[Record]:
    """Return the records of a log that has no damage, but for the header's `repairs`."""
    contents = read_log(path)
    assert [damage for damage in contents.damage if damage.start < damage.end] == []
    assert not contents.incomplete
    assert contents.duplicates == 0
    return [
        record._replace(fields=({**record.fields[0], "repairs": None}, *record.fields[1:]))
        if record.kind == Kind.HEADER
        else record
        for record in contents.records
    ]


def test_a_copy_has_every_whole_record(run_dir: Path, path: Path) -> None:
    """It stands beside the damaged log, under the same writer and numbers, and says what it is."""
    write_damaged(path, *SAID, flipped=[3, 7], tail=b"\xc9")
    before = path.read_bytes()
    log = _only(repair(NamedLogs(run_dir)))
    assert log.copy == run_dir / "run-ab12cd34.repaired-1.txlog"
    assert (log.status, log.records, log.restored) == ("repaired", 8, False)
    copied, damaged = read_log(log.copy), read_log(path)
    assert copied.header is not None
    assert damaged.header is not None
    assert copied.header.repairs == path.name
    assert copied.header.writer == damaged.header.writer
    assert [record.seq for record in _said(log.copy)] == [0, 1, 2, 4, 5, 6, 8, 9]
    assert [r for r in _said(log.copy) if r.kind != Kind.CHECKPOINT] == [
        r for r in damaged.records if r.kind != Kind.CHECKPOINT
    ]
    assert path.read_bytes() == before


def test_frames_are_copied_byte_for_byte(run_dir: Path, path: Path) -> None:
    """Kinds and fields that only a later version knows are kept as they stand."""
    unknown = (99, [{"a": 1}, [None], b"bytes"])
    longer = (Kind.CONFIG, [{"lr": 1}, [], "appended later"])
    write_damaged(path, unknown, ROWS[0], longer, flipped=[2])
    frames = logs.frames_of(unknown, ROWS[0], longer)
    assert _copy(run_dir).read_bytes().endswith(frames[1] + frames[3])


def test_any_msgpack_library_walks_the_copy(run_dir: Path, path: Path) -> None:
    """Behind each object comes the next, up to the last byte."""
    write_damaged(path, *SAID, flipped=[2], tail=b"\xc9")
    with _copy(run_dir).open("rb") as file:
        objects = list(msgpack.Unpacker(file))
    assert [item.code for item in objects] == [CODE] * 9


def test_checkpoints_say_where_the_one_before_stands_in_the_copy(run_dir: Path, path: Path) -> None:
    """A reader can go back from one to the other, though lost bytes are left out."""
    write_damaged(path, *SAID, flipped=[2])
    copy = _copy(run_dir)
    first, second = (r for r in read_log(copy).records if r.kind == Kind.CHECKPOINT)
    assert first.fields[3] is None
    header = _header_size(copy)
    assert second.fields[3] == header
    assert health_of(run_dir).writers[0].checkpoints.differing == []


def _header_size(path: Path) -> int:
    with path.open("rb") as file:
        unpacker = msgpack.Unpacker(file)
        unpacker.skip()
        return int(unpacker.tell())


def test_a_lost_header_is_restored_from_a_checkpoint(run_dir: Path, path: Path) -> None:
    """The copy begins as the log once did, and its number is lost no more."""
    write_damaged(path, *SAID, flipped=[0, 4])
    done = repair(NamedLogs(run_dir))
    log = _only(done)
    assert log.restored
    assert log.copy is not None
    assert done.lost(done.health.writers[0]) == [(4, 4)]
    (kind, fields), wall_ns = (Kind.HEADER, [logs.header().to_fields()]), logs.BEGAN_NS
    first = _said(log.copy)[0]
    assert (first.seq, first.kind, first.wall_ns) == (0, kind, wall_ns)
    assert first.fields[0]["run_id"] == fields[0]["run_id"]
    assert health_of(run_dir).writers[0].missing == [(4, 4)]


def test_a_lost_header_of_a_file_that_continues_another_is_restored(run_dir: Path) -> None:
    """It keeps its own number."""
    header = logs.header(first_seq=20, continues="run-ab12cd34.txlog")
    path = run_dir / "run-ab12cd34.node1-4711-1.txlog"
    write_damaged(path, *SAID, flipped=[0], of=header)
    copy = _copy(run_dir)
    assert copy.name == "run-ab12cd34.node1-4711-1.repaired-1.txlog"
    first = read_log(copy).records[0]
    assert (first.seq, first.fields[0]["continues"]) == (20, "run-ab12cd34.txlog")
    assert first.wall_ns == logs.BEGAN_NS + 1_000_000_000


@pytest.mark.parametrize(
    ("flipped", "tail"), [([], b""), ([], b"\xc9"), ([], b"".join(logs.frames_of(*SAID))[:40])]
)
def test_what_is_not_damaged_is_not_repaired(
    run_dir: Path, path: Path, flipped: list[int], tail: bytes
) -> None:
    """Neither a whole log nor one with a torn end gets a copy."""
    write_damaged(path, *SAID, flipped=flipped, tail=tail)
    assert _only(repair(NamedLogs(run_dir))).status == "whole"
    assert list(run_dir.iterdir()) == [path]


def test_records_that_are_missing_without_a_trace_cannot_be_copied(
    run_dir: Path, path: Path
) -> None:
    """A copy would lack the same ones."""
    frames = logs.frames_of(*SAID)
    path.write_bytes(b"".join([*frames[:3], *frames[5:]]))
    done = repair(NamedLogs(run_dir))
    assert _only(done).status == "whole"
    assert done.lost(done.health.writers[0]) == [(3, 4)]


def test_what_was_repaired_before_is_not_repaired_again(run_dir: Path, path: Path) -> None:
    """A second repair finds the copy, and leaves it alone."""
    write_damaged(path, *SAID, flipped=[3])
    copy = _copy(run_dir)
    before = contents_of(run_dir)
    again = {log.log.path: log for log in repair(NamedLogs(run_dir)).logs}
    assert (again[path].status, again[path].copy) == ("copied", copy)
    assert again[copy].status == "whole"
    assert contents_of(run_dir) == before


def test_a_log_that_has_grown_is_repaired_again(run_dir: Path, path: Path) -> None:
    """A copy that lacks later records does not count; it is not overwritten either."""
    frames = logs.frames_of(*SAID)
    write_damaged(path, *SAID[:-2], flipped=[3])
    first = _copy(run_dir)
    before = first.read_bytes()
    with path.open("ab") as file:
        file.writelines(frames[-2:])
    again = next(log for log in repair(NamedLogs(run_dir)).logs if log.log.path == path)
    assert again.copy == run_dir / "run-ab12cd34.repaired-2.txlog"
    assert first.read_bytes() == before
    assert health_of(run_dir).writers[0].missing == [(3, 3)]


def test_a_file_that_happens_to_have_the_name_is_not_overwritten(run_dir: Path, path: Path) -> None:
    """The next number is taken."""
    write_damaged(path, *SAID, flipped=[3])
    taken = run_dir / "run-ab12cd34.repaired-1.txlog"
    taken.write_text("mine")
    logs_done = repair(NamedLogs(run_dir, frozenset({path.name}))).logs
    assert [log.copy for log in logs_done] == [run_dir / "run-ab12cd34.repaired-2.txlog"]
    assert taken.read_text() == "mine"


def test_copies_can_be_written_elsewhere(run_dir: Path, path: Path, tmp_path: Path) -> None:
    """A directory of the run directory's name is made, and found again by the next repair."""
    write_damaged(path, *SAID, flipped=[3])
    before = contents_of(run_dir)
    output = tmp_path / "repaired"
    log = _only(repair(NamedLogs(run_dir), output=output))
    assert log.copy == output / run_dir.name / "run-ab12cd34.repaired-1.txlog"
    assert contents_of(run_dir) == before
    assert _only(repair(NamedLogs(run_dir), output=output)).status == "copied"
    assert [one.run_dir for one in find_logs([output]).logs] == [output / run_dir.name]


def test_a_dry_run_writes_nothing(run_dir: Path, path: Path) -> None:
    """It tells what a repair would write, as the repair then does."""
    write_damaged(path, *SAID, flipped=[0, 3])
    before = contents_of(run_dir)
    said = _only(repair(NamedLogs(run_dir), dry_run=True))
    assert contents_of(run_dir) == before
    assert said.status == "damaged"
    done = _only(repair(NamedLogs(run_dir)))
    assert (said.copy, said.records, said.restored) == (done.copy, done.records, done.restored)


def test_a_copy_that_cannot_be_written_is_an_error(run_dir: Path, path: Path) -> None:
    """It says what to try, and nothing of it stays."""
    write_damaged(path, *SAID, flipped=[3])
    (log,) = repair(NamedLogs(run_dir), output=path).logs
    assert log.status == "failed"
    assert isinstance(log.error, TargetError)
    assert "--output" in str(log.error.hint)


def test_a_file_that_is_no_log_cannot_be_repaired(run_dir: Path, path: Path) -> None:
    """It is named, and the log beside it is repaired."""
    write_damaged(path, *SAID, flipped=[3])
    (run_dir / "run-foreign.txlog").write_bytes(b"something else" * 100)
    done = repair(NamedLogs(run_dir))
    assert {log.log.path.name: log.status for log in done.logs} == {
        "run-ab12cd34.txlog": "repaired",
        "run-foreign.txlog": "failed",
    }
    assert [type(error) for error in done.errors] == [LogFormatError]


def test_a_header_without_room_for_a_name_cannot_be_repaired(run_dir: Path, path: Path) -> None:
    """A log can be anybody's, and its header as large as a frame may be."""
    header = logs.header(host="")
    room = MAX_BODY - len(msgpack.packb([0, logs.BEGAN_NS, header.to_fields()]))
    write_damaged(path, *ROWS, flipped=[3], of=logs.header(host="x" * (room - 4)))
    (log,) = repair(NamedLogs(run_dir)).logs
    assert log.status == "failed"
    assert "no room" in str(log.error)
    assert list(run_dir.iterdir()) == [path]


def test_a_checkpoint_without_room_or_fields_is_copied_as_it_is(run_dir: Path, path: Path) -> None:
    """Where the one before stands is left as it was said, then."""
    short = [int(Kind.CHECKPOINT), 0, logs.WRITER, {}, logs.header().to_fields()]
    frames = logs.frames_of(*ROWS)
    frames.append(encode_frame(7, msgpack.packb(short), UNSALTED))
    frames.append(logs.checkpoint_frame(8, {"x": ""}))
    room = MAX_BODY - len(frames[-1]) + 22
    frames.append(logs.checkpoint_frame(9, {"x": "x" * (room - 4)}))
    frames[3] = frames[3][:-1] + b"\x00"
    path.write_bytes(b"".join(frames))
    copied = _copy(run_dir).read_bytes()
    assert copied.endswith(frames[9])
    assert frames[7] in copied


def test_a_clean_copy_only_has_the_name_of_a_long_log_in_part(run_dir: Path) -> None:
    """File names are at most so long."""
    path = run_dir / f"run-{'x' * 240}.txlog"
    write_damaged(path, *SAID, flipped=[3])
    assert len(_copy(run_dir).name) == 255


@pytest.mark.parametrize("repaired_first", [True, False], ids=["before", "between"])
@pytest.mark.parametrize("flipped", [[3, 7], [0, 4]], ids=["rows", "header"])
@pytest.mark.parametrize("url", ["sqlite:{}/store.db", "jsonl:{}/store"], ids=["sqlite", "jsonl"])
def test_syncing_log_and_copy_doubles_nothing(
    run_dir: Path, tmp_path: Path, url: str, flipped: list[int], *, repaired_first: bool
) -> None:
    """A target holds each record once, whether the log was repaired before it was first synced."""
    write_damaged(run_dir / "run-ab12cd34.txlog", *SAID, flipped=flipped)
    backend = open_backend(url.format(tmp_path))
    if not repaired_first:
        sync([run_dir], backend)
    copy = _copy(run_dir)
    for _ in range(2):
        assert sync([run_dir], backend).runs[0].problems == []
        assert_holds(backend, copy)
    backend.close()


def test_a_log_that_changes_while_it_is_copied_is_told(run_dir: Path, path: Path) -> None:
    """What was its header is kept; that it is gone, or no log, is an error."""
    rows = logs.frames_of(*ROWS)[1:]
    path.write_bytes(b"".join(rows))
    header, *copied = clean_frames(LogHealth(path, header=logs.header()))
    assert copied == rows
    (run_dir / "copy.txlog").write_bytes(header)
    assert read_log(run_dir / "copy.txlog").header == logs.header(repairs=path.name)
    with pytest.raises(LogFormatError):
        next(clean_frames(LogHealth(path)))
    path.unlink()
    with pytest.raises(Error, match="No such file"):
        next(clean_frames(LogHealth(path, header=logs.header())))


@given(st.data())
def test_a_copy_of_any_damage_is_clean(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever bytes are changed, cut out or put in, the copy has what was whole, and no damage."""
    run_dir = tmp_path_factory.mktemp("run")
    path = run_dir / "run-ab12cd34.txlog"
    write_damaged(path, *SAID)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content)))
        end = place + data.draw(st.integers(0, 300))
        content[place:end] = data.draw(st.binary(max_size=300))
    path.write_bytes(content)
    (log,) = repair(NamedLogs(run_dir)).logs
    if log.copy is None:
        assert not log.log.is_damaged or log.log.header is None
        return
    seqs = {record.seq for record in read_log(path).records}
    assert {record.seq for record in _said(log.copy)} == seqs | {0}
