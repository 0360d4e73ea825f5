"""A pytest plugin: the table that a suite of faults ends with, a line for each that was tried.

``make faults`` has one, ``make sync-faults`` another; the rows say which one a line belongs to.

A test that tries a fault asks the fixture ``row``, and says what came out before it asserts, so
that the line is there when it fails too::

    row("F2", "a bit flipped", tries=200, result="0 silently wrong", passes="0 silently wrong")
"""

from __future__ import annotations

import io
from typing import Any, Protocol

import pytest
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

TABLES = {
    "faults": [
        *(f"W{number}" for number in range(1, 14)),
        *(f"F{number}" for number in range(1, 10)),
    ],
    "sync faults": [f"S{number}" for number in range(1, 13)],
}
"""The rows of each table: faults of the writer and its surroundings and faults in the bytes that a
reader meets; faults of the way into a target."""

ROWS = [row for rows in TABLES.values() for row in rows]

PROPERTY = "fault"
WIDEST = 160


class SayRow(Protocol):
    """Add a line to the table; see `row`."""

    def __call__(self, row: str, tried: str, *, tries: int, result: str, passes: str) -> None:
        """Add the line.

        Args:
            row: One of `ROWS`; a fault that is tried in several ways has several lines.
            tried: What was done.
            tries: How often.
            result: What came of it, in the terms of ``passes``.
            passes: What has to come of it.
        """


@pytest.fixture
def row(record_property: Any) -> SayRow:  # noqa: ANN401 - pytest's, and untyped
    """Add a line to the table at the end; whether it passes is whether the test does."""

    def say(row: str, tried: str, *, tries: int, result: str, passes: str) -> None:
        assert row in ROWS, row
        record_property(PROPERTY, [row, tried, f"{tries:,}", result, passes])

    return say


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print each table of which any fault was tried."""
    found = [*said(terminalreporter, "passed"), *said(terminalreporter, "failed")]
    for title, rows in TABLES.items():
        lines = lines_of([line for line in found if line[0] in rows])
        if lines:
            _print(terminalreporter, title, rows, lines)


def _print(
    reporter: pytest.TerminalReporter, title: str, rows: list[str], lines: list[list[str]]
) -> None:
    width = min(max(reporter._tw.fullwidth, 120), WIDEST)  # noqa: SLF001 - no other way
    console = Console(file=io.StringIO(), width=width, color_system=None)
    table = Table("row", "tried", "times", "result", "passes when", "", box=SIMPLE_HEAD)
    table.columns[2].justify = "right"
    for line in lines:
        table.add_row(*line)
    with console.capture() as capture:
        console.print(table)
    reporter.section(title)
    reporter.write(capture.get())
    absent = [name for name in rows if name not in {line[0] for line in lines}]
    reporter.write_line(f"not tried: {', '.join(absent) or 'none'}")


def said(reporter: pytest.TerminalReporter, outcome: str) -> list[list[str]]:
    """Return the lines of the tests that ended so, each with its verdict."""
    verdict = "pass" if outcome == "passed" else "FAIL"
    return [
        [*line, verdict]
        for report in reporter.getreports(outcome)
        for name, line in report.user_properties
        if name == PROPERTY
    ]


def lines_of(found: list[list[str]]) -> list[list[str]]:
    """Return the lines in the order of the rows, those of one row by what was tried."""
    return sorted(found, key=lambda line: (ROWS.index(line[0]), line[1]))
