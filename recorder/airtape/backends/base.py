"""The protocol between the sync engine and a target.

A target needs no knowledge of logs: it is handed batches of values and keeps a cursor for each
writer. What makes syncing exact is `Backend.commit`: the values and the cursor arrive together or
not at all, and only when nobody else moved the cursor in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from airtape.backends.cursor import Cursor, RunKey
from airtape.backends.lease import Lease
from airtape.fold.fold import Fold
from airtape.fold.observers import HistoryChanges
from airtape.records import Point, Record
from airtape.txlog.format import Header


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records of one writer, as they change what a target holds.

    Attributes:
        run: The run.
        header: The writer; a target keeps the one of the first batch, or of a restart.
        base_version: Version of the cursor that the batch builds on; 0 for none.
        cursor: The cursor behind the batch, one version on.
        changes: What happened to the history. Delete what is erased, then put every point, later
            ones over earlier ones.
        events: Records that are neither rows nor part of the fold, of unknown kinds too.
        fold: What all of the writer's records so far amount to. For reading only.
        restart: Whether the batch begins the writer anew: what the target holds of it goes first.
    """

    run: RunKey
    header: Header
    base_version: int
    cursor: Cursor
    changes: HistoryChanges
    events: Sequence[Record]
    fold: Fold
    restart: bool = False


class FileHint(NamedTuple):
    """What a log file looked like when it had been synced.

    Attributes:
        size: Its size in bytes.
        mtime_ns: Its modification time.
        run: The run it belongs to.
        writer: Uuid of its writer.
        done: Whether nothing will follow and nothing is amiss, so that it need not be read again.
    """

    size: int
    mtime_ns: int
    run: RunKey
    writer: bytes
    done: bool


@dataclass(frozen=True, slots=True)
class DirectoryHint:
    """What a run directory looked like when all of it had been synced.

    Attributes:
        mtime_ns: Its modification time.
        files: Its logs by file name.
        entity: Whom its run belongs to, None when nothing was said.
        project: Its run's project, None when nothing was said.
        name: Its run's display name, None when nothing was said.
    """

    mtime_ns: int
    files: Mapping[str, FileHint]
    entity: str | None = None
    project: str | None = None
    name: str | None = None

    def concerns(self, run: RunKey) -> bool:
        """Tell whether a log of this run stands in the directory."""
        return any(file.run == run for file in self.files.values())


@dataclass(slots=True)
class Held:
    """What a target holds of one writer.

    Attributes:
        run: The run.
        header: The writer.
        cursor: How far its records have come.
        points: The values of its history, by step and then by path of the key.
        rows: ``(timestamp, runtime)`` of its rows by step.
        events: The records of other kinds, by seq.
    """

    run: RunKey
    header: Header
    cursor: Cursor
    points: list[Point] = field(default_factory=list)
    rows: dict[int, tuple[float, float]] = field(default_factory=dict)
    events: list[Record] = field(default_factory=list)


class Backend(Protocol):
    """A target that runs are synced to.

    A plug-in registers a callable under the entry-point group ``airtape.backends``; it is called
    with what stands behind ``scheme:`` in the target's URL and returns a `Backend`. It raises
    `TargetError` when the target cannot be opened, and so do the methods when it fails or does
    not answer; `TransientError`, which is one, when it may answer in a moment: then it is asked
    again, not before the time that it said, if it said one. The methods are called in the thread
    that opened it; several threads open one each. ``tests/backends/test_backend_contract.py`` tells
    whether one keeps its word.

    Attributes:
        transactional: Whether the values and the cursor of a batch arrive in one transaction. A
            target without transactions gives each batch a name made of the writer and the cursor's
            version, so that doing it twice changes nothing.
        can_retract: Whether what has come can be taken back.
    """

    transactional: bool
    can_retract: bool

    @property
    def notes(self) -> Sequence[str]:
        """What the user should know about the target, in sentences."""

    def read_cursor(self, run: RunKey, writer: bytes) -> Cursor | None:
        """Return the cursor of a writer, None if nothing of it has come.

        Idempotent; sees every commit that has returned True, in whatever process.

        Raises:
            TargetError: The target does not answer.
        """

    def commit(self, batch: Batch) -> bool:
        """Take in a batch, all of it or nothing, and tell whether it was taken.

        It is taken only if the cursor that is stored now has the version ``batch.base_version``.
        So a batch that is committed twice, or by two processes, is taken once: the second call
        returns False and changes nothing. After an exception the caller cannot know; it reads the
        cursor again.

        Raises:
            TargetError: The target does not answer or cannot be written.
        """

    def take_lease(self, run: RunKey, lease: Lease) -> Lease | None:
        """Put a run into somebody's hands; None if that was done, else in whose hands it is.

        It is done if the run is in nobody's hands, or in those of the same owner, who so renews the
        lease, or if the one that is there gives way (`Lease.gives_way_to`). Of several who ask at
        the same time one gets it. Leases save work and decide nothing else, so a target that has
        no way to keep them may do nothing and return None.

        Raises:
            TargetError: The target does not answer or cannot be written.
        """

    def drop_lease(self, run: RunKey, owner: str) -> None:
        """Take a run out of somebody's hands; nothing is done if it is not in these.

        Raises:
            TargetError: The target does not answer or cannot be written.
        """

    def hints(self) -> Mapping[str, DirectoryHint]:
        """Return what is known of run directories, by path. Idempotent; may be stale or empty.

        Raises:
            TargetError: The target does not answer.
        """

    def keep_hints(self, hints: Mapping[str, DirectoryHint]) -> None:
        """Remember what run directories look like, each in place of what was said before.

        Idempotent. Hints may be lost: they save work and decide nothing else.

        Raises:
            TargetError: The target does not answer or cannot be written.
        """

    def retract(self, run: RunKey) -> None:
        """Forget a run: values, cursors and hints at once, so that the next sync sends it anew.

        Idempotent: a run that is not there is no error.

        Raises:
            UsageError: The target cannot take back anything (`can_retract` is False).
            TargetError: The target does not answer or cannot be written.
        """

    def runs(self, run_id: str | None = None) -> list[RunKey]:
        """Return the runs that something has come of, sorted: all, or those with this id.

        Idempotent; costs the same however much is held of each.

        Raises:
            TargetError: The target does not answer.
        """

    def dump(self, run: RunKey | None = None) -> Iterator[Held]:
        """Yield what the target holds of each writer, of one run or of all, sorted by both.

        Idempotent.

        Raises:
            TargetError: The target does not answer.
        """

    def close(self) -> None:
        """Let go of the target; may be called again."""
