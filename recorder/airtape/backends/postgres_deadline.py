"""Hanging up on a server that takes too long: one that is stuck never says so."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from time import monotonic
from types import TracebackType


class Deadline:
    """Watches a line while something is asked over it; a context manager, once for each question.

    One thread does it for all of them. It ends when nothing has been asked for a while: to start
    one for each transaction takes longer than most of these.

    Args:
        line: The file descriptor of the line's socket, which this has to itself.
        answer_s: Seconds after which to hang up.
    """

    def __init__(self, line: int, answer_s: float) -> None:
        self._line = socket.socket(fileno=line)
        self._answer_s = answer_s
        self._ends_at: float | None = None
        self._watched = False
        self._closed = False
        self._news = threading.Condition()

    def __enter__(self) -> None:
        with self._news:
            # Whoever watches wakes up before this, and so need not be told.
            self._ends_at = monotonic() + self._answer_s
            if not self._watched:
                self._watched = True
                threading.Thread(target=self._watch, name="deadline", daemon=True).start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._news:
            self._ends_at = None

    def close(self) -> None:
        """Watch no more; the line is left to others."""
        with self._news:
            self._closed = True
            self._ends_at = None
            self._line.close()
            self._news.notify()

    def _watch(self) -> None:
        with self._news:
            idle = False
            while not (self._closed or idle):
                now = monotonic()
                if self._ends_at is None:
                    self._news.wait(self._answer_s)
                    idle = self._ends_at is None
                elif now < self._ends_at:
                    self._news.wait(self._ends_at - now)
                else:
                    self._ends_at = None
                    with suppress(OSError):
                        self._line.shutdown(socket.SHUT_RDWR)
            self._watched = False
