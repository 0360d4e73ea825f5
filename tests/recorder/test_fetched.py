from __future__ import annotations

import struct
from pathlib import Path
from zlib import crc32

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airtape.errors import LogFormatError
from airtape.fetched import MAGIC, FetchedPart, fetched_path, read_fetched, write_fetched
from airtape.fold.fold import Fold, fold_log
from airtape.fold.keys import dotted
from airtape.fold.observers import RowCollector
from airtape.fold.row import Row
from airtape.records import Kind, Plain, Record
from airtape.txlog.format import Header
from tests.plain_values import PLAIN, encoded

KEYS = st.text(min_size=1, max_size=4) | st.lists(
    st.text(min_size=1, max_size=3), min_size=2, max_size=3
).map(tuple)
SCALARS = st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text()
DATA = st.dictionaries(KEYS, SCALARS, max_size=4).filter(
    lambda data: len({dotted(key).split(".")[0] for key in data}) == len(data)
)


def _rows(records: list[Record]) -> list[Row]:
    collector = RowCollector()
    fold = Fold(observer=collector)
    for record in records:
        fold.apply(record)
    fold.close_row()
    assert fold.malformed == fold.unknown == 0
    return collector.rows


@pytest.mark.timeout(40)
@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    data=st.lists(DATA, max_size=4),
    config=st.dictionaries(st.text(), PLAIN, max_size=3),
    summary=st.dictionaries(st.text(min_size=1), SCALARS, max_size=3),
)
def test_what_is_kept_comes_back(
    tmp_path: Path,
    data: list[dict[str | tuple[str, ...], Plain]],
    config: dict[str, Plain],
    summary: dict[str, Plain],
) -> None:
    """State and rows of each writer, exactly; the records made of them amount to the rows."""
    rows = [Row(3 * step, 1e9 + step / 7, step / 7, one) for step, one in enumerate(data)]
    fold = fold_log(
        [
            Record(0, Kind.CONFIG, 1000, (config, [])),
            Record(1, Kind.SUMMARY, 1000, ([[[key], one] for key, one in summary.items()], [])),
        ]
    )
    parts = [
        FetchedPart(Header("x", bytes([number]) * 16, label=str(number)), 7 + number, fold, rows)
        for number in range(2)
    ]
    write_fetched(tmp_path, "x", parts)
    found = read_fetched(tmp_path, "x")
    assert [one.header for one in found] == [part.header for part in parts]
    assert [one.last_seq for one in found] == [7, 8]
    for writer in found:
        assert encoded(writer.fold().state()) == encoded(fold.state())
        records = [record for _, record in writer.records()]
        assert [(row.step, row.timestamp) for row in _rows(records)] == [row[:2] for row in rows]
        assert [repr(row.data) for row in _rows(records)] == [repr(row.data) for row in rows]
        assert encoded(fold_log(records).config) == encoded(config)


def test_there_is_nothing_of_a_run_that_was_not_fetched(tmp_path: Path) -> None:
    """Also where there is no folder, or a file in its place."""
    (tmp_path / "file").touch()
    for folder in (tmp_path, tmp_path / "none", tmp_path / "file"):
        assert read_fetched(folder, "x") == []


@pytest.mark.parametrize("kept", [0, 10, 30, 100, -1])
def test_a_cut_copy_is_refused(tmp_path: Path, kept: int) -> None:
    """Wherever it was cut, what is missing is not taken for nothing."""
    rows = [Row(1, 1.0, 1.0, {"a": 1.0})]
    write_fetched(tmp_path, "x", [FetchedPart(Header("x", b"w" * 16), 3, Fold(), rows)])
    path = fetched_path(tmp_path, "x")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(LogFormatError):
        [list(writer.records()) for writer in read_fetched(tmp_path, "x")]


def test_nothing_is_left_beside_it(tmp_path: Path) -> None:
    """A later copy takes the place of the one before."""
    write_fetched(tmp_path / "a" / "wandb", "x", [])
    path = write_fetched(tmp_path / "a" / "wandb", "x", [])
    assert [one.name for one in path.parent.iterdir()] == ["run-x.fetched"]
    assert read_fetched(tmp_path / "a" / "wandb", "x") == []


def test_a_copy_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """By the system, or because what it says makes no sense."""
    path = fetched_path(tmp_path, "x")
    path.mkdir(parents=True)
    with pytest.raises(LogFormatError, match="Is a directory"):
        read_fetched(tmp_path, "x")
    path.rmdir()
    for state in ({}, Fold().state()):
        head = msgpack.packb({"writers": [{"header": {}, "last_seq": 1, "state": state}]})
        path.write_bytes(MAGIC + struct.pack(">II", len(head), crc32(head)) + head)
        with pytest.raises(LogFormatError, match="says something impossible"):
            read_fetched(tmp_path, "x")


def test_a_copy_that_is_gone_when_its_rows_are_needed_is_named(tmp_path: Path) -> None:
    """Rows are read only by what goes back to a step."""
    write_fetched(tmp_path, "x", [FetchedPart(Header("x", b"w" * 16), 3, Fold(), [])])
    [writer] = read_fetched(tmp_path, "x")
    fetched_path(tmp_path, "x").unlink()
    with pytest.raises(LogFormatError, match="No such file"):
        list(writer.records())
