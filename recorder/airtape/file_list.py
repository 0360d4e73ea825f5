"""The files of a run, as they lie in its directory."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

PARTIAL: Final = ".part"
"""Ending of a file that is being written, or was when its writer was killed."""


class RunFile(NamedTuple):
    """A file of a run: its path below ``files/`` with slashes, and its size in bytes."""

    path: str
    size: int


def list_files(run_dir: Path) -> list[RunFile]:
    """Return the files of a run, sorted by path.

    Links are not followed, nor listed; nor is a file of which a part was written only.
    """
    top = run_dir / "files"
    return sorted(_files_below(str(top), len(str(top)) + 1))


def _files_below(folder: str, prefix: int) -> Iterator[RunFile]:
    for parent, _, names in os.walk(folder):
        for name in names:
            if is_partial(name):
                continue
            path = os.path.join(parent, name)  # noqa: PTH118 - Path takes ten times as long
            try:
                status = os.lstat(path)
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield RunFile(path[prefix:].replace(os.sep, "/"), status.st_size)


def is_partial(name: str) -> bool:
    """Tell whether the recorder has not written a file of this name to its end."""
    return name.startswith(".") and name.endswith(PARTIAL)
