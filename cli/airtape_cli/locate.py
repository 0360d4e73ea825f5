"""Finding the one run that a user means: by directory, id, name, or entity/project/id."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Final, NoReturn

from airtape.cleaned import cleaned_overview
from airtape.errors import LogFormatError, UsageError
from airtape.file_list import RunFile, list_files
from airtape.overview import Overview, read_overview
from airtape.run_search import find_run_dirs
from airtape.states import Vantage
from airtape_cli.aside import asides_of
from airtape_cli.newest import DirectoriesById, NewestRuns

_PATH_PARTS: Final = 3
_CANDIDATES: Final = 10


def find_run(said: str, folder: Path, vantage: Vantage) -> Overview:
    """Return the run that is meant.

    Args:
        said: A run directory or a log in it, which stands for this directory alone, with changes
            that had to be written aside; or the id, name or path of a run below `folder`, which
            stands for all directories of the run.
        folder: Where to look for ids, names and paths.
        vantage: When and where one looks from.

    Raises:
        UsageError: There is no such run, or more than one.
        LogFormatError: It is there, but none of its logs can be read.
    """
    if os.path.lexists(said):
        directory = _directory(said)
        asides = [*asides_of([directory], folder)]
        if asides:
            runs = _runs_in([directory, *asides], vantage)
            return _readable(next(run for run in runs if directory in run.directories))
        return _readable(_overview(directory, vantage))
    placed = find_run_dirs([folder])
    # A run that was cleaned needs no changes: what is left of it has them.
    run_dirs = [*placed.run_dirs, *placed.cleaned, *asides_of(placed.run_dirs, folder)]
    # Directories are usually named after the id: then no other ones have to be read.
    named = DirectoriesById(run_dirs).of(said.rpartition("/")[2])
    runs = _matching(said, _runs_in(named, vantage), ids_only="/" not in said)
    if not runs:
        everything = _runs_in(run_dirs, vantage)
        runs = _matching(said, everything, ids_only=False)
        if not runs:
            unread = [f"{bad.path}: {bad.reason}" for bad in placed.problems]
            _refuse_unknown(said, folder, everything, unread)
    if len(runs) > 1:
        _refuse_ambiguous(said, runs)
    return _readable(runs[0])


def find_whole_run(said: str, folder: Path, vantage: Vantage) -> Overview:
    """Return the run that is meant with all of its directories, also when one of them is named.

    Args:
        said: As for `find_run`.
        folder: Likewise.
        vantage: Likewise.

    Raises:
        UsageError: There is no such run, or more than one.
        LogFormatError: It is there, but none of its logs can be read.
    """
    found = find_run(said, folder, vantage)
    if not os.path.lexists(said) or found.run_id is None:
        return found
    directory = found.directory
    beside = DirectoriesById(_run_dirs_in(directory.parent)).of(found.run_id)
    runs = _runs_in([*{*beside, *found.directories}], vantage)
    return next(run for run in runs if directory in run.directories)


def with_named_runs(paths: Iterable[str], folder: Path, vantage: Vantage) -> tuple[str, ...]:
    """Return paths with the directories of a run in place of its id, name or path.

    Args:
        paths: What was said; it stays where something is at this path, and where no run is meant.
        folder: Where to look for runs.
        vantage: When and where one looks from.
    """
    meant: list[str] = []
    for said in paths:
        directories = [said]
        if not (os.path.lexists(said) or glob.has_magic(said) or said.startswith(("/", "."))):
            with suppress(UsageError, LogFormatError):
                # What is wrong is said of the path.
                found = find_run(said, folder, vantage)
                directories = [str(path) for path in found.directories]
        meant += directories
    return tuple(meant)


def _runs_in(run_dirs: Sequence[Path], vantage: Vantage) -> list[Overview]:
    return [*chain.from_iterable(NewestRuns(run_dirs, vantage).pages(None, len(run_dirs)))]


def files_of(run: Overview) -> list[RunFile]:
    """Return the files of a run; one that stands in several directories is the newest one's."""
    found = {file.path: file for directory in run.directories for file in list_files(directory)}
    return [found[path] for path in sorted(found)]


def _run_dirs_in(folder: Path) -> list[Path]:
    found = find_run_dirs([folder])
    return [*found.run_dirs, *found.cleaned]


def _overview(run_dir: Path, vantage: Vantage) -> Overview:
    found = read_overview(run_dir, vantage)
    return found if found.writers else cleaned_overview(run_dir, vantage) or found


def _directory(said: str) -> Path:
    found = find_run_dirs([said])
    run_dirs = [*found.run_dirs, *found.cleaned]
    if len(run_dirs) == 1:
        return run_dirs[0]
    if run_dirs:
        names = _listed([str(run_dir) for run_dir in run_dirs])
        raise UsageError("there are several runs here", where=said, hint=f"name one: {names}")
    if found.problems:
        raise LogFormatError("this is no run", where=said, because=found.problems[0].reason)
    raise UsageError("there is no run here", where=said)


def _matching(said: str, runs: Iterable[Overview], *, ids_only: bool) -> list[Overview]:
    if ids_only:
        return [run for run in runs if run.run_id == said]
    runs = list(runs)
    by_path = said.count("/") == _PATH_PARTS - 1
    return [run for run in runs if said == (run.path if by_path else run.name)] or [
        run for run in runs if said == run.run_id
    ]


def _readable(run: Overview) -> Overview:
    if run.writers:
        return run
    raise LogFormatError(
        "the run cannot be read", where=str(run.directory), because="; ".join(run.problems)
    )


def _refuse_unknown(
    said: str, folder: Path, runs: Sequence[Overview], unread: Sequence[str]
) -> NoReturn:
    unread = [
        *unread,
        *(f"{run.directory}: {'; '.join(run.problems)}" for run in runs if not run.writers),
    ]
    known = {text for run in runs for text in (run.run_id, run.name) if text}
    known |= {run.path for run in runs} if "/" in said else set()
    near = get_close_matches(said, sorted(known), n=3)
    if said and os.path.lexists(folder / said):
        near = [str(folder / said)]
    if near:
        hint = f"Did you mean {' or '.join(near)}?"
    elif runs:
        hint = "`tracker ls` lists the runs; a directory elsewhere can be named too."
    else:
        hint = f"There are no runs in {folder}; name a run directory."
    why = f"it may be one that cannot be read: {_listed(unread)}" if unread else None
    where = f"looked in {folder}"
    raise UsageError(f"there is no run {said!r}", where=where, because=why, hint=hint)


def _refuse_ambiguous(said: str, runs: Sequence[Overview]) -> NoReturn:
    names = _listed([str(run.directory) for run in sorted(runs, key=lambda run: run.directory)])
    raise UsageError(f"{len(runs)} runs are called {said!r}", hint=f"name one: {names}")


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _CANDIDATES
    return ", ".join(names[:_CANDIDATES]) + (f" and {more} more" if more > 0 else "")
