"""Making run directories, and removing those of runs that did not come about."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from airtape.rundir import RunDir, wandb_dir

LATEST: Final = "latest-run"
# Whatever the umask says, never writable for everybody.
_FOLDER_MODE: Final = 0o775
_GITIGNORE_MODE: Final = 0o664
"""Whatever the umask says, never writable for everybody."""


def make_wandb_dir(base: Path) -> Path:
    """Return the folder that holds the run directories below `base`; it is made if need be.

    Raises:
        OSError: It cannot be made.
    """
    folder = wandb_dir(base)
    make_top(folder)
    return folder


def make_top(folder: Path) -> None:
    """Make a folder for run directories, if it is missing.

    Raises:
        OSError: It cannot be made.
    """
    if _make_folders(folder):
        _write_gitignore(folder)


def create_run_dir(
    base: Path, run_id: str, now: datetime, *, file_mode: int | None = None
) -> RunDir:
    """Make the directory of a new run, with its `files` and `logs`, and point `latest-run` at it.

    Args:
        base: The folder that holds `wandb`; made when it is missing.
        run_id: A checked run id.
        now: The start of the run, in local time; it becomes part of the name.
        file_mode: Permissions of files to derive those of folders from, instead of the umask.

    Raises:
        OSError: The directory cannot be made.
    """
    folder = make_wandb_dir(base)
    root = _claim(folder, f"run-{now:%Y%m%d_%H%M%S}-{run_id}")
    run_dir = RunDir(root, run_id)
    made = [root]
    try:
        for inner in (run_dir.files, run_dir.logs):
            inner.mkdir(_FOLDER_MODE)
            made.append(inner)
        if file_mode is not None:
            for path in made:
                _set_mode(path, file_mode)
    except BaseException:
        # Half a directory would be taken for a run that lost its log.
        for path in reversed(made):
            with suppress(OSError):
                path.rmdir()
        raise
    _point_latest(folder, root.name)
    return run_dir


def make_folder(folder: Path, file_mode: int | None) -> None:
    """Make a further folder of a run, if it is missing.

    Args:
        folder: Its path.
        file_mode: As for `create_run_dir`.

    Raises:
        OSError: It cannot be made.
    """
    folder.mkdir(_FOLDER_MODE, exist_ok=True)
    if file_mode is not None:
        _set_mode(folder, file_mode)


def discard_run_dir(run_dir: RunDir) -> None:
    """Remove the directory of a run that did not come about; `latest-run` points elsewhere then."""
    import shutil  # noqa: PLC0415 - takes long to load, and runs seldom come to nothing

    shutil.rmtree(run_dir.root, ignore_errors=True)
    folder = run_dir.root.parent
    with suppress(OSError):
        others = [path.name for path in folder.iterdir() if path.name.startswith("run-")]
        if others:
            _point_latest(folder, max(others))
        else:
            (folder / LATEST).unlink()


def _claim(folder: Path, name: str) -> Path:
    """Make `folder/name`, or `name-1`, `name-2` … where that exists; making it is claiming it."""
    number = 0
    while True:
        root = folder / (f"{name}-{number}" if number else name)
        try:
            root.mkdir(_FOLDER_MODE)
        except FileExistsError:
            number += 1
        else:
            return root


def _make_folders(folder: Path) -> bool:
    """Make `folder` and what is missing above it; tell whether this call made `folder`."""
    if folder.parent != folder and not folder.parent.is_dir():
        _make_folders(folder.parent)
    try:
        folder.mkdir(_FOLDER_MODE)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return False
    return True


def _write_gitignore(folder: Path) -> None:
    # A convenience: that it cannot be written will show where it matters.
    with suppress(OSError):
        path = folder / ".gitignore"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _GITIGNORE_MODE)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write("*\n")


def _set_mode(folder: Path, file_mode: int) -> None:
    # Who may read may also enter; the set-group-id bit of a shared folder stays.
    kept = stat.S_IMODE(folder.stat().st_mode) & ~0o777
    folder.chmod(kept | file_mode | (file_mode & 0o444) >> 2)


def _point_latest(folder: Path, name: str) -> None:
    # Made aside and renamed, so that there is no moment without a link. File systems without
    # links do without.
    aside = folder / f".{LATEST}.{os.getpid()}.{os.urandom(4).hex()}"
    with suppress(OSError):
        aside.symlink_to(name)
        try:
            aside.replace(folder / LATEST)
        except OSError:
            aside.unlink()
