"""How a sync goes on: bars on a terminal, a line for each run everywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import IO, TYPE_CHECKING, Final

from airtape.sync.progress import Progress
from airtape.sync.report import RunReport
from airtape_cli.render.sync_report import run_lines
from airtape_cli.render.text import shortened

if TYPE_CHECKING:
    from rich.progress import Progress as Rows
    from rich.progress import TaskID

MOST_BARS: Final = 6
"""How many runs have a bar of their own at a time."""
LONGEST_NAME: Final = 48

ForTarget = Callable[[str | None], Progress]
"""Returns what shows how a sync to a target goes on; it is named where there are several."""


@contextmanager
def progress(
    *,
    quiet: bool,
    verbose: bool,
    dry_run: bool,
    say: Callable[[str], object],
    terminal: Callable[[], IO[str]],
    journal: Callable[[str], object] | None = None,
) -> Iterator[ForTarget]:
    """Show how a sync goes on, or several to different targets at once.

    Args:
        quiet: Show nothing on stdout, as when JSON is printed there.
        verbose: Say something of runs that had nothing new, too.
        dry_run: Whether nothing is to be sent.
        say: Writes plain lines to stdout.
        terminal: Returns what draws on stdout where that is a terminal.
        journal: Takes the plain lines too, whatever is shown on stdout.
    """

    def both(shown: Callable[[str], object] | None) -> list[Callable[[str], object]]:
        return [listener for listener in (shown, journal) if listener is not None]

    if quiet or not sys.stdout.isatty():
        told = both(None if quiet else say)
        yield lambda target: Lines(told, target, verbose=verbose, dry_run=dry_run)
    else:
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
        from rich.progress import BarColumn, DownloadColumn, TextColumn  # noqa: PLC0415 - only whoever needs it waits for it to load
        from rich.progress import Progress as Rows  # noqa: PLC0415 - only whoever needs it waits for it to load

        console = Console(file=terminal(), highlight=False, emoji=False)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TextColumn("{task.fields[count]}", markup=False),
        )
        with Rows(*columns, console=console, transient=True) as rows:
            bars = Bars(rows)
            told = both(bars.write)
            yield lambda target: OnTerminal(bars, told, target, verbose=verbose, dry_run=dry_run)


class Lines:
    """Writes a line for each run when it is done.

    Args:
        told: Each takes the lines of a run.
        target: The target's name, where there are several.
        verbose: Whether runs that had nothing new get a line.
        dry_run: Whether nothing is to be sent.
    """

    def __init__(
        self,
        told: Sequence[Callable[[str], object]],
        target: str | None = None,
        *,
        verbose: bool,
        dry_run: bool,
    ) -> None:
        self._told = told
        self._target = target
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
        lines = run_lines(report, self._target, verbose=self._verbose, dry_run=self._dry_run)
        text = "\n".join(lines)
        for say in self._told if text else ():
            # In one piece: another target may have something to say at the same time.
            say(text)


class OnTerminal(Lines):
    """Moves the bars for one target, with the lines above them.

    Args:
        bars: The bars.
        told: Each takes the lines of a run.
        target: The target's name, where there are several.
        verbose: Whether runs that had nothing new get a line.
        dry_run: Whether nothing is to be sent.
    """

    def __init__(
        self,
        bars: Bars,
        told: Sequence[Callable[[str], object]],
        target: str | None = None,
        *,
        verbose: bool,
        dry_run: bool,
    ) -> None:
        super().__init__(told, target, verbose=verbose, dry_run=dry_run)
        self._bars = bars

    def planned(self, directories: int, size: int) -> None:
        """Show the bar of the whole if there is something to do."""
        if directories:
            self._bars.plan(directories, size)

    def started(self, path: Path, size: int) -> None:
        """Give the run a bar, unless there are many already."""
        self._bars.begin((self._target, path), size)

    def advanced(self, path: Path, size: int) -> None:
        """Move the bars on."""
        self._bars.move((self._target, path), size)

    def finished(self, report: RunReport) -> None:
        """Take the run's bar away, and say what was done."""
        self._bars.end((self._target, report.path))
        super().finished(report)


class Bars:
    """A bar for the whole of all syncs, and one for each of a few runs that are being sent.

    Args:
        rows: What draws them.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._lock = Lock()
        self._whole: TaskID | None = None
        self._size = self._planned = self._done = 0
        self._begun: set[tuple[str | None, Path]] = set()
        self._runs: dict[tuple[str | None, Path], TaskID] = {}

    def write(self, text: str) -> None:
        """Write something above the bars."""
        self._rows.console.print(text, markup=False, soft_wrap=True)

    def plan(self, directories: int, size: int) -> None:
        """Add to what there is to do."""
        with self._lock:
            self._planned += directories
            self._size += max(size, 1)
            if self._whole is None:
                self._whole = self._rows.add_task("Syncing", total=self._size, count="")
            self._show_whole()

    def begin(self, run: tuple[str | None, Path], size: int) -> None:
        """Show that a run is begun."""
        with self._lock:
            self._begun.add(run)
            if len(self._runs) < MOST_BARS:
                name = shortened(run[1].name, LONGEST_NAME)
                task = self._rows.add_task(f"  {name}", total=max(size, 1), count="")
                self._runs[run] = task

    def move(self, run: tuple[str | None, Path], size: int) -> None:
        """Show that so many bytes more of a run have arrived."""
        with self._lock:
            for task in (self._whole, self._runs.get(run)):
                if task is not None:
                    self._rows.advance(task, size)

    def end(self, run: tuple[str | None, Path]) -> None:
        """Show that a run is done, if it was begun."""
        with self._lock:
            if run in self._begun:
                self._begun.remove(run)
                self._done += 1
                self._show_whole()
            if run in self._runs:
                self._rows.remove_task(self._runs.pop(run))

    def _show_whole(self) -> None:
        if self._whole is not None:
            count = f"{self._done} of {self._planned} runs"
            self._rows.update(self._whole, total=self._size, count=count)
