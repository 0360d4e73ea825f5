"""From records to batches: what a target is handed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airtape.backends.base import Batch
from airtape.backends.contents import is_digest
from airtape.backends.cursor import Cursor, RunKey, pack_state, unpack_state
from airtape.file_copy import Digest
from airtape.fold.columns import is_flat
from airtape.fold.observers import HistoryChanges
from airtape.large_values import references_in
from airtape.records import Kind, Record
from airtape.sync.renames import Names
from airtape.sync.source import WriterReader
from airtape.txlog.format import Header

SAID_BY_FOLD = frozenset(
    {
        Kind.HEADER,
        Kind.HISTORY,
        Kind.RUN,
        Kind.CONFIG,
        Kind.SUMMARY,
        Kind.METRIC,
        Kind.CHECKPOINT,
        Kind.EXIT,
        Kind.HEARTBEAT,
        Kind.METADATA,
        Kind.INHERITED,
    }
)
"""Kinds that say nothing beyond the rows and the fold; records of all others are passed on."""

_SAID_BEFORE = frozenset({Kind.HEADER, Kind.CHECKPOINT, Kind.INHERITED})
"""Kinds that only repeat what other records say, some of them in other directories."""
ROWS_AT_ONCE = 1024
"""Rows folded at once. Rows that wait are many small objects, which Python's garbage collector
looks through again and again; folded, they are a few large ones."""
_HISTORY = int(Kind.HISTORY)  # an enumeration takes ten times as long to compare


class BatchBuilder:
    """Folds a writer's records and gathers what they change.

    Args:
        run: The run, as the target knows it.
        header: The writer.
        stored: What the target has.
        names: What the run is called in the target.
        restart: Whether to begin with the first record, in place of what the target has.

    Attributes:
        cursor: What the target has, and reading goes on from; nothing when beginning anew.
        records: Number of records taken since the last batch.
        size: Bytes of logs behind them, as far as whoever reads them has said.
        is_complete: Whether the target has all that was taken, in its last form.
        large: The values too large for a record that the records so far refer to.
    """

    def __init__(
        self,
        run: RunKey,
        header: Header,
        stored: Cursor | None,
        *,
        names: Names,
        restart: bool = False,
    ) -> None:
        stored = stored or Cursor()
        self.cursor = Cursor(version=stored.version) if restart else stored
        self.records = 0
        self.size = 0
        self.is_complete = True
        self._last = True
        self._run = run
        self._names = names
        self._header = header
        self._restart = restart
        self._changes = HistoryChanges()
        said = unpack_state(self.cursor.state, self._changes)
        self._fold = said.fold
        self._changes.erased.update(said.provisional)
        self.large = set(said.large)
        self._events: list[Record] = []
        self._rows: list[tuple[int, int, int, int, dict[str, Any]]] = []
        self._values_in_rows = 0

    @property
    def points(self) -> int:
        """Number of values gathered since the last batch."""
        return self._changes.count + self._values_in_rows

    @property
    def ended(self) -> bool:
        """Whether the writer's exit record has come."""
        return self._fold.exit is not None

    @property
    def gaps(self) -> list[tuple[int, int, str]]:
        """What the writer itself had to drop, as in `Fold.gaps`."""
        self._fold_rows()
        return self._fold.gaps

    def take(self, record: Record) -> None:
        """Take in the next record."""
        self.records += 1
        self.is_complete = False
        seq, kind, wall_ns, fields = record
        if kind == _HISTORY and is_flat(fields):
            step, flags, data = fields[:3]
            self._rows.append((seq, wall_ns, step, flags, data))
            self._values_in_rows += len(data)
            if len(self._rows) == ROWS_AT_ONCE:
                self._fold_rows()
            return
        self._fold_rows()
        said = self._said_otherwise
        self._fold.apply(self._names.applied(record))
        self.large.update(large_in(record))
        if record.kind not in SAID_BY_FOLD or self._said_otherwise != said:
            self._events.append(record)

    @property
    def _said_otherwise(self) -> tuple[int, int]:
        """What grows with records that the fold counts, and leaves out."""
        return self._fold.malformed, self._fold.history.dropped

    def build(self, reader: WriterReader, *, last: bool) -> Batch:
        """Return what has been gathered, with the cursor behind it.

        Args:
            reader: Where the records came from; it has yielded those that were taken, no others.
            last: Whether the files end here: then the last row is taken to be complete, until more
                of it comes.
        """
        self._fold_rows()
        self._last = last
        fold = self._fold
        if self._names.job_type:
            fold.run["job_type"] = self._names.job_type
        state = pack_state(fold, [], self.large)
        if last and fold.history.open_row is not None:
            added = HistoryChanges()
            fold = unpack_state(state, added).fold
            fold.close_row()
            sent_early = [(point.step, point.key) for point in added.points]
            state = pack_state(self._fold, sent_early, self.large)
            for point in added.points:
                self._changes.value(*point)
        cursor = Cursor(
            version=self.cursor.version + 1,
            received=reader.received.copy(),
            files=reader.marks(),
            state=state,
            losses=reader.losses(fold.gaps),
            ended=self.ended,
            tally=reader.tally,
        )
        return Batch(
            run=self._run,
            header=self._header,
            base_version=self.cursor.version,
            cursor=cursor,
            changes=self._changes.drain(),
            events=self._events,
            fold=fold,
            restart=self._restart,
        )

    def committed(self, batch: Batch) -> None:
        """Go on behind a batch that has arrived."""
        self.cursor = batch.cursor
        self.records = self.size = 0
        self.is_complete = self._last
        self._events = []
        self._restart = False

    def _fold_rows(self) -> None:
        if self._rows:
            self._fold.take_rows(self._rows)
            self._rows = []
            self._values_in_rows = 0


def large_in(record: Record) -> Iterator[Digest]:
    """Yield the values too large for a record that it refers to."""
    if record.kind in _SAID_BEFORE:
        return
    for said in references_in(record.fields):
        if type(said["size"]) is int and is_digest(said["sha256"]):
            yield Digest(said["size"], said["sha256"])
