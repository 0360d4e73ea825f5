"""Making a target anew beside the old one, which it then takes the place of.

A backend of targets that stand on a disk of this machine may offer it: then its factory, the class
for example, has a method ``replacement`` that is called with what stands behind ``scheme:``.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final, Protocol

from airtape.backends.base import Backend

_LEFT_AFTER_S: Final = 86_400.0
"""After so many seconds without a change, what somebody was making is taken for left behind."""


class Replacement(Protocol):
    """A new target that stands beside an old one, which may be damaged or not there at all."""

    def open(self) -> Backend:
        """Open the new target; may be called several times.

        Raises:
            TargetError: It cannot be made.
        """

    def swap(self) -> Path | None:
        """Put the new target in the place of the old one, at once for whoever opens it.

        Returns:
            Where the old one stands now, None if there was none.

        Raises:
            TransientError: Somebody is using the old one.
            TargetError: It cannot be replaced; both are as they were.
        """

    def discard(self) -> None:
        """Remove the new target, if it is still there."""


def new_name_beside(path: Path) -> Path:
    """Return a name for what is made in the place of a path."""
    return path.with_name(f".{path.name}.new-{os.urandom(8).hex()}")


def left_beside(path: Path) -> list[Path]:
    """Return what others were making in the place of a path when they were killed, it seems."""
    found = []
    for left in path.parent.glob(f".{path.name}.new-*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT_AFTER_S:
                found.append(left)
    return found


def old_name_beside(path: Path) -> Path:
    """Return a free name for what stood at a path until now."""
    names = (path.with_name(f"{path.name}.old{f'-{number}' * (number > 1)}") for number in count(1))
    return next(name for name in names if not os.path.lexists(name))
