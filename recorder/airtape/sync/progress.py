"""How a sync goes on, for whoever wants to see it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from airtape.sync.report import RunReport


class Progress(Protocol):
    """Somebody who wants to see how a sync goes on."""

    def planned(self, directories: int, size: int) -> None:
        """So many run directories may have something to read, so many bytes together, about."""

    def started(self, path: Path, size: int) -> None:
        """A run directory is begun, with so many bytes to read, about."""

    def advanced(self, path: Path, size: int) -> None:
        """So many bytes more of it have arrived."""

    def finished(self, report: RunReport) -> None:
        """A run directory is done; also one that had nothing to read and was never begun."""


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
