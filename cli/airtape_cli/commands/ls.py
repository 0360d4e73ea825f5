"""`tracker ls`: which runs there are, and how they are doing."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable
from functools import partial
from itertools import chain
from typing import Final, TypeAlias

import click

from airtape.errors import UsageError
from airtape.overview import Overview
from airtape.run_search import find_run_dirs
from airtape.states import in_words
from airtape.sync.report import ExitCode
from airtape_cli.aside import with_asides
from airtape_cli.newest import NewestRuns
from airtape_cli.options import default_folder, json_option, stale_option, vantage
from airtape_cli.render.lines import Column, Line, Span, echo_lines, narrowed, table
from airtape_cli.render.notes import Clashes, echo_note, health_notes
from airtape_cli.render.shapes import echo_json, run_shape
from airtape_cli.render.text import STATE_STYLES, shortened, shown
from airtape_cli.selected import filter_option, order_option, selected_runs
from airtape_cli.synced import default_target, synced_lookup

Listed: TypeAlias = tuple[Overview, str]
"""A run, and how much of it the store has."""

NEWEST: Final = 50
_COLUMNS: Final = (
    Column("STATE"),
    Column("NAME"),
    Column("ID"),
    Column("PROJECT"),
    Column("STEP", "right"),
    Column("AGE", "right"),
    Column("SYNCED"),
)
_LEAST: Final = {1: 10, 3: 8}
"""How much of NAME and PROJECT a narrow terminal shows at least, for the sake of what follows."""


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--all", "show_all", is_flag=True, help=f"List all runs, not the newest {NEWEST}.")
@filter_option
@order_option
@json_option
@stale_option
@click.pass_context
def ls(
    context: click.Context,
    *,
    paths: tuple[str, ...],
    show_all: bool,
    filters: str | None,
    order: str | None,
    as_json: bool,
    stale_after: float,
) -> None:
    """List runs, the newest first.

    PATH is a run directory, a folder of them such as ./wandb, or a pattern; ./wandb if you name
    none. A run that was resumed in further directories has one line; runs that took the same id
    without knowing of each other have one each, and are named at the end. STEP is the last step
    that was logged. SYNCED tells whether the store in ./wandb has all of the run, part of it, or
    nothing; it says `cleaned` of a run that `tracker clean` has removed the logs of.

    \b
    Examples:
      tracker ls
      tracker ls /scratch/*/wandb --all
      tracker ls --filter 'state = crashed and config.lr > 0.01' --order -step
      tracker ls --json | jq -r '.runs[] | select(.state == "crashed").directory'

    \b
    Exit codes:
      0  all runs there are were looked at
      2  a path does not exist
      3  a place could not be looked into, or is no run
    """  # noqa: D301 - \b tells click to keep the lines below it
    folder = default_folder()
    found = with_asides(find_run_dirs(paths or [folder]), folder)
    run_dirs = [*found.run_dirs, *found.cleaned]
    here = vantage(stale_after)
    limit = None if show_all else NEWEST
    clashes = Clashes()
    if filters is None and order is None:
        newest = NewestRuns(run_dirs, here, clashes.add)
        runs = newest.pages(limit, NEWEST)
        total = partial(getattr, newest, "total")
    else:
        fitting = selected_runs(run_dirs, here, filters=filters, order=order)
        for run in fitting:
            clashes.add(run)
        runs = iter([fitting[:limit]] if fitting else [])
        total = partial(len, fitting)
    with synced_lookup(folder, echo_note) as synced:
        pages = ([(run, synced(run)) for run in page] for page in runs)
        if as_json:
            shapes = [{**run_shape(run), "synced": have} for run, have in chain(*pages)]
            echo_json(
                {
                    "runs": shapes,
                    "total": total(),
                    "target": default_target(folder),
                    "clashes": clashes.shapes(),
                    "problems": [
                        {"path": str(bad.path), "reason": bad.reason} for bad in found.problems
                    ],
                }
            )
        else:
            notes = _show(pages, plain=show_all and len(run_dirs) > NEWEST)
            if limit is not None and total() > limit:
                which = "newest" if order is None else "first"
                echo_note(f"the {which} {limit} of {total()} runs; --all lists every one")
            bad_ones = [f"{bad.path}: {bad.reason}" for bad in found.problems]
            for note in [*bad_ones, *notes, *clashes.notes()]:
                echo_note(note)
    missing = found.not_found if paths else []
    if missing:
        raise UsageError("there is nothing at this path", where=", ".join(missing))
    if not total() and not as_json:
        places = ", ".join(paths) or str(folder)
        fitting_ones = " that fit" if run_dirs else ""
        click.echo(f"No runs{fitting_ones} in {shown(places)}.")
    context.exit(ExitCode.OK if found.is_whole else ExitCode.INCOMPLETE)


def _show(pages: Iterable[list[Listed]], *, plain: bool) -> list[str]:
    """Write a line for each run; return what is wrong with them."""
    now_ns = time.time_ns()
    widths: list[int] = []
    notes: list[str] = []
    count = 0
    for page in pages:
        rows = [_row(run, have, now_ns) for run, have in page]
        if sys.stdout.isatty() and not plain:
            rows = narrowed(_COLUMNS, rows, _LEAST, shutil.get_terminal_size().columns)
        lines = table(_COLUMNS, rows, widths)
        echo_lines(lines[1:] if count else lines, crop=True, plain=plain)
        count += len(page)
        notes += [f"{run.directory}: {note}" for run, _ in page for note in health_notes(run)]
    return notes


def _row(run: Overview, synced: str, now_ns: int) -> Line:
    state = str(run.state) if run.state.name == "running" else run.state.name
    age = "-" if run.began_ns is None else in_words(max(0, now_ns - run.began_ns) / 1e9)
    return [
        Span(state, STATE_STYLES[run.state.name]),
        Span(shortened(run.name or "-"), "bold"),
        Span(shown(run.run_id or "-")),
        Span(shortened(run.project or "-")),
        Span("-" if run.last_step is None else str(run.last_step)),
        Span(age),
        Span(synced, "" if synced == "yes" else "yellow"),
    ]
