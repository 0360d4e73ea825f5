"""The log of a running run: every record is written, then folded into the live view of the run.

Threads and signal handlers may record at any time. A record is first on disk, in the sense of
`LogWriter.append`, and only then part of what `RunLog.fold` shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import RLock
from time import time_ns
from typing import Any

import msgpack

from airtape.errors import UsageError
from airtape.fold.fold import Fold
from airtape.fold.keys import Tree
from airtape.large_values import packed_size, parts_of, split_values
from airtape.records import HistoryFlag, Kind, Plain, Record, closes_row, pack_big_ints
from airtape.status import RunStatus
from airtape.txlog.format import MAX_BODY, Header
from airtape.txlog.writer import LogWriter
from airtape.values import history_data

CHECKPOINT_BYTES = 4 << 20
"""A checkpoint is written at the latest after so many bytes of records."""

FOLD_BATCH = 256
"""Rows that wait before they are folded together; it makes the mean ``log()`` cheaper."""

_PART_ROOM = 512
"""Bytes of a frame left for what stands beside the data."""

_STEP_GIVEN = int(HistoryFlag.STEP_GIVEN)
_COMMIT_GIVEN = int(HistoryFlag.COMMIT_GIVEN)
_DROPPED = int(HistoryFlag.DROPPED)
_HISTORY = int(Kind.HISTORY)
_CLOSES = tuple(closes_row(flags) for flags in range(8))
_OPEN, _FORKED, _CLOSED = range(3)


class RunLog:
    """One writer's log, and what its records amount to so far.

    Args:
        writer: The log file, fresh from its header.
        blobs: Folder for values that are too large for a frame.
        began_ns: Wall clock of the header, in nanoseconds.
        open_segment: Makes the log file of a forked child at its first record; takes the step
            that it begins with.
        start_step: The first step to write.
        fallbacks: Directories for the last records when the disk refuses to the end.

    Attributes:
        lock: Held while a record is written and folded.
        step: The current step: the one that the next ``log()`` without a step goes to.
        writer: The log file.
    """

    def __init__(  # noqa: PLR0913 - what a log needs from outside
        self,
        writer: LogWriter,
        *,
        blobs: Path,
        began_ns: int,
        open_segment: Callable[[int], LogWriter],
        start_step: int = 0,
        fallbacks: Sequence[Path] = (),
    ) -> None:
        self.lock = RLock()
        self._fallbacks = fallbacks
        self.step = start_step
        self._blobs = blobs
        self._open_segment = open_segment
        self._pack: Callable[[object], bytes] = msgpack.Packer().pack
        self._turn = 0
        self._status = _OPEN
        self._begin(writer, began_ns)

    @property
    def header(self) -> Header:
        """What the log says of itself."""
        return self.writer.header

    def _begin(self, writer: LogWriter, began_ns: int) -> None:
        self.writer = writer
        self._fold = Fold()
        self._fold.apply(Record(writer.header.first_seq, Kind.HEADER, began_ns, ()))
        self._waiting: list[tuple[int, int, int, int, Tree]] = []
        self._has_news = True
        self._checkpoint_at = CHECKPOINT_BYTES
        self._last_checkpoint: int | None = None

    def _wake(self, call: str) -> None:
        """Open a log of its own for a forked child; refuse a run that is finished."""
        if self._status == _CLOSED:
            raise finished_error(self.header.run_id, call)
        wall_ns = time_ns()
        self._begin(self._open_segment(self.step), wall_ns)
        self._status = _OPEN

    def after_fork(self) -> None:
        """Tell a forked child that the log is its parent's; its first record opens its own."""
        self.lock = RLock()
        self._pack = msgpack.Packer().pack
        if self._status == _OPEN:
            self._status = _FORKED
            self.writer.abandon()

    def history(  # noqa: C901 - in one piece, because a call costs time in every step
        self, step: int | None, flags: int, data: Tree, *, flat: bool
    ) -> int | None:
        """Record one call of ``log()`` by the rule of the current and the next step.

        Without a step the data go to the current one. A higher step becomes the current one; a
        lower one is refused: the call is recorded as dropped, and its data are no row.

        Args:
            step: The step asked for, if one was.
            flags: How ``log()`` was called, a `HistoryFlag`.
            data: Plain values; not kept, not changed.
            flat: Whether no value is nested, and nothing needs more than 64 bits.

        Returns:
            The current step, if the call was dropped because it asked for a lower one.

        Raises:
            UsageError: The run is finished.
        """
        with self.lock:
            if self._status:
                self._wake("log")
            closes = _CLOSES[flags]
            while True:
                turn = self._turn
                row_step = self.step
                if step is not None:
                    if step < row_step:
                        self._record_history(step, flags | _DROPPED, data)
                        return row_step
                    row_step = step
                wall_ns = time_ns()
                try:
                    body = self._encoded((_HISTORY, wall_ns, row_step, flags, data))
                except UnicodeEncodeError:
                    # A lone surrogate, which no check at this speed would have found.
                    return self.history(step, flags, history_data(data), flat=flat)
                # A signal handler that logs in between takes its own turn; then look again.
                if turn == self._turn:
                    break
            self._turn = turn + 1
            self.step = row_step + 1 if closes else row_step
            if body is None:
                self._record_history(row_step, flags, data)
            else:
                seq = self.writer.append(body)
                if flat:
                    self._waiting.append((seq, wall_ns, row_step, flags, data.copy()))
                    if len(self._waiting) >= FOLD_BATCH:
                        self._fold_waiting()
                else:
                    self._fold_now(Record(seq, _HISTORY, wall_ns, (row_step, flags, data)))
            if self.writer.size >= self._checkpoint_at:
                self.checkpoint()
        return None

    def _encoded(self, fields: tuple[Any, ...]) -> bytes | None:
        """Return the body of a record, None if it takes more than one frame or 64 bits.

        The packer calls no Python code, so nothing can come in between and use it as well.

        Raises:
            UnicodeEncodeError: A text is none that UTF-8 can hold.
        """
        try:
            body = self._pack(fields)
        except UnicodeEncodeError:
            raise
        except (OverflowError, TypeError, ValueError):
            return None
        return body if len(body) <= MAX_BODY else None

    def _record_history(self, step: int, flags: int, data: Tree) -> None:
        """Record a call whose data may need several frames, or more than 64 bits."""
        parts = parts_of(data, MAX_BODY - _PART_ROOM, self._blobs)
        for part in parts[:-1]:
            kept_open = flags & (_STEP_GIVEN | _DROPPED) | _COMMIT_GIVEN
            self._write(Kind.HISTORY, (step, kept_open, part))
        self._write(Kind.HISTORY, (step, flags, parts[-1]))

    def record(self, kind: Kind, *fields: Any, call: str | None = None) -> None:
        """Record anything but history; a large first field, map or list, is split over records.

        Args:
            kind: What is recorded.
            fields: What it says, by position.
            call: The user's call, for the error when the run is finished.

        Raises:
            UsageError: The run is finished.
        """
        with self.lock:
            if self._status:
                self._wake(call or kind.name.lower())
            for part in self._fitting(fields):
                self._write(kind, part)

    def _fitting(self, fields: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Return the fields of one record, or of several if one frame cannot hold them."""
        limit = MAX_BODY - _PART_ROOM
        if packed_size(fields) <= limit:
            return [fields]
        first, *others = fields
        is_map = type(first) is dict
        parts = split_values(list(first.items()) if is_map else first, limit, self._blobs)
        nothing = [type(other)() for other in others]
        return [
            (dict(part) if is_map else part, *(nothing if at else others))
            for at, part in enumerate(parts)
        ]

    def _write(self, kind: Kind, fields: tuple[Any, ...]) -> None:
        wall_ns = time_ns()
        body = msgpack.packb((int(kind), wall_ns, *fields), default=pack_big_ints)
        seq = self.writer.append(body)
        self._fold_now(Record(seq, kind, wall_ns, fields))

    def _fold_now(self, record: Record) -> None:
        self._fold_waiting()
        self._fold.apply(record)
        if record.kind != Kind.HEARTBEAT:
            self._has_news = True

    def _fold_waiting(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._fold.take_rows(waiting)
            self._has_news = True

    @property
    def fold(self) -> Fold:
        """What the records so far amount to; hold the lock while looking at it."""
        with self.lock:
            self._fold_waiting()
            return self._fold

    def checkpoint(self) -> None:
        """Write down what the records so far amount to, so that readers can start from here.

        A state that is too large for a frame is left out: readers then start further back.
        """
        with self.lock:
            if self._status:
                return
            self._fold_waiting()
            wall_ns = time_ns()
            self._fold.apply(Record(-1, Kind.CHECKPOINT, wall_ns, ()))
            header = self.writer.header
            fields = [
                int(Kind.CHECKPOINT),
                wall_ns,
                header.writer,
                self._fold.state(),
                header.to_fields(),
                self._last_checkpoint,
            ]
            body = msgpack.packb(fields, default=pack_big_ints)
            if len(body) <= MAX_BODY:
                self._last_checkpoint = self.writer.size
                self.writer.append_unsalted(body)
            self._has_news = False
            self._checkpoint_at = self.writer.size + max(CHECKPOINT_BYTES, 4 * len(body))

    @property
    def has_news(self) -> bool:
        """Whether anything but heartbeats was recorded since the last checkpoint."""
        return self._has_news or bool(self._waiting)

    @property
    def status(self) -> RunStatus:
        """How the log stands with its disk."""
        cause, deferred, dropped = self.writer.status
        return RunStatus(trouble=cause, deferred=deferred, dropped=dropped)

    def sync(self) -> None:
        """Wait until all records so far survive a power loss."""
        if not self._status:
            self.writer.sync()

    def close(self, code: int | None, cause: dict[str, Plain]) -> Fold:
        """Record the end of the run and close its file; a second call does nothing.

        Args:
            code: The exit code, None if there is none.
            cause: How it ended: ``how``, and ``signal`` or ``exception`` where there is one.

        Returns:
            What all records amount to.
        """
        with self.lock:
            if self._status == _OPEN:
                self.checkpoint()
                self._write(Kind.EXIT, (code, cause))
                self.writer.close(self._fallbacks)
            self._status = _CLOSED
            return self._fold

    @property
    def is_forked(self) -> bool:
        """Whether this is a forked child that has recorded nothing yet."""
        return self._status == _FORKED


def finished_error(run_id: str, call: str) -> UsageError:
    """Return the error for a call on a run that is finished."""
    return UsageError(
        f"Run ({run_id}) is finished. The call to `{call}` will be ignored. "
        "Please make sure that you are using an active run."
    )
