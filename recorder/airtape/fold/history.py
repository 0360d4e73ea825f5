"""The history part of the fold: rows from partial rows, and what is counted over them."""

from __future__ import annotations

from itertools import groupby, islice
from operator import lt
from typing import Any

from airtape.fold.columns import columns_of, keys_of
from airtape.fold.keys import (
    Key,
    Tree,
    has_dictionary,
    key_of,
    leaves,
    path_of,
    remove_from,
    set_in,
)
from airtape.fold.metrics import MetricDefinition, Metrics, Tally
from airtape.fold.open_row import OpenRow
from airtape.fold.row import (
    RESERVED,
    RUNTIME,
    STEP,
    TIMESTAMP,
    Alike,
    Row,
    RowObserver,
    runtime_at,
)
from airtape.fold.shapes import is_time
from airtape.records import HistoryFlag, Kind, Plain, Record, closes_row

TRACED_METRICS = 50


class HistoryFold:
    """Rows, and the part of the summary that comes from them.

    Args:
        summary: The run's summary; kept up to date in place.
        observer: Who wants to see the rows.

    Attributes:
        metrics: The definitions of metrics.
        last_step: Highest step of any row, None before the first.
        rows: Number of complete rows.
        dropped: Calls of ``log()`` that the step rule refused.
        began_ns: Wall clock of the run's first record, which runtimes count from.
    """

    def __init__(self, summary: Tree, observer: RowObserver | None) -> None:
        self.metrics = Metrics()
        self.last_step: int | None = None
        self.rows = 0
        self.dropped = 0
        self.began_ns = 0
        self._summary = summary
        self._observer = observer
        self._last: dict[Key, Plain] = {}
        self._tallies: dict[Key, Tally] = {}
        self._row: OpenRow | None = None

    def close_row(self) -> None:
        """Complete the row that is still open; a reader does it behind the last record."""
        row = self._row
        if row is None:
            return
        self._row = None
        if self.metrics:
            self._add_step_metrics(row)
        self._count(row.values)
        self.rows += 1
        runtime = self._runtime(row.timestamp)
        self._summary.update({STEP: row.step, TIMESTAMP: row.timestamp, RUNTIME: runtime})
        if self._observer is not None:
            self._observer.close(Row(row.step, row.timestamp, runtime, row.values))

    @property
    def open_row(self) -> dict[Key, Plain] | None:
        """Values of the row that is still open, None if none is."""
        return None if self._row is None else self._row.values

    @property
    def open_step(self) -> int | None:
        """Step of the row that is still open, None if none is."""
        return None if self._row is None else self._row.step

    def _runtime(self, timestamp: float) -> float:
        return runtime_at(timestamp, self.began_ns / 1e9)

    def apply(self, record: Record) -> None:
        """Take in the next history record."""
        step, flags, data = record.fields[:3]
        if flags & HistoryFlag.DROPPED:
            self.dropped += 1
            return
        if self._row is not None and self._row.step != step:
            self.close_row()
        if self._row is None:
            self._row = OpenRow(step)
            if self.last_step is None or step > self.last_step:
                self.last_step = step
        self._merge(self._row, data, record)
        if closes_row(flags):
            self.close_row()

    def _merge(self, row: OpenRow, data: Tree, record: Record) -> None:
        observer, step = self._observer, row.step
        said_time = data.get(TIMESTAMP)
        row.timestamp = float(said_time) if is_time(said_time) else record.wall_ns / 1e9
        row.seq = record.seq
        for key, value in leaves(data):
            if key in RESERVED:
                continue
            gone = row.put(key, value)
            if observer is not None:
                for other in gone:
                    observer.erase(step, other)
                if key in row.values:
                    observer.value(step, key, value, record.seq)
        if observer is not None:
            observer.touch(step, row.timestamp, self._runtime(row.timestamp))

    def _add_step_metrics(self, row: OpenRow) -> None:
        """Put the last value of each step metric into a row that lacks it."""
        definitions = map(self.metrics.find, row.values)
        wanted = dict.fromkeys(
            definition.step_metric
            for definition in definitions
            if definition is not None and definition.adds_step_metric
        )
        for name in wanted:
            key = None if name is None else self._logged_as(name, row)
            if key is not None:
                value = self._last[key]
                row.put(key, value)
                if self._observer is not None:
                    self._observer.value(row.step, key, value, row.seq)

    def _logged_as(self, name: str, row: OpenRow) -> Key | None:
        """Return the key that a step metric was logged under before; None if a row has no room.

        A dotted name is that of a nested value, unless it was logged as it is.
        """
        path = tuple(name.split("."))
        key = name if name in self._last else key_of(path)
        above = {key} if key == name else {key_of(path[:end]) for end in range(1, len(path) + 1)}
        is_there = row.has_dictionary(key) or not above.isdisjoint(row.values)
        return None if is_there or key not in self._last else key

    def _count(self, row: dict[Key, Plain]) -> None:
        self._last.update(row)
        tallies = self._tallies
        for key, value in row.items():
            tally = tallies.get(key)
            if tally is None:
                tally = tallies[key] = self._new_tally(value)
            tally.take(value)
            definition = self.metrics.find(key) if self.metrics else None
            self._summarise(key, value, definition)

    def _new_tally(self, first: Plain) -> Tally:
        return Tally(first, stride=1 if len(self._tallies) < TRACED_METRICS else 0)

    def traces(self) -> dict[Key, list[float]]:
        """Return a few numbers of each metric that has any, in order, to draw it with.

        Only the first `TRACED_METRICS` metrics of a run are traced.
        """
        return {key: tally.trace for key, tally in self._tallies.items() if tally.trace}

    def _summarise(self, key: Key, value: Plain, definition: MetricDefinition | None) -> None:
        operations = () if definition is None else definition.summary
        if definition is not None and operations:
            if "none" in operations:
                return
            value = self._tallies[key].aggregate(operations, definition.goal, value)
        if value is None:
            remove_from(self._summary, key)
        elif value != {} or not has_dictionary(self._summary, key):
            set_in(self._summary, key, value)

    def take_rows(self, batch: list[tuple[int, int, int, int, Tree]]) -> None:
        """Take in records whose data are flat; the same as `apply` on each, in less time.

        Args:
            batch: ``(seq, wall_ns, step, flags, data)`` of history records, none of them dropped.
        """
        if not self._take_alike(batch):
            for _, group in groupby(batch, keys_of):
                alike = list(group)
                if not self._take_alike(alike):
                    for seq, wall_ns, *fields in alike:
                        self.apply(Record(seq, Kind.HISTORY, wall_ns, tuple(fields)))

    def _take_alike(self, batch: list[tuple[int, int, int, int, Tree]]) -> bool:
        """Take in records if each is a row of its own and they have the same keys.

        The last one may have others, and its row may still be open.
        """
        if len(batch) < 3 or self.metrics:  # noqa: PLR2004 - not worth it
            return False
        seqs, wall_ns, steps, _, data = zip(*batch[:-1], strict=True)
        columns = columns_of(data)
        before = () if self._row is None else (self._row.step,)
        in_order = (*before, *steps, batch[-1][2])
        if columns is None or not all(map(lt, in_order, islice(in_order, 1, None))):
            return False
        self.close_row()
        self._count_alike(seqs, wall_ns, steps, columns, data)
        seq, at_ns, *fields = batch[-1]
        self.apply(Record(seq, Kind.HISTORY, at_ns, tuple(fields)))
        return True

    def _count_alike(
        self,
        seqs: tuple[int, ...],
        wall_ns: tuple[int, ...],
        steps: tuple[int, ...],
        columns: dict[str, tuple[Plain, ...]],
        data: tuple[Tree, ...],
    ) -> None:
        last = data[-1]
        self.rows += len(steps)
        self.last_step = max(steps[-1], -1 if self.last_step is None else self.last_step)
        back_since: dict[str, int] = {}
        for key, column in columns.items():
            tally = self._tallies.get(key)
            if tally is None:
                tally = self._tallies[key] = self._new_tally(column[0])
            if not tally.take_all(column) and None in column:
                # None takes it out of the summary; what comes after that puts it at the end.
                remove_from(self._summary, key)
                back_since[key] = len(column) - column[::-1].index(None)
        self._last.update(last)
        for key in columns:
            if key not in back_since:
                self._summarise(key, last[key], None)
        timestamp = wall_ns[-1] / 1e9
        runtime = self._runtime(timestamp)
        self._summary.update({STEP: steps[-1], TIMESTAMP: timestamp, RUNTIME: runtime})
        for place in sorted(set(back_since.values()) - {len(data)}):
            # Those that come back with one row do so in its order, which need not be the others'.
            for key in data[place]:
                if back_since.get(key) == place:
                    self._summarise(key, last[key], None)
        if self._observer is not None:
            timestamps = [time_ns / 1e9 for time_ns in wall_ns]
            began = self.began_ns / 1e9
            self._observer.take_alike(Alike(steps, seqs, timestamps, began, columns))

    def define(self, said: dict[str, Any]) -> None:
        """Take in the definition of a metric; it holds for the rows so far too."""
        definition = self.metrics.define(said)
        if not definition.summary:
            return
        for key in self._tallies:
            if self.metrics.find(key) is definition:
                self._summarise(key, self._last[key], definition)
                if "none" in definition.summary:
                    remove_from(self._summary, key)

    def inherit(self, last_step: int | None, tallies: list[list[Any]]) -> None:
        """Go on from the rows of the writers before; their rows stay theirs.

        Args:
            last_step: Their highest step.
            tallies: What was counted over them, as in `state`; may come in several pieces.
        """
        if last_step is not None:
            self.last_step = last_step
        self._restore_tallies(tallies)

    def state(self) -> dict[str, Any]:
        """Return everything needed to go on later, as a map that msgpack can hold."""
        return {
            "last_step": self.last_step,
            "rows": self.rows,
            "dropped": self.dropped,
            "metrics": [definition.to_fields() for definition in self.metrics.definitions()],
            "tallies": [
                [
                    *(list(path_of(key)), self._last[key], t.first, t.count, t.total),
                    *(t.low, t.high, t.stride, t.trace.copy()),
                ]
                for key, t in self._tallies.items()
            ],
            "row": None if self._row is None else self._row.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.last_step = state["last_step"]
        self.rows = state["rows"]
        self.dropped = state["dropped"]
        for said in state["metrics"]:
            self.metrics.define(said)
        self._restore_tallies(state["tallies"])
        if state["row"] is not None:
            self._row = OpenRow.restored(state["row"])

    def _restore_tallies(self, tallies: list[list[Any]]) -> None:
        for path, last, first, count, total, low, high, stride, trace, *_ in tallies:
            key = key_of(path)
            self._tallies[key] = Tally(first, count, total, low, high, stride, list(trace))
            self._last[key] = last
