"""What of some runs a target does not have yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from airtape.backends.base import Backend
from airtape.backends.cursor import Cursor
from airtape.fold.merge import Part, merge
from airtape.follow_state import FILE_NAME, read_follow_state
from airtape.sync.deleted import DeletedRuns
from airtape.sync.glance import glance
from airtape.sync.source import Gap
from airtape.sync.target_names import TargetNames
from airtape.writers import WriterFiles, read_writers


@dataclass(slots=True)
class Waiting:
    """What a target lacks of a run directory.

    Attributes:
        path: The directory.
        run_id: The run's id, None when no log tells.
        entity: Whom it belongs to, None when nothing was said.
        project: Its project, None when nothing was said.
        name: Its display name, None when nothing was said.
        records: Number of records that wait; lost ones do not.
        size: Number of bytes that the target has not read of logs.
        since_ns: The wall clock of the last record that it has, or of the first if it has none; of
            several writers the earliest. None when nothing tells.
        ended: Whether the run has ended.
        problems: What cannot be read, and what a follower said when it failed, in sentences.
    """

    path: Path
    run_id: str | None = None
    entity: str | None = None
    project: str | None = None
    name: str | None = None
    records: int = 0
    size: int = 0
    since_ns: int | None = None
    ended: bool = False
    problems: Sequence[str] = ()


def waiting_in(
    run_dirs: Iterable[Path], backend: Backend, tombstones: Sequence[Path]
) -> Iterator[Waiting]:
    """Yield what waits in each directory that the target lacks something of, or that is unreadable.

    Costs little for directories that have not changed since they were synced.

    Args:
        run_dirs: The run directories.
        backend: The target.
        tombstones: As for `airtape.sync.options.SyncOptions`.

    Raises:
        TargetError: The target does not answer.
    """
    names = TargetNames(backend)
    deleted = DeletedRuns(tombstones)
    for run_dir in run_dirs:
        with suppress(OSError):
            # What is wrong with it comes up again below.
            if glance(run_dir, names.hint_of(run_dir), trust=True).unchanged:
                continue
            if deleted.find(run_dir) is not None:
                continue
        problems: list[str] = []
        writers = read_writers(run_dir, problems)
        waiting = _waiting(run_dir, writers, problems, backend, names)
        if waiting.records or problems:
            state = read_follow_state(run_dir / "logs" / FILE_NAME)
            error = None if state is None else state.error
            waiting.problems = [*problems, *([] if error is None else [error])]
            yield waiting


def _waiting(
    run_dir: Path,
    writers: Sequence[WriterFiles],
    problems: list[str],
    backend: Backend,
    names: TargetNames,
) -> Waiting:
    waiting = Waiting(run_dir)
    parts = []
    for writer in writers:
        try:
            parts.append(Part(writer.header, writer.fold()))
        except OSError as error:
            problems.append(f"{error.filename} cannot be read: {error.strerror}")
            continue
        run = names.run_of(writer.paths[0], writer.header)
        cursor = backend.read_cursor(run, writer.header.writer)
        records = _records(writer, cursor or Cursor(), parts[-1].fold.gaps)
        if records:
            waiting.records += records
            waiting.size += _size(writer, cursor or Cursor())
            fold = parts[-1].fold
            since = fold.began_ns if cursor is None else cursor.fold().heard_ns
            known = [at for at in (waiting.since_ns, since) if at is not None]
            waiting.since_ns = min(known, default=None)
    if parts:
        whole = merge(parts)
        waiting.run_id = whole.newest.header.run_id
        waiting.entity, waiting.project, waiting.name = (
            str(said) if (said := whole.run.get(name)) else None
            for name in ("entity", "project", "name")
        )
        waiting.ended = whole.newest.fold.exit is not None
    return waiting


def _records(writer: WriterFiles, cursor: Cursor, dropped: Iterable[Gap]) -> int:
    """Count the records that a target lacks, without those that are known to be lost."""
    there = cursor.received.copy()
    for loss in cursor.losses:
        if loss.first_seq is not None and loss.last_seq is not None:
            there.add_range(loss.first_seq, loss.last_seq)
    for first, last, _ in dropped:
        there.add_range(first, last)
    headers = [ends.header for _, ends in writer.files if ends.header is not None]
    first = min(header.first_seq for header in headers)
    return sum(high - low + 1 for low, high in there.missing(first, writer.last_seq))


def _size(writer: WriterFiles, cursor: Cursor) -> int:
    return sum(
        max(0, ends.size - (cursor.files[path.name].offset if path.name in cursor.files else 0))
        for path, ends in writer.files
    )
