"""What a run's records amount to so far; rows are folded a few hundred at a time.

Signal handlers and finalizers may record while the fold is at work on earlier records. Theirs wait
until it is done.
"""

from __future__ import annotations

from itertools import groupby
from time import time_ns
from typing import Any, TypeAlias

import msgpack

from airtape.fold.earlier import summary_over
from airtape.fold.fold import Fold
from airtape.fold.keys import Tree
from airtape.records import Kind, Record, pack_big_ints
from airtape.txlog.format import MAX_BODY
from airtape.txlog.writer import LogWriter

FOLD_BATCH = 200
"""Rows that wait before they are folded together.

The more, the cheaper is the mean ``log()``, and the longer takes the call that folds them: measured
with five scalars, 100 rows take 0.08 ms and 0.83 us each, 200 0.14 ms and 0.72 us, 300 0.20 ms and
0.68 us.
"""

WaitingRow: TypeAlias = tuple[int, int, int, int, Tree]
"""``(seq, wall_ns, step, flags, data)`` of a history record whose data are flat."""


class LiveFold:
    """The fold of a log that is being written; its records come in order.

    Args:
        began_ns: Wall clock of the log's header, in nanoseconds.
        first_seq: The header's place in its writer's sequence.
        parent: What the process that this one was forked from had recorded by then.

    Attributes:
        waiting: Rows and other records that are not folded yet, in order. Always the same list.
        torn: Whether an interrupt came between a record and its place in the fold, so that the fold
            may lack a few.
    """

    def __init__(self, began_ns: int, first_seq: int, parent: LiveFold | None = None) -> None:
        self.waiting: list[WaitingRow | Record] = []
        self.torn = False
        self._fold = Fold()
        self._fold.apply(Record(first_seq, Kind.HEADER, began_ns, ()))
        self._busy = False
        self._has_news = True
        self._inherited: dict[str, Any] = {} if parent is None else parent.described
        self._inherited_summary: Tree = {} if parent is None else parent.summary

    def take(self, record: Record) -> None:
        """Fold a record, after those that wait."""
        self.waiting.append(record)
        self.catch_up()

    def take_output(self, seq: int, wall_ns: int) -> None:
        """Count a chunk of output when others are folded; what it says changes nothing."""
        self.waiting.append(Record(seq, Kind.CONSOLE, wall_ns, ()))
        if len(self.waiting) >= FOLD_BATCH:
            self.catch_up()

    def catch_up(self) -> None:
        """Fold what waits, unless that is going on further down the stack."""
        if self._busy:
            return
        self._busy = True
        try:
            while self.waiting:
                batch = self.waiting.copy()
                # In place: somebody further down the stack may be about to append to this list.
                del self.waiting[: len(batch)]
                self._fold_batch(batch)
        except BaseException:
            self.torn = True
            raise
        finally:
            self._busy = False

    def _fold_batch(self, batch: list[WaitingRow | Record]) -> None:
        if set(map(type, batch)) == {tuple}:  # as nearly always
            self._fold.take_rows(batch)  # type: ignore[arg-type]  # only rows are tuples
            self._has_news = True
            return
        others = [item for item in batch if type(item) is tuple or item.kind != Kind.CONSOLE]  # type: ignore[union-attr]  # a record
        for kind, items in groupby(others, type):
            if kind is tuple:
                self._fold.take_rows(list(items))  # type: ignore[arg-type]  # only rows are tuples
                self._has_news = True
            else:
                for record in items:
                    assert isinstance(record, Record)  # noqa: S101 - for the type checker
                    self._fold.apply(record)
                    self._has_news |= record.kind != Kind.HEARTBEAT
        if len(others) < len(batch):
            self._count_output(batch)

    def _count_output(self, batch: list[WaitingRow | Record]) -> None:
        """Count the chunks of output among records: where they stand makes no difference."""
        for item in batch:
            if isinstance(item, Record) and item.kind == Kind.CONSOLE:
                self._fold.apply(item)
        # But for when somebody was heard last.
        last = batch[-1]
        self._fold.heard_ns = last.wall_ns if isinstance(last, Record) else last[1]
        self._has_news = True

    @property
    def fold(self) -> Fold:
        """What all records so far amount to."""
        self.catch_up()
        return self._fold

    def has_news(self, writer: LogWriter) -> bool:
        """Tell whether the last checkpoint lacks anything but heartbeats."""
        has_gaps = len(writer.gaps) > len(self._fold.gaps)
        return self._has_news or has_gaps or bool(self.waiting)

    @property
    def described(self) -> dict[str, Any]:
        """Name, notes, tags and so on; a forked child has its parent's where it says nothing."""
        return {**self._inherited, **self.fold.run}

    @property
    def summary(self) -> Tree:
        """The summary; a forked child's values stand before those that its parent had."""
        fold, inherited = self.fold, self._inherited_summary
        return summary_over(inherited, fold, goes_on=False) if inherited else fold.summary

    def write_checkpoint(self, writer: LogWriter) -> int:
        """Write down what all records so far amount to; nobody else may record meanwhile.

        A state that is too large for a frame is left out, and so is one that an interrupt has torn.

        Returns:
            The size of the checkpoint's body.
        """
        header, size = writer.header, 0
        is_last = False
        while not is_last and not self.torn:
            expected = writer.next_seq
            wall_ns = time_ns()
            # What the disk did not take is said behind the back of this fold.
            self.fold.gaps = writer.gaps.copy()
            state = self.fold.state()
            # As it will be with the checkpoint itself.
            state = {**state, "records": state["records"] + 1, "heard_ns": wall_ns}
            said = [wall_ns, header.writer, state, header.to_fields(), writer.last_checkpoint]
            body = msgpack.packb([int(Kind.CHECKPOINT), *said], default=pack_big_ints)
            size = len(body)
            if size > MAX_BODY:
                break
            seq = writer.append_unsalted(body)
            self.take(Record(seq, Kind.CHECKPOINT, wall_ns, ()))
            # The handler of a signal may have recorded what the state does not have: once more.
            is_last = writer.next_seq == expected + 1
        self._has_news = False
        return size
