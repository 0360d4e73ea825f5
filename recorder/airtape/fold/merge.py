"""A run of several writers as one: their order, and what they amount to together.

The order is the same for whoever reads, and in whatever order directories arrive. Clocks have no
say in it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from airtape.fold.alerts import Alert, last_alerts
from airtape.fold.earlier import config_over, summary_over
from airtape.fold.fold import Fold
from airtape.fold.keys import Key, Tree
from airtape.fold.metrics import MetricDefinition
from airtape.txlog.format import Header


class Part(NamedTuple):
    """What one writer of a run has said.

    Attributes:
        header: The writer.
        fold: What its records amount to.
    """

    header: Header
    fold: Fold


class Whole:
    """What all writers of a run amount to.

    Attributes:
        newest: The last primary writer, which says what state the run is in.
        run: Name, notes, tags, project and so on.
        metadata: What was recorded of the machine and the program.
        config: The config.
        summary: The summary.
        definitions: The definitions of metrics, by name and whether it is a prefix.
        traces: A few numbers of each metric, to draw it with.
        last_step: The highest step, None before the first row.
        rows: Number of rows.
        dropped: Calls of ``log()`` that the step rule refused.
        alerts: Number of alerts.
        last_alerts: The last of them, in order of their clocks.
    """

    def __init__(self, newest: Part) -> None:
        self.newest = newest
        self.run: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.config: Tree = {}
        self.summary: Tree = {}
        self.definitions: dict[tuple[str, bool], MetricDefinition] = {}
        self.traces: dict[Key, list[float]] = {}
        self.last_step: int | None = None
        self.rows = 0
        self.dropped = 0
        self.alerts = 0
        self.last_alerts: list[Alert] = []


def in_order(headers: Collection[Header]) -> list[Header]:
    """Return the writers of a run in the order in which they count, the last over all others.

    Ranks, forked children and amendments' place is by role: what ranks and children say stands
    unless a primary writer says otherwise, amendments stand over all but those that have read
    them. Within a role, parents come first, then lower start steps, then lower uuids. A circle of
    parents, which nobody writes, is cut at its first writer.
    """
    parents = {
        header.writer: {writer for writer, _ in header.parents} - {header.writer}
        for header in headers
    }
    waiting = sorted(headers, key=lambda header: (header.start_step, header.writer))
    placed: list[Header] = []
    left = set(parents)
    while waiting:
        ready = (header for header in waiting if left.isdisjoint(parents[header.writer]))
        header = next(ready, waiting[0])
        waiting.remove(header)
        left.discard(header.writer)
        placed.append(header)
    read = _read_by_primaries(headers)
    return sorted(
        placed,
        key=lambda header: _RANK["primary"] if header.writer in read else _RANK.get(header.role, 0),
    )


_RANK = {"shared": 0, "child": 0, "primary": 1, "amend": 2}


def _read_by_primaries(headers: Collection[Header]) -> set[bytes]:
    """Return the amendments that a primary writer goes on from: what it says later counts more."""
    amendments = {header.writer for header in headers if header.role == "amend"}
    if not amendments:
        return amendments
    by_writer = {header.writer: header for header in headers}
    primaries = (header for header in headers if header.role == "primary")
    return amendments & _ancestors(primaries, by_writer)


def hidden_after(headers: Iterable[Header]) -> dict[bytes, int]:
    """Return the last step that still counts, by writer, of those that a rewind cut off."""
    by_writer = {header.writer: header for header in headers}
    last: dict[bytes, int] = {}
    for header in by_writer.values():
        if header.rewind_to is None:
            continue
        for ancestor in _ancestors([header], by_writer) - {header.writer}:
            last[ancestor] = min(header.rewind_to, last.get(ancestor, header.rewind_to))
    return last


def _ancestors(headers: Iterable[Header], by_writer: Mapping[bytes, Header]) -> set[bytes]:
    found: set[bytes] = set()
    waiting = [*headers]
    while waiting:
        for writer, _ in waiting.pop().parents:
            if writer not in found:
                found.add(writer)
                if writer in by_writer:
                    waiting.append(by_writer[writer])
    return found


def merge(parts: Collection[Part]) -> Whole:
    """Return what the writers of a run amount to together.

    Args:
        parts: At least one writer, each once, in any order.
    """
    by_writer = {part.header.writer: part for part in parts}
    ordered = [by_writer[header.writer] for header in in_order([p.header for p in parts])]
    primaries = [part for part in ordered if part.header.role == "primary"]
    whole = Whole((primaries or ordered)[-1])
    hidden = hidden_after([part.header for part in parts])
    for header, fold in ordered:
        history = fold.history
        whole.run.update(fold.run)
        whole.metadata.update(fold.metadata)
        whole.config = config_over(whole.config, fold)
        whole.summary = summary_over(whole.summary, fold, goes_on=bool(header.parents))
        whole.traces.update(history.traces())
        for said in history.metrics.definitions():
            whole.definitions[said.name, said.glob] = said
        if history.last_step is not None:
            last = min(history.last_step, hidden.get(header.writer, history.last_step))
            whole.last_step = max(last, whole.last_step or last)
        whole.rows += history.rows
        whole.dropped += history.dropped
        whole.alerts += fold.alerts
        whole.last_alerts = last_alerts([*whole.last_alerts, *fold.last_alerts])
    return whole
