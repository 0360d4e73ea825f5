"""One log file, read from its first byte to its last: what is whole, damaged or torn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from airtape.errors import Error
from airtape.records import Record
from airtape.txlog.format import Header
from airtape.txlog.reader import Damage, LogReader
from airtape.txlog.seqset import SeqSet

MOST_DAMAGE: Final = 1000
"""How many damaged places are kept; a file may be nothing but damage."""


@dataclass(slots=True)
class LogHealth:
    """What one log file holds.

    Attributes:
        path: The file.
        header: What it says of itself, None when it does not.
        size: Its size in bytes.
        held: Its records.
        duplicates: Frames that repeat a record of the same file.
        damage: Bytes that hold no record, the first `MOST_DAMAGE` places.
        more_damage: Number of further places.
        bad_end: Damage up to the end of the file, so that what it costs cannot be told from this
            file alone.
        torn: Bytes of the beginning of a frame at the end: it is being written, or the writer died.
        problem: Why the file cannot be read, or not to its end.
        clean_copy: Name of the file that repairs this one and has all that is left of it.
    """

    path: Path
    header: Header | None = None
    size: int = 0
    held: SeqSet = field(default_factory=SeqSet)
    duplicates: int = 0
    damage: list[Damage] = field(default_factory=list)
    more_damage: int = 0
    bad_end: Damage | None = None
    torn: int = 0
    problem: str | None = None
    clean_copy: str | None = None

    @property
    def last_seq(self) -> int:
        """The highest record in the file, -1 if none is."""
        return -1 if self.held.max is None else self.held.max

    @property
    def is_damaged(self) -> bool:
        """Whether there are bytes that hold no record, other than a torn end."""
        return bool(self.damage)

    def repairs(self, log: LogHealth) -> bool:
        """Tell whether this file says that it is a clean copy of another one."""
        own, other = self.header, log.header
        return (
            own is not None
            and other is not None
            and own.repairs == log.path.name
            and own.writer == other.writer
        )

    def is_whole_copy_of(self, log: LogHealth) -> bool:
        """Tell whether this file is a clean copy of another one and has all that is left of it."""
        lacking = [self.held.missing(first, last) for first, last in log.held.intervals()]
        return self.repairs(log) and bool(self.held) and not self.damage and not any(lacking)

    def look(self) -> None:
        """Find out whose log it is; what is wrong with the file becomes its `problem`."""
        try:
            reader = LogReader(self.path)
            try:
                first = next(iter(reader), None)
            finally:
                reader.close()
        except (OSError, Error) as error:
            self.problem = f"cannot be read: {_said_by(error)}"
            return
        self.header, self.size = reader.header, reader.size
        if reader.refused is not None:
            self.problem = str(reader.refused).replace("\n", "; ")
        elif self.header is None:
            self.torn = self.size if reader.incomplete else 0
            if isinstance(first, Damage):
                self.problem = first.reason

    def records(self) -> Iterator[Record]:
        """Yield the records, each once; the attributes are right at the end."""
        try:
            reader = LogReader(self.path, header=self.header)
        except (OSError, Error) as error:
            self.problem = f"cannot be read: {_said_by(error)}"
            return
        self.held = reader.seen
        try:
            for item in reader:
                if isinstance(item, Damage):
                    self._note(item)
                else:
                    yield item
        except OSError as error:
            self.problem = f"cannot be read to its end: {_said_by(error)}"
        finally:
            reader.close()
        self.size, self.duplicates = reader.size, reader.duplicates
        self.torn = reader.size - reader.offset if reader.incomplete else 0

    def _note(self, damage: Damage) -> None:
        if damage.start == damage.end:
            return  # only missing: whether another file has it is looked at later
        if damage.seq_after is None:
            self.bad_end = damage
        if len(self.damage) < MOST_DAMAGE:
            self.damage.append(damage)
        else:
            self.more_damage += 1


def _said_by(error: OSError | Error) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error)
