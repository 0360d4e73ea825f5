"""Whether a target has all of a run, part of it, or nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from airtape.backends.base import Backend
from airtape.backends.cursor import RunKey
from airtape.backends.registry import open_backend
from airtape.errors import TargetError
from airtape.overview import Overview
from airtape.settings_sources import load_settings
from airtape.targets import target_url

STORE_NAME: Final = "tracker.db"


def default_target(folder: Path) -> str:
    """Return the URL of the store beside the runs of a folder."""
    return f"sqlite:{folder / STORE_NAME}"


def configured_target(folder: Path) -> str:
    """Return the URL of the target that a setting names, of the store beside the runs if none does.

    Raises:
        UsageError: A setting is wrong.
    """
    settings = load_settings({}, environ=os.environ, cwd=Path.cwd())
    if settings.target is None:
        return default_target(folder)
    return target_url(settings.target, environ=os.environ, cwd=Path.cwd(), folder=folder)


@contextmanager
def synced_lookup(
    folder: Path, report: Callable[[str], None]
) -> Iterator[Callable[[Overview], str]]:
    """Open the store beside the runs of a folder, if it is there, to ask how much it has of a run.

    Args:
        folder: The folder.
        report: Told in a sentence why the store does not answer.

    Yields:
        A function that returns `yes`, `partly` or `no` for a run, `cleaned` for one whose logs
        were removed; `unknown` once the store has failed to answer.
    """
    backend: Backend | None = None
    failed = False

    def ask(run: Overview) -> str:
        nonlocal failed
        if run.cleaned_ns is not None:
            return "cleaned"
        if not failed:
            try:
                return synced_state(run, backend)
            except TargetError as error:
                fail(error)
        return "unknown"

    def fail(error: TargetError) -> None:
        nonlocal failed
        failed = True
        report(f"whether runs are synced is not known: {error}")

    if (folder / STORE_NAME).exists():
        try:
            backend = open_backend(default_target(folder))
        except TargetError as error:
            fail(error)
    try:
        yield ask
    finally:
        if backend is not None:
            backend.close()


def synced_state(run: Overview, backend: Backend | None) -> str:
    """Return how much of a run a target has: `yes`, `partly` or `no`.

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
