from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.errors import LogFormatError
from airtape.fold.fold import Fold, fold_log
from airtape.txlog.ends import FIRST_LOOK, LAST_LOOK, LogEnds, read_ends
from airtape.txlog.format import HEAD_SIZE, UNSALTED, encode_frame
from airtape.txlog.reader import read_log
from tests.logs import (
    CHECKPOINT,
    Said,
    checkpoint_frame,
    config,
    ended,
    log_row,
    partial_row,
    summary,
)
from tests.txlog.bytes_of import HEADER, OTHER, frame, row_frame, small_log

ROWS = [
    log_row(1, a=1),
    log_row(2, a=2.5, b="text"),
    partial_row(3, c={"d": 1}),
    config(lr=0.1),
    summary(best=1),
    CHECKPOINT,
]
LOG = small_log()
CHECKPOINT_SEQ = 4


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    """Return the small log as a file."""
    path = tmp_path / "log"
    path.write_bytes(LOG.data)
    return path


def folded(ends: LogEnds) -> dict[str, Any]:
    """Return the state of a fold that starts from the last checkpoint."""
    fold = Fold(ends.state)
    for record in ends.tail:
        fold.apply(record)
    fold.close_row()
    return fold.state()


@given(st.lists(st.sampled_from(ROWS), max_size=12))
def test_both_ends_amount_to_the_whole(
    tmp_path_factory: pytest.TempPathFactory, said: list[Said]
) -> None:
    """The last checkpoint and what came after it say the same as all records."""
    path = tmp_path_factory.mktemp("ends") / "log"
    path.write_bytes(small_log(*said, ended()).data)
    assert folded(read_ends(path)) == fold_log(read_log(path).records).state()


def test_the_tail_begins_behind_the_last_checkpoint(log_path: Path) -> None:
    """What the checkpoint holds already is not read again."""
    ends = read_ends(log_path)
    assert (ends.header, ends.checkpoint_seq) == (HEADER, CHECKPOINT_SEQ)
    assert [record.seq for record in ends.tail] == [5, 6, 7]
    assert ends.state is not None
    assert ends.state["records"] == CHECKPOINT_SEQ + 1
    assert ends.size == len(LOG.data)


def test_without_a_checkpoint_the_tail_is_everything(log_path: Path) -> None:
    """A short log has none."""
    log_path.write_bytes(small_log(log_row(0, a=1)).data)
    ends = read_ends(log_path)
    assert (ends.state, ends.checkpoint_seq, len(ends.tail)) == (None, None, 2)


@pytest.mark.parametrize("data", [b"", LOG.data[:40]])
def test_a_log_that_has_not_begun_is_empty(log_path: Path, data: bytes) -> None:
    """An empty file and a torn header are no errors."""
    log_path.write_bytes(data)
    ends = read_ends(log_path)
    assert (ends.header, ends.tail, ends.damage) == (None, [], [])
    assert ends.incomplete == bool(data)


def test_a_torn_tail_is_incomplete(log_path: Path) -> None:
    """As when the whole log is read."""
    log_path.write_bytes(LOG.data[:-1])
    ends = read_ends(log_path)
    assert (ends.incomplete, ends.damage) == (True, [])


def test_damage_in_the_tail_is_told(log_path: Path) -> None:
    """Damage in front of the checkpoint is not looked at."""
    data = bytearray(LOG.data)
    data[LOG.starts[2] + 30] ^= 1
    data[LOG.starts[6] + 30] ^= 1
    log_path.write_bytes(data)
    assert [(d.start, d.missing) for d in read_ends(log_path).damage] == [(LOG.starts[6], 1)]


def test_a_damaged_header_means_reading_all(log_path: Path) -> None:
    """The checkpoint tells whose log it is; its state is then not needed."""
    log_path.write_bytes(bytes(100) + LOG.data[100:])
    ends = read_ends(log_path)
    assert (ends.header, ends.state, len(ends.tail)) == (HEADER, None, 7)


def test_a_damaged_checkpoint_means_reading_on_from_the_one_before(log_path: Path) -> None:
    """Or from the start, if there is none."""
    data = bytearray(LOG.data)
    data[LOG.starts[CHECKPOINT_SEQ] + 60] ^= 1
    log_path.write_bytes(data)
    ends = read_ends(log_path)
    assert (ends.state, len(ends.tail), len(ends.damage)) == (None, 7, 1)


