"""Reading what is new of one writer, from all of its files that are at hand."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from heapq import merge
from operator import itemgetter
from typing import TypeAlias

from airtape.backends.cursor import Cursor, FileMark, Loss
from airtape.backends.tally import Tally, digest_of, tally_of
from airtape.records import Record
from airtape.sync.log_file import LogFile, continues
from airtape.txlog.reader import Damage, LogReader
from airtape.txlog.seqset import SeqSet

Gap: TypeAlias = tuple[int, int, str]
"""First and last record that a writer had to drop, and why."""


class _Stream:
    """One file, read from where its mark is or from its start.

    Attributes:
        file: The file.
        again: Whether it is read from its start.
        began_at: Offset of the first byte that is read.
        high: The highest record that had been read from it before; -1 when it is read anew.
        reader: Reads it.
    """

    def __init__(self, file: LogFile, mark: FileMark | None, received: SeqSet) -> None:
        self.file = file
        self.again = mark is None or not continues(file, mark)
        if mark is None or self.again:
            self.began_at, self.high, seen = 0, -1, SeqSet()
        else:
            self.began_at, self.high = mark.offset, mark.max_seq
            seen = _up_to(received, mark.max_seq)
        self._mark = mark
        self.reader = LogReader(file.path, offset=self.began_at, header=file.header, seen=seen)

    def mark(self) -> FileMark | None:
        """Return how far the file has been read; None if not a single frame was."""
        reader, file = self.reader, self.file
        if reader.last_frame is None:
            return None if self.again else self._mark
        max_seq = reader.seen.max or 0
        return FileMark(reader.offset, *reader.last_frame, max_seq, file.size, file.mtime_ns)


class WriterReader:
    """The records of one writer that a target does not have yet, in the order of its logs.

    Within a file the order is that of the file; several files are merged by seq, each record once.

    Args:
        files: The writer's files.
        cursor: What the target has.

    Attributes:
        received: The records that the target has and those that were yielded.
        late: Whether reading stopped at a record that should have come before others that the
            target has: the writer must be sent anew, from its first record on.
    """

    def __init__(self, files: Sequence[LogFile], cursor: Cursor) -> None:
        self.received = cursor.received.copy()
        self.late = False
        self._size = self._digests = 0
        self._cursor = cursor
        self._marks = dict(cursor.files)
        self._damage: list[tuple[str, Damage]] = []
        self._streams = [
            _Stream(file, cursor.files.get(file.name), self.received) for file in files
        ]

    def __iter__(self) -> Generator[Record, None, None]:
        try:
            streams = self._streams
            yield from self._one(streams[0]) if len(streams) == 1 else self._many(streams)
        finally:
            for stream in self._streams:
                stream.reader.close()

    def _one(self, stream: _Stream) -> Iterator[Record]:
        add, late_below, name = self.received.add, self._late_below(stream), stream.file.name
        reader = stream.reader
        for item in reader:
            if isinstance(item, Damage):
                self._damage.append((name, item))
            elif add(item.seq):
                if item.seq < late_below:
                    self.late = True
                    return
                start, crc = reader.last_frame or (0, 0)
                self._count(item.seq, reader.offset - start, crc)
                yield item

    def _late_below(self, stream: _Stream) -> int:
        """Return the seq below which a new record of a file belongs before others that have come.

        Where the file with the last record is read on, its own order is right: threads may write
        two records the other way round.
        """
        high = self._cursor.received.max or 0
        return 0 if stream.high >= high else high

    def _many(self, streams: list[_Stream]) -> Iterator[Record]:
        """Merge several files by seq; a mark follows when its record has been taken."""
        limits = {stream.file.name: self._late_below(stream) for stream in streams}
        for seq, stream, mark, record in merge(*map(self._marked, streams), key=itemgetter(0)):
            self._marks[stream.file.name] = mark
            if self.received.add(seq):
                if seq < limits[stream.file.name]:
                    self.late = True
                    return
                self._count(seq, mark.offset - mark.frame_start, mark.frame_crc)
                yield record

    def _marked(self, stream: _Stream) -> Iterator[tuple[int, _Stream, FileMark, Record]]:
        for item in stream.reader:
            if isinstance(item, Damage):
                self._damage.append((stream.file.name, item))
            else:
                mark = stream.mark()
                assert mark is not None  # noqa: S101 - for the type checker; a frame was read
                yield item.seq, stream, mark, item

    def marks(self) -> dict[str, FileMark]:
        """Return how far each file of the writer has been read up to the last record yielded."""
        if len(self._streams) == 1:
            marks = {stream.file.name: stream.mark() for stream in self._streams}
            self._marks.update({name: mark for name, mark in marks.items() if mark is not None})
        return dict(self._marks)

    def _count(self, seq: int, size: int, body_crc: int) -> None:
        self._size += size
        self._digests += digest_of(seq, body_crc)

    @property
    def tally(self) -> Tally | None:
        """What the records that the target has and those that were yielded amount to."""
        before = self._cursor.tally
        return None if before is None else before.plus(tally_of(self._size, self._digests))

    def cursor(self, dropped: Iterable[Gap]) -> Cursor:
        """Return what another reader needs to go on behind the end of this one.

        Args:
            dropped: What the writer itself had to drop.
        """
        losses = self.losses(dropped)
        return replace(
            self._cursor,
            received=self.received,
            files=self.marks(),
            losses=losses,
            tally=self.tally,
        )

    @property
    def size(self) -> int:
        """Number of bytes read."""
        return sum(max(0, s.reader.offset - s.began_at) for s in self._streams)

    @property
    def reached_end(self) -> bool:
        """Whether nothing stands behind what was read of any file."""
        return all(s.reader.offset >= s.file.size for s in self._streams)

    def has_open_gap(self, dropped: Iterable[Gap]) -> bool:
        """Whether records are missing without a trace, as when another thread is about to write.

        Args:
            dropped: What the writer itself had to drop, as in `Fold.gaps`.
        """
        known = set(self._cursor.losses)
        return any(loss.start == loss.end and loss not in known for loss in self.losses(dropped))

    def losses(self, dropped: Iterable[Gap]) -> tuple[Loss, ...]:
        """Return all damage that is known now: in the end, every record that has not come.

        Args:
            dropped: What the writer itself had to drop, as in `Fold.gaps`; that is no damage.
        """
        read = {s.file.name: (s.began_at, s.reader.offset, s.high) for s in self._streams}
        losses = [loss for loss in self._cursor.losses if self._stays(loss, read)]
        for name, damage in self._damage:
            losses += self._losses_in(name, damage)
        losses += self._unexplained(losses, dropped)
        return tuple(_each_once(sorted(set(losses), key=_place)))

    def _unexplained(self, losses: Iterable[Loss], dropped: Iterable[Gap]) -> Iterator[Loss]:
        """Yield what is missing between records that have come, for no reason found so far."""
        known = self.received.intervals()
        if len(known) < 2:  # noqa: PLR2004 - nothing is between
            return
        accounted = SeqSet((first, last) for first, last, _ in dropped)
        for loss in losses:
            if loss.first_seq is not None and loss.last_seq is not None:
                accounted.add_range(loss.first_seq, loss.last_seq)
        name, mark = max(self.marks().items(), key=lambda item: item[1].max_seq)
        for first, last in self.received.missing(known[0][0], known[-1][1]):
            for low, high in accounted.missing(first, last):
                yield Loss(name, mark.offset, mark.offset, low, high, "records are missing")

    def _stays(self, loss: Loss, read: Mapping[str, tuple[int, int, int]]) -> bool:
        """Tell whether known damage is damage still, as far as it cannot have been found anew.

        Args:
            loss: The damage.
            read: Between which offsets each of the files was read, and from which record on.
        """
        begin, end, high = read.get(loss.file, (0, 0, 0))
        is_at_end = loss.file in read and loss.records is None
        is_behind = loss.last_seq is None or loss.last_seq > high
        if is_at_end or (begin <= loss.start < end and is_behind):
            return False
        if loss.first_seq is None:
            return True
        if loss.last_seq is None:
            return loss.first_seq > (self.received.max or 0)
        return bool(self.received.missing(loss.first_seq, loss.last_seq))

    def _losses_in(self, name: str, damage: Damage) -> Iterator[Loss]:
        start, end, before, after, reason = damage
        first = 0 if before is None else before + 1
        if after is None and first > (self.received.max or 0):
            yield Loss(name, start, end, first, None, reason)
            return
        gaps = [] if after is None else self.received.missing(first, after - 1)
        for low, high in gaps:
            yield Loss(name, start, end, low, high, reason)
        if not gaps and end > start:
            yield Loss(name, start, end, None, None, reason)


def _each_once(losses: Sequence[Loss]) -> Iterator[Loss]:
    """Yield losses, but what is missing without a trace only where nothing else accounts for it.

    A clean copy of a damaged log lacks what that has lost: it is one loss, not two.
    """
    accounted = SeqSet()
    for loss in losses:
        if loss.start < loss.end and loss.first_seq is not None and loss.last_seq is not None:
            accounted.add_range(loss.first_seq, loss.last_seq)
    for loss in losses:
        first, last = loss.first_seq, loss.last_seq
        if loss.start < loss.end or first is None or last is None:
            yield loss
        elif any(accounted.missing(first, last)):
            accounted.add_range(first, last)
            yield loss


def _up_to(seqs: SeqSet, last: int) -> SeqSet:
    return SeqSet((low, min(high, last)) for low, high in seqs.intervals() if low <= last)


def _place(loss: Loss) -> tuple[str, int, int, int]:
    return loss.file, loss.start, loss.end, -1 if loss.first_seq is None else loss.first_seq
