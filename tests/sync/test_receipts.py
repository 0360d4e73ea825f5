"""Receipts: what a target has of a run in numbers, however its records came."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from airtape.backends.base import Backend
from airtape.backends.cursor import Cursor, Loss
from airtape.backends.jsonl import JsonlBackend
from airtape.backends.memory import MemoryBackend
from airtape.backends.sqlite import SqliteBackend
from airtape.backends.sqlite_schema import MIGRATIONS
from airtape.backends.tally import Tally, digest_of, tally_of
from airtape.sync.engine import sync
from airtape.sync.options import SyncOptions
from airtape.sync.receipt import Receipt, receipt_of
from airtape.txlog.reader import LogReader
from airtape.txlog.seqset import SeqSet
from tests.logs import ended, frames_of, gap, log_row, run_dir_of, write_log
from tests.sync.runs import A_RUN

OpenTarget = Callable[[], Backend]


def tally_in(log: Path) -> Tally:
    """Return what a log amounts to, read in the plainest way."""
    reader = LogReader(log)
    whole = Tally()
    for record in reader:
        start, crc = reader.last_frame or (0, 0)
        whole = whole.plus(Tally(reader.offset - start, digest_of(record.seq, crc)))  # type: ignore[union-attr]
    return whole


def test_a_receipt_says_what_has_come(open_target: OpenTarget, run_dir: Path) -> None:
    """Records, bytes, digest and gaps of a run, the same for each kind of target."""
    log = write_log(run_dir, *A_RUN, ended())
    (run,) = sync([run_dir], open_target()).runs
    assert run.receipt == Receipt(len(A_RUN) + 2, tally_in(log), 0)
    assert run.receipt.to_json() == {
        "records": len(A_RUN) + 2,
        "bytes": log.stat().st_size,
        "digest": tally_in(log).text,
        "gaps": 0,
    }
    assert run.to_json()["receipt"] == run.receipt.to_json()
    (again,) = sync([run_dir], open_target(), SyncOptions(dry_run=True)).runs
    assert again.receipt == run.receipt


def test_it_is_the_same_whatever_the_way(open_target: OpenTarget, wandb: Path) -> None:
    """In many batches and passes, from several directories, and with the end first."""
    frames = frames_of(*A_RUN, ended())
    whole = write_log(run_dir_of(wandb.parent / "whole"))
    whole.write_bytes(b"".join(frames))
    grown = write_log(wandb / "run-20261120_101112-ab12cd34")
    for end in range(1, len(frames) + 1, 3):
        grown.write_bytes(b"".join(frames[:end]))
        sync([grown.parent], open_target(), SyncOptions(project="grown", max_points=5))
    grown.write_bytes(b"".join(frames))
    parts = [write_log(wandb / f"run-2026112{day}_101112-ab12cd34") for day in (1, 2)]
    parts[0].write_bytes(b"".join([frames[0], *frames[9:]]))
    parts[1].write_bytes(b"".join(frames[:12]))
    sync([part.parent for part in parts], open_target(), SyncOptions(project="parts"))
    sync([grown.parent], open_target(), SyncOptions(project="grown"))
    tallies = [held.cursor.tally for held in open_target().dump()]
    assert tallies == [tally_in(whole)] * 2


def test_two_files_of_a_writer(open_target: OpenTarget, run_dir: Path) -> None:
    """A record that stands in both counts once."""
    frames = frames_of(*A_RUN, ended())
    whole = write_log(run_dir_of(run_dir.parent.parent / "whole"))
    whole.write_bytes(b"".join(frames))
    first, second = (write_log(run_dir, name=name) for name in ("a.txlog", "ab.txlog"))
    first.write_bytes(b"".join(frames[:9]))
    second.write_bytes(b"".join([frames[0], *frames[6:]]))
    (run,) = sync([run_dir], open_target()).runs
    assert run.receipt is not None
    assert run.receipt.tally == tally_in(whole)


def test_damage_is_a_gap_of_the_receipt(memory: MemoryBackend, run_dir: Path) -> None:
    """What the writer itself had to drop is none."""
    log = write_log(run_dir, *(log_row(step, loss=step) for step in range(9)), gap(99, 99, "full"))
    content = bytearray(log.read_bytes())
    content[content.index(b"loss")] ^= 1
    log.write_bytes(content)
    (run,) = sync([run_dir], memory).runs
    assert run.receipt is not None
    assert (run.receipt.records, run.receipt.gaps) == (10, 1)


NUMBERS = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1))


@given(st.lists(NUMBERS, min_size=1, max_size=9), st.randoms(use_true_random=False), st.data())
def test_a_digest_has_no_order_and_sees_a_change(
    records: list[tuple[int, int]], random: Random, data: st.DataObject
) -> None:
    """Whatever order records come in, and in however many parts; another record is another sum."""
    whole = tally_of(9, sum(digest_of(*record) for record in records))
    shuffled = random.sample(records, len(records))
    cut = data.draw(st.integers(0, len(records)))
    parts = [
        tally_of(size, sum(digest_of(*record) for record in part))
        for size, part in ((4, shuffled[:cut]), (5, shuffled[cut:]))
    ]
    assert parts[0].plus(parts[1]) == whole
    changed = data.draw(NUMBERS.filter(lambda record: record != records[0]))
    assert tally_of(9, sum(digest_of(*record) for record in [changed, *records[1:]])) != whole


def test_a_receipt_of_what_came_before_there_were_any() -> None:
    """Its digest is not known; the rest is."""
    loss = Loss("a", 1, 2, 3, 4, "torn")
    known = Cursor(received=SeqSet([(0, 4)]), tally=Tally(5, 6))
    old = Cursor(
        received=SeqSet([(0, 1)]), tally=None, losses=(loss, loss._replace(first_seq=None))
    )
    assert receipt_of([known, known]) == Receipt(10, Tally(10, 12), 0)
    assert receipt_of([known, old]) == Receipt(7, None, 1)
    assert Receipt(7, None, 1).to_json()["digest"] is None


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_a_store_of_an_earlier_version_goes_on(tmp_path: Path, run_dir: Path, version: int) -> None:
    """It is brought up to date when it is opened; what it has stays, and has no digest."""
    store = tmp_path / "store.db"
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        for bring_on in MIGRATIONS[:version]:
            bring_on(Database(connection))
        connection.execute(f"PRAGMA user_version = {version}")
    frames = frames_of(*A_RUN, ended())
    log = write_log(run_dir)
    log.write_bytes(b"".join(frames[:9]))
    with closing(SqliteBackend(str(store))) as backend:
        sync([run_dir], backend)
        (held,) = backend.dump()
        assert held.cursor.tally == tally_in(log)
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE cursors SET bytes = NULL, digest = NULL")
    log.write_bytes(b"".join(frames))
    with closing(SqliteBackend(str(store))) as backend:
        (run,) = sync([run_dir], backend).runs
        assert run.receipt == Receipt(len(frames), None, 0)


def test_a_batch_file_of_an_earlier_version(tmp_path: Path, run_dir: Path) -> None:
    """It is read, and what comes after it has no digest either."""
    frames = frames_of(*A_RUN, ended())
    log = write_log(run_dir)
    log.write_bytes(b"".join(frames[:9]))
    backend = JsonlBackend(str(tmp_path / "store"))
    sync([run_dir], backend)
    (batch,) = (tmp_path / "store").rglob("*-00000001.jsonl")
    text = batch.read_text()
    start = text.index(',"tally":')
    batch.write_text(text[:start] + text[text.index("}", start) + 1 :])
    log.write_bytes(b"".join(frames))
    (run,) = sync([run_dir], backend).runs
    assert run.receipt == Receipt(len(frames), None, 0)
