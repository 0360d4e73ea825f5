"""`tracker show`: everything that is known of one run."""

from __future__ import annotations

from pathlib import Path

import click

from airtape_cli.locate import files_of, find_run
from airtape_cli.options import default_folder, folder_option, json_option, stale_option, vantage
from airtape_cli.render.lines import echo_lines
from airtape_cli.render.overview import overview_lines
from airtape_cli.render.shapes import echo_json, full_shape


@click.command()
@click.argument("run")
@folder_option
@json_option
@stale_option
def show(*, run: str, folder: str | None, as_json: bool, stale_after: float) -> None:
    """Show one run: what it is, its config, its summary and its files.

    RUN is a run directory, or the id, the name or the path (entity/project/id) of a run in
    ./wandb. A run that was resumed in further directories is shown as a whole, a directory alone.
    Metrics are grouped by what stands before the last slash of their names.

    \b
    Examples:
      tracker show likely-lion-9
      tracker show ./wandb/latest-run
      tracker show me/digits/ab12cd34 --json | jq .summary
    """  # noqa: D301 - \b tells click to keep the lines below it
    where = Path(folder) if folder is not None else default_folder()
    found = find_run(run, where, vantage(stale_after))
    files = files_of(found)
    if as_json:
        echo_json(full_shape(found, files))
    else:
        echo_lines(overview_lines(found, files))
