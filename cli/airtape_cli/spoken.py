"""What a command says on stdout as it works: the work goes on when nobody can be told of it."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from airtape_cli.boundary import forget_stdout

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Spoken:
    """Writes to stdout until that fails, as when the reader is gone or the disk full."""

    def __init__(self) -> None:
        self._failure: OSError | None = None

    def say(self, text: str) -> None:
        """Write some lines, or nothing once that has failed."""
        with self._heeding():
            if self._failure is None:
                click.echo(text)

    def draw(self, data: bytes) -> None:
        """Write to the terminal that stdout is, or nothing once that has failed."""
        with self._heeding():
            while self._failure is None and data:
                data = data[os.write(sys.stdout.fileno(), data) :]

    def terminal(self) -> io.TextIOWrapper:
        """Return a stream that draws."""
        return io.TextIOWrapper(
            io.BufferedWriter(_Terminal(self)), encoding=sys.stdout.encoding, errors="replace"
        )

    @contextmanager
    def _heeding(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._failure = OSError(error.errno, error.strerror, "stdout")
            forget_stdout()

    def check(self) -> None:
        """Make sure that all of it was written.

        Raises:
            OSError: Why the rest was not.
        """
        if self._failure is not None:
            raise self._failure


class _Terminal(io.RawIOBase):
    """The terminal that stdout is, which may be closed at any time."""

    def __init__(self, spoken: Spoken) -> None:
        self._spoken = spoken

    def writable(self) -> bool:
        """Tell that it is."""
        return True

    def isatty(self) -> bool:
        """Tell that it is one."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Write all of it, or nobody is there to read it."""
        text = bytes(data)
        self._spoken.draw(text)
        return len(text)
