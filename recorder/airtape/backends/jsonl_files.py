"""Writing the files of a directory of JSON lines: each is there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from airtape.whole_file import sync_folder


def make_folders(folder: Path, top: Path) -> None:
    """Make a folder and what is missing above it, so that it survives a power loss."""
    if folder != top and not folder.is_dir():
        make_folders(folder.parent, top)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def aside_of(path: Path) -> Path:
    """Return where to write a file before it gets its name."""
    return path.with_name(f".{path.name}.{os.urandom(8).hex()}")


def publish_new(path: Path, lines: Iterable[str]) -> bool:
    """Write a file that survives a power loss, unless there is one; tell whether it was written."""
    aside = aside_of(path)
    try:
        _write(aside, lines)
        is_first = give_name(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    if is_first:
        sync_folder(path.parent)
    return is_first


def _write(path: Path, lines: Iterable[str]) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def give_name(aside: Path, path: Path) -> bool:
    """Give a file its name, unless that is taken; tell whether it has it."""
    try:
        path.hardlink_to(aside)
    except FileNotFoundError:
        # Somebody whose batch came first has swept ours away.
        return False
    except OSError:
        # Over a network a call may be carried out and fail all the same.
        if not path.exists():
            raise
        try:
            return path.samefile(aside)
        except FileNotFoundError:
            # Swept away in this very moment.
            return False
    return True
