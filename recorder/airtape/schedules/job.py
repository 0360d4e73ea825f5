"""A sync that a machine runs by itself, every so often."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final, NamedTuple

from airtape.errors import UsageError

_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "m"))


class SyncJob(NamedTuple):
    """A sync that a machine runs by itself.

    Two that are at work at once do no harm: a run that one is bringing the other leaves alone. So
    that they do not pile up before a target that hangs, each ends at the next one's time.

    Attributes:
        command: How `tracker` is started, with absolute paths.
        folder: The working directory, which tells which settings hold.
        paths: Where the runs are, as ``tracker sync`` takes it; patterns are not expanded.
        target: The target, by its name or URL, without a password.
        every_s: Seconds from one to the next.
    """

    command: Sequence[str]
    folder: str
    paths: Sequence[str]
    target: str
    every_s: int

    @property
    def arguments(self) -> list[str]:
        """The command with its arguments."""
        how = ["--to", self.target, "--deadline", span_text(self.every_s), "--quiet"]
        return [*self.command, "sync", *how, "--", *self.paths]

    @property
    def shell(self) -> str:
        """The command as ``sh`` takes it.

        Patterns reach `tracker` as they stand, however many directories they match.
        """
        return shlex.join(self.arguments)

    def check(self) -> None:
        """Make sure that the command fits on a line.

        Raises:
            UsageError: It does not.
        """
        for text in (*self.arguments, self.folder):
            if any(character in text for character in "\n\r\0"):
                raise UsageError("a line break cannot stand in a schedule", where=ascii(text))


def span_text(seconds: int) -> str:
    """Return a time span as the command takes it: ``5m``, ``90s``."""
    for size, unit in _UNITS:
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
