"""Choosing runs: the newest ones, or by ``--filter`` and ``--order``, see ``docs/FILTERS.md``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from airtape.overview import Overview, read_overview
from airtape.query.columns import columns_of
from airtape.query.directories import directories_of
from airtape.query.filters import parse
from airtape.query.order import parse_order
from airtape.rundir import Found
from airtape.states import Vantage
from airtape_cli.render.notes import echo_note

NEWEST_FIRST: Final = "-created_at"
_STAMP_SIZE: Final = len("run-20261120_101112")

filter_option = click.option(
    "--filter",
    "filters",
    metavar="TEXT",
    help="Only runs that fit, such as 'state = finished and summary.loss < 0.1'; see "
    "docs/FILTERS.md.",
)
order_option = click.option(
    "--order",
    metavar="COLUMN",
    help="Order by a column such as summary.loss, with - before it the greatest first.",
)


def newest_runs(
    run_dirs: Iterable[Path], here: Vantage, limit: int | None, page: int
) -> Iterator[list[Overview]]:
    """Yield the newest runs some at a time, so that others are read only when these have shown.

    Args:
        run_dirs: Where they are.
        here: When and where one looks from.
        limit: How many runs at most, None for all.
        page: How many at a time.
    """
    chosen = sorted(run_dirs, key=_stamp, reverse=True)[:limit]
    for first in range(0, len(chosen), page):
        runs = [read_overview(run_dir, here) for run_dir in chosen[first : first + page]]
        yield sorted(runs, key=lambda run: run.began_ns or 0, reverse=True)


def selected_runs(
    run_dirs: Iterable[Path], here: Vantage, *, filters: str | None, order: str | None
) -> list[Overview]:
    """Return the runs that fit, in order; all of them, the newest first, if nothing is said.

    Raises:
        UsageError: The filter or the order cannot be understood.
    """
    wanted = parse(filters or "")
    ordered = parse_order(order or NEWEST_FIRST)
    runs = (read_overview(run_dir, here) for run_dir in run_dirs)
    columns = ((columns_of(run), run) for run in runs)
    fitting = (pair for pair in columns if wanted.matches(pair[0]))
    return [run for _, run in ordered.applied(fitting)]


def only_fitting(found: Found, filters: str) -> Found:
    """Return the run directories whose runs fit; a run that has several fits with all of them.

    Raises:
        UsageError: The filter cannot be understood.
    """
    fitting = directories_of(found.run_dirs, parse(filters))
    for problem in found.problems:
        echo_note(f"{problem.path} is passed over: {problem.reason}")
    return replace(found, run_dirs=fitting, problems=[])


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
