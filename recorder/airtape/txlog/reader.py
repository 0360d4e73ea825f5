"""Reading a transaction log: records, and a report of every byte that is none.

The reader never raises on bytes. What cannot be read becomes a `Damage`, after which reading goes
on with the next valid frame, so damage costs exactly the damaged records. A tail that is the
beginning of a frame is incomplete, not damaged: the writer may still be at work.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from airtape.errors import LogFormatError
from airtape.records import Kind, Record
from airtape.txlog.format import Header
from airtape.txlog.owner import find_header
from airtape.txlog.scan import begins_frame, frame_at, walk
from airtape.txlog.seqset import SeqSet
from airtape.txlog.sequence import Sequence
from airtape.txlog.window import Window

_GAP = int(Kind.GAP)  # comparing with an enumeration's member takes several times as long


class Damage(NamedTuple):
    """Bytes that hold no record, or records that are missing between two valid frames.

    Attributes:
        start: First damaged byte of the file.
        end: First byte behind the damage; equal to ``start`` when frames are missing without trace.
        seq_before: The last record before, None at the start of the log.
        seq_after: The next record that is there, or that the writer itself said it dropped; None
            at the end of the file.
        reason: What is wrong, in a few words.
    """

    start: int
    end: int
    seq_before: int | None
    seq_after: int | None
    reason: str

    @property
    def missing(self) -> int | None:
        """Number of records lost here; 0 if none is, None if it cannot be known (at the end)."""
        if self.seq_after is None:
            return None
        before = -1 if self.seq_before is None else self.seq_before
        return max(0, self.seq_after - before - 1)

    def __str__(self) -> str:
        where = f"bytes {self.start}-{self.end}" if self.end > self.start else f"byte {self.start}"
        lost = {None: "", 0: ", no record lost", 1: ", 1 record lost"}.get(
            self.missing, f", {self.missing} records lost"
        )
        return f"{where}: {self.reason}{lost}"


class LogReader:
    """Reads one log file from a frame boundary to its present end.

    Iterate once; to go on later, make another reader at `offset` with the same header and `seen`.
    Records may stand in another order than their numbers, so only the end tells which are missing.

    Args:
        path: The log file; links are not followed.
        offset: Where to start; 0, or an `offset` of an earlier reader.
        header: The log's header, when it was read before.
        seen: Records already taken from this writer; they are not yielded again.

    Attributes:
        header: The log's header, None when there is none (an empty file, no log at all).
        refused: Why the log cannot be read: a later major version.
        offset: End of the last frame that was yielded or skipped as seen.
        last_frame: Start and body checksum of that frame.
        seen: All records taken from this writer so far.
        duplicates: Frames skipped because their record had been seen.
        incomplete: Whether the file ends in the beginning of a frame.

    Raises:
        OSError: The file cannot be opened or read.
        LogFormatError: The path is no regular file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        offset: int = 0,
        header: Header | None = None,
        seen: SeqSet | None = None,
    ) -> None:
        self.path = Path(path)
        self.offset = offset
        self.header = header
        self.refused: LogFormatError | None = None
        self.last_frame: tuple[int, int] | None = None
        self.seen = SeqSet() if seen is None else seen
        self.duplicates = 0
        self.incomplete = False
        self._window = Window(self.path)

    @property
    def size(self) -> int:
        """The file's size when it was opened; less once it turned out to have been cut since."""
        return self._window.size

    def __iter__(self) -> Iterator[Record | Damage]:
        try:
            if self.header is None:
                try:
                    self.header = find_header(self._window)
                except LogFormatError as error:
                    self.refused = error
            if self.header is not None:
                yield from self._records(self.header)
            elif self.refused is None:
                yield from self._without_header()
        finally:
            self.close()

    def close(self) -> None:
        """Close the file; iterating to the end does it too."""
        self._window.close()

    def _records(self, header: Header) -> Iterator[Record | Damage]:
        """Yield what stands from `offset` on, frame after frame, with a search after damage."""
        window = self._window
        sequence = Sequence(self.seen, header.first_seq)
        bad: tuple[int, str] | None = None
        for start, frame, reason in walk(window, self.offset, header.writer):
            if frame is None or frame.record is None:
                bad = bad or (start, reason)
                continue
            record = frame.record
            if record.kind == _GAP:
                sequence.note_dropped(record)
            if bad is not None:
                yield Damage(bad[0], start, *sequence.lost_in_damage(record), bad[1])
                bad = None
            is_new = sequence.take(record, start)
            self.offset = frame.end
            self.last_frame = (start, frame.body_crc)
            if is_new:
                yield record
            else:
                self.duplicates += 1
            # What a body decodes to may be large: not two of them at once.
            del frame, record
        for missing in sequence.absent():
            yield Damage(
                missing.at, missing.at, missing.before, missing.after, "records are missing"
            )
        # The file may have been cut meanwhile, to where the last frame ends.
        if bad is not None and bad[0] < window.size:
            self.incomplete = begins_frame(window, bad[0], header.writer)
            if not self.incomplete:
                yield Damage(bad[0], window.size, sequence.last, None, bad[1])

    def _without_header(self) -> Iterator[Damage]:
        if self.size and begins_frame(self._window, 0, b""):
            self.incomplete = True
        elif self.size:
            yield Damage(0, self.size, None, None, "no frame of a transaction log")


def frame_stands(path: str | os.PathLike[str], start: int, body_crc: int, header: Header) -> bool:
    """Tell whether the frame that a cursor remembers is still where it was.

    Args:
        path: The log file.
        start: Offset of the frame.
        body_crc: Its body checksum, as in `LogReader.last_frame`.
        header: The log's header.

    Raises:
        OSError: The file cannot be opened or read.
        LogFormatError: The path is no regular file.
    """
    window = Window(Path(path))
    try:
        frame = frame_at(window, start, header.writer)
    finally:
        window.close()
    return frame is not None and frame.body_crc == body_crc


@dataclass(slots=True)
class LogContents:
    """A whole log in memory.

    Attributes:
        header: The log's header, if it has one.
        records: All records, in the order of the file.
        damage: What is damaged or missing.
        incomplete: Whether the file ends in the beginning of a frame.
        duplicates: Frames that repeat a record.
        refused: Why the log cannot be read: a later major version.
    """

    header: Header | None
    records: list[Record] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    incomplete: bool = False
    duplicates: int = 0
    refused: LogFormatError | None = None


def read_log(path: str | os.PathLike[str]) -> LogContents:
    """Read a whole log into memory.

    Raises:
        OSError: The file cannot be opened or read.
        LogFormatError: The path is no regular file.
    """
    reader = LogReader(path)
    contents = LogContents(None)
    for item in reader:
        if isinstance(item, Damage):
            contents.damage.append(item)
        else:
            contents.records.append(item)
    contents.header = reader.header
    contents.incomplete = reader.incomplete
    contents.duplicates = reader.duplicates
    contents.refused = reader.refused
    return contents
