"""Following a writer's sequence numbers: which records are missing, and which only come late.

Threads, and signal handlers, take the number of a record before they write it, so two records may
stand in the other order. A file that continues another repeats records in front of later ones. And
what the writer itself had to drop it says in a gap record. So it is known only at the end whether
the records that one seems to lack are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from airtape.records import Kind, Record
from airtape.txlog.seqset import SeqSet

FIRST_PRUNING = 10_000


class Missing(NamedTuple):
    """Records that are not there.

    Attributes:
        at: Offset of the frame before which they should stand.
        before: The last record before them, None at the start of the log.
        after: The first one behind them.
    """

    at: int
    before: int | None
    after: int


class Sequence:
    """The sequence numbers of one writer, as its records come.

    Args:
        seen: Records already taken from this writer; kept up to date in place.
        first_seq: The number that the file begins with.
    """

    def __init__(self, seen: SeqSet, first_seq: int) -> None:
        self._seen = seen
        self._accounted = SeqSet()
        self._last = first_seq - 1 if seen.max is None else seen.max
        self._jumps: list[tuple[int, int, int]] = []
        self._prune_at = FIRST_PRUNING

    @property
    def last(self) -> int | None:
        """The highest record so far, None at the start of the log."""
        highest = self._last if self._seen.max is None else self._seen.max
        return None if highest < 0 else highest

    def take(self, record: Record, at: int) -> bool:
        """Take in the next record; return False if it was there before.

        Args:
            record: The record.
            at: Offset of its frame.
        """
        last, self._last = self._last, record.seq
        if record.seq > last + 1:
            self._jumps.append((at, last + 1, record.seq - 1))
            if len(self._jumps) > self._prune_at:
                self._prune()
        return self._seen.add(record.seq)

    def note_dropped(self, record: Record) -> None:
        """Take in the writer's own word on records that it had to drop, if this is one."""
        if record.kind != Kind.GAP or len(record.fields) < 2:  # noqa: PLR2004 - first and last
            return
        first, last = record.fields[:2]
        if type(first) is int and type(last) is int and 0 <= first <= last <= record.seq:
            self._accounted.add_range(first, last)

    def lost_in_damage(self, record: Record) -> tuple[int | None, int]:
        """Return what damage in front of this record costs: the last before, the first after.

        It counts as accounted for from now on.
        """
        low = self._last + 1
        lost = list(self._unaccounted(low, record.seq - 1))
        if not lost:
            return _or_none(self._last), min(low, record.seq)
        first, last = lost[0][0], lost[-1][1]
        self._accounted.add_range(first, last)
        return _or_none(first - 1), last + 1

    def absent(self) -> Iterator[Missing]:
        """Yield what has not come so far, each record once."""
        for at, low, high in self._jumps:
            for first, last in list(self._unaccounted(low, high)):
                self._accounted.add_range(first, last)
                yield Missing(at, _or_none(first - 1), last + 1)

    def _unaccounted(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        for first, last in self._seen.missing(low, high):
            yield from self._accounted.missing(first, last)

    def _prune(self) -> None:
        """Forget the jumps over records that have come meanwhile."""
        self._jumps = [jump for jump in self._jumps if self._seen.missing(jump[1], jump[2])]
        self._prune_at = 2 * len(self._jumps) + FIRST_PRUNING


def _or_none(seq: int) -> int | None:
    return None if seq < 0 else seq
