"""The fold: the one function from records to rows, config, summary and state of a run.

The recorder's live summary, the commands and every backend use it, so they cannot disagree. It
never counts calls: the step of each row stands in its records, so a missing record costs itself
and moves nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from airtape.fold.alerts import KEPT_ALERTS, Alert, alert_of
from airtape.fold.history import HistoryFold
from airtape.fold.keys import Key, Tree, copied, key_of, path_of, remove_from, set_in
from airtape.fold.row import RowObserver
from airtape.fold.shapes import MAX_NUMBER, is_state, is_well_formed
from airtape.records import Kind, Record

_SILENT_KINDS = frozenset(
    {
        Kind.HEADER,
        Kind.CHECKPOINT,
        Kind.HEARTBEAT,
        Kind.CONSOLE,
        Kind.SYSTEM,
        Kind.ARTIFACT,
    }
)
_MAPS = ("run", "config", "metadata")
_FLAT_STATE = (
    "exit",
    "preempting",
    "alerts",
    "records",
    "began_ns",
    "heard_ns",
    "unknown",
    "malformed",
)


class Fold:
    """What the records of one writer amount to.

    Args:
        state: What an earlier fold's `state` returned, to go on from there.
        observer: Who wants to see the rows.

    Attributes:
        run: Name, notes, tags, project and so on, as last said.
        config: The config.
        summary: The summary, nested as it was logged.
        history: Rows, steps and definitions of metrics.
        metadata: What was recorded of the machine and the program.
        files: Files of the run by path.
        removed_config: Names that were taken out of the config, in order; they may be there again.
        removed_summary: Keys that were taken out of the summary, likewise.
        exit: ``code``, ``cause`` and ``wall_ns`` of the end, None before it.
        lost: ``(name, size)`` of contents that are given up for lost, by their SHA-256.
        gaps: ``(first seq, last seq, reason)`` of what the writer itself had to drop.
        preempting: Whether the run said that it is being preempted.
        alerts: Number of alerts.
        last_alerts: The last of them, in order.
        records: Number of records.
        began_ns: Wall clock of the first record in nanoseconds, None before it.
        heard_ns: Wall clock of the last record in nanoseconds, None before the first.
        unknown: Number of records of kinds that only a later version knows.
        malformed: Number of records that do not say what their kind says; they change nothing.

    Raises:
        ValueError: The state is none that `state` returned.
    """

    def __init__(
        self, state: dict[str, Any] | None = None, *, observer: RowObserver | None = None
    ) -> None:
        self.run: dict[str, Any] = {}
        self.config: Tree = {}
        self.summary: Tree = {}
        self.history = HistoryFold(self.summary, observer)
        self.metadata: dict[str, Any] = {}
        self.files: dict[str, Any] = {}
        self.removed_config: dict[str, None] = {}
        self.removed_summary: dict[Key, None] = {}
        self.exit: dict[str, Any] | None = None
        self.lost: dict[str, tuple[str, int]] = {}
        self.gaps: list[tuple[int, int, str]] = []
        self.preempting = False
        self.alerts = 0
        self.last_alerts: list[Alert] = []
        self.records = 0
        self.began_ns: int | None = None
        self.heard_ns: int | None = None
        self.unknown = 0
        self.malformed = 0
        self._by_kind: dict[int, Callable[[Record], None]] = {
            Kind.HISTORY: self.history.apply,
            Kind.RUN: self._run,
            Kind.CONFIG: self._config,
            Kind.SUMMARY: self._summary,
            Kind.METRIC: self._metric,
            Kind.EXIT: self._exit,
            Kind.GAP: self._gap,
            Kind.METADATA: self._metadata,
            Kind.FILES: self._files,
            Kind.ALERT: self._alert,
            Kind.PREEMPTING: self._preempting,
            Kind.INHERITED: self._inherited,
            Kind.LOST_CONTENT: self._lost_content,
        }
        if state is not None:
            self._restore(state)

    def apply(self, record: Record) -> None:
        """Take in the next record of the writer, whatever it says."""
        self.records += 1
        if self.began_ns is None:
            self._begin(record.wall_ns)
        self.heard_ns = record.wall_ns
        take = self._by_kind.get(record.kind)
        if take is not None:
            if is_well_formed(record):
                take(record)
            else:
                self.malformed += 1
        elif record.kind not in _SILENT_KINDS:
            self.unknown += 1

    def take_rows(self, batch: list[tuple[int, int, int, int, Tree]]) -> None:
        """Take in records whose data are flat; the same as `apply` on each, in less time.

        Args:
            batch: ``(seq, wall_ns, step, flags, data)`` of history records, none of them dropped.
        """
        if self.began_ns is None and batch:
            self._begin(batch[0][1])
        self.records += len(batch)
        self.heard_ns = batch[-1][1] if batch else self.heard_ns
        self.history.take_rows(batch)

    def close_row(self) -> None:
        """Complete the row that is still open; a reader does it behind the last record."""
        self.history.close_row()

    def _begin(self, wall_ns: int) -> None:
        self.began_ns = self.history.began_ns = wall_ns

    def _run(self, record: Record) -> None:
        self.run.update(record.fields[0])

    def _config(self, record: Record) -> None:
        self.config.update(record.fields[0])
        for name in record.fields[1]:
            self.config.pop(name, None)
            self.removed_config[name] = None

    def _summary(self, record: Record) -> None:
        for path, value, *_ in record.fields[0]:
            set_in(self.summary, key_of(path), value)
        for path in record.fields[1]:
            key = key_of(path)
            remove_from(self.summary, key)
            self.removed_summary[key] = None

    def _metric(self, record: Record) -> None:
        self.history.define(record.fields[0])

    def _exit(self, record: Record) -> None:
        self.close_row()
        code, cause = record.fields[:2]
        if code is not None and abs(code) > MAX_NUMBER:
            code = 1
        self.exit = {"code": code, "cause": cause, "wall_ns": record.wall_ns}

    def _gap(self, record: Record) -> None:
        first, last, reason = record.fields[:3]
        self.gaps.append((first, last, reason))

    def _metadata(self, record: Record) -> None:
        self.metadata.update(record.fields[0])

    def _files(self, record: Record) -> None:
        for file in record.fields[0]:
            self.files[file["path"]] = file

    def _alert(self, record: Record) -> None:
        self.alerts += 1
        alert = alert_of(record.wall_ns, record.fields)
        if alert is not None:
            self.last_alerts = [*self.last_alerts, alert][-KEPT_ALERTS:]

    def _preempting(self, record: Record) -> None:  # noqa: ARG002 - it says nothing more
        self.preempting = True

    def _lost_content(self, record: Record) -> None:
        for name, size, sha256, *_ in record.fields[0]:
            self.lost[sha256] = (name, size)

    def _inherited(self, record: Record) -> None:
        self.history.inherit(*record.fields[:2])

    def state(self) -> dict[str, Any]:
        """Return everything needed to go on later, as a map that msgpack can hold."""
        state = {
            **{name: dict(getattr(self, name)) for name in _MAPS},
            **{name: getattr(self, name) for name in _FLAT_STATE},
            "summary": copied(self.summary),
            "files": list(self.files.values()),
            "gaps": [list(gap) for gap in self.gaps],
            "history": self.history.state(),
        }
        # Only where there are any, as in nearly no run.
        if self.last_alerts:
            state["last_alerts"] = [list(alert) for alert in self.last_alerts]
        if self.lost:
            state["lost"] = [[name, size, sha256] for sha256, (name, size) in self.lost.items()]
        if self.removed_config:
            state["removed_config"] = list(self.removed_config)
        if self.removed_summary:
            state["removed_summary"] = [list(path_of(key)) for key in self.removed_summary]
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        if not is_state(state):
            raise ValueError("this is no state of a fold")
        for name in _MAPS:
            getattr(self, name).update(state[name])
        for name in _FLAT_STATE:
            setattr(self, name, state[name])
        self.summary.update(copied(state["summary"]))
        self.files = {file["path"]: file for file in state["files"]}
        self.gaps = [(first, last, reason) for first, last, reason, *_ in state["gaps"]]
        self.lost = {sha256: (name, size) for name, size, sha256, *_ in state.get("lost", ())}
        self.last_alerts = [Alert(*said[:4]) for said in state.get("last_alerts", ())]
        self.removed_config = dict.fromkeys(state.get("removed_config", ()))
        self.removed_summary = dict.fromkeys(map(key_of, state.get("removed_summary", ())))
        self.history.restore(state["history"])
        self.history.began_ns = self.began_ns or 0


def fold_log(records: Iterable[Record]) -> Fold:
    """Return what a writer's records amount to, with the last row completed."""
    fold = Fold()
    for record in records:
        fold.apply(record)
    fold.close_row()
    return fold
