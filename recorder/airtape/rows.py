"""The whole history of a run directory, row by row, from all its writers; memory stays bounded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import Final, TypeAlias

from airtape.fold.columns import is_flat
from airtape.fold.fold import Fold
from airtape.fold.keys import Tree
from airtape.fold.merge import hidden_after
from airtape.fold.observers import RowCollector
from airtape.fold.row import Row
from airtape.records import Kind, Record
from airtape.txlog.format import Header
from airtape.txlog.reader import Damage
from airtape.writers import WriterFiles, malformed_text, readable_writers

Report: TypeAlias = Callable[[str], None]
Take: TypeAlias = Callable[[Record], None]

ROWS_AT_ONCE: Final = 1024
_HISTORY: Final = int(Kind.HISTORY)  # an enumeration takes ten times as long to compare


def read_history(run_dir: Path, report: Report) -> Iterator[Row]:
    """Yield the rows of a run in order of their steps.

    Where two writers have a value for one metric at one step, that of the later one counts, in the
    order of `airtape.fold.merge`. A rewind hides the later rows of its ancestors.

    Args:
        run_dir: The run directory.
        report: Told in a sentence what is damaged or cannot be understood.

    Raises:
        LogFormatError: The directory has no readable log.
        OSError: A log cannot be read.
    """
    yield from history_of(readable_writers(run_dir, report), report)


def history_of(
    writers: Iterable[WriterFiles], report: Report, *, others: Take | None = None
) -> Iterator[Row]:
    """Yield the rows of some writers of a run, in whatever directories, in order of their steps.

    Args:
        writers: The writers in the order in which they count.
        report: Told in a sentence what is damaged or cannot be understood.
        others: Handed the records that are no history, each writer's in order.

    Raises:
        OSError: A log cannot be read.
    """
    return join_rows([(writer.header, _rows_of(writer, report, others)) for writer in writers])


def join_rows(writers: Sequence[tuple[Header, Iterable[Row]]]) -> Iterator[Row]:
    """Yield the rows of the writers of a run, wherever they are kept, as one history.

    Args:
        writers: Each writer with its rows in order of their steps, in the order in which they
            count.
    """
    limits = hidden_after([header for header, _ in writers])
    streams = [
        _numbered(place, rows, limits.get(header.writer, math.inf))
        for place, (header, rows) in enumerate(writers)
    ]
    for _, group in groupby(merge(*streams), key=lambda numbered: numbered[0]):
        yield _joined([row for _, _, row in group])


def _rows_of(writer: WriterFiles, report: Report, others: Take | None) -> Iterator[Row]:
    collector = RowCollector()
    fold = Fold(observer=collector)
    # Rows that are alike are folded together: that takes a third of the time.
    waiting: list[tuple[int, int, int, int, Tree]] = []
    for name, item in writer.records():
        if isinstance(item, Damage):
            report(f"{name}: {item}")
        elif item.kind == _HISTORY and is_flat(item.fields):
            step, flags, data = item.fields[:3]
            waiting.append((item.seq, item.wall_ns, step, flags, data))
            if len(waiting) == ROWS_AT_ONCE:
                yield from _folded_together(fold, waiting, collector)
        else:
            yield from _folded_together(fold, waiting, collector)
            fold.apply(item)
            yield from _gathered(collector)
            if others is not None and item.kind != _HISTORY:
                others(item)
    yield from _folded_together(fold, waiting, collector)
    fold.close_row()
    if fold.malformed:
        report(malformed_text(fold))
    yield from collector.rows


def _folded_together(
    fold: Fold, waiting: list[tuple[int, int, int, int, Tree]], collector: RowCollector
) -> list[Row]:
    if not waiting:
        return []
    fold.take_rows(waiting)
    waiting.clear()
    return _gathered(collector)


def _gathered(collector: RowCollector) -> list[Row]:
    rows, collector.rows = collector.rows, []
    return rows


def _numbered(place: int, rows: Iterable[Row], last_step: float) -> Iterator[tuple[int, int, Row]]:
    return ((row.step, place, row) for row in rows if row.step <= last_step)


def _joined(rows: list[Row]) -> Row:
    """Return the rows of one step, an earlier writer's first, as one."""
    if len(rows) == 1:
        return rows[0]
    data = {key: value for row in rows for key, value in row.data.items()}
    return rows[-1]._replace(data=data)
