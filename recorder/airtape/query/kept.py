"""What the API needs of a run, wherever it is kept: in run directories or in a store."""

from __future__ import annotations

import socket
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from airtape.fold.keys import Tree
from airtape.fold.row import Row
from airtape.overview import Overview
from airtape.process import boot_id, process_runs
from airtape.records import Plain
from airtape.states import Vantage
from airtape.system_samples import SystemSample


class KeptFile(NamedTuple):
    """A file of a run.

    Attributes:
        name: Its path among the run's files, with slashes.
        size: Its size in bytes.
        place: Where its content is, None where only its name is kept.
    """

    name: str
    size: int
    place: Path | None


@dataclass(frozen=True, slots=True)
class Amendment:
    """What is to be changed of a run.

    Attributes:
        run: Name, notes, tags and so on, by the name in the log.
        config: New values of config keys.
        summary: New values of summary keys.
        removed_config: Config keys that are taken out.
        removed_summary: Summary keys that are taken out.
        lost: Name, size and SHA-256 of contents that are accepted as lost.
    """

    run: Mapping[str, Plain]
    config: Mapping[str, Plain]
    summary: Mapping[str, Plain]
    removed_config: Sequence[str] = ()
    removed_summary: Sequence[str] = ()
    lost: Sequence[tuple[str, int, str]] = ()

    def __bool__(self) -> bool:
        values = self.run or self.config or self.summary
        return bool(values or self.removed_config or self.removed_summary or self.lost)


class KeptRun(Protocol):
    """A run, wherever it is kept. Reading it again sees what was added meanwhile.

    Attributes:
        overview: What it is, as it was when it was read.
    """

    overview: Overview

    def rows(self) -> Iterator[Row]:
        """Yield its history in order of the steps."""

    def system(self) -> Iterator[SystemSample]:
        """Yield what was measured of the machine, in order of the times."""

    def whole(self, tree: Tree) -> Tree:
        """Return config or summary with the values that were too large for the log."""

    def metadata(self) -> Mapping[str, Any]:
        """Return what was recorded of the machine and the program."""

    def files(self) -> list[KeptFile]:
        """Return its files, sorted by name."""

    def amend(self, amendment: Amendment) -> None:
        """Change it.

        Raises:
            UsageError: It is kept where it cannot be changed.
            TargetError: The change cannot be written.
        """

    def read_again(self) -> None:
        """Bring the overview up to date."""


class Place(Protocol):
    """Somewhere that runs are kept."""

    def find(self, run_id: str | None = None) -> tuple[Sequence[KeptRun], list[str]]:
        """Return the runs with an id, or all, and sentences on what cannot be read.

        Raises:
            TargetError: The place does not answer.
        """


def here_and_now() -> Vantage:
    """Return that one looks from this machine, now."""
    return Vantage(time.time_ns(), socket.gethostname(), boot_id(), process_runs)


def warn(problem: str) -> None:
    """Tell the user of the API what cannot be read."""
    warnings.warn(problem, UserWarning, stacklevel=3)
