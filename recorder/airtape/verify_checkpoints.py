"""Checkpoints compared with the records before them, which they are derived from."""

from __future__ import annotations

from typing import Any

import msgpack

from airtape.fold.fold import Fold
from airtape.records import Kind, Record, pack_big_ints


class CheckpointCheck:
    """Folds the records of one writer and compares each checkpoint with what they amount to.

    Where records are missing or come out of order, or the writer dropped some, a checkpoint knows
    more than the records that are there. The next one is then not compared; the fold goes on from
    what it says.

    Attributes:
        agreeing: Number of checkpoints that say what the records say.
        differing: The records that are checkpoints and say something else.
        passed_over: Number of checkpoints that could not be compared.
        malformed: Number of records that do not say what their kind says.
    """

    def __init__(self) -> None:
        self.agreeing = 0
        self.differing: list[int] = []
        self.passed_over = 0
        self.malformed = 0
        self._fold = Fold()
        self._next_seq = 0
        self._is_complete = True

    def take(self, record: Record) -> None:
        """Take in the next record, each once."""
        self._is_complete &= record.seq == self._next_seq and not _tells_of_trouble(record)
        self._next_seq = record.seq + 1
        malformed = self._fold.malformed
        self._fold.apply(record)
        self.malformed += self._fold.malformed - malformed
        if record.kind == Kind.CHECKPOINT:
            self._compare(record)

    def forget(self) -> None:
        """Let go of what the records amount to; nothing can be compared any more."""
        self._fold = Fold()

    def _compare(self, record: Record) -> None:
        said = _fold_of(record)
        if said is None:
            self.malformed += 1
            return
        if not self._is_complete:
            self.passed_over += 1
            self._fold = said
            self._is_complete = True
        # Both by way of this version's fold: what only another version counts is left out.
        elif _packed(_compared(said)) == _packed(_compared(self._fold)):
            self.agreeing += 1
        else:
            self.differing.append(record.seq)


def _fold_of(record: Record) -> Fold | None:
    """Return the fold that goes on from a checkpoint, None if this version does not know how."""
    state = record.fields[1] if len(record.fields) > 1 else None
    try:
        return Fold(state) if isinstance(state, dict) else None
    except ValueError:
        return None


def _compared(fold: Fold) -> dict[str, Any]:
    """Return what a checkpoint must say as the records do.

    Gaps are left out: a checkpoint that waited for the disk itself is older than those that stand
    before it.
    """
    return {**fold.state(), "gaps": []}


def _tells_of_trouble(record: Record) -> bool:
    """Tell whether the writer saw it otherwise: it does not count what trouble made it write."""
    return record.kind == Kind.GAP or (record.kind == Kind.HEADER and record.seq > 0)


def _packed(state: dict[str, Any]) -> bytes:
    """Return bytes that are equal when all values are, to the bit, in whatever order of names."""
    packed: bytes = msgpack.packb(_ordered(state), default=pack_big_ints)
    return packed


def _ordered(value: object) -> object:
    if isinstance(value, dict):
        return [[name, _ordered(value[name])] for name in sorted(value)]
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    return value
