"""A receipt in the place of the target that it is of: it can be asked, and takes in nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import NoReturn

from airtape.backends.base import Batch, DirectoryHint, Held
from airtape.backends.cursor import Cursor, RunKey
from airtape.backends.lease import Lease
from airtape.backends.listing import WriterCursor
from airtape.errors import UsageError
from airtape.receipts.document import ReceiptDocument


class ReceiptBackend:
    """Answers for a target what it said in a receipt.

    Args:
        document: The receipt.
    """

    transactional = True
    can_retract = False

    def __init__(self, document: ReceiptDocument) -> None:
        self.document = document
        self._cursors = {(run, writer): cursor for run, writer, cursor in document.writers}

    @property
    def notes(self) -> Sequence[str]:
        """What the user should know: as of when this is."""
        made = datetime.fromtimestamp(self.document.made_ns // 10**9, timezone.utc)
        return [f"what {self.document.target} held at {made:%Y-%m-%d %H:%M:%S} UTC, by its receipt"]

    def read_cursor(self, run: RunKey, writer: bytes) -> Cursor | None:
        """Return the cursor of a writer, None if nothing of it had come."""
        return self._cursors.get((run, writer))

    def held_files(self, run: RunKey) -> frozenset[tuple[str, str]] | None:
        """Return path and digest of each file of a run whose bytes it held; None if unknown."""
        return self.document.files.get(run)

    def cursors(self) -> Iterator[WriterCursor]:
        """Yield the cursor of each writer, sorted by run and writer."""
        yield from self.document.writers

    def runs(self, run_id: str | None = None) -> list[RunKey]:
        """Return the runs that something had come of, sorted: all, or those with this id."""
        return [run for run in self.document.runs if run_id in {None, run.run_id}]

    def dump(self, run: RunKey | None = None) -> Iterator[Held]:
        """Refuse: a receipt has no values.

        Raises:
            UsageError: Always.
        """
        self._refuse(f"a receipt does not tell the values of {'runs' if run is None else run[0]}")

    def hints(self) -> Mapping[str, DirectoryHint]:
        """Return nothing: the target has seen other directories."""
        return {}

    def keep_hints(self, hints: Mapping[str, DirectoryHint]) -> None:
        """Do nothing."""

    def take_lease(self, run: RunKey, lease: Lease) -> Lease | None:
        """Do nothing."""

    def drop_lease(self, run: RunKey, owner: str) -> None:
        """Do nothing."""

    def commit(self, batch: Batch) -> bool:
        """Refuse.

        Raises:
            UsageError: Always.
        """
        self._refuse(f"run {batch.run.run_id} cannot be sent to a receipt")

    def retract(self, run: RunKey) -> None:
        """Refuse.

        Raises:
            UsageError: Always.
        """
        self._refuse(f"run {run.run_id} cannot be taken back from a receipt")

    def close(self) -> None:
        """Nothing to let go of."""

    def _refuse(self, what: str) -> NoReturn:
        raise UsageError(
            what,
            where=f"receipt of {self.document.target}",
            hint="Ask the target itself, where it stands.",
        )
