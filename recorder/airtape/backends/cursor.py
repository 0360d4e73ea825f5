"""How far a writer's records have come in a target."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgpack

from airtape.backends.tally import Tally
from airtape.errors import TargetError
from airtape.file_copy import Digest
from airtape.fold.fold import Fold
from airtape.fold.keys import Key, key_of, path_of
from airtape.fold.observers import HistoryChanges
from airtape.records import pack_big_ints, unpack_ext
from airtape.txlog.seqset import SeqSet


class Said(NamedTuple):
    """What the records of a writer that have come amount to.

    Attributes:
        fold: The fold behind the last of them.
        provisional: ``(step, key)`` of values that were sent because the last row was taken to be
            complete; they are taken back when the row goes on.
        large: The values too large for a record that they refer to.
    """

    fold: Fold
    provisional: list[tuple[int, Key]]
    large: frozenset[Digest]


class RunKey(NamedTuple):
    """Which run of a target: two with different keys are different runs, whatever they say.

    Attributes:
        run_id: The run's id.
        root: Uuid of the writer that began it; tells two runs apart that took the same id.
        entity: Whom the run was given to when it was synced; empty for whom its log names.
        project: The project it was put into when it was synced; empty for the one its log names.
    """

    run_id: str
    root: bytes
    entity: str = ""
    project: str = ""


class FileMark(NamedTuple):
    """How far one log file has been read.

    Attributes:
        offset: End of the last frame that was read.
        frame_start: Start of that frame.
        frame_crc: Its body checksum; with the start it tells whether the file is still the same.
        max_seq: The highest record that was read from this file.
        size: The file's size when it was read.
        mtime_ns: Its modification time then.
    """

    offset: int
    frame_start: int
    frame_crc: int
    max_seq: int
    size: int
    mtime_ns: int


class Loss(NamedTuple):
    """Bytes that hold no record, or records that are missing without a trace.

    Attributes:
        file: Name of the log file.
        start: First damaged byte.
        end: First byte behind the damage; equal to ``start`` when records are missing.
        first_seq: The first record that is lost; None if none is, or at the end of a file.
        last_seq: The last one; None if none is, or if it cannot be known.
        reason: What is wrong, in a few words.
    """

    file: str
    start: int
    end: int
    first_seq: int | None
    last_seq: int | None
    reason: str

    @property
    def records(self) -> int | None:
        """Number of records lost; 0 if none is, None if it cannot be known."""
        if self.first_seq is None:
            return 0
        return None if self.last_seq is None else self.last_seq - self.first_seq + 1

    def __str__(self) -> str:
        where = f"bytes {self.start}-{self.end}" if self.end > self.start else f"byte {self.start}"
        lost = {None: "", 0: ", no record lost", 1: ", 1 record lost"}.get(
            self.records, f", {self.records} records lost"
        )
        return f"{self.file}, {where}: {self.reason}{lost}"


@dataclass(frozen=True, slots=True)
class Cursor:
    """What a target has of one writer.

    Attributes:
        version: Number of commits that made it; the next one must be based on it.
        received: The records that have come.
        files: How far each of the writer's files was read, by file name.
        state: Opaque to targets: what `pack_state` made, for `Cursor.fold`.
        losses: Known damage.
        ended: Whether the writer's exit record has come.
        tally: What the records that have come amount to; None where that is not known, because the
            first of them came when no tally was kept.
    """

    version: int = 0
    received: SeqSet = field(default_factory=SeqSet)
    files: Mapping[str, FileMark] = field(default_factory=dict)
    state: bytes = b""
    losses: tuple[Loss, ...] = ()
    ended: bool = False
    tally: Tally | None = field(default_factory=Tally)

    def said(self) -> Said:
        """Return what the records received amount to, with the last row completed."""
        said = unpack_state(self.state, None)
        said.fold.close_row()
        return said

    def fold(self) -> Fold:
        """Return the fold of the records received, with the last row completed."""
        return self.said().fold


def pack_state(
    fold: Fold, provisional: list[tuple[int, Key]], large: Collection[Digest] = ()
) -> bytes:
    """Return as bytes what records amount to; the arguments are those of `Said`."""
    rows = [[step, list(path_of(key))] for step, key in provisional]
    # Only where there are any, as in nearly no run.
    more = [[list(file) for file in sorted(large)]] if large else []
    packed: bytes = msgpack.packb([fold.state(), rows, *more], default=pack_big_ints)
    return packed


def unpack_state(state: bytes, observer: HistoryChanges | None) -> Said:
    """Return what `pack_state` was given, the fold with an observer; nothing for no state.

    Raises:
        TargetError: It is something else: the target that it comes from is damaged.
    """
    if not state:
        return Said(Fold(observer=observer), [], frozenset())
    try:
        fold, rows, *more = msgpack.unpackb(state, ext_hook=unpack_ext)
        provisional = [(step, key_of(path)) for step, path in rows]
        large = frozenset(Digest(size, sha256) for size, sha256 in (more[0] if more else ()))
        return Said(Fold(fold, observer=observer), provisional, large)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise TargetError(
            "what the target says of a run is damaged",
            because=f"{type(error).__name__}: {error}",
            hint="The logs are whole. Make the target anew from them: tracker rebuild TARGET",
        ) from error
