"""Choosing what to sync: by what the runs are, where they are, and when they last changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import wraps
from pathlib import Path

import click

from airtape.query.directories import directories_of
from airtape.query.filters import parse
from airtape.query.moments import read_period, read_span
from airtape.run_search import Found, find_run_dirs
from airtape.rundir import log_files
from airtape_cli.aside import with_asides
from airtape_cli.options import time_span
from airtape_cli.render.notes import echo_note

_S: float = 1e9


def moment(text: str) -> int:
    """Return the wall clock, in nanoseconds since 1970, that ``2026-11-20`` or ``2h`` ago means.

    Raises:
        BadParameter: The text is neither a time nor a time span.
    """
    span_s = read_span(text)
    if span_s is not None:
        return time.time_ns() - round(span_s * _S)
    period = read_period(text)
    if period is None:
        raise click.BadParameter(f"{text!r} is no time; try 2026-11-20, 2026-11-20T10:11 or 2h.")
    return period.start_ns


@dataclass(frozen=True, slots=True)
class Choice:
    """Which run directories to sync.

    Attributes:
        paths: Where they are.
        filters: Texts that the runs must all fit, see ``docs/FILTERS.md``.
        exclude: Patterns; a directory whose path or name fits one is left out.
        older_than_s: Only runs whose logs have not changed for so many seconds.
        changed_since_ns: Only runs whose logs have changed since.
    """

    paths: Sequence[str]
    filters: Sequence[str] = ()
    exclude: Sequence[str] = ()
    older_than_s: float | None = None
    changed_since_ns: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether everything at the paths is meant."""
        return self == Choice(self.paths)

    def found(self, folder: Path) -> Found:
        """Return the run directories that are meant.

        Args:
            folder: As for `airtape_cli.aside.with_asides`.

        Raises:
            UsageError: A filter cannot be understood.
        """
        wanted = [parse(text) for text in self.filters]
        found = with_asides(find_run_dirs(self.paths), folder)
        if self.is_whole:
            return found
        run_dirs = [path for path in found.run_dirs if not self._is_excluded(path)]
        run_dirs = [path for path in run_dirs if self._has_age(path)]
        for one in wanted:
            run_dirs = directories_of(run_dirs, one)
        for problem in found.problems:
            echo_note(f"{problem.path} is passed over: {problem.reason}")
        return found._replace(run_dirs=run_dirs, problems=[], cleaned=())

    def _is_excluded(self, run_dir: Path) -> bool:
        names = (str(run_dir), run_dir.name)
        return any(fnmatchcase(name, pattern) for name in names for pattern in self.exclude)

    def _has_age(self, run_dir: Path) -> bool:
        if self.older_than_s is None and self.changed_since_ns is None:
            return True
        changed_ns = 0
        with suppress(OSError):
            # What cannot be looked at is said where it is sent.
            changed_ns = max(path.lstat().st_mtime_ns for path in [run_dir, *log_files(run_dir)])
        rests_ns = time.time_ns() - changed_ns
        is_old = self.older_than_s is None or rests_ns >= self.older_than_s * _S
        return is_old and (self.changed_since_ns is None or changed_ns >= self.changed_since_ns)


def choosing_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that choose runs; it gets a `Choice` without paths."""

    @click.option(
        "--filter",
        "filters",
        multiple=True,
        metavar="TEXT",
        help="Only runs that fit, such as state=finished or 'summary.loss < 0.1'; see "
        "docs/FILTERS.md. Of several all must fit.",
    )
    @click.option(
        "--exclude",
        multiple=True,
        metavar="PATTERN",
        help="Leave out run directories whose name or path fits, such as '*-debug*'.",
    )
    @click.option(
        "--older-than",
        "older_than_s",
        type=time_span,
        metavar="TIME",
        help="Only runs whose logs have been at rest for so long, such as 5m.",
    )
    @click.option(
        "--changed-since",
        "changed_since_ns",
        type=moment,
        metavar="TIME",
        help="Only runs whose logs have changed since, such as 2026-11-20 or 2h (ago).",
    )
    @wraps(command)
    def with_choice(
        *arguments: object,
        filters: tuple[str, ...],
        exclude: tuple[str, ...],
        older_than_s: float | None,
        changed_since_ns: int | None,
        **others: object,
    ) -> None:
        choice = Choice((), filters, exclude, older_than_s, changed_since_ns)
        command(*arguments, choice=choice, **others)

    return with_choice
