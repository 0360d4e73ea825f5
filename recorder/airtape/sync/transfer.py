"""One writer's way into a target: from where its cursor stands to the end of its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum, auto

from airtape.backends.base import Batch
from airtape.backends.cursor import Cursor, Loss, RunKey
from airtape.errors import LogFormatError, TargetError
from airtape.file_copy import Digest
from airtape.fold.fold import Fold
from airtape.sync.again import Again
from airtape.sync.batches import BatchBuilder
from airtape.sync.brake import Halted
from airtape.sync.lease import Hold
from airtape.sync.log_file import LogFile, covers, heals
from airtape.sync.options import SyncOptions
from airtape.sync.renames import Names
from airtape.sync.source import WriterReader
from airtape.sync.target import Target
from airtape.txlog.format import Header
from airtape.writers import malformed_text

SETTLE_S = 0.05
"""How long to wait for a record that another thread of the writer may be about to write."""
PATIENCE = 10
"""How often a target may refuse a batch although nobody has moved its cursor."""
LOOK_EVERY = 16
"""Every how many records the size of a batch is looked at."""


class _Result(Enum):
    """How an attempt to send a writer's records went."""

    DONE = auto()
    LATE = auto()  # a record came that belongs before others that the target has
    OVERTAKEN = auto()  # somebody else moved the cursor


@dataclass(slots=True)
class Outcome:
    """What became of one writer.

    Attributes:
        cursor: What the target has now.
        fold: What it amounts to.
        large: The values too large for a record that it refers to.
        records: Number of records sent.
        points: Number of values of the history sent.
        size: Number of bytes of logs read.
        sent: Number of bytes of logs behind the records sent.
        damage: Damage that was not known before.
        known: Damage that was.
        notes: What the user should know, in sentences.
        reached_end: Whether nothing more stands in the files.
    """

    cursor: Cursor = field(default_factory=Cursor)
    fold: Fold = field(default_factory=Fold)
    large: frozenset[Digest] = frozenset()
    records: int = 0
    points: int = 0
    size: int = 0
    sent: int = 0
    damage: list[Loss] = field(default_factory=list)
    known: list[Loss] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    reached_end: bool = True


