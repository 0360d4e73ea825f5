"""The history of a running run: which row each call of ``log()`` goes to, and how it is written.

So is, in passing, what the program puts out.
"""

from __future__ import annotations

from time import time_ns
from typing import Any

from airtape.fold.keys import Tree
from airtape.large_values import parts_of
from airtape.live import FOLD_BATCH
from airtape.record_log import FORKED, OPEN, PART_SIZE, RecordLog
from airtape.records import HistoryFlag, Kind, Record, closes_row
from airtape.txlog.format import MAX_BODY
from airtape.values import history_data

_STEP_GIVEN = int(HistoryFlag.STEP_GIVEN)
_COMMIT_GIVEN = int(HistoryFlag.COMMIT_GIVEN)
_DROPPED = int(HistoryFlag.DROPPED)
_HISTORY = int(Kind.HISTORY)
_CONSOLE = int(Kind.CONSOLE)
_LARGE = 16 << 10
"""Bytes of a record from which on its row does not wait to be folded with others."""

_NEEDS_CARE = 0
"""Stands for the size of a record that cannot be written as it is."""

_CLOSES = tuple(closes_row(flags) for flags in range(8))


class RunLog(RecordLog):
    """One writer's log, to which rows of the history are recorded beside everything else."""

    def history_with_texts(
        self, step: int | None, flags: int, data: Tree, *, flat: bool
    ) -> int | None:
        """Record one call of ``log()`` as `history` does, without the secrets in its texts.

        Raises:
            UsageError: The run is finished.
            InvalidDataError: A name is too long.
        """
        current = self.history(step, flags, self.redaction.data(data, "history"), flat=flat)
        if self.redaction.has_news:
            self._list_redactions()
        return current

    def history(  # noqa: C901, PLR0912, PLR0915 - in one piece, because a call costs time in every step
        self, step: int | None, flags: int, data: Tree, *, flat: bool
    ) -> int | None:
        """Record one call of ``log()`` by the rule of the current and the next step.

        Nobody looks for secrets in the data.

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
            InvalidDataError: A name is too long.
        """
        lock = self.lock
        try:
            # As `with lock` does it, which takes twice as long.
            lock.acquire()
            while True:
                if self._status:
                    self._wake("log")
                turn = self._turn
                row_step = self.step
                if step is not None:
                    if step < row_step:
                        size = _NEEDS_CARE
                        break
                    row_step = step
                wall_ns = time_ns()
                try:
                    # No Python code is called, so nothing can come in between and pack as well.
                    body = self._pack((_HISTORY, wall_ns, row_step, flags, data))
                except (OverflowError, TypeError, ValueError):
                    # 64 bits or UTF-8 cannot hold it.
                    size = _NEEDS_CARE
                    break
                size = len(body)
                # A signal handler that logs in between takes its own turn; then look again. From
                # here until the turn is taken nothing is called, so that no handler comes.
                if turn == self._turn:
                    break
            if not 0 < size <= MAX_BODY:
                current = self._history_in_parts(step, flags, data)
            else:
                current = None
                outer, self._is_writing = self._is_writing, True
                try:
                    self._turn = turn + 1
                    self.step = row_step + _CLOSES[flags]
                    seq = self._append(body)
                    waiting = self._waiting
                    if flat and size < _LARGE:
                        waiting.append((seq, wall_ns, row_step, flags, data.copy()))
                        is_due = len(waiting) >= FOLD_BATCH
                        if is_due:
                            self._live.catch_up()
                    else:
                        is_due = True
                        self._live.take(Record(seq, _HISTORY, wall_ns, (row_step, flags, data)))
                    self._is_writing = outer
                except BaseException:
                    self._tear(outer)
                    raise
                if self._status:
                    self._close_if_due()
                elif is_due and self.writer.size >= self._checkpoint_at:
                    self.checkpoint()
        except BaseException:
            # It is not held if an interrupt came while another thread had it.
            if lock._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001 - as `threading.Condition` does
                lock.release()
            raise
        lock.release()
        return current

    def _history_in_parts(self, step: int | None, flags: int, data: Tree) -> int | None:
        """Record a call of ``log()`` that needs more room or more care; see `history`."""
        try:
            parts = parts_of(data, PART_SIZE, self._large.keep)
        except UnicodeEncodeError:
            # A lone surrogate, which no check at the usual speed would have found.
            parts = parts_of(history_data(data), PART_SIZE, self._large.keep)
        while True:
            turn = self._turn
            current = self.step
            row_step = current if step is None else step
            is_over = row_step < current
            next_step = current if is_over else row_step + _CLOSES[flags]
            if turn == self._turn:
                break
        self._turn = turn + 1
        self.step = next_step
        if is_over:
            flags |= _DROPPED
        kept_open = flags & (_STEP_GIVEN | _DROPPED) | _COMMIT_GIVEN
        for part in parts[:-1]:
            self._write(Kind.HISTORY, (row_step, kept_open, part))
        self._write(Kind.HISTORY, (row_step, flags, parts[-1]))
        return current if is_over else None

    def output(self, *fields: Any, wait: float) -> bool:
        """Record a chunk of output that has no secrets in it; after the end of the run drop it.

        Args:
            fields: The stream, the chunk and so on.
            wait: Seconds to wait at most for a thread that records something else.

        Returns:
            Whether there is nothing left to do.
        """
        if not self.lock.acquire(timeout=wait):
            return False
        try:
            if self._status == FORKED:
                self._wake("output")
            if self._status == OPEN:
                self._write_output(fields)
        finally:
            self.lock.release()
        return True

    def _write_output(self, fields: tuple[Any, ...]) -> None:
        wall_ns = time_ns()
        body = self._pack((_CONSOLE, wall_ns, *fields))
        outer, self._is_writing = self._is_writing, True
        try:
            self._live.take_output(self.writer.append(body), wall_ns)
            self._is_writing = outer
        except BaseException:
            self._tear(outer)
            raise
        self._close_if_due()
