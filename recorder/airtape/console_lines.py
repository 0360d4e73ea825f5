"""What a run has put out, read from its logs: chunk by chunk, or as the lines that one saw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge
from typing import NamedTuple

from airtape.console_screen import Screen, ScreenLine
from airtape.records import Kind, Record
from airtape.rows import Report
from airtape.txlog.format import Header
from airtape.txlog.reader import Damage
from airtape.writers import WriterFiles


class OutputChunk(NamedTuple):
    """What was written to a stream at once.

    Attributes:
        wall_ns: When it was recorded, in nanoseconds since 1970.
        writer: Who recorded it.
        stream: ``stdout``, ``stderr``, or ``logs`` for what was not printed.
        data: Text, or bytes where it was none.
        dropped: Characters before it that were not recorded.
    """

    wall_ns: int
    writer: Header
    stream: str
    data: str | bytes
    dropped: int = 0


class OutputLine(NamedTuple):
    """A line of output.

    Attributes:
        wall_ns: When it was last changed, in nanoseconds since 1970.
        writer: Who recorded it.
        stream: ``stdout``, ``stderr``, or ``logs`` for what was not printed.
        text: What stands in it, with colours as escape sequences; nothing else in it is one.
    """

    wall_ns: int
    writer: Header
    stream: str
    text: str


def output_chunks(writers: Iterable[WriterFiles], report: Report) -> Iterator[OutputChunk]:
    """Yield what the writers of a run have put out, in order of time.

    Args:
        writers: The writers. What each has put out stays in order, whatever its clock says.
        report: Told in a sentence what is damaged.

    Raises:
        OSError: A log cannot be read.
    """
    return merge(*(_chunks_of(writer, report) for writer in writers), key=lambda chunk: chunk[0])


def output_lines(writers: Iterable[WriterFiles], report: Report) -> Iterator[OutputLine]:
    """Yield the lines that somebody saw of a run's output; see `output_chunks`."""
    screen = Screen()
    sources: dict[tuple[bytes, str], Header] = {}
    for wall_ns, writer, stream, data, dropped in output_chunks(writers, report):
        source = writer.writer, stream
        sources[source] = writer
        for line in screen.feed(source, data, wall_ns=wall_ns, dropped=dropped):
            yield _line(line, sources)
    for line in screen.rest():
        yield _line(line, sources)


def _line(line: ScreenLine, sources: dict[tuple[bytes, str], Header]) -> OutputLine:
    source: tuple[bytes, str] = line.source  # type: ignore[assignment]  # as it was fed
    return OutputLine(line.wall_ns, sources[source], source[1], line.text)


def _chunks_of(writer: WriterFiles, report: Report) -> Iterator[OutputChunk]:
    for name, item in writer.records():
        if isinstance(item, Damage):
            report(f"{name}: {item}")
        elif item.kind == Kind.CONSOLE and _says_output(item):
            stream, data, dropped, *_ = *item.fields, 0
            dropped = dropped if type(dropped) is int and dropped > 0 else 0
            yield OutputChunk(item.wall_ns, writer.header, stream, data, dropped)


def _says_output(record: Record) -> bool:
    match record.fields:
        case [str(), str() | bytes(), *_]:
            return True
    return False
