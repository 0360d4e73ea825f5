"""Lines of styled text: laid out here, coloured by rich on a terminal, plain everywhere else."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import click

GAP: Final = "  "


class Span(NamedTuple):
    """Some text in one style, such as ``bold`` or ``red``; no style means as it comes."""

    text: str
    style: str = ""


Line: TypeAlias = list[Span]


class Column(NamedTuple):
    """A column of a table: its title, and the side on which its cells are flush."""

    title: str
    align: Literal["left", "right"] = "left"


def table(columns: Sequence[Column], rows: Iterable[Sequence[Span]]) -> list[Line]:
    """Return a table with its titles in the first line."""
    titles = [Span(column.title, "bold") for column in columns]
    return aligned([titles, *rows], [column.align for column in columns])


def aligned(rows: Sequence[Sequence[Span]], sides: Sequence[str] = ()) -> list[Line]:
    """Return rows as lines whose cells stand in columns.

    Args:
        rows: The cells; rows may have fewer than others.
        sides: ``left`` or ``right`` for each column; left where nothing is said.
    """
    count = max(map(len, rows), default=0)
    widths = [max(_width(row[at].text) for row in rows if at < len(row)) for at in range(count)]
    sides = [*sides, *["left"] * (count - len(sides))]
    lines = []
    for row in rows:
        line: Line = []
        for at, cell in enumerate(row):
            blank = " " * (widths[at] - _width(cell.text))
            if sides[at] == "right":
                line.append(Span(blank))
            line.append(cell)
            if at + 1 < len(row):
                line.append(Span(GAP if sides[at] == "right" else blank + GAP))
        lines.append(line)
    return lines


def echo_lines(lines: Iterable[Line], *, crop: bool = False) -> None:
    """Write lines to stdout.

    Args:
        lines: The lines.
        crop: Whether a terminal cuts what is wider than it, instead of wrapping it.
    """
    if not sys.stdout.isatty():
        for line in lines:
            click.echo("".join(span.text for span in line).rstrip())
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.text import Text  # noqa: PLC0415 - see above

    console = Console(highlight=False)
    for line in lines:
        text = Text.assemble(*((span.text, span.style) for span in line))
        text.rstrip()
        if crop:
            console.print(text, no_wrap=True, overflow="ellipsis")
        else:
            console.print(text, soft_wrap=True)


def _width(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in {"W", "F"} for character in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))
