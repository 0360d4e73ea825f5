"""All files of one writer together: which of its records are there, and which are lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from airtape.records import Kind, Record
from airtape.txlog.format import Header
from airtape.txlog.reader import Damage
from airtape.txlog.seqset import SeqSet
from airtape.verify_checkpoints import CheckpointCheck
from airtape.verify_log import LogHealth
from airtape.version import __version__

Range: TypeAlias = tuple[int, int]
"""First and last of some records, both inclusive."""


@dataclass(slots=True)
class WriterHealth:
    """What the files of one writer hold together.

    Attributes:
        header: The header of its newest file.
        logs: Its files in the order it wrote them.
        held: The records that are there.
        repeated: Number of records that stand in more than one file.
        dropped: Records that the writer itself had to drop, and why.
        missing: Records that are lost, as far as it can be told.
        bad_ends: Files that end in damage, behind which there may have been further records.
        exit_seq: The record that says how it ended, None while there is none.
        checkpoints: How its checkpoints compare with its records.
    """

    header: Header
    logs: list[LogHealth]
    held: SeqSet = field(default_factory=SeqSet)
    repeated: int = 0
    dropped: list[tuple[int, int, str]] = field(default_factory=list)
    missing: list[Range] = field(default_factory=list)
    bad_ends: list[LogHealth] = field(default_factory=list)
    exit_seq: int | None = None
    checkpoints: CheckpointCheck = field(default_factory=CheckpointCheck)

    @property
    def last_seq(self) -> int:
        """The highest record that is there, -1 if none is."""
        return -1 if self.held.max is None else self.held.max

    @property
    def lost(self) -> int:
        """Number of records that are lost for certain."""
        return sum(last - first + 1 for first, last in self.missing)

    @property
    def wrong_checkpoints(self) -> list[int]:
        """Checkpoints that differ though this very version wrote them; another may count anew."""
        return self.checkpoints.differing if self.header.library == __version__ else []

    @property
    def is_whole(self) -> bool:
        """Whether nothing is lost, and nothing wrong."""
        return not (
            self.missing
            or self.bad_ends
            or self.wrong_checkpoints
            or any(log.problem for log in self.logs)
        )

    def take(self, record: Record) -> bool:
        """Take in a record; return False if it was there before."""
        if not self.held.add(record.seq):
            self.repeated += 1
            return False
        self.checkpoints.take(record)
        if record.kind == Kind.EXIT:
            self.exit_seq = record.seq
        elif record.kind == Kind.GAP:
            self._note_dropped(record)
        return True

    def _note_dropped(self, record: Record) -> None:
        if len(record.fields) > 1:
            first, last, *reason = record.fields
            if type(first) is int and type(last) is int and 0 <= first <= last <= record.seq:
                self.dropped.append((first, last, str(reason[0]) if reason else ""))

    def find_missing(self, low: int, high: int) -> None:
        """Find out which records are missing from one to another, both inclusive."""
        said = SeqSet((first, last) for first, last, _ in self.dropped)
        self.missing = without(self.held.missing(low, high), said)
        self.bad_ends = [log for log in self.logs if log.bad_end is not None]
        self.found_elsewhere(self.held)

    def found_elsewhere(self, held: SeqSet) -> None:
        """Take in which records there are in all, here and in other directories.

        A writer that went on behind a bad end, or had said that it ends, has lost nothing there.
        """
        self.missing = without(self.missing, held)
        last = -1 if held.max is None else held.max
        self.bad_ends = [
            log for log in self.bad_ends if log.last_seq == last and last != self.exit_seq
        ]

    def lost_in(self, damage: Damage) -> int | None:
        """Return how many records damage costs, None if it cannot be told."""
        if damage.seq_after is None:
            return None if any(log.bad_end is damage for log in self.bad_ends) else 0
        first = 0 if damage.seq_before is None else damage.seq_before + 1
        return sum(
            max(0, min(high, damage.seq_after - 1) - max(low, first) + 1)
            for low, high in self.missing
        )


def without(ranges: Iterable[Range], seqs: SeqSet) -> list[Range]:
    """Return what is left of ranges of records without some of them."""
    return [rest for first, last in ranges for rest in seqs.missing(first, last)]
