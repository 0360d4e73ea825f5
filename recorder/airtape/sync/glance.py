"""A first look at a run directory: is there anything to read, and how much?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airtape.backends.base import DirectoryHint
from airtape.rundir import log_files

SETTLED_NS = 2_000_000_000
"""A directory that changed so recently may change again without its time showing it."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What a run directory looks like.

    Attributes:
        path: The run directory.
        mtime_ns: Its modification time.
        logs: Size and modification time of its logs, by path, in the order of `log_files`.
        hint: What it looked like when it was synced, if it was.
        unchanged: Whether it looks the same, and nothing can follow.
    """

    path: Path
    mtime_ns: int
    logs: Mapping[Path, tuple[int, int]] = field(default_factory=dict)
    hint: DirectoryHint | None = None
    unchanged: bool = False

    @property
    def size(self) -> int:
        """Number of bytes that are new, about."""
        known = {} if self.hint is None else self.hint.files
        return sum(
            max(0, size - known[path.name].size) if path.name in known else size
            for path, (size, _) in self.logs.items()
        )


def glance(path: Path, hint: DirectoryHint | None, *, trust: bool) -> Glance:
    """Look at a run directory; three calls to the system for one that looks as before.

    Args:
        path: The run directory.
        hint: What it looked like when it was synced, if it was.
        trust: Whether the hint, if there is one, may tell that there is nothing to read.

    Raises:
        OSError: The directory or a log in it cannot be looked at.
    """
    mtime_ns = path.stat().st_mtime_ns
    if trust and hint is not None and hint.mtime_ns == mtime_ns and _is_done(path, hint):
        return Glance(path, mtime_ns, hint=hint, unchanged=True)
    return Glance(path, mtime_ns, {log: _looks(log) for log in log_files(path)}, hint)


def _looks(path: Path | str) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_size, status.st_mtime_ns


def _is_done(path: Path, hint: DirectoryHint) -> bool:
    top = str(path)  # joining text is a good part faster, and there may be 10,000 of them
    try:
        return bool(hint.files) and all(
            said.done and _looks(f"{top}/{name}") == (said.size, said.mtime_ns)
            for name, said in hint.files.items()
        )
    except FileNotFoundError:
        return False


def is_settled(mtime_ns: int, now_ns: int) -> bool:
    """Tell whether a change that came later would show in the modification time."""
    return mtime_ns + SETTLED_NS < now_ns
