"""Small logs as bytes, to damage them, and what a reader makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgpack

from airtape.records import pack_big_ints
from airtape.txlog.format import Header, encode_frame, salt_of
from airtape.txlog.reader import LogContents, read_log
from tests.logs import BEGAN_NS, CHECKPOINT, WRITER, Said, config, ended, frames_of, log_row

HEADER = Header("ab12cd34", WRITER, host="node1", pid=4711)
OTHER = Header("ef56gh78", bytes(range(100, 116)))


class SmallLog(NamedTuple):
    """A log as its frames.

    Attributes:
        frames: The frames in order.
        starts: The offset of each, and of the end.
    """

    frames: list[bytes]
    starts: list[int]

    @property
    def data(self) -> bytes:
        """The whole file."""
        return b"".join(self.frames)


def small_log(*said: Said, header: Header = HEADER) -> SmallLog:
    """Return a log of these records, or of some of every sort."""
    rows = [log_row(step, loss=1 / (step + 1), text=f"row {step}") for step in range(4)]
    usual = [config(lr=0.1), *rows[:2], CHECKPOINT, *rows[2:], ended()]
    frames = frames_of(*(said or usual), of=header)
    starts = [0]
    for frame in frames:
        starts.append(starts[-1] + len(frame))
    return SmallLog(frames, starts)


def frame(seq: int, *fields: Any, header: Header = HEADER) -> bytes:
    """Return a frame of a writer with any fields."""
    body = msgpack.packb(list(fields), default=pack_big_ints)
    return encode_frame(seq, body, salt_of(header.writer))


def row_frame(seq: int, step: int, header: Header = HEADER, /, **data: Any) -> bytes:
    """Return the frame of a row."""
    kind, fields = log_row(step, **data)
    return frame(seq, int(kind), BEGAN_NS, *fields, header=header)


class Reading:
    """Reads bytes as a log, by way of a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, data: bytes | bytearray) -> LogContents:
        """Return what a file with these bytes holds."""
        self.path.write_bytes(data)
        return read_log(self.path)


Read = Callable[[bytes | bytearray], LogContents]


def seqs(contents: LogContents) -> list[int]:
    """Return the numbers of the records, in the order of the file."""
    return [record.seq for record in contents.records]


def lost(contents: LogContents) -> int:
    """Return how many records the damage costs, as far as it can be known."""
    return sum(damage.missing or 0 for damage in contents.damage)
