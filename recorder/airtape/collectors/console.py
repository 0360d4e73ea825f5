"""What a program writes to its terminal: every chunk goes to the log, what one saw to a file.

A line is in the log before `print` returns, as long as there are not very many. Of more, and of a
line that is not complete yet, a thread takes care a moment later. What prints must not wait for
that, fail because of it, or fill the disk.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from airtape.collectors.budget import Budget
from airtape.collectors.piecewise_redaction import PiecewiseRedaction
from airtape.collectors.streams import LOGS, STREAMS, StreamName, Take
from airtape.own_lines import are_own
from airtape.process import leave_signals_to_the_program
from airtape.records import Kind
from airtape.runlog import RunLog

if TYPE_CHECKING:
    from airtape.collectors.output_file import OutputFile

PERIOD_S: Final = 0.2
"""Seconds after which output is recorded at the latest, and the file is brought up to date."""

MOST_AT_ONCE: Final = 4 << 10
"""Characters up to which the thread that prints records what it has printed."""

LINES_AT_ONCE: Final = (200, 50)
"""Lines for which it does: so many in a row, and afterwards each second."""

MOST_RECORDED: Final = (4 << 20, 64 << 10)
"""Characters of a stream that are recorded: so many in a row, and afterwards each second."""

MOST_WAITING: Final = 8 << 20
"""Characters that wait at most; what comes on top is not recorded."""

PART: Final = 64 << 10
"""Characters of a record at most."""

RECORDED: Final = (*STREAMS, LOGS)
"""The streams of which there are records."""

PATIENCE_S: Final = 1.0
"""Seconds to wait at most for another thread that is recording something."""


class Source(Protocol):
    """Hears what is written to stdout and stderr."""

    def open(self, take: Take) -> None:
        """Hand on what is written from now on; what cannot be heard is left as it is."""

    def close(self) -> None:
        """Leave the streams as they were before; nothing is handed on any more."""

    def drain(self) -> None:
        """Wait until what has been written is handed on, but not for long."""

    def after_fork(self) -> None:
        """Go on in a forked child."""


class _Chunk(NamedTuple):
    """What becomes a record: the stream, what was written, characters before it that are lost."""

    stream: StreamName
    data: str | bytes
    dropped: int


class Console:
    """Records the output of the program, from `start` to `finish`.

    Args:
        log: The run's log.
        source: Where output is heard; None where it is not.
        open_file: Returns the file of what one saw, which is made with the first of it; None
            where there is to be none.
        note: Writes a line to ``debug.log``.

    Attributes:
        failed: How often something went wrong.
    """

    def __init__(
        self,
        log: RunLog,
        source: Source | None,
        open_file: Callable[[], OutputFile] | None,
        note: Callable[[str], None],
    ) -> None:
        self.failed = 0
        self._log = log
        self._source = source
        self._open_file = open_file
        self._file: OutputFile | None = None
        self._note = note
        self._begin()

    def _begin(self) -> None:
        self._said: deque[tuple[StreamName, str]] = deque()
        self._waiting = 0
        self._overflowed: deque[tuple[StreamName, int]] = deque()
        self._ready: deque[_Chunk] = deque()
        self._shown: deque[_Chunk] = deque()
        self._dropped = 0
        self._lost: dict[StreamName, int] = dict.fromkeys(RECORDED, 0)
        self._lines = Budget(*LINES_AT_ONCE)
        self._budgets = {name: Budget(*MOST_RECORDED) for name in RECORDED}
        self._cleaned = {
            name: PiecewiseRedaction(self._log.redaction, f"console.{name}") for name in RECORDED
        }
        self._recording = threading.Lock()
        self._news = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """Characters that were not recorded, because there were too many."""
        return self._dropped + sum(self._lost.values())

    @property
    def is_heard(self) -> bool:
        """Whether what the program prints is recorded."""
        return self._source is not None

    def start(self) -> None:
        """Listen from now on."""
        if self._source is not None:
            self._source.open(self.take)

    def leave(self) -> None:
        """Listen no more."""
        if self._source is not None:
            self._source.close()

    def add(self, text: str) -> None:
        """Take in lines that are not printed; neither raises nor waits."""
        self.take(LOGS, text if text.endswith("\n") else text + "\n")

    def take(self, stream: StreamName, said: object) -> None:
        """Take in what was written to a stream; neither raises nor waits.

        Args:
            stream: The stream.
            said: Text, in which bytes that are none are surrogates; anything else is left out.
        """
        if not said or not isinstance(said, str):
            return
        try:
            # The recorder's own lines may be about the record that this thread is writing.
            self._take(stream, said, at_once=not are_own())
        except Exception as error:  # noqa: BLE001 - what prints must not learn of it
            self._fail(error)

    def _take(self, stream: StreamName, said: str, *, at_once: bool) -> None:
        size = len(said)
        if self._waiting + size > MOST_WAITING:
            self._overflowed.append((stream, size))
        else:
            self._waiting += size
            self._said.append((stream, said))
            is_due = at_once and said[-1] == "\n" and self._waiting <= MOST_AT_ONCE
            if is_due and self._lines.take(1):
                self._record_now()
        if not self._news.is_set():
            self._news.set()
            if self._thread is None:
                self._start_thread()

    def _record_now(self) -> None:
        """Record what was said, unless some thread is doing that or records something else."""
        if self._recording.acquire(blocking=False):
            try:
                self._record(wait=0)
            finally:
                self._recording.release()

    def _start_thread(self) -> None:
        self._thread = threading.Thread(target=self._work, name="airtape-console", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            # At the end of the program, or where a process may have no more threads.
            self._note(f"no thread records output, so it is recorded when the run ends: {error}")

    def _work(self) -> None:
        leave_signals_to_the_program()
        while not self._stopped.is_set():
            self._news.wait()
            self._stopped.wait(PERIOD_S)
            self._news.clear()
            try:
                with self._recording:
                    self._bring_up_to_date()
            except Exception as error:  # noqa: BLE001 - the thread must outlive any one failure
                self._fail(error)

    def _bring_up_to_date(self) -> None:
        self._record(wait=PATIENCE_S)
        self._write_file()

    def _fail(self, error: Exception) -> None:
        self.failed += 1
        if self.failed == 1:
            self._note(f"output is not recorded as it should be: {type(error).__name__}: {error}")

    def _record(self, *, wait: float) -> None:
        """Record what was said; only for the thread that holds `_recording`.

        Args:
            wait: Seconds to wait at most for a thread that records something else.
        """
        # Once, for what is recorded may make the recorder say something.
        self._prepare()
        while self._ready:
            chunk = self._ready[0]
            said = chunk if chunk.dropped else chunk[:2]
            if not self._log.output(*said, wait=wait):
                self._news.set()
                return
            self._ready.popleft()
            if self._open_file is not None:
                self._shown.append(chunk)

    def _prepare(self) -> None:
        """Make ready what was said: joined, no more than may come, and without secrets."""
        said = [self._said.popleft() for _ in range(len(self._said))]
        # What others have added since is missed: that is less than what their counting may miss.
        self._waiting = 0
        for stream, text in _joined(said):
            allowed = self._budgets[stream].take(len(text))
            if allowed < len(text):
                # Whole lines: a secret that is cut in two looks like none.
                line_end = text.rfind("\n", 0, allowed) + 1
                allowed = line_end if line_end or len(text) < PART else allowed
            if allowed:
                self._make_ready(stream, text[:allowed])
            self._lost[stream] += len(text) - allowed
        while self._overflowed:
            stream, size = self._overflowed.popleft()
            self._lost[stream] += size

    def _make_ready(self, stream: StreamName, text: str) -> None:
        dropped, self._lost[stream] = self._lost[stream], 0
        self._dropped += dropped
        text = self._cleaned[stream](text)
        for at in range(0, max(1, len(text)), PART):
            data = _recordable(text[at : at + PART])
            self._ready.append(_Chunk(stream, data, 0 if at else dropped))

    def _write_file(self) -> None:
        if self._open_file is None or not (self._shown or self._file):
            return
        try:
            self._file = self._file or self._open_file()
            while self._shown:
                chunk = self._shown.popleft()
                self._file.add(*chunk)
            self._file.write()
        except OSError as error:
            self._file = self._open_file = None
            self._note(f"output.log is not written, the log has it all the same: {error}")

    def flush(self) -> None:
        """Record what is left; nothing is done beside it any more."""
        if self._source is not None:
            self._source.drain()
        self._stopped.set()
        self._news.set()
        if not self._recording.acquire(timeout=PATIENCE_S):
            self._fail(TimeoutError("another thread is still at it"))
            return
        try:
            self._record(wait=PATIENCE_S)
            for stream in RECORDED:
                if self._lost[stream]:
                    self._make_ready(stream, "")
            self._bring_up_to_date()
            if self._ready:
                self._fail(TimeoutError("another thread records something else all the time"))
        except Exception as error:  # noqa: BLE001 - the run ends all the same
            self._fail(error)
        finally:
            self._recording.release()

    def finish(self) -> None:
        """Listen no more, and record what is left and what is known of it."""
        self.leave()
        self.flush()
        file, self._file = self._file, None
        try:
            said = file and file.close()
        except OSError as error:
            said = None
            self._note(f"output.log is not complete, the log is: {error}")
        if said:
            self._log.record(Kind.FILES, [said])

    def after_fork(self) -> None:
        """Go on in a forked child with what it says itself; the file is its parent's."""
        self._file = self._open_file = None
        if self._source is not None:
            self._source.after_fork()
        self._begin()


def _joined(said: list[tuple[StreamName, str]]) -> Iterator[tuple[StreamName, str]]:
    """Yield what was said, with what one stream said in a row in one piece."""
    if len({stream for stream, _ in said}) == 1:  # as nearly always
        yield said[0][0], "".join([text for _, text in said])
        return
    for stream, group in groupby(said, itemgetter(0)):
        yield stream, "".join([text for _, text in group])


def _recordable(text: str) -> str | bytes:
    """Return a text as a record can hold it: bytes where it was none."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return text.encode("utf-8", "backslashreplace").decode()
    return text
