"""How far every writer has come in a target, without what it has of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, runtime_checkable

from airtape.backends.base import Backend
from airtape.backends.cursor import Cursor, RunKey


class WriterCursor(NamedTuple):
    """How far a writer has come in a target.

    Attributes:
        run: Its run.
        writer: Its uuid.
        cursor: What the target has of it.
    """

    run: RunKey
    writer: bytes
    cursor: Cursor


@runtime_checkable
class ListsCursors(Protocol):
    """A target that can list its cursors without reading anything else; none has to."""

    def cursors(self) -> Iterator[WriterCursor]:
        """Yield the cursor of each writer, sorted by run and writer.

        Raises:
            TargetError: The target does not answer.
        """


def cursors_of(backend: Backend) -> Iterator[WriterCursor]:
    """Yield the cursor of each writer of a target, sorted by run and writer.

    Raises:
        TargetError: The target does not answer.
    """
    if isinstance(backend, ListsCursors):
        yield from backend.cursors()
        return
    for held in backend.dump():
        yield WriterCursor(held.run, held.header.writer, held.cursor)
