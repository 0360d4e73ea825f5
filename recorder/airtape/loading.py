"""Loading modules in a thread of ours, so that a program that forks meanwhile comes to no harm.

Each module that is being loaded has a lock. A child that is forked at that moment has the lock, and
not the thread that would release it: it would wait for ever for a module that it needs as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import RLock

FORK_WAIT_S = 1.0
"""Seconds that a fork waits at most; loading takes a few hundredths of one."""

HEAD_START_S = 0.01
"""Seconds that a thread waits before it loads: until then `init` has returned, as a rule.

A thread that loads keeps Python's lock for five milliseconds at a time.
"""

END_WAIT_S = 5.0
"""Seconds that the end of the program waits at most."""


class _Turn:
    """Who may go on: a thread that loads, or a fork."""

    def __init__(self) -> None:
        self.lock = RLock()

    def take(self) -> None:
        """Let a fork wait until nothing is being loaded."""
        self.lock.acquire(timeout=FORK_WAIT_S)

    def give_back(self) -> None:
        """Go on in the process that has forked."""
        with suppress(RuntimeError):  # it has waited in vain
            self.lock.release()

    def renew(self) -> None:
        """Go on in the child, where no thread loads anything."""
        self.lock = RLock()


_turn = _Turn()
os.register_at_fork(before=_turn.take, after_in_parent=_turn.give_back, after_in_child=_turn.renew)


def load_no_more() -> None:
    """Let our threads load nothing from now on, for the process ends; wait for what they load."""
    _turn.lock.acquire(timeout=END_WAIT_S)


@contextmanager
def loading() -> Iterator[None]:
    """Load modules in a ``with`` block of this; a fork waits until it is left."""
    with _turn.lock:
        yield
