"""`tracker targets`: the targets that have names here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click

from airtape.targets import named_targets, without_password
from airtape_cli.options import default_folder, json_option
from airtape_cli.render.lines import Column, Span, echo_lines, table
from airtape_cli.render.notes import echo_note
from airtape_cli.render.shapes import echo_json
from airtape_cli.render.text import shown

_COLUMNS: Final = (Column("NAME"), Column("URL"), Column("SOURCE"))


@click.command()
@json_option
def targets(*, as_json: bool) -> None:
    """List the targets that have names, and where each is named.

    A target is named in the section [targets] of ./wandb/settings or of the user's settings, or in
    the table [tool.tracker.targets] of the project's pyproject.toml; the first of these counts.
    Wherever a target is asked for, its name will do. Passwords are not shown.

    \b
    Examples:
      tracker targets
      tracker sync --to lab
    """  # noqa: D301 - \b tells click to keep the lines below it
    found, problems = named_targets(os.environ, Path.cwd(), default_folder())
    named = [found[name] for name in sorted(found)]
    if as_json:
        shapes = [
            {"name": one.name, "url": without_password(one.url), "source": one.source}
            for one in named
        ]
        echo_json({"targets": shapes, "problems": problems})
        return
    rows = [
        [
            Span(shown(one.name), "bold"),
            Span(shown(without_password(one.url))),
            Span(shown(one.source), "dim"),
        ]
        for one in named
    ]
    if rows:
        echo_lines(table(_COLUMNS, rows))
    else:
        click.echo("No target has a name here.")
    for problem in problems:
        echo_note(problem)
