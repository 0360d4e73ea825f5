"""`tracker ls`: which runs there are, and how they are doing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import click

from airtape.errors import TargetError, UsageError
from airtape.overview import Overview, read_overview
from airtape.rundir import Found, find_run_dirs
from airtape.states import in_words
from airtape_cli.options import default_folder, json_option, stale_option, vantage
from airtape_cli.render.lines import Column, Line, Span, echo_lines, table
from airtape_cli.render.notes import clash_notes, echo_note, health_notes
from airtape_cli.render.shapes import echo_json, run_shape
from airtape_cli.render.text import STATE_STYLES, shortened, shown
from airtape_cli.synced import default_target, opened_store, synced_state

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
    here = vantage(stale_after)
    runs = [read_overview(directory, here) for directory in chosen]
    runs.sort(key=lambda run: run.began_ns or 0, reverse=True)
    synced = _synced(runs, folder)
    if as_json:
        shapes = [
            {**run_shape(run), "synced": have} for run, have in zip(runs, synced, strict=True)
        ]
        problems = [{"path": str(bad.path), "reason": bad.reason} for bad in found.problems]
        total = len(found.run_dirs)
        target = default_target(folder)
        echo_json({"runs": shapes, "total": total, "target": target, "problems": problems})
    else:
        _show(runs, synced, found)
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


def _synced(runs: Iterable[Overview], folder: Path) -> Sequence[str]:
    """Return for each run how much of it the store has; ``unknown`` if the store does not say."""
    runs = list(runs)
    with ExitStack() as stack:
        try:
            store = stack.enter_context(opened_store(folder))
            return [synced_state(run, store) for run in runs]
        except TargetError as error:
            echo_note(f"whether runs are synced is not known: {error}")
    return ["unknown"] * len(runs)


def _show(runs: Sequence[Overview], synced: Sequence[str], found: Found) -> None:
    now_ns = time.time_ns()
    rows = [_row(run, have, now_ns) for run, have in zip(runs, synced, strict=True)]
    if rows:
        echo_lines(table(_COLUMNS, rows), crop=True)
    if len(runs) < len(found.run_dirs):
        echo_note(f"the newest {len(runs)} of {len(found.run_dirs)} runs; --all lists every one")
    for problem in found.problems:
        echo_note(f"{problem.path}: {problem.reason}")
    for run in runs:
        for note in health_notes(run):
            echo_note(f"{run.directory}: {note}")
    for note in clash_notes(runs):
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
