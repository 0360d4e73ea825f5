"""The frames of the clean copy of a damaged log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import msgpack

from airtape.errors import Error, LogFormatError
from airtape.records import Kind, Record, pack_big_ints
from airtape.txlog.format import MAX_BODY, UNSALTED, Header, encode_frame
from airtape.txlog.reader import Damage, LogReader
from airtape.verify_log import LogHealth

_PREVIOUS_AT = 5
"""Place of the previous checkpoint's offset in the body of a checkpoint."""


def clean_frames(log: LogHealth) -> Iterator[bytes]:
    """Yield the frames of a clean copy, byte for byte as they are, each record once.

    The header says which file the copy repairs. Each checkpoint says where the one before stands
    in the copy.

    Raises:
        Error: The log cannot be read.
    """
    try:
        yield from _Copying(log).frames()
    except OSError as error:
        # One that writing raises does not come by here.
        raise Error(
            "cannot be read", where=str(log.path), because=error.strerror or str(error)
        ) from error


class _Copying:
    """The frames of one copy, and how far it has come.

    Args:
        log: The damaged log.

    Raises:
        LogFormatError: It is no log.
    """

    def __init__(self, log: LogHealth) -> None:
        if log.header is None:
            raise LogFormatError("this is no transaction log", where=str(log.path))
        self._path = log.path
        self._header: Header = log.header
        self._written = 0
        self._last_checkpoint: int | None = None

    def frames(self) -> Iterator[bytes]:
        yield self._counted(self._header_frame())
        fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            for record, start, end in self._whole():
                frame = os.pread(fd, end - start, start)
                if record.kind == Kind.CHECKPOINT:
                    frame = self._relinked(record) or frame
                    self._last_checkpoint = self._written
                if record.seq != self._header.first_seq:
                    yield self._counted(frame)
        finally:
            os.close(fd)

    def _counted(self, frame: bytes) -> bytes:
        self._written += len(frame)
        return frame

    def _whole(self) -> Iterator[tuple[Record, int, int]]:
        """Yield each record with the place of its frame."""
        reader = LogReader(self._path, header=self._header)
        try:
            for item in reader:
                if not isinstance(item, Damage) and reader.last_frame is not None:
                    yield item, reader.last_frame[0], reader.offset
        finally:
            reader.close()

    def _header_frame(self) -> bytes:
        wall_ns, said, more = self._said_in_header()
        said = {**said, "repairs": self._path.name}
        frame = _frame(self._header.first_seq, [int(Kind.HEADER), wall_ns, said, *more])
        if frame is None:
            raise LogFormatError(
                "the log cannot be repaired",
                where=str(self._path),
                because="its header has no room for the name of the file that the copy repairs",
            )
        return frame

    def _said_in_header(self) -> tuple[int, dict[str, Any], tuple[Any, ...]]:
        """Return what the header says, from a checkpoint if it is lost itself."""
        for record, *_ in self._whole():
            if record.kind == Kind.HEADER and record.seq == self._header.first_seq:
                return record.wall_ns, record.fields[0], record.fields[1:]
            if record.kind == Kind.CHECKPOINT:
                return self._began_ns(record), record.fields[2], ()
        return 0, self._header.to_fields(), ()

    def _began_ns(self, checkpoint: Record) -> int:
        """Return the wall clock of a header that is lost, as near as a checkpoint tells it."""
        state = checkpoint.fields[1]
        began_ns = state.get("began_ns") if isinstance(state, dict) else None
        is_first = self._header.first_seq == 0
        return began_ns if is_first and isinstance(began_ns, int) else checkpoint.wall_ns

    def _relinked(self, record: Record) -> bytes | None:
        """Return a checkpoint that says where the one before it stands in the copy."""
        fields = [record.kind, record.wall_ns, *record.fields]
        if len(fields) <= _PREVIOUS_AT:
            return None
        fields[_PREVIOUS_AT] = self._last_checkpoint
        return _frame(record.seq, fields)


def _frame(seq: int, fields: list[Any]) -> bytes | None:
    """Return an unsalted frame, None if it would be too long."""
    body: bytes = msgpack.packb(fields, default=pack_big_ints)
    return encode_frame(seq, body, UNSALTED) if len(body) <= MAX_BODY else None
