"""What a target has of a run, in numbers: the receipt of a sync."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from airtape.backends.cursor import Cursor
from airtape.backends.tally import Tally


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a target has of some writers of a run.

    Attributes:
        records: Number of records.
        tally: Their size in logs and their digest, None where that is not known, see `Cursor`.
        gaps: In how many places records are lost, between or behind those that it has.
    """

    records: int = 0
    tally: Tally | None = field(default_factory=Tally)
    gaps: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it: ``records``, ``bytes``, ``digest`` and ``gaps``."""
        return {
            "records": self.records,
            "bytes": None if self.tally is None else self.tally.size,
            "digest": None if self.tally is None else self.tally.text,
            "gaps": self.gaps,
        }


def receipt_of(cursors: Iterable[Cursor]) -> Receipt:
    """Return the receipt for what a target has of some writers."""
    records, tally, gaps = 0, Tally(), 0
    is_known = True
    for cursor in cursors:
        records += len(cursor.received)
        gaps += sum(loss.first_seq is not None for loss in cursor.losses)
        is_known = is_known and cursor.tally is not None
        tally = tally.plus(cursor.tally or Tally())
    return Receipt(records, tally if is_known else None, gaps)
