"""Ending a command cleanly when a signal asks for it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def stopped_by_signals(*stops: Callable[[], None]) -> Iterator[None]:
    """Call `stops` at the first signal that asks for the end; a second ends the command at once.

    Signals that the process was started to ignore stay ignored, as under ``nohup``.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        restore()
        for stop in stops:
            stop()

    for number, handler in before.items():
        if handler not in {signal.SIG_IGN, None}:
            signal.signal(number, on_signal)
    try:
        yield
    finally:
        restore()
