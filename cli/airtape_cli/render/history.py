"""The history of a run: a curve of each metric by section, and rows as a table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from airtape.fold.keys import Key, dotted, nested
from airtape.fold.row import RUNTIME, STEP, TIMESTAMP, Row
from airtape.overview import Overview
from airtape.overview_facts import definitions_of, section_of
from airtape.sparkline import sparkline
from airtape_cli.render.lines import Column, Line, Span, aligned, table
from airtape_cli.render.text import shortened, shown, value_text

MOST_COLUMNS: Final = 10
"""Metrics that the table has a column for, unless some are chosen."""

_CELL: Final = 20
_INDENT: Final = Span("  ")


def history_lines(
    run: Overview, rows: Sequence[Row], total: int, keys: Collection[str]
) -> Iterator[Line]:
    """Yield the history as text.

    Args:
        run: The run.
        rows: The rows of the table.
        total: Number of rows that there are.
        keys: Names of the metrics that are shown; all of them where there are none.
    """
    yield from _curves(run, keys)
    columns = sorted({key for row in rows for key in row.data if _is_chosen(key, keys)}, key=_place)
    told = "" if total == len(rows) else f", the last {len(rows)}"
    yield [Span(f"Rows: {total}{told}", "bold")]
    kept = columns if keys else columns[:MOST_COLUMNS]
    if rows:
        titles = [Column("step", "right")]
        titles += [Column(shortened(dotted(key), _CELL), "right") for key in kept]
        cells = [[Span(str(row.step), "dim"), *(_cell(row, key) for key in kept)] for row in rows]
        yield from ([_INDENT, *line] for line in table(titles, cells))
    if len(kept) < len(columns):
        left = len(columns) - len(kept)
        yield [_INDENT, Span(f"and {left} more metrics; --keys chooses", "dim")]


def history_shape(rows: Iterable[Row], total: int, keys: Collection[str]) -> dict[str, Any]:
    """Return the history as ``--json`` prints it; see `history_lines`."""
    return {
        "total": total,
        "rows": [
            {
                STEP: row.step,
                TIMESTAMP: row.timestamp,
                RUNTIME: row.runtime,
                **nested({key: row.data[key] for key in row.data if _is_chosen(key, keys)}),
            }
            for row in rows
        ],
    }


def _curves(run: Overview, keys: Collection[str]) -> Iterator[Line]:
    definitions = definitions_of(run)
    found = []
    for key, trace in run.traces.items():
        said = definitions.find(key)
        if len(trace) > 1 and _is_chosen(key, keys) and not (said and said.hidden):
            found.append((dotted(key), trace, said and said.step_metric))
    found.sort(key=lambda curve: (section_of(curve[0]), curve[0]))
    for section, curves in groupby(found, lambda curve: section_of(curve[0])):
        yield [Span(f"Charts: {shown(section)}" if section else "Charts", "bold")]
        cells = [
            [
                Span(shortened(name.removeprefix(f"{section}/"))),
                Span(sparkline(trace), "cyan"),
                Span(value_text(trace[-1])),
                Span(f"over {shown(str(axis))}" if axis else "", "dim"),
            ]
            for name, trace, axis in curves
        ]
        yield from ([_INDENT, *line] for line in aligned(cells))
        yield []


def _cell(row: Row, key: Key) -> Span:
    return Span(value_text(row.data[key], _CELL) if key in row.data else "")


def _is_chosen(key: Key, keys: Collection[str]) -> bool:
    return not keys or dotted(key) in keys


def _place(key: Key) -> tuple[str, str]:
    name = dotted(key)
    return section_of(name), name
