"""Making a directory of JSON lines anew beside the old one, and putting it in its place."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from airtape.backends.base import Backend
from airtape.backends.content_folder import FILES, ContentFolder
from airtape.backends.replacement import left_beside, new_name_beside, old_name_beside
from airtape.errors import TargetError

_HERE: Final = -100  # AT_FDCWD
_EXCHANGE: Final = 2  # RENAME_EXCHANGE


class JsonlReplacement:
    """A new directory beside an old one; see `airtape.backends.replacement.Replacement`.

    Args:
        path: The old directory; where it is a link, what that leads to is replaced.
        open_directory: Opens a new directory that takes the place of an old one.
    """

    def __init__(self, path: Path, open_directory: Callable[[Path, Path], Backend]) -> None:
        self._path = Path(os.path.realpath(path))
        self._new = new_name_beside(self._path)
        self._open_directory = open_directory
        for left in left_beside(self._path):
            shutil.rmtree(left, ignore_errors=True)

    def open(self) -> Backend:
        """Open the new directory."""
        return self._open_directory(self._new, self._path)

    def swap(self) -> Path | None:
        """Put the new directory in the place of the old one."""
        try:
            self._new.mkdir(exist_ok=True)
            if not self._path.exists():
                self._new.rename(self._path)
                return None
            # Content that no run directory has any more is not lost by it.
            ContentFolder(self._new / FILES).take_over(ContentFolder(self._path / FILES))
            kept = old_name_beside(self._path)
            if _exchange(self._new, self._path):
                self._new.rename(kept)
            else:
                # For a moment there is no directory.
                self._path.rename(kept)
                self._new.rename(self._path)
        except OSError as error:
            raise TargetError(
                "the old directory cannot be replaced",
                where=str(self._path),
                because=error.strerror or str(error),
            ) from error
        return kept

    def discard(self) -> None:
        """Remove the new directory, if it is still there."""
        shutil.rmtree(self._new, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Let two directories change places at once; False where the system cannot do that."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    if rename is None:
        return False
    done: int = rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE)
    return done == 0
