"""What a run has put out: the lines that one saw, or every chunk as it was written.

On a terminal colours stay, and nothing else that it would obey: a log may come from anybody.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable
from typing import Any, Final

import click

from airtape.console_lines import OutputChunk, OutputLine
from airtape.overview_facts import writer_name
from airtape.txlog.format import Header
from airtape_cli.render.text import iso_time, shown

_COLOUR: Final = re.compile(r"\x1b\[[0-9;:]{0,40}m")
_IN_LINES: Final = re.compile(rf"({_COLOUR.pattern}|\t)")
_IN_CHUNKS: Final = re.compile(rf"({_COLOUR.pattern}|[\t\r\n])")


def prefix_of(writer: Header, others: Collection[Header]) -> str:
    """Return what stands in front of a writer's lines: nothing before those of the run itself."""
    if len(others) == 1 or (writer.role == "primary" and not writer.label):
        return ""
    return f"[{shown(writer_name(writer))}] "


def echo_output(lines: Iterable[OutputLine], writers: Collection[Header]) -> None:
    """Write lines to stdout; those of children and ranks begin with what these are called."""
    for line in lines:
        prefix = prefix_of(line.writer, writers)
        click.echo(prefix + _shown_line(line.text, coloured=sys.stdout.isatty()))


def echo_chunks(chunks: Iterable[OutputChunk]) -> None:
    """Write chunks to stdout, byte by byte if that is no terminal."""
    for chunk in chunks:
        data = chunk.data
        if sys.stdout.isatty():
            text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
            click.echo(_without_orders(text, _IN_CHUNKS), nl=False)
        else:
            sys.stdout.buffer.write(data if isinstance(data, bytes) else data.encode())
    if not sys.stdout.isatty():
        sys.stdout.buffer.flush()


def lines_shape(lines: Iterable[OutputLine]) -> dict[str, Any]:
    """Return lines as ``--json`` prints them."""
    return {
        "lines": [
            {
                "time": iso_time(line.wall_ns),
                "writer": writer_name(line.writer),
                "stream": line.stream,
                "text": line.text,
            }
            for line in lines
        ]
    }


def chunks_shape(chunks: Iterable[OutputChunk]) -> dict[str, Any]:
    """Return chunks as ``--json`` prints them."""
    return {
        "chunks": [
            {
                "time": iso_time(chunk.wall_ns),
                "writer": writer_name(chunk.writer),
                "stream": chunk.stream,
                "data": chunk.data,
                "dropped": chunk.dropped,
            }
            for chunk in chunks
        ]
    }


def _shown_line(text: str, *, coloured: bool) -> str:
    return _without_orders(text if coloured else _COLOUR.sub("", text), _IN_LINES)


def _without_orders(text: str, kept: re.Pattern[str]) -> str:
    """Return text of which a terminal obeys nothing but what is to be kept."""
    parts = kept.split(text)
    return "".join(part if at % 2 else shown(part) for at, part in enumerate(parts))
