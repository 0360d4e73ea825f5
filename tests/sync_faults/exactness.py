"""How far a target is from what logs say, in numbers: what it lacks, and what it has beside."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from airtape.backends.base import Backend
from airtape.backends.registry import open_backend
from airtape.records import Record
from airtape.txlog.reader import read_log
from tests.held import Contents, contents_in, contents_of

EXACT = "0 lost, 0 twice or wrong"


class Difference(NamedTuple):
    """What is not as it should be.

    Attributes:
        lost: Values, rows, records and states of runs that should be there and are not.
        extra: Those that are there and should not be: twice, or other than they were logged.
    """

    lost: int = 0
    extra: int = 0

    def __str__(self) -> str:
        return f"{self.lost:,} lost, {self.extra:,} twice or wrong"

    def plus(self, other: Difference) -> Difference:
        """Return both together."""
        return Difference(self.lost + other.lost, self.extra + other.extra)


NONE = Difference()


def sum_of(found: Iterable[Difference]) -> Difference:
    """Return all differences together."""
    total = NONE
    for one in found:
        total = total.plus(one)
    return total


def logs_in(*folders: Path) -> list[Path]:
    """Return the logs of all run directories in folders."""
    return sorted(log for folder in folders for log in folder.glob("run-*/*.txlog"))


def difference(url: str, logs: Iterable[Path]) -> Difference:
    """Compare all that a target holds with all that logs say."""
    backend = open_backend(url)
    try:
        return difference_of(backend, logs)
    finally:
        backend.close()


def difference_of(backend: Backend, logs: Iterable[Path]) -> Difference:
    """Compare all that an open target holds with all that logs say."""
    said: dict[bytes, dict[int, Record]] = defaultdict(dict)
    for log in logs:
        read = read_log(log)
        if read.header is not None:
            said[read.header.writer].update({record.seq: record for record in read.records})
    whole = {
        writer: Counter(_items(contents_of([records[seq] for seq in sorted(records)])))
        for writer, records in said.items()
    }
    total = NONE
    for held in backend.dump():
        has = Counter(_items(contents_in(held)))
        wants = whole.pop(held.header.writer, Counter())
        total = total.plus(Difference((wants - has).total(), (has - wants).total()))
    return total.plus(Difference(lost=sum(wants.total() for wants in whole.values())))


def _items(contents: Contents) -> Iterator[str]:
    """Yield all that is held of a writer, each thing as a text that only the same thing has."""
    for part, value in contents.items():
        if part == "fold":
            yield f"fold {value!r}"
        elif part == "rows":
            yield from (f"row {step} {times!r}" for step, times in value.items())
        else:
            yield from (f"{part} {one!r}" for one in value)