@dataclass(frozen=True, slots=True)
class Transfer:
    """Sends one writer's records to a target, in batches.

    Attributes:
        run: The run, as the target knows it.
        files: The writer's files at hand, at least one, in the order it wrote them.
        names: What the run is called there.
        target: The target.
        hold: Holds the run.
        options: How to sync.
        arrived: Is told how many more bytes of the files have arrived.
        find_others: Looks for files of the writer that stand elsewhere; they are needed when
            records come late, and to begin it anew.
        again: Which writers are to be sent anew.
        outcome: What has become of it so far.
    """

    run: RunKey
    files: Sequence[LogFile]
    names: Names
    target: Target
    hold: Hold
    options: SyncOptions
    arrived: Callable[[int], None]
    find_others: Callable[[], Sequence[LogFile]]
    again: Again
    outcome: Outcome = field(default_factory=Outcome)

    def send(self) -> Outcome:
        """Send what the target lacks, and return what became of it.

        Raises:
            HeldElsewhere: Another sync holds the run.
            Halted: The sync is to end; what has been read by then has arrived, or is dropped whole.
            OSError: A file cannot be read.
            LogFormatError: Records came late, and the files needed to put them in are missing.
            TargetError: The target does not answer or cannot be written.
        """
        outcome = self.outcome
        writer = self.files[0].header.writer
        stored = self._hold(self.target.read_cursor(self.run, writer))
        known = set(stored.losses) if stored else set()
        files, late, refused = self.files, False, 0
        while refused < PATIENCE:
            restart = stored is not None and (
                late or self.again.is_due(self.run, writer) or heals(files, stored)
            )
            if stored is not None and restart:
                files = self._all_files(stored, late=late)
            builder = BatchBuilder(
                self.run, files[0].header, stored, names=self.names, restart=restart
            )
            result = self._read(builder, files)
            if result is _Result.DONE:
                return _finished(outcome, builder.cursor, known, files[0].header)
            late = result is _Result.LATE
            stored, before = self.target.read_cursor(self.run, writer), stored
            refused = refused + 1 if not late and stored == before else 0
        raise TargetError(
            "the target refuses what builds on its own cursor",
            where=f"run {self.run.run_id}",
            hint="Sync again; if it stays so, the target or its plug-in is at fault.",
        )

    def _hold(self, stored: Cursor | None) -> Cursor | None:
        """Hold the run where there is something to read, and return what the target has then.

        Otherwise all who look at the same time would read the same, and find out when they send it.
        Where nothing is to be seen, the first batch is soon enough.
        """
        marks = {} if stored is None else stored.files
        if all(file.name in marks and file.size == marks[file.name].size for file in self.files):
            return stored
        is_new = self.hold.keep()
        return self.target.read_cursor(self.run, self.files[0].header.writer) if is_new else stored

    def _all_files(self, stored: Cursor, *, late: bool) -> Sequence[LogFile]:
        """Return files of the writer that hold all that the target has, to begin it anew."""
        if covers(self.files, stored.received):
            return self.files
        here = {file.path.absolute() for file in self.files}
        others = [file for file in self.find_others() if file.path.absolute() not in here]
        files = sorted([*self.files, *others], key=lambda file: file.header.first_seq)
        if others and covers(files, stored.received):
            return files
        raise LogFormatError(
            "records came late that stand before others which the target has"
            if late
            else "what the target has of the run cannot be sent anew, and stays as it is",
            where=", ".join(str(file.path) for file in files),
            because="this takes all files of their writer, whole, and some are not here",
            hint="Sync all directories of the run in one command.",
        )

    def _read(self, builder: BatchBuilder, files: Sequence[LogFile]) -> _Result:
        """Send what is new in files until nothing is, or somebody else moves the cursor."""
        reader = WriterReader(files, builder.cursor)
        result = self._send_new(builder, reader)
        if result is _Result.DONE and not builder.ended and reader.has_open_gap(builder.gaps):
            self.options.pause(SETTLE_S)
            reader = WriterReader(files, reader.cursor(builder.gaps))
            result = self._send_new(builder, reader)
        if result is not _Result.DONE:
            return result
        self.outcome.reached_end = reader.reached_end
        losses = reader.losses(builder.gaps)
        if builder.is_complete and losses == builder.cursor.losses:
            return _Result.DONE
        return self._commit(builder.build(reader, last=True), builder)

    def _send_new(self, builder: BatchBuilder, reader: WriterReader) -> _Result:
        sent, began_at = 0, self.options.clock()
        with closing(iter(reader)) as records:
            for count, record in enumerate(records):
                builder.take(record)
                if count % LOOK_EVERY:
                    continue
                halt = self.target.brake.reason
                builder.size = reader.size - sent
                if halt is None and not self._is_full(builder, began_at):
                    continue
                sent, began_at = reader.size, self.options.clock()
                size, batch = builder.size, builder.build(reader, last=False)
                if self._commit(batch, builder) is not _Result.DONE:
                    return _Result.OVERTAKEN
                self._note_arrival(size)
                if halt is not None:
                    raise Halted(halt)
        builder.size = reader.size - sent
        self._note_arrival(builder.size)
        return _Result.LATE if reader.late else _Result.DONE

    def _note_arrival(self, size: int) -> None:
        self.arrived(size)
        self.outcome.size += size

    def _is_full(self, builder: BatchBuilder, began_at: float) -> bool:
        options = self.options
        return (
            builder.points >= options.max_points
            or builder.size >= options.max_bytes
            or options.clock() - began_at >= options.max_s
        )

    def _commit(self, batch: Batch, builder: BatchBuilder) -> _Result:
        records, size = builder.records, builder.size
        self.hold.keep()
        if not self.target.commit(batch, size):
            return _Result.OVERTAKEN
        builder.committed(batch)
        self.again.begun(self.run, batch.header.writer)
        self.outcome.records += records
        self.outcome.points += batch.changes.count
        self.outcome.sent += size
        return _Result.DONE


def _finished(outcome: Outcome, cursor: Cursor, known: set[Loss], header: Header) -> Outcome:
    outcome.cursor = cursor
    if cursor.version:
        said = cursor.said()
        outcome.fold, outcome.large = said.fold, said.large
    # Records that a copy of the log lacks were lost in it before: they are not lost once more.
    known_records = {(loss.first_seq, loss.last_seq) for loss in known if loss.records}
    for loss in cursor.losses:
        if loss.records == 0:
            outcome.notes += [str(loss)] * (loss not in known)
        else:
            is_known = loss in known or (loss.first_seq, loss.last_seq) in known_records
            (outcome.known if is_known else outcome.damage).append(loss)
    if outcome.records:
        outcome.notes += [
            f"{last - first + 1} records were lost while recording: {reason}"
            for first, last, reason in outcome.fold.gaps
        ]
        first = cursor.received.intervals()[0][0]
        if first and header.first_seq:
            outcome.notes.append(
                f"what came before record {first} stands in {header.continues or 'another file'}, "
                "which has not been synced"
            )
        if outcome.fold.malformed:
            outcome.notes.append(malformed_text(outcome.fold))
    return outcome
