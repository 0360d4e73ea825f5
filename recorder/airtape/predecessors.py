"""What is on this machine of a run, to go on from: its writers' logs, and what was fetched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from airtape.fetched import read_fetched
from airtape.fold.fold import Fold
from airtape.records import Record
from airtape.run_search import find_run_dirs
from airtape.txlog.format import Header
from airtape.txlog.reader import Damage
from airtape.writers import WriterFiles, joined_writers, read_writers


class Predecessor(Protocol):
    """One writer of a run, by its logs or by what a target held of it."""

    @property
    def header(self) -> Header:
        """What it says of itself."""

    @property
    def last_seq(self) -> int:
        """The last of its records."""

    def fold(self) -> Fold:
        """Return what its records amount to."""

    def records(self) -> Iterator[tuple[str, Record | Damage]]:
        """Yield its records, or others that amount to the same, each with the name of its file."""


def find_writers(folder: Path, run_id: str, root: bytes | None = None) -> list[Predecessor]:
    """Return the writers of a run by what stands below a ``wandb`` folder.

    When the id was used for several runs, those of the run that was heard last. Where both the logs
    of a writer and a fetched copy are there, what goes further counts.

    Args:
        folder: The ``wandb`` folder; it may be missing.
        run_id: The run's id.
        root: Writer that began the run that is meant; any by default.

    Raises:
        LogFormatError: What was fetched of the run cannot be read.
    """
    writers: dict[bytes, Predecessor] = {
        writer.header.writer: writer for writer in recorded_writers(folder, run_id)
    }
    for copy in read_fetched(folder, run_id):
        known = writers.get(copy.header.writer)
        if known is None or known.last_seq < copy.last_seq:
            writers[copy.header.writer] = copy
    by_root: dict[bytes, list[Predecessor]] = {}
    for writer in writers.values():
        by_root.setdefault(root_of(writer.header), []).append(writer)
    if root is not None:
        return by_root.get(root, [])
    return max(by_root.values(), key=_last_heard, default=[])


def recorded_writers(folder: Path, run_id: str) -> list[WriterFiles]:
    """Return the writers of all runs with an id in the run directories below a ``wandb`` folder.

    Args:
        folder: The ``wandb`` folder; it may be missing.
        run_id: The id.
    """
    if not folder.is_dir():
        return []
    found = (
        writer
        for run_dir in find_run_dirs([folder]).run_dirs
        if run_id in run_dir.name
        for writer in read_writers(run_dir, [])
    )
    return joined_writers(writer for writer in found if writer.header.run_id == run_id)


def root_of(header: Header) -> bytes:
    """Return the uuid of the writer that began the run; its own when it does not say."""
    return header.root or header.writer


def _last_heard(writers: Iterable[Predecessor]) -> int:
    return max(writer.fold().heard_ns or 0 for writer in writers)
