"""Reading the two ends of a log: its header, its last checkpoint and what came after.

A checkpoint is written every few megabytes, so this costs the same however long the log is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airtape.errors import LogFormatError
from airtape.records import Kind, Record
from airtape.txlog.format import Header
from airtape.txlog.reader import Damage, LogReader
from airtape.txlog.scan import find_frame, frame_at, header_at
from airtape.txlog.seqset import SeqSet
from airtape.txlog.window import Window

FIRST_LOOK = 64 << 10
LAST_LOOK = 16 << 20
"""How far from the end a checkpoint is looked for; writers leave at most 4 MiB between two."""


@dataclass(slots=True)
class LogEnds:
    """The two ends of a log.

    Attributes:
        header: The log's header, None when it has none.
        state: What the last checkpoint says, None when there is no checkpoint.
        checkpoint_seq: The record that said it.
        tail: The records behind it; all records when there is no checkpoint.
        damage: What is damaged or missing in the tail.
        incomplete: Whether the file ends in the beginning of a frame.
        size: The file's size in bytes.
        refused: Why the log cannot be read: a later major version.
    """

    header: Header | None
    state: dict[str, Any] | None = None
    checkpoint_seq: int | None = None
    tail: list[Record] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    incomplete: bool = False
    size: int = 0
    refused: LogFormatError | None = None


def read_ends(path: str | os.PathLike[str]) -> LogEnds:
    """Read header, last checkpoint and tail of a log.

    Raises:
        OSError: The file cannot be opened or read.
        LogFormatError: The path is no regular file.
    """
    window = Window(Path(path))
    try:
        header = header_at(window, 0)
    except LogFormatError as error:
        return LogEnds(None, size=window.size, refused=error)
    else:
        place = None if header is None else _last_checkpoint(window, header)
    finally:
        window.close()
    if header is None or place is None:
        return _from(LogReader(path))
    at, record = place
    ends = _from(LogReader(path, offset=at, header=header, seen=SeqSet([(0, record.seq - 1)])))
    state = record.fields[1]
    if not ends.tail or ends.tail[0] != record or not isinstance(state, dict):
        return _from(LogReader(path))
    ends.state = state
    ends.checkpoint_seq = record.seq
    del ends.tail[0]
    return ends


def _from(reader: LogReader) -> LogEnds:
    ends = LogEnds(None, size=reader.size)
    for item in reader:
        if isinstance(item, Damage):
            ends.damage.append(item)
        else:
            ends.tail.append(item)
    ends.header = reader.header
    ends.incomplete = reader.incomplete
    ends.refused = reader.refused
    return ends


def _last_checkpoint(window: Window, header: Header) -> tuple[int, Record] | None:
    """Return offset and record of the last checkpoint within `LAST_LOOK` of the end."""
    look = FIRST_LOOK
    while True:
        last = None
        at = max(0, window.size - look)
        # Of nobody in particular: frames that carry no uuid are passed over by their heads alone.
        while (at := find_frame(window, at, b"")) < window.size:
            frame = frame_at(window, at, header.writer)
            record = None if frame is None else frame.record
            if record is not None and record.kind == Kind.CHECKPOINT:
                last = at, record
            at = at + 1 if frame is None else frame.end
        if last is not None or look >= min(window.size, LAST_LOOK):
            return last
        look = min(8 * look, LAST_LOOK)
