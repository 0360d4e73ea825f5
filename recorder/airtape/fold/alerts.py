"""The last alerts of a run, short enough to be part of every checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

KEPT_ALERTS: Final = 10
MAX_TITLE: Final = 100
MAX_TEXT: Final = 500
"""Characters of a text that are kept here; the log has all of it."""


class Alert(NamedTuple):
    """What a run told people about.

    Attributes:
        wall_ns: When, in nanoseconds since 1970.
        level: ``INFO``, ``WARN`` or ``ERROR``.
        title: Its title.
        text: Its text, cut behind `MAX_TEXT` characters.
    """

    wall_ns: int
    level: str
    title: str
    text: str


def alert_of(wall_ns: int, fields: tuple[Any, ...]) -> Alert | None:
    """Return what an alert record says, None if it says something else."""
    title, text, level = (*fields, "", "", "")[:3]
    if not fields or not all(type(said) is str for said in (title, text, level)):
        return None
    return Alert(wall_ns, level[:MAX_TITLE] or "INFO", title[:MAX_TITLE], text[:MAX_TEXT])


def last_alerts(alerts: Iterable[Alert]) -> list[Alert]:
    """Return the last ones of several writers, in order of their clocks."""
    return sorted(alerts)[-KEPT_ALERTS:]
