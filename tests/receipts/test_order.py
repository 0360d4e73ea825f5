"""Which of two receipts is the later one, also by clocks that were wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airtape.backends.cursor import Cursor, RunKey
from airtape.backends.listing import WriterCursor
from airtape.backends.tally import Tally
from airtape.receipts.document import ReceiptDocument
from airtape.receipts.order import is_later
from airtape.txlog.seqset import SeqSet

NOW = 1_000
HOUR = 3600 * 10**9
RUN = RunKey("ab12cd34", b"r" * 16)
FILES = {RUN: frozenset({("files/a", "0" * 64)})}


def _receipt(
    made_ns: int, last: int, digest: int = 7, *, writers: bytes = b"w", files: bool = True
) -> ReceiptDocument:
    cursor = Cursor(received=SeqSet([(0, last)]), tally=Tally(last, digest))
    held = [WriterCursor(RUN, bytes([writer]) * 16, cursor) for writer in writers]
    return ReceiptDocument("lab", "sqlite:/data/runs.db", made_ns, held, FILES if files else {})


FROM_THE_FUTURE = _receipt(NOW + HOUR + 5, last=9)


def test_time_tells_as_long_as_it_can() -> None:
    """Whatever they hold: a target may have lost something since."""
    assert is_later(_receipt(6, last=2), _receipt(5, last=9), now_ns=NOW)
    assert not is_later(_receipt(4, last=9), _receipt(5, last=2), now_ns=NOW)
    assert is_later(_receipt(NOW + HOUR, last=2), _receipt(5, last=9), now_ns=NOW)


@pytest.mark.parametrize(
    "later",
    [
        _receipt(NOW, last=10, digest=8),
        _receipt(NOW, last=12, digest=8),
        _receipt(NOW, last=9, writers=b"vw"),
    ],
)
def test_what_has_all_of_a_receipt_from_the_future_is_later(later: ReceiptDocument) -> None:
    """The clock there ran ahead, and was put right."""
    assert is_later(later, FROM_THE_FUTURE, now_ns=NOW)
    assert not is_later(FROM_THE_FUTURE, later, now_ns=NOW)
    # Once that time has come nobody knows any more that it was wrong.
    assert not is_later(later, FROM_THE_FUTURE, now_ns=NOW + 5)


@pytest.mark.parametrize(
    "earlier",
    [
        _receipt(NOW, last=8),
        _receipt(NOW, last=9),
        _receipt(NOW, last=9, digest=8),
        _receipt(NOW, last=9, writers=b"v"),
        _receipt(NOW, last=9, files=False),
        replace(FROM_THE_FUTURE, made_ns=NOW, files={RUN: frozenset({("files/b", "0" * 64)})}),
    ],
)
def test_what_lacks_something_of_it_is_not(earlier: ReceiptDocument) -> None:
    """A record, a writer or a file; nor what has the same, or other records under its numbers."""
    assert not is_later(earlier, FROM_THE_FUTURE, now_ns=NOW)
