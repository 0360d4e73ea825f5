from __future__ import annotations

import math
from pathlib import Path

import pytest

from airtape import rows
from airtape.errors import LogFormatError
from airtape.fold.observers import history
from airtape.fold.row import Row
from airtape.records import Kind, Record
from airtape.rows import history_of, read_history
from airtape.txlog.reader import LogReader
from airtape.writers import read_writers
from tests import logs

FIRST, LATER, CHILD = (bytes([number]) * 16 for number in (1, 2, 3))


def _rows(run_dir: Path) -> tuple[list[Row], list[str]]:
    reported: list[str] = []
    return list(read_history(run_dir, reported.append)), reported


def test_rows_come_with_step_times_and_values(tmp_path: Path) -> None:
    """A row has the wall clock of its last part, and the time since the run began."""
    logs.write_log(tmp_path, logs.partial_row(4, a=1), logs.partial_row(4, b={"c": 2}))
    began = logs.BEGAN_NS / 1e9
    assert _rows(tmp_path) == ([Row(4, began + 2, 2.0, {"a": 1, ("b", "c"): 2})], [])


def test_rows_that_are_read_together_are_what_each_record_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever comes between rows that are alike, and however many are folded at once."""
    monkeypatch.setattr(rows, "ROWS_AT_ONCE", 4)
    said = [logs.log_row(step, a=step, b=math.inf) for step in range(0, 22, 2)]
    said[5:5] = [logs.system(cpu=1.5), logs.partial_row(9, a=1), logs.dropped_row(3, a=7)]
    said[3:3] = [logs.log_row(5, a={"x": 1})]
    said += [logs.log_row(23, b=1, a=2), logs.log_row(24), logs.log_row(25)]
    said += [logs.metric(name="c", step_metric="a"), *(logs.log_row(n, c=n) for n in range(30, 39))]
    log = logs.write_log(tmp_path, *said, logs.partial_row(40, a=1, c="text"))
    records = [item for item in LogReader(log) if isinstance(item, Record)]
    others: list[Record] = []
    read = history_of(read_writers(tmp_path, []), pytest.fail, others=others.append)
    assert list(read) == list(history(records))
    assert others == [record for record in records if record.kind != Kind.HISTORY]


def test_checkpoints_do_not_cut_the_history_short(tmp_path: Path) -> None:
    """All rows are read, not only those behind the last checkpoint."""
    logs.write_log(tmp_path, logs.log_row(0, a=0), logs.CHECKPOINT, logs.log_row(1, a=1))
    assert [row.data for row in _rows(tmp_path)[0]] == [{"a": 0}, {"a": 1}]


def test_a_later_writer_goes_on_and_wins_where_both_have_a_value(tmp_path: Path) -> None:
    """Rows of two writers come in order of their steps, as one."""
    logs.write_log(
        tmp_path,
        *(logs.log_row(step, a=step, old=step) for step in range(3)),
        writer=FIRST,
    )
    logs.write_log(
        tmp_path,
        *(logs.log_row(step, a=-step) for step in range(2, 4)),
        name="run-ab12cd34.here-2-1.txlog",
        writer=LATER,
        parents=[(FIRST, 3)],
        start_step=2,
    )
    rows, reported = _rows(tmp_path)
    assert [(row.step, row.data) for row in rows] == [
        (0, {"a": 0, "old": 0}),
        (1, {"a": 1, "old": 1}),
        (2, {"a": -2, "old": 2}),
        (3, {"a": -3}),
    ]
    assert reported == []


def test_a_rewind_hides_what_came_later(tmp_path: Path) -> None:
    """Rows of an ancestor behind the step that a later writer rewound to are not the run's."""
    logs.write_log(tmp_path, *(logs.log_row(step, a=step) for step in range(9)), writer=FIRST)
    logs.write_log(
        tmp_path,
        logs.log_row(7, a=70),
        name="run-ab12cd34.here-2-1.txlog",
        writer=LATER,
        parents=[(FIRST, 9)],
        start_step=5,
        rewind_to=4,
    )
    assert [row.data["a"] for row in _rows(tmp_path)[0]] == [0, 1, 2, 3, 4, 70]


def test_damage_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    """A damaged record costs itself; its place in the file is told."""
    said = [logs.log_row(step, a=step) for step in range(4)]
    frames = logs.frames_of(*said)
    frames[2] = frames[2][:-1] + bytes([frames[2][-1] ^ 1])
    path = logs.write_log(tmp_path, *said)
    path.write_bytes(b"".join(frames))
    rows, reported = _rows(tmp_path)
    start = len(frames[0]) + len(frames[1])
    assert [row.step for row in rows] == [0, 2, 3]
    assert reported == [
        f"{path.name}: bytes {start}-{start + len(frames[2])}: not a frame, 1 record lost"
    ]


def test_a_record_that_cannot_be_understood_is_reported(tmp_path: Path) -> None:
    """A whole record of the wrong shape is counted."""
    logs.write_log(tmp_path, (1, ["no step"]), logs.log_row(0, a=1))
    rows, reported = _rows(tmp_path)
    assert ([row.step for row in rows], reported) == ([0], ["1 record cannot be understood"])


def test_a_foreign_file_beside_the_log_is_reported(tmp_path: Path) -> None:
    """What only looks like a log by its name does not keep the run from being read."""
    logs.write_log(tmp_path, logs.log_row(0, a=1))
    (tmp_path / "run-other.txlog").write_bytes(b"PK\x03\x04" * 50)
    rows, reported = _rows(tmp_path)
    assert [row.step for row in rows] == [0]
    assert reported == ["run-other.txlog: this is no transaction log"]


def test_a_directory_without_a_readable_log_is_refused(tmp_path: Path) -> None:
    """A run that cannot be read at all is an error that names the directory and the reason."""
    (tmp_path / "run-ab12cd34.txlog").touch()
    with pytest.raises(LogFormatError) as caught:
        _rows(tmp_path)
    assert caught.value.where == str(tmp_path)
    assert "nothing is recorded" in str(caught.value)
