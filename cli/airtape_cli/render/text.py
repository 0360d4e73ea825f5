"""What texts look like on a terminal; the forms of values are those of `airtape.value_text`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from airtape.states import State
from airtape.value_text import (
    MAX_TEXT,
    local_time,
    moment,
    shortened,
    shown,
    size_text,
    span_text,
    value_text,
)

__all__ = [
    "MAX_TEXT",
    "STATE_STYLES",
    "iso_time",
    "local_time",
    "shortened",
    "shown",
    "size_text",
    "span_text",
    "value_text",
]

STATE_STYLES: Final[Mapping[State, str]] = {
    "finished": "green",
    "running": "cyan",
    "failed": "red",
    "crashed": "red",
    "preempted": "yellow",
    "killed": "yellow",
    "unknown": "dim",
}


def iso_time(wall_ns: int) -> str:
    """Return a wall clock as JSON holds it: ``2026-11-20T10:11:12.000000Z``."""
    return moment(wall_ns).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
