"""Hearing what is written to `sys.stdout` and `sys.stderr`, which stay the objects they are.

Only the method ``write`` of a stream has something put in front of it. So everything else about it
stays as it was (`fileno`, `isatty`, `buffer`, `reconfigure`), and who has got hold of the stream
earlier, such as a handler of `logging`, is heard as well.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, Literal, TypeAlias

StreamName: TypeAlias = Literal["stdout", "stderr", "logs"]
STREAMS: Final[tuple[StreamName, ...]] = ("stdout", "stderr")
"""The streams that are heard."""

LOGS: Final[StreamName] = "logs"
"""The stream of what a program gives to the run without printing it."""

Take: TypeAlias = Callable[[StreamName, object], None]
"""Takes what was written to a stream: text, in which bytes that are none are surrogates."""

Hear: TypeAlias = Callable[[Any], None]
"""Takes what was written, and what could not be written not; must not raise."""

_NOTHING: Final = object()


class _Tap:
    """The place at which a stream is heard.

    Attributes:
        listeners: Who hears what is written.
        write: Stands in front of the stream's own method.
    """

    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - whatever a program writes to
        self.listeners: tuple[Hear, ...] = ()
        self._stream = stream
        # What somebody else has put in front of the stream's own method already.
        self._before = vars(stream).get("write", _NOTHING)
        original = stream.write

        def write(text: Any, /, *more: Any, **named: Any) -> Any:  # noqa: ANN401 - the stream's own
            written = original(text, *more, **named)
            for hear in self.listeners:
                hear(text)
            return written

        self.write = write

    def open(self) -> None:
        """Put it in front of the stream's own method.

        Raises:
            AttributeError: The stream does not let itself be changed.
        """
        self._stream.write = self.write

    def close(self) -> None:
        """Take it away; where something stands in front of it by now, it stays and does nothing."""
        if vars(self._stream).get("write") is not self.write:
            return
        if self._before is _NOTHING:
            with suppress(AttributeError):
                del self._stream.write
        else:
            self._stream.write = self._before


_TAPS: dict[int, _Tap] = {}
"""The open taps by the identity of their streams, which they keep alive."""


class WrappedStreams:
    """Hears `sys.stdout` and `sys.stderr`: what this process writes in Python.

    Args:
        note: Told in words what cannot be heard.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._heard: list[tuple[object, Hear]] = []

    def open(self, take: Take) -> None:
        """Hand on what is written from now on to the streams as they are now."""
        # Both may be the same object; then it is stdout.
        streams = {id(getattr(sys, name)): name for name in reversed(STREAMS)}
        for name in streams.values():
            stream, hear = getattr(sys, name), partial(take, name)
            if _listen(stream, hear):
                self._heard.append((stream, hear))
            else:
                self._note(f"what is written to {name} is not recorded: it is {stream!r}")

    def close(self) -> None:
        """Hear no more; the streams are what they were."""
        while self._heard:
            _leave(*self._heard.pop())

    def drain(self) -> None:
        """Do nothing: what is written is handed on at once."""

    def after_fork(self) -> None:
        """Do nothing: a forked child writes to the same streams."""


def _listen(stream: object, hear: Hear) -> bool:
    """Hear what is written to a stream; tell whether it lets itself be heard."""
    tap = _TAPS.get(id(stream))
    if tap is None:
        try:
            tap = _Tap(stream)
            tap.open()
        except (AttributeError, TypeError):
            return False
        _TAPS[id(stream)] = tap
    tap.listeners = (*tap.listeners, hear)
    return True


def _leave(stream: object, hear: Hear) -> None:
    """Hear no more of a stream; with the last listener it is again what it was."""
    tap = _TAPS[id(stream)]
    tap.listeners = tuple(listener for listener in tap.listeners if listener is not hear)
    if not tap.listeners:
        tap.close()
        del _TAPS[id(stream)]
