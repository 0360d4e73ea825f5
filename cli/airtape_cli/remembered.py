"""How the last sync to a target went."""

from __future__ import annotations

import os
import time

from airtape.sync.last_sync import LastSync, keep_last_sync, read_last_sync, state_folder
from airtape.sync.report import SyncReport
from airtape.targets import without_password


def remember(url: str, report: SyncReport) -> None:
    """Keep how a sync went, if it had anything to do with its target."""
    folder = state_folder(os.environ)
    if folder is not None and (report.runs or report.target_error is not None):
        keep_last_sync(
            folder,
            without_password(url),
            now_ns=time.time_ns(),
            exit_code=report.exit_code,
            error=_error_of(report),
        )


def last_sync(url: str) -> LastSync | None:
    """Return how the last sync to a target went, None if nobody knows."""
    folder = state_folder(os.environ)
    return None if folder is None else read_last_sync(folder, without_password(url))


def _error_of(report: SyncReport) -> str | None:
    """Return what went wrong, in a line; None if nothing did."""
    if report.target_error is not None:
        return without_password(_line(report.target_error))
    failed = [run for run in report.runs if run.problems]
    if not failed:
        return None
    more = f"; and {len(failed) - 1} more" if failed[1:] else ""
    return f"{failed[0].path}: {_line(failed[0].problems[0])}{more}"


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0]
