"""Lines of styled text: laid out here, coloured by rich on a terminal, plain everywhere else."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
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


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[Span]], widths: list[int] | None = None
) -> list[Line]:
    """Return a table with its titles in the first line.

    Args:
        columns: The columns.
        rows: The cells of each row.
        widths: Set to the widths of the columns, to be handed to `aligned` for further rows.
    """
    titles = [Span(column.title, "bold") for column in columns]
    return aligned([titles, *rows], [column.align for column in columns], widths)


def aligned(
    rows: Sequence[Sequence[Span]], sides: Sequence[str] = (), widths: list[int] | None = None
) -> list[Line]:
    """Return rows as lines whose cells stand in columns.

    Args:
        rows: The cells; rows may have fewer than others.
        sides: ``left`` or ``right`` for each column; left where nothing is said.
        widths: The least width of each column; made wider where the rows need it.
    """
    widths = [] if widths is None else widths
    count = max(map(len, rows), default=0)
    widths += [0] * (count - len(widths))
    for row in rows:
        for at, cell in enumerate(row):
            widths[at] = max(widths[at], _width(cell.text))
    sides = [*sides, *["left"] * (count - len(sides))]
    return [_line(row, sides, widths) for row in rows]


def narrowed(
    columns: Sequence[Column], rows: Sequence[Line], least: Mapping[int, int], width: int
) -> list[Line]:
    """Return the rows of a table, with shorter texts in some columns if it is too wide else.

    Args:
        columns: The columns.
        rows: The cells of each row.
        least: Which columns give way, and how wide they stay whatever happens.
        width: How wide the table may be.
    """
    titles = [Span(column.title) for column in columns]
    cells = zip(titles, *rows, strict=True)
    widths = [max(_width(cell.text) for cell in column) for column in cells]
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - width
    for _ in range(excess):
        widest = max(least, key=lambda at: widths[at] - least[at])
        widths[widest] = max(widths[widest] - 1, least[widest])
    return [
        [
            cell._replace(text=_cut(cell.text, widths[at])) if at in least else cell
            for at, cell in enumerate(row)
        ]
        for row in rows
    ]


def _line(row: Sequence[Span], sides: Sequence[str], widths: Sequence[int]) -> Line:
    line: Line = []
    for at, cell in enumerate(row):
        blank = " " * (widths[at] - _width(cell.text))
        if sides[at] == "right":
            line.append(Span(blank))
        line.append(cell)
        if at + 1 < len(row):
            line.append(Span(GAP if sides[at] == "right" else blank + GAP))
    return line


def echo_lines(lines: Iterable[Line], *, crop: bool = False, plain: bool = False) -> None:
    """Write lines to stdout.

    Args:
        lines: The lines.
        crop: Whether a terminal cuts what is wider than it, instead of wrapping it.
        plain: No colours on a terminal either, because there are very many lines.
    """
    if plain or not sys.stdout.isatty():
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


def _cut(text: str, width: int) -> str:
    """Return a text that takes no more than so many cells of a terminal, two at least."""
    if _width(text) <= width:
        return text
    kept = text[: width - 1]
    while _width(kept) >= width:
        kept = kept[:-1]
    return f"{kept}…"


def _width(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in {"W", "F"} for character in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))
