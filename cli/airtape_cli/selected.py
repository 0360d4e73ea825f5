"""Choosing runs: the newest ones, or by ``--filter`` and ``--order``, see ``docs/FILTERS.md``."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Final

import click

from airtape.overview import Overview
from airtape.query.columns import columns_of
from airtape.query.filters import parse
from airtape.query.order import parse_order
from airtape.states import Vantage
from airtape_cli.newest import NewestRuns

NEWEST_FIRST: Final = "-created_at"
_AT_ONCE: Final = 50

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


def selected_runs(
    run_dirs: Iterable[Path], here: Vantage, *, filters: str | None, order: str | None
) -> list[Overview]:
    """Return the runs that fit, in order; all of them, the newest first, if nothing is said.

    Args:
        run_dirs: The directories of the runs to choose from.
        here: When and where one looks from.
        filters: Which of them, None for all.
        order: The column to order them by, None for when they began.

    Raises:
        UsageError: The filter or the order cannot be understood.
    """
    wanted = parse(filters or "")
    ordered = parse_order(order or NEWEST_FIRST)
    newest = NewestRuns(run_dirs, here)
    runs = chain.from_iterable(newest.pages(None, _AT_ONCE))
    columns = ((columns_of(run), run) for run in runs)
    fitting = (pair for pair in columns if wanted.matches(pair[0]))
    return [run for _, run in ordered.applied(fitting)]
