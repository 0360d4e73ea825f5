"""`tracker ls`: which runs there are, and how they are doing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, TypeAlias

import click

from airtape.errors import UsageError
from airtape.overview import Overview, read_overview
from airtape.rundir import Found, find_run_dirs
from airtape.states import Vantage, in_words
from airtape_cli.options import default_folder, json_option, stale_option, vantage
from airtape_cli.render.lines import Column, Line, Span, echo_lines, table
from airtape_cli.render.notes import Clashes, echo_note, health_notes
from airtape_cli.render.shapes import echo_json, run_shape
from airtape_cli.render.text import STATE_STYLES, shortened, shown
from airtape_cli.synced import default_target, synced_lookup

Listed: TypeAlias = tuple[Overview, str]
"""A run, and how much of it the store has."""

NEWEST: Final = 50
_STAMP_SIZE: Final = len("run-20261120_101112")
_COLUMNS: Final = (
    Column("STATE"),
    Column("NAME"),
    Column("ID"),
    Column("PROJECT"),
    Column("STEP", "right"),
    Column("AGE", "right"),
    Column("SYNCED"),
)


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--all", "show_all", is_flag=True, help=f"List all runs, not the newest {NEWEST}.")
@json_option
@stale_option
def ls(*, paths: tuple[str, ...], show_all: bool, as_json: bool, stale_after: float) -> None:
    """List runs, the newest first.

    PATH is a run directory, a folder of them such as ./wandb, or a pattern; ./wandb if you name
    none. STEP is the last step that was logged. SYNCED tells whether the store in ./wandb has all
    of the run, part of it, or nothing.

    \b
    Examples:
      tracker ls
      tracker ls /scratch/*/wandb --all
      tracker ls --json | jq -r '.runs[] | select(.state == "crashed").directory'
    """  # noqa: D301 - \b tells click to keep the lines below it
    folder = default_folder()
    found = find_run_dirs(paths or [folder])
    chosen = sorted(found.run_dirs, key=_stamp, reverse=True)
    chosen = chosen if show_all else chosen[:NEWEST]
    with synced_lookup(folder, echo_note) as synced:
        pages = _pages(chosen, vantage(stale_after), synced)
        if as_json:
            echo_json(
                {
                    "runs": [{**run_shape(run), "synced": have} for run, have in chain(*pages)],
                    "total": len(found.run_dirs),
                    "target": default_target(folder),
                    "problems": [
                        {"path": str(bad.path), "reason": bad.reason} for bad in found.problems
                    ],
                }
            )
        else:
            _show(pages, found, plain=len(chosen) > NEWEST)
    missing = found.not_found if paths else []
    if missing:
        raise UsageError("there is nothing at this path", where=", ".join(missing))
    if not found.run_dirs and not as_json:
        places = ", ".join(paths) or str(folder)
        click.echo(f"No runs in {shown(places)}.")


def _stamp(run_dir: Path) -> str:
    """Return when a run directory was made, so that the newest can be told without reading all."""
    name = run_dir.name
    if name.startswith("run-") and name[4:12].isdigit() and name[13:_STAMP_SIZE].isdigit():
        return name[4:_STAMP_SIZE]
    try:
        made = run_dir.stat().st_mtime
    except OSError:
        return ""
    return time.strftime("%Y%m%d_%H%M%S", time.localtime(made))


def _pages(
    chosen: Sequence[Path], here: Vantage, synced: Callable[[Overview], str]
) -> Iterator[list[Listed]]:
    """Yield the runs some at a time, so that the first ones show before the last ones are read."""
    for first in range(0, len(chosen), NEWEST):
        runs = [read_overview(directory, here) for directory in chosen[first : first + NEWEST]]
        runs.sort(key=lambda run: run.began_ns or 0, reverse=True)
        yield [(run, synced(run)) for run in runs]


def _show(pages: Iterable[list[Listed]], found: Found, *, plain: bool) -> None:
    now_ns = time.time_ns()
    widths: list[int] = []
    clashes = Clashes()
    notes = [f"{bad.path}: {bad.reason}" for bad in found.problems]
    count = 0
    for page in pages:
        rows = [_row(run, have, now_ns) for run, have in page]
        lines = table(_COLUMNS, rows, widths)
        echo_lines(lines[1:] if count else lines, crop=True, plain=plain)
        count += len(page)
        for run, _ in page:
            clashes.add(run)
            notes += [f"{run.directory}: {note}" for note in health_notes(run)]
    if count < len(found.run_dirs):
        echo_note(f"the newest {count} of {len(found.run_dirs)} runs; --all lists every one")
    for note in [*notes, *clashes.notes()]:
        echo_note(note)


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
