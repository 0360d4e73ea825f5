"""Which lines on the terminal are the recorder's own, and not the program's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident

_SPEAKING: set[int] = set()
"""The threads that are writing lines of the recorder's own at this moment."""


@contextmanager
def own_lines() -> Iterator[None]:
    """Say that what this thread writes within the block is the recorder's own."""
    thread = get_ident()
    is_outermost = thread not in _SPEAKING
    _SPEAKING.add(thread)
    try:
        yield
    finally:
        if is_outermost:
            _SPEAKING.discard(thread)


def are_own() -> bool:
    """Tell whether what this thread writes now is the recorder's own."""
    return bool(_SPEAKING) and get_ident() in _SPEAKING
