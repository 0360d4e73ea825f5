"""How a sync goes on: a bar on a terminal, a line for each run everywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airtape.sync.engine import Progress, Silent
from airtape.sync.report import RunReport
from airtape_cli.render.sync_report import run_lines

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


@contextmanager
def progress(*, quiet: bool, verbose: bool, dry_run: bool) -> Iterator[Progress]:
    """Show how a sync goes on.

    Args:
        quiet: Show nothing, because what is printed is JSON.
        verbose: Say something of runs that had nothing new, too.
        dry_run: Whether nothing is to be sent.
    """
    if quiet:
        yield Silent()
    elif not sys.stdout.isatty():
        yield Lines(click.echo, verbose=verbose, dry_run=dry_run)
    else:
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
        from rich.progress import BarColumn, DownloadColumn, TextColumn  # noqa: PLC0415
        from rich.progress import Progress as Bar  # noqa: PLC0415

        console = Console(highlight=False, emoji=False)
        columns = (
            TextColumn("Syncing"),
            BarColumn(),
            DownloadColumn(),
            TextColumn("{task.fields[run]}", markup=False),
        )
        with Bar(*columns, console=console, transient=True) as bar:
            yield OnTerminal(bar, verbose=verbose, dry_run=dry_run)


class Lines:
    """Writes a line for each run when it is done.

    Args:
        write: Writes a line.
        verbose: Whether runs that had nothing new get a line.
        dry_run: Whether nothing is to be sent.
    """

    def __init__(self, write: Callable[[str], None], *, verbose: bool, dry_run: bool) -> None:
        self._write = write
        self._verbose = verbose
        self._dry_run = dry_run

    def planned(self, directories: int, size: int) -> None:
        """Say nothing: plain lines only tell what was done."""

    def started(self, path: Path, size: int) -> None:
        """Say nothing."""

    def advanced(self, path: Path, size: int) -> None:
        """Say nothing."""

    def finished(self, report: RunReport) -> None:
        """Say what was done for a run."""
        for line in run_lines(report, verbose=self._verbose, dry_run=self._dry_run):
            self._write(line)


class OnTerminal(Lines):
    """Moves a bar, with the lines above it.

    Args:
        bar: The bar.
        verbose: Whether runs that had nothing new get a line.
        dry_run: Whether nothing is to be sent.
    """

    def __init__(self, bar: Bar, *, verbose: bool, dry_run: bool) -> None:
        super().__init__(self._print, verbose=verbose, dry_run=dry_run)
        self._bar = bar
        self._task: TaskID | None = None

    def _print(self, line: str) -> None:
        self._bar.console.print(line, markup=False, soft_wrap=True)

    def planned(self, directories: int, size: int) -> None:
        """Show the bar if there is something to do."""
        if directories:
            self._task = self._bar.add_task("", total=max(size, 1), run="")

    def started(self, path: Path, size: int) -> None:  # noqa: ARG002 - the whole is shown
        """Name the run beside the bar."""
        if self._task is not None:
            self._bar.update(self._task, run=path.name)

    def advanced(self, path: Path, size: int) -> None:  # noqa: ARG002 - see above
        """Move the bar on."""
        if self._task is not None:
            self._bar.advance(self._task, size)
