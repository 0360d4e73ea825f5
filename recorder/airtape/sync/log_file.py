"""A log file as the sync finds it, and what has become of it since it was read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from airtape.backends.cursor import Cursor, FileMark, Loss
from airtape.errors import LogFormatError
from airtape.txlog.format import Header
from airtape.txlog.reader import Damage, LogReader, frame_stands
from airtape.txlog.seqset import SeqSet


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log file of a known writer.

    Attributes:
        path: The file.
        header: What it says of itself.
        size: Its size in bytes before it was read.
        mtime_ns: Its modification time then.
    """

    path: Path
    header: Header
    size: int
    mtime_ns: int

    @property
    def name(self) -> str:
        """The file's name, which stays the same when the run directory is moved."""
        return self.path.name


def header_of(path: Path) -> Header | None:
    """Return the header of a log file, None if nothing is recorded in it yet.

    Raises:
        OSError: The file cannot be read.
        LogFormatError: It is no log, or one of a later major version.
    """
    reader = LogReader(path)
    try:
        first = next(iter(reader), None)
    finally:
        reader.close()
    if reader.refused is not None:
        raise reader.refused
    if reader.header is None and isinstance(first, Damage):
        raise LogFormatError(
            "this is no transaction log",
            where=str(path),
            because=first.reason,
            hint="Move it out of the run directory if it does not belong there.",
        )
    return reader.header


def continues(file: LogFile, mark: FileMark) -> bool:
    """Tell whether a file still has what was read of it, so that it can be read on from there.

    Raises:
        OSError: The file cannot be read.
    """
    return mark.offset <= file.size and frame_stands(
        file.path, mark.frame_start, mark.frame_crc, file.header
    )


def heals(files: Iterable[LogFile], cursor: Cursor) -> bool:
    """Tell whether bytes that were damaged when a file was read are something else by now.

    Only files whose size or modification time has changed are looked at.

    Raises:
        OSError: A file cannot be read.
    """
    for file in files:
        mark = cursor.files.get(file.name)
        if mark is None or (mark.size, mark.mtime_ns) == (file.size, file.mtime_ns):
            continue
        if any(_heals(file, loss) for loss in cursor.losses if loss.file == file.name):
            return True
    return False


def _heals(file: LogFile, loss: Loss) -> bool:
    if loss.last_seq is None or loss.start == loss.end:
        return False
    reader = LogReader(file.path, offset=loss.start, header=file.header)
    try:
        first = next(iter(reader), None)
    finally:
        reader.close()
    if isinstance(first, Damage):
        # A copy that ends inside the damage tells nothing.
        return first.seq_after is not None and (first.start, first.end) != (loss.start, loss.end)
    return first is not None


def covers(files: Iterable[LogFile], received: SeqSet) -> bool:
    """Tell whether these files hold all of these records.

    Raises:
        OSError: A file cannot be read.
    """
    held = SeqSet()
    for file in files:
        for item in LogReader(file.path, header=file.header):
            if not isinstance(item, Damage):
                held.add(item.seq)
    return not any(held.missing(first, last) for first, last in received.intervals())
