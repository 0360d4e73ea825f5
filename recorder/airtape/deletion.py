"""Deleting runs: a tombstone first, then the directories."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from airtape.errors import TargetError
from airtape.fetched import fetched_path, read_fetched
from airtape.new_rundir import discard_run_dir
from airtape.predecessors import root_of
from airtape.rundir import RunDir
from airtape.tombstones import Tombstone, bury

_ASIDE: Final = ".deleted-"


def bury_run(run_dirs: Iterable[Path], stone: Tombstone) -> None:
    """Put a tombstone into each folder that holds a directory of a run.

    Raises:
        TargetError: It cannot be written.
    """
    for folder in dict.fromkeys(run_dir.parent for run_dir in run_dirs):
        bury(folder, stone)


def remove_run_dirs(run_dirs: Iterable[Path], run_id: str) -> None:
    """Remove the directories of a run, each at once for whoever looks for runs.

    Args:
        run_dirs: The directories.
        run_id: The run's id.

    Raises:
        TargetError: One of them cannot be removed.
    """
    run_dirs = [*run_dirs]
    for folder in {run_dir.parent for run_dir in run_dirs}:
        for left in folder.glob(f"{_ASIDE}*"):
            # Somebody was interrupted here.
            shutil.rmtree(left, ignore_errors=True)
    for run_dir in run_dirs:
        aside = run_dir.with_name(f"{_ASIDE}{run_dir.name}")
        try:
            run_dir.rename(aside)
        except OSError as error:
            raise _refusal(run_dir, error.strerror or str(error)) from error
        discard_run_dir(RunDir(aside, run_id))
        if aside.exists():
            raise _refusal(aside, "some of its files cannot be removed")


def remove_fetched(folders: Iterable[Path], run_id: str, roots: Collection[bytes]) -> None:
    """Remove what was fetched of a run.

    Args:
        folders: The folders of its directories.
        run_id: The run's id.
        roots: Uuids of the writers that began it; a copy of another run with its id stays.

    Raises:
        LogFormatError: What was fetched cannot be read, so that it is unknown of which run it is.
        TargetError: It cannot be removed.
    """
    for folder in folders:
        if any(root_of(writer.header) in roots for writer in read_fetched(folder, run_id)):
            copy = fetched_path(folder, run_id).parent
            shutil.rmtree(copy, ignore_errors=True)
            if copy.exists():
                raise _refusal(copy, "some of its files cannot be removed")


def _refusal(path: Path, because: str) -> TargetError:
    return TargetError("the run directory cannot be removed", where=str(path), because=because)
