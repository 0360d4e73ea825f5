"""The log of a running run: every record is written, then folded into the live view of the run.

Threads and signal handlers may record at any time. A record is first on disk, in the sense of
`LogWriter.append`, and only then part of what `RecordLog.fold` shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import RLock
from time import time_ns
from typing import Any

import msgpack

from airtape.errors import InvalidDataError, UsageError
from airtape.fold.fold import Fold
from airtape.fold.keys import Tree, copied
from airtape.large_values import LargeValues, in_parts
from airtape.live import LiveFold
from airtape.records import Kind, Plain, Record, pack_big_ints
from airtape.redacted_fields import name_of_list, redacted_fields
from airtape.redaction import Redaction
from airtape.status import RunStatus
from airtape.txlog.format import MAX_BODY, Header
from airtape.txlog.trouble import within
from airtape.txlog.writer import END_WAIT_S, LogWriter

CHECKPOINT_BYTES = 4 << 20
"""A checkpoint is written at the latest after so many bytes of records."""

PART_SIZE = MAX_BODY - 512
"""Bytes of a frame that data may take; the rest is for what stands beside them."""

_UNDIVIDED = frozenset({Kind.RUN, Kind.METRIC})
"""Kinds whose record means something only as a whole."""

OPEN, FORKED, CLOSED = range(3)
"""Whether a log takes records, is one that a forked child has not begun yet, or has ended."""


class RecordLog:
    """One writer's log, and what its records amount to so far.

    Args:
        writer: The log file, fresh from its header.
        large: Keeps values that are too large for a frame.
        began_ns: Wall clock of the header, in nanoseconds.
        open_segment: Makes the log file of a forked child at its first record; takes the step
            that it begins with, and the wall clock in nanoseconds.
        start_step: The first step to write.
        fallbacks: Directories for the last records when the disk refuses to the end.
        redaction: Takes secrets out of what is recorded; by default nothing is taken out.

    Attributes:
        redaction: Takes secrets out of texts, and lists what it has taken out.
        lock: Held while a record is written and folded.
        step: The current step: the one that the next ``log()`` without a step goes to.
        writer: The log file.
    """

    def __init__(  # noqa: PLR0913 - what a log needs from outside
        self,
        writer: LogWriter,
        *,
        large: LargeValues,
        began_ns: int,
        open_segment: Callable[[int, int], LogWriter],
        start_step: int = 0,
        fallbacks: Sequence[Path] = (),
        redaction: Redaction | None = None,
    ) -> None:
        self.lock = RLock()
        self.redaction = redaction or Redaction({}, wanted=False)
        self._fallbacks = fallbacks
        self.step = start_step
        self._large = large
        self._open_segment = open_segment
        self._pack: Callable[[object], bytes] = msgpack.Packer().pack
        self._turn = 0
        self._is_writing = False
        self._is_close_due = False
        self._status = OPEN
        self._begin(writer, began_ns)

    @property
    def header(self) -> Header:
        """What the log says of itself."""
        return self.writer.header

    def _begin(self, writer: LogWriter, began_ns: int, parent: LiveFold | None = None) -> None:
        self.writer = writer
        self._append = writer.append
        self._live = LiveFold(began_ns, writer.header.first_seq, parent)
        self._waiting = self._live.waiting
        self._checkpoint_at = CHECKPOINT_BYTES

    def _wake(self, call: str) -> None:
        """Open a log of its own for a forked child; refuse a run that is finished."""
        if self._status == CLOSED:
            raise finished_error(self.header.run_id, call)
        wall_ns = time_ns()
        self._begin(self._open_segment(self.step, wall_ns), wall_ns, self._live)
        self._status = OPEN
        self._on_wake()

    def after_fork(self, on_wake: Callable[[], None]) -> None:
        """Tell a forked child that the log is its parent's; its first record opens its own.

        Args:
            on_wake: Called when it has opened one.
        """
        self._on_wake = on_wake
        self.lock = RLock()
        self.redaction.start_list()
        self._pack = msgpack.Packer().pack
        self._is_writing = self._is_close_due = False
        if self._status == OPEN:
            self._status = FORKED
            self.writer.abandon()

    def _tear(self, outer: bool) -> None:  # noqa: FBT001 - what it was before
        """Note that an interrupt hit a record, and do what else its end would have done."""
        self._live.torn = True
        self._is_writing = outer
        self._close_if_due()

    def record(self, kind: Kind, *fields: Any, call: str | None = None) -> None:
        """Record anything but history; a large first field, map or list, is split over records.

        Secrets are taken out of the texts in it.

        Args:
            kind: What is recorded.
            fields: What it says, by position.
            call: The user's call, for the error when the run is finished.

        Raises:
            UsageError: The run is finished.
            InvalidDataError: A name, or a text that is no value, is too long.
        """
        fields = redacted_fields(kind, fields, self.redaction)
        with self.lock:
            if self._status:
                self._wake(call or kind.name.lower())
            parts = [fields]
            if kind not in _UNDIVIDED:
                parts = in_parts(fields, PART_SIZE, self._large.keep)
            for part in parts:
                self._write(kind, part)
            if self.redaction.has_news:
                self._list_redactions()

    def _list_redactions(self) -> None:
        with self.lock:
            if not self._status:
                header = self.header
                began = header.role == "primary" and not header.parents
                name = name_of_list(header.writer, began=began)
                self._write(Kind.METADATA, ({name: self.redaction.listed()},))

    def beat(self) -> None:
        """Record a sign of life, as long as the run goes on."""
        with self.lock:
            if not self._status:
                self._write(Kind.HEARTBEAT, (self.writer.synced_seq,))

    def _write(self, kind: Kind, fields: tuple[Any, ...]) -> None:
        wall_ns = time_ns()
        body = msgpack.packb((int(kind), wall_ns, *fields), default=pack_big_ints)
        if len(body) > MAX_BODY:
            raise InvalidDataError(
                f"a name or text of this call is too long: {len(body)} bytes",
                hint=f"one record holds {MAX_BODY} bytes; only values may be larger",
            )
        outer, self._is_writing = self._is_writing, True
        try:
            self._refuse_if_closed(kind)
            seq = self.writer.append(body)
            self._live.take(Record(seq, kind, wall_ns, fields))
            self._is_writing = outer
        except BaseException:
            self._tear(outer)
            raise
        self._close_if_due()

    def _refuse_if_closed(self, kind: Kind) -> None:
        """Refuse a record for which the file is closed already, by the handler of a signal."""
        if self._status and not self._is_close_due:
            call = "log" if kind == Kind.HISTORY else kind.name.lower()
            raise finished_error(self.header.run_id, call)

    @property
    def fold(self) -> Fold:
        """What the records so far amount to; hold the lock while looking at it."""
        with self.lock:
            return self._live.fold

    @property
    def is_held_here(self) -> bool:
        """Whether this thread is in the middle of a record, further down the stack."""
        return self.lock._is_owned()  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001 - as `threading.Condition` does

    def at_end(self) -> tuple[Tree, Tree]:
        """Return config and summary as they would be if the run ended now; nobody changes them."""
        with self.lock:
            fold = self._live.fold
            if fold.history.open_row is not None:
                fold = Fold(fold.state())
                fold.close_row()
            return copied(fold.config), copied(fold.summary)

    @property
    def described(self) -> dict[str, Any]:
        """Name, notes, tags and so on."""
        with self.lock:
            return self._live.described

    @property
    def summary(self) -> Tree:
        """The summary."""
        with self.lock:
            return self._live.summary

    def whole(self, value: Plain) -> Plain:
        """Return what a reference to a large value stands for, and any other value as it is."""
        return self._large.whole(value)

    def checkpoint(self) -> None:
        """Write down what the records so far amount to, so that readers can start from here.

        A state that is too large for a frame is left out: readers then start further back. So is
        one that an interrupt has torn.
        """
        with self.lock:
            if self._status or self._is_writing:
                # In the handler of a signal: a record is not in the state yet, but numbered.
                return
            self._is_writing = True
            try:
                size = self._live.write_checkpoint(self.writer)
                self._checkpoint_at = self.writer.size + max(CHECKPOINT_BYTES, 4 * size)
            finally:
                self._is_writing = False
                self._close_if_due()

    @property
    def has_news(self) -> bool:
        """Whether the last checkpoint lacks anything but heartbeats."""
        return self._live.has_news(self.writer)

    @property
    def status(self) -> RunStatus:
        """How the log stands with its disk."""
        cause, deferred, dropped = self.writer.status
        return RunStatus(trouble=cause, deferred=deferred, dropped=dropped + self._large.lost)

    def sync(self) -> None:
        """Wait until all records so far survive a power loss."""
        if not self._status:
            # First the values, so that no reference survives the value that it stands for.
            self._large.sync()
            self.writer.sync()

    def seize(self, seconds: float) -> None:
        """Keep all other threads from recording for good: the process is about to die.

        Args:
            seconds: How long to wait for a thread that is recording something. Then it is passed
                over, and so are records of which it is unknown whether they are folded.
        """
        if not self.lock.acquire(timeout=seconds):
            self._live.torn = True
            self._is_writing = False
            self.lock = RLock()
            self.lock.acquire()

    def close(self, code: int | None, cause: dict[str, Plain]) -> Fold:
        """Record the end of the run and close its file; a second call does nothing.

        Args:
            code: The exit code, None if there is none.
            cause: How it ended: ``how``, and ``signal`` or ``exception`` where there is one.

        Returns:
            What all records amount to.
        """
        with self.lock:
            if self._status == OPEN:
                if not self.redaction.is_listed:
                    self._list_redactions()
                self.checkpoint()
                self._write(Kind.EXIT, (code, cause))
                self._is_close_due = True
            self._status = CLOSED
            self._turn += 1
            self._close_if_due()
            return self._live.fold

    def _close_if_due(self) -> None:
        """Close the file of a run that has ended, unless a record is about to be written below.

        The handler of a signal may end a run in the middle of ``log()``. That record has its number
        by then, and is written when the handler returns.
        """
        if self._is_close_due and not self._is_writing:
            self._is_close_due = False
            if self._large.unsynced:
                within(END_WAIT_S, self._large.sync)
            self.writer.close(self._fallbacks)

    @property
    def is_closed(self) -> bool:
        """Whether the run is finished."""
        return self._status == CLOSED

    @property
    def is_forked(self) -> bool:
        """Whether this is a forked child that has recorded nothing yet."""
        return self._status == FORKED


def finished_error(run_id: str, call: str) -> UsageError:
    """Return the error for a call on a run that is finished."""
    return UsageError(
        f"Run ({run_id}) is finished. The call to `{call}` will be ignored. "
        "Please make sure that you are using an active run."
    )
