"""Whether a target has all of a run, part of it, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, TypeAlias

from airtape.backends.base import Backend
from airtape.backends.cursor import RunKey
from airtape.backends.registry import open_backend
from airtape.overview import Overview

Synced: TypeAlias = Literal["yes", "partly", "no"]

STORE_NAME: Final = "tracker.db"


def default_target(folder: Path) -> str:
    """Return the URL of the store beside the runs of a folder."""
    return f"sqlite:{folder / STORE_NAME}"


@contextmanager
def opened_store(folder: Path) -> Iterator[Backend | None]:
    """Open the store beside the runs of a folder, if it is there; it is not made.

    Raises:
        TargetError: It cannot be opened.
    """
    if not (folder / STORE_NAME).exists():
        yield None
        return
    backend = open_backend(default_target(folder))
    try:
        yield backend
    finally:
        backend.close()


def synced_state(run: Overview, backend: Backend | None) -> Synced:
    """Return how much of a run a target has.

    Raises:
        TargetError: The target does not answer.
    """
    if backend is None or not run.writers:
        return "no"
    seen = up_to_date = 0
    for header, _ in run.writers:
        key = RunKey(header.run_id, header.root or header.writer)
        cursor = backend.read_cursor(key, header.writer)
        if cursor is None:
            continue
        seen += 1
        logs = [log for log in run.logs if log.writer == header.writer]
        marks = cursor.files
        up_to_date += all(log.name in marks and marks[log.name].size == log.size for log in logs)
    if up_to_date == len(run.writers):
        return "yes"
    return "partly" if seen else "no"
