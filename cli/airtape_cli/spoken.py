"""What a command says on stdout as it works: the work goes on when nobody can be told of it."""

from __future__ import annotations

import click

from airtape_cli.boundary import forget_stdout


class Spoken:
    """Writes lines to stdout until that fails, as when the reader is gone or the disk full."""

    def __init__(self) -> None:
        self._failure: OSError | None = None

    def say(self, text: str) -> None:
        """Write some lines, or nothing once that has failed."""
        if self._failure is None:
            try:
                click.echo(text)
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
