"""Removing a run's logs and files: there is the run, or what is left of it, at any time.

What is left is made in a directory beside, and takes the place of the run directory. Whoever is
killed between leaves names that begin with ``.cleaned-`` and ``.left-``; the next one tidies up.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from airtape.cleaned import Cleaned, encode_cleaned, stub_path
from airtape.cleaning.plan import Candidate, looks_of, run_of
from airtape.errors import TargetError
from airtape.fold.merge import Part
from airtape.receipts.kept import write_whole

_ASIDE: Final = ".cleaned-"
_LEFT: Final = ".left-"
_KEPT: Final = ("config.yaml", "wandb-summary.json")


def tidy_up(folders: Iterable[Path]) -> None:
    """Finish what was begun by somebody who was killed.

    Args:
        folders: The folders of run directories.

    Raises:
        TargetError: Something cannot be moved.
    """
    for folder in folders:
        for left in sorted(folder.glob(f"{_LEFT}run-*")):
            run_dir = folder / left.name.removeprefix(_LEFT)
            try:
                if run_dir.exists():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.rename(run_dir)
            except OSError as error:
                raise _refusal(left, error) from error
        for aside in sorted(folder.glob(f"{_ASIDE}run-*")):
            shutil.rmtree(aside, ignore_errors=True)


def clean(candidate: Candidate, *, now_ns: int, stub: bool) -> bool:
    """Remove a run that may be cleaned; tell whether it was, and not written to since.

    Args:
        candidate: The run.
        now_ns: The wall clock in nanoseconds since 1970.
        stub: Whether something is to be left of it.

    Raises:
        TargetError: It cannot be removed, or nothing be left of it; the run is there.
    """
    *older, newest = candidate.directories
    try:
        run = run_of(candidate)
        parts = [] if run is None else [Part(one.header, one.fold()) for one in run.writers]
    except OSError as error:
        raise _refusal(newest, error) from error
    if not parts:
        return False
    left = _leave(candidate, newest, parts, now_ns) if stub else None
    moved: list[tuple[Path, Path]] = []
    try:
        # The newest one last: it says what the run is until then.
        for run_dir in (*older, newest):
            aside = run_dir.with_name(f"{_ASIDE}{run_dir.name}")
            run_dir.rename(aside)
            moved.append((run_dir, aside))
        if looks_of(aside for _, aside in moved) != candidate.looks:
            _move_back(moved, left)
            return False
        if left is not None:
            left.rename(newest)
    except OSError as error:
        _move_back(moved, left)
        raise _refusal(newest, error) from error
    for _, aside in moved:
        shutil.rmtree(aside, ignore_errors=True)
    return True


def _leave(candidate: Candidate, newest: Path, parts: Sequence[Part], now_ns: int) -> Path:
    """Make what is left of a run, beside it."""
    left = newest.with_name(f"{_LEFT}{newest.name}")
    shutil.rmtree(left, ignore_errors=True)
    run_id = candidate.incarnation.run_id
    cleaned = Cleaned(
        run_id,
        candidate.overview.state,
        parts,
        now_ns,
        candidate.receipts,
        candidate.size,
    )
    try:
        left.mkdir()
        for name in _KEPT:
            if (newest / "files" / name).is_file():
                (left / "files").mkdir(exist_ok=True)
                shutil.copy2(newest / "files" / name, left / "files" / name, follow_symlinks=False)
        shutil.copystat(newest, left)
    except OSError as error:
        raise _refusal(left, error) from error
    write_whole(stub_path(left, run_id), encode_cleaned(cleaned))
    return left


def _move_back(moved: Iterable[tuple[Path, Path]], left: Path | None) -> None:
    for run_dir, aside in moved:
        with suppress(OSError):
            aside.rename(run_dir)
    if left is not None:
        shutil.rmtree(left, ignore_errors=True)


def _refusal(path: Path, error: OSError) -> TargetError:
    return TargetError(
        "the run cannot be cleaned",
        where=os.fspath(error.filename or path),
        because=error.strerror or str(error),
    )
