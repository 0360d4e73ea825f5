"""Waiting for what a thread brings about, and doing without threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_S = 5.0
"""Seconds after which what did not happen never will."""


def eventually(what: Callable[[], bool]) -> bool:
    """Wait until something holds that a thread brings about."""
    ticks = (threading.Event().wait(0.01) for _ in range(round(PATIENCE_S * 100)))
    return any(what() or tick for tick in ticks)


@contextmanager
def no_threads() -> Iterator[None]:
    """No thread can be had: no machine has room for such a stack."""
    usual = threading.stack_size(1 << 47)
    try:
        yield
    finally:
        threading.stack_size(usual)
