"""Which of two receipts of a target is the later one.

They are made by a clock that is nobody's here, and come in any order. By their time, then, unless
that cannot be: a clock that ran ahead and was put right makes receipts that say they are older than
one which was made before them.
"""

from __future__ import annotations

from typing import Final

from airtape.backends.cursor import Cursor
from airtape.receipts.document import ReceiptDocument

_APART_NS: Final = 3600 * 10**9
"""How far two clocks may be apart of which none is wrong enough to matter."""


def is_later(document: ReceiptDocument, kept: ReceiptDocument, *, now_ns: int) -> bool:
    """Tell whether a receipt takes the place of the one that is kept.

    Its time says so. Where one of them comes from the future, what both hold does: the later one
    has all that the earlier one has. Otherwise having more is no proof, as a target may have lost
    something since; then the earlier receipt would claim what is not there any more.

    Args:
        document: The receipt.
        kept: The one that is kept.
        now_ns: The wall clock here, in nanoseconds since 1970.
    """
    if max(document.made_ns, kept.made_ns) > now_ns + _APART_NS:
        has_all, lacks_none = _has_all_of(document, kept), _has_all_of(kept, document)
        if has_all != lacks_none:
            return has_all
    return document.made_ns >= kept.made_ns


def _has_all_of(document: ReceiptDocument, kept: ReceiptDocument) -> bool:
    """Tell whether a receipt has each record and each file of another one."""
    cursors = {(one.run, one.writer): one.cursor for one in document.writers}
    return all(
        _reaches(cursors.get((run, writer)), cursor) for run, writer, cursor in kept.writers
    ) and all(files <= document.files.get(run, frozenset()) for run, files in kept.files.items())


def _reaches(cursor: Cursor | None, kept: Cursor) -> bool:
    if cursor is None:
        return False
    if cursor.received == kept.received:
        return cursor.tally == kept.tally
    return not any(
        cursor.received.missing(first, last) for first, last in kept.received.intervals()
    )
