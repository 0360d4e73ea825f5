"""The columns of runs: what filters and orders name, and where each is found in a run.

A run is a mapping from the names of columns to values, as `columns_of` makes it. Times are integers
of nanoseconds since 1970, spans numbers of seconds; ``config`` and ``summary`` are nested mappings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from typing import Any, Final, TypeAlias, get_args

from airtape.overview import Overview
from airtape.query.operands import Value
from airtape.states import State

RunColumns: TypeAlias = Mapping[str, Any]
"""A run, by the names of `COLUMNS`, with ``config`` and ``summary``; what is missing is null."""

STATES: Final = (*get_args(State), "preempting", "pending")
"""States that may be asked for; W&B has two that no run here is ever in."""


class Sort(Enum):
    """What a column's values are."""

    TEXT = "a text"
    STATE = "a known word"
    TEXTS = "texts"
    NUMBER = "a number"
    SPAN = "a time span such as 90, 15m or 2h"
    TIME = "a time such as 2026-11-20 or 2026-11-20T10:11:12Z"
    ANY = "a value"


@dataclass(frozen=True, slots=True)
class Column:
    """Something that runs are compared by.

    Attributes:
        name: Its name in a run.
        sort: What its values are.
        path: Where the value is inside ``config`` or ``summary``, split at dots; else empty.
    """

    name: str
    sort: Sort
    path: tuple[str, ...] = ()

    def value_in(self, run: RunColumns) -> Value:
        """Return the value that a run has, None if it has none."""
        value = run.get(self.name)
        if not self.path:
            return value
        tree = value if isinstance(value, Mapping) else {}
        found = _find(tree, self.path)
        if found is None and self.path[-1] == "value" and self.name == "config":
            # W&B keeps config as {"lr": {"value": 0.1}} and has its users write it in orders.
            found = _find(tree, self.path[:-1])
        return found

    def __str__(self) -> str:
        return ".".join((self.name, *self.path))


_TREES: Final = {
    "config": "config",
    "summary": "summary",
    "summary_metrics": "summary",
    "summaryMetrics": "summary",
}
COLUMNS: Final[Mapping[str, Sort]] = {
    "state": Sort.STATE,
    "name": Sort.TEXT,
    "id": Sort.TEXT,
    "project": Sort.TEXT,
    "entity": Sort.TEXT,
    "path": Sort.TEXT,
    "group": Sort.TEXT,
    "job_type": Sort.TEXT,
    "tags": Sort.TEXTS,
    "notes": Sort.TEXT,
    "user": Sort.TEXT,
    "host": Sort.TEXT,
    "command": Sort.TEXT,
    "commit": Sort.TEXT,
    "created_at": Sort.TIME,
    "heartbeat_at": Sort.TIME,
    "duration": Sort.SPAN,
    "runtime": Sort.SPAN,
    "step": Sort.NUMBER,
    "rows": Sort.NUMBER,
}
"""The columns besides ``config.NAME`` and ``summary.NAME``."""

ALIASES: Final[Mapping[str, str]] = {
    "display_name": "name",
    "displayName": "name",
    "run_id": "id",
    "run_group": "group",
    "jobType": "job_type",
    "run_job_type": "job_type",
    "tag": "tags",
    "author": "user",
    "username": "user",
    "description": "notes",
    "start_time": "created_at",
    "createdAt": "created_at",
    "heartbeatAt": "heartbeat_at",
    "last_heard": "heartbeat_at",
    "last_step": "step",
    "lastHistoryStep": "step",
}


def column_of(name: str) -> Column | None:
    """Return the column that a name means, None if it means none.

    Names without a dot are the same in upper and lower case.
    """
    head, dot, rest = name.partition(".")
    if head in _TREES and rest:
        return Column(_TREES[head], Sort.ANY, tuple(rest.split(".")))
    found = None if dot else _BY_LOWER_NAME.get(name.lower())
    return None if found is None else Column(found, COLUMNS[found])


def advice_on(name: str) -> str:
    """Return what to try in place of a name that means no column."""
    head, dot, rest = name.partition(".")
    if dot and rest:
        near = get_close_matches(head.lower(), _TREES, n=1)
        return f"Did you mean {near[0]}.{rest}?" if near else ""
    asked = near_names(name, [*COLUMNS, *ALIASES])
    named = name if name.isprintable() else "NAME"
    written = f"Config and metrics are written config.{named} and summary.{named}."
    return f"{asked} {written}".lstrip()


def near_names(said: str, known: Iterable[str]) -> str:
    """Return a question that names what is like a name, empty if nothing is."""
    near = get_close_matches(said.lower(), list(known), n=3)
    return f"Did you mean {' or '.join(near)}?" if near else ""


def find_in(tree: Mapping[str, Any], name: str) -> Value:
    """Return the value under a dotted name in nested mappings, None if there is none.

    A key that itself has the dots goes before nested ones.
    """
    return _find(tree, tuple(name.split(".")))


def columns_of(overview: Overview) -> dict[str, Any]:
    """Return a run by its columns."""
    machine = overview.machine
    return {
        "state": overview.state.name,
        "name": overview.name,
        "id": overview.run_id,
        "names": tuple(filter(None, (overview.run_id, overview.name))),
        "project": overview.project,
        "entity": overview.entity,
        "path": overview.path,
        "group": overview.group,
        "job_type": overview.job_type,
        "tags": overview.tags,
        "notes": overview.notes,
        "user": machine.author,
        "host": machine.host,
        "command": machine.command,
        "commit": machine.git_commit,
        "created_at": overview.began_ns,
        "heartbeat_at": overview.heard_ns,
        "duration": overview.duration_s,
        "runtime": overview.runtime_s,
        "step": overview.last_step,
        "rows": overview.rows,
        "config": overview.config,
        "summary": overview.summary,
    }


_BY_LOWER_NAME: Final = {name.lower(): name for name in COLUMNS} | {
    alias.lower(): name for alias, name in ALIASES.items()
}


def _find(tree: Mapping[str, Any], path: tuple[str, ...]) -> Value:
    for size in range(len(path), 0, -1):
        inner = tree.get(".".join(path[:size]))
        if size < len(path):
            inner = _find(inner, path[size:]) if isinstance(inner, Mapping) else None
        if inner is not None:
            return inner
    return None
