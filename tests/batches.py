"""Batches made by hand, for tests of the targets that take them."""

from __future__ import annotations

from collections.abc import Iterable

from airtape.backends.base import Batch, Held
from airtape.backends.cursor import Cursor, FileMark, RunKey, pack_state
from airtape.fold.fold import Fold
from airtape.fold.keys import Key
from airtape.fold.observers import HistoryChanges
from airtape.records import Plain, Point, Record
from airtape.txlog.format import Header
from airtape.txlog.seqset import SeqSet
from tests.plain_values import encoded

WRITER = bytes(range(16))
RUN = RunKey("ab12cd34", WRITER)


def batch_of(  # noqa: PLR0913 - a batch has so many parts
    *points: Point,
    base: Cursor | None = None,
    run: RunKey = RUN,
    header: Header | None = None,
    erased: Iterable[tuple[int, Key]] = (),
    events: Iterable[Record] = (),
    fold: Fold | None = None,
    restart: bool = False,
) -> Batch:
    """Return a batch that builds on a cursor, with ten more records received."""
    base = base or Cursor()
    changes = HistoryChanges()
    for point in points:
        changes.value(*point)
        changes.touch(point.step, 1000.0 + point.step, float(point.step))
    changes.erased.update(erased)
    fold = fold or Fold()
    end = 0 if base.received.max is None or restart else base.received.max + 1
    mark = FileMark(
        offset=100 * end + 1000,
        frame_start=100 * end,
        frame_crc=7,
        max_seq=end + 9,
        size=5000,
        mtime_ns=17,
    )
    received = SeqSet([(0, end + 9)])
    cursor = Cursor(base.version + 1, received, {"run-ab12cd34.txlog": mark}, pack_state(fold, []))
    header = header or Header(run.run_id, WRITER, root=run.root)
    return Batch(run, header, base.version, cursor, changes, list(events), fold, restart)


def with_values(step: int, /, **values: Plain) -> list[Point]:
    """Return the points of a row."""
    return [Point(step, key, value, step) for key, value in values.items()]


def exact(held: Held) -> list[tuple[int, Key, bytes, int]]:
    """Return the points that a target holds, so that values are equal only if they are the same."""
    return [(point.step, point.key, encoded(point.value), point.seq) for point in held.points]
