"""A pytest plugin: runs recorded in the tests' own process, and reading back what a log holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

import airtape
from airtape.beginning import Origin
from airtape.fold.fold import Fold
from airtape.fold.observers import RowCollector
from airtape.fold.row import Row
from airtape.opening import Opened, open_somewhere
from airtape.records import HistoryFlag, Kind, Record
from airtape.session import session
from airtape.settings import Settings
from airtape.terminal import Terminal
from airtape.txlog.format import Header
from airtape.txlog.reader import read_log


class StartRun(Protocol):
    """Start a run as `airtape.init` does; see `start_run`."""

    def __call__(self, **arguments: Any) -> airtape.Run:
        """Return the run."""


@pytest.fixture
def start_run(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartRun]:
    """Start runs below the working directory; what is still open at the end is finished.

    They record what the test makes them record, and nothing beside it.
    """
    assert workdir.is_dir()
    monkeypatch.setenv("TRACKER_DISABLE_METADATA", "true")
    monkeypatch.setenv("TRACKER_DISABLE_CONSOLE", "true")

    def start(**arguments: Any) -> airtape.Run:
        return airtape.init(**{"project": "tests", "reinit": "create_new"} | arguments)

    yield start
    session.finish_all()
    assert session.run is None


@pytest.fixture
def run(start_run: StartRun) -> airtape.Run:
    """A run that goes on, the current one."""
    return start_run(reinit=None)


def open_log(folder: Path, **settings: object) -> Opened:
    """Open the log of a new run below a working directory, and nothing else of a run."""
    return open_somewhere(folder, Settings(**settings), Terminal(silent=True), Origin())


@dataclass(frozen=True)
class Recorded:
    """All that one log says.

    Attributes:
        header: What it says of itself.
        records: Its records in the order of the file.
        rows: The rows of the history.
        fold: What the records amount to.
    """

    header: Header
    records: list[Record]
    rows: list[Row]
    fold: Fold

    def of(self, kind: Kind) -> list[Record]:
        """Return the records of one kind."""
        return [record for record in self.records if record.kind == kind]

    def logged(self, key: str) -> list[Any]:
        """Return what was logged under a name, call by call, dropped calls left out."""
        return [
            record.fields[2][key]
            for record in self.of(Kind.HISTORY)
            if key in record.fields[2] and not record.fields[1] & HistoryFlag.DROPPED
        ]

    @property
    def data(self) -> list[tuple[int, dict[Any, Any]]]:
        """Step and values of each row."""
        return [(row.step, row.data) for row in self.rows]


def read_back(log: Path, *, duplicates: int = 0) -> Recorded:
    """Read a log, and make sure of it: nothing damaged, nothing missing, nothing twice.

    Args:
        log: The log.
        duplicates: Frames that may stand there twice, because an interrupt hit them.
    """
    contents = read_log(log)
    assert contents.damage == []
    assert contents.duplicates <= duplicates
    assert contents.header is not None
    first, count = contents.header.first_seq, len(contents.records)
    assert sorted(record.seq for record in contents.records) == list(range(first, first + count))
    collector = RowCollector()
    fold = Fold(observer=collector)
    for record in contents.records:
        fold.apply(record)
    fold.close_row()
    assert fold.malformed == fold.unknown == 0
    return Recorded(contents.header, contents.records, collector.rows, fold)


def log_of(run: airtape.Run) -> Path:
    """Return the log of a run's first writer."""
    return Path(run.sync_dir, f"run-{run.id}.txlog")


def recorded(run: airtape.Run) -> Recorded:
    """Read back the log of a run's first writer."""
    return read_back(log_of(run))


def only_log(folder: Path) -> Path:
    """Return the one log below a working directory."""
    (log,) = folder.glob("wandb/run-*/*.txlog")
    return log
