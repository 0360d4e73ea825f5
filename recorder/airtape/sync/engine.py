"""Bringing run directories to a target, each on its own: a bad one never stops the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from airtape.backends.base import Backend
from airtape.sync.report import RunReport, SyncReport


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """How to sync.

    Attributes:
        dry_run: Only find out what there is to do; the target is read, not written.
        check: Read every log, also those that look as they did when they were synced.
        strict: Count known damage like new damage.
        entity: Whom to give the runs to, in place of whom their logs name.
        project: The project to put them into, in place of the one their logs name.
        max_points: Values of one batch, about.
        max_bytes: Bytes of logs behind one batch, about.
        pause: Waits so many seconds.
    """

    dry_run: bool = False
    check: bool = False
    strict: bool = False
    entity: str = ""
    project: str = ""
    max_points: int = 200_000
    max_bytes: int = 8 << 20
    pause: Callable[[float], None] = time.sleep


class Progress(Protocol):
    """Somebody who wants to see how a sync goes on."""

    def planned(self, directories: int, size: int) -> None:
        """So many run directories have something to read, so many bytes together, about."""

    def started(self, path: Path, size: int) -> None:
        """A run directory is begun, with so many bytes to read, about."""

    def advanced(self, path: Path, size: int) -> None:
        """So many bytes more of it were read and have arrived."""

    def finished(self, report: RunReport) -> None:
        """A run directory is done; also those that were planned to have nothing to read."""


class Silent:
    """Progress that nobody sees."""

    def planned(self, directories: int, size: int) -> None:
        """Say nothing."""

    def started(self, path: Path, size: int) -> None:
        """Say nothing."""

    def advanced(self, path: Path, size: int) -> None:
        """Say nothing."""

    def finished(self, report: RunReport) -> None:
        """Say nothing."""


def sync(
    paths: Iterable[str | Path],
    backend: Backend,
    options: SyncOptions = SyncOptions(),  # noqa: B008 - immutable
    progress: Progress | None = None,
) -> SyncReport:
    """Bring the runs that paths name to a target.

    Args:
        paths: Whatever `airtape.rundir.find_run_dirs` takes.
        backend: The target.
        options: How.
        progress: Who is told how it goes on.

    Never raises for what stands in a directory or happens to the target: the report says it.
    """
    raise NotImplementedError
