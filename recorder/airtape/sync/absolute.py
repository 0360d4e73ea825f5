"""The absolute paths of run directories, thousands of which may be named from where one is."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path


class Absolute:
    """Tells absolute paths; where one is, the system is asked once, and only for a relative one."""

    def __call__(self, path: Path) -> str:
        """Return an absolute path, as `Path.absolute` does.

        Raises:
            OSError: The path is relative, and there is no current directory any more.
        """
        return str(path if path.is_absolute() else self._here / path)

    @cached_property
    def _here(self) -> Path:
        return Path.cwd()
