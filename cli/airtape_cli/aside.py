"""Directories aside: changes of runs whose own directory could not be written, or is a copy."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from airtape.query.amendments import holds_changes_only
from airtape.run_search import Found, find_run_dirs
from airtape.rundir import has_usual_log
from airtape.sync.last_sync import state_folder

_NUMBERED: Final = re.compile(r"(.+?)(?:-\d+)?", re.DOTALL)


def with_asides(found: Found, folder: Path) -> Found:
    """Return run directories with those in which changes of their runs stand.

    Args:
        found: The directories.
        folder: Where changes are written when a run directory is read-only: the folder for runs
            that are recorded from here.
    """
    asides = [*asides_of(found.run_dirs, folder)]
    if not asides:
        return found
    return found._replace(run_dirs=sorted([*found.run_dirs, *asides], key=str))


def edits_folder() -> Path | None:
    """Return where changes of copies are kept, too: the user's; None where there is no home."""
    folder = state_folder(os.environ)
    return None if folder is None else folder / "edits"


def asides_of(run_dirs: Iterable[Path], folder: Path) -> Iterator[Path]:
    """Yield the directories with changes of runs that stand in other folders.

    Args:
        run_dirs: The directories of the runs.
        folder: As for `with_asides`; the user's own folder is looked at, too.
    """
    run_dirs = list(run_dirs)
    yield from _asides_in(folder, run_dirs)
    kept = edits_folder()
    if kept is not None and kept.is_dir():
        yield from _asides_in(kept, run_dirs)


def _asides_in(folder: Path, run_dirs: list[Path]) -> Iterator[Path]:
    # There may be 10,000 run directories, but only a few folders.
    places = {parent: os.path.realpath(parent) for parent in {path.parent for path in run_dirs}}
    here = os.path.realpath(folder)
    if not set(places.values()) - {here}:
        return
    names = {path.name for path in run_dirs if places[path.parent] != here}
    known = {path.name for path in run_dirs if places[path.parent] == here}
    for path in find_run_dirs([folder]).run_dirs:
        said = _NUMBERED.fullmatch(path.name)
        belongs = path.name in names or (said is not None and said[1] in names)
        # A copy of the run beside it has the log of the first writer.
        is_copy = path.name in known or has_usual_log(path)
        if belongs and not is_copy and holds_changes_only(path):
            yield path
