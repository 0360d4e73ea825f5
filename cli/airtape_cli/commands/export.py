"""`tracker export`: the history of a run for other programs, or the run as a page."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

import click

from airtape.errors import Error, LogFormatError, UsageError
from airtape.exactjson import dumps
from airtape.fold.keys import Key
from airtape.fold.row import Row
from airtape.overview import Overview
from airtape.page_reader import page_of
from airtape.query.joined import history_in
from airtape.query.whole_values import from_directories, with_large_values
from airtape.records import Plain
from airtape.rows import Report
from airtape.sync.report import ExitCode
from airtape.system_samples import system_of
from airtape.writers import WriterFiles, joined_writers, read_writers
from airtape_cli.locate import find_run
from airtape_cli.options import default_folder, folder_option, output_file, vantage
from airtape_cli.render.formats import csv_lines, jsonl_line, table_lines
from airtape_cli.render.notes import echo_note
from airtape_cli.render.text import shown


@click.command(short_help="Write the history of a run, or a page that shows it.")
@click.argument("run")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl", "html"]),
    default="csv",
    show_default=True,
    help="csv: a table with a column for each metric. jsonl: a JSON object for each step. "
    "html: a page with charts that needs no network.",
)
@click.option(
    "--system", is_flag=True, help="What was measured of the machine, not what was logged."
)
@click.option(
    "-o", "--output", type=output_file, metavar="FILE", help="Write here instead of to stdout."
)
@folder_option
@click.pass_context
def export(
    context: click.Context,
    *,
    run: str,
    form: str,
    system: bool,
    output: str | None,
    folder: str | None,
) -> None:
    """Write the history of a run, exactly as it was logged, or a page that shows the run.

    RUN is a run directory, or the id, the name or the path (entity/project/id) of a run in
    ./wandb. A run that was resumed in further directories is written as a whole, a directory
    alone. The exit code is 3 when part of the log is damaged; the rest is written all the same.

    \b
    Examples:
      tracker export likely-lion-9 > history.csv
      tracker export ab12cd34 --format jsonl -o history.jsonl
      tracker export ab12cd34 --format html -o run.html
      tracker export ab12cd34 --system > system.csv
    """  # noqa: D301 - \b tells click to keep the lines below it
    if system and form == "html":
        raise UsageError("--system is for csv and jsonl", hint="leave --format html out")
    where = Path(folder) if folder is not None else default_folder()
    found = find_run(run, where, vantage())
    directories, writers = found.directories, {header.writer for header, _ in found.writers}
    noted: dict[str, None] = {}

    def rows() -> Iterator[Row]:
        history = history_in(directories, writers, noted.setdefault)
        try:
            load = from_directories(directories)
            yield from with_large_values(history, load, noted.setdefault)
        except OSError as error:
            raise _unreadable(found, error) from error

    def lines() -> Iterable[str]:
        if system:
            measured = _system(found, noted.setdefault)
            return table_lines(measured) if form == "csv" else map(dumps, measured)
        if form == "html":
            return [_page(found, noted.setdefault)]
        return _csv(rows) if form == "csv" else map(jsonl_line, rows())

    # What was logged may hold sequences that a terminal obeys; files and pipes get it as it is.
    is_read_here = form == "csv" and output in {None, "-"} and sys.stdout.isatty()
    with _opened(output) as file:
        for line in lines():
            file.write((shown(line) if is_read_here else line).encode("utf-8") + b"\n")
    for note in noted:
        echo_note(note)
    if noted:
        context.exit(ExitCode.INCOMPLETE)


def _page(run: Overview, report: Report) -> str:
    """Return the page of a run."""
    try:
        return page_of(run, _writers(run, report), report).rstrip("\n")
    except OSError as error:
        raise _unreadable(run, error) from error


def _system(run: Overview, report: Report) -> list[dict[str, Plain]]:
    """Return what was measured of the machine, sample by sample."""
    try:
        return [sample.as_row() for sample in system_of(_writers(run, report), report)]
    except OSError as error:
        raise _unreadable(run, error) from error


def _writers(run: Overview, report: Report) -> list[WriterFiles]:
    problems: list[str] = []
    wanted = {header.writer for header, _ in run.writers}
    read = [writer for folder in run.directories for writer in read_writers(folder, problems)]
    for problem in problems:
        report(problem)
    return joined_writers(writer for writer in read if writer.header.writer in wanted)


def _unreadable(run: Overview, error: OSError) -> LogFormatError:
    what = "the log cannot be read to its end"
    return LogFormatError(what, where=str(run.directory), because=str(error))


def _csv(rows: Callable[[], Iterator[Row]]) -> Iterable[str]:
    """Return the lines of a table; the first pass finds the columns, the second one writes.

    A run that goes on meanwhile may complete its last row: the first pass's stands.
    """
    columns: dict[Key, None] = {}
    count = 0
    last: list[Row] = []
    for row in rows():
        columns.update(dict.fromkeys(row.data))
        last = [row]
        count += 1
    return csv_lines(list(columns), chain(islice(rows(), max(0, count - 1)), last))


@contextmanager
def _opened(output: str | None) -> Iterator[BinaryIO]:
    """Open the output; a file gets its name when all of it is written."""
    if output is None or output == "-":
        yield sys.stdout.buffer
        return
    path = Path(output)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    is_special = path.exists() and not path.is_file()
    try:
        file = (path if is_special else beside).open("wb")
    except OSError as error:
        raise UsageError(
            "the output cannot be written", where=output, because=error.strerror or str(error)
        ) from error
    try:
        with file:
            yield file
        if not is_special:
            beside.replace(path)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Error(
            "the output cannot be written", where=output, because=error.strerror or str(error)
        ) from error
    finally:
        with suppress(OSError):
            beside.unlink()
