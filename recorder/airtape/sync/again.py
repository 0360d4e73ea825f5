"""Sending writers anew, in place of what a target has of them."""

from __future__ import annotations

from airtape.backends.cursor import RunKey


class Again:
    """Knows which writers a pass has still to send anew; shared by the threads of a sync.

    The first batch of a writer that is sent anew drops what the target has of it, in the same
    transaction. It must not do so again for a second directory with files of that writer.

    Args:
        wanted: Whether writers are to be sent anew at all.
    """

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted
        self._begun: set[tuple[RunKey, bytes]] = set()

    def is_due(self, run: RunKey, writer: bytes) -> bool:
        """Tell whether the next batch of a writer is to begin it anew."""
        return self._wanted and (run, writer) not in self._begun

    def begun(self, run: RunKey, writer: bytes) -> None:
        """Take note that a batch of a writer has arrived."""
        if self._wanted:
            self._begun.add((run, writer))
