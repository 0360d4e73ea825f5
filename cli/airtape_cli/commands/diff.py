"""`tracker diff`: what differs between two runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from airtape.overview import Overview
from airtape.records import Plain
from airtape_cli.differences import Difference, Differences, FileDifference, differences
from airtape_cli.locate import find_run
from airtape_cli.options import default_folder, folder_option, json_option, vantage
from airtape_cli.render.lines import Line, Span, aligned, echo_lines
from airtape_cli.render.shapes import echo_json
from airtape_cli.render.text import shortened, shown, size_text, value_text

DIFFERENT: Final = 1
_STYLES: Final = {"+": "green", "-": "red", "@": "cyan"}


@click.command()
@click.argument("first", metavar="RUN")
@click.argument("second", metavar="RUN")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if the runs differ.")
@folder_option
@json_option
@click.pass_context
def diff(
    context: click.Context,
    *,
    first: str,
    second: str,
    exit_code: bool,
    folder: str | None,
    as_json: bool,
) -> None:
    """Show what differs between two runs.

    RUN is a run directory, or the id, the name or the path (entity/project/id) of a run in
    ./wandb. Config, summary, machine and program, git, requirements and code are compared, as far
    as they were recorded. Values are compared exactly: 1 and 1.0 differ.

    \b
    Examples:
      tracker diff likely-lion-9 fond-fern-10
      tracker diff ab12cd34 ef56gh78 --json | jq .config
    """  # noqa: D301 - \b tells click to keep the lines below it
    where = Path(folder) if folder is not None else default_folder()
    here = vantage()
    both = (find_run(first, where, here), find_run(second, where, here))
    found = differences(*both)
    if as_json:
        echo_json({"runs": [_run_shape(run) for run in both], **_shape(found)})
    elif found:
        echo_lines(_lines(both, found))
    else:
        click.echo("The runs do not differ.")
    context.exit(DIFFERENT if exit_code and found else 0)


def _run_shape(run: Overview) -> dict[str, Any]:
    return {"path": run.path, "name": run.name, "directory": str(run.directory)}


def _shape(found: Differences) -> dict[str, Any]:
    sections = {
        section: [{"name": one.name, "values": one.values} for one in values]
        for section, values in found.values.items()
    }
    code = [{"path": one.path, "bytes": one.sizes, "diff": one.lines} for one in found.code]
    return {"differ": bool(found), **sections, "code": code}


def _lines(both: tuple[Overview, Overview], found: Differences) -> Iterator[Line]:
    titles = [Span(shortened(run.name or run.run_id or str(run.directory)), "bold") for run in both]
    sections = {section: values for section, values in found.values.items() if values}
    rows: list[list[Span]] = [[Span(""), *titles]]
    for section, values in sections.items():
        rows += [[], [Span(section.capitalize(), "bold")], *map(_row, values)]
    if found.code:
        rows += [[], [Span("Code", "bold")], *map(_file_row, found.code)]
    yield from aligned(rows)
    for one in found.code:
        if one.lines:
            yield []
            yield from ([Span(shown(line), _STYLES.get(line[:1], ""))] for line in one.lines)


def _row(one: Difference) -> list[Span]:
    return [Span(f"  {shortened(one.name)}"), *map(_cell, one.values)]


def _cell(value: list[Plain]) -> Span:
    return Span(value_text(value[0])) if value else Span("-", "dim")


def _file_row(one: FileDifference) -> list[Span]:
    sizes = ("-" if size is None else size_text(size) for size in one.sizes)
    return [Span(f"  {shortened(one.path)}"), *map(Span, sizes)]