def test_a_log_of_a_later_major_version_is_refused(log_path: Path) -> None:
    """It is told, not raised: one such log must not stop a listing."""
    later = LOG.frames[0].replace(b"\xa7version\x92\x01\x00", b"\xa7version\x92\x02\x00")
    log_path.write_bytes(_sealed(later) + LOG.data)
    ends = read_ends(log_path)
    assert ends.header is None
    assert "format version 2.0" in str(ends.refused)


def _sealed(changed: bytes) -> bytes:
    return encode_frame(0, changed[HEAD_SIZE:], UNSALTED)


@pytest.mark.parametrize("state", [None, 5, [1]])
def test_a_checkpoint_without_a_state_is_passed_over(log_path: Path, state: dict[str, Any]) -> None:
    """All records are read instead."""
    log_path.write_bytes(LOG.data + checkpoint_frame(8, state, of=HEADER))
    ends = read_ends(log_path)
    assert (ends.state, len(ends.tail)) == (None, 9)


def test_the_checkpoint_of_another_log_is_none_of_ours(log_path: Path) -> None:
    """Wherever it stands."""
    foreign = checkpoint_frame(8, {"records": 99}, of=OTHER)
    log_path.write_bytes(LOG.data + foreign + row_frame(8, 9, a=1))
    ends = read_ends(log_path)
    assert ends.checkpoint_seq == CHECKPOINT_SEQ


def test_a_checkpoint_may_be_the_first_frame_behind_the_header(log_path: Path) -> None:
    """Its tail is all the rest."""
    log_path.write_bytes(small_log(CHECKPOINT, log_row(0, a=1)).data)
    ends = read_ends(log_path)
    assert (ends.checkpoint_seq, [record.seq for record in ends.tail]) == (1, [2])


@pytest.mark.parametrize("behind", [FIRST_LOOK // 2, 2 * FIRST_LOOK, 40 * FIRST_LOOK])
def test_a_checkpoint_is_found_from_afar(log_path: Path, behind: int) -> None:
    """However much was written behind it."""
    rows = [log_row(step, text="x" * 10_000) for step in range(behind // 10_000)]
    log_path.write_bytes(small_log(log_row(0, a=1), CHECKPOINT, *rows).data)
    ends = read_ends(log_path)
    assert (ends.checkpoint_seq, len(ends.tail)) == (2, len(rows))


def test_a_checkpoint_that_is_too_far_away_is_not_looked_for(log_path: Path) -> None:
    """Then the whole log is read, which gives the same."""
    rows = [log_row(step, text="x" * 1_000_000) for step in range(LAST_LOOK // 1_000_000 + 1)]
    log_path.write_bytes(small_log(CHECKPOINT, *rows).data)
    ends = read_ends(log_path)
    assert (ends.state, len(ends.tail)) == (None, len(rows) + 2)


def test_only_the_two_ends_of_a_long_log_are_read(log_path: Path) -> None:
    """What stands between them may be anything."""
    log = small_log(*[log_row(step, text="x" * 10_000) for step in range(100)], CHECKPOINT)
    data = bytearray(log.data)
    data[5000 : len(data) - FIRST_LOOK] = bytes(len(data) - FIRST_LOOK - 5000)
    log_path.write_bytes(data)
    ends = read_ends(log_path)
    assert (ends.checkpoint_seq, ends.tail, ends.damage) == (101, [], [])


def test_records_of_later_kinds_are_part_of_the_tail(log_path: Path) -> None:
    """They are passed on like all others."""
    log_path.write_bytes(LOG.data + frame(8, 999, 5, b"new"))
    assert read_ends(log_path).tail[-1].kind == 999


def test_a_directory_is_no_log(tmp_path: Path) -> None:
    """It is told at once, with the path."""
    with pytest.raises(LogFormatError, match=str(tmp_path)):
        read_ends(tmp_path)


def test_looking_is_bounded() -> None:
    """Writers leave less between two checkpoints than is looked through."""
    assert FIRST_LOOK < 4 << 20 < LAST_LOOK
