"""A log that things happen to, beside a list that says what a reader must make of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from airtape.records import Kind, Record
from airtape.txlog.format import Header
from airtape.txlog.reader import Damage, LogReader, read_log
from airtape.txlog.seqset import SeqSet
from tests.logs import BEGAN_NS, checkpoint_frame, frames_of
from tests.txlog.bytes_of import HEADER, OTHER, frame, row_frame

SIZES = st.integers(0, 60)
PLACES = st.integers(0, 1000)


@dataclass
class Piece:
    """Some bytes of the file.

    Attributes:
        data: The bytes.
        seq: The record that they hold, None if they hold none.
        dropped: Records that this one says were dropped.
    """

    data: bytes
    seq: int | None = None
    dropped: tuple[int, int] | None = None


class LogModel(RuleBasedStateMachine):
    """Writes, crashes, damages and reads a log."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "log"
        self.next_seq = 1
        self.is_shuffled = False

    @initialize()
    def begin(self) -> None:
        """Write the header; it is never damaged here."""
        (head,) = frames_of(of=HEADER)
        self.pieces = [Piece(head, 0)]
        self.start_reading()

    def start_reading(self) -> None:
        """Let the reader that goes on from time to time begin anew."""
        self.offset, self.header, self.seen = 0, None, SeqSet()
        self.taken: list[int] = []

    offset: int
    header: Header | None
    seen: SeqSet

    def take_seq(self) -> int:
        """Number the next record."""
        self.next_seq += 1
        return self.next_seq - 1

    def row(self, size: int) -> Piece:
        """Make the frame of a row."""
        seq = self.take_seq()
        return Piece(row_frame(seq, seq, text="x" * size), seq)

    def pick(self, place: int) -> int:
        """Choose a piece behind the header."""
        return 1 + place % (len(self.pieces) - 1)

    @rule(size=SIZES, count=st.integers(1, 3))
    def write(self, size: int, count: int) -> None:
        """Append rows."""
        self.pieces += [self.row(size) for _ in range(count)]

    @rule()
    def write_checkpoint(self) -> None:
        """Append a checkpoint."""
        seq = self.take_seq()
        self.pieces.append(Piece(checkpoint_frame(seq, {}, of=HEADER), seq))

    @rule(size=SIZES, cut=PLACES)
    def write_short_and_again(self, size: int, cut: int) -> None:
        """A write comes out short, and the frame is written once more."""
        whole = self.row(size)
        self.pieces += [Piece(whole.data[: 1 + cut % (len(whole.data) - 1)]), whole]

    @rule(size=SIZES, cut=PLACES)
    def tear(self, size: int, cut: int) -> None:
        """A write comes out short, and its record is lost."""
        whole = self.row(size)
        self.pieces.append(Piece(whole.data[: 1 + cut % (len(whole.data) - 1)]))

    @rule(count=st.integers(1, 3))
    def drop(self, count: int) -> None:
        """The writer has to drop records, and says so."""
        first = self.next_seq
        self.next_seq = last = first + count - 1
        seq = self.take_seq()
        said = frame(seq, int(Kind.GAP), BEGAN_NS, first, last, "disk full")
        self.pieces.append(Piece(said, seq, (first, last)))

    @rule(data=st.binary(min_size=1, max_size=40))
    def write_garbage(self, data: bytes) -> None:
        """Somebody else writes to the file."""
        self.pieces.append(Piece(data))

    @rule()
    def write_foreign(self) -> None:
        """A frame of another log comes into this one."""
        self.pieces.append(Piece(row_frame(self.next_seq, 1, OTHER, a=1)))

    @precondition(lambda self: len(self.pieces) > 1)
    @rule(place=PLACES, at=PLACES, bit=st.integers(0, 7))
    def flip(self, place: int, at: int, bit: int) -> None:
        """Damage a frame that was whole."""
        piece = self.pieces[self.pick(place)]
        if piece.seq is None:
            return
        data = bytearray(piece.data)
        data[at % len(data)] ^= 1 << bit
        piece.data, piece.seq, piece.dropped = bytes(data), None, None
        self.start_reading()

    @precondition(lambda self: len(self.pieces) > 1)
    @rule(place=PLACES)
    def delete(self, place: int) -> None:
        """Take a piece out."""
        del self.pieces[self.pick(place)]
        self.start_reading()

    @precondition(lambda self: len(self.pieces) > 1)
    @rule(place=PLACES, to=PLACES)
    def repeat(self, place: int, to: int) -> None:
        """Let a piece stand in the file twice."""
        piece = self.pieces[self.pick(place)]
        self.pieces.insert(self.pick(to), Piece(piece.data, piece.seq, piece.dropped))
        self.is_shuffled = True
        self.start_reading()

    @precondition(lambda self: len(self.pieces) > 1)
    @rule(place=PLACES, to=PLACES)
    def move(self, place: int, to: int) -> None:
        """Let a piece stand in another place."""
        piece = self.pieces.pop(self.pick(place))
        self.pieces.insert(1 + to % len(self.pieces), piece)
        self.is_shuffled = True
        self.start_reading()

    @rule()
    def read_on(self) -> None:
        """Read what is new, as a sync does from time to time."""
        self.path.write_bytes(b"".join(piece.data for piece in self.pieces))
        reader = LogReader(self.path, offset=self.offset, header=self.header, seen=self.seen)
        self.taken += [item.seq for item in reader if isinstance(item, Record)]
        self.offset, self.header = reader.offset, reader.header
        assert self.taken == self.expected

    @property
    def expected(self) -> list[int]:
        """The records that a reader must find, in order."""
        return list(dict.fromkeys(piece.seq for piece in self.pieces if piece.seq is not None))

    @invariant()
    def reads_what_was_written(self) -> None:
        """Every whole frame, once, and every loss is told."""
        self.path.write_bytes(b"".join(piece.data for piece in self.pieces))
        contents = read_log(self.path)
        expected = self.expected
        assert [record.seq for record in contents.records] == expected
        assert contents.header == HEADER
        dropped = [piece.dropped for piece in self.pieces if piece.dropped is not None]
        there = SeqSet([(seq, seq) for seq in expected] + dropped)
        lost = sum(last - first + 1 for first, last in there.missing(0, max(expected)))
        told = sum(damage.missing or 0 for damage in contents.damage)
        assert told >= lost if self.is_shuffled else told == lost
        self.check_places(contents.damage)

    def check_places(self, damages: list[Damage]) -> None:
        """Damage lies where no whole frame lies."""
        whole = []
        at = 0
        for piece in self.pieces:
            if piece.seq is not None:
                whole.append((at, at + len(piece.data)))
            at += len(piece.data)
        for damage in damages:
            assert all(damage.end <= start or damage.start >= end for start, end in whole)

    def teardown(self) -> None:
        """Remove the file."""
        self.folder.cleanup()


def live(lives: int, steps: int) -> None:
    """Let a log live through so many lives, each of so many events at most."""
    often = settings(max_examples=lives, stateful_step_count=steps)
    run_state_machine_as_test(LogModel, settings=often)


@pytest.mark.timeout(60)
def test_a_log_is_read_as_it_was_written_whatever_happens_to_it(
    rounds: Callable[[int], int],
) -> None:
    """Short writes, crashes, damage, reordering, and reading on in between."""
    live(rounds(30), 20)
