"""A log without a text that should not have been recorded: every other byte of it as it was.

A record in which the text stands is replaced by one with the same number, kind and time, in which a
mark stands in its place. Nothing is written over: the new log is made beside the old one, read
again, and takes its place when it holds what it should.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from glob import escape
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgpack

from airtape.errors import LogFormatError, TargetError
from airtape.records import Kind, Record, pack_big_ints
from airtape.scrub.scrubber import Scrubber
from airtape.sync.log_file import header_of
from airtape.txlog.format import MAX_BODY, UNSALTED, Header, encode_frame, salt_of
from airtape.txlog.scan import Frame, walk
from airtape.txlog.window import Window
from airtape.whole_file import sync_folder

_UNSALTED_KINDS: Final = frozenset({Kind.HEADER, Kind.CHECKPOINT})
_PREVIOUS_AT: Final = 3
"""Place of the previous checkpoint's offset among the fields of a checkpoint."""
_CHUNK: Final = 1 << 20


class Hit(NamedTuple):
    """A record in which a text stood.

    Attributes:
        log: The log's file name.
        writer: The uuid of its writer.
        seq: The record's number.
        kind: Its kind.
    """

    log: str
    writer: bytes
    seq: int
    kind: int


class LogScrub:
    """Makes a log anew without some texts.

    Args:
        path: The log.
        scrubber: Takes them out.

    Attributes:
        hits: The records in which one stood.
        masked: Number of bytes that are no record in which one stood.

    Raises:
        LogFormatError: It is no log, or its very name or header cannot do without them.
        OSError: It cannot be read.
    """

    def __init__(self, path: Path, scrubber: Scrubber) -> None:
        self.path = path
        self.hits: list[Hit] = []
        self.masked = 0
        self._scrubber = scrubber
        header = header_of(path)
        if header is None:
            raise LogFormatError("nothing is recorded in this log", where=str(path))
        self._header: Header = header
        names = (path.name, header.run_id, header.continues or "", header.repairs or "")
        if any(scrubber.text(name) != name for name in names):
            raise LogFormatError(
                "the text is part of the run's id, or of the name of a log",
                where=str(path),
                hint="`tracker delete` removes the run as a whole.",
            )

    def look(self) -> None:
        """Find out in which records the texts stand; nothing is written."""
        for _ in self._pieces():
            pass

    def write(self) -> None:
        """Put the new log in place of the old one, if `look` has found anything to be taken out.

        Raises:
            TargetError: It cannot be written, or does not hold what it should; the log stays.
            OSError: The log cannot be read.
        """
        aside = self.path.with_name(f".{self.path.name}.scrub-{os.urandom(4).hex()}")
        try:
            for left in self.path.parent.glob(f".{escape(self.path.name)}.scrub-*"):
                # Somebody was killed here.
                left.unlink(missing_ok=True)
            if self.hits or self.masked:
                self._write_aside(aside)
                self._check(aside)
                aside.replace(self.path)
                sync_folder(self.path.parent)
        except OSError as error:
            raise TargetError(
                "the log cannot be written anew",
                where=str(self.path),
                because=error.strerror or str(error),
            ) from error
        finally:
            with suppress(OSError):
                aside.unlink()

    def _write_aside(self, aside: Path) -> None:
        status = self.path.stat()
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.writelines(self._pieces())
            file.flush()
            os.fchmod(fd, status.st_mode & 0o777)
            os.fsync(fd)

    def _pieces(self) -> Iterator[bytes]:
        """Yield the bytes of the new log, frame by frame; what is no frame keeps its size."""
        self.hits, self.masked = [], 0
        places: dict[int, int] = {}
        written = 0
        with self.path.open("rb") as file:
            for start, end, frame in self._parts():
                places[start] = written
                piece = _bytes_at(file, start, end)
                if frame is None or frame.record is None:
                    piece = self._without(piece)
                else:
                    piece = self._frame(frame.record, piece, places)
                written += len(piece)
                yield piece

    def _parts(self) -> Iterator[tuple[int, int, Frame | None]]:
        """Yield where each frame begins and ends, and what stands between frames."""
        window = Window(self.path)
        try:
            hole: int | None = None
            for start, frame, _ in walk(window, 0, self._header.writer):
                if frame is None:
                    hole = start
                    continue
                if hole is not None:
                    yield hole, start, None
                    hole = None
                yield start, frame.end, frame
            if hole is not None:
                yield hole, window.size, None
        finally:
            window.close()

    def _without(self, piece: bytes) -> bytes:
        masked = self._scrubber.raw(piece)
        self.masked += len(piece) if masked != piece else 0
        return masked

    def _frame(self, record: Record, piece: bytes, places: dict[int, int]) -> bytes:
        fields = self._scrubber.plain(list(record.fields))
        if _differs(fields, record):
            self.hits.append(Hit(self.path.name, self._header.writer, record.seq, record.kind))
        relinked = _relinked(record, fields, places)
        if not _differs(relinked, record):
            return piece
        return self._encoded(record, relinked)

    def _encoded(self, record: Record, fields: list[object]) -> bytes:
        said = [record.kind, record.wall_ns, *fields]
        body: bytes = msgpack.packb(said, default=pack_big_ints)
        if len(body) > MAX_BODY:
            raise LogFormatError(
                "a record would be too long", where=f"{self.path}, record {record.seq}"
            )
        unsalted = record.kind in _UNSALTED_KINDS
        salt = UNSALTED if unsalted else salt_of(self._header.writer)
        return encode_frame(record.seq, body, salt)

    def _check(self, aside: Path) -> None:
        """Make sure that the new log has the records of the old one, and none of the texts.

        Raises:
            TargetError: It does not.
        """
        old = list(self._identities(self.path))
        new = list(self._identities(aside))
        found = any(self._scrubber.is_in(chunk) for chunk in overlapping(aside))
        if old != new or found:
            raise TargetError(
                "the log that was written anew does not hold what it should",
                where=str(self.path),
                because="a text still stands in it" if found else "its records are other ones",
                hint="The log is as it was. Please report this.",
            )

    def _identities(self, path: Path) -> Iterator[tuple[int, int, int]]:
        window = Window(path)
        try:
            for _, frame, _ in walk(window, 0, self._header.writer):
                if frame is not None and frame.record is not None:
                    yield frame.record[:3]
        finally:
            window.close()


def _differs(fields: list[object], record: Record) -> bool:
    return len(fields) != len(record.fields) or any(
        one is not other for one, other in zip(fields, record.fields, strict=True)
    )


def _relinked(record: Record, fields: list[object], places: dict[int, int]) -> list[object]:
    """Return the fields of a checkpoint with the new place of the one before."""
    if record.kind != Kind.CHECKPOINT or len(fields) <= _PREVIOUS_AT:
        return fields
    before = fields[_PREVIOUS_AT]
    there = places.get(before) if isinstance(before, int) else None
    if there is None or there == before:
        return fields
    return [*fields[:_PREVIOUS_AT], there, *fields[_PREVIOUS_AT + 1 :]]


def _bytes_at(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)


def overlapping(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file in pieces of which each begins with the end of the one before."""
    before = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield before + chunk
            before = chunk
