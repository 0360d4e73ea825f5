"""Reading the logs of a run directory again and again as they grow, each record once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

from airtape.fold.merge import in_order
from airtape.named_logs import NamedLogs
from airtape.records import Kind, Record
from airtape.txlog.format import Header
from airtape.txlog.reader import Damage, LogReader
from airtape.txlog.seqset import SeqSet
from airtape.verify_log import LogHealth


class TornEnd(NamedTuple):
    """The beginning of a record at the end of a file: it is being written, or the writer died.

    Attributes:
        start: Its first byte.
        end: The end of the file.
    """

    start: int
    end: int


Item: TypeAlias = Record | Damage | TornEnd


@dataclass(slots=True)
class _Place:
    """How far a file has been read."""

    looks: tuple[int, int] | None = None  # size and modification time
    header: Header | None = None
    offset: int = 0
    gaps: list[Damage] = field(default_factory=list)


class GrowingLogs:
    """The logs of one run directory.

    Args:
        named: The logs; further ones may come.
        report: Told name and problem of each file that cannot be read.
    """

    def __init__(self, named: NamedLogs, report: Callable[[str, str], None]) -> None:
        self._named = named
        self._report = report
        self._places: dict[Path, _Place] = {}
        self._seen: dict[bytes, SeqSet] = {}
        self._told: dict[bytes, SeqSet] = {}
        self._headers: dict[bytes, Header] = {}
        self._exited: set[bytes] = set()

    @property
    def ended(self) -> bool:
        """Whether the run has ended, as far as it was read: its last primary writer says so."""
        ordered = in_order(self._headers.values())
        primaries = [header for header in ordered if header.role == "primary"]
        deciding = primaries[-1:] or ordered
        return bool(deciding) and all(header.writer in self._exited for header in deciding)

    def read(self, *, is_last: bool) -> Iterator[tuple[str, Item]]:
        """Yield what is new, with the name of its file.

        Args:
            is_last: Whether nothing will be read afterwards. Before, what seems to be damaged or
                missing at the end is kept back: it may still come.

        Raises:
            OSError: The directory or a file cannot be read.
        """
        for path in self._named.paths():
            place = self._places.setdefault(path, _Place())
            status = path.stat()
            looks = status.st_size, status.st_mtime_ns
            if place.looks == looks and not is_last:
                continue
            place.looks = looks
            if place.header is None:
                log = LogHealth(path)
                log.look()
                place.header = log.header
                if log.problem is not None and is_last:
                    self._report(path.name, log.problem)
                elif log.torn and is_last:
                    yield path.name, TornEnd(0, log.size)
            if place.header is not None:
                self._headers.setdefault(place.header.writer, place.header)
                for item in self._read_file(path, place, place.header, is_last=is_last):
                    yield path.name, item

    def _read_file(
        self, path: Path, place: _Place, header: Header, *, is_last: bool
    ) -> Iterator[Item]:
        seen = self._seen.setdefault(header.writer, SeqSet())
        reader = LogReader(path, offset=place.offset, header=header, seen=seen)
        for item in reader:
            if not isinstance(item, Damage):
                if item.kind == Kind.EXIT:
                    self._exited.add(header.writer)
                yield item
            elif item.start == item.end:
                place.gaps.append(item)
            elif is_last or item.seq_after is not None:
                self._is_news(item, header)
                yield item
        place.offset = reader.offset
        if is_last:
            yield from (gap for gap in place.gaps if self._is_news(gap, header))
            if reader.incomplete:
                yield TornEnd(place.offset, reader.size)

    def _is_news(self, damage: Damage, header: Header) -> bool:
        """Tell whether damage costs records that are missing and were not told of before."""
        if damage.seq_after is None:
            return True
        told = self._told.setdefault(header.writer, SeqSet())
        first = 0 if damage.seq_before is None else damage.seq_before + 1
        missing = self._seen[header.writer].missing(first, damage.seq_after - 1)
        is_news = any(told.missing(low, high) for low, high in missing)
        for low, high in missing:
            told.add_range(low, high)
        return is_news
